"""The gain from teacher embeddings of halves (`teacher_halves`), and its price.

A student is fitted to a few documents of the main corpus, all of them embedded by the
teacher, without and with the embeddings of their halves. A third student gets twice as
many documents: its teacher reads about as many tokens as for documents and halves. All
are measured on the same texts; bench_quality.py explains the measures.

Needs sklux with its extra `benchmark`. It takes 10 to 15 minutes on 2 cores, most of
them for the teacher:

    python benchmarks/bench_halves.py
"""

from argparse import ArgumentParser, Namespace

from _corpora import add_data_option
from _measures import ACCURACY, CORRELATION, MRR, NEIGHBOURS, encode
from _report import DEFAULT_PAGE, add_output_option, conditions, markdown_table, publish
from _students import DEFAULT, Bench, Recipe, Result

HALVES: Recipe = {"teacher_halves": True}
COLUMNS = [ACCURACY, NEIGHBOURS, CORRELATION, MRR]
N_DOCUMENTS, SEED = 6000, 0
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch", "sentence-transformers"]


def main() -> None:
    """Measure the students and publish the table."""
    options = parse_options()
    bench = Bench(options.data, options.limit, [SEED])
    texts = bench.corpus(bench.main).texts
    count = f"{len(texts.train):,} documents"
    rows = [
        row(count, bench.result(bench.main, DEFAULT, SEED)),
        row(f"{count} and their halves", bench.result(bench.main, HALVES, SEED)),
        twice_as_many(bench, options),
    ]
    title = f"**Halves**, {bench.main}: {len(texts.test):,} test documents; one seed"
    table = markdown_table(["the teacher embeds", *COLUMNS], rows)
    publish(options.output, "halves", f"{title}\n\n{table}\n\n{conditions(PACKAGES)}")


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, DEFAULT_PAGE.with_name("distillation.md"))
    parser.add_argument(
        "--limit",
        type=int,
        default=N_DOCUMENTS,
        metavar="N",
        help=f"number of documents in each part of the corpus (default: {N_DOCUMENTS})",
    )
    return parser.parse_args()


def twice_as_many(bench: Bench, options: Namespace) -> list[str]:
    """Cells of a student of twice as many documents, measured on the same texts."""
    twice = Bench(options.data, 2 * options.limit, [SEED])
    student, seconds = twice.student(twice.main, DEFAULT, SEED)
    texts = bench.corpus(bench.main).texts
    vectors = encode(texts, student.transform)
    name = f"{len(twice.corpus(twice.main).texts.train):,} documents"
    return row(name, bench.measure(bench.main, name, vectors, seconds))


def row(name: str, result: Result) -> list[str]:
    """Cells of one student."""
    return [name, *(f"{result.values[column]:.3f}" for column in COLUMNS)]


if __name__ == "__main__":
    main()
