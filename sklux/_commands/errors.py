"""Errors of a command as one line of words, without a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Errors that are expected: the message alone explains them.
EXPECTED = (ImportError, OSError, ValueError, TypeError)


@contextmanager
def errors_in_words(kind: type[Exception] | tuple = Exception) -> Iterator[None]:
    """Print an error in words and exit with status 1.

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
        pipe, because it has read enough.
    """
    try:
        yield
    except BrokenPipeError:
        # At its exit, Python writes the rest of the buffer. Without a pipe it fails.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except kind as error:
        if os.environ.get("SKLUX_TRACEBACK"):
            raise
        raise SystemExit(f"sklux: {in_one_paragraph(error)}") from error


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
