"""Counts of all n-grams of a corpus: the second half of the lexical fit.

    tf(g) = number of times that g occurs
    df(g) = number of documents that g occurs in

An n-gram is an (n - 1)-gram, its prefix, and one more word. So each order is counted
exactly, with keys of 64 bits. The work is divided by the first word of the n-grams: one
thread counts all n-grams whose first word is in one range of words. The n-grams of all
ranges, one after the other, are in the order of their words.

Cost: one look-up for each token and order, in a table larger than the caches. Tokens
are taken in batches, so that the look-ups of a batch wait for memory together.
"""
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from .words cimport (
    BREAK,
    MAX_RUN,
    UNKNOWN,
    allocate_table,
    fetch,
    hash_of,
    mix,
    set_seed,
    step_key,
)

cdef extern from "sort.h" nogil:
    void order_keys "sklux_order_keys"(
        const uint64_t *, int64_t, int64_t *, int64_t *
    )

cdef enum:
    BATCH = 64

# Stands for no document: a corpus has fewer documents than this.
cdef uint32_t NO_DOCUMENT = 0xFFFFFFFF

cdef struct ngram:
    uint64_t key
    int64_t tf
    uint32_t df
    uint32_t last_document

cdef struct slot:
    uint32_t entry
    uint32_t tag

cdef struct occurrence:
    uint64_t key
    uint64_t hash
    int64_t token
    uint32_t document
    bint counts


def count_words(
    const uint32_t[::1] tokens,
    const int64_t[::1] ends,
    uint32_t first_document,
    uint32_t start,
    uint32_t stop,
    int64_t[::1] tf,
    uint32_t[::1] df,
    uint32_t[::1] last_documents,
):
    """Add the counts of the words from ``start`` to ``stop`` - 1.

    Parameters
    ----------
    tokens : memoryview of shape (n_tokens,)
        Words of documents, one document after the other.
    ends : memoryview of shape (n_documents,)
        End of the tokens of each document.
    first_document : int
        Number of the first document in the corpus.
    start, stop : int
        Range of words to count; other words are counted by other calls.
    tf, df : memoryviews of shape (n_words,)
        Counts so far.
    last_documents : memoryview of shape (n_words,)
        Last document that contains the word; initially the largest uint32.
    """
    cdef Py_ssize_t i
    cdef int64_t t = 0
    cdef uint32_t word, document
    with nogil:
        for i in range(ends.shape[0]):
            document = first_document + <uint32_t>i
            while t < ends[i]:
                word = tokens[t]
                t += 1
                # BREAK and UNKNOWN are not in any range.
                if start <= word < stop:
                    tf[word] += 1
                    df[word] += last_documents[word] != document
                    last_documents[word] = document


def count_short_segments(
    const uint32_t[::1] tokens,
    const int64_t[::1] ends,
    int64_t length,
    uint8_t[::1] out,
):
    """Mark the first token of each segment of exactly ``length`` tokens.

    A segment is the tokens between two BREAKs: a padded word of 'char_wb'. A word that
    is shorter than the shortest n-gram is counted once, as a whole.
    """
    cdef Py_ssize_t i
    cdef int64_t t = 0, begin
    with nogil:
        for i in range(ends.shape[0]):
            begin = t
            while t < ends[i]:
                if tokens[t] == BREAK:
                    if t - begin == length:
                        out[begin] = 1
                    begin = t + 1
                t += 1


cdef class NgramCounter:
    """The n-grams of one order whose first word is in one range.

    Parameters
    ----------
    start, stop : int
        Range of first words.
    order : int
        Number of words of an n-gram, 2 or more.
    """
    cdef uint32_t start, stop
    cdef int order
    cdef ngram *entries
    cdef slot *slots
    cdef uint32_t n_entries, entry_capacity
    cdef int shift
    # Whether the n-grams collided, and are placed by the seed (tables.h).
    cdef readonly bint is_seeded
    cdef uint64_t[2] seed

    def __cinit__(self, uint32_t start, uint32_t stop, int order):
        self.start, self.stop, self.order = start, stop, order
        self.entries = NULL
        self.slots = NULL
        self.n_entries = self.entry_capacity = 0
        self.shift = 64
        self.is_seeded = False
        set_seed(self.seed)

    def __dealloc__(self):
        free(self.entries)
        free(self.slots)

    def __len__(self):
        return self.n_entries

    def count(
        self,
        const uint32_t[::1] tokens,
        const int64_t[::1] ends,
        uint32_t first_document,
        uint32_t[::1] prefixes,
        const uint8_t[::1] whole,
        bint keep_prefixes,
    ):
        """Add the n-grams of some documents.

        Parameters
        ----------
        tokens, ends, first_document
            As in `count_words`.
        prefixes : memoryview of shape (n_tokens,), or empty if order is 2
            Number of the (n - 1)-gram that begins at each token, from the call of this
            method for the last order; UNKNOWN if there is none.
        whole : memoryview of shape (n_tokens,), or empty
            If it is not empty, only the n-grams at marked tokens are counted; other
            n-grams are kept as prefixes of longer ones.
        keep_prefixes : bool
            Whether to overwrite ``prefixes`` with the numbers of the n-grams, for the
            next order.
        """
        cdef occurrence batch[BATCH]
        cdef int n_batch = 0
        cdef Py_ssize_t i
        cdef int64_t t, begin = 0, end
        cdef int64_t reach = self.order - 1
        cdef uint32_t prefix, last
        cdef bint is_marked = whole.shape[0] > 0
        cdef bint in_memory = True
        cdef uint32_t *found = NULL
        if keep_prefixes and prefixes.shape[0]:
            found = &prefixes[0]
        with nogil:
            for i in range(ends.shape[0]):
                end = ends[i]
                for t in range(begin, end):
                    if not self.start <= tokens[t] < self.stop:
                        continue
                    prefix = tokens[t] if self.order == 2 else prefixes[t]
                    last = tokens[t + reach] if t + reach < end else BREAK
                    if prefix >= BREAK or last >= BREAK:
                        if found != NULL:
                            found[t] = UNKNOWN
                        continue
                    batch[n_batch].key = step_key(prefix, last)
                    batch[n_batch].token = t
                    batch[n_batch].document = first_document + <uint32_t>i
                    batch[n_batch].counts = not is_marked or whole[t]
                    n_batch += 1
                    if n_batch == BATCH:
                        in_memory = self.add(batch, n_batch, found)
                        n_batch = 0
                        if not in_memory:
                            break
                if not in_memory:
                    break
                begin = end
            if in_memory:
                in_memory = self.add(batch, n_batch, found)
        if not in_memory:
            raise MemoryError(f"no memory for the table of {self.order}-grams")

    cdef bint add(self, occurrence *batch, int n_batch, uint32_t *found) noexcept nogil:
        """Count a batch of occurrences; return 0 if memory is out."""
        cdef uint64_t last, place
        cdef uint32_t tag, number
        cdef ngram *entry
        cdef int i
        if not self.reserve(n_batch):
            return False
        last = (<uint64_t>1 << (64 - self.shift)) - 1
        for i in range(n_batch):
            batch[i].hash = mix(batch[i].key)
        if self.is_seeded:
            hash_by_seed(self.seed, batch, n_batch)
        for i in range(n_batch):
            fetch(&self.slots[batch[i].hash >> self.shift])
        for i in range(n_batch):
            number = self.slots[batch[i].hash >> self.shift].entry
            if number != UNKNOWN:
                fetch(&self.entries[number])
        for i in range(n_batch):
            place = batch[i].hash >> self.shift
            tag = <uint32_t>batch[i].hash
            while True:
                number = self.slots[place].entry
                if number == UNKNOWN:
                    if (place - (batch[i].hash >> self.shift)) & last > MAX_RUN:
                        if use_seed(self, batch, n_batch):
                            place = batch[i].hash >> self.shift
                            tag = <uint32_t>batch[i].hash
                            continue
                    number = self.n_entries
                    self.n_entries += 1
                    self.slots[place].entry = number
                    self.slots[place].tag = tag
                    entry = &self.entries[number]
                    entry.key = batch[i].key
                    entry.tf = entry.df = 0
                    entry.last_document = NO_DOCUMENT
                    break
                entry = &self.entries[number]
                if self.slots[place].tag == tag and entry.key == batch[i].key:
                    break
                place = (place + 1) & last
            if batch[i].counts:
                entry.tf += 1
                entry.df += entry.last_document != batch[i].document
                entry.last_document = batch[i].document
            if found != NULL:
                found[batch[i].token] = number
        return True

    cdef bint reserve(self, int n_more) noexcept nogil:
        """Allocate memory for more n-grams; return 0 if memory or numbers are out."""
        cdef uint64_t needed = <uint64_t>self.n_entries + n_more
        cdef uint64_t capacity
        cdef ngram *entries
        cdef slot *slots
        if needed > self.entry_capacity:
            capacity = needed + needed // 2 + 1024
            if capacity >= BREAK:
                return False
            entries = <ngram *>realloc(self.entries, capacity * sizeof(ngram))
            if entries == NULL:
                return False
            self.entries = entries
            self.entry_capacity = <uint32_t>capacity
        if self.slots != NULL and needed <= <uint64_t>1 << (63 - self.shift):
            return True
        self.shift = min(self.shift - 1, 64 - 12)
        slots = <slot *>allocate_table(
            (<uint64_t>1 << (64 - self.shift)) * sizeof(slot)
        )
        if slots == NULL:
            return False
        free(self.slots)
        self.slots = slots
        self.place_all()
        return True

    cdef void place_all(self) noexcept nogil:
        """Write the slots of all n-grams."""
        cdef int shift = self.shift
        cdef uint64_t n_slots = <uint64_t>1 << (64 - shift)
        cdef uint64_t place, last = n_slots - 1, hash
        cdef slot *slots = self.slots
        cdef const ngram *entries = self.entries
        cdef uint32_t i, n_entries = self.n_entries
        cdef int is_seeded = self.is_seeded
        memset(slots, 0xFF, n_slots * sizeof(slot))
        for i in range(n_entries):
            hash = hash_of(self.seed, is_seeded, entries[i].key)
            place = hash >> shift
            while slots[place].entry != UNKNOWN:
                place = (place + 1) & last
            slots[place].entry = i
            slots[place].tag = <uint32_t>hash

    def sort(
        self,
        const uint32_t[::1] prefix_ranks,
        uint32_t[::1] ranks,
        uint32_t[::1] parents,
        uint32_t[::1] words,
        int64_t[::1] tf,
        uint32_t[::1] df,
    ):
        """Write the n-grams in the order of their words.

        Parameters
        ----------
        prefix_ranks : memoryview of shape (n_shorter,), or empty if order is 2
            Rank of each (n - 1)-gram, indexed by its number in `count`.
        ranks : memoryview of shape (n_ngrams,), or empty
            Overwritten with the rank of each n-gram, indexed by its number.
        parents, words : memoryviews of shape (n_ngrams,)
            Overwritten with the rank of the prefix, and with the last word.
        tf, df : memoryviews of shape (n_ngrams,)
            Overwritten with the counts.
        """
        cdef int64_t n = self.n_entries, i
        cdef uint64_t *keys
        cdef int64_t *order
        cdef int64_t *swap
        cdef ngram *entry
        if n == 0:
            return
        keys = <uint64_t *>malloc(n * sizeof(uint64_t))
        order = <int64_t *>malloc(n * sizeof(int64_t))
        swap = <int64_t *>malloc(n * sizeof(int64_t))
        if keys == NULL or order == NULL or swap == NULL:
            free(keys)
            free(order)
            free(swap)
            raise MemoryError(f"no memory to sort {n} n-grams")
        with nogil:
            for i in range(n):
                keys[i] = self.entries[i].key
                if self.order > 2:
                    keys[i] = step_key(prefix_ranks[keys[i] >> 32], <uint32_t>keys[i])
            order_keys(keys, n, order, swap)
            for i in range(n):
                entry = &self.entries[order[i]]
                parents[i] = <uint32_t>(keys[order[i]] >> 32)
                words[i] = <uint32_t>keys[order[i]]
                tf[i] = entry.tf
                df[i] = entry.df
                if ranks.shape[0]:
                    ranks[order[i]] = <uint32_t>i
        free(keys)
        free(order)
        free(swap)


cdef void hash_by_seed(
    const uint64_t *seed, occurrence *batch, int n_batch
) noexcept nogil:
    """Set the hashes of a batch for a counter whose n-grams have collided."""
    cdef int i
    for i in range(n_batch):
        batch[i].hash = hash_of(seed, True, batch[i].key)


cdef bint use_seed(NgramCounter counter, occurrence *batch, int n_batch) noexcept nogil:
    """Place all n-grams by the seed; return 0 if they are so already."""
    if counter.is_seeded:
        return False
    counter.is_seeded = True
    counter.place_all()
    hash_by_seed(counter.seed, batch, n_batch)
    return True
