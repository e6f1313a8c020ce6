"""Time of Ray: its start, its first tasks, and `sklux.distributed.embed`."""

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from statistics import median
from time import perf_counter

import pyarrow.dataset as ds
import ray
from _report import markdown_table

from sklux import LuxicalVectorizer
from sklux.distributed import embed


def ray_table(model: Path, corpus: Path, rounds: int) -> str:
    """Seconds of a start, and documents per second with Ray and by `transform`.

    All read the same Parquet files. With Ray, the vectors are written to Parquet, or
    they stay in Ray's object store. `transform` is on all cores, and writes nothing.
    """
    starting = seconds_of(lambda: ray.init(log_to_driver=False))
    ray.data.DataContext.get_current().enable_progress_bars = False
    one_file = next(corpus.glob("*.parquet"))
    student = LuxicalVectorizer.load(model).set_params(n_jobs=-1)
    output = corpus.parent / "ray-vectors"

    def vectors(path: Path) -> ray.data.Dataset:
        return embed(ray.data.read_parquet(str(path)), str(model), columns=["id"])

    def transform() -> None:
        for batch in ds.dataset(corpus).to_batches(batch_size=10_000):
            student.transform(batch.column("text"))

    def write() -> None:
        vectors(corpus).write_parquet(str(output))
        rmtree(output)

    first = seconds_of(lambda: vectors(one_file).materialize())
    again = seconds_of(lambda: vectors(one_file).materialize())
    runs = {
        "read and `transform`, all cores": transform,
        "read and `embed` on Ray": lambda: vectors(corpus).materialize(),
        "the same, written to Parquet": write,
    }
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(seconds_of(run))
    ray.shutdown()
    n_documents = ds.dataset(corpus).count_rows()
    return (
        f"**Ray {ray.__version__}**, {n_documents:,} documents; "
        f"Ray started in {starting:.1f} s, and its workers in "
        f"{max(0, first - again):.1f} s\n\n{rates(seconds, n_documents)}"
    )


def rates(seconds: dict[str, list[float]], n_documents: int) -> str:
    """Documents per second of each way, and the share of the first way's speed."""
    own = next(iter(seconds.values()))
    rows = []
    for name, times in seconds.items():
        share = median(a / b for a, b in zip(own, times))
        rows.append([name, f"{n_documents / median(times):,.0f}", f"{share:.2f}"])
    return markdown_table(["", "documents/s", "share of transform"], rows)


def seconds_of(run: Callable[[], object]) -> float:
    """Seconds of a call."""
    start = perf_counter()
    run()
    return perf_counter() - start
