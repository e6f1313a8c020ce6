"""Single words that a teacher teaches: its tokenizer's, or given ones."""

from collections.abc import Iterable

# Vocabularies begin with what is frequent; those of many languages are longer.
MAX_TOKENIZER_WORDS = 30_000
# What the kinds of tokenizers put before a token that begins a word.
WORD_BEGINNINGS = ("▁", "Ġ")
# A vocabulary has such a mark on at least this part of its tokens, or on none.
MIN_MARKED = 0.1


def tokenizer_words(model: object) -> list[str]:
    """Return the words that a teacher's tokenizer has as one token.

    Parameters
    ----------
    model : sentence_transformers.SentenceTransformer or object
        A model with a ``tokenizer`` that has ``get_vocab``.

    Returns
    -------
    list of str
        Words of two letters or more, in the order of the vocabulary, at most
        `MAX_TOKENIZER_WORDS`.

    Raises
    ------
    ValueError
        If the model has no such tokenizer.
    """
    tokenizer = getattr(model, "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        raise ValueError(
            "teacher_words='tokenizer' needs a teacher whose tokenizer lists its "
            f"tokens, as those of sentence-transformers do. {type(model).__name__} has "
            "none: give a list of words, or teacher_words=None."
        )
    vocabulary = tokenizer.get_vocab()
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
    words = list(dict.fromkeys(words))
    bad = [word for word in words if not isinstance(word, str) or not word.strip()]
    if bad or not words:
        got = f"{bad[0]!r} among them" if bad else "none"
        raise ValueError(
            "The 'teacher_words' parameter of LuxicalVectorizer must be 'tokenizer', a "
            f"list of words, none of them empty, or None. Got {got}."
        )
    return words
