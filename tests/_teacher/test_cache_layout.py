"""The tables of the file of teacher embeddings, and the rows of vectors in them."""

import os
import sqlite3
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from _teacher.caches import EarlierCache, filled, vectors_of
from _teacher.teachers import TEXTS, Recorder, tenths
from sklux import CachedTeacher
from sklux._teacher.cache import VectorCache
from sklux._teacher.cache_file import PAGE_BYTES
from sklux._teacher.cache_layout import Series, has_checksum, vector_checksum

DAMAGED = "has damaged vectors, for 1 of the asked texts"
# Bytes of a row before its vector: length, number, header, series, key, checksum.
ROW_HEAD = 40


def changed(file, statement, *values):
    """Change the rows of a file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(statement, values)


def flipped(content, position):
    """The bytes of a file with one bit flipped."""
    changed = bytearray(content)
    changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


def found_in(cache, keys):
    """Vectors of a file that may be damaged; None if it is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return cache.get(keys)
        except OSError as error:
            assert "damaged" in str(error) or "cannot be read" in str(error)
            return None


def store_again(file, keys, vectors):
    """Store vectors in a file that may be damaged; whether it then has all of them."""
    cache = VectorCache(file.parent, "model", "float16")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            cache.put(keys, vectors)
            found = cache.get(keys)
        except OSError:
            return False
        finally:
            for name in ("-wal", "-shm"):
                file.with_name(f"{file.name}{name}").unlink(missing_ok=True)
    expected = dict(zip(keys, vectors))
    for key, vector in found.items():
        assert vector.tobytes() == expected[key].tobytes()
    # Otherwise the index is damaged, and `CachedTeacher` raises an error.
    return len(found) == len(keys)


def test_checksum_known_answer():
    """Later versions check the vectors of this version."""
    assert vector_checksum(b"k" * 16, 1, b"vector").hex() == "f71064db54272639"
    assert Series("model", "float16", 1).checksum(4).hex() == "ab4cdf95601ecdba"


def test_a_flipped_bit_anywhere_in_a_row_is_found(tmp_path):
    """The row, byte by byte: its header, key and checksum, and the vector."""
    cache = VectorCache(tmp_path, "model", "float16")
    vector = vectors_of(1, 24)
    key = cache.key("a")
    cache.put([key], vector)
    content = cache.file.read_bytes()
    begin = content.index(vector.tobytes())
    checksum = content.index(vector_checksum(key, 1, vector.tobytes()))
    assert begin - checksum == 8
    n_found = 0
    for position in range(8 * (begin - ROW_HEAD), 8 * (begin + vector.nbytes)):
        cache.file.write_bytes(flipped(content, position))
        found = found_in(VectorCache(tmp_path, "model", "float16"), [key])
        if found:
            np.testing.assert_array_equal(found[key], vector[0])
        else:
            n_found += 1
        if position >= 8 * checksum:
            assert found == {}
    assert n_found >= 8 * (vector.nbytes + 8)


def test_a_flipped_bit_anywhere_in_the_file_gives_no_wrong_vector(tmp_path):
    texts = [str(number) for number in range(40)]
    cache, vectors = filled(tmp_path, texts)
    keys = [cache.key(text) for text in texts]
    expected = {key: vector.tobytes() for key, vector in zip(keys, vectors)}
    content = cache.file.read_bytes()
    used = [place for place, byte in enumerate(content) if byte]
    random_state = np.random.RandomState(0)
    n_stored = 0
    for place in random_state.choice(used, 500):
        position = 8 * int(place) + random_state.randint(8)
        cache.file.write_bytes(flipped(content, position))
        found = found_in(VectorCache(tmp_path, "model", "float16"), keys)
        for key, vector in (found or {}).items():
            assert vector.tobytes() == expected[key]
        n_stored += found is not None and store_again(cache.file, keys, vectors)
    assert n_stored > 250


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE embeddings SET vector = x'0102'",
        "UPDATE embeddings SET vector = x'010203'",
        "UPDATE embeddings SET vector = x''",
        "UPDATE embeddings SET vector = 7",
        f"UPDATE embeddings SET vector = x'{'007e' * 4}'",
        "UPDATE embeddings SET vector = CAST(vector AS TEXT)",
        "UPDATE embeddings SET checksum = x'00'",
        "UPDATE embeddings SET series = 2",
        "UPDATE embeddings SET series = 'text'",
    ],
)
def test_a_damaged_row_is_stored_again(tmp_path, statement):
    cache, vectors = filled(tmp_path, ["a"])
    key = cache.key("a")
    changed(cache.file, statement)
    if "CAST" not in statement:
        with pytest.warns(UserWarning, match=DAMAGED):
            assert cache.get([key]) == {}
    assert cache.count([key]) == 1
    again = vectors_of(1, seed=1)
    cache.put([key], again)
    whole = vectors if "CAST" in statement else again
    np.testing.assert_array_equal(cache.get([key])[key], whole[0])
    assert cache.count([key]) == 1


def test_a_vector_of_another_key_is_found(tmp_path):
    """A row whose vector and checksum are whole, but of another text."""
    cache, _ = filled(tmp_path, ["a", "b"])
    changed(cache.file, "DELETE FROM embeddings WHERE key = ?", cache.key("a"))
    changed(cache.file, "UPDATE embeddings SET key = ?", cache.key("a"))
    with pytest.warns(UserWarning, match=DAMAGED):
        assert cache.get([cache.key("a")]) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE series SET n_components = 5",
        "UPDATE series SET n_components = 'x'",
        "UPDATE series SET dtype = CAST(x'ff' AS TEXT)",
        "UPDATE series SET identity = 'other'",
        "UPDATE series SET checksum = x'00'",
        "UPDATE models SET n_components = 5",
    ],
)
def test_a_damaged_row_of_a_model_does_not_matter(tmp_path, statement):
    cache, vectors = filled(tmp_path, ["a"])
    changed(cache.file, statement)
    if "models" not in statement:
        assert cache.n_components() == 4
    keys = [cache.key("a"), cache.key("b")]
    np.testing.assert_array_equal(cache.get(keys)[keys[0]], vectors[0])
    cache.put(keys[1:], vectors_of(1))
    assert len(cache.get(keys)) == 2
    assert cache.n_components() == 4


def test_a_warning_names_a_damaged_text_once(tmp_path):
    cache, _ = filled(tmp_path, ["a"])
    changed(cache.file, "UPDATE embeddings SET vector = x'01'")
    with pytest.warns(UserWarning, match="sklux cache --verify") as caught:
        for _ in range(2):
            cache.get([cache.key("a")])
    assert len(caught) == 1


def test_a_warning_has_the_number_of_damaged_texts(tmp_path):
    cache, _ = filled(tmp_path, ["a", "b", "c"])
    changed(cache.file, "UPDATE embeddings SET vector = x'01' WHERE id < 3")
    with pytest.warns(UserWarning, match="for 2 of the asked texts"):
        assert len(cache.get([cache.key(text) for text in "abc"])) == 1


def test_a_row_with_a_null_is_damaged():
    checksum = vector_checksum(b"key", 1, b"")
    assert has_checksum(b"key", 1, b"", checksum)
    assert not has_checksum(b"key", 1, None, checksum)
    assert not has_checksum(None, 1, b"", checksum)
    assert not has_checksum(b"key", 1, b"", None)


def test_vectors_may_have_one_number(tmp_path):
    cache = VectorCache(tmp_path, "model", "float16")
    key, vectors = cache.key("a"), vectors_of(1, 1)
    cache.put([key], vectors)
    np.testing.assert_array_equal(cache.get([key])[key], vectors[0])


def test_a_teacher_embeds_a_text_with_a_flipped_bit_again(tmp_path):
    model = Recorder(tenths)
    teacher = CachedTeacher(model, path=tmp_path, model_id="m")
    first = teacher.transform(TEXTS)
    file = teacher._cache().file
    (text,) = [text for text in TEXTS if text == "a fast car"]
    key = teacher._cache().key(text)
    stored = teacher._cache().get([key])[key].tobytes()
    content = file.read_bytes()
    file.write_bytes(flipped(content, 8 * content.index(stored) + 3))
    model.batches.clear()
    with pytest.warns(UserWarning, match=DAMAGED) as caught:
        again = teacher.transform(TEXTS)
    assert caught[0].filename == __file__
    assert model.texts == [text]
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(teacher.transform(TEXTS), first)
    assert model.texts == [text]


def test_threads_embed_a_damaged_text_once(tmp_path):
    model = Recorder(tenths)
    teacher = CachedTeacher(model, path=tmp_path, model_id="m")
    first = teacher.transform(TEXTS)
    changed(teacher._cache().file, "UPDATE embeddings SET checksum = x'00'")
    model.batches.clear()
    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(4) as pool,
    ):
        warnings.simplefilter("ignore", UserWarning)
        results = list(pool.map(lambda _: teacher.transform(TEXTS), range(4)))
    for result in results:
        np.testing.assert_array_equal(result, first)
    assert sorted(model.texts) == sorted(TEXTS)


def test_a_text_that_cannot_be_stored_is_not_embedded_for_ever(tmp_path, monkeypatch):
    model = Recorder(tenths)
    teacher = CachedTeacher(model, path=tmp_path, model_id="m")
    monkeypatch.setattr(VectorCache, "put", lambda *_: None)
    with pytest.raises(
        OSError,
        match=r"does not find 6 vectors that were just stored.* set the path of",
    ):
        teacher.transform(TEXTS)
    assert len(model.texts) == 6


def test_vectors_of_an_earlier_version_are_read(tmp_path):
    cache = VectorCache(tmp_path, "model", "float16")
    keys, vectors = [cache.key(text) for text in "ab"], vectors_of(2)
    EarlierCache(tmp_path).put(keys, vectors)
    assert cache.n_components() == 4
    assert cache.known_compute_dtype() == "float32"
    assert cache.count([*keys, cache.key("c")]) == 2
    found = cache.get(keys)
    np.testing.assert_array_equal(np.stack([found[key] for key in keys]), vectors)
    with pytest.raises(ValueError, match="holds vectors of width 4 for the same model"):
        cache.put([cache.key("c")], vectors_of(1, 5))


def test_vectors_of_an_earlier_version_stay_beside_new_ones(tmp_path):
    """Nothing is copied, so a program that is killed leaves nothing half-copied."""
    cache = VectorCache(tmp_path, "model", "float16")
    keys, vectors = [cache.key(text) for text in "abc"], vectors_of(3)
    earlier = EarlierCache(tmp_path)
    earlier.put(keys[:2], vectors[:2])
    cache.put(keys, vectors_of(3, seed=1))
    found = cache.get(keys)
    np.testing.assert_array_equal(
        np.stack([found[key] for key in keys[:2]]), vectors[:2]
    )
    np.testing.assert_array_equal(found[keys[2]], vectors_of(3, seed=1)[2])
    assert earlier.get(keys).keys() == set(keys[:2])
    with cache.connection() as connection:
        (n_new,) = connection.execute("SELECT count(*) FROM embeddings").fetchone()
    assert n_new == 1
    assert cache.count(keys) == 3


@pytest.mark.parametrize(
    "value", ["x'0102'", "x''", "7", f"x'{'007e' * 4}'", f"x'{'01' * 9}'"]
)
def test_a_damaged_vector_of_an_earlier_version_is_stored_again(tmp_path, value):
    """It has no checksum, but it has a width, and finite values."""
    cache = VectorCache(tmp_path, "model", "float16")
    key = cache.key("a")
    EarlierCache(tmp_path).put([key], vectors_of(1))
    changed(cache.file, f"UPDATE vectors SET vector = {value}")
    with pytest.warns(UserWarning, match=DAMAGED):
        assert cache.get([key]) == {}
    again = vectors_of(1, seed=1)
    cache.put([key], again)
    np.testing.assert_array_equal(cache.get([key])[key], again[0])


def test_an_earlier_version_uses_a_file_of_this_version(tmp_path):
    """It does not see the new rows; it embeds again, and both keep their vectors."""
    cache, vectors = filled(tmp_path, ["a"])
    key, earlier = cache.key("a"), EarlierCache(tmp_path)
    earlier.put([key], vectors_of(1, seed=1))
    np.testing.assert_array_equal(cache.get([key])[key], vectors[0])
    np.testing.assert_array_equal(earlier.get([key])[key], vectors_of(1, seed=1)[0])
    assert cache.count([key]) == 1


def test_two_versions_write_one_file_at_once(tmp_path):
    texts = [str(number) for number in range(60)]
    cache = VectorCache(tmp_path, "model", "float16")
    keys = [cache.key(text) for text in texts]
    ours, theirs = vectors_of(60), vectors_of(60, seed=1)
    earlier, first = EarlierCache(tmp_path), {}

    def write_ours():
        for place, key in enumerate(keys):
            cache.put([key], ours[[place]])
            first[key] = cache.get([key])[key].tobytes()

    def write_theirs():
        for place, key in reversed(list(enumerate(keys))):
            earlier.put([key], theirs[[place]])

    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(write_ours), pool.submit(write_theirs)]:
            task.result(60)
    found, stored = cache.get(keys), earlier.get(keys)
    for place, key in enumerate(keys):
        assert found[key].tobytes() == first[key]
        assert first[key] in (ours[place].tobytes(), theirs[place].tobytes())
        assert stored[key].tobytes() == theirs[place].tobytes()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("width", [384, 768])
def test_a_file_is_little_larger_than_its_vectors(tmp_path, width, dtype):
    cache = VectorCache(tmp_path, "model", dtype)
    n_vectors = 1500
    keys = [cache.key(str(number)) for number in range(n_vectors)]
    vectors = vectors_of(n_vectors, width, dtype)
    cache.put(keys, vectors)
    # Each table and index has a page of its own.
    assert os.path.getsize(cache.file) < 1.12 * vectors.nbytes + 10 * PAGE_BYTES
