"""Labels of a vectorizer: in its fit (`label_weight`), and after it (`with_labels`)."""

import pickle

import numpy as np
import pytest
from conftest import TOPICS, make_corpus, small_vectorizer
from models import random_model
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux.datasets import DocumentStream

pytest.importorskip("torch")
NAMES = np.array(list(TOPICS))


@pytest.fixture(scope="module")
def labels(topics):
    """Names of the topics; every second document has no label."""
    return [NAMES[t] if i % 2 else "" for i, t in enumerate(topics)]


def projection(**params):
    """The two forms of a network: with tied rows by default."""
    settings = {"n_components": 4, "max_iter": 2, "weights_dtype": "float32"}
    return ReLUProjection(**settings | params)


@pytest.fixture(scope="module", params=["tied", (8,)], ids=["tied", "not-tied"])
def plain(request, documents, teacher_embeddings):
    model = small_vectorizer(projection=projection(hidden_layer_sizes=request.param))
    return model.fit(documents, teacher_embeddings=teacher_embeddings)


@pytest.fixture(scope="module")
def apart(plain, documents, labels):
    return plain.with_labels(documents, labels, label_weight=2.0)


def contrast(vectors, topics):
    """Mean cosine within topics, minus the mean cosine between them."""
    cosines, same = vectors @ vectors.T, topics == topics[:, np.newaxis]
    return cosines[same].mean() - cosines[~same].mean()


def fit(label_weight, documents, embeddings, y=None, **params):
    network = projection(label_weight=label_weight, **params)
    return small_vectorizer(projection=network).fit(
        documents, y, teacher_embeddings=embeddings
    )


def test_with_labels_sets_topics_of_other_documents_apart(plain, apart):
    others, topics = make_corpus(60, seed=1)
    before = contrast(plain.transform(others), topics)
    assert contrast(apart.transform(others), topics) > before + 0.02
    assert apart.projection_.label_weight_ == 2.0
    assert apart.projection.label_weight == 2.0
    assert apart.report_ is None


def test_with_labels_does_not_change_the_model(plain, documents, labels):
    before = plain.transform(documents)
    plain.with_labels(documents, labels, label_weight=1.0)
    assert (plain.transform(documents) == before).all()
    assert plain.projection_.label_weight_ == 0
    assert plain.projection.label_weight == 0
    assert plain.report_ is not None


def test_with_labels_of_weight_zero_changes_nothing(plain, documents, labels):
    same = plain.with_labels(documents, labels, label_weight=0.0)
    assert (same.transform(documents) == plain.transform(documents)).all()
    assert same.report_ == plain.report_


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_with_labels_has_the_same_bits(plain, apart, documents, labels, n_jobs):
    model = clone_of(plain).set_params(n_jobs=n_jobs)
    again = model.with_labels(documents, labels, label_weight=2.0)
    assert (again.transform(documents) == apart.transform(documents)).all()


def clone_of(model):
    return pickle.loads(pickle.dumps(model))


def test_teacher_vectors_stay_comparable(plain, apart, documents, teacher_embeddings):
    """Both sides are mapped: a document is near its teacher vector, as before."""
    wanted = apart.project_teacher(teacher_embeddings)
    unmapped = plain.project_teacher(teacher_embeddings)
    cosines = (apart.transform(documents) * wanted).sum(axis=1)
    before = (plain.transform(documents) * unmapped).sum(axis=1)
    assert cosines.mean() > before.mean() - 0.02
    assert cosines.mean() > (apart.transform(documents) * unmapped).sum(axis=1).mean()


def test_labels_pass_through_a_file(plain, apart, documents, tmp_path):
    apart.save(tmp_path / "apart.sklux")
    same = LuxicalVectorizer.load(tmp_path / "apart.sklux")
    assert (same.transform(documents) == apart.transform(documents)).all()
    assert same.projection_.label_weight_ == 2.0
    assert same.projection_.label_weight == 2.0
    plain.save(tmp_path / "plain.sklux")
    assert b"label_weight" not in (tmp_path / "plain.sklux").read_bytes()
    assert (
        LuxicalVectorizer.load(tmp_path / "plain.sklux").projection_.label_weight_ == 0
    )


def test_labels_pass_through_pickle_quantize_and_truncate(apart, documents):
    again = pickle.loads(pickle.dumps(apart))
    assert (again.transform(documents) == apart.transform(documents)).all()
    small = apart.quantize("int8").truncate(3)
    assert small.projection_.label_weight_ == 2.0
    expected = apart.transform(documents)[:, :3]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert (small.transform(documents) * expected).sum(axis=1).min() > 0.999


def test_both_paths_take_the_labels_in(apart, documents):
    """The fused kernel, and the lexical stage followed by the network."""
    rows = apart.lexical_.transform(documents)
    np.testing.assert_allclose(
        apart.projection_.transform(rows), apart.transform(documents), atol=1e-6
    )


def test_partial_fit_keeps_the_labels(apart, documents, teacher_embeddings):
    model = clone_of(apart)
    model.partial_fit(
        documents[:60],
        ["ignored"] * 60,
        teacher_embeddings=teacher_embeddings[:60],
        past_documents=documents,
    )
    assert model.projection_.label_weight_ == 2.0
    assert model.drift_.mean_cosine > 0.95
    components = model.projection_.teacher_components_
    assert (components == apart.projection_.teacher_components_).all()


def test_fit_learns_labels(documents, topics, labels, teacher_embeddings):
    plain = fit(0.0, documents, teacher_embeddings, labels)
    unlabelled = fit(0.0, documents, teacher_embeddings)
    assert (plain.transform(documents) == unlabelled.transform(documents)).all()
    model = fit(2.0, documents, teacher_embeddings, labels)
    before = contrast(plain.transform(documents), topics)
    assert contrast(model.transform(documents), topics) > before + 0.02
    assert model.projection_.label_weight_ == 2.0
    # The report is about the vectors as they are.
    assert model.report_.n_documents == plain.report_.n_documents
    assert model.report_ != plain.report_


def test_fit_is_like_with_labels(documents, labels, teacher_embeddings):
    plain = fit(0.0, documents, teacher_embeddings)
    later = plain.with_labels(documents, labels, label_weight=1.0)
    model = fit(1.0, documents, teacher_embeddings, labels)
    cosines = (later.transform(documents) * model.transform(documents)).sum(axis=1)
    assert cosines.min() > 0.99


def test_fit_of_int8_has_the_bits_of_quantize(documents, labels, teacher_embeddings):
    small = fit(1.0, documents, teacher_embeddings, labels, weights_dtype="int8")
    model = fit(1.0, documents, teacher_embeddings, labels).quantize("int8")
    assert (small.transform(documents) == model.transform(documents)).all()


def test_fit_chooses_a_weight(documents, labels, teacher_embeddings):
    found = fit("auto", documents, teacher_embeddings, labels).projection_
    assert found.label_weight_ in (0.0, 0.5, 1.0)
    assert found.label_weight == "auto"


def test_projection_learns_labels(plain, documents, labels, teacher_embeddings):
    X = plain.lexical_.transform(documents)
    network = projection(label_weight=1.0, random_state=0)
    network.fit(X, teacher_embeddings, labels=labels)
    later = projection(random_state=0).fit(X, teacher_embeddings)
    later = later.with_labels(X, labels, label_weight=1.0)
    assert network.label_weight_ == later.label_weight_ == 1.0
    assert (network.transform(X) * later.transform(X)).sum(axis=1).min() > 0.99


def test_a_pipeline_passes_labels(documents, topics, latent_teacher):
    model = make_pipeline(small_vectorizer(latent_teacher), LogisticRegression())
    search = GridSearchCV(
        model,
        {"luxicalvectorizer__projection__label_weight": [0.0, 1.0]},
        cv=2,
        error_score="raise",
    )
    search.fit(documents, NAMES[topics])
    assert search.best_score_ > 0.9
    weight = search.best_params_["luxicalvectorizer__projection__label_weight"]
    vectorizer = search.best_estimator_[0]
    assert vectorizer.projection_.label_weight_ == weight
    assert clone(vectorizer).projection.label_weight == weight


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "there are no labels: y is None"),
        ([1] * 120, "at least two classes"),
        ([0, 1], "one label for each of the 120 documents"),
        (np.linspace(0, 1, 120), "must hold classes"),
    ],
    ids=["none", "one-class", "short", "regression"],
)
def test_labels_that_fit_refuses(documents, teacher_embeddings, y, message):
    with pytest.raises(ValueError, match=message):
        fit("auto", documents, teacher_embeddings, y)


def test_a_stream_has_no_labels(documents, labels, teacher_embeddings):
    stream = DocumentStream(lambda: zip(documents, teacher_embeddings), embeddings=True)
    with pytest.raises(ValueError, match="label_weight needs documents in memory"):
        small_vectorizer(projection=projection(label_weight=1.0)).fit(stream, labels)


@pytest.mark.parametrize("weight", [-1.0, "always", np.inf, 1e4], ids=repr)
def test_weights_that_are_refused(plain, documents, labels, weight):
    with pytest.raises(ValueError, match="'label_weight' parameter"):
        plain.with_labels(documents, labels, label_weight=weight)


def test_a_model_without_a_map_of_the_teacher():
    """The network of a Luxical file."""
    documents, topics = make_corpus(60)
    model = random_model(LexicalVectorizer().fit(documents), sizes=(16, 8))
    model.projection_.teacher_components_ = None
    model = model.with_labels(documents, topics, label_weight=1.0)
    assert model.projection_.teacher_components_ is None
    assert model.projection_.label_weight_ == 1.0


def test_the_first_partial_fit_learns_labels(documents, labels, teacher_embeddings):
    model = small_vectorizer(projection=projection(label_weight=1.0))
    model.partial_fit(documents, labels, teacher_embeddings=teacher_embeddings)
    assert model.projection_.label_weight_ == 1.0
    X = model.lexical_.transform(documents)
    with pytest.raises(ValueError, match="there are no labels: labels is None"):
        projection(label_weight=1.0).partial_fit(X, teacher_embeddings)
