"""Targets of the student: teacher embeddings mixed with latent vectors of the corpus.

With t_i the teacher embedding of a document and l_i its latent semantic vector, both of
unit length, and w the weight of the corpus, the whole target is t'_i. Its cosines mix
the cosines of both::

    t'_i = [sqrt(1 - w) t_i, sqrt(w) l_i],   t'_i . t'_j = (1 - w) t_i.t_j + w l_i.l_j

The reduced target consists of the principal directions of the whole targets. If the
teacher's columns have names, the directions may be the axes of the teacher's space.
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from sklux._student.copies import distinct_examples
from sklux._student.fit_data import (
    Corpus,
    CorpusPart,
    FitData,
    RowSource,
    TrainingExamples,
)
from sklux._student.imputation import Imputation, fit_imputation
from sklux._student.latent import latent_directions
from sklux._student.products import csr_product, normalized
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._utils.blocks import row_blocks
from sklux._utils.progress import stage
from sklux._utils.similarity import second_moment, unit_rows

# Ridge for the map from the teacher's space, as a part of the largest eigenvalue.
RIDGE = 1e-3
# Width of the latent vectors in the targets, and a larger width for the imputation of
# missing teacher embeddings.
N_LATENT, N_LATENT_IMPUTING = 256, 768
# Maximum number of documents for the principal directions, and for the map from the
# teacher's space.
SAMPLE_SIZE = 100_000


class TeacherRows:
    """Teacher embeddings of all documents, imputed if needed when they are read.

    Parameters
    ----------
    data : FitData or CorpusPart
        The documents.
    imputation : Imputation or None, default=None
        Imputes the embeddings of documents that have none; None leaves them zero.
    """

    def __init__(
        self, data: FitData | CorpusPart, imputation: Imputation | None = None
    ):
        self.data, self.imputation = data, imputation

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Unit rows of the documents with these numbers."""
        vectors = self.data.teacher.unit(rows)
        missing = np.flatnonzero(~self.data.teacher.is_embedded[rows])
        if self.imputation is not None and len(missing):
            X = normalized(self.data.X, rows[missing])
            vectors[missing] = self.imputation.vectors(X)
        return vectors


class LatentRows:
    """Latent vectors of all documents, computed when they are read.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    directions : ndarray of shape (n_features, n_latent), dtype=np.float32
        Latent directions of the corpus.
    """

    def __init__(self, X: sparse.csr_matrix, directions: np.ndarray):
        self.X, self.directions = X, directions

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Unit rows of the documents with these numbers."""
        return unit_rows(csr_product(normalized(self.X, rows), self.directions))


class MixedRows:
    """Whole targets of all documents, computed when they are read.

    Parameters
    ----------
    teacher : RowSource of shape (n_samples, n_teacher_components)
        Unit rows. The target of a zero row is zero.
    latent : RowSource of shape (n_samples, n_latent)
        Unit rows.
    weight : float
        Share w of the latent vectors, in [0, 1].
    """

    def __init__(self, teacher: RowSource, latent: RowSource, weight: float):
        self.teacher, self.latent, self.weight = teacher, latent, weight

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Unit rows of the documents with these numbers."""
        teacher, latent = self.teacher[rows], self.latent[rows]
        parts = [np.sqrt(1 - self.weight) * teacher, np.sqrt(self.weight) * latent]
        whole = unit_rows(np.hstack(parts))
        whole[~teacher.any(axis=1)] = 0
        return whole


class TargetMap(NamedTuple):
    """How documents of the corpus outside the data of the fit get their targets.

    Attributes
    ----------
    directions : ndarray of shape (n_components, n_whole_components), dtype=np.float32
        Principal directions of the whole targets, or all axes of their space.
    imputation : Imputation or None
        Imputes missing teacher embeddings; None leaves them zero.
    latent : ndarray of shape (n_features, n_latent), dtype=np.float32, or None
        Latent directions; None if the targets do not depend on the corpus.
    corpus_weight : float
        Share of the latent vectors.
    """

    directions: np.ndarray
    imputation: Imputation | None
    latent: np.ndarray | None
    corpus_weight: float

    def examples(
        self,
        part: CorpusPart,
        targets: "Targets",
        rows: np.ndarray,
        groups: np.ndarray | None,
    ) -> TrainingExamples:
        """Return documents of a part with their targets.

        Parameters
        ----------
        part : CorpusPart
            The part.
        targets : Targets
            The targets of the fit.
        rows : ndarray of shape (n_rows,), dtype=np.intp
            Row numbers of documents that may be trained on. Those without a target are
            left out.
        groups : ndarray of shape (n_samples,), dtype=np.intp, or None
            Numbers of the documents; copies have the same number. None means that no
            document has a copy.

        Returns
        -------
        TrainingExamples
            The other documents.
        """
        teacher = TeacherRows(part, self.imputation)
        latent = None if self.latent is None else LatentRows(part.X, self.latent)
        whole = _mixed(teacher, latent, self.corpus_weight)
        reduced = np.zeros((part.X.shape[0], len(self.directions)), dtype=np.float32)
        for block in _blocks(rows):
            reduced[block] = unit_rows(whole[block] @ self.directions.T)
        return TrainingExamples(
            *(part.X, part.X_views, None if targets.whole is None else whole, reduced),
            groups=groups,
            rows=rows[reduced[rows].any(axis=1)],
            view_targets=targets.of_views(part.view_teacher),
        )


class Targets(NamedTuple):
    """Targets of the student.

    Attributes
    ----------
    whole : RowSource of shape (n_samples, n_whole_components), dtype=np.float32, \
            or None
        Unit rows, which may be computed when they are read: all of them would take
        more memory than the documents. None if they are not needed.
    reduced : ndarray of shape (n_samples, n_components), dtype=np.float32
        The same targets in the width of the student; unit rows.
    components : ndarray of shape (n_components, n_teacher_components), \
            dtype=np.float32
        Linear map of teacher vectors into the space of the reduced targets.
    map : TargetMap or None
        How other documents get their targets; None if there are no others.
    names : ndarray of shape (n_components,), dtype=object, or None
        Names of the columns of ``reduced``, if they are columns of the teacher.
    """

    whole: RowSource | None
    reduced: np.ndarray
    components: np.ndarray
    map: TargetMap | None = None
    names: np.ndarray | None = None

    def examples(self, data: FitData) -> TrainingExamples:
        """Return the documents to train on, and their targets.

        Parameters
        ----------
        data : FitData
            The data of the fit.

        Returns
        -------
        TrainingExamples
            The documents in the order of ``data.train``.
        """
        return TrainingExamples(
            *(data.X, data.X_views, self.whole, self.reduced),
            groups=data.groups,
            rows=data.train,
            view_targets=self.of_views(data.view_teacher),
        )

    def of_views(self, teacher: TeacherEmbeddings | None) -> TeacherEmbeddings | None:
        """Return the targets of views.

        Parameters
        ----------
        teacher : TeacherEmbeddings or None
            Their teacher embeddings; None if no view has one.

        Returns
        -------
        TeacherEmbeddings or None
            The same in the space that is compared.
        """
        if teacher is None or self.whole is not None:
            return teacher
        return teacher.projected(self.components)


def student_targets(
    data: FitData,
    *,
    corpus_weight: float,
    keeps_columns: bool = False,
    needs_whole: bool,
    verbose: bool | None,
    corpus: Corpus | None = None,
) -> Targets:
    """Compute the target of each document.

    Parameters
    ----------
    data : FitData
        The data of the fit. Missing teacher embeddings are imputed from the embeddings
        of documents to train on; copies with the same embedding count once.
    corpus_weight : float
        Weight of the latent vectors of the corpus, in [0, 1].
    keeps_columns : bool, default=False
        Whether the columns of the reduced targets are the teacher's columns. The corpus
        then has no weight.
    needs_whole : bool
        Whether the training needs the whole targets. They hold arrays with a row for
        each feature.
    verbose : bool or None
        Whether to show the stages.
    corpus : Corpus or None, default=None
        The corpus, if the data are a sample of it. Then the targets have a `map`.

    Returns
    -------
    Targets
        Targets of all documents of the data.
    """
    X, teacher = data.X, data.teacher
    latent, imputation, latent_part = None, None, None
    is_complete = teacher.is_complete and (corpus is None or corpus.has_all_embeddings)
    n_latent = n_latent_needed(is_complete, corpus_weight)
    if n_latent > 0:
        with stage("latent vectors of the corpus", verbose):
            directions = latent_directions(X, n_latent, data.random_state)
        if not is_complete:
            with stage("imputed teacher embeddings", verbose):
                imputation = _fitted_imputation(data, directions)
        latent_part = np.ascontiguousarray(directions[:, :N_LATENT])
        latent = LatentRows(X, latent_part)
        del directions
    title = "targets (columns of the teacher)" if keeps_columns else "targets"
    with stage(title, verbose):
        targets = make_targets(
            TeacherRows(data, imputation),
            latent,
            corpus_weight,
            data.n_components,
            teacher.is_embedded,
            np.eye(data.n_components, dtype=np.float32) if keeps_columns else None,
        )
    names = None
    if keeps_columns and teacher.names is not None:
        names = np.array(teacher.names, dtype=object)
    kept = None
    if corpus is not None and targets.map is not None:
        kept = targets.map._replace(imputation=imputation, latent=latent_part)
    whole = targets.whole if needs_whole else None
    return targets._replace(whole=whole, map=kept, names=names)


def n_latent_needed(is_complete: bool, corpus_weight: float) -> int:
    """Number of latent directions that the targets need.

    Parameters
    ----------
    is_complete : bool
        Whether all documents have a teacher embedding.
    corpus_weight : float
        Weight of the latent vectors in the targets.

    Returns
    -------
    int
        0 if the targets do not depend on the corpus.
    """
    if not is_complete:
        return N_LATENT_IMPUTING
    return N_LATENT if corpus_weight > 0 else 0


def _fitted_imputation(data, directions):
    """The imputation, from the documents to train on."""
    embedded = data.train[data.teacher.is_embedded[data.train]]
    teacher = TeacherRows(data)
    known = distinct_examples(embedded, data.groups, teacher)
    return fit_imputation(data.X, directions, teacher, known, data.terms)


def make_targets(
    teacher: RowSource,
    latent: RowSource | None,
    weight: float,
    n_components: int,
    is_embedded: np.ndarray,
    directions: np.ndarray | None = None,
) -> Targets:
    """Mix teacher embeddings with latent vectors.

    Parameters
    ----------
    teacher : RowSource of shape (n_samples, n_teacher_components), dtype=np.float32
        Unit rows. The target of a zero row is zero.
    latent : RowSource of shape (n_samples, n_latent), dtype=np.float32, or None
        Unit rows, which are not read if ``weight`` is 0; None means that there are
        none.
    weight : float
        Share w, in [0, 1].
    n_components : int
        Width of the student.
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Documents whose teacher embeddings are not imputed.
    directions : ndarray of shape (n_components, n_whole_components), \
            dtype=np.float32, or None, default=None
        Orthonormal directions that the reduced targets keep. None means the principal
        directions.

    Returns
    -------
    Targets
        Targets of all documents.
    """
    whole = _mixed(teacher, latent, weight)
    everything = np.arange(len(is_embedded))
    if directions is None:
        directions = principal_directions(
            (whole[rows] for rows in _blocks(_sampled(everything))), n_components
        )
    reduced = np.empty((len(is_embedded), n_components), dtype=np.float32)
    for rows in _blocks(everything):
        reduced[rows] = unit_rows(whole[rows] @ directions.T)
    target_map = TargetMap(directions, None, None, weight)
    if whole is teacher:
        return Targets(whole, reduced, directions, target_map)
    embedded = _blocks(_sampled(np.flatnonzero(is_embedded)))
    pairs = ((teacher[rows], reduced[rows]) for rows in embedded)
    return Targets(whole, reduced, nearest_map(pairs), target_map)


def _mixed(teacher: RowSource, latent: RowSource | None, weight: float) -> RowSource:
    """Whole targets: the teacher's vectors, with latent vectors if they have weight."""
    if weight > 0 and latent is not None:
        return MixedRows(teacher, latent, weight)
    return teacher


def _blocks(rows):
    """Row numbers in blocks."""
    return (rows[block] for block in row_blocks(len(rows)))


def _sampled(rows):
    """At most SAMPLE_SIZE of some row numbers, evenly spaced."""
    return rows[:: -(-len(rows) // SAMPLE_SIZE)]


def principal_directions(blocks: Iterable[np.ndarray], n_components: int) -> np.ndarray:
    """Principal directions of unit vectors, largest first.

    The directions are about the origin and not about the mean. In this way, the
    reduction changes the cosines of the vectors as little as possible.

    Parameters
    ----------
    blocks : iterable of ndarray of shape (n_rows, n_features)
        Unit rows, a block at a time.
    n_components : int
        Number of directions, at most n_features.

    Returns
    -------
    ndarray of shape (n_components, n_features), dtype=np.float32
        Orthonormal rows. The largest entry of each row is positive.
    """
    moment = reduce(np.add, (second_moment(vectors, vectors) for vectors in blocks))
    n_features = len(moment)
    _, found = linalg.eigh(
        moment,
        subset_by_index=(n_features - n_components, n_features - 1),
    )
    components = found.T[::-1]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(n_components), largest])
    return np.ascontiguousarray(components * signs[:, None], dtype=np.float32)


def nearest_map(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Linear map from vectors to their targets, by a ridge regression.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        Rows to map, of shape (n_rows, n_features), and their targets, of shape
        (n_rows, n_components), both of dtype float32, a block at a time.

    Returns
    -------
    ndarray of shape (n_components, n_features), dtype=np.float32
        The matrix C with targets ~ vectors C^T.
    """
    moments = (
        second_moment(vectors, np.hstack([vectors, targets]))
        for vectors, targets in pairs
    )
    total = reduce(np.add, moments)
    moment, products = np.split(total, [len(total)], axis=1)
    ridge = RIDGE * max(float(np.linalg.norm(moment, 2)), 1e-30)
    moment[np.diag_indices_from(moment)] += ridge
    image = linalg.solve(moment, products, assume_a="pos")
    return np.ascontiguousarray(image.T, dtype=np.float32)


def nearest_rotation(student: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation that brings the student's vectors nearest to the targets.

    This is the orthogonal Procrustes problem: R = U V^T with student^T target = U S V^T
    minimises sum_i |student_i R - target_i|^2. The similarity loss depends only on
    angles and is the same for all rotations of a student. With this rotation, teacher
    vectors can be compared with the student's vectors.

    Parameters
    ----------
    student, target : ndarray of shape (n_samples, n_components)
        Unit rows of the same documents.

    Returns
    -------
    ndarray of shape (n_components, n_components), dtype=np.float32
        Orthogonal matrix.
    """
    rotation, _ = linalg.orthogonal_procrustes(
        student.astype(np.float64), target.astype(np.float64)
    )
    return rotation.astype(np.float32)
