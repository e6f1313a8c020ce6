"""The network on whole matrices: threads, ranges, formats, invalid input."""

import pickle

import numpy as np
import pytest
import reference
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse
from strategies import (
    build_csr,
    csr_matrices,
    extreme_values,
    kernel_settings,
    layers,
    ordinary_values,
    seeds,
    widths,
)

from sklux._student import network
from sklux._student.network import HiddenScratch, Network, apply_network

HIDDEN = [(), (17,), (33, 9)]


def random_network(hidden_layer_sizes, n_features=50, n_components=12, seed=0):
    rng = np.random.RandomState(seed)
    sizes = (n_features, *hidden_layer_sizes, n_components)
    return [
        rng.standard_normal(shape).astype(np.float32)
        for shape in zip(sizes[:-1], sizes[1:])
    ]


def random_csr(n_samples, n_features=50, seed=1):
    return sparse.random(
        n_samples,
        n_features,
        density=0.2,
        format="csr",
        dtype=np.float32,
        random_state=seed,
    )


# Rank of V if it is stored as a product.
ranks = st.none() | st.integers(1, 20)


@pytest.fixture(params=HIDDEN, ids=str)
def coefs(request):
    return random_network(request.param)


def tied_network(n_units=12, n_components=12, seed=0, n_features=50, rank=None):
    """Random W and V, or W, A and B, with V of about the size after a training."""
    hidden = (n_units,) if rank is None else (n_units, rank)
    W, *dense = random_network(hidden, n_features, n_components, seed)
    return [W, dense[0] / np.float32(n_units**0.5), *dense[1:]]


@st.composite
def networks(draw, values=ordinary_values, max_nonzeros=12):
    X = draw(csr_matrices(values, max_nonzeros))
    return X, draw(layers(X.shape[1]))


@kernel_settings
@given(networks())
def test_network_equals_reference(example):
    """Weights and values are positive, and so the sums do not cancel out."""
    X, coefs = example
    X.data = abs(X.data)
    coefs = [abs(weights) for weights in coefs]
    np.testing.assert_allclose(
        apply_network(X, Network.of(coefs), 1),
        reference.network(X, coefs),
        rtol=0,
        atol=2e-6,
    )


@kernel_settings
@given(csr_matrices(), seeds, widths, widths, ranks)
def test_tied_network_equals_reference(X, seed, n_units, n_components, rank):
    """The sums of the first layer do not cancel, and z does not either."""
    X.data = abs(X.data)
    coefs = tied_network(n_units, min(n_components, n_units), seed, X.shape[1], rank)
    coefs = [abs(weights) for weights in coefs]
    np.testing.assert_allclose(
        apply_network(X, Network.of(coefs, tied=True), 1),
        reference.tied_network(X, *coefs),
        rtol=0,
        atol=2e-6,
    )


def test_factors_of_a_tied_network_whose_product_overflows_are_refused():
    """Each holds weights that are allowed, and no norm lies between them."""
    W, A, B = tied_network(rank=3)
    A, B = A * np.float32(1e15 / abs(A).max()), B * np.float32(1e14 / abs(B).max())
    vectors = apply_network(random_csr(40), Network.of([W, A, B], tied=True), 1)
    assert np.isfinite(vectors).all()
    with pytest.raises(ValueError, match=r"coefs_\[1\] and coefs_\[2\] are too large"):
        Network.of([W, A, B * 100], tied=True)


@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("n_components", [1, 5, 12])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_tied_network_equals_the_expanded_network(dtype, n_components, rank):
    """The ReLU network of the rows [W, -W] and the last layer [I + V; -I + V]."""
    X = random_csr(40)
    tied = Network.of(tied_network(rank=rank), tied=True).quantized(dtype)
    tied = tied.truncated(n_components)
    W, *factors = tied.coefs()
    V = factors[0] if rank is None else factors[0] @ factors[1]
    vectors = apply_network(X, tied, 1)
    eye = np.eye(12, dtype=np.float32)[:, :n_components]
    expanded = [np.hstack([W, -W]), np.vstack([V + eye, V - eye])]
    np.testing.assert_allclose(vectors, reference.network(X, expanded), atol=1e-6)
    np.testing.assert_allclose(
        vectors, reference.tied_network(X, W, *factors), atol=1e-6
    )
    found = tied.expanded()
    assert not found.tied
    assert found.dtype == tied.dtype
    for weights, expected in zip(found.coefs(), expanded, strict=True):
        np.testing.assert_array_equal(weights, expected)
    np.testing.assert_allclose(vectors, apply_network(X, found, 1), atol=1e-6)


def test_expanded_network_without_ties_is_the_network_itself(coefs):
    network = Network.of(coefs)
    assert network.expanded() is network


@kernel_settings
@given(csr_matrices(ordinary_values | extreme_values, 24), seeds, widths, widths, ranks)
def test_tied_network_has_the_same_bits_in_any_batch(
    X, seed, n_units, n_components, rank
):
    coefs = tied_network(n_units, min(n_components, n_units), seed, X.shape[1], rank)
    network = Network.of(coefs, tied=True)
    whole = apply_network(X, network, 1)
    order = np.random.default_rng(seed).permutation(X.shape[0])
    reference.assert_same_bits(apply_network(X[order], network, 1), whole[order])
    for i in order[:3]:
        reference.assert_same_bits(apply_network(X[[i]], network, 1)[0], whole[i])


@pytest.mark.parametrize("n_jobs", [2, 3, -1, None])
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_tied_network_has_the_same_bits_for_any_n_jobs(monkeypatch, dtype, n_jobs):
    monkeypatch.setattr(network, "COST_PER_RANGE", 500)
    tied = Network.of(tied_network(rank=3), tied=True).quantized(dtype)
    X = random_csr(333)
    reference.assert_same_bits(
        apply_network(X, tied, n_jobs), apply_network(X, tied, 1)
    )


def test_tied_network_maps_zero_rows_to_zero_vectors():
    X = build_csr([[], [(3, 0.0), (7, 0.0)], [(1, 1.0)]], 50)
    out = apply_network(X, Network.of(tied_network(), tied=True), 1)
    assert not out[:2].any()
    assert np.linalg.norm(out[2]) == pytest.approx(1)


@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("n_components", [1, 7, 11])
def test_tied_network_truncated_gives_the_first_columns(n_components, rank):
    X, whole = random_csr(40), Network.of(tied_network(rank=rank), tied=True)
    short = whole.truncated(n_components)
    assert short.tied
    assert [w.shape[1] for w in short.coefs()][0] == 12
    assert [w.shape[1] for w in short.coefs()][-1] == n_components
    assert short.rows is whole.rows
    expected = reference.unit_rows(apply_network(X, whole, 1)[:, :n_components])
    np.testing.assert_allclose(apply_network(X, short, 1), expected, atol=1e-6)


@pytest.mark.parametrize("rank", [None, 3])
def test_tied_network_keeps_its_form(rank):
    """In another type, another order, for more features, and in a pickle."""
    X, tied = random_csr(40), Network.of(tied_network(rank=rank), tied=True)
    expected = apply_network(X, tied, 1)
    wide = sparse.csr_matrix((X.data, X.indices + 3, X.indptr), shape=(40, 60))
    for other, rows in (
        (tied.quantized("float32"), X),
        (tied.by_frequency(np.random.RandomState(0).random_sample(50)), X),
        (tied.spread(np.arange(3, 53), 60), wide),
        (pickle.loads(pickle.dumps(tied)), X),
    ):
        assert other.tied
        reference.assert_same_bits(apply_network(rows, other, 1), expected)


def test_network_state_of_a_version_without_ties(coefs):
    X, before = random_csr(40), Network.of(coefs)
    state = before.__getstate__()
    assert state.pop("tied") is False
    found = Network.__new__(Network)
    found.__setstate__(state)
    assert found.tied is False
    reference.assert_same_bits(apply_network(X, found, 1), apply_network(X, before, 1))


@pytest.mark.parametrize("sizes", [(), (12, 5, 12), (11,), (11, 5)])
def test_tied_network_needs_two_or_three_matrices(sizes):
    with pytest.raises(ValueError, match="with tied rows must be two matrices, W and"):
        Network.of(random_network(sizes), tied=True)


def test_network_equals_reference_for_signed_values(coefs):
    X = random_csr(40)
    np.testing.assert_allclose(
        apply_network(X, Network.of(coefs), 1),
        reference.network(X, coefs),
        rtol=0,
        atol=2e-6,
    )


@kernel_settings
@given(
    networks(ordinary_values | extreme_values, 24), st.randoms(use_true_random=False)
)
def test_network_has_the_same_bits_in_any_batch(example, random):
    X, coefs = example
    assume(X.shape[0] > 0)
    whole = apply_network(X, Network.of(coefs), 1)
    samples = random.sample(range(X.shape[0]), random.randint(1, X.shape[0]))
    reference.assert_same_bits(
        apply_network(X[samples], Network.of(coefs), 1), whole[samples]
    )
    for i in samples[:3]:
        reference.assert_same_bits(
            apply_network(X[[i]], Network.of(coefs), 1)[0], whole[i]
        )


def test_network_has_the_same_bits_for_duplicates_in_an_unsorted_batch():
    """When another row is not sorted, sorting must not reorder equal columns."""
    rng = np.random.RandomState(0)
    columns = np.sort(rng.randint(5, size=60))
    values = rng.standard_normal(60) * 10 ** rng.uniform(-3, 3, size=60)
    row = list(zip(columns, values))
    coefs = random_network((), n_features=10, n_components=7)
    alone = apply_network(build_csr([row], 10), Network.of(coefs), 1)
    batch = apply_network(
        build_csr([row, [(3, 1.0), (1, 1.0)]], 10), Network.of(coefs), 1
    )
    reference.assert_same_bits(batch[:1], alone)


@pytest.mark.parametrize("n_jobs", [2, 3, -1, None])
def test_network_has_the_same_bits_for_any_n_jobs(monkeypatch, coefs, n_jobs):
    monkeypatch.setattr(network, "COST_PER_RANGE", 500)
    X = random_csr(333)
    reference.assert_same_bits(
        apply_network(X, Network.of(coefs), n_jobs),
        apply_network(X, Network.of(coefs), 1),
    )


@pytest.mark.parametrize("cost_per_range", [1, 65, 1000, 10**9])
def test_network_has_the_same_bits_for_any_ranges(monkeypatch, coefs, cost_per_range):
    X = random_csr(61)
    expected = apply_network(X, Network.of(coefs), 1)
    monkeypatch.setattr(network, "COST_PER_RANGE", cost_per_range)
    reference.assert_same_bits(apply_network(X, Network.of(coefs), 2), expected)


def test_network_has_the_same_bits_for_single_rows(coefs):
    X = random_csr(21)
    one_by_one = [apply_network(X[i], Network.of(coefs), 1) for i in range(X.shape[0])]
    reference.assert_same_bits(
        np.concatenate(one_by_one), apply_network(X, Network.of(coefs), 2)
    )


@pytest.mark.parametrize("index_types", [("i8", "i8"), ("i4", "i8"), ("i8", "i4")])
def test_network_has_the_same_bits_for_all_index_types(coefs, index_types):
    X = random_csr(30)
    other = X.copy()
    other.indices = X.indices.astype(index_types[0])
    other.indptr = X.indptr.astype(index_types[1])
    reference.assert_same_bits(
        apply_network(other, Network.of(coefs), 1),
        apply_network(X, Network.of(coefs), 1),
    )


def test_network_has_the_same_bits_for_unsorted_indices(coefs):
    X = random_csr(30)
    rows = [list(zip(row.indices, row.data))[::-1] for row in X]
    reference.assert_same_bits(
        apply_network(build_csr(rows, X.shape[1]), Network.of(coefs), 1),
        apply_network(X, Network.of(coefs), 1),
    )


def test_network_does_not_change_its_input(coefs):
    X = build_csr([[(3, 1.0), (1, 2.0), (3, 0.5)], [(2, 0.0)]], 50)
    before = X.data.copy(), X.indices.copy(), X.indptr.copy()
    apply_network(X, Network.of(coefs), 1)
    for array, expected in zip((X.data, X.indices, X.indptr), before):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_network_takes_a_matrix_without_rows(coefs, n_jobs):
    out = apply_network(random_csr(0), Network.of(coefs), n_jobs)
    assert out.shape == (0, 12)
    assert out.dtype == np.float32


def test_network_maps_zero_rows_to_zero_vectors(coefs):
    """An empty row, a row of explicit zeros, and a matrix with only such rows."""
    X = build_csr([[], [(3, 0.0), (7, 0.0)], [(1, 1.0)]], 50)
    out = apply_network(X, Network.of(coefs), 1)
    assert not out[:2].any()
    assert out[2].any()
    assert not apply_network(X[:2], Network.of(coefs), 1).any()


@kernel_settings
@given(networks(extreme_values))
def test_network_vectors_of_extreme_values_have_length_one_or_zero(example):
    X, coefs = example
    lengths = np.linalg.norm(
        apply_network(X, Network.of(coefs), 1).astype(np.float64), axis=1
    )
    assert np.all((lengths == 0) | (abs(lengths - 1) < 1e-5))


@pytest.mark.parametrize("value", [1e-45, 1e-38, 1e-30, 1e30, 3e38])
def test_network_direction_does_not_depend_on_magnitude(coefs, value):
    X = build_csr([[(1, value), (4, value), (9, value)]], 50)
    ones = build_csr([[(1, 1.0), (4, 1.0), (9, 1.0)]], 50)
    np.testing.assert_allclose(
        apply_network(X, Network.of(coefs), 1),
        apply_network(ones, Network.of(coefs), 1),
        rtol=0,
        atol=1e-6,
    )


@pytest.mark.parametrize("column", [50, 10**9, -1])
def test_network_refuses_columns_out_of_range(coefs, column):
    X = random_csr(5)
    X.indices[3] = column
    with pytest.raises(ValueError, match="indices"):
        apply_network(X, Network.of(coefs), 1)


@pytest.mark.parametrize("pointer", [10**6, -1])
def test_network_refuses_row_pointers_out_of_range(coefs, pointer):
    X = random_csr(5)
    X.indptr[2] = pointer
    with pytest.raises(ValueError, match=r"index pointer|indptr"):
        apply_network(X, Network.of(coefs), 1)


def test_network_takes_read_only_arrays(coefs):
    X = random_csr(20)
    expected = apply_network(X, Network.of(coefs), 1)
    for array in (X.data, X.indices, X.indptr, *coefs):
        array.flags.writeable = False
    reference.assert_same_bits(apply_network(X, Network.of(coefs), 2), expected)


def test_network_takes_memory_mapped_arrays(coefs, tmp_path):
    def memory_mapped(array, name):
        np.save(tmp_path / name, array)
        return np.load(tmp_path / f"{name}.npy", mmap_mode="r")

    X = random_csr(20)
    expected = apply_network(X, Network.of(coefs), 1)
    parts = (X.data, X.indices, X.indptr)
    mapped = sparse.csr_matrix(
        tuple(memory_mapped(part, f"x{i}") for i, part in enumerate(parts)),
        shape=X.shape,
    )
    weights = [memory_mapped(layer, f"w{i}") for i, layer in enumerate(coefs)]
    reference.assert_same_bits(apply_network(mapped, Network.of(weights), 2), expected)


def test_hidden_scratch_reuses_its_memory():
    scratch = HiddenScratch()
    first = scratch.array((3, 4))
    assert first.shape == (3, 4)
    assert first.dtype == np.float32
    assert first.flags.c_contiguous
    assert np.shares_memory(scratch.array((2, 5)), first)
    assert scratch.n_bytes() == 12 * 4
    # A larger array needs new memory.
    assert not np.shares_memory(scratch.array((3, 5)), first)
    assert scratch.n_bytes() == 15 * 4


def test_numbers_by_row_and_by_feature():
    network = Network.of([np.eye(4, dtype=np.float32)[:3]])
    values = np.array([5.0, 7.0, 3.0])
    assert (network.by_row(values) == values).all()
    sorted_network = network.by_frequency(np.array([1, 9, 4]))
    assert sorted_network.by_row(values).tolist() == [7, 3, 5]
    assert (sorted_network.by_feature(sorted_network.by_row(values)) == values).all()
    # Features 0 and 3 share the row of zeros.
    spread = sorted_network.spread(np.array([1, 2, 4]), 5)
    wide = np.array([0, 5.0, 7, 0, 3])
    assert spread.by_row(wide).tolist() == [7, 3, 5, 0]
    assert (spread.by_feature(spread.by_row(wide)) == wide).all()
