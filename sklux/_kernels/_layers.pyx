"""Layers of the student network over a range of documents.

    h_0 = relu(x W_0),  h_0 := h_0 / |h_0|        x: one CSR row
    h_i = relu(h_{i-1} W_i),  h_i := h_i / |h_i|
    z = h W_last / |h W_last|                     no ReLU in the last layer

(Luxical, arXiv 2512.09015; there are no biases.) Each of the three functions
below is one step over the rows it is given, releases the GIL, and writes into
an array that the caller allocates. The sums of a row run in ascending order of
the column, so that the result of a row does not depend on the rows beside it.

Cost per document: n_nonzeros * n_units multiply-adds for the sparse layer,
bound by the memory traffic of reading n_nonzeros weight rows; n_in * n_out
multiply-adds for a dense one.
"""
from libc.math cimport fabsf
from libc.string cimport memcpy, memset

from ._typedefs cimport float32_t, index_t

cdef extern from "rows.h" nogil:
    enum:
        BLOCK_ROWS "SKLUX_BLOCK_ROWS"
        CACHE_LINE_FLOATS "SKLUX_CACHE_LINE_FLOATS"
    ctypedef struct sklux_rows:
        void (*axpy)(
            Py_ssize_t, float32_t, const float32_t *, float32_t *
        ) noexcept nogil
        void (*unit_row)(Py_ssize_t, int, float32_t *) noexcept nogil
        void (*block_product)(
            Py_ssize_t, Py_ssize_t, const float32_t *, const float32_t *, float32_t *
        ) noexcept nogil
    int sklux_best_instruction_set() noexcept nogil
    const sklux_rows *sklux_rows_for(int) noexcept nogil
    void prefetch "SKLUX_PREFETCH" (const float32_t *) noexcept nogil

# Set numbers follow the enum in rows.h.
INSTRUCTION_SETS = ("plain", "avx2", "avx512")

cdef const sklux_rows *rows = sklux_rows_for(sklux_best_instruction_set())

# A row of values beyond these is scaled before the product, so that neither
# overflow nor underflow can reach the sums; the norm takes the scale out again.
cdef float32_t LARGEST_SAFE = 1e12
cdef float32_t SMALLEST_SAFE = 1e-12


def available_instruction_sets():
    """Names of the instruction sets that this processor can run, plain first."""
    return INSTRUCTION_SETS[:sklux_best_instruction_set() + 1]


def use_instruction_set(name):
    """Run the routines of one instruction set from here on (tests compare them)."""
    global rows
    if name not in available_instruction_sets():
        raise ValueError(
            f"name must be one of {available_instruction_sets()}. Got {name!r} instead."
        )
    rows = sklux_rows_for(INSTRUCTION_SETS.index(name))


cdef inline float32_t row_scale(
    const float32_t *values, Py_ssize_t n_values
) noexcept nogil:
    """1, or 1 / max |x| where the row's values are very large or very small."""
    cdef float32_t largest = 0
    cdef Py_ssize_t i
    for i in range(n_values):
        largest = max(largest, fabsf(values[i]))
    if largest == 0 or SMALLEST_SAFE < largest < LARGEST_SAFE:
        return 1
    # 1 / largest overflows for subnormal values: the reciprocal is held finite.
    return 1 / largest if largest > 1e-37 else <float32_t>1e37


cdef inline void prefetch_row(const float32_t *row, Py_ssize_t n_units) noexcept nogil:
    """Ask for one weight row while the rows before it are being added."""
    cdef Py_ssize_t line
    for line in range((n_units + CACHE_LINE_FLOATS - 1) // CACHE_LINE_FLOATS):
        prefetch(row + line * CACHE_LINE_FLOATS)


def sparse_product(
    const float32_t[::1] X_data,
    const index_t[::1] X_indices,
    const index_t[::1] X_indptr,
    const float32_t[:, ::1] weights,
    float32_t[:, ::1] out,
):
    """out[i] := s_i sum_k X[i, k] weights[k], with s_i > 0 (1 for ordinary values).

    Parameters
    ----------
    X_data, X_indices : memoryviews of shape (n_nonzeros,)
        Values and columns of the whole CSR matrix; columns are in
        [0, n_features), which the caller has checked.
    X_indptr : memoryview of shape (n_rows + 1,)
        The part of the row pointer that belongs to the rows of ``out``; its
        values count from the start of ``X_data``.
    weights : memoryview of shape (n_features, n_units)
        Weight rows, C-contiguous.
    out : memoryview of shape (n_rows, n_units)
        Overwritten.
    """
    cdef Py_ssize_t n_rows = out.shape[0], n_units = out.shape[1]
    cdef Py_ssize_t i, k, stop
    cdef float32_t scale
    cdef float32_t *sums
    if n_rows == 0 or n_units == 0:
        return
    with nogil:
        for i in range(n_rows):
            sums = &out[i, 0]
            memset(sums, 0, n_units * sizeof(float32_t))
            stop = X_indptr[i + 1]
            k = X_indptr[i]
            if k == stop:
                continue
            scale = row_scale(&X_data[k], stop - k)
            for k in range(X_indptr[i], stop):
                if k + 2 < stop:
                    prefetch_row(&weights[X_indices[k + 2], 0], n_units)
                # s_i x W = sum_k s_i x_k W_k
                rows.axpy(n_units, scale * X_data[k], &weights[X_indices[k], 0], sums)


def unit_rows(float32_t[:, ::1] H, bint relu):
    """H[i] := H[i] / |H[i]|, after max(H[i], 0) when ``relu``; zero rows stay zero.

    Parameters
    ----------
    H : memoryview of shape (n_rows, n_units)
        Changed in place.
    relu : bool
        Whether to apply the ReLU first.
    """
    cdef Py_ssize_t i
    if H.shape[1] == 0:
        return
    with nogil:
        for i in range(H.shape[0]):
            rows.unit_row(H.shape[1], relu, &H[i, 0])


def dense_product(
    const float32_t[:, ::1] H,
    const float32_t[:, ::1] weights,
    float32_t[:, ::1] padding,
    float32_t[:, ::1] out,
):
    """out := H weights, in blocks of a fixed number of rows.

    The last, shorter block is padded with zero rows, so that every row takes
    the same path through the product and has the same bits in any batch.

    Parameters
    ----------
    H : memoryview of shape (n_rows, n_in)
        Input of the layer.
    weights : memoryview of shape (n_in, n_out)
        Weights of the layer, C-contiguous.
    padding : memoryview of shape (BLOCK_ROWS, n_in + n_out)
        Room for the padded block.
    out : memoryview of shape (n_rows, n_out)
        Overwritten.
    """
    cdef Py_ssize_t n_rows = H.shape[0], n_in = H.shape[1], n_out = out.shape[1]
    cdef Py_ssize_t n_blocks = n_rows // BLOCK_ROWS
    cdef Py_ssize_t whole = n_blocks * BLOCK_ROWS
    cdef Py_ssize_t rest = n_rows - whole
    cdef Py_ssize_t block, i
    cdef float32_t *padded_in
    cdef float32_t *padded_out
    if n_rows == 0 or n_in == 0 or n_out == 0:
        return
    padded_in = &padding[0, 0]
    padded_out = padded_in + BLOCK_ROWS * n_in
    with nogil:
        for block in range(n_blocks):
            i = block * BLOCK_ROWS
            rows.block_product(n_in, n_out, &H[i, 0], &weights[0, 0], &out[i, 0])
        if rest > 0:
            memset(padded_in, 0, BLOCK_ROWS * n_in * sizeof(float32_t))
            memcpy(padded_in, &H[whole, 0], rest * n_in * sizeof(float32_t))
            rows.block_product(n_in, n_out, padded_in, &weights[0, 0], padded_out)
            memcpy(&out[whole, 0], padded_out, rest * n_out * sizeof(float32_t))


def padding_shape(Py_ssize_t n_in, Py_ssize_t n_out):
    """Shape of the padding array that `dense_product` needs."""
    return BLOCK_ROWS, n_in + n_out
