"""DuckDB: students in SQL, and queries as documents, as the guide describes them."""

import numpy as np
import pyarrow as pa
import pytest
import reference
from conftest import small_vectorizer

from sklux import LexicalVectorizer
from sklux.arrow import BatchEmbedder
from sklux.datasets import DocumentStream

duckdb = pytest.importorskip("duckdb", minversion="2.0")

WIDTH = 4


@pytest.fixture
def database(documents):
    """A database with a table of documents."""
    corpus = pa.table({"id": range(len(documents)), "text": documents})
    with duckdb.connect() as connection:
        connection.register("corpus", corpus)
        connection.execute("CREATE TABLE docs AS SELECT * FROM corpus")
        yield connection


def create_embed(database, model, width=WIDTH, **options):
    """The function of the guide."""
    embedder = BatchEmbedder(model, columns=[])

    def embed_column(texts):
        return embedder(pa.table({"text": texts})).column("embedding")

    database.create_function(
        "embed", embed_column, ["VARCHAR"], f"FLOAT[{width}]", type="arrow", **options
    )


def matrix_of(column):
    return np.array(column.to_pylist(), dtype=np.float32)


# A function in SQL


def test_duckdb_function(database, fitted, documents):
    create_embed(database, fitted)
    query = database.sql("SELECT id, embed(text) AS embedding FROM docs ORDER BY id")
    assert str(query.types[1]) == f"FLOAT[{WIDTH}]"
    reference.assert_same_bits(
        matrix_of(query.to_arrow_table()["embedding"]), fitted.transform(documents)
    )


def test_duckdb_function_on_more_rows_than_one_piece(database, fitted, documents):
    """DuckDB cuts columns into pieces, and may use several threads."""
    create_embed(database, fitted)
    database.execute("CREATE TABLE many AS SELECT id, text FROM docs, range(50)")
    query = "SELECT count(*), count(DISTINCT embed(text)) FROM many"
    n_vectors = len(np.unique(fitted.transform(documents), axis=0))
    assert database.execute(query).fetchall() == [(50 * len(documents), n_vectors)]


def test_duckdb_search(database, fitted, documents):
    create_embed(database, fitted)
    database.execute("ALTER TABLE docs ADD COLUMN embedding FLOAT[4]")
    database.execute("UPDATE docs SET embedding = embed(text)")
    cosines = fitted.transform(documents) @ fitted.transform(["apple pear"])[0]
    for function in ("array_inner_product", "array_cosine_similarity"):
        found = database.execute(
            f"SELECT id, {function}(embedding, embed($query)) AS cosine FROM docs "
            "ORDER BY cosine DESC LIMIT 5",
            {"query": "apple pear"},
        ).fetchall()
        np.testing.assert_allclose(
            [cosine for _, cosine in found], np.sort(cosines)[:-6:-1], atol=1e-6
        )
        np.testing.assert_allclose(
            cosines[[row for row, _ in found]], [c for _, c in found], atol=1e-6
        )


def test_duckdb_zero_vector_has_an_inner_product(database, fitted):
    create_embed(database, fitted)
    query = "SELECT {}(embed('unknown'), embed('apple'))"
    assert database.execute(query.format("array_inner_product")).fetchone() == (0,)
    (cosine,) = database.execute(query.format("array_cosine_similarity")).fetchone()
    assert np.isnan(cosine)


def test_duckdb_null_text_has_a_null_vector(database, fitted):
    create_embed(database, fitted)
    query = "SELECT embed(text) FROM (VALUES ('apple'), (NULL), ('car')) t(text)"
    found = [vector for (vector,) in database.sql(query).fetchall()]
    assert found[1] is None
    reference.assert_same_bits(
        np.array([found[0], found[2]], np.float32), fitted.transform(["apple", "car"])
    )


def test_duckdb_null_text_that_the_function_gets(database, fitted):
    create_embed(database, fitted, null_handling="special")
    query = "SELECT embed(text) FROM (VALUES ('apple'), (NULL)) t(text)"
    with pytest.raises(duckdb.Error, match="null text in row 1 of the batch"):
        database.sql(query).fetchall()


def test_duckdb_errors_name_types_and_widths(database, fitted):
    create_embed(database, fitted, width=WIDTH + 1)
    with pytest.raises(duckdb.Error, match="array of size 4 to array of size 5"):
        database.sql("SELECT embed('apple')").fetchall()
    with pytest.raises(duckdb.Error, match=r"embed\(BIGINT\)"):
        database.sql("SELECT embed(id) FROM docs").fetchall()


def test_duckdb_model_that_no_file_can_hold(database, documents, teacher_embeddings):
    """A function in the process takes it, and `save` names the parameter."""
    model = small_vectorizer(lexical=LexicalVectorizer(analyzer=str.split))
    model.fit(documents, teacher_embeddings=teacher_embeddings)
    create_embed(database, model)
    (vector,) = database.execute("SELECT embed('apple')").fetchone()
    reference.assert_same_bits(
        np.array([vector], np.float32), model.transform(["apple"])
    )
    with pytest.raises(TypeError, match="analyzer"):
        model.save("student.sklux")


# Batches out of a query


def embedded_batches(database, embedder):
    """The batches of the guide."""
    query = "SELECT id, text FROM docs ORDER BY id"
    reader = database.cursor().sql(query).to_arrow_reader(50)
    return pa.RecordBatchReader.from_batches(
        embedder.schema(reader.schema), map(embedder, reader)
    )


def test_duckdb_batches_into_another_table(database, fitted, documents):
    batches = embedded_batches(database, BatchEmbedder(fitted, columns=["id"]))
    assert batches.schema.names == ["id", "embedding"]
    database.execute("CREATE TABLE vectors AS SELECT * FROM batches")
    found = database.sql("SELECT embedding FROM vectors ORDER BY id").to_arrow_table()
    assert found["embedding"].type.list_size == WIDTH
    reference.assert_same_bits(
        matrix_of(found["embedding"]), fitted.transform(documents)
    )


def test_duckdb_float16_is_for_files(database, fitted, documents):
    """DuckDB has no type for it."""
    embedder = BatchEmbedder(fitted, columns=["id"], dtype="float16")
    found = embedded_batches(database, embedder).read_all()["embedding"]
    expected = fitted.transform(documents).astype(np.float16)
    np.testing.assert_array_equal(np.array(found.to_pylist(), np.float16), expected)
    batches = embedded_batches(database, embedder)
    assert batches.schema.field("embedding").type.value_type == pa.float16()
    with pytest.raises(duckdb.Error, match="Unsupported Internal Arrow Type e"):
        database.execute("CREATE TABLE vectors AS SELECT * FROM batches")


# Queries as documents and vectors


def test_duckdb_transform_of_a_query(database, fitted, documents):
    query = database.sql("SELECT text FROM docs ORDER BY id")
    reference.assert_same_bits(fitted.transform(query), fitted.transform(documents))
    # A relation runs its query each time.
    reference.assert_same_bits(fitted.transform(query), fitted.transform(documents))
    reader = query.to_arrow_reader(50)
    reference.assert_same_bits(fitted.transform(reader), fitted.transform(documents))


def test_duckdb_fit_on_queries(database, fitted, documents, teacher_embeddings):
    teacher = pa.table({"id": range(len(documents)), "v": list(teacher_embeddings)})
    database.register("teacher", teacher)
    model = small_vectorizer().fit(
        database.sql("SELECT text FROM docs ORDER BY id"),
        teacher_embeddings=database.sql("SELECT v FROM teacher ORDER BY id"),
    )
    reference.assert_same_bits(model.transform(documents), fitted.transform(documents))


def test_duckdb_stream(database, documents):
    """Each pass runs the query; one that is not read to its end harms no other."""

    def read_batches():
        query = "SELECT text FROM docs ORDER BY id"
        return database.cursor().sql(query).to_arrow_reader(50)

    stream = DocumentStream(read_batches)
    begun = iter(stream)
    assert next(begun) == documents[0]
    assert list(stream) == documents
    assert next(begun) == documents[1]


def test_duckdb_query_of_several_columns_is_refused(database, fitted):
    query = database.sql("SELECT id, text FROM docs")
    with pytest.raises(ValueError, match="DuckDBPyRelation with the columns 'id', 'te"):
        fitted.transform(query)


def test_duckdb_missing_document_of_a_query(database, fitted):
    query = database.sql("SELECT * FROM (VALUES ('apple'), (NULL)) t(text)")
    with pytest.raises(ValueError, match="missing value .* at position 1"):
        fitted.transform(query)


def test_duckdb_columns_with_the_names_of_methods(database, fitted):
    """A relation has its columns as attributes."""
    for name in ("column", "iloc", "to_pylist", "shape"):
        query = database.sql(f"SELECT 'apple' AS \"{name}\"")
        reference.assert_same_bits(fitted.transform(query), fitted.transform(["apple"]))
