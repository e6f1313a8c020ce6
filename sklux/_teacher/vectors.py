"""Checks of the vectors that a model returned."""

from collections.abc import Sequence

import numpy as np

from sklux._utils.arrays import as_float_array
from sklux._utils.columns import as_vectors


def check_vectors(vectors: object, documents: Sequence[str]) -> np.ndarray:
    """Return the output of a model as a finite float32 array, a row per document.

    Parameters
    ----------
    vectors : array-like or sparse matrix of shape (n_documents, n_components)
        Output of a model.
    documents : sequence of str of length n_documents
        The documents that the model was called with.

    Returns
    -------
    ndarray of shape (n_documents, n_components), dtype=np.float32
        The vectors.

    Raises
    ------
    ValueError
        If the shape or the type is wrong, or a value is not finite.
    """
    vectors = as_vectors(vectors, "The teacher's output")
    try:
        vectors = as_float_array(vectors)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"The teacher must return one vector of numbers per document. It returned "
            f"{type(vectors).__name__}: {error}"
        ) from error
    n_documents = len(documents)
    if vectors.ndim != 2 or len(vectors) != n_documents or vectors.shape[1] == 0:
        raise ValueError(
            f"The teacher must return an array of shape ({n_documents}, n_components) "
            f"for {_counted(n_documents)}. It returned shape {vectors.shape}."
        )
    check_finite_vectors(vectors, documents)
    return vectors


def check_finite_vectors(vectors: np.ndarray, documents: Sequence[str]) -> None:
    """Refuse vectors with NaN or infinity.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, n_components)
        Vectors of a teacher.
    documents : sequence of str of length n_documents
        Their documents, for the message.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    is_finite = np.isfinite(vectors).all(axis=1)
    if not is_finite.all():
        raise ValueError(
            f"The teacher returned NaN or infinity for {_named(documents, ~is_finite)}."
            " Such vectors are neither used nor stored. Leave the documents out, or "
            "use another teacher."
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
    return f"{n_documents} document{'' if n_documents == 1 else 's'}"


def _named(documents: Sequence[str], is_bad: np.ndarray) -> str:
    """The number of bad documents, and the beginning of the first one."""
    n_bad = int(np.count_nonzero(is_bad))
    first = repr(documents[int(np.argmax(is_bad))][:60])
    return f"{_counted(n_bad)}, {'' if n_bad == 1 else 'the first of them '}{first}"
