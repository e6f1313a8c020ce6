"""Errors in words, without a traceback."""

import os

import pytest
from typer.main import get_command

from _commands.running import failed, run, run_outside
from sklux import (
    CachedTeacher,
    LexicalVectorizer,
    LuxicalVectorizer,
    ReLUProjection,
    cli,
)
from sklux._commands.app import app
from sklux._commands.errors import OPTIONS, with_options


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


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("nothing to name", None),
        ("n_components=5 is too large", "n_components is --components"),
        (
            "With teacher_words=None, random_state is not used",
            "teacher_words is --words or --no-words, random_state is --seed",
        ),
        ("teacher_halves=True", "teacher_halves is --halves or --no-halves"),
        ("my_n_components, --max-features, n_components_", None),
    ],
)
def test_with_options_names_the_options(message, expected):
    suffix = "" if expected is None else f" (On the command line, {expected}.)"
    assert with_options(message) == message + suffix


def test_with_options_names_parameters_that_exist():
    """They are parameters of the library, and options of `sklux fit`."""
    parameters = LuxicalVectorizer(
        "name", lexical=LexicalVectorizer(), projection=ReLUProjection()
    ).get_params()
    names = {name.split("__")[-1] for name in parameters}
    names |= set(CachedTeacher("name").get_params())
    assert set(OPTIONS) <= names | {"teacher_embeddings"}
    command = get_command(app).commands["fit"]
    options = {name for one in command.params for name in one.opts}
    options |= {name for one in command.params for name in one.secondary_opts}
    assert {
        word for words in OPTIONS.values() for word in words.split(" or ")
    } <= options


def test_errors_of_the_library_name_the_option(folder, tmp_path):
    command = ("fit", folder / "documents.txt", tmp_path / "model.sklux")
    vectors = ("-e", folder / "teacher.npy")
    message = failed(*command, *vectors, "--components", 5000)
    assert message.endswith("(On the command line, n_components is --components.)")
    message = failed(*command, *vectors, "--seed", 2**40)
    assert message.endswith("(On the command line, random_state is --seed.)")


@pytest.mark.parametrize("given", ["--cache", "SKLUX_DATA_HOME"])
def test_errors_of_the_cache_name_what_the_user_has_set(
    folder, tmp_path, letters, monkeypatch, given
):
    """Not the parameter of the library."""
    (tmp_path / "file").touch()
    options = ("-t", "letters")
    if given == "--cache":
        options += ("--cache", tmp_path / "file")
    else:
        monkeypatch.setenv("SKLUX_DATA_HOME", str(tmp_path / "file"))
    message = failed("precompute", folder / "documents.txt", *options)
    assert f"Free disk space, or set {given} to a folder that can be" in message
    assert "CachedTeacher" not in message


def test_warnings_of_the_library_name_the_option(capsys):
    cli.show_warning("n_components=5 is large", UserWarning, "file", 1)
    assert capsys.readouterr().err == (
        "sklux: n_components=5 is large (On the command line, n_components is "
        "--components.)\n"
    )
