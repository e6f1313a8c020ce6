"""Which files a command reads: names, patterns, folders and addresses."""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sklux._commands.addresses import (
    addresses_within,
    is_address,
    is_folder_address,
    matching_addresses,
)
from sklux._commands.text_input import COMPRESSIONS

FORMATS = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv",),
    "tsv": (".tsv", ".tab"),
    "jsonl": (".jsonl", ".ndjson"),
    "json": (".json",),
    "text": (".txt",),
}
SUFFIXES = {suffix: name for name, suffixes in FORMATS.items() for suffix in suffixes}
STANDARD_INPUT = "-"
# Other programs ignore such files in folders, for instance _SUCCESS.
HIDDEN = (".", "_")


def document_paths(arguments: Sequence[str], format: str | None) -> list[str]:
    """Files that the arguments of a command name, in order.

    Parameters
    ----------
    arguments : sequence of str
        Files, patterns such as ``'docs/*.parquet'``, folders, and the same at addresses
        that fsspec reads, such as ``'s3://bucket/docs.parquet'``; ``'-'`` is standard
        input. Files of a pattern or a folder are sorted by their names.
    format : str or None
        Format of the files; None takes it from each name.

    Returns
    -------
    list of str
        The files.

    Raises
    ------
    FileNotFoundError
        If a file does not exist, or no file matches a pattern.
    ValueError
        If a file is named twice, or a folder has files of several formats.
    """
    paths = [path for one in arguments for path in _files_of(one, format)]
    seen: dict[str, str] = {}
    for path in paths:
        is_path = path != STANDARD_INPUT and not is_address(path)
        real = os.path.realpath(path) if is_path else path
        if real in seen:
            raise ValueError(
                f"The file {path} would be read twice (as {seen[real]}). Name each "
                "file once."
            )
        seen[real] = path
    return paths


def _files_of(argument: str, format: str | None) -> list[str]:
    """Files that one argument names."""
    if argument == STANDARD_INPUT:
        return [argument]
    if is_address(argument):
        return _files_at(argument, format)
    if os.path.isdir(argument):
        return _files_within(argument, sorted(_walk(argument)), format)
    if os.path.exists(argument) or not glob.has_magic(argument):
        check_file(argument)
        return [argument]
    found = _shown(argument, sorted(glob.glob(argument, recursive=True)))
    # A pattern with ** also matches the folders on the way to a file.
    files = [path for path in found if not os.path.isdir(path)]
    return files or [
        path for one in found for path in _files_within(one, sorted(_walk(one)), format)
    ]


def _files_at(address: str, format: str | None) -> list[str]:
    """Files that an address names."""
    if glob.has_magic(address):
        return _shown(address, matching_addresses(address))
    if not is_folder_address(address):
        return [address]
    everything = addresses_within(address, HIDDEN)
    return _files_within(address.rstrip("/"), everything, format)


def _shown(pattern: str, found: list[str]) -> list[str]:
    """The matches that are not hidden, unless the pattern is for hidden ones."""
    if not os.path.basename(pattern).startswith(HIDDEN):
        found = [one for one in found if not os.path.basename(one).startswith(HIDDEN)]
    if not found:
        raise FileNotFoundError(f"No file matches the pattern {pattern}.")
    return found


def _files_within(folder: str, everything: list[str], format: str | None) -> list[str]:
    """The documents among all files of a folder."""
    if format is not None:
        found = everything
    else:
        formats = {path: format_by_name(path) for path in everything}
        found = [path for path, name in formats.items() if name is not None]
        counts = Counter(formats[path] for path in found)
        if len(counts) > 1:
            kinds = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
            pattern = os.path.join(folder, "**", f"*{Path(found[0]).suffix}")
            raise ValueError(
                f"The folder {folder} has files of several formats: {kinds}. Name the "
                f"files with a pattern, such as '{pattern}'."
            )
    if not found:
        others = f" It has {', '.join(everything[:5])}." if everything else ""
        raise FileNotFoundError(
            f"The folder {folder} has no file whose name shows a format "
            f"({', '.join(SUFFIXES)}).{others}"
        )
    return found


def _walk(folder: str) -> Iterator[str]:
    """Yield all files within a folder, except hidden ones."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        for name in files:
            if not name.startswith(HIDDEN):
                yield os.path.join(parent, name)


def check_file(path: str | Path) -> None:
    """Refuse a path that is not a file or pipe.

    Parameters
    ----------
    path : str or Path
        The path.

    Raises
    ------
    FileNotFoundError
        If the path does not exist.
    IsADirectoryError
        If the path is a folder.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} is a folder. Name a file.")


def file_name(path: str) -> str:
    """Name of a file of documents in messages.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard input.

    Returns
    -------
    str
        The path, or ``'standard input'``.
    """
    return "standard input" if path == STANDARD_INPUT else path


def file_compression(path: str) -> str | None:
    """Compression of a file, by its name.

    Parameters
    ----------
    path : str
        The file; ``'-'``, standard input, has no name.

    Returns
    -------
    str or None
        A value of `COMPRESSIONS`, or None.
    """
    return COMPRESSIONS.get(Path(path).suffix.lower())


def format_by_name(path: str) -> str | None:
    """Format of a file, if its name shows it.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    str or None
        One of `FORMATS`, or None.
    """
    plain = Path(path) if file_compression(path) is None else Path(path).with_suffix("")
    return SUFFIXES.get(plain.suffix.lower())


def file_format(path: str) -> str:
    """Format of a file, by its name.

    Parameters
    ----------
    path : str
        The file; ``'-'`` is standard input.

    Returns
    -------
    str
        One of `FORMATS`.

    Raises
    ------
    ValueError
        If the name does not show the format.
    """
    if path == STANDARD_INPUT:
        raise ValueError(
            "Standard input has no file name to take the format from. Give it with "
            "--format: csv, tsv, jsonl, json or text."
        )
    format = format_by_name(path)
    if format is None:
        is_model = Path(path).suffix == ".sklux"
        raise ValueError(
            f"The file name {path} does not show the format. Give it with --format: "
            f"{', '.join(FORMATS)}."
            + (" Is it a model? Its place is before the documents." if is_model else "")
        )
    return format
