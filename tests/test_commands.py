"""The commands on small files, in this process; test_cli.py looks from the outside."""

import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from typer.testing import CliRunner

from sklux import LuxicalVectorizer, _document_files
from sklux._commands import app

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
    assert result.stdout == ""
    assert "documents" not in result.stderr


def test_fit_without_a_teacher(folder):
    message = failed("fit", folder / "documents.txt", folder / "none.sklux")
    assert "--teacher" in message and "--embeddings" in message


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
    from sklux import _teacher

    seen = []

    class Letters:
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
    assert len(letters) == len(set(texts))
    assert (
        LuxicalVectorizer.load(tmp_path / "model.sklux").teacher_id_ == "name:letters"
    )


def test_teach_some_are_those_that_fit_chooses(folder, tmp_path, letters):
    options = ("--cache", tmp_path, "--teacher", "letters", "--taught", 50)
    succeeded("teach", folder / "documents.txt", *options)
    assert len(letters) == 50
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


def test_embed_in_a_pipe(folder, texts):
    lines = "".join(json.dumps({"body": text}) + "\n" for text in texts[:5])
    import subprocess
    import sys

    command = [sys.executable, "-m", "sklux.cli", "embed"]
    command += [
        str(folder / "model.sklux"),
        "-",
        "-",
        "--format",
        "jsonl",
        "-c",
        "body",
    ]
    result = subprocess.run(command, input=lines, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = [json.loads(line)["embedding"] for line in result.stdout.splitlines()]
    expected = LuxicalVectorizer.load(folder / "model.sklux").transform(texts[:5])
    np.testing.assert_array_equal(np.array(found, dtype=np.float32), expected)


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
    assert "none.sklux" in failed(command, tmp_path / "none.sklux", *arguments)


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


def test_help_of_each_command_teaches():
    for command in ("demo", "teach", "fit", "embed", "info", "evaluate", "neighbors"):
        result = succeeded(command, "--help")
        assert "Usage" in result.stdout
        assert len(result.stdout.splitlines()) > 8
