"""The table of words, and the order of words, against dicts and `sorted`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.words import WordTable, join_words, rank_words

from sklux._lexical.tokens import pack_strings, table_words

UNKNOWN = 0xFFFFFFFF
# Around eight bytes, which are their own key, and around two loads of eight bytes.
SIZES = [0, 1, 6, 7, 8, 9, 10, 15, 16, 17, 18, 23, 24, 25, 64, 65, 4095, 4096, 5000]


def find(table, words):
    numbers = np.empty(len(words), dtype=np.uint32)
    table.find(*pack_strings(words), numbers)
    return numbers.tolist()


@pytest.mark.parametrize("size", SIZES)
def test_words_that_differ_in_one_byte(size):
    """In their first, middle or last byte."""
    words = ["x" * size]
    for place in {0, size // 2, size - 1} if size else ():
        words.append("x" * place + "y" + "x" * (size - place - 1))
    words = [*dict.fromkeys(words), "x" * (size + 1)]
    table = WordTable()
    table.add(*pack_strings(words))
    assert find(table, words) == [*range(len(words))]
    assert table_words(table).tolist() == words


@pytest.mark.parametrize("size", SIZES)
def test_words_that_end_in_nul(size):
    words = ["x" * size + "\x00" * n for n in range(10)]
    table = WordTable()
    table.add(*pack_strings(words))
    assert find(table, words) == [*range(10)]
    assert find(table, ["\x00" + "x" * size]) == [1 if size == 0 else UNKNOWN]


def test_words_among_other_bytes():
    """The bytes before and after a word in the arena are not part of the word."""
    table = WordTable()
    table.add(*pack_strings(["abc"]))
    arena = np.frombuffer(b"zabczzzzzzzzzzzz", dtype=np.uint8)
    number = np.empty(1, dtype=np.uint32)
    table.find(arena, np.array([1, 4]), number)
    assert number.tolist() == [0]


def test_words_in_the_table_keep_their_numbers():
    table = WordTable()
    for words in (["b", "a", "b"], ["c", "a"], []):
        table.add(*pack_strings(words))
    assert table_words(table).tolist() == ["b", "a", "c"]


def test_words_table_grows():
    words = [f"{i}" * (1 + i % 5) for i in range(20_000)]
    distinct = [*dict.fromkeys(words)]
    table = WordTable()
    table.add(*pack_strings(words))
    assert len(table) == len(distinct)
    assert find(table, distinct) == [*range(len(distinct))]
    assert find(table, ["none", "", "1234567890"]) == [UNKNOWN] * 3
    assert table.n_bytes() == sum(map(len, distinct))


def test_words_empty_table_has_no_word():
    table = WordTable()
    assert len(table) == table.n_bytes() == 0
    assert find(table, ["", "a"]) == [UNKNOWN] * 2


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab\x00\u00e9", max_size=20)))
def test_words_ranks_equal_reference(words):
    ranks = np.empty(len(words), dtype=np.uint32)
    firsts = np.empty(len(words), dtype=np.int64)
    n_distinct = rank_words(*pack_strings(words), ranks, firsts)
    distinct = sorted(set(words))
    assert n_distinct == len(distinct)
    assert ranks.tolist() == [distinct.index(word) for word in words]
    assert [words[first] for first in firsts[:n_distinct]] == distinct


def test_words_joined_to_terms():
    words = ["a", "", "b\u00e9"]
    paths = np.array([[0, UNKNOWN], [0, 2], [1, 1], [2, 0]], dtype=np.uint32)
    offsets = np.empty(5, dtype=np.int64)
    # The first call computes only the offsets.
    join_words(paths, *pack_strings(words), b"--", np.empty(0, np.uint8), offsets)
    out = np.empty(offsets[-1], dtype=np.uint8)
    join_words(paths, *pack_strings(words), b"--", out, offsets)
    terms = [out.tobytes()[i:j].decode() for i, j in zip(offsets, offsets[1:])]
    assert terms == ["a", "a--b\u00e9", "--", "b\u00e9--a"]
