"""DocumentStream: documents and vectors of any source, in batches, again and again."""

import numpy as np
import pytest

import sklux._sources.stream
from sklux.datasets import DocumentStream

TEXTS = [f"document {i}" for i in range(10)]
VECTORS = np.arange(20, dtype=np.float32).reshape(10, 2)


def arrow_batches():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"id": range(10), "text": TEXTS, "vector": VECTORS.tolist()})
    return table.to_batches(max_chunksize=3)


def data_frame():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame({"text": TEXTS, "vector": list(VECTORS)})


def arrow_dataset(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.dataset")
    import pyarrow.dataset
    import pyarrow.parquet

    for number in range(2):
        table = pa.Table.from_batches(arrow_batches()).slice(5 * number, 5)
        pyarrow.parquet.write_table(table, tmp_path / f"{number}.parquet")
    return pyarrow.dataset.dataset(tmp_path)


SOURCES = {
    "pairs": (lambda _: lambda: zip(TEXTS, VECTORS, strict=True), True),
    "lists": (lambda _: list(zip(TEXTS, VECTORS.tolist(), strict=True)), True),
    "mappings": (
        lambda _: (
            lambda: (
                {"text": text, "vector": row}
                for text, row in zip(TEXTS, VECTORS, strict=True)
            )
        ),
        "vector",
    ),
    "record batches": (lambda _: arrow_batches, "vector"),
    "data frames": (lambda _: lambda: [data_frame()[:4], data_frame()[4:]], "vector"),
    "a data frame": (lambda _: data_frame(), "vector"),
    "a dataset": (arrow_dataset, "vector"),
}


@pytest.mark.parametrize("batch_size", [1, 4, 100])
@pytest.mark.parametrize("name", SOURCES)
def test_stream_of_any_source_gives_documents_and_vectors(name, batch_size, tmp_path):
    make, embeddings = SOURCES[name]
    stream = DocumentStream(
        make(tmp_path), embeddings=embeddings, batch_size=batch_size
    )
    for _ in range(2):
        batches = list(stream.batches())
        assert [text for batch in batches for text in batch.documents] == TEXTS
        vectors = np.concatenate([batch.vectors for batch in batches])
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, VECTORS)
        assert [batch.first for batch in batches] == list(range(0, 10, batch_size))
    assert list(stream) == TEXTS


def test_stream_of_texts_has_no_vectors():
    stream = DocumentStream(lambda: iter(TEXTS))
    (batch,) = stream.batches()
    assert batch.documents == TEXTS
    assert batch.vectors is None
    assert list(stream) == list(stream) == TEXTS


def test_stream_batches_end_at_a_number_of_characters(monkeypatch):
    monkeypatch.setattr(sklux._sources.stream, "BATCH_CHARACTERS", 25)
    stream = DocumentStream(TEXTS)
    assert [len(batch.documents) for batch in stream.batches()] == [3, 3, 3, 1]


@pytest.mark.parametrize("missing", [None, np.nan])
def test_stream_missing_documents_and_vectors(missing):
    rows = [("a", [1.0, 2.0]), (missing, None), ("c", [np.nan, np.nan]), ("d", None)]
    stream = DocumentStream(rows, embeddings=True, batch_size=2)
    with pytest.raises(ValueError, match="missing value .* at position 1"):
        list(stream.batches())
    first, second = stream.batches("empty")
    assert [*first.documents, *second.documents] == ["a", "", "c", "d"]
    vectors = np.concatenate([first.vectors, second.vectors])
    assert np.isnan(vectors).all(axis=1).tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (iter(TEXTS), "can be read only once. Give a function"),
        ("documents.txt", "must be a callable .* Got str"),
        (3, "must be a callable .* Got int"),
    ],
)
def test_stream_source_that_cannot_be_read_again(source, message):
    with pytest.raises(TypeError, match=message):
        DocumentStream(source)


@pytest.mark.parametrize(
    ("source", "embeddings", "error", "message"),
    [
        (lambda: 3, None, TypeError, "must return an iterable of documents. Got int"),
        (lambda: "text", None, TypeError, "must return an iterable.* Got str"),
        ([("a", [1.0])], None, TypeError, "set embeddings=True"),
        (["a"], True, TypeError, "must give pairs .* Got str"),
        (["a", b"b"], None, TypeError, "bytes at position 1"),
        ([{"txt": "a"}], None, ValueError, "no column 'text'. Its columns are 'txt'"),
        ([{"text": "a"}], "vector", ValueError, "no column 'vector'"),
        ([{"text": "a"}], True, ValueError, "embeddings=True means .* pairs"),
        ([("a", "b")], True, ValueError, "must be vectors of numbers"),
        ([("a", [1.0]), ("b", [1.0, 2.0])], True, ValueError, "2 components, but .* 1"),
    ],
)
def test_stream_items_that_do_not_fit(source, embeddings, error, message):
    stream = DocumentStream(source, embeddings=embeddings, batch_size=1)
    with pytest.raises(error, match=message):
        list(stream.batches())


def test_stream_missing_column_of_a_dataset(tmp_path):
    stream = DocumentStream(arrow_dataset(tmp_path), column="body")
    with pytest.raises(ValueError, match="no column 'body'.* by column="):
        next(stream.batches())


@pytest.mark.parametrize(
    "params", [{"sample_size": 1}, {"max_terms": 0}, {"batch_size": 0}, {"column": 3}]
)
def test_stream_invalid_parameters(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        DocumentStream(TEXTS, **params)


def test_stream_has_a_short_name():
    assert repr(DocumentStream(TEXTS)) == "DocumentStream(list)"
