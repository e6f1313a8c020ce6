"""Which word pieces the words of a stage consist of."""

import numpy as np
import pytest

from sklux import LexicalVectorizer
from sklux._lexical.sharing import shared_pieces

TEXTS = ["apples and apple pies", "an apple pie, a café", "red cars", "a red car"]


def make_vectorizer(**params):
    defaults = {
        "analyzer": "word+subword",
        "token_pattern": r"(?u)\b\w+\b",
        "segmentation": "unicode",
        "subwords_of": "unknown",
        "ngram_range": (1, 2),
        "n_subwords": 60,
    }
    return LexicalVectorizer(**(defaults | params)).fit(TEXTS)


def pieces_of(vectorizer, word):
    """Names of the pieces of a word, and their values relative to the word's."""
    shared = shared_pieces(vectorizer)
    names = vectorizer.get_feature_names_out()
    row = shared.pieces[vectorizer.vocabulary_[f"word__{word}"]]
    return {
        names[i].removeprefix("subword__"): v for i, v in zip(row.indices, row.data)
    }


def test_pieces_of_each_word():
    vectorizer = make_vectorizer()
    every = vectorizer.set_params(subwords_of="all")
    analyze = every.build_analyzer()
    expected = {
        word: {t.removeprefix("subword__") for t in analyze(word) if "subword" in t}
        for word in ("apples", "apple", "café", "a", "red")
    }
    vectorizer.set_params(subwords_of="unknown")
    for word, names in expected.items():
        kept = {name for name in names if f"subword__{name}" in vectorizer.vocabulary_}
        assert set(pieces_of(vectorizer, word)) == kept != set()


def test_values_of_pieces_are_ratios_of_idf():
    vectorizer = make_vectorizer()
    idf = dict(zip(vectorizer.get_feature_names_out(), vectorizer.idf_))
    for piece, value in pieces_of(vectorizer, "apples").items():
        ratio = idf[f"subword__{piece}"] / idf["word__apples"]
        assert value == pytest.approx(ratio)
    assert set(pieces_of(make_vectorizer(use_idf=False), "apples").values()) == {1.0}


def test_kinds_of_terms():
    vectorizer = make_vectorizer()
    shared, names = shared_pieces(vectorizer), vectorizer.get_feature_names_out()
    for name, is_piece, is_word in zip(names, shared.is_piece, shared.is_word):
        assert is_piece == name.startswith("subword__")
        assert is_word == (name.startswith("word__") and " " not in name)
    has_row = np.diff(shared.pieces.indptr) > 0
    assert not has_row[~shared.is_word].any()
    assert not shared.is_word[shared.pieces.indices].any()


@pytest.mark.parametrize("bad", [0.0, np.inf, np.nan])
def test_words_whose_idf_cannot_divide_share_nothing(bad):
    vectorizer = make_vectorizer()
    idf = vectorizer.idf_.copy()
    idf[vectorizer.vocabulary_["word__apples"]] = bad
    vectorizer.idf_ = idf
    assert pieces_of(vectorizer, "apples") == {}
    assert pieces_of(vectorizer, "apple") != {}


def test_given_terms_without_words_share_nothing():
    pieces = [name for name in make_vectorizer().vocabulary_ if "subword__" in name]
    pairs = ["word__red car", "word__apple pie"]
    shared = shared_pieces(make_vectorizer(vocabulary=sorted(pieces) + pairs))
    assert shared.pieces.nnz == 0
    assert not shared.is_word.any()


@pytest.mark.parametrize(
    "params", [{"subwords_of": "all"}, {"analyzer": "subword"}, {"analyzer": "word"}]
)
def test_stages_that_cut_all_words_share_nothing(params):
    assert shared_pieces(make_vectorizer(**params)) is None
