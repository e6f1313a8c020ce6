"""A report on how near a fitted student is to its teacher."""

import math
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields, replace
from html import escape
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state

from sklux._student.held_out import MIN_VALIDATION_SIZE
from sklux._utils.similarity import (
    MIN_DOCUMENTS,
    cosine_correlation,
    covariance_rank,
    is_zero_row,
    mean_pair_cosine,
    n_neighbors_compared,
    nearest_neighbors,
    neighbor_overlap,
    unit_rows,
)

N_PAIRS = 100_000
# Maximum number of documents whose neighbours are compared.
MAX_DRIFT = 2000
# A student has collapsed if its effective rank is less than this share of the rank that
# it could have.
COLLAPSED_SHARE = 0.25

TABLE = """<div class="sklux-fit-report"><table>
<caption>Student and teacher: {documents}</caption>
<thead><tr><th></th><th>student</th><th>teacher</th></tr></thead>
<tbody>
{rows}
</tbody></table>{notes}</div>"""
ROW = "<tr><th>{}</th><td>{}</td><td>{}</td></tr>"


@dataclass(frozen=True)
class FitReport:
    """Comparison of a student with its teacher on some documents.

    For fewer than three documents, all numbers except `n_documents` and `n_components`
    are None.

    Attributes
    ----------
    n_documents : int
        Number of documents. Documents that the student or the teacher maps to zero are
        left out.
    n_components : int
        Width of the student's vectors.
    held_out : bool
        Whether the documents were held out of the training.
    neighbor_recall : float or None
        Share of the teacher's nearest documents (`n_neighbors`) that the student
        finds too.
    similarity_correlation : float or None
        Pearson correlation of the teacher's and the student's cosines.
    student_effective_rank : float or None
        Result of :func:`sklux.metrics.effective_rank` for the student's vectors.
    teacher_effective_rank : float or None
        The same for the teacher's vectors, in their full width.
    student_mean_cosine : float or None
        Result of :func:`sklux.metrics.mean_cosine` for the student's vectors.
    teacher_mean_cosine : float or None
        The same for the teacher's vectors.
    """

    n_documents: int
    n_components: int
    held_out: bool
    neighbor_recall: float | None = None
    similarity_correlation: float | None = None
    student_effective_rank: float | None = None
    teacher_effective_rank: float | None = None
    student_mean_cosine: float | None = None
    teacher_mean_cosine: float | None = None

    @property
    def n_neighbors(self) -> int:
        """Number of neighbours compared: 10, or at most half of few documents."""
        return n_neighbors_compared(self.n_documents)

    @property
    def is_collapsed(self) -> bool:
        """Whether the student uses less than a quarter of the directions it could use.

        Their number is the teacher's effective rank, or the student's width if it is
        smaller: a narrow student has not collapsed.

        Returns
        -------
        bool
            False if the documents are too few to compare.
        """
        if self.student_effective_rank is None or self.teacher_effective_rank is None:
            return False
        available = min(self.teacher_effective_rank, self.n_components)
        return self.student_effective_rank < COLLAPSED_SHARE * available

    @property
    def is_no_better_than_chance(self) -> bool:
        """Whether the figures of held-out documents may well be chance.

        They may be if both are at most two standard errors above chance: the share of
        neighbours found, and the correlation.

        Returns
        -------
        bool
            False if the documents were not held out, or if there are fewer than 20.
            True if no held-out document has a vector, because none shares a feature
            with a training document.

        Notes
        -----
        If a student's neighbours are drawn at random, the number of common neighbours
        of a document has a hypergeometric distribution. With k neighbours among n
        documents and p = k / (n - 1), the variance of the share is
        p (1 - p) (n - 1 - k) / (k (n - 2)). Neighbours are often mutual, so n documents
        count as n / 2 that are independent. The standard error of the correlation is
        taken as 1 / (2 sqrt(n)), because the pairs of a document depend on each other.
        With random permutations of MiniLM's embeddings of 20 to 2,000 Debian
        descriptions, the standard deviations were 0.7 to 1.1 times these errors.
        """
        n, k = self.n_documents, self.n_neighbors
        recall, correlation = self.neighbor_recall, self.similarity_correlation
        if self.held_out and n == 0:
            return True
        if recall is None or correlation is None:
            return False
        if not self.held_out or n < MIN_VALIDATION_SIZE:
            return False
        chance = k / (n - 1)
        variance = chance * (1 - chance) * (n - 1 - k) / (k * (n - 2))
        recall_error = math.sqrt(variance / (n / 2))
        correlation_error = 0.5 / math.sqrt(n)
        return (
            recall <= chance + 2 * recall_error and correlation <= 2 * correlation_error
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers by name, as values for JSON.

        Returns
        -------
        dict
            Numbers, which `from_dict` reads.
        """
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the report that `as_dict` wrote.

        Parameters
        ----------
        state : mapping
            Numbers by name. Unknown names are ignored.

        Returns
        -------
        FitReport
            The report.

        Raises
        ------
        ValueError
            If a number is missing, has the wrong type, or is not finite.
        """
        values = {}
        for field in fields(cls):
            if field.name not in state:
                raise ValueError(f"The fit report lacks {field.name!r}.")
            value = state[field.name]
            # A class or a union of classes; dataclasses allow a str too.
            allowed: Any = field.type
            is_finite = not isinstance(value, float) or math.isfinite(value)
            if not isinstance(value, allowed) or not is_finite:
                kind = allowed.__name__ if isinstance(allowed, type) else allowed
                raise ValueError(
                    f"{field.name!r} of a fit report must be of type {kind} and "
                    f"finite. Got {value!r} instead."
                )
            values[field.name] = value
        return cls(**values)

    def __str__(self) -> str:
        if None in astuple(self):
            line = f"Student and teacher: {self._documents}, too few to compare."
            return "\n".join(filter(None, (line, self._advice)))
        recall, correlation, *spread = [
            f"{name} {student}" + (f" (teacher {teacher})" if teacher else "")
            for name, student, teacher in self.rows()
        ]
        lines = [
            f"Student and teacher: {self._documents}",
            f"{recall}, {correlation}",
            ", ".join(spread),
            self._caution,
            self._advice,
        ]
        return "\n".join(filter(None, lines))

    def _repr_html_(self) -> str:
        """Table for a notebook."""
        if None in astuple(self):
            return f'<div class="sklux-fit-report">{escape(str(self))}</div>'
        rows = (ROW.format(*map(escape, row)) for row in self.rows())
        notes = filter(None, (self._caution, self._advice))
        return TABLE.format(
            documents=escape(self._documents),
            rows="\n".join(rows),
            notes="".join(f"<p>{escape(note)}</p>" for note in notes),
        )

    @property
    def _documents(self) -> str:
        """Number and kind of the documents."""
        kind = "held-out" if self.held_out else "training"
        noun = "document" if self.n_documents == 1 else "documents"
        return f"{self.n_documents:,} {kind} {noun}"

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the measures as text.

        Returns
        -------
        list of tuple of str
            Name of each measure, its value for the student, and for the teacher, which
            may be empty. Call this only if there were documents enough to compare.
        """
        return [
            (
                f"teacher's {self.n_neighbors} nearest found",
                recall_in_words(
                    self.neighbor_recall, self.n_neighbors, self.n_documents
                ),
                "",
            ),
            ("correlation of cosines", f"{self.similarity_correlation:.3f}", ""),
            (
                "effective rank",
                f"{self.student_effective_rank:.1f}",
                f"{self.teacher_effective_rank:.1f}",
            ),
            (
                "mean cosine",
                f"{self.student_mean_cosine:z.2f}",
                f"{self.teacher_mean_cosine:z.2f}",
            ),
        ]

    @property
    def _advice(self) -> str:
        """Advice in case of a collapse or of chance; otherwise empty."""
        advice = []
        if self.is_collapsed:
            advice.append(
                "The student's vectors have collapsed into few directions: use larger "
                "batches or a lower learning_rate_init. The loss 'cosine' collapses "
                "least."
            )
        if self.is_no_better_than_chance:
            advice.append(
                "The student may be no better than chance: check that the teacher "
                "embeddings belong to these documents, in the same order, and that the "
                "documents have terms in common. Then let the teacher embed more "
                "documents."
            )
        return " ".join(advice)

    @property
    def _caution(self) -> str:
        """Caution about a report on training documents; otherwise empty."""
        if self.held_out:
            return ""
        return (
            "The student was trained on these documents, and is less like its teacher "
            "on others. By default, if 400 or more documents have a teacher embedding, "
            "some of them are held out for this report."
        )


def fit_report(
    student: np.ndarray,
    teacher: np.ndarray,
    *,
    held_out: bool,
    random_state: int | np.random.RandomState | None = None,
) -> FitReport:
    """Compare a student's vectors with its teacher's.

    The cost is all cosines of the documents, computed block by block.

    Parameters
    ----------
    student : ndarray of shape (n_samples, n_components)
        Vectors of any length.
    teacher : ndarray of shape (n_samples, n_teacher_components)
        The teacher's vectors of the same documents, of any length.
    held_out : bool
        Whether the documents were held out of the training.
    random_state : int, RandomState instance or None, default=None
        Source of the pairs of documents for the correlation.

    Returns
    -------
    FitReport
        The report.

    Raises
    ------
    ValueError
        If the numbers of rows differ.
    """
    check_consistent_length(student, teacher)
    pair = unit_rows(student), unit_rows(teacher)
    is_compared = ~(is_zero_row(pair[0]) | is_zero_row(pair[1]))
    student, teacher = (unit[is_compared] for unit in pair)
    n_documents, n_components = student.shape
    report = FitReport(n_documents, n_components, bool(held_out))
    if n_documents < MIN_DOCUMENTS:
        return report
    generator = check_random_state(random_state)
    return replace(
        report,
        neighbor_recall=neighbor_recall(teacher, student, report.n_neighbors),
        similarity_correlation=cosine_correlation(teacher, student, N_PAIRS, generator),
        student_effective_rank=covariance_rank(student),
        teacher_effective_rank=covariance_rank(teacher),
        student_mean_cosine=mean_pair_cosine(student),
        teacher_mean_cosine=mean_pair_cosine(teacher),
    )


@dataclass(frozen=True)
class DriftReport:
    """How far an update of a student moved the vectors of some documents.

    Documents with a zero vector before or after are left out. For fewer than three
    others, the shares are None.

    Attributes
    ----------
    n_documents : int
        Number of documents.
    is_past : bool
        Whether they are documents of earlier fits; otherwise they are the new ones.
    mean_cosine : float or None
        Mean cosine of a document's vectors before and after.
    neighbors_kept : float or None
        Share of the nearest documents before (`n_neighbors`) that are among the nearest
        after.
    """

    n_documents: int
    is_past: bool
    mean_cosine: float | None = None
    neighbors_kept: float | None = None

    @property
    def n_neighbors(self) -> int:
        """Number of neighbours compared: 10, or at most half of few documents."""
        return n_neighbors_compared(self.n_documents)

    def __str__(self) -> str:
        kind = "past" if self.is_past else "new"
        noun = "document" if self.n_documents == 1 else "documents"
        if self.mean_cosine is None or self.neighbors_kept is None:
            return (
                f"Before and after: {self.n_documents:,} {kind} {noun}, too few to "
                "compare."
            )
        return (
            f"Before and after: {self.n_documents:,} {kind} {noun}\n"
            f"mean cosine {self.mean_cosine:.3f}, {100 * self.neighbors_kept:.1f} % of "
            f"the {self.n_neighbors} nearest kept"
        )


def drift_report(before: np.ndarray, after: np.ndarray, is_past: bool) -> DriftReport:
    """Compare the vectors of documents before and after an update.

    Parameters
    ----------
    before, after : ndarray of shape (n_samples, n_components), dtype=np.float32
        Unit rows, or zero rows.
    is_past : bool
        Whether the documents are of earlier fits.

    Returns
    -------
    DriftReport
        The report. The neighbours of at most `MAX_DRIFT` documents are compared.
    """
    is_compared = ~(is_zero_row(before) | is_zero_row(after))
    before, after = before[is_compared], after[is_compared]
    report = DriftReport(len(before), bool(is_past))
    if len(before) < MIN_DOCUMENTS:
        return report
    cosines = np.einsum("ij,ij->i", before, after, dtype=np.float64)
    step = -(-len(before) // MAX_DRIFT)
    queries = np.arange(0, len(before), step)
    return replace(
        report,
        mean_cosine=float(cosines.mean()),
        neighbors_kept=neighbor_overlap(
            nearest_neighbors(before, queries, report.n_neighbors),
            nearest_neighbors(after, queries, report.n_neighbors),
        ),
    )


def recall_in_words(recall: float, n_neighbors: int, n_documents: int) -> str:
    """Share of neighbours found, with the share that random documents give.

    Parameters
    ----------
    recall : float
        The share.
    n_neighbors : int
        Number of neighbours of each document.
    n_documents : int
        Number of documents.

    Returns
    -------
    str
        Both shares in per cent.
    """
    chance = n_neighbors / max(n_documents - 1, 1)
    return f"{100 * recall:.1f} % (by chance {100 * chance:.1f} %)"


def neighbor_recall(
    teacher: np.ndarray, student: np.ndarray, n_neighbors: int
) -> float:
    """Share of the teacher's neighbours that the student finds too.

    Parameters
    ----------
    teacher, student : ndarray of shape (n_samples, n_components)
        Unit rows of the same documents. The widths may differ.
    n_neighbors : int
        Number of neighbours of each document.

    Returns
    -------
    float
        Between 0 and 1.
    """
    queries = np.arange(len(teacher))
    return neighbor_overlap(
        nearest_neighbors(teacher, queries, n_neighbors),
        nearest_neighbors(student, queries, n_neighbors),
    )
