"""The fit of a lexical stage: the terms of a corpus, a choice of them, their idf."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import NamedTuple

import numpy as np

from sklux._kernels.tokens import NO_WORD
from sklux._kernels.words import WordTable
from sklux._lexical.buffers import TextBuffers
from sklux._lexical.counting import CorpusTerms, count_terms
from sklux._lexical.summaries import TermCounts
from sklux._lexical.tokens import (
    Source,
    Strings,
    Tokens,
    pack_strings,
    read_corpus,
)


class ReadCorpus(NamedTuple):
    """The documents of a fit, cut into tokens by one source.

    Attributes
    ----------
    streams : list of Tokens
        The documents in order.
    words : Strings
        All distinct tokens, by number.
    """

    streams: list[Tokens]
    words: Strings


@dataclass(frozen=True, eq=False)
class ChosenTerms:
    """Terms that were learnt from a corpus.

    Attributes
    ----------
    terms : tuple of Strings
        The chosen terms of each source.
    df : ndarray of shape (n_columns,)
        Number of documents that contain each chosen term.
    n_documents : int
        Number of documents.
    """

    terms: tuple[Strings, ...]
    df: np.ndarray
    n_documents: int


@dataclass(frozen=True, eq=False)
class LearntTerms(ChosenTerms):
    """Terms that were learnt from a corpus in memory.

    Attributes
    ----------
    corpora : list of ReadCorpus
        The documents as tokens of each source.
    """

    corpora: list[ReadCorpus]


@dataclass(frozen=True)
class TermLimits:
    """Limits that decide which terms stay.

    The attributes are the parameters of `LexicalVectorizer` with the same names.
    """

    max_df: float
    min_df: float
    max_features: int | None
    binary: bool
    dtype: np.dtype

    def choose(self, tf: np.ndarray, df: np.ndarray, n_documents: int) -> np.ndarray:
        """Choose the terms that stay.

        Parameters
        ----------
        tf : ndarray of shape (n_terms,), dtype=np.int64
            Number of occurrences of each term.
        df : ndarray of shape (n_terms,), dtype=np.uint32
            Number of documents that contain each term.
        n_documents : int
            Number of documents.

        Returns
        -------
        ndarray of shape (n_terms,), dtype=bool
            True for terms that stay.

        Raises
        ------
        ValueError
            If no term stays, or ``max_df`` is below ``min_df``. The messages are
            scikit-learn's.
        """
        if len(df) == 0:
            raise ValueError(
                "empty vocabulary; perhaps the documents only contain stop words"
            )
        high, low = (
            bound if isinstance(bound, Integral) else bound * n_documents
            for bound in (self.max_df, self.min_df)
        )
        if high < low:
            raise ValueError("max_df corresponds to < documents than min_df")
        keep = (df <= high) & (df >= low)
        if self.max_features is not None and keep.sum() > self.max_features:
            # NumPy's sort decides between terms of equal frequency. To choose the same
            # terms as scikit-learn, it must get the same numbers in the same dtype.
            candidates = np.flatnonzero(keep)
            frequency = (df if self.binary else tf)[candidates].astype(self.dtype)
            np.negative(frequency, out=frequency)
            chosen = frequency.argsort()[: self.max_features]
            keep[:] = False
            keep[candidates[chosen]] = True
        if not keep.any():
            raise ValueError(
                "After pruning, no terms remain. Try a lower min_df or a higher max_df."
            )
        return keep


def learn_terms(
    sources: tuple[Source, ...],
    blocks: Iterable[TextBuffers],
    limits: TermLimits,
    n_jobs: int | None,
) -> LearntTerms:
    """Read a corpus and choose its terms.

    Parameters
    ----------
    sources : tuple of Source
        How documents become tokens.
    blocks : iterable of TextBuffers
        Documents; a sequence if there are several sources.
    limits : TermLimits
        Decides which terms stay.
    n_jobs : int or None
        Threads; they change only the time.

    Returns
    -------
    LearntTerms
        The chosen terms in the order of their columns.
    """
    corpora = [ReadCorpus(*read_corpus(source, blocks, n_jobs)) for source in sources]
    counted = [
        count_terms(
            corpus.streams,
            len(corpus.words),
            source.ngram_range,
            source.whole_segments,
            n_jobs,
        )
        for source, corpus in zip(sources, corpora)
    ]
    n_documents = sum(len(stream.ends) for stream in corpora[0].streams)
    kept, df = chosen_terms(counted, limits, n_documents)
    terms = tuple(
        part.names(chosen, corpus.words, source.separator)
        for source, part, chosen, corpus in zip(sources, counted, kept, corpora)
    )
    return LearntTerms(terms, df, n_documents, corpora)


def chosen_terms(
    counted: Sequence[CorpusTerms | TermCounts], limits: TermLimits, n_documents: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Choose among the terms of all sources together.

    Parameters
    ----------
    counted : sequence of CorpusTerms or TermCounts
        The terms of each source.
    limits : TermLimits
        Decides which terms stay.
    n_documents : int
        Number of documents.

    Returns
    -------
    kept : list of ndarray of shape (n_terms,), dtype=bool
        For each source, True for terms that stay.
    df : ndarray of shape (n_columns,)
        Number of documents that contain each term that stays.
    """
    tf, df = counted[0].tf, counted[0].df
    if len(counted) > 1:
        tf = np.concatenate([part.tf for part in counted])
        df = np.concatenate([part.df for part in counted])
    keep = limits.choose(tf, df, n_documents)
    kept = np.split(keep, np.cumsum([len(part) for part in counted])[:-1])
    return kept, df[keep]


def inverse_document_frequency(
    df: np.ndarray, n_documents: int, smooth_idf: bool, dtype: np.dtype
) -> np.ndarray:
    """Return log((n + s) / (df + s)) + 1, with s = 1 if ``smooth_idf`` else 0.

    Parameters
    ----------
    df : ndarray of shape (n_columns,)
        Number of documents that contain each term.
    n_documents : int
        Number n of documents.
    smooth_idf : bool
        Whether one extra document is counted, which contains every term.
    dtype : dtype
        Type of the result and of each step, as in scikit-learn.

    Returns
    -------
    ndarray of shape (n_columns,)
        The idf.
    """
    smooth = int(smooth_idf)
    n_seen = np.full(len(df), n_documents + smooth, dtype=dtype)
    n_seen /= df.astype(dtype) + float(smooth)
    return np.log(n_seen) + 1


def words_in_corpus(words: list[str], corpus_words: Strings) -> set[str]:
    """Return the given words that a corpus contains.

    Parameters
    ----------
    words : list of str
        Distinct words.
    corpus_words : Strings
        All words of the corpus.

    Returns
    -------
    set of str
        The words that are in both.
    """
    search = WordSearch(words)
    search.add(corpus_words)
    return search.found


class WordSearch:
    """A search for words in a corpus that is read in parts.

    Parameters
    ----------
    words : list of str
        Distinct words.

    Attributes
    ----------
    words : list of str
        The words.
    found : set of str
        The words that were in the parts so far.
    """

    def __init__(self, words: list[str]):
        self.found: set[str] = set()
        self.words, self._table = words, WordTable()
        self._table.add(*pack_strings(words))

    def add(self, corpus_words: Strings) -> None:
        """Look among the words of one more part.

        Parameters
        ----------
        corpus_words : Strings
            All words of the part.
        """
        numbers = np.empty(len(corpus_words), dtype=np.uint32)
        self._table.find(*corpus_words, numbers)
        known = np.unique(numbers[numbers != NO_WORD])
        self.found.update(self.words[number] for number in known.tolist())
