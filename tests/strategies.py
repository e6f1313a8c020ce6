"""What hypothesis feeds to the kernels, and how much of it."""

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from scipy import sparse

# The instruction set is a fixture; it is the same for all examples of a test.
kernel_settings = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Around the vectors (4, 8, 16 lanes) and the tiles of two vectors (8, 16, 32).
SWITCH_WIDTHS = [1, 3, 4, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 70]
widths = st.sampled_from(SWITCH_WIDTHS) | st.integers(1, 70)

# Around the blocks of eight rows.
row_counts = st.sampled_from([0, 1, 2, 7, 8, 9, 15, 16, 17]) | st.integers(0, 20)

seeds = st.integers(0, 2**32 - 1)

ordinary_values = st.floats(
    -1e3, 1e3, width=32, allow_nan=False, allow_subnormal=False
) | st.sampled_from([0.0, 1.0, -1.0])
extreme_values = st.builds(
    lambda mantissa, exponent: np.float32(mantissa * 10.0**exponent),
    st.floats(-9, 9, allow_nan=False, allow_subnormal=False),
    st.integers(-30, 30),
)


@st.composite
def csr_matrices(draw, values=ordinary_values, max_nonzeros=12):
    """CSR rows as users and scipy leave them, as well as they allow.

    Some rows are empty, some hold explicit zeros; columns may come unsorted or
    twice; index arrays have 32 or 64 bits.
    """
    n_features = draw(st.integers(1, 40))
    entry = st.tuples(st.integers(0, n_features - 1), values)
    n_rows = draw(row_counts)
    rows = draw(
        st.lists(
            st.lists(entry, max_size=max_nonzeros), min_size=n_rows, max_size=n_rows
        )
    )
    if draw(st.booleans()):
        rows = [sorted(dict(row).items()) for row in rows]
    index_type = draw(st.sampled_from([np.int32, np.int64]))
    return build_csr(rows, n_features, index_type)


def build_csr(rows, n_features, index_type=np.int32):
    """CSR matrix of rows of (column, value), kept in the order given."""
    X = sparse.csr_matrix((len(rows), n_features), dtype=np.float32)
    # Set one by one: the constructor would choose the width of the indices.
    X.data = np.array([v for row in rows for _, v in row], dtype=np.float32)
    X.indices = np.array([c for row in rows for c, _ in row], dtype=index_type)
    X.indptr = np.cumsum([0, *map(len, rows)], dtype=index_type)
    return X


@st.composite
def dense_arrays(draw, n_rows, n_columns, exponents=(-2, 2)):
    """Normal values at some magnitude, a few of them zero; float32, C-ordered."""
    rng = np.random.default_rng(draw(seeds))
    magnitude = 10.0 ** draw(st.integers(*exponents))
    array = magnitude * rng.standard_normal((n_rows, n_columns))
    array[rng.random((n_rows, n_columns)) < draw(st.sampled_from([0, 0.1, 0.9]))] = 0
    return array.astype(np.float32)


@st.composite
def layers(draw, n_features, max_hidden_layers=3):
    """Weights of a network with any number of hidden layers, none included."""
    hidden = draw(st.lists(widths, max_size=max_hidden_layers))
    sizes = [n_features, *hidden, draw(widths)]
    return [
        draw(dense_arrays(n_in, n_out)) for n_in, n_out in zip(sizes[:-1], sizes[1:])
    ]
