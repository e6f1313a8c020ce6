"""The student network: CSR rows in, unit vectors out, through the kernels."""

import numpy as np
from scipy import sparse

from sklux._kernels import _layers
from sklux._threads import run_ranges

# A range of documents is a unit of work for a thread: large enough that its
# few Python calls vanish, small enough that its hidden rows stay in cache.
COST_PER_RANGE = 24_000
# A document's dense layers, in units of one non-zero value of the sparse one.
COST_PER_DOCUMENT = 64


def apply_network(
    X: sparse.csr_matrix, coefs: list[np.ndarray], n_jobs: int | None
) -> np.ndarray:
    """Map CSR rows to unit vectors: ReLU and unit length between the layers.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features), dtype=np.float32
        In CSR format; indices are checked, because the kernel trusts them.
    coefs : list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Weights of the layers, C-contiguous; ``coefs[0]`` has n_features rows.
    n_jobs : int or None
        Threads; they change nothing but the time.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype=np.float32
        Rows of unit length; a row without a non-zero value is zero.
    """
    check_csr(X)
    if X.shape[1] != len(coefs[0]):
        raise ValueError(
            f"X has {X.shape[1]} features, but the network was fitted on "
            f"{len(coefs[0])}. Give it the features it was fitted on."
        )
    if not X.has_sorted_indices:
        # Through CSC: that keeps repeated columns of a row in their order, whatever
        # rows stand beside it, and `sorted_indices` does not.
        X = X.tocsc().tocsr()
    # Both index arrays must have one width for the kernel.
    index_type = np.promote_types(X.indices.dtype, X.indptr.dtype)
    indices = np.ascontiguousarray(X.indices, dtype=index_type)
    indptr = np.ascontiguousarray(X.indptr, dtype=index_type)
    data = np.ascontiguousarray(X.data, dtype=np.float32)
    out = np.empty((X.shape[0], coefs[-1].shape[1]), dtype=np.float32)

    def work(start: int, stop: int) -> None:
        hidden = out[start:stop]
        if len(coefs) > 1:
            hidden = np.empty((stop - start, coefs[0].shape[1]), dtype=np.float32)
        _layers.sparse_product(
            data, indices, indptr[start : stop + 1], coefs[0], hidden
        )
        _layers.unit_rows(hidden, len(coefs) > 1)
        for layer, weights in enumerate(coefs[1:], start=2):
            is_last = layer == len(coefs)
            next_hidden = (
                out[start:stop]
                if is_last
                else np.empty((stop - start, weights.shape[1]), dtype=np.float32)
            )
            padding = np.empty(_layers.padding_shape(*weights.shape), np.float32)
            _layers.dense_product(hidden, weights, padding, next_hidden)
            _layers.unit_rows(next_hidden, not is_last)
            hidden = next_hidden

    run_ranges(work, _range_edges(indptr), n_jobs)
    return out


def check_csr(X: sparse.csr_matrix) -> None:
    """Refuse a matrix whose indices would lead outside of it.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features)
        In CSR format.

    Raises
    ------
    ValueError
        If the arrays of the matrix do not fit together.
    """
    try:
        X.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(
            f"X is no valid CSR matrix: {error}. Its column indices must be from 0 to "
            f"n_features - 1 = {X.shape[1] - 1}, and its indptr must not descend."
        ) from error


def _range_edges(indptr: np.ndarray) -> list[int]:
    """Bounds of ranges of documents that cost about the same each."""
    n_samples = len(indptr) - 1
    if n_samples == 0:
        return [0]
    cost = indptr.astype(np.int64) + COST_PER_DOCUMENT * np.arange(n_samples + 1)
    inner = np.searchsorted(cost, np.arange(COST_PER_RANGE, cost[-1], COST_PER_RANGE))
    return np.unique(np.concatenate([[0], inner, [n_samples]])).tolist()
