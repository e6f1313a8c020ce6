"""``sklux duplicates``: documents that are almost equal to an earlier one."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from sklux._commands.console import counted, note
from sklux._commands.document_files import naming
from sklux._commands.embedded import EmbeddedDocuments
from sklux._commands.errors import saying_what_is_kept
from sklux._commands.inputs import DocumentSource
from sklux._commands.near_duplicates import Duplicates, NearDuplicates
from sklux._commands.outputs import check_no_documents, check_output
from sklux._commands.vector_files import (
    STANDARD_OUTPUT,
    SUFFIXES,
    JsonRows,
    ParquetRows,
    is_written_at_once,
    json_text,
    nothing_written,
    opened_writer,
    plain,
)

# Columns of the output, which no kept column can have.
ROW, DUPLICATE_OF, COSINE = RESERVED_NAMES = "row", "duplicate_of", "cosine"


class DuplicateWriter(Protocol):
    """Writes what was found, piece by piece."""

    def write(self, kept: Mapping[str, list], first: int, found: Duplicates) -> None:
        """Append the documents of a piece, whose first has a number."""

    def close(self) -> None:
        """Write the end of the file."""


def write_duplicates(
    model_path: Path,
    source: DocumentSource,
    output: str,
    keep: Sequence[str],
    min_cosine: float,
    quiet: bool,
) -> None:
    """Find near-duplicates, and write a row for each document.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        Documents, or a folder of vectors.
    output : str
        File to write: Parquet or JSON lines; ``'-'`` is standard output.
    keep : sequence of str
        Columns to copy to the output.
    min_cosine : float
        Least cosine of a near-duplicate.
    quiet : bool
        Whether to print no progress or notes.

    Raises
    ------
    ValueError
        If the name of the output does not show a format, a kept column has a name that
        the output uses itself, or there are no documents.
    """
    make = _maker(output)
    documents = EmbeddedDocuments(model_path, source, keep, RESERVED_NAMES)
    check_output(output, (model_path, *documents.paths))
    if len(source.arguments) > 1:
        check_no_documents(output)
    finder = NearDuplicates(documents.model.projection_.n_components_, min_cosine)
    with (
        naming("standard output" if output == STANDARD_OUTPUT else output),
        opened_writer(output, make(documents.kept_types())) as writer,
        saying_what_is_kept(lambda: _kept_in_words(output)),
    ):
        for piece, vectors in documents.pieces("comparing", quiet):
            first = finder.n_documents
            writer.write(piece.kept, first, finder.find(vectors))
    note(summary(finder), quiet)


def summary(finder: NearDuplicates) -> str:
    """Say how many documents are near-duplicates.

    Parameters
    ----------
    finder : NearDuplicates
        Has seen all documents.

    Returns
    -------
    str
        A sentence.
    """
    n_documents = finder.n_documents
    n_near = n_documents - finder.n_kept
    verb = "is a near-duplicate" if n_near == 1 else "are near-duplicates"
    return (
        f"{n_near:,} of {counted(n_documents, 'document')} {verb} of an earlier one "
        f"({n_near / n_documents:.1%}): cosine {finder.min_cosine:g} or more."
    )


class ParquetDuplicates(ParquetRows):
    """A Parquet file with a row for each document."""

    def write(self, kept: Mapping[str, list], first: int, found: Duplicates) -> None:
        """Append documents.

        Parameters
        ----------
        kept : mapping of str to list
            Values of the kept columns, by name.
        first : int
            Number of the first document.
        found : Duplicates
            What was found about them.
        """
        is_kept = found.rows < 0
        rows = np.arange(first, first + len(is_kept))
        added = {
            ROW: self.pyarrow.array(rows),
            DUPLICATE_OF: self.pyarrow.array(found.rows, mask=is_kept),
            COSINE: self.pyarrow.array(found.cosines, mask=is_kept),
        }
        self.write_rows(kept, added)


class JsonDuplicates(JsonRows):
    """JSON lines with a line for each document."""

    def write(self, kept: Mapping[str, list], first: int, found: Duplicates) -> None:
        """Append documents.

        Parameters
        ----------
        kept : mapping of str to list
            Values of the kept columns, by name.
        first : int
            Number of the first document.
        found : Duplicates
            What was found about them.
        """
        pairs = zip(found.rows.tolist(), found.cosines.tolist())
        for place, (row, cosine) in enumerate(pairs):
            values = {name: plain(column[place]) for name, column in kept.items()}
            values[ROW] = first + place
            values[DUPLICATE_OF] = None if row < 0 else row
            values[COSINE] = None if row < 0 else round(cosine, 6)
            self.file.write(f"{json_text(values)}\n".encode())


def _maker(
    output: str,
) -> Callable[[Mapping[str, Any]], Callable[[BinaryIO], DuplicateWriter]]:
    """A function from the types of the kept columns to a maker of writers."""
    format = SUFFIXES.get(Path(output).suffix.lower())
    if output == STANDARD_OUTPUT or format == "jsonl":
        return lambda types: JsonDuplicates
    if format == "parquet":
        return lambda types: partial(ParquetDuplicates, types=types)
    raise ValueError(
        f"The file name {output} does not show the format of the output. Use a name "
        "that ends with .parquet or .jsonl, or '-' for JSON lines to standard output."
    )


def _kept_in_words(output: str) -> str:
    """What is written of a run that was stopped."""
    if is_written_at_once(output):
        return "The documents so far were written."
    return nothing_written(output, "Nothing was")
