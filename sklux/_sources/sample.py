"""A sample of a stream, and a check that each pass gives the same documents."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sklux._sources.stream import DocumentBatch, DocumentStream
from sklux._utils.documents import NullDocuments, text_hashes

# The texts that wait for the choice are at most this part of the sample.
WAITING_SHARE = 0.25


class Sample(NamedTuple):
    """Documents of a stream that are held in memory.

    Attributes
    ----------
    documents : list of str
        The documents, in the order of the stream.
    vectors : ndarray of shape (n_samples, n_teacher_components) or None
        Their teacher embeddings; None if the stream has none.
    is_whole : bool
        Whether these are all documents of the stream, with all copies.
    hashes : ndarray of shape (n_samples,), dtype=np.uint64
        Hashes of the documents.
    """

    documents: list[str]
    vectors: np.ndarray | None
    is_whole: bool
    hashes: np.ndarray

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """Return where texts are in the sample.

        Parameters
        ----------
        hashes : ndarray of shape (n_documents,), dtype=np.uint64
            Hashes of the texts.

        Returns
        -------
        ndarray of shape (n_documents,), dtype=np.intp
            Positions in the sample; -1 for texts that are not in it.
        """
        order = np.argsort(self.hashes, kind="stable")
        places = order[
            np.searchsorted(self.hashes, hashes, sorter=order).clip(max=len(order) - 1)
        ]
        return np.where(self.hashes[places] == hashes, places, -1)


class SampleDraw:
    """Draws the texts with the smallest hashes, as the teacher's sample is drawn.

    As long as all documents fit, copies of a text are all kept. After that each text
    is kept once.

    Parameters
    ----------
    size : int
        Number of different texts.
    """

    def __init__(self, size: int):
        self.size, self.is_whole = size, True
        self._hashes = np.zeros(0, dtype=np.uint64)
        # Texts with larger hashes are out, once there are enough others.
        self._largest = np.iinfo(np.uint64).max
        self._documents: list[str] = []
        self._vectors: list[np.ndarray] = []

    def add(self, batch: DocumentBatch, hashes: np.ndarray) -> None:
        """Look at the next documents of the stream.

        Parameters
        ----------
        batch : DocumentBatch
            The documents.
        hashes : ndarray of shape (n_documents,), dtype=np.uint64
            Hashes of the texts.
        """
        rows = np.flatnonzero(hashes <= self._largest)
        self._hashes = np.concatenate([self._hashes, hashes[rows]])
        self._documents += [batch.documents[row] for row in rows]
        if batch.vectors is not None:
            # Copies: a view would keep the whole batch.
            self._vectors += [batch.vectors[row].copy() for row in rows]
        if len(self._hashes) > (1 + WAITING_SHARE) * self.size:
            self._choose()

    def _choose(self) -> None:
        """Keep the texts with the smallest hashes, each once."""
        if self.is_whole and len(self._hashes) <= self.size:
            return
        self.is_whole = False
        # The first document of each text, by ascending hash.
        hashes, firsts = np.unique(self._hashes, return_index=True)
        if len(hashes) >= self.size:
            self._largest = hashes[self.size - 1]
        kept = np.sort(firsts[: self.size])
        self._hashes = self._hashes[kept]
        self._documents = [self._documents[row] for row in kept]
        if self._vectors:
            self._vectors = [self._vectors[row] for row in kept]

    def result(self) -> Sample:
        """Return the sample of the documents so far.

        Returns
        -------
        Sample
            The documents.
        """
        self._choose()
        vectors = None
        if self._vectors:
            width = max(map(len, self._vectors))
            vectors = np.full((len(self._vectors), width), np.nan, dtype=np.float32)
            for row, vector in enumerate(self._vectors):
                vectors[row, : len(vector)] = vector
        return Sample(self._documents, vectors, self.is_whole, self._hashes)


class StreamReader:
    """Reads a stream several times, and compares the passes.

    Parameters
    ----------
    stream : DocumentStream
        The stream.
    null_documents : {'error', 'empty'}
        Whether missing documents are refused, or read as empty texts.

    Attributes
    ----------
    n_documents : int
        Number of documents; known after the first pass.
    n_embedded : int
        Number of documents with a vector of the stream.
    sample : Sample
        Documents to hold in memory; known after the first pass.
    """

    def __init__(self, stream: DocumentStream, null_documents: NullDocuments):
        self.stream, self.null_documents = stream, null_documents
        self.n_documents = self.n_embedded = 0
        self.sample = SampleDraw(0).result()
        self._digest: int | None = None

    def batches(self) -> Iterator[tuple[DocumentBatch, np.ndarray]]:
        """Read the stream once.

        Yields
        ------
        batch : DocumentBatch
            Documents.
        hashes : ndarray of shape (n_documents,), dtype=np.uint64
            Hashes of their texts.

        Raises
        ------
        ValueError
            At the end, if the documents differ from the first pass.
        """
        is_first = self._digest is None
        draw = SampleDraw(self.stream.sample_size)
        n_documents, digest = 0, 0
        for batch in self.stream.batches(self.null_documents):
            hashes = text_hashes(batch.documents)
            n_documents += len(hashes)
            # A sum does not depend on the order.
            digest = (digest + sum(hashes.tolist())) % 2**64
            if is_first:
                draw.add(batch, hashes)
                if batch.vectors is not None:
                    self.n_embedded += int(np.isfinite(batch.vectors[:, 0]).sum())
            yield batch, hashes
        if n_documents == 0 and is_first:
            raise ValueError(
                "The source of the DocumentStream has no documents: there is nothing "
                "to learn from."
            )
        if is_first:
            self._digest, self.n_documents = digest, n_documents
            self.sample = draw.result()
        else:
            self._compare(n_documents, digest)

    def documents(self) -> Iterator[list[str]]:
        """Read the stream once.

        Yields
        ------
        list of str
            The documents of a batch.
        """
        for batch, _ in self.batches():
            yield batch.documents

    def _compare(self, n_documents: int, digest: int) -> None:
        """Refuse a pass that differs from the first one."""
        if (n_documents, digest) == (self.n_documents, self._digest):
            return
        first, now = f"{self.n_documents:,} documents", f"{n_documents:,} documents"
        what = f"{first} when it was first read, and {now} later"
        if n_documents == self.n_documents:
            what = f"{first} each time, but not the same ones"
        raise ValueError(
            f"The source of the DocumentStream has changed: it gave {what}. It is read "
            "several times and must give the same documents each time. A callable must "
            "begin anew: lambda: open(path), not an open file or a generator."
        )
