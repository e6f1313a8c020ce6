"""Teacher embeddings from files: .npy, or a column of vectors in Parquet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sklux._commands.document_paths import check_file
from sklux._utils.columns import as_vectors
from sklux._utils.optional import import_optional

# First bytes of the files.
PARQUET, NPY, ZIP = b"PAR1", b"\x93NUM", b"PK\x03\x04"
# Rows that `embedding_blocks` reads at a time.
BLOCK_ROWS = 8192
OBJECTS = (
    "it holds Python objects, which are not read because they can contain code. Save "
    "a matrix: numpy.save(path, numpy.stack(vectors))."
)


def read_embeddings(path: Path, column: str | None = None) -> np.ndarray:
    """Read teacher embeddings from a .npy or Parquet file.

    Parameters
    ----------
    path : Path
        The file. Its first bytes decide the format.
    column : str or None, default=None
        Column of the vectors in a Parquet file; None means the only column of lists.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components)
        The embeddings. The row of a null is NaN.

    Raises
    ------
    ValueError
        If the file does not hold vectors of real numbers of one length, or does not
        have such a column.
    """
    first_bytes = _first_bytes(path, column)
    if first_bytes == PARQUET:
        with _vector_file(path, column) as (file, name):
            vectors = _as_matrix(file.read(columns=[name]).column(0), path, name)
    else:
        vectors = np.array(_mapped_npy(path, first_bytes))
    return _checked_numbers(vectors, path)


def embedding_blocks(path: Path, column: str | None = None) -> Iterator[np.ndarray]:
    """Read teacher embeddings block by block.

    Parameters
    ----------
    path, column : Path, str or None
        As in `read_embeddings`.

    Yields
    ------
    ndarray of shape (n_rows, n_teacher_components)
        Some rows. They are all of one width unless all rows of a block are NaN.

    Raises
    ------
    ValueError
        As `read_embeddings`.
    """
    first_bytes = _first_bytes(path, column)
    if first_bytes == PARQUET:
        with _vector_file(path, column) as (file, name):
            for batch in file.iter_batches(BLOCK_ROWS, columns=[name]):
                vectors = _as_matrix(batch.column(0), path, name)
                yield _checked_numbers(vectors, path)
        return
    vectors = _checked_numbers(_mapped_npy(path, first_bytes), path)
    for begin in range(0, len(vectors), BLOCK_ROWS):
        yield np.array(vectors[begin : begin + BLOCK_ROWS])


def _first_bytes(path: Path, column: str | None) -> bytes:
    """The bytes that tell the format; a column needs a Parquet file."""
    check_file(path)
    with open(path, "rb") as file:
        first_bytes = file.read(4)
    if column is not None and first_bytes != PARQUET:
        raise ValueError(
            f"--embeddings-column {column} names a column, but {path} is not a Parquet "
            "file. Leave it out."
        )
    return first_bytes


def _checked_numbers(vectors: np.ndarray, path: Path) -> np.ndarray:
    """The same vectors, if they hold real numbers."""
    if vectors.dtype.kind not in "fiu":
        raise ValueError(
            f"{path} must hold real numbers. Its values are of type {vectors.dtype}."
        )
    return vectors


def check_column(embeddings: Path | None, column: str | None) -> None:
    """Refuse the name of a column without a file of embeddings.

    Parameters
    ----------
    embeddings : Path or None
        The file.
    column : str or None
        The name.

    Raises
    ------
    ValueError
        If there is a name and no file.
    """
    if embeddings is None and column is not None:
        raise ValueError(
            f"--embeddings-column {column} names a column of teacher embeddings. Give "
            "their file with --embeddings."
        )


def _mapped_npy(path: Path, first_bytes: bytes) -> np.ndarray:
    """The matrix in a .npy file, mapped."""
    if first_bytes != NPY:
        kind = "a .npz archive" if first_bytes == ZIP else "another file"
        raise ValueError(
            f"{path} is {kind}, not a .npy file of numbers or a Parquet file. Write "
            "the vectors with numpy.save, or as a column of lists in Parquet."
        )
    try:
        # Mapped: a damaged header can promise more bytes than memory holds.
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # NumPy's, or of Python's reader of the header
        # NumPy's own advice is to read objects without protection.
        reason = OBJECTS if "object" in str(error).lower() else str(error)
        raise ValueError(f"{path} is not a .npy file of numbers: {reason}") from error
    if vectors.ndim != 2:
        raise ValueError(f"{path} must hold a matrix with one row per document.")
    return vectors


@contextmanager
def _vector_file(path: Path, column: str | None) -> Iterator[tuple[Any, str]]:
    """A Parquet file, and the name of its column of vectors."""
    arrow = import_optional("pyarrow", extra="cli", purpose="Reading Parquet")
    parquet = import_optional("pyarrow.parquet", extra="cli", purpose="Reading Parquet")
    try:
        with parquet.ParquetFile(path) as file:
            yield file, _vector_column(path, file.schema_arrow, column)
    except arrow.ArrowException as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error


def _as_matrix(lists: Any, path: Path, name: str) -> np.ndarray:
    """The vectors of a column of lists."""
    vectors = as_vectors(lists, f"The column {name!r} of {path}")
    if not isinstance(vectors, np.ndarray):
        raise ValueError(
            f"The column {name!r} of {path} must hold lists of numbers. It is of type "
            f"{lists.type}. Choose another with --embeddings-column."
        )
    return vectors


def _vector_column(path: Path, schema: Any, column: str | None) -> str:
    """The name that was given, or the name of the only column of lists."""
    names = ", ".join(map(repr, schema.names)) or "none"
    if column is not None:
        if schema.names.count(column) == 1:
            return column
        number = "more than one" if column in schema.names else "no"
        raise ValueError(
            f"{path} has {number} column {column!r}. Its columns are {names}. Choose "
            "one with --embeddings-column."
        )
    lists = [field.name for field in schema if _is_list(field.type)]
    if len(lists) != 1:
        number = "no column" if not lists else "more than one column"
        raise ValueError(
            f"{path} has {number} of lists. Its columns are {names}. Choose the column "
            "of the vectors with --embeddings-column."
        )
    return lists[0]


def _is_list(kind: Any) -> bool:
    """Whether an Arrow type is a type of lists, or of tensors."""
    return hasattr(getattr(kind, "storage_type", kind), "value_field")
