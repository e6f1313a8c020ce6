"""Latent semantic directions of a corpus, by a truncated SVD of its features.

The directions come from a sample of the documents. If there are more documents, the
directions are corrected by one pass over all of them, the Nyström approximation of
X^T X in the space of the directions. With the directions V of the sample::

    G = X^T X V,   X^T X ~ G (V^T G)^-1 G^T

References
----------
S. Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 41, 1990.

N. Halko, P.-G. Martinsson, J. A. Tropp, Finding Structure with Randomness,
:arxiv:`0909.4061`.
"""

import numpy as np
from scipy import sparse

from sklux._student.orthonormal import orthonormal_columns
from sklux._student.products import (
    csr_product,
    csr_transpose,
    normalized,
    transposed_product,
)
from sklux._utils.blocks import row_blocks
from sklux._utils.similarity import second_moment

# Number of additional random directions, and rounds that separate the largest ones.
N_OVERSAMPLES, N_ROUNDS = 16, 3
# Maximum number of documents of the sample.
SAMPLE_SIZE = 50_000
# Number of directions that are corrected together.
BLOCK = 128
# Directions whose singular value is a smaller part of the largest are rounding errors.
SMALLEST = 1e-5


def latent_directions(
    X: sparse.csr_matrix, n_components: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Return the right singular vectors of a truncated SVD of X.

    The latent vectors of documents are the products of their unit rows with these.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length, which are scaled to unit length here.
    n_components : int
        Number of singular vectors; fewer if ``X`` has fewer rows or columns.
    random_state : RandomState
        Source of the initial directions, and of the sample.

    Returns
    -------
    ndarray of shape (n_features, n_kept), dtype=np.float32
        Orthonormal columns, largest singular value first; columns beyond the rank of
        ``X`` are zero. n_kept is 0 if ``X`` stores no value.
    """
    n_kept = min(n_components, *X.shape)
    n_directions = min(n_kept + N_OVERSAMPLES, *X.shape)
    if n_kept == 0 or X.nnz == 0:
        return np.zeros((X.shape[1], 0), dtype=np.float32)
    image, moment = _image(X, n_directions, random_state)
    return _right_vectors(image, moment, n_kept)


def _image(X, n_directions, random_state):
    """Return G and M, with X^T X ~ G M^-1 G^T."""
    if X.shape[0] <= SAMPLE_SIZE:
        # X ~ Q (Q^T X),  X^T X ~ (X^T Q) (X^T Q)^T
        sample = normalized(X, slice(None))
        image = _image_of_sample(sample, n_directions, random_state)
        return image, np.eye(image.shape[1])
    chosen = random_state.choice(X.shape[0], SAMPLE_SIZE, replace=False)
    sample = normalized(X, np.sort(chosen))
    image = _image_of_sample(sample, n_directions, random_state)
    image = orthonormal_columns(image)[0]
    return image, _replace_by_image(X, image)


def _normal_columns(shape, random_state):
    """Normal random numbers, which are float64 for one block of rows at a time."""
    columns = np.empty(shape, dtype=np.float32)
    for rows in row_blocks(shape[0]):
        columns[rows] = random_state.standard_normal(columns[rows].shape)
    return columns


def _image_of_sample(X, n_directions, random_state):
    """X^T Q, with orthonormal columns Q that span the largest left directions of X."""
    transposed = csr_transpose(X)
    columns = _normal_columns((X.shape[1], n_directions), random_state)
    for _ in range(1 + N_ROUNDS):
        # Assigned step by step: only one array of each side exists at a time.
        Y = csr_product(X, columns)
        Y = orthonormal_columns(Y)[0]
        columns = csr_product(transposed, Y)
    return columns


def _replace_by_image(X, directions):
    """Replace V by X^T X V, in place, and return V^T X^T X V."""
    rows, n_directions = np.arange(X.shape[0]), directions.shape[1]
    moment = np.zeros((n_directions, n_directions))
    for begin in range(0, n_directions, BLOCK):
        block = slice(begin, begin + BLOCK)
        image = _second_image(X, rows, np.ascontiguousarray(directions[:, block]))
        # The lower triangle of the moment needs no direction that was replaced.
        moment[begin:, block] = second_moment(directions[:, begin:], image)
        directions[:, block] = image
    return np.tril(moment) + np.tril(moment, -1).T


def _second_image(X, rows, V):
    """X^T X V."""
    return transposed_product(
        X, rows, lambda block, unit: csr_product(unit, V), V.shape[1]
    )


def _right_vectors(image, moment, n_kept):
    """The largest eigenvectors of G M^-1 G^T, from G and M."""
    # With M^-1 = R R^T and F = G R, the matrix is F F^T. F^T F is a small matrix with
    # the same eigenvalues.
    root = _inverse_root(moment)
    values, vectors = np.linalg.eigh(root.T @ second_moment(image, image) @ root)
    largest = np.argsort(-values)[:n_kept]
    largest = largest[values[largest] > SMALLEST**2 * values[largest[:1]]]
    basis = root @ (vectors[:, largest] / np.sqrt(values[largest]))
    found = np.zeros((len(image), n_kept), dtype=np.float32)
    for rows in row_blocks(len(image)):
        found[rows, : len(largest)] = image[rows] @ basis.astype(np.float32)
    return found


def _inverse_root(moment):
    """R with R R^T = M^-1, without the directions that are rounding errors."""
    values, vectors = np.linalg.eigh(moment)
    kept = values > SMALLEST**2 * values[-1:]
    return vectors[:, kept] / np.sqrt(values[kept])
