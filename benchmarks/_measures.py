"""Quality of the vectors of a corpus: six measures on its test part."""

from collections.abc import Callable

import numpy as np
from _corpora import Corpus, Parts
from scipy import sparse, stats
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import normalized_mutual_info_score
from sklearn.preprocessing import normalize

from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
)

ACCURACY, CLUSTERS = "class acc.", "clusters NMI"
NEIGHBOURS, CORRELATION = "neighbours@10", "correlation"
MRR, SPEARMAN = "halves MRR", "Spearman"
MEASURES = [ACCURACY, CLUSTERS, NEIGHBOURS, CORRELATION, MRR, SPEARMAN]

N_LABELLED, N_QUERIES = 20_000, 2000
# With more columns, a linear classifier or k-means would dominate the running time.
MAX_CLASSIFIED, MAX_CLUSTERED = 500_000, 100_000
# Runs of k-means, each started from different documents.
N_STARTS = 4


def encode(texts: Parts, transform: Callable) -> Parts:
    """Apply one function to all parts of a corpus."""
    return Parts(
        transform(texts.train),
        transform(texts.test),
        texts.halves and tuple(map(transform, texts.halves)),
        texts.pairs and tuple(map(transform, texts.pairs)),
    )


def measured(corpus: Corpus, teacher: Parts, own: Parts) -> dict[str, float]:
    """Compute all measures that the corpus allows; returns them by name."""
    pair = (teacher.test, own.test)
    values = {}
    if corpus.labels and own.test.shape[1] <= MAX_CLASSIFIED:
        values[ACCURACY] = class_accuracy(own.train, own.test, *corpus.labels)
        if own.test.shape[1] <= MAX_CLUSTERED:
            values[CLUSTERS] = cluster_agreement(own.test, corpus.labels[1])
    n_queries = min(N_QUERIES, own.test.shape[0])
    values[NEIGHBOURS] = neighbor_recall_score(
        *pair, sample_size=n_queries, random_state=0
    )
    values[CORRELATION] = similarity_correlation(*pair, random_state=0)
    if own.halves:
        values[MRR] = half_document_retrieval(*own.halves)
    if own.pairs:
        values[SPEARMAN] = spearman(*own.pairs, corpus.scores)
    return values


def class_accuracy(train, test, train_labels, test_labels) -> float:
    """Accuracy of a linear classifier on the vectors."""
    rows = np.random.RandomState(0).permutation(train.shape[0])[:N_LABELLED]
    classifier = LogisticRegression(C=10, max_iter=1000)
    return classifier.fit(train[rows], train_labels[rows]).score(test, test_labels)


def cluster_agreement(vectors, labels) -> float:
    """Normalised mutual information of labels and k-means, averaged over N_STARTS runs.

    There are as many clusters as classes. Each run starts from randomly drawn
    documents. All vectors use the same draws, so a small change of the vectors does not
    change the start.
    """
    n_clusters, unit = len(np.unique(labels)), normalize(vectors)
    agreements = []
    for seed in range(N_STARTS):
        drawn = np.random.RandomState(seed).permutation(unit.shape[0])[:n_clusters]
        start = unit[drawn].toarray() if sparse.issparse(unit) else unit[drawn]
        clusters = KMeans(n_clusters, init=start, n_init=1).fit_predict(unit)
        agreements.append(normalized_mutual_info_score(labels, clusters))
    return float(np.mean(agreements))


def spearman(first, second, scores: np.ndarray) -> float:
    """Rank correlation of cosines with gold scores."""
    return float(stats.spearmanr(row_cosines(first, second), scores).statistic)


def row_cosines(first, second) -> np.ndarray:
    """Cosine of each row of one matrix with the same row of another."""
    first, second = normalize(first), normalize(second)
    products = (
        first.multiply(second) if sparse.issparse(first) else np.multiply(first, second)
    )
    return np.asarray(products.sum(axis=1)).ravel()
