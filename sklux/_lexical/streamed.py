"""The fit of a lexical stage on a corpus that is read batch by batch.

Terms and idf equal a fit on all documents at once, as long as the terms are counted
exactly (`summaries`). Word pieces have to be learnt before they can be counted,
so the corpus is then read twice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np

from sklux._lexical.analysis import SUBWORD_ANALYZERS
from sklux._lexical.buffers import text_buffers
from sklux._lexical.counting import count_terms
from sklux._lexical.fitting import ChosenTerms, WordSearch, chosen_terms
from sklux._lexical.lexicon import Extension
from sklux._lexical.matrix import Weighing, rows_of_blocks
from sklux._lexical.subwords import LearningSample, Subwords
from sklux._lexical.summaries import TermCounter, TermCounts
from sklux._lexical.tokens import Source, Strings, read_corpus
from sklux._lexical.vectorizer import LexicalVectorizer
from sklux._utils.blocks import column_counts
from sklux._utils.typing import fit_context

# Makes an iterator of batches of documents; each call reads the corpus once.
BatchReader = Callable[[], Iterable[Sequence[str]]]


class CountTerms(Protocol):
    """A function that counts the terms of the whole corpus in other processes."""

    def __call__(
        self, sources: Sequence[Source], search: WordSearch | None
    ) -> list[TermCounts]:
        """Count the terms of each source; the words of the last one are searched."""


class StreamedTerms(NamedTuple):
    """What a fit has counted.

    Attributes
    ----------
    extension : Extension or None
        The words that were added; None if the vocabulary was given.
    n_documents : int
        Number of documents.
    n_terms : int
        Number of different terms in memory at the end.
    missed : int
        Largest number of occurrences of a chosen term that were not counted.
    dropped : int
        Largest number of occurrences of a term that is not in memory; 0 if the counts
        are exact.
    """

    extension: Extension | None
    n_documents: int
    n_terms: int
    missed: int
    dropped: int


def count_batch(
    source: Source, documents: Sequence[str], n_jobs: int | None
) -> tuple[TermCounts, Strings]:
    """Count the terms of some documents.

    Parameters
    ----------
    source : Source
        How documents become tokens.
    documents : sequence of str
        Documents.
    n_jobs : int or None
        Threads; they change only the time.

    Returns
    -------
    counts : TermCounts
        The terms.
    words : Strings
        All words of the documents.
    """
    streams, words = read_corpus(source, text_buffers(documents), n_jobs)
    terms = count_terms(
        streams, len(words), source.ngram_range, source.whole_segments, n_jobs
    )
    return TermCounts.of_corpus(terms, words, source.separator), words


class SourceCounter:
    """Counts of the terms of one source, batch by batch.

    Parameters
    ----------
    source : Source
        How documents become tokens.
    max_terms : int or None
        As in `TermCounter`.
    n_jobs : int or None
        Threads; they change only the time.
    search : WordSearch or None, default=None
        Looks for its words among the words of each batch.
    """

    def __init__(
        self,
        source: Source,
        max_terms: int | None,
        n_jobs: int | None,
        search: WordSearch | None = None,
    ):
        self.source, self.n_jobs, self.search = source, n_jobs, search
        self.counter = TermCounter(max_terms)

    def add(self, documents: Sequence[str]) -> None:
        """Count the terms of further documents.

        Parameters
        ----------
        documents : sequence of str
            Documents.
        """
        counts, words = count_batch(self.source, documents, self.n_jobs)
        self.counter.add(counts)
        if self.search is not None:
            self.search.add(words)


def source_counters(
    sources: Sequence[Source],
    max_terms: int | None,
    n_jobs: int | None,
    search: WordSearch | None,
) -> list[SourceCounter]:
    """Return a counter for each source.

    Parameters
    ----------
    sources : sequence of Source
        How documents become tokens.
    max_terms : int or None
        As in `TermCounter`.
    n_jobs : int or None
        Threads; they change only the time.
    search : WordSearch or None
        Looks for its words among the words of the last source.

    Returns
    -------
    list of SourceCounter
        The counters, which have counted nothing.
    """
    counters = [SourceCounter(source, max_terms, n_jobs) for source in sources]
    counters[-1].search = search
    return counters


@fit_context(prefer_skip_nested_validation=True)
def fit_on_batches(
    vectorizer: LexicalVectorizer,
    read: BatchReader,
    words: Sequence[str],
    max_terms: int | None,
    count: CountTerms | None = None,
) -> StreamedTerms:
    """Fit a stage on documents that are not all in memory.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        `reads_batches` must be true for it; changed in place.
    read : callable
        Reads the documents, batch by batch; called once or twice.
    words : sequence of str
        Words to add to the terms, as in `fit_with_words`.
    max_terms : int or None
        Largest number of different terms of each kind (words and their n-grams,
        pieces) that are kept in memory. None means no limit.
    count : callable or None, default=None
        Counts the terms of the documents, which are then read once. None counts them
        here. The idf of a given vocabulary is always learnt here.

    Returns
    -------
    StreamedTerms
        What was counted.
    """
    with vectorizer._changing() as new:
        new._begin_fit()
        return _StreamedFit(new, read, max_terms, count).learn(words)


def reads_batches(vectorizer: object) -> bool:
    """Whether `fit_on_batches` can fit a lexical stage.

    Parameters
    ----------
    vectorizer : estimator
        Any lexical stage, fitted or not.

    Returns
    -------
    bool
        True for a `LexicalVectorizer` that the kernels read.
    """
    return (
        isinstance(vectorizer, LexicalVectorizer)
        and vectorizer.input == "content"
        and type(vectorizer).fit_transform is LexicalVectorizer.fit_transform
        and vectorizer._uses_kernels()
    )


def word_source(vectorizer: LexicalVectorizer) -> Source:
    """Return how documents become words or characters.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        `reads_batches` is true for it, and it has other terms than word pieces.

    Returns
    -------
    Source
        The source of its terms, without word pieces.
    """
    vectorizer._check_settings()
    return vectorizer._sources(None)[-1]


class _StreamedFit:
    """A fit of one stage."""

    def __init__(
        self,
        vectorizer: LexicalVectorizer,
        read: BatchReader,
        max_terms: int | None,
        count: CountTerms | None,
    ):
        self.vectorizer, self.read, self.max_terms = vectorizer, read, max_terms
        self.count = count
        self.n_documents = 0
        self.has_pieces = vectorizer.analyzer in SUBWORD_ANALYZERS

    def learn(self, words: Sequence[str]) -> StreamedTerms:
        """Learn terms, or only the idf of given terms."""
        if self.vectorizer.fixed_vocabulary_:
            return self._learn_idf()
        forms = list(dict.fromkeys(self.vectorizer._forms(words).values()))
        search = WordSearch(forms)
        if self.has_pieces and self.vectorizer.tokenizer is None:
            subwords, counts = self._count_with_new_pieces(search)
        else:
            subwords = self._given_pieces()
            counts = self._counted(self.vectorizer._sources(subwords), search)
        kept, df = chosen_terms(counts, self.vectorizer._limits(), self.n_documents)
        terms = tuple(part.kept(keep) for part, keep in zip(counts, kept))
        found = ChosenTerms(terms, df, self.n_documents)
        extension = self.vectorizer._adopt_terms(
            found, subwords, words, lambda forms: search.found.intersection(forms)
        )
        return StreamedTerms(
            extension,
            self.n_documents,
            n_terms=sum(map(len, counts)),
            missed=max(
                int(part.missed[keep].max(initial=0))
                for part, keep in zip(counts, kept)
            ),
            dropped=max(part.dropped for part in counts),
        )

    def _count_with_new_pieces(
        self, search: WordSearch
    ) -> tuple[Subwords, list[TermCounts]]:
        """Learn pieces while the words are counted, then count the pieces."""
        sample = LearningSample()
        words: list[TermCounts] = []
        if self.vectorizer.analyzer == "word+subword":
            words = self._counted(self.vectorizer._sources(None)[-1:], search, sample)
        else:
            self._pass(sample)
        subwords = self.vectorizer._learn_subwords(sample.taken)
        sources = self.vectorizer._sources(subwords)[:1]
        pieces = self._counted(sources, None if words else search)
        return subwords, [*pieces, *words]

    def _given_pieces(self) -> Subwords | None:
        """Word pieces of the given tokenizer; None if there are none."""
        if not self.has_pieces:
            return None
        return self.vectorizer._learn_subwords(list)

    def _counted(
        self,
        sources: Sequence[Source],
        search: WordSearch | None,
        *samples: LearningSample,
    ) -> list[TermCounts]:
        """Counts of each source; the words of the last one are searched."""
        if self.count is not None:
            if samples or not self.n_documents:
                self._pass(*samples)
            return self.count(sources, search)
        counters = source_counters(
            sources, self.max_terms, self.vectorizer.n_jobs, search
        )
        self._pass(*samples, *counters)
        return [part.counter.total() for part in counters]

    def _pass(self, *parts: SourceCounter | LearningSample) -> None:
        """Read the corpus once."""
        self.n_documents = 0
        for documents in self.read():
            self.n_documents += len(documents)
            for part in parts:
                part.add(documents)

    def _learn_idf(self) -> StreamedTerms:
        """Learn the idf of given terms."""
        vectorizer = self.vectorizer
        if self.has_pieces and vectorizer.tokenizer is None:
            sample = LearningSample()
            self._pass(sample)
            subwords = vectorizer._learn_subwords(sample.taken)
        else:
            subwords = self._given_pieces()
        vectorizer._lexicon = replace(vectorizer._lexicon, subwords=subwords, idf=None)
        reader, n_documents = vectorizer._reader_of_given_terms(), 0
        df = np.zeros(vectorizer._lexicon.n_columns, dtype=np.int64)
        for documents in self.read():
            n_documents += len(documents)
            blocks = text_buffers(documents)
            weighing = Weighing(vectorizer.dtype)
            df += column_counts(
                rows_of_blocks(blocks, reader, weighing, vectorizer.n_jobs)
            )
        idf = vectorizer._idf_of(df, n_documents)
        vectorizer._adopt(vectorizer._lexicon.with_idf(idf))
        return StreamedTerms(None, n_documents, len(df), 0, 0)
