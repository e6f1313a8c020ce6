"""Inputs of several commands: missing documents, models."""

import json
import re

import numpy as np
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer


@pytest.mark.parametrize("command", ["embed", "info", "evaluate", "neighbors"])
def test_commands_refuse_a_file_that_is_not_a_model(folder, tmp_path, command):
    (tmp_path / "model.sklux").write_text("no model")
    arguments = {
        "embed": (folder / "documents.txt", tmp_path / "v.npy"),
        "info": (),
        "evaluate": (folder / "documents.txt", "-e", folder / "teacher.npy"),
        "neighbors": (folder / "documents.txt", "apple"),
    }[command]
    assert "model.sklux" in failed(command, tmp_path / "model.sklux", *arguments)
    missing = failed(command, tmp_path / "none.sklux", *arguments)
    assert "There is no file" in missing and "none.sklux" in missing
    (tmp_path / "folder.sklux").mkdir()
    is_folder = failed(command, tmp_path / "folder.sklux", *arguments)
    assert "folder.sklux is a folder" in is_folder


@pytest.mark.parametrize("size", ["all", "10"])
@pytest.mark.parametrize(
    "command", ["precompute", "fit", "embed", "evaluate", "neighbors"]
)
def test_missing_documents_are_refused(
    folder, tmp_path, half_missing, letters, command, size
):
    """By all commands; no output is left."""
    model = folder / "model.sklux"
    teacher = ("-t", "letters", "--cache", tmp_path / "cache")
    arguments = {
        "precompute": (half_missing, *teacher, "--teacher-sample-size", size),
        "fit": (half_missing, tmp_path / "out.sklux", *teacher),
        "embed": (model, half_missing, tmp_path / "out.npy"),
        "evaluate": (model, half_missing, "-e", folder / "teacher.npy"),
        "neighbors": (model, half_missing, "apple"),
    }[command]
    message = failed(command, *arguments)
    assert "Document 0 of" in message and "half.jsonl is missing" in message
    assert message.endswith("as empty texts with --null-documents empty.")
    assert not list(tmp_path.glob("out*"))


def test_missing_documents_as_empty_texts(
    folder, tmp_path, half_missing, letters, texts
):
    """The library does the same with the same setting."""
    documents = [text if place % 2 else None for place, text in enumerate(texts)]
    as_empty = ("--null-documents", "empty")
    note = "Read 120 missing documents of"
    options = ("-t", "letters", "--cache", tmp_path, *as_empty)
    result = succeeded("precompute", half_missing, *options)
    assert note in result.stderr and "of 121 different documents" in result.stderr
    assert set(letters) == {"", *texts[1::2]}
    assert letters.count("") == 1
    model = tmp_path / "model.sklux"
    vectors = ("-e", folder / "teacher.npy")
    result = succeeded("fit", half_missing, model, *vectors, *as_empty)
    assert note in result.stderr
    fitted = LuxicalVectorizer(random_state=0, null_documents="empty")
    fitted.set_params(n_jobs=-1)
    fitted.fit(documents, teacher_embeddings=np.load(folder / "teacher.npy"))
    saved = LuxicalVectorizer.load(model)
    assert saved.null_documents == "empty"
    np.testing.assert_array_equal(saved.transform(texts), fitted.transform(texts))


@pytest.mark.parametrize("where", ["option", "model"])
def test_missing_documents_of_a_command_with_a_model(
    folder, tmp_path, half_missing, where
):
    """The option comes before the setting in the model file."""
    model, options = tmp_path / "model.sklux", ()
    fitted = LuxicalVectorizer.load(folder / "model.sklux")
    if where == "model":
        fitted.set_params(null_documents="empty")
    else:
        options = ("--null-documents", "empty")
    fitted.save(model)
    note = "Read 120 missing documents of"
    vectors = ("-e", folder / "teacher.npy")
    result = succeeded("evaluate", model, half_missing, *vectors, "--json", *options)
    assert json.loads(result.stdout)["documents"] == 121  # different ones
    assert note in result.stderr
    arguments = ("neighbors", model, half_missing, "apple", "-n", 500, "--json")
    result = succeeded(*arguments, *options)
    assert len(json.loads(result.stdout)["nearest"]) == 240
    assert note in result.stderr
    succeeded("embed", model, half_missing, tmp_path / "v.npy", *options)
    found = np.load(tmp_path / "v.npy")
    assert found.any(axis=1).tolist() == [bool(place % 2) for place in range(240)]
    message = failed(*arguments, "--null-documents", "error")
    assert "Document 0 of" in message


def parts(folder, texts):
    """The documents in three files."""
    (folder / "parts").mkdir()
    for number in range(3):
        lines = [json.dumps({"text": text}) for text in texts[number::3]]
        path = folder / "parts" / f"{number}.jsonl"
        path.write_text("\n".join(lines) + "\n")
    return [text for number in range(3) for text in texts[number::3]]


@pytest.mark.parametrize("how", ["files", "pattern", "folder"])
def test_commands_read_several_files(folder, tmp_path, letters, texts, how):
    """All commands read them as one file, in the same order."""
    ordered = parts(tmp_path, texts)
    arguments = {
        "files": [tmp_path / "parts" / f"{number}.jsonl" for number in range(3)],
        "pattern": [tmp_path / "parts" / "*.jsonl"],
        "folder": [tmp_path / "parts"],
    }[how]
    (tmp_path / "one.txt").write_text("\n".join(ordered))
    for command in (
        ("embed", folder / "model.sklux", "DOCS", tmp_path / "v.npy"),
        ("fit", "DOCS", tmp_path / "m.sklux", "-e", folder / "teacher.npy", "-q"),
        ("evaluate", tmp_path / "m.sklux", "DOCS", "-e", folder / "teacher.npy"),
        ("precompute", "DOCS", "-t", "letters", "--cache", tmp_path),
        ("neighbors", folder / "model.sklux", "DOCS", "--query", "apple", "--json"),
    ):
        found = []
        for documents in (arguments, [tmp_path / "one.txt"]):
            words = []
            for word in command:
                words += documents if word == "DOCS" else [word]
            result = succeeded(*words)
            written = [path for path in words if path in (tmp_path / "v.npy",)]
            content = [path.read_bytes() for path in written]
            lines = [
                line for line in result.stdout.splitlines() if "per sec" not in line
            ]
            found.append((lines, content))
        assert found[0] == found[1]
    assert set(letters) == set(texts)


def test_commands_name_several_files_in_messages(folder, tmp_path, texts):
    parts(tmp_path, texts)
    (tmp_path / "parts" / "3.jsonl").write_text('{"body": "apple"}\n')
    message = failed(
        "embed", folder / "model.sklux", tmp_path / "parts", tmp_path / "v.npy"
    )
    assert "3.jsonl has no key 'text'. The keys of its first row are 'body'" in message
    np.save(tmp_path / "few.npy", np.eye(5))
    (tmp_path / "parts" / "3.jsonl").unlink()
    message = failed(
        *("fit", tmp_path / "parts", tmp_path / "m.sklux", "-e", tmp_path / "few.npy")
    )
    assert f"{tmp_path / 'parts'} (3 files) has 240 documents" in message


def test_neighbors_queries_are_told_from_files(folder, tmp_path, texts):
    parts(tmp_path, texts)
    first, second = (tmp_path / "parts" / f"{number}.jsonl" for number in range(2))
    model = folder / "model.sklux"
    message = failed("neighbors", model, first, second, "apple")
    assert "1.jsonl', is a file of documents. Put a pattern in quotes" in message
    assert "There is no text to search for" in failed("neighbors", model, first)
    result = succeeded("neighbors", model, first, "apple.txt", "--json")
    assert json.loads(result.stdout)["query"] == "apple.txt"
    queries = ("--query", "apple", "--query", "car", "--json")
    result = succeeded("neighbors", model, first, second, *queries)
    found = [json.loads(line)["query"] for line in result.stdout.splitlines()]
    assert found == ["apple", "car"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("txt", ("--delimiter", ";"), "--delimiter is for CSV files"),
        ("parquet", ("--quotes", "none"), "--quotes is for CSV files"),
        ("parquet", ("--encoding", "cp1252"), "--encoding has no effect on Parquet"),
        ("txt", ("--encoding", "x"), "--encoding x is not an encoding"),
        ("txt", ("--format", "csv", "--delimiter", ";;"), "must be one character"),
        ("txt", ("-k", "nope"), "Leave out --keep"),
        ("parquet", ("-k", "nope"), "no column 'nope'. .*Name another .* --keep"),
        ("parquet", ("-c", "nope"), "no column 'nope'. .*the text with --column"),
    ],
)
def test_options_of_documents_that_have_no_effect(folder, name, options, message):
    documents = folder / f"documents.{name}"
    command = ("neighbors", folder / "model.sklux", documents, "apple", *options)
    assert re.search(message, failed(*command))


def test_documents_are_read_as_the_options_say(folder, tmp_path):
    path = tmp_path / "a"
    path.write_bytes('"caf\\" \xe9";1'.join(["text;id\n", "\n"]).encode("latin-1"))
    result = succeeded(
        *("neighbors", folder / "model.sklux", path, "apple", "--json", "-n", 1),
        *("--format", "csv", "--delimiter", ";", "--encoding", "latin-1"),
        *("--quotes", "backslash"),
    )
    assert json.loads(result.stdout)["nearest"][0]["text"] == 'caf" \xe9'
