"""Features that are learnt in another form than they are read.

With the row vector x of a document as it is read, F a sparse matrix and W' the weights
that are learnt::

    x' = x F                 the features while learning
    x' W' = x (F W')         so the weights to store are W = F W', exactly

F lets features share weights. The features are terms: the row of a word in F has the
word itself and its word pieces. So the weights of a rare word come in part from other
words with the same pieces, and `transform` need not read the pieces of this word.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from sklux._utils.blocks import column_counts, row_blocks

# Weight of each kind of term while learning: single words, longer n-grams, pieces.
WORD_WEIGHT, NGRAM_WEIGHT, PIECE_WEIGHT = 1.5, 1.0, 0.5
# Values of pieces that are read are divided by this norm: words and pieces of a
# document have norm 1 together.
PART_NORM = np.sqrt(0.5)


@dataclass(frozen=True, eq=False)
class Folding:
    """The matrix F, as its diagonal and the rest.

    Attributes
    ----------
    own : ndarray of shape (n_features,), dtype=np.float32
        Diagonal of F; no value is 0.
    shared : CSR matrix of shape (n_features, n_features), dtype=np.float32
        The other values of F. A feature with an empty column has a row here, and a
        feature with an empty row a column, never both.
    frequency : ndarray of shape (n_features,), dtype=np.int64
        Number of documents that each feature is read from.
    """

    own: np.ndarray
    shared: sparse.csr_matrix
    frequency: np.ndarray

    @cached_property
    def _whole(self) -> sparse.csr_matrix:
        """F itself; a fit expands several matrices."""
        whole = self.shared + sparse.diags(self.own)
        return sparse.csr_matrix(whole, dtype=np.float32)

    def expand(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return features in the form in which they are learnt.

        Parameters
        ----------
        X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
            Features as they are read.

        Returns
        -------
        CSR matrix of shape (n_samples, n_features), dtype=np.float32
            X F, with sorted indices.
        """
        expanded = sparse.csr_matrix(X @ self._whole)
        expanded.sort_indices()
        return expanded

    def narrow(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return features as they are read; the inverse of `expand`.

        Parameters
        ----------
        X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
            Features in the form in which they are learnt.

        Returns
        -------
        CSR matrix of shape (n_samples, n_features), dtype=np.float32
            X F^-1. With D the diagonal of F and S the rest, S D^-1 S is zero, so
            F^-1 is D^-1 - D^-1 S D^-1.
        """
        inverse = sparse.diags(1 / self.own.astype(np.float64))
        narrowed = X @ inverse
        narrowed = sparse.csr_matrix(narrowed - narrowed @ self.shared @ inverse)
        # Differences of equal numbers are only nearly zero.
        largest = abs(narrowed).max() if narrowed.nnz else 0.0
        narrowed.data[abs(narrowed.data) < 1e-5 * largest] = 0
        narrowed.eliminate_zeros()
        return narrowed.astype(np.float32)

    def unfold(self, weights: np.ndarray) -> np.ndarray:
        """Return the weights of the features in the form in which they are learnt.

        Parameters
        ----------
        weights : ndarray of shape (n_features, n_units), dtype=np.float32
            Weights of the features as they are read.

        Returns
        -------
        ndarray of shape (n_features, n_units), dtype=np.float32
            F^-1 times the weights; the inverse of `fold`.
        """
        # F^-1 = D^-1 - D^-1 S D^-1, as in `narrow`.
        own = self.own[:, np.newaxis]
        unfolded = self.shared @ (weights / own)
        for block in row_blocks(len(weights)):
            unfolded[block] = (weights[block] - unfolded[block]) / own[block]
        return unfolded

    def fold(self, weights: np.ndarray) -> np.ndarray:
        """Return the weights of the features as they are read.

        Parameters
        ----------
        weights : ndarray of shape (n_features, n_units), dtype=np.float32
            Weights that were learnt.

        Returns
        -------
        ndarray of shape (n_features, n_units), dtype=np.float32
            F times the weights.
        """
        folded = self.shared @ weights
        for block in row_blocks(len(weights)):
            folded[block] += self.own[block, np.newaxis] * weights[block]
        return folded


def folding_of_terms(
    X: sparse.csr_matrix,
    pieces: sparse.csr_matrix,
    is_piece: np.ndarray,
    is_word: np.ndarray,
) -> Folding:
    """Return the matrix with which words and their pieces share weights.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        Documents as they are read, for the frequency of each term.
    pieces : CSR matrix of shape (n_features, n_features), dtype=np.float32
        The value of each piece of a word, relative to the value of the word.
    is_piece, is_word : ndarray of shape (n_features,), dtype=bool
        Which terms are pieces, and which are single words.

    Returns
    -------
    Folding
        The matrix.
    """
    own = np.full(len(is_piece), NGRAM_WEIGHT, dtype=np.float32)
    own[is_word] = WORD_WEIGHT
    own[is_piece] = PIECE_WEIGHT / PART_NORM
    shared = sparse.csr_matrix(pieces * np.float32(PIECE_WEIGHT))
    return Folding(own, shared, column_counts(X))
