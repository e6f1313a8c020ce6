"""The terms of a fitted stage, ready for look-up, and documents in their numbers."""

from typing import NamedTuple

import numpy as np

from sklux._kernels.terms import TermIndex
from sklux._kernels.tokens import Analysis, Rest, TokenStream, renumber
from sklux._lexical.buffers import TextBuffers
from sklux._lexical.tokens import (
    Source,
    Strings,
    Tokens,
    padded,
    read_range,
    read_words_and_rest,
)
from sklux._utils.threads import FreeList


class TermReader(NamedTuple):
    """Reads documents as tokens for the look-up of terms.

    The terms have one part, or two parts: word pieces and words.

    Attributes
    ----------
    sources : tuple of Source
        How documents become tokens, for each part.
    indexes : tuple of TermIndex
        The terms of each part.
    numbers : tuple of (ndarray of shape (n_pieces,), dtype=np.uint32, or None)
        For each part, the number of each piece in the part's index; None for a part
        whose tokens are words.
    second_part : int
        First column of the second part; 0 if there is one part.
    n_columns : int
        Number of terms of all parts.
    streams : tuple of FreeList
        For each part, token streams that are used again. A stream of word pieces keeps
        the pieces of words that it has read.
    rest : Rest or None
        How word pieces, the first part, are read, if only for the rest of a text: the
        words that are not terms of the second part, and characters outside words.
    """

    sources: tuple[Source, ...]
    indexes: tuple[TermIndex, ...]
    numbers: tuple[np.ndarray | None, ...]
    second_part: int
    n_columns: int
    streams: tuple[FreeList, ...]
    rest: Rest | None = None

    @property
    def reads_rest(self) -> bool:
        """Whether word pieces are read only for the rest of a text."""
        return self.rest is not None

    @property
    def has_one_pass(self) -> bool:
        """Whether one analysis by the kernel, the last one, reads all parts."""
        is_words = len(self.numbers) == 1 and self.numbers[0] is None
        return self.reads_rest or is_words

    def analyses(self, block: TextBuffers) -> tuple[Analysis | None, ...]:
        """Return the kernel's rules of each part for a block of documents.

        Parameters
        ----------
        block : TextBuffers
            Documents.

        Returns
        -------
        tuple of (Analysis or None)
            The argument ``analyses`` of `read`.
        """
        if self.rest is None:
            return tuple(source.analysis(block) for source in self.sources)
        return None, self.sources[1].analysis(block, rest=self.rest)

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
            Result of `analyses` for this block.
        block : TextBuffers
            Documents.
        start, stop : int
            The range.

        Returns
        -------
        tuple of Tokens
            For each part, in the numbers of the part's index.
        """
        if self.reads_rest:
            with self.streams[1].borrow() as stream:
                return read_words_and_rest(
                    self.sources[1],
                    analyses[1],
                    block,
                    *(start, stop, self.indexes[1].table, stream),
                )
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
    reads_rest: bool = False,
) -> TermReader:
    """Make the terms of a vocabulary ready for look-up.

    Parameters
    ----------
    sources : tuple of Source
        How documents become tokens.
    terms : tuple of Strings
        The terms of each source.
    columns : ndarray of shape (n_terms,), dtype=np.uint32, or None
        Columns of the terms of all sources; the most frequent terms have the lowest
        columns. None numbers the terms in order, the first source before the second.
    reads_rest : bool, default=False
        Whether the first source, of word pieces, reads only what the words of the
        second source do not cover.

    Returns
    -------
    TermReader
        The reader.
    """
    ends = np.cumsum([len(part) for part in terms])
    n_columns = int(ends[-1])
    if columns is None:
        columns = np.arange(n_columns)
    columns_of_parts = np.split(columns.astype(np.int32, copy=False), ends[:-1])
    indexes = tuple(
        TermIndex(
            source.split,
            *source.stop_words,
            *padded(part),
            part_columns,
            np.argsort(part_columns),
            source.ngram_range,
            source.whole_segments,
        )
        for source, part, part_columns in zip(sources, terms, columns_of_parts)
    )
    numbers = tuple(
        None if source.pieces is None else numbers_in(index, source.pieces)
        for source, index in zip(sources, indexes)
    )
    second_part = len(terms[0]) if len(terms) > 1 else 0
    return reader_of(sources, indexes, numbers, second_part, n_columns, reads_rest)


def reader_of(
    sources: tuple[Source, ...],
    indexes: tuple[TermIndex, ...],
    numbers: tuple[np.ndarray | None, ...],
    second_part: int,
    n_columns: int,
    reads_rest: bool,
) -> TermReader:
    """Return a reader of terms that are ready for look-up.

    Parameters
    ----------
    sources : tuple of Source
        How documents become tokens.
    indexes : tuple of TermIndex
        The terms of each part.
    numbers : tuple of (ndarray of shape (n_pieces,), dtype=np.uint32, or None)
        For each part, the number of each piece in the part's index.
    second_part : int
        First column of the second part; 0 if there is one part.
    n_columns : int
        Number of terms of all parts.
    reads_rest : bool
        As in `term_reader`.

    Returns
    -------
    TermReader
        The reader.
    """
    rest = None
    if reads_rest:
        careful = sources[0].subwords.analysis(is_careful=True)
        rest = Rest(careful, numbers[0], indexes[1].n_known)
    streams = tuple(FreeList(TokenStream) for _ in sources)
    return TermReader(sources, indexes, numbers, second_part, n_columns, streams, rest)


def numbers_in(index: TermIndex, words: Strings) -> np.ndarray:
    """Return the numbers of words in an index.

    Parameters
    ----------
    index : TermIndex
        Terms.
    words : Strings
        Words.

    Returns
    -------
    ndarray of shape (n_words,), dtype=np.uint32
        `NO_WORD` for words that no term contains.
    """
    numbers = np.empty(len(words), dtype=np.uint32)
    index.table.find(*words, numbers)
    return numbers
