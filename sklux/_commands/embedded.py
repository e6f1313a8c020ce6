"""Documents of a command with their vectors, which may be stored already."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sklux._commands.console import counting
from sklux._commands.document_files import Piece
from sklux._commands.inputs import DocumentSource, load_model, note_missing, null_rule
from sklux._commands.stored_vectors import StoredVectors, is_stored
from sklux._vectorizer import LuxicalVectorizer


class EmbeddedDocuments:
    """Documents with their vectors.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        Documents, or a folder of vectors that ``sklux embed`` has written.
    keep : sequence of str
        Columns to keep with the documents. None of the stored columns means all.
    reserved : sequence of str
        Names that the output uses itself.

    Attributes
    ----------
    keep : list of str
        Columns that are kept.
    name : str
        Name of the documents in messages.

    Raises
    ------
    ValueError
        If a folder of vectors is given with other documents, or with options for them,
        or if a kept column has a reserved name.
    """

    def __init__(
        self,
        model_path: Path,
        source: DocumentSource,
        keep: Sequence[str],
        reserved: Sequence[str],
    ):
        _check_names(keep, reserved)
        self._source = source
        self._stored = _stored_vectors(model_path, source, keep)
        self._file = None if self._stored is not None else source.open(keep)
        self.keep = list(keep) if self._stored is None else self._stored.keep
        _check_names(self.keep, reserved)
        self.name = source.name if self._stored is None else str(self._stored.folder)
        self._model_path = model_path

    @cached_property
    def model(self) -> LuxicalVectorizer:
        """The model, loaded on first use."""
        return load_model(self._model_path)

    @property
    def paths(self) -> list[str]:
        """Files of the documents; none of stored vectors."""
        return self._source.paths if self._stored is None else []

    def pieces(self, title: str, quiet: bool) -> Iterator[tuple[Piece, np.ndarray]]:
        """Read the documents once.

        Parameters
        ----------
        title : str
            Title of the bar.
        quiet : bool
            Whether to show no progress and print no notes.

        Yields
        ------
        piece : Piece
            The next documents. Texts of stored vectors are not known: None.
        vectors : ndarray of shape (n_documents, n_components), dtype=np.float32
            Their vectors.

        Raises
        ------
        ValueError
            If there are no documents.
        """
        n_documents = n_missing = 0
        with counting(title, quiet) as counter:
            for piece, vectors in self._pieces():
                yield piece, vectors
                n_documents += len(vectors)
                n_missing += len(piece.missing)
                position = None if self._file is None else self._file.position()
                counter.add(len(vectors), position)
        note_missing(n_missing, self._source, quiet)
        if n_documents == 0:
            raise ValueError(f"{self.name} contains no documents.")

    def _pieces(self) -> Iterator[tuple[Piece, np.ndarray]]:
        """Pieces with their vectors."""
        if self._file is not None:
            self._file.null_documents = null_rule(self._source, self.model)
            for piece in self._file:
                yield piece, self.model.transform(piece.documents)
        elif self._stored is not None:
            for vectors, kept in self._stored:
                unknown: list[Any] = [None] * len(vectors)
                yield Piece(unknown, kept, []), vectors

    def kept_types(self) -> dict[str, Any]:
        """Types of the kept columns, if the documents declare them.

        Returns
        -------
        dict of str to pyarrow.DataType
            Types by name.
        """
        return {} if self._file is None else self._file.kept_types()


def _check_names(keep: Sequence[str], reserved: Sequence[str]) -> None:
    """Refuse to keep columns with a name that the output uses itself."""
    taken = [name for name in keep if name in reserved]
    if taken:
        raise ValueError(
            f"The column {taken[0]!r} cannot be kept, because the output uses this "
            "name itself. Rename the column."
        )


def _stored_vectors(
    model_path: Path, source: DocumentSource, keep: Sequence[str]
) -> StoredVectors | None:
    """The vectors of a folder of parts; None if no argument is one."""
    folders = [path for path in source.arguments if is_stored(path)]
    if not folders:
        return None
    if len(source.arguments) > 1:
        raise ValueError(
            f"{folders[0]} is a folder of vectors, which is read alone. Give it "
            "without other documents."
        )
    given = {**vars(source.options), "null_documents": source.null_documents}
    for name in ("format", "encoding", "delimiter", "quotes", "null_documents"):
        if given[name] is not None:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{option} is for files of documents, and {folders[0]} is a folder of "
                f"vectors. Leave out {option}."
            )
    return StoredVectors(Path(folders[0]), model_path, keep)
