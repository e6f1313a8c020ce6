"""``sklux map``: a map of documents that a browser opens from the disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklux._commands.console import counting, note
from sklux._commands.inputs import (
    DocumentSource,
    load_model,
    note_missing,
    null_rule,
)
from sklux._commands.outputs import check_not_standard_output, check_output
from sklux._commands.vector_files import plain
from sklux._vectorizer import LuxicalVectorizer
from sklux.maps import MIN_DOCUMENTS, save_map

SUFFIXES = (".html", ".htm")


def write_map(
    model_path: Path,
    source: DocumentSource,
    output: Path,
    keep: Sequence[str],
    *,
    quiet: bool,
    title: str | None,
    **options: Any,
) -> None:
    """Write a map of the documents of files.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        The documents.
    output : Path
        File to write.
    keep : sequence of str
        Columns that the page shows.
    quiet : bool
        Whether to print no progress or notes.
    title : str or None
        Title of the page. None means the name of the documents.
    **options : Any
        Further options of `save_map`.

    Raises
    ------
    ValueError
        If the name of the output does not end with .html, or documents are too few.
    """
    check_not_standard_output(output)
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"The map is a page in HTML. Got the file name {output}: use a name that "
            "ends with .html."
        )
    check_output(output, (model_path, *source.paths))
    model = load_model(model_path)
    documents, columns = _read(model, source, keep, quiet)
    if len(documents) < MIN_DOCUMENTS:
        raise ValueError(
            f"A map needs at least {MIN_DOCUMENTS} documents. {source.name} has "
            f"{len(documents)}."
        )
    name = source.name if title is None else title
    save_map(
        model,
        documents,
        output,
        columns=columns,
        title=name,
        verbose=not quiet,
        **options,
    )
    size = output.stat().st_size / 1e6
    note(f"Wrote {output} ({size:.1f} MB). Open it in a browser.", quiet)


def _read(
    model: LuxicalVectorizer, source: DocumentSource, keep: Sequence[str], quiet: bool
) -> tuple[list[str], dict[str, list[Any]]]:
    """All documents, and the values of the kept columns."""
    files = source.open(keep)
    files.null_documents = null_rule(source, model)
    documents: list[str] = []
    columns: dict[str, list[Any]] = {name: [] for name in keep}
    n_missing = 0
    with counting("reading", quiet) as counter:
        for piece in files:
            documents += piece.documents
            for name, values in columns.items():
                values += map(plain, piece.kept[name])
            n_missing += len(piece.missing)
            counter.add(len(piece.documents), files.position())
    note_missing(n_missing, source, quiet)
    return documents, columns
