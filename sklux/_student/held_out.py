"""Which documents are held out of the training, to score it."""

from typing import Literal

import numpy as np

# Fewer held-out documents than this have no ten neighbours worth the name.
MIN_VALIDATION_SIZE, MAX_VALIDATION_SIZE = 20, 2000


def split_held_out(
    is_embedded: np.ndarray,
    early_stopping: bool | Literal["auto"],
    validation_fraction: float,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to train on and the taught ones to hold out, at random.

    Parameters
    ----------
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Documents with a teacher vector.
    early_stopping : bool or 'auto'
        Whether to hold out any, as in `ReLUProjection`.
    validation_fraction : float
        Share of the documents taught to hold out.
    random_state : RandomState
        Source of the order.

    Returns
    -------
    train : ndarray of shape (n_train,), dtype=np.intp
        All other rows, in random order.
    validation : ndarray of shape (n_validation,), dtype=np.intp
        Rows to hold out; none, or 20 to 2,000.

    Raises
    ------
    ValueError
        If too few would be held out, or none would be left to train on.
    """
    order = random_state.permutation(len(is_embedded))
    order = np.concatenate([order[is_embedded[order]], order[~is_embedded[order]]])
    n_validation = _n_validation(
        int(is_embedded.sum()), early_stopping, validation_fraction
    )
    train, validation = order[n_validation:], order[:n_validation]
    return random_state.permutation(train), validation


def _n_validation(n_embedded, early_stopping, validation_fraction):
    """How many to hold out."""
    is_auto = isinstance(early_stopping, str)
    if not (is_auto or early_stopping):
        return 0
    n_validation = min(
        int(round(validation_fraction * n_embedded)), MAX_VALIDATION_SIZE
    )
    if not is_auto and n_validation < MIN_VALIDATION_SIZE:
        raise ValueError(
            f"early_stopping=True would hold out {n_validation} of {n_embedded} "
            f"documents taught, but needs {MIN_VALIDATION_SIZE}. Raise "
            f"validation_fraction={validation_fraction}, or set early_stopping=False."
        )
    if n_validation == n_embedded:
        raise ValueError(
            f"validation_fraction={validation_fraction} would hold out all "
            f"{n_embedded} documents and leave none to train on. Lower it, or set "
            "early_stopping=False."
        )
    return n_validation if n_validation >= MIN_VALIDATION_SIZE else 0
