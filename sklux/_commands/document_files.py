"""Documents in files: Parquet, CSV, JSON and plain text, read piece by piece.

All files but Parquet, which compresses its own columns, may be compressed. A piece has
at most `MAX_PIECE_DOCUMENTS` documents and little more than `MAX_PIECE_CHARACTERS`
characters (a document is never cut). This does not depend on the size of the files.
Other columns of a table can be kept with the documents.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from sklux._commands.addresses import is_address, open_address, size_at
from sklux._commands.csv_rows import CsvTable, check_delimiter
from sklux._commands.document_paths import (
    STANDARD_INPUT,
    check_file,
    file_compression,
    file_format,
    file_name,
)
from sklux._commands.json_rows import ABSENT, MAX_KEYS, json_rows, keys_of, value_at
from sklux._commands.parquet_columns import column_at, path_to, paths_of, type_at
from sklux._commands.text_input import TextInput
from sklux._utils.documents import NullDocuments
from sklux._utils.file_kinds import beginning_in_words
from sklux._utils.optional import import_optional

MAX_PIECE_DOCUMENTS, MAX_PIECE_CHARACTERS = 10_000, 32_000_000
# A key that none of so many first rows of a JSON file has is an error.
N_ROWS_WITH_KEYS = 1000


@dataclass
class Piece:
    """Consecutive documents of a file.

    Attributes
    ----------
    documents : list of str
        The documents. A missing document is empty.
    kept : dict of str to list
        Values of the kept columns, by name. Values from Parquet are Arrow scalars.
    missing : list of int
        Positions of missing documents in the piece.
    """

    documents: list[str]
    kept: dict[str, list]
    missing: list[int]


@dataclass(frozen=True)
class ReadOptions:
    """How files of documents are read.

    Attributes
    ----------
    format : str or None
        One of `FORMATS`; None takes it from the name of each file, without the suffix
        of a compression.
    column : str
        Column, or key, that holds the text. Plain text ignores it.
    encoding : str or None
        Encoding of the text; None means UTF-8. Parquet ignores it.
    delimiter : str or None
        Character between the values of a CSV file; None means that the header shows it.
    quotes : {'doubled', 'backslash', 'none'} or None
        How quotes within values of a CSV file are written; None means that the first
        lines show it.
    """

    format: str | None = None
    column: str = "text"
    encoding: str | None = None
    delimiter: str | None = None
    quotes: str | None = None


class DocumentFile:
    """A file with one document per row or line.

    Parameters
    ----------
    path : str
        The file, its address, or a pipe; ``'-'`` is standard input. Its name or its
        first bytes show whether it is compressed.
    options : ReadOptions or None, default=None
        How it is read.
    keep : sequence of str
        Columns to keep with the text. Columns of a CSV file are kept as text.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    IsADirectoryError
        If the path is a folder.
    ValueError
        If the format is not known or has no columns to keep, or if a Parquet file is a
        pipe or is compressed as a whole.
    """

    def __init__(
        self,
        path: str,
        options: ReadOptions | None = None,
        keep: Sequence[str] = (),
    ):
        self._is_remote = is_address(path)
        if path != STANDARD_INPUT and not self._is_remote:
            check_file(path)
        self.options = options = options or ReadOptions()
        self.path = path
        self.name = file_name(path)
        self.format = file_format(path) if options.format is None else options.format
        self.compression = file_compression(path)
        self.column = options.column
        self.keep = list(keep)
        self._position: Callable[[], float | None] = lambda: 0.0
        if self.format == "text" and self.keep:
            raise ValueError(
                f"{path} is read as plain text, which has no columns to keep. Leave "
                "out --keep, or give the format of the file with --format."
            )
        if self.format == "parquet":
            self._check_seekable()

    @property
    def is_regular(self) -> bool:
        """Whether it can be read more than once."""
        is_input = self.path == STANDARD_INPUT
        return self._is_remote or (not is_input and Path(self.path).is_file())

    @cached_property
    def size(self) -> int | None:
        """Bytes of a regular file; None if they are not known."""
        return size_at(self.path) if self._is_remote else os.path.getsize(self.path)

    def _check_seekable(self) -> None:
        """Refuse Parquet that can only be read from beginning to end."""
        if not self.is_regular:
            raise ValueError(
                "Parquet cannot be read from a pipe, because its index is at its end. "
                "Write it to a file first, or pipe JSON lines."
            )
        if self.compression is not None:
            raise ValueError(
                f"{self.path} is a Parquet file within {self.compression}, which "
                "cannot be read in pieces. Decompress it first: Parquet compresses its "
                "own columns."
            )

    def position(self) -> float | None:
        """Share of the file that has been read.

        Returns
        -------
        float or None
            Between 0 and 1; None if the length is not known, as for a pipe.
        """
        return self._position()

    def rows(self) -> Iterator[tuple]:
        """Yield the text, or None, and the values of the kept columns of each row.

        Yields
        ------
        tuple
            A row.

        Raises
        ------
        ValueError
            If the file cannot be read, or if a text is not a str.
        """
        read = {
            "parquet": self._parquet,
            "csv": self._csv,
            "tsv": self._csv,
            "jsonl": self._json,
            "json": self._json,
            "text": self._lines,
        }[self.format]
        for number, row in enumerate(self._named(read())):
            if row[0] is not None and not isinstance(row[0], str):
                raise ValueError(
                    f"Document {number} of {self.name} is of type "
                    f"{type(row[0]).__name__}, not str. Give the column that holds the "
                    "text with --column."
                )
            yield row

    def check(self) -> None:
        """Read the first row, so that errors show before any work.

        Raises
        ------
        ValueError
            If the file does not have the columns, for instance.
        """
        if self.format == "parquet":
            with self.parquet_file() as file:
                self.check_parquet(file.schema_arrow)
        elif not self.is_empty:
            next(self.rows(), None)
            self._position = lambda: 0.0

    @property
    def is_empty(self) -> bool:
        """Whether it has no bytes, as some programs write a part without rows."""
        return self.is_regular and self.size == 0

    def kept_types(self) -> dict[str, Any]:
        """Types of the kept columns, if the file declares them.

        Returns
        -------
        dict of str to pyarrow.DataType
            Types by name. Only Parquet declares types. A column that does not exist, or
            exists twice, has no type.
        """
        return self.types(self.keep)

    def types(self, names: Sequence[str]) -> dict[str, Any]:
        """Types of some columns, as `kept_types` has them.

        Parameters
        ----------
        names : sequence of str
            The columns.

        Returns
        -------
        dict of str to pyarrow.DataType
            Types by name.
        """
        if self.format != "parquet" or not names:
            return {}
        with self.parquet_file() as file:
            schema = file.schema_arrow
        types = {name: type_at(schema, name) for name in names}
        return {name: type_ for name, type_ in types.items() if type_ is not None}

    def _named(self, rows: Iterator[tuple]) -> Iterator[tuple]:
        """Rows; system errors while reading them name the file."""
        with naming(self.name):
            try:
                yield from rows
            except OSError as error:
                # Arrow's own errors have no number.
                if self.format == "parquet" or error.errno is not None:
                    raise
                kind = self.compression or "a compressed file"
                raise ValueError(
                    f"{self.name} cannot be read as {kind}: {error}. "
                    f"{self._beginning()}. The file is damaged, incomplete or of "
                    "another format."
                ) from error

    def _beginning(self) -> str:
        """What the first bytes show."""
        if not self.is_regular:
            return "It is a pipe"
        with self._binary() as file:
            return beginning_in_words(file.read(64))

    def _parquet(self) -> Iterator[tuple]:
        """Rows of a Parquet file."""
        with self.parquet_file() as file:
            self.check_parquet(file.schema_arrow)
            n_rows, n_read = file.metadata.num_rows, 0
            self._position = lambda: n_read / max(n_rows, 1)
            columns = list(dict.fromkeys([self.column, *self.keep]))
            for batch in file.iter_batches(batch_size=1024, columns=columns):
                texts = self._texts(column_at(batch, self.column), n_read)
                yield from zip(texts, *(column_at(batch, name) for name in self.keep))
                n_read += batch.num_rows

    def missing(self, number: int) -> ValueError:
        """Make the error for a missing document.

        Parameters
        ----------
        number : int
            Number of the document in the file, from 0.

        Returns
        -------
        ValueError
            The error.
        """
        return ValueError(
            f"Document {number} of {self.name} is missing (null, or without "
            f"{self.column!r}). Drop missing documents, or read them as empty texts "
            "with --null-documents empty."
        )

    def _texts(self, column: Any, n_before: int) -> list:
        """Values of one batch of a Parquet column, as Python objects."""
        try:
            return column.to_pylist()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self.name} is not UTF-8 in rows {n_before:,} to "
                f"{n_before + len(column) - 1:,} of {self.column!r}: {error.reason}."
            ) from error

    @contextmanager
    def parquet_file(self) -> Iterator[Any]:
        """Open a Parquet file; errors of pyarrow name the file.

        Yields
        ------
        pyarrow.parquet.ParquetFile
            The file.

        Raises
        ------
        ValueError
            If the file cannot be read.
        """
        arrow = import_optional("pyarrow", extra="cli", purpose="Reading Parquet")
        parquet = import_optional(
            "pyarrow.parquet", extra="cli", purpose="Reading Parquet"
        )
        try:
            # pyarrow reads a path faster than an open file.
            opened = self._binary() if self._is_remote else nullcontext(self.path)
            with opened as source, parquet.ParquetFile(source) as file:
                yield file
        except arrow.ArrowException as error:
            raise ValueError(
                f"{self.name} cannot be read as Parquet: {error} {self._beginning()}."
            ) from error

    def _csv(self) -> Iterator[tuple]:
        """Rows of a CSV file with a header; no value is converted.

        Empty lines are skipped if there are two or more columns.
        """
        delimiter = check_delimiter(self.options.delimiter)
        if delimiter is None and self.format == "tsv":
            delimiter = "\t"
        with self._opened() as file:
            text, table = self._text(file), CsvTable(self.name)
            wanted = (self.column, *self.keep)
            try:
                lines = text.decoded_lines()
                table.open(lines, wanted, delimiter, self.options.quotes)
                found = f"Its columns (separated by {table.delimiter!r}) are"
                self._check_columns(table.names, "column", found)
                places = [table.names.index(name) for name in wanted]
                for row in table.rows():
                    if row:
                        yield tuple(row[place] for place in places)
                    elif len(table.names) == 1:
                        # polars writes a missing value of the only column so.
                        yield (None,) * len(places)
            except UnicodeError as error:
                # The text is decoded some lines ahead.
                after = f" after line {table.line}" if table.line else ""
                raise text.decode_error(f"The text{after}", error) from error

    def _json(self) -> Iterator[tuple]:
        """Rows of a JSON file."""
        absent, keys = {self.column, *self.keep}, dict[str, None]()
        waiting: list[tuple] = []
        with self._opened() as file:
            for row in json_rows(self._text(file)):
                found = [value_at(row, name) for name in (self.column, *self.keep)]
                values = tuple(None if one is ABSENT else one for one in found)
                if not absent:
                    yield values
                    continue
                absent -= {
                    name
                    for name, one in zip((self.column, *self.keep), found)
                    if one is not ABSENT
                }
                keys |= dict.fromkeys(keys_of(row))
                waiting.append(values)
                if len(waiting) >= N_ROWS_WITH_KEYS:
                    self._check_keys(absent, keys, len(waiting))
                if not absent:
                    yield from waiting
                    waiting = []
            if waiting:
                self._check_keys(absent, keys, len(waiting))

    def _check_keys(self, absent: set[str], keys: Iterable[str], n_rows: int) -> None:
        """Refuse keys that no row has."""
        if absent:
            rows = "row" if n_rows == 1 else f"{n_rows:,} rows"
            self._check_columns(list(keys), "key", f"The keys of its first {rows} are")

    def _lines(self) -> Iterator[tuple]:
        """Lines of plain text, each a document."""
        with self._opened() as file:
            for line in self._text(file).lines():
                yield (line.rstrip("\r\n"),)

    def _text(self, file: BinaryIO) -> TextInput:
        """The text of the open file."""
        encoding = self.options.encoding
        return TextInput(file, self.name, encoding, self.compression)

    def _opened(self) -> BinaryIO:
        """The open file; standard input stays open when it is closed."""
        if self.path == STANDARD_INPUT:
            file: BinaryIO = os.fdopen(os.dup(standard_input()), "rb")
        else:
            file = self._binary()
        size = self.size if self.is_regular else None
        if size is None:
            self._position = lambda: None
        else:
            self._position = lambda: 1.0 if file.closed else file.tell() / max(size, 1)
        return file

    def _binary(self) -> BinaryIO:
        """The open file, if it is not standard input."""
        return open_address(self.path) if self._is_remote else open(self.path, "rb")

    def check_parquet(self, schema: Any) -> None:
        """Refuse columns that a Parquet file does not have; paths lead into structs.

        Parameters
        ----------
        schema : pyarrow.Schema
            Schema of the file.

        Raises
        ------
        ValueError
            If a column is missing, or occurs twice.
        """
        names = [path for field in schema for path in paths_of(field)]
        wanted = dict.fromkeys((self.column, *self.keep))
        found = [name for name in wanted if path_to(schema, name) is not None]
        self._check_columns([*names, *(name for name in found if name not in names)])

    def _check_columns(
        self, names: list[str], noun: str = "column", found: str = "Its columns are"
    ) -> None:
        """Refuse columns that do not exist, or whose name exists twice."""
        wanted = dict.fromkeys((self.column, *self.keep))
        for name in wanted:
            if name in names:
                continue
            shown = ", ".join(map(repr, names[:MAX_KEYS])) or "missing"
            more = ", ..." if len(names) > MAX_KEYS else ""
            remedy = (
                f"Give the {noun} that holds the text with --column."
                if name == self.column
                else f"Name another {noun} with --keep, or leave it out."
            )
            raise ValueError(
                f"{self.name} has no {noun} {name!r}. {found} {shown}{more}. {remedy}"
            )
        double = [name for name in wanted if names.count(name) > 1]
        if double:
            raise ValueError(
                f"{self.name} has more than one column {double[0]!r}. Rename one of "
                "them."
            )


class DocumentFiles:
    """Files that are read one after another, as if they were one.

    Parameters
    ----------
    files : sequence of DocumentFile
        The files, one or more, with the same columns to keep.
    name : str
        Name of all of them in messages.
    piece_documents : int or None, default=None
        Maximum number of documents in a piece; None means `MAX_PIECE_DOCUMENTS`.
    null_documents : {'error', 'empty'}, default='error'
        Whether missing documents are refused, or read as empty texts.
    """

    def __init__(
        self,
        files: Sequence[DocumentFile],
        name: str,
        piece_documents: int | None = None,
        null_documents: NullDocuments = "error",
    ):
        self.files = list(files)
        self.name = name
        self.piece_documents = piece_documents
        self.null_documents = null_documents
        self._n_done = 0

    def check(self) -> None:
        """Check the columns of all files, before any work.

        A single file is not checked: its errors show at once anyway.

        Raises
        ------
        ValueError
            If one of several files cannot be read.
        """
        if len(self.files) > 1:
            for file in self.files:
                if file.is_regular:
                    file.check()

    def position(self) -> float | None:
        """Share of the files that has been read, by their sizes.

        Returns
        -------
        float or None
            Between 0 and 1; None if a length is not known, as for a pipe.
        """
        if not all(file.is_regular and file.size is not None for file in self.files):
            return None
        sizes = [max(file.size or 0, 1) for file in self.files]
        done: float = sum(sizes[: self._n_done])
        if self._n_done < len(self.files):
            done += sizes[self._n_done] * (self.files[self._n_done].position() or 0)
        return done / sum(sizes)

    def __iter__(self) -> Iterator[Piece]:
        """Read the documents, piece by piece. A piece may have rows of two files."""
        return pieces(self._rows(), self.files[0].keep, self.piece_documents)

    def kept_types(self) -> dict[str, Any]:
        """Types of the kept columns, if all files declare them.

        Returns
        -------
        dict of str to pyarrow.DataType
            Types by name, as in the first file.
        """
        if any(file.format != "parquet" for file in self.files):
            return {}
        return self.files[0].kept_types()

    def read(
        self, seen: Callable[[int], object] | None = None
    ) -> tuple[list[str], int]:
        """Read all documents.

        Parameters
        ----------
        seen : callable or None, default=None
            Is called with the number of documents of each piece.

        Returns
        -------
        documents : list of str
            The documents, in order.
        n_missing : int
            Number of missing documents among them, which are empty.

        Raises
        ------
        ValueError
            If there are no documents, a document is missing and that is an error, or
            a file cannot be read.
        """
        documents: list[str] = []
        n_missing = 0
        for piece in self:
            documents += piece.documents
            n_missing += len(piece.missing)
            if seen is not None:
                seen(len(piece.documents))
        if not documents:
            raise ValueError(f"{self.name} contains no documents.")
        return documents, n_missing

    def _rows(self) -> Iterator[tuple]:
        """Rows of all files."""
        for number, file in enumerate(self.files):
            self._n_done = number
            # Programs that write many parts leave parts without rows empty.
            if len(self.files) == 1 or file.format == "parquet" or not file.is_empty:
                yield from self._checked(file)
        self._n_done = len(self.files)

    def _checked(self, file: DocumentFile) -> Iterator[tuple]:
        """Rows of one file, up to a missing document if that is an error."""
        for number, row in enumerate(file.rows()):
            if row[0] is None and self.null_documents != "empty":
                raise file.missing(number)
            yield row


def standard_input() -> int:
    """File descriptor of standard input.

    Returns
    -------
    int
        The descriptor of an open file.

    Raises
    ------
    ValueError
        If standard input is closed.
    """
    if sys.stdin is None:
        raise ValueError(
            "Standard input is closed. Pipe the documents to it, or name a file."
        )
    return sys.stdin.fileno()


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Add the name of a file to system errors that lack it.

    Parameters
    ----------
    name : str
        Name of the file that is read or written inside the context.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    OSError
        With the name.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None or name in str(error):
            raise
        number, words = error.errno or errno.EIO, error.strerror or str(error)
        raise OSError(number, words.strip(), name) from error


def pieces(
    rows: Iterable[tuple], keep: Sequence[str], max_documents: int | None = None
) -> Iterator[Piece]:
    """Gather rows into pieces of limited size.

    Parameters
    ----------
    rows : iterable of tuple
        The text, or None, and the values of the kept columns.
    keep : sequence of str
        Names of the kept columns.
    max_documents : int or None
        Maximum number of documents in a piece; None means `MAX_PIECE_DOCUMENTS`.

    Yields
    ------
    Piece
        The rows, in order.
    """
    max_documents = max_documents or MAX_PIECE_DOCUMENTS
    gathered: list[tuple] = []
    n_characters = 0
    for row in rows:
        gathered.append(row)
        n_characters += len(row[0] or "")
        if len(gathered) >= max_documents or n_characters >= MAX_PIECE_CHARACTERS:
            yield _piece(gathered, keep)
            gathered, n_characters = [], 0
    if gathered:
        yield _piece(gathered, keep)


def _piece(rows: list[tuple], keep: Sequence[str]) -> Piece:
    """Make a piece of its rows."""
    texts, *columns = zip(*rows)
    documents = ["" if text is None else text for text in texts]
    kept = {name: list(values) for name, values in zip(keep, columns)}
    missing = [place for place, text in enumerate(texts) if text is None]
    return Piece(documents, kept, missing)
