"""Write `src/unicode-data.js`: what Python knows about each character.

JavaScript engines have other versions of Unicode than Python, other white space, and
another `\\w`. The file holds a class for each character and the English stop words of
scikit-learn. It is made by

    python js/make_unicode.py

with the oldest supported Python: JavaScript engines must know all characters that this
Python knows, because lower case and normal forms are theirs.
"""

import sys
import unicodedata
from itertools import groupby
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklux._kernels.tokens import CLASS_BITS

from sklux._lexical.characters import N_CODE_POINTS
from sklux._lexical.segmentation import word_tables

OUTPUT = Path(__file__).parent / "src" / "unicode-data.js"
# The names of the bits; bit i of a class belongs to name i. `src/characters.js` has the
# same names.
NAMES = (
    "word",
    "space",
    "cased",
    "ignorable",
    "cluster",
    "mark",
    "format",
    "combining",
    "nonspacing",
    "unknown",
)
# Symbols of the classes in the text of the table. Digits and small letters are lengths.
SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&()*+,-./:;<=>?@[]^_{|}~"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def has_properties() -> dict[str, np.ndarray]:
    """Whether each character has the property of each name."""
    tables = word_tables(False, None)
    _, classes = tables.flat()
    has = {name: classes & bit != 0 for name, bit in CLASS_BITS.items()}
    categories = np.array([*map(unicodedata.category, map(chr, range(N_CODE_POINTS)))])
    combining = map(unicodedata.combining, map(chr, range(N_CODE_POINTS)))
    dropped = np.fromiter(
        (not tables.replacement(c) for c in range(N_CODE_POINTS)), dtype=bool
    )
    # In the table of words, marks belong to words. Without segmentation they do not.
    return {
        **{name: has[name] for name in NAMES if name in has},
        "word": has["word"] & (~has["mark"] | is_word_of_re()),
        "format": dropped,
        "combining": np.fromiter(combining, dtype=np.int64) != 0,
        "nonspacing": categories == "Mn",
        "unknown": categories == "Cn",
    }


def is_word_of_re() -> np.ndarray:
    """Whether `\\w` matches each character."""
    characters = map(chr, range(N_CODE_POINTS))
    return np.fromiter((c.isalnum() or c == "_" for c in characters), dtype=bool)


def packed(classes: np.ndarray) -> tuple[list[int], str]:
    """The different classes, and the runs of equal classes: length and symbol."""
    different = sorted(set(classes.tolist()))
    symbols = dict(zip(different, SYMBOLS, strict=False))
    runs = ((value, sum(1 for _ in run)) for value, run in groupby(classes.tolist()))
    return different, "".join(
        f"{in_base_36(length) if length > 1 else ''}{symbols[value]}"
        for value, length in runs
    )


def in_base_36(number: int) -> str:
    """A number, as JavaScript's `parseInt(text, 36)` reads it."""
    quotient, digit = divmod(number, 36)
    return (in_base_36(quotient) if quotient else "") + DIGITS[digit]


def main() -> None:
    """Write the file."""
    properties = has_properties()
    classes = sum(properties[name].astype(int) << i for i, name in enumerate(NAMES))
    different, runs = packed(classes)
    words = " ".join(sorted(ENGLISH_STOP_WORDS))
    OUTPUT.write_text(
        "// Made by `python js/make_unicode.py`; do not edit.\n\n"
        f'export const UNICODE_VERSION = "{unicodedata.unidata_version}";\n\n'
        "// The different classes: sums of bits, whose names are in `characters.js`.\n"
        f"export const CLASSES = {different};\n\n"
        "// Runs of characters of one class: the length in base 36 (none: 1), then a\n"
        "// symbol, which stands for the class at its place in SYMBOLS.\n"
        f'export const SYMBOLS = "{SYMBOLS}";\n'
        f'export const RUNS =\n  "{runs}";\n\n'
        "// scikit-learn's English stop words.\n"
        f'export const ENGLISH_STOP_WORDS =\n  "{words}";\n',
        encoding="ascii",
    )
    print(f"{OUTPUT.name}: Unicode {unicodedata.unidata_version}, {len(runs)} bytes")


if __name__ == "__main__":
    sys.exit(main())
