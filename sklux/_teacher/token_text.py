"""The text that a token of a tokenizer stands for."""

import re
from collections.abc import Callable, Collection
from typing import Any

from sklux._utils.optional import import_optional

# Marks before a token that begins a word, in SentencePiece and in byte-level BPE.
WORD_BEGINNINGS = ("▁", "Ġ")
# Mark after a token that ends a word, in other kinds of BPE.
WORD_END = "</w>"
# Mark before a word piece that continues a word.
CONTINUATION = "##"
# Special tokens and single bytes, which do not stand for text.
SPECIAL = re.compile(r"\[[A-Z]+\d*\]|<.+>")
# Stands for bytes that are not UTF-8, such as half of a character.
NOT_TEXT = "\ufffd"
# A vocabulary has a mark on at least this share of its tokens, or on none.
MIN_MARKED = 0.1

Reader = Callable[[str], str]


def token_reader(tokenizer: object, tokens: Collection[str]) -> Reader:
    """Return a function that gives the text of a token.

    Parameters
    ----------
    tokenizer : transformers tokenizer, tokenizers.Tokenizer, object or None
        A tokenizer. Its own decoder is used if it has one.
    tokens : collection of str
        The vocabulary, which shows what marks it has.

    Returns
    -------
    callable
        Maps a token to its text, without marks and without the space before a word.
        The text is empty if the token does not stand for text.
    """
    decode = _decoder(tokenizer, tokens)
    beginnings = [mark for mark in WORD_BEGINNINGS if is_marked(tokens, mark)]
    end = WORD_END if is_marked(tokens, WORD_END) else ""

    def read(token: str) -> str:
        if SPECIAL.fullmatch(token):
            return ""
        stem = token.removesuffix(end)
        text = decode(stem)
        if NOT_TEXT in text:
            return ""
        if text != stem:
            return text.removeprefix(" ")
        for mark in (CONTINUATION, *beginnings):
            text = text.removeprefix(mark)
        return text

    return read


def _decoder(tokenizer: object, tokens: Collection[str]) -> Reader:
    """A tokenizer's own function from a token to its text, in which marks may remain.

    In a byte-level vocabulary each byte of UTF-8 is a letter, so a token looks like
    ``'ĠÐ´Ð¾Ð¼'``.
    """
    backend: Any = getattr(tokenizer, "backend_tokenizer", tokenizer)
    decoder: Any = getattr(backend, "decoder", None)
    if hasattr(decoder, "decode"):
        return lambda token: decoder.decode([token])
    convert = getattr(tokenizer, "convert_tokens_to_string", None)
    if _reads_bytes(backend) or convert is None and is_marked(tokens, "Ġ"):
        library = import_optional(
            "tokenizers", extra="subword", purpose="The vocabulary of a tokenizer"
        )
        byte_level = library.decoders.ByteLevel()
        return lambda token: byte_level.decode([token])
    if convert is not None:
        return lambda token: convert([token])
    return lambda token: token


def _reads_bytes(backend: Any) -> bool:
    """Whether a tokenizers.Tokenizer turns the bytes of UTF-8 into letters."""
    text = "é"
    normalize = getattr(getattr(backend, "normalizer", None), "normalize_str", None)
    if normalize is not None:
        text = normalize(text)
    cut = getattr(getattr(backend, "pre_tokenizer", None), "pre_tokenize_str", None)
    if cut is not None:
        text = "".join(part for part, _ in cut(text))
    return "Ã©" in text


def is_marked(tokens: Collection[str], mark: str) -> bool:
    """Whether a vocabulary has a mark of words.

    Parameters
    ----------
    tokens : collection of str
        The vocabulary.
    mark : str
        One of `WORD_BEGINNINGS`, or `WORD_END`.

    Returns
    -------
    bool
        True if at least `MIN_MARKED` of the tokens have it.
    """
    n_marked = sum(has_mark(token, mark) for token in tokens)
    return 0 < n_marked >= MIN_MARKED * len(tokens)


def has_mark(token: str, mark: str) -> bool:
    """Whether a token has a mark of words.

    Parameters
    ----------
    token : str
        A token.
    mark : str
        One of `WORD_BEGINNINGS`, or `WORD_END`.

    Returns
    -------
    bool
        True if the mark is where it belongs: at the end, or else at the beginning.
    """
    return token.endswith(mark) if mark == WORD_END else token.startswith(mark)
