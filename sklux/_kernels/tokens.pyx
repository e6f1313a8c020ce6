"""Documents to numbers of words: the first half of the lexical stage.

    text -> lower case, accents (text.h) -> tokens -> number of each token

The analysis defines the tokens: maximal runs of word characters of some least length
(scikit-learn's ``token_pattern`` ``\\b\\w\\w+\\b`` and similar ones), single
characters, either of the whole text ('char') or of words between blanks ('char_wb'),
or word pieces. In scripts without spaces, each letter with its marks is a word, and
EDGE stands at the ends of a run of them. Stop words are left out, so n-grams reach
across them. A token that is
not in the table is UNKNOWN, and BREAK stands at places that no n-gram may cross.

The rest of a text is what its words do not cover: words that are not terms, and
characters between words. It can be read as word pieces in the same pass (`Rest`).

Cost per document: a few cycles per byte, and one look-up per token, which is bound by
the latency of the cache that holds the table.
"""
from libc.stdint cimport (
    int32_t,
    int64_t,
    uint8_t,
    uint16_t,
    uint32_t,
    uint64_t,
    uintptr_t,
)
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from .words cimport (
    BREAK,
    UNKNOWN,
    WordTable,
    add_word,
    fetch,
    mix,
    numbers,
    reserve,
    set_seed,
    word_key,
    word_slot,
    word_slot_of,
    word_table,
)

cdef extern from "Python.h":
    int PyUnicode_Check(object)
    int PyUnicode_KIND(object)
    void *PyUnicode_DATA(object)
    bint PyUnicode_IS_ASCII(object)
    Py_ssize_t PyUnicode_GET_LENGTH(object)

cdef enum:
    WORDS = 0
    CHARACTERS = 1
    CHARACTERS_IN_WORDS = 2
    PIECES = 3
    # Words between the computation of a key and its look-up; a power of two.
    AHEAD = 16
    BLANK = 32

KINDS = {
    "word": WORDS,
    "char": CHARACTERS,
    "char_wb": CHARACTERS_IN_WORDS,
    "piece": PIECES,
}
STATUSES = {
    NO_MEMORY: "memory",
    NOT_UTF8: "utf8",
    NOT_ASCII: "ascii",
    NEEDS_CARE: "care",
    TOO_LONG: "length",
}
# Encodings of a document, in addition to the bytes per character of a str: 1, 2, 4.
ENCODING_UTF8 = UTF8
ENCODING_ASCII = ASCII
NO_WORD = UNKNOWN
NO_NGRAM = BREAK
CLASS_BITS = {
    "word": WORD,
    "space": SPACE,
    "punctuation": PUNCTUATION,
    "cased": CASED,
    "ignorable": IGNORABLE,
    "odd": ODD,
    "cluster": CLUSTER,
    "mark": MARK,
}
# Values of the table ``composing``, in addition to the ranks of combining classes.
COMPOSING_FIRST = FIRST
COMPOSING_SECOND = SECOND
COMPOSING_CHANGES = CHANGES
# The token at the ends of a run of letters of scripts without spaces.
EDGE = "\u2581"

# All bytes of a character beyond ASCII have their highest bit set.
cdef uint64_t HIGH_BITS = 0x8080808080808080


def string_buffers(
    list documents,
    uintptr_t[::1] addresses,
    int64_t[::1] lengths,
    uint8_t[::1] encodings,
):
    """Write the addresses of the characters of strings; return how many are strings.

    The function stops at the first document that is not a str, and returns its
    position. The strings are not changed, and must be kept alive while the addresses
    are used.

    Parameters
    ----------
    documents : list of str
        Documents.
    addresses, lengths, encodings : memoryviews of shape (n_documents,)
        Overwritten with the address, the number of characters, and the bytes per
        character (3 for ASCII).
    """
    cdef Py_ssize_t i
    for i in range(len(documents)):
        document = documents[i]
        if not PyUnicode_Check(document):
            return i
        addresses[i] = <uintptr_t>PyUnicode_DATA(document)
        lengths[i] = PyUnicode_GET_LENGTH(document)
        encodings[i] = PyUnicode_KIND(document)
        if PyUnicode_IS_ASCII(document):
            encodings[i] = ASCII
    return len(documents)


cdef class Scratch:
    """Scratch memory of one thread."""

    def __cinit__(self):
        memset(&self.text, 0, sizeof(text_buffer))
        memset(&self.bounds, 0, sizeof(numbers))
        memset(&self.known, 0, sizeof(word_table))
        set_seed(self.known.seed)
        memset(&self.known_ends, 0, sizeof(numbers))
        memset(&self.known_pieces, 0, sizeof(numbers))

    def __dealloc__(self):
        free(self.text.text)
        free(self.text.classes)
        free(self.bounds.values)
        free(self.known.slots)
        free(self.known.arena)
        free(self.known.offsets)
        free(self.known_ends.values)
        free(self.known_pieces.values)

    cdef int64_t n_bytes(self):
        """Size of the allocated memory, without the inner scratch memory."""
        cdef word_table *known = &self.known
        cdef int64_t n_numbers = self.bounds.capacity + self.known_ends.capacity
        cdef int64_t n_bytes = 2 * self.text.capacity
        n_bytes += (n_numbers + self.known_pieces.capacity) * sizeof(uint32_t)
        if known.slots != NULL:
            n_bytes += (<uint64_t>1 << (64 - known.shift)) * sizeof(word_slot)
            n_bytes += known.arena_capacity + known.offsets_capacity * sizeof(int64_t)
        return n_bytes


cdef int word_bounds(text_buffer *text, numbers *bounds) noexcept nogil:
    """Find the begin and the end of each run of word characters, alternately.

    Return 0 if memory is out. A bit of ``edges`` is set if the class changes at its
    byte, so one pass over the set bits finds all runs in 64 bytes.
    """
    cdef int64_t base
    cdef uint64_t mask, edges, carry = 0
    cdef uint32_t *values
    cdef int64_t n = 0
    bounds.length = 0
    if not reserve(bounds, text.length + 66):
        return 0
    values = bounds.values
    # The blocks reach beyond the text, to find the end of a run at the end of the text.
    for base in range(0, text.length + 1, 64):
        mask = word_mask(text.classes + base)
        edges = mask ^ ((mask << 1) | carry)
        carry = mask >> 63
        while edges:
            values[n] = <uint32_t>(base + trailing_zeros(edges))
            n += 1
            edges &= edges - 1
    bounds.length = n
    return 1


cdef inline bint is_long_enough(
    const uint8_t *word, int64_t length, uint64_t key, int min_length
) noexcept nogil:
    """Whether a word has at least ``min_length`` characters."""
    cdef int64_t n_characters = 0, i
    if length < min_length:
        return False
    if length >= 4 * min_length or (length <= 8 and not key & HIGH_BITS):
        return True
    for i in range(length):
        n_characters += (word[i] & 0xC0) != 0x80
    return n_characters >= min_length


cdef int tokens_of_words(
    text_buffer *text,
    numbers *bounds,
    int min_length,
    uint32_t n_stop_words,
    word_table *words,
    bint grow,
    numbers *tokens,
    Rest rest,
    Scratch scratch,
    rest_tokens *rest_found,
) noexcept nogil:
    """Add the numbers of the words of one text; return a status.

    Keys are computed some words ahead, so that their slots are prefetched before the
    look-up.
    """
    cdef const uint8_t *word
    cdef int64_t i, length, n_words, n = 0, begin, end = 0
    cdef uint32_t number = UNKNOWN, place = 0
    cdef int status
    cdef bint has_rest = rest is not None
    cdef uint32_t *out
    cdef uint64_t keys[AHEAD]
    cdef uint64_t key
    if not word_bounds(text, bounds):
        return NO_MEMORY
    n_words = bounds.length // 2
    if not reserve(tokens, n_words):
        return NO_MEMORY
    out = tokens.values + tokens.length
    for i in range(-AHEAD, n_words):
        if i >= 0:
            begin = bounds.values[2 * i]
            word = text.text + begin
            length = bounds.values[2 * i + 1] - begin
            key = keys[i & (AHEAD - 1)]
            if has_rest:
                # Most words are one blank apart.
                if begin > end + 1 or (begin > end and text.text[end] != BLANK):
                    status = rest.add_characters(
                        text.text + end, begin - end, <uint32_t>n, scratch, rest_found
                    )
                    if status != DONE:
                        return status
                end = begin + length
                place = <uint32_t>n
                number = UNKNOWN
            if min_length <= 1 or is_long_enough(word, length, key, min_length):
                if grow:
                    number = add_word(words, word, length, key)
                    if number == UNKNOWN:
                        return NO_MEMORY
                else:
                    number = word_slot_of(words, word, length, key).word
                out[n] = number
                # Stop words have the smallest numbers; UNKNOWN is the largest number.
                n += number >= n_stop_words
            if has_rest and number >= rest.n_known:
                status = rest.add_item(word, length, place, scratch, rest_found)
                if status != DONE:
                    return status
        if i + AHEAD < n_words:
            word = text.text + bounds.values[2 * (i + AHEAD)]
            length = bounds.values[2 * (i + AHEAD) + 1] - bounds.values[2 * (i + AHEAD)]
            key = word_key(word, length)
            keys[(i + AHEAD) & (AHEAD - 1)] = key
            fetch(words.slots + (mix(key) >> words.shift))
    tokens.length += n
    if has_rest and text.length > end:
        return rest.add_characters(
            text.text + end, text.length - end, <uint32_t>n, scratch, rest_found
        )
    return DONE


cdef inline uint32_t number_of(
    const uint8_t *word, int64_t length, word_table *words, bint grow
) noexcept nogil:
    """Number of one word or character."""
    cdef uint64_t key = word_key(word, length)
    if grow:
        return add_word(words, word, length, key)
    return word_slot_of(words, word, length, key).word


cdef inline int64_t end_of_word(text_buffer *text, int64_t begin) noexcept nogil:
    """End of the word that begins with this word character."""
    cdef int64_t end = begin + char_length(text.text[begin])
    if text.classes[begin] & CLUSTER:
        while end < text.length and text.classes[end] & MARK:
            end += char_length(text.text[end])
        return end
    while (
        end < text.length
        and text.classes[end] & WORD
        and not text.classes[end] & CLUSTER
    ):
        end += char_length(text.text[end])
    return end


cdef int tokens_of_clusters(
    text_buffer *text,
    int min_length,
    uint32_t n_stop_words,
    word_table *words,
    bint grow,
    numbers *tokens,
    Rest rest,
    Scratch scratch,
    rest_tokens *rest_found,
) noexcept nogil:
    """Add the words of a text with letters of scripts without spaces; return a status.

    The least length is for words of other scripts. One EDGE stands before and after
    each run of letters, and between two runs with no word between them.
    """
    cdef int64_t i = 0, end, n = 0
    cdef uint32_t number, edge
    cdef uint32_t *out
    cdef const uint8_t *word
    cdef uint8_t padded_edge[8]
    cdef bint in_run = False, is_cluster, after_edge = False
    cdef bint has_rest = rest is not None
    cdef int status = DONE
    cdef uint32_t place
    memset(padded_edge, 0, 8)
    padded_edge[0], padded_edge[1], padded_edge[2] = 0xE2, 0x96, 0x81
    edge = number_of(padded_edge, 3, words, grow)
    if grow and edge == UNKNOWN:
        return NO_MEMORY
    # Each word has at most one edge before it, and one edge stands at the end.
    if not reserve(tokens, 2 * text.length + 1):
        return NO_MEMORY
    out = tokens.values + tokens.length
    while i < text.length:
        is_cluster = text.classes[i] & CLUSTER != 0
        if is_cluster != in_run:
            if not (is_cluster and after_edge):
                out[n] = edge
                n += edge >= n_stop_words
                after_edge = True
            in_run = is_cluster
        place = <uint32_t>n
        if not text.classes[i] & WORD:
            end = i + char_length(text.text[i])
            if has_rest:
                status = rest.add_characters(
                    text.text + i, end - i, place, scratch, rest_found
                )
                if status != DONE:
                    return status
            i = end
            continue
        end = end_of_word(text, i)
        word = text.text + i
        number = UNKNOWN
        if is_cluster or is_long_enough(
            word, end - i, word_key(word, end - i), min_length
        ):
            number = number_of(word, end - i, words, grow)
            if grow and number == UNKNOWN:
                return NO_MEMORY
            out[n] = number
            # Stop words have the smallest numbers; UNKNOWN is the largest number.
            n += number >= n_stop_words
            after_edge = after_edge and number < n_stop_words
        if has_rest and number >= rest.n_known:
            status = rest.add_item(word, end - i, place, scratch, rest_found)
            if status != DONE:
                return status
        i = end
    if in_run:
        out[n] = edge
        n += edge >= n_stop_words
    tokens.length += n
    return DONE


cdef int tokens_of_characters(
    text_buffer *text, bint in_words, word_table *words, bint grow, numbers *tokens
) noexcept nogil:
    """Add the numbers of the characters of one text; return a status.

    A run of white space becomes one blank. With ``in_words`` each word stands between
    two blanks and is followed by a BREAK.
    """
    cdef int64_t i = 0, n = 0, length, run
    cdef uint32_t *out
    cdef uint32_t number
    cdef uint8_t *blank = b" "
    cdef uint8_t padded_blank[8]
    cdef bint open_word = False
    memset(padded_blank, 0, 8)
    padded_blank[0] = blank[0]
    # A word of one character takes four tokens.
    if not reserve(tokens, (4 if in_words else 1) * (text.length + 1)):
        return NO_MEMORY
    out = tokens.values + tokens.length
    while i < text.length:
        length = char_length(text.text[i])
        if text.classes[i] & SPACE:
            run = i + length
            while run < text.length and text.classes[run] & SPACE:
                run += char_length(text.text[run])
            if in_words:
                if open_word:
                    out[n] = number_of(padded_blank, 1, words, grow)
                    out[n + 1] = BREAK
                    n += 2
                    open_word = False
            else:
                # A single character of white space is kept.
                if run > i + length:
                    number = number_of(padded_blank, 1, words, grow)
                else:
                    number = number_of(text.text + i, length, words, grow)
                if grow and number == UNKNOWN:
                    return NO_MEMORY
                out[n] = number
                n += 1
            i = run
            continue
        if in_words and not open_word:
            number = number_of(padded_blank, 1, words, grow)
            if grow and number == UNKNOWN:
                return NO_MEMORY
            out[n] = number
            n += 1
            open_word = True
        number = number_of(text.text + i, length, words, grow)
        if grow and number == UNKNOWN:
            return NO_MEMORY
        out[n] = number
        n += 1
        i += length
    if open_word:
        out[n] = number_of(padded_blank, 1, words, grow)
        out[n + 1] = BREAK
        n += 2
    tokens.length += n
    return DONE


cdef int pieces_of_word(
    PieceTrie trie,
    const uint8_t *word,
    int64_t length,
    Scratch scratch,
    numbers *tokens,
) noexcept nogil:
    """Add the pieces of one word; a word that was cut before is not cut again."""
    cdef uint32_t n_known = scratch.known.n_words
    cdef uint64_t key = word_key(word, length)
    cdef uint32_t number = add_word(&scratch.known, word, length, key)
    cdef int64_t begin, n
    if number == UNKNOWN:
        return NO_MEMORY
    if number == n_known:
        if not (
            trie.cut(word, length, &scratch.known_pieces)
            and reserve(&scratch.known_ends, 1)
        ):
            return NO_MEMORY
        scratch.known_ends.values[number] = <uint32_t>scratch.known_pieces.length
        scratch.known_ends.length += 1
    begin = scratch.known_ends.values[number - 1] if number > 0 else 0
    n = scratch.known_ends.values[number] - begin
    if not reserve(tokens, n):
        return NO_MEMORY
    memcpy(
        tokens.values + tokens.length,
        scratch.known_pieces.values + begin,
        n * sizeof(uint32_t),
    )
    tokens.length += n
    return DONE


cdef int tokens_of_pieces(
    PieceTrie trie, Scratch scratch, bint is_careful, numbers *tokens
) noexcept nogil:
    """Add the pieces of the words and punctuation characters of one text."""
    cdef text_buffer *text = &scratch.text
    cdef int64_t begin = 0, end
    cdef int status
    while begin < text.length:
        if text.classes[begin] & SPACE:
            begin += 1
            continue
        if text.classes[begin] & PUNCTUATION:
            if not is_careful and trie.begins_mark(
                text.text + begin, text.length - begin
            ):
                return NEEDS_CARE
            end = begin + char_length(text.text[begin])
        elif text.classes[begin] & CLUSTER:
            end = end_of_word(text, begin)
        else:
            end = begin + 1
            while end < text.length and not text.classes[end] & (
                SPACE | PUNCTUATION | CLUSTER
            ):
                end += 1
        status = pieces_of_word(trie, text.text + begin, end - begin, scratch, tokens)
        if status != DONE:
            return status
        begin = end
    return DONE


cdef class Rest:
    """Word pieces for the rest of a text: what its words do not cover.

    Each word that is not a term is cut into pieces, and so is each character that
    belongs to no word. Only pieces that are terms are kept.

    Parameters
    ----------
    analysis : Analysis
        The rules of word pieces; it must be careful.
    piece_numbers : memoryview of shape (n_pieces,)
        Number of each piece in its table of words, the largest uint32 if it is not a
        term.
    n_known : int
        Words with smaller numbers are terms, or stop words.
    """

    def __init__(
        self, Analysis analysis, const uint32_t[::1] piece_numbers, uint32_t n_known
    ):
        cdef Scratch scratch = Scratch()
        cdef uint8_t item[16]
        cdef int byte
        scratch.inner = Scratch()
        self.analysis, self.piece_numbers = analysis, piece_numbers
        self.n_known = n_known
        memset(item, 0, 16)
        for byte in range(128):
            item[0] = <uint8_t>byte
            scratch.known_pieces.length = 0
            if self.cut(item, 1, scratch) != DONE:
                raise MemoryError("no memory for the word pieces")
            self.ascii_pieces[byte] = UNKNOWN
            if scratch.known_pieces.length:
                self.ascii_pieces[byte] = scratch.known_pieces.values[0]

    cdef int cut(
        self, const uint8_t *item, int64_t length, Scratch scratch
    ) noexcept nogil:
        """Add the pieces of a word or character to the known pieces."""
        cdef numbers *pieces = &scratch.known_pieces
        cdef int64_t i, n = pieces.length
        cdef uint32_t number
        cdef int status
        status = normalize(
            &self.analysis.rules, item, length, UTF8, &scratch.inner.text
        )
        if status == DONE:
            status = tokens_of_pieces(
                self.analysis.trie, scratch.inner, True, pieces
            )
        if status == NO_MEMORY:
            return status
        # Other problems are characters that no piece has, such as lone surrogates.
        for i in range(n, pieces.length):
            number = self.piece_numbers[pieces.values[i]]
            pieces.values[n] = number
            n += number != UNKNOWN
        pieces.length = n
        return DONE

    cdef int add_item(
        self,
        const uint8_t *item,
        int64_t length,
        uint32_t place,
        Scratch scratch,
        rest_tokens *found,
    ) noexcept nogil:
        """Add the pieces of a word or character; it is cut only once."""
        cdef uint32_t n_known = scratch.known.n_words, number
        cdef int64_t begin, end, i
        number = add_word(&scratch.known, item, length, word_key(item, length))
        if number == UNKNOWN:
            return NO_MEMORY
        if number == n_known:
            if not reserve(&scratch.known_ends, 1) or (
                self.cut(item, length, scratch) != DONE
            ):
                return NO_MEMORY
            scratch.known_ends.values[number] = <uint32_t>scratch.known_pieces.length
            scratch.known_ends.length += 1
        begin = scratch.known_ends.values[number - 1] if number > 0 else 0
        end = scratch.known_ends.values[number]
        if not (
            reserve(&found.pieces, end - begin) and reserve(&found.places, end - begin)
        ):
            return NO_MEMORY
        for i in range(begin, end):
            found.pieces.values[found.pieces.length] = scratch.known_pieces.values[i]
            found.places.values[found.pieces.length] = place
            found.pieces.length += 1
        found.places.length = found.pieces.length
        return DONE

    cdef int add_characters(
        self,
        const uint8_t *text,
        int64_t length,
        uint32_t place,
        Scratch scratch,
        rest_tokens *found,
    ) noexcept nogil:
        """Add the pieces of characters, each on its own."""
        cdef int64_t i = 0, n
        cdef uint32_t piece
        cdef int status
        while i < length:
            if text[i] >= 0x80:
                n = char_length(text[i])
                status = self.add_item(text + i, n, place, scratch, found)
                if status != DONE:
                    return status
                i += n
                continue
            piece = self.ascii_pieces[text[i]]
            i += 1
            if piece == UNKNOWN:
                continue
            if not (reserve(&found.pieces, 1) and reserve(&found.places, 1)):
                return NO_MEMORY
            found.pieces.values[found.pieces.length] = piece
            found.places.values[found.pieces.length] = place
            found.pieces.length += 1
            found.places.length += 1
        return DONE


cdef class Analysis:
    """The rules that turn a text into tokens.

    Parameters
    ----------
    kind : {'word', 'char', 'char_wb', 'piece'}
        Kind of the tokens.
    min_length : int
        Least number of characters of a word.
    n_stop_words : int
        Words with smaller numbers are left out.
    lowercase, plain_ascii : bool
        Fields of ``sklux_rules`` in text.h.
    tables : tuple of five memoryviews, or None
        ``pages``, ``shifts`` and ``classes`` of the code points, ``offsets`` and
        ``code_points`` of the expansions, as in text.h; None means that only ASCII can
        be read.
    trie : PieceTrie or None
        The pieces, if tokens are pieces.
    is_careful : bool
        Whether the caller has prepared the documents that need care. If not, the
        reading stops at such documents.
    composing : tuple of two memoryviews, or None
        Pages and values: how each character takes part in the normal form NFC. The
        reading stops at documents that may not be in this form. None means that any
        text is read.
    rest : Rest or None
        How to read the rest of a text, if tokens are words; None leaves it out.
    """

    def __init__(
        self,
        str kind,
        int min_length,
        uint32_t n_stop_words,
        bint lowercase,
        bint plain_ascii,
        tables,
        PieceTrie trie=None,
        bint is_careful=False,
        composing=None,
        Rest rest=None,
    ):
        cdef const uint16_t[::1] pages
        cdef const int32_t[::1] shifts
        cdef const uint8_t[::1] classes
        cdef const int64_t[::1] offsets
        cdef const uint32_t[::1] code_points
        memset(&self.rules, 0, sizeof(text_rules))
        self.kind = KINDS[kind]
        self.min_length = min_length
        self.n_stop_words = n_stop_words
        self.rules.ignores_odd = is_careful
        self.rules.lowercase = lowercase
        self.rules.plain_ascii = plain_ascii
        self.arrays = tables, composing
        self.trie = trie
        self.is_careful = is_careful
        self.rest = rest
        if tables is not None:
            pages, shifts, classes, offsets, code_points = tables
            self.rules.pages = &pages[0]
            self.rules.shifts = &shifts[0]
            self.rules.classes = &classes[0]
            self.rules.offsets = &offsets[0]
            self.rules.code_points = &code_points[0]
        if composing is not None:
            pages, classes = composing
            self.rules.composing_pages = &pages[0]
            self.rules.composing = &classes[0]

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
    ) noexcept nogil:
        cdef int status
        status = normalize(&self.rules, data, length, encoding, &scratch.text)
        if status != DONE:
            return status
        if self.kind == PIECES:
            return tokens_of_pieces(self.trie, scratch, self.is_careful, tokens)
        if self.kind == WORDS and scratch.text.has_clusters:
            return tokens_of_clusters(
                &scratch.text,
                self.min_length,
                self.n_stop_words,
                words,
                grow,
                tokens,
                self.rest,
                scratch,
                rest_found,
            )
        if self.kind == WORDS:
            return tokens_of_words(
                &scratch.text,
                &scratch.bounds,
                self.min_length,
                self.n_stop_words,
                words,
                grow,
                tokens,
                self.rest,
                scratch,
                rest_found,
            )
        return tokens_of_characters(
            &scratch.text, self.kind == CHARACTERS_IN_WORDS, words, grow, tokens
        )


cdef class TokenStream:
    """The tokens of a range of documents, one document after the other."""

    def __cinit__(self):
        memset(&self.tokens, 0, sizeof(numbers))
        memset(&self.rest, 0, sizeof(rest_tokens))
        self.ends = self.rest_ends = NULL
        self.ends_capacity = 0

    def __init__(self):
        self.scratch = Scratch()
        self.scratch.inner = Scratch()

    def __dealloc__(self):
        free(self.tokens.values)
        free(self.rest.pieces.values)
        free(self.rest.places.values)
        free(self.ends)
        free(self.rest_ends)

    def __len__(self):
        return self.tokens.length

    def read(
        self,
        Analysis analysis,
        WordTable table,
        bint grow,
        const uintptr_t[::1] addresses,
        const int64_t[::1] lengths,
        const uint8_t[::1] encodings,
        int64_t[::1] ends,
        int64_t[::1] rest_ends=None,
    ):
        """Add the tokens of documents.

        Parameters
        ----------
        analysis : Analysis
            The rules for tokens.
        table : WordTable
            Numbers of the words.
        grow : bool
            Whether to add new words to the table; if not, they are UNKNOWN.
        addresses, lengths, encodings : memoryviews of shape (n_documents,)
            The documents, from `string_buffers`.
        ends : memoryview of shape (n_documents,)
            Overwritten with the end of the tokens of each document in this stream.
        rest_ends : memoryview of shape (n_documents,), or None
            Overwritten with the end of the pieces of the rest of each document.

        Returns
        -------
        tuple of (int, str or None)
            The number of documents read, and the reason to stop, one of the values of
            `STATUSES`.
        """
        cdef int64_t n = ends.shape[0], n_read
        cdef int64_t *rest_ends_or_null = NULL
        cdef int status = DONE
        if grow and table.is_view:
            raise ValueError("a table that uses other words cannot grow")
        if n == 0:
            return 0, None
        if rest_ends is not None:
            rest_ends_or_null = &rest_ends[0]
        with nogil:
            n_read = self.read_into(
                analysis,
                table,
                grow,
                n,
                &addresses[0],
                &lengths[0],
                &encodings[0],
                &ends[0],
                rest_ends_or_null,
                &status,
            )
        return n_read, STATUSES.get(status)

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
    ) noexcept nogil:
        """Read documents up to the first that cannot be read; return their number."""
        cdef int64_t i, begin, rest_begin
        for i in range(n):
            begin, rest_begin = self.tokens.length, self.rest.pieces.length
            status[0] = analysis.tokenize(
                self.scratch,
                <const void *>addresses[i],
                lengths[i],
                encodings[i],
                &table.words,
                grow,
                &self.tokens,
                &self.rest,
            )
            if status[0] != DONE:
                # Remove the tokens of a document that was not read to its end.
                self.tokens.length = begin
                self.rest.pieces.length = self.rest.places.length = rest_begin
                return i
            ends[i] = self.tokens.length
            if rest_ends != NULL:
                rest_ends[i] = self.rest.pieces.length
        return n

    cdef int64_t read_documents(
        self,
        Analysis analysis,
        WordTable table,
        int64_t n,
        const uintptr_t *addresses,
        const int64_t *lengths,
        const uint8_t *encodings,
        int *status,
    ) noexcept nogil:
        """Read documents into an empty stream, which keeps their ends."""
        self.remove_tokens()
        if n > self.ends_capacity:
            free(self.ends)
            free(self.rest_ends)
            self.ends = <int64_t *>malloc(n * sizeof(int64_t))
            self.rest_ends = <int64_t *>malloc(n * sizeof(int64_t))
            self.ends_capacity = n
            if self.ends == NULL or self.rest_ends == NULL:
                self.ends_capacity = 0
                status[0] = NO_MEMORY
                return 0
        return self.read_into(
            analysis,
            table,
            False,
            n,
            addresses,
            lengths,
            encodings,
            self.ends,
            self.rest_ends,
            status,
        )

    cdef void remove_tokens(self) noexcept nogil:
        self.tokens.length = 0
        self.rest.pieces.length = self.rest.places.length = 0

    def clear(self):
        """Remove the tokens; keep the memory and the pieces of known words."""
        self.remove_tokens()

    @property
    def n_rest(self):
        """Number of pieces of the rest of all documents."""
        return self.rest.pieces.length

    def n_bytes(self):
        """Size of the allocated memory."""
        n_numbers = self.tokens.capacity + self.rest.pieces.capacity
        n_numbers += self.rest.places.capacity
        n_bytes = n_numbers * sizeof(uint32_t)
        n_bytes += 2 * self.ends_capacity * sizeof(int64_t)
        return n_bytes + self.scratch.n_bytes() + self.scratch.inner.n_bytes()

    def add(self, const uint32_t[::1] tokens):
        """Add tokens that were found elsewhere."""
        if not reserve(&self.tokens, tokens.shape[0]):
            raise MemoryError("no memory for the tokens")
        if tokens.shape[0]:
            memcpy(
                self.tokens.values + self.tokens.length,
                &tokens[0],
                tokens.shape[0] * sizeof(uint32_t),
            )
        self.tokens.length += tokens.shape[0]

    def copy_tokens(self, uint32_t[::1] out):
        """Write the numbers of all tokens to ``out``."""
        if self.tokens.length:
            memcpy(&out[0], self.tokens.values, self.tokens.length * sizeof(uint32_t))

    def copy_rest(self, uint32_t[::1] pieces, uint32_t[::1] places):
        """Write the pieces of the rest, and the number of words before each piece."""
        cdef size_t n_bytes = self.rest.pieces.length * sizeof(uint32_t)
        if n_bytes:
            memcpy(&pieces[0], self.rest.pieces.values, n_bytes)
            memcpy(&places[0], self.rest.places.values, n_bytes)


def renumber(uint32_t[::1] tokens, const uint32_t[::1] numbers_of):
    """Replace each token t that is a word by ``numbers_of[t]``, in place."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(tokens.shape[0]):
            if tokens[i] < numbers_of.shape[0]:
                tokens[i] = numbers_of[tokens[i]]
            elif tokens[i] < BREAK:
                tokens[i] = UNKNOWN
