"""sklux explain."""

import json

import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer
from sklux.inspection import explain_embedding, explain_similarity


@pytest.fixture
def model(folder):
    return LuxicalVectorizer.load(folder / "model.sklux")


def test_explain_two_texts(folder, model, texts):
    arguments = ["explain", folder / "model.sklux", *texts[:2]]
    expected = explain_similarity(model, *texts[:2])
    assert succeeded(*arguments).stdout == f"{expected}\n"
    shown = json.loads(succeeded(*arguments, "--json").stdout)
    assert shown["cosine"] == pytest.approx(expected.cosine)
    for name in ("first", "second"):
        total = sum(row["share"] for row in shown[name])
        assert total == pytest.approx(expected.cosine)
        assert set(shown[name][0]) == {"term", "kind", "share"}


def test_explain_one_text(folder, model, texts):
    arguments = ["explain", folder / "model.sklux", texts[0]]
    assert succeeded(*arguments).stdout == f"{explain_embedding(model, texts[0])}\n"
    shown = json.loads(succeeded(*arguments, "--json").stdout)
    shares = [abs(row["share"]) for row in shown["terms"]]
    assert shares == sorted(shares, reverse=True)
    assert "no known term" in succeeded("explain", folder / "model.sklux", "").stdout


def test_explain_too_many_texts(folder):
    message = failed("explain", folder / "model.sklux", "a", "b", "c")
    assert "one or two texts. Got 3" in message


def test_explain_dimension(folder, model, texts):
    arguments = ["explain", folder / "model.sklux", texts[0]]
    name = "luxicalvectorizer1"
    expected = explain_embedding(model, texts[0], dimension=1)
    assert succeeded(*arguments, "--dimension", name).stdout == f"{expected}\n"
    shown = json.loads(succeeded(*arguments, "--dimension", name, "--json").stdout)
    assert shown["value"] == pytest.approx(expected.value)
    total = sum(row["share"] for row in shown["terms"])
    assert total == pytest.approx(expected.value)
    message = failed(*arguments, "--dimension", "price")
    assert "'price' is the name of 0 output columns" in message
    message = failed(*arguments, texts[1], "--dimension", name)
    assert "--dimension explains a column of the vector of one text. Got 2" in message
