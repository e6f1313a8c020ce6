"""What a lexical stage in a model file may hold: the file may be forged.

A forged file has valid checksums. What it holds can make `transform` open files, or
need much time or memory for a short text.
"""

import base64
import codecs
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from sklux._lexical.analysis import SUBWORD_ANALYZERS, least_word_length
from sklux._lexical.checks import check_settings
from sklux._lexical.vectorizer import LexicalVectorizer
from sklux._utils.model_file import parsed_json

# Tokens of the longest n-gram.
MAX_NGRAM = 100
MAX_PATTERN = 200
# One class of characters: \w, [a-z_], or a single character.
_CLASS = (
    r"(?:\\[wWdDsS]|\\[^\w]|\.|[^\\\[\](){}|?*+.^$]"
    r"|\[\^?(?:\\[wWdDsS]|\\[^\w]|[^\[\]\\])+\])"
)
# A run of characters with a fixed beginning. Python finds all matches in a time that
# grows linearly with the text.
BOUNDED_PATTERN = re.compile(
    rf"(?:\(\?u\))?(?P<first>\\b)?{_CLASS}*{_CLASS}"
    r"(?:\+|\{\d{1,2}(?:,\d{0,2})?\})?(?P<last>\\b)?"
)
# Python decodes these in a time that grows with the square of the text.
SLOW_ENCODINGS = ("idna", "punycode")
# Word pieces. Characters of a piece, and of a word that is cut into pieces:
MAX_CHARACTERS = 1000
MAX_ADDED = 10_000
MAX_PARTS = 32
MAX_DEPTH = 4
# Characters that a normalizer makes of one character.
MAX_GROWTH = 16
# Bytes of a text that a normalizer puts in the place of a character.
MAX_REPLACEMENT = 200
MODELS = ("WordPiece", "BPE", "Unigram", "WordLevel")
ALLOWED = {
    "normalizer": {
        *("BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD"),
        *("Nmt", "Precompiled", "Prepend", "Replace", "Strip", "StripAccents"),
    },
    "pre_tokenizer": {
        *("BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits"),
        *("FixedLength", "Metaspace", "Punctuation", "Split", "UnicodeScripts"),
        *("Whitespace", "WhitespaceSplit"),
    },
    "post_processor": {
        *("BertProcessing", "ByteLevel", "RobertaProcessing", "TemplateProcessing"),
    },
    "decoder": {
        *("BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace"),
        *("Replace", "Strip", "WordPiece"),
    },
}
SEQUENCES = ("normalizers", "pretokenizers", "processors", "decoders")
# At most one of these, because the text grows with each.
SINGLE_PARTS = ("Precompiled", "TemplateProcessing")
_ENDINGS = r"'s|'t|'re|'ve|'m|'ll|'d"
_AFTER_LETTERS = (
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"  # codespell:ignore
)
# Regular expressions of common tokenizers.
KNOWN_REGEXES = (
    " {2,}",
    r"\s+",
    r"\s",
    rf"{_ENDINGS}| ?\p{{L}}+| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|\s+(?!\S)|\s+",
    rf"(?i:{_ENDINGS})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{_AFTER_LETTERS}",
    rf"(?i:{_ENDINGS})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}{_AFTER_LETTERS}",
)


TRUST = "If you trust the file, load it with verify=False."


class RefusedError(ValueError):
    """A part of a file is refused, because the file may be forged."""


def check_stored_stage(vectorizer: CountVectorizer) -> None:
    """Refuse settings that a forged file could misuse.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        With the parameters of a file, which have allowed types.

    Raises
    ------
    ValueError
        If a setting makes `transform` open files, or can make it take very long.
    """
    if vectorizer.input != "content":
        why = "it would make transform open files, or read objects that are open"
        raise _misused("input", repr(vectorizer.input), why)
    if vectorizer.ngram_range[1] > MAX_NGRAM:
        raise _misused(
            "ngram_range",
            vectorizer.ngram_range,
            f"n-grams have at most {MAX_NGRAM} tokens",
        )
    _check_encoding(vectorizer.encoding)
    if vectorizer.analyzer in ("word", "word+subword"):
        _check_pattern(vectorizer.token_pattern)
    tokenizer = vectorizer.tokenizer
    if isinstance(tokenizer, str) and vectorizer.analyzer in SUBWORD_ANALYZERS:
        if tokenizer.lstrip().startswith("{"):
            try:
                check_stored_tokenizer(tokenizer)
            except RefusedError as error:
                raise ValueError(f"{error} {TRUST}") from error
    if isinstance(vectorizer, LexicalVectorizer):
        check_settings(vectorizer, LexicalVectorizer)


def _misused(name: str, value: object, why: str) -> ValueError:
    """Make the error for a setting that a forged file could misuse."""
    return ValueError(
        f"The model's parameter {name}={str(value)[:MAX_PATTERN]} is refused, because "
        f"somebody may have forged the file: {why}. {TRUST}"
    )


def _check_encoding(encoding: str) -> None:
    """Refuse an encoding that Python does not have, or decodes slowly."""
    try:
        found = codecs.lookup(encoding)
        b"a".decode(encoding, "replace")
    except (LookupError, UnicodeError, ValueError) as error:
        raise _misused("encoding", encoding, "it is not an encoding of text") from error
    if found.name in SLOW_ENCODINGS:
        raise _misused("encoding", encoding, "decoding could take very long")


def _check_pattern(pattern: str | None) -> None:
    """Refuse a pattern that may take very long on some text, or is not one."""
    if least_word_length(pattern) is not None:
        return
    is_text = isinstance(pattern, str) and len(pattern) <= MAX_PATTERN
    match = BOUNDED_PATTERN.fullmatch(str(pattern)) if is_text else None
    # Without a boundary before the run, each of its characters would begin a search.
    if match is None or (match["last"] and not match["first"]):
        raise _misused(
            "token_pattern", pattern, "only runs of one class of characters are bounded"
        )
    try:
        re.compile(str(pattern))
    except (re.error, OverflowError, RecursionError) as error:
        raise _misused("token_pattern", pattern, "it is not a pattern") from error


def check_stored_tokenizer(text: str) -> None:
    """Refuse a tokenizer that makes the tokenizers library fail or take very long.

    Parameters
    ----------
    text : str
        The tokenizer's JSON.

    Raises
    ------
    RefusedError
        If it has a part that is not in the list of allowed parts, a regular expression
        that is not known, or sizes out of bounds; the message names it.
    """
    try:
        state = parsed_json(text)
        _check_model(state["model"], state.get("added_tokens") or [])
        for place in ALLOWED:
            _check_parts(place, list(_parts(state.get(place), 0)))
    except (AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise _wrong(f"a part is missing or of the wrong kind ({error!r})") from error


def _wrong(how: str) -> RefusedError:
    """Make the error for a tokenizer that a file may not hold."""
    return RefusedError(
        f"The tokenizer in the file is refused, because somebody may have forged it: "
        f"{how}."
    )


def _check_model(model: dict[str, Any], added: list[dict[str, Any]]) -> None:
    """Refuse models with sizes out of bounds."""
    kind, vocabulary = model["type"], model["vocab"]
    if kind not in MODELS:
        raise _wrong(f"the model {kind!r} is not one of {list(MODELS)}")
    if kind == "Unigram":
        pieces = [piece for piece, _ in vocabulary]
        numbers = list(range(len(vocabulary)))
        has_unknown = model.get("unk_id") in numbers
    else:
        pieces, numbers = list(vocabulary), list(vocabulary.values())
        has_unknown = kind == "BPE" or model.get("unk_token") in vocabulary
    if vocabulary and not has_unknown:
        raise _wrong("it has no piece for unknown words (unk_token), so texts fail")
    if len(added) > MAX_ADDED:
        raise _wrong(f"it has {len(added)} added tokens, more than {MAX_ADDED}")
    pieces += [token["content"] for token in added]
    highest = max([*numbers, *(token["id"] for token in added)], default=0)
    if highest >= 4 * len(pieces) + MAX_ADDED:
        raise _wrong(f"it has {len(pieces)} pieces, but the id {highest}")
    affixes = ("continuing_subword_prefix", "end_of_word_suffix")
    pieces += [model.get(name) or "" for name in affixes]
    if max(map(len, pieces)) > MAX_CHARACTERS:
        raise _wrong(f"a piece has more than {MAX_CHARACTERS} characters")
    longest = model.get("max_input_chars_per_word", 0)
    if not 0 <= longest <= MAX_CHARACTERS:
        raise _wrong(f"max_input_chars_per_word={longest} is above {MAX_CHARACTERS}")


def _parts(part: dict[str, Any] | None, depth: int) -> Iterator[dict[str, Any]]:
    """The parts of a sequence, and of the sequences in it."""
    if part is None:
        return
    if part["type"] != "Sequence":
        yield part
        return
    if depth == MAX_DEPTH:
        raise _wrong("sequences of parts are nested too deeply")
    for name in SEQUENCES:
        for inner in part.get(name) or []:
            yield from _parts(inner, depth + 1)


def _check_parts(place: str, parts: list[dict[str, Any]]) -> None:
    """Refuse parts that are not allowed, or that are not bounded together."""
    if len(parts) > MAX_PARTS:
        raise _wrong(f"its {place} has {len(parts)} parts, more than {MAX_PARTS}")
    kinds = [part["type"] for part in parts]
    for kind in kinds:
        if kind not in ALLOWED[place]:
            raise _wrong(f"the {place} {kind!r} is not one of {sorted(ALLOWED[place])}")
    if any(kinds.count(kind) > 1 for kind in SINGLE_PARTS):
        raise _wrong(f"its {place} has two parts {SINGLE_PARTS[0]!r} or alike")
    growth = 1.0
    for part in parts:
        growth *= max(1.0, _growth(part))
    if growth > MAX_GROWTH:
        raise _wrong(f"its {place} may make {growth:g} characters of one")


def _growth(part: dict[str, Any]) -> float:
    """How many characters a part makes of one; refuse what has no bound."""
    kind = part["type"]
    if kind in ("Replace", "Split"):
        length = _pattern_length(part["pattern"])
        return len(part.get("content", "")) / length
    if kind == "FixedLength" and part["length"] < 1:
        raise _wrong(f"FixedLength has length {part['length']}")
    if kind == "Prepend" and len(part["prepend"]) > MAX_GROWTH:
        raise _wrong(f"Prepend adds more than {MAX_GROWTH} characters")
    if kind == "TemplateProcessing":
        return float(max(len(part["single"]), len(part["pair"]))) / 2
    if kind == "Precompiled":
        _check_charsmap(part["precompiled_charsmap"])
    return 1.0


def _pattern_length(pattern: dict[str, str]) -> int:
    """Least length of what a pattern finds."""
    if "Regex" in pattern:
        if pattern["Regex"] not in KNOWN_REGEXES:
            found = pattern["Regex"][:MAX_PATTERN]
            raise _wrong(f"the regular expression {found!r} may take very long")
        return 1
    if not pattern["String"]:
        raise _wrong("the pattern of a part is empty")
    return len(pattern["String"])


def _check_charsmap(charsmap: str) -> None:
    """Refuse a table of SentencePiece that leads outside of itself.

    The table is the size of a trie in bytes, the trie, a double array of 32-bit units,
    and the replacements, UTF-8 strings that end by a zero byte.
    """
    try:
        content = base64.b64decode(charsmap, validate=True)
        size = int.from_bytes(content[:4], "little")
        units = np.frombuffer(content[4 : 4 + size], dtype="<u4").astype(np.int64)
        content[4 + size :].decode()
    except ValueError as error:
        raise _wrong("the table of Precompiled is damaged") from error
    strings = np.frombuffer(content[4 + size :] + b"\0", dtype=np.uint8)
    inner = np.flatnonzero(units < 2**31)
    targets = inner ^ ((units[inner] >> 10) << ((units[inner] & (1 << 9)) >> 6))
    leaves = targets[(units[inner] >> 8) & 1 == 1]
    has_room = len(content) >= 4 + size and 4 * len(units) == size > 0
    if not has_room or ((targets | 255) >= len(units)).any():
        raise _wrong("the table of Precompiled leads outside")
    values = units[leaves] & (2**31 - 1)
    if (values >= len(strings)).any() or (strings[values] & 0xC0 == 0x80).any():
        raise _wrong("a replacement of Precompiled lies outside")
    ends = np.flatnonzero(strings == 0)
    if np.diff(ends, prepend=-1).max() - 1 > MAX_REPLACEMENT:
        raise _wrong(
            f"a replacement of Precompiled has more than {MAX_REPLACEMENT} bytes"
        )
