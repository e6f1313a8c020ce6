"""Inputs that several commands read: documents, models and teacher embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sklux._commands.console import counted, counting, note
from sklux._commands.csv_rows import check_delimiter
from sklux._commands.document_files import (
    DocumentFile,
    DocumentFiles,
    ReadOptions,
    naming,
)
from sklux._commands.document_paths import check_file, document_paths, file_name
from sklux._commands.text_input import check_encoding
from sklux._utils.documents import NullDocuments
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
    null_documents : {'error', 'empty'} or None, default=None
        Whether missing documents are refused, or read as empty texts. None means the
        setting of the command's model; without a model, they are refused.
    """

    arguments: Sequence[str]
    options: ReadOptions
    null_documents: NullDocuments | None = None

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
        null_documents = self.null_documents or "error"
        opened = DocumentFiles(files, self.name, piece_documents, null_documents)
        opened.check()
        return opened


def document_source(
    documents: Sequence[str],
    format: str | None,
    column: str,
    encoding: str | None,
    delimiter: str | None,
    quotes: str | None,
    null_documents: str | None,
) -> DocumentSource:
    """Collect the options of a command that describe its documents.

    Parameters
    ----------
    documents : sequence of str
        Files, patterns and folders.
    format, column, encoding, delimiter, quotes : str or None
        As in `ReadOptions`.
    null_documents : {'error', 'empty'} or None
        As in `DocumentSource`.

    Returns
    -------
    DocumentSource
        The documents.
    """
    options = ReadOptions(format, column, encoding, delimiter, quotes)
    # A plain str, because a model file holds it.
    rule: Any = None if null_documents is None else str(null_documents)
    return DocumentSource(documents, options, rule)


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


def read_documents(
    source: DocumentSource, quiet: bool, model: LuxicalVectorizer | None = None
) -> list[str]:
    """Read all documents, and note how many are missing and read as empty texts.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    quiet : bool
        Whether to print no note.
    model : LuxicalVectorizer or None, default=None
        The model of the command. Its setting for missing documents counts if the
        command line has none.

    Returns
    -------
    list of str
        The documents.
    """
    files = source.open()
    if model is not None:
        files.null_documents = null_rule(source, model)
    with counting("reading", quiet) as counter:
        documents, n_missing = files.read(lambda n: counter.add(n, files.position()))
    note_missing(n_missing, source, quiet)
    return documents


def null_rule(source: DocumentSource, model: LuxicalVectorizer) -> NullDocuments:
    """What happens to missing documents, in a command that uses a model.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    model : LuxicalVectorizer
        The model.

    Returns
    -------
    {'error', 'empty'}
        The option of the command line, or else the setting in the model file.
    """
    return source.null_documents or model.null_documents


def note_missing(n_missing: int, source: DocumentSource, quiet: bool) -> None:
    """Note how many missing documents are read as empty texts.

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
            f"Read {counted(n_missing, 'missing document')} of {source.name} as empty "
            f"texts (null, or without {source.options.column!r}).",
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
        Number of documents in the file.
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
