"""Ridge regression on sparse rows, and the solver by conjugate gradients."""

import numpy as np
import pytest
import reference
from sklearn.linear_model import Ridge
from sklearn.preprocessing import normalize

from sklux._student import products, ridge
from sklux._student.ridge import (
    Combination,
    conjugate_gradients,
    continued_ridge,
    ridge_weights,
)
from sklux._utils import blocks


@pytest.fixture
def exact(monkeypatch):
    """Let the solver reach the accuracy of float32."""
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    monkeypatch.setattr(ridge, "MAX_STEPS", 500)


@pytest.fixture(params=[False, True], ids=["primal", "dual"])
def system(monkeypatch, request):
    """Both systems of equations, for any shape of the data."""
    monkeypatch.setattr(ridge, "is_dual_smaller", lambda *sizes: request.param)


def regression_data(n_samples, n_targets):
    X = reference.topic_documents(n_samples)[0]
    return X, np.random.RandomState(0).standard_normal((n_samples, n_targets))


def ridge_of(X, targets, alpha, max_steps=None, combinations=()):
    """The weights of a regression on all rows."""
    return ridge_weights(
        X,
        np.arange(X.shape[0]),
        lambda rows: targets[rows],
        targets.shape[1],
        alpha,
        max_steps,
        combinations,
    )


@pytest.mark.parametrize("block", [1, 3, 128])
@pytest.mark.parametrize("alpha", [0.1, 2.0])
def test_ridge_weights_equal_scikit_learn(monkeypatch, system, block, alpha):
    """Rows are scaled to unit length."""
    monkeypatch.setattr(ridge, "BLOCK", block)
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    X, targets = regression_data(50, 4)
    weights = ridge_of(X, targets, alpha, 1000)
    model = Ridge(alpha, fit_intercept=False).fit(normalize(X).toarray(), targets)
    assert weights.dtype == np.float32
    assert weights.flags.c_contiguous
    np.testing.assert_allclose(weights, model.coef_.T, atol=4e-4)


def test_ridge_weights_do_not_depend_on_blocks_of_rows(monkeypatch, system):
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    X, targets = regression_data(50, 4)
    expected = ridge_of(X, targets, 0.1, 1000)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)
    monkeypatch.setattr(products, "TRANSPOSED_ROWS", 11)
    found = ridge_of(X, targets, 0.1, 1000)
    np.testing.assert_allclose(found, expected, atol=4e-4)


def test_ridge_weights_of_some_rows(monkeypatch, system):
    """In any order; the other rows are not read."""
    X, targets = regression_data(50, 4)
    rows = np.random.RandomState(1).permutation(50)[:30]
    expected = ridge_of(X[rows], targets[rows], 0.1)
    found = ridge_weights(X, rows, lambda part: targets[rows[part]], 4, 0.1)
    reference.assert_same_bits(found, expected)


def test_ridge_weights_are_shorter_after_fewer_steps(system):
    """An early stop acts like a penalty."""
    X, targets = regression_data(60, 2)
    lengths = [
        np.linalg.norm(ridge_of(X, targets, 0.01, n_steps)) for n_steps in (0, 1, 4, 30)
    ]
    assert lengths[0] == 0
    assert lengths == sorted(lengths)


def test_ridge_weights_of_features_that_never_occur_are_zero(system):
    X, targets = regression_data(30, 3)
    X = X.tolil()
    X[:, 5] = 0
    weights = ridge_of(X.tocsr().astype(np.float32), targets, 0.1, 20)
    assert not weights[5].any()
    assert weights[4].any()


def some_combinations():
    """Columns from some features, and columns from all."""
    rng = np.random.RandomState(1)
    features = np.array([3, 40, 17, 8])
    return [
        Combination(features, rng.standard_normal((4, 5)).astype(np.float32)),
        Combination(
            None, rng.standard_normal((60, 3)).astype(np.float32), np.float32(0.5)
        ),
    ]


def combined_columns(X, combinations):
    """The further columns by their formula."""
    return np.hstack(
        [
            part.scale
            * (X.toarray() if part.features is None else X.toarray()[:, part.features])
            @ part.vectors
            for part in combinations
        ]
    )


@pytest.mark.parametrize("block", [3, 128])
def test_ridge_weights_with_further_columns(monkeypatch, system, block):
    """The weights of the features have the effect of all weights."""
    monkeypatch.setattr(ridge, "BLOCK", block)
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)
    X, targets = regression_data(50, 4)
    X, combinations = normalize(X), some_combinations()
    weights = ridge_of(X, targets, 0.1, 1000, combinations)
    assert weights.dtype == np.float32
    both = np.hstack([X.toarray(), combined_columns(X, combinations)])
    model = Ridge(0.1, fit_intercept=False).fit(both, targets)
    np.testing.assert_allclose(X @ weights, model.predict(both), atol=1e-3)


def test_combination_columns_spread_and_gather_by_their_formula():
    X = normalize(reference.topic_documents(20)[0])
    rng = np.random.RandomState(2)
    for part in some_combinations():
        columns = combined_columns(X, [part])
        np.testing.assert_allclose(part.columns(X), columns, atol=1e-5)
        weights = rng.standard_normal((columns.shape[1], 2)).astype(np.float32)
        total = np.zeros((60, 2), dtype=np.float32)
        part.spread(weights, total)
        np.testing.assert_allclose(X @ total, columns @ weights, atol=1e-5)
        dual = rng.standard_normal((20, 2)).astype(np.float32)
        np.testing.assert_allclose(part.gather(X.T @ dual), columns.T @ dual, atol=1e-4)


@pytest.mark.parametrize("limit", [7, 1000])
def test_combination_scaled_has_the_mean_square_of_some_rows(monkeypatch, limit):
    """At most ``limit`` rows count, evenly spaced."""
    monkeypatch.setattr(ridge, "MAX_SCALING_ROWS", limit)
    X = reference.topic_documents(20)[0]
    rows = np.arange(20)
    for part in some_combinations():
        columns = part.scaled(X, rows, 0.7).columns(normalize(X))
        used = columns[::3] if limit == 7 else columns
        assert np.square(used).sum(axis=1).mean() == pytest.approx(0.7, rel=1e-5)


@pytest.mark.parametrize(
    ("n_rows", "n_features", "n_combined", "is_dual"),
    [(100, 100, 0, True), (101, 100, 0, False), (10, 1000, 5000, True)],
)
def test_ridge_solves_the_smaller_system(n_rows, n_features, n_combined, is_dual):
    assert ridge.is_dual_smaller(n_rows, n_features, n_combined) is is_dual


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


class InParts:
    """Rows of a corpus that is read in parts."""

    def __init__(self, X, targets, size):
        starts = range(0, len(targets), size)
        self.parts = [
            (X[start : start + size], targets[start : start + size]) for start in starts
        ]
        self.n_read = 0

    def rows(self):
        return (X for X, _ in self.rows_and_targets())

    def rows_and_targets(self):
        self.n_read += 1
        yield from self.parts


@pytest.mark.parametrize("has_combinations", [False, True])
@pytest.mark.parametrize("size", [7, 100])
def test_continued_ridge_is_the_regression_on_the_corpus(exact, size, has_combinations):
    """Begun with weights of a part of it."""
    combinations = some_combinations() if has_combinations else []
    X, targets = regression_data(50, 4)
    targets, mean = targets.astype(np.float32), np.float32([1, 0, -2, 0.5])
    stream = InParts(X, targets + mean, size)
    expected = ridge_of(X, targets, 0.1, 1000, combinations)
    start = np.zeros_like(expected)
    found = continued_ridge(stream, start, mean, 0.1, 500, combinations)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    if not has_combinations:
        start = ridge_of(X[:20], targets[:20], 0.1, 1000)
        found = continued_ridge(stream, start, mean, 0.1, 500)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_continued_ridge_reads_the_corpus_once_for_each_step():
    X, targets = regression_data(50, 4)
    stream = InParts(X, targets.astype(np.float32), 20)
    mean, start = np.zeros(4, dtype=np.float32), np.zeros((60, 4), dtype=np.float32)
    found = continued_ridge(stream, start, mean, 0.1, 3)
    assert stream.n_read == 4
    assert found.dtype == np.float32
    # It begins where the weights are, and comes nearer to the targets.
    again = continued_ridge(stream, found, mean, 0.1, 3)
    unit = normalize(X)
    errors = [np.linalg.norm(unit @ weights - targets) for weights in (found, again)]
    assert errors[1] < errors[0]
