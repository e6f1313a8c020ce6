"""Imputed teacher embeddings against kernel ridge regression by its formula."""

import numpy as np
import pytest
import reference
from sklearn.preprocessing import normalize
from strategies import build_csr

from sklux._student import ridge
from sklux._student.imputation import ALPHA, LATENT_WEIGHT, fit_imputation


def some_embedded(n_samples=120, n_embedded=70, n_teacher_components=16):
    """Features, directions, some teacher embeddings, which, and all of them."""
    X, teacher = reference.topic_documents(
        n_samples, n_teacher_components=n_teacher_components
    )
    X = normalize(X)
    directions = reference.latent_directions(X, 8).astype(np.float32)
    is_embedded = np.arange(n_samples) < n_embedded
    np.random.RandomState(0).shuffle(is_embedded)
    known = np.where(is_embedded[:, None], teacher, 0)
    return X, directions, known, is_embedded, teacher


def imputed(X, directions, teacher, is_embedded):
    """Imputed teacher embeddings of all documents, also of the embedded ones."""
    known = np.flatnonzero(is_embedded)
    return fit_imputation(X, directions, teacher, known).vectors(normalize(X))


def kernel_ridge(X, directions, *data):
    return reference.kernel_ridge(X, X @ directions, *data, ALPHA, LATENT_WEIGHT)


@pytest.fixture
def exact(monkeypatch):
    """Let the solver reach the accuracy of float32."""
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    monkeypatch.setattr(ridge, "MAX_STEPS", 500)


@pytest.mark.parametrize("n_embedded", [1, 2, 30, 119])
def test_imputation_equals_reference(exact, n_embedded):
    *data, _ = some_embedded(n_embedded=n_embedded)
    found = imputed(*data)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, kernel_ridge(*data), atol=2e-4)


def test_imputation_does_not_depend_on_lengths_of_rows(exact):
    X, *data, _ = some_embedded()
    scaled = X.multiply(np.random.RandomState(0).uniform(0.1, 9, size=(120, 1))).tocsr()
    found = imputed(scaled.astype(np.float32), *data)
    np.testing.assert_allclose(found, imputed(X, *data), atol=1e-4)


def test_imputation_default_tolerance_is_near_the_reference():
    *data, _ = some_embedded()
    cosines = np.sum(imputed(*data) * kernel_ridge(*data), axis=1)
    assert cosines[~data[-1]].min() > 0.999


def test_imputation_rows_have_unit_length():
    *data, _ = some_embedded()
    np.testing.assert_allclose(np.linalg.norm(imputed(*data), axis=1), 1, rtol=1e-6)


def test_imputation_is_better_than_the_mean():
    *data, truth = some_embedded()
    is_embedded = data[-1]
    mean = reference.unit_rows([truth[is_embedded].mean(axis=0)])[0]
    missing = truth[~is_embedded]
    cosines = np.sum(imputed(*data)[~is_embedded] * missing, axis=1)
    assert cosines.mean() > (missing @ mean).mean() + 0.2


def test_imputation_does_not_read_missing_rows():
    X, directions, teacher, is_embedded, _ = some_embedded()
    expected = imputed(X, directions, teacher, is_embedded)
    teacher[~is_embedded] = 7
    reference.assert_same_bits(imputed(X, directions, teacher, is_embedded), expected)


@pytest.mark.parametrize("empty", [[], [(1, 0.0)]], ids=["no values", "a zero"])
def test_imputation_of_a_document_without_features_is_zero(empty):
    """A document without features and without a teacher embedding."""
    X = build_csr([[(0, 1)], [(1, 1)], empty, [(0, 1)]], 2)
    directions = np.eye(2, dtype=np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=np.float32)
    found = imputed(X, directions, teacher, teacher.any(axis=1))
    assert not found[2].any()
    assert np.linalg.norm(found[3]) == pytest.approx(1)


def test_imputation_by_hand(exact):
    """Two documents with a teacher embedding, one feature each, no latent vectors.

    m = (1/2, 1/2) and A = (T - m) / (1 + ALPHA). A document with the feature of the
    first document deviates in the direction (1/2, -1/2), and this vector has the length
    sqrt(1 - |m|^2). The imputed vector is therefore (1, 0). A document with another
    feature gets the direction of the mean.
    """
    X = build_csr([[(0, 1)], [(1, 1)], [(0, 1)], [(2, 1)]], 3)
    directions = np.zeros((X.shape[1], 0), dtype=np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=np.float32)
    found = imputed(X, directions, teacher, teacher.any(axis=1))
    np.testing.assert_allclose(found[2:], [[1, 0], [0.5**0.5] * 2], atol=1e-6)


def test_imputation_deviates_as_much_as_the_teacher():
    """Even if the document has one known and three unknown features."""
    X = normalize(
        build_csr(
            [[(0, 1)], [(1, 1)], [(0, 1)], [(0, 1), *((j, 1) for j in (2, 3, 4))]], 5
        )
    )
    directions = np.zeros((X.shape[1], 0), dtype=np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=np.float32)
    found = imputed(X, directions, teacher, teacher.any(axis=1))
    np.testing.assert_allclose(found[3], found[2], atol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_imputation_does_not_depend_on_the_scale_of_latent_vectors(exact, scale):
    X, directions, *rest, _ = some_embedded()
    np.testing.assert_allclose(
        imputed(X, directions * np.float32(scale), *rest),
        imputed(X, directions, *rest),
        atol=1e-4,
    )


@pytest.mark.parametrize("block", [1, 5, 16, 64])
def test_imputation_does_not_depend_on_blocks(monkeypatch, exact, block):
    *data, _ = some_embedded()
    expected = imputed(*data)
    monkeypatch.setattr(ridge, "BLOCK", block)
    np.testing.assert_allclose(imputed(*data), expected, atol=2e-5)


def test_imputation_ignores_features_with_tiny_values():
    """A tiny value in common with a document does not make two documents similar."""
    X = build_csr([[(0, 1), (2, 1e-14)], [(1, 1)], [(2, 1)]], 3)
    directions = np.zeros((3, 0), dtype=np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    found = imputed(X, directions, teacher, teacher.any(axis=1))
    np.testing.assert_allclose(found[2], [0.5**0.5] * 2, atol=1e-6)
