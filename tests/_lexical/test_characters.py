"""Rules for every character of Unicode: lower case, accents, words, blanks."""

import sys

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux._lexical.analysis import TextSource
from sklux._lexical.buffers import text_buffers
from sklux._lexical.characters import (
    MAX_GROWTH,
    PAGE,
    CharacterTables,
    changed_by,
    character_tables,
    make_tables,
)
from sklux._lexical.tokens import Strings, join_strings, pack_strings, read_corpus

RULES = [
    (lowercase, strip)
    for lowercase in (True, False)
    for strip in (None, "ascii", "unicode")
]
CHARACTERS = [*map(chr, range(sys.maxunicode + 1))]
# By the width of a character in a str; each width has its own reader.
WIDTHS = {
    "ascii": CHARACTERS[:0x80],
    "1": CHARACTERS[:0x100],
    "2": CHARACTERS[0x100:0x10000],
    "4": CHARACTERS[0x10000:],
}


def read(documents, kind, lowercase=True, strip_accents=None, min_length=1):
    """Tokens of a document, as the kernels find them, joined to one text.

    There is a blank between words, and a new line after the characters of a word.
    """
    source = TextSource(kind, (1, 1), lowercase, strip_accents, min_length)
    (stream,), words = read_corpus(source, text_buffers(documents), 1)
    # A new line as one more word; the other words do not become Python strings.
    end = words.offsets[-1]
    arena = np.concatenate([words.arena[:end], pack_strings(["\n"]).arena])
    words = Strings(arena, np.append(words.offsets, end + 1))
    path = np.minimum(stream.numbers, len(words) - 1)[np.newaxis]
    return join_strings(path, words, source.separator).tolist()[0]


def expected_of(text, kind, lowercase=True, strip_accents=None, min_length=1):
    """The same in plain Python."""
    text = reference.normalized(text, lowercase, strip_accents)
    if kind == "char":
        return reference.one_blank(text)
    parts = reference.segments(text, kind, min_length)
    if kind == "char_wb":
        return "".join("".join([*part, "\n"]) for part in parts)
    return " ".join(parts[0])


def assert_same_text(actual, expected):
    """Fail with the first difference, because the texts are long."""
    if actual == expected:
        return
    i = next((i for i, (a, b) in enumerate(zip(actual, expected)) if a != b), -1)
    around = slice(max(i - 5, 0), i + 5)
    pytest.fail(f"{actual[around]!a} instead of {expected[around]!a} at {i}")


def as_arrow(text):
    """A document as UTF-8, which cannot hold surrogates."""
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.array([text], pyarrow.large_string())


def without_surrogates(characters):
    return [c for c in characters if not "\ud800" <= c <= "\udfff"]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lowercase, strip", RULES)
def test_text_rules_normalize_every_character(width, lowercase, strip):
    text = "x".join(WIDTHS[width])
    expected = expected_of(text, "char", lowercase, strip)
    assert_same_text(read([text], "char", lowercase, strip), expected)


@pytest.mark.parametrize("lowercase, strip", [RULES[0], RULES[5]])
def test_text_rules_normalize_every_character_of_utf8(lowercase, strip):
    text = "x".join(without_surrogates(CHARACTERS))
    expected = expected_of(text, "char", lowercase, strip)
    assert_same_text(read(as_arrow(text), "char", lowercase, strip), expected)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lowercase, strip", [RULES[0], RULES[5]])
def test_text_rules_cut_words_at_every_character(width, lowercase, strip):
    text = " ".join(f"a{c}b {c}" for c in WIDTHS[width])
    expected = expected_of(text, "word", lowercase, strip)
    assert_same_text(read([text], "word", lowercase, strip), expected)


def test_text_rules_cut_words_at_every_character_of_utf8():
    text = " ".join(f"a{c}b {c}" for c in without_surrogates(CHARACTERS))
    assert_same_text(read(as_arrow(text), "word"), expected_of(text, "word"))


@pytest.mark.parametrize("min_length", [2, 3])
def test_text_rules_count_characters_and_not_bytes(min_length):
    """A word of one character has up to four bytes, a word of two up to eight."""
    text = " ".join(f"{c} {c}{c} a{c}" for c in CHARACTERS)
    expected = expected_of(text, "word", False, min_length=min_length)
    assert_same_text(read([text], "word", False, min_length=min_length), expected)


@pytest.mark.parametrize("width", WIDTHS)
def test_text_rules_split_words_at_every_white_space(width):
    text = "".join(f"a{c}b" for c in WIDTHS[width])
    assert_same_text(read([text], "char_wb"), expected_of(text, "char_wb"))


@pytest.mark.parametrize("kind", ["char", "char_wb"])
def test_text_rules_join_white_space_of_all_kinds(kind):
    blanks = [c for c in CHARACTERS if c.isspace()]
    text = "".join(f"a{c}b{c}{d}" for c in blanks for d in blanks)
    assert_same_text(read([text], kind), expected_of(text, kind))


SIGMA = "\u03a3"
CONTEXTS = {
    "before sigma": lambda c: c + SIGMA,
    "after sigma": lambda c: SIGMA + c,
    "between cased and sigma": lambda c: "A" + c + SIGMA,
    "between sigma and cased": lambda c: "A" + SIGMA + c + "A",
    "after cased and sigma": lambda c: "A" + SIGMA + c,
    "between two sigmas": lambda c: SIGMA + c + SIGMA,
    "among ignorable": lambda c: "A\u00ad" + c + "'" + SIGMA + "\u0345" + c + "B",
}


@pytest.mark.parametrize("context", CONTEXTS)
def test_text_rules_final_sigma_next_to_every_character(context):
    text = " ".join(map(CONTEXTS[context], CHARACTERS))
    assert_same_text(read([text], "char"), expected_of(text, "char"))


@pytest.mark.parametrize("context", ["after cased and sigma", "among ignorable"])
def test_text_rules_final_sigma_next_to_every_character_of_utf8(context):
    text = " ".join(map(CONTEXTS[context], without_surrogates(CHARACTERS)))
    assert_same_text(read(as_arrow(text), "char"), expected_of(text, "char"))


@pytest.mark.parametrize(
    "text", [SIGMA, "A" + SIGMA, SIGMA + "A", SIGMA * 3, "A" * 40 + SIGMA]
)
@pytest.mark.parametrize("kind", ["word", "char", "char_wb"])
def test_text_rules_final_sigma_at_the_ends_of_a_text(text, kind):
    expected = expected_of(text, kind)
    assert read([text], kind) == read(as_arrow(text), kind) == expected


def test_text_rules_sigma_is_not_final_if_case_is_kept():
    assert read(["A" + SIGMA], "word", lowercase=False) == "A" + SIGMA


@pytest.mark.parametrize("kind", ["word", "char", "char_wb"])
def test_text_rules_sigma_of_stripped_accents(kind):
    """Text becomes lower case before accents are removed, as in scikit-learn."""
    text = "\u00c1" + SIGMA + "\u0301 " + SIGMA + "\u0345" + "\u00c1"
    assert read([text], kind, True, "unicode") == expected_of(
        text, kind, True, "unicode"
    )


def test_text_rules_longest_expansion_many_times():
    """The buffer of the text grows while it is written."""
    text = "\ufdfa" * 10_000
    expected = expected_of(text, "char", True, "unicode")
    assert len(expected) == 18 * len(text)
    assert_same_text(read([text], "char", True, "unicode"), expected)


def test_text_rules_tables_are_shared_and_read_only():
    tables = character_tables(True, "ascii")
    assert character_tables(True, "ascii") is tables
    assert not any(array.flags.writeable for array in tables)


def test_text_rules_changed_by_returns_only_characters_that_change():
    assert changed_by(lambda text: text.replace("a", "bc").replace("z", "")) == {
        ord("a"): "bc",
        ord("z"): "",
    }


def test_text_rules_tables_without_a_change():
    classes = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    tables = make_tables({}, classes)
    assert not any(array.any() for array in tables.flat())
    assert tables.replacement(sys.maxunicode) == [sys.maxunicode]
    assert tables.offsets.tolist() == [0]
    assert len(tables.code_points) == 1
    # All pages are equal, and one is stored.
    assert len(tables.shifts) == len(tables.classes) == PAGE


def test_text_rules_tables_give_each_character_its_replacement():
    changed = {0: "ab", 65: "a", 0x1F34E: "", sys.maxunicode: "\0"}
    tables = make_tables(changed, np.zeros(sys.maxunicode + 1, dtype=np.uint8))
    for code_point in (*changed, 1, 66, 0x1F34F, sys.maxunicode - 1):
        expected = list(map(ord, changed.get(code_point, chr(code_point))))
        assert tables.replacement(code_point) == expected
    assert all(map(np.array_equal, tables, CharacterTables.unpacked(tables.packed())))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_text_rules_damaged_tables_are_refused_or_harmless(data):
    """Every number that the kernel follows leads somewhere."""
    tables = character_tables(True, "unicode")
    name = data.draw(st.sampled_from(CharacterTables._fields))
    array = getattr(tables, name).copy()
    place = data.draw(st.integers(0, array.size - 1))
    info = np.iinfo(array.dtype)
    array[place] = data.draw(st.integers(int(info.min), int(info.max)))
    try:
        damaged = tables._replace(**{name: array}).check()
    except ValueError as error:
        assert "table of characters is damaged" in str(error)
        return
    shifts, _ = damaged.flat()
    n_code_points = sys.maxunicode + 1
    is_expansion = shifts < -n_code_points
    found = (np.arange(n_code_points) + shifts)[~is_expansion]
    assert found.min() >= 0
    assert found.max() < n_code_points
    last_expansion = int((-1 - n_code_points - shifts[is_expansion]).max(initial=-1))
    assert last_expansion < len(damaged.offsets) - 1
    assert damaged.offsets[-1] <= len(damaged.code_points)
    assert damaged.code_points.max() < n_code_points


def test_text_rules_tables_refuse_a_long_expansion():
    with pytest.raises(
        ValueError,
        match=f"replaces 'a' by 'x+', which has more than {MAX_GROWTH // 4} characters",
    ):
        make_tables({97: "x" * (MAX_GROWTH + 1)}, np.zeros(1, dtype=np.uint8))
