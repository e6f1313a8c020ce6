"""Terms that new documents bring to a fitted stage."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from sklux import LexicalVectorizer
from sklux._lexical.new_terms import with_new_terms

OLD = ["a red apple", "a green apple", "a fast car"]
NEW = ["a slow train", "the slow train", "a late bus", "a red train"]
letters = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(
    old=st.lists(letters, min_size=2, max_size=5),
    new=st.lists(letters, min_size=2, max_size=8),
    most=st.integers(0, 6),
)
def test_new_terms_equal_counts_of_scikit_learn(old, new, most):
    options = {"token_pattern": r"\b\w+\b", "ngram_range": (1, 2)}
    stage = LexicalVectorizer(**options).fit(old)
    extended, n_new = with_new_terms(stage, new, most, len(old) + len(new))
    known = stage.vocabulary_
    analyze = CountVectorizer(**options).build_analyzer()
    df = Counter(term for document in new for term in set(analyze(document)))
    expected = {term: n for term, n in df.items() if n >= 2 and term not in known}
    names = extended.get_feature_names_out().tolist()
    assert names[: len(known)] == stage.get_feature_names_out().tolist()
    added = names[len(known) :]
    assert len(added) == n_new == min(most, len(expected))
    assert set(added) <= set(expected)
    counts = [expected[term] for term in added]
    assert counts == sorted(expected.values(), reverse=True)[:n_new]
    idf = np.log((1 + len(old) + len(new)) / (1 + np.array(counts))) + 1
    np.testing.assert_allclose(extended.idf_[len(known) :], idf)
    assert (extended.idf_[: len(known)] == stage.idf_).all()


@pytest.mark.parametrize("analyzer", ["word", "word+subword", "subword", "char"])
def test_known_columns_keep_their_values(analyzer):
    stage = LexicalVectorizer(analyzer=analyzer, norm=None).fit(OLD)
    before = stage.get_feature_names_out().tolist()
    extended, n_new = with_new_terms(stage, NEW, 100, len(OLD) + len(NEW))
    assert extended.get_feature_names_out().tolist()[: len(before)] == before
    assert stage.get_feature_names_out().tolist() == before
    X, wide = stage.transform(OLD), extended.transform(OLD)
    assert (X != wide[:, : len(before)]).nnz == 0
    assert n_new > 0 or analyzer == "subword"


def test_terms_of_one_document_are_not_added():
    stage = LexicalVectorizer().fit(OLD)
    extended, _ = with_new_terms(stage, NEW, 100, 7)
    assert sorted(set(extended.vocabulary_) - set(stage.vocabulary_)) == [
        "slow",
        "train",
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        {"vocabulary": ["red", "apple"]},
        {"tokenizer": str.split, "token_pattern": None},
        {"max_df": 1},
        {"min_df": 4},
        {"stop_words": ["slow", "train"]},
    ],
)
def test_stages_that_get_no_terms(parameters):
    rule = {"max_df", "min_df"} & set(parameters)
    stage = LexicalVectorizer(**({} if rule else parameters)).fit(OLD)
    if rule:
        stage.set_params(**parameters)
    assert with_new_terms(stage, NEW, 100, 7) == (stage, 0)


def test_stage_without_idf():
    stage = LexicalVectorizer(use_idf=False).fit(OLD)
    extended, n_new = with_new_terms(stage, NEW, 1, 7)
    assert n_new == 1
    assert extended.transform(["train"]).nnz == 1


def test_new_documents_without_any_term():
    stage = LexicalVectorizer().fit(OLD)
    assert with_new_terms(stage, ["", "?"], 100, 5) == (stage, 0)
