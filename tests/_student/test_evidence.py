"""Which features predict teacher embeddings best."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from scipy import sparse

from sklux._student import evidence as module
from sklux._student.evidence import best_setting, evidence, one_view_predicts_best
from sklux._student.fit_data import FitData
from sklux._student.teacher_embeddings import TeacherEmbeddings


def make_rows(n_samples=400, noise=0.0, seed=0):
    """Features from which the vectors follow, and features with noise among them."""
    rng = np.random.RandomState(seed)
    signal = rng.standard_normal((n_samples, 12))
    vectors = reference.unit_rows(signal @ rng.standard_normal((12, 6)))
    return sparse.csr_matrix(signal, dtype=np.float32), vectors.astype(np.float32)


def noisy(X, scale, seed=1):
    noise = np.random.RandomState(seed).standard_normal((X.shape[0], 12)) * scale
    return sparse.hstack([X, sparse.csr_matrix(noise)]).tocsr().astype(np.float32)


def test_evidence_equals_kernel_ridge_by_hand():
    X, vectors = make_rows(60)
    rows = reference.unit_rows(reference.to_dense(X))
    learnt, held_out = rows[::2], rows[1::2]
    mean = vectors[::2].mean(axis=0)
    kernel = learnt @ learnt.T + module.ALPHA * np.eye(30)
    dual = np.linalg.solve(kernel, vectors[::2] - mean)
    predicted = reference.unit_rows(held_out @ learnt.T @ dual + mean)
    found = evidence(X, vectors)
    expected = np.mean(np.sum(predicted * vectors[1::2], axis=1))
    assert found.cosine == pytest.approx(expected, abs=1e-5)
    overlap = reference.neighbor_overlap(vectors[1::2], predicted, 10)
    assert found.overlaps.mean() == pytest.approx(overlap, abs=1e-6)


def test_best_setting_is_the_one_that_predicts_best():
    X, vectors = make_rows()
    scales = {0.0: 3.0, 1.0: 1.0, 2.0: 0.1, 4.0: 2.0}
    found = best_setting(lambda s: noisy(X, scales[s]), vectors, list(scales))
    assert found == 2.0


def test_best_setting_stays_without_a_clear_gain():
    X, vectors = make_rows()
    assert best_setting(lambda s: noisy(X, 1.0), vectors, [0.0, 1.0]) == 0.0
    assert best_setting(lambda s: noisy(X, 1.0 + s), vectors, [0.0, 1.0]) == 0.0
    slightly = best_setting(lambda s: noisy(X, 1.0 - s), vectors, [0.0, 1e-4])
    assert slightly == 0.0


def test_best_setting_of_few_documents_is_the_default():
    X, vectors = make_rows(2 * module.MIN_DOCUMENTS - 2)

    def rows_of(setting):
        raise AssertionError("too few documents were compared")

    assert best_setting(rows_of, vectors, [0.0, 1.0]) == 0.0


def halved_data(reads_all, n_samples=440, copies=0, seed=0):
    """Documents of two independent halves; a teacher that reads one half or both."""
    rng = np.random.RandomState(seed)
    signal = rng.standard_normal((n_samples, 24))
    signal[n_samples - copies :] = signal[:copies]
    is_first = np.arange(24) < 12
    read = signal if reads_all else signal * is_first
    vectors = reference.unit_rows(read @ rng.standard_normal((24, 6)))
    X, views = signal, np.vstack([signal * is_first, signal * ~is_first])
    return FitData(
        sparse.csr_matrix(X, dtype=np.float32),
        TeacherEmbeddings.of_target(vectors.astype(np.float32)),
        sparse.csr_matrix(views, dtype=np.float32),
        None,
        *(rng.permutation(n_samples), np.zeros(0, dtype=np.intp), 4, rng),
        groups=np.arange(n_samples) % (n_samples - copies),
    )


def test_one_view_predicts_best_if_the_teacher_reads_one_view():
    data = halved_data(reads_all=False)
    assert one_view_predicts_best(data)
    n = data.X.shape[0]
    swapped = sparse.vstack([data.X_views[n:], data.X_views[:n]]).tocsr()
    assert one_view_predicts_best(replace(data, X_views=swapped))


def test_no_view_predicts_best_if_the_teacher_reads_all():
    data = halved_data(reads_all=True)
    assert not one_view_predicts_best(data)


def test_no_view_predicts_best_if_the_views_are_the_documents():
    data = halved_data(reads_all=False)
    views = sparse.vstack([data.X, data.X]).tocsr()
    assert not one_view_predicts_best(replace(data, X_views=views))


def test_no_view_predicts_best_without_views_or_with_few_documents():
    data = halved_data(reads_all=False)
    assert not one_view_predicts_best(replace(data, X_views=None))
    few = data.train[: 2 * module.MIN_DOCUMENTS - 1]
    assert not one_view_predicts_best(replace(data, train=few))


def test_copies_and_documents_without_views_or_embeddings_are_not_compared():
    # 390 of 440 documents remain.
    assert not one_view_predicts_best(halved_data(reads_all=False, copies=50))
    data = halved_data(reads_all=False)
    assert not one_view_predicts_best(
        replace(data, X_views=data.X_views.multiply(emptied(880, 440, 490)).tocsr())
    )
    vectors = data.teacher.unit(np.arange(440))
    vectors[:50] = np.nan
    teacher = TeacherEmbeddings.of_target(vectors)
    assert not one_view_predicts_best(replace(data, teacher=teacher))


def emptied(n_rows, start, stop):
    """A column of ones with zeros from one place to another."""
    places = np.arange(n_rows)
    return ((places < start) | (places >= stop)).astype(np.float32)[:, None]
