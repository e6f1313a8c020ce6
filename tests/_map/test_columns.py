"""Colours of values."""

from datetime import date

import numpy as np
import pytest

pytest.importorskip("bokeh")

from bokeh.palettes import Category20, Viridis256

from sklux._map.columns import OTHER, cluster_column, color_column


def test_classes_have_colours_by_their_size():
    column = color_column("kind", ["b", "a", None, "b", np.nan, "c"])
    assert column.values == ["b", "a", "c"]
    assert column.codes.tolist() == [0, 1, -1, 0, -1, 2]
    assert column.counts() == [2, 1, 1]
    assert column.legend == [0, 1, 2] and not column.is_scale
    assert len(set(column.colors)) == 3 and set(column.colors) <= set(Category20[20])


def test_rare_classes_are_grey():
    values = [str(number) for number in range(25) for _ in range(25 - number)]
    column = color_column("kind", values)
    assert column.legend == list(range(20))
    assert OTHER not in column.colors[:20] and column.colors[20:] == [OTHER] * 5


@pytest.mark.parametrize(
    "values",
    [[0.5, 3.0, None, 1.25], [np.float32(0.5), 3, np.nan, np.int64(1)], [*range(30)]],
)
def test_numbers_have_a_scale(values):
    column = color_column("price", values)
    present = [value for value in values if value is not None and value == value]
    assert column.is_scale and column.legend == []
    assert column.values == [f"{value:g}" for value in sorted(present)]
    assert column.colors[0] == Viridis256[0] and column.colors[-1] == Viridis256[-1]
    shown = [None if code < 0 else column.values[code] for code in column.codes]
    assert [text for text in shown if text] == [f"{value:g}" for value in present]


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3],
        [True, False, 0.5],
        [0.5, "a"],
        [0.5, np.inf],
        [date(2026, 1, 2), date(2026, 1, 3)],
        [None, None],
        [],
    ],
)
def test_other_values_are_classes(values):
    column = color_column("kind", values)
    assert not column.is_scale
    known = [str(value) for value in values if value is not None]
    assert sorted(column.values) == sorted(set(known))
    assert (column.codes >= 0).sum() == len(known)


def test_one_number_has_a_colour():
    column = color_column("price", [0.5, 0.5])
    assert column.is_scale and column.colors == [Viridis256[0]]


def test_near_clusters_have_different_colours():
    random = np.random.RandomState(0)
    centers = random.standard_normal((100, 2))
    labels = random.randint(100, size=5000)
    names = [f"name {label}" for label in range(100)]
    column = cluster_column(labels, names, centers)
    assert column.values == names and column.counts() == np.bincount(labels).tolist()
    sizes = np.array(column.counts())[column.legend]
    assert (np.diff(sizes) <= 0).all() and sorted(column.legend) == list(range(100))
    gaps = np.linalg.norm(centers[:, np.newaxis] - centers, axis=2)
    nearest = np.argsort(gaps, axis=1)[:, 1]
    shared = [column.colors[a] == column.colors[b] for a, b in enumerate(nearest)]
    assert not any(shared)
