"""The commands and their help."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import sklux
from _commands.running import run, succeeded
from sklux._commands import app as app_module
from sklux._commands.app import app

EXAMPLES = {
    "precompute": "sklux precompute docs.parquet -t all-MiniLM-L6-v2",
    "fit": "sklux fit docs.parquet model.sklux --teacher all-MiniLM-L6-v2",
    "update": "sklux update model.sklux new.parquet --teacher all-MiniLM-L6-v2",
    "embed": "sklux embed model.sklux docs.parquet vectors.npy",
    "info": "sklux info model.sklux --json",
    "evaluate": "sklux evaluate model.sklux others.parquet --teacher all-MiniLM-L6-v2",
    "cache": "sklux cache --prune name:all-MiniLM-L6-v2",
    "neighbors": 'sklux neighbors model.sklux docs.parquet "shortest path in a graph"',
}


@pytest.mark.parametrize("command", ["demo", *EXAMPLES])
def test_help_of_each_command_has_an_example(command):
    result = succeeded(command, "--help", env={"COLUMNS": "100"})
    assert "Usage" in result.stdout
    assert len(result.stdout.splitlines()) > 8
    assert EXAMPLES.get(command, "") in result.stdout


def test_version():
    assert succeeded("--version").stdout == f"sklux {sklux.__version__}\n"


def test_app_imports_nothing_heavy():
    """The help must appear at once."""
    program = (
        "import sys\n"
        "from sklux._commands.app import app\n"
        "try:\n"
        "    app(['fit', '--help'])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        "print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},  # lines around the help
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    loaded = set(result.stdout.split())
    assert "sklux._commands.options" in loaded
    assert loaded.isdisjoint({"numpy", "scipy", "sklearn", "torch", "pyarrow"})


def test_app_wrong_options_have_status_2():
    for arguments in (
        ("dance",),
        ("info",),
        ("fit", "a.txt", "b.sklux", "--no-such-option", "5"),
        ("fit", "a.txt", "b.sklux", "--corpus-weight", "2"),
        ("embed", "a", "b", "c", "--format", "xml"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2, arguments
        assert "Usage" in result.stderr


def test_options_in_texts_exist():
    """In messages and help texts of the commands."""
    known = {"--help", "--version"}
    for command in get_command(app).commands.values():
        for parameter in command.params:
            known |= {*parameter.opts, *parameter.secondary_opts}
    named = {}
    for file in Path(app_module.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", node.value):
                    named.setdefault(option, file.name)
    assert len(named) > 15
    assert {option: named[option] for option in set(named) - known} == {}
