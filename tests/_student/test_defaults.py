"""Values of parameters that are 'auto'; test_projection.py tests fits with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sklux._student import defaults


def matrix(lengths):
    """Rows with these numbers of non-zero values."""
    return sparse.csr_matrix(
        [[float(j < length) for j in range(100)] for length in lengths]
    )


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ({"similarity_kl": 1.0}, 3.0),
        ({"similarity_kl": 0.5}, 3.0),
        ({"cosine": 1.0, "similarity_kl": 20.0}, 0.1),
        ({"cosine": 1.0}, 0.1),
    ],
)
def test_temperature_depends_on_the_other_loss(loss, expected):
    assert defaults.temperature("auto", loss) == expected
    assert defaults.temperature(0.5, loss) == 0.5


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([10], 0), ([32], 0), ([40], 0.25), ([48], 0.5), ([64], 1), ([100], 1)],
)
def test_length_factor_rises_from_32_to_64(lengths, expected):
    assert defaults.length_factor(matrix(lengths)) == expected


def test_length_factor_uses_the_median():
    assert defaults.length_factor(matrix([1, 1, 48, 100, 100])) == 0.5


def test_length_factor_ignores_empty_documents():
    assert defaults.length_factor(matrix([0, 0, 0, 0, 48])) == 0.5
    assert defaults.length_factor(matrix([0, 0])) == 0


def test_length_factor_ignores_stored_zeros():
    X = matrix([100, 48, 48])
    X.data[:90] = 0
    assert X.nnz == 196
    assert defaults.length_factor(X) == 0.5


@given(st.integers(1, 10**8))
def test_batch_size_gives_96_steps_within_bounds(n_samples):
    expected = sorted([32, n_samples // 96, 512])[1]
    assert defaults.batch_size("auto", n_samples) == expected


@given(value=st.floats(0, 1), length=st.integers(1, 100), share=st.integers(1, 10))
def test_given_values_are_kept(value, length, share):
    X, is_embedded = matrix([length] * 10), np.arange(10) < share
    assert defaults.corpus_weight(value, X, is_embedded) == value
    assert defaults.contrastive_weight(value, 0.12, X) == value
    assert defaults.batch_size(length, 10) == length


def test_weights_of_a_teacher_that_sees_one_view():
    X, is_embedded = matrix([48] * 4), np.array([True, True, True, False])
    full = defaults.full_corpus_weight("auto", lambda: True)
    assert full == 0.5
    assert defaults.corpus_weight("auto", X, is_embedded, full) == 0.5 * 0.75 * 0.5
    assert defaults.contrastive_weight("auto", full, X) == 0.3 * 0.5
    few = defaults.full_corpus_weight("auto", lambda: False)
    assert few == 0.12
    # Three quarters of it, which is less than the largest weight.
    assert defaults.contrastive_weight("auto", few, X) == 0.75 * 0.12 * 0.5


def test_views_are_not_compared_for_a_given_weight():
    def sees_one_view():
        raise AssertionError("views were compared")

    assert defaults.full_corpus_weight(0.3, sees_one_view) == 0.3
