"""LuxicalVectorizer: documents in, unit vectors out."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import make_corpus, small_vectorizer
from joblib import effective_n_jobs
from models import is_fused, unfused
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError

import sklux._lexical.buffers
import sklux._lexical.matrix
import sklux._lexical.tokens
import sklux._student.defaults
import sklux._vectorizer
from sklux import (
    CachedTeacher,
    LexicalVectorizer,
    LuxicalVectorizer,
    ReLUProjection,
)
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._utils.documents import split_halves
from sklux.metrics import neighbor_recall_score


def test_vectorizer_fits_with_default_parameters(documents, teacher_embeddings):
    vectorizer = LuxicalVectorizer().fit(
        documents, teacher_embeddings=teacher_embeddings
    )
    vectors = vectorizer.transform(documents)
    assert vectors.shape == (120, 6)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_vectorizer_finds_the_teachers_neighbors_on_new_documents(latent_teacher):
    documents, _ = make_corpus(300)
    held_out, _ = make_corpus(100, seed=1)
    vectorizer = LuxicalVectorizer(latent_teacher, random_state=0).fit(documents)
    recall = neighbor_recall_score(
        latent_teacher.transform(held_out), vectorizer.transform(held_out)
    )
    by_chance = 10 / 99
    assert recall > 4 * by_chance


@pytest.mark.parametrize("kind", ["transformer", "callable", "encode", "cached"])
def test_vectorizer_takes_every_kind_of_teacher(
    kind, documents, latent_teacher, teacher_embeddings, tmp_path
):
    class Encoder:
        def encode(self, texts):
            return latent_teacher.transform(texts)

    teacher = {
        "transformer": latent_teacher,
        "callable": latent_teacher.transform,
        "encode": Encoder(),
        "cached": CachedTeacher(latent_teacher, path=tmp_path, dtype="float32"),
    }[kind]
    from_teacher = small_vectorizer(teacher).fit(documents)
    given = small_vectorizer().fit(documents, teacher_embeddings=teacher_embeddings)
    np.testing.assert_allclose(
        from_teacher.transform(documents), given.transform(documents), atol=1e-4
    )


def test_vectorizer_prefers_embeddings_given_to_fit(documents, teacher_embeddings):
    def refuse(texts):
        raise RuntimeError("the teacher was called")

    small_vectorizer(refuse).fit(documents, teacher_embeddings=teacher_embeddings)


def test_vectorizer_fits_the_same_bits_twice(documents, teacher_embeddings):
    first, second = (
        small_vectorizer().fit(documents, teacher_embeddings=teacher_embeddings)
        for _ in range(2)
    )
    np.testing.assert_array_equal(
        first.transform(documents), second.transform(documents)
    )


def test_vectorizer_refit_forgets_the_first_fit(documents, teacher_embeddings, fitted):
    other_documents, _ = make_corpus(60, seed=5)
    vectorizer = small_vectorizer()
    vectorizer.fit(other_documents, teacher_embeddings=teacher_embeddings[:60, :5])
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    np.testing.assert_array_equal(
        vectorizer.transform(documents), fitted.transform(documents)
    )


def test_vectorizer_fit_transform_is_fit_then_transform(
    documents, teacher_embeddings, fitted
):
    vectors = small_vectorizer().fit_transform(
        documents, teacher_embeddings=teacher_embeddings
    )
    np.testing.assert_array_equal(vectors, fitted.transform(documents))


def test_vectorizer_same_bits_in_any_batch_and_order(documents, fitted):
    together = fitted.transform(documents)
    alone = np.concatenate([fitted.transform([text]) for text in documents])
    backwards = fitted.transform(documents[::-1])[::-1]
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(backwards, together)


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_vectorizer_same_bits_for_any_n_jobs(n_jobs, fitted):
    documents, _ = make_corpus(6000, seed=2)
    expected = fitted.transform(documents)
    parallel = pickle.loads(pickle.dumps(fitted)).set_params(n_jobs=n_jobs)
    np.testing.assert_array_equal(parallel.transform(documents), expected)


def test_vectorizer_reads_n_jobs_when_transform_runs(monkeypatch, documents, fitted):
    """n_jobs is set after the fit; the value of the projection comes first."""
    seen = threads_of(monkeypatch, sklux._fused)
    vectorizer = pickle.loads(pickle.dumps(fitted))
    vectorizer.set_params(n_jobs=3).transform(documents)
    vectorizer.lexical_.set_params(n_jobs=4)
    vectorizer.transform(documents)
    vectorizer.projection_.set_params(n_jobs=5)
    vectorizer.transform(documents)
    assert seen == [3, 4, 5]


def test_vectorizer_unknown_words_give_the_zero_vector(fitted):
    vectors = fitted.transform(["", "zzz qqq", "apple"])
    assert not vectors[:2].any()
    assert np.linalg.norm(vectors[2]) == pytest.approx(1, abs=1e-5)


def test_vectorizer_no_documents_give_no_rows(fitted):
    vectors = fitted.transform([])
    assert vectors.shape == (0, 4)
    assert vectors.dtype == np.float32


def test_vectorizer_does_not_fit_the_stages_it_is_given(documents, teacher_embeddings):
    lexical = TfidfVectorizer(dtype=np.float32)
    projection = ReLUProjection(4, hidden_layer_sizes=(8,), max_iter=1)
    vectorizer = LuxicalVectorizer(lexical=lexical, projection=projection)
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert not hasattr(lexical, "vocabulary_")
    assert not hasattr(projection, "coefs_")
    assert vectorizer.lexical is lexical
    assert vectorizer.projection is projection


@pytest.mark.parametrize(
    "lexical",
    [
        CountVectorizer(),
        CountVectorizer(dtype=np.float64, analyzer="char_wb", ngram_range=(2, 3)),
        TfidfVectorizer(),
        TfidfVectorizer(use_idf=False, norm=None),
    ],
    ids=["counts", "characters", "float64", "no idf"],
)
def test_vectorizer_takes_other_lexical_stages(lexical, documents, teacher_embeddings):
    vectorizer = small_vectorizer(lexical=lexical)
    vectors = vectorizer.fit(
        documents, teacher_embeddings=teacher_embeddings
    ).transform(documents)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_vectorizer_fills_in_seed_and_verbose_of_the_projection(
    documents, teacher_embeddings, capsys
):
    vectorizer = small_vectorizer(random_state=7, verbose=True)
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert vectorizer.projection_.random_state == 7
    assert vectorizer.projection.random_state is None
    assert "training" in capsys.readouterr().err


def test_vectorizer_keeps_the_projections_own_seed(documents, teacher_embeddings):
    projection = ReLUProjection(
        4, hidden_layer_sizes=(8,), max_iter=1, random_state=3, verbose=False
    )
    vectorizer = LuxicalVectorizer(projection=projection, random_state=7)
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert vectorizer.projection_.random_state == 3


def test_vectorizer_shows_progress_when_verbose(documents, latent_teacher, capsys):
    small_vectorizer(latent_teacher, verbose=True).fit(documents)
    shown = capsys.readouterr().err
    assert "teacher embeddings" in shown
    assert "training" in shown
    assert "documents in 2 epochs" in shown
    assert "per second" in shown


def test_vectorizer_is_silent_by_default(documents, latent_teacher, capsys):
    small_vectorizer(latent_teacher).fit(documents)
    captured = capsys.readouterr()
    assert captured.err == captured.out == ""


def test_vectorizer_projects_teacher_queries_among_documents(
    documents, teacher_embeddings
):
    vectorizer = LuxicalVectorizer(random_state=0)
    vectors = vectorizer.fit_transform(documents, teacher_embeddings=teacher_embeddings)
    queries = vectorizer.project_teacher(teacher_embeddings)
    cosines = np.einsum("ij,ij->i", queries, vectors)
    assert np.median(cosines) > 0.9


# Parameters


def test_vectorizer_set_params_makes_the_default_stage():
    vectorizer = LuxicalVectorizer()
    assert vectorizer.get_params(deep=False)["lexical"] is None
    vectorizer.set_params(lexical__ngram_range=(1, 3), projection__max_iter=2)
    assert vectorizer.lexical.ngram_range == (1, 3)
    assert vectorizer.lexical.max_features == 200_000
    assert vectorizer.projection.max_iter == 2


def test_vectorizer_set_params_takes_stage_and_its_parameter_at_once():
    vectorizer = LuxicalVectorizer()
    vectorizer.set_params(lexical=CountVectorizer(), lexical__min_df=2)
    assert isinstance(vectorizer.lexical, CountVectorizer)
    assert vectorizer.lexical.min_df == 2


def test_vectorizer_set_params_none_brings_the_default_back():
    vectorizer = LuxicalVectorizer(lexical=CountVectorizer())
    assert vectorizer.set_params(lexical=None).lexical is None
    vectorizer.set_params(lexical=None, lexical__min_df=3)
    assert isinstance(vectorizer.lexical, LexicalVectorizer)


def test_vectorizer_set_params_refuses_an_unknown_name():
    with pytest.raises(ValueError, match="Invalid parameter 'n_components'"):
        LuxicalVectorizer().set_params(n_components=3)


def test_vectorizer_clone_shares_the_teacher_and_copies_the_stages(latent_teacher):
    lexical = TfidfVectorizer()
    vectorizer = LuxicalVectorizer(latent_teacher, lexical=lexical)
    twin = clone(vectorizer)
    assert twin.teacher is latent_teacher
    assert twin.lexical is not lexical
    twin.teacher.transform(["apple"])  # still fitted


def test_vectorizer_clone_keeps_requests_and_output(documents, latent_teacher):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        vectorizer = small_vectorizer().set_fit_request(teacher_embeddings=True)
        twin = clone(vectorizer.set_output(transform="pandas"))
        assert twin.get_metadata_routing().fit.requests == {"teacher_embeddings": True}
    frame = twin.set_params(teacher=latent_teacher).fit_transform(documents)
    assert list(frame.columns[:1]) == ["luxicalvectorizer0"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lexical", "words"),
        ("projection", TfidfVectorizer()),
        ("teacher_sample_size", 0),
        ("teacher_sample_size", 2.5),
        ("teacher_sample_size", "all"),
        ("n_jobs", 1.5),
        ("random_state", "seed"),
        ("verbose", 2),
    ],
)
def test_vectorizer_refuses_a_wrong_parameter(name, value, documents):
    vectorizer = LuxicalVectorizer(len).set_params(**{name: value})
    message = f"The '{name}' parameter of LuxicalVectorizer must be"
    with pytest.raises(InvalidParameterError, match=message):
        vectorizer.fit(documents)


# Bad input


def test_vectorizer_without_teacher_names_the_remedy(documents):
    with pytest.raises(ValueError, match="has no teacher to learn from. Set teacher="):
        LuxicalVectorizer().fit(documents)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("change", [np.array, np.ndarray.tolist, pd.DataFrame])
def test_vectorizer_second_positional_argument_is_explained(
    documents, teacher_embeddings, method, change
):
    message = rf"Pass teacher embeddings by name: {method}\(documents, teacher_embed"
    with pytest.raises(ValueError, match=message):
        getattr(LuxicalVectorizer(), method)(documents, change(teacher_embeddings))


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_vectorizer_with_a_teacher_refuses_embeddings_as_y(documents, method):
    """They would be ignored; the teacher is not called first."""
    embeddings = np.random.RandomState(0).normal(size=(len(documents), 384))
    message = (
        rf"seems to hold teacher embeddings: its shape is \(120, 384\)\. Pass teacher "
        rf"embeddings by name: {method}\(documents, teacher_embeddings=\.\.\.\)"
    )
    with pytest.raises(ValueError, match=message):
        getattr(small_vectorizer(fail_if_called), method)(documents, embeddings)


def test_vectorizer_with_a_teacher_refuses_few_columns_as_y(
    documents, teacher_embeddings, latent_teacher
):
    """In `fit_transform` they may be targets, if the teacher has another width."""
    with pytest.raises(ValueError, match="leave it out"):
        small_vectorizer(fail_if_called).fit(documents, teacher_embeddings[:, :2])
    with pytest.raises(ValueError, match="FrozenEstimator"):
        small_vectorizer(latent_teacher).fit_transform(documents, teacher_embeddings)


@pytest.mark.parametrize(
    "targets",
    [
        np.random.RandomState(0).normal(size=(120, 3)),
        np.random.RandomState(0).uniform(size=(120, 30)),
        np.random.RandomState(0).randint(2, size=(120, 30)).astype(float),
    ],
    ids=["regression", "shares", "indicators"],
)
def test_vectorizer_in_a_pipeline_with_several_outputs(
    documents, latent_teacher, targets
):
    pipeline = make_pipeline(small_vectorizer(latent_teacher), Ridge())
    assert pipeline.fit(documents, targets).predict(documents).shape == targets.shape
    search = GridSearchCV(pipeline, {"ridge__alpha": [0.1, 1]}, cv=2)
    assert search.fit(documents, targets).predict(documents).shape == targets.shape


def test_vectorizer_fit_of_a_subclass_is_called_by_fit_transform(
    documents, latent_teacher
):
    class Subclass(LuxicalVectorizer):
        def fit(self, raw_documents, y=None, *, teacher_embeddings=None):
            self.seen = len(raw_documents)
            return super().fit(raw_documents, y, teacher_embeddings=teacher_embeddings)

    params = small_vectorizer(latent_teacher).get_params(deep=False)
    vectorizer = Subclass(**params)
    targets = np.random.RandomState(0).normal(size=(120, 2))
    assert vectorizer.fit_transform(documents, targets).shape == (120, 4)
    assert vectorizer.seen == 120
    # The rule for targets is the rule of `fit` again.
    with pytest.raises(ValueError, match="leave it out"):
        vectorizer.fit(documents, targets)


def test_vectorizer_with_embeddings_takes_any_y(documents, teacher_embeddings):
    vectorizer = small_vectorizer()
    vectorizer.fit(documents, teacher_embeddings, teacher_embeddings=teacher_embeddings)
    assert vectorizer.score(
        documents, teacher_embeddings, teacher_embeddings=teacher_embeddings
    )


def test_vectorizer_fits_on_indicators_of_several_labels(documents, latent_teacher):
    indicators = np.random.RandomState(0).randint(2, size=(120, 20)).astype(float)
    fitted = small_vectorizer(latent_teacher).fit(documents, indicators)
    expected = small_vectorizer(latent_teacher).fit(documents)
    np.testing.assert_array_equal(
        fitted.transform(documents), expected.transform(documents)
    )


def test_vectorizer_ignores_class_labels(documents, topics, teacher_embeddings, fitted):
    vectorizer = small_vectorizer()
    vectorizer.fit(documents, topics, teacher_embeddings=teacher_embeddings)
    np.testing.assert_array_equal(
        vectorizer.transform(documents), fitted.transform(documents)
    )


def test_vectorizer_refuses_a_bare_string(fitted, teacher_embeddings):
    with pytest.raises(ValueError, match=r"Got a single str instead.*\[document\]"):
        fitted.transform("one document")
    with pytest.raises(ValueError, match="Got a single str instead"):
        small_vectorizer().fit("text", teacher_embeddings=teacher_embeddings)


def test_vectorizer_names_the_document_that_is_not_text(fitted):
    with pytest.raises(TypeError, match="Got bytes at position 1"):
        fitted.transform(["apple", b"car"])


@pytest.mark.parametrize("missing", [None, np.nan])
def test_vectorizer_names_the_missing_document(missing, fitted):
    with pytest.raises(ValueError, match=r"missing value \(\w+\) at position 1"):
        fitted.transform(["apple", missing])


def test_vectorizer_fit_refuses_an_empty_list(teacher_embeddings):
    with pytest.raises(ValueError, match="raw_documents is empty"):
        small_vectorizer().fit([], teacher_embeddings=teacher_embeddings[:0])


def test_vectorizer_refuses_teacher_vectors_of_another_length(
    documents, teacher_embeddings
):
    with pytest.raises(ValueError, match="has 119 rows, but there are 120 documents"):
        small_vectorizer().fit(documents, teacher_embeddings=teacher_embeddings[1:])


def fail_if_called(texts):
    """Stand in for a teacher that must not be called."""
    pytest.fail("the teacher was called")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectorizer_refuses_teacher_vectors_that_are_not_finite(
    bad, documents, teacher_embeddings
):
    embeddings = teacher_embeddings.copy()
    embeddings[7, 2] = bad
    with pytest.raises(
        ValueError, match="teacher_embeddings has NaN or infinity in row 7"
    ):
        small_vectorizer().fit(documents, teacher_embeddings=embeddings)


def test_vectorizer_explains_documents_without_values():
    """A stage without a vocabulary raises no error itself."""
    vectorizer = small_vectorizer(lexical=HashingVectorizer(n_features=64))
    message = "matrix of the lexical stage has no value other than 0.*documents empty"
    with pytest.raises(ValueError, match=message):
        vectorizer.fit(["", " ", ""], teacher_embeddings=np.eye(3))
    with pytest.raises(ValueError, match=message):
        vectorizer.set_params(teacher=fail_if_called).fit(["", " ", ""])


def test_vectorizer_refuses_one_document():
    with pytest.raises(ValueError, match="raw_documents has 1 document.*give 2"):
        small_vectorizer().fit(["one document"], teacher_embeddings=[[1.0, 2.0]])
    with pytest.raises(ValueError, match="raw_documents has 1 document"):
        small_vectorizer(fail_if_called).fit(["one document"])


def test_vectorizer_refuses_fewer_documents_than_components(documents):
    with pytest.raises(ValueError, match="n_components=4 must be at most 3: there are"):
        small_vectorizer().fit(documents[:3], teacher_embeddings=np.eye(3, 6))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("dropout", 1.5),
        ("corpus_weight", "all"),
        ("contrastive_weight", "all"),
        ("hidden_layer_sizes", (0,)),
        ("loss", {"cosine": 0}),
    ],
)
def test_vectorizer_refuses_a_wrong_projection_before_any_work(name, value, documents):
    projection = ReLUProjection(**{name: value})
    with pytest.raises(
        ValueError, match=f"The '{name}' parameter of ReLUProjection must be"
    ):
        LuxicalVectorizer(fail_if_called, projection=projection).fit(documents)


def test_vectorizer_explains_an_empty_vocabulary(teacher_embeddings):
    with pytest.raises(ValueError, match="empty vocabulary"):
        small_vectorizer().fit(["", " "], teacher_embeddings=teacher_embeddings[:2])


def test_vectorizer_failed_fit_leaves_the_fitted_model(documents, fitted):
    vectorizer = pickle.loads(pickle.dumps(fitted))

    def fail(texts):
        raise KeyboardInterrupt

    vectorizer.set_params(teacher=fail)
    with pytest.raises(KeyboardInterrupt):
        vectorizer.fit(documents[:50])
    np.testing.assert_array_equal(
        vectorizer.transform(documents), fitted.transform(documents)
    )


def no_teacher(texts):
    """A teacher that fails."""
    raise RuntimeError("no memory")


BAD_FITS = {
    "missing document": (lambda texts: [*texts[:50], None, *texts[50:]], no_teacher),
    "number": (lambda texts: [*texts[:50], 3, *texts[50:]], no_teacher),
    "one document": (lambda texts: texts[:1], no_teacher),
    "no terms": (lambda texts: ["", " ", "."], no_teacher),
    "teacher": (lambda texts: texts, no_teacher),
    "vectors": (lambda texts: texts, lambda texts: np.full((len(texts), 3), np.nan)),
    "one direction": (lambda texts: texts, lambda texts: np.ones((len(texts), 3))),
}


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("failure", BAD_FITS)
def test_vectorizer_failed_refit_changes_nothing(documents, fitted, failure, method):
    change, teacher = BAD_FITS[failure]
    vectorizer = pickle.loads(pickle.dumps(fitted)).set_params(teacher=teacher)
    before = dict(vars(vectorizer))
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        getattr(vectorizer, method)(change(documents))
    assert vars(vectorizer) == before
    np.testing.assert_array_equal(
        vectorizer.transform(documents), fitted.transform(documents)
    )


@pytest.mark.parametrize("place", ["training.train_student", "finishing.fit_report"])
def test_vectorizer_interrupted_fit_leaves_the_fitted_model(
    place, documents, teacher_embeddings, fitted, monkeypatch
):
    vectorizer = pickle.loads(pickle.dumps(fitted))
    before = dict(vars(vectorizer))

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"sklux._student.{place}", stop)
    with pytest.raises(KeyboardInterrupt):
        vectorizer.fit(documents[:50], teacher_embeddings=teacher_embeddings[:50, :5])
    assert vars(vectorizer) == before
    np.testing.assert_array_equal(
        vectorizer.transform(documents), fitted.transform(documents)
    )


def test_vectorizer_interrupted_first_fit_leaves_it_unfitted(
    documents, teacher_embeddings, monkeypatch
):
    vectorizer = small_vectorizer()
    before = dict(vars(vectorizer))

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklux._student.training.train_student", stop)
    with pytest.raises(KeyboardInterrupt):
        vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert vars(vectorizer) == before
    with pytest.raises(NotFittedError):
        vectorizer.transform(documents)


@pytest.mark.parametrize(
    "call",
    [
        lambda v: v.transform(["a"]),
        lambda v: v.get_feature_names_out(),
        lambda v: v.project_teacher([[1.0]]),
        lambda v: v.save("model"),
        lambda v: v.truncate(2),
    ],
    ids=["transform", "names", "project_teacher", "save", "truncate"],
)
def test_vectorizer_not_fitted(call):
    with pytest.raises(NotFittedError):
        call(LuxicalVectorizer())


def test_vectorizer_missing_torch_names_the_extra(tmp_path):
    """In a process of its own, where torch cannot be imported."""
    program = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("No module named 'torch'")
sys.meta_path.insert(0, Refuse())
from sklux import LuxicalVectorizer
try:
    LuxicalVectorizer().fit(["a b", "b c"] * 9, teacher_embeddings=[[1, 0], [0, 1]] * 9)
except ImportError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'sklux[train]'" in result.stdout


@pytest.mark.parametrize("method", ["transform", "fit_transform"])
def test_vectorizer_takes_documents_by_name(method, documents, latent_teacher):
    vectorizer = small_vectorizer(latent_teacher).fit(documents)
    vectors = getattr(vectorizer, method)(raw_documents=documents)
    np.testing.assert_array_equal(vectors, vectorizer.transform(documents))


def test_vectorizer_lexical_stage_of_changed_width_is_refused(
    documents, teacher_embeddings
):
    """The kernel would read weights that are not there."""
    vectorizer = small_vectorizer(lexical=HashingVectorizer(n_features=1024))
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    vectorizer.lexical_.set_params(n_features=2**22)
    with pytest.raises(ValueError, match="X has 4194304 features, but the network"):
        vectorizer.transform(documents)


def test_vectorizer_words_only_in_held_out_documents_have_weights():
    """Each document is one word; the student does not train on held-out ones."""
    documents = [f"word{i}" for i in range(600)]
    embeddings = np.random.RandomState(0).standard_normal((600, 200))
    vectorizer = LuxicalVectorizer(
        projection=ReLUProjection(max_iter=1, early_stopping=True), random_state=0
    )
    # Documents without a common word tell nothing about each other.
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        vectorizer.fit(documents, teacher_embeddings=embeddings)
    lengths = np.linalg.norm(vectorizer.transform(documents), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


def test_vectorizer_refuses_a_constant_teacher(documents):
    """Given to fit, or from a teacher that ignores the texts."""
    embeddings = np.tile(np.arange(1.0, 9.0), (len(documents), 1))
    message = "one and the same direction for all 120 documents with an embedding"
    with pytest.raises(ValueError, match=f"teacher_embeddings has {message}"):
        small_vectorizer().fit(documents, teacher_embeddings=embeddings)
    with pytest.raises(ValueError, match=f"The teacher's output has {message}"):
        small_vectorizer(lambda texts: embeddings[: len(texts)]).fit(documents)


def test_vectorizer_refuses_a_teacher_of_zeros(documents):
    message = "The teacher's output has no embedding for any of the 30 documents"
    vectorizer = small_vectorizer(
        lambda texts: np.zeros((len(texts), 5)), teacher_sample_size=30
    )
    with pytest.raises(ValueError, match=message):
        vectorizer.fit(documents)


def test_vectorizer_refuses_a_teacher_that_gives_nan(documents, latent_teacher):
    def embed_with_nan(texts):
        vectors = latent_teacher.transform(texts)
        vectors[0] = np.nan
        return vectors

    with pytest.raises(ValueError, match="The teacher returned NaN or infinity"):
        small_vectorizer(embed_with_nan).fit(documents)


def test_vectorizer_takes_torch_tensors_of_any_type(documents, teacher_embeddings):
    import torch

    tensor = torch.tensor(teacher_embeddings, dtype=torch.bfloat16, requires_grad=True)
    vectors = small_vectorizer().fit_transform(documents, teacher_embeddings=tensor)
    assert vectors.shape == (120, 4)


# The default lexical stage


def test_vectorizer_default_stage_has_words_pairs_and_pieces():
    stage = default_lexical_stage()
    assert type(stage) is LexicalVectorizer
    changed = {
        name: value
        for name, value in stage.get_params().items()
        if value != LexicalVectorizer().get_params()[name]
    }
    assert changed == {
        "analyzer": "word+subword",
        "ngram_range": (1, 2),
        "token_pattern": r"(?u)\b\w+\b",
        "segmentation": "unicode",
        "subwords_of": "unknown",
        "position_weight": "auto",
        "sublinear_tf": True,
        "max_features": 200_000,
        "dtype": np.float32,
    }


def test_vectorizer_default_stage_is_used_for_none(fitted):
    assert fitted.lexical is None
    expected = default_lexical_stage().set_params(position_weight=0.0)
    assert fitted.lexical_.get_params() == expected.get_params()


def test_vectorizer_default_stage_keeps_words_of_one_character():
    terms = default_lexical_stage().fit(["R or C 3"]).get_feature_names_out()
    words = ["3", "c", "c 3", "or", "or c", "r", "r or"]
    assert terms[-7:].tolist() == [f"word__{word}" for word in words]


def test_vectorizer_default_stage_is_new_each_time():
    assert default_lexical_stage() is not default_lexical_stage()


def test_vectorizer_default_stage_makes_no_python_strings_from_arrow(
    documents, fitted, monkeypatch
):
    def fail(self, place):
        pytest.fail("a Python string was made")

    monkeypatch.setattr(sklux._lexical.buffers.TextBuffers, "document", fail)
    texts = [*documents, "na\u00efve \u4e2d\u6587 \U0001f34e"]
    for column in (pa.array(texts), pa.chunked_array([texts[:9], [], texts[9:]])):
        np.testing.assert_array_equal(fitted.transform(column), fitted.transform(texts))


def arrow_reader(documents):
    """Batches that can be read once."""
    return pa.table({"text": documents}).to_reader(max_chunksize=50)


def arrow_views(documents):
    parts = documents[:9], documents[9:]
    return pa.chunked_array([pa.array(part, pa.string_view()) for part in parts])


def arrow_in_pandas(documents):
    return pd.Series(documents, dtype=pd.ArrowDtype(pa.large_string()))


@pytest.mark.parametrize(
    "kind",
    [
        pa.array,
        pd.Series,
        pl.Series,
        tuple,
        arrow_reader,
        arrow_views,
        arrow_in_pandas,
    ],
)
def test_vectorizer_default_stage_takes_any_column(
    kind, documents, teacher_embeddings, fitted
):
    vectorizer = small_vectorizer().fit(
        kind(documents), teacher_embeddings=teacher_embeddings
    )
    np.testing.assert_array_equal(
        vectorizer.transform(kind(documents)), fitted.transform(documents)
    )


def threads_of(monkeypatch, module):
    """A list that gets the number of threads of each pass of a module."""
    seen = []
    run_ranges = module.run_ranges

    def spy(work, edges, n_jobs, *costs):
        seen.append(effective_n_jobs(n_jobs))
        run_ranges(work, edges, n_jobs, *costs)

    monkeypatch.setattr(module, "run_ranges", spy)
    return seen


def test_vectorizer_n_jobs_reaches_the_default_stage_in_fit(
    documents, teacher_embeddings, monkeypatch
):
    seen = threads_of(monkeypatch, sklux._lexical.matrix)
    small_vectorizer(n_jobs=3).fit(documents, teacher_embeddings=teacher_embeddings)
    assert set(seen) == {3}


def test_vectorizer_default_stage_has_the_same_bits_for_any_n_jobs(
    documents, teacher_embeddings, fitted, monkeypatch
):
    monkeypatch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", 500)
    vectorizer = small_vectorizer(n_jobs=3).fit(
        documents, teacher_embeddings=teacher_embeddings
    )
    assert vectorizer.lexical_.vocabulary_ == fitted.lexical_.vocabulary_
    np.testing.assert_array_equal(
        vectorizer.lexical_.transform(documents).toarray(),
        fitted.lexical_.transform(documents).toarray(),
    )
    np.testing.assert_array_equal(
        vectorizer.transform(documents), fitted.transform(documents)
    )


def test_vectorizer_reads_the_files_that_its_lexical_stage_reads(
    tmp_path, documents, teacher_embeddings
):
    names = [tmp_path / f"{i}.txt" for i in range(len(documents))]
    for name, document in zip(names, documents):
        name.write_text(document)
    names = list(map(str, names))
    vectorizer = small_vectorizer(lexical=LexicalVectorizer(input="filename"))
    vectorizer.fit(names, teacher_embeddings=teacher_embeddings)
    # Half of a file name is not a file name: there are no views.
    projection = clone(vectorizer.projection).set_params(contrastive_weight=0)
    expected = small_vectorizer(lexical=LexicalVectorizer(), projection=projection)
    expected.fit(documents, teacher_embeddings=teacher_embeddings)
    # Files go through the matrix of the lexical stage; texts do not.
    np.testing.assert_allclose(
        vectorizer.transform(names), expected.transform(documents), rtol=0, atol=1e-6
    )


def test_vectorizer_has_no_views_of_files(tmp_path, documents):
    """The error comes before the teacher reads the files."""
    names = [tmp_path / f"{i}.txt" for i in range(5)]
    for name, document in zip(names, documents):
        name.write_text(document)
    vectorizer = small_vectorizer(
        fail_if_called, lexical=LexicalVectorizer(input="filename")
    ).set_params(projection__contrastive_weight=0.5)
    message = "contrastive_weight=0.5 needs .*input='filename'.*set contrastive_weight"
    with pytest.raises(ValueError, match=message):
        vectorizer.fit(list(map(str, names)))


def test_vectorizer_calls_the_transform_of_a_subclass(documents, teacher_embeddings):
    class Reversed(LexicalVectorizer):
        def transform(self, raw_documents):
            return super().transform([text[::-1] for text in raw_documents])

    vectorizer = small_vectorizer(lexical=Reversed())
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    backwards = [text[::-1] for text in documents]
    assert vectorizer.transform(backwards).any()
    assert not vectorizer.transform(documents).any()


# Two views of each document


@pytest.fixture
def short_is_long(monkeypatch):
    """Without this, 'auto' is 0, because the documents here are short."""
    monkeypatch.setattr(sklux._student.defaults, "SHORT_LENGTH", 1)


def learnt_as_read():
    """The default stage, but words do not share weights with their pieces."""
    return default_lexical_stage().set_params(subwords_of="all", position_weight=0.0)


def fitted_by_hand(vectorizer, documents, teacher_embeddings, X_views):
    """Fit a network to the matrix of the fitted lexical stage."""
    projection = clone(vectorizer.projection).set_params(random_state=0)
    X = vectorizer.lexical_.transform(documents)
    return projection.fit(X, teacher_embeddings, X_views=X_views)


@pytest.mark.parametrize("weight", ["auto", 0.5])
def test_vectorizer_views_are_the_halves_of_the_documents(
    weight, documents, teacher_embeddings, monkeypatch, short_is_long
):
    monkeypatch.setattr(sklux._vectorizer, "MIN_HALF_TERMS", 0)
    vectorizer = small_vectorizer(lexical=learnt_as_read())
    vectorizer.set_params(projection__contrastive_weight=weight)
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    first, second = split_halves(documents)
    views = vectorizer.lexical_.transform([*first, *second])
    expected = fitted_by_hand(vectorizer, documents, teacher_embeddings, views)
    np.testing.assert_array_equal(vectorizer.projection_.coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("least", [1, 6, 100])
def test_vectorizer_views_of_short_halves_are_empty(least, monkeypatch):
    """Two halves of two words; two longer ones; one with a single word, one empty."""
    monkeypatch.setattr(sklux._vectorizer, "MIN_HALF_TERMS", least)
    long = "a1 a2 a3 a4 a5 a6 longer1 longer2 longer3 longer4"
    documents = ["ab cd ef gh", long, "x"]
    lexical = TfidfVectorizer(token_pattern=r"\S+").fit(documents)
    views = small_vectorizer(n_jobs=1)._views(lexical, documents, None)
    halves = [half for side in split_halves(documents) for half in side]
    expected = [len(half.split()) for half in halves]
    expected = [n if n >= least else 0 for n in expected]
    np.testing.assert_array_equal(np.diff(views.indptr), expected)


def test_vectorizer_gives_halves_one_by_one_to_its_own_stage(monkeypatch, documents):
    """Another stage may read them several times, so it gets a list."""
    given = {}

    def recorded(stage, name):
        transform = stage.transform

        def record(raw_documents):
            given[name] = type(raw_documents)
            return transform(raw_documents)

        monkeypatch.setattr(stage, "transform", record)
        return stage

    vectorizer = LuxicalVectorizer()
    views = []
    for stage in (LexicalVectorizer(), TfidfVectorizer(dtype=np.float32)):
        stage.fit(documents)
        lexical = recorded(stage, type(stage).__name__)
        views.append(vectorizer._views(lexical, documents, None))
    assert given.pop("TfidfVectorizer") is list
    assert given.pop("LexicalVectorizer") is not list
    assert abs(views[0] - views[1]).max() == 0


def never_called(texts):
    raise AssertionError("the teacher was called")


@pytest.mark.parametrize("is_given", [False, True])
def test_vectorizer_warns_of_memory_before_it_starts(
    monkeypatch, documents, teacher_embeddings, is_given
):
    """If the warning is an error, nothing was computed."""
    monkeypatch.setattr("sklux._student.fit_memory.available_memory", lambda: 1)
    vectorizer = LuxicalVectorizer(never_called, teacher_words=None)
    options = {"teacher_embeddings": teacher_embeddings} if is_given else {}
    monkeypatch.setattr(LuxicalVectorizer, "_fit_lexical", never_called)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="GB of memory .*but only 1e-09"):
            vectorizer.fit(documents, **options)


@pytest.mark.parametrize("lexical", [None, HashingVectorizer(n_features=500)])
def test_vectorizer_warns_of_memory_once(
    monkeypatch, documents, teacher_embeddings, lexical
):
    """If the number of terms cannot be guessed, the training warns."""
    monkeypatch.setattr("sklux._student.fit_memory.available_memory", lambda: 1)
    projection = ReLUProjection(hidden_layer_sizes=(8,), max_iter=1)
    vectorizer = LuxicalVectorizer(lexical=lexical, projection=projection)
    with pytest.warns(UserWarning) as found:
        vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert sum("GB of memory" in str(each.message) for each in found) == 1
    assert all(each.filename == __file__ for each in found)


@pytest.mark.parametrize("name", ["contrastive_weight", "corpus_weight"])
def test_vectorizer_makes_no_views_without_weight(
    name, documents, teacher_embeddings, monkeypatch, short_is_long
):
    def fail(documents):
        pytest.fail("documents were split")

    monkeypatch.setattr(sklux._vectorizer, "halves_in_turn", fail)
    vectorizer = small_vectorizer(lexical=learnt_as_read())
    vectorizer.set_params(**{f"projection__{name}": 0})
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    expected = fitted_by_hand(vectorizer, documents, teacher_embeddings, None)
    np.testing.assert_array_equal(vectorizer.projection_.coefs_[0], expected.coefs_[0])


def test_vectorizer_takes_documents_without_a_second_half(latent_teacher):
    words = ["apple", "pear", "car", "truck", "violin", "piano"] * 5
    vectors = small_vectorizer(latent_teacher).fit_transform(words)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


# Documents without a teacher embedding


class CountingTeacher:
    """A teacher that keeps the texts that it embeds."""

    def __init__(self, function):
        self.function = function
        self.seen = []

    def __call__(self, texts):
        self.seen += texts
        return self.function(texts)


@pytest.fixture
def counting(latent_teacher):
    return CountingTeacher(latent_teacher.transform)


@pytest.mark.parametrize("is_cached", [False, True])
def test_vectorizer_teacher_embeds_only_the_sample(
    is_cached, documents, counting, tmp_path
):
    teacher = counting
    if is_cached:
        teacher = CachedTeacher(counting, path=tmp_path, model_id="counting")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectorizer = small_vectorizer(teacher, teacher_sample_size=30).fit(documents)
    assert (
        len(counting.seen)
        == len(set(counting.seen))
        == vectorizer.n_teacher_documents_
        == 30
    )
    assert set(counting.seen) < set(documents)


def test_vectorizer_teacher_sample_is_the_same_in_any_order(documents, latent_teacher):
    chosen = []
    for texts in (documents, documents[::-1], sorted(documents)):
        teacher = CountingTeacher(latent_teacher.transform)
        small_vectorizer(teacher, teacher_sample_size=30).fit(texts)
        chosen.append(set(teacher.seen))
    assert len(chosen[0]) == 30
    assert chosen[0] == chosen[1] == chosen[2]


def test_vectorizer_larger_teacher_sample_contains_the_smaller_one(
    documents, latent_teacher
):
    """A larger sample contains the documents of a smaller one."""
    chosen = []
    for size in (20, 50):
        teacher = CountingTeacher(latent_teacher.transform)
        small_vectorizer(teacher, teacher_sample_size=size).fit(documents)
        chosen.append(set(teacher.seen))
    assert chosen[0] < chosen[1]


@pytest.mark.parametrize("size", [None, 120, 1000, "auto"])
def test_vectorizer_teacher_sample_of_all_documents(size, documents, counting, fitted):
    vectorizer = small_vectorizer(counting, teacher_sample_size=size).fit(documents)
    assert sorted(counting.seen) == sorted(documents)
    assert vectorizer.n_teacher_documents_ == 120
    np.testing.assert_allclose(
        vectorizer.transform(documents), fitted.transform(documents), atol=1e-4
    )


def test_vectorizer_teacher_sample_size_auto_is_ten_thousand(
    documents, counting, monkeypatch
):
    assert sklux._vectorizer.DEFAULT_TEACHER_SAMPLE_SIZE == 10_000
    monkeypatch.setattr(sklux._vectorizer, "DEFAULT_TEACHER_SAMPLE_SIZE", 25)
    assert small_vectorizer(counting).fit(documents).n_teacher_documents_ == 25
    assert len(counting.seen) == 25


def test_vectorizer_teacher_sample_size_limits_the_width(documents, latent_teacher):
    vectorizer = LuxicalVectorizer(latent_teacher, teacher_sample_size=5)
    assert vectorizer.fit(documents).transform(["apple"]).shape == (1, 5)


def test_vectorizer_teacher_sample_size_does_not_touch_given_vectors(
    documents, teacher_embeddings, fitted
):
    vectorizer = small_vectorizer(teacher_sample_size=5)
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert vectorizer.n_teacher_documents_ == 120
    np.testing.assert_array_equal(
        vectorizer.transform(documents), fitted.transform(documents)
    )


def test_vectorizer_learns_from_documents_without_a_teacher_embedding(
    documents, topics, latent_teacher
):
    """The teacher embeds 20 of 120; the student separates the topics of all."""
    vectorizer = small_vectorizer(latent_teacher, teacher_sample_size=20)
    vectors = vectorizer.fit_transform(documents)
    cosines = vectors @ vectors.T
    is_same = np.equal.outer(topics, topics)
    assert cosines[is_same].min() > cosines[~is_same].max()


def test_vectorizer_given_vectors_may_lack_documents(documents, teacher_embeddings):
    """Rows of NaN, and of zeros, which some teachers return for empty documents."""
    embeddings = teacher_embeddings.copy()
    embeddings[:30], embeddings[30:40] = np.nan, 0
    message = "40 of 120 documents have no teacher embedding: .* from the other 80"
    with pytest.warns(UserWarning, match=message) as caught:
        vectorizer = small_vectorizer().fit(documents, teacher_embeddings=embeddings)
    assert caught[0].filename == __file__
    assert vectorizer.n_teacher_documents_ == 80
    lengths = np.linalg.norm(vectorizer.transform(documents), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


def test_vectorizer_refuses_given_vectors_without_any_embedding(documents):
    with pytest.raises(
        ValueError, match="teacher_embeddings has no embedding for any of the 120"
    ):
        small_vectorizer().fit(documents, teacher_embeddings=np.full((120, 4), np.nan))


# The report


def test_vectorizer_report_is_the_report_of_the_projection(fitted):
    assert fitted.report_ is fitted.projection_.report_
    assert fitted.report_.n_documents == 120
    assert fitted.n_teacher_documents_ == 120


@pytest.mark.parametrize("name", ["report_", "n_teacher_documents_"])
def test_vectorizer_report_needs_fit(name):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(LuxicalVectorizer(), name)


def test_vectorizer_collapse_warns(documents, teacher_embeddings):
    """A single unit has one direction."""
    vectorizer = small_vectorizer(
        projection=ReLUProjection(4, hidden_layer_sizes=(1,), max_iter=1)
    )
    with pytest.warns(ConvergenceWarning, match="The student has collapsed"):
        vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert vectorizer.report_.is_collapsed


# Fewer dimensions


@pytest.mark.parametrize("n_components", [1, 3, 4])
def test_vectorizer_truncate_keeps_the_first_components(
    n_components, documents, fitted
):
    vectors = fitted.truncate(n_components).transform(documents)
    whole = fitted.transform(documents)[:, :n_components]
    expected = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_vectorizer_truncate_gives_another_model(documents, fitted):
    expected = fitted.transform(documents)
    short = fitted.truncate(2)
    assert short.lexical_ is not fitted.lexical_
    assert list(short.get_feature_names_out()) == [
        "luxicalvectorizer0",
        "luxicalvectorizer1",
    ]
    short.lexical_.set_params(sublinear_tf=True)
    assert fitted.projection_.n_components_ == 4
    np.testing.assert_array_equal(fitted.transform(documents), expected)


def test_vectorizer_truncated_stays_fused(documents, fitted):
    short = fitted.truncate(3)
    assert is_fused(fitted) and is_fused(short)
    np.testing.assert_allclose(
        short.transform(documents), unfused(short, documents), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("hidden_layer_sizes", ["tied", (), (8, 6)])
def test_vectorizer_truncate_behind_another_stage(
    hidden_layer_sizes, documents, teacher_embeddings
):
    projection = ReLUProjection(
        4,
        hidden_layer_sizes=hidden_layer_sizes,
        max_iter=1,
        weights_dtype="float32",
    )
    vectorizer = small_vectorizer(lexical=CountVectorizer(), projection=projection)
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    whole = vectorizer.transform(documents)[:, :2]
    expected = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    vectors = vectorizer.truncate(2).transform(documents)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_vectorizer_truncate_shortens_teacher_vectors_too(teacher_embeddings, fitted):
    whole = fitted.project_teacher(teacher_embeddings)[:, :2]
    expected = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    projected = fitted.truncate(2).project_teacher(teacher_embeddings)
    np.testing.assert_allclose(projected, expected, atol=1e-6)


def test_vectorizer_truncate_keeps_teacher_and_history(documents, latent_teacher):
    vectorizer = small_vectorizer(latent_teacher, n_jobs=2).fit(documents)
    vectorizer.teacher_id_ = "name:teacher"
    short = vectorizer.truncate(2)
    assert short.teacher is latent_teacher
    assert short.n_jobs == 2
    assert short.teacher_id_ == "name:teacher"
    assert short.n_teacher_documents_ == 120
    assert short.report_ is None


@pytest.mark.parametrize("n_components", [0, 5, 2.0, "2", True, None])
def test_vectorizer_truncate_refuses_other_widths(n_components, fitted):
    with pytest.raises(
        ValueError, match="'n_components' parameter of truncate must be .* from 1 to 4"
    ):
        fitted.truncate(n_components)


def test_vectorizer_of_hashed_words_has_weights_of_words_that_occur(
    documents, latent_teacher
):
    """24 words of 2**20 columns; all columns would take 2 GB."""
    vectorizer = small_vectorizer(latent_teacher, lexical=HashingVectorizer())
    vectorizer.set_params(projection__hidden_layer_sizes=512).fit(documents)
    assert len(pickle.dumps(vectorizer)) < 6_000_000
    assert vectorizer.projection_.n_features_in_ == 2**20
    assert not vectorizer.transform(["unknown words"]).any()
    assert vectorizer.quantize("int8").transform(documents).any(axis=1).all()


def test_vectorizer_of_a_large_vocabulary_has_weights_of_terms_that_occur(
    documents, latent_teacher, tmp_path
):
    """The way through the matrix counts the other terms, too: they change the norm."""
    words = sorted(set(" ".join(documents).split()))
    lexical = LexicalVectorizer(
        vocabulary=[*(f"word{i}" for i in range(20_000)), *words], dtype=np.float32
    )
    vectorizer = small_vectorizer(latent_teacher, lexical=lexical).fit(documents)
    assert not is_fused(vectorizer)
    texts = [*documents, "apple word7 word8", "word7"]
    expected = unfused(vectorizer, texts)
    np.testing.assert_array_equal(vectorizer.transform(texts), expected)
    vectorizer.save(tmp_path / "model")
    for mmap_mode in (None, "r"):
        loaded = LuxicalVectorizer.load(tmp_path / "model", mmap_mode=mmap_mode)
        np.testing.assert_array_equal(loaded.transform(texts), expected)
