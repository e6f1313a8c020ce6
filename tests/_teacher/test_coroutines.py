"""Results of async functions, from an event loop in a thread of its own."""

import asyncio
import os
import threading

import numpy as np
import pytest

from _teacher.teachers import letter_counts, run_python
from sklux import CachedTeacher
from sklux._teacher import coroutines
from sklux._teacher.cached import teacher_vectors
from sklux._teacher.coroutines import awaited, event_loop, result_of

TEXTS = ["ccc", "bb", "a"]
PATIENCE_S = 60


async def embed(documents):
    """Embed by letter counts, after other tasks had a turn."""
    await asyncio.sleep(0)
    return letter_counts(documents)


class Client:
    """A client of a service, whose connection belongs to one event loop."""

    def __init__(self):
        self.loop = None

    async def encode(self, documents):
        """Refuse to work in another loop, as clients do."""
        loop = asyncio.get_running_loop()
        self.loop = self.loop or loop
        if self.loop is not loop:
            raise RuntimeError("Event loop is closed")
        return letter_counts(documents)


@pytest.mark.parametrize("n_concurrent", [1, 3])
def test_an_async_function_is_a_teacher(tmp_path, n_concurrent):
    teacher = CachedTeacher(
        embed, path=tmp_path, model_id="m", batch_size=1, n_concurrent=n_concurrent
    )
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))


@pytest.mark.parametrize("make", [lambda: embed, Client], ids=["function", "object"])
def test_an_async_teacher_without_a_cache(make):
    vectors = teacher_vectors(make(), TEXTS, False)
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_all_calls_of_an_async_teacher_share_an_event_loop(tmp_path):
    teacher = CachedTeacher(Client(), path=tmp_path, model_id="m", batch_size=1)
    teacher.transform(TEXTS)
    np.testing.assert_array_equal(teacher.transform(["dddd"]), letter_counts(["dddd"]))


def test_an_async_teacher_works_while_an_event_loop_is_running(tmp_path):
    """In a notebook, one is always running."""

    async def cell():
        return CachedTeacher(embed, path=tmp_path, model_id="m").transform(TEXTS)

    np.testing.assert_array_equal(asyncio.run(cell()), letter_counts(TEXTS))


def test_async_calls_run_at_the_same_time(tmp_path):
    """Each call waits for the others."""
    n_running, all_running = 0, None

    async def meet(documents):
        nonlocal n_running, all_running
        all_running = all_running or asyncio.Event()
        n_running += 1
        if n_running == 3:
            all_running.set()
        await asyncio.wait_for(all_running.wait(), PATIENCE_S)
        return letter_counts(documents)

    teacher = CachedTeacher(
        meet, path=tmp_path, model_id="m", batch_size=1, n_concurrent=3
    )
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))


def test_errors_of_async_functions():
    async def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        result_of(fail())


def test_an_interrupt_cancels_the_call(monkeypatch):
    cancelled = threading.Event()

    async def wait_for_ever():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    started = asyncio.run_coroutine_threadsafe

    def interrupted(coroutine, loop):
        future = started(coroutine, loop)
        started(asyncio.sleep(0), loop).result()  # the call has begun

        def result():
            raise KeyboardInterrupt

        future.result = result
        return future

    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        result_of(wait_for_ever())
    assert cancelled.wait(PATIENCE_S)


def test_a_function_that_is_not_async_is_called_directly():
    thread = awaited(lambda documents: threading.get_ident())(TEXTS)
    assert thread == threading.get_ident()


def test_the_event_loop_of_a_forked_process_is_its_own(monkeypatch):
    here = event_loop()
    assert event_loop() is here
    monkeypatch.setattr(os, "getpid", lambda: -1)
    there = event_loop()
    assert there is not here
    there.call_soon_threadsafe(there.stop)
    del coroutines._loops[-1]


def test_a_program_with_an_async_teacher_ends_without_warnings(tmp_path):
    code = """
        import asyncio, sys
        from sklux import CachedTeacher
        async def embed(documents):
            await asyncio.sleep(0)
            return [[len(document), 1] for document in documents]
        print(CachedTeacher(embed, path=".", model_id="m").transform(["ab"]).tolist())
        sys.stderr = sys.stdout  # a warning at the exit would be printed
    """
    printed = run_python(
        code,
        cwd=tmp_path,
        PYTHONPATH=os.pathsep.join(["", *filter(None, __import__("sys").path)]),
        PYTHONWARNINGS="always::ResourceWarning",
    )
    assert printed == "[[2.0, 1.0]]"
