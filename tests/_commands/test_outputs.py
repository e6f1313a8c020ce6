"""Outputs that are refused before any work."""

import errno

import pytest

from _commands.running import failed, run_outside, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import outputs, vector_files

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
    not_a_file = failed(*inputs, tmp_path / "folder.npy", *options)
    assert "folder.npy exists and is not a file" in not_a_file
    no_folder = failed(*inputs, tmp_path / "none" / "v.npy", *options)
    assert "There is no folder" in no_folder and "none" in no_folder

    def refused(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(outputs, "TemporaryFile", refused)
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
    assert "There is no folder" in message


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
