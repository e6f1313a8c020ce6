"""Signs of life: lines in a log, bars on a terminal."""

import io
import re
import sys
import threading

import pytest

from sklux._utils import progress
from sklux._utils.progress import (
    DocumentLines,
    documents_bar,
    listening,
    long_step,
    rate_in_words,
    repeated,
    shows_bars,
    stage,
)


class Terminal(io.StringIO):
    """A terminal, or something that pretends to be one."""

    def isatty(self):
        """Claim to be a terminal."""
        return True


class Log(io.StringIO):
    """A file that tells when a text is in it."""

    def __init__(self, text):
        super().__init__()
        self.text, self.has_text = text, threading.Event()

    def write(self, text):
        """Write, and look for the text."""
        if self.text in text:
            self.has_text.set()
        return super().write(text)


def test_stage_prints_lines_in_a_log(capfd):
    with stage("a stage", True):
        assert capfd.readouterr() == ("", "a stage: begins\n")
    assert re.fullmatch(r"a stage: \d\d:\d\d\n", capfd.readouterr().err)


def test_documents_bar_prints_lines_in_a_log(capfd):
    with documents_bar("training", 1000, True, "documents in 2 epochs") as bar:
        bar.update(250)
        bar.update(500)
        bar.set_postfix(loss=0.12345, score=2.0)
    shown = capfd.readouterr()
    assert shown.out == ""
    begin, end = shown.err.splitlines()
    assert begin == "training: begins, 1,000 documents in 2 epochs"
    assert re.fullmatch(
        r"training: 750 of 1,000 documents in 2 epochs, [\d,]+ per second, "
        r"\d\d:\d\d, loss 0.123, score 2",
        end,
    )


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: stage("work", True), "work: 00:00 so far"),
        (lambda: documents_bar("work", 10, True), "work: 0 of 10 documents"),
        (lambda: long_step("work", True), "work: 00:00 so far"),
    ],
    ids=["stage", "documents", "step"],
)
def test_lines_come_while_one_call_takes_long(monkeypatch, make, line):
    """From a thread: the work does not have to report anything."""
    log = Log(line)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    monkeypatch.setattr(sys, "stderr", log)
    with make():
        assert log.has_text.wait(30)
    assert "\r" not in log.getvalue()
    n_threads = threading.active_count()
    assert not any(one.name == "sklux-progress" for one in threading.enumerate())
    assert n_threads == threading.active_count()


def test_lines_are_at_most_a_minute_apart():
    assert 0 < progress.LINE_SECONDS <= 60


def test_document_lines_have_the_time_left(monkeypatch):
    now = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    lines = DocumentLines("teacher", 4000, "documents")
    lines.update(1000)
    assert lines.text() == (
        "teacher: 1,000 of 4,000 documents, 100 per second, 00:30 left"
    )
    lines.update(3000)
    assert lines.text() == (
        "teacher: 4,000 of 4,000 documents, 200 per second, 00:00 left"
    )


def test_long_step_prints_nothing_if_it_is_short(capfd):
    with long_step("work", True):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [None, False])
def test_progress_is_silent_unless_verbose(capfd, verbose):
    with stage("a stage", verbose), long_step("step", verbose):
        pass
    with documents_bar("documents", 10, verbose) as bar:
        bar.update(10)
        bar.set_postfix(loss=1.0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [True, False])
def test_progress_errors_pass_through(verbose):
    for make in (
        lambda: stage("a stage", verbose),
        lambda: documents_bar("documents", 3, verbose),
        lambda: long_step("step", verbose),
    ):
        with pytest.raises(KeyboardInterrupt), make():
            raise KeyboardInterrupt


def test_progress_shows_bars_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with stage("a stage", True), long_step("step", True):
        pass
    with documents_bar("documents", 10, True) as bar:
        bar.update(10)
    shown = terminal.getvalue()
    assert "\ra stage: 00:00" in shown
    assert "10/10" in shown and "begins" not in shown and "step" not in shown


def test_stage_on_a_terminal_moves_on(monkeypatch):
    """The time does not stand at its beginning."""
    terminal = Terminal()
    monkeypatch.setattr(progress, "REFRESH_SECONDS", 0.001)
    monkeypatch.setattr(sys, "stderr", terminal)
    refreshed = threading.Event()

    class Bar(progress.tqdm):
        def refresh(self, *arguments, **options):
            if threading.current_thread().name == "sklux-progress":
                refreshed.set()
            return super().refresh(*arguments, **options)

    monkeypatch.setattr(progress, "tqdm", Bar)
    with stage("a stage", True):
        assert refreshed.wait(30)


def test_shows_bars_on_terminals_and_in_notebooks(monkeypatch):
    notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    for stream, expected in (
        (Terminal(), True),
        (notebook(), True),
        (io.StringIO(), False),
        (None, False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        assert shows_bars() is expected


def test_progress_without_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with stage("a stage", True), documents_bar("documents", 3, True) as bar:
        bar.update(3)


def test_repeated_ends_at_an_error_of_the_stream():
    called = threading.Event()

    def closed():
        called.set()
        raise ValueError("I/O operation on closed file")

    with repeated(closed, 0.001):
        assert called.wait(30)


def test_listening_takes_the_place_of_a_bar(capfd):
    """A bar within it is not counted: it may count windows."""
    counted = []

    class Counter:
        update = staticmethod(counted.append)
        set_postfix = staticmethod(lambda **figures: None)

    with listening(Counter()):
        with documents_bar("outer", 10, True) as bar:
            with documents_bar("inner", 20, False) as inner:
                inner.update(20)
            bar.update(4)
        with documents_bar("next", 10, True) as bar:
            bar.update(6)
    assert counted == [4, 6]
    assert capfd.readouterr() == ("", "")
    with documents_bar("after", 10, False) as bar:
        bar.update(1)
    assert counted == [4, 6]


@pytest.mark.parametrize(
    ("rate", "expected"), [(1234.5, "1,234"), (10, "10"), (5.25, "5.2"), (0.05, "0.05")]
)
def test_rate_in_words_has_two_digits(rate, expected):
    assert rate_in_words(rate) == f"{expected} per second"
