"""Latent semantic vectors of a corpus, by a truncated SVD of its features.

References
----------
S. Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 41, 1990.

N. Halko, P.-G. Martinsson, J. A. Tropp, Finding Structure with Randomness,
:arxiv:`0909.4061`.
"""

import numpy as np
from scipy import sparse

from sklux._student.orthonormal import orthonormal_columns
from sklux._student.products import csr_product, csr_transpose
from sklux._utils.similarity import is_zero_row, second_moment

# Number of additional random directions, and rounds that separate the largest ones.
N_OVERSAMPLES, N_ROUNDS = 16, 3


def latent_vectors(
    X: sparse.csr_matrix, n_components: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the rows of U S of a truncated SVD of X.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows.
    n_components : int
        Number of singular vectors; fewer if ``X`` has fewer rows or columns.
    random_state : RandomState
        Source of the initial directions.

    Returns
    -------
    ndarray of shape (n_samples, n_kept), dtype=np.float32
        Rows, at most as long as the rows of ``X``. The vector of a zero row is zero.
        n_kept is 0 if ``X`` stores no value.
    """
    n_kept = min(n_components, *X.shape)
    n_directions = min(n_kept + N_OVERSAMPLES, *X.shape)
    if n_kept == 0 or X.nnz == 0:
        return np.zeros((X.shape[0], 0), dtype=np.float32)
    transposed = csr_transpose(X)
    Q = random_state.standard_normal((X.shape[1], n_directions))
    Y = csr_product(X, Q)
    for _ in range(N_ROUNDS):
        Y = csr_product(X, csr_product(transposed, orthonormal_columns(Y)[0]))
    # X ~ Q (Q^T X), and the left singular vectors of Q^T X are eigenvectors of B^T B.
    Q, _ = orthonormal_columns(Y)
    if Q.shape[1] == 0:
        # All values are so small that their products are 0.
        return np.zeros((X.shape[0], n_kept), dtype=np.float32)
    B = csr_product(transposed, Q)
    values, vectors = np.linalg.eigh(second_moment(B, B))
    order = np.argsort(-values)[:n_kept]
    latent = np.zeros((X.shape[0], n_kept))
    # Columns beyond the rank of X stay zero.
    latent[:, : len(order)] = Q @ (
        vectors[:, order] * np.sqrt(np.maximum(values[order], 0))
    )
    # Rounding errors would get length 1 when the rows are scaled.
    latent[is_zero_row(X)] = 0
    return latent.astype(np.float32)
