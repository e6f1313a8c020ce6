"""Vectors of many documents, by batches of documents of similar length."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

import numpy as np

from sklux._teacher.vectors import check_vectors
from sklux._utils.progress import documents_bar
from sklux._utils.text import replace_surrogates

Item = TypeVar("Item")
Result = TypeVar("Result")

DEFAULT_BATCH_SIZE = 64
# A named model gets larger batches of documents that have fewer characters than this
# in all: a batch of 64 words takes about as long as a batch of 500.
MIN_BATCH_CHARACTERS = 8192
# The same for models whose tokens are counted: tokens, with padding.
MIN_BATCH_TOKENS = 2048
# Such a batch ends early where texts have less than LEAST_SHARE of the tokens of its
# longest text, if it has FEW_TOKENS or more: smaller batches would be slower.
LEAST_SHARE, FEW_TOKENS = 0.9, 512
# So many documents are tokenised at once, before the first of them is embedded.
TOKENISED_AT_ONCE = 4096


def encode_batches(
    encode: Callable[[list[str]], object],
    documents: list[str],
    *,
    batch_size: int,
    is_named: bool,
    verbose: bool,
    title: str = "teacher embeddings",
    n_concurrent: int = 1,
    stop: threading.Event | None = None,
    count_tokens: Callable[[list[str]], np.ndarray] | None = None,
) -> Generator[tuple[np.ndarray, np.ndarray]]:
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
    n_concurrent : int, default=1
        Number of calls at the same time, in threads if it is above 1. Batches then come
        in the order in which they are ready.
    stop : threading.Event or None, default=None
        Is set if a call fails or the caller gives up, so that other calls end early.
    count_tokens : callable or None, default=None
        Maps a list of str to their numbers of tokens. Documents are similar in length
        if these are similar. None means the numbers of characters.

    Yields
    ------
    positions : ndarray of shape (n_batch,), dtype=np.intp
        Positions of the documents of this batch.
    vectors : ndarray of shape (n_batch, n_components), dtype=np.float32
        Their vectors, of the right shape. They may have NaN and infinity.
    """

    def embed(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        texts = [replace_surrogates(documents[i]) for i in positions]
        return positions, check_vectors(encode(texts), len(texts))

    batches = (
        positions_of_batches(
            documents, batch_size, MIN_BATCH_CHARACTERS if is_named else 0
        )
        if count_tokens is None
        else positions_by_tokens(documents, batch_size, count_tokens)
    )
    with documents_bar(title, len(documents), verbose) as progress:
        results = (
            map(embed, batches)
            if n_concurrent == 1
            else in_threads(embed, batches, n_concurrent, stop or threading.Event())
        )
        for positions, vectors in results:
            yield positions, vectors
            progress.update(len(positions))


def positions_of_batches(
    documents: list[str], batch_size: int, min_characters: int
) -> Iterator[np.ndarray]:
    """Yield the positions of the documents of each batch, the longest documents first.

    Parameters
    ----------
    documents : list of str
        Documents.
    batch_size : int
        Number of documents in a batch.
    min_characters : int
        Number of characters that a batch has at least.

    Yields
    ------
    ndarray of shape (n_batch,), dtype=np.intp
        Positions.
    """
    lengths = np.array([len(document) for document in documents])
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(lengths[order[start]], 1)
        stop = start + max(batch_size, min_characters // int(longest))
        yield order[start:stop]
        start = stop


def positions_by_tokens(
    documents: list[str],
    batch_size: int,
    count_tokens: Callable[[list[str]], np.ndarray],
) -> Iterator[np.ndarray]:
    """Yield the positions of each batch of documents with similar numbers of tokens.

    The documents with the most characters are tokenised first, `TOKENISED_AT_ONCE` at
    a time. Among these, the documents with the most tokens come first. Sorted by
    characters, batches of texts of all lengths are one quarter padding, batches of
    words one half.

    Parameters
    ----------
    documents : list of str
        Documents.
    batch_size : int
        Maximum number of documents in a batch of more than `MIN_BATCH_TOKENS` tokens.
    count_tokens : callable
        Maps a list of str to their numbers of tokens.

    Yields
    ------
    ndarray of shape (n_batch,), dtype=np.intp
        Positions.
    """
    order = np.argsort([-len(document) for document in documents], kind="stable")
    for first in range(0, len(order), TOKENISED_AT_ONCE):
        some = order[first : first + TOKENISED_AT_ONCE]
        counts = count_tokens([replace_surrogates(documents[i]) for i in some])
        by_tokens = np.argsort(-counts, kind="stable")
        counts, start = counts[by_tokens], 0
        while start < len(some):
            stop = start + batch_length(counts[start:], batch_size)
            yield some[by_tokens[start:stop]]
            start = stop


def batch_length(counts: np.ndarray, batch_size: int) -> int:
    """Number of documents in the next batch.

    Parameters
    ----------
    counts : ndarray of shape (n_remaining,), dtype=int
        Numbers of tokens of the remaining documents, descending.
    batch_size : int
        Maximum number of documents in a batch of more than `MIN_BATCH_TOKENS` tokens.

    Returns
    -------
    int
        1 or more.
    """
    longest = max(int(counts[0]), 1)
    most = max(batch_size, MIN_BATCH_TOKENS // longest)
    least = max(FEW_TOKENS // longest, 1)
    n_similar = int(np.searchsorted(-counts, -LEAST_SHARE * longest, side="right"))
    return min(most, max(n_similar, least), len(counts))


def in_threads(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    n_threads: int,
    stop: threading.Event,
) -> Iterator[Result]:
    """Yield the results of a function as soon as each one is ready.

    After an error, no further call begins. The calls that are running come to their
    end, their results are yielded, and then the error is raised.

    Parameters
    ----------
    function : callable
        A function of one argument.
    items : iterable
        Its arguments.
    n_threads : int
        Number of calls at the same time.
    stop : threading.Event
        Is set after an error, or if the caller gives up.

    Yields
    ------
    object
        Results, in the order in which they are ready.
    """
    remaining, running = iter(items), set[Future[Result]]()
    first_error: BaseException | None = None
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="sklux teacher")
    try:
        while True:
            if first_error is None:
                for item in islice(remaining, n_threads - len(running)):
                    running.add(pool.submit(copy_context().run, function, item))
            if not running:
                break
            # On Windows, Ctrl-C has no effect during a wait.
            done, running = wait(running, 1, FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if error is None:
                    yield future.result()
                elif first_error is None:
                    first_error = error
                    stop.set()
        if first_error is not None:
            raise first_error
    finally:
        # After Ctrl-C, this does not wait for the calls that are running.
        stop.set()
        pool.shutdown(wait=False)


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
