"""Tables of pandas, polars and Arrow."""

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sklux import LexicalVectorizer
from sklux._lexical.buffers import text_buffers
from sklux._utils.columns import as_vectors
from sklux._utils.documents import check_documents, copy_groups
from sklux._utils.tables import (
    check_arrow,
    column_names,
    is_batch_stream,
    is_table,
    names_of_columns,
    python_values,
    read_batch_stream,
    table_columns,
)


@pytest.mark.parametrize("name", ["schema", "columns", "other"])
def test_tables_streams_have_names_of_columns(name):
    """A reader of Arrow has a schema, and a relation of DuckDB has columns."""
    methods = {"__arrow_c_stream__": None, name: None}
    assert is_batch_stream(type("Stream", (), methods)()) == (name != "other")


def test_tables_streams_need_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = r"Reading a int needs .*'sklux\[arrow\]'"
    with pytest.raises(ImportError, match=message):
        read_batch_stream(3)


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, pa.table, pa.record_batch]
)
def test_tables_columns(make):
    table = make({"a": [1, 2], "b": [3, 4]})
    assert is_table(table)
    assert column_names(table) == names_of_columns(table) == ["a", "b"]
    assert [np.asarray(column).tolist() for column in table_columns(table)] == [
        [1, 2],
        [3, 4],
    ]


@pytest.mark.parametrize(
    "other",
    [
        np.ones((2, 2)),
        sparse.csr_matrix((2, 2)),
        pd.Series([1]),
        pl.Series([1]),
        pa.array([1]),
        [[1]],
    ],
    ids=lambda other: type(other).__name__,
)
def test_tables_other_objects_are_no_tables(other):
    assert not is_table(other)
    assert not is_batch_stream(other)


def test_tables_in_batches():
    table = pa.table({"a": [1, 2, 3]})
    reader = table.to_reader(max_chunksize=2)
    assert is_batch_stream(reader)
    assert not is_table(reader)
    assert read_batch_stream(reader) == table


@pytest.mark.parametrize(
    "other",
    [
        # Labels and columns of these names are attributes.
        pd.Series([1, 2], index=["schema", "columns"]),
        pd.DataFrame({"schema": [1]}),
        pl.DataFrame({"schema": [1]}),
        pa.table({"a": [1]}),
        pa.record_batch({"a": [1]}),
    ],
    ids=lambda other: f"{type(other).__module__.split('.')[0]}.{type(other).__name__}",
)
def test_tables_in_memory_are_no_streams(other):
    assert not is_batch_stream(other)


def test_tables_column_of_pandas_that_is_named_as_an_attribute():
    table = pd.DataFrame({"column_names": [1], "columns": [2]})
    assert column_names(table) == names_of_columns(table) == ["column_names", "columns"]


@pytest.mark.parametrize("names", [[0, 1], [("a", "b"), ("a", "c")], []])
def test_tables_without_names_of_text(names):
    assert names_of_columns(pd.DataFrame(np.ones((2, len(names))), columns=names)) is (
        None
    )


def test_tables_keep_names_that_occur_twice():
    table = pd.DataFrame(np.ones((2, 2)), columns=["a", "a"])
    assert names_of_columns(table) == ["a", "a"]


def test_tables_refuse_names_of_two_kinds():
    table = pd.DataFrame(np.ones((2, 3)), columns=[0, "a", "b"])
    with pytest.raises(TypeError, match=r"type str, or none.*Got 'a' and 0.*astype"):
        names_of_columns(table)


def damaged_dictionary():
    """Texts by their numbers, one of which is not the number of a text."""
    numbers = pa.array([0, 5], pa.int32())
    return pa.DictionaryArray.from_arrays(numbers, pa.array(["a", "b"]), safe=False)


READERS = {
    "documents": check_documents,
    "copies": copy_groups,
    "buffers": lambda column: [*text_buffers(column)],
    "kernels": LexicalVectorizer(analyzer="char").fit,
    "scikit-learn": LexicalVectorizer(token_pattern="[ab]").fit,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_tables_damaged_arrow_dictionaries_are_refused(reader, is_chunked):
    column = damaged_dictionary()
    if is_chunked:
        column = pa.chunked_array([pa.array(["a"]).dictionary_encode(), column])
    with pytest.raises(
        ValueError, match="raw_documents is a damaged Arrow column: .*5"
    ):
        READERS[reader](column)


def test_tables_python_values():
    assert python_values(pa.array(["a", None]), "texts") == ["a", None]
    assert python_values(pa.array([]), "texts") == []
    series = pd.Series(["a"])
    assert python_values(series, "texts") is series


def test_tables_empty_lists_without_offsets():
    """Arrow allows such a column, and crashes when it flattens it."""
    numbers = pa.array([], pa.float32())
    kind = pa.list_(pa.float32())
    column = pa.Array.from_buffers(kind, 0, [None, None], children=[numbers])
    check_arrow(column, "vectors")
    assert as_vectors(column, "vectors").shape == (0, 0)


def test_tables_wrong_counts_of_nulls_are_refused():
    _, *rest = pa.array(["a"]).buffers()
    buffers = [pa.py_buffer(b"\x01"), *rest]
    column = pa.Array.from_buffers(pa.string(), 1, buffers, null_count=1)
    with pytest.raises(ValueError, match="raw_documents is a damaged Arrow column"):
        [*text_buffers(column)]


def test_tables_slices_behind_all_vectors_are_refused():
    kind = pa.list_(pa.float32(), 2)
    numbers = pa.array([1.0, 2.0, 3.0, 4.0], pa.float32())
    for offset in (1, 10**6):
        column = pa.Array.from_buffers(kind, 2, [None], 0, offset, children=[numbers])
        with pytest.raises(ValueError, match="vectors is a damaged Arrow column"):
            as_vectors(column, "vectors")
    assert as_vectors(column.slice(0, 0), "vectors").shape == (0, 0)


def test_tables_damaged_lists_are_refused():
    offsets = np.array([0, 2, 4], np.int32)
    numbers = pa.array([1.0, 2.0, 3.0, 4.0], pa.float32())
    buffers = [None, pa.py_buffer(offsets)]
    kind = pa.list_(pa.float32())
    column = pa.Array.from_buffers(kind, 2, buffers, children=[numbers])
    assert as_vectors(column, "vectors").tolist() == [[1.0, 2.0], [3.0, 4.0]]
    # Arrow checks this only when the column is made.
    for damaged in ([0, 2, 10**6], [0, 5, 4], [-9, 2, 4]):
        offsets[:] = damaged
        with pytest.raises(ValueError, match="vectors is a damaged Arrow column"):
            as_vectors(column, "vectors")
