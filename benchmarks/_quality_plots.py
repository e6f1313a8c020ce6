"""Figures of the quality benchmark."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

OWN, OTHERS = "#d1495b", "#30638e"
COLOURS = ["#d1495b", "#30638e", "#b8701a", "#3d7a4f", "#6b4c9a"]


def plot_teacher_sample(path: Path, series: dict[str, list[tuple[int, float]]]) -> None:
    """Plot measures, one line each, against the number of embedded documents."""
    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    for (measure, points), colour in zip(series.items(), COLOURS):
        axes.plot(*zip(*points), "o-", color=colour, markersize=4, label=measure)
    axes.set_xscale("log")
    counts = [count for count, _ in next(iter(series.values()))]
    axes.set_xticks(counts, [f"{count:,}" for count in counts], fontsize=8)
    axes.minorticks_off()
    axes.set_ylim(0, 1)
    axes.set_xlabel("documents embedded by the teacher", fontsize=9)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    save(figure, axes, path)


def plot_trade_off(
    path: Path,
    labels: tuple[str, str],
    own: dict[str, tuple[float, float]],
    others: dict[str, tuple[float, float]],
) -> None:
    """Plot two measures: students as a line, other models as points."""
    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*own.values()), "o-", color=OWN, markersize=5)
    axes.plot(*zip(*others.values()), "s", color=OTHERS, markersize=5)
    # The line runs to the right and down, so the space above it is free.
    sides = (own, OWN, (5, 6), "left"), (others, OTHERS, (0, -12), "center")
    for points, colour, side, alignment in sides:
        for label, place in points.items():
            axes.annotate(
                label,
                place,
                xytext=side,
                textcoords="offset points",
                ha=alignment,
                va="center",
                fontsize=8,
                color=colour,
            )
    axes.margins(0.18)
    for set_label, label in zip((axes.set_xlabel, axes.set_ylabel), labels):
        set_label(label, fontsize=9)
    save(figure, axes, path)


def save(figure: Figure, axes: Axes, path: Path) -> None:
    """Apply the common style and write the figure to a file."""
    axes.tick_params(labelsize=8)
    axes.grid(color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
