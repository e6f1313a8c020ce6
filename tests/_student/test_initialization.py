"""Initial weights of the student."""

import numpy as np
import pytest
import reference
from scipy import sparse

from sklux._student import initialization, ridge
from sklux._student.initialization import (
    feature_means,
    initial_coefs,
    linear_weights,
    start_features,
)
from sklux._student.network import Network, apply_network

N_COMPONENTS = 6


def zeros(shape, *_, scale):
    """Stand in for the noise."""
    return np.zeros(shape, dtype=np.float32)


@pytest.fixture
def no_noise(monkeypatch):
    monkeypatch.setattr(initialization, "_noise", zeros)


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(initialization, "RIDGE_STEPS", 500)
    monkeypatch.setattr(ridge, "TOLERANCE", 1e-6)


def start(hidden_layer_sizes, seed=0):
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    random_state = np.random.RandomState(seed)
    return X, initial_coefs(X, targets, hidden_layer_sizes, random_state)


def test_feature_means_by_hand():
    """The mean target m is (1/3, 1/3).

    Feature 0 occurs once in documents 0 and 1:
    ((1, 0) - m + (0, 1) - m) / (1 + 2) = (1/9, 1/9).
    Feature 1 occurs twice in document 1: 2 ((0, 1) - m) / (1 + 2) = (-2/9, 4/9).
    Feature 2 never occurs.
    """
    X = sparse.csr_matrix(np.array([[1, 0, 0], [1, 2, 0], [0, 0, 0]], dtype=np.float32))
    targets = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    means = feature_means(X, targets)
    expected = np.array([[1, 1], [-2, 4], [0, 0]]) / 9
    np.testing.assert_allclose(means, expected, atol=1e-7)
    assert means.dtype == np.float32
    assert means.flags.c_contiguous


def test_feature_means_of_negative_values():
    """A value of -1 changes the sign and keeps the weight.

    m = (1/2,); (-1) (1 - 1/2) / (1 + 1) = -1/4.
    """
    X = sparse.csr_matrix(np.array([[-1], [0]], dtype=np.float32))
    means = feature_means(X, np.array([[1], [0]], dtype=np.float32))
    np.testing.assert_allclose(means, [[-0.25]])


def test_feature_means_of_rare_features_are_shorter():
    """The same target, a hundred times or once."""
    rows = [[1, 0]] * 100 + [[0, 1]] + [[0, 0]] * 101
    X = sparse.csr_matrix(np.array(rows, dtype=np.float32))
    targets = np.array([[1, 0]] * 101 + [[0, 1]] * 101, dtype=np.float32)
    frequent, rare = np.linalg.norm(feature_means(X, targets), axis=1)
    assert rare < 0.6 * frequent


def mean_weights(magnitudes, lengths):
    """The weights u: ridge regression as least squares with further rows."""
    n_carried = magnitudes.shape[1]
    penalty = np.sqrt(initialization.MEAN_ALPHA * (magnitudes**2).sum() / n_carried)
    rows = np.vstack([magnitudes, penalty * np.eye(n_carried)])
    return np.linalg.lstsq(rows, np.append(lengths, np.zeros(n_carried)), rcond=None)[0]


def linear_student(X, targets, n_carried):
    """z = a + (|a| . u) m, with a of unit length."""
    mean = targets.mean(axis=0)
    rows = reference.unit_rows(X.toarray())
    weights = linear_weights(X, np.arange(len(targets)), targets, mean, None)
    weights = weights[:, :n_carried]
    a = reference.unit_rows(rows @ weights)
    length = np.sqrt(((targets - mean)[:, :n_carried] ** 2).sum(axis=1).mean())
    u = mean_weights(abs(a), np.ones(len(a)) / length)
    z = np.outer(abs(a) @ u, mean)
    z[:, :n_carried] += a
    return reference.unit_rows(z)


@pytest.mark.parametrize(
    "hidden_layer_sizes",
    [(2 * N_COMPONENTS,), (40,), (40, 2 * N_COMPONENTS), (13, 50, 20)],
)
def test_initial_coefs_equal_the_linear_student(exact, no_noise, hidden_layer_sizes):
    """relu(a) - relu(-a) = a and relu(a) + relu(-a) = |a| through all layers."""
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    _, coefs = start(hidden_layer_sizes)
    np.testing.assert_allclose(
        apply_network(X, Network.of(coefs), 1),
        linear_student(X, targets, N_COMPONENTS),
        atol=1e-5,
    )


def test_initial_coefs_of_tied_rows_equal_the_linear_student(exact):
    """V adds the mean; there are no further units, and so no noise."""
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    _, coefs = start("tied")
    np.testing.assert_allclose(
        apply_network(X, Network.of(coefs, tied=True), 1),
        linear_student(X, targets, N_COMPONENTS),
        atol=1e-5,
    )
    assert [w.shape for w in coefs] == [(X.shape[1], N_COMPONENTS), (N_COMPONENTS,) * 2]
    assert all(weights.dtype == np.float32 for weights in coefs)
    assert all(weights.flags.c_contiguous for weights in coefs)


def test_initial_coefs_of_tied_rows_are_those_of_the_hidden_layer():
    """Without ties, the same directions have both signs."""
    _, (W, V) = start("tied")
    _, (first, last) = start((2 * N_COMPONENTS,))
    reference.assert_same_bits(first, np.hstack([W, -W]))
    eye = np.eye(N_COMPONENTS)
    np.testing.assert_allclose(last, np.vstack([eye + V, V - eye]), atol=1e-6)


@pytest.mark.parametrize("n_units", [2, 4, 5, 9])
def test_initial_coefs_of_a_narrow_layer_carry_the_first_directions(
    exact, no_noise, n_units
):
    """A layer of 5 units has two pairs; the mean keeps all of its directions."""
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    _, coefs = start((n_units,))
    np.testing.assert_allclose(
        apply_network(X, Network.of(coefs), 1),
        linear_student(X, targets, n_units // 2),
        atol=1e-5,
    )


def test_initial_coefs_reproduce_the_mean_of_the_targets():
    """The targets are in a narrow cone, and the network has no biases."""
    X, targets = reference.topic_documents(300, n_teacher_components=N_COMPONENTS)
    targets = reference.unit_rows(targets + [3, 0, 0, 0, 0, 0]).astype(np.float32)
    coefs = initial_coefs(X, targets, (12,), np.random.RandomState(0))
    student = apply_network(X, Network.of(coefs), 1)
    means = [student.mean(axis=0), targets.mean(axis=0)]
    np.testing.assert_allclose(*means, atol=0.03)
    assert np.linalg.norm(means[1]) > 0.9


@pytest.mark.parametrize("hidden_layer_sizes", [(40,), (14, 12)])
def test_initial_coefs_noise_is_small(monkeypatch, hidden_layer_sizes):
    """Only units that carry no direction have noise."""
    X, coefs = start(hidden_layer_sizes)
    assert all(weights.any(axis=0).all() for weights in coefs)
    monkeypatch.setattr(initialization, "_noise", zeros)
    _, quiet = start(hidden_layer_sizes)
    vectors = [apply_network(X, Network.of(each), 1) for each in (coefs, quiet)]
    assert (vectors[0] * vectors[1]).sum(axis=1).min() > 0.9
    pairs = 2 * min(N_COMPONENTS, min(hidden_layer_sizes) // 2)
    reference.assert_same_bits(coefs[0][:, :pairs], quiet[0][:, :pairs])


@pytest.mark.parametrize("hidden_layer_sizes", [(1,), (1, 1), (1, 30), (30, 1)])
def test_initial_coefs_one_unit_is_noise_and_finite(hidden_layer_sizes):
    X, coefs = start(hidden_layer_sizes)
    assert all(np.isfinite(weights).all() for weights in coefs)
    assert all(weights.any() for weights in coefs)
    assert np.isfinite(apply_network(X, Network.of(coefs), 1)).all()


@pytest.mark.parametrize("hidden_layer_sizes", [(), (1,), (7,), (40, 3, 12)])
def test_initial_coefs_shapes(hidden_layer_sizes):
    X, coefs = start(hidden_layer_sizes)
    sizes = (X.shape[1], *hidden_layer_sizes, N_COMPONENTS)
    assert [weights.shape for weights in coefs] == list(zip(sizes[:-1], sizes[1:]))
    assert all(weights.dtype == np.float32 for weights in coefs)
    assert all(weights.flags.c_contiguous for weights in coefs)


def test_initial_coefs_without_hidden_layer_are_a_ridge_regression(exact):
    """The regression predicts the targets from unit rows."""
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    (weights,) = initial_coefs(X, targets, (), np.random.RandomState(0))
    rows = reference.unit_rows(X.toarray())
    kernel = rows @ rows.T + initialization.RIDGE_ALPHA * np.eye(len(rows))
    expected = rows.T @ np.linalg.solve(kernel, targets)
    np.testing.assert_allclose(weights, expected, atol=1e-4)


def test_initial_coefs_resemble_the_teacher():
    """The mean cosine is far above chance before any epoch."""
    X, targets = reference.topic_documents(300)
    coefs = initial_coefs(X, targets, (64,), np.random.RandomState(0))
    cosines = (apply_network(X, Network.of(coefs), 1) * targets).sum(axis=1)
    assert cosines.mean() > 0.5


def test_initial_coefs_of_constant_targets():
    """There is no direction, but the noise has a minimum size."""
    X, _ = reference.topic_documents(30)
    targets = np.tile(np.float32([1, 0, 0]), (30, 1))
    coefs = initial_coefs(X, targets, (10,), np.random.RandomState(0))
    assert coefs[0].any()
    assert np.isfinite(apply_network(X, Network.of(coefs), 1)).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_initial_coefs_noise_follows_the_seed(seed):
    """The other weights do not depend on the seed."""
    _, first = start((40,), seed=0)
    _, second = start((40,), seed=seed)
    assert np.array_equal(first[0], second[0]) is (seed == 0)
    carried = slice(0, 2 * N_COMPONENTS)
    reference.assert_same_bits(first[0][:, carried], second[0][:, carried])


@pytest.mark.parametrize("hidden_layer_sizes", [(), (7,), (40, 2 * N_COMPONENTS)])
def test_start_features_are_means_with_both_signs(no_noise, hidden_layer_sizes):
    """Chosen features get the means of all documents; the others do not change."""
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    coefs = initial_coefs(X, targets, hidden_layer_sizes, np.random.RandomState(0))
    coefs = [np.zeros_like(weights) for weights in coefs]
    chosen = np.array([3, 0, 17])
    start_features(coefs, X, targets, chosen)
    means = feature_means(X, targets)[chosen]
    expected = np.zeros((3, coefs[0].shape[1]), dtype=np.float32)
    if not hidden_layer_sizes:
        expected[:] = means
    else:
        n_carried = min(N_COMPONENTS, min(hidden_layer_sizes) // 2)
        expected[:, :n_carried] = means[:, :n_carried]
        expected[:, n_carried : 2 * n_carried] = -means[:, :n_carried]
    np.testing.assert_allclose(coefs[0][chosen], expected, atol=1e-7)
    assert not np.delete(coefs[0], chosen, axis=0).any()
    assert not any(weights.any() for weights in coefs[1:])


@pytest.mark.parametrize("hidden_layer_sizes", [(), (40,)])
def test_initial_coefs_of_some_rows_are_those_of_the_rows_alone(hidden_layer_sizes):
    """Nothing else of the other rows is read."""
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    rows = np.random.RandomState(1).permutation(80)[:50]
    alone = initial_coefs(
        X[rows], targets[rows], hidden_layer_sizes, np.random.RandomState(0)
    )
    others = np.setdiff1d(np.arange(80), rows)
    targets[others] = np.nan
    found = initial_coefs(
        X, targets, hidden_layer_sizes, np.random.RandomState(0), None, rows
    )
    for weights, expected in zip(found, alone, strict=True):
        reference.assert_same_bits(weights, expected)


def test_start_features_of_tied_rows_are_the_means():
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    coefs = [np.zeros_like(weights) for weights in start("tied")[1]]
    chosen = np.array([3, 0, 17])
    start_features(coefs, X, targets, chosen, tied=True)
    means = feature_means(X, targets)[chosen]
    np.testing.assert_allclose(coefs[0][chosen], means, atol=1e-7)
    assert not np.delete(coefs[0], chosen, axis=0).any()
    assert not coefs[1].any()


def test_start_features_without_features_changes_nothing():
    X, targets = reference.topic_documents(80, n_teacher_components=N_COMPONENTS)
    coefs = [np.zeros((X.shape[1], N_COMPONENTS), dtype=np.float32)]
    start_features(coefs, X, targets, np.zeros(0, dtype=np.intp))
    assert not coefs[0].any()
