"""Terms that workers find in blocks of a dataset; Ray is not needed."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from sklux import LexicalVectorizer
from sklux._lexical.streamed import word_source
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._ray.counts import BATCH_SIZE, COUNTS, TermsOfBlocks, merge_blocks, merged

pa = pytest.importorskip("pyarrow")
SOURCE = word_source(LexicalVectorizer(ngram_range=(1, 2)))
texts = st.lists(st.sampled_from("ab bc cd de ef fg gh".split())).map(" ".join)
blocks = st.lists(st.lists(texts | st.none(), max_size=5), min_size=1, max_size=12)


def found_in(block, words=None, max_terms=None):
    """A row of counts of one block, as a worker makes it."""
    terms = TermsOfBlocks("text", [SOURCE], words, max_terms)
    return pickle.dumps(terms([pa.table({"text": pa.array(block, pa.string())})]))


def expected_counts(documents):
    """Occurrences and documents of each term, by scikit-learn."""
    vectorizer = CountVectorizer(ngram_range=(1, 2))
    X = vectorizer.fit_transform(documents)
    tf, df = X.sum(axis=0).A1, np.bincount(X.indices, minlength=X.shape[1])
    names = vectorizer.get_feature_names_out()
    return {name: (tf[i], df[i]) for i, name in enumerate(names)}


@settings(max_examples=60, deadline=None)
@given(blocks, st.integers(1, 4))
def test_counts_of_blocks_are_counts_of_all(blocks, n_merged):
    rows = [found_in(block, ["ab", "zz"]) for block in blocks]
    # As the tasks of the second level do it.
    groups = [rows[i : i + n_merged] for i in range(0, len(rows), n_merged)]
    tables = [
        merge_blocks(pa.table({COUNTS: pa.array(group, pa.large_binary())}), None)
        for group in groups
    ]
    found = merged([table[COUNTS][0].as_py() for table in tables], None)
    documents = [text or "" for block in blocks for text in block]
    assert found.words == ({"ab"} if any("ab" in text for text in documents) else set())
    table = found.as_table()
    assert table.schema.names == ["term", "count", "documents", "missed"]
    if not any(documents):
        assert table.num_rows == 0
        return
    names = table["term"].to_pylist()
    counts = zip(table["count"].to_pylist(), table["documents"].to_pylist())
    assert dict(zip(names, counts)) == expected_counts(documents)
    assert names == sorted(names)
    assert not any(table["missed"].to_pylist())


@settings(max_examples=60, deadline=None)
@given(blocks, st.integers(1, 6))
def test_counts_in_bounded_memory_keep_their_bound(blocks, max_terms):
    rows = [found_in(block, max_terms=max_terms) for block in blocks]
    (counts,) = merged(rows, max_terms).counts
    assert len(counts) <= max_terms
    documents = [text or "" for block in blocks for text in block]
    true = expected_counts(documents) if any(documents) else {}
    n_occurrences = sum(tf for tf, _ in true.values())
    assert counts.dropped <= n_occurrences / (max_terms + 1)
    named = zip(counts.names.tolist(), counts.tf, counts.missed)
    seen = {name: (tf, missed) for name, tf, missed in named}
    for name, (tf, _) in true.items():
        counted, missed = seen.get(name, (0, counts.dropped))
        assert counted <= tf <= counted + missed


def test_large_blocks_are_counted_batch_by_batch():
    texts = [f"common w{i}" for i in range(BATCH_SIZE + 5)]
    (counts,) = pickle.loads(found_in(texts)).counts
    assert dict(zip(counts.names.tolist(), counts.df))["common"] == len(texts)


def test_word_source_leaves_word_pieces_out():
    source = word_source(default_lexical_stage())
    assert source.subwords is None
    assert source.ngram_range == (1, 2)
