"""Lexicon: the terms of a lexical stage, and words that are added to them."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import reference
from _teacher.topics import UNSEEN, topic_sentences
from sklearn.base import clone

from sklux import LexicalVectorizer
from sklux._lexical.lexicon import Lexicon
from sklux._lexical.tokens import pack_strings
from sklux._lexical.vectorizer import (
    default_lexical_stage,
    fit_with_words,
    lexicon_of,
)


@pytest.fixture(scope="module")
def sentences():
    return topic_sentences()


@pytest.mark.parametrize(
    "stage", [LexicalVectorizer(dtype=np.float32), default_lexical_stage()]
)
def test_added_words_do_not_change_the_rows_of_documents(sentences, stage):
    plain = clone(stage)
    before, idf = plain.fit_transform(sentences), plain.idf_
    words = ["zebra", "apple", *UNSEEN, "zebra"]
    after, extension = fit_with_words(stage, sentences, words)
    assert extension.added == ["zebra", *UNSEEN]
    assert extension.lost == []
    assert lexicon_of(stage) is extension.lexicon
    reference.assert_same_bits(after.toarray(), stage.transform(sentences).toarray())
    names = stage.get_feature_names_out()[before.shape[1] :]
    assert [name.removeprefix("word__") for name in names] == ["zebra", *UNSEEN]
    reference.assert_same_bits(after[:, : before.shape[1]].toarray(), before.toarray())
    assert after[:, before.shape[1] :].nnz == 0
    assert stage.transform(["zebra"])[0, before.shape[1]] > 0
    np.testing.assert_array_equal(stage.idf_[: len(idf)], idf)
    np.testing.assert_allclose(stage.idf_[len(idf) :], np.log(121 / 2) + 1, rtol=1e-6)
    assert stage.idf_.dtype == idf.dtype


def test_added_words_are_analyzed(sentences):
    """They are added in the form of terms, and only if they are single words."""
    stage = LexicalVectorizer(stop_words=["zoo"], ngram_range=(1, 2))
    words = ["Zebra", "zoo", "two words", "x", "X-ray", "yak", "\u0130stanbul"]
    _, extension = fit_with_words(stage, sentences, words)
    assert extension.added == ["zebra", "yak"]
    assert extension.lost == ["zoo", "two words", "x", "X-ray", "\u0130stanbul"]
    stage = LexicalVectorizer(lowercase=False, strip_accents="unicode")
    _, extension = fit_with_words(stage, sentences, ["Zebra", "na\u00efve"])
    assert extension.added == ["Zebra", "naive"]


@pytest.mark.parametrize("stage", [LexicalVectorizer, default_lexical_stage])
@pytest.mark.parametrize("bound", [{"max_df": 0.3}, {"min_df": 2}, {"max_df": 1}])
def test_added_words_of_the_documents_are_left_out(sentences, stage, bound):
    """Even words that min_df and max_df leave out of the terms."""
    documents = [*(f"the {text}" for text in sentences), "mango"]
    stage = stage().set_params(max_df=1.0, min_df=1).set_params(**bound)
    before = clone(stage).fit_transform(documents)
    words = ["the", "harp", "mango", "lorry"]
    X, extension = fit_with_words(stage, documents, words)
    assert extension.added == ["harp", "lorry"]
    assert X.nnz == stage.transform(documents).nnz == before.nnz


@pytest.mark.parametrize("n_free", [0, 2])
def test_added_words_fit_into_max_features(sentences, n_free):
    n_terms = len(LexicalVectorizer().fit(sentences).vocabulary_)
    stage = LexicalVectorizer(max_features=n_terms + n_free)
    _, extension = fit_with_words(stage, sentences, UNSEEN)
    assert extension.added == UNSEEN[:n_free]
    assert extension.lost == UNSEEN[n_free:]
    assert list(stage.vocabulary_)[n_terms:] == UNSEEN[:n_free]


def test_added_words_without_idf(sentences):
    stage = LexicalVectorizer(use_idf=False)
    fit_with_words(stage, sentences, UNSEEN)
    assert stage.transform(UNSEEN).sum() == 3


def mixed_lexicon(**changes):
    """Two word pieces and one word."""
    parts = pack_strings(["a", "##b"]), pack_strings(["ab"])
    return Lexicon(learnt=parts, is_mixed=True, **changes)


def test_lexicon_names_have_prefixes_if_there_are_two_parts():
    lexicon = mixed_lexicon()
    assert lexicon.names() == ["subword__a", "subword__##b", "word__ab"]
    assert lexicon.vocabulary == {"subword__a": 0, "subword__##b": 1, "word__ab": 2}
    assert lexicon.n_columns == 3


def test_lexicon_given_vocabulary_has_the_same_parts():
    learnt = mixed_lexicon()
    given = Lexicon(given=dict(learnt.vocabulary), is_mixed=True)
    assert given.names() == learnt.names()
    for one, other in zip(given.terms, learnt.terms, strict=True):
        assert one.tolist() == other.tolist()


def test_lexicon_terms_that_are_not_str_are_in_no_document():
    lexicon = Lexicon(given={"apple": 1, 7: 0})
    assert [part.tolist() for part in lexicon.terms] == [["  ", "apple"]]


def test_lexicon_does_not_change():
    lexicon = mixed_lexicon(idf=np.array([1.0, 2.0, 3.0]))
    with pytest.raises(AttributeError):
        lexicon.idf = None
    for same in (lexicon, pickle.loads(pickle.dumps(lexicon)), deepcopy(lexicon)):
        with pytest.raises(ValueError, match="read-only"):
            same.idf[0] = 9
    other = lexicon.with_idf(None)
    assert other.idf is None
    assert other.learnt is lexicon.learnt
