"""Documents to unit vectors, without a matrix between."""

from collections.abc import Iterable
from functools import partial

import numpy as np

from sklux._kernels.fused import Scratch, TermWeighing, project_tokens
from sklux._lexical.buffers import TextBuffers
from sklux._lexical.lookup import TermReader
from sklux._lexical.matrix import Weighing
from sklux._lexical.tokens import range_costs, range_edges
from sklux._student.network import Network, check_n_features
from sklux._utils.threads import Pool, run_ranges

# Counts below have a place in the table of term frequencies.
TABULATED_COUNTS = 256


class FusedTransform:
    """The lexical stage and the network in one.

    Parameters
    ----------
    reader : TermReader
        Reads documents; its columns are the network's weight rows.
    weighing : Weighing
        How counts become values; its idf is finite.
    network : Network
        Has a feature for each column.

    Raises
    ------
    ValueError
        If the network has another number of features.
    """

    def __init__(self, reader: TermReader, weighing: Weighing, network: Network):
        check_n_features(reader.n_columns, network)
        self._reader = reader
        self._network = network
        self._weighing = term_weighing(weighing, network)
        self._scratch = Pool(partial(Scratch, network.n_features))

    def __call__(self, blocks: Iterable[TextBuffers], n_jobs: int | None) -> np.ndarray:
        """Map documents to unit vectors.

        Parameters
        ----------
        blocks : iterable of TextBuffers
            Documents; one block is held at a time.
        n_jobs : int or None
            Threads; they change nothing but the time.

        Returns
        -------
        ndarray of shape (n_documents, n_components), dtype=np.float32
            Rows of unit length; a document without a known term is zero.
        """
        parts = [self._embed_block(block, n_jobs) for block in blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _embed_block(self, block: TextBuffers, n_jobs: int | None) -> np.ndarray:
        """Vectors of one block."""
        network = self._network
        out = np.empty((len(block), network.n_components), dtype=np.float32)
        analyses = self._reader.analyses(block)

        def work(start: int, stop: int) -> None:
            tokens = self._reader.read(analyses, block, start, stop)
            numbers = tuple(part.numbers for part in tokens)
            ends = tuple(part.ends for part in tokens)

            def first_layer(first: int, hidden: np.ndarray) -> None:
                project_tokens(
                    scratch,
                    self._reader.indexes,
                    numbers,
                    ends,
                    first - start,
                    self._weighing,
                    network.weight_rows,
                    hidden,
                )

            with self._scratch.borrow() as scratch:
                network.forward(first_layer, out, start, stop)

        edges = range_edges(block, n_jobs)
        costs = range_costs(block, edges) if len(edges) > 2 else None
        run_ranges(work, edges, n_jobs, costs)
        return out


def term_weighing(weighing: Weighing, network: Network) -> TermWeighing:
    """How counts become values, as the kernel takes it.

    Parameters
    ----------
    weighing : Weighing
        How counts become values.
    network : Network
        Knows the weight row of each column.

    Returns
    -------
    TermWeighing
        In float32.
    """
    idf = np.ones(network.n_features, dtype=np.float32)
    if len(weighing.idf):
        places = slice(None) if network.places is None else network.places
        idf[places] = weighing.idf
    tf = weighing.tf_table(TABULATED_COUNTS).astype(np.float32)
    return TermWeighing(idf, tf, weighing.binary, weighing.sublinear_tf, weighing.norm)
