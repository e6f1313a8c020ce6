"""Documents to unit vectors in one kernel, without a matrix in between."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from sklux._kernels.fused import (
    RangeScratch,
    Scratch,
    TermWeighing,
    embed_range,
    project_tokens,
)
from sklux._kernels.tokens import Analysis, TokenStream
from sklux._lexical.buffers import TextBuffers
from sklux._lexical.lookup import TermReader
from sklux._lexical.matrix import Weighing
from sklux._lexical.tokens import raise_problem, range_costs, range_edges
from sklux._lexical.vectorizer import LexicalVectorizer, fused_parts
from sklux._student.network import Network, check_n_features
from sklux._utils.threads import FreeList, run_ranges

# Smaller counts have an entry in the table of term frequencies.
TABULATED_COUNTS = 256


class FusedTransform:
    """The lexical stage and the network in one kernel.

    Parameters
    ----------
    reader : TermReader
        Reads documents; its columns are the weight rows of the network.
    weighing : Weighing
        How counts become values; its idf is finite.
    network : Network
        Has one feature for each column.

    Attributes
    ----------
    in_one_call : bool
        Whether one call of a kernel embeds a range of documents: the reader has words
        only, or reads word pieces for the rest of a text. If not, a range takes three
        steps: tokens, the first layer, the other layers.

    Raises
    ------
    ValueError
        If the number of columns is not the number of features.
    """

    def __init__(self, reader: TermReader, weighing: Weighing, network: Network):
        check_n_features(reader.n_columns, network)
        self.reader = reader
        self._network = network
        self.in_one_call = reader.has_one_pass
        self._analyses: dict[bool, Analysis] = {}
        counts = term_weighing(weighing, network)
        self._scratch = FreeList(
            lambda: RangeScratch(TokenStream(), Scratch(counts, network.weight_rows))
        )

    def __call__(self, blocks: Iterable[TextBuffers], n_jobs: int | None) -> np.ndarray:
        """Map documents to unit vectors.

        Parameters
        ----------
        blocks : iterable of TextBuffers
            Documents; one block is in memory at a time.
        n_jobs : int or None
            Threads; they change only the time.

        Returns
        -------
        ndarray of shape (n_documents, n_components), dtype=np.float32
            Rows of unit length; a document without a known term has a zero row.
        """
        parts = [self._embed_block(block, n_jobs) for block in blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _embed_block(self, block: TextBuffers, n_jobs: int | None) -> np.ndarray:
        """Vectors of one block."""
        out = np.empty((len(block), self._network.n_components), dtype=np.float32)
        work: Callable[[int, int], None]
        if self.in_one_call:
            work = partial(self._embed_range, block, self._analysis(block), out)
        else:
            work = partial(self._embed_steps, block, self.reader.analyses(block), out)
        edges = range_edges(block, n_jobs)
        costs = range_costs(block, edges).tolist() if len(edges) > 2 else None
        run_ranges(work, edges, n_jobs, costs)
        return out

    def _analysis(self, block: TextBuffers) -> Analysis:
        """The rules for a block, made once for ASCII, and once for other texts."""
        is_ascii = block.is_ascii
        if is_ascii not in self._analyses:
            self._analyses[is_ascii] = self.reader.analyses(block)[-1]
        return self._analyses[is_ascii]

    def _embed_range(
        self,
        block: TextBuffers,
        analysis: Analysis,
        out: np.ndarray,
        start: int,
        stop: int,
    ) -> None:
        """Write the vectors of a range of documents in one call."""
        while True:
            with self._scratch.borrow() as scratch:
                n_read, problem = embed_range(
                    scratch,
                    self.reader.indexes,
                    analysis,
                    self._network.dense_layers,
                    block,
                    start,
                    stop,
                    self._network.rows_at_a_time,
                    out,
                )
            if problem is None:
                return
            start += n_read
            if problem != "care":
                raise_problem(problem, block, start)
            self._embed_steps(block, self.reader.analyses(block), out, start, start + 1)
            start += 1

    def _embed_steps(
        self,
        block: TextBuffers,
        analyses: tuple[Analysis | None, ...],
        out: np.ndarray,
        start: int,
        stop: int,
    ) -> None:
        """Write the vectors of a range of documents, step by step."""
        tokens = self.reader.read(analyses, block, start, stop)
        numbers = tuple(part.numbers for part in tokens)
        ends = tuple(part.ends for part in tokens)

        def first_layer(first: int, hidden: np.ndarray) -> None:
            project_tokens(
                scratch.terms,
                self.reader.indexes,
                numbers,
                ends,
                first - start,
                hidden,
                tokens[0].places,
            )

        with self._scratch.borrow() as scratch:
            self._network.forward(first_layer, out, start, stop)


def fused_transform(
    lexical: LexicalVectorizer, network: Network
) -> FusedTransform | None:
    """Return both stages of a fitted vectorizer in one kernel.

    Parameters
    ----------
    lexical : LexicalVectorizer
        Fitted.
    network : Network
        Has one feature for each term.

    Returns
    -------
    FusedTransform or None
        None if the kernels do not support a setting of the lexical stage, or terms
        share a row of weights.
    """
    if network.shares_rows:
        # The kernel adds the counts of features that have one row.
        return None
    parts = fused_parts(lexical, network.places)
    return None if parts is None else FusedTransform(*parts, network)


def term_weighing(weighing: Weighing, network: Network) -> TermWeighing:
    """Convert a weighing of counts to the form that the kernel takes.

    Parameters
    ----------
    weighing : Weighing
        How counts become values.
    network : Network
        Holds the weight row of each column.

    Returns
    -------
    TermWeighing
        The same weighing in float32.
    """
    idf = np.ones(network.n_features, dtype=np.float32)
    if len(weighing.idf):
        places = slice(None) if network.places is None else network.places
        idf[places] = weighing.idf
    tf = weighing.tf_table(TABULATED_COUNTS).astype(np.float32)
    return TermWeighing(
        idf,
        tf,
        weighing.binary,
        weighing.sublinear_tf,
        weighing.norm,
        weighing.profile,
    )
