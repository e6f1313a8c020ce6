"""The data of a fit: documents, their teacher embeddings, and the split."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import numpy as np
from scipy import sparse

from sklux._student.labels import Labels
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._student.term_vectors import TermVectors


class RowSource(Protocol):
    """An array, or an object that computes its rows when they are needed."""

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        """Return the rows with these numbers."""


class TrainingExamples(NamedTuple):
    """Documents to train the student on, and their targets.

    Attributes
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features.
    X_views : CSR matrix of shape (2 * n_samples, n_features), dtype=np.float32, or None
        Features of the first views, then of the second views; None if neither the
        contrastive loss nor targets of views need them.
    whole : RowSource of shape (n_samples, n_whole_components), dtype=np.float32, \
            or None
        Unit rows, the targets of the similarity loss if it is the only loss; None
        otherwise.
    reduced : ndarray of shape (n_samples, n_components), dtype=np.float32
        Unit rows of the student's width, the targets of the cosine loss, and of the
        similarity loss in a sum of both.
    groups : ndarray of shape (n_samples,), dtype=np.intp, or None
        Numbers of the documents; copies have the same number. None means that no
        document has a copy.
    rows : ndarray of shape (n_train,), dtype=np.intp, or None
        Row numbers of the documents to train on; None means all.
    view_targets : TeacherEmbeddings or None
        Targets of the views that have one, by rows of ``X_views``: in the width of the
        student, or the teacher's own vectors if ``whole`` is not None. None without
        teacher embeddings of views.
    """

    X: sparse.csr_matrix
    X_views: sparse.csr_matrix | None
    whole: RowSource | None
    reduced: np.ndarray
    groups: np.ndarray | None = None
    rows: np.ndarray | None = None
    view_targets: TeacherEmbeddings | None = None

    @property
    def n_train(self) -> int:
        """Number of documents to train on."""
        return self.X.shape[0] if self.rows is None else len(self.rows)

    @property
    def has_views(self) -> bool:
        """Whether there are views."""
        return self.X_views is not None

    @property
    def has_view_targets(self) -> bool:
        """Whether views have targets."""
        return self.view_targets is not None

    @property
    def occurs(self) -> np.ndarray | None:
        """Features of documents outside the data of the fit; None if there are none."""
        return None

    def parts(self) -> Iterator[Self]:
        """Yield the examples in parts of an epoch: all at once."""
        yield self

    def arrays(self) -> Iterator[np.ndarray]:
        """Yield arrays that tell these examples from others."""
        for matrix in (self.X, self.X_views):
            if matrix is not None:
                yield from (matrix.data, matrix.indices, matrix.indptr)
        yield self.reduced
        for numbers in (self.groups, self.rows):
            if numbers is not None:
                yield numbers
        if self.view_targets is not None:
            yield self.view_targets.vectors
            yield self.view_targets.is_embedded


class ExampleParts(Protocol):
    """Examples that are made anew in each epoch, a part after the other.

    The attributes are the properties of `TrainingExamples` of the same names.
    """

    @property
    def n_train(self) -> int:
        """Number of documents to train on."""

    @property
    def has_views(self) -> bool:
        """Whether there are views."""

    @property
    def has_view_targets(self) -> bool:
        """Whether views have targets."""

    @property
    def occurs(self) -> np.ndarray | None:
        """Features of documents outside the data of the fit; None if there are none."""

    def parts(self) -> Iterator[TrainingExamples]:
        """Yield the examples of an epoch in parts."""

    def arrays(self) -> Iterator[np.ndarray]:
        """Yield arrays that tell these examples from others."""


class CorpusPart(NamedTuple):
    """Some documents of a corpus that is not in memory.

    Attributes
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features, in the form in which they are learnt.
    teacher : TeacherEmbeddings
        Teacher embeddings of the same documents. None of them need have one.
    X_views : CSR matrix of shape (2 * n_samples, n_features), dtype=np.float32, or None
        Features of the views.
    view_teacher : TeacherEmbeddings or None
        Teacher embeddings of the views, if there are any.
    """

    X: sparse.csr_matrix
    teacher: TeacherEmbeddings
    X_views: sparse.csr_matrix | None
    view_teacher: TeacherEmbeddings | None


@dataclass(frozen=True, eq=False)
class Corpus:
    """A corpus of which a fit has a sample in memory.

    Attributes
    ----------
    n_documents : int
        Number of documents.
    n_embedded : int
        Number of documents with a teacher embedding.
    has_all_embeddings : bool
        Whether documents outside the sample have teacher embeddings. If not, these are
        imputed.
    parts : callable
        Reads the corpus once, and yields each `CorpusPart`. It takes whether the parts
        need views.
    """

    n_documents: int
    n_embedded: int
    has_all_embeddings: bool
    parts: Callable[[bool], Iterator[CorpusPart]]


@dataclass(frozen=True, eq=False)
class FitData:
    """Everything that a fit learns from.

    Attributes
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    teacher : TeacherEmbeddings
        Teacher embeddings of the same documents.
    X_views : CSR matrix of shape (2 * n_samples, n_features), dtype=np.float32, or None
        Features of the first views of all documents, then of all second views.
    terms : TermVectors or None
        Terms that the teacher has embedded too.
    train : ndarray of shape (n_train,), dtype=np.intp
        Row numbers of the documents to train on, in random order.
    held_out : ndarray of shape (n_held_out,), dtype=np.intp
        Row numbers of the documents that score the training; may be empty. Further
        copies of these documents are neither here nor in ``train``.
    n_components : int
        Width of the student.
    random_state : RandomState
        Source of all random numbers of the fit, in the order of its steps.
    groups : ndarray of shape (n_samples,), dtype=np.intp
        Numbers of the documents; copies have the same number.
    view_teacher : TeacherEmbeddings or None
        Teacher embeddings of the rows of ``X_views``, if there are any.
    labels : Labels or None
        Class labels of documents, if they are used.
    """

    X: sparse.csr_matrix
    teacher: TeacherEmbeddings
    X_views: sparse.csr_matrix | None
    terms: TermVectors | None
    train: np.ndarray
    held_out: np.ndarray
    n_components: int
    random_state: np.random.RandomState
    groups: np.ndarray
    view_teacher: TeacherEmbeddings | None = None
    labels: Labels | None = None
