"""Features that occur in a fit: the others share a row of zeros."""

import json
import pickle

import numpy as np
import pytest
import reference
from scipy import sparse

from sklux import ReLUProjection
from sklux._student.learnt_features import MIN_FEATURES, LearntFeatures
from sklux._student.network import Network, apply_network
from sklux._student.projection import network_of
from sklux._student.saved import (
    projection_state,
    projection_tensors,
    restore_projection,
)
from sklux._student.term_vectors import TermVectors

WIDE = 2 * MIN_FEATURES


def matrix(columns, n_features=WIDE, n_rows=5):
    """A matrix with values in the given columns only, and the matrix of these."""
    rng = np.random.RandomState(0)
    narrow = sparse.csr_matrix(rng.random_sample((n_rows, len(columns))), dtype="f4")
    wide = sparse.csr_matrix(
        (narrow.data, np.asarray(columns)[narrow.indices], narrow.indptr),
        shape=(n_rows, n_features),
    )
    return wide, narrow


def some_columns(n_columns, n_features=WIDE, seed=0):
    """Random columns, ascending."""
    chosen = np.random.RandomState(seed).choice(n_features, n_columns, replace=False)
    return np.sort(chosen)


@pytest.mark.parametrize(
    ("n_columns", "n_features", "leaves_out"),
    [
        (50, WIDE, True),
        (MIN_FEATURES, WIDE, True),
        (MIN_FEATURES + 1, WIDE, False),
        (50, MIN_FEATURES, True),
        (50, MIN_FEATURES - 1, False),
    ],
)
def test_occurring_features_are_found_if_most_do_not_occur(
    n_columns, n_features, leaves_out
):
    columns = some_columns(n_columns, n_features)
    X, _ = matrix(columns, n_features, n_rows=1)
    found = LearntFeatures.of(X, None, None)
    assert found.n_features == n_features
    if leaves_out:
        np.testing.assert_array_equal(found.columns, columns)
    else:
        assert found.columns is None
        assert found.matrix(X) is X


def test_occurring_features_of_views_and_terms():
    X, _ = matrix([3, 70])
    X_views, _ = matrix([70, 19_000])
    terms = TermVectors(np.array([5, 3]), np.zeros((2, 4), dtype=np.float32))
    found = LearntFeatures.of(X, X_views, terms)
    assert found.columns.tolist() == [3, 5, 70, 19_000]
    assert found.terms(terms).features.tolist() == [1, 0]
    assert found.terms(terms).vectors is terms.vectors
    assert LearntFeatures(9).terms(terms) is terms


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_occurring_features_of_a_matrix(index_type):
    columns = some_columns(60)
    X, narrow = matrix(columns)
    X.indices = X.indices.astype(index_type)
    X.indptr = X.indptr.astype(index_type)
    found = LearntFeatures.of(X, None, None).matrix(X)
    assert found.shape == narrow.shape
    np.testing.assert_array_equal(found.toarray(), narrow.toarray())
    assert np.shares_memory(found.data, X.data)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize("by_frequency", [False, True])
def test_occurring_features_in_a_network_of_all(dtype, by_frequency):
    """It makes the vectors of a network with rows of zeros for the others."""
    columns = some_columns(60)
    X, narrow = matrix(columns)
    rng = np.random.RandomState(0)
    layers = [rng.normal(size=(60, 9)), rng.normal(size=(9, 4))]
    small = Network.of([weights.astype(np.float32) for weights in layers])
    if by_frequency:
        small = small.by_frequency(rng.random_sample(60))
    small = small.quantized(dtype)
    network = LearntFeatures(WIDE, columns).network(small)
    assert network.n_features == WIDE
    assert network.n_rows == 61
    assert network.shares_rows and not small.shares_rows
    expected = np.zeros((WIDE, 9), dtype=np.float32)
    expected[columns] = small.coefs()[0]
    reference.assert_same_bits(network.coefs()[0], expected)
    reference.assert_same_bits(
        apply_network(X, network, 1), apply_network(narrow, small, 1)
    )
    others = np.setdiff1d(np.arange(WIDE), columns)
    unknown = sparse.csr_matrix(
        (np.ones(3, dtype=np.float32), others[:3], [0, 3]), shape=(1, WIDE)
    )
    assert not apply_network(unknown, network, 1).any()
    # The row of zeros stays in every other form of the network.
    for other in (
        network.quantized("int8"),
        network.truncated(2),
        pickle.loads(pickle.dumps(network)),
    ):
        assert not other.coefs()[0][others].any()
        assert other.n_features == WIDE


def documents(columns, n_features):
    """Documents and embeddings, with the columns at other places."""
    X, y = reference.topic_documents(200, n_features=len(columns))
    return (
        sparse.csr_matrix(
            (X.data, columns[X.indices], X.indptr), shape=(200, n_features)
        ),
        X,
        y,
    )


def small_projection(**changes):
    settings = {
        "n_components": 4,
        "hidden_layer_sizes": 12,
        "max_iter": 2,
        "random_state": 0,
    }
    return ReLUProjection(**settings | changes)


@pytest.mark.parametrize("has_views", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_projection_of_many_features_has_weights_of_those_that_occur(dtype, has_views):
    """The same bits as a projection of these features alone."""
    columns = some_columns(60, 2**20)
    wide, narrow, y = documents(columns, 2**20)
    views = {}, {}
    if has_views:
        views = (
            {"X_views": sparse.vstack([wide, wide])},
            {"X_views": sparse.vstack([narrow, narrow])},
        )
    projection = small_projection(weights_dtype=dtype).fit(wide, y, **views[0])
    expected = small_projection(weights_dtype=dtype).fit(narrow, y, **views[1])
    assert network_of(projection).rows.shape == (61, 12)
    assert projection.n_features_in_ == 2**20
    assert len(pickle.dumps(projection)) < 5_000_000
    reference.assert_same_bits(projection.transform(wide), expected.transform(narrow))
    assert projection.report_ == expected.report_
    with pytest.raises(ValueError, match="60 features, but ReLUProjection is exp"):
        projection.transform(narrow)


def test_projection_of_many_features_has_all_coefs():
    columns = some_columns(60)
    wide, _, y = documents(columns, WIDE)
    projection = small_projection(weights_dtype="float32").fit(wide, y)
    first, _ = projection.coefs_
    assert first.shape == (WIDE, 12)
    assert first[columns].any(axis=1).all()
    assert not first[np.setdiff1d(np.arange(WIDE), columns)].any()
    # Another fit, and weights that the user sets, have a row for each feature.
    expected = projection.transform(wide)
    projection.coefs_ = projection.coefs_
    reference.assert_same_bits(projection.transform(wide), expected)


def test_projection_of_many_features_is_saved():
    wide, _, y = documents(some_columns(60), WIDE)
    projection = small_projection(weights_dtype="int8").fit(wide, y)
    state = json.loads(json.dumps(projection_state(projection)))
    found = restore_projection(state, projection_tensors(projection))
    assert found.n_features_in_ == WIDE
    reference.assert_same_bits(found.transform(wide), projection.transform(wide))


def test_projection_of_many_features_shows_callbacks_all_features():
    callbacks = pytest.importorskip("sklearn.callback")
    wide, _, y = documents(some_columns(60), WIDE)

    def width(estimator, X, y):
        return {"width": X.shape[1] * len(estimator.transform(X))}

    monitor = callbacks.ScoringMonitor(scoring=width)
    small_projection().set_callbacks(monitor).fit(wide, y)
    assert {row["width"] for row in monitor.get_logs().data} == {WIDE * len(y)}
