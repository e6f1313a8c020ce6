"""Words to word pieces: the longest piece first, from left to right.

The first piece is the longest piece of the vocabulary that the word begins with, the
next piece is the longest continuing piece ('##...') that the rest begins with, and so
on. If a rest does not begin with any piece, or the word is too long, the whole word is
the unknown piece (WordPiece; Devlin et al. 2019, :arxiv:`1810.04805`, appendix). The
'WordPiece' model of the tokenizers library gives the same pieces.

The pieces form two tries over their bytes, in the table of steps of tables.h: a trie of
pieces that begin a word, and a trie of continuing pieces. Cost: one look-up per byte.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp, memset

from .words cimport (
    UNKNOWN,
    add_step,
    check_steps,
    copy_steps,
    longest_run_of_steps,
    make_steps,
    numbers,
    reserve,
    set_seed,
    shift_for,
    step_key,
    step_slot,
    step_slot_of,
    step_table,
    view_steps,
)

cdef enum:
    # Roots of the tries: pieces that begin a word, and continuing pieces.
    INITIAL = 0
    CONTINUING = 1


cdef class PieceTrie:
    """The pieces of a vocabulary, by their bytes.

    Parameters
    ----------
    arena : memoryview of shape (n_bytes or more,)
        The bytes of all pieces.
    offsets : memoryview of shape (n_pieces + 1,)
        Piece i is ``arena[offsets[i]:offsets[i + 1]]``; empty pieces are left out.
    prefix : bytes
        Prefix of a continuing piece.
    unknown : int
        Number of the unknown piece.
    max_characters : int
        Longer words are unknown.
    mark_arena, mark_offsets : memoryviews
        Marks: strings, in normalised form, that the kernel cannot handle. The caller
        must handle documents that contain one. Each mark begins with a punctuation
        character of ASCII.
    """

    def __cinit__(self):
        memset(&self.steps, 0, sizeof(step_table))
        set_seed(self.steps.seed)
        self.is_view = False
        memset(self.is_mark_byte, 0, sizeof(self.is_mark_byte))

    def __dealloc__(self):
        if not self.is_view:
            free(self.steps.slots)

    def __init__(
        self,
        const uint8_t[::1] arena,
        const int64_t[::1] offsets,
        bytes prefix,
        uint32_t unknown,
        int64_t max_characters,
        const uint8_t[::1] mark_arena,
        const int64_t[::1] mark_offsets,
    ):
        cdef Py_ssize_t i
        cdef int64_t n_prefix = len(prefix), begin, k
        cdef const uint8_t *continuing = prefix
        cdef uint32_t node
        cdef step_slot *step
        if self.steps.slots != NULL:
            raise ValueError("a PieceTrie is built once")
        self.set_rules(unknown, max_characters, mark_arena, mark_offsets)
        if not make_steps(&self.steps, offsets[offsets.shape[0] - 1]):
            raise MemoryError("no memory for the table of word pieces")
        for i in range(offsets.shape[0] - 1):
            begin = offsets[i]
            node = INITIAL
            if (
                offsets[i + 1] - begin >= n_prefix
                and memcmp(&arena[0] + begin, continuing, n_prefix) == 0
            ):
                begin += n_prefix
                node = CONTINUING
            step = NULL
            for k in range(begin, offsets[i + 1]):
                step = add_step(&self.steps, node, arena[k])
                node = step.node
            if step != NULL:
                step.column = <int32_t>i
        check_steps(&self.steps)

    @staticmethod
    def restored(
        const uint64_t[:, ::1] slots,
        uint32_t n_pieces,
        uint32_t unknown,
        int64_t max_characters,
        const uint8_t[::1] mark_arena,
        const int64_t[::1] mark_offsets,
    ):
        """Make the trie of the slots of `copy_slots`, which are not copied.

        Parameters
        ----------
        slots : memoryview of shape (n_slots, 2)
            The slots; they are checked.
        n_pieces : int
            All pieces have smaller numbers.
        unknown, max_characters, mark_arena, mark_offsets
            As for the class; the unknown piece is not checked.
        """
        cdef PieceTrie trie = PieceTrie.__new__(PieceTrie)
        trie.is_view, trie.memory = True, slots
        trie.is_crowded = view_steps(&trie.steps, slots, n_pieces)
        trie.set_rules(unknown, max_characters, mark_arena, mark_offsets)
        return trie

    cdef int set_rules(
        self,
        uint32_t unknown,
        int64_t max_characters,
        const uint8_t[::1] mark_arena,
        const int64_t[::1] mark_offsets,
    ) except -1:
        """Set everything but the pieces."""
        cdef Py_ssize_t i
        self.unknown = unknown
        self.max_characters = max_characters
        self.mark_arena, self.mark_offsets = mark_arena, mark_offsets
        for i in range(mark_offsets.shape[0] - 1):
            if mark_offsets[i] < mark_offsets[i + 1]:
                self.is_mark_byte[mark_arena[mark_offsets[i]]] = True
        return 0

    @property
    def n_slots(self):
        """Number of slots that `copy_slots` writes."""
        return 1 << (64 - shift_for(self.steps.n_steps))

    @property
    def is_seeded(self):
        """Whether the steps collided, so that their slots depend on the process."""
        return self.steps.is_seeded != 0

    @property
    def longest_run(self):
        """Length of the longest run of used slots."""
        return longest_run_of_steps(&self.steps)

    def copy_slots(self, uint64_t[:, ::1] out):
        """Write the trie for `restored` to ``out`` of shape (n_slots, 2).

        Return whether the trie is of use: steps that collide do not fit.
        """
        return copy_steps(&self.steps, out) != 0

    cdef bint begins_mark(self, const uint8_t *text, int64_t length) noexcept nogil:
        """Whether a text begins with one of the marks."""
        cdef Py_ssize_t i
        cdef int64_t begin, n
        if not self.is_mark_byte[text[0]]:
            return False
        for i in range(self.mark_offsets.shape[0] - 1):
            begin = self.mark_offsets[i]
            n = self.mark_offsets[i + 1] - begin
            if n <= length and memcmp(&self.mark_arena[begin], text, n) == 0:
                return True
        return False

    cdef bint cut(
        self, const uint8_t *word, int64_t length, numbers *pieces
    ) noexcept nogil:
        """Add the pieces of one word; return 0 if memory is out."""
        cdef int64_t begin = 0, k, end, n_characters = 0, n_before = pieces.length
        cdef uint32_t node, piece
        cdef step_slot *step
        if not reserve(pieces, length):
            return False
        for k in range(length):
            n_characters += (word[k] & 0xC0) != 0x80
        while begin < length:
            piece = UNKNOWN
            node = INITIAL if begin == 0 else CONTINUING
            end = begin
            for k in range(begin, length):
                step = step_slot_of(&self.steps, step_key(node, word[k]))
                node = step.node
                if node == UNKNOWN:
                    break
                if step.column >= 0:
                    piece = <uint32_t>step.column
                    end = k + 1
            if piece == UNKNOWN or n_characters > self.max_characters:
                pieces.length = n_before
                pieces.values[n_before] = self.unknown
                pieces.length += 1
                return True
            pieces.values[pieces.length] = piece
            pieces.length += 1
            begin = end
        return True
