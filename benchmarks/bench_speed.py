"""Speed of embedding documents, compared with packages for the same task.

The parts, each with one or more tables:

- headline: 10,000 texts drawn from the main corpus, on the whole machine and on one
  thread; then the goals that were set in advance. The contenders:

  - sklux with words and pairs of words, 200,000 features, layers 128 and 256; and with
    the default stages (words plus word pieces, 256 tied units); both with weights of
    float32, float16 and int8;
  - luxical with as many features of the same n-gram order (of its own word pieces), the
    same layers, random weights; and with the shape of the model in its paper: n-grams
    of up to five pieces, layers 96, 3072, 3072 and 192. sklux also runs two of these
    luxical models, and gives the same vectors;
  - model2vec and sentence-transformers' StaticEmbedding with 256 random values for each
    of the teacher's word pieces;
  - fastText with 100 dimensions: words and pairs of words if trained on labels, words
    only as skip-gram;
  - TfidfVectorizer and HashingVectorizer with the words of sklux, up to the sparse
    matrix;
  - all-MiniLM-L6-v2, the teacher itself, on fewer texts;

- texts: short, medium and long texts;
- sweeps: speed by features, width, n-gram order, texts per call, and threads;
- dense: the dense layers of luxical's paper, compared with NumPy's product of the same
  matrices;
- memory: peak memory of a call on all texts, in fresh processes;
- opening: time to load a model, and to embed the first text.

The values of the weights do not affect the time: students have the terms of the whole
corpus, but were fitted to noise. Each contender's vectors are checked once, for shape,
finite values, and unit length if the contender promises it.

The contenders of a table take turns in each of several rounds, after a round that
does not count. In a round, calls of less than 0.3 seconds are repeated and their
median counts. Rounds that other processes disturbed are run again. Speeds are
medians over the rounds; a ratio is the median of the ratios of the rounds. MB are
millions of bytes; for text, bytes of UTF-8. "One thread" means that all libraries are
set to one thread, and that the process is bound to one core. bench_lexical.py explains
how memory is measured; the second figure is the peak minus the memory before the model
is loaded, so it includes the packages that the model needs.

Needs sklux with its extra `benchmark`. It takes 15 to 25 minutes on 2 idle cores:

    python benchmarks/bench_speed.py

To run only some parts:

    python benchmarks/bench_speed.py --parts headline memory
"""

import logging
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import numpy as np
from _corpora import (
    MAIN_CORPUS,
    Corpus,
    add_data_option,
    installed_docstrings,
    other_documents,
    read_corpora,
    read_main,
    shuffled,
    utf8_bytes,
)
from _memory import peak_memory
from _models import (
    DEFAULT_HIDDEN,
    DTYPES,
    FASTTEXT,
    FASTTEXT_WIDTH,
    HASHING,
    HIDDEN,
    LUXICAL,
    LUXICAL_ONE,
    LUXICAL_ONE_ORDER,
    LUXICAL_PAPER,
    LUXICAL_WIDE,
    MODEL2VEC,
    ONE,
    SKIPGRAM,
    SPEED_TITLE,
    STATIC,
    TEACHER,
    TFIDF,
    WHOLE,
    WIDTH,
    WORDS,
    FastText,
    LuxicalModel,
    StaticModel,
    StaticSentences,
    Transformer,
    batches,
    build_luxical,
    hashing_vectorizer,
    one_thread,
    plain,
    random_layers,
    random_vectors,
    untrained_student,
    with_layers,
)
from _report import add_output_option, conditions, markdown_table, publish
from _turns import (
    Timing,
    megabytes,
    progress,
    ratio,
    rounds_text,
    run_fresh,
    speed,
    spread,
    take_turns,
)
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux._student.network import Network, apply_network

N_DOCUMENTS = 10_000
# Texts that the teacher embeds per round, which takes seconds.
N_TEACHER = 100
# With fewer documents than N_DOCUMENTS, models are fitted on this many times as many.
FIT_FACTOR = 5
# Maximum number of rounds in parts with many contenders.
MAX_SIDE_ROUNDS = 3
TEACHER_WIDTH = 384
# Maximum; the corpus may have fewer n-grams.
LUXICAL_ONE_FEATURES = 500_000
RIVALS = [LUXICAL, MODEL2VEC, FASTTEXT]
# Required speed relative to a rival, by threads, contender and rival.
FLOORS = [
    (WHOLE, "sklux, words, float32", LUXICAL, 30),
    (WHOLE, "sklux, words, float16", LUXICAL, 50),
    (WHOLE, "sklux, words, int8", LUXICAL, 60),
    (WHOLE, "sklux, default, int8", LUXICAL, 30),
    (WHOLE, "sklux, words, float32", MODEL2VEC, 25),
    (WHOLE, "sklux, default, int8", MODEL2VEC, 24),
    (WHOLE, f"sklux, file of {LUXICAL_PAPER}", LUXICAL_PAPER, 2.5),
    (ONE, "sklux, words, float32", FASTTEXT, 2),
    (ONE, "sklux, words, float16", FASTTEXT, 3.5),
    (ONE, "sklux, words, int8", FASTTEXT, 3.5),
    (ONE, "sklux, default, int8", FASTTEXT, 2.4),
]
# Maximum number of features, and n-gram order; words and pairs are less than a million.
FEATURES = [(50_000, 2), (200_000, 2), (500_000, 2)]
FEATURES += [(500_000, 3), (1_000_000, 3), (2_000_000, 3)]
WIDTHS = [64, 128, 256, 384, 512, 1024]
ORDERS = [1, 2, 3, 4, 5]
BATCH_SIZES = [1, 8, 64, 512, 4096]
# Dtype and threads of the columns in tables of settings.
SETTINGS = [("float32", 1), ("float32", 2), ("float16", 1), ("int8", 1)]
# Rows of the input of the dense layers, and of the table in which they are looked up.
N_DENSE_ROWS, N_DENSE_FEATURES = 2048, 1000
DENSE_GOAL = 0.8
# Docstrings with at least this many characters count as long.
MIN_LONG = 1000
# Tolerance between vectors of the same model, computed by luxical and by sklux.
SAME_VECTORS = 1e-5
# Prints the seconds to load a file, and twice the seconds to embed a text.
OPENING_PROGRAM = """
import sys
from ast import literal_eval
from time import perf_counter
from sklux import LuxicalVectorizer
path, options, text = sys.argv[1], literal_eval(sys.argv[2]), sys.argv[3]
times = [perf_counter()]
model = LuxicalVectorizer.load(path, **options)
times.append(perf_counter())
for _ in range(2):
    model.transform([text])
    times.append(perf_counter())
print(*(stop - start for start, stop in zip(times[:-1], times[1:])))
"""
MAPPED = {"mmap_mode": "r", "verify": False}
# Dtype of the weights, and options of `load`.
OPENINGS = [("float32", {}), ("float32", {"mmap_mode": "r"})]
OPENINGS += [("float32", MAPPED), ("int8", MAPPED)]
PACKAGES = [
    "sklux",
    "luxical",
    "model2vec",
    "fasttext-community",
    "sentence-transformers",
    "tokenizers",
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
    "torch",
]


@dataclass(frozen=True)
class Contender:
    """A function that embeds documents, and the expected shape of its vectors."""

    transform: Callable[[list[str]], object]
    documents: list[str] = field(repr=False)
    width: int
    has_unit_rows: bool = True

    def run(self) -> object:
        """Embed the documents."""
        return self.transform(self.documents)


@dataclass
class Bench:
    """State that all parts share: options, the main corpus, and reused models.

    ``models`` is a folder for model files.
    """

    folder: Path
    rounds: int
    n_documents: int
    models: Path

    @property
    def is_whole(self) -> bool:
        """Whether the tables can be published."""
        return self.n_documents >= N_DOCUMENTS

    @cached_property
    def corpus(self) -> Corpus:
        """The main corpus."""
        return read_corpora(self.folder, [MAIN_CORPUS])[0]

    @cached_property
    def fit_texts(self) -> list[str]:
        """Texts from which the terms are learnt."""
        return self.shortened(self.corpus.texts.train)

    @cached_property
    def documents(self) -> list[str]:
        """Texts to embed."""
        texts = self.corpus.texts
        return shuffled(texts.train + texts.test, self.n_documents)

    @cached_property
    def words(self) -> dict[str, LuxicalVectorizer]:
        """Students of words and pairs of words, by the dtype of their weights."""
        return quantized(word_student(self.fit_texts))

    @cached_property
    def default(self) -> dict[str, LuxicalVectorizer]:
        """Students with the default stages, by the dtype of their weights."""
        return quantized(untrained_student(self.fit_texts))

    @cached_property
    def luxical(self) -> dict[str, LuxicalModel]:
        """Luxical models of word pieces and pairs of pieces, by name."""
        order, size = WORDS["ngram_range"][1], WORDS["max_features"]
        embedder = build_luxical(self.fit_texts, order, size, [HIDDEN, WIDTH])
        widths = [len(embedder.recognized_ngrams), DEFAULT_HIDDEN, WIDTH]
        wide = with_layers(embedder, random_layers(widths))
        return {
            LUXICAL: self.saved(LUXICAL, embedder),
            LUXICAL_WIDE: self.saved(LUXICAL_WIDE, wide),
        }

    @cached_property
    def luxical_paper(self) -> LuxicalModel:
        """A luxical model with the shape of the model in its paper."""
        shape = (LUXICAL_ONE_ORDER, LUXICAL_ONE_FEATURES, LUXICAL_ONE)
        return self.saved(LUXICAL_PAPER, build_luxical(self.fit_texts, *shape))

    def saved(self, name: str, embedder) -> LuxicalModel:
        """Save a model to a file that sklux and fresh processes can read."""
        path = self.models / f"{name}.npz"
        embedder.save(path)
        return LuxicalModel(path)

    @property
    def side_rounds(self) -> int:
        """Number of rounds in parts with many contenders."""
        return min(self.rounds, MAX_SIDE_ROUNDS)

    def shortened(self, texts: list[str]) -> list[str]:
        """All texts, or only some of them in a quick trial."""
        return texts if self.is_whole else texts[: FIT_FACTOR * self.n_documents]


def main() -> None:
    """Run the parts and publish each table as soon as it is finished."""
    options = parse_options()
    logging.disable(logging.WARNING)
    with TemporaryDirectory() as models:
        bench = Bench(options.data, options.rounds, options.documents, Path(models))
        page = options.output if bench.is_whole else Path("-")
        for name in options.parts:
            start = perf_counter()
            text = f"{PARTS[name](bench)}\n\n{conditions(PACKAGES)}"
            publish(page, f"speed-{name}", text)
            progress(f"part {name}: {perf_counter() - start:.0f} s")


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
        help="parts to run (default: all); each writes its own tables into the page",
    )
    parser.add_argument(
        "--documents",
        type=int,
        default=N_DOCUMENTS,
        metavar="N",
        help=f"number of texts to embed (default: {N_DOCUMENTS:,}); with fewer, for a "
        f"quick trial, models are fitted on {FIT_FACTOR} times as many texts, and "
        "tables are only printed",
    )
    return parser.parse_args()


# Models


def word_student(
    texts: list[str], hidden: int = HIDDEN, **changed: object
) -> LuxicalVectorizer:
    """A student of words and pairs of words, with some settings changed."""
    lexical = LexicalVectorizer(**WORDS | changed)
    return untrained_student(texts, lexical, (hidden,), WIDTH)


def quantized(student: LuxicalVectorizer) -> dict[str, LuxicalVectorizer]:
    """A student with its weights in each dtype."""
    return {dtype: student.quantize(dtype) for dtype in DTYPES}


def with_threads(student: LuxicalVectorizer, n_jobs: int) -> Callable:
    """The `transform` of a student with ``n_jobs`` threads."""
    return copy(student).set_params(n_jobs=n_jobs).transform


# Checks


def check(contenders: dict[str, Contender]) -> None:
    """Raise an error if the vectors of a contender are not as expected."""
    for name, contender in contenders.items():
        vectors = contender.run()
        wanted = (len(contender.documents), contender.width)
        if vectors.shape != wanted:
            raise RuntimeError(f"{name} gives shape {vectors.shape}, not {wanted}.")
        values = vectors.data if sparse.issparse(vectors) else np.asarray(vectors)
        if not np.isfinite(values).all():
            raise RuntimeError(f"{name} gives values that are not finite.")
        if contender.has_unit_rows:
            check_lengths(name, vectors)


def check_lengths(name: str, vectors) -> None:
    """Raise an error unless rows have unit length; at most a tenth may be zero."""
    if sparse.issparse(vectors):
        lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    else:
        lengths = np.linalg.norm(np.asarray(vectors, dtype=np.float32), axis=1)
    is_zero = lengths == 0
    if is_zero.mean() > 0.1 or np.abs(lengths[~is_zero] - 1).max(initial=0) > 2e-3:
        raise RuntimeError(f"{name} gives rows that do not have unit length.")


def check_threads(name: str, contender: Contender) -> None:
    """Raise an error if a contender uses more than one core."""
    start, used = perf_counter(), process_time()
    contender.run()
    used, passed = process_time() - used, perf_counter() - start
    # The clock of processor time is coarse.
    if used > 1.1 * passed + 0.05:
        raise RuntimeError(f"{name} used {used / passed:.2f} cores, not one.")


def check_agreement(name: str, vectors: np.ndarray, others: np.ndarray) -> None:
    """Raise an error unless the rows of two dtypes have similar directions."""
    cosines = np.einsum("ij,ij->i", vectors, others)
    is_zero = ~others.any(axis=1)
    if np.median(cosines[~is_zero]) < 0.99:
        raise RuntimeError(f"The vectors of {name} differ from float32.")


# Part headline


def part_headline(bench: Bench) -> str:
    """Compare all contenders on the whole machine and on one thread, and the goals."""
    students, rivals = headline_students(bench), headline_rivals(bench)
    timings = {}
    for threads, n_jobs in ((WHOLE, os.cpu_count()), (ONE, 1)):
        own = {
            name: Contender(with_threads(student, n_jobs), bench.documents, width)
            for name, (student, width) in students.items()
        }
        progress(threads)
        with one_thread() if n_jobs == 1 else nullcontext():
            timings[threads] = headline_timing(own | rivals, n_jobs, bench.rounds)
    tables = [
        f"**{SPEED_TITLE}, {threads}**\n\n{headline_table(bench, timing)}\n\n"
        f"{timing.note}"
        for threads, timing in timings.items()
    ]
    tables.append(f"**Goals**\n\n{floor_table(timings)}")
    n_features = {
        name: student.projection_.n_features_in_
        for name, (student, _) in students.items()
        if not name.endswith(tuple(DTYPES[1:]))
    }
    facts = ", ".join(f"{count:,} ({name})" for name, count in n_features.items())
    introduction = f"{introduction_to(bench, bench.rounds)} Features: {facts}."
    return "\n\n".join([introduction, *tables])


def headline_students(bench: Bench) -> dict[str, tuple[LuxicalVectorizer, int]]:
    """Students of sklux, and the width of their vectors, by name."""
    from sklux.interop import load_luxical

    students = {}
    for kind, models in {"words": bench.words, "default": bench.default}.items():
        documents = bench.documents[:N_TEACHER]
        expected = models[DTYPES[0]].transform(documents)
        for dtype, student in models.items():
            name = f"sklux, {kind}, {dtype}"
            check_agreement(name, student.transform(documents), expected)
            students[name] = (student, WIDTH)
    for name, model, width in (
        (LUXICAL, bench.luxical[LUXICAL], WIDTH),
        (LUXICAL_PAPER, bench.luxical_paper, LUXICAL_ONE[-1]),
    ):
        student = load_luxical(model.path)
        documents = bench.documents[:N_TEACHER]
        difference = np.abs(student.transform(documents) - model.transform(documents))
        if difference.max() > SAME_VECTORS:
            raise RuntimeError(f"sklux and luxical differ by {difference.max()}.")
        students[f"sklux, file of {name}"] = (student, width)
    return students


def headline_rivals(bench: Bench) -> dict[str, Contender]:
    """Contenders of other packages, by name."""
    documents, vectors = bench.documents, random_vectors(WIDTH)
    tfidf = TfidfVectorizer(**WORDS).fit(bench.fit_texts)
    hashing = hashing_vectorizer()
    labels = bench.corpus.labels[0][: len(bench.fit_texts)]
    fasttext = FastText(bench.fit_texts, labels, 1, os.cpu_count())
    skipgram = FastText(bench.fit_texts, None, 1, os.cpu_count())
    lines = plain(documents)
    contenders = {
        name: Contender(model.transform, documents, WIDTH)
        for name, model in bench.luxical.items()
    }
    paper = bench.luxical_paper.transform
    width = len(tfidf.vocabulary_)
    return contenders | {
        LUXICAL_PAPER: Contender(paper, documents, LUXICAL_ONE[-1]),
        MODEL2VEC: Contender(StaticModel(vectors).transform, documents, WIDTH),
        STATIC: Contender(StaticSentences(vectors).transform, documents, WIDTH, False),
        FASTTEXT: Contender(fasttext.transform, lines, FASTTEXT_WIDTH, False),
        SKIPGRAM: Contender(skipgram.transform, lines, FASTTEXT_WIDTH, False),
        TFIDF: Contender(tfidf.transform, documents, width),
        HASHING: Contender(hashing.transform, documents, hashing.n_features),
        TEACHER: Contender(
            Transformer().transform, documents[:N_TEACHER], TEACHER_WIDTH
        ),
    }


def headline_timing(
    contenders: dict[str, Contender], n_jobs: int, n_rounds: int
) -> Timing:
    """Check the contenders, then time them; seconds for all documents."""
    check(contenders)
    if n_jobs == 1:
        for name, contender in contenders.items():
            check_threads(name, contender)
    timing = take_turns(
        {name: contender.run for name, contender in contenders.items()}, n_rounds
    )
    n_documents = max(len(contender.documents) for contender in contenders.values())
    for name, contender in contenders.items():
        timing.seconds[name] *= n_documents / len(contender.documents)
    return timing


def headline_table(bench: Bench, timing: Timing) -> str:
    """Speeds, and ratios to some rivals."""
    n_documents, n_bytes = len(bench.documents), utf8_bytes(bench.documents)
    header = ["", "docs/s", "slowest - fastest round", "MB/s"]
    header += [f"x {rival}" for rival in RIVALS]
    rows = [
        [
            name,
            speed(times, n_documents),
            spread(times, n_documents),
            megabytes(times, n_bytes),
            *(ratio(times, timing.seconds[rival]) for rival in RIVALS),
        ]
        for name, times in timing.seconds.items()
    ]
    return markdown_table(header, rows)


def floor_table(timings: dict[str, Timing]) -> str:
    """The goals, and the measured ratios."""
    rows = []
    for threads, name, rival, goal in FLOORS:
        seconds = timings[threads].seconds
        ratios = seconds[rival] / seconds[name]
        rows.append(
            [
                f"{name}: x {rival}, {threads}",
                f"{goal}",
                f"{np.median(ratios):.1f}",
                f"{ratios.min():.1f} - {ratios.max():.1f}",
                "yes" if np.median(ratios) >= goal else "no",
            ]
        )
    header = ["", "goal", "median", "rounds", "reached"]
    return markdown_table(header, rows)


def introduction_to(bench: Bench, n_rounds: int) -> str:
    """A sentence on the texts and rounds of a part."""
    size = utf8_bytes(bench.documents) / len(bench.documents)
    return (
        f"{len(bench.documents):,} texts of {bench.corpus.name}, {size:.0f} bytes "
        f"each; {rounds_text(n_rounds)}."
    )


# Part texts


def part_texts(bench: Bench) -> str:
    """Compare short, medium and long texts; models are fitted on the whole corpus."""
    header = ["corpus", "texts", "bytes per text", "", "docs/s", "MB/s"]
    header += [f"x {LUXICAL}", f"x {TFIDF}"]
    rows, others = [], 0.0
    for name, texts in text_corpora(bench):
        progress(f"  {name}")
        documents = shuffled(texts, bench.n_documents)
        contenders = text_contenders(bench.shortened(texts), documents)
        check(contenders)
        timing = take_turns(
            {name: contender.run for name, contender in contenders.items()},
            bench.side_rounds,
        )
        others = max(others, timing.others)
        n_bytes = utf8_bytes(documents)
        facts = [name, f"{len(documents):,}", f"{n_bytes / len(documents):.0f}"]
        rows += [
            [
                *facts,
                contender,
                speed(times, len(documents)),
                megabytes(times, n_bytes),
                ratio(times, timing.seconds[LUXICAL]),
                ratio(times, timing.seconds[TFIDF]),
            ]
            for contender, times in timing.seconds.items()
        ]
    return (
        "**Texts of other lengths**, whole machine, "
        f"{rounds_text(bench.side_rounds)}\n\n"
        f"{markdown_table(header, rows)}\n\n{Timing({}, others).note}"
    )


def text_corpora(bench: Bench) -> Iterator[tuple[str, list[str]]]:
    """Yield names and texts of corpora, the shortest texts first."""
    texts = bench.corpus.texts
    corpora = {bench.corpus.name: texts.train + texts.test}
    corpora |= dict(other_documents(bench.folder))
    corpora["docstrings"] = installed_docstrings(
        n_paragraphs=MIN_LONG, min_characters=MIN_LONG
    ).data
    yield from sorted(corpora.items(), key=lambda item: np.mean([*map(len, item[1])]))


def text_contenders(texts: list[str], documents: list[str]) -> dict[str, Contender]:
    """Models that are fitted on texts, to embed documents."""
    students = {
        f"sklux, words, {dtype}": student
        for dtype, student in quantized(word_student(texts)).items()
    }
    students["sklux, default, float32"] = untrained_student(texts).quantize("float32")
    contenders = {
        name: Contender(with_threads(student, os.cpu_count()), documents, WIDTH)
        for name, student in students.items()
    }
    order, size = WORDS["ngram_range"][1], WORDS["max_features"]
    luxical = build_luxical(texts, order, size, [HIDDEN, WIDTH])
    tfidf = TfidfVectorizer(**WORDS).fit(texts)
    return contenders | {
        LUXICAL: Contender(luxical, documents, WIDTH),
        MODEL2VEC: Contender(
            StaticModel(random_vectors(WIDTH)).transform, documents, WIDTH
        ),
        TFIDF: Contender(tfidf.transform, documents, len(tfidf.vocabulary_)),
    }


# Part sweeps


def part_sweeps(bench: Bench) -> str:
    """Make tables of speed by settings and inputs."""
    tables = [features_table, width_table, order_table]
    tables += [threads_table, batch_table, single_table]
    introduction = (
        f"{introduction_to(bench, bench.side_rounds)} Words, layers {HIDDEN} and "
        f"{WIDTH}, {WORDS['max_features']:,} features unless a table says otherwise."
    )
    return "\n\n".join([introduction, *(table(bench) for table in tables)])


def features_table(bench: Bench) -> str:
    """Speed by the number of features."""
    cases = {
        f"{size:,}, (1, {order})": {"max_features": size, "ngram_range": (1, order)}
        for size, order in FEATURES
    }
    table = settings_table(bench, "`max_features`, `ngram_range`", cases)
    return f"**Features**\n\n{table}"


def width_table(bench: Bench) -> str:
    """Speed by the width of the first layer, which is the length of a weight row."""
    cases = {f"{width:,}": {"hidden": width} for width in WIDTHS}
    return f"**Width of the first layer**\n\n{settings_table(bench, 'units', cases)}"


def order_table(bench: Bench) -> str:
    """Speed by the maximum order of the n-grams."""
    cases = {f"(1, {order})": {"ngram_range": (1, order)} for order in ORDERS}
    table = settings_table(bench, "`ngram_range`", cases)
    return f"**Order of the n-grams**\n\n{table}"


def settings_table(
    bench: Bench, title: str, cases: dict[str, dict[str, object]]
) -> str:
    """Speeds of students of words with some settings changed."""
    documents, contenders, facts = bench.documents, {}, {}
    for name, changed in cases.items():
        progress(f"  {title} {name}")
        student = word_student(bench.fit_texts, **changed)
        X = student.lexical_.transform(documents)
        facts[name] = [f"{X.shape[1]:,}", f"{X.nnz / len(documents):.0f}"]
        models = quantized(student)
        for dtype, n_jobs in SETTINGS:
            transform = with_threads(models[dtype], n_jobs)
            contenders[name, dtype, n_jobs] = Contender(transform, documents, WIDTH)
    check(contenders)
    timing = take_turns(
        {key: contender.run for key, contender in contenders.items()}, bench.side_rounds
    )
    header = [title, "features", "known terms per text"]
    header += [f"{dtype}, {threads_text(n_jobs)}, docs/s" for dtype, n_jobs in SETTINGS]
    rows = []
    for name in cases:
        times = [timing.seconds[name, *setting] for setting in SETTINGS]
        speeds = [speed(values, len(documents)) for values in times]
        rows.append([name, *facts[name], *speeds])
    return f"{markdown_table(header, rows)}\n\n{timing.note}"


def threads_text(n_jobs: int) -> str:
    """A number of threads, with its noun."""
    return "one thread" if n_jobs == 1 else f"{n_jobs} threads"


def threads_table(bench: Bench) -> str:
    """Speed by the number of threads, up to the number of cores."""
    threads = [2**power for power in range(os.cpu_count().bit_length())]
    students = {f"words, {dtype}": student for dtype, student in bench.words.items()}
    students |= {
        f"default, {dtype}": student for dtype, student in bench.default.items()
    }
    timing = take_turns(
        {
            (name, n_jobs): partial(with_threads(student, n_jobs), bench.documents)
            for name, student in students.items()
            for n_jobs in threads
        },
        bench.side_rounds,
    )
    header = ["", *(f"{threads_text(n_jobs)}, docs/s" for n_jobs in threads)]
    header += [f"x, {threads_text(n_jobs)}" for n_jobs in threads[1:]]
    rows = []
    for name in students:
        times = [timing.seconds[name, n_jobs] for n_jobs in threads]
        speeds = [speed(values, len(bench.documents)) for values in times]
        rows.append([name, *speeds, *(f"{ratio(v, times[0])}" for v in times[1:])])
    return f"**Threads**\n\n{markdown_table(header, rows)}\n\n{timing.note}"


def batch_table(bench: Bench) -> str:
    """Speed by the number of texts per call, float32."""
    documents, student = bench.documents, bench.words["float32"]
    sizes = [size for size in BATCH_SIZES if size < len(documents)] + [len(documents)]
    threads = [1, 2]
    timing = take_turns(
        {
            (size, n_jobs): partial(
                in_batches, with_threads(student, n_jobs), documents, size
            )
            for size in sizes
            for n_jobs in threads
        },
        bench.side_rounds,
    )
    header = ["texts per call"]
    for n_jobs in threads:
        header += [f"{threads_text(n_jobs)}, docs/s", "relative to the last row"]
    header += ["one thread, microseconds per call"]
    rows = []
    for size in sizes:
        cells = [f"{size:,}"]
        for n_jobs in threads:
            times = timing.seconds[size, n_jobs]
            share = np.median(timing.seconds[sizes[-1], n_jobs] / times)
            cells += [speed(times, len(documents)), f"{100 * share:.0f} %"]
        n_calls = -(-len(documents) // size)
        seconds = np.median(timing.seconds[size, 1]) / n_calls
        rows.append([*cells, f"{1e6 * seconds:,.0f}"])
    return f"**Texts per call**\n\n{markdown_table(header, rows)}\n\n{timing.note}"


def in_batches(transform: Callable, documents: list[str], size: int) -> None:
    """Embed documents, ``size`` of them per call."""
    for batch in batches(documents, size):
        transform(batch)


def single_table(bench: Bench) -> str:
    """Microseconds for one short text: the first line of a document."""
    text = bench.documents[0].splitlines()[0]
    tfidf = TfidfVectorizer(**WORDS).fit(bench.fit_texts)
    calls = {f"sklux, words, {dtype}": model for dtype, model in bench.words.items()}
    calls |= {
        f"sklux, default, {dtype}": model for dtype, model in bench.default.items()
    }
    calls = {name: with_threads(model, 1) for name, model in calls.items()}
    calls |= {
        LUXICAL: bench.luxical[LUXICAL].transform,
        MODEL2VEC: StaticModel(random_vectors(WIDTH)).transform,
        TFIDF: tfidf.transform,
    }
    timing = take_turns(
        {name: partial(call, [text]) for name, call in calls.items()}, bench.side_rounds
    )
    rows = [
        [name, *(f"{1e6 * f(times):,.0f}" for f in (np.median, np.min, np.max))]
        for name, times in timing.seconds.items()
    ]
    header = ["", "microseconds", "fastest round", "slowest round"]
    return (
        f"**One text per call**, {len(text.encode())} bytes\n\n"
        f"{markdown_table(header, rows)}\n\n{timing.note}"
    )


# Part dense


def part_dense(bench: Bench) -> str:
    """Compare the dense layers of luxical's paper with NumPy's matrix products.

    Each row of the sparse input has one value, so the first layer, which feeds the
    dense layers, takes almost no time. sklux also applies ReLU and normalises the rows;
    NumPy only multiplies.
    """
    n_rows = min(N_DENSE_ROWS, bench.n_documents)
    coefs = random_layers([N_DENSE_FEATURES, *LUXICAL_ONE])
    columns = np.arange(n_rows) % N_DENSE_FEATURES
    X = sparse.csr_matrix(
        (np.ones(n_rows, np.float32), columns, np.arange(n_rows + 1)),
        shape=(n_rows, N_DENSE_FEATURES),
    )
    hidden = unit_relu(coefs[0][columns])
    expected = hidden
    for weights in coefs[1:-1]:
        expected = unit_relu(expected @ weights)
    expected = unit(expected @ coefs[-1])
    network = Network.of(coefs)
    np.testing.assert_allclose(apply_network(X, network, 1), expected, atol=1e-5)
    timings = {}
    for threads, n_jobs in ((WHOLE, os.cpu_count()), (ONE, 1)):
        contenders = {
            "sklux": partial(apply_network, X, network, n_jobs),
            "NumPy": partial(products, hidden, coefs[1:], product_buffers(n_rows)),
        }
        with one_thread() if n_jobs == 1 else nullcontext():
            timings[threads] = take_turns(contenders, bench.rounds)
    return dense_table(timings, n_rows, bench.rounds)


def dense_table(timings: dict[str, Timing], n_rows: int, n_rounds: int) -> str:
    """Speeds of the dense layers, and ratios to NumPy."""
    pairs = list(zip(LUXICAL_ONE[:-1], LUXICAL_ONE[1:]))
    n_operations = 2 * n_rows * sum(n_in * n_out for n_in, n_out in pairs)
    rows = []
    for threads, timing in timings.items():
        for name, times in timing.seconds.items():
            share = np.median(timing.seconds["NumPy"] / times)
            goal = "" if name == "NumPy" else f" ({100 * DENSE_GOAL:.0f} %)"
            rows.append(
                [
                    f"{name}, {threads}",
                    speed(times, n_rows),
                    f"{n_operations / np.median(times) / 1e9:.1f}",
                    f"{100 * share:.0f} %{goal}",
                ]
            )
    header = ["", "rows/s", "GFLOP/s", "of NumPy's speed (goal)"]
    shapes = ", ".join(f"{n_in} x {n_out}" for n_in, n_out in pairs)
    others = max(timing.others for timing in timings.values())
    return (
        f"**Dense layers** {shapes}, {n_rows:,} rows, {rounds_text(n_rounds)}\n\n"
        f"{markdown_table(header, rows)}\n\n{Timing({}, others).note}"
    )


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of unit length."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def unit_relu(rows: np.ndarray) -> np.ndarray:
    """ReLU, then unit length."""
    return unit(np.maximum(rows, 0))


def product_buffers(n_rows: int) -> list[np.ndarray]:
    """Output arrays for the products of the dense layers."""
    return [np.empty((n_rows, width), np.float32) for width in LUXICAL_ONE[1:]]


def products(
    hidden: np.ndarray, coefs: Sequence[np.ndarray], buffers: list[np.ndarray]
) -> None:
    """Multiply layer by layer, without ReLU and normalisation."""
    for weights, out in zip(coefs, buffers):
        np.matmul(hidden, weights, out=out)
        hidden = out


# Part memory


def part_memory(bench: Bench) -> str:
    """Measure the peak memory of a call on all texts, in fresh processes."""
    limit = None if bench.is_whole else bench.n_documents
    documents = partial(read_main, bench.folder, limit)
    tfidf = TfidfVectorizer(**WORDS).fit(bench.fit_texts)
    calls = {
        f"sklux, {kind}, {dtype}": with_threads(models[dtype], os.cpu_count())
        for kind, models in {"words": bench.words, "default": bench.default}.items()
        for dtype in ("float32", "int8")
    }
    calls |= {
        LUXICAL: bench.luxical[LUXICAL].transform,
        MODEL2VEC: StaticModel(random_vectors(WIDTH)).transform,
        TFIDF: tfidf.transform,
    }
    rows = []
    for name, call in calls.items():
        progress(f"  {name}")
        rows.append([name, *peak_memory(call, documents)])
    texts = documents()
    n_dense = len(texts) * WIDTH * 4 / 1e6
    table = markdown_table(["", "the call, MB", "with model and package, MB"], rows)
    return (
        f"**Peak memory**, {len(texts):,} texts of {bench.corpus.name}, "
        f"{utf8_bytes(texts) / 1e6:.0f} MB; the vectors take {n_dense:.0f} MB, "
        f"{WIDTH} wide\n\n{table}"
    )


# Part opening


def part_opening(bench: Bench) -> str:
    """Time loading a model and then embedding a text, in fresh processes."""
    text = bench.documents[0].splitlines()[0]
    student = word_student(bench.fit_texts, DEFAULT_HIDDEN)
    rows = []
    for dtype, options in OPENINGS:
        path = bench.models / f"{dtype}.sklux"
        if not path.exists():
            student.quantize(dtype).save(path)
        progress(f"  {dtype} {options}")
        arguments = (str(path), repr(options), text)
        runs = [run_fresh(OPENING_PROGRAM, *arguments) for _ in range(bench.rounds + 1)]
        # The first run reads the file from disk, so it does not count.
        cells = [f"{1e3 * value:.1f}" for value in np.median(runs[1:], axis=0)]
        call = ", ".join(["path", *(f"{k}={v!r}" for k, v in options.items())])
        size = f"{path.stat().st_size / 1e6:,.0f}"
        rows.append([f"{dtype}, `load({call})`", size, *cells])
    header = ["", "file, MB", "load, ms", "first text, ms", "second text, ms"]
    shape = f"{student.projection_.n_features_in_:,} x {DEFAULT_HIDDEN}"
    return (
        f"**Opening a model**, words, {shape}, medians of {bench.rounds} processes; "
        f"the file is in the system's cache\n\n{markdown_table(header, rows)}"
    )


PARTS = {
    "headline": part_headline,
    "texts": part_texts,
    "sweeps": part_sweeps,
    "dense": part_dense,
    "memory": part_memory,
    "opening": part_opening,
}


if __name__ == "__main__":
    main()
