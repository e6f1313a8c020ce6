"""Documents in files: Parquet, CSV, JSON lines and plain text, read piece by piece.

All but Parquet, which compresses its own columns, may be compressed. A piece has at
most `MAX_PIECE_DOCUMENTS` documents and little more than `MAX_PIECE_CHARACTERS`
characters (a document is never cut), whatever the size of the file. A table's other
columns can be kept beside the documents.
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
from typing import Any, BinaryIO

from sklux._utils.optional import import_optional

FORMATS = ("parquet", "csv", "jsonl", "text")
SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "text",
}
# What may stand after these, by the names that Arrow has for it.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
STANDARD_INPUT = "-"
MAX_PIECE_DOCUMENTS, MAX_PIECE_CHARACTERS = 10_000, 32_000_000
# The csv module wants a limit. A quote that is never closed is found out by it before
# the rest of a large file fills the memory.
MAX_FIELD_CHARACTERS = 2**28


@dataclass
class Piece:
    """Some documents of a file, in their order.

    Attributes
    ----------
    documents : list of str
        The documents; a missing one is empty.
    kept : dict of str to list
        Values of the columns that were asked for beside them; of Parquet, as Arrow has
        them.
    missing : list of int
        Places of the documents that were missing.
    """

    documents: list[str]
    kept: dict[str, list]
    missing: list[int]

    @property
    def present(self) -> list[int]:
        """Places of the documents that are not missing."""
        missing = set(self.missing)
        return [place for place in range(len(self.documents)) if place not in missing]


class DocumentFile:
    """A file with a document per row or line.

    Parameters
    ----------
    path : str
        The file, or a pipe; ``'-'`` is standard input. A name that ends as one of
        `COMPRESSIONS` is that of a compressed file.
    format : {'parquet', 'csv', 'jsonl', 'text'} or None
        None means by the name, without what says the compression.
    column : str
        Column, or key, that holds the text; not used for plain text.
    keep : sequence of str
        Columns to keep beside the text. Those of a CSV file are text.
    piece_documents : int or None
        Documents in a piece, at most; None means `MAX_PIECE_DOCUMENTS`.

    Raises
    ------
    FileNotFoundError or IsADirectoryError
        If there is no such file.
    ValueError
        If the format is not known, or has no columns to keep, or is Parquet in a pipe
        or compressed once more.
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
                "out --keep, or say which --format the file has."
            )
        is_pipe = path == STANDARD_INPUT or not Path(path).is_file()
        if self.format == "parquet" and is_pipe:
            raise ValueError(
                "Parquet cannot be read from a pipe, because its index is at its end. "
                "Write it to a file first, or pipe JSON lines."
            )
        if self.format == "parquet" and self.compression is not None:
            raise ValueError(
                f"{path} is Parquet within {self.compression}, which would have to be "
                "unpacked as a whole. Unpack it first: Parquet compresses its columns "
                "itself."
            )

    def position(self) -> float | None:
        """How far the reading is.

        Returns
        -------
        float or None
            Between 0 and 1; None where the length is not known, as of a pipe.
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
        """Types of the columns to keep, where the file says them.

        Returns
        -------
        dict of str to pyarrow.DataType
            Of Parquet, by name; empty for other formats, and without the columns that
            are not there or there twice.
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
        """Read all documents but those that are missing.

        Returns
        -------
        documents : list of str
            They, in their order.
        places : list of int
            Their places in the file.
        n_documents : int
            How many documents the file has, with the missing ones.

        Raises
        ------
        ValueError
            If there is none, or as in iteration.
        """
        documents, places, n_documents = [], [], 0
        for piece in self:
            documents += [piece.documents[place] for place in piece.present]
            places += [n_documents + place for place in piece.present]
            n_documents += len(piece.documents)
        if not documents:
            what = (
                "no document" if not n_documents else "missing documents alone (null)"
            )
            raise ValueError(f"{self.name} holds {what}.")
        return documents, places, n_documents

    def _named(self, rows: Iterator[tuple]) -> Iterator[tuple]:
        """Rows; what the system says against reading them names the file."""
        with naming(self.name):
            try:
                yield from rows
            except OSError as error:
                # Arrow's own errors have no number.
                if self.compression is None or error.errno is not None:
                    raise
                raise ValueError(
                    f"{self.name} cannot be read as {self.compression}: {error}. The "
                    "file is damaged, not whole, or something else."
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
        """Values of a column of Parquet, after so many others."""
        try:
            return column.to_pylist()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self.name} is not UTF-8 in rows {n_before:,} to "
                f"{n_before + len(column) - 1:,} of {self.column!r}: {error.reason}."
            ) from error

    @contextmanager
    def _parquet_file(self) -> Iterator[Any]:
        """The file, opened by pyarrow, whose errors name it."""
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
        """Rows of a CSV file with a header; each value stays the text that it is."""
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

    def _csv_rows(self, reader: Iterator[list[str]]) -> Iterator[tuple]:
        """The columns wanted of the rows of a CSV reader.

        Empty lines are left out where there are more columns than one.
        """
        names = next(filter(None, reader), None)
        if names is None:
            raise ValueError(f"{self.name} is empty: a CSV file begins with a header.")
        self._check_columns(names)
        wanted = [names.index(name) for name in (self.column, *self.keep)]
        for row in reader:
            if not row:
                if len(names) == 1:
                    # A missing value of the only column, as polars writes it.
                    yield (None,) * len(wanted)
                continue
            if len(row) != len(names):
                raise ValueError(
                    f"Line {reader.line_num} of {self.name} has {len(row)} columns, "
                    f"but the header has {len(names)}. Put a value with a comma in "
                    "quotes."
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
                        "read. Leave the line out."
                    ) from error
                except ValueError as error:
                    raise ValueError(
                        f"Line {number} of {self.name} is not JSON: {error}."
                    ) from error
                if not isinstance(row, dict):
                    raise ValueError(
                        f"Line {number} of {self.name} is not a JSON object. Each line "
                        f"must be one, such as {{{self.column!r}: ...}}."
                    )
                if is_first:
                    self._check_columns(list(row))
                    is_first = False
                values = [row.get(name) for name in self.keep]
                yield row.get(self.column), *values

    def _lines(self) -> Iterator[tuple]:
        """Lines of a text, a document each."""
        with self._opened() as file:
            for number, line in enumerate(file, start=1):
                # A mark of the byte order may stand at the beginning.
                encoding = "utf-8-sig" if number == 1 else "utf-8"
                try:
                    yield (line.rstrip(b"\r\n").decode(encoding),)
                except UnicodeDecodeError as error:
                    raise ValueError(
                        f"Line {number} of {self.name} is not UTF-8: {error.reason}. "
                        "Convert the file, for instance with iconv."
                    ) from error

    def _opened(self) -> BinaryIO:
        """The file as bytes, unpacked; standard input stays open."""
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
        return file if self.compression is None else self._unpacked(file)

    def _unpacked(self, file: BinaryIO) -> BinaryIO:
        """What a compressed file holds; closing it closes the file."""
        arrow = import_optional(
            "pyarrow", extra="cli", purpose="Reading compressed files"
        )
        stream = arrow.CompressedInputStream(file, self.compression)
        return io.BufferedReader(stream, buffer_size=2**20)

    def _check_columns(self, names: list[str]) -> None:
        """Refuse columns that are not there, or there twice, by name."""
        missing = [name for name in (self.column, *self.keep) if name not in names]
        if missing:
            raise ValueError(
                f"{self.name} has no column {missing[0]!r}. Its columns are "
                f"{', '.join(map(repr, names))}; say which holds the text with "
                "--column."
            )
        double = [name for name in (self.column, *self.keep) if names.count(name) > 1]
        if double:
            raise ValueError(
                f"{self.name} has more than one column {double[0]!r}. Rename them, so "
                "that the name says which is meant."
            )


def file_name(path: str) -> str:
    """How a message calls a file of documents.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard input.

    Returns
    -------
    str
        The path, but for standard input.
    """
    return "standard input" if path == STANDARD_INPUT else path


def check_file(path: str | Path) -> None:
    """Refuse a path at which there is no file, or pipe, to read.

    Parameters
    ----------
    path : str or Path
        Where it should be.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    IsADirectoryError
        If it is a folder.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder. Name a file.")


def standard_input() -> int:
    """Descriptor of standard input.

    Returns
    -------
    int
        It is open.

    Raises
    ------
    ValueError
        If it is closed.
    """
    if sys.stdin is None:
        raise ValueError(
            "Standard input is closed. Pipe the documents to it, or name a file."
        )
    return sys.stdin.fileno()


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Have errors of the system name the file, where they do not.

    Parameters
    ----------
    name : str
        Of the file that is read or written inside the context.

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
        The file; ``'-'``, standard input, has none.

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
        The file; ``'-'``, standard input, has no name that tells.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    ValueError
        If the name does not tell.
    """
    if path == STANDARD_INPUT:
        raise ValueError(
            "Standard input has no name that tells its format. Say which with "
            "--format: csv, jsonl or text."
        )
    plain = Path(path) if file_compression(path) is None else Path(path).with_suffix("")
    suffix = plain.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"The name {path} does not tell its format. Say which with --format: "
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
        The text, or None, and the values that are kept.
    keep : sequence of str
        Names of these values.
    max_documents : int or None
        Documents in a piece, at most; None means `MAX_PIECE_DOCUMENTS`.

    Yields
    ------
    Piece
        The rows, in their order.

    Raises
    ------
    ValueError
        If a text is no str.
    """
    max_documents = max_documents or MAX_PIECE_DOCUMENTS
    gathered: list[tuple] = []
    n_characters = n_before = 0
    for row in rows:
        text = row[0]
        if text is not None and not isinstance(text, str):
            raise ValueError(
                f"Document {n_before + len(gathered)} is no text but a "
                f"{type(text).__name__}. Say which column holds the text with --column."
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
    """A piece from its rows."""
    texts, *columns = zip(*rows)
    documents = ["" if text is None else text for text in texts]
    kept = {name: list(values) for name, values in zip(keep, columns)}
    missing = [place for place, text in enumerate(texts) if text is None]
    return Piece(documents, kept, missing)
