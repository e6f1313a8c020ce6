"""Values of the parameters of a fit that are ``'auto'``."""

from typing import Literal

import numpy as np
from scipy import sparse

# An epoch has about this many steps, as far as the batches stay within bounds.
STEPS_PER_EPOCH = 96
MIN_BATCH_SIZE, MAX_BATCH_SIZE = 32, 512
# Weight of the corpus where all documents are taught.
CORPUS_WEIGHT = 0.12
# Of the corpus's weight. More of the contrastive loss than the second finds halves no
# better, and labels worse.
CONTRASTIVE_SHARE, MAX_CONTRASTIVE_WEIGHT = 0.75, 0.3
# Features of a text so short that others with the same features say nothing of it.
SHORT_LENGTH = 32


def batch_size(value: int | Literal["auto"], n_samples: int) -> int:
    """Documents per step.

    Parameters
    ----------
    value : int or 'auto'
        The parameter of `ReLUProjection`.
    n_samples : int
        Documents to train with.

    Returns
    -------
    int
        ``value``, or n_samples / STEPS_PER_EPOCH within the bounds.
    """
    if value != "auto":
        return int(value)
    return int(np.clip(n_samples // STEPS_PER_EPOCH, MIN_BATCH_SIZE, MAX_BATCH_SIZE))


def corpus_weight(
    value: float | Literal["auto"], X: sparse.csr_matrix, is_embedded: np.ndarray
) -> float:
    """Weight of the corpus's own latent vectors beside the teacher's.

    Parameters
    ----------
    value : float or 'auto'
        The parameter of `ReLUProjection`.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Which of them have a teacher vector.

    Returns
    -------
    float
        ``value``, or CORPUS_WEIGHT times the share that is taught (the vectors of the
        others are guessed from the corpus, and hold it already) and times what the
        texts say by themselves, `length_factor`.
    """
    if value != "auto":
        return float(value)
    return float(CORPUS_WEIGHT * is_embedded.mean() * length_factor(X))


def contrastive_weight(
    value: float | Literal["auto"],
    corpus: float | Literal["auto"],
    X: sparse.csr_matrix,
) -> float:
    """Weight of the contrastive loss, where there are views.

    Parameters
    ----------
    value, corpus : float or 'auto'
        The parameters `contrastive_weight` and `corpus_weight` of `ReLUProjection`.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.

    Returns
    -------
    float
        ``value``, or CONTRASTIVE_SHARE of ``corpus`` (of CORPUS_WEIGHT where that is
        ``'auto'``), at most MAX_CONTRASTIVE_WEIGHT, times `length_factor`.
    """
    if value != "auto":
        return float(value)
    weight = CORPUS_WEIGHT if corpus == "auto" else corpus
    weight = min(CONTRASTIVE_SHARE * weight, MAX_CONTRASTIVE_WEIGHT)
    return weight * length_factor(X)


def length_factor(X: sparse.csr_matrix) -> float:
    """How much texts of this length say by their own words, from 0 to 1.

    With m the median number of features that a text has, of those that have one::

        min(max(m / SHORT_LENGTH - 1, 0), 1)

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.

    Returns
    -------
    float
        0 for sentences, 1 for paragraphs.
    """
    is_value = X.data != 0
    lengths = np.diff(np.concatenate([[0], np.cumsum(is_value)])[X.indptr])
    lengths = lengths[lengths > 0]
    if len(lengths) == 0:
        return 0.0
    return float(np.clip(np.median(lengths) / SHORT_LENGTH - 1, 0, 1))
