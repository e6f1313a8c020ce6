"""Vectors written as they come: NumPy's .npy, Parquet, JSON lines.

The output stands under its name only when it is whole: an interrupted run leaves what
was there before.
"""

import json
import math
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.lib import format as npy

from sklux._utils.model_file import replaced_when_whole
from sklux._utils.optional import import_optional

SUFFIXES = {".npy": "npy", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl"}
STANDARD_OUTPUT = "-"
VECTOR_COLUMN = "embedding"


class VectorWriter(Protocol):
    """Takes vectors, piece by piece."""

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append some vectors, and the values that stand beside them."""

    def close(self) -> None:
        """Write what is still to be written."""


def vector_format(path: str) -> str:
    """Format of an output, by its name.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard output, which gets JSON lines.

    Returns
    -------
    str
        ``'npy'``, ``'parquet'`` or ``'jsonl'``.

    Raises
    ------
    ValueError
        If the name does not tell.
    """
    if path == STANDARD_OUTPUT:
        return "jsonl"
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"The name {path} does not tell the format of the vectors. Let it end in "
            f"{', '.join(SUFFIXES)}."
        )
    return SUFFIXES[suffix]


def check_kept(format: str, names: Collection[str]) -> None:
    """Refuse columns beside the vectors where a format has no place for them.

    Parameters
    ----------
    format : str
        Of the output.
    names : collection of str
        Columns to keep.

    Raises
    ------
    ValueError
        If there are some, and the format holds vectors alone; or if one has the name
        of the vectors.
    """
    if names and format == "npy":
        raise ValueError(
            "A .npy file holds vectors alone. Write Parquet or JSON lines to keep "
            "other columns."
        )
    if VECTOR_COLUMN in names:
        raise ValueError(
            f"The column {VECTOR_COLUMN!r} cannot be kept, because the vectors "
            "have that name. Rename it first."
        )


@contextmanager
def vector_writer(
    path: str, width: int, types: Mapping[str, Any] | None = None
) -> Iterator[VectorWriter]:
    """Open an output for vectors.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard output.
    width : int
        Columns of the vectors.
    types : mapping of str to pyarrow.DataType or None, default=None
        Types of the columns beside them, for Parquet, where they are known. The type of
        another is that of its first values.

    Yields
    ------
    VectorWriter
        Takes the vectors; the file is there after the context, unless it was left by
        an exception.

    Raises
    ------
    ValueError
        If the name does not tell a format, or standard output is closed.
    """
    writers = {
        "npy": NpyVectors,
        "parquet": partial(ParquetVectors, types=types or {}),
        "jsonl": JsonVectors,
    }
    make = writers[vector_format(path)]
    if path == STANDARD_OUTPUT:
        if sys.stdout is None:
            raise ValueError("Standard output is closed. Name a file, or open it.")
        writer = make(sys.stdout.buffer, width)
        yield writer
        writer.close()
        return
    with (
        replaced_when_whole(Path(path), caller="sklux embed") as part,
        open(part, "wb") as file,
    ):
        writer = make(file, width)
        try:
            yield writer
        finally:
            # While the file is open, also where it will not be kept.
            writer.close()


class NpyVectors:
    """A .npy file, float32; the number of rows is filled in at the end.

    Parameters
    ----------
    file : binary file
        Can be sought in.
    width : int
        Columns of the vectors.
    """

    def __init__(self, file: BinaryIO, width: int):
        self.file, self.width, self.n_rows = file, width, 0
        self._write_header()

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append some vectors.

        Parameters
        ----------
        vectors : ndarray of shape (n_samples, width), dtype=np.float32
            Rows.
        kept : mapping
            Must be empty.

        Raises
        ------
        ValueError
            If there are values beside the vectors.
        """
        check_kept("npy", kept)
        self.file.write(np.ascontiguousarray(vectors, dtype="<f4").data)
        self.n_rows += len(vectors)

    def close(self) -> None:
        """Write the number of rows."""
        self.file.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        """NumPy leaves room in the header for a first axis that grows."""
        header = {
            "descr": "<f4",
            "fortran_order": False,
            "shape": (self.n_rows, self.width),
        }
        npy.write_array_header_1_0(self.file, header)


class ParquetVectors:
    """A Parquet file: the columns kept, and lists of float32 of one length.

    Parameters
    ----------
    file : binary file
        Where to.
    width : int
        Columns of the vectors.
    types : mapping of str to pyarrow.DataType
        Types of columns that are kept, where they are known.
    """

    def __init__(self, file: BinaryIO, width: int, types: Mapping[str, Any]):
        self.file, self.width, self.types = file, width, types
        self.pyarrow = import_optional(
            "pyarrow", extra="cli", purpose="Writing Parquet"
        )
        self.parquet = import_optional(
            "pyarrow.parquet", extra="cli", purpose="Writing Parquet"
        )
        self.writer: Any = None

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append some vectors, and the values that stand beside them.

        Parameters
        ----------
        vectors : ndarray of shape (n_samples, width), dtype=np.float32
            Rows.
        kept : mapping of str to list
            Columns.

        Raises
        ------
        ValueError
            If a column is named as that of the vectors, or changes its type.
        """
        check_kept("parquet", kept)
        values = self.pyarrow.array(vectors.astype(np.float32, copy=False).ravel())
        lists = self.pyarrow.FixedSizeListArray.from_arrays(values, self.width)
        columns = {name: self._column(name, kept[name]) for name in kept}
        table = self.pyarrow.table({**columns, VECTOR_COLUMN: lists})
        try:
            if self.writer is None:
                self.writer = self.parquet.ParquetWriter(self.file, table.schema)
            table = self._as_before(table)
            self.writer.write_table(table)
        except self.pyarrow.ArrowException as error:
            raise ValueError(
                f"The columns {', '.join(map(repr, kept))} cannot be kept in Parquet: "
                f"{error}. Write JSON lines, or leave them out."
            ) from error

    def _column(self, name: str, values: list) -> Any:
        """A column of values of one type."""
        type_ = self.types.get(name)
        try:
            # pyarrow makes no maps or lists of its own nulls.
            values = [
                value if getattr(value, "is_valid", True) else None for value in values
            ]
            return self.pyarrow.array(values, type=type_)
        except (self.pyarrow.ArrowException, OverflowError, UnicodeError) as error:
            raise ValueError(
                f"The column {name!r} cannot be kept in Parquet: {error}. Write JSON "
                "lines, or leave it out."
            ) from error

    def _as_before(self, table: Any) -> Any:
        """Give a table the types of the first one, which must be able to hold it."""
        schema = self.writer.schema
        try:
            # A cast alone would drop the fields of a structure that are new, or make
            # True of a 3.
            both = self.pyarrow.unify_schemas(
                [schema, table.schema], promote_options="permissive"
            )
            if both != schema:
                raise self.pyarrow.ArrowInvalid(f"{table.schema} after {schema}")
            return table.cast(schema)
        except self.pyarrow.ArrowException as error:
            raise ValueError(
                f"A column that is kept changes its type: {error}. Write JSON lines, "
                "or leave it out."
            ) from error

    def close(self) -> None:
        """Write the index of the file."""
        if self.writer is None:
            nothing = np.empty((0, self.width), dtype=np.float32)
            self.write(nothing, {name: [] for name in self.types})
        self.writer.close()


class JsonVectors:
    """JSON lines: the values kept, and the vector as a list of numbers.

    Parameters
    ----------
    file : binary file
        Where to.
    width : int
        Columns of the vectors.
    """

    def __init__(self, file: BinaryIO, width: int):
        self.file = file

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append some vectors, and the values that stand beside them.

        Parameters
        ----------
        vectors : ndarray of shape (n_samples, width), dtype=np.float32
            Rows.
        kept : mapping of str to list
            Columns.

        Raises
        ------
        ValueError
            If a column is named as that of the vectors.
        """
        check_kept("jsonl", kept)
        for place, vector in enumerate(vectors):
            row = {name: plain(values[place]) for name, values in kept.items()}
            # The shortest decimals that give the same float32 again.
            numbers = ", ".join(np.format_float_positional(v, trim="0") for v in vector)
            head = json_text(row)[:-1]
            comma = ", " if row else ""
            line = f'{head}{comma}"{VECTOR_COLUMN}": [{numbers}]}}\n'
            self.file.write(line.encode())

    def close(self) -> None:
        """Hand on what is still held back."""
        self.file.flush()


def plain(value: Any) -> Any:
    """A value of Arrow as one of Python, or as text where Python has none.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    object
        Of other values, the same.
    """
    if not hasattr(value, "as_py"):
        return value
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        # Nanoseconds, or years after 9999.
        return value.cast("string").as_py()


def text_of(value: Any) -> str:
    """Text of a value that JSON has no kind for.

    Parameters
    ----------
    value : object
        A date, say.

    Returns
    -------
    str
        As Python writes it.

    Raises
    ------
    ValueError
        If it is bytes, which are no text.
    """
    if isinstance(value, bytes):
        raise ValueError(
            "A column that is kept holds bytes, which JSON lines cannot hold. Write "
            "Parquet, or leave it out."
        )
    return str(value)


def json_text(
    values: Mapping[str, Any], encoding: str = "utf-8", indent: int | None = None
) -> str:
    """JSON, on one line unless it is indented; NaN and infinity become null.

    Parameters
    ----------
    values : mapping
        What JSON can hold; of all else, the text.
    encoding : str, default='utf-8'
        How it will be written: what that cannot hold is escaped.
    indent : int or None, default=None
        Spaces before what is within something else.

    Returns
    -------
    str
        Without a line end.

    Raises
    ------
    ValueError
        If they are nested too deeply, or bytes.
    """
    try:
        values = finite(values)
        text = json.dumps(values, ensure_ascii=False, default=text_of, indent=indent)
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return json.dumps(values, default=text_of, indent=indent)
        return text
    except RecursionError as error:
        raise ValueError(
            "A value that is kept is nested too deeply to be written. Leave it out."
        ) from error


def finite(value: Any) -> Any:
    """Put None in the place of numbers that are NaN or infinite.

    Parameters
    ----------
    value : object
        A value, or values in dicts, lists and tuples.

    Returns
    -------
    object
        The same, or a copy.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value
