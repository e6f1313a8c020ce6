"""Which documents the teacher embeds, if it does not embed all."""

from hashlib import blake2b

import numpy as np


def sample_documents(documents: list[str], n_documents: int) -> np.ndarray:
    """Choose the documents with the smallest hashes of their texts.

    The choice behaves like a random sample, but it does not depend on the order of the
    documents. Folds of one corpus have most of their chosen documents in common, so a
    cache already holds them.

    Parameters
    ----------
    documents : list of str of length n_samples
        Documents to choose from.
    n_documents : int
        Number of documents to choose.

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
