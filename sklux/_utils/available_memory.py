"""Memory that this process may still take, and memory that it can give back."""

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Files of a control group, version 2 and version 1: the limit, the memory in use, and
# the name of cached files in memory.stat, which the kernel drops when it needs memory.
GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available_memory(root: Path = Path("/")) -> int | None:
    """Memory that this process may still take, in bytes.

    On Linux, this is the available memory of the machine, or less if the limit of a
    control group (of a container) is lower. Elsewhere it is the memory of the machine.

    Parameters
    ----------
    root : Path, default=Path("/")
        Where the file systems ``proc`` and ``sys`` are mounted; tests change it.

    Returns
    -------
    int or None
        None if the system does not tell.
    """
    found = [_machine_memory(root), *_group_memory(root)]
    return min((n_bytes for n_bytes in found if n_bytes is not None), default=None)


def _machine_memory(root: Path) -> int | None:
    """Available memory of the machine, without regard to control groups."""
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _group_memory(root: Path) -> Iterator[int]:
    """Memory that each control group of this process may still take."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        # "0::/path" in version 2, "5:memory:/path" in version 1.
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        folder = mount / path.lstrip("/")
        # A container may see its own group as the root of the file system.
        while True:
            yield from _memory_of_group(folder)
            if folder == mount or mount not in folder.parents:
                break
            folder = folder.parent


def _memory_of_group(folder: Path) -> Iterator[int]:
    """Memory that one control group may still take, if it has a limit."""
    for limit_name, usage_name, cache_name in GROUP_FILES:
        limit, usage = (
            _text(folder / name).strip() for name in (limit_name, usage_name)
        )
        # The limit is "max" if there is none.
        if limit.isdigit() and usage.isdigit():
            statistics = dict(
                line.split() for line in _text(folder / "memory.stat").splitlines()
            )
            yield max(int(limit) - int(usage) + int(statistics.get(cache_name, 0)), 0)


def _text(path: Path) -> str:
    """Text of a file; empty if the file cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def release_free_memory() -> None:
    """Return freed memory to the system, where the C library keeps it (glibc).

    glibc returns a freed block by itself only if it is large, or the last one.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
