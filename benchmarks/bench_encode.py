"""Speed of a student in sentence-transformers: `encode`, compared with `transform`.

A student with the default stages embeds texts of the main corpus in three ways:

- `transform` of the student itself;
- `encode` of `to_sentence_transformer(student)`;
- `encode` of the `SentenceTransformer` that a saved folder gives, which calls the
  student batch by batch.

`encode` is timed with its default of 32 texts a batch, and with 10,000. The contenders
take turns in each of several rounds, after a round that does not count. Speeds are
medians over the rounds, and a share is the median of the ratios of the rounds. The
values of the weights do not affect the time: the student was fitted to noise.

Needs sklux with its extra `benchmark`. It takes 3 minutes on 2 idle cores:

    python benchmarks/bench_encode.py
"""

import os
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryDirectory

import numpy as np
from _corpora import MAIN_CORPUS, add_data_option, read_corpora, shuffled
from _models import untrained_student
from _report import add_output_option, conditions, markdown_table, publish
from _turns import Timing, progress, rounds_text, speed, spread, take_turns
from sentence_transformers import SentenceTransformer

from sklux import LuxicalVectorizer
from sklux.interop import to_sentence_transformer

N_DOCUMENTS = 10_000
BATCH_SIZES = [32, 10_000]
TRANSFORM = "`transform`"
PACKAGES = ["sklux", "sentence-transformers", "torch", "numpy"]


def main() -> None:
    """Measure, and publish the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    corpus = read_corpora(options.data, [MAIN_CORPUS])[0]
    texts = corpus.texts.train + corpus.texts.test
    progress("student")
    student = untrained_student(texts)
    texts = shuffled(texts, N_DOCUMENTS)
    with TemporaryDirectory() as folder:
        timings = {
            n_jobs: measured(student.set_params(n_jobs=n_jobs), texts, folder, options)
            for n_jobs in sorted({1, os.cpu_count()})
        }
    header = [
        "",
        "threads",
        "docs/s",
        "slowest - fastest round",
        "share of `transform`",
    ]
    rows = [row for item in timings.items() for row in rows_of(*item, len(texts))]
    others = max(timing.others for timing in timings.values())
    text = (
        f"**`encode`**, {len(texts):,} texts of {corpus.name}, "
        f"{rounds_text(options.rounds)}\n\n{markdown_table(header, rows)}\n\n"
        f"{Timing({}, others).note} {conditions(PACKAGES)}"
    )
    publish(options.output, "encode", text)


def measured(student: LuxicalVectorizer, texts: list[str], folder: str, options):
    """Time all contenders with the threads that are set."""
    progress(f"{student.n_jobs} threads")
    contenders = contenders_of(student, texts, folder)
    expected = student.transform(texts)
    for name, call in contenders.items():
        if not np.array_equal(call(), expected):
            raise RuntimeError(f"{name} gives other vectors than transform.")
    return take_turns(contenders, options.rounds)


def contenders_of(
    student: LuxicalVectorizer, texts: list[str], folder: str
) -> dict[str, Callable[[], np.ndarray]]:
    """The calls by name."""
    own = to_sentence_transformer(student)
    own.save_pretrained(folder)
    loaded = SentenceTransformer(folder, device="cpu", trust_remote_code=True)
    loaded[0].model.set_params(n_jobs=student.n_jobs)
    models = {"`to_sentence_transformer`": own, "`SentenceTransformer(folder)`": loaded}
    calls: dict[str, Callable[[], np.ndarray]] = {
        TRANSFORM: partial(student.transform, texts)
    }
    for name, model in models.items():
        for size in BATCH_SIZES:
            calls[f"{name}, {size:,} a batch"] = partial(
                model.encode, texts, batch_size=size, show_progress_bar=False
            )
    return calls


def rows_of(n_jobs: int, timing: Timing, n_documents: int) -> list[list[str]]:
    """Rows of the table for a number of threads."""
    reference = timing.seconds[TRANSFORM]
    return [
        [
            name,
            str(n_jobs),
            speed(times, n_documents),
            spread(times, n_documents),
            f"{100 * np.median(reference / times):.0f} %",
        ]
        for name, times in timing.seconds.items()
    ]


if __name__ == "__main__":
    main()
