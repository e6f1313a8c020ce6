"""sklux fit."""

import re

import numpy as np
import pytest

from _commands.running import failed, run, succeeded
from sklux import LuxicalVectorizer
from sklux._student.projection import network_of
from sklux.metrics import split_halves


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


@pytest.mark.parametrize("option", [None, "--halves", "--no-halves"])
def test_fit_has_halves_embedded(folder, tmp_path, letters, texts, option, monkeypatch):
    """Off by default; the model keeps the setting."""
    monkeypatch.setattr("sklux._vectorizer.MIN_HALF_TERMS", 1)
    path = tmp_path / "model.sklux"
    options = (
        "-t",
        "letters",
        "--cache",
        tmp_path,
        "--no-words",
        *filter(None, [option]),
    )
    succeeded("fit", folder / "documents.txt", path, *options)
    model = LuxicalVectorizer.load(path)
    assert model.teacher_halves is (option == "--halves")
    halves = {half for side in split_halves(texts) for half in side}
    asked = {*texts, *halves} if option == "--halves" else {*texts}
    assert set(letters) == asked


@pytest.mark.parametrize("is_there", [False, True])
def test_fit_says_what_is_kept(folder, tmp_path, letters, monkeypatch, is_there):
    """After Ctrl-C in the training."""

    def stop(self, *arguments, **options):
        raise KeyboardInterrupt

    path = tmp_path / "model.sklux"
    if is_there:
        path.write_bytes(b"before")
    monkeypatch.setattr("sklux._student.projection.ReLUProjection._learn", stop)
    options = ("-t", "letters", "--cache", tmp_path)
    result = run("fit", folder / "documents.txt", path, *options)
    assert result.exit_code == 130
    assert "sklux: stopped.\nNo model was written. " in result.stderr
    assert "teacher.sqlite3 keeps the teacher embeddings: the same" in result.stderr
    assert (f"{path} is as it was before." in result.stderr) == is_there
    assert (path.read_bytes() if is_there else b"before") == b"before"
    vectors = ("-e", folder / "teacher.npy")
    result = run("fit", folder / "documents.txt", tmp_path / "new.sklux", *vectors)
    assert result.stderr.endswith("sklux: stopped.\nNo model was written.\n")


def test_fit_prints_a_line_for_each_stage_in_a_log(folder, tmp_path, letters):
    """Whole lines, when a stage begins and when it ends."""
    command = ("fit", folder / "documents.txt", tmp_path / "model.sklux", "-t")
    command += ("letters", "--cache", tmp_path)
    result = succeeded(*command)
    stages = ["words of the teacher", "terms", "teacher embeddings of words"]
    stages += ["teacher embeddings", "initial weights", "training", "report"]
    lines = result.stderr.splitlines()
    assert "\r" not in result.stderr
    for name in stages:
        begin, *_, end = (line for line in lines if line.startswith(f"{name}: "))
        assert begin.startswith(f"{name}: begins")
        assert re.search(r"\d\d:\d\d", end)
    assert ":" not in succeeded(*command, "--quiet").stderr


@pytest.mark.parametrize("sample_size", [None, 100])
def test_fit_streamed_files(folder, tmp_path, texts, sample_size):
    """With a sample of all documents, the model is the same as without --stream."""
    options = ["-e", folder / "teacher.npy", "--components", 8, "--stream"]
    if sample_size is not None:
        options += ["--sample-size", sample_size]
    result = succeeded(
        "fit", folder / "documents.txt", tmp_path / "model.sklux", *options
    )
    assert f"240 documents, {sample_size or 240} of them in memory" in result.stderr
    assert "all counts are exact" in result.stderr
    model = LuxicalVectorizer.load(tmp_path / "model.sklux")
    expected = LuxicalVectorizer.load(folder / "model.sklux")
    assert model.lexical_.vocabulary_ == expected.lexical_.vocabulary_
    if sample_size is None:
        np.testing.assert_array_equal(model.transform(texts), expected.transform(texts))


def test_fit_streamed_files_with_a_teacher(folder, tmp_path, letters):
    succeeded(
        *("fit", folder / "documents.txt", tmp_path / "model.sklux", "--stream"),
        *("-t", "letters", "--cache", tmp_path, "--sample-size", 90, "--no-words"),
    )
    model = LuxicalVectorizer.load(tmp_path / "model.sklux")
    assert model.n_teacher_documents_ == 90


def test_fit_options_of_a_stream(folder, tmp_path):
    output = tmp_path / "model.sklux"
    begin = "fit", folder / "documents.txt", output, "-e"
    message = failed(*begin, folder / "teacher.npy", "--sample-size", 50)
    assert "Give --stream, too, or leave it out" in message
    options = "-e", folder / "teacher.npy", "--stream", "--format", "text"
    assert "reads the documents several times" in failed("fit", "-", output, *options)
    np.save(tmp_path / "short.npy", np.load(folder / "teacher.npy")[:-3])
    message = failed(*begin, tmp_path / "short.npy", "--stream")
    assert "short.npy and" in message
    assert "there is no row 237" in message
    assert not output.exists()


def test_fit_streamed_parquet_with_vectors(folder, tmp_path, texts):
    """Documents and vectors in one file, read in blocks."""
    pa, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    path, output = tmp_path / "documents.parquet", tmp_path / "model.sklux"
    vectors = np.load(folder / "teacher.npy")
    table = pa.table({"text": texts, "vector": vectors.tolist()})
    parquet.write_table(table, path, row_group_size=70)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklux._commands.embedding_files.BLOCK_ROWS", 50)
        succeeded("fit", path, output, "-e", path, "--components", 8, "--stream")
    expected = LuxicalVectorizer.load(folder / "model.sklux").transform(texts)
    found = LuxicalVectorizer.load(output).transform(texts)
    np.testing.assert_allclose(found, expected, atol=1e-5)
