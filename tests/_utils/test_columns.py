"""Columns of vectors, in every container that people bring them in."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklux._utils.columns import as_vectors, vector_names

TYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64")


def arrow_lists(rows, make, dtype):
    """Arrow lists whose memory begins before the first row and ends after the last."""
    width = next((len(row) for row in rows if row is not None), 1)
    other = [1] * width
    kind = make(pa.from_numpy_dtype(dtype), width)
    values = [None if row is None else list(row) for row in [other, *rows, other]]
    if dtype == "float16":
        values = [None if row is None else list(map(np.float16, row)) for row in values]
    return pa.array(values, type=kind)[1:-1]


def variable(kind, width):
    return pa.list_(kind)


def large(kind, width):
    return pa.large_list(kind)


def fixed(kind, width):
    return pa.list_(kind, width)


def arrays(rows, dtype):
    return [None if row is None else np.array(row, dtype=dtype) for row in rows]


def object_array(rows, dtype):
    column = np.empty(len(rows), dtype=object)
    column[:] = arrays(rows, dtype)
    return column


def chunked(rows, dtype):
    lists = arrow_lists(rows, fixed, dtype)
    return pa.chunked_array([lists[:1], lists[1:1], lists[1:]])


def polars_arrays(rows, dtype):
    """polars cannot read all slices of Arrow's lists of one length."""
    column = pl.Series(arrow_lists(rows, variable, dtype))
    width = next((len(row) for row in rows if row is not None), 1)
    return column.list.to_array(width)


def tensors(rows, dtype):
    tensor = pytest.importorskip("torch").tensor
    return [row if row is None else tensor(row) for row in arrays(rows, dtype)]


CONTAINERS = {
    "list of lists": lambda rows, dtype: [
        None if row is None else list(row) for row in arrays(rows, dtype)
    ],
    "list of arrays": arrays,
    "tuple of arrays": lambda rows, dtype: tuple(arrays(rows, dtype)),
    "list of tensors": tensors,
    "list of Arrow scalars": lambda rows, dtype: list(arrow_lists(rows, fixed, dtype)),
    "object array": object_array,
    "object array with one column": lambda rows, dtype: object_array(rows, dtype)[
        :, None
    ],
    "pandas of arrays": lambda rows, dtype: pd.Series(
        arrays(rows, dtype), dtype=object
    ),
    "pandas of lists": lambda rows, dtype: pd.Series(
        [None if row is None else row.tolist() for row in arrays(rows, dtype)],
        dtype=object,
    ),
    "pandas of Arrow lists": lambda rows, dtype: pd.Series(
        arrow_lists(rows, variable, dtype),
        dtype=pd.ArrowDtype(pa.list_(pa.from_numpy_dtype(dtype))),
    ),
    "pandas frame": lambda rows, dtype: pd.DataFrame({"v": object_array(rows, dtype)}),
    "polars": lambda rows, dtype: pl.Series(arrow_lists(rows, variable, dtype)),
    "polars array": polars_arrays,
    "polars objects": lambda rows, dtype: pl.Series(
        object_array(rows, dtype), dtype=pl.Object
    ),
    "polars frame": lambda rows, dtype: pl.DataFrame({"v": polars_arrays(rows, dtype)}),
    "Arrow": lambda rows, dtype: arrow_lists(rows, variable, dtype),
    "Arrow large": lambda rows, dtype: arrow_lists(rows, large, dtype),
    "Arrow fixed": lambda rows, dtype: arrow_lists(rows, fixed, dtype),
    "Arrow chunks": chunked,
    "Arrow table": lambda rows, dtype: pa.table({"v": chunked(rows, dtype)}),
    "Arrow batch": lambda rows, dtype: pa.record_batch(
        {"v": arrow_lists(rows, variable, dtype)}
    ),
    "Arrow reader": lambda rows, dtype: pa.table(
        {"v": chunked(rows, dtype)}
    ).to_reader(),
}

# Rows of Python's own numbers, and tensors, which become float32.
WITHOUT_TYPE = ("list of tensors", "list of Arrow scalars", "pandas of lists")


@st.composite
def columns(draw):
    """Vectors of one length, some of them missing, as Python's own numbers."""
    width = draw(st.integers(1, 3))
    vector = st.lists(st.integers(0, 100), min_size=width, max_size=width)
    rows = draw(st.lists(st.none() | vector, min_size=1, max_size=5))
    return rows, width


def matrix_of(rows, width):
    """The right answer, row by row."""
    if not any(rows):
        width = 1
    return np.array([[np.nan] * width if row is None else row for row in rows], float)


@pytest.mark.parametrize("container", CONTAINERS)
@settings(deadline=None)
@given(column=columns(), dtype=st.sampled_from(TYPES))
def test_columns_of_vectors_become_a_matrix(container, column, dtype):
    rows, width = column
    if "polars" in container and not hasattr(pl, "Float16"):
        pytest.skip("polars cannot make some of these columns")
    found = as_vectors(CONTAINERS[container](rows, dtype), "embeddings")
    assert isinstance(found, np.ndarray)
    assert found.dtype.kind in "fiu"
    np.testing.assert_array_equal(found, matrix_of(rows, width))
    if all(rows) and container not in WITHOUT_TYPE:
        assert found.dtype == dtype


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, np.float32("nan")])
def test_columns_missing_rows_of_pandas(missing):
    found = as_vectors(pd.Series([[1, 2], missing, [3, 4]]), "embeddings")
    np.testing.assert_array_equal(found, [[1, 2], [np.nan, np.nan], [3, 4]])


@pytest.mark.parametrize(
    "column",
    [
        [None, None],
        pd.Series([None, np.nan], dtype=object),
        pl.Series([None, None]),
        pl.Series([None, None], dtype=pl.List(pl.Float32)),
        pa.array([None, None]),
        pa.array([None, None], type=pa.list_(pa.float32())),
    ],
    ids=["list", "pandas", "polars", "polars lists", "Arrow", "Arrow lists"],
)
def test_columns_without_any_vector(column):
    np.testing.assert_array_equal(as_vectors(column, "e"), [[np.nan], [np.nan]])


@pytest.mark.parametrize(
    ("column", "width"),
    [
        (pa.array([], type=pa.list_(pa.float32())), 0),
        (pa.chunked_array([], type=pa.list_(pa.float32(), 3)), 0),
        (pl.Series([], dtype=pl.List(pl.Float32)), 0),
        (pl.Series([], dtype=pl.Array(pl.Float32, 3)), 0),
        (pa.array([[], []], type=pa.list_(pa.float32())), 0),
        (pl.Series([[], []], dtype=pl.List(pl.Float32)), 0),
    ],
)
def test_columns_without_numbers(column, width):
    assert as_vectors(column, "embeddings").shape == (len(column), width)


def test_columns_numbers_that_are_missing_are_nan():
    """The caller then names the row."""
    rows = [[1, None], [3, 4]]
    for column in (rows, pd.Series(rows), pl.Series(rows), pa.array(rows)):
        np.testing.assert_array_equal(as_vectors(column, "e"), [[1, np.nan], [3, 4]])


def test_columns_decimals_are_numbers():
    rows = [[Decimal("1.5"), Decimal(2)], [Decimal(3), Decimal(4)]]
    for column in (rows, pa.array(rows)):
        np.testing.assert_array_equal(as_vectors(column, "e"), [[1.5, 2], [3, 4]])


def test_columns_tensors_without_a_type_in_numpy():
    torch = pytest.importorskip("torch")
    rows = [torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True), None]
    np.testing.assert_array_equal(as_vectors(rows, "e"), [[1, 2], [np.nan, np.nan]])


def test_columns_arrow_tensors():
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    array = pa.FixedShapeTensorArray.from_numpy_ndarray(vectors)
    np.testing.assert_array_equal(as_vectors(array, "embeddings"), vectors)
    np.testing.assert_array_equal(
        as_vectors(pa.chunked_array([array, array]), "embeddings")[3:], vectors
    )


VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)
LISTS = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), 2)


@pytest.mark.parametrize(
    "column",
    [
        LISTS,
        LISTS[1:],
        pa.chunked_array([LISTS]),
        pa.table({"v": LISTS}),
        pd.Series(LISTS, dtype=pd.ArrowDtype(LISTS.type)),
        pl.Series(VECTORS),
        pl.Series(LISTS.cast(pa.large_list(pa.float32()))),
    ],
    ids=["Arrow", "slice", "chunk", "table", "pandas", "polars", "polars lists"],
)
def test_columns_of_one_chunk_are_not_copied(column):
    """Two conversions of one column show the same memory."""
    assert np.shares_memory(as_vectors(column, "e"), as_vectors(column, "e"))


@pytest.mark.parametrize(
    "values",
    [
        np.ones((2, 2)),
        np.ones(3),
        np.array([1.0, None], dtype=object),
        np.array([["a", 1.0]], dtype=object),
        np.array(3.0, dtype=object),
        [1.0, 2.0],
        [],
        ["a", "b"],
        "text",
        3.0,
        None,
        sparse.csr_matrix(np.eye(2)),
        pd.Series([1.0, 2.0]),
        pd.Series(["a", "b"]),
        pd.DataFrame({"a": [1.0], "b": [2.0]}),
        pd.DataFrame({"a": [1.0]}),
        pd.DataFrame(),
        pl.Series([1.0, 2.0]),
        pl.DataFrame({"a": [1.0], "b": [2.0]}),
        pa.array([1.0, 2.0]),
        pa.array(["a"]),
        pa.table({"a": [1.0], "b": [2.0]}),
        {"a": [1.0]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_columns_anything_else_is_returned_unchanged(values):
    assert as_vectors(values, "embeddings") is values


RAGGED = [None, [1.0, 2.0], [3.0, 4.0], None, [5.0, 6.0, 7.0], [8.0]]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        lambda rows: pd.Series(rows, dtype=object),
        pl.Series,
        pa.array,
        lambda rows: pa.chunked_array([rows[:3], rows[3:]]),
    ],
    ids=["list", "pandas", "polars", "Arrow", "chunks"],
)
def test_columns_of_different_lengths_are_refused(convert):
    message = (
        "embeddings holds vectors of different lengths: row 1 has length 2, but "
        "row 4 has length 3. Give vectors of one length, made by one model."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        as_vectors(convert(RAGGED), "embeddings")


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([[1.0], "[1.0]"], r"Row 1 is of str: '\[1\.0\]'"),
        ([[1.0], 2.0], r"Row 1 is of float: 2\.0"),
        ([["a"], [1.0]], r"Row 0 is of list: \['a'\]"),
        ([[1.0], {"a": 1.0}], "Row 1 is of dict"),
        ([[[1.0], [1.0, 2.0]]], "Row 0 is of list"),
        ([[object()]], "Row 0 is of list"),
        ([np.ones((1, 2)), np.ones((1, 2))], r"Row 0 is of shape \(1, 2\)"),
    ],
)
def test_columns_rows_that_are_not_vectors_are_refused(rows, found):
    with pytest.raises(
        ValueError,
        match=f"^e must hold one vector of numbers in each row. {found}.*"
        r"\. Convert it to a list of numbers\.$",
    ):
        as_vectors(rows, "e")


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["a"]]),
        pl.Series([["a"]]),
        pa.array([[[1.0]]]),
        pl.Series([[[1.0]]]),
    ],
)
def test_columns_lists_without_numbers_are_refused(column):
    with pytest.raises(ValueError, match="^e must hold one vector of numbers in each "):
        as_vectors(column, "e")


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "Arrow"]
)
def test_columns_a_table_with_other_columns_is_refused(make):
    table = make({"url": ["a", "b"], "vector": [[1.0, 2.0], [3.0, 4.0]]})
    message = (
        "embeddings is a table with the columns url, vector. Give the column of "
        "vectors alone: table['vector']."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        as_vectors(table, "embeddings")


def test_columns_masked_values_are_missing():
    vectors = np.ma.array([[1, 2], [3, 4]], mask=[[0, 0], [1, 1]])
    np.testing.assert_array_equal(as_vectors(vectors, "e"), [[1, 2], [np.nan] * 2])
    rows = np.ma.masked_all(3, dtype=object)
    rows[0], rows[2] = [1, 2], [3, 4]
    np.testing.assert_array_equal(as_vectors(rows, "e"), [[1, 2], [np.nan] * 2, [3, 4]])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_columns_names_of_a_table_of_numbers(make):
    table = make({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert vector_names(as_vectors(table, "X")) == ["a", "b"]
    single = make({"a": [1.0, 2.0]})
    assert vector_names(as_vectors(single, "X")) == ["a"]
    vectors = make({"vector": [[1.0, 2.0], [3.0, 4.0]]})
    assert vector_names(as_vectors(vectors, "X")) is None


def test_columns_names_of_other_vectors():
    for values in (np.eye(2), [[1.0], [2.0]], pd.Series([[1.0], [2.0]])):
        assert vector_names(as_vectors(values, "X")) is None
