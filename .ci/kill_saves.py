"""Kill processes that save a model, and count the files that are lost or left behind.

    python .ci/kill_saves.py [KILLS] [SEED]

A process saves two models in turns under one name. It is killed (SIGKILL) at a random
moment. The file must then be one of the two models, whole. The next save must leave no
other file in the folder. It prints a JSON object; the status is 1 if a model is lost or
a file is left.
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sklux._utils.model_file import read_model, write_model

# Two models that differ in each number.
MODELS = [{"a": np.full(300_000, value, dtype=np.float32)} for value in (0, 1)]
# Seconds until a process is killed; a save takes some milliseconds.
LONGEST_S = 0.03


def save(path, value):
    """Write one of the models."""
    write_model(path, MODELS[value], {"value": value}, aligned_tensor="a")


def save_for_ever(path):
    """Write the models in turns, in a process of its own."""
    value = 0
    while True:
        value = 1 - value
        save(path, value)


def is_whole(path):
    """Whether the file is one of the models."""
    try:
        tensors, state = read_model(path, mmap_mode=None, verify=True)
    except (OSError, ValueError):
        return False
    return bool((tensors["a"] == state["value"]).all())


def killed_after(seconds, path):
    """Start a process that saves, and kill it; return the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            save_for_ever(path)
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


def main(n_kills=200, seed=0):
    """Kill processes, and print the counts."""
    rng = random.Random(seed)
    counts = {"kills": 0, "in the middle": 0, "lost": 0, "left behind": 0}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model"
        save(path, 0)
        for _ in range(n_kills):
            signal_number = killed_after(LONGEST_S * rng.random(), path)
            counts["kills"] += signal_number == signal.SIGKILL
            counts["in the middle"] += len(os.listdir(name)) > 1
            counts["lost"] += not is_whole(path)
            save(path, 0)
            counts["left behind"] += len(os.listdir(name)) - 1
    print(json.dumps(counts))
    is_bad = counts["lost"] or counts["left behind"] or counts["kills"] < n_kills
    return int(bool(is_bad))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
