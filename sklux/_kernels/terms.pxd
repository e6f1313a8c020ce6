# Terms and their look-up, for the kernel that goes from tokens to the first layer.
from cython cimport floating
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from .words cimport WordTable, numbers, step_table

cdef enum:
    NO_NORM = 0
    L1 = 1
    L2 = 2


# Norm of some values.
cdef inline double row_norm(
    const floating *values, int64_t n, int which
) noexcept nogil:
    cdef double total = 0
    cdef int64_t k
    if which == L1:
        for k in range(n):
            total += fabs(values[k])
        return total
    for k in range(n):
        total += values[k] * values[k]
    return sqrt(total)


cdef class TermIndex:
    cdef readonly WordTable table
    cdef step_table steps
    # Whether the slots of steps lie elsewhere, in this memory.
    cdef bint is_view
    cdef const uint64_t[:, ::1] memory
    # Whether look-ups in tables that lie elsewhere may take long.
    cdef readonly bint is_crowded
    cdef numbers word_columns
    cdef int split, min_n, max_n
    cdef bint whole_segments
    # Words with smaller numbers are terms, or stop words.
    cdef readonly uint32_t n_known

    cdef int64_t word_end(
        self, const uint8_t *term, int64_t length, int64_t begin
    ) noexcept nogil
    cdef uint64_t count_steps(
        self, const uint8_t[::1] arena, const int64_t[::1] offsets
    ) noexcept nogil
    cdef uint32_t add_columns(self, const uint8_t *word, int64_t length) noexcept nogil
    cdef bint add_term(
        self, const uint8_t *term, int64_t length, int32_t column
    ) noexcept nogil
    # Adds the columns of all terms among n tokens, and the place of the last token of
    # each; returns 0 if memory is out.
    cdef bint collect(
        self,
        const uint32_t *tokens,
        int64_t n,
        int64_t n_readable,
        numbers *columns,
        numbers *places,
        const char *facts,
        int64_t fact_bytes,
    ) noexcept nogil
    cdef bint collect_short_segments(
        self, const uint32_t *tokens, int64_t n, numbers *columns, numbers *places
    ) noexcept nogil
    cdef uint32_t look_up(self, const uint32_t *tokens, int64_t n) noexcept nogil
