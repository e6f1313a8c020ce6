"""Layers of the student network over a range of documents.

    h_0 = relu(x W_0),  h_0 := h_0 / |h_0|        x: the values of one document
    h_i = relu(h_{i-1} W_i),  h_i := h_i / |h_i|
    z = h W_last / |h W_last|                     no ReLU in the last layer

(Luxical, arXiv 2512.09015; there are no biases.) A network with tied rows has W_0 for
the positive half of a value and -W_0 for the negative half, and is computed without a
ReLU. A truncated V has fewer columns, and as many values of a are added:

    a = x W_0,  a := a / |a|,  z = a + abs(a) V,  z := z / |z|

Each function below computes one step
for the given rows, releases the GIL, and writes into an array that the caller
allocates; `WeightRows` computes the first step for one document. W_0 may be stored in
fewer bits. The sums of a row are computed in the order of its values, so the result of
a row does not depend on other rows.

The environment variable SKLUX_SIMD chooses the instruction set, if it is set when this
module is imported.

Cost per document: n_nonzeros * n_units multiply-adds for the sparse layer, bound by
the memory traffic of reading n_nonzeros weight rows; n_in * n_out multiply-adds for a
dense layer.
"""
import os

from libc.math cimport fabsf
from libc.stdint cimport int8_t, int64_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from .typedefs cimport float32_t, index_t
from .words cimport reserve

cdef extern from "rows.h" nogil:
    const float32_t beta_1 "SKLUX_BETA_1"
    const float32_t beta_2 "SKLUX_BETA_2"
    const float32_t epsilon "SKLUX_EPSILON"
    enum:
        CACHE_LINE "SKLUX_CACHE_LINE"
        PANEL_DEPTH "SKLUX_PANEL_DEPTH"
        PANEL_WIDTH "SKLUX_PANEL_WIDTH"
    ctypedef struct row_routines "sklux_rows":
        gather_rows *gather_floats
        gather_rows *gather_halves
        gather_rows *gather_bytes
        void (*unit_row)(Py_ssize_t, int, float32_t *) noexcept nogil
        void (*tied_row)(
            Py_ssize_t, Py_ssize_t, float32_t *, float32_t *
        ) noexcept nogil
        void (*adam_row)(
            Py_ssize_t,
            const float32_t *,
            float32_t,
            float32_t,
            float32_t *,
            float32_t *,
            float32_t *,
        ) noexcept nogil
        void (*thin_product)(
            Py_ssize_t,
            Py_ssize_t,
            Py_ssize_t,
            const float32_t *,
            const float32_t *,
            int,
            float32_t *,
        ) noexcept nogil
        void (*product)(
            Py_ssize_t,
            Py_ssize_t,
            Py_ssize_t,
            const float32_t *,
            const float32_t *,
            int,
            float32_t *,
            float32_t *,
            float32_t *,
            float32_t *,
        ) noexcept nogil
    int best_instruction_set "sklux_best_instruction_set"() noexcept nogil
    const row_routines *routines_for "sklux_rows_for"(int) noexcept nogil

# Adam's constants, for the steps of the other layers.
BETA_1, BETA_2, EPSILON = beta_1, beta_2, epsilon
# In the order of the enum in rows.h.
INSTRUCTION_SETS = ("plain", "avx2", "avx512")
# Variable of the environment that names the instruction set.
VARIABLE = "SKLUX_SIMD"

cdef const row_routines *rows = routines_for(best_instruction_set())
cdef int set_in_use = best_instruction_set()

cdef enum:
    FLOATS = 0
    HALVES = 1
    BYTES = 2
    # Bytes of weights between the prefetch of a row and its use.
    BYTES_AHEAD = 4096
    # Fewer rows than this are multiplied one by one: the packing of the panels takes as
    # long as the products of about ten rows.
    MIN_PANEL_ROWS = 10

# A row with values beyond these bounds is scaled before the product, so that its sums
# neither overflow nor underflow; the division by the norm removes the scale.
cdef float32_t LARGEST_SAFE = 1e12
cdef float32_t SMALLEST_SAFE = 1e-12


def available_instruction_sets():
    """Names of the instruction sets that this processor supports, plain first."""
    return INSTRUCTION_SETS[:best_instruction_set() + 1]


def instruction_set_in_use():
    """Name of the instruction set whose routines are used."""
    return INSTRUCTION_SETS[set_in_use]


def use_instruction_set(name, source="name"):
    """Use the routines of one instruction set from now on (tests compare them)."""
    global rows, set_in_use
    if name not in available_instruction_sets():
        raise ValueError(
            f"{source} must be one of {available_instruction_sets()}, the instruction "
            f"sets of this processor. Got {name!r} instead."
        )
    set_in_use = INSTRUCTION_SETS.index(name)
    rows = routines_for(set_in_use)


if os.environ.get(VARIABLE):
    use_instruction_set(
        os.environ[VARIABLE], f"The environment variable {VARIABLE}"
    )


cdef float32_t row_scale(const float32_t *values, Py_ssize_t n_values) noexcept nogil:
    """1, or 1 / max |x| if the values of the row are very large or very small."""
    cdef float32_t largest = 0
    cdef Py_ssize_t i
    for i in range(n_values):
        largest = max(largest, fabsf(values[i]))
    if largest == 0 or SMALLEST_SAFE < largest < LARGEST_SAFE:
        return 1
    # 1 / largest overflows for subnormal values, so the factor is bounded.
    return 1 / largest if largest > 1e-37 else <float32_t>1e37


cdef void bring_in_factors(
    Py_ssize_t n, const float32_t *factors, float32_t *values
) noexcept nogil:
    """s x W = sum_k s x_k factors_k stored_k; s comes first, so nothing overflows."""
    cdef Py_ssize_t k
    cdef float32_t scale = row_scale(values, n)
    if scale != 1:
        for k in range(n):
            values[k] *= scale
    for k in range(n):
        values[k] *= factors[k]


cdef void add_rows(
    Py_ssize_t n,
    Py_ssize_t n_readable,
    const uint32_t *numbers,
    const float32_t *values,
    const float32_t *weights,
    Py_ssize_t n_units,
    Py_ssize_t rows_ahead,
    float32_t *sums,
) noexcept nogil:
    """sums := sum_k values[k] weights[numbers[k]]."""
    rows.gather_floats(
        n, n_readable, numbers, values, weights, n_units, rows_ahead, sums
    )


cdef void adam_row(
    Py_ssize_t n_units,
    const float32_t *gradient,
    float32_t rate,
    float32_t correction,
    float32_t *weights,
    float32_t *mean,
    float32_t *mean_square,
) noexcept nogil:
    """One step of Adam; see rows_body.h."""
    rows.adam_row(n_units, gradient, rate, correction, weights, mean, mean_square)


cdef class WeightRows:
    """The stored weights of the first layer: one row for each feature.

        W[k, j] = stored[k, j]                 float32, float16
        W[k, j] = scales[k] stored[k, j]       int8

    Parameters
    ----------
    stored : ndarray of shape (n_features, n_units)
        Weights of dtype float32, float16 or int8, C-contiguous; may be read-only.
    scales : ndarray of shape (n_features,), dtype=np.float32, or None
        Factors of the rows, for int8.

    Attributes
    ----------
    rows_ahead : int
        A row is prefetched this many rows before its use; 0 means no prefetch.
    """

    def __init__(self, stored, scales=None):
        cdef const float32_t[:, ::1] floats
        cdef const uint16_t[:, ::1] halves
        cdef const int8_t[:, ::1] small
        cdef const float32_t[::1] factors
        self.n_features, self.n_units = stored.shape
        self.scales = NULL
        self.arrays = stored, scales
        row_bytes = stored.dtype.itemsize * self.n_units
        self.rows_ahead = 2 + BYTES_AHEAD // max(row_bytes, 1)
        if self.n_features == 0 or self.n_units == 0:
            return
        if stored.dtype.name == "int8":
            small, factors, self.kind = stored, scales, BYTES
            if factors.shape[0] != self.n_features:
                raise ValueError("scales must have one value for each row of stored")
            self.weights, self.scales = &small[0, 0], &factors[0]
        elif stored.dtype.name == "float16":
            halves, self.kind = stored.view("uint16"), HALVES
            self.weights = &halves[0, 0]
        else:
            floats, self.kind = stored, FLOATS
            self.weights = &floats[0, 0]

    cdef float32_t factor(self, Py_ssize_t feature) noexcept nogil:
        return self.scales[feature] if self.scales != NULL else 1

    cdef void project(
        self,
        Py_ssize_t n,
        Py_ssize_t n_readable,
        const uint32_t *features,
        const float32_t *values,
        float32_t *sums,
    ) noexcept nogil:
        cdef gather_rows *gather = rows.gather_floats
        if self.kind == HALVES:
            gather = rows.gather_halves
        elif self.kind == BYTES:
            gather = rows.gather_bytes
        gather(
            n,
            n_readable,
            features,
            values,
            self.weights,
            self.n_units,
            self.rows_ahead,
            sums,
        )


def sparse_product(
    const float32_t[::1] X_data,
    const index_t[::1] X_indices,
    const index_t[::1] X_indptr,
    const uint32_t[::1] places,
    WeightRows weights,
    float32_t[:, ::1] out,
):
    """out[i] := s_i sum_k X[i, k] W[places[k]], with s_i > 0 (1 for ordinary values).

    Parameters
    ----------
    X_data, X_indices : memoryviews of shape (n_nonzeros,)
        Values and columns of the whole CSR matrix. The caller has checked that columns
        are in [0, n_features).
    X_indptr : memoryview of shape (n_rows + 1,)
        The part of the row pointer for the rows of ``out``; its values count from the
        start of ``X_data``.
    places : memoryview of shape (n_features,), or None
        Weight row of each column; None means that column k has row k.
    weights : WeightRows
        Weights with n_features rows.
    out : memoryview of shape (n_rows, n_units)
        Overwritten.
    """
    cdef Py_ssize_t i, k, begin, n, longest = 0
    cdef uint32_t *features
    cdef float32_t *values
    cdef float32_t *factors
    cdef bint has_places = places is not None
    if out.shape[0] == 0 or out.shape[1] == 0:
        return
    for i in range(out.shape[0]):
        longest = max(longest, X_indptr[i + 1] - X_indptr[i])
    features = <uint32_t *>malloc((longest + 1) * sizeof(uint32_t))
    values = <float32_t *>malloc((longest + 1) * sizeof(float32_t))
    factors = <float32_t *>malloc((longest + 1) * sizeof(float32_t))
    if features == NULL or values == NULL or factors == NULL:
        free(features)
        free(values)
        free(factors)
        raise MemoryError("no memory for a row of the sparse matrix")
    with nogil:
        for i in range(out.shape[0]):
            begin = X_indptr[i]
            n = X_indptr[i + 1] - begin
            for k in range(n):
                features[k] = <uint32_t>X_indices[begin + k]
                if has_places:
                    features[k] = places[features[k]]
                values[k] = X_data[begin + k]
                factors[k] = weights.factor(features[k])
            bring_in_factors(n, factors, values)
            weights.project(n, n, features, values, &out[i, 0])
    free(features)
    free(values)
    free(factors)


def unit_rows(float32_t[:, ::1] H, bint relu):
    """H[i] := H[i] / |H[i]|, after max(H[i], 0) when ``relu``; zero rows stay zero.

    Parameters
    ----------
    H : memoryview of shape (n_rows, n_units)
        Changed in place.
    relu : bool
        Whether to apply the ReLU before the division.
    """
    if H.shape[0] == 0 or H.shape[1] == 0:
        return
    with nogil:
        divide_rows(H.shape[0], H.shape[1], relu, &H[0, 0])


cdef void divide_rows(
    Py_ssize_t n_rows, Py_ssize_t n_units, bint relu, float32_t *H
) noexcept nogil:
    """`unit_rows`."""
    cdef Py_ssize_t i
    for i in range(n_rows if n_units else 0):
        rows.unit_row(n_units, relu, H + i * n_units)


def tied_rows(float32_t[:, ::1] H, float32_t[:, ::1] out):
    """a := H[i] / |H[i]|; out[i] := the first values of a, H[i] := abs(a).

    ``dense_product`` then adds abs(a) V to ``out``.

    Parameters
    ----------
    H : memoryview of shape (n_rows, n_units)
        Sums of the first layer; changed in place.
    out : memoryview of shape (n_rows, n_out), n_out <= n_units
        Overwritten.
    """
    if out.shape[0] != H.shape[0] or out.shape[1] > H.shape[1]:
        raise ValueError("the shapes of H and out do not fit together")
    if out.shape[0] == 0 or out.shape[1] == 0:
        return
    with nogil:
        tie_rows(H.shape[0], H.shape[1], out.shape[1], &H[0, 0], &out[0, 0])


cdef void tie_rows(
    Py_ssize_t n_rows,
    Py_ssize_t n_units,
    Py_ssize_t n_out,
    float32_t *H,
    float32_t *out,
) noexcept nogil:
    """`tied_rows`."""
    cdef Py_ssize_t i
    for i in range(n_rows):
        rows.tied_row(n_units, n_out, H + i * n_units, out + i * n_out)


def dense_product(
    const float32_t[:, ::1] H,
    const float32_t[:, ::1] weights,
    float32_t[:, ::1] out,
    bint adds=False,
):
    """out := H weights; the bits of a row do not depend on the other rows.

    Parameters
    ----------
    H : memoryview of shape (n_rows, n_in)
        Input of the layer.
    weights : memoryview of shape (n_in, n_out)
        Weights of the layer, C-contiguous.
    out : memoryview of shape (n_rows, n_out)
        Overwritten.
    adds : bool, default=False
        Whether each sum starts from the value in ``out`` and not from zero.
    """
    cdef Py_ssize_t n_rows = H.shape[0], n_in = H.shape[1], n_out = out.shape[1]
    cdef bint in_memory
    if weights.shape[0] != n_in or weights.shape[1] != n_out or out.shape[0] != n_rows:
        raise ValueError("the shapes of H, weights and out do not fit together")
    if n_rows == 0 or n_out == 0:
        return
    if n_in == 0:
        if not adds:
            memset(&out[0, 0], 0, n_rows * n_out * sizeof(float32_t))
        return
    with nogil:
        in_memory = multiply(
            n_rows, n_in, n_out, &H[0, 0], &weights[0, 0], adds, &out[0, 0]
        )
    if not in_memory:
        raise MemoryError("no memory for a panel of the weights")


cdef bint multiply(
    Py_ssize_t n_rows,
    Py_ssize_t n_in,
    Py_ssize_t n_out,
    const float32_t *H,
    const float32_t *weights,
    bint adds,
    float32_t *out,
) noexcept nogil:
    """`dense_product` with at least one input; return 0 if memory is out."""
    cdef Py_ssize_t n_edge = n_rows * PANEL_WIDTH, n_panel = PANEL_DEPTH * PANEL_WIDTH
    cdef Py_ssize_t n_tiles = n_rows * min(n_in, <Py_ssize_t>PANEL_DEPTH)
    cdef char *memory
    cdef float32_t *packed
    if n_rows < MIN_PANEL_ROWS:
        rows.thin_product(n_rows, n_in, n_out, H, weights, adds, out)
        return True
    memory = <char *>malloc(
        (n_panel + n_edge + n_tiles) * sizeof(float32_t) + CACHE_LINE
    )
    if memory == NULL:
        return False
    # The panel begins at a cache line: a vector across two lines costs two reads.
    packed = <float32_t *>(memory + CACHE_LINE - <size_t>memory % CACHE_LINE)
    rows.product(
        n_rows,
        n_in,
        n_out,
        H,
        weights,
        adds,
        packed,
        packed + n_panel,
        packed + n_panel + n_edge,
        out,
    )
    free(memory)
    return True


cdef class HiddenScratch:
    """Memory of a thread for the values of hidden units, kept from call to call.

    Memory that is new for each range costs more than the smaller products, because the
    system provides it page by page, filled with zeros.
    """

    def __cinit__(self):
        memset(self.buffers, 0, sizeof(self.buffers))

    def __dealloc__(self):
        free(self.buffers[0].values)
        free(self.buffers[1].values)

    cdef float32_t *values(self, int number, Py_ssize_t n) noexcept nogil:
        """Return room for n values in buffer 0 or 1; NULL if memory is out."""
        # The length of the buffers stays 0: nothing is kept.
        if not reserve(&self.buffers[number], max(n, 1)):
            return NULL
        return <float32_t *>self.buffers[number].values

    def n_bytes(self):
        """Size of both buffers."""
        cdef int64_t capacity = self.buffers[0].capacity + self.buffers[1].capacity
        return capacity * sizeof(float32_t)

    def clear(self):
        """Do nothing: the values of the last call are never read."""


cdef class DenseLayers:
    """All layers after the first.

    Parameters
    ----------
    n_units : int
        Number of units of the first layer.
    matrices : tuple of memoryviews of shape (n_in, n_out)
        Weights of each layer; with ``tied``, V, or A and B with V = A B.
    tied : bool
        Whether the rows of the first layer are tied.

    Attributes
    ----------
    n_components : int
        Width of the vectors.
    """

    def __cinit__(self, Py_ssize_t n_units, tuple matrices, bint tied):
        cdef const float32_t[:, ::1] weights
        self.n_units = self.n_components = n_units
        self.tied = tied
        self.n_layers = len(matrices)
        self.matrices = matrices
        self.layers = <dense_layer *>malloc(
            max(self.n_layers, 1) * sizeof(dense_layer)
        )
        if self.layers == NULL:
            raise MemoryError("no memory for the layers")
        for i, weights in enumerate(matrices):
            if weights.shape[0] != self.n_components:
                raise ValueError("the shapes of the layers do not fit together")
            self.layers[i].n_in = weights.shape[0]
            self.layers[i].n_out = weights.shape[1]
            self.layers[i].weights = NULL
            if weights.shape[0] and weights.shape[1]:
                self.layers[i].weights = &weights[0, 0]
            self.n_components = weights.shape[1]
        if tied and (not matrices or self.n_components > n_units):
            raise ValueError("the last layer must not be wider than the tied rows")

    def __dealloc__(self):
        free(self.layers)

    cdef bint product(
        self,
        int layer,
        Py_ssize_t n_rows,
        const float32_t *H,
        bint adds,
        float32_t *out,
    ) noexcept nogil:
        """out := H W, or out := out + H W; return 0 if memory is out."""
        cdef dense_layer *this = &self.layers[layer]
        if n_rows == 0 or this.n_out == 0:
            return True
        if this.n_in == 0:
            if not adds:
                memset(out, 0, n_rows * this.n_out * sizeof(float32_t))
            return True
        return multiply(n_rows, this.n_in, this.n_out, H, this.weights, adds, out)

    cdef bint finish(
        self,
        Py_ssize_t n_rows,
        float32_t *hidden,
        float32_t *out,
        HiddenScratch scratch,
    ) noexcept nogil:
        cdef int layer, last = self.n_layers - 1
        cdef float32_t *output
        if self.tied:
            tie_rows(n_rows, self.n_units, self.n_components, hidden, out)
        else:
            divide_rows(n_rows, self.n_units, last >= 0, hidden)
        for layer in range(self.n_layers):
            output = out
            if layer < last:
                # Buffer 0 holds the input of the first of these layers.
                output = scratch.values(
                    (layer + 1) % 2, n_rows * self.layers[layer].n_out
                )
            if output == NULL or not self.product(
                layer, n_rows, hidden, self.tied and layer == last, output
            ):
                return False
            if layer == last or not self.tied:
                divide_rows(
                    n_rows, self.layers[layer].n_out, layer < last, output
                )
            hidden = output
        return True

    def unit_vectors(
        self, float32_t[:, ::1] hidden, float32_t[:, ::1] out, HiddenScratch scratch
    ):
        """Write the unit vectors of rows whose sums of the first layer are known.

        Parameters
        ----------
        hidden : memoryview of shape (n_rows, n_units)
            Sums; changed. The memory is ``out`` if there are no layers.
        out : memoryview of shape (n_rows, n_components)
            Overwritten.
        scratch : HiddenScratch
            No other thread may use it at the same time.
        """
        cdef bint in_memory
        if (
            hidden.shape[0] != out.shape[0]
            or hidden.shape[1] != self.n_units
            or out.shape[1] != self.n_components
        ):
            raise ValueError("the shapes of hidden and out do not fit the layers")
        if out.shape[0] == 0 or out.shape[1] == 0 or hidden.shape[1] == 0:
            out[:, :] = 0
            return
        with nogil:
            in_memory = self.finish(out.shape[0], &hidden[0, 0], &out[0, 0], scratch)
        if not in_memory:
            raise MemoryError("no memory for the hidden units")
