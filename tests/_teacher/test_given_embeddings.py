"""Teacher embeddings that the user gives."""

import warnings

import numpy as np
import pandas as pd
import pytest

from _teacher.teachers import TEXTS, letter_counts
from sklux._student.teacher_embeddings import TeacherEmbeddings


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
    vectors = TeacherEmbeddings.of_documents(embeddings, len(TEXTS)).vectors
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
        TeacherEmbeddings.of_documents(embeddings, 6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_teacher_embeddings_that_are_not_finite(value):
    embeddings = np.ones((6, 3))
    embeddings[[2, 5], 1] = value
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has NaN or infinity in 2 rows, the first of them row "
        "2. An embedding must have finite numbers, and a document without an embedding "
        "must have NaN in all of its row",
    ):
        TeacherEmbeddings.of_documents(embeddings, 6)


def test_teacher_embeddings_of_documents_without_one_are_zero():
    """The array of the caller stays as it was."""
    embeddings = np.arange(18.0).reshape(6, 3)
    embeddings[[1, 4]] = np.nan
    vectors = TeacherEmbeddings.of_documents(embeddings, 6).vectors
    assert vectors.dtype == np.float32
    assert not vectors[[1, 4]].any()
    np.testing.assert_array_equal(vectors[[0, 2, 3, 5]], embeddings[[0, 2, 3, 5]])
    assert np.isnan(embeddings[[1, 4]]).all()


@pytest.mark.parametrize("value", [np.nan, 0])
def test_teacher_embeddings_of_no_document(value):
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has no embedding for any of the 6 documents",
    ):
        TeacherEmbeddings.of_documents(np.full((6, 3), value), 6)


def test_teacher_embeddings_of_one_direction():
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has one and the same direction for all 6 documents",
    ):
        TeacherEmbeddings.of_documents(np.outer(np.arange(1, 7), [1, 2, 3]), 6)


def test_teacher_embeddings_too_large_for_float32():
    """One clear error, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="NaN or infinity in 6 rows"):
            TeacherEmbeddings.of_documents(np.full((6, 3), 1e300), 6)
