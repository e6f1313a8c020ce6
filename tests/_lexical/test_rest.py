"""Word pieces of the rest of a text: what its words do not cover."""

import re
from collections import Counter

import numpy as np
import pytest
import reference
from hypothesis import example, given, settings
from strategies import document_lists

from sklux import LexicalVectorizer
from sklux._lexical.segmentation import normal_form, piece_words, unicode_words

TEXTS = [
    "A red apple, a naïve café!",
    "the green apple (in a box)",
    "a fast car... 中国 and more",
    "red cars & slow cars, co-op",
]


def make_vectorizer(**params):
    defaults = {
        "analyzer": "word+subword",
        "token_pattern": r"(?u)\b\w+\b",
        "segmentation": "unicode",
        "subwords_of": "unknown",
        "ngram_range": (1, 2),
        "n_subwords": 120,
        "max_features": 70,
    }
    return LexicalVectorizer(**(defaults | params))


def pieces_by_hand(text, vectorizer):
    """The pieces of unknown words and other characters, in plain Python."""
    _, words = vectorizer._lexicon.terms
    known = set(words.tolist())
    subwords = vectorizer._lexicon.subwords
    pieces = {piece for piece in subwords.pieces.tolist() if piece}
    prepared = vectorizer.build_preprocessor()(text)
    found, words_of = [], unicode_words(1)
    for item in re.findall(r"\S", prepared) if not prepared.isascii() else []:
        found += [] if words_of(item) else [item]
    if prepared.isascii():
        found = re.findall(r"[^\w\s]", prepared)
    found += [w for w in words_of(prepared) if w != "▁" and w not in known]
    return Counter(
        piece
        for item in found
        for word in piece_words(item)
        for piece in reference.word_pieces(word, pieces, "[UNK]", 100)
    )


def rest_counts(vectorizer, texts):
    """Counts of the pieces of each document, by name; from rows of counts."""
    counter = vectorizer.set_params(dtype=np.float64)
    X = counter.transform(texts)
    names = counter.get_feature_names_out()
    return [
        {
            names[column].removeprefix("subword__"): round(value)
            for column, value in zip(X[i].indices, X[i].data)
            if names[column].startswith("subword__")
        }
        for i in range(X.shape[0])
    ]


COUNTS = {"norm": None, "use_idf": False}


@pytest.fixture(scope="module")
def counting():
    return make_vectorizer(**COUNTS).fit(TEXTS)


def test_rest_of_known_texts_is_characters_alone():
    vectorizer = make_vectorizer(max_features=None, **COUNTS).fit(TEXTS)
    assert rest_counts(vectorizer, TEXTS) == [
        {",": 1, "!": 1},
        {"(": 1, ")": 1},
        {".": 3},
        {"&": 1, ",": 1, "-": 1},
    ]


def test_rest_of_unknown_words(counting):
    (found,) = rest_counts(counting, ["zzz RED caré zzz!"])
    expected = pieces_by_hand("zzz RED caré zzz!", counting)
    kept = {name for name in counting._lexicon.terms[0].tolist()}
    assert found == {piece: n for piece, n in expected.items() if piece in kept}
    assert found["!"] == 1
    assert sum(found.values()) > 1


@settings(max_examples=100, deadline=None)
@given(document_lists)
@example(["1\ud800\u00c5"])
def test_rest_equals_plain_python(documents):
    vectorizer = make_vectorizer(**COUNTS).fit(TEXTS)
    kept = {name for name in vectorizer._lexicon.terms[0].tolist()}
    texts = [*documents, " ".join(documents)]
    for text, found in zip(texts, rest_counts(vectorizer, texts)):
        # A lone surrogate ends a word, as in scikit-learn, and has no piece.
        clean = re.sub("[\ud800-\udfff]", " ", text)
        expected = pieces_by_hand(normal_form(clean), vectorizer)
        assert found == {piece: n for piece, n in expected.items() if piece in kept}


@settings(max_examples=50, deadline=None)
@given(document_lists)
@pytest.mark.parametrize("segmentation", ["regex", "unicode"])
@pytest.mark.parametrize("pattern", [r"(?u)\b\w+\b", r"(?u)\b\w\w\w+\b"])
def test_rest_of_the_analyzer_equals_the_kernel(segmentation, pattern, documents):
    vectorizer = make_vectorizer(
        segmentation=segmentation, token_pattern=pattern, stop_words=["the"], **COUNTS
    ).fit(TEXTS)
    analyze, vocabulary = vectorizer.build_analyzer(), vectorizer.vocabulary_
    X = vectorizer.transform([*documents, *TEXTS])
    names = vectorizer.get_feature_names_out()
    for row, text in zip(X, [*documents, *TEXTS]):
        counts = Counter(term for term in analyze(text) if term in vocabulary)
        found = {names[i]: value for i, value in zip(row.indices, row.data)}
        assert found == counts


def test_rest_leaves_out_stop_words():
    vectorizer = make_vectorizer(stop_words=["apple"], **COUNTS).fit(TEXTS)
    assert rest_counts(vectorizer, ["apple"]) == [{}]
    assert rest_counts(vectorizer, ["apples"]) != [{}]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rest_and_words_have_the_same_norm(dtype):
    vectorizer = make_vectorizer(dtype=dtype).fit(TEXTS)
    X = vectorizer.transform(["red apple, zzz"])
    n_pieces = len(vectorizer._lexicon.terms[0])
    is_piece = X.indices < n_pieces
    assert 0 < is_piece.sum() < len(is_piece)
    for part in (is_piece, ~is_piece):
        assert np.linalg.norm(X.data[part]) == pytest.approx(np.sqrt(0.5))


def test_rest_has_the_terms_and_idf_of_all_pieces():
    rest, every = make_vectorizer().fit(TEXTS), make_vectorizer(subwords_of="all")
    every.fit(TEXTS)
    assert rest.vocabulary_ == every.vocabulary_
    np.testing.assert_array_equal(rest.idf_, every.idf_)
    difference = rest.transform(TEXTS) - every.transform(TEXTS)
    assert difference.nnz > 0


def test_rest_fit_transform_equals_transform():
    vectorizer = make_vectorizer(n_jobs=2)
    X = vectorizer.fit_transform(TEXTS * 30)
    assert (X != vectorizer.transform(TEXTS * 30)).nnz == 0
    (alone,) = vectorizer.transform([TEXTS[2]])
    assert (alone != X[2]).nnz == 0


def test_rest_needs_pieces_that_the_kernel_reads():
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0}, []))
    vectorizer = make_vectorizer(tokenizer=tokenizer, segmentation="regex")
    with pytest.raises(ValueError, match="like BERT's when subwords_of='unknown'"):
        vectorizer.fit(TEXTS)


def test_rest_with_given_words_and_no_single_words():
    """No word is known, so all words are cut into pieces."""
    fitted = make_vectorizer().fit(TEXTS)
    pieces = [f"subword__{name}" for name in fitted._lexicon.terms[0].tolist()]
    given_terms = [*pieces, "word__red apple"]
    vectorizer = make_vectorizer(vocabulary=given_terms, max_features=None)
    X = vectorizer.fit(TEXTS).transform(["red apple"])
    names = vectorizer.get_feature_names_out()[X.indices]
    assert "word__red apple" in names
    assert any(name.startswith("subword__") for name in names)


def test_rest_is_not_used_by_other_analyzers():
    words = LexicalVectorizer(subwords_of="unknown")
    X = words.fit_transform(TEXTS)
    assert (X != LexicalVectorizer().fit_transform(TEXTS)).nnz == 0


def test_bad_subwords_of():
    with pytest.raises(ValueError, match="'subwords_of' parameter"):
        LexicalVectorizer(subwords_of="some").fit(TEXTS)
