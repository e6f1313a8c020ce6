"""``python -m sklux`` does what the console command does."""

import os
import subprocess
import sys

import pytest

# The console command itself, as pip installs it.
COMMAND = "from sklux.cli import main; main()"
WITHOUT_TYPER = "import sys; sys.modules['typer'] = None; "
AS_MODULE = (
    "import runpy; runpy.run_module('sklux', run_name='__main__', alter_sys=True)"
)


# Variables by which a help page gets colours, or another width.
PAINTING = {"FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "TERMINAL_WIDTH", "TERM"}


def run(*arguments):
    """Status and both outputs of Python with these arguments."""
    environment = {k: v for k, v in os.environ.items() if k not in PAINTING}
    result = subprocess.run(
        [sys.executable, *arguments],
        env=environment | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["info"], ["info", "no-file"]])
def test_main_does_what_the_command_does(arguments):
    pytest.importorskip("typer")
    status, output, errors = run("-m", "sklux", *arguments)
    assert output + errors
    assert (status, output, errors) == run("-c", COMMAND, *arguments)


@pytest.mark.parametrize("arguments", [["--help"], ["info", "--help"]])
def test_main_is_called_sklux_in_its_help(arguments):
    pytest.importorskip("typer")
    status, output, _ = run("-m", "sklux", *arguments)
    assert status == 0
    usage = " ".join(["Usage: sklux", *arguments[:-1]])
    assert usage in " ".join(output.split())


def test_main_without_the_extra_names_it():
    status, _, errors = run("-c", WITHOUT_TYPER + AS_MODULE)
    assert status == 1
    assert "pip install 'sklux[cli]'" in errors
    assert errors == run("-c", WITHOUT_TYPER + COMMAND)[2]
