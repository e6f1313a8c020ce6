"""Rows of the term matrix: counts, weights, and the joining of parts."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.terms import TermIndex
from sklux._kernels.tokens import NO_NGRAM, NO_WORD
from strategies import ngram_ranges, token_documents

import sklux._lexical.matrix
from sklux._lexical.matrix import MatrixParts, Weighing
from sklux._lexical.tokens import Tokens, pack_strings

NO_STOP_WORDS = pack_strings([])
# Columns and order of two terms.
TWO = np.arange(2, dtype=np.int32), np.arange(2)
PLAIN = Weighing(np.float64)


def make_index(terms, ngram_range=(1, 1), columns=None, whole_segments=False):
    """An index of terms whose words are separated by blanks; column i is term i."""
    columns = np.arange(len(terms)) if columns is None else columns
    return TermIndex(
        "blanks",
        *NO_STOP_WORDS,
        *pack_strings(terms),
        columns.astype(np.int32),
        np.argsort(columns),
        ngram_range,
        whole_segments,
    )


def make_tokens(index, documents):
    """Documents, which are lists of segments, in the numbers of an index."""
    numbers, ends = [], []
    for document in documents:
        for segment in document:
            known = np.empty(len(segment), dtype=np.uint32)
            index.table.find(*pack_strings(segment), known)
            numbers += [*known.tolist(), NO_NGRAM]
        ends.append(len(numbers))
    return Tokens(np.array(numbers, np.uint32), np.array(ends, np.int64))


def make_matrix(terms, documents, ngram_range=(1, 1), weighing=PLAIN, **kwargs):
    index = make_index(terms, ngram_range, **kwargs)
    parts = MatrixParts((index,), len(terms), weighing)
    parts.add((0, 0), (make_tokens(index, documents),))
    return parts.matrix(1)


def rows_of(X):
    """Rows of a matrix as dicts from column to value."""
    return [
        dict(zip(X.indices[a:b].tolist(), X.data[a:b].tolist()))
        for a, b in zip(X.indptr[:-1], X.indptr[1:])
    ]


terms_lists = st.lists(
    st.lists(st.sampled_from("abcde"), min_size=1, max_size=5).map(tuple),
    min_size=1,
    max_size=20,
    unique=True,
)


@settings(max_examples=300, deadline=None)
@given(token_documents, terms_lists, ngram_ranges, st.booleans())
def test_term_matrix_counts_equal_reference(documents, terms, ngram_range, whole):
    X = make_matrix(
        [" ".join(term) for term in terms], documents, ngram_range, whole_segments=whole
    )
    columns = {term: column for column, term in enumerate(terms)}
    expected = reference.count_rows(documents, columns, ngram_range, whole)
    assert rows_of(X) == [dict(sorted(row.items())) for row in expected]
    assert X.shape == (len(documents), len(terms))


@settings(max_examples=200, deadline=None)
@given(
    token_documents,
    st.sampled_from(["l1", "l2", None]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([np.float32, np.float64]),
    st.lists(st.sampled_from([0.0, 1.0, 0.5, 3.25]), min_size=4, max_size=4),
    st.sampled_from([1, 3, 1 << 16]),
)
def test_term_matrix_weights_equal_reference(
    documents, norm, sublinear_tf, binary, dtype, idf, longest_table
):
    weighing = Weighing(
        dtype, sublinear_tf=sublinear_tf, binary=binary, idf=np.array(idf), norm=norm
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._lexical.matrix, "LONGEST_TABLE", longest_table)
        X = make_matrix([*"abcd"], documents, weighing=weighing)
    columns = {(term,): column for column, term in enumerate("abcd")}
    assert X.dtype == dtype
    for row, counts in zip(
        rows_of(X), reference.count_rows(documents, columns, (1, 1))
    ):
        expected = reference.weighed_row(counts, idf, norm, sublinear_tf, binary)
        assert row == pytest.approx(expected, rel=4 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("norm, scale", [("l2", np.sqrt(0.5)), ("l1", 0.5)])
def test_term_matrix_two_parts_have_the_same_norm(norm, scale):
    """A row with terms of only one part has the whole norm in this part."""
    documents = [[["a", "a", "b", "x"]], [["a", "b"]], [["x", "y", "y"]], [["q"]]]
    first = make_index(["a", "b"])
    second = make_index(["x", "y"], columns=np.arange(2, 4))
    parts = MatrixParts(
        (first, second), 4, Weighing(np.float64, norm=norm, second_part=2)
    )
    parts.add((0, 0), tuple(make_tokens(index, documents) for index in (first, second)))
    rows = rows_of(parts.matrix(1))
    ones = [1.0] * 4
    expected = [
        {
            column: value * scale
            for part in ({0: 2, 1: 1}, {2: 1})
            for column, value in reference.weighed_row(part, ones, norm).items()
        },
        reference.weighed_row({0: 1, 1: 1}, ones, norm),
        reference.weighed_row({2: 1, 3: 2}, ones, norm),
        {},
    ]
    for row, values in zip(rows, expected):
        assert row == pytest.approx(values)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_term_matrix_ranges_are_added_in_any_order(n_jobs):
    index = make_index(["a", "b"])
    parts = MatrixParts((index,), 2, PLAIN)
    ranges = {(1, 0): ["b"], (0, 7): ["a", "b"], (0, 0): ["a"], (0, 3): []}
    for place, words in ranges.items():
        parts.add(place, (make_tokens(index, [[words]]),))
    assert rows_of(parts.matrix(n_jobs)) == [{0: 1.0}, {}, {0: 1.0, 1: 1.0}, {1: 1.0}]


def test_term_matrix_without_documents():
    X = make_matrix(["a"], [])
    assert X.shape == (0, 1)
    assert X.nnz == 0


def test_term_matrix_ngrams_do_not_span_unknown_words():
    X = make_matrix(["a b", "a", "b"], [[["a", "?", "b"]]], (1, 2))
    assert rows_of(X) == [{1: 1.0, 2: 1.0}]


def test_term_matrix_ngrams_do_not_span_breaks():
    X = make_matrix(["a b", "b"], [[["a"], ["b"]]], (1, 2))
    assert rows_of(X) == [{1: 1.0}]


def test_term_matrix_beginnings_of_terms_are_not_terms():
    X = make_matrix(["a b c"], [[["a", "b"]], [["a", "b", "c"]]], (1, 3))
    assert rows_of(X) == [{}, {0: 1.0}]


def test_term_matrix_stop_words_have_the_first_numbers():
    index = TermIndex(
        "blanks", *pack_strings(["of"]), *pack_strings(["a", "of"]), *TWO, (1, 1), False
    )
    known = np.empty(3, dtype=np.uint32)
    index.table.find(*pack_strings(["of", "a", "x"]), known)
    assert known[0] == 0
    assert 0 < known[1] < known[2] == NO_WORD


@pytest.mark.parametrize("split", ["characters", "whole", "blanks"])
def test_term_matrix_terms_are_cut_according_to_the_split(split):
    terms = ["\u00e9\U0001f34e", "a b"]
    index = TermIndex(split, *NO_STOP_WORDS, *pack_strings(terms), *TWO, (1, 3), False)
    words = {
        "characters": ["\u00e9", "\U0001f34e", "a", " ", "b"],
        "whole": terms,
        "blanks": ["\u00e9\U0001f34e", "a", "b"],
    }[split]
    known = np.empty(len(words), dtype=np.uint32)
    index.table.find(*pack_strings(words), known)
    assert len(set(known.tolist())) == len(words)
    assert NO_WORD not in known
    # The table also holds the empty word.
    assert len(index.table) == len(words) + 1


def test_term_matrix_index_is_built_once():
    index = make_index(["a"])
    with pytest.raises(ValueError, match="built once"):
        index.__init__(
            "blanks", *NO_STOP_WORDS, *pack_strings(["b"]), *TWO, (1, 1), False
        )


@pytest.mark.parametrize("n", [0, 1, 23, 24, 25, 383, 384, 385, 8191, 8192, 8193])
@pytest.mark.parametrize("n_columns", [1, 2, 63, 64, 65, 255, 257, 2049, 70_000])
def test_term_matrix_sort_switches(n, n_columns):
    """Short rows are sorted by insertion, others by digits of 6, 8 or 11 bits."""
    terms = [str(i) for i in range(n_columns)]
    columns = np.random.default_rng(n).integers(0, n_columns, n)
    index = make_index(terms)
    parts = MatrixParts((index,), n_columns, PLAIN)
    words = [terms[column] for column in columns]
    parts.add((0, 0), (make_tokens(index, [[words]]),))
    X = parts.matrix(1)
    found, counts = np.unique(columns, return_counts=True)
    np.testing.assert_array_equal(X.indices, found)
    np.testing.assert_array_equal(X.data, counts)


def test_term_matrix_table_of_term_frequencies_is_shared_and_read_only():
    table = sklux._lexical.matrix._tf_table(8, np.dtype(np.float32), True, False)
    assert (
        sklux._lexical.matrix._tf_table(8, np.dtype(np.float32), True, False) is table
    )
    assert not table.flags.writeable


def test_term_matrix_of_many_values_has_wide_row_pointers(monkeypatch):
    """scipy narrows arrays that fit 32 bits; the values are the same."""
    expected = make_matrix(["a", "b"], [[["a", "b"]], [["b"]]])
    monkeypatch.setattr(sklux._lexical.matrix, "MAX_INT32_VALUES", 2)
    X = make_matrix(["a", "b"], [[["a", "b"]], [["b"]]])
    assert rows_of(X) == rows_of(expected)
    assert X.indices.dtype == X.indptr.dtype
