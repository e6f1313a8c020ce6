"""Imputed teacher embeddings of the documents that have none.

The imputation is a kernel ridge regression (Saunders, Gammerman and Vovk, 1998) on the
documents with a teacher embedding. Its kernel is the sum of two linear kernels, one of
the features X and one of the latent vectors L, which come from all documents::

    K = X X^T + c L L^T,   (K + ALPHA I) A = T - m
    d(x, l) = x X^T A + c l L^T A
    imputed(x, l) = m + sqrt(1 - |m|^2) d / |d|

T are the teacher embeddings and m is their mean; c is such that c |l|^2 has the mean
LATENT_WEIGHT. A regression draws uncertain predictions towards the mean, which makes
uncertain documents similar to each other. Therefore d gets the length that T - m has in
the mean of the squares. If the teacher has embedded terms too, the sums of the term
vectors of a document are appended to its latent vector (`term_vectors`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sklux._student.fit_data import RowSource
from sklux._student.products import csr_product
from sklux._student.ridge import Combination, ridge_weights
from sklux._student.term_vectors import TermVectors, term_sums
from sklux._utils.blocks import row_blocks
from sklux._utils.similarity import is_zero_row, unit_rows

ALPHA, LATENT_WEIGHT = 0.05, 0.5
# A deviation from the mean that is shorter than this part of the length that it should
# have consists of rounding errors. It does not get that length.
SHORTEST = 1e-3


@dataclass(frozen=True, eq=False)
class Imputation:
    """The regression, as a map from features to teacher embeddings.

    Attributes
    ----------
    weights : ndarray of shape (n_features, n_teacher_components), dtype=np.float32
        The map from a unit row to d.
    mean : ndarray of shape (n_teacher_components,), dtype=np.float64
        The mean m.
    """

    weights: np.ndarray
    mean: np.ndarray

    def vectors(self, X: sparse.csr_matrix) -> np.ndarray:
        """Return imputed teacher embeddings of some documents.

        Parameters
        ----------
        X : CSR matrix of shape (n_rows, n_features), dtype=np.float32
            Unit rows.

        Returns
        -------
        ndarray of shape (n_rows, n_teacher_components), dtype=np.float32
            Unit rows. The row of a document without features is zero.
        """
        deviations = csr_product(X, self.weights)
        length = np.sqrt(max(1 - self.mean @ self.mean, 0))
        lengths = np.linalg.norm(deviations, axis=1, keepdims=True)
        deviations *= length / np.maximum(lengths, max(SHORTEST * length, 1e-30))
        imputed = unit_rows((self.mean + deviations).astype(np.float32))
        imputed[is_zero_row(X)] = 0
        return imputed


def fit_imputation(
    X: sparse.csr_matrix,
    directions: np.ndarray,
    teacher: RowSource,
    known: np.ndarray,
    terms: TermVectors | None = None,
) -> Imputation:
    """Fit the regression on the documents with a teacher embedding.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length, which are scaled to unit length here.
    directions : ndarray of shape (n_features, n_latent), dtype=np.float32
        The result of `latent_directions`.
    teacher : RowSource of shape (n_samples, n_teacher_components), dtype=np.float32
        Teacher embeddings, unit rows. Only known documents are read.
    known : ndarray of shape (n_known,), dtype=np.intp
        Row numbers of the documents to learn from.
    terms : TermVectors or None, default=None
        Terms that the teacher has embedded too.

    Returns
    -------
    Imputation
        The map.
    """
    total = sum(
        teacher[known[block]].sum(axis=0, dtype=np.float64)
        for block in row_blocks(len(known))
    )
    mean = total / len(known)
    everything = np.arange(X.shape[0])
    combinations = [Combination(None, directions).scaled(X, everything, LATENT_WEIGHT)]
    if terms is not None:
        combinations.append(term_sums(X, everything, terms))
    weights = ridge_weights(
        X,
        known,
        lambda block: teacher[known[block]] - mean,
        len(mean),
        ALPHA,
        combinations=combinations,
    )
    return Imputation(weights, mean)
