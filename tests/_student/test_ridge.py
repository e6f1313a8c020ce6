"""Ridge regression on sparse rows, and the solver by conjugate gradients."""

import numpy as np
import pytest
import reference
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from sklux._student import ridge
from sklux._student.ridge import conjugate_gradients, ridge_weights


@pytest.fixture
def exact(monkeypatch):
    """Let the solver reach the accuracy of float32."""
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    monkeypatch.setattr(ridge, "MAX_STEPS", 500)


def regression_data(n_samples, n_targets):
    X = normalize(reference.topic_documents(n_samples)[0])
    return X, np.random.RandomState(0).standard_normal((n_samples, n_targets))


@pytest.mark.parametrize("block", [1, 3, 128])
@pytest.mark.parametrize("alpha", [0.1, 2.0])
def test_ridge_weights_equal_scikit_learn(monkeypatch, block, alpha):
    monkeypatch.setattr(ridge, "BLOCK", block)
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    X, targets = regression_data(50, 4)
    weights, _ = ridge_weights(X, targets, alpha, 500)
    model = Ridge(alpha, fit_intercept=False).fit(X.toarray(), targets)
    assert weights.dtype == np.float32
    assert weights.flags.c_contiguous
    np.testing.assert_allclose(weights, model.coef_.T, atol=2e-4)


def test_ridge_weights_are_shorter_after_fewer_steps():
    """An early stop acts like a penalty."""
    X, targets = regression_data(60, 2)
    lengths = [
        np.linalg.norm(ridge_weights(X, targets, 0.01, n_steps)[0])
        for n_steps in (0, 1, 3, 30)
    ]
    assert lengths[0] == 0
    assert lengths == sorted(lengths)


def test_ridge_weights_of_features_that_never_occur_are_zero():
    X, targets = regression_data(30, 3)
    X = X.tolil()
    X[:, 5] = 0
    weights, _ = ridge_weights(X.tocsr().astype(np.float32), targets, 0.1, 20)
    assert not weights[5].any()
    assert weights[4].any()


@pytest.mark.parametrize("block", [3, 128])
def test_ridge_weights_of_sparse_and_dense_columns(monkeypatch, block):
    monkeypatch.setattr(ridge, "BLOCK", block)
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    X, targets = regression_data(50, 4)
    dense = np.random.RandomState(1).standard_normal((50, 6)).astype(np.float32)
    weights = ridge_weights(X, targets, 0.1, 500, dense)
    assert [part.dtype for part in weights] == [np.float32] * 2
    both = np.hstack([X.toarray(), dense])
    model = Ridge(0.1, fit_intercept=False).fit(both, targets)
    np.testing.assert_allclose(np.vstack(weights), model.coef_.T, atol=5e-4)


def positive_definite(n, seed=0):
    root = np.random.RandomState(seed).standard_normal((n, n))
    return root @ root.T / n + 0.2 * np.eye(n)


@pytest.mark.parametrize("n_targets", [1, 7])
@pytest.mark.parametrize("n_samples", [1, 2, 30])
def test_conjugate_gradients_equals_reference(exact, n_samples, n_targets):
    K = positive_definite(n_samples)
    targets = np.random.RandomState(1).standard_normal((n_samples, n_targets))
    found = conjugate_gradients(lambda A: K @ A, targets)
    np.testing.assert_allclose(found, np.linalg.solve(K, targets), atol=1e-5)


def test_conjugate_gradients_residuals_are_within_the_tolerance():
    """In each column, even if one column is a million times as long as another."""
    K = positive_definite(40)
    targets = np.random.RandomState(1).standard_normal((40, 3)) * [1, 1e6, 1e-6]
    residuals = targets - K @ conjugate_gradients(lambda A: K @ A, targets)
    lengths = np.linalg.norm(targets, axis=0)
    assert np.all(np.linalg.norm(residuals, axis=0) <= 1.01 * ridge.TOLERANCE * lengths)


def test_conjugate_gradients_by_hand():
    """One number: 4 a = 2."""
    found = conjugate_gradients(lambda A: 4 * A, np.array([[2.0]]))
    np.testing.assert_allclose(found, [[0.5]])


def test_conjugate_gradients_zero_columns_stay_zero():
    """Even if another column needs several steps."""
    K = positive_definite(20)
    targets = np.zeros((20, 2))
    targets[:, 1] = np.arange(20)
    found = conjugate_gradients(lambda A: K @ A, targets)
    assert not found[:, 0].any()
    assert np.isfinite(found).all()


def test_conjugate_gradients_stops_after_max_steps(monkeypatch):
    monkeypatch.setattr(ridge, "MAX_STEPS", 3)
    calls = []

    def product(A):
        calls.append(A)
        return positive_definite(50) @ A

    conjugate_gradients(product, np.random.RandomState(0).standard_normal((50, 2)))
    assert len(calls) == 3


def test_conjugate_gradients_does_not_change_the_targets():
    targets = np.ones((5, 1))
    conjugate_gradients(lambda A: positive_definite(5) @ A, targets)
    np.testing.assert_array_equal(targets, 1)


def test_conjugate_gradients_of_dependent_columns():
    """There are more columns than samples, and two columns are the same."""
    K = positive_definite(6)
    targets = np.random.RandomState(1).standard_normal((6, 9))
    targets[:, 4] = targets[:, 1]
    found = conjugate_gradients(lambda A: K @ A, targets, 20, 1e-6)
    np.testing.assert_allclose(found, np.linalg.solve(K, targets), atol=1e-5)
    np.testing.assert_allclose(found[:, 4], found[:, 1], atol=1e-6)


def test_conjugate_gradients_columns_share_their_directions():
    """With eight large eigenvalues one column takes eight steps, but eight take few."""
    rng = np.random.RandomState(0)
    root = rng.standard_normal((200, 8)) * np.geomspace(1, 30, 8)
    K = root @ root.T + np.eye(200)
    targets = rng.standard_normal((200, 8))
    calls = []

    def product(A):
        calls.append(A)
        return K @ A

    found = conjugate_gradients(product, targets, 50, 1e-3)
    np.testing.assert_allclose(K @ found, targets, atol=0.02)
    assert len(calls) <= 3
