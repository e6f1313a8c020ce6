"""Near-duplicates, compared with a plain loop over all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux._commands import near_duplicates
from sklux._commands.near_duplicates import NearDuplicates

pytest.importorskip("faiss")


def slow_duplicates(vectors, min_cosine):
    """Rows and cosines of the nearest documents that were kept before."""
    kept, rows, cosines = [], [], []
    for row, vector in enumerate(vectors):
        best, cosine = -1, np.nan
        for other in kept:
            product = float(vectors[other] @ vector)
            if product >= min_cosine and not product <= cosine:
                best, cosine = other, product
        if best < 0:
            kept.append(row)
        rows.append(best)
        cosines.append(cosine)
    return np.array(rows), np.array(cosines)


def unit(vectors):
    """Vectors of length 1; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def clustered(n_documents, seed, width=16):
    """Unit vectors, of which many are near to others."""
    rng = np.random.RandomState(seed)
    centres = rng.standard_normal((max(1, n_documents // 3), width))
    drawn = centres[rng.randint(len(centres), size=n_documents)]
    return unit(drawn + 0.05 * rng.standard_normal(drawn.shape))


def found_in_pieces(vectors, min_cosine, size):
    finder = NearDuplicates(vectors.shape[1], min_cosine)
    parts = [finder.find(vectors[i : i + size]) for i in range(0, len(vectors), size)]
    assert finder.n_documents == len(vectors)
    rows = np.concatenate([part.rows for part in parts])
    assert finder.n_kept == np.count_nonzero(rows < 0)
    return rows, np.concatenate([part.cosines for part in parts])


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 80),
    st.integers(0, 1000),
    st.sampled_from([0.0, 0.5, 0.9, 0.97, 1.0]),
    st.integers(1, 90),
    st.integers(1, 30),
)
def test_near_duplicates_equal_a_loop(n_documents, seed, min_cosine, size, batch_size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "BATCH_SIZE", batch_size)
        vectors = clustered(n_documents, seed)
        rows, cosines = found_in_pieces(vectors, min_cosine, size)
    expected, expected_cosines = slow_duplicates(vectors, min_cosine)
    # Products in another order differ in the last bit, which decides at the border.
    products = vectors @ vectors.T
    if np.abs(products - min_cosine).min() > 1e-6:
        np.testing.assert_array_equal(rows < 0, expected < 0)
        np.testing.assert_allclose(cosines, expected_cosines, atol=1e-6)
        is_near = rows >= 0
        np.testing.assert_allclose(
            products[is_near, rows[is_near]], cosines[is_near], atol=1e-6
        )


def test_near_duplicates_of_no_documents_and_of_zero_vectors():
    finder = NearDuplicates(4, 0.9)
    rows, cosines = finder.find(np.empty((0, 4), dtype=np.float32))
    assert len(rows) == len(cosines) == 0
    rows, cosines = finder.find(np.zeros((3, 4), dtype=np.float32))
    assert rows.tolist() == [-1, -1, -1]
    assert np.isnan(cosines).all()


@pytest.mark.parametrize("largest", [300, 1200])
def test_near_duplicates_in_lists(monkeypatch, largest):
    """The index is divided into lists, twice with the smaller limit."""
    monkeypatch.setattr(near_duplicates, "MAX_EXACT", largest)
    monkeypatch.setattr(near_duplicates, "GROWTH", 3)
    vectors = clustered(5000, 0, width=32)
    rows, cosines = found_in_pieces(vectors, 0.9, 700)
    expected, _ = slow_duplicates(vectors, 0.9)
    assert np.count_nonzero(expected < 0) > 1200
    assert np.mean((rows < 0) == (expected < 0)) > 0.99
    # The lists hold numbers of 16 bits.
    is_near = rows >= 0
    products = np.einsum("ij,ij->i", vectors[is_near], vectors[rows[is_near]])
    np.testing.assert_allclose(cosines[is_near], products, atol=1e-3)
    again, _ = found_in_pieces(vectors, 0.9, 700)
    np.testing.assert_array_equal(rows, again)
