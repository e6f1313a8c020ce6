"""Which documents of a fit are copies of each other: equal rows, joined with texts."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from sklux._student.fit_data import RowSource
from sklux._utils.blocks import row_blocks


def copies_of_fit(
    X: sparse.csr_matrix, text_groups: np.ndarray | None = None
) -> np.ndarray:
    """Number the documents of a fit so that copies have the same number.

    Two documents are copies if their texts or their rows of X are. Then so are the
    first and the last document of a chain of copies.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    text_groups : ndarray of shape (n_samples,), dtype=np.intp, or None
        Result of `copy_groups` for the texts; None if there are no texts.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=np.intp
        Numbers from 0.
    """
    groups = row_groups(X)
    if text_groups is None or text_groups.max() == len(text_groups) - 1:
        return groups
    # A graph whose nodes are the groups of both kinds; each document is an edge.
    n_rows, n_texts = groups.max() + 1, text_groups.max() + 1
    edges = np.ones(len(groups), dtype=bool), (groups, n_rows + text_groups)
    n_nodes = n_rows + n_texts
    graph = sparse.coo_matrix(edges, shape=(n_nodes, n_nodes))
    _, components = connected_components(graph, directed=False)
    return components[groups].astype(np.intp)


def row_groups(X: sparse.csr_matrix) -> np.ndarray:
    """Number the rows of a matrix so that equal rows have the same number.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        The matrix. A row without a non-zero value is equal to no other row: it says
        nothing about its document.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=np.intp
        Numbers from 0, in the order of the first row of each group.
    """
    numbers: dict[object, int] = {}
    keys = enumerate(row_digests(X))
    groups = [
        numbers.setdefault(row if key is None else key, len(numbers))
        for row, key in keys
    ]
    return np.array(groups, dtype=np.intp)


def row_digests(X: sparse.csr_matrix) -> Iterator[bytes | None]:
    """Yield a digest of each row of a matrix; equal rows have equal digests.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        The matrix.

    Yields
    ------
    bytes or None
        None for a row without a non-zero value.
    """
    if not (X.has_canonical_format and X.data.all()):
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
    # Indices of the same columns may have different types in two matrices.
    index_type = np.int32 if X.shape[1] < 2**31 else np.int64
    columns = np.ascontiguousarray(X.indices, dtype=index_type)
    values = np.ascontiguousarray(X.data)
    for start, stop in pairwise(X.indptr.tolist()):
        if start == stop:
            yield None
            continue
        digest = blake2b(columns[start:stop].data, digest_size=16)
        digest.update(values[start:stop].data)
        yield digest.digest()


def distinct_examples(
    rows: np.ndarray, groups: np.ndarray, vectors: RowSource
) -> np.ndarray:
    """Leave out copies that have the same teacher embedding.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,), dtype=np.intp
        Row numbers of documents.
    groups : ndarray of shape (n_samples,), dtype=np.intp
        Result of `copies_of_fit`.
    vectors : RowSource of shape (n_samples, n_teacher_components), dtype=np.float32
        Teacher embeddings.

    Returns
    -------
    ndarray of shape (n_distinct,), dtype=np.intp
        The first row of each pair of a group and an embedding, ascending.
    """
    rows = np.sort(rows)
    is_copied = np.bincount(groups)[groups[rows]] > 1
    first: dict[tuple[int, bytes], int] = {}
    copied = rows[is_copied]
    for block in row_blocks(len(copied)):
        for row, vector in zip(copied[block].tolist(), vectors[copied[block]]):
            first.setdefault((groups[row], vector.tobytes()), row)
    kept = np.array(list(first.values()), dtype=np.intp)
    return np.sort(np.concatenate([rows[~is_copied], kept]))
