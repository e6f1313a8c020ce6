"""Documents that were not taught: their teacher vectors, guessed from the others.

Kernel ridge regression (Saunders, Gammerman and Vovk, 1998) on two linear kernels,
that of the features and that of the latent vectors, which know all documents::

    K = X X^T + c L L^T,   (K + ALPHA I) A = T - m     over the documents taught
    d(x, l) = x X^T A + c l L^T A
    guess(x, l) = m + sqrt(1 - |m|^2) d / |d|

with T their teacher vectors, m the mean of these, and c such that c |l|^2 has the mean
LATENT_WEIGHT. A regression pulls what it is unsure of towards the mean, which would
make unsure documents similar to each other; so d gets the length that T - m has in the
mean of the squares. Where the teacher has taught terms too, what these say of a
document stands beside its latent vector (`_term_vectors`).
"""

import numpy as np
from scipy import sparse

from sklux._student.products import csr_product
from sklux._student.ridge import Kernel, dual_solutions
from sklux._student.term_vectors import TermVectors, term_sums
from sklux._utils.similarity import is_zero_row, unit_rows

ALPHA, LATENT_WEIGHT = 0.05, 0.5
# Of the length that a deviation from the mean should have: what is shorter is rounding
# errors, and does not get that length.
SHORTEST = 1e-3


def impute_vectors(
    X: sparse.csr_matrix,
    latent: np.ndarray,
    teacher: np.ndarray,
    is_embedded: np.ndarray,
    terms: TermVectors | None = None,
) -> np.ndarray:
    """Return teacher vectors of all documents; those not taught get a guess.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows.
    latent : ndarray of shape (n_samples, n_latent), dtype=np.float32
        As `latent_vectors` gives them.
    teacher : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Unit rows of the documents taught; the others are not read.
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Which these are.
    terms : TermVectors or None, default=None
        Terms that the teacher has taught too.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Unit rows; zero for a document that has no feature.
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
    known = teacher[is_embedded].astype(np.float64)
    mean = known.mean(axis=0)
    known -= mean
    for block, dual in dual_solutions(kernel, known):
        of_features, of_dense = kernel.weights(dual)
        deviations[:, block] = csr_product(X, of_features) + dense @ of_dense
    length = np.sqrt(max(1 - mean @ mean, 0))
    found = np.linalg.norm(deviations, axis=1, keepdims=True)
    deviations *= length / np.maximum(found, max(SHORTEST * length, 1e-30))
    guesses = unit_rows((mean + deviations).astype(np.float32))
    guesses[is_zero_row(X)] = 0
    guesses[is_embedded] = teacher[is_embedded]
    return guesses
