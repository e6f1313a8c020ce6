"""Words and their numbers, and the order of words.

A word is any string of bytes: a word of a text, a single character or a word piece.
Words are numbered from 0, in the order in which they are added.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t
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


cdef class WordTable:
    """A table from words to numbers that grows with use."""

    def __cinit__(self):
        memset(&self.words, 0, sizeof(word_table))
        # With slots from the start, look-ups need not check that there are any.
        if not grow_word_slots(&self.words):
            raise MemoryError("no memory for the table of words")

    def __dealloc__(self):
        free(self.words.slots)
        free(self.words.arena)
        free(self.words.offsets)

    def __len__(self):
        return self.words.n_words

    cdef int add_all(
        self, const uint8_t[::1] arena, const int64_t[::1] offsets
    ) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t length
        cdef const uint8_t *word
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
