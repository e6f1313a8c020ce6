"""Products of a CSR matrix with a dense one, by kernels on all cores."""

from collections.abc import Callable

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from sklux._kernels import layers
from sklux._utils.blocks import row_blocks
from sklux._utils.threads import all_threads, run_ranges

ROWS_PER_RANGE = 1024
# The kernel scales a row whose values are all below this one.
SMALLEST_SAFE = 1e-12
# Rows that are transposed at a time.
TRANSPOSED_ROWS = 16_384


def csr_product(X: sparse.csr_matrix, dense: np.ndarray) -> np.ndarray:
    """Return ``X @ dense`` with the same bits for any number of threads.

    Parameters
    ----------
    X : CSR matrix of shape (n_rows, n_columns), dtype=np.float32
        Valid matrix. The largest absolute value of each row must be 0 or from 1e-12 to
        1e12.
    dense : ndarray of shape (n_columns, n_units)
        Converted to float32.

    Returns
    -------
    ndarray of shape (n_rows, n_units), dtype=np.float32
        The product.
    """
    weights = layers.WeightRows(np.ascontiguousarray(dense, dtype=np.float32))
    index_type = np.promote_types(X.indices.dtype, X.indptr.dtype)
    indices = X.indices.astype(index_type, copy=False)
    indptr = X.indptr.astype(index_type, copy=False)
    out = np.zeros((X.shape[0], dense.shape[1]), dtype=np.float32)
    if X.nnz == 0:
        return out

    def work(start: int, stop: int) -> None:
        layers.sparse_product(
            X.data, indices, indptr[start : stop + 1], None, weights, out[start:stop]
        )

    run_ranges(work, [*range(0, X.shape[0], ROWS_PER_RANGE), X.shape[0]], all_threads())
    return out


def csr_transpose(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the transpose of unit rows for `csr_product`.

    Parameters
    ----------
    X : CSR matrix of shape (n_rows, n_columns), dtype=np.float32
        Unit rows.

    Returns
    -------
    CSR matrix of shape (n_columns, n_rows), dtype=np.float32
        A copy, in which values up to 1e-12 are zero.
    """
    transposed = X.T.tocsr()
    transposed.data[np.abs(transposed.data) <= np.float32(SMALLEST_SAFE)] = 0
    return transposed


def normalized(X: sparse.csr_matrix, rows: np.ndarray | slice) -> sparse.csr_matrix:
    """Return some rows of a matrix, divided by their lengths.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length.
    rows : ndarray of shape (n_rows,), dtype=np.intp, or slice
        Row numbers.

    Returns
    -------
    CSR matrix of shape (n_rows, n_features), dtype=np.float32
        A copy: unit rows, and zero rows.
    """
    return normalize(X[rows], copy=False)


def transposed_product(
    X: sparse.csr_matrix,
    rows: np.ndarray,
    factor: Callable[[slice, sparse.csr_matrix], np.ndarray],
    n_units: int,
) -> np.ndarray:
    """Return ``X[rows].T @ dense`` of unit rows, a block of rows at a time.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length, which are scaled to unit length here.
    rows : ndarray of shape (n_rows,), dtype=np.intp
        Row numbers.
    factor : callable
        Takes a slice of ``rows`` and the unit rows of that slice, and returns the same
        rows of ``dense``.
    n_units : int
        Number of columns of ``dense``.

    Returns
    -------
    ndarray of shape (n_features, n_units), dtype=np.float32
        The product.
    """
    total = np.zeros((X.shape[1], n_units), dtype=np.float32)
    add_transposed_product(total, X, rows, factor)
    return total


def add_transposed_product(
    total: np.ndarray,
    X: sparse.csr_matrix,
    rows: np.ndarray,
    factor: Callable[[slice, sparse.csr_matrix], np.ndarray],
) -> None:
    """Add ``X[rows].T @ dense`` of unit rows to a matrix.

    Only the rows of features that occur are read and written, so the time does not
    depend on the number of features.

    Parameters
    ----------
    total : ndarray of shape (n_features, n_units), dtype=np.float32
        The matrix; changed in place.
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length, which are scaled to unit length here.
    rows : ndarray of shape (n_rows,), dtype=np.intp
        Row numbers.
    factor : callable
        As in `transposed_product`.
    """
    for block in row_blocks(len(rows), TRANSPOSED_ROWS):
        unit = normalized(X, rows[block])
        dense = factor(block, unit)
        transposed = csr_transpose(unit)
        occurring = np.flatnonzero(np.diff(transposed.indptr))
        for part in row_blocks(len(occurring)):
            features = occurring[part]
            total[features] += csr_product(transposed[features], dense)
