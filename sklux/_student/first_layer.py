"""The first layer in training: kernels for sums of mini-batches and steps of Adam."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

from sklux._kernels.batches import SparseBatch
from sklux._kernels.layers import BETA_1, BETA_2
from sklux._utils.threads import all_threads, run_ranges

# The rows or features of a batch are divided into this many parts for the threads.
N_RANGES = 16
# Bound of the seeds for the choice of the values that are dropped.
MAX_SEED = 2**62


class FirstLayer:
    """Weights of the first layer, and the moments of Adam (:arxiv:`1412.6980`).

    A step changes only the features of its batch. The number of cores changes only the
    time.

    Parameters
    ----------
    weights : ndarray of shape (n_features, n_units), dtype=np.float32
        C-contiguous; changed in place by `step`.
    """

    def __init__(self, weights: np.ndarray):
        self.weights = weights
        # Not `zeros_like`, which writes: features that never occur take no memory.
        self.mean = np.zeros(weights.shape, dtype=np.float32)
        self.mean_square = np.zeros(weights.shape, dtype=np.float32)
        self.n_steps = 0

    def sums(self, batch: SparseBatch) -> np.ndarray:
        """Multiply the rows of a batch by the weights.

        Parameters
        ----------
        batch : SparseBatch
            Rows with n_features features.

        Returns
        -------
        ndarray of shape (n_rows, n_units), dtype=np.float32
            The sums of the layer.
        """
        out = np.empty((batch.n_rows, self.weights.shape[1]), dtype=np.float32)
        _in_parts(
            lambda start, stop: batch.project(self.weights, out, start, stop),
            batch.n_rows,
        )
        return out

    def step(self, batch: SparseBatch, gradient: np.ndarray, rate: float) -> None:
        """Move the weights of the features of a batch against their gradient.

        Parameters
        ----------
        batch : SparseBatch
            The batch that `sums` was called with, unchanged.
        gradient : ndarray of shape (n_rows, n_units), dtype=np.float32
            Gradient of the loss with respect to the sums.
        rate : float
            Learning rate of this step.
        """
        self.n_steps += 1
        rate = rate / (1 - BETA_1**self.n_steps)
        correction = (1 - BETA_2**self.n_steps) ** -0.5
        _in_parts(
            lambda start, stop: batch.step(
                gradient,
                self.weights,
                self.mean,
                self.mean_square,
                rate,
                correction,
                start,
                stop,
            ),
            batch.n_features,
        )


class MiniBatches:
    """Mini-batches of documents in random order, with the two views of each document.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Documents.
    X_views : CSR matrix of shape (2 * n_samples, n_features), dtype=np.float32, or None
        First views of all documents, then their second views.
    dropout : float
        Probability that a value of ``X`` is left out of a batch.
    random_state : RandomState
        Source of the order of the documents and of the choice of values to leave out.
    groups : ndarray of shape (n_samples,), dtype=np.intp, or None, default=None
        Numbers of the documents; copies have the same number. None means that no
        document has a copy.
    rows : ndarray of shape (n_train,), dtype=np.intp, or None, default=None
        Row numbers of the documents that the batches contain; None means all.
    is_viewed : ndarray of shape (n_samples,), dtype=bool, or None, default=None
        Which documents may have their views in a batch; None means all.
    """

    def __init__(
        self,
        X: sparse.csr_matrix,
        X_views: sparse.csr_matrix | None,
        dropout: float,
        random_state: np.random.RandomState,
        groups: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        is_viewed: np.ndarray | None = None,
    ):
        self.rows = np.arange(X.shape[0]) if rows is None else rows
        self.n_samples = len(self.rows)
        self.n_documents, self.groups = X.shape[0], groups
        self.dropout = dropout
        self.random_state = random_state
        self.batch = SparseBatch(X.shape[1])
        self._X, self._views = _arrays(X), None
        if X_views is not None:
            self._views = _arrays(X_views)
            is_filled = np.diff(X_views.indptr).reshape(2, -1) > 0
            # If one view is empty, there is nothing to compare the other view with.
            self._has_views = np.all(is_filled, axis=0)
            if is_viewed is not None:
                self._has_views &= is_viewed

    def epoch(self, batch_size: int) -> list[np.ndarray]:
        """Divide all documents into batches, in random order.

        Parameters
        ----------
        batch_size : int
            Maximum number of documents in a batch.

        Returns
        -------
        list of ndarray of shape (n_batch,), dtype=np.int64
            Row numbers of the documents of each batch.
        """
        order = self.rows[self.random_state.permutation(self.n_samples)]
        return np.array_split(order.astype(np.int64), -(-self.n_samples // batch_size))

    def take(self, samples: np.ndarray) -> SparseBatch:
        """Fill the batch: documents, then their first views, then their second views.

        Parameters
        ----------
        samples : ndarray of shape (n_batch,), dtype=np.int64
            Row numbers of the documents.

        Returns
        -------
        SparseBatch
            Always the same object. It has no view of a document with an empty view.
        """
        batch = self.batch
        batch.begin()
        seed = self.random_state.randint(MAX_SEED)
        batch.add(*self._X, samples, self.dropout, seed)
        if self._views is not None:
            for view_rows in self.view_rows(samples):
                batch.add(*self._views, view_rows, 0.0, 0)
        batch.end()
        return batch

    def view_rows(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers of the views that `take` adds to a batch, if there are views.

        Parameters
        ----------
        samples : ndarray of shape (n_batch,), dtype=np.int64
            Row numbers of the documents.

        Returns
        -------
        first, second : ndarray of shape (n_viewed,), dtype=np.int64
            Rows of ``X_views``.
        """
        first = self._viewed(samples)
        return first, first + self.n_documents

    def view_groups(self, samples: np.ndarray) -> np.ndarray | None:
        """Numbers of the documents whose views `take` adds to a batch.

        Parameters
        ----------
        samples : ndarray of shape (n_batch,), dtype=np.int64
            Row numbers of the documents.

        Returns
        -------
        ndarray of shape (n_viewed,), dtype=np.intp, or None
            Their groups, in order. None without views or groups.
        """
        if self._views is None or self.groups is None:
            return None
        return self.groups[self._viewed(samples)]

    def _viewed(self, samples: np.ndarray) -> np.ndarray:
        """The documents that have both views."""
        return samples[self._has_views[samples]]


def _in_parts(work: Callable[[int, int], None], n: int) -> None:
    """Call ``work`` for parts of a range, on all cores."""
    edges = np.unique(np.linspace(0, n, N_RANGES + 1).astype(int))
    run_ranges(work, edges.tolist(), all_threads())


def _arrays(X: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, columns and row pointer in the types that the kernel takes."""
    index_type = np.promote_types(X.indices.dtype, X.indptr.dtype)
    return (
        np.ascontiguousarray(X.data, dtype=np.float32),
        np.ascontiguousarray(X.indices, dtype=index_type),
        np.ascontiguousarray(X.indptr, dtype=index_type),
    )
