"""Flip single bits of a cache and of a model file, and count the wrong results.

    python .ci/flip_bits.py [FLIPS] [SEED]

For each flip, the whole file is read. A vector of the cache must be right or missing. A
model must be refused, or give the vectors of the model that was saved. It prints a JSON
object; the status is 1 if a result is wrong.
"""

import json
import random
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

from sklux import LuxicalVectorizer, ReLUProjection
from sklux._teacher.cache import VectorCache

N_VECTORS, WIDTH = 200, 96
WORDS = "red green blue sky sea tree stone river cloud grass sand wind".split()


def cached_vectors(folder):
    """A file of vectors; a function that reads it and judges what it finds."""
    cache = VectorCache(folder, "model", "float16")
    keys = [cache.key(str(number)) for number in range(N_VECTORS)]
    vectors = np.random.RandomState(0).normal(size=(N_VECTORS, WIDTH))
    vectors = vectors.astype(np.float16)
    cache.put(keys, vectors)
    right = {key: vector.tobytes() for key, vector in zip(keys, vectors)}

    def judge():
        try:
            found = VectorCache(folder, "model", "float16").get(keys)
        except OSError:
            return "refused"
        if any(vector.tobytes() != right[key] for key, vector in found.items()):
            return "wrong"
        return "unchanged" if len(found) == N_VECTORS else "found"

    return cache.file, judge


def saved_model(folder):
    """A model file; a function that loads it and judges its vectors."""
    texts = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS[:3]]
    teacher = np.random.RandomState(0).normal(size=(len(texts), 8))
    projection = ReLUProjection(n_components=4, hidden_layer_sizes=(8,), max_iter=2)
    model = LuxicalVectorizer(projection=projection, random_state=0)
    model.set_params(teacher_words=None).fit(texts, teacher_embeddings=teacher)
    file = Path(folder) / "model.sklux"
    model.save(file)
    right = model.transform(texts)

    def judge():
        try:
            found = LuxicalVectorizer.load(file).transform(texts)
        except (OSError, ValueError):
            return "refused"
        return "unchanged" if np.array_equal(found, right) else "wrong"

    return file, judge


def flipped(content, used, rng):
    """The content with one bit flipped; half of the flips hit a used byte."""
    place = rng.choice(used) if rng.random() < 0.5 else rng.randrange(len(content))
    out = bytearray(content)
    out[place] ^= 1 << rng.randrange(8)
    return bytes(out)


def counts_of(file, judge, n_flips, rng):
    """How many flips of a file had which result."""
    counts = {"flips": n_flips, "refused": 0, "found": 0, "unchanged": 0, "wrong": 0}
    content = file.read_bytes()
    # Pages of the cache without content are zero.
    used = [place for place, byte in enumerate(content) if byte]
    for _ in range(n_flips):
        file.write_bytes(flipped(content, used, rng))
        counts[judge()] += 1
    return counts


def main(n_flips=10_000, seed=0):
    """Flip bits, and print the counts."""
    rng, result = random.Random(seed), {}
    warnings.simplefilter("ignore")
    for name, make in {"cache": cached_vectors, "model": saved_model}.items():
        with tempfile.TemporaryDirectory() as folder:
            result[name] = counts_of(*make(folder), n_flips, rng)
    print(json.dumps(result))
    return int(any(counts["wrong"] for counts in result.values()))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
