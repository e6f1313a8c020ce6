"""Hypothesis strategies and settings for the kernels and the lexical stage."""

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from scipy import sparse

# The instruction set is a function-scoped fixture: the same for all examples of a test.
kernel_settings = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Around the vectors (4, 8, 16 lanes) and the tiles of two vectors (8, 16, 32).
SWITCH_WIDTHS = [1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 70]
widths = st.sampled_from(SWITCH_WIDTHS) | st.integers(1, 70)

# Around the blocks of eight rows.
row_counts = st.sampled_from([0, 1, 2, 7, 8, 9, 15, 16, 17]) | st.integers(0, 20)

seeds = st.integers(0, 2**32 - 1)

ordinary_values = st.floats(
    -1e3, 1e3, width=32, allow_nan=False, allow_subnormal=False
) | st.sampled_from([0.0, 1.0, -1.0])
extreme_values = st.builds(
    lambda mantissa, exponent: np.float32(mantissa * 10.0**exponent),
    st.floats(-9, 9, allow_nan=False, allow_subnormal=False),
    st.integers(-30, 30),
)


@st.composite
def csr_matrices(draw, values=ordinary_values, max_nonzeros=12):
    """CSR matrices in any form that users and scipy may produce.

    Some rows are empty, some have explicit zeros. Columns may be unsorted or occur
    twice. Index arrays have 32 or 64 bits.
    """
    n_features = draw(st.integers(1, 40))
    entry = st.tuples(st.integers(0, n_features - 1), values)
    n_rows = draw(row_counts)
    rows = draw(
        st.lists(
            st.lists(entry, max_size=max_nonzeros), min_size=n_rows, max_size=n_rows
        )
    )
    if draw(st.booleans()):
        rows = [sorted(dict(row).items()) for row in rows]
    index_type = draw(st.sampled_from([np.int32, np.int64]))
    return build_csr(rows, n_features, index_type)


def build_csr(rows, n_features, index_type=np.int32):
    """CSR matrix of rows of (column, value), in the given order."""
    X = sparse.csr_matrix((len(rows), n_features), dtype=np.float32)
    # The arrays are set directly: the constructor would choose the index type.
    X.data = np.array([v for row in rows for _, v in row], dtype=np.float32)
    X.indices = np.array([c for row in rows for c, _ in row], dtype=index_type)
    X.indptr = np.cumsum([0, *map(len, rows)], dtype=index_type)
    return X


@st.composite
def dense_arrays(draw, n_rows, n_columns, exponents=(-2, 2)):
    """Normal values of some magnitude, some of them zero; float32, C-contiguous."""
    rng = np.random.default_rng(draw(seeds))
    magnitude = 10.0 ** draw(st.integers(*exponents))
    array = magnitude * rng.standard_normal((n_rows, n_columns))
    array[rng.random((n_rows, n_columns)) < draw(st.sampled_from([0, 0.1, 0.9]))] = 0
    return array.astype(np.float32)


@st.composite
def layers(draw, n_features, max_hidden_layers=3):
    """Weights of a network with any number of hidden layers, including none."""
    hidden = draw(st.lists(widths, max_size=max_hidden_layers))
    sizes = [n_features, *hidden, draw(widths)]
    return [
        draw(dense_arrays(n_in, n_out)) for n_in, n_out in zip(sizes[:-1], sizes[1:])
    ]


# Characters that rules of text get wrong: with and without case, marks, control
# characters that are white space, lone surrogates, planes beyond the first.
PLAIN_CHARACTERS = "aaabbcdAB12_ .-'\n\t"
AWKWARD_CHARACTERS = (
    "\u03a3\u03a3\u03c3\u03c2\u0391\u03b1\u0345\u00ad\u200d\u2019\u00b7"  # sigma
    "\u0130\u0131\u00df\u1e9e\u01c5\ufb01\u0149\u00c5\u0141\u00e9\u0301\u0327\u2126"
    "\x00\x1c\x1d\x1e\x1f\x85\xa0\u2003\u3000\u2028\u200b"
    "\u4e2d\u6587\uac01\ud55c\u1100\u0e01\u0e33\u0915\u093f\u0661\u00b2"
    "\ud800\udbff\udc00\udfff\U00010400\U0001d7d8\U0001f34e\U000e0041\U0010ffff"
)
AWKWARD_WORDS = [
    *("a", "b", "aa", "ab", "the", "and", "Apple", "apple", "cry", "x1", "a_b"),
    *("\u039f\u03a3", "\u03a3\u0391\u03a3", "\u0130x", "e\u0301te", "\u00e9t\u00e9"),
    *("abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmnop", "abcdefghijklmnopq"),
]
# One `text` strategy of many characters is faster than a choice for each character.
awkward_texts = (
    st.text(PLAIN_CHARACTERS, max_size=40)
    | st.text(PLAIN_CHARACTERS + AWKWARD_CHARACTERS, max_size=40)
    | st.lists(st.sampled_from(AWKWARD_WORDS), max_size=30).map(" ".join)
    | st.lists(st.sampled_from(AWKWARD_WORDS), max_size=9).map("\u3000\n".join)
)
document_lists = st.lists(awkward_texts, max_size=8)

ngram_ranges = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(
    lambda bounds: (min(bounds), max(bounds))
)
given_terms = st.lists(
    st.sampled_from(AWKWARD_WORDS)
    | st.text(PLAIN_CHARACTERS + AWKWARD_CHARACTERS, max_size=3)
    | st.sampled_from(
        ["", " ", "  ", "a b", "a  b", " a", "b ", " a ", "a\x00", "a a a"]
    ),
    max_size=8,
)
vocabularies = (
    given_terms
    | given_terms.map(set)
    | given_terms.map(tuple)
    | given_terms.map(lambda terms: {t: i for i, t in enumerate(dict.fromkeys(terms))})
    | given_terms.map(
        lambda terms: {t: i for i, t in enumerate(reversed(dict.fromkeys(terms)))}
    )
)
# Parameters of TfidfVectorizer; each value is valid by itself.
lexical_parameters = st.fixed_dictionaries(
    {
        "analyzer": st.sampled_from(["word", "word", "char", "char_wb"]),
        "ngram_range": ngram_ranges,
    },
    optional={
        "lowercase": st.booleans(),
        "strip_accents": st.sampled_from([None, "ascii", "unicode"]),
        "token_pattern": st.sampled_from(
            [
                *(r"(?u)\b\w+\b", r"\w+", r"\w\w+", r"\b\w{3,}\b", r"(?u)\w{2,}"),
                *(r"[a-z]+", r"(\w)\w+", r"\S+", r"\w*", r"\b\w\b", r"(?a)\w+"),
            ]
        ),
        "stop_words": st.sampled_from(
            [None, "english", ["a", "b"], ["the", "\u00e9t\u00e9", "A b", "", "\ud800"]]
        ),
        "max_df": st.sampled_from([1.0, 0.7, 0.0, 1, 3]),
        "min_df": st.sampled_from([1, 2, 0.2, 1.0]),
        "max_features": st.sampled_from([None, 1, 3, 8, 30]),
        "binary": st.booleans(),
        "dtype": st.sampled_from(
            [np.float32, np.float64, np.int64, "float32", np.dtype("float64")]
        ),
        "norm": st.sampled_from(["l1", "l2", None]),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
    },
)

# Tokens of documents; with few different words, n-grams repeat.
token_documents = st.lists(
    st.lists(st.lists(st.sampled_from("abcd"), max_size=9), max_size=3), max_size=6
)
