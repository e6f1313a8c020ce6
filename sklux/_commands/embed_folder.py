"""``sklux embed`` into a folder of Parquet parts, which goes on after a stop."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sklux._commands.console import Counter, counted, counting, note
from sklux._commands.document_files import naming
from sklux._commands.embed import note_zeros
from sklux._commands.errors import saying_what_is_kept
from sklux._commands.inputs import DocumentSource, load_model
from sklux._commands.parts import (
    Part,
    open_folder,
    part_writer,
    parts_of,
    write_manifest,
)
from sklux._commands.vector_files import (
    VECTOR_COLUMN,
    cast_without_loss,
    check_kept,
)
from sklux._utils.model_file import header_digest
from sklux._utils.optional import import_optional
from sklux.arrow import BatchEmbedder


def embed_into_folder(
    model_path: Path,
    source: DocumentSource,
    folder: Path,
    keep: Sequence[str],
    dtype: Literal["float32", "float16"],
    quiet: bool,
) -> None:
    """Embed the documents of files into a folder of Parquet parts.

    Reading, embedding and writing overlap. Memory does not grow with the files. Parts
    that exist already, of a run that was stopped, are not made again.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        The documents, in files that can be read again.
    folder : Path
        The folder.
    keep : sequence of str
        Columns to copy to the output.
    dtype : {'float32', 'float16'}
        Type of the numbers.
    quiet : bool
        Whether to print no progress or notes.

    Raises
    ------
    ValueError
        If the folder holds other files, or parts of another run.
    """
    check_kept("parquet", keep)
    files = source.open(keep)
    for file in files.files:
        if not file.is_regular:
            raise ValueError(
                f"{file.name} cannot be embedded into a folder, because a pipe cannot "
                "be read again after a stop. Write it to a file first, or name an "
                "output file."
            )
    manifest = _manifest(model_path, source, keep, dtype)
    with naming(str(folder)):
        is_complete = open_folder(folder, manifest)
    embedder = BatchEmbedder(
        load_model(model_path),
        column=source.options.column,
        output_column=VECTOR_COLUMN,
        columns=list(keep),
        dtype=dtype,
        null_documents=source.null_documents,
    )
    run = _Run(embedder, keep, folder)
    with (
        counting("embedding", quiet) as counter,
        saying_what_is_kept(run.kept_in_words),
    ):
        for part in parts_of(files.files):
            run.make(part, counter)
    if not is_complete:
        write_manifest(folder, manifest, is_complete=True)
    if run.n_before:
        before = counted(run.n_before, "document")
        note(f"{before} of an earlier run were there already.", quiet)
    note(f"{counter.summary()}.", quiet)
    note_zeros(run.n_missing, run.n_zero - run.n_missing, quiet)


def _manifest(
    model_path: Path, source: DocumentSource, keep: Sequence[str], dtype: str
) -> dict[str, Any]:
    """Everything that the parts depend on; the names are words for messages."""
    options = source.options
    inputs = []
    for path in source.paths:
        status = os.stat(path)
        inputs.append([os.path.abspath(path), status.st_size, status.st_mtime_ns])
    return {
        "model": header_digest(model_path),
        "input": inputs,
        "version of sklux": version("sklux"),
        "column": options.column,
        "kept columns": list(keep),
        "type of numbers": dtype,
        "format": options.format,
        "encoding": options.encoding,
        "delimiter": options.delimiter,
        "quotes": options.quotes,
        "rule for missing documents": source.null_documents,
    }


class _Run:
    """The parts of one run, and what is in them."""

    def __init__(self, embedder: BatchEmbedder, keep: Sequence[str], folder: Path):
        self.embedder, self.keep, self.folder = embedder, list(keep), folder
        self.arrow = import_optional("pyarrow", extra="cli", purpose="Writing Parquet")
        self.parquet = import_optional(
            "pyarrow.parquet", extra="cli", purpose="Writing Parquet"
        )
        # Schema of the batches, as the first one has it; all parts have the same.
        self.schema: Any = None
        self.n_before = self.n_parts = self.n_missing = self.n_zero = 0

    def kept_in_words(self) -> str:
        """What a run that was stopped has kept."""
        parts = counted(self.n_parts, "part")
        return (
            f"{parts} in {self.folder} are complete. The same command makes the others."
        )

    def make(self, part: Part, counter: Counter) -> None:
        """Make a part, unless it is there."""
        path = self.folder / part.name
        if path.exists():
            self._take(path)
        else:
            with naming(part.source.name), ExitStack() as stack:
                reader = stack.enter_context(ThreadPoolExecutor(1))
                writer = stack.enter_context(ThreadPoolExecutor(1))
                self._write(part, path, reader, writer, counter)
        self.n_parts += 1

    def _take(self, path: Path) -> None:
        """Count a part of an earlier run, and use its schema."""
        try:
            with self.parquet.ParquetFile(path) as file:
                self.n_before += file.metadata.num_rows
                found = file.schema_arrow
        except (self.arrow.ArrowException, OSError) as error:
            raise ValueError(
                f"The part {path} cannot be read: {error}. Delete it, and run the "
                "command again."
            ) from error
        if self.schema is None:
            kept = [field for field in found if field.name in self.keep]
            self.schema = self.arrow.schema(kept)

    def _write(
        self,
        part: Part,
        path: Path,
        reader: ThreadPoolExecutor,
        writer: ThreadPoolExecutor,
        counter: Counter,
    ) -> None:
        """Read, embed and write the rows of a part, each in its own thread."""
        row = part.first_row
        written: list[Future[Any]] = []
        with ExitStack() as stack:
            file: Any = None
            for batch in _one_ahead(part.batches(), reader):
                result = self._embedded(batch, part, row)
                row += batch.num_rows
                if file is None:
                    context = part_writer(path, result.schema, self.keep)
                    file = stack.enter_context(context)
                    # After an error, too, the file is closed when nobody writes to it.
                    stack.callback(wait, written)
                if written:
                    written.pop().result()
                written.append(writer.submit(file.write_batch, result))
                counter.add(batch.num_rows, None)
            if written:
                written.pop().result()

    def _embedded(self, batch: Any, part: Part, row: int) -> Any:
        """A batch with its vectors, and with the types of the first batch."""
        texts = batch.column(self.embedder.column)
        if texts.null_count:
            self._check_missing(texts, part, row)
        result = self.embedder(batch)
        vectors = result.column(result.num_columns - 1)
        numbers = np.asarray(vectors.values).reshape(result.num_rows, -1)
        self.n_missing += texts.null_count
        self.n_zero += int(np.count_nonzero(~numbers.any(axis=1)))
        kept = result.schema.remove(result.num_columns - 1).remove_metadata()
        if self.schema is None:
            self.schema = kept
        if kept.equals(self.schema):
            return result
        return self._cast(result, part)

    def _check_missing(self, texts: Any, part: Part, row: int) -> None:
        """Refuse a missing document, unless it is read as an empty text."""
        embedder = self.embedder
        rule = embedder.null_documents or embedder.model.null_documents
        if rule == "error":
            row += int(np.flatnonzero(np.asarray(texts.is_null()))[0])
            raise part.source.missing(row)

    def _cast(self, result: Any, part: Part) -> Any:
        """Convert the kept columns to the types of the first batch, without loss."""
        schema = self.schema.append(result.schema.field(result.num_columns - 1))
        try:
            return cast_without_loss(self.arrow, result, schema)
        except self.arrow.ArrowException as error:
            raise ValueError(
                f"A kept column changes its type in {part.source.name}: {error}. Leave "
                "out the column, or give all files the same types."
            ) from error


def _one_ahead(items: Iterator[Any], reader: ThreadPoolExecutor) -> Iterator[Any]:
    """Yield items while a thread makes the next one."""
    end = object()
    coming = reader.submit(next, items, end)
    while (item := coming.result()) is not end:
        coming = reader.submit(next, items, end)
        yield item
