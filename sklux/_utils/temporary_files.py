"""Temporary files next to an output, and the removal of those that a kill has left.

A process holds a lock on its temporary file while it writes. The system releases the
lock when the process ends, however it ends. So a temporary file that can be locked
belongs to no living process. Windows refuses to remove a file that a process has open.
"""

import os
import re
import stat
import sys
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

SUFFIX = ".partial"
# A temporary file with this further suffix next to it holds a complete result, which
# nobody may remove.
KEPT = ".kept"


class TemporaryFile:
    """An empty file of this process.

    Parameters
    ----------
    path : Path
        The file.
    descriptor : int or None, default=None
        The open file that holds its lock.
    """

    def __init__(self, path: Path, descriptor: int | None = None):
        self.path = path
        self._descriptor = descriptor
        self._is_removable, self._is_kept = descriptor is not None, False

    @property
    def _mark(self) -> Path:
        """The file that protects a complete result."""
        return self.path.with_name(self.path.name + KEPT)

    def keep(self) -> None:
        """Protect the file from other processes, because it holds a complete result."""
        if self._is_removable:
            with suppress(OSError):
                self._mark.touch()
                self._is_kept = True

    def release(self) -> None:
        """Give up the lock."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def remove(self) -> None:
        """Remove the file, if it is there and the file system allows it."""
        if os.name == "nt":
            self.release()
        with suppress(OSError):
            self.path.unlink()
        if self._is_kept:
            with suppress(OSError):
                self._mark.unlink()
        self.release()


def temporary_next_to(target: Path) -> TemporaryFile:
    """Make an empty temporary file in the folder of an output.

    Parameters
    ----------
    target : Path
        The output.

    Returns
    -------
    TemporaryFile
        The file; only the next write to the same output may remove it.

    Raises
    ------
    OSError
        If the folder allows no new file.
    """
    while True:
        path = target.parent / f".{_digest(target)}.{uuid4().hex[:12]}{SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if not _can_lock(descriptor):
            # Without locks, nobody could tell whose file it is. A file of this name is
            # never removed by another process.
            os.close(descriptor)
            path.unlink(missing_ok=True)
            path = target.parent / f".{uuid4().hex[:12]}{SUFFIX}"
            path.touch(exist_ok=False)
            return TemporaryFile(path)
        # Another process may have removed the file before it was locked.
        if path.exists():
            return TemporaryFile(path, descriptor)
        os.close(descriptor)


def remove_abandoned(target: Path) -> None:
    """Remove the temporary files that killed processes have left of an output.

    Parameters
    ----------
    target : Path
        The output. Files of other outputs, of other users and of living processes
        stay, and so do complete results.
    """
    pattern = re.compile(rf"\.{_digest(target)}\.[0-9a-f]{{12}}{re.escape(SUFFIX)}")
    try:
        names = set(os.listdir(target.parent))
    except OSError:
        return
    for name in names:
        if pattern.fullmatch(name) and name + KEPT not in names:
            _remove_if_abandoned(target.parent / name)
        elif pattern.fullmatch(name.removesuffix(KEPT)) and (
            name.removesuffix(KEPT) not in names
        ):
            # The user has moved the result away.
            with suppress(OSError):
                os.unlink(target.parent / name)


def _remove_if_abandoned(path: Path) -> None:
    """Remove a file of this user that no process has locked."""
    with suppress(OSError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return
        if sys.platform == "win32":
            path.unlink()
            return
        if status.st_uid != os.geteuid():
            return
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            if _can_lock(descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


def _can_lock(descriptor: int) -> bool:
    """Lock an open file, unless another process has; always true on Windows."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Put the names of a folder on the disk, where the system offers it.

    Parameters
    ----------
    folder : Path
        The folder, in which a file was renamed.
    """
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _digest(target: Path) -> str:
    """Digits that stand for the name of an output in names of temporary files."""
    return blake2b(os.fsencode(target.name), digest_size=6).hexdigest()
