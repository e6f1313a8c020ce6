"""Vectors written piece by piece, read back by the usual readers."""

import json
import os
import stat
from decimal import Decimal

import numpy as np
import pyarrow.parquet
import pytest

from sklux._commands.vector_files import vector_format, vector_writer

VECTORS = np.random.RandomState(0).standard_normal((25, 4)).astype(np.float32)
IDS = [f"document {i}" for i in range(25)]


def write(path, sizes, keep=True):
    with vector_writer(str(path), 4) as writer:
        begin = 0
        for size in sizes:
            part = slice(begin, begin + size)
            writer.write(VECTORS[part], {"id": IDS[part]} if keep else {})
            begin += size


def read_npy(path):
    return np.load(path), None


def read_parquet(path):
    table = pyarrow.parquet.read_table(path)
    return np.array(table["embedding"].to_pylist(), dtype=np.float32), table


def read_jsonl(path):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return np.array([row["embedding"] for row in rows], dtype=np.float32), rows


READERS = {".npy": read_npy, ".parquet": read_parquet, ".jsonl": read_jsonl}


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("sizes", [[25], [1, 24], [10, 0, 10, 5]])
def test_vector_writer_same_bits_in_any_pieces(tmp_path, suffix, sizes):
    path = tmp_path / f"vectors{suffix}"
    write(path, sizes, keep=suffix != ".npy")
    found, _ = READERS[suffix](path)
    np.testing.assert_array_equal(found, VECTORS)
    assert [other.name for other in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("sizes", [[], [0]])
def test_vector_writer_npy_without_vectors(tmp_path, sizes):
    write(tmp_path / "vectors.npy", sizes, keep=False)
    assert np.load(tmp_path / "vectors.npy").shape == (0, 4)


def test_vector_writer_parquet_without_vectors(tmp_path):
    write(tmp_path / "vectors.parquet", [])
    table = pyarrow.parquet.read_table(tmp_path / "vectors.parquet")
    assert (table.num_rows, table.column_names) == (0, ["embedding"])


def test_vector_writer_npy_can_be_mapped(tmp_path):
    write(tmp_path / "vectors.npy", [25], keep=False)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_array_equal(mapped[7], VECTORS[7])


def test_vector_writer_parquet_keeps_columns(tmp_path):
    write(tmp_path / "vectors.parquet", [20, 5])
    _, table = read_parquet(tmp_path / "vectors.parquet")
    assert table["id"].to_pylist() == IDS
    assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32(), 4)


def test_vector_writer_json_lines_keep_columns(tmp_path):
    write(tmp_path / "vectors.jsonl", [20, 5])
    _, rows = read_jsonl(tmp_path / "vectors.jsonl")
    assert [row["id"] for row in rows] == IDS


@pytest.mark.parametrize("sizes", [[], [0, 1], [2, 3]])
def test_vector_writer_known_types(tmp_path, sizes):
    """A column may be null in the first piece, or have no piece."""
    types = {
        "score": pyarrow.float32(),
        "kind": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    }
    path, start = tmp_path / "vectors.parquet", 0
    values = {"score": [None, None, 0.25, 1.5, None], "kind": [None, None, *"aba"]}
    with vector_writer(str(path), 4, types) as writer:
        for size in sizes:
            part = slice(start, start + size)
            kept = {name: column[part] for name, column in values.items()}
            writer.write(VECTORS[part], kept)
            start += size
    table = pyarrow.parquet.read_table(path)
    assert {name: table.schema.field(name).type for name in types} == types
    found = table.select(list(types)).to_pydict()
    assert found == {name: column[:start] for name, column in values.items()}


def test_vector_writer_casts_to_the_first_type(tmp_path):
    """A column has the type of its first piece; later pieces are cast."""
    path = tmp_path / "vectors.parquet"
    with vector_writer(str(path), 4) as writer:
        writer.write(VECTORS[:2], {"n": [1.5, 2.5]})
        writer.write(VECTORS[2:4], {"n": [3, 4]})
    assert pyarrow.parquet.read_table(path)["n"].to_pylist() == [1.5, 2.5, 3, 4]


def test_vector_writer_column_that_changes_its_type(tmp_path):
    path = tmp_path / "vectors.parquet"
    with pytest.raises(ValueError, match="A kept column changes its type"):
        with vector_writer(str(path), 4) as writer:
            writer.write(VECTORS[:2], {"n": [1, 2]})
            writer.write(VECTORS[2:4], {"n": ["a", "b"]})
    assert not path.exists()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"b": 3}, {"a": None}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([{"a": 1}], [{"b": 1}]),
        (True, 3),
        (3, True),
        ("7", 7),
        (7, "7"),
        (1, 1.5),
        (1, 2.0),
        (0.5, 2**60 + 1),
        (None, 1),
    ],
)
def test_vector_writer_no_value_is_changed_to_fit(tmp_path, first, then):
    with pytest.raises(ValueError, match="A kept column changes its type"):
        with vector_writer(str(tmp_path / "vectors.parquet"), 4) as writer:
            writer.write(VECTORS[:1], {"n": [first]})
            writer.write(VECTORS[1:2], {"n": [then]})


@pytest.mark.parametrize(
    ("first", "then"),
    [(1, None), ([1], []), ({"a": 1, "b": "x"}, {"b": None, "a": 2}), (0.5, 2)],
)
def test_vector_writer_values_that_fit(tmp_path, first, then):
    path = tmp_path / "vectors.parquet"
    with vector_writer(str(path), 4) as writer:
        writer.write(VECTORS[:1], {"n": [first]})
        writer.write(VECTORS[1:2], {"n": [then]})
    assert pyarrow.parquet.read_table(path)["n"].to_pylist() == [first, then]


@pytest.mark.parametrize("values", [[2**70], [1, "a"], [1, True]])
def test_vector_writer_values_that_parquet_cannot_hold(tmp_path, values):
    with pytest.raises(ValueError, match="column 'n' cannot be kept in Parquet"):
        with vector_writer(str(tmp_path / "vectors.parquet"), 4) as writer:
            writer.write(VECTORS[: len(values)], {"n": values})


def test_vector_writer_json_lines_have_no_nan(tmp_path):
    """JSON has no NaN, and most readers refuse it."""
    nan, infinity = float("nan"), float("inf")
    values = [nan, -infinity, {"a": [1.5, nan]}]
    with vector_writer(str(tmp_path / "vectors.jsonl"), 4) as writer:
        writer.write(VECTORS[:3], {"n": values})
    _, rows = read_jsonl(tmp_path / "vectors.jsonl")
    assert [row["n"] for row in rows] == [None, None, {"a": [1.5, None]}]


def test_vector_writer_json_lines_too_deep(tmp_path):
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        with vector_writer(str(tmp_path / "vectors.jsonl"), 4) as writer:
            writer.write(VECTORS[:1], {"n": [value]})


def test_vector_writer_npy_keeps_no_columns(tmp_path):
    with pytest.raises(ValueError, match=".npy file holds only vectors"):
        write(tmp_path / "vectors.npy", [25])


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_vector_writer_name_is_taken(tmp_path, suffix):
    with pytest.raises(ValueError, match="'embedding' cannot be kept"):
        with vector_writer(str(tmp_path / f"vectors{suffix}"), 4) as writer:
            writer.write(VECTORS, {"embedding": IDS})


@pytest.mark.parametrize("suffix", READERS)
def test_vector_writer_interrupted_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"vectors{suffix}"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt):
        with vector_writer(str(path), 4) as writer:
            writer.write(VECTORS, {})
            raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert [other.name for other in tmp_path.iterdir()] == [path.name]


def test_vector_writer_standard_output(capfdbinary):
    with vector_writer("-", 4) as writer:
        writer.write(VECTORS[:3], {"id": IDS[:3]})
    lines = capfdbinary.readouterr().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == IDS[:3]


def test_vector_writer_standard_output_is_closed(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(ValueError, match="Standard output is closed"):
        with vector_writer("-", 4):
            pass


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_vector_writer_keeps_the_mode(tmp_path):
    path = tmp_path / "vectors.npy"
    path.touch()
    for mode in (0o640, 0o600, 0o666):
        path.chmod(mode)
        write(path, [25], keep=False)
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="Links need a permission on Windows")
@pytest.mark.parametrize("is_there", [True, False])
def test_vector_writer_writes_through_a_link(tmp_path, is_there):
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target.npy", tmp_path / "link.npy"
    if is_there:
        target.touch()
    link.symlink_to("far/target.npy")
    write(link, [25], keep=False)
    assert link.is_symlink()
    np.testing.assert_array_equal(np.load(target), VECTORS)


@pytest.mark.parametrize("name", ["vectors", "vectors.csv"])
def test_vector_format_unknown_name(name):
    with pytest.raises(ValueError, match="does not show the format of the vectors"):
        vector_format(name)


def test_vector_writer_folder_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        with vector_writer(str(tmp_path / "none" / "vectors.npy"), 4):
            pass


ARROW_VALUES = {
    "nanoseconds": pyarrow.array(
        [1_700_000_000_123_456_789, None], pyarrow.int64()
    ).cast(pyarrow.timestamp("ns")),
    "duration": pyarrow.array([1, None], pyarrow.int64()).cast(pyarrow.duration("ns")),
    "far": pyarrow.array([2**50, None], pyarrow.int64()).cast(pyarrow.timestamp("s")),
    "decimal": pyarrow.array([None, Decimal("12345.60")], pyarrow.decimal128(10, 2)),
    "large": pyarrow.array([2**63 + 1, 0], pyarrow.uint64()),
    "map": pyarrow.array(
        [[("a", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int8())
    ),
    # pyarrow 16 cannot read such a column with a null.
    "pair": pyarrow.array([[1, 2], [3, 4]], pyarrow.list_(pyarrow.int8(), 2)),
    "bytes": pyarrow.array([b"a", None]),
}


@pytest.mark.parametrize("name", sorted(ARROW_VALUES))
def test_vector_writer_keeps_arrow_values(tmp_path, name):
    values = ARROW_VALUES[name]
    path = tmp_path / "vectors.parquet"
    with vector_writer(str(path), 4, {name: values.type}) as writer:
        writer.write(VECTORS[:1], {name: list(values[:1])})
        writer.write(VECTORS[1:2], {name: list(values[1:])})
    found = pyarrow.parquet.read_table(path)[name].combine_chunks()
    # Parquet has no times in seconds.
    assert found.cast(values.type).equals(values)


@pytest.mark.parametrize("name", sorted(ARROW_VALUES.keys() - {"bytes"}))
def test_vector_writer_json_lines_of_arrow_values(tmp_path, name):
    path = tmp_path / "vectors.jsonl"
    with vector_writer(str(path), 4) as writer:
        writer.write(VECTORS[:2], {name: list(ARROW_VALUES[name])})
    found = [json.loads(line)[name] for line in path.read_text().splitlines()]
    expected = {
        "nanoseconds": ["2023-11-14 22:13:20.123456789", None],
        "decimal": [None, "12345.60"],
        "large": [2**63 + 1, 0],
        "map": [[["a", 1]], None],
        "pair": [[1, 2], [3, 4]],
    }
    assert found == expected.get(name, found)
    assert found.count(None) == ARROW_VALUES[name].null_count
    assert found[0] is None or found[0]


def test_vector_writer_json_lines_hold_no_bytes(tmp_path):
    with pytest.raises(ValueError, match="holds bytes, which JSON lines cannot hold"):
        with vector_writer(str(tmp_path / "vectors.jsonl"), 4) as writer:
            writer.write(VECTORS[:1], {"n": [b"a"]})


def test_vector_writer_lone_surrogates(tmp_path):
    """JSON can escape them; Parquet cannot."""
    path = tmp_path / "vectors.jsonl"
    with vector_writer(str(path), 4) as writer:
        writer.write(VECTORS[:2], {"n": ["cut \ud83d", "na\u00efve"]})
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert r"cut \ud83d" in first and "na\u00efve" in second
    assert json.loads(first)["n"] == "cut \ud83d"
    with pytest.raises(ValueError, match="The column 'n' cannot be kept in Parquet"):
        with vector_writer(str(tmp_path / "vectors.parquet"), 4) as writer:
            writer.write(VECTORS[:1], {"n": ["cut \ud83d"]})


def test_vector_writer_structures_without_fields(tmp_path):
    with pytest.raises(ValueError, match="'n' cannot be kept in Parquet"):
        with vector_writer(str(tmp_path / "vectors.parquet"), 4) as writer:
            writer.write(VECTORS[:1], {"n": [{}]})
