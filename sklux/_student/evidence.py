"""Which features predict teacher embeddings of held-out documents best, untrained.

A kernel ridge regression (Saunders, Gammerman and Vovk, 1998) from unit rows to teacher
embeddings takes a second for fifteen hundred documents. The order of its scores is the
order of the students that are trained on the same features.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklux._student.fit_data import FitData
from sklux._student.products import normalized
from sklux._utils.blocks import row_lengths
from sklux._utils.documents import first_of_groups
from sklux._utils.similarity import (
    n_neighbors_compared,
    n_shared_neighbors,
    nearest_neighbors,
    unit_rows,
)

# Strength of the ridge regression on unit rows.
ALPHA = 0.1
# Documents to learn from, and to predict; a choice from fewer is left to chance.
MAX_DOCUMENTS, MIN_DOCUMENTS = 1500, 200
# A difference of this many standard errors counts.
N_ERRORS = 2.0
# Documents of the comparison of views: a thousand to learn from, as many to predict.
MAX_VIEWED = 2000


class Evidence(NamedTuple):
    """How well held-out documents are predicted.

    Attributes
    ----------
    cosine : float
        Mean cosine of the predicted to the given embeddings.
    overlaps : ndarray of shape (n_held_out,), dtype=np.float64
        For each held-out document, the share of its nearest documents that the
        prediction finds.
    """

    cosine: float
    overlaps: np.ndarray


def best_setting(
    rows_of: Callable[[float], sparse.csr_matrix],
    vectors: np.ndarray,
    settings: Sequence[float],
) -> float:
    """Return the setting whose features predict the teacher's embeddings best.

    Parameters
    ----------
    rows_of : callable
        Takes a setting; returns the features of the documents, a CSR matrix of shape
        (n_samples, n_features).
    vectors : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Teacher embeddings of the same documents, unit rows. Every second document is
        held out.
    settings : sequence of float
        The first is the default. Another setting is chosen only if it finds more of the
        nearest documents, by more than two standard errors, and has a larger cosine.
        Among several such settings, the largest cosine decides.

    Returns
    -------
    float
        One of the settings.
    """
    if len(vectors) < 2 * MIN_DOCUMENTS:
        return settings[0]
    default = evidence(rows_of(settings[0]), vectors)
    best, cosine = settings[0], default.cosine
    for setting in settings[1:]:
        found = evidence(rows_of(setting), vectors)
        is_gain = _is_clear(found.overlaps - default.overlaps)
        if is_gain and found.cosine > cosine:
            best, cosine = setting, found.cosine
    return best


def evidence(X: sparse.csr_matrix, vectors: np.ndarray) -> Evidence:
    """Predict the embeddings of every second document from the others.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features.
    vectors : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Teacher embeddings, unit rows.

    Returns
    -------
    Evidence
        The scores.
    """
    expected = vectors[1::2]
    predicted = _predicted(X, np.arange(X.shape[0]), vectors)
    n_neighbors = n_neighbors_compared(len(expected))
    queries = np.arange(len(expected))
    wanted = nearest_neighbors(expected, queries, n_neighbors)
    found = nearest_neighbors(predicted, queries, n_neighbors)
    cosine = float(np.einsum("ij,ij->i", predicted, expected).mean())
    return Evidence(cosine, n_shared_neighbors(wanted, found) / n_neighbors)


def one_view_predicts_best(data: FitData) -> bool:
    """Tell whether the teacher seems to have seen only one view of the documents.

    A teacher may read only the beginning of a long text. Then the first half alone
    predicts its embeddings of held-out documents better than the whole text, whose
    other words are noise.

    Parameters
    ----------
    data : FitData
        The data of the fit. Documents to train on are compared: those with a teacher
        embedding and features in both views; of copies, one.

    Returns
    -------
    bool
        Whether one of the two views alone predicts embeddings of a larger mean cosine
        than the whole documents do, by more than two standard errors. False without
        views, and with fewer than `MIN_DOCUMENTS` documents to predict.
    """
    if data.X_views is None:
        return False
    rows = _viewed(data)
    if len(rows) < 2 * MIN_DOCUMENTS:
        return False
    vectors, n_samples = data.teacher.unit(rows), data.X.shape[0]
    whole = _cosines(data.X, rows, vectors)
    return any(
        _is_clear(_cosines(data.X_views, view, vectors) - whole)
        for view in (rows, rows + n_samples)
    )


def _is_clear(gains):
    """Whether the mean of some gains is above 0 by more than N_ERRORS errors."""
    return gains.mean() > N_ERRORS * gains.std() / np.sqrt(len(gains))


def _viewed(data):
    """Rows of different documents with an embedding and both views, in random order."""
    rows = data.train[data.teacher.is_embedded[data.train]]
    lengths = row_lengths(data.X_views).reshape(2, -1)
    rows = rows[(lengths[:, rows] > 0).all(axis=0)]
    return rows[first_of_groups(data.groups[rows])][:MAX_VIEWED]


def _cosines(X, rows, vectors):
    """Cosine of the predicted to the given embedding of every second document."""
    return np.einsum("ij,ij->i", _predicted(X, rows, vectors), vectors[1::2])


def _predicted(X, rows, vectors):
    """Embeddings of every second row, by kernel ridge regression from the others."""
    learnt, held_out = normalized(X, rows[::2]), normalized(X, rows[1::2])
    mean = vectors[::2].mean(axis=0, dtype=np.float64)
    kernel = (learnt @ learnt.T).toarray().astype(np.float64)
    kernel[np.diag_indices_from(kernel)] += ALPHA
    weights = np.linalg.solve(kernel, vectors[::2] - mean)
    return unit_rows((held_out @ learnt.T) @ weights + mean).astype(np.float32)
