"""Mini-batches of the first layer against plain loops."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.batches import SparseBatch
from sklux._kernels.layers import BETA_1, BETA_2, EPSILON
from strategies import (
    build_csr,
    csr_matrices,
    dense_arrays,
    extreme_values,
    kernel_settings,
    ordinary_values,
    seeds,
    widths,
)

batch_settings = settings(kernel_settings, max_examples=40)
dropouts = st.sampled_from([0.0, 0.15, 0.5, 1.0]) | st.floats(0, 1)
big_seeds = seeds | st.integers(0, 2**64 - 1)
values = ordinary_values | extreme_values


def fill(batch, *parts):
    """Fill a batch with rows; a part is a matrix, its samples, dropout and seed."""
    batch.begin()
    for X, samples, dropout, seed in parts:
        samples = np.asarray(samples, dtype=np.int64)
        batch.add(X.data, X.indices, X.indptr, samples, dropout, seed)
    batch.end()
    return batch


def all_rows(X):
    return fill(SparseBatch(X.shape[1]), (X, range(X.shape[0]), 0.0, 0))


def sums(batch, weights, edges=None):
    """Sums of the layer; values that the kernel does not write stay NaN."""
    out = np.full((batch.n_rows, weights.shape[1]), np.nan, dtype=np.float32)
    edges = [0, batch.n_rows] if edges is None else edges
    for start, stop in zip(edges[:-1], edges[1:]):
        batch.project(weights, out, start, stop)
    return out


class State:
    """Weights and moments, which `step` changes."""

    def __init__(self, weights):
        self.weights = weights.copy()
        self.mean, self.mean_square = np.zeros((2, *weights.shape), dtype=np.float32)

    def step(self, batch, gradient, edges=None, rate=0.01, correction=1.0):
        edges = [0, batch.n_features] if edges is None else edges
        for start, stop in zip(edges[:-1], edges[1:]):
            batch.step(
                gradient,
                self.weights,
                self.mean,
                self.mean_square,
                rate,
                correction,
                start,
                stop,
            )
        return self

    def assert_same_bits(self, other):
        for name in ("weights", "mean", "mean_square"):
            reference.assert_same_bits(getattr(self, name), getattr(other, name))


def random_edges(rng, n):
    """Bounds of random parts of a range; some parts are empty."""
    return [0, *sorted(rng.integers(0, n + 1, size=4).tolist()), n]


@st.composite
def batches(draw, values=values):
    """Rows of a matrix, some of them twice, dropout and seed; and weights."""
    X = draw(csr_matrices(values))
    rng = np.random.default_rng(draw(seeds))
    samples = rng.integers(0, X.shape[0], size=draw(st.integers(0, 12)) if X.nnz else 0)
    weights = draw(dense_arrays(X.shape[1], draw(widths)))
    return (X, samples, draw(dropouts), draw(big_seeds)), weights


@batch_settings
@given(batches())
def test_batch_sums_equal_reference(instruction_set, example):
    part, weights = example
    batch = fill(SparseBatch(len(weights)), part)
    rows = reference.kept_rows(*part)
    expected, bounds = reference.sparse_product(build_csr(rows, len(weights)), weights)
    assert np.all(abs(sums(batch, weights) - expected) <= bounds)
    assert batch.n_rows == len(rows)
    assert batch.n_features == len({column for row in rows for column, _ in row})


@batch_settings
@given(batches(), seeds)
def test_batch_step_equals_reference(instruction_set, example, seed):
    """The moments follow the gradient of the reference, the weights the moments."""
    part, weights = example
    batch = fill(SparseBatch(len(weights)), part)
    rng = np.random.default_rng(seed)
    gradient = rng.standard_normal((batch.n_rows, weights.shape[1]), dtype=np.float32)
    rows = reference.kept_rows(*part)
    occurs, g, g_error = reference.feature_gradients(rows, gradient, len(weights))
    state = State(weights)
    state.mean[:] = rng.standard_normal(weights.shape)
    state.mean_square[:] = rng.random(weights.shape)
    before = State(weights)
    before.mean[:], before.mean_square[:] = state.mean, state.mean_square
    state.step(batch, gradient, rate=0.01, correction=3.0)
    for name in ("weights", "mean", "mean_square"):
        was, now = getattr(before, name), getattr(state, name)
        reference.assert_same_bits(now[~occurs], was[~occurs])

    def assert_near(found, expected, error):
        error = error + 8 * reference.EPSILON * abs(expected) + 1e-36
        assert np.all(abs(found - expected)[occurs] <= error[occurs])

    # Terms may cancel, but each has a rounding error.
    m = BETA_1 * before.mean + (1 - BETA_1) * g
    assert_near(
        state.mean, m, g_error + reference.EPSILON * (abs(before.mean) + abs(g))
    )
    v = BETA_2 * before.mean_square + (1 - BETA_2) * g**2
    assert_near(state.mean_square, v, (2 * abs(g) + g_error) * g_error)
    m, v = state.mean.astype(np.float64), state.mean_square.astype(np.float64)
    move = 0.01 * m / (3.0 * np.sqrt(v) + EPSILON)
    error = reference.EPSILON * (abs(weights) + 8 * abs(move))
    assert_near(state.weights, weights - move, error)


def test_batch_steps_equal_reference_adam(instruction_set):
    """Twenty steps of a few rows each: moments of absent features do not change."""
    X, _ = reference.topic_documents(60)
    rng = np.random.default_rng(0)
    start = rng.standard_normal((X.shape[1], 19), dtype=np.float32)
    twin = reference.LazyAdam(start, BETA_1, BETA_2, EPSILON)
    state, batch = State(start), SparseBatch(X.shape[1])
    for n_steps in range(1, 21):
        samples = rng.choice(60, size=4, replace=False)
        fill(batch, (X, samples, 0.3, n_steps))
        gradient = rng.standard_normal((4, 19), dtype=np.float32)
        rows = reference.kept_rows(X, samples, 0.3, n_steps)
        occurs, slopes, _ = reference.feature_gradients(rows, gradient, X.shape[1])
        twin.step(np.flatnonzero(occurs), slopes[occurs], 0.01)
        state.step(
            batch,
            gradient,
            rate=0.01 / (1 - BETA_1**n_steps),
            correction=(1 - BETA_2**n_steps) ** -0.5,
        )
    np.testing.assert_allclose(state.weights, twin.weights, rtol=0, atol=2e-5)


def test_batch_by_hand(instruction_set):
    """Two documents, [1, 2, 0] and [0, 3, 0], and weights of two units.

    H = [1 (1, 0) + 2 (0, 1), 3 (0, 1)] = [(1, 2), (0, 3)].
    With dL/dH = [(1, 0), (1, 1)]: g_0 = (1, 0), g_1 = 2 (1, 0) + 3 (1, 1) = (5, 3).
    After one step m = 0.1 g and v = 0.001 g^2. The biases are 0.1 and 0.001. So each
    weight with a gradient moves by the learning rate, 0.5.
    """
    X = build_csr([[(0, 1), (1, 2)], [(1, 3)]], 3)
    batch = all_rows(X)
    weights = np.array([[1, 0], [0, 1], [7, 7]], dtype=np.float32)
    np.testing.assert_array_equal(sums(batch, weights), [[1, 2], [0, 3]])
    gradient = np.array([[1, 0], [1, 1]], dtype=np.float32)
    state = State(weights).step(batch, gradient, rate=0.5 / 0.1, correction=0.001**-0.5)
    np.testing.assert_allclose(
        state.mean, [[0.1, 0], [0.5, 0.3], [0, 0]], rtol=1e-6, atol=0
    )
    np.testing.assert_allclose(
        state.mean_square, [[0.001, 0], [0.025, 0.009], [0, 0]], rtol=1e-4, atol=0
    )
    np.testing.assert_allclose(
        state.weights, [[0.5, 0], [-0.5, 0.5], [7, 7]], rtol=0, atol=1e-4
    )


def test_batch_gradient_by_central_difference(instruction_set):
    """The loss is sum(cos(sums)); rows are unsorted, and one has a column twice."""
    rng = np.random.default_rng(0)
    X = build_csr(
        [[(4, 0.5), (0, -1.5)], [], [(2, 0.3), (2, 0.9), (4, -2.0)], [(1, 1e13)]], 5
    )
    weights = rng.standard_normal((5, 3), dtype=np.float32)
    batch = all_rows(X)
    # The derivative of cos is -sin.
    state = State(weights).step(batch, -np.sin(sums(batch, weights)))

    def loss(weights):
        return np.cos(reference.sparse_product(X, weights)[0]).sum()

    step = 1e-5
    for j, k in np.ndindex(weights.shape):
        nudge = np.zeros(weights.shape)
        nudge[j, k] = step
        # (f(W + h) - f(W - h)) / 2h
        slope = (loss(weights + nudge) - loss(weights - nudge)) / (2 * step)
        assert state.mean[j, k] / (1 - BETA_1) == pytest.approx(slope, abs=1e-5)


@batch_settings
@given(batches(), seeds)
def test_batch_any_parts_have_same_bits(instruction_set, example, seed):
    part, weights = example
    batch = fill(SparseBatch(len(weights)), part)
    rng = np.random.default_rng(seed)
    gradient = rng.standard_normal((batch.n_rows, weights.shape[1]), dtype=np.float32)
    edges = random_edges(rng, batch.n_rows)
    reference.assert_same_bits(sums(batch, weights, edges), sums(batch, weights))
    edges = random_edges(rng, batch.n_features)
    whole = State(weights).step(batch, gradient)
    State(weights).step(batch, gradient, edges).assert_same_bits(whole)


@batch_settings
@given(batches(), batches(), seeds)
def test_batch_second_use_has_no_trace_of_the_first(
    instruction_set, first, second, seed
):
    (X, *how), _ = first
    part, weights = second
    fresh = fill(SparseBatch(len(weights)), part)
    used = SparseBatch(len(weights))
    # The first matrix without the columns that the second one does not have.
    rows = reference.kept_rows(X, range(X.shape[0]))
    X = build_csr([[e for e in row if e[0] < len(weights)] for row in rows], X.shape[1])
    fill(used, (X, *how))
    fill(used, part)
    assert (used.n_rows, used.n_features) == (fresh.n_rows, fresh.n_features)
    reference.assert_same_bits(sums(used, weights), sums(fresh, weights))
    rng = np.random.default_rng(seed)
    gradient = rng.standard_normal((fresh.n_rows, weights.shape[1]), dtype=np.float32)
    expected = State(weights).step(fresh, gradient)
    State(weights).step(used, gradient).assert_same_bits(expected)


@batch_settings
@given(batches(), seeds)
def test_batch_of_many_parts_is_the_parts_together(instruction_set, example, seed):
    """Documents and their views are two parts; each row has the bits it has alone."""
    (X, samples, dropout, key), weights = example
    cut = np.random.default_rng(seed).integers(0, len(samples) + 1)
    parts = [(X, samples[:cut], dropout, key), (X, samples[cut:], 0.0, 0)]
    together = sums(fill(SparseBatch(len(weights)), *parts), weights)
    alone = [sums(fill(SparseBatch(len(weights)), part), weights) for part in parts]
    reference.assert_same_bits(together, np.vstack(alone))


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_batch_index_types(index_type):
    X = build_csr([[(3, 1), (0, 2)], []], 4, index_type)
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    # Row 0: 1 * [9, 10, 11] + 2 * [0, 1, 2]; row 1 has no value.
    np.testing.assert_array_equal(sums(all_rows(X), weights), [[9, 12, 15], [0, 0, 0]])


def test_batch_index_types_of_one_matrix_must_be_the_same():
    X = build_csr([[(0, 1)]], 1)
    with pytest.raises(ValueError, match="dtype mismatch"):
        SparseBatch(1).add(
            X.data, X.indices, X.indptr.astype(np.int64), np.zeros(1, int), 0.0, 0
        )


@pytest.mark.parametrize("n_rows", [0, 1, 5])
@pytest.mark.parametrize("n_features", [0, 3])
def test_batch_without_values(instruction_set, n_rows, n_features):
    """No rows, empty rows or no columns: sums are zero, and a step has no effect."""
    batch = all_rows(build_csr([[]] * n_rows, n_features))
    weights = np.ones((n_features, 4), dtype=np.float32)
    zeros = np.zeros((n_rows, 4), dtype=np.float32)
    reference.assert_same_bits(sums(batch, weights), zeros)
    state = State(weights).step(batch, zeros + 1)
    state.assert_same_bits(State(weights))
    assert (batch.n_rows, batch.n_features) == (n_rows, 0)


def test_batch_is_empty_after_begin():
    batch = all_rows(build_csr([[(0, 1)], [(2, 1)]], 3))
    batch.begin()
    assert (batch.n_rows, batch.n_features) == (0, 0)
    batch.end()
    assert sums(batch, np.ones((3, 2), dtype=np.float32)).shape == (0, 2)


def test_batch_features_are_in_the_order_of_their_first_places():
    """Column 2 comes first in the row."""
    batch = all_rows(build_csr([[(2, 1), (0, 1)]], 3))
    weights = np.zeros((3, 1), dtype=np.float32)
    state = State(weights).step(batch, np.ones((1, 1), dtype=np.float32), [0, 1])
    assert state.weights.any(axis=1).tolist() == [False, False, True]


@pytest.mark.parametrize("value", [1e-45, 1e-40, 1e-30, 1e-12, 1e12, 1e30, 3e38])
def test_batch_extreme_values(instruction_set, value):
    """A row is scaled to a largest value of 1, in the sums and in the gradient."""
    batch = all_rows(build_csr([[(0, value), (1, value)]], 2))
    weights = np.array([[1, 2], [3, 5]], dtype=np.float32)
    found = sums(batch, weights)
    np.testing.assert_allclose(found / found[0, 0], [[1, 7 / 4]], rtol=1e-6)
    gradient = np.ones((1, 2), dtype=np.float32)
    state = State(weights).step(batch, gradient, correction=0.001**-0.5)
    assert np.isfinite(state.weights).all()
    # Both features have the same gradient: s x, where found[0, 0] = 4 s x.
    np.testing.assert_allclose(state.mean, 0.1 * found[0, 0] / 4, rtol=1e-6)


def test_batch_accepts_read_only_arrays():
    X = build_csr([[(0, 1)]], 1)
    samples, weights = np.zeros(1, dtype=np.int64), np.ones((1, 2), dtype=np.float32)
    for array in (X.data, X.indices, X.indptr, samples, weights):
        array.flags.writeable = False
    batch = fill(SparseBatch(1), (X, samples, 0.0, 0))
    np.testing.assert_array_equal(sums(batch, weights), [[1, 1]])


# Dropout

N_PLACES = 100_000


@pytest.fixture(scope="module")
def one_long_row():
    return build_csr([[(k, 1) for k in range(N_PLACES)]], N_PLACES)


def which_are_kept(X, dropout, seed):
    """Whether each value is kept: a step changes the moments of its own feature."""
    batch = fill(SparseBatch(X.shape[1]), (X, [0], dropout, seed))
    state = State(np.zeros((X.shape[1], 1), dtype=np.float32))
    state.step(batch, np.ones((1, 1), dtype=np.float32))
    return state.mean[:, 0] > 0


@pytest.mark.parametrize("seed", [0, 1, 2**61, 2**64 - 1])
@pytest.mark.parametrize("dropout", [0.01, 0.15, 0.5, 0.9])
def test_batch_drops_the_given_share(one_long_row, dropout, seed):
    """Within four standard deviations; neighbours are dropped independently."""
    dropped = ~which_are_kept(one_long_row, dropout, seed)
    spread = np.sqrt(dropout * (1 - dropout) / N_PLACES)
    assert abs(dropped.mean() - dropout) < 4 * spread
    assert abs(np.corrcoef(dropped[1:], dropped[:-1])[0, 1]) < 4 * N_PLACES**-0.5


def test_batch_dropout_0_drops_none(one_long_row):
    assert which_are_kept(one_long_row, 0.0, 5).all()


def test_batch_dropout_1_drops_all(one_long_row):
    batch = fill(SparseBatch(N_PLACES), (one_long_row, [0], 1.0, 5))
    assert (batch.n_rows, batch.n_features) == (1, 0)


def test_batch_same_seed_drops_the_same(one_long_row):
    """Another seed drops other values."""
    first, again, other = (which_are_kept(one_long_row, 0.5, s) for s in (3, 3, 4**30))
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 4 * N_PLACES**-0.5


def test_batch_dropout_follows_the_place_and_not_the_batch():
    """A document loses the same values, regardless of the documents before it."""
    X, _ = reference.topic_documents(9)
    weights = np.eye(X.shape[1], dtype=np.float32)
    batch = SparseBatch(X.shape[1])
    alone = sums(fill(batch, (X, [7], 0.5, 11)), weights)
    among = sums(fill(batch, (X, [2, 8, 7, 7], 0.5, 11)), weights)
    reference.assert_same_bits(among[2:3], alone)
    reference.assert_same_bits(among[3:4], alone)


# Errors


def shaped(*shape):
    return np.zeros(shape, dtype=np.float32)


@pytest.mark.parametrize(
    ("weights", "out", "bounds"),
    [
        ((3, 4), (1, 4), (0, 1)),
        ((3, 4), (3, 4), (0, 2)),
        ((3, 4), (2, 5), (0, 2)),
        ((2, 4), (2, 4), (0, 2)),
        ((4, 4), (2, 4), (0, 2)),
        ((3, 4), (2, 4), (0, 3)),
        ((3, 4), (2, 4), (-1, 2)),
        ((3, 4), (2, 4), (2, 1)),
    ],
)
def test_batch_project_wrong_shapes(weights, out, bounds):
    batch = all_rows(build_csr([[(0, 1)], [(2, 1)]], 3))
    with pytest.raises(ValueError, match="the shapes of the batch, weights and out"):
        batch.project(shaped(*weights), shaped(*out), *bounds)


@pytest.mark.parametrize(
    ("gradient", "weights", "mean", "mean_square", "bounds"),
    [
        ((1, 4), (3, 4), (3, 4), (3, 4), (0, 2)),
        ((2, 5), (3, 4), (3, 4), (3, 4), (0, 2)),
        ((2, 4), (2, 4), (3, 4), (3, 4), (0, 2)),
        ((2, 4), (3, 4), (2, 4), (3, 4), (0, 2)),
        ((2, 4), (3, 4), (3, 3), (3, 4), (0, 2)),
        ((2, 4), (3, 4), (3, 4), (4, 4), (0, 2)),
        ((2, 4), (3, 4), (3, 4), (3, 5), (0, 2)),
        ((2, 4), (3, 4), (3, 4), (3, 4), (0, 3)),
        ((2, 4), (3, 4), (3, 4), (3, 4), (-1, 1)),
        ((2, 4), (3, 4), (3, 4), (3, 4), (2, 1)),
    ],
)
def test_batch_step_wrong_shapes(gradient, weights, mean, mean_square, bounds):
    batch = all_rows(build_csr([[(0, 1)], [(2, 1)]], 3))
    arrays = [shaped(*shape) for shape in (gradient, weights, mean, mean_square)]
    with pytest.raises(ValueError, match="the shapes of the batch and the gradient"):
        batch.step(*arrays, 0.1, 1.0, *bounds)


def test_batch_too_large():
    """The row pointer shows that the batch is too large; no value is read."""
    X = build_csr([[(0, 1)]], 1, np.int64)
    X.indptr = np.array([0, 2**31], dtype=np.int64)
    with pytest.raises(MemoryError, match="no memory for a batch: lower batch_size"):
        fill(SparseBatch(1), (X, [0], 0.0, 0))
