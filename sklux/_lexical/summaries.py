"""Terms of a corpus with their counts, in bounded memory.

Counts of parts of a corpus are merged. While no more than `max_terms` different terms
have occurred, the result is exactly the count of the whole. Past that, the terms with
the smallest counts are dropped, as in the summaries of Misra and Gries, which can be
merged (Agarwal et al., Mergeable summaries, 2012, :doi:`10.1145/2213556.2213562`).
Their form here is Space-Saving's (Metwally et al., 2005): a term has a count of
what was seen, and a bound of what was seen of it before and dropped. With k the number
of terms that are kept, N the number of occurrences in the corpus and E the number
`dropped`::

    count <= true count <= count + missed,   missed <= E <= N / (k + 1)

A term that was dropped, or never kept, occurs at most E times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from sklux._lexical.counting import CorpusTerms
from sklux._lexical.tokens import (
    Strings,
    concatenate_strings,
    join_strings,
    pack_strings,
    sorted_words,
)

# Counts of batches wait until they have so many terms, or half as many as the summary.
MIN_WAITING = 1_000_000


@dataclass(frozen=True, eq=False)
class TermCounts:
    """Terms with their counts; a value that never changes and can be merged.

    Attributes
    ----------
    names : Strings
        The terms, in the order of their bytes.
    tf : ndarray of shape (n_terms,), dtype=np.int64
        Number of occurrences of each term that were counted.
    df : ndarray of shape (n_terms,), dtype=np.int64
        Number of documents with these occurrences.
    missed : ndarray of shape (n_terms,), dtype=np.int64
        Largest number of occurrences of each term that were not counted. The same
        number of documents, at most, is missing in ``df``.
    dropped : int
        Largest number of occurrences of a term that is not here; 0 if the counts are
        exact.
    """

    names: Strings
    tf: np.ndarray
    df: np.ndarray
    missed: np.ndarray
    dropped: int = 0

    @classmethod
    def nothing(cls) -> Self:
        """Counts of no documents."""
        zeros = np.zeros(0, dtype=np.int64)
        return cls(pack_strings([]), zeros, zeros, zeros)

    @classmethod
    def of_corpus(cls, terms: CorpusTerms, words: Strings, separator: bytes) -> Self:
        """Exact counts of a part of a corpus.

        Parameters
        ----------
        terms : CorpusTerms
            All n-grams of the part.
        words : Strings
            Words by number.
        separator : bytes
            Bytes between two words of a term.

        Returns
        -------
        TermCounts
            The counts.
        """
        names = terms.names(np.ones(len(terms), dtype=bool), words, separator)
        df = terms.df.astype(np.int64)
        return cls(names, terms.tf, df, np.zeros(len(terms), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.tf)

    def kept(self, keep: np.ndarray) -> Strings:
        """Return the names of chosen terms.

        Parameters
        ----------
        keep : ndarray of shape (n_terms,), dtype=bool
            Which terms.

        Returns
        -------
        Strings
            Names, in order.
        """
        return _chosen(self.names, np.flatnonzero(keep))

    def bounded(self, max_terms: int | None) -> "TermCounts":
        """Return the most frequent terms.

        Parameters
        ----------
        max_terms : int or None
            Largest number of terms to keep; None keeps all.

        Returns
        -------
        TermCounts
            The same counts if they are few enough. Otherwise fewer terms may be kept
            than ``max_terms``, because terms of equal counts are dropped together.
        """
        if max_terms is None or len(self) <= max_terms:
            return self
        # The counters of Misra and Gries. The largest of those to drop is subtracted
        # from all, which is to say that so many occurrences may be missing.
        surplus = self.tf + self.missed - self.dropped
        largest = int(np.partition(surplus, -max_terms - 1)[-max_terms - 1])
        rows = np.flatnonzero(surplus > largest)
        return TermCounts(
            _chosen(self.names, rows),
            self.tf[rows],
            self.df[rows],
            self.missed[rows],
            self.dropped + largest,
        )


def merge_counts(
    parts: Sequence[TermCounts], max_terms: int | None = None
) -> TermCounts:
    """Add up the counts of parts of a corpus.

    Parameters
    ----------
    parts : sequence of TermCounts
        Counts of different documents.
    max_terms : int or None, default=None
        Largest number of terms to keep; None keeps all.

    Returns
    -------
    TermCounts
        The counts of all parts. The order of the parts changes nothing while the counts
        are exact.
    """
    if len(parts) == 1:
        return parts[0].bounded(max_terms)
    if not parts:
        return TermCounts.nothing()
    names, ranks = sorted_words(concatenate_strings([part.names for part in parts]))
    dropped = sum(part.dropped for part in parts)
    tf, df = np.zeros((2, len(names)), dtype=np.int64)
    # A part that lacks a term may have dropped it.
    missed = np.full(len(names), dropped, dtype=np.int64)
    start = 0
    for part in parts:
        rows = ranks[start : start + len(part)]
        start += len(part)
        tf[rows] += part.tf
        df[rows] += part.df
        missed[rows] += part.missed - part.dropped
    return TermCounts(names, tf, df, missed, dropped).bounded(max_terms)


def _chosen(names: Strings, rows: np.ndarray) -> Strings:
    """Some of many strings, in order."""
    if len(rows) == len(names):
        return names
    return join_strings(rows.astype(np.uint32)[:, np.newaxis], names, b"")


class TermCounter:
    """Counts that grow, a batch of documents after the other.

    Parameters
    ----------
    max_terms : int or None
        Largest number of terms that stay in memory; about half as many may wait to be
        merged. None means no limit.
    """

    def __init__(self, max_terms: int | None):
        self.max_terms = max_terms
        self._merged = TermCounts.nothing()
        self._waiting: list[TermCounts] = []
        self._n_waiting = 0

    def add(self, counts: TermCounts) -> None:
        """Add the counts of further documents.

        Parameters
        ----------
        counts : TermCounts
            Counts of documents that were not added before.
        """
        self._waiting.append(counts)
        self._n_waiting += len(counts)
        if self._n_waiting >= max(len(self._merged) // 2, MIN_WAITING):
            self.total()

    def total(self) -> TermCounts:
        """Return the counts of all documents that were added.

        Returns
        -------
        TermCounts
            At most `max_terms` terms.
        """
        if self._waiting:
            parts = [self._merged, *self._waiting]
            self._waiting, self._n_waiting = [], 0
            self._merged = merge_counts(parts, self.max_terms)
        return self._merged
