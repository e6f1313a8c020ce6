"""Tables of pandas, polars and Arrow."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sklux._utils.tables import column_names, is_table, table_columns


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, pa.table, pa.record_batch]
)
def test_tables_columns(make):
    table = make({"a": [1, 2], "b": [3, 4]})
    assert is_table(table)
    assert column_names(table) == ["a", "b"]
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
