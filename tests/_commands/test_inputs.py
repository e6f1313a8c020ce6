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


def test_missing_documents_are_left_out(folder, tmp_path, half_missing, letters, texts):
    """All commands count them, and leave out their teacher embeddings too."""
    note = "Left out 120 missing documents of"
    cached = "embeddings of 120 documents"
    options = ("-t", "letters", "--cache", tmp_path)
    result = succeeded("precompute", half_missing, *options)
    assert note in result.stderr and cached in result.stderr
    assert set(letters) == set(texts[1::2])
    result = succeeded(
        "precompute", half_missing, *options, "--teacher-sample-size", 1000
    )
    assert note in result.stderr and cached in result.stderr
    model = tmp_path / "model.sklux"
    vectors = ("-e", folder / "teacher.npy")
    result = succeeded("fit", half_missing, model, *vectors)
    assert note in result.stderr
    fitted = LuxicalVectorizer(random_state=0).set_params(n_jobs=-1)
    fitted.fit(texts[1::2], teacher_embeddings=np.load(folder / "teacher.npy")[1::2])
    np.testing.assert_array_equal(
        LuxicalVectorizer.load(model).transform(texts), fitted.transform(texts)
    )
    result = succeeded("evaluate", model, half_missing, *vectors, "--json")
    assert json.loads(result.stdout)["documents"] == 120
    assert note in result.stderr
    result = succeeded("neighbors", model, half_missing, "apple", "-n", 500, "--json")
    rows = [hit["row"] for hit in json.loads(result.stdout)["nearest"]]
    assert sorted(rows) == list(range(1, 240, 2))
    assert note in result.stderr


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
