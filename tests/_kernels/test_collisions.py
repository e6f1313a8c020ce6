"""Tables whose keys collide on purpose: searches stay short, and results the same.

Nothing is timed. The longest run of used slots bounds each search.
"""

import numpy as np
import pytest
from collisions import colliding_pairs, colliding_words, mix, twins, unmixed
from sklux._kernels.ngrams import NgramCounter
from sklux._kernels.terms import TermIndex
from sklux._kernels.tokens import Analysis, TokenStream, string_buffers
from sklux._kernels.wordpiece import PieceTrie
from sklux._kernels.words import LONGEST_RUN, WordTable

from sklux._lexical.characters import CharacterTables
from sklux._lexical.tokens import pack_strings, padded, table_words

WORDS = colliding_words(4000)
N_NAMES = 1500
PAIRS = colliding_pairs(N_NAMES, 9)
# Every character stays as it is.
TABLES = CharacterTables.of(
    np.arange(0x110000, dtype=np.int32),
    np.zeros(0x110000, dtype=np.uint8),
    np.zeros(1, dtype=np.int64),
    np.zeros(1, dtype=np.uint32),
)


def arena_of(words):
    """Bytes and offsets of byte strings."""
    arena = np.frombuffer(b"".join(words) + bytes(8), dtype=np.uint8)
    return arena, np.cumsum([0, *map(len, words)])


def numbers_in(table, arena, offsets):
    numbers = np.empty(len(offsets) - 1, dtype=np.uint32)
    table.find(arena, offsets, numbers)
    return numbers.tolist()


def test_the_hash_is_the_hash_of_the_kernel():
    """In slots without a seed, each word lies at or after the place of its hash."""
    table = WordTable()
    table.add(*pack_strings(WORDS[:50]))
    slots = np.empty((table.n_slots, 2), dtype=np.uint64)
    table.copy_slots(slots)
    assert not table.is_seeded
    used = np.flatnonzero(slots[:, 1] & np.uint64(0xFFFFFFFF) != 0xFFFFFFFF)
    np.testing.assert_array_equal(used, np.arange(50))
    keys = slots[used, 0]
    assert (mix(keys) >> np.uint64(54) == 0).all()
    np.testing.assert_array_equal(unmixed(mix(keys)), keys)


@pytest.mark.parametrize("kind", ["short", "short and long", "twins"])
def test_words_that_collide(kind):
    """The numbers are the numbers of a dict, whenever the table is seeded."""
    if kind == "twins":
        words = twins(100)
    else:
        # Long words get another key when the table is seeded.
        more = [] if kind == "short" else [f"a long word {i}" for i in range(2000)]
        words = [word.encode() for pair in zip(WORDS, more) for word in pair]
        words += [word.encode() for word in WORDS[len(more) :]]
    table = WordTable()
    half = len(words) // 2
    for part in (words[:half], words[:20], words):
        table.add(*arena_of(part))
    assert table.is_seeded
    assert table.longest_run <= LONGEST_RUN
    assert numbers_in(table, *arena_of(words)) == [*range(len(words))]
    others = [word + b"!" for word in words]
    assert set(numbers_in(table, *arena_of(others))) == {0xFFFFFFFF}
    arena, offsets = table_words(table)
    assert arena[: offsets[-1]].tobytes() == b"".join(words)


def test_words_side_by_side():
    """No word is far from its place, but a search for another word would be long."""
    # Word i belongs into slot i of 2,048.
    keys = unmixed((np.arange(1000, dtype=np.uint64) << np.uint64(53)) + np.uint64(9))
    table = WordTable()
    table.add(*arena_of([key.tobytes() for key in keys.astype("<u8")]))
    assert table.is_seeded
    assert table.longest_run <= LONGEST_RUN
    assert numbers_in(table, *arena_of([key.tobytes() for key in keys])) == [
        *range(1000)
    ]


def test_other_words_need_no_seed():
    """Their slots do not depend on the process."""
    table = WordTable()
    table.add(
        *pack_strings([*map(str, range(20_000)), *(f"w{i}" for i in range(9999))])
    )
    assert not table.is_seeded
    assert table.longest_run <= LONGEST_RUN


def index_of(names, pairs):
    """An index of words and of pairs of them."""
    terms = [*names, *(f"{names[a]} {names[b]}" for a, b in pairs)]
    columns = np.arange(len(terms))
    return TermIndex(
        "blanks",
        *padded(pack_strings([])),
        *padded(pack_strings(terms)),
        columns.astype(np.int32),
        columns,
        (1, 2),
        False,
    )


def test_steps_that_collide():
    names = [f"w{i:04d}" for i in range(N_NAMES)]
    plain = index_of(names, PAIRS[:100])
    index = index_of(names, PAIRS)
    assert len(PAIRS) > 4 * LONGEST_RUN
    assert not plain.is_seeded
    assert index.is_seeded
    assert index.longest_run <= LONGEST_RUN
    # The table of the steps for a file cannot have a seed.
    columns = np.empty(index.n_words, dtype=np.uint32)
    slots = np.empty((index.n_slots, 2), dtype=np.uint64)
    assert not index.copy_tables(columns, slots)
    slots = np.empty((plain.n_slots, 2), dtype=np.uint64)
    assert plain.copy_tables(columns, slots)


def test_ngrams_that_collide():
    """Counts are the counts of a dict, in the order of the words."""
    rng = np.random.default_rng(0)
    pairs = [*PAIRS, *PAIRS[::3], *rng.integers(0, N_NAMES, size=(500, 2)).tolist()]
    order = rng.permutation(len(pairs))
    tokens = np.array(pairs, dtype=np.uint32)[order].ravel()
    counter = NgramCounter(0, N_NAMES, 2)
    empty = np.zeros(0, dtype=np.uint32)
    ends = np.arange(2, len(tokens) + 1, 2)
    counter.count(tokens, ends, 0, empty, np.zeros(0, dtype=np.uint8), False)
    assert counter.is_seeded
    expected = {}
    for pair in pairs:
        expected[tuple(pair)] = expected.get(tuple(pair), 0) + 1
    assert len(counter) == len(expected)
    parents, words, df = np.empty((3, len(counter)), dtype=np.uint32)
    tf = np.empty(len(counter), dtype=np.int64)
    counter.sort(empty, empty, parents, words, tf, df)
    found = zip(parents.tolist(), words.tolist(), tf.tolist(), df.tolist())
    assert [*found] == [(*pair, n, n) for pair, n in sorted(expected.items())]


def colliding_pieces(n_pieces, n_bits=6):
    """Pieces whose steps collide: each is an earlier piece and one more byte."""
    letters = np.arange(36, 127, dtype=np.uint64)
    rng, seen = np.random.default_rng(0), {""}
    pieces, waiting = [], []

    def look_beyond(piece, node):
        keys = (np.uint64(node) << np.uint64(32)) | letters
        collide = letters[mix(keys) >> np.uint64(64 - n_bits) == 0]
        waiting.extend(piece + chr(letter) for letter in collide)

    look_beyond("", 0)
    while len(pieces) < n_pieces:
        # If no step collides, any new piece leads on.
        prefix = pieces[rng.integers(len(pieces))] if pieces else ""
        piece = waiting.pop(0) if waiting else prefix + chr(rng.integers(97, 123))
        if piece not in seen:
            seen.add(piece)
            look_beyond(piece, 0x80000000 | len(pieces))
            pieces.append(piece)
    return pieces


def test_pieces_that_collide():
    pieces = colliding_pieces(4000)
    trie = PieceTrie(*pack_strings(pieces), b"##", 0, 10**6, *pack_strings([]))
    assert trie.is_seeded
    assert trie.longest_run <= LONGEST_RUN
    assert not trie.copy_slots(np.empty((trie.n_slots, 2), dtype=np.uint64))
    # Each piece is a word that the trie knows as a whole.
    analysis = Analysis("piece", 1, 0, False, False, TABLES, trie, False)
    n, stream = len(pieces), TokenStream()
    buffers = np.empty(n, np.uintp), np.empty(n, np.int64), np.empty(n, np.uint8)
    string_buffers(pieces, *buffers)
    ends = np.zeros(n, dtype=np.int64)
    stream.read(analysis, WordTable(), False, *buffers, ends)
    numbers = np.empty(len(stream), dtype=np.uint32)
    stream.copy_tokens(numbers)
    assert numbers.tolist() == [*range(n)]
