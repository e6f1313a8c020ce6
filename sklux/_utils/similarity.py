"""Cosine similarity: unit rows, nearest neighbours, spread of embeddings."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from sklux._utils.blocks import row_blocks

Rows: TypeAlias = np.ndarray | sparse.csr_matrix

# Rows of similarities held at a time: 1,024 x 50,000 float32 is 205 MB.
ROWS_AT_A_TIME = 1024
# Pairs of rows held at a time: 2 x 10,000 x 384 float32 are 31 MB.
PAIRS_AT_A_TIME = 10_000
# Rows that are scaled at a time: 256 x 384 float64 stay in a cache of 1 MB.
CACHED_ROWS = 256
# Number of nearest documents by which embeddings are compared.
MAX_NEIGHBORS = 10
# Two documents have only one cosine, and each is the neighbour of the other.
MIN_DOCUMENTS = 3
# Cosines in float32 that vary by less are constant up to rounding.
ROUNDING = 1e-7


def unit_rows(embeddings: np.ndarray) -> np.ndarray:
    """Divide each row by its length; zero rows stay zero.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, n_components)
        Vectors of any length.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype=np.float32
        Rows of length 1 or 0.
    """
    embeddings = np.asarray(embeddings)
    unit = np.empty(embeddings.shape, dtype=np.float32)
    for rows in row_blocks(len(embeddings), CACHED_ROWS):
        # Division by the largest value first: no square overflows.
        block = embeddings[rows].astype(np.float64)
        highest = block.max(axis=1, keepdims=True, initial=0)
        lowest = block.min(axis=1, keepdims=True, initial=0)
        largest = np.maximum(highest, -lowest)
        block /= np.where(largest > 0, largest, 1)
        lengths = np.linalg.norm(block, axis=1, keepdims=True)
        block /= np.where(lengths > 0, lengths, 1)
        unit[rows] = block
    return unit


def similarity_blocks(
    queries: Rows, embeddings: Rows
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of ``queries @ embeddings.T``, a block at a time.

    Parameters
    ----------
    queries : {ndarray, CSR matrix} of shape (n_queries, n_components)
        Unit rows.
    embeddings : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Unit rows.

    Yields
    ------
    rows : slice
        The queries of the block.
    similarities : ndarray of shape (n_rows, n_samples)
        Cosines of these queries and all embeddings.
    """
    n_queries = queries.shape[0]
    for start in range(0, n_queries, ROWS_AT_A_TIME):
        rows = slice(start, min(start + ROWS_AT_A_TIME, n_queries))
        yield rows, _dense(queries[rows] @ embeddings.T)


def n_neighbors_compared(n_documents: int) -> int:
    """How many nearest documents to compare: 10, but at most half of the documents.

    Parameters
    ----------
    n_documents : int
        Number of documents.

    Returns
    -------
    int
        Neighbours of each document; 0 for fewer than two documents.
    """
    return min(MAX_NEIGHBORS, n_documents // 2)


def nearest_neighbors(
    embeddings: Rows, queries: np.ndarray, n_neighbors: int
) -> np.ndarray:
    """Find the rows nearest to some of the rows, excluding each row itself.

    Parameters
    ----------
    embeddings : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Unit rows.
    queries : ndarray of shape (n_queries,), dtype=np.intp
        Indices of the rows whose neighbours to find.
    n_neighbors : int
        Number of neighbours of each row, less than n_samples.

    Returns
    -------
    ndarray of shape (n_queries, n_neighbors), dtype=np.intp
        Indices of the neighbours, nearest first.
    """
    neighbors = np.empty((len(queries), n_neighbors), dtype=np.intp)
    for rows, similarities in similarity_blocks(embeddings[queries], embeddings):
        similarities[np.arange(len(similarities)), queries[rows]] = -np.inf
        near = np.argpartition(similarities, -n_neighbors, axis=1)[:, -n_neighbors:]
        order = np.argsort(-np.take_along_axis(similarities, near, axis=1), axis=1)
        neighbors[rows] = np.take_along_axis(near, order, axis=1)
    return neighbors


def neighbor_overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Mean share of the neighbours in a row of ``first`` that ``second`` also has.

    Parameters
    ----------
    first, second : ndarray of shape (n_queries, n_neighbors), dtype=np.intp
        Neighbours of the same queries, as `nearest_neighbors` returns them.

    Returns
    -------
    float
        Between 0 and 1.
    """
    return float(np.mean(n_shared_neighbors(first, second)) / first.shape[1])


def n_shared_neighbors(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Number of neighbours in each row of ``first`` that ``second`` also has.

    Parameters
    ----------
    first, second : ndarray of shape (n_queries, n_neighbors), dtype=np.intp
        Neighbours of the same queries, as `nearest_neighbors` returns them.

    Returns
    -------
    ndarray of shape (n_queries,), dtype=int
        From 0 to n_neighbors.
    """
    return np.array([len(np.intersect1d(a, b)) for a, b in zip(first, second)])


def is_zero_row(embeddings: Rows) -> np.ndarray:
    """Mark the rows that are zero.

    Parameters
    ----------
    embeddings : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Vectors.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=bool
        True for a row without a non-zero value.
    """
    is_zero = np.empty(embeddings.shape[0], dtype=bool)
    for rows in row_blocks(len(is_zero)):
        magnitudes: Any = abs(embeddings[rows])
        is_zero[rows] = np.asarray(magnitudes.sum(axis=1)).ravel() == 0
    return is_zero


def cosine_correlation(
    first: Rows,
    second: Rows,
    n_pairs: int,
    random_state: np.random.RandomState,
) -> float:
    """Pearson correlation of the cosines of random pairs of different rows.

    Parameters
    ----------
    first, second : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Unit rows of the same documents, at least two; the widths may differ.
    n_pairs : int
        Pairs to draw.
    random_state : RandomState
        Source of the pairs.

    Returns
    -------
    float
        Between -1 and 1; 0 if one side has the same cosine for all pairs.
    """
    cosines = random_pair_cosines(first, second, n_pairs, random_state)
    # Cosines that are constant up to rounding have no correlation.
    if min(cosine.std() for cosine in cosines) < ROUNDING:
        return 0.0
    return float(np.corrcoef(cosines)[0, 1])


def random_pair_cosines(
    first: Rows,
    second: Rows,
    n_pairs: int,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of random pairs of different rows, the same pairs on both sides.

    Parameters
    ----------
    first, second : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Unit rows of the same documents, at least two; the widths may differ.
    n_pairs : int
        Pairs to draw.
    random_state : RandomState
        Source of the pairs.

    Returns
    -------
    tuple of two ndarray of shape (n_pairs,), dtype=np.float64
        Cosines on the first side, and on the second side.
    """
    n_samples = first.shape[0]
    left = random_state.randint(n_samples, size=n_pairs)
    # A step of 1 to n - 1 around the circle of documents never ends at its start.
    right = (left + random_state.randint(1, n_samples, size=n_pairs)) % n_samples
    return _pair_cosines(first, left, right), _pair_cosines(second, left, right)


def _pair_cosines(unit: Rows, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosines of pairs of rows, a block of pairs at a time."""
    cosines = np.empty(len(left))
    for start in range(0, len(left), PAIRS_AT_A_TIME):
        pairs = slice(start, start + PAIRS_AT_A_TIME)
        if isinstance(unit, np.ndarray):
            one, other = unit[left[pairs]], unit[right[pairs]]
            cosines[pairs] = np.einsum("ij,ij->i", one, other, dtype=np.float64)
        else:
            products = unit[left[pairs]].multiply(unit[right[pairs]])
            cosines[pairs] = np.asarray(products.sum(axis=1)).ravel()
    return cosines


def covariance_rank(unit: Rows) -> float:
    """Effective rank of the covariance of unit rows; zero rows are left out.

    With l_1, l_2, ... the eigenvalues of the covariance and p_i = l_i / sum(l), it is
    exp(-sum(p_i log p_i)). If all directions are used equally, it is their number.

    Parameters
    ----------
    unit : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Unit rows; at least two are not zero.

    Returns
    -------
    float
        Between 1 and min(n_samples - 1, n_components); 0 if all rows are the same.
    """
    unit = unit[~is_zero_row(unit)].astype(np.float64)
    n_samples, n_components = unit.shape
    mean = np.asarray(unit.mean(axis=0)).ravel()
    # Two matrices have the same non-zero eigenvalues; the smaller one is used:
    # sum_i (u_i - m)(u_i - m)^T, or the products (u_i - m)^T (u_j - m).
    if n_samples > n_components:
        products = _dense(unit.T @ unit) - n_samples * np.outer(mean, mean)
    else:
        along = unit @ mean
        products = _dense(unit @ unit.T) - along[:, None] - along + mean @ mean
    eigenvalues = np.maximum(np.linalg.eigvalsh(products), 0) / n_samples
    total = eigenvalues.sum()  # 1 - |m|^2
    if total < ROUNDING:
        return 0.0
    shares = eigenvalues[eigenvalues > 0] / total
    return float(np.exp(-np.sum(shares * np.log(shares))))


def mean_pair_cosine(unit: Rows) -> float:
    """Mean cosine of all pairs of different rows; zero rows are left out.

    Parameters
    ----------
    unit : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Unit rows; at least two are not zero.

    Returns
    -------
    float
        Between -1 and 1.
    """
    unit = unit[~is_zero_row(unit)].astype(np.float64)
    n_samples = unit.shape[0]
    total = np.asarray(unit.sum(axis=0)).ravel()
    # sum_{i != j} u_i u_j = |sum_i u_i|^2 - sum_i |u_i|^2
    own = np.square(unit.data if sparse.issparse(unit) else unit).sum()
    mean = (total @ total - own) / (n_samples * (n_samples - 1))
    return float(np.clip(mean, -1, 1))


def _dense(matrix: Any) -> np.ndarray:
    """A product of dense or sparse matrices as an ndarray."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def second_moment(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sum of the outer products of rows, in float64, a block of rows at a time.

    Parameters
    ----------
    first : ndarray of shape (n_samples, n_first)
        Rows of the first side.
    second : ndarray of shape (n_samples, n_second)
        Rows of the second side.

    Returns
    -------
    ndarray of shape (n_first, n_second), dtype=np.float64
        The sum.
    """
    total = np.zeros((first.shape[1], second.shape[1]))
    for rows in row_blocks(len(first)):
        left = first[rows].astype(np.float64)
        right = left if first is second else second[rows].astype(np.float64)
        total += left.T @ right
    return total
