"""Updates by new documents (`partial_fit`), compared with a fit on all documents.

The classes of a corpus are divided into two halves. The documents of the first half are
there from the start, and the documents of the second are new: they bring topics and
words that the student does not know. Students, all with the same seed:

- one of the first half;
- the same after `partial_fit` of the second half, at once and in five parts;
- one of all documents, and one of the second half alone.

The measures, explained in bench_quality.py, are on test documents of the new classes,
except class accuracy and halves MRR, which are on all test documents. The last columns
compare with the student of the first half: the mean cosine of the vectors of its
training documents, and the share of their 10 nearest documents that stay the nearest.

Needs sklux with its extra `benchmark`. It takes 15 minutes on 2 cores:

    python benchmarks/bench_update.py
"""

import pickle
from argparse import ArgumentParser
from collections.abc import Callable
from time import perf_counter

import numpy as np
from _corpora import READERS, Corpus, add_data_option, shortened, without_copies
from _measures import (
    ACCURACY,
    CORRELATION,
    MRR,
    N_QUERIES,
    NEIGHBOURS,
    class_accuracy,
)
from _report import DEFAULT_PAGE, add_output_option, conditions, markdown_table, publish
from _students import make_student
from _turns import progress

from sklux import LuxicalVectorizer
from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
)

COLUMNS = [NEIGHBOURS, CORRELATION, ACCURACY, MRR, "old: cosine", "kept", "fit s"]
# Corpora that have classes and halves.
CORPORA = ["debian", "r8"]
# Number of old training documents whose vectors are compared, and number of updates.
N_COMPARED, N_PARTS, SEED = 3000, 5, 0
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch", "sentence-transformers"]


def main() -> None:
    """Measure the students and publish the tables."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, DEFAULT_PAGE.parent / "guide" / "updates.md")
    parser.add_argument(
        "--corpora", nargs="+", choices=CORPORA, default=CORPORA, help="default: all"
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="maximum number of documents in each part of a corpus (default: all)",
    )
    options = parser.parse_args()
    tables = []
    for name in options.corpora:
        corpus = without_copies(READERS[name](options.data))
        if options.limit:
            corpus = shortened(corpus, options.limit)
        tables.append(Comparison(corpus).table())
    publish(options.output, "update", "\n\n".join([*tables, conditions(PACKAGES)]))


class Comparison:
    """The students of one corpus, and their measures.

    Parameters
    ----------
    corpus : Corpus
        A corpus with classes and halves.
    """

    def __init__(self, corpus: Corpus):
        self.corpus, self.vectors = corpus, corpus.embed()
        train, test = corpus.labels
        later = second_half(train)
        self.old, self.new = (
            np.flatnonzero(np.isin(train, later) == n) for n in (0, 1)
        )
        self.is_new = np.isin(test, later)
        self.compared = [corpus.texts.train[row] for row in self.old[:N_COMPARED]]

    def table(self) -> str:
        """All students as a table."""
        first, seconds = self.timed(lambda: self.fitted(self.old))
        rows = [self.row("the old classes", first, first, seconds)]
        for n_parts, name in (
            (1, "..., then the new ones"),
            (N_PARTS, "... in 5 parts"),
        ):
            model, seconds = self.timed(lambda n=n_parts: self.updated(first, n))
            rows.append(self.row(name, model, first, seconds))
        everything = np.arange(len(self.corpus.texts.train))
        for rows_of_fit, name in (
            (everything, "all at once"),
            (self.new, "the new ones"),
        ):
            model, seconds = self.timed(lambda r=rows_of_fit: self.fitted(r))
            rows.append(self.row(name, model, first, seconds))
        title = (
            f"**Updates**, {self.corpus.name}: {len(self.old):,} documents of the old "
            f"classes, {len(self.new):,} of the new ones; {self.is_new.sum():,} new "
            "test documents; one seed"
        )
        return f"{title}\n\n{markdown_table(['fit on', *COLUMNS], rows)}"

    def timed(
        self, make: Callable[[], LuxicalVectorizer]
    ) -> tuple[LuxicalVectorizer, float]:
        """A student and the seconds that it takes."""
        start = perf_counter()
        return make(), perf_counter() - start

    def fitted(self, rows: np.ndarray) -> LuxicalVectorizer:
        """A student of some of the documents."""
        texts, embeddings = self.documents(rows)
        return make_student({"weights_dtype": "int8"}, SEED).fit(texts, **embeddings)

    def updated(self, first: LuxicalVectorizer, n_parts: int) -> LuxicalVectorizer:
        """The first student after the new documents, in random order."""
        student = pickle.loads(pickle.dumps(first))
        order = np.random.RandomState(SEED).permutation(self.new)
        for rows in np.array_split(order, n_parts):
            texts, embeddings = self.documents(rows)
            student.partial_fit(texts, **embeddings)
        return student

    def documents(self, rows: np.ndarray) -> tuple[list[str], dict[str, np.ndarray]]:
        """Texts of some training documents, and their teacher embeddings."""
        texts = [self.corpus.texts.train[row] for row in rows]
        return texts, {"teacher_embeddings": self.vectors.train[rows]}

    def row(
        self,
        name: str,
        student: LuxicalVectorizer,
        first: LuxicalVectorizer,
        seconds: float,
    ) -> list[str]:
        """Cells of one student."""
        values = self.measured(student)
        before, after = (model.transform(self.compared) for model in (first, student))
        values.append(float((before * after).sum(axis=1).mean()))
        values.append(neighbor_recall_score(before, after))
        cells = [name, *(f"{value:.3f}" for value in values), f"{seconds:.0f}"]
        progress(", ".join(cells))
        return cells

    def measured(self, student: LuxicalVectorizer) -> list[float]:
        """The measures of the first columns."""
        texts, labels = self.corpus.texts, self.corpus.labels
        train, test = student.transform(texts.train), student.transform(texts.test)
        pair = self.vectors.test[self.is_new], test[self.is_new]
        size = min(N_QUERIES, len(pair[0]))
        return [
            neighbor_recall_score(*pair, sample_size=size, random_state=0),
            similarity_correlation(*pair, random_state=0),
            class_accuracy(train, test, *labels),
            half_document_retrieval(*map(student.transform, texts.halves)),
        ]


def second_half(labels: np.ndarray) -> list[object]:
    """Classes with about half of the documents: each goes to the smaller side."""
    classes, counts = np.unique(labels, return_counts=True)
    sizes, later = [0, 0], []
    for number in np.argsort(-counts, kind="stable"):
        side = int(sizes[1] < sizes[0])
        sizes[side] += counts[number]
        if side:
            later.append(classes[number])
    return later


if __name__ == "__main__":
    main()
