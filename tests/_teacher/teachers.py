"""Teachers for the tests of this folder, and tests in programs of their own."""

import os
import subprocess
import sys
import textwrap

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher

TEXTS = ["a red apple", "a fast car", "the slow red car", "an apple", "", "na\u00efve"]


def letter_counts(documents):
    """Embed by the number of letters a, of letters r and of all characters."""
    return [[text.count("a"), text.count("r"), len(text)] for text in documents]


def tenths(documents):
    """Embed with values that float16 cannot hold exactly."""
    return np.array(letter_counts(documents)) / 10


class Recorder:
    """A model that records the batches of its calls."""

    def __init__(self, embed=letter_counts):
        self.embed = embed
        self.batches = []

    def encode(self, documents):
        """Record the batch, and embed it."""
        self.batches.append(list(documents))
        return self.embed(documents)

    @property
    def texts(self):
        """All texts of all batches, in order."""
        return [text for batch in self.batches for text in batch]


class Stateless:
    """A model without parameters."""

    def encode(self, documents):
        """Count letters."""
        return letter_counts(documents)


class Scaled:
    """A model with one parameter."""

    def __init__(self, factor):
        self.factor = factor

    def encode(self, documents):
        """Multiply the letter counts."""
        return self.factor * np.array(letter_counts(documents))

    def __call__(self, documents):
        """Return other vectors than encode."""
        return -self.encode(documents)


def recorded(path, embed=letter_counts, **params):
    """A cached teacher whose model records its calls."""
    return CachedTeacher(Recorder(embed), path=path, model_id="recorder", **params)


def fitted_pipeline(texts=TEXTS):
    """A fitted scikit-learn transformer."""
    pipeline = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0))
    return pipeline.fit(texts)


def run_python(code, *arguments, cwd, **variables):
    """Run a Python program, and return its output."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        env=os.environ | variables,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


class FakeSentenceTransformer:
    """A stand-in for SentenceTransformer that records how it is called."""

    made = []

    def __init__(self, name, device=None):
        self.made.append((name, device))

    def encode(self, documents, batch_size, show_progress_bar):
        """Return length and batch size."""
        assert show_progress_bar is False
        return np.array([[len(text), batch_size] for text in documents])


def large(documents):
    """Embed with values that float16 cannot hold."""
    return [[1e6, len(text)] for text in documents]


def width_by_length(documents):
    """Embed with a width that differs from text to text."""
    return [[1.0] * len(text) for text in documents]
