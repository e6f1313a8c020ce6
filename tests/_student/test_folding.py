"""Features that are learnt in another form than they are read."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from strategies import csr_matrices, seeds

from sklux._student.folding import (
    NGRAM_WEIGHT,
    PIECE_WEIGHT,
    WORD_WEIGHT,
    Folding,
    folding_of_terms,
)


def make_folding(n_features, seed):
    """A folding in which the first features share the weights of the last."""
    rng = np.random.RandomState(seed)
    n_rows = n_features // 2
    shared = np.zeros((n_features, n_features), dtype=np.float32)
    values = rng.uniform(0.5, 2, (n_rows, n_features - n_rows))
    shared[:n_rows, n_rows:] = values * (rng.random_sample(values.shape) < 0.4)
    own = rng.uniform(0.5, 2, n_features).astype(np.float32)
    frequency = np.arange(n_features)
    return Folding(own, sparse.csr_matrix(shared), frequency)


def whole(folding):
    return folding.shared.toarray().astype(np.float64) + np.diag(folding.own)


@settings(max_examples=60, deadline=None)
@given(csr_matrices(values=st.floats(0.125, 3, width=32)), seeds)
def test_folding_equals_matrix_products(X, seed):
    folding = make_folding(X.shape[1], seed)
    expected = reference.to_dense(X) @ whole(folding)
    expanded = folding.expand(X)
    assert expanded.dtype == np.float32
    assert expanded.has_sorted_indices
    np.testing.assert_allclose(expanded.toarray(), expected, rtol=1e-5, atol=1e-6)
    narrowed = folding.narrow(expanded)
    np.testing.assert_allclose(
        narrowed.toarray(), reference.to_dense(X), rtol=1e-3, atol=1e-4
    )


@settings(max_examples=60, deadline=None)
@given(csr_matrices(values=st.floats(0.125, 3, width=32)), seeds)
def test_folded_weights_give_the_same_sums(X, seed):
    folding = make_folding(X.shape[1], seed)
    weights = np.random.RandomState(seed).standard_normal((X.shape[1], 3))
    folded = folding.fold(weights.astype(np.float32))
    assert folded.dtype == np.float32
    np.testing.assert_allclose(folded, whole(folding) @ weights, rtol=1e-4, atol=1e-5)
    learnt = reference.to_dense(folding.expand(X)) @ weights
    np.testing.assert_allclose(
        reference.to_dense(X) @ folded, learnt, rtol=1e-4, atol=1e-4
    )


def test_folding_of_terms_by_hand():
    """Terms: a piece, a word with this piece, a pair of words."""
    pieces = sparse.csr_matrix(([2.0], ([1], [0])), shape=(3, 3), dtype=np.float32)
    X = sparse.csr_matrix([[0, 1, 1], [1, 0, 1]], dtype=np.float32)
    folding = folding_of_terms(
        X, pieces, np.array([True, False, False]), np.array([False, True, False])
    )
    assert folding.frequency.tolist() == [1, 1, 2]
    np.testing.assert_allclose(
        whole(folding),
        [
            [PIECE_WEIGHT * np.sqrt(2), 0, 0],
            [PIECE_WEIGHT * 2, WORD_WEIGHT, 0],
            [0, 0, NGRAM_WEIGHT],
        ],
        rtol=1e-6,
    )


def test_folding_without_features_or_rows():
    folding = make_folding(4, 0)
    assert folding.expand(sparse.csr_matrix((0, 4), dtype=np.float32)).shape == (0, 4)
    empty = folding.narrow(sparse.csr_matrix((2, 4), dtype=np.float32))
    assert empty.nnz == 0


@pytest.mark.parametrize("n_units", [1, 300])
def test_fold_does_not_change_the_weights(n_units):
    folding = make_folding(6, 1)
    weights = np.ones((6, n_units), dtype=np.float32)
    folding.fold(weights)
    assert (weights == 1).all()
