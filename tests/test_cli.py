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


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_cli_signals_that_are_ignored_stay_so():
    """As under nohup."""
    program = (
        "import signal\n"
        "from sklux.cli import exit_at_signals, exit_with\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "exit_at_signals()\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN\n"
        "assert signal.getsignal(signal.SIGTERM) is exit_with"
    )
    result = run(program=program)
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A small demo, run twice: the second time the teacher has nothing to do."""
    folder = tmp_path_factory.mktemp("demo")
    import os

    env = {
        **os.environ,
        "SKLUX_DATA_HOME": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "100",
    }
    arguments = ("demo", "--output", str(folder / "out"), "--documents", "400")
    return folder, [run(*arguments, env=env) for _ in range(2)]


def test_cli_demo_succeeds(demo):
    _, results = demo
    for result in results:
        assert result.returncode == 0, result.stderr[-2000:]


def test_cli_demo_shows_no_bar_of_the_model(demo):
    """Standard error is no terminal."""
    _, (first, _) = demo
    assert "Loading weights" not in first.stderr


def test_cli_demo_prints_all_four_rows_and_a_search(demo):
    _, (first, _) = demo
    rows = ("teacher", "student", "TF-IDF", "TF-IDF + SVD")
    assert all(f"\n  {row} " in first.stdout for row in rows)
    assert first.stdout.count("Nearest to") == 4
    assert "gave the same bits for 100 documents" in first.stdout


def test_cli_demo_writes_model_and_map(demo):
    folder, _ = demo
    assert (folder / "out" / "map.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "out" / "student.sklux").stat().st_size > 0


def test_cli_demo_teaches_nothing_the_second_time(demo):
    _, (first, second) = demo
    assert " 0 to teach" not in first.stdout
    assert " 0 to teach" in second.stdout
    # No bars, for standard error is no terminal.
    assert "teaching" not in first.stderr + second.stderr


def test_cli_demo_repeats_its_figures(demo):
    """All but the speed, the last column."""
    _, results = demo
    figures = [
        [
            line.split()[:-1]
            for line in result.stdout.splitlines()
            if "  student" in line
        ]
        for result in results
    ]
    assert figures[0]
    assert figures[0] == figures[1]


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is of Linux")
def test_cli_help_that_cannot_be_written_is_told_in_words():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "sklux.cli", "--help"]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr


def test_cli_warnings_are_shown_without_code():
    program = (
        "import sys, warnings\n"
        "from sklux import _commands, cli\n"
        "_commands.app = lambda: warnings.warn('look out')\n"
        "cli.main()"
    )
    result = run(program=program)
    assert (result.returncode, result.stderr) == (0, "sklux: look out\n")
