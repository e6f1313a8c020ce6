"""Errors of a command as one line of words, without a traceback."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STATUS_OF_INTERRUPT = 130
# Errors that are expected: the message alone explains them.
EXPECTED = (ImportError, OSError, ValueError, TypeError)


@contextmanager
def errors_in_words(kind: type[Exception] | tuple = Exception) -> Iterator[None]:
    """Print an error in words and exit with status 1; after Ctrl-C, say what is kept.

    With ``SKLUX_TRACEBACK`` in the environment, the error is raised unchanged.

    Parameters
    ----------
    kind : type or tuple of types, default=Exception
        Errors to catch.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    SystemExit
        With the message; with status 0 if the reader of the output has closed its
        pipe, because it has read enough; with status 130 after Ctrl-C.
    """
    try:
        yield
    except BrokenPipeError:
        # At its exit, Python writes the rest of the buffer. Without a pipe it fails.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except KeyboardInterrupt as stop:
        print_notes(stop)
        raise SystemExit(STATUS_OF_INTERRUPT) from None
    except SystemExit as stop:
        print_notes(stop)
        raise
    except kind as error:
        if os.environ.get("SKLUX_TRACEBACK"):
            raise
        raise SystemExit(f"sklux: {in_one_paragraph(error)}") from error


def print_notes(stop: BaseException) -> None:
    """Print what a command that was stopped has kept.

    Parameters
    ----------
    stop : BaseException
        Ctrl-C, or the exit after a signal; its notes are printed and removed.
    """
    notes = getattr(stop, "__notes__", [])
    if notes and sys.stderr is not None:
        sys.stderr.write("\n".join(["\nsklux: stopped.", *notes, ""]))
        stop.__notes__ = []


def in_one_paragraph(error: Exception) -> str:
    """Message of an error with its notes; an unexpected error also gets its type.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    str
        The message.
    """
    words = str(error)
    if not isinstance(error, EXPECTED):
        words = f"{type(error).__name__}: {words} (SKLUX_TRACEBACK=1 shows where.)"
    return "\n".join([words, *getattr(error, "__notes__", [])])


@contextmanager
def saying_what_is_kept(
    words: Callable[[], str], is_all: bool = False
) -> Iterator[None]:
    """After Ctrl-C or a signal to end, say what the command has kept.

    Parameters
    ----------
    words : callable
        Returns the sentences.
    is_all : bool, default=False
        Whether they take the place of notes about parts of the work.

    Yields
    ------
    None
        Nothing.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        stop.__notes__ = [] if is_all else getattr(stop, "__notes__", [])
        stop.add_note(words())
        raise
