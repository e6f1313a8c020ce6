"""The fuzzers still run, and `python -m fuzz` finds faults. `make fuzz` runs longer."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from fuzz.__main__ import CORPUS, TARGETS, Folder, corpus_of, explore, try_case

TESTS = Path(__file__).parents[1]
N_INPUTS = {"fuzz.model_files": 200}


@pytest.fixture(scope="module", params=TARGETS)
def target(request, tmp_path_factory):
    """Name of a target, its module, what it has prepared, and its folder."""
    pytest.importorskip("pyarrow")
    pytest.importorskip("tokenizers")
    module = import_module(request.param)
    folder = Folder(tmp_path_factory.mktemp("fuzz"))
    return request.param, module, module.prepare(folder.path), folder


@pytest.mark.filterwarnings("ignore")
def test_fuzz_inputs_that_were_faults(target):
    name, module, prepared, folder = target
    corpus = corpus_of(name)
    assert corpus, f"{name} has no inputs in {CORPUS}"
    for case in corpus.values():
        try_case(module, prepared, case, folder)


@pytest.mark.filterwarnings("ignore")
def test_fuzz_random_inputs(target):
    name, module, prepared, folder = target
    explore(module, prepared, 0, N_INPUTS.get(name, 40), folder)


FAULTY = """
from hypothesis import strategies as st

MEMORY_MB = 200

def prepare(folder):
    return [1]

def cases(prepared):
    return st.integers(0, 1000)

def check(prepared, case, folder):
    if case >= 20:
        {}
"""
FAULTS = {
    "raise KeyError('a')": "KeyError: 'a'",
    "import os; os.abort()": "Fatal Python error: Aborted",
    "import ctypes; ctypes.string_at(1)": "Fatal Python error: Segmentation fault",
    "bytearray(2**30)": "MemoryError",
    "import itertools; all(itertools.repeat(1))": "exit status -27",
    "import time; time.sleep(100)": "Timeout (0:00:03)!",
}


def run_fuzzers(folder, fault, limit_s="20"):
    """Run a target that does something with some inputs."""
    (folder / "faulty.py").write_text(FAULTY.format(fault))
    command = [sys.executable, "-m", "fuzz", "--targets", "faulty", "--seconds", "1"]
    command += ["--limit", limit_s, "--seed", "0", "--faults", str(folder / "faults")]
    path = os.pathsep.join([str(TESTS), str(folder), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="it limits memory as on Linux")
@pytest.mark.parametrize("fault", FAULTS)
def test_fuzz_driver_finds_faults(tmp_path, fault):
    never_ends = "sleep" in fault or "repeat" in fault
    result = run_fuzzers(tmp_path, fault, "0.3" if never_ends else "20")
    assert result.returncode == 1, result.stderr
    counts = json.loads(result.stdout)["faulty"]
    assert counts["inputs"] > 0
    name = counts["faults"][0]
    assert json.loads((tmp_path / "faults" / f"{name}.json").read_text()) >= 20
    log = (tmp_path / "faults" / f"{name}.log").read_text()
    assert FAULTS[fault] in log
    # hypothesis can reduce an input if the process lives.
    if FAULTS[fault].startswith("KeyError"):
        assert "case=20" in log


@pytest.mark.skipif(sys.platform != "linux", reason="it limits memory as on Linux")
def test_fuzz_driver_without_faults(tmp_path):
    result = run_fuzzers(tmp_path, "pass")
    assert result.returncode == 0, result.stderr
    counts = json.loads(result.stdout)["faulty"]
    assert counts["inputs"] >= 100
    assert counts["faults"] == []
