"""Vectors written piece by piece: NumPy's .npy, Parquet, JSON lines.

The output gets its name when it is complete. An interrupted run leaves an existing file
as it is. JSON lines are written to a pipe or a device at once.
"""

import json
import math
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np
from numpy.lib import format as npy

from sklux._utils.optional import import_optional
from sklux._utils.output_file import destination, opened_stream, replaced_when_whole

SUFFIXES = {".npy": "npy", ".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl"}
STANDARD_OUTPUT = "-"
VECTOR_COLUMN = "embedding"


class VectorWriter(Protocol):
    """Writes vectors piece by piece."""

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append vectors, and the values of the kept columns."""

    def close(self) -> None:
        """Write the end of the file."""


def vector_format(path: str) -> str:
    """Format of an output, taken from its name.

    Parameters
    ----------
    path : str
        The file. ``'-'``, standard output, has the format JSON lines, and so has a pipe
        or device whose name does not show a format.

    Returns
    -------
    str
        ``'npy'``, ``'parquet'`` or ``'jsonl'``.

    Raises
    ------
    ValueError
        If the name does not show the format.
    """
    if path == STANDARD_OUTPUT:
        return "jsonl"
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if destination(path).is_stream:
        return "jsonl"
    raise ValueError(
        f"The file name {path} does not show the format of the vectors. Use a name "
        f"that ends with one of {', '.join(SUFFIXES)}."
    )


def is_written_at_once(path: str) -> bool:
    """Whether vectors leave the command piece by piece, without a temporary file.

    Parameters
    ----------
    path : str
        The output.

    Returns
    -------
    bool
        True for JSON lines to standard output, a pipe or a device.
    """
    if path == STANDARD_OUTPUT:
        return True
    return destination(path).is_stream and vector_format(path) == "jsonl"


def nothing_written(path: str, what: str) -> str:
    """Say that a run that was stopped has written nothing.

    Parameters
    ----------
    path : str
        The output.
    what : str
        What was not written, such as ``'No vectors were'``.

    Returns
    -------
    str
        One or two sentences.
    """
    before = f" {path} is as it was before." if Path(path).is_file() else ""
    return f"{what} written.{before}"


def check_kept(format: str, names: Collection[str]) -> None:
    """Refuse columns that a format cannot hold with the vectors.

    Parameters
    ----------
    format : str
        Format of the output.
    names : collection of str
        Columns to keep.

    Raises
    ------
    ValueError
        If the format holds only vectors, or a column has the name of the vectors.
    """
    if names and format == "npy":
        raise ValueError(
            "A .npy file holds only vectors. Write Parquet or JSON lines to keep other "
            "columns."
        )
    if VECTOR_COLUMN in names:
        raise ValueError(
            f"The column {VECTOR_COLUMN!r} cannot be kept, because the column of the "
            "vectors has this name. Rename the column."
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
        Dimensions of the vectors.
    types : mapping of str to pyarrow.DataType or None, default=None
        Known types of the kept columns, for Parquet. Another column gets the type of
        its first values.

    Yields
    ------
    VectorWriter
        Writes the vectors. The file appears when the context ends without an exception.

    Raises
    ------
    ValueError
        If the name does not show a format, or standard output is closed.
    """
    makers: dict[str, Callable[[BinaryIO], VectorWriter]] = {
        "npy": partial(NpyVectors, width=width),
        "parquet": partial(ParquetVectors, width=width, types=types or {}),
        "jsonl": JsonVectors,
    }
    with opened_writer(path, makers[vector_format(path)]) as writer:
        yield writer


class Closing(Protocol):
    """A writer with an end."""

    def close(self) -> None:
        """Write the end of the file."""


W = TypeVar("W", bound=Closing)


@contextmanager
def opened_writer(path: str, make: Callable[[BinaryIO], W]) -> Iterator[W]:
    """Open an output.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard output.
    make : callable
        Makes the writer of an open file.

    Yields
    ------
    object
        The writer. The file appears when the context ends without an exception.

    Raises
    ------
    ValueError
        If standard output is closed.
    """
    if path == STANDARD_OUTPUT:
        if sys.stdout is None:
            raise ValueError("Standard output is closed. Name a file, or open it.")
        writer = make(sys.stdout.buffer)
        yield writer
        writer.close()
        return
    if is_written_at_once(path):
        with os.fdopen(opened_stream(destination(path)), "wb") as stream:
            yield make(stream)
        return
    with replaced_when_whole(path) as part, open(part, "wb") as file:
        writer = make(file)
        try:
            yield writer
        finally:
            # Also after an error, while the file is open.
            writer.close()


class NpyVectors:
    """A .npy file, float32; the number of rows is filled in at the end.

    Parameters
    ----------
    file : binary file
        A seekable file.
    width : int
        Dimensions of the vectors.
    """

    def __init__(self, file: BinaryIO, width: int):
        self.file, self.width, self.n_rows = file, width, 0
        self._write_header()

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append vectors.

        Parameters
        ----------
        vectors : ndarray of shape (n_samples, width), dtype=np.float32
            The vectors.
        kept : mapping
            Empty.

        Raises
        ------
        ValueError
            If `kept` is not empty.
        """
        check_kept("npy", kept)
        self.file.write(np.ascontiguousarray(vectors, dtype="<f4").data)
        self.n_rows += len(vectors)

    def close(self) -> None:
        """Write the number of rows."""
        self.file.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        """Write the header; NumPy pads it for a first axis that grows."""
        header = {
            "descr": "<f4",
            "fortran_order": False,
            "shape": (self.n_rows, self.width),
        }
        npy.write_array_header_1_0(self.file, header)


class ParquetRows:
    """A Parquet file: the kept columns, and further ones.

    Parameters
    ----------
    file : binary file
        The file.
    types : mapping of str to pyarrow.DataType
        Known types of the kept columns. Another column gets the type of its first
        values.
    """

    def __init__(self, file: BinaryIO, types: Mapping[str, Any]):
        self.file, self.types = file, types
        self.pyarrow = import_optional(
            "pyarrow", extra="cli", purpose="Writing Parquet"
        )
        self.parquet = import_optional(
            "pyarrow.parquet", extra="cli", purpose="Writing Parquet"
        )
        self.writer: Any = None

    def write_rows(self, kept: Mapping[str, list], added: Mapping[str, Any]) -> None:
        """Append rows.

        Parameters
        ----------
        kept : mapping of str to list
            Values of the kept columns, by name.
        added : mapping of str to pyarrow.Array
            Further columns, which come last.

        Raises
        ------
        ValueError
            If a column changes its type.
        """
        columns = {
            name: kept_column(self.pyarrow, name, kept[name], self.types.get(name))
            for name in kept
        }
        table = self.pyarrow.table({**columns, **added})
        try:
            if self.writer is None:
                self.writer = self.parquet.ParquetWriter(self.file, table.schema)
            table = self._as_before(table)
            self.writer.write_table(table)
        except self.pyarrow.ArrowException as error:
            raise ValueError(
                f"The columns {', '.join(map(repr, kept))} cannot be kept in Parquet: "
                f"{error}. Write JSON lines, or leave out these columns."
            ) from error

    def _as_before(self, table: Any) -> Any:
        """Convert a table to the types of the first table, without loss."""
        try:
            return cast_without_loss(self.pyarrow, table, self.writer.schema)
        except self.pyarrow.ArrowException as error:
            raise ValueError(
                f"A kept column changes its type: {error}. Write JSON lines, or leave "
                "out the column."
            ) from error

    def close(self) -> None:
        """Write the index at the end of the file."""
        if self.writer is not None:
            self.writer.close()


class ParquetVectors(ParquetRows):
    """A Parquet file: the kept columns, and lists of float32 of one length.

    Parameters
    ----------
    file : binary file
        The file.
    width : int
        Dimensions of the vectors.
    types : mapping of str to pyarrow.DataType
        Known types of the kept columns.
    """

    def __init__(self, file: BinaryIO, width: int, types: Mapping[str, Any]):
        super().__init__(file, types)
        self.width = width

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append vectors, and the values of the kept columns.

        Parameters
        ----------
        vectors : ndarray of shape (n_samples, width), dtype=np.float32
            The vectors.
        kept : mapping of str to list
            Values of the kept columns, by name.

        Raises
        ------
        ValueError
            If a column has the name of the vectors, or changes its type.
        """
        check_kept("parquet", kept)
        values = self.pyarrow.array(vectors.astype(np.float32, copy=False).ravel())
        lists = self.pyarrow.FixedSizeListArray.from_arrays(values, self.width)
        self.write_rows(kept, {VECTOR_COLUMN: lists})

    def close(self) -> None:
        """Write the index at the end of the file."""
        if self.writer is None:
            nothing = np.empty((0, self.width), dtype=np.float32)
            self.write(nothing, {name: [] for name in self.types})
        super().close()


def kept_column(arrow: Any, name: str, values: list, type_: Any = None) -> Any:
    """Make a kept column of values of one type.

    Parameters
    ----------
    arrow : module
        The package pyarrow.
    name : str
        Name of the column, for the message.
    values : list
        Python objects or Arrow scalars.
    type_ : pyarrow.DataType or None, default=None
        Type of the column; None means the type of the values.

    Returns
    -------
    pyarrow.Array
        The column.

    Raises
    ------
    ValueError
        If the values are not of one type.
    """
    try:
        # pyarrow does not make maps or lists of its own nulls.
        values = [
            value if getattr(value, "is_valid", True) else None for value in values
        ]
        return arrow.array(values, type=type_)
    except (arrow.ArrowException, OverflowError, UnicodeError) as error:
        raise ValueError(
            f"The column {name!r} cannot be kept in Parquet: {error}. Write JSON "
            "lines, or leave out the column."
        ) from error


def cast_without_loss(arrow: Any, table: Any, schema: Any) -> Any:
    """Convert a table or record batch to the types of another schema.

    Parameters
    ----------
    arrow : module
        The package pyarrow.
    table : pyarrow.Table or pyarrow.RecordBatch
        The table.
    schema : pyarrow.Schema
        A schema with the same columns.

    Returns
    -------
    pyarrow.Table or pyarrow.RecordBatch
        The same values.

    Raises
    ------
    pyarrow.ArrowException
        If the schema cannot hold them.
    """
    # Without this check, a cast drops new fields of a structure, and turns 3 into True.
    both = arrow.unify_schemas([schema, table.schema], promote_options="permissive")
    if both != schema:
        raise arrow.ArrowInvalid(f"{table.schema} after {schema}")
    return table.cast(schema)


class JsonRows:
    """JSON lines: the kept values, and further ones.

    Parameters
    ----------
    file : binary file
        The file.
    """

    def __init__(self, file: BinaryIO):
        self.file = file

    def close(self) -> None:
        """Write the rest of the buffer."""
        self.file.flush()


class JsonVectors(JsonRows):
    """JSON lines: the kept values, and the vector as a list of numbers."""

    def write(self, vectors: np.ndarray, kept: Mapping[str, list]) -> None:
        """Append vectors, and the values of the kept columns.

        Parameters
        ----------
        vectors : ndarray of shape (n_samples, width), dtype=np.float32
            The vectors.
        kept : mapping of str to list
            Values of the kept columns, by name.

        Raises
        ------
        ValueError
            If a column has the name of the vectors.
        """
        check_kept("jsonl", kept)
        for place, vector in enumerate(vectors):
            row = {name: plain(values[place]) for name, values in kept.items()}
            # The shortest decimals from which the same float32 is read.
            numbers = ", ".join(np.format_float_positional(v, trim="0") for v in vector)
            head = json_text(row)[:-1]
            comma = ", " if row else ""
            line = f'{head}{comma}"{VECTOR_COLUMN}": [{numbers}]}}\n'
            self.file.write(line.encode())


def plain(value: Any) -> Any:
    """Convert an Arrow scalar to a Python object, or to text if none fits.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    object
        The converted value; other values are returned unchanged.
    """
    if not hasattr(value, "as_py"):
        return value
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        # Times in nanoseconds, or years after 9999.
        return value.cast("string").as_py()


def text_of(value: Any) -> str:
    """Text of a value that has no type in JSON.

    Parameters
    ----------
    value : object
        The value, such as a date.

    Returns
    -------
    str
        Python's text of the value.

    Raises
    ------
    ValueError
        If the value is bytes.
    """
    if isinstance(value, bytes):
        raise ValueError(
            "A kept column holds bytes, which JSON lines cannot hold. Write Parquet, "
            "or leave out the column."
        )
    return str(value)


def json_text(
    values: Mapping[str, Any], encoding: str = "utf-8", indent: int | None = None
) -> str:
    """JSON text of an object; NaN and infinity become null.

    Parameters
    ----------
    values : mapping
        The object. Values that JSON cannot hold become text.
    encoding : str, default='utf-8'
        Encoding of the output. Characters that it cannot hold are escaped.
    indent : int or None, default=None
        Number of spaces per level; None means one line.

    Returns
    -------
    str
        The text, without a line end.

    Raises
    ------
    ValueError
        If the object is nested too deeply, or contains bytes.
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
            "A kept column is nested too deeply to be written. Leave out the column."
        ) from error


def finite(value: Any) -> Any:
    """Replace numbers that are NaN or infinite by None.

    Parameters
    ----------
    value : object
        A value, or values in dicts, lists and tuples.

    Returns
    -------
    object
        The same value, or a copy with the numbers replaced.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return value
