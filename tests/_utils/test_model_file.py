"""The model file, and a vectorizer that is saved, loaded and pickled."""

import json
import os
import pickle
import re
import subprocess
import sys
import textwrap
from copy import copy
from pathlib import Path

import joblib
import numpy as np
import pytest
import safetensors
from conftest import small_vectorizer
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pieces_reference import bert_tokenizer
from safetensors.numpy import load_file
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

from sklux import (
    CachedTeacher,
    LexicalVectorizer,
    LuxicalVectorizer,
    ReLUProjection,
)
from sklux._utils.memory import is_mapped
from sklux._utils.model_file import (
    FORMAT_VERSION,
    METADATA_KEY,
    read_model,
    write_model,
)

DTYPES = "bool u1 i1 f2 u4 i4 f4 u8 i8 f8".split()
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
DOCUMENTS = [
    f"{colour} {thing} number {number}"
    for number, colour in enumerate(["red", "green", "blue", "\U0001f34e"])
    for thing in ["apple", "car", "tree", "na\u00efve"]
]
QUERIES = ["a red car", "", "unknown", "\ud800 blue", *DOCUMENTS]


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
    """Read with everything checked."""
    return read_model(path, **({"mmap_mode": None, "verify": True} | params))


def with_header(path, change):
    """Rewrite a file with another header, lengths in order."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header = json.dumps(change(header)).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])
    return path


def with_metadata(path, **changes):
    """Rewrite a file with other entries in sklux's own metadata."""

    def change(header):
        document = json.loads(header["__metadata__"][METADATA_KEY])
        header["__metadata__"][METADATA_KEY] = json.dumps(document | changes)
        return header

    return with_header(path, change)


# The file


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, ARRAYS, max_size=4), st.dictionaries(st.text(), JSON))
def test_persistence_round_trip(tmp_path_factory, mmap_mode, tensors, state):
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
def test_persistence_round_trip_of_unusual_layouts(tmp_path, array):
    write_model(tmp_path / "model", {"array": array}, {})
    found = read(tmp_path / "model")[0]["array"]
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


def test_persistence_path_may_be_str(tmp_path):
    path = str(tmp_path / "model")
    write_model(path, TENSORS, STATE)
    assert_same_tensors(read(path)[0], TENSORS)


def test_persistence_file_is_safetensors(tmp_path):
    path = written(tmp_path)
    assert_same_tensors(load_file(path), TENSORS)
    with safetensors.safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()[METADATA_KEY])
    assert document["format_version"] == FORMAT_VERSION
    assert document["state"] == STATE


def test_persistence_same_model_same_file(tmp_path):
    first = written(tmp_path).read_bytes()
    assert written(tmp_path).read_bytes() == first


def test_persistence_existing_file_is_replaced(tmp_path):
    path = written(tmp_path)
    write_model(path, {"c": np.ones(2)}, {})
    assert set(read(path)[0]) == {"c"}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (safetensors.SafetensorError("No space left on device"), OSError),
        (OSError("No space left on device"), OSError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["safetensors", "os", "interrupt"],
)
def test_persistence_failing_write_leaves_the_old_file(
    tmp_path, monkeypatch, error, expected
):
    path = written(tmp_path)
    before = path.read_bytes()

    def save_half(tensors, filename, metadata):
        filename.write_bytes(before[: len(before) // 2])
        raise error

    monkeypatch.setattr(safetensors.numpy, "save_file", save_half)
    with pytest.raises(expected):
        write_model(path, {"c": np.ones(2)}, {})
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_persistence_failing_write_names_the_file(tmp_path, monkeypatch):
    def fail(tensors, filename, metadata):
        raise safetensors.SafetensorError("No space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", fail)
    path = tmp_path / "model"
    with pytest.raises(
        OSError,
        match=f"The model file {re.escape(repr(str(path)))} cannot be written: .*No sp",
    ):
        write_model(path, TENSORS, STATE)


def test_persistence_missing_folder(tmp_path):
    path = tmp_path / "folder" / "model"
    folder = re.escape(repr(str(tmp_path / "folder")))
    with pytest.raises(
        FileNotFoundError, match=f"The folder {folder} does not exist; make it before"
    ):
        write_model(path, TENSORS, STATE)


def test_persistence_folder_in_the_place_of_the_file(tmp_path):
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        write_model(tmp_path, TENSORS, STATE)
    with pytest.raises(OSError, match=re.escape(str(tmp_path))):
        read(tmp_path)
    assert list(tmp_path.parent.glob("*.partial")) == []


def test_persistence_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="model"):
        read(tmp_path / "model")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"a text that is no model, but longer than eight bytes",
        b"PK\x03\x04" + bytes(100),
        bytes(64),
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (2).to_bytes(8, "little") + b"\xff\xfe",
        (2**63).to_bytes(8, "little") + b"{}",
    ],
)
def test_persistence_not_a_model_file(tmp_path, content):
    path = tmp_path / "model"
    path.write_bytes(content)
    for verify in (True, False):
        with pytest.raises(
            ValueError,
            match=f"{re.escape(repr(str(path)))} is not a whole sklux model file: ",
        ):
            read(path, verify=verify)


def test_persistence_safetensors_file_of_another_library(tmp_path):
    safetensors.numpy.save_file(TENSORS, tmp_path / "model", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="not a whole sklux .* has no sklux metadata"):
        read(tmp_path / "model")


def test_persistence_newer_version(tmp_path):
    path = with_metadata(written(tmp_path), format_version=FORMAT_VERSION + 1)
    with pytest.raises(
        ValueError,
        match=f"format version {FORMAT_VERSION + 1}, but this version of sklux reads up"
        f" to {FORMAT_VERSION}. Upgrade sklux",
    ):
        read(path)


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5])
def test_persistence_version_that_is_none(tmp_path, version):
    path = with_metadata(written(tmp_path), format_version=version)
    with pytest.raises(ValueError, match="its format version is"):
        read(path)


@pytest.mark.parametrize("changes", [{"state": None}, {"checksums": []}])
def test_persistence_incomplete_metadata(tmp_path, changes):
    path = with_metadata(written(tmp_path), **changes)
    with pytest.raises(ValueError, match="its metadata is incomplete"):
        read(path, verify=False)


@pytest.mark.parametrize("checksums", [{}, {"a": "0", "b": "0", "other": "0"}])
def test_persistence_tensors_that_are_not_listed(tmp_path, checksums):
    path = with_metadata(written(tmp_path), checksums=checksums)
    with pytest.raises(ValueError, match="its tensors are not those it lists"):
        read(path, verify=False)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 52]},
        {"dtype": "F64", "shape": [3, 4], "data_offsets": [0, 48]},
        {"dtype": "F32", "shape": [3, 4], "data_offsets": [-48, 0]},
        {"dtype": "F32", "shape": [-3, -4], "data_offsets": [0, 48]},
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
def test_persistence_entry_that_does_not_fit(tmp_path, entry, verify):
    """Offsets are checked in any case: a wrong one would read foreign memory."""
    path = with_header(written(tmp_path), lambda header: header | {"a": entry})
    with pytest.raises(ValueError, match=r"not a whole sklux model file: .*'a'"):
        read(path, mmap_mode="r", verify=verify)


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_persistence_truncated_at_any_length(tmp_path, verify, mmap_mode):
    content = written(tmp_path).read_bytes()
    path = tmp_path / "short"
    for length in {*range(0, len(content), 7), *range(len(content) - 60, len(content))}:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is not a whole sklux model file"):
            read(path, verify=verify, mmap_mode=mmap_mode)


@pytest.fixture(scope="module")
def flip_file(tmp_path_factory):
    """A small model file, its content, and where its tensors begin."""
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
def test_persistence_flipped_byte_in_a_tensor_is_found(flip_file, data, bits):
    path, content, start = flip_file
    position = data.draw(st.integers(start, len(content) - 1))
    path.write_bytes(changed(content, position, bits))
    with pytest.raises(ValueError, match="the checksum of '.*' does not match"):
        read(path)


def test_persistence_flipped_byte_anywhere_is_found(flip_file):
    """Each byte, one bit; what reads as before (a space for a space) is whole."""
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
def test_persistence_any_byte_unverified_is_read_or_refused(
    flip_file, data, byte, mmap_mode
):
    path, content, start = flip_file
    # The header is where a wrong byte does most.
    position = data.draw(st.integers(0, start) | st.integers(0, len(content) - 1))
    path.write_bytes(changed(content, position, content[position] ^ byte))
    try:
        tensors, _ = read(path, verify=False, mmap_mode=mmap_mode)
    except ValueError:
        return
    for array in tensors.values():
        array.tobytes()


def test_persistence_mmap_arrays_are_read_only_views(tmp_path):
    path = written(tmp_path)
    tensors, _ = read(path, mmap_mode="r")
    for array in tensors.values():
        assert not array.flags.writeable
        assert not array.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        tensors["a"][0, 0] = 1


def test_persistence_arrays_without_mmap_are_the_readers_own(tmp_path):
    path = written(tmp_path)
    tensors, _ = read(path)
    path.write_bytes(bytes(path.stat().st_size))
    for array in tensors.values():
        assert array.flags.writeable
        assert not is_mapped(array)
    assert_same_tensors(tensors, TENSORS)


def test_persistence_mmap_survives_a_new_save(tmp_path):
    """The file is replaced, not written over: readers keep what they have."""
    path = written(tmp_path)
    tensors, _ = read(path, mmap_mode="r")
    write_model(path, {"a": np.zeros(100)}, {})
    assert_same_tensors(tensors, TENSORS)


def test_persistence_verify_false_skips_checksums(tmp_path):
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert set(read(path, verify=False)[0]) == set(TENSORS)


# A vectorizer


def fitted(**params):
    """A small fitted vectorizer."""
    embeddings = np.random.RandomState(0).normal(size=(len(DOCUMENTS), 6))
    params = {
        "projection": ReLUProjection(
            n_components=4, hidden_layer_sizes=(8,), max_iter=1
        ),
        "random_state": 0,
    } | params
    vectorizer = LuxicalVectorizer(**params)
    return vectorizer.fit(DOCUMENTS, teacher_embeddings=embeddings)


@pytest.fixture(scope="module")
def vectorizer():
    """Not to be changed."""
    return fitted()


@pytest.fixture
def saved(vectorizer, tmp_path):
    """Its file."""
    path = tmp_path / "model.sklux"
    vectorizer.save(path)
    return path


def assert_same_vectorizer(loaded, vectorizer):
    """Assert equal parameters, attributes and bits."""
    assert type(loaded) is LuxicalVectorizer
    assert loaded.transform(QUERIES).tobytes() == (
        vectorizer.transform(QUERIES).tobytes()
    )
    assert loaded.teacher_id_ == vectorizer.teacher_id_
    assert loaded.lexical_.vocabulary_ == vectorizer.lexical_.vocabulary_
    one, other = loaded.projection_, vectorizer.projection_
    for name in ("n_components_", "n_features_in_", "n_iter_"):
        assert getattr(one, name) == getattr(other, name)
    assert one.loss_curve_ == other.loss_curve_
    assert one.validation_scores_ == other.validation_scores_
    assert (
        loaded.n_teacher_documents_ == vectorizer.n_teacher_documents_ == len(DOCUMENTS)
    )
    assert loaded.report_ == vectorizer.report_
    assert loaded.report_ is not None
    assert len(one.coefs_) == len(other.coefs_)
    np.testing.assert_array_equal(one.teacher_components_, other.teacher_components_)
    assert list(loaded.get_feature_names_out()) == (
        list(vectorizer.get_feature_names_out())
    )


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_persistence_loaded_vectorizer_gives_the_same_bits(
    vectorizer, saved, verify, mmap_mode
):
    loaded = LuxicalVectorizer.load(saved, mmap_mode=mmap_mode, verify=verify)
    assert_same_vectorizer(loaded, vectorizer)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"projection": None, "n_jobs": 2, "verbose": False},
        {"lexical": TfidfVectorizer(sublinear_tf=True, dtype=np.float32)},
        {"lexical": CountVectorizer(ngram_range=(1, 2), stop_words=["red"])},
        {"lexical": TfidfVectorizer(vocabulary=["red", "car", "tree"], use_idf=False)},
        {"projection": ReLUProjection(hidden_layer_sizes=(), n_components=3)},
        {"projection": ReLUProjection(hidden_layer_sizes=(8, 5), n_components=3)},
        {"projection": ReLUProjection(hidden_layer_sizes=np.array([8]), max_iter=1)},
        {"projection": ReLUProjection(loss={"cosine": 1, "similarity_kl": 0.5})},
        {"projection": ReLUProjection(corpus_weight=0, dropout=0)},
        {"teacher_sample_size": 7},
        {"teacher_sample_size": None},
        {"random_state": None},
    ],
    ids=lambda params: "-".join(params) or "given",
)
def test_persistence_round_trip_of_a_vectorizer(tmp_path, params):
    vectorizer = fitted(**params)
    vectorizer.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert_same_vectorizer(loaded, vectorizer)
    for name in ("lexical", "projection"):
        assert (getattr(loaded, name) is None) == (getattr(vectorizer, name) is None)


def test_persistence_loaded_vectorizer_has_the_same_parameters(tmp_path):
    vectorizer = fitted(
        lexical=TfidfVectorizer(ngram_range=(1, 2)),
        projection=ReLUProjection(
            4,
            hidden_layer_sizes=(8,),
            loss={"cosine": 1.0, "similarity_kl": 0.5},
            corpus_weight=0.3,
            contrastive_weight=0.2,
            contrastive_temperature=0.1,
            dropout=0.4,
        ),
        teacher_sample_size=7,
        n_jobs=2,
    )
    vectorizer.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    expected = vectorizer.get_params()
    found = loaded.get_params()
    for name in ("lexical", "projection"):
        assert type(found.pop(name)) is type(expected.pop(name))
    assert found == expected
    assert loaded.projection_.get_params() == vectorizer.projection_.get_params()
    assert loaded.lexical_.get_params() == vectorizer.lexical_.get_params()


@pytest.mark.parametrize(
    "params",
    [
        {"random_state": np.int64(3)},
        {"n_jobs": np.int64(2)},
        {"teacher_sample_size": np.int64(7)},
        {"projection": ReLUProjection(4, loss={"cosine": np.float32(2)}, max_iter=1)},
    ],
    ids=lambda params: "-".join(params),
)
def test_persistence_numpy_scalars_as_parameters(tmp_path, params):
    """As for the stages' own parameters."""
    vectorizer = fitted(**params)
    vectorizer.save(tmp_path / "model")
    assert_same_vectorizer(LuxicalVectorizer.load(tmp_path / "model"), vectorizer)


def test_persistence_loaded_vectorizer_is_cloned_and_fitted_anew(vectorizer, saved):
    loaded = LuxicalVectorizer.load(saved)
    embeddings = np.random.RandomState(0).normal(size=(len(DOCUMENTS), 6))
    again = clone(loaded).fit(DOCUMENTS, teacher_embeddings=embeddings)
    np.testing.assert_array_equal(
        again.transform(QUERIES), vectorizer.transform(QUERIES)
    )


def test_persistence_documents_not_taught_are_counted_in_the_file(tmp_path):
    embeddings = np.random.RandomState(0).normal(size=(len(DOCUMENTS), 6))
    embeddings[:6] = np.nan
    with pytest.warns(UserWarning, match="6 of 16 documents are not taught"):
        vectorizer = small_vectorizer().fit(DOCUMENTS, teacher_embeddings=embeddings)
    vectorizer.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert loaded.n_teacher_documents_ == 10
    assert loaded.report_ == vectorizer.report_
    assert loaded._repr_html_().endswith(vectorizer.report_._repr_html_())


def test_persistence_file_without_report_stays_readable(vectorizer, saved):
    """Of a version that had neither reports nor documents that were not taught."""
    tensors, state = read(saved)
    for name in ("n_taught", "report"):
        del state["projection_"][name]
    later = "corpus_weight contrastive_weight contrastive_temperature dropout"
    for name in later.split():
        del state["projection_"]["params"][name]
    del state["params"]["teacher_sample_size"], state["params"]["teacher_words"]
    del state["n_taught_terms"]
    write_model(saved, tensors, state)
    loaded = LuxicalVectorizer.load(saved)
    np.testing.assert_array_equal(
        loaded.transform(QUERIES), vectorizer.transform(QUERIES)
    )
    assert loaded.n_teacher_documents_ == loaded.n_teacher_terms_ == 0
    assert loaded.teacher_words == "auto"
    assert loaded.report_ is None
    assert "sklux-fit-report" not in loaded._repr_html_()


@pytest.mark.parametrize("n_embedded", [None, "16", 2.0, -1, True, [1]])
def test_persistence_damaged_number_of_documents_taught_is_refused(saved, n_embedded):
    tensors, state = read(saved)
    state["projection_"]["n_taught"] = n_embedded
    write_model(saved, tensors, state)
    with pytest.raises(ValueError, match="documents taught must be an int, 0 or more"):
        LuxicalVectorizer.load(saved)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (None, None),
        ("auto", "auto"),
        (["pear", "plum", "pear"], ["pear", "plum"]),
        (np.array(["pear", "plum"]), ["pear", "plum"]),
        ({"plum", "pear"}, ["pear", "plum"]),
    ],
)
def test_persistence_holds_teacher_words(vectorizer, tmp_path, words, expected):
    model = copy(vectorizer).set_params(teacher_words=words)
    model.n_teacher_terms_ = 7
    model.save(tmp_path / "model.sklux")
    loaded = LuxicalVectorizer.load(tmp_path / "model.sklux")
    assert loaded.teacher_words == expected
    assert loaded.n_teacher_terms_ == 7


def test_persistence_holds_all_parameters_but_the_teacher(vectorizer, saved):
    loaded = LuxicalVectorizer.load(saved).get_params(deep=False)
    params = vectorizer.get_params(deep=False)
    assert loaded.pop("teacher") is params.pop("teacher") is None
    for stage in ("lexical", "projection"):
        assert repr(loaded.pop(stage)) == repr(params.pop(stage))
    assert loaded == params


@pytest.mark.parametrize("n_embedded", [None, "16", -1, True])
def test_persistence_damaged_number_of_terms_taught_is_refused(saved, n_embedded):
    tensors, state = read(saved)
    state["n_taught_terms"] = n_embedded
    write_model(saved, tensors, state)
    with pytest.raises(ValueError, match="terms taught must be an int, 0 or more"):
        LuxicalVectorizer.load(saved)


@pytest.mark.parametrize("report", [{}, {"n_documents": 3}, "good", 3, [1]])
def test_persistence_damaged_report_is_refused(saved, report):
    tensors, state = read(saved)
    state["projection_"]["report"] = report
    write_model(saved, tensors, state)
    with pytest.raises(ValueError, match="report|model"):
        LuxicalVectorizer.load(saved)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,)])
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_persistence_truncated_model(tmp_path, hidden_layer_sizes, mmap_mode):
    """Before it is saved, or after it was loaded."""
    vectorizer = fitted(
        projection=ReLUProjection(4, hidden_layer_sizes=hidden_layer_sizes, max_iter=1)
    )
    short = vectorizer.truncate(2)
    short.save(tmp_path / "short")
    vectorizer.save(tmp_path / "whole")
    for loaded in (
        LuxicalVectorizer.load(tmp_path / "short", mmap_mode=mmap_mode),
        LuxicalVectorizer.load(tmp_path / "whole", mmap_mode=mmap_mode).truncate(2),
    ):
        assert loaded.projection_.n_components_ == 2
        np.testing.assert_array_equal(
            loaded.transform(QUERIES), short.transform(QUERIES)
        )
        np.testing.assert_array_equal(
            loaded.project_teacher(np.eye(6)), short.project_teacher(np.eye(6))
        )


def test_persistence_loaded_vectorizer_is_saved_again(saved, tmp_path):
    LuxicalVectorizer.load(saved, mmap_mode="r").save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_persistence_loaded_vectorizer_projects_teacher_vectors(vectorizer, saved):
    embeddings = np.random.RandomState(1).normal(size=(3, 6))
    np.testing.assert_array_equal(
        LuxicalVectorizer.load(saved).project_teacher(embeddings),
        vectorizer.project_teacher(embeddings),
    )


def test_persistence_teacher_is_not_saved(tmp_path):
    pipeline = make_pipeline(TfidfVectorizer(), TruncatedSVD(4)).fit(DOCUMENTS)
    teacher = CachedTeacher(pipeline, path=tmp_path / "cache", model_id="lsa")
    vectorizer = LuxicalVectorizer(
        teacher, projection=ReLUProjection(hidden_layer_sizes=(8,), max_iter=1)
    ).fit(DOCUMENTS)
    assert vectorizer.teacher_id_ == "lsa"
    vectorizer.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert loaded.teacher is None
    assert_same_vectorizer(loaded, vectorizer)


WITHOUT_TORCH = """
    import sys

    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("torch", "sentence_transformers"):
                raise ImportError(name)

    sys.meta_path.insert(0, Refuse())
    import json
    import joblib
    import pickle
    from sklux import LuxicalVectorizer

    texts = json.loads(sys.argv[2])
    if sys.argv[1] == "load":
        model = LuxicalVectorizer.load("model")
    elif sys.argv[1] == "mmap":
        model = LuxicalVectorizer.load("model", mmap_mode="r", verify=False)
    elif sys.argv[1] == "pickle":
        with open("model.pickle", "rb") as file:
            model = pickle.load(file)
    else:
        model = joblib.load("model.joblib")
    print(model.transform(texts).tobytes().hex())
"""


@pytest.mark.parametrize("way", ["load", "mmap", "pickle", "joblib"])
def test_persistence_new_process_without_torch_gives_the_same_bits(
    vectorizer, tmp_path, way
):
    vectorizer.save(tmp_path / "model")
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(vectorizer))
    joblib.dump(vectorizer, tmp_path / "model.joblib")
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(WITHOUT_TORCH),
            way,
            json.dumps(QUERIES),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == vectorizer.transform(QUERIES).tobytes().hex()


def test_persistence_pickle(vectorizer):
    twin = pickle.loads(pickle.dumps(vectorizer))
    assert_same_vectorizer(twin, vectorizer)


def test_persistence_pickle_of_a_memory_mapped_model(vectorizer, saved):
    loaded = LuxicalVectorizer.load(saved, mmap_mode="r")
    assert_same_vectorizer(pickle.loads(pickle.dumps(loaded)), vectorizer)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_persistence_joblib(vectorizer, tmp_path, mmap_mode):
    joblib.dump(vectorizer, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    assert_same_vectorizer(twin, vectorizer)


def test_persistence_save_needs_fit(tmp_path):
    with pytest.raises(NotFittedError):
        LuxicalVectorizer().save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("owner", ["LuxicalVectorizer", "ReLUProjection"])
def test_persistence_random_state_instance_cannot_be_saved(tmp_path, owner):
    state = np.random.RandomState(0)
    if owner == "LuxicalVectorizer":
        vectorizer = fitted(random_state=state)
    else:
        projection = ReLUProjection(n_components=3, max_iter=1, random_state=state)
        vectorizer = fitted(projection=projection)
    with pytest.raises(
        TypeError,
        match=rf"save cannot hold the parameter random_state=.* of {owner}\. Use "
        r"joblib\.dump for this model\.",
    ):
        vectorizer.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


def split(text):
    """A callable parameter."""
    return text.split()


def test_persistence_lexical_stage_that_cannot_be_saved(tmp_path):
    vectorizer = fitted(lexical=TfidfVectorizer(analyzer=split))
    with pytest.raises(
        TypeError, match=r"save cannot hold the parameter analyzer=.*joblib\.dump"
    ):
        vectorizer.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []
    joblib.dump(vectorizer, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(
        twin.transform(QUERIES), vectorizer.transform(QUERIES)
    )


def test_persistence_lexical_pipeline_cannot_be_saved(tmp_path):
    vectorizer = fitted(lexical=make_pipeline(TfidfVectorizer()))
    with pytest.raises(
        TypeError, match="cannot hold a lexical stage of class Pipeline"
    ):
        vectorizer.save(tmp_path / "model")


def test_persistence_save_into_a_missing_folder(vectorizer, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; make it before save"):
        vectorizer.save(tmp_path / "folder" / "model")


@pytest.mark.parametrize("mmap_mode", ["x", "r+", "c", "", True])
def test_persistence_other_mmap_modes(saved, mmap_mode):
    with pytest.raises(
        ValueError,
        match="The 'mmap_mode' parameter of load must be 'r' or None. Got .* instead",
    ):
        LuxicalVectorizer.load(saved, mmap_mode=mmap_mode)


def test_persistence_load_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="model"):
        LuxicalVectorizer.load(tmp_path / "model")


def test_persistence_load_truncated_file(saved):
    content = saved.read_bytes()
    for length in range(0, len(content), len(content) // 50):
        saved.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is not a whole sklux model file"):
            LuxicalVectorizer.load(saved)


def test_persistence_load_file_of_another_kind_of_model(tmp_path):
    path = written(tmp_path)
    with pytest.raises(
        ValueError,
        match=f"The model file {re.escape(repr(str(path)))} lacks a part or holds one",
    ):
        LuxicalVectorizer.load(path)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("coefs.0", "places of its rows lead outside"),
        ("coefs.1", "The model's layers do not fit together"),
        ("teacher_components", "The model's teacher directions do not fit"),
        ("idf", "The model's idf has shape"),
        ("term_offsets", "The model's vocabulary is damaged"),
    ],
)
def test_persistence_load_parts_that_do_not_fit(saved, part, message):
    """A file that is whole, but was put together wrongly."""
    tensors, state = read(saved)
    write_model(saved, tensors | {part: tensors[part][:-1]}, state)
    for verify in (True, False):
        with pytest.raises(ValueError, match=message):
            LuxicalVectorizer.load(saved, verify=verify)


@pytest.mark.parametrize(
    "part", ["coefs.0", "coefs.1", "teacher_components", "idf", "terms", "term_offsets"]
)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: array.astype(np.int8),
        lambda array: array.reshape(-1, 1, 1),
        lambda array: array[:0],
        None,
    ],
    ids=["dtype", "shape", "empty", "missing"],
)
def test_persistence_load_parts_of_another_kind(saved, part, change):
    """Refused at once, not when the first text comes."""
    tensors, state = read(saved)
    array = tensors.pop(part)
    if change is not None:
        tensors[part] = change(array)
    write_model(saved, tensors, state)
    with pytest.raises(ValueError, match="The model"):
        LuxicalVectorizer.load(saved, verify=False)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lexical_", None),
        ("lexical_", {"class": "TfidfVectorizer"}),
        ("lexical_", {"class": ["TfidfVectorizer"], "params": {}}),
        ("projection_", {}),
        ("projection_", {"params": {"future": 1}, "n_layers": 2}),
        ("params", {"future": 1}),
        ("params", None),
        ("n_layers", 0),
        ("n_layers", 9),
        ("n_layers", "2"),
    ],
)
def test_persistence_load_state_of_another_kind(saved, key, value):
    tensors, state = read(saved)
    if key == "n_layers":
        state["projection_"][key] = value
    else:
        state[key] = value
    write_model(saved, tensors, state)
    with pytest.raises(ValueError, match="model"):
        LuxicalVectorizer.load(saved)


@pytest.fixture(scope="module")
def vectorizer_file(vectorizer, tmp_path_factory):
    """Its file and the content, for tests that change it many times."""
    path = tmp_path_factory.mktemp("bytes") / "model"
    vectorizer.save(path)
    return path, path.read_bytes()


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(1, 255))
def test_persistence_load_with_any_byte_changed(vectorizer_file, data, bits):
    """Unverified: read, or refused with an error that says what is wrong."""
    path, content = vectorizer_file
    start = 8 + int.from_bytes(content[:8], "little")
    position = data.draw(st.integers(0, start) | st.integers(0, len(content) - 1))
    path.write_bytes(changed(content, position, bits))
    try:
        LuxicalVectorizer.load(path, verify=False)
    except ValueError:
        pass


def test_persistence_new_file_has_the_mode_of_other_new_files(fitted, tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    fitted.save(tmp_path / "model.sklux")
    assert (tmp_path / "model.sklux").stat().st_mode == plain.stat().st_mode


def test_persistence_bytes_after_the_last_tensor_are_found(fitted, tmp_path):
    path = tmp_path / "model.sklux"
    fitted.save(path)
    with path.open("ab") as stream:
        stream.write(b"junk")
    with pytest.raises(ValueError, match="bytes follow its last tensor"):
        LuxicalVectorizer.load(path, mmap_mode="r", verify=False)


def test_persistence_subclass_of_the_projection_is_refused(
    documents, teacher_embeddings, tmp_path
):
    """It would come back as another class."""

    class Special(ReLUProjection):
        pass

    vectorizer = LuxicalVectorizer(projection=Special(4, max_iter=1))
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    with pytest.raises(TypeError, match="class Special, only ReLUProjection.*joblib"):
        vectorizer.save(tmp_path / "model.sklux")


def test_persistence_file_of_format_1_stays_readable():
    """Written by sklux 0.1.0: what it held then, it holds in every later version."""
    folder = Path(__file__).parents[1] / "data"
    expected = json.loads((folder / "model-format-1.json").read_text())
    model = LuxicalVectorizer.load(folder / "model-format-1.sklux")
    np.testing.assert_allclose(
        model.transform(expected["documents"]), expected["vectors"], atol=1e-6
    )
    assert model.lexical_.ngram_range == (1, 2)
    assert model.projection_.hidden_layer_sizes == (8,)
    assert model.random_state == 0
    assert model.n_teacher_documents_ == 0
    assert model.report_ is None
    assert model.truncate(2).transform(expected["documents"]).shape[1] == 2


# Word pieces

WITHOUT_LIBRARIES = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "tokenizers", "sentence_transformers"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import pickle
from sklux import LuxicalVectorizer
_, model, documents, vectors = sys.argv
with open(documents, "rb") as file:
    vectors_found = LuxicalVectorizer.load(model).transform(pickle.load(file))
with open(vectors, "wb") as file:
    pickle.dump(vectors_found, file)
"""


def transform_elsewhere(folder, model, documents):
    """Vectors from a process that can import neither torch nor tokenizers."""
    (folder / "documents").write_bytes(pickle.dumps(documents))
    paths = [model, folder / "documents", folder / "vectors"]
    subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARIES, *map(str, paths)], check=True
    )
    return pickle.loads((folder / "vectors").read_bytes())


@pytest.fixture(scope="module", params=["default", "learnt", "object", "path", "json"])
def with_pieces(request, tmp_path_factory):
    """A model whose terms are word pieces; the tokenizer's file is gone."""
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer = bert_tokenizer()
    tokenizer.save(str(path))
    params = {
        "learnt": {"n_subwords": 100, "ngram_range": (1, 2)},
        "object": {"tokenizer": tokenizer},
        "path": {"tokenizer": str(path)},
        "json": {"tokenizer": tokenizer.to_str()},
    }
    lexical = None
    if request.param != "default":
        lexical = LexicalVectorizer(analyzer="subword", **params[request.param])
    vectors = np.random.RandomState(0).standard_normal((len(DOCUMENTS), 5))
    model = small_vectorizer(lexical=lexical)
    model.fit(DOCUMENTS, teacher_embeddings=vectors)
    path.unlink()
    return model


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_persistence_pieces_give_the_same_bits(tmp_path, with_pieces, mmap_mode):
    with_pieces.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model", mmap_mode=mmap_mode)
    expected = with_pieces.transform(QUERIES)
    assert expected.any(axis=1).sum() > len(DOCUMENTS)
    np.testing.assert_array_equal(loaded.transform(QUERIES), expected)


def test_persistence_pieces_need_neither_torch_nor_tokenizers(tmp_path, with_pieces):
    with_pieces.save(tmp_path / "model")
    found = transform_elsewhere(tmp_path, tmp_path / "model", QUERIES)
    np.testing.assert_array_equal(found, with_pieces.transform(QUERIES))


def test_persistence_pieces_saved_again_are_the_same_file(tmp_path, with_pieces):
    with_pieces.save(tmp_path / "first")
    LuxicalVectorizer.load(tmp_path / "first").save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_persistence_pieces_saved_unused_are_the_same_file(tmp_path, with_pieces):
    """Whether a model has transformed anything leaves no trace in its file."""
    with_pieces.save(tmp_path / "first")
    loaded = LuxicalVectorizer.load(tmp_path / "first", mmap_mode="r")
    loaded.transform(QUERIES)
    loaded.lexical_.get_feature_names_out()
    loaded.save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_persistence_pieces_are_fitted_anew_from_a_file(tmp_path, with_pieces):
    if isinstance(getattr(with_pieces.lexical, "tokenizer", None), str):
        pytest.skip("the tokenizer's file is gone")
    with_pieces.save(tmp_path / "model")
    again = clone(LuxicalVectorizer.load(tmp_path / "model")).fit(
        DOCUMENTS, teacher_embeddings=np.eye(len(DOCUMENTS), 5) + 1
    )
    assert again.lexical_.vocabulary_ == with_pieces.lexical_.vocabulary_


def test_persistence_damaged_pieces_are_named(tmp_path, with_pieces):
    """In a file whose checksums fit: it was written so, or edited."""
    with_pieces.save(tmp_path / "model")
    tensors, state = read(tmp_path / "model")
    for name in ("tokenizer", "characters_starts"):
        for change in (lambda array: array[:0], lambda array: array[: len(array) // 2]):
            write_model(
                tmp_path / "damaged", tensors | {name: change(tensors[name])}, state
            )
            with pytest.raises(ValueError):
                LuxicalVectorizer.load(tmp_path / "damaged")


def test_persistence_pieces_that_are_missing_are_named(tmp_path, with_pieces):
    with_pieces.save(tmp_path / "model")
    tensors, state = read(tmp_path / "model")
    for missing in [name for name in tensors if name[:4] in ("toke", "char", "n_pi")]:
        kept = {name: array for name, array in tensors.items() if name != missing}
        write_model(tmp_path / "damaged", kept, state)
        with pytest.raises(ValueError):
            LuxicalVectorizer.load(tmp_path / "damaged")
