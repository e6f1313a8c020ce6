"""Reading, computing and writing at the same time, in the order of the items."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
# Results that are ready before their turn, so that no thread waits for the slowest one.
N_AHEAD = 2
# Tasks of a `WriterThread` that wait while it syncs a file with the disk.
N_WAITING = 4


def in_order(
    items: Iterator[Item], work: Callable[[Item], Result], n_threads: int
) -> Generator[tuple[Item, Result], None, None]:
    """Yield items and what is made of them, in order.

    A thread takes the next item while others work. Each item is the work of one thread:
    nobody waits for the parts of an item.

    Parameters
    ----------
    items : iterator
        The items. At most ``n_threads + N_AHEAD + 1`` are held at a time.
    work : callable
        Takes an item.
    n_threads : int
        Number of threads for ``work``.

    Yields
    ------
    item : object
        An item.
    result : object
        What ``work`` has returned for it. An exception of ``work``, or of the iterator,
        is raised after the results of all items before it.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(n_threads) as workers:
        try:
            coming = reader.submit(_next, items)
            # After an error of the iterator, the items before it come first.
            while coming.exception() is None and (found := coming.result()):
                item = found[0]
                coming = reader.submit(_next, items)
                waiting.append((item, workers.submit(work, item)))
                if len(waiting) > n_threads + N_AHEAD:
                    yield _result(waiting)
            while waiting:
                yield _result(waiting)
            coming.result()
        finally:
            for _, future in waiting:
                future.cancel()


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    """The next item; None at the end."""
    for item in items:
        return (item,)
    return None


def _result(waiting: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    """The first item that waits, and its result."""
    item, future = waiting.popleft()
    return item, future.result()


class WriterThread:
    """A thread that does tasks in order, until one of them fails.

    The context ends when all tasks are done. An exception of a task is raised by the
    next call of `submit`, or at the end of the context. Tasks after it are not done.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()
        self._has_failed = False

    def __enter__(self) -> Self:
        return self

    def submit(self, task: Callable[..., object], *arguments: Any) -> None:
        """Do a task when the tasks before it are done.

        Parameters
        ----------
        task : callable
            The task.
        *arguments : object
            Its arguments.
        """
        while len(self._waiting) >= N_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._do, task, *arguments))

    def _do(self, task: Callable[..., object], *arguments: Any) -> None:
        if self._has_failed:
            return
        try:
            task(*arguments)
        except BaseException:
            self._has_failed = True
            raise

    def __exit__(self, kind: Any, *error: Any) -> None:
        # Also after an error: what was submitted before it belongs to complete parts.
        self._thread.shutdown()
        if kind is None:
            for future in self._waiting:
                future.result()
