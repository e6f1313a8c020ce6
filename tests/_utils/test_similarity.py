"""Cosines, neighbours and spread of embeddings against plain loops."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklux._utils import blocks, similarity
from sklux._utils.similarity import (
    cosine_correlation,
    covariance_rank,
    is_zero_row,
    mean_pair_cosine,
    n_neighbors_compared,
    nearest_neighbors,
    neighbor_overlap,
    random_pair_cosines,
    second_moment,
    similarity_blocks,
    unit_rows,
)


def vectors(n_samples, n_components, seed=0):
    return np.random.RandomState(seed).standard_normal((n_samples, n_components))


def all_similarities(queries, embeddings):
    """The blocks in one array; each block must begin where the last one ended."""
    found = []
    for rows, similarities in similarity_blocks(queries, embeddings):
        assert rows.start == sum(map(len, found))
        assert rows.stop - rows.start == len(similarities)
        found.append(similarities)
    return np.concatenate(found)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, 1e30, 1e300])
def test_similarity_unit_rows_of_any_magnitude(scale):
    """No square overflows or underflows."""
    rows = unit_rows(scale * np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 0.0]]))
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [-1, 0]], rtol=1e-6)


def test_similarity_unit_rows_equal_reference():
    rows = vectors(20, 5)
    np.testing.assert_allclose(unit_rows(rows), reference.unit_rows(rows), rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_similarity_unit_rows_without_values(shape):
    assert unit_rows(np.empty(shape)).shape == shape


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("rows_at_a_time", [1, 7, 50, 1024])
def test_similarity_blocks_cover_all_rows(monkeypatch, container, rows_at_a_time):
    monkeypatch.setattr(similarity, "ROWS_AT_A_TIME", rows_at_a_time)
    queries, embeddings = vectors(50, 6), vectors(30, 6, seed=1)
    np.testing.assert_allclose(
        all_similarities(container(queries), container(embeddings)),
        queries @ embeddings.T,
    )


def test_similarity_neighbors_equal_reference_nearest_first():
    rows = vectors(40, 6)
    found = nearest_neighbors(unit_rows(rows), np.arange(40), 5)
    assert [set(row) for row in found] == reference.nearest_neighbors(rows, 5)
    cosines = reference.unit_rows(rows) @ reference.unit_rows(rows).T
    for i, row in enumerate(found):
        assert (np.diff(cosines[i, row]) < 0).all()


def test_similarity_neighbors_of_some_rows_do_not_depend_on_blocks(monkeypatch):
    rows, queries = unit_rows(vectors(50, 6)), np.array([49, 3, 17])
    whole = nearest_neighbors(rows, np.arange(50), 10)
    monkeypatch.setattr(similarity, "ROWS_AT_A_TIME", 2)
    np.testing.assert_array_equal(nearest_neighbors(rows, queries, 10), whole[queries])


def test_similarity_neighbors_exclude_the_row_itself_but_not_its_copies():
    rows = np.tile(unit_rows(vectors(1, 3)), (3, 1))
    found = nearest_neighbors(rows, np.arange(3), 2)
    assert [set(row) for row in found] == [{1, 2}, {0, 2}, {0, 1}]


def test_similarity_overlap_by_hand():
    """Shared neighbours: 2 of 2, 1 of 2, 0 of 2; their order does not count."""
    first = np.array([[1, 2], [0, 2], [0, 1]])
    second = np.array([[2, 1], [2, 5], [3, 4]])
    assert neighbor_overlap(first, second) == 0.5


@pytest.mark.parametrize(
    ("n_documents", "expected"),
    [(0, 0), (1, 0), (2, 1), (3, 1), (12, 6), (19, 9), (20, 10), (10**6, 10)],
)
def test_similarity_number_of_neighbors_compared(n_documents, expected):
    assert n_neighbors_compared(n_documents) == expected


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_similarity_zero_rows(container):
    rows = np.array([[0, 0], [1, -1], [0, -2], [0, 0]], dtype=np.float32)
    assert is_zero_row(container(rows)).tolist() == [True, False, False, True]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_similarity_random_pairs_never_pair_a_row_with_itself(n_samples, seed):
    """Rows are axes: the cosine is 1 for a row and itself, and 0 for others."""
    rows = np.eye(n_samples, dtype=np.float32)
    random_state = np.random.RandomState(seed)
    for cosines in random_pair_cosines(rows, rows, 100, random_state):
        assert not cosines.any()


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_similarity_random_pairs_do_not_depend_on_blocks(monkeypatch, container):
    first = container(unit_rows(vectors(30, 6)))
    second = container(unit_rows(vectors(30, 3)))
    whole = random_pair_cosines(first, second, 5000, np.random.RandomState(0))
    monkeypatch.setattr(similarity, "PAIRS_AT_A_TIME", 999)
    found = random_pair_cosines(first, second, 5000, np.random.RandomState(0))
    np.testing.assert_array_equal(found, whole)


def test_similarity_correlation_of_constant_cosines_is_zero():
    rows = unit_rows(vectors(20, 4))
    constant = unit_rows(np.ones((20, 4)))
    random_state = np.random.RandomState(0)
    assert cosine_correlation(rows, constant, 1000, random_state) == 0
    assert cosine_correlation(rows, rows, 1000, random_state) == pytest.approx(1)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shape", [(30, 5), (5, 30)])
def test_similarity_spread_ignores_zero_rows(container, shape):
    rows = unit_rows(vectors(*shape))
    with_zeros = container(np.vstack([rows, np.zeros_like(rows[:2])]))
    assert covariance_rank(with_zeros) == pytest.approx(covariance_rank(rows))
    assert mean_pair_cosine(with_zeros) == pytest.approx(mean_pair_cosine(rows))


def test_similarity_spread_by_hand():
    """Four directions on a circle: two equal eigenvalues; cosines 4 x 0 and 2 x -1."""
    rows = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], dtype=np.float32)
    assert covariance_rank(rows) == pytest.approx(2)
    assert mean_pair_cosine(rows) == pytest.approx(-1 / 3)
    assert covariance_rank(np.abs(rows[:2])) == 0
    assert mean_pair_cosine(np.abs(rows[:2])) == 1


@pytest.mark.parametrize("n_samples", [0, 1, 3, 4, 9])
def test_similarity_rows_do_not_depend_on_blocks(monkeypatch, n_samples):
    """Unit rows have the same bits; a CSR matrix has zero rows too."""
    rows = vectors(n_samples, 5).astype(np.float32)
    rows[2:3] = 0
    expected = unit_rows(rows), is_zero_row(rows), is_zero_row(sparse.csr_matrix(rows))
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    found = unit_rows(rows), is_zero_row(rows), is_zero_row(sparse.csr_matrix(rows))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_samples", [0, 1, 3, 4, 9])
def test_similarity_second_moment_does_not_depend_on_blocks(monkeypatch, n_samples):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    first = vectors(n_samples, 3).astype(np.float32)
    second = vectors(n_samples, 2, seed=1).astype(np.float32)
    moment = second_moment(first, second)
    assert moment.dtype == np.float64
    expected = first.astype(np.float64).T @ second.astype(np.float64)
    np.testing.assert_allclose(moment, expected, atol=1e-12)
