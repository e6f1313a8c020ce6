# Tables of words (tables.h), for the kernels that look words up.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "tables.h" nogil:
    const uint32_t UNKNOWN "SKLUX_UNKNOWN"
    const uint32_t BREAK "SKLUX_BREAK"
    const uint64_t MAX_RUN "SKLUX_MAX_RUN"

    ctypedef struct word_slot "sklux_word_slot":
        uint64_t key
        uint32_t word
        uint32_t length

    ctypedef struct word_table "sklux_words":
        word_slot *slots
        int shift
        uint32_t n_words
        uint8_t *arena
        int64_t *offsets
        int64_t arena_capacity
        int64_t offsets_capacity
        uint64_t seed[2]
        int is_seeded

    int grow_word_slots "sklux_grow_word_slots"(word_table *)
    uint64_t mix "sklux_mix"(uint64_t)
    uint64_t hash_of "sklux_hash"(const uint64_t *, int, uint64_t)
    bint is_crowded_table "sklux_is_crowded"(const void *, uint64_t)
    uint64_t longest_run_of "sklux_longest_run"(const void *, uint64_t)
    uint64_t word_key "sklux_word_key"(const uint8_t *, int64_t)
    word_slot *word_slot_of "sklux_word_slot_of"(
        const word_table *, const uint8_t *, int64_t, uint64_t
    )
    uint32_t add_word "sklux_add_word"(word_table *, const uint8_t *, int64_t, uint64_t)
    void check_words "sklux_check_words"(word_table *)
    void fetch "SKLUX_FETCH"(const void *)
    void *allocate_table "sklux_allocate_table"(size_t)

    ctypedef struct step_slot "sklux_step":
        uint64_t key
        uint32_t node
        int32_t column

    ctypedef struct step_table "sklux_steps":
        step_slot *slots
        int shift
        uint32_t n_steps
        uint64_t seed[2]
        int is_seeded

    uint64_t step_key "sklux_step_key"(uint32_t, uint32_t)
    step_slot *step_slot_of "sklux_step_slot_of"(const step_table *, uint64_t)
    int shift_for "sklux_shift_for"(uint64_t)
    int make_steps "sklux_make_steps"(step_table *, uint64_t)
    step_slot *add_step "sklux_add_step"(step_table *, uint32_t, uint32_t)
    void check_steps "sklux_check_steps"(step_table *)

# A growable array of 32-bit numbers.
cdef struct numbers:
    uint32_t *values
    int64_t length
    int64_t capacity

cdef int reserve(numbers *array, int64_t n_more) noexcept nogil

# Sets the seed that a table uses if its keys collide: the same in the whole process.
cdef void set_seed(uint64_t *seed) noexcept nogil

# Longest run of used slots in a table of steps.
cdef uint64_t longest_run_of_steps(const step_table *steps) noexcept nogil

# Writes the slots of a table of the least size with the same steps; returns 0, with
# slots that are of no use, if the steps collide.
cdef int copy_steps(const step_table *steps, uint64_t[:, ::1] out) except -1

# Uses slots that lie elsewhere, such as in a file; refuses what leads outside. Returns
# whether a look-up may take long.
cdef int view_steps(
    step_table *steps, const uint64_t[:, ::1] slots, uint32_t n_columns
) except -1


cdef class WordTable:
    cdef word_table words
    # Whether the words lie elsewhere, in memory of the owner.
    cdef bint is_view
    cdef object owner

    # Uses words that lie elsewhere; refuses what leads outside. Returns whether a
    # look-up may take long.
    cdef int view(
        self,
        const uint64_t[:, ::1] slots,
        const uint8_t[::1] arena,
        const int64_t[::1] offsets,
        object owner,
    ) except -1

    cdef int add_all(
        self, const uint8_t[::1] arena, const int64_t[::1] offsets
    ) except -1 nogil
