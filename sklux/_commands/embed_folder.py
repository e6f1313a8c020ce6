"""``sklux embed`` into a folder of parts, which goes on after a stop."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sklux._commands.addresses import is_address, size_at, version_at
from sklux._commands.console import Counter, counted, counting, note
from sklux._commands.document_files import DocumentFile, naming
from sklux._commands.embed import note_zeros
from sklux._commands.errors import saying_what_is_kept
from sklux._commands.inputs import DocumentSource, load_model
from sklux._commands.part_files import PartFormat, part_facts, part_writer
from sklux._commands.part_quantizer import (
    fit_quantizer,
    quantizer_as_json,
    quantizer_from_json,
)
from sklux._commands.parts import (
    COMPLETE,
    LEFT_OUT,
    QUANTIZER,
    Damaged,
    Part,
    open_folder,
    parts_of,
    write_manifest,
)
from sklux._commands.row_groups import DamagedRows, refuse_damage
from sklux._commands.vector_files import (
    VECTOR_COLUMN,
    cast_without_loss,
    check_kept,
)
from sklux._quantizer import ScalarQuantizer
from sklux._utils.model_file import header_digest
from sklux._utils.optional import import_optional
from sklux._utils.vector_column import VECTOR_TYPES, is_text_type
from sklux._vectorizer import LuxicalVectorizer
from sklux.arrow import BatchEmbedder


@dataclass(frozen=True)
class FolderOptions:
    """What is written into a folder of parts.

    Attributes
    ----------
    keep : sequence of str
        Columns to copy to the output.
    dtype : {'float32', 'float16', 'int8', 'ubinary'}
        Type of the numbers. `ScalarQuantizer` makes the last two.
    format : {'parquet', 'arrow'}
        Format of the parts.
    skip_corrupt : bool
        Whether damaged rows of Parquet files are left out, and not an error.
    """

    keep: Sequence[str] = ()
    dtype: Literal["float32", "float16", "int8", "ubinary"] = "float32"
    format: PartFormat = "parquet"
    skip_corrupt: bool = False


def embed_into_folder(
    model_path: Path,
    source: DocumentSource,
    folder: Path,
    options: FolderOptions,
    quiet: bool,
) -> int:
    """Embed the documents of files into a folder of parts.

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
    options : FolderOptions
        What is written.
    quiet : bool
        Whether to print no progress or notes.

    Returns
    -------
    int
        Number of damaged rows that were left out, also by earlier runs.

    Raises
    ------
    ValueError
        If the folder holds other files, or parts of another run.
    OSError
        If a part cannot be written. The complete parts stay.
    """
    check_kept("parquet", options.keep)
    files = source.open(options.keep).files
    _check_readable(files)
    wanted = _manifest(model_path, source, options)
    types = _kept_types(files)
    with naming(str(folder)):
        manifest = open_folder(folder, wanted)
    model = load_model(model_path)
    run = _Run(folder, options, manifest, types, quiet)
    run.use(model, source, files)
    with (
        counting("embedding", quiet) as counter,
        saying_what_is_kept(run.kept_in_words),
    ):
        run.make_all(files, counter)
    run.finish(counter)
    return sum(manifest[LEFT_OUT].values())


def _check_readable(files: Sequence[DocumentFile]) -> None:
    """Refuse pipes, and columns that hold no text."""
    if len(files) == 1 and files[0].is_regular:
        files[0].check()
    for file in files:
        kind = file.types([file.column]).get(file.column)
        if kind is not None and not is_text_type(kind):
            raise ValueError(
                f"The column {file.column!r} of {file.name} has the type {kind}, and "
                "must hold text. Name another column with --column."
            )
        if not file.is_regular:
            raise ValueError(
                f"{file.name} cannot be embedded into a folder, because a pipe cannot "
                "be read again after a stop. Write it to a file first, or name an "
                "output file."
            )


def _kept_types(files: Sequence[DocumentFile]) -> Any:
    """Schema of the kept columns that holds the values of all files.

    None if a file does not declare types: the first batch has them then.
    """
    if not files or any(file.format != "parquet" for file in files):
        return None
    arrow = import_optional("pyarrow", extra="cli", purpose="Reading Parquet")
    common = None
    for file in files:
        own = arrow.schema(list(file.kept_types().items()))
        if common is None:
            common = own
        try:
            schemas = [common, own]
            common = arrow.unify_schemas(schemas, promote_options="permissive")
        except arrow.ArrowException as error:
            raise _changed_type(file.name, error) from error
    return common


def _changed_type(name: str, error: Exception) -> ValueError:
    """Make the error for a kept column whose types do not fit together."""
    return ValueError(
        f"A kept column changes its type in {name}: {error}. Leave out the column, or "
        "give all files the same types."
    )


def _manifest(
    model_path: Path, source: DocumentSource, folder_options: FolderOptions
) -> dict[str, Any]:
    """Everything that the parts depend on; the names are words for messages."""
    options = source.options
    return {
        "model": header_digest(model_path),
        "input": [_version_of(path) for path in source.paths],
        "version of sklux": version("sklux"),
        "column": options.column,
        "kept columns": list(folder_options.keep),
        "type of numbers": folder_options.dtype,
        "format of parts": folder_options.format,
        "rule for damaged rows": "skip" if folder_options.skip_corrupt else "error",
        "format": options.format,
        "encoding": options.encoding,
        "delimiter": options.delimiter,
        "quotes": options.quotes,
        "rule for missing documents": source.null_documents,
    }


def _version_of(path: str) -> list[Any]:
    """Name, size and version of a file: the version changes if the file changes."""
    if is_address(path):
        return [path, size_at(path), version_at(path)]
    status = os.stat(path)
    return [os.path.abspath(path), status.st_size, status.st_mtime_ns]


class _Run:
    """The parts of one run, and what is in them."""

    embedder: BatchEmbedder

    def __init__(
        self,
        folder: Path,
        options: FolderOptions,
        manifest: dict[str, Any],
        schema: Any,
        quiet: bool,
    ):
        self.folder, self.options, self.quiet = folder, options, quiet
        self.manifest = manifest
        self.arrow = import_optional("pyarrow", extra="cli", purpose="Writing vectors")
        self.quantizer: ScalarQuantizer | None = None
        # Schema of the kept columns; if it is None, the first batch has it.
        self.schema = schema
        self.damaged: list[DamagedRows] = []
        self.n_before = self.n_parts = self.n_missing = self.n_zero = 0

    def use(
        self,
        model: LuxicalVectorizer,
        source: DocumentSource,
        files: Sequence[DocumentFile],
    ) -> None:
        """Take a model, and the quantizer of the folder; fit it if there is none."""
        is_quantized = self.options.dtype not in VECTOR_TYPES
        self.embedder = BatchEmbedder(
            model,
            column=source.options.column,
            output_column=VECTOR_COLUMN,
            columns=list(self.options.keep),
            dtype="float32" if is_quantized else self.options.dtype,  # type: ignore[arg-type]
            null_documents=source.null_documents,
        )
        if not is_quantized:
            return
        if QUANTIZER not in self.manifest:
            fitted = fit_quantizer(self.options.dtype, model, files)
            if fitted is None:
                return
            # No part is made before the quantizer is stored.
            self.manifest[QUANTIZER] = quantizer_as_json(fitted)
            write_manifest(self.folder, self.manifest)
        self.quantizer = quantizer_from_json(self.manifest[QUANTIZER])

    def make_all(self, files: Sequence[DocumentFile], counter: Counter) -> None:
        """Make the parts that are missing."""
        try:
            for part in parts_of(files, self.options.format):
                self.make(part, counter)
        except (OSError, ValueError) as error:
            if self.n_parts:
                error.add_note(self.kept_in_words())
            raise

    def finish(self, counter: Counter) -> None:
        """Note what is in the folder."""
        if not self.manifest[COMPLETE]:
            self.manifest[COMPLETE] = True
            write_manifest(self.folder, self.manifest)
        if self.n_before:
            before = counted(self.n_before, "document")
            note(f"{before} of an earlier run were there already.", self.quiet)
        note(f"{counter.summary()}.", self.quiet)
        note_zeros(self.n_missing, self.n_zero - self.n_missing, self.quiet)
        n_left_out = sum(self.manifest[LEFT_OUT].values())
        if n_left_out:
            rows = counted(n_left_out, "damaged row")
            note(f"{rows} of the inputs were left out.", self.quiet)

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
            n_rows, schema = part_facts(path, self.options.format)
            self.n_before += n_rows
            if self.schema is None:
                kept = [field for field in schema if field.name in self.options.keep]
                self.schema = self.arrow.schema(kept)
        else:
            with ExitStack() as stack:
                reader = stack.enter_context(ThreadPoolExecutor(1))
                writer = stack.enter_context(ThreadPoolExecutor(1))
                self._write(part, path, reader, writer, counter)
        self.n_parts += 1

    def _left_out(self, rows: DamagedRows) -> None:
        """Refuse rows that cannot be read, or remember them."""
        if not self.options.skip_corrupt:
            refuse_damage(rows)
        self.damaged.append(rows)

    def _record_damage(self, part: Part) -> None:
        """Store how many rows a part lacks, before it exists."""
        n_lost = sum(rows.n_lost for rows in self.damaged)
        for rows in self.damaged:
            note(f"{rows} They are left out.", self.quiet)
        self.damaged = []
        if self.manifest[LEFT_OUT].get(part.name, 0) != n_lost:
            self.manifest[LEFT_OUT][part.name] = n_lost
            write_manifest(self.folder, self.manifest)

    def _write(
        self,
        part: Part,
        path: Path,
        reader: ThreadPoolExecutor,
        writer: ThreadPoolExecutor,
        counter: Counter,
    ) -> None:
        """Read, embed and write the rows of a part, each in its own thread."""
        written: list[Future[Any]] = []
        with ExitStack() as stack, naming(str(self.folder)):
            file: Any = None
            for row, batch in _one_ahead(part, self._left_out, reader):
                result = self._embedded(batch, part, row)
                if file is None:
                    options = self.options
                    file = stack.enter_context(
                        part_writer(path, result.schema, options.keep, options.format)
                    )
                    # After an error, too, the file is closed when nobody writes to it.
                    stack.callback(wait, written)
                if written:
                    written.pop().result()
                written.append(writer.submit(file.write_batch, result))
                counter.add(batch.num_rows, None)
            if written:
                written.pop().result()
            self._record_damage(part)

    def _embedded(self, batch: Any, part: Part, row: int) -> Any:
        """A batch with its vectors, and with the types of all batches."""
        texts = batch.column(self.embedder.column)
        if texts.null_count:
            self._check_missing(texts, part, row)
        result = self.embedder(batch)
        vectors = result.column(result.num_columns - 1)
        numbers = np.asarray(vectors.values).reshape(result.num_rows, -1)
        self.n_missing += texts.null_count
        self.n_zero += int(np.count_nonzero(~numbers.any(axis=1)))
        if self.quantizer is not None:
            result = self._quantized(result, numbers)
        kept = result.schema.remove(result.num_columns - 1).remove_metadata()
        if self.schema is None:
            self.schema = kept
        return result if kept.equals(self.schema) else self._cast(result, part)

    def _quantized(self, result: Any, numbers: np.ndarray) -> Any:
        """A batch with small numbers in place of the vectors."""
        small = self.quantizer.transform(numbers)  # type: ignore[union-attr]
        lists = self.arrow.FixedSizeListArray.from_arrays(
            self.arrow.array(small.ravel()), small.shape[1]
        )
        columns = [*result.columns[:-1], lists]
        return self.arrow.record_batch(columns, names=result.schema.names)

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
            raise _changed_type(part.source.name, error) from error


def _one_ahead(
    part: Part, damaged: Damaged, reader: ThreadPoolExecutor
) -> Iterator[tuple[int, Any]]:
    """Yield the batches of a part while a thread reads the next one."""
    batches = part.batches(damaged)

    def next_batch() -> tuple[int, Any] | None:
        with naming(part.source.name):
            return next(batches, None)

    coming = reader.submit(next_batch)
    while (item := coming.result()) is not None:
        coming = reader.submit(next_batch)
        yield item
