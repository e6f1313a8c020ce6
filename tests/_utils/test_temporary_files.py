"""Temporary files of killed processes are removed, and no others."""

import json
import os
import subprocess
import sys

import pytest

from sklux._utils import temporary_files
from sklux._utils.output_file import replaced_when_whole
from sklux._utils.temporary_files import (
    KEPT,
    remove_abandoned,
    sync_folder,
    temporary_next_to,
)

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


KILLED = """
import json, os, signal, sys, time
from pathlib import Path
import numpy as np
from sklux._utils.model_file import read_model, write_model
path, found = Path(sys.argv[1]), []
models = [{"a": np.full(300_000, value, dtype=np.float32)} for value in (0, 1)]
write_model(path, models[0], {"value": 0})
for moment in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        for turn in range(1000):
            value = turn % 2
            write_model(path, models[value], {"value": value}, aligned_tensor="a")
        os._exit(1)
    time.sleep(0.001 + 0.0007 * moment)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    litter = len(list(path.parent.iterdir())) - 1
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    whole = bool((tensors["a"] == state["value"]).all())
    write_model(path, models[0], {"value": 0})
    left = len(list(path.parent.iterdir())) - 1
    found.append([os.WTERMSIG(status), litter, whole, left])
print(json.dumps(found))
"""


@unix
def test_temporary_files_saving_process_killed_at_many_moments(tmp_path):
    """The old file or the new one is whole, and the next save leaves no litter."""
    command = [sys.executable, "-c", KILLED, str(tmp_path / "model"), "40"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert len(found) == 40
    assert all(signal == 9 and whole and not left for signal, _, whole, left in found)
    # Some kills came in the middle of a write.
    assert 0 < sum(litter for _, litter, _, _ in found) <= 40
