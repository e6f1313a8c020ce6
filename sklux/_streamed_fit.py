"""The fit of a LuxicalVectorizer on a stream of documents."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse

from sklux._lexical.fitting import WordSearch
from sklux._lexical.streamed import fit_on_batches, reads_batches
from sklux._lexical.summaries import TermCounts
from sklux._lexical.tokens import Source
from sklux._lexical.vectorizer import LexicalVectorizer
from sklux._sources.sample import Sample, StreamReader
from sklux._sources.stream import DocumentStream
from sklux._student.fit_data import Corpus, CorpusPart
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._utils.documents import NullDocuments


class CountedStream(DocumentStream, ABC):
    """A stream whose terms are counted in other processes."""

    @abstractmethod
    def count_terms(
        self, sources: Sequence[Source], search: WordSearch | None
    ) -> list[TermCounts]:
        """Count the terms of all documents.

        Parameters
        ----------
        sources : sequence of Source
            How documents become tokens.
        search : WordSearch or None
            Looks for its words among the words of the last source.

        Returns
        -------
        list of TermCounts
            The terms of each source.
        """


@dataclass(frozen=True)
class StreamReport:
    """What a fit has read from a `DocumentStream`, and how exactly it was counted.

    Attributes
    ----------
    n_documents : int
        Number of documents.
    n_sampled : int
        Number of documents in the sample that was held in memory.
    n_terms : int
        Number of different terms in memory after the count.
    term_error : int
        Largest number of occurrences that the count of a chosen term may lack. 0 means
        that all counts, and so the idf, are exact.
    dropped_error : int
        Largest number of occurrences of a term that was dropped because `max_terms`
        was reached: every more frequent term was counted. 0 means that none was
        dropped.
    """

    n_documents: int
    n_sampled: int
    n_terms: int
    term_error: int
    dropped_error: int

    def __str__(self) -> str:
        exact = "all counts are exact"
        if self.dropped_error:
            exact = (
                f"terms that were dropped occur at most {self.dropped_error:,} times, "
                f"and counts of chosen terms lack at most {self.term_error:,}"
            )
        return (
            f"{self.n_documents:,} documents, {self.n_sampled:,} of them in memory; "
            f"{self.n_terms:,} different terms, {exact}"
        )


class ReadStream(NamedTuple):
    """A stream whose terms were counted, and whose sample is in memory.

    Attributes
    ----------
    reader : StreamReader
        Reads the stream again.
    report : StreamReport
        What was read.
    lost : list of str
        Given words that are not terms.
    """

    reader: StreamReader
    report: StreamReport
    lost: list[str]

    @property
    def sample(self) -> Sample:
        """The documents in memory."""
        return self.reader.sample

    def corpus(
        self,
        embeddings: TeacherEmbeddings,
        halves: TeacherEmbeddings | None,
        rows_of: Callable[[list[str]], sparse.csr_matrix],
        views_of: Callable[[list[str]], sparse.csr_matrix | None],
    ) -> Corpus:
        """Return the corpus for the training.

        Parameters
        ----------
        embeddings : TeacherEmbeddings
            Teacher embeddings of the sample.
        halves : TeacherEmbeddings or None
            Teacher embeddings of the halves of the sample's documents.
        rows_of : callable
            Maps documents to features, in the form in which they are learnt.
        views_of : callable
            Maps documents to the features of their halves, or to None.

        Returns
        -------
        Corpus
            A part for each batch of the stream.
        """
        n_sampled = len(self.sample.documents)

        def parts(has_views: bool) -> Iterator[CorpusPart]:
            for batch, hashes in self.reader.batches():
                # Where the documents, or their halves, are in the sample.
                rows = self.sample.find(hashes)
                teacher = embeddings.taken(rows)
                if batch.vectors is not None:
                    teacher = TeacherEmbeddings.of_part(batch.vectors)
                view_teacher = None
                if halves is not None:
                    second = np.where(rows < 0, -1, rows + n_sampled)
                    view_teacher = halves.taken(np.concatenate([rows, second]))
                yield CorpusPart(
                    rows_of(batch.documents),
                    teacher,
                    views_of(batch.documents) if has_views else None,
                    view_teacher,
                )

        has_all = self.reader.stream.embeddings is not None
        return Corpus(
            self.report.n_documents,
            self.reader.n_embedded if has_all else embeddings.n_embedded,
            has_all,
            parts,
        )


def read_stream(
    lexical: LexicalVectorizer,
    stream: DocumentStream,
    null_documents: NullDocuments,
    words: tuple[str, ...],
) -> ReadStream:
    """Fit a lexical stage on a stream, and draw the sample.

    Parameters
    ----------
    lexical : LexicalVectorizer
        `check_stage` accepts it; changed in place.
    stream : DocumentStream
        The stream.
    null_documents : {'error', 'empty'}
        Whether missing documents are refused, or read as empty texts.
    words : tuple of str
        Words to add to the terms.

    Returns
    -------
    ReadStream
        The stream, with what was learnt.

    Raises
    ------
    ValueError
        If the stream has no documents, or changes between two passes.
    """
    reader = StreamReader(stream, null_documents)
    count = stream.count_terms if isinstance(stream, CountedStream) else None
    found = fit_on_batches(lexical, reader.documents, words, stream.max_terms, count)
    report = StreamReport(
        found.n_documents,
        len(reader.sample.documents),
        found.n_terms,
        found.missed,
        found.dropped,
    )
    lost = found.extension.lost if found.extension else []
    return ReadStream(reader, report, lost)


def check_stage(lexical: object) -> None:
    """Refuse a lexical stage that cannot be fitted on a stream.

    Parameters
    ----------
    lexical : estimator
        The stage.

    Raises
    ------
    ValueError
        If it is not a `LexicalVectorizer` that the kernels read.
    """
    if not reads_batches(lexical):
        raise ValueError(
            "A DocumentStream needs a LexicalVectorizer that reads text without "
            f"functions of your own. Got {lexical!r}: change it, or pass the documents "
            "as a list."
        )
