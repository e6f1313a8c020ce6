"""Ridge regression on sparse rows against its closed form."""

import numpy as np
import pytest
import reference
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from sklux._student import ridge as _ridge
from sklux._student.ridge import ridge_weights


def lesson(n_samples, n_targets):
    X = normalize(reference.topic_documents(n_samples)[0])
    return X, np.random.RandomState(0).standard_normal((n_samples, n_targets))


@pytest.mark.parametrize("block", [1, 3, 128])
@pytest.mark.parametrize("alpha", [0.1, 2.0])
def test_ridge_weights_equal_those_of_scikit_learn(monkeypatch, block, alpha):
    monkeypatch.setattr(_ridge, "BLOCK", block)
    monkeypatch.setattr(_ridge, "TOLERANCE", 1e-6)
    X, targets = lesson(50, 4)
    weights, _ = ridge_weights(X, targets, alpha, 500)
    model = Ridge(alpha, fit_intercept=False).fit(X.toarray(), targets)
    assert weights.dtype == np.float32
    assert weights.flags.c_contiguous
    np.testing.assert_allclose(weights, model.coef_.T, atol=2e-4)


def test_ridge_weights_fewer_steps_are_shorter():
    """Stopping early is a penalty too."""
    X, targets = lesson(60, 2)
    lengths = [
        np.linalg.norm(ridge_weights(X, targets, 0.01, n_steps)[0])
        for n_steps in (0, 1, 3, 30)
    ]
    assert lengths[0] == 0
    assert lengths == sorted(lengths)


def test_ridge_weights_of_features_that_never_occur_are_zero():
    X, targets = lesson(30, 3)
    X = X.tolil()
    X[:, 5] = 0
    weights, _ = ridge_weights(X.tocsr().astype(np.float32), targets, 0.1, 20)
    assert not weights[5].any()
    assert weights[4].any()


@pytest.mark.parametrize("block", [3, 128])
def test_ridge_weights_of_dense_columns_beside_sparse_ones(monkeypatch, block):
    monkeypatch.setattr(_ridge, "BLOCK", block)
    monkeypatch.setattr(_ridge, "TOLERANCE", 1e-6)
    X, targets = lesson(50, 4)
    dense = np.random.RandomState(1).standard_normal((50, 6)).astype(np.float32)
    weights = ridge_weights(X, targets, 0.1, 500, dense)
    assert [part.dtype for part in weights] == [np.float32] * 2
    both = np.hstack([X.toarray(), dense])
    model = Ridge(0.1, fit_intercept=False).fit(both, targets)
    np.testing.assert_allclose(np.vstack(weights), model.coef_.T, atol=5e-4)
