"""Words to word pieces: the longest piece first, against a plain loop."""

import string

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.tokens import CLASS_BITS, Analysis, TokenStream, string_buffers
from sklux._kernels.wordpiece import PieceTrie
from sklux._kernels.words import WordTable

from sklux._lexical.characters import CharacterTables
from sklux._lexical.tokens import pack_strings

UNKNOWN_PIECE = "[UNK]"
PIECES = [UNKNOWN_PIECE, "a", "b", "ab", "abc", "##a", "##b", "##bc", "##\u00e9", "."]


def ascii_tables():
    """Every character stays as it is; classes of white space and punctuation."""
    classes = np.zeros(0x110000, dtype=np.uint8)
    for name, characters in (
        ("space", string.whitespace),
        ("punctuation", string.punctuation),
    ):
        classes[[ord(c) for c in characters]] = CLASS_BITS[name]
    targets = np.arange(0x110000, dtype=np.int32)
    offsets, code_points = np.zeros(1, np.int64), np.zeros(1, np.uint32)
    return CharacterTables.of(targets, classes, offsets, code_points)


TABLES = ascii_tables()


def make_trie(pieces, max_characters=100, marks=()):
    unknown = pieces.index(UNKNOWN_PIECE)
    return PieceTrie(
        *pack_strings(pieces), b"##", unknown, max_characters, *pack_strings([*marks])
    )


def read(trie, documents, is_careful=False):
    """Numbers of the pieces of each document, and the status of the reading."""
    analysis = Analysis("piece", 1, 0, False, False, TABLES, trie, is_careful)
    n, stream = len(documents), TokenStream()
    buffers = np.empty(n, np.uintp), np.empty(n, np.int64), np.empty(n, np.uint8)
    string_buffers(documents, *buffers)
    ends = np.zeros(n, dtype=np.int64)
    n_read, status = stream.read(analysis, WordTable(), False, *buffers, ends)
    numbers = np.empty(len(stream), dtype=np.uint32)
    stream.copy_tokens(numbers)
    return np.split(numbers, ends[: max(n_read - 1, 0)])[:n_read], status


def pieces_of(document, **params):
    (numbers,), status = read(make_trie(PIECES, **params), [document])
    assert status is None
    return [PIECES[number] for number in numbers]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("", []),
        (" \n\t", []),
        ("a", ["a"]),
        ("ab abc", ["ab", "abc"]),
        ("abbc", ["ab", "##bc"]),
        ("aab.a", ["a", "##a", "##b", ".", "a"]),
        # 'abc' is longer than 'ab', although no piece continues it with 'c'.
        ("abcc", [UNKNOWN_PIECE]),
        ("c", [UNKNOWN_PIECE]),
        ("a ac b", ["a", UNKNOWN_PIECE, "b"]),
        ("a\u00e9", ["a", "##\u00e9"]),
        ("!", [UNKNOWN_PIECE]),
    ],
)
def test_wordpiece_by_hand(document, expected):
    assert pieces_of(document) == expected


@pytest.mark.parametrize(("n", "is_known"), [(3, True), (4, False)])
def test_wordpiece_longer_words_are_unknown(n, is_known):
    """The length counts characters, not bytes."""
    expected = ["a", *["##\u00e9"] * (n - 1)] if is_known else [UNKNOWN_PIECE]
    assert pieces_of("a" + "\u00e9" * (n - 1), max_characters=3) == expected


texts = st.text("abc", max_size=6)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(texts | texts.map("##".__add__), unique=True, max_size=12),
    st.lists(st.text("abc ", max_size=20), min_size=1, max_size=4),
    st.integers(1, 8),
)
def test_wordpiece_equals_reference(pieces, documents, max_characters):
    pieces = [UNKNOWN_PIECE, *pieces]
    found, status = read(make_trie(pieces, max_characters), documents)
    assert status is None
    for numbers, document in zip(found, documents, strict=True):
        expected = []
        for word in document.split():
            expected += reference.word_pieces(
                word, pieces, UNKNOWN_PIECE, max_characters
            )
        assert [pieces[number] for number in numbers] == expected


def test_wordpiece_reading_stops_at_a_mark_unless_the_caller_is_careful():
    trie = make_trie(PIECES, marks=["[X]", "<s>"])
    found, status = read(trie, ["a [ b", "a [X]", "b"])
    assert (len(found), status) == (1, "care")
    found, status = read(trie, ["a [X]", "<s>", "b"], is_careful=True)
    assert (len(found), status) == (3, None)


def test_wordpiece_trie_is_built_once():
    trie = make_trie(PIECES)
    with pytest.raises(ValueError, match="a PieceTrie is built once"):
        trie.__init__(*pack_strings(PIECES), b"##", 0, 100, *pack_strings([]))
