"""The model file: what is written, what is read back, and what is refused."""

import errno
import json
import os
import re
from contextlib import contextmanager

import numpy as np
import pytest
import safetensors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file

from sklux._utils import model_file
from sklux._utils.memory import is_mapped
from sklux._utils.model_file import (
    FORMAT_VERSION,
    MAX_CONTAINERS,
    MAX_VALUES,
    METADATA_KEY,
    checksum,
    header_digest,
    is_json,
    json_params,
    parsed_json,
    read_model,
    state_checksum,
    write_model,
)

DTYPES = "bool u1 i1 u2 i2 f2 u4 i4 f4 u8 i8 f8".split()
ARRAYS = hnp.arrays(
    st.sampled_from(DTYPES).map(np.dtype),
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
NAMES = st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda name: name != "__metadata__")
TENSORS = {
    "a": np.arange(12, dtype=np.float32).reshape(3, 4),
    "b": np.arange(5, dtype=np.int64),
    "empty": np.empty((0, 3), dtype=np.float32),
}
STATE = {"name": "model", "values": [1, 2.5, None, "\ud800"]}


def assert_same_tensors(tensors, expected):
    """Assert equal names, types, shapes and bits."""
    assert set(tensors) == set(expected)
    for name, array in expected.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape
        assert tensors[name].tobytes() == array.tobytes()


def written(folder):
    """A small model file."""
    path = folder / "model.sklux"
    write_model(path, TENSORS, STATE)
    return path


def read(path, **params):
    """Read with all checks, unless parameters are given."""
    return read_model(path, **({"mmap_mode": None, "verify": True} | params))


def with_header(path, change):
    """Rewrite a file with a changed header and the right length of the header."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header = json.dumps(change(header)).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    return path


def with_metadata(path, **changes):
    """Rewrite a file with other entries in the metadata of sklux."""

    def change(header):
        document = json.loads(header["__metadata__"][METADATA_KEY])
        header["__metadata__"][METADATA_KEY] = json.dumps(document | changes)
        return header

    return with_header(path, change)


@contextmanager
def refused(path, how):
    """A context that must end with the error for a damaged file, which names it."""
    with pytest.raises(ValueError) as caught:
        yield
    expected = f"{str(path)!r} is not a complete sklux model file: {how}. Save the "
    expected += "model again, or copy the file again."
    assert str(caught.value) == expected


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, ARRAYS, max_size=4), st.dictionaries(st.text(), JSON))
def test_model_file_round_trip(tmp_path_factory, mmap_mode, tensors, state):
    path = tmp_path_factory.mktemp("round_trip") / "model.sklux"
    write_model(path, tensors, state)
    found, found_state = read(path, mmap_mode=mmap_mode)
    assert_same_tensors(found, tensors)
    assert found_state == state


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12.0)[::2],
        np.array(3.0),
        np.arange(3, dtype=">f4"),
    ],
    ids=["fortran", "strided", "scalar", "big_endian"],
)
def test_model_file_round_trip_of_unusual_layouts(tmp_path, array):
    write_model(tmp_path / "model", {"array": array}, {})
    found = read(tmp_path / "model")[0]["array"]
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


def test_model_file_path_may_be_str(tmp_path):
    path = str(tmp_path / "model")
    write_model(path, TENSORS, STATE)
    assert_same_tensors(read(path)[0], TENSORS)


def test_model_file_file_is_safetensors(tmp_path):
    path = written(tmp_path)
    assert_same_tensors(load_file(path), TENSORS)
    with safetensors.safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()[METADATA_KEY])
    assert document["format_version"] == FORMAT_VERSION
    assert document["state"] == STATE


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, ARRAYS, max_size=5), st.dictionaries(st.text(), JSON))
def test_model_file_has_the_bytes_of_safetensors(tmp_path_factory, tensors, state):
    path = tmp_path_factory.mktemp("bytes") / "model.sklux"
    write_model(path, tensors, state)
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert path.read_bytes() == safetensors.numpy.save(tensors, metadata=metadata)


@pytest.mark.parametrize("name", ["a", "b", "bytes"])
def test_model_file_tensor_begins_at_a_cache_line(tmp_path, name):
    path = tmp_path / "model"
    tensors = TENSORS | {"bytes": np.arange(7, dtype=np.uint8)}
    write_model(path, tensors, STATE, aligned_tensor=name)
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    begin = start + header[name]["data_offsets"][0]
    assert begin % 64 == 0
    assert_same_tensors(read(path)[0], tensors)


def test_model_file_same_model_same_file(tmp_path):
    first = written(tmp_path).read_bytes()
    assert written(tmp_path).read_bytes() == first


def test_model_file_existing_file_is_replaced(tmp_path):
    path = written(tmp_path)
    write_model(path, {"c": np.ones(2)}, {})
    assert set(read(path)[0]) == {"c"}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("No space left on device"), OSError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["os", "interrupt"],
)
def test_model_file_failing_write_leaves_the_old_file(
    tmp_path, monkeypatch, error, expected
):
    path = written(tmp_path)
    before = path.read_bytes()

    def save_half(path, header, arrays):
        path.write_bytes(before[: len(before) // 2])
        raise error

    monkeypatch.setattr(model_file, "_write_file", save_half)
    with pytest.raises(expected):
        write_model(path, {"c": np.ones(2)}, {})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_model_file_failing_write_names_the_file(tmp_path, monkeypatch):
    def fail(path, header, arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(model_file, "_write_file", fail)
    path = tmp_path / "model"
    with pytest.raises(
        OSError,
        match=f"The model file {re.escape(repr(str(path)))} cannot be written: .*No sp",
    ):
        write_model(path, TENSORS, STATE)


def test_model_file_missing_folder(tmp_path):
    path = tmp_path / "folder" / "model"
    folder = re.escape(str(tmp_path / "folder"))
    with pytest.raises(
        FileNotFoundError, match=f"the folder {folder} does not exist. Create it first"
    ):
        write_model(path, TENSORS, STATE)


def test_model_file_path_of_a_folder(tmp_path):
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        write_model(tmp_path, TENSORS, STATE)
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        read(tmp_path)
    assert list(tmp_path.parent.glob("*.partial")) == []


def test_model_file_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="model"):
        read(tmp_path / "model")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "It is empty"),
        (b"short", "It begins with b'short'"),
        (b"id,text\n1,a\n", r"It begins with b'id,text\n1,a\n'"),
        (b"PK\x03\x04" + bytes(100), "(a ZIP archive, such as an Excel or .npz file)"),
        (b"PAR1" + bytes(100), "(a Parquet file)"),
        (bytes(64), "It begins with b'"),
        ((2).to_bytes(8, "little") + b"[]", "It begins with b'"),
        ((4).to_bytes(8, "little") + b"null", "It begins with b'"),
        ((2).to_bytes(8, "little") + b"\xff\xfe", "It begins with b'"),
        ((2**63).to_bytes(8, "little") + b"{}", "It begins with b'"),
        ((2).to_bytes(8, "little") + b"{}", "a safetensors file of another library"),
    ],
)
def test_model_file_of_another_kind_shows_its_beginning(tmp_path, content, found):
    path = tmp_path / "model"
    path.write_bytes(content)
    for verify in (True, False):
        with pytest.raises(ValueError, match="Name a file that `save`") as caught:
            read(path, verify=verify)
        assert f"{str(path)!r} is not a sklux model file" in str(caught.value)
        assert found in str(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{\xff}", "its header is not JSON"),
        (b"{}", "its header is longer than the file"),
        (b'{"__metadata__": {"sklux": "{"}}', "its sklux metadata cannot be read"),
        (b'{"a": [' + b"1," * (MAX_VALUES + 1) + b"1]}", "its header is not JSON"),
    ],
)
def test_model_file_damaged_header(tmp_path, header, message):
    path = tmp_path / "model"
    length = 3 if "longer" in message else len(header)
    path.write_bytes(length.to_bytes(8, "little") + header)
    with refused(path, message):
        read(path)


def test_model_file_safetensors_file_of_another_library(tmp_path):
    safetensors.numpy.save_file(TENSORS, tmp_path / "model", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="is not a sklux .* file of another library"):
        read(tmp_path / "model")


def test_model_file_newer_version(tmp_path):
    path = with_metadata(written(tmp_path), format_version=FORMAT_VERSION + 1)
    with pytest.raises(
        ValueError,
        match=f"format version {FORMAT_VERSION + 1}, but this version of sklux reads up"
        f" to {FORMAT_VERSION}. Upgrade sklux",
    ):
        read(path)


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION))
def test_model_file_earlier_version(tmp_path, version):
    path = with_metadata(written(tmp_path), format_version=version)
    assert_same_tensors(read(path)[0], TENSORS)


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5])
def test_model_file_invalid_version(tmp_path, version):
    path = with_metadata(written(tmp_path), format_version=version)
    with refused(path, f"its format version is {version!r}"):
        read(path)


@pytest.mark.parametrize("changes", [{"state": None}, {"checksums": []}])
def test_model_file_incomplete_metadata(tmp_path, changes):
    path = with_metadata(written(tmp_path), **changes)
    with refused(path, "its metadata is incomplete"):
        read(path, verify=False)


def test_model_file_changed_metadata(tmp_path):
    path = with_metadata(written(tmp_path), state={"name": "other"})
    with refused(path, "the checksum of its metadata does not match"):
        read(path, verify=False)


@pytest.mark.parametrize("checksums", [{}, {"a": "0", "b": "0", "other": "0"}])
def test_model_file_tensors_that_are_not_listed(tmp_path, checksums):
    path = with_metadata(written(tmp_path), checksums=checksums)
    with refused(path, "its tensors differ from the list of its checksums"):
        read(path, verify=False)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 52]},
        {"dtype": "F64", "shape": [3, 4], "data_offsets": [0, 48]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [-48, 0]},
        {"dtype": "F32", "shape": [-3, -4], "data_offsets": [0, 48]},
        {"dtype": "U8", "shape": [-1], "data_offsets": [1, 0]},
        {"dtype": "U8", "shape": [-1], "data_offsets": [0, 1]},
        {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [10**6, 10**6 + 48]},
        {"dtype": "F99", "shape": [3, 4], "data_offsets": [0, 48]},
        {"dtype": ["F32"], "shape": [3, 4], "data_offsets": [0, 48]},
        {"dtype": "F32", "shape": None, "data_offsets": [0, 48]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [0]},
        {"dtype": "F32", "shape": [float("inf")], "data_offsets": [0, 48]},
        {"dtype": "F32", "shape": [3, 4]},
        [],
        None,
        7,
    ],
)
@pytest.mark.parametrize("verify", [True, False])
def test_model_file_entry_that_does_not_fit(tmp_path, entry, verify):
    """Offsets are always checked: a wrong offset would read outside the file."""
    path = with_header(written(tmp_path), lambda header: header | {"a": entry})
    name = re.escape(repr(str(path)))
    message = f"^{name} is not a complete sklux model file: .*'a'"
    with pytest.raises(ValueError, match=message):
        read(path, mmap_mode="r", verify=verify)


FORGED_ENTRIES = {
    "overlap": (
        {"other": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}},
        "the bytes of 'other' and 'b' overlap",
    ),
    "gap": ({"b": None}, "bytes before 'a' belong to no tensor"),
    "end": ({"a": None, "empty": None}, "bytes follow its last tensor"),
    "long_number": ({"a": {"shape": [int("9" * 4000)]}}, "its header is not JSON"),
    "float": (
        {"a": {"dtype": "F32", "shape": [12.0], "data_offsets": [40, 88]}},
        "the entry of 'a' cannot be read",
    ),
    "dimensions": (
        {"a": {"dtype": "F32", "shape": [12] + [1] * 60, "data_offsets": [40, 88]}},
        "the shape of 'a' does not fit its offsets",
    ),
    "absurd": (
        {"empty": {"dtype": "F32", "shape": [0, 10**90], "data_offsets": [88, 88]}},
        "the shape of 'empty' is too large",
    ),
    "product": (
        {"a": {"dtype": "U8", "shape": [10**90] * 8, "data_offsets": [40, 88]}},
        "the shape of 'a' does not fit its offsets",
    ),
}


@pytest.mark.parametrize("kind", FORGED_ENTRIES)
@pytest.mark.parametrize("verify", [True, False])
def test_model_file_forged_entry_is_refused(tmp_path, kind, verify):
    entries, message = FORGED_ENTRIES[kind]

    def forged(header):
        kept = {name: entry for name, entry in header.items() if name not in entries}
        return kept | {name: entry for name, entry in entries.items() if entry}

    path = with_header(written(tmp_path), forged)
    with refused(path, message):
        read(path, mmap_mode="r", verify=verify)


@pytest.mark.parametrize(
    "value", [[[]] * (MAX_CONTAINERS + 1), [0] * (MAX_VALUES + 2)], ids=["[]", "0"]
)
def test_model_file_state_of_too_many_values_is_refused(tmp_path, value):
    """They need many times the memory of the file."""
    path = with_metadata(written(tmp_path), state={"value": value})
    with pytest.raises(ValueError, match="cannot be read|not JSON"):
        read(path)


@pytest.mark.parametrize("kind", [str, str.encode])
def test_model_file_limits_of_json(kind):
    lists = "[" + "[]," * (MAX_CONTAINERS - 2) + "[]]"
    objects = "[" + "{}," * (MAX_CONTAINERS - 2) + "{}]"
    values = "[" + "1," * MAX_VALUES + "1]"
    for text in (lists, objects, values):
        parsed_json(kind(text))
    for text in (f"[{lists}]", f"[{objects}]", values.replace("]", ",1]")):
        with pytest.raises(ValueError, match=r"^the JSON has too many values\.$"):
            parsed_json(kind(text))
    assert parsed_json(kind("9" * 100)) == int("9" * 100)
    with pytest.raises(ValueError, match=r"^a number of the JSON has 101 digits\.$"):
        parsed_json(kind("9" * 101))


def test_model_file_checksums_known_answers():
    """Other bytes would make all files that exist damaged."""
    assert checksum(TENSORS["a"]) == "0af237ec6c7d9e36d7a6ca9036265add"
    assert checksum(TENSORS["a"].reshape(4, 3)) != checksum(TENSORS["a"])
    state = {"b": [1, None], "a": "x"}
    assert state_checksum(state) == "34c18138704325e65edf54b2f0683e5b"
    assert state_checksum(dict(sorted(state.items()))) == state_checksum(state)


def test_model_file_digest_of_the_header(tmp_path):
    """Files with the same tensors and state have the same digest, and no others."""
    digests = set()
    for change in ({}, {"b": np.arange(1, 6)}, {"a": np.ones((3, 4), np.float32)}):
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            path = tmp_path / folder / "model"
            write_model(path, TENSORS | change, STATE)
            digests.add(header_digest(path))
    assert len(digests) == 3 and {len(digest) for digest in digests} == {32}
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert header_digest(path) in digests
    path.write_bytes(content[:40])
    with refused(path, "its header is longer than the file"):
        header_digest(path)
    safetensors.numpy.save_file(TENSORS, path)
    with pytest.raises(ValueError, match=f"{re.escape(repr(str(path)))} is not a sk"):
        header_digest(path)


def test_model_file_state_that_is_nested_deeply_is_refused(tmp_path):
    def forged(header):
        text = header["__metadata__"][METADATA_KEY]
        nested = "[" * 100_000 + "]" * 100_000
        header["__metadata__"][METADATA_KEY] = f'{{"state": {nested}, {text[1:]}'
        return header

    with pytest.raises(ValueError, match="sklux metadata cannot be read"):
        read(with_header(written(tmp_path), forged))


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_model_file_tensors_without_alignment_are_copied(tmp_path, mmap_mode):
    path = written(tmp_path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].rstrip()
    header += b" " * (-len(header) % 8 + 1)
    size = len(header).to_bytes(8, "little")
    path.write_bytes(size + header + content[8 + length :])
    tensors, _ = read(path, mmap_mode=mmap_mode)
    assert all(array.flags.aligned for array in tensors.values())
    assert_same_tensors(tensors, TENSORS)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_model_file_truncated_at_any_length(tmp_path, verify, mmap_mode):
    content = written(tmp_path).read_bytes()
    path = tmp_path / "short"
    for length in {*range(0, len(content), 7), *range(len(content) - 60, len(content))}:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is not a (complete )?sklux model file"):
            read(path, verify=verify, mmap_mode=mmap_mode)


@pytest.fixture(scope="module")
def flip_file(tmp_path_factory):
    """A small model file, its content, and the offset of its tensors."""
    path = written(tmp_path_factory.mktemp("flip"))
    content = path.read_bytes()
    return path, content, 8 + int.from_bytes(content[:8], "little")


def changed(content, position, bits):
    """The content with some bits of one byte flipped."""
    out = bytearray(content)
    out[position] ^= bits
    return bytes(out)


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(1, 255))
def test_model_file_flipped_byte_in_a_tensor_is_found(flip_file, data, bits):
    path, content, start = flip_file
    position = data.draw(st.integers(start, len(content) - 1))
    path.write_bytes(changed(content, position, bits))
    with pytest.raises(ValueError, match="the checksum of '.*' does not match"):
        read(path)


def test_model_file_flipped_byte_anywhere_is_found(flip_file):
    """One bit of each byte; a file that reads as before is not an error."""
    path, content, _ = flip_file
    unseen = []
    for position in range(len(content)):
        path.write_bytes(changed(content, position, 1))
        try:
            tensors, state = read(path)
            assert_same_tensors(tensors, TENSORS)
            assert state == STATE
        except ValueError:
            pass
        except AssertionError:
            unseen.append((position, content[position - 9 : position + 3]))
    assert unseen == []


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(0, 255), st.sampled_from([None, "r"]))
def test_model_file_any_byte_unverified_is_read_or_refused(
    flip_file, data, byte, mmap_mode
):
    path, content, start = flip_file
    # Wrong bytes in the header are the most dangerous ones.
    position = data.draw(st.integers(0, start) | st.integers(0, len(content) - 1))
    path.write_bytes(changed(content, position, content[position] ^ byte))
    try:
        tensors, _ = read(path, verify=False, mmap_mode=mmap_mode)
    except ValueError:
        return
    for array in tensors.values():
        array.tobytes()


def test_model_file_mmap_arrays_are_read_only_views(tmp_path):
    path = written(tmp_path)
    tensors, _ = read(path, mmap_mode="r")
    for array in tensors.values():
        assert not array.flags.writeable
        assert not array.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        tensors["a"][0, 0] = 1


def test_model_file_arrays_without_mmap_are_independent_of_the_file(tmp_path):
    path = written(tmp_path)
    tensors, _ = read(path)
    path.write_bytes(bytes(path.stat().st_size))
    for array in tensors.values():
        assert array.flags.writeable
        assert not is_mapped(array)
    assert_same_tensors(tensors, TENSORS)


def test_model_file_mmap_survives_a_new_save(tmp_path):
    """The file is replaced, not overwritten: readers keep the old content."""
    path = written(tmp_path)
    tensors, _ = read(path, mmap_mode="r")
    write_model(path, {"a": np.zeros(100)}, {})
    assert_same_tensors(tensors, TENSORS)


def test_model_file_verify_false_skips_checksums(tmp_path):
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert set(read(path, verify=False)[0]) == set(TENSORS)


@pytest.mark.parametrize(
    "value", [None, True, 3, 2.5, "a", [], {}, [1, [None, {"a": [False]}]]]
)
def test_model_file_json_values_are_accepted(value):
    assert is_json(value)
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1},
        {1: 2},
        b"a",
        np.float64(1),
        [np.int64(1)],
        [(1,)],
        {"a": (1,)},
        object(),
    ],
)
def test_model_file_values_that_json_would_change_are_refused(value):
    assert not is_json(value)


def test_model_file_parameters_become_python_values():
    params = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": [1]}
    held = json_params("Owner", params)
    assert held == {"a": 0.5, "b": 3, "c": True, "d": [1]}
    assert [type(value) for value in held.values()] == [float, int, bool, list]


def test_model_file_parameter_that_json_cannot_hold_is_named():
    with pytest.raises(
        TypeError,
        match=r"^save cannot hold the parameter b=\(1, 2\) of Owner\. Use joblib\.dump",
    ):
        json_params("Owner", {"a": 1, "b": (1, 2)})
