"""Ridge regression from sparse rows, in the dual, by conjugate gradients.

The weights W = X^T A minimise |X W - Y|^2 + alpha |W|^2 where (X X^T + alpha I) A = Y,
and all columns of Y are solved for at once. Nothing as large as X X^T is made. Stopping
early regularises as well as alpha does.

References
----------
M. R. Hestenes, E. Stiefel, Methods of Conjugate Gradients for Solving Linear Systems,
1952, :doi:`10.6028/jres.049.044`.
"""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from sklux._products import csr_product, csr_transpose

# A solution is good enough where no residual is larger, relatively.
TOLERANCE, MAX_STEPS = 0.03, 40
# Columns of Y that are solved for at a time.
BLOCK = 128


def ridge_weights(
    X: sparse.csr_matrix, targets: np.ndarray, alpha: float, max_steps: int
) -> np.ndarray:
    """Weights of a ridge regression, without an intercept.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows.
    targets : ndarray of shape (n_samples, n_targets)
        Y.
    alpha : float
        Strength of the penalty.
    max_steps : int
        Steps after which to stop.

    Returns
    -------
    ndarray of shape (n_features, n_targets), dtype=np.float32
        W, C-contiguous.
    """
    turned = csr_transpose(X)

    def product(dual: np.ndarray) -> np.ndarray:
        return csr_product(X, csr_product(turned, dual)) + alpha * dual

    weights = np.empty((X.shape[1], targets.shape[1]), dtype=np.float32)
    for begin in range(0, targets.shape[1], BLOCK):
        block = slice(begin, begin + BLOCK)
        dual = conjugate_gradients(product, targets[:, block], max_steps)
        weights[:, block] = csr_product(turned, dual)
    return weights


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    targets: np.ndarray,
    max_steps: int | None = None,
    tolerance: float | None = None,
) -> np.ndarray:
    """Solve K A = Y for all columns of Y at once.

    Parameters
    ----------
    product : callable
        Multiplies a positive definite K with a matrix.
    targets : ndarray of shape (n_samples, n_targets)
        Y.
    max_steps : int or None, default=None
        Steps after which to stop, which makes the solution smoother; None means
        `MAX_STEPS`.
    tolerance : float or None, default=None
        Largest residual of a column, in lengths of the column; None means `TOLERANCE`.

    Returns
    -------
    ndarray of shape (n_samples, n_targets), dtype=np.float64
        A, with residuals of at most ``tolerance`` of the targets, or after so
        many steps.
    """
    solution = np.zeros_like(targets, dtype=np.float64)
    residual, direction = targets.astype(np.float64), targets.astype(np.float64)
    squares = np.square(residual).sum(axis=0)
    enough = (TOLERANCE if tolerance is None else tolerance) ** 2 * squares
    for _ in range(MAX_STEPS if max_steps is None else max_steps):
        if np.all(squares <= enough):
            break
        # A := A + s P,  R := R - s K P,  s = |R|^2 / P.KP
        image = product(direction)
        step = squares / np.maximum(np.sum(direction * image, axis=0), 1e-300)
        solution += step * direction
        residual -= step * image
        before, squares = squares, np.square(residual).sum(axis=0)
        # P := R + (|R'|^2 / |R|^2) P
        direction = residual + squares / np.maximum(before, 1e-300) * direction
    return solution
