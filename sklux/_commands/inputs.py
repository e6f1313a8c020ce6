"""Inputs that several commands read: documents, models and teacher embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sklux._commands.console import counted, note
from sklux._commands.document_files import (
    DocumentFile,
    check_file,
    file_name,
    naming,
)
from sklux._vectorizer import LuxicalVectorizer


@dataclass
class DocumentSource:
    """Options of a command that describe a file of documents.

    Attributes
    ----------
    path : str
        The file; ``'-'`` is standard input.
    format : str or None
        Format of the file; None takes it from the name.
    column : str
        Column of the text.
    """

    path: str
    format: str | None
    column: str

    @property
    def name(self) -> str:
        """Name of the file in messages."""
        return file_name(self.path)

    def open(
        self, keep: Sequence[str] = (), piece_documents: int | None = None
    ) -> DocumentFile:
        """Open the file.

        Parameters
        ----------
        keep : sequence of str
            Columns to keep with the text.
        piece_documents : int or None
            Maximum number of documents in a piece; None means the default.

        Returns
        -------
        DocumentFile
            Can be read piece by piece.
        """
        return DocumentFile(self.path, self.format, self.column, keep, piece_documents)


def present_documents(
    source: DocumentSource, quiet: bool
) -> tuple[list[str], list[int], int]:
    """Read the documents of a file, and note how many are missing.

    Parameters
    ----------
    source : DocumentSource
        The file.
    quiet : bool
        Whether to print no note.

    Returns
    -------
    documents : list of str
        Documents that are not missing.
    places : list of int
        Their positions in the file.
    n_documents : int
        Number of documents in the file, including missing ones.
    """
    documents, places, n_documents = source.open().read_present()
    note_missing(n_documents - len(documents), source, quiet)
    return documents, places, n_documents


def note_missing(n_missing: int, source: DocumentSource, quiet: bool) -> None:
    """Note how many documents are left out because they are missing.

    Parameters
    ----------
    n_missing : int
        Number of missing documents.
    source : DocumentSource
        Their file.
    quiet : bool
        Whether to print no note.
    """
    if n_missing:
        note(
            f"Left out {counted(n_missing, 'missing document')} of {source.name} "
            f"(null, or without {source.column!r}).",
            quiet,
        )


def load_model(path: Path) -> LuxicalVectorizer:
    """Load a model, and let it use all cores.

    Parameters
    ----------
    path : Path
        Its file.

    Returns
    -------
    LuxicalVectorizer
        The fitted model.
    """
    check_file(path)
    with naming(str(path)):
        return LuxicalVectorizer.load(path).set_params(n_jobs=-1)


def check_rows(
    vectors: np.ndarray, embeddings: Path, n_documents: int, source: DocumentSource
) -> None:
    """Refuse teacher embeddings that are not one row per document of a file.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_teacher_components)
        The embeddings.
    embeddings : Path
        Their file, for the message.
    n_documents : int
        Number of documents in the file, including missing ones.
    source : DocumentSource
        The file of the documents, for the message.

    Raises
    ------
    ValueError
        If the numbers differ.
    """
    if len(vectors) != n_documents:
        raise ValueError(
            f"{embeddings} has {counted(len(vectors), 'row')}, but {source.name} has "
            f"{counted(n_documents, 'document')}. Give one row per document, in the "
            "same order."
        )
