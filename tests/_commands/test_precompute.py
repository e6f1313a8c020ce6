"""sklux precompute."""

from contextlib import contextmanager

import pytest

from _commands.running import failed, run, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import console, precompute


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
    """The pieces have no bars, and the teacher has none; the bar moves with it."""
    steps, bars = [], []

    @contextmanager
    def counting(title, quiet):
        bars.append(title)
        counter = console.Counter(title)
        counter.add = lambda n, position: steps.append((n, position))
        yield counter
        counter.n_documents = sum(n for n, _ in steps)

    monkeypatch.setattr(precompute, "counting", counting)
    monkeypatch.setattr(precompute, "PIECE_DOCUMENTS", 100)
    monkeypatch.setattr("sklux._teacher.batches.MIN_BATCH_CHARACTERS", 0)
    options = ("-t", "letters", "--cache", tmp_path)
    result = succeeded("precompute", folder / "documents.parquet", *options)
    assert bars == ["teacher embeddings"]
    sizes = [n for n, _ in steps]
    assert sum(sizes) == 240 and max(sizes) <= 64
    positions = [position for _, position in steps]
    assert positions == sorted(positions)
    assert positions[0] < positions[-1] == 1
    assert "teacher embeddings:" not in result.stderr
    # In the cache: a step for each piece.
    steps.clear()
    succeeded("precompute", folder / "documents.parquet", *options)
    assert [n for n, _ in steps] == [100, 100, 40]


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


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("size", ["all", "200"])
def test_precompute_says_what_is_kept(folder, tmp_path, texts, monkeypatch, stop, size):
    """After Ctrl-C or a signal; the same command continues there."""
    seen, limit = [], [150]

    class Letters:
        def encode(self, documents, **options):
            if len(seen) + len(documents) > limit[0]:
                raise stop(143)
            seen.extend(documents)
            return [[text.count(c) + 0.1 for c in "aeiou"] for text in documents]

    monkeypatch.setattr(
        "sklux._teacher.models.load_sentence_transformer", lambda *_: Letters()
    )
    monkeypatch.setattr("sklux._teacher.batches.MIN_BATCH_CHARACTERS", 0)
    command = ("precompute", folder / "documents.txt", "-t", "letters")
    command += ("--cache", tmp_path, "--teacher-sample-size", size)
    result = run(*command)
    assert result.exit_code == (130 if stop is KeyboardInterrupt else 143)
    assert "sklux: stopped." in result.stderr
    n_stored = len(set(seen))
    assert n_stored == 128
    if size == "all":
        assert "128 documents of" in result.stderr
        assert "new teacher embeddings" not in result.stderr
    else:
        assert "128 of 200 new teacher embeddings are stored in" in result.stderr
    cache = tmp_path / "teacher.sqlite3"
    assert f"The cache {cache} keeps the teacher embeddings: the sa" in result.stderr
    limit[0] = 10_000
    succeeded(*command)
    assert len(seen) == len(set(seen))


def test_precompute_reports_retries(folder, tmp_path, monkeypatch):
    """In a log, the command would seem to stand still."""
    calls = []

    class Busy:
        def encode(self, documents, **options):
            calls.append(documents)
            if len(calls) == 1:
                raise ConnectionError("busy")
            return [[len(text), 1] for text in documents]

    monkeypatch.setattr("sklux._teacher.retries.pause", lambda seconds, stop: False)
    monkeypatch.setattr(
        "sklux._teacher.models.load_sentence_transformer", lambda *_: Busy()
    )
    command = ("precompute", folder / "documents.txt", "-t", "busy")
    result = succeeded(*command, "--cache", tmp_path)
    assert "The teacher failed (ConnectionError: busy). Retry 1 of" in result.stderr
    calls.clear()
    quiet = succeeded(*command, "--cache", tmp_path / "quiet", "--quiet")
    assert quiet.stderr == ""
