"""Ridge regression from sparse rows, by block conjugate gradients.

The weights W minimise |Z W - Y|^2 + alpha |W|^2, with Z = X [I, P]: the features, and
further columns X P that are linear in the features (`Combinations`). The result are
weights of the features alone, [I, P] W. There are two systems of equations::

    (Z Z^T + alpha I) A = Y,   W = Z^T A        the dual: a row for each document
    (Z^T Z + alpha I) W = Z^T Y                 the primal: a row for each column of Z

The smaller one is solved, so that the memory does not grow with the number of
documents. Neither matrix is ever computed. Their largest eigenvalues, which belong to
features that all documents have in common, are thousands of times alpha. A single
column of Y needs hundreds of steps, but many columns that share their search directions
need few.

References
----------
D. P. O'Leary, The Block Conjugate Gradient Algorithm and Related Methods, 1980,
:doi:`10.1016/0024-3795(80)90247-5`.

A. A. Dubrulle, Retooling the Method of Block Conjugate Gradients, 2001, Electronic
Transactions on Numerical Analysis 12 (the variant with orthonormal residuals).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from scipy import sparse

from sklux._student.orthonormal import orthonormal_columns
from sklux._student.products import (
    add_transposed_product,
    csr_product,
    csr_transpose,
    normalized,
    transposed_product,
)
from sklux._utils.blocks import row_blocks
from sklux._utils.similarity import second_moment

# The iteration stops when no relative residual is larger than TOLERANCE (in the primal,
# a tenth of it).
TOLERANCE, MAX_STEPS = 0.03, 40
# Number of columns of Y that are solved together.
BLOCK = 128
# Arrays of a row for each equation and BLOCK columns that the solver holds.
N_ARRAYS = 6
# Number of rows whose mean square decides the scale of further columns.
MAX_SCALING_ROWS = 50_000


class Combination(NamedTuple):
    """Further columns of a regression, ``scale * X[:, features] @ vectors``.

    Attributes
    ----------
    features : ndarray of shape (n_chosen,), dtype=np.intp, or None
        Chosen features; None means all.
    vectors : ndarray of shape (n_chosen, n_columns), dtype=np.float32
        A row for each chosen feature.
    scale : float32
        Factor.
    """

    features: np.ndarray | None
    vectors: np.ndarray
    scale: np.float32 = np.float32(1)

    def columns(self, X: sparse.csr_matrix) -> np.ndarray:
        """Return the columns for some documents.

        Parameters
        ----------
        X : CSR matrix of shape (n_rows, n_features), dtype=np.float32
            Unit rows.

        Returns
        -------
        ndarray of shape (n_rows, n_columns), dtype=np.float32
            The columns.
        """
        chosen = X if self.features is None else sparse.csr_matrix(X[:, self.features])
        found = csr_product(chosen, self.vectors)
        found *= self.scale
        return found

    def scaled(
        self, X: sparse.csr_matrix, rows: np.ndarray, mean_square: float
    ) -> "Combination":
        """Return the columns with another scale.

        Parameters
        ----------
        X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
            Rows of any length, which are scaled to unit length here.
        rows : ndarray of shape (n_rows,), dtype=np.intp
            Row numbers; at most `MAX_SCALING_ROWS` of them are read, evenly spaced.
        mean_square : float
            Mean squared length of these rows of the new columns.

        Returns
        -------
        Combination
            The columns, with a scale of 0 if these rows are zero.
        """
        square = 0.0
        rows = rows[:: -(-len(rows) // MAX_SCALING_ROWS)]
        for block in row_blocks(len(rows)):
            columns = self.columns(normalized(X, rows[block]))
            square += float(np.vdot(columns, columns))
        square /= max(len(rows), 1)
        scale = np.sqrt(mean_square / square) if square > 1e-12 else 0
        return self._replace(scale=np.float32(self.scale * scale))

    def spread(self, weights: np.ndarray, total: np.ndarray) -> None:
        """Add the weights of the features that have the effect of these columns.

        Parameters
        ----------
        weights : ndarray of shape (n_columns, n_targets), dtype=np.float32
            Weights of these columns.
        total : ndarray of shape (n_features, n_targets), dtype=np.float32
            Weights of the features, changed in place.
        """
        scaled = self.scale * weights
        for block in row_blocks(len(self.vectors)):
            chosen = block if self.features is None else self.features[block]
            total[chosen] += self.vectors[block] @ scaled

    def gather(self, image: np.ndarray) -> np.ndarray:
        """Return D^T A, given the product of the features, X^T A.

        Parameters
        ----------
        image : ndarray of shape (n_features, n_targets), dtype=np.float32
            X^T A.

        Returns
        -------
        ndarray of shape (n_columns, n_targets), dtype=np.float32
            D^T A, with the columns D.
        """
        total = np.zeros((self.vectors.shape[1], image.shape[1]), dtype=np.float32)
        for block in row_blocks(len(self.vectors)):
            chosen = block if self.features is None else self.features[block]
            total += self.vectors[block].T @ image[chosen]
        return self.scale * total


def ridge_weights(
    X: sparse.csr_matrix,
    rows: np.ndarray,
    targets: Callable[[slice], np.ndarray],
    n_targets: int,
    alpha: float,
    max_steps: int | None = None,
    combinations: Sequence[Combination] = (),
) -> np.ndarray:
    """Weights of a ridge regression, without an intercept.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length, which are scaled to unit length here.
    rows : ndarray of shape (n_rows,), dtype=np.intp
        Numbers of the rows to learn from.
    targets : callable
        Takes a slice of ``rows``, and returns these rows of Y, an ndarray with
        ``n_targets`` columns.
    n_targets : int
        Number of columns of Y.
    alpha : float
        Strength of the penalty.
    max_steps : int or None, default=None
        Maximum number of steps in the dual; None means `MAX_STEPS`. The primal takes
        at most half as many.
    combinations : sequence of Combination, default=()
        Further columns X P.

    Returns
    -------
    ndarray of shape (n_features, n_targets), dtype=np.float32
        [I, P] W, C-contiguous.
    """
    n_combined = sum(part.vectors.shape[1] for part in combinations)
    system: _System
    if is_dual_smaller(len(rows), X.shape[1], n_combined):
        system = _Dual(X, rows, combinations, alpha)
    else:
        system = _Primal(X, rows, combinations, alpha)
    n_steps = MAX_STEPS if max_steps is None else max_steps
    weights = np.empty((X.shape[1], n_targets), dtype=np.float32)
    for begin in range(0, n_targets, BLOCK):
        columns = slice(begin, min(begin + BLOCK, n_targets))
        solution = conjugate_gradients(
            system.product,
            system.right_side(targets, columns),
            -(-n_steps // system.steps_divided_by),
            TOLERANCE / system.tolerance_divided_by,
        )
        weights[:, columns] = system.weights(solution)
    return weights


def is_dual_smaller(n_rows: int, n_features: int, n_combined: int) -> bool:
    """Whether the dual takes less memory; it has the further columns as an array.

    Parameters
    ----------
    n_rows : int
        Number of documents to learn from.
    n_features : int
        Number of features.
    n_combined : int
        Number of further columns.

    Returns
    -------
    bool
        False if the primal takes less.
    """
    solver = N_ARRAYS * BLOCK
    return n_rows * (solver + n_combined) <= (n_features + n_combined) * solver


class _System:
    """A system of equations; its matrix is never computed."""

    steps_divided_by = tolerance_divided_by = 1

    def __init__(self, X, rows, combinations, alpha):
        self.X, self.rows = X, rows
        self.combinations = combinations
        self.alpha = np.float32(alpha)
        widths = [part.vectors.shape[1] for part in combinations]
        self.parts = [
            slice(end - width, end) for width, end in zip(widths, np.cumsum(widths))
        ]

    def spread(self, weights, combined):
        """[I, P] W, in the memory of the weights of the features."""
        for part, place in zip(self.combinations, self.parts):
            part.spread(combined[place], weights)
        return weights


class _Dual(_System):
    """The matrix Z Z^T + alpha I."""

    def __init__(self, X, rows, combinations, alpha):
        super().__init__(X, rows, combinations, alpha)
        self.unit = normalized(X, rows)
        self.transposed = csr_transpose(self.unit)
        nothing = np.zeros((len(rows), 0), dtype=np.float32)
        columns = [part.columns(self.unit) for part in combinations]
        self.dense = np.hstack([nothing, *columns])

    def right_side(self, targets, columns):
        """Y."""
        return np.vstack(
            [targets(block)[:, columns] for block in row_blocks(len(self.rows))]
        )

    def product(self, dual):
        """The product of the matrix with another, of dtype float32."""
        image = csr_product(self.unit, csr_product(self.transposed, dual))
        combined = self.dense.T @ dual
        for block in row_blocks(len(image)):
            image[block] += self.alpha * dual[block]
            image[block] += self.dense[block] @ combined
        return image

    def weights(self, dual):
        """[I, P] Z^T A."""
        return self.spread(csr_product(self.transposed, dual), self.dense.T @ dual)


class _Primal(_System):
    """The matrix Z^T Z + alpha I."""

    # For weights that are about as good as the weights from the dual.
    steps_divided_by, tolerance_divided_by = 2, 10

    def image(self, factor, n_targets):
        """Z^T A, with the rows of A from a function."""
        image = transposed_product(self.X, self.rows, factor, n_targets)
        return np.vstack([image, *(part.gather(image) for part in self.combinations)])

    def right_side(self, targets, columns):
        """Z^T Y."""

        def factor(block, unit):
            return targets(block)[:, columns]

        return self.image(factor, columns.stop - columns.start)

    def product(self, primal):
        """The product of the matrix with another, of dtype float32."""
        weights = self.weights(primal)
        image = self.image(
            lambda block, unit: csr_product(unit, weights), primal.shape[1]
        )
        for block in row_blocks(len(image)):
            image[block] += self.alpha * primal[block]
        return image

    def weights(self, primal):
        """[I, P] W."""
        n_features = self.X.shape[1]
        return self.spread(primal[:n_features].copy(), primal[n_features:])


class RowStream(Protocol):
    """Rows of a corpus that is read anew for each product."""

    def rows(self) -> Iterator[sparse.csr_matrix]:
        """Yield the rows, part by part; of any length."""

    def rows_and_targets(self) -> Iterator[tuple[sparse.csr_matrix, np.ndarray]]:
        """Yield the same rows with their targets."""


class _Streamed(_Primal):
    """The matrix of the primal, for rows that are not in memory."""

    def __init__(self, stream, n_features, combinations, alpha):
        super().__init__(None, None, combinations, alpha)
        self.stream, self.n_features = stream, n_features

    def residual(self, start, mean):
        """Z^T (Y - X W) - alpha W for weights W of the features alone."""
        total = np.zeros_like(start)
        for X, targets in self.stream.rows_and_targets():
            rest = partial(_rest, targets - mean, start)
            add_transposed_product(total, X, np.arange(X.shape[0]), rest)
        combined = [part.gather(total) for part in self.combinations]
        for block in row_blocks(len(total)):
            total[block] -= self.alpha * start[block]
        return np.vstack([total, *combined])

    def image(self, factor, n_targets):
        """Z^T A, with the rows of A from a function."""
        total = np.zeros((self.n_features, n_targets), dtype=np.float32)
        for X in self.stream.rows():
            add_transposed_product(total, X, np.arange(X.shape[0]), factor)
        return np.vstack([total, *(part.gather(total) for part in self.combinations)])

    def weights(self, primal):
        """[I, P] W."""
        return self.spread(primal[: self.n_features].copy(), primal[self.n_features :])


def _rest(targets, weights, block, unit):
    """What weights leave of the targets of some unit rows."""
    return targets[block] - csr_product(unit, weights)


def continued_ridge(
    stream: RowStream,
    start: np.ndarray,
    mean: np.ndarray,
    alpha: float,
    max_steps: int,
    combinations: Sequence[Combination] = (),
) -> np.ndarray:
    """Weights of a ridge regression on a corpus, from weights of a sample of it.

    All columns share their search directions, so the corpus is read once for each step,
    and once before.

    Parameters
    ----------
    stream : RowStream
        The rows and their targets Y.
    start : ndarray of shape (n_features, n_targets), dtype=np.float32
        Weights of the sample.
    mean : ndarray of shape (n_targets,), dtype=np.float32
        Subtracted from Y.
    alpha : float
        Strength of the penalty.
    max_steps : int
        Maximum number of steps.
    combinations : sequence of Combination, default=()
        Further columns X P.

    Returns
    -------
    ndarray of shape (n_features, n_targets), dtype=np.float32
        Weights that are better for the whole corpus.
    """
    system = _Streamed(stream, len(start), combinations, alpha)
    solution = conjugate_gradients(
        system.product, system.residual(start, mean), max_steps, TOLERANCE
    )
    return start + system.weights(solution)


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
    targets : ndarray of shape (n_rows, n_targets)
        Y.
    max_steps : int or None, default=None
        Maximum number of steps; None means `MAX_STEPS`.
    tolerance : float or None, default=None
        Largest relative residual of a column; None means `TOLERANCE`.

    Returns
    -------
    ndarray of shape (n_rows, n_targets), dtype=np.float32
        A, with relative residuals up to ``tolerance``, or A after ``max_steps``.
    """
    lengths = np.linalg.norm(targets, axis=0)
    unit = (targets / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    solution = np.zeros_like(unit)
    # The residuals are always Q C, with Q^T Q = I. Therefore the residual of a column
    # is as long as the column of C. P are the search directions.
    Q, C = orthonormal_columns(unit)
    P = Q.copy()
    for _ in range(MAX_STEPS if max_steps is None else max_steps):
        residuals = np.linalg.norm(C, axis=0)
        if residuals.max(initial=0) <= (TOLERANCE if tolerance is None else tolerance):
            break
        # T = (P^T K P)^-1,  A := A + P T C,  Q' C' = Q - K P T
        image = product(P)
        T = np.linalg.pinv(second_moment(P, image), hermitian=True)
        _add_product(solution, P, (T @ C).astype(np.float32))
        _add_product(Q, image, -T.astype(np.float32))
        del image
        Q, C_step = orthonormal_columns(Q)
        # P := Q' + P C'^T,  C := C' C
        P = _next_directions(Q, P, C_step.T.astype(np.float32))
        C = C_step @ C
    return (solution * lengths).astype(np.float32)


def _add_product(total, rows, factor):
    """Add rows @ factor in place, a block of rows at a time."""
    for block in row_blocks(len(total)):
        total[block] += rows[block] @ factor


def _next_directions(Q, P, factor):
    """Q + P @ factor, in the memory of P if its shape stays."""
    if Q.shape != P.shape:
        return Q + P @ factor
    for block in row_blocks(len(P)):
        P[block] = Q[block] + P[block] @ factor
    return P
