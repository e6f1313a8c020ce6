"""Class labels of some of the documents."""

from collections.abc import Hashable
from typing import Any, NamedTuple, Self

import numpy as np

from sklux._utils.documents import is_missing

# Label of a document without a label, as in scikit-learn's semi-supervised module.
UNLABELLED = -1
# Values of y that are named in an error.
MAX_NAMED = 3


class Labels(NamedTuple):
    """Documents with a label.

    Attributes
    ----------
    rows : ndarray of shape (n_labelled,), dtype=np.intp
        Numbers of the documents, ascending.
    classes : ndarray of shape (n_labelled,), dtype=np.intp
        Number of the class of each, from 0; each class has two documents or more.
    """

    rows: np.ndarray
    classes: np.ndarray

    @classmethod
    def of(cls, y: Any, n_documents: int, name: str) -> Self:
        """Check labels.

        Parameters
        ----------
        y : array-like of shape (n_documents,)
            Labels: str, int, bool or whole floats. -1, a missing value and an empty
            string mean that a document has no label.
        n_documents : int
            Number of documents.
        name : str
            Name of the labels in messages.

        Returns
        -------
        Labels
            The labelled documents. A document that is alone in its class counts as
            unlabelled.

        Raises
        ------
        ValueError
            If there are no labels, their number is wrong, they are not classes, or
            fewer than two classes have two documents.
        """
        values = _checked_values(y, n_documents, name)
        numbers: dict[object, int] = {}
        found = np.full(n_documents, UNLABELLED, dtype=np.intp)
        for row, value in enumerate(values):
            if not _is_unlabelled(value):
                found[row] = numbers.setdefault(value, len(numbers))
        counts = np.bincount(found[found >= 0], minlength=1)
        rows = np.flatnonzero((found >= 0) & (counts[found] >= 2))
        if np.count_nonzero(counts >= 2) < 2:
            raise ValueError(
                "label_weight needs at least two classes with two documents or more. "
                f"{name} has {_summary(numbers, counts)}. -1, a missing value or an "
                "empty string means that a document has no label. Label more "
                "documents, or set label_weight=0."
            )
        return cls(rows, np.unique(found[rows], return_inverse=True)[1])


def _checked_values(y: Any, n_documents: int, name: str) -> list[object]:
    """The labels as a list; whole floats as int."""
    if y is None:
        raise ValueError(
            f"label_weight is not 0, but there are no labels: {name} is None. Pass a "
            f"label for each document as {name}, or set label_weight=0."
        )
    if np.ma.isMaskedArray(y):
        y = y.tolist()
    values = np.asarray(y, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or len(values) != n_documents:
        raise ValueError(
            f"{name} must have one label for each of the {n_documents} documents, and "
            f"-1 for a document without a label. Got shape {values.shape} instead."
        )
    return [_checked_value(value, name) for value in values]


def _checked_value(value: object, name: str) -> object:
    """A label; whole floats become int."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, Hashable):
        raise ValueError(
            f"{name} must hold one label for each document, such as a str or an int. "
            f"Got {value!r} instead."
        )
    if isinstance(value, float) and not is_missing(value):
        if not value.is_integer():
            raise ValueError(
                f"{name} must hold classes, such as str or int. Got {value!r} instead: "
                "targets of a regression cannot set classes apart. Set label_weight=0."
            )
        return int(value)
    return value


def _is_unlabelled(value: object) -> bool:
    """Whether a label says that a document has none."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_missing(value) or value == "" or (is_number and value == UNLABELLED)


def _summary(numbers: dict[object, int], counts: np.ndarray) -> str:
    """Labels with their counts, for a message."""
    named = [
        f"{value!r} {counts[number]} times"
        for value, number in list(numbers.items())[:MAX_NAMED]
    ]
    n_more = len(numbers) - len(named)
    named += [f"{n_more} more"] if n_more else []
    return ", ".join(named) if named else "no label"
