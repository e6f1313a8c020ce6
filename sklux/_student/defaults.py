"""Values of parameters of `ReLUProjection` that are ``'auto'``."""

from collections.abc import Callable
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
# The same if the teacher seems to have seen only one of the two views of a document.
PARTIAL_CORPUS_WEIGHT = 0.5
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


def full_corpus_weight(
    value: float | Literal["auto"], sees_one_view: Callable[[], bool]
) -> float:
    """Weight of the corpus for long documents that all have a teacher embedding.

    Parameters
    ----------
    value : float or 'auto'
        The parameter `corpus_weight` of `ReLUProjection`.
    sees_one_view : callable
        Tells whether the teacher seems to have seen only one view of the documents;
        called only if ``value`` is ``'auto'``.

    Returns
    -------
    float
        ``value``, or CORPUS_WEIGHT or PARTIAL_CORPUS_WEIGHT.
    """
    if value != "auto":
        return float(value)
    return PARTIAL_CORPUS_WEIGHT if sees_one_view() else CORPUS_WEIGHT


def corpus_weight(
    value: float | Literal["auto"],
    X: sparse.csr_matrix,
    is_embedded: np.ndarray,
    full: float = CORPUS_WEIGHT,
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
    full : float, default=CORPUS_WEIGHT
        Result of `full_corpus_weight`.

    Returns
    -------
    float
        ``value``, or ``full`` times `length_factor` times the share of the
        documents with a teacher embedding. The other embeddings are imputed from the
        corpus, and so they contain it already.
    """
    if value != "auto":
        return float(value)
    return float(full * is_embedded.mean() * length_factor(X))


def contrastive_weight(
    value: float | Literal["auto"], full: float, X: sparse.csr_matrix
) -> float:
    """Weight of the contrastive loss if there are views.

    Parameters
    ----------
    value : float or 'auto'
        The parameter of `ReLUProjection`.
    full : float
        Result of `full_corpus_weight`.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.

    Returns
    -------
    float
        ``value``, or CONTRASTIVE_SHARE of ``full``, at most MAX_CONTRASTIVE_WEIGHT,
        times `length_factor`.
    """
    if value != "auto":
        return float(value)
    return min(CONTRASTIVE_SHARE * full, MAX_CONTRASTIVE_WEIGHT) * length_factor(X)


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
