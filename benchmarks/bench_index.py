"""Search and near-duplicates among millions of vectors, by indexes of faiss.

The vectors are made from real ones: the teacher's vectors of the main corpus, reduced
to 256 dimensions by a truncated SVD. Each vector lies at a random place between a
document and one of its ten nearest documents, with a little noise, so that all differ.
They are made block by block, the same for each index, and never all in memory.

Two tables:

- search: indexes of all vectors, with numbers of 16, 8 and 1 bits. Memory is what the
  index holds: the codes of the vectors and their numbers. The recall is the share of
  the ten nearest vectors in float32 that are among the ten found, over 1,000 further
  vectors as queries; for bits also among the 200 found, which one compares again by
  larger numbers. Queries are searched together, on all cores;
- near-duplicates: what `sklux duplicates` does, without reading and writing. Every
  tenth vector is an earlier one with a little noise: a cosine of about 0.98.

Needs Linux for the memory, and sklux with its extra `benchmark`. It takes half an hour
on 2 cores, most of it for ten million vectors, and 11 GB of memory:

    python benchmarks/bench_index.py

A quick trial:

    python benchmarks/bench_index.py --vectors 200000 --compared 200000 --output -
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from functools import partial
from math import sqrt
from pathlib import Path
from time import perf_counter
from typing import Any

import faiss
import numpy as np
from _corpora import MAIN_CORPUS, add_data_option, read_corpora
from _memory import memory_in_use
from _report import add_output_option, conditions, markdown_table, publish
from _turns import progress
from sklearn.decomposition import TruncatedSVD

from sklux._commands.near_duplicates import NearDuplicates
from sklux._utils.similarity import nearest_neighbors, unit_rows

N_VECTORS, N_COMPARED = 10_000_000, [100_000, 1_000_000]
WIDTH, N_NEIGHBORS, N_QUERIES = 256, 10, 1000
BLOCK = 50_000
# Lists of an index, and how many of them a query looks at.
MAX_LISTS, PROBES = 4096, [8, 32, 128]
TRAINED_PER_LIST = 64
# Length of the noise of new vectors, and of near-duplicates.
NOISE, COPY_NOISE, COPY_EVERY = 0.3, 0.2, 10
MIN_COSINE = 0.95
# Candidates by bits, to be compared again.
N_CANDIDATES = 200
# An index of lists holds the number of each vector.
NUMBER_BYTES = 8
PACKAGES = ["sklux", "numpy", "faiss-cpu"]


def main() -> None:
    """Measure, and publish the tables."""
    options = parse_options()
    bases = real_vectors(options.data)
    is_whole = options.vectors == N_VECTORS and options.compared == N_COMPARED
    page = options.output if is_whole else Path("-")
    if options.compared:
        table = duplicates_table(bases, options.compared)
        publish(page, "near-duplicates", f"{table}\n\n{conditions(PACKAGES)}")
    if options.vectors:
        table = search_table(bases, options.vectors)
        publish(page, "vector-indexes", f"{table}\n\n{conditions(PACKAGES)}")


def parse_options() -> Namespace:
    """Options of the command line."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser)
    parser.add_argument("--vectors", type=int, default=N_VECTORS, metavar="N")
    parser.add_argument(
        "--compared", type=int, nargs="+", default=N_COMPARED, metavar="N"
    )
    return parser.parse_args()


class RealVectors:
    """Vectors between real ones.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, WIDTH), dtype=np.float32
        Unit vectors of documents.
    """

    def __init__(self, vectors: np.ndarray):
        self.vectors = vectors
        self.near = np.asarray(
            nearest_neighbors(vectors, np.arange(len(vectors)), N_NEIGHBORS)
        )

    def block(self, number: int, size: int) -> np.ndarray:
        """New unit vectors; the same for the same number."""
        random = np.random.default_rng(number)
        rows = random.integers(len(self.vectors), size=size)
        others = self.near[rows, random.integers(N_NEIGHBORS, size=size)]
        share = random.random((size, 1), dtype=np.float32)
        mixed = (1 - share) * self.vectors[rows] + share * self.vectors[others]
        return noisy(mixed, NOISE, random)

    def blocks(self, n_vectors: int) -> Iterator[np.ndarray]:
        """So many vectors, block by block."""
        for begin in range(0, n_vectors, BLOCK):
            yield self.block(begin // BLOCK, min(BLOCK, n_vectors - begin))

    def queries(self) -> np.ndarray:
        """Vectors that are in no block."""
        return self.block(1 << 40, N_QUERIES)


def noisy(vectors: np.ndarray, length: float, random: np.random.Generator) -> Any:
    """Unit vectors of vectors plus noise of about a length."""
    noise = random.standard_normal(vectors.shape, dtype=np.float32)
    return unit_rows(vectors + noise * np.float32(length / sqrt(WIDTH)))


def real_vectors(data: Path) -> RealVectors:
    """The teacher's vectors of the main corpus, in fewer dimensions."""
    vectors = read_corpora(data, [MAIN_CORPUS])[0].embed_train()
    reduced = TruncatedSVD(WIDTH, random_state=0).fit_transform(vectors)
    return RealVectors(unit_rows(reduced.astype(np.float32)))


# Search


def search_table(bases: RealVectors, n_vectors: int) -> str:
    """All kinds of indexes, built from the same vectors in one pass."""
    queries, n_lists = bases.queries(), min(MAX_LISTS, int(4 * sqrt(n_vectors)))
    indexes, seconds = {}, {}
    for name, make in INDEXES.items():
        progress(f"index {name}")
        start = perf_counter()
        indexes[name] = make(bases, n_lists)
        seconds[name] = perf_counter() - start
    best = BestVectors(queries)
    for number, block in enumerate(bases.blocks(n_vectors)):
        best.add(block, number * BLOCK)
        for name, index in indexes.items():
            vectors, start = packed(name, block), perf_counter()
            index.add(vectors)
            seconds[name] += perf_counter() - start
        if number % 20 == 0:
            progress(f"  {(number + 1) * BLOCK:,} vectors")
    rows = []
    for name, index in indexes.items():
        rows += search_rows(
            name, index, packed(name, queries), best.rows, seconds[name]
        )
    header = ["numbers", "MB", "seconds to build", "compared", "recall@10"]
    header += [f"among {N_CANDIDATES}", "queries/s"]
    text = f"**{n_vectors:,} vectors**, {WIDTH} dimensions, made from {MAIN_CORPUS}"
    return f"{text}\n\n{markdown_table(header, rows)}"


def search_rows(
    name: str, index: Any, queries: np.ndarray, nearest: np.ndarray, seconds: float
) -> list[list[str]]:
    """Rows of one index: for each number of lists, or one for bits."""
    bytes_each = WIDTH // 8 if name == BITS else index.sa_code_size() + NUMBER_BYTES
    rows = []
    for probes in [0] if name == BITS else PROBES:
        if probes:
            index.nprobe = probes
        found, rate = timed_search(index, queries)
        rows.append(
            [
                name,
                f"{index.ntotal * bytes_each / 1e6:,.0f}",
                f"{seconds:,.0f}",
                f"{probes} of {index.nlist:,} lists" if probes else "all",
                f"{recall(found[:, :N_NEIGHBORS], nearest):.3f}",
                "" if probes else f"{recall(found, nearest):.3f}",
                f"{rate:,.0f}",
            ]
        )
    return rows


class BestVectors:
    """The nearest vectors of each query, by all products."""

    def __init__(self, queries: np.ndarray):
        self.queries = queries
        self.cosines = np.full((len(queries), N_NEIGHBORS), -np.inf, dtype=np.float32)
        self.rows = np.zeros(self.cosines.shape, dtype=np.int64)

    def add(self, block: np.ndarray, first: int) -> None:
        """Compare the vectors of a block, the first of which has a number."""
        products = self.queries @ block.T
        places = np.argpartition(-products, N_NEIGHBORS)[:, :N_NEIGHBORS]
        found = np.take_along_axis(products, places, axis=1)
        cosines = np.concatenate([self.cosines, found], axis=1)
        rows = np.concatenate([self.rows, places + first], axis=1)
        chosen = np.argpartition(-cosines, N_NEIGHBORS)[:, :N_NEIGHBORS]
        self.cosines = np.take_along_axis(cosines, chosen, axis=1)
        self.rows = np.take_along_axis(rows, chosen, axis=1)


def packed(name: str, vectors: np.ndarray) -> np.ndarray:
    """Vectors as an index takes them: signs as bits, eight in a byte, or numbers."""
    return np.packbits(vectors > 0, axis=1) if name == BITS else vectors


def timed_search(index: Any, queries: np.ndarray) -> tuple[np.ndarray, float]:
    """What an index finds, and queries per second."""
    n_found = N_CANDIDATES if queries.dtype == np.uint8 else N_NEIGHBORS
    index.search(queries[:10], n_found)
    start = perf_counter()
    _, found = index.search(queries, n_found)
    return found, len(queries) / (perf_counter() - start)


def recall(found: np.ndarray, nearest: np.ndarray) -> float:
    """Share of the nearest vectors that were found."""
    shares = [np.isin(near, row).mean() for near, row in zip(nearest, found)]
    return float(np.mean(shares))


def divided_index(kind: int, bases: RealVectors, n_lists: int) -> Any:
    """A trained index of lists."""
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(WIDTH), WIDTH, n_lists, kind, faiss.METRIC_INNER_PRODUCT
    )
    index.own_fields = False
    # Vectors that are in no block, and are not the queries.
    index.train(bases.block(1 << 41, TRAINED_PER_LIST * n_lists))
    return index


def bit_index(bases: RealVectors, n_lists: int) -> Any:
    """An index that compares all bits; it has no lists."""
    return faiss.IndexBinaryFlat(WIDTH)


BITS = "bits"
INDEXES = {
    "float16": partial(divided_index, faiss.ScalarQuantizer.QT_fp16),
    "int8": partial(divided_index, faiss.ScalarQuantizer.QT_8bit),
    BITS: bit_index,
}


# Near-duplicates


def duplicates_table(bases: RealVectors, sizes: list[int]) -> str:
    """Speed, memory and share of near-duplicates that are found."""
    rows = []
    for size in sizes:
        progress(f"near-duplicates {size:,}")
        before = memory_in_use()
        finder = NearDuplicates(WIDTH, MIN_COSINE)
        seconds = found = n_copies = 0.0
        previous = None
        for number, block in enumerate(bases.blocks(size)):
            vectors, is_copy = with_copies(block, previous, number)
            start = perf_counter()
            near = finder.find(vectors)
            seconds += perf_counter() - start
            n_copies += np.count_nonzero(is_copy)
            found += np.count_nonzero(near.rows[is_copy] >= 0)
            previous = block
        growth = (memory_in_use() - before) / 1e6
        others = size - finder.n_kept - found
        rows.append(
            [
                f"{size:,}",
                f"{size / seconds:,.0f}",
                f"{seconds:,.0f}",
                f"{growth:,.0f}",
                f"{found / n_copies:.4f}",
                f"{others / size:.4f}",
            ]
        )
    header = ["vectors", "vectors/s", "seconds", "MB", "copies found", "others"]
    return f"**Near-duplicates**, cosine {MIN_COSINE:g}\n\n" + markdown_table(
        header, rows
    )


def with_copies(
    block: np.ndarray, previous: np.ndarray | None, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """A block in which every tenth vector is almost one of the block before."""
    is_copy = np.zeros(len(block), dtype=bool)
    if previous is None:
        return block, is_copy
    is_copy[::COPY_EVERY] = True
    vectors = block.copy()
    random = np.random.default_rng((number, 1))
    # The others of the block before have not been changed.
    rows = 1 + COPY_EVERY * random.integers(
        len(previous) // COPY_EVERY, size=is_copy.sum()
    )
    vectors[is_copy] = noisy(previous[rows], COPY_NOISE, random)
    return vectors, is_copy


if __name__ == "__main__":
    main()
