"""The file of teacher embeddings: its folder, its connections and its errors."""

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sklux._teacher.cache_layout import make_tables, table_names
from sklux._teacher.file_locks import LOCK_ERRORS, lock_failure
from sklux._utils.messages import CACHE_PATH

FILE_NAME = "teacher.sqlite3"
VARIABLE = "SKLUX_DATA_HOME"
BUSY_TIMEOUT_S = 600
# After this time, a locked file is tried itself: its file system may have no locks.
FIRST_TIMEOUT_S = 0.5
# A page has room for several vectors, so few bytes of a page stay empty.
PAGE_BYTES = 16384


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


def _text(value: bytes) -> str:
    """Return a text of the file, which may be damaged."""
    return value.decode("utf-8", "replace")


class CacheFile:
    """The file that holds the vectors of all models.

    Parameters
    ----------
    folder : str, path-like or None
        Folder of the file; None means `data_home`.

    Attributes
    ----------
    file : Path
        The file, resolved.
    setting : str
        What sets the folder, for messages.
    """

    def __init__(self, folder: str | os.PathLike[str] | None):
        self.setting = folder_setting(folder)
        folder = data_home() if folder is None else with_home(folder, self.setting)
        # Resolved, so that claims on a file meet even if links lead to it.
        self.file = folder.resolve() / FILE_NAME
        self._is_ready = False

    def make(self) -> None:
        """Make the folder, the file and its tables if they are missing."""
        if self._is_ready:
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._storage_error(error) from error
        with self.connection() as connection:
            # It has an effect on a new file only.
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            _switch_to_wal(connection)
            make_tables(connection)
        self._is_ready = True

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file for reading; None if it does not hold the tables yet."""
        if not self.file.exists():
            yield None
            return
        with self.connection() as connection:
            yield connection if "models" in table_names(connection) else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open the file for a transaction; an error leaves the file as it was."""
        self.make()
        with self.connection() as connection:
            # IMMEDIATE: no other process writes between reading and writing.
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Open the file for a block, and name it in errors."""
        try:
            with closing(self._connect()) as connection:
                # A damaged name is a wrong name. It must not be an error.
                connection.text_factory = _text
                yield connection
        except sqlite3.OperationalError as error:
            raise self._storage_error(error) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            # Messages of sqlite quote names of the file, which may be damaged.
            raise self.damage_error(error) from error

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
        except BaseException:
            connection.close()
            raise
        # A file in WAL mode cannot be opened if its side files cannot be made. It can
        # be read as an immutable file, but sqlite then ignores the WAL.
        self._refuse_unread_wal()
        return sqlite3.connect(
            f"{self.file.as_uri()}?immutable=1", uri=True, isolation_level=None
        )

    def _refuse_unread_wal(self) -> None:
        """Refuse a file whose last vectors are in a WAL that cannot be read."""
        wal = self.file.with_name(f"{self.file.name}-wal")
        if not wal.exists() or wal.stat().st_size == 0:
            return
        raise OSError(
            f"The teacher cache {str(self.file)!r} cannot be read completely: its last "
            f"vectors are in {wal.name!r}, and sqlite cannot make {FILE_NAME}-shm, "
            "which it needs to read them. Copy both files to a folder that can be "
            f"written and set {self.setting} to it. Or run `sklux cache` on the "
            "original, which moves these vectors into the file, and copy it again."
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

    def damage_error(self, cause: object) -> OSError:
        """Return an error for a file with other content than was stored."""
        return OSError(
            f"The teacher cache {str(self.file)!r} is damaged or not a cache: {cause}. "
            f"Delete or move the file, or set {self.setting} to another folder."
        )
