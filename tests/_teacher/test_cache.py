"""Vectors of documents on disk, in one sqlite3 file, keyed by model and text."""

import multiprocessing
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _teacher.caches import filled, remedy, vectors_of, with_pragma
from sklux._teacher.cache import VectorCache, text_key
from sklux._teacher.cache_file import FILE_NAME
from sklux._teacher.cache_layout import KEYS_PER_QUERY

# Any str, lone surrogates included.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
N_WRITERS = 3
N_SHARED = 40


def test_vector_cache_key_known_answer():
    """Later versions find the keys of this version, on any platform."""
    assert text_key("model", "float16", "text").hex() == (
        "abe2e0db60cb6f35b0f4036e7c5e8ada"
    )
    assert text_key("name:m", "float32", "na\u00efve \U0001f34e \ud800").hex() == (
        "598d24e259de6a8c272cae5aad7569a3"
    )


@settings(max_examples=50, deadline=None)
@given(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT))
def test_vector_cache_key_depends_on_all_parts(first, second):
    assert (text_key(*first) == text_key(*second)) == (first == second)


@settings(max_examples=50, deadline=None)
@given(ANY_TEXT, st.data())
def test_vector_cache_key_depends_on_the_bounds_of_parts(joined, data):
    """The same characters, cut into parts at different places."""
    cuts = st.tuples(*[st.integers(0, len(joined))] * 2).map(sorted)
    (a, b), (c, d) = data.draw(cuts), data.draw(cuts)
    first = text_key(joined[:a], joined[a:b], joined[b:])
    second = text_key(joined[:c], joined[c:d], joined[d:])
    assert (first == second) == ((a, b) == (c, d))


def test_vector_cache_key_lone_surrogates_differ_from_the_character():
    """A pair of surrogates in a str is not the character that it encodes."""
    texts = ["\ud83c\udf4e", "\U0001f34e", "\ud83c", "\udf4e", "?"]
    assert len({text_key("m", "float16", text) for text in texts}) == len(texts)


def test_vector_cache_key_method_uses_model_and_dtype(tmp_path):
    cache = VectorCache(tmp_path, "model", "float32")
    assert cache.key("text") == text_key("model", "float32", "text")


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_vector_cache_returns_the_same_bits(tmp_path, dtype):
    texts = ["", "a", "\ud800", "\U0001f34e"]
    cache, vectors = filled(tmp_path, texts, dtype)
    found = VectorCache(tmp_path, "model", dtype).get([cache.key(t) for t in texts])
    for text, vector in zip(texts, vectors):
        stored = found[cache.key(text)]
        assert stored.dtype == np.dtype(dtype)
        assert stored.tobytes() == vector.tobytes()


def test_vector_cache_returns_only_stored_vectors(tmp_path):
    cache, _ = filled(tmp_path, ["a", "b"])
    keys = [cache.key(text) for text in ("c", "b")]
    assert set(cache.get(keys)) == {keys[1]}


def test_vector_cache_more_keys_than_one_statement_takes(tmp_path):
    texts = [str(number) for number in range(2 * KEYS_PER_QUERY + 1)]
    cache, vectors = filled(tmp_path, texts)
    found = cache.get([cache.key(text) for text in texts])
    np.testing.assert_array_equal(
        np.stack([found[cache.key(text)] for text in texts]), vectors
    )


def test_vector_cache_first_stored_vector_wins(tmp_path):
    """The second program gets the stored vector, so all programs agree."""
    cache, vectors = filled(tmp_path, ["a"])
    cache.put([cache.key("a"), cache.key("b")], vectors_of(2, seed=1))
    found = cache.get([cache.key("a"), cache.key("b")])
    np.testing.assert_array_equal(found[cache.key("a")], vectors[0])
    assert len(found) == 2


def test_vector_cache_models_and_dtypes_do_not_mix(tmp_path):
    cache, _ = filled(tmp_path, ["a"])
    for other in (
        VectorCache(tmp_path, "another", "float16"),
        VectorCache(tmp_path, "model", "float32"),
    ):
        assert other.get([other.key("a")]) == {}


def test_vector_cache_reading_makes_no_file(tmp_path):
    cache = VectorCache(tmp_path / "folder", "model", "float16")
    assert cache.get([cache.key("a")]) == {}
    assert cache.n_components() is None
    assert list(tmp_path.iterdir()) == []


def test_vector_cache_file_without_tables_is_an_empty_cache(tmp_path):
    """Another process has made the file, but not its tables yet."""
    (tmp_path / FILE_NAME).touch()
    cache = VectorCache(tmp_path, "model", "float16")
    assert cache.n_components() is None
    assert cache.get([cache.key("a")]) == {}


def test_vector_cache_makes_missing_folders(tmp_path):
    cache, _ = filled(tmp_path / "one" / "two", ["a"])
    assert cache.file == tmp_path / "one" / "two" / FILE_NAME
    assert cache.file.is_file()


def test_vector_cache_is_in_wal_mode(tmp_path):
    """Processes can read while another process writes."""
    cache, _ = filled(tmp_path, ["a"])
    with closing(sqlite3.connect(cache.file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_vector_cache_reads_while_another_connection_writes(tmp_path):
    cache, vectors = filled(tmp_path, ["a"])
    with closing(sqlite3.connect(cache.file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM embeddings")
        found = cache.get([cache.key("a")])
        writer.execute("ROLLBACK")
    np.testing.assert_array_equal(found[cache.key("a")], vectors[0])


def test_vector_cache_n_components(tmp_path):
    cache, _ = filled(tmp_path, ["a"])
    assert cache.n_components() == 4
    assert VectorCache(tmp_path, "another", "float16").n_components() is None


def test_vector_cache_other_width_is_refused(tmp_path):
    cache, vectors = filled(tmp_path, ["a"])
    message = (
        f"The teacher returned vectors of width 5, but the cache {str(cache.file)!r} "
        "holds vectors of width 4 for the same model (model). Give the changed model "
        "another model_id, or set the path of CachedTeacher to another folder."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        cache.put([cache.key("b")], vectors_of(1, n_components=5))
    found = cache.get([cache.key("a"), cache.key("b")])
    assert list(found) == [cache.key("a")]
    np.testing.assert_array_equal(found[cache.key("a")], vectors[0])


def test_vector_cache_other_width_of_another_model_is_stored(tmp_path):
    filled(tmp_path, ["a"])
    other = VectorCache(tmp_path, "another", "float16")
    other.put([other.key("a")], vectors_of(1, n_components=5))
    assert other.n_components() == 5


def test_vector_cache_dtypes_of_a_model_have_one_width(tmp_path):
    """The width belongs to the model and does not depend on the dtype."""
    filled(tmp_path, ["a"])
    other = VectorCache(tmp_path, "model", "float32")
    with pytest.raises(ValueError, match="width 5, but .* of width 4"):
        other.put([other.key("a")], vectors_of(1, 5, np.float32))


def write_slowly(folder, writer, start):
    """Store shared and own texts one by one, while other processes do the same."""
    cache = VectorCache(folder, "model", "float16")
    vectors = vectors_of(N_SHARED, seed=writer)
    start.wait(timeout=60)
    for number in range(N_SHARED):
        keys = [cache.key(f"shared {number}"), cache.key(f"own {writer} {number}")]
        cache.get(keys)
        cache.put(keys, vectors[[number, number]])


def test_vector_cache_several_processes_write_one_file(tmp_path):
    """They also race to make the file."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(N_WRITERS)
    writers = [
        context.Process(target=write_slowly, args=(tmp_path, writer, start))
        for writer in range(N_WRITERS)
    ]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0] * N_WRITERS
    cache = VectorCache(tmp_path, "model", "float16")
    by_writer = [vectors_of(N_SHARED, seed=writer) for writer in range(N_WRITERS)]
    for number in range(N_SHARED):
        found = cache.get([cache.key(f"shared {number}")])
        (stored,) = found.values()
        assert any((stored == vectors[number]).all() for vectors in by_writer)
    for writer, vectors in enumerate(by_writer):
        keys = [cache.key(f"own {writer} {number}") for number in range(N_SHARED)]
        found = cache.get(keys)
        np.testing.assert_array_equal(np.stack([found[key] for key in keys]), vectors)


def test_vector_cache_waits_for_another_process_to_make_the_file(tmp_path):
    """sqlite itself does not wait when two processes switch a file to WAL mode."""
    cache = VectorCache(tmp_path, "model", "float16")
    keys = [cache.key("a")]
    with (
        closing(sqlite3.connect(cache.file, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        other.execute("CREATE TABLE something (number INTEGER)")
        other.execute("BEGIN IMMEDIATE")
        storing = pool.submit(cache.put, keys, vectors_of(1))
        wait([storing], timeout=0.3)
        other.execute("ROLLBACK")
        storing.result()
    assert list(cache.get(keys)) == keys


def test_vector_cache_file_is_the_same_through_a_link(tmp_path):
    """The claims of threads on a file meet."""
    file = VectorCache(tmp_path / "folder", "model", "float16").file
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert VectorCache(str(tmp_path / "link"), "another", "float32").file == file


def test_vector_cache_full_disk(tmp_path, monkeypatch):
    cache, vectors = filled(tmp_path, ["a", "b"])
    many = [cache.key(str(number)) for number in range(2000)]
    with monkeypatch.context() as patch:
        with_pragma(patch, "PRAGMA max_page_count = 8")
        with pytest.raises(OSError, match=remedy(cache.file, "full")):
            cache.put(many, vectors_of(len(many)))
    keys = [cache.key("a"), cache.key("b")]
    found = cache.get(keys + many)
    assert list(found) == sorted(keys, key=list(found).index)
    np.testing.assert_array_equal(np.stack([found[key] for key in keys]), vectors)
    cache.put(many, vectors_of(len(many)))
    assert len(cache.get(many)) == len(many)


def test_vector_cache_read_only_file_refuses_to_store(tmp_path, monkeypatch):
    cache, vectors = filled(tmp_path, ["a"])
    with_pragma(monkeypatch, "PRAGMA query_only = ON")
    with pytest.raises(OSError, match=remedy(cache.file, "readonly")):
        cache.put([cache.key("b")], vectors_of(1))
    found = cache.get([cache.key("a"), cache.key("b")])
    assert list(found) == [cache.key("a")]
    np.testing.assert_array_equal(found[cache.key("a")], vectors[0])


def test_vector_cache_interrupted_write_stores_nothing(tmp_path):
    cache, _ = filled(tmp_path, ["a"])

    class Interrupting:
        shape = (2, 4)

        def __iter__(self):
            yield vectors_of(1)[0]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.put([cache.key("b"), cache.key("c")], Interrupting())
    assert cache.get([cache.key("b"), cache.key("c")]) == {}
    cache.put([cache.key("b")], vectors_of(1))
    assert len(cache.get([cache.key("b")])) == 1


def test_vector_cache_counts_keys(tmp_path):
    """Each distinct key once, over several statements."""
    texts = [str(number) for number in range(KEYS_PER_QUERY + 1)]
    cache, _ = filled(tmp_path, texts)
    keys = [cache.key(text) for text in (*texts, "missing")]
    assert cache.count(keys * 2) == len(texts)
    assert cache.count([cache.key("missing")]) == cache.count([]) == 0


def test_vector_cache_counts_none_without_a_file(tmp_path):
    assert VectorCache(tmp_path / "folder", "model", "float16").count([b"key"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_vector_cache_counts_without_reading_vectors(tmp_path):
    cache, _ = filled(tmp_path, ["a"])
    with closing(sqlite3.connect(cache.file, isolation_level=None)) as connection:
        connection.execute("UPDATE embeddings SET vector = x'0102'")
    assert cache.count([cache.key("a")]) == 1
