"""How near the student is to its teacher, beside TF-IDF and TF-IDF + SVD.

Measures, on the test part of each corpus:

- class accuracy: LogisticRegression(C=10, max_iter=1000) on at most 20,000
  training rows drawn at random;
- neighbours@10: share of the teacher's 10 nearest test documents (cosine) that
  are near here too, over 2,000 random test rows;
- correlation: Pearson, of teacher and own cosines of 100,000 random pairs;
- halves MRR: first halves of texts query the second halves; mean reciprocal
  rank, ties count against;
- Spearman: rank correlation of cosines and gold scores of sentence pairs.

Students are fitted once, and measured with weights of float32, float16 and int8. On
the corpus that speed is measured on, the models beside which it is measured are
measured too; plot_quality_speed.py draws both.

Needs sklux with its extra `benchmark`. Run all of it, 40 minutes on 2 cores, by

    python benchmarks/bench_quality.py
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np
from _corpora import (
    MAIN_CORPUS,
    READERS,
    Corpus,
    Parts,
    add_data_option,
    read_corpora,
)
from _models import (
    DTYPES,
    FASTTEXT,
    HASHING,
    HIDDEN,
    LUXICAL,
    MODEL2VEC,
    SKIPGRAM,
    SMALL_STUDENT,
    STATIC,
    STUDENT,
    TFIDF,
    WIDTH,
    WORDS,
    FastText,
    StaticModel,
    StaticSentences,
    distilled_vectors,
    hashing_vectorizer,
    plain,
    trained_luxical,
)
from _report import add_output_option, conditions, markdown_table, publish
from scipy import sparse, stats
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
)

N_LABELLED, N_QUERIES = 20_000, 2000
# A linear classifier on more columns takes longer than all else here.
MAX_CLASSIFIED = 500_000
FASTTEXT_EPOCHS = 5
COLUMNS = ["class acc.", "neighbours@10", "correlation", "halves MRR", "Spearman"]
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch", "luxical", "model2vec"]
PACKAGES += ["fasttext-community", "sentence-transformers"]


def main() -> None:
    """Measure the corpora one by one and publish their tables."""
    options = parse_options()
    tables = [
        measure_corpus(corpus) for corpus in read_corpora(options.data, options.corpora)
    ]
    publish(options.output, "quality", "\n\n".join([*tables, conditions(PACKAGES)]))


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument("--corpora", nargs="+", choices=list(READERS))
    return parser.parse_args()


def measure_corpus(corpus: Corpus) -> str:
    """Fit the student and its rivals on one corpus; return its table."""
    teacher = corpus.teach()
    rows = [["teacher", *measured(corpus, teacher, teacher), "-"]]
    for name, vectors, seconds in contenders(corpus, teacher):
        cells = measured(corpus, teacher, vectors)
        rows.append([name, *cells, "-" if seconds is None else f"{seconds:.0f}"])
    counts = f"{len(corpus.texts.train):,} train, {len(corpus.texts.test):,} test"
    header = ["", "width", *COLUMNS, "fit s"]
    return f"**{corpus.name}** ({counts})\n\n{table(header, rows)}"


def contenders(
    corpus: Corpus, teacher: Parts
) -> Iterator[tuple[str, Parts, float | None]]:
    """Names, vectors, and seconds of the fit where they are told."""
    student, seconds = fit_student(corpus, teacher, None)
    words, words_seconds = fit_student(corpus, teacher, LexicalVectorizer(**WORDS))
    tfidf = encode(corpus.texts, student.lexical_.transform)
    width = student.projection_.n_components_
    svd = TruncatedSVD(width, random_state=0).fit(tfidf.train)
    yield "TF-IDF", tfidf, None
    reduced = encode(tfidf, lambda rows: normalize(svd.transform(rows)))
    yield "TF-IDF + TruncatedSVD", reduced, None
    dense = encode(corpus.texts, words.transform)
    yield "student, words alone", dense, words_seconds
    yield from with_dtypes(STUDENT, corpus, student, seconds)
    if corpus.name == MAIN_CORPUS:
        yield from peers(corpus, teacher)


def peers(corpus: Corpus, teacher: Parts) -> Iterator[tuple[str, Parts, float | None]]:
    """The models whose speed bench_speed.py measures, as `contenders` gives them.

    The student is the one that speed was promised for. luxical is trained by sklux,
    with Luxical's loss; model2vec's vectors are distilled from the teacher, and
    StaticEmbedding has the same.
    """
    texts, lexical = corpus.texts.train, LexicalVectorizer(**WORDS)
    student, seconds = fit_student(corpus, teacher, lexical, HIDDEN)
    yield from with_dtypes(SMALL_STUDENT, corpus, student, seconds)
    vectors = distilled_vectors(WIDTH)
    makers = {
        LUXICAL: lambda: trained_luxical(texts, teacher.train),
        MODEL2VEC: lambda: StaticModel(vectors).transform,
        STATIC: lambda: StaticSentences(vectors).transform,
        FASTTEXT: lambda: fasttext_transform(texts, corpus.labels[0]),
        SKIPGRAM: lambda: fasttext_transform(texts, None),
        TFIDF: lambda: TfidfVectorizer(**WORDS).fit(texts).transform,
        HASHING: lambda: hashing_vectorizer().transform,
    }
    for name, make in makers.items():
        yield name, encode(corpus.texts, make()), None


def fasttext_transform(texts: list[str], labels: object) -> Callable:
    """A fastText model, made with one thread: the same model each time."""
    model = FastText(texts, labels, FASTTEXT_EPOCHS, 1)
    return lambda documents: model.transform(plain(documents))


def with_dtypes(
    name: str, corpus: Corpus, student: LuxicalVectorizer, seconds: float
) -> Iterator[tuple[str, Parts, float | None]]:
    """A student as it was fitted, and with rounded weights."""
    yield name, encode(corpus.texts, student.transform), seconds
    for dtype in DTYPES[1:]:
        quantized = student.quantize(dtype)
        yield f"{name}, {dtype}", encode(corpus.texts, quantized.transform), None


def fit_student(
    corpus: Corpus,
    teacher: Parts,
    lexical: LexicalVectorizer | None,
    hidden: int | None = None,
) -> tuple[LuxicalVectorizer, float]:
    """A student, the default one but for what is given, and the time it took."""
    student = LuxicalVectorizer(lexical=lexical, random_state=0)
    if hidden is not None:
        student.projection = ReLUProjection(hidden_layer_sizes=(hidden,))
    start = perf_counter()
    student.fit(corpus.texts.train, teacher_embeddings=teacher.train)
    return student, perf_counter() - start


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table without the columns that are empty in all rows."""
    kept = [i for i in range(len(header)) if any(row[i] != "-" for row in rows)]
    return markdown_table(
        [header[i] for i in kept], [[row[i] for i in kept] for row in rows]
    )


def encode(texts: Parts, transform: Callable) -> Parts:
    """The parts of a corpus, mapped by one function."""
    return Parts(
        transform(texts.train),
        transform(texts.test),
        texts.halves and tuple(map(transform, texts.halves)),
        texts.pairs and tuple(map(transform, texts.pairs)),
    )


def measured(corpus: Corpus, teacher: Parts, own: Parts) -> list[str]:
    """The width and the five measures of some vectors, '-' where there is none."""
    pair = (teacher.test, own.test)
    n_queries, width = min(N_QUERIES, own.test.shape[0]), own.test.shape[1]
    has_classes = corpus.labels and width <= MAX_CLASSIFIED
    values = [
        class_accuracy(own.train, own.test, *corpus.labels) if has_classes else None,
        neighbor_recall_score(*pair, sample_size=n_queries, random_state=0),
        similarity_correlation(*pair, random_state=0),
        own.halves and half_document_retrieval(*own.halves),
        own.pairs and spearman(*own.pairs, corpus.scores),
    ]
    print(corpus.name, values, file=sys.stderr, flush=True)
    cells = ["-" if value is None else f"{value:.3f}" for value in values]
    return [f"{width:,}", *cells]


def class_accuracy(train, test, train_labels, test_labels) -> float:
    """Accuracy of a linear classifier on the vectors."""
    rows = np.random.RandomState(0).permutation(train.shape[0])[:N_LABELLED]
    classifier = LogisticRegression(C=10, max_iter=1000)
    return classifier.fit(train[rows], train_labels[rows]).score(test, test_labels)


def spearman(first, second, scores: np.ndarray) -> float:
    """Rank correlation of cosines with gold scores."""
    return float(stats.spearmanr(row_cosines(first, second), scores).statistic)


def row_cosines(first, second) -> np.ndarray:
    """Cosine of each row of one matrix with the same row of another."""
    first, second = normalize(first), normalize(second)
    products = (
        first.multiply(second) if sparse.issparse(first) else np.multiply(first, second)
    )
    return np.asarray(products.sum(axis=1)).ravel()


if __name__ == "__main__":
    main()
