"""Calls of a service that are tried again after an error that may pass."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

# The wait before the first retry. Each further wait is twice as long.
FIRST_WAIT_S = 2.0
# A service that asks for a longer wait is not called again.
LONGEST_WAIT_S = 300.0
# Too many requests, bad gateway, service unavailable, gateway timeout.
TRANSIENT_STATUS = (429, 502, 503, 504)
# Classes of requests, urllib3, httpx, aiohttp, openai and botocore that do not derive
# from ConnectionError or TimeoutError of Python.
TRANSIENT_CLASSES = {
    "APIConnectionError",
    "ClientConnectionError",
    "ConnectionClosedError",
    "ConnectionError",
    "IncompleteRead",
    "NetworkError",
    "NewConnectionError",
    "ProtocolError",
    "ReadTimeoutError",
    "RemoteProtocolError",
    "Timeout",
    "TimeoutError",
    "TimeoutException",
}
# Errors of these classes also derive from a class above, but they do not pass.
LASTING_CLASSES = {"LocalProtocolError", "SSLError"}


def retried(
    encode: Callable[[list[str]], object],
    n_retries: int,
    stop: threading.Event,
    report: Callable[[str], object] | None = None,
) -> Callable[[list[str]], object]:
    """Return a function that calls a model again after an error that may pass.

    Parameters
    ----------
    encode : callable
        Maps a list of str to vectors.
    n_retries : int
        Number of further calls after the first one.
    stop : threading.Event
        Ends a wait, and with it the retries.
    report : callable or None, default=None
        Gets a sentence before each wait.

    Returns
    -------
    callable
        The same function. It raises the error of the last call.
    """

    def encode_again(texts: list[str]) -> object:
        n_calls = 0
        while True:
            try:
                return encode(texts)
            except Exception as error:
                n_calls += 1
                seconds = wait_after(error, n_calls)
                if seconds is None or n_calls > n_retries:
                    if n_calls > 1:
                        error.add_note(f"The teacher was called {n_calls} times.")
                    raise
                if report is not None:
                    report(
                        f"The teacher failed ({type(error).__name__}: {error}). Retry "
                        f"{n_calls} of {n_retries} in {seconds:.0f} s."
                    )
                if pause(seconds, stop):
                    raise

    return encode_again


def pause(seconds: float, stop: threading.Event) -> bool:
    """Wait, unless an event ends the wait.

    Parameters
    ----------
    seconds : float
        How long to wait.
    stop : threading.Event
        The event.

    Returns
    -------
    bool
        Whether the event ended the wait.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        # On Windows, Ctrl-C has no effect during a wait.
        if stop.wait(min(left, 1)):
            return True
    return stop.is_set()


def wait_after(error: Exception, n_calls: int) -> float | None:
    """Seconds to wait after a failed call.

    Parameters
    ----------
    error : Exception
        Error of the call.
    n_calls : int
        Number of calls that have failed in a row, with this one.

    Returns
    -------
    float or None
        2, 4, 8, ... seconds, or as long as the service asks for if this is longer.
        None if another call would not help, or the service asks for more than
        `LONGEST_WAIT_S`.
    """
    if not is_transient(error):
        return None
    asked = retry_after(error) or 0.0
    if asked > LONGEST_WAIT_S:
        return None
    return min(max(FIRST_WAIT_S * 2 ** (n_calls - 1), asked), LONGEST_WAIT_S)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed later.

    Parameters
    ----------
    error : BaseException
        Error of a call.

    Returns
    -------
    bool
        True for lost connections, timeouts, and the HTTP codes of `TRANSIENT_STATUS`,
        as Python and the usual clients report them.
    """
    status = http_status(error)
    if status is not None:
        # OpenAI reports with the same code that no money is left.
        return status in TRANSIENT_STATUS and "insufficient_quota" not in str(error)
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & LASTING_CLASSES:
        return False
    # urllib and urllib3 wrap the cause.
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return is_transient(reason)
    is_python = isinstance(error, (ConnectionError, TimeoutError, socket.gaierror))
    return is_python or bool(names & TRANSIENT_CLASSES)


def http_status(error: BaseException) -> int | None:
    """HTTP code of the answer of a service.

    Parameters
    ----------
    error : BaseException
        Error of a client: of requests, httpx, urllib, aiohttp, openai, google, botocore
        or another one with the same attributes.

    Returns
    -------
    int or None
        None if there was no answer.
    """
    for value in _status_values(error):
        if isinstance(value, int) and 100 <= value < 600:
            return int(value)
    return None


def _status_values(error: Any) -> Iterator[object]:
    """Attributes that may hold the HTTP code."""
    response = getattr(error, "response", None)
    for name in ("status_code", "status", "http_status", "code"):
        yield getattr(error, name, None)
        yield getattr(response, name, None)
    if isinstance(response, Mapping):  # botocore
        if "Throttl" in str(response.get("Error", {}).get("Code")):
            yield 429
        yield response.get("ResponseMetadata", {}).get("HTTPStatusCode")


def retry_after(error: Any) -> float | None:
    """Seconds after which a service asks to be called again.

    Parameters
    ----------
    error : Exception
        Error of a client, with the headers of the answer.

    Returns
    -------
    float or None
        From the header ``Retry-After``, which holds a number of seconds or a date; None
        if it is missing.
    """
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", None) or getattr(error, "headers", None)
    if isinstance(response, Mapping):
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders")
    if headers is None:
        return None
    value = headers.get("Retry-After") or headers.get("retry-after")
    try:
        return max(float(value), 0.0)
    except (TypeError, ValueError):
        pass
    try:
        date = parsedate_to_datetime(str(value))
    except ValueError:
        return None
    return max(date.timestamp() - time.time(), 0.0)
