"""Steps after the last epoch: the report, and the weights of the fitted student."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from scipy import sparse

from sklux._student import finishing
from sklux._student.finishing import (
    factored_coefs,
    finished_coefs,
    report_on_fit,
    rotated_coefs,
    stored_network,
)
from sklux._student.fit_data import FitData
from sklux._student.initialization import feature_means
from sklux._student.learnt_features import LearntFeatures
from sklux._student.network import Network, apply_network
from sklux._student.report import fit_report
from sklux._student.targets import make_targets
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._student.term_vectors import term_vectors

# Features of the training documents, of held-out documents alone, of a term, of a view,
# and of nothing.
TRAINED, HELD_OUT, TERM, VIEW, NOTHING = slice(0, 30), slice(30, 40), 40, 41, 42

N_SAMPLES, N_FEATURES, N_COMPONENTS = 80, 43, 4
# Features that are learnt as they are read.
AS_READ = LearntFeatures(N_FEATURES)


def fit_data(*, n_held_out=20, terms=None, X_views=None):
    """Documents of which the last ones are held out and have further features."""
    X, teacher = reference.topic_documents(N_SAMPLES, n_features=40)
    X = X.toarray()
    X[: N_SAMPLES - n_held_out, HELD_OUT] = 0
    X = sparse.csr_matrix(np.pad(X, ((0, 0), (0, N_FEATURES - 40))))
    train, held_out = np.split(np.arange(N_SAMPLES), [N_SAMPLES - n_held_out])
    embeddings = TeacherEmbeddings.of_rows(teacher, "y")
    rng, groups = np.random.RandomState(0), np.arange(N_SAMPLES)
    return FitData(
        *(X, embeddings, X_views, terms),
        *(train, held_out, N_COMPONENTS, rng, groups),
    )


def targets_of(data):
    is_embedded = data.teacher.is_embedded
    return make_targets(data.teacher.vectors, None, 0.0, N_COMPONENTS, is_embedded)


def random_coefs(*hidden_layer_sizes, seed=0):
    rng = np.random.default_rng(seed)
    sizes = (N_FEATURES, *hidden_layer_sizes, N_COMPONENTS)
    return [
        rng.standard_normal(shape, dtype=np.float32)
        for shape in zip(sizes[:-1], sizes[1:])
    ]


def test_finished_coefs_keep_the_weights_of_training_documents():
    data = fit_data()
    trained, *dense = finished_coefs(data, targets_of(data), random_coefs(10))
    before, *dense_before = random_coefs(10)
    reference.assert_same_bits(trained[TRAINED], before[TRAINED])
    for weights, expected in zip(dense, dense_before, strict=True):
        reference.assert_same_bits(weights, expected)


def test_finished_coefs_of_held_out_documents_come_from_their_targets():
    data = fit_data()
    targets = targets_of(data)
    (weights,) = finished_coefs(data, targets, random_coefs())
    expected = feature_means(data.X, targets.reduced)
    np.testing.assert_allclose(weights[HELD_OUT], expected[HELD_OUT], atol=1e-6)
    assert weights[HELD_OUT].any(axis=1).all()


def test_finished_coefs_of_features_without_information_are_zero():
    data = fit_data()
    (weights,) = finished_coefs(data, targets_of(data), random_coefs())
    assert not weights[[TERM, VIEW, NOTHING]].any()


def test_finished_coefs_keep_the_weights_of_terms_and_views():
    views = np.zeros((2 * N_SAMPLES, N_FEATURES), dtype=np.float32)
    views[3, VIEW] = 1
    terms = term_vectors(np.array([TERM]), np.ones((1, 16), dtype=np.float32))
    data = fit_data(terms=terms, X_views=sparse.csr_matrix(views))
    (weights,) = finished_coefs(data, targets_of(data), random_coefs())
    reference.assert_same_bits(weights[[TERM, VIEW]], random_coefs()[0][[TERM, VIEW]])
    assert not weights[NOTHING].any()


def test_finished_coefs_of_tied_rows():
    """Features of held-out documents have one weight for each direction."""
    data = fit_data()
    targets = targets_of(data)
    W, V = finished_coefs(data, targets, random_coefs(N_COMPONENTS), tied=True)
    before = random_coefs(N_COMPONENTS)
    expected = feature_means(data.X, targets.reduced)
    reference.assert_same_bits(W[TRAINED], before[0][TRAINED])
    np.testing.assert_allclose(W[HELD_OUT], expected[HELD_OUT], atol=1e-6)
    assert not W[[TERM, VIEW, NOTHING]].any()
    reference.assert_same_bits(V, before[1])


def rotation(strength=1.0):
    """A rotation; with a small strength, nearly none."""
    noise = np.random.RandomState(1).standard_normal((N_COMPONENTS, N_COMPONENTS))
    return np.linalg.qr(np.eye(N_COMPONENTS) + strength * noise)[0]


@pytest.mark.parametrize("hidden_layer_sizes", [(), (10,), (10, 7)])
def test_rotated_coefs_turn_the_last_layer(hidden_layer_sizes):
    """A student that is a rotation of its targets is turned back."""
    data = fit_data(n_held_out=0)
    coefs = random_coefs(*hidden_layer_sizes)
    student = apply_network(data.X, Network.of(coefs), 1)
    wanted = (student @ rotation(10)).astype(np.float32)
    targets = targets_of(data)._replace(reduced=wanted)
    found = rotated_coefs(data, targets, coefs)
    vectors = apply_network(data.X, Network.of(found), 1)
    np.testing.assert_allclose(vectors, wanted, atol=1e-5)


def test_rotated_coefs_of_tied_rows_without_a_second_matrix_are_exact():
    data = fit_data(n_held_out=0)
    coefs = [random_coefs()[0], np.zeros((N_COMPONENTS, N_COMPONENTS), np.float32)]
    student = apply_network(data.X, Network.of(coefs, tied=True), 1)
    wanted = (student @ rotation(10)).astype(np.float32)
    targets = targets_of(data)._replace(reduced=wanted)
    found = rotated_coefs(data, targets, coefs, tied=True)
    vectors = apply_network(data.X, Network.of(found, tied=True), 1)
    np.testing.assert_allclose(vectors, wanted, atol=1e-5)


@pytest.mark.parametrize("strength", [0.01, 0.1, 0.3])
def test_rotated_coefs_of_tied_rows_turn_the_second_matrix(strength):
    """V adds nearly the same vector to all documents, and the turned V adds it turned.

    Turning W alone leaves an error that is several times as large.
    """
    data = fit_data(n_held_out=0)
    first, _ = random_coefs(N_COMPONENTS)
    added = 0.5 * np.random.RandomState(2).standard_normal((1, N_COMPONENTS))
    coefs = [first, np.tile(added, (N_COMPONENTS, 1)).astype(np.float32)]
    student = apply_network(data.X, Network.of(coefs, tied=True), 1)
    wanted = (student @ rotation(strength)).astype(np.float32)
    targets = targets_of(data)._replace(reduced=wanted)
    found = rotated_coefs(data, targets, [w.copy() for w in coefs], tied=True)
    assert [weights.dtype for weights in found] == [np.float32, np.float32]
    errors = [
        np.abs(apply_network(data.X, Network.of(each, tied=True), 1) - wanted).mean()
        for each in (found, [found[0], coefs[1]], coefs)
    ]
    assert errors[0] < 0.5 * errors[1]
    assert errors[0] < 0.5 * errors[2]


def wide_coefs(n_components, rank=None):
    """W and a V of small rank, if given, of 70 units and more."""
    random = np.random.default_rng(0)
    W = random.standard_normal((N_FEATURES, 200), dtype=np.float32)
    V = random.standard_normal((200, n_components))
    if rank is not None:
        V = V[:, :rank] @ random.standard_normal((rank, n_components))
    return [W, V.astype(np.float32)]


@pytest.mark.parametrize("n_components", [70, 90, 200])
def test_factored_coefs_keep_a_matrix_of_small_rank(n_components):
    """The start of a fit has a V of rank 1, for example."""
    W, V = wide_coefs(n_components, rank=9)
    first, A, B = factored_coefs(fit_data(), [W, V])
    assert first is W
    assert (A.shape, B.shape) == ((200, 32), (32, n_components))
    assert all(w.flags.c_contiguous and w.dtype == np.float32 for w in (A, B))
    np.testing.assert_allclose(A @ B, V, atol=1e-4 * np.abs(V).max())


def test_factored_coefs_have_the_least_error_on_training_documents():
    """The error that is left has the other singular values of the added rows."""
    data, (W, V) = fit_data(), wide_coefs(90)
    a = reference.unit_rows(data.X[data.train] @ W.astype(np.float64))
    rows = abs(a) @ V
    _, A, B = factored_coefs(data, [W, V])
    others = np.linalg.svd(rows, compute_uv=False)[32:]
    error = np.square(rows - abs(a) @ A.astype(np.float64) @ B).sum()
    assert error == pytest.approx(np.square(others).sum(), rel=1e-4)


@pytest.mark.parametrize("n_components", [1, 38])
def test_factored_coefs_leave_a_matrix_that_is_not_larger(n_components):
    coefs = wide_coefs(n_components)
    found = factored_coefs(fit_data(), coefs)
    assert [id(weights) for weights in found] == [id(weights) for weights in coefs]


@pytest.mark.parametrize("tied", [False, True])
def test_finished_coefs_are_contiguous_floats(tied):
    coefs = [np.asfortranarray(weights) for weights in random_coefs(N_COMPONENTS)]
    data = fit_data()
    finished = finished_coefs(data, targets_of(data), coefs, tied)
    assert all(weights.flags.c_contiguous for weights in finished)
    assert all(weights.dtype == np.float32 for weights in finished)


def test_report_on_fit_of_tied_rows():
    data, coefs = fit_data(), random_coefs(N_COMPONENTS)
    report = report_on_fit(data, coefs, "float32", AS_READ, tied=True)
    student = apply_network(data.X[data.held_out], Network.of(coefs, tied=True), 1)
    teacher = data.teacher.vectors[data.held_out]
    assert report == fit_report(student, teacher, held_out=True, random_state=0)


def test_report_on_fit_is_about_held_out_documents():
    data, coefs = fit_data(), random_coefs(10)
    report = report_on_fit(data, coefs, "float32", AS_READ)
    student = apply_network(data.X[data.held_out], Network.of(coefs), 1)
    teacher = data.teacher.vectors[data.held_out]
    assert report == fit_report(student, teacher, held_out=True, random_state=0)
    assert report.n_documents == 20


def test_report_on_fit_is_about_the_stored_weights():
    """Each row has one weight of 100 and others of about 1, which int8 loses."""
    data, coefs = fit_data(), random_coefs(10)
    coefs[0][:, 0] = 100
    student = apply_network(
        data.X[data.held_out], Network.of(coefs).quantized("int8"), 1
    )
    teacher = data.teacher.vectors[data.held_out]
    report = report_on_fit(data, coefs, "int8", AS_READ)
    assert report == fit_report(student, teacher, held_out=True, random_state=0)
    assert report != report_on_fit(data, coefs, "float32", AS_READ)


@pytest.mark.parametrize(("limit", "expected"), [(30, 30), (1000, 60)])
def test_report_on_fit_without_held_out_documents(monkeypatch, limit, expected):
    """Training documents with a teacher embedding, up to a maximum."""
    monkeypatch.setattr(finishing, "MAX_REPORT_SIZE", limit)
    data = fit_data(n_held_out=0)
    vectors = data.teacher.vectors.copy()
    vectors[::4] = 0
    teacher = TeacherEmbeddings.of_rows(vectors, "y")
    data = replace(data, teacher=teacher, X_views=None, terms=None)
    report = report_on_fit(data, random_coefs(10), "float32", AS_READ)
    assert report.n_documents == expected
    assert not report.held_out


def test_report_on_fit_without_held_out_documents_leaves_out_copies():
    """Documents 0 to 39 and their copies, 40 to 79."""
    data, coefs = fit_data(n_held_out=0), random_coefs(10)
    once = replace(data, train=np.arange(40))
    twice = replace(
        data,
        X=sparse.vstack([data.X[:40]] * 2).tocsr(),
        teacher=TeacherEmbeddings.of_rows(
            np.tile(data.teacher.vectors[:40], (2, 1)), "y"
        ),
        groups=np.tile(np.arange(40), 2),
    )
    expected = report_on_fit(once, coefs, "float32", AS_READ)
    assert expected.n_documents == 40
    assert report_on_fit(twice, coefs, "float32", AS_READ) == expected


def test_stored_network_begins_with_frequent_features():
    """Feature 2 occurs three times, feature 0 once, feature 1 never."""
    X = sparse.csr_matrix([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    weights = np.arange(6, dtype=np.float32).reshape(3, 2)
    network = stored_network([weights], X, "float32", LearntFeatures(3))
    reference.assert_same_bits(network.rows, weights[[2, 0, 1]])
    assert network.places.tolist() == [1, 2, 0]
    reference.assert_same_bits(network.coefs()[0], weights)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_stored_network_has_the_type(dtype, tied):
    X, coefs = fit_data().X, random_coefs(N_COMPONENTS)
    features = LearntFeatures(N_FEATURES)
    network = stored_network(coefs, X, dtype, features, tied)
    expected = stored_network(coefs, X, "float32", features, tied).quantized(dtype)
    assert network.dtype == dtype
    assert network.tied is expected.tied is tied
    for one, other in zip(network.coefs(), expected.coefs()):
        reference.assert_same_bits(one, other)
