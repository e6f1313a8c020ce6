"""Columns of vectors in every public function that takes vectors."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import small_vectorizer
from sklearn import config_context
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklux import EmbeddingMapDisplay, QualityDisplay, ReLUProjection, metrics


def arrow_column(vectors):
    return pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.ravel()), vectors.shape[1]
    )


COLUMNS = {
    "list": list,
    "objects": lambda vectors: pd.Series(list(vectors)).to_numpy(),
    "pandas": lambda vectors: pd.Series(list(vectors)),
    "pandas lists": lambda vectors: pd.Series(vectors.tolist()),
    "pandas frame": lambda vectors: pd.DataFrame({"embedding": list(vectors)}),
    "polars": lambda vectors: pl.Series(vectors.tolist()),
    "polars array": pl.Series,
    "Arrow": arrow_column,
    "Arrow chunks": lambda vectors: pa.chunked_array(
        [arrow_column(vectors[:7]), arrow_column(vectors[7:])]
    ),
}


@pytest.fixture(params=COLUMNS)
def column(request):
    """Makes a column of the rows of a matrix."""
    return COLUMNS[request.param]


def test_vector_columns_as_teacher_embeddings(column, documents, teacher_embeddings):
    """The student is the same as with a matrix, and so is its score."""
    rows = np.array(teacher_embeddings)
    expected = small_vectorizer().fit(documents, teacher_embeddings=rows)
    student = small_vectorizer().fit(documents, teacher_embeddings=column(rows))
    np.testing.assert_array_equal(
        student.transform(documents), expected.transform(documents)
    )
    given = {"teacher_embeddings": column(rows)}
    assert student.score(documents, **given) == expected.score(
        documents, teacher_embeddings=rows
    )
    np.testing.assert_array_equal(
        student.project_teacher(column(rows[:9])), expected.project_teacher(rows[:9])
    )


def test_vector_columns_as_features_and_targets(column, teacher_embeddings):
    rows = np.array(teacher_embeddings)
    params = dict(hidden_layer_sizes=(8,), max_iter=2, random_state=0)
    expected = ReLUProjection(3, **params).fit(rows, rows)
    projection = ReLUProjection(3, **params).fit(column(rows), column(rows))
    np.testing.assert_array_equal(
        projection.transform(column(rows)), expected.transform(rows)
    )


@pytest.mark.parametrize(
    "missing",
    [
        lambda rows: [None, *rows[1:]],
        lambda rows: pd.Series([None, *rows[1:]]),
        lambda rows: pd.Series([np.nan, *rows[1:]]),
        lambda rows: pl.Series([None, *rows[1:].tolist()]),
        lambda rows: pa.array([None, *rows[1:].tolist()]),
        lambda rows: pd.Series([rows[0] * np.nan, *rows[1:]]),
    ],
    ids=["list", "pandas", "pandas NaN", "polars", "Arrow", "row of NaN"],
)
def test_vector_columns_with_a_missing_row(missing, documents, teacher_embeddings):
    """A document whose row is null has no teacher embedding."""
    column = missing(np.array(teacher_embeddings))
    with pytest.warns(UserWarning, match="1 of 120 documents has no teacher embedding"):
        student = small_vectorizer().fit(documents, teacher_embeddings=column)
    assert student.n_teacher_documents_ == len(documents) - 1


def test_vector_columns_in_a_grid_search(column, documents, teacher_embeddings):
    """Searches take a part of the column for each fold."""
    rows = column(np.array(teacher_embeddings))
    with config_context(enable_metadata_routing=True):
        student = (
            small_vectorizer()
            .set_fit_request(teacher_embeddings=True)
            .set_score_request(teacher_embeddings=True)
        )
        search = GridSearchCV(
            student, {"projection__n_components": [3]}, cv=2, refit=False
        )
        search.fit(documents, teacher_embeddings=rows)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_vector_columns_in_metrics(column):
    rows = np.random.RandomState(0).standard_normal((30, 4)).astype(np.float32)
    other = rows[:, :3] + 1
    assert metrics.neighbor_recall_score(
        column(rows), column(other)
    ) == metrics.neighbor_recall_score(rows, other)
    assert metrics.similarity_correlation(
        column(rows), column(other), random_state=0
    ) == metrics.similarity_correlation(rows, other, random_state=0)
    assert metrics.half_document_retrieval(
        column(rows), column(rows + 1)
    ) == metrics.half_document_retrieval(rows, rows + 1)
    for function in (metrics.effective_rank, metrics.mean_cosine):
        assert function(column(rows)) == function(rows)


@pytest.fixture
def closed_figures():
    """Figures of a test are closed after it."""
    pytest.importorskip("matplotlib").use("agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    yield
    pyplot.close("all")


def test_vector_columns_in_displays(column, closed_figures):
    rows = np.random.RandomState(0).standard_normal((12, 4)).astype(np.float32)
    quality = QualityDisplay.from_embeddings(column(rows), column(rows), random_state=0)
    np.testing.assert_allclose(quality.teacher_cosines, quality.student_cosines)
    expected = EmbeddingMapDisplay.from_embeddings(rows, random_state=0)
    shown = EmbeddingMapDisplay.from_embeddings(column(rows), random_state=0)
    np.testing.assert_array_equal(shown.positions, expected.positions)
    points = EmbeddingMapDisplay(positions=column(rows[:, :2])).plot()
    np.testing.assert_allclose(points.scatters_[0].get_offsets(), rows[:, :2])


def test_vector_columns_of_a_teacher(column, documents, teacher_embeddings):
    """A teacher may return a column of vectors."""
    rows = dict(zip(documents, np.array(teacher_embeddings)))
    teacher = make_pipeline(
        FunctionTransformer(lambda texts: column(np.stack([rows[t] for t in texts])))
    )
    student = small_vectorizer(teacher).fit(documents)
    assert student.n_teacher_documents_ == len(documents)


def test_vector_columns_of_different_lengths(documents, teacher_embeddings, fitted):
    """Each function says which row differs."""
    rows = list(np.array(teacher_embeddings))
    rows[5] = rows[5][:-1]
    message = "of different lengths: row 0 has length 6, but row 5 has length 5"
    calls = [
        lambda: fitted.fit(documents, teacher_embeddings=rows),
        lambda: fitted.score(documents, teacher_embeddings=rows),
        lambda: fitted.project_teacher(rows),
        lambda: metrics.effective_rank(rows),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()
