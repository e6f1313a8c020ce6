"""Checks of the vectors that a model returned."""

from collections.abc import Callable, Sequence

import numpy as np
from sklearn import config_context

from sklux._utils.arrays import as_float_array
from sklux._utils.columns import as_vectors, vector_names
from sklux._utils.messages import as_sentence

# How many documents a message names.
MAX_NAMED = 5


def check_vectors(vectors: object, n_documents: int) -> np.ndarray:
    """Return the output of a model as a float32 array with a row for each document.

    Parameters
    ----------
    vectors : array-like or sparse matrix of shape (n_documents, n_components)
        Output of a model.
    n_documents : int
        Number of documents that the model was called with.

    Returns
    -------
    ndarray of shape (n_documents, n_components), dtype=np.float32
        The vectors. They may have NaN and infinity: see `has_finite_values`.

    Raises
    ------
    ValueError
        If the shape or the type is wrong.
    """
    vectors = as_vectors(vectors, "The teacher's output")
    try:
        vectors = as_float_array(vectors)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"The teacher must return one vector of numbers per document. It returned "
            f"{type(vectors).__name__}: {as_sentence(error)}"
        ) from error
    if vectors.ndim != 2 or len(vectors) != n_documents or vectors.shape[1] == 0:
        raise ValueError(
            f"The teacher must return an array of shape ({n_documents}, n_components) "
            f"for {_counted(n_documents)}. It returned shape {vectors.shape}."
        )
    return vectors


class ColumnNames:
    """Names of the columns that a model returns, if it returns tables.

    Attributes
    ----------
    names : list of str or None
        The names; None if the model has not been called, or its columns have none.
    """

    def __init__(self) -> None:
        self.names: list[str] | None = None
        self._is_known = False

    def noting(
        self, encode: Callable[[list[str]], object]
    ) -> Callable[[list[str]], object]:
        """Return the same function, which also notes the names.

        Parameters
        ----------
        encode : callable
            Maps a list of str to vectors.

        Returns
        -------
        callable
            Raises a ValueError if two calls return tables with different columns.
            scikit-learn's setting `transform_output`, which is for the output of the
            student, does not change what the model returns.
        """

        def encode_and_note(texts: list[str]) -> object:
            with config_context(transform_output="default"):
                output = encode(texts)
            # Not read again: it may be a stream.
            vectors = as_vectors(output, "The teacher's output")
            names = vector_names(vectors)
            if self._is_known and names != self.names:
                raise ValueError(
                    "The teacher returned tables with different columns: first "
                    f"{self.names}, then {names}. Return the same columns for all "
                    "texts."
                )
            self.names, self._is_known = names, True
            return vectors

        return encode_and_note


def has_finite_values(vectors: np.ndarray) -> np.ndarray:
    """Which vectors have neither NaN nor infinity.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, n_components)
        Vectors of a teacher.

    Returns
    -------
    ndarray of shape (n_documents,), dtype=bool
        True for vectors that can be used.
    """
    is_finite: np.ndarray = np.isfinite(vectors).all(axis=1)
    return is_finite


def invalid_vectors_message(
    documents: Sequence[str], is_invalid: np.ndarray, positions: np.ndarray | None
) -> str:
    """Say for which documents a teacher returned NaN or infinity.

    Parameters
    ----------
    documents : sequence of str of length n_documents
        The documents of a call, one or more of them without a valid vector.
    is_invalid : ndarray of shape (n_documents,), dtype=bool
        Which documents have no valid vector.
    positions : ndarray of shape (n_documents,) or None
        Their row numbers among the documents of the user; None means 0, 1, 2, ...

    Returns
    -------
    str
        A sentence with their number, and the positions of the first ones.
    """
    rows = np.flatnonzero(is_invalid)
    named = ", ".join(
        f"{documents[row][:40]!r} at position "
        f"{row if positions is None else positions[row]}"
        for row in rows[:MAX_NAMED]
    )
    return (
        f"The teacher returned NaN or infinity for {len(rows):,} of "
        f"{_counted(len(documents))}: {named}"
        f"{f' and {len(rows) - MAX_NAMED:,} others' if len(rows) > MAX_NAMED else ''}."
    )


def rounded_vectors(
    vectors: np.ndarray, dtype: str, documents: Sequence[str]
) -> np.ndarray:
    """Round vectors to the type in which they are stored.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, n_components), dtype=np.float32
        Finite vectors of a teacher.
    dtype : {'float16', 'float32'}
        The type.
    documents : sequence of str of length n_documents
        Their documents, for the message.

    Returns
    -------
    ndarray of shape (n_documents, n_components)
        The vectors in that type.

    Raises
    ------
    ValueError
        If a value becomes infinite, or if a vector becomes zero. A vector may become
        zero if it is zero up to the rounding error of float32, compared with the
        largest vector.
    """
    with np.errstate(over="ignore", under="ignore"):
        rounded = vectors.astype(dtype)
    largest = np.abs(vectors).max(axis=1)
    is_zero = largest <= np.finfo(np.float32).eps * largest.max()
    is_lost = ~is_zero & ~rounded.any(axis=1) | ~np.isfinite(rounded).all(axis=1)
    if is_lost.any():
        raise ValueError(
            f"dtype={dtype!r} of CachedTeacher cannot hold the teacher's output for "
            f"{_named(documents, is_lost)}: the rounded vector is zero or infinite. "
            "Such vectors are neither used nor stored. Set dtype='float32'."
        )
    return rounded


def _counted(n_documents: int) -> str:
    """A number of documents, in words."""
    return f"{n_documents:,} document{'' if n_documents == 1 else 's'}"


def _named(documents: Sequence[str], is_bad: np.ndarray) -> str:
    """The number of bad documents, and the beginning of the first one."""
    n_bad = int(np.count_nonzero(is_bad))
    first = repr(documents[int(np.argmax(is_bad))][:60])
    return f"{_counted(n_bad)}, {'' if n_bad == 1 else 'the first of them '}{first}"
