"""The choice of documents that are held out to score the training."""

from typing import Literal

import numpy as np

# Among fewer documents, the ten nearest are not near.
MIN_VALIDATION_SIZE, MAX_VALIDATION_SIZE = 20, 2000


def split_held_out(
    is_embedded: np.ndarray,
    early_stopping: bool | Literal["auto"],
    validation_fraction: float,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the documents at random into documents to train on and held-out ones.

    Parameters
    ----------
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Which documents have a teacher embedding. Only these are held out.
    early_stopping : bool or 'auto'
        Whether to hold out documents, as in `ReLUProjection`.
    validation_fraction : float
        Share of the documents with a teacher embedding to hold out.
    random_state : RandomState
        Source of the choice and of the order.

    Returns
    -------
    train : ndarray of shape (n_train,), dtype=np.intp
        Row numbers of the documents to train on, in random order.
    validation : ndarray of shape (n_validation,), dtype=np.intp
        Row numbers of the held-out documents: none, or 20 to 2,000.

    Raises
    ------
    ValueError
        If too few documents can be held out, or none remain to train on.
    """
    order = random_state.permutation(len(is_embedded))
    order = np.concatenate([order[is_embedded[order]], order[~is_embedded[order]]])
    n_validation = _n_validation(
        int(is_embedded.sum()), early_stopping, validation_fraction
    )
    train, validation = order[n_validation:], order[:n_validation]
    return random_state.permutation(train), validation


def _n_validation(n_embedded, early_stopping, validation_fraction):
    """Number of documents to hold out."""
    is_auto = isinstance(early_stopping, str)
    if not (is_auto or early_stopping):
        return 0
    n_validation = min(
        int(round(validation_fraction * n_embedded)), MAX_VALIDATION_SIZE
    )
    if not is_auto and n_validation < MIN_VALIDATION_SIZE:
        raise ValueError(
            f"early_stopping=True needs {MIN_VALIDATION_SIZE} held-out documents, but "
            f"validation_fraction={validation_fraction} gives {n_validation} of the "
            f"documents with a teacher embedding ({n_embedded}). Raise "
            "validation_fraction, or set early_stopping=False."
        )
    if n_validation == n_embedded:
        raise ValueError(
            f"validation_fraction={validation_fraction} holds out all {n_embedded} "
            "documents with a teacher embedding: none is left to train on. Lower it, "
            "or set early_stopping=False."
        )
    return n_validation if n_validation >= MIN_VALIDATION_SIZE else 0
