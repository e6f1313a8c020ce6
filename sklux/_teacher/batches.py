"""Vectors of many documents, by batches of documents of similar length."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from tqdm.auto import tqdm

from sklux._teacher.vectors import check_vectors

DEFAULT_BATCH_SIZE = 64
# A named model gets larger batches of documents that have fewer characters than this
# in all: a batch of 64 words takes about as long as a batch of 500.
MIN_BATCH_CHARACTERS = 8192


def encode_batches(
    encode: Callable[[list[str]], object],
    documents: list[str],
    *,
    batch_size: int,
    is_named: bool,
    verbose: bool,
    title: str = "teacher embeddings",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the vectors of documents of similar length, the longest first.

    Models pad a batch to its longest document. With the longest documents first, the
    time left is an upper bound, and a lack of memory shows early. The model gets
    U+FFFD for each lone surrogate.

    Parameters
    ----------
    encode : callable
        Maps a list of str to vectors.
    documents : list of str
        Documents to embed.
    batch_size : int
        Number of documents in a batch. There is a yield after each batch.
    is_named : bool
        Whether the model was given by name or folder. It then gets batches of at least
        `MIN_BATCH_CHARACTERS` characters.
    verbose : bool
        Whether to show a progress bar.
    title : str, default='teacher embeddings'
        Title of the progress bar.

    Yields
    ------
    positions : ndarray of shape (n_batch,), dtype=np.intp
        Positions of the documents of this batch.
    vectors : ndarray of shape (n_batch, n_components), dtype=np.float32
        Their vectors, checked.
    """
    lengths = np.array([len(document) for document in documents])
    order = np.argsort(-lengths, kind="stable")
    min_characters = MIN_BATCH_CHARACTERS if is_named else 0
    with tqdm(
        total=len(documents), unit="doc", desc=title, disable=not verbose
    ) as progress:
        start = 0
        while start < len(order):
            longest = max(lengths[order[start]], 1)
            stop = start + max(batch_size, min_characters // int(longest))
            positions = order[start:stop]
            start = stop
            texts = [documents[i] for i in positions]
            vectors = encode([replace_surrogates(text) for text in texts])
            yield positions, check_vectors(vectors, texts)
            progress.update(len(positions))


def in_order(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], n_documents: int
) -> np.ndarray:
    """Put the vectors of all batches into one array.

    Parameters
    ----------
    batches : iterable of (ndarray, ndarray)
        Positions of documents and their vectors, as `encode_batches` yields them.
    n_documents : int
        Number of all documents, 1 or more.

    Returns
    -------
    ndarray of shape (n_documents, n_components), dtype=np.float32
        The vectors, in the order of the documents.

    Raises
    ------
    ValueError
        If the widths differ.
    """
    out = None
    for positions, vectors in batches:
        if out is None:
            out = np.empty((n_documents, vectors.shape[1]), dtype=np.float32)
        if vectors.shape[1] != out.shape[1]:
            raise ValueError(
                f"The teacher returned vectors of width {out.shape[1]} and then of "
                f"width {vectors.shape[1]}. It must return vectors of one width for "
                "all documents."
            )
        out[positions] = vectors
    return out  # type: ignore[return-value]  # there are 1 or more documents


def replace_surrogates(document: str) -> str:
    """Replace each lone surrogate by U+FFFD, and each pair by its character.

    A text that was cut in the middle of a character has lone surrogates. Tokenizers and
    services refuse them.

    Parameters
    ----------
    document : str
        Any str.

    Returns
    -------
    str
        A str that can be encoded; the same if it has no surrogates.
    """
    try:
        document.encode()
    except UnicodeEncodeError:
        return document.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return document
