"""A column of vectors that is added to Arrow batches with a column of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from sklux._utils.optional import import_optional
from sklux._utils.tables import check_arrow, is_batch_stream

# A record batch, or a table; the result is of the same kind.
Batch = TypeVar("Batch")
VECTOR_TYPES = ("float32", "float16")


class VectorColumn:
    """Which column of a batch holds the texts, and what the result consists of.

    Parameters
    ----------
    owner : str
        The class or function with these parameters, for messages.
    column : str
        Column of the texts: strings of any Arrow type, also as a dictionary.
    output_column : str
        Name of the vectors' column, which comes last.
    columns : sequence of str or None
        Columns to pass through, in this order. None means all, with the text.
    dtype : {'float32', 'float16'}
        Type of the numbers.

    Raises
    ------
    ValueError
        If the vectors' column has the name of a column that is passed through.
    """

    def __init__(
        self,
        owner: str,
        column: str,
        output_column: str,
        columns: Sequence[str] | None,
        dtype: str,
    ):
        self.owner, self.column, self.output_column = owner, column, output_column
        self.columns, self.dtype = None if columns is None else list(columns), dtype
        if output_column in self._kept_of([column] if columns is None else columns):
            raise ValueError(
                f"The 'output_column' parameter of {owner} must differ from the "
                f"columns that are passed through. Got {output_column!r} in both."
            )

    def schema(self, schema: Any, width: int) -> Any:
        """Schema of the result for batches of a schema.

        Parameters
        ----------
        schema : pyarrow.Schema
            Schema of the batches.
        width : int
            Number of dimensions of the vectors.

        Returns
        -------
        pyarrow.Schema
            The columns that are passed through, and the vectors.

        Raises
        ------
        ValueError
            If a column is missing or occurs twice, or the text column holds no text.
        """
        self.check(schema)
        fields = [self._field(schema, name) for name in self._kept_of(schema.names)]
        arrow = pyarrow_module()
        numbers = arrow.from_numpy_dtype(np.dtype(self.dtype))
        fields.append(arrow.field(self.output_column, arrow.list_(numbers, width)))
        return arrow.schema(fields, metadata=schema.metadata)

    def check(self, schema: Any) -> None:
        """Refuse a schema without the columns.

        Parameters
        ----------
        schema : pyarrow.Schema
            Schema of the batches.

        Raises
        ------
        ValueError
            If a column is missing or occurs twice, or the text column holds no text.
        """
        kept = self._kept_of(schema.names)
        if self.output_column in kept:
            raise ValueError(
                f"The batch has a column {self.output_column!r} already. Set "
                "output_column to another name, or leave this one out of columns."
            )
        self._check_text(self._field(schema, self.column).type)
        for name in kept:
            self._field(schema, name)

    def check_batch(self, batch: Any) -> None:
        """Refuse other objects than batches, and batches without the columns.

        Parameters
        ----------
        batch : object
            The batch.

        Raises
        ------
        TypeError
            If it is neither a record batch nor a table.
        ValueError
            If a column is missing or occurs twice, or the text column holds no text.
        """
        arrow: Any = pyarrow_module()
        if not isinstance(batch, arrow.RecordBatch | arrow.Table):
            raise TypeError(
                f"A {self.owner} takes a pyarrow RecordBatch or Table. Got "
                f"{type(batch).__name__} instead. {_remedy(batch)}"
            )
        self.check(batch.schema)

    def add(
        self, batch: Batch, embed: Callable[[Any], np.ndarray], null_documents: str
    ) -> Batch:
        """Add the vectors to a batch that `check_batch` has checked.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or pyarrow.Table
            Texts, and any other columns.
        embed : callable
            Maps a column of text without nulls to an array of its vectors.
        null_documents : {'error', 'empty', 'null'}
            What happens to null texts: an error, the vector of an empty text, or a
            null in place of the vector.

        Returns
        -------
        pyarrow.RecordBatch or pyarrow.Table
            The columns that are passed through, and the vectors.

        Raises
        ------
        ValueError
            If a text is null and that is an error.
        """
        source: Any = batch
        vectors = self._vectors(source.column(self.column), embed, null_documents)
        schema = self.schema(source.schema, vectors.type.list_size)
        kept = [source.column(name) for name in schema.names[:-1]]
        result: Any = type(source).from_arrays([*kept, vectors], schema=schema)
        return result

    def _vectors(
        self, texts: Any, embed: Callable[[Any], np.ndarray], null_documents: str
    ) -> Any:
        """The fixed-size lists for a column of text."""
        arrow, compute = pyarrow_module(), pyarrow_module("pyarrow.compute")
        self._check_column(texts)
        if arrow.types.is_dictionary(texts.type):
            texts = _decoded(texts)
        elif arrow.types.is_null(texts.type):
            texts = compute.cast(texts, arrow.string())
        is_null = None
        if texts.null_count:
            if null_documents == "error":
                self._refuse_null(texts)
            if null_documents == "null":
                is_null = arrow.array(np.asarray(texts.is_null()))
            texts = _without_nulls(texts)
        # `set_output` may have asked for a table.
        vectors = np.asarray(embed(texts), dtype=self.dtype)
        return arrow.FixedSizeListArray.from_arrays(
            arrow.array(vectors.ravel()), vectors.shape[1], mask=is_null
        )

    def _check_column(self, texts: Any) -> None:
        """Refuse a damaged column; values are checked if Arrow itself reads them."""
        name = f"The column {self.column!r}"
        check_arrow(texts, name, is_full=False)
        if pyarrow_module().types.is_dictionary(texts.type) or texts.null_count:
            check_arrow(texts, name)

    def _refuse_null(self, texts: Any) -> None:
        """Raise the error for a null text."""
        row = int(np.flatnonzero(np.asarray(texts.is_null()))[0])
        more = f", the first of {texts.null_count}" if texts.null_count > 1 else ""
        raise ValueError(
            f"The column {self.column!r} has a null text in row {row} of the batch"
            f"{more}. Drop or fill null texts, or set null_documents='empty'."
        )

    def _kept_of(self, names: Sequence[str]) -> list[str]:
        """Names of the columns that are passed through."""
        return list(names) if self.columns is None else self.columns

    def _field(self, schema: Any, name: str) -> Any:
        """A field of a schema by its name, which must be unique."""
        places = schema.get_all_field_indices(name)
        if len(places) == 1:
            return schema.field(places[0])
        problem = f"{len(places)} columns {name!r}" if places else f"no column {name!r}"
        names = ", ".join(map(repr, schema.names)) or "none"
        raise ValueError(
            f"The batch has {problem}. Its columns: {names}. Set column (the texts) "
            "and columns (what is passed through) to names of these."
        )

    def _check_text(self, kind: Any) -> None:
        """Refuse a column that holds no text."""
        if not is_text_type(kind):
            raise ValueError(
                f"The column {self.column!r} must hold text. Got the type {kind} "
                "instead. Set column to the column of the texts, or cast it to string."
            )


def _remedy(batch: Any) -> str:
    """How to make a batch of another object."""
    if is_batch_stream(batch):
        return "Give it the batches one after the other: map(embedder, reader)."
    if hasattr(batch, "to_arrow"):
        return "Convert it: to_arrow()."
    return "Use LuxicalVectorizer.transform for other columns of text."


def is_text_type(kind: Any) -> bool:
    """Whether columns of an Arrow type are read as text.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type.

    Returns
    -------
    bool
        True for strings, also as a dictionary, and for a column of nulls.
    """
    types = pyarrow_module().types
    value = kind.value_type if types.is_dictionary(kind) else kind
    return bool(
        types.is_string(value)
        or types.is_large_string(value)
        or str(value) == "string_view"
        or types.is_null(value)
    )


def _decoded(texts: Any) -> Any:
    """The texts of a dictionary column as a plain column."""
    arrow, kind = pyarrow_module(), texts.type.value_type
    if str(kind) == "string_view":
        # Arrow decodes no dictionary of views.
        return arrow.array(texts.to_pylist(), kind)
    return pyarrow_module("pyarrow.compute").cast(texts, kind)


def _without_nulls(texts: Any) -> Any:
    """The texts with an empty one for each null."""
    if str(texts.type) == "string_view":
        # Arrow fills no nulls here, and its cast adds up lengths in null views, which
        # may be any numbers.
        return [text or "" for text in texts.to_pylist()]
    return pyarrow_module("pyarrow.compute").fill_null(texts, "")


def pyarrow_module(module: str = "pyarrow") -> Any:
    """Import a module of pyarrow on first use.

    Parameters
    ----------
    module : str, default='pyarrow'
        Name of the module.

    Returns
    -------
    types.ModuleType
        The module.
    """
    return import_optional(module, extra="arrow", purpose="sklux.arrow")
