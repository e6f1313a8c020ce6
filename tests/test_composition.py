"""Use with other parts of scikit-learn: columns, unions, searches, frozen, parallel."""

import copy
import os
import sys
import threading
from contextlib import suppress
from unittest.mock import patch

import numpy as np
import pandas as pd
import polars as pl
import pytest
from conftest import small_vectorizer
from joblib import Parallel, cpu_count, delayed, parallel_config
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklux import (
    CachedTeacher,
    LexicalVectorizer,
    LuxicalVectorizer,
    ReLUProjection,
)
from sklux._utils.threads import all_threads

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def fitted(documents, teacher_embeddings):
    return small_vectorizer().fit(documents, teacher_embeddings=teacher_embeddings)


@pytest.fixture
def teacher(latent_teacher, tmp_path):
    """Has all texts in its cache after the first call."""
    return CachedTeacher(latent_teacher, path=tmp_path, model_id="latent")


@pytest.fixture
def frame(documents, topics):
    """A table with a column of text among others."""
    return pd.DataFrame(
        {"year": np.arange(len(documents)) % 5, "text": documents, "topic": topics}
    )


# Columns of tables


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_column_transformer_takes_a_column_of_text(frame, teacher, library, documents):
    table = frame if library == "pandas" else pl.from_pandas(frame)
    columns = ColumnTransformer(
        [
            ("text", small_vectorizer(teacher), "text"),
            ("year", OneHotEncoder(sparse_output=False), ["year"]),
        ]
    ).set_output(transform=library)
    result = columns.fit_transform(table)
    expected = columns.named_transformers_["text"].transform(documents)
    names = [f"text__luxicalvectorizer{i}" for i in range(4)]
    assert list(result.columns)[:4] == names
    np.testing.assert_array_equal(np.asarray(result)[:, :4], np.asarray(expected))
    assert result.shape == (len(documents), 4 + 5)
    same = columns.transform(table)
    np.testing.assert_array_equal(np.asarray(result), np.asarray(same))


def test_column_transformer_in_a_pipeline(frame, teacher):
    columns = make_column_transformer((small_vectorizer(teacher), "text"))
    pipeline = make_pipeline(columns, LogisticRegression())
    assert cross_val_score(pipeline, frame, frame["topic"], cv=3).mean() > 0.9


@pytest.mark.parametrize("kind", ["Series", "frame column of polars", "object array"])
def test_transform_of_columns_of_text(fitted, documents, kind):
    columns = {
        "Series": pd.Series(documents, index=range(7, 7 + len(documents))),
        "frame column of polars": pl.Series("text", documents),
        "object array": np.array(documents, dtype=object),
    }
    np.testing.assert_array_equal(
        fitted.transform(columns[kind]), fitted.transform(documents)
    )


def test_column_transformer_given_a_frame_instead_of_a_column(frame, teacher):
    """["text"] is a table with one column, "text" is the column."""
    vectors = [
        ColumnTransformer([("text", small_vectorizer(teacher), columns)]).fit_transform(
            frame
        )
        for columns in ("text", ["text"])
    ]
    np.testing.assert_array_equal(*vectors)


def test_column_transformer_given_two_columns(frame, teacher):
    columns = ColumnTransformer(
        [("text", small_vectorizer(teacher), ["text", "topic"])]
    )
    with pytest.raises(ValueError, match="the columns 'text', 'topic'. Select one"):
        columns.fit(frame)


# Unions


def test_feature_union_with_tfidf(documents, teacher):
    """Dense vectors next to sparse ones give a sparse matrix, as in scikit-learn."""
    union = FeatureUnion(
        [("dense", small_vectorizer(teacher)), ("sparse", TfidfVectorizer())]
    )
    result = union.fit_transform(documents)
    n_terms = len(union.transformer_list[1][1].vocabulary_)
    assert result.shape == (len(documents), 4 + n_terms)
    expected = union.transformer_list[0][1].transform(documents)
    np.testing.assert_allclose(result[:, :4].toarray(), expected, atol=1e-7)
    names = union.get_feature_names_out()
    assert names[0] == "dense__luxicalvectorizer0"
    assert names[4].startswith("sparse__")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_feature_union_of_both_stages_on_a_column(frame, teacher, library, documents):
    """A column, and its name in a table, give the same values as a list."""
    table = frame if library == "pandas" else pl.from_pandas(frame)
    union = FeatureUnion(
        [("dense", small_vectorizer(teacher)), ("sparse", LexicalVectorizer())]
    )
    expected = clone(union).fit_transform(documents).toarray()
    words = sorted(set(" ".join(documents).split()))
    assert expected.shape == (len(documents), 4 + len(words))

    fitted = clone(union)
    assert_same_values(fitted.fit_transform(table["text"]), expected)
    assert_same_values(fitted.transform(table["text"]), expected)
    columns = ColumnTransformer([("text", union, "text"), ("year", "drop", ["year"])])
    assert_same_values(columns.fit_transform(table), expected)
    assert_same_values(columns.transform(table[::-1]), expected[::-1])
    names = list(columns.get_feature_names_out())
    assert names[3] == "text__dense__luxicalvectorizer3"
    assert names[4:] == [f"text__sparse__{name}" for name in words]


def assert_same_values(found, expected):
    """Fail unless both have the same values; the first may be sparse."""
    dense = found.toarray() if sparse.issparse(found) else found
    np.testing.assert_array_equal(dense, expected)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_sparse_union_as_the_lexical_stage(documents, teacher_embeddings, library):
    """scikit-learn's setting is for the vectors; tables cannot be sparse."""
    union = FeatureUnion(
        [
            ("words", LexicalVectorizer()),
            ("letters", LexicalVectorizer(analyzer="char")),
        ]
    )
    vectorizer = small_vectorizer(lexical=union)
    given = {"teacher_embeddings": teacher_embeddings}
    expected = clone(vectorizer).fit_transform(documents, **given)
    with config_context(transform_output=library):
        frame = vectorizer.fit_transform(documents, **given)
        again = vectorizer.transform(documents)
    assert type(frame).__module__.startswith(library)
    np.testing.assert_array_equal(np.asarray(frame), expected)
    np.testing.assert_array_equal(np.asarray(again), expected)


def test_feature_union_of_both_stages_in_a_search(documents, topics, teacher):
    union = FeatureUnion(
        [("dense", small_vectorizer(teacher)), ("sparse", LexicalVectorizer())]
    )
    pipeline = make_pipeline(union, LogisticRegression())
    grid = {
        "featureunion__dense__projection__n_components": [2, 4],
        "featureunion__sparse__ngram_range": [(1, 1), (1, 2)],
        "featureunion__transformer_weights": [None, {"dense": 2.0, "sparse": 1.0}],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(documents, topics)
    assert search.best_score_ > 0.9
    assert len(search.cv_results_["params"]) == 8


# Searches


def test_halving_grid_search(documents, topics, teacher):
    pipeline = make_pipeline(small_vectorizer(teacher), LogisticRegression())
    search = HalvingGridSearchCV(
        pipeline,
        {"luxicalvectorizer__projection__n_components": [1, 2, 4]},
        cv=2,
        factor=2,
        min_resources=30,
        random_state=0,
    ).fit(documents, topics)
    assert search.n_resources_ == [30, 60]
    assert search.n_candidates_ == [3, 2]
    assert search.best_params_["luxicalvectorizer__projection__n_components"] in (2, 4)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_in_parallel_scores_like_a_sequential_one(
    documents, topics, latent_teacher, tmp_path, backend
):
    """Fits in processes and in threads give the same scores, without a deadlock."""
    pipeline = make_pipeline(
        small_vectorizer(CachedTeacher(latent_teacher, path=tmp_path, model_id="t")),
        LogisticRegression(),
    )
    grid = {"luxicalvectorizer__projection__n_components": [2, 4]}

    def scores(n_jobs):
        search = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs)
        return search.fit(documents, topics).cv_results_["mean_test_score"]

    alone = scores(None)
    with parallel_config(backend=backend):
        np.testing.assert_allclose(scores(2), alone, atol=0.05)


def threads_after_a_fit(documents, teacher_embeddings):
    """Number of threads for a fit in this process, and thread names after the fit."""
    vectorizer = small_vectorizer(projection=ReLUProjection(4))
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    return all_threads(), [thread.name for thread in threading.enumerate()]


def test_fits_in_processes_share_the_processors(documents, teacher_embeddings):
    """As many processes as processors: each fit has one thread."""
    documents, vectors = documents * 20, np.tile(teacher_embeddings, (20, 1))
    n_processes = max(cpu_count(), 2)
    found = Parallel(n_jobs=n_processes, backend="loky")(
        delayed(threads_after_a_fit)(documents, vectors) for _ in range(n_processes)
    )
    for n_threads, names in found:
        assert n_threads == 1
        assert not [name for name in names if name.startswith("sklux")]


def burnt_ticks():
    """User and system time of each thread of this process, usually in 1/100 s."""
    ticks = {}
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError), open(f"/proc/self/task/{thread}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
            ticks[thread] = int(fields[11]) + int(fields[12])
    return ticks


class WatchedVectorizer(LuxicalVectorizer):
    """Records the ticks of each thread in a fit, and the threads that torch may use."""

    def fit(self, raw_documents, y=None, *, teacher_embeddings=None):
        before = burnt_ticks()
        with patch("torch.set_num_threads", wraps=torch.set_num_threads) as setter:
            super().fit(raw_documents, teacher_embeddings=teacher_embeddings)
        self.torch_threads_ = max(call.args[0] for call in setter.call_args_list)
        after = burnt_ticks()
        self.burnt_ = np.array([after[t] - before.get(t, 0) for t in after])
        return self


def share_of_processors():
    """Threads that each of two processes may have."""
    return max(cpu_count() // 2, 1)


def work_of_threads(vectorizer, X, y=None):
    """Ticks of a fit, and the fraction burnt by threads beyond its share."""
    burnt = np.sort(vectorizer.burnt_)
    return {
        "ticks": int(burnt.sum()),
        "beyond": burnt[: -share_of_processors()].sum() / burnt.sum(),
        "torch_threads": vectorizer.torch_threads_,
        "process": os.getpid(),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "network",
    [
        pytest.param({"batch_size": 512}, id="default loss"),
        pytest.param(
            {"loss": "similarity_kl", "batch_size": 4096, "max_iter": 2},
            id="large batches",
        ),
    ],
)
def test_fits_in_a_parallel_search_keep_to_their_share(network):
    """Threads of torch, OpenMP, BLAS and kernels: two processes share the cores."""
    rng = np.random.default_rng(0)
    words = rng.integers(2000, size=(9000, 60)).astype(str)
    documents = [" ".join(row) for row in words]
    vectors = rng.standard_normal((9000, 80), dtype=np.float32)
    vectorizer = WatchedVectorizer(
        lexical=LexicalVectorizer(dtype=np.float32),
        projection=ReLUProjection(64, hidden_layer_sizes=(512,), **network),
        random_state=0,
    )
    search = GridSearchCV(
        vectorizer,
        {"projection__n_components": [64]},
        scoring=work_of_threads,
        cv=2,
        refit=False,
        n_jobs=2,
        error_score="raise",
    )
    with parallel_config(backend="loky"):
        results = search.fit(documents, teacher_embeddings=vectors).cv_results_
    for split in ("split0", "split1"):
        assert results[f"{split}_test_process"] != os.getpid()
        # With fewer ticks, one tick changes the share too much.
        assert results[f"{split}_test_ticks"] > 20
        assert results[f"{split}_test_torch_threads"] <= share_of_processors()
        assert results[f"{split}_test_beyond"] < 0.05


def test_fit_in_this_process_has_all_processors():
    assert all_threads() == cpu_count()


def test_transform_in_parallel_config_uses_its_threads(fitted, documents):
    """n_jobs=None follows the context, and the bits stay the same."""
    expected = fitted.transform(documents)
    for backend in ("threading", "loky"):
        with parallel_config(backend=backend, n_jobs=2):
            np.testing.assert_array_equal(fitted.transform(documents), expected)


# Frozen and copied


def test_frozen_estimator_is_not_fitted_again(fitted, documents, topics):
    frozen = FrozenEstimator(fitted)
    pipeline = make_pipeline(frozen, LogisticRegression()).fit(documents, topics)
    assert pipeline.score(documents, topics) > 0.9
    np.testing.assert_array_equal(
        frozen.fit(documents[:5], None).transform(documents),
        fitted.transform(documents),
    )
    assert clone(frozen) is frozen


def test_frozen_estimator_in_a_cross_validation(fitted, documents, topics):
    pipeline = make_pipeline(FrozenEstimator(fitted), LogisticRegression())
    assert cross_val_score(pipeline, documents, topics, cv=3).min() > 0.9


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, clone])
def test_copies_fit_alike(copied, documents, teacher_embeddings):
    original = small_vectorizer()
    first, second = (
        vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
        for vectorizer in (copied(original), original)
    )
    np.testing.assert_array_equal(
        first.transform(documents), second.transform(documents)
    )


def test_deepcopy_of_a_fitted_model_shares_nothing(fitted, documents):
    twin = copy.deepcopy(fitted)
    expected = fitted.transform(documents)
    coefs = twin.projection_.coefs_
    coefs[0] = coefs[0] * 0 + 1
    twin.projection_.coefs_ = coefs
    assert not np.array_equal(twin.transform(documents), expected)
    np.testing.assert_array_equal(fitted.transform(documents), expected)


def test_html_repr_of_a_pipeline_shows_the_state(documents, topics, teacher):
    pipeline = make_pipeline(small_vectorizer(teacher), LogisticRegression())
    before = pipeline._repr_html_()
    pipeline.fit(documents, topics)
    after = pipeline._repr_html_()
    for html, state in ((before, "Not fitted"), (after, "Fitted")):
        assert "LuxicalVectorizer" in html
        assert f"<span>{state}</span>" in html
