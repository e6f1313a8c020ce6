"""How long an epoch of the training takes, beside a plain loop in torch.

Both train a student of the default widths on the default lexical matrix of the main
corpus, with the cosine loss and nothing else, in batches of the same size: sklux by
`ReLUProjection.fit`, torch by an `EmbeddingBag` with sparse gradients, ReLU, a
`Linear` layer, `SparseAdam` and `Adam`, as one writes it first. The default student,
with all terms of its loss, has a row of its own.

An epoch of sklux is half of what a fit of 3 epochs takes longer than a fit of 1, so
that the work before the first epoch does not count. torch is timed with 1 and with 2
threads; the faster one is the peer. Contenders take turns in each round, after a round
that does not count. Cores busy are processor time by wall time. Peak memory is that of
a fit of 1 epoch in a fresh process, less what was there before, matrix and vectors.

Needs sklux with its extra `benchmark`. Run, 25 minutes on 2 idle cores, by

    python benchmarks/bench_training.py
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
from _corpora import MAIN_CORPUS, add_data_option, read_corpora, shortened
from _memory import peak_memory
from _models import DEFAULT_HIDDEN, WIDTH
from _report import add_output_option, conditions, markdown_table, publish
from _turns import Timing, progress, quiet_rounds
from scipy import sparse
from sklearn.preprocessing import normalize

from sklux import ReLUProjection
from sklux._lexical.vectorizer import default_lexical_stage

BATCH_SIZE, LEARNING_RATE = 512, 3e-3
# The loss of both: the distance to the teacher alone.
COSINE_ALONE = {"corpus_weight": 0.0, "contrastive_weight": 0.0, "dropout": 0.0}
OWN, OWN_DEFAULT = "sklux, cosine loss alone", "sklux, default"
OWN_PARAMETERS = {OWN: COSINE_ALONE, OWN_DEFAULT: {}}
# Epochs of the two fits whose difference counts.
FEW, MANY = 1, 3
N_THREADS = [1, 2]
# Times as fast as torch.
GOAL = 3
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch"]
# Wall time, and processor time.
Seconds = tuple[float, float]


@dataclass
class Lesson:
    """What is learnt: a matrix and vectors, in files, so that processes share them."""

    folder: Path

    @cached_property
    def X(self) -> sparse.csr_matrix:
        """Features of the documents."""
        return sparse.load_npz(self.folder / "X.npz").tocsr()

    @cached_property
    def y(self) -> np.ndarray:
        """Unit rows that are as wide as the students."""
        return np.load(self.folder / "y.npy")


@dataclass
class OwnFit:
    """A fit of sklux on some rows."""

    lesson: Lesson
    parameters: dict[str, object]
    n_epochs: int = FEW

    def __call__(self, rows: np.ndarray) -> ReLUProjection:
        X, y = self.lesson.X[rows], self.lesson.y[rows]
        projection = ReLUProjection(
            hidden_layer_sizes=(DEFAULT_HIDDEN,),
            batch_size=BATCH_SIZE,
            max_iter=self.n_epochs,
            early_stopping=False,
            random_state=0,
            **self.parameters,
        )
        return projection.fit(X, y)


@dataclass
class TorchFit:
    """The same in torch, one epoch."""

    lesson: Lesson
    n_threads: int

    def __call__(self, rows: np.ndarray) -> float:
        return self.epoch(self.new_model(), rows)

    def new_model(self) -> tuple:
        """Layers and optimisers."""
        import torch
        from torch import nn

        n_features, width = self.lesson.X.shape[1], self.lesson.y.shape[1]
        bag = nn.EmbeddingBag(n_features, DEFAULT_HIDDEN, mode="sum", sparse=True)
        nn.init.normal_(bag.weight, std=0.02)
        dense = nn.Linear(DEFAULT_HIDDEN, width, bias=False)
        optimizers = [
            torch.optim.SparseAdam(bag.parameters(), lr=LEARNING_RATE),
            torch.optim.Adam(dense.parameters(), lr=LEARNING_RATE),
        ]
        return bag, dense, optimizers

    def epoch(self, model: tuple, rows: np.ndarray) -> float:
        """Go once through the rows in random order; returns the mean loss."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.n_threads)
        order = np.random.RandomState(0).permutation(rows)
        try:
            losses = [
                self.step(samples, *model)
                for samples in np.array_split(order, -(-len(order) // BATCH_SIZE))
            ]
        finally:
            torch.set_num_threads(before)
        return float(np.mean(losses))

    def step(self, samples: np.ndarray, bag, dense, optimizers: list) -> float:
        """Learn from some rows; returns the loss before."""
        import torch
        from torch.nn import functional

        X = self.lesson.X[samples]
        hidden = bag(
            torch.from_numpy(X.indices.astype(np.int64)),
            torch.from_numpy(X.indptr[:-1].astype(np.int64)),
            per_sample_weights=torch.from_numpy(X.data),
        )
        student = dense(functional.normalize(hidden.relu()))
        targets = torch.from_numpy(self.lesson.y[samples])
        loss = 1 - functional.cosine_similarity(student, targets).mean()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()


def main() -> None:
    """Measure, and publish the table."""
    options = parse_options()
    with TemporaryDirectory() as folder:
        lesson = Lesson(Path(folder))
        name = write_lesson(lesson, options.data, options.limit)
        contenders = {
            key: partial(own_epoch, lesson, parameters)
            for key, parameters in OWN_PARAMETERS.items()
        }
        contenders |= {
            torch_name(n): torch_epoch(TorchFit(lesson, n)) for n in N_THREADS
        }
        timing = measure(contenders, options.rounds)
        text = report(name, lesson, timing)
    page = options.output if options.limit is None else Path("-")
    publish(page, "training", f"{text}\n\n{conditions(PACKAGES)}")


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="documents, to see that it runs; the table is then printed only",
    )
    return parser.parse_args()


def write_lesson(lesson: Lesson, data: Path, limit: int | None) -> str:
    """Write the matrix and the vectors of the main corpus; return its name."""
    corpus = read_corpora(data, [MAIN_CORPUS])[0]
    corpus = shortened(corpus, limit) if limit else corpus
    X = default_lexical_stage().fit_transform(corpus.texts.train)
    sparse.save_npz(lesson.folder / "X.npz", sparse.csr_matrix(X), compressed=False)
    # Vectors as wide as the student, so that neither side has to reduce them.
    y = normalize(corpus.teach_train()[:, :WIDTH]).astype(np.float32)
    np.save(lesson.folder / "y.npy", y)
    return corpus.name


def all_rows(lesson: Lesson) -> np.ndarray:
    """Numbers of all rows."""
    return np.arange(len(lesson.y))


def torch_name(n_threads: int) -> str:
    """Name of a row."""
    return f"torch, {n_threads} thread{'s' if n_threads > 1 else ''}"


def timed(call: Callable[[np.ndarray], object], rows: np.ndarray) -> Seconds:
    """Seconds of a call."""
    start, used = perf_counter(), process_time()
    call(rows)
    return perf_counter() - start, process_time() - used


def torch_epoch(fit: TorchFit) -> Callable[[], Seconds]:
    """Times an epoch of torch; the model is the same in all rounds."""
    epoch = partial(fit.epoch, fit.new_model())
    return lambda: timed(epoch, all_rows(fit.lesson))


def own_epoch(lesson: Lesson, parameters: dict[str, object]) -> Seconds:
    """Seconds of an epoch of sklux: what more epochs take longer, shared by them."""
    rows = all_rows(lesson)
    few, many = (timed(OwnFit(lesson, parameters, n), rows) for n in (FEW, MANY))
    wall, used = np.subtract(many, few) / (MANY - FEW)
    return wall, used


def measure(contenders: dict[str, Callable[[], Seconds]], n_rounds: int) -> Timing:
    """Seconds by name and by kind: wall time and processor time."""
    names = [(name, kind) for name in contenders for kind in ("wall", "used")]

    def one_round() -> list[float]:
        values = []
        for name, run in contenders.items():
            seconds = run()
            progress(f"  {name}: {seconds[0]:.2f} s an epoch")
            values.extend(seconds)
        return values

    return quiet_rounds(names, one_round, n_rounds)


def report(name: str, lesson: Lesson, timing: Timing) -> str:
    """The table, and whether the goal is reached."""
    peers = [torch_name(n_threads) for n_threads in N_THREADS]
    walls = {key: timing.seconds[key, "wall"] for key in (*OWN_PARAMETERS, *peers)}
    peer = min(peers, key=lambda key: np.median(walls[key]))
    memory = memory_cells(lesson)
    rows = []
    for key, wall in walls.items():
        busy = np.median(timing.seconds[key, "used"] / wall)
        faster = np.median(walls[peer] / wall)
        spread = f"{wall.min():.2f} - {wall.max():.2f}"
        cells = [f"{np.median(wall):.2f}", spread, f"{faster:.1f}", f"{busy:.2f}"]
        rows.append([key, *cells, memory[key]])
    header = ["", "seconds an epoch", "rounds", f"x {peer}", "cores busy", "peak MB"]
    ratios = walls[peer] / walls[OWN]
    reached = "yes" if np.median(ratios) >= GOAL else "no"
    n_rows, n_features = lesson.X.shape
    return (
        f"**Training**, {n_rows:,} documents of {name}, {n_features:,} features, "
        f"{lesson.X.nnz / n_rows:.0f} of them in a document; layers {DEFAULT_HIDDEN} "
        f"and {WIDTH}, batches of {BATCH_SIZE}\n\n{markdown_table(header, rows)}\n\n"
        f"Goal: {OWN}, {GOAL} times as fast as {peer}; measured "
        f"{np.median(ratios):.1f} ({ratios.min():.1f} - {ratios.max():.1f}); reached: "
        f"{reached}. {timing.note}"
    )


def memory_cells(lesson: Lesson) -> dict[str, str]:
    """Peak memory of a fit of an epoch, by name."""
    # A fresh process shall read the files, not be sent the arrays.
    unread = Lesson(lesson.folder)
    fits = {key: OwnFit(unread, values) for key, values in OWN_PARAMETERS.items()}
    fits |= {torch_name(n): TorchFit(unread, n) for n in N_THREADS}
    rows = partial(np.arange, len(lesson.y))
    return {key: peak_memory(fit, rows)[0] for key, fit in fits.items()}


if __name__ == "__main__":
    main()
