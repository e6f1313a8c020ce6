"""Row groups of Parquet files, and those that are damaged."""

from contextlib import nullcontext

import pyarrow
import pyarrow.parquet
import pytest

from sklux._commands.document_files import DocumentFile
from sklux._commands.row_groups import (
    DamagedRows,
    refuse_damage,
    row_group_batches,
    row_group_sizes,
)


@pytest.fixture
def file(tmp_path):
    """Row groups of 30, 30 and 10 rows."""
    path = tmp_path / "documents.parquet"
    table = pyarrow.table({"text": [f"text {i}" for i in range(70)], "id": range(70)})
    pyarrow.parquet.write_table(table, path, row_group_size=30)
    return DocumentFile(str(path), keep=["id"])


def test_row_group_sizes(file):
    assert row_group_sizes(file) == [30, 30, 10]


def test_row_group_batches(file):
    found = list(row_group_batches(file, [1, 2], 20, refuse_damage))
    assert [(row, batch.num_rows) for row, batch in found] == [
        *((30, 20), (50, 10), (60, 10))
    ]
    ids = [i for _, batch in found for i in batch["id"].to_pylist()]
    assert ids == list(range(30, 70))
    assert found[0][1].schema.names == ["text", "id"]


class Stops:
    """A Parquet file whose row groups end after a batch: early, or by an error."""

    def __init__(self, file, error):
        self.file, self.error, self.metadata = file, error, file.metadata

    def iter_batches(self, **options):
        yield next(self.file.iter_batches(**options))
        if self.error is not None:
            raise self.error


@pytest.fixture
def stopping(file, monkeypatch):
    """Make the file stop after the first batch of each row group."""
    opened = pyarrow.parquet.ParquetFile(file.path)

    def stop(error):
        stops = Stops(opened, error)
        monkeypatch.setattr(file, "parquet_file", lambda: nullcontext(stops))

    yield stop
    opened.close()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, "it ends before its last row"),
        (OSError("Corrupt snappy compressed data."), "Corrupt snappy compressed data"),
        (pyarrow.ArrowInvalid("bad page"), "bad page"),
    ],
)
def test_row_group_keeps_the_batches_before_the_damage(file, stopping, error, reason):
    stopping(error)
    damaged = []
    found = list(row_group_batches(file, [0, 1, 2], 20, damaged.append))
    assert [(row, batch.num_rows) for row, batch in found] == [
        *((0, 20), (30, 20), (60, 10))
    ]
    assert damaged == [
        DamagedRows(file.name, group, 30, 10, reason) for group in (0, 1)
    ]
    with pytest.raises(ValueError, match="Row group 0 of .* 10 of its 30 rows cannot"):
        list(row_group_batches(file, [0], 20, refuse_damage))


def test_row_group_errors_of_the_disk_are_no_damage(file, stopping):
    stopping(OSError(5, "Input/output error"))
    damaged = []
    with pytest.raises(OSError, match="Input/output error"):
        list(row_group_batches(file, [0], 20, damaged.append))
    assert damaged == []
