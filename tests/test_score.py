"""`LuxicalVectorizer.score`: the criterion of a search without labels."""

import numpy as np
import pytest
import sklearn
from conftest import make_corpus, small_vectorizer
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklux import CachedTeacher, _vectorizer
from sklux._teacher.sample import sample_documents
from sklux.metrics import neighbor_recall_score

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def others():
    """Documents that were not part of the fit."""
    return make_corpus(90, seed=7)[0]


def test_score_is_the_recall_of_the_neighbours(fitted, others, latent_teacher):
    vectors = latent_teacher.transform(others)
    expected = neighbor_recall_score(vectors, fitted.transform(others), n_neighbors=10)
    assert 0 < expected < 1
    assert fitted.score(others, teacher_embeddings=vectors) == expected


def test_score_calls_the_teacher(documents, latent_teacher, others):
    model = small_vectorizer(latent_teacher).fit(documents)
    vectors = latent_teacher.transform(others)
    assert model.score(others) == model.score(others, teacher_embeddings=vectors)


@pytest.mark.parametrize("is_given", [False, True])
def test_score_compares_at_most_the_maximum(
    fitted, others, latent_teacher, monkeypatch, is_given
):
    """Documents with the smallest hashes: the cache of a fit most likely has them."""
    monkeypatch.setattr(_vectorizer, "MAX_SCORED", 40)
    chosen = [others[i] for i in sample_documents(others, 40)]
    vectors = latent_teacher.transform(chosen)
    expected = fitted.score(chosen, teacher_embeddings=vectors)
    if is_given:
        given = latent_teacher.transform(others)
        assert fitted.score(others, teacher_embeddings=given) == expected
        return
    seen = []

    def teacher(texts):
        seen.extend(texts)
        return latent_teacher.transform(texts)

    model = small_vectorizer(teacher)
    vars(model).update(
        {name: value for name, value in vars(fitted).items() if name.endswith("_")}
    )
    assert model.score(others) == expected
    assert sorted(seen) == sorted(chosen)


@pytest.mark.parametrize("missing", [0, np.nan])
def test_score_leaves_out_documents_without_a_teacher_embedding(
    fitted, others, latent_teacher, missing
):
    vectors = latent_teacher.transform(others)
    expected = fitted.score(others[:50], teacher_embeddings=vectors[:50])
    vectors[50:] = missing
    assert fitted.score(others, teacher_embeddings=vectors) == expected


def test_score_leaves_out_documents_that_the_teacher_cannot_embed(
    fitted, others, latent_teacher, tmp_path
):
    def embed(texts):
        vectors = latent_teacher.transform(texts)
        vectors[[text in others[50:] for text in texts]] = np.nan
        return vectors

    teacher = CachedTeacher(
        embed, path=tmp_path, model_id="m", dtype="float32", invalid_vectors="leave_out"
    )
    model = clone(fitted).set_params(teacher=teacher)
    model.__dict__ |= {
        name: value for name, value in vars(fitted).items() if name != "teacher"
    }
    expected = fitted.score(
        others[:50], teacher_embeddings=latent_teacher.transform(others[:50])
    )
    with pytest.warns(UserWarning, match="NaN or infinity for 40 of 90 documents"):
        assert model.score(others) == expected


@pytest.mark.parametrize(("n_documents", "n_neighbors"), [(3, 1), (11, 5), (19, 9)])
def test_score_of_few_documents(
    fitted, others, latent_teacher, n_documents, n_neighbors
):
    few = others[:n_documents]
    vectors = latent_teacher.transform(few)
    expected = neighbor_recall_score(
        vectors, fitted.transform(few), n_neighbors=n_neighbors
    )
    assert fitted.score(few, teacher_embeddings=vectors) == expected


def test_score_refuses_bad_input(fitted, others):
    with pytest.raises(ValueError, match="no teacher to compare with. Set teacher="):
        fitted.score(others)
    with pytest.raises(ValueError, match="needs at least 3 different ones. Got 2"):
        fitted.score(others[:2], teacher_embeddings=np.eye(2))
    with pytest.raises(ValueError, match="teacher_embeddings has 3 rows"):
        fitted.score(others, teacher_embeddings=np.eye(3))
    with pytest.raises(NotFittedError):
        small_vectorizer().score(others, teacher_embeddings=np.eye(len(others)))


def test_score_refuses_embeddings_as_y(fitted, others, latent_teacher):
    """They would be ignored."""
    vectors = latent_teacher.transform(others)
    message = r"by name: score\(documents, teacher_embeddings=\.\.\.\)"
    with pytest.raises(ValueError, match=message):
        fitted.score(others, vectors)
    with_teacher = small_vectorizer(latent_teacher).fit(others)
    with pytest.raises(ValueError, match=message):
        with_teacher.score(others, vectors)
    assert with_teacher.score(others, np.arange(len(others))) == with_teacher.score(
        others
    )


@pytest.mark.filterwarnings("ignore:The student has collapsed")
def test_score_guides_a_search_without_labels(documents, latent_teacher):
    search = GridSearchCV(
        small_vectorizer(latent_teacher), {"lexical__max_features": [2, None]}, cv=2
    )
    assert search.fit(documents).best_params_ == {"lexical__max_features": None}


def test_score_takes_vectors_through_metadata_routing(documents, teacher_embeddings):
    with sklearn.config_context(enable_metadata_routing=True):
        model = (
            small_vectorizer()
            .set_fit_request(teacher_embeddings=True)
            .set_score_request(teacher_embeddings=True)
        )
        scores = cross_val_score(
            model, documents, cv=2, params={"teacher_embeddings": teacher_embeddings}
        )
    assert scores.shape == (2,) and np.isfinite(scores).all()
