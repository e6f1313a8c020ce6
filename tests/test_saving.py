"""A vectorizer that is saved and loaded, or pickled."""

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
from conftest import small_vectorizer
from hypothesis import given, settings
from hypothesis import strategies as st
from pieces_reference import bert_tokenizer
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
from sklux._utils.memory import CACHE_LINE
from sklux._utils.model_file import read_model, write_model

DOCUMENTS = [
    f"{colour} {thing} number {number}"
    for number, colour in enumerate(["red", "green", "blue", "\U0001f34e"])
    for thing in ["apple", "car", "tree", "na\u00efve"]
]
QUERIES = ["a red car", "", "unknown", "\ud800 blue", *DOCUMENTS]


def read(path):
    """Read a model file with all checks."""
    return read_model(path, mmap_mode=None, verify=True)


def fitted(**params):
    """Make a small fitted vectorizer."""
    embeddings = np.random.RandomState(0).normal(size=(len(DOCUMENTS), 6))
    params = {
        "projection": ReLUProjection(
            n_components=4,
            hidden_layer_sizes=(8,),
            max_iter=1,
            weights_dtype="float32",
        ),
        "random_state": 0,
    } | params
    vectorizer = LuxicalVectorizer(**params)
    return vectorizer.fit(DOCUMENTS, teacher_embeddings=embeddings)


@pytest.fixture(scope="module")
def vectorizer():
    """A fitted vectorizer; tests must not change it."""
    return fitted()


@pytest.fixture
def saved(vectorizer, tmp_path):
    """The file of the vectorizer."""
    path = tmp_path / "model.sklux"
    vectorizer.save(path)
    return path


def test_saving_folder_in_place_of_a_file(vectorizer, tmp_path):
    with pytest.raises(IsADirectoryError, match="folder. Give the model file that sa"):
        LuxicalVectorizer.load(tmp_path)
    with pytest.raises(IsADirectoryError, match="is a folder. Name a file, such as"):
        vectorizer.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


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
def test_saving_loaded_vectorizer_gives_the_same_bits(
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
        {"projection": ReLUProjection(n_components=3)},
        {"projection": ReLUProjection(weights_dtype="float32", n_components=3)},
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
def test_saving_round_trip_of_a_vectorizer(tmp_path, params):
    vectorizer = fitted(**params)
    vectorizer.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert_same_vectorizer(loaded, vectorizer)
    for name in ("lexical", "projection"):
        assert (getattr(loaded, name) is None) == (getattr(vectorizer, name) is None)


def test_saving_loaded_vectorizer_has_the_same_parameters(tmp_path):
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
def test_saving_numpy_scalars_as_parameters(tmp_path, params):
    """They are saved as Python scalars."""
    vectorizer = fitted(**params)
    vectorizer.save(tmp_path / "model")
    assert_same_vectorizer(LuxicalVectorizer.load(tmp_path / "model"), vectorizer)


def test_saving_clone_of_a_loaded_vectorizer_is_fitted_again(vectorizer, saved):
    loaded = LuxicalVectorizer.load(saved)
    embeddings = np.random.RandomState(0).normal(size=(len(DOCUMENTS), 6))
    again = clone(loaded).fit(DOCUMENTS, teacher_embeddings=embeddings)
    np.testing.assert_array_equal(
        again.transform(QUERIES), vectorizer.transform(QUERIES)
    )


def test_saving_keeps_the_number_of_documents_with_a_teacher_embedding(tmp_path):
    embeddings = np.random.RandomState(0).normal(size=(len(DOCUMENTS), 6))
    embeddings[:6] = np.nan
    with pytest.warns(UserWarning, match="6 of 16 documents have no teacher embedding"):
        vectorizer = small_vectorizer().fit(DOCUMENTS, teacher_embeddings=embeddings)
    vectorizer.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert loaded.n_teacher_documents_ == 10
    assert loaded.report_ == vectorizer.report_
    assert loaded._repr_html_().endswith(vectorizer.report_._repr_html_())


def test_saving_file_without_report_stays_readable(vectorizer, saved):
    """Early versions had no reports, and every document had a teacher embedding."""
    tensors, state = read(saved)
    for name in ("n_taught", "report"):
        del state["projection_"][name]
    later = "corpus_weight contrastive_weight contrastive_temperature dropout"
    for name in later.split():
        del state["projection_"]["params"][name]
    for name in ("teacher_sample_size", "teacher_words", "teacher_halves"):
        del state["params"][name]
    del state["n_taught_terms"]
    write_model(saved, tensors, state)
    loaded = LuxicalVectorizer.load(saved)
    np.testing.assert_array_equal(
        loaded.transform(QUERIES), vectorizer.transform(QUERIES)
    )
    assert loaded.n_teacher_documents_ == loaded.n_teacher_terms_ == 0
    assert loaded.teacher_words == "auto"
    assert loaded.teacher_halves is False
    assert loaded.report_ is None
    assert "sklux-fit-report" not in loaded._repr_html_()


@pytest.mark.parametrize("n_embedded", [None, "16", 2.0, -1, True, [1]])
def test_saving_damaged_number_of_teacher_documents_is_refused(saved, n_embedded):
    tensors, state = read(saved)
    state["projection_"]["n_taught"] = n_embedded
    write_model(saved, tensors, state)
    message = "documents with a teacher embedding must be an int, 0 or more"
    with pytest.raises(ValueError, match=message):
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
def test_saving_keeps_teacher_words(vectorizer, tmp_path, words, expected):
    model = copy(vectorizer).set_params(teacher_words=words)
    model.n_teacher_terms_ = 7
    model.save(tmp_path / "model.sklux")
    loaded = LuxicalVectorizer.load(tmp_path / "model.sklux")
    assert loaded.teacher_words == expected
    assert loaded.n_teacher_terms_ == 7


def test_saving_keeps_all_parameters_except_the_teacher(vectorizer, saved):
    loaded = LuxicalVectorizer.load(saved).get_params(deep=False)
    params = vectorizer.get_params(deep=False)
    assert loaded.pop("teacher") is params.pop("teacher") is None
    for stage in ("lexical", "projection"):
        assert repr(loaded.pop(stage)) == repr(params.pop(stage))
    assert loaded == params


@pytest.mark.parametrize("n_embedded", [None, "16", -1, True])
def test_saving_damaged_number_of_teacher_terms_is_refused(saved, n_embedded):
    tensors, state = read(saved)
    state["n_taught_terms"] = n_embedded
    write_model(saved, tensors, state)
    message = "terms with a teacher embedding must be an int, 0 or more"
    with pytest.raises(ValueError, match=message):
        LuxicalVectorizer.load(saved)


@pytest.mark.parametrize("report", [{}, {"n_documents": 3}, "good", 3, [1]])
def test_saving_damaged_report_is_refused(saved, report):
    tensors, state = read(saved)
    state["projection_"]["report"] = report
    write_model(saved, tensors, state)
    with pytest.raises(ValueError, match="report|model"):
        LuxicalVectorizer.load(saved)


@pytest.mark.parametrize("hidden_layer_sizes", ["tied", (), (8,)])
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_saving_truncated_model(tmp_path, hidden_layer_sizes, mmap_mode):
    """Truncated before it is saved, or after it was loaded."""
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


def test_saving_loaded_vectorizer_is_saved_again(saved, tmp_path):
    LuxicalVectorizer.load(saved, mmap_mode="r").save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_saving_loaded_vectorizer_projects_teacher_vectors(vectorizer, saved):
    embeddings = np.random.RandomState(1).normal(size=(3, 6))
    np.testing.assert_array_equal(
        LuxicalVectorizer.load(saved).project_teacher(embeddings),
        vectorizer.project_teacher(embeddings),
    )


def test_saving_teacher_is_not_saved(tmp_path):
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
def test_saving_new_process_without_torch_gives_the_same_bits(
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


def test_saving_pickle(vectorizer):
    twin = pickle.loads(pickle.dumps(vectorizer))
    assert_same_vectorizer(twin, vectorizer)


def test_saving_pickle_of_a_memory_mapped_model(vectorizer, saved):
    loaded = LuxicalVectorizer.load(saved, mmap_mode="r")
    assert_same_vectorizer(pickle.loads(pickle.dumps(loaded)), vectorizer)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_saving_joblib(vectorizer, tmp_path, mmap_mode):
    joblib.dump(vectorizer, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    assert_same_vectorizer(twin, vectorizer)


def test_saving_needs_a_fitted_vectorizer(tmp_path):
    with pytest.raises(NotFittedError):
        LuxicalVectorizer().save(tmp_path / "model")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("owner", ["LuxicalVectorizer", "ReLUProjection"])
def test_saving_random_state_instance_cannot_be_saved(tmp_path, owner):
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


def test_saving_lexical_stage_that_cannot_be_saved(tmp_path):
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


def test_saving_lexical_pipeline_cannot_be_saved(tmp_path):
    vectorizer = fitted(lexical=make_pipeline(TfidfVectorizer()))
    with pytest.raises(
        TypeError, match="cannot hold a lexical stage of class Pipeline"
    ):
        vectorizer.save(tmp_path / "model")


def test_saving_into_a_missing_folder_is_refused(vectorizer, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist. Create it first"):
        vectorizer.save(tmp_path / "folder" / "model")


@pytest.mark.parametrize("mmap_mode", ["x", "r+", "c", "", True])
def test_saving_load_refuses_other_mmap_modes(saved, mmap_mode):
    with pytest.raises(
        ValueError,
        match="The 'mmap_mode' parameter of load must be 'r' or None. Got .* instead",
    ):
        LuxicalVectorizer.load(saved, mmap_mode=mmap_mode)


def test_saving_load_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="model"):
        LuxicalVectorizer.load(tmp_path / "model")


def test_saving_load_truncated_file(saved):
    content = saved.read_bytes()
    for length in range(0, len(content), len(content) // 50):
        saved.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is not a (complete )?sklux model file"):
            LuxicalVectorizer.load(saved)


def test_saving_load_file_of_another_kind_of_model(tmp_path):
    path = tmp_path / "model.sklux"
    write_model(path, {"a": np.arange(5)}, {"name": "model"})
    with pytest.raises(
        ValueError,
        match=f"The model file {re.escape(repr(str(path)))} lacks a part, or a part is "
        "of the wrong kind: KeyError",
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
def test_saving_load_parts_that_do_not_fit(saved, part, message):
    """The file itself is valid, but its tensors do not belong together."""
    tensors, state = read(saved)
    write_model(saved, tensors | {part: tensors[part][:-1]}, state)
    for verify in (True, False):
        with pytest.raises(ValueError, match=message):
            LuxicalVectorizer.load(saved, verify=verify)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda V: V[:-1], "layers do not fit together: shape"),
        (
            lambda V: np.hstack([V, V]),
            "layers do not fit together: a network with tied",
        ),
        (lambda V: V.ravel(), "layers do not fit together: shape"),
        (lambda V: V.astype(np.float64), "layers do not fit together: shape"),
        (None, "lacks a part, or a part is of the wrong kind: KeyError"),
    ],
    ids=["short", "wide", "flat", "float64", "missing"],
)
def test_saving_load_tied_rows_with_a_damaged_second_matrix(tmp_path, change, message):
    path = tmp_path / "model.sklux"
    fitted(projection=ReLUProjection(n_components=4, max_iter=1)).save(path)
    tensors, state = read(path)
    added = tensors.pop("coefs.1")
    if change is not None:
        tensors["coefs.1"] = change(added)
    write_model(path, tensors, state)
    with pytest.raises(ValueError, match=message):
        LuxicalVectorizer.load(path, verify=False)


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
def test_saving_load_parts_of_another_type_or_shape(saved, part, change):
    """They are refused by `load`, not by the first `transform`."""
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
def test_saving_load_damaged_state(saved, key, value):
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
    """The file of the vectorizer and its content, for tests that change it often."""
    path = tmp_path_factory.mktemp("bytes") / "model"
    vectorizer.save(path)
    return path, path.read_bytes()


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(1, 255))
def test_saving_load_with_any_byte_changed(vectorizer_file, data, bits):
    """Without verification a file is read, or refused with a ValueError."""
    path, content = vectorizer_file
    start = 8 + int.from_bytes(content[:8], "little")
    position = data.draw(st.integers(0, start) | st.integers(0, len(content) - 1))
    changed = bytearray(content)
    changed[position] ^= bits
    path.write_bytes(changed)
    try:
        LuxicalVectorizer.load(path, verify=False)
    except ValueError:
        pass


def test_saving_new_file_has_the_mode_of_other_new_files(fitted, tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    fitted.save(tmp_path / "model.sklux")
    assert (tmp_path / "model.sklux").stat().st_mode == plain.stat().st_mode


def test_saving_bytes_after_the_last_tensor_are_found(fitted, tmp_path):
    path = tmp_path / "model.sklux"
    fitted.save(path)
    with path.open("ab") as stream:
        stream.write(b"junk")
    with pytest.raises(ValueError, match="bytes follow its last tensor"):
        LuxicalVectorizer.load(path, mmap_mode="r", verify=False)


def test_saving_subclass_of_the_projection_is_refused(
    documents, teacher_embeddings, tmp_path
):
    """`load` would return a ReLUProjection in its place."""

    class Special(ReLUProjection):
        pass

    vectorizer = LuxicalVectorizer(projection=Special(4, max_iter=1))
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    with pytest.raises(TypeError, match="class Special, only ReLUProjection.*joblib"):
        vectorizer.save(tmp_path / "model.sklux")


def test_saving_file_of_format_1_stays_readable():
    """sklux 0.1.0 wrote this file; every later version must read the same model."""
    folder = Path(__file__).parent / "data"
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


def test_saving_file_of_format_2_stays_readable():
    """A version without tied rows wrote this file, with int8 weights."""
    folder = Path(__file__).parent / "data"
    expected = json.loads((folder / "model-format-2.json").read_text())
    model = LuxicalVectorizer.load(folder / "model-format-2.sklux")
    np.testing.assert_allclose(
        model.transform(expected["documents"]), expected["vectors"], atol=1e-6
    )
    assert model.projection.loss == "cosine"
    assert model.projection.hidden_layer_sizes == (8,)
    assert [w.shape[1] for w in model.projection_.coefs_] == [8, 4]
    assert model.projection_.weights_dtype == "int8"


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
    """Transform in a process that cannot import torch or tokenizers."""
    (folder / "documents").write_bytes(pickle.dumps(documents))
    paths = [model, folder / "documents", folder / "vectors"]
    subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBRARIES, *map(str, paths)], check=True
    )
    return pickle.loads((folder / "vectors").read_bytes())


@pytest.fixture(scope="module", params=["default", "learnt", "object", "path", "json"])
def with_pieces(request, tmp_path_factory):
    """A model whose terms are word pieces; the file of the tokenizer is deleted."""
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
def test_saving_pieces_give_the_same_bits(tmp_path, with_pieces, mmap_mode):
    with_pieces.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model", mmap_mode=mmap_mode)
    expected = with_pieces.transform(QUERIES)
    assert expected.any(axis=1).sum() > len(DOCUMENTS)
    np.testing.assert_array_equal(loaded.transform(QUERIES), expected)


def test_saving_pieces_load_without_torch_and_tokenizers(tmp_path, with_pieces):
    with_pieces.save(tmp_path / "model")
    found = transform_elsewhere(tmp_path, tmp_path / "model", QUERIES)
    np.testing.assert_array_equal(found, with_pieces.transform(QUERIES))


def test_saving_pieces_saved_again_are_the_same_file(tmp_path, with_pieces):
    with_pieces.save(tmp_path / "first")
    LuxicalVectorizer.load(tmp_path / "first").save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_saving_pieces_saved_after_use_are_the_same_file(tmp_path, with_pieces):
    """A model that has transformed documents has the same file."""
    with_pieces.save(tmp_path / "first")
    loaded = LuxicalVectorizer.load(tmp_path / "first", mmap_mode="r")
    loaded.transform(QUERIES)
    loaded.lexical_.get_feature_names_out()
    loaded.save(tmp_path / "second")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_saving_clone_of_loaded_pieces_is_fitted_again(tmp_path, with_pieces):
    """The model file holds the tokenizer; the file of the tokenizer is deleted."""
    with_pieces.save(tmp_path / "model")
    again = clone(LuxicalVectorizer.load(tmp_path / "model")).fit(
        DOCUMENTS, teacher_embeddings=np.eye(len(DOCUMENTS), 5) + 1
    )
    assert again.lexical_.vocabulary_ == with_pieces.lexical_.vocabulary_


def test_saving_damaged_pieces_are_refused(tmp_path, with_pieces):
    """The checksums of the file are valid."""
    with_pieces.save(tmp_path / "model")
    tensors, state = read(tmp_path / "model")
    for name in ("tokenizer", "characters_starts"):
        for change in (lambda array: array[:0], lambda array: array[: len(array) // 2]):
            write_model(
                tmp_path / "damaged", tensors | {name: change(tensors[name])}, state
            )
            with pytest.raises(ValueError):
                LuxicalVectorizer.load(tmp_path / "damaged")


def test_saving_missing_pieces_are_refused(tmp_path, with_pieces):
    with_pieces.save(tmp_path / "model")
    tensors, state = read(tmp_path / "model")
    for missing in [name for name in tensors if name[:4] in ("toke", "char", "n_pi")]:
        kept = {name: array for name, array in tensors.items() if name != missing}
        write_model(tmp_path / "damaged", kept, state)
        with pytest.raises(ValueError):
            LuxicalVectorizer.load(tmp_path / "damaged")


# skops


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"lexical": LexicalVectorizer(vocabulary=["apple", "car"])},
        {"lexical": LexicalVectorizer(analyzer="word")},
        {"lexical": TfidfVectorizer()},
        {"projection": ReLUProjection(n_components=4, max_iter=1)},
    ],
    ids=["default", "vocabulary", "words", "scikit-learn", "tied"],
)
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_saving_by_skops(params, dtype):
    """skops stores plain values, and trusts the types that the user names."""
    skops = pytest.importorskip("skops.io")
    vectorizer = fitted(**params).quantize(dtype)
    content = skops.dumps(make_pipeline(vectorizer))
    types = skops.get_untrusted_types(data=content)
    assert all(name.startswith("sklux.") for name in types)
    loaded = skops.loads(content, trusted=types)[0]
    assert_same_vectorizer(loaded, vectorizer)
    assert loaded.projection_._network.rows.ctypes.data % CACHE_LINE == 0
