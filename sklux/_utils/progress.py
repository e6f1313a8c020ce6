"""Signs of life of long work: bars on a terminal, whole lines elsewhere.

In a log, a bar would be one line of many megabytes, or stand at its beginning until the
end. There, each stage prints a line when it begins, every `LINE_SECONDS` and when it
ends. A thread does this, because some stages are one long call.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Protocol

from tqdm.auto import tqdm

LINE_SECONDS = 30.0
# On a terminal, the time of a stage without a bar moves on.
REFRESH_SECONDS = 1.0
# A bar shows larger numbers of documents as k and M.
MIN_SCALED = 100_000

_listener: ContextVar["Progress | None"] = ContextVar("_listener", default=None)


class Progress(Protocol):
    """Counts the documents of a stage."""

    def update(self, n: int) -> object:
        """Count more documents."""

    def set_postfix(self, **figures: float) -> object:
        """Show figures, such as the loss."""


@contextmanager
def stage(name: str, verbose: bool | None) -> Iterator[None]:
    """Show the name of a stage and the time that it takes.

    For stages whose length is not known; `documents_bar` is for stages that count
    documents.

    Parameters
    ----------
    name : str
        Name of the stage.
    verbose : bool or None
        Whether to show it; None means no.

    Yields
    ------
    None
        Nothing.
    """
    if verbose and not shows_bars():
        begin = time.monotonic()
        print_line(f"{name}: begins")
        with repeated(lambda: print_line(f"{name}: {elapsed(begin)} so far")):
            yield
        print_line(f"{name}: {elapsed(begin)}")
        return
    with tqdm(desc=name, bar_format="{desc}: {elapsed}", disable=not verbose) as line:
        if not verbose:
            yield
            return
        with repeated(line.refresh, REFRESH_SECONDS):
            yield


@contextmanager
def documents_bar(
    title: str, n_documents: int, verbose: bool | None, noun: str = "documents"
) -> Iterator[Progress]:
    """Show how many documents are done, the rate, and the time left.

    Parameters
    ----------
    title : str
        Name of the stage.
    n_documents : int
        Number of documents.
    verbose : bool or None
        Whether to show it; None means no. Nothing is shown within `listening`.
    noun : str, default='documents'
        What is counted, in lines.

    Yields
    ------
    Progress
        Counts the documents.
    """
    listener = _listener.get()
    if listener is not None:
        # A bar within this one does not count: it may count windows of documents.
        _listener.set(None)
        try:
            yield listener
        finally:
            _listener.set(listener)
    elif verbose and not shows_bars():
        lines = DocumentLines(title, n_documents, noun)
        print_line(f"{title}: begins, {n_documents:,} {noun}")
        with repeated(lambda: print_line(lines.text())):
            yield lines
        print_line(lines.text(is_end=True))
    else:
        with tqdm(
            total=n_documents,
            unit="doc",
            unit_scale=n_documents >= MIN_SCALED,
            desc=title,
            disable=not verbose,
        ) as bar:
            yield bar


@contextmanager
def listening(listener: Progress) -> Iterator[None]:
    """Let something else count the documents of each bar in the block.

    The bars themselves are not shown.

    Parameters
    ----------
    listener : Progress
        Counts the documents.

    Yields
    ------
    None
        Nothing.
    """
    _listener.set(listener)
    try:
        yield
    finally:
        _listener.set(None)


@contextmanager
def long_step(name: str, verbose: bool | None) -> Iterator[None]:
    """Print lines for a step that is usually short, only if it takes long.

    Parameters
    ----------
    name : str
        Name of the step.
    verbose : bool or None
        Whether to print; None means no. Nothing is printed where bars are shown.

    Yields
    ------
    None
        Nothing.
    """
    if not verbose or shows_bars():
        yield
        return
    begin = time.monotonic()
    with repeated(lambda: print_line(f"{name}: {elapsed(begin)} so far")):
        yield


class DocumentLines:
    """Lines that say how many documents of a stage are done.

    Parameters
    ----------
    title : str
        Name of the stage.
    n_documents : int
        Number of documents.
    noun : str
        What is counted.
    """

    def __init__(self, title: str, n_documents: int, noun: str):
        self._title, self._total, self._noun = title, n_documents, noun
        self._begin = time.monotonic()
        self._n_done = 0
        self._figures: dict[str, float] = {}

    def update(self, n: int) -> None:
        """Count more documents."""
        self._n_done += n

    def set_postfix(self, **figures: float) -> None:
        """Show figures, such as the loss."""
        self._figures = figures

    def text(self, is_end: bool = False) -> str:
        """One line.

        Parameters
        ----------
        is_end : bool, default=False
            Whether the stage has ended: the line then has its time, not the time left.

        Returns
        -------
        str
            Such as ``'training: 1,000 of 8,000 documents, 500 per second, 00:14
            left'``.
        """
        seconds = time.monotonic() - self._begin
        parts = [
            f"{self._title}: {self._n_done:,} of {self._total:,} {self._noun}",
            rate_in_words(self._n_done / max(seconds, 1e-9)),
        ]
        if is_end:
            parts.append(elapsed(self._begin))
        elif self._n_done:
            left = seconds * (self._total - self._n_done) / self._n_done
            parts.append(f"{clock(left)} left")
        parts += [f"{name} {value:.3g}" for name, value in self._figures.items()]
        return ", ".join(parts)


@contextmanager
def repeated(
    action: Callable[[], object], seconds: float | None = None
) -> Iterator[None]:
    """Do something again and again, in a thread, while the block runs.

    Parameters
    ----------
    action : callable
        What to do. Its errors end the repetition.
    seconds : float or None, default=None
        Time before each call; None means `LINE_SECONDS`.

    Yields
    ------
    None
        Nothing.
    """
    pause = LINE_SECONDS if seconds is None else seconds
    stop = threading.Event()

    def repeat() -> None:
        # A stream that is closed must not end in a traceback of this thread.
        with suppress(OSError, ValueError):
            while not stop.wait(pause):
                action()

    thread = threading.Thread(target=repeat, name="sklux-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def shows_bars() -> bool:
    """Whether standard error shows bars: on a terminal or in a notebook.

    Returns
    -------
    bool
        False for a file, a pipe, or no standard error at all.
    """
    stream = sys.stderr
    if stream is None:
        return False
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")


def print_line(text: str) -> None:
    """Print a line on standard error.

    Parameters
    ----------
    text : str
        The line.
    """
    if sys.stderr is not None:
        # One call: lines of two threads do not mix.
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def rate_in_words(rate: float) -> str:
    """A rate with two or more digits.

    Parameters
    ----------
    rate : float
        Number per second.

    Returns
    -------
    str
        Such as ``'1,234 per second'`` or ``'0.53 per second'``.
    """
    return f"{rate:,.0f} per second" if rate >= 10 else f"{rate:.2g} per second"


def clock(seconds: float) -> str:
    """A time as tqdm writes it: ``'02:05'``, ``'1:02:05'``.

    Parameters
    ----------
    seconds : float
        The time.

    Returns
    -------
    str
        Minutes and seconds, with hours if there are any.
    """
    return str(tqdm.format_interval(seconds))


def elapsed(begin: float) -> str:
    """Time since a moment.

    Parameters
    ----------
    begin : float
        The moment, by `time.monotonic`.

    Returns
    -------
    str
        As `clock` writes it.
    """
    return clock(time.monotonic() - begin)
