"""Rules of the running Python for each character: lower case, accents, classes."""

import re
import sys
import unicodedata
from functools import cache
from typing import Literal, NamedTuple, Self

import numpy as np

from sklux._kernels.tokens import CLASS_BITS

N_CODE_POINTS = sys.maxunicode + 1
CAPITAL_SIGMA = "\u03a3"
# The only character whose lower case has two characters: it would change the length
# of a text.
BECOMES_TWO = 0x130
# Largest number of UTF-8 bytes that replace one character. It must be at most half of
# the free bytes at the end of the kernel's buffer (SKLUX_SLACK in text.h).
MAX_GROWTH = 128

# Code points of a page; equal pages of a table are stored once (SKLUX_PAGE_BITS in
# text.h).
PAGE = 128

# Names of the arrays of `CharacterTables.packed`.
PACKED = {"starts", "rules", "classes", "offsets", "code_points"}


class CharacterTables(NamedTuple):
    """A rule for every character, in the form that the kernels read.

    Attributes
    ----------
    pages : ndarray of shape (n_code_points / PAGE,), dtype=np.uint16
        Number of each page of code points among the stored pages.
    shifts : ndarray of shape (n_stored_pages * PAGE,), dtype=np.int32
        Distance of each stored code point to the code point that replaces it;
        -1 - n_code_points - k means expansion k.
    classes : ndarray of shape (n_stored_pages * PAGE,), dtype=np.uint8
        Bits of `CLASS_BITS`.
    offsets : ndarray of shape (n_expansions + 1,), dtype=np.int64
        Expansion k is ``code_points[offsets[k]:offsets[k + 1]]``.
    code_points : ndarray of shape (n_expanded,), dtype=np.uint32
        Code points of all expansions, which may be empty.
    """

    pages: np.ndarray
    shifts: np.ndarray
    classes: np.ndarray
    offsets: np.ndarray
    code_points: np.ndarray

    @classmethod
    def of(
        cls,
        targets: np.ndarray,
        classes: np.ndarray,
        offsets: np.ndarray,
        code_points: np.ndarray,
    ) -> Self:
        """Return the tables of all code points.

        Parameters
        ----------
        targets : ndarray of shape (n_code_points,), dtype=np.int32
            The code point that replaces each code point; -1 - k means expansion k.
        classes : ndarray of shape (n_code_points,), dtype=np.uint8
            Bits of `CLASS_BITS`.
        offsets, code_points : ndarray
            As in the result.

        Returns
        -------
        CharacterTables
            Read-only.
        """
        shifts = targets - np.arange(N_CODE_POINTS, dtype=np.int32)
        shifts = np.where(targets < 0, targets - np.int32(N_CODE_POINTS), shifts)
        pages, shifts, classes = paged(shifts, classes)
        return cls(pages, shifts, classes, offsets, code_points).frozen()

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the shift and the class of every code point."""
        return tuple(
            values.reshape(-1, PAGE)[self.pages].ravel()
            for values in (self.shifts, self.classes)
        )

    def replacement(self, code_point: int) -> list[int]:
        """Return the code points that replace a code point.

        Parameters
        ----------
        code_point : int
            Any code point.

        Returns
        -------
        list of int
            Code points, which may be none.
        """
        place = int(self.pages[code_point // PAGE]) * PAGE + code_point % PAGE
        shift = int(self.shifts[place])
        if shift >= -N_CODE_POINTS:
            return [code_point + shift]
        k = -1 - N_CODE_POINTS - shift
        return self.code_points[slice(*self.offsets[k : k + 2])].tolist()

    def check(self) -> Self:
        """Refuse tables that lead outside of their arrays; return them.

        Returns
        -------
        CharacterTables
            The same tables, read-only.

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        widths = np.diff(self.offsets)
        if not (
            _are_pages(self.pages, self.classes)
            and self.shifts.dtype == np.int32
            and self.shifts.shape == self.classes.shape
            and self.offsets.dtype == np.int64
            and self.offsets.ndim == 1 == self.code_points.ndim
            and self.code_points.dtype == np.uint32
            and len(self.code_points) > 0
            and self.code_points.max() < N_CODE_POINTS
            and len(self.offsets) > 0
            and self.offsets[0] == 0
            and self.offsets[-1] <= len(self.code_points)
            and widths.min(initial=0) >= 0
            and widths.max(initial=0) <= MAX_GROWTH // 4
            and self._targets_fit()
        ):
            raise ValueError("The model's table of characters is damaged.")
        return self.frozen()

    def _targets_fit(self) -> bool:
        """Whether all code points have a target or an expansion."""
        n_stored, numbers = len(self.shifts) // PAGE, np.arange(len(self.pages))
        # The first and the last page of code points that use each stored page.
        first, last = np.zeros((2, n_stored, 1), dtype=np.int64)
        first[self.pages[::-1], 0] = numbers[::-1]
        last[self.pages, 0] = numbers
        shifts = self.shifts.reshape(-1, PAGE)
        places = np.arange(PAGE) + shifts
        is_expansion = shifts < -N_CODE_POINTS
        fits = (first * PAGE + places >= 0) & (last * PAGE + places < N_CODE_POINTS)
        has_text = -1 - N_CODE_POINTS - shifts.astype(np.int64) < len(self.offsets) - 1
        return bool(np.where(is_expansion, has_text, fits).all())

    def frozen(self) -> Self:
        """Make the tables read-only, because many models share them; return them."""
        for array in self:
            array.flags.writeable = False
        return self

    def packed(self) -> dict[str, np.ndarray]:
        """Return the tables in a small form: runs of code points with the same rule."""
        rule, classes = self.flat()
        starts = np.flatnonzero(
            np.r_[True, (np.diff(rule) != 0) | (np.diff(classes) != 0)]
        )
        return {
            "starts": starts.astype(np.uint32),
            "rules": rule[starts].astype(np.int32),
            "classes": classes[starts],
            "offsets": self.offsets,
            "code_points": self.code_points,
        }

    @classmethod
    def unpacked(cls, packed: dict[str, np.ndarray]) -> Self:
        """Return the tables from their small form.

        Parameters
        ----------
        packed : dict of str to ndarray
            The result of `packed`.

        Returns
        -------
        CharacterTables
            The tables, read-only.

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        starts = packed["starts"].astype(np.int64)
        if (
            starts.ndim != 1
            or len(starts) == 0
            or starts[0] != 0
            or (starts < 0).any()
            or (starts >= N_CODE_POINTS).any()
            or packed["rules"].shape != starts.shape
            or packed["classes"].shape != starts.shape
        ):
            raise ValueError("The model's table of characters is damaged.")
        lengths = np.diff(np.r_[starts, N_CODE_POINTS])
        if (lengths <= 0).any():
            raise ValueError("The model's table of characters is damaged.")
        rule = packed["rules"].astype(np.int32).repeat(lengths)
        classes = packed["classes"].astype(np.uint8).repeat(lengths)
        offsets = np.array(packed["offsets"], dtype=np.int64)
        code_points = np.array(packed["code_points"], dtype=np.uint32)
        pages, shifts, classes = paged(rule, classes)
        return cls(pages, shifts, classes, offsets, code_points).check()


def paged(*values: np.ndarray) -> tuple[np.ndarray, ...]:
    """Store equal pages of tables once.

    Parameters
    ----------
    *values : ndarray of shape (n_code_points,)
        Tables.

    Returns
    -------
    pages : ndarray of shape (n_code_points / PAGE,), dtype=np.uint16
        Number of each page among the stored pages, which all tables share.
    *stored : ndarray of shape (n_stored_pages * PAGE,)
        The pages of each table. All are read-only.
    """
    rows = np.hstack([array.reshape(-1, PAGE).view(np.uint8) for array in values])
    numbers: dict[bytes, int] = {}
    pages = np.array(
        [numbers.setdefault(row.tobytes(), len(numbers)) for row in rows],
        dtype=np.uint16,
    )
    _, chosen = np.unique(pages, return_index=True)
    stored = [array.reshape(-1, PAGE)[chosen].ravel() for array in values]
    for array in (pages, *stored):
        array.flags.writeable = False
    return pages, *stored


class PagedBytes(NamedTuple):
    """A byte for every character, in the form that the kernels read.

    Attributes
    ----------
    pages : ndarray of shape (n_code_points / PAGE,), dtype=np.uint16
        Number of each page of code points among the stored pages.
    values : ndarray of shape (n_stored_pages * PAGE,), dtype=np.uint8
        The stored pages.
    """

    pages: np.ndarray
    values: np.ndarray

    def check(self) -> Self:
        """Refuse pages that lead outside of the values; return the table.

        Returns
        -------
        PagedBytes
            The same table.

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        if not _are_pages(self.pages, self.values):
            raise ValueError("The model's table of characters is damaged.")
        return self


def _are_pages(pages: np.ndarray, values: np.ndarray) -> bool:
    """Whether pages lead to a table of bytes, and not outside."""
    return (
        pages.dtype == np.uint16
        and pages.shape == (N_CODE_POINTS // PAGE,)
        and values.dtype == np.uint8
        and values.ndim == 1
        and len(values) % PAGE == 0
        and int(pages.max()) < len(values) // PAGE
    )


@cache
def character_tables(
    lowercase: bool, strip_accents: Literal["ascii", "unicode"] | None
) -> CharacterTables:
    """Make the tables for `str.lower` and scikit-learn's ``strip_accents``.

    Both map one character at a time, with one exception: a capital sigma at the end of
    a word has its own lower case. The kernel handles that case.

    Parameters
    ----------
    lowercase : bool
        Whether ``str.lower`` is applied first.
    strip_accents : {'ascii', 'unicode'} or None
        Which accents are removed afterwards.

    Returns
    -------
    CharacterTables
        Read-only.
    """
    return make_tables(
        replaced_characters(lowercase, strip_accents), character_classes()
    )


def replaced_characters(
    lowercase: bool, strip_accents: Literal["ascii", "unicode"] | None
) -> dict[int, str]:
    """Return the characters that `str.lower` and ``strip_accents`` change.

    Parameters
    ----------
    lowercase : bool
        Whether ``str.lower`` is applied first.
    strip_accents : {'ascii', 'unicode'} or None
        Which accents are removed afterwards.

    Returns
    -------
    dict of int to str
        Replacements by code point.
    """
    changed: dict[int, str] = {}
    if lowercase:
        changed |= changed_by(str.lower)
    if strip_accents is not None:
        strip = _ascii_part if strip_accents == "ascii" else _without_combining
        stripped = changed_by(strip)
        for code_point, text in changed.items():
            stripped[code_point] = strip(text)
        changed = stripped
    return changed


def changed_by(function) -> dict[int, str]:
    """Return the characters that a function of text changes, and their replacements.

    The function is called on whole blocks of characters. It is called on single
    characters only if it changes their block and does not remove all of it.

    Parameters
    ----------
    function : callable
        Maps a str to a str, each character on its own.

    Returns
    -------
    dict of int to str
        Replacements by code point.
    """
    changed = {}
    for block in range(0, N_CODE_POINTS, 256):
        text = "".join(map(chr, range(block, block + 256)))
        mapped = function(text)
        if mapped == text:
            continue
        for code_point, character in enumerate(text, start=block):
            one = function(character) if mapped else ""
            if one != character:
                changed[code_point] = one
    return changed


def make_tables(changed: dict[int, str], classes: np.ndarray) -> CharacterTables:
    """Bring a mapping of characters into the form that the kernels read.

    Parameters
    ----------
    changed : dict of int to str
        Replacements by code point; the other code points stay as they are.
    classes : ndarray of shape (n_code_points,), dtype=np.uint8
        Bits of `CLASS_BITS`.

    Returns
    -------
    CharacterTables
        Read-only.

    Raises
    ------
    ValueError
        If a replacement is longer than the kernel supports.
    """
    targets = np.arange(N_CODE_POINTS, dtype=np.int32)
    expansions: dict[str, int] = {}
    for code_point, text in changed.items():
        if len(text) > MAX_GROWTH // 4:
            raise ValueError(
                "The 'tokenizer' parameter of LexicalVectorizer has a normalizer that "
                f"replaces {chr(code_point)!r} by {text!r}, which has more than "
                f"{MAX_GROWTH // 4} characters. Use another normalizer."
            )
        if len(text) == 1:
            targets[code_point] = ord(text)
        else:
            targets[code_point] = -1 - expansions.setdefault(text, len(expansions))
    offsets = np.zeros(len(expansions) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in expansions], out=offsets[1:])
    # One more, so that the array is never empty.
    code_points = np.array([*map(ord, "".join(expansions)), 0], dtype=np.uint32)
    return CharacterTables.of(targets, classes, offsets, code_points)


@cache
def character_classes() -> np.ndarray:
    """Return the classes of all characters: word and white space as in `re`, and case.

    Returns
    -------
    ndarray of shape (n_code_points,), dtype=np.uint8
        Bits of `CLASS_BITS`; read-only.
    """
    code_points = np.arange(N_CODE_POINTS, dtype="<u4")
    text = code_points.tobytes().decode("utf-32-le", "surrogatepass")
    classes = np.zeros(N_CODE_POINTS, dtype=np.uint8)
    for name, pattern in (("word", r"\w+"), ("space", r"\s+")):
        for match in re.finditer(pattern, text):
            classes[slice(*match.span())] |= CLASS_BITS[name]
    cased, ignorable = _case_properties()
    classes[cased] |= CLASS_BITS["cased"]
    classes[ignorable] |= CLASS_BITS["ignorable"]
    classes.flags.writeable = False
    return classes


def _case_properties() -> tuple[np.ndarray, np.ndarray]:
    """Which characters are Cased and not Case_Ignorable, and which are Case_Ignorable.

    Python has no function for these properties of Unicode, but the final sigma of
    `str.lower` depends on them: a sigma is final after a cased character, with any
    number of ignorable characters in between.
    """
    # All planes at once need a hundred megabytes.
    planes = [
        (_makes_final(" ", plane), _makes_final(" A", plane))
        for plane in range(0, N_CODE_POINTS, 1 << 16)
    ]
    cased, behind_cased = map(np.concatenate, zip(*planes))
    ignorable = behind_cased & ~cased
    cased[BECOMES_TWO] = True  # a capital I with a dot
    return cased, ignorable


def _makes_final(before: str, plane: int) -> np.ndarray:
    """Whether a sigma is final after a text and each character of a plane."""
    code_points = np.arange(plane, plane + (1 << 16), dtype=np.uint32)
    code_points[code_points == BECOMES_TWO] = ord(" ")
    columns = [*map(ord, before), code_points, ord(CAPITAL_SIGMA), ord(" ")]
    rows = np.empty((len(code_points), len(columns)), dtype="<u4")
    for i, column in enumerate(columns):
        rows[:, i] = column
    text = rows.tobytes().decode("utf-32-le", "surrogatepass").lower()
    encoded = text.encode("utf-32-le", "surrogatepass")
    lowered = np.frombuffer(encoded, dtype="<u4").reshape(rows.shape)
    return lowered[:, -2] == ord("\u03c2")


def _ascii_part(text: str) -> str:
    """A text without accents, as with scikit-learn's ``strip_accents='ascii'``."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


def _without_combining(text: str) -> str:
    """A text without accents, as with scikit-learn's ``strip_accents='unicode'``."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))
