"""Kernels of the lexical stage at the bounds of their blocks, keys and tables."""

import re

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import token_documents

from sklux._kernels import ngrams as _ngrams
from sklux._kernels import tokens as _tokens
from sklux._kernels import words as _words
from sklux._lexical.analysis import TextSource
from sklux._lexical.buffers import text_buffers
from sklux._lexical.tokens import pack_strings, read_corpus, table_words

UNKNOWN = 0xFFFFFFFF


def words_of(documents, min_length=1):
    """Words of each document, as the kernels find them."""
    source = TextSource("word", (1, 1), True, None, min_length)
    (stream,), words = read_corpus(source, text_buffers(documents), 1)
    names = words.tolist()
    parts = np.split(stream.numbers, stream.ends[:-1])
    return [[names[number] for number in part] for part in parts]


def expected_words(documents, min_length=1):
    pattern = rf"\w{{{min_length},}}"
    return [re.findall(pattern, text.lower()) for text in documents]


def as_arrow(documents):
    return pytest.importorskip("pyarrow").array(documents)


# Words and their table.

# Around the eight bytes that are their own key, and around two loads of eight.
SIZES = [0, 1, 6, 7, 8, 9, 10, 15, 16, 17, 18, 23, 24, 25, 64, 65, 4095, 4096, 5000]


def find(table, words):
    numbers = np.empty(len(words), dtype=np.uint32)
    table.find(*pack_strings(words), numbers)
    return numbers.tolist()


@pytest.mark.parametrize("size", SIZES)
def test_lexical_kernels_words_that_differ_in_one_byte(size):
    """At the end, at the start, and in the middle."""
    words = ["x" * size]
    for place in {0, size // 2, size - 1} if size else ():
        words.append("x" * place + "y" + "x" * (size - place - 1))
    words = [*dict.fromkeys(words), "x" * (size + 1)]
    table = _words.WordTable()
    table.add(*pack_strings(words))
    assert find(table, words) == [*range(len(words))]
    assert table_words(table).tolist() == words


@pytest.mark.parametrize("size", SIZES)
def test_lexical_kernels_words_that_end_in_nul(size):
    words = ["x" * size + "\x00" * n for n in range(10)]
    table = _words.WordTable()
    table.add(*pack_strings(words))
    assert find(table, words) == [*range(10)]
    assert find(table, ["\x00" + "x" * size]) == [1 if size == 0 else UNKNOWN]


def test_lexical_kernels_words_among_other_bytes():
    """What stands before and behind a word in the arena is not part of it."""
    table = _words.WordTable()
    table.add(*pack_strings(["abc"]))
    arena = np.frombuffer(b"zabczzzzzzzzzzzz", dtype=np.uint8)
    number = np.empty(1, dtype=np.uint32)
    table.find(arena, np.array([1, 4]), number)
    assert number.tolist() == [0]


def test_lexical_kernels_known_words_keep_their_numbers():
    table = _words.WordTable()
    for words in (["b", "a", "b"], ["c", "a"], []):
        table.add(*pack_strings(words))
    assert table_words(table).tolist() == ["b", "a", "c"]


def test_lexical_kernels_table_grows():
    words = [f"{i}" * (1 + i % 5) for i in range(20_000)]
    distinct = [*dict.fromkeys(words)]
    table = _words.WordTable()
    table.add(*pack_strings(words))
    assert len(table) == len(distinct)
    assert find(table, distinct) == [*range(len(distinct))]
    assert find(table, ["none", "", "1234567890"]) == [UNKNOWN] * 3
    assert table.n_bytes() == sum(map(len, distinct))


def test_lexical_kernels_empty_table_knows_no_word():
    table = _words.WordTable()
    assert len(table) == table.n_bytes() == 0
    assert find(table, ["", "a"]) == [UNKNOWN] * 2


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab\x00\u00e9", max_size=20)))
def test_lexical_kernels_ranks_equal_reference(words):
    ranks = np.empty(len(words), dtype=np.uint32)
    firsts = np.empty(len(words), dtype=np.int64)
    n_distinct = _words.rank_words(*pack_strings(words), ranks, firsts)
    distinct = sorted(set(words))
    assert n_distinct == len(distinct)
    assert ranks.tolist() == [distinct.index(word) for word in words]
    assert [words[first] for first in firsts[:n_distinct]] == distinct


# Documents and their words: blocks of 64 bytes of classes, 16 units of text.


@pytest.mark.parametrize("end", [1, 15, 16, 17, 62, 63, 64, 65, 66, 127, 128, 129, 192])
@pytest.mark.parametrize("behind", ["", " ", " a", "\n" * 70, "  " + "b" * 70])
@pytest.mark.parametrize("size", [1, 2, 8, 9, 64])
def test_lexical_kernels_words_that_end_at_a_bound(end, behind, size):
    size = min(size, end)
    document = " " * (end - size) + "w" * size + behind
    for documents in ([document], [document + "\u00e9"], as_arrow([document])):
        texts = [str(text) for text in documents]
        assert words_of(documents) == expected_words(texts)


@pytest.mark.parametrize("size", [*range(50), 63, 64, 65, 127, 128, 129, 300])
def test_lexical_kernels_text_of_one_word(size):
    """And the next document does not see it."""
    documents = ["w" * size, "", "x"]
    assert words_of(documents) == expected_words(documents)


@pytest.mark.parametrize(
    "odd", ["\u00e9", "\u03a3", "\U0001f34e", "\U00010400", "\ud800"]
)
@pytest.mark.parametrize("place", [*range(20), 31, 32, 33, 47, 48, 49])
def test_lexical_kernels_odd_character_among_blocks_of_ascii(odd, place):
    """Sixteen ASCII characters are read at once where all of them are."""
    text = "The Quick 12_ab, CD efGH; ijK lm-NO pq Rs\x00tU vw.XY Z! Ab Cd"
    document = text[:place] + odd + text[place:]
    assert words_of([document]) == expected_words([document])
    if odd != "\ud800":
        assert words_of(as_arrow([document])) == expected_words([document])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.text("abAB1_ .\n", max_size=80)
        | st.text("aB \u00e9\u03a3\U00010400\U0001f34e", max_size=80),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 10),
)
def test_lexical_kernels_words_equal_reference(documents, min_length):
    expected = expected_words(documents, min_length)
    assert words_of(documents, min_length) == expected
    assert words_of(as_arrow(documents), min_length) == expected


@pytest.mark.parametrize("min_length", [1, 2, 3, 9, 99])
def test_lexical_kernels_least_length_of_words_in_characters(min_length):
    words = [c * n for c in "w\u00e9\u4e2d\U00010400" for n in range(1, 12)]
    documents = [" ".join([*words, "\U00010400" * 99, "w" * 99, "w" * 98])]
    assert words_of(documents, min_length) == expected_words(documents, min_length)


def test_lexical_kernels_many_documents_and_words():
    rng = np.random.default_rng(0)
    documents = [
        " ".join(f"w{i}" for i in rng.zipf(1.3, 50) % 10**6) for _ in range(500)
    ]
    assert words_of(documents) == expected_words(documents)


def test_lexical_kernels_buffers_stop_at_what_is_no_string():
    n = 3
    arrays = np.empty(n, np.uintp), np.empty(n, np.int64), np.empty(n, np.uint8)
    assert _tokens.string_buffers(["a", "b", "c"], *arrays) == 3
    assert _tokens.string_buffers(["a", None, "c"], *arrays) == 1
    assert _tokens.string_buffers([], *arrays) == 0


def test_lexical_kernels_renumber_leaves_marks_alone():
    tokens = np.array([2, 0, _tokens.NO_WORD, 1, _tokens.NO_NGRAM, 2], np.uint32)
    _tokens.renumber(tokens, np.array([7, _tokens.NO_WORD, 5], np.uint32))
    no_word, no_ngram = _tokens.NO_WORD, _tokens.NO_NGRAM
    assert tokens.tolist() == [5, 7, no_word, no_word, no_ngram, 5]


@pytest.mark.parametrize("n", [0, 1, 63, 64, 1000])
def test_lexical_kernels_stream_takes_tokens_found_elsewhere(n):
    stream = _tokens.TokenStream()
    tokens = np.arange(n, dtype=np.uint32)
    stream.add(tokens)
    stream.add(tokens)
    out = np.empty(2 * n, dtype=np.uint32)
    stream.copy_tokens(out)
    assert len(stream) == 2 * n
    np.testing.assert_array_equal(out, np.r_[tokens, tokens])


# Counts of words and n-grams.


def as_stream(documents):
    """Documents of segments of letters as numbers, with a break behind each."""
    numbers, ends = [], []
    for document in documents:
        for segment in document:
            numbers += ["abcd".index(c) for c in segment] + [_tokens.NO_NGRAM]
        ends.append(len(numbers))
    return np.array(numbers, np.uint32), np.array(ends, np.int64)


def count_ngrams(documents, max_n, start=0, stop=4):
    """tf and df of the n-grams of order 2 to max_n that begin in a range of words."""
    tokens, ends = as_stream(documents)
    prefixes = np.full(len(tokens), UNKNOWN, dtype=np.uint32)
    no_marks, ranks = np.empty(0, np.uint8), np.empty(0, np.uint32)
    shorter, tf, df = [("a",), ("b",), ("c",), ("d",)], {}, {}
    for order in range(2, max_n + 1):
        counter = _ngrams.NgramCounter(start, stop, order)
        counter.count(tokens, ends, 0, prefixes, no_marks, True)
        n = len(counter)
        prefix_ranks, ranks = ranks, np.empty(n, np.uint32)
        parents, words = np.empty(n, np.uint32), np.empty(n, np.uint32)
        counts = np.empty(n, np.int64), np.empty(n, np.uint32)
        counter.sort(prefix_ranks, ranks, parents, words, *counts)
        names = [(*shorter[p], "abcd"[w]) for p, w in zip(parents, words)]
        assert names == sorted(names)
        tf |= dict(zip(names, counts[0].tolist()))
        df |= dict(zip(names, counts[1].tolist()))
        shorter = names
    return tf, df


@settings(max_examples=200, deadline=None)
@given(token_documents, st.integers(2, 6))
def test_lexical_kernels_ngram_counts_equal_reference(documents, max_n):
    tf, df = reference.ngram_counts(documents, (2, max_n))
    assert count_ngrams(documents, max_n) == (dict(tf), dict(df))


@settings(max_examples=100, deadline=None)
@given(token_documents, st.integers(0, 4), st.integers(2, 4))
def test_lexical_kernels_ngrams_of_a_range_of_first_words(documents, middle, max_n):
    whole = count_ngrams(documents, max_n)
    parts = [
        count_ngrams(documents, max_n, *bounds) for bounds in ((0, middle), (middle, 4))
    ]
    for counts, first, second in zip(whole, *parts):
        assert first | second == counts
        assert not first.keys() & second.keys()


@pytest.mark.parametrize("n", [1, 2, 62, 63, 64, 65, 66, 128, 129, 130, 5000])
def test_lexical_kernels_ngrams_in_batches(n):
    """Occurrences are counted in batches of 64, the last one as it is left."""
    rng = np.random.default_rng(n)
    document = [rng.choice([*"abcd"], n).tolist()]
    tf, df = reference.ngram_counts([document, document], (2, 3))
    assert count_ngrams([document, document], 3) == (dict(tf), dict(df))


def test_lexical_kernels_ngram_table_grows():
    """More pairs than a first table has room for, with words of large numbers."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 2**31, 30_000).astype(np.uint32)
    counter = _ngrams.NgramCounter(0, 2**31, 2)
    ends = np.array([len(tokens)], np.int64)
    no_prefixes, no_marks = np.empty(0, np.uint32), np.empty(0, np.uint8)
    for _ in range(2):
        counter.count(tokens, ends, 0, no_prefixes, no_marks, False)
    pairs = sorted(set(zip(tokens[:-1].tolist(), tokens[1:].tolist())))
    n = len(counter)
    parents, words = np.empty(n, np.uint32), np.empty(n, np.uint32)
    tf, df = np.empty(n, np.int64), np.empty(n, np.uint32)
    counter.sort(no_prefixes, np.empty(0, np.uint32), parents, words, tf, df)
    assert list(zip(parents.tolist(), words.tolist())) == pairs
    assert tf.sum() == 2 * (len(tokens) - 1)
    assert set(df.tolist()) == {1}


@settings(max_examples=100, deadline=None)
@given(token_documents, st.integers(0, 4), st.integers(0, 4))
def test_lexical_kernels_word_counts_equal_reference(documents, start, stop):
    expected_tf, expected_df = reference.ngram_counts(documents, (1, 1))
    tf, df = np.zeros(4, np.int64), np.zeros(4, np.uint32)
    last = np.full(4, UNKNOWN, dtype=np.uint32)
    _ngrams.count_words(*as_stream(documents), 5, start, stop, tf, df, last)
    in_range = [start <= i < stop for i in range(4)]
    for counts, expected in ((tf, expected_tf), (df, expected_df)):
        assert counts.tolist() == [
            expected[(c,)] * inside for c, inside in zip("abcd", in_range)
        ]


@settings(max_examples=100, deadline=None)
@given(token_documents, st.integers(1, 6))
def test_lexical_kernels_short_segments_are_marked(documents, length):
    tokens, ends = as_stream(documents)
    marks = np.zeros(len(tokens), dtype=np.uint8)
    _ngrams.count_short_segments(tokens, ends, length, marks)
    expected = []
    for document in documents:
        for segment in document:
            expected += [len(segment) == length] + [False] * len(segment)
    assert marks.astype(bool).tolist() == expected
