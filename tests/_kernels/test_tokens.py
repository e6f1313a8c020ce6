"""Documents to numbers of words, at the bounds of blocks: 64 classes, 16 characters."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.tokens import (
    NO_NGRAM,
    NO_WORD,
    TokenStream,
    renumber,
    string_buffers,
)

from sklux._lexical.analysis import TextSource
from sklux._lexical.buffers import text_buffers
from sklux._lexical.tokens import read_corpus


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


@pytest.mark.parametrize("end", [1, 15, 16, 17, 62, 63, 64, 65, 66, 127, 128, 129, 192])
@pytest.mark.parametrize("behind", ["", " ", " a", "\n" * 70, "  " + "b" * 70])
@pytest.mark.parametrize("size", [1, 2, 8, 9, 64])
def test_tokens_word_that_ends_at_a_bound(end, behind, size):
    size = min(size, end)
    document = " " * (end - size) + "w" * size + behind
    for documents in ([document], [document + "\u00e9"], as_arrow([document])):
        texts = [str(text) for text in documents]
        assert words_of(documents) == expected_words(texts)


@pytest.mark.parametrize("size", [*range(50), 63, 64, 65, 127, 128, 129, 300])
def test_tokens_text_of_one_word(size):
    """The next document does not contain parts of it."""
    documents = ["w" * size, "", "x"]
    assert words_of(documents) == expected_words(documents)


@pytest.mark.parametrize(
    "odd", ["\u00e9", "\u03a3", "\U0001f34e", "\U00010400", "\ud800"]
)
@pytest.mark.parametrize("place", [*range(20), 31, 32, 33, 47, 48, 49])
def test_tokens_odd_character_among_blocks_of_ascii(odd, place):
    """Blocks of sixteen characters that are all ASCII are read at once."""
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
def test_tokens_words_equal_reference(documents, min_length):
    expected = expected_words(documents, min_length)
    assert words_of(documents, min_length) == expected
    assert words_of(as_arrow(documents), min_length) == expected


@pytest.mark.parametrize("min_length", [1, 2, 3, 9, 99])
def test_tokens_min_length_counts_characters_and_not_bytes(min_length):
    words = [c * n for c in "w\u00e9\u4e2d\U00010400" for n in range(1, 12)]
    documents = [" ".join([*words, "\U00010400" * 99, "w" * 99, "w" * 98])]
    assert words_of(documents, min_length) == expected_words(documents, min_length)


def test_tokens_many_documents_and_words():
    rng = np.random.default_rng(0)
    documents = [
        " ".join(f"w{i}" for i in rng.zipf(1.3, 50) % 10**6) for _ in range(500)
    ]
    assert words_of(documents) == expected_words(documents)


def test_tokens_string_buffers_stop_at_an_object_that_is_not_a_string():
    n = 3
    arrays = np.empty(n, np.uintp), np.empty(n, np.int64), np.empty(n, np.uint8)
    assert string_buffers(["a", "b", "c"], *arrays) == 3
    assert string_buffers(["a", None, "c"], *arrays) == 1
    assert string_buffers([], *arrays) == 0


def test_tokens_renumber_keeps_breaks():
    tokens = np.array([2, 0, NO_WORD, 1, NO_NGRAM, 2], np.uint32)
    renumber(tokens, np.array([7, NO_WORD, 5], np.uint32))
    assert tokens.tolist() == [5, 7, NO_WORD, NO_WORD, NO_NGRAM, 5]


@pytest.mark.parametrize("n", [0, 1, 63, 64, 1000])
def test_tokens_stream_accepts_tokens_found_elsewhere(n):
    stream = TokenStream()
    tokens = np.arange(n, dtype=np.uint32)
    stream.add(tokens)
    stream.add(tokens)
    out = np.empty(2 * n, dtype=np.uint32)
    stream.copy_tokens(out)
    assert len(stream) == 2 * n
    np.testing.assert_array_equal(out, np.r_[tokens, tokens])
