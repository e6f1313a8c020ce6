"""File locks: whether a file system has them. sqlite cannot work without them."""

import errno
import os
import sqlite3
import sys
from pathlib import Path

# How sqlite reports a failed lock that another process does not hold. It reports ENOLCK
# like the lock of another process, as SQLITE_BUSY.
LOCK_ERRORS = (
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
)
HELD_BY_ANOTHER = (errno.EACCES, errno.EAGAIN)

# Closing a file releases all locks that the process holds on it, sqlite's locks too. So
# a file that was opened for the test stays open.
_descriptors: dict[str, int] = {}


def lock_failure(file: Path) -> OSError | None:
    """Why a file cannot be locked, although nobody holds its lock.

    Parameters
    ----------
    file : Path
        A file.

    Returns
    -------
    OSError or None
        None if the file can be locked, another process holds the lock, or this cannot
        be found out.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        descriptor = _descriptors.get(str(file))
        if descriptor is None:
            descriptor = os.open(file, os.O_RDONLY)
            _descriptors[str(file)] = descriptor
    except OSError:
        return None
    try:
        # sqlite never locks the first byte.
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, 1)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1)
    except OSError as error:
        return None if error.errno in HELD_BY_ANOTHER else error
    return None
