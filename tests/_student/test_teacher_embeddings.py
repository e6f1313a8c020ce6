"""Teacher embeddings that a fit is given."""

import numpy as np
import pytest
import reference

from sklux._student.teacher_embeddings import TeacherEmbeddings


def vectors(n_samples=5, seed=0):
    rows = np.random.RandomState(seed).standard_normal((n_samples, 3))
    return rows.astype(np.float32)


def test_of_rows_nan_rows_become_zero():
    rows = vectors()
    rows[[1, 3]] = np.nan
    before = rows.copy()
    found = TeacherEmbeddings.of_rows(rows, "y").vectors
    assert not found[[1, 3]].any()
    reference.assert_same_bits(found[[0, 2, 4]], rows[[0, 2, 4]])
    # A copy.
    np.testing.assert_array_equal(rows, before)
    assert found.dtype == np.float32


def test_of_rows_of_all_is_the_array_itself():
    rows = vectors()
    assert TeacherEmbeddings.of_rows(rows, "y").vectors is rows


def test_of_rows_zero_rows_stay():
    rows = vectors()
    rows[2] = 0
    assert TeacherEmbeddings.of_rows(rows, "y").vectors is rows


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_of_rows_value_is_not_finite(bad):
    """NaN in a part of a row is an error, in all of it a mark."""
    rows = vectors()
    rows[0] = np.nan
    rows[[2, 4], 1] = bad
    with pytest.raises(
        ValueError, match="teacher has NaN or infinity in 2 rows, .* row 2.*encode"
    ):
        TeacherEmbeddings.of_rows(rows, "teacher")


def test_of_rows_infinite_row():
    rows = vectors()
    rows[1] = np.inf
    with pytest.raises(ValueError, match="y has NaN or infinity in 1 rows"):
        TeacherEmbeddings.of_rows(rows, "y")


@pytest.mark.parametrize("value", [np.nan, 0])
def test_of_rows_of_none(value):
    rows = np.full((4, 3), value, dtype=np.float32)
    with pytest.raises(
        ValueError, match="y has no embedding for any of the 4 documents"
    ):
        TeacherEmbeddings.of_rows(rows, "y")


def test_of_rows_without_columns():
    with pytest.raises(
        ValueError, match="y has no embedding for any of the 2 documents"
    ):
        TeacherEmbeddings.of_rows(np.zeros((2, 0), dtype=np.float32), "y")


@pytest.mark.parametrize("lengths", [[1, 1, 1], [1, 5, 1e-20]])
def test_of_rows_of_one_direction(lengths):
    """The length of a vector does not count."""
    rows = np.outer(lengths, [1, -2, 3]).astype(np.float32)
    rows = np.vstack([rows, np.full((1, 3), np.nan, dtype=np.float32)])
    with pytest.raises(
        ValueError, match="y has one and the same direction for all 3 documents with"
    ):
        TeacherEmbeddings.of_rows(rows, "y")


def test_of_rows_two_directions_are_enough():
    rows = np.array([[1, 0], [1, 0], [1, 1e-3]], dtype=np.float32)
    assert TeacherEmbeddings.of_rows(rows, "y").vectors is rows


def test_of_rows_one_document_embedded():
    rows = np.full((3, 2), np.nan, dtype=np.float32)
    rows[1] = 1
    found = TeacherEmbeddings.of_rows(rows, "y")
    assert found.is_embedded.tolist() == [False, True, False]
    assert found.vectors.any(axis=1).tolist() == [False, True, False]
    assert found.n_embedded == 1
    assert not found.is_complete


def test_unit_scales_rows_and_keeps_missing_ones():
    rows = vectors() * np.float32(7)
    rows[1] = np.nan
    unit = TeacherEmbeddings.of_rows(rows, "y").unit()
    lengths = np.linalg.norm(unit.vectors, axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 1, 1, 1], rtol=1e-6)
    assert unit.is_embedded.tolist() == [True, False, True, True, True]


def test_of_sample_of_some_documents():
    """A document that the teacher maps to zero has no embedding."""
    rows = vectors(3)
    rows[1] = 0
    found = TeacherEmbeddings.of_sample(rows, np.array([4, 0, 2]), 6)
    assert found.is_embedded.tolist() == [False, False, True, False, True, False]
    reference.assert_same_bits(found.vectors[[4, 0, 2]], rows)
    assert not found.vectors[[1, 3, 5]].any()
    assert found.n_components == 3


def test_of_sample_of_all_documents_is_the_array_itself():
    rows = vectors()
    assert TeacherEmbeddings.of_sample(rows, np.arange(5), 5).vectors is rows


def test_of_target_needs_a_table():
    with pytest.raises(ValueError, match="the target y is None"):
        TeacherEmbeddings.of_target(None)
    with pytest.raises(ValueError, match=r"shape \(n_samples, n_teacher_.* \(3,\)"):
        TeacherEmbeddings.of_target([1.0, 2.0, 3.0])


def test_of_target_makes_rows_without_an_embedding_zero():
    y = np.array([[np.nan, np.nan], [0, 2], [1, 0]])
    found = TeacherEmbeddings.of_target(y)
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, [[0, 0], [0, 2], [1, 0]])
