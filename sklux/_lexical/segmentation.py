"""Words of all scripts: the rules of ``segmentation='unicode'``.

    text -> normal form NFC -> lower case, without format characters -> words

Words keep their marks, which are letters in the scripts of India, Thailand and many
other countries. Scripts without spaces have no words that a rule could find. There each
letter with its marks is a word, so a pair of words is a bigram of letters, and `EDGE`
stands at the ends of a run of letters.

The rules differ from Unicode Standard Annex 29 [1]_ in two points: all signs,
such as the apostrophe, end a word, as they do with the pattern ``\\w+``; and the
letters of katakana are separate words.

References
----------
.. [1] Unicode Standard Annex 29, Unicode Text Segmentation,
   https://www.unicode.org/reports/tr29/
"""

import re
import string
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import Literal

import numpy as np

from sklux._kernels.tokens import (
    CLASS_BITS,
    COMPOSING_CHANGES,
    COMPOSING_FIRST,
    COMPOSING_SECOND,
    EDGE,
)
from sklux._lexical.characters import (
    N_CODE_POINTS,
    CharacterTables,
    PagedBytes,
    changed_by,
    character_classes,
    make_tables,
    paged,
    replaced_characters,
)

# Scripts that put no spaces between words, as ranges of code points.
SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Lanna
    (0x3005, 0x3007),  # marks that repeat or replace an ideograph
    (0x3021, 0x3029),  # numerals of Hangzhou
    (0x3031, 0x312F),  # repetition marks, hiragana, katakana, bopomofo
    (0x31A0, 0x31FF),  # bopomofo, katakana
    (0x3400, 0x4DBF),  # ideographs
    (0x4E00, 0x9FFF),  # ideographs
    (0xA9E0, 0xA9FF),  # Burmese
    (0xAA60, 0xAADF),  # Burmese, Tai Viet
    (0xF900, 0xFAFF),  # ideographs
    (0xFF66, 0xFF9F),  # katakana of half width
    (0x1AFF0, 0x1B16F),  # kana
    (0x20000, 0x3FFFD),  # ideographs
)
# Marks that word pieces leave out: accents, and vowels that Hebrew and Arabic may omit.
OPTIONAL_MARKS = (
    (0x0300, 0x036F),
    (0x0483, 0x0487),
    (0x0591, 0x05C7),
    (0x0610, 0x061A),
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06ED),
    (0x0711, 0x0711),
    (0x0730, 0x074A),
    (0x08CA, 0x08FF),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)
# They select the picture of a sign, such as an emoji.
VARIATION_SELECTORS = ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
# It has the category of format characters, but separates words.
ZERO_WIDTH_SPACE = "\u200b"
REPLACEMENT = "\ufffd"


def normal_form(text: str) -> str:
    """Return a text in the normal form NFC.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The same characters, composed where Unicode has a composed character.
    """
    return unicodedata.normalize("NFC", text)


def without_format(text: str) -> str:
    """Return a text without format characters, such as joiners and soft hyphens.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Without characters of the category Cf, except zero width spaces.
    """
    return text.translate(_format_characters())


@cache
def unicode_words(least: int) -> Callable[[str], list[str]]:
    """Return a function that cuts a text into words; the slow form of the kernel.

    Parameters
    ----------
    least : int
        Least number of characters of a word in a script with spaces.

    Returns
    -------
    callable
        Maps a str in normal form, without format characters, to a list of str.
    """
    letters = _letter_pattern()
    is_word = (character_classes() & CLASS_BITS["word"]) != 0
    is_other = (is_word | _marks()) & ~_letters()
    run = re.compile(f"(?:{letters})+|[{_class_of(is_other)}]+")
    letter = re.compile(letters)

    def words_of(text: str) -> list[str]:
        words: list[str] = []
        for match in run.finditer(text):
            if not letter.match(match[0]):
                words += [match[0]] if len(match[0]) >= least else []
                continue
            words += [] if words[-1:] == [EDGE] else [EDGE]
            words += [*letter.findall(match[0]), EDGE]
        return words

    return words_of


@cache
def items(segmentation: Literal["regex", "unicode"]) -> re.Pattern[str]:
    """Return a pattern that matches all parts of a text; the slow form of the kernel.

    Parameters
    ----------
    segmentation : {'regex', 'unicode'}
        What a word is.

    Returns
    -------
    re.Pattern
        A match is a word, of any length, or one character that belongs to no word.
    """
    if segmentation == "regex":
        return re.compile(r"\w+|\W")
    is_word = (character_classes() & CLASS_BITS["word"]) != 0
    is_other = _class_of((is_word | _marks()) & ~_letters())
    return re.compile(f"{_letter_pattern()}|[{is_other}]+|.", re.DOTALL)


def piece_words(text: str) -> list[str]:
    """Return the words of a text that are cut into learnt word pieces.

    A word is a run of characters that are neither white space nor punctuation, or one
    punctuation character, or one letter of a script without spaces with its marks.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        In lower case, without `OPTIONAL_MARKS`.
    """
    return _piece_tokens().findall(normal_form(text).translate(_piece_mapping()))


@cache
def word_tables(
    lowercase: bool, strip_accents: Literal["ascii", "unicode"] | None
) -> CharacterTables:
    """Return the rules of words for each character.

    Parameters
    ----------
    lowercase : bool
        Whether ``str.lower`` is applied.
    strip_accents : {'ascii', 'unicode'} or None
        Which accents are removed afterwards.

    Returns
    -------
    CharacterTables
        Read-only.
    """
    classes = character_classes().copy()
    classes[_marks()] |= CLASS_BITS["word"] | CLASS_BITS["mark"]
    classes[_letters()] |= CLASS_BITS["cluster"]
    replaced = replaced_characters(lowercase, strip_accents)
    return make_tables(replaced | _format_characters(), classes)


@cache
def piece_tables() -> CharacterTables:
    """Return the rules of learnt word pieces for each character.

    Returns
    -------
    CharacterTables
        Read-only; they do what `piece_words` does with a text in normal form.
    """
    classes = np.full(N_CODE_POINTS, CLASS_BITS["word"], dtype=np.uint8)
    classes[_spaces()] = CLASS_BITS["space"]
    classes[_punctuation()] = CLASS_BITS["punctuation"]
    classes[_marks()] |= CLASS_BITS["mark"]
    classes[_letters()] |= CLASS_BITS["cluster"]
    return make_tables(_piece_mapping(), classes)


@cache
def composition_table() -> np.ndarray:
    """Return how each character takes part in the normal form NFC.

    Returns
    -------
    ndarray of shape (n_code_points,), dtype=np.uint8
        The rank of the canonical combining class among all classes, with the bits
        `COMPOSING_FIRST` and `COMPOSING_SECOND`, or the value `COMPOSING_CHANGES`.
        Read-only.
    """
    classes = map(unicodedata.combining, map(chr, range(N_CODE_POINTS)))
    _, ranks = np.unique(np.fromiter(classes, dtype=np.uint8), return_inverse=True)
    table = ranks.astype(np.uint8)
    for code_point, parts in changed_by(_decomposed).items():
        if normal_form(chr(code_point)) != chr(code_point):
            table[code_point] = COMPOSING_CHANGES
            continue
        first, second = normal_form(parts[:-1]), parts[-1]
        table[ord(first)] |= COMPOSING_FIRST
        table[ord(second)] |= COMPOSING_SECOND
        # A mark of a lower class comes before the second part, and may compose.
        table[code_point] |= COMPOSING_FIRST
    table.flags.writeable = False
    return table


@cache
def composition_pages() -> PagedBytes:
    """Return the result of `composition_table` in the form that the kernels read."""
    return PagedBytes(*paged(composition_table()))


def _decomposed(text: str) -> str:
    """A text in the normal form NFD."""
    return unicodedata.normalize("NFD", text)


@cache
def _categories() -> np.ndarray:
    """The general category of each character, as two letters."""
    categories = map(unicodedata.category, map(chr, range(N_CODE_POINTS)))
    return np.frombuffer("".join(categories).encode(), dtype="S2")


def _has_category(*names: str) -> np.ndarray:
    """Whether each character has one of the categories, given in two letters or one."""
    first_letters = _categories().view("S1")[::2]
    has = np.zeros(N_CODE_POINTS, dtype=bool)
    for name in names:
        has |= (first_letters if len(name) == 1 else _categories()) == name.encode()
    return has


def _in_ranges(ranges: Iterable[tuple[int, int]]) -> np.ndarray:
    """Whether each character is in one of the ranges."""
    is_inside = np.zeros(N_CODE_POINTS, dtype=bool)
    for first, last in ranges:
        is_inside[first : last + 1] = True
    return is_inside


@cache
def _marks() -> np.ndarray:
    """Whether each character is a mark that belongs to the letter before it."""
    return _has_category("Mn", "Mc") & ~_in_ranges(VARIATION_SELECTORS)


@cache
def _letters() -> np.ndarray:
    """Whether each character is a letter of a script without spaces."""
    return _has_category("Lo", "Lm", "Nl") & _in_ranges(SPACELESS)


@cache
def _format_characters() -> dict[int, str]:
    """Format characters, replaced by nothing."""
    code_points = np.flatnonzero(_has_category("Cf") & ~_spaces()).tolist()
    return dict.fromkeys(code_points, "")


@cache
def _piece_mapping() -> dict[int, str]:
    """What replaces each character in the text that is cut into word pieces."""
    optional = {c: "" for first, last in OPTIONAL_MARKS for c in range(first, last + 1)}

    def simplified(text: str) -> str:
        return normal_form(_decomposed(text.lower()).translate(optional))

    is_dropped = _has_category("Cc", "Cf", "Cs") & ~_spaces()
    is_dropped[ord(REPLACEMENT)] = True
    dropped = dict.fromkeys(np.flatnonzero(is_dropped).tolist(), "")
    return changed_by(simplified) | dropped


@cache
def _piece_tokens() -> re.Pattern[str]:
    """A pattern that matches the words of `piece_words`."""
    spaces, punctuation = _class_of(_spaces()), _class_of(_punctuation())
    other = f"[^{spaces}{punctuation}{_class_of(_letters())}]+"
    return re.compile(f"{_letter_pattern()}|[{punctuation}]|{other}")


@cache
def _spaces() -> np.ndarray:
    """Whether each character is white space, or a zero width space."""
    is_space = (character_classes() & CLASS_BITS["space"]) != 0
    is_space[ord(ZERO_WIDTH_SPACE)] = True
    return is_space


@cache
def _punctuation() -> np.ndarray:
    """Whether each character is punctuation, or an ASCII sign."""
    is_sign = _has_category("P")
    is_sign[list(map(ord, string.punctuation))] = True
    return is_sign


def _letter_pattern() -> str:
    """A pattern for a letter of a script without spaces, with its marks."""
    return f"[{_class_of(_letters())}][{_class_of(_marks())}]*"


def _class_of(is_inside: np.ndarray) -> str:
    """The inner part of a character class of `re`."""
    edges = np.flatnonzero(np.diff(is_inside, prepend=False, append=False))
    return "".join(
        f"\\U{first:08x}-\\U{stop - 1:08x}" for first, stop in edges.reshape(-1, 2)
    )
