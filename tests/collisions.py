"""Words and n-grams that collide in tables without a seed: `sklux_mix` in numpy."""

import numpy as np

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)


def mix(keys):
    """The hash of tables without a seed (sklux/_kernels/tables.h)."""
    return (keys ^ (keys >> np.uint64(29))) * MULTIPLIER


def colliding_words(n_words, n_bits=10):
    """Words of eight letters whose hashes begin with ``n_bits`` zeros, in any order."""
    rng, found = np.random.default_rng(0), np.zeros(0, dtype="S8")
    while len(found) < n_words:
        words = LETTERS[rng.integers(0, 26, size=(1 << 20, 8))]
        hashes = mix(words.view("<u8")[:, 0])
        words = words[hashes >> np.uint64(64 - n_bits) == 0]
        found = np.unique(np.concatenate([found, words.view("S8")[:, 0]]))
    return [word.decode() for word in rng.permutation(found)[:n_words].tolist()]


def colliding_pairs(n_words, n_bits):
    """Pairs of numbers of words whose steps have hashes that begin with zeros."""
    numbers, pairs = np.arange(n_words, dtype=np.uint64), []
    for first in numbers:
        hashes = mix((first << np.uint64(32)) | numbers)
        seconds = numbers[hashes >> np.uint64(64 - n_bits) == 0]
        pairs += [(int(first), int(second)) for second in seconds]
    return pairs


def unmixed(hashes):
    """The keys with these hashes."""
    keys = hashes * np.uint64(pow(int(MULTIPLIER), -1, 1 << 64))
    keys = keys ^ (keys >> np.uint64(29)) ^ (keys >> np.uint64(58))
    return keys


def twins(n_words):
    """Strings of 16 bytes, from 9 on, that all have the same key; not of text."""
    firsts = np.arange(1, n_words + 1, dtype=np.uint64)
    # The second eight bytes lead from the hash of the first to the same state.
    middle = mix(np.uint64(16) ^ firsts)
    seconds = middle ^ unmixed(np.full(n_words, 5 << 40, dtype=np.uint64))
    words = np.stack([firsts, seconds], axis=1).astype("<u8")
    return [row.tobytes() for row in words]
