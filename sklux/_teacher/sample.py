"""Which documents the teacher embeds, where it does not embed all."""

from hashlib import blake2b

import numpy as np


def sample_documents(documents: list[str], n_documents: int) -> np.ndarray:
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
