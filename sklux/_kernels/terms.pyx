"""Documents to rows of a term matrix: look up, count, weigh.

    count(t, d) = number of times that term t occurs in document d
    x(t, d) = tf(count(t, d)) idf(t) (1 + mean of profile[p] over its occurrences)
    X(t, d) = x(t, d) / |x(d)|          norm 'l2' or 'l1', or no division

The profile is the extra weight of an occurrence by its place p in the document, the
number of tokens before it (before the last token of an n-gram). It is zero beyond its
end; TF-IDF has an empty profile.

Terms are n-grams, stored as paths of words (tables.h). A look-up starts at the word at
a place, and follows one step after the other until a step is missing. The columns of a
document are then sorted, and equal columns are counted. Sums run in ascending order of
the columns, in double precision, so that the weights have the same bits as
scikit-learn's.

Cost per document: one look-up for each token and order, bound by the latency of the
caches; 4 cycles per term for the sort, and the same for the weights.
"""
from cython cimport floating
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from .typedefs cimport float32_t, index_t
from .words cimport (
    BREAK,
    UNKNOWN,
    WordTable,
    add_step,
    add_word,
    check_steps,
    check_words,
    copy_steps,
    fetch,
    longest_run_of_steps,
    make_steps,
    mix,
    numbers,
    reserve,
    set_seed,
    shift_for,
    step_key,
    step_slot,
    step_slot_of,
    step_table,
    view_steps,
    word_key,
)

cdef extern from "sort.h" nogil:
    void sort_columns "sklux_sort_columns"(uint32_t *, uint32_t *, int64_t, int)

cdef extern from "text.h" nogil:
    int char_length "sklux_char_length"(uint8_t)

cdef enum:
    # Tokens between the prefetch for a look-up and the look-up.
    AHEAD = 32
    # The largest count that 16 bits hold.
    MAX_SMALL = 65535

NORMS = {None: NO_NORM, "l1": L1, "l2": L2}
# A term is cut into words at blanks, after each character, or not at all.
SPLITS = {"blanks": 0, "characters": 1, "whole": 2}


cdef class TermIndex:
    """The terms of a fitted vocabulary, ready for look-up.

    Parameters
    ----------
    split : {'blanks', 'characters', 'whole'}
        Places where a term is cut into words.
    stop_arena, stop_offsets : memoryviews
        Stop words; they get the first numbers of the table.
    arena : memoryview of shape (n_bytes + ARENA_PADDING,)
        The bytes of all terms.
    offsets : memoryview of shape (n_terms + 1,)
        Term i is ``arena[offsets[i]:offsets[i + 1]]``.
    columns : memoryview of shape (n_terms,)
        Column of each term.
    order : memoryview of shape (n_terms,)
        Order in which the terms are added. The first terms are found fastest, and
        their data is close together in memory.
    ngram_range : tuple of (int, int)
        Least and greatest number of words of an n-gram.
    whole_segments : bool
        Whether a segment shorter than the shortest n-gram counts as a whole.
    """

    def __cinit__(self):
        self.table = WordTable()
        self.is_view = False
        memset(&self.steps, 0, sizeof(step_table))
        set_seed(self.steps.seed)
        memset(&self.word_columns, 0, sizeof(numbers))

    def __dealloc__(self):
        if not self.is_view:
            free(self.steps.slots)
        free(self.word_columns.values)

    def __init__(
        self,
        str split,
        const uint8_t[::1] stop_arena,
        const int64_t[::1] stop_offsets,
        const uint8_t[::1] arena,
        const int64_t[::1] offsets,
        const int32_t[::1] columns,
        const int64_t[::1] order,
        tuple ngram_range,
        bint whole_segments,
    ):
        cdef Py_ssize_t k
        cdef int64_t i, length
        cdef int n_words
        cdef const uint8_t *term
        cdef bint in_memory = True
        self.split = SPLITS[split]
        self.min_n, self.max_n = ngram_range
        self.whole_segments = whole_segments
        if len(self.table):
            raise ValueError("a TermIndex is built once")
        with nogil:
            self.table.add_all(stop_arena, stop_offsets)
            in_memory = make_steps(&self.steps, self.count_steps(arena, offsets))
            # Single words come first: their numbers tell them from the other words.
            for n_words in range(1, 3):
                for k in range(order.shape[0]):
                    i = order[k]
                    if not in_memory:
                        break
                    term, length = &arena[0] + offsets[i], offsets[i + 1] - offsets[i]
                    if (self.word_end(term, length, 0) >= length) == (n_words == 1):
                        in_memory = self.add_term(term, length, columns[i])
                if n_words == 1:
                    self.n_known = self.table.words.n_words
            # Look-ups need a table of columns, even if there are no terms.
            in_memory = in_memory and self.add_columns(&arena[0], 0) != UNKNOWN
            if in_memory:
                check_words(&self.table.words)
                check_steps(&self.steps)
        if not in_memory:
            raise MemoryError("no memory for the table of terms")

    @staticmethod
    def restored(
        str split,
        tuple words,
        const uint32_t[::1] columns,
        const uint64_t[:, ::1] slots,
        uint32_t n_known,
        uint32_t n_columns,
        tuple ngram_range,
        bint whole_segments,
    ):
        """Make the index of tables that lie elsewhere, such as in a file.

        Parameters
        ----------
        split, ngram_range, whole_segments
            As for the class.
        words : tuple of three memoryviews, or empty
            The table of words: its slots, of shape (n_slots, 2), its bytes, and the
            offsets of its words, of shape (n_words + 1,), which are not checked. If it
            is empty, only the numbers of words can be read.
        columns : memoryview of shape (n_words,)
            Column of each word, the largest uint32 if it is not a term; copied.
        slots : memoryview of shape (n_slots, 2)
            The table of steps. Like the slots of words, it is checked and not copied.
        n_known : int
            Words with smaller numbers are terms, or stop words.
        n_columns : int
            All columns are smaller.
        """
        cdef TermIndex index = TermIndex.__new__(TermIndex)
        cdef Py_ssize_t i, n_words = columns.shape[0]
        cdef bint fits = n_words > 0
        index.split, index.n_known = SPLITS[split], n_known
        index.min_n, index.max_n = ngram_range
        index.whole_segments = whole_segments
        index.is_view, index.memory = True, slots
        if words:
            word_slots, arena, offsets = words
            index.is_crowded |= index.table.view(word_slots, arena, offsets, words)
            fits = fits and len(index.table) == n_words
        index.is_crowded |= view_steps(&index.steps, slots, n_columns)
        if not reserve(&index.word_columns, n_words):
            raise MemoryError("no memory for the table of terms")
        for i in range(n_words):
            fits = fits and (columns[i] == UNKNOWN or columns[i] < n_columns)
            index.word_columns.values[i] = columns[i]
        index.word_columns.length = n_words
        if not fits:
            raise ValueError("The table of terms is damaged: a column leads outside.")
        return index

    @property
    def n_words(self):
        """Number of words with a place in the table of columns."""
        return self.word_columns.length

    @property
    def n_slots(self):
        """Number of slots of steps that `copy_tables` writes."""
        return 1 << (64 - shift_for(self.steps.n_steps))

    @property
    def is_seeded(self):
        """Whether the steps collided, so that their slots depend on the process."""
        return self.steps.is_seeded != 0

    @property
    def longest_run(self):
        """Length of the longest run of used slots of steps."""
        return longest_run_of_steps(&self.steps)

    def copy_tables(self, uint32_t[::1] columns, uint64_t[:, ::1] slots):
        """Write the columns of the first words, and the table of steps.

        Return whether the table is of use: steps that collide do not fit.
        """
        cdef Py_ssize_t i
        for i in range(columns.shape[0]):
            columns[i] = self.word_columns.values[i]
        return copy_steps(&self.steps, slots) != 0

    cdef int64_t word_end(
        self, const uint8_t *term, int64_t length, int64_t begin
    ) noexcept nogil:
        """End of the word that begins at a place of a term."""
        cdef int64_t end = begin
        if self.split == 1:
            return min(begin + char_length(term[begin]), length)
        if self.split == 2:
            return length
        while end < length and term[end] != 32:
            end += 1
        return end

    cdef uint64_t count_steps(
        self, const uint8_t[::1] arena, const int64_t[::1] offsets
    ) noexcept nogil:
        """Upper bound on the number of steps of all terms."""
        cdef uint64_t n_steps = 0
        cdef int64_t i
        if self.split == 0:
            for i in range(offsets[offsets.shape[0] - 1]):
                n_steps += arena[i] == 32
        elif self.split == 1:
            n_steps = offsets[offsets.shape[0] - 1]
        return n_steps

    cdef uint32_t add_columns(self, const uint8_t *word, int64_t length) noexcept nogil:
        """Number of a word, with a place for it in the table of columns."""
        cdef uint32_t number
        number = add_word(&self.table.words, word, length, word_key(word, length))
        if number == UNKNOWN:
            return UNKNOWN
        while self.word_columns.length <= number:
            if not reserve(&self.word_columns, 1):
                return UNKNOWN
            self.word_columns.values[self.word_columns.length] = UNKNOWN  # -1: none
            self.word_columns.length += 1
        return number

    cdef bint add_term(
        self, const uint8_t *term, int64_t length, int32_t column
    ) noexcept nogil:
        """Make the path of a term; return 0 if memory is out."""
        cdef int64_t begin = 0, end
        cdef uint32_t node, word
        cdef step_slot *step
        end = self.word_end(term, length, begin)
        node = self.add_columns(term, end)
        if node == UNKNOWN:
            return False
        if end >= length:
            self.word_columns.values[node] = <uint32_t>column
            return True
        step = NULL
        while end < length:
            begin = end + (self.split == 0)
            end = self.word_end(term, length, begin)
            word = self.add_columns(term + begin, end - begin)
            if word == UNKNOWN:
                return False
            step = add_step(&self.steps, node, word)
            node = step.node
        step.column = column
        return True

    cdef bint collect(
        self,
        const uint32_t *tokens,
        int64_t n,
        int64_t n_readable,
        numbers *columns,
        numbers *places,
        const char *facts,
        int64_t fact_bytes,
    ) noexcept nogil:
        """Add the columns of all terms among n tokens; return 0 if memory is out.

        The place of a term is the place of its last token. Tokens from n to n_readable
        belong to the next documents, and are only prefetched. If ``facts`` is not NULL,
        it has ``fact_bytes`` bytes for each column, and the facts of each column found
        are prefetched.
        """
        cdef int64_t i, j, last, n_orders, k = 0
        cdef uint32_t node, column
        cdef uint32_t *out
        cdef uint32_t *out_places
        cdef step_slot *step
        # N-grams are not longer than the document.
        n_orders = max(min(<int64_t>self.max_n, n) - self.min_n + 1, 0)
        if not (
            reserve(columns, n * n_orders + 1) and reserve(places, n * n_orders + 1)
        ):
            return False
        out = columns.values + columns.length
        out_places = places.values + columns.length
        for i in range(n):
            if self.max_n > 1 and i + AHEAD + 1 < n_readable:
                fetch(self.steps.slots + (
                    mix(step_key(tokens[i + AHEAD], tokens[i + AHEAD + 1]))
                    >> self.steps.shift
                ))
            node = tokens[i]
            if node >= BREAK:
                continue
            if self.min_n == 1:
                column = self.word_columns.values[node]
                out[k] = column
                out_places[k] = <uint32_t>i
                k += column != UNKNOWN
                if facts != NULL and k > 0:
                    fetch(facts + fact_bytes * <int64_t>out[k - 1])
            last = min(i + self.max_n, n)
            for j in range(i + 1, last):
                if tokens[j] >= BREAK:
                    break
                step = step_slot_of(&self.steps, step_key(node, tokens[j]))
                node = step.node
                if node == UNKNOWN:
                    break
                if j - i + 1 >= self.min_n:
                    out[k] = <uint32_t>step.column
                    out_places[k] = <uint32_t>j
                    k += step.column >= 0
                    if facts != NULL and k > 0:
                        fetch(facts + fact_bytes * <int64_t>out[k - 1])
        columns.length += k
        places.length = columns.length
        if self.whole_segments:
            return self.collect_short_segments(tokens, n, columns, places)
        return True

    cdef bint collect_short_segments(
        self, const uint32_t *tokens, int64_t n, numbers *columns, numbers *places
    ) noexcept nogil:
        """Add each segment shorter than the shortest n-gram, as a whole."""
        cdef int64_t begin = 0, end
        cdef uint32_t column
        while begin < n:
            end = begin
            while end < n and tokens[end] != BREAK:
                end += 1
            if 0 < end - begin < self.min_n:
                column = self.look_up(tokens + begin, end - begin)
                if column != UNKNOWN:
                    if not (reserve(columns, 1) and reserve(places, 1)):
                        return False
                    columns.values[columns.length] = column
                    places.values[columns.length] = <uint32_t>(end - 1)
                    columns.length += 1
                    places.length = columns.length
            begin = end + 1
        return True

    cdef uint32_t look_up(self, const uint32_t *tokens, int64_t n) noexcept nogil:
        """Column of one n-gram; UNKNOWN if it is not a term."""
        cdef uint32_t node = tokens[0], column
        cdef step_slot *step
        cdef int64_t i
        if node == UNKNOWN:
            return UNKNOWN
        column = self.word_columns.values[node]
        for i in range(1, n):
            if tokens[i] == UNKNOWN:
                return UNKNOWN
            step = step_slot_of(&self.steps, step_key(node, tokens[i]))
            node = step.node
            if node == UNKNOWN:
                return UNKNOWN
            column = <uint32_t>step.column
        return column


cdef inline void divide(floating *values, int64_t n, double norm) noexcept nogil:
    """Divide values by their norm; zeros stay zero."""
    cdef int64_t k
    if norm != 0:
        for k in range(n):
            values[k] = <floating>(values[k] / norm)


cdef inline int64_t count_columns(
    const uint32_t *found,
    int64_t n,
    uint32_t *columns,
    uint16_t *counts,
    uint32_t *largest,
) noexcept nogil:
    """Write the distinct columns of a sorted list and their counts; return how many.

    There are no branches: the processor would mispredict them at each repeated term.
    """
    cdef int64_t i, k = -1
    cdef uint32_t column, last = UNKNOWN, count = 0, highest = 0
    for i in range(n):
        column = found[i]
        count = 1 + (count if column == last else 0)
        k += count == 1
        columns[k] = column
        counts[k] = <uint16_t>min(count, <uint32_t>MAX_SMALL)
        last = column
        highest = max(highest, count)
    largest[0] = highest
    return k + 1


cdef void release(numbers *array) noexcept nogil:
    """Free the memory of an array."""
    free(array.values)
    memset(array, 0, sizeof(numbers))


cdef void shrink(numbers *array) noexcept nogil:
    """Free the unused memory of an array."""
    cdef void *smaller
    if array.length:
        smaller = realloc(array.values, array.length * sizeof(uint32_t))
        if smaller != NULL:
            array.values = <uint32_t *>smaller
            array.capacity = array.length


cdef class RowBuilder:
    """Rows of a range of documents: first the counts, then the weights.

    Parameters
    ----------
    n_columns : int
        Number of columns of the matrix.
    profile : memoryview of shape (n_places,), or None
        Extra weight of an occurrence by its place; None means none.
    """
    # Counts are stored in 16 bits, because there are many. Counts that are too large
    # are also in `large`, as pairs of place and count.
    cdef numbers found, places, swap, columns, counts, large
    # With a profile: the mean extra weight of each value, as float32.
    cdef numbers extras
    cdef const float32_t[::1] profile
    cdef int n_bits
    cdef readonly int64_t max_count

    def __cinit__(self, int64_t n_columns, const float32_t[::1] profile=None):
        memset(&self.found, 0, sizeof(numbers))
        memset(&self.places, 0, sizeof(numbers))
        memset(&self.extras, 0, sizeof(numbers))
        memset(&self.swap, 0, sizeof(numbers))
        memset(&self.columns, 0, sizeof(numbers))
        memset(&self.counts, 0, sizeof(numbers))
        memset(&self.large, 0, sizeof(numbers))
        self.max_count = 0
        self.n_bits = 1
        self.profile = profile
        while n_columns >> self.n_bits:
            self.n_bits += 1

    def __dealloc__(self):
        free(self.found.values)
        free(self.places.values)
        free(self.extras.values)
        free(self.swap.values)
        free(self.columns.values)
        free(self.counts.values)
        free(self.large.values)

    def __len__(self):
        return self.columns.length

    def read(
        self,
        tuple indexes,
        tuple tokens,
        tuple ends,
        int64_t[::1] n_terms,
        const uint32_t[::1] first_places=None,
    ):
        """Add the counts of documents whose tokens are known.

        Parameters
        ----------
        indexes : tuple of TermIndex
            One or two sets of terms.
        tokens : tuple of memoryviews of shape (n_tokens,)
            For each set, the numbers of the tokens in its table of words.
        ends : tuple of memoryviews of shape (n_documents,)
            For each set, the end of the tokens of each document.
        n_terms : memoryview of shape (n_documents,)
            Overwritten with the number of distinct terms of each document.
        first_places : memoryview of shape (n_tokens,), or None
            Place of each token of the first set; None means their own order.
        """
        cdef Py_ssize_t i, k, last = len(indexes) - 1
        cdef TermIndex first_index = indexes[0], second_index = indexes[last]
        cdef const uint32_t[::1] first = tokens[0], second = tokens[last]
        cdef const int64_t[::1] first_ends = ends[0], second_ends = ends[last]
        cdef bint has_second = last > 0
        cdef int64_t first_begin = 0, second_begin = 0
        cdef bint in_memory = True
        with nogil:
            for i in range(n_terms.shape[0]):
                self.found.length = self.places.length = 0
                if first_ends[i] > first_begin:
                    in_memory = first_index.collect(
                        &first[first_begin],
                        first_ends[i] - first_begin,
                        first.shape[0] - first_begin,
                        &self.found,
                        &self.places,
                        NULL,
                        0,
                    )
                if first_places is not None:
                    for k in range(self.places.length):
                        self.places.values[k] = first_places[
                            first_begin + self.places.values[k]
                        ]
                if in_memory and has_second and second_ends[i] > second_begin:
                    in_memory = second_index.collect(
                        &second[second_begin],
                        second_ends[i] - second_begin,
                        second.shape[0] - second_begin,
                        &self.found,
                        &self.places,
                        NULL,
                        0,
                    )
                first_begin, second_begin = first_ends[i], second_ends[i]
                in_memory = in_memory and self.add_row(&n_terms[i])
                if not in_memory:
                    break
        if not in_memory:
            raise MemoryError("no memory for the rows of the term matrix")
        # The rows are kept until all documents are read, so they must not waste memory.
        release(&self.found)
        release(&self.places)
        release(&self.swap)
        shrink(&self.columns)
        shrink(&self.counts)
        shrink(&self.extras)

    cdef bint add_row(self, int64_t *n_terms) noexcept nogil:
        """Sort and count the columns found; return 0 if memory is out."""
        cdef int64_t n = self.found.length
        cdef uint32_t *found = self.found.values
        cdef uint32_t largest = 0
        n_terms[0] = 0
        if n == 0:
            return True
        self.swap.length = 0
        if not (
            reserve(&self.swap, n)
            and reserve(&self.columns, n)
            # A number has 32 bits, and holds two counts.
            and reserve(&self.counts, n // 2 + 2)
        ):
            return False
        if self.profile is not None and not reserve(&self.swap, 2 * n):
            return False
        # The columns in the order of the text, behind the scratch memory of the sort.
        memcpy(
            self.swap.values + n,
            found,
            (n if self.profile is not None else 0) * sizeof(uint32_t),
        )
        sort_columns(found, self.swap.values, n, self.n_bits)
        n_terms[0] = count_columns(
            found,
            n,
            self.columns.values + self.columns.length,
            <uint16_t *>self.counts.values + self.columns.length,
            &largest,
        )
        # The table of tf must have an entry for the largest count.
        self.max_count = max(self.max_count, <int64_t>largest)
        if largest > MAX_SMALL and not self.add_large(n):
            return False
        if self.profile is not None and not self.add_extras(n, n_terms[0]):
            return False
        self.columns.length += n_terms[0]
        self.counts.length = self.columns.length // 2 + 1
        return True

    cdef bint add_extras(self, int64_t n, int64_t n_terms) noexcept nogil:
        """Add the mean extra weight of each column of the current row.

        The first n numbers of the swap memory are counters, and the next n the columns
        in the order of the text. Return 0 if memory is out.
        """
        cdef const uint32_t *columns = self.columns.values + self.columns.length
        cdef const uint32_t *found = self.swap.values + n
        cdef uint32_t *counts = self.swap.values
        cdef float32_t *extras
        cdef int64_t i, low, high, middle
        cdef uint32_t place
        if not reserve(&self.extras, n_terms):
            return False
        extras = <float32_t *>self.extras.values + self.extras.length
        memset(extras, 0, n_terms * sizeof(float32_t))
        memset(counts, 0, n_terms * sizeof(uint32_t))
        for i in range(n):
            low, high = 0, n_terms - 1
            while low < high:
                middle = (low + high) // 2
                if columns[middle] < found[i]:
                    low = middle + 1
                else:
                    high = middle
            place = self.places.values[i]
            counts[low] += 1
            if place < self.profile.shape[0]:
                extras[low] += self.profile[place]
        for i in range(n_terms):
            extras[i] /= <float32_t>counts[i]
        self.extras.length += n_terms
        return True

    cdef bint add_large(self, int64_t n) noexcept nogil:
        """Store the large counts of the current row; return 0 if memory is out."""
        cdef int64_t i, place = self.columns.length - 1
        cdef uint32_t count = 0, last = UNKNOWN
        cdef uint32_t *found = self.found.values
        for i in range(n):
            count = 1 + (count if found[i] == last else 0)
            place += count == 1
            last = found[i]
            if count > MAX_SMALL and (i + 1 == n or found[i + 1] != last):
                if not reserve(&self.large, 2):
                    return False
                self.large.values[self.large.length] = <uint32_t>place
                self.large.values[self.large.length + 1] = count
                self.large.length += 2
        return True

    def copy_columns(self, index_t[::1] columns):
        """Write the columns of all rows, one after the other."""
        cdef int64_t i
        with nogil:
            for i in range(self.columns.length):
                columns[i] = self.columns.values[i]

    def copy_counts(self, int64_t[::1] counts):
        """Write the counts of all rows, one after the other."""
        cdef int64_t i
        cdef const uint16_t *small = <const uint16_t *>self.counts.values
        for i in range(self.columns.length):
            counts[i] = small[i]
        for i in range(0, self.large.length, 2):
            counts[self.large.values[i]] = self.large.values[i + 1]

    def weigh(
        self,
        const int64_t[::1] n_terms,
        const floating[::1] tf,
        bint by_count,
        const floating[::1] idf,
        norm,
        uint32_t second_part,
        floating[::1] out,
    ):
        """Write the weights of all rows, one after the other.

        Parameters
        ----------
        n_terms : memoryview of shape (n_documents,)
            Number of terms of each row, from `read`.
        tf : memoryview of shape (max_count + 1,), or of the shape of ``out``
            Term frequency for each count, or for each value. A table by count is
            possible only if ``max_count`` is at most `MAX_SMALL`.
        by_count : bool
            Whether ``tf`` is a table by count.
        idf : memoryview of shape (n_columns,), or empty
            Inverse document frequencies; empty means that all are 1.
        norm : {'l1', 'l2', None}
            Norm of a row.
        second_part : int
            First column of the second part; 0 means that there is one part. Both parts
            of a row get the same norm.
        out : memoryview of shape (n_values,)
            Overwritten.
        """
        cdef int which = NORMS[norm]
        cdef int64_t i, k, begin = 0, end, middle
        cdef floating value
        cdef double first, second
        cdef const uint32_t *columns = self.columns.values
        cdef const uint16_t *counts = <const uint16_t *>self.counts.values
        cdef const float32_t *extras = <const float32_t *>self.extras.values
        cdef bint has_idf = idf.shape[0] > 0, has_profile = self.profile is not None
        with nogil:
            for i in range(n_terms.shape[0]):
                end = begin + n_terms[i]
                for k in range(begin, end):
                    value = tf[counts[k]] if by_count else tf[k]
                    if has_idf:
                        value = value * idf[columns[k]]
                    if has_profile:
                        value = value * (1 + <floating>extras[k])
                    out[k] = value
                if which != NO_NORM and begin < end:
                    middle = begin
                    if second_part:
                        while middle < end and columns[middle] < second_part:
                            middle += 1
                    first = row_norm(&out[0] + begin, middle - begin, which)
                    second = row_norm(&out[0] + middle, end - middle, which)
                    if first != 0 and second != 0:
                        # Two parts of norm 1 have this norm together.
                        first = first * (sqrt(2.0) if which == L2 else 2.0)
                        second = second * (sqrt(2.0) if which == L2 else 2.0)
                    divide(&out[0] + begin, middle - begin, first)
                    divide(&out[0] + middle, end - middle, second)
                begin = end
