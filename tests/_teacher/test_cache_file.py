"""The file of teacher embeddings: its folder, its connections and its errors."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from _teacher.caches import filled, remedy, vectors_of
from sklux._teacher.cache import VectorCache
from sklux._teacher.cache_contents import CacheContents
from sklux._teacher.cache_file import FILE_NAME, PAGE_BYTES, data_home


def test_vector_cache_data_home_is_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("SKLUX_DATA_HOME", str(tmp_path / "data"))
    assert data_home() == tmp_path / "data"
    assert VectorCache(None, "model", "float16").file == tmp_path / "data" / FILE_NAME


def test_vector_cache_path_wins_over_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("SKLUX_DATA_HOME", str(tmp_path / "data"))
    cache = VectorCache(tmp_path / "given", "model", "float16")
    assert cache.file == tmp_path / "given" / FILE_NAME


def test_vector_cache_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("SKLUX_DATA_HOME", "~/data")
    assert data_home() == tmp_path / "data"
    assert VectorCache("~/given", "m", "float16").file.parent == tmp_path / "given"


@pytest.mark.parametrize("value", [None, ""])
def test_vector_cache_data_home_without_the_variable(tmp_path, monkeypatch, value):
    if value is None:
        monkeypatch.delenv("SKLUX_DATA_HOME", raising=False)
    else:
        monkeypatch.setenv("SKLUX_DATA_HOME", value)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_home() == tmp_path / "sklux"


@pytest.mark.parametrize(
    ("platform", "parts"),
    [
        ("linux", [".cache", "sklux"]),
        ("darwin", ["Library", "Caches", "sklux"]),
        ("win32", ["AppData", "Local", "sklux"]),
    ],
)
def test_vector_cache_data_home_of_each_platform(
    tmp_path, monkeypatch, platform, parts
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("SKLUX_DATA_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    assert data_home() == tmp_path.joinpath(*parts)


def without_home(monkeypatch):
    """Take HOME away, and the name of the user."""
    pwd = pytest.importorskip("pwd")
    for name in ("SKLUX_DATA_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)


def test_vector_cache_without_a_home_folder_names_the_variable(monkeypatch):
    """A container runs a program as a user without a name."""
    without_home(monkeypatch)
    with pytest.raises(
        OSError,
        match=r"The folder of the teacher cache, '~/\.cache', cannot be found: Could "
        r"not determine home directory\. Set SKLUX_DATA_HOME, or the path of "
        r"CachedTeacher, to a folder that can be written\.",
    ):
        VectorCache(None, "model", "float16")


@pytest.mark.parametrize("given", ["path", "SKLUX_DATA_HOME", "XDG_CACHE_HOME"])
def test_vector_cache_without_a_home_folder_in_a_given_folder(
    tmp_path, monkeypatch, given
):
    without_home(monkeypatch)
    if given != "path":
        monkeypatch.setenv(given, str(tmp_path))
    cache = VectorCache(tmp_path if given == "path" else None, "model", "float16")
    assert cache.file.is_relative_to(tmp_path)


@pytest.mark.parametrize("given", ["path", "SKLUX_DATA_HOME"])
def test_vector_cache_tilde_without_a_home_folder_is_no_folder(monkeypatch, given):
    """It used to become a folder of the name "~"."""
    without_home(monkeypatch)
    if given != "path":
        monkeypatch.setenv(given, "~/data")
    with pytest.raises(OSError, match="folder of the teacher cache, '~/data', cannot"):
        VectorCache("~/data" if given == "path" else None, "model", "float16")


def test_vector_cache_on_windows_needs_no_home_folder(tmp_path, monkeypatch):
    without_home(monkeypatch)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert data_home() == tmp_path / "sklux"


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ("path", "the path of CachedTeacher"),
        ("variable", "SKLUX_DATA_HOME"),
        (None, "SKLUX_DATA_HOME, or the path of CachedTeacher,"),
    ],
)
def test_vector_cache_errors_name_what_set_the_folder(
    tmp_path, monkeypatch, given, setting
):
    for name in ("SKLUX_DATA_HOME", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path) if name == "HOME" else "")
    monkeypatch.setattr(sys, "platform", "linux")
    if given == "variable":
        monkeypatch.setenv("SKLUX_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "data" if given == "path" else None
    cache = VectorCache(folder, "model", "float16")
    cache.file.parent.mkdir(parents=True)
    cache.file.write_text("not a cache, but a text of some length" * 100)
    with pytest.raises(OSError, match=f"or set {setting} to another folder"):
        cache.n_components()
    cache.file.unlink()
    cache.file.parent.rmdir()
    cache.file.parent.parent.mkdir(exist_ok=True)
    cache.file.parent.touch()
    with pytest.raises(OSError, match=f"or set {setting} to a folder that can be"):
        cache.put([cache.key("a")], np.ones((1, 4), dtype=np.float16))


def test_vector_cache_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    cache = VectorCache(tmp_path / "file" / "folder", "model", "float16")
    assert cache.get([cache.key("a")]) == {}
    with pytest.raises(OSError, match=remedy(cache.file, "file")):
        cache.put([cache.key("a")], vectors_of(1))


def test_vector_cache_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / FILE_NAME).mkdir()
    cache = VectorCache(tmp_path, "model", "float16")
    with pytest.raises(OSError, match=re.escape(repr(str(cache.file)))):
        cache.get([cache.key("a")])


def test_vector_cache_file_that_is_not_a_database(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"these are notes, not vectors\n" * 100)
    cache = VectorCache(tmp_path, "model", "float16")
    for use in (
        cache.n_components,
        lambda: cache.get([cache.key("a")]),
        lambda: cache.put([cache.key("a")], vectors_of(1)),
    ):
        with pytest.raises(OSError, match="file is not a database") as caught:
            use()
        assert repr(str(cache.file)) in str(caught.value)


def test_vector_cache_file_that_is_not_a_database_is_not_a_full_disk(tmp_path):
    """Free disk space does not help, and the file holds no vectors."""
    (tmp_path / FILE_NAME).write_bytes(b"these are notes, not vectors\n" * 100)
    cache = VectorCache(tmp_path, "model", "float16")
    with pytest.raises(OSError, match="file is not a database") as caught:
        cache.get([cache.key("a")])
    assert "Vectors stored before are kept" not in str(caught.value)


def test_vector_cache_is_read_if_side_files_cannot_be_made(tmp_path):
    """A file in WAL mode needs a shared-memory file, even for reading."""
    cache, vectors = filled(tmp_path, ["a"])
    cache.file.with_name(f"{FILE_NAME}-shm").mkdir()
    np.testing.assert_array_equal(
        cache.get([cache.key("a")])[cache.key("a")], vectors[0]
    )
    assert cache.n_components() == 4
    with pytest.raises(OSError, match=remedy(cache.file, "readonly")):
        cache.put([cache.key("b")], vectors_of(1))


def test_vector_cache_is_read_if_side_files_cannot_be_made_under_odd_names(tmp_path):
    """The name of the file becomes part of a URI."""
    name = "a b?c#d%20\u00e9"
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        pytest.skip("the file system of this locale has no such name")
    cache, vectors = filled(tmp_path / name, ["a"])
    cache.file.with_name(f"{FILE_NAME}-shm").mkdir()
    np.testing.assert_array_equal(
        cache.get([cache.key("a")])[cache.key("a")], vectors[0]
    )


def copied_without_shm(cache, folder):
    """Copy a file and its WAL while a connection is open, as a backup does."""
    folder.mkdir()
    with cache.connection() as connection:
        connection.execute("SELECT 1 FROM models").fetchone()
        cache.put([cache.key("b")], vectors_of(1, seed=1))
        for name in (FILE_NAME, f"{FILE_NAME}-wal"):
            shutil.copy(cache.file.parent / name, folder)
    return VectorCache(folder, "model", "float16")


def test_vectors_in_a_wal_are_read(tmp_path):
    cache, _ = filled(tmp_path / "original", ["a"])
    copy = copied_without_shm(cache, tmp_path / "copy")
    assert len(copy.get([cache.key("a"), cache.key("b")])) == 2


@pytest.fixture
def read_only_copy(request, tmp_path):
    """A file in a folder where this user may not write; with its WAL, or without."""
    if sys.platform == "win32":
        pytest.skip("needs POSIX")
    cache, _ = filled(tmp_path / "original", ["a"])
    outer = Path(tempfile.mkdtemp())
    outer.chmod(0o755)
    copy = copied_without_shm(cache, outer / "copy")
    if not request.param:
        copy.file.with_name(f"{FILE_NAME}-wal").unlink()
    for file in copy.file.parent.iterdir():
        file.chmod(0o444)
    copy.file.parent.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)  # nobody
    yield copy
    if is_root:
        os.seteuid(0)
    copy.file.parent.chmod(0o755)
    shutil.rmtree(outer)


@pytest.mark.parametrize("read_only_copy", [False], indirect=True)
def test_a_read_only_folder_is_read(read_only_copy):
    copy = read_only_copy
    assert list(copy.get([copy.key("a"), copy.key("b")])) == [copy.key("a")]
    assert CacheContents(copy.file.parent).verify().n_whole == 1
    with pytest.raises(OSError, match=remedy(copy.file, "readonly")):
        copy.put([copy.key("b")], vectors_of(1))
    with pytest.raises(OSError, match=remedy(copy.file, "readonly")):
        CacheContents(copy.file.parent).prune("model")


@pytest.mark.parametrize("read_only_copy", [True], indirect=True)
def test_vectors_in_a_wal_that_cannot_be_read_are_not_ignored(read_only_copy):
    """The file alone could be read, without its last vectors."""
    copy = read_only_copy
    message = (
        f"The teacher cache {str(copy.file)!r} cannot be read completely: its last "
        "vectors are in 'teacher.sqlite3-wal', and sqlite cannot make "
        "teacher.sqlite3-shm, which it needs to read them. Copy both files to a folder "
        "that can be written and set the path of CachedTeacher to it. Or run `sklux "
        "cache` on the original, which moves these vectors into the file, and copy it "
        "again."
    )
    for use in (
        copy.n_components,
        lambda: copy.get([copy.key("a")]),
        lambda: copy.put([copy.key("a")], vectors_of(1)),
    ):
        with pytest.raises(OSError, match=f"^{re.escape(message)}$"):
            use()


def test_a_list_of_the_original_moves_its_wal_into_the_file(tmp_path):
    """As the error of a read-only copy says."""
    cache, _ = filled(tmp_path / "original", ["a"])
    copy = copied_without_shm(cache, tmp_path / "copy")
    assert f"{FILE_NAME}-wal" in os.listdir(copy.file.parent)
    assert CacheContents(copy.file.parent).series()[0].n_vectors == 2
    assert os.listdir(copy.file.parent) == [FILE_NAME]


def test_vectors_are_read_beside_an_empty_wal(tmp_path):
    cache, _ = filled(tmp_path, ["a"])
    cache.file.with_name(f"{FILE_NAME}-wal").touch()
    cache.file.with_name(f"{FILE_NAME}-shm").mkdir()
    assert len(cache.get([cache.key("a")])) == 1


def test_a_new_file_has_large_pages(tmp_path):
    cache, _ = filled(tmp_path, ["a"])
    with cache.connection() as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)


def test_a_damaged_name_in_the_file_is_a_damaged_file(tmp_path):
    """The error of sqlite quotes the name, and Python cannot decode it."""
    cache, _ = filled(tmp_path, ["a"])
    content = cache.file.read_bytes()
    cache.file.write_bytes(content.replace(b"n_components", b"n_com\xc3onents "))
    with pytest.raises(OSError, match="is damaged or not a cache"):
        cache.get([cache.key("a")])
