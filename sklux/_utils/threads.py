"""Kernels over ranges of documents, on one pool of threads per process.

joblib's own dispatch costs milliseconds a call, and a user's
``parallel_config(backend="loky")`` would turn threads into processes. Here
joblib only resolves ``n_jobs``.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import current_process
from numbers import Integral
from typing import Any

from joblib import cpu_count, effective_n_jobs

# Threads start only as tasks need them; this bounds them for every caller.
MAX_THREADS = 64
# Memory of more bytes than this is not kept for the next range.
MAX_KEPT_BYTES = 16_000_000

# What joblib's loky calls its processes.
WORKER_NAME = "LokyProcess"

_pools: dict[int, ThreadPoolExecutor] = {}  # process id -> its pool


def _get_pool() -> ThreadPoolExecutor:
    """Return the process's pool; a forked child has no threads and makes its own."""
    process = os.getpid()
    if process not in _pools:
        # setdefault is atomic, and an executor starts no thread before its first task.
        _pools.setdefault(
            process, ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="sklux")
        )
    return _pools[process]


def check_n_jobs(n_jobs: object) -> None:
    """Refuse an `n_jobs` of another kind, also where one thread will do.

    It may have been set after the fit, which checks parameters.

    Parameters
    ----------
    n_jobs : object
        What was set.

    Raises
    ------
    ValueError
        If it is neither None nor an int other than 0.
    """
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0):
        raise ValueError(
            "The 'n_jobs' parameter must be None or an int other than 0; -1 means all "
            f"processors. Got {n_jobs!r} instead."
        )


def thread_count(n_jobs: int | None) -> int:
    """Threads for an `n_jobs`, at most as many as there can be.

    Parameters
    ----------
    n_jobs : int or None
        As in scikit-learn; None means 1 unless in a `joblib.parallel_config`.

    Returns
    -------
    int
        At least 1.
    """
    return min(effective_n_jobs(n_jobs), MAX_THREADS)


def all_threads() -> int:
    """Threads of a fit: one for each processor that is left to this process.

    joblib shares the processors among the processes of a search by telling each how
    many threads OpenMP and BLAS may have.

    Returns
    -------
    int
        At least 1.
    """
    n_processors = cpu_count()
    share = os.environ.get("OMP_NUM_THREADS", "")
    if current_process().name.startswith(WORKER_NAME) and share.isdigit():
        return max(1, min(int(share), n_processors))
    return n_processors


class Pool:
    """Memory that threads borrow, so that it need not grow anew for each range.

    Parameters
    ----------
    make : callable
        Makes an object with the methods ``n_bytes()`` and ``clear()``.
    """

    def __init__(self, make: Callable[[], Any]):
        self._make = make
        self._free: list[Any] = []

    @contextmanager
    def borrow(self) -> Iterator[Any]:
        """Give out a clear object that no other thread has."""
        try:
            lent = self._free.pop()
        except IndexError:
            lent = self._make()
        yield lent
        # After an error, or a document of many megabytes, it is not kept.
        if lent.n_bytes() <= MAX_KEPT_BYTES:
            lent.clear()
            self._free.append(lent)


def run_ranges(
    work: Callable[[int, int], None],
    edges: Sequence[int],
    n_jobs: int | None,
    costs: Sequence[int] | None = None,
) -> None:
    """Call ``work(start, stop)`` for each range between neighbouring edges.

    The calling thread takes part. Which thread runs a range is left to chance,
    so ``work`` must write nothing but its own range.

    Parameters
    ----------
    work : callable
        Called with two ints; releases the GIL where it spends its time.
    edges : sequence of int of length n_ranges + 1
        Bounds of the ranges, ascending.
    n_jobs : int or None
        As in scikit-learn; None means 1 unless in a `joblib.parallel_config`.
    costs : sequence of int of length n_ranges, or None
        The most expensive ranges begin first, so that none is left over for one
        thread at the end; None: the ranges are alike.

    Raises
    ------
    Exception
        The first error of a range, once no range is running any more.
    """
    check_n_jobs(n_jobs)
    n_ranges = len(edges) - 1
    n_workers = 1 if n_ranges <= 1 else min(thread_count(n_jobs), n_ranges)
    if n_workers <= 1:
        for start, stop in zip(edges[:-1], edges[1:]):
            work(start, stop)
        return
    ranges = list(zip(edges[:-1], edges[1:]))
    if costs is not None:
        order = sorted(range(n_ranges), key=lambda i: -costs[i])
        ranges = [ranges[i] for i in order]
    pending = iter(ranges)
    lock = threading.Lock()

    def drain() -> None:
        nonlocal pending
        while True:
            with lock:
                bounds = next(pending, None)
            if bounds is None:
                return
            try:
                work(*bounds)
            except BaseException:
                with lock:
                    pending = iter(())  # nobody needs the rest any more
                raise

    helpers = [_get_pool().submit(drain) for _ in range(n_workers - 1)]
    try:
        drain()
    finally:
        # A helper that has not begun by now would find nothing left to do.
        running = [helper for helper in helpers if not helper.cancel()]
        wait(running)
    for helper in running:
        helper.result()
