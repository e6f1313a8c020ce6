"""BERTopic and KeyBERT with a student, as the guide describes them.

Both need an embedder of a class that they know: with a bare student they load a model
of their own.
"""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

pytest.importorskip("sentence_transformers.base.modules")
from sklux.interop import to_sentence_transformer  # noqa: E402


@pytest.fixture
def model(fitted):
    return to_sentence_transformer(fitted)


@pytest.fixture
def texts(model, monkeypatch):
    """The texts that the student has embedded."""
    embedded = []
    preprocess = model[0].preprocess

    def recorded(inputs, prompt=None):
        embedded.extend(inputs)
        return preprocess(inputs, prompt)

    monkeypatch.setattr(model[0], "preprocess", recorded)
    return embedded


def topic_model(embedding_model):
    bertopic = pytest.importorskip("bertopic")
    return bertopic.BERTopic(
        embedding_model=embedding_model,
        # Faster than UMAP and HDBSCAN, which compile themselves first.
        umap_model=PCA(2, random_state=0),
        hdbscan_model=KMeans(3, random_state=0, n_init=1),
    )


def test_bertopic_takes_a_student(model, texts, documents, topics):
    topic = topic_model(model)
    found, _ = topic.fit_transform(documents)
    assert texts[: len(documents)] == documents
    for number in range(3):
        # Each cluster is one of the topics of the documents.
        assert len(np.unique(topics[np.array(found) == number])) == 1
    texts.clear()
    new, _ = topic.transform(documents[:5])
    assert texts == documents[:5]
    assert list(new) == found[:5]


def test_bertopic_takes_vectors(model, texts, fitted, documents):
    found, _ = topic_model(model).fit_transform(documents, fitted.transform(documents))
    assert len(found) == len(documents)
    assert documents[0] not in texts


def test_bertopic_takes_a_pipeline_without_sentence_transformers(fitted, documents):
    expected, _ = topic_model(to_sentence_transformer(fitted)).fit_transform(documents)
    assert topic_model(make_pipeline(fitted)).fit_transform(documents)[0] == expected


def test_keybert_takes_a_student(model, texts, fitted, documents):
    keybert = pytest.importorskip("keybert")
    keywords = keybert.KeyBERT(model).extract_keywords(documents[0], top_n=3)
    assert documents[0] in texts
    words = [word for word, _ in keywords]
    cosines = fitted.transform(words) @ fitted.transform(documents[:1]).T
    # KeyBERT rounds to four digits.
    np.testing.assert_allclose(
        [score for _, score in keywords], cosines[:, 0], atol=1e-4
    )
    others = [word for word in set(documents[0].split()) if word not in words]
    assert cosines.min() >= (
        fitted.transform(others) @ fitted.transform(documents[:1]).T
    ).max(initial=-1)
