"""Use a kernel wrongly, so that a sanitizer must end this process.

    .ci/sanitize address python .ci/planted.py address
    .ci/sanitize address python .ci/planted.py undefined
    .ci/sanitize thread python .ci/planted.py thread

`make sanitize` expects a report. Without a report, the sanitizers see nothing.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklux._kernels.layers import unit_rows
from sklux._kernels.words import WordTable


def read_outside():
    """Look up a word that is longer than the memory that holds it."""
    offsets = np.array([0, 4000], dtype=np.int64)
    out = np.empty(1, dtype=np.uint32)
    WordTable().find(np.zeros(1000, dtype=np.uint8), offsets, out)


def read_between():
    """Read numbers that do not begin at a multiple of their size."""
    memory = np.zeros(4 * 64 + 1, dtype=np.uint8)
    unit_rows(np.ndarray((1, 64), np.float32, memory, offset=1), False)


def write_at_once():
    """Change the same rows in two threads."""
    rows = np.ones((20_000, 64), dtype=np.float32)
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(unit_rows, rows, False) for _ in range(8)]:
            future.result()


if __name__ == "__main__":
    faults = {
        "address": read_outside,
        "undefined": read_between,
        "thread": write_at_once,
    }
    faults[sys.argv[1]]()
