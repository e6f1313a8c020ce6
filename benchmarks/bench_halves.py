"""The gain from teacher embeddings of halves (`teacher_halves`), and its price.

A student is fitted to a few documents of the main corpus, all of them embedded by the
teacher, once without and once with the embeddings of their halves. Both are measured on
the same test texts; bench_quality.py explains the measures.

"fit s" are the seconds of the fit; the teacher's embeddings are in its cache.

Needs sklux with its extra `benchmark`. It takes about 10 minutes on 2 cores, most of
them for the teacher:

    python benchmarks/bench_halves.py
"""

from argparse import ArgumentParser, Namespace

from _corpora import add_data_option
from _measures import ACCURACY, CORRELATION, MRR, NEIGHBOURS
from _report import DEFAULT_PAGE, add_output_option, conditions, markdown_table, publish
from _students import DEFAULT, Bench, Recipe, Result

RECIPES: dict[str, Recipe] = {
    "documents": DEFAULT,
    "documents and halves": {"teacher_halves": True},
}
COLUMNS = [ACCURACY, NEIGHBOURS, CORRELATION, MRR]
N_DOCUMENTS, SEED = 6000, 0
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn", "torch", "sentence-transformers"]


def main() -> None:
    """Measure both students and publish the table."""
    options = parse_options()
    bench = Bench(options.data, options.limit, [SEED])
    rows = [
        row(name, bench.result(bench.main, recipe, SEED))
        for name, recipe in RECIPES.items()
    ]
    corpus = bench.corpus(bench.main).texts
    title = f"**Halves**, {bench.main}: {len(corpus.train):,} documents, all embedded, "
    title += f"{len(corpus.test):,} test documents; one seed"
    table = markdown_table(["the teacher embeds", *COLUMNS, "fit s"], rows)
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


def row(name: str, result: Result) -> list[str]:
    """Cells of one student."""
    figures = [f"{result.values[column]:.3f}" for column in COLUMNS]
    return [name, *figures, f"{result.seconds:.0f}"]


if __name__ == "__main__":
    main()
