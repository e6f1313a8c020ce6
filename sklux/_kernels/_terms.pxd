# Terms and their look-up, for the kernel that goes from tokens to the first layer.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from ._words cimport UNKNOWN, WordTable, numbers, step_table

ctypedef fused count_t:
    uint16_t
    uint32_t

cdef enum:
    NO_NORM = 0
    L1 = 1
    L2 = 2


# Distinct columns of a sorted list and how often each is there, at most `most` times;
# returns how many. Without branches, which would be guessed wrong at every repeated
# term.
cdef inline int64_t count_columns(
    const uint32_t *found,
    int64_t n,
    uint32_t most,
    uint32_t *columns,
    count_t *counts,
    uint32_t *largest,
) noexcept nogil:
    cdef int64_t i, k = -1
    cdef uint32_t column, last = UNKNOWN, count = 0, highest = 0
    for i in range(n):
        column = found[i]
        count = 1 + (count if column == last else 0)
        k += count == 1
        columns[k] = column
        counts[k] = <count_t>min(count, most)
        last = column
        highest = max(highest, count)
    largest[0] = highest
    return k + 1


cdef class TermIndex:
    cdef readonly WordTable table
    cdef step_table steps
    cdef numbers word_columns
    cdef int split, min_n, max_n
    cdef bint whole_segments

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
    # Adds the columns of all terms among n tokens; 0 when memory is out.
    cdef bint collect(
        self, const uint32_t *tokens, int64_t n, int64_t n_readable, numbers *columns
    ) noexcept nogil
    cdef bint collect_short_segments(
        self, const uint32_t *tokens, int64_t n, numbers *columns
    ) noexcept nogil
    cdef uint32_t look_up(self, const uint32_t *tokens, int64_t n) noexcept nogil
