"""Terms that the teacher teaches beside the documents, and what they say of these.

The teacher knows words that the corpus has rarely. With V the teacher's vectors of the
terms, less their mean, the terms x_T of a document x say::

    p = s x_T V,   s such that the mean of |p|^2 is WEIGHT

A ridge regression on x and p beside each other gives term j the weights w_j + s v_j M:
terms that the teacher finds alike have weights alike, and what the documents say of a
term is learnt on top. (It is the ridge regression on x whose weights have, beforehand,
the covariance I + s^2 V V^T between terms, and not I.)
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklux._student.products import csr_product
from sklux._utils.similarity import is_zero_row, unit_rows

# The mean squared length of what the terms say, beside that of features, which is 1.
# Four times as much is better where a few hundred documents are taught, and worse for
# labels and where tens of thousands are.
WEIGHT = 1.0


class TermVectors(NamedTuple):
    """Terms with the teacher's vectors.

    Attributes
    ----------
    features : ndarray of shape (n_terms,), dtype=np.intp
        Columns of the terms.
    vectors : ndarray of shape (n_terms, n_teacher_components), dtype=np.float32
        Unit rows, less their mean.
    """

    features: np.ndarray
    vectors: np.ndarray


def term_vectors(features: np.ndarray, vectors: np.ndarray) -> TermVectors:
    """Take what a teacher has said of terms.

    Parameters
    ----------
    features : ndarray of shape (n_terms,), dtype=np.intp
        Columns of the terms.
    vectors : ndarray of shape (n_terms, n_teacher_components), dtype=np.float32
        Finite; a zero row says nothing, and its term is left out.

    Returns
    -------
    TermVectors
        Of the others.
    """
    says = ~is_zero_row(vectors)
    vectors = unit_rows(vectors[says])
    if len(vectors):
        vectors -= vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return TermVectors(features[says], vectors)


def term_sums(
    X: sparse.csr_matrix, terms: TermVectors
) -> tuple[np.ndarray, np.float32]:
    """What the terms say of documents.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows.
    terms : TermVectors
        Terms among the features.

    Returns
    -------
    said : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Rows p.
    scale : float32
        Factor s; 0 where they say nothing.
    """
    said = csr_product(sparse.csr_matrix(X[:, terms.features]), terms.vectors)
    square = np.vdot(said, said) / max(len(said), 1)
    scale = np.float32(np.sqrt(WEIGHT / square) if square > 1e-12 else 0)
    said *= scale
    return said, scale
