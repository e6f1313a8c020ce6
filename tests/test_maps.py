"""Maps of documents, from a model to the file."""

from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from map_pages import data_of

from sklux import LuxicalVectorizer
from sklux.maps import save_map

pytest.importorskip("bokeh")
pytest.importorskip("openTSNE")


def test_map_shows_documents_topics_and_columns(fitted, documents, topics, tmp_path):
    path = tmp_path / "map.html"
    table = pd.DataFrame({"topic": topics, "length": [len(text) for text in documents]})
    save_map(fitted, documents, path, columns=table, n_clusters=3, random_state=0)
    data = data_of(path)
    assert data["texts"] == documents and data["width"] == 10
    found, *columns = data["columns"]
    assert found["name"] == "topic" and sum(found["counts"]) == len(documents)
    assert len(found["values"]) == 3
    assert [column["name"] for column in columns] == ["topic", "length"]
    assert columns[0]["values"] == sorted(
        "012", key=lambda t: -list(topics).count(int(t))
    )
    # The same seed gives the same page, but for Bokeh's numbers of its models.
    other = tmp_path / "other.html"
    save_map(
        fitted, documents, other, columns=dict(table), n_clusters=3, random_state=0
    )
    assert data_of(other) == data


def test_map_of_a_sample_with_short_texts(fitted, documents, tmp_path, capsys):
    path = tmp_path / "map.html"
    places = list(range(len(documents)))
    save_map(
        fitted,
        pd.Series(documents),
        path,
        columns={"place": places},
        sample_size=20,
        max_characters=10,
        title="A < B",
        random_state=1,
        verbose=True,
    )
    data = data_of(path)
    assert len(data["texts"]) == 20
    column = data["columns"][1]
    codes = np.frombuffer(b64decode(column["codes"]), "<i4")
    kept = [int(column["values"][code]) for code in codes]
    assert kept == sorted(set(kept)) and len(kept) == 20
    assert data["texts"] == [documents[place][:10] for place in kept]
    assert "<title>A &lt; B</title>" in path.read_text(encoding="utf-8")
    assert "positions" in capsys.readouterr().err


def test_map_of_copies_and_of_unknown_words(fitted, documents, tmp_path):
    """Few different vectors, and zero vectors."""
    texts = [documents[0]] * 12 + ["unknown zebra"] * 8
    save_map(fitted, texts, tmp_path / "map.html", n_clusters=5, random_state=0)
    assert data_of(tmp_path / "map.html")["texts"] == texts


@pytest.mark.parametrize(
    ("n_documents", "options", "message"),
    [
        (9, {}, "at least 10 documents. Got 9"),
        (
            12,
            {"columns": {"a": [1]}},
            "column 'a' must have a value for each of the 12",
        ),
        (12, {"columns": [1]}, "columns must be a dict of columns by name"),
        (12, {"n_clusters": 0}, "n_clusters"),
        (12, {"n_clusters": "many"}, "n_clusters"),
        (12, {"sample_size": 9}, "sample_size"),
        (12, {"max_characters": 0}, "max_characters"),
    ],
)
def test_map_bad_input(fitted, documents, tmp_path, n_documents, options, message):
    path = tmp_path / "map.html"
    path.write_text("before")
    with pytest.raises(ValueError, match=message):
        save_map(fitted, documents[:n_documents], path, **options)
    assert path.read_text() == "before"


def test_map_needs_a_fitted_model_and_a_folder(fitted, documents, tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        save_map(LuxicalVectorizer(), documents, tmp_path / "map.html")
    with pytest.raises(OSError):
        save_map(fitted, documents, tmp_path / "missing" / "map.html")
