"""Checks of an output file before any work is done."""

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from sklux._commands.document_files import STANDARD_INPUT, standard_input
from sklux._commands.vector_files import STANDARD_OUTPUT


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
    path = Path(os.path.realpath(output))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent} for the output {output}. Create it "
            "first."
        )
    if path.exists():
        if not path.is_file():
            raise OSError(f"The output {output} exists and is not a file. Name a file.")
        if any(is_same_file(one, path) for one in inputs if one is not None):
            raise ValueError(
                f"The output {output} is also an input of the command. Give the output "
                "another name."
            )
    check_writable(output, path.parent)


def check_writable(output: str | Path, folder: Path) -> None:
    """Refuse an output whose folder cannot be written to.

    Parameters
    ----------
    output : str or Path
        File to write, for the message.
    folder : Path
        Its folder.

    Raises
    ------
    OSError
        If no file can be made in the folder.
    """
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"The output {output} cannot be written: {error.strerror}. Choose a folder "
            "in which you may write."
        ) from error


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
