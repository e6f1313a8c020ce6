"""Kernels over ranges of documents, on one pool of threads per process.

joblib only resolves ``n_jobs`` here. Its dispatch would cost milliseconds a call, and
with a user's ``parallel_config(backend="loky")`` it would use processes, not threads.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from multiprocessing import current_process
from numbers import Integral
from typing import Any, TypeVar

from joblib import cpu_count, effective_n_jobs
from joblib.parallel import get_active_backend
from sklearn.utils._param_validation import Interval

# Upper bound on the threads of all callers; threads start only when tasks need them.
MAX_THREADS = 64
# Values of `n_jobs`, in the form of scikit-learn's constraints.
N_JOBS = [
    Interval(Integral, None, 0, closed="neither"),
    Interval(Integral, 0, None, closed="neither"),
    None,
]
# Scratch memory of more bytes than this is not kept for the next range.
MAX_KEPT_BYTES = 16_000_000

# Prefix of the names that joblib's loky gives to its processes.
WORKER_NAME = "LokyProcess"
Result = TypeVar("Result")

_pools: dict[int, ThreadPoolExecutor] = {}  # process id -> pool


def _get_pool() -> ThreadPoolExecutor:
    """Return the pool of this process; a forked child has no threads and makes one."""
    process = os.getpid()
    if process not in _pools:
        # setdefault is atomic, and an executor without tasks does not start a thread.
        _pools.setdefault(
            process, ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="sklux")
        )
    return _pools[process]


def check_n_jobs(n_jobs: object) -> None:
    """Refuse an invalid `n_jobs`, even if the work needs only one thread.

    `fit` checks parameters, but `n_jobs` may be set after it.

    Parameters
    ----------
    n_jobs : object
        Value of the parameter.

    Raises
    ------
    ValueError
        If the value is neither None nor an int other than 0.
    """
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0):
        raise ValueError(
            "The 'n_jobs' parameter must be None or an int other than 0; -1 means all "
            f"processors. Got {n_jobs!r} instead."
        )


def thread_count(n_jobs: int | None) -> int:
    """Number of threads for an `n_jobs`, at most `MAX_THREADS`.

    Parameters
    ----------
    n_jobs : int or None
        As in scikit-learn; None means 1 unless in a `joblib.parallel_config`.

    Returns
    -------
    int
        At least 1; 1 in the processes of a pool of multiprocessing, as in joblib.
    """
    # In a process of a multiprocessing pool, joblib's backend of processes makes 1 of
    # any number, and warns that it cannot start processes. No process is wanted here.
    backend, _ = get_active_backend()
    if current_process().daemon and not getattr(backend, "uses_threads", False):
        return 1
    return min(effective_n_jobs(n_jobs), MAX_THREADS)


def all_threads() -> int:
    """Number of threads of a fit: one for each processor that this process may use.

    joblib divides the processors among the processes of a search: it limits the threads
    of OpenMP and BLAS in each process.

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


class FreeList:
    """Scratch memory that threads borrow, so that it does not grow again each time.

    Parameters
    ----------
    make : callable
        Makes a scratch object with the methods ``n_bytes()`` and ``clear()``.
    """

    def __init__(self, make: Callable[[], Any]):
        self._make = make
        self._free: list[Any] = []

    def borrow(self) -> "Loan":
        """Return a context with an empty scratch object that no other thread has."""
        try:
            lent = self._free.pop()
        except IndexError:
            lent = self._make()
        return Loan(self._free, lent)


class Loan:
    """A context that gives a scratch object back at its end.

    A generator with ``contextmanager`` takes three times as long.

    Parameters
    ----------
    free : list
        Gets the object.
    lent : object
        The scratch object.
    """

    __slots__ = ("_free", "_lent")

    def __init__(self, free: list[Any], lent: Any):
        self._free, self._lent = free, lent

    def __enter__(self) -> Any:
        return self._lent

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # It is not kept after an error, or after a document of many megabytes.
        if kind is None and self._lent.n_bytes() <= MAX_KEPT_BYTES:
            self._lent.clear()
            self._free.append(self._lent)


def run_ranges(
    work: Callable[[int, int], None],
    edges: Sequence[int],
    n_jobs: int | None,
    costs: Sequence[int] | None = None,
) -> None:
    """Call ``work(start, stop)`` for each range between neighbouring edges.

    The calling thread takes part. Any thread may run any range, so ``work`` must write
    only to its own range.

    Parameters
    ----------
    work : callable
        Takes two ints; releases the GIL for most of its time.
    edges : sequence of int of length n_ranges + 1
        Bounds of the ranges, ascending.
    n_jobs : int or None
        As in scikit-learn; None means 1 unless in a `joblib.parallel_config`.
    costs : sequence of int of length n_ranges, or None
        Cost of each range. The most expensive ranges begin first, so that one thread
        does not run an expensive range alone at the end. None means equal costs.

    Raises
    ------
    Exception
        The first error of a range, raised when no range is running any more.
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
        ranges = [ranges[i] for i in sorted(range(n_ranges), key=lambda i: -costs[i])]
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
                    pending = iter(())  # the other ranges are not needed any more
                raise

    helpers = [_get_pool().submit(drain) for _ in range(n_workers - 1)]
    try:
        drain()
    except BaseException:
        # Ctrl-C may also come between two ranges.
        pending = iter(())
        raise
    finally:
        # A helper that has not begun yet would find no range left.
        running = [helper for helper in helpers if not helper.cancel()]
        wait(running)
    for helper in running:
        helper.result()


def interruptible(work: Callable[[], Result]) -> Result:
    """Call a function of another library that does not look at signals.

    If this is the main thread, another thread makes the call, and Ctrl-C ends the wait
    for it. Nothing can stop the call: it goes on until its end, or until the process
    ends, and its result is lost.

    Parameters
    ----------
    work : callable
        Takes nothing, and releases the GIL.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    Exception
        What the function raises.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="sklux", daemon=True).start()
    return outcome.result()
