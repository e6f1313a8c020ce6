"""sklux update."""

import shutil

import numpy as np
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer

NEW_WORDS = "wolf bear fox deer otter beaver lynx hare".split()


@pytest.fixture
def news(tmp_path):
    """New documents of a new topic, and their teacher embeddings."""
    rng = np.random.RandomState(3)
    texts = [" ".join(rng.choice(NEW_WORDS, 6)) + " apple" for _ in range(60)]
    (tmp_path / "news.txt").write_text("\n".join(texts) + "\n")
    counts = [[text.count(word) for word in NEW_WORDS] for text in texts]
    vectors = np.hstack([counts, np.ones((60, 8))]).astype(np.float32)
    np.save(tmp_path / "news.npy", vectors)
    return tmp_path / "news.txt", tmp_path / "news.npy", texts, vectors


def test_update_equals_the_library(folder, tmp_path, texts, news):
    file, vectors_file, new_texts, vectors = news
    result = succeeded(
        *("update", folder / "model.sklux", file, "-o", tmp_path / "new.sklux"),
        *("--embeddings", vectors_file, "--past", folder / "documents.txt"),
        *("--past-weight", 2, "--max-new-terms", 5),
    )
    assert "Before and after: 240 past documents" in result.stdout
    assert "5 new terms; 300 documents in all." in result.stderr
    model = LuxicalVectorizer.load(folder / "model.sklux")
    model.set_params(projection__past_weight=2, max_new_terms=5)
    model.partial_fit(new_texts, teacher_embeddings=vectors)
    saved = LuxicalVectorizer.load(tmp_path / "new.sklux")
    assert (saved.transform(texts) == model.transform(texts)).all()
    assert saved.projection.past_weight == 2


def test_update_replaces_the_model_and_is_quiet(folder, tmp_path, news):
    file, vectors_file, *_ = news
    model = tmp_path / "model.sklux"
    shutil.copy(folder / "model.sklux", model)
    result = succeeded("update", model, file, "-e", vectors_file, "--quiet")
    assert result.stdout.startswith("Student and teacher: ")
    assert "Before and after: 60 new documents" in result.stdout
    assert result.stderr == ""
    assert LuxicalVectorizer.load(model).n_samples_seen_ == 300


def test_update_by_a_named_teacher(folder, tmp_path, news, letters):
    fitted, updated = tmp_path / "fitted.sklux", tmp_path / "updated.sklux"
    teacher = ("--teacher", "letters", "--cache", tmp_path / "cache")
    succeeded("fit", folder / "documents.txt", fitted, *teacher, "--components", 4)
    letters.clear()
    succeeded("update", fitted, news[0], "-o", updated, *teacher)
    # Words of the fit are in the cache.
    words = set(" ".join(news[2]).split())
    assert set(news[2]) < set(letters) <= set(news[2]) | words
    model = LuxicalVectorizer.load(updated)
    assert model.teacher_id_ == LuxicalVectorizer.load(fitted).teacher_id_


def test_update_refuses_bad_input(folder, tmp_path, news, letters):
    file, vectors_file, *_ = news
    before = (folder / "model.sklux").read_bytes()
    model = folder / "model.sklux"
    assert "no teacher" in failed("update", model, file).lower()
    message = failed("update", model, file, "-e", vectors_file, "-o", file)
    assert "also an input" in message
    message = failed("update", model, file, "-t", "letters", "--cache", tmp_path / "c")
    assert "10 columns, but the embeddings of fit had 16" in message
    assert (folder / "model.sklux").read_bytes() == before
    message = failed("update", tmp_path / "missing.sklux", file, "-e", vectors_file)
    assert "missing.sklux" in message
