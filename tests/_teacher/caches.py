"""Caches for the tests of this folder, also such as earlier versions wrote."""

import re
import sqlite3
from contextlib import closing

import numpy as np

from sklux._teacher.cache import VectorCache
from sklux._teacher.cache_file import FILE_NAME

# The tables before vectors had checksums.
EARLIER_TABLES = """
CREATE TABLE IF NOT EXISTS models (
    identity TEXT PRIMARY KEY,
    n_components INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS vectors (
    key BLOB PRIMARY KEY,
    vector BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS compute_dtypes (
    identity TEXT PRIMARY KEY,
    compute_dtype TEXT NOT NULL
);
"""


class EarlierCache:
    """Reads and writes a file as the version without checksums did."""

    def __init__(self, folder, identity="model"):
        self.file = folder / FILE_NAME
        self.identity = identity

    def connect(self):
        """Open the file."""
        return closing(sqlite3.connect(self.file, timeout=60, isolation_level=None))

    def put(self, keys, vectors):
        """Store vectors; stored keys keep their vectors."""
        with self.connect() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(EARLIER_TABLES)
            connection.execute("BEGIN IMMEDIATE")
            query = "SELECT n_components FROM models WHERE identity = ?"
            if connection.execute(query, (self.identity,)).fetchone() is None:
                connection.execute(
                    "INSERT INTO models VALUES (?, ?)",
                    (self.identity, vectors.shape[1]),
                )
            connection.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?)",
                [(key, vector.tobytes()) for key, vector in zip(keys, vectors)],
            )
            connection.commit()

    def get(self, keys, dtype=np.float16):
        """Stored vectors of some keys."""
        places = ",".join("?" * len(keys))
        with self.connect() as connection:
            query = f"SELECT key, vector FROM vectors WHERE key IN ({places})"
            rows = connection.execute(query, keys).fetchall()
        return {key: np.frombuffer(vector, dtype) for key, vector in rows}


def vectors_of(n_samples, n_components=4, dtype=np.float16, seed=0):
    """Random vectors."""
    random_state = np.random.RandomState(seed)
    return random_state.normal(size=(n_samples, n_components)).astype(dtype)


def filled(folder, texts, dtype="float16", identity="model"):
    """A cache with a vector for each text, and the vectors."""
    cache = VectorCache(folder, identity, dtype)
    vectors = vectors_of(len(texts), dtype=dtype)
    cache.put([cache.key(text) for text in texts], vectors)
    return cache, vectors


def with_pragma(monkeypatch, pragma):
    """Run a pragma on each new connection, so that sqlite itself fails."""
    connect = VectorCache._connect

    def connect_with_pragma(self):
        connection = connect(self)
        connection.execute(pragma)
        return connection

    monkeypatch.setattr(VectorCache, "_connect", connect_with_pragma)


def remedy(file, cause):
    """Pattern of the error for a file that sqlite cannot read or write."""
    return (
        rf"The teacher cache {re.escape(repr(str(file)))} cannot be read or written: "
        rf".*{cause}.*\. Vectors stored before are kept\. Free disk space, or set the "
        r"path of CachedTeacher to a folder that can be written"
    )
