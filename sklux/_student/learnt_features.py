"""The features that a fit learns weights for, and the features of a fitted network."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import sparse

from sklux._student.folding import Folding
from sklux._student.network import Network
from sklux._student.term_vectors import TermVectors
from sklux._utils.blocks import column_counts
from sklux._utils.memory import aligned

# Weights of fewer features need little memory.
MIN_FEATURES = 10_000


@dataclass(frozen=True, eq=False)
class LearntFeatures:
    """How the features that are learnt are related to the columns of a matrix.

    A matrix may have far more columns than the documents have different features, such
    as the 2**20 columns of a `HashingVectorizer`. The weights of columns that do not
    occur are zero, so the fit leaves these columns out, and the network has one row for
    all of them.

    Features may also be learnt in another form than they are read (`Folding`).

    Attributes
    ----------
    n_features : int
        Number of columns of the matrix.
    columns : ndarray of shape (n_occurring,), dtype=np.intp, or None
        Columns that get a row, ascending; None means all.
    folding : Folding or None
        The form in which features are learnt; None means as they are read. With a
        folding, all columns get a row.
    """

    n_features: int
    columns: np.ndarray | None = None
    folding: Folding | None = None

    @classmethod
    def of(
        cls,
        X: sparse.csr_matrix,
        X_views: sparse.csr_matrix | None,
        terms: TermVectors | None,
        folding: Folding | None = None,
        is_sample: bool = False,
    ) -> Self:
        """Find the features that occur, if they are at most half of many features.

        Parameters
        ----------
        X : CSR matrix of shape (n_samples, n_features)
            Features of the documents.
        X_views : CSR matrix of shape (2 * n_samples, n_features) or None
            Features of their views.
        terms : TermVectors or None
            Terms that the teacher has embedded; they occur too.
        folding : Folding or None, default=None
            The form in which the features are; None means as they are read.
        is_sample : bool, default=False
            Whether other documents are learnt from, too: then all features occur.

        Returns
        -------
        LearntFeatures
            The features.
        """
        n_features = X.shape[1]
        if n_features < MIN_FEATURES or folding is not None or is_sample:
            return cls(n_features, folding=folding)
        occurs = column_counts(X) > 0
        if X_views is not None:
            occurs |= column_counts(X_views) > 0
        if terms is not None:
            occurs[terms.features] = True
        columns = np.flatnonzero(occurs)
        return cls(n_features, columns if 2 * len(columns) <= n_features else None)

    def matrix(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return a matrix without the other columns.

        Parameters
        ----------
        X : CSR matrix of shape (n_rows, n_features)
            A matrix in which the other columns are empty.

        Returns
        -------
        CSR matrix of shape (n_rows, n_occurring)
            A matrix that shares the values.
        """
        if self.columns is None:
            return X
        numbers = np.zeros(self.n_features, dtype=X.indices.dtype)
        numbers[self.columns] = np.arange(len(self.columns))
        shape = X.shape[0], len(self.columns)
        return sparse.csr_matrix((X.data, numbers[X.indices], X.indptr), shape=shape)

    def terms(self, terms: TermVectors) -> TermVectors:
        """Return terms with the numbers of their columns in `matrix`.

        Parameters
        ----------
        terms : TermVectors
            Terms among the features that occur.

        Returns
        -------
        TermVectors
            The same terms.
        """
        if self.columns is None:
            return terms
        return terms._replace(features=np.searchsorted(self.columns, terms.features))

    def rows_as_read(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return rows in the form in which `transform` reads them.

        Parameters
        ----------
        X : CSR matrix of shape (n_rows, n_features)
            Rows in the form in which they are learnt.

        Returns
        -------
        CSR matrix of shape (n_rows, n_features)
            Rows for the result of `folded`.
        """
        return X if self.folding is None else self.folding.narrow(X)

    def folded(self, network: Network) -> Network:
        """Return the network for features as `transform` reads them.

        Parameters
        ----------
        network : Network
            A network for the features that are learnt, with float32 rows in their
            order.

        Returns
        -------
        Network
            The same network if the features are learnt as they are read.
        """
        if self.folding is None:
            return network
        return replace(network, rows=aligned(self.folding.fold(network.rows)))

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return numbers for the columns of the whole matrix.

        Parameters
        ----------
        values : ndarray of shape (n_occurring,)
            Numbers for the columns of `matrix`.

        Returns
        -------
        ndarray of shape (n_features,)
            The same numbers, and zeros for the other columns.
        """
        if self.columns is None:
            return values
        spread = np.zeros(self.n_features, dtype=values.dtype)
        spread[self.columns] = values
        return spread

    def frequency(self, X: sparse.csr_matrix) -> np.ndarray:
        """Return how many documents each feature is read from.

        Parameters
        ----------
        X : CSR matrix of shape (n_samples, n_features)
            The documents, in the form in which they are learnt.

        Returns
        -------
        ndarray of shape (n_features,), dtype=np.int64
            The numbers.
        """
        return column_counts(X) if self.folding is None else self.folding.frequency

    def network(self, network: Network) -> Network:
        """Return a network for all features.

        Parameters
        ----------
        network : Network
            A network for the columns of `matrix`.

        Returns
        -------
        Network
            The same network, with one more row: zeros, for the other features.
        """
        if self.columns is None:
            return network
        return network.spread(self.columns, self.n_features)
