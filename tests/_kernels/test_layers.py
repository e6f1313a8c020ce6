"""Kernels of the layers against plain loops, for each instruction set."""

import numpy as np
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import (
    build_csr,
    csr_matrices,
    dense_arrays,
    extreme_values,
    kernel_settings,
    ordinary_values,
    row_counts,
    seeds,
    widths,
)

from sklux._kernels import layers

ALL_SETS = layers.available_instruction_sets()


def unwritten(*shape):
    """An array for a result; values that the kernel does not write stay NaN."""
    return np.full(shape, np.nan, dtype=np.float32)


def sparse_product(X, weights, scales=None, places=None):
    out = unwritten(X.shape[0], weights.shape[1])
    rows = layers.WeightRows(weights, scales)
    layers.sparse_product(X.data, X.indices, X.indptr, places, rows, out)
    return out


def dense_product(H, weights, start=None):
    """H W, or ``start`` + H W."""
    out = unwritten(H.shape[0], weights.shape[1])
    if start is not None:
        out[:] = start
    layers.dense_product(H, weights, out, start is not None)
    return out


def tied_rows(H, n_out):
    """The rows abs(a), and the first values of a."""
    H, out = H.copy(), unwritten(len(H), n_out)
    layers.tied_rows(H, out)
    return H, out


def unit_rows(H, relu):
    H = H.copy()
    layers.unit_rows(H, relu)
    return H


@st.composite
def sparse_products(draw, values):
    X = draw(csr_matrices(values))
    return X, draw(dense_arrays(X.shape[1], draw(widths)))


# All finite float16 values, including subnormal values and both zeros.
HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE_HALVES = HALVES[np.isfinite(HALVES)]


@st.composite
def stored_rows(draw, n_features, n_units):
    """Weights of the first layer in any stored type, with factors and places."""
    rng = np.random.default_rng(draw(seeds))
    dtype = draw(st.sampled_from(["float32", "float16", "int8"]))
    scales, places = None, None
    if dtype == "float32":
        stored = draw(dense_arrays(n_features, n_units))
    elif dtype == "float16":
        stored = rng.choice(FINITE_HALVES, (n_features, n_units))
        if draw(st.booleans()):
            stored = draw(dense_arrays(n_features, n_units)).astype(np.float16)
    else:
        stored = rng.integers(-128, 128, (n_features, n_units)).astype(np.int8)
        scales = (10.0 ** rng.uniform(-3, 3, n_features)).astype(np.float32)
    if draw(st.booleans()):
        places = rng.permutation(n_features).astype(np.uint32)
    return stored, scales, places


@st.composite
def stored_products(draw, values):
    X = draw(csr_matrices(values))
    return X, *draw(stored_rows(X.shape[1], draw(widths)))


@st.composite
def dense_products(draw):
    n_in, n_out = draw(widths), draw(widths)
    H = draw(dense_arrays(draw(row_counts), n_in))
    return H, draw(dense_arrays(n_in, n_out))


@kernel_settings
@given(sparse_products(ordinary_values | extreme_values))
def test_sparse_product_equals_reference(instruction_set, example):
    expected, bounds = reference.sparse_product(*example)
    assert np.all(abs(sparse_product(*example) - expected) <= bounds)


@kernel_settings
@given(dense_products())
def test_dense_product_equals_reference(instruction_set, example):
    H, weights = (array.astype(np.float64) for array in example)
    bounds = (H.shape[1] + 2) * reference.EPSILON * (abs(H) @ abs(weights))
    assert np.all(abs(dense_product(*example) - H @ weights) <= bounds)


@st.composite
def added_products(draw, products):
    H, weights = draw(products)
    return H, weights, draw(dense_arrays(len(H), weights.shape[1]))


@kernel_settings
@given(added_products(dense_products()))
def test_dense_product_that_adds_equals_reference(instruction_set, example):
    H, weights, start = (array.astype(np.float64) for array in example)
    terms = abs(start) + abs(H) @ abs(weights)
    bounds = (H.shape[1] + 3) * reference.EPSILON * terms
    assert np.all(abs(dense_product(*example) - start - H @ weights) <= bounds)


@kernel_settings
@given(st.data(), row_counts, widths, st.integers(0, 70))
def test_tied_rows_equals_reference(instruction_set, data, n_rows, n_units, n_out):
    H = data.draw(dense_arrays(n_rows, n_units, exponents=(-37, 36)))
    n_out = min(n_out, n_units)
    magnitudes, values = tied_rows(H, n_out)
    expected = unit_rows(H, False)
    reference.assert_same_bits(values, expected[:, :n_out])
    # The kernel writes no vector without a column.
    reference.assert_same_bits(magnitudes, abs(expected) if n_out else H)


@pytest.mark.parametrize("shape", [(3, 5), (2, 4), (4, 4)])
def test_tied_rows_of_other_shapes_are_refused(shape):
    H = np.ones((3, 4), dtype=np.float32)
    with pytest.raises(ValueError, match="the shapes of H and out do not fit"):
        layers.tied_rows(H, np.empty(shape, dtype=np.float32))


@kernel_settings
@given(st.data(), row_counts, widths, st.booleans())
def test_unit_rows_equals_reference(instruction_set, data, n_rows, n_units, relu):
    H = data.draw(dense_arrays(n_rows, n_units, exponents=(-37, 36)))
    expected = reference.unit_rows(reference.relu(H) if relu else H)
    np.testing.assert_allclose(unit_rows(H, relu), expected, rtol=5e-7, atol=1e-37)


@pytest.mark.parametrize("value", [1e-45, 1e-40, 1e-30, 1.0, 1e30, 1e37])
def test_unit_rows_extreme_magnitude(instruction_set, value):
    H = np.full((2, 9), value, dtype=np.float32)
    np.testing.assert_allclose(unit_rows(H, False), 1 / 3, rtol=1e-6)


def test_unit_rows_largest_float(instruction_set):
    """The length is too large for float32, and its reciprocal is subnormal."""
    H = np.full((1, 70), np.finfo(np.float32).max)
    np.testing.assert_allclose(unit_rows(H, False), 1 / np.sqrt(70), rtol=1e-6)


def test_unit_rows_relu_of_negative_row_is_zero(instruction_set):
    reference.assert_same_bits(
        unit_rows(np.full((3, 17), -2, dtype=np.float32), True),
        np.zeros((3, 17), dtype=np.float32),
    )


@kernel_settings
@given(sparse_products(ordinary_values | extreme_values), seeds)
def test_sparse_product_row_alone_has_same_bits(instruction_set, example, seed):
    X, weights = example
    batch = sparse_product(X, weights)
    order = np.random.default_rng(seed).permutation(X.shape[0])
    for i in order:
        alone = unwritten(1, weights.shape[1])
        # The part of the row pointer still counts from the start of the data.
        rows = layers.WeightRows(weights)
        layers.sparse_product(
            X.data, X.indices, X.indptr[i : i + 2].copy(), None, rows, alone
        )
        reference.assert_same_bits(alone[0], batch[i])


@kernel_settings
@given(dense_products(), seeds)
def test_dense_product_any_batch_has_same_bits(instruction_set, example, seed):
    H, weights = example
    rng = np.random.default_rng(seed)
    batch = dense_product(H, weights)
    order = rng.permutation(len(H))
    reference.assert_same_bits(dense_product(H[order], weights), batch[order])
    part = order[: rng.integers(0, len(H) + 1)]
    reference.assert_same_bits(dense_product(H[part], weights), batch[part])
    for i in order[:3]:
        reference.assert_same_bits(dense_product(H[i : i + 1], weights)[0], batch[i])


@kernel_settings
@given(added_products(dense_products()), seeds)
def test_dense_product_that_adds_any_batch_has_same_bits(
    instruction_set, example, seed
):
    H, weights, start = example
    batch = dense_product(*example)
    part = np.random.default_rng(seed).permutation(len(H))
    reference.assert_same_bits(
        dense_product(H[part], weights, start[part]), batch[part]
    )
    for i in part[:3]:
        alone = dense_product(H[[i]], weights, start[[i]])
        reference.assert_same_bits(alone[0], batch[i])


@kernel_settings
@given(added_products(dense_products()))
def test_dense_product_that_adds_agrees_across_instruction_sets(
    restore_best_set, example
):
    H, weights, start = map(abs, example)
    assume(len(H) and H.any(axis=1).all())
    results = []
    for name in ALL_SETS:
        layers.use_instruction_set(name)
        results.append(unit_rows(dense_product(H, weights, start), False))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=0, atol=1e-6)


@kernel_settings
@given(st.data(), row_counts, widths, st.booleans())
def test_unit_rows_row_alone_has_same_bits(
    instruction_set, data, n_rows, n_units, relu
):
    H = data.draw(dense_arrays(n_rows, n_units))
    batch = unit_rows(H, relu)
    for i in range(n_rows):
        reference.assert_same_bits(unit_rows(H[i : i + 1], relu)[0], batch[i])


@kernel_settings
@given(dense_products())
def test_layers_agree_across_instruction_sets(restore_best_set, example):
    """Within 1e-6 for sums that do not cancel; others depend on the order of adding."""
    H, weights = abs(example[0]), abs(example[1])
    assume(len(H) and H.any(axis=1).all())
    results = []
    for name in ALL_SETS:
        layers.use_instruction_set(name)
        results.append(unit_rows(dense_product(H, weights), True))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=0, atol=1e-6)


@kernel_settings
@given(sparse_products(extreme_values))
def test_sparse_layer_agrees_across_instruction_sets(restore_best_set, example):
    """The same for the sparse layer and values of extreme magnitude."""
    X, weights = example[0], abs(example[1])
    X.data = abs(X.data)
    results = []
    for name in ALL_SETS:
        layers.use_instruction_set(name)
        results.append(unit_rows(sparse_product(X, weights), True))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=0, atol=1e-6)


# Weights in fewer bits


@kernel_settings
@given(stored_products(ordinary_values | extreme_values))
def test_stored_rows_equal_reference(instruction_set, example):
    X, *stored = example
    expected, bounds = reference.sparse_product(X, reference.weight_rows(*stored))
    assert np.all(abs(sparse_product(X, *stored) - expected) <= bounds)


@kernel_settings
@given(stored_products(ordinary_values | extreme_values))
def test_stored_rows_row_alone_has_same_bits(instruction_set, example):
    X, *stored = example
    batch = sparse_product(X, *stored)
    for i in range(X.shape[0]):
        reference.assert_same_bits(sparse_product(X[[i]], *stored)[0], batch[i])


@kernel_settings
@given(stored_products(ordinary_values | extreme_values))
def test_stored_rows_agree_across_instruction_sets(restore_best_set, example):
    """Within 1e-6 for sums that do not cancel."""
    X, stored, scales, places = example
    X.data = abs(X.data)
    # abs(-128) is not an int8.
    stored = abs(np.maximum(stored, -127))
    results = []
    for name in ALL_SETS:
        layers.use_instruction_set(name)
        results.append(unit_rows(sparse_product(X, stored, scales, places), True))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=0, atol=1e-6)


def test_stored_rows_every_half_is_read_exactly(instruction_set):
    """One value of 1 for each row: the sums are the weights."""
    stored = FINITE_HALVES[: len(FINITE_HALVES) // 64 * 64].reshape(-1, 64)
    n_rows = len(stored)
    X = build_csr([[(i, 1.0)] for i in range(n_rows)], n_rows)
    # 0 + -0 is 0.
    expected = stored.astype(np.float32) + np.float32(0)
    reference.assert_same_bits(sparse_product(X, stored), expected)


def test_stored_rows_every_byte_is_read_exactly(instruction_set):
    stored = np.arange(-128, 128).astype(np.int8).reshape(8, 32)
    scales = (2.0 ** np.arange(-4, 4)).astype(np.float32)
    X = build_csr([[(i, 1.0)] for i in range(8)], 8)
    expected = stored.astype(np.float32) * scales[:, np.newaxis]
    reference.assert_same_bits(sparse_product(X, stored, scales), expected)


@pytest.mark.parametrize("value, scale", [(1e20, 1e25), (1e-30, 1e-15), (1e30, 1e-30)])
def test_stored_rows_extreme_values_meet_extreme_factors(instruction_set, value, scale):
    """The scale of a row of values is applied before the factors of the weights."""
    stored = np.array([[3, -4]], dtype=np.int8)
    scales = np.array([scale], dtype=np.float32)
    H = unit_rows(sparse_product(build_csr([[(0, value)]], 1), stored, scales), False)
    np.testing.assert_allclose(H, [[0.6, -0.8]], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@pytest.mark.parametrize("n_units", [7, 64, 128, 200, 384, 600])
@pytest.mark.parametrize("n_nonzeros", [1, 2, 5, 100])
def test_stored_rows_of_full_width(instruction_set, dtype, n_units, n_nonzeros):
    """Many long rows, which are summed in blocks and prefetched."""
    rng = np.random.default_rng(n_units)
    stored = (30 * rng.standard_normal((150, n_units))).astype(dtype)
    scales = rng.random(150, dtype=np.float32) if dtype == "int8" else None
    places = rng.permutation(150).astype(np.uint32)
    columns = [sorted(rng.choice(150, n_nonzeros, replace=False)) for _ in range(3)]
    X = build_csr([[(c, rng.random()) for c in row] for row in columns], 150)
    weights = reference.weight_rows(stored, scales, places)
    expected, bounds = reference.sparse_product(X, weights)
    assert np.all(abs(sparse_product(X, stored, scales, places) - expected) <= bounds)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_stored_rows_at_any_address(instruction_set, dtype):
    """Rows in a memory-mapped file need not begin at a cache line."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(0)
    memory = np.zeros(41 * 9 * dtype.itemsize + 64, dtype=np.uint8)
    scales = np.ones(9, dtype=np.float32) if dtype == np.int8 else None
    X = build_csr([[(i, 0.5) for i in range(9)]] * 2, 9)
    values = rng.integers(-9, 9, (9, 41)).astype(dtype)
    expected = sparse_product(X, values, scales)
    for offset in range(0, 64, dtype.itemsize):
        stored = memory[offset : offset + values.nbytes].view(dtype).reshape(9, 41)
        stored[...] = values
        stored.flags.writeable = False
        reference.assert_same_bits(sparse_product(X, stored, scales), expected)


def test_stored_rows_need_a_factor_for_each_row():
    stored = np.ones((3, 2), dtype=np.int8)
    for scales in (None, np.ones(2, dtype=np.float32)):
        with pytest.raises(ValueError, match="scales must have one value for each row"):
            layers.WeightRows(stored, scales)


@pytest.mark.parametrize("dtype", ["float64", "uint8", "int16"])
def test_stored_rows_of_another_type_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype mismatch"):
        layers.WeightRows(np.ones((3, 2), dtype=dtype))


# Dense layers beyond one panel: 768 inputs deep, up to 32 outputs wide


@st.composite
def deep_products(draw):
    n_in = draw(st.sampled_from([3, 383, 384, 385, 388, 767, 768, 769, 1000]))
    n_out = draw(st.sampled_from([1, 15, 16, 17, 31, 32, 33, 47, 95, 100]))
    return (
        draw(dense_arrays(draw(st.integers(1, 40)), n_in)),
        draw(dense_arrays(n_in, n_out)),
    )


deep_settings = settings(kernel_settings, max_examples=40)


@deep_settings
@given(deep_products())
def test_dense_product_deep_equals_reference(instruction_set, example):
    H, weights = (array.astype(np.float64) for array in example)
    bounds = (H.shape[1] + 2) * reference.EPSILON * (abs(H) @ abs(weights))
    assert np.all(abs(dense_product(*example) - H @ weights) <= bounds)


@deep_settings
@given(deep_products(), seeds)
def test_dense_product_deep_any_batch_has_same_bits(instruction_set, example, seed):
    """One to three rows are multiplied by another routine than many rows."""
    H, weights = example
    batch = dense_product(H, weights)
    for i in range(len(H)):
        reference.assert_same_bits(dense_product(H[i : i + 1], weights)[0], batch[i])
    rng = np.random.default_rng(seed)
    for size in (2, 3, 4, 5, 13):
        part = rng.permutation(len(H))[:size]
        reference.assert_same_bits(dense_product(H[part], weights), batch[part])


@deep_settings
@given(deep_products())
def test_dense_product_deep_agrees_across_instruction_sets(restore_best_set, example):
    H, weights = abs(example[0]), abs(example[1])
    assume(H.any(axis=1).all())
    results = []
    for name in ALL_SETS:
        layers.use_instruction_set(name)
        results.append(unit_rows(dense_product(H, weights), True))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=0, atol=1e-6)


@deep_settings
@given(added_products(deep_products()))
def test_dense_product_deep_that_adds_equals_reference(instruction_set, example):
    """The sums start once, not with each 768 inputs."""
    H, weights, start = (array.astype(np.float64) for array in example)
    terms = abs(start) + abs(H) @ abs(weights)
    bounds = (H.shape[1] + 3) * reference.EPSILON * terms
    found = dense_product(*example)
    assert np.all(abs(found - start - H @ weights) <= bounds)
    for i in range(len(H)):
        alone = dense_product(example[0][[i]], example[1], example[2][[i]])
        reference.assert_same_bits(alone[0], found[i])


def test_dense_product_without_inputs_keeps_the_values_that_it_adds_to():
    start = np.array([[1, 2], [3, 4]], dtype=np.float32)
    nothing = np.empty((2, 0), np.float32), np.empty((0, 2), np.float32)
    reference.assert_same_bits(dense_product(*nothing, start), start)
    reference.assert_same_bits(dense_product(*nothing), np.zeros((2, 2), np.float32))


@pytest.mark.parametrize("index_type", [np.int32, np.int64])
def test_sparse_product_index_types(instruction_set, index_type):
    weights = np.arange(12, dtype=np.float32).reshape(4, 3)
    out = unwritten(2, 3)
    layers.sparse_product(
        np.array([1, 2], dtype=np.float32),
        np.array([3, 0], dtype=index_type),
        np.array([0, 2, 2], dtype=index_type),
        None,
        layers.WeightRows(weights),
        out,
    )
    # Row 0: 1 * [9, 10, 11] + 2 * [0, 1, 2]; row 1 has no value.
    np.testing.assert_array_equal(out, [[9, 12, 15], [0, 0, 0]])


@pytest.mark.parametrize("n_units", [1, 8, 33])
def test_kernels_no_rows(instruction_set, n_units):
    no_rows = np.empty((0, 5), dtype=np.float32)
    weights = np.ones((5, n_units), dtype=np.float32)
    assert dense_product(no_rows, weights).shape == (0, n_units)
    assert unit_rows(no_rows, True).shape == (0, 5)
    out = np.empty((0, n_units), dtype=np.float32)
    no_index = np.empty(0, dtype=np.int32)
    layers.sparse_product(
        np.empty(0, dtype=np.float32),
        no_index,
        np.zeros(1, np.int32),
        None,
        layers.WeightRows(weights),
        out,
    )


def test_kernels_accept_read_only_arrays(instruction_set):
    weights = np.ones((3, 2), dtype=np.float32)
    H = np.ones((4, 3), dtype=np.float32)
    weights.flags.writeable = H.flags.writeable = False
    np.testing.assert_array_equal(dense_product(H, weights), np.full((4, 2), 3))


def test_kernels_unknown_instruction_set():
    with pytest.raises(ValueError, match="name must be one of .*plain.* Got 'mmx'"):
        layers.use_instruction_set("mmx")


def test_kernels_plain_instruction_set_is_always_available():
    assert ALL_SETS[0] == "plain"


# All layers after the first


def test_dense_layers_refuse_shapes_that_do_not_fit():
    wide, narrow = np.ones((4, 5), np.float32), np.ones((4, 3), np.float32)
    with pytest.raises(ValueError, match="shapes of the layers do not fit together"):
        layers.DenseLayers(4, (narrow, narrow), False)
    with pytest.raises(ValueError, match="must not be wider than the tied rows"):
        layers.DenseLayers(4, (wide,), True)
    with pytest.raises(ValueError, match="must not be wider than the tied rows"):
        layers.DenseLayers(4, (), True)
    dense, scratch = layers.DenseLayers(4, (narrow,), False), layers.HiddenScratch()
    for hidden, out in [((2, 4), (1, 3)), ((2, 5), (2, 3)), ((2, 4), (2, 4))]:
        with pytest.raises(ValueError, match="hidden and out do not fit the layers"):
            dense.unit_vectors(
                np.ones(hidden, np.float32), np.ones(out, np.float32), scratch
            )


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (3, 0, 2), (3,)])
@pytest.mark.parametrize("n_rows", [0, 2])
def test_dense_layers_without_units_or_rows(sizes, n_rows):
    matrices = tuple(np.ones(s, np.float32) for s in zip(sizes[:-1], sizes[1:]))
    dense = layers.DenseLayers(sizes[0], matrices, False)
    out = np.full((n_rows, sizes[-1]), np.nan, np.float32)
    if len(sizes) == 1:
        out[:] = 1
    hidden = out if len(sizes) == 1 else np.ones((n_rows, sizes[0]), np.float32)
    dense.unit_vectors(hidden, out, layers.HiddenScratch())
    expected = np.float32(1 / 3**0.5) if len(sizes) == 1 else 0
    np.testing.assert_allclose(out, np.full(out.shape, expected), rtol=1e-6)


def test_hidden_scratch_keeps_its_memory():
    scratch = layers.HiddenScratch()
    assert scratch.n_bytes() == 0
    matrices = (np.ones((4, 3), np.float32), np.ones((3, 2), np.float32))
    dense = layers.DenseLayers(4, matrices, False)
    hidden, out = np.ones((50, 4), np.float32), np.empty((50, 2), np.float32)
    dense.unit_vectors(hidden, out, scratch)
    n_bytes = scratch.n_bytes()
    assert n_bytes >= 50 * 3 * 4
    scratch.clear()
    dense.unit_vectors(hidden[:9], out[:9], scratch)
    assert scratch.n_bytes() == n_bytes
