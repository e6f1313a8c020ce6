"""Time of a training epoch, compared with a plain loop in torch.

Both train a student of the default widths on the default lexical matrix of the main
corpus, with the cosine loss only and in batches of the same size. sklux uses
`ReLUProjection.fit`. The torch loop is the obvious one: an `EmbeddingBag` with sparse
gradients, ReLU, a `Linear` layer, `SparseAdam` and `Adam`. The default student, with
all terms of its loss, has a row of its own.

The time of a sklux epoch is half the difference between a fit of 3 epochs and a fit of
1 epoch. This leaves out the work before the first epoch. torch is timed with 1 and with
2 threads; sklux is compared with the faster of the two. Contenders take turns in each
round, after a round that does not count. The column "cores busy" is processor time
divided by wall time. Peak memory is measured during a fit of 1 epoch in a fresh
process, minus the memory before the fit, which holds the matrix and the vectors.

Needs sklux with its extra `benchmark`. It takes 25 minutes on 2 idle cores:

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
# The network and the loss of both: only the cosine distance to the teacher.
COSINE_ONLY = {
    "hidden_layer_sizes": (DEFAULT_HIDDEN,),
    "loss": "cosine",
    "corpus_weight": 0.0,
    "contrastive_weight": 0.0,
    "dropout": 0.0,
}
OWN, OWN_DEFAULT = "sklux, cosine loss only", "sklux, default"
OWN_PARAMETERS = {OWN: COSINE_ONLY, OWN_DEFAULT: {}}
# Epochs of the two fits whose difference is measured.
FEW, MANY = 1, 3
N_THREADS = [1, 2]
# Required speed relative to torch.
GOAL = 3
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch"]
# Wall time and processor time.
Seconds = tuple[float, float]


@dataclass
class TrainingData:
    """The matrix and the target vectors, in files that several processes can read."""

    folder: Path

    @cached_property
    def X(self) -> sparse.csr_matrix:
        """Features of the documents."""
        return sparse.load_npz(self.folder / "X.npz").tocsr()

    @cached_property
    def y(self) -> np.ndarray:
        """Targets: unit rows that are as wide as the students."""
        return np.load(self.folder / "y.npy")


@dataclass
class OwnFit:
    """A fit of sklux on the given rows."""

    data: TrainingData
    parameters: dict[str, object]
    n_epochs: int = FEW

    def __call__(self, rows: np.ndarray) -> ReLUProjection:
        X, y = self.data.X[rows], self.data.y[rows]
        projection = ReLUProjection(
            batch_size=BATCH_SIZE,
            max_iter=self.n_epochs,
            early_stopping=False,
            random_state=0,
            **self.parameters,
        )
        return projection.fit(X, y)


@dataclass
class TorchFit:
    """One epoch of the same training in torch."""

    data: TrainingData
    n_threads: int

    def __call__(self, rows: np.ndarray) -> float:
        return self.epoch(self.new_model(), rows)

    def new_model(self) -> tuple:
        """Layers and optimisers."""
        import torch
        from torch import nn

        n_features, width = self.data.X.shape[1], self.data.y.shape[1]
        bag = nn.EmbeddingBag(n_features, DEFAULT_HIDDEN, mode="sum", sparse=True)
        nn.init.normal_(bag.weight, std=0.02)
        dense = nn.Linear(DEFAULT_HIDDEN, width, bias=False)
        optimizers = [
            torch.optim.SparseAdam(bag.parameters(), lr=LEARNING_RATE),
            torch.optim.Adam(dense.parameters(), lr=LEARNING_RATE),
        ]
        return bag, dense, optimizers

    def epoch(self, model: tuple, rows: np.ndarray) -> float:
        """Train once on all rows in random order; returns the mean loss."""
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
        """Train on one batch; returns the loss before the step."""
        import torch
        from torch.nn import functional

        X = self.data.X[samples]
        hidden = bag(
            torch.from_numpy(X.indices.astype(np.int64)),
            torch.from_numpy(X.indptr[:-1].astype(np.int64)),
            per_sample_weights=torch.from_numpy(X.data),
        )
        student = dense(functional.normalize(hidden.relu()))
        targets = torch.from_numpy(self.data.y[samples])
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
        data = TrainingData(Path(folder))
        name = write_data(data, options.data, options.limit)
        contenders = {
            key: partial(own_epoch, data, parameters)
            for key, parameters in OWN_PARAMETERS.items()
        }
        contenders |= {torch_name(n): torch_epoch(TorchFit(data, n)) for n in N_THREADS}
        timing = measure(contenders, options.rounds)
        text = report(name, data, timing)
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
        help="maximum number of documents, for a quick trial; the table is then only "
        "printed",
    )
    return parser.parse_args()


def write_data(data: TrainingData, corpora: Path, limit: int | None) -> str:
    """Write the matrix and the vectors of the main corpus; return its name."""
    corpus = read_corpora(corpora, [MAIN_CORPUS])[0]
    corpus = shortened(corpus, limit) if limit else corpus
    X = default_lexical_stage().fit_transform(corpus.texts.train)
    sparse.save_npz(data.folder / "X.npz", sparse.csr_matrix(X), compressed=False)
    # The vectors are as wide as the student, so neither side has to reduce them.
    y = normalize(corpus.embed_train()[:, :WIDTH]).astype(np.float32)
    np.save(data.folder / "y.npy", y)
    return corpus.name


def all_rows(data: TrainingData) -> np.ndarray:
    """Numbers of all rows."""
    return np.arange(len(data.y))


def torch_name(n_threads: int) -> str:
    """Name of the row of torch."""
    return f"torch, {n_threads} thread{'s' if n_threads > 1 else ''}"


def timed(call: Callable[[np.ndarray], object], rows: np.ndarray) -> Seconds:
    """Wall time and processor time of a call."""
    start, used = perf_counter(), process_time()
    call(rows)
    return perf_counter() - start, process_time() - used


def torch_epoch(fit: TorchFit) -> Callable[[], Seconds]:
    """Return a function that times an epoch of torch; all rounds share the model."""
    epoch = partial(fit.epoch, fit.new_model())
    return lambda: timed(epoch, all_rows(fit.data))


def own_epoch(data: TrainingData, parameters: dict[str, object]) -> Seconds:
    """Seconds of an epoch of sklux: the extra time of MANY epochs, per extra epoch."""
    rows = all_rows(data)
    few, many = (timed(OwnFit(data, parameters, n), rows) for n in (FEW, MANY))
    wall, used = np.subtract(many, few) / (MANY - FEW)
    return wall, used


def measure(contenders: dict[str, Callable[[], Seconds]], n_rounds: int) -> Timing:
    """Wall time and processor time by name."""
    names = [(name, kind) for name in contenders for kind in ("wall", "used")]

    def one_round() -> list[float]:
        values = []
        for name, run in contenders.items():
            seconds = run()
            progress(f"  {name}: {seconds[0]:.2f} s per epoch")
            values.extend(seconds)
        return values

    return quiet_rounds(names, one_round, n_rounds)


def report(name: str, data: TrainingData, timing: Timing) -> str:
    """The table, and whether the goal is reached."""
    peers = [torch_name(n_threads) for n_threads in N_THREADS]
    walls = {key: timing.seconds[key, "wall"] for key in (*OWN_PARAMETERS, *peers)}
    peer = min(peers, key=lambda key: np.median(walls[key]))
    memory = memory_cells(data)
    rows = []
    for key, wall in walls.items():
        busy = np.median(timing.seconds[key, "used"] / wall)
        faster = np.median(walls[peer] / wall)
        spread = f"{wall.min():.2f} - {wall.max():.2f}"
        cells = [f"{np.median(wall):.2f}", spread, f"{faster:.1f}", f"{busy:.2f}"]
        rows.append([key, *cells, memory[key]])
    header = ["", "seconds per epoch", "fastest - slowest round", f"x {peer}"]
    header += ["cores busy", "peak MB"]
    ratios = walls[peer] / walls[OWN]
    reached = "yes" if np.median(ratios) >= GOAL else "no"
    n_rows, n_features = data.X.shape
    return (
        f"**Training**, {n_rows:,} documents of {name}, {n_features:,} features, "
        f"{data.X.nnz / n_rows:.0f} of them per document; layers {DEFAULT_HIDDEN} and "
        f"{WIDTH}, batches of {BATCH_SIZE}\n\n{markdown_table(header, rows)}\n\n"
        f"Goal: *{OWN}* is at least {GOAL} times as fast as *{peer}*. Measured: "
        f"{np.median(ratios):.1f} ({ratios.min():.1f} - {ratios.max():.1f}). Reached: "
        f"{reached}. {timing.note}"
    )


def memory_cells(data: TrainingData) -> dict[str, str]:
    """Peak memory of a fit of one epoch, by name."""
    # Without cached arrays, so that the fresh process reads the files itself.
    unread = TrainingData(data.folder)
    fits = {key: OwnFit(unread, values) for key, values in OWN_PARAMETERS.items()}
    fits |= {torch_name(n): TorchFit(unread, n) for n in N_THREADS}
    rows = partial(np.arange, len(data.y))
    return {key: peak_memory(fit, rows)[0] for key, fit in fits.items()}


if __name__ == "__main__":
    main()
