"""Latent semantic vectors against NumPy's SVD, up to rotations."""

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize
from strategies import build_csr, csr_matrices, kernel_settings

from sklux._student import latent as latent_module
from sklux._student import products
from sklux._student.latent import N_OVERSAMPLES, latent_directions
from sklux._utils import threads
from sklux._utils.similarity import unit_rows


def latent_vectors(X, n_components, random_state):
    """Products of the rows with the latent directions."""
    directions = latent_directions(X, n_components, random_state)
    assert directions.dtype == np.float32
    assert directions.flags.c_contiguous
    return np.asarray(X @ directions)


def unit_documents(n_samples, **options):
    return normalize(reference.topic_documents(n_samples, **options)[0])


def latent(X, n_components, seed=0):
    """Latent vectors, scaled to unit length."""
    return unit_rows(latent_vectors(X, n_components, np.random.RandomState(seed)))


def gram(rows):
    """Cosines of all pairs, which do not depend on signs and rotations."""
    return rows.astype(np.float64) @ rows.astype(np.float64).T


@pytest.mark.parametrize("n_components", [1, 3, 7])
def test_latent_vectors_equal_reference(n_components):
    """There are eight topics, and so the first directions are clearly larger."""
    X = unit_documents(200)
    found = latent_vectors(X, n_components, np.random.RandomState(0))
    assert found.shape == (200, n_components)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        gram(found), gram(reference.latent_vectors(X, n_components)), atol=2e-3
    )


def test_latent_vectors_equal_scikit_learn():
    X = unit_documents(150)
    theirs = TruncatedSVD(6, algorithm="arpack", random_state=0).fit_transform(X)
    ours = latent_vectors(X, 6, np.random.RandomState(0))
    signs = np.sign(np.sum(ours * theirs, axis=0))
    np.testing.assert_allclose(ours * signs, theirs, atol=2e-3)


@pytest.mark.parametrize("n_samples", [1, 2, 5, 40])
def test_latent_vectors_of_full_width_keep_all_cosines(n_samples):
    """With all directions of the matrix, U S has the cosines of its rows."""
    X = unit_documents(n_samples)
    found = latent(X, 100)
    assert found.shape == (n_samples, min(X.shape))
    np.testing.assert_allclose(gram(found), gram(X.toarray()), atol=1e-5)


@settings(kernel_settings, max_examples=60)
@given(csr_matrices())
def test_latent_vectors_of_any_matrix_have_unit_length(X):
    """Rows of zeros have length 0; no value is NaN."""
    assume(X.shape[0] > 0)
    X.data[abs(X.data) < 1e-3] = 0
    X.sum_duplicates()
    X = normalize(X).astype(np.float32)
    found = latent(X, 4)
    assert found.shape == (X.shape[0], min(4, *X.shape) if X.nnz else 0)
    if found.shape[1] == 0:
        return
    lengths = np.linalg.norm(found.astype(np.float64), axis=1)
    is_zero = ~X.toarray().any(axis=1)
    assert not lengths[is_zero].any()
    assert np.all((abs(lengths - 1) < 1e-5) | (lengths == 0))


@pytest.mark.parametrize("place", [0, 5, N_OVERSAMPLES + 10])
def test_latent_vectors_of_zero_rows_are_zero(place):
    """The orthonormal columns have rounding errors in the first rows."""
    X = unit_documents(40).tolil()
    X[place] = 0
    X = X.tocsr().astype(np.float32)
    found = latent(X, 6)
    assert not found[place].any()
    assert np.all(np.linalg.norm(np.delete(found, place, axis=0), axis=1) > 0.99)


def test_latent_vectors_ignore_explicit_zeros():
    found = latent(build_csr([[(0, 0.0)], [(0, 1)], [(1, 1)]], 2), 2)
    np.testing.assert_allclose(gram(found), np.diag([0, 1, 1]), atol=1e-6)


@pytest.mark.parametrize(("n_rows", "n_features"), [(1, 1), (4, 3), (3, 0)])
def test_latent_vectors_without_values(n_rows, n_features):
    found = latent(build_csr([[]] * n_rows, n_features), 5)
    assert found.shape == (n_rows, 0)
    assert found.dtype == np.float32


def test_latent_vectors_of_equal_documents_are_equal():
    """The matrix has rank 1 and fewer directions than components."""
    X = build_csr([[(0, 0.6), (1, 0.8)]] * 5, 3)
    np.testing.assert_allclose(gram(latent(X, 3)), np.ones((5, 5)), atol=1e-5)


def test_latent_vectors_of_tiny_features_are_finite():
    """A feature with only tiny values adds no direction."""
    X = build_csr([[(0, 1), (2, 1e-14)], [(1, 1)], [(0, 1)]], 3)
    np.testing.assert_allclose(
        gram(latent(X, 2)), [[1, 0, 1], [0, 1, 0], [1, 0, 1]], atol=1e-5
    )


def test_latent_directions_are_orthonormal():
    X = unit_documents(200)
    directions = latent_directions(X, 7, np.random.RandomState(0))
    np.testing.assert_allclose(directions.T @ directions, np.eye(7), atol=1e-5)


def test_latent_directions_do_not_depend_on_lengths_of_rows():
    X = unit_documents(100)
    lengths = np.random.RandomState(1).uniform(0.1, 9, size=(100, 1))
    scaled = X.multiply(lengths).tocsr().astype(np.float32)
    directions = [
        latent_directions(rows, 5, np.random.RandomState(0)) for rows in (X, scaled)
    ]
    np.testing.assert_allclose(*directions, atol=1e-3)


@pytest.mark.parametrize("block", [3, 128])
@pytest.mark.parametrize("n_components", [3, 7])
def test_latent_directions_of_a_sample_are_corrected_by_all_documents(
    monkeypatch, n_components, block
):
    """A fifth of the documents. There are eight topics, so the others have little."""
    X = unit_documents(400)
    exact = np.linalg.norm(reference.latent_vectors(X, n_components)) ** 2
    monkeypatch.setattr(latent_module, "SAMPLE_SIZE", 80)
    monkeypatch.setattr(latent_module, "BLOCK", block)
    monkeypatch.setattr(products, "TRANSPOSED_ROWS", 150)
    directions = latent_directions(X, n_components, np.random.RandomState(0))
    np.testing.assert_allclose(
        directions.T @ directions, np.eye(n_components), atol=1e-5
    )
    found = np.linalg.norm(X @ directions) ** 2
    assert exact * 0.999 < found <= exact * (1 + 1e-6)
    sample_alone = latent_directions(X[:80], n_components, np.random.RandomState(0))
    assert found > np.linalg.norm(X @ sample_alone) ** 2


def test_latent_directions_of_a_sample_of_equal_documents(monkeypatch):
    """The matrix has rank 1."""
    monkeypatch.setattr(latent_module, "SAMPLE_SIZE", 3)
    X = build_csr([[(0, 0.6), (1, 0.8)]] * 9, 3)
    np.testing.assert_allclose(gram(latent(X, 3)), np.ones((9, 9)), atol=1e-5)


def test_latent_directions_know_features_that_the_sample_lacks(monkeypatch):
    """Feature 2 occurs together with feature 0 in one document."""
    monkeypatch.setattr(latent_module, "SAMPLE_SIZE", 30)
    rows = [[(0, 1)], [(1, 1)]] * 500 + [[(0, 1), (2, 1)]]
    directions = latent_directions(build_csr(rows, 3), 2, np.random.RandomState(0))
    assert np.abs(directions[2]).max() > 1e-4


def test_latent_vectors_have_the_same_bits_for_the_same_seed():
    X = unit_documents(60)
    reference.assert_same_bits(latent(X, 5, seed=1), latent(X, 5, seed=1))


def test_latent_vectors_hardly_depend_on_the_seed():
    X = unit_documents(200)
    np.testing.assert_allclose(gram(latent(X, 7)), gram(latent(X, 7, 1)), atol=4e-3)


def test_latent_vectors_have_the_same_bits_on_all_threads(monkeypatch):
    X = unit_documents(60)
    expected = latent(X, 5)
    monkeypatch.setattr(products, "ROWS_PER_RANGE", 7)
    monkeypatch.setattr(threads, "effective_n_jobs", lambda n_jobs: 3)
    reference.assert_same_bits(latent(X, 5), expected)
