"""Calls of a service that are tried again after an error that may pass."""

import email.message
import http.client
import socket
import ssl
import threading
import time
import urllib.error
from email.utils import formatdate
from types import SimpleNamespace

import numpy as np
import pytest

from _teacher.teachers import letter_counts, recorded
from sklux._teacher import retries
from sklux._teacher.retries import (
    http_status,
    is_transient,
    pause,
    retried,
    retry_after,
    wait_after,
)

# What OpenAI answers, with the code 429.
NO_MONEY = "Error code: 429 - {'error': {'code': 'insufficient_quota'}}"


@pytest.fixture
def waits(monkeypatch):
    """Replace the waits, and return their lengths."""
    seconds = []

    def fake_pause(length, stop):
        seconds.append(length)
        return stop.is_set()

    monkeypatch.setattr(retries, "pause", fake_pause)
    return seconds


def failing(errors, embed=letter_counts):
    """Embed after a number of errors."""
    remaining = iter(errors)

    def encode(documents):
        for error in remaining:
            raise error
        return embed(documents)

    return encode


def named(name, *bases, **attributes):
    """Return an error of a class that a client has."""
    return type(name, bases or (Exception,), attributes)("the service is busy")


def answer(status, **headers):
    """Answer of a service, as requests and httpx represent it."""
    return SimpleNamespace(status_code=status, headers=headers)


def of_urllib(status, **headers):
    """Error of urllib, with headers."""
    message = email.message.Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return urllib.error.HTTPError("http://a", status, "", message, None)


def of_botocore(status, code="", **headers):
    """Error of botocore, whose answer is a dict."""
    response = {
        "Error": {"Code": code},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return named("ClientError", response=response)


def after(kind, reason):
    """Error that wraps another one."""
    return kind(reason)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError(),
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        http.client.RemoteDisconnected(),
        http.client.IncompleteRead(b""),
        socket.gaierror(),
        urllib.error.URLError(ConnectionRefusedError()),
        of_urllib(503),
        of_botocore(429),
        of_botocore(400, "ThrottlingException"),
        named("HTTPError", response=answer(429)),
        named("HTTPStatusError", response=answer(502)),
        named("RateLimitError", status_code=429, code=None, response=answer(429)),
        named("ServiceUnavailable", code=http.client.SERVICE_UNAVAILABLE),
        named("ClientResponseError", status=504),
        named("APIConnectionError"),
        named("ConnectError", type("NetworkError", (Exception,), {})),
        named("ReadTimeout", type("TimeoutException", (Exception,), {})),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_may_pass(error):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        RuntimeError("CUDA out of memory"),
        FileNotFoundError(),
        UnicodeDecodeError("ascii", b"", 0, 1, "reason"),
        ssl.SSLCertVerificationError(),
        urllib.error.URLError(ssl.SSLCertVerificationError()),
        of_urllib(404),
        of_botocore(403, "AccessDenied"),
        named("HTTPError", response=answer(401)),
        named("APIError", status_code=500),
        named("RateLimitError", status_code=429, __str__=lambda _: NO_MONEY),
        named("SSLError", type("ConnectionError", (Exception,), {})),
        named("Closed", code=1006),
        named("Strange", code=lambda: None, status="429", response=None),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_do_not_pass(error):
    assert not is_transient(error)


def test_errors_of_requests_may_pass():
    requests = pytest.importorskip("requests")
    answered = requests.Response()
    answered.status_code = 429
    answered.headers["retry-after"] = "7"
    error = requests.HTTPError(response=answered)
    assert is_transient(error)
    assert retry_after(error) == 7
    assert is_transient(requests.ConnectionError())
    assert is_transient(requests.exceptions.ReadTimeout())
    assert not is_transient(requests.exceptions.SSLError())
    assert not is_transient(requests.exceptions.InvalidURL())


def test_errors_of_urllib3_may_pass():
    exceptions = pytest.importorskip("urllib3.exceptions")
    assert is_transient(exceptions.ProtocolError())
    assert is_transient(exceptions.ReadTimeoutError(None, "", ""))
    assert is_transient(exceptions.MaxRetryError(None, "", ConnectionError()))
    assert not is_transient(exceptions.MaxRetryError(None, "", ValueError()))


def test_errors_of_aiohttp_may_pass():
    aiohttp = pytest.importorskip("aiohttp")
    request = SimpleNamespace(real_url="")
    assert is_transient(aiohttp.ServerDisconnectedError())
    assert is_transient(aiohttp.ServerTimeoutError())
    error = aiohttp.ClientResponseError(
        request, (), status=429, headers={"Retry-After": "7"}
    )
    assert is_transient(error)
    assert retry_after(error) == 7
    assert not is_transient(aiohttp.ClientResponseError(request, (), status=400))


def test_errors_of_botocore_may_pass():
    exceptions = pytest.importorskip("botocore.exceptions")
    assert is_transient(exceptions.EndpointConnectionError(endpoint_url=""))
    assert is_transient(exceptions.ReadTimeoutError(endpoint_url=""))
    assert is_transient(exceptions.ConnectionClosedError(endpoint_url=""))
    assert not is_transient(exceptions.NoCredentialsError())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (of_urllib(404), 404),
        (named("E", code=True), None),
        (named("E", code=http.client.BAD_GATEWAY), 502),
        (ValueError(), None),
    ],
)
def test_http_status(error, status):
    assert http_status(error) == status


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (named("E", response=answer(429, **{"Retry-After": "3"})), 3),
        (named("E", response=answer(429, **{"retry-after": "0.5"})), 0.5),
        (of_urllib(429, retry_after="20"), 20),
        (of_botocore(429, **{"retry-after": "4"}), 4),
        (named("E", response=answer(429, **{"Retry-After": "soon"})), None),
        (named("E", response=answer(429, **{"Retry-After": "-1"})), 0),
        (named("E", response=answer(429)), None),
        (of_urllib(429), None),
        (ConnectionError(), None),
    ],
)
def test_retry_after(error, seconds):
    assert retry_after(error) == seconds


@pytest.mark.parametrize(("shift", "seconds"), [(100, 100), (-100, 0)])
def test_retry_after_a_date(monkeypatch, shift, seconds):
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    date = formatdate(1_000_000 + shift, usegmt=True)
    assert retry_after(of_urllib(503, retry_after=date)) == seconds


def test_waits_double_up_to_a_limit():
    waits = [wait_after(ConnectionError(), n_calls) for n_calls in range(1, 10)]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300]


def test_waits_follow_the_service():
    error = named("E", response=answer(429, **{"Retry-After": "5"}))
    assert [wait_after(error, n_calls) for n_calls in (1, 2, 3)] == [5, 5, 8]
    error = named("E", response=answer(429, **{"Retry-After": "3600"}))
    assert wait_after(error, 1) is None


def test_retries_end_with_a_result(waits):
    encode = retried(failing([ConnectionError()] * 2), 5, threading.Event())
    assert encode(["a"]) == letter_counts(["a"])
    assert waits == [2, 4]


def test_retries_end_with_the_error_of_the_last_call(waits):
    errors = [TimeoutError(str(number)) for number in range(4)]
    encode = retried(failing(errors), 3, threading.Event())
    with pytest.raises(TimeoutError, match="3") as caught:
        encode(["a"])
    assert caught.value.__notes__ == ["The teacher was called 4 times."]
    assert waits == [2, 4, 8]


@pytest.mark.parametrize(
    ("error", "n_retries"), [(ValueError("a"), 5), (ConnectionError("a"), 0)]
)
def test_no_retries(waits, error, n_retries):
    encode = retried(failing([error]), n_retries, threading.Event())
    with pytest.raises(type(error), match="a") as caught:
        encode(["a"])
    assert not hasattr(caught.value, "__notes__")
    assert waits == []


def test_retries_are_reported(waits):
    sentences = []
    encode = retried(
        failing([ConnectionError("gone")]), 5, threading.Event(), sentences.append
    )
    encode(["a"])
    assert sentences == [
        "The teacher failed (ConnectionError: gone). Retry 1 of 5 in 2 s."
    ]


def test_retries_end_if_another_call_has_failed(waits):
    stop = threading.Event()
    stop.set()
    with pytest.raises(ConnectionError):
        retried(failing([ConnectionError()]), 5, stop)(["a"])
    assert waits == [2]


def test_pause_ends_early_by_the_event():
    stop = threading.Event()
    threading.Timer(0.01, stop.set).start()
    assert pause(3600, stop)
    assert pause(0, stop)


def test_pause_comes_to_its_end():
    assert not pause(0.001, threading.Event())


def test_pause_ends_by_ctrl_c():
    class Interrupted(threading.Event):
        def wait(self, timeout=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pause(3600, Interrupted())


def test_cached_teacher_tries_again(tmp_path, waits):
    teacher = recorded(tmp_path, failing([ConnectionError()] * 5))
    np.testing.assert_array_equal(teacher.transform(["a"]), letter_counts(["a"]))
    assert waits == [2, 4, 8, 16, 32]


def test_cached_teacher_keeps_what_it_has_when_retries_end(tmp_path, waits):
    def embed(documents):
        if documents == ["a"]:
            raise ConnectionError("gone")
        return letter_counts(documents)

    with pytest.raises(ConnectionError, match="gone"):
        recorded(tmp_path, embed, batch_size=1, n_retries=1).transform(["a", "bb"])
    assert waits == [2]
    teacher = recorded(tmp_path)
    teacher.transform(["a", "bb"])
    assert teacher.model.texts == ["a"]


@pytest.mark.parametrize("verbose", [True, False])
def test_cached_teacher_shows_retries_if_it_is_verbose(
    tmp_path, waits, capsys, verbose
):
    recorded(tmp_path, failing([ConnectionError("gone")]), verbose=verbose).transform(
        ["a"]
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("Retry 1 of 5 in 2 s" in captured.err) == verbose
