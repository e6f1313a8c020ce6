"""The files of a folder of parts: Parquet, or Arrow's own format."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from sklux._commands.vector_files import VECTOR_COLUMN
from sklux._utils.optional import import_optional
from sklux._utils.output_file import replaced_when_whole

# The names of the formats are the suffixes of their files.
PartFormat: TypeAlias = Literal["parquet", "arrow"]
NUMBERS_AT_A_TIME = 65_536


@contextmanager
def part_writer(
    path: Path, schema: Any, plain: Sequence[str], format: PartFormat
) -> Iterator[Any]:
    """Open a part; it gets its name when the context ends without an exception.

    Parameters
    ----------
    path : Path
        The part.
    schema : pyarrow.Schema
        Its schema; the vectors are the last column.
    plain : sequence of str
        Columns whose values may repeat. Vectors of floats are not among them: a search
        for repeated numbers would take longer than the vectors.
    format : {'parquet', 'arrow'}
        Format of the file.

    Yields
    ------
    object
        Its method ``write_batch`` writes a record batch.
    """
    writer = _arrow_writer if format == "arrow" else _parquet_writer
    with replaced_when_whole(path) as file, writer(file, schema, plain) as opened:
        yield opened


class PartFile:
    """The part that is being written, one after the other.

    When the context ends with an exception, what there is of a part is removed.

    Parameters
    ----------
    plain : sequence of str
        As in `part_writer`.
    format : {'parquet', 'arrow'}
        Format of the files.
    """

    def __init__(self, plain: Sequence[str], format: PartFormat):
        self._plain, self._format = plain, format
        self._stack = ExitStack()
        self._file: Any = None

    def __enter__(self) -> Self:
        return self

    def write(self, path: Path, batch: Any) -> None:
        """Write rows.

        Parameters
        ----------
        path : Path
            The part. It is opened if no part is open.
        batch : pyarrow.RecordBatch
            Its next rows.
        """
        if self._file is None:
            opened = part_writer(path, batch.schema, self._plain, self._format)
            self._file = self._stack.enter_context(opened)
        self._file.write_batch(batch)

    def end(self) -> None:
        """Give the part its name, if one is open."""
        self._file = None
        self._stack.close()

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)


@contextmanager
def _arrow_writer(file: Path, schema: Any, plain: Sequence[str]) -> Iterator[Any]:
    """A writer of Arrow's format; it stores the columns as they are in memory."""
    arrow = import_optional("pyarrow", extra="cli", purpose="Writing Arrow")
    with arrow.OSFile(str(file), "wb") as sink, arrow.ipc.new_file(sink, schema) as one:
        yield one


def _parquet_writer(file: Path, schema: Any, plain: Sequence[str]) -> Any:
    """A writer of Parquet, which is a context."""
    parquet = import_optional("pyarrow.parquet", extra="cli", purpose="Writing Parquet")
    repeated = list(plain)
    if schema.field(VECTOR_COLUMN).type.value_type.bit_width == 8:
        # Parquet has no type of one byte: without a dictionary a number takes four.
        repeated.append(f"{VECTOR_COLUMN}.list.element")
    return parquet.ParquetWriter(
        file,
        schema,
        use_dictionary=repeated,
        write_statistics=list(plain),
        # Arrow encodes so many numbers at a time: a batch of vectors has millions.
        write_batch_size=NUMBERS_AT_A_TIME,
    )


def part_facts(path: Path, format: PartFormat) -> tuple[int, Any]:
    """Return the number of rows of a part, and its schema.

    Parameters
    ----------
    path : Path
        The part.
    format : {'parquet', 'arrow'}
        Its format.

    Returns
    -------
    n_rows : int
        Number of rows.
    schema : pyarrow.Schema
        Its schema.

    Raises
    ------
    ValueError
        If the part cannot be read.
    """
    with _opened(path, format, "the command") as file:
        if format == "parquet":
            return file.metadata.num_rows, file.schema_arrow
        batches = map(file.get_batch, range(file.num_record_batches))
        return sum(batch.num_rows for batch in batches), file.schema


def part_batches(
    path: Path, format: PartFormat, columns: Sequence[str]
) -> Iterator[Any]:
    """Read a part.

    Parameters
    ----------
    path : Path
        The part.
    format : {'parquet', 'arrow'}
        Its format.
    columns : sequence of str
        The columns to read.

    Yields
    ------
    pyarrow.RecordBatch
        Its rows, in order.

    Raises
    ------
    ValueError
        If the part cannot be read.
    """
    with _opened(path, format, "sklux embed") as file:
        if format == "parquet":
            yield from file.iter_batches(batch_size=10_000, columns=list(columns))
            return
        for number in range(file.num_record_batches):
            yield file.get_batch(number).select(list(columns))


@contextmanager
def _opened(path: Path, format: PartFormat, command: str) -> Iterator[Any]:
    """The reader of a part; the command is named if the part cannot be read."""
    arrow = import_optional("pyarrow", extra="cli", purpose="Reading parts")
    try:
        if format == "arrow":
            with arrow.memory_map(str(path)) as source:
                yield arrow.ipc.open_file(source)
            return
        parquet = import_optional(
            "pyarrow.parquet", extra="cli", purpose="Reading Parquet"
        )
        with parquet.ParquetFile(path) as file:
            yield file
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(
            f"The part {path} cannot be read: {error}. Delete it, and run {command} "
            "again."
        ) from error
