"""sklux info."""

import json

import pandas as pd
from conftest import small_vectorizer

from _commands.running import succeeded
from sklux import ReLUProjection


def test_info_table(folder):
    result = succeeded("info", folder / "model.sklux")
    for word in ("features", "int8", "tied rows", "word+subword", "10 nearest"):
        assert word in result.stdout


def test_info_json(folder):
    facts = json.loads(succeeded("info", folder / "model.sklux", "--json").stdout)
    assert facts["width"] == 8
    assert facts["layers"] == [8, 8]
    assert facts["named columns"] is None
    assert facts["tied rows"] is True
    assert facts["weights stored as"] == "int8"
    assert facts["documents embedded by the teacher"] == 240
    assert facts["terms embedded by the teacher"] == 0
    assert facts["teacher"] is None
    assert facts["bytes"] == (folder / "model.sklux").stat().st_size
    assert 0 <= facts["report"]["neighbor_recall"] <= 1


def test_info_named_columns(tmp_path):
    texts = ["a red apple", "a green pear", "a fast car", "a slow train"] * 5
    scores = pd.DataFrame({"fruit": [9, 8, 1, 1] * 5, "speed": [0, 1, 9, 4] * 5})
    model = small_vectorizer(projection=ReLUProjection(max_iter=1))
    model.fit(texts, teacher_embeddings=scores).save(tmp_path / "model.sklux")
    facts = json.loads(succeeded("info", tmp_path / "model.sklux", "--json").stdout)
    assert facts["named columns"] == ["fruit", "speed"]
    assert "fruit" in succeeded("info", tmp_path / "model.sklux").stdout
