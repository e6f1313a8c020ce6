"""Documents that are almost equal to an earlier one, found in a single pass.

A document is kept unless a document that was kept before it has at least a given cosine
to it. The kept documents lie in an index of faiss (Douze et al., The Faiss library,
2024, arXiv:2401.08281). The index compares all of them while they are few. Then it
divides them into lists by k-means, and compares the documents in the nearest lists.
"""

from array import array
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from sklux._utils.optional import import_optional

# Up to so many kept documents, all are compared.
MAX_EXACT = 50_000
# The lists are made anew each time that the index has grown by this factor.
GROWTH = 8
# With n documents there are LISTS * sqrt(n) lists; the nearest of them are compared.
LISTS, N_NEAREST_LISTS = 4, 8
# Documents for k-means, for each list. faiss warns below 39.
TRAINED_PER_LIST = 40
# Documents that are compared with each other at a time.
BATCH_SIZE = 2000


class Duplicates(NamedTuple):
    """What was found about some documents.

    Attributes
    ----------
    rows : ndarray of shape (n_documents,), dtype=np.int64
        Number of the kept document to which each document is nearest; -1 for a document
        that is kept itself.
    cosines : ndarray of shape (n_documents,), dtype=np.float32
        Cosine to that document; NaN for a document that is kept.
    """

    rows: np.ndarray
    cosines: np.ndarray


class NearDuplicates:
    """Compares documents with those that were kept before.

    Parameters
    ----------
    width : int
        Dimensions of the vectors.
    min_cosine : float
        Least cosine of a near-duplicate.

    Attributes
    ----------
    n_documents : int
        Number of documents so far.
    """

    def __init__(self, width: int, min_cosine: float):
        self.width, self.min_cosine = width, min_cosine
        self.n_documents = 0
        self._faiss: Any = import_optional(
            "faiss", extra="faiss", purpose="sklux duplicates"
        )
        self._index = self._faiss.IndexFlatIP(width)
        # Number of each kept document, in the order of the index.
        self._rows = array("q")
        self._largest = MAX_EXACT

    @property
    def n_kept(self) -> int:
        """Number of documents that were kept."""
        return len(self._rows)

    def find(self, vectors: np.ndarray) -> Duplicates:
        """Look at the next documents.

        Parameters
        ----------
        vectors : ndarray of shape (n_documents, width), dtype=np.float32
            Unit vectors. A zero vector is near to nothing.

        Returns
        -------
        Duplicates
            The documents to which they are nearest.
        """
        starts = range(0, len(vectors), BATCH_SIZE)
        parts = [self._find(vectors[start : start + BATCH_SIZE]) for start in starts]
        if not parts:
            return Duplicates(np.empty(0, np.int64), np.empty(0, np.float32))
        rows, cosines = zip(*parts)
        return Duplicates(np.concatenate(rows), np.concatenate(cosines))

    def _find(self, vectors: np.ndarray) -> Duplicates:
        """Look at a batch."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        rows, cosines = self._nearest_kept(vectors)
        self._compare_within(vectors, rows, cosines)
        is_kept = rows < 0
        self._keep(vectors[is_kept], self.n_documents + np.flatnonzero(is_kept))
        self.n_documents += len(vectors)
        return Duplicates(rows, cosines)

    def _nearest_kept(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest documents of earlier batches; -1 and NaN if none is near."""
        cosines, places = (found[:, 0] for found in self._index.search(vectors, 1))
        rows = np.full(len(vectors), -1, dtype=np.int64)
        is_near = (places >= 0) & (cosines >= self.min_cosine)
        rows[is_near] = np.frombuffer(self._rows, dtype=np.int64)[places[is_near]]
        return rows, np.where(is_near, cosines, np.float32(np.nan))

    def _compare_within(
        self, vectors: np.ndarray, rows: np.ndarray, cosines: np.ndarray
    ) -> None:
        """Compare each document with the kept ones before it in its batch."""
        within = vectors @ vectors.T
        near = np.tril(within >= self.min_cosine, -1)
        for place in np.flatnonzero(near.any(axis=1)):
            # Earlier documents are decided.
            kept = np.flatnonzero(near[place, :place] & (rows[:place] < 0))
            if len(kept) == 0:
                continue
            nearest = kept[within[place, kept].argmax()]
            cosine = within[place, nearest]
            if not cosines[place] >= cosine:
                rows[place], cosines[place] = self.n_documents + nearest, cosine

    def _keep(self, vectors: np.ndarray, rows: np.ndarray) -> None:
        """Add documents to the index."""
        self._index.add(vectors)
        self._rows.frombytes(rows.astype(np.int64).tobytes())
        if self.n_kept > self._largest:
            self._divide()

    def _divide(self) -> None:
        """Make new lists for all kept documents."""
        n_kept = self.n_kept
        n_lists = int(min(LISTS * sqrt(n_kept), n_kept / TRAINED_PER_LIST))
        trained = np.random.RandomState(0).choice(
            n_kept, min(n_kept, TRAINED_PER_LIST * n_lists), replace=False
        )
        means = self._faiss.IndexFlatIP(self.width)
        index = self._faiss.IndexIVFScalarQuantizer(
            means,
            self.width,
            n_lists,
            self._faiss.ScalarQuantizer.QT_fp16,
            self._faiss.METRIC_INNER_PRODUCT,
        )
        index.train(self._kept(np.sort(trained)))
        # Numbers of the documents lead back to their vectors.
        index.make_direct_map()
        for start in range(0, n_kept, MAX_EXACT):
            index.add(self._kept(np.arange(start, min(start + MAX_EXACT, n_kept))))
        index.nprobe = N_NEAREST_LISTS
        self._index, self._largest = index, n_kept * GROWTH

    def _kept(self, places: np.ndarray) -> np.ndarray:
        """Vectors of kept documents, as the index has them."""
        return self._index.reconstruct_batch(places)
