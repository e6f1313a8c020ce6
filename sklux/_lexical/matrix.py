"""Tokens to rows of the term matrix: look up, count, weigh."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import sparse

from sklux._kernels.terms import RowBuilder, TermIndex
from sklux._kernels.tokens import renumber
from sklux._lexical.buffers import TextBuffers
from sklux._lexical.lookup import TermReader, numbers_in
from sklux._lexical.tokens import Strings, Tokens, range_edges
from sklux._utils.threads import run_ranges

# Smaller counts have an entry in the table of term frequencies; the kernel keeps them
# in 16 bits.
LONGEST_TABLE = 1 << 16
# A matrix with more values has row pointers and columns of 64 bits, as in scipy.
MAX_INT32_VALUES = np.iinfo(np.int32).max


class Weighing:
    """How counts become values.

    Parameters
    ----------
    dtype : dtype
        Either np.float32 or np.float64.
    sublinear_tf : bool
        Whether tf is 1 + log(count).
    binary : bool
        Whether all counts are 1.
    idf : ndarray of shape (n_columns,) or None
        Inverse document frequencies; None means 1 for all terms.
    norm : {'l1', 'l2'} or None
        Norm of the rows.
    second_part : int
        First column of the second part of the columns; both parts of a row get the
        same norm. 0 if there is one part.
    profile : ndarray of shape (n_places,), dtype=np.float32, or None
        Extra weight of an occurrence by its place in the document; None means none.
    """

    def __init__(
        self,
        dtype: np.dtype,
        *,
        sublinear_tf: bool = False,
        binary: bool = False,
        idf: np.ndarray | None = None,
        norm: Literal["l1", "l2"] | None = None,
        second_part: int = 0,
        profile: np.ndarray | None = None,
    ):
        self.dtype = np.dtype(dtype)
        self.sublinear_tf = sublinear_tf
        self.binary = binary
        nothing = np.empty(0, dtype=self.dtype)
        self.idf = nothing if idf is None else np.ascontiguousarray(idf, self.dtype)
        self.norm = norm
        self.second_part = second_part
        self.profile = profile

    def write(self, rows: RowBuilder, n_terms: np.ndarray, out: np.ndarray) -> None:
        """Write the values of some rows.

        Parameters
        ----------
        rows : RowBuilder
            Rows with their counts.
        n_terms : ndarray of shape (n_rows,), dtype=np.int64
            Number of terms of each row.
        out : ndarray of shape (n_values,)
            Has the dtype of the weighing; overwritten.
        """
        by_count = rows.max_count < LONGEST_TABLE
        if by_count:
            tf = self.tf_table(1 << int(rows.max_count).bit_length())
        else:
            counts = np.empty(len(rows), dtype=np.int64)
            rows.copy_counts(counts)
            tf = _term_frequency(counts, self.dtype, self.sublinear_tf, self.binary)
        rows.weigh(n_terms, tf, by_count, self.idf, self.norm, self.second_part, out)

    def tf_table(self, length: int) -> np.ndarray:
        """Return the weights of the counts from 0; the entry for 0 is not used.

        Parameters
        ----------
        length : int
            Number of counts.

        Returns
        -------
        ndarray of shape (length,)
            Has the dtype of the weighing; read-only.
        """
        return _tf_table(length, self.dtype, self.sublinear_tf, self.binary)


def _term_frequency(
    counts: np.ndarray, dtype: np.dtype, sublinear_tf: bool, binary: bool
) -> np.ndarray:
    """Weight of each count; by NumPy's logarithm, to have scikit-learn's bits."""
    tf = np.ones(len(counts), dtype) if binary else counts.astype(dtype)
    if sublinear_tf:
        np.log(tf, out=tf)
        tf += 1
    return tf


@lru_cache(maxsize=64)
def _tf_table(
    length: int, dtype: np.dtype, sublinear_tf: bool, binary: bool
) -> np.ndarray:
    """Weights of the counts from 0; the entry for 0 is not used."""
    counts = np.maximum(np.arange(length), 1)
    table = _term_frequency(counts, dtype, sublinear_tf, binary)
    table.flags.writeable = False
    return table


class MatrixParts:
    """Collects the rows of a matrix, range by range in any order.

    Parameters
    ----------
    indexes : tuple of TermIndex
        The terms.
    n_columns : int
        Width of the matrix.
    weighing : Weighing
        How counts become values.
    """

    def __init__(
        self, indexes: tuple[TermIndex, ...], n_columns: int, weighing: Weighing
    ):
        self.indexes = indexes
        self.n_columns = n_columns
        self.weighing = weighing
        self._parts: dict[tuple[int, int], tuple[RowBuilder, np.ndarray]] = {}

    def add(self, place: tuple[int, int], tokens: tuple[Tokens, ...]) -> None:
        """Look up and count the terms of a range of documents.

        Parameters
        ----------
        place : tuple of (int, int)
            The ranges are sorted by it.
        tokens : tuple of Tokens
            The documents for each index, in the numbers of that index.
        """
        rows = RowBuilder(self.n_columns, self.weighing.profile)
        n_terms = np.empty(len(tokens[0].ends), dtype=np.int64)
        rows.read(
            self.indexes,
            tuple(part.numbers for part in tokens),
            tuple(part.ends for part in tokens),
            n_terms,
            tokens[0].places,
        )
        self._parts[place] = rows, n_terms

    def matrix(self, n_jobs: int | None) -> sparse.csr_matrix:
        """Weigh the rows and join them; the parts are emptied.

        Parameters
        ----------
        n_jobs : int or None
            Threads; they change only the time.

        Returns
        -------
        sparse matrix of shape (n_rows, n_columns)
            In CSR format, with sorted indices.
        """
        places = sorted(self._parts)
        n_terms = np.concatenate([self._parts[place][1] for place in places])
        indptr = np.zeros(len(n_terms) + 1, dtype=np.int64)
        np.cumsum(n_terms, out=indptr[1:])
        index_type = np.int32 if indptr[-1] <= MAX_INT32_VALUES else np.int64
        indices = np.empty(indptr[-1], dtype=index_type)
        data = np.empty(indptr[-1], dtype=self.weighing.dtype)
        ends = np.cumsum([len(self._parts[place][0]) for place in places])

        def work(start: int, stop: int) -> None:
            for i in range(start, stop):
                rows, counts = self._parts.pop(places[i])
                values = slice(ends[i] - len(rows), ends[i])
                rows.copy_columns(indices[values])
                self.weighing.write(rows, counts, data[values])

        run_ranges(work, list(range(len(places) + 1)), n_jobs)
        X = sparse.csr_matrix(
            (data, indices, indptr.astype(index_type)),
            shape=(len(n_terms), self.n_columns),
            copy=False,
        )
        X.has_sorted_indices = True
        X.has_canonical_format = True
        return X


def rows_of_blocks(
    blocks: Iterable[TextBuffers],
    reader: TermReader,
    weighing: Weighing,
    n_jobs: int | None,
) -> sparse.csr_matrix:
    """Return the rows of documents.

    Parameters
    ----------
    blocks : iterable of TextBuffers
        Documents; one block is in memory at a time.
    reader : TermReader
        Reads the documents.
    weighing : Weighing
        How counts become values.
    n_jobs : int or None
        Threads; they change only the time.

    Returns
    -------
    sparse matrix of shape (n_documents, n_columns)
        In CSR format, with sorted indices.
    """
    parts = MatrixParts(reader.indexes, reader.n_columns, weighing)
    for number, block in enumerate(blocks):
        _read_block(parts, reader, number, block, n_jobs)
    return parts.matrix(n_jobs)


def _read_block(parts, reader, number, block, n_jobs) -> None:
    """Add the rows of a block of documents."""
    analyses = reader.analyses(block)

    def work(start: int, stop: int) -> None:
        parts.add((number, start), reader.read(analyses, block, start, stop))

    run_ranges(work, range_edges(block), n_jobs)


def rows_of_corpora(
    corpora: Sequence[tuple[list[Tokens], Strings]],
    reader: TermReader,
    weighing: Weighing,
    n_jobs: int | None,
) -> sparse.csr_matrix:
    """Return the rows of the documents that terms were learnt from.

    Parameters
    ----------
    corpora : sequence of (list of Tokens, Strings)
        For each part, the documents as tokens, and the words of these tokens. The
        lists are emptied.
    reader : TermReader
        Holds the terms.
    weighing : Weighing
        How counts become values.
    n_jobs : int or None
        Threads; they change only the time.

    Returns
    -------
    sparse matrix of shape (n_documents, n_columns)
        In CSR format, with sorted indices.
    """
    parts = MatrixParts(reader.indexes, reader.n_columns, weighing)
    numbers = [
        numbers_in(index, words) for index, (_, words) in zip(reader.indexes, corpora)
    ]

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            tokens = tuple(streams[i] for streams, _ in corpora)
            for streams, _ in corpora:
                streams[i] = None  # frees memory for the rows
            for part, known in zip(tokens, numbers):
                renumber(part.numbers, known)
            parts.add((0, i), tokens)

    run_ranges(work, list(range(len(corpora[0][0]) + 1)), n_jobs)
    return parts.matrix(n_jobs)
