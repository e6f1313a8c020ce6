"""The sample of a stream, and the comparison of its passes."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sklux._sources.sample import SampleDraw, StreamReader
from sklux._sources.stream import DocumentStream
from sklux._teacher.sample import sample_documents
from sklux._utils.documents import text_hashes


def drawn(documents, size, batch_size, **params):
    """The sample of a stream of these documents."""
    stream = DocumentStream(
        documents, sample_size=size, batch_size=batch_size, **params
    )
    reader = StreamReader(stream, "error")
    assert [text for batch in reader.documents() for text in batch] == list(stream)
    assert reader.n_documents == len(documents)
    return reader.sample


@settings(max_examples=200, deadline=None)
@example(["0"] * 4, 2, 1)
@given(
    st.lists(st.integers(0, 30).map(str), min_size=1, max_size=60),
    st.integers(2, 40),
    st.integers(1, 20),
)
def test_sample_is_the_teachers_choice(documents, size, batch_size):
    """Each chosen text once; with all its copies if all documents fit."""
    sample = drawn(documents, size, batch_size)
    assert sample.vectors is None
    assert sample.is_whole == (len(documents) <= size)
    if sample.is_whole:
        assert sample.documents == documents
    else:
        chosen = [documents[i] for i in sample_documents(documents, size)]
        assert sample.documents == list(dict.fromkeys(chosen))


def test_sample_keeps_the_vectors_of_its_documents():
    texts = [f"text {i}" for i in range(300)]
    pairs = [(text, [float(i), 1.0]) for i, text in enumerate(texts)]
    sample = drawn(pairs, 40, 25, embeddings=True)
    assert sample.vectors.dtype == np.float32
    assert sample.documents == [texts[int(row)] for row in sample.vectors[:, 0]]
    assert len(sample.documents) == 40


def test_sample_holds_no_more_than_its_size_and_a_batch():
    draw = SampleDraw(100)
    for batch in DocumentStream(
        lambda: (f"{i}" for i in range(20_000)), batch_size=50
    ).batches():
        draw.add(batch, text_hashes(batch.documents))
        assert len(draw._documents) <= 125 + 50


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ([], "gave 3 documents when it was first read, and 0 documents later"),
        (["a", "b"], "and 2 documents later"),
        (["a", "b", "d"], "gave 3 documents each time, but not the same ones"),
        (["a", "b", "b"], "not the same ones"),
    ],
)
def test_sample_source_that_changes(later, message):
    passes = iter([["a", "b", "c"], later])
    reader = StreamReader(DocumentStream(lambda: next(passes)), "error")
    list(reader.documents())
    with pytest.raises(ValueError, match=message):
        list(reader.documents())


def test_sample_source_may_change_the_order():
    passes = iter([["a", "b", "c"], ["c", "a", "b"]])
    reader = StreamReader(DocumentStream(lambda: next(passes)), "error")
    assert len([*reader.documents(), *reader.documents()]) == 2


def test_sample_empty_source():
    with pytest.raises(ValueError, match="no documents: there is nothing to learn"):
        list(StreamReader(DocumentStream([]), "error").documents())


def test_text_hashes_are_the_same_on_every_machine():
    hashes = text_hashes(["", "apple", "\ud800"])
    assert hashes.dtype == np.uint64
    assert hashes.tolist()[1] == 0x960EB5A047F5AEDF
    assert len(set(hashes.tolist())) == 3
