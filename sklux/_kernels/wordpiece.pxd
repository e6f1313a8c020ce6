# Word pieces, for the kernel that splits documents into tokens.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .words cimport numbers, step_table


cdef class PieceTrie:
    cdef step_table steps
    # Whether the slots lie elsewhere, in this memory.
    cdef bint is_view
    cdef const uint64_t[:, ::1] memory
    # Whether look-ups in a table that lies elsewhere may take long.
    cdef readonly bint is_crowded
    cdef uint32_t unknown
    cdef int64_t max_characters
    cdef const uint8_t[::1] mark_arena
    cdef const int64_t[::1] mark_offsets
    cdef bint is_mark_byte[256]

    cdef int set_rules(
        self,
        uint32_t unknown,
        int64_t max_characters,
        const uint8_t[::1] mark_arena,
        const int64_t[::1] mark_offsets,
    ) except -1

    cdef bint begins_mark(self, const uint8_t *text, int64_t length) noexcept nogil

    cdef bint cut(
        self, const uint8_t *word, int64_t length, numbers *pieces
    ) noexcept nogil
