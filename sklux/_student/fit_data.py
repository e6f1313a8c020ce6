"""The data of a fit: documents, their teacher embeddings, and the split."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy import sparse

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
