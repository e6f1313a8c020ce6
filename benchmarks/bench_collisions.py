"""Text and vocabularies that are made to collide in hash tables, against random words.

The kernels look words and n-grams up in hash tables (`sklux/_kernels/tables.h`). Their
usual hash function is known, so words can be found that all belong into a few slots. If
nothing were done, the time of fit would grow with the square of their number.

Each row is a step with two corpora: with words, or pairs of words, whose hashes begin
with ten zero bits, and with as many random ones of the same lengths. Both take turns.
The factor is the median of the ratios of the rounds; the library promises at most 10.
The status is 1 if a factor is larger.

Needs only sklux. It takes two minutes:

    python benchmarks/bench_collisions.py [--words 64000]
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _report import add_output_option, conditions, markdown_table, publish
from _turns import rounds_text, take_turns

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
N_BITS = 10
LARGEST_FACTOR = 10
# Documents that a vocabulary of plain text comes from.
PLAIN = ["a short text of words that collide with nothing", "another text"]
HEADER = ["step", "random, ms", "colliding, ms", "factor"]
PACKAGES = ["sklux", "numpy", "scikit-learn"]


def mix(keys: np.ndarray) -> np.ndarray:
    """`sklux_mix` of tables.h."""
    return (keys ^ (keys >> np.uint64(29))) * MULTIPLIER


def words_of(n_words: int, n_bits: int) -> list[str]:
    """Different words of eight letters whose hashes begin with ``n_bits`` zeros."""
    rng, parts, n_found = np.random.default_rng(n_bits), [], 0
    while n_found < n_words:
        words = LETTERS[rng.integers(0, 26, size=(1 << 20, 8))]
        hashes = mix(words.view("<u8")[:, 0])
        if n_bits:
            words = words[hashes >> np.uint64(64 - n_bits) == 0]
        parts.append(words.view("S8")[:, 0])
        n_found += len(words)
    found = np.unique(np.concatenate(parts))
    return [word.decode() for word in rng.permutation(found)[:n_words].tolist()]


def pairs_of(n_names: int) -> np.ndarray:
    """Pairs of numbers of words whose steps have hashes that begin with zeros."""
    numbers, pairs = np.arange(n_names, dtype=np.uint64), []
    for first in numbers:
        hashes = mix((first << np.uint64(32)) | numbers)
        seconds = numbers[hashes >> np.uint64(64 - N_BITS) == 0]
        pairs.append(np.stack([np.full(len(seconds), first), seconds], axis=1))
    return np.concatenate(pairs)


def texts_of_pairs(pairs: np.ndarray, n_names: int) -> list[str]:
    """All words in order of their numbers, and a text for each pair."""
    names = [f"w{number:05d}" for number in range(n_names)]
    return [" ".join(names), *(f"{names[a]} {names[b]}" for a, b in pairs)]


def words_stage(**params: object) -> LexicalVectorizer:
    """A stage of words."""
    return LexicalVectorizer(analyzer="word", n_jobs=1, **params)


def pieces_stage(**params: object) -> LexicalVectorizer:
    """A stage of word pieces that are learnt."""
    return LexicalVectorizer(analyzer="subword", n_subwords=500, n_jobs=1, **params)


def model_of(lexical: LexicalVectorizer, texts: list[str]) -> LuxicalVectorizer:
    """A model of a few dimensions, for the fused way."""
    model = LuxicalVectorizer(
        lexical=lexical,
        projection=ReLUProjection(8, hidden_layer_sizes=(8,), max_iter=1),
        teacher=None,
        n_jobs=1,
    )
    parts = [" ".join(part) for part in np.array_split(texts[0].split(), 50)]
    vectors = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    return model.fit(parts, teacher_embeddings=vectors)


def open_file(path: Path, text: str) -> None:
    """Map a model file and embed a first text."""
    LuxicalVectorizer.load(path, mmap_mode="r", verify=False).transform([text])


def steps_of(
    words: list[str], pair_texts: list[str], folder: Path, name: str
) -> dict[str, Callable[[], object]]:
    """All steps with one corpus."""
    texts = [" ".join(words)]
    fitted = words_stage().fit(texts)
    pairs = words_stage(ngram_range=(1, 2)).fit(pair_texts)
    plain = words_stage().fit(PLAIN)
    pieces = pieces_stage().fit([" ".join(words[:2000])])
    model = model_of(words_stage(), texts)
    fused_pieces = model_of(pieces_stage(), [" ".join(words[:2000])])
    model.save(folder / name)
    return {
        "fit, words": partial(words_stage().fit, texts),
        "fit, words and pairs": partial(
            words_stage(ngram_range=(1, 2)).fit, pair_texts
        ),
        "fit, word pieces": partial(pieces_stage().fit, texts),
        "transform, words": partial(fitted.transform, texts),
        "transform, words and pairs": partial(pairs.transform, pair_texts),
        "transform, unknown words": partial(plain.transform, texts),
        "transform, word pieces": partial(pieces.transform, texts),
        "transform to vectors, words": partial(model.transform, texts),
        "transform to vectors, word pieces": partial(fused_pieces.transform, texts),
        "load and first text": partial(open_file, folder / name, words[0]),
    }


def main() -> None:
    """Time each step with both corpora and publish the table."""
    options = parse_options()
    n_names = int((options.words / 2 * 2**N_BITS) ** 0.5)
    colliding = pairs_of(n_names)
    shape = colliding.shape
    others = np.random.default_rng(0).integers(0, n_names, size=shape)
    with TemporaryDirectory() as folder:
        sides = [
            steps_of(
                words_of(options.words, n_bits),
                texts_of_pairs(pairs, n_names),
                Path(folder),
                str(n_bits),
            )
            for n_bits, pairs in ((0, others), (N_BITS, colliding))
        ]
        contenders = {
            (step, side): sides[side][step] for step in sides[0] for side in (0, 1)
        }
        timing = take_turns(contenders, options.rounds)
    rows, factors = [], []
    for step in sides[0]:
        random, made = (timing.seconds[step, side] for side in (0, 1))
        cells = (f"{1000 * np.median(seconds):.1f}" for seconds in (random, made))
        factors.append(float(np.median(made / random)))
        rows.append([step, *cells, f"{factors[-1]:.1f}"])
    text = (
        f"{options.words:,} words of eight letters, {len(colliding):,} pairs; "
        f"{rounds_text(options.rounds)}. {timing.note}\n\n"
        f"{markdown_table(HEADER, rows)}\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "collisions", text)
    if max(factors) > LARGEST_FACTOR:
        sys.exit(f"A step is slower by a factor of {max(factors):.1f}.")


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--words", type=int, default=64_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
