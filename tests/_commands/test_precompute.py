"""sklux precompute."""

from contextlib import contextmanager

import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import console, precompute, teacher_options


def test_precompute_fills_the_cache_of_fit(folder, tmp_path, letters, texts):
    cache = ("--cache", tmp_path, "--teacher", "letters")
    result = succeeded("precompute", folder / "documents.txt", *cache)
    assert len(letters) == len(set(texts))
    assert "embeddings of 240 different documents (10 dimensions)" in result.stderr
    succeeded("fit", folder / "documents.txt", tmp_path / "model.sklux", *cache)
    assert set(letters[:240]) == set(texts)
    assert not set(letters[240:]) & set(texts)
    assert (
        LuxicalVectorizer.load(tmp_path / "model.sklux").teacher_id_ == "name:letters"
    )


def test_precompute_takes_the_sample_of_fit(folder, tmp_path, letters):
    options = ("--cache", tmp_path, "--teacher", "letters")
    options += ("--teacher-sample-size", 50)
    succeeded("precompute", folder / "documents.txt", *options)
    assert len(letters) == 50
    options += ("--no-words",)
    succeeded("fit", folder / "documents.txt", tmp_path / "model.sklux", *options)
    assert len(letters) == 50


def test_precompute_shows_one_bar(folder, tmp_path, letters, monkeypatch):
    """The pieces have no bars, and the teacher has none."""
    steps, bars = [], []

    @contextmanager
    def counting(title, quiet):
        bars.append(title)
        counter = console.Counter(None, None)
        counter.add = lambda n, position: steps.append((n, position))
        yield counter
        counter.n_documents = sum(n for n, _ in steps)

    monkeypatch.setattr(precompute, "counting", counting)
    monkeypatch.setattr(precompute, "PIECE_DOCUMENTS", 100)
    monkeypatch.setattr(teacher_options, "shows_progress", lambda quiet: not quiet)
    result = succeeded(
        *("precompute", folder / "documents.parquet"),
        *("-t", "letters", "--cache", tmp_path),
    )
    assert bars == ["teacher embeddings"]
    assert [n for n, _ in steps] == [100, 100, 40]
    assert "doc/s" not in result.stderr
    assert steps[-1][1] > 0


def test_precompute_without_documents(tmp_path, letters):
    (tmp_path / "empty.txt").touch()
    message = failed(
        "precompute", tmp_path / "empty.txt", "-t", "letters", "--cache", tmp_path
    )
    assert "contains no documents" in message


@pytest.mark.parametrize(("size", "n_texts"), [("all", 31), (20, 20)])
def test_precompute_counts_different_documents(tmp_path, texts, letters, size, n_texts):
    """In pieces of 1,000 documents, and as a sample."""
    documents = [*texts[:30], *1500 * ["frequent"], *texts[:30]]
    (tmp_path / "copies.txt").write_text("\n".join(documents))
    options = ("-t", "letters", "--cache", tmp_path, "--teacher-sample-size", size)
    result = succeeded("precompute", tmp_path / "copies.txt", *options)
    assert f"embeddings of {n_texts} different documents (10" in result.stderr
    assert len(letters) == len(set(letters)) == n_texts
    succeeded(
        *("fit", tmp_path / "copies.txt", tmp_path / "model.sklux", "--no-words"),
        *options,
    )
    assert len(letters) == n_texts
