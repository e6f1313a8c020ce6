"""Test that threads that share a model get the same bits, and do not enable the GIL.

    python .ci/threads.py [ROUNDS]

Run it with a free-threaded Python (`make test-threads FREE=python3.14t`). With another
Python the same threads take turns.
"""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
from scipy import sparse
from untrained import default_stage, untrained_model, word_stage

from sklux import LexicalVectorizer

N_THREADS = 8
N_ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 30
is_gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)
rng = np.random.default_rng(0)


def make_documents(n_documents):
    """Texts of 5 to 200 words; some have other letters, marks or a special token."""
    words = [f"w{i}" for i in range(3000)] + ["größer", "ΟΔΟΣ", "naïve", "日本"]
    words += ["a\u0327\u0301", "[UNK]"]
    lengths = rng.integers(5, 200, n_documents)
    return [" ".join(rng.choice(words, length)) for length in lengths]


def learnt_matrix():
    """Learn terms and look them up, without anything from before."""
    return LexicalVectorizer().fit_transform(documents)


documents = make_documents(600)
models, rounded, expected = {}, {}, {"matrix": learnt_matrix()}
for name, stage in (("words", word_stage), ("default", default_stage)):
    model = untrained_model(stage(documents), n_components=32, n_units=64)
    written = pickle.dumps(model), pickle.dumps(model.quantize("int8"))
    expected[name] = pickle.loads(written[0]).transform(documents)
    expected[name, "int8"] = pickle.loads(written[1]).transform(documents)
    # Copies that have not made the tables of their first transform yet.
    models[name], rounded[name] = map(pickle.loads, written)
start = Barrier(N_THREADS)


def check(found, wanted):
    """Fail unless both are equal, bit by bit."""
    for part in ("data", "indices") if sparse.issparse(wanted) else ("real",):
        if not np.array_equal(getattr(found, part), getattr(wanted, part)):
            raise SystemExit("a thread got other numbers")


def use(thread):
    """Use the models in all ways that are allowed from several threads."""
    start.wait()
    for turn in range(N_ROUNDS):
        kind = (thread + turn) % 5
        name = ("words", "default")[(thread + turn) // 5 % 2]
        model = models[name]
        if kind == 0:
            check(model.transform(documents), expected[name])
        elif kind == 1:
            some = slice(turn, turn + 5)
            check(model.transform(documents[some]), expected[name][some])
        elif kind == 2:
            # Another number of threads, while others run.
            model.n_jobs = 1 + turn % 3
            check(rounded[name].transform(documents), expected[name, "int8"])
        elif kind == 3:
            check(learnt_matrix(), expected["matrix"])
        else:
            twin = pickle.loads(pickle.dumps(model))
            check(twin.transform(documents[:50]), expected[name][:50])


is_free = not is_gil_enabled()
with ThreadPoolExecutor(N_THREADS) as pool:
    for future in [pool.submit(use, thread) for thread in range(N_THREADS)]:
        future.result()
if "free-threading build" in sys.version and not is_free:
    raise SystemExit("an import has turned the GIL on")
if is_free and is_gil_enabled():
    raise SystemExit("the GIL was turned on")
print(f"{N_THREADS} threads, GIL {'off' if is_free else 'on'}: the same bits")
