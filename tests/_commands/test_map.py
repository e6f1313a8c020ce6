"""sklux map."""

import json

import pytest
from map_pages import data_of

from _commands.running import failed, succeeded

pytest.importorskip("bokeh")
pytest.importorskip("openTSNE")


def test_map_of_a_file(folder, texts, tmp_path):
    source = tmp_path / "docs.jsonl"
    rows = [{"text": text, "kind": f"kind {i % 2}"} for i, text in enumerate(texts)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = tmp_path / "map.html"
    arguments = ["map", folder / "model.sklux", source, output, "--keep", "kind"]
    done = succeeded(*arguments, "--clusters", 2, "--title", "My corpus")
    assert "Open it in a browser." in done.stderr
    data = data_of(output)
    assert data["texts"] == list(texts)
    assert [column["name"] for column in data["columns"]] == ["topic", "kind"]
    assert len(data["columns"][0]["values"]) == 2
    assert "<title>My corpus</title>" in output.read_text(encoding="utf-8")

    options = ["--sample-size", 10, "--characters", 7, "--seed", 3, "--quiet"]
    assert succeeded(*arguments, *options).stderr == ""
    data = data_of(output)
    assert len(data["texts"]) == 10 and max(map(len, data["texts"])) == 7
    assert f"<title>{source}</title>" in output.read_text(encoding="utf-8")


def test_map_bad_arguments(folder, tmp_path):
    source = tmp_path / "docs.txt"
    source.write_text("one\ntwo\n")
    model = folder / "model.sklux"
    assert "ends with .html" in failed("map", model, source, tmp_path / "map.png")
    message = failed("map", model, source, tmp_path / "map.html")
    assert "at least 10 documents" in message and str(source) in message
    assert not (tmp_path / "map.html").exists()
