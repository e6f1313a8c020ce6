"""sklux cache."""

import json
import sqlite3
from contextlib import closing

import pytest

from _commands.running import failed, run, succeeded
from sklux import CachedTeacher
from sklux._teacher.cache_file import FILE_NAME


def sizes(texts):
    """A teacher."""
    return [[len(text), 1] for text in texts]


@pytest.fixture
def stored(tmp_path):
    """Folder of a cache with two models."""
    for name in ("first", "second"):
        CachedTeacher(sizes, path=tmp_path, model_id=name).transform(["a", "bc"])
    return tmp_path


def damage(folder, statement="UPDATE embeddings SET vector = x'00' WHERE id = 1"):
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as file:
        file.execute(statement)


def test_cache_is_listed(stored):
    lines = succeeded("cache", "--cache", stored, env={"COLUMNS": "200"}).stdout
    assert str(stored / FILE_NAME) in lines
    for word in ("model", "windows", "vectors", "first", "second", "float16"):
        assert word in lines


def test_cache_json(stored):
    facts = json.loads(succeeded("cache", "--cache", stored, "--json").stdout)
    assert facts["file"] == str(stored / FILE_NAME)
    assert facts["bytes"] == (stored / FILE_NAME).stat().st_size
    assert facts["models"] == [
        {
            "model": name,
            "dtype": "float16",
            "windows": 1,
            "width": 2,
            "vectors": 2,
            "bytes": 8,
        }
        for name in ("first", "second")
    ]
    assert "verification" not in facts


def test_cache_in_the_usual_folder(stored, monkeypatch):
    monkeypatch.setenv("SKLUX_DATA_HOME", str(stored))
    facts = json.loads(succeeded("cache", "--json").stdout)
    assert facts["file"] == str(stored / FILE_NAME)


def test_cache_that_is_empty(tmp_path):
    assert "holds no vectors" in succeeded("cache", "--cache", tmp_path).stdout
    assert list(tmp_path.iterdir()) == []


def test_cache_verify(stored):
    verified = ("cache", "--cache", stored, "--verify")
    assert "4 vectors whole, 0 vectors damaged." in succeeded(*verified).stdout
    damage(stored)
    assert "damaged. Its damaged vectors are not used" in failed(*verified)
    result = run(*verified, "--json")
    assert result.exit_code == 1
    # The runner of typer adds the error to the output.
    facts, _ = json.JSONDecoder().raw_decode(result.stdout)
    assert facts["verification"] == {
        "n_whole": 3,
        "n_damaged": 1,
        "n_unchecked": 0,
        "faults": [],
    }
    removed = succeeded("cache", "--cache", stored, "--remove-damaged").stdout
    assert "3 vectors whole, 1 vector damaged and removed." in removed
    assert "3 vectors whole, 0 vectors damaged." in succeeded(*verified).stdout


def test_cache_damage_that_stays(stored):
    damage(stored, "UPDATE series SET identity = 'other' WHERE id = 1")
    result = run("cache", "--cache", stored, "--remove-damaged")
    assert result.exit_code == 1
    assert "sqlite: the row of the model 'other' is damaged" in result.stdout
    assert "--remove-damaged does not mend" in str(result.exception.code)


def test_cache_verify_counts_vectors_without_checksums(stored):
    damage(
        stored, "CREATE TABLE vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
    )
    damage(stored, "INSERT INTO vectors VALUES (x'00', x'0000')")
    lines = succeeded("cache", "--cache", stored, "--verify").stdout
    assert "1 vector of earlier versions, which have no checksums." in lines


def test_cache_prune(stored):
    result = succeeded("cache", "--cache", stored, "--prune", "first")
    assert "2 vectors of 'first' removed." in result.stdout
    facts = json.loads(
        succeeded("cache", "--cache", stored, "--prune", "second", "--json").stdout
    )
    assert facts["removed"] == 2
    assert facts["models"] == []


def test_cache_prune_of_an_unknown_model(stored):
    message = failed("cache", "--cache", stored, "--prune", "third")
    assert "has no vectors of 'third'. It has vectors of: 'first', 'second'." in message


def test_cache_that_is_no_database(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"notes" * 1000)
    assert "file is not a database" in failed("cache", "--cache", tmp_path)
    assert "set --cache to another" in failed("cache", "--cache", tmp_path, "--verify")
