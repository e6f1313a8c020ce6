"""DocumentStream: a corpus that need not fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from numbers import Integral
from typing import Any, Literal

import numpy as np
from sklearn.utils._param_validation import Interval

from sklux._utils.columns import as_vectors
from sklux._utils.documents import NullDocuments, is_missing, refuse_document
from sklux._utils.tables import column_names, is_table, python_values, table_columns
from sklux._utils.typing import validate_params

# A batch ends at this number of characters, or at `batch_size` documents.
BATCH_CHARACTERS = 16_000_000
DEFAULT_SAMPLE_SIZE = 100_000
DEFAULT_MAX_TERMS = 10_000_000
_CONSTRAINTS: dict[str, Any] = {
    "source": "no_validation",
    "column": [str],
    "embeddings": [str, "boolean", None],
    "sample_size": [Interval(Integral, 2, None, closed="left")],
    "max_terms": [Interval(Integral, 1, None, closed="left"), None],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
}


@dataclass(frozen=True, eq=False)
class DocumentBatch:
    """Consecutive documents of a stream.

    Attributes
    ----------
    first : int
        Position of the first document in the stream.
    documents : list of str
        The documents.
    vectors : ndarray of shape (n_documents, n_teacher_components) or None
        Their teacher embeddings, a row of NaN for a document without one; None if the
        stream has no embeddings.
    """

    first: int
    documents: list[str]
    vectors: np.ndarray | None


class DocumentStream:
    """A corpus that `LuxicalVectorizer.fit` reads in batches, several times.

    Use it if the documents do not fit into memory. `fit` then holds a sample of the
    documents, the counts of the terms, the weights and one batch. It reads the source
    once or twice for the terms, seven times for the regression that starts the network,
    and once in each epoch. Any other iterable is read into memory.

    Parameters
    ----------
    source : callable, pyarrow.dataset.Dataset, table or iterable
        Where the documents are. A callable takes no arguments and returns an iterable;
        it is called for each pass. An iterable must give the same documents each time:
        not a generator, which can be read only once. The items are texts, pairs of a
        text and its vector, mappings or tables (record batches of Arrow, data frames).

    column : str, default='text'
        Column of the texts, if the items are tables or mappings.

    embeddings : str, True or None, default=None
        Column of teacher embeddings, or True if the items are pairs. The missing vector
        of a document is a null, or NaN. None means that there are no embeddings; then
        the teacher of the vectorizer embeds documents of the sample, and the embeddings
        of the others are imputed.

    sample_size : int, default=100_000
        Number of different texts that are held in memory, drawn by their hashes. The
        latent vectors, the imputation and the report come from them. If they are all
        documents, all else does, too, and the model equals a fit on a list.

    max_terms : int or None, default=10_000_000
        Number of different terms whose counts are held in memory. The counts are exact
        as long as no more terms occur; past that, the rarest terms are dropped, and
        `LuxicalVectorizer.stream_report_` has the bound of the error. None means no
        limit. 10 million terms take about 2 GB while they are counted.

    batch_size : int, default=10_000
        Largest number of documents of a batch. A batch also ends at 16 million
        characters. The training shuffles the documents of a batch, but not the batches.

    See Also
    --------
    LuxicalVectorizer.fit : Learns from a stream.

    Examples
    --------
    >>> from sklux.datasets import DocumentStream
    >>> stream = DocumentStream(lambda: (f"document {i}" for i in range(3)))
    >>> list(stream)
    ['document 0', 'document 1', 'document 2']
    >>> list(stream)[0]  # it can be read again
    'document 0'
    """

    @validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
    def __init__(
        self,
        source: Callable[[], Iterable[object]] | Iterable[object],
        *,
        column: str = "text",
        embeddings: str | Literal[True] | None = None,
        sample_size: int = DEFAULT_SAMPLE_SIZE,
        max_terms: int | None = DEFAULT_MAX_TERMS,
        batch_size: int = 10_000,
    ):
        _check_source(source)
        self.source = source
        self.column = column
        # False means the same as None.
        self.embeddings = embeddings or None
        self.sample_size = sample_size
        self.max_terms = max_terms
        self.batch_size = batch_size

    def __repr__(self) -> str:
        name = getattr(self.source, "__qualname__", type(self.source).__name__)
        return f"{type(self).__name__}({name})"

    def __iter__(self) -> Iterator[str]:
        """Read the documents once, as the source gives them."""
        return (text for text, _ in self._rows())

    def batches(
        self, null_documents: NullDocuments = "error"
    ) -> Iterator[DocumentBatch]:
        """Read the documents once, in batches.

        Parameters
        ----------
        null_documents : {'error', 'empty'}, default='error'
            Whether missing documents are refused, or read as empty texts.

        Yields
        ------
        DocumentBatch
            With the attributes ``first``, ``documents`` and ``vectors``.

        Raises
        ------
        ValueError
            If a document is missing and that is an error, a column is missing, or the
            vectors have different widths.
        TypeError
            If a document is not a str.

        Examples
        --------
        >>> from sklux.datasets import DocumentStream
        >>> stream = DocumentStream(lambda: iter(["a red apple", "a fast car"]))
        >>> [batch.documents for batch in stream.batches()]
        [['a red apple', 'a fast car']]
        """
        first, width = 0, None
        for rows in self._gathered():
            texts, vectors = zip(*rows)
            documents = _checked_texts(texts, first, null_documents)
            matrix = None
            if self.embeddings is not None:
                matrix = _matrix(vectors, first, width)
                width = matrix.shape[1] if np.isfinite(matrix).any() else width
            yield DocumentBatch(first, documents, matrix)
            first += len(documents)

    def _gathered(self) -> Iterator[list[tuple[Any, Any]]]:
        """Rows, gathered into batches."""
        gathered: list[tuple[Any, Any]] = []
        n_characters = 0
        for row in self._rows():
            gathered.append(row)
            n_characters += len(row[0]) if isinstance(row[0], str) else 0
            if len(gathered) >= self.batch_size or n_characters >= BATCH_CHARACTERS:
                yield gathered
                gathered, n_characters = [], 0
        if gathered:
            yield gathered

    def _rows(self) -> Iterator[tuple[Any, Any]]:
        """Texts with their vectors, which are None if there are none."""
        for item in self._items():
            if is_table(item):
                yield from self._rows_of_table(item)
            elif isinstance(item, Mapping):
                yield tuple(self._value(item, name) for name in self._columns())
            elif self.embeddings is None:
                yield self._plain(item), None
            else:
                yield self._pair(item)

    def _items(self) -> Iterable[Any]:
        """The items of the source, from the beginning."""
        source: Any = self.source
        if callable(source):
            items = source()
            if not isinstance(items, Iterable) or isinstance(items, str | bytes):
                raise TypeError(
                    "The source of a DocumentStream must return an iterable of "
                    f"documents. Got {type(items).__name__} instead."
                )
            source = items
        if is_table(source):
            return [source]
        if hasattr(source, "to_batches") and hasattr(source, "schema"):
            names = [name for name in self._columns() if name is not None]
            _check_names(source.schema.names, names)
            return source.to_batches(columns=names, batch_size=self.batch_size)
        return source

    def _columns(self) -> tuple[str, str | None]:
        """Names of the columns of texts and of vectors."""
        if self.embeddings is True:
            raise ValueError(
                "embeddings=True means that the items of the source are pairs of a "
                "text and a vector, but they are tables or mappings. Give the name of "
                "the column of vectors: embeddings='embedding'."
            )
        return self.column, self.embeddings

    def _rows_of_table(self, table: Any) -> Iterator[tuple[Any, Any]]:
        """Texts of a table with their vectors."""
        names = column_names(table)
        wanted = [name for name in self._columns() if name is not None]
        _check_names(names, wanted)
        columns = list(table_columns(table))
        found = [columns[names.index(name)] for name in wanted]
        texts = found[0]
        texts = python_values(texts, f"Column {wanted[0]!r}")
        if len(found) == 1:
            return zip(texts, repeat(None))
        return zip(texts, as_vectors(found[1], f"Column {wanted[1]!r}"))

    def _value(self, item: Mapping, name: str | None) -> Any:
        """A value of a mapping; None without a name."""
        if name is None:
            return None
        if name not in item:
            _check_names(list(map(str, item)), [name])
        return item[name]

    def _plain(self, item: object) -> Any:
        """A text; a pair is refused, because its vector would be ignored."""
        if isinstance(item, tuple):
            raise TypeError(
                "The source of the DocumentStream gives tuples, not texts. If they are "
                "pairs of a text and its teacher embedding, set embeddings=True."
            )
        return item

    def _pair(self, item: Any) -> tuple[Any, Any]:
        """A text with its vector."""
        if not (isinstance(item, tuple) and len(item) == 2):
            raise TypeError(
                f"The DocumentStream has embeddings={self.embeddings!r}, so its source "
                "must give pairs (text, vector), mappings or tables. Got "
                f"{type(item).__name__} instead."
            )
        return item


def _check_source(source: object) -> None:
    """Refuse a source that cannot be read again."""
    if callable(source):
        return
    if isinstance(source, Iterator):
        raise TypeError(
            f"The source of a DocumentStream is read several times, but this "
            f"{type(source).__name__} can be read only once. Give a function that "
            "makes it: DocumentStream(lambda: ...)."
        )
    can_be_read = isinstance(source, Iterable) or hasattr(source, "to_batches")
    if isinstance(source, str | bytes) or not (can_be_read or is_table(source)):
        raise TypeError(
            "The source of a DocumentStream must be a callable that returns an "
            "iterable of documents, a dataset of pyarrow, or an iterable that can be "
            f"read again. Got {type(source).__name__} instead."
        )


def _check_names(names: list[str], wanted: list[str]) -> None:
    """Refuse columns that do not exist."""
    for place, name in enumerate(wanted):
        if name not in names:
            parameter = ("column", "embeddings")[place]
            shown = ", ".join(map(repr, names[:20])) or "missing"
            raise ValueError(
                f"The source of the DocumentStream has no column {name!r}. Its columns "
                f"are {shown}. Give another name by {parameter}=."
            )


def _checked_texts(
    texts: Iterable[Any], first: int, null_documents: NullDocuments
) -> list[str]:
    """Documents of a batch, of which none is missing."""
    documents = list(texts)
    for place, document in enumerate(documents):
        if isinstance(document, str):
            continue
        if null_documents != "empty" or not is_missing(document):
            refuse_document(document, first + place, null_documents)
        documents[place] = ""
    return documents


def _matrix(vectors: Any, first: int, width: int | None) -> np.ndarray:
    """Vectors of a batch as a matrix of float32."""
    name = f"The vectors of the documents from position {first}"
    rows: Any = as_vectors(list(vectors), name)
    if not isinstance(rows, np.ndarray) or rows.ndim != 2:
        raise ValueError(f"{name} must be vectors of numbers. Got {type(vectors[0])}.")
    if width is not None and rows.shape[1] != width:
        if not np.isnan(rows).all():
            raise ValueError(
                f"{name} have {rows.shape[1]} components, but those before have "
                f"{width}. Use the vectors of one teacher."
            )
        return np.full((len(rows), width), np.nan, dtype=np.float32)
    return rows.astype(np.float32)
