"""Inputs of several commands: missing documents, models, teacher embeddings."""

import json

import numpy as np
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer


@pytest.mark.parametrize("content", ["text", "vector", "archive"])
def test_embeddings_are_not_a_matrix(folder, tmp_path, content):
    path = tmp_path / "bad.npy"
    if content == "text":
        path.write_text("no numbers")
    elif content == "vector":
        np.save(path, np.zeros(3))
    else:
        with open(path, "wb") as file:
            np.savez(file, a=np.zeros((2, 2)))
    message = failed(
        "fit", folder / "documents.txt", tmp_path / "model.sklux", "-e", path
    )
    assert "bad.npy" in message


def test_embeddings_of_other_documents(folder, tmp_path):
    np.save(tmp_path / "few.npy", np.eye(5))
    message = failed(
        *("fit", folder / "documents.txt", tmp_path / "model.sklux"),
        *("-e", tmp_path / "few.npy"),
    )
    assert "few.npy has 5 rows, but" in message and "has 240 documents" in message
    assert not (tmp_path / "model.sklux").exists()


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


def damaged_embeddings(folder):
    (folder / "zip.npy").write_bytes(b"PK\x03\x04garbage")
    np.save(folder / "text.npy", np.full((240, 3), "a"))
    np.save(folder / "complex.npy", np.full((240, 3), 1j))
    with open(folder / "huge.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (6 * 10**10, 24)}
        np.lib.format.write_array_header_1_0(file, header)


@pytest.mark.parametrize("name", ["zip", "text", "complex", "huge"])
def test_damaged_embeddings_are_refused_in_words(folder, tmp_path, name):
    damaged_embeddings(tmp_path)
    vectors = ("-e", tmp_path / f"{name}.npy")
    for message in (
        failed("fit", folder / "documents.txt", tmp_path / "model.sklux", *vectors),
        failed("evaluate", folder / "model.sklux", folder / "documents.txt", *vectors),
    ):
        assert f"{name}.npy" in message and "numbers" in message
