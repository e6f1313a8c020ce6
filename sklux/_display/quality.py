"""Comparison of a student with its teacher, on documents that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length, check_random_state

from sklux._display.drawing import (
    axes_to_draw_on,
    check_paired,
    merged_style,
    root_figure,
    row_of_numbers,
    write_title,
)
from sklux._utils.columns import as_vectors
from sklux._utils.documents import copy_groups, first_of_groups
from sklux._utils.optional import import_optional
from sklux._utils.similarity import (
    nearest_neighbors,
    neighbor_overlap,
    random_pair_cosines,
    unit_rows,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Numbers of neighbours for which the recall is computed; too large ones are left out.
N_NEIGHBORS = (1, 2, 5, 10, 20, 50, 100)


class QualityDisplay:
    """Student against teacher: cosines of pairs, and recall of nearest documents.

    The left half shows the student's cosine against the teacher's cosine for random
    pairs of documents; on the diagonal the two are equal. The right half shows the
    share of the teacher's k nearest documents that are among the student's k nearest.

    Use `from_embeddings` or `from_estimator` to make a display. All parameters are
    stored as attributes.

    Parameters
    ----------
    teacher_cosines : array-like of shape (n_pairs,)
        Cosines of the teacher vectors of pairs of documents.

    student_cosines : array-like of shape (n_pairs,)
        Cosines of the student vectors of the same pairs.

    n_neighbors : array-like of shape (n_counts,)
        Numbers of neighbours, ascending.

    recalls : array-like of shape (n_counts,)
        For each number of neighbours, the share of the teacher's nearest documents that
        are also the student's nearest.

    estimator_name : str or None, default=None
        Title of the picture.

    Attributes
    ----------
    axes_ : ndarray of shape (2,), dtype=object
        Axes of the cosines, and axes of the recalls.

    figure_ : matplotlib Figure
        The figure.

    hexbin_ : matplotlib PolyCollection
        Hexagons, coloured by the number of pairs.

    diagonal_ : matplotlib Line2D
        Line on which both cosines are equal.

    line_ : matplotlib Line2D
        Line of the recalls.

    See Also
    --------
    sklux.metrics.neighbor_recall_score : Recall for one number of neighbours.
    sklux.metrics.similarity_correlation : Correlation of the two cosines.

    Examples
    --------
    >>> import numpy as np
    >>> from sklux import QualityDisplay
    >>> rng = np.random.RandomState(0)
    >>> teacher = rng.random_sample(500)
    >>> display = QualityDisplay(
    ...     teacher_cosines=teacher,
    ...     student_cosines=teacher + rng.normal(scale=0.05, size=500),
    ...     n_neighbors=[1, 5, 10],
    ...     recalls=[0.4, 0.5, 0.55],
    ... )
    >>> display.plot()
    <...QualityDisplay object at ...>
    """

    def __init__(
        self,
        *,
        teacher_cosines: ArrayLike,
        student_cosines: ArrayLike,
        n_neighbors: ArrayLike,
        recalls: ArrayLike,
        estimator_name: str | None = None,
    ):
        self.teacher_cosines = teacher_cosines
        self.student_cosines = student_cosines
        self.n_neighbors = n_neighbors
        self.recalls = recalls
        self.estimator_name = estimator_name

    @classmethod
    def from_embeddings(
        cls,
        teacher_embeddings: ArrayLike,
        student_embeddings: ArrayLike,
        *,
        n_pairs: int = 20_000,
        sample_size: int = 1000,
        random_state: int | np.random.RandomState | None = None,
        axes: Sequence[Axes] | None = None,
        name: str | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Compare the vectors of a teacher and a student.

        Parameters
        ----------
        teacher_embeddings : array-like of shape (n_samples, n_teacher_components)
            Teacher vectors of documents that the student was not fitted on. Leave out
            copies: the copy of a document is always among its nearest.

        student_embeddings : array-like of shape (n_samples, n_components)
            Student vectors of the same documents.

        n_pairs : int, default=20_000
            Number of random pairs of two different documents.

        sample_size : int, default=1000
            Largest number of documents whose neighbours to find; the neighbours are
            searched among all documents.

        random_state : int, RandomState instance or None, default=None
            Source of randomness of the pairs and of the sample of documents.

        axes : sequence of 2 matplotlib Axes or None, default=None
            Axes to draw on. None means a new figure.

        name : str or None, default=None
            Title of the picture.

        line_kw : dict or None, default=None
            Keywords for the line of the recalls.

        Returns
        -------
        QualityDisplay
            The display, with the picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are fewer than 3 documents, the two numbers of vectors differ, or a
            value is not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import QualityDisplay
        >>> teacher = np.random.RandomState(0).standard_normal((60, 8))
        >>> QualityDisplay.from_embeddings(teacher, teacher[:, :6], random_state=0)
        <...QualityDisplay object at ...>
        """
        pair = [
            unit_rows(rows)
            for rows in _checked_pair(teacher_embeddings, student_embeddings)
        ]
        for value, name_ in ((n_pairs, "n_pairs"), (sample_size, "sample_size")):
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(
                    f"{name_} must be an int from 1. Got {value!r} instead."
                )
        generator = check_random_state(random_state)
        n_samples = len(pair[0])
        cosines = random_pair_cosines(pair[0], pair[1], n_pairs, generator)
        counts = [count for count in N_NEIGHBORS if count < n_samples]
        queries = generator.permutation(n_samples)[:sample_size]
        display = cls(
            teacher_cosines=cosines[0],
            student_cosines=cosines[1],
            n_neighbors=counts,
            recalls=recalls(pair[0], pair[1], queries, counts),
            estimator_name=name,
        )
        return display.plot(axes, line_kw=line_kw)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        raw_documents: Sequence[str],
        teacher_embeddings: ArrayLike,
        *,
        n_pairs: int = 20_000,
        sample_size: int = 1000,
        random_state: int | np.random.RandomState | None = None,
        axes: Sequence[Axes] | None = None,
        name: str | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Compare a fitted student with its teacher.

        Parameters
        ----------
        estimator : transformer
            A fitted transformer; `transform` returns vectors of the documents.

        raw_documents : sequence of str of length n_samples
            Documents that the estimator was not fitted on; on the documents of its fit
            the quality would be overestimated. Texts that differ at most in white space
            and case are copies; only the first one is compared.

        teacher_embeddings : array-like of shape (n_samples, n_teacher_components)
            Teacher vectors of these documents.

        n_pairs : int, default=20_000
            Number of random pairs of two different documents.

        sample_size : int, default=1000
            Largest number of documents whose neighbours to find; the neighbours are
            searched among all documents.

        random_state : int, RandomState instance or None, default=None
            Source of randomness of the pairs and of the sample of documents.

        axes : sequence of 2 matplotlib Axes or None, default=None
            Axes to draw on. None means a new figure.

        name : str or None, default=None
            Title of the picture. None means the name of the estimator's class.

        line_kw : dict or None, default=None
            Keywords for the line of the recalls.

        Returns
        -------
        QualityDisplay
            The display, with the picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the estimator is not fitted.
        ValueError
            For the same reasons as in `from_embeddings`. Copies count once.

        Examples
        --------
        >>> from sklux import LuxicalVectorizer, QualityDisplay
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> QualityDisplay.from_estimator(vectorizer, documents[:4], embeddings[:4])
        <...QualityDisplay object at ...>
        """
        teacher, student = _checked_pair(
            teacher_embeddings, estimator.transform(raw_documents)
        )
        different = first_of_groups(copy_groups(raw_documents))
        return cls.from_embeddings(
            teacher[different],
            student[different],
            n_pairs=n_pairs,
            sample_size=sample_size,
            random_state=random_state,
            axes=axes,
            name=type(estimator).__name__ if name is None else name,
            line_kw=line_kw,
        )

    def plot(
        self,
        axes: Sequence[Axes] | None = None,
        *,
        name: str | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the two halves.

        Parameters
        ----------
        axes : sequence of 2 matplotlib Axes or None, default=None
            Axes to draw on. None means a new figure.

        name : str or None, default=None
            Title of the picture. None means `estimator_name`.

        line_kw : dict or None, default=None
            Keywords for the line of the recalls.

        Returns
        -------
        self : object
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not two axes; if one of the four sequences is empty or has a
            value that is not finite; if the numbers of teacher and student cosines
            differ; or if the number of recalls is not the length of `n_neighbors`.
        """
        teacher, student, counts, found = self._checked_rows()
        purpose = "QualityDisplay.plot"
        lines = import_optional("matplotlib.lines", extra="plot", purpose=purpose)
        given = axes_to_draw_on(axes, purpose, 1, 2, figsize=(9, 4.2))
        pair = np.asarray(given, dtype=object).ravel()
        if len(pair) != 2:
            raise ValueError(
                f"axes must be two matplotlib Axes, one for each half. Got {len(pair)}."
            )
        self.axes_, self.figure_ = pair, root_figure(pair[0])
        self._plot_cosines(pair[0], teacher, student)
        style = merged_style(lines.Line2D, line_kw, color="C0", marker="o")
        self._plot_recalls(pair[1], counts, found, style)
        write_title(pair[0], name, self.estimator_name, loc="left")
        return self

    def _checked_rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the four sequences of numbers as arrays; check that they fit."""
        teacher, student, counts, found = (
            row_of_numbers(name, getattr(self, name), is_finite=True)
            for name in ("teacher_cosines", "student_cosines", "n_neighbors", "recalls")
        )
        check_paired(teacher_cosines=teacher, student_cosines=student)
        check_paired(n_neighbors=counts, recalls=found)
        return teacher, student, counts, found

    def _plot_cosines(self, ax: Axes, teacher: np.ndarray, student: np.ndarray) -> None:
        """Draw the number of pairs against both cosines, and the diagonal."""
        low = min(teacher.min(), student.min(), 0.0)
        extent = (low, 1.0, low, 1.0)
        self.hexbin_ = ax.hexbin(
            teacher,
            student,
            gridsize=40,
            bins="log",
            mincnt=1,
            cmap="Blues",
            extent=extent,
        )
        (self.diagonal_,) = ax.plot(
            [low, 1], [low, 1], color="0.4", linewidth=1, linestyle="--"
        )
        ax.set(
            xlabel="Teacher's cosine",
            ylabel="Student's cosine",
            xlim=(low, 1),
            ylim=(low, 1),
            aspect="equal",
        )
        spread = np.std(teacher) * np.std(student)
        if spread > 0:
            correlation = np.mean(
                (teacher - teacher.mean()) * (student - student.mean())
            )
            ax.text(
                0.04,
                0.96,
                f"correlation {correlation / spread:.2f}",
                transform=ax.transAxes,
                va="top",
            )

    def _plot_recalls(
        self, ax: Axes, counts: np.ndarray, found: np.ndarray, style: dict[str, Any]
    ) -> None:
        """Draw the recall against the number of neighbours."""
        (self.line_,) = ax.plot(counts, found, **style)
        ax.set(
            xscale="log",
            xlabel="Nearest documents looked at",
            ylabel="Share of the teacher's that are found",
            ylim=(0, 1.02),
        )
        ax.set_xticks(counts, [f"{count:,.0f}" for count in counts])
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)


def _checked_pair(
    teacher_embeddings: ArrayLike, student_embeddings: ArrayLike
) -> list[np.ndarray]:
    """Return two embeddings of the same documents as arrays of finite numbers."""
    pair = [
        check_array(
            as_vectors(embeddings, name),
            dtype=np.float64,
            ensure_min_samples=3,
            input_name=name,
        )
        for embeddings, name in (
            (teacher_embeddings, "teacher_embeddings"),
            (student_embeddings, "student_embeddings"),
        )
    ]
    check_consistent_length(*pair)
    return pair


def recalls(
    teacher: np.ndarray,
    student: np.ndarray,
    queries: np.ndarray,
    counts: Sequence[int],
) -> list[float]:
    """Share of the teacher's k nearest documents that the student also has, for each k.

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples, n_components), dtype=np.float32
        Unit rows of the same documents; the widths may differ.
    queries : ndarray of shape (n_queries,), dtype=np.intp
        Indices of the documents whose neighbours to find.
    counts : sequence of int
        The values of k, each less than n_samples.

    Returns
    -------
    list of float
        A value between 0 and 1 for each k.
    """
    # One search for the largest k gives the nearest documents for every smaller k.
    first, second = (
        nearest_neighbors(side, queries, max(counts)) for side in (teacher, student)
    )
    return [neighbor_overlap(first[:, :k], second[:, :k]) for k in counts]
