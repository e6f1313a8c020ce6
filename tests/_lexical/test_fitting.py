"""The fit of a lexical stage: which terms stay, their idf, and words of the corpus."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)

from sklux import LexicalVectorizer
from sklux._lexical.analysis import text_source
from sklux._lexical.buffers import text_buffers
from sklux._lexical.fitting import (
    TermLimits,
    inverse_document_frequency,
    learn_terms,
    words_in_corpus,
)
from sklux._lexical.tokens import pack_strings, sorted_words

many_examples = settings(max_examples=200, deadline=None)
ALL_TERMS = TermLimits(1.0, 1, None, False, np.float64)
documents_of_letters = st.lists(
    st.lists(st.sampled_from("abcdefgh"), max_size=6).map(" ".join), max_size=8
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "max_df": st.sampled_from([1.0, 0.9, 0.5, 0.0, 1, 2, 5]),
        "min_df": st.sampled_from([1, 2, 5, 0.0, 0.3, 0.5, 1.0]),
        "max_features": st.sampled_from([None, 1, 2, 4, 100]),
        "binary": st.booleans(),
        "dtype": st.sampled_from([np.float32, np.float64, np.int64]),
    },
)


def counts(documents):
    """Terms in ascending order, with the number of occurrences and of documents."""
    terms = sorted({term for text in documents for term in text.split()})
    tf = [sum(text.split().count(term) for text in documents) for term in terms]
    df = [sum(term in text.split() for text in documents) for term in terms]
    return terms, np.array(tf, dtype=np.int64), np.array(df, dtype=np.uint32)


def outcome(action):
    """The result of an action, or the message of its ValueError."""
    try:
        return action()
    except ValueError as error:
        return str(error)


@many_examples
@given(documents_of_letters, limits)
def test_fitting_limits_choose_the_terms_of_scikit_learn(documents, params):
    terms, tf, df = counts(documents)
    own = TermLimits(**vars(ALL_TERMS) | params)
    chosen = outcome(lambda: own.choose(tf, df, len(documents)))
    if not isinstance(chosen, str):
        assert chosen.dtype == bool
        chosen = [term for term, stays in zip(terms, chosen, strict=True) if stays]
    theirs = CountVectorizer(token_pattern=r"\w+", **params)
    assert chosen == outcome(
        lambda: theirs.fit(documents).get_feature_names_out().tolist()
    )


@many_examples
@given(
    st.lists(st.integers(0, 50), min_size=1),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_fitting_idf_has_the_bits_of_scikit_learn(df, dtype, smooth_idf):
    X = np.zeros((50, len(df)), dtype=dtype)
    for column, n in enumerate(df):
        X[:n, column] = 1
    expected = TfidfTransformer(smooth_idf=smooth_idf).fit(X).idf_
    idf = inverse_document_frequency(np.array(df), 50, smooth_idf, np.dtype(dtype))
    assert idf.dtype == expected.dtype == dtype
    assert idf.tobytes() == expected.tobytes()


# The table keeps words of up to eight bytes in its keys.
words = st.sampled_from(
    ["", "a", "a\x00", "1234567", "12345678", "123456789", "\u00e9\u00e9\u00e9\u00e9"]
    + ["\u4e2d\u6587\u4e2d", "\ud800", "x" * 100]
) | st.text("ab\u00e9\u4e2d\U0001f34e", max_size=12)


@many_examples
@given(st.lists(words, unique=True), st.lists(words))
def test_fitting_words_in_corpus_equal_a_set(chosen, corpus):
    corpus_words, _ = sorted_words(pack_strings(corpus))
    assert words_in_corpus(chosen, corpus_words) == set(chosen) & set(corpus)


def test_fitting_words_of_a_long_list():
    corpus = pack_strings([f"word{i}" for i in range(0, 5000, 3)])
    chosen = [f"word{i}" for i in range(5000)]
    assert words_in_corpus(chosen, corpus) == {f"word{i}" for i in range(0, 5000, 3)}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fitting_two_sources_share_the_limits(n_jobs):
    """Terms of both sources are counted together for `max_features`."""
    documents = ["bb a", "bb cc", "bb cc"]
    vectorizer = LexicalVectorizer(token_pattern=r"\w+")
    sources = text_source(vectorizer, "char"), text_source(vectorizer, "word")
    blocks = list(text_buffers(documents))
    found = learn_terms(sources, blocks, ALL_TERMS, n_jobs)
    assert [part.tolist() for part in found.terms] == [
        [" ", "a", "b", "c"],
        ["a", "bb", "cc"],
    ]
    assert found.df.tolist() == [3, 1, 3, 2, 1, 3, 2]
    assert found.n_documents == 3
    assert [corpus.words.tolist() for corpus in found.corpora] == [
        part.tolist() for part in found.terms
    ]
    few = TermLimits(1.0, 2, 3, False, np.float64)
    found = learn_terms(sources, blocks, few, n_jobs)
    # tf: 3 blanks, 6 b, 4 c, 3 bb, 2 cc.
    assert sum(len(part) for part in found.terms) == 3
    assert {"b", "c"} <= set(found.terms[0].tolist())


@pytest.mark.parametrize(
    "params",
    [
        {},
        # Words that are shorter than the shortest n-gram count as a whole.
        {"analyzer": "char_wb", "ngram_range": (4, 5)},
        {"dtype": np.float32},
        {"dtype": np.float32, "smooth_idf": False},
        # The most frequent word is in one document.
        {"max_features": 1},
        {"max_features": 1, "binary": True},
    ],
    ids=str,
)
def test_fitted_terms_and_weights_are_those_of_scikit_learn(params):
    texts = ["aa aa aa aa bb", "bb cc", "a b bb cc longer words"]
    ours = LexicalVectorizer(token_pattern=r"\w+", **params).fit(texts)
    theirs = TfidfVectorizer(token_pattern=r"\w+", **params).fit(texts)
    assert ours.vocabulary_ == theirs.vocabulary_
    assert ours.idf_.dtype == theirs.idf_.dtype
    np.testing.assert_array_equal(ours.idf_, theirs.idf_)
