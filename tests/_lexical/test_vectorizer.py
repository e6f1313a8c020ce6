"""LexicalVectorizer: the matrix of TfidfVectorizer, from any kind of column."""

import copy
import io
import pickle
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils._param_validation import InvalidParameterError
from strategies import document_lists, lexical_parameters, vocabularies

import sklux._lexical.buffers
import sklux._lexical.counting
import sklux._lexical.matrix
import sklux._lexical.tokens
from sklux import LexicalVectorizer
from sklux._lexical.vectorizer import fit_with_words, lexicon_of

TEXTS = [
    "a red apple, the green apple",
    "",
    "The \u039f\u03a3 of na\u00efve \u0130stanbul; R or C, C and R",
    "\u4e2d\u6587 \ud55c\uad6d apple apple apple \U0001f34e \U0001d7d8\U0001d7d9",
    "one two three one two three one two",
]
OTHERS = ["apple two", "", "nothing of this", "\u039f\u03a3 \u4e2d\u6587 one two one"]
ALL_KINDS = [
    {},
    {"ngram_range": (1, 2), "token_pattern": r"\w+", "sublinear_tf": True},
    {"ngram_range": (2, 4), "dtype": np.float32, "norm": "l1"},
    {"analyzer": "char", "ngram_range": (1, 3), "strip_accents": "unicode"},
    {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 2},
    {"vocabulary": ["apple", "two", "one two", "\u4e2d\u6587"], "ngram_range": (1, 2)},
    {"token_pattern": r"[a-z]+"},
]
# scikit-learn reads the last one.
KERNEL_KINDS = ALL_KINDS[:-1]
many_examples = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def assert_same_matrix(actual, expected):
    """Fail unless two CSR matrices have the same type and the same bits."""
    assert type(actual) is type(expected)
    assert actual.shape == expected.shape
    expected.sort_indices()
    for name in ("indptr", "indices", "data"):
        ours, theirs = getattr(actual, name), getattr(expected, name)
        assert ours.dtype == theirs.dtype, name
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def assert_close_matrix(actual, expected):
    """As above, except for the rounding of sums in another order."""
    expected.sort_indices()
    assert type(actual) is type(expected)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual.indptr, expected.indptr)
    np.testing.assert_array_equal(actual.indices, expected.indices)
    longest_row = np.diff(expected.indptr).max(initial=0)
    np.testing.assert_array_max_ulp(
        np.nan_to_num(actual.data),
        np.nan_to_num(expected.data),
        max(2, longest_row // 2),
    )


def observe(action):
    """The result or the error of an action, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result, error = action(), None
        except Exception as raised:
            result, error = None, (type(raised), str(raised))
    return result, error, {(w.category, str(w.message)) for w in caught}


def assert_same_behavior(action, **params):
    """Fail unless an action does the same to both vectorizers.

    It must have the same result or the same error, and the same warnings.
    """
    theirs, their_error, their_warnings = observe(
        lambda: action(TfidfVectorizer(**params))
    )
    ours, our_error, our_warnings = observe(lambda: action(LexicalVectorizer(**params)))
    assert our_error == their_error
    assert our_warnings == their_warnings
    assert_same_result(ours, theirs)
    return ours


def assert_same_result(ours, theirs):
    """Fail unless two results of any kind are the same."""
    if sparse.issparse(theirs):
        assert_same_matrix(ours, theirs)
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            assert_same_result(one, other)
    else:
        np.testing.assert_array_equal(ours, theirs)
        assert getattr(ours, "dtype", None) == getattr(theirs, "dtype", None)


def fitted_state(vectorizer):
    """The fitted attributes that users see."""
    return [
        vectorizer.get_feature_names_out(),
        vectorizer.idf_ if vectorizer.use_idf else None,
        vectorizer.fixed_vocabulary_,
    ]


def is_read_by_kernels(vectorizer):
    return vectorizer._uses_kernels()


def spread_thin(patch):
    """Cut a few documents into many ranges, blocks and parts."""
    patch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", 100)
    patch.setattr(sklux._lexical.counting, "TOKENS_PER_PART", 5)
    patch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 3)


# The oracle: every parameter and every kind of character.


@many_examples
@given(
    lexical_parameters,
    st.none() | st.none() | st.none() | vocabularies,
    document_lists,
    document_lists,
    st.sampled_from([None, 1, 2]),
    st.booleans(),
)
@example({}, None, ["A\u03a3", "\u03a3A A\u00ad\u03a3\u0345B"], ["a\u03c2"], 1, False)
@example(
    {"analyzer": "char"}, None, ["\ufb01\u0130 \u3000"], ["\ud800i\u0307"], 1, False
)
def test_lexical_equals_scikit_learn(
    params, vocabulary, documents, others, n_jobs, is_spread
):
    params = {**params, "vocabulary": vocabulary}

    def fit(vectorizer):
        X = vectorizer.fit_transform(documents)
        return (
            vectorizer,
            X,
            vectorizer.transform(documents),
            vectorizer.transform(others),
        )

    theirs, their_error, their_warnings = observe(
        lambda: fit(TfidfVectorizer(**params))
    )
    with pytest.MonkeyPatch.context() as patch:
        if is_spread:
            spread_thin(patch)
        ours, our_error, our_warnings = observe(
            lambda: fit(LexicalVectorizer(**params, n_jobs=n_jobs))
        )
    assert our_error == their_error
    assert our_warnings == their_warnings
    if their_error is not None:
        return
    our_model, our_fit, *our_matrices = ours
    their_model, their_fit, *their_matrices = theirs
    assert_same_result(fitted_state(our_model), fitted_state(their_model))
    assert our_model.vocabulary_ == their_model.vocabulary_
    for actual, expected in zip(our_matrices, their_matrices):
        assert_same_matrix(actual, expected)
    # Without smoothing, an idf may be infinite, and inverse_transform refuses that.
    if np.isfinite(their_matrices[1].data).all():
        assert_same_result(
            our_model.inverse_transform(our_matrices[1]),
            their_model.inverse_transform(their_matrices[1]),
        )
    if is_read_by_kernels(our_model):
        assert_same_matrix(our_fit, our_matrices[0])
        assert_close_matrix(our_fit, their_fit)
    else:
        assert_same_matrix(our_fit, their_fit)


@pytest.mark.parametrize("params", ALL_KINDS)
def test_lexical_fit_returns_itself(params):
    vectorizer = LexicalVectorizer(**params)
    assert vectorizer.fit(TEXTS) is vectorizer


@pytest.mark.parametrize("params", KERNEL_KINDS)
def test_lexical_fit_transform_is_fit_then_transform(params):
    together = LexicalVectorizer(**params).fit_transform(TEXTS)
    assert_same_matrix(
        together, LexicalVectorizer(**params).fit(TEXTS).transform(TEXTS)
    )


@pytest.mark.parametrize("params", ALL_KINDS)
def test_lexical_takes_y_and_ignores_it(params):
    X = LexicalVectorizer(**params).fit_transform(TEXTS, y=[0, 1, 0, 1, 0])
    assert_same_matrix(X, LexicalVectorizer(**params).fit_transform(TEXTS))


def test_lexical_kernels_read_the_usual_parameters():
    """Otherwise the tests compare scikit-learn with itself."""
    assert [is_read_by_kernels(LexicalVectorizer(**kind)) for kind in ALL_KINDS] == [
        *[True] * 6,
        False,
    ]


def test_lexical_columns_are_sorted_in_each_row():
    X = LexicalVectorizer(ngram_range=(1, 3)).fit_transform(TEXTS)
    assert X.has_canonical_format
    for start, stop in zip(X.indptr[:-1], X.indptr[1:]):
        assert np.all(np.diff(X.indices[start:stop]) > 0)


def test_lexical_ties_of_max_features_are_decided_as_in_scikit_learn():
    """NumPy's sort decides between terms of equal frequency."""
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.integers(0, 800, 60)) for _ in range(40)]
    for max_features in (1, 20, 100, 500):
        assert_same_behavior(
            lambda v: [v.fit(texts).get_feature_names_out(), v.transform(texts)],
            max_features=max_features,
            ngram_range=(1, 2),
        )


def test_lexical_ngrams_reach_across_stop_words():
    vectorizer = LexicalVectorizer(stop_words=["of"], ngram_range=(2, 2))
    vectorizer.fit(["piece of cake"])
    assert vectorizer.get_feature_names_out().tolist() == ["piece cake"]


def test_lexical_stop_words_are_compared_after_normalization():
    vectorizer = LexicalVectorizer(stop_words=["ete"], strip_accents="unicode")
    assert list(vectorizer.fit(["\u00c9T\u00c9 apple"]).vocabulary_) == ["apple"]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5])
def test_lexical_char_wb_counts_short_words_once(size):
    assert_same_behavior(
        lambda v: v.fit(["xxxx", "x" * size + " y"]).transform(["x" * size + " x x"]),
        analyzer="char_wb",
        ngram_range=(4, 5),
    )


# Errors and warnings.


@pytest.mark.parametrize(
    "params",
    [
        {"ngram_range": (2, 1)},
        {"ngram_range": (3, 2), "analyzer": "char"},
        {"ngram_range": (0, 1)},
        {"ngram_range": (0, 2), "analyzer": "char"},
        {"ngram_range": (1.0, 2)},
        {"ngram_range": (1,)},
        {"max_df": 1, "min_df": 2},
        {"max_df": 0.1, "min_df": 0.5},
        {"max_df": 1, "min_df": 1, "ngram_range": (2, 2), "token_pattern": "two"},
        {"stop_words": ["apple", "Apple", "don't"]},
        {"stop_words": []},
        {"vocabulary": {"a": 0, "b": 0}},
        {"vocabulary": {"a": 0, "b": 2}},
        {"vocabulary": {"a": 1, "b": 2}},
        {"vocabulary": ["a", "b", "a"]},
        {"vocabulary": []},
        {"vocabulary": {}},
        {"vocabulary": set()},
        {"vocabulary": ["Apple", "two"]},
        {"vocabulary": ["Apple", "two"], "lowercase": False},
        {"vocabulary": ["apple"], "use_idf": False},
        {"vocabulary": {"apple": np.int64(1), "two": np.int32(0)}},
        {"vocabulary": ["zzz", "apple"], "smooth_idf": False},
        {"token_pattern": None},
        {"token_pattern": r"(\w)(\w)"},
        {"token_pattern": r"(\w"},
        {"token_pattern": r"\w+", "tokenizer": str.split},
        {"analyzer": "char", "stop_words": ["a"]},
        {"analyzer": "char", "token_pattern": r"\w+"},
        {"analyzer": "char", "tokenizer": str.split},
        {"analyzer": str.split, "ngram_range": (1, 2), "preprocessor": str.lower},
        {"preprocessor": str.upper},
        {"tokenizer": str.split, "token_pattern": None},
        {"analyzer": str.split},
        {"strip_accents": str.swapcase},
        {"dtype": np.int32},
        {"dtype": np.float16},
        {"dtype": bool},
        {"max_features": 10**9},
        {"min_df": 1000},
    ],
    ids=repr,
)
def test_lexical_unusual_parameters_behave_as_in_scikit_learn(params):
    assert_same_behavior(
        lambda v: [v.fit(TEXTS).transform(OTHERS), *fitted_state(v)], **params
    )


@pytest.mark.parametrize(
    "params",
    [
        {"strip_accents": "greek"},
        {"max_df": 1.5},
        {"min_df": -1},
        {"max_features": 0},
        {"stop_words": "german"},
        {"stop_words": {"a"}},
        {"ngram_range": [1, 2]},
        {"norm": "l3"},
        {"lowercase": "yes"},
        {"input": "stdin"},
        {"vocabulary": 3},
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_lexical_invalid_parameters_are_refused_as_in_scikit_learn(method, params):
    _, theirs, _ = observe(lambda: getattr(TfidfVectorizer(**params), method)(TEXTS))
    _, ours, _ = observe(lambda: getattr(LexicalVectorizer(**params), method)(TEXTS))
    assert ours == (
        InvalidParameterError,
        theirs[1].replace("TfidfVectorizer", "LexicalVectorizer"),
    )


@pytest.mark.parametrize(
    "name, value", [("n_jobs", "two"), ("analyzer", "words"), ("tokenizer", 3)]
)
def test_lexical_invalid_value_of_its_own_parameter(name, value):
    with pytest.raises(
        InvalidParameterError, match=f"'{name}' parameter .* Got {value!r}"
    ):
        LexicalVectorizer(**{name: value}).fit(TEXTS)


@pytest.mark.parametrize("texts", [[], [""], ["", " \n"], ["a b"], ["!!"]])
def test_lexical_empty_vocabulary(texts):
    with pytest.raises(ValueError, match="^empty vocabulary; perhaps the documents"):
        LexicalVectorizer().fit(texts)


def test_lexical_limits_that_exclude_all_terms():
    with pytest.raises(ValueError, match="^After pruning, no terms remain"):
        LexicalVectorizer(min_df=2).fit(["apple", "pear"])


def test_lexical_unfitted():
    with pytest.raises(NotFittedError, match="The TF-IDF vectorizer is not fitted"):
        LexicalVectorizer().transform(TEXTS)


@pytest.mark.parametrize("vocabulary", [None, ["apple"]])
@pytest.mark.parametrize(
    "action",
    [
        lambda v: v.transform(TEXTS),
        lambda v: v.get_feature_names_out(),
        lambda v: v.inverse_transform(np.ones((1, 1))),
        lambda v: hasattr(v, "vocabulary_"),
        lambda v: v.vocabulary_["apple"],
        lambda v: hasattr(v, "idf_"),
        lambda v: v.idf_,
    ],
)
def test_lexical_unfitted_behaves_as_in_scikit_learn(action, vocabulary):
    _, theirs, _ = observe(lambda: action(TfidfVectorizer(vocabulary=vocabulary)))
    ours, error, _ = observe(lambda: action(LexicalVectorizer(vocabulary=vocabulary)))
    if theirs is None:
        assert error is None
        assert_same_result(ours, action(TfidfVectorizer(vocabulary=vocabulary)))
    else:
        assert error[0] is theirs[0]
        assert error[1] == theirs[1].replace("TfidfVectorizer", "LexicalVectorizer")


def interrupted(texts):
    """The texts, until the user presses Ctrl-C."""
    yield from texts
    raise KeyboardInterrupt


def broken_matrix(*args, **kwargs):
    """A function in place of the last step of a fit."""
    raise KeyboardInterrupt


WAYS_TO_READ = [
    {},
    {"vocabulary": ["red", "apple"]},
    {"use_idf": False},
    {"analyzer": "char", "ngram_range": (1, 2)},
    {"analyzer": "subword"},
    {"analyzer": "word+subword"},
    {"analyzer": str.split},
    {"tokenizer": str.split, "token_pattern": None},
]


FAILURES = {
    "missing": (
        lambda: [*TEXTS, None, *TEXTS],
        (AttributeError, TypeError, ValueError),
    ),
    "number": (lambda: [*TEXTS, 3, *TEXTS], (AttributeError, TypeError)),
    "no documents": (list, ValueError),
    "too few documents": (lambda: [TEXTS[0]], ValueError),
    "interrupted": (lambda: interrupted(TEXTS), KeyboardInterrupt),
}


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize(
    ("params", "failure"),
    [
        (params, failure)
        for params in WAYS_TO_READ
        for failure in FAILURES
        # Given terms need no number of documents.
        if "vocabulary" not in params or failure != "too few documents"
    ],
    ids=str,
)
def test_lexical_failed_refit_changes_nothing(params, failure, method):
    texts, error = FAILURES[failure]
    vectorizer = LexicalVectorizer(**params).fit(TEXTS[:3])
    expected = vectorizer.transform(TEXTS)
    if failure == "too few documents":
        vectorizer.set_params(min_df=2)
    before = dict(vars(vectorizer))
    with pytest.raises(error):
        getattr(vectorizer, method)(texts())
    assert vars(vectorizer) == before
    assert_same_matrix(vectorizer.transform(TEXTS), expected)


@pytest.mark.parametrize("params", WAYS_TO_READ, ids=str)
def test_lexical_failed_first_fit_leaves_it_unfitted(params):
    vectorizer = LexicalVectorizer(**params)
    before = dict(vars(vectorizer))
    with pytest.raises(KeyboardInterrupt):
        vectorizer.fit(interrupted(TEXTS))
    assert vars(vectorizer) == before
    with pytest.raises(NotFittedError):
        vectorizer.transform(TEXTS)


@pytest.mark.parametrize("params", [{}, {"vocabulary": ["red", "apple"]}], ids=str)
def test_lexical_interrupted_matrix_changes_nothing(params, monkeypatch):
    vectorizer = LexicalVectorizer(**params).fit(TEXTS[:3])
    before, expected = dict(vars(vectorizer)), vectorizer.transform(TEXTS)
    with monkeypatch.context() as patched:
        patched.setattr("sklux._lexical.vectorizer.align_interface", broken_matrix)
        with pytest.raises(KeyboardInterrupt):
            vectorizer.fit_transform(TEXTS)
    assert vars(vectorizer) == before
    assert_same_matrix(vectorizer.transform(TEXTS), expected)


def test_lexical_failed_fit_with_words_changes_nothing():
    vectorizer = LexicalVectorizer().fit(TEXTS[:3])
    before = dict(vars(vectorizer))
    with pytest.raises(ValueError, match="empty vocabulary"):
        fit_with_words(vectorizer, [""], ["word"])
    assert vars(vectorizer) == before


@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
def test_lexical_single_string_is_refused(method):
    vectorizer = LexicalVectorizer().fit(TEXTS)
    with pytest.raises(ValueError, match="^Iterable over raw text documents expected"):
        getattr(vectorizer, method)("one document")


@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
@pytest.mark.parametrize(
    "missing, shown",
    [
        (np.nan, "nan"),
        (float("nan"), "nan"),
        (None, "None"),
        (np.float32("nan"), "nan"),
    ],
)
def test_lexical_missing_document_is_named(method, missing, shown):
    vectorizer = LexicalVectorizer().fit(TEXTS)
    with pytest.raises(ValueError, match=rf"missing value .*{shown}.* at position 2"):
        getattr(vectorizer, method)(["apple", "two", missing, None])


@pytest.mark.parametrize("params", KERNEL_KINDS)
def test_lexical_missing_document_in_a_generator_is_named(monkeypatch, params):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 2)
    vectorizer = LexicalVectorizer(**params).fit(TEXTS)
    with pytest.raises(ValueError, match="missing value .* at position 5"):
        vectorizer.transform(iter([*TEXTS, None]))


def test_lexical_nan_has_the_message_of_scikit_learn():
    with pytest.raises(
        ValueError, match="^np.nan is an invalid document, expected byte"
    ):
        LexicalVectorizer().fit(["apple", np.nan])


def test_lexical_pandas_na_is_named():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="missing value .*NA.* at position 1"):
        LexicalVectorizer().fit(["apple", pandas.NA])


@pytest.mark.parametrize("document", [3.5, 7, ["apple"], object()])
def test_lexical_document_of_another_type_is_named(document):
    with pytest.raises(TypeError, match=f"Got {type(document).__name__} at position 1"):
        LexicalVectorizer().fit(["apple", document])


@pytest.mark.parametrize("given", [3, None, 2.5])
def test_lexical_documents_that_are_not_iterable_are_refused(given):
    with pytest.raises(TypeError, match="must be an iterable of str"):
        LexicalVectorizer().fit(given)


def test_lexical_two_dimensions_are_refused():
    with pytest.raises(ValueError, match="must have one dimension"):
        LexicalVectorizer().fit(np.array([["apple", "pear"]]))


# Bytes, files, generators, sizes.

LATIN = ["caf\u00e9 noir".encode("latin-1"), "th\u00e9", b"plain ascii"]


@pytest.mark.parametrize("decode_error", ["strict", "ignore", "replace"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "ascii", "utf-16"])
def test_lexical_bytes_are_decoded_as_in_scikit_learn(encoding, decode_error):
    assert_same_behavior(
        lambda v: [v.fit(LATIN).get_feature_names_out(), v.transform(LATIN)],
        encoding=encoding,
        decode_error=decode_error,
    )


def test_lexical_bytes_that_do_not_decode_raise_at_transform_too():
    vectorizer = LexicalVectorizer().fit(TEXTS)
    with pytest.raises(UnicodeDecodeError):
        vectorizer.transform(LATIN)


def test_lexical_list_of_bytes_is_not_changed():
    documents = [b"apple pear", "pear"]
    LexicalVectorizer().fit_transform(documents)
    assert documents == [b"apple pear", "pear"]


def test_lexical_numpy_bytes():
    X = LexicalVectorizer().fit_transform(np.array([b"apple pear", b"pear"]))
    assert_same_matrix(X, LexicalVectorizer().fit_transform(["apple pear", "pear"]))


@pytest.mark.parametrize("params", KERNEL_KINDS)
def test_lexical_file_names(tmp_path, params):
    names = []
    for i, text in enumerate(TEXTS):
        names.append(tmp_path / f"{i}.txt")
        names[-1].write_text(text, encoding="utf-8")
    vectorizer = LexicalVectorizer(input="filename", **params)
    X = vectorizer.fit_transform(names)
    assert_same_matrix(X, LexicalVectorizer(**params).fit_transform(TEXTS))
    assert_same_matrix(vectorizer.transform(map(str, names)), X)


def test_lexical_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        LexicalVectorizer(input="filename").fit([tmp_path / "none.txt"])


@pytest.mark.parametrize(
    "open_text", [io.StringIO, lambda text: io.BytesIO(text.encode("utf-8"))]
)
def test_lexical_files(open_text):
    X = LexicalVectorizer(input="file").fit_transform(map(open_text, TEXTS))
    assert_same_matrix(X, LexicalVectorizer().fit_transform(TEXTS))


def test_lexical_strings_given_as_files_are_refused_as_in_scikit_learn():
    assert_same_behavior(lambda v: v.fit(TEXTS), input="file")


@pytest.mark.parametrize("params", KERNEL_KINDS)
@pytest.mark.parametrize("block", [1, 2, 5, 6])
def test_lexical_generator_of_several_blocks(monkeypatch, params, block):
    expected = LexicalVectorizer(**params).fit_transform(TEXTS)
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", block)
    vectorizer = LexicalVectorizer(**params, n_jobs=2)
    assert_same_matrix(vectorizer.fit_transform(iter(TEXTS)), expected)
    assert_same_matrix(vectorizer.transform(text for text in TEXTS), expected)


def test_lexical_generator_blocks_are_bounded_by_characters(monkeypatch):
    expected = LexicalVectorizer().fit_transform(TEXTS)
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_CHARACTERS", 10)
    assert_same_matrix(LexicalVectorizer().fit_transform(iter(TEXTS)), expected)


def test_lexical_zero_documents_fail_in_transform_as_in_scikit_learn():
    assert_same_behavior(lambda v: v.fit(TEXTS).transform([]))


def test_lexical_zero_documents_fail_in_fit_as_in_scikit_learn():
    assert_same_behavior(lambda v: v.fit([]), vocabulary=["apple"])


def test_lexical_million_empty_documents_have_no_vocabulary():
    with pytest.raises(ValueError, match="empty vocabulary"):
        LexicalVectorizer().fit([""] * 1_000_000)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_lexical_million_empty_documents_are_empty_rows(n_jobs):
    X = LexicalVectorizer(n_jobs=n_jobs).fit(TEXTS).transform([""] * 1_000_000)
    assert X.shape[0] == 1_000_000
    assert X.nnz == 0


def test_lexical_document_of_a_hundred_megabytes():
    n = 17_000_000
    vectorizer = LexicalVectorizer(norm=None, use_idf=False)
    X = vectorizer.fit_transform(["ab cd " * n])
    assert vectorizer.get_feature_names_out().tolist() == ["ab", "cd"]
    assert X.toarray().tolist() == [[n, n]]


@pytest.mark.parametrize("params", ALL_KINDS)
def test_lexical_lone_surrogates(params):
    texts = ["a\ud800b \udfff\udc00 apple apple", "\ud800\udc00 \U00010000", *TEXTS]
    assert_same_behavior(
        lambda v: [v.fit(texts).get_feature_names_out(), v.transform(texts)], **params
    )


def test_lexical_term_names_keep_nul():
    names = LexicalVectorizer(analyzer="char", ngram_range=(1, 2)).fit(
        ["\x00a", "\x00"]
    )
    assert names.get_feature_names_out().tolist() == ["\x00", "\x00a", "a"]


def test_lexical_wide_matrix_has_wide_indices(monkeypatch):
    expected = LexicalVectorizer().fit_transform(TEXTS)
    monkeypatch.setattr(sklux._lexical.matrix, "MAX_INT32_VALUES", 5)
    X = LexicalVectorizer().fit_transform(TEXTS)
    assert X.indices.dtype == X.indptr.dtype
    assert (X != expected).nnz == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("binary", [False, True])
def test_lexical_counts_beyond_the_table(monkeypatch, dtype, binary):
    monkeypatch.setattr(sklux._lexical.matrix, "LONGEST_TABLE", 2)
    texts = ["aa " * i + "bb " * (i * i % 37) for i in range(1, 60)]
    assert_same_behavior(
        lambda v: v.fit(texts).transform(texts),
        sublinear_tf=True,
        dtype=dtype,
        binary=binary,
    )


def test_lexical_count_of_many_thousands():
    """Some counts have an entry in the table, one count has not."""
    texts = ["aa " * 70_000 + "bb", "aa bb", "bb " * 65_535, "bb " * 65_536]
    assert_same_behavior(lambda v: v.fit(texts).transform(texts), sublinear_tf=True)


# Threads.


@pytest.mark.parametrize("params", KERNEL_KINDS)
@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
@pytest.mark.parametrize("n_bytes, n_tokens", [(1, 1), (150, 7), (10**6, 3)])
def test_lexical_same_bits_for_any_division_of_work(
    monkeypatch, params, n_jobs, n_bytes, n_tokens
):
    texts = [f"{a} {b}" for a in TEXTS for b in TEXTS]
    expected = LexicalVectorizer(**params).fit(texts)
    rows = expected.transform(texts)
    monkeypatch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", n_bytes)
    monkeypatch.setattr(sklux._lexical.counting, "TOKENS_PER_PART", n_tokens)
    vectorizer = LexicalVectorizer(**params, n_jobs=n_jobs)
    X = vectorizer.fit_transform(texts)
    assert_same_result(fitted_state(vectorizer), fitted_state(expected))
    assert_same_matrix(X, rows)
    assert_same_matrix(vectorizer.transform(texts), rows)


def test_lexical_transform_from_several_threads():
    texts = TEXTS * 50
    vectorizer = LexicalVectorizer(ngram_range=(1, 2), n_jobs=2).fit(texts)
    expected = pickle.loads(pickle.dumps(vectorizer)).transform(texts)
    with ThreadPoolExecutor(4) as pool:
        for X in pool.map(vectorizer.transform, [texts] * 8):
            assert_same_matrix(X, expected)


def test_lexical_error_of_a_thread_reaches_the_caller(monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    spread_thin(monkeypatch)
    column = invalid_utf8(pyarrow, [b"apple pear " * 20] * 6 + [b"\xff"])
    with pytest.raises(ValueError, match="Document 6 is not valid UTF-8"):
        LexicalVectorizer(n_jobs=2).fit(column)


# Parameters, copies, pickles, second fits.


@pytest.mark.parametrize("params", ALL_KINDS)
def test_lexical_clone_has_the_same_parameters(params):
    vectorizer = LexicalVectorizer(**params, n_jobs=3)
    assert clone(vectorizer).get_params() == vectorizer.get_params()


def test_lexical_clone_is_not_fitted():
    with pytest.raises(NotFittedError):
        clone(LexicalVectorizer().fit(TEXTS)).transform(TEXTS)


def test_lexical_parameters_of_scikit_learn_have_the_same_defaults():
    ours = LexicalVectorizer().get_params()
    theirs = TfidfVectorizer().get_params()
    assert {name: ours[name] for name in theirs} == theirs
    assert ours["n_jobs"] is None


def test_lexical_constructor_only_stores():
    vectorizer = LexicalVectorizer()
    assert vars(vectorizer) == vectorizer.get_params()


@pytest.mark.parametrize("params", ALL_KINDS)
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, copy.copy, lambda v: pickle.loads(pickle.dumps(v))]
)
@pytest.mark.parametrize("is_used", [False, True])
def test_lexical_copies_give_the_same_matrix(params, duplicate, is_used):
    vectorizer = LexicalVectorizer(**params).fit(TEXTS)
    expected = clone(vectorizer).fit(TEXTS).transform(OTHERS)
    if is_used:
        vectorizer.transform(OTHERS)
        _ = vectorizer.vocabulary_
    twin = duplicate(vectorizer)
    assert_same_matrix(twin.transform(OTHERS), expected)
    assert twin.vocabulary_ == vectorizer.vocabulary_
    assert_same_result(fitted_state(twin), fitted_state(vectorizer))


@pytest.mark.parametrize("params", ALL_KINDS[:5])
def test_lexical_pickle_leaves_out_cached_properties(params):
    vectorizer = LexicalVectorizer(**params).fit(TEXTS)
    vectorizer.transform(TEXTS)
    _ = vectorizer.vocabulary_
    lexicon = lexicon_of(vectorizer)
    assert "vocabulary" in vars(lexicon)
    assert set(lexicon.__getstate__()) == {field.name for field in fields(lexicon)}
    assert set(vars(pickle.loads(pickle.dumps(lexicon)))) == set(lexicon.__getstate__())


def test_lexical_pickle_keeps_a_given_vocabulary():
    vectorizer = LexicalVectorizer(vocabulary={"two": 1, "apple": 0}).fit(TEXTS)
    twin = pickle.loads(pickle.dumps(vectorizer))
    assert lexicon_of(twin).given == {"two": 1, "apple": 0}
    assert lexicon_of(twin).learnt is None


def test_lexical_pickling_does_not_change_the_vectorizer():
    vectorizer = LexicalVectorizer().fit(TEXTS)
    vectorizer.transform(TEXTS)
    vocabulary = vectorizer.vocabulary_
    before = set(vars(vectorizer))
    pickle.dumps(vectorizer)
    assert set(vars(vectorizer)) == before
    assert vectorizer.vocabulary_ is vocabulary


def test_lexical_unfitted_pickle():
    twin = pickle.loads(pickle.dumps(LexicalVectorizer(ngram_range=(1, 2))))
    assert_same_matrix(
        twin.fit_transform(TEXTS),
        LexicalVectorizer(ngram_range=(1, 2)).fit_transform(TEXTS),
    )


def test_lexical_refit_replaces_the_first_fit():
    vectorizer = LexicalVectorizer().fit(OTHERS)
    vectorizer.transform(OTHERS)
    _ = vectorizer.vocabulary_
    fresh = LexicalVectorizer().fit(TEXTS)
    assert_same_matrix(vectorizer.fit(TEXTS).transform(OTHERS), fresh.transform(OTHERS))
    assert vectorizer.vocabulary_ == fresh.vocabulary_


@pytest.mark.parametrize("first, second", [(0, 5), (5, 0), (0, 6), (6, 0), (3, 5)])
def test_lexical_refit_with_other_parameters(first, second):
    """Terms learnt by the kernels, given terms, and terms learnt by scikit-learn."""
    vectorizer = LexicalVectorizer(**ALL_KINDS[first]).fit(TEXTS)
    vectorizer.transform(TEXTS)
    fresh = LexicalVectorizer(**ALL_KINDS[second])
    vectorizer.set_params(**fresh.get_params()).fit(TEXTS)
    fresh.fit(TEXTS)
    assert vectorizer.vocabulary_ == fresh.vocabulary_
    assert_same_result(fitted_state(vectorizer), fitted_state(fresh))
    assert_same_matrix(vectorizer.transform(OTHERS), fresh.transform(OTHERS))


@pytest.mark.parametrize(
    "later",
    [
        {"ngram_range": (1, 2)},
        {"ngram_range": (2, 3)},
        {"ngram_range": (2, 1)},
        {"analyzer": "char"},
        {"analyzer": "char", "ngram_range": (1, 4)},
        {"analyzer": "char_wb", "ngram_range": (3, 5)},
        {"lowercase": False},
        {"strip_accents": "ascii"},
        {"token_pattern": r"\w+"},
        {"token_pattern": r"[a-z]+"},
        {"stop_words": ["apple"]},
        {"stop_words": ["apple", "don't"]},
        {"binary": True},
        {"dtype": np.float32},
        {"dtype": np.int64},
        {"norm": "l1"},
        {"use_idf": False},
        {"sublinear_tf": True},
        {"vocabulary": ["two"]},
        {"max_features": 1},
        {"tokenizer": str.split},
        {"encoding": "latin-1"},
    ],
    ids=repr,
)
@pytest.mark.parametrize("is_used", [False, True])
@pytest.mark.parametrize("vocabulary", [None, ["apple", "one two", "two", "o", " ap"]])
def test_lexical_parameters_set_after_the_fit(later, is_used, vocabulary):
    def transform(vectorizer):
        vectorizer.fit(TEXTS)
        if is_used:
            vectorizer.transform(OTHERS)
        return vectorizer.set_params(**later).transform([*TEXTS, *OTHERS])

    assert_same_behavior(transform, ngram_range=(1, 2), vocabulary=vocabulary)


@pytest.mark.parametrize("make", [list, np.array, lambda v: np.array(v, np.float32)])
def test_lexical_idf_set_by_hand(make):
    def transform(vectorizer):
        vectorizer.fit(["apple two", "two", "one"])
        vectorizer.idf_ = make([0.5, 2.0, 0.0])
        return [vectorizer.idf_, vectorizer.transform(["apple one one two", "one", ""])]

    assert_same_behavior(transform)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0, -0.0, 1e-320])
@pytest.mark.parametrize("norm", ["l1", "l2", None])
def test_lexical_extreme_idf_set_by_hand(value, norm):
    def transform(vectorizer):
        vectorizer.fit(["apple two", "two", "one"])
        vectorizer.idf_ = np.array([value, 2.0, 3.0])
        return vectorizer.transform(["apple one one two", "apple", "apple two", ""])

    assert_same_behavior(transform, norm=norm)


def test_lexical_idf_set_before_any_fit():
    def transform(vectorizer):
        vectorizer.idf_ = np.array([0.5, 2.0])
        return vectorizer.transform(["apple two two", "two"])

    assert_same_behavior(transform, vocabulary=["apple", "two"])


def test_lexical_idf_of_wrong_length_is_refused():
    vectorizer = LexicalVectorizer(vocabulary=["apple", "two"]).fit(TEXTS)
    with pytest.raises(ValueError, match="idf length = 3 must be equal to vocabulary"):
        vectorizer.idf_ = np.ones(3)


def test_lexical_idf_is_refused_without_use_idf():
    vectorizer = LexicalVectorizer(use_idf=False).fit(TEXTS)
    with pytest.raises(ValueError, match="cannot be set"):
        vectorizer.idf_ = np.ones(3)


def test_lexical_vocabulary_set_by_hand():
    def transform(vectorizer):
        vectorizer.fit(TEXTS)
        vectorizer.transform(TEXTS)
        names = sorted(vectorizer.vocabulary_, reverse=True)
        vectorizer.vocabulary_ = dict(zip(names, range(len(names))))
        return [vectorizer.get_feature_names_out(), vectorizer.transform(TEXTS)]

    assert_same_behavior(transform)


@pytest.mark.parametrize(
    "vocabulary",
    [
        ["apple", "one two", "two", "\u4e2d\u6587"],
        {"two": 0, "apple": 2, "one two": 1},
        {"two", "apple"},
        ("two", "apple"),
        dict.fromkeys(["apple"], 0),
    ],
    ids=["list", "dict", "set", "tuple", "dict of one"],
)
@pytest.mark.parametrize("smooth_idf", [True, False])
def test_lexical_given_vocabulary(vocabulary, smooth_idf):
    assert_same_behavior(
        lambda v: [v.fit(TEXTS).transform(OTHERS), *fitted_state(v)],
        vocabulary=vocabulary,
        ngram_range=(1, 2),
        smooth_idf=smooth_idf,
    )


def test_lexical_given_vocabulary_may_be_an_iterator():
    def fit(vectorizer):
        vectorizer.set_params(vocabulary=iter(["apple", "two"]))
        return vectorizer.fit(TEXTS).transform(TEXTS)

    assert_same_behavior(fit)


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("vocabulary", [[1, "apple"], [("a", "b"), "apple"], [b"a"]])
def test_lexical_given_vocabulary_of_other_types(vocabulary, lowercase):
    """scikit-learn accepts them, and no document contains them."""
    assert_same_behavior(
        lambda v: v.fit(TEXTS).transform(TEXTS),
        vocabulary=vocabulary,
        lowercase=lowercase,
    )


def test_lexical_vocabulary_of_a_fit_is_the_parameter_of_another_fit():
    first = LexicalVectorizer(ngram_range=(1, 2)).fit(TEXTS)
    second = LexicalVectorizer(ngram_range=(1, 2), vocabulary=first.vocabulary_)
    assert_same_matrix(second.fit(TEXTS).transform(OTHERS), first.transform(OTHERS))


@pytest.mark.skipif("sparse_interface" not in get_config(), reason="scikit-learn < 1.9")
@pytest.mark.parametrize("params", ALL_KINDS)
def test_lexical_sparse_arrays_if_configured(params):
    with config_context(sparse_interface="sparray"):
        X = LexicalVectorizer(**params).fit_transform(TEXTS)
        assert isinstance(X, sparse.sparray)
        Y = assert_same_behavior(lambda v: v.fit(TEXTS).transform(OTHERS), **params)
        assert isinstance(Y, sparse.sparray)


# Subclasses and functions that replace the analysis.


def split_at_commas(document):
    return document.split(",")


OVERRIDES = {
    "build_tokenizer": lambda self: split_at_commas,
    "build_preprocessor": lambda self: str.upper,
    "build_analyzer": lambda self: split_at_commas,
    "get_stop_words": lambda self: frozenset({"apple"}),
    "_word_ngrams": lambda self, tokens, stop_words=None: tokens[:1],
    "decode": lambda self, document: document.replace("apple", "pear"),
}


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize(
    "vocabulary", [None, ["apple", "pear", "APPLE", "a red apple"]]
)
def test_lexical_subclass_with_its_own_analysis(name, vocabulary):
    expected, actual = (
        type("Own", (base,), {name: OVERRIDES[name]})(
            vocabulary=vocabulary, lowercase=False
        )
        for base in (TfidfVectorizer, LexicalVectorizer)
    )
    assert_same_matrix(
        actual.fit(TEXTS).transform(OTHERS), expected.fit(TEXTS).transform(OTHERS)
    )
    assert_same_result(fitted_state(actual), fitted_state(expected))


def test_lexical_subclass_without_changes_is_read_by_the_kernels():
    class Renamed(LexicalVectorizer):
        pass

    assert is_read_by_kernels(Renamed())


def test_lexical_analyzer_set_on_the_instance():
    def fit(vectorizer):
        vectorizer.build_analyzer = lambda: split_at_commas
        return vectorizer.fit(TEXTS).transform(OTHERS)

    assert_same_behavior(fit)


@pytest.mark.parametrize(
    "params",
    [
        {"analyzer": split_at_commas},
        {"tokenizer": split_at_commas, "token_pattern": None},
        {"preprocessor": str.upper},
        {"strip_accents": str.swapcase},
        {"analyzer": "char", "preprocessor": str.upper},
    ],
)
def test_lexical_functions_are_called(params):
    assert_same_behavior(
        lambda v: [v.fit(TEXTS).transform(OTHERS), *fitted_state(v)], **params
    )


# Columns of every kind. The names of the functions are the ids of the tests.

COLUMN = [
    "apple two",
    "",
    "na\u00efve \u039f\u03a3 \U0001f34e",
    "x" * 40 + " apple",
    "two",
]
SHUFFLED_INDEX = [3, 0, 4, 1, 2]


def numpy_object(documents):
    return np.array(documents, dtype=object)


def numpy_unicode(documents):
    return np.array(documents, dtype=str)


def numpy_strided(documents):
    return np.array([text for text in documents for _ in range(2)], dtype=object)[::2]


def numpy_strings(documents):
    if not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"):
        pytest.skip("NumPy < 2")
    return np.array(documents, dtype=np.dtypes.StringDType())


def subclass_of_str(documents):
    class Text(str):
        __slots__ = ("note",)

    return [Text(text) for text in documents]


def user_list(documents):
    from collections import UserList

    return UserList(documents)


def dict_keys(documents):
    return dict.fromkeys(documents).keys()


def pandas_series(dtype):
    def make(documents):
        pandas = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        return pandas.Series(documents, dtype=dtype, index=SHUFFLED_INDEX)

    make.__name__ = f"pandas_{dtype}"
    return make


def pandas_index(documents):
    return pytest.importorskip("pandas").Index(documents)


def pandas_arrow(name):
    def make(documents):
        pandas, pyarrow = map(pytest.importorskip, ["pandas", "pyarrow"])
        dtype = pandas.ArrowDtype(getattr(pyarrow, name)())
        return pandas.Series(documents, dtype=dtype, index=SHUFFLED_INDEX)

    make.__name__ = f"pandas_arrow_{name}"
    return make


def polars_series(documents):
    return pytest.importorskip("polars").Series("text", documents)


def polars_categories(documents):
    polars = pytest.importorskip("polars")
    return polars.Series("text", documents, dtype=polars.Categorical)


def polars_chunks(documents):
    polars = pytest.importorskip("polars")
    parts = [documents[:2], documents[2:2], documents[2:]]
    return polars.concat(
        [polars.Series("text", part, dtype=polars.String) for part in parts],
        rechunk=False,
    )


def arrow_array(name):
    def make(documents):
        pyarrow = pytest.importorskip("pyarrow")
        return pyarrow.array(documents, getattr(pyarrow, name)())

    make.__name__ = f"arrow_{name}"
    return make


def arrow_slice(name):
    def make(documents):
        pyarrow = pytest.importorskip("pyarrow")
        padded = ["before", "*" * 30, *documents, "after", "+" * 30]
        array = pyarrow.array(padded, getattr(pyarrow, name)())
        return array.slice(2, len(documents))

    make.__name__ = f"arrow_slice_{name}"
    return make


def arrow_chunks(name):
    def make(documents):
        pyarrow = pytest.importorskip("pyarrow")
        text = getattr(pyarrow, name)()
        parts = [[], documents[:1], documents[1:4], [], documents[4:], []]
        return pyarrow.chunked_array([pyarrow.array(part, text) for part in parts])

    make.__name__ = f"arrow_chunks_{name}"
    return make


def arrow_dictionary(documents):
    return pytest.importorskip("pyarrow").array(documents).dictionary_encode()


def arrow_table_column(documents):
    return pytest.importorskip("pyarrow").table({"text": documents})["text"]


class StreamOnly:
    """A column whose only interface is an Arrow stream."""

    def __init__(self, documents):
        pyarrow = pytest.importorskip("pyarrow")
        self._column = pyarrow.chunked_array([documents, documents[:0]])

    def __arrow_c_stream__(self, requested_schema=None):
        return self._column.__arrow_c_stream__(requested_schema)

    def __iter__(self):
        raise AssertionError("documents were made into Python strings")

    to_pylist = __array__ = __iter__


class ArrayOnly(StreamOnly):
    """A column whose only interface is an Arrow array."""

    def __init__(self, documents):
        self._column = pytest.importorskip("pyarrow").array(documents)

    __arrow_c_stream__ = property()

    def __arrow_c_array__(self, requested_schema=None):
        return self._column.__arrow_c_array__(requested_schema)


ARROW_TYPES = ["string", "large_string", "string_view"]
PLAIN_COLUMNS = [
    *(list, tuple, iter, numpy_object, numpy_unicode, numpy_strided, numpy_strings),
    *(subclass_of_str, user_list, dict_keys),
    *(pandas_series("object"), pandas_series("str"), pandas_series("string")),
    *(pandas_series("string[python]"), pandas_series("string[pyarrow]")),
    *(pandas_series("category"), pandas_index, polars_series, polars_categories),
    *(pandas_arrow("string"), pandas_arrow("large_string"), polars_chunks),
]
ARROW_COLUMNS = [
    *(
        make(name)
        for make in (arrow_array, arrow_slice, arrow_chunks)
        for name in ARROW_TYPES
    ),
    *(arrow_table_column, StreamOnly, ArrayOnly),
]
ALL_COLUMNS = [*PLAIN_COLUMNS, *ARROW_COLUMNS, arrow_dictionary]


@pytest.mark.parametrize("make", ALL_COLUMNS, ids=lambda make: make.__name__)
@pytest.mark.parametrize(
    "params",
    [
        {"ngram_range": (1, 2)},
        {"analyzer": "char"},
        {"analyzer": "char_wb", "strip_accents": "ascii"},
        {"vocabulary": ["two", "apple"]},
    ],
    ids=repr,
)
def test_lexical_column_equals_list(make, params):
    vectorizer = LexicalVectorizer(**params)
    expected = vectorizer.fit_transform(COLUMN)
    assert_same_matrix(vectorizer.transform(make(COLUMN)), expected)
    assert_same_matrix(
        LexicalVectorizer(**params).fit_transform(make(COLUMN)), expected
    )


@pytest.mark.parametrize(
    "make",
    [make for make in ALL_COLUMNS if make not in (StreamOnly, ArrayOnly)],
    ids=lambda make: make.__name__,
)
def test_lexical_column_equals_list_if_scikit_learn_reads(make):
    vectorizer = LexicalVectorizer(token_pattern=r"\S+")
    expected = vectorizer.fit_transform(COLUMN)
    assert_same_matrix(vectorizer.transform(make(COLUMN)), expected)
    twin = LexicalVectorizer(token_pattern=r"\S+")
    assert_same_matrix(twin.fit_transform(make(COLUMN)), expected)
    assert_same_matrix(twin.fit(make(COLUMN)).transform(COLUMN), expected)


@pytest.mark.parametrize(
    "make",
    [
        *(numpy_object, tuple, iter, pandas_series("object"), pandas_series("str")),
        *(pandas_series("string"), pandas_series("string[pyarrow]"), polars_series),
        *(pandas_arrow("string"), polars_chunks, arrow_dictionary, *ARROW_COLUMNS),
    ],
    ids=lambda make: make.__name__,
)
def test_lexical_column_with_a_null_names_its_row(make):
    column = make([*COLUMN[:3], None, None])
    with pytest.raises(ValueError, match="missing value .* at position 3"):
        LexicalVectorizer().fit(column)


BY_SCIKIT_LEARN = {"preprocessor": str.lower}
WITH_NULLS = [*COLUMN[:3], None, None]


@pytest.mark.parametrize(
    "make",
    [
        *(list, numpy_object, iter, pandas_series("object"), pandas_series("str")),
        *(pandas_series("string"), pandas_series("string[pyarrow]"), polars_series),
        *(pandas_arrow("string"), polars_chunks, arrow_dictionary, *ARROW_COLUMNS),
    ],
    ids=lambda make: make.__name__,
)
def test_lexical_column_with_nulls_as_empty_texts(make):
    expected = LexicalVectorizer().fit_transform([*COLUMN[:3], "", ""])
    vectorizer = LexicalVectorizer(null_documents="empty")
    assert_same_matrix(vectorizer.fit_transform(make(WITH_NULLS)), expected)
    assert_same_matrix(vectorizer.transform(make(WITH_NULLS)), expected)


@pytest.mark.parametrize("make", [list, iter, numpy_object, polars_series])
def test_lexical_nulls_as_empty_texts_if_scikit_learn_reads(make):
    expected = LexicalVectorizer(**BY_SCIKIT_LEARN).fit([*COLUMN[:3], "", ""])
    vectorizer = LexicalVectorizer(null_documents="empty", **BY_SCIKIT_LEARN)
    vectorizer.fit(make(WITH_NULLS))
    assert_same_matrix(
        vectorizer.transform(make(WITH_NULLS)),
        expected.transform([*COLUMN[:3], "", ""]),
    )


@pytest.mark.parametrize("params", [{}, BY_SCIKIT_LEARN])
@pytest.mark.parametrize("source", ["filename", "file"])
def test_lexical_missing_files_as_empty_texts(tmp_path, params, source):
    (tmp_path / "apple.txt").write_text("an apple")
    path = tmp_path / "apple.txt"

    def files():
        return [path if source == "filename" else io.BytesIO(b"an apple"), None]

    vectorizer = LexicalVectorizer(input=source, null_documents="empty", **params)
    X = vectorizer.fit_transform(files())
    assert X.toarray().any(axis=1).tolist() == [True, False]
    assert_same_matrix(vectorizer.transform(files()), X)
    with pytest.raises(ValueError, match="missing value .* at position 1"):
        LexicalVectorizer(input=source, **params).fit(files())


def test_lexical_callable_analyzer_gets_nulls_unless_they_are_empty_texts():
    def analyze(document):
        return ["nothing"] if document is None else document.split()

    documents = ["an apple", None]
    vectorizer = LexicalVectorizer(analyzer=analyze).fit(documents)
    assert "nothing" in vectorizer.vocabulary_
    vectorizer = LexicalVectorizer(analyzer=analyze, null_documents="empty")
    assert sorted(vectorizer.fit(documents).vocabulary_) == ["an", "apple"]


@pytest.mark.parametrize("params", [{}, {"analyzer": str.split}])
def test_lexical_table_with_one_column(params):
    """scikit-learn's class reads the name of the column."""
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"text": COLUMN})
    vectorizer = LexicalVectorizer(**params)
    expected = LexicalVectorizer(**params).fit_transform(COLUMN)
    assert_same_matrix(vectorizer.fit_transform(table), expected)
    assert_same_matrix(vectorizer.transform(table), expected)


@pytest.mark.parametrize("name", ARROW_TYPES)
def test_lexical_null_before_a_slice_does_not_count(name):
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array([None, *COLUMN, None], getattr(pyarrow, name)())
    X = LexicalVectorizer().fit_transform(column[1:-1])
    assert_same_matrix(X, LexicalVectorizer().fit_transform(COLUMN))


@pytest.mark.parametrize("make", ARROW_COLUMNS, ids=lambda make: make.__name__)
def test_lexical_arrow_documents_do_not_become_python_strings(monkeypatch, make):
    def refuse(*args):
        raise AssertionError("documents were made into Python strings")

    column = make(COLUMN)
    expected = LexicalVectorizer().fit_transform(COLUMN)
    monkeypatch.setattr(sklux._lexical.buffers, "string_buffers", refuse)
    monkeypatch.setattr(sklux._lexical.buffers.TextBuffers, "document", refuse)
    vectorizer = LexicalVectorizer()
    assert_same_matrix(vectorizer.fit_transform(column), expected)
    assert_same_matrix(vectorizer.transform(column), expected)


@pytest.mark.parametrize("make", [arrow_array("string"), arrow_chunks("string_view")])
def test_lexical_empty_column_has_no_vocabulary(make):
    with pytest.raises(ValueError, match="empty vocabulary"):
        LexicalVectorizer().fit(make([]))


@pytest.mark.parametrize("name", ["binary", "int64"])
def test_lexical_arrow_column_of_another_type_is_refused(name):
    pyarrow = pytest.importorskip("pyarrow")
    values = {"binary": [b"\xff"], "int64": [1]}[name]
    with pytest.raises((TypeError, UnicodeDecodeError)):
        LexicalVectorizer().fit(pyarrow.array(values, getattr(pyarrow, name)()))


def test_lexical_table_is_refused():
    pyarrow = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="one column of text.*the columns 'a', 'b'"):
        LexicalVectorizer().fit(pyarrow.table({"a": COLUMN, "b": COLUMN}))


def invalid_utf8(pyarrow, values):
    """An Arrow array of strings whose bytes are not checked."""
    offsets = np.cumsum([0, *map(len, values)]).astype(np.int32)
    return pyarrow.StringArray.from_buffers(
        len(values),
        pyarrow.py_buffer(offsets.tobytes()),
        pyarrow.py_buffer(b"".join(values)),
    )


@pytest.mark.parametrize(
    "bad",
    [
        *(b"\xff", b"\x80", b"caf\xe9", b"\xc0\xaf", b"\xc1\xbf", b"\xf5\x80\x80\x80"),
        *(b"\xed\xa0\x80", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80"),
        *(
            b"\xc3",
            b"\xe4\xb8",
            b"\xf0\x9f\x8d",
            b"\xe4\xb8x",
            b"\xc3x",
            b"x" * 70 + b"\xff",
        ),
    ],
)
@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_lexical_invalid_utf8_names_the_document(bad, analyzer):
    """The bytes that would complete a character belong to the next document."""
    pyarrow = pytest.importorskip("pyarrow")
    column = invalid_utf8(pyarrow, [b"apple", b"two", bad, b"\x80\xad\x8e"])
    with pytest.raises(ValueError, match="Document 2 is not valid UTF-8"):
        LexicalVectorizer(analyzer=analyzer).fit(column)


def test_lexical_invalid_utf8_in_a_later_chunk_names_the_document():
    pyarrow = pytest.importorskip("pyarrow")
    bad = invalid_utf8(pyarrow, [b"two", b"\xff"])
    column = pyarrow.chunked_array([pyarrow.array(COLUMN), pyarrow.array(["x"]), bad])
    vectorizer = LexicalVectorizer().fit(COLUMN)
    with pytest.raises(ValueError, match="Document 7 is not valid UTF-8"):
        vectorizer.transform(column)


@pytest.mark.parametrize(
    "damaged", [[0, 9, 5], [0, 5, 99], [-3, 2, 5], [0, 2**31 - 1, 9], [5, 4, 3]]
)
def test_lexical_damaged_offsets_are_refused(damaged):
    pyarrow = pytest.importorskip("pyarrow")
    offsets = np.array([0, 5, 10], np.int32)
    column = pyarrow.StringArray.from_buffers(
        2, pyarrow.py_buffer(offsets), pyarrow.py_buffer(b"apple pear")
    )
    # Arrow checks some of this only when the array is made.
    offsets[:] = damaged
    # Arrow finds most of it; the kernels find offsets between good ends.
    message = "is a damaged Arrow column: .* offset|offsets lead outside of its text"
    with pytest.raises(ValueError, match=message):
        LexicalVectorizer().fit(column)


def test_lexical_errors_of_the_kernels_name_the_remedy():
    pyarrow = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=re.escape("Read the column as binary")):
        LexicalVectorizer().fit(invalid_utf8(pyarrow, [b"\xff"]))


def test_lexical_vocabulary_of_another_size_is_refused():
    vectorizer = LexicalVectorizer().fit(["apple pie", "green apple"])
    vectorizer.vocabulary_ = {f"word{i}": i for i in range(50_000)}
    with pytest.raises(ValueError, match="X has 50000 features"):
        vectorizer.transform(["word49999 word7"])


@pytest.mark.parametrize("missing", [None, np.nan])
def test_lexical_missing_document_is_named_if_scikit_learn_reads(missing):
    vectorizer = LexicalVectorizer(preprocessor=str.lower)
    with pytest.raises(ValueError, match="missing value .* at position 1"):
        vectorizer.fit(["apple pie", missing])


@pytest.mark.parametrize(
    "params", [{"preprocessor": str.lower}, {"analyzer": str.split}]
)
def test_lexical_table_is_refused_if_scikit_learn_reads(params):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"text": ["apple pie"], "more": ["green apple"]})
    with pytest.raises(ValueError, match="one column of text.*'text', 'more'"):
        LexicalVectorizer(**params).fit(table)


@pytest.mark.parametrize(
    "params", [{}, {"preprocessor": str.lower}, {"analyzer": str.split}]
)
def test_lexical_reader_of_batches_is_read_as_its_column(params):
    """A loop over the reader gives batches, and leaves nothing to read."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"text": COLUMN})
    own = LexicalVectorizer(**params)
    found = own.fit_transform(table.to_reader(max_chunksize=2))
    assert_same_matrix(found, LexicalVectorizer(**params).fit_transform(COLUMN))
    assert_same_matrix(own.transform(table.to_reader(max_chunksize=2)), found)


@pytest.mark.parametrize("sublinear_tf", [False, True])
def test_lexical_counts_beyond_16_bits(sublinear_tf):
    documents = ["aa bb " * 70_000 + "cc " * 65_535 + "dd", "bb cc", "aa " * 65_536]
    params = {"sublinear_tf": sublinear_tf, "ngram_range": (1, 2)}
    own = LexicalVectorizer(**params).fit(documents)
    expected = TfidfVectorizer(**params).fit(documents).transform(documents)
    X = own.transform(documents)
    np.testing.assert_array_equal(X.indices, expected.indices)
    np.testing.assert_array_equal(X.data, expected.data)


def test_lexical_very_long_ngrams_need_no_memory():
    documents = ["a few words in here", "and there are more"]
    params = {"ngram_range": (1, 20_000)}
    own = LexicalVectorizer(**params).fit(documents)
    assert own.vocabulary_ == TfidfVectorizer(**params).fit(documents).vocabulary_


def test_lexical_bytes_that_do_not_decode_to_a_str_are_refused():
    class Odd(bytes):
        def decode(self, *args):
            return b"x"

    vectorizer = LexicalVectorizer().fit(["aa bb"])
    with pytest.raises(TypeError, match="Got bytes at position 0"):
        vectorizer.transform([Odd(b"aa")])


@pytest.mark.parametrize("largest", [2**31, 2**40, 2**63])
def test_lexical_ngrams_longer_than_any_document(largest):
    params = {"ngram_range": (1, largest)}
    documents = ["a red apple", "red apples and apples", ""]
    expected = TfidfVectorizer(**params).fit_transform(documents)
    vectorizer = LexicalVectorizer(**params)
    found = vectorizer.fit_transform(documents)
    np.testing.assert_allclose(found.toarray(), expected.toarray())
    np.testing.assert_allclose(
        vectorizer.transform(documents).toarray(), expected.toarray()
    )


def test_lexical_dtype_none_is_float64():
    documents = ["a red apple", "red apples and apples"]
    expected = TfidfVectorizer(dtype=None)
    with pytest.warns(UserWarning, match="dtype"):
        expected = expected.fit_transform(documents)
    with pytest.warns(UserWarning, match="dtype"):
        found = LexicalVectorizer(dtype=None).fit_transform(documents)
    assert found.dtype == expected.dtype == np.float64
    np.testing.assert_allclose(found.toarray(), expected.toarray())


def test_lexical_change_of_the_dict_of_terms_is_not_seen():
    """Neither of a learnt vocabulary, nor of one that was set by hand."""
    vectorizer = LexicalVectorizer().fit(TEXTS)
    given = dict(vectorizer.vocabulary_)
    width = len(given)
    expected = vectorizer.transform(TEXTS)
    vectorizer.vocabulary_["new"] = width
    assert_same_matrix(vectorizer.transform(TEXTS), expected)
    vectorizer.vocabulary_ = given
    given["new"] = vectorizer.vocabulary_["new"] = width
    assert vectorizer.transform(["new"]).shape == (1, width)
    assert_same_matrix(vectorizer.transform(TEXTS), expected)
