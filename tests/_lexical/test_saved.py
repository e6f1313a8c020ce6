"""The lexical stage in a model file."""

import json
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pieces_reference import OTHER_KINDS, bert_tokenizer, other_tokenizer
from sklearn.base import clone
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)

from sklux import LexicalVectorizer
from sklux._lexical.saved import (
    lexical_from_params,
    lexical_params,
    lexical_tensors,
    restore_lexical,
)
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._utils.model_file import is_json

CLASSES = [CountVectorizer, TfidfVectorizer, LexicalVectorizer]
TEXTS = ["a red apple", "the green apple", "a fast car", "R or C, the slow car"] * 2
# Terms that are difficult to store: single surrogates, pairs of them, astral planes.
WORDS = ["apple", "the", "na\u00efve", "\U0001f34e", "\U0002070e", "\ud83c", "\udf4e"]
DOCUMENTS = st.lists(
    st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=1, max_size=6
)
SHARED = {
    "ngram_range": st.sampled_from([(1, 1), (1, 2), (2, 3)]),
    "analyzer": st.sampled_from(["word", "char", "char_wb"]),
    "token_pattern": st.sampled_from([r"(?u)\b\w\w+\b", r"\S+"]),
    "lowercase": st.booleans(),
    "strip_accents": st.sampled_from([None, "unicode"]),
    "binary": st.booleans(),
    "stop_words": st.sampled_from([None, "english", ["the", "\ud83c"]]),
    "min_df": st.sampled_from([1, 2, 0.0, 0.3]),
    "max_df": st.sampled_from([1.0, 0.9]),
    "max_features": st.sampled_from([None, 3]),
    "vocabulary": st.sampled_from(
        [None, ["the", "\U0001f34e", "\ud83c"], {"apple": 1, "\udf4e": 0}]
    ),
    "dtype": st.sampled_from([np.float32, np.float64]),
}
TFIDF = {
    "norm": st.sampled_from(["l1", "l2", None]),
    "use_idf": st.booleans(),
    "smooth_idf": st.booleans(),
    "sublinear_tf": st.booleans(),
}


def round_trip(vectorizer):
    """The stage after a save and a load: parameters go through JSON."""
    state = json.loads(json.dumps(lexical_params(vectorizer)))
    return restore_lexical(lexical_from_params(state), lexical_tensors(vectorizer))


def assert_same_matrix(X, Y):
    """Assert that two sparse matrices have the same bits."""
    assert X.shape == Y.shape
    for name in ("data", "indices", "indptr"):
        one, other = getattr(X, name), getattr(Y, name)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def assert_round_trip(vectorizer, documents):
    """Assert that a fitted stage is the same after a save and a load."""
    restored = round_trip(vectorizer)
    assert type(restored) is type(vectorizer)
    assert restored.get_params() == vectorizer.get_params()
    assert restored.vocabulary_ == vectorizer.vocabulary_
    assert restored.fixed_vocabulary_ == vectorizer.fixed_vocabulary_
    assert_same_matrix(restored.transform(documents), vectorizer.transform(documents))
    np.testing.assert_array_equal(
        restored.get_feature_names_out(), vectorizer.get_feature_names_out()
    )


def fit_or_assume(vectorizer, documents):
    """Fit; skip the example if scikit-learn refuses it.

    It may have no terms, or a given term with an infinite idf, without smoothing.
    """
    try:
        vectorizer.fit(documents).transform(documents)
    except ValueError:
        assume(False)
    return vectorizer


def test_lexical_default_stage_can_be_saved():
    assert_round_trip(default_lexical_stage().fit(TEXTS), TEXTS)


# Round trip


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=50, deadline=None)
@given(DOCUMENTS, st.fixed_dictionaries({}, optional=SHARED))
def test_lexical_round_trip_of_counts(documents, params):
    vectorizer = fit_or_assume(CountVectorizer(**params), documents)
    assert_round_trip(vectorizer, [*documents, ""])


@pytest.mark.filterwarnings("ignore::UserWarning")
# Without smoothing, the idf of a given term that does not occur is infinite.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=50, deadline=None)
@given(DOCUMENTS, st.fixed_dictionaries({}, optional=SHARED | TFIDF))
def test_lexical_round_trip_of_tfidf(documents, params):
    vectorizer = fit_or_assume(TfidfVectorizer(**params), documents)
    assert_round_trip(vectorizer, [*documents, ""])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=50, deadline=None)
@given(DOCUMENTS, st.fixed_dictionaries({}, optional=SHARED | TFIDF))
def test_lexical_round_trip_of_the_kernels_stage(documents, params):
    vectorizer = fit_or_assume(LexicalVectorizer(**params), documents)
    assert_round_trip(vectorizer, [*documents, ""])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=()), max_size=5),
        min_size=1,
        max_size=20,
        unique=True,
    )
)
def test_lexical_round_trip_of_any_terms(terms):
    vectorizer = CountVectorizer(vocabulary=terms, analyzer="char")
    vectorizer.transform(["text"])
    assert round_trip(vectorizer).vocabulary_ == vectorizer.vocabulary_


def test_lexical_surrogate_pair_is_not_one_character():
    terms = ["\ud83c\udf4e", "\U0001f34e"]
    vectorizer = CountVectorizer(vocabulary=terms, token_pattern=r"\S+")
    vectorizer.transform(["text"])
    counts = round_trip(vectorizer).transform([" ".join(terms)])
    np.testing.assert_array_equal(counts.toarray(), [[1, 1]])


@pytest.mark.parametrize("kind", CLASSES)
def test_lexical_round_trip_of_numpy_scalars(kind):
    """A parameter search over numpy arrays sets such values."""
    params = {
        "ngram_range": (np.int64(1), np.int64(2)),
        "max_features": np.int64(5),
        "max_df": np.float64(0.9),
        "binary": np.bool_(True),
    }
    vectorizer = kind(**params).fit(TEXTS)
    assert_round_trip(vectorizer, TEXTS)


# scikit-learn compares dtypes by identity, and warns for the last two.
@pytest.mark.filterwarnings("ignore:Only.*'dtype' should be used:UserWarning")
@pytest.mark.parametrize("dtype", [np.float32, "float32", np.dtype("float32")])
def test_lexical_round_trip_of_each_way_to_write_a_dtype(dtype):
    restored = round_trip(TfidfVectorizer(dtype=dtype).fit(TEXTS))
    assert np.dtype(restored.dtype) == np.float32
    assert restored.transform(TEXTS).dtype == np.float32


def test_lexical_restored_stage_is_cloned_and_fitted_anew():
    restored = round_trip(TfidfVectorizer(min_df=2).fit(TEXTS))
    again = clone(restored).fit(TEXTS)
    assert_same_matrix(again.transform(TEXTS), restored.transform(TEXTS))


def test_lexical_arrays_are_copied():
    """A file may be closed, and its arrays may be read-only."""
    vectorizer = TfidfVectorizer().fit(TEXTS)
    tensors = lexical_tensors(vectorizer)
    tensors["idf"] = np.array(tensors["idf"])
    restored = restore_lexical(TfidfVectorizer(), tensors)
    tensors["idf"][:] = 0
    assert_same_matrix(restored.transform(TEXTS), vectorizer.transform(TEXTS))


def test_lexical_arrays_have_the_documented_types():
    tensors = lexical_tensors(TfidfVectorizer().fit(["b a\u00ef"] * 2))
    assert set(tensors) == {"terms", "term_offsets", "idf"}
    assert tensors["terms"].dtype == np.uint8
    assert tensors["terms"].tobytes() == "a\u00ef".encode()
    assert tensors["term_offsets"].dtype == np.int64
    assert tensors["term_offsets"].tolist() == [0, 3]


@pytest.mark.parametrize(
    "vectorizer", [CountVectorizer(), TfidfVectorizer(use_idf=False)]
)
def test_lexical_arrays_hold_idf_only_if_it_is_used(vectorizer):
    assert set(lexical_tensors(vectorizer.fit(TEXTS))) == {"terms", "term_offsets"}


# Stages that cannot be saved


def analyze(text):
    """A callable parameter."""
    return text.split()


class Vocabulary(dict):
    """A mapping that is another type after JSON."""


UNSAVABLE = {
    "analyzer": analyze,
    "tokenizer": analyze,
    "preprocessor": str.lower,
    "stop_words": {"the"},
    "vocabulary": {"apple", "car"},
    "vocabulary_subclass": Vocabulary(apple=0),
    "vocabulary_numpy": {"apple": np.int64(0)},
    "stop_words_tuple": ("the",),
}


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("case", UNSAVABLE)
def test_lexical_parameter_that_json_cannot_hold(kind, case):
    name = re.match("[a-z]+(_words)?", case)[0]
    with pytest.raises(
        TypeError,
        match=rf"save cannot hold the parameter {name}=.* of the lexical stage "
        rf"{kind.__name__}\. Use joblib\.dump for this model\.",
    ):
        lexical_params(kind(**{name: UNSAVABLE[case]}))


class TfidfSubclass(TfidfVectorizer):
    """A subclass, which may behave differently."""


class LookAlike(TfidfVectorizer):
    """A class with the name of a class that can be saved."""


LookAlike.__name__ = "TfidfVectorizer"


@pytest.mark.parametrize(
    "vectorizer", [TfidfSubclass(), LookAlike(), HashingVectorizer()]
)
def test_lexical_stage_of_another_class(vectorizer):
    with pytest.raises(
        TypeError,
        match=rf"save cannot hold a lexical stage of class {type(vectorizer).__name__},"
        r" only \['CountVectorizer', 'LexicalVectorizer', 'TfidfVectorizer'\]\. "
        r"Use joblib\.dump",
    ):
        lexical_params(vectorizer)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        (True, True),
        (1, True),
        (0.5, True),
        ("\ud800", True),
        ([1, ["a", {"b": None}]], True),
        ((1, 2), False),
        ({1: "a"}, False),
        ([np.int64(1)], False),
        (np.float64(1), False),
        ({"a"}, False),
        (analyze, False),
    ],
)
def test_lexical_is_json(value, expected):
    assert is_json(value) is expected
    if expected:
        assert json.loads(json.dumps(value)) == value


# Files that cannot be read


def test_lexical_unknown_class():
    with pytest.raises(
        ValueError,
        match=r"lexical stage is a FutureVectorizer, which this version of sklux does "
        r"not support; it supports \['CountVectorizer', 'LexicalVectorizer', "
        r"'TfidfVectorizer'\]\. Upgrade sklux",
    ):
        lexical_from_params({"class": "FutureVectorizer", "params": {}})


def test_lexical_unknown_parameter():
    """A newer scikit-learn has written the file."""
    state = lexical_params(TfidfVectorizer())
    state["params"]["future"] = 1
    with pytest.raises(
        ValueError, match=r"has the parameters \['future'\].*Upgrade them"
    ):
        lexical_from_params(state)


def damaged(**changes):
    """Arrays of a fitted stage, with some arrays changed."""
    tensors = lexical_tensors(TfidfVectorizer().fit(["a red apple", "a car"]))
    for name, change in changes.items():
        tensors[name] = change(np.array(tensors[name]))
    return tensors


OFFSETS = {
    "decreasing": lambda offsets: offsets[[0, 2, 1, 3]],
    "not_from_zero": lambda offsets: offsets + [1, 0, 0, 0],
    "too_long": lambda offsets: offsets + [0, 0, 0, 1],
    "too_short": lambda offsets: offsets[:-1],
    "none": lambda offsets: offsets[:0],
    "one": lambda offsets: offsets[:1],
    "negative": lambda offsets: offsets * [1, -1, 1, 1],
    "huge": lambda offsets: np.array([0, 2**63 - 1, 5 - 2**63, offsets[-1]]),
    "other_dtype": lambda offsets: offsets.astype(np.int32),
    "two_dimensions": lambda offsets: offsets.reshape(2, 2),
}


@pytest.mark.parametrize("case", OFFSETS)
def test_lexical_damaged_offsets(case):
    with pytest.raises(ValueError, match="The model's vocabulary is damaged"):
        restore_lexical(TfidfVectorizer(), damaged(term_offsets=OFFSETS[case]))


@pytest.mark.parametrize(
    "change",
    [lambda terms: terms[:-1], lambda terms: terms.astype(np.int8)],
    ids=["short", "dtype"],
)
def test_lexical_damaged_terms(change):
    with pytest.raises(ValueError, match="The model's vocabulary is damaged"):
        restore_lexical(TfidfVectorizer(), damaged(terms=change))


@pytest.mark.parametrize("kind", CLASSES)
def test_lexical_terms_that_are_not_utf8(kind):
    stage = kind(token_pattern=r"\S+").fit(["\u00e9\u00e8 \u00e0 \u00fc"])
    tensors = lexical_tensors(stage)
    # The second term begins within a character of the first one.
    cut = tensors | {"term_offsets": tensors["term_offsets"] - [0, 1, 0, 0]}
    none = tensors | {"terms": np.full_like(tensors["terms"], 0xFF)}
    for forged in (cut, none):
        with pytest.raises(ValueError, match="damaged: a term is not UTF-8"):
            restore_lexical(kind(token_pattern=r"\S+"), forged)


def test_lexical_term_twice():
    tensors = {
        "terms": np.frombuffer(b"applecarapple", np.uint8),
        "term_offsets": np.array([0, 5, 8, 13]),
    }
    with pytest.raises(ValueError, match="is damaged: a term occurs in it twice"):
        restore_lexical(CountVectorizer(), tensors)


@pytest.mark.parametrize(
    "change",
    [lambda idf: idf[:-1], lambda idf: idf[:, None], lambda idf: idf[:0]],
    ids=["short", "two_dimensions", "empty"],
)
def test_lexical_idf_of_another_shape(change):
    with pytest.raises(ValueError, match=r"The model's idf has shape .*, not \(3,\)"):
        restore_lexical(TfidfVectorizer(), damaged(idf=change))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-3, 12), max_size=6), st.binary(max_size=12))
def test_lexical_any_arrays_are_restored_or_refused(offsets, terms):
    tensors = {
        "terms": np.frombuffer(terms, np.uint8),
        "term_offsets": np.array(offsets, dtype=np.int64),
    }
    try:
        vectorizer = restore_lexical(CountVectorizer(), tensors)
    except ValueError:
        return
    assert sorted(vectorizer.vocabulary_.values()) == list(range(len(offsets) - 1))


# Word pieces

PIECES = [
    {"analyzer": "subword", "n_subwords": 60},
    {"analyzer": "subword", "n_subwords": 60, "ngram_range": (1, 3)},
    {"analyzer": "word+subword", "n_subwords": 60, "ngram_range": (1, 2)},
    {"analyzer": "word+subword", "n_subwords": 60, "max_features": 8},
    {"analyzer": "word+subword", "stop_words": "english", "dtype": np.float32},
    {"analyzer": "subword", "vocabulary": ["apple", "the", "zzz"]},
    {
        "analyzer": "word+subword",
        "vocabulary": ["subword__the", "subword__apple", "word__the", "word__zzz"],
    },
    {"analyzer": "word+subword", "vocabulary": {"word__car": 0}},
]


@pytest.mark.parametrize("params", PIECES, ids=repr)
def test_lexical_round_trip_of_pieces(params):
    vectorizer = LexicalVectorizer(**params).fit(TEXTS)
    assert vectorizer.transform(TEXTS).nnz
    assert_round_trip(vectorizer, [*TEXTS, "", "[UNK] \u00e9 apples", "\ud800"])


@pytest.mark.parametrize("params", PIECES, ids=repr)
def test_lexical_analyzer_of_restored_pieces(params):
    vectorizer = LexicalVectorizer(**params).fit(TEXTS)
    analyze, expected = (
        round_trip(vectorizer).build_analyzer(),
        (vectorizer.build_analyzer()),
    )
    for text in TEXTS:
        assert analyze(text) == expected(text)


@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_lexical_round_trip_of_pieces_of_the_library(kind, analyzer):
    vectorizer = LexicalVectorizer(analyzer=analyzer, tokenizer=other_tokenizer(kind))
    vectorizer.fit(TEXTS)
    X = vectorizer.transform(TEXTS)
    assert_same_matrix(round_trip(vectorizer).transform(TEXTS), X)


def test_lexical_tokenizer_is_saved_as_json():
    tokenizer = bert_tokenizer()
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer).fit(TEXTS)
    restored = round_trip(vectorizer)
    assert restored.tokenizer == tokenizer.to_str()
    again = clone(restored).fit(TEXTS)
    assert_same_matrix(again.transform(TEXTS), vectorizer.transform(TEXTS))


def test_lexical_tokenizer_file_is_no_longer_needed(tmp_path):
    path = str(tmp_path / "tokenizer.json")
    bert_tokenizer().save(path)
    vectorizer = LexicalVectorizer(analyzer="word+subword", tokenizer=path).fit(TEXTS)
    (tmp_path / "tokenizer.json").unlink()
    assert_round_trip(vectorizer, TEXTS)


def test_lexical_path_is_saved_as_a_str(tmp_path):
    path = tmp_path / "a.json"
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=path)
    assert lexical_params(vectorizer)["params"]["tokenizer"] == str(path)


@pytest.mark.parametrize(
    ("analyzer", "more"),
    [("word", set()), ("subword", set()), ("word+subword", {"n_pieces"})],
)
def test_lexical_arrays_of_pieces(analyzer, more):
    tensors = lexical_tensors(LexicalVectorizer(analyzer=analyzer).fit(TEXTS))
    names = {"terms", "term_offsets", "idf"} | more
    if analyzer != "word":
        parts = ("starts", "rules", "classes", "offsets", "code_points")
        names |= {"tokenizer", *(f"characters_{part}" for part in parts)}
    assert set(tensors) == names


def damaged_pieces(**changes):
    """A stage of word pieces and words, and its arrays, with some arrays changed.

    A change is a function of an array; None removes the array.
    """
    vectorizer = LexicalVectorizer(analyzer="word+subword", n_subwords=60).fit(TEXTS)
    tensors = dict(lexical_tensors(vectorizer))
    for name, change in changes.items():
        array = np.array(tensors.pop(name))
        if change is not None:
            tensors[name] = change(array)
    return lexical_from_params(lexical_params(vectorizer)), tensors


def assert_refused(**changes):
    """Fail unless damaged arrays are refused when they are read."""
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError, IndexError)):
        # LuxicalVectorizer.load turns the last four into a ValueError.
        restore_lexical(*damaged_pieces(**changes))


@pytest.mark.parametrize("n_pieces", [-1, 10**6, 2**62, -(2**63)])
def test_lexical_number_of_pieces_out_of_range(n_pieces):
    with pytest.raises(ValueError, match="vocabulary is damaged: its parts do not fit"):
        restore_lexical(*damaged_pieces(n_pieces=lambda n: np.array([n_pieces])))


@pytest.mark.parametrize(
    "change",
    [lambda n: n[:0], lambda n: np.array(3), lambda n: n[None], None],
    ids=["empty", "scalar", "two_dimensions", "missing"],
)
def test_lexical_number_of_pieces_of_another_shape(change):
    assert_refused(n_pieces=change)


CHARACTER_PARTS = ["starts", "rules", "classes", "offsets", "code_points"]
CHARACTER_DAMAGES = {
    "missing": None,
    "empty": lambda a: a[:0],
    "two_dimensions": lambda a: a[: len(a) // 2 * 2].reshape(2, -1),
    "scalar": lambda a: np.array(1, a.dtype),
}
CHARACTER_DAMAGES_OF = [
    *((part, case) for part in CHARACTER_PARTS for case in CHARACTER_DAMAGES),
    *((part, "short") for part in ("starts", "rules", "classes", "offsets")),
    *((part, "huge") for part in ("starts", "rules", "offsets", "code_points")),
    *((part, "low") for part in ("starts", "rules", "offsets")),
    *((part, "backwards") for part in ("starts", "offsets", "rules")),
]
CHARACTER_DAMAGES |= {
    "short": lambda a: a[:-1],
    "huge": lambda a: np.full_like(a, np.iinfo(a.dtype).max),
    "low": lambda a: np.full_like(a, np.iinfo(a.dtype).min),
    "backwards": lambda a: a[::-1].copy(),
}


@pytest.mark.parametrize(("part", "case"), CHARACTER_DAMAGES_OF)
def test_lexical_damaged_table_of_characters(part, case):
    assert_refused(**{f"characters_{part}": CHARACTER_DAMAGES[case]})


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(CHARACTER_PARTS),
    st.integers(0, 2**63 - 1),
    st.integers(-(2**31), 2**32 - 1),
    st.integers(1, 300),
)
def test_lexical_any_table_of_characters_is_read_or_refused(part, place, value, n):
    """A wrong entry may change a character, but never leads outside of an array."""

    def change(array):
        begin = place % len(array)
        array[begin : begin + n] = np.array(value).astype(array.dtype)
        return array

    try:
        vectorizer = restore_lexical(*damaged_pieces(**{f"characters_{part}": change}))
        vectorizer.transform([*TEXTS, "".join(map(chr, range(0x80, 0xD800, 7)))])
    except ValueError:
        pass


def with_json(change):
    """The bytes of a tokenizer's JSON, changed."""

    def bytes_of(array):
        state = json.loads(array.tobytes())
        changed = change(state)
        text = json.dumps(state if changed is None else changed)
        return np.frombuffer(text.encode(), np.uint8)

    return bytes_of


def with_id(number, piece="apple"):
    return with_json(lambda state: state["model"]["vocab"].update({piece: number}))


TOKENIZERS = {
    "cut": lambda array: array[:-10],
    "empty": lambda array: array[:0],
    "not_utf8": lambda array: array | 0x80,
    "other_dtype": lambda array: array.astype(np.int32),
    "list": with_json(lambda state: [1]),
    "number": with_json(lambda state: 0),
    "nothing": with_json(lambda state: {}),
    "no_model": with_json(lambda state: state.update(model=None)),
    "no_vocabulary": with_json(lambda state: state["model"].update(vocab=None)),
    "listed_vocabulary": with_json(lambda state: state["model"].update(vocab=[])),
    "no_limit": with_json(
        lambda state: state["model"].pop("max_input_chars_per_word") and None
    ),
    "huge_limit": with_json(
        lambda state: state["model"].update(max_input_chars_per_word=2**70)
    ),
    "negative_id": with_id(-1),
    "very_negative_id": with_id(-(10**6)),
    "huge_id": with_id(2**40),
    "fractional_id": with_id(1.5),
    "text_id": with_id("x"),
    "no_id": with_id(None),
    "negative_unknown": with_id(-1, "[UNK]"),
    "text_unknown": with_id("x", "[UNK]"),
    "added_number": with_json(lambda state: state.update(added_tokens=5)),
    "added_empty": with_json(lambda state: state.update(added_tokens=[{}])),
    "added_without_id": with_json(
        lambda state: state.update(added_tokens=[{"content": "[A]"}])
    ),
    "added_negative_id": with_json(
        lambda state: state.update(added_tokens=[{"content": "[A]", "id": -5}])
    ),
}


@pytest.mark.parametrize("case", TOKENIZERS)
def test_lexical_damaged_tokenizer(case):
    assert_refused(tokenizer=TOKENIZERS[case])


def test_lexical_missing_tokenizer():
    assert_refused(tokenizer=None)


def test_lexical_offsets_whose_differences_overflow_are_refused():
    tensors = lexical_tensors(LexicalVectorizer().fit(TEXTS))
    offsets = tensors["term_offsets"].copy()
    offsets[1:4] = [2**63 - 1, -(2**63), -1]
    offsets[4:-1] = 0
    with pytest.raises(ValueError, match="its offsets do not fit"):
        restore_lexical(LexicalVectorizer(), tensors | {"term_offsets": offsets})


def test_lexical_characters_whose_differences_overflow_are_refused():
    vectorizer = LexicalVectorizer(analyzer="subword")
    tensors = lexical_tensors(vectorizer.fit(TEXTS))
    tensors |= {
        "characters_starts": np.array([0, 2**63 - 1, -(2**63), -1]),
        "characters_rules": np.zeros(4, dtype=np.int32),
        "characters_classes": np.zeros(4, dtype=np.uint8),
    }
    with pytest.raises(ValueError, match="table of characters is damaged"):
        restore_lexical(LexicalVectorizer(analyzer="subword"), tensors)
