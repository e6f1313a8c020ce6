"""Where the terms of a document stand in its text."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from sklux._lexical.analysis import SUBWORD_ANALYZERS
from sklux._lexical.lexicon import PART_PREFIXES
from sklux._lexical.segmentation import items
from sklux._lexical.vectorizer import LexicalVectorizer


class TermPlaces(NamedTuple):
    """Words of a text, and the words that each term consists of.

    Attributes
    ----------
    words : list of tuple of (int, int)
        First character of each word, and the character after its last one, in the order
        of the text. A word does not have to be a term.
    terms : dict of str to list of tuple of int
        For each term of the text, known or not, the numbers of the words of each of its
        occurrences.
    """

    words: list[tuple[int, int]]
    terms: dict[str, list[tuple[int, ...]]]


def term_places(vectorizer: LexicalVectorizer, text: str) -> TermPlaces:
    """Find the terms of a document in its text.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Fitted.
    text : str
        The document.

    Returns
    -------
    TermPlaces
        The places. They are empty if terms are n-grams of characters, if functions of
        the user read the text, or if its words cannot be followed to their characters.
    """
    places = TermPlaces([], {})
    if vectorizer.analyzer not in ("word", *SUBWORD_ANALYZERS):
        return places
    is_mixed = vectorizer.analyzer == "word+subword"
    stage = vectorizer._word_analyzer()
    prepared, begins, ends = _prepared(text, stage.build_preprocessor())
    if begins is None or ends is None:
        return places
    stop_words = frozenset(stage.get_stop_words() or ())
    if vectorizer.analyzer != "subword":
        prefix = PART_PREFIXES[1] if is_mixed else ""
        numbers = []
        tokens = stage.build_tokenizer()(prepared)
        for token, begin, end in _located(prepared, tokens):
            if token not in stop_words:
                numbers.append((token, len(places.words)))
                places.words.append((int(begins[begin]), int(ends[end - 1])))
        for name, words in _ngrams(numbers, vectorizer.ngram_range):
            places.terms.setdefault(prefix + name, []).append(words)
    if vectorizer.analyzer in SUBWORD_ANALYZERS:
        if not vectorizer._reads_rest:
            # All pieces come from the text as it is.
            prepared, begins, stop_words = text, np.arange(len(text)), frozenset()
            ends = begins + 1
        _add_pieces(vectorizer, prepared, (begins, ends), stop_words, places)
    return places


def _add_pieces(
    vectorizer: LexicalVectorizer,
    prepared: str,
    origins: tuple[np.ndarray, np.ndarray],
    stop_words: frozenset[str],
    places: TermPlaces,
) -> None:
    """Add the word pieces, and the words that they are pieces of."""
    begins, ends = origins
    is_mixed = vectorizer.analyzer == "word+subword"
    prefix = PART_PREFIXES[0] if is_mixed else ""
    known = frozenset[str]()
    if vectorizer._reads_rest:
        known = vectorizer._lexicon.known_words
    numbers = {words: number for number, words in enumerate(places.words)}
    for match in items(vectorizer.segmentation).finditer(prepared):
        if match[0].isspace() or match[0] in known or match[0] in stop_words:
            continue
        span = int(begins[match.start()]), int(ends[match.end() - 1])
        if span not in numbers:
            numbers[span] = len(places.words)
            places.words.append(span)
        for piece in vectorizer._pieces_of(match[0]):
            places.terms.setdefault(prefix + piece, []).append((numbers[span],))


def _ngrams(
    tokens: list[tuple[str, int]], ngram_range: tuple[int, int]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names of all n-grams, and the numbers of their words."""
    least, most = ngram_range
    for size in range(least, most + 1):
        for start in range(len(tokens) - size + 1):
            names, numbers = zip(*tokens[start : start + size])
            yield " ".join(names), numbers


def _located(prepared: str, tokens: list[str]) -> Iterator[tuple[str, int, int]]:
    """Tokens with their places, one after the other; marks of edges have none."""
    start = 0
    for token in tokens:
        place = prepared.find(token, start)
        if place >= 0:
            start = place + len(token)
            yield token, place, start


def _keeps_places(run: str, prepare: Callable[[str], str]) -> bool:
    """Whether each character of a run becomes one character."""
    return run.isascii() or all(len(prepare(character)) == 1 for character in run)


def _prepared(
    text: str, prepare: Callable[[str], str]
) -> tuple[str, np.ndarray | None, np.ndarray | None]:
    """The text as it is cut into words, and where its characters come from."""
    whole = prepare(text)
    forms: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    for match in re.finditer(r"\s+|\S+", text):
        form = prepare(match[0])
        forms.append(form)
        if len(form) == len(match[0]) and _keeps_places(match[0], prepare):
            begins += range(match.start(), match.end())
            ends += range(match.start() + 1, match.end() + 1)
        else:
            # Characters were composed or left out: they stand for the whole run.
            begins += [match.start()] * len(form)
            ends += [match.end()] * len(form)
    if "".join(forms) != whole:
        return whole, None, None
    return whole, np.array(begins, dtype=np.intp), np.array(ends, dtype=np.intp)
