"""The commands on a terminal, which alone shows progress."""

import os
import re
import subprocess
import sys

import pytest
from models import random_model

from sklux import LexicalVectorizer

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals", allow_module_level=True)

N_DOCUMENTS = 600
# The teacher of this name counts letters.
PROGRAM = """
from types import SimpleNamespace
from sklux import cli
from sklux._teacher import models

def encode(texts, **options):
    return [[text.count(c) + 0.1 for c in "aeiou"] for text in texts]

model = SimpleNamespace(encode=encode)
models.load_sentence_transformer = lambda name, device: model
cli.main()
"""
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TIME_LEFT = r"\d+:\d\d:\d\d"
BAR = rf"100% {N_DOCUMENTS} documents, [\d,]+/s {TIME_LEFT}"


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    """Arguments of each command, on tiny files."""
    folder = tmp_path_factory.mktemp("terminal")
    texts = [f"apple pear number {i}" for i in range(N_DOCUMENTS)]
    (folder / "documents.txt").write_text("\n".join(texts))
    random_model(LexicalVectorizer().fit(texts)).save(folder / "model.sklux")
    files = folder / "model.sklux", folder / "documents.txt", folder / "vectors.npy"
    cache = "--teacher", "letters", "--cache", folder / "cache"
    return {
        "embed": ["embed", *files],
        "precompute": ["precompute", folder / "documents.txt", *cache],
    }


def run(arguments, **options):
    """Start a command in a process of its own."""
    silenced = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    environment = {k: v for k, v in os.environ.items() if k not in silenced}
    environment |= {"TERM": "xterm-256color", "COLUMNS": "120"}
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, **options)


def shown_on_terminal(arguments):
    """Text that a command writes to a terminal as standard error."""
    import pty

    reader, terminal = pty.openpty()
    with run(arguments, stderr=terminal) as process, open(reader, "rb", 0) as screen:
        os.close(terminal)
        shown = b""
        try:
            while part := screen.read(10_000):
                shown += part
        except OSError:
            pass  # Linux reports that the terminal was closed
        assert process.stdout.read() == b""
    assert process.returncode == 0, shown
    return shown.decode()


@pytest.mark.parametrize(
    ("name", "title"), [("embed", "embedding"), ("precompute", "teacher embeddings")]
)
def test_terminal_shows_documents_a_second_and_the_time_left(commands, name, title):
    shown = CODES.sub("", shown_on_terminal(commands[name]))
    assert re.search(rf"{title} .+ {BAR}", shown), shown


@pytest.mark.parametrize("name", ["embed", "precompute"])
def test_terminal_shows_nothing_when_quiet(commands, name):
    assert shown_on_terminal([*commands[name], "--quiet"]) == ""


@pytest.mark.parametrize("name", ["embed", "precompute"])
def test_without_a_terminal_only_a_note_is_shown(commands, name):
    process = run(commands[name], stderr=subprocess.PIPE)
    output, errors = process.communicate()
    assert (process.returncode, output) == (0, b"")
    told = errors.decode()
    # One line, without bars and codes.
    assert re.fullmatch(rf"[^\n\r\x1b]*{N_DOCUMENTS}[^\n\r\x1b]*\n", told), told
    assert not re.search(TIME_LEFT, told)
