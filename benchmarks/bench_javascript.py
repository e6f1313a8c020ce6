"""The npm package in Node against Python: seconds to load, and documents a second.

The default model is fitted on training documents of the main corpus. Node and Python,
each on one thread, map the same test documents in turns. Times are of the processor, so
other processes disturb them little. The table also has the size of the package: all
modules in one file, without comments and with short names, by esbuild.

Needs sklux with its extra `benchmark`, node, and npm for esbuild; without npm the size
is left out. It takes 2 minutes on 2 cores:

    python benchmarks/bench_javascript.py
"""

import gzip
import json
import shutil
import subprocess
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
from _corpora import MAIN_CORPUS, REPOSITORY, add_data_option, read_corpora, shortened
from _report import add_output_option, conditions, markdown_table, publish
from _turns import Timing, progress, quiet_rounds

from sklux import LuxicalVectorizer

PAGE = REPOSITORY / "doc" / "guide" / "javascript.md"
JS = REPOSITORY / "js"
N_TRAIN, N_ROUNDS = 12_000, 5
PACKAGES = ["sklux", "numpy", "scikit-learn"]


def main() -> None:
    """Measure, and publish the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, PAGE)
    options = parser.parse_args()
    corpus = shortened(read_corpora(options.data, [MAIN_CORPUS])[0], N_TRAIN)
    texts = list(corpus.texts.test)
    progress("fit")
    fitted = LuxicalVectorizer(random_state=0, teacher_words=None).fit(
        corpus.texts.train, teacher_embeddings=corpus.embed_train()
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.sklux"
        fitted.save(path)
        text = measured(path, texts, Path(folder))
    size = package_size()
    text = (
        f"**{corpus.name}**, {len(texts):,} documents, one thread\n\n{text}\n\n{size}"
    )
    publish(options.output, "javascript", f"{text}\n\n{conditions(PACKAGES)}")


def measured(path: Path, texts: list[str], folder: Path) -> str:
    """The table of Node and Python for one model file."""
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    command = [str(JS / "measure.mjs"), path, folder / "texts.json", folder / "vectors"]
    node = subprocess.Popen(
        ["node", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(task: str) -> float:
        print(task, file=node.stdin, flush=True)
        return json.loads(node.stdout.readline())

    with node:
        model = LuxicalVectorizer.load(path)
        vectors = model.transform(texts)
        n_bytes = ask("bytes")
        timing = timed(path, model, texts, ask)
        node.stdin.close()
    others = np.fromfile(folder / "vectors", dtype=np.float32)
    difference = np.abs(others - vectors.ravel()).max()
    return (
        f"{markdown_table(['', 'Node', 'Python'], rows(timing, len(texts)))}\n\n"
        f"The vectors differ by at most {difference:.1e}. The file has "
        f"{path.stat().st_size / 1e6:.0f} MB, of which Node holds the arrays in "
        f"{n_bytes / 1e6:.0f} MB. {node_version()}. {timing.note}"
    )


def timed(
    path: Path,
    model: LuxicalVectorizer,
    texts: list[str],
    ask: Callable[[str], float],
) -> Timing:
    """Seconds of the tasks of Node and of Python, in turns."""
    load = LuxicalVectorizer.load
    in_python: dict[str, Callable[[], object]] = {
        "transform": partial(model.transform, texts),
        "load": partial(load, path),
        "unverified": partial(load, path, verify=False),
    }
    names = [(task, who) for task in in_python for who in ("Node", "Python")]

    def one_round() -> list[float]:
        return [
            ask(task) if who == "Node" else processor_seconds(in_python[task])
            for task, who in names
        ]

    return quiet_rounds(names, one_round, N_ROUNDS)


def processor_seconds(run: Callable[[], object]) -> float:
    """Seconds that a call takes of the processor."""
    start = process_time()
    run()
    return process_time() - start


def rows(timing: Timing, n_documents: int) -> list[list[str]]:
    """Rows of the table; the medians of the rounds."""
    seconds = {key: float(np.median(times)) for key, times in timing.seconds.items()}

    def row(name: str, task: str, text_of: Callable[[float], str]) -> list[str]:
        return [name, *(text_of(seconds[task, who]) for who in ("Node", "Python"))]

    return [
        row("documents a second", "transform", lambda s: f"{n_documents / s:,.0f}"),
        row("seconds to load, verified", "load", lambda s: f"{s:.2f}"),
        row("seconds to load, not verified", "unverified", lambda s: f"{s:.2f}"),
    ]


def node_version() -> str:
    """Name and version of node."""
    run = subprocess.run(["node", "--version"], capture_output=True, text=True)
    return f"Node {run.stdout.strip().removeprefix('v')}"


def package_size() -> str:
    """A sentence with the size of the modules, minified and compressed."""
    if shutil.which("npm") is None:
        return "npm is missing, so the size of the package is not measured."
    command = "npm exec --yes --package esbuild -- esbuild src/index.js"
    options = "--bundle --minify --format=esm --platform=neutral --external:node:*"
    run = subprocess.run(
        [*command.split(), *options.split()], cwd=JS, capture_output=True, check=True
    )
    sizes = (
        sum(len(path.read_bytes()) for path in (JS / "src").glob("*.js")),
        len(run.stdout),
        len(gzip.compress(run.stdout)),
    )
    plain, minified, compressed = (f"{size / 1000:.0f} kB" for size in sizes)
    return f"Size of all modules: {plain}; minified {minified}; with gzip {compressed}."


if __name__ == "__main__":
    main()
