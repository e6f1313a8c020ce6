"""The page of a map: one HTML file that needs no network.

Bokeh draws the points. `page.html` and `page.js` add a panel: a search, the colours,
and the text of a point with its nearest documents.
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
# Opacity of the white veil over points that were not found.
VEIL = 0.9
# While a map with more points moves, so many points are drawn.
QUICK = 10_000
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
        """The points, the marks on top of them, and the names."""
        plotting: Any = _bokeh("bokeh.plotting")
        models: Any = _bokeh("bokeh.models")
        tap = models.TapTool(mode="replace")
        wheel = models.WheelZoomTool()
        pan = models.PanTool()
        hover = self._hover(models)
        plot = plotting.figure(
            name="map",
            output_backend="webgl",
            sizing_mode="stretch_both",
            match_aspect=True,
            tools=[pan, wheel, "reset", tap, hover],
            active_scroll=wheel,
            toolbar_location="above",
            # Bokeh draws again half a second after each step of a move. It does so to
            # show all points again, but it hides none of them with WebGL.
            lod_interval=0,
        )
        plot.toolbar.logo = None
        plot.axis.visible = False
        plot.grid.visible = False
        plot.outline_line_color = None
        plot.background_fill_color = "#ffffff"
        points = self._points(plot, "points", self.positions)
        tap.renderers = hover.renderers = [points]
        if len(self.positions) > QUICK:
            # The page fills it.
            sample = self._points(plot, "sample", self.positions[:0])
            sample.visible = False
        self._veil(plot, models)
        self._marks(plot)
        self._write_names(plot)
        return plot

    def _points(self, plot: Any, name: str, positions: np.ndarray) -> Any:
        """Draw a point for each document."""
        x, y = np.ascontiguousarray(positions.T)
        color = np.zeros(len(x), dtype=np.uint32)
        points = plot.scatter(
            "x",
            "y",
            source={"x": x, "y": y, "color": color},
            name=name,
            size=self._size(),
            fill_color="color",
            fill_alpha=ALPHA,
            line_color=None,
        )
        # The marks show what is selected.
        points.nonselection_glyph = points.selection_glyph = None
        return points

    def _veil(self, plot: Any, models: Any) -> None:
        """Put a veil over all points, which is off at first. Marks stand out on it."""
        veil = models.BoxAnnotation(
            name="veil",
            fill_color="#ffffff",
            fill_alpha=VEIL,
            line_color=None,
            level="overlay",
            visible=False,
        )
        plot.add_layout(veil)

    def _size(self) -> float:
        """Diameter of a point: large for 1,000 points, small for 100,000."""
        decades = np.log10(len(self.positions)) - 3
        return float(np.interp(decades, [0, 2], [LARGE, SMALL]))

    def _marks(self, plot: Any) -> None:
        """Draw layers for documents that are found, near or chosen: empty at first."""
        size = self._size()
        for name, color, larger in (
            ("matches", FOUND, 1.0),
            ("neighbors", NEAR, 5.0),
            ("chosen", CHOSEN, 7.0),
        ):
            is_ring = name != "matches"
            plot.scatter(
                "x",
                "y",
                source={"x": [], "y": []},
                name=name,
                size=size + larger,
                fill_color=None if is_ring else color,
                line_color=color if is_ring else None,
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

    def _hover(self, models: Any) -> Any:
        """A tooltip with the beginning of the text."""
        snippet = models.CustomJSHover(
            code="return window.sklux_snippet(special_vars.index)"
        )
        return models.HoverTool(
            tooltips='<div style="max-width: 20rem">@x{custom}</div>',
            formatters={"@x": snippet},
            point_policy="snap_to_data",
        )

    def _data(self, texts: Sequence[str]) -> str:
        """Texts, neighbours and columns in JSON, which a script block can hold."""
        values = {
            "texts": [_valid(text) for text in texts],
            "width": self.neighbors.places.shape[1],
            "neighbors": _base64(self.neighbors.places, "<i4"),
            "cosines": _base64(self.neighbors.cosines, "<f4"),
            "columns": [_column(column) for column in self.columns],
            "missing": OTHER,
            "quick": QUICK,
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
