"""Products of a sparse and a dense matrix, on any number of threads."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    build_csr,
    csr_matrices,
    dense_arrays,
    kernel_settings,
    widths,
)

from sklux._student import products
from sklux._student.products import (
    csr_product,
    csr_transpose,
    normalized,
    transposed_product,
)
from sklux._utils import threads

product_settings = settings(kernel_settings, max_examples=40)


@st.composite
def factors(draw):
    X = draw(csr_matrices())
    # The kernel scales rows with smaller values.
    X.data[abs(X.data) < 1e-9] = 0
    return X, draw(dense_arrays(X.shape[1], draw(widths)))


@product_settings
@given(factors())
def test_csr_product_equals_reference(example):
    expected, bounds = reference.sparse_product(*example)
    found = csr_product(*example)
    assert found.dtype == np.float32
    assert np.all(abs(found - expected) <= bounds)


@pytest.mark.parametrize("n_threads", [2, 5])
def test_csr_product_same_bits_on_all_threads(monkeypatch, n_threads):
    X, _ = reference.topic_documents(50)
    dense = np.random.RandomState(0).standard_normal((X.shape[1], 21))
    expected = csr_product(X, dense)
    monkeypatch.setattr(products, "ROWS_PER_RANGE", 3)
    monkeypatch.setattr(threads, "effective_n_jobs", lambda n_jobs: n_threads)
    reference.assert_same_bits(csr_product(X, dense), expected)


@pytest.mark.parametrize("wide", ["indices", "indptr"])
def test_csr_product_takes_index_arrays_of_two_types(wide):
    X = build_csr([[(1, 2)], [], [(0, 3), (1, 1)]], 2)
    setattr(X, wide, getattr(X, wide).astype(np.int64))
    dense = np.array([[1, 2], [3, 4]])
    # Rows: 2 (3, 4); 0; 3 (1, 2) + (3, 4).
    np.testing.assert_array_equal(csr_product(X, dense), [[6, 8], [0, 0], [6, 10]])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_csr_product_takes_any_dense_array(order, dtype):
    X, _ = reference.topic_documents(5)
    dense = np.random.RandomState(0).random_sample((X.shape[1], 3)).astype(np.float32)
    given = dense.astype(dtype, order=order)
    reference.assert_same_bits(csr_product(X, given), csr_product(X, dense))


@pytest.mark.parametrize("shape", [(0, 0, 0), (0, 3, 2), (3, 0, 2), (3, 2, 0)])
def test_csr_product_of_empty_matrices(shape):
    n_rows, n_columns, n_units = shape
    found = csr_product(build_csr([[]] * n_rows, n_columns), np.ones(shape[1:]))
    reference.assert_same_bits(found, np.zeros((n_rows, n_units), dtype=np.float32))


def test_csr_product_without_units():
    found = csr_product(build_csr([[(0, 1)]], 2), np.ones((2, 0)))
    assert found.shape == (1, 0)


@product_settings
@given(csr_matrices())
def test_csr_transpose_equals_reference(X):
    expected = reference.to_dense(X).T
    np.testing.assert_allclose(
        reference.to_dense(csr_transpose(X)), expected, rtol=1e-6, atol=2e-12
    )


def test_csr_transpose_keeps_tiny_values_tiny():
    """A feature has only tiny values, and the kernel must not scale its row to 1."""
    X = build_csr([[(0, 1), (1, 1e-13)], [(0, 1), (1, 1e-12)]], 2)
    found = csr_product(csr_transpose(X), np.eye(2))
    np.testing.assert_allclose(found, [[1, 1], [0, 0]], atol=1e-11)
    # The matrix itself does not change.
    assert X.data[1] > 0


@pytest.mark.parametrize("rows", [slice(None), slice(2, 5), np.array([7, 2, 2])])
def test_normalized_rows_are_a_copy_of_unit_rows(rows):
    X = reference.topic_documents(10)[0]
    before = X.toarray()
    found = normalized(X, rows)
    assert found.dtype == np.float32
    expected = reference.unit_rows(before[rows])
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)
    np.testing.assert_array_equal(X.toarray(), before)


@pytest.mark.parametrize("size", [1, 4, 100])
def test_transposed_product_equals_its_formula(monkeypatch, size):
    """For any blocks, with rows in any order."""
    monkeypatch.setattr(products, "TRANSPOSED_ROWS", size)
    X = reference.topic_documents(10)[0]
    rows = np.array([9, 3, 4, 1, 0, 7])
    dense = np.random.RandomState(0).standard_normal((6, 3)).astype(np.float32)
    units = []

    def factor(block, unit):
        units.append(unit.toarray())
        return dense[block]

    found = transposed_product(X, rows, factor, 3)
    expected = reference.unit_rows(X.toarray()[rows])
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.vstack(units), expected, rtol=1e-6)
    np.testing.assert_allclose(found, expected.T @ dense, atol=1e-5)
