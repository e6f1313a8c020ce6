"""Ridge regression from a sparse matrix to many targets.

The weights that minimise |X W - Y|^2 + alpha |W|^2 are W = X^T A, where
(X X^T + alpha I) A = Y. Conjugate gradients solve this system for all targets at once;
each step costs two products of X with a dense matrix. X has a column of ones for the
intercept.
"""

import numpy as np
from scipy import sparse

from sklux._student.ridge import conjugate_gradients

ALPHAS = [0.03, 0.1, 0.3, 1.0, 3.0]
# Alpha is chosen on this share of the rows, held out, and on every eighth target.
HELD_OUT, EVERY = 0.1, 8
# The iteration stops when no target's relative residual exceeds TOLERANCE.
TOLERANCE, MAX_STEPS = 1e-2, 200


def ridge_weights(X: sparse.csr_matrix, Y: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights of shape (n_features + 1, n_targets), and the chosen alpha."""
    X = with_constant(X)
    alpha = best_alpha(X, np.ascontiguousarray(Y[:, ::EVERY]))
    return solution(X, Y, alpha), alpha


def with_constant(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with a column of ones appended."""
    ones = np.ones((X.shape[0], 1), dtype=X.dtype)
    return sparse.hstack([X, ones], format="csr")


def best_alpha(X: sparse.csr_matrix, Y: np.ndarray) -> float:
    """The alpha with the smallest squared error on held-out rows."""
    order = np.random.RandomState(0).permutation(X.shape[0])
    n_held = max(1, round(HELD_OUT * len(order)))
    held, kept = order[:n_held], order[n_held:]
    errors = [
        np.square(X[held] @ solution(X[kept], Y[kept], alpha) - Y[held]).sum()
        for alpha in ALPHAS
    ]
    return ALPHAS[int(np.argmin(errors))]


def solution(X: sparse.csr_matrix, Y: np.ndarray, alpha: float) -> np.ndarray:
    """The weights for one alpha."""

    def product(dual: np.ndarray) -> np.ndarray:
        return X @ (X.T @ dual) + alpha * dual

    return X.T @ conjugate_gradients(product, Y, MAX_STEPS, TOLERANCE)
