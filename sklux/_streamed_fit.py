"""The fit of a LuxicalVectorizer on a stream of documents."""

from dataclasses import dataclass

from sklux._lexical.streamed import StreamedTerms, fit_on_batches, reads_batches
from sklux._lexical.vectorizer import LexicalVectorizer
from sklux._sources.sample import StreamReader


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


def fit_terms(
    lexical: LexicalVectorizer, reader: StreamReader, words: tuple[str, ...]
) -> tuple[StreamReport, list[str]]:
    """Fit a lexical stage on a stream, and draw the sample.

    Parameters
    ----------
    lexical : LexicalVectorizer
        `check_stage` accepts it; changed in place.
    reader : StreamReader
        Reads the stream.
    words : tuple of str
        Words to add to the terms.

    Returns
    -------
    report : StreamReport
        What was read.
    lost : list of str
        Given words that are not terms.

    Raises
    ------
    ValueError
        If the stream has no documents or only one, or changes between two passes.
    """
    found: StreamedTerms = fit_on_batches(
        lexical, reader.documents, words, reader.stream.max_terms
    )
    report = StreamReport(
        found.n_documents,
        len(reader.sample.documents),
        found.n_terms,
        found.missed,
        found.dropped,
    )
    return report, found.extension.lost if found.extension else []


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
