"""Terms ready for look-up, and documents in the numbers of their words."""

import numpy as np
import pytest
from sklux._kernels.tokens import NO_NGRAM, NO_WORD

from sklux import LexicalVectorizer
from sklux._lexical.analysis import PieceSource, text_source
from sklux._lexical.buffers import text_buffers
from sklux._lexical.lookup import numbers_in, term_reader
from sklux._lexical.matrix import Weighing, rows_of_blocks
from sklux._lexical.tokens import pack_strings

DOCUMENTS = ["one two", "", "two one two three"]
TERMS = ["one", "two", "two one"]


def source_of(**params):
    return text_source(LexicalVectorizer(token_pattern=r"\w+", **params), "word")


def counts(reader, documents=DOCUMENTS):
    """Counts of terms in documents."""
    blocks = text_buffers(documents)
    return rows_of_blocks(blocks, reader, Weighing(np.float64), 1).toarray()


def test_lookup_terms_have_the_columns_in_order():
    reader = term_reader((source_of(ngram_range=(1, 2)),), (pack_strings(TERMS),))
    assert reader.n_columns == 3
    assert reader.second_part == 0
    assert reader.numbers == (None,)
    assert counts(reader).tolist() == [[1, 1, 0], [0, 0, 0], [1, 2, 1]]


@pytest.mark.parametrize("columns", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_lookup_terms_have_the_given_columns(columns):
    sources, terms = (source_of(ngram_range=(1, 2)),), (pack_strings(TERMS),)
    reader = term_reader(sources, terms, np.array(columns, dtype=np.uint32))
    expected = counts(term_reader(sources, terms))
    np.testing.assert_array_equal(counts(reader)[:, columns], expected)


def test_lookup_second_part_has_the_later_columns():
    sources = source_of(), source_of(lowercase=False)
    reader = term_reader(sources, (pack_strings(["one", "two"]), pack_strings(["One"])))
    assert reader.second_part == 2
    assert reader.n_columns == 3
    assert counts(reader, ["One one TWO"]).tolist() == [[2, 1, 1]]


def test_lookup_reads_a_range_of_documents_in_numbers_of_the_index():
    reader = term_reader((source_of(),), (pack_strings(["two", "one"]),))
    (block,) = text_buffers(DOCUMENTS)
    (tokens,) = reader.read(reader.analyses(block), block, 1, 3)
    two, one = numbers_in(reader.indexes[0], pack_strings(["two", "one"]))
    assert tokens.numbers.tolist() == [two, one, two, NO_WORD]
    assert tokens.ends.tolist() == [0, 4]


def test_lookup_stream_is_used_again():
    reader = term_reader((source_of(),), (pack_strings(["one"]),))
    (block,) = text_buffers(DOCUMENTS)
    first = reader.read(reader.analyses(block), block, 0, 3)
    with reader.streams[0].borrow() as stream:
        assert len(stream) == 0
    again = reader.read(reader.analyses(block), block, 0, 3)
    np.testing.assert_array_equal(first[0].numbers, again[0].numbers)
    with reader.streams[0].borrow() as last:
        assert last is stream


def test_lookup_numbers_of_words_without_a_term():
    reader = term_reader((source_of(stop_words=["a"]),), (pack_strings(["b"]),))
    numbers = numbers_in(reader.indexes[0], pack_strings(["a", "b", "c", ""]))
    assert numbers.dtype == np.uint32
    assert numbers[2] == NO_WORD
    assert len(set(numbers[:2].tolist()) - {NO_WORD, NO_NGRAM}) == 2


def test_lookup_pieces_are_renumbered():
    """Ids of a tokenizer become numbers of an index."""
    pytest.importorskip("tokenizers")
    from pieces_reference import bert_tokenizer

    from sklux._lexical.subwords import Subwords, read_tokenizer

    subwords = Subwords(read_tokenizer(bert_tokenizer()))
    reader = term_reader((PieceSource(subwords, (1, 1)),), (pack_strings(["apple"]),))
    (numbers,) = reader.numbers
    assert len(numbers) == len(subwords.pieces)
    known = numbers[numbers != NO_WORD]
    assert known.tolist() == numbers_in(reader.indexes[0], pack_strings(["apple"]))
    (block,) = text_buffers(["the apple"])
    (tokens,) = reader.read(reader.analyses(block), block, 0, 1)
    assert tokens.numbers.tolist() == [NO_WORD, *known]
