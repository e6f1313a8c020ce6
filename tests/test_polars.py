"""polars: students in expressions, as the guide describes them."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import reference
from conftest import small_vectorizer

from sklux.arrow import BatchEmbedder

WIDTH = 4


def vectors_of(model, width=WIDTH):
    """The expression of the guide."""
    return pl.col("text").map_batches(
        lambda texts: pl.Series(model.transform(texts)),
        return_dtype=pl.Array(pl.Float32, width),
        is_elementwise=True,
    )


@pytest.fixture
def table(documents):
    return pl.DataFrame({"id": range(len(documents)), "text": documents})


def test_polars_expression(fitted, table, documents):
    out = table.with_columns(embedding=vectors_of(fitted))
    assert out.schema["embedding"] == pl.Array(pl.Float32, WIDTH)
    reference.assert_same_bits(out["embedding"].to_numpy(), fitted.transform(documents))


def test_polars_lazy_query_from_file_to_file(fitted, table, documents, tmp_path):
    """Batches of rows have the same bits as all rows."""
    table.write_parquet(tmp_path / "corpus.parquet", row_group_size=50)
    lazy = pl.scan_parquet(tmp_path / "corpus.parquet")
    lazy = lazy.select("id", embedding=vectors_of(fitted))
    lazy.sink_parquet(tmp_path / "vectors.parquet")
    found = pl.read_parquet(tmp_path / "vectors.parquet").sort("id")
    reference.assert_same_bits(
        found["embedding"].to_numpy(), fitted.transform(documents)
    )


def test_polars_group_by(fitted, table, documents):
    """An expression in a group gets the texts of the group."""
    groups = table.with_columns(group=pl.col("id") % 3).sort("group", "id")
    means = groups.group_by("group", maintain_order=True).map_groups(
        lambda group: pl.DataFrame(
            {"mean": [fitted.transform(group["text"]).mean(axis=0).tolist()]}
        )
    )
    expected = [fitted.transform(documents[k::3]).mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(np.array(means["mean"].to_list()), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_polars_through_arrow(fitted, table, documents, dtype):
    batch = BatchEmbedder(fitted, columns=["id"], dtype=dtype)(table.to_arrow())
    assert batch.schema.field("embedding").type == pa.list_(
        pa.from_numpy_dtype(np.dtype(dtype)), WIDTH
    )
    if dtype == "float32":
        found = pl.from_arrow(batch)["embedding"]
        assert found.dtype == pl.Array(pl.Float32, WIDTH)
        reference.assert_same_bits(found.to_numpy(), fitted.transform(documents))


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Object, pl.String])
def test_polars_columns_of_other_types(fitted, documents, dtype):
    column = pl.Series(documents, dtype=dtype)
    reference.assert_same_bits(fitted.transform(column), fitted.transform(documents))


def test_polars_fit_on_columns(table, teacher_embeddings, documents, fitted):
    table = table.with_columns(teacher=pl.Series(teacher_embeddings))
    model = small_vectorizer().fit(table["text"], teacher_embeddings=table["teacher"])
    reference.assert_same_bits(
        model.transform(table["text"]), fitted.transform(documents)
    )


def test_polars_null_text(fitted):
    table = pl.DataFrame({"text": ["an apple", None]})
    # polars passes the error on as it is, or as one of its own.
    with pytest.raises(Exception, match="missing value .* at position 1"):
        table.select(vectors_of(fitted))


def test_polars_wrong_width(fitted, table):
    with pytest.raises(pl.exceptions.SchemaError, match="expected output type"):
        table.select(vectors_of(fitted, width=WIDTH + 1))


def test_polars_lazy_frame_is_refused(fitted, table):
    with pytest.raises(TypeError, match=r"Got LazyFrame instead\. Collect it first"):
        fitted.transform(table.lazy().select("text"))
