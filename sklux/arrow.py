"""Vectors of text in Arrow: a record batch in, the same batch with a column more out.

A `BatchEmbedder` is one function of one batch. So it runs wherever batches are handed
out: over the batches of a dataset, in a worker of Ray, in a function of Spark or Daft.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from importlib.metadata import version
from numbers import Integral
from typing import Any, Literal, TypeVar

import numpy as np
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._utils.model_file import header_digest
from sklux._utils.optional import import_optional
from sklux._utils.typing import validate_params
from sklux._vectorizer import LuxicalVectorizer

__all__ = ["BatchEmbedder"]

# A record batch, or a table; the result is of the same kind.
Batch = TypeVar("Batch")
# What happens to null texts.
NULL_TEXTS = ("error", "empty", "null")
VECTOR_TYPES = ("float32", "float16")
_CONSTRAINTS: dict[str, Any] = {
    "model": [LuxicalVectorizer, str, os.PathLike],
    "column": [str],
    "output_column": [str],
    "columns": ["array-like", None],
    "dtype": [StrOptions(set(VECTOR_TYPES))],
    "null_documents": [StrOptions(set(NULL_TEXTS)), None],
    "n_jobs": [Integral, None],
}


class BatchEmbedder:
    """Add the vectors of a text column to Arrow record batches and tables.

    The vectors are a column of fixed-size lists. The other columns are passed through
    without a copy. The same text has the same bits in any batch.

    Parameters
    ----------
    model : LuxicalVectorizer, str or path-like
        Fitted model, or its file. A file is mapped when it is first used, so all
        processes of a machine share its memory, and a pickle of the embedder holds only
        its path. If the file changes between two processes, the second one raises an
        error.

    column : str, default='text'
        Column of the texts: strings of any Arrow type, also as a dictionary.

    output_column : str, default='embedding'
        Name of the new column, which comes last.

    columns : sequence of str or None, default=None
        Other columns to pass through, in this order. None means all, with the text.

    dtype : {'float32', 'float16'}, default='float32'
        Type of the numbers. float16 takes half the space and keeps three digits.

    null_documents : {'error', 'empty', 'null'} or None, default=None
        What happens to null texts: an error, the vector of an empty text, which is
        zero, or a null in place of the vector. None means the setting of the model.

    n_jobs : int or None, default=None
        Number of threads. None means the setting of the model. Use 1 where an engine
        runs a worker on each core.

    See Also
    --------
    LuxicalVectorizer.transform : The vectors of any column as an array.

    Examples
    --------
    >>> import pyarrow
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.arrow import BatchEmbedder
    >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
    >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
    >>> model = LuxicalVectorizer(random_state=0).fit(
    ...     documents, teacher_embeddings=embeddings
    ... )
    >>> batch = pyarrow.record_batch({"id": [1, 2], "text": ["an apple", "a car"]})
    >>> embed = BatchEmbedder(model, columns=["id"], dtype="float16")
    >>> embed(batch).schema
    id: int64
    embedding: fixed_size_list<item: halffloat>[3]
      child 0, item: halffloat
    """

    @validate_params(_CONSTRAINTS, prefer_skip_nested_validation=True)
    def __init__(
        self,
        model: LuxicalVectorizer | str | os.PathLike[str],
        *,
        column: str = "text",
        output_column: str = "embedding",
        columns: Sequence[str] | None = None,
        dtype: Literal["float32", "float16"] = "float32",
        null_documents: Literal["error", "empty", "null"] | None = None,
        n_jobs: int | None = None,
    ):
        self.column, self.output_column = column, output_column
        self.columns = None if columns is None else list(columns)
        self.dtype, self.null_documents, self.n_jobs = dtype, null_documents, n_jobs
        self.path: str | None = None
        self._given: LuxicalVectorizer | None = None
        if isinstance(model, str | os.PathLike):
            # Workers may have another current folder.
            self.path = os.path.abspath(os.fspath(model))
            self._digest = header_digest(self.path)
        else:
            check_is_fitted(model)
            self._given = model
        if output_column in self._kept_of([column] if columns is None else columns):
            raise ValueError(
                "The 'output_column' parameter of BatchEmbedder must differ from the "
                f"columns that are passed through. Got {output_column!r} in both."
            )

    def __getstate__(self) -> dict[str, Any]:
        """The settings, and the path or the model itself."""
        state = {name: value for name, value in vars(self).items() if name != "model"}
        return state | {"sklux_version": version("sklux")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        own, found = version("sklux"), state.pop("sklux_version")
        if own != found:
            raise ValueError(
                f"This BatchEmbedder was made by sklux {found}, and is used with sklux "
                f"{own}, which may give other vectors. Install the same version for "
                "all processes."
            )
        vars(self).update(state)

    @cached_property
    def model(self) -> LuxicalVectorizer:
        """The model, which is read from its file on first use."""
        model = self._given
        if model is None:
            path = str(self.path)
            model = LuxicalVectorizer.load(path, mmap_mode="r")
            if header_digest(path) != self._digest:
                raise ValueError(
                    f"The model file {path!r} has changed since the BatchEmbedder was "
                    "made, so it would give the vectors of another model. Make a new "
                    "BatchEmbedder, and keep each model under its own name."
                )
        if self.n_jobs is None:
            return model
        # The caller's model keeps its setting. A stage's own n_jobs would come first.
        model = copy(model).set_params(n_jobs=self.n_jobs)
        model.projection_ = copy(model.projection_).set_params(n_jobs=self.n_jobs)
        return model

    def schema(self, schema: Any) -> Any:
        """Schema of the result for batches of a schema.

        Parameters
        ----------
        schema : pyarrow.Schema
            Schema of the batches.

        Returns
        -------
        pyarrow.Schema
            The columns that are passed through, and the vectors.

        Raises
        ------
        ValueError
            If a column is missing or occurs twice, or the text column holds no text.

        Examples
        --------
        >>> import pyarrow
        >>> from sklux import LuxicalVectorizer
        >>> from sklux.arrow import BatchEmbedder
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> model = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> schema = pyarrow.schema({"text": pyarrow.string()})
        >>> BatchEmbedder(model).schema(schema).names
        ['text', 'embedding']
        """
        if self.output_column in self._kept_of(schema.names):
            raise ValueError(
                f"The batch has a column {self.output_column!r} already. Set "
                "output_column to another name, or leave this one out of columns."
            )
        self._check_text(self._field(schema, self.column).type)
        fields = [self._field(schema, name) for name in self._kept_of(schema.names)]
        arrow, width = _pyarrow(), self.model.projection_.n_components_
        numbers = arrow.from_numpy_dtype(np.dtype(self.dtype))
        fields.append(arrow.field(self.output_column, arrow.list_(numbers, width)))
        return arrow.schema(fields, metadata=schema.metadata)

    def __call__(self, batch: Batch) -> Batch:
        """Add the vectors to a batch.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or pyarrow.Table
            Texts, and any other columns.

        Returns
        -------
        pyarrow.RecordBatch or pyarrow.Table
            The columns that are passed through, and the vectors.

        Raises
        ------
        TypeError
            If `batch` is neither.
        ValueError
            If a column is missing or occurs twice, the text column holds no text, a
            text is null and that is an error, or the model file has changed.
        """
        arrow: Any = _pyarrow()
        source: Any = batch
        if not isinstance(source, arrow.RecordBatch | arrow.Table):
            raise TypeError(
                "A BatchEmbedder takes a pyarrow RecordBatch or Table. Got "
                f"{type(batch).__name__} instead. Use LuxicalVectorizer.transform for "
                "other columns of text."
            )
        schema = self.schema(source.schema)
        kept = [source.column(name) for name in schema.names[:-1]]
        vectors = self._vectors(source.column(self.column))
        result: Any = type(source).from_arrays([*kept, vectors], schema=schema)
        return result

    def _vectors(self, texts: Any) -> Any:
        """The fixed-size lists for a column of text."""
        arrow, compute = _pyarrow(), _pyarrow("pyarrow.compute")
        if arrow.types.is_dictionary(texts.type):
            texts = compute.cast(texts, texts.type.value_type)
        elif arrow.types.is_null(texts.type):
            texts = compute.cast(texts, arrow.string())
        is_null = None
        if texts.null_count:
            rule = self.null_documents or self.model.null_documents
            if rule == "error":
                self._refuse_null(texts)
            if rule == "null":
                is_null = arrow.array(np.asarray(texts.is_null()))
            texts = _without_nulls(texts)
        # `set_output` may have asked for a table.
        vectors = np.asarray(self.model.transform(texts), dtype=self.dtype)
        return arrow.FixedSizeListArray.from_arrays(
            arrow.array(vectors.ravel()), vectors.shape[1], mask=is_null
        )

    def _refuse_null(self, texts: Any) -> None:
        """Raise the error for a null text."""
        row = int(np.flatnonzero(np.asarray(texts.is_null()))[0])
        more = f", the first of {texts.null_count}" if texts.null_count > 1 else ""
        raise ValueError(
            f"The column {self.column!r} has a null text in row {row} of the batch"
            f"{more}. Drop or fill null texts, or set null_documents='empty' or 'null'."
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
        types = _pyarrow().types
        value = kind.value_type if types.is_dictionary(kind) else kind
        if not (
            types.is_string(value)
            or types.is_large_string(value)
            or str(value) == "string_view"
            or types.is_null(value)
        ):
            raise ValueError(
                f"The column {self.column!r} must hold text. Got the type {kind} "
                "instead. Set column to the column of the texts, or cast it to string."
            )


def _without_nulls(texts: Any) -> Any:
    """The texts with an empty one for each null."""
    arrow, compute = _pyarrow(), _pyarrow("pyarrow.compute")
    if str(texts.type) == "string_view":
        texts = texts.cast(arrow.large_string())
    return compute.fill_null(texts, "")


def _pyarrow(module: str = "pyarrow") -> Any:
    """A module of pyarrow, imported on first use."""
    return import_optional(module, extra="arrow", purpose="sklux.arrow")
