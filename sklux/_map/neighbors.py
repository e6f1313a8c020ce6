"""Nearest documents of each document, with an index of faiss if there are many."""

from typing import Any, NamedTuple

import numpy as np

from sklux._utils.blocks import row_blocks
from sklux._utils.optional import import_optional
from sklux._utils.similarity import nearest_neighbors

# Up to so many documents, all pairs are compared.
MAX_EXACT = 20_000
# With n documents there are LISTS * sqrt(n) lists; the nearest of them are compared.
LISTS, N_NEAREST_LISTS = 4, 24
# Documents for k-means, for each list. faiss warns below 39.
TRAINED_PER_LIST = 40


class Neighbors(NamedTuple):
    """The nearest other documents of each document.

    Attributes
    ----------
    places : ndarray of shape (n_documents, n_neighbors), dtype=np.int32
        The documents, nearest first.
    cosines : ndarray of shape (n_documents, n_neighbors), dtype=np.float32
        Their cosines.
    """

    places: np.ndarray
    cosines: np.ndarray


def find_neighbors(
    vectors: np.ndarray, n_neighbors: int, random_state: np.random.RandomState
) -> Neighbors:
    """Find the nearest other documents of each document.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, n_components), dtype=np.float32
        Unit rows.
    n_neighbors : int
        Number of neighbours, less than the number of documents.
    random_state : RandomState
        Draws the documents from which the lists of an index are made.

    Returns
    -------
    Neighbors
        Up to 20,000 documents, all pairs are compared. With more documents, an index
        may miss some neighbours, and others stand in their place.
    """
    if len(vectors) <= MAX_EXACT:
        places = nearest_neighbors(vectors, np.arange(len(vectors)), n_neighbors)
    else:
        places = _indexed(vectors, n_neighbors, random_state)
    cosines = np.empty(places.shape, dtype=np.float32)
    for rows in row_blocks(len(vectors)):
        near = vectors[places[rows]]
        cosines[rows] = np.einsum("ij,ikj->ik", vectors[rows], near)
    order = np.argsort(-cosines, axis=1, kind="stable")
    return Neighbors(
        np.take_along_axis(places, order, axis=1).astype(np.int32),
        np.take_along_axis(cosines, order, axis=1),
    )


def _indexed(
    vectors: np.ndarray, n_neighbors: int, random_state: np.random.RandomState
) -> np.ndarray:
    """Nearest documents by an index."""
    faiss: Any = import_optional("faiss", extra="map", purpose="A map")
    n_documents, width = vectors.shape
    n_lists = int(LISTS * n_documents**0.5)
    lists = faiss.IndexFlatIP(width)
    metric = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFFlat(lists, width, n_lists, metric)
    index.cp.seed = int(random_state.randint(2**31 - 1))
    n_trained = min(n_documents, TRAINED_PER_LIST * n_lists)
    chosen = random_state.choice(n_documents, n_trained, replace=False)
    index.train(vectors[np.sort(chosen)])
    index.add(vectors)
    index.nprobe = N_NEAREST_LISTS
    _, found = index.search(vectors, n_neighbors + 1)
    return without_self(found)


def without_self(found: np.ndarray) -> np.ndarray:
    """Remove each document from its own neighbours.

    Parameters
    ----------
    found : ndarray of shape (n_documents, n_found)
        Nearest documents of each document, usually itself among them. An index writes
        -1 if it has compared too few.

    Returns
    -------
    ndarray of shape (n_documents, n_found - 1)
        The nearest other documents. A place without a document holds the document
        before it in the row, or the next document of the corpus.
    """
    n_documents, n_found = found.shape
    own = np.arange(n_documents)
    is_other = (found != own[:, np.newaxis]) & (found >= 0)
    # The last one goes if the document itself was not found.
    order = np.argsort(~is_other, axis=1, kind="stable")[:, : n_found - 1]
    places = np.take_along_axis(found, order, axis=1)
    is_kept = np.take_along_axis(is_other, order, axis=1)
    before = (own + 1) % n_documents
    for rank in range(n_found - 1):
        before = np.where(is_kept[:, rank], places[:, rank], before)
        places[:, rank] = before
    return places
