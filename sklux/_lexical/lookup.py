"""The terms of a fitted vocabulary, and documents as numbers of their words."""

from typing import NamedTuple

import numpy as np

from sklux._kernels.terms import TermIndex
from sklux._kernels.tokens import Analysis, TokenStream, renumber
from sklux._lexical.buffers import TextBuffers
from sklux._lexical.tokens import Source, Strings, Tokens, read_range
from sklux._utils.threads import FreeList


class TermReader(NamedTuple):
    """What reads documents for look-up: one part, or word pieces and words.

    Attributes
    ----------
    sources : tuple of Source
        How documents become tokens, for each part.
    indexes : tuple of TermIndex
        The terms of each part.
    numbers : tuple of (ndarray of shape (n_pieces,), dtype=np.uint32, or None)
        For each part the number in its index of each known piece; None where the
        tokens are words.
    second_part : int
        Column where the words begin that stand beside word pieces; 0: there is one
        part.
    n_columns : int
        Number of terms of all parts.
    streams : tuple of FreeList
        Memory of each part's reading: streams, which remember the pieces of the words
        they have seen.
    """

    sources: tuple[Source, ...]
    indexes: tuple[TermIndex, ...]
    numbers: tuple[np.ndarray | None, ...]
    second_part: int
    n_columns: int
    streams: tuple[FreeList, ...]

    def analyses(self, block: TextBuffers) -> tuple[Analysis | None, ...]:
        """Return the rules of each part for a block of documents.

        Parameters
        ----------
        block : TextBuffers
            Documents.

        Returns
        -------
        tuple of (Analysis or None)
            For `read`.
        """
        return tuple(source.analysis(block) for source in self.sources)

    def read(
        self,
        analyses: tuple[Analysis | None, ...],
        block: TextBuffers,
        start: int,
        stop: int,
    ) -> tuple[Tokens, ...]:
        """Return the tokens of a range of documents.

        Parameters
        ----------
        analyses : tuple of (Analysis or None)
            From `analyses`, for this block.
        block : TextBuffers
            Documents.
        start, stop : int
            The range.

        Returns
        -------
        tuple of Tokens
            For each part, in the numbers of its index.
        """
        parts = []
        for source, analysis, index, known, streams in zip(
            self.sources, analyses, self.indexes, self.numbers, self.streams
        ):
            with streams.borrow() as stream:
                tokens = read_range(
                    source, analysis, block, start, stop, index.table, False, stream
                )
            if known is not None:
                renumber(tokens.numbers, known)
            parts.append(tokens)
        return tuple(parts)


def term_reader(
    sources: tuple[Source, ...],
    terms: tuple[Strings, ...],
    columns: np.ndarray | None = None,
) -> TermReader:
    """Make the terms of a vocabulary ready for look-up.

    Parameters
    ----------
    sources : tuple of Source
        How documents become tokens.
    terms : tuple of Strings
        For each source its terms.
    columns : ndarray of shape (n_terms,), dtype=np.uint32, or None
        Columns of the terms of all sources, the most frequent terms first; None:
        they are in order.

    Returns
    -------
    TermReader
        Without ``columns``, those of the second part follow those of the first.
    """
    ends = np.cumsum([len(part) for part in terms])
    n_columns = int(ends[-1])
    if columns is None:
        columns = np.arange(n_columns)
    columns = np.split(columns.astype(np.int32, copy=False), ends[:-1])
    indexes = tuple(
        TermIndex(
            source.split,
            *source.stop_words,
            *part,
            part_columns,
            np.argsort(part_columns),
            source.ngram_range,
            source.whole_segments,
        )
        for source, part, part_columns in zip(sources, terms, columns)
    )
    numbers = tuple(
        None if source.pieces is None else numbers_in(index, source.pieces)
        for source, index in zip(sources, indexes)
    )
    second_part = len(terms[0]) if len(terms) > 1 else 0
    streams = tuple(FreeList(TokenStream) for _ in sources)
    return TermReader(sources, indexes, numbers, second_part, n_columns, streams)


def numbers_in(index: TermIndex, words: Strings) -> np.ndarray:
    """Return the numbers that words have in an index.

    Parameters
    ----------
    index : TermIndex
        Terms.
    words : Strings
        Words.

    Returns
    -------
    ndarray of shape (n_words,), dtype=np.uint32
        `NO_WORD` for words of no term.
    """
    numbers = np.empty(len(words), dtype=np.uint32)
    index.table.find(*words, numbers)
    return numbers
