"""The cache under faults: killed writers, full disks, lost and cut files."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from _teacher.caches import filled, vectors_of
from sklux._teacher.cache import VectorCache
from sklux._teacher.cache_contents import CacheContents
from sklux._teacher.cache_file import FILE_NAME

ROOT = Path(__file__).parents[2]
unix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
# Stores texts until an error, and prints the error and the number of stored texts.
STORE = """
import sys
import numpy as np
from sklux._teacher.cache import VectorCache
cache, stored = VectorCache(sys.argv[1], "model", "float16"), 0
try:
    for number in range(int(sys.argv[2])):
        vectors = np.full((8, 256), number % 1000, dtype=np.float16)
        cache.put([cache.key(f"{number} {place}") for place in range(8)], vectors)
        stored = number + 1
except OSError as error:
    print(error)
print(stored)
"""


def start_python(*command, **options):
    """Start a program that uses the sklux of these tests."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        list(map(str, command)),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def output_of(process):
    """Lines that a program prints; it must succeed."""
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output.splitlines()


def check_stored(folder, n_batches):
    """All batches of `STORE` that were stored are there, and nothing else."""
    cache = VectorCache(folder, "model", "float16")
    keys = [cache.key(f"{n} {place}") for n in range(n_batches) for place in range(8)]
    found = cache.get(keys)
    for place, key in enumerate(keys):
        assert (found[key] == place // 8 % 1000).all()
    after = [cache.key(f"{n_batches} {place}") for place in range(8)]
    assert cache.get(after) == {}
    assert CacheContents(folder).verify().n_damaged == 0


@unix
def test_no_vector_is_lost_if_writers_are_killed():
    """`make test-crash` is the long form of this test."""
    script = ROOT / ".ci" / "kill_writers.py"
    (line,) = output_of(start_python(sys.executable, script, 24))
    counts = json.loads(line)
    assert counts.pop("kills") >= 24
    assert counts.pop("acknowledged") > 100
    assert counts == {"lost": 0, "wrong": 0, "damaged": 0, "faults": []}


def test_no_flipped_bit_gives_a_wrong_vector():
    """`make test-crash` is the long form of this test; the model file is in it, too."""
    script = ROOT / ".ci" / "flip_bits.py"
    (line,) = output_of(start_python(sys.executable, script, 200))
    for counts in json.loads(line).values():
        assert counts.pop("flips") == 200 == sum(counts.values())
        assert counts["wrong"] == 0
        assert counts["refused"] + counts["found"] > 20


def test_twenty_processes_start_on_a_new_file(tmp_path):
    command = (sys.executable, "-c", STORE, tmp_path / "new", 2)
    processes = [start_python(*command) for _ in range(20)]
    assert [output_of(process) for process in processes] == [["2"]] * 20
    check_stored(tmp_path / "new", 2)
    (series,) = CacheContents(tmp_path / "new").series()
    assert series.n_vectors == 16


@unix
def test_a_quota_ends_with_an_error(tmp_path):
    """The system refuses to make a file larger."""
    limit = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5 * 10**5,) * 2)"
    )
    command = (sys.executable, "-c", limit + STORE, tmp_path, 10**4)
    error, n_batches = output_of(start_python(*command))
    assert "cannot be read or written" in error
    assert "Free disk space, or set the path of CachedTeacher to a folder" in error
    assert int(n_batches) > 10
    check_stored(tmp_path, int(n_batches))


@unix
def test_a_full_disk_ends_with_an_error(tmp_path):
    """A file system in memory, which a user may mount in a namespace of its own."""
    script = (
        'mount -t tmpfs -o size=2M tmpfs "$1" && "$3" -c "$4" "$1/disk" 10000 '
        '&& cp -r "$1/disk" "$2"'
    )
    space = shutil.which("unshare")
    usable = (
        space
        and not subprocess.run(
            [space, "-rm", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)],
            capture_output=True,
        ).returncode
    )
    if not usable:
        pytest.skip("this user cannot mount a file system in a namespace")
    (tmp_path / "small").mkdir()
    command = (space, "-rm", "sh", "-c", script, "sh", tmp_path / "small")
    rest = (tmp_path / "kept", sys.executable, STORE)
    error, n_batches = output_of(start_python(*command, *rest))
    assert "cannot be read or written: " in error
    assert "Free disk space" in error
    assert int(n_batches) > 10
    check_stored(tmp_path / "kept", int(n_batches))


def found_or_refused(cache, keys):
    """Vectors of a file that is not complete, or None if it is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return cache.get(keys)
        except OSError as error:
            assert str(cache.file) in str(error)
            return None


def test_a_file_that_was_cut_short_gives_no_wrong_vector(tmp_path):
    texts = [str(number) for number in range(300)]
    cache = VectorCache(tmp_path, "model", "float16")
    keys, vectors = [cache.key(text) for text in texts], vectors_of(300, 200)
    cache.put(keys, vectors)
    content = cache.file.read_bytes()
    outcomes = []
    for n_bytes in range(0, len(content), 5001):
        cache.file.write_bytes(content[:n_bytes])
        found = found_or_refused(VectorCache(tmp_path, "model", "float16"), keys)
        outcomes.append(found is None)
        for key, vector in (found or {}).items():
            np.testing.assert_array_equal(vector, vectors[keys.index(key)])
    assert any(outcomes)


def test_a_file_without_its_wal_gives_no_wrong_vector(tmp_path):
    """The vectors that only the WAL had are stored again."""
    cache, vectors = filled(tmp_path / "whole", ["a"])
    keys = [cache.key("a"), cache.key("b")]
    (tmp_path / "copy").mkdir()
    with cache.connection() as connection:
        connection.execute("SELECT 1 FROM models").fetchone()
        cache.put(keys[1:], vectors_of(1, seed=1))
        shutil.copy(cache.file, tmp_path / "copy" / FILE_NAME)
    copy = VectorCache(tmp_path / "copy", "model", "float16")
    found = copy.get(keys)
    assert list(found) == keys[:1]
    np.testing.assert_array_equal(found[keys[0]], vectors[0])
    copy.put(keys[1:], vectors_of(1, seed=1))
    assert copy.get(keys).keys() == set(keys)


def test_a_damaged_wal_gives_no_wrong_vector(tmp_path):
    cache, vectors = filled(tmp_path / "whole", ["a"])
    keys, second = [cache.key("a"), cache.key("b")], vectors_of(1, seed=1)
    copy = VectorCache(tmp_path / "copy", "model", "float16")
    copy.file.parent.mkdir()
    wal = copy.file.with_name(f"{FILE_NAME}-wal")
    with cache.connection() as connection:
        connection.execute("SELECT 1 FROM models").fetchone()
        cache.put(keys[1:], second)
        database = cache.file.read_bytes()
        log = cache.file.with_name(wal.name).read_bytes()
    for place in np.random.RandomState(0).randint(0, len(log), 60):
        copy.file.write_bytes(database)
        wal.write_bytes(log[:place] + bytes([log[place] ^ 4]) + log[place + 1 :])
        found = found_or_refused(copy, keys)
        assert found is not None
        assert found[keys[0]].tobytes() == vectors[0].tobytes()
        if keys[1] in found:
            assert found[keys[1]].tobytes() == second[0].tobytes()
