"""Terms that a teacher teaches: those of the lexical stage, and words beside them."""

import re
from collections.abc import Iterable, Mapping

import numpy as np

# Vocabularies begin with what is frequent; those of many languages are longer.
MAX_TOKENIZER_WORDS = 30_000
# What the kinds of tokenizers put before a token that begins a word.
WORD_BEGINNINGS = ("▁", "Ġ")
# A vocabulary has such a mark on at least this part of its tokens, or on none.
MIN_MARKED = 0.1
# What pieces begin with where they go on with a word.
CONTINUATION = "##"
# Pieces that stand for something that is no text.
SPECIAL = re.compile(r"\[[A-Z]+\d*\]|<.+>")
# Terms that are taught, a minute's work for a small model on a CPU. The most frequent
# 20,000 words and pieces of 50,000 documents give nearly all that all 47,000 give.
MAX_TERMS = 50_000


def choose_terms(
    vocabulary: Mapping[str, int], frequency: np.ndarray, prefixes: Iterable[str] = ()
) -> tuple[np.ndarray, list[str]]:
    """Choose the terms that are words or pieces of words, and say them as text.

    n-grams of words are left out: beside their words, they taught the student nothing.

    Parameters
    ----------
    vocabulary : mapping of str to int
        Terms with their columns.
    frequency : ndarray of shape (n_features,)
        How often each column is in the documents.
    prefixes : iterable of str, default=()
        What the names of terms begin with that is no part of the terms.

    Returns
    -------
    features : ndarray of shape (n_terms,), dtype=np.intp
        Columns, ascending: of the `MAX_TERMS` most frequent terms.
    texts : list of str
        The same terms, without prefixes, and without the marks of pieces.
    """
    texts = {}
    for term, feature in vocabulary.items():
        # An analyzer of the user's may make terms of any kind.
        if isinstance(term, str):
            text = _as_text(term, prefixes)
            if text.split() == [text] and not SPECIAL.fullmatch(text):
                texts[feature] = text
    features = np.fromiter(texts, dtype=np.intp, count=len(texts))
    order = np.lexsort((features, -frequency[features]))
    features = np.sort(features[order[:MAX_TERMS]])
    return features, [texts[feature] for feature in features.tolist()]


def _as_text(term: str, prefixes: Iterable[str]) -> str:
    """Say a term as it stands in a text."""
    for prefix in prefixes:
        if term.startswith(prefix):
            term = term[len(prefix) :]
            break
    for mark in (CONTINUATION, *WORD_BEGINNINGS):
        term = term.removeprefix(mark)
    return term


def tokenizer_words(model: object) -> list[str] | None:
    """Return the words that a teacher's tokenizer has as one token.

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
        tokenizer = getattr(model, "tokenizer", None)
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
    # Pieces within words begin with "##", special tokens with "[" or "<".
    words = [token for token in tokens if len(token) > 1 and token.isalpha()]
    return words[:MAX_TOKENIZER_WORDS]


def check_words(words: Iterable[str]) -> list[str]:
    """Return given words as a list.

    Parameters
    ----------
    words : iterable of str
        The parameter `teacher_words`.

    Returns
    -------
    list of str
        The same, each once.

    Raises
    ------
    ValueError
        If there is none, or one is no str or empty.
    """
    # The order of a set is another one in each process.
    words = sorted(words, key=str) if isinstance(words, set | frozenset) else words
    words = list(words)
    bad = [word for word in words if not isinstance(word, str) or not word.strip()]
    if bad or not words:
        got = f"{bad[0]!r} among them" if bad else "none"
        raise ValueError(
            "The 'teacher_words' parameter of LuxicalVectorizer must be 'auto', a "
            f"list of words, none of them empty, or None. Got {got}."
        )
    return list(dict.fromkeys(words))
