"""Shares of features, compared with numeric derivatives and with the kernels."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from models import random_network
from scipy import sparse

from sklux._student.attribution import FeatureParts, feature_strengths
from sklux._student.network import apply_network

N_FEATURES = 30
# Units of the first layer and of the others; whether rows are tied.
KINDS = [
    ((5,), False),
    ((8, 5), False),
    ((8, 6, 4), False),
    ((6, 6), True),
    ((6, 4), True),
    ((6, 2, 5), True),
]


def slow_output(network, x):
    """The output before it gets unit length, by plain products."""
    first, *dense = (weights.astype(np.float64) for weights in network.coefs())
    hidden = x @ first
    if network.tied:
        added = np.abs(hidden)
        for weights in dense:
            added = added @ weights
        return hidden[: dense[-1].shape[1]] + added
    for weights in dense:
        hidden = np.maximum(hidden, 0) @ weights
    return hidden


def numeric_gradient(function, x, step=1e-6):
    """Derivatives of a function by its differences."""
    shifts = step * np.eye(len(x))
    return np.array([(function(x + d) - function(x - d)) / (2 * step) for d in shifts])


documents = st.tuples(st.sampled_from(KINDS), st.integers(0, 100), st.integers(1, 12))


@settings(max_examples=80, deadline=None)
@given(documents)
def test_attribution_adds_up_to_the_vector_of_the_kernels(document):
    (sizes, tied), seed, n_terms = document
    network = random_network(
        N_FEATURES, sizes, tied, seed, ["float32", "int8"][seed % 2]
    )
    random = np.random.RandomState(seed)
    features = random.permutation(N_FEATURES)[:n_terms]
    values = random.uniform(0.1, 1, n_terms).astype(np.float32)
    parts = FeatureParts(network, features, values)
    row = sparse.csr_matrix(
        (values, features, [0, n_terms]), shape=(1, N_FEATURES), dtype=np.float32
    )
    expected = apply_network(row, network, None)[0]
    np.testing.assert_allclose(parts.vector, expected, atol=2e-6)
    np.testing.assert_allclose(parts.vectors().sum(axis=0), parts.vector, atol=1e-12)
    direction = random.standard_normal(len(expected))
    shares = parts.shares(direction)
    np.testing.assert_allclose(shares.sum(), parts.vector @ direction, atol=1e-10)
    np.testing.assert_allclose(parts.vectors() @ direction, shares, atol=1e-12)


@settings(max_examples=40, deadline=None)
# All hidden units are off: the output is zero, and has no direction.
@example((((8, 5), False), 84, 6))
@given(documents)
def test_attribution_is_the_gradient_times_the_input(document):
    (sizes, tied), seed, n_terms = document
    network = random_network(N_FEATURES, sizes, tied, seed)
    random = np.random.RandomState(seed)
    x = np.zeros(N_FEATURES)
    features = random.permutation(N_FEATURES)[:n_terms]
    x[features] = random.uniform(0.1, 1, n_terms)
    direction = random.standard_normal(sizes[-1])
    parts = FeatureParts(network, features, x[features])
    gradient = numeric_gradient(lambda x: slow_output(network, x) @ direction, x)
    length = np.linalg.norm(slow_output(network, x)) or 1.0
    expected = (x * gradient)[features] / length
    np.testing.assert_allclose(parts.shares(direction), expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_attribution_linear_part_is_linear(kind):
    """It is the mean of the outputs of x and of -x, with the sign turned."""
    network = random_network(N_FEATURES, *kind, seed=3)
    features, values = np.arange(6), np.linspace(0.2, 1, 6)
    x = np.zeros(N_FEATURES)
    x[features] = values
    direction = np.arange(1.0, kind[0][-1] + 1)
    parts = FeatureParts(network, features, values)
    shares = parts.shares(direction, is_linear=True)
    # With one hidden layer, relu(u) - relu(-u) = u.
    if len(kind[0]) <= 2 or kind[1]:
        odd = (slow_output(network, x) - slow_output(network, -x)) / 2
        length = np.linalg.norm(slow_output(network, x))
        np.testing.assert_allclose(shares.sum(), odd @ direction / length, atol=1e-6)
    # A share depends on nothing but its own feature, and the length.
    half = FeatureParts(network, features[:3], values[:3])
    ratio = half.shares(direction, is_linear=True) / shares[:3]
    np.testing.assert_allclose(ratio, ratio[0])


def test_attribution_without_features():
    network = random_network(N_FEATURES, (6, 6), True, seed=0)
    parts = FeatureParts(network, np.empty(0, dtype=np.intp), np.empty(0))
    assert not parts.vector.any()
    assert parts.shares(np.ones(6)).shape == (0,)
    assert parts.vectors().shape == (0, 6)


@pytest.mark.parametrize("sizes, tied", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_attribution_strengths_of_single_features(sizes, tied, dtype):
    """The output for each feature alone, before it gets unit length."""
    network = random_network(N_FEATURES, sizes, tied, seed=3, dtype=dtype)
    direction = np.random.RandomState(0).standard_normal(network.n_components)
    expected = [slow_output(network, x) @ direction for x in np.eye(N_FEATURES)]
    features = np.array([4, 0, 29, 7])
    found = feature_strengths(network, features, direction)
    np.testing.assert_allclose(found, np.array(expected)[features], rtol=1e-9)
