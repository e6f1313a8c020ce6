"""A folder of parts, written one by one, so that a stopped run goes on.

A part holds the rows of a fixed range of an input: whole row groups of a Parquet file,
or a fixed number of rows of another file. It gets its name when it is complete. So the
parts that exist after a kill or a power cut are whole, and the same command makes the
others. The manifest, a JSON file, names the model, the inputs and the options; parts of
another model, of other inputs or with other options are refused. It also holds the
state of the run: whether all parts exist, the quantizer, and which rows are left out.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, TypeAlias

from sklux._commands.document_files import DocumentFile, pieces
from sklux._commands.part_files import PartFormat
from sklux._commands.row_groups import (
    DamagedRows,
    row_group_batches,
    row_group_sizes,
)
from sklux._commands.vector_files import kept_column
from sklux._utils.optional import import_optional
from sklux._utils.output_file import replaced_when_whole
from sklux._utils.text import replace_surrogates

# Data readers, such as pyarrow.dataset and Spark, skip names that begin so.
MANIFEST = "_sklux.json"
# Rows of a part of a file without row groups, and least rows of a part of a Parquet
# file, if it has so many. It is also the largest number of rows that is lost by a kill.
PART_ROWS = 100_000
# Rows that are read and embedded at a time.
BATCH_ROWS = 10_000
# Called with rows that cannot be read; they are left out if it returns.
Damaged: TypeAlias = Callable[[DamagedRows], None]
# Record batches, and the number of the first row of each in its file.
Batches: TypeAlias = Iterator[tuple[int, Any]]
# Entries of the manifest that change while the parts are made.
COMPLETE, QUANTIZER, LEFT_OUT = "is_complete", "quantizer", "rows left out"


@dataclass(frozen=True)
class Part:
    """A part of the output, and how its rows are read.

    Attributes
    ----------
    name : str
        Name of its file, in the order of the rows.
    source : DocumentFile
        The file of the rows.
    batches : callable
        Takes what is called with damaged rows. Returns an iterator over the record
        batches of its rows, with the number of the first row of each in the file.
    """

    name: str
    source: DocumentFile
    batches: Callable[[Damaged], Batches]


def is_folder(output: str) -> bool:
    """Whether an output is a folder of parts: it exists, or its name ends with a slash.

    Parameters
    ----------
    output : str
        The output.

    Returns
    -------
    bool
        False for files.
    """
    ends = (os.sep, "/")
    return output.endswith(ends) or Path(output).is_dir()


def open_folder(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Make a folder for parts, or check that its parts belong to the same run.

    Parameters
    ----------
    folder : Path
        The folder. Its parent must exist.
    manifest : mapping
        Everything that the parts depend on, as JSON can hold it.

    Returns
    -------
    dict
        The manifest with the state of the run, as it is in the folder.

    Raises
    ------
    FileNotFoundError
        If the parent does not exist.
    ValueError
        If the folder holds other files, or parts of another run.
    """
    if not folder.parent.is_dir():
        raise FileNotFoundError(
            f"The output folder {folder} cannot be made: the folder {folder.parent} "
            "does not exist. Create it first."
        )
    folder.mkdir(exist_ok=True)
    for left in folder.glob(".*.partial"):
        # A run that was killed has left it.
        left.unlink(missing_ok=True)
    path = folder / MANIFEST
    if not path.exists():
        if any(folder.iterdir()):
            raise ValueError(
                f"The output folder {folder} is not empty, and its files are not parts "
                "that sklux embed has written. Name a new folder."
            )
        begun = {**manifest, LEFT_OUT: {}, COMPLETE: False}
        write_manifest(folder, begun)
        return begun
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        _ = found[LEFT_OUT].items(), found[COMPLETE]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"The manifest {path} is damaged: {error!r}. Name a new folder."
        ) from error
    for name, wanted in json.loads(json.dumps(manifest)).items():
        if found.get(name) != wanted:
            raise ValueError(
                f"The output folder {folder} holds parts of another run: its {name} "
                f"{_change(found.get(name), wanted)}. Name a new folder, or delete "
                "this one."
            )
    return found


def _change(before: Any, now: Any) -> str:
    """What differs between two entries of a manifest."""
    if isinstance(before, list) and isinstance(now, list):
        differs = [pair for pair in zip(before, now) if pair[0] != pair[1]]
        if not differs:
            return f"were {len(before)}, and are {len(now)} now"
        before, now = differs[0]
    return f"was {before!r}, and is {now!r} now"


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a folder of parts.

    Parameters
    ----------
    folder : Path
        The folder.
    manifest : mapping
        Everything that the parts depend on, and the state of the run.
    """
    with replaced_when_whole(folder / MANIFEST) as file:
        file.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def parts_of(files: Sequence[DocumentFile], format: PartFormat) -> Iterator[Part]:
    """Divide files into parts, in the order of their rows.

    Parameters
    ----------
    files : sequence of DocumentFile
        The files; each can be read again.
    format : {'parquet', 'arrow'}
        Format of the parts.

    Yields
    ------
    Part
        The parts. A part must be read, or left unread, before the next one is taken.
    """
    for number, file in enumerate(files):
        if file.format != "parquet" and file.is_empty:
            continue
        divide = _row_groups if file.format == "parquet" else _row_ranges
        for place, batches in enumerate(divide(file)):
            yield Part(f"part-{number:05d}-{place:05d}.{format}", file, batches)


def _row_groups(file: DocumentFile) -> Iterator[Callable[[Damaged], Batches]]:
    """Consecutive row groups of a Parquet file, PART_ROWS rows or more a part."""
    groups: list[int] = []
    n_rows = 0
    for group, size in enumerate(row_group_sizes(file)):
        groups.append(group)
        n_rows += size
        if n_rows >= PART_ROWS:
            yield partial(row_group_batches, file, groups, BATCH_ROWS)
            groups, n_rows = [], 0
    if n_rows:
        yield partial(row_group_batches, file, groups, BATCH_ROWS)


def _row_ranges(file: DocumentFile) -> Iterator[Callable[[Damaged], Batches]]:
    """Ranges of PART_ROWS rows of a file that has no row groups."""
    rows = file.rows()
    for place in count():
        first = next(rows, None)
        if first is None:
            return
        own = chain([first], islice(rows, PART_ROWS - 1))
        yield partial(_batches, own, file, place * PART_ROWS)
        # The rows of a part that was not read.
        for _ in own:
            pass


def _batches(
    rows: Iterator[tuple], file: DocumentFile, first_row: int, damaged: Damaged
) -> Batches:
    """Record batches of rows: the text, and the columns that are kept.

    These files have no rows that could be left out: what is damaged ends the run.
    """
    arrow = import_optional("pyarrow", extra="cli", purpose="Writing Parquet")
    for piece in pieces(rows, file.keep, BATCH_ROWS):
        texts: list[str | None] = [replace_surrogates(text) for text in piece.documents]
        for row in piece.missing:
            texts[row] = None
        columns = {file.column: arrow.array(texts, arrow.large_string())}
        for name in file.keep:
            if name != file.column:
                columns[name] = kept_column(arrow, name, piece.kept[name])
        yield first_row, arrow.record_batch(columns)
        first_row += len(texts)
