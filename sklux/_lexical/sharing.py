"""Which word pieces the words of a stage consist of."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklux._kernels.tokens import NO_WORD
from sklux._kernels.words import WordTable
from sklux._lexical.analysis import PieceSource
from sklux._lexical.buffers import text_buffers
from sklux._lexical.lexicon import Lexicon
from sklux._lexical.tokens import padded, read_range
from sklux._lexical.vectorizer import LexicalVectorizer, lexicon_of


class SharedPieces(NamedTuple):
    """The terms of a stage by their kind, and the pieces of its words.

    Attributes
    ----------
    pieces : CSR matrix of shape (n_columns, n_columns), dtype=np.float32
        Row w of a single word has the value ``idf[p] / idf[w]`` in the column of each
        piece p of the word. With it, a word with the value tf idf[w] gives its pieces
        the value tf idf[p]. The other rows are empty.
    is_piece, is_word : ndarray of shape (n_columns,), dtype=bool
        Whether each term is a word piece, and whether it is a single word.
    """

    pieces: sparse.csr_matrix
    is_piece: np.ndarray
    is_word: np.ndarray


def shared_pieces(vectorizer: LexicalVectorizer) -> SharedPieces | None:
    """Return the pieces of the words that a stage does not cut into pieces.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Fitted.

    Returns
    -------
    SharedPieces or None
        None if the stage cuts all words, or makes no pieces.
    """
    if not vectorizer._reads_rest:
        return None
    lexicon = lexicon_of(vectorizer)
    pieces, words = (part.tolist() for part in lexicon.terms)
    is_piece = np.zeros(lexicon.n_columns, dtype=bool)
    is_piece[: len(pieces)] = True
    is_word = ~is_piece
    is_word[len(pieces) :] = [" " not in word for word in words]
    columns = np.flatnonzero(is_word)
    texts = [words[column - len(pieces)] for column in columns.tolist()]
    found = _pieces_of(lexicon, texts)
    indptr = np.zeros(lexicon.n_columns + 1, dtype=np.int64)
    indptr[columns + 1] = np.diff(found.indptr)
    shared = sparse.csr_matrix(
        (_ratios(lexicon, columns, found), found.indices, np.cumsum(indptr)),
        shape=(lexicon.n_columns, lexicon.n_columns),
    )
    shared.eliminate_zeros()
    return SharedPieces(shared, is_piece, is_word)


def _pieces_of(lexicon: Lexicon, words: list[str]) -> sparse.csr_matrix:
    """The columns of the distinct pieces of each word, as a matrix of ones."""
    source = PieceSource(lexicon.subwords, (1, 1))
    (block,) = text_buffers(words) if words else text_buffers([""])
    tokens = read_range(
        source, source.analysis(block), block, 0, len(words), WordTable(), False
    )
    # The terms that are pieces are the first columns, so their numbers are columns.
    table, column_of = WordTable(), np.empty(len(source.pieces), dtype=np.uint32)
    table.add(*padded(lexicon.terms[0]))
    table.find(*source.pieces, column_of)
    columns = column_of[tokens.numbers]
    rows = np.repeat(np.arange(len(words)), np.diff(tokens.ends, prepend=0))
    is_term = columns != NO_WORD
    found = sparse.csr_matrix(
        (
            np.ones(is_term.sum(), dtype=np.float32),
            (rows[is_term], columns[is_term]),
        ),
        shape=(len(words), max(len(table), 1)),
    )
    found.sum_duplicates()
    return found


def _ratios(
    lexicon: Lexicon, columns: np.ndarray, found: sparse.csr_matrix
) -> np.ndarray:
    """The value of each piece of a word, relative to the value of the word."""
    if lexicon.idf is None:
        return np.ones(found.nnz, dtype=np.float32)
    idf = np.asarray(lexicon.idf, dtype=np.float64)
    of_words = np.repeat(idf[columns], np.diff(found.indptr))
    of_pieces = idf[found.indices]
    # A term that no document has may have no finite idf, or an idf of zero.
    ratios = np.zeros(found.nnz)
    is_usable = np.isfinite(of_words) & np.isfinite(of_pieces) & (of_words > 0)
    np.divide(of_pieces, of_words, out=ratios, where=is_usable)
    return ratios.astype(np.float32)
