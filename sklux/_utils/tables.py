"""Tables of pandas, polars and Arrow, recognised by their methods."""

from collections.abc import Iterator
from typing import Any

from sklux._utils.messages import as_sentence
from sklux._utils.optional import import_optional

# The methods that `table_columns` needs: of pandas, of polars, of Arrow.
COLUMN_METHODS = ("iloc", "to_series", "column")


def is_table(values: object) -> bool:
    """Whether an object is a table with named columns, of pandas, polars or Arrow.

    Parameters
    ----------
    values : object
        Any object.

    Returns
    -------
    bool
        True for a table, also if it has only one column.
    """
    has_columns = any(hasattr(values, name) for name in COLUMN_METHODS)
    return has_columns and len(getattr(values, "shape", ())) == 2


def is_batch_stream(values: object) -> bool:
    """Whether an object hands out the batches of a table by Arrow's stream interface.

    Such objects are a record batch reader of Arrow, which can be read once, and a
    relation of DuckDB, which runs its query when it is read.

    Parameters
    ----------
    values : object
        Any object.

    Returns
    -------
    bool
        False for tables in memory, and for columns.
    """
    # Instances of pandas and DuckDB also have the names of columns and labels.
    kind = type(values)
    return (
        hasattr(kind, "__arrow_c_stream__")
        and any(hasattr(kind, name) for name in ("schema", "columns"))
        and not any(hasattr(kind, name) for name in COLUMN_METHODS)
    )


def read_batch_stream(stream: Any) -> Any:
    """Read all batches of a stream into one table.

    Parameters
    ----------
    stream : object
        An object for which `is_batch_stream` is true.

    Returns
    -------
    pyarrow.Table
        All of its rows.

    Raises
    ------
    ImportError
        If pyarrow is missing.
    """
    arrow: Any = import_optional(
        "pyarrow", extra="arrow", purpose=f"Reading a {type(stream).__name__}"
    )
    return arrow.RecordBatchReader.from_stream(stream).read_all()


def check_arrow(column: Any, name: str, *, is_full: bool = True) -> None:
    """Refuse a damaged Arrow column, before Arrow itself reads out of bounds.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
        What somebody gave, perhaps from a file or from another library.
    name : str
        Its name in the message.
    is_full : bool, default=True
        Whether to check each value. If False, only the sizes of the buffers are
        checked, which takes a microsecond.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    # Arrow allows an empty column without buffers, and crashes when it checks views.
    if len(column) == 0:
        return
    try:
        column.validate(full=is_full)
    except (IndexError, ValueError) as error:
        raise ValueError(
            f"{name} is a damaged Arrow column: {as_sentence(error)} Read or build it "
            "again."
        ) from error


def python_values(column: Any, name: str) -> Any:
    """Return the values of an Arrow column as Python objects.

    Parameters
    ----------
    column : object
        An Arrow array or chunked array, or any other column.
    name : str
        Its name in messages.

    Returns
    -------
    list or object
        The values; any other column unchanged.

    Raises
    ------
    ValueError
        If the Arrow column is damaged.
    """
    if not hasattr(column, "to_pylist"):
        return column
    check_arrow(column, name)
    return column.to_pylist()


def column_names(table: Any) -> list[str]:
    """Names of the columns of a table.

    Parameters
    ----------
    table : pandas or polars DataFrame, Arrow table or record batch
        The table.

    Returns
    -------
    list of str
        The names, in order.
    """
    return [str(name) for name in _names(table)]


def names_of_columns(table: Any) -> list[str] | None:
    """Names of the columns of a table, by scikit-learn's rule for feature names.

    Parameters
    ----------
    table : pandas or polars DataFrame, Arrow table or record batch
        The table.

    Returns
    -------
    list of str or None
        The names, in order. None if no name is a str, as in a DataFrame without names,
        and for a table without columns.

    Raises
    ------
    TypeError
        If some names are str and others are not.
    """
    names = list(_names(table))
    is_text = [isinstance(name, str) for name in names]
    if not any(is_text):
        return None
    if not all(is_text):
        other = names[is_text.index(False)]
        raise TypeError(
            "The columns of a table must all have names of type str, or none of them. "
            f"Got {names[is_text.index(True)]!r} and {other!r}. Set table.columns = "
            "table.columns.astype(str), or pass table.to_numpy(), without names."
        )
    return [str(name) for name in names]


def table_columns(table: Any) -> Iterator[Any]:
    """Yield the columns of a table.

    Parameters
    ----------
    table : pandas or polars DataFrame, Arrow table or record batch
        The table.

    Yields
    ------
    pandas or polars Series, Arrow array or chunked array
        The columns, in order.
    """
    for place in range(table.shape[1]):
        if hasattr(table, "iloc"):
            yield table.iloc[:, place]
        elif hasattr(table, "to_series"):
            yield table.to_series(place)
        else:
            yield table.column(place)


def _names(table: Any) -> Any:
    """Names of the columns, of any type."""
    # Not all tables with `columns`: the columns of an Arrow table are arrays. Not all
    # with `column_names`: pandas finds a column of this name.
    is_frame = hasattr(table, "iloc") or hasattr(table, "to_series")
    return table.columns if is_frame else table.column_names
