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

import numpy as np
from scipy import sparse

from sklux._student.products import csr_product
from sklux._student.ridge import Kernel, dual_solutions
from sklux._student.term_vectors import TermVectors, term_sums
from sklux._utils.similarity import is_zero_row, unit_rows

ALPHA, LATENT_WEIGHT = 0.05, 0.5
# A deviation from the mean that is shorter than this part of the length that it should
# have consists of rounding errors. It does not get that length.
SHORTEST = 1e-3


def impute_vectors(
    X: sparse.csr_matrix,
    latent: np.ndarray,
    teacher: np.ndarray,
    is_embedded: np.ndarray,
    terms: TermVectors | None = None,
) -> np.ndarray:
    """Return teacher embeddings of all documents; missing ones are imputed.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows.
    latent : ndarray of shape (n_samples, n_latent), dtype=np.float32
        The result of `latent_vectors`.
    teacher : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Teacher embeddings, unit rows. Rows of other documents are not read.
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Which documents have a teacher embedding.
    terms : TermVectors or None, default=None
        Terms that the teacher has embedded too.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Unit rows. The row of a document without features and without a teacher
        embedding is zero.
    """
    if is_embedded.all():
        return teacher
    n_latent = latent.shape[1]
    squares = np.square(latent).sum(axis=1, dtype=np.float64).mean()
    dense = np.hstack([latent, *([] if terms is None else [term_sums(X, terms)[0]])])
    if squares > 0:
        dense[:, :n_latent] *= np.float32(np.sqrt(LATENT_WEIGHT / squares))
    kernel = Kernel(X[is_embedded], dense[is_embedded], ALPHA)
    deviations = np.zeros_like(teacher)
    centered = teacher[is_embedded].astype(np.float64)
    mean = centered.mean(axis=0)
    centered -= mean
    for block, dual in dual_solutions(kernel, centered):
        weights, dense_weights = kernel.weights(dual)
        deviations[:, block] = csr_product(X, weights) + dense @ dense_weights
    length = np.sqrt(max(1 - mean @ mean, 0))
    lengths = np.linalg.norm(deviations, axis=1, keepdims=True)
    deviations *= length / np.maximum(lengths, max(SHORTEST * length, 1e-30))
    imputed = unit_rows((mean + deviations).astype(np.float32))
    imputed[is_zero_row(X)] = 0
    imputed[is_embedded] = teacher[is_embedded]
    return imputed
