"""``sklux neighbors``: the documents of a file that are nearest to queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from sklux._commands.console import (
    note,
    print_json,
    printable,
    show,
    show_heading,
)
from sklux._commands.document_files import Piece
from sklux._commands.document_paths import format_by_name
from sklux._commands.embedded import EmbeddedDocuments
from sklux._commands.inputs import DocumentSource
from sklux._commands.vector_files import plain

# Characters of a document that are printed.
MAX_CHARACTERS = 100
# Names in the output, which no kept column can have.
RESERVED_NAMES = ("row", "cosine")


@dataclass(frozen=True)
class Hit:
    """A document that is near to a query.

    Attributes
    ----------
    cosine : float
        Similarity to the query.
    row : int
        Position in the file.
    text : str or None
        The document; None if it is not known.
    kept : dict
        Values of the kept columns.
    """

    cosine: float
    row: int
    text: str | None
    kept: dict[str, Any]

    @classmethod
    def of(cls, piece: Piece, place: int, n_before: int, cosine: float) -> Self:
        """Take one document of a piece.

        Parameters
        ----------
        piece : Piece
            Documents.
        place : int
            Position in the piece.
        n_before : int
            Number of documents of the file before the piece.
        cosine : float
            Similarity to the query.

        Returns
        -------
        Hit
            The document.
        """
        kept = {name: plain(values[place]) for name, values in piece.kept.items()}
        return cls(float(cosine), n_before + place, piece.documents[place], kept)

    def as_dict(self) -> dict[str, Any]:
        """Kept columns, row, cosine and text."""
        text = {} if self.text is None else {"text": self.text}
        facts = {"row": self.row, "cosine": round(self.cosine, 6)}
        return {**self.kept, **facts, **text}

    def in_words(self) -> str:
        """One line for a terminal."""
        values = (str(value) for value in self.kept.values())
        text = [] if self.text is None else [self.text]
        texts = map(shortened, (*values, *text))
        return "  ".join([f"{self.cosine:.3f}", f"row {self.row:,}", *texts])


class NearestDocuments:
    """The documents nearest to each query among the pieces seen so far.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_components), dtype=np.float32
        Vectors of the queries.
    n_neighbors : int
        Number of documents per query.
    """

    def __init__(self, queries: np.ndarray, n_neighbors: int):
        self.queries, self.n_neighbors = queries, n_neighbors
        self.hits: list[list[Hit]] = [[] for _ in queries]
        self.n_documents = 0

    def add(self, piece: Piece, vectors: np.ndarray) -> None:
        """Compare the documents of a piece with the queries.

        Parameters
        ----------
        piece : Piece
            The next documents of the file.
        vectors : ndarray of shape (n_samples, n_components), dtype=np.float32
            Their vectors.
        """
        cosines = self.queries @ vectors.T
        for query, row in enumerate(cosines):
            best = np.argsort(-row, kind="stable")[: self.n_neighbors].tolist()
            found = [Hit.of(piece, i, self.n_documents, row[i]) for i in best]
            merged = sorted(
                self.hits[query] + found, key=lambda hit: (-hit.cosine, hit.row)
            )
            self.hits[query] = merged[: self.n_neighbors]
        self.n_documents += len(piece.documents)


def print_neighbors(
    model_path: Path,
    source: DocumentSource,
    queries: Sequence[str],
    n_neighbors: int,
    keep: Sequence[str],
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print the documents that are nearest to queries.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        The documents.
    queries : sequence of str
        Texts to search for.
    n_neighbors : int
        Number of documents per query.
    keep : sequence of str
        Columns to print with the text.
    as_json : bool
        Whether to print JSON lines.
    quiet : bool
        Whether to print no progress or notes.

    Raises
    ------
    ValueError
        If the file contains no documents, or a kept column has a reserved name.
    """
    documents = EmbeddedDocuments(model_path, source, keep, RESERVED_NAMES)
    vectors = documents.model.transform(list(queries))
    is_known = np.any(vectors, axis=1)
    for query in np.array(queries, dtype=object)[~is_known]:
        note(f"The model has no term of {query!r}, so nothing is near it.", quiet)
    nearest = NearestDocuments(vectors, n_neighbors)
    for piece, found in documents.pieces("searching", quiet):
        nearest.add(piece, found)
    for query, known, hits in zip(queries, is_known, nearest.hits):
        show_hits(query, hits if known else [], as_json)


def split_arguments(
    arguments: Sequence[str], queries: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Tell documents from texts to search for.

    Parameters
    ----------
    arguments : sequence of str
        Arguments after the model. Without queries, only the first one is a file.
    queries : sequence of str or None
        The option ``--query``.

    Returns
    -------
    documents : list of str
        Files, patterns and folders.
    texts : list of str
        Texts to search for.

    Raises
    ------
    ValueError
        If there is no text, or if a text is a file, as a pattern without quotes gives
        it.
    """
    if queries:
        return list(arguments), list(queries)
    documents, texts = list(arguments[:1]), list(arguments[1:])
    if not texts:
        raise ValueError(
            "There is no text to search for. Give it after the documents, or with "
            "--query."
        )
    files = [text for text in texts if format_by_name(text) and Path(text).is_file()]
    if files:
        raise ValueError(
            f"The text to search for, {files[0]!r}, is a file of documents. Put a "
            "pattern in quotes, or give the text with --query; then all arguments "
            "after the model are files."
        )
    return documents, texts


def show_hits(query: str, hits: Sequence[Hit], as_json: bool) -> None:
    """Print the results of one query.

    Parameters
    ----------
    query : str
        The query.
    hits : sequence of Hit
        Documents, nearest first.
    as_json : bool
        Whether to print one line of JSON.
    """
    if as_json:
        found = [hit.as_dict() for hit in hits]
        print_json({"query": query, "nearest": found}, indent=None)
        return
    show_heading(query)
    for hit in hits:
        show(f"  {hit.in_words()}")


def shortened(text: str) -> str:
    """Beginning of a text, on one line.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        At most `MAX_CHARACTERS` characters.
    """
    line = printable(" ".join(text.split()))
    if len(line) <= MAX_CHARACTERS:
        return line
    return line[: MAX_CHARACTERS - 3] + "..."
