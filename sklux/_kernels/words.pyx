"""Words and their numbers, and the order of words.

A word is any string of bytes: a word of a text, a single character or a word piece.
Words are numbered from 0, in the order in which they are added.
"""
import os

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

cdef extern from "sort.h" nogil:
    ctypedef struct word_ref "sklux_word_ref":
        const uint8_t *bytes
        int64_t length
        int64_t position
    void set_word_ref "sklux_set_word_ref"(
        word_ref *, const uint8_t *, int64_t, int64_t
    )
    int compare_words "sklux_compare_words"(const void *, const void *)
    void sort_words "sklux_sort_words"(word_ref *, size_t)

# The longest run of used slots that a table without a seed may have.
LONGEST_RUN = MAX_RUN
# Random in each process, so nobody can make words that collide in seeded tables.
cdef uint64_t[2] SEED
SEED[0] = int.from_bytes(os.urandom(8), "little")
SEED[1] = int.from_bytes(os.urandom(8), "little")
# Bytes after the last word of an arena that the computation of a key may read.
ARENA_PADDING = 8


cdef int reserve(numbers *array, int64_t n_more) noexcept nogil:
    """Allocate memory for more numbers; return 0 if memory is out."""
    cdef int64_t capacity
    cdef uint32_t *grown
    if array.length + n_more <= array.capacity:
        return 1
    capacity = array.length + n_more + array.capacity // 2 + 64
    grown = <uint32_t *>realloc(array.values, capacity * sizeof(uint32_t))
    if grown == NULL:
        return 0
    array.values = grown
    array.capacity = capacity
    return 1


cdef bint is_power_of_two(Py_ssize_t n) noexcept nogil:
    """Whether a number of slots fits the hash."""
    return n >= 2 and n & (n - 1) == 0


cdef int shift_of(Py_ssize_t n_slots) noexcept nogil:
    """64 - log2(number of slots)."""
    cdef int shift = 64
    while n_slots > 1:
        n_slots >>= 1
        shift -= 1
    return shift


cdef void set_seed(uint64_t *seed) noexcept nogil:
    """Set the seed of a table."""
    seed[0], seed[1] = SEED[0], SEED[1]


cdef uint64_t longest_run_of_steps(const step_table *steps) noexcept nogil:
    """Length of the longest run of used slots."""
    return longest_run_of(steps.slots, <uint64_t>1 << (64 - steps.shift))


cdef int copy_steps(const step_table *steps, uint64_t[:, ::1] out) except -1:
    """Write the slots of a table of the least size with the same steps.

    The number of rows of ``out`` is ``1 << (64 - shift_for(n_steps))``. A table that
    has this size already is copied as it is. The copy has no seed; return 0 if the
    steps collide in it.
    """
    cdef uint64_t n_slots = <uint64_t>1 << (64 - steps.shift), i, distance
    cdef uint64_t last = <uint64_t>out.shape[0] - 1
    cdef step_slot *slot
    cdef step_table copy
    copy.slots = <step_slot *>&out[0, 0]
    copy.shift = shift_of(out.shape[0])
    copy.is_seeded = False
    if copy.shift == steps.shift and not steps.is_seeded:
        memcpy(copy.slots, steps.slots, n_slots * sizeof(step_slot))
        return not is_crowded_table(copy.slots, n_slots)
    with nogil:
        memset(copy.slots, 0xFF, out.shape[0] * sizeof(step_slot))
        for i in range(n_slots):
            if steps.slots[i].node != UNKNOWN:
                slot = step_slot_of(&copy, steps.slots[i].key)
                slot[0] = steps.slots[i]
                distance = <uint64_t>(slot - copy.slots) - (
                    mix(slot.key) >> copy.shift
                )
                if distance & last > MAX_RUN:
                    return 0
    return not is_crowded_table(copy.slots, last + 1)


cdef int view_steps(
    step_table *steps, const uint64_t[:, ::1] slots, uint32_t n_columns
) except -1:
    """Use slots that lie elsewhere, and are kept alive by the caller.

    Nodes and words are only compared, so any numbers will do. Columns are below
    ``n_columns``, or -1. A free slot ends each search. Return whether it may take long.
    """
    cdef Py_ssize_t i, n_slots = slots.shape[0]
    cdef const step_slot *slot
    cdef uint32_t n_steps = 0
    cdef bint fits = is_power_of_two(n_slots) and slots.shape[1] == 2
    with nogil:
        for i in range(n_slots if fits else 0):
            slot = <const step_slot *>&slots[i, 0]
            n_steps += slot.node != UNKNOWN
            fits = fits and (
                slot.node == UNKNOWN
                or slot.column == -1
                or <uint32_t>slot.column < n_columns
            )
    if not fits or n_steps == n_slots:
        raise ValueError("The table of terms is damaged: a step leads outside.")
    steps.slots = <step_slot *>&slots[0, 0]
    steps.shift = shift_of(n_slots)
    steps.n_steps = n_steps
    steps.is_seeded = False
    return is_crowded_table(steps.slots, n_slots)


cdef class WordTable:
    """A table from words to numbers that grows with use."""

    def __cinit__(self):
        memset(&self.words, 0, sizeof(word_table))
        set_seed(self.words.seed)
        self.is_view = False
        # With slots from the start, look-ups need not check that there are any.
        if not grow_word_slots(&self.words):
            raise MemoryError("no memory for the table of words")

    def __dealloc__(self):
        if self.is_view:
            return
        free(self.words.slots)
        free(self.words.arena)
        free(self.words.offsets)

    def __len__(self):
        return self.words.n_words

    cdef int view(
        self,
        const uint64_t[:, ::1] slots,
        const uint8_t[::1] arena,
        const int64_t[::1] offsets,
        object owner,
    ) except -1:
        cdef Py_ssize_t i, n_slots = slots.shape[0], n_free = 0
        cdef uint32_t n_words = <uint32_t>(offsets.shape[0] - 1)
        cdef const word_slot *slot
        cdef bint fits = is_power_of_two(n_slots) and slots.shape[1] == 2
        if self.is_view or self.words.n_words:
            raise ValueError("only an empty table can use other words")
        with nogil:
            for i in range(n_slots if fits else 0):
                slot = <const word_slot *>&slots[i, 0]
                if slot.word == UNKNOWN:
                    n_free += 1
                # The bytes of longer words are compared.
                elif slot.word >= n_words or (
                    slot.length > 8
                    and offsets[slot.word + 1] - offsets[slot.word] != slot.length
                ):
                    fits = False
                    break
        if not fits or n_free == 0:
            raise ValueError("The table of terms is damaged: a word leads outside.")
        free(self.words.slots)
        self.is_view, self.owner = True, owner
        self.words.slots = <word_slot *>&slots[0, 0]
        self.words.shift = shift_of(n_slots)
        self.words.arena = <uint8_t *>&arena[0]
        self.words.offsets = <int64_t *>&offsets[0]
        self.words.n_words = n_words
        return is_crowded_table(&slots[0, 0], n_slots)

    @property
    def n_slots(self):
        """Number of slots."""
        return 1 << (64 - self.words.shift)

    @property
    def is_seeded(self):
        """Whether the words collided, so that their slots depend on the process."""
        return self.words.is_seeded != 0

    @property
    def longest_run(self):
        """Length of the longest run of used slots, which no look-up exceeds."""
        return longest_run_of(self.words.slots, self.n_slots)

    def copy_slots(self, uint64_t[:, ::1] out):
        """Write the slots to ``out`` of shape (n_slots, 2)."""
        memcpy(&out[0, 0], self.words.slots, out.shape[0] * sizeof(word_slot))

    cdef int add_all(
        self, const uint8_t[::1] arena, const int64_t[::1] offsets
    ) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t length
        cdef const uint8_t *word
        if self.is_view:
            raise ValueError("a table that uses other words cannot grow")
        for i in range(offsets.shape[0] - 1):
            word = &arena[0] + offsets[i]
            length = offsets[i + 1] - offsets[i]
            if add_word(&self.words, word, length, word_key(word, length)) == UNKNOWN:
                raise MemoryError("no memory for the table of words")
        return 0

    def add(self, const uint8_t[::1] arena, const int64_t[::1] offsets):
        """Add words; words that are in the table keep their numbers.

        Parameters
        ----------
        arena : memoryview of shape (n_bytes + ARENA_PADDING,)
            The bytes of all words.
        offsets : memoryview of shape (n_words + 1,)
            Word i is ``arena[offsets[i]:offsets[i + 1]]``.
        """
        with nogil:
            self.add_all(arena, offsets)
            check_words(&self.words)

    def find(
        self,
        const uint8_t[::1] arena,
        const int64_t[::1] offsets,
        uint32_t[::1] out,
    ):
        """Write the number of each word to ``out``; the largest uint32 if unknown."""
        cdef Py_ssize_t i
        cdef int64_t length
        cdef const uint8_t *word
        with nogil:
            for i in range(out.shape[0]):
                word = &arena[0] + offsets[i]
                length = offsets[i + 1] - offsets[i]
                out[i] = word_slot_of(
                    &self.words, word, length, word_key(word, length)
                ).word

    def n_bytes(self):
        """Total number of bytes of all words."""
        return self.words.offsets[self.words.n_words] if self.words.n_words else 0

    def copy_words(self, uint8_t[::1] arena, int64_t[::1] offsets):
        """Write the words, in the order of their numbers.

        Parameters
        ----------
        arena : memoryview of shape (n_bytes or more,)
            Overwritten.
        offsets : memoryview of shape (n_words + 1,)
            Overwritten with offsets from the start of ``arena``.
        """
        cdef size_t n_offsets = self.words.n_words + 1
        offsets[0] = 0
        if self.words.n_words:
            memcpy(&arena[0], self.words.arena, self.n_bytes())
            memcpy(&offsets[0], self.words.offsets, n_offsets * sizeof(int64_t))


def rank_words(
    const uint8_t[::1] arena,
    const int64_t[::1] offsets,
    uint32_t[::1] ranks,
    int64_t[::1] firsts,
):
    """Number the distinct words in the order of their bytes; return how many.

    Parameters
    ----------
    arena : memoryview of shape (n_bytes or more,)
        The bytes of all words.
    offsets : memoryview of shape (n_words + 1,)
        Word i is ``arena[offsets[i]:offsets[i + 1]]``; words may repeat.
    ranks : memoryview of shape (n_words,)
        Overwritten with the rank of each word.
    firsts : memoryview of shape (n_words,)
        The first n_distinct values are overwritten with one position of each distinct
        word, in ascending order of the words.
    """
    cdef Py_ssize_t n_words = ranks.shape[0], i
    cdef int64_t n_distinct = 0
    cdef word_ref *refs
    if n_words == 0:
        return 0
    refs = <word_ref *>malloc(n_words * sizeof(word_ref))
    if refs == NULL:
        raise MemoryError("no memory to sort the words")
    with nogil:
        for i in range(n_words):
            set_word_ref(
                &refs[i], &arena[0] + offsets[i], offsets[i + 1] - offsets[i], i
            )
        sort_words(refs, n_words)
        for i in range(n_words):
            if i == 0 or compare_words(&refs[i - 1], &refs[i]) != 0:
                firsts[n_distinct] = refs[i].position
                n_distinct += 1
            ranks[refs[i].position] = <uint32_t>(n_distinct - 1)
    free(refs)
    return n_distinct


def join_words(
    const uint32_t[:, ::1] paths,
    const uint8_t[::1] arena,
    const int64_t[::1] offsets,
    bytes separator,
    uint8_t[::1] out,
    int64_t[::1] out_offsets,
):
    """Write n-grams as strings: their words, joined by a separator.

    Parameters
    ----------
    paths : memoryview of shape (n_terms, max_n)
        Words of each n-gram; unused places hold the largest uint32.
    arena, offsets : memoryviews
        The words, from `WordTable.copy_words`.
    separator : bytes
        String between two words.
    out : memoryview of shape (n_bytes,), or empty
        Overwritten with the terms; if it is empty, only the offsets are computed.
    out_offsets : memoryview of shape (n_terms + 1,)
        Overwritten with the offsets: term i is
        ``out[out_offsets[i]:out_offsets[i + 1]]``.
    """
    cdef Py_ssize_t i, j
    cdef int64_t place = 0, length, n_separator = len(separator)
    cdef const uint8_t *between = separator
    cdef uint32_t word
    cdef bint writes = out.shape[0] > 0
    out_offsets[0] = 0
    with nogil:
        for i in range(paths.shape[0]):
            for j in range(paths.shape[1]):
                word = paths[i, j]
                if word == UNKNOWN:
                    break
                if j > 0:
                    if writes:
                        memcpy(&out[place], between, n_separator)
                    place += n_separator
                length = offsets[word + 1] - offsets[word]
                if writes:
                    memcpy(&out[place], &arena[0] + offsets[word], length)
                place += length
            out_offsets[i + 1] = place
