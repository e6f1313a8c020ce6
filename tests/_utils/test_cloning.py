"""Clones of estimators that share the value of a parameter."""

import sklearn
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sklux import LuxicalVectorizer, ReLUProjection
from sklux._utils.cloning import clone_sharing


def test_cloning_shares_one_parameter_and_clones_the_others():
    model, lexical = TfidfVectorizer().fit(["a pear"]), TfidfVectorizer()
    vectorizer = LuxicalVectorizer(model, lexical=lexical, n_jobs=2)
    twin = clone_sharing(vectorizer, "teacher")
    assert type(twin) is LuxicalVectorizer
    assert twin.teacher is model
    assert type(twin.lexical) is TfidfVectorizer
    assert twin.lexical is not lexical
    assert twin.n_jobs == 2


def test_cloning_without_a_shared_parameter():
    projection = ReLUProjection(3)
    twin = clone_sharing(LuxicalVectorizer(projection=projection), None)
    assert twin.projection is not projection
    assert twin.projection.get_params() == projection.get_params()


def test_cloning_copies_no_fitted_attributes():
    assert not hasattr(clone_sharing(PCA().fit([[0, 1], [1, 0]]), None), "components_")


def test_cloning_keeps_set_output():
    twin = clone_sharing(PCA().set_output(transform="pandas"), None)
    assert twin._sklearn_output_config == {"transform": "pandas"}


def test_cloning_copies_the_metadata_request():
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        twin = clone_sharing(estimator, None)
        assert twin._metadata_request is not estimator._metadata_request
        requests = twin.get_metadata_routing().fit.requests
    assert requests["sample_weight"] is True


def test_cloning_shares_callbacks():
    estimator = PCA()
    estimator._skl_callbacks = [object()]
    assert clone_sharing(estimator, None)._skl_callbacks is estimator._skl_callbacks
