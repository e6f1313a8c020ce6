"""Settings that the kernels support, and their form in the kernels."""

import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import LexicalVectorizer
from sklux._lexical.analysis import (
    ANALYZING_METHODS,
    MAX_N,
    analyzes_as_scikit_learn,
    is_float_type,
    ngram_bounds,
    text_source,
)

RUNS = [
    r"\w+",
    r"\b\w+\b",
    r"(?u)\b\w+\b",
    r"(?u)\b\w\w+\b",
    r"\w\w\w+",
    r"\b\w{1,}\b",
    r"(?u)\b\w{3,}\b",
    r"\w\w{2,}",
    r"\b\w{12,}",
]
OTHER_PATTERNS = [
    r"[a-z]+",
    r"\S+",
    r"\w*",
    r"\w",
    r"\w+?",
    r"\w{0,}",
    r"\w{2}",
    r"\w{2,5}",
    r"(\w+)",
    r"(?i)\w+",
    r"\w+\s",
    "",
    b"\\w+",
    None,
    re.compile(r"\w+"),
]


def word_source(**params):
    return text_source(LexicalVectorizer(**params), "word")


@pytest.mark.parametrize("pattern", RUNS)
def test_analysis_least_length_of_a_word_is_the_length_that_re_finds(pattern):
    least = next(n for n in range(1, 20) if re.findall(pattern, "x" * n) == ["x" * n])
    assert word_source(token_pattern=pattern).min_length == least


@pytest.mark.parametrize("pattern", OTHER_PATTERNS, ids=repr)
def test_analysis_other_patterns_are_not_supported(pattern):
    assert word_source(token_pattern=pattern) is None


@pytest.mark.parametrize(
    "params",
    [
        {"preprocessor": str.lower},
        {"tokenizer": str.split},
        {"strip_accents": str.swapcase},
        {"lowercase": "yes"},
        {"stop_words": [b"the"]},
        {"ngram_range": (0, 1)},
    ],
    ids=repr,
)
def test_analysis_other_settings_are_not_supported(params):
    assert word_source(**params) is None


def test_analysis_tokenizer_of_pieces_does_not_read_words():
    source = word_source(analyzer="word+subword", tokenizer="pieces.json")
    assert source.min_length == 2


def test_analysis_stop_words_are_sorted_and_shared():
    first = word_source(stop_words=["the", "a", "the"]).stop_words
    assert first.tolist() == ["a", "the"]
    assert word_source(stop_words=["a", "the"]).stop_words is first


def test_analysis_characters_ignore_the_settings_of_words():
    vectorizer = LexicalVectorizer(token_pattern=r"\S+", tokenizer=str.split)
    source = text_source(vectorizer, "char_wb")
    assert source.kind == "char_wb"
    assert len(source.stop_words) == 0


@pytest.mark.parametrize(
    ("ngram_range", "expected"),
    [
        ((1, 1), (1, 1)),
        ((np.int64(2), np.uint8(3)), (2, 3)),
        ((1, 2**63), (1, MAX_N)),
        ((2**40, 2**50), (MAX_N, MAX_N)),
        ((0, 1), None),
        ((2, 1), None),
        ((1, 2.0), None),
        ((1,), None),
        ([1, 2], None),
        (3, None),
    ],
    ids=repr,
)
def test_analysis_bounds_of_an_ngram_range(ngram_range, expected):
    assert ngram_bounds(ngram_range) == expected


@pytest.mark.parametrize("name", ANALYZING_METHODS)
def test_analysis_overridden_method_is_recognized(name):
    own = type("Own", (LexicalVectorizer,), {name: lambda self, *args: None})
    assert not analyzes_as_scikit_learn(own(), LexicalVectorizer)
    on_instance = LexicalVectorizer()
    assert analyzes_as_scikit_learn(on_instance, LexicalVectorizer)
    setattr(on_instance, name, None)
    assert not analyzes_as_scikit_learn(on_instance, LexicalVectorizer)


def test_analysis_methods_exist_in_scikit_learn():
    """A method under another name would no longer be recognized."""
    assert [
        name for name in ANALYZING_METHODS if not hasattr(TfidfVectorizer, name)
    ] == []


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.float32, True),
        ("float64", True),
        (np.dtype("<f4"), True),
        (None, True),
        (np.float16, False),
        (np.int32, False),
        ("words", False),
        (object(), False),
    ],
    ids=lambda value: str(value)[:7],
)
def test_analysis_dtypes_of_the_kernels(dtype, expected):
    assert is_float_type(dtype) is expected
