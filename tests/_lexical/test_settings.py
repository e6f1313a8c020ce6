"""Settings of a lexical stage as a cache key: equal only if the rows are equal."""

import numpy as np
import pytest
from sklearn.base import clone

from sklux import LexicalVectorizer
from sklux._lexical.settings import PARAMETERS, LexicalSettings
from sklux._lexical.vectorizer import lexical_settings
from sklux._utils.estimators import Snapshot

TEXTS = ["a red apple, the green apple", "the car", "one two one two"]


def fitted(**params):
    return LexicalVectorizer(stop_words=["the"], **params).fit(TEXTS)


CHANGES = {
    "input": "file",
    "analyzer": "char",
    "tokenizer": str.split,
    "preprocessor": str.lower,
    "strip_accents": "ascii",
    "lowercase": False,
    "token_pattern": r"\w+",
    "segmentation": "unicode",
    "stop_words": ["the", "car"],
    "ngram_range": (1, 2),
    "binary": True,
    "dtype": np.float32,
    "subwords_of": "unknown",
    "position_weight": 1.0,
    "position_decay": 5.0,
}


def test_settings_are_equal_without_a_change():
    vectorizer = fitted()
    first = lexical_settings(vectorizer)
    vectorizer.transform(TEXTS)
    _ = vectorizer.vocabulary_
    assert lexical_settings(vectorizer) == first


def test_settings_cover_all_changes_below():
    assert set(CHANGES) == set(PARAMETERS) < set(LexicalSettings._fields)


@pytest.mark.parametrize("name", CHANGES)
def test_settings_of_one_changed_parameter(name):
    vectorizer = fitted()
    first, before = lexical_settings(vectorizer), getattr(vectorizer, name)
    vectorizer.set_params(**{name: CHANGES[name]})
    changed = lexical_settings(vectorizer)
    assert changed != first
    fields = [f for f in first._fields if getattr(first, f) != getattr(changed, f)]
    assert fields == [name]
    vectorizer.set_params(**{name: before})
    assert lexical_settings(vectorizer) == first


def test_settings_of_stop_words_that_change_in_place():
    vectorizer = fitted()
    first = Snapshot(lexical_settings(vectorizer))
    vectorizer.stop_words.append("car")
    assert not first.equals(lexical_settings(vectorizer))
    vectorizer.stop_words.pop()
    assert first.equals(lexical_settings(vectorizer))
    vectorizer.stop_words = ["the"]  # an equal list
    assert first.equals(lexical_settings(vectorizer))


def test_settings_of_a_method_that_is_replaced_on_the_instance():
    vectorizer = fitted()
    first = lexical_settings(vectorizer)
    vectorizer.build_tokenizer = lambda: str.split
    assert lexical_settings(vectorizer) != first
    del vectorizer.build_tokenizer
    assert lexical_settings(vectorizer) == first


@pytest.mark.parametrize("name", ["norm", "sublinear_tf"])
def test_settings_of_the_fit_change_with_the_next_fit(name):
    vectorizer = fitted()
    first = lexical_settings(vectorizer)
    vectorizer.set_params(norm="l1", sublinear_tf=True)
    assert lexical_settings(vectorizer) == first
    vectorizer.fit(TEXTS)
    assert getattr(lexical_settings(vectorizer), name) != getattr(first, name)


@pytest.mark.parametrize(
    "params",
    [{"n_jobs": 2}, {"max_df": 0.5}, {"use_idf": False}, {"max_features": 1}],
    ids=repr,
)
def test_settings_of_the_fit_and_of_threads_are_not_compared(params):
    vectorizer = fitted()
    first = lexical_settings(vectorizer)
    assert lexical_settings(vectorizer.set_params(**params)) == first


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.fit(TEXTS),
        lambda v: setattr(v, "idf_", v.idf_.copy()),
        lambda v: setattr(v, "vocabulary_", dict(v.vocabulary_)),
    ],
    ids=["fit", "idf", "vocabulary"],
)
def test_settings_of_another_lexicon(change):
    """Lexicons are compared by identity."""
    vectorizer = fitted()
    first = lexical_settings(vectorizer)
    change(vectorizer)
    assert lexical_settings(vectorizer) != first


def test_settings_of_another_class():
    class Own(LexicalVectorizer):
        pass

    vectorizer = fitted()
    lexicon = vectorizer._lexicon
    own = clone(vectorizer).fit(TEXTS)
    assert LexicalSettings.of(own, lexicon) == LexicalSettings.of(vectorizer, lexicon)
    own = Own(stop_words=["the"]).fit(TEXTS)
    assert LexicalSettings.of(own, lexicon) != LexicalSettings.of(vectorizer, lexicon)
