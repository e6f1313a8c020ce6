"""The first layer in training, and its mini-batches."""

import numpy as np
import pytest
import reference
from scipy import sparse
from strategies import build_csr

from sklux._student import first_layer
from sklux._student.first_layer import FirstLayer, MiniBatches
from sklux._utils import threads

N_UNITS = 11


def some_weights(n_features, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_features, N_UNITS), dtype=np.float32)


def mini_batches(X, X_views=None, dropout=0.0, seed=0):
    return MiniBatches(X, X_views, dropout, np.random.RandomState(seed))


def rows_of(batch, n_features):
    """The rows of a batch as an array: its sums with the identity as weights."""
    return FirstLayer(np.eye(n_features, dtype=np.float32)).sums(batch)


def steps(X, n_steps=12, dropout=0.3):
    """A layer after some steps with batches of six documents."""
    layer = FirstLayer(some_weights(X.shape[1]))
    batches = mini_batches(X, dropout=dropout)
    rng = np.random.default_rng(1)
    for step in range(n_steps):
        batch = batches.take(rng.choice(X.shape[0], 6, replace=False))
        gradient = rng.standard_normal((6, N_UNITS), dtype=np.float32)
        layer.step(batch, gradient, 0.02 / (step + 1))
    return layer


def test_first_layer_sums_equal_reference():
    X, _ = reference.topic_documents(50)
    weights = some_weights(X.shape[1])
    samples = np.array([7, 3, 49, 3])
    found = FirstLayer(weights).sums(mini_batches(X).take(samples))
    expected, bounds = reference.sparse_product(X[samples], weights)
    assert found.dtype == np.float32
    assert np.all(abs(found - expected) <= bounds)


def test_first_layer_steps_equal_reference_adam():
    """Adam with its usual constants; the moments of absent features do not change."""
    X, _ = reference.topic_documents(50)
    expected = reference.LazyAdam(some_weights(X.shape[1]))
    random_state, rng = np.random.RandomState(0), np.random.default_rng(1)
    for step in range(12):
        samples = rng.choice(50, 6, replace=False)
        seed = random_state.randint(first_layer.MAX_SEED)
        gradient = rng.standard_normal((6, N_UNITS), dtype=np.float32)
        rows = reference.kept_rows(X, samples, 0.3, seed)
        occurs, slopes, _ = reference.feature_gradients(rows, gradient, X.shape[1])
        expected.step(np.flatnonzero(occurs), slopes[occurs], 0.02 / (step + 1))
    np.testing.assert_allclose(steps(X).weights, expected.weights, rtol=0, atol=5e-5)


def test_first_layer_first_step_has_the_size_of_the_rate():
    """Adam's first step is rate * g / (|g| + eps), for gradients of any size."""
    X = build_csr([[(0, 1), (2, 5)]], 3)
    layer = FirstLayer(np.zeros((3, 2), dtype=np.float32))
    batch = mini_batches(X).take(np.array([0]))
    layer.step(batch, np.array([[3, -0.01]], dtype=np.float32), 0.25)
    np.testing.assert_allclose(
        layer.weights, [[-0.25, 0.25], [0, 0], [-0.25, 0.25]], rtol=1e-4
    )


def test_first_layer_changes_its_weights_in_place():
    weights = some_weights(60)
    layer = FirstLayer(weights)
    X, _ = reference.topic_documents(8)
    batch = mini_batches(X).take(np.arange(8))
    layer.step(batch, np.ones((8, N_UNITS), dtype=np.float32), 0.1)
    assert layer.weights is weights
    occurs = np.diff(X.tocsc().indptr) > 0
    assert np.array_equal(occurs, (weights != some_weights(60)).all(axis=1))
    assert not layer.mean[~occurs].any() and not layer.mean_square[~occurs].any()


@pytest.mark.parametrize("n_threads", [2, 5, 40])
def test_first_layer_has_the_same_bits_on_all_threads(monkeypatch, n_threads):
    X, _ = reference.topic_documents(50)

    def trained(n_jobs):
        monkeypatch.setattr(threads, "effective_n_jobs", lambda _: n_jobs)
        layer = steps(X)
        return layer.weights, layer.sums(mini_batches(X).take(np.arange(50)))

    for one, many in zip(trained(1), trained(n_threads)):
        reference.assert_same_bits(many, one)


@pytest.mark.parametrize("n_ranges", [1, 3, 200])
def test_first_layer_has_the_same_bits_for_any_number_of_ranges(monkeypatch, n_ranges):
    X, _ = reference.topic_documents(50)
    expected = steps(X).weights
    monkeypatch.setattr(first_layer, "N_RANGES", n_ranges)
    reference.assert_same_bits(steps(X).weights, expected)


def test_first_layer_takes_a_batch_without_documents():
    batch = mini_batches(build_csr([[]], 4)).take(np.zeros(0, dtype=np.int64))
    layer = FirstLayer(some_weights(4))
    assert layer.sums(batch).shape == (0, N_UNITS)
    layer.step(batch, np.zeros((0, N_UNITS), dtype=np.float32), 0.1)
    reference.assert_same_bits(layer.weights, some_weights(4))


@pytest.mark.parametrize("batch_size", [1, 7, 8, 50, 1000])
def test_mini_batches_epoch_has_every_document_once(batch_size):
    X, _ = reference.topic_documents(50)
    batches = mini_batches(X).epoch(batch_size)
    assert sorted(np.concatenate(batches)) == list(range(50))
    sizes = [len(batch) for batch in batches]
    assert max(sizes) <= batch_size and max(sizes) - min(sizes) <= 1
    assert all(batch.dtype == np.int64 for batch in batches)


def test_mini_batches_epochs_differ_in_their_order():
    X, _ = reference.topic_documents(50)
    batches, again = mini_batches(X, seed=3), mini_batches(X, seed=3)
    first, second = (np.concatenate(batches.epoch(10)) for _ in range(2))
    assert not np.array_equal(first, second)
    for expected in (first, second):
        assert np.array_equal(np.concatenate(again.epoch(10)), expected)


def test_mini_batches_dropout_follows_the_random_state():
    """Two calls drop different values; the same seed drops the same values."""
    X, _ = reference.topic_documents(20)
    samples = np.arange(20)
    taken = []
    for batches in (mini_batches(X, dropout=0.5), mini_batches(X, dropout=0.5)):
        taken.append([rows_of(batches.take(samples), X.shape[1]) for _ in range(2)])
    (first, second), again = taken
    assert not np.array_equal(first, second)
    for one, other in zip((first, second), again):
        reference.assert_same_bits(one, other)
    # Values that are not dropped do not change.
    assert np.all((first == 0) | (first == X.toarray()))


def test_mini_batches_without_dropout_have_the_rows_of_the_matrix():
    X, _ = reference.topic_documents(20)
    samples = np.array([4, 1, 19])
    found = rows_of(mini_batches(X).take(samples), X.shape[1])
    np.testing.assert_array_equal(found, X[samples].toarray())


def test_mini_batches_take_reuses_the_batch():
    X, _ = reference.topic_documents(20)
    batches = mini_batches(X)
    assert batches.take(np.arange(20)) is batches.take(np.array([2]))
    assert batches.batch.n_rows == 1


def viewed(X):
    """First and second views of documents: their even and odd features."""
    even, odd = X.toarray(), X.toarray()
    even[:, 1::2], odd[:, ::2] = 0, 0
    return sparse.csr_matrix(np.vstack([even, odd]))


def test_mini_batches_have_documents_then_first_and_second_views():
    """Dropout applies only to the documents."""
    X, _ = reference.topic_documents(20)
    X_views = viewed(X)
    samples = np.array([4, 1, 19])
    found = rows_of(mini_batches(X, X_views, 0.5).take(samples), X.shape[1])
    assert len(found) == 9
    views = X_views.toarray()
    np.testing.assert_array_equal(found[3:6], views[samples])
    np.testing.assert_array_equal(found[6:], views[samples + 20])


def test_mini_batches_have_no_views_of_documents_with_an_empty_view():
    X, _ = reference.topic_documents(20)
    views = viewed(X).toarray()
    # The second view of one document, the first of another, both of a third.
    views[[4 + 20, 5, 6, 6 + 20]] = 0
    X_views = sparse.csr_matrix(views)
    batches = mini_batches(X, X_views)
    found = rows_of(batches.take(np.array([3, 4, 5, 6, 7])), X.shape[1])
    assert len(found) == 5 + 2 * 2
    np.testing.assert_array_equal(found[5:7], views[[3, 7]])
    np.testing.assert_array_equal(found[7:], views[[23, 27]])
    assert batches.take(np.array([4, 5, 6])).n_rows == 3


def test_mini_batches_have_views_of_some_documents():
    X, _ = reference.topic_documents(20)
    views = viewed(X).toarray()
    views[[6, 7 + 20]] = 0
    is_viewed = np.isin(np.arange(20), [5, 6, 9])
    batches = MiniBatches(
        *(X, sparse.csr_matrix(views), 0.0, np.random.RandomState(0)),
        is_viewed=is_viewed,
    )
    samples = np.array([9, 4, 5, 6, 7])
    first, second = batches.view_rows(samples)
    assert (first.tolist(), second.tolist()) == ([9, 5], [29, 25])
    found = rows_of(batches.take(samples), X.shape[1])
    np.testing.assert_array_equal(found[5:], views[[9, 5, 29, 25]])


@pytest.mark.parametrize("wide", ["indices", "indptr", "data"])
def test_mini_batches_convert_arrays_for_the_kernel(wide):
    """Index arrays of two types, or values of float64."""
    X, _ = reference.topic_documents(20)
    expected = rows_of(mini_batches(X).take(np.arange(20)), X.shape[1])
    array = getattr(X, wide)
    setattr(X, wide, array.astype(np.float64 if wide == "data" else np.int64))
    found = rows_of(mini_batches(X).take(np.arange(20)), X.shape[1])
    reference.assert_same_bits(found, expected)


def test_mini_batches_groups_are_of_the_documents_with_views():
    X, _ = reference.topic_documents(20)
    views = viewed(X).toarray()
    views[[4 + 20, 5]] = 0
    groups = np.arange(20) // 2
    batches = MiniBatches(
        X, sparse.csr_matrix(views), 0.0, np.random.RandomState(0), groups
    )
    assert batches.view_groups(np.array([3, 4, 2, 5, 9])).tolist() == [1, 1, 4]
    assert mini_batches(X, viewed(X)).view_groups(np.array([3])) is None
    without = MiniBatches(X, None, 0.0, np.random.RandomState(0), groups)
    assert without.view_groups(np.array([3])) is None
