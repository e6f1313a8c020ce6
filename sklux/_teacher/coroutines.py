"""Results of async functions, from an event loop in a thread of its own."""

import asyncio
import inspect
import os
import threading
from collections.abc import Awaitable, Callable

_loops: dict[int, asyncio.AbstractEventLoop] = {}  # process id -> loop
_guards: dict[int, threading.Lock] = {}


def awaited(encode: Callable[..., object]) -> Callable[..., object]:
    """Return a function that waits for the result of an async function.

    Parameters
    ----------
    encode : callable
        A function, async or not.

    Returns
    -------
    callable
        A function with the same arguments that is not async.
    """

    def encode_and_wait(*args: object, **kwargs: object) -> object:
        result = encode(*args, **kwargs)
        return result_of(result) if inspect.isawaitable(result) else result

    return encode_and_wait


def result_of(awaitable: Awaitable[object]) -> object:
    """Wait for a result. This also works while another event loop is running.

    Parameters
    ----------
    awaitable : awaitable
        A coroutine, for instance.

    Returns
    -------
    object
        Its result.
    """
    future = asyncio.run_coroutine_threadsafe(_await(awaitable), event_loop())
    try:
        return future.result()
    except BaseException:
        # After Ctrl-C, the call does not go on.
        future.cancel()
        raise


async def _await(awaitable: Awaitable[object]) -> object:
    return await awaitable


def event_loop() -> asyncio.AbstractEventLoop:
    """Event loop of this process for teachers.

    All calls share it: the connections of an async client belong to one loop.

    Returns
    -------
    asyncio.AbstractEventLoop
        The loop, running in a thread of its own.
    """
    process = os.getpid()
    with _guards.setdefault(process, threading.Lock()):
        if process not in _loops:
            _loops[process] = loop = asyncio.new_event_loop()
            threading.Thread(
                target=loop.run_forever, name="sklux async teachers", daemon=True
            ).start()
    return _loops[process]
