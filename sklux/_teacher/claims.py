"""Claims: no two threads of a process embed the same document at the same time."""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_registries: dict[tuple[int, str], "ClaimRegistry"] = {}  # (process id, file) -> claims


class ClaimRegistry:
    """The keys of one cache that threads of this process are embedding now."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.owners: dict[bytes, int] = {}  # key -> thread


def registry_of(file: Path) -> ClaimRegistry:
    """Registry of a cache in this process; a forked process has its own.

    Parameters
    ----------
    file : Path
        File of the cache, resolved.

    Returns
    -------
    ClaimRegistry
        The same object for the same file.
    """
    return _registries.setdefault((os.getpid(), str(file)), ClaimRegistry())


class Claim:
    """The claim of one call on the documents that it is going to embed.

    A thread first embeds what it has claimed and waits for others afterwards, so two
    threads never wait for each other. At the end of a ``with`` block, the claim ends.

    Parameters
    ----------
    file : Path
        File of the cache, resolved.
    keys : iterable of bytes
        Keys of the documents that the cache lacks.

    Attributes
    ----------
    keys : list of bytes
        The keys that this thread must embed.
    keys_of_others : list of bytes
        The keys that other threads are embedding.
    """

    def __init__(self, file: Path, keys: Iterable[bytes]):
        self._registry = registry_of(file)
        self.keys: list[bytes] = []
        self.keys_of_others: list[bytes] = []
        self._own: set[bytes] = set()
        owners, thread = self._registry.owners, threading.get_ident()
        with self._registry.changed:
            for key in keys:
                if key not in owners:
                    self._own.add(key)
                    owners[key] = thread
                # A teacher may call another teacher with the same cache. It must not
                # wait for its own thread.
                mine = owners[key] == thread
                (self.keys if mine else self.keys_of_others).append(key)

    def release(self, keys: Iterable[bytes]) -> None:
        """End the claim on keys, and wake the threads that wait for them.

        Parameters
        ----------
        keys : iterable of bytes
            Keys whose vectors are stored, or will not be.
        """
        with self._registry.changed:
            for key in self._own.intersection(keys):
                self._own.remove(key)
                del self._registry.owners[key]
            self._registry.changed.notify_all()

    def wait_for_others(self) -> None:
        """Wait until no other thread is embedding one of the keys."""
        owners = self._registry.owners
        with self._registry.changed:
            self._registry.changed.wait_for(
                lambda: owners.keys().isdisjoint(self.keys_of_others)
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release(tuple(self._own))
