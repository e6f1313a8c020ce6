"""The choice of documents that are held out to score the training."""

from typing import Literal

import numpy as np

from sklux._utils.documents import first_of_groups

# Among fewer documents, the ten nearest are not near.
MIN_VALIDATION_SIZE, MAX_VALIDATION_SIZE = 20, 2000


def split_held_out(
    is_embedded: np.ndarray,
    groups: np.ndarray,
    early_stopping: bool | Literal["auto"],
    validation_fraction: float,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the documents at random into documents to train on and held-out ones.

    A document and its copies are on one side. The first copy with a teacher embedding
    is held out; the others are on neither side. The documents that leave the training
    are at most the wanted share. If a document and its copies are more than a 20th of
    this share, they stay in the training: so the share has room for 20 different
    documents.

    Parameters
    ----------
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Which documents have a teacher embedding. Only these are held out.
    groups : ndarray of shape (n_samples,), dtype=np.intp
        Numbers of the documents; copies have the same number.
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
    validation = np.zeros(0, dtype=np.intp)
    if isinstance(early_stopping, str) or early_stopping:
        wanted = int(round(validation_fraction * np.count_nonzero(is_embedded)))
        validation = _held_out(is_embedded, groups, order, wanted)
        if not isinstance(early_stopping, str):
            _refuse_too_few(len(validation), is_embedded, validation_fraction)
    is_left = ~np.isin(groups, groups[validation])
    if not is_embedded[is_left].any():
        raise ValueError(
            f"validation_fraction={validation_fraction} holds out all "
            f"{np.count_nonzero(is_embedded)} documents with a teacher embedding: none "
            "is left to train on. Lower it, or set early_stopping=False."
        )
    if len(validation) < MIN_VALIDATION_SIZE:
        validation, is_left[:] = validation[:0], True
    return random_state.permutation(order[is_left[order]]), validation


def _held_out(is_embedded, groups, order, wanted):
    """Documents to hold out: the first ones in this order that have few copies."""
    embedded = np.flatnonzero(is_embedded)
    is_first = np.zeros(len(groups), dtype=bool)
    is_first[embedded[first_of_groups(groups[embedded])]] = True
    # A group counts by its share of the embedded documents or of all documents,
    # whichever is larger: copies without a teacher embedding leave the training too.
    sizes = np.maximum(
        np.bincount(groups[embedded], minlength=groups.max() + 1),
        np.bincount(groups) * (len(embedded) / len(groups)),
    )
    order = order[is_first[order]]
    order = order[sizes[groups[order]] <= max(wanted / MIN_VALIDATION_SIZE, 1)]
    return order[np.cumsum(sizes[groups[order]]) <= wanted][:MAX_VALIDATION_SIZE]


def _refuse_too_few(n_validation, is_embedded, validation_fraction):
    """Raise an error if too few documents can be held out for early stopping."""
    if n_validation < MIN_VALIDATION_SIZE:
        raise ValueError(
            f"early_stopping=True needs {MIN_VALIDATION_SIZE} held-out documents, but "
            f"validation_fraction={validation_fraction} gives {n_validation} of the "
            f"documents with a teacher embedding ({np.count_nonzero(is_embedded)}). "
            "Copies of a document count once, and a very frequent document is not held "
            "out. Raise validation_fraction, or set early_stopping=False."
        )
