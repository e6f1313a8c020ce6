"""Columns of Parquet files, and fields of structs in them: ``data.text``."""

from collections.abc import Iterable, Iterator
from typing import Any

from sklux._utils.optional import import_optional


def path_to(fields: Iterable[Any], name: str) -> list[str] | None:
    """Path to a column of a Parquet file, or to a field of a struct in it.

    Parameters
    ----------
    fields : iterable of pyarrow.Field
        Fields of the schema or of a struct.
    name : str
        A name, or names of fields within structs with dots between them.

    Returns
    -------
    list of str or None
        Names from the column to the field; None if there is no such field.
    """
    fields = list(fields)
    if any(field.name == name for field in fields):
        return [name]
    for field in fields:
        if name.startswith(f"{field.name}.") and is_struct(field):
            rest = path_to(field.type, name[len(field.name) + 1 :])
            if rest is not None:
                return [field.name, *rest]
    return None


def is_struct(field: Any) -> bool:
    """Whether a field of a Parquet file has fields within it."""
    return type(field.type).__name__ == "StructType"


def paths_of(field: Any) -> Iterator[str]:
    """Yield the name of a field, or the paths to the fields of a struct.

    Parameters
    ----------
    field : pyarrow.Field
        The field.

    Yields
    ------
    str
        A name or a path.
    """
    if not is_struct(field):
        yield field.name
        return
    for inner in field.type:
        for path in paths_of(inner):
            yield f"{field.name}.{path}"


def type_at(schema: Any, name: str) -> Any:
    """Type of a column of a Parquet file, or of a field of a struct in it.

    Parameters
    ----------
    schema : pyarrow.Schema
        The schema.
    name : str
        A name or a path.

    Returns
    -------
    pyarrow.DataType or None
        The type; None if there is no such column, or more than one.
    """
    path = path_to(schema, name)
    if path is None or schema.names.count(path[0]) > 1:
        return None
    type_ = schema.field(path[0]).type
    for inner in path[1:]:
        type_ = type_.field(inner).type
    return type_


def column_at(batch: Any, name: str) -> Any:
    """Column of a batch of a Parquet file, or a field of a struct in it.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        The batch, which has the column.
    name : str
        A name or a path.

    Returns
    -------
    pyarrow.Array
        The values; a field of a null is null.
    """
    first, *rest = path_to(batch.schema, name) or [name]
    if not rest:
        return batch.column(first)
    compute = import_optional("pyarrow.compute", extra="cli", purpose="Reading Parquet")
    return compute.struct_field(batch.column(first), rest)
