"""What a lexical stage in a model file may hold."""

import base64
import json
import re

import numpy as np
import pytest
from pieces_reference import bert_tokenizer
from sklearn.feature_extraction.text import CountVectorizer

from sklux import LexicalVectorizer
from sklux._lexical.file_checks import (
    KNOWN_REGEXES,
    RefusedError,
    check_stored_stage,
    check_stored_tokenizer,
)
from sklux._lexical.subwords import load_tokenizer, panics_as_errors, read_tokenizer

tokenizers = pytest.importorskip("tokenizers")


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?u)\b\w\w+\b",
        r"\w+",
        r"[a-z]+",
        r"\S+",
        r"(?u)\b[^\W\d_]{2,}\b",
        r"\b[\w'\-]+\b",
        r"#\w+",
        r"\d{4}",
        r"a\.b+",
        ".",
    ],
)
def test_file_checks_bounded_patterns_are_allowed(pattern):
    for kind in (LexicalVectorizer, CountVectorizer):
        check_stored_stage(kind(token_pattern=pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a|a)*b",
        r"\w*\w*\w*\w*x",
        r"\w+x",
        r"[a-z]+\b",
        r"\w+(?:-\w+)*",
        r"a{1,999}",
        r"\w+$",
        r"[z-a]+",
        r"(",
        "a" * 300,
        "",
        None,
        r"\w+|\d+",
    ],
)
def test_file_checks_other_patterns_are_refused(pattern):
    reason = "only runs of one class of characters are bounded|it is not a pattern"
    value = re.escape(str(pattern)[:200])
    message = f"parameter token_pattern={value} is refused, .*: ({reason}). .*verify=F"
    with pytest.raises(ValueError, match=message):
        check_stored_stage(CountVectorizer(token_pattern=pattern))


NEW_MODEL = '{"model": {"type": "New", "vocab": {}}}'


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"input": "filename"}, "input='filename' .*make transform open files"),
        ({"ngram_range": (1, 101)}, r"ngram_range=\(1, 101\) .*at most 100 tokens"),
        ({"encoding": "no-such"}, "encoding=no-such .*not an encoding of text"),
        ({"encoding": "a\0b"}, "not an encoding of text"),
        ({"encoding": "rot13"}, "not an encoding of text"),
        ({"encoding": "punycode"}, "encoding=punycode .*could take very long"),
        ({"token_pattern": "(a+)+", "analyzer": "word+subword"}, "token_pattern="),
        ({"tokenizer": "\n {}", "analyzer": "word+subword"}, "a part is missing"),
        ({"tokenizer": NEW_MODEL, "analyzer": "subword"}, "model 'New' .*verify=False"),
        ({"tokenizer": "{}", "analyzer": "subword"}, "a part is missing"),
        ({"tokenizer": "name"}, "'tokenizer' parameter of LexicalVectorizer must be"),
    ],
)
def test_file_checks_settings_that_can_be_misused(params, message):
    with pytest.raises(ValueError, match=message):
        check_stored_stage(LexicalVectorizer(**params))


@pytest.mark.parametrize(
    "params",
    [
        {"ngram_range": (1, 100)},
        # One byte is not a character of it.
        {"encoding": "utf-16"},
        {"token_pattern": "a" * 200},
        {"token_pattern": "(a+)+", "analyzer": "char"},
        {"analyzer": "subword", "n_subwords": 10},
        # The path of a file that does not exist on this machine.
        {"tokenizer": "name", "analyzer": "subword"},
    ],
)
def test_file_checks_settings_within_the_limits(params):
    check_stored_stage(LexicalVectorizer(**params))


def test_file_checks_long_pattern_is_refused():
    with pytest.raises(ValueError, match="token_pattern=a{200} "):
        check_stored_stage(CountVectorizer(token_pattern="a" * 201))


def models():
    """Tokenizers of each model, with the parts of common ones."""
    parts, pieces = tokenizers.pre_tokenizers, ["[UNK]", "a", "b", "ab"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    scores = [(piece, -float(number)) for number, piece in enumerate(pieces)]
    bpe = tokenizers.models.BPE(vocabulary, [("a", "b")], unk_token="[UNK]")
    found = {
        "bert": bert_tokenizer(),
        "gpt": tokenizers.Tokenizer(bpe),
        "xlm": tokenizers.Tokenizer(tokenizers.models.Unigram(scores, unk_id=0)),
        "word": tokenizers.Tokenizer(
            tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]")
        ),
    }
    found["gpt"].pre_tokenizer = parts.Sequence(
        [
            parts.Split(tokenizers.Regex(KNOWN_REGEXES[-1]), "isolated"),
            parts.ByteLevel(use_regex=False),
        ]
    )
    found["gpt"].post_processor = tokenizers.processors.ByteLevel()
    found["gpt"].decoder = tokenizers.decoders.ByteLevel()
    found["xlm"].normalizer = tokenizers.normalizers.Sequence(
        [
            tokenizers.normalizers.NFKC(),
            tokenizers.normalizers.Replace(tokenizers.Regex(" {2,}"), " "),
        ]
    )
    found["xlm"].pre_tokenizer = parts.Metaspace()
    found["word"].pre_tokenizer = parts.Whitespace()
    return found


@pytest.mark.parametrize("name", ["bert", "gpt", "xlm", "word"])
def test_file_checks_common_tokenizers_are_allowed(name):
    tokenizer = models()[name]
    check_stored_tokenizer(tokenizer.to_str())
    assert load_tokenizer(tokenizer.to_str()).encode("a ab").ids


def charsmap(units, strings):
    """A table of SentencePiece."""
    trie = np.array(units, dtype="<u4").tobytes()
    content = len(trie).to_bytes(4, "little") + trie + strings
    return {
        "type": "Precompiled",
        "precompiled_charsmap": base64.b64encode(content).decode(),
    }


def trie_of_a(value):
    """A trie that maps "a" to the replacement at this place."""
    units = [0x80000000] * 512
    # The root leads to block 0, and its child "a" to a leaf in block 1.
    units[0], units[ord("a")] = 0, ord("a") | 1 << 8 | 256 << 10
    units[ord("a") ^ 256] = 0x80000000 | value
    return units


def test_file_checks_table_of_sentencepiece_is_allowed():
    normalizer = charsmap(trie_of_a(0), "\u00e4\0b\0".encode())
    state = json.loads(bert_tokenizer().to_str()) | {"normalizer": normalizer}
    check_stored_tokenizer(json.dumps(state))
    found = load_tokenizer(json.dumps(state)).normalizer.normalize_str("xax")
    assert found == "x\u00e4x"


# A trie that finds nothing. Its first unit leads to its only block.
EMPTY_TRIE = [5] + [0x80000000] * 255


@pytest.mark.parametrize("strings", [b"b\0", b""])
def test_file_checks_smallest_table_of_sentencepiece_is_allowed(strings):
    model = {"type": "BPE", "vocab": {}}
    state = {"model": model, "normalizer": charsmap(EMPTY_TRIE, strings)}
    check_stored_tokenizer(json.dumps(state))


def sequence(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


NESTED = {"type": "NFC"}
for _ in range(6):
    NESTED = sequence(NESTED)
FORGED = {
    "garbage": (
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "/////w=="}},
        "table of Precompiled leads outside",
    ),
    "no base64": (
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "?"}},
        "table of Precompiled is damaged",
    ),
    "trie": ({"normalizer": charsmap([2**31 - 1], b"abc\0")}, "leads outside"),
    "value": ({"normalizer": charsmap(trie_of_a(9), b"b\0")}, "lies outside"),
    "last block": (
        {"normalizer": charsmap(EMPTY_TRIE[:-1], b"b\0")},
        "table of Precompiled leads outside",
    ),
    "no trie": ({"normalizer": charsmap([], b"b\0")}, "leads outside"),
    # Bit 9 multiplies an offset by 256: far behind the last block.
    "far": (
        {"normalizer": charsmap([1 << 9 | 2 << 10, *EMPTY_TRIE[1:]], b"b\0")},
        "table of Precompiled leads outside",
    ),
    "large value": ({"normalizer": charsmap(trie_of_a(66), b"b\0")}, "lies outside"),
    "inside another character": (
        {"normalizer": charsmap(trie_of_a(1), "\u00e1\0".encode())},
        "a replacement of Precompiled lies outside",
    ),
    "inside a character": (
        {"normalizer": charsmap(trie_of_a(1), "\u00e4\0".encode())},
        "lies outside",
    ),
    "long replacement": (
        {"normalizer": charsmap(trie_of_a(0), b"b" * 201 + b"\0")},
        "more than 200 bytes",
    ),
    "fixed length": (
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
        "FixedLength has length 0",
    ),
    "regex": (
        {"normalizer": replace({"Regex": "(a+)+$"}, "b")},
        r"the regular expression '\(a\+\)\+\$' may take very long",
    ),
    "split": (
        {
            "pre_tokenizer": {
                "type": "Split",
                "pattern": {"Regex": "(a|a)*$"},
                "behavior": "Isolated",
                "invert": False,
            }
        },
        "may take very long",
    ),
    "growth": (
        {"normalizer": sequence(*[replace({"String": "a"}, "a" * 16)] * 9)},
        "may make .* characters of one",
    ),
    "empty": ({"normalizer": replace({"String": ""}, "b")}, "part is empty"),
    "no text": ({"normalizer": replace({"String": []}, "b")}, "part is empty"),
    "prepend": (
        {"normalizer": {"type": "Prepend", "prepend": "a" * 1000}},
        "Prepend adds",
    ),
    "nested": ({"normalizer": NESTED}, "nested too deeply"),
    "many": ({"normalizer": sequence(*[{"type": "NFC"}] * 33)}, "has 33 parts"),
    "unknown": ({"normalizer": {"type": "New"}}, "normalizer 'New' is not one of"),
    "twice": (
        {"normalizer": sequence(*[charsmap(trie_of_a(0), b"b\0")] * 2)},
        "two parts 'Precompiled' or alike",
    ),
    "template": (
        {
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"Sequence": {"id": "A", "type_id": 0}}] * 1000,
                "pair": [],
                "special_tokens": {},
            }
        },
        "may make 500 characters of one",
    ),
    "added": (
        {"added_tokens": [{"id": 1, "content": "[a]"}] * 10_001},
        "10001 added tokens",
    ),
    "number of an added": (
        {"added_tokens": [{"id": 2**24 - 1, "content": "[a]"}]},
        "the id 16777215",
    ),
    "no model": ({"model": None}, "a part is missing or of the wrong kind"),
    "list": ({"normalizer": ["NFC"]}, "a part is missing or of the wrong kind"),
}
FORGED_MODELS = {
    "number": ({"vocab": {"[UNK]": 0, "a": 2**24 - 1}}, "the id 16777215"),
    "piece": ({"vocab": {"[UNK]": 0, "a" * 1001: 1}}, "more than 1000 characters"),
    "longest": ({"max_input_chars_per_word": 2**62}, "is above 1000"),
    "less than none": ({"max_input_chars_per_word": -1}, "is above 1000"),
    "prefix": ({"continuing_subword_prefix": "#" * 1001}, "more than 1000 characters"),
    "kind": ({"type": "New"}, "the model 'New' is not one of"),
    "text": (
        {"vocab": {"[UNK]": 0, "a": "0"}},
        "a part is missing or of the wrong kind",
    ),
    "unknown piece": ({"unk_token": "[NEW]"}, "no piece for unknown words"),
    "no unknown piece": ({"unk_token": None}, "no piece for unknown words"),
    "unknown piece of WordLevel": (
        {"type": "WordLevel", "unk_token": "[NEW]"},
        "no piece for unknown words",
    ),
    "unknown piece of Unigram": (
        {"type": "Unigram", "vocab": [["a", -1.0]], "unk_id": None},
        "no piece for unknown words",
    ),
    "number of the unknown piece": (
        {"type": "Unigram", "vocab": [["a", -1.0]], "unk_id": 1},
        "no piece for unknown words",
    ),
}


def forged_tokenizers():
    """The JSON of each forged tokenizer by its name."""
    state = json.loads(bert_tokenizer().to_str())
    found = {name: state | change for name, (change, _) in FORGED.items()}
    for name, (change, _) in FORGED_MODELS.items():
        found[name] = state | {"model": state["model"] | change}
    return {name: json.dumps(forged) for name, forged in found.items()}


@pytest.mark.parametrize("name", [*FORGED, *FORGED_MODELS])
def test_file_checks_forged_tokenizers_are_refused(name):
    message = (FORGED | FORGED_MODELS)[name][1]
    with pytest.raises(RefusedError, match=message):
        check_stored_tokenizer(forged_tokenizers()[name])


def nested(n):
    """A part within sequences."""
    part = {"type": "NFC"}
    for _ in range(n):
        part = sequence(part)
    return part


# What makes a change of a tokenizer, the largest number, and the message above it.
LIMITS = {
    "growth": (
        lambda n: {"normalizer": replace({"String": "ab"}, "b" * n)},
        32,
        "may make 16.5 characters of one",
    ),
    "growth of an expression": (
        lambda n: {"normalizer": replace({"Regex": " {2,}"}, "b" * n)},
        16,
        "may make 17 characters of one",
    ),
    "prepend": (
        lambda n: {"normalizer": {"type": "Prepend", "prepend": "a" * n}},
        16,
        "Prepend adds more than 16",
    ),
    "fixed length": (
        lambda n: {"pre_tokenizer": {"type": "FixedLength", "length": 1 - n}},
        0,
        "FixedLength has length 0",
    ),
    "nested": (lambda n: {"normalizer": nested(n)}, 4, "nested too deeply"),
    "parts": (
        lambda n: {"normalizer": sequence(*[{"type": "NFC"}] * n)},
        32,
        "has 33 parts, more than 32",
    ),
    "replacement": (
        lambda n: {"normalizer": charsmap(trie_of_a(0), b"b" * n + b"\0")},
        200,
        "more than 200 bytes",
    ),
    "value": (
        lambda n: {"normalizer": charsmap(trie_of_a(n), b"bc\0")},
        3,
        "a replacement of Precompiled lies outside",
    ),
    "template": (
        lambda n: {
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [],
                "pair": "a" * n,
            }
        },
        32,
        "may make 16.5 characters of one",
    ),
    "added": (
        lambda n: {"added_tokens": [{"id": 1, "content": "[a]"}] * n},
        10_000,
        "10001 added tokens, more than 10000",
    ),
    "piece": (
        lambda n: {"model": {"type": "BPE", "vocab": {"a": 0, "b" * n: 1}}},
        1000,
        "a piece has more than 1000 characters",
    ),
    "suffix": (
        lambda n: {
            "model": {"type": "BPE", "vocab": {"a": 0}, "end_of_word_suffix": "b" * n}
        },
        1000,
        "a piece has more than 1000 characters",
    ),
    "longest word": (
        lambda n: {
            "model": {
                "type": "WordPiece",
                "vocab": {"a": 0},
                "unk_token": "a",
                "max_input_chars_per_word": n,
            }
        },
        1000,
        "max_input_chars_per_word=1001 is above 1000",
    ),
    # Four times as many as there are pieces, and as many as there may be added tokens.
    "number": (
        lambda n: {
            "added_tokens": [],
            "model": {"type": "BPE", "vocab": {"a": 0, "b": n}},
        },
        10_007,
        "it has 2 pieces, but the id 10008",
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_file_checks_limits_of_tokenizers(name):
    """The limit itself is allowed; one more is refused."""
    make, limit, message = LIMITS[name]
    state = json.loads(bert_tokenizer().to_str())
    check_stored_tokenizer(json.dumps(state | make(limit)))
    with pytest.raises(RefusedError, match=message):
        check_stored_tokenizer(json.dumps(state | make(limit + 1)))


def test_file_checks_longest_word_of_no_characters_is_allowed():
    model = {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "a"}
    model["max_input_chars_per_word"] = 0
    check_stored_tokenizer(json.dumps({"model": model}))


@pytest.mark.parametrize("text", ["", "[]", "{", '"a"', "[" * 100_000])
def test_file_checks_tokenizer_that_is_no_object(text):
    with pytest.raises(ValueError):
        check_stored_tokenizer(text)


@pytest.mark.parametrize("name", ["garbage", "no base64"])
def test_file_checks_panic_of_the_library_is_a_value_error(name):
    """Also where a user gives the tokenizer."""
    with pytest.raises(ValueError, match="The tokenizers library failed"):
        read_tokenizer(forged_tokenizers()[name])


def test_file_checks_panic_in_transform_is_a_value_error():
    tokenizer = models()["word"]
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer)
    vectorizer.fit(["a b", "ab"])
    state = json.loads(tokenizer.to_str())
    state["pre_tokenizer"] = FORGED["fixed length"][0]["pre_tokenizer"]
    library = load_tokenizer(json.dumps(state))
    vectorizer._lexicon.subwords.__dict__["library"] = library
    with pytest.raises(ValueError, match="chunk size must be non-zero"):
        vectorizer.transform(["a b"])


def test_file_checks_slow_expression_of_a_user_is_a_value_error():
    """The library gives up a search that takes too long, by a panic."""
    tokenizer = tokenizers.Tokenizer.from_str(models()["word"].to_str())
    slow = tokenizers.Regex("(a+)+$")
    tokenizer.normalizer = tokenizers.normalizers.Replace(slow, "b")
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer)
    vectorizer.fit(["a b", "aa"])
    with pytest.raises(ValueError, match="retry-limit.* without the step that fails"):
        vectorizer.transform(["a" * 40 + "c b"])


def test_file_checks_other_errors_are_not_changed():
    with pytest.raises(KeyboardInterrupt), panics_as_errors():
        raise KeyboardInterrupt


def test_file_checks_known_expressions_are_read_by_the_library():
    for pattern in KNOWN_REGEXES:
        tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated")
    assert re.escape("{") not in KNOWN_REGEXES[0]
