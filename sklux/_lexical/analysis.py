"""Which settings of the lexical stage the kernels support, and what they mean there."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux._kernels.tokens import Analysis, Rest, TokenStream
from sklux._kernels.words import WordTable
from sklux._lexical.buffers import TextBuffers, text_buffers
from sklux._lexical.characters import CharacterTables, PagedBytes, character_tables
from sklux._lexical.segmentation import composition_pages, normal_form, word_tables
from sklux._lexical.subwords import Subwords
from sklux._lexical.tokens import Strings, pack_strings

# The kernels count the tokens of an n-gram in 32 bits.
MAX_N = 2**30
# Analyzers whose terms are word pieces, or word pieces and words.
SUBWORD_ANALYZERS = ("subword", "word+subword")
# Maximal runs of word characters with a least length: \w+, \b\w\w+\b, (?u)\b\w{3,}\b.
RUN_OF_WORD_CHARACTERS = re.compile(
    r"(?:\(\?u\))?(?:\\b)?(?P<single>(?:\\w)*)\\w(?:\+|\{(?P<least>[1-9][0-9]?),\})(?:\\b)?"
)
# Methods that decide what a token is. If a subclass overrides one of them,
# scikit-learn reads the documents.
ANALYZING_METHODS = (
    "decode",
    "build_analyzer",
    "build_preprocessor",
    "build_tokenizer",
    "get_stop_words",
    "_word_ngrams",
    "_char_ngrams",
    "_char_wb_ngrams",
    "_count_vocab",
)


@dataclass
class TextSource:
    """Words or characters as tokens.

    Attributes
    ----------
    kind : {'word', 'char', 'char_wb'}
        What a token is.
    ngram_range : tuple of (int, int)
        Least and greatest number of tokens of a term.
    lowercase : bool
        Whether ``str.lower`` is applied.
    strip_accents : {'ascii', 'unicode'} or None
        Which accents are removed.
    min_length : int
        Least number of characters of a word.
    stop_words : Strings
        Words that are left out; n-grams reach across them.
    segmentation : {'regex', 'unicode'}
        Which characters make a word, and whether text is read in normal form.
    ready : tuple of (CharacterTables, PagedBytes or None), or None
        The result of `tables`, if it has been made before.
    """

    kind: str
    ngram_range: tuple[int, int]
    lowercase: bool
    strip_accents: str | None
    min_length: int = 1
    stop_words: Strings = field(default_factory=lambda: pack_strings([]))
    segmentation: str = "regex"
    ready: tuple[CharacterTables, PagedBytes | None] | None = None

    def tables(self) -> tuple[CharacterTables, PagedBytes | None]:
        """Return the rules for each character, and how it takes part in normal form.

        Returns
        -------
        characters : CharacterTables
            Lower case, accents and classes.
        composing : PagedBytes or None
            None if text is not read in normal form.
        """
        if self.ready is not None:
            return self.ready
        if self.segmentation == "unicode":
            tables = word_tables(self.lowercase, self.strip_accents)
            return tables, composition_pages()
        return character_tables(self.lowercase, self.strip_accents), None

    @property
    def split(self) -> str:
        """Where a term is cut into tokens."""
        return "blanks" if self.kind == "word" else "characters"

    @property
    def separator(self) -> bytes:
        """The bytes between two tokens of a term."""
        return b" " if self.kind == "word" else b""

    @property
    def whole_segments(self) -> bool:
        """Whether a word shorter than the shortest n-gram counts as a whole."""
        return self.kind == "char_wb"

    def analysis(
        self,
        buffers: TextBuffers,
        is_careful: bool = False,
        rest: Rest | None = None,
    ) -> Analysis:
        """Return the kernel's rules for a block of documents.

        Parameters
        ----------
        buffers : TextBuffers
            Documents.
        is_careful : bool, default=False
            Whether the documents are known to be in normal form.
        rest : Rest or None, default=None
            How the rest of the documents is read, which no word covers.

        Returns
        -------
        Analysis
            With tables of all characters, unless all text is ASCII words.
        """
        tables = composing = None
        if self.kind != "word" or not buffers.is_ascii:
            tables, composing = self.tables()
        if is_careful or buffers.is_ascii:
            composing = None
        return Analysis(
            self.kind,
            self.min_length,
            len(self.stop_words),
            self.lowercase,
            self.kind == "word",
            tables,
            composing=composing,
            rest=rest,
        )

    def read_with_care(
        self,
        document: str,
        table: WordTable,
        grow: bool,
        stream: TokenStream,
        rest: Rest | None = None,
    ) -> None:
        """Add the tokens of a document that may not be in normal form.

        Parameters
        ----------
        document : str
            The document.
        table : WordTable
            Numbers of the words.
        grow : bool
            Whether new words are added to the table.
        stream : TokenStream
            Gets the tokens.
        rest : Rest or None, default=None
            How the rest of the document is read.
        """
        (buffers,) = text_buffers([normal_form(document)])
        analysis = self.analysis(buffers, True, rest)
        stream.read(analysis, table, grow, *buffers[:3], np.empty(1, dtype=np.int64))

    @property
    def subwords(self) -> None:
        """None: tokens are not word pieces."""
        return None

    @property
    def pieces(self) -> None:
        """None: words get their numbers as they are found."""
        return None


@dataclass
class PieceSource:
    """Word pieces as tokens.

    Attributes
    ----------
    subwords : Subwords
        The pieces.
    ngram_range : tuple of (int, int)
        Least and greatest number of pieces of a term.
    """

    subwords: Subwords
    ngram_range: tuple[int, int]
    separator: bytes = b" "
    whole_segments: bool = False
    stop_words: Strings = field(default_factory=lambda: pack_strings([]))

    @property
    def split(self) -> str:
        """Where a term is cut into pieces."""
        return "whole" if self.ngram_range[1] == 1 else "blanks"

    @property
    def pieces(self) -> Strings:
        """Pieces by id."""
        return self.subwords.pieces

    def analysis(
        self, buffers: TextBuffers, *, rest: Rest | None = None
    ) -> Analysis | None:
        """Return the kernel's rules; None if the tokenizers library has to read.

        Parameters
        ----------
        buffers : TextBuffers
            Documents.
        rest : Rest or None, default=None
            Not used: pieces cover the whole text.

        Returns
        -------
        Analysis or None
            Rules that hold for these documents.
        """
        return self.subwords.analysis(is_ascii=buffers.is_ascii)

    def read_with_care(
        self,
        document: str,
        table: WordTable,
        grow: bool,
        stream: TokenStream,
        rest: Rest | None = None,
    ) -> None:
        """Add the pieces of a document that the kernel alone cannot read.

        Parameters
        ----------
        document : str
            The document.
        table : WordTable
            Not used: pieces have fixed numbers.
        grow : bool
            Not used.
        stream : TokenStream
            Gets the pieces.
        rest : Rest or None, default=None
            Not used: pieces cover the whole text.
        """
        stream.add(self.subwords.careful_tokens(document))


def text_source(vectorizer: Any, kind: str) -> TextSource | None:
    """Return the settings of a vectorizer in the form that the kernels take.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Its parameters may be invalid.
    kind : {'word', 'char', 'char_wb'}
        What a token is.

    Returns
    -------
    TextSource or None
        None if the kernels do not support a setting; scikit-learn then reads the
        documents.
    """
    bounds = ngram_bounds(vectorizer.ngram_range)
    if (
        bounds is None
        or vectorizer.preprocessor is not None
        or not isinstance(vectorizer.lowercase, (bool, np.bool_, int))
        or vectorizer.strip_accents not in (None, "ascii", "unicode")
    ):
        return None
    lowercase = bool(vectorizer.lowercase)
    if kind != "word":
        return TextSource(
            kind,
            bounds,
            lowercase,
            vectorizer.strip_accents,
            segmentation=vectorizer.segmentation,
        )
    min_length = least_word_length(vectorizer.token_pattern)
    # With 'word+subword' the tokenizer makes word pieces, not words.
    cuts_words = vectorizer.analyzer == "word" and vectorizer.tokenizer is not None
    if cuts_words or min_length is None:
        return None
    stop_words = vectorizer.get_stop_words() or frozenset()
    if not all(isinstance(word, str) for word in stop_words):
        return None
    return TextSource(
        kind,
        bounds,
        lowercase,
        vectorizer.strip_accents,
        min_length,
        _packed_stop_words(stop_words),
        vectorizer.segmentation,
    )


@lru_cache(maxsize=8)
def _packed_stop_words(stop_words: frozenset[str]) -> Strings:
    """Stop words in one array, kept because they rarely change between calls."""
    return pack_strings(sorted(stop_words))


def ngram_bounds(ngram_range: object) -> tuple[int, int] | None:
    """Return the bounds of an n-gram range as ints.

    Parameters
    ----------
    ngram_range : object
        Any value of the parameter.

    Returns
    -------
    tuple of (int, int) or None
        None if it is not a range of ints from 1 up.
    """
    if not isinstance(ngram_range, tuple) or len(ngram_range) != 2:
        return None
    if not all(isinstance(bound, (int, np.integer)) for bound in ngram_range):
        return None
    # No document has longer n-grams.
    low, high = (min(int(bound), MAX_N) for bound in ngram_range)
    return (low, high) if 1 <= low <= high else None


def least_word_length(token_pattern: object) -> int | None:
    """Return the least length of the runs of word characters that a pattern matches.

    Parameters
    ----------
    token_pattern : object
        Any value of the parameter.

    Returns
    -------
    int or None
        None if the pattern matches anything else.
    """
    if not isinstance(token_pattern, str):
        return None
    match = RUN_OF_WORD_CHARACTERS.fullmatch(token_pattern)
    if match is None:
        return None
    return len(match["single"]) // 2 + int(match["least"] or 1)


def analyzes_as_scikit_learn(vectorizer: TfidfVectorizer, base: type) -> bool:
    """Whether neither the class nor the instance overrides a method of the analysis.

    Parameters
    ----------
    vectorizer : TfidfVectorizer
        An instance of ``base``, or of a class derived from it.
    base : type
        The class whose methods the kernels replace.

    Returns
    -------
    bool
        True if all methods of the analysis come from ``base``.
    """
    return all(
        getattr(type(vectorizer), name) is getattr(base, name)
        and name not in vars(vectorizer)
        for name in ANALYZING_METHODS
    )


def is_float_type(dtype: Any) -> bool:
    """Whether the kernels can compute in a dtype.

    Parameters
    ----------
    dtype : dtype-like
        Any value of the parameter.

    Returns
    -------
    bool
        True for float32 and float64.
    """
    try:
        return np.dtype(dtype) in (np.float32, np.float64)
    except TypeError:
        return False
