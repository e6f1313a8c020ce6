"""File locks: whether a file system has them. sqlite cannot work without them."""

import errno
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing

import numpy as np
import pytest

from _teacher.teachers import run_python
from sklux._teacher import file_locks
from sklux._teacher.cache import VectorCache
from sklux._teacher.file_locks import lock_failure

fcntl = pytest.importorskip("fcntl")

# Stands before fcntl of the C library, and refuses its locks.
NO_LOCKS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>

static int call(const char *name, int file, int command, void *argument) {
    int (*next)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);
    if (command == F_SETLK || command == F_SETLKW) {
        errno = atoi(getenv("LOCK_ERRNO"));
        return -1;
    }
    return next(file, command, argument);
}

#define REPLACE(name)                                                        \\
    int name(int file, int command, ...) {                                   \\
        va_list rest;                                                        \\
        va_start(rest, command);                                             \\
        void *argument = va_arg(rest, void *);                               \\
        va_end(rest);                                                        \\
        return call(#name, file, command, argument);                         \\
    }
REPLACE(fcntl)
REPLACE(fcntl64)
"""
USE_CACHE = """
import sys
import numpy as np
from sklux._teacher.cache import VectorCache
cache = VectorCache(sys.argv[1], "model", "float16")
try:
    if sys.argv[2] == "put":
        cache.put([cache.key("a")], np.ones((1, 4), dtype=np.float16))
    else:
        cache.get([cache.key("a")])
except OSError as error:
    print(error)
"""


def refusal(file, cause):
    """Pattern of the error for a file system without locks."""
    return (
        rf"The teacher cache {re.escape(repr(str(file)))} cannot be used: its file "
        rf"system has no working file locks \({cause}\)\. Some network file systems "
        r"have none\. Set the path of CachedTeacher to a folder on a local disk\."
    )


def filled(folder):
    """A cache with a vector."""
    cache = VectorCache(folder, "model", "float16")
    cache.put([cache.key("a")], np.ones((1, 4), dtype=np.float16))
    return cache


@pytest.fixture(scope="module")
def no_locks(tmp_path_factory):
    """Library that takes the locks away from a program."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("library")
    (folder / "no_locks.c").write_text(NO_LOCKS)
    command = [compiler, "-shared", "-fPIC", "-o", "no_locks.so", "no_locks.c", "-ldl"]
    if subprocess.run(command, cwd=folder).returncode:
        pytest.skip("the C compiler makes no shared library")
    return folder / "no_locks.so"


@pytest.mark.parametrize("use", ["put", "get"])
@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOLCK, re.escape(f"[Errno {errno.ENOLCK}] ") + ".*"),
        (errno.ENOSYS, "disk I/O error"),
        (errno.EOPNOTSUPP, "disk I/O error"),
    ],
    ids=lambda value: errno.errorcode.get(value, ""),
)
def test_a_file_system_without_locks_is_refused(tmp_path, no_locks, number, cause, use):
    """Without the refusal, sqlite waits for ten minutes for a lock that nobody has."""
    cache = filled(tmp_path) if use == "get" else VectorCache(tmp_path, "m", "float16")
    printed = run_python(
        USE_CACHE,
        *(tmp_path, use),
        cwd=tmp_path,
        PYTHONPATH=os.pathsep.join(filter(None, sys.path)),
        LD_PRELOAD=str(no_locks),
        LOCK_ERRNO=str(number),
    )
    assert re.fullmatch(refusal(cache.file, cause), printed)


def refuse_locks(monkeypatch):
    """Refuse the locks that Python asks for; sqlite still has its own."""

    def lockf(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", lockf)


def test_a_locked_file_is_refused_if_the_file_system_has_no_locks(
    tmp_path, monkeypatch
):
    cache = filled(tmp_path)
    refuse_locks(monkeypatch)
    with closing(sqlite3.connect(cache.file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match=refusal(cache.file, r"\[Errno .*")):
            cache.get([cache.key("a")])


def test_a_locked_file_is_waited_for(tmp_path, monkeypatch):
    """Another connection holds the lock for longer than the first attempt takes."""
    cache = filled(tmp_path)
    asked = []

    def recorded(file):
        asked.append(file)
        return lock_failure(file)

    monkeypatch.setattr("sklux._teacher.cache_file.FIRST_TIMEOUT_S", 0.01)
    monkeypatch.setattr("sklux._teacher.cache_file.lock_failure", recorded)
    with (
        closing(sqlite3.connect(cache.file, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        reading = pool.submit(cache.get, [cache.key("a")])
        while not asked and not reading.done():
            wait([reading], timeout=0.01)
        other.execute("ROLLBACK")
        assert list(reading.result(60)) == [cache.key("a")]


def test_a_file_that_can_be_locked_has_no_failure(tmp_path):
    file = tmp_path / "file"
    assert lock_failure(file) is None  # there is no file yet
    file.touch()
    assert lock_failure(file) is None


@pytest.mark.parametrize("number", file_locks.HELD_BY_ANOTHER)
def test_a_lock_of_another_process_is_not_a_failure(tmp_path, monkeypatch, number):
    def lockf(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", lockf)
    (tmp_path / "file").touch()
    assert lock_failure(tmp_path / "file") is None


def test_the_test_of_a_file_keeps_the_locks_of_this_process(tmp_path):
    """POSIX releases all locks of a process on a file when it closes one descriptor."""
    file = tmp_path / "file"
    file.touch()
    code = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), 2 | 4, 1, 5)"
    with file.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX, 1, 5)
        for _ in range(2):
            assert lock_failure(file) is None
        other = subprocess.run(
            [sys.executable, "-c", code, str(file)], capture_output=True, text=True
        )
    assert "BlockingIOError" in other.stderr or "PermissionError" in other.stderr
