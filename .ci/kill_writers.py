"""Kill processes that write teacher embeddings, and count what is lost or wrong.

    python .ci/kill_writers.py [KILLS] [SEED]

Three processes store vectors in one file and write down each stored text. They
are killed (SIGKILL) at random moments and started again. Every fourth time all three
are killed, so that the next process finds a file that nobody has open. It prints a JSON
object; the status is 1 if a vector is lost or wrong.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sklux._teacher.cache import VectorCache
from sklux._teacher.cache_contents import CacheContents

N_WRITERS, N_AT_ONCE, WIDTH = 3, 8, 768
PATIENCE_S = 60


def vector_of(text, writer):
    """Vector of a text, which depends on the writer, too."""
    seed = random.Random(f"{text} {writer}").getrandbits(32)
    return np.random.RandomState(seed).normal(size=WIDTH).astype(np.float16)


def write(folder, writer, begin, log):
    """Store texts for ever: every other text is one that all writers store."""
    cache = VectorCache(folder, "model", "float16")
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for number in range(begin, begin + 10**6):
        texts = [f"shared {number} {i}" for i in range(N_AT_ONCE // 2)]
        texts += [f"own {writer} {number} {i}" for i in range(N_AT_ONCE // 2)]
        vectors = np.stack([vector_of(text, writer) for text in texts])
        cache.put([cache.key(text) for text in texts], vectors)
        # One call of the system: a killed writer leaves no part of a line.
        os.write(descriptor, f"{number}\t{'|'.join(texts)}\n".encode())


def lines_of(log):
    """Lines that a writer has written."""
    return log.read_text().splitlines() if log.exists() else []


class Writers:
    """The processes that write."""

    def __init__(self, folder):
        self.folder = folder
        self.logs = [folder / f"log {writer}" for writer in range(N_WRITERS)]
        self.context = multiprocessing.get_context("fork")
        self.processes = [None] * N_WRITERS
        for writer in range(N_WRITERS):
            self.start(writer)

    def start(self, writer):
        """Start a writer behind its last text, and wait until it has stored one."""
        log = self.logs[writer]
        lines = lines_of(log)
        begin = int(lines[-1].split("\t")[0]) + 1 if lines else 0
        arguments = (self.folder, writer, begin, log)
        process = self.context.Process(target=write, args=arguments)
        process.start()
        self.processes[writer] = process
        deadline = time.monotonic() + PATIENCE_S
        while len(lines_of(log)) == len(lines):
            if time.monotonic() > deadline or process.exitcode is not None:
                raise RuntimeError(f"writer {writer} has stored nothing")
            time.sleep(0.002)

    def kill(self, chosen):
        """Kill writers."""
        for writer in chosen:
            os.kill(self.processes[writer].pid, signal.SIGKILL)
        for writer in chosen:
            self.processes[writer].join()


def check(folder, logs):
    """Count the texts that were written down, are lost, or have a wrong vector."""
    cache = VectorCache(folder, "model", "float16")
    counts = {"acknowledged": 0, "lost": 0, "wrong": 0}
    for log in logs:
        texts = [
            text for line in lines_of(log) for text in line.split("\t")[1].split("|")
        ]
        found = cache.get([cache.key(text) for text in texts])
        for text in texts:
            counts["acknowledged"] += 1
            stored = found.get(cache.key(text))
            allowed = [vector_of(text, writer) for writer in range(N_WRITERS)]
            if stored is None:
                counts["lost"] += 1
            elif not any(np.array_equal(stored, vector) for vector in allowed):
                counts["wrong"] += 1
    return counts


def main(n_kills=200, seed=0):
    """Kill writers, and print the counts."""
    rng, done = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writers = Writers(folder)
        while done < n_kills:
            chosen = [rng.randrange(N_WRITERS)]
            if rng.random() < 0.25:
                chosen = list(range(N_WRITERS))
            time.sleep(rng.random() * 0.05)
            writers.kill(chosen)
            done += len(chosen)
            for writer in chosen:
                writers.start(writer)
        writers.kill(range(N_WRITERS))
        counts = {"kills": done + N_WRITERS} | check(folder, writers.logs)
        result = CacheContents(folder).verify()
        counts["damaged"] = result.n_damaged
        counts["faults"] = list(result.faults)
    print(json.dumps(counts))
    return int(any(counts[name] for name in ("lost", "wrong", "damaged", "faults")))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
