"""Columns of tables whose values are vectors, as matrices.

The containers of pandas, polars and pyarrow are recognised by their methods. None of
these packages is imported.
"""

from collections.abc import Mapping, Sequence, Sized
from typing import Any, NamedTuple, NoReturn

import numpy as np

from sklux._utils.documents import is_missing
from sklux._utils.tables import (
    check_arrow,
    column_names,
    is_batch_stream,
    is_table,
    names_of_columns,
    read_batch_stream,
    table_columns,
)


def as_vectors(values: Any, name: str) -> Any:
    """Return a column of vectors as a matrix, and anything else as it is.

    A column of vectors is a list or an object array of arrays or lists; a pandas or
    polars Series of such rows; an Arrow array or chunked array of lists; or a table
    with one such column. Rows of Arrow's and polars' lists are not copied if they have
    one chunk and none is missing.

    Parameters
    ----------
    values : object
        A column of vectors, or anything else that holds numbers.
    name : str
        Name of the values in messages.

    Returns
    -------
    ndarray of shape (n_samples, n_components) or object
        A row for each vector, of the type of their numbers. The row of a missing vector
        (None, NaN, NA or null) is NaN; it has one column if all are missing. Other
        values are returned unchanged.

    Raises
    ------
    ValueError
        If the vectors have different lengths, a row is not a vector of numbers, or a
        table has a column of vectors and other columns.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = _without_mask(values)
    if is_batch_stream(values):
        values = read_batch_stream(values)
    if is_table(values):
        columns = list(table_columns(values))
        if len(columns) != 1:
            _check_no_vectors(values, columns, name)
            return values
        matrix = as_vectors(columns[0], name)
        return values if matrix is columns[0] else matrix
    arrow = _list_chunks(values)
    if arrow is not None:
        for chunk in arrow:
            _check_chunk(chunk, name)
        return _joined([_rows_of_arrow(chunk) for chunk in arrow], name)
    if hasattr(getattr(values, "dtype", None), "inner"):
        return _joined([_rows_of_polars(values)], name)
    cells = _cells(values)
    return values if cells is None else _matrix_of_cells(cells, values, name)


def vector_names(values: Any) -> list[str] | None:
    """Names of the components, if vectors are a table with a column for each of them.

    Parameters
    ----------
    values : object
        Result of `as_vectors`, which is a table only in this case.

    Returns
    -------
    list of str or None
        The names; None for anything else than such a table, and for a table without
        names.

    Raises
    ------
    TypeError
        If only some of the columns have names of type str.
    """
    return names_of_columns(values) if is_table(values) else None


class _Rows(NamedTuple):
    """Vectors of one chunk of a column.

    Attributes
    ----------
    numbers : ndarray
        The numbers of all vectors that are not missing, one vector after the other.
    lengths : ndarray of shape (n_vectors,)
        Lengths of these vectors.
    is_missing : ndarray of shape (n_rows,), dtype=bool
        Which rows are missing.
    """

    numbers: np.ndarray
    lengths: np.ndarray
    is_missing: np.ndarray


def _without_mask(values: Any) -> Any:
    """A masked array with NaN, or None among objects, for each masked value."""
    if values.dtype.kind == "O":
        return values.tolist()
    return values.astype(np.result_type(values.dtype, np.float16)).filled(np.nan)


def _list_chunks(values: Any) -> list[Any] | None:
    """The chunks of an Arrow column of lists; None if it is something else."""
    if hasattr(getattr(values, "dtype", None), "pyarrow_dtype"):
        values = values.array.__arrow_array__()  # of a pandas Series
    if not hasattr(values, "to_pylist"):
        return None
    chunks: list[Any] = list(getattr(values, "chunks", [values]))
    kind: Any = getattr(values, "type", None)
    if hasattr(kind, "storage_type"):
        chunks, kind = [chunk.storage for chunk in chunks], kind.storage_type
    if not hasattr(kind, "value_field"):
        return None
    # Arrow allows an empty list without offsets, and crashes when it flattens it.
    return [chunk for chunk in chunks if len(chunk)]


def _check_chunk(chunk: Any, name: str) -> None:
    """Refuse a damaged Arrow array of lists."""
    check_arrow(chunk, name)
    # Arrow does not compare the end of a slice with the number of values.
    n_values = (chunk.offset + len(chunk)) * getattr(chunk.type, "list_size", 0)
    if n_values and n_values > len(chunk.values):
        raise ValueError(
            f"{name} is a damaged Arrow column: it has {len(chunk.values)} numbers, "
            f"but its vectors need {n_values}. Read or build it again."
        )


def _rows_of_arrow(chunk: Any) -> _Rows:
    """Vectors of an Arrow array of lists, without a copy."""
    is_missing = ~np.asarray(chunk.is_valid(), dtype=bool)
    lengths = chunk.value_lengths().to_numpy(zero_copy_only=False)[~is_missing]
    # `flatten` leaves out missing lists, and what lies before or after a slice.
    numbers = chunk.flatten().to_numpy(zero_copy_only=False)
    return _Rows(numbers, lengths.astype(np.int64), is_missing)


def _rows_of_polars(series: Any) -> _Rows:
    """Vectors of a polars Series of lists or arrays."""
    is_missing = series.is_null().to_numpy()
    present = series.drop_nulls()
    if hasattr(series.dtype, "shape"):
        matrix = present.to_numpy()
        return _Rows(matrix, np.full(len(matrix), matrix[:1].size), is_missing)
    lengths = present.list.len().to_numpy().astype(np.int64)
    # Each empty list would become a null.
    present = present.filter(present.list.len() > 0)
    return _Rows(present.explode().to_numpy(), lengths, is_missing)


def _joined(parts: list[_Rows], name: str) -> np.ndarray:
    """One matrix of the vectors of all chunks, which must have one length."""
    is_missing = _concatenated([part.is_missing for part in parts], bool)
    lengths = _concatenated([part.lengths for part in parts], np.int64)
    rows = np.flatnonzero(~is_missing)
    _check_lengths(lengths, rows, name)
    numbers = _concatenated([part.numbers for part in parts], np.float32)
    try:
        numbers = _as_numbers(numbers)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold one vector of numbers in each row: {error}."
        ) from error
    width = int(lengths[0]) if len(lengths) else int(is_missing.any())
    return _spread(numbers.reshape(len(rows), width), is_missing)


def _concatenated(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    """One array of several, which is not a copy of a single one."""
    if not parts:
        return np.empty(0, dtype=dtype)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _as_numbers(values: np.ndarray) -> np.ndarray:
    """An array of numbers; Python's own numbers become floats."""
    if values.dtype == object:
        if any(map(_is_vector, values.flat)):
            raise TypeError("there are vectors within vectors")
        values = values.astype(np.float64)
    if values.dtype.kind not in "fiubc":
        raise TypeError(f"the values are of type {values.dtype}")
    return values


def _spread(vectors: np.ndarray, is_missing: np.ndarray) -> np.ndarray:
    """Add a row of NaN for each missing vector."""
    if not is_missing.any():
        return vectors
    # Integers become floats that hold them.
    dtype = np.result_type(vectors.dtype, np.float16)
    spread = np.full((len(is_missing), vectors.shape[1]), np.nan, dtype=dtype)
    spread[~is_missing] = vectors
    return spread


def _check_lengths(lengths: np.ndarray, rows: np.ndarray, name: str) -> None:
    """Refuse vectors of different lengths; name the first one and both lengths."""
    differs = np.flatnonzero(lengths != lengths[:1])
    if len(differs):
        raise ValueError(
            f"{name} holds vectors of different lengths: row {rows[0]} has length "
            f"{lengths[0]}, but row {rows[differs[0]]} has length "
            f"{lengths[differs[0]]}. Give vectors of one length, made by one model."
        )


def _cells(values: Any) -> list[Any] | None:
    """The rows of a sequence or column of Python objects; None for anything else."""
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        cells = list(values)
    elif getattr(getattr(values, "dtype", None), "kind", None) == "O":
        column = np.asarray(values, dtype=object)
        if column.ndim == 0 or column.size != len(column):
            return None
        cells = list(column.ravel())
    # Types of polars and of Arrow.
    elif str(getattr(values, "dtype", "")) in ("Object", "Null"):
        cells = values.to_list()
    elif str(getattr(values, "type", "")) == "null":
        cells = values.to_pylist()
    else:
        return None
    return [cell.as_py() if hasattr(cell, "as_py") else cell for cell in cells]


def _matrix_of_cells(cells: list[Any], values: Any, name: str) -> Any:
    """A matrix of rows of Python objects; the values unchanged if none is a vector."""
    is_vector = np.fromiter(map(_is_vector, cells), dtype=bool, count=len(cells))
    if not is_vector.any():
        is_column = len(cells) > 0 and all(map(is_missing, cells))
        return np.full((len(cells), 1), np.nan, np.float32) if is_column else values
    for row in np.flatnonzero(~is_vector).tolist():
        if not is_missing(cells[row]):
            _refuse_row(row, cells[row], name)
    rows = np.flatnonzero(is_vector)
    vectors = [_vector(row, cells[row], name) for row in rows.tolist()]
    lengths = np.fromiter(map(len, vectors), dtype=np.int64, count=len(vectors))
    _check_lengths(lengths, rows, name)
    return _spread(np.stack(vectors), ~is_vector)


def _is_vector(value: object) -> bool:
    """Whether a value may be a vector: a list or an array, but no text."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sized):
        return False
    return getattr(value, "ndim", 1) > 0


def _vector(row: int, value: Any, name: str) -> np.ndarray:
    """One row as an array of numbers."""
    if hasattr(value, "detach"):
        # NumPy does not have the type bfloat16.
        value = value.detach().cpu().float()
    try:
        vector = _as_numbers(np.asarray(value))
    except (TypeError, ValueError):
        _refuse_row(row, value, name)
    if vector.ndim != 1:
        _refuse_row(row, value, name)
    return vector


def _refuse_row(row: int, value: object, name: str) -> NoReturn:
    """Raise the error for a row that is not a vector of numbers."""
    shape = getattr(value, "shape", None)
    kind = type(value).__name__ if shape is None else f"shape {shape}"
    raise ValueError(
        f"{name} must hold one vector of numbers in each row. Row {row} is of {kind}: "
        f"{repr(value)[:60]}. Convert it to a list of numbers."
    )


def _check_no_vectors(values: Any, columns: Sequence[Any], name: str) -> None:
    """Refuse a table that has a column of vectors and other columns."""
    with_vectors = [
        own
        for own, column in zip(column_names(values), columns)
        if _may_hold_vectors(column)
    ]
    if with_vectors:
        raise ValueError(
            f"{name} is a table with the columns {', '.join(column_names(values))}. "
            f"Give the column of vectors alone: table[{with_vectors[0]!r}]."
        )


def _may_hold_vectors(column: Any) -> bool:
    """Whether a value of a column is a vector."""
    if _list_chunks(column) is not None:
        return True
    if hasattr(getattr(column, "dtype", None), "inner"):
        return True
    return any(map(_is_vector, _cells(column) or []))
