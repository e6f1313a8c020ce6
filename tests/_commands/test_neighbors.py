"""sklux neighbors."""

import json
import re

import numpy as np
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import document_files


@pytest.mark.parametrize("n_documents", [1, 11, 10_000])
def test_neighbors_are_the_nearest(folder, texts, monkeypatch, n_documents):
    """In pieces of any size, ties in the order of the rows."""
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", n_documents)
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
    assert "has no term of 'zzz'" in result.stderr


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
