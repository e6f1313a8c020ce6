"""The linear map that sets classes apart, and networks that take it in."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from models import random_weights
from scipy import sparse
from strategies import seeds

from sklux._student import separation
from sklux._student.network import Network, apply_network
from sklux._student.separation import (
    RIDGE,
    LabelMap,
    chosen_weight,
    label_map,
    linear_head,
    mapped_coefs,
)
from sklux._student.trained import TrainedStudent

WIDTH, N_FEATURES = 6, 20


def class_vectors(n_each=20, n_classes=3, spread=0.5, seed=0, width=WIDTH):
    """Unit rows around a direction for each class, and the classes."""
    rng = np.random.RandomState(seed)
    classes = np.tile(np.arange(n_classes), n_each)
    centres = np.eye(width)[:n_classes]
    noise = rng.standard_normal((len(classes), width)) * spread
    return reference.unit_rows(centres[classes] + noise).astype(np.float32), classes


def features(n_documents=50, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.random_sample((n_documents, N_FEATURES))
    X *= rng.random_sample(X.shape) < 0.4
    return sparse.csr_matrix(X, dtype=np.float32)


def tied_network(width=WIDTH, rank=None, seed=0, n_units=WIDTH):
    """A network with tied rows whose V is small, as in a fitted student."""
    first, added = random_weights((N_FEATURES, n_units, width), seed)
    dense = (0.1 * added,)
    if rank is not None:
        narrow = random_weights((N_FEATURES, n_units, rank, width), seed)[1:]
        dense = (0.05 * narrow[0], narrow[1])
    return Network(first, dense, tied=True)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, n_classes=st.integers(2, 5), n_each=st.integers(2, 8))
def test_linear_head_is_a_ridge_regression(seed, n_classes, n_each):
    vectors, classes = class_vectors(n_each, n_classes, seed=seed)
    expected = reference.label_head(vectors, classes, RIDGE)
    np.testing.assert_allclose(linear_head(vectors, classes), expected, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=seeds, weight=st.floats(0, 10))
def test_mapped_vectors_are_as_if_the_scores_were_appended(seed, weight):
    vectors, classes = class_vectors(seed=seed)
    found = label_map(vectors, classes, weight)
    scores = vectors @ reference.label_head(vectors, classes, RIDGE)
    longer = np.hstack([vectors, weight * scores])
    mapped = vectors @ found.matrix
    tolerance = 1e-5 * (1 + weight**2)
    np.testing.assert_allclose(mapped @ mapped.T, longer @ longer.T, atol=tolerance)
    np.testing.assert_array_equal(found.matrix, found.matrix.T)
    assert found.weight == weight


def test_map_of_weight_zero_is_the_identity():
    found = label_map(*class_vectors(), 0.0)
    np.testing.assert_array_equal(found.matrix, np.eye(WIDTH))


def test_map_sets_the_classes_of_other_documents_apart():
    vectors, classes = class_vectors(30, spread=0.6)
    others, other_classes = class_vectors(30, spread=0.6, seed=1)
    found = label_map(vectors, classes, 1.0)

    def contrast(rows):
        cosines = rows @ rows.T
        same = other_classes == other_classes[:, np.newaxis]
        return cosines[same].mean() - cosines[~same].mean()

    mapped = reference.unit_rows(others @ found.matrix)
    assert contrast(mapped) > 1.2 * contrast(others)


@pytest.mark.parametrize("n_each", [4, 20, 100])
def test_chosen_weight_of_labels_that_help(n_each):
    vectors, classes = class_vectors(n_each, width=60)
    assert chosen_weight(vectors, classes) > 0
    assert label_map(vectors, classes, "auto").weight == chosen_weight(vectors, classes)


def test_chosen_weight_of_shuffled_labels_is_mostly_zero():
    chosen = []
    for seed in range(20):
        vectors, classes = class_vectors(20, seed=seed, width=40)
        shuffled = np.random.RandomState(seed).permutation(classes)
        chosen.append(chosen_weight(vectors, shuffled))
    assert np.count_nonzero(chosen) <= 3


@pytest.mark.parametrize("n_compared", [1, 2])
def test_chosen_weight_is_zero_without_anything_to_compare(monkeypatch, n_compared):
    vectors, classes = class_vectors(2, 2)
    monkeypatch.setattr(separation, "MAX_COMPARED", n_compared)
    assert chosen_weight(vectors, classes) == 0


def test_chosen_weight_takes_the_smaller_of_equal_weights():
    """All classes are apart already."""
    vectors, classes = class_vectors(20, spread=0.0)
    assert chosen_weight(vectors, classes) == 0


def test_chosen_weight_compares_a_sample(monkeypatch):
    vectors, classes = class_vectors(100, width=60)
    monkeypatch.setattr(separation, "MAX_COMPARED", 30)
    sizes = []
    learn = separation.linear_head
    monkeypatch.setattr(
        separation,
        "linear_head",
        lambda rows, known: sizes.append(len(rows)) or learn(rows, known),
    )
    chosen_weight(vectors, classes)
    assert sizes == [24] * 5


@settings(max_examples=30, deadline=None)
@given(seed=seeds, n_queries=st.integers(1, 5), n_documents=st.integers(1, 12))
def test_ranking_scores(seed, n_queries, n_documents):
    rng = np.random.RandomState(seed)
    cosines = rng.random_sample((n_queries, n_documents))
    same = rng.random_sample(cosines.shape) < 0.4
    found = separation._ranking_scores(cosines, same)
    expected = [reference.ranking_score(*row) for row in zip(cosines, same)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("sizes", [(WIDTH,), (9, WIDTH), (9, 7, WIDTH)], ids=str)
def test_a_network_without_ties_takes_the_map_in_exactly(sizes):
    X = features()
    network = Network.of(random_weights((N_FEATURES, *sizes)))
    found = label_map(*class_vectors(), 2.0)
    mapped = found.of_network(network, X)
    expected = reference.network(X, network.coefs()) @ found.matrix
    np.testing.assert_allclose(
        apply_network(X, mapped, 1), reference.unit_rows(expected), atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize("rank", [None, 2])
def test_a_network_with_tied_rows_takes_the_map_in_nearly(dtype, rank):
    X = features(300)
    order = np.random.default_rng(0).random(N_FEATURES)
    network = tied_network(rank=rank).by_frequency(order).quantized(dtype)
    found = label_map(*class_vectors(), 2.0)
    mapped = found.of_network(network, X)
    assert mapped.tied
    assert mapped.dtype == dtype
    assert [w.shape for w in mapped.dense] == [w.shape for w in network.dense]
    others = features(100, seed=1)
    wanted = reference.unit_rows(apply_network(others, network, 1) @ found.matrix)
    lost = 1 - (apply_network(others, mapped, 1) * wanted).sum(axis=1)
    moved = 1 - (apply_network(others, network, 1) * wanted).sum(axis=1)
    assert lost.max() < 0.01
    assert lost.mean() < 0.1 * moved.mean()


def test_tied_rows_of_a_truncated_network():
    X = features(300)
    network = tied_network().truncated(4)
    found = label_map(*class_vectors(width=4), 1.0)
    mapped = found.of_network(network, X)
    wanted = reference.unit_rows(apply_network(X, network, 1) @ found.matrix)
    assert (apply_network(X, mapped, 1) * wanted).sum(axis=1).min() > 0.99


def test_tied_rows_that_turn_are_exact_if_v_is_zero():
    """Without V, z = a, and a M needs no regression; no document is needed either."""
    first, added = random_weights((N_FEATURES, WIDTH, WIDTH))
    found = label_map(*class_vectors(), 3.0)
    nothing = np.zeros((1, WIDTH), dtype=np.float32)
    W, V = mapped_coefs([first, 0 * added], found.matrix, nothing, tied=True)
    np.testing.assert_allclose(W, first @ found.matrix, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(V, 0)


def test_v_is_the_regression_of_the_documents():
    """abs(b) V' ~ abs(a) V M / |a M|, by the normal equations in float64."""
    first, added = random_weights((N_FEATURES, WIDTH, WIDTH))
    matrix = label_map(*class_vectors(), 1.0).matrix.astype(np.float64)
    before = reference.unit_rows(features(200).toarray() @ first)
    _, V = mapped_coefs(
        *([first, added], matrix.astype(np.float32), before.astype(np.float32)),
        tied=True,
    )
    lengths = np.linalg.norm(before @ matrix, axis=1, keepdims=True)
    b = np.abs(before @ matrix / lengths)
    penalty = separation.TURN_RIDGE * np.trace(b.T @ b) / WIDTH
    start = added @ matrix / lengths.mean()
    wanted = np.abs(before) @ added @ matrix / lengths - b @ start
    expected = start + np.linalg.solve(b.T @ b + penalty * np.eye(WIDTH), b.T @ wanted)
    np.testing.assert_allclose(V, expected, atol=1e-4)


def test_teacher_components_are_mapped_too():
    network = Network.of(random_weights((N_FEATURES, WIDTH)))
    components = random_weights((WIDTH, 9))[0]
    found = label_map(*class_vectors(), 1.0)
    student = found.of_student(TrainedStudent(network, components))
    assert student.label_weight == 1.0
    np.testing.assert_allclose(
        student.teacher_components, found.matrix @ components, atol=1e-5
    )


def test_a_student_without_a_map_of_the_teacher():
    network = Network.of(random_weights((N_FEATURES, WIDTH)))
    student = label_map(*class_vectors(), 1.0).of_student(TrainedStudent(network))
    assert student.teacher_components is None


def test_weight_zero_changes_nothing():
    network = tied_network()
    nothing = LabelMap(np.eye(WIDTH, dtype=np.float32), 0.0)
    assert nothing.of_network(network, features()) is network
    student = TrainedStudent(network, np.eye(WIDTH, dtype=np.float32))
    same = replace(student, label_weight=0.0)
    assert nothing.of_student(student).teacher_components is same.teacher_components
