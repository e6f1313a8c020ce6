"""What the file of teacher embeddings holds: a list, a check, and removals."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sklux._teacher.cache_file import CacheFile
from sklux._teacher.cache_layout import Series, has_checksum, table_names
from sklux._teacher.stored_words import damaged_words, remove_words

# Stands for the vectors of earlier versions of the package. Their rows hold no model.
EARLIER = "earlier versions"
ITEM_BYTES = {"float16": 2, "float32": 4}


@dataclass(frozen=True)
class StoredSeries:
    """Vectors of one model, stored in one way.

    Attributes
    ----------
    model : str
        Identity of the model, or `EARLIER`.
    dtype : str or None
        Type of the numbers; None if it is not known.
    windows : int or None
        Maximum number of windows of a document.
    width : int or None
        Width of the vectors.
    n_vectors : int
        Number of vectors.
    n_bytes : int
        Bytes of the vectors.
    """

    model: str
    dtype: str | None
    windows: int | None
    width: int | None
    n_vectors: int
    n_bytes: int


@dataclass(frozen=True)
class Verification:
    """Result of a check of all vectors.

    Attributes
    ----------
    n_whole : int
        Number of vectors whose checksum is right.
    n_damaged : int
        Number of vectors whose checksum is wrong.
    n_unchecked : int
        Number of vectors of earlier versions, which have no checksum.
    faults : tuple of str
        What sqlite finds wrong in the file, and damaged rows of models.
    """

    n_whole: int
    n_damaged: int
    n_unchecked: int
    faults: tuple[str, ...]


class CacheContents(CacheFile):
    """The contents of a file of teacher embeddings.

    Parameters
    ----------
    folder : str, path-like or None
        Folder of the file; None means `data_home`.
    """

    def __init__(self, folder: str | os.PathLike[str] | None):
        super().__init__(folder)

    def n_bytes(self) -> int:
        """Size of the file with its WAL.

        Returns
        -------
        int
            Bytes; 0 without a file.
        """
        names = (self.file.name, f"{self.file.name}-wal")
        files = [self.file.with_name(name) for name in names]
        return sum(file.stat().st_size for file in files if file.exists())

    def series(self) -> list[StoredSeries]:
        """List the stored vectors by model.

        Returns
        -------
        list of StoredSeries
            In the order in which they came into the file. The vectors of earlier
            versions are the last entry.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        with self.reading() as connection:
            if connection is None:
                return []
            tables = table_names(connection)
            found = []
            if "embeddings" in tables:
                found = [_stored_series(*row) for row in connection.execute(_LIST)]
            if "vectors" in tables:
                n_vectors, n_bytes = connection.execute(_EARLIER_SIZE).fetchone()
                if n_vectors:
                    found.append(
                        StoredSeries(EARLIER, None, None, None, n_vectors, n_bytes)
                    )
            return found

    def verify(self, remove: bool = False) -> Verification:
        """Compare all vectors with their checksums.

        Parameters
        ----------
        remove : bool, default=False
            Whether to remove damaged vectors.

        Returns
        -------
        Verification
            What was found.

        Raises
        ------
        OSError
            If the file cannot be read, or is to be written and cannot.
        """
        with self._whole_file() as connection:
            if connection is None:
                return Verification(0, 0, 0, ())
            tables = table_names(connection)
            n_rows, damaged, n_unchecked = 0, [], 0
            faults = list(_structure_faults(connection))
            if "embeddings" in tables:
                for number, is_whole in _checked_rows(connection):
                    n_rows += 1
                    if not is_whole:
                        damaged.append((number,))
                faults += _damaged_series(connection)
            words = damaged_words(connection)
            faults += [
                f"the words of the model {name!r} are damaged" for _, name in words
            ]
            if "vectors" in tables:
                query = "SELECT count(*) FROM vectors"
                n_unchecked = connection.execute(query).fetchone()[0]
            if remove and (damaged or faults):
                _remove_rows(connection, damaged, [(number,) for number, _ in words])
        n_damaged = len(damaged)
        return Verification(n_rows - n_damaged, n_damaged, n_unchecked, tuple(faults))

    def prune(self, model: str) -> int:
        """Remove all vectors of a model, and give their space back.

        Parameters
        ----------
        model : str
            Identity of the model, as `series` lists it, or `EARLIER`.

        Returns
        -------
        int
            Number of vectors removed.

        Raises
        ------
        ValueError
            If the file has no vector of the model.
        OSError
            If the file cannot be written.
        """
        listed = self.series()
        chosen = [stored for stored in listed if stored.model == model]
        if not chosen:
            names = ", ".join(dict.fromkeys(repr(stored.model) for stored in listed))
            raise ValueError(
                f"The teacher cache {str(self.file)!r} has no vectors of {model!r}. "
                f"It has vectors of: {names or 'no model'}."
            )
        with self._whole_file() as connection:
            if connection is None:
                return 0
            connection.execute("BEGIN IMMEDIATE")
            if model == EARLIER:
                n_removed = connection.execute("DELETE FROM vectors").rowcount
            else:
                n_removed = _remove_model(connection, model)
            connection.commit()
            connection.execute("VACUUM")
        return n_removed

    @contextmanager
    def _whole_file(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file for work on all rows; None if there is no file."""
        if not self.file.exists():
            yield None
            return
        with self.connection() as connection:
            yield connection if "models" in table_names(connection) else None


_LIST = """
SELECT identity, dtype, windows, n_components, n_vectors FROM series
LEFT JOIN (SELECT series, count(*) AS n_vectors FROM embeddings GROUP BY series) AS n
ON n.series = series.id ORDER BY series.id
"""
_EARLIER_SIZE = "SELECT count(*), coalesce(sum(length(vector)), 0) FROM vectors"


def _stored_series(
    model: str, dtype: str, windows: int, width: object, n_vectors: int | None
) -> StoredSeries:
    """Return an entry of the list; a damaged type or width has no size."""
    n_vectors = n_vectors or 0
    width = width if isinstance(width, int) else 0
    n_bytes = n_vectors * width * ITEM_BYTES.get(dtype, 0)
    return StoredSeries(model, dtype, windows, width, n_vectors, n_bytes)


def _checked_rows(connection: sqlite3.Connection) -> Iterator[tuple[int, bool]]:
    """Yield the number of each row, and whether its checksum is right."""
    rows = connection.execute(
        "SELECT id, series, CAST(key AS BLOB), CAST(checksum AS BLOB), "
        "CAST(vector AS BLOB) FROM embeddings NOT INDEXED"
    )
    for number, series, key, checksum, vector in rows:
        yield number, has_checksum(key, series, vector, checksum)


def _damaged_series(connection: sqlite3.Connection) -> list[str]:
    """Name the rows of models that are damaged."""
    rows = connection.execute(
        "SELECT identity, dtype, windows, n_components, CAST(checksum AS BLOB) "
        "FROM series"
    )
    return [
        f"the row of the model {identity!r} is damaged"
        for identity, dtype, windows, width, checksum in rows
        if Series(identity, dtype, windows).checksum(width) != checksum
    ]


def _structure_faults(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what sqlite finds wrong in the structure of the file."""
    for (found,) in connection.execute("PRAGMA integrity_check"):
        if found != "ok":
            yield " ".join(str(found).split())


def _remove_rows(
    connection: sqlite3.Connection, vectors: list[tuple[int]], words: list[tuple[int]]
) -> None:
    """Remove rows of vectors and of words by their numbers, and mend the indexes."""
    # An index with a damaged key would refuse the removal.
    connection.execute("REINDEX")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("DELETE FROM embeddings WHERE id = ?", vectors)
    if words:
        connection.executemany("DELETE FROM words WHERE rowid = ?", words)
    connection.commit()


def _remove_model(connection: sqlite3.Connection, model: str) -> int:
    """Remove the rows of a model, and count its vectors."""
    cursor = connection.execute(
        "DELETE FROM embeddings WHERE series IN "
        "(SELECT id FROM series WHERE identity = ?)",
        (model,),
    )
    connection.execute("DELETE FROM series WHERE identity = ?", (model,))
    remove_words(connection, model)
    has_earlier = "vectors" in table_names(connection) and bool(
        connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
    )
    # Vectors of earlier versions may be of this model, and need its width and type.
    if not has_earlier:
        connection.execute("DELETE FROM models WHERE identity = ?", (model,))
        connection.execute(
            "DELETE FROM compute_dtypes WHERE identity = ?1 "
            "OR identity || ', computed in ' || compute_dtype = ?1",
            (model,),
        )
    return cursor.rowcount
