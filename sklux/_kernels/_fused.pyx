"""Tokens to the first layer's sums: look-up, count, weigh, add; no matrix between.

    x_t = tf(count of t) idf(t)                         for each term t of a document
    h   = s (sum over pieces of x_t W_t + r sum over words of x_t W_t),   s > 0

The layer is followed by the division by |h|, so the norm of x is not computed; where
the terms are of two parts, each of which is to have the same norm, r is the ratio of
the norm of the first to that of the second. The terms of a document are added in the
order in which they first occur in it, those of the first part before those of the
second.

Cost per document: the look-ups of `_terms.pyx`, then the reading of one weight row a
term, which is bound by the memory. The documents of a group are looked up before the
first of their rows is added, so that rows can be asked for early, across documents.
"""
from libc.math cimport log
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from ._layers cimport WeightRows
from ._terms cimport NO_NORM, TermIndex, row_norm
from ._typedefs cimport float32_t
from ._words cimport fetch, mix, numbers, reserve

from ._terms import NORMS

cdef enum:
    # Documents of a group; and terms after which no document is added to it.
    GROUP_DOCUMENTS = 64
    GROUP_TERMS = 8192

# What is known of a column: its idf, and the row of its weights.
cdef packed struct term_entry:
    float32_t idf
    uint32_t row

# The same for NumPy.
ENTRY_FIELDS = [("idf", "f4"), ("row", "u4")]


cdef class TermWeighing:
    """How the counts of a document become its values.

    Parameters
    ----------
    entries : memoryview of shape (n_columns,), of `ENTRY_FIELDS`
        Inverse document frequency and weight row of each column.
    tf : memoryview of shape (n_counts,)
        Term frequency by count, as far as it is tabulated.
    binary, sublinear_tf : bool
        What it is beyond.
    norm : {'l1', 'l2', None}
        Norm of each part of a row.
    second_part : int
        Column where the second part begins; 0: there is one part.
    """
    cdef const term_entry[::1] entries
    cdef const float32_t[::1] tf
    cdef bint binary, sublinear_tf
    cdef int norm
    cdef uint32_t second_part

    def __init__(
        self,
        const term_entry[::1] entries,
        const float32_t[::1] tf,
        bint binary,
        bint sublinear_tf,
        norm,
        uint32_t second_part,
    ):
        self.entries, self.tf = entries, tf
        self.binary, self.sublinear_tf = binary, sublinear_tf
        self.norm = NORMS[norm]
        self.second_part = second_part

    cdef inline float32_t term_frequency(self, uint32_t count) noexcept nogil:
        if count < self.tf.shape[0]:
            return self.tf[count]
        if self.binary:
            return 1
        return <float32_t>(1 + log(<double>count)) if self.sublinear_tf else count

    cdef void weigh(
        self,
        int64_t n,
        const uint32_t *columns,
        const uint32_t *counts,
        uint32_t *rows,
        float32_t *values,
    ) noexcept nogil:
        """Values and weight rows of one document."""
        cdef int64_t k, middle = 0
        cdef term_entry entry
        cdef double first, second
        cdef float32_t ratio
        for k in range(n):
            entry = self.entries[columns[k]]
            values[k] = self.term_frequency(counts[k]) * entry.idf
            rows[k] = entry.row
        if self.second_part == 0 or self.norm == NO_NORM:
            return
        while middle < n and columns[middle] < self.second_part:
            middle += 1
        first = row_norm(values, middle, self.norm)
        second = row_norm(values + middle, n - middle, self.norm)
        if first > 0 and second > 0:
            ratio = <float32_t>(first / second)
            for k in range(middle, n):
                values[k] *= ratio


cdef int64_t merge_columns(
    const uint32_t *found,
    int64_t n,
    uint32_t *slots,
    int shift,
    uint32_t *columns,
    uint32_t *counts,
) noexcept nogil:
    """Distinct columns in the order of their first places, with counts; how many.

    ``slots`` is a table of 2 ** (64 - shift) zeros, of which at most half are used: a
    slot holds the place of a column in ``columns``, counted from 1. New and known
    columns take the same instructions: a branch would be guessed wrong too often.
    """
    cdef int64_t i, k = 0, place
    cdef uint64_t slot, last = (<uint64_t>1 << (64 - shift)) - 1
    cdef uint32_t column, known
    for i in range(n):
        column = found[i]
        slot = mix(column) >> shift
        known = slots[slot]
        while known != 0 and columns[known - 1] != column:
            slot = (slot + 1) & last
            known = slots[slot]
        place = k if known == 0 else known - 1
        counts[k] = 0 if known == 0 else counts[k]
        columns[place] = column
        counts[place] += 1
        k += known == 0
        slots[slot] = <uint32_t>(place + 1)
    return k


cdef class Room:
    """Memory of one call."""
    cdef numbers found, slots, columns, counts, rows, values
    cdef int64_t ends[GROUP_DOCUMENTS]

    def __cinit__(self):
        memset(&self.found, 0, sizeof(numbers))
        memset(&self.slots, 0, sizeof(numbers))
        memset(&self.columns, 0, sizeof(numbers))
        memset(&self.counts, 0, sizeof(numbers))
        memset(&self.rows, 0, sizeof(numbers))
        memset(&self.values, 0, sizeof(numbers))

    def __dealloc__(self):
        free(self.found.values)
        free(self.slots.values)
        free(self.columns.values)
        free(self.counts.values)
        free(self.rows.values)
        free(self.values.values)

    cdef bint add_document(self, TermWeighing weighing) noexcept nogil:
        """Weigh the columns found; 0 when memory is out."""
        cdef int64_t n = self.found.length, k, n_most
        cdef int shift = 60
        self.found.length = 0
        # Of a long document most terms repeat. One place more is written.
        n_most = min(n, weighing.entries.shape[0]) + 1
        while (<int64_t>1 << (63 - shift)) < n_most:
            shift -= 1
        if not (
            reserve(&self.slots, <int64_t>1 << (64 - shift))
            and reserve(&self.columns, n_most)
            and reserve(&self.counts, n_most)
            and reserve(&self.rows, n_most)
            and reserve(&self.values, n_most)
        ):
            return False
        for k in range(n):
            fetch(&weighing.entries[self.found.values[k]])
        memset(self.slots.values, 0, (<size_t>1 << (64 - shift)) * sizeof(uint32_t))
        n = merge_columns(
            self.found.values,
            n,
            self.slots.values,
            shift,
            self.columns.values,
            self.counts.values,
        )
        weighing.weigh(
            n,
            self.columns.values,
            self.counts.values,
            self.rows.values + self.rows.length,
            <float32_t *>self.values.values + self.rows.length,
        )
        self.rows.length += n
        self.values.length += n
        return True


def project_tokens(
    tuple indexes,
    tuple tokens,
    tuple ends,
    Py_ssize_t first,
    TermWeighing weighing,
    WeightRows weights,
    float32_t[:, ::1] out,
):
    """Write the first layer's sums of documents whose tokens are known.

    Parameters
    ----------
    indexes : tuple of TermIndex
        One or two sets of terms.
    tokens : tuple of memoryviews of shape (n_tokens,)
        For each set, the numbers of the tokens in its table of words.
    ends : tuple of memoryviews of shape (n_documents,)
        Where the tokens of each document end.
    first : int
        The first of the documents to write.
    weighing : TermWeighing
        How counts become values.
    weights : WeightRows
        Weights of the layer; the rows that ``weighing`` names are there.
    out : memoryview of shape (n_rows, n_units)
        Overwritten with the rows of documents ``first`` to ``first + n_rows``.
    """
    cdef Py_ssize_t i = 0, k, last = len(indexes) - 1, n_rows = out.shape[0]
    cdef TermIndex first_index = indexes[0], second_index = indexes[last]
    cdef const uint32_t[::1] first_tokens = tokens[0], second_tokens = tokens[last]
    cdef const int64_t[::1] first_ends = ends[0], second_ends = ends[last]
    cdef int64_t begin, n_group
    cdef bint in_memory = True
    cdef Room room = Room()
    if out.shape[1] == 0:
        return
    with nogil:
        while i < n_rows and in_memory:
            room.rows.length = room.values.length = 0
            n_group = 0
            while (
                n_group < min(GROUP_DOCUMENTS, n_rows - i)
                and room.rows.length < GROUP_TERMS
                and in_memory
            ):
                k = first + i + n_group
                in_memory = collect(
                    first_index, first_tokens, first_ends, k, &room.found
                )
                if in_memory and last > 0:
                    in_memory = collect(
                        second_index, second_tokens, second_ends, k, &room.found
                    )
                in_memory = in_memory and room.add_document(weighing)
                room.ends[n_group] = room.rows.length
                n_group += 1
            begin = 0
            for k in range(n_group if in_memory else 0):
                weights.project(
                    room.ends[k] - begin,
                    room.rows.length - begin,
                    room.rows.values + begin,
                    <float32_t *>room.values.values + begin,
                    &out[i + k, 0],
                )
                begin = room.ends[k]
            i += n_group
    if not in_memory:
        raise MemoryError("no memory for the terms of the documents")


cdef bint collect(
    TermIndex index,
    const uint32_t[::1] tokens,
    const int64_t[::1] ends,
    Py_ssize_t document,
    numbers *found,
) noexcept nogil:
    """Add the columns of one document; 0 when memory is out."""
    cdef int64_t begin = ends[document - 1] if document > 0 else 0
    if ends[document] == begin:
        return True
    return index.collect(
        &tokens[begin], ends[document] - begin, tokens.shape[0] - begin, found
    )
