"""Alignment of students: can the vectors of one search an index of another?

The index is of a student whose teacher is the corpus' own. Other students were fitted
on other documents of the main corpus: one with the same teacher, one with latent
semantic analysis as its teacher. Their vectors are mapped into the space of the index:

- not at all;
- by `OrthogonalProcrustes`, learnt from the terms that both vocabularies share, or from
  texts that both students embed and neither was fitted on;
- for the same teacher, by the students' own maps from the teacher's vectors.

The table has, on test documents, the share of texts whose nearest vector in the index
is their own (`bitext_retrieval_score`, by cosines and by CSLS), and the mean reciprocal
rank of second halves in the index, with first halves as queries. The last row has the
student of the index itself.

Needs sklux with its extra `benchmark`. It takes 2 minutes on 2 cores; longer if other
jobs disturb it:

    python benchmarks/bench_alignment.py
"""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from _corpora import MAIN_CORPUS, REPOSITORY, add_data_option, read_corpora
from _report import add_output_option, conditions, markdown_table, publish
from _turns import progress
from sklearn.decomposition import TruncatedSVD
from sklearn.pipeline import make_pipeline

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux.alignment import OrthogonalProcrustes, paired_terms
from sklux.inspection import term_embeddings
from sklux.metrics import (
    bitext_retrieval_score,
    half_document_retrieval,
    split_halves,
)

PAGE = REPOSITORY / "doc" / "guide" / "word_vectors.md"
# Documents of each fit, texts that both students embed, test documents.
N_TRAIN, N_TEXTS, N_TEST = 12_000, [100, 1000, 10_000], 4_000
PACKAGES = ["sklux", "numpy", "scikit-learn"]
Map = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    """Measure, and publish the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, PAGE)
    options = parser.parse_args()
    corpus = read_corpora(options.data, [MAIN_CORPUS])[0]
    train, vectors = np.array(corpus.texts.train, object), corpus.embed_train()
    rows = np.random.RandomState(0).permutation(len(train))
    n_train = min(N_TRAIN, len(rows) // 3)
    first, second, shared = (
        rows[:n_train],
        rows[n_train:][:n_train],
        rows[2 * n_train :],
    )
    test = corpus.texts.test[:N_TEST]
    progress("three fits")
    index = fitted(train[first], vectors[first])
    students = {
        "same": fitted(train[second], vectors[second]),
        "LSA": fitted(train[second], latent_vectors(train[second])),
    }
    table = []
    for name, student in students.items():
        for how, mapped in maps(student, index, name == "same", train[shared]):
            progress(f"{name}, {how}")
            table.append([name, how, *measures(student, index, mapped, test)])
    table.append(["index itself", "", *measures(index, index, np.asarray, test)])
    header = ["teacher", "map", "own text", "by CSLS", "halves MRR"]
    text = (
        f"**Search in the index of another student**, {n_train:,} documents of "
        f"{corpus.name} for each fit, {len(test):,} test documents\n\n"
        f"{markdown_table(header, table)}\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "alignment", text)


def fitted(texts: np.ndarray, vectors: np.ndarray) -> LuxicalVectorizer:
    """A student with the default settings."""
    model = LuxicalVectorizer(random_state=0, teacher_words=None)
    return model.fit(texts, teacher_embeddings=vectors)


def latent_vectors(texts: np.ndarray) -> np.ndarray:
    """Vectors of another teacher: latent semantic analysis of words."""
    lexical = LexicalVectorizer(sublinear_tf=True, min_df=2)
    return make_pipeline(lexical, TruncatedSVD(256, random_state=0)).fit_transform(
        texts
    )


def maps(
    student: LuxicalVectorizer,
    index: LuxicalVectorizer,
    has_same_teacher: bool,
    texts: np.ndarray,
) -> Iterator[tuple[str, Map]]:
    """Maps from the space of a student into the space of the index, by name."""
    yield "none", np.asarray
    if has_same_teacher:
        components = student.projection_.teacher_components_
        yield "of the teacher", lambda X: index.project_teacher(X @ components)
    (terms, own), (index_terms, targets) = map(term_embeddings, (student, index))
    places, partners = paired_terms(terms, index_terms)
    aligner = OrthogonalProcrustes().fit(own[places], targets[partners])
    yield f"{len(places):,} terms", aligner.transform
    for number in N_TEXTS:
        chosen = texts[:number]
        aligner = OrthogonalProcrustes()
        aligner.fit(student.transform(chosen), index.transform(chosen))
        yield f"{len(chosen):,} texts", aligner.transform


def measures(
    student: LuxicalVectorizer,
    index: LuxicalVectorizer,
    mapped: Map,
    test: Sequence[str],
) -> list[str]:
    """Cells of a row of the table."""
    queries, documents = mapped(student.transform(test)), index.transform(test)
    firsts, seconds = split_halves(test)
    return [
        f"{value:.3f}"
        for value in (
            bitext_retrieval_score(queries, documents),
            bitext_retrieval_score(queries, documents, csls_neighbors=10),
            half_document_retrieval(
                mapped(student.transform(firsts)), index.transform(seconds)
            ),
        )
    ]


if __name__ == "__main__":
    main()
