"""Orthogonal maps between spaces of vectors."""

import pickle

import numpy as np
import pytest
from conftest import make_corpus
from hypothesis import given
from hypothesis import strategies as st
from models import random_model
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from strategies import kernel_settings

from sklux import LexicalVectorizer
from sklux.alignment import OrthogonalProcrustes, paired_terms
from sklux.inspection import term_embeddings
from sklux.metrics import bitext_retrieval_score

seeds = st.integers(0, 2**32 - 2)
widths = st.integers(1, 9)


@parametrize_with_checks([OrthogonalProcrustes()])
def test_alignment_stock_check(estimator, check):
    check(estimator)


def unit_vectors(n_samples, n_features, seed=0):
    X = np.random.RandomState(seed).standard_normal((n_samples, n_features))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def rotated_pairs(n_samples=60, n_features=8, seed=0, noise=0.0):
    """Unit vectors, and the same vectors rotated, with noise."""
    X = unit_vectors(n_samples, n_features, seed)
    y = X @ ortho_group.rvs(n_features, random_state=seed + 1)
    y += noise * unit_vectors(n_samples, n_features, seed + 2)
    return X, y / np.linalg.norm(y, axis=1, keepdims=True)


@kernel_settings
@given(seeds, widths, widths, st.booleans())
def test_alignment_has_the_least_distance(seed, n_in, n_out, weighted):
    """Its trace is the largest: the sum of the singular values (von Neumann)."""
    X, y = unit_vectors(20, n_in, seed), unit_vectors(20, n_out, seed + 1)
    weights = np.random.RandomState(seed).uniform(0.1, 5, 20) if weighted else None
    R = OrthogonalProcrustes().fit(X, y, sample_weight=weights).rotation_
    M = (X if weights is None else X * weights[:, None]).T @ y
    assert np.trace(R.T @ M) == pytest.approx(np.linalg.norm(M, "nuc"))
    narrow = R @ R.T if n_in <= n_out else R.T @ R
    np.testing.assert_allclose(narrow, np.eye(min(n_in, n_out)), atol=1e-12)


@kernel_settings
@given(seeds, widths)
def test_alignment_equals_scipy(seed, width):
    X, y = rotated_pairs(30, max(width, 2), seed % 1000, noise=0.3)
    expected, _ = orthogonal_procrustes(X, y)
    R = OrthogonalProcrustes().fit(X, y).rotation_
    np.testing.assert_allclose(R, expected, atol=1e-9)


def test_alignment_of_a_narrow_space_equals_scipy_with_columns_of_zeros():
    X, y = unit_vectors(50, 3), unit_vectors(50, 7, 1)
    expected, _ = orthogonal_procrustes(np.hstack([X, np.zeros((50, 4))]), y)
    R = OrthogonalProcrustes().fit(X, y).rotation_
    np.testing.assert_allclose(R, expected[:3], atol=1e-9)


@pytest.mark.parametrize("dtype, atol", [(np.float32, 1e-6), (np.float64, 1e-12)])
def test_alignment_finds_a_rotation(dtype, atol):
    X, y = (side.astype(dtype) for side in rotated_pairs())
    aligner = OrthogonalProcrustes().fit(X[:20], y[:20])
    mapped = aligner.transform(X[20:])
    assert mapped.dtype == aligner.rotation_.dtype == dtype
    np.testing.assert_allclose(mapped, y[20:], atol=atol)
    back = aligner.inverse_transform(mapped)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, X[20:], atol=atol)


@kernel_settings
@given(seeds, widths, st.integers(0, 4))
def test_alignment_keeps_lengths_and_cosines(seed, n_in, wider):
    X = unit_vectors(20, n_in, seed).astype(np.float32)
    y = unit_vectors(20, n_in + wider, seed + 1)
    mapped = OrthogonalProcrustes().fit(X, y).transform(X)
    np.testing.assert_allclose(np.linalg.norm(mapped, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(mapped @ mapped.T, X @ X.T, atol=1e-6)


def test_alignment_into_a_narrower_space_drops_directions():
    X, y = unit_vectors(80, 8), unit_vectors(80, 3, 1)
    aligner = OrthogonalProcrustes().fit(X, y)
    mapped = aligner.transform(X)
    assert np.linalg.norm(mapped, axis=1).max() < 1
    np.testing.assert_allclose(
        aligner.transform(aligner.inverse_transform(mapped)), mapped, atol=1e-12
    )


def test_alignment_weights_are_repetitions():
    X, y = rotated_pairs(noise=0.5)
    weights = np.arange(len(X)) % 3
    weighted = OrthogonalProcrustes().fit(X, y, sample_weight=weights)
    repeated = OrthogonalProcrustes().fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights, axis=0)
    )
    np.testing.assert_allclose(weighted.rotation_, repeated.rotation_, atol=1e-12)


@pytest.mark.parametrize("side", [0, 1])
def test_alignment_leaves_out_zero_vectors_and_keeps_them(side):
    pairs = rotated_pairs(noise=0.3)
    kept = OrthogonalProcrustes().fit(*(rows[10:] for rows in pairs))
    pairs[side][:10] = 0
    aligner = OrthogonalProcrustes().fit(*pairs)
    np.testing.assert_allclose(aligner.rotation_, kept.rotation_, atol=1e-12)
    assert not aligner.transform(np.zeros((2, 8))).any()


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e30, 1e150])
def test_alignment_does_not_depend_on_the_scale(scale):
    X, y = rotated_pairs(noise=0.3)
    expected = OrthogonalProcrustes().fit(X, y).rotation_
    for pair in ((X * scale, y), (X, y * scale), (X * scale, y * scale)):
        found = OrthogonalProcrustes().fit(*pair).rotation_
        np.testing.assert_allclose(found, expected, atol=1e-9)
    found = OrthogonalProcrustes().fit(X, y, sample_weight=np.full(len(X), scale))
    np.testing.assert_allclose(found.rotation_, expected, atol=1e-9)


def test_alignment_of_pairs_that_cancel_out_is_the_identity():
    R = OrthogonalProcrustes().fit([[1.0], [1.0]], [[1.0], [-1.0]]).rotation_
    assert R.tolist() == [[1.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_alignment_directions_without_pairs_stay(dtype):
    """Two pairs in the plane of the first two of five dimensions."""
    X = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]], dtype=dtype)
    y = X[::-1].copy()
    R = OrthogonalProcrustes().fit(X, y).rotation_
    expected = np.eye(5)[[1, 0, 2, 3, 4]]
    np.testing.assert_allclose(R, expected, atol=1e-6)
    R = OrthogonalProcrustes().fit(X[:, :4], y).rotation_
    np.testing.assert_allclose(R, expected[:4], atol=1e-6)
    # The map of equal vectors is the identity.
    X = unit_vectors(3, 6).astype(dtype)
    R = OrthogonalProcrustes().fit(X, X).rotation_
    np.testing.assert_allclose(R, np.eye(6), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_in, n_out", [(5, 7), (256, 256), (40, 24)])
def test_alignment_rows_have_the_same_bits_alone(dtype, n_in, n_out):
    X = unit_vectors(150, n_in).astype(dtype)
    aligner = OrthogonalProcrustes().fit(X, unit_vectors(150, n_out, 1))
    mapped = aligner.transform(X)
    alone = np.vstack([aligner.transform(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_array_equal(mapped, alone)
    np.testing.assert_array_equal(mapped[17:140], aligner.transform(X[17:140]))
    np.testing.assert_array_equal(mapped[::-1], aligner.transform(X[::-1].copy()))


def test_alignment_is_cloned_pickled_and_named():
    X, y = rotated_pairs()
    aligner = OrthogonalProcrustes().fit(X, y)
    again = pickle.loads(pickle.dumps(aligner))
    np.testing.assert_array_equal(again.transform(X), aligner.transform(X))
    np.testing.assert_array_equal(
        clone(aligner).fit(X, y).transform(X), aligner.transform(X)
    )
    names = OrthogonalProcrustes().fit(X, y[:, :2]).get_feature_names_out()
    assert names.tolist() == ["orthogonalprocrustes0", "orthogonalprocrustes1"]


def test_alignment_reads_columns_of_vectors_and_tables():
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    X, y = rotated_pairs()
    expected = OrthogonalProcrustes().fit(X, y).transform(X)
    columns = [
        pa.FixedSizeListArray.from_arrays(pa.array(side.ravel()), 8) for side in (X, y)
    ]
    np.testing.assert_array_equal(
        OrthogonalProcrustes().fit(*columns).transform(columns[0]), expected
    )
    table = pd.DataFrame(X, columns=list("abcdefgh"))
    aligner = OrthogonalProcrustes().fit(table, pd.DataFrame(y))
    assert aligner.feature_names_in_.tolist() == list("abcdefgh")
    # A data frame may be in another order of memory, in which BLAS rounds otherwise.
    np.testing.assert_allclose(aligner.transform(table), expected, rtol=0, atol=1e-12)


def test_alignment_of_two_models():
    """The second model is the first one, with its dimensions in another order."""
    texts = make_corpus(200)[0]
    lexical = LexicalVectorizer().fit(texts)
    first, second = (random_model(lexical, sizes=(16, 8)) for _ in range(2))
    X = first.transform(texts)
    y = second.transform(texts)[:, ::-1]
    aligner = OrthogonalProcrustes().fit(X[:100], y[:100])
    assert bitext_retrieval_score(X[100:], y[100:]) < 0.2
    pipeline = make_pipeline(first, aligner)
    assert bitext_retrieval_score(pipeline.transform(texts[100:]), y[100:]) > 0.9


# Pairs of terms


def test_paired_terms_by_hand():
    places, others = paired_terms(["a", "b", "c"], ["c", "x", "a"])
    assert (places.tolist(), others.tolist()) == ([0, 2], [2, 0])
    pairs = [("b", "x"), ("a", "c"), ("a", "x"), ("q", "x"), ("a", "q")]
    places, others = paired_terms(["a", "b", "c"], ["c", "x", "a"], pairs)
    assert (places.tolist(), others.tolist()) == ([1, 0, 0], [1, 0, 1])
    for nothing in (paired_terms(["a"], ["b"]), paired_terms(["a"], ["a"], [])):
        assert [len(side) for side in nothing] == [0, 0]
        assert nothing[0].dtype == np.intp


def test_paired_terms_of_two_models():
    first, second = (
        random_model(LexicalVectorizer().fit(make_corpus(40, seed)[0]), sizes=(8,))
        for seed in (0, 1)
    )
    terms, vectors = term_embeddings(first)
    other_terms, other_vectors = term_embeddings(second)
    places, others = paired_terms(terms, other_terms)
    assert terms[places].tolist() == other_terms[others].tolist()
    assert set(terms[places]) == set(terms) & set(other_terms)
    aligner = OrthogonalProcrustes().fit(vectors[places], other_vectors[others])
    assert aligner.transform(vectors).shape == vectors.shape


# Bad input


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_alignment_refuses_numbers_that_are_not_finite(value):
    X, y = rotated_pairs()
    aligner = OrthogonalProcrustes().fit(X, y)
    damaged = X.copy()
    damaged[3, 4] = value
    with pytest.raises(ValueError, match="Input X contains"):
        aligner.transform(damaged)
    with pytest.raises(ValueError, match="Input X contains"):
        aligner.inverse_transform(damaged)
    with pytest.raises(ValueError, match="Input X contains"):
        aligner.fit(damaged, y)
    with pytest.raises(ValueError, match="Input y contains"):
        aligner.fit(X, damaged)


def test_alignment_refuses_pairs_that_tell_nothing():
    X, y = rotated_pairs()
    message = "None of the 60 pairs tells anything"
    with pytest.raises(ValueError, match=message):
        OrthogonalProcrustes().fit(X, np.zeros_like(y))
    with pytest.raises(ValueError, match=message):
        OrthogonalProcrustes().fit(X, y, sample_weight=np.zeros(len(X)))


def test_alignment_refuses_other_shapes():
    X, y = rotated_pairs()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        OrthogonalProcrustes().fit(X, y[1:])
    with pytest.raises(ValueError, match="requires y to be passed"):
        OrthogonalProcrustes().fit(X, None)
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(60,\)"):
        OrthogonalProcrustes().fit(X, y, sample_weight=np.ones(59))
    aligner = OrthogonalProcrustes().fit(X, y[:, :5])
    with pytest.raises(ValueError, match="X must have 5 columns, the width of y"):
        aligner.inverse_transform(X)
    with pytest.raises(NotFittedError):
        OrthogonalProcrustes().inverse_transform(X)


def test_alignment_refuses_negative_weights():
    X, y = rotated_pairs()
    weights = np.ones(len(X))
    weights[3] = -0.5
    with pytest.raises(ValueError, match="must not be negative. Got -0.5"):
        OrthogonalProcrustes().fit(X, y, sample_weight=weights)
