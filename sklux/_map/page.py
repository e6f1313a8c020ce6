"""The page of a map: one HTML file that needs no network.

Bokeh moves and zooms the map, and draws marks and names. `page.html` and `page.js` draw
the points, and add a panel: a search, the colours, and the text of a point with its
nearest documents.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from sklux._map.columns import OTHER, ColorColumn
from sklux._map.neighbors import Neighbors
from sklux._utils.optional import import_optional

# Diameter in pixels and opacity of a point: for few documents and for many.
LARGE, SMALL = 7.0, 2.5
ALPHA = 0.75
# While a map moves, at least so many points are drawn.
LEAST = 2000
# Colours of the marks of documents that were found, chosen, and near to the chosen one.
FOUND, CHOSEN, NEAR = "#111827", "#d1242f", "#bc4c00"


@dataclass(frozen=True)
class MapPage:
    """What a map shows.

    Attributes
    ----------
    title : str
        Title of the page.
    positions : ndarray of shape (n_documents, 2), dtype=np.float32
        Places on the map.
    neighbors : Neighbors
        Nearest documents of each document.
    columns : list of ColorColumn
        Colours; the map begins with the first ones.
    names : sequence of str
        Names of the clusters, the largest cluster first.
    name_positions : ndarray of shape (n_clusters, 2)
        Places of the names.
    """

    title: str
    positions: np.ndarray
    neighbors: Neighbors
    columns: list[ColorColumn]
    names: Sequence[str]
    name_positions: np.ndarray

    def html(self, texts: Sequence[str]) -> str:
        """Return the page.

        Parameters
        ----------
        texts : sequence of str of length n_documents
            Texts that the page shows and searches.

        Returns
        -------
        str
            HTML, with all that the page needs.
        """
        embed: Any = _bokeh("bokeh.embed")
        resources: Any = _bokeh("bokeh.resources")
        own = files("sklux._map")
        variables = {"data": self._data(texts), "script": _read(own, "page.js")}
        return str(
            embed.file_html(
                self._figure(),
                resources=resources.INLINE,
                title=self.title,
                template=_read(own, "page.html"),
                template_variables=variables,
            )
        )

    def _figure(self) -> Any:
        """The marks and the names on top of the points, and the tools."""
        plotting: Any = _bokeh("bokeh.plotting")
        models: Any = _bokeh("bokeh.models")
        wheel = models.WheelZoomTool()
        plot = plotting.figure(
            name="map",
            sizing_mode="stretch_both",
            match_aspect=True,
            tools=[models.PanTool(), wheel, "reset"],
            active_scroll=wheel,
            toolbar_location="above",
            # Otherwise Bokeh draws a second time half a second after each step.
            lod_interval=0,
        )
        plot.toolbar.logo = None
        plot.axis.visible = False
        plot.grid.visible = False
        plot.outline_line_color = None
        # The points lie below.
        plot.background_fill_color = plot.border_fill_color = None
        self._corners(plot)
        self._marks(plot)
        self._write_names(plot)
        return plot

    def _corners(self, plot: Any) -> None:
        """Points that are not seen, from which Bokeh knows the size of the map."""
        ends = np.array([self.positions.min(axis=0), self.positions.max(axis=0)])
        x, y = ends.T.astype(np.float64)
        plot.scatter(x, y, size=self._size(), fill_color=None, line_color=None)

    def _size(self) -> float:
        """Diameter of a point: large for 1,000 points, small for 100,000."""
        decades = np.log10(len(self.positions)) - 3
        return float(np.interp(decades, [0, 2], [LARGE, SMALL]))

    def _marks(self, plot: Any) -> None:
        """Draw rings around documents that are near or chosen: none at first."""
        size = self._size()
        for name, color, larger in (("neighbors", NEAR, 5.0), ("chosen", CHOSEN, 7.0)):
            plot.scatter(
                "x",
                "y",
                source={"x": [], "y": []},
                name=name,
                size=size + larger,
                fill_color=None,
                line_color=color,
                line_width=2,
                # Bokeh draws it without the points below.
                level="overlay",
            )

    def _write_names(self, plot: Any) -> None:
        """Write the names of the clusters."""
        x, y = self.name_positions.astype(np.float64).T
        plot.text(
            "x",
            "y",
            text="text",
            text_alpha="alpha",
            source={
                "x": x,
                "y": y,
                "text": [_valid(name) for name in self.names],
                # The page shows the names that have enough space.
                "alpha": np.zeros(len(x)),
                "background": np.zeros(len(x)),
            },
            name="names",
            text_align="center",
            text_baseline="middle",
            text_font={"value": "sans-serif"},
            text_font_size="13px",
            text_font_style="bold",
            background_fill_color="#ffffff",
            background_fill_alpha="background",
            padding=2,
            border_radius=4,
        ).level = "overlay"

    def _data(self, texts: Sequence[str]) -> str:
        """Texts, neighbours and columns in JSON, which a script block can hold."""
        values = {
            "texts": [_valid(text) for text in texts],
            "width": self.neighbors.places.shape[1],
            "neighbors": _base64(self.neighbors.places, "<i4"),
            "cosines": _base64(self.neighbors.cosines, "<f4"),
            "columns": [_column(column) for column in self.columns],
            "missing": OTHER,
            "positions": _base64(self.positions, "<f4"),
            "size": self._size(),
            "alpha": ALPHA,
            "found": FOUND,
            "least": LEAST,
        }
        # '</script>' in a text would end the block.
        return json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")


def _column(column: ColorColumn) -> dict[str, Any]:
    """A column in JSON."""
    values = {
        "name": _valid(column.name),
        "values": [_valid(value) for value in column.values],
        "codes": _base64(column.codes, "<i4"),
        "colors": column.colors,
        "counts": column.counts(),
        "legend": column.legend,
        "is_scale": column.is_scale,
    }
    if column.is_scale:
        step = max(1, len(column.colors) // 16)
        values["gradient"] = [*column.colors[::step], column.colors[-1]]
        values["ends"] = [column.values[0], column.values[-1]]
    return values


def _base64(values: np.ndarray, dtype: str) -> str:
    """The bytes of an array."""
    return b64encode(values.astype(dtype).tobytes()).decode("ascii")


def _valid(text: str) -> str:
    """Text without lone surrogates, which no page can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _read(folder: Any, name: str) -> str:
    """A file of this folder."""
    return str(folder.joinpath(name).read_text(encoding="utf-8"))


def _bokeh(module: str) -> Any:
    """A module of Bokeh."""
    return import_optional(module, extra="map", purpose="A map")
