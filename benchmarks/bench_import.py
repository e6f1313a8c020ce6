"""Import time of sklux after numpy, and the start of a model file.

Each figure is the median over fresh processes, which take turns. Only the import
statement is timed, in a process that has already imported numpy. Public names load on
first use, so `import sklux` does almost nothing. The row of `LuxicalVectorizer` is the
time that a program really pays; most of it goes to scikit-learn and SciPy, which have a
row of their own for comparison.

With ``--model`` a second table has the time to map a model file and to embed a first
text, in a process that has imported sklux.

Needs only sklux. It takes a minute or two:

    python benchmarks/bench_import.py [--model model.sklux]
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
# Prints milliseconds: `load`, the first call, both, and the processor's for both.
START = """
from time import perf_counter, process_time
from sklux import LuxicalVectorizer
times = [perf_counter()]
begin = process_time()
model = LuxicalVectorizer.load({path!r}, mmap_mode="r", verify=False)
times.append(perf_counter())
model.transform([{text!r}])
times.append(perf_counter())
cpu = process_time() - begin
load, first = (1000 * (stop - start) for start, stop in zip(times, times[1:]))
print(load, first, load + first, 1000 * cpu)
"""
START_HEADER = ["first text", "load, ms", "first call, ms", "both, ms", "processor, ms"]
TEXTS = {
    "ASCII": "a short text",
    "all scripts": "na\u00efve caf\u00e9, \u65e5\u672c\u8a9e",
}
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
    if options.model is not None:
        table += "\n\n" + start_table(options.model, options.rounds)
    text = (
        f"Medians of {options.rounds} processes.\n\n{table}\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "import", text)


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--model", help="model file whose start is measured")
    return parser.parse_args()


def start_table(path: str, n_rounds: int) -> str:
    """The table of the time to map a model file and to embed a first text."""
    rows = []
    for name, text in TEXTS.items():
        program = START.format(path=path, text=text)
        runs = [run_fresh(program) for _ in range(n_rounds + 1)]
        medians = np.median(runs[1:], axis=0)
        rows.append([name, *(f"{median:.1f}" for median in medians)])
    return markdown_table(START_HEADER, rows)


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
