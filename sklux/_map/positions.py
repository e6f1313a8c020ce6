"""Positions on a map: t-SNE of the graph of nearest documents.

t-SNE (van der Maaten and Hinton, 2008) with equal affinities of the nearest documents,
as openTSNE computes them (Poličar, Stražar and Zupan, 2024). With equal affinities the
pictures are almost the same as with the perplexity of t-SNE (Böhm, Berens and Kobak,
2022, arXiv:2007.08902), and the neighbours are the ones that the map shows.
"""

from typing import Any

import numpy as np

from sklux._map.neighbors import Neighbors
from sklux._utils.optional import import_optional

# Iterations with the exaggeration of attraction, which forms the groups, and after it.
N_EARLY, N_LATE = 250, 500
EARLY_EXAGGERATION = 12.0
EARLY_MOMENTUM, LATE_MOMENTUM = 0.5, 0.8


def map_positions(
    vectors: np.ndarray,
    neighbors: Neighbors,
    n_jobs: int,
    random_state: np.random.RandomState,
) -> np.ndarray:
    """Compute positions of documents in two dimensions.

    Parameters
    ----------
    vectors : ndarray of shape (n_documents, n_components), dtype=np.float32
        Unit rows. The positions start from their first two principal components.
    neighbors : Neighbors
        Nearest documents of each document.
    n_jobs : int
        Number of threads.
    random_state : RandomState
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_documents, 2), dtype=np.float32
        The positions.
    """
    tsne: Any = import_optional("openTSNE", extra="map", purpose="A map")
    affinity: Any = import_optional("openTSNE.affinity", extra="map", purpose="A map")
    indexes: Any = import_optional(
        "openTSNE.nearest_neighbors", extra="map", purpose="A map"
    )
    seed = int(random_state.randint(2**31 - 1))
    distances = np.sqrt(np.maximum(0, 2 - 2 * neighbors.cosines.astype(np.float64)))
    places = neighbors.places.astype(np.int64)
    graph = affinity.Uniform(
        knn_index=indexes.PrecomputedNeighbors(places, distances),
        k_neighbors=places.shape[1],
        symmetrize="mean",
    )
    start = _first_places(tsne.initialization, vectors, seed)
    embedding = tsne.TSNEEmbedding(
        start, graph, n_jobs=n_jobs, random_state=seed, learning_rate="auto"
    )
    embedding = embedding.optimize(
        N_EARLY, exaggeration=EARLY_EXAGGERATION, momentum=EARLY_MOMENTUM
    )
    embedding = embedding.optimize(N_LATE, exaggeration=None, momentum=LATE_MOMENTUM)
    return np.asarray(embedding, dtype=np.float32)


def _first_places(initialization: Any, vectors: np.ndarray, seed: int) -> np.ndarray:
    """Two principal components with a little noise; random places without any."""
    if np.ptp(vectors, axis=0).max() == 0:
        return np.asarray(initialization.random(len(vectors), random_state=seed))
    if vectors.shape[1] == 1:
        vectors = np.pad(vectors, ((0, 0), (0, 1)))
    return np.asarray(initialization.pca(vectors, random_state=seed))
