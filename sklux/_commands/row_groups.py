"""Row groups of a Parquet file, also of one that is damaged in places."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sklux._commands.document_files import DocumentFile
from sklux._commands.parquet_columns import column_at
from sklux._utils.optional import import_optional


@dataclass(frozen=True)
class DamagedRows:
    """Rows of a row group that cannot be read.

    Attributes
    ----------
    file : str
        Name of the file.
    row_group : int
        Number of the row group, from 0.
    n_rows : int
        Rows of the row group.
    n_lost : int
        Those that cannot be read.
    reason : str
        What pyarrow says.
    """

    file: str
    row_group: int
    n_rows: int
    n_lost: int
    reason: str

    def __str__(self) -> str:
        return (
            f"Row group {self.row_group} of {self.file} is damaged: {self.n_lost:,} of "
            f"its {self.n_rows:,} rows cannot be read ({self.reason})."
        )


def refuse_damage(rows: DamagedRows) -> None:
    """Raise the error for rows that cannot be read.

    Parameters
    ----------
    rows : DamagedRows
        The rows.

    Raises
    ------
    ValueError
        With the name of the file and the number of the row group.
    """
    raise ValueError(
        f"{rows} Write the file again, or leave these rows out with --skip-corrupt."
    )


def row_group_sizes(file: DocumentFile) -> list[int]:
    """Number of rows of each row group.

    Parameters
    ----------
    file : DocumentFile
        A Parquet file.

    Returns
    -------
    list of int
        The numbers, in order.

    Raises
    ------
    ValueError
        If the file cannot be read, or lacks a column.
    """
    with file.parquet_file() as opened:
        file.check_parquet(opened.schema_arrow)
        metadata = opened.metadata
        return [
            metadata.row_group(group).num_rows
            for group in range(metadata.num_row_groups)
        ]


def row_group_batches(
    file: DocumentFile,
    row_groups: Sequence[int],
    n_rows: int,
    damaged: Callable[[DamagedRows], None],
) -> Iterator[tuple[int, Any]]:
    """Read some row groups.

    Parameters
    ----------
    file : DocumentFile
        A Parquet file.
    row_groups : sequence of int
        Numbers of the row groups, ascending.
    n_rows : int
        Maximum number of rows of a batch.
    damaged : callable
        Is called with rows that cannot be read. They are left out if it returns.

    Yields
    ------
    row : int
        Number of the first row of the batch in the file.
    batch : pyarrow.RecordBatch
        The text, and the columns that are kept.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    arrow = import_optional("pyarrow", extra="cli", purpose="Reading Parquet")
    names = list(dict.fromkeys([file.column, *file.keep]))
    with file.parquet_file() as opened:
        sizes = [
            opened.metadata.row_group(group).num_rows
            for group in range(opened.metadata.num_row_groups)
        ]
        for group in row_groups:
            first, n_read = sum(sizes[:group]), 0
            found = opened.iter_batches(
                batch_size=n_rows, columns=names, row_groups=[group]
            )
            while n_read < sizes[group]:
                n_batch = sizes[group] - n_read
                try:
                    batch = next(found, None)
                    if batch is None:
                        raise arrow.ArrowInvalid("it ends before its last row")
                    n_batch = batch.num_rows
                    arrays = [column_at(batch, name) for name in names]
                    # Bytes that cannot be UTF-8 are damage, too.
                    arrays[0].validate(full=True)
                except (arrow.ArrowException, OSError) as error:
                    if getattr(error, "errno", None) is not None:
                        raise  # of the disk, and not of what is on it
                    reason = str(error).strip().rstrip(".")
                    facts = file.name, group, sizes[group], n_batch, reason
                    damaged(DamagedRows(*facts))
                else:
                    yield first + n_read, arrow.record_batch(arrays, names=names)
                n_read += n_batch
