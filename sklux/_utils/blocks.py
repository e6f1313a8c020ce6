"""Rows in blocks, so that temporary arrays do not grow with the number of documents."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

# Rows of dense arrays that are converted at a time.
BLOCK_ROWS = 4096
# Values of a CSR matrix that are counted at a time.
BLOCK_VALUES = 4_000_000


def row_blocks(n_rows: int, size: int | None = None) -> Iterator[slice]:
    """Divide rows into blocks.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    size : int or None, default=None
        Maximum number of rows of a block; None means `BLOCK_ROWS`.

    Yields
    ------
    slice
        The blocks in order; all but the last have the same size.
    """
    step = BLOCK_ROWS if size is None else size
    for begin in range(0, n_rows, step):
        yield slice(begin, min(begin + step, n_rows))


def column_counts(X: sparse.csr_matrix) -> np.ndarray:
    """Number of stored values of each column.

    `numpy.bincount` of all indices would copy them to 8 bytes each.

    Parameters
    ----------
    X : CSR matrix of shape (n_rows, n_columns)
        Stored zeros count.

    Returns
    -------
    ndarray of shape (n_columns,), dtype=np.int64
        The numbers.
    """
    counts = np.zeros(X.shape[1], dtype=np.int64)
    for block in row_blocks(len(X.indices), BLOCK_VALUES):
        counts += np.bincount(X.indices[block], minlength=X.shape[1])
    return counts


def row_lengths(X: sparse.csr_matrix) -> np.ndarray:
    """Number of values other than 0 in each row.

    Parameters
    ----------
    X : CSR matrix of shape (n_rows, n_columns)
        Stored zeros do not count.

    Returns
    -------
    ndarray of shape (n_rows,), dtype=np.int64
        The numbers.
    """
    lengths = np.diff(X.indptr).astype(np.int64)
    for block in row_blocks(X.shape[0]):
        begin, end = X.indptr[block.start], X.indptr[block.stop]
        zeros = begin + np.flatnonzero(X.data[begin:end] == 0)
        rows = np.searchsorted(X.indptr, zeros, side="right") - 1
        np.subtract.at(lengths, rows, 1)
    return lengths
