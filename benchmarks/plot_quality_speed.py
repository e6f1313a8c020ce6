"""Quality against speed: the tables of two benchmarks in one figure.

Speed comes from the first table of part "headline" of bench_speed.py, quality from the
table of bench_quality.py on the same corpus. Both are read from the page on which they
are published, so the figure agrees with the page. A model that one of the tables lacks
is left out, with a message on the terminal.

Needs matplotlib. It takes seconds:

    python benchmarks/plot_quality_speed.py
"""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path

from _corpora import MAIN_CORPUS
from _models import (
    DTYPES,
    FASTTEXT,
    HASHING,
    LUXICAL,
    MODEL2VEC,
    SKIPGRAM,
    SMALL_STUDENT,
    SPEED_TITLE,
    STATIC,
    STUDENT,
    TEACHER,
    TFIDF,
    TUNED,
    WHOLE,
)
from _report import DEFAULT_PAGE, published
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

DEFAULT_IMAGE = DEFAULT_PAGE.parent / "images" / "quality-speed.png"
MEASURES = {
    "neighbours@10": "teacher's 10 nearest documents found (share)",
    "halves MRR": "half-document retrieval (MRR)",
}
# Label, and the start of the row's name for speed and for quality; a dtype follows.
SERIES = [
    ("sklux", "sklux, default", STUDENT),
    ("sklux, words and pairs", "sklux, words", SMALL_STUDENT),
]
# Label, row for speed, row for quality.
PEERS = [(TEACHER, TEACHER, "teacher")]
# Trained or distilled, model2vec has the same number of values per token, and thus the
# same speed.
PEERS += [("model2vec, trained", MODEL2VEC, TUNED)]
PEERS += [
    (name, name, name) for name in (LUXICAL, STATIC, FASTTEXT, SKIPGRAM, TFIDF, HASHING)
]
PEERS += [("model2vec, distilled", MODEL2VEC, MODEL2VEC)]
MARKERS = dict(zip(DTYPES, "osD"))
OWN_COLOURS, PEER_COLOUR, TEACHER_COLOUR = ("#d1495b", "#b8701a"), "#30638e", "#3d3d3d"
# Possible places of a label next to its point: directions, with the side of the label
# that faces the point; and distances in typographic points, the nearest first.
DIRECTIONS = [
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
]
DISTANCES = [7, 16, 28, 40]
# Covered pixels of a label that are worth a label one typographic point nearer.
COST_OF_DISTANCE = 5
# Free pixels around points and labels.
MARGIN = 5


@dataclass(frozen=True)
class Point:
    """Speed and quality of one model."""

    label: str
    colour: str
    marker: str
    speed: float
    quality: dict[str, float]
    is_labelled: bool = True


def main() -> None:
    """Read the tables and draw the figure."""
    options = parse_options()
    points = read_points(options.page)
    figure = Figure(figsize=(9, 4.2), dpi=120, layout="constrained")
    for axes, (measure, title) in zip(figure.subplots(1, 2), MEASURES.items()):
        draw(axes, [point for point in points if measure in point.quality], measure)
        axes.set_title(title, fontsize=9)
    draw_legend(figure)
    # Labels can be placed only after everything else has its place.
    FigureCanvasAgg(figure).draw()
    for axes in figure.axes:
        place_labels(axes)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.output)


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--page",
        type=Path,
        default=DEFAULT_PAGE,
        metavar="FILE",
        help="page with the tables (default: doc/benchmarks.md)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=DEFAULT_IMAGE,
        metavar="FILE",
        help="figure to write (default: doc/images/quality-speed.png)",
    )
    return parser.parse_args()


def read_points(page: Path) -> list[Point]:
    """Read the models that both tables have."""
    speeds = published(page, "speed-headline")[f"{SPEED_TITLE}, {WHOLE}"]
    qualities = published(page, f"quality-{MAIN_CORPUS}")[MAIN_CORPUS]
    wanted = [
        (label, colour, MARKERS[dtype], f"{speed}, {dtype}", row_name(quality, dtype))
        for (label, speed, quality), colour in zip(SERIES, OWN_COLOURS)
        for dtype in DTYPES
    ]
    wanted += [
        (label, TEACHER_COLOUR if label == TEACHER else PEER_COLOUR, "o", speed, row)
        for label, speed, row in PEERS
    ]
    points, labelled = [], set()
    for label, colour, marker, speed, row in wanted:
        if speed not in speeds or row not in qualities:
            print(
                f"{label} is left out: row {speed!r} or {row!r} is missing.",
                file=sys.stderr,
            )
            continue
        quality = {
            # The mean, without the standard deviation that may follow it.
            measure: float(qualities[row][measure].split()[0])
            for measure in MEASURES
            if qualities[row].get(measure, "-") != "-"
        }
        docs = float(speeds[speed]["docs/s"].replace(",", ""))
        points.append(
            Point(label, colour, marker, docs, quality, label not in labelled)
        )
        labelled.add(label)
    return points


def row_name(student: str, dtype: str) -> str:
    """Name of a student's row; the row of the first dtype, as fitted, has no suffix."""
    return student if dtype == DTYPES[0] else f"{student}, {dtype}"


def draw(axes: Axes, points: list[Point], measure: str) -> None:
    """Draw the points of one measure, with labels that `place_labels` moves later."""
    for point in points:
        x, y = point.speed, point.quality[measure]
        axes.plot(x, y, point.marker, color=point.colour, markersize=5, alpha=0.9)
        if point.is_labelled:
            label = axes.annotate(
                point.label,
                (x, y),
                xytext=(0, 0),
                textcoords="offset points",
                fontsize=8,
                color=point.colour,
                arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.5},
            )
            # The layout must not change while labels move.
            label.set_in_layout(False)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.08)
    axes.margins(x=0.14)
    axes.set_xlabel("documents per second, whole machine", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_legend(figure: Figure) -> None:
    """Add the legend that shows the marker of each dtype."""
    axes = figure.axes[-1]
    handles = [
        axes.plot([], [], marker, color="0.4", markersize=5, label=dtype)[0]
        for dtype, marker in MARKERS.items()
    ]
    axes.legend(
        handles=handles, title="sklux's weights", fontsize=8, title_fontsize=8
    ).get_frame().set_linewidth(0)


def place_labels(axes: Axes) -> None:
    """Move each label to a place where it covers neither a point nor a label."""
    taken = [
        Bbox.from_bounds(x - MARGIN, y - MARGIN, 2 * MARGIN, 2 * MARGIN)
        for line in axes.lines
        for x, y in axes.transData.transform(line.get_xydata())
    ]
    legend = axes.get_legend()
    if legend is not None:
        taken.append(legend.get_window_extent())
    spots = [(distance, *way) for distance in DISTANCES for way in DIRECTIONS]
    for text in axes.texts:
        costs = [
            covered_area(place(text, *spot), taken, axes) + COST_OF_DISTANCE * spot[0]
            for spot in spots
        ]
        best = spots[costs.index(min(costs))]
        taken.append(place(text, *best))
        # A distant label gets a line to its point.
        text.arrow_patch.set_visible(best[0] > min(DISTANCES))


def place(
    text: Annotation, distance: float, x: float, y: float, side: str, edge: str
) -> Bbox:
    """Move a label, and return the rectangle that it occupies there."""
    text.set(position=(distance * x, distance * y), horizontalalignment=side)
    text.set_verticalalignment(edge)
    text.update_positions(text.get_figure().canvas.get_renderer())
    # Only the text counts; the line to the point may cross anything.
    return Text.get_window_extent(text).padded(MARGIN / 2)


def covered_area(box: Bbox, taken: list[Bbox], axes: Axes) -> float:
    """Area of a label that is already taken, or lies outside of the axes."""
    inside = Bbox.intersection(box, axes.get_window_extent())
    outside = area(box) - area(inside)
    return outside + sum(area(Bbox.intersection(box, other)) for other in taken)


def area(box: Bbox | None) -> float:
    """Area of a rectangle; 0 for None."""
    return 0.0 if box is None else box.width * box.height


if __name__ == "__main__":
    main()
