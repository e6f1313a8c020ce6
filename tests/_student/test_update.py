"""Updates of a fitted student by new documents."""

import copy
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from strategies import seeds

from sklux import ReLUProjection
from sklux._student import update
from sklux._student.initialization import RIDGE_ALPHA
from sklux._student.learnt_features import LearntFeatures
from sklux._student.network import Network
from sklux._student.projection import adopt_student, network_of, student_of
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._student.term_vectors import term_vectors
from sklux._student.update import (
    TERMS_RIDGE,
    coefs_to_update,
    fill_missing_targets,
    padded,
    regress_residuals,
    start_new_terms,
    sums_of_squares,
    updated_network,
)

pytest.importorskip("torch")
N_FEATURES, N_TEACHER, WIDTH = 12, 6, 4
FAST = {"n_components": WIDTH, "random_state": 0, "max_iter": 3}


def make_data(n_documents, seed=0, n_features=N_FEATURES):
    """Sparse features, and teacher embeddings that are linear in them."""
    rng = np.random.RandomState(seed)
    X = rng.random_sample((n_documents, n_features)) * (
        rng.random_sample((n_documents, n_features)) < 0.5
    )
    X[:, 0] += 0.1
    mapping = np.random.RandomState(1).standard_normal((n_features, N_TEACHER))
    return sparse.csr_matrix(X, dtype=np.float32), X @ mapping


@pytest.fixture(scope="module")
def fitted():
    X, y = make_data(80)
    return ReLUProjection(**FAST).fit(X, y)


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)


def expected_change(X, targets, coefs, tied, squares, past_weight):
    """The minimum of the objective in the module's text, by normal equations."""
    X = unit(X.toarray().astype(np.float64))
    a = X @ coefs[0]
    length = np.linalg.norm(a, axis=1, keepdims=True) if tied else np.ones((len(a), 1))
    a = a / length
    z = a + np.abs(a) @ coefs[1] if tied else a
    z_length = np.linalg.norm(z, axis=1, keepdims=True)
    wanted = length * z_length * (targets - z / z_length)
    penalty = np.diag(RIDGE_ALPHA + past_weight * squares)
    return np.linalg.solve(X.T @ X + penalty, X.T @ wanted)


@pytest.mark.parametrize("tied", [False, True])
@settings(max_examples=20, deadline=None)
@given(seed=seeds, past_weight=st.sampled_from([0.0, 1.0, 7.0]))
def test_regression_of_residuals_equals_normal_equations(tied, seed, past_weight):
    rng = np.random.RandomState(seed)
    X, _ = make_data(20, seed)
    coefs = [rng.standard_normal((N_FEATURES, WIDTH)).astype(np.float32)]
    if tied:
        coefs.append(0.1 * rng.standard_normal((WIDTH, WIDTH)).astype(np.float32))
    before = [weights.astype(np.float64) for weights in coefs]
    squares = rng.uniform(0, 5, N_FEATURES).astype(np.float32)
    targets = unit(rng.standard_normal((20, WIDTH))).astype(np.float32)
    with mock.patch.object(update, "TOLERANCE", 1e-5):
        regress_residuals(
            *(X, np.arange(20), targets, coefs),
            tied=tied,
            squares=squares,
            past_weight=past_weight,
        )
    change = expected_change(X, targets, before, tied, squares, past_weight)
    error = np.abs(coefs[0] - before[0] - change).max()
    assert error <= 1e-3 * np.abs(change).max() + 1e-5


def test_regression_of_many_documents_goes_on_from_its_parts(monkeypatch):
    """A chunk is the prior of the next: its squares are then known."""
    monkeypatch.setattr(update, "CHUNK", 30)
    X, y = make_data(60)
    targets = unit(y[:, :WIDTH]).astype(np.float32)
    squares = np.ones(N_FEATURES, dtype=np.float32)
    start = np.random.RandomState(0).standard_normal((N_FEATURES, WIDTH))
    at_once, in_parts = ([start.astype(np.float32)] for _ in range(2))
    options = {"tied": False, "past_weight": 1.0}
    regress_residuals(X, np.arange(60), targets, at_once, squares=squares, **options)
    for rows in (np.arange(30), np.arange(30, 60)):
        regress_residuals(X, rows, targets, in_parts, squares=squares, **options)
        squares = squares + sums_of_squares(X[rows])
    np.testing.assert_allclose(at_once[0], in_parts[0], atol=1e-4)


def words(n_known=30, n_new=4):
    """Vectors of terms, and weights that follow from them; new ones have none."""
    rng = np.random.RandomState(0)
    n_terms = n_known + n_new
    vectors = rng.standard_normal((n_terms, N_TEACHER)).astype(np.float32)
    # Other features lie between the terms.
    terms = term_vectors(2 * np.arange(n_terms), vectors)
    mapping = rng.standard_normal((N_TEACHER, WIDTH))
    weights = rng.standard_normal((2 * n_terms, WIDTH)).astype(np.float32)
    weights[terms.features] = terms.vectors @ mapping
    wanted = weights.copy()
    weights[2 * n_known :] = 0
    squares = rng.uniform(0.1, 5, len(weights)).astype(np.float32)
    return terms, weights, squares, wanted


def test_new_terms_begin_with_the_weights_of_similar_terms(monkeypatch):
    terms, weights, squares, wanted = words()
    before = weights.copy()
    monkeypatch.setattr(update, "TERMS_RIDGE", 1e-9)
    start_new_terms(weights, terms, squares)
    np.testing.assert_array_equal(weights[:60], before[:60])
    np.testing.assert_allclose(weights[60::2], wanted[60::2], atol=1e-4)
    # Features that are not terms have no vector.
    assert not weights[61::2].any()


def test_weights_of_new_terms_equal_normal_equations():
    terms, weights, squares, _ = words()
    squares[:20] = 0
    weights[:60] += np.random.RandomState(1).standard_normal((60, WIDTH))
    start = weights.astype(np.float64)
    start_new_terms(weights, terms, squares)
    V, known = terms.vectors[:30].astype(np.float64), squares[:60:2]
    weighted = V * (known / (RIDGE_ALPHA + known))[:, np.newaxis]
    ridge = TERMS_RIDGE * (weighted * V).sum() / N_TEACHER
    mapping = np.linalg.solve(
        weighted.T @ V + ridge * np.eye(N_TEACHER), weighted.T @ start[:60:2]
    )
    np.testing.assert_allclose(weights[60::2], terms.vectors[30:] @ mapping, atol=1e-5)


@pytest.mark.parametrize("case", ["no teacher", "no new", "none known", "alike"])
def test_new_terms_begin_at_zero_without_similar_terms(case):
    terms, weights, squares, wanted = words()
    if case == "no teacher":
        terms = None
    elif case == "no new":
        weights = wanted
    elif case == "none known":
        squares[:] = 0
    else:
        terms = term_vectors(terms.features, np.ones_like(terms.vectors))
    before = weights.copy()
    start_new_terms(weights, terms, squares)
    np.testing.assert_array_equal(weights, before)


def test_sums_of_squares_are_of_unit_rows():
    X = sparse.csr_matrix([[3, 4, 0], [0, 2, 0], [0, 0, 0]], dtype=np.float32)
    np.testing.assert_allclose(sums_of_squares(X), [0.36, 1.64, 0], rtol=1e-6)


def test_padded_adds_zeros():
    assert padded(np.array([[1, 2]]), 3).tolist() == [[1, 2], [0, 0], [0, 0]]


def test_targets_are_projected_or_the_students_own(fitted):
    X, y = make_data(10, seed=3)
    y[4] = np.nan
    teacher = TeacherEmbeddings.of_target(y)
    found = teacher.projected(fitted.teacher_components_).unit(np.arange(10))
    fill_missing_targets(found, teacher, X, network_of(fitted))
    rows = np.delete(np.arange(10), 4)
    np.testing.assert_allclose(found[rows], fitted.project_teacher(y[rows]), atol=1e-6)
    assert (found[4] == fitted.transform(X[4])[0]).all()


def test_coefs_to_update_of_new_features_are_zero(fitted):
    first, *dense = coefs_to_update(network_of(fitted), None, N_FEATURES + 2)
    assert (first[:N_FEATURES] == fitted.coefs_[0]).all()
    assert (first[N_FEATURES:] == 0).all()
    assert [w.shape for w in dense] == [(WIDTH, WIDTH)]


def test_updated_network_keeps_the_order_of_known_rows(fitted):
    before = network_of(fitted)
    X = sparse.csr_matrix(np.ones((3, N_FEATURES + 3)), dtype=np.float32)
    X[0, N_FEATURES] = X[0, N_FEATURES + 2] = X[1, N_FEATURES] = 0
    X.eliminate_zeros()
    coefs = coefs_to_update(before, None, N_FEATURES + 3)
    coefs[0][N_FEATURES:] = 1
    network = updated_network(
        before, coefs, X, LearntFeatures(N_FEATURES + 3), "float32"
    )
    assert (network.places[:N_FEATURES] == before.places).all()
    # Three documents have the second new feature, two the third, one the first.
    assert network.places[N_FEATURES:].tolist() == [N_FEATURES + i for i in (2, 0, 1)]
    assert (network.coefs()[0] == coefs[0]).all()


def test_partial_fit_learns_and_keeps_the_space(fitted):
    model = copy.copy(fitted)
    X, y = make_data(60, seed=5)
    # The teacher says something else of these documents.
    y = y[:, ::-1].copy()
    model.partial_fit(X, y)
    assert model.n_samples_seen_ == 140
    assert model.n_teacher_documents_ == 140
    assert (model.teacher_components_ == fitted.teacher_components_).all()
    for before, after in zip(fitted.coefs_[1:], model.coefs_[1:]):
        assert (before == after).all()
    wanted = fitted.project_teacher(y)
    cosines = [(m.transform(X) * wanted).sum(axis=1).mean() for m in (fitted, model)]
    assert cosines[1] > cosines[0] + 0.1


def test_partial_fit_of_an_unfitted_projection_is_a_fit(fitted):
    X, y = make_data(80)
    model = ReLUProjection(**FAST).partial_fit(X, y)
    assert (model.coefs_[0] == fitted.coefs_[0]).all()


def test_partial_fit_has_the_same_bits_again(fitted):
    X, y = make_data(60, seed=5)
    first, second = (copy.copy(fitted).partial_fit(X, y) for _ in range(2))
    assert (first.coefs_[0] == second.coefs_[0]).all()


@pytest.mark.parametrize("past_weight", [1e12, 1.0])
def test_past_weight_holds_known_weights(fitted, past_weight):
    model = copy.copy(fitted).set_params(
        past_weight=past_weight, weights_dtype="float32"
    )
    X, y = make_data(60, seed=5)
    model.partial_fit(X, y[:, ::-1].copy())
    cosines = (model.transform(X) * fitted.transform(X)).sum(axis=1)
    assert (cosines.min() > 1 - 1e-5) == (past_weight > 1)


def test_small_past_weight_moves_farther(fitted):
    X, y = make_data(60, seed=5)
    y = y[:, ::-1].copy()
    moved = []
    for past_weight in (0.0, 1.0, 20.0):
        model = copy.copy(fitted).set_params(past_weight=past_weight)
        after = model.partial_fit(X, y).transform(X)
        moved.append(float(1 - (after * fitted.transform(X)).sum(axis=1).mean()))
    assert moved[0] > moved[1] > moved[2]


@pytest.mark.parametrize("loss", ["cosine", "similarity_kl", "auto"])
@pytest.mark.parametrize("hidden_layer_sizes", [(), (8,), (8, 6), "tied"])
def test_partial_fit_of_every_network(hidden_layer_sizes, loss):
    X, y = make_data(120)
    parameters = FAST | {"hidden_layer_sizes": hidden_layer_sizes, "loss": loss}
    model = ReLUProjection(**parameters).fit(X[:60], y[:60])
    wanted = model.project_teacher(y[60:])
    before = (model.transform(X[60:]) * wanted).sum(axis=1).mean()
    model.partial_fit(X[60:], y[60:])
    after = (model.transform(X[60:]) * wanted).sum(axis=1).mean()
    assert after > before - 0.01
    assert model.transform(X).shape == (120, WIDTH)
    assert network_of(model).tied == (hidden_layer_sizes == "tied")


def test_partial_fit_with_views_and_missing_embeddings(fitted):
    X, y = make_data(60, seed=5)
    y[::3] = np.nan
    model = copy.copy(fitted).set_params(contrastive_weight=0.1)
    with pytest.warns(UserWarning, match="20 of 60 documents have no teacher"):
        model.partial_fit(X, y, X_views=sparse.vstack([X, X]).tocsr())
    assert model.n_teacher_documents_ == 80 + 40
    assert model.n_samples_seen_ == 140


def test_features_of_held_out_documents_alone_get_weights():
    X, y = make_data(900)
    model = ReLUProjection(**FAST, weights_dtype="float32").fit(X[:400], y[:400])
    student = replace(
        student_of(model),
        network=Network.of(
            [padded(model.coefs_[0], N_FEATURES + 500), *model.coefs_[1:]], tied=True
        ),
        squares=padded(student_of(model).squares, N_FEATURES + 500),
    )
    adopt_student(model, student)
    # Each new document has a feature of its own.
    wide = sparse.hstack([X[400:], sparse.eye(500)]).tocsr().astype(np.float32)
    model.partial_fit(wide, y[400:])
    assert model.report_.held_out
    assert model.coefs_[0].any(axis=1).all()


def test_partial_fit_of_features_that_share_a_row():
    """Only some of many columns occur; an update may bring others."""
    X, y = make_data(80)
    columns = np.arange(N_FEATURES) * 1000
    wide = sparse.csr_matrix((X.data, columns[X.indices], X.indptr), shape=(80, 12_000))
    model = ReLUProjection(**FAST).fit(wide[:60], y[:60])
    assert network_of(model).shares_rows
    assert len(student_of(model).squares) == network_of(model).n_rows
    more = wide[60:].copy()
    more.indices[more.indices == 1000] = 1001
    model.partial_fit(more, y[60:])
    assert model.coefs_[0][1001].any()
    assert not model.coefs_[0][1002].any()
    squares = network_of(model).by_feature(student_of(model).squares)
    np.testing.assert_allclose(
        squares, sums_of_squares(sparse.vstack([wide[:60], more])), rtol=1e-4
    )


def test_partial_fit_refuses_what_it_cannot_keep(fitted):
    X, y = make_data(30)
    with pytest.raises(ValueError, match="7 columns, but the embeddings of fit had 6"):
        copy.copy(fitted).partial_fit(X, np.hstack([y, y[:, :1]]))
    with pytest.raises(ValueError, match="11 features"):
        copy.copy(fitted).partial_fit(X[:, 1:], y)
    with pytest.raises(ValueError, match="past_weight"):
        copy.copy(fitted).set_params(past_weight=-1).partial_fit(X, y)
    for missing in ({"squares": None}, {"teacher_components": None}):
        model = copy.copy(fitted)
        adopt_student(model, replace(student_of(fitted), **missing))
        with pytest.raises(ValueError, match="partial_fit cannot update this model"):
            model.partial_fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_failed_partial_fit_changes_nothing(fitted, monkeypatch):
    model, state = copy.copy(fitted), dict(vars(fitted))

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklux._student.projection.report_on_fit", fail)
    weights = fitted.coefs_[0].copy()
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(*make_data(30, seed=2))
    assert vars(model) == state
    assert (fitted.coefs_[0] == weights).all()


def test_diverging_partial_fit_warns_and_keeps_finite_weights(fitted):
    model = copy.copy(fitted).set_params(learning_rate_init=1e25)
    with pytest.warns(ConvergenceWarning, match="Training stopped"):
        model.partial_fit(*make_data(60, seed=5))
    assert np.isfinite(model.coefs_[0]).all()
