"""The scikit-learn contract of LuxicalVectorizer, and its use among other estimators.

For estimators of text, scikit-learn's stock checks return before the first check.
They are ported to text here, under their names; `ReLUProjection` runs the originals.
"""

import copy
import inspect
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from conftest import small_vectorizer
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils import get_tags

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection

# Ported stock checks


def test_contract_default_constructible():
    LuxicalVectorizer()


def test_contract_init_sets_nothing_but_parameters():
    names = list(inspect.signature(LuxicalVectorizer).parameters)
    assert set(vars(LuxicalVectorizer())) == set(names)
    values = {name: object() for name in names}
    vectorizer = LuxicalVectorizer(**values)
    assert all(getattr(vectorizer, name) is values[name] for name in names)


def test_contract_fit_sets_only_names_with_a_trailing_underscore(fitted):
    names = set(inspect.signature(LuxicalVectorizer).parameters)
    learnt = set(vars(fitted)) - names
    assert learnt
    assert all(name.endswith("_") and not name.startswith("_") for name in learnt)


def test_contract_fit_returns_self_and_changes_no_parameter(
    documents, teacher_embeddings
):
    vectorizer = small_vectorizer()
    before = {name: id(value) for name, value in vectorizer.get_params(False).items()}
    returned = vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    assert returned is vectorizer
    after = {name: id(value) for name, value in vectorizer.get_params(False).items()}
    assert after == before


def test_contract_get_params_and_set_params_round_trip():
    vectorizer = small_vectorizer(lexical=TfidfVectorizer(min_df=2))
    params = vectorizer.get_params(deep=True)
    assert params["lexical__min_df"] == 2
    assert params["projection__n_components"] == 4
    other = LuxicalVectorizer().set_params(**params)
    assert other.get_params(deep=True).keys() == params.keys()
    assert other.lexical is vectorizer.lexical


def test_contract_fresh_parameters_are_none():
    params = LuxicalVectorizer().get_params(deep=False)
    assert params["lexical"] is None
    assert params["projection"] is None
    assert params["teacher"] is None


def test_contract_clone_of_a_fitted_one_is_unfitted(fitted):
    twin = clone(fitted)
    assert not hasattr(twin, "lexical_")
    assert twin.get_params(False).keys() == fitted.get_params(False).keys()


def test_contract_fit_is_idempotent(documents, teacher_embeddings):
    vectorizer = small_vectorizer()
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    first = vectorizer.transform(documents)
    vectorizer.fit(documents, teacher_embeddings=teacher_embeddings)
    np.testing.assert_array_equal(vectorizer.transform(documents), first)


def test_contract_transform_changes_no_attribute(documents, fitted):
    before = joblib.hash(vars(fitted))
    fitted.transform(documents)
    assert joblib.hash(vars(fitted)) == before


def test_contract_transform_is_the_same_after_pickling(documents, fitted):
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(
        again.transform(documents), fitted.transform(documents)
    )


@pytest.mark.parametrize("copy_function", [copy.copy, copy.deepcopy])
def test_contract_copies_transform_alike(copy_function, documents, fitted):
    np.testing.assert_array_equal(
        copy_function(fitted).transform(documents), fitted.transform(documents)
    )


def test_contract_sample_order_and_subset_invariance(documents, fitted):
    order = np.random.RandomState(0).permutation(len(documents))
    vectors = fitted.transform(documents)
    shuffled = fitted.transform([documents[i] for i in order])
    np.testing.assert_array_equal(shuffled, vectors[order])
    halves = [fitted.transform(documents[:33]), fitted.transform(documents[33:])]
    np.testing.assert_array_equal(np.concatenate(halves), vectors)


def test_contract_feature_names_out(fitted):
    expected = [f"luxicalvectorizer{i}" for i in range(4)]
    assert list(fitted.get_feature_names_out()) == expected


@pytest.mark.parametrize(("container", "frame"), [("pandas", pd), ("polars", pl)])
def test_contract_set_output(container, frame, documents, fitted):
    vectorizer = copy.copy(fitted).set_output(transform=container)
    vectors = vectorizer.transform(documents)
    assert isinstance(vectors, frame.DataFrame)
    assert list(vectors.columns) == list(fitted.get_feature_names_out())
    np.testing.assert_array_equal(vectors.to_numpy(), fitted.transform(documents))


def test_contract_set_output_of_fit_transform_keeps_the_index(
    documents, teacher_embeddings
):
    series = pd.Series(documents, index=range(1000, 1120))
    vectorizer = small_vectorizer().set_output(transform="pandas")
    fitted_frame = vectorizer.fit_transform(
        series, teacher_embeddings=teacher_embeddings
    )
    pd.testing.assert_frame_equal(fitted_frame, vectorizer.transform(series))


def test_contract_tags():
    tags = get_tags(LuxicalVectorizer())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required
    assert tags.transformer_tags.preserves_dtype == []


def test_contract_html_repr(fitted):
    assert "LuxicalVectorizer" in fitted._repr_html_()
    assert "LuxicalVectorizer" in repr(fitted)


def test_contract_html_repr_ends_with_the_report(fitted):
    assert fitted._repr_html_().endswith(fitted.report_._repr_html_())
    assert "sklux-fit-report" not in LuxicalVectorizer()._repr_html_()


@pytest.mark.parametrize("projection", [None, ReLUProjection(9)])
@pytest.mark.parametrize("lexical", [None, LexicalVectorizer(), CountVectorizer()])
def test_contract_html_repr_shows_one_stage_after_the_other(lexical, projection):
    """As a pipeline does; side by side would mean that both read the documents."""
    vectorizer = LuxicalVectorizer(
        CachedTeacher("none"), lexical=lexical, projection=projection
    )
    stage = type(lexical or LexicalVectorizer()).__name__
    for estimator in (vectorizer, make_pipeline(vectorizer, LogisticRegression())):
        html = estimator._repr_html_()
        assert 'class="sk-serial"' in html
        assert 'class="sk-parallel"' not in html
        # The boxes come after the parameters of the outer estimator.
        assert 0 < html.rindex(stage) < html.rindex("ReLUProjection")


# Among other estimators


def test_pipeline_with_a_classifier(documents, topics, latent_teacher):
    pipeline = make_pipeline(
        small_vectorizer(latent_teacher), LogisticRegression()
    ).fit(documents, topics)
    assert pipeline.score(documents, topics) > 0.9


def test_pipeline_with_clusters(documents, topics, latent_teacher):
    pipeline = make_pipeline(
        small_vectorizer(latent_teacher), KMeans(3, random_state=0)
    )
    labels = pipeline.fit_predict(documents)
    # Each cluster holds one topic.
    assert len(set(zip(labels, topics))) == 3


def test_pipeline_with_nearest_neighbors(documents, topics, latent_teacher):
    pipeline = make_pipeline(
        small_vectorizer(latent_teacher), KNeighborsClassifier(n_neighbors=3)
    ).fit(documents, topics)
    assert pipeline.score(documents, topics) > 0.9


def test_nearest_neighbors_on_the_vectors(documents, topics, fitted):
    vectors = fitted.transform(documents)
    search = NearestNeighbors(n_neighbors=5).fit(vectors)
    found = search.kneighbors(fitted.transform(["apple pear melon"]))[1][0]
    assert set(topics[found]) == {0}


def test_cross_val_score_with_a_cached_teacher(
    documents, topics, latent_teacher, tmp_path
):
    teacher = CachedTeacher(latent_teacher, path=tmp_path)
    pipeline = make_pipeline(small_vectorizer(teacher), LogisticRegression())
    assert cross_val_score(pipeline, documents, topics, cv=3).min() > 0.8


def test_grid_search_over_both_stages(documents, topics, latent_teacher, tmp_path):
    teacher = CachedTeacher(latent_teacher, path=tmp_path)
    search = GridSearchCV(
        make_pipeline(LuxicalVectorizer(teacher), LogisticRegression()),
        {
            "luxicalvectorizer__lexical__ngram_range": [(1, 1), (1, 2)],
            "luxicalvectorizer__projection__n_components": [2, 4],
        },
        cv=2,
    ).fit(documents, topics)
    best = search.best_estimator_["luxicalvectorizer"]
    assert best.lexical.ngram_range in [(1, 1), (1, 2)]
    assert best.transform(["apple"]).shape[1] in (2, 4)


def test_grid_search_over_losses(documents, topics, latent_teacher, tmp_path):
    """A name and a dict of weights in one search."""
    losses = ["similarity_kl", {"cosine": 1.0, "similarity_kl": 0.5}]
    search = GridSearchCV(
        make_pipeline(
            small_vectorizer(CachedTeacher(latent_teacher, path=tmp_path)),
            LogisticRegression(),
        ),
        {"luxicalvectorizer__projection__loss": losses},
        cv=2,
        error_score="raise",
    ).fit(documents, topics)
    assert list(search.cv_results_["param_luxicalvectorizer__projection__loss"]) == (
        losses
    )
    best = search.best_estimator_["luxicalvectorizer"]
    assert best.projection_.loss == losses[search.best_index_]


def test_grid_search_replaces_a_stage(documents, topics, latent_teacher):
    search = GridSearchCV(
        make_pipeline(small_vectorizer(latent_teacher), LogisticRegression()),
        {"luxicalvectorizer__lexical": [CountVectorizer(), None]},
        cv=2,
        error_score="raise",
    ).fit(documents, topics)
    assert len(search.cv_results_["params"]) == 2


class CountingEncoder:
    """Keeps the texts that it embeds; stands in for an expensive model."""

    def __init__(self, transformer):
        self.transformer = transformer
        self.seen = []

    def encode(self, texts):
        self.seen += texts
        return self.transformer.transform(texts)


def test_grid_search_embeds_each_document_once(
    documents, topics, latent_teacher, tmp_path
):
    """3 x 4 settings in 3 folds and the refit: 37 fits, one pass of the teacher."""
    encoder = CountingEncoder(latent_teacher)
    teacher = CachedTeacher(encoder, path=tmp_path, model_id="counting")
    texts = [*documents[:60], *documents[:30]]  # a third are duplicates
    search = GridSearchCV(
        make_pipeline(small_vectorizer(teacher), LogisticRegression()),
        {
            "luxicalvectorizer__projection__n_components": [2, 3, 4],
            "luxicalvectorizer__projection__learning_rate_init": [
                1e-3,
                3e-3,
                1e-2,
                0.1,
            ],
        },
        cv=3,
        error_score="raise",
    )
    search.fit(texts, [*topics[:60], *topics[:30]])
    assert len(search.cv_results_["params"]) == 12
    assert sorted(encoder.seen) == sorted(set(texts))

    small_vectorizer(CachedTeacher(encoder, path=tmp_path, model_id="counting")).fit(
        texts
    )
    assert len(encoder.seen) == len(set(texts))


def test_grid_search_folds_share_most_embedded_documents(
    documents, topics, latent_teacher, tmp_path
):
    """Folds that chose half of their 80 documents at random would need most of 120.

    In hash order, each fold has two thirds of all texts, so its 40 documents are nearly
    all among the first 60.
    """
    encoder = CountingEncoder(latent_teacher)
    teacher = CachedTeacher(encoder, path=tmp_path, model_id="counting")
    GridSearchCV(
        make_pipeline(
            small_vectorizer(teacher, teacher_sample_size=40), LogisticRegression()
        ),
        {"luxicalvectorizer__projection__n_components": [2, 4]},
        cv=3,
        error_score="raise",
    ).fit(documents, topics)
    assert len(encoder.seen) == len(set(encoder.seen)) < 75


# teacher_embeddings through meta-estimators


def test_embeddings_through_a_pipeline_by_name(
    documents, topics, teacher_embeddings, fitted
):
    pipeline = make_pipeline(small_vectorizer(), LogisticRegression())
    pipeline.fit(
        documents, topics, luxicalvectorizer__teacher_embeddings=teacher_embeddings
    )
    np.testing.assert_array_equal(
        pipeline[0].transform(documents), fitted.transform(documents)
    )


def test_embeddings_through_a_grid_search_by_name(
    documents, topics, teacher_embeddings
):
    search = GridSearchCV(
        make_pipeline(small_vectorizer(), LogisticRegression()),
        {"luxicalvectorizer__projection__n_components": [2, 4]},
        cv=3,
        error_score="raise",
    )
    search.fit(
        documents, topics, luxicalvectorizer__teacher_embeddings=teacher_embeddings
    )
    assert search.best_score_ > 0.8


@pytest.mark.parametrize("search", [False, True], ids=["pipeline", "grid search"])
def test_embeddings_by_metadata_routing(search, documents, topics, teacher_embeddings):
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(
            small_vectorizer().set_fit_request(teacher_embeddings=True),
            LogisticRegression(),
        )
        if search:
            grid = {"luxicalvectorizer__projection__n_components": [2, 4]}
            model = GridSearchCV(model, grid, cv=3, error_score="raise")
        model.fit(documents, topics, teacher_embeddings=teacher_embeddings)
        assert model.score(documents, topics) > 0.8


def test_embeddings_routing_leaves_out_the_documents():
    with sklearn.config_context(enable_metadata_routing=True):
        routing = LuxicalVectorizer().get_metadata_routing()
        assert list(routing.fit.requests) == ["teacher_embeddings"]
        assert list(routing.transform.requests) == []


def views_of(documents):
    """Word counts of documents, and of their first halves, then second halves."""
    vectorizer = CountVectorizer(dtype=np.float32)
    X = vectorizer.fit_transform(documents)
    halves = [text[:30] for text in documents], [text[30:] for text in documents]
    return X, vectorizer.transform([*halves[0], *halves[1]])


@pytest.mark.parametrize("scaled", [False, True], ids=["as given", "transformed too"])
def test_views_by_metadata_routing(scaled, documents, teacher_embeddings):
    """Same vectors as without a pipeline; X_views has twice as many rows as X."""
    X, X_views = views_of(documents)
    projection = ReLUProjection(
        4, hidden_layer_sizes=(8,), contrastive_weight=0.5, max_iter=2, random_state=0
    )
    scaler = MaxAbsScaler().fit(X)
    given = scaler.transform(X_views) if scaled else X_views
    expected, without = (
        clone(projection)
        .set_params(contrastive_weight=weight)
        .fit(scaler.transform(X), teacher_embeddings, X_views=views)
        for weight, views in ((0.5, given), (0.0, None))
    )
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [
                ("scale", MaxAbsScaler()),
                ("project", projection.set_fit_request(X_views=True)),
            ],
            transform_input=["X_views"] if scaled else None,
        )
        pipeline.fit(X, teacher_embeddings, X_views=X_views)
    vectors = pipeline.transform(X)
    np.testing.assert_array_equal(vectors, expected.transform(scaler.transform(X)))
    assert not np.allclose(vectors, without.transform(scaler.transform(X)), atol=1e-3)


def test_views_are_not_routed_without_a_request(documents, teacher_embeddings):
    X, X_views = views_of(documents)
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(MaxAbsScaler(), ReLUProjection(4))
        with pytest.raises(UnsetMetadataPassedError, match="X_views"):
            pipeline.fit(X, teacher_embeddings, X_views=X_views)
