"""Speed and memory of `sklux embed` into a folder of Parquet parts.

The documents are the texts of the main corpus, repeated; each copy has a word of its
own. They lie in Parquet files of 100,000 rows.

Two figures:

- the share of the command's speed in the speed of `transform` on the same texts in
  memory. Both run in this process, in turns, on all cores; the time of the command
  includes reading and writing, and not the loading of the model;
- the peak memory of the command, in a process of its own, for more and more documents.
  It must not grow.

With `--parts fit`, it measures `LuxicalVectorizer.fit` on a stream instead: seconds of
each stage and peak memory for more and more short documents, which are made on the fly.
This takes two hours. With `--parts ray`, it measures the start of Ray, and
`sklux.distributed.embed` on the cores of this machine; this needs the extra `ray`.

The weights of the model do not affect the time, so the student is untrained, with the
vocabulary and layers of the default student, and int8 weights.

Needs Linux for the memory, and sklux with its extra `benchmark`. With the default sizes
it takes 6 minutes on 2 cores, and 5 GB of disk space in the temporary folder:

    python benchmarks/bench_scale.py
"""

import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from shutil import rmtree
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import pyarrow as pa
import pyarrow.parquet as pq
from _corpora import add_data_option, main_documents
from _memory import memory_bytes
from _models import untrained_student
from _report import add_output_option, conditions, markdown_table, publish
from _streamed_fits import fit_table, measure_fit

from sklux import LuxicalVectorizer
from sklux._commands.document_files import ReadOptions
from sklux._commands.embed_folder import FolderOptions, embed_into_folder
from sklux._commands.inputs import DocumentSource

SIZES = [100_000, 1_000_000, 4_000_000]
FIT_SIZES = [100_000, 10_000_000]
FILE_ROWS = 100_000
# Documents of the comparison with `transform`, and its rounds.
N_COMPARED, ROUNDS = 400_000, 5
# Types of the numbers and formats of the parts, and the least share that is the goal.
OUTPUTS: dict[tuple[str, str], str] = {
    ("float32", "parquet"): "0.7",
    ("float32", "arrow"): "0.7",
    ("float16", "parquet"): "0.8",
    ("float16", "arrow"): "0.8",
    ("int8", "parquet"): "",
    ("int8", "arrow"): "",
    ("ubinary", "arrow"): "",
}
PACKAGES = ["sklux", "pyarrow", "numpy"]


def main() -> None:
    """Measure, and publish the tables."""
    options = parse_options()
    if options.measure is not None:
        model, corpus, output = options.measure
        embed(model, corpus, output, "float16", "parquet")
        print(memory_bytes("VmHWM"))
        return
    name, texts = main_documents(options.data, None)
    if options.measure_fit is not None:
        measure_fit(texts, options.measure_fit)
        return
    if options.parts == "fit":
        is_whole = options.fit_sizes == FIT_SIZES
        table = fit_table(options.fit_sizes, __file__)
        table += f"\n\nThe texts are from {name}. {conditions(PACKAGES)}"
        publish(options.output if is_whole else Path("-"), "scale-fit", table)
        return
    with TemporaryDirectory() as folder:
        model = Path(folder) / "model.sklux"
        untrained_student(texts).quantize("int8").save(model)
        if options.parts == "ray":
            # Ray is an extra of its own.
            from _ray_runs import ray_table

            write_corpus(Path(folder) / "corpus", texts, N_COMPARED)
            table = ray_table(model, Path(folder) / "corpus", options.rounds)
            table += f"\n\nThe texts are from {name}. {conditions(PACKAGES)}"
            publish(options.output, "scale-ray", table)
            return
        tables = [speed_table(model, texts, Path(folder), options.rounds)]
        tables.append(memory_table(model, texts, Path(folder), options.sizes))
    tables.append(f"The texts are from {name}. {conditions(PACKAGES)}")
    is_whole = options.sizes == SIZES and options.rounds == ROUNDS
    publish(options.output if is_whole else Path("-"), "scale", "\n\n".join(tables))


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=int,
        default=SIZES,
        help="numbers of documents of the memory; with others, tables are only printed",
    )
    parser.add_argument("--parts", choices=["embed", "fit", "ray"], default="embed")
    parser.add_argument(
        "--fit-sizes",
        nargs="+",
        type=int,
        default=FIT_SIZES,
        help="numbers of documents of the fits; with others, the table is only printed",
    )
    parser.add_argument("--measure", nargs=3, metavar="PATH", help="for own use")
    parser.add_argument("--measure-fit", type=int, metavar="N", help="for own use")
    return parser.parse_args()


def repeated(texts: list[str], begin: int, end: int) -> list[str]:
    """Texts of the corpus, each copy with a word of its own."""
    return [f"{texts[i % len(texts)]} copy{i // len(texts)}" for i in range(begin, end)]


def write_corpus(folder: Path, texts: list[str], n_documents: int) -> None:
    """Write documents and their numbers into Parquet files."""
    folder.mkdir(exist_ok=True)
    for begin in range(0, n_documents, FILE_ROWS):
        path = folder / f"{begin // FILE_ROWS:05d}.parquet"
        if not path.exists():
            end = min(begin + FILE_ROWS, n_documents)
            rows = {"id": range(begin, end), "text": repeated(texts, begin, end)}
            pq.write_table(pa.table(rows), path)


def embed(model: Path, corpus: Path, output: Path, dtype: str, parts: str) -> None:
    """Run the command."""
    source = DocumentSource([str(corpus)], ReadOptions())
    options = FolderOptions(["id"], dtype, parts)
    embed_into_folder(Path(model), source, Path(output), options, quiet=True)


def speed_table(model: Path, texts: list[str], folder: Path, rounds: int) -> str:
    """Documents per second of the command and of `transform`."""
    write_corpus(folder / "compared", texts, N_COMPARED)
    documents = repeated(texts, 0, N_COMPARED)
    student = LuxicalVectorizer.load(model).set_params(n_jobs=-1)
    student.transform(documents[:1000])
    seconds: dict[tuple[str, ...], list[float]] = {}
    for number in range(rounds):
        start = perf_counter()
        LuxicalVectorizer.load(model).set_params(n_jobs=-1).transform(documents[:100])
        loading = perf_counter() - start
        start = perf_counter()
        # In blocks: one array of all vectors takes more time of the system.
        for begin in range(0, N_COMPARED, 10_000):
            student.transform(documents[begin : begin + 10_000])
        seconds.setdefault(("transform",), []).append(perf_counter() - start)
        for dtype, parts in OUTPUTS:
            output = folder / f"{dtype}-{parts}-{number}"
            start = perf_counter()
            embed(model, folder / "compared", output, dtype, parts)
            taken = perf_counter() - start - loading
            seconds.setdefault((dtype, parts), []).append(taken)
            rmtree(output)
    n_bytes = sum(len(text.encode()) for text in documents)
    rows = []
    for names, times in seconds.items():
        shares = [own / taken for own, taken in zip(seconds["transform",], times)]
        rate = N_COMPARED / median(times)
        rows.append(
            [
                names[0] if len(names) == 1 else f"sklux embed, {', '.join(names)}",
                f"{rate:,.0f}",
                f"{rate * n_bytes / N_COMPARED / 1e6:,.0f}",
                f"{median(shares):.2f}",
                f"{min(shares):.2f} - {max(shares):.2f}",
                OUTPUTS.get(names, ""),  # type: ignore[call-overload]
            ]
        )
    header = ["", "documents/s", "MB/s", "share of transform", "rounds", "goal"]
    return f"**{N_COMPARED:,} documents**\n\n{markdown_table(header, rows)}"


def memory_table(model: Path, texts: list[str], folder: Path, sizes: list[int]) -> str:
    """Peak memory of the command for more and more documents."""
    rows = []
    for size in sizes:
        corpus, output = folder / f"corpus-{size}", folder / f"out-{size}"
        write_corpus(corpus, texts, size)
        command = [sys.executable, __file__, "--measure", model, corpus, output]
        start = perf_counter()
        result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        seconds = perf_counter() - start
        peak = f"{int(result.stdout) / 1e6:,.0f}"
        rows.append([f"{size:,}", peak, f"{seconds:,.0f}"])
        for place in (corpus, output):
            subprocess.run(["rm", "-r", place], check=True)
    header = ["documents", "peak memory, MB", "seconds, with the start"]
    return f"**Memory of the command**\n\n{markdown_table(header, rows)}"


if __name__ == "__main__":
    main()
