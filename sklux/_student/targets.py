"""Targets of the student: teacher embeddings mixed with latent vectors of the corpus.

With t_i the teacher embedding of a document and l_i its latent semantic vector, both of
unit length, and w the weight of the corpus, the whole target is t'_i. Its cosines mix
the cosines of both::

    t'_i = [sqrt(1 - w) t_i, sqrt(w) l_i],   t'_i . t'_j = (1 - w) t_i.t_j + w l_i.l_j

The reduced target consists of the principal directions of the whole targets.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg
from sklearn.preprocessing import normalize

from sklux._student.copies import distinct_examples
from sklux._student.fit_data import FitData, TrainingExamples
from sklux._student.imputation import impute_vectors
from sklux._student.latent import latent_vectors
from sklux._utils.progress import stage
from sklux._utils.similarity import second_moment, unit_rows

# Ridge for the map from the teacher's space, as a part of the largest eigenvalue.
RIDGE = 1e-3
# Width of the latent vectors in the targets, and a larger width for the imputation of
# missing teacher embeddings.
N_LATENT, N_LATENT_IMPUTING = 256, 768


class Targets(NamedTuple):
    """Targets of the student.

    Attributes
    ----------
    whole : ndarray of shape (n_samples, n_whole_components), dtype=np.float32
        Unit rows.
    reduced : ndarray of shape (n_samples, n_components), dtype=np.float32
        The same targets in the width of the student; unit rows.
    components : ndarray of shape (n_components, n_teacher_components), \
            dtype=np.float32
        Linear map of teacher vectors into the space of the reduced targets.
    """

    whole: np.ndarray
    reduced: np.ndarray
    components: np.ndarray

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
        X_views, train = data.X_views, data.train
        if X_views is not None:
            X_views = X_views[np.concatenate([train, train + data.X.shape[0]])]
        return TrainingExamples(
            *(data.X[train], X_views, self.whole[train], self.reduced[train]),
            groups=data.groups[train],
        )


def student_targets(
    data: FitData, *, corpus_weight: float, verbose: bool | None
) -> Targets:
    """Compute the target of each document.

    Parameters
    ----------
    data : FitData
        The data of the fit. Missing teacher embeddings are imputed from the embeddings
        of documents to train on; copies with the same embedding count once.
    corpus_weight : float
        Weight of the latent vectors of the corpus, in [0, 1].
    verbose : bool or None
        Whether to show the stages.

    Returns
    -------
    Targets
        Targets of all documents.
    """
    # The student's vector of a row does not depend on the length of the row.
    X, teacher = normalize(data.X), data.teacher
    latent = np.zeros((X.shape[0], 0), dtype=np.float32)
    if corpus_weight > 0 or not teacher.is_complete:
        n_latent = N_LATENT if teacher.is_complete else N_LATENT_IMPUTING
        with stage("latent vectors of the corpus", verbose):
            latent = latent_vectors(X, n_latent, data.random_state)
    vectors = teacher.vectors
    if not teacher.is_complete:
        known = np.zeros(X.shape[0], dtype=bool)
        embedded = data.train[teacher.is_embedded[data.train]]
        known[distinct_examples(embedded, data.groups, teacher.vectors)] = True
        with stage("imputed teacher embeddings", verbose):
            vectors = impute_vectors(X, latent, teacher.vectors, known, data.terms)
        vectors[teacher.is_embedded] = teacher.vectors[teacher.is_embedded]
    latent = unit_rows(latent[:, :N_LATENT])
    return make_targets(
        vectors, latent, corpus_weight, data.n_components, teacher.is_embedded
    )


def make_targets(
    teacher: np.ndarray,
    latent: np.ndarray,
    weight: float,
    n_components: int,
    is_embedded: np.ndarray,
) -> Targets:
    """Mix teacher embeddings with latent vectors.

    Parameters
    ----------
    teacher : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Unit rows. The target of a zero row is zero.
    latent : ndarray of shape (n_samples, n_latent), dtype=np.float32
        Unit rows, which are not read if ``weight`` is 0.
    weight : float
        Share w, in [0, 1].
    n_components : int
        Width of the student.
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Documents whose teacher embeddings are not imputed.

    Returns
    -------
    Targets
        Targets of all documents.
    """
    whole = teacher
    if weight > 0 and latent.shape[1] > 0:
        parts = [np.sqrt(1 - weight) * teacher, np.sqrt(weight) * latent]
        whole = unit_rows(np.hstack(parts))
        whole[~teacher.any(axis=1)] = 0
    directions = principal_directions(whole, n_components)
    reduced = unit_rows(whole @ directions.T)
    if whole is teacher:
        return Targets(whole, reduced, directions)
    components = nearest_map(teacher[is_embedded], reduced[is_embedded])
    return Targets(whole, reduced, components)


def principal_directions(vectors: np.ndarray, n_components: int) -> np.ndarray:
    """Principal directions of unit vectors, largest first.

    The directions are about the origin and not about the mean. In this way, the
    reduction changes the cosines of the vectors as little as possible.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_features)
        Unit rows.
    n_components : int
        Number of directions, at most n_features.

    Returns
    -------
    ndarray of shape (n_components, n_features), dtype=np.float32
        Orthonormal rows. The largest entry of each row is positive.
    """
    n_features = vectors.shape[1]
    _, found = linalg.eigh(
        second_moment(vectors, vectors),
        subset_by_index=(n_features - n_components, n_features - 1),
    )
    components = found.T[::-1]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(n_components), largest])
    return np.ascontiguousarray(components * signs[:, None], dtype=np.float32)


def nearest_map(vectors: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Linear map from vectors to their targets, by a ridge regression.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_features), dtype=np.float32
        Rows to map.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Targets of these rows.

    Returns
    -------
    ndarray of shape (n_components, n_features), dtype=np.float32
        The matrix C with targets ~ vectors C^T.
    """
    moment = second_moment(vectors, vectors)
    ridge = RIDGE * max(float(np.linalg.norm(moment, 2)), 1e-30)
    moment[np.diag_indices_from(moment)] += ridge
    image = linalg.solve(moment, second_moment(vectors, targets), assume_a="pos")
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
