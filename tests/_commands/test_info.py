"""sklux info."""

import json

from _commands.running import succeeded


def test_info_table(folder):
    result = succeeded("info", folder / "model.sklux")
    for word in ("features", "int8", "tied rows", "word+subword", "10 nearest"):
        assert word in result.stdout


def test_info_json(folder):
    facts = json.loads(succeeded("info", folder / "model.sklux", "--json").stdout)
    assert facts["width"] == 8
    assert facts["layers"] == [8, 8]
    assert facts["tied rows"] is True
    assert facts["weights stored as"] == "int8"
    assert facts["documents embedded by the teacher"] == 240
    assert facts["terms embedded by the teacher"] == 0
    assert facts["teacher"] is None
    assert facts["bytes"] == (folder / "model.sklux").stat().st_size
    assert 0 <= facts["report"]["neighbor_recall"] <= 1
