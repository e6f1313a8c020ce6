"""Places on the map: groups stay together."""

import numpy as np
import pytest

pytest.importorskip("openTSNE")

from sklux._map.neighbors import find_neighbors
from sklux._map.positions import map_positions
from sklux._utils.similarity import unit_rows


def test_groups_stay_together():
    random = np.random.RandomState(0)
    groups = np.arange(150) % 3
    vectors = unit_rows(np.eye(3)[groups] + random.standard_normal((150, 3)) / 20)
    neighbors = find_neighbors(vectors, 15, random)

    def positions():
        return map_positions(vectors, neighbors, 1, np.random.RandomState(1))

    found = positions()
    assert found.shape == (150, 2) and found.dtype == np.float32
    assert np.isfinite(found).all()
    gaps = np.linalg.norm(found[:, np.newaxis] - found, axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert (groups[gaps.argmin(axis=1)] == groups).all()
    np.testing.assert_array_equal(found, positions())


def test_equal_documents_have_finite_places():
    vectors = np.ones((20, 1), dtype=np.float32)
    neighbors = find_neighbors(vectors, 5, np.random.RandomState(0))
    found = map_positions(vectors, neighbors, 1, np.random.RandomState(0))
    assert found.shape == (20, 2) and np.isfinite(found).all()
