"""The console command, from the outside."""

import signal
import subprocess
import sys

import pytest


def run(*arguments, program=None, env=None):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "sklux.cli", *arguments]
    if program is not None:
        command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env)


def test_cli_help_names_the_commands():
    result = run("--help")
    assert result.returncode == 0
    assert "demo" in result.stdout


def test_cli_without_a_command_shows_the_help():
    result = run()
    assert "demo" in result.stdout + result.stderr


def test_cli_unknown_command_fails():
    result = run("dance")
    assert result.returncode == 2
    assert "No such command" in result.stderr


def test_cli_missing_typer_names_the_extra():
    program = (
        "import sys; sys.modules['typer'] = None\nfrom sklux.cli import main\nmain()"
    )
    result = run(program=program)
    assert result.returncode == 1
    assert "pip install 'sklux[cli]'" in result.stderr


def test_cli_exits_without_a_search_for_garbage():
    """It would take half a second. The functions of atexit run in reverse order."""
    program = (
        "import atexit, gc\n"
        "from sklux.cli import main\n"
        "atexit.register(lambda: print('frozen:', gc.get_freeze_count()))\n"
        "main()"
    )
    result = run("--help", program=program)
    assert result.returncode == 0
    assert int(result.stdout.rpartition("frozen:")[2]) > 10_000


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_cli_signals_that_are_ignored_stay_so():
    """As under nohup."""
    program = (
        "import signal\n"
        "from sklux.cli import exit_at_signals, exit_with\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"  # perhaps ignored as well
        "exit_at_signals()\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN\n"
        "assert signal.getsignal(signal.SIGTERM) is exit_with"
    )
    result = run(program=program)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_cli_help_that_cannot_be_written_fails_in_words():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "sklux.cli", "--help"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr


def test_cli_warnings_are_shown_without_code():
    program = (
        "import sys, warnings\n"
        "from sklux import cli\n"
        "from sklux._commands import app\n"
        "app.app = lambda **options: warnings.warn('look out')\n"
        "cli.main()"
    )
    result = run(program=program)
    assert (result.returncode, result.stderr) == (0, "sklux: look out\n")
