"""Arrow record batches in, record batches with vectors out."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from strategies import kernel_settings

import sklux.arrow
from sklux import LuxicalVectorizer
from sklux.arrow import BatchEmbedder

pa = pytest.importorskip("pyarrow")

DOCUMENTS = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
EMBEDDINGS = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
TEXTS = ["an apple", "ein Käfer, ein Auto", "", "a fast red car \U0001f697", "unknown"]
STRING_TYPES = [pa.string(), pa.large_string(), pa.string_view()]


@pytest.fixture(scope="module")
def model():
    vectorizer = LuxicalVectorizer(random_state=0)
    return vectorizer.fit(DOCUMENTS, teacher_embeddings=EMBEDDINGS)


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "model.sklux"
    model.save(path)
    return path


def batch_of(texts, **columns):
    return pa.record_batch({"id": pa.array(range(len(texts))), "text": texts} | columns)


def matrix_of(column):
    """Vectors of a column, a row of NaN for each null."""
    rows = column.to_pylist()
    width, dtype = column.type.list_size, column.type.value_type.to_pandas_dtype()
    rows = [[np.nan] * width if row is None else row for row in rows]
    return np.array(rows, dtype=dtype).reshape(-1, width)


def test_batch_embedder_adds_the_vectors(model):
    batch = batch_of(pa.array(TEXTS))
    result = BatchEmbedder(model)(batch)
    assert isinstance(result, pa.RecordBatch)
    result.validate(full=True)
    assert result.schema.names == ["id", "text", "embedding"]
    assert result.schema.field("embedding").type == pa.list_(pa.float32(), 3)
    assert result.select(["id", "text"]) == batch
    vectors = matrix_of(result.column("embedding"))
    reference.assert_same_bits(vectors, model.transform(TEXTS))


def test_batch_embedder_passes_columns_through_without_a_copy(model):
    batch = batch_of(pa.array(TEXTS))
    result = BatchEmbedder(model)(batch)
    for name in ("id", "text"):
        own, given = (b.column(name).buffers()[-1].address for b in (result, batch))
        assert own == given


@pytest.mark.parametrize("kind", STRING_TYPES, ids=str)
@pytest.mark.parametrize("is_table", [False, True])
def test_batch_embedder_reads_all_string_types(model, kind, is_table):
    texts = pa.array(["left out", *TEXTS, None], kind).slice(1, len(TEXTS))
    batch = batch_of(texts)
    if is_table:
        batch = pa.Table.from_batches([batch.slice(0, 2), batch.slice(2)])
    result = BatchEmbedder(model)(batch)
    assert type(result) is type(batch)
    vectors = matrix_of(result.column("embedding"))
    reference.assert_same_bits(vectors, model.transform(TEXTS))


def test_batch_embedder_reads_dictionaries_and_chunks(model):
    chunks = [["a red apple", "a car", "a red apple"], [], ["a car"]]
    texts = pa.chunked_array([pa.array(c, pa.string()) for c in chunks])
    table = pa.table({"text": texts.dictionary_encode()})
    found = matrix_of(BatchEmbedder(model)(table).column("embedding"))
    expected = model.transform([text for chunk in chunks for text in chunk])
    reference.assert_same_bits(found, expected)


@kernel_settings
@given(st.lists(st.text(), max_size=12), st.integers(0, 12))
def test_batch_embedder_has_the_same_bits_in_any_batch(model, texts, split):
    embed = BatchEmbedder(model, columns=[])
    whole = embed(pa.table({"text": pa.array(texts, pa.string())}))
    parts = [whole.slice(0, 0)]
    for part in (texts[:split], texts[split:]):
        parts.append(embed(pa.table({"text": pa.array(part, pa.string())})))
    joined = pa.concat_tables(parts)
    reference.assert_same_bits(*(matrix_of(t["embedding"]) for t in (joined, whole)))


@pytest.mark.parametrize("columns", [[], ["id"], ["text", "id"], ("id",)])
def test_batch_embedder_passes_chosen_columns(model, columns):
    embed = BatchEmbedder(model, columns=columns, output_column="vector")
    result = embed(batch_of(pa.array(TEXTS), unused=pa.array(TEXTS)))
    assert result.schema.names == [*columns, "vector"]


def test_batch_embedder_may_replace_the_text_by_its_vectors(model):
    embed = BatchEmbedder(model, columns=["id"], output_column="text")
    assert embed(batch_of(pa.array(TEXTS))).schema.names == ["id", "text"]


def test_batch_embedder_float16(model):
    result = BatchEmbedder(model, dtype="float16")(batch_of(pa.array(TEXTS)))
    column = result.column("embedding")
    assert column.type == pa.list_(pa.float16(), 3)
    expected = model.transform(TEXTS).astype(np.float16)
    np.testing.assert_array_equal(matrix_of(column), expected)


def test_batch_embedder_keeps_metadata_and_field_types(model):
    fields = [
        pa.field("when", pa.timestamp("ns"), nullable=False, metadata={"unit": "ns"}),
        pa.field("text", pa.string()),
    ]
    schema = pa.schema(fields, metadata={"source": "a crawl"})
    batch = pa.record_batch([pa.array([0], fields[0].type), ["a"]], schema=schema)
    embed = BatchEmbedder(model)
    result = embed(batch)
    assert result.schema.equals(embed.schema(schema), check_metadata=True)
    assert result.schema.metadata == {b"source": b"a crawl"}
    assert result.schema.field("when").equals(fields[0], check_metadata=True)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_batch_embedder_of_a_small_batch(model, n_rows):
    result = BatchEmbedder(model)(batch_of(pa.array(TEXTS[:n_rows], pa.string())))
    assert result.num_rows == n_rows
    result.validate(full=True)


def test_batch_embedder_does_not_use_the_output_container_of_the_model(model):
    pytest.importorskip("pandas")
    tables = pickle.loads(pickle.dumps(model)).set_output(transform="pandas")
    batch = batch_of(pa.array(TEXTS))
    assert BatchEmbedder(tables)(batch) == BatchEmbedder(model)(batch)


# Null texts


@pytest.mark.parametrize("kind", STRING_TYPES, ids=str)
@pytest.mark.parametrize("is_dictionary", [False, True])
def test_batch_embedder_null_texts(model, kind, is_dictionary):
    texts = pa.array(["a car", None, "", None], kind)
    if is_dictionary:
        numbers = pa.array([1, None, 0, None], pa.int32())
        values = pa.array(["", "a car"], kind)
        texts = pa.DictionaryArray.from_arrays(numbers, values)
    batch = batch_of(texts)
    with pytest.raises(
        ValueError, match="'text' has a null text in row 1 of the batch, the first of 2"
    ):
        BatchEmbedder(model)(batch)
    empty = BatchEmbedder(model, null_documents="empty")(batch).column("embedding")
    assert empty.null_count == 0
    assert not matrix_of(empty)[1:].any()
    null = BatchEmbedder(model, null_documents="null")(batch).column("embedding")
    assert np.asarray(null.is_null()).tolist() == [False, True, False, True]
    np.testing.assert_array_equal(matrix_of(null)[[0, 2]], matrix_of(empty)[[0, 2]])


def test_batch_embedder_follows_the_models_rule_for_null_texts(model):
    lenient = pickle.loads(pickle.dumps(model)).set_params(null_documents="empty")
    result = BatchEmbedder(lenient)(batch_of(pa.array(["a car", None])))
    assert result.column("embedding").null_count == 0


def test_batch_embedder_does_not_read_the_length_in_the_view_of_a_null(model):
    """It may be any number, and Arrow's own cast would order so much memory."""
    texts = pa.array(["a car", None], pa.string_view())
    present, views, *rest = texts.buffers()
    numbers = np.frombuffer(views, dtype=np.int32).copy()
    numbers[4] = 2**30
    buffers = [present, pa.py_buffer(numbers), *rest]
    texts = pa.Array.from_buffers(texts.type, 2, buffers)
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    result = BatchEmbedder(model, null_documents="null")(batch_of(texts))
    assert result.column("embedding").null_count == 1
    assert pool.max_memory() < before + 2**29


def test_batch_embedder_of_a_column_of_nulls(model):
    """Arrow gives a column without a value a type of its own."""
    result = BatchEmbedder(model, null_documents="null")(batch_of(pa.nulls(3)))
    assert result.column("embedding").null_count == 3


# Damaged columns


def test_batch_embedder_refuses_a_damaged_dictionary(model):
    """Arrow itself reads outside of it."""
    numbers = pa.array([0, 10**6], pa.int32())
    texts = pa.DictionaryArray.from_arrays(numbers, pa.array(["a car"]), safe=False)
    with pytest.raises(ValueError, match="column 'text' is a damaged Arrow column"):
        BatchEmbedder(model)(batch_of(texts))


def test_batch_embedder_refuses_damaged_text_with_nulls(model):
    offsets = np.array([0, 5, 5, 10], np.int32)
    buffers = map(pa.py_buffer, (b"\x05", offsets, b"applepears"))
    texts = pa.Array.from_buffers(pa.string(), 3, [*buffers])
    embed = BatchEmbedder(model, null_documents="empty")
    assert embed(batch_of(texts)).num_rows == 3
    offsets[1] = 10**6
    with pytest.raises(ValueError, match="column 'text' is a damaged Arrow column"):
        embed(batch_of(texts))


# Processes


def test_batch_embedder_of_a_file(model, path):
    batch = batch_of(pa.array(TEXTS))
    assert BatchEmbedder(path)(batch) == BatchEmbedder(str(path))(batch)
    assert BatchEmbedder(path)(batch) == BatchEmbedder(model)(batch)


def test_batch_embedder_is_pickled_without_the_model_of_a_file(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    embed = BatchEmbedder(path.name, n_jobs=1)
    expected = embed(batch_of(pa.array(TEXTS)))
    data = pickle.dumps(embed)
    assert len(data) < 1000
    # Workers may have another current folder.
    monkeypatch.chdir("/")
    assert pickle.loads(data)(batch_of(pa.array(TEXTS))) == expected


def test_batch_embedder_is_pickled_with_a_given_model(model):
    embed = BatchEmbedder(model, n_jobs=2)
    batch = batch_of(pa.array(TEXTS))
    expected = embed(batch)
    assert pickle.loads(pickle.dumps(embed))(batch) == expected


def test_batch_embedder_in_another_process(path):
    code = (
        "import pickle, sys; embed, batch = pickle.load(sys.stdin.buffer); "
        "result = embed(batch); assert 'torch' not in sys.modules; "
        "pickle.dump(result, sys.stdout.buffer)"
    )
    embed, batch = BatchEmbedder(path), batch_of(pa.array(TEXTS))
    result = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps((embed, batch)),
        capture_output=True,
        check=True,
        env=os.environ,
    )
    assert pickle.loads(result.stdout) == embed(batch)


def test_batch_embedder_refuses_a_file_that_has_changed(model, path):
    embed = BatchEmbedder(path)
    data = pickle.dumps(embed)
    expected = embed(batch_of(pa.array(TEXTS)))
    model.quantize("float16").save(path)
    with pytest.raises(
        ValueError, match="has changed since the BatchEmbedder was made"
    ):
        pickle.loads(data)(batch_of(pa.array(TEXTS)))
    # A model that is mapped already stays as it was.
    assert embed(batch_of(pa.array(TEXTS))) == expected


def test_batch_embedder_refuses_another_version(path, monkeypatch):
    data = pickle.dumps(BatchEmbedder(path))
    monkeypatch.setattr(sklux.arrow, "version", lambda name: "9.9")
    with pytest.raises(ValueError, match=r"is used with sklux 9\.9"):
        pickle.loads(data)


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_batch_embedder_threads(model, n_jobs):
    """The number changes only the time, and the caller's model keeps its setting."""
    embed = BatchEmbedder(model, n_jobs=n_jobs)
    assert embed(batch_of(pa.array(TEXTS))) == BatchEmbedder(model)(
        batch_of(pa.array(TEXTS))
    )
    assert embed.model.n_jobs == embed.model.projection_.n_jobs == n_jobs
    assert model.n_jobs is None
    assert model.projection_.n_jobs is None


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "int7"}, "'dtype' parameter .* Got 'int7'"),
        ({"null_documents": "drop"}, "'null_documents' parameter .* Got 'drop'"),
        ({"column": 3}, "'column' parameter .* Got 3"),
        ({"columns": "id"}, "'columns' parameter .* Got 'id'"),
        ({"output_column": "text"}, "'output_column' .* Got 'text' in both"),
        ({"columns": ["a", "b"], "output_column": "b"}, "Got 'b' in both"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter .* Got 1.5"),
    ],
)
def test_batch_embedder_refuses_settings(model, settings, message):
    with pytest.raises(ValueError, match=message):
        BatchEmbedder(model, **settings)


def test_batch_embedder_refuses_models(tmp_path):
    with pytest.raises(ValueError, match="'model' parameter"):
        BatchEmbedder(None)
    with pytest.raises(ValueError, match="not fitted yet"):
        BatchEmbedder(LuxicalVectorizer())
    with pytest.raises(FileNotFoundError):
        BatchEmbedder(tmp_path / "none.sklux")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        BatchEmbedder(tmp_path)
    (tmp_path / "text").write_text("no model")
    with pytest.raises(ValueError, match="is not a sklux model file"):
        BatchEmbedder(tmp_path / "text")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"column": "body"}, "no column 'body'. Its columns: 'id', 'text'"),
        ({"columns": ["when"]}, "no column 'when'"),
        ({"output_column": "id"}, "has a column 'id' already"),
        ({"column": "id"}, "'id' must hold text. Got the type int64"),
    ],
)
def test_batch_embedder_refuses_batches(model, settings, message):
    embed = BatchEmbedder(model, **settings)
    batch = batch_of(pa.array(TEXTS))
    with pytest.raises(ValueError, match=message):
        embed(batch)
    with pytest.raises(ValueError, match=message):
        embed.schema(batch.schema)


def test_batch_embedder_refuses_two_columns_of_a_name(model):
    batch = pa.record_batch([["a"], ["b"]], names=["text", "text"])
    with pytest.raises(ValueError, match="2 columns 'text'"):
        BatchEmbedder(model)(batch)


@pytest.mark.parametrize("batch", [TEXTS, pa.array(TEXTS), None, {"text": TEXTS}])
def test_batch_embedder_refuses_other_containers(model, batch):
    with pytest.raises(TypeError, match="takes a pyarrow RecordBatch or Table"):
        BatchEmbedder(model)(batch)


def test_batch_embedder_names_the_remedy_for_other_tables(model):
    polars = pytest.importorskip("polars")
    table = pa.table({"text": TEXTS})
    with pytest.raises(TypeError, match=r"Got DataFrame instead\. .*: to_arrow\(\)"):
        BatchEmbedder(model)(polars.from_arrow(table))
    with pytest.raises(TypeError, match=r"Got RecordBatchReader .*map\(embedder, read"):
        BatchEmbedder(model)(table.to_reader())
    with pytest.raises(TypeError, match=r"Use LuxicalVectorizer\.transform"):
        BatchEmbedder(model)(TEXTS)
