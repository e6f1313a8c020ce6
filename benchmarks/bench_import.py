"""Import time of sklux after numpy, and the modules that the import loads.

Each figure is the median over fresh processes, which take turns. Only the import
statement is timed, in a process that has already imported numpy. Public names load on
first use, so `import sklux` does almost nothing. The row of `LuxicalVectorizer` is the
time that a program really pays; most of it goes to scikit-learn and SciPy, which have a
row of their own for comparison.

Needs only sklux. It takes a minute or two:

    python benchmarks/bench_import.py
"""

from argparse import ArgumentParser, Namespace

import numpy as np
from _report import add_output_option, conditions, markdown_table, publish
from _turns import run_fresh

STATEMENTS = [
    "import sklux",
    "from sklux import LuxicalVectorizer",
    "import sklearn.feature_extraction.text",
]
# Prints seconds, the number of modules before and after, and whether torch is loaded.
PROGRAM = """
import sys, time
import numpy
before = len(sys.modules)
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
print(seconds, before, len(sys.modules), int("torch" in sys.modules))
"""
HEADER = ["after `import numpy`", "ms", "10 % - 90 %", "modules", "torch"]
PACKAGES = ["sklux", "numpy", "scipy", "scikit-learn"]


def main() -> None:
    """Run the processes and publish the table."""
    options = parse_options()
    runs = {statement: [] for statement in STATEMENTS}
    for _ in range(options.rounds + 1):
        for statement in STATEMENTS:
            runs[statement].append(run_fresh(PROGRAM.format(statement=statement)))
    # The first round reads the files from disk, so it does not count.
    rows = [row(statement, np.array(run[1:])) for statement, run in runs.items()]
    table = markdown_table(HEADER, rows)
    text = (
        f"Medians of {options.rounds} processes.\n\n{table}\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "import", text)


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=31)
    return parser.parse_args()


def row(statement: str, runs: np.ndarray) -> list[str]:
    """The row of a statement, from all its processes."""
    low, median, high = np.quantile(1000 * runs[:, 0], [0.1, 0.5, 0.9])
    _, before, after, has_torch = np.median(runs, axis=0)
    return [
        f"`{statement}`",
        f"{median:.1f}",
        f"{low:.1f} - {high:.1f}",
        f"{before:.0f} + {after - before:.0f}",
        "yes" if has_torch else "no",
    ]


if __name__ == "__main__":
    main()
