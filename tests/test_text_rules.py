"""What becomes of every character there is: lower case, accents, words, blanks."""

import re
import sys

import numpy as np
import pytest
import reference

from sklux._analysis import TextSource
from sklux._text_buffers import text_buffers
from sklux._text_rules import MAX_GROWTH, changed_by, character_tables, make_tables
from sklux._token_streams import read_corpus

RULES = [
    (lowercase, strip)
    for lowercase in (True, False)
    for strip in (None, "ascii", "unicode")
]
CHARACTERS = [*map(chr, range(sys.maxunicode + 1))]
# By the width of a character in a str: each width has a reader of its own.
WIDTHS = {
    "ascii": CHARACTERS[:0x80],
    "1": CHARACTERS[:0x100],
    "2": CHARACTERS[0x100:0x10000],
    "4": CHARACTERS[0x10000:],
}


def tokens_of(documents, kind, lowercase=True, strip_accents=None, min_length=1):
    """Tokens of all documents, as the kernels find them; None where n-grams break."""
    source = TextSource(kind, (1, 1), lowercase, strip_accents, min_length)
    streams, words = read_corpus(source, text_buffers(documents), 1)
    names = np.array([*words.tolist(), None], dtype=object)
    numbers = np.concatenate([stream.numbers for stream in streams])
    return names[np.minimum(numbers, len(words))].tolist()


def assert_same_tokens(actual, expected):
    """Fail with the first token that differs; the lists are long."""
    for i, (ours, theirs) in enumerate(zip(actual, expected)):
        if ours != theirs:
            around = slice(max(i - 2, 0), i + 3)
            pytest.fail(f"{actual[around]!a} instead of {expected[around]!a}")
    assert len(actual) == len(expected)


def as_arrow(text):
    """A document as UTF-8, which has no surrogates."""
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.array([text], pyarrow.large_string())


def without_surrogates(characters):
    return [c for c in characters if not "\ud800" <= c <= "\udfff"]


def flat(segments):
    """Tokens of segments, with None behind each."""
    return [token for segment in segments for token in [*segment, None]]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lowercase, strip", RULES)
def test_text_rules_normalize_every_character(width, lowercase, strip):
    text = "x".join(WIDTHS[width])
    expected = reference.normalized(text, lowercase, strip)
    assert_same_tokens(
        tokens_of([text], "char", lowercase, strip),
        reference.segments(expected, "char")[0],
    )


@pytest.mark.parametrize("lowercase, strip", RULES)
def test_text_rules_normalize_every_character_of_utf8(lowercase, strip):
    text = "x".join(without_surrogates(CHARACTERS))
    expected = reference.normalized(text, lowercase, strip)
    assert_same_tokens(
        tokens_of(as_arrow(text), "char", lowercase, strip),
        reference.segments(expected, "char")[0],
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lowercase, strip", [RULES[0], RULES[2], RULES[4]])
def test_text_rules_cut_words_at_every_character(width, lowercase, strip):
    text = " ".join(f"a{c}b {c}" for c in WIDTHS[width])
    expected = reference.normalized(text, lowercase, strip)
    assert_same_tokens(
        tokens_of([text], "word", lowercase, strip), re.findall(r"\w+", expected)
    )


def test_text_rules_cut_words_at_every_character_of_utf8():
    text = " ".join(f"a{c}b {c}" for c in without_surrogates(CHARACTERS))
    assert_same_tokens(
        tokens_of(as_arrow(text), "word"), re.findall(r"\w+", text.lower())
    )


@pytest.mark.parametrize("min_length", [2, 3])
def test_text_rules_count_characters_and_not_bytes(min_length):
    """A word of one character has up to four bytes, of two up to eight."""
    text = " ".join(f"{c} {c}{c} a{c}" for c in CHARACTERS)
    expected = re.findall(rf"\w{{{min_length},}}", text)
    assert_same_tokens(
        tokens_of([text], "word", lowercase=False, min_length=min_length), expected
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_text_rules_part_words_at_every_white_space(width):
    text = "".join(f"a{c}b" for c in WIDTHS[width])
    expected = reference.segments(text, "char_wb")
    assert_same_tokens(tokens_of([text], "char_wb", lowercase=False), flat(expected))


@pytest.mark.parametrize("kind", ["char", "char_wb"])
def test_text_rules_join_white_space_of_all_kinds(kind):
    blanks = [c for c in CHARACTERS if c.isspace()]
    text = "".join(f"a{c}b{c}{d}" for c in blanks for d in blanks)
    segments = reference.segments(text, kind)
    expected = segments[0] if kind == "char" else flat(segments)
    assert_same_tokens(tokens_of([text], kind, lowercase=False), expected)


SIGMA = "\u03a3"
CONTEXTS = {
    "before": lambda c: c + SIGMA,
    "behind": lambda c: SIGMA + c,
    "between cased and sigma": lambda c: "A" + c + SIGMA,
    "between sigma and cased": lambda c: "A" + SIGMA + c + "A",
    "behind cased and sigma": lambda c: "A" + SIGMA + c,
    "between two sigmas": lambda c: SIGMA + c + SIGMA,
    "among ignorable ones": lambda c: "A\u00ad" + c + "'" + SIGMA + "\u0345" + c + "B",
}


@pytest.mark.parametrize("context", CONTEXTS)
def test_text_rules_final_sigma_beside_every_character(context):
    text = " ".join(map(CONTEXTS[context], CHARACTERS))
    expected = reference.segments(text.lower(), "char")[0]
    assert_same_tokens(tokens_of([text], "char"), expected)


@pytest.mark.parametrize("context", CONTEXTS)
def test_text_rules_final_sigma_beside_every_character_of_utf8(context):
    text = " ".join(map(CONTEXTS[context], without_surrogates(CHARACTERS)))
    expected = reference.segments(text.lower(), "char")[0]
    assert_same_tokens(tokens_of(as_arrow(text), "char"), expected)


@pytest.mark.parametrize(
    "text", [SIGMA, "A" + SIGMA, SIGMA + "A", SIGMA * 3, "A" * 40 + SIGMA]
)
@pytest.mark.parametrize("kind", ["word", "char"])
def test_text_rules_final_sigma_at_the_ends_of_a_text(text, kind):
    expected = reference.segments(text.lower(), kind)[0]
    assert tokens_of([text], kind) == tokens_of(as_arrow(text), kind) == expected


def test_text_rules_sigma_is_not_final_where_case_is_kept():
    assert tokens_of(["A" + SIGMA], "word", lowercase=False) == ["A" + SIGMA]


@pytest.mark.parametrize("kind", ["word", "char", "char_wb"])
def test_text_rules_sigma_of_stripped_accents(kind):
    """The lower case is taken before the accents go, as in scikit-learn."""
    text = "\u00c1" + SIGMA + "\u0301 " + SIGMA + "\u0345" + "\u00c1"
    expected = reference.segments(reference.normalized(text, True, "unicode"), kind)
    assert [t for t in tokens_of([text], kind, True, "unicode") if t is not None] == [
        token for segment in expected for token in segment
    ]


def test_text_rules_longest_expansion_stays_within_the_room_that_is_kept():
    """A text of nothing but the character that grows most, again and again."""
    longest = max(
        CHARACTERS, key=lambda c: len(reference.normalized(c, True, "unicode"))
    )
    text = longest * 10_000
    expected = reference.normalized(text, True, "unicode")
    assert_same_tokens(
        tokens_of([text], "char", True, "unicode"),
        reference.segments(expected, "char")[0],
    )


def test_text_rules_tables_are_made_once_and_read_only():
    tables = character_tables(True, "ascii")
    assert character_tables(True, "ascii") is tables
    assert not any(array.flags.writeable for array in tables)


def test_text_rules_changed_by_names_the_characters_that_change():
    assert changed_by(lambda text: text.replace("a", "bc").replace("z", "")) == {
        ord("a"): "bc",
        ord("z"): "",
    }


def test_text_rules_tables_of_no_change():
    classes = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    targets, _, offsets, code_points = make_tables({}, classes)
    np.testing.assert_array_equal(targets, np.arange(sys.maxunicode + 1))
    assert offsets.tolist() == [0]
    assert len(code_points) == 1


def test_text_rules_tables_refuse_a_character_that_grows_too_much():
    with pytest.raises(ValueError, match=f"longer than {MAX_GROWTH} bytes"):
        make_tables({97: "x" * (MAX_GROWTH + 1)}, np.zeros(1, dtype=np.uint8))
