"""Use models in all ways at once for an hour, and count what goes wrong.

    python .ci/soak.py [MINUTES] [SEED]

Eight threads transform, load, quantize, set parameters, fit again, pickle, fork, and
start processes, at random, with models that they share. Each result must have the bits
of one of the fits of its model. Every half minute it prints the calls, errors, wrong
results and the memory so far; at the end, a JSON object. The status is 1 if there is
an error or a wrong result. Without torch (a free-threaded Python may lack it), no
network is trained. OPENBLAS_NUM_THREADS must be 1, as `make soak` sets it: a fork can
wait for ever for the threads of OpenBLAS while another thread multiplies matrices.
"""

import json
import multiprocessing
import os
import pickle
import random
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import sparse

sys.path.insert(0, str(Path(__file__).parent))

from untrained import default_stage, untrained_model

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection

N_THREADS, N_DOCUMENTS, REPORT_S, PATIENCE_S = 8, 400, 30, 120
DTYPES = ("float32", "float16", "int8")


def make_documents(seed):
    """Texts of 1 to 200 words; some have other letters, marks or a special token."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(seed * 500, seed * 500 + 2000)]
    words += ["größer", "ΟΔΟΣ", "naïve", "日本", "a\u0327\u0301", "[UNK]"]
    lengths = rng.integers(1, 200, N_DOCUMENTS)
    return [" ".join(rng.choice(words, length)) for length in lengths]


def is_same(found, wanted):
    """Whether two results have the same bits."""
    if sparse.issparse(wanted):
        parts = ("data", "indices", "indptr")
        return all(
            np.array_equal(getattr(found, part), getattr(wanted, part))
            for part in parts
        )
    return np.array_equal(found, wanted)


def transformed(arguments):
    """In another process: vectors by a model file."""
    path, texts = arguments
    return LuxicalVectorizer.load(path, mmap_mode="r").transform(texts)


class Refitted:
    """An estimator that is fitted again and again, on two corpora in turn."""

    def __init__(self, make, inputs, queries):
        self.estimator, self.inputs, self.queries = make(), inputs, queries
        twin = make()
        self.expected = [twin.fit(*given).transform(queries) for given in inputs]
        if is_same(*self.expected):
            raise RuntimeError("both fits give the same")
        self.estimator.fit(*inputs[0])
        # Two fits at once are allowed, but neither would be the last.
        self.lock, self.turn = threading.Lock(), 0

    def fit(self):
        """Fit the estimator, unless another thread does."""
        if not self.lock.acquire(blocking=False):
            return self.transform()
        try:
            self.turn = 1 - self.turn
            self.estimator.fit(*self.inputs[self.turn])
            found = self.estimator.transform(self.queries)
            return is_same(found, self.expected[self.turn])
        finally:
            self.lock.release()

    def transform(self):
        """Transform; the result belongs to one of the two fits."""
        found = self.estimator.transform(self.queries)
        return any(is_same(found, wanted) for wanted in self.expected)


class WithEmbeddings(LuxicalVectorizer):
    """A model whose second argument of fit holds teacher embeddings."""

    def fit(self, documents, embeddings):
        """Fit the model."""
        return super().fit(documents, teacher_embeddings=embeddings)


class Soak:
    """Shared models, the actions of the threads, and what they have met."""

    def __init__(self, folder):
        self.deadline, self.counts, self.errors = 0.0, Counter(), Counter()
        self.wrong, self.lock = Counter(), threading.Lock()
        self.documents = make_documents(1)
        self.model = untrained_model(default_stage(self.documents), 32, 64)
        self.expected = {
            dtype: self.model.quantize(dtype).transform(self.documents)
            for dtype in DTYPES
        }
        self.path = folder / "model.sklux"
        self.model.save(self.path)
        self.refitted = {"lexical": self.lexical_fits()}
        if find_spec("torch"):
            self.refitted |= {
                "network": self.network_fits(),
                "model": self.model_fits(),
            }
        self.actions = [
            *([self.transform] * 8),
            *([self.transform_refitted] * 8),
            *(self.refit, self.load, self.quantize, self.set_params, self.pickle),
            *(self.save, self.fork),
        ]

    def lexical_fits(self):
        """A lexical stage that is fitted again."""
        corpora = [(make_documents(seed),) for seed in (1, 2)]
        return Refitted(LexicalVectorizer, corpora, self.documents[:60])

    def network_fits(self):
        """A network that is fitted again."""
        rng = np.random.default_rng(0)
        inputs = [(rng.random((60, 20)), rng.random((60, 8))) for _ in range(2)]
        make = lambda: ReLUProjection(4, max_iter=2, random_state=0)  # noqa: E731
        return Refitted(make, inputs, inputs[0][0])

    def model_fits(self):
        """A whole model that is fitted again."""
        rng = np.random.default_rng(0)
        inputs = [(make_documents(s)[:80], rng.random((80, 8))) for s in (1, 2)]

        def make():
            projection = ReLUProjection(4, max_iter=2)
            lexical = LexicalVectorizer(dtype=np.float32)
            return WithEmbeddings(
                lexical=lexical, projection=projection, random_state=0
            )

        return Refitted(make, inputs, self.documents[:60])

    def some(self, rng):
        """A range of documents."""
        begin = rng.randrange(N_DOCUMENTS)
        return slice(begin, begin + rng.choice((1, 5, 60, N_DOCUMENTS)))

    def has_bits(self, model, dtype, chosen):
        """Whether the vectors of a model are the expected ones."""
        found = model.transform(self.documents[chosen])
        return is_same(found, self.expected[dtype][chosen])

    def transform(self, rng):
        """Embed documents."""
        return self.has_bits(self.model, "float32", self.some(rng))

    def transform_refitted(self, rng):
        """Transform by an estimator that another thread may fit."""
        return rng.choice(list(self.refitted.values())).transform()

    def refit(self, rng):
        """Fit an estimator again."""
        return rng.choice(list(self.refitted.values())).fit()

    def load(self, rng):
        """Read the model file, which another thread may replace."""
        mode = rng.choice((None, "r"))
        model = LuxicalVectorizer.load(self.path, mmap_mode=mode)
        return self.has_bits(model, "float32", self.some(rng))

    def save(self, rng):
        """Replace the model file by the same model."""
        self.model.save(self.path)
        return True

    def quantize(self, rng):
        """Round the weights."""
        dtype = rng.choice(DTYPES)
        return self.has_bits(self.model.quantize(dtype), dtype, self.some(rng))

    def set_params(self, rng):
        """Change the number of threads while others use it."""
        self.model.set_params(n_jobs=rng.choice((None, 1, 2, 3)))
        return self.transform(rng)

    def pickle(self, rng):
        """Copy a model."""
        model = pickle.loads(pickle.dumps(self.model))
        return self.has_bits(model, "float32", self.some(rng))

    def fork(self, rng):
        """Embed documents in a forked child."""
        chosen = self.some(rng)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if self.has_bits(self.model, "float32", chosen) else 2
            finally:
                os._exit(status)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                if os.waitstatus_to_exitcode(status) == 1:
                    raise RuntimeError("an error in a forked child")
                return status == 0
            time.sleep(0.01)
        os.kill(child, 9)
        os.waitpid(child, 0)
        raise TimeoutError("a forked child hangs")

    def spawn(self, rng):
        """Embed documents in the processes of a pool."""
        chosen = [self.some(rng) for _ in range(4)]
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            found = pool.map(
                transformed, [(self.path, self.documents[part]) for part in chosen]
            )
        return all(
            is_same(vectors, self.expected["float32"][part])
            for vectors, part in zip(found, chosen)
        )

    def call(self, action, rng):
        """Do one thing, and count how it ends."""
        name = action.__name__
        try:
            is_right = action(rng)
        except Exception as error:
            with self.lock:
                self.errors[f"{name}: {type(error).__name__}: {error}"[:200]] += 1
            return
        with self.lock:
            self.counts[name] += 1
            if not is_right:
                self.wrong[name] += 1

    def use(self, seed):
        """What one thread does."""
        rng, next_pool = random.Random(seed), time.monotonic()
        while time.monotonic() < self.deadline:
            self.call(rng.choice(self.actions), rng)
            # Starting Python takes long: only one thread does it, now and then.
            if seed % N_THREADS == 0 and time.monotonic() > next_pool:
                self.call(self.spawn, rng)
                next_pool = time.monotonic() + REPORT_S


def megabytes():
    """Memory of this process: resident now (on Linux), or at most."""
    path = Path("/proc/self/statm")
    if path.exists():
        pages = int(path.read_text().split()[1])
        return pages * resource.getpagesize() // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10


def main(minutes=60, seed=0):
    """Run the threads, and print the counts."""
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder))
        begin = time.monotonic()
        soak.deadline = begin + 60 * minutes
        threads = [
            threading.Thread(target=soak.use, args=(seed * N_THREADS + number,))
            for number in range(N_THREADS)
        ]
        for thread in threads:
            thread.start()
        memory = []
        while any(thread.is_alive() for thread in threads):
            time.sleep(min(REPORT_S, 60 * minutes / 4))
            memory.append(megabytes())
            print(
                f"{time.monotonic() - begin:.0f} s: {soak.counts.total():,} calls, "
                f"{soak.errors.total()} errors, {soak.wrong.total()} wrong, "
                f"{memory[-1]} MB",
                file=sys.stderr,
                flush=True,
            )
    print(
        json.dumps(
            {
                "minutes": minutes,
                "calls": soak.counts.total(),
                "calls of each kind": dict(soak.counts),
                "errors": soak.errors.total(),
                "kinds of errors": dict(soak.errors),
                "wrong": soak.wrong.total(),
                "megabytes": memory,
                "GIL": getattr(sys, "_is_gil_enabled", lambda: True)(),
            },
            indent=1,
        )
    )
    return int(bool(soak.errors or soak.wrong))


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
