"""Maps of documents: one HTML file with a point for each document, and a search."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.cluster import MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._map.columns import ColorColumn, cluster_column, color_column
from sklux._map.neighbors import Neighbors, find_neighbors
from sklux._map.page import MapPage
from sklux._map.positions import map_positions
from sklux._utils.documents import check_documents
from sklux._utils.output_file import check_output_file, replaced_when_whole
from sklux._utils.progress import stage
from sklux._utils.tables import column_names, is_table, table_columns
from sklux._utils.typing import validate_params
from sklux._vectorizer import LuxicalVectorizer
from sklux.inspection import cluster_terms

__all__ = ["save_map"]

MIN_DOCUMENTS = 10
# Neighbours that attract each other, and how many of them the page shows.
N_NEIGHBORS, N_SHOWN = 15, 10
# n_clusters='auto' is half the root of the number of documents, within these bounds.
MIN_CLUSTERS, MAX_CLUSTERS = 3, 120


@validate_params(
    {
        "model": [LuxicalVectorizer],
        "raw_documents": "no_validation",
        "path": [str, os.PathLike],
        "columns": "no_validation",
        "n_clusters": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "sample_size": [Interval(Integral, MIN_DOCUMENTS, None, closed="left"), None],
        "max_characters": [Interval(Integral, 1, None, closed="left"), None],
        "title": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def save_map(
    model: LuxicalVectorizer,
    raw_documents: Iterable[str],
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, Iterable[object]] | None = None,
    n_clusters: int | str = "auto",
    sample_size: int | None = 200_000,
    max_characters: int | None = 500,
    title: str = "Map of documents",
    random_state: int | np.random.RandomState | None = None,
    verbose: bool | int = False,
) -> None:
    """Write a map of documents: an HTML file that a browser opens from the disk.

    The page needs no network and no server. It has a point for each document, names of
    topics, a search that answers as you type, and for each point its text and its
    nearest documents.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    raw_documents : iterable of str
        Documents, at least 10.

    path : str or path-like
        File to write, such as ``"map.html"``. An existing file is replaced when the new
        one is complete.

    columns : mapping of str to iterable, table or None, default=None
        Facts about the documents, by name, with a value for each document: a dict, or a
        DataFrame. The page shows them, and colours the points by one of them. Columns
        of numbers have a scale of colours by rank, other columns a colour for each of
        their 20 most frequent values.

    n_clusters : int or 'auto', default='auto'
        Number of topics, which are clusters of k-means, named by `cluster_terms`.
        ``'auto'`` is half the square root of the number of documents, but 3 to 120. The
        page shows the names that have enough space, and more of them if you zoom in.

    sample_size : int or None, default=200_000
        Largest number of documents on the map; they are sampled at random. None means
        all.

    max_characters : int or None, default=500
        Number of characters of each text that the page shows and searches. None means
        all.

    title : str, default='Map of documents'
        Title of the page.

    random_state : int, RandomState instance or None, default=None
        Source of randomness of the sample, the topics and the positions.

    verbose : bool or int, default=False
        Whether to print the stages with their time.

    Raises
    ------
    ImportError
        If a package of the extra ``map`` is missing.
    NotFittedError
        If `model` is not fitted.
    ValueError
        If there are fewer than 10 documents, or a column has another number of values.
    OSError
        If the file cannot be written; an existing file does not change.

    See Also
    --------
    EmbeddingMapDisplay : A picture of a few thousand documents, for a paper.
    sklux.inspection.cluster_terms : Names of clusters.

    Notes
    -----
    The positions are a t-SNE of the graph of the 15 nearest documents. Near documents
    are near on the map; large distances say little.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.maps import save_map
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> save_map(
    ...     student, table["text"], "map.html", columns=table[["section"]]
    ... )  # doctest: +SKIP
    """
    check_is_fitted(model)
    check_output_file(path)
    texts = check_documents(raw_documents, model.null_documents)
    facts = _checked_columns(columns, len(texts))
    if len(texts) < MIN_DOCUMENTS:
        raise ValueError(
            f"A map needs at least {MIN_DOCUMENTS} documents. Got {len(texts)}."
        )
    generator = check_random_state(random_state)
    if sample_size is not None and sample_size < len(texts):
        sample = generator.choice(len(texts), int(sample_size), replace=False)
        kept = np.sort(sample).tolist()
        texts = [texts[place] for place in kept]
        facts = {name: [cells[i] for i in kept] for name, cells in facts.items()}
    page = _page(model, texts, facts, n_clusters, title, generator, verbose)
    shown = [text[:max_characters] for text in texts]
    with stage("writing", bool(verbose)), replaced_when_whole(path) as partial:
        partial.write_text(page.html(shown), encoding="utf-8")


def _checked_columns(columns: Any, n_documents: int) -> dict[str, list[Any]]:
    """The columns as lists; an error if one has another length."""
    if columns is None:
        return {}
    if is_table(columns):
        pairs = zip(column_names(columns), table_columns(columns))
    elif isinstance(columns, Mapping):
        pairs = zip(columns.keys(), columns.values())
    else:
        raise ValueError(
            "columns must be a dict of columns by name, or a table. Got "
            f"{type(columns).__name__} instead."
        )
    facts = {str(name): list(cells) for name, cells in pairs}
    for name, cells in facts.items():
        if len(cells) != n_documents:
            raise ValueError(
                f"The column {name!r} must have a value for each of the {n_documents} "
                f"documents. Got {len(cells)}."
            )
    return facts


def _page(
    model: LuxicalVectorizer,
    texts: list[str],
    facts: dict[str, list[Any]],
    n_clusters: int | str,
    title: str,
    generator: np.random.RandomState,
    verbose: bool | int,
) -> MapPage:
    """Compute all that the page shows but the texts."""
    is_shown = bool(verbose)
    with stage("vectors", is_shown):
        # A table, if `set_output` says so.
        vectors = np.asarray(model.transform(texts))
    with stage("nearest documents", is_shown):
        n_neighbors = min(N_NEIGHBORS, len(texts) - 1)
        neighbors = find_neighbors(vectors, n_neighbors, generator)
    with stage("positions", is_shown):
        n_threads = effective_n_jobs(model.n_jobs)
        positions = map_positions(vectors, neighbors, n_threads, generator)
    with stage("topics", is_shown):
        clusters, names = _topics(model, texts, vectors, n_clusters, generator)
    centers = np.array(
        [np.median(positions[clusters == one], axis=0) for one in range(len(names))]
    )
    topics = cluster_column(clusters, names, centers)
    columns: list[ColorColumn] = [topics]
    columns += [color_column(name, cells) for name, cells in facts.items()]
    return MapPage(
        title=title,
        positions=positions,
        neighbors=Neighbors(*(part[:, :N_SHOWN] for part in neighbors)),
        columns=columns,
        names=[names[place] for place in topics.legend],
        name_positions=centers[topics.legend],
    )


def _topics(
    model: LuxicalVectorizer,
    texts: list[str],
    vectors: np.ndarray,
    n_clusters: int | str,
    generator: np.random.RandomState,
) -> tuple[np.ndarray, list[str]]:
    """Cluster of each document, and the names of the clusters."""
    if n_clusters == "auto":
        half_root = round(len(texts) ** 0.5 / 2)
        n_clusters = min(max(half_root, MIN_CLUSTERS), MAX_CLUSTERS)
    kmeans = MiniBatchKMeans(
        min(int(n_clusters), len(texts)),
        batch_size=4096,
        n_init=3,
        random_state=generator,
    )
    with warnings.catch_warnings():
        # Copies of few texts make fewer clusters.
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels = kmeans.fit_predict(vectors)
    found = cluster_terms(model, texts, labels)
    return np.searchsorted(found.labels, labels), found.names
