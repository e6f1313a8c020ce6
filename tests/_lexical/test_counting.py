"""N-grams of a corpus: their counts, their names and their order."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklux._kernels.tokens import NO_NGRAM
from strategies import ngram_ranges, token_documents

import sklux._lexical.counting
from sklux._lexical.counting import count_terms
from sklux._lexical.tokens import Tokens, pack_strings


def make_streams(documents, words, sizes=()):
    """Documents, which are lists of segments, as streams of the given sizes."""
    streams, numbers, ends = [], [], []
    sizes = [*sizes, len(documents)]
    for document in documents:
        for segment in document:
            numbers += [*map(words.index, segment), NO_NGRAM]
        ends.append(len(numbers))
        if len(ends) == sizes[0]:
            streams.append((numbers, ends))
            numbers, ends, sizes = [], [], sizes[1:] or [len(documents)]
    streams.append((numbers, ends))
    return [Tokens(np.array(n, np.uint32), np.array(e, np.int64)) for n, e in streams]


def terms_by_name(terms, words, separator=b"\x1f"):
    """Names of all terms, in order."""
    keep = np.ones(len(terms), dtype=bool)
    names = terms.names(keep, pack_strings(words), separator).tolist()
    return [tuple(name.split(separator.decode())) for name in names]


@settings(max_examples=300, deadline=None)
@given(
    token_documents,
    ngram_ranges,
    st.booleans(),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 4, 10**6]),
    st.lists(st.integers(1, 3), max_size=3),
)
def test_corpus_terms_equal_reference(
    documents, ngram_range, whole_segments, n_jobs, n_tokens, sizes
):
    words = [*"abcd"]
    if whole_segments:
        # A word between its two blanks has at least three tokens.
        documents = [[s for s in document if len(s) != 1] for document in documents]
    tf, df = reference.ngram_counts(documents, ngram_range, whole_segments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._lexical.counting, "TOKENS_PER_PART", n_tokens)
        terms = count_terms(
            make_streams(documents, words, sizes),
            4,
            ngram_range,
            whole_segments,
            n_jobs,
        )
    assert terms_by_name(terms, words) == sorted(tf)
    assert terms.tf.tolist() == [tf[term] for term in sorted(tf)]
    assert terms.df.tolist() == [df[term] for term in sorted(tf)]


@settings(max_examples=100, deadline=None)
@given(token_documents, ngram_ranges, st.randoms(use_true_random=False))
def test_corpus_terms_names_of_chosen_terms(documents, ngram_range, random):
    words = [*"abcd"]
    terms = count_terms(make_streams(documents, words), 4, ngram_range, False, 1)
    names = terms_by_name(terms, words)
    keep = np.array([random.random() < 0.5 for _ in names], dtype=bool)
    chosen = terms.names(keep, pack_strings(words), b" ").tolist()
    assert chosen == [" ".join(name) for name, kept in zip(names, keep) if kept]


@pytest.mark.parametrize("max_n", [2, 3, 5, 8])
def test_corpus_terms_of_many_words(max_n):
    """Tables of n-grams grow several times, and keys have several digits."""
    rng = np.random.default_rng(0)
    words = sorted({f"w{i}" for i in rng.integers(0, 10**6, 3000)})
    documents = [
        [[words[i] for i in rng.integers(0, len(words), 40)]] for _ in range(60)
    ]
    tf, df = reference.ngram_counts(documents, (1, max_n))
    numbers = {word: number for number, word in enumerate(words)}
    streams = [
        Tokens(
            np.array([numbers[w] for w in segment], np.uint32),
            np.array([len(segment)], np.int64),
        )
        for (segment,) in documents
    ]
    terms = count_terms(streams, len(words), (1, max_n), False, 2)
    assert terms_by_name(terms, words) == sorted(tf)
    assert terms.tf.tolist() == [tf[term] for term in sorted(tf)]
    assert terms.df.tolist() == [df[term] for term in sorted(tf)]


def test_corpus_terms_of_one_repeated_word():
    terms = count_terms(make_streams([[["a"] * 1000]], ["a"]), 1, (1, 3), False, 1)
    assert terms.tf.tolist() == [1000, 999, 998]
    assert terms.df.tolist() == [1, 1, 1]


@pytest.mark.parametrize("documents", [[], [[]], [[[]], [[]]]])
@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2), (3, 5)])
def test_corpus_terms_without_words(documents, ngram_range):
    terms = count_terms(make_streams(documents, []), 0, ngram_range, False, 2)
    assert len(terms) == 0
    assert len(terms.names(np.ones(0, bool), pack_strings([]), b" ")) == 0


def test_corpus_terms_leave_out_words_that_do_not_occur():
    terms = count_terms(make_streams([[["b"]]], ["a", "b", "c"]), 3, (1, 2), False, 1)
    assert terms_by_name(terms, ["a", "b", "c"]) == [("b",)]


def test_corpus_terms_stop_at_the_end_of_a_document():
    documents = [[["a", "b"]], [["c"]]]
    streams = make_streams(documents, ["a", "b", "c"])
    # Without a break after each segment, like words.
    plain = Tokens(np.array([0, 1, 2], np.uint32), np.array([2, 3], np.int64))
    for stream in (streams, [plain]):
        terms = count_terms(stream, 3, (2, 3), False, 1)
        assert terms_by_name(terms, ["a", "b", "c"]) == [("a", "b")]


def test_corpus_terms_count_short_segments_as_a_whole():
    documents = [[["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"], []]]
    terms = count_terms(make_streams(documents, [*"abcd"]), 4, (3, 4), True, 1)
    names = ["".join(name) for name in terms_by_name(terms, [*"abcd"])]
    assert names == ["ab", "abc", "abcd", "bcd"]
    assert terms.tf.tolist() == [1, 2, 1, 1]
