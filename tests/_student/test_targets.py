"""Targets: teacher embeddings mixed with latent vectors, and their reduction."""

from dataclasses import replace

import numpy as np
import pytest
import reference

from sklux._student import targets as targets_module
from sklux._student.fit_data import FitData
from sklux._student.imputation import Imputation
from sklux._student.targets import (
    RIDGE,
    LatentRows,
    TeacherRows,
    make_targets,
    nearest_map,
    nearest_rotation,
    principal_directions,
    student_targets,
)
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._utils import blocks


def unit(n_samples, n_columns, seed=0):
    rows = np.random.RandomState(seed).standard_normal((n_samples, n_columns))
    return reference.unit_rows(rows).astype(np.float32)


def all_embedded(rows):
    return np.ones(len(rows), dtype=bool)


def whole_of(targets):
    """The whole targets of all documents."""
    return targets.whole[np.arange(len(targets.reduced))]


@pytest.mark.parametrize("weight", [0.0, 0.1, 0.5, 1.0])
def test_make_targets_whole_cosines_are_the_mixture(weight):
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    whole = whole_of(make_targets(teacher, latent, weight, 5, all_embedded(teacher)))
    expected = (1 - weight) * teacher @ teacher.T + weight * latent @ latent.T
    np.testing.assert_allclose(whole @ whole.T, expected, atol=2e-6)
    assert whole.dtype == np.float32


def test_make_targets_by_hand():
    """t = (1, 0) and l = (1,): with w = 0.36, t' = [0.8 t, 0.6 l] = (0.8, 0, 0.6)."""
    teacher = np.array([[1, 0], [0, 1]], dtype=np.float32)
    latent = np.array([[1], [1]], dtype=np.float32)
    whole = whole_of(make_targets(teacher, latent, 0.36, 2, all_embedded(teacher)))
    np.testing.assert_allclose(whole, [[0.8, 0, 0.6], [0, 0.8, 0.6]], rtol=1e-6)


@pytest.mark.parametrize("latent", [None, np.full((30, 7), np.nan, np.float32)])
def test_make_targets_with_weight_0_are_the_teacher(latent):
    """Latent vectors are not read; the map consists of principal directions."""
    teacher = unit(30, 12)
    targets = make_targets(teacher, latent, 0.0, 5, all_embedded(teacher))
    assert targets.whole is teacher
    reference.assert_same_bits(targets.components, principal_directions([teacher], 5))
    expected = reference.unit_rows(teacher @ targets.components.T)
    np.testing.assert_allclose(targets.reduced, expected, atol=1e-6)


def test_make_targets_without_latent_vectors_are_the_teacher():
    """For any weight."""
    teacher = unit(30, 12)
    assert make_targets(teacher, None, 0.5, 5, all_embedded(teacher)).whole is teacher


@pytest.mark.parametrize("weight", [0.1, 1.0])
def test_make_targets_reduced_are_the_principal_directions_of_the_whole(weight):
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    targets = make_targets(teacher, latent, weight, 5, all_embedded(teacher))
    _, _, directions = np.linalg.svd(whole_of(targets).astype(np.float64))
    expected = reference.unit_rows(whole_of(targets) @ directions[:5].T)
    np.testing.assert_allclose(
        targets.reduced @ targets.reduced.T, expected @ expected.T, atol=1e-5
    )


def test_make_targets_with_weight_1_are_the_corpus():
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    targets = make_targets(teacher, latent, 1.0, 7, all_embedded(teacher))
    np.testing.assert_allclose(
        targets.reduced @ targets.reduced.T, latent @ latent.T, atol=2e-6
    )
    # There is a map from the teacher's space even so.
    assert targets.components.shape == (7, 12)


def test_make_targets_map_comes_from_documents_with_a_teacher_embedding():
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    is_embedded = np.arange(30) < 20
    targets = make_targets(teacher, latent, 0.3, 5, is_embedded)
    expected = nearest_map([(teacher[:20], targets.reduced[:20])])
    reference.assert_same_bits(targets.components, expected)


@pytest.mark.parametrize("weight", [0.0, 0.1, 1.0])
def test_make_targets_of_a_zero_teacher_row_are_zero(weight):
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    teacher[4] = 0
    targets = make_targets(teacher, latent, weight, 5, teacher.any(axis=1))
    for rows in (whole_of(targets), targets.reduced):
        assert not rows[4].any()
        lengths = np.linalg.norm(np.delete(rows, 4, axis=0), axis=1)
        np.testing.assert_allclose(lengths, 1, rtol=1e-6)


@pytest.mark.parametrize("weight", [0.1, 0.9])
def test_make_targets_without_latent_vector_of_one_document(weight):
    """The target is the teacher embedding, with length 1."""
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    latent[4] = 0
    whole = whole_of(make_targets(teacher, latent, weight, 5, all_embedded(teacher)))
    np.testing.assert_allclose(whole[4], [*teacher[4], *np.zeros(7)], atol=1e-6)


def test_make_targets_does_not_change_its_arguments():
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    make_targets(teacher, latent, 0.5, 5, all_embedded(teacher))
    reference.assert_same_bits(teacher, unit(30, 12))
    reference.assert_same_bits(latent, unit(30, 7, seed=1))


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_make_targets_do_not_depend_on_blocks(monkeypatch, weight):
    """Rows of whole targets are computed when they are read, also by a batch."""
    teacher, latent = unit(30, 12), unit(30, 7, seed=1)
    expected = make_targets(teacher, latent, weight, 5, all_embedded(teacher))
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 8)
    found = make_targets(teacher, latent, weight, 5, all_embedded(teacher))
    reference.assert_same_bits(whole_of(found), whole_of(expected))
    rows = np.array([29, 3, 3])
    reference.assert_same_bits(found.whole[rows], whole_of(expected)[rows])
    np.testing.assert_allclose(found.reduced, expected.reduced, atol=1e-5)
    np.testing.assert_allclose(found.components, expected.components, atol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_make_targets_of_many_documents_come_from_a_sample(monkeypatch, weight):
    """Principal directions and map come from every second document."""
    teacher, latent = unit(31, 12), unit(31, 7, seed=1)
    monkeypatch.setattr(targets_module, "SAMPLE_SIZE", 16)
    targets = make_targets(teacher, latent, weight, 5, all_embedded(teacher))
    whole = whole_of(targets)
    directions = principal_directions([whole[::2]], 5)
    expected = reference.unit_rows(whole @ directions.T)
    np.testing.assert_allclose(targets.reduced, expected, atol=1e-6)
    expected = directions
    if weight:
        expected = nearest_map([(teacher[::2], targets.reduced[::2])])
    np.testing.assert_allclose(targets.components, expected, atol=1e-6)


def partly_embedded():
    """Data of a fit: a third of the documents have no teacher embedding."""
    X, teacher = reference.topic_documents(90)
    teacher = teacher * np.float32(3)
    teacher[::3] = np.nan
    embeddings = TeacherEmbeddings.of_rows(teacher, "y")
    held_out, train = np.array([1, 2, 4]), np.setdiff1d(np.arange(90), [1, 2, 4])
    rng = np.random.RandomState(0)
    groups = np.arange(90)
    return FitData(X, embeddings, None, None, train, held_out, 6, rng, groups)


def test_teacher_rows_are_unit_embeddings_and_imputed_ones():
    data = partly_embedded()
    imputation = Imputation(np.ones((60, 16), dtype=np.float32), np.zeros(16))
    rows = np.array([0, 1, 5, 3])
    found = TeacherRows(data, imputation)[rows]
    expected = reference.unit_rows(data.teacher.vectors[rows])
    np.testing.assert_allclose(found[[1, 2]], expected[[1, 2]], atol=1e-6)
    np.testing.assert_allclose(found[[0, 3]], 16**-0.5, atol=1e-6)
    assert not TeacherRows(data)[rows][[0, 3]].any()


def test_latent_rows_are_unit_products_with_the_directions():
    X, _ = reference.topic_documents(20)
    directions = np.eye(60, 4, dtype=np.float32)
    rows = np.array([7, 7, 2])
    expected = reference.unit_rows(X[rows, :4].toarray())
    np.testing.assert_allclose(LatentRows(X, directions)[rows], expected, atol=1e-6)


@pytest.mark.parametrize("corpus_weight", [0.0, 0.3])
def test_student_targets_of_held_out_documents_are_their_embeddings(corpus_weight):
    """Their embeddings are not imputed, and nothing is imputed from them."""
    data = partly_embedded()
    targets = student_targets(
        data, corpus_weight=corpus_weight, needs_whole=True, verbose=None
    )
    whole = targets.whole[np.arange(90)][:, :16] / np.sqrt(1 - corpus_weight)
    expected = reference.unit_rows(data.teacher.vectors)
    known = data.teacher.is_embedded
    np.testing.assert_allclose(whole[known], expected[known], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)


def test_student_targets_keep_the_whole_only_if_needed():
    """They hold the latent directions, a row for each feature."""
    targets = student_targets(
        partly_embedded(), corpus_weight=0.3, needs_whole=False, verbose=None
    )
    assert targets.whole is None


@pytest.mark.parametrize(
    ("is_complete", "corpus_weight", "is_needed"),
    [(True, 0.0, False), (True, 0.1, True), (False, 0.0, True)],
)
def test_student_targets_compute_latent_directions_only_if_needed(
    monkeypatch, is_complete, corpus_weight, is_needed
):
    data, calls = partly_embedded(), []
    if is_complete:
        vectors = np.nan_to_num(data.teacher.vectors, nan=1.0)
        data = replace(data, teacher=TeacherEmbeddings.of_rows(vectors, "y"))
    latent_directions = targets_module.latent_directions

    def record(*arguments):
        calls.append(arguments)
        return latent_directions(*arguments)

    monkeypatch.setattr(targets_module, "latent_directions", record)
    student_targets(data, corpus_weight=corpus_weight, needs_whole=True, verbose=None)
    assert (len(calls) > 0) is is_needed


def test_principal_directions_are_orthonormal():
    components = principal_directions([unit(40, 9)], 4)
    np.testing.assert_allclose(components @ components.T, np.eye(4), atol=1e-6)
    assert components.dtype == np.float32
    assert components.flags.c_contiguous


@pytest.mark.parametrize("n_components", [1, 4, 9])
def test_principal_directions_equal_reference(n_components):
    """The right singular vectors, largest first, up to their signs."""
    vectors = unit(40, 9)
    _, _, expected = np.linalg.svd(vectors.astype(np.float64))
    found = principal_directions([vectors], n_components)
    agreement = abs(np.sum(found * expected[:n_components], axis=1))
    np.testing.assert_allclose(agreement, 1, atol=1e-5)


def test_principal_directions_by_hand():
    """About the origin: three of four vectors are (0, -1), one is (1, 0)."""
    vectors = np.array([[0, -1], [0, -1], [1, 0], [0, -1]], dtype=np.float32)
    # The largest entry of each direction is positive.
    np.testing.assert_allclose(
        principal_directions([vectors], 2), [[0, 1], [1, 0]], atol=1e-7
    )


def test_principal_directions_of_full_width_keep_cosines():
    vectors = unit(40, 9)
    reduced = vectors @ principal_directions([vectors], 9).T
    np.testing.assert_allclose(reduced @ reduced.T, vectors @ vectors.T, atol=1e-6)


@pytest.mark.parametrize("n_samples", [1, 3])
def test_principal_directions_of_fewer_vectors_than_directions(n_samples):
    components = principal_directions([unit(n_samples, 9)], 5)
    np.testing.assert_allclose(components @ components.T, np.eye(5), atol=1e-6)


@pytest.mark.parametrize("n_samples", [3, 12, 200])
def test_nearest_map_equals_reference(n_samples):
    """Ridge regression is least squares with further rows."""
    vectors, targets = unit(n_samples, 12), unit(n_samples, 5, seed=1)
    ridge = RIDGE * np.linalg.norm(vectors.astype(np.float64), 2) ** 2
    further = np.sqrt(ridge) * np.eye(12)
    expected, *_ = np.linalg.lstsq(
        np.vstack([vectors, further]),
        np.vstack([targets, np.zeros((12, 5))]),
        rcond=None,
    )
    found = nearest_map([(vectors, targets)])
    assert found.shape == (5, 12) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected.T, atol=1e-5)


def test_nearest_map_finds_a_rotation():
    """The ridge makes it a little shorter: C^T = (S + r I)^-1 S R."""
    rotation, _ = np.linalg.qr(np.random.RandomState(2).standard_normal((9, 9)))
    vectors = unit(500, 9)
    found = nearest_map([(vectors, (vectors @ rotation).astype(np.float32))])
    np.testing.assert_allclose(found, rotation.T, atol=0.01)


def test_nearest_map_by_hand():
    """One number: x = t = 1 for two documents, so C = 2 / (2 + 2 RIDGE)."""
    ones = np.ones((2, 1), dtype=np.float32)
    np.testing.assert_allclose(nearest_map([(ones, ones)]), [[1 / (1 + RIDGE)]])


def test_nearest_map_of_zero_vectors_is_zero():
    zeros = np.zeros((4, 3), dtype=np.float32)
    np.testing.assert_array_equal(nearest_map([(zeros, unit(4, 2))]), np.zeros((2, 3)))


def test_nearest_rotation_finds_a_rotation():
    random_state = np.random.RandomState(0)
    student = random_state.standard_normal((50, 5)).astype(np.float32)
    expected, _ = np.linalg.qr(random_state.standard_normal((5, 5)))
    rotation = nearest_rotation(student, student @ expected)
    assert rotation.dtype == np.float32
    np.testing.assert_allclose(rotation, expected, atol=1e-6)


def test_nearest_rotation_is_orthogonal_and_nearer_than_others():
    random_state = np.random.RandomState(1)
    student, target = random_state.standard_normal((2, 40, 4))
    rotation = nearest_rotation(student, target)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(4), atol=1e-6)
    least = np.square(student @ rotation - target).sum()
    for _ in range(20):
        other, _ = np.linalg.qr(random_state.standard_normal((4, 4)))
        assert least <= np.square(student @ other - target).sum()
