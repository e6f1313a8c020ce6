"""LanceDB: a folder of vectors, as the guide describes it."""

import numpy as np
import pyarrow as pa
import pytest

from sklux.arrow import BatchEmbedder

lancedb = pytest.importorskip("lancedb")

N_NEAREST = 5


def create(folder, model, texts, **options):
    """The table of the guide."""
    embedder = BatchEmbedder(model, output_column="vector", **options)
    return lancedb.connect(folder).create_table(
        "docs",
        data=map(embedder, texts.to_batches(max_chunksize=50)),
        schema=embedder.schema(texts.schema),
    )


@pytest.fixture(scope="module")
def texts(documents):
    return pa.table({"id": range(len(documents)), "text": documents})


@pytest.fixture(scope="module")
def query(fitted):
    return fitted.transform(["apple pear"])[0]


def assert_nearest(found, cosines):
    """Rows with the largest cosines; equal ones are in any order."""
    assert len(found) == N_NEAREST
    np.testing.assert_allclose(
        [1 - row["_distance"] for row in found],
        np.sort(cosines)[: -N_NEAREST - 1 : -1],
        atol=1e-6,
    )
    np.testing.assert_allclose(
        cosines[[row["id"] for row in found]],
        [1 - row["_distance"] for row in found],
        atol=1e-6,
    )


def test_lancedb_search_before_and_after_an_index(
    tmp_path, fitted, texts, documents, query
):
    table = create(tmp_path, fitted, texts)
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 4)
    assert table.count_rows() == len(documents)
    cosines = fitted.transform(documents) @ query
    search = table.search(query).distance_type("dot").limit(N_NEAREST)
    assert_nearest(search.to_list(), cosines)
    config = lancedb.index.IvfFlat(distance_type="dot", num_partitions=4)
    table.create_index("vector", config=config)
    search = table.search(query).distance_type("dot").nprobes(4).limit(N_NEAREST)
    assert_nearest(search.to_list(), cosines)
    search = table.search(query).distance_type("dot").where("id < 10").limit(20)
    assert sorted(row["id"] for row in search.to_list()) == list(range(10))


def test_lancedb_float16(tmp_path, fitted, texts, documents, query):
    table = create(tmp_path, fitted, texts, dtype="float16")
    assert table.schema.field("vector").type == pa.list_(pa.float16(), 4)
    (found,) = table.search(query).distance_type("dot").limit(1).to_list()
    cosines = fitted.transform(documents) @ query
    assert cosines[found["id"]] >= cosines.max() - 1e-3


def test_lancedb_new_rows(tmp_path, fitted, texts, query):
    table = create(tmp_path, fitted, texts)
    embedder = BatchEmbedder(fitted, output_column="vector")
    table.add(embedder(pa.table({"id": [1000], "text": ["apple pear"]})))
    (found,) = table.search(query).distance_type("dot").limit(1).to_list()
    assert found["text"] == "apple pear"
    np.testing.assert_allclose(found["_distance"], 0, atol=1e-6)


def test_lancedb_null_texts(tmp_path, fitted, query):
    """LanceDB refuses null vectors, so null texts get the zero vector."""
    texts = pa.table({"id": [0, 1], "text": ["apple", None]})
    with pytest.raises(Exception, match="vector"):
        create(tmp_path / "null", fitted, texts, null_documents="null")
    table = create(tmp_path / "empty", fitted, texts, null_documents="empty")
    found = table.search(query).distance_type("dot").limit(2).to_list()
    assert [row["id"] for row in found] == [0, 1]
    assert found[1]["_distance"] == 1
    with pytest.raises(Exception, match="null text in row 1 of the batch"):
        create(tmp_path / "error", fitted, texts)


def test_lancedb_query_of_another_width(tmp_path, fitted, texts, query):
    table = create(tmp_path, fitted, texts)
    with pytest.raises(ValueError, match="no vector column in the data"):
        table.search(query[:3]).limit(1).to_list()
