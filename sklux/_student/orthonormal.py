"""An orthonormal basis of the columns of a tall matrix, from its second moments.

References
----------
T. Fukaya, Y. Nakatsukasa, Y. Yanagisawa, Y. Yamamoto, CholeskyQR2: A Simple and
Communication-Avoiding Algorithm for Computing a Tall-Skinny QR Factorization, 2014,
:doi:`10.1109/ScalA.2014.11`.
"""

import numpy as np

from sklux._utils.blocks import row_blocks
from sklux._utils.similarity import second_moment

# Reciprocal condition numbers. Below the first, some columns are rounding errors. Above
# the second, the columns are orthonormal enough after one pass.
SINGULAR, GOOD = 1e-6, 1e-4


def orthonormal_columns(Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factor a matrix as Y = Q C, with Q^T Q = I.

    With the Cholesky factor C of Y^T Y, Q = Y C^-1. This is several times as fast as a
    QR of a tall matrix. If Y is badly conditioned, there is a second pass. If columns
    depend on each other, there is no Cholesky factor. Then, with the eigenvectors V and
    eigenvalues L of Y^T Y, C = L^(1/2) V^T and Q = Y V L^(-1/2), without the directions
    that are rounding errors.

    Parameters
    ----------
    Y : ndarray of shape (n_rows, n_columns), dtype=np.float32 or np.float64
        Columns, whose lengths are not too different; overwritten.

    Returns
    -------
    Q : ndarray of shape (n_rows, n_independent), of the dtype of Y
        Orthonormal columns; none if Y is zero.
    C : ndarray of shape (n_independent, n_columns), dtype=np.float64
        Coordinates of the columns of Y in this basis, without rounding errors.
    """
    C = np.eye(Y.shape[1])
    for _ in range(2):
        if not Y.any():
            return Y[:, :0], C[:0]
        factor, inverse, condition = _factor(second_moment(Y, Y))
        Y = _product_in_place(Y, inverse.astype(Y.dtype))
        C = factor @ C
        if condition > GOOD:
            break
    return Y, C


def _product_in_place(Y, square):
    """Y @ square in the memory of Y, a block of rows at a time, if its shape stays."""
    if square.shape[0] != square.shape[1]:
        return Y @ square
    for rows in row_blocks(len(Y)):
        Y[rows] = Y[rows] @ square
    return Y


def _factor(moment):
    """A factor F with F^T F = moment, its inverse, and 1 over its condition number."""
    # Not scipy.linalg: it has its own BLAS, and the threads of this BLAS and of NumPy's
    # would wait for each other by spinning.
    try:
        factor = np.linalg.cholesky(moment).T
        inverse = np.linalg.inv(factor)
        condition = 1 / (np.linalg.norm(factor) * np.linalg.norm(inverse))
        if condition > SINGULAR:
            return factor, inverse, condition
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(moment)
    kept = values > SINGULAR**2 * values[-1]
    lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
    return lengths[:, np.newaxis] * vectors.T, vectors / lengths, 0.0
