"""Documents to numbers of tokens, the same for any ranges and threads."""

import re

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.tokens import NO_NGRAM, NO_WORD
from sklux._kernels.words import ARENA_PADDING, WordTable
from strategies import document_lists

import sklux._lexical.tokens
from sklux._lexical.analysis import TextSource
from sklux._lexical.buffers import text_buffers
from sklux._lexical.tokens import (
    BYTES_PER_DOCUMENT,
    BYTES_PER_RANGE,
    MIN_BYTES_PER_RANGE,
    join_strings,
    pack_strings,
    range_costs,
    range_edges,
    read_corpus,
    read_range,
    sorted_words,
    table_words,
)

some_examples = settings(max_examples=80, deadline=None)
# Words around the eight bytes of a key, words that end in NUL, and surrogates.
WORDS = [
    "",
    "a",
    "abcdefg",
    "abcdefgh",
    "abcdefghi",
    "a\x00",
    "\x00",
    "\ud800",
    "\u00e9",
]


def tokens_by_document(streams, words):
    """For each document, its segments, which are lists of names of tokens."""
    names = words.tolist()
    documents = []
    for stream in streams:
        start = 0
        for end in stream.ends.tolist():
            segments = [[]]
            for number in stream.numbers[start:end].tolist():
                if number == NO_NGRAM:
                    segments.append([])
                else:
                    segments[-1].append(names[number])
            documents.append(segments)
            start = end
    return documents


def expected_documents(documents, kind, min_length=1, stop_words=()):
    """The same in plain Python; a document of 'char_wb' ends with a break."""
    expected = []
    for document in documents:
        text = reference.normalized(document)
        segments = reference.segments(text, kind, min_length, stop_words)
        expected.append([*segments, []] if kind == "char_wb" else segments)
    return expected


@some_examples
@given(
    document_lists,
    st.sampled_from(["word", "char", "char_wb"]),
    st.integers(1, 3),
    st.sampled_from([(), ("a", "aa", "apple"), ("", "\ud800")]),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 60, 10**6]),
)
def test_token_streams_equal_reference(
    documents, kind, min_length, stop_words, n_jobs, n_bytes
):
    if kind != "word":
        min_length, stop_words = 1, ()
    source = TextSource(
        kind, (1, 1), True, None, min_length, pack_strings([*stop_words])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", n_bytes)
        streams, words = read_corpus(source, text_buffers(documents), n_jobs)
    expected = expected_documents(documents, kind, min_length, stop_words)
    assert tokens_by_document(streams, words) == expected


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
@pytest.mark.parametrize("n_bytes", [1, 200, 10**6])
def test_token_streams_words_are_distinct_and_ascending(monkeypatch, n_jobs, n_bytes):
    monkeypatch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", n_bytes)
    documents = [f"w{i * 7919 % 500} w{i} \u00e9{i} \U00010400{i}" for i in range(500)]
    source = TextSource("word", (1, 1), False, None)
    _, words = read_corpus(source, text_buffers(documents), n_jobs)
    expected = {word for text in documents for word in re.findall(r"\w+", text)}
    assert words.tolist() == sorted(expected)


def test_token_streams_of_several_blocks_are_in_order():
    documents = [f"w{i}" for i in range(30)]
    source = TextSource("word", (1, 1), True, None)
    blocks = [block for text in documents for block in text_buffers([text])]
    streams, words = read_corpus(source, blocks, 2)
    assert tokens_by_document(streams, words) == [[[text]] for text in documents]


def test_token_streams_without_blocks():
    streams, words = read_corpus(TextSource("word", (1, 1), True, None), [], 1)
    assert streams == []
    assert len(words) == 0


def test_token_streams_unknown_words_are_marked():
    source = TextSource("word", (1, 1), True, None)
    table = WordTable()
    table.add(*pack_strings(["apple", "pear"]))
    (block,) = text_buffers(["pear plum apple"])
    tokens = read_range(source, source.analysis(block), block, 0, 1, table, False)
    assert tokens.numbers.tolist() == [1, NO_WORD, 0]
    assert len(table) == 2


def test_token_streams_of_a_part_of_a_block():
    source = TextSource("word", (1, 1), True, None)
    table = WordTable()
    (block,) = text_buffers(["a", "b c", "d", "e"])
    tokens = read_range(source, source.analysis(block), block, 1, 3, table, True)
    assert table_words(table).tolist() == ["b", "c", "d"]
    assert tokens.ends.tolist() == [2, 3]


def test_token_streams_text_that_is_not_utf8_names_its_document():
    pyarrow = pytest.importorskip("pyarrow")
    offsets = pyarrow.py_buffer(np.array([0, 1, 2], np.int32))
    column = pyarrow.StringArray.from_buffers(2, offsets, pyarrow.py_buffer(b"a\xff"))
    with pytest.raises(ValueError, match="Document 1 is not valid UTF-8"):
        read_corpus(TextSource("char", (1, 1), True, None), text_buffers(column), 1)


@some_examples
@given(st.lists(st.text(max_size=12) | st.sampled_from(WORDS)))
def test_token_streams_packed_strings_are_unpacked(strings):
    packed = pack_strings(strings)
    assert packed.tolist() == strings
    assert len(packed) == len(strings)
    assert len(packed.arena) == packed.offsets[-1] + ARENA_PADDING


@some_examples
@given(st.lists(st.text(max_size=12) | st.sampled_from(WORDS)))
def test_token_streams_words_of_a_table(strings):
    table = WordTable()
    table.add(*pack_strings(strings))
    assert table_words(table).tolist() == [*dict.fromkeys(strings)]


@some_examples
@given(st.lists(st.text(max_size=12) | st.sampled_from(WORDS)))
def test_token_streams_sorted_words_equal_reference(strings):
    distinct, ranks = sorted_words(pack_strings(strings))
    # UTF-8 has the same order as code points, even for surrogates.
    assert distinct.tolist() == sorted(set(strings))
    assert [distinct.tolist()[rank] for rank in ranks] == strings


@some_examples
@given(
    st.lists(st.lists(st.integers(0, len(WORDS) - 1), max_size=4), max_size=6),
    st.sampled_from([b"", b" ", b"::"]),
)
def test_token_streams_joined_strings_equal_reference(rows, separator):
    paths = np.full((len(rows), 4), NO_WORD, dtype=np.uint32)
    for i, row in enumerate(rows):
        paths[i, : len(row)] = row
    joined = join_strings(paths, pack_strings(WORDS), separator)
    between = separator.decode()
    assert [text.encode("utf-8", "surrogatepass") for text in joined.tolist()] == [
        between.join(WORDS[i] for i in row).encode("utf-8", "surrogatepass")
        for row in rows
    ]


@some_examples
@given(st.lists(st.integers(0, 300), max_size=40), st.integers(1, 500))
def test_token_streams_range_edges_cover_all_documents(sizes, n_bytes):
    (block,) = text_buffers(["x" * size for size in sizes])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", n_bytes)
        edges = range_edges(block)
    assert edges[0] == 0
    assert edges[-1] == len(sizes)
    if sizes:
        assert np.all(np.diff(edges) > 0)
    for start, stop in zip(edges[:-1], edges[1:]):
        cost = sum(size + BYTES_PER_DOCUMENT for size in sizes[start:stop])
        largest = max(sizes[start:stop], default=0) + BYTES_PER_DOCUMENT
        assert cost <= n_bytes + largest


@some_examples
@given(st.lists(st.integers(0, 20_000), max_size=8), st.integers(1, 4))
def test_token_streams_range_edges_of_few_documents_equal_those_of_many(sizes, n):
    """The short way for a few short texts gives what the long way gives."""
    (block,) = text_buffers(["\u4e2d" * size for size in sizes])
    edges = range_edges(block, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._lexical.tokens, "FEW_DOCUMENTS", 0)
        assert range_edges(block, n) == edges


@pytest.mark.parametrize("n_threads", [1, 2, 3, 16, 64])
@pytest.mark.parametrize("n_documents", [0, 1, 50, 1_000, 20_000])
def test_token_streams_little_text_is_cut_for_the_threads(n_threads, n_documents):
    """Each thread gets a range, unless the ranges are too small."""
    (block,) = text_buffers(["x" * 40] * n_documents)
    edges = range_edges(block, n_threads)
    cost = n_documents * (40 + BYTES_PER_DOCUMENT)
    n_ranges = len(edges) - 1
    assert edges[0] == 0
    assert edges[-1] == n_documents
    assert n_ranges >= min(n_threads, cost // MIN_BYTES_PER_RANGE)
    if n_ranges > 1:
        costs = range_costs(block, edges)
        assert costs.max() <= BYTES_PER_RANGE + 200
        assert costs[:-1].min() >= MIN_BYTES_PER_RANGE - 200


@some_examples
@given(st.lists(st.integers(0, 300), max_size=40), st.integers(1, 500), st.data())
def test_token_streams_range_costs_equal_reference(sizes, n_bytes, data):
    (block,) = text_buffers(["\u4e2d" * size for size in sizes])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", n_bytes)
        patch.setattr(sklux._lexical.tokens, "MIN_BYTES_PER_RANGE", 1)
        edges = range_edges(block, data.draw(st.integers(1, 5)))
    # A character has two bytes.
    expected = [
        sum(2 * size + BYTES_PER_DOCUMENT for size in sizes[start:stop])
        for start, stop in zip(edges[:-1], edges[1:])
    ]
    assert range_costs(block, edges).tolist() == expected
