"""Fixtures: a small corpus whose neighbours are known, its teacher, instructions."""

import os

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from sklux import LuxicalVectorizer, ReLUProjection
from sklux._kernels import layers

TOPICS = {
    "fruit": "apple pear plum cherry grape melon peach lemon",
    "vehicle": "car truck train bus tram bicycle boat plane",
    "music": "violin piano drum flute guitar trumpet cello harp",
}


# Variables that change what commands print, and the threads of other processes.
NOT_FOR_TESTS = (
    "FORCE_COLOR",
    "GITHUB_ACTIONS",
    "JUPYTER_COLUMNS",
    "NO_COLOR",
    "OMP_NUM_THREADS",
    "PYTHONWARNINGS",
    "PY_COLORS",
    "SKLUX_TRACEBACK",
    "TERMINAL_WIDTH",
    "TTY_COMPATIBLE",
    "TTY_INTERACTIVE",
)


def pytest_configure(config):
    """Give all tests the same environment, before typer reads it on import.

    Not when this file is imported: joblib's processes import it, too.
    """
    for name in NOT_FOR_TESTS:
        os.environ.pop(name, None)
    os.environ.update(COLUMNS="100", TERM="xterm", MLFLOW_DISABLE_TELEMETRY="true")


def make_corpus(n_documents, seed=0):
    """Documents of twelve words from one of three topics, and their topics."""
    random_state = np.random.RandomState(seed)
    topics = random_state.randint(len(TOPICS), size=n_documents)
    words = [text.split() for text in TOPICS.values()]
    documents = [
        " ".join(random_state.choice(words[topic], size=12)) for topic in topics
    ]
    return documents, topics


@pytest.fixture(scope="session")
def corpus():
    """120 documents and their topics."""
    return make_corpus(120)


@pytest.fixture(scope="session")
def documents(corpus):
    return corpus[0]


@pytest.fixture(scope="session")
def topics(corpus):
    return corpus[1]


@pytest.fixture(scope="session")
def latent_teacher(documents):
    """A fitted scikit-learn transformer in the place of a transformer model."""
    return make_pipeline(TfidfVectorizer(), TruncatedSVD(6, random_state=0)).fit(
        documents
    )


@pytest.fixture(scope="session")
def teacher_embeddings(documents, latent_teacher):
    return latent_teacher.transform(documents)


@pytest.fixture(params=layers.available_instruction_sets())
def instruction_set(request, restore_best_set):
    """Each instruction set of this machine; it is the one in use."""
    layers.use_instruction_set(request.param)
    return request.param


@pytest.fixture
def restore_best_set():
    """For tests that change the instruction set themselves."""
    before = layers.instruction_set_in_use()
    yield
    layers.use_instruction_set(before)


def small_vectorizer(teacher=None, **params):
    """A vectorizer that is fitted in milliseconds, by documents alone."""
    settings = dict(
        teacher_words=None,
        projection=ReLUProjection(n_components=4, hidden_layer_sizes=(8,), max_iter=2),
        random_state=0,
    )
    return LuxicalVectorizer(teacher, **{**settings, **params})


@pytest.fixture(scope="session")
def data_home(tmp_path_factory):
    """Folder of the teacher cache that the programs of all workers share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "data"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def fitted(documents, teacher_embeddings):
    """A fitted vectorizer; tests must not change it."""
    return small_vectorizer().fit(documents, teacher_embeddings=teacher_embeddings)
