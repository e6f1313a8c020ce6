"""``sklux embed``: vectors of the documents of a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sklux._commands.console import counted, counting, note
from sklux._commands.document_files import naming
from sklux._commands.errors import saying_what_is_kept
from sklux._commands.inputs import DocumentSource, load_model, null_rule
from sklux._commands.outputs import check_no_documents, check_output
from sklux._commands.vector_files import (
    STANDARD_OUTPUT,
    check_kept,
    is_written_at_once,
    nothing_written,
    vector_format,
    vector_writer,
)


def embed_documents(
    model_path: Path,
    source: DocumentSource,
    output: str,
    keep: Sequence[str],
    quiet: bool,
) -> None:
    """Embed the documents of a file; memory does not grow with its size.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        The documents.
    output : str
        File for the vectors; ``'-'`` is standard output.
    keep : sequence of str
        Columns to copy to the output.
    quiet : bool
        Whether to print no progress or notes.
    """
    # These checks are quick. Loading a model is not.
    check_kept(vector_format(output), keep)
    check_output(output, (model_path, *source.paths))
    if len(source.arguments) > 1:
        check_no_documents(output)
    file, n_missing, n_zero = source.open(keep), 0, 0
    model = load_model(model_path)
    file.null_documents = null_rule(source, model)
    with (
        naming("standard output" if output == STANDARD_OUTPUT else output),
        vector_writer(
            output, model.projection_.n_components_, file.kept_types()
        ) as writer,
        counting("embedding", quiet) as counter,
        saying_what_is_kept(lambda: kept_in_words(output, counter.n_documents)),
    ):
        for piece in file:
            vectors = model.transform(piece.documents)
            writer.write(vectors, piece.kept)
            n_missing += len(piece.missing)
            n_zero += int(np.count_nonzero(~vectors.any(axis=1)))
            counter.add(len(vectors), file.position())
    note(f"{counter.summary()}.", quiet)
    note_zeros(n_missing, n_zero - n_missing, quiet)


def kept_in_words(output: str, n_documents: int) -> str:
    """What is written of a run that was stopped.

    Parameters
    ----------
    output : str
        The output.
    n_documents : int
        Number of documents that were embedded.

    Returns
    -------
    str
        The sentences.
    """
    if is_written_at_once(output):
        return f"The vectors of {counted(n_documents, 'document')} were written."
    return nothing_written(output, "No vectors were")


def note_zeros(n_missing: int, n_unknown: int, quiet: bool) -> None:
    """Note how many documents have the zero vector, and why.

    Parameters
    ----------
    n_missing : int
        Number of missing documents.
    n_unknown : int
        Number of other documents without a known term.
    quiet : bool
        Whether to print no notes.
    """
    if n_missing:
        missing = counted(n_missing, "missing document")
        note(f"The vector is zero for {missing} (null).", quiet)
    if n_unknown:
        unknown = counted(n_unknown, "document")
        note(f"The vector is zero for {unknown} without a known term.", quiet)
