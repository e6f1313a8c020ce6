"""Documents to numbers of tokens, range by range and on several threads."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple, NoReturn, Protocol

import numpy as np

from sklux._kernels.tokens import Analysis, Rest, TokenStream, renumber
from sklux._kernels.words import ARENA_PADDING, WordTable, join_words, rank_words
from sklux._lexical.buffers import TextBuffers
from sklux._utils.threads import run_ranges, thread_count

# Text of one unit of work for a thread. Its tokens fit the processor's cache.
BYTES_PER_RANGE = 200_000
# Another thread for less text costs more time than it saves.
MIN_BYTES_PER_RANGE = 12_000
# Fixed cost of a document, as an equivalent number of bytes.
BYTES_PER_DOCUMENT = 60
# Bytes of a character, at most.
MAX_WIDTH = 4
FEW_DOCUMENTS = 100


class Tokens(NamedTuple):
    """The tokens of a range of documents, one document after the other.

    Attributes
    ----------
    numbers : ndarray of shape (n_tokens,), dtype=np.uint32
        Numbers of words; `NO_WORD` for unknown words, `NO_NGRAM` at places that no
        n-gram spans.
    ends : ndarray of shape (n_documents,), dtype=np.int64
        Place after the last token of each document.
    places : ndarray of shape (n_tokens,), dtype=np.uint32, or None
        Number of words before each token. None means that the tokens are counted
        themselves.
    """

    numbers: np.ndarray
    ends: np.ndarray
    places: np.ndarray | None = None


class Strings(NamedTuple):
    """Many strings in one array.

    Attributes
    ----------
    arena : ndarray of shape (n_bytes + ARENA_PADDING,), dtype=np.uint8
        UTF-8 of all strings; lone surrogates take three bytes. Strings of a file may
        lack the padding, and begin anywhere (`padded`).
    offsets : ndarray of shape (n_strings + 1,), dtype=np.int64
        String i is ``arena[offsets[i]:offsets[i + 1]]``.
    """

    arena: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def at(self, place: int) -> str:
        """Return one string.

        Parameters
        ----------
        place : int
            Number of the string.

        Returns
        -------
        str
            The string.
        """
        begin, end = self.offsets[place], self.offsets[place + 1]
        return self.arena[begin:end].tobytes().decode("utf-8", "surrogatepass")

    def tolist(self) -> list[str]:
        """Return the strings."""
        begin, bounds = int(self.offsets[0]), self.offsets.tolist()
        text = self.arena[begin : bounds[-1]].tobytes()
        bounds = [bound - begin for bound in bounds]
        return [
            text[start:stop].decode("utf-8", "surrogatepass")
            for start, stop in zip(bounds[:-1], bounds[1:])
        ]


def pack_strings(strings: list[str]) -> Strings:
    """Put strings into one array.

    Parameters
    ----------
    strings : list of str
        Strings, which may hold lone surrogates.

    Returns
    -------
    Strings
        The same strings, in order.
    """
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(string) for string in encoded], out=offsets[1:])
    arena = np.frombuffer(b"".join(encoded) + bytes(ARENA_PADDING), dtype=np.uint8)
    return Strings(arena, offsets)


def padded(strings: Strings) -> Strings:
    """Return strings in a form that the kernels read.

    Parameters
    ----------
    strings : Strings
        Their arena may end with the last string.

    Returns
    -------
    Strings
        The same strings; a copy if they have no padding.
    """
    arena, offsets = strings
    if len(arena) >= offsets[-1] + ARENA_PADDING:
        return strings
    own = arena[offsets[0] : offsets[-1]]
    padding = np.zeros(ARENA_PADDING, dtype=np.uint8)
    return Strings(np.concatenate([own, padding]), offsets - offsets[0])


def concatenate_strings(parts: Sequence[Strings]) -> Strings:
    """Put the strings of all parts one after the other.

    Parameters
    ----------
    parts : sequence of Strings
        One or more.

    Returns
    -------
    Strings
        All strings.
    """
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    bare = [part.arena[part.offsets[0] : part.offsets[-1]] for part in parts]
    padding = np.zeros(ARENA_PADDING, dtype=np.uint8)
    return Strings(np.concatenate([*bare, padding]), offsets)


def table_words(table: WordTable) -> Strings:
    """Return the words of a table, in the order of their numbers.

    Parameters
    ----------
    table : WordTable
        A table of words.

    Returns
    -------
    Strings
        Word i has the number i.
    """
    arena = np.zeros(table.n_bytes() + ARENA_PADDING, dtype=np.uint8)
    offsets = np.empty(len(table) + 1, dtype=np.int64)
    table.copy_words(arena, offsets)
    return Strings(arena, offsets)


def range_edges(buffers: TextBuffers, n_jobs: int | None = 1) -> list[int]:
    """Return the bounds of ranges of documents with about the same amount of text.

    Parameters
    ----------
    buffers : TextBuffers
        Documents.
    n_jobs : int or None, default=1
        Threads. A small amount of text is cut into one range for each thread, or into
        fewer ranges of at least `MIN_BYTES_PER_RANGE`.

    Returns
    -------
    list of int
        Ascending, from 0 to the number of documents.
    """
    n_documents, most = len(buffers), min(BYTES_PER_RANGE, 2 * MIN_BYTES_PER_RANGE)
    if n_documents <= 1:
        return [0, n_documents]
    if n_documents <= FEW_DOCUMENTS:
        # The time of a few short texts is the time of the calls below.
        n_characters = sum(buffers.lengths.tolist())
        if MAX_WIDTH * n_characters + BYTES_PER_DOCUMENT * n_documents <= most:
            return [0, n_documents]
    cost = np.cumsum(buffers.n_bytes + BYTES_PER_DOCUMENT)
    total = int(cost[-1])
    if total <= most:
        return [0, n_documents]
    n_ranges = max(1, min(thread_count(n_jobs), total // MIN_BYTES_PER_RANGE))
    size = min(BYTES_PER_RANGE, -(-total // n_ranges))
    inner = 1 + np.searchsorted(cost, np.arange(size, total, size))
    return np.unique(np.concatenate([[0], inner, [len(buffers)]])).tolist()


def range_costs(buffers: TextBuffers, edges: list[int]) -> np.ndarray:
    """Estimate the costs of ranges of documents, in bytes of text.

    Parameters
    ----------
    buffers : TextBuffers
        Documents.
    edges : list of int
        Ascending, from 0 to the number of documents.

    Returns
    -------
    ndarray of shape (n_ranges,), dtype=np.int64
        Costs.
    """
    cost = np.zeros(len(buffers) + 1, dtype=np.int64)
    np.cumsum(buffers.n_bytes + BYTES_PER_DOCUMENT, out=cost[1:])
    return np.diff(cost[edges])


class Source(Protocol):
    """A way to cut documents into tokens; the module analysis has two of them."""

    @property
    def split(self) -> str:
        """Where a term is cut into its tokens: 'blanks', 'characters' or 'whole'."""

    @property
    def separator(self) -> bytes:
        """The bytes between two tokens of a term."""

    @property
    def ngram_range(self) -> tuple[int, int]:
        """Least and greatest number of tokens of a term."""

    @property
    def whole_segments(self) -> bool:
        """Whether a segment shorter than the shortest n-gram counts as a whole."""

    @property
    def stop_words(self) -> Strings:
        """Tokens that are left out; n-grams reach across them."""

    @property
    def pieces(self) -> Strings | None:
        """All tokens by number, if the numbers are fixed in advance."""

    @property
    def subwords(self) -> Any:
        """The Subwords if tokens are word pieces, else None.

        ``library_tokens`` reads documents if the kernel does not support the tokenizer.
        """

    def analysis(
        self, buffers: TextBuffers, *, rest: Rest | None = None
    ) -> Analysis | None:
        """Return the kernel's rules for a block; None if ``subwords`` reads it."""

    def read_with_care(
        self,
        document: str,
        table: WordTable,
        grow: bool,
        stream: TokenStream,
        rest: Rest | None = None,
    ) -> None:
        """Add the tokens of a document that the kernel alone cannot read."""


def read_range(
    source: Source,
    analysis: Analysis | None,
    buffers: TextBuffers,
    start: int,
    stop: int,
    table: WordTable,
    grow: bool,
    stream: TokenStream | None = None,
) -> Tokens:
    """Return the tokens of a range of documents.

    Parameters
    ----------
    source : Source
        How documents become tokens.
    analysis : Analysis or None
        The kernel's rules for these documents, from the source.
    buffers : TextBuffers
        Documents.
    start, stop : int
        The range.
    table : WordTable
        Numbers of the words.
    grow : bool
        Whether new words are added to the table.
    stream : TokenStream or None
        An empty stream that has read earlier ranges of the same source; None makes a
        new one.

    Returns
    -------
    Tokens
        In the numbers of the table, or of the source's pieces.

    Raises
    ------
    ValueError
        If a document is not valid UTF-8 or is too long.
    MemoryError
        If the memory does not suffice.
    """
    if analysis is None:
        documents = [buffers.document(place) for place in range(start, stop)]
        return source.subwords.library_tokens(documents)
    stream = TokenStream() if stream is None else stream
    ends = np.empty(stop - start, dtype=np.int64)
    _fill(stream, source, analysis, buffers, table, grow, (start, stop), ends, None)
    return _tokens_of(stream, ends)


def read_words_and_rest(
    source: Source,
    analysis: Analysis,
    buffers: TextBuffers,
    start: int,
    stop: int,
    table: WordTable,
    stream: TokenStream,
) -> tuple[Tokens, Tokens]:
    """Return the words of a range of documents, and the pieces of their rest.

    Parameters
    ----------
    source : Source
        How documents become words.
    analysis : Analysis
        The kernel's rules for these documents, with a `Rest`.
    buffers : TextBuffers
        Documents.
    start, stop : int
        The range.
    table : WordTable
        Numbers of the words.
    stream : TokenStream
        An empty stream that has read earlier ranges with the same `Rest`.

    Returns
    -------
    rest : Tokens
        Pieces of the words that are not terms, and of characters outside words.
    words : Tokens
        Words, in the numbers of the table.

    Raises
    ------
    ValueError
        If a document is not valid UTF-8 or is too long.
    MemoryError
        If the memory does not suffice.
    """
    ends, rest_ends = np.empty((2, stop - start), dtype=np.int64)
    bounds = start, stop
    _fill(stream, source, analysis, buffers, table, False, bounds, ends, rest_ends)
    pieces, places = np.empty((2, stream.n_rest), dtype=np.uint32)
    stream.copy_rest(pieces, places)
    return Tokens(pieces, rest_ends, places), _tokens_of(stream, ends)


def _tokens_of(stream: TokenStream, ends: np.ndarray) -> Tokens:
    """A copy of the tokens of a stream."""
    numbers = np.empty(len(stream), dtype=np.uint32)
    stream.copy_tokens(numbers)
    return Tokens(numbers, ends)


def _fill(
    stream: TokenStream,
    source: Source,
    analysis: Analysis,
    buffers: TextBuffers,
    table: WordTable,
    grow: bool,
    bounds: tuple[int, int],
    ends: np.ndarray,
    rest_ends: np.ndarray | None,
) -> None:
    """Read a range of documents into a stream."""
    start, stop = bounds
    place = start
    while True:
        n_read, problem = stream.read(
            analysis,
            table,
            grow,
            buffers.addresses[place:stop],
            buffers.lengths[place:stop],
            buffers.encodings[place:stop],
            ends[place - start :],
            None if rest_ends is None else rest_ends[place - start :],
        )
        place += n_read
        if problem is None:
            break
        if problem != "care":
            raise_problem(problem, buffers, place)
        document = buffers.document(place)
        source.read_with_care(document, table, grow, stream, analysis.rest)
        ends[place - start] = len(stream)
        if rest_ends is not None:
            rest_ends[place - start] = stream.n_rest
        place += 1


def raise_problem(problem: str, buffers: TextBuffers, place: int) -> NoReturn:
    """Raise the error for a document that cannot be read.

    Parameters
    ----------
    problem : str
        The second value that `TokenStream.read` returns.
    buffers : TextBuffers
        Documents.
    place : int
        Number of the document in ``buffers``.

    Raises
    ------
    MemoryError
        If the memory does not suffice.
    ValueError
        If the document is too long, or not valid UTF-8.
    """
    position = buffers.first + place
    if problem == "memory":
        raise MemoryError(
            f"The memory does not suffice for the tokens of document {position}. Pass "
            "fewer documents at a time, or split this document into parts."
        )
    if problem == "length":
        raise ValueError(
            f"Document {position} is longer than 4 GiB. Split it into parts."
        )
    raise ValueError(
        f"Document {position} is not valid UTF-8, which an Arrow array of strings must "
        "hold. Read the column as binary and decode it."
    )


def read_corpus(
    source: Source, blocks: Iterable[TextBuffers], n_jobs: int | None
) -> tuple[list[Tokens], Strings]:
    """Return the tokens of all documents, in numbers that follow the order of words.

    Every thread fills its own table. At the end the words of all tables are sorted, so
    the numbers do not depend on which thread has read which document.

    Parameters
    ----------
    source : Source
        How documents become tokens.
    blocks : iterable of TextBuffers
        Documents.
    n_jobs : int or None
        Threads; they change only the time.

    Returns
    -------
    streams : list of Tokens
        The documents in order.
    words : Strings
        Distinct words, ascending. Some of them may not occur in any document.
    """
    streams, table_numbers, tables = [], [], _Tables(source.stop_words)
    for block in blocks:
        for tokens, number in _read_block(source, block, tables, n_jobs):
            streams.append(tokens)
            table_numbers.append(number)
    if source.pieces is None:
        words, ranks = _rank_tables(tables.all)
    else:
        words, rank = sorted_words(source.pieces)
        ranks = [rank] * len(tables.all)
    _renumber(streams, [ranks[number] for number in table_numbers], n_jobs)
    return streams, words


class _Tables:
    """Tables of words that threads borrow, one for each thread that reads.

    Parameters
    ----------
    stop_words : Strings
        The first words of every table.
    """

    def __init__(self, stop_words: Strings):
        self.all: list[WordTable] = []
        self._stop_words = stop_words
        self._free: list[int] = []
        self._lock = Lock()

    @contextmanager
    def borrow(self) -> Iterator[tuple[int, WordTable]]:
        """Yield a table that no other thread has, and its number."""
        with self._lock:
            if not self._free:
                table = WordTable()
                table.add(*self._stop_words)
                self._free.append(len(self.all))
                self.all.append(table)
            number = self._free.pop()
        yield number, self.all[number]
        with self._lock:
            self._free.append(number)


def _read_block(
    source: Source, block: TextBuffers, tables: _Tables, n_jobs: int | None
) -> list[tuple[Tokens, int]]:
    """The tokens of each range of a block, with the number of the range's table."""
    analysis = source.analysis(block)
    found: dict[int, tuple[Tokens, int]] = {}

    def work(start: int, stop: int) -> None:
        with tables.borrow() as (number, table):
            tokens = read_range(source, analysis, block, start, stop, table, True)
            found[start] = tokens, number

    run_ranges(work, range_edges(block), n_jobs)
    return [found[start] for start in sorted(found)]


def sorted_words(words: Strings) -> tuple[Strings, np.ndarray]:
    """Return the distinct words in ascending order, and the rank of each given word.

    Parameters
    ----------
    words : Strings
        Words, which may occur several times.

    Returns
    -------
    distinct : Strings
        In the order of their bytes, which is also the order of their code points.
    ranks : ndarray of shape (n_words,), dtype=np.uint32
        Place of each word in ``distinct``.
    """
    ranks = np.empty(len(words), dtype=np.uint32)
    firsts = np.empty(len(words), dtype=np.int64)
    n_distinct = rank_words(words.arena, words.offsets, ranks, firsts)
    paths = firsts[:n_distinct, np.newaxis].astype(np.uint32)
    return join_strings(paths, words, b""), ranks


def join_strings(paths: np.ndarray, words: Strings, separator: bytes) -> Strings:
    """Join words to strings.

    Parameters
    ----------
    paths : ndarray of shape (n_strings, n_words), dtype=np.uint32
        Numbers of the words of each string; unused places hold `NO_WORD`.
    words : Strings
        Words by number.
    separator : bytes
        Bytes between two words.

    Returns
    -------
    Strings
        String i has the words of row i of ``paths``.
    """
    offsets = np.empty(len(paths) + 1, dtype=np.int64)
    nothing = np.empty(0, dtype=np.uint8)
    join_words(paths, *words, separator, nothing, offsets)
    arena = np.zeros(offsets[-1] + ARENA_PADDING, dtype=np.uint8)
    join_words(paths, *words, separator, arena, offsets)
    return Strings(arena, offsets)


def _rank_tables(tables: list[WordTable]) -> tuple[Strings, list[np.ndarray]]:
    """Distinct words of all tables, and the ranks of the words of each table."""
    parts = [table_words(table) for table in tables]
    if not parts:
        return pack_strings([]), []
    words, ranks = sorted_words(concatenate_strings(parts))
    sizes = np.cumsum([len(part) for part in parts])[:-1]
    return words, np.split(ranks, sizes)


def _renumber(
    streams: list[Tokens], numbers: list[np.ndarray], n_jobs: int | None
) -> None:
    """Give the words of each stream new numbers, in place."""

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            renumber(streams[i].numbers, numbers[i])

    run_ranges(work, list(range(len(streams) + 1)), n_jobs)
