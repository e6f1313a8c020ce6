"""The commands on small files, in this process; test_cli.py looks from the outside."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from typer.testing import CliRunner

import sklux
from sklux import LuxicalVectorizer
from sklux._commands import document_files as _document_files
from sklux._commands import jobs as _jobs
from sklux._commands import vector_files as _vector_files
from sklux._commands.app import app

pytest.importorskip("torch")

WORDS = [
    "apple pear plum cherry grape fruit sweet juice".split(),
    "engine wheel brake road driver petrol car motor".split(),
    "violin cello chord melody sonata concert piano choir".split(),
]


def make_texts(n_documents=240, seed=0):
    rng = np.random.RandomState(seed)
    return [
        " ".join(rng.choice(WORDS[i % 3], 8)) + " " + rng.choice(WORDS[0])
        for i in range(n_documents)
    ]


@pytest.fixture(scope="module")
def texts():
    return make_texts()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, texts):
    """Documents as Parquet and text, a teacher's vectors, and a fitted model."""
    folder = tmp_path_factory.mktemp("commands")
    rows = [{"url": f"page/{i}", "text": text} for i, text in enumerate(texts)]
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows), folder / "documents.parquet"
    )
    (folder / "documents.txt").write_text("\n".join(texts) + "\n")
    features = TfidfVectorizer().fit_transform(texts)
    vectors = TruncatedSVD(16, random_state=0).fit_transform(features)
    np.save(folder / "teacher.npy", vectors.astype(np.float32))
    result = run(
        *("fit", folder / "documents.parquet", folder / "model.sklux"),
        *("--embeddings", folder / "teacher.npy", "--components", "8"),
    )
    assert result.exit_code == 0, result.stderr
    return folder


def run(*arguments, **options):
    return CliRunner().invoke(app, list(map(str, arguments)), **options)


def run_outside(*arguments, **options):
    """In a process of its own."""
    command = [sys.executable, "-m", "sklux.cli", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, text=True, **options)


def succeeded(*arguments, **options):
    result = run(*arguments, **options)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result


def failed(*arguments, **options):
    """The message, without a traceback."""
    result = run(*arguments, **options)
    assert result.exit_code == 1, result.stdout
    assert isinstance(result.exception, SystemExit)
    return str(result.exception.code)


# outputs


OUTPUT_IS_INPUT = {
    "documents of embed": ("embed", "model.sklux", "a.jsonl", "a.jsonl"),
    "a link": ("embed", "model.sklux", "a.jsonl", "link.jsonl"),
    "a model": ("embed", "a.npy", "a.jsonl", "a.npy"),
    "documents of fit": ("fit", "a.txt", "a.txt", "-e", "a.npy"),
    "vectors of fit": ("fit", "a.txt", "a.npy", "-e", "a.npy"),
}


@pytest.mark.parametrize("arguments", OUTPUT_IS_INPUT.values(), ids=OUTPUT_IS_INPUT)
def test_output_is_no_input(folder, tmp_path, monkeypatch, arguments):
    for name in ("a.jsonl", "a.npy", "a.txt", "model.sklux"):
        (tmp_path / name).write_text("precious")
    (tmp_path / "link.jsonl").hardlink_to(tmp_path / "a.jsonl")
    monkeypatch.chdir(tmp_path)
    assert "is also read by the command" in failed(*arguments)
    assert all(path.read_text() == "precious" for path in tmp_path.iterdir())


def test_output_is_not_standard_input(folder, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "apple"}\n')
    command = ["embed", folder / "model.sklux", "-", path, "--format", "jsonl"]
    with open(path) as file:
        result = run_outside(*command, stdin=file)
    assert result.returncode == 1
    assert "is also read by the command" in result.stderr
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
    is_no_file = failed(*inputs, tmp_path / "folder.npy", *options)
    assert "folder.npy is there already, and is no file" in is_no_file
    no_folder = failed(*inputs, tmp_path / "none" / "v.npy", *options)
    assert "There is no folder" in no_folder and "none" in no_folder

    def refused(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(_jobs, "TemporaryFile", refused)
    not_allowed = failed(*inputs, tmp_path / "v.npy", *options)
    assert "v.npy cannot be written: Permission denied. Name a file" in not_allowed


def test_output_cannot_be_written_to_its_end(folder, tmp_path, monkeypatch):
    """As when the disk is full: the message names the output, nothing is left."""

    def full(self, vectors, kept):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_vector_files.NpyVectors, "write", full)
    message = failed(
        "embed", folder / "model.sklux", folder / "documents.txt", tmp_path / "v.npy"
    )
    assert "No space left on device" in message and "v.npy" in message
    assert list(tmp_path.iterdir()) == []


# fit


def test_fit_is_that_of_the_library(folder, texts):
    model = LuxicalVectorizer(random_state=0).set_params(projection__n_components=8)
    model.fit(texts, teacher_embeddings=np.load(folder / "teacher.npy"))
    saved = LuxicalVectorizer.load(folder / "model.sklux")
    np.testing.assert_array_equal(saved.transform(texts), model.transform(texts))


def test_fit_prints_the_report_and_notes(folder):
    result = succeeded(
        *("fit", folder / "documents.txt", folder / "other.sklux"),
        *("-e", folder / "teacher.npy", "--components", 4, "--max-features", 20),
        *("--corpus-weight", 0.3, "--dtype", "int8", "--seed", 5),
    )
    assert "10 nearest" in result.stdout
    assert "240 documents taught" in result.stderr
    model = LuxicalVectorizer.load(folder / "other.sklux")
    assert model.projection_.n_components_ == 4
    assert model.projection_.n_features_in_ <= 20
    assert model.projection_.corpus_weight == 0.3
    assert model.projection_._network.dtype == np.int8
    assert model.random_state == 5


def test_fit_quietly(folder):
    result = succeeded(
        *("fit", folder / "documents.txt", folder / "quiet.sklux", "--quiet"),
        *("-e", folder / "teacher.npy", "--components", 4),
    )
    assert result.stdout.startswith("Student and teacher: ")
    assert result.stderr == ""


@pytest.mark.parametrize(("option", "expected"), [("-q", "1"), (None, None)])
def test_quiet_silences_the_bars_of_other_libraries(
    folder, tmp_path, monkeypatch, option, expected
):
    """Also on a terminal."""
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS", raising=False)
    arguments = folder / "model.sklux", folder / "documents.txt", tmp_path / "v.npy"
    succeeded("embed", *arguments, *filter(None, [option]))
    assert os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS") == expected


@pytest.mark.parametrize("options", [(), ("-t", "")])
def test_fit_without_a_teacher(folder, options):
    message = failed("fit", folder / "documents.txt", folder / "none.sklux", *options)
    assert "--teacher" in message and "--embeddings" in message


def test_teach_without_a_teacher(folder):
    """The option --embeddings is one that it has not."""
    message = failed("teach", folder / "documents.txt")
    assert "--teacher" in message and "--embeddings" not in message


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("fit", ("--teacher", "x")),
        ("fit", ("--windows", 2)),
        ("fit", ("--cache", "x")),
        ("fit", ("--taught", 50)),
        ("fit", ("--no-words",)),
        ("evaluate", ("--teacher", "x")),
    ],
)
def test_embeddings_beside_options_of_a_teacher(folder, command, options):
    files = {
        "fit": (folder / "documents.txt", folder / "none.sklux"),
        "evaluate": (folder / "model.sklux", folder / "documents.txt"),
    }[command]
    message = failed(command, *files, "-e", folder / "teacher.npy", *options)
    assert f"{options[0]} would change nothing" in message


def test_fit_folder_of_the_model_is_missing(folder):
    message = failed(
        *("fit", folder / "documents.txt", folder / "none" / "model.sklux"),
        *("-e", folder / "teacher.npy"),
    )
    assert "There is no folder" in message


@pytest.mark.parametrize("content", ["text", "vector", "archive"])
def test_fit_embeddings_are_no_matrix(folder, tmp_path, content):
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


def test_fit_embeddings_of_other_documents(folder, tmp_path):
    np.save(tmp_path / "few.npy", np.eye(5))
    message = failed(
        *("fit", folder / "documents.txt", tmp_path / "model.sklux"),
        *("-e", tmp_path / "few.npy"),
    )
    assert "240" in message and "5" in message
    assert not (tmp_path / "model.sklux").exists()


@pytest.mark.parametrize("taught", ["0", "some", "-3"])
def test_fit_taught_is_no_number(folder, taught):
    message = failed(
        *("fit", folder / "documents.txt", folder / "none.sklux"),
        *("-e", folder / "teacher.npy", f"--taught={taught}"),
    )
    assert "--taught must be 'auto' (10,000), 'all' or a number from 1" in message


# teach and fit with a teacher


@pytest.fixture
def letters(monkeypatch):
    """A teacher under the name of a model, that counts letters; the texts it saw."""
    from sklux._teacher import cached as _teacher

    seen = []

    class Letters:
        tokenizer = SimpleNamespace(get_vocab=lambda: {"zebra": 0, "##a": 1})

        def encode(self, texts, **options):
            seen.extend(texts)
            return [[text.count(c) + 0.1 for c in "aeiourstln"] for text in texts]

    model = Letters()
    monkeypatch.setattr(
        _teacher, "load_sentence_transformer", lambda name, device: model
    )
    return seen


def test_teach_fills_the_cache_of_fit(folder, tmp_path, letters, texts):
    cache = ("--cache", tmp_path, "--teacher", "letters")
    result = succeeded("teach", folder / "documents.txt", *cache)
    assert len(letters) == len(set(texts))
    assert "240 of them, with 10 numbers" in result.stderr
    succeeded("fit", folder / "documents.txt", tmp_path / "model.sklux", *cache)
    assert set(letters[:240]) == set(texts)
    assert not set(letters[240:]) & set(texts)
    assert (
        LuxicalVectorizer.load(tmp_path / "model.sklux").teacher_id_ == "name:letters"
    )


def test_teach_some_are_those_that_fit_chooses(folder, tmp_path, letters):
    options = ("--cache", tmp_path, "--teacher", "letters", "--taught", 50)
    succeeded("teach", folder / "documents.txt", *options)
    assert len(letters) == 50
    options += ("--no-words",)
    succeeded("fit", folder / "documents.txt", tmp_path / "model.sklux", *options)
    assert len(letters) == 50


@pytest.mark.parametrize(
    ("taught", "expected"), [("all", None), ("auto", "auto"), ("50", 50)]
)
def test_fit_taught_is_teacher_sample_size(folder, tmp_path, letters, taught, expected):
    """All, where 'all' is said, and not the default number."""
    succeeded(
        *("fit", folder / "documents.txt", tmp_path / "model.sklux", "-t", "letters"),
        *("--cache", tmp_path, "--taught", taught),
    )
    model = LuxicalVectorizer.load(tmp_path / "model.sklux")
    assert model.teacher_sample_size == expected


@pytest.mark.parametrize("option", ["--words", "--no-words"])
def test_fit_words_are_those_of_the_teacher_too(
    folder, tmp_path, letters, texts, option
):
    """The student knows what no document says."""
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


def test_teach_shows_one_bar(folder, tmp_path, letters, monkeypatch):
    """Not one for each piece, and none of the teacher's own."""
    steps, bars = [], []

    @contextmanager
    def counting(title, quiet):
        bars.append(title)
        counter = _jobs.Counter(None, None)
        counter.add = lambda n, position: steps.append((n, position))
        yield counter
        counter.n_documents = sum(n for n, _ in steps)

    monkeypatch.setattr(_jobs, "counting", counting)
    monkeypatch.setattr(_jobs, "TAUGHT_AT_ONCE", 100)
    monkeypatch.setattr(_jobs, "is_watched", lambda quiet: not quiet)
    result = succeeded(
        *("teach", folder / "documents.parquet", "-t", "letters", "--cache", tmp_path)
    )
    assert bars == ["teaching"]
    assert [n for n, _ in steps] == [100, 100, 40]
    assert "doc/s" not in result.stderr
    assert steps[-1][1] > 0


def test_teach_nothing(tmp_path, letters):
    (tmp_path / "empty.txt").touch()
    message = failed(
        "teach", tmp_path / "empty.txt", "-t", "letters", "--cache", tmp_path
    )
    assert "holds no document" in message


# embed


@pytest.mark.parametrize("n_documents", [7, 10_000])
def test_embed_npy(folder, tmp_path, texts, monkeypatch, n_documents):
    """In pieces of any size."""
    monkeypatch.setattr(_document_files, "MAX_PIECE_DOCUMENTS", n_documents)
    result = succeeded(
        "embed", folder / "model.sklux", folder / "documents.txt", tmp_path / "v.npy"
    )
    expected = LuxicalVectorizer.load(folder / "model.sklux").transform(texts)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected)
    assert "240 documents in" in result.stderr
    assert result.stdout == ""


def test_embed_parquet_keeps_columns(folder, tmp_path, texts):
    succeeded(
        *("embed", folder / "model.sklux", folder / "documents.parquet"),
        *(tmp_path / "v.parquet", "--keep", "url", "-k", "text", "-q"),
    )
    table = pyarrow.parquet.read_table(tmp_path / "v.parquet")
    assert table.column_names == ["url", "text", "embedding"]
    assert table["text"].to_pylist() == texts
    assert table["url"][3].as_py() == "page/3"


def test_embed_columns_of_parquet_keep_their_type(folder, tmp_path, monkeypatch):
    """Though the first piece has no value."""
    monkeypatch.setattr(_document_files, "MAX_PIECE_DOCUMENTS", 2)
    scores = pyarrow.array([None, None, 0.5, 1.5], pyarrow.float32())
    table = pyarrow.table({"text": ["apple"] * 4, "score": scores})
    pyarrow.parquet.write_table(table, tmp_path / "documents.parquet")
    succeeded(
        *("embed", folder / "model.sklux", tmp_path / "documents.parquet"),
        *(tmp_path / "v.parquet", "--keep", "score"),
    )
    found = pyarrow.parquet.read_table(tmp_path / "v.parquet")["score"]
    assert found.combine_chunks() == scores


def test_embed_in_a_pipe(folder, texts):
    lines = "".join(json.dumps({"body": text}) + "\n" for text in texts[:5])
    command = ["embed", folder / "model.sklux", "-", "-"]
    result = run_outside(*command, "--format", "jsonl", "-c", "body", input=lines)
    assert result.returncode == 0, result.stderr
    found = [json.loads(line)["embedding"] for line in result.stdout.splitlines()]
    expected = LuxicalVectorizer.load(folder / "model.sklux").transform(texts[:5])
    np.testing.assert_array_equal(np.array(found, dtype=np.float32), expected)


def test_embed_in_a_pipe_must_be_told_the_format(folder):
    assert "--format" in failed("embed", folder / "model.sklux", "-", "-")


def test_embed_tells_of_empty_vectors(folder, tmp_path):
    rows = [{"text": "apple pear"}, {"text": None}, {"text": "?"}, {"text": "!"}]
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet"
    )
    result = succeeded(
        "embed", folder / "model.sklux", tmp_path / "rows.parquet", tmp_path / "v.npy"
    )
    assert "1 documents were missing (null)" in result.stderr
    assert "2 documents have no known term" in result.stderr
    lengths = np.linalg.norm(np.load(tmp_path / "v.npy"), axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 0, 0], atol=1e-6)


def test_embed_npy_keeps_no_columns(folder, tmp_path):
    message = failed(
        *("embed", folder / "model.sklux", folder / "documents.parquet"),
        *(tmp_path / "v.npy", "-k", "url"),
    )
    assert "vectors alone" in message


def test_embed_failure_leaves_what_was_there(folder, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"text": "apple"}\n{"text": 3}\n')
    (tmp_path / "v.npy").write_text("before")
    message = failed(
        "embed", folder / "model.sklux", tmp_path / "bad.jsonl", tmp_path / "v.npy"
    )
    assert "Document 1 is no text but a int" in message
    assert (tmp_path / "v.npy").read_text() == "before"


@pytest.mark.parametrize("command", ["embed", "info", "evaluate", "neighbors"])
def test_commands_refuse_what_is_no_model(folder, tmp_path, command):
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


# info, evaluate, neighbors


def test_info_table(folder):
    result = succeeded("info", folder / "model.sklux")
    for word in ("features", "float32", "word+subword", "10 nearest"):
        assert word in result.stdout


def test_info_json(folder):
    facts = json.loads(succeeded("info", folder / "model.sklux", "--json").stdout)
    assert facts["width"] == 8
    assert facts["layers"][-1] == 8
    assert facts["documents taught"] == 240
    assert facts["terms taught"] == 0
    assert facts["teacher"] is None
    assert facts["bytes"] == (folder / "model.sklux").stat().st_size
    assert 0 <= facts["report"]["neighbor_recall"] <= 1


def test_evaluate(folder):
    arguments = ("evaluate", folder / "model.sklux", folder / "documents.txt")
    arguments += ("-e", folder / "teacher.npy")
    figures = json.loads(succeeded(*arguments, "--json").stdout)
    assert figures["documents"] == 240
    assert 0.3 < figures["neighbours"] <= 1
    assert 0.8 < figures["correlation"] <= 1
    assert 0 < figures["halves"] <= 1
    table = succeeded(*arguments).stdout
    assert f"{figures['correlation']:.3f}" in table


def test_evaluate_vectors_of_other_documents(folder, tmp_path):
    np.save(tmp_path / "few.npy", np.eye(5))
    message = failed(
        *("evaluate", folder / "model.sklux", folder / "documents.txt"),
        *("-e", tmp_path / "few.npy"),
    )
    assert "5 rows" in message and "240 documents" in message


def test_evaluate_leaves_out_what_was_not_taught(folder, tmp_path, texts):
    vectors = np.load(folder / "teacher.npy")
    (tmp_path / "taught.txt").write_text("\n".join(texts[::2]))
    np.save(tmp_path / "taught.npy", vectors[::2])
    vectors[1::2] = np.nan
    np.save(tmp_path / "some.npy", vectors)
    model = folder / "model.sklux"
    result = succeeded(
        *("evaluate", model, folder / "documents.txt", "--json"),
        *("-e", tmp_path / "some.npy"),
    )
    assert "120 documents were not taught" in result.stderr
    expected = succeeded(
        *("evaluate", model, tmp_path / "taught.txt", "--json"),
        *("-e", tmp_path / "taught.npy"),
    )
    found = json.loads(result.stdout)
    for name in ("documents", "neighbours", "correlation", "halves"):
        assert found[name] == json.loads(expected.stdout)[name]


@pytest.mark.parametrize("n_documents", [3, 10])
def test_evaluate_few_documents(folder, tmp_path, texts, n_documents):
    (tmp_path / "few.txt").write_text("\n".join(texts[:n_documents]))
    np.save(tmp_path / "few.npy", np.load(folder / "teacher.npy")[:n_documents])
    result = succeeded(
        *("evaluate", folder / "model.sklux", tmp_path / "few.txt"),
        *("-e", tmp_path / "few.npy"),
    )
    assert f"the {n_documents - 1} nearest are compared instead of 10" in result.stderr
    assert f"teacher's {n_documents - 1} nearest found" in result.stdout


@pytest.mark.parametrize("vectors", [np.eye(2), np.full((240, 3), np.nan)])
def test_evaluate_too_few_documents(folder, tmp_path, texts, vectors):
    (tmp_path / "few.txt").write_text("\n".join(texts[: len(vectors)]))
    np.save(tmp_path / "few.npy", vectors)
    message = failed(
        *("evaluate", folder / "model.sklux", tmp_path / "few.txt"),
        *("-e", tmp_path / "few.npy"),
    )
    assert "compares documents, and needs 3" in message


@pytest.mark.parametrize("n_documents", [1, 11, 10_000])
def test_neighbors_are_the_nearest(folder, texts, monkeypatch, n_documents):
    """In pieces of any size, ties in the order of the rows."""
    monkeypatch.setattr(_document_files, "MAX_PIECE_DOCUMENTS", n_documents)
    queries = ["sweet plum juice", "violin concert"]
    result = succeeded(
        *("neighbors", folder / "model.sklux", folder / "documents.txt"),
        *queries,
        *("-n", 4, "--json", "-q"),
    )
    model = LuxicalVectorizer.load(folder / "model.sklux")
    cosines = model.transform(queries) @ model.transform(texts).T
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["query"] for line in lines] == queries
    for line, row in zip(lines, cosines):
        found = [hit["cosine"] for hit in line["nearest"]]
        np.testing.assert_allclose(found, np.sort(row)[::-1][:4], atol=1e-5)
        assert all(texts[hit["row"]] == hit["text"] for hit in line["nearest"])


def test_neighbors_in_words(folder):
    result = succeeded(
        *("neighbors", folder / "model.sklux", folder / "documents.txt"),
        *("[red] plum :smile:", "zzz", "-n", 2),
    )
    assert result.stdout.splitlines()[0] == "[red] plum :smile:"
    assert result.stdout.count("  row ") == 2
    assert "knows no term of 'zzz'" in result.stderr


def test_neighbors_keep_columns(folder, texts):
    arguments = ("neighbors", folder / "model.sklux", folder / "documents.parquet")
    result = succeeded(*arguments, texts[3], "-n", 1, "--keep", "url")
    hit = result.stdout.splitlines()[1]
    assert hit.startswith("  1.000  row 3  page/3  ")
    found = json.loads(succeeded(*arguments, texts[3], "-k", "url", "--json").stdout)
    assert list(found["nearest"][0]) == ["url", "row", "cosine", "text"]
    assert found["nearest"][0]["url"] == "page/3"
    assert "no column 'title'" in failed(*arguments, "apple", "--keep", "title")
    assert "'row' cannot be kept" in failed(*arguments, "apple", "--keep", "row")


def test_neighbors_do_nothing_to_the_terminal(folder, tmp_path):
    text = "apple \x1b[31mpear\x1b]0;title\x07 \x9b2J"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}))
    arguments = ("neighbors", folder / "model.sklux", tmp_path / "a.jsonl")
    result = succeeded(*arguments, "apple\x1b[0m")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.stdout)
    assert r"apple \x1b[31mpear" in result.stdout
    found = json.loads(succeeded(*arguments, "apple", "--json").stdout)
    assert found["nearest"][0]["text"] == text


def test_result_has_no_place(folder, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(ValueError, match="Standard output is closed"):
        _jobs.info(folder / "model.sklux", False)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.parametrize("command", ["info", "neighbors", "embed"])
def test_results_nobody_reads_are_no_failure(folder, command):
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


# the process


def test_embed_memory_is_constant(folder, tmp_path, texts):
    """Ten times the documents, through a pipe, in no more memory."""
    pytest.importorskip("resource")
    lines = "".join(" ".join(texts[i : i + 10]) + "\n" for i in range(200))
    # A process's own figure begins with that of the one it was made by: so by a small
    # one. The fewer documents fill a piece, too.
    program = (
        "import resource, subprocess, sys\n"
        "with subprocess.Popen(['cat', sys.argv[1]], stdout=subprocess.PIPE) as cat:\n"
        "    subprocess.run(sys.argv[2:], stdin=cat.stdout, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    peaks = []
    for n_times in (60, 600):
        path = tmp_path / "many.txt"
        path.write_text(lines * n_times)
        command = [sys.executable, "-c", program, path, sys.executable, "-m"]
        command += ["sklux.cli", "embed", folder / "model.sklux", "-"]
        command += [tmp_path / "v.npy", "--format", "text", "-q"]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(result.stdout) * (1 if sys.platform == "darwin" else 1024))
    assert np.load(tmp_path / "v.npy", mmap_mode="r").shape == (120_000, 8)
    assert peaks[1] - peaks[0] < 20e6


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_embed_removes_its_half_at_a_signal(folder, tmp_path, name):
    number = getattr(signal, name)
    command = [sys.executable, "-m", "sklux.cli", "embed", folder / "model.sklux"]
    command += ["-", tmp_path / "v.npy", "--format", "text"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        for _ in range(600):
            if list(tmp_path.glob(".*.partial")):
                break
            time.sleep(0.05)
        assert list(tmp_path.glob(".*.partial"))
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert list(tmp_path.iterdir()) == []


EXAMPLES = {
    "teach": "sklux teach docs.parquet --teacher all-MiniLM-L6-v2",
    "fit": "sklux fit docs.parquet model.sklux --teacher all-MiniLM-L6-v2",
    "embed": "sklux embed model.sklux docs.parquet vectors.npy",
    "info": "sklux info model.sklux --json",
    "evaluate": "sklux evaluate model.sklux others.parquet --teacher all-MiniLM-L6-v2",
    "neighbors": 'sklux neighbors model.sklux docs.parquet "shortest path in a graph"',
}


@pytest.mark.parametrize("command", ["demo", *EXAMPLES])
def test_help_of_each_command_teaches(command):
    result = succeeded(command, "--help", env={"COLUMNS": "100"})
    assert "Usage" in result.stdout
    assert len(result.stdout.splitlines()) > 8
    assert EXAMPLES.get(command, "") in result.stdout


def test_version():
    assert succeeded("--version").stdout == f"sklux {sklux.__version__}\n"


def test_fit_does_not_write_into_what_it_reads(folder, tmp_path, letters):
    """The folder of the teacher, and the cache of its vectors."""
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    documents = folder / "documents.txt"
    for output in (teacher / "model.safetensors", teacher / "new.sklux"):
        message = failed("fit", documents, output, "-t", teacher, "--cache", tmp_path)
        assert "lies in the folder of the teacher" in message
        assert not output.exists()
    cache = tmp_path / "teacher.sqlite3"
    options = ("-t", "letters", "--cache", tmp_path, "--no-words")
    succeeded("teach", documents, *options[:4])
    before = cache.read_bytes()
    assert "is also read by the command" in failed("fit", documents, cache, *options)
    assert cache.read_bytes() == before
    inside = ("teach", documents, "-t", teacher, "--cache", teacher)
    assert "would lie in the folder of the teacher" in failed(*inside)


@pytest.fixture
def half_missing(tmp_path, texts):
    """Every other document is missing; vectors for all, and the texts that are left."""
    rows = [{"text" if place % 2 else "txt": text} for place, text in enumerate(texts)]
    rows[0]["text"] = None
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "half.jsonl").write_text(lines)
    return tmp_path / "half.jsonl"


def test_missing_documents_are_left_out(folder, tmp_path, half_missing, letters, texts):
    """And counted, by all commands; their vectors, if they are there, go with them."""
    note = "120 documents of"
    options = ("-t", "letters", "--cache", tmp_path)
    result = succeeded("teach", half_missing, *options)
    assert note in result.stderr and "knows 120 of them" in result.stderr
    assert set(letters) == set(texts[1::2])
    result = succeeded("teach", half_missing, *options, "--taught", 1000)
    assert note in result.stderr and "knows 120 of them" in result.stderr
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


@pytest.mark.parametrize("untaught", [0, np.nan])
def test_evaluate_takes_nan_and_zero_as_not_taught(folder, tmp_path, untaught):
    """By the rule of a fit."""
    vectors = np.load(folder / "teacher.npy")
    vectors[100:] = untaught
    np.save(tmp_path / "some.npy", vectors)
    model, documents = folder / "model.sklux", folder / "documents.txt"
    result = succeeded(
        "evaluate", model, documents, "-e", tmp_path / "some.npy", "--json"
    )
    assert json.loads(result.stdout)["documents"] == 100
    assert "140 documents were not taught" in result.stderr


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


def test_error_of_a_strange_kind_is_said_in_words(folder, tmp_path, monkeypatch):
    """Its notes too; where it was is shown to who asks."""

    def load(name, device):
        error = KeyError("path")
        error.add_note("This happened while loading the teacher.")
        raise error

    monkeypatch.setattr("sklux._teacher.cached.load_sentence_transformer", load)
    command = ("teach", folder / "documents.txt", "-t", "broken", "--cache", tmp_path)
    message = failed(*command)
    assert "KeyError: 'path'" in message and "SKLUX_TRACEBACK=1" in message
    assert "This happened while loading the teacher." in message
    monkeypatch.setenv("SKLUX_TRACEBACK", "1")
    assert isinstance(run(*command).exception, KeyError)


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_output_that_its_encoding_cannot_hold_is_escaped(folder, tmp_path, option):
    text = "apple n\u00e4ve \ud83d"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text}))
    for encoding in ("ascii", "utf-8"):
        result = run_outside(
            *("neighbors", folder / "model.sklux", tmp_path / "a.jsonl", "apple"),
            *option,
            env=os.environ | {"PYTHONIOENCODING": encoding},
        )
        assert result.returncode == 0, result.stderr
        if option:
            assert json.loads(result.stdout)["nearest"][0]["text"] == text
        else:
            assert r"\ud83d" in result.stdout


def test_teach_and_fit_hand_on_the_prompt(folder, tmp_path, monkeypatch):
    """A prompt that the teacher has; beside its vectors it would change nothing."""
    asked = set()

    class Model:
        prompts = {"document": "passage: "}

        def encode(self, texts, prompt_name=None, **options):
            asked.add(prompt_name)
            return [[text.count(c) + 0.1 for c in "aeiourstln"] for text in texts]

    monkeypatch.setattr(
        "sklux._teacher.cached.load_sentence_transformer", lambda name, device: Model()
    )
    options = ("-t", "prompted", "--cache", tmp_path, "--prompt", "document")
    documents, model = folder / "documents.txt", tmp_path / "model.sklux"
    succeeded("teach", documents, *options)
    succeeded("fit", documents, model, *options, "--no-words")
    assert asked == {"document"}
    assert LuxicalVectorizer.load(model).teacher_id_ == (
        "name:prompted, prompt 'document'"
    )
    vectors = ("-e", folder / "teacher.npy", "--prompt", "document")
    assert "--prompt would change nothing" in failed("fit", documents, model, *vectors)
