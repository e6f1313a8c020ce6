"""Rows of a term matrix: look-up, counts and weights against plain loops."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.terms import RowBuilder, TermIndex
from sklux._kernels.tokens import NO_NGRAM
from strategies import token_documents

from sklux._lexical.tokens import pack_strings

some_examples = settings(max_examples=100, deadline=None)


def make_index(terms, ngram_range=(1, 1), whole_segments=False, columns=None):
    """Terms are strings of words with blanks; column i is term i by default."""
    columns = np.arange(len(terms)) if columns is None else np.asarray(columns)
    return TermIndex(
        "blanks",
        *pack_strings([]),
        *pack_strings(terms),
        columns.astype(np.int32),
        np.argsort(columns),
        ngram_range,
        whole_segments,
    )


def as_tokens(index, documents):
    """Numbers of the words of documents of segments, with a break after each."""
    numbers, ends = [np.empty(0, np.uint32)], []
    for document in documents:
        for words in document:
            found = np.empty(len(words), dtype=np.uint32)
            index.table.find(*pack_strings(words), found)
            numbers += [found, np.array([NO_NGRAM], np.uint32)]
        ends.append(sum(map(len, numbers)))
    return np.concatenate(numbers), np.array(ends, dtype=np.int64)


def read(documents, *indexes, n_columns):
    """Rows of counts; each index reads the same documents."""
    tokens, ends = zip(*(as_tokens(index, documents) for index in indexes))
    rows, n_terms = RowBuilder(n_columns), np.empty(len(documents), dtype=np.int64)
    rows.read(indexes, tokens, ends, n_terms)
    return rows, n_terms


def counts_of(rows, n_terms, index_type=np.int32):
    """The counts of each document as a dict by column, in the order of the row."""
    columns, counts = np.empty(len(rows), index_type), np.empty(len(rows), np.int64)
    rows.copy_columns(columns)
    rows.copy_counts(counts)
    edges = np.cumsum(n_terms)[:-1]
    parts = zip(np.split(columns, edges), np.split(counts, edges))
    return [dict(zip(c.tolist(), n.tolist())) for c, n in parts]


terms_of_letters = st.lists(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=3).map(" ".join),
    unique=True,
    max_size=10,
)


@some_examples
@given(token_documents.filter(len), terms_of_letters, st.integers(1, 3), st.booleans())
def test_terms_counts_equal_reference(documents, terms, low, whole_segments):
    index = make_index(terms, (low, 3), whole_segments)
    columns = {tuple(term.split()): i for i, term in enumerate(terms)}
    expected = reference.count_rows(documents, columns, (low, 3), whole_segments)
    for index_type in (np.int32, np.int64):
        rows, n_terms = read(documents, index, n_columns=len(terms))
        found = counts_of(rows, n_terms, index_type)
        assert found == expected
        assert [list(row) for row in found] == [sorted(row) for row in expected]
        assert rows.max_count == max(
            (count for row in expected for count in row.values()), default=0
        )


@pytest.mark.parametrize("count", [1, 65_534, 65_535, 65_536, 70_000])
def test_terms_counts_of_more_than_16_bits(count):
    documents = [[["a", "b"]], [["a"] * count + ["b"]], [["b", "a"]]]
    rows, n_terms = read(documents, make_index(["a", "b"]), n_columns=2)
    assert counts_of(rows, n_terms) == [{0: 1, 1: 1}, {0: count, 1: 1}, {0: 1, 1: 1}]
    assert rows.max_count == count


@some_examples
@given(
    token_documents.filter(len),
    terms_of_letters.filter(len),
    st.sampled_from(["l1", "l2", None]),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
)
def test_terms_weights_equal_reference(documents, terms, norm, dtype, by_count):
    rows, n_terms = read(documents, make_index(terms, (1, 3)), n_columns=len(terms))
    idf = np.linspace(1, 3, len(terms)).astype(dtype)
    counts = counts_of(rows, n_terms)
    tf = 1 + np.log(np.maximum(np.arange(rows.max_count + 1), 1)).astype(dtype)
    if not by_count:
        tf = tf[[count for row in counts for count in row.values()]].astype(dtype)
    out = np.full(len(rows), np.nan, dtype=dtype)
    rows.weigh(n_terms, tf, by_count, idf, norm, 0, out)
    expected = [
        value
        for row in counts
        for value in reference.weighed_row(row, idf, norm, sublinear_tf=True).values()
    ]
    np.testing.assert_allclose(
        out, expected, rtol=1e-5 if dtype is np.float32 else 1e-12
    )


@pytest.mark.parametrize(("norm", "power"), [("l1", 1), ("l2", 2)])
def test_terms_two_parts_of_a_row_have_the_same_norm(norm, power):
    """The second index reads the same words into the columns from 2 on."""
    documents = [[["a", "b", "b", "c"]], [["a"]], [["c"]], [["d"]]]
    indexes = make_index(["a", "b"]), make_index(["b", "c"], columns=[2, 3])
    rows, n_terms = read(documents, *indexes, n_columns=4)
    assert n_terms.tolist() == [4, 1, 1, 0]
    out = np.empty(len(rows))
    no_idf = np.empty(0)
    rows.weigh(n_terms, np.arange(3.0), True, no_idf, norm, 2, out)
    first, second = np.sum(out[:2] ** power), np.sum(out[2:4] ** power)
    np.testing.assert_allclose([first, second], 0.5)
    np.testing.assert_allclose(out[4:], 1)  # the other part is empty


def test_terms_index_is_built_once():
    index = make_index(["a"])
    empty = pack_strings([])
    with pytest.raises(ValueError, match="a TermIndex is built once"):
        index.__init__(
            "blanks",
            *empty,
            *empty,
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            (1, 1),
            False,
        )
