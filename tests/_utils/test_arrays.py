"""Conversion of vectors of any type to float arrays."""

import numpy as np
import pytest
from scipy import sparse

from sklux._utils.arrays import as_float_array

ROWS = [[1.0, -2.0], [0.0, 0.5]]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        lambda rows: np.array(rows, dtype=np.float16),
        sparse.csr_matrix,
        sparse.coo_array,
    ],
    ids=["list", "float64", "float16", "csr", "coo"],
)
def test_arrays_of_any_type_become_float32(convert):
    array = as_float_array(convert(ROWS))
    assert type(array) is np.ndarray
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, ROWS)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int64"])
def test_arrays_torch_tensors_become_float32(dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([[1.0, -2.0], [0.0, 4.0]]).to(getattr(torch, dtype))
    array = as_float_array(tensor)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, [[1, -2], [0, 4]])


def test_arrays_torch_tensor_with_a_gradient():
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(ROWS, requires_grad=True)
    np.testing.assert_array_equal(as_float_array(tensor), ROWS)


def test_arrays_float32_array_is_not_copied():
    array = np.array(ROWS, dtype=np.float32)
    assert as_float_array(array) is array


def test_arrays_values_too_large_for_float32_are_infinite():
    """Without a warning, which the tests turn into an error."""
    np.testing.assert_array_equal(as_float_array([1e300, -1e300]), [np.inf, -np.inf])


def test_arrays_nan_is_kept():
    assert np.isnan(as_float_array([np.nan])).all()


def test_arrays_complex_numbers_are_refused():
    with pytest.raises(TypeError, match="vectors are complex, but must be real"):
        as_float_array(np.array([1j]))


@pytest.mark.parametrize(
    "values", [["a"], [[1.0], [1.0, 2.0]], [object()]], ids=["str", "ragged", "object"]
)
def test_arrays_other_values_are_refused(values):
    with pytest.raises((TypeError, ValueError)):
        as_float_array(values)
