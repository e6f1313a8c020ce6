"""Outputs that are refused before any work."""

import errno
import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from _commands.running import failed, run_outside, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import vector_files
from sklux._utils import output_file

OUTPUT_IS_INPUT = {
    "documents of embed": ("embed", "model.sklux", "a.jsonl", "a.jsonl"),
    "a link": ("embed", "model.sklux", "a.jsonl", "link.jsonl"),
    "a model": ("embed", "a.npy", "a.jsonl", "a.npy"),
    "documents of fit": ("fit", "a.txt", "a.txt", "-e", "a.npy"),
    "vectors of fit": ("fit", "a.txt", "a.npy", "-e", "a.npy"),
}


@pytest.mark.parametrize("arguments", OUTPUT_IS_INPUT.values(), ids=OUTPUT_IS_INPUT)
def test_output_is_not_an_input(folder, tmp_path, monkeypatch, arguments):
    for name in ("a.jsonl", "a.npy", "a.txt", "model.sklux"):
        (tmp_path / name).write_text("precious")
    (tmp_path / "link.jsonl").hardlink_to(tmp_path / "a.jsonl")
    monkeypatch.chdir(tmp_path)
    assert "is also an input of the command" in failed(*arguments)
    assert all(path.read_text() == "precious" for path in tmp_path.iterdir())


def test_output_is_not_standard_input(folder, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "apple"}\n')
    command = ["embed", folder / "model.sklux", "-", path, "--format", "jsonl"]
    with open(path) as file:
        result = run_outside(*command, stdin=file)
    assert result.returncode == 1
    assert "is also an input of the command" in result.stderr
    assert path.read_text() == '{"text": "apple"}\n'


@pytest.mark.parametrize("command", ["embed", "fit"])
def test_output_is_checked_before_any_work(folder, tmp_path, monkeypatch, command):
    def work(*arguments, **options):
        raise AssertionError("must not be reached")

    monkeypatch.setattr(LuxicalVectorizer, "fit", work)
    monkeypatch.setattr(LuxicalVectorizer, "load", work)
    (tmp_path / "folder.npy").mkdir()
    inputs = {
        "embed": ("embed", folder / "model.sklux", folder / "documents.txt"),
        "fit": ("fit", folder / "documents.txt"),
    }[command]
    options = ("-e", folder / "teacher.npy") if command == "fit" else ()
    (tmp_path / "folder.npy" / "mine").touch()
    not_a_file = failed(*inputs, tmp_path / "folder.npy", *options)
    words = {"embed": "is not empty", "fit": "is a folder. Name a file"}[command]
    assert f"folder.npy {words}" in not_a_file
    no_folder = failed(*inputs, tmp_path / "none" / "v.npy", *options)
    assert "none does not exist. Create it first" in no_folder

    def refused(path, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(output_file, "temporary_next_to", refused)
    not_allowed = failed(*inputs, tmp_path / "v.npy", *options)
    assert "v.npy cannot be written: Permission denied. Choose a folder" in not_allowed


def test_output_cannot_be_written_to_its_end(folder, tmp_path, monkeypatch):
    """A full disk, for example: the message names the output, and no file is left."""

    def full(self, vectors, kept):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(vector_files.NpyVectors, "write", full)
    message = failed(
        "embed", folder / "model.sklux", folder / "documents.txt", tmp_path / "v.npy"
    )
    assert "No space left on device" in message and "v.npy" in message
    assert list(tmp_path.iterdir()) == []


def test_fit_folder_of_the_model_is_missing(folder):
    message = failed(
        *("fit", folder / "documents.txt", folder / "none" / "model.sklux"),
        *("-e", folder / "teacher.npy"),
    )
    assert "none does not exist" in message


def test_fit_does_not_write_into_what_it_reads(folder, tmp_path, letters):
    """The folder of the teacher, and the cache of its embeddings."""
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    documents = folder / "documents.txt"
    for output in (teacher / "model.safetensors", teacher / "new.sklux"):
        message = failed("fit", documents, output, "-t", teacher, "--cache", tmp_path)
        assert "is in the folder of the teacher" in message
        assert not output.exists()
    cache = tmp_path / "teacher.sqlite3"
    options = ("-t", "letters", "--cache", tmp_path, "--no-words")
    succeeded("precompute", documents, *options[:4])
    before = cache.read_bytes()
    message = failed("fit", documents, cache, *options)
    assert "is also an input of the command" in message
    assert cache.read_bytes() == before
    inside = ("precompute", documents, "-t", teacher, "--cache", teacher)
    assert "would lie in the folder of the teacher" in failed(*inside)


unix = pytest.mark.skipif(os.name == "nt", reason="Windows has other files")


@unix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_embed_standard_output_by_its_path(folder, name):
    """As '-' does: JSON lines, at once."""
    command = ("embed", folder / "model.sklux", folder / "documents.txt")
    result = run_outside(*command, name)
    assert result.returncode == 0, result.stderr
    assert result.stdout == run_outside(*command, "-").stdout
    assert len(result.stdout.splitlines()) == 240


@unix
@pytest.mark.parametrize("name", ["pipe", "pipe.npy", "pipe.jsonl", "pipe.parquet"])
def test_embed_into_a_pipe(folder, tmp_path, name):
    """Such as `>(gzip > vectors.jsonl.gz)`; a name without a format is JSON lines."""
    suffix = Path(name).suffix or ".jsonl"
    command = ("embed", folder / "model.sklux", folder / "documents.txt")
    succeeded(*command, tmp_path / f"file{suffix}")
    os.mkfifo(tmp_path / name)
    found = []
    reader = threading.Thread(
        target=lambda: found.append((tmp_path / name).read_bytes())
    )
    reader.start()
    succeeded(*command, tmp_path / name)
    reader.join()
    assert found == [(tmp_path / f"file{suffix}").read_bytes()]
    assert len(list(tmp_path.iterdir())) == 2


@unix
def test_commands_write_to_the_null_device(folder):
    documents = folder / "documents.txt"
    succeeded("embed", folder / "model.sklux", documents, "/dev/null")
    result = succeeded("fit", documents, "/dev/null", "-e", folder / "teacher.npy")
    assert "Fitted in" in result.stderr and "MB" not in result.stderr
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@unix
def test_fit_does_not_write_to_where_it_prints(folder, tmp_path):
    command = ["fit", folder / "documents.txt", "/dev/stdout"]
    command += ["-e", folder / "teacher.npy"]
    result = run_outside(*command)
    assert (result.returncode, result.stdout) == (1, "")
    assert "/dev/stdout is standard output, where the command prints" in result.stderr


def test_fit_output_folder_that_fills_while_it_trains(folder, tmp_path, monkeypatch):
    """The model is saved elsewhere, and the message names its file."""
    save, refused = LuxicalVectorizer.save, []

    def full(self, path):
        if Path(path).is_relative_to(tmp_path / "out"):
            refused.append(path)
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        save(self, path)

    (tmp_path / "out").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(LuxicalVectorizer, "save", full)
    command = ("fit", folder / "documents.txt", tmp_path / "out" / "model.sklux")
    command += ("-e", folder / "teacher.npy", "--components", 4)
    message = failed(*command)
    (kept,) = tmp_path.glob("temporary/*/model.sklux")
    assert "No space left on device" in message
    assert f"The model is in {kept} instead. Move it from there." in message
    assert LuxicalVectorizer.load(kept).projection_.n_components_ == 4
    # Nowhere is space.
    kept.unlink()
    kept.parent.rmdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "out"))
    message = failed(*command)
    assert "No space left" in message and "instead" not in message
    assert list((tmp_path / "out").iterdir()) == []


def test_fit_model_that_cannot_be_put_in_its_place(folder, tmp_path, monkeypatch):
    """The temporary file stays; the model is not written a second time."""

    def refuse(*arguments, **options):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(shutil, "copyfileobj", refuse)
    monkeypatch.setattr("sklux._commands.fit.mkdtemp", None)
    message = failed(
        *("fit", folder / "documents.txt", tmp_path / "model.sklux"),
        *("-e", folder / "teacher.npy", "--components", 4),
    )
    (kept,) = tmp_path.glob(".*.partial")
    assert f"The complete result is in {kept}" in message
    assert LuxicalVectorizer.load(kept).projection_.n_components_ == 4


def test_last_file_of_a_pattern_is_not_overwritten(folder, tmp_path):
    """`sklux fit *.parquet`, without a model file after it."""
    first, middle, last = (tmp_path / f"{name}.jsonl" for name in "amb")
    for path in (first, middle, last):
        path.write_text('{"text": "apple"}\n')
    vectors = ("-e", folder / "teacher.npy")
    for command in (
        ("fit", first, last, *vectors),
        ("fit", first, middle, last, *vectors),
        ("embed", folder / "model.sklux", first, middle, last),
    ):
        message = failed(*command)
        assert "b.jsonl, is the output, but it exists and seems to be a file" in message
    shutil.copy(folder / "documents.parquet", tmp_path / "c.parquet")
    parquet = ("embed", folder / "model.sklux", first, last, tmp_path / "c.parquet")
    assert "c.parquet, is the output, but it exists" in failed(*parquet)
    # Vectors of an earlier run may be replaced, and so may an empty file.
    for name in ("v.jsonl", "v.parquet"):
        output = tmp_path / name
        output.touch()
        for _ in range(2):
            succeeded("embed", folder / "model.sklux", first, last, output)
    (tmp_path / "broken.jsonl").write_text("no JSON")
    assert "is the output" in failed("fit", first, tmp_path / "broken.jsonl", *vectors)
