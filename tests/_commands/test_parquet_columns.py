"""Columns of Parquet files and fields of structs in them."""

import pyarrow
import pyarrow.parquet
import pytest

from sklux._commands.parquet_columns import column_at, path_to, paths_of, type_at

ROWS = [
    {"id": 1, "data": {"text": "a", "meta": {"lang": "en"}}, "x.y": "dot"},
    {"id": 2, "data": None, "x.y": None},
    {"id": 3, "data": {"text": None, "meta": None}, "x.y": "dots"},
]


@pytest.fixture
def file(tmp_path):
    """A file with structs, and a column whose name has a dot."""
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    return pyarrow.parquet.ParquetFile(path)


@pytest.mark.parametrize(
    ("name", "values", "type_"),
    [
        ("id", [1, 2, 3], pyarrow.int64()),
        ("x.y", ["dot", None, "dots"], pyarrow.string()),
        ("data.text", ["a", None, None], pyarrow.string()),
        ("data.meta.lang", ["en", None, None], pyarrow.string()),
    ],
)
def test_parquet_columns_are_read_by_name_or_path(file, name, values, type_):
    (batch,) = file.iter_batches(columns=[name])
    assert column_at(batch, name).to_pylist() == values
    assert type_at(file.schema_arrow, name) == type_


def test_parquet_columns_that_do_not_exist(file):
    for name in ("text", "data.", "data.x", "id.text", "x"):
        assert path_to(file.schema_arrow, name) is None
        assert type_at(file.schema_arrow, name) is None


def test_parquet_columns_twice_have_no_type():
    schema = pyarrow.schema([("a", pyarrow.int8()), ("a", pyarrow.string())])
    assert type_at(schema, "a") is None


def test_parquet_columns_are_listed_with_paths(file):
    found = [path for field in file.schema_arrow for path in paths_of(field)]
    assert found == ["id", "data.text", "data.meta.lang", "x.y"]
