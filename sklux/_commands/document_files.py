"""Documents in files: Parquet, CSV, JSON lines and plain text, read piece by piece.

All files but Parquet, which compresses its own columns, may be compressed. A piece has
at most `MAX_PIECE_DOCUMENTS` documents and little more than `MAX_PIECE_CHARACTERS`
characters (a document is never cut). This does not depend on the size of the file.
Other columns of a table can be kept with the documents.
"""

import csv
import errno
import io
import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sklux._utils.optional import import_optional

if TYPE_CHECKING:
    from _csv import Reader

FORMATS = ("parquet", "csv", "jsonl", "text")
SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "text",
}
# Further suffixes of compressed files, with the names of the codecs in Arrow.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
STANDARD_INPUT = "-"
MAX_PIECE_DOCUMENTS, MAX_PIECE_CHARACTERS = 10_000, 32_000_000
# The csv module needs a limit. At a quote that is never closed it stops there, before
# the rest of a large file fills the memory.
MAX_FIELD_CHARACTERS = 2**28


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

    @property
    def present(self) -> list[int]:
        """Positions of the documents that are not missing."""
        missing = set(self.missing)
        return [place for place in range(len(self.documents)) if place not in missing]


class DocumentFile:
    """A file with one document per row or line.

    Parameters
    ----------
    path : str
        The file, or a pipe; ``'-'`` is standard input. A file is compressed if its name
        ends with one of `COMPRESSIONS`.
    format : {'parquet', 'csv', 'jsonl', 'text'} or None
        None takes the format from the name, without the suffix of a compression.
    column : str
        Column, or key, that holds the text. Plain text ignores it.
    keep : sequence of str
        Columns to keep with the text. Columns of a CSV file are kept as text.
    piece_documents : int or None
        Maximum number of documents in a piece; None means `MAX_PIECE_DOCUMENTS`.

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
        format: str | None = None,
        column: str = "text",
        keep: Sequence[str] = (),
        piece_documents: int | None = None,
    ):
        if path != STANDARD_INPUT:
            check_file(path)
        self.path = path
        self.name = file_name(path)
        self.format = file_format(path) if format is None else format
        self.compression = file_compression(path)
        self.column = column
        self.keep = list(keep)
        self.piece_documents = piece_documents
        self._position: Callable[[], float | None] = lambda: 0.0
        if self.format == "text" and self.keep:
            raise ValueError(
                f"{path} is read as plain text, which has no columns to keep. Leave "
                "out --keep, or give the format of the file with --format."
            )
        if self.format == "parquet":
            self._check_seekable()

    def _check_seekable(self) -> None:
        """Refuse Parquet that can only be read from beginning to end."""
        if self.path == STANDARD_INPUT or not Path(self.path).is_file():
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

    def __iter__(self) -> Iterator[Piece]:
        """Read the documents, piece by piece."""
        rows = {
            "parquet": self._parquet,
            "csv": self._csv,
            "jsonl": self._json_lines,
            "text": self._lines,
        }[self.format]()
        return pieces(self._named(rows), self.keep, self.piece_documents)

    def kept_types(self) -> dict[str, Any]:
        """Types of the kept columns, if the file declares them.

        Returns
        -------
        dict of str to pyarrow.DataType
            Types by name. Only Parquet declares types. A column that does not exist, or
            exists twice, has no type.
        """
        if self.format != "parquet" or not self.keep:
            return {}
        with self._parquet_file() as file:
            schema = file.schema_arrow
        once = [
            name for name in self.keep if len(schema.get_all_field_indices(name)) == 1
        ]
        return {name: schema.field(name).type for name in once}

    def read_present(self) -> tuple[list[str], list[int], int]:
        """Read all documents that are not missing.

        Returns
        -------
        documents : list of str
            The documents, in order.
        places : list of int
            Their positions in the file.
        n_documents : int
            Number of documents in the file, including missing ones.

        Raises
        ------
        ValueError
            If there are none, or if the file cannot be read.
        """
        documents, places, n_documents = [], [], 0
        for piece in self:
            documents += [piece.documents[place] for place in piece.present]
            places += [n_documents + place for place in piece.present]
            n_documents += len(piece.documents)
        if not documents:
            only = (
                "no documents" if n_documents == 0 else "only missing (null) documents"
            )
            raise ValueError(f"{self.name} contains {only}.")
        return documents, places, n_documents

    def _named(self, rows: Iterator[tuple]) -> Iterator[tuple]:
        """Rows; system errors while reading them name the file."""
        with naming(self.name):
            try:
                yield from rows
            except OSError as error:
                # Arrow's own errors have no number.
                if self.compression is None or error.errno is not None:
                    raise
                raise ValueError(
                    f"{self.name} cannot be read as {self.compression}: {error}. The "
                    "file is damaged, incomplete or of another format."
                ) from error

    def _parquet(self) -> Iterator[tuple]:
        """Rows of a Parquet file."""
        with self._parquet_file() as file:
            self._check_columns(file.schema_arrow.names)
            n_rows, n_read = file.metadata.num_rows, 0
            self._position = lambda: n_read / max(n_rows, 1)
            columns = list(dict.fromkeys([self.column, *self.keep]))
            for batch in file.iter_batches(batch_size=1024, columns=columns):
                texts = self._texts(batch.column(self.column), n_read)
                yield from zip(texts, *(batch.column(name) for name in self.keep))
                n_read += batch.num_rows

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
    def _parquet_file(self) -> Iterator[Any]:
        """The file, opened by pyarrow; its errors name the file."""
        arrow = import_optional("pyarrow", extra="cli", purpose="Reading Parquet")
        parquet = import_optional(
            "pyarrow.parquet", extra="cli", purpose="Reading Parquet"
        )
        try:
            with parquet.ParquetFile(self.path) as file:
                yield file
        except arrow.ArrowException as error:
            raise ValueError(
                f"{self.name} cannot be read as Parquet: {error}"
            ) from error

    def _csv(self) -> Iterator[tuple]:
        """Rows of a CSV file with a header; no value is converted."""
        with self._opened() as file:
            limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
            lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            reader = csv.reader(lines, strict=True)
            try:
                yield from self._csv_rows(reader)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{self.name} is not UTF-8 after line {reader.line_num}: "
                    f"{error.reason}. Convert the file, for instance with iconv."
                ) from error
            except csv.Error as error:
                raise ValueError(
                    f"Line {reader.line_num} of {self.name} cannot be read as CSV: "
                    f"{error}."
                ) from error
            finally:
                csv.field_size_limit(limit)

    def _csv_rows(self, reader: "Reader") -> Iterator[tuple]:
        """Text and kept columns of the rows of a CSV reader.

        Empty lines are skipped if there are two or more columns.
        """
        names = next(filter(None, reader), None)
        if names is None:
            raise ValueError(f"{self.name} is empty. A CSV file begins with a header.")
        self._check_columns(names)
        wanted = [names.index(name) for name in (self.column, *self.keep)]
        for row in reader:
            if not row:
                if len(names) == 1:
                    # polars writes a missing value of the only column as an empty line.
                    yield (None,) * len(wanted)
                continue
            if len(row) != len(names):
                raise ValueError(
                    f"Line {reader.line_num} of {self.name} has {len(row)} instead of "
                    f"{len(names)} columns, the number in the header. Put values that "
                    "contain a comma in quotes."
                )
            yield tuple(row[place] for place in wanted)

    def _json_lines(self) -> Iterator[tuple]:
        """Rows of a file with a JSON object on each line."""
        is_first = True
        with self._opened() as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except RecursionError as error:
                    raise ValueError(
                        f"Line {number} of {self.name} is nested too deeply to be "
                        "read. Remove the line."
                    ) from error
                except ValueError as error:
                    raise ValueError(
                        f"Line {number} of {self.name} is not JSON: {error}."
                    ) from error
                if not isinstance(row, dict):
                    raise ValueError(
                        f"Line {number} of {self.name} is not a JSON object. Each line "
                        f'must be an object, such as {{"{self.column}": ...}}.'
                    )
                if is_first:
                    self._check_columns(list(row))
                    is_first = False
                values = [row.get(name) for name in self.keep]
                yield row.get(self.column), *values

    def _lines(self) -> Iterator[tuple]:
        """Lines of plain text, each a document."""
        with self._opened() as file:
            for number, line in enumerate(file, start=1):
                # A file may begin with a byte order mark.
                encoding = "utf-8-sig" if number == 1 else "utf-8"
                try:
                    yield (line.rstrip(b"\r\n").decode(encoding),)
                except UnicodeDecodeError as error:
                    raise ValueError(
                        f"Line {number} of {self.name} is not UTF-8: {error.reason}. "
                        "Convert the file, for instance with iconv."
                    ) from error

    def _opened(self) -> BinaryIO:
        """The decompressed bytes of the file; standard input stays open."""
        if self.path == STANDARD_INPUT:
            file = os.fdopen(os.dup(standard_input()), "rb")
        else:
            file = open(self.path, "rb")
        status = os.fstat(file.fileno())
        size = max(status.st_size, 1)
        if self.path == STANDARD_INPUT or not stat.S_ISREG(status.st_mode):
            self._position = lambda: None
        else:
            self._position = lambda: 1.0 if file.closed else file.tell() / size
        return file if self.compression is None else self._decompressed(file)

    def _decompressed(self, file: BinaryIO) -> BinaryIO:
        """The bytes in a compressed file; closing them closes the file."""
        arrow = import_optional(
            "pyarrow", extra="cli", purpose="Reading compressed files"
        )
        stream = arrow.CompressedInputStream(file, self.compression)
        return io.BufferedReader(stream, buffer_size=2**20)

    def _check_columns(self, names: list[str]) -> None:
        """Refuse columns that do not exist, or whose name exists twice."""
        missing = [name for name in (self.column, *self.keep) if name not in names]
        if missing:
            raise ValueError(
                f"{self.name} has no column {missing[0]!r}. Its columns are "
                f"{', '.join(map(repr, names))}. Give the column that holds the text "
                "with --column."
            )
        double = [name for name in (self.column, *self.keep) if names.count(name) > 1]
        if double:
            raise ValueError(
                f"{self.name} has more than one column {double[0]!r}. Rename one of "
                "them."
            )


def file_name(path: str) -> str:
    """Name of a file of documents in messages.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard input.

    Returns
    -------
    str
        The path, or ``'standard input'``.
    """
    return "standard input" if path == STANDARD_INPUT else path


def check_file(path: str | Path) -> None:
    """Refuse a path that is not a file or pipe.

    Parameters
    ----------
    path : str or Path
        The path.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    IsADirectoryError
        If the path is a folder.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder. Name a file.")


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


def file_compression(path: str) -> str | None:
    """Compression of a file, by its name.

    Parameters
    ----------
    path : str
        The file; ``'-'``, standard input, is not compressed.

    Returns
    -------
    str or None
        A value of `COMPRESSIONS`, or None.
    """
    return COMPRESSIONS.get(Path(path).suffix.lower())


def file_format(path: str) -> str:
    """Format of a file, by its name.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard input.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    ValueError
        If the name does not show the format.
    """
    if path == STANDARD_INPUT:
        raise ValueError(
            "Standard input has no file name to take the format from. Give it with "
            "--format: csv, jsonl or text."
        )
    plain = Path(path) if file_compression(path) is None else Path(path).with_suffix("")
    suffix = plain.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"The file name {path} does not show the format. Give it with --format: "
            f"{', '.join(FORMATS)}."
        )
    return SUFFIXES[suffix]


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

    Raises
    ------
    ValueError
        If a text is not a str.
    """
    max_documents = max_documents or MAX_PIECE_DOCUMENTS
    gathered: list[tuple] = []
    n_characters = n_before = 0
    for row in rows:
        text = row[0]
        if text is not None and not isinstance(text, str):
            raise ValueError(
                f"Document {n_before + len(gathered)} is of type "
                f"{type(text).__name__}, not str. Give the column that holds the text "
                "with --column."
            )
        gathered.append(row)
        n_characters += len(text or "")
        if len(gathered) >= max_documents or n_characters >= MAX_PIECE_CHARACTERS:
            yield _piece(gathered, keep)
            n_before += len(gathered)
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
