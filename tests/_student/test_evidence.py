"""Which features predict teacher embeddings best."""

import numpy as np
import pytest
import reference
from scipy import sparse

from sklux._student import evidence as module
from sklux._student.evidence import best_setting, evidence


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
