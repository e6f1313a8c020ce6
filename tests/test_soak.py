"""Threads and processes use models in all ways at once, for some seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
def test_soak_finds_no_error_and_no_wrong_result():
    """`make soak` is the long form of this test."""
    command = [sys.executable, str(ROOT / ".ci" / "soak.py"), "0.15", "1"]
    # As in `make soak`: fork waits for ever if OpenBLAS has threads that work.
    one = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    run = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=os.environ | one
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counts = json.loads(run.stdout)
    assert counts["calls"] > 20
    assert counts["errors"] == counts["wrong"] == 0
