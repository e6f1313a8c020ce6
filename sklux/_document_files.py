"""Documents in files: Parquet, CSV, JSON lines and plain text, read piece by piece.

A piece has at most `MAX_PIECE_DOCUMENTS` documents and little more than
`MAX_PIECE_CHARACTERS` characters (a document is never cut), whatever the size of the
file. A table's other columns can be kept beside the documents.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sklux._optional import import_optional

FORMATS = ("parquet", "csv", "jsonl", "text")
SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".txt": "text",
}
STANDARD_INPUT = "-"
MAX_PIECE_DOCUMENTS, MAX_PIECE_CHARACTERS = 10_000, 32_000_000


@dataclass
class Piece:
    """Some documents of a file, in their order.

    Attributes
    ----------
    documents : list of str
        The documents; a missing one is empty.
    kept : dict of str to list
        Values of the columns that were asked for beside them.
    n_missing : int
        How many documents were missing.
    """

    documents: list[str]
    kept: dict[str, list]
    n_missing: int


class DocumentFile:
    """A file with a document per row or line.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard input.
    format : {'parquet', 'csv', 'jsonl', 'text'} or None
        None means by the name; standard input is then text, a document per line.
    column : str
        Column, or key, that holds the text; not used for plain text.
    keep : sequence of str
        Columns to keep beside the text.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the format is not known, or has no columns to keep.
    """

    def __init__(
        self,
        path: str,
        format: str | None = None,
        column: str = "text",
        keep: Sequence[str] = (),
    ):
        self.path = path
        self.format = file_format(path) if format is None else format
        self.column = column
        self.keep = list(keep)
        self._position: Callable[[], float | None] = lambda: 0.0
        if path != STANDARD_INPUT and not Path(path).is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        if self.format == "text" and self.keep:
            raise ValueError(
                f"{path} is read as plain text, which has no columns to keep. Leave "
                "out --keep, or say which --format the file has."
            )
        if self.format == "parquet" and path == STANDARD_INPUT:
            raise ValueError(
                "Parquet cannot be read from a pipe, because its index is at its end. "
                "Write it to a file first, or pipe JSON lines."
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
        return pieces(rows, self.keep)

    def read(self) -> list[str]:
        """Read all documents.

        Returns
        -------
        list of str
            All of them, in their order.

        Raises
        ------
        ValueError
            If there is none, or as in iteration.
        """
        documents = [document for piece in self for document in piece.documents]
        if not documents:
            raise ValueError(f"{self.path} holds no document.")
        return documents

    def _parquet(self) -> Iterator[tuple]:
        """Rows of a Parquet file."""
        parquet = import_optional(
            "pyarrow.parquet", extra="cli", purpose="Reading Parquet"
        )
        with parquet.ParquetFile(self.path) as file:
            self._check_columns(file.schema_arrow.names)
            n_rows, n_read = file.metadata.num_rows, 0
            self._position = lambda: n_read / max(n_rows, 1)
            columns = list(dict.fromkeys([self.column, *self.keep]))
            for batch in file.iter_batches(batch_size=1024, columns=columns):
                yield from self._table_rows(batch)
                n_read += batch.num_rows

    def _csv(self) -> Iterator[tuple]:
        """Rows of a CSV file with a header."""
        pyarrow = import_optional("pyarrow", extra="cli", purpose="Reading CSV")
        csv = import_optional("pyarrow.csv", extra="cli", purpose="Reading CSV")
        with self._opened() as file:
            # A document may have lines; what looks like a number is text nevertheless.
            options = csv.ConvertOptions(
                column_types={self.column: pyarrow.string()},
                strings_can_be_null=False,
            )
            parse = csv.ParseOptions(newlines_in_values=True)
            try:
                reader = csv.open_csv(
                    file, parse_options=parse, convert_options=options
                )
            except pyarrow.ArrowInvalid as error:
                raise ValueError(
                    f"{self.path} cannot be read as CSV: {error}"
                ) from error
            self._check_columns(reader.schema.names)
            for batch in reader:
                yield from self._table_rows(batch)

    def _json_lines(self) -> Iterator[tuple]:
        """Rows of a file with a JSON object on each line."""
        is_first = True
        with self._opened() as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise ValueError(
                        f"Line {number} of {self.path} is not JSON: {error}."
                    ) from error
                if not isinstance(row, dict):
                    raise ValueError(
                        f"Line {number} of {self.path} is not a JSON object. Each line "
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
                try:
                    yield (line.rstrip(b"\r\n").decode("utf-8"),)
                except UnicodeDecodeError as error:
                    raise ValueError(
                        f"Line {number} of {self.path} is not UTF-8: {error.reason}. "
                        "Convert the file, for instance with iconv."
                    ) from error

    def _opened(self) -> BinaryIO:
        """The file as bytes; standard input stays open."""
        if self.path == STANDARD_INPUT:
            self._position = lambda: None
            return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
        file = open(self.path, "rb")
        size = max(os.fstat(file.fileno()).st_size, 1)
        self._position = lambda: 1.0 if file.closed else file.tell() / size
        return file

    def _check_columns(self, names: list[str]) -> None:
        """Refuse columns that are not there, by name."""
        missing = [name for name in (self.column, *self.keep) if name not in names]
        if missing:
            raise ValueError(
                f"{self.path} has no column {missing[0]!r}. Its columns are "
                f"{', '.join(map(repr, names))}; say which holds the text with "
                "--column."
            )

    def _table_rows(self, batch: Any) -> Iterator[tuple]:
        """Rows of an Arrow batch."""
        columns = [batch.column(name) for name in (self.column, *self.keep)]
        return zip(*(column.to_pylist() for column in columns))


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
        If the name does not tell.
    """
    if path == STANDARD_INPUT:
        return "text"
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"The name {path} does not tell its format. Say which with --format: "
            f"{', '.join(FORMATS)}."
        )
    return SUFFIXES[suffix]


def pieces(rows: Iterable[tuple], keep: Sequence[str]) -> Iterator[Piece]:
    """Gather rows into pieces of limited size.

    Parameters
    ----------
    rows : iterable of tuple
        The text, or None, and the values that are kept.
    keep : sequence of str
        Names of these values.

    Yields
    ------
    Piece
        The rows, in their order.

    Raises
    ------
    ValueError
        If a text is no str.
    """
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
        if len(gathered) >= MAX_PIECE_DOCUMENTS or n_characters >= MAX_PIECE_CHARACTERS:
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
    return Piece(documents, kept, sum(text is None for text in texts))
