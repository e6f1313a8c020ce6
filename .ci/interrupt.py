"""Stop `fit`, `transform` and `sklux embed` by Ctrl-C, and look at what is left.

    python .ci/interrupt.py [STOPS] [SEED]

Each of the three is stopped STOPS times by SIGINT, at random moments. It must end
within a second. A model must be as before; no process, no temporary file and no part
of a file may be left; and a folder of parts must be completed by the same command. It
prints a JSON object; the status is 1 if something is wrong.
"""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sklux import LuxicalVectorizer, ReLUProjection

N_FIT, N_TRANSFORM, N_EMBED = 500, 60_000, 250_000
ROW_GROUP, WORDS = 50_000, 20_000
LIMIT_S, PATIENCE_S = 1.0, 60
OUTPUTS = ("vectors.npy", "vectors.parquet", "parts/")


def make_documents(n_documents, n_words, seed):
    """Texts of words whose frequency falls as in a language."""
    rng = np.random.default_rng(seed)
    words = np.array([f"{i % 97:x}word{i:x}" for i in range(WORDS)])
    numbers = np.minimum(rng.zipf(1.3, (n_documents, n_words)), WORDS) - 1
    return [" ".join(row) for row in words[numbers]]


def make_embeddings(documents):
    """Vectors in the place of a teacher's."""
    rng = np.random.default_rng(0)
    directions = {}
    rows = []
    for text in documents:
        words = text.split()
        for word in words:
            if word not in directions:
                directions[word] = rng.standard_normal(48)
        rows.append(np.mean([directions[word] for word in words], axis=0))
    return np.array(rows)


def new_model():
    """A model that is fitted in seconds, by all stages of the default model."""
    projection = ReLUProjection(32, max_iter=3)
    return LuxicalVectorizer(projection=projection, random_state=0, n_jobs=2)


class Fit:
    """A fit of a fitted model, on other documents."""

    def __init__(self, path):
        self.model = LuxicalVectorizer.load(path)
        self.texts = make_documents(N_FIT, 60, 1)
        self.embeddings = make_embeddings(self.texts)
        self.attributes = dict(vars(self.model))
        self.queries = self.texts[:50]
        self.expected = self.model.transform(self.queries)

    def run(self):
        """Fit the model."""
        self.model.fit(self.texts, teacher_embeddings=self.embeddings)

    def reset(self):
        """Give the model its first state back."""
        self.model.__dict__ = dict(self.attributes)

    def is_unchanged(self):
        """Whether the model is as before the fit."""
        now = vars(self.model)
        return (
            now.keys() == self.attributes.keys()
            and all(now[name] is value for name, value in self.attributes.items())
            and np.array_equal(self.model.transform(self.queries), self.expected)
        )


class Transform(Fit):
    """A transform of many documents."""

    def __init__(self, path):
        super().__init__(path)
        self.texts = make_documents(N_TRANSFORM, 30, 2)

    def run(self):
        """Embed the documents."""
        self.model.transform(self.texts)


def serve(kind, path, pipe):
    """Do a job again and again, until it is stopped; say when, and what is left."""
    job = kind(path)
    began = time.monotonic()
    job.run()
    pipe.send(time.monotonic() - began)
    job.reset()
    while pipe.recv():
        is_done, stopped = False, None
        try:
            pipe.send("begun")
            job.run()
            is_done = True
            # The signal is on its way.
            time.sleep(PATIENCE_S)
        except KeyboardInterrupt:
            stopped = time.monotonic()
        if is_done:
            job.reset()
        pipe.send((is_done, stopped, job.is_unchanged(), children_of(os.getpid())))


def children_of(process):
    """Processes that a process has started and that still run (on Linux)."""
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        found += path.read_text().split()
    return len(found)


def stop_calls(kind, path, n_stops, rng):
    """Stop the calls of a method; the counts."""
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=serve, args=(kind, path, other))
    process.start()
    duration, waits, n_changed, n_orphans = pipe.recv(), [], 0, 0
    note(f"{kind.__name__} takes {duration:.1f} s")
    while len(waits) < n_stops:
        pipe.send(True)
        pipe.recv()
        time.sleep(rng.random() * duration)
        sent = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        if not pipe.poll(PATIENCE_S):
            raise RuntimeError(f"{kind.__name__} does not stop")
        is_done, stopped, is_unchanged, n_children = pipe.recv()
        n_changed += not is_unchanged
        n_orphans += n_children
        if is_done:
            # It was faster than before: the machine has less to do.
            duration *= 0.8
        else:
            waits.append(stopped - sent)
            note(f"{kind.__name__} stopped after {waits[-1]:.3f} s")
    pipe.send(False)
    process.join()
    return summary(waits) | {"changed models": n_changed, "orphans": n_orphans}


def note(words):
    """Print what happens."""
    print(words, file=sys.stderr, flush=True)


def summary(waits):
    """How long the stops took."""
    return {
        "stops": len(waits),
        "seconds, median": round(float(np.median(waits)), 3),
        "seconds, longest": round(max(waits), 3),
        "longer than a second": sum(wait > LIMIT_S for wait in waits),
    }


class Embedding:
    """`sklux embed`, as a process that leads a session, as in a terminal."""

    def __init__(self, folder, model):
        self.folder, self.model = folder, model
        self.texts = folder / "texts.parquet"
        table = pa.table({"text": make_documents(N_EMBED, 8, 3)})
        pq.write_table(table, self.texts, row_group_size=ROW_GROUP)
        self.results = folder / "results"
        self.results.mkdir()
        self.expected, began = {}, time.monotonic()
        for output in OUTPUTS:
            if self.start(output).wait():
                raise RuntimeError(f"sklux embed ... {output} fails")
            self.expected[output] = self.take_result(output)
        self.duration = (time.monotonic() - began) / len(OUTPUTS)
        note(f"sklux embed takes {self.duration:.1f} s")

    def start(self, output):
        """Start the command."""
        arguments = ["embed", self.model, self.texts, f"{self.results}/{output}"]
        return subprocess.Popen(
            [sys.executable, "-m", "sklux", *map(str, arguments), "--quiet"],
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )

    def take_result(self, output):
        """Vectors of a complete result, which is removed."""
        path = self.results / output
        paths = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        vectors = np.concatenate([vectors_of(file) for file in paths])
        for file in [*path.iterdir(), path] if path.is_dir() else [path]:
            file.rmdir() if file.is_dir() else file.unlink()
        return vectors

    def stop(self, output, delay):
        """Start the command, stop it, and return its status and its last seconds."""
        process = self.start(output)
        time.sleep(delay)
        sent = time.monotonic()
        # Ctrl-C goes to all processes of the terminal.
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(PATIENCE_S)
        return status, time.monotonic() - sent, is_session(process.pid)

    def faults(self, output):
        """Files that should not be there: parts of files, temporary files."""
        # A folder of parts stays until a run has completed it.
        allowed = {self.results / "parts", self.results / output.rstrip("/")}
        found = [path for path in self.results.iterdir() if path not in allowed]
        folder = self.results / "parts"
        if folder.is_dir():
            names = [path.name for path in folder.iterdir()]
            found += [name for name in names if name.endswith(".partial")]
            for part in folder.glob("*.parquet"):
                if len(vectors_of(part)) % ROW_GROUP:
                    found.append(part.name)
        return [str(name) for name in found]


def vectors_of(path):
    """Vectors of a file; an error if it is not whole."""
    if path.suffix == ".npy":
        return np.load(path)
    table = pq.read_table(path)
    return np.stack(table.column(table.num_columns - 1).to_numpy())


def is_session(leader):
    """Whether a process of a session still runs (on Linux)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader:
            return True
    return False


def stop_commands(folder, model, n_stops, rng):
    """Stop `sklux embed`; the counts."""
    command = Embedding(folder, model)
    waits, faults, n_orphans, n_wrong, n_complete = [], [], 0, 0, 0
    while len(waits) < n_stops:
        output = OUTPUTS[len(waits) % len(OUTPUTS)]
        status, wait, has_orphan = command.stop(output, rng.random() * command.duration)
        n_orphans += has_orphan
        faults += command.faults(output)
        path = command.results / output
        is_whole = path.is_file()
        if status:
            waits.append(wait)
            note(
                f"sklux embed ... {output} stopped after {wait:.3f} s, status {status}"
            )
            if output == "parts/" and len(waits) % 2:
                is_whole = command.start(output).wait() == 0
                n_complete += is_whole
        is_whole |= status == 0
        if is_whole:
            n_wrong += not np.array_equal(
                command.take_result(output), command.expected[output]
            )
    return summary(waits) | {
        "orphans": n_orphans,
        "faulty files": sorted(set(faults)),
        "wrong vectors": n_wrong,
        "folders completed": n_complete,
    }


def main(n_stops=100, seed=0):
    """Stop calls and commands, and print the counts."""
    # Jobs in the background of a shell ignore SIGINT, and so would all processes here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = folder / "model.sklux"
        texts = make_documents(N_FIT, 60, 0)
        new_model().fit(texts, teacher_embeddings=make_embeddings(texts)).save(model)
        counts = {
            "fit": stop_calls(Fit, model, n_stops, rng),
            "transform": stop_calls(Transform, model, n_stops, rng),
            "sklux embed": stop_commands(folder, model, n_stops, rng),
        }
    print(json.dumps(counts, indent=1))
    wrong = ("longer than a second", "changed models", "orphans", "faulty files")
    return int(
        any(part.get(name) for part in counts.values() for name in wrong)
        or counts["sklux embed"]["wrong vectors"] > 0
    )


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
