"""Columns that colour a map: each value has a colour, and the legend shows them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklux._utils.documents import is_missing
from sklux._utils.optional import import_optional

# Number of values with a colour of their own; rarer values are grey.
MAX_VALUES = 20
OTHER = "#c3c8cd"


@dataclass(frozen=True)
class ColorColumn:
    """A column of the documents with a colour for each value.

    Attributes
    ----------
    name : str
        Name of the column.
    values : list of str
        The distinct values.
    codes : ndarray of shape (n_documents,), dtype=np.int32
        Place of the value of each document; -1 for a missing value.
    colors : list of str
        A colour for each value, ``#rrggbb``.
    legend : list of int
        Places of the values that the legend shows.
    is_scale : bool
        Whether the values are numbers, which the legend shows as a scale.
    """

    name: str
    values: list[str]
    codes: np.ndarray
    colors: list[str]
    legend: list[int]
    is_scale: bool = False

    def counts(self) -> list[int]:
        """Return the number of documents of each value.

        Returns
        -------
        list of int
            Numbers.
        """
        present = self.codes[self.codes >= 0]
        return np.bincount(present, minlength=len(self.values)).tolist()


def color_column(name: str, values: Sequence[Any]) -> ColorColumn:
    """Give each value of a column a colour.

    Parameters
    ----------
    name : str
        Name of the column.
    values : sequence of length n_documents
        Its values. Numbers with a fraction, or with more than 20 different values, have
        a scale of colours. All other values are classes, of which the 20 largest have a
        colour.

    Returns
    -------
    ColorColumn
        The colours.
    """
    cells = [None if is_missing(value) else value for value in values]
    present = [value for value in cells if value is not None]
    if _are_numbers(present):
        return _scale(name, cells)
    counts = Counter(map(str, present))
    order = sorted(counts, key=lambda value: (-counts[value], value))
    places = {value: place for place, value in enumerate(order)}
    codes = [-1 if value is None else places[str(value)] for value in cells]
    n_colors = min(len(order), MAX_VALUES)
    return ColorColumn(
        name,
        order,
        np.array(codes, dtype=np.int32),
        [*_class_colors()[:n_colors], *[OTHER] * (len(order) - n_colors)],
        list(range(n_colors)),
    )


def cluster_column(
    labels: np.ndarray, names: Sequence[str], centers: np.ndarray
) -> ColorColumn:
    """Give each cluster a colour that clusters near it on the map do not have.

    Parameters
    ----------
    labels : ndarray of shape (n_documents,)
        Cluster of each document.
    names : sequence of str
        Name of each cluster.
    centers : ndarray of shape (n_clusters, 2)
        Positions of the clusters.

    Returns
    -------
    ColorColumn
        The colours; the legend begins with the largest cluster.
    """
    counts = np.bincount(labels, minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    colors = np.full(len(names), -1)
    for cluster in order:
        gaps = np.linalg.norm(centers - centers[cluster], axis=1)
        # The colour whose nearest cluster is farthest; at first, each in turn.
        nearest = [
            gaps[colors == color].min(initial=np.inf) for color in range(MAX_VALUES)
        ]
        colors[cluster] = int(np.argmax(nearest))
    return ColorColumn(
        "topic",
        list(names),
        labels.astype(np.int32),
        [_class_colors()[color] for color in colors],
        order.tolist(),
    )


def _are_numbers(values: Sequence[Any]) -> bool:
    """Whether values are numbers that have a scale, and not classes."""
    kinds = (int, float, np.integer, np.floating)
    if not values or not all(
        isinstance(value, kinds) and not isinstance(value, bool) for value in values
    ):
        return False
    numbers = np.array(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        return False
    has_fractions = bool((numbers != np.floor(numbers)).any())
    return has_fractions or len(np.unique(numbers)) > MAX_VALUES


def _scale(name: str, cells: Sequence[Any]) -> ColorColumn:
    """Colours of numbers, by their ranks: outliers do not take the whole scale."""
    numbers = np.array([np.nan if v is None else v for v in cells], dtype=np.float64)
    is_present = ~np.isnan(numbers)
    distinct, found = np.unique(numbers[is_present], return_inverse=True)
    codes = np.full(len(numbers), -1, dtype=np.int32)
    codes[is_present] = found
    viridis = _palettes().Viridis256
    ranks = np.linspace(0, len(viridis) - 1, len(distinct)).round().astype(int)
    return ColorColumn(
        name,
        [f"{number:g}" for number in distinct],
        codes,
        [viridis[rank] for rank in ranks],
        [],
        is_scale=True,
    )


def _class_colors() -> list[str]:
    """Twenty colours of classes, the ten strong ones first."""
    colors = _palettes().Category20[MAX_VALUES]
    return [*colors[::2], *colors[1::2]]


def _palettes() -> Any:
    """Bokeh's palettes."""
    return import_optional("bokeh.palettes", extra="map", purpose="A map")
