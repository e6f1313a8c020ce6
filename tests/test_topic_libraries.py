"""BERTopic and KeyBERT with a student, as the guide describes them.

Both need an embedder of a class that they know: with a bare student they load a model
of their own.
"""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline


class Recorder(BaseEstimator):
    """A student that lists the texts it has embedded."""

    def __init__(self, student):
        self.student, self.texts = student, []

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, raw_documents, y=None):
        raise AssertionError("the student is fitted already")

    def transform(self, raw_documents):
        self.texts += list(raw_documents)
        return self.student.transform(raw_documents)


def test_bertopic_recognises_a_pipeline(fitted, documents, topics):
    bertopic = pytest.importorskip("bertopic")
    student = Recorder(fitted)
    topic_model = bertopic.BERTopic(
        embedding_model=make_pipeline(student),
        # Faster than UMAP and HDBSCAN, which compile themselves first.
        umap_model=PCA(2, random_state=0),
        hdbscan_model=KMeans(3, random_state=0, n_init=1),
    )
    found, _ = topic_model.fit_transform(documents)
    assert student.texts[: len(documents)] == documents
    for topic in range(3):
        # Each cluster is one of the topics of the documents.
        assert len(np.unique(topics[np.array(found) == topic])) == 1
    student.texts.clear()
    new, _ = topic_model.transform(documents[:5])
    assert student.texts == documents[:5]
    assert list(new) == found[:5]


def test_bertopic_takes_vectors(fitted, documents):
    bertopic = pytest.importorskip("bertopic")
    student = Recorder(fitted)
    topic_model = bertopic.BERTopic(
        embedding_model=make_pipeline(student),
        umap_model=PCA(2, random_state=0),
        hdbscan_model=KMeans(3, random_state=0, n_init=1),
    )
    found, _ = topic_model.fit_transform(documents, fitted.transform(documents))
    assert len(found) == len(documents)
    assert documents[0] not in student.texts


def test_keybert_takes_an_embedder(fitted, documents):
    keybert = pytest.importorskip("keybert")
    from keybert.backend import BaseEmbedder

    class StudentEmbedder(BaseEmbedder):
        def embed(self, documents, verbose=False):
            return self.embedding_model.transform(documents)

    model = keybert.KeyBERT(StudentEmbedder(fitted))
    words = [word for word, _ in model.extract_keywords(documents[0], top_n=3)]
    assert len(words) == 3
    cosines = fitted.transform(words) @ fitted.transform(documents[:1]).T
    others = [word for word in set(documents[0].split()) if word not in words]
    assert cosines.min() >= (
        fitted.transform(others) @ fitted.transform(documents[:1]).T
    ).max(initial=-1)
