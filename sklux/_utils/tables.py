"""Tables of pandas, polars and Arrow, recognised by their methods."""

from collections.abc import Iterator
from typing import Any


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
    # The methods that `table_columns` needs: of pandas, of polars, of Arrow.
    has_columns = any(hasattr(values, name) for name in ("iloc", "to_series", "column"))
    return has_columns and len(getattr(values, "shape", ())) == 2


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
    names = getattr(table, "column_names", None)
    # The columns of an Arrow table are arrays.
    return [str(name) for name in (table.columns if names is None else names)]


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
