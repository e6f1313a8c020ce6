"""Words and terms that a teacher embeds in addition to the documents."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from sklux._teacher.token_text import (
    CONTINUATION,
    SPECIAL,
    WORD_BEGINNINGS,
    WORD_END,
    Reader,
    has_mark,
    is_marked,
    token_reader,
)

# Vocabularies begin with frequent tokens. Vocabularies of many languages are longer.
MAX_TOKENIZER_WORDS = 30_000
# Text in scripts that have no spaces between words: Thai, Lao, Burmese, Khmer, Japanese
# and Chinese. Tokens that begin a word have no mark there.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
AS_THEY_ARE: Mapping[str, Reader] = MappingProxyType({"": str})
# Maximum number of terms that the teacher embeds: a minute's work for a small model on
# a CPU. The most frequent 20,000 words and word pieces of 50,000 documents improve the
# student nearly as much as all 47,000.
MAX_TERMS = 50_000


def choose_terms(
    vocabulary: Mapping[str, int],
    frequency: np.ndarray,
    readers: Mapping[str, Reader] = AS_THEY_ARE,
) -> tuple[np.ndarray, list[str]]:
    """Choose the terms that are words or word pieces, and return them as text.

    n-grams of words are left out: in addition to their words, they did not improve the
    student.

    Parameters
    ----------
    vocabulary : mapping of str to int
        Terms and their columns.
    frequency : ndarray of shape (n_features,)
        Number of documents of each column.
    readers : mapping of str to callable, default={'': str}
        For each prefix of the names of terms, the function that turns the rest of a
        name into text; it returns an empty text for a term that has none.

    Returns
    -------
    features : ndarray of shape (n_terms,), dtype=np.intp
        Columns of the `MAX_TERMS` most frequent terms, ascending.
    texts : list of str
        The texts of the same terms.
    """
    texts = {}
    for term, feature in vocabulary.items():
        # A user's own analyzer may return terms of any type.
        if isinstance(term, str):
            text = _read(term, readers)
            if text.split() == [text] and not SPECIAL.fullmatch(text):
                texts[feature] = text
    features = np.fromiter(texts, dtype=np.intp, count=len(texts))
    order = np.lexsort((features, -frequency[features]))
    features = np.sort(features[order[:MAX_TERMS]])
    return features, [texts[feature] for feature in features.tolist()]


def _read(term: str, readers: Mapping[str, Reader]) -> str:
    """Text of a term."""
    for prefix, reader in readers.items():
        if term.startswith(prefix):
            return reader(term[len(prefix) :])
    return term


def tokenizer_words(model: object) -> list[str] | None:
    """Return the words that are single tokens of a teacher's tokenizer.

    Parameters
    ----------
    model : sentence_transformers.SentenceTransformer or object
        A model with a ``tokenizer`` that has ``get_vocab``.

    Returns
    -------
    list of str or None
        Words of two characters or more, in the order of the vocabulary, at most
        `MAX_TOKENIZER_WORDS`; None if the model has no such tokenizer.
    """
    try:
        tokenizer: Any = getattr(model, "tokenizer", None)
        vocabulary = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else None
        added = _added_tokens(tokenizer)
    except NotImplementedError:
        return None
    if not isinstance(vocabulary, Mapping) or not all(
        isinstance(token, str) for token in vocabulary
    ):
        return None
    tokens = sorted(vocabulary.keys() - added, key=vocabulary.__getitem__)
    words = _whole_words(tokens, token_reader(tokenizer, tokens))
    return list(dict.fromkeys(words))[:MAX_TOKENIZER_WORDS]


def _added_tokens(tokenizer: Any) -> set[str]:
    """Tokens that are not part of the model, such as special tokens."""
    if hasattr(tokenizer, "get_added_tokens_decoder"):
        return {
            token.content for token in tokenizer.get_added_tokens_decoder().values()
        }
    if hasattr(tokenizer, "get_added_vocab"):
        return set(tokenizer.get_added_vocab())
    return set()


def _whole_words(tokens: list[str], read: Reader) -> Iterator[str]:
    """Texts of the tokens that are whole words."""
    marks = [mark for mark in (*WORD_BEGINNINGS, WORD_END) if is_marked(tokens, mark)]
    for token in tokens:
        if token.startswith(CONTINUATION):
            continue
        text = read(token)
        is_whole = not marks or has_mark(token, marks[0]) or UNSPACED.fullmatch(text)
        if is_whole and len(text) > 1 and _is_word(text):
            yield text


def _is_word(text: str) -> bool:
    """Whether a text begins with a letter, and has letters and their marks only."""
    return text[0].isalpha() and all(
        letter.isalpha() or unicodedata.category(letter) in ("Mn", "Mc")
        for letter in text
    )


def check_words(words: Iterable[str]) -> list[str]:
    """Return the words of a user as a list, each word once.

    Parameters
    ----------
    words : iterable of str
        The parameter `teacher_words`.

    Returns
    -------
    list of str
        The words, in order.

    Raises
    ------
    ValueError
        If there are none, or a word is empty or not a str.
    """
    # The order of a set differs from process to process.
    words = sorted(words, key=str) if isinstance(words, set | frozenset) else words
    words = list(words)
    bad = [word for word in words if not isinstance(word, str) or not word.strip()]
    if bad or not words:
        got = f"a list with {bad[0]!r}" if bad else "an empty list"
        raise ValueError(
            "The 'teacher_words' parameter of LuxicalVectorizer must be 'auto', None, "
            f"or a list of one or more words that are not empty. Got {got}."
        )
    return list(dict.fromkeys(words))
