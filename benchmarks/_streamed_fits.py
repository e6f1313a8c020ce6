"""Time of each stage, and peak memory, of a fit on a stream of short documents.

The fit has one epoch: each further one takes as long.
"""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from time import perf_counter

import numpy as np
from _memory import memory_bytes
from _report import markdown_table
from sklearn.exceptions import ConvergenceWarning

from sklux import LuxicalVectorizer, ReLUProjection
from sklux.datasets import DocumentStream

# Documents are cut after so many characters.
N_CHARACTERS = 100
WIDTH, N_EPOCHS = 384, 1
STAGES = ["terms", "sample", "regression", "epoch", "report"]


class TimedSource:
    """Short documents with vectors; notes when each pass begins and ends.

    A document is the beginning of a text, in which two words are words of another
    text. The vectors are random: they do not change the time.
    """

    def __init__(self, texts: list[str], n_documents: int):
        self.words = [text[:N_CHARACTERS].split() or ["empty"] for text in texts]
        self.n_documents = n_documents
        rng = np.random.default_rng(0)
        self.vectors = rng.standard_normal((len(texts), WIDTH), dtype=np.float32)
        self.passes: list[list[float]] = []

    def __call__(self) -> Iterator[tuple[str, np.ndarray]]:
        """Read the documents once."""
        self.passes.append([perf_counter()])
        n_texts = len(self.words)
        for number in range(self.n_documents):
            copy, place = divmod(number, n_texts)
            words = self.words[place]
            if copy:
                others = self.words[(place + 7919 * (copy + 1)) % n_texts]
                words = words.copy()
                words[copy % len(words)] = others[0]
                words[(copy * 5 + 2) % len(words)] = others[-1]
            yield " ".join(words), self.vectors[place]
        self.passes[-1].append(perf_counter())


def measure_fit(texts: list[str], n_documents: int) -> None:
    """Fit, and print seconds of the stages, passes and peak memory as JSON."""
    source = TimedSource(texts, n_documents)
    # As by default, at most half of the documents.
    size = min(100_000, n_documents // 2)
    stream = DocumentStream(source, embeddings=True, sample_size=size)
    projection = ReLUProjection(max_iter=N_EPOCHS)
    model = LuxicalVectorizer(projection=projection, random_state=0, n_jobs=-1)
    begin = perf_counter()
    with warnings.catch_warnings():
        # Nothing can be learnt from random vectors.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(stream)
    end = perf_counter()
    n_epochs = len(model.projection_.loss_curve_)
    passes = source.passes
    # The passes of the terms, the regression and the epochs, in this order.
    edges = [
        begin,
        passes[1][1],
        passes[2][0],
        passes[-n_epochs - 1][1],
        passes[-1][1],
        end,
    ]
    report = model.stream_report_
    figures = {
        "seconds": np.diff(edges).tolist(),
        "n_epochs": n_epochs,
        "n_terms": report.n_terms,
        "dropped": report.dropped_error,
        "peak": memory_bytes("VmHWM"),
    }
    sys.stdout.write(json.dumps(figures))


def fit_table(sizes: list[int], program: str) -> str:
    """A row for each number of documents; each fit runs in a process of its own."""
    rows = []
    for size in sizes:
        command = [sys.executable, program, "--measure-fit", str(size)]
        result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found = json.loads(result.stdout)
        seconds = [f"{value:,.0f}" for value in found["seconds"]]
        peak = f"{found['peak'] / 1e9:.1f}"
        terms = f"{found['n_terms']:,}"
        rows.append([f"{size:,}", *seconds, peak, terms, f"{found['dropped']:,}"])
    header = ["documents", *(f"{name}, s" for name in STAGES), "peak memory, GB"]
    header += ["terms counted", "bound of a dropped term"]
    return f"**A fit on a stream**\n\n{markdown_table(header, rows)}"
