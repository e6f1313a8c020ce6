"""What the file of teacher embeddings holds: a list, a check, and removals."""

import re
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from _teacher.caches import EarlierCache, filled, vectors_of
from sklux._teacher.cache import VectorCache
from sklux._teacher.cache_contents import (
    EARLIER,
    CacheContents,
    StoredSeries,
    Verification,
)


def changed(file, statement):
    """Change the rows of a file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.fixture
def several(tmp_path):
    """Folder of a cache with vectors of three kinds, and of an earlier version."""
    filled(tmp_path, ["a", "b"])
    filled(tmp_path, ["a"], "float32")
    other = VectorCache(tmp_path, "other", "float16", 3, "bfloat16")
    other.keep_compute_dtype("bfloat16")
    other.put([other.key("a")], vectors_of(1, 6))
    EarlierCache(tmp_path).put([b"earlier"], vectors_of(1))
    return tmp_path


def test_contents_are_listed_by_model(several):
    contents = CacheContents(several)
    assert contents.series() == [
        StoredSeries("model", "float16", 1, 4, 2, 16),
        StoredSeries("model", "float32", 1, 4, 1, 16),
        StoredSeries("other, computed in bfloat16", "float16", 3, 6, 1, 12),
        StoredSeries(EARLIER, None, None, None, 1, 8),
    ]
    assert contents.n_bytes() >= contents.file.stat().st_size > 0


def test_contents_of_a_missing_file_make_none(tmp_path):
    contents = CacheContents(tmp_path / "folder")
    assert contents.series() == []
    assert contents.n_bytes() == 0
    assert contents.verify() == Verification(0, 0, 0, ())
    with pytest.raises(
        ValueError, match=r"no vectors of 'm'\. .* vectors of: no model"
    ):
        contents.prune("m")
    assert list(tmp_path.iterdir()) == []


def test_contents_of_an_empty_file(tmp_path):
    contents = CacheContents(tmp_path)
    contents.file.touch()
    assert contents.series() == []
    assert contents.verify() == Verification(0, 0, 0, ())


def test_contents_only_of_an_earlier_version(tmp_path):
    EarlierCache(tmp_path).put([b"1", b"2"], vectors_of(2))
    contents = CacheContents(tmp_path)
    assert contents.series() == [StoredSeries(EARLIER, None, None, None, 2, 16)]
    assert contents.verify() == Verification(0, 0, 2, ())


@pytest.mark.parametrize("column", ["dtype", "n_components"])
def test_contents_with_a_damaged_model_are_listed(tmp_path, column):
    cache, _ = filled(tmp_path, ["a"])
    changed(cache.file, f"UPDATE series SET {column} = CAST(x'ff' AS TEXT)")
    contents = CacheContents(tmp_path)
    assert [stored.n_bytes for stored in contents.series()] == [0]
    faults = ("the row of the model 'model' is damaged",)
    assert contents.verify() == Verification(1, 0, 0, faults)
    # The next write of the model mends it.
    cache.put([cache.key("b")], vectors_of(1))
    if column == "n_components":
        assert contents.verify() == Verification(2, 0, 0, ())


@pytest.mark.parametrize("column", ["key", "checksum", "vector"])
def test_contents_find_and_remove_damaged_vectors(several, column):
    contents = CacheContents(several)
    assert contents.verify() == Verification(4, 0, 1, ())
    changed(contents.file, f"UPDATE embeddings SET {column} = x'01' WHERE id = 2")
    assert contents.verify() == Verification(3, 1, 1, ())
    assert contents.verify(remove=True) == Verification(3, 1, 1, ())
    assert contents.verify() == Verification(3, 0, 1, ())


def test_contents_find_a_key_that_differs_from_its_index(tmp_path):
    """A bit of the index is flipped; the table is whole."""
    cache, vectors = filled(tmp_path, ["a", "b"])
    key = cache.key("a")
    content = cache.file.read_bytes()
    places = [found.start() for found in re.finditer(re.escape(key), content)]
    assert len(places) == 2
    lost = []
    for place in places:
        damaged = bytearray(content)
        damaged[place + 8] ^= 1
        cache.file.write_bytes(damaged)
        contents = CacheContents(tmp_path)
        result = contents.verify()
        assert result.faults
        lost.append(cache.get([key]) == {})
        contents.verify(remove=True)
        after = contents.verify()
        assert (after.n_damaged, after.faults) == (0, ())
        found = cache.get([key])
        assert all(np.array_equal(vector, vectors[0]) for vector in found.values())
    assert sorted(lost) == [False, True]


def test_contents_of_a_model_are_removed(several):
    cache = VectorCache(several, "model", "float16")
    other = VectorCache(several, "other", "float16", 3, "bfloat16")
    contents = CacheContents(several)
    assert contents.prune("model") == 3
    assert [stored.model for stored in contents.series()] == [
        "other, computed in bfloat16",
        EARLIER,
    ]
    assert cache.get([cache.key("a")]) == {}
    assert len(other.get([other.key("a")])) == 1
    assert contents.prune(EARLIER) == 1
    assert contents.prune("other, computed in bfloat16") == 1
    assert contents.series() == []
    # Nothing is known of the model, so its width and its type are free again.
    assert other.known_compute_dtype() is None
    other.put([other.key("a")], vectors_of(1, 9))
    assert other.n_components() == 9


def test_contents_that_are_removed_leave_a_smaller_file(tmp_path):
    cache = VectorCache(tmp_path, "model", "float16")
    keys = [cache.key(str(number)) for number in range(500)]
    cache.put(keys, vectors_of(500, 384))
    filled(tmp_path, ["a"], "float32", "small")
    contents = CacheContents(tmp_path)
    before = contents.n_bytes()
    assert contents.prune("model") == 500
    assert contents.n_bytes() < before / 2
    assert [stored.model for stored in contents.series()] == ["small"]


def test_contents_of_an_unknown_model_are_not_removed(several):
    contents = CacheContents(several)
    with pytest.raises(
        ValueError, match=r"has no vectors of 'mode'.*'model', 'other, "
    ):
        contents.prune("mode")
    assert len(contents.series()) == 4
