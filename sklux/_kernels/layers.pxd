# The first layer, for the kernels of mini-batches and of tokens.
from libc.stdint cimport uint32_t

from .typedefs cimport float32_t
from .words cimport numbers

ctypedef void gather_rows(
    Py_ssize_t,
    Py_ssize_t,
    const uint32_t *,
    const float32_t *,
    const void *,
    Py_ssize_t,
    Py_ssize_t,
    float32_t *,
) noexcept nogil


# Factor that keeps the sums of a row in range; the division by the norm removes it.
cdef float32_t row_scale(const float32_t *values, Py_ssize_t n_values) noexcept nogil

# values[k] := s values[k] factors[k], with s = row_scale of the values before.
cdef void bring_in_factors(
    Py_ssize_t n, const float32_t *factors, float32_t *values
) noexcept nogil

cdef void add_rows(
    Py_ssize_t n,
    Py_ssize_t n_readable,
    const uint32_t *numbers,
    const float32_t *values,
    const float32_t *weights,
    Py_ssize_t n_units,
    Py_ssize_t rows_ahead,
    float32_t *sums,
) noexcept nogil

cdef void adam_row(
    Py_ssize_t n_units,
    const float32_t *gradient,
    float32_t rate,
    float32_t correction,
    float32_t *weights,
    float32_t *mean,
    float32_t *mean_square,
) noexcept nogil


cdef class WeightRows:
    cdef readonly Py_ssize_t n_features, n_units
    cdef const void *weights
    cdef const float32_t *scales
    cdef int kind
    cdef public Py_ssize_t rows_ahead
    cdef object arrays

    # The factor of a row; 1 if the rows have none.
    cdef float32_t factor(self, Py_ssize_t feature) noexcept nogil

    # sums := sum_k values[k] stored[features[k]]; `bring_in_factors` has changed the
    # values. Features from n to n_readable belong to the next documents, and are only
    # prefetched.
    cdef void project(
        self,
        Py_ssize_t n,
        Py_ssize_t n_readable,
        const uint32_t *features,
        const float32_t *values,
        float32_t *sums,
    ) noexcept nogil


cdef class HiddenScratch:
    cdef numbers buffers[2]

    cdef float32_t *values(self, int number, Py_ssize_t n) noexcept nogil


cdef struct dense_layer:
    Py_ssize_t n_in
    Py_ssize_t n_out
    const float32_t *weights


cdef class DenseLayers:
    cdef readonly Py_ssize_t n_units, n_components
    cdef bint tied
    cdef int n_layers
    cdef dense_layer *layers
    cdef tuple matrices

    cdef bint product(
        self,
        int layer,
        Py_ssize_t n_rows,
        const float32_t *H,
        bint adds,
        float32_t *out,
    ) noexcept nogil

    # Unit vectors from the sums of the first layer, which change; they are in buffer 0
    # of the scratch memory, or elsewhere, or in `out` if there are no layers. Returns 0
    # if memory is out.
    cdef bint finish(
        self,
        Py_ssize_t n_rows,
        float32_t *hidden,
        float32_t *out,
        HiddenScratch scratch,
    ) noexcept nogil
