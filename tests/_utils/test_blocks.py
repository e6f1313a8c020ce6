"""Rows in blocks, and counts of the values of a CSR matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import build_csr, csr_matrices, kernel_settings

from sklux._utils import blocks
from sklux._utils.blocks import column_counts, row_blocks, row_lengths


@pytest.mark.parametrize("n_rows", [0, 1, 4, 5, 12])
def test_row_blocks_divide_all_rows(n_rows):
    found = list(row_blocks(n_rows, 4))
    numbers = [list(range(n_rows))[block] for block in found]
    assert sum(numbers, []) == list(range(n_rows))
    assert len(found) == -(-n_rows // 4)
    assert all(len(part) == 4 for part in numbers[:-1])


def test_row_blocks_have_a_default_size(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 3)
    assert list(row_blocks(4)) == [slice(0, 3), slice(3, 4)]


@settings(kernel_settings, max_examples=60)
@given(csr_matrices())
def test_counts_equal_those_of_an_array(X):
    """Stored zeros are counted in columns, and not in rows."""
    X.sum_duplicates()
    stored = np.zeros(X.shape[1], dtype=int)
    np.add.at(stored, X.indices, 1)
    assert column_counts(X).tolist() == stored.tolist()
    assert row_lengths(X).tolist() == (X.toarray() != 0).sum(axis=1).tolist()
    assert column_counts(X).dtype == row_lengths(X).dtype == np.int64


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_counts_do_not_depend_on_blocks(monkeypatch, size):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", size)
    monkeypatch.setattr(blocks, "BLOCK_VALUES", size)
    X = build_csr([[(0, 1), (2, 0)], [], [(2, 0), (3, 0)], [(0, 5), (1, 1)], []], 4)
    assert column_counts(X).tolist() == [2, 1, 2, 1]
    assert row_lengths(X).tolist() == [1, 0, 0, 2, 0]
