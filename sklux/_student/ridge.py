"""Ridge regression from sparse rows, in the dual, by block conjugate gradients.

The weights W = X^T A with (X X^T + alpha I) A = Y minimise |X W - Y|^2 + alpha |W|^2.
Further dense columns D add D D^T to X X^T, and their weights are D^T A. X X^T is never
computed. Its largest eigenvalues, which belong to features that all documents have in
common, are thousands of times alpha. A single column of Y needs hundreds of steps, but
many columns that share their search directions need few.

References
----------
D. P. O'Leary, The Block Conjugate Gradient Algorithm and Related Methods, 1980,
:doi:`10.1016/0024-3795(80)90247-5`.

A. A. Dubrulle, Retooling the Method of Block Conjugate Gradients, 2001, Electronic
Transactions on Numerical Analysis 12 (the variant with orthonormal residuals).
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse

from sklux._student.orthonormal import orthonormal_columns
from sklux._student.products import csr_product, csr_transpose
from sklux._utils.similarity import second_moment

# The iteration stops when no relative residual is larger than TOLERANCE.
TOLERANCE, MAX_STEPS = 0.03, 40
# Number of columns of Y that are solved together.
BLOCK = 128


def ridge_weights(
    X: sparse.csr_matrix,
    targets: np.ndarray,
    alpha: float,
    max_steps: int,
    dense: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
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
        Maximum number of steps.
    dense : ndarray of shape (n_samples, n_columns), dtype=np.float32, default=None
        D; None means that D has no columns.

    Returns
    -------
    weights : ndarray of shape (n_features, n_targets), dtype=np.float32
        Weights of the features, C-contiguous.
    dense_weights : ndarray of shape (n_columns, n_targets), dtype=np.float32
        Weights of the columns of D.
    """
    if dense is None:
        dense = np.zeros((X.shape[0], 0), dtype=np.float32)
    kernel = Kernel(X, dense, alpha)
    weights = np.empty((X.shape[1], targets.shape[1]), dtype=np.float32)
    dense_weights = np.empty((dense.shape[1], targets.shape[1]), dtype=np.float32)
    for block, dual in dual_solutions(kernel, targets, max_steps):
        weights[:, block], dense_weights[:, block] = kernel.weights(dual)
    return weights, dense_weights


def dual_solutions(
    kernel: "Kernel", targets: np.ndarray, max_steps: int | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Solve a ridge regression in the dual, one block of targets at a time.

    Blocks save memory: the caller computes the weights of one block at a time.

    Parameters
    ----------
    kernel : Kernel
        The matrix of the regression.
    targets : ndarray of shape (n_samples, n_targets)
        Y.
    max_steps : int or None, default=None
        As in `conjugate_gradients`.

    Yields
    ------
    block : slice
        Columns of Y.
    dual : ndarray of shape (n_samples, n_block), dtype=np.float32
        Solution A for these columns.
    """
    for begin in range(0, targets.shape[1], BLOCK):
        block = slice(begin, begin + BLOCK)
        yield block, conjugate_gradients(kernel.product, targets[:, block], max_steps)


class Kernel:
    """The matrix X X^T + D D^T + alpha I, which is never computed.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows.
    dense : ndarray of shape (n_samples, n_columns), dtype=np.float32
        D.
    alpha : float
        Strength of the penalty.
    """

    def __init__(self, X: sparse.csr_matrix, dense: np.ndarray, alpha: float):
        self.X, self.transposed = X, csr_transpose(X)
        self.dense = dense
        self.alpha = alpha

    def weights(self, dual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights of the features and of the dense columns, X^T A and D^T A.

        Parameters
        ----------
        dual : ndarray of shape (n_samples, n_targets), dtype=np.float32
            A.

        Returns
        -------
        weights : ndarray of shape (n_features, n_targets), dtype=np.float32
            X^T A.
        dense_weights : ndarray of shape (n_columns, n_targets), dtype=np.float32
            D^T A.
        """
        return csr_product(self.transposed, dual), self.dense.T @ dual

    def product(self, dual: np.ndarray) -> np.ndarray:
        """The product of this matrix with another.

        Parameters
        ----------
        dual : ndarray of shape (n_samples, n_targets), dtype=np.float32
            The other matrix.

        Returns
        -------
        ndarray of shape (n_samples, n_targets), dtype=np.float32
            The product.
        """
        weights, dense_weights = self.weights(dual)
        image = csr_product(self.X, weights) + self.alpha * dual
        return image + self.dense @ dense_weights


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
        Multiplies a positive definite K with a matrix of dtype np.float32.
    targets : ndarray of shape (n_samples, n_targets)
        Y.
    max_steps : int or None, default=None
        Maximum number of steps; None means `MAX_STEPS`.
    tolerance : float or None, default=None
        Largest relative residual of a column; None means `TOLERANCE`.

    Returns
    -------
    ndarray of shape (n_samples, n_targets), dtype=np.float32
        A, with relative residuals up to ``tolerance``, or A after ``max_steps``.
    """
    lengths = np.linalg.norm(targets, axis=0)
    unit = (targets / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    solution = np.zeros_like(unit)
    # The residuals are always Q C, with Q^T Q = I. Therefore the residual of a column
    # is as long as the column of C. P are the search directions.
    Q, C = orthonormal_columns(unit)
    P = Q
    for _ in range(MAX_STEPS if max_steps is None else max_steps):
        residuals = np.linalg.norm(C, axis=0)
        if residuals.max(initial=0) <= (TOLERANCE if tolerance is None else tolerance):
            break
        # T = (P^T K P)^-1,  A := A + P T C,  Q' C' = Q - K P T
        image = product(P)
        T = np.linalg.pinv(second_moment(P, image), hermitian=True)
        solution += P @ (T @ C).astype(np.float32)
        Q, C_step = orthonormal_columns(Q - image @ T.astype(np.float32))
        # P := Q' + P C'^T,  C := C' C
        P = Q + P @ C_step.T.astype(np.float32)
        C = C_step @ C
    return (solution * lengths).astype(np.float32)
