"""Students of the quality benchmark: how they are made and measured.

A recipe holds parameters of `ReLUProjection`. Its key "lexical", if present, holds the
parameters of a `LexicalVectorizer` that replaces the default lexical stage. Its keys
"teacher_words" and "teacher_halves" are parameters of `LuxicalVectorizer`: with None
and False, the teacher embeds documents only. Nothing is fitted or measured twice in a
run.
"""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from unittest import mock

import numpy as np
from _corpora import (
    DOCSTRINGS,
    MAIN_CORPUS,
    READERS,
    Corpus,
    Parts,
    default_teacher,
    shortened,
    without_copies,
)
from _measures import encode, measured
from _turns import progress

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection

Recipe = dict[str, object]
DEFAULT: Recipe = {}


@dataclass
class Result:
    """Measures by name, the width of the vectors, and the seconds of the fit."""

    values: dict[str, float]
    width: int
    seconds: float | None = None


class Bench:
    """State that all parts share: corpora, students, and results so far.

    Parameters
    ----------
    folder : Path
        Folder of the corpora.
    limit : int or None
        Maximum number of documents in each part of a corpus.
    seeds : sequence of int
        Seeds of the students that are measured several times.
    store : Path or None
        File with results of earlier runs, which are not computed again. The results of
        this run are appended.
    """

    def __init__(
        self,
        folder: Path,
        limit: int | None,
        seeds: Sequence[int],
        store: Path | None = None,
    ):
        self.folder = folder
        self.store = store
        self.limit = limit
        self.seeds = list(seeds)
        self._made: dict[Hashable, object] = {}
        self._last: tuple[Hashable, object] = (None, None)
        self._read_store()

    def _read_store(self) -> None:
        """Read the results in the store, including results of concurrent runs."""
        if self.store is not None and self.store.exists():
            for line in self.store.read_text().splitlines():
                key, result = json.loads(line)
                self._made.setdefault(tuple(key), Result(**result))

    @property
    def names(self) -> list[str]:
        """Names of the corpora that can be read."""
        return list(READERS) if self.folder.is_dir() else [DOCSTRINGS]

    @property
    def main(self) -> str:
        """Name of the corpus of all parts that use a single corpus."""
        return MAIN_CORPUS if MAIN_CORPUS in self.names else DOCSTRINGS

    def once(self, key: Hashable, make: Callable[[], object]) -> object:
        """Return the object stored under a key; make and store it on first use."""
        if key not in self._made:
            self._read_store()
        if key not in self._made:
            self._made[key] = made = make()
            if self.store is not None and isinstance(made, Result):
                with open(self.store, "a") as file:
                    file.write(json.dumps([key, asdict(made)]) + "\n")
        return self._made[key]

    def corpus(self, name: str) -> Corpus:
        """A corpus by name."""

        def read() -> Corpus:
            corpus = without_copies(READERS[name](self.folder))
            return shortened(corpus, self.limit) if self.limit else corpus

        return self.once(("corpus", name), read)

    def teacher(self, name: str) -> Parts:
        """The teacher's vectors of a corpus."""
        return self.once(("teacher", name), self.corpus(name).embed)

    def measure(
        self, name: str, label: str, vectors: Parts, seconds: float | None
    ) -> Result:
        """Measure vectors of a corpus and print the result on standard error."""
        start = perf_counter()
        values = measured(self.corpus(name), self.teacher(name), vectors)
        text = ", ".join(f"{measure} {value:.4f}" for measure, value in values.items())
        fit = "" if seconds is None else f" fit {seconds:.0f} s;"
        taken = perf_counter() - start
        progress(f"{name}: {label}:{fit} {text} (measured in {taken:.0f} s)")
        return Result(values, vectors.test.shape[1], seconds)

    def student(
        self, name: str, recipe: Recipe, seed: int, n_embedded: int | None = None
    ) -> tuple[LuxicalVectorizer, float]:
        """A fitted student, and the seconds of its fit.

        Students are large, so only two are kept: the default student of the main corpus
        and the most recent student.
        """
        key = ("student", name, recipe_key(recipe), seed, n_embedded)

        def make() -> tuple[LuxicalVectorizer, float]:
            corpus = self.corpus(name)
            vectors = embedded(self.teacher(name).train, n_embedded)
            if recipe.get("teacher_words", "auto") is not None:
                halves = (n_embedded,) if recipe.get("teacher_halves", False) else ()
                self.once(
                    ("texts", name, str(recipe.get("lexical")), *halves),
                    lambda: cache_texts(corpus, vectors, recipe),
                )
            return fitted(corpus, vectors, recipe, seed)

        if key[1:] == (self.main, recipe_key(DEFAULT), self.seeds[0], None):
            return self.once(key, make)
        if self._last[0] != key:
            self._last = (None, None)
            self._last = (key, make())
        return self._last[1]

    def result(
        self,
        name: str,
        recipe: Recipe,
        seed: int,
        n_embedded: int | None = None,
        change: str | int | None = None,
    ) -> Result:
        """Measure a student, possibly with rounded weights or truncated.

        Parameters
        ----------
        name : str
            Corpus.
        recipe : dict
            Parameters that differ from the defaults.
        seed : int
            Seed of the student.
        n_embedded : int or None
            Number of documents with a teacher embedding; None means all.
        change : str, int or None
            A dtype to round the weights to, or a width to truncate the student to.
        """

        def make() -> Result:
            student, seconds = self.student(name, recipe, seed, n_embedded)
            changed = change is not None
            student = changed_student(student, change) if changed else student
            vectors = encode(self.corpus(name).texts, student.transform)
            label = f"student {recipe or ''} seed {seed}"
            label += f", {n_embedded} embedded by the teacher" if n_embedded else ""
            label += f", {change}" if changed else ""
            return self.measure(name, label, vectors, None if changed else seconds)

        key = ("result", name, recipe_key(recipe), seed, n_embedded, change)
        return self.once(key, make)

    def results(self, name: str, recipe: Recipe, **options: object) -> list[Result]:
        """Measure a student with each of the seeds."""
        return [self.result(name, recipe, seed, **options) for seed in self.seeds]


def embedded(vectors: np.ndarray, n_embedded: int | None) -> np.ndarray:
    """Teacher vectors of which all but some, drawn at random, are missing."""
    if n_embedded is None:
        return vectors
    rows = np.random.RandomState(0).permutation(len(vectors))[:n_embedded]
    some = np.full_like(vectors, np.nan)
    some[rows] = vectors[rows]
    return some


def fitted(
    corpus: Corpus, vectors: np.ndarray, recipe: Recipe, seed: int
) -> tuple[LuxicalVectorizer, float]:
    """A student of a corpus, and the seconds of its fit."""
    student = make_student(recipe, seed)
    start = perf_counter()
    student.fit(corpus.texts.train, teacher_embeddings=vectors)
    return student, perf_counter() - start


def cache_texts(corpus: Corpus, vectors: np.ndarray, recipe: Recipe) -> None:
    """Let the teacher embed terms and halves before the fit, which is timed."""
    student, start = make_student(recipe, 0), perf_counter()
    # A fit without its training.
    with mock.patch("sklux._vectorizer.fit_projection"):
        student.fit(corpus.texts.train, teacher_embeddings=vectors)
    seconds = perf_counter() - start
    found = f"{student.n_teacher_terms_:,} terms"
    found += " and halves of documents" * student.teacher_halves
    progress(f"{found} embedded or cached: {seconds:.0f} s")


def make_student(recipe: Recipe, seed: int) -> LuxicalVectorizer:
    """An unfitted student with float32 weights, which other types are compared with."""
    parameters = {"weights_dtype": "float32"} | recipe
    lexical = parameters.pop("lexical", None)
    return LuxicalVectorizer(
        default_teacher(),
        teacher_words=parameters.pop("teacher_words", "auto"),
        teacher_halves=parameters.pop("teacher_halves", False),
        lexical=None if lexical is None else LexicalVectorizer(**lexical),
        projection=ReLUProjection(**parameters),
        random_state=seed,
    )


def changed_student(student: LuxicalVectorizer, change: str | int) -> LuxicalVectorizer:
    """A student with weights of another dtype, or with fewer components."""
    if isinstance(change, str):
        return student.quantize(change)
    return student.truncate(change)


def recipe_key(recipe: Recipe) -> str:
    """Key of the student that a recipe makes; default values are left out."""
    defaults = ReLUProjection().get_params()
    changed = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in recipe.items()
        if name not in defaults or defaults[name] != value
    }
    return repr(sorted(changed.items()))
