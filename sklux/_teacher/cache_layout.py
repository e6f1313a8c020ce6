"""The tables of the file of teacher embeddings, and the rows of vectors in them.

The table `embeddings` holds a checksum with each vector. Earlier versions of the
package wrote the table `vectors`, without checksums. It is read, but not written.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# sqlite allows 32,766 variables in a statement, older builds 999.
KEYS_PER_QUERY = 900
CHECKSUM_BYTES = 8

# Earlier versions read and write `models` and `compute_dtypes`, too.
_TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS models (
    identity TEXT PRIMARY KEY,
    n_components INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS compute_dtypes (
    identity TEXT PRIMARY KEY,
    compute_dtype TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL,
    dtype TEXT NOT NULL,
    windows INTEGER NOT NULL,
    n_components INTEGER NOT NULL,
    checksum BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS embeddings (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    key BLOB NOT NULL,
    checksum BLOB NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS embedding_keys ON embeddings (key, series);
COMMIT;
"""


@dataclass(frozen=True)
class Series:
    """Vectors of one model, which are stored in one way.

    Attributes
    ----------
    identity : str
        Identity of the model.
    dtype : str
        Type of the stored numbers.
    windows : int
        Maximum number of windows of a document.
    """

    identity: str
    dtype: str
    windows: int

    def checksum(self, width: int) -> bytes:
        """Checksum of the row of this series.

        Parameters
        ----------
        width : int
            Width of the vectors.

        Returns
        -------
        bytes of length 8
            The checksum.
        """
        row = repr((self.identity, self.dtype, self.windows, width))
        encoded = row.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(encoded, digest_size=CHECKSUM_BYTES).digest()


def vector_checksum(key: bytes, series: int, vector: bytes) -> bytes:
    """Checksum of a row of `embeddings`.

    Parameters
    ----------
    key : bytes
        Key of the text: the vector of another text has another checksum.
    series : int
        Number of its series.
    vector : bytes
        The vector.

    Returns
    -------
    bytes of length 8
        The checksum.
    """
    digest = hashlib.blake2b(digest_size=CHECKSUM_BYTES)
    digest.update(f"{series} ".encode())
    digest.update(key)
    digest.update(vector)
    return digest.digest()


def has_checksum(
    key: bytes | None, series: int, vector: bytes | None, checksum: bytes | None
) -> bool:
    """Whether a row of `embeddings` is whole.

    Parameters
    ----------
    key : bytes or None
        Key of the text. A damaged row can have nulls.
    series : int
        Number of its series.
    vector : bytes or None
        The vector.
    checksum : bytes or None
        The stored checksum.

    Returns
    -------
    bool
        True if the checksum is right.
    """
    if key is None or vector is None:
        return False
    return vector_checksum(key, series, vector) == checksum


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables that are missing, all or none.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file.
    """
    connection.executescript(_TABLES)


def table_names(connection: sqlite3.Connection) -> set[str]:
    """Names of the tables of a file; another process may still be making them.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file.

    Returns
    -------
    set of str
        The names.
    """
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return {str(name) for (name,) in connection.execute(query)}


def in_parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield keys in parts that one statement can take.

    Parameters
    ----------
    keys : sequence of bytes
        Keys.

    Yields
    ------
    sequence of bytes
        At most 900 keys.
    """
    for start in range(0, len(keys), KEYS_PER_QUERY):
        yield keys[start : start + KEYS_PER_QUERY]


def known_width(connection: sqlite3.Connection, identity: str) -> int | None:
    """Width of a model's vectors according to the file.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file.
    identity : str
        Identity of the model.

    Returns
    -------
    int or None
        None if the file has no vector of the model.
    """
    if "series" in table_names(connection):
        rows = connection.execute(
            "SELECT dtype, windows, n_components, CAST(checksum AS BLOB) FROM series "
            "WHERE identity = ?",
            (identity,),
        )
        for dtype, windows, width, checksum in rows:
            if Series(identity, dtype, windows).checksum(width) == checksum:
                return int(width)
    # It has no checksum, so it counts only for vectors of an earlier version.
    row = connection.execute(
        "SELECT n_components FROM models WHERE identity = ?", (identity,)
    ).fetchone()
    return None if row is None else row[0]


def series_number(connection: sqlite3.Connection, series: Series, width: int) -> int:
    """Number of a series; its row is made if it is missing, and mended if damaged.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file, in a transaction that may write.
    series : Series
        The series.
    width : int
        Width of its vectors.

    Returns
    -------
    int
        The number.
    """
    checksum = series.checksum(width)
    names = (series.identity, series.dtype, series.windows)
    row = connection.execute(
        "SELECT id, CAST(checksum AS BLOB), n_components FROM series "
        "WHERE identity = ? AND dtype = ? AND windows = ?",
        names,
    ).fetchone()
    if row is None:
        connection.execute(
            "INSERT OR IGNORE INTO models VALUES (?, ?)", (series.identity, width)
        )
        cursor = connection.execute(
            "INSERT INTO series (identity, dtype, windows, n_components, checksum) "
            "VALUES (?, ?, ?, ?, ?)",
            (*names, width, checksum),
        )
        return int(cursor.lastrowid or 0)
    if row[1:] != (checksum, width):
        connection.execute(
            "UPDATE series SET n_components = ?, checksum = ? WHERE id = ?",
            (width, checksum, row[0]),
        )
    return int(row[0])


def read_vectors(
    connection: sqlite3.Connection,
    keys: Sequence[bytes],
    dtype: np.dtype,
    width: int | None,
) -> tuple[dict[bytes, np.ndarray], set[bytes]]:
    """Vectors of some keys, and the keys whose stored vectors are damaged.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file.
    keys : sequence of bytes
        Keys.
    dtype : numpy.dtype
        Type of the vectors.
    width : int or None
        Their width, if it is known.

    Returns
    -------
    found : dict of bytes to ndarray of shape (n_components,)
        The vectors that are stored and whole.
    damaged : set of bytes
        Keys that have a damaged vector and no whole one.
    """
    found: dict[bytes, np.ndarray] = {}
    damaged: set[bytes] = set()
    asked = set(keys)
    for key, value in _stored_values(connection, keys):
        # A damaged row or index leads to another key.
        if key not in asked:
            continue
        vector = None if value is None else _vector(value, dtype, width)
        if vector is None:
            damaged.add(key)
        else:
            # The first one counts: the later table is read first.
            found.setdefault(key, vector)
    return found, damaged - found.keys()


def _stored_values(
    connection: sqlite3.Connection, keys: Sequence[bytes]
) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield keys with the bytes of their vectors; None if the checksum is wrong."""
    tables = table_names(connection)
    for some in in_parts(keys):
        places = ",".join("?" * len(some))
        if "embeddings" in tables:
            rows = connection.execute(
                "SELECT CAST(key AS BLOB), series, CAST(checksum AS BLOB), "
                f"CAST(vector AS BLOB) FROM embeddings WHERE key IN ({places}) "
                "ORDER BY id",
                some,
            )
            for key, series, checksum, vector in rows:
                is_whole = has_checksum(key, series, vector, checksum)
                yield key, vector if is_whole else None
        if "vectors" in tables:
            yield from connection.execute(
                "SELECT CAST(key AS BLOB), CAST(vector AS BLOB) FROM vectors "
                f"WHERE key IN ({places})",
                some,
            )


def _vector(value: bytes, dtype: np.dtype, width: int | None) -> np.ndarray | None:
    """Return a stored vector, or None if it is not one: files are edited, too."""
    n_values, rest = divmod(len(value), dtype.itemsize)
    if rest or n_values == 0 or n_values != width:
        return None
    vector = np.frombuffer(value, dtype)
    return vector if np.isfinite(vector).all() else None


def write_vectors(
    connection: sqlite3.Connection,
    series: int,
    vectors: Iterable[tuple[bytes, bytes]],
) -> None:
    """Add rows of vectors.

    A damaged row of the same key stays: its removal fails if its index has another key.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file, in a transaction that may write.
    series : int
        Number of the series of the vectors.
    vectors : iterable of (bytes, bytes)
        Keys that have no whole row, and their vectors.
    """
    connection.executemany(
        "INSERT INTO embeddings (series, key, checksum, vector) VALUES (?, ?, ?, ?)",
        [
            (series, key, vector_checksum(key, series, vector), vector)
            for key, vector in vectors
        ],
    )


def stored_keys(connection: sqlite3.Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Keys that have a row. No vector is read.

    Parameters
    ----------
    connection : sqlite3.Connection
        The open file.
    keys : sequence of bytes
        Keys.

    Returns
    -------
    set of bytes
        The keys of them that have a row, also one that is damaged.
    """
    tables = [
        name for name in ("embeddings", "vectors") if name in table_names(connection)
    ]
    found: set[bytes] = set()
    for some in in_parts(keys):
        places = ",".join("?" * len(some))
        for table in tables:
            query = f"SELECT CAST(key AS BLOB) FROM {table} WHERE key IN ({places})"
            found.update(key for (key,) in connection.execute(query, some))
    return found
