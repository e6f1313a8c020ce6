"""Teacher embeddings that a fit is given: checked."""

import numpy as np
from numpy.typing import ArrayLike

from sklux._utils.arrays import as_float_array
from sklux._utils.similarity import unit_rows

# Unit vectors of a teacher that differ by less are the same.
SAME_VECTORS = 1e-6


def check_teacher_embeddings(
    teacher_embeddings: ArrayLike, n_documents: int
) -> np.ndarray:
    """Return teacher embeddings that were given ready-made.

    Parameters
    ----------
    teacher_embeddings : array-like of shape (n_samples, n_teacher_components)
        Vectors aligned with the documents; rows that are all NaN were not taught.
    n_documents : int
        Number of documents.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        The vectors; rows of documents not taught are zero.

    Raises
    ------
    ValueError
        If they are not a table with one row per document, or as in
        `check_embedded_rows`.
    """
    try:
        embeddings = as_float_array(teacher_embeddings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            "teacher_embeddings must be an array of numbers, of shape (n_documents, "
            f"n_teacher_components). Got {type(teacher_embeddings).__name__}: {error}"
        ) from error
    if embeddings.ndim != 2 or embeddings.shape[1] == 0:
        raise ValueError(
            "teacher_embeddings must have shape (n_documents, n_teacher_components). "
            f"Got shape {embeddings.shape} instead."
        )
    if len(embeddings) != n_documents:
        raise ValueError(
            f"teacher_embeddings has {len(embeddings)} rows, but there are "
            f"{n_documents} documents. Give one row per document, in the same order."
        )
    return check_embedded_rows(embeddings, "teacher_embeddings")


def check_embedded_rows(embeddings: np.ndarray, name: str) -> np.ndarray:
    """Return teacher vectors where the rows of documents not taught are zero.

    Parameters
    ----------
    embeddings : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Teacher vectors; a row that is all NaN, or all zero, was not taught.
    name : str
        What to call them in a message.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Finite; a copy where a row was NaN.

    Raises
    ------
    ValueError
        If a value is infinite, a row is NaN in part, no document is taught, or all
        vectors, of more than one component, have the same direction.
    """
    is_nan = np.isnan(embeddings)
    untaught = is_nan.all(axis=1)
    bad = ~(untaught | np.isfinite(embeddings).all(axis=1))
    if bad.any():
        raise ValueError(
            f"{name} has NaN or infinity in {np.count_nonzero(bad)} rows, the first of "
            f"them row {np.flatnonzero(bad)[0]}. A vector must have finite numbers, "
            "and a document that was not taught NaN in all of its row: encode those "
            "rows again."
        )
    if untaught.any():
        embeddings = np.where(untaught[:, np.newaxis], np.float32(0), embeddings)
    taught = embeddings[embeddings.any(axis=1)]
    if len(taught) == 0:
        raise ValueError(
            f"{name} has a vector for none of the {len(embeddings)} documents: all "
            "rows are NaN or zero. Teach some of the documents."
        )
    # Of one component, vectors have no more than two directions.
    can_differ = len(taught) > 1 and taught.shape[1] > 1
    if can_differ and np.ptp(unit_rows(taught), axis=0).max() < SAME_VECTORS:
        raise ValueError(
            f"{name} has one and the same direction for all {len(taught)} documents "
            "taught: there is nothing to learn. Does the teacher read the documents?"
        )
    return embeddings
