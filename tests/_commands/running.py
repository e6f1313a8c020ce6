"""Runs commands in this process, or in a process of its own."""

import os
import subprocess
import sys

from typer.testing import CliRunner

from sklux._commands.app import app


def run(*arguments, **options):
    """Run a command in this process."""
    return CliRunner().invoke(app, list(map(str, arguments)), **options)


def run_outside(*arguments, **options):
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "sklux.cli", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    options.setdefault("env", os.environ | {"PYTHONIOENCODING": "utf-8"})
    return subprocess.run(command, encoding="utf-8", **options)


def succeeded(*arguments, **options):
    """Run a command that must succeed."""
    result = run(*arguments, **options)
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result


def failed(*arguments, **options):
    """Message of a command that must fail without a traceback."""
    result = run(*arguments, **options)
    assert result.exit_code == 1, result.stdout
    assert isinstance(result.exception, SystemExit)
    return str(result.exception.code)
