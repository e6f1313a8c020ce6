"""Which documents the teacher has taught, and which it shall teach."""

from hashlib import blake2b

import numpy as np

from sklux._similarity import unit_rows

# Unit vectors of a teacher that differ by less are the same.
SAME_VECTORS = 1e-6


def check_taught_rows(embeddings: np.ndarray, name: str) -> np.ndarray:
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


def documents_to_teach(documents: list[str], n_documents: int) -> np.ndarray:
    """Choose documents by their text alone: those with the smallest hashes.

    So the choice is as good as random, but the same in any order, and folds of one
    corpus have most of their choices in common, so that a cache knows them.

    Parameters
    ----------
    documents : list of str of length n_samples
        Documents to choose from.
    n_documents : int
        How many.

    Returns
    -------
    ndarray of shape (min(n_documents, n_samples),), dtype=np.intp
        Their positions, ascending.
    """
    if len(documents) <= n_documents:
        return np.arange(len(documents))
    hashes = np.array(
        [
            int.from_bytes(
                blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            )
            for text in documents
        ],
        dtype=np.uint64,
    )
    return np.sort(np.argsort(hashes, kind="stable")[:n_documents])
