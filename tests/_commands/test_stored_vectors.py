"""sklux neighbors on vectors that sklux embed has stored."""

import json

import numpy as np
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import parts
from sklux._commands.parts import MANIFEST


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 50 rows, in batches of 20."""
    monkeypatch.setattr(parts, "PART_ROWS", 50)
    monkeypatch.setattr(parts, "BATCH_ROWS", 20)


def embed(folder, output, *options):
    documents = folder / "documents.parquet"
    succeeded("embed", folder / "model.sklux", documents, f"{output}/", *options)


def neighbors(folder, place, *arguments):
    command = ["neighbors", folder / "model.sklux", place, *arguments]
    result = succeeded(*command, "--json", "-q", "-n", 4)
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "ubinary"])
def test_neighbors_of_stored_vectors(folder, tmp_path, texts, small_parts, form, dtype):
    options = ["-k", "url", "--dtype", dtype, "--parts", form]
    embed(folder, tmp_path / "out", *options)
    queries = ["sweet plum juice", "violin concert"]
    found = neighbors(folder, tmp_path / "out", *queries)
    model = LuxicalVectorizer.load(folder / "model.sklux")
    cosines = model.transform(queries) @ model.transform(texts).T
    tolerance = {"float32": 1e-6, "float16": 1e-3, "int8": 0.02, "ubinary": 0.6}[dtype]
    for query, line, row in zip(queries, found, cosines):
        assert line["query"] == query
        assert list(line["nearest"][0]) == ["url", "row", "cosine"]
        for hit in line["nearest"]:
            assert hit["url"] == f"page/{hit['row']}"
            assert abs(hit["cosine"] - row[hit["row"]]) < tolerance
        if dtype != "ubinary":
            best = np.sort(row)[::-1][:4]
            hits = [hit["cosine"] for hit in line["nearest"]]
            np.testing.assert_allclose(hits, best, atol=tolerance)
    if dtype == "float32":
        again = neighbors(folder, folder / "documents.parquet", *queries)
        for line, other in zip(found, again):
            rows = [hit["row"] for hit in line["nearest"]]
            assert rows == [hit["row"] for hit in other["nearest"]]


def test_neighbors_of_stored_vectors_in_words(folder, tmp_path):
    embed(folder, tmp_path / "out", "-k", "url", "-k", "text")
    result = succeeded(
        "neighbors", folder / "model.sklux", tmp_path / "out", "plum", "-k", "url"
    )
    assert " page/" in result.stdout
    (line,) = neighbors(folder, tmp_path / "out", "plum")
    assert list(line["nearest"][0]) == ["url", "text", "row", "cosine"]


def test_neighbors_of_stored_vectors_of_another_model(folder, tmp_path):
    embed(folder, tmp_path / "out")
    model = LuxicalVectorizer.load(folder / "model.sklux")
    model.truncate(4).save(tmp_path / "other.sklux")
    command = ["neighbors", tmp_path / "other.sklux", tmp_path / "out", "plum"]
    assert "are of another model than" in failed(*command)


def test_neighbors_of_stored_vectors_that_are_not_complete(folder, tmp_path):
    embed(folder, tmp_path / "out")
    path = tmp_path / "out" / MANIFEST
    command = ["neighbors", folder / "model.sklux", tmp_path / "out", "plum"]
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"is_complete": False}))
    assert "Run sklux embed with the same arguments again" in failed(*command)
    path.write_text("{}")
    assert "is damaged: KeyError" in failed(*command)


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_neighbors_of_stored_vectors_that_are_damaged(folder, tmp_path, form):
    embed(folder, tmp_path / "out", "--parts", form)
    (part,) = (tmp_path / "out").glob("part-*")
    part.write_bytes(b"PAR1 or ARROW1")
    command = ["neighbors", folder / "model.sklux", tmp_path / "out", "plum"]
    assert "Delete it, and run sklux embed again" in failed(*command)


def test_neighbors_of_stored_vectors_bad_arguments(folder, tmp_path):
    embed(folder, tmp_path / "out", "-k", "url")
    command = ["neighbors", folder / "model.sklux", tmp_path / "out"]
    message = failed(*command, "plum", "-k", "title")
    assert "has no column 'title' with the vectors. Its columns: 'url'" in message
    message = failed(*command, folder / "documents.txt", "--query", "plum")
    assert "is a folder of vectors, which is read alone" in message
    for option in ("--format", "--null-documents"):
        value = {"--format": "csv", "--null-documents": "empty"}[option]
        message = failed(*command, "plum", option, value)
        assert f"Leave out {option}." in message


def test_neighbors_of_stored_vectors_without_documents(folder, tmp_path):
    (tmp_path / "none.txt").write_text("")
    place = f"{tmp_path}/out/"
    succeeded("embed", folder / "model.sklux", tmp_path / "none.txt", place)
    message = failed("neighbors", folder / "model.sklux", place, "plum")
    assert "contains no documents" in message
