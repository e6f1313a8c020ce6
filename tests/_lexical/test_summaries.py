"""Counts of terms in bounded memory: exact while they fit, then within a bound."""

from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sklux._lexical.summaries
from sklux._lexical.summaries import TermCounter, TermCounts, merge_counts
from sklux._lexical.tokens import pack_strings

many_examples = settings(max_examples=200, deadline=None)
# Few frequent terms and many rare ones.
term = st.sampled_from("aaaabbbccdefghijkl") | st.text("mnop", min_size=1, max_size=3)
batches = st.lists(st.lists(st.lists(term, max_size=6), max_size=4), max_size=8)
bounds = st.integers(1, 12)


def counts_of(documents):
    """Exact counts of documents that are lists of terms."""
    tf = Counter(term for document in documents for term in document)
    df = Counter(term for document in documents for term in set(document))
    names = sorted(tf)
    as_array = partial(np.array, dtype=np.int64)
    return TermCounts(
        pack_strings(names),
        as_array([tf[name] for name in names]),
        as_array([df[name] for name in names]),
        as_array([0 for _ in names]),
    )


def rows_of(counts):
    """Terms with their figures."""
    columns = counts.tf, counts.df, counts.missed
    figures = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(counts.names.tolist(), figures, strict=True))


def whole_of(batches):
    return counts_of([document for batch in batches for document in batch])


def assert_is_within_bounds(counts, batches, max_terms):
    """Fail unless the counts are right within the bound that they state."""
    true = rows_of(whole_of(batches))
    n_occurrences = sum(tf for tf, _, _ in true.values())
    found = rows_of(counts)
    assert len(found) <= max_terms
    assert counts.dropped <= n_occurrences / (max_terms + 1)
    for name, (tf, df, missed) in found.items():
        assert 0 <= missed <= counts.dropped
        assert tf <= true[name][0] <= tf + missed
        assert df <= true[name][1] <= df + missed
    for name in true.keys() - found.keys():
        assert true[name][0] <= counts.dropped


@many_examples
@given(batches)
def test_summaries_of_parts_are_the_count_of_the_whole(batches):
    merged = merge_counts([counts_of(batch) for batch in batches])
    assert rows_of(merged) == rows_of(whole_of(batches))
    assert merged.names.tolist() == sorted(merged.names.tolist())
    assert merged.dropped == 0


@many_examples
@given(batches, bounds, st.integers(1, 20))
def test_summaries_counter_keeps_its_bound(batches, max_terms, min_waiting):
    counter = TermCounter(max_terms)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._lexical.summaries, "MIN_WAITING", min_waiting)
        for batch in batches:
            counter.add(counts_of(batch))
    assert_is_within_bounds(counter.total(), batches, max_terms)


@many_examples
@given(batches, bounds, st.integers(1, 3))
def test_summaries_that_were_bounded_can_be_merged(batches, max_terms, group):
    parts = [counts_of(batch).bounded(max_terms) for batch in batches]
    while len(parts) > 1:
        groups = [parts[i : i + group + 1] for i in range(0, len(parts), group + 1)]
        parts = [merge_counts(group, max_terms) for group in groups]
    assert_is_within_bounds(merge_counts(parts, max_terms), batches, max_terms)


@many_examples
@given(batches)
def test_summaries_are_exact_while_the_terms_fit(batches):
    whole = whole_of(batches)
    counter = TermCounter(max(len(whole), 1))
    for batch in batches:
        counter.add(counts_of(batch))
    assert rows_of(counter.total()) == rows_of(whole)
    assert counter.total().dropped == 0


def test_summaries_keep_frequent_terms_that_come_late():
    """A term with more than E occurrences is never lost."""
    counter = TermCounter(10)
    for i in range(100):
        counter.add(counts_of([[f"rare{i}-{j}" for j in range(10)]]))
        counter.total()
    counter.add(counts_of([["late"] * 200]))
    (tf, df, missed) = rows_of(counter.total())["late"]
    assert (tf, df) == (200, 1)
    assert missed <= 100


def test_summaries_chosen_names():
    counts = counts_of([["a", "b", "c"]])
    assert counts.kept(np.array([True, False, True])).tolist() == ["a", "c"]
    assert TermCounts.nothing().kept(np.zeros(0, dtype=bool)).tolist() == []


def test_summaries_hold_no_more_than_their_bound():
    counter = TermCounter(1000)
    for i in range(20):
        counter.add(counts_of([[f"{i}-{j}" for j in range(500)]]))
    assert len(counter.total()) <= 1000
