"""`ReLUProjection` as an estimator of scikit-learn."""

import json
import pickle
import subprocess
import sys
import warnings
from contextlib import contextmanager, nullcontext

import joblib
import numpy as np
import pytest
import reference
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklux._student.finishing
import sklux._student.projection
import sklux._student.targets
from sklux import ReLUProjection
from sklux._student.projection import network_of, with_network
from sklux._student.report import FitReport, fit_report
from sklux.metrics import half_document_retrieval, neighbor_recall_score

torch = pytest.importorskip("torch")

LOSSES = ["cosine", "similarity_kl"]

# Unlike other checks, these call fit with class labels and ignore the tag for a y of
# two dimensions. They run below with y as a column.
CHECKS_OF_ONE_DIMENSIONAL_Y = [
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
    "check_transformer_n_iter",
]


def expected_failed_checks(estimator):
    reason = "gives a y of one dimension, but fit needs teacher embeddings"
    return {name: reason for name in CHECKS_OF_ONE_DIMENSIONAL_Y}


@parametrize_with_checks(
    [
        ReLUProjection(max_iter=2),
        *(
            ReLUProjection(hidden_layer_sizes=(8,), max_iter=2, loss=loss)
            for loss in LOSSES
        ),
    ],
    expected_failed_checks=expected_failed_checks,
)
def test_projection_stock_check(estimator, check):
    check(estimator)


class ColumnProjection(ReLUProjection):
    """Takes a y of one dimension as a column."""

    def fit(self, X, y):
        return super().fit(X, np.asarray(y).reshape(-1, 1))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", CHECKS_OF_ONE_DIMENSIONAL_Y)
def test_projection_stock_check_with_column(name, loss):
    estimator = ColumnProjection(hidden_layer_sizes=(8,), max_iter=2, loss=loss)
    getattr(estimator_checks, name)("ColumnProjection", estimator)


def test_projection_stock_check_with_column_read_only():
    estimator = ColumnProjection(hidden_layer_sizes=(8,), max_iter=2)
    estimator_checks.check_transformer_general(
        "ColumnProjection", estimator, readonly_memmap=True
    )


@pytest.fixture(scope="module")
def documents():
    return reference.topic_documents(600)


@pytest.fixture(scope="module")
def fitted(documents):
    return small_projection().fit(*documents)


def small_projection(**changes):
    defaults = dict(
        n_components=6,
        hidden_layer_sizes=(16,),
        corpus_weight=0.1,
        dropout=0.15,
        max_iter=2,
        weights_dtype="float32",
        random_state=0,
    )
    return ReLUProjection(**(defaults | changes))


def mean_cosine(projection, X, y):
    """Mean cosine of the vectors with the teacher vectors in their space."""
    cosines = (projection.transform(X) * projection.project_teacher(y)).sum(axis=1)
    return float(cosines.mean())


def assert_same_weights(first, second):
    assert len(first.coefs_) == len(second.coefs_)
    for weights, expected in zip(first.coefs_, second.coefs_):
        reference.assert_same_bits(weights, expected)


def test_projection_rows_have_unit_length(documents, fitted):
    Z = fitted.transform(documents[0])
    assert Z.shape == (600, 6)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-6)


def test_projection_transform_equals_reference(documents, fitted):
    np.testing.assert_allclose(
        fitted.transform(documents[0]),
        reference.network(documents[0], fitted.coefs_),
        atol=2e-6,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "cosine"},
        {"loss": "similarity_kl"},
        {"loss": "similarity_kl", "temperature": 0.05},
        {"loss": {"cosine": 1.0, "similarity_kl": 0.5}},
        {"loss": {"similarity_kl": 2, "cosine": 0}},
        {"corpus_weight": 0},
        {"corpus_weight": 0.5},
        {"corpus_weight": 1},
        {"contrastive_weight": "auto"},
        {"contrastive_weight": 0},
        {"contrastive_temperature": 0.5},
        {"dropout": 0},
        {"dropout": 0.9},
        {"learning_rate_init": 0.1},
        {"batch_size": "auto"},
        {"batch_size": 64},
        {"early_stopping": True},
        {"early_stopping": False},
        {"early_stopping": "auto"},
        {"validation_fraction": 0.3},
        {"n_iter_no_change": 1},
        {"tol": 0},
        {"device": "cpu"},
        {"n_jobs": 2},
        {"random_state": np.random.RandomState(0)},
        {"random_state": None},
        {"verbose": False},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (1,)},
        {"hidden_layer_sizes": [20, 9]},
        {"hidden_layer_sizes": np.array([9, 20, 12])},
    ],
    ids=lambda changes: "-".join(changes),
)
# A single unit has only one direction.
@pytest.mark.filterwarnings("ignore:The student has collapsed")
def test_projection_option_runs(documents, changes):
    X, y = documents
    projection = small_projection(**changes).fit(X, y)
    lengths = np.linalg.norm(projection.transform(X), axis=1)
    # With a single unit, the ReLU maps some documents to zero.
    assert np.all((lengths == 0) | (abs(lengths - 1) < 1e-5))
    assert np.isfinite(projection.loss_curve_).all()


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "similarity_kl"},
        {"loss": {"cosine": 1.0, "similarity_kl": 0.5}},
        {"corpus_weight": 0},
        {"corpus_weight": 0.5},
        {"corpus_weight": 1},
        {"dropout": 0},
        {"dropout": 0.5},
        {"learning_rate_init": 0.01},
        {"max_iter": 3},
        {"batch_size": 64},
    ],
    ids=str,
)
def test_projection_option_changes_the_model(documents, fitted, changes):
    other = small_projection(**changes).fit(*documents)
    assert not np.array_equal(other.coefs_[0], fitted.coefs_[0])


def test_projection_temperature_changes_the_similarity_model(documents):
    models = [
        small_projection(loss="similarity_kl", temperature=temperature).fit(*documents)
        for temperature in (3.0, 0.05)
    ]
    assert not np.array_equal(models[0].coefs_[0], models[1].coefs_[0])


@pytest.fixture(scope="module")
def long_documents():
    """Documents with 70 features each, their teacher embeddings, and their views."""
    X, y = reference.topic_documents(400, n_features=70)
    X = np.where(X.toarray() == 0, np.float32(0.1), X.toarray())
    is_even = np.arange(70) % 2 == 0
    return X, y, np.vstack([X * is_even, X * ~is_even])


@pytest.mark.parametrize(
    ("length", "n_embedded", "changes", "expected"),
    [
        # Batches of n / 96 documents, but at least 32.
        (70, 400, {"early_stopping": False}, {"batch_size": 32}),
        (70, 400, {}, {"corpus_weight": 0.12, "contrastive_weight": 0.09}),
        (48, 400, {}, {"corpus_weight": 0.06, "contrastive_weight": 0.045}),
        (32, 400, {}, {"corpus_weight": 0, "contrastive_weight": 0}),
        # Imputed embeddings contain the corpus already.
        (70, 100, {}, {"corpus_weight": 0.03, "contrastive_weight": 0.09}),
        (48, 200, {}, {"corpus_weight": 0.03, "contrastive_weight": 0.045}),
        # 0.75 times the given corpus weight, at most 0.3.
        (70, 400, {"corpus_weight": 0.3}, {"contrastive_weight": 0.75 * 0.3}),
        (70, 400, {"corpus_weight": 0.7}, {"contrastive_weight": 0.3}),
        (48, 400, {"corpus_weight": 0.7}, {"contrastive_weight": 0.15}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*have no teacher embedding:UserWarning")
def test_projection_auto_equals_the_documented_values(
    long_documents, length, n_embedded, changes, expected
):
    X, y, views = long_documents
    X = np.where(np.arange(70) < length, X, 0)
    y = with_missing(y, slice(n_embedded, 400))
    autos = ("corpus_weight", "contrastive_weight", "batch_size")
    models = [
        small_projection(**(dict.fromkeys(autos, "auto") | changes | values)).fit(
            X, y, X_views=views
        )
        for values in ({}, expected)
    ]
    assert_same_weights(*models)


@pytest.mark.parametrize(
    ("reads_all", "expected"),
    [
        (True, {"corpus_weight": 0.12, "contrastive_weight": 0.09}),
        (False, {"corpus_weight": 0.5, "contrastive_weight": 0.3}),
    ],
)
def test_projection_corpus_counts_more_if_the_teacher_reads_a_part(reads_all, expected):
    rng = np.random.RandomState(0)
    X = rng.random_sample((440, 80)).astype(np.float32) + 0.01
    is_first = np.arange(80) < 40
    read = X if reads_all else X * is_first
    y = (read - read.mean(axis=0)) @ rng.standard_normal((80, 12))
    views = np.vstack([X * is_first, X * ~is_first])
    changes = {"corpus_weight": "auto", "contrastive_weight": "auto"}
    models = [
        small_projection(**(changes | values)).fit(X, y, X_views=views)
        for values in ({}, expected)
    ]
    assert_same_weights(*models)


@pytest.mark.parametrize(
    ("hidden_layer_sizes", "expected"),
    [
        ("tied", [(60, 6), (6, 6)]),
        ((), [(60, 6)]),
        ((16,), [(60, 16), (16, 6)]),
        ((9, 20), [(60, 9), (9, 20), (20, 6)]),
    ],
)
def test_projection_coefs_shapes(documents, hidden_layer_sizes, expected):
    projection = small_projection(hidden_layer_sizes=hidden_layer_sizes)
    coefs = projection.fit(*documents).coefs_
    assert [weights.shape for weights in coefs] == expected
    assert all(weights.dtype == np.float32 for weights in coefs)
    assert all(weights.flags.c_contiguous for weights in coefs)


@pytest.mark.parametrize(
    ("n_samples", "n_teacher_components", "expected"),
    [(600, 16, 16), (10, 16, 10), (600, 300, 256)],
)
def test_projection_default_n_components_is_reduced(
    n_samples, n_teacher_components, expected
):
    X, y = reference.topic_documents(
        n_samples, n_teacher_components=n_teacher_components
    )
    projection = ReLUProjection(hidden_layer_sizes=(8,), max_iter=1).fit(X, y)
    assert projection.n_components_ == expected
    assert projection.transform(X).shape == (n_samples, expected)
    assert projection.n_components == 256


@pytest.mark.parametrize(("n_samples", "limit"), [(600, 16), (9, 9)])
def test_projection_n_components_is_too_large(documents, n_samples, limit):
    X, y = documents
    with pytest.raises(
        ValueError, match=rf"n_components=17 must be at most {limit}: there are"
    ):
        small_projection(n_components=17).fit(X[:n_samples], y[:n_samples])


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_projection_history_with_held_out_documents(documents, early_stopping):
    projection = small_projection(early_stopping=early_stopping, max_iter=3, tol=0)
    projection.fit(*documents)
    assert projection.n_iter_ == len(projection.loss_curve_)
    assert projection.n_iter_ == len(projection.validation_scores_)
    assert 1 <= projection.n_iter_ <= 3
    assert all(0 <= score <= 1 for score in projection.validation_scores_)


def test_projection_history_without_held_out_documents(documents):
    projection = small_projection(early_stopping=False).fit(*documents)
    assert projection.n_iter_ == len(projection.loss_curve_) == 2
    assert projection.validation_scores_ is None


@pytest.mark.parametrize(("n_samples", "held_out"), [(380, False), (400, True)])
def test_projection_auto_early_stopping_needs_twenty(documents, n_samples, held_out):
    """5 % of 400 documents are 20."""
    X, y = documents
    projection = small_projection().fit(X[:n_samples], y[:n_samples])
    assert (projection.validation_scores_ is not None) is held_out


def test_projection_early_stopping_stops(documents):
    """The score cannot rise by more than tol=1."""
    projection = small_projection(
        early_stopping=True, n_iter_no_change=1, tol=1.0, max_iter=5
    )
    assert projection.fit(*documents).n_iter_ == 2


def test_projection_early_stopping_needs_enough_documents(documents):
    X, y = documents
    with pytest.raises(
        ValueError,
        match="early_stopping=True needs 20 held-out documents, but "
        r"validation_fraction=0.05 gives 5 of the documents .* \(100\)",
    ):
        small_projection(early_stopping=True).fit(X[:100], y[:100])


@pytest.mark.parametrize("early_stopping", [True, "auto"])
def test_projection_must_have_documents_to_train_on(documents, early_stopping):
    X, y = documents
    projection = small_projection(
        validation_fraction=0.99, early_stopping=early_stopping
    )
    with pytest.raises(ValueError, match="validation_fraction=0.99"):
        projection.fit(X[:25], y[:25])


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_finds_neighbors_of_new_documents(documents, loss):
    """Half of the documents are not in the training."""
    X, y = documents
    projection = small_projection(
        n_components=8,
        loss=loss,
        temperature=0.1,
        max_iter=10,
        hidden_layer_sizes=(48,),
    ).fit(X[:300], y[:300])
    overlap = reference.neighbor_overlap(y[300:], projection.transform(X[300:]), 10)
    # By chance: 10 of 299.
    assert overlap > 0.3


@pytest.mark.parametrize("corpus_weight", [0, 0.1, 0.5])
@pytest.mark.parametrize("loss", LOSSES)
def test_projection_project_teacher_finds_the_document(documents, loss, corpus_weight):
    X, y = documents
    projection = small_projection(
        n_components=8,
        loss=loss,
        corpus_weight=corpus_weight,
        temperature=0.1,
        max_iter=10,
        hidden_layer_sizes=(48,),
    ).fit(X[:300], y[:300])
    queries = projection.project_teacher(y[300:])
    similarities = queries @ projection.transform(X[300:]).T
    ranks = (similarities > np.diag(similarities)[:, None]).sum(axis=1)
    # The median rank by chance is 150.
    assert np.median(ranks) < 15


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_project_teacher_of_full_width_keeps_cosines(documents, loss):
    X, y = documents
    projection = small_projection(
        n_components=16, loss=loss, corpus_weight=0, max_iter=1
    ).fit(X, y)
    projected = projection.project_teacher(3 * y)
    np.testing.assert_allclose(projected @ projected.T, y @ y.T, atol=1e-5)


def test_projection_project_teacher_returns_unit_rows(documents, fitted):
    projected = fitted.project_teacher(np.vstack([documents[1][:5], np.zeros((1, 16))]))
    assert projected.shape == (6, 6)
    assert projected.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(projected[:5], axis=1), 1, rtol=1e-6)
    assert not projected[5].any()


def test_projection_project_teacher_takes_no_rows(fitted):
    assert fitted.project_teacher(np.empty((0, 16))).shape == (0, 6)


def test_projection_project_teacher_refuses_another_width(fitted):
    with pytest.raises(
        ValueError, match="embeddings has 15 columns, but the teacher .* had 16"
    ):
        fitted.project_teacher(np.ones((2, 15)))


def test_projection_project_teacher_refuses_nan(fitted):
    with pytest.raises(ValueError, match="Input embeddings contains NaN"):
        fitted.project_teacher(np.full((2, 16), np.nan))


def test_projection_project_teacher_needs_fit():
    with pytest.raises(NotFittedError, match="This ReLUProjection instance is not"):
        ReLUProjection().project_teacher(np.ones((2, 16)))


@pytest.mark.parametrize("loss", LOSSES)
def test_projection_teacher_components_are_orthonormal(documents, loss):
    """If the targets contain no latent vectors."""
    projection = small_projection(loss=loss, corpus_weight=0).fit(*documents)
    components = projection.teacher_components_
    assert components.shape == (6, 16)
    np.testing.assert_allclose(components @ components.T, np.eye(6), atol=1e-6)


@pytest.mark.parametrize("corpus_weight", [0.1, 1])
def test_projection_teacher_components_of_mixed_targets(documents, corpus_weight):
    """The map is not a rotation, and leads near the student's vectors."""
    X, y = documents
    projection = small_projection(corpus_weight=corpus_weight).fit(X, y)
    components = projection.teacher_components_
    assert components.shape == (6, 16)
    assert components.dtype == np.float32
    assert abs(components @ components.T - np.eye(6)).max() > 1e-3
    cosines = (projection.project_teacher(y) * projection.transform(X)).sum(axis=1)
    assert cosines.mean() > 0.7


def test_projection_does_not_depend_on_lengths_of_teacher_embeddings(
    documents, monkeypatch
):
    """The targets are the same except for rounding errors.

    The students are equally good but not the same: the conjugate gradients of the
    initial weights amplify rounding errors.
    """
    X, y = documents
    scaled = y * np.random.RandomState(0).uniform(0.1, 10, size=(600, 1))
    recorded, initial_coefs = [], sklux._student.projection.initial_coefs

    def record(X, targets, *others):
        recorded.append(targets)
        return initial_coefs(X, targets, *others)

    monkeypatch.setattr(sklux._student.projection, "initial_coefs", record)
    first, second = (small_projection().fit(X, vectors) for vectors in (y, scaled))
    np.testing.assert_allclose(recorded[0], recorded[1], atol=1e-6)
    recalls = [model.report_.neighbor_recall for model in (first, second)]
    assert recalls[0] == pytest.approx(recalls[1], abs=0.05)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.filterwarnings("ignore:120 of 600 documents have no teacher embedding")
def test_projection_takes_zero_rows(documents, loss):
    X, y = documents[0].toarray(), documents[1].copy()
    X[::7] = 0
    y[::5] = 0
    projection = small_projection(loss=loss).fit(X, y)
    assert np.isfinite(projection.loss_curve_).all()
    Z = projection.transform(X)
    assert not Z[::7].any()
    assert np.isfinite(Z).all()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_samples", [2, 3])
def test_projection_fits_very_few_documents(documents, loss, n_samples):
    X, y = (part[:n_samples] for part in documents)
    projection = ReLUProjection(hidden_layer_sizes=(8,), max_iter=2, loss=loss)
    assert np.isfinite(projection.fit(X, y).transform(X)).all()


@pytest.mark.parametrize("factor", [1e-30, 1e30])
def test_projection_transform_of_extreme_features_is_finite(documents, fitted, factor):
    assert np.isfinite(fitted.transform(documents[0] * np.float32(factor))).all()


def test_projection_transforms_no_rows(fitted):
    assert fitted.transform(sparse.csr_matrix((0, 60))).shape == (0, 6)
    assert fitted.transform(np.empty((0, 60))).shape == (0, 6)


@pytest.mark.parametrize("container", ["toarray", "tocsc", "tocoo", "csr_array"])
def test_projection_has_the_same_bits_for_any_container(documents, fitted, container):
    X, y = documents
    other = sparse.csr_array(X) if container == "csr_array" else getattr(X, container)()
    projection = small_projection().fit(other, y)
    assert_same_weights(projection, fitted)
    reference.assert_same_bits(projection.transform(other), fitted.transform(X))


def test_projection_has_the_same_bits_for_int64_indices(documents, fitted):
    X, y = documents
    other = X.copy()
    other.indices, other.indptr = X.indices.astype("i8"), X.indptr.astype("i8")
    projection = small_projection().fit(other, y)
    assert_same_weights(projection, fitted)
    reference.assert_same_bits(projection.transform(other), fitted.transform(X))


@pytest.mark.parametrize("n_jobs", [1, 3, -1])
def test_projection_fit_has_the_same_bits_for_any_n_jobs(documents, fitted, n_jobs):
    """The number of threads that a caller has set for torch does not change them."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with joblib.parallel_config("threading", n_jobs=n_jobs):
            projection = small_projection(n_jobs=n_jobs).fit(*documents)
    finally:
        torch.set_num_threads(n_threads)
    assert_same_weights(projection, fitted)


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_projection_transform_has_the_same_bits_for_any_n_jobs(
    documents, fitted, n_jobs
):
    X = documents[0]
    expected = fitted.transform(X)
    reference.assert_same_bits(
        fitted_copy(fitted).set_params(n_jobs=n_jobs).transform(X), expected
    )


def fitted_copy(projection):
    return pickle.loads(pickle.dumps(projection))


def test_projection_has_the_same_bits_for_the_same_seed(documents, fitted):
    assert_same_weights(small_projection().fit(*documents), fitted)


def test_projection_has_tied_rows_by_default(documents):
    """Two matrices of the student's width, which a transform adds up."""
    X, y = documents
    projection = ReLUProjection(6, max_iter=2, random_state=0).fit(X, y)
    network = network_of(projection)
    assert network.tied
    assert network.dtype == np.int8
    W, V = projection.coefs_
    assert W.shape == (60, 6) and V.shape == (6, 6)
    Z = projection.transform(X)
    np.testing.assert_allclose(Z, reference.tied_network(X, W, V), atol=2e-6)
    expanded = [np.hstack([W, -W]), np.vstack([np.eye(6) + V, V - np.eye(6)])]
    np.testing.assert_allclose(Z, reference.network(X, expanded), atol=2e-6)
    assert (projection.project_teacher(y) * Z).sum(axis=1).mean() > 0.9
    again = clone(projection).fit(X, y)
    assert_same_weights(again, projection)
    for n_jobs in (1, 2, -1):
        many = projection.set_params(n_jobs=n_jobs).transform(X)
        reference.assert_same_bits(many, Z)
    reference.assert_same_bits(projection.transform(X[:3]), Z[:3])


def test_projection_coefs_of_tied_rows_can_be_set(documents):
    X, y = documents
    projection = small_projection(hidden_layer_sizes="tied").fit(X, y)
    W, V = projection.coefs_
    projection.coefs_ = [2 * W, 3 * V]
    assert network_of(projection).tied
    expected = reference.tied_network(X, W, 3 * V)
    np.testing.assert_allclose(projection.transform(X), expected, atol=2e-6)
    short = projection.truncate(4)
    short.coefs_ = short.coefs_
    np.testing.assert_allclose(
        short.transform(X), shortened(projection.transform(X), 4), atol=1e-6
    )
    for coefs in ([W], [W, V, V, V], [W[:, :4], V[:4]]):
        with pytest.raises(ValueError, match="tied rows must be two matrices, W and V"):
            projection.coefs_ = coefs


def test_projection_has_a_factored_matrix_in_a_wide_student():
    """V has rank 32 in the model and in its report; the rows are not changed."""
    random = np.random.RandomState(0)
    X = sparse.random(300, 40, density=0.3, format="csr", random_state=0)
    y = X @ random.standard_normal((40, 70))
    projection = ReLUProjection(
        max_iter=1, weights_dtype="float32", random_state=0, validation_fraction=0.5
    ).fit(X, y)
    assert [weights.shape for weights in projection.coefs_] == [
        (40, 70),
        (70, 32),
        (32, 70),
    ]
    np.testing.assert_allclose(
        projection.transform(X),
        reference.tied_network(X, *projection.coefs_),
        atol=2e-6,
    )
    assert [w.shape[1] for w in projection.truncate(3).coefs_] == [70, 32, 3]


@pytest.mark.parametrize("tied", [False, True])
def test_projection_coefs_keep_the_form_of_the_fit(documents, tied):
    """A parameter that is set later counts for the next fit alone."""
    X, y = documents
    sizes = ["tied", (6,)] if tied else [(6,), "tied"]
    projection = small_projection(hidden_layer_sizes=sizes[0]).fit(X, y)
    expected = projection.transform(X)
    projection.set_params(hidden_layer_sizes=sizes[1]).coefs_ = projection.coefs_
    assert network_of(projection).tied is tied
    reference.assert_same_bits(projection.transform(X), expected)


@pytest.mark.parametrize("sizes", ["tied", (6,)])
def test_projection_coefs_without_a_fit_have_the_form_of_the_parameter(sizes):
    projection = ReLUProjection(hidden_layer_sizes=sizes)
    projection.coefs_ = [np.ones((9, 6)), np.ones((6, 4))]
    assert network_of(projection).tied is (sizes == "tied")


@pytest.mark.parametrize("sizes", ["tied", (12,), ()])
def test_projection_of_similarities_alone_is_turned_onto_its_targets(
    documents, monkeypatch, sizes
):
    """Large steps turn the student away. Tied rows are turned back nearly."""
    X, y = documents
    projection = small_projection(
        hidden_layer_sizes=sizes,
        loss="similarity_kl",
        corpus_weight=0,
        learning_rate_init=0.02,
        max_iter=20,
    )
    turned = mean_cosine(projection.fit(X, y), X, y)
    name = "sklux._student.projection.rotated_coefs"
    monkeypatch.setattr(name, lambda data, targets, coefs, tied: coefs)
    assert turned > mean_cosine(projection.fit(X, y), X, y) + 0.002
    assert turned > 0.92


def test_projection_in_a_search_over_its_form(documents):
    X, y = documents
    grid = {
        "hidden_layer_sizes": ["tied", (8,), ()],
        "weights_dtype": ["int8", "float32"],
    }
    projection = ReLUProjection(6, max_iter=1, random_state=0)
    search = GridSearchCV(projection, grid, scoring=mean_cosine, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 6
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    network = network_of(search.best_estimator_)
    assert network.dtype == search.best_params_["weights_dtype"]
    assert network.tied is (search.best_params_["hidden_layer_sizes"] == "tied")


def test_projection_takes_an_int_for_one_hidden_layer(documents, fitted):
    projection = small_projection(hidden_layer_sizes=16).fit(*documents)
    assert_same_weights(projection, fitted)
    assert clone(projection).hidden_layer_sizes == 16


@pytest.mark.parametrize("sizes", [0, -3, 2.5, True, "64", "Tied", "tie", None])
def test_projection_refuses_other_hidden_layer_sizes(documents, sizes):
    with pytest.raises(ValueError, match="The 'hidden_layer_sizes' parameter of ReLU"):
        small_projection(hidden_layer_sizes=sizes).fit(*documents)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_projection_weights_dtype_is_the_stored_type(documents, fitted, dtype):
    """The same bits as weights that are quantized after the fit."""
    projection = small_projection(weights_dtype=dtype).fit(*documents)
    expected = with_network(fitted, network_of(fitted).quantized(dtype))
    assert network_of(projection).dtype == dtype
    assert_same_weights(projection, expected)
    reference.assert_same_bits(
        projection.transform(documents[0]), expected.transform(documents[0])
    )
    assert projection.loss_curve_ == fitted.loss_curve_
    assert clone(projection).weights_dtype == dtype
    assert projection.truncate(3).weights_dtype == dtype
    # Another fit starts from nothing.
    again = projection.set_params(weights_dtype="float32").fit(*documents)
    assert_same_weights(again, fitted)


@pytest.mark.parametrize("dtype", ["int4", "float64", np.int8, None])
def test_projection_refuses_another_weights_dtype(documents, dtype):
    with pytest.raises(ValueError, match="The 'weights_dtype' parameter .* must be"):
        small_projection(weights_dtype=dtype).fit(*documents)


def test_projection_weights_depend_on_the_seed(documents, fitted):
    other = small_projection(random_state=1).fit(*documents)
    assert not np.array_equal(other.coefs_[0], fitted.coefs_[0])


def test_projection_clone_is_not_fitted(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(np.ones((1, 60)))


def test_projection_has_the_same_bits_after_pickle(documents, fitted):
    reference.assert_same_bits(
        fitted_copy(fitted).transform(documents[0]), fitted.transform(documents[0])
    )


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_projection_has_the_same_bits_after_joblib(
    documents, fitted, tmp_path, mmap_mode
):
    joblib.dump(fitted, tmp_path / "projection.joblib")
    loaded = joblib.load(tmp_path / "projection.joblib", mmap_mode=mmap_mode)
    reference.assert_same_bits(
        loaded.transform(documents[0]), fitted.transform(documents[0])
    )


def test_projection_feature_names_out(fitted):
    names = fitted.get_feature_names_out()
    assert list(names) == [f"reluprojection{i}" for i in range(6)]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_projection_set_output(documents, fitted, library):
    pytest.importorskip(library)
    X = documents[0][:5]
    frame = fitted_copy(fitted).set_output(transform=library).transform(X)
    assert type(frame).__module__.split(".")[0] == library
    assert list(frame.columns) == list(fitted.get_feature_names_out())
    np.testing.assert_array_equal(frame.to_numpy(), fitted.transform(X))


def test_projection_feature_names_in(documents):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(
        documents[0][:50].toarray(), columns=[f"word{i}" for i in range(60)]
    )
    projection = small_projection().fit(X, documents[1][:50])
    assert list(projection.feature_names_in_) == list(X.columns)


@pytest.mark.parametrize("verbose", [True, False, None])
def test_projection_verbose_shows_a_bar(capsys, documents, verbose):
    small_projection(verbose=verbose).fit(*documents)
    captured = capsys.readouterr()
    assert ("training" in captured.err) is bool(verbose)
    assert captured.out == ""


@pytest.mark.parametrize("device", ["nonsense", "meta", "hpu", "cuda:99"])
def test_projection_refuses_a_device_that_is_missing(documents, device):
    with pytest.raises(ValueError, match=f"'device' parameter.*Got '{device}' instead"):
        small_projection(device=device).fit(*documents)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("loss", LOSSES)
def test_projection_device_cuda(documents, loss):
    X, y = documents
    on_cpu, on_gpu = (
        small_projection(loss=loss, device=device).fit(X, y).transform(X)
        for device in ("cpu", "cuda")
    )
    assert (on_cpu * on_gpu).sum(axis=1).mean() > 0.99


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_components", 0),
        ("n_components", 2.5),
        ("hidden_layer_sizes", -5),
        ("hidden_layer_sizes", (0,)),
        ("hidden_layer_sizes", (2.5,)),
        ("hidden_layer_sizes", "ab"),
        ("loss", "euclidean"),
        ("loss", ["cosine"]),
        ("loss", {}),
        ("loss", {"euclidean": 1.0}),
        ("loss", {"cosine": 1.0, "euclidean": 0}),
        ("loss", {"cosine": 0.0, "similarity_kl": 0.0}),
        ("loss", {"cosine": -1.0}),
        ("loss", {"cosine": 1.0, "similarity_kl": -0.5}),
        ("loss", {"cosine": "1"}),
        ("loss", {"cosine": None}),
        ("loss", {"cosine": np.nan}),
        ("loss", {"cosine": np.inf}),
        ("loss", {"cosine": np.ones(2)}),
        ("temperature", 0),
        ("temperature", "Auto"),
        ("loss", "Auto"),
        ("loss", {"auto": 1.0}),
        ("temperature", 1e19),
        ("corpus_weight", -0.1),
        ("corpus_weight", 1.1),
        ("corpus_weight", "all"),
        ("contrastive_weight", -1),
        ("contrastive_weight", "all"),
        ("contrastive_temperature", 0),
        ("dropout", -0.1),
        ("dropout", 1.0),
        ("learning_rate_init", 0),
        ("learning_rate_init", 1e38),
        ("learning_rate_init", np.inf),
        ("batch_size", 0),
        ("batch_size", "all"),
        ("max_iter", 0),
        ("early_stopping", "yes"),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("tol", -1),
        ("device", None),
        ("n_jobs", "all"),
        ("random_state", "seed"),
        ("verbose", "yes"),
    ],
)
def test_projection_parameter_out_of_range(documents, parameter, value):
    with pytest.raises(
        ValueError, match=f"The '{parameter}' parameter of ReLUProjection must be"
    ):
        small_projection(**{parameter: value}).fit(*documents)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (16,)])
def test_projection_keeps_the_initial_weights_if_training_diverges(
    documents, hidden_layer_sizes
):
    """The initial weights are a linear student."""
    X, y = documents
    projection = small_projection(
        learning_rate_init=1e30, hidden_layer_sizes=hidden_layer_sizes
    )
    with pytest.warns(ConvergenceWarning, match=r"Lower learning_rate_init=1e\+30"):
        projection.fit(X, y)
    lengths = np.linalg.norm(projection.transform(X), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    assert np.isfinite(projection.loss_curve_).all()
    assert projection.n_iter_ == len(projection.loss_curve_)
    assert projection.report_.neighbor_recall > 0.1


@pytest.mark.parametrize("early_stopping", [True, False])
def test_projection_loss_that_is_nan_keeps_the_last_good_weights(
    monkeypatch, documents, early_stopping
):
    import sklux._student.training

    parameters = dict(batch_size=600, tol=0, dropout=0, early_stopping=early_stopping)
    losses = []
    batch_loss = sklux._student.training.batch_loss

    def nan_in_the_third_epoch(*args):
        losses.append(batch_loss(*args))
        return losses[-1] * (np.nan if len(losses) == 3 else 1)

    monkeypatch.setattr(sklux._student.training, "batch_loss", nan_in_the_third_epoch)
    projection = small_projection(max_iter=5, **parameters)
    with pytest.warns(ConvergenceWarning, match="the loss of epoch 3"):
        projection.fit(*documents)
    assert len(losses) == 3
    assert projection.n_iter_ == 2
    assert projection.loss_curve_ == [loss.item() for loss in losses[:2]]
    assert np.isfinite(projection.coefs_[0]).all()


def test_projection_refuses_y_of_one_dimension(documents):
    X, y = documents
    with pytest.raises(ValueError, match=r"y must hold .* Got shape \(600,\) instead"):
        small_projection().fit(X, y[:, 0])


def test_projection_refuses_y_of_another_length(documents):
    X, y = documents
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples.*600, 599"):
        small_projection().fit(X, y[:-1])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.nan, "y has NaN or infinity in row 3"),
        (np.inf, "Input y contains infinity"),
        (-np.inf, "Input y contains infinity"),
    ],
)
def test_projection_refuses_y_that_is_not_finite(documents, bad, message):
    X, y = documents
    y = y.copy()
    y[3, 2] = bad
    with pytest.raises(ValueError, match=message):
        small_projection().fit(X, y)


def test_projection_refuses_to_fit_without_y(documents):
    with pytest.raises(ValueError, match="requires y to be passed"):
        small_projection().fit(documents[0], None)


def test_projection_refuses_sparse_y(documents):
    X, y = documents
    with pytest.raises(TypeError, match="[Ss]parse"):
        small_projection().fit(X, sparse.csr_matrix(y))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_projection_refuses_x_that_is_not_finite(fitted, bad):
    with pytest.raises(ValueError, match="Input X contains"):
        fitted.transform(np.full((2, 60), bad))


def test_projection_refuses_x_of_another_width(fitted):
    with pytest.raises(ValueError, match="X has 59 features, but .* is expecting 60"):
        fitted.transform(np.ones((2, 59)))


def test_projection_transform_refuses_columns_out_of_range(documents, fitted):
    X = documents[0].copy()
    X.indices[3] = 60
    with pytest.raises(ValueError, match="indices"):
        fitted.transform(X)


def test_projection_fit_refuses_columns_out_of_range():
    """In a new process, because a column that is not checked crashes the process."""
    program = """
import numpy as np
from scipy import sparse
from sklux import ReLUProjection

X = sparse.csr_matrix(np.ones((30, 6), dtype=np.float32))
X.indices[3] = 10**9
try:
    ReLUProjection(n_components=2).fit(X, np.eye(30, 4))
except ValueError as error:
    print("refused:", error)
"""
    assert "refused:" in run_program(program)


def test_projection_names_the_extra_if_torch_is_missing(monkeypatch, documents):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        ImportError, match=r"needs .*'torch'.*pip install 'sklux\[train\]"
    ):
        small_projection().fit(*documents)


def test_projection_transforms_without_torch(documents, fitted, tmp_path):
    joblib.dump((fitted, documents[0]), tmp_path / "fitted.joblib")
    program = f"""
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NoTorch())
import joblib
import numpy as np

projection, X = joblib.load({str(tmp_path / "fitted.joblib")!r})
np.save({str(tmp_path / "vectors.npy")!r}, projection.transform(X))
"""
    assert run_program(program) == ""
    reference.assert_same_bits(
        np.load(tmp_path / "vectors.npy"), fitted.transform(documents[0])
    )


def run_program(program):
    """Output of a Python program in a new process, even if the program fails."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout


@pytest.mark.filterwarnings("ignore:The student may be no better than chance")
@pytest.mark.parametrize("value", [np.True_, np.False_])
def test_projection_early_stopping_may_be_a_bool_of_numpy(value):
    random_state = np.random.RandomState(0)
    X, y = random_state.rand(500, 5), random_state.standard_normal((500, 6))
    projection = ReLUProjection(4, max_iter=1, early_stopping=value).fit(X, y)
    assert (projection.validation_scores_ is not None) == bool(value)


def test_projection_fits_if_gradients_are_switched_off():
    import torch

    random_state = np.random.RandomState(0)
    X, y = random_state.rand(50, 5), random_state.standard_normal((50, 6))
    expected = ReLUProjection(4, max_iter=1, random_state=0).fit(X, y).transform(X)
    with torch.inference_mode():
        found = ReLUProjection(4, max_iter=1, random_state=0).fit(X, y).transform(X)
    np.testing.assert_array_equal(found, expected)


@contextmanager
def default_dtype(dtype):
    """Set torch's default type of floats, and restore it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize(
    "setting",
    [
        lambda: default_dtype(torch.bfloat16),
        lambda: default_dtype(torch.float16),
        lambda: default_dtype(torch.float64),
        lambda: torch.device("meta"),
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    ],
    ids=["bfloat16", "float16", "float64", "device", "autocast"],
)
@pytest.mark.parametrize("loss", LOSSES)
def test_projection_fit_ignores_the_settings_of_torch(documents, loss, setting):
    """A default type, a default device and mixed precision are for the user's code."""
    X, y = documents
    views = sparse.vstack([X, X[::-1]], format="csr")
    vectors = []
    for context in (nullcontext, setting):
        projection = small_projection(loss=loss, contrastive_weight=0.5)
        with context():
            vectors.append(projection.fit(X, y, X_views=views).transform(X))
    reference.assert_same_bits(*vectors)


def test_projection_fits_in_threads_restore_the_thread_count():
    import threading

    import torch

    random_state = np.random.RandomState(0)
    X, y = random_state.rand(50, 5), random_state.standard_normal((50, 6))

    def fit():
        for _ in range(3):
            ReLUProjection(4, max_iter=2).fit(X, y)

    before = torch.get_num_threads()
    threads = [threading.Thread(target=fit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("scale", [1e20, 1e-25])
def test_projection_refuses_features_out_of_scale(documents, scale):
    """Their squares do not fit into float32, and so their rows cannot be scaled."""
    X, y = documents
    with pytest.raises(ValueError, match="The largest value of X is .* scale X"):
        small_projection().fit(X * scale, y)


@pytest.mark.parametrize("scale", [1e12, 1e-12])
def test_projection_does_not_depend_on_the_scale_of_features(documents, fitted, scale):
    X, y = documents
    student = small_projection().fit((X * scale).astype(np.float32), y)
    recalls = [model.report_.neighbor_recall for model in (student, fitted)]
    assert recalls[0] == pytest.approx(recalls[1], abs=0.05)


def test_projection_failed_refit_cannot_read_outside_the_weights():
    random_state = np.random.RandomState(0)
    y = random_state.standard_normal((50, 6))
    projection = ReLUProjection(4, max_iter=1).fit(random_state.rand(50, 5), y)
    wide = sparse.random(50, 10_000, 0.01, "csr", dtype=np.float32, random_state=0)
    with pytest.raises(ValueError, match="n_components=4 must be at most 2"):
        projection.fit(wide, y[:, :2])
    with pytest.raises(ValueError, match="X has 10000 features, but .* expecting 5"):
        projection.transform(wide)


# Several losses


def test_projection_loss_with_one_weight_equals_its_name(documents):
    fitted = small_projection(loss="cosine").fit(*documents)
    for weights in ({"cosine": 1}, {"cosine": 1.0, "similarity_kl": 0.0}):
        assert_same_weights(small_projection(loss=weights).fit(*documents), fitted)


@pytest.mark.parametrize(
    ("params", "automatic"),
    [
        (
            {"loss": {"cosine": 1.0, "similarity_kl": 20.0}, "temperature": 0.1},
            {"loss": "auto"},
        ),
        (
            {"loss": {"cosine": 2, "similarity_kl": 0.5}, "temperature": 0.1},
            {"loss": {"cosine": 2, "similarity_kl": 0.5}},
        ),
        ({"loss": "similarity_kl", "temperature": 3}, {"loss": "similarity_kl"}),
        (
            {"loss": {"similarity_kl": 2.0}, "temperature": 3},
            {"loss": {"similarity_kl": 2.0, "cosine": 0}},
        ),
    ],
)
def test_projection_temperature_auto_depends_on_the_losses(
    documents, params, automatic
):
    fitted = small_projection(**params).fit(*documents)
    other = small_projection(**automatic)
    assert_same_weights(other.fit(*documents), fitted)
    assert other.temperature == "auto"


def test_projection_loss_auto_is_the_default(documents, fitted):
    assert ReLUProjection().loss == ReLUProjection().temperature == "auto"
    assert_same_weights(small_projection(loss="auto").fit(*documents), fitted)
    cosine = small_projection(loss="cosine").fit(*documents)
    assert not np.array_equal(cosine.coefs_[0], fitted.coefs_[0])


def test_projection_loss_weights_change_the_model(documents):
    models = [
        small_projection(loss={"cosine": 1.0, "similarity_kl": weight}).fit(*documents)
        for weight in (0.5, 5.0)
    ]
    assert not np.array_equal(models[0].coefs_[0], models[1].coefs_[0])


def test_projection_loss_dict_is_cloned_and_kept(documents):
    loss = {"cosine": 1.0, "similarity_kl": 0.5}
    projection = small_projection(loss=loss)
    twin = clone(projection)
    assert twin.loss == loss
    assert twin.loss is not loss
    assert projection.fit(*documents).loss is loss
    assert_same_weights(twin.fit(*documents), projection)


# Two views of each document


@pytest.fixture(scope="module")
def views(documents):
    """Even and odd features as the two views."""
    X = documents[0].toarray()
    is_even = np.arange(X.shape[1]) % 2 == 0
    return sparse.csr_matrix(np.vstack([X * is_even, X * ~is_even]))


def projection_of_views(**changes):
    """The documents are so short that 'auto' is 0."""
    return small_projection(**({"contrastive_weight": 0.05} | changes))


@pytest.fixture(scope="module")
def fitted_with_views(documents, views):
    return projection_of_views().fit(*documents, X_views=views)


def test_projection_views_change_the_model(fitted, fitted_with_views):
    assert not np.array_equal(fitted_with_views.coefs_[0], fitted.coefs_[0])


def test_projection_views_find_each_other(documents, views):
    """They do so more often with the contrastive loss than without."""
    retrieval = []
    for weight in (0, 5.0):
        projection = small_projection(
            contrastive_weight=weight, max_iter=10, early_stopping=False
        )
        projection.fit(*documents, X_views=views)
        first, second = np.split(projection.transform(views), 2)
        retrieval.append(half_document_retrieval(first, second))
    assert retrieval[1] > 1.25 * retrieval[0]


@pytest.mark.parametrize(
    "changes", [{"contrastive_weight": 0.5}, {"contrastive_temperature": 0.5}]
)
def test_projection_contrastive_option_changes_the_model(
    documents, views, fitted_with_views, changes
):
    other = projection_of_views(**changes).fit(*documents, X_views=views)
    assert not np.array_equal(other.coefs_[0], fitted_with_views.coefs_[0])


@pytest.mark.parametrize("changes", [{"contrastive_weight": 0}, {"corpus_weight": 0}])
def test_projection_views_without_weight_change_nothing(documents, views, changes):
    assert_same_weights(
        small_projection(**changes).fit(*documents, X_views=views),
        small_projection(**changes).fit(*documents),
    )


@pytest.mark.parametrize("container", ["toarray", "tocsc", "tocoo", "csr_array"])
def test_projection_has_the_same_bits_for_any_container_of_views(
    documents, views, fitted_with_views, container
):
    is_array = container == "csr_array"
    other = sparse.csr_array(views) if is_array else getattr(views, container)()
    projection = projection_of_views().fit(*documents, X_views=other)
    assert_same_weights(projection, fitted_with_views)


def test_projection_trains_on_views_of_the_training_documents(
    monkeypatch, documents, views
):
    """The two views of a document add up to its features."""
    import sklux._student.training

    recorded = []
    train_student = sklux._student.training.train_student

    def record(examples, *rest):
        recorded.append(examples)
        return train_student(examples, *rest)

    monkeypatch.setattr(sklux._student.training, "train_student", record)
    projection_of_views().fit(*documents, X_views=views)
    (examples,) = recorded
    assert len(np.unique(examples.rows)) == 570
    first, second = np.split(examples.X_views.toarray(), 2)
    np.testing.assert_array_equal(first + second, examples.X.toarray())
    assert not first[:, 1::2].any()


def test_projection_views_may_be_empty(documents, views):
    """A document of one word has an empty second half."""
    views = views.toarray()
    views[600::3] = 0
    projection = projection_of_views().fit(*documents, X_views=views)
    assert np.isfinite(projection.loss_curve_).all()


def test_projection_contrastive_weight_needs_views(documents):
    with pytest.raises(
        ValueError,
        match="contrastive_weight=0.5 needs two views .*give X_views to fit, or set "
        "contrastive_weight=0",
    ):
        small_projection(contrastive_weight=0.5).fit(*documents)


@pytest.mark.parametrize("weight", ["auto", 0, 0.5])
@pytest.mark.parametrize("shape", [(600, 60), (1199, 60), (1200, 59)])
def test_projection_refuses_views_of_another_shape(documents, shape, weight):
    expected = rf"X_views must have .*shape \(1200, 60\). Got \({shape[0]}, {shape[1]}"
    with pytest.raises(ValueError, match=expected):
        small_projection(contrastive_weight=weight).fit(
            *documents, X_views=np.ones(shape)
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_projection_refuses_views_that_are_not_finite(documents, views, bad):
    views = views.toarray()
    views[7, 3] = bad
    with pytest.raises(ValueError, match="Input X_views contains"):
        small_projection().fit(*documents, X_views=views)


def test_projection_refuses_views_with_columns_out_of_range(documents, views):
    views = views.copy()
    views.indices[3] = 60
    with pytest.raises(ValueError, match="indices"):
        small_projection().fit(*documents, X_views=views)


# Teacher embeddings of views


@pytest.fixture(scope="module")
def y_views(documents, views):
    """A map of the features of the views."""
    rng = np.random.RandomState(3)
    return views @ rng.standard_normal((views.shape[1], documents[1].shape[1]))


@pytest.mark.parametrize(
    ("loss", "hidden"),
    [
        ("auto", "tied"),
        ("cosine", (64,)),
        ("similarity_kl", ()),
        ("similarity_kl", "tied"),
    ],
)
def test_projection_learns_embeddings_of_views(documents, views, y_views, loss, hidden):
    """Neighbours among the views are found more often."""
    found = []
    for given in ({}, {"X_views": views, "y_views": y_views}):
        projection = small_projection(
            loss=loss, hidden_layer_sizes=hidden, max_iter=10, early_stopping=False
        )
        student = projection.fit(*documents, **given).transform(views)
        found.append(neighbor_recall_score(y_views, student, random_state=0))
    assert found[1] > 1.1 * found[0]


@pytest.mark.parametrize("weight", ["auto", 0])
def test_projection_embeddings_of_views_need_no_contrastive_weight(
    documents, views, y_views, weight
):
    """Here 'auto' is 0, because the documents are short."""
    options = {"contrastive_weight": weight}
    with_targets = small_projection(**options).fit(
        *documents, X_views=views, y_views=y_views
    )
    alone = small_projection(**options).fit(*documents)
    assert np.abs(with_targets.coefs_[0] - alone.coefs_[0]).max() > 1e-4


def test_projection_missing_embeddings_of_views(documents, views, y_views):
    """Rows of NaN and of zeros are the same; other values there would matter."""
    options = {"X_views": views}
    models = []
    for value in (np.nan, 0, 1):
        rows = y_views.copy()
        rows[100:] = value
        models.append(small_projection().fit(*documents, y_views=rows, **options))
    assert_same_weights(models[0], models[1])
    assert (models[0].coefs_[0] != models[2].coefs_[0]).any()


def test_projection_embeddings_of_views_of_documents_without_one(
    documents, views, y_views
):
    """A view may have an embedding though its document has none."""
    X, y = documents
    rows = np.full_like(y_views, np.nan)
    rows[[300, 900]] = y_views[[300, 900]]
    models = []
    for given in ({}, {"X_views": views, "y_views": rows}):
        with pytest.warns(UserWarning, match="300 of 600 documents have no teacher"):
            models.append(
                small_projection(early_stopping=False).fit(
                    X, with_missing(y, slice(300, None)), **given
                )
            )
    assert (models[0].coefs_[0] != models[1].coefs_[0]).any()


def test_projection_embeddings_of_views_need_views(documents, y_views):
    message = "y_views has teacher embeddings of views, but X_views is None.*leave y_v"
    with pytest.raises(ValueError, match=message):
        small_projection().fit(*documents, y_views=y_views)


def test_projection_refuses_bad_embeddings_of_views(documents, views, y_views):
    with pytest.raises(ValueError, match=r"y_views must have .*\(1200, \d+\). Got"):
        small_projection().fit(*documents, X_views=views, y_views=y_views[:600])
    with pytest.raises(
        ValueError, match="y_views has no embedding for any of the 1200"
    ):
        small_projection().fit(
            *documents, X_views=views, y_views=np.full_like(y_views, np.nan)
        )


# Documents without a teacher embedding


def with_missing(y, rows, value=np.nan):
    """Teacher embeddings of which some rows are missing."""
    y = y.copy()
    y[rows] = value
    return y


def fit_partly(X, y, **changes):
    """Fit, and expect a warning of missing teacher embeddings."""
    with pytest.warns(UserWarning, match="documents have no teacher embedding"):
        return small_projection(**changes).fit(X, y)


def test_projection_warns_of_missing_teacher_embeddings(documents):
    """Both NaN and zero rows are missing. The warning names the line of the caller."""
    X, y = documents
    y = with_missing(with_missing(y, slice(0, 70)), slice(70, 120), 0)
    message = "120 of 600 documents have no teacher embedding: .*from the other 480"
    with pytest.warns(UserWarning, match=message) as caught:
        projection = small_projection().fit(X, y)
    assert caught[0].filename == __file__
    assert projection.n_teacher_documents_ == 480


def test_projection_warning_of_one_missing_embedding_is_in_the_singular(documents):
    X, y = documents
    with pytest.warns(
        UserWarning, match="^1 of 600 documents has no teacher embedding: its row is"
    ):
        small_projection().fit(X, with_missing(y, 7))


def test_projection_does_not_warn_if_all_documents_have_a_teacher_embedding(documents):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert small_projection().fit(*documents).n_teacher_documents_ == 600


def test_projection_treats_nan_rows_and_zero_rows_alike(documents):
    X, y = documents
    models = [
        fit_partly(X, with_missing(y, slice(0, 600, 4), value)) for value in (np.nan, 0)
    ]
    assert_same_weights(*models)


def test_projection_fit_does_not_change_its_input(documents, views):
    """Not even rows of NaN."""
    X, y = documents[0].copy(), with_missing(documents[1], slice(0, 300, 3))
    before = X.toarray(), y.copy(), views.toarray()
    with pytest.warns(UserWarning, match="100 of 600"):
        small_projection().fit(X, y, X_views=views)
    for array, expected in zip((X.toarray(), y, views.toarray()), before):
        np.testing.assert_array_equal(array, expected)


def test_projection_refuses_rows_that_are_nan_in_part(documents):
    X, y = documents
    y = with_missing(y, slice(0, 100))
    y[[30, 200, 410], 5] = 1, np.nan, np.nan
    with pytest.raises(
        ValueError, match="y has NaN or infinity in 3 rows, the first of them row 30"
    ):
        small_projection().fit(X, y)


@pytest.mark.parametrize("value", [np.nan, 0])
def test_projection_needs_a_teacher_embedding(documents, value):
    X, y = documents
    with pytest.raises(
        ValueError,
        match="y has no embedding for any of the 600 documents.*At least one document "
        "needs",
    ):
        small_projection().fit(X, np.full_like(y, value))


@pytest.mark.parametrize("corpus_weight", [0, 0.1, 1])
@pytest.mark.parametrize("loss", LOSSES)
def test_projection_imputes_embeddings_for_any_targets(documents, loss, corpus_weight):
    X, y = documents
    y = with_missing(y, slice(0, 600, 2))
    projection = fit_partly(X, y, loss=loss, corpus_weight=corpus_weight)
    lengths = np.linalg.norm(projection.transform(X), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    assert projection.teacher_components_.shape == (6, 16)


def test_projection_holds_out_only_documents_with_a_teacher_embedding(documents):
    """A tenth of 400."""
    X, y = documents
    projection = fit_partly(
        X,
        with_missing(y, slice(400, 600)),
        early_stopping=True,
        validation_fraction=0.1,
    )
    assert projection.report_.held_out
    assert projection.report_.n_documents == 40


def test_projection_does_not_impute_from_held_out_documents(monkeypatch, documents):
    """A tenth of 400 documents is held out."""
    X, y = documents
    recorded = []
    fit_imputation = sklux._student.targets.fit_imputation

    def record(X, directions, teacher, known, terms):
        recorded.append(known)
        return fit_imputation(X, directions, teacher, known, terms)

    monkeypatch.setattr(sklux._student.targets, "fit_imputation", record)
    y = with_missing(y, slice(400, 600))
    fit_partly(X, y, early_stopping=True, validation_fraction=0.1)
    (known,) = recorded
    assert len(np.unique(known)) == 360
    assert known.max() < 400


def test_projection_imputes_from_each_of_many_copies_once(monkeypatch, documents):
    """Document 0 and its 200 copies have an embedding, so do 99 other documents."""
    X, y = documents
    rows = np.concatenate([np.zeros(200, dtype=int), np.arange(600)])
    recorded = []
    fit_imputation = sklux._student.targets.fit_imputation

    def record(X, directions, teacher, known, terms):
        recorded.append((known, teacher[np.arange(300)]))
        return fit_imputation(X, directions, teacher, known, terms)

    monkeypatch.setattr(sklux._student.targets, "fit_imputation", record)
    whole = []
    make_targets = sklux._student.targets.make_targets
    monkeypatch.setattr(
        sklux._student.targets,
        "make_targets",
        lambda teacher, *rest: (
            whole.append(teacher[np.arange(300)]) or make_targets(teacher, *rest)
        ),
    )
    y = with_missing(y, slice(100, 600))[rows]
    fit_partly(X[rows], y, early_stopping=False)
    ((known, teacher),), (vectors,) = recorded, whole
    assert known.tolist() == [0, *range(201, 300)]
    reference.assert_same_bits(vectors, teacher)


def test_projection_report_is_about_documents_with_a_teacher_embedding(documents):
    X, y = documents
    projection = fit_partly(
        X, with_missing(y, slice(90, 600)), n_components=4, early_stopping=False
    )
    assert projection.report_.n_documents == 90


def test_projection_early_stopping_needs_enough_teacher_embeddings(documents):
    X, y = documents
    message = r"gives 5 of the documents with a teacher embedding \(100\)"
    with (
        pytest.warns(UserWarning, match="500 of 600"),
        pytest.raises(ValueError, match=message),
    ):
        small_projection(early_stopping=True).fit(X, with_missing(y, slice(100, 600)))


def test_projection_n_components_is_limited_by_teacher_embeddings(documents):
    X, y = documents
    with (
        pytest.warns(UserWarning, match="595 of 600"),
        pytest.raises(
            ValueError,
            match="n_components=6 must be at most 5: there are 5 documents with a tea",
        ),
    ):
        small_projection().fit(X, with_missing(y, slice(5, 600)))


def test_projection_default_n_components_is_limited_by_teacher_embeddings(documents):
    X, y = documents
    projection = fit_partly(X, with_missing(y, slice(10, 600)), n_components=256)
    assert projection.n_components_ == 10
    assert projection.transform(X).shape == (600, 10)


def test_projection_trains_on_documents_without_a_teacher_embedding(documents):
    """Features that only these documents have get weights."""
    X, y = documents
    X = X.toarray()
    X[:300, 40:] = 0
    projection = fit_partly(X, with_missing(y, slice(300, 600)))
    alone = small_projection().fit(X[:300], y[:300])
    assert np.abs(projection.coefs_[0][40:]).sum(axis=1).min() > 0
    assert not np.array_equal(projection.coefs_[0][:40], alone.coefs_[0][:40])


def test_projection_finds_neighbors_of_documents_with_an_imputed_embedding(documents):
    X, y = documents
    projection = fit_partly(
        X,
        with_missing(y, slice(200, 600)),
        n_components=8,
        hidden_layer_sizes=(48,),
        max_iter=10,
    )
    overlap = reference.neighbor_overlap(y[200:], projection.transform(X[200:]), 10)
    # By chance: 10 of 399.
    assert overlap > 0.3


# Input that does not allow a fit


def test_projection_refuses_one_document(documents):
    X, y = documents
    with pytest.raises(ValueError, match=r"Found array with 1 sample.*minimum of 2 is"):
        ReLUProjection().fit(X[:1], y[:1])


@pytest.mark.parametrize("scaled", [False, True])
def test_projection_refuses_a_constant_teacher(documents, scaled):
    """Only the direction of an embedding counts, not its length."""
    X, y = documents
    factor = np.linspace(1, 9, 600)[:, np.newaxis] if scaled else np.ones((600, 1))
    with pytest.raises(
        ValueError,
        match="y has one and the same direction for all 600 documents with an embed",
    ):
        small_projection().fit(X, factor * y[0])


def test_projection_teacher_may_have_one_component(documents):
    """There are at most two directions, and one is enough."""
    X, y = documents
    projection = ReLUProjection(max_iter=1).fit(X, abs(y[:, :1]))
    assert projection.transform(X).shape == (600, 1)


def test_projection_fits_one_teacher_embedding(documents):
    X, y = documents
    y = with_missing(y, slice(1, 600))
    with pytest.warns(UserWarning, match="599 of 600"):
        projection = ReLUProjection(max_iter=1).fit(X, y)
    assert projection.n_components_ == projection.n_teacher_documents_ == 1


@pytest.mark.parametrize("stored", [False, True])
def test_projection_refuses_x_without_values(documents, stored):
    X = sparse.csr_matrix((600, 60), dtype=np.float32)
    if stored:
        X = documents[0] * np.float32(0)
    with pytest.raises(
        ValueError, match="X has no value other than 0.* all documents empty"
    ):
        small_projection().fit(X, documents[1])


# A fit that fails

INSIDE_FIT = [
    "sklux._student.targets.make_targets",
    "sklux._student.training.train_student",
    "sklux._student.finishing.fit_report",
]


def stop_inside(monkeypatch, place, error):
    """Make a part of fit raise an error."""

    def stop(*args, **kwargs):
        raise error

    monkeypatch.setattr(place, stop)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("place", INSIDE_FIT)
def test_projection_keeps_the_fitted_model_if_fit_fails(
    monkeypatch, documents, fitted, place, error
):
    X, y = documents
    projection = fitted_copy(fitted)
    before = dict(vars(projection))
    stop_inside(monkeypatch, place, error)
    with pytest.raises(error):
        # All sizes are smaller, and none of them may show afterwards.
        projection.fit(X[:300, :50], y[:300, :12])
    assert vars(projection) == before
    reference.assert_same_bits(projection.transform(X), fitted.transform(X))
    reference.assert_same_bits(projection.project_teacher(y), fitted.project_teacher(y))


@pytest.mark.parametrize("place", INSIDE_FIT)
def test_projection_stays_unfitted_if_the_first_fit_is_interrupted(
    monkeypatch, documents, place
):
    projection = small_projection()
    before = dict(vars(projection))
    stop_inside(monkeypatch, place, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        projection.fit(*documents)
    assert vars(projection) == before
    with pytest.raises(NotFittedError):
        projection.transform(documents[0])


def test_projection_keeps_the_fitted_model_if_input_is_refused(documents, fitted):
    X, y = documents
    projection = fitted_copy(fitted)
    with pytest.raises(
        ValueError, match="y has no embedding for any of the 600 documents"
    ):
        projection.fit(X[:, :50], np.zeros_like(y))
    assert projection.n_features_in_ == 60
    reference.assert_same_bits(projection.transform(X), fitted.transform(X))


# The report


def test_projection_report_of_all_documents(documents):
    X, y = documents
    projection = small_projection(early_stopping=False).fit(X, y)
    expected = fit_report(projection.transform(X), y, held_out=False, random_state=0)
    assert projection.report_.n_documents == 600
    # The correlation is of other pairs of documents.
    assert projection.report_.as_dict() == pytest.approx(expected.as_dict(), abs=5e-3)


def test_projection_report_of_held_out_documents(fitted):
    """5 % of 600."""
    assert isinstance(fitted.report_, FitReport)
    assert fitted.report_.held_out
    assert fitted.report_.n_documents == 30
    assert fitted.report_.n_components == 6
    assert 10 / 29 < fitted.report_.neighbor_recall <= 1


def test_projection_report_does_not_depend_on_targets_of_held_out_documents():
    """Each document has a feature that no other has, and the teacher is noise.

    By chance, 10 of the 49 other documents are found.
    """
    random_state = np.random.RandomState(0)
    shared = sparse.random(1000, 100, 0.1, "csr", random_state=0)
    X = sparse.hstack([shared, sparse.eye(1000)], format="csr")
    y = random_state.standard_normal((1000, 20))
    with pytest.warns(ConvergenceWarning, match="no better than chance"):
        report = small_projection().fit(X, y).report_
    assert report.held_out
    assert report.neighbor_recall < 0.35


def test_projection_report_is_about_a_sample_of_many_documents(monkeypatch, documents):
    monkeypatch.setattr(sklux._student.finishing, "MAX_REPORT_SIZE", 100)
    projection = small_projection(early_stopping=False).fit(*documents)
    assert projection.report_.n_documents == 100


def test_projection_report_is_the_same_for_the_same_seed(documents, fitted):
    assert small_projection().fit(*documents).report_ == fitted.report_


def test_projection_report_survives_pickle_and_json(fitted):
    assert fitted_copy(fitted).report_ == fitted.report_
    state = json.loads(json.dumps(fitted.report_.as_dict()))
    assert FitReport.from_dict(state) == fitted.report_


def test_projection_report_is_in_the_html(fitted):
    assert fitted._repr_html_().endswith(fitted.report_._repr_html_())
    assert "sklux-fit-report" not in ReLUProjection()._repr_html_()


def test_projection_collapse_warns(documents):
    """A single unit has only one direction."""
    with pytest.warns(
        ConvergenceWarning,
        match="The student has collapsed.\nStudent and teacher: [0-9]+ held-out",
    ):
        projection = small_projection(hidden_layer_sizes=(1,)).fit(*documents)
    assert projection.report_.is_collapsed
    assert "collapsed into few directions" in projection._repr_html_()


@pytest.mark.parametrize("n_samples", [400, 600])
def test_projection_no_better_than_chance_warns(documents, n_samples):
    """The embeddings are of other documents. 20 and 30 documents are held out."""
    X, y = (rows[:n_samples] for rows in documents)
    with pytest.warns(
        ConvergenceWarning,
        match="The student may be no better than chance.\nStudent and teacher: "
        f"{n_samples // 20} held-out documents\n(.|\n)*belong to these documents",
    ):
        projection = small_projection().fit(X, np.random.RandomState(1).permutation(y))
    assert projection.report_.is_no_better_than_chance


@pytest.mark.parametrize("n_samples", [400, 600])
def test_projection_better_than_chance_does_not_warn(recwarn, n_samples):
    for seed in range(3):
        X, y = reference.topic_documents(n_samples, seed=seed)
        projection = small_projection(random_state=seed).fit(X, y)
        assert projection.report_.held_out
        assert not projection.report_.is_no_better_than_chance
    assert not [warning for warning in recwarn if "student" in str(warning.message)]


# Fewer dimensions


def shortened(vectors, n_components):
    """The first components, with unit length."""
    return reference.unit_rows(vectors[:, :n_components])


@pytest.mark.parametrize("hidden_layer_sizes", ["tied", (), (16,), (20, 9)])
@pytest.mark.parametrize("n_components", [1, 4, 6, np.int64(3)])
def test_projection_truncate_keeps_the_first_components(
    documents, hidden_layer_sizes, n_components
):
    X, y = documents
    projection = small_projection(hidden_layer_sizes=hidden_layer_sizes).fit(X, y)
    short = projection.truncate(n_components)
    assert short.transform(X).dtype == np.float32
    np.testing.assert_allclose(
        short.transform(X), shortened(projection.transform(X), n_components), atol=1e-6
    )
    assert short.n_components == short.n_components_ == n_components
    widths = (6,) if hidden_layer_sizes == "tied" else hidden_layer_sizes
    assert [w.shape[1] for w in short.coefs_] == [*widths, n_components]
    assert len(short.get_feature_names_out()) == n_components


def test_projection_truncate_does_not_change_the_model(documents, fitted):
    projection = fitted_copy(fitted)
    projection.truncate(2)
    assert projection.n_components == projection.n_components_ == 6
    assert_same_weights(projection, fitted)
    reference.assert_same_bits(
        projection.transform(documents[0]), fitted.transform(documents[0])
    )


def test_projection_truncate_to_its_own_width_changes_no_bit(documents, fitted):
    reference.assert_same_bits(
        fitted.truncate(6).transform(documents[0]), fitted.transform(documents[0])
    )


def test_projection_truncate_twice_equals_once(documents, fitted):
    X = documents[0]
    reference.assert_same_bits(
        fitted.truncate(5).truncate(2).transform(X), fitted.truncate(2).transform(X)
    )


def test_projection_truncate_shortens_teacher_vectors_too(documents, fitted):
    y = documents[1]
    np.testing.assert_allclose(
        fitted.truncate(3).project_teacher(y),
        shortened(fitted.project_teacher(y), 3),
        atol=1e-6,
    )


def test_projection_truncate_keeps_the_history(fitted):
    short = fitted.truncate(3)
    for name in (
        "loss_curve_",
        "validation_scores_",
        "n_iter_",
        "n_teacher_documents_",
    ):
        assert getattr(short, name) == getattr(fitted, name)


def test_projection_truncate_has_no_report(fitted):
    """The numbers of the report are about the whole vectors."""
    short = fitted.truncate(3)
    assert short.report_ is None
    assert fitted.report_ is not None
    assert "sklux-fit-report" not in short._repr_html_()


def test_projection_truncated_can_be_pickled_and_fitted_again(documents, fitted):
    short = fitted_copy(fitted.truncate(3))
    assert short.transform(documents[0]).shape == (600, 3)
    assert_same_weights(
        short.fit(*documents), small_projection(n_components=3).fit(*documents)
    )


@pytest.mark.parametrize("n_components", [0, -1, 7, 2.0, True, "3", None])
def test_projection_truncate_refuses_other_widths(fitted, n_components):
    with pytest.raises(
        ValueError, match="'n_components' parameter of truncate must be .* from 1 to 6"
    ):
        fitted.truncate(n_components)


def test_projection_truncate_needs_fit():
    with pytest.raises(NotFittedError):
        ReLUProjection().truncate(2)
