"""Temporary files of killed processes are removed, and no others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sklux._utils import temporary_files
from sklux._utils.output_file import replaced_when_whole
from sklux._utils.temporary_files import (
    KEPT,
    remove_abandoned,
    sync_folder,
    temporary_next_to,
)

ROOT = Path(__file__).parents[2]
unix = pytest.mark.skipif(os.name == "nt", reason="Windows has no flock and no fork")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def abandoned(target):
    """Leave a temporary file as a killed process does."""
    temporary = temporary_next_to(target)
    temporary.release()
    return temporary.path


def test_temporary_files_of_killed_processes_are_removed(tmp_path):
    for _ in range(3):
        abandoned(tmp_path / "a")
    with replaced_when_whole(tmp_path / "a") as partial:
        assert names(tmp_path) == [partial.name]
        partial.write_bytes(b"new")
    assert names(tmp_path) == ["a"]


def test_temporary_files_of_others_stay(tmp_path):
    """Other outputs and living writers have files that stay, too."""
    other = abandoned(tmp_path / "b")
    like = tmp_path / other.name.replace(".partial", "x.partial")
    like.touch()
    folder = abandoned(tmp_path / "a")
    folder.unlink()
    folder.mkdir()
    (tmp_path / ".0123456789ab.partial").touch()
    living = temporary_next_to(tmp_path / "a")
    before = names(tmp_path)
    remove_abandoned(tmp_path / "a")
    assert names(tmp_path) == before
    living.remove()
    assert living.path.name not in names(tmp_path)


def test_temporary_files_marks_of_complete_results(tmp_path):
    """A mark goes with its result, and a file of the user with such a name stays."""
    result = abandoned(tmp_path / "a")
    mark = tmp_path / f"{result.name}{KEPT}"
    mark.touch()
    (tmp_path / f"notes{KEPT}").touch()
    other = abandoned(tmp_path / "b")
    (tmp_path / f"{other.name}{KEPT}").touch()
    other.unlink()
    before = names(tmp_path)
    remove_abandoned(tmp_path / "a")
    assert names(tmp_path) == before
    # The user moves the result away.
    result.rename(tmp_path / "moved")
    remove_abandoned(tmp_path / "a")
    after = {*before, "moved"} - {result.name, mark.name}
    assert names(tmp_path) == sorted(after)


@unix
def test_temporary_files_of_other_users_stay(tmp_path, monkeypatch):
    path = abandoned(tmp_path / "a")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    remove_abandoned(tmp_path / "a")
    assert path.exists()


@unix
def test_temporary_files_links_are_not_followed(tmp_path):
    path = abandoned(tmp_path / "a")
    path.unlink()
    (tmp_path / "precious").touch()
    path.symlink_to("precious")
    remove_abandoned(tmp_path / "a")
    assert names(tmp_path) == [path.name, "precious"]


def test_temporary_files_without_locks_are_never_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary_files, "_can_lock", lambda descriptor: False)
    path = temporary_next_to(tmp_path / "a").path
    monkeypatch.undo()
    remove_abandoned(tmp_path / "a")
    assert names(tmp_path) == [path.name]


def test_temporary_files_removed_before_the_lock_are_made_again(tmp_path, monkeypatch):
    """By a process that took a new file for an abandoned one."""
    lock, taken = temporary_files._can_lock, []

    def late(descriptor):
        if not taken:
            taken.extend(tmp_path.iterdir())
            taken[0].unlink()
        return lock(descriptor)

    monkeypatch.setattr(temporary_files, "_can_lock", late)
    temporary = temporary_next_to(tmp_path / "a")
    assert names(tmp_path) == [temporary.path.name] != [taken[0].name]
    temporary.remove()


def test_temporary_files_in_a_missing_folder(tmp_path):
    remove_abandoned(tmp_path / "none" / "a")
    sync_folder(tmp_path / "none")
    assert names(tmp_path) == []


@unix
def test_temporary_files_saving_process_killed_at_many_moments():
    """`make test-crash` is the long form of this test."""
    command = [sys.executable, str(ROOT / ".ci" / "kill_saves.py"), "40"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    counts = json.loads(result.stdout)
    assert 0 < counts.pop("in the middle") <= 40
    assert counts == {"kills": 40, "lost": 0, "left behind": 0}
