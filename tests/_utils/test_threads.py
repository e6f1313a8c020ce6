"""Ranges on the pool of threads, and scratch memory that threads borrow."""

import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._utils.threads import (
    MAX_KEPT_BYTES,
    MAX_THREADS,
    FreeList,
    interruptible,
    run_ranges,
    thread_count,
)

# Seconds; a test waits this long only if it is about to fail.
PATIENCE = 60


def meeting_of_two():
    """Work that ends only if two ranges run at the same time."""
    barrier = threading.Barrier(2, timeout=PATIENCE)

    def work(start, stop):
        barrier.wait()

    return work


@pytest.mark.parametrize("n_jobs", [1, 2, 3, 16, -1, None])
@pytest.mark.parametrize("edges", [[0, 5], [0, 1, 2, 3], [3, 7, 7, 20], [*range(200)]])
def test_run_ranges_covers_each_range_once(edges, n_jobs):
    seen = []
    run_ranges(lambda start, stop: seen.append((start, stop)), edges, n_jobs)
    assert sorted(seen) == list(zip(edges[:-1], edges[1:]))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_run_ranges_without_ranges(n_jobs):
    run_ranges(lambda start, stop: pytest.fail("nothing to do"), [0], n_jobs)


def test_run_ranges_runs_at_the_same_time():
    run_ranges(meeting_of_two(), [0, 1, 2], 2)


def test_run_ranges_one_job_stays_in_the_calling_thread():
    seen = set()
    run_ranges(lambda *_: seen.add(threading.get_ident()), [*range(9)], 1)
    assert seen == {threading.get_ident()}


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
@pytest.mark.parametrize("bad", [0, 25, 49])
def test_run_ranges_error_propagates(n_jobs, bad):
    def work(start, stop):
        if start == bad:
            raise RuntimeError(f"range {start}")

    with pytest.raises(RuntimeError, match=f"range {bad}"):
        run_ranges(work, [*range(51)], n_jobs)


def test_run_ranges_error_of_a_helper_propagates():
    """Both threads are working when the helper fails."""
    caller = threading.get_ident()
    barrier = threading.Barrier(2, timeout=PATIENCE)

    def work(start, stop):
        barrier.wait()
        if threading.get_ident() != caller:
            raise RuntimeError("from the helper")

    with pytest.raises(RuntimeError, match="from the helper"):
        run_ranges(work, [0, 1, 2], 2)


def test_run_ranges_waits_for_helpers_after_an_error():
    """No range may write after the caller has received the error."""
    caller = threading.get_ident()
    both_started = threading.Barrier(2, timeout=PATIENCE)
    caller_failed = threading.Event()
    finished = []

    def work(start, stop):
        both_started.wait()
        if threading.get_ident() == caller:
            caller_failed.set()
            raise RuntimeError("from the caller")
        assert caller_failed.wait(PATIENCE)
        finished.append(start)

    with pytest.raises(RuntimeError, match="from the caller"):
        run_ranges(work, [0, 1, 2], 2)
    assert len(finished) == 1


class InterruptedLock:
    """A lock that the main thread is interrupted before, at the third time."""

    def __init__(self):
        self.lock, self.n_times = threading.RLock(), 0

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self.n_times += 1
            if self.n_times == 3:
                raise KeyboardInterrupt
        return self.lock.__enter__()

    def __exit__(self, *error):
        return self.lock.__exit__(*error)

    def __getattr__(self, name):
        return getattr(self.lock, name)


def test_run_ranges_interrupted_between_two_ranges_stops_the_helpers(monkeypatch):
    seen = []

    def work(start, stop):
        seen.append(start)
        time.sleep(0.001)

    # The pool makes its own locks first.
    run_ranges(lambda *_: None, [0, 1, 2], 2)
    with monkeypatch.context() as patched:
        patched.setattr("sklux._utils.threads.threading.Lock", InterruptedLock)
        with pytest.raises(KeyboardInterrupt):
            run_ranges(work, [*range(10_000)], 2)
    assert 2 <= len(seen) < 5_000


def test_run_ranges_works_after_an_error():
    def fail(start, stop):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run_ranges(fail, [0, 1, 2], 2)
    run_ranges(meeting_of_two(), [0, 1, 2], 2)


def test_run_ranges_nested():
    """A range may run ranges; it works with another thread or without."""
    seen = []

    def outer(start, stop):
        run_ranges(lambda *bounds: seen.append((start, *bounds)), [0, 1, 2], 2)

    run_ranges(outer, [*range(101)], 4)
    assert sorted(seen) == [(i, j, j + 1) for i in range(100) for j in range(2)]


def test_run_ranges_threads_under_loky():
    """The work stays in this process, even if a user chooses processes."""
    barrier = threading.Barrier(2, timeout=PATIENCE)
    seen = []

    def work(start, stop):
        barrier.wait()
        seen.append((os.getpid(), threading.get_ident()))

    with parallel_config(backend="loky", n_jobs=2):
        run_ranges(work, [0, 1, 2], None)
    assert {process for process, _ in seen} == {os.getpid()}
    assert len({thread for _, thread in seen}) == 2


@pytest.mark.parametrize("n_jobs", [1, 2, 3, -1])
@pytest.mark.parametrize(
    "costs", [None, [1] * 9, [*range(9)], [5, 0, 9, 9, 2, 0, 7, 1, 3]]
)
def test_run_ranges_with_costs_covers_each_range_once(costs, n_jobs):
    seen = []
    run_ranges(lambda *bounds: seen.append(bounds), [*range(10)], n_jobs, costs)
    assert sorted(seen) == [(i, i + 1) for i in range(9)]


@pytest.mark.parametrize(
    "costs, expected",
    [
        ([1, 2, 3, 10, 4, 9], [{3, 5}, {4, 2}, {1, 0}]),
        ([7, 7, 7, 7, 7, 8], [{5, 0}, {1, 2}, {3, 4}]),
        (None, [{0, 1}, {2, 3}, {4, 5}]),
    ],
)
def test_run_ranges_most_expensive_begin_first(costs, expected):
    """Two threads that wait for each other take the ranges in pairs."""
    taken = threading.Barrier(2, timeout=PATIENCE)
    pairs = [set()]

    def work(start, stop):
        pairs[-1].add(start)
        if taken.wait() == 0:
            pairs.append(set())
        taken.wait()

    run_ranges(work, [*range(7)], 2, costs)
    assert pairs[:-1] == expected


def test_run_ranges_with_costs_error_propagates():
    def work(start, stop):
        if start == 3:
            raise RuntimeError(f"range {start}")

    with pytest.raises(RuntimeError, match="range 3"):
        run_ranges(work, [*range(9)], 2, [*range(8)])


def run_in_child(connection):
    run_ranges(meeting_of_two(), [0, 1, 2], 2)
    connection.send("two threads met")


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork here"
)
# The threads of the parent are the point of this test.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_run_ranges_after_fork():
    run_ranges(meeting_of_two(), [0, 1, 2], 2)  # starts a thread in the parent
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=run_in_child, args=(sender,))
    child.start()
    try:
        assert receiver.poll(PATIENCE)
        assert receiver.recv() == "two threads met"
    finally:
        child.kill()
        child.join()


class Lent:
    """A scratch object that a free list lends."""

    def __init__(self):
        self.size, self.n_cleared = 0, 0

    def n_bytes(self):
        return self.size

    def clear(self):
        self.n_cleared += 1


def test_free_list_lends_an_object_to_one_at_a_time_and_keeps_it():
    free = FreeList(Lent)
    with free.borrow() as first, free.borrow() as second:
        assert first is not second
    with free.borrow() as again:
        assert again is first and again.n_cleared == 1


def test_free_list_does_not_keep_large_objects_or_objects_of_failed_work():
    free = FreeList(Lent)
    with free.borrow() as large:
        large.size = MAX_KEPT_BYTES + 1
    with pytest.raises(RuntimeError, match="half"), free.borrow() as failed:
        raise RuntimeError("half done")
    with free.borrow() as other:
        assert other is not large and other is not failed


@pytest.mark.parametrize("n_jobs", [10**6, 2**40])
def test_thread_count_has_an_upper_bound(n_jobs):
    assert thread_count(n_jobs) == MAX_THREADS
    texts = ["an apple", "a car"] * 60
    expected = LexicalVectorizer().fit_transform(texts)
    found = LexicalVectorizer(n_jobs=n_jobs).fit_transform(texts)
    np.testing.assert_array_equal(found.toarray(), expected.toarray())


@pytest.fixture
def in_a_pool(monkeypatch):
    """This process claims to be a worker of multiprocessing.Pool."""
    config = multiprocessing.current_process()._config
    monkeypatch.setitem(config, "daemon", True)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_jobs", [-1, 2, None])
def test_thread_count_in_a_process_of_a_pool(in_a_pool, n_jobs):
    """As joblib resolves it there, without its warning that no one can use."""
    assert thread_count(n_jobs) == 1
    with parallel_config(backend="threading"):
        assert thread_count(2) == 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lexical", [None, TfidfVectorizer()])
def test_models_in_a_process_of_a_pool_do_not_warn(in_a_pool, lexical):
    texts = [f"word{i % 7} word{i % 11}" for i in range(200)]
    embeddings = np.random.RandomState(0).normal(size=(200, 6))
    projection = ReLUProjection(4, hidden_layer_sizes=(8,), max_iter=1)
    model = LuxicalVectorizer(lexical=lexical, projection=projection, n_jobs=-1)
    model.fit(texts, teacher_embeddings=embeddings).transform(texts * 50)


@pytest.mark.parametrize("n_jobs", ["a", 1.5, [1], 0])
def test_run_ranges_refuses_invalid_n_jobs_for_any_number_of_ranges(n_jobs):
    for edges in ([0, 1], [0, 1, 2, 3]):
        with pytest.raises(ValueError, match="'n_jobs' parameter must be None or an"):
            run_ranges(lambda start, stop: None, edges, n_jobs)


def test_interruptible_returns_or_raises():
    assert interruptible(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        interruptible(lambda: 1 / 0)


def test_interruptible_in_another_thread_needs_no_third_one():
    """Signals come to the main thread alone."""
    found = []

    def call():
        found.append(interruptible(threading.get_ident) == threading.get_ident())

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert found == [True]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_interruptible_does_not_wait_after_ctrl_c():
    go_on, ended = threading.Event(), []

    def work():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        ended.append(go_on.wait(PATIENCE))

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interruptible(work)
        assert not ended
    finally:
        go_on.set()
        signal.signal(signal.SIGINT, before)
