"""``sklux embed`` into a folder of parts, which goes on after a stop."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
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
from sklux._commands.overlap import WriterThread, in_order
from sklux._commands.part_files import PartFile, PartFormat, part_facts
from sklux._commands.part_quantizer import (
    fit_quantizer,
    quantizer_as_json,
    quantizer_from_json,
)
from sklux._commands.parts import (
    COMPLETE,
    LEFT_OUT,
    QUANTIZER,
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
from sklux._utils.threads import thread_count
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


@dataclass(frozen=True)
class _Rows:
    """Rows of a part; without a batch, its end."""

    part: Part
    row: int = 0
    batch: Any = None
    damaged: Sequence[DamagedRows] = ()
    exists: bool = False


@dataclass(frozen=True)
class _Result:
    """A batch with its vectors, and its numbers of missing texts and zero vectors."""

    batch: Any
    n_missing: int
    n_zero: int


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
            # A batch is the work of one thread.
            n_jobs=1,
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
        """Make the parts that are missing. Reading, embedding and writing overlap."""
        options = self.options
        try:
            # After an error, the writer ends first. Then its open part is removed.
            with (
                PartFile(options.keep, options.format) as file,
                WriterThread() as writer,
            ):
                made = in_order(self._read(files), self._made, thread_count(-1))
                with closing(made):
                    for item, result in made:
                        if result is None:
                            self._end(item)
                            writer.submit(self._complete, file)
                            continue
                        batch = self._fitting(result, item.part)
                        writer.submit(self._write, file, item.part, batch)
                        counter.add(batch.num_rows, None)
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

    def _read(self, files: Sequence[DocumentFile]) -> Iterator[_Rows]:
        """Yield the rows of the parts that are missing, and the end of each part."""
        for part in parts_of(files, self.options.format):
            damaged: list[DamagedRows] = []
            exists = (self.folder / part.name).exists()
            if not exists:
                batches = part.batches(partial(self._left_out, damaged))
                with naming(part.source.name):
                    for row, batch in batches:
                        yield _Rows(part, row, batch)
            yield _Rows(part, damaged=damaged, exists=exists)

    def _left_out(self, damaged: list[DamagedRows], rows: DamagedRows) -> None:
        """Refuse rows that cannot be read, or remember them."""
        if not self.options.skip_corrupt:
            refuse_damage(rows)
        damaged.append(rows)

    def _end(self, rows: _Rows) -> None:
        """Store what is known of a part before it exists."""
        if rows.exists:
            path = self.folder / rows.part.name
            n_rows, schema = part_facts(path, self.options.format)
            self.n_before += n_rows
            if self.schema is None:
                kept = [field for field in schema if field.name in self.options.keep]
                self.schema = self.arrow.schema(kept)
            return
        for one in rows.damaged:
            note(f"{one} They are left out.", self.quiet)
        n_lost = sum(one.n_lost for one in rows.damaged)
        if self.manifest[LEFT_OUT].get(rows.part.name, 0) != n_lost:
            self.manifest[LEFT_OUT][rows.part.name] = n_lost
            write_manifest(self.folder, self.manifest)

    def _write(self, file: PartFile, part: Part, batch: Any) -> None:
        """Write rows, in the thread of the writer."""
        with naming(str(self.folder)):
            file.write(self.folder / part.name, batch)

    def _complete(self, file: PartFile) -> None:
        """End a part, in the thread of the writer."""
        with naming(str(self.folder)):
            file.end()
        self.n_parts += 1

    def _made(self, rows: _Rows) -> _Result | None:
        """Embed rows, in one of many threads."""
        if rows.batch is None:
            return None
        texts = rows.batch.column(self.embedder.column)
        if texts.null_count:
            self._check_missing(texts, rows.part, rows.row)
        batch = self.embedder(rows.batch)
        vectors = batch.column(batch.num_columns - 1)
        numbers = np.asarray(vectors.values).reshape(batch.num_rows, -1)
        # Few vectors begin with zero. Only these are looked at in whole.
        begin_with_zero = numbers[numbers[:, 0] == 0]
        n_zero = np.count_nonzero(~begin_with_zero.any(axis=1))
        if self.quantizer is not None:
            batch = self._quantized(batch, numbers)
        return _Result(batch, texts.null_count, int(n_zero))

    def _fitting(self, result: _Result, part: Part) -> Any:
        """Count the rows of a batch, and give it the types of all batches."""
        self.n_missing += result.n_missing
        self.n_zero += result.n_zero
        batch = result.batch
        kept = batch.schema.remove(batch.num_columns - 1).remove_metadata()
        if self.schema is None:
            self.schema = kept
        return batch if kept.equals(self.schema) else self._cast(batch, part)

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
