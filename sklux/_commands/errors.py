"""Errors of a command as one line of words, without a traceback."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sklux._utils.messages import CACHE_PATH

STATUS_OF_INTERRUPT = 130
# All is done, but damaged rows of the input are left out.
STATUS_OF_LEFT_OUT = 3
# Errors that are expected: the message alone explains them.
EXPECTED = (ImportError, OSError, ValueError, TypeError)
# Parameters of the library, as its messages name them, and their options.
OPTIONS = {
    "teacher_words": "--words or --no-words",
    "teacher_halves": "--halves or --no-halves",
    "teacher_sample_size": "--teacher-sample-size",
    "teacher_embeddings": "--embeddings",
    "prompt_name": "--prompt",
    "n_components": "--components",
    "max_features": "--max-features",
    "corpus_weight": "--corpus-weight",
    "weights_dtype": "--weights-dtype",
    "random_state": "--seed",
    "null_documents": "--null-documents",
}


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
    return with_options("\n".join([words, *getattr(error, "__notes__", [])]))


def with_options(message: str) -> str:
    """A message of the library, with the options of the command line.

    Parameters
    ----------
    message : str
        The message, which may name parameters such as ``n_components=5000``.

    Returns
    -------
    str
        The message, with the option of each parameter that it names.
    """
    message = message.replace(CACHE_PATH, "--cache")
    named = [
        f"{name} is {option}"
        for name, option in OPTIONS.items()
        if re.search(rf"(?<![-\w]){name}(?!\w)", message)
    ]
    return f"{message} (On the command line, {', '.join(named)}.)" if named else message


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
