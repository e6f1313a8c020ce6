"""Which documents the teacher embeds, if it does not embed all."""

import numpy as np

from sklux._utils.documents import text_hashes


def sample_documents(documents: list[str], n_texts: int) -> np.ndarray:
    """Choose the documents whose texts have the smallest hashes.

    The choice behaves like a random sample of the different texts, but it does not
    depend on the order of the documents. Folds of one corpus have most of their chosen
    texts in common, so a cache already holds them. A text that occurs often is no more
    likely to be chosen than a text that occurs once.

    Parameters
    ----------
    documents : list of str of length n_samples
        Documents to choose from.
    n_texts : int
        Number of different texts to choose.

    Returns
    -------
    ndarray of shape (n_chosen,), dtype=np.intp
        Positions of all documents with a chosen text, ascending.
    """
    texts = list(dict.fromkeys(documents))
    if len(texts) <= n_texts:
        return np.arange(len(documents))
    hashes = text_hashes(texts)
    order = np.argsort(hashes, kind="stable")
    chosen = {texts[place] for place in order[:n_texts]}
    is_chosen = [document in chosen for document in documents]
    return np.flatnonzero(is_chosen)
