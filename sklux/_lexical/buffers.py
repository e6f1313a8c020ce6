"""Where the characters of documents lie in memory, for every kind of column."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from sklux._kernels.tokens import ENCODING_ASCII, ENCODING_UTF8, string_buffers
from sklux._utils.documents import (
    NullDocuments,
    document_column,
    is_missing,
    refuse_document,
)
from sklux._utils.tables import check_arrow, python_values

# Documents of a generator are gathered in blocks, which end at either bound.
BLOCK_DOCUMENTS = 4096
BLOCK_CHARACTERS = 16_000_000
# Arrow keeps strings of up to this many bytes inside their views.
INLINE_VIEW_BYTES = 12


class TextBuffers(NamedTuple):
    """A block of documents, as the kernels read them.

    Attributes
    ----------
    addresses : ndarray of shape (n_documents,), dtype=np.uintp
        Where the characters begin.
    lengths : ndarray of shape (n_documents,), dtype=np.int64
        Number of characters, or of bytes for UTF-8.
    encodings : ndarray of shape (n_documents,), dtype=np.uint8
        Bytes per character, or `ENCODING_UTF8` or `ENCODING_ASCII`.
    first : int
        Position of the first document of the block among all documents.
    owner : object
        Keeps the characters in memory.
    """

    addresses: np.ndarray
    lengths: np.ndarray
    encodings: np.ndarray
    first: int
    owner: Any

    def __len__(self) -> int:
        return len(self.addresses)

    def document(self, place: int) -> str:
        """Return one document as a str."""
        document = self.owner[place]
        return document if isinstance(document, str) else document.as_py() or ""

    @property
    def n_bytes(self) -> np.ndarray:
        """Size of each document."""
        width = np.array([1, 1, 2, 1, 4])
        return self.lengths * width[self.encodings]

    @property
    def is_ascii(self) -> bool:
        """Whether all documents are known to be ASCII."""
        # For a single document, a comparison of arrays takes ten times as long.
        return self.encodings.tobytes().count(ENCODING_ASCII) == len(self)


def text_buffers(
    raw_documents: Iterable,
    decode: Callable[[object, int], str] | None = None,
    null_documents: NullDocuments = "error",
) -> Iterator[TextBuffers]:
    """Yield documents in blocks, without a copy of text that is in memory already.

    Parameters
    ----------
    raw_documents : iterable of str
        A list, an array, a pandas or polars Series, an Arrow array or chunked
        array: one block, or one block for each chunk. Other iterables are read
        block by block, so only a part of the text is in memory. The only column of a
        table is read like a Series or an Arrow array.
    decode : callable or None
        Called with each document that is neither a str nor missing, and its
        position; returns the str.
    null_documents : {'error', 'empty'}, default='error'
        Whether missing documents are refused, or read as empty texts.

    Yields
    ------
    TextBuffers
        At least one block, which may be empty.

    Raises
    ------
    ValueError
        If a document is missing and that is an error; the message gives its position.
    TypeError
        If a document is not a str and there is no ``decode``.
    """
    if type(raw_documents) is list:
        # The checks below cost as much as the reading of a short text.
        yield _string_block(raw_documents[:], 0, decode, null_documents)
        return
    column = document_column(raw_documents)
    arrow = _as_arrow(column)
    if arrow is not None:
        yield from _arrow_blocks(arrow, null_documents)
        return
    # Other Arrow arrays (binary, dictionary) yield scalars of their own.
    column = python_values(column, "raw_documents")
    if isinstance(column, (list, tuple)) or hasattr(column, "__array__"):
        yield _string_block(list(column), 0, decode, null_documents)
        return
    first = 0
    for documents in _gather(iter(column)):
        yield _string_block(documents, first, decode, null_documents, is_all=False)
        first += len(documents)
    if first == 0:
        yield _string_block([], 0, decode, null_documents)


def _gather(documents: Iterator) -> Iterator[list]:
    """Lists of documents with a bounded number of characters."""
    block, n_characters = [], 0
    for document in documents:
        block.append(document)
        n_characters += len(document) if isinstance(document, (str, bytes)) else 0
        if len(block) >= BLOCK_DOCUMENTS or n_characters >= BLOCK_CHARACTERS:
            yield block
            block, n_characters = [], 0
    if block:
        yield block


def _string_block(
    documents: list,
    first: int,
    decode: Callable[[object, int], str] | None,
    null_documents: NullDocuments,
    is_all: bool = True,
) -> TextBuffers:
    """A block of Python strings; other documents are decoded, emptied or refused."""
    n_documents = len(documents)
    addresses = np.empty(n_documents, dtype=np.uintp)
    lengths = np.empty(n_documents, dtype=np.int64)
    encodings = np.empty(n_documents, dtype=np.uint8)
    if string_buffers(documents, addresses, lengths, encodings) < n_documents:
        for position, document in enumerate(documents):
            if isinstance(document, str):
                continue
            if is_missing(document):
                if null_documents != "empty":
                    n_missing = sum(map(is_missing, documents)) if is_all else 1
                    refuse_document(
                        document, first + position, null_documents, n_missing
                    )
                documents[position] = ""
            elif decode is None:
                refuse_document(document, first + position)
            else:
                documents[position] = decode(document, first + position)
        n_read = string_buffers(documents, addresses, lengths, encodings)
        if n_read < n_documents:
            refuse_document(documents[n_read], first + n_read)
    return TextBuffers(addresses, lengths, encodings, first, documents)


def _as_arrow(column: object) -> object:
    """The column as an Arrow array or chunked array of text; None if it is not one."""
    if not any(
        hasattr(column, name) for name in ("__arrow_c_stream__", "__arrow_c_array__")
    ):
        return None
    try:
        import pyarrow
    except ImportError:
        return None
    # A pandas column of Python objects is read as it is: its strings exist already.
    if getattr(getattr(column, "dtype", None), "kind", None) == "O" and isinstance(
        getattr(column, "values", None), np.ndarray
    ):
        return None
    if isinstance(column, (pyarrow.Array, pyarrow.ChunkedArray)):
        arrow = column
    elif hasattr(column, "__arrow_c_stream__"):
        arrow = pyarrow.chunked_array(column)
    else:
        arrow = pyarrow.array(column)
    return arrow if _is_text(arrow.type) else None


def _is_text(arrow_type) -> bool:
    """Whether an Arrow type is one of the three string types."""
    return str(arrow_type) in ("string", "large_string", "string_view")


def _arrow_blocks(arrow, null_documents: NullDocuments) -> Iterator[TextBuffers]:
    """The chunks of an Arrow column."""
    chunks = getattr(arrow, "chunks", [arrow])
    first = 0
    for chunk in chunks:
        # Offsets and views are checked below.
        check_arrow(chunk, "raw_documents", is_full=False)
        if chunk.null_count and null_documents != "empty":
            # The count may be wrong.
            check_arrow(chunk, "raw_documents")
            row = first + int(np.flatnonzero(np.asarray(chunk.is_null()))[0])
            refuse_document(None, row, null_documents, arrow.null_count)
        if len(chunk):
            yield _arrow_block(chunk, first)
        first += len(chunk)
    if first == 0:
        yield _string_block([], 0, None, null_documents)


def _arrow_block(chunk, first: int) -> TextBuffers:
    """One Arrow array: addresses from its offsets or views."""
    if str(chunk.type) == "string_view":
        addresses, lengths = _view_addresses(chunk)
    else:
        addresses, lengths = _offset_addresses(chunk)
    encodings = np.full(len(chunk), ENCODING_UTF8, dtype=np.uint8)
    return TextBuffers(addresses, lengths, encodings, first, chunk)


def _offset_addresses(chunk) -> tuple[np.ndarray, np.ndarray]:
    """Addresses and lengths of strings that lie one after the other."""
    width = np.int64 if str(chunk.type) == "large_string" else np.int32
    _, offset_buffer, data = chunk.buffers()
    # The buffer may be longer, and end within a number.
    count = chunk.offset + len(chunk) + 1
    offsets: np.ndarray = np.frombuffer(offset_buffer, dtype=width, count=count)
    offsets = offsets[chunk.offset :].astype(np.int64)
    size = 0 if data is None else data.size
    lengths = _null_is_empty(chunk, np.diff(offsets))
    descends = (offsets[1:] < offsets[:-1]).any()
    if descends or offsets[0] < 0 or offsets[-1] > size:
        raise _damaged("its offsets lead outside of its text")
    base = 0 if data is None else data.address
    return (base + offsets[:-1]).astype(np.uintp), lengths


def _null_is_empty(chunk, lengths: np.ndarray) -> np.ndarray:
    """Lengths of strings, 0 for each null: Arrow does not say what lies there."""
    if chunk.null_count:
        lengths[np.asarray(chunk.is_null())] = 0
    return lengths


def _view_addresses(chunk) -> tuple[np.ndarray, np.ndarray]:
    """Addresses and lengths of strings that have a view of 16 bytes each.

    A view holds the length, and either all bytes or the first four bytes, the number
    of a buffer and an offset in that buffer.
    """
    _, view_buffer, *data = chunk.buffers()
    count = 4 * (chunk.offset + len(chunk))
    views = np.frombuffer(view_buffer, dtype=np.int32, count=count).reshape(-1, 4)
    views = views[chunk.offset :]
    lengths = _null_is_empty(chunk, views[:, 0].astype(np.int64))
    places = chunk.offset + np.arange(len(chunk))
    addresses = view_buffer.address + 16 * places + 4
    is_outside = lengths > INLINE_VIEW_BYTES
    if is_outside.any():
        bases = np.array([buffer.address for buffer in data], dtype=np.int64)
        sizes = np.array([buffer.size for buffer in data], dtype=np.int64)
        number, offset = views[is_outside, 2], views[is_outside, 3].astype(np.int64)
        fits = (number >= 0) & (number < len(data)) & (offset >= 0)
        if fits.all():
            fits = offset + lengths[is_outside] <= sizes[number]
        if not fits.all():
            raise _damaged("its views lead outside of its text")
        addresses[is_outside] = bases[number] + offset
    if (lengths < 0).any():
        raise _damaged("a string has a negative length")
    return addresses.astype(np.uintp), lengths


def _damaged(how: str) -> ValueError:
    """Make the error for Arrow arrays that would be read out of bounds."""
    return ValueError(
        f"raw_documents is a damaged Arrow column: {how}. Read or build it again."
    )
