"""Settings of word pieces that are refused, or that cause a warning."""

import re
import warnings

import numpy as np
import pytest
from pieces_reference import bert_tokenizer
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import LexicalVectorizer

pytest.importorskip("tokenizers")

TEXTS = ["a red apple, the green apple", "", "one two three [CLS] don't"]
# Parameters that word pieces do not use, with other values than the defaults.
UNUSED = {
    "lowercase": False,
    "stop_words": "english",
    "strip_accents": "ascii",
    "token_pattern": r"\w+",
    "preprocessor": str.lower,
}


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("kind", ["object", "path"])
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_subword_tokenizer_needs_an_analyzer_of_pieces(analyzer, kind, method):
    tokenizer = bert_tokenizer() if kind == "object" else "pieces.json"
    vectorizer = LexicalVectorizer(analyzer=analyzer, tokenizer=tokenizer)
    kind = type(tokenizer).__name__
    with pytest.raises(
        ValueError,
        match="^The 'tokenizer' parameter of LexicalVectorizer must be a callable or "
        f"None when analyzer='{analyzer}'. Got {kind} .* needs analyzer='subword'",
    ):
        getattr(vectorizer, method)(TEXTS)


def test_subword_tokenizer_of_words_may_be_a_function():
    vectorizer = LexicalVectorizer(tokenizer=str.split, token_pattern=None)
    assert sorted(vectorizer.fit(["a b"]).vocabulary_) == ["a", "b"]


@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
@pytest.mark.parametrize("dtype", [np.int32, np.float16, bool])
@pytest.mark.filterwarnings("ignore:Only:UserWarning")
def test_subword_dtype_is_a_float_type(analyzer, dtype):
    with pytest.raises(
        ValueError,
        match="The 'dtype' parameter of LexicalVectorizer must be np.float32 or "
        f"np.float64 when analyzer='{re.escape(analyzer)}'. Got",
    ):
        LexicalVectorizer(analyzer=analyzer, dtype=dtype).fit(TEXTS)


@pytest.mark.parametrize("ngram_range", [(2, 1), (1,), (1, 2, 3)])
@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
def test_subword_ngram_range_is_checked_as_in_scikit_learn(analyzer, ngram_range):
    with pytest.raises(ValueError) as theirs:
        TfidfVectorizer(ngram_range=ngram_range).fit(TEXTS)
    with pytest.raises(ValueError) as ours:
        LexicalVectorizer(analyzer=analyzer, ngram_range=ngram_range).fit(TEXTS)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "params",
    [
        {"preprocessor": str.lower},
        {"token_pattern": None},
        {"token_pattern": "[a-z]+"},
        {"stop_words": [b"the"]},
    ],
    ids=repr,
)
def test_subword_and_words_that_the_kernels_do_not_support(params):
    ((name, value),) = params.items()
    with pytest.raises(
        ValueError,
        match="LexicalVectorizer with analyzer='word.subword' supports only an "
        f"ngram_range of ints from 1 up, .*Got ngram_range=.*{name}="
        f"{re.escape(repr(value))}.* use analyzer='word'",
    ):
        LexicalVectorizer(analyzer="word+subword", **params).fit(TEXTS)


@pytest.mark.parametrize("name", UNUSED)
def test_subword_unused_parameter_warns(name):
    with pytest.warns(UserWarning, match=f"The parameter '{name}' will not be used"):
        LexicalVectorizer(analyzer="subword", **{name: UNUSED[name]}).fit(TEXTS)


@pytest.mark.parametrize(
    "params",
    [
        {"analyzer": "subword", "n_subwords": 80},
        {"analyzer": "subword", "n_subwords": 80, "ngram_range": (1, 3), "norm": "l1"},
        {"analyzer": "word+subword", "n_subwords": 80, "ngram_range": (1, 2)},
        {"analyzer": "word+subword", "n_subwords": 80, "dtype": np.float32},
        {"analyzer": "word+subword", **UNUSED, "preprocessor": None},
    ],
    ids=["pieces", "runs of pieces", "pairs", "float32", "rules of words"],
)
def test_subword_used_parameters_do_not_warn(params):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LexicalVectorizer(**params).fit(TEXTS)


def test_subword_subclass_with_its_own_analysis_is_refused():
    class Own(LexicalVectorizer):
        def decode(self, doc):
            return doc.upper()

    with pytest.raises(ValueError, match="Own overrides a method of the analysis"):
        Own(analyzer="subword").fit(TEXTS)


def test_subword_ngram_range_of_other_numbers_is_refused():
    with pytest.raises(ValueError, match=r"Got ngram_range=\(1, 2.5\)"):
        LexicalVectorizer(analyzer="subword", ngram_range=(1, 2.5)).fit(TEXTS)
