"""Tokens to the sums of the first layer, without a matrix: look up, count, weigh, add.

    x_t = tf(count of t) idf(t) (1 + e_t)               for each term t of a document
    h   = s (sum over pieces of x_t W_t + r sum over words of x_t W_t),   s > 0

Here e_t is the mean of profile[p] over the occurrences of t, and p is their place
(terms.pyx). The layer is followed by the division by |h|, so the norm of x is not
computed. If the terms have two parts, which must get the same norm, r is the norm of
the first part divided by the norm of the second. The terms of a document are added in
the order of their first occurrence: first the terms of the first part, then the terms
of the second.

Cost per document: the look-ups of `terms.pyx`, which give weight rows directly, and
the reading of one row for each term, which is bound by the memory. All documents of a
group are looked up before the first row is added, so that rows can be prefetched across
documents.
"""
from libc.math cimport log
from libc.stdint cimport int64_t, uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport free
from libc.string cimport memset

from .layers cimport DenseLayers, HiddenScratch, WeightRows, bring_in_factors
from .terms cimport NO_NORM, TermIndex, row_norm
from .tokens cimport DONE, Analysis, TokenStream
from .typedefs cimport float32_t
from .words cimport allocate_table, fetch, numbers, reserve

from .terms import NORMS
from .tokens import STATUSES

NO_MEMORY_FOR_TERMS = "no memory for the terms of the documents"

# The tokens of documents, one after the other: the end of each document, and the place
# of each token; NULL means their own order.
cdef struct part_of_text:
    const uint32_t *tokens
    int64_t n_tokens
    const int64_t *ends
    const uint32_t *places

# What a row needs when a document is counted and weighed. A document finds it in one
# line of the cache: three arrays would cost three misses.
cdef struct row_facts:
    uint32_t place
    float32_t idf
    float32_t scale
    uint32_t unused

cdef enum:
    # Documents of a group, and number of terms from which on a group is full.
    GROUP_DOCUMENTS = 64
    GROUP_TERMS = 8192
    LAST_NUMBER = 0xFFFFFFFF


cdef class TermWeighing:
    """The weighing that turns the counts of a document into its values.

    Parameters
    ----------
    idf : memoryview of shape (n_rows,)
        Inverse document frequency of the term of each weight row.
    tf : memoryview of shape (n_counts,)
        Table of term frequencies by count.
    binary, sublinear_tf : bool
        Formula of the term frequency for counts beyond the table.
    norm : {'l1', 'l2', None}
        Norm of each part of a row.
    profile : memoryview of shape (n_places,), or None
        Extra weight of an occurrence by its place; None means none.
    """
    cdef const float32_t[::1] idf
    cdef const float32_t[::1] tf
    cdef const float32_t[::1] profile
    cdef bint binary, sublinear_tf
    cdef int norm

    def __init__(
        self,
        const float32_t[::1] idf,
        const float32_t[::1] tf,
        bint binary,
        bint sublinear_tf,
        norm,
        const float32_t[::1] profile=None,
    ):
        self.idf, self.tf, self.profile = idf, tf, profile
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
        const uint32_t *counts,
        const float32_t *idf,
        const float32_t *extras,
        float32_t *values,
    ) noexcept nogil:
        """Compute the values of n terms; the first n_first are of the first part."""
        cdef int64_t k
        cdef double first, second
        cdef float32_t ratio
        for k in range(n):
            values[k] = self.term_frequency(counts[k]) * idf[k]
        if self.profile is not None:
            for k in range(n):
                values[k] *= 1 + extras[k] / <float32_t>counts[k]
        if n_first == n or self.norm == NO_NORM:
            return
        first = row_norm(values, n_first, self.norm)
        second = row_norm(values + n_first, n - n_first, self.norm)
        if first > 0 and second > 0:
            ratio = <float32_t>(first / second)
            for k in range(n_first, n):
                values[k] *= ratio


cdef class Scratch:
    """Scratch memory of one thread, kept from call to call.

    Each distinct term of each document has a unique number, its place. The facts of a
    row hold the number of its last place. If this number is below all numbers of the
    current document, the row is new in this document. So a new row is found without a
    search, and nothing is cleared between documents.

    Parameters
    ----------
    weighing : TermWeighing
        The weighing of counts.
    weights : WeightRows
        Weights of the first layer, with a row for each value of ``weighing.idf``.

    Attributes
    ----------
    next_number : int
        Number of the first place of the next document.
    """
    cdef TermWeighing weighing
    cdef WeightRows weights
    cdef int64_t n_rows
    cdef row_facts *facts
    # It begins with 1, because the places of the facts begin with zeros.
    cdef public uint32_t next_number
    # Weight rows of one part of a document, one for each place in the text.
    cdef numbers found, places
    # The distinct rows of a document: their counts, the sums of their extra weights,
    # their idf, and the factors of their weights.
    cdef numbers counts, extras, idf, scales
    # The distinct rows of all documents of a group, and their values.
    cdef numbers rows, values
    cdef int64_t ends[GROUP_DOCUMENTS]

    def __cinit__(self, TermWeighing weighing, WeightRows weights):
        cdef int64_t i
        cdef bint has_scales = weights.scales != NULL
        memset(&self.found, 0, sizeof(numbers))
        memset(&self.places, 0, sizeof(numbers))
        memset(&self.counts, 0, sizeof(numbers))
        memset(&self.extras, 0, sizeof(numbers))
        memset(&self.idf, 0, sizeof(numbers))
        memset(&self.scales, 0, sizeof(numbers))
        memset(&self.rows, 0, sizeof(numbers))
        memset(&self.values, 0, sizeof(numbers))
        self.weighing, self.weights = weighing, weights
        self.n_rows = weights.n_features
        self.next_number = 1
        if weighing.idf.shape[0] != self.n_rows:
            raise ValueError("weighing must have an idf for each row of weights")
        self.facts = <row_facts *>allocate_table(
            max(self.n_rows, 1) * sizeof(row_facts)
        )
        if self.facts == NULL:
            raise MemoryError("no memory for the terms of the documents")
        for i in range(self.n_rows):
            self.facts[i].place = self.facts[i].unused = 0
            self.facts[i].idf = weighing.idf[i]
            self.facts[i].scale = weights.scales[i] if has_scales else 1

    def __dealloc__(self):
        free(self.facts)
        free(self.found.values)
        free(self.places.values)
        free(self.counts.values)
        free(self.extras.values)
        free(self.idf.values)
        free(self.scales.values)
        free(self.rows.values)
        free(self.values.values)

    def n_bytes(self):
        """Size of the buffers that grow with the documents."""
        capacity = self.found.capacity + self.places.capacity
        capacity += self.counts.capacity + self.extras.capacity
        capacity += self.idf.capacity + self.scales.capacity
        capacity += self.rows.capacity + self.values.capacity
        return capacity * sizeof(uint32_t)

    def clear(self):
        """Remove the documents of the last call; keep the memory."""
        self.rows.length = 0

    cdef void begin_document(self) noexcept nogil:
        """Start again at number 1 if the numbers could run out within a document."""
        cdef int64_t i
        if self.next_number > LAST_NUMBER - self.n_rows:
            for i in range(self.n_rows):
                self.facts[i].place = 0
            self.next_number = 1

    cdef int64_t merge(self, int64_t k) noexcept nogil:
        """Count the rows found, in a document that has k distinct rows so far.

        Return the new number of distinct rows, or -1 if memory is out. New rows are
        added in the order of their first places. New and known rows take the same
        instructions, because the processor would mispredict a branch too often.
        """
        cdef int64_t i, place, n = self.found.length
        # Most terms of a long document repeat: at most n_rows are distinct. One place
        # after the last is written, too.
        cdef int64_t most = k + min(n, self.n_rows) + 1
        cdef uint32_t first = self.next_number
        cdef row_facts *facts
        cdef uint32_t *rows
        cdef uint32_t *counts
        cdef float32_t *extras
        cdef float32_t *idf
        cdef float32_t *scales
        cdef const uint32_t *found = self.found.values
        cdef const uint32_t *places = self.places.values
        cdef const float32_t[::1] profile = self.weighing.profile
        cdef bint is_new, has_profile = profile is not None
        if not (
            reserve(&self.rows, most)
            and reserve(&self.counts, most)
            and reserve(&self.extras, most)
            and reserve(&self.idf, most)
            and reserve(&self.scales, most)
        ):
            return -1
        rows = self.rows.values + self.rows.length
        counts = self.counts.values
        extras = <float32_t *>self.extras.values
        idf = <float32_t *>self.idf.values
        scales = <float32_t *>self.scales.values
        for i in range(n):
            fetch(&self.facts[found[i]])
        for i in range(n):
            facts = &self.facts[found[i]]
            is_new = facts.place < first
            place = k if is_new else facts.place - first
            counts[k] = 0
            rows[place] = found[i]
            counts[place] += 1
            idf[place] = facts.idf
            scales[place] = facts.scale
            facts.place = first + <uint32_t>place
            if has_profile:
                extras[k] = 0
                if places[i] < profile.shape[0]:
                    extras[place] += profile[places[i]]
            k += is_new
        self.found.length = self.places.length = 0
        return k

    cdef bint add_part(
        self,
        TermIndex index,
        const part_of_text *part,
        Py_ssize_t document,
        int64_t *n_terms,
    ) noexcept nogil:
        """Add the terms of one part of a document; return 0 if memory is out."""
        cdef int64_t begin = part.ends[document - 1] if document > 0 else 0
        cdef int64_t i
        if part.ends[document] == begin:
            return True
        if not index.collect(
            part.tokens + begin,
            part.ends[document] - begin,
            part.n_tokens - begin,
            &self.found,
            &self.places,
            <const char *>self.facts,
            sizeof(row_facts),
        ):
            return False
        if part.places != NULL:
            for i in range(self.places.length):
                self.places.values[i] = part.places[begin + self.places.values[i]]
        n_terms[0] = self.merge(n_terms[0])
        return n_terms[0] >= 0

    cdef bint end_document(self, int64_t n_terms, int64_t n_first) noexcept nogil:
        """Weigh the terms of a document; return 0 if memory is out."""
        cdef float32_t *values
        self.values.length = self.rows.length
        if not reserve(&self.values, n_terms):
            return False
        values = <float32_t *>self.values.values + self.rows.length
        self.weighing.weigh(
            n_terms,
            n_first,
            self.counts.values,
            <float32_t *>self.idf.values,
            <float32_t *>self.extras.values,
            values,
        )
        bring_in_factors(n_terms, <float32_t *>self.scales.values, values)
        self.rows.length += n_terms
        self.next_number += <uint32_t>n_terms
        return True


def project_tokens(
    Scratch scratch,
    tuple indexes,
    tuple tokens,
    tuple ends,
    Py_ssize_t first,
    float32_t[:, ::1] out,
    const uint32_t[::1] first_places=None,
):
    """Write the sums of the first layer for documents whose tokens are known.

    Parameters
    ----------
    scratch : Scratch
        Holds the weighing and the weights; no other thread may use it at the same time.
    indexes : tuple of TermIndex
        One or two sets of terms; their columns are rows of the weights.
    tokens : tuple of memoryviews of shape (n_tokens,)
        For each set, the numbers of the tokens in its table of words.
    ends : tuple of memoryviews of shape (n_documents,)
        For each set, the end of the tokens of each document.
    first : int
        Number of the first document to write.
    out : memoryview of shape (n_rows, n_units)
        Overwritten with the rows of the n_rows documents from ``first`` on.
    first_places : memoryview of shape (n_tokens,), or None
        Place of each token of the first set; None means their own order.
    """
    cdef Py_ssize_t last = len(indexes) - 1
    cdef const uint32_t[::1] numbers_1 = tokens[0], numbers_2 = tokens[last]
    cdef const int64_t[::1] ends_1 = ends[0], ends_2 = ends[last]
    cdef part_of_text one, other
    cdef TermIndex index_1 = indexes[0], index_2 = indexes[last]
    cdef bint in_memory
    if out.shape[0] == 0 or out.shape[1] == 0:
        return
    one.tokens = &numbers_1[0] if numbers_1.shape[0] else NULL
    one.n_tokens, one.ends, one.places = numbers_1.shape[0], &ends_1[0], NULL
    if first_places is not None and first_places.shape[0]:
        one.places = &first_places[0]
    other.tokens = &numbers_2[0] if numbers_2.shape[0] else NULL
    other.n_tokens, other.ends, other.places = numbers_2.shape[0], &ends_2[0], NULL
    with nogil:
        in_memory = project_documents(
            scratch,
            index_1,
            &one,
            index_2,
            &other if last > 0 else NULL,
            first,
            out.shape[0],
            &out[0, 0],
        )
    if not in_memory:
        raise MemoryError(NO_MEMORY_FOR_TERMS)


cdef bint project_documents(
    Scratch scratch,
    TermIndex first_index,
    const part_of_text *first_part,
    TermIndex second_index,
    const part_of_text *second_part,
    Py_ssize_t first,
    Py_ssize_t n_rows,
    float32_t *out,
) noexcept nogil:
    """Write the sums of the first layer for n_rows documents, from ``first`` on.

    ``second_part`` is NULL if the terms have one part. Return 0 if memory is out.
    """
    cdef Py_ssize_t i = 0, k, n_units = scratch.weights.n_units
    cdef int64_t begin, n_group, n_terms, n_first
    while i < n_rows:
        scratch.rows.length = 0
        n_group = 0
        while (
            n_group < min(GROUP_DOCUMENTS, n_rows - i)
            and scratch.rows.length < GROUP_TERMS
        ):
            k = first + i + n_group
            n_terms = 0
            scratch.begin_document()
            if not scratch.add_part(first_index, first_part, k, &n_terms):
                return False
            n_first = n_terms
            if second_part != NULL and not scratch.add_part(
                second_index, second_part, k, &n_terms
            ):
                return False
            if not scratch.end_document(n_terms, n_first):
                return False
            scratch.ends[n_group] = scratch.rows.length
            n_group += 1
        begin = 0
        for k in range(n_group):
            scratch.weights.project(
                scratch.ends[k] - begin,
                scratch.rows.length - begin,
                scratch.rows.values + begin,
                <float32_t *>scratch.values.values + begin,
                out + (i + k) * n_units,
            )
            begin = scratch.ends[k]
        i += n_group
    return True


cdef class RangeScratch:
    """What a thread needs for a range of documents, kept from call to call.

    Parameters
    ----------
    stream : TokenStream
        Reads the documents.
    terms : Scratch
        Counts and weighs their terms.
    """
    cdef TokenStream stream
    cdef readonly Scratch terms
    cdef HiddenScratch hidden

    def __init__(self, TokenStream stream, Scratch terms):
        self.stream, self.terms = stream, terms
        self.hidden = HiddenScratch()

    def n_bytes(self):
        """Size of the largest part of the memory that grows with the documents."""
        return max(
            self.stream.n_bytes(), self.terms.n_bytes(), self.hidden.n_bytes()
        )

    def clear(self):
        """Remove the documents of the last call; keep the memory."""
        self.stream.clear()
        self.terms.clear()


def embed_range(
    RangeScratch scratch,
    tuple indexes,
    Analysis analysis,
    DenseLayers layers,
    documents,
    Py_ssize_t start,
    Py_ssize_t stop,
    Py_ssize_t rows_at_a_time,
    float32_t[:, ::1] out,
):
    """Write the unit vectors of a range of documents, which one analysis reads.

    Parameters
    ----------
    scratch : RangeScratch
        No other thread may use it at the same time.
    indexes : tuple of TermIndex
        The terms: words; or word pieces of the rest of the text, and words. Their
        columns are rows of the weights.
    analysis : Analysis
        The rules for words; it has a `Rest` if there are two sets of terms.
    layers : DenseLayers
        The layers after the first.
    documents : tuple of memoryviews of shape (n_documents,)
        Addresses, lengths and encodings, from `string_buffers`.
    start, stop : int
        The range.
    rows_at_a_time : int
        Number of documents that pass the layers together.
    out : memoryview of shape (n_documents, n_components)
        Rows ``start`` to ``stop`` are overwritten, up to the first document that cannot
        be read.

    Returns
    -------
    tuple of (int, str or None)
        The number of documents before that document, and the reason to stop, as in
        `TokenStream.read`.
    """
    cdef const uintptr_t[::1] addresses = documents[0]
    cdef const int64_t[::1] lengths = documents[1]
    cdef const uint8_t[::1] encodings = documents[2]
    cdef TokenStream stream = scratch.stream
    cdef TermIndex first_index = indexes[0], words = indexes[len(indexes) - 1]
    cdef bint has_rest = len(indexes) > 1, in_memory = True
    cdef Py_ssize_t i = start, n, n_units = layers.n_units
    cdef float32_t *hidden
    cdef part_of_text rest, text
    cdef int status = DONE
    if stop > min(addresses.shape[0], lengths.shape[0], encodings.shape[0]):
        raise ValueError("stop is behind the last document")
    if stop > out.shape[0] or out.shape[1] != layers.n_components:
        raise ValueError("the shape of out does not fit the documents and the layers")
    if n_units != scratch.terms.weights.n_units:
        raise ValueError("the shapes of the layers do not fit together")
    if has_rest != (analysis.rest is not None):
        raise ValueError("the analysis must have a Rest if there are two sets of terms")
    if out.shape[1] == 0 or n_units == 0:
        out[start:stop, :] = 0
        return stop - start, None
    with nogil:
        while i < stop and status == DONE:
            n = stream.read_documents(
                analysis,
                words.table,
                min(rows_at_a_time, stop - i),
                &addresses[i],
                &lengths[i],
                &encodings[i],
                &status,
            )
            text.tokens, text.n_tokens = stream.tokens.values, stream.tokens.length
            text.ends, text.places = stream.ends, NULL
            rest.tokens, rest.n_tokens = (
                stream.rest.pieces.values,
                stream.rest.pieces.length,
            )
            rest.ends, rest.places = stream.rest_ends, stream.rest.places.values
            hidden = &out[i, 0]
            if layers.n_layers:
                hidden = scratch.hidden.values(0, n * n_units)
            in_memory = (
                hidden != NULL
                and project_documents(
                    scratch.terms,
                    first_index,
                    &rest if has_rest else &text,
                    words,
                    &text if has_rest else NULL,
                    0,
                    n,
                    hidden,
                )
                and layers.finish(n, hidden, &out[i, 0], scratch.hidden)
            )
            if not in_memory:
                break
            i += n
    if not in_memory:
        raise MemoryError(NO_MEMORY_FOR_TERMS)
    return i - start, STATUSES.get(status)
