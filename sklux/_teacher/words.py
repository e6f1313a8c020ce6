"""Words and terms that a teacher embeds in addition to the documents."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

# Vocabularies begin with frequent tokens. Vocabularies of many languages are longer.
MAX_TOKENIZER_WORDS = 30_000
# Marks that tokenizers put before a token that begins a word.
WORD_BEGINNINGS = ("▁", "Ġ")
# A vocabulary has such a mark on at least this share of its tokens, or on none.
MIN_MARKED = 0.1
# Mark of word pieces that continue a word.
CONTINUATION = "##"
# Special tokens, which do not stand for text.
SPECIAL = re.compile(r"\[[A-Z]+\d*\]|<.+>")
# Maximum number of terms that the teacher embeds: a minute's work for a small model on
# a CPU. The most frequent 20,000 words and word pieces of 50,000 documents improve the
# student nearly as much as all 47,000.
MAX_TERMS = 50_000


def choose_terms(
    vocabulary: Mapping[str, int], frequency: np.ndarray, prefixes: Iterable[str] = ()
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
    prefixes : iterable of str, default=()
        Prefixes of the names of terms that are not part of the terms.

    Returns
    -------
    features : ndarray of shape (n_terms,), dtype=np.intp
        Columns of the `MAX_TERMS` most frequent terms, ascending.
    texts : list of str
        The same terms, without prefixes and without the marks of word pieces.
    """
    texts = {}
    for term, feature in vocabulary.items():
        # A user's own analyzer may return terms of any type.
        if isinstance(term, str):
            text = _as_text(term, prefixes)
            if text.split() == [text] and not SPECIAL.fullmatch(text):
                texts[feature] = text
    features = np.fromiter(texts, dtype=np.intp, count=len(texts))
    order = np.lexsort((features, -frequency[features]))
    features = np.sort(features[order[:MAX_TERMS]])
    return features, [texts[feature] for feature in features.tolist()]


def _as_text(term: str, prefixes: Iterable[str]) -> str:
    """Return a term as it stands in a text."""
    for prefix in prefixes:
        if term.startswith(prefix):
            term = term[len(prefix) :]
            break
    for mark in (CONTINUATION, *WORD_BEGINNINGS):
        term = term.removeprefix(mark)
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
        Words of two letters or more, in the order of the vocabulary, at most
        `MAX_TOKENIZER_WORDS`; None if the model has no such tokenizer.
    """
    try:
        tokenizer: Any = getattr(model, "tokenizer", None)
        vocabulary = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else None
    except NotImplementedError:
        return None
    if not isinstance(vocabulary, Mapping) or not all(
        isinstance(token, str) for token in vocabulary
    ):
        return None
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    for mark in WORD_BEGINNINGS:
        marked = [token[1:] for token in tokens if token.startswith(mark)]
        if len(marked) >= MIN_MARKED * len(tokens):
            tokens = marked
            break
    # Word pieces that continue a word begin with "##", special tokens with "[" or "<".
    words = [token for token in tokens if len(token) > 1 and token.isalpha()]
    return words[:MAX_TOKENIZER_WORDS]


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
