"""Inputs of several commands: missing documents, models."""

import json

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
