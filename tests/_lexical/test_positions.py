"""Weights by place: the first words of a document count more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux import LexicalVectorizer

TEXTS = ["red apple red car", "green apple", "a red, fast car!", "car red zzz apple"]
some_texts = st.lists(
    st.lists(st.sampled_from(["red", "apple", "car", "zz", ","]), max_size=40).map(
        " ".join
    ),
    min_size=1,
    max_size=4,
)


def factors(text, weight, decay):
    """Factor of each word and pair of a text of words, in plain loops."""
    words = text.replace(",", " ").split()
    places = {}
    for place, word in enumerate(words):
        places.setdefault(word, []).append(place)
        if place:
            places.setdefault(f"{words[place - 1]} {word}", []).append(place)
    return {
        term: 1 + weight * np.mean(np.exp(-np.array(found) / decay))
        for term, found in places.items()
    }


def value_table(vectorizer, text):
    X = vectorizer.transform([text])
    return dict(zip(vectorizer.get_feature_names_out()[X.indices], X.data))


@settings(max_examples=100, deadline=None)
@given(some_texts, st.sampled_from([0.5, 2.0]), st.sampled_from([0.3, 5.0, 12.0]))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_position_weights_equal_plain_loops(dtype, texts, weight, decay):
    params = {"ngram_range": (1, 2), "norm": None, "dtype": dtype}
    plain = LexicalVectorizer(**params).fit(TEXTS)
    weighed = LexicalVectorizer(
        **params, position_weight=weight, position_decay=decay
    ).fit(TEXTS)
    for text in texts:
        expected = factors(text, weight, decay)
        before, after = value_table(plain, text), value_table(weighed, text)
        assert before.keys() == after.keys()
        for term, value in before.items():
            # Places beyond 20 times the decay are left out.
            assert after[term] == pytest.approx(value * expected[term], rel=2e-6)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_position_weights_come_before_the_norm(norm):
    params = {"norm": norm, "position_weight": 2.0}
    X = LexicalVectorizer(**params).fit(TEXTS).transform(TEXTS)
    order = 1 if norm == "l1" else 2
    np.testing.assert_allclose(np.linalg.norm(X.toarray(), order, axis=1), 1)


def test_position_weight_of_many_occurrences():
    """The 16 bits of a count do not suffice."""
    vectorizer = LexicalVectorizer(
        norm=None, use_idf=False, position_weight=3.0, position_decay=1.0
    ).fit(["red car"])
    n = 70_000
    (value,) = vectorizer.transform(["red " * n]).data
    mean = np.exp(-np.arange(21)).sum() / n
    assert value == pytest.approx(n * (1 + 3 * mean), rel=1e-6)


def test_position_weight_of_pieces_counts_words():
    """A piece of an unknown word has the place of the word."""
    params = {
        "analyzer": "word+subword",
        "token_pattern": r"(?u)\b\w+\b",
        "subwords_of": "unknown",
        "n_subwords": 60,
        "norm": None,
        "use_idf": False,
    }
    plain = LexicalVectorizer(**params).fit(TEXTS)
    weighed = LexicalVectorizer(**params, position_weight=1.0).fit(TEXTS)
    text = "red apple qq car!"
    before, after = value_table(plain, text), value_table(weighed, text)
    extra = {term: after[term] / before[term] - 1 for term in before}
    assert extra["word__car"] == pytest.approx(np.exp(-3 / 12))
    assert extra["subword__!"] == pytest.approx(np.exp(-4 / 12))
    unknown = [t for t in extra if t.startswith("subword__") and t != "subword__!"]
    for term in unknown:
        assert extra[term] == pytest.approx(np.exp(-2 / 12))


def test_position_weight_zero_or_open_is_tfidf():
    expected = LexicalVectorizer().fit_transform(TEXTS)
    for weight in (0, 0.0, "auto"):
        X = LexicalVectorizer(position_weight=weight).fit_transform(TEXTS)
        assert (X != expected).nnz == 0


def test_position_weight_is_read_by_transform():
    vectorizer = LexicalVectorizer().fit(TEXTS)
    before = vectorizer.transform(TEXTS)
    after = vectorizer.set_params(position_weight=1.0).transform(TEXTS)
    assert (before != after).nnz > 0
    wider = vectorizer.set_params(position_decay=2.0).transform(TEXTS)
    assert (wider != after).nnz > 0


def test_position_weight_with_settings_of_scikit_learn():
    vectorizer = LexicalVectorizer(position_weight=1.0, tokenizer=str.split)
    with pytest.raises(ValueError, match="'position_weight' parameter .* is 1.0"):
        vectorizer.fit(TEXTS)
    open_weight = LexicalVectorizer(
        position_weight="auto", tokenizer=str.split, token_pattern=None
    )
    assert open_weight.fit_transform(TEXTS).shape[0] == len(TEXTS)


def test_position_weight_with_an_idf_that_is_not_finite():
    vectorizer = LexicalVectorizer(position_weight=1.0).fit(TEXTS)
    vectorizer.idf_ = np.full(len(vectorizer.idf_), np.inf)
    with pytest.raises(ValueError, match="a finite idf"):
        vectorizer.transform(TEXTS)


@pytest.mark.parametrize(
    "params",
    [
        {"position_weight": -1},
        {"position_weight": np.nan},
        {"position_weight": "high"},
        {"position_decay": 0},
        {"position_decay": np.inf},
    ],
)
def test_bad_position_parameters(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        LexicalVectorizer(**params).fit(TEXTS)
