"""sklux fit."""

import numpy as np
import pytest

from _commands.running import succeeded
from sklux import LuxicalVectorizer
from sklux._student.projection import network_of


def test_fit_gives_the_same_vectors_as_the_library(folder, texts):
    model = LuxicalVectorizer(random_state=0).set_params(projection__n_components=8)
    model.fit(texts, teacher_embeddings=np.load(folder / "teacher.npy"))
    saved = LuxicalVectorizer.load(folder / "model.sklux")
    np.testing.assert_array_equal(saved.transform(texts), model.transform(texts))


def test_fit_prints_the_report_and_notes(folder):
    result = succeeded(
        *("fit", folder / "documents.txt", folder / "other.sklux"),
        *("-e", folder / "teacher.npy", "--components", 4, "--max-features", 20),
        *("--corpus-weight", 0.3, "--weights-dtype", "int8", "--seed", 5),
    )
    assert "10 nearest" in result.stdout
    assert "teacher embeddings of 240 documents and 0 terms" in result.stderr
    model = LuxicalVectorizer.load(folder / "other.sklux")
    assert model.projection_.n_components_ == 4
    assert model.projection_.n_features_in_ <= 20
    assert model.projection_.corpus_weight == 0.3
    assert model.projection_.weights_dtype == "int8"
    assert network_of(model.projection_).dtype == np.int8
    assert model.random_state == 5


def test_fit_quietly(folder):
    result = succeeded(
        *("fit", folder / "documents.txt", folder / "quiet.sklux", "--quiet"),
        *("-e", folder / "teacher.npy", "--components", 4),
    )
    assert result.stdout.startswith("Student and teacher: ")
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("option", "expected"), [("all", None), ("auto", "auto"), ("50", 50)]
)
def test_fit_passes_the_teacher_sample_size_on(
    folder, tmp_path, letters, option, expected
):
    """'all' means all documents, not the default number."""
    succeeded(
        *("fit", folder / "documents.txt", tmp_path / "model.sklux", "-t", "letters"),
        *("--cache", tmp_path, "--teacher-sample-size", option),
    )
    model = LuxicalVectorizer.load(tmp_path / "model.sklux")
    assert model.teacher_sample_size == expected


@pytest.mark.parametrize("option", ["--words", "--no-words"])
def test_fit_adds_words_of_the_teacher(folder, tmp_path, letters, texts, option):
    """The student embeds a word that no document contains."""
    path = tmp_path / "model.sklux"
    options = ("-t", "letters", "--cache", tmp_path, option)
    succeeded("fit", folder / "documents.txt", path, *options)
    model = LuxicalVectorizer.load(path)
    if option == "--no-words":
        assert set(letters) == set(texts)
        assert not model.transform(["zebra"]).any()
    else:
        assert set(letters) > {*texts, "zebra"}
        assert model.transform(["zebra"]).any()
