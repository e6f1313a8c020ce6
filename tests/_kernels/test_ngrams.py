"""Counts of words and n-grams against plain loops."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.ngrams import NgramCounter, count_short_segments, count_words
from sklux._kernels.tokens import NO_NGRAM
from strategies import token_documents

UNKNOWN = 0xFFFFFFFF


def as_stream(documents):
    """Documents of segments of letters as numbers, with a break after each segment."""
    numbers, ends = [], []
    for document in documents:
        for segment in document:
            numbers += ["abcd".index(c) for c in segment] + [NO_NGRAM]
        ends.append(len(numbers))
    return np.array(numbers, np.uint32), np.array(ends, np.int64)


def count_ngrams(documents, max_n, start=0, stop=4):
    """tf and df of the n-grams of order 2 to max_n that begin in a range of words."""
    tokens, ends = as_stream(documents)
    prefixes = np.full(len(tokens), UNKNOWN, dtype=np.uint32)
    no_marks, ranks = np.empty(0, np.uint8), np.empty(0, np.uint32)
    shorter, tf, df = [("a",), ("b",), ("c",), ("d",)], {}, {}
    for order in range(2, max_n + 1):
        counter = NgramCounter(start, stop, order)
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
def test_ngram_counts_equal_reference(documents, max_n):
    tf, df = reference.ngram_counts(documents, (2, max_n))
    assert count_ngrams(documents, max_n) == (dict(tf), dict(df))


@settings(max_examples=100, deadline=None)
@given(token_documents, st.integers(0, 4), st.integers(2, 4))
def test_ngrams_of_a_range_of_first_words(documents, middle, max_n):
    whole = count_ngrams(documents, max_n)
    parts = [
        count_ngrams(documents, max_n, *bounds) for bounds in ((0, middle), (middle, 4))
    ]
    for counts, first, second in zip(whole, *parts):
        assert first | second == counts
        assert not first.keys() & second.keys()


@pytest.mark.parametrize("n", [1, 2, 62, 63, 64, 65, 66, 128, 129, 130, 5000])
def test_ngrams_in_batches(n):
    """Occurrences are counted in batches of 64; the last batch may be smaller."""
    rng = np.random.default_rng(n)
    document = [rng.choice([*"abcd"], n).tolist()]
    tf, df = reference.ngram_counts([document, document], (2, 3))
    assert count_ngrams([document, document], 3) == (dict(tf), dict(df))


def test_ngram_table_grows():
    """More pairs than the first table can hold, of words with large numbers."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 2**31, 30_000).astype(np.uint32)
    counter = NgramCounter(0, 2**31, 2)
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
def test_ngrams_word_counts_equal_reference(documents, start, stop):
    expected_tf, expected_df = reference.ngram_counts(documents, (1, 1))
    tf, df = np.zeros(4, np.int64), np.zeros(4, np.uint32)
    last = np.full(4, UNKNOWN, dtype=np.uint32)
    count_words(*as_stream(documents), 5, start, stop, tf, df, last)
    in_range = [start <= i < stop for i in range(4)]
    for counts, expected in ((tf, expected_tf), (df, expected_df)):
        assert counts.tolist() == [
            expected[(c,)] * inside for c, inside in zip("abcd", in_range)
        ]


@settings(max_examples=100, deadline=None)
@given(token_documents, st.integers(1, 6))
def test_ngrams_short_segments_are_marked(documents, length):
    tokens, ends = as_stream(documents)
    marks = np.zeros(len(tokens), dtype=np.uint8)
    count_short_segments(tokens, ends, length, marks)
    expected = []
    for document in documents:
        for segment in document:
            expected += [len(segment) == length] + [False] * len(segment)
    assert marks.astype(bool).tolist() == expected
