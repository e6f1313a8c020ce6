"""Vectors of documents on disk, in one sqlite3 file, keyed by model and text."""

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from sklux._teacher.file_locks import LOCK_ERRORS, lock_failure
from sklux._utils.messages import CACHE_PATH

# Part of every key. Raise it when the meaning of a key changes.
KEY_VERSION = 1
FILE_NAME = "teacher.sqlite3"
VARIABLE = "SKLUX_DATA_HOME"
BUSY_TIMEOUT_S = 600
# After this time, a locked file is tried itself: its file system may have no locks.
FIRST_TIMEOUT_S = 0.5
# sqlite allows 32,766 variables in a statement, older builds 999.
KEYS_PER_QUERY = 900

_TABLES = """
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


def data_home() -> Path:
    """Folder for data that is kept between programs.

    Returns
    -------
    pathlib.Path
        ``$SKLUX_DATA_HOME``, or else the user's cache folder.

    Raises
    ------
    OSError
        If the user has no home folder, and no variable names another folder.
    """
    if os.environ.get(VARIABLE):
        return with_home(os.environ[VARIABLE], VARIABLE)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return with_home(base, folder_setting(None)) / "sklux"


def folder_setting(folder: str | os.PathLike[str] | None) -> str:
    """What sets the folder of the cache, for messages.

    Parameters
    ----------
    folder : str, path-like or None
        The parameter `path` of `CachedTeacher`.

    Returns
    -------
    str
        The parameter if it is given, or the variable if it is set, or both.
    """
    if folder is not None:
        return CACHE_PATH
    return VARIABLE if os.environ.get(VARIABLE) else f"{VARIABLE}, or {CACHE_PATH},"


def with_home(folder: str | os.PathLike[str], setting: str) -> Path:
    """Replace a leading ``~`` by the user's home folder.

    Parameters
    ----------
    folder : str or path-like
        A folder.
    setting : str
        What sets the folder, for the message.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    OSError
        If there is no home folder: HOME is not set, and the user has no name.
    """
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise OSError(
            f"The folder of the teacher cache, {os.fspath(folder)!r}, cannot be found: "
            f"{str(error).rstrip('.')}. Set {setting} to a folder that can be written."
        ) from error


def text_key(identity: str, dtype: str, text: str, windows: int = 1) -> bytes:
    """Key of a document's vector: blake2b-128 of everything that determines it.

    Parameters
    ----------
    identity : str
        Identity of the model, with the options of its calls.
    dtype : str
        Type to which the vector is rounded.
    text : str
        The document; lone surrogates are allowed.
    windows : int, default=1
        Maximum number of windows of a long document.

    Returns
    -------
    bytes of length 16
        Equal for equal arguments only.
    """
    digest = hashlib.blake2b(digest_size=16)
    # A single window is not part of a key: keys are older than windows.
    options = [] if windows == 1 else [f"windows={windows}"]
    for part in (str(KEY_VERSION), identity, dtype, *options, text):
        encoded = part.encode("utf-8", "surrogatepass")
        # The length before each part distinguishes ("ab", "c") from ("a", "bc").
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


def _in_parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Yield keys in parts that one statement can take."""
    for start in range(0, len(keys), KEYS_PER_QUERY):
        yield keys[start : start + KEYS_PER_QUERY]


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let processes read while another process writes."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # The busy timeout has no effect here: sqlite fails at once if another
            # process is switching the same new file.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


class VectorCache:
    """Vectors of one model in one file.

    Parameters
    ----------
    folder : str, path-like or None
        Folder of the file; None means `data_home`.
    identity : str
        Identity of the model, with the options of its calls.
    dtype : str
        Type in which the vectors are stored.
    windows : int, default=1
        Maximum number of windows of a long document.
    compute_dtype : str, default='float32'
        Type in which the model computes. Vectors of another type than float32 have an
        identity of their own.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] | None,
        identity: str,
        dtype: str,
        windows: int = 1,
        compute_dtype: str = "float32",
    ):
        self.setting = folder_setting(folder)
        folder = data_home() if folder is None else with_home(folder, self.setting)
        # Resolved, so that claims on a file meet even if links lead to it.
        self.file = folder.resolve() / FILE_NAME
        self.compute_dtype = compute_dtype
        self.model_identity = identity
        # float32 is not part of an identity: vectors are older than other types.
        self.identity = (
            identity
            if compute_dtype == "float32"
            else f"{identity}, computed in {compute_dtype}"
        )
        self.dtype = np.dtype(dtype)
        self.windows = windows
        self._is_ready = False

    def key(self, text: str) -> bytes:
        """Key of a document's vector."""
        return text_key(self.identity, self.dtype.name, text, self.windows)

    def n_components(self) -> int | None:
        """Width of the model's vectors, or None if none is stored."""
        with self._reading() as connection:
            return None if connection is None else self._stored_width(connection)

    def known_compute_dtype(self) -> str | None:
        """Type in which the model computes its vectors for this file, if it is known.

        Returns
        -------
        str or None
            The type that was chosen, or ``'float32'`` if the file holds vectors of the
            model without a choice. None if the file has nothing of the model.
        """
        with self._reading() as connection:
            return None if connection is None else self._chosen(connection)

    def keep_compute_dtype(self, chosen: str) -> str:
        """Store a choice, unless another thread or process was first.

        Parameters
        ----------
        chosen : str
            Type in which the model is to compute.

        Returns
        -------
        str
            The type that holds for this file.

        Raises
        ------
        OSError
            If the disk is full or read-only.
        """
        self._make_file()
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            before = self._chosen(connection)
            if before is None:
                connection.execute(
                    "INSERT INTO compute_dtypes VALUES (?, ?)",
                    (self.model_identity, chosen),
                )
            connection.commit()
        return before or chosen

    def _chosen(self, connection: sqlite3.Connection) -> str | None:
        """Type that was chosen, or that the stored vectors must have."""
        query = "SELECT 1 FROM sqlite_master WHERE name = 'compute_dtypes'"
        if connection.execute(query).fetchone():
            row = connection.execute(
                "SELECT compute_dtype FROM compute_dtypes WHERE identity = ?",
                (self.model_identity,),
            ).fetchone()
            if row:
                return str(row[0])
        # Vectors without a choice are older than choices, or the user chose float32.
        width = self._stored_width(connection, self.model_identity)
        return None if width is None else "float32"

    def get(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Return the stored vectors of some keys.

        Parameters
        ----------
        keys : sequence of bytes
            Keys, as `key` returns them.

        Returns
        -------
        dict of bytes to ndarray of shape (n_components,)
            The vectors that are stored, in the cache's dtype.

        Raises
        ------
        OSError
            If a stored vector is not finite, or its width is not the model's.
        """
        found: dict[bytes, bytes] = {}
        with self._reading() as connection:
            if connection is None:
                return {}
            for some in _in_parts(keys):
                places = ",".join("?" * len(some))
                found.update(
                    connection.execute(
                        "SELECT key, CAST(vector AS BLOB) FROM vectors "
                        f"WHERE key IN ({places})",
                        some,
                    )
                )
            width = self._stored_width(connection)
        return {key: self._vector(value, width) for key, value in found.items()}

    def count(self, keys: Iterable[bytes]) -> int:
        """Count the keys that have a stored vector, without reading the vectors.

        Parameters
        ----------
        keys : iterable of bytes
            Keys, as `key` returns them. Equal keys count as one.

        Returns
        -------
        int
            Number of distinct keys with a vector.
        """
        n_found = 0
        with self._reading() as connection:
            if connection is None:
                return 0
            for some in _in_parts(list(dict.fromkeys(keys))):
                places = ",".join("?" * len(some))
                (n_rows,) = connection.execute(
                    f"SELECT count(*) FROM vectors WHERE key IN ({places})", some
                ).fetchone()
                n_found += n_rows
        return n_found

    def _vector(self, value: bytes, width: int | None) -> np.ndarray:
        """Return a stored vector after a check: files get truncated and edited."""
        n_values, rest = divmod(len(value), self.dtype.itemsize)
        if rest or n_values != width:
            raise self._damage_error(
                f"a vector of {len(value)} B is not a {self.dtype.name} vector of "
                f"width {width}"
            )
        vector = np.frombuffer(value, self.dtype)
        if not np.isfinite(vector).all():
            raise self._damage_error("a vector has NaN or infinity")
        return vector

    def put(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Store vectors in one transaction. Stored keys keep their vectors.

        Parameters
        ----------
        keys : sequence of bytes of length n_samples
            Keys, as `key` returns them.
        vectors : ndarray of shape (n_samples, n_components)
            Finite vectors, in the cache's dtype.

        Raises
        ------
        ValueError
            If stored vectors of the model have another width.
        OSError
            If the disk is full or read-only. Nothing of this call is stored.
        """
        self._make_file()
        with self._connection() as connection:
            # IMMEDIATE: no other process writes between reading and writing the width.
            connection.execute("BEGIN IMMEDIATE")
            stored = self._stored_width(connection)
            if stored is None:
                connection.execute(
                    "INSERT INTO models VALUES (?, ?)",
                    (self.identity, vectors.shape[1]),
                )
            elif stored != vectors.shape[1]:
                connection.rollback()
                raise ValueError(
                    f"The teacher returned vectors of width {vectors.shape[1]}, but "
                    f"the cache {str(self.file)!r} holds vectors of width {stored} "
                    f"for the same model ({self.identity}). Give the changed model "
                    f"another model_id, or set {self.setting} to another folder."
                )
            connection.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?)",
                [(key, vector.tobytes()) for key, vector in zip(keys, vectors)],
            )
            connection.commit()

    def _stored_width(
        self, connection: sqlite3.Connection, identity: str | None = None
    ) -> int | None:
        """Width of the model's vectors according to the file."""
        row = connection.execute(
            "SELECT n_components FROM models WHERE identity = ?",
            (identity or self.identity,),
        ).fetchone()
        return None if row is None else row[0]

    @staticmethod
    def _has_tables(connection: sqlite3.Connection) -> bool:
        """Whether the file is complete: another process may still be making it."""
        query = "SELECT count(*) FROM sqlite_master WHERE name IN ('models', 'vectors')"
        return connection.execute(query).fetchone()[0] == 2

    def _make_file(self) -> None:
        """Make the folder, the file and its tables if they are missing."""
        if self._is_ready:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._storage_error(error) from error
        with self._connection() as connection:
            _switch_to_wal(connection)
            connection.executescript(_TABLES)
        self._is_ready = True

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file for reading; None if it does not hold the tables yet."""
        if not self.file.exists():
            yield None
            return
        with self._connection() as connection:
            yield connection if self._has_tables(connection) else None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Open the file for a block, and name it in errors."""
        try:
            with closing(self._connect()) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise self._storage_error(error) from error
        except sqlite3.DatabaseError as error:
            raise self._damage_error(error) from error

    def _connect(self) -> sqlite3.Connection:
        """Open the file, only for reading if writing is not allowed."""
        connection = sqlite3.connect(
            self.file, timeout=FIRST_TIMEOUT_S, isolation_level=None
        )
        try:
            self._wait_for_lock(connection)
            return connection
        except sqlite3.Error as error:
            connection.close()
            primary_code = error.sqlite_errorcode & 0xFF
            if primary_code not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
        # A file in WAL mode cannot be opened if its side files cannot be made. It can
        # be read as an immutable file.
        return sqlite3.connect(
            f"{self.file.as_uri()}?immutable=1", uri=True, isolation_level=None
        )

    def _wait_for_lock(self, connection: sqlite3.Connection) -> None:
        """Wait until the file can be read; refuse a file system without locks."""
        query = "SELECT 1 FROM sqlite_master"
        try:
            connection.execute(query)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            failure = lock_failure(self.file)
            if failure is not None:
                connection.close()
                raise self._no_locks_error(failure) from error
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")
        connection.execute(query)

    def _no_locks_error(self, cause: Exception) -> OSError:
        """Return an error for a file system without locks."""
        return OSError(
            f"The teacher cache {str(self.file)!r} cannot be used: its file system has "
            f"no working file locks ({cause}). Some network file systems have none. "
            f"Set {self.setting} to a folder on a local disk."
        )

    def _storage_error(self, error: Exception) -> OSError:
        """Return an error that names the file, the cause and the remedy."""
        if getattr(error, "sqlite_errorcode", None) in LOCK_ERRORS:
            return self._no_locks_error(error)
        return OSError(
            f"The teacher cache {str(self.file)!r} cannot be read or written: {error}. "
            "Vectors stored before are kept. Free disk space, or set "
            f"{self.setting} to a folder that can be written."
        )

    def _damage_error(self, cause: object) -> OSError:
        """Return an error for a file with other content than was stored."""
        return OSError(
            f"The teacher cache {str(self.file)!r} is damaged or not a cache: {cause}. "
            f"Delete or move the file, or set {self.setting} to another folder."
        )
