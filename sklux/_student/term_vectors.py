"""Teacher embeddings of terms, and their sums over the terms of documents.

The embeddings help with terms that are rare in the corpus. With V the teacher's vectors
of the terms minus their mean, the sum for a document x with the terms x_T is::

    p = s x_T V,   s such that the mean of |p|^2 is WEIGHT

A ridge regression on the columns of x and p gives term j the weights w_j + s v_j M.
Terms with similar vectors v_j get similar weights, and w_j is the difference that the
documents add. (This is the ridge regression on x in which the prior covariance of the
weights of the terms is I + s^2 V V^T instead of I.)
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklux._student.ridge import Combination
from sklux._utils.similarity import is_zero_row, unit_rows

# Mean squared length of the sums; the squared length of the features is 1. A weight of
# 4 is better if a few hundred documents have a teacher embedding, but worse for labels
# and if tens of thousands have one.
WEIGHT = 1.0


class TermVectors(NamedTuple):
    """Terms that the teacher has embedded.

    Attributes
    ----------
    features : ndarray of shape (n_terms,), dtype=np.intp
        Columns of the terms.
    vectors : ndarray of shape (n_terms, n_teacher_components), dtype=np.float32
        Unit rows minus their mean.
    """

    features: np.ndarray
    vectors: np.ndarray


def term_vectors(features: np.ndarray, vectors: np.ndarray) -> TermVectors:
    """Scale and centre the teacher's vectors of terms.

    Parameters
    ----------
    features : ndarray of shape (n_terms,), dtype=np.intp
        Columns of the terms.
    vectors : ndarray of shape (n_terms, n_teacher_components), dtype=np.float32
        Finite values, or rows of NaN. Terms with a row of NaN or zero are left out.

    Returns
    -------
    TermVectors
        The other terms.
    """
    is_embedded = ~(is_zero_row(vectors) | np.isnan(vectors).all(axis=1))
    vectors = unit_rows(vectors[is_embedded])
    if len(vectors):
        vectors -= vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return TermVectors(features[is_embedded], vectors)


def term_sums(
    X: sparse.csr_matrix, rows: np.ndarray, terms: TermVectors
) -> Combination:
    """Sums of the term vectors over the terms of each document.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length, which are scaled to unit length here.
    rows : ndarray of shape (n_rows,), dtype=np.intp
        Numbers of the rows whose mean square decides the factor s.
    terms : TermVectors
        Terms among the features.

    Returns
    -------
    Combination
        Columns p; all are zero if these rows have no such term.
    """
    return Combination(terms.features, terms.vectors).scaled(X, rows, WEIGHT)
