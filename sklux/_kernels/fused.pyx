"""Tokens to the first layer's sums: look-up, count, weigh, add; no matrix between.

    x_t = tf(count of t) idf(t)                         for each term t of a document
    h   = s (sum over pieces of x_t W_t + r sum over words of x_t W_t),   s > 0

The layer is followed by the division by |h|, so the norm of x is not computed; where
the terms are of two parts, each of which is to have the same norm, r is the ratio of
the norm of the first to that of the second. The terms of a document are added in the
order in which they first occur in it, those of the first part before those of the
second.

Cost per document: the look-ups of `_terms.pyx`, which give weight rows at once, then
the reading of one row a term, which is bound by the memory. The documents of a group
are looked up before the first of their rows is added, so that rows can be asked for
early, across documents.
"""
from libc.math cimport log
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from .layers cimport WeightRows
from .terms cimport NO_NORM, TermIndex, row_norm
from .typedefs cimport float32_t
from .words cimport fetch, numbers, reserve

from .terms import NORMS

cdef enum:
    # Documents of a group; and terms after which no document is added to it.
    GROUP_DOCUMENTS = 64
    GROUP_TERMS = 8192
    LAST_NUMBER = 0xFFFFFFFF


cdef class TermWeighing:
    """How the counts of a document become its values.

    Parameters
    ----------
    idf : memoryview of shape (n_rows,)
        Inverse document frequency of the term of each weight row.
    tf : memoryview of shape (n_counts,)
        Term frequency by count, as far as it is tabulated.
    binary, sublinear_tf : bool
        What it is beyond.
    norm : {'l1', 'l2', None}
        Norm of each part of a row.
    """
    cdef const float32_t[::1] idf
    cdef const float32_t[::1] tf
    cdef bint binary, sublinear_tf
    cdef int norm

    def __init__(
        self,
        const float32_t[::1] idf,
        const float32_t[::1] tf,
        bint binary,
        bint sublinear_tf,
        norm,
    ):
        self.idf, self.tf = idf, tf
        self.binary, self.sublinear_tf = binary, sublinear_tf
        self.norm = NORMS[norm]

    cdef inline float32_t term_frequency(self, uint32_t count) noexcept nogil:
        if count < self.tf.shape[0]:
            return self.tf[count]
        if self.binary:
            return 1
        return <float32_t>(1 + log(<double>count)) if self.sublinear_tf else count

    cdef void weigh(
        self,
        int64_t n,
        int64_t n_first,
        const uint32_t *rows,
        const uint32_t *counts,
        float32_t *values,
    ) noexcept nogil:
        """Values of a document of n terms, of which some are of the first part."""
        cdef int64_t k
        cdef double first, second
        cdef float32_t ratio
        for k in range(n):
            values[k] = self.term_frequency(counts[k]) * self.idf[rows[k]]
        if n_first == n or self.norm == NO_NORM:
            return
        first = row_norm(values, n_first, self.norm)
        second = row_norm(values + n_first, n - n_first, self.norm)
        if first > 0 and second > 0:
            ratio = <float32_t>(first / second)
            for k in range(n_first, n):
                values[k] *= ratio


cdef class Room:
    """Memory of one thread, kept from call to call.

    Every place of a document's terms has a number of its own, and ``seen`` holds for
    each weight row the number of its last place. A number below those of the present
    document is from another: so a row is known or new without a search, and nothing
    has to be cleared between documents.

    Parameters
    ----------
    n_rows : int
        Number of weight rows.

    Attributes
    ----------
    next_number : int
        Number of the first place of the next document.
    """
    cdef int64_t n_rows
    cdef uint32_t *seen
    # `seen` begins with zeros, so this does with 1.
    cdef public uint32_t next_number
    # Weight rows of one part of a document, one for each place in the text.
    cdef numbers found
    # The distinct rows of all documents of a group, how often each was found, and
    # its value.
    cdef numbers rows, counts, values
    cdef int64_t ends[GROUP_DOCUMENTS]

    def __cinit__(self, int64_t n_rows):
        memset(&self.found, 0, sizeof(numbers))
        memset(&self.rows, 0, sizeof(numbers))
        memset(&self.counts, 0, sizeof(numbers))
        memset(&self.values, 0, sizeof(numbers))
        self.n_rows = n_rows
        self.next_number = 1
        self.seen = <uint32_t *>calloc(max(n_rows, 1), sizeof(uint32_t))
        if self.seen == NULL:
            raise MemoryError("no memory for the terms of the documents")

    def __dealloc__(self):
        free(self.seen)
        free(self.found.values)
        free(self.rows.values)
        free(self.counts.values)
        free(self.values.values)

    def n_bytes(self):
        """Size of the memory that grows with the documents."""
        capacity = self.found.capacity + self.rows.capacity
        capacity += self.counts.capacity + self.values.capacity
        return capacity * sizeof(uint32_t)

    def clear(self):
        """Forget the documents of the last call."""
        self.rows.length = 0

    cdef void begin_document(self) noexcept nogil:
        """Take care that numbers do not run out within a document."""
        if self.next_number > LAST_NUMBER - self.n_rows:
            memset(self.seen, 0, self.n_rows * sizeof(uint32_t))
            self.next_number = 1

    cdef int64_t merge(self, int64_t k) noexcept nogil:
        """Count the rows found in a document that has k others; how many there are.

        New rows are added in the order of their first places. New and known ones take
        the same instructions: a branch would be guessed wrong too often. -1: memory is
        out.
        """
        cdef int64_t i, place, n = self.found.length
        cdef uint32_t row, first = self.next_number
        cdef uint32_t *rows
        cdef uint32_t *counts
        cdef const uint32_t *found = self.found.values
        cdef bint is_new
        # Of a long document most terms repeat. One place more is written.
        if not (
            reserve(&self.rows, k + min(n, self.n_rows) + 1)
            and reserve(&self.counts, k + min(n, self.n_rows) + 1)
        ):
            return -1
        rows = self.rows.values + self.rows.length
        counts = self.counts.values
        for i in range(n):
            fetch(&self.seen[found[i]])
        for i in range(n):
            row = found[i]
            is_new = self.seen[row] < first
            place = k if is_new else self.seen[row] - first
            counts[k] = 0
            rows[place] = row
            counts[place] += 1
            self.seen[row] = first + <uint32_t>place
            k += is_new
        self.found.length = 0
        return k

    cdef bint add_part(
        self,
        TermIndex index,
        const uint32_t[::1] tokens,
        const int64_t[::1] ends,
        Py_ssize_t document,
        int64_t *n_terms,
    ) noexcept nogil:
        """Add the terms of one part of a document; 0 when memory is out."""
        cdef int64_t begin = ends[document - 1] if document > 0 else 0
        if ends[document] == begin:
            return True
        if not index.collect(
            &tokens[begin],
            ends[document] - begin,
            tokens.shape[0] - begin,
            &self.found,
        ):
            return False
        n_terms[0] = self.merge(n_terms[0])
        return n_terms[0] >= 0

    cdef bint end_document(
        self, TermWeighing weighing, int64_t n_terms, int64_t n_first
    ) noexcept nogil:
        """Weigh the terms of a document; 0 when memory is out."""
        self.values.length = self.rows.length
        if not reserve(&self.values, n_terms):
            return False
        weighing.weigh(
            n_terms,
            n_first,
            self.rows.values + self.rows.length,
            self.counts.values,
            <float32_t *>self.values.values + self.rows.length,
        )
        self.rows.length += n_terms
        self.next_number += <uint32_t>n_terms
        return True


def project_tokens(
    Room room,
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
    room : Room
        For as many rows as ``weights`` has; no other thread has it meanwhile.
    indexes : tuple of TermIndex
        One or two sets of terms; their columns are rows of ``weights``.
    tokens : tuple of memoryviews of shape (n_tokens,)
        For each set, the numbers of the tokens in its table of words.
    ends : tuple of memoryviews of shape (n_documents,)
        Where the tokens of each document end.
    first : int
        The first of the documents to write.
    weighing : TermWeighing
        How counts become values.
    weights : WeightRows
        Weights of the layer.
    out : memoryview of shape (n_rows, n_units)
        Overwritten with the rows of documents ``first`` to ``first + n_rows``.
    """
    cdef Py_ssize_t i = 0, k, last = len(indexes) - 1, n_rows = out.shape[0]
    cdef TermIndex first_index = indexes[0], second_index = indexes[last]
    cdef const uint32_t[::1] first_tokens = tokens[0], second_tokens = tokens[last]
    cdef const int64_t[::1] first_ends = ends[0], second_ends = ends[last]
    cdef int64_t begin, n_group, n_terms, n_first
    cdef bint in_memory = True
    if out.shape[1] == 0:
        return
    with nogil:
        while i < n_rows and in_memory:
            room.rows.length = 0
            n_group = 0
            while (
                n_group < min(GROUP_DOCUMENTS, n_rows - i)
                and room.rows.length < GROUP_TERMS
                and in_memory
            ):
                k = first + i + n_group
                n_terms = 0
                room.begin_document()
                in_memory = room.add_part(
                    first_index, first_tokens, first_ends, k, &n_terms
                )
                n_first = n_terms
                if in_memory and last > 0:
                    in_memory = room.add_part(
                        second_index, second_tokens, second_ends, k, &n_terms
                    )
                in_memory = in_memory and room.end_document(weighing, n_terms, n_first)
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
