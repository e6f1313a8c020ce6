# Word pieces, for the kernel that splits documents into tokens.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from .words cimport numbers, step_table


cdef class PieceTrie:
    cdef step_table steps
    cdef uint32_t unknown
    cdef int64_t max_characters
    cdef const uint8_t[::1] mark_arena
    cdef const int64_t[::1] mark_offsets
    cdef bint is_mark_byte[256]

    cdef bint begins_mark(self, const uint8_t *text, int64_t length) noexcept nogil

    cdef bint cut(
        self, const uint8_t *word, int64_t length, numbers *pieces
    ) noexcept nogil
