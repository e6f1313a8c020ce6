"""Values of parameters of `ReLUProjection` that are ``'auto'``."""

from typing import Literal

import numpy as np
from scipy import sparse

from sklux._student.arguments import AUTO_TEMPERATURE, LUXICAL_TEMPERATURE
from sklux._utils.blocks import row_lengths

# An epoch has about this many steps, if the batch size is within its bounds.
STEPS_PER_EPOCH = 96
MIN_BATCH_SIZE, MAX_BATCH_SIZE = 32, 512
# Weight of the corpus if all documents have a teacher embedding.
CORPUS_WEIGHT = 0.12
# The contrastive weight as a share of the corpus weight, and its maximum. A larger
# maximum did not improve the retrieval of halves, and labels were found less well.
CONTRASTIVE_SHARE, MAX_CONTRASTIVE_WEIGHT = 0.75, 0.3
# With this many features a text is so short that a text which shares features with it
# may be about something else.
SHORT_LENGTH = 32


def batch_size(value: int | Literal["auto"], n_samples: int) -> int:
    """Number of documents per step.

    Parameters
    ----------
    value : int or 'auto'
        The parameter of `ReLUProjection`.
    n_samples : int
        Number of documents to train on.

    Returns
    -------
    int
        ``value``, or n_samples / STEPS_PER_EPOCH within the bounds.
    """
    if value != "auto":
        return int(value)
    return int(np.clip(n_samples // STEPS_PER_EPOCH, MIN_BATCH_SIZE, MAX_BATCH_SIZE))


def temperature(value: float | Literal["auto"], loss: dict[str, float]) -> float:
    """Temperature of the similarity loss.

    Parameters
    ----------
    value : float or 'auto'
        The parameter of `ReLUProjection`.
    loss : dict of str to float
        Weights of the losses, from `check_loss`.

    Returns
    -------
    float
        ``value``, or AUTO_TEMPERATURE with another loss, LUXICAL_TEMPERATURE alone.
    """
    if value != "auto":
        return float(value)
    return LUXICAL_TEMPERATURE if set(loss) == {"similarity_kl"} else AUTO_TEMPERATURE


def corpus_weight(
    value: float | Literal["auto"], X: sparse.csr_matrix, is_embedded: np.ndarray
) -> float:
    """Weight of the latent vectors of the corpus in the targets.

    Parameters
    ----------
    value : float or 'auto'
        The parameter of `ReLUProjection`.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Which of them have a teacher embedding.

    Returns
    -------
    float
        ``value``, or CORPUS_WEIGHT times `length_factor` times the share of the
        documents with a teacher embedding. The other embeddings are imputed from the
        corpus, and so they contain it already.
    """
    if value != "auto":
        return float(value)
    return float(CORPUS_WEIGHT * is_embedded.mean() * length_factor(X))


def contrastive_weight(
    value: float | Literal["auto"],
    corpus: float | Literal["auto"],
    X: sparse.csr_matrix,
) -> float:
    """Weight of the contrastive loss if there are views.

    Parameters
    ----------
    value, corpus : float or 'auto'
        The parameters `contrastive_weight` and `corpus_weight` of `ReLUProjection`.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.

    Returns
    -------
    float
        ``value``, or CONTRASTIVE_SHARE of ``corpus`` (of CORPUS_WEIGHT if ``corpus``
        is ``'auto'``), at most MAX_CONTRASTIVE_WEIGHT, times `length_factor`.
    """
    if value != "auto":
        return float(value)
    weight = CORPUS_WEIGHT if corpus == "auto" else corpus
    weight = min(CONTRASTIVE_SHARE * weight, MAX_CONTRASTIVE_WEIGHT)
    return weight * length_factor(X)


def length_factor(X: sparse.csr_matrix) -> float:
    """Factor on the weights of the corpus, which is smaller for short texts.

    Few words tell little about a text. With m the median number of non-zero features,
    without texts that have none::

        min(max(m / SHORT_LENGTH - 1, 0), 1)

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.

    Returns
    -------
    float
        Between 0 (sentences) and 1 (paragraphs).
    """
    lengths = row_lengths(X)
    lengths = lengths[lengths > 0]
    if len(lengths) == 0:
        return 0.0
    return float(np.clip(np.median(lengths) / SHORT_LENGTH - 1, 0, 1))
