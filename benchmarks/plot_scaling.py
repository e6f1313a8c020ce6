"""The figure of the page about scaling: hours for a billion documents.

It reads the speed of the tables that bench_scale.py has written, and draws the time of
the steps against the number of cores. No step is measured here.

    python benchmarks/plot_scaling.py
"""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
from _quality_plots import COLOURS, save
from _report import DEFAULT_PAGE, published
from matplotlib.axes import Axes
from matplotlib.figure import Figure

N_DOCUMENTS, N_CORES_MEASURED = 1e9, 2
# Bytes of a vector of 256 dimensions.
VECTOR_BYTES = {"float32": 1024, "float16": 512, "int8": 256}
# A network link of 10 gigabits a second, in bytes.
LINK = 1.25e9


def main() -> None:
    """Draw the figure."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, default=DEFAULT_PAGE)
    options = parser.parse_args()
    tables = published(options.page, "scale")
    speeds = next(table for table in tables.values() if "transform" in table)
    path = options.page.parent / "images" / "scaling.png"
    draw(path, {name: number(row["documents/s"]) for name, row in speeds.items()})
    megabytes = number(speeds["transform"]["MB/s"])
    bytes_in = 1e6 * megabytes / number(speeds["transform"]["documents/s"])
    print(f"{bytes_in:.0f} bytes a document; figure: {path.name}")
    for name, size in VECTOR_BYTES.items():
        hours = N_DOCUMENTS * (bytes_in + size) / LINK / 3600
        print(f"{name}: {hours:.2f} hours on the link")


def number(cell: str) -> float:
    """A number of a table."""
    return float(cell.replace(",", ""))


def draw(path: Path, speeds: dict[str, float]) -> None:
    """Hours against cores, with the time of a network link for the vectors."""
    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    cores = np.array([1, 1000])
    shown = {
        "transform": (-6, -2, "right"),
        "sklux embed, float32, parquet": (6, 2, "left"),
    }
    for (name, (x, y, side)), colour in zip(shown.items(), COLOURS):
        hours = N_DOCUMENTS / (speeds[name] / N_CORES_MEASURED * cores) / 3600
        axes.plot(cores, hours, color=colour)
        axes.annotate(
            name,
            (3, hours[0] / 3),
            xytext=(x, y),
            textcoords="offset points",
            ha=side,
            va="top" if side == "right" else "bottom",
            fontsize=8,
            color=colour,
        )
    for (name, size), colour in zip(VECTOR_BYTES.items(), COLOURS[2:]):
        hours = N_DOCUMENTS * size / LINK / 3600
        axes.axhline(hours, color=colour, linestyle=":")
        axes.annotate(
            f"{name} vectors, 10 Gbit/s",
            (1000, hours),
            xytext=(0, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=colour,
        )
    label_axes(axes)
    save(figure, axes, path)


def label_axes(axes: Axes) -> None:
    """Logarithmic axes with plain numbers."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("cores", fontsize=9)
    axes.set_ylabel("hours for a billion documents", fontsize=9)
    cores, hours = [1, 10, 100, 1000], [0.01, 0.1, 1, 10]
    axes.set_xticks(cores, [f"{tick:,}" for tick in cores])
    axes.set_yticks(hours, [f"{tick:g}" for tick in hours])


if __name__ == "__main__":
    main()
