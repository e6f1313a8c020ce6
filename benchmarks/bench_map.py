"""A map of 200,000 points in a browser: the time that each act of a reader takes.

The page of `sklux.maps` is written for random points in clusters, with texts of random
words. A headless Chromium opens it. The benchmark drags the map, turns the wheel,
points at points, searches letter by letter, and opens a document.

The page is smooth if its own work for one step is shorter than one frame: 16.7
milliseconds at 60 frames a second. The table has this work: milliseconds of the page's
main thread for each step, and milliseconds of JavaScript within it. Each step waits
until the page has drawn the step before, so that no step is left out. The table also
has the steps of a second. They depend on the graphics card. Chromium draws without one
here, by its software renderer, on the same processor as all other work.

Needs sklux with its extra `map`, node, and Chromium. It takes a minute on 2 cores:

    python benchmarks/bench_map.py
"""

import json
import subprocess
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from _corpora import REPOSITORY
from _report import add_output_option, conditions, markdown_table, publish
from _turns import progress
from sklearn.datasets import make_blobs

from sklux._map.columns import cluster_column, color_column
from sklux._map.neighbors import Neighbors
from sklux._map.page import MapPage

PAGE = REPOSITORY / "doc" / "guide" / "topics.md"
SCRIPT = REPOSITORY / "benchmarks" / "measure_map.mjs"
N_POINTS, N_CLUSTERS, N_NEIGHBORS = [20_000, 200_000], 100, 10
N_WORDS, WORDS_PER_TEXT, MAX_CHARACTERS = 20_000, 60, 500
PACKAGES = ["sklux", "bokeh"]


def main() -> None:
    """Measure, and publish the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_output_option(parser, PAGE)
    options = parser.parse_args()
    tables = [measured(n_points) for n_points in N_POINTS]
    publish(options.output, "map", "\n\n".join([*tables, conditions(PACKAGES)]))


def measured(n_points: int) -> str:
    """The table of a map with a number of points."""
    progress(f"{n_points:,} points")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.html"
        start = perf_counter()
        path.write_text(page_of(n_points), encoding="utf-8")
        seconds = perf_counter() - start
        run = subprocess.run(
            ["node", SCRIPT, path], capture_output=True, check=True, text=True
        )
        n_bytes = path.stat().st_size
    report = json.loads(run.stdout)
    header = ["act", "work for a step, ms", "of it JavaScript, ms", "steps a second"]
    table = markdown_table(header, [row(act) for act in report["acts"]])
    return (
        f"**{n_points:,} points**: {n_bytes / 1e6:.0f} MB, written in {seconds:.1f} s, "
        f"opened in {report['open']:.1f} s, {report['megabytes']:.0f} MB of JavaScript "
        f"objects in {report['browser']}\n\n{table}"
    )


def row(act: dict[str, Any]) -> list[str]:
    """A row of the table."""
    numbers = [f"{act[name]:.1f}" for name in ("task", "script")]
    return [act["name"], *numbers, f"{act['steps']:.0f}"]


def page_of(n_points: int) -> str:
    """The page of random points and texts."""
    random = np.random.RandomState(0)
    positions, clusters = make_blobs(
        n_points, centers=N_CLUSTERS, center_box=(-60, 60), random_state=0
    )
    centers = np.array([positions[clusters == c].mean(0) for c in range(N_CLUSTERS)])
    places = random.randint(n_points, size=(n_points, N_NEIGHBORS), dtype=np.int32)
    cosines = -np.sort(-random.rand(n_points, N_NEIGHBORS).astype(np.float32))
    words = random_words(random)
    names = [", ".join(random.choice(words, 3)) for _ in range(N_CLUSTERS)]
    topics = cluster_column(clusters, names, centers)
    page = MapPage(
        title="Random points",
        positions=positions.astype(np.float32),
        neighbors=Neighbors(places, cosines),
        columns=[topics, color_column("number", random.rand(n_points))],
        names=[names[place] for place in topics.legend],
        name_positions=centers[topics.legend],
    )
    return page.html(random_texts(words, n_points, random))


def random_words(random: np.random.RandomState) -> np.ndarray:
    """Words of 3 to 9 letters."""
    letters = random.choice(list("abcdefghijklmnopqrstuvwxyz"), (N_WORDS, 9))
    lengths = random.randint(3, 10, size=N_WORDS)
    return np.array(["".join(row[:n]) for row, n in zip(letters, lengths)])


def random_texts(
    words: Sequence[str], n_texts: int, random: np.random.RandomState
) -> list[str]:
    """Texts of words, of which a few are frequent, as in a language."""
    places = random.zipf(1.3, size=(n_texts, WORDS_PER_TEXT)) % len(words)
    return [" ".join(row)[:MAX_CHARACTERS] for row in np.asarray(words)[places]]


if __name__ == "__main__":
    main()
