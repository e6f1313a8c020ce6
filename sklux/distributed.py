"""Ray datasets, on one machine or many: pip install 'sklux[ray]'.

`embed` adds a student's vectors to a dataset, and `precompute` its teacher's. Both
return a dataset, which Ray computes when it is read or written. `fit` fits a student on
a dataset, and `count` counts its terms.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any, Literal, TypeVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from sklux._lexical.streamed import reads_batches, word_source
from sklux._lexical.vectorizer import LexicalVectorizer, default_lexical_stage
from sklux._ray.counts import RayStream, TermsOfBlocks, count_dataset
from sklux._ray.objects import (
    Stored,
    check_known_schema,
    imported_ray,
    ray_data_module,
)
from sklux._sources.stream import DEFAULT_MAX_TERMS, DEFAULT_SAMPLE_SIZE
from sklux._teacher.cached import CachedTeacher, check_teacher, teacher_vectors
from sklux._utils.typing import validate_params
from sklux._utils.vector_column import VECTOR_TYPES, VectorColumn
from sklux._vectorizer import LuxicalVectorizer
from sklux.arrow import BatchEmbedder

__all__ = ["count", "embed", "fit", "precompute"]

# A ray.data.Dataset; the result is one too.
Dataset = TypeVar("Dataset")
_AT_LEAST_1 = Interval(Integral, 1, None, closed="left")
_COMMON: dict[str, Any] = {
    "dataset": "no_validation",
    "column": [str],
    "concurrency": [_AT_LEAST_1, None],
}
_VECTORS: dict[str, Any] = _COMMON | {
    "output_column": [str],
    "columns": ["array-like", None],
    "dtype": [StrOptions(set(VECTOR_TYPES))],
    "batch_size": [_AT_LEAST_1],
}
_TERMS: dict[str, Any] = _COMMON | {
    "max_terms": [_AT_LEAST_1, None],
    "num_cpus": [Interval(Real, 0, None, closed="neither")],
}


@validate_params(
    _VECTORS
    | {
        "model": [LuxicalVectorizer, str, os.PathLike],
        "null_documents": [StrOptions({"error", "empty", "null"}), None],
        "num_cpus": [_AT_LEAST_1],
    },
    prefer_skip_nested_validation=True,
)
def embed(
    dataset: Dataset,
    model: LuxicalVectorizer | str | os.PathLike[str],
    *,
    column: str = "text",
    output_column: str = "embedding",
    columns: Sequence[str] | None = None,
    dtype: Literal["float32", "float16"] = "float32",
    null_documents: Literal["error", "empty", "null"] | None = None,
    batch_size: int = 10_000,
    concurrency: int | None = None,
    num_cpus: int = 1,
    **ray_remote_args: Any,
) -> Dataset:
    """Add the vectors of a text column to a Ray dataset.

    The vectors have the same bits as `LuxicalVectorizer.transform`, in any batch and on
    any number of workers.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Texts, and any other columns.

    model : LuxicalVectorizer, str or path-like
        Fitted model, or its file, which all nodes must see under this path. Each worker
        maps the file. A given model is put into Ray's object store once; each node gets
        one copy of its weights, which its workers share.

    column : str, default='text'
        Column of the texts.

    output_column : str, default='embedding'
        Name of the new column, which comes last: fixed-size lists.

    columns : sequence of str or None, default=None
        Other columns to pass through, in this order. None means all, with the text.

    dtype : {'float32', 'float16'}, default='float32'
        Type of the numbers. float16 takes half the space and keeps three digits.

    null_documents : {'error', 'empty', 'null'} or None, default=None
        What happens to null texts: an error, the vector of an empty text, which is
        zero, or a null in place of the vector. None means the setting of the model.

    batch_size : int, default=10_000
        Number of texts that are embedded at a time. It changes neither the vectors nor
        the blocks of the dataset.

    concurrency : int or None, default=None
        Maximum number of tasks at the same time. None means as many as there are cores
        for.

    num_cpus : int, default=1
        Cores and threads of a task. With 1, each core has a process of its own, which
        is fastest. A higher number saves memory on nodes with many cores.

    **ray_remote_args : object
        Other arguments of ``ray.data.Dataset.map_batches``, such as ``memory``,
        ``resources`` and ``runtime_env``.

    Returns
    -------
    ray.data.Dataset
        The columns that are passed through, and the vectors. Ray computes it when it is
        read or written. Without ``DataContext.execution_options.preserve_order``, Ray
        may change the order of the rows.

    Raises
    ------
    ImportError
        If Ray is missing.
    TypeError
        If `dataset` is not a Ray dataset.
    ValueError
        If the dataset is known to lack a column, or to hold no text in it. Other errors
        come from the workers: null texts, a model file that has changed, or a worker
        with another version of sklux.

    See Also
    --------
    sklux.arrow.BatchEmbedder : The same for one batch, for other engines.

    Notes
    -----
    The work is done in Ray's tasks. In contrast to actors they need no core of their
    own, so they use all cores, and Ray runs the tasks that read within them. A process
    keeps the model for its next tasks. If a process or a node is killed, Ray repeats
    its tasks, and the result is the same.

    Examples
    --------
    >>> import ray  # doctest: +SKIP
    >>> from sklux.distributed import embed
    >>> dataset = ray.data.read_parquet("corpus")  # doctest: +SKIP
    >>> vectors = embed(dataset, "model.sklux", columns=["id"])  # doctest: +SKIP
    >>> vectors.write_parquet("vectors")  # doctest: +SKIP
    """
    embedder = BatchEmbedder(
        model,
        column=column,
        output_column=output_column,
        columns=columns,
        dtype=dtype,
        null_documents=null_documents,
        n_jobs=num_cpus,
    )
    ray_data = ray_data_module(dataset)
    check_known_schema(dataset, embedder.schema)
    source: Any = dataset
    # Whole blocks, so that Ray joins these tasks with the tasks that read.
    result: Dataset = source.map_batches(
        add_vectors,
        fn_kwargs={"stored": Stored(embedder), "batch_size": batch_size},
        batch_format="pyarrow",
        batch_size=None,
        compute=ray_data.TaskPoolStrategy(size=concurrency),
        num_cpus=num_cpus,
        **ray_remote_args,
    )
    return result


@validate_params(
    _VECTORS
    | {
        "teacher": "no_validation",
        "null_documents": [StrOptions({"error", "empty"}), None],
        "num_cpus": [Interval(Real, 0, None, closed="neither")],
        "num_gpus": [Interval(Real, 0, None, closed="neither"), None],
    },
    prefer_skip_nested_validation=True,
)
def precompute(
    dataset: Dataset,
    teacher: object,
    *,
    column: str = "text",
    output_column: str = "embedding",
    columns: Sequence[str] | None = None,
    dtype: Literal["float32", "float16"] = "float32",
    null_documents: Literal["error", "empty"] | None = None,
    batch_size: int = 1024,
    concurrency: int | None = None,
    num_cpus: float = 1,
    num_gpus: float | None = None,
    **ray_remote_args: Any,
) -> Dataset:
    """Add the teacher's vectors of a text column to a Ray dataset.

    Each process loads the teacher once. The vectors are what a student is fitted with;
    a `CachedTeacher` also keeps them in its cache.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Texts, and any other columns.

    teacher : CachedTeacher, str, path-like, object or callable
        As `LuxicalVectorizer` takes it. A folder, and the folder of a cache, must have
        the same path on all nodes. A cache that several nodes write needs a file system
        with working locks. A `CachedTeacher` without a path has a cache on each node.

    column : str, default='text'
        Column of the texts.

    output_column : str, default='embedding'
        Name of the new column, which comes last: fixed-size lists.

    columns : sequence of str or None, default=None
        Other columns to pass through, in this order. None means all, with the text.

    dtype : {'float32', 'float16'}, default='float32'
        Type of the numbers.

    null_documents : {'error', 'empty'} or None, default=None
        Whether null texts are an error, or are read as empty texts. None means the
        setting of a `CachedTeacher`, or else ``'error'``.

    batch_size : int, default=1024
        Number of texts in a call of the teacher, and in a block of the result. A worker
        that is killed loses at most this many vectors.

    concurrency : int or None, default=None
        Maximum number of tasks at the same time, or number of workers with GPUs. None
        means as many as there are cores or GPUs for.

    num_cpus : float, default=1
        Cores of a task, which are also the threads of torch.

    num_gpus : float or None, default=None
        GPUs of a worker, or the part of a GPU. Workers with GPUs are actors. None means
        tasks without GPUs.

    **ray_remote_args : object
        Other arguments of ``ray.data.Dataset.map_batches``, such as ``memory``,
        ``resources`` and ``runtime_env``.

    Returns
    -------
    ray.data.Dataset
        The columns that are passed through, and the vectors. Ray computes it when it is
        read or written, and may change the order of the rows.

    Raises
    ------
    ImportError
        If Ray is missing.
    TypeError
        If `dataset` is not a Ray dataset, or `teacher` cannot be a teacher.
    ValueError
        If the dataset is known to lack a column, or to hold no text in it.

    See Also
    --------
    CachedTeacher : Keeps the vectors on disk.

    Examples
    --------
    >>> import ray  # doctest: +SKIP
    >>> from sklux import CachedTeacher
    >>> from sklux.distributed import precompute
    >>> teacher = CachedTeacher("all-MiniLM-L6-v2", path="cache")
    >>> dataset = ray.data.read_parquet("corpus")  # doctest: +SKIP
    >>> precompute(dataset, teacher).write_parquet("vectors")  # doctest: +SKIP
    """
    check_teacher(teacher)
    added = VectorColumn("precompute", column, output_column, columns, dtype)
    ray_data = ray_data_module(dataset)
    check_known_schema(dataset, added.check)
    own = getattr(teacher, "null_documents", "error")
    add = _TeacherBatches(added, _with_whole_paths(teacher), null_documents or own)
    source: Any = dataset
    # Ray gives a block to one worker, so blocks must be small.
    blocks = source.repartition(target_num_rows_per_block=batch_size)
    arguments = {"stored": Stored(add), "batch_size": batch_size}
    worker: dict[str, Any] = {
        "fn": add_vectors,
        "fn_kwargs": arguments,
        "compute": ray_data.TaskPoolStrategy(size=concurrency),
        "batch_size": None,
    }
    if num_gpus is not None:
        # A task's process ends with the task if it has a GPU.
        n_gpus = imported_ray().cluster_resources().get("GPU", 0)
        size = concurrency or max(1, int(n_gpus // num_gpus))
        worker = {
            "fn": WorkerWithGPU,
            "fn_constructor_kwargs": arguments,
            "compute": ray_data.ActorPoolStrategy(size=size),
            "num_gpus": num_gpus,
            "batch_size": batch_size,
        }
    result: Dataset = blocks.map_batches(
        **worker, batch_format="pyarrow", num_cpus=num_cpus, **ray_remote_args
    )
    return result


@validate_params(
    _TERMS | {"lexical": [LexicalVectorizer, None]},
    prefer_skip_nested_validation=True,
)
def count(
    dataset: object,
    lexical: LexicalVectorizer | None = None,
    *,
    column: str = "text",
    max_terms: int | None = DEFAULT_MAX_TERMS,
    concurrency: int | None = None,
    num_cpus: float = 1,
    **ray_remote_args: Any,
) -> Any:
    """Count the words and n-grams of a text column of a Ray dataset.

    Each task counts the terms of a block. Then the counts are merged, in bounded
    memory.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Texts; other columns are not read. A null text has no terms.

    lexical : LexicalVectorizer or None, default=None
        How texts become terms; it does not have to be fitted. None means words and
        pairs of words, as in the default stage of `LuxicalVectorizer`. Word pieces are
        not counted, because a fit has to learn them first.

    column : str, default='text'
        Column of the texts.

    max_terms : int or None, default=10_000_000
        Number of different terms that are held in memory. The counts are exact as long
        as no more terms occur; past that, the rarest terms are dropped. None means no
        limit.

    concurrency : int or None, default=None
        Maximum number of tasks at the same time. None means as many as there are cores
        for.

    num_cpus : float, default=1
        Cores of a task, which uses one thread.

    **ray_remote_args : object
        Other arguments of ``ray.data.Dataset.map_batches``.

    Returns
    -------
    pyarrow.Table
        A row for each term, in the order of the terms' UTF-8. Its columns are
        ``term``; ``count``, the number of occurrences that were counted; ``documents``,
        the number of documents with these; and ``missed``, the largest number of
        occurrences that may not have been counted, which is 0 for exact counts.

    Raises
    ------
    ImportError
        If Ray is missing.
    TypeError
        If `dataset` is not a Ray dataset.
    ValueError
        If the dataset lacks the column, or holds no text in it, or if `lexical` has
        functions of its own or word pieces alone.

    See Also
    --------
    fit : Counts the terms, and fits a student.

    Notes
    -----
    The counts are the summaries of Misra and Gries with the error of Space-Saving,
    which can be merged [1]_. With k terms in memory, N occurrences in all: a term that
    is not in the result occurs at most N / (k + 1) times.

    References
    ----------
    .. [1] P. Agarwal et al., Mergeable summaries, 2012,
           :doi:`10.1145/2213556.2213562`.

    Examples
    --------
    >>> import ray  # doctest: +SKIP
    >>> from sklux.distributed import count
    >>> dataset = ray.data.read_parquet("corpus")  # doctest: +SKIP
    >>> terms = count(dataset)  # doctest: +SKIP
    >>> terms.sort_by([("documents", "descending")])  # doctest: +SKIP
    """
    stage = default_lexical_stage() if lexical is None else lexical
    ray_data = ray_data_module(dataset)
    _check_text(dataset, "count", column)
    if not reads_batches(stage) or stage.analyzer == "subword":
        raise ValueError(
            "count needs a LexicalVectorizer that reads words or characters without "
            f"functions of your own. Got {stage!r}."
        )
    terms = TermsOfBlocks(column, [word_source(stage)], None, max_terms)
    source: Any = dataset
    compute = ray_data.TaskPoolStrategy(size=concurrency)
    worker = {"compute": compute, "num_cpus": num_cpus, **ray_remote_args}
    return count_dataset(source.select_columns([column]), terms, worker).as_table()


@validate_params(
    _TERMS
    | {
        "vectorizer": [LuxicalVectorizer],
        "embeddings": [str, None],
        "sample_size": [Interval(Integral, 2, None, closed="left")],
        "batch_size": [_AT_LEAST_1],
    },
    prefer_skip_nested_validation=True,
)
def fit(
    vectorizer: LuxicalVectorizer,
    dataset: object,
    *,
    column: str = "text",
    embeddings: str | None = None,
    sample_size: int = DEFAULT_SAMPLE_SIZE,
    max_terms: int | None = DEFAULT_MAX_TERMS,
    batch_size: int = 10_000,
    concurrency: int | None = None,
    num_cpus: float = 1,
    **ray_remote_args: Any,
) -> LuxicalVectorizer:
    """Fit a student on a Ray dataset.

    The workers read the dataset and count its terms. This process trains, and holds
    what the fit on a `sklux.datasets.DocumentStream` holds.

    Parameters
    ----------
    vectorizer : LuxicalVectorizer
        The student; it is fitted in place.

    dataset : ray.data.Dataset
        Texts; at most two columns are read.

    column : str, default='text'
        Column of the texts.

    embeddings : str or None, default=None
        Column of teacher embeddings, as `precompute` makes it. The missing vector of a
        document is a null, or NaN. None means that the teacher embeds documents of the
        sample in this process, unless its cache has their vectors.

    sample_size : int, default=100_000
        Number of different texts that are held in memory, as in
        `sklux.datasets.DocumentStream`.

    max_terms : int or None, default=10_000_000
        Number of different terms that are held in memory, in this process and in each
        task; None means no limit. The counts are exact as long as no more terms occur.

    batch_size : int, default=10_000
        Largest number of documents of a batch. The training shuffles the documents of a
        batch, but not the batches.

    concurrency : int or None, default=None
        Maximum number of tasks at the same time that count. None means as many as there
        are cores for.

    num_cpus : float, default=1
        Cores of a task, which uses one thread.

    **ray_remote_args : object
        Other arguments of ``ray.data.Dataset.map_batches`` for the tasks that count.

    Returns
    -------
    LuxicalVectorizer
        `vectorizer`.

    Raises
    ------
    ImportError
        If Ray is missing.
    TypeError
        If `dataset` is not a Ray dataset.
    ValueError
        If the dataset lacks a column, or gives other documents when it is read again;
        and for the reasons of `LuxicalVectorizer.fit`.

    See Also
    --------
    sklux.datasets.DocumentStream : The same on one machine.
    precompute : The teacher's vectors, by many workers.

    Notes
    -----
    The dataset is read as often as a stream, and always in its own order. While the
    counts of the terms are exact, the model has the same bits as a fit on a
    `DocumentStream` of the same documents in batches of the same size.

    Examples
    --------
    >>> import ray  # doctest: +SKIP
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.distributed import fit
    >>> dataset = ray.data.read_parquet("vectors")  # doctest: +SKIP
    >>> student = LuxicalVectorizer(random_state=0)
    >>> fit(student, dataset, embeddings="embedding")  # doctest: +SKIP
    """
    ray_data = ray_data_module(dataset)
    _check_text(dataset, "fit", column, embeddings)
    compute = ray_data.TaskPoolStrategy(size=concurrency)
    stream = RayStream(
        dataset,
        {"compute": compute, "num_cpus": num_cpus, **ray_remote_args},
        column=column,
        embeddings=embeddings,
        sample_size=sample_size,
        max_terms=max_terms,
        batch_size=batch_size,
    )
    return vectorizer.fit(stream)


def _check_text(
    dataset: object, owner: str, column: str, embeddings: str | None = None
) -> None:
    """Check the columns that are read, if Ray has their names."""
    read = [] if embeddings is None else [embeddings]
    check_known_schema(dataset, VectorColumn(owner, column, "", read, "float32").check)


def add_vectors(block: Any, stored: Stored, batch_size: int) -> Iterator[Any]:
    """Add vectors to a block of a dataset, part by part, in a worker.

    Parameters
    ----------
    block : pyarrow.Table
        Texts, and any other columns.
    stored : Stored
        A function that adds vectors to a batch.
    batch_size : int
        Number of rows in a part.

    Yields
    ------
    pyarrow.Table
        The parts with vectors. Ray leaves out parts without rows.
    """
    add = stored.get()
    for start in range(0, block.num_rows, batch_size):
        yield add(block.slice(start, batch_size))


class _TeacherBatches:
    """A function from batches to batches with the teacher's vectors.

    Parameters
    ----------
    added : VectorColumn
        The columns.
    teacher : CachedTeacher, str, path-like, object or callable
        The teacher.
    null_documents : {'error', 'empty'}
        What happens to null texts.
    """

    def __init__(self, added: VectorColumn, teacher: object, null_documents: str):
        self.added, self.teacher = added, teacher
        self.null_documents = null_documents

    def __call__(self, batch: Any) -> Any:
        """Add the vectors to a batch."""
        self.added.check_batch(batch)
        return self.added.add(batch, self._vectors, self.null_documents)

    def _vectors(self, texts: Any) -> np.ndarray:
        """The teacher's vectors of a column of text."""
        return teacher_vectors(self.teacher, texts.to_pylist(), verbose=False)


class WorkerWithGPU:
    """An actor that adds vectors to blocks, and keeps its GPU.

    Parameters
    ----------
    stored : Stored
        A function that adds vectors to a batch.
    batch_size : int
        Number of rows in a part.
    """

    def __init__(self, stored: Stored, batch_size: int):
        self.stored, self.batch_size = stored, batch_size

    def __call__(self, block: Any) -> Iterator[Any]:
        """Add vectors to a block, as `add_vectors` does.

        Parameters
        ----------
        block : pyarrow.Table
            Texts, and any other columns.

        Returns
        -------
        iterator of pyarrow.Table
            The parts with vectors.
        """
        return add_vectors(block, self.stored, self.batch_size)


def _with_whole_paths(teacher: object) -> object:
    """The teacher with absolute paths: workers have another current folder."""
    if isinstance(teacher, CachedTeacher):
        path = teacher.path if teacher.path is None else os.path.abspath(teacher.path)
        model = _with_whole_paths(teacher.model)
        return clone(teacher).set_params(path=path, model=model)
    if isinstance(teacher, str | os.PathLike) and os.path.isdir(teacher):
        return os.path.abspath(teacher)
    return teacher
