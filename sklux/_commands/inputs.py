"""Inputs that several commands read: documents, models and teacher embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from sklux._commands.console import counted, note
from sklux._commands.csv_rows import check_delimiter
from sklux._commands.document_files import (
    DocumentFile,
    DocumentFiles,
    ReadOptions,
    naming,
)
from sklux._commands.document_paths import check_file, document_paths, file_name
from sklux._commands.text_input import check_encoding
from sklux._vectorizer import LuxicalVectorizer


@dataclass
class DocumentSource:
    """Options of a command that describe its documents.

    Attributes
    ----------
    arguments : sequence of str
        Files, patterns and folders; ``'-'`` is standard input.
    options : ReadOptions
        How the files are read.
    """

    arguments: Sequence[str]
    options: ReadOptions

    @cached_property
    def paths(self) -> list[str]:
        """The files, in order."""
        return document_paths(self.arguments, self.options.format)

    @property
    def name(self) -> str:
        """Name of the files in messages."""
        if len(self.paths) == 1:
            return file_name(self.paths[0])
        return f"{', '.join(self.arguments)} ({len(self.paths):,} files)"

    def open(
        self, keep: Sequence[str] = (), piece_documents: int | None = None
    ) -> DocumentFiles:
        """Open the files, after a check of their columns.

        Parameters
        ----------
        keep : sequence of str
            Columns to keep with the text.
        piece_documents : int or None
            Maximum number of documents in a piece; None means the default.

        Returns
        -------
        DocumentFiles
            Can be read piece by piece.
        """
        files = [DocumentFile(path, self.options, keep) for path in self.paths]
        check_used(self.options, [file.format for file in files])
        opened = DocumentFiles(files, self.name, piece_documents)
        opened.check()
        return opened


def document_source(
    documents: Sequence[str],
    format: str | None,
    column: str,
    encoding: str | None,
    delimiter: str | None,
    quotes: str | None,
) -> DocumentSource:
    """Collect the options of a command that describe its documents.

    Parameters
    ----------
    documents : sequence of str
        Files, patterns and folders.
    format, column, encoding, delimiter, quotes : str or None
        As in `ReadOptions`.

    Returns
    -------
    DocumentSource
        The documents.
    """
    options = ReadOptions(format, column, encoding, delimiter, quotes)
    return DocumentSource(documents, options)


def check_used(options: ReadOptions, formats: Sequence[str]) -> None:
    """Refuse options that no file uses, and values that they cannot have.

    Parameters
    ----------
    options : ReadOptions
        The options.
    formats : sequence of str
        Formats of the files.

    Raises
    ------
    ValueError
        If an option has no effect, or an invalid value.
    """
    check_encoding(options.encoding)
    check_delimiter(options.delimiter)
    is_table = "csv" in formats or "tsv" in formats
    for name, value in (("delimiter", options.delimiter), ("quotes", options.quotes)):
        if value is not None and not is_table:
            raise ValueError(
                f"--{name} is for CSV files, and no file is read as CSV. Leave it out, "
                "or give --format csv."
            )
    if options.encoding is not None and set(formats) == {"parquet"}:
        raise ValueError(
            "--encoding has no effect on Parquet, which is always UTF-8. Leave it out."
        )


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
            f"(null, or without {source.options.column!r}).",
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
