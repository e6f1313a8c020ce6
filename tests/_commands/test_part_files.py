"""The files of a folder of parts."""

import numpy as np
import pyarrow
import pyarrow.dataset
import pytest

from sklux._commands.part_files import part_facts, part_writer


def batch_of(dtype, n_rows=2000, width=64):
    numbers = np.random.default_rng(0).integers(-127, 128, (n_rows, width))
    lists = pyarrow.FixedSizeListArray.from_arrays(
        pyarrow.array(numbers.astype(dtype).ravel()), width
    )
    return pyarrow.record_batch(
        {"id": pyarrow.array(range(n_rows)), "embedding": lists}
    )


@pytest.mark.parametrize("format", ["parquet", "arrow"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8"])
def test_part_files_hold_what_is_written(tmp_path, format, dtype):
    batch = batch_of(dtype)
    path = tmp_path / f"part.{format}"
    with part_writer(path, batch.schema, ["id"], format) as writer:
        assert not path.exists()
        for begin in (0, 700):
            writer.write_batch(batch.slice(begin, 700))
    table = pyarrow.dataset.dataset(path, format=format).to_table()
    assert table.combine_chunks().to_batches()[0].equals(batch.slice(0, 1400))
    n_rows, schema = part_facts(path, format)
    assert n_rows == 1400
    assert schema.equals(batch.schema)


def test_part_files_of_one_byte_a_number(tmp_path):
    """Parquet would store each int8 in four bytes."""
    batch = batch_of("int8")
    for format in ("parquet", "arrow"):
        path = tmp_path / f"part.{format}"
        with part_writer(path, batch.schema, ["id"], format) as writer:
            writer.write_batch(batch)
        assert path.stat().st_size < 1.3 * 2000 * (64 + 8)


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_part_files_after_an_error(tmp_path, format):
    batch = batch_of("int8")
    with (
        pytest.raises(OSError, match="full"),
        part_writer(tmp_path / "part", batch.schema, ["id"], format) as writer,
    ):
        writer.write_batch(batch)
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_part_files_that_are_damaged(tmp_path, format):
    path = tmp_path / "part"
    path.write_bytes(b"PAR1 or ARROW1")
    with pytest.raises(ValueError, match="part cannot be read: .* Delete it, and run"):
        part_facts(path, format)
