"""Latent semantic vectors of a corpus: a truncated SVD of its features.

References
----------
S. Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 41, 1990.

N. Halko, P.-G. Martinsson, J. A. Tropp, Finding Structure with Randomness,
:arxiv:`0909.4061`.
"""

import numpy as np
from scipy import linalg, sparse

from sklux._products import csr_product, csr_transpose
from sklux._similarity import is_zero_row, unit_rows

# Random directions beyond those asked for, and rounds that make the largest stand out.
N_OVERSAMPLES, N_ROUNDS = 16, 4


def latent_vectors(
    X: sparse.csr_matrix, n_components: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the rows of U S of a truncated SVD of X, divided by their lengths.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows.
    n_components : int
        Singular vectors to keep; fewer where X is smaller.
    random_state : RandomState
        Source of the directions at the start.

    Returns
    -------
    ndarray of shape (n_samples, n_kept), dtype=np.float32
        Unit rows; those of zero rows are zero. n_kept is 0 where X has no value.
    """
    n_kept = min(n_components, *X.shape)
    n_directions = min(n_kept + N_OVERSAMPLES, *X.shape)
    if n_kept == 0 or X.nnz == 0:
        return np.zeros((X.shape[0], 0), dtype=np.float32)
    turned = csr_transpose(X)
    Q = random_state.standard_normal((X.shape[1], n_directions))
    Y = csr_product(X, Q)
    for _ in range(N_ROUNDS):
        Y = csr_product(X, csr_product(turned, _orthonormal(Y)))
    # X ~ Q (Q^T X), and the left singular vectors of Q^T X are eigenvectors of B^T B.
    Q = _orthonormal(Y)
    B = csr_product(turned, Q).astype(np.float64)
    values, vectors = linalg.eigh(B.T @ B)
    order = np.argsort(-values)[:n_kept]
    scaled = vectors[:, order] * np.sqrt(np.maximum(values[order], 0))
    latent = Q @ scaled
    # Rounding leaves something there, which would get length 1.
    latent[is_zero_row(X)] = 0
    return unit_rows(latent)


def _orthonormal(Y: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span those of Y."""
    return linalg.qr(Y, mode="economic", check_finite=False)[0]
