"""Cosine similarity: unit rows, and who is near whom."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

# Rows of similarities held at a time: 1,024 x 50,000 float32 is 205 MB.
ROWS_AT_A_TIME = 1024


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
    # The largest value is taken out first, so that no square overflows.
    embeddings = np.asarray(embeddings, dtype=np.float64)
    largest = np.abs(embeddings).max(axis=1, keepdims=True, initial=0)
    embeddings = embeddings / np.where(largest > 0, largest, 1)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (embeddings / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def similarity_blocks(
    queries: np.ndarray, embeddings: np.ndarray
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
        Which queries the block holds.
    similarities : ndarray of shape (n_rows, n_samples)
        Their cosines.
    """
    n_queries = queries.shape[0]
    for start in range(0, n_queries, ROWS_AT_A_TIME):
        rows = slice(start, min(start + ROWS_AT_A_TIME, n_queries))
        similarities = queries[rows] @ embeddings.T
        if sparse.issparse(similarities):
            similarities = similarities.toarray()
        yield rows, similarities


def nearest_neighbors(
    embeddings: np.ndarray, queries: np.ndarray, n_neighbors: int
) -> np.ndarray:
    """Indices of the rows nearest to some of the rows, themselves left out.

    Parameters
    ----------
    embeddings : {ndarray, CSR matrix} of shape (n_samples, n_components)
        Unit rows.
    queries : ndarray of shape (n_queries,), dtype=np.intp
        Which rows to ask for.
    n_neighbors : int
        Neighbours of each, fewer than n_samples.

    Returns
    -------
    ndarray of shape (n_queries, n_neighbors), dtype=np.intp
        Neighbours, in no particular order.
    """
    neighbors = np.empty((len(queries), n_neighbors), dtype=np.intp)
    for rows, similarities in similarity_blocks(embeddings[queries], embeddings):
        similarities[np.arange(len(similarities)), queries[rows]] = -np.inf
        neighbors[rows] = np.argpartition(similarities, -n_neighbors, axis=1)[
            :, -n_neighbors:
        ]
    return neighbors


def neighbor_overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Mean share of the neighbours in the rows of ``first`` that ``second`` has too.

    Parameters
    ----------
    first, second : ndarray of shape (n_queries, n_neighbors), dtype=np.intp
        Neighbours of the same queries, as `nearest_neighbors` gives them.

    Returns
    -------
    float
        Between 0 and 1.
    """
    shared = [len(np.intersect1d(a, b)) for a, b in zip(first, second)]
    return float(np.mean(shared) / first.shape[1])
