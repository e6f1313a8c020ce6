"""Terms of clusters, compared with plain sums over the documents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models import random_network
from scipy import sparse

from sklux._inspection.cluster_terms import (
    ClusterSums,
    ClusterTerms,
    chosen_terms,
)
from sklux._student.network import Network

N_FEATURES = 30


def slow_linear_output(network, x):
    """The network with u / 2 for relu(u), or without |u| if the rows are tied."""
    first, *dense = (weights.astype(np.float64) for weights in network.coefs())
    hidden = x @ first
    if network.tied:
        return hidden[: dense[-1].shape[1]]
    for weights in dense:
        hidden = hidden / 2 @ weights
    return hidden


def slow_shares(network, rows, vectors, clusters):
    """Share of each term in each cluster, term by term; and how much it differs."""
    found, differences = [], []
    for cluster in range(clusters.max() + 1):
        own = clusters == cluster
        x = rows[own].mean(axis=0)
        d = vectors[own].mean(axis=0)
        if clusters.max() > 0:
            x, d = x - rows.mean(axis=0), d - vectors.mean(axis=0)
        d = d / np.linalg.norm(d)
        parts = [
            slow_linear_output(network, x * (np.arange(N_FEATURES) == term)) @ d
            for term in range(N_FEATURES)
        ]
        total = slow_linear_output(network, x) @ d
        np.testing.assert_allclose(sum(parts), total, atol=1e-9)
        found.append(np.array(parts) / (total if total > 0 else 1))
        differences.append(x)
    return np.array(found), np.array(differences)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(
        [((5,), False), ((8, 5), False), ((8, 6, 4), False), ((6, 6), True)]
    ),
    st.integers(0, 99),
    st.integers(1, 4),
    st.integers(1, N_FEATURES),
)
def test_shares_are_those_of_plain_sums(kind, seed, n_clusters, n_candidates):
    sizes, tied = kind
    network = random_network(N_FEATURES, sizes, tied, seed)
    random = np.random.RandomState(seed)
    clusters = np.arange(20) % n_clusters
    rows = random.rand(20, N_FEATURES) * (random.rand(20, N_FEATURES) < 0.3)
    vectors = random.standard_normal((20, network.n_components))
    is_named = random.rand(N_FEATURES) < 0.7

    sums = ClusterSums(n_clusters, network)
    for block in (slice(0, 7), slice(7, 20)):
        sums.add(clusters[block], sparse.csr_matrix(rows[block]), vectors[block])
    assert sums.counts.tolist() == np.bincount(clusters).tolist()
    expected, differences = slow_shares(network, rows, vectors, clusters)
    for cluster, found in enumerate(sums.shares(n_candidates, is_named)):
        allowed = is_named & (differences[cluster] > 0) & (expected[cluster] > 0)
        # Rounding decides about shares near 0.
        certain = np.sort(expected[cluster][allowed & (expected[cluster] > 1e-6)])
        certain = certain[::-1][:n_candidates]
        np.testing.assert_allclose(found.shares[: len(certain)], certain, rtol=1e-4)
        assert allowed[found.columns].all()
        shares = expected[cluster][found.columns]
        np.testing.assert_allclose(found.shares, shares, rtol=1e-4, atol=1e-6)


def test_blocks_of_terms_do_not_change_the_shares(monkeypatch):
    network = random_network(N_FEATURES, (6, 6), True, 0)
    random = np.random.RandomState(0)
    sums = ClusterSums(2, network)
    rows = sparse.csr_matrix(random.rand(9, N_FEATURES))
    sums.add(np.arange(9) % 2, rows, random.standard_normal((9, 6)))
    is_named = np.ones(N_FEATURES, dtype=bool)
    whole = sums.shares(5, is_named)
    monkeypatch.setattr("sklux._inspection.cluster_terms.BLOCK_SHARES", 42)
    for one, other in zip(whole, sums.shares(5, is_named)):
        assert one.columns.tolist() == other.columns.tolist()
        np.testing.assert_allclose(one.shares, other.shares)


def test_equal_terms_come_in_the_order_of_their_columns():
    network = Network.of([np.ones((N_FEATURES, 1), dtype=np.float32)])
    sums = ClusterSums(1, network)
    rows = sparse.csr_matrix(np.ones((2, N_FEATURES)))
    sums.add(np.zeros(2, dtype=np.intp), rows, np.ones((2, 1)))
    (found,) = sums.shares(4, np.arange(N_FEATURES) != 1)
    assert found.columns.tolist() == [0, 2, 3, 4]
    np.testing.assert_allclose(found.shares, 1 / N_FEATURES)


def test_cluster_without_a_direction():
    """Two clusters with the same mean vector: terms differ, vectors do not."""
    network = Network.of([np.ones((N_FEATURES, 1), dtype=np.float32)])
    sums = ClusterSums(2, network)
    rows = sparse.csr_matrix(np.eye(2, N_FEATURES))
    sums.add(np.arange(2), rows, np.ones((2, 1)))
    for found in sums.shares(4, np.ones(N_FEATURES, dtype=bool)):
        assert len(found.columns) == 0


def test_chosen_terms_say_something_new():
    terms = ["big car", "car", "cars", "lorry", "big", "tree"]
    angles = np.array([0.0, 0.1, 2.0, 2.1, 4.0, 5.0])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    # 'car' and 'big' repeat a word; 'lorry' has almost the vector of 'cars', so it is
    # last.
    assert chosen_terms(terms, vectors, 9) == [0, 2, 5, 3]
    assert chosen_terms(terms, vectors, 3) == [0, 2, 5]
    assert chosen_terms(terms, vectors, 2) == [0, 2]
    assert chosen_terms([], np.empty((0, 2)), 2) == []


NAMED = ClusterTerms(
    np.array([3, 7, 9]),
    np.array([1200, 5, 1]),
    [np.array(["a", "b", "c", "d"], object), np.array(["<e>"], object), np.array([])],
    [np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.5]), np.array([])],
)


def test_cluster_terms_as_names_and_tables():
    assert NAMED.names == ["a, b, c", "<e>", "9"]
    table = NAMED.to_pandas()
    assert table["label"].tolist() == [3, 3, 3, 3, 7]
    assert table["term"].tolist() == ["a", "b", "c", "d", "<e>"]
    assert table["share"].tolist() == [0.4, 0.3, 0.2, 0.1, 0.5]
    assert str(NAMED).splitlines() == [
        "3     1,200  a, b, c, d",
        "7         5  <e>",
        "9         1  ",
    ]
    html = NAMED._repr_html_()
    assert html.count("<tr>") == 3
    assert "&lt;e&gt;" in html and "<td>1,200</td>" in html


@pytest.mark.parametrize("label", [1, "one"])
def test_names_without_terms_are_labels(label):
    empty = ClusterTerms(
        np.array([label]), np.array([2]), [np.array([])], [np.array([])]
    )
    assert empty.names == [str(label)]
    assert len(empty.to_pandas()) == 0
