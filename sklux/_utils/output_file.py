"""Output files: written to a temporary file first, complete or not at all.

The finished temporary file is renamed. A reader then sees the old file or the new one,
never a part. Where no file can be renamed, it is copied into the output instead: the
output may be a mount point, a pipe or a device, or lie in a folder in which the user
may not make files. If this last step fails as well, the temporary file stays, and the
message names it.

The content is on the disk before the rename, and the rename before the writer goes on.
A process that is killed leaves the old file or the new one. The next write to the same
output removes its temporary file.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sklux._utils.temporary_files import (
    SUFFIX,
    TemporaryFile,
    remove_abandoned,
    sync_folder,
    temporary_next_to,
)

COPY_BYTES = 2**20
# Links that are followed before a path is taken for a circle of links.
MAX_LINKS = 40
STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}


class NotReplacedError(OSError):
    """A complete result could not be put in its place; the message names its file."""


@dataclass(frozen=True)
class Destination:
    """Where an output goes, and how.

    Attributes
    ----------
    path : str
        The output as the caller named it, for messages.
    target : Path
        The file behind all links.
    status : os.stat_result or None
        Status of the existing file; None for a new file.
    descriptor : int or None
        Number of an open file of this process, such as 1 for ``/dev/stdout``.
    """

    path: str
    target: Path
    status: os.stat_result | None
    descriptor: int | None = None

    @property
    def is_stream(self) -> bool:
        """Whether bytes are appended to it: a pipe, a device or an open file."""
        return self.descriptor is not None or (
            self.status is not None and not stat.S_ISREG(self.status.st_mode)
        )


def destination(path: str | os.PathLike[str]) -> Destination:
    """Find out where an output goes; refuse an output that cannot be written.

    Parameters
    ----------
    path : str or path-like
        The output.

    Returns
    -------
    Destination
        Its target.

    Raises
    ------
    OSError
        If it is a folder, a disk or a socket, if its folder does not exist, or if it
        exists and must not be written to.
    """
    name = os.fspath(path)
    descriptor = _descriptor(name)
    if descriptor is not None:
        with _naming(name):
            return Destination(name, Path(name), os.fstat(descriptor), descriptor)
    target = Path(os.path.realpath(name))
    with _naming(name):
        try:
            status = target.stat()
        except FileNotFoundError:
            status = None
    if status is not None:
        _check_existing(name, target, status.st_mode)
    elif not target.parent.is_dir():
        raise FileNotFoundError(
            f"The output {name} cannot be written: the folder {target.parent} does not "
            "exist. Create it first."
        )
    return Destination(name, target, status)


def check_output_file(path: str | os.PathLike[str]) -> None:
    """Refuse an output that cannot be written. Call it before long work.

    Parameters
    ----------
    path : str or path-like
        The output.

    Raises
    ------
    OSError
        If the output cannot be written.
    """
    _temporary_file(destination(path))[0].remove()


@contextmanager
def replaced_when_whole(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty file that becomes the output when it is complete.

    Parameters
    ----------
    path : str or path-like
        The output. An existing file stays as it is until then. It keeps its mode, and
        its owner and group where the user may set them. A link stays a link; other hard
        links keep the old content.

    Yields
    ------
    Path
        Temporary file to write to. An exception in the block removes it.

    Raises
    ------
    OSError
        If the output cannot be written. A complete result is kept in the temporary
        file, which the message names.
    """
    where = destination(path)
    temporary, may_rename = _temporary_file(where)
    partial = temporary.path
    try:
        if may_rename:
            remove_abandoned(where.target)
        mode = _rights_of(where, partial) if may_rename else None
        yield partial
        with open(partial, "rb+") as stream:
            os.fsync(stream.fileno())
        if mode is not None:
            _set_mode(partial, mode)
    except BaseException:
        temporary.remove()
        raise
    try:
        if not (may_rename and _renamed(temporary, where.target)):
            # If the copy stops halfway, only this file is complete.
            temporary.keep()
            _copy(partial, where)
    except OSError as error:
        temporary.release()
        raise NotReplacedError(
            f"The output {where.path} cannot be replaced: {error.strerror}. It may "
            f"hold a part of the result. The complete result is in {partial}: move it "
            "from there."
        ) from error
    except BaseException as error:
        temporary.release()
        error.add_note(f"The complete result for {where.path} is in {partial}.")
        raise
    temporary.remove()


def opened_stream(where: Destination) -> int:
    """Open a pipe, a device or an open file, and return a new file descriptor of it.

    Parameters
    ----------
    where : Destination
        The output.

    Returns
    -------
    int
        The descriptor. A pipe is opened when its reader has opened it.
    """
    if where.descriptor is not None:
        return os.dup(where.descriptor)
    return os.open(where.target, os.O_WRONLY)


def _descriptor(name: str) -> int | None:
    """Number of the open file that a path such as /dev/stdout or /dev/fd/3 names."""
    own = (f"/proc/{os.getpid()}/fd", "/dev/fd")
    for _ in range(MAX_LINKS):
        name = os.path.abspath(name)
        if name in STREAMS:
            return STREAMS[name]
        folder, last = os.path.split(name)
        if last.isdecimal() and os.path.realpath(folder) in own:
            return int(last)
        if not os.path.islink(name):
            return None
        name = os.path.join(folder, os.readlink(name))
    return None


def _check_existing(name: str, target: Path, mode: int) -> None:
    """Refuse an existing output that cannot be written to."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(
            f"The output {name} is a folder. Name a file, such as "
            f"{os.path.join(name, 'output')}."
        )
    if stat.S_ISREG(mode):
        with _naming(name), open(target, "r+b"):
            pass
    elif not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise OSError(
            f"The output {name} exists and is neither a file nor a pipe. Name a file."
        )
    elif not os.access(target, os.W_OK):
        # A pipe is not opened here: this would wait for its reader.
        raise PermissionError(
            f"The output {name} cannot be written: Permission denied. Name a file."
        )


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Put the output and a remedy into system errors."""
    try:
        yield
    except OSError as error:
        raise type(error)(
            f"The output {name} cannot be written: {error.strerror}. Change its "
            "permissions, or give the output another name."
        ) from error


def _temporary_file(where: Destination) -> tuple[TemporaryFile, bool]:
    """Make an empty temporary file; return it, and whether a rename may do."""
    if not where.is_stream:
        try:
            return temporary_next_to(where.target), True
        except OSError as error:
            if where.status is None:
                raise type(error)(
                    f"The output {where.path} cannot be written: {error.strerror}. "
                    "Choose a folder in which you may write."
                ) from error
    # Other users may read this folder.
    partial = Path(tempfile.gettempdir()) / f".{uuid4().hex[:12]}{SUFFIX}"
    partial.touch(mode=0o600, exist_ok=False)
    return TemporaryFile(partial), False


def _rights_of(where: Destination, partial: Path) -> int:
    """Take over owner and group of the old file; return the mode for the new one.

    It happens before anything is written: who cannot read the old file cannot read the
    temporary file.
    """
    own = partial.stat()
    old = own if where.status is None else where.status
    mode = stat.S_IMODE(old.st_mode)
    if (old.st_uid, old.st_gid) != (own.st_uid, own.st_gid):
        try:
            os.chown(partial, old.st_uid, old.st_gid)
        except OSError:
            try:
                os.chown(partial, -1, old.st_gid)
            except OSError:
                # Another group gets no more rights than all others have.
                mode &= ~0o070 | (mode & 0o007) << 3
    _set_mode(partial, mode | stat.S_IWUSR)
    return mode


def _set_mode(path: Path, mode: int) -> None:
    """Set the mode, where the file system has modes."""
    with suppress(OSError):
        path.chmod(mode)


def _renamed(temporary: TemporaryFile, target: Path) -> bool:
    """Whether a rename succeeds. It does not if the target is a mount point."""
    if os.name == "nt":
        # Windows renames no file that is open.
        temporary.release()
    try:
        os.replace(temporary.path, target)
    except OSError:
        return False
    sync_folder(target.parent)
    return True


def _copy(partial: Path, where: Destination) -> None:
    """Copy the complete file into the output; a longer old file is shortened last."""
    if where.is_stream:
        descriptor = opened_stream(where)
    else:
        descriptor = os.open(
            where.target, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
        )
    with open(partial, "rb") as source, os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(source, file, COPY_BYTES)
        if not where.is_stream:
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
