"""Term vectors: sums over the terms of documents, and regressions on the sums."""

import numpy as np
import pytest
import reference
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from sklux._student import imputation, ridge
from sklux._student.imputation import fit_imputation
from sklux._student.initialization import RIDGE_ALPHA, linear_weights
from sklux._student.term_vectors import WEIGHT, TermVectors, term_sums, term_vectors


def some_terms(n_features=60, n_components=16):
    rng = np.random.RandomState(1)
    features = np.sort(rng.permutation(n_features)[:40])
    return term_vectors(features, rng.standard_normal((40, n_components)))


def test_term_vectors_are_unit_rows_minus_their_mean():
    rows = [[3, 0], [0, 0], [np.nan, np.nan], [0, 0.5]]
    terms = term_vectors(np.array([2, 5, 6, 7]), np.array(rows, dtype=np.float32))
    assert terms.features.tolist() == [2, 7]
    np.testing.assert_allclose(terms.vectors, [[0.5, -0.5], [-0.5, 0.5]])
    assert terms.vectors.dtype == np.float32


@pytest.mark.parametrize("n_terms", [0, 1, 2])
def test_term_vectors_without_information(n_terms):
    """No term, one term (it equals the mean), or two equal terms."""
    X = sparse.identity(4, dtype=np.float32, format="csr")
    terms = term_vectors(np.arange(n_terms), np.ones((n_terms, 3), dtype=np.float32))
    rows, targets = np.arange(4), np.eye(4, dtype=np.float32)
    sums = term_sums(X, rows, terms)
    assert sums.scale == 0
    assert not sums.columns(X).any()
    reference.assert_same_bits(
        linear_weights(X, rows, targets, None, terms),
        linear_weights(X, rows, targets, None, None),
    )


def sums_by_the_formula(X, terms):
    sums = X.toarray().astype(np.float64)[:, terms.features] @ terms.vectors
    return sums * np.sqrt(WEIGHT / np.square(sums).sum(axis=1).mean())


def test_term_sums_equal_the_formula():
    X, terms = reference.topic_documents(50)[0], some_terms()
    sums = term_sums(X, np.arange(50), terms)
    found = sums.columns(normalize(X))
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, sums_by_the_formula(normalize(X), terms), atol=1e-5
    )


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    monkeypatch.setattr(ridge, "MAX_STEPS", 500)
    monkeypatch.setattr("sklux._student.initialization.RIDGE_STEPS", 500)


@pytest.mark.parametrize("n_samples", [50, 120])
def test_linear_weights_are_a_regression_on_term_sums_too(exact, n_samples):
    """In the dual and in the primal."""
    X, targets = reference.topic_documents(n_samples)
    X, terms, mean = normalize(X), some_terms(), targets.mean(axis=0)
    found = linear_weights(X, np.arange(n_samples), targets, mean, terms)
    targets = targets - mean
    assert found.dtype == np.float32
    both = np.hstack([X.toarray(), sums_by_the_formula(X, terms)])
    model = Ridge(RIDGE_ALPHA, fit_intercept=False).fit(both, targets)
    np.testing.assert_allclose(X @ found, model.predict(both), atol=1e-4)


def test_imputed_vectors_with_terms_equal_the_formula(exact):
    X, teacher = reference.topic_documents(120)
    X, terms = normalize(X), some_terms()
    is_embedded = np.arange(120) % 2 == 0
    directions = np.zeros((60, 0), dtype=np.float32)
    known = np.flatnonzero(is_embedded)
    found = fit_imputation(X, directions, teacher, known, terms).vectors(X)

    mean = teacher[is_embedded].mean(axis=0, dtype=np.float64)
    rows = np.hstack([X.toarray(), sums_by_the_formula(X, terms)])
    model = Ridge(imputation.ALPHA, fit_intercept=False)
    deviations = model.fit(rows[is_embedded], teacher[is_embedded] - mean).predict(rows)
    deviations = reference.unit_rows(deviations) * np.sqrt(1 - mean @ mean)
    expected = reference.unit_rows(mean + deviations)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_term_vectors_of_columns_without_documents():
    """Their sums are zero for all documents."""
    X = sparse.csr_matrix(np.eye(3, 6, dtype=np.float32))
    terms = TermVectors(np.array([4, 5]), np.ones((2, 2), dtype=np.float32))
    assert not term_sums(X, np.arange(3), terms).columns(X).any()
