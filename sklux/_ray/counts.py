"""Counts of the terms of a Ray dataset, by workers, and a fit on the dataset."""

import pickle
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sklux._lexical.fitting import WordSearch
from sklux._lexical.streamed import source_counters
from sklux._lexical.summaries import TermCounter, TermCounts
from sklux._lexical.tokens import Source
from sklux._ray.objects import Stored
from sklux._streamed_fit import CountedStream
from sklux._utils.optional import import_optional
from sklux._utils.tables import python_values

# Documents that a worker counts at a time.
BATCH_SIZE = 10_000
# Counts of so many blocks are merged by one task.
MERGED_BLOCKS = 8
# Column of a dataset of counts.
COUNTS = "counts"


class FoundTerms(NamedTuple):
    """What the workers have found in some documents.

    Attributes
    ----------
    counts : list of TermCounts
        The terms of each source.
    words : set of str
        Words that were searched for and occur.
    """

    counts: list[TermCounts]
    words: set[str]

    def as_table(self) -> Any:
        """Return the terms of the first source.

        Returns
        -------
        pyarrow.Table
            Terms with their counts.
        """
        (counts, *_) = self.counts
        columns = {"term": counts.names.tolist(), "count": counts.tf}
        columns |= {"documents": counts.df, "missed": counts.missed}
        return _arrow().table(columns)


class TermsOfBlocks:
    """A function from blocks of text to their terms, for workers.

    Parameters
    ----------
    column : str
        Column of the texts. A null text is an empty one.
    sources : sequence of Source
        How documents become tokens.
    words : list of str or None
        Words to search for.
    max_terms : int or None
        As in `TermCounter`.
    """

    def __init__(
        self,
        column: str,
        sources: Sequence[Source],
        words: list[str] | None,
        max_terms: int | None,
    ):
        self.column, self.sources = column, sources
        self.words, self.max_terms = words, max_terms

    def __call__(self, blocks: Iterable[Any]) -> FoundTerms:
        """Count the terms of blocks.

        Parameters
        ----------
        blocks : iterable of pyarrow.Table
            The blocks.

        Returns
        -------
        FoundTerms
            Their terms.
        """
        search = None if self.words is None else WordSearch(self.words)
        counters = source_counters(self.sources, self.max_terms, 1, search)
        for block in blocks:
            texts = python_values(block.column(self.column), f"Column {self.column!r}")
            documents = ["" if text is None else text for text in texts]
            for counter in counters:
                counter.add(documents)
        words = set() if search is None else search.found
        return FoundTerms([one.counter.total() for one in counters], words)


def count_block(block: Any, stored: Stored) -> Any:
    """Count the terms of a block of a dataset, in a worker.

    Parameters
    ----------
    block : pyarrow.Table
        Texts.
    stored : Stored
        A `TermsOfBlocks`.

    Returns
    -------
    pyarrow.Table
        One row, with the terms.
    """
    starts = range(0, block.num_rows, BATCH_SIZE)
    found = stored.get()(block.slice(start, BATCH_SIZE) for start in starts)
    return _as_table(found)


def merge_blocks(rows: Any, max_terms: int | None) -> Any:
    """Merge the terms of several blocks, in a worker.

    Parameters
    ----------
    rows : pyarrow.Table
        Terms of blocks.
    max_terms : int or None
        As in `TermCounter`.

    Returns
    -------
    pyarrow.Table
        One row, with the terms of all.
    """
    return _as_table(merged(rows.column(COUNTS).to_pylist(), max_terms))


def merged(rows: Iterable[bytes], max_terms: int | None) -> FoundTerms:
    """Merge terms that workers have found.

    Parameters
    ----------
    rows : iterable of bytes
        One or more values of the column of counts.
    max_terms : int or None
        As in `TermCounter`.

    Returns
    -------
    FoundTerms
        The terms of all.
    """
    counters: list[TermCounter] = []
    words: set[str] = set()
    for row in rows:
        found: FoundTerms = pickle.loads(row)
        counters = counters or [TermCounter(max_terms) for _ in found.counts]
        for counter, counts in zip(counters, found.counts):
            counter.add(counts)
        words |= found.words
    return FoundTerms([counter.total() for counter in counters], words)


def count_dataset(
    dataset: Any, terms: TermsOfBlocks, worker: dict[str, Any]
) -> FoundTerms:
    """Count the terms of a dataset by its workers.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Texts.
    terms : TermsOfBlocks
        Counts the terms of a block.
    worker : dict
        Other arguments of ``map_batches``.

    Returns
    -------
    FoundTerms
        The terms of all documents.
    """
    counted = dataset.map_batches(
        count_block,
        fn_kwargs={"stored": Stored(terms)},
        batch_format="pyarrow",
        batch_size=None,
        **worker,
    )
    # A tree of two levels, so that this process merges few summaries.
    several = counted.map_batches(
        merge_blocks,
        fn_kwargs={"max_terms": terms.max_terms},
        batch_format="pyarrow",
        batch_size=MERGED_BLOCKS,
        **worker,
    )
    rows = (row[COUNTS] for row in several.iter_rows())
    found = merged(rows, terms.max_terms)
    return found if found.counts else terms([])  # Ray makes no rows of no documents


class RayStream(CountedStream):
    """The documents of a Ray dataset, whose terms are counted by its workers.

    Parameters
    ----------
    dataset : ray.data.Dataset
        Texts, and their teacher embeddings.
    worker : dict
        Arguments of ``map_batches`` for the tasks that count.
    **parameters : object
        Parameters of `DocumentStream`.
    """

    def __init__(self, dataset: Any, worker: dict[str, Any], **parameters: Any):
        super().__init__(self._blocks, **parameters)
        names = [name for name in (self.column, self.embeddings) if name is not None]
        self.dataset, self.worker = dataset.select_columns(names), worker
        # Training depends on the order of the documents.
        self.dataset.context.execution_options.preserve_order = True

    def _blocks(self) -> Iterable[Any]:
        """Read the dataset once."""
        return self.dataset.iter_batches(
            batch_format="pyarrow", batch_size=self.batch_size
        )

    def count_terms(
        self, sources: Sequence[Source], search: WordSearch | None
    ) -> list[TermCounts]:
        """Count the terms of all documents, by the workers.

        Parameters
        ----------
        sources : sequence of Source
            How documents become tokens.
        search : WordSearch or None
            Looks for its words among the words of the last source.

        Returns
        -------
        list of TermCounts
            The terms of each source.
        """
        words = None if search is None else search.words
        terms = TermsOfBlocks(self.column, sources, words, self.max_terms)
        texts = self.dataset.select_columns([self.column])
        found = count_dataset(texts, terms, self.worker)
        if search is not None:
            search.found |= found.words
        return found.counts


def _as_table(found: FoundTerms) -> Any:
    """A table of one row."""
    arrow = _arrow()
    row = arrow.array([pickle.dumps(found)], arrow.large_binary())
    return arrow.table({COUNTS: row})


def _arrow() -> Any:
    """The package pyarrow, imported on first use."""
    return import_optional("pyarrow", extra="ray", purpose="sklux.distributed")
