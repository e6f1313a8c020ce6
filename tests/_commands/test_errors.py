"""Errors in words, without a traceback."""

import os

import pytest

from _commands.running import failed, run, run_outside


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize("command", ["info", "neighbors", "embed"])
def test_closed_pipe_is_not_a_failure(folder, command):
    arguments = {
        "info": (),
        "neighbors": (folder / "documents.txt", "apple", "-n", 200),
        "embed": (folder / "documents.txt", "-", "-q"),
    }[command]
    reader, writer = os.pipe()
    os.close(reader)
    result = run_outside(command, folder / "model.sklux", *arguments, stdout=writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, "")


def test_unexpected_error_has_its_type_and_notes(folder, tmp_path, monkeypatch):
    """A variable shows the traceback."""

    def load(name, device):
        error = KeyError("path")
        error.add_note("This happened while loading the teacher.")
        raise error

    monkeypatch.setattr("sklux._teacher.models.load_sentence_transformer", load)
    command = (
        "precompute",
        folder / "documents.txt",
        "-t",
        "broken",
        "--cache",
        tmp_path,
    )
    message = failed(*command)
    assert "KeyError: 'path'" in message and "SKLUX_TRACEBACK=1" in message
    assert "This happened while loading the teacher." in message
    monkeypatch.setenv("SKLUX_TRACEBACK", "1")
    assert isinstance(run(*command).exception, KeyError)


@pytest.mark.parametrize("kind", [EOFError, OSError, RuntimeError])
def test_errors_that_typer_answers_itself_keep_their_message(folder, monkeypatch, kind):
    def load(path):
        raise kind("broken in the middle")

    monkeypatch.setattr("sklux._commands.info.load_model", load)
    assert "broken in the middle" in failed("info", folder / "model.sklux")
