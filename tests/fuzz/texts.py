"""Text of every kind, read by the kernels and by their slow twins."""

import warnings

import numpy as np
import pyarrow
import reference
from _lexical.test_segmentation import (
    test_matrix_is_the_one_of_scikit_learn_with_the_same_analyzer as equals_unicode,
)
from _lexical.test_segmentation import (
    test_words_of_the_analyzer_are_the_words_of_the_slow_form as has_unicode_words,
)
from _lexical.test_subwords import (
    NGRAM_RANGES,
    PARAMETERS,
    WORDS,
)
from _lexical.test_subwords import (
    test_subword_matrix_equals_scikit_learn as equals_pieces,
)
from _lexical.test_subwords import (
    test_subword_with_words_equals_two_matrices as equals_pieces_and_words,
)
from _lexical.test_vectorizer import (
    test_lexical_equals_scikit_learn as equals_scikit_learn,
)
from hypothesis import strategies as st
from models import is_fused, random_model, unfused
from pieces_reference import TRAINING_TEXTS, bert_tokenizer, other_tokenizer
from strategies import (
    AWKWARD_CHARACTERS,
    AWKWARD_WORDS,
    awkward_texts,
    given_terms,
    lexical_parameters,
)
from test_fused import kernel_parameters

from sklux import LexicalVectorizer
from sklux._student.network import WEIGHT_DTYPES
from sklux._student.projection import network_of

MEMORY_MB = 1024
# Texts that programs get wrong: joined and reordered marks, scripts from right to left,
# scripts without spaces, signs of control, special tokens, numbers, code.
FRAGMENTS = [
    *("\u0065\u0301\u0327", "\u1112\u1161\u11ab", "\u0e2a\u0e37\u0e49\u0e2d", "\ufb03"),
    *("\u05e9\u05c1\u05b8\u05dc", "\u0645\u064f\u062d", "\u202e\u200fabc\u202c"),
    *("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e6\U0001f1f9", "\ufeff"),
    *("Z\u0351\u036b\u0343a\u0363\u0348\u032d", "\u0915\u094d\u0937\u093f", "\x00\x7f"),
    *("[CLS]", "[UNK]", "##ing", "<|endoftext|>", "1e309", "NaN", "-0", "0x7fffffff"),
    *("http://a.b/c?d=e&f", "C:\\a\\b", "a@b.c", "<p>&amp;</p>", "{'a': [1, 2]}"),
    *("a" * 100, "a" * 101, "\u00e9" * 64, "\u4e2d" * 101, "\ud83d", "\udc00\ud800"),
]
UNITS = st.one_of(
    awkward_texts,
    st.text(max_size=30),
    st.sampled_from([*FRAGMENTS, *AWKWARD_WORDS, *TRAINING_TEXTS]),
    st.lists(st.sampled_from([*FRAGMENTS, " ", ""]), max_size=6).map("".join),
    st.characters(),
    st.binary(max_size=20).map(lambda content: content.decode("latin-1")),
    st.text(AWKWARD_CHARACTERS, max_size=9),
)
COUNTS = st.sampled_from([1] * 12 + [2, 3, 8, 9, 16, 17, 255, 256, 257, 1000])
# A text is a list of units, each with the number of its repetitions.
TEXTS = st.lists(st.tuples(UNITS, COUNTS).map(list), max_size=4)
DOCUMENTS = st.lists(TEXTS, max_size=6)
CONTAINERS = st.sampled_from(["string", "large_string", "string_view"])


def text_of(parts):
    """The text of a list of units."""
    return "".join(unit * count for unit, count in parts)


def plain(documents):
    """Documents without lone surrogates, which neither UTF-8 nor tokenizers holds."""
    return [text.encode(errors="replace").decode() for text in map(text_of, documents)]


def with_names(strategy):
    """Parameters as JSON holds them: types by their names, tuples as lists."""

    def named(params):
        dtype = params.get("dtype")
        params = {k: list(v) if isinstance(v, tuple) else v for k, v in params.items()}
        return params if dtype is None else params | {"dtype": np.dtype(dtype).name}

    return strategy.map(named)


def given_params(params):
    """Parameters of an estimator for parameters that JSON holds."""
    if "ngram_range" in params:
        params = params | {"ngram_range": tuple(params["ngram_range"])}
    if "dtype" in params:
        params = params | {"dtype": np.dtype(params["dtype"]).type}
    return params


def check_matrix(case):
    """`fit_transform` and `transform` give the matrix of TfidfVectorizer."""
    documents, others = ([text_of(t) for t in case[k]] for k in ("fit", "others"))
    inner(equals_scikit_learn)(
        given_params(case["params"]),
        case["vocabulary"],
        documents,
        others,
        case["n_jobs"],
        case["is_spread"],
    )


def check_unicode(case):
    """With segmentation="unicode", the slow form finds the same words."""
    texts = list(map(text_of, case["fit"]))
    for text in texts:
        inner(has_unicode_words)(text, case["least"])
    inner(equals_unicode)(texts, case["strip_accents"])


def check_pieces(case):
    """Word pieces are the tokenizers library's."""
    kind, params = case["tokenizer"], given_params(case["params"])
    documents, others = plain(case["fit"]), plain(case["others"])
    ngram_range, n_jobs = tuple(case["ngram_range"]), case["n_jobs"]
    inner(equals_pieces)(
        bert_tokenizer(), kind, documents, others, ngram_range, params, n_jobs
    )


def check_both(case):
    """A stage of words and pieces gives the two matrices of scikit-learn."""
    words, params = given_params(case["words"]), given_params(case["params"])
    inner(equals_pieces_and_words)(
        bert_tokenizer(), plain(case["fit"]), plain(case["others"]), words, params
    )


def check_vectors(case):
    """Text to vectors in one kernel: the vectors of the matrix and of the slow twin."""
    params = given_params(case["params"])
    if "subword" in params["analyzer"]:
        tokenizer = case["tokenizer"]
        params |= {"n_subwords": 60}
        if tokenizer is not None:
            bert = tokenizer == "bert"
            params["tokenizer"] = (
                bert_tokenizer() if bert else other_tokenizer(tokenizer)
            )
    fit, texts = (list(map(text_of, case[name])) for name in ("fit", "others"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            stage = LexicalVectorizer(**params).fit(fit + TRAINING_TEXTS)
        except ValueError:
            # For instance, rest pieces need a kernel that reads the tokenizer.
            return
        model = random_model(stage, case["sizes"], case["seed"])
        model = model.quantize(case["dtype"])
        vectors = model.transform(texts)
        assert vectors.shape == (len(texts), case["sizes"][-1])
        assert np.isfinite(vectors).all()
        if not texts:
            return
        assert_near_twins(model, texts, vectors)
        assert_same_anywhere(model, texts, vectors, case)


def assert_near_twins(model, texts, vectors):
    """Fail unless the vectors are near both slower ways through the matrix."""
    np.testing.assert_allclose(vectors, unfused(model, texts), rtol=0, atol=1e-6)
    coefs = network_of(model.projection_).expanded().coefs()
    slow = reference.network(model.lexical_.transform(texts), coefs)
    np.testing.assert_allclose(vectors, slow, rtol=0, atol=1e-5)


def assert_same_anywhere(model, texts, vectors, case):
    """Fail unless the bits are the same alone, in Arrow, and with several threads."""
    first = model.transform(texts[:1])
    reference.assert_same_bits(first, vectors[:1])
    model.n_jobs = 2
    reference.assert_same_bits(model.transform(texts[::-1]), vectors[::-1])
    if is_fused(model):
        readable = plain(case["others"])
        kind = getattr(pyarrow, case["container"])()
        column = pyarrow.array(["before", *readable], kind)[1:]
        reference.assert_same_bits(model.transform(column), model.transform(readable))


def inner(test):
    """The function that a test of hypothesis calls with each example."""
    return test.hypothesis.inner_test


CHECKS = {
    "matrix": check_matrix,
    "unicode": check_unicode,
    "pieces": check_pieces,
    "both": check_both,
    "vectors": check_vectors,
}
VOCABULARIES = given_terms.map(lambda terms: list(dict.fromkeys(terms)))
CASES = [
    {
        "kind": st.just("matrix"),
        "params": with_names(lexical_parameters),
        "vocabulary": st.none() | st.none() | st.none() | VOCABULARIES,
        "is_spread": st.booleans(),
    },
    {
        "kind": st.just("unicode"),
        "least": st.integers(1, 3),
        "strip_accents": st.sampled_from(["ascii", "unicode", None]),
    },
    {
        "kind": st.just("pieces"),
        "tokenizer": st.sampled_from(["bert", "bert", "wordpiece", "bpe"]),
        "ngram_range": NGRAM_RANGES.map(list),
        "params": with_names(PARAMETERS),
    },
    {
        "kind": st.just("both"),
        "words": with_names(WORDS),
        "params": with_names(PARAMETERS),
    },
    {
        "kind": st.just("vectors"),
        "params": with_names(kernel_parameters),
        "tokenizer": st.sampled_from([None, "bert", "bert", "bpe", "unigram"]),
        "sizes": st.sampled_from([[64], [96, 64], [64, 80, 72]]),
        "dtype": st.sampled_from(WEIGHT_DTYPES),
        "seed": st.integers(0, 99),
        "container": CONTAINERS,
    },
]


def prepare(folder):
    """Nothing."""


def cases(prepared):
    """Documents to fit on, other documents, and how they are read."""
    common = {
        "fit": DOCUMENTS,
        "others": DOCUMENTS,
        "n_jobs": st.sampled_from([None, 1, 2]),
    }
    return st.one_of([st.fixed_dictionaries(common | own) for own in CASES])


def check(prepared, case, folder):
    """Fail unless the kernels do what their slow twins do."""
    CHECKS[case["kind"]](case)
