"""Copies among the documents of a fit: equal rows, joined with equal texts."""

import numpy as np
import pytest
from scipy import sparse

from sklux._student.copies import copies_of_fit, distinct_examples, row_groups


def rows(*values):
    return sparse.csr_matrix(np.array(values, dtype=np.float32))


def test_row_groups_by_hand():
    X = rows([1, 0, 2], [1, 2, 0], [1, 0, 2], [0, 0, 1], [1, 2, 0], [2, 0, 1])
    assert row_groups(X).tolist() == [0, 1, 0, 2, 1, 3]


def test_row_groups_of_zero_rows_are_all_different():
    assert row_groups(rows([0, 0], [1, 0], [0, 0], [1, 0])).tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_row_groups_do_not_depend_on_the_form_of_the_matrix(index_type):
    """Entries in any order, in two parts, or stored zeros; the matrix is unchanged."""
    indices = np.array([2, 0, 0, 2, 0, 2, 2, 1, 0, 2], dtype=index_type)
    data = np.array([2, 1, 1, 2, 1, 1, 1, 0, 1, 2], dtype=np.float32)
    X = sparse.csr_matrix((data, indices, [0, 2, 4, 7, 10]), shape=(4, 3))
    assert row_groups(X).tolist() == [0, 0, 0, 0]
    np.testing.assert_array_equal(X.indices, indices)
    np.testing.assert_array_equal(X.data, data)


@pytest.mark.parametrize("is_sorted", [False, True])
def test_row_groups_of_stored_zeros_and_of_other_orders(is_sorted):
    """One of the two is enough to need a copy of the matrix."""
    indices = [0, 1, 0] if is_sorted else [1, 0, 0, 1]
    data = [1, 0, 1] if is_sorted else [2, 1, 1, 2]
    ends = [0, 2, 3] if is_sorted else [0, 2, 4]
    X = sparse.csr_matrix((np.array(data, np.float32), indices, ends), shape=(2, 2))
    assert X.has_canonical_format == is_sorted
    assert row_groups(X).tolist() == [0, 0]


def test_groups_are_numbers_of_rows():
    for X in (rows([1, 0], [1, 0]), rows([1, 0])[:0]):
        assert row_groups(X).dtype == np.intp
    groups = copies_of_fit(rows([1, 0], [0, 1], [1, 1]), np.array([0, 0, 1]))
    assert groups.dtype == np.intp


def test_row_groups_equal_rows_of_an_array():
    rng = np.random.RandomState(0)
    dense = rng.randint(3, size=(200, 4)).astype(np.float32)
    dense = dense[dense.any(axis=1)]
    _, expected = np.unique(dense, axis=0, return_inverse=True)
    groups = row_groups(sparse.csr_matrix(dense))
    is_same = groups[:, np.newaxis] == groups
    np.testing.assert_array_equal(
        is_same, expected.ravel()[:, np.newaxis] == expected.ravel()
    )


def test_copies_of_fit_join_rows_and_texts():
    """Rows join 0 and 1; texts join 1 and 3, so all three are copies; 2 has none."""
    X = rows([1, 0], [1, 0], [2, 1], [0, 1], [0, 3])
    groups = copies_of_fit(X, np.array([0, 1, 2, 1, 3]))
    assert groups[0] == groups[1] == groups[3]
    assert len({groups[0], groups[2], groups[4]}) == 3


def test_copies_of_fit_with_equal_texts_alone():
    groups = copies_of_fit(rows([1, 0], [0, 1], [1, 1]), np.array([0, 0, 1]))
    assert groups[0] == groups[1] != groups[2]


@pytest.mark.parametrize("text_groups", [None, np.arange(3)])
def test_copies_of_fit_with_equal_rows_alone(text_groups):
    groups = copies_of_fit(rows([1, 0], [0, 1], [1, 0]), text_groups)
    assert groups.tolist() == [0, 1, 0]


def test_distinct_examples_leave_out_copies_with_the_same_embedding():
    """Documents 0, 2 and 4 are copies; 2 has the same embedding as 0."""
    vectors = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    groups = np.array([0, 1, 0, 2, 0])
    assert distinct_examples(np.array([4, 3, 2, 1, 0]), groups, vectors).tolist() == (
        [0, 1, 3, 4]
    )
    assert distinct_examples(np.array([4, 2]), groups, vectors).tolist() == [2, 4]


def test_distinct_examples_of_pairs_and_of_none():
    vectors = np.ones((4, 2), dtype=np.float32)
    for groups, expected in (([0, 1, 0, 1], [0, 1]), ([0, 1, 2, 3], [0, 1, 2, 3])):
        found = distinct_examples(np.arange(4), np.array(groups), vectors)
        assert found.tolist() == expected
        assert found.dtype == np.intp
