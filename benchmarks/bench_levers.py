"""Limits of the speed of the fused transform, and the gain of each optimisation.

10,000 texts drawn from the main corpus, as in bench_speed.py, pass through a stage of
words and pairs of words (200,000 features) and layers of random weights. The terms come
from the training texts. The tables:

- optimisations: the first layer as `transform` runs it, with all optimisations, and
  with one switched off at a time. The timed function is `project_tokens`, which looks
  terms up, weights them and adds their weight rows, for tokens that were read in
  advance. Nothing is subtracted from that time. For comparison, the same is timed with
  one unit per row, that is with almost no weights. `project_tokens` merges repeated
  terms. The gain is measured on matrices instead: one with a value per distinct term of
  a text, one with a value per occurrence, in random order. "Everything on" includes
  weights in huge pages, if the system lets a program request them;
- steps: timers around the steps of whole transforms. `transform` takes them in one call
  of a kernel; here each is a call of its own. The time of the first layer is the time
  of `project_tokens` minus its time with one unit per row. The unfused path is
  `LexicalVectorizer.transform` followed by `apply_network`. The weights are in memory
  as the library allocates it;
- roofline: how much the first layer alone (everything on, minus one unit per row) reads
  and adds per second, and which share of its reads goes to the first rows, which caches
  may hold; then the speed of memory and processor. Sequential reads are NumPy's dot
  products of parts of 8 MB with themselves. Random reads, of uniformly drawn rows, are
  made by `sparse_product`, 1000 rows per sum, from a table of the same size, and from a
  few rows that stay in the first-level cache;
- two threads: the optimisations that affect memory reads, with two threads.

Contenders take turns, and a ratio compares times of the same round, as in
bench_speed.py. The instruction set and the prefetch distance are settings of the
kernels; this program undoes the other optimisations itself. It checks that all variants
give the same sums. GB are 10^9 bytes; GFLOP are 10^9 operations, where a multiplication
and an addition count as two.

Needs sklux, pandas, pyarrow and threadpoolctl. It takes 4 minutes on 2 idle cores:

    python benchmarks/bench_levers.py
"""

import mmap
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

import numpy as np
from _corpora import (
    MAIN_CORPUS,
    REPOSITORY,
    add_data_option,
    drawn,
    read_corpora,
    utf8_bytes,
)
from _models import HIDDEN, POSITION_WEIGHT, WIDTH, WORDS, random_layers
from _report import add_output_option, conditions, markdown_table, publish
from _turns import (
    Timing,
    progress,
    quiet_rounds,
    ratio,
    rounds_text,
    seconds_of,
    take_turns,
)
from bench_lexical import REST, Clock
from scipy import sparse
from sklux._kernels.fused import Scratch, project_tokens
from threadpoolctl import threadpool_limits

import sklux._fused as fused_module
from sklux import LexicalVectorizer
from sklux._fused import FusedTransform, term_weighing
from sklux._kernels import layers as layer_kernels
from sklux._lexical.buffers import TextBuffers, text_buffers
from sklux._lexical.lookup import TermReader
from sklux._lexical.matrix import Weighing
from sklux._lexical.tokens import Tokens, range_costs, range_edges
from sklux._lexical.vectorizer import default_lexical_stage, fused_parts
from sklux._student.finishing import RANK
from sklux._student.network import WEIGHT_DTYPES, Network, apply_network
from sklux._utils.memory import empty_aligned
from sklux._utils.threads import FreeList, run_ranges

PAGE = REPOSITORY / "doc" / "speed.md"
N_DOCUMENTS = 10_000
# With fewer documents than N_DOCUMENTS, the terms come from this many times as many.
FIT_FACTOR = 5
# Maximum number of rounds of the tables after the first three.
MAX_SIDE_ROUNDS = 3
HIDDEN_WIDTHS = [HIDDEN, WIDTH]
THREADS, THREADS_DTYPES = 2, ["float32", "int8"]
BEST_SET = layer_kernels.available_instruction_sets()[-1]
# Names of rows in the tables of optimisations.
EVERYTHING, ONE_THREAD = "everything on", "everything on, one thread"
COLUMN_ORDER = "rows in the order of the columns"
OFF_LINE, OFF_LINE_BYTES = "rows begin 16 bytes off a cache line", 16
SMALL_PAGES, NO_PREFETCH = "small pages", "no prefetch"
OWN_MEMORY = "as the library allocates them"
LOOK_UP = "one unit: look-up and weighing"
MATRIX, NOT_MERGED = "from a matrix", "from a matrix, repeated terms not merged"
# The reference of a row, if it is not "everything on".
BASES = {NOT_MERGED: MATRIX}
HAS_PAGES = hasattr(mmap, "MADV_NOHUGEPAGE")
# Memory of weights begins at a multiple of this, the size of huge pages on x86-64.
HUGE_PAGE = 1 << 21
# The timed steps of a transform, and the functions that they are.
TOKENS, PROJECT, DENSE = "tokens", "project_tokens", "dense layers"
STEPS = {
    TOKENS: (TermReader, "read"),
    PROJECT: (fused_module, "project_tokens"),
    DENSE: (Network, "finish"),
}
WHOLE, UNFUSED, ONE_UNIT = "whole", "unfused", "one unit"
# Tolerance of unit vectors whose terms were summed in different orders.
SAME_VECTORS = 1e-5
# Cache sizes, for the share of reads that a cache of that size could serve.
CACHE_SIZES = {"1 MB": 1 << 20, "32 MB": 32 << 20}
MEMORY_BYTES, PART_BYTES = 1 << 28, 1 << 23
ROWS_PER_SUM, SUMS_PER_RANGE = 1000, 20
SEQUENTIAL, NEAR = "sequential", "near"
NUMPY, SKLUX = "NumPy", "sklux"
# This fits into the first-level cache of any processor.
NEAR_BYTES = 1 << 14
# A product large enough for NumPy to reach its best speed.
LARGE_PRODUCT = (1024, 1024, 1024)
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn"]


class Layer(Protocol):
    """The first layer."""

    def sums(self, start: int, stop: int) -> np.ndarray:
        """Compute the sums of a range of documents."""


class Stage:
    """A fitted lexical stage, and networks of random weights that follow it."""

    def __init__(self, lexical: LexicalVectorizer, texts: list[str]):
        X = lexical.fit_transform(texts)
        self.lexical = lexical
        self.frequency = np.bincount(X.indices, minlength=X.shape[1])
        self._readers: dict[bool, TermReader] = {}
        self._networks: dict[tuple[int, ...], Network] = {}

    @cached_property
    def weighing(self) -> Weighing:
        """The tf-idf weighting."""
        return fused_parts(self.lexical, None)[1]

    def reader(self, network: Network) -> TermReader:
        """The reader of documents for the row order of a network."""
        key = network.places is None
        if key not in self._readers:
            self._readers[key] = fused_parts(self.lexical, network.places)[0]
        return self._readers[key]

    def in_column_order(self, *widths: int) -> Network:
        """A network of random weights with its rows in the order of the columns."""
        if widths not in self._networks:
            layers = random_layers([len(self.frequency), *widths])
            self._networks[widths] = Network.of(layers)
        return self._networks[widths]

    def network(self, *widths: int) -> Network:
        """A network of random weights with its rows ordered as after a fit."""
        return self.in_column_order(*widths).by_frequency(self.frequency)

    def tied_network(self, width: int) -> Network:
        """The same with tied rows, and a V of the rank that a fit keeps."""
        layers = random_layers([len(self.frequency), width, RANK, width])
        return Network.of(layers, tied=True).by_frequency(self.frequency)


@dataclass(frozen=True)
class TokenLayer:
    """The layer on tokens; ``tokens`` maps the start of a range to its tokens."""

    reader: TermReader
    tokens: dict[int, tuple[Tokens, ...]]
    network: Network
    scratch: FreeList

    def sums(self, start: int, stop: int) -> np.ndarray:
        """Compute the sums of one range."""
        out = np.empty((stop - start, self.network.rows.shape[1]), dtype=np.float32)
        with self.scratch.borrow() as scratch:
            project_tokens(
                scratch,
                self.reader.indexes,
                tuple(part.numbers for part in self.tokens[start]),
                tuple(part.ends for part in self.tokens[start]),
                0,
                out,
            )
        return out


@dataclass(frozen=True)
class MatrixLayer:
    """The layer on the rows of a CSR matrix."""

    X: sparse.csr_matrix
    network: Network

    def sums(self, start: int, stop: int) -> np.ndarray:
        """Compute the sums of a range of rows."""
        out = np.empty((stop - start, self.network.rows.shape[1]), dtype=np.float32)
        layer_kernels.sparse_product(
            self.X.data,
            self.X.indices,
            self.X.indptr[start : stop + 1],
            self.network.places,
            self.network.weight_rows,
            out,
        )
        return out


@dataclass
class Bench:
    """State that all tables share; `pages_note` prints ``huge_shares``."""

    rounds: int
    fit_texts: list[str]
    documents: list[str]
    huge_shares: dict[str, list[float]] = field(default_factory=dict)
    read: dict[int, dict[int, tuple[Tokens, ...]]] = field(default_factory=dict)

    @property
    def side_rounds(self) -> int:
        """Number of rounds of the last tables."""
        return min(self.rounds, MAX_SIDE_ROUNDS)

    @cached_property
    def stage(self) -> Stage:
        """Words and pairs of words."""
        return Stage(LexicalVectorizer(**WORDS, n_jobs=1), self.fit_texts)

    @cached_property
    def block(self) -> TextBuffers:
        """The documents in the form that the kernels read."""
        (block,) = text_buffers(self.documents)
        return block

    @cached_property
    def edges(self) -> list[int]:
        """Bounds of the ranges into which `transform` splits the documents."""
        return range_edges(self.block)

    def tokens(self, reader: TermReader) -> dict[int, tuple[Tokens, ...]]:
        """The tokens of each range in the numbering of a reader, by start."""
        if id(reader) not in self.read:
            analyses = reader.analyses(self.block)
            self.read[id(reader)] = {
                start: reader.read(analyses, self.block, start, stop)
                for start, stop in zip(self.edges[:-1], self.edges[1:])
            }
        return self.read[id(reader)]

    @cached_property
    def X(self) -> sparse.csr_matrix:
        """The matrix of the documents."""
        return self.stage.lexical.transform(self.documents)

    @cached_property
    def X_not_merged(self) -> sparse.csr_matrix:
        """The same matrix, with one entry per occurrence of a term."""
        settings = {**WORDS, "max_features": None, "sublinear_tf": False}
        names = self.stage.lexical.get_feature_names_out()
        counting = LexicalVectorizer(
            **settings, use_idf=False, norm=None, vocabulary=names
        )
        counts = counting.fit_transform(self.documents)
        return not_merged(self.X, counts.data.astype(np.int64))

    @cached_property
    def look_up(self) -> TokenLayer:
        """A layer of one unit: the work of `project_tokens` without the weights."""
        return self.layer(self.stage.network(1))

    def layer(self, network: Network) -> TokenLayer:
        """The first layer of a network, as `transform` runs it."""
        weighing = term_weighing(self.stage.weighing, network)
        reader = self.stage.reader(network)
        scratch = FreeList(partial(Scratch, weighing, network.weight_rows))
        return TokenLayer(reader, self.tokens(reader), network, scratch)

    def note_pages(self, name: str, rows: np.ndarray) -> None:
        """Record the share of weights in huge pages, if the system reports it."""
        share = huge_share(rows)
        if share is not None:
            self.huge_shares.setdefault(name, []).append(share)

    def runner(self, layer: Layer, n_jobs: int = 1) -> Callable[[], None]:
        """Return a function that runs a layer over all documents."""
        costs = range_costs(self.block, self.edges)
        return partial(run_ranges, layer.sums, self.edges, n_jobs, costs)


def main() -> None:
    """Measure, and publish the tables."""
    options = parse_options()
    is_whole = options.documents >= N_DOCUMENTS
    with threadpool_limits(1):
        text = all_tables(make_bench(options))
    publish(
        options.output if is_whole else Path("-"),
        "levers",
        f"{text}\n\n{conditions(PACKAGES)}",
    )


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, PAGE)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument(
        "--documents",
        type=int,
        default=N_DOCUMENTS,
        metavar="N",
        help=f"number of texts to embed (default: {N_DOCUMENTS:,}); with fewer, for a "
        f"quick trial, the terms come from {FIT_FACTOR} times as many texts, and "
        "tables are only printed",
    )
    return parser.parse_args()


def make_bench(options: Namespace) -> Bench:
    """Read the documents."""
    texts = read_corpora(options.data, [MAIN_CORPUS])[0].texts
    limit = FIT_FACTOR * options.documents
    is_whole = options.documents >= N_DOCUMENTS
    fit_texts = texts.train if is_whole else texts.train[:limit]
    documents = drawn(texts.train + texts.test, options.documents)
    return Bench(options.rounds, fit_texts, documents)


def all_tables(bench: Bench) -> str:
    """Make all tables and the text around them."""
    n_bytes, n_terms = utf8_bytes(bench.documents), bench.X.nnz
    n_documents = len(bench.documents)
    introduction = (
        f"{n_documents:,} texts of {n_bytes / n_documents:.0f} bytes with "
        f"{n_terms / n_documents:.0f} known terms each, "
        f"{bench.X_not_merged.nnz / n_documents:.0f} with repeats; "
        f"{bench.X.shape[1]:,} features; one thread unless a table says otherwise; "
        f"{rounds_text(bench.rounds)}, {bench.side_rounds} in the tables after *Where "
        f"the time goes*. The best instruction set of this machine is {BEST_SET}."
    )
    timings = {width: time_optimizations(bench, width) for width in HIDDEN_WIDTHS}
    tables = [
        optimizations_table(
            bench, f"The optimisations, one by one, {width} units", by_dtype
        )
        for width, by_dtype in timings.items()
    ]
    tables += [pages_note(bench), steps_table(bench)]
    tables += [*roofline_tables(bench, timings), threads_table(bench)]
    return "\n\n".join([introduction, *tables])


def microseconds(times: np.ndarray, n_documents: int) -> str:
    """Microseconds per document."""
    return f"{1e6 * np.median(times) / n_documents:.2f}"


def billions(times: np.ndarray, count: int) -> str:
    """GB or GFLOP per second."""
    return f"{count / np.median(times) / 1e9:.1f}"


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.0f} %"


# Optimisations


def time_optimizations(bench: Bench, width: int) -> dict[str, Timing]:
    """Time the first layer, with all optimisations and without each, by dtype."""
    timings = {}
    for dtype, networks in networks_by_dtype(bench, width, WEIGHT_DTYPES):
        progress(f"optimisations, {width} {dtype}")
        layers = {name: bench.layer(network) for name, network in networks.items()}
        layers[MATRIX] = MatrixLayer(bench.X, networks[EVERYTHING])
        layers[NOT_MERGED] = MatrixLayer(bench.X_not_merged, networks[EVERYTHING])
        check_layers(bench, layers)
        layers[LOOK_UP] = bench.look_up
        contenders = {name: bench.runner(layer) for name, layer in layers.items()}
        for name in reversed(layer_kernels.available_instruction_sets()[:-1]):
            contenders[f"instruction set {name}"] = partial(
                with_instruction_set, name, contenders[EVERYTHING]
            )
        timings[dtype] = take_turns(contenders, bench.rounds)
    return timings


def networks_by_dtype(
    bench: Bench, width: int, dtypes: Sequence[str]
) -> Iterator[tuple[str, dict[str, Network]]]:
    """Yield networks of the same weights, with one optimisation undone in each."""
    in_column_order = bench.stage.in_column_order(width)
    by_frequency = in_column_order.by_frequency(bench.stage.frequency)
    for dtype in dtypes:
        network = by_frequency.quantized(dtype)
        bench.note_pages(OWN_MEMORY, network.rows)
        columns = in_column_order.quantized(dtype)
        networks = {
            EVERYTHING: replace(network, rows=copied(network.rows)),
            COLUMN_ORDER: replace(columns, rows=copied(columns.rows)),
            OFF_LINE: replace(network, rows=copied(network.rows, OFF_LINE_BYTES)),
        }
        if HAS_PAGES:
            small = copied(network.rows, huge=False)
            networks[SMALL_PAGES] = replace(network, rows=small)
            bench.note_pages(SMALL_PAGES, small)
        bench.note_pages(EVERYTHING, networks[EVERYTHING].rows)
        networks[NO_PREFETCH] = replace(networks[EVERYTHING])
        networks[NO_PREFETCH].weight_rows.rows_ahead = 0
        yield dtype, networks


def copied(rows: np.ndarray, offset: int = 0, huge: bool = True) -> np.ndarray:
    """Copy rows into memory that begins ``offset`` bytes after a cache line."""
    n_bytes = rows.nbytes + offset
    memory = (
        in_pages(n_bytes, huge) if HAS_PAGES else empty_aligned((n_bytes,), np.uint8)
    )
    copy = memory[offset:].view(rows.dtype).reshape(rows.shape)
    copy[...] = rows
    return copy


def in_pages(n_bytes: int, huge: bool) -> np.ndarray:
    """Allocate memory in huge or small pages, from the start of a huge page."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    # Extra space, to start at a huge page and to fill the last one.
    block = mmap.mmap(-1, n_bytes + 2 * HUGE_PAGE, flags=flags)
    block.madvise(mmap.MADV_HUGEPAGE if huge else mmap.MADV_NOHUGEPAGE)
    memory = np.frombuffer(block, dtype=np.uint8)
    begin = -memory.ctypes.data % HUGE_PAGE
    return memory[begin : begin + n_bytes]


def huge_share(array: np.ndarray) -> float | None:
    """Share of an array in huge pages, as Linux reports it; None on other systems.

    Linux reports whole regions of memory. The share is assumed to be the same in all
    parts of a region that are in use.
    """
    account = Path("/proc/self/smaps")
    if not account.exists():
        return None
    first, last = array.ctypes.data, array.ctypes.data + array.nbytes
    huge, shared, resident = 0.0, 0, 0
    for line in account.read_text().splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            begin, end = (int(bound, 16) for bound in name.split("-"))
            shared = max(0, min(end, last) - max(begin, first))
        elif name == "Rss:":
            resident = int(values[0])
        elif name == "AnonHugePages:" and shared > 0:
            huge += shared * int(values[0]) / resident
    return huge / array.nbytes


def with_instruction_set(name: str, run: Callable[[], None]) -> None:
    """Run a function with another instruction set."""
    layer_kernels.use_instruction_set(name)
    try:
        run()
    finally:
        layer_kernels.use_instruction_set(BEST_SET)


def not_merged(X: sparse.csr_matrix, counts: np.ndarray) -> sparse.csr_matrix:
    """Split each value by its count; the values of a row are in random order."""
    rows = np.repeat(np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), counts)
    order = np.lexsort((np.random.default_rng(0).random(len(rows)), rows))
    data = np.repeat(X.data / counts.astype(np.float32), counts)[order]
    indices = np.repeat(X.indices, counts)[order]
    indptr = np.searchsorted(rows, np.arange(X.shape[0] + 1)).astype(indices.dtype)
    return sparse.csr_matrix((data, indices, indptr), shape=X.shape)


def check_layers(bench: Bench, layers: dict[str, Layer]) -> None:
    """Raise an error unless the sums of all layers have the same direction."""
    vectors = {}
    for name, layer in layers.items():
        vectors[name] = layer.sums(*bench.edges[:2])
        layer_kernels.unit_rows(vectors[name], False)
    for name, values in vectors.items():
        expected = vectors[EVERYTHING]
        if np.abs(values - expected).max() > SAME_VECTORS:
            raise RuntimeError(f"The layer {name!r} gives different sums.")


def optimizations_table(bench: Bench, title: str, timings: dict[str, Timing]) -> str:
    """Times by optimisation and dtype, and the ratios to "everything on"."""
    names = list(next(iter(timings.values())).seconds)
    header = ["", *(cell for kind in timings for cell in (f"{kind}, us", "x"))]
    rows = []
    for name in names:
        row = [name]
        for timing in timings.values():
            times = timing.seconds[name]
            base = timing.seconds[BASES.get(name, EVERYTHING)]
            row += [microseconds(times, len(bench.documents)), as_long(times, base)]
        rows.append(row)
    bases = [
        f" (for *{name}*: relative to *{BASES[name]}*)"
        for name in names
        if name in BASES
    ]
    others = max(timing.others for timing in timings.values())
    return (
        f"**{title}**; us: microseconds per text; x: time relative to *{EVERYTHING}*"
        f"{''.join(bases)}\n\n"
        f"{markdown_table(header, rows)}\n\n{Timing({}, others).note}"
    )


def as_long(times: np.ndarray, base: np.ndarray) -> str:
    """Time relative to a reference."""
    return f"{np.median(times / base):.2f}"


def pages_note(bench: Bench) -> str:
    """A sentence on the share of the weights in huge pages."""
    if not HAS_PAGES:
        return "On this system a program cannot choose the size of pages."
    shares = [
        f"{name}, {100 * min(values):.0f} to {percent(max(values))}"
        for name, values in bench.huge_shares.items()
    ]
    return f"Share of the weights in huge pages: {'; '.join(shares)}."


# Steps


def steps_table(bench: Bench) -> str:
    """Times of the steps of whole transforms."""
    progress("steps")
    lexical = default_lexical_stage()
    lexical.set_params(n_jobs=1, position_weight=POSITION_WEIGHT)
    words, default = bench.stage, Stage(lexical, bench.fit_texts)
    stages = {
        f"words, {HIDDEN}-{WIDTH}": (words, words.network(HIDDEN, WIDTH)),
        f"default, tied, {WIDTH}": (default, default.tied_network(WIDTH)),
    }
    timing = time_steps(bench, stages)
    header = ["", WHOLE, TOKENS, f"`{PROJECT}`", "of which the first layer"]
    header += [DENSE, REST, UNFUSED, "x, unfused = 1", "x, float32 = 1"]
    rows = []
    for kind in stages:
        for dtype in WEIGHT_DTYPES:
            cells = steps_cells(timing.seconds, kind, dtype, len(bench.documents))
            rows.append([f"{kind}, {dtype}", *cells])
    return (
        "**Where the time goes**, microseconds per text; x: speed relative to unfused, "
        "or to float32\n\n"
        f"{markdown_table(header, rows)}\n\n{timing.note}"
    )


def steps_cells(
    seconds: dict[tuple[str, str, str], np.ndarray],
    kind: str,
    dtype: str,
    n_documents: int,
) -> list[str]:
    """Times and ratios of one model."""
    whole, tokens, project, dense, rest, unfused = (
        seconds[kind, dtype, step]
        for step in (WHOLE, TOKENS, PROJECT, DENSE, REST, UNFUSED)
    )
    first_layer = project - seconds[kind, ONE_UNIT, PROJECT]
    parts = [whole, tokens, project, first_layer, dense, rest, unfused]
    rivals = [unfused, seconds[kind, "float32", WHOLE]]
    return [microseconds(times, n_documents) for times in parts] + [
        ratio(whole, times) for times in rivals
    ]


def time_steps(bench: Bench, stages: dict[str, tuple[Stage, Network]]) -> Timing:
    """Time the steps; seconds by stage, dtype and step."""
    paths = {}
    for kind, (stage, network) in stages.items():
        networks = {dtype: network.quantized(dtype) for dtype in WEIGHT_DTYPES}
        networks[ONE_UNIT] = stage.network(1)
        for name, network in networks.items():
            paths[kind, name] = two_paths(stage, network, bench.documents)
    clock = Clock(STEPS)

    def one_round() -> list[float]:
        seconds = []
        for fused, unfused in paths.values():
            steps = clock.measure(fused)
            seconds += [*steps, sum(steps), seconds_of(unfused)]
        return seconds

    steps = [*STEPS, REST, WHOLE, UNFUSED]
    names = [(*key, step) for key in paths for step in steps]
    return quiet_rounds(names, one_round, bench.rounds)


def two_paths(
    stage: Stage, network: Network, documents: list[str]
) -> tuple[Callable[[], np.ndarray], Callable[[], np.ndarray]]:
    """Return the fused and the unfused transform, after a check that they agree."""
    transform = FusedTransform(stage.reader(network), stage.weighing, network)
    transform.in_one_call = False

    def fused() -> np.ndarray:
        return transform(text_buffers(documents), 1)

    def unfused() -> np.ndarray:
        return apply_network(stage.lexical.transform(documents), network, 1)

    if np.abs(fused() - unfused()).max() > SAME_VECTORS:
        raise RuntimeError("The fused and the unfused transform give other vectors.")
    return fused, unfused


# Roofline


def roofline_tables(bench: Bench, timings: dict[int, dict[str, Timing]]) -> list[str]:
    """Speed of the first layer, of memory and of the processor."""
    progress("roofline")
    networks = {
        (width, dtype): network.quantized(dtype)
        for width, network in ((w, bench.stage.network(w)) for w in HIDDEN_WIDTHS)
        for dtype in WEIGHT_DTYPES
    }
    n_sums = -(-bench.X.nnz // ROWS_PER_SUM)
    memory = take_turns(memory_contenders(networks, n_sums), bench.side_rounds)
    shapes = [LARGE_PRODUCT]
    shapes += [(bench.edges[1], width, WIDTH) for width in HIDDEN_WIDTHS]
    products = take_turns(product_contenders(shapes), bench.side_rounds)
    peak = max(
        operations(shape) / np.median(products.seconds[NUMPY, shape])
        for shape in shapes
    )
    return [
        layer_table(bench, timings, networks, peak),
        memory_table(memory, networks, n_sums),
        product_table(products, peak),
    ]


def row_bytes(network: Network) -> int:
    """Bytes of the weight row of a term."""
    return network.rows.shape[1] * network.rows.itemsize


def operations(shape: tuple[int, int, int]) -> int:
    """Number of multiplications and additions in a matrix product."""
    n_rows, n_in, n_out = shape
    return 2 * n_rows * n_in * n_out


def layer_table(
    bench: Bench,
    timings: dict[int, dict[str, Timing]],
    networks: dict[tuple[int, str], Network],
    peak: float,
) -> str:
    """Bytes that the first layer reads, and operations, per second."""
    header = ["", "rows, KB per text", "us per text", "GB/s", "GFLOP/s"]
    header += ["of NumPy's best"]
    header += [f"read from the first {size}" for size in CACHE_SIZES]
    n_terms, n_documents = bench.X.nnz, len(bench.documents)
    rows = []
    for (width, dtype), network in networks.items():
        seconds = timings[width][dtype].seconds
        times = seconds[EVERYTHING] - seconds[LOOK_UP]
        n_bytes, n_operations = n_terms * row_bytes(network), 2 * n_terms * width
        begins = network.places[bench.X.indices].astype(np.int64) * row_bytes(network)
        rows.append(
            [
                f"{width} units, {dtype}",
                f"{n_bytes / n_documents / 1e3:.1f}",
                microseconds(times, n_documents),
                billions(times, n_bytes),
                billions(times, n_operations),
                percent(n_operations / np.median(times) / peak),
                *(percent((begins < size).mean()) for size in CACHE_SIZES.values()),
            ]
        )
    return (
        f"**The first layer alone**; of NumPy's best: share of the GFLOP/s of NumPy's "
        f"fastest product below\n\n{markdown_table(header, rows)}"
    )


def memory_contenders(
    networks: dict[tuple[int, str], Network], n_sums: int
) -> dict[tuple[Hashable, object], Callable[[], None]]:
    """Contenders that read memory sequentially, random rows, and a few rows."""
    values = np.ones(MEMORY_BYTES // 4, dtype=np.float32)
    parts = list(range(0, len(values) + 1, PART_BYTES // 4))

    def dot(start: int, stop: int) -> None:
        np.dot(values[start:stop], values[start:stop])

    contenders = {
        (SEQUENTIAL, n_jobs): partial(run_ranges, dot, parts, n_jobs)
        for n_jobs in (1, THREADS)
    }
    edges = [*range(0, n_sums, SUMS_PER_RANGE), n_sums]
    for case, network in networks.items():
        network = replace(network, places=None)
        far = MatrixLayer(random_rows(n_sums, network.n_features), network)
        n_near = min(NEAR_BYTES // row_bytes(network), network.n_features)
        near = MatrixLayer(random_rows(n_sums, n_near), network)
        for n_jobs in (1, THREADS):
            contenders[case, n_jobs] = partial(run_ranges, far.sums, edges, n_jobs)
        contenders[case, NEAR] = partial(run_ranges, near.sums, edges, 1)
    return contenders


def random_rows(n_sums: int, n_rows: int) -> sparse.csr_matrix:
    """A matrix of sums of rows, drawn from the first ``n_rows`` rows."""
    random = np.random.default_rng(0)
    indptr = np.arange(0, (n_sums + 1) * ROWS_PER_SUM, ROWS_PER_SUM, dtype=np.int32)
    indices = random.integers(n_rows, size=indptr[-1], dtype=np.int32)
    values = np.ones(indptr[-1], dtype=np.float32)
    return sparse.csr_matrix((values, indices, indptr), shape=(n_sums, n_rows))


def memory_table(
    timing: Timing, networks: dict[tuple[int, str], Network], n_sums: int
) -> str:
    """GB read per second."""
    kinds = [1, THREADS]
    header = ["GB/s", "MB in total", "one thread", f"{THREADS} threads"]
    header += ["few rows, one thread"]
    speeds = [
        billions(timing.seconds[SEQUENTIAL, kind], MEMORY_BYTES) for kind in kinds
    ]
    rows = [
        ["sequential, NumPy's dot product", f"{MEMORY_BYTES / 1e6:.0f}", *speeds, "-"]
    ]
    for (width, dtype), network in networks.items():
        n_bytes = n_sums * ROWS_PER_SUM * row_bytes(network)
        name = f"random rows, {width} units, {dtype}"
        cells = [
            billions(timing.seconds[(width, dtype), kind], n_bytes)
            for kind in [*kinds, NEAR]
        ]
        rows.append([name, f"{network.rows.nbytes / 1e6:.0f}", *cells])
    return (
        f"**Memory bandwidth**; few rows: {NEAR_BYTES // 1024} KB of rows\n\n"
        f"{markdown_table(header, rows)}\n\n{timing.note}"
    )


def product_contenders(
    shapes: list[tuple[int, int, int]],
) -> dict[tuple[str, tuple[int, int, int]], Callable[[], None]]:
    """Matrix products by NumPy and by the kernel of the dense layers."""
    random = np.random.default_rng(0)
    contenders = {}
    for n_rows, n_in, n_out in shapes:
        H = random.standard_normal((n_rows, n_in), dtype=np.float32)
        weights = random.standard_normal((n_in, n_out), dtype=np.float32)
        out = np.empty((n_rows, n_out), dtype=np.float32)
        for name, product in ((NUMPY, np.matmul), (SKLUX, layer_kernels.dense_product)):
            contenders[name, (n_rows, n_in, n_out)] = partial(product, H, weights, out)
    return contenders


def product_table(timing: Timing, peak: float) -> str:
    """Speed of matrix products."""
    rows = []
    for (name, shape), times in timing.seconds.items():
        sizes = " x ".join(f"{size:,}" for size in shape)
        share = operations(shape) / np.median(times) / peak
        speed = billions(times, operations(shape))
        rows.append([f"{name}, {sizes}", speed, percent(share)])
    header = ["matrix product", "GFLOP/s", "of NumPy's best"]
    return (
        "**Processor speed**, one thread\n\n"
        f"{markdown_table(header, rows)}\n\n{timing.note}"
    )


# Threads


def threads_table(bench: Bench) -> str:
    """The optimisations that affect memory reads, with two threads."""
    timings = {}
    for width in HIDDEN_WIDTHS:
        for dtype, networks in networks_by_dtype(bench, width, THREADS_DTYPES):
            progress(f"{THREADS} threads, {width} {dtype}")
            del networks[OFF_LINE]
            contenders = {
                name: bench.runner(bench.layer(network), THREADS)
                for name, network in networks.items()
            }
            contenders[ONE_THREAD] = bench.runner(bench.layer(networks[EVERYTHING]))
            timings[f"{width}, {dtype}"] = take_turns(contenders, bench.side_rounds)
    return optimizations_table(
        bench, f"The optimisations with {THREADS} threads", timings
    )


if __name__ == "__main__":
    main()
