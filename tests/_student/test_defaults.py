"""Values of what is 'auto'; test_projection.py has the fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sklux._student import defaults as _auto


def matrix(lengths):
    """Rows with so many values."""
    return sparse.csr_matrix(
        [[float(j < length) for j in range(100)] for length in lengths]
    )


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([10], 0), ([32], 0), ([40], 0.25), ([48], 0.5), ([64], 1), ([100], 1)],
)
def test_length_factor_rises_from_32_to_64(lengths, expected):
    assert _auto.length_factor(matrix(lengths)) == expected


def test_length_factor_is_that_of_the_median():
    assert _auto.length_factor(matrix([1, 1, 48, 100, 100])) == 0.5


def test_length_factor_does_not_count_empty_documents():
    assert _auto.length_factor(matrix([0, 0, 0, 0, 48])) == 0.5
    assert _auto.length_factor(matrix([0, 0])) == 0


def test_length_factor_does_not_count_stored_zeros():
    X = matrix([100, 48, 48])
    X.data[:90] = 0
    assert X.nnz == 196
    assert _auto.length_factor(X) == 0.5


@given(st.integers(1, 10**8))
def test_batch_size_has_96_steps_within_bounds(n_samples):
    expected = sorted([32, n_samples // 96, 512])[1]
    assert _auto.batch_size("auto", n_samples) == expected


@given(value=st.floats(0, 1), length=st.integers(1, 100), share=st.integers(1, 10))
def test_given_values_are_kept(value, length, share):
    X, is_embedded = matrix([length] * 10), np.arange(10) < share
    assert _auto.corpus_weight(value, X, is_embedded) == value
    assert _auto.contrastive_weight(value, "auto", X) == value
    assert _auto.batch_size(length, 10) == length
