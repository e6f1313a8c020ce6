"""Checks of an output file before any work is done."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sklux._commands.document_files import DocumentFile, ReadOptions, standard_input
from sklux._commands.document_paths import STANDARD_INPUT, format_by_name
from sklux._commands.json_rows import json_rows
from sklux._commands.text_input import TextInput
from sklux._commands.vector_files import STANDARD_OUTPUT, VECTOR_COLUMN
from sklux._utils.output_file import check_output_file, destination


def check_output(output: str | Path, inputs: Sequence[str | Path | None]) -> None:
    """Refuse an output that cannot be written, or that is also an input.

    Parameters
    ----------
    output : str or Path
        File to write; ``'-'`` is standard output.
    inputs : sequence of str, Path or None
        Files that the command reads; ``'-'`` is standard input, None stands for none.

    Raises
    ------
    OSError
        If the output cannot be written.
    ValueError
        If the output is an input.
    """
    if output == STANDARD_OUTPUT:
        return
    where = destination(output)
    if not where.is_stream and where.status is not None:
        if any(is_same_file(one, where.target) for one in inputs if one is not None):
            raise ValueError(
                f"The output {output} is also an input of the command. Give the output "
                "another name."
            )
    check_output_file(output)


def check_no_documents(output: str | Path) -> None:
    """Refuse an output that is a file of documents, as a pattern gives it.

    A command that takes several files before its output would overwrite the last of
    them if the output was forgotten: ``sklux fit *.parquet``.

    Parameters
    ----------
    output : str or Path
        File to write.

    Raises
    ------
    ValueError
        If the output exists, is a file of documents by its name and does not hold
        vectors.
    """
    path = Path(output)
    format = format_by_name(str(path))
    if format is None or not path.is_file() or holds_vectors(path, format):
        return
    raise ValueError(
        f"The last argument, {output}, is the output, but it exists and seems to be a "
        "file of documents. Give the output after the documents. If the file may be "
        "overwritten, delete it first."
    )


def holds_vectors(path: Path, format: str) -> bool:
    """Whether a file is empty, or has vectors as ``sklux embed`` writes them.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        Its format, by its name.

    Returns
    -------
    bool
        False also for a file that cannot be read.
    """
    if path.stat().st_size == 0:
        return True
    try:
        if format == "parquet":
            DocumentFile(str(path), ReadOptions(column=VECTOR_COLUMN)).check()
            return True
        with open(path, "rb") as file:
            row = next(json_rows(TextInput(file, str(path))), {})
            return isinstance(row.get(VECTOR_COLUMN), list)
    except (ValueError, OSError):
        return False


def check_not_standard_output(output: Path) -> None:
    """Refuse to write a file to where the command prints.

    Parameters
    ----------
    output : Path
        File to write.

    Raises
    ------
    ValueError
        If it is standard output, and not the null device.
    """
    if sys.stdout is None or not output.exists():
        return
    try:
        printed = os.fstat(sys.stdout.fileno())
    except OSError:  # not a file, such as a buffer in memory
        return
    null = Path(os.devnull)
    if os.path.samestat(output.stat(), printed) and not output.samefile(null):
        raise ValueError(
            f"The output {output} is standard output, where the command prints its "
            "report. Name another file."
        )


def is_same_file(source: str | Path, path: Path) -> bool:
    """Whether an input is the same file as an output, also through a link.

    Parameters
    ----------
    source : str or Path
        The input; ``'-'`` is standard input.
    path : Path
        The output, which exists.

    Returns
    -------
    bool
        False if the input does not exist.
    """
    if source == STANDARD_INPUT:
        return os.path.samefile(standard_input(), path)
    return Path(source).exists() and os.path.samefile(source, path)
