"""Orthonormal columns, and the coordinates of a matrix in them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import kernel_settings

from sklux._student.orthonormal import orthonormal_columns
from sklux._utils import blocks


def assert_factors(Y, n_independent=None, atol=1e-5):
    """Y = Q C, Q^T Q = I."""
    Q, C = orthonormal_columns(Y.copy())
    n_columns = Q.shape[1] if n_independent is None else n_independent
    assert Q.shape == (Y.shape[0], n_columns)
    assert C.shape == (n_columns, Y.shape[1])
    assert Q.dtype == Y.dtype
    np.testing.assert_allclose(Q.T @ Q, np.eye(n_columns), atol=atol)
    np.testing.assert_allclose(Q @ C, Y, atol=atol * max(abs(Y).max(initial=0), 1e-30))


@settings(kernel_settings)
@given(
    st.integers(1, 40),
    st.integers(1, 6),
    st.integers(0, 6),
    st.sampled_from([1e-20, 1.0, 1e15]),
    st.integers(0, 2**32 - 1),
)
def test_orthonormal_columns_of_any_rank(n_rows, n_columns, rank, scale, seed):
    """Columns depend on each other, always if there are fewer rows than columns."""
    rng = np.random.RandomState(seed)
    rank = min(n_rows, n_columns, rank)
    Y = rng.standard_normal((n_rows, rank)) @ rng.standard_normal((rank, n_columns))
    lengths = np.linalg.svd(Y, compute_uv=False)
    largest = max(abs(Y).max(initial=0), 1e-30)
    # Whether a short direction counts depends on how the columns are divided.
    assume(not ((lengths > 1e-6 * largest) & (lengths < 1e-2 * largest)).any())
    Q, C = orthonormal_columns(scale * Y)
    assert Q.shape[1] == np.count_nonzero(lengths > 1e-4 * largest)
    assert_factors(scale * Y, Q.shape[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_orthonormal_columns_of_independent_columns(dtype):
    Y = np.random.RandomState(0).standard_normal((500, 30)).astype(dtype)
    assert_factors(Y, 30)


def test_orthonormal_columns_of_a_badly_conditioned_matrix():
    """The columns are nearly equal, and one pass in float32 is not enough."""
    rng = np.random.RandomState(0)
    Y = rng.standard_normal((500, 1)) + 3e-4 * rng.standard_normal((500, 20))
    assert_factors(Y.astype(np.float32), 20)


def test_orthonormal_columns_leave_out_zero_columns():
    Y = np.zeros((9, 3))
    Y[:, 1] = np.arange(9)
    assert_factors(Y, 1)


@pytest.mark.parametrize("n_columns", [0, 1, 4])
def test_orthonormal_columns_of_a_zero_matrix(n_columns):
    assert_factors(np.zeros((7, n_columns), dtype=np.float32), 0)


def test_orthonormal_columns_are_in_the_memory_of_the_argument(monkeypatch):
    """A block of rows at a time, with the same result."""
    Y = np.random.RandomState(0).standard_normal((30, 4)).astype(np.float32)
    expected, _ = orthonormal_columns(Y.copy())
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)
    found, _ = orthonormal_columns(Y)
    assert found is Y
    np.testing.assert_allclose(found, expected, atol=1e-6)
