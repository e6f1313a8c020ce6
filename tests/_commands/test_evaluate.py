"""sklux evaluate."""

import json
import re

import numpy as np
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer


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


def test_evaluate_leaves_out_documents_without_an_embedding(folder, tmp_path, texts):
    vectors = np.load(folder / "teacher.npy")
    (tmp_path / "embedded.txt").write_text("\n".join(texts[::2]))
    np.save(tmp_path / "embedded.npy", vectors[::2])
    vectors[1::2] = np.nan
    np.save(tmp_path / "some.npy", vectors)
    model = folder / "model.sklux"
    result = succeeded(
        *("evaluate", model, folder / "documents.txt", "--json"),
        *("-e", tmp_path / "some.npy"),
    )
    assert "Left out 120 documents without a teacher embedding" in result.stderr
    expected = succeeded(
        *("evaluate", model, tmp_path / "embedded.txt", "--json"),
        *("-e", tmp_path / "embedded.npy"),
    )
    found = json.loads(result.stdout)
    for name in ("documents", "neighbours", "correlation", "halves"):
        assert found[name] == json.loads(expected.stdout)[name]


@pytest.mark.parametrize(("n_documents", "n_neighbors"), [(3, 1), (10, 5), (19, 9)])
def test_evaluate_few_documents(folder, tmp_path, texts, n_documents, n_neighbors):
    (tmp_path / "few.txt").write_text("\n".join(texts[:n_documents]))
    np.save(tmp_path / "few.npy", np.load(folder / "teacher.npy")[:n_documents])
    result = succeeded(
        *("evaluate", folder / "model.sklux", tmp_path / "few.txt"),
        *("-e", tmp_path / "few.npy"),
    )
    assert (
        f"uses {n_neighbors} instead of 10 neighbours of each document" in result.stderr
    )
    assert f"teacher's {n_neighbors} nearest found" in result.stdout


@pytest.mark.parametrize("vectors", [np.eye(2), np.full((240, 3), np.nan)])
def test_evaluate_too_few_documents(folder, tmp_path, texts, vectors):
    (tmp_path / "few.txt").write_text("\n".join(texts[: len(vectors)]))
    np.save(tmp_path / "few.npy", vectors)
    message = failed(
        *("evaluate", folder / "model.sklux", tmp_path / "few.txt"),
        *("-e", tmp_path / "few.npy"),
    )
    assert "compares documents and needs 3 or more that are different" in message


@pytest.mark.parametrize("missing", [0, np.nan])
def test_evaluate_takes_nan_and_zero_as_missing(folder, tmp_path, missing):
    """As a fit does."""
    vectors = np.load(folder / "teacher.npy")
    vectors[100:] = missing
    np.save(tmp_path / "some.npy", vectors)
    model, documents = folder / "model.sklux", folder / "documents.txt"
    result = succeeded(
        "evaluate", model, documents, "-e", tmp_path / "some.npy", "--json"
    )
    assert json.loads(result.stdout)["documents"] == 100
    assert "Left out 140 documents without a teacher embedding" in result.stderr


def test_evaluate_agrees_with_score_on_12_documents(folder, tmp_path, texts):
    """Both compare the 6 nearest documents."""
    vectors = np.load(folder / "teacher.npy")[:12]
    (tmp_path / "few.txt").write_text("\n".join(texts[:12]))
    np.save(tmp_path / "few.npy", vectors)
    model = folder / "model.sklux"
    result = succeeded(
        *("evaluate", model, tmp_path / "few.txt", "-e", tmp_path / "few.npy"),
        "--json",
    )
    figures = json.loads(result.stdout)
    expected = LuxicalVectorizer.load(model).score(
        texts[:12], teacher_embeddings=vectors
    )
    assert figures["n_neighbors"] == 6
    assert figures["neighbours"] == pytest.approx(expected, abs=1e-6)


def test_evaluate_leaves_out_copies(folder, tmp_path, texts):
    """The figures are the same as without them."""
    vectors = np.load(folder / "teacher.npy")[:40]
    copies = [f" {text.upper()} " for text in texts[:40]]
    for name, documents, n_copies in (
        ("once", texts[:40], 0),
        ("thrice", texts[:40] + copies + texts[:40], 80),
    ):
        (tmp_path / f"{name}.txt").write_text("\n".join(documents))
        np.save(tmp_path / f"{name}.npy", np.tile(vectors, (1 + n_copies // 40, 1)))
    model, found = folder / "model.sklux", {}
    for name in ("once", "thrice"):
        arguments = ("evaluate", model, tmp_path / f"{name}.txt")
        arguments += ("-e", tmp_path / f"{name}.npy")
        found[name] = json.loads(succeeded(*arguments, "--json").stdout)
        del found[name]["documents_per_second"]
    table = succeeded(*arguments).stdout
    assert found["once"]["documents"] == 40
    assert found["thrice"] == {**found["once"], "copies_left_out": 80}
    assert found["once"]["copies_left_out"] == 0
    assert re.search(r"copies left out +80", table)


def test_evaluate_asks_the_teacher_for_different_documents(
    folder, tmp_path, texts, letters
):
    (tmp_path / "twice.txt").write_text("\n".join([*texts[:20], "x", *texts[:20], "X"]))
    succeeded(
        *("evaluate", folder / "model.sklux", tmp_path / "twice.txt"),
        *("-t", "letters", "--cache", tmp_path),
    )
    assert sorted(letters) == sorted([*texts[:20], "x"])


def test_evaluate_copies_are_too_few(folder, tmp_path):
    (tmp_path / "same.txt").write_text("apple\nApple\npear\n pear")
    np.save(tmp_path / "same.npy", np.eye(4))
    message = failed(
        *("evaluate", folder / "model.sklux", tmp_path / "same.txt"),
        *("-e", tmp_path / "same.npy"),
    )
    assert "3 or more that are different. Got 2." in message
