"""Nearest documents, compared with all pairs."""

import numpy as np
import pytest

from sklux._map.neighbors import find_neighbors, without_self
from sklux._utils.similarity import unit_rows


@pytest.fixture(scope="module")
def vectors():
    random = np.random.RandomState(0)
    centers = random.standard_normal((12, 8))
    noise = random.standard_normal((600, 8)) / 3
    return unit_rows(centers[np.arange(600) % 12] + noise)


def slow_neighbors(vectors, n_neighbors):
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :n_neighbors]
    return order, np.take_along_axis(cosines, order, axis=1)


def test_neighbors_of_few_documents_are_exact(vectors):
    found = find_neighbors(vectors, 5, np.random.RandomState(0))
    places, cosines = slow_neighbors(vectors, 5)
    assert found.places.dtype == np.int32 and found.cosines.dtype == np.float32
    np.testing.assert_array_equal(found.places, places)
    np.testing.assert_allclose(found.cosines, cosines, atol=1e-6)


def test_neighbors_of_many_documents_by_an_index(vectors, monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr("sklux._map.neighbors.MAX_EXACT", 100)
    # faiss warns of few documents for each list.
    monkeypatch.setattr("sklux._map.neighbors.LISTS", 0.5)
    found = find_neighbors(vectors, 5, np.random.RandomState(0))
    places, _ = slow_neighbors(vectors, 5)
    shared = [len(set(one) & set(other)) for one, other in zip(found.places, places)]
    assert np.mean(shared) > 4.5
    assert not (found.places == np.arange(600)[:, np.newaxis]).any()
    assert (np.diff(found.cosines, axis=1) <= 0).all()
    again = find_neighbors(vectors, 5, np.random.RandomState(0))
    np.testing.assert_array_equal(found.places, again.places)


def test_a_document_is_not_its_own_neighbour():
    found = np.array([[0, 2, 1], [0, 1, 2], [0, 1, 3], [3, -1, -1]])
    expected = [[2, 1], [0, 2], [0, 1], [0, 0]]
    assert without_self(found).tolist() == expected
    # Nothing was found: the next document.
    assert without_self(np.array([[-1, -1], [1, -1]])).tolist() == [[1], [0]]
