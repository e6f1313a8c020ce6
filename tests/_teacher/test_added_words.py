"""Terms that no document of the lexical stage has."""

import numpy as np
import pytest
import reference

from _teacher.topics import UNSEEN, topic_sentences
from sklux import LexicalVectorizer
from sklux._lexical.vectorizer import default_lexical_stage


@pytest.fixture(scope="module")
def sentences():
    return topic_sentences()


@pytest.mark.parametrize(
    "stage", [LexicalVectorizer(dtype=np.float32), default_lexical_stage()]
)
def test_added_words_change_nothing_for_the_documents(sentences, stage):
    before = stage.fit_transform(sentences)
    idf = stage.idf_
    new = stage._add_words(["zebra", "apple", *UNSEEN, "zebra"], sentences)
    assert new == ["zebra", *UNSEEN]
    after = stage.transform(sentences)
    names = stage.get_feature_names_out()[before.shape[1] :]
    assert [name.removeprefix("word__") for name in names] == ["zebra", *UNSEEN]
    reference.assert_same_bits(after[:, : before.shape[1]].toarray(), before.toarray())
    assert after[:, before.shape[1] :].nnz == 0
    assert stage.transform(["zebra"])[0, before.shape[1]] > 0
    np.testing.assert_array_equal(stage.idf_[: len(idf)], idf)
    np.testing.assert_allclose(stage.idf_[len(idf) :], np.log(121 / 2) + 1, rtol=1e-6)
    assert stage.idf_.dtype == idf.dtype


def test_added_words_are_analyzed(sentences):
    """In the form of terms, and only single words."""
    stage = LexicalVectorizer(stop_words=["zoo"], ngram_range=(1, 2)).fit(sentences)
    words = ["Zebra", "zoo", "two words", "x", "X-ray", "yak", "\u0130stanbul"]
    assert stage._add_words(words, sentences) == ["zebra", "yak"]
    stage = LexicalVectorizer(lowercase=False, strip_accents="unicode").fit(sentences)
    assert stage._add_words(["Zebra", "na\u00efve"], sentences) == ["Zebra", "naive"]


@pytest.mark.parametrize("stage", [LexicalVectorizer, default_lexical_stage])
@pytest.mark.parametrize("bound", [{"max_df": 0.3}, {"min_df": 2}, {"max_df": 1}])
def test_added_words_of_the_documents_are_left_out(sentences, stage, bound):
    """Words that min_df and max_df leave out of the terms."""
    documents = [*(f"the {text}" for text in sentences), "mango"]
    stage = stage().set_params(max_df=1.0, min_df=1).set_params(**bound)
    before = stage.fit_transform(documents)
    new = stage._add_words(["the", "harp", "mango", "lorry"], documents)
    assert new == ["harp", "lorry"]
    assert stage.transform(documents).nnz == before.nnz


@pytest.mark.parametrize("n_free", [0, 2])
def test_added_words_fit_into_max_features(sentences, n_free):
    n_terms = len(LexicalVectorizer().fit(sentences).vocabulary_)
    stage = LexicalVectorizer(max_features=n_terms + n_free).fit(sentences)
    assert stage._add_words(UNSEEN, sentences) == UNSEEN[:n_free]
    assert list(stage.vocabulary_)[n_terms:] == UNSEEN[:n_free]


def test_added_words_without_idf(sentences):
    stage = LexicalVectorizer(use_idf=False).fit(sentences)
    stage._add_words(UNSEEN, sentences)
    assert stage.transform(UNSEEN).sum() == 3
