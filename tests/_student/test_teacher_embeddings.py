"""Teacher embeddings that a fit is given."""

import numpy as np
import pytest
import reference

from sklux._student.teacher_embeddings import (
    check_embedded_rows,
)


def vectors(n_samples=5, seed=0):
    rows = np.random.RandomState(seed).standard_normal((n_samples, 3))
    return rows.astype(np.float32)


def test_check_taught_rows_nan_rows_become_zero():
    rows = vectors()
    rows[[1, 3]] = np.nan
    before = rows.copy()
    found = check_embedded_rows(rows, "y")
    assert not found[[1, 3]].any()
    reference.assert_same_bits(found[[0, 2, 4]], rows[[0, 2, 4]])
    # A copy.
    np.testing.assert_array_equal(rows, before)
    assert found.dtype == np.float32


def test_check_taught_rows_of_all_is_the_array_itself():
    rows = vectors()
    assert check_embedded_rows(rows, "y") is rows


def test_check_taught_rows_zero_rows_stay():
    rows = vectors()
    rows[2] = 0
    assert check_embedded_rows(rows, "y") is rows


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_check_taught_rows_value_is_not_finite(bad):
    """NaN in a part of a row is an error, in all of it a mark."""
    rows = vectors()
    rows[0] = np.nan
    rows[[2, 4], 1] = bad
    with pytest.raises(
        ValueError, match="teacher has NaN or infinity in 2 rows, .* row 2.*encode"
    ):
        check_embedded_rows(rows, "teacher")


def test_check_taught_rows_infinite_row():
    rows = vectors()
    rows[1] = np.inf
    with pytest.raises(ValueError, match="y has NaN or infinity in 1 rows"):
        check_embedded_rows(rows, "y")


@pytest.mark.parametrize("value", [np.nan, 0])
def test_check_taught_rows_of_none(value):
    rows = np.full((4, 3), value, dtype=np.float32)
    with pytest.raises(ValueError, match="y has a vector for none of the 4 documents"):
        check_embedded_rows(rows, "y")


def test_check_taught_rows_without_columns():
    with pytest.raises(ValueError, match="y has a vector for none of the 2 documents"):
        check_embedded_rows(np.zeros((2, 0), dtype=np.float32), "y")


@pytest.mark.parametrize("lengths", [[1, 1, 1], [1, 5, 1e-20]])
def test_check_taught_rows_of_one_direction(lengths):
    """The length of a vector does not count."""
    rows = np.outer(lengths, [1, -2, 3]).astype(np.float32)
    rows = np.vstack([rows, np.full((1, 3), np.nan, dtype=np.float32)])
    with pytest.raises(
        ValueError, match="y has one and the same direction for all 3 documents taught"
    ):
        check_embedded_rows(rows, "y")


def test_check_taught_rows_two_directions_are_enough():
    rows = np.array([[1, 0], [1, 0], [1, 1e-3]], dtype=np.float32)
    assert check_embedded_rows(rows, "y") is rows


def test_check_taught_rows_one_document_taught():
    rows = np.full((3, 2), np.nan, dtype=np.float32)
    rows[1] = 1
    assert check_embedded_rows(rows, "y").any(axis=1).tolist() == [False, True, False]
