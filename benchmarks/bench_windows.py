"""The effect of `windows` of CachedTeacher on documents longer than the teacher reads.

all-MiniLM-L6-v2 reads 256 word pieces, including the special tokens. The benchmark
takes longer documents, has the teacher embed them in at most 1, 2 and 4 windows, and
measures

- MRR by beginning, MRR by end: the first or the last 50 words of a document are the
  query for it; mean reciprocal rank, ties count against the model;
- class accuracy: LogisticRegression(C=10, max_iter=1000), trained on the documents that
  fit into one window, whose vectors are the same in all settings;
- seconds that the teacher takes.

Needs sklux with its extra `benchmark`. It takes 4 minutes on 2 cores:

    python benchmarks/bench_windows.py
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from _corpora import (
    add_data_option,
    installed_docstrings,
    read_r8,
    shuffled,
    teacher_folder,
)
from _report import add_output_option, conditions, markdown_table, publish
from sklearn.linear_model import LogisticRegression

from sklux import CachedTeacher
from sklux._utils.documents import copy_groups, first_of_groups
from sklux.metrics import half_document_retrieval

SETTINGS = [1, 2, 4]
N_NEWS, N_DOCSTRINGS = 300, 200
PASSAGE_WORDS = 50
COLUMNS = ["MRR by beginning", "MRR by end"]
PACKAGES = ["sklux", "numpy", "scikit-learn", "torch", "sentence-transformers"]


@dataclass
class LongDocuments:
    """Long documents; for labelled ones also a classifier and the labels."""

    name: str
    texts: list[str]
    classifier: LogisticRegression | None = None
    labels: np.ndarray | None = None


def main() -> None:
    """Measure each collection and publish the tables."""
    options = parse_options()
    # Imported late, so that --help does not load torch.
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(teacher_folder(), device="cpu")
    tables = [
        measured(documents, model) for documents in collections(options.data, model)
    ]
    publish(options.output, "windows", "\n\n".join([*tables, conditions(PACKAGES)]))


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    return parser.parse_args()


def collections(folder: Path, model: object) -> Iterator[LongDocuments]:
    """Yield news wires, if their folder exists, and docstrings."""
    if (folder / "r8.parquet").exists():
        yield long_news(folder, model)
    else:
        print(
            f"The folder {folder.name!r} has no r8.parquet: r8 is left out.",
            file=sys.stderr,
        )
    texts = np.array(installed_docstrings(n_paragraphs=100).data, dtype=object)
    texts = texts[are_long(texts.tolist(), model)].tolist()
    yield LongDocuments("docstrings", shuffled(texts, N_DOCSTRINGS))


def long_news(folder: Path, model: object) -> LongDocuments:
    """Long documents of r8, train and test; the classifier is trained on short ones."""
    corpus = read_r8(folder)
    texts = np.array(corpus.texts.train + corpus.texts.test, dtype=object)
    labels = np.concatenate(corpus.labels)
    long = are_long(texts.tolist(), model)
    short_train = ~long[: len(corpus.texts.train)]
    classifier = LogisticRegression(C=10, max_iter=1000)
    classifier.fit(corpus.embed_train()[short_train], corpus.labels[0][short_train])
    # The passages of a text would also find its copies.
    rows = np.flatnonzero(long)
    rows = shuffled(rows[first_of_groups(copy_groups(texts[rows]))].tolist(), N_NEWS)
    return LongDocuments("r8", texts[rows].tolist(), classifier, labels[rows])


def are_long(texts: list[str], model: object) -> np.ndarray:
    """Whether each text has more word pieces than the model reads."""
    pieces = model.tokenizer(texts, verbose=False)["input_ids"]
    return np.array([len(ids) for ids in pieces]) > model.max_seq_length


def measured(documents: LongDocuments, model: object) -> str:
    """Table of one collection, with a row for each setting."""
    words = [text.split() for text in documents.texts]
    passages = [
        [" ".join(some[:PASSAGE_WORDS]) for some in words],
        [" ".join(some[-PASSAGE_WORDS:]) for some in words],
    ]
    queries = [embedded(side, model, windows=1)[0] for side in passages]
    rows = []
    for windows in SETTINGS:
        vectors, seconds = embedded(documents.texts, model, windows)
        found = [half_document_retrieval(side, vectors) for side in queries]
        if documents.classifier:
            found.append(documents.classifier.score(vectors, documents.labels))
        cells = [*(f"{value:.3f}" for value in found), f"{seconds:.0f}"]
        print(documents.name, windows, cells, file=sys.stderr, flush=True)
        rows.append([f"`windows={windows}`", *cells])
    names = [*COLUMNS, "class acc."] if documents.classifier else COLUMNS
    table = markdown_table(["", *names, "embedding s"], rows)
    return f"**{documents.name}** ({len(documents.texts)} long documents)\n\n{table}"


def embedded(texts: list[str], model: object, windows: int) -> tuple[np.ndarray, float]:
    """Vectors of a teacher with an empty cache, and the seconds of embedding."""
    with TemporaryDirectory() as folder:
        teacher = CachedTeacher(model, path=folder, model_id="m", windows=windows)
        start = perf_counter()
        return teacher.transform(texts), perf_counter() - start


if __name__ == "__main__":
    main()
