"""What `windows` of CachedTeacher is worth on documents longer than the teacher reads.

Takes documents of more word pieces than all-MiniLM-L6-v2 reads, 256 with the special
tokens, has them taught in at most 1, 2 and 4 windows, and measures

- MRR by beginning, by end: the first or the last 50 words of a document ask for it;
  mean reciprocal rank, ties count against;
- class accuracy: LogisticRegression(C=10, max_iter=1000) trained on the documents that
  are read as a whole, whose vectors are the same in all settings;
- seconds of teaching.

Needs sklux with its extra `benchmark`. Run all of it, 4 minutes on 2 cores, by

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
from sklux.metrics import half_document_retrieval

SETTINGS = [1, 2, 4]
N_NEWS, N_DOCSTRINGS = 300, 200
PASSAGE_WORDS = 50
COLUMNS = ["MRR by beginning", "MRR by end"]
PACKAGES = ["sklux", "numpy", "scikit-learn", "torch", "sentence-transformers"]


@dataclass
class LongDocuments:
    """Long documents; a classifier and their labels where there are some."""

    name: str
    texts: list[str]
    classifier: LogisticRegression | None = None
    labels: np.ndarray | None = None


def main() -> None:
    """Measure each collection and publish the tables."""
    options = parse_options()
    # The model is a torch module: the import waits until it is needed.
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
    """News wires where their folder is there, and docstrings."""
    if (folder / "r8.parquet").exists():
        yield long_news(folder, model)
    else:
        print(f"There is no r8.parquet in {folder.name!r}: left out.", file=sys.stderr)
    texts = np.array(installed_docstrings(n_paragraphs=100).data, dtype=object)
    texts = texts[are_long(texts.tolist(), model)].tolist()
    yield LongDocuments("docstrings", shuffled(texts, N_DOCSTRINGS))


def long_news(folder: Path, model: object) -> LongDocuments:
    """Long documents of r8, train and test; the classifier knows none of them."""
    corpus = read_r8(folder)
    texts = np.array(corpus.texts.train + corpus.texts.test, dtype=object)
    labels = np.concatenate(corpus.labels)
    long = are_long(texts.tolist(), model)
    short_train = ~long[: len(corpus.texts.train)]
    classifier = LogisticRegression(C=10, max_iter=1000)
    classifier.fit(corpus.teach_train()[short_train], corpus.labels[0][short_train])
    rows = shuffled(np.flatnonzero(long).tolist(), N_NEWS)
    return LongDocuments("r8", texts[rows].tolist(), classifier, labels[rows])


def are_long(texts: list[str], model: object) -> np.ndarray:
    """Whether each text has more word pieces than the model reads."""
    pieces = model.tokenizer(texts, verbose=False)["input_ids"]
    return np.array([len(ids) for ids in pieces]) > model.max_seq_length


def measured(documents: LongDocuments, model: object) -> str:
    """Table of one collection: a row for each setting."""
    words = [text.split() for text in documents.texts]
    passages = [
        [" ".join(some[:PASSAGE_WORDS]) for some in words],
        [" ".join(some[-PASSAGE_WORDS:]) for some in words],
    ]
    queries = [taught(side, model, windows=1)[0] for side in passages]
    rows = []
    for windows in SETTINGS:
        vectors, seconds = taught(documents.texts, model, windows)
        found = [half_document_retrieval(side, vectors) for side in queries]
        if documents.classifier:
            found.append(documents.classifier.score(vectors, documents.labels))
        cells = [*(f"{value:.3f}" for value in found), f"{seconds:.0f}"]
        print(documents.name, windows, cells, file=sys.stderr, flush=True)
        rows.append([f"`windows={windows}`", *cells])
    names = [*COLUMNS, "class acc."] if documents.classifier else COLUMNS
    table = markdown_table(["", *names, "teaching s"], rows)
    return f"**{documents.name}** ({len(documents.texts)} long documents)\n\n{table}"


def taught(texts: list[str], model: object, windows: int) -> tuple[np.ndarray, float]:
    """Vectors of a teacher with an empty cache, and the seconds it took."""
    with TemporaryDirectory() as folder:
        teacher = CachedTeacher(model, path=folder, model_id="m", windows=windows)
        start = perf_counter()
        return teacher.transform(texts), perf_counter() - start


if __name__ == "__main__":
    main()
