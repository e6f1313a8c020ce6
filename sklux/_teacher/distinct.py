"""Vectors of documents from a model that is asked for each text only once."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import numpy as np

from sklux._teacher.batches import in_order
from sklux._utils.text import replace_surrogates

# Positions of texts and their vectors, as `encode_batches` yields them.
Batches: TypeAlias = Iterator[tuple[np.ndarray, np.ndarray]]


def vectors_of_distinct(
    embed: Callable[[list[str], np.ndarray], Batches],
    documents: list[str],
    known: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Embed the first of equal documents, and use its vector for all of them.

    Parameters
    ----------
    embed : callable
        Takes different texts and their positions among the documents, and yields
        positions among these texts with their vectors.
    documents : list of str of length n_samples
        Documents, 1 or more. They are equal if a model gets the same text for them:
        lone surrogates are replaced before.
    known : mapping of str to ndarray of shape (n_components,)
        Vectors that the model has given for some texts before. They are not embedded
        again.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype=np.float32
        Vectors of all documents.

    Raises
    ------
    ValueError
        If the widths of vectors differ.
    """
    texts = [replace_surrogates(document) for document in documents]
    first: dict[str, int] = {}
    for position, text in enumerate(texts):
        first.setdefault(text, position)
    is_known = np.array([text in known for text in first])

    def batches() -> Batches:
        if is_known.any():
            yield (
                np.flatnonzero(is_known),
                np.stack([known[text] for text in first if text in known]),
            )
        new = np.flatnonzero(~is_known)
        if len(new):
            positions = np.array(list(first.values()))[new]
            batches = embed([documents[i] for i in positions], positions)
            for rows, vectors in batches:
                yield new[rows], vectors

    vectors = in_order(batches(), len(first))
    if len(first) == len(texts):
        return vectors
    numbers = {text: number for number, text in enumerate(first)}
    return vectors[[numbers[text] for text in texts]]
