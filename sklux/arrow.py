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
from typing import Any, Literal

from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._utils.model_file import header_digest
from sklux._utils.threads import N_JOBS
from sklux._utils.typing import validate_params
from sklux._utils.vector_column import VECTOR_TYPES, Batch, VectorColumn
from sklux._vectorizer import LuxicalVectorizer

__all__ = ["BatchEmbedder"]

# What happens to null texts.
NULL_TEXTS = ("error", "empty", "null")
_CONSTRAINTS: dict[str, Any] = {
    "model": [LuxicalVectorizer, str, os.PathLike],
    "column": [str],
    "output_column": [str],
    "columns": ["array-like", None],
    "dtype": [StrOptions(set(VECTOR_TYPES))],
    "null_documents": [StrOptions(set(NULL_TEXTS)), None],
    "n_jobs": N_JOBS,
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
        self._vectors = VectorColumn(
            "BatchEmbedder", column, output_column, columns, dtype
        )
        self.path: str | None = None
        self._given: LuxicalVectorizer | None = None
        if isinstance(model, str | os.PathLike):
            # Workers may have another current folder.
            self.path = os.path.abspath(os.fspath(model))
            self._digest = header_digest(self.path)
        else:
            check_is_fitted(model)
            self._given = model

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
        return self._vectors.schema(schema, self.model.projection_.n_components_)

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
        self._vectors.check_batch(batch)
        rule = self.null_documents or self.model.null_documents
        return self._vectors.add(batch, self.model.transform, rule)
