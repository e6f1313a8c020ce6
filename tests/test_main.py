"""``python -m sklux`` does what the console command does."""

import subprocess
import sys

import pytest

# The console command itself, as pip installs it.
COMMAND = "from sklux.cli import main; main()"
WITHOUT_TYPER = "import sys; sys.modules['typer'] = None; "
AS_MODULE = (
    "import runpy; runpy.run_module('sklux', run_name='__main__', alter_sys=True)"
)


def run(*arguments):
    """What Python does with these arguments: its status and both outputs."""
    command = [sys.executable, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
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
