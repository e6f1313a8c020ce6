# Text (text.h) and its tokens, for the kernels that read documents.
from libc.stdint cimport (
    int32_t,
    int64_t,
    uint8_t,
    uint16_t,
    uint32_t,
    uint64_t,
    uintptr_t,
)

from .wordpiece cimport PieceTrie
from .words cimport WordTable, numbers, word_table

cdef extern from "text.h" nogil:
    enum:
        WORD "SKLUX_WORD"
        SPACE "SKLUX_SPACE"
        PUNCTUATION "SKLUX_PUNCTUATION"
        CASED "SKLUX_CASED"
        IGNORABLE "SKLUX_IGNORABLE"
        ODD "SKLUX_ODD"
        CLUSTER "SKLUX_CLUSTER"
        MARK "SKLUX_MARK"
        FIRST "SKLUX_FIRST"
        SECOND "SKLUX_SECOND"
        CHANGES "SKLUX_CHANGES"
        UTF8 "SKLUX_UTF8"
        ASCII "SKLUX_ASCII"
        DONE "SKLUX_DONE"
        NO_MEMORY "SKLUX_NO_MEMORY"
        NOT_UTF8 "SKLUX_NOT_UTF8"
        NOT_ASCII "SKLUX_NOT_ASCII"
        NEEDS_CARE "SKLUX_NEEDS_CARE"
        TOO_LONG "SKLUX_TOO_LONG"

    ctypedef struct text_rules "sklux_rules":
        int ignores_odd
        int lowercase
        int plain_ascii
        const uint16_t *pages
        const int32_t *shifts
        const uint8_t *classes
        const int64_t *offsets
        const uint32_t *code_points
        const uint16_t *composing_pages
        const uint8_t *composing

    ctypedef struct text_buffer "sklux_text":
        uint8_t *text
        uint8_t *classes
        int64_t length
        int64_t capacity
        int has_clusters

    int normalize "sklux_normalize"(
        const text_rules *, const void *, int64_t, int, text_buffer *
    )
    uint64_t word_mask "sklux_word_mask"(const uint8_t *)
    int trailing_zeros "sklux_trailing_zeros"(uint64_t)
    int char_length "sklux_char_length"(uint8_t)

# Word pieces, and the number of words before each of them.
cdef struct rest_tokens:
    numbers pieces
    numbers places


cdef class Rest
cdef class Scratch
cdef class TokenStream


cdef class Analysis:
    cdef text_rules rules
    cdef int kind
    cdef int min_length
    cdef uint32_t n_stop_words
    cdef PieceTrie trie
    cdef bint is_careful
    cdef object arrays
    cdef readonly Rest rest

    cdef int tokenize(
        self,
        Scratch scratch,
        const void *data,
        int64_t length,
        int encoding,
        word_table *words,
        bint grow,
        numbers *tokens,
        rest_tokens *rest_found,
    ) noexcept nogil


cdef class Rest:
    cdef Analysis analysis
    cdef const uint32_t[::1] piece_numbers
    cdef uint32_t n_known
    cdef uint32_t ascii_pieces[128]

    cdef int cut(
        self, const uint8_t *item, int64_t length, Scratch scratch
    ) noexcept nogil
    cdef int add_item(
        self,
        const uint8_t *item,
        int64_t length,
        uint32_t place,
        Scratch scratch,
        rest_tokens *found,
    ) noexcept nogil
    cdef int add_characters(
        self,
        const uint8_t *text,
        int64_t length,
        uint32_t place,
        Scratch scratch,
        rest_tokens *found,
    ) noexcept nogil


cdef class Scratch:
    cdef text_buffer text
    cdef numbers bounds
    cdef word_table known
    cdef numbers known_ends
    cdef numbers known_pieces
    # Reads the words and characters that become pieces.
    cdef Scratch inner

    cdef int64_t n_bytes(self)


cdef class TokenStream:
    cdef numbers tokens
    cdef rest_tokens rest
    cdef Scratch scratch
    # Ends of the documents of `read_documents`, in the tokens and in rest.pieces.
    cdef int64_t *ends
    cdef int64_t *rest_ends
    cdef int64_t ends_capacity

    # Reads n documents into an empty stream; sets the status of the first one that
    # cannot be read. Returns the number of documents before it.
    cdef int64_t read_documents(
        self,
        Analysis analysis,
        WordTable table,
        int64_t n,
        const uintptr_t *addresses,
        const int64_t *lengths,
        const uint8_t *encodings,
        int *status,
    ) noexcept nogil
    cdef int64_t read_into(
        self,
        Analysis analysis,
        WordTable table,
        bint grow,
        int64_t n,
        const uintptr_t *addresses,
        const int64_t *lengths,
        const uint8_t *encodings,
        int64_t *ends,
        int64_t *rest_ends,
        int *status,
    ) noexcept nogil
    cdef void remove_tokens(self) noexcept nogil
