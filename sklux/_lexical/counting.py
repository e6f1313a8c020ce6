"""All n-grams of a corpus, with their counts, in the order of their names.

The n-grams form a tree: the parent of an n-gram is the n-gram without its last word.
The numbers of words follow the order of the words. The tree in depth-first order, each
node before its children, is therefore the n-grams in the order of their names.
"""

from typing import NamedTuple

import numpy as np

from sklux._kernels.ngrams import NgramCounter, count_short_segments, count_words
from sklux._kernels.tokens import NO_NGRAM, NO_WORD
from sklux._lexical.tokens import Strings, Tokens, join_strings
from sklux._utils.threads import run_ranges, thread_count

# N-grams are counted in parts, by first word, to keep the table of each part small.
TOKENS_PER_PART = 1_000_000
NO_MARKS = np.empty(0, dtype=np.uint8)
NO_RANKS = np.empty(0, dtype=np.uint32)


class Level(NamedTuple):
    """N-grams of one order, ascending.

    Attributes
    ----------
    parents : ndarray of shape (n_ngrams,), dtype=np.uint32
        Place of the n-gram without its last word, in the level above.
    words : ndarray of shape (n_ngrams,), dtype=np.uint32
        Last words.
    tf : ndarray of shape (n_ngrams,), dtype=np.int64
        Number of occurrences.
    df : ndarray of shape (n_ngrams,), dtype=np.uint32
        Number of documents that contain each n-gram.
    """

    parents: np.ndarray
    words: np.ndarray
    tf: np.ndarray
    df: np.ndarray


class CorpusTerms:
    """All n-grams of a corpus, in the order of their names.

    Parameters
    ----------
    levels : list of Level
        Orders 1, 2, ...; n-grams that are only the beginning of longer n-grams have
        a tf of 0. The list is emptied to free memory.

    Attributes
    ----------
    tf : ndarray of shape (n_terms,), dtype=np.int64
        Number of occurrences of each n-gram, at least 1.
    df : ndarray of shape (n_terms,), dtype=np.uint32
        Number of documents that contain each n-gram.
    """

    def __init__(self, levels: list[Level]):
        places = _places_in_order(levels)
        n_terms = sum(int(np.count_nonzero(level.tf)) for level in levels)
        self.tf = np.empty(n_terms, dtype=np.int64)
        self.df = np.empty(n_terms, dtype=np.uint32)
        # By order: words, parents, n-grams that occur, and the places of the latter.
        self._words, self._parents, self._nodes, self._places = [], [], [], []
        for level_places in places:
            level = levels.pop(0)
            occurs = np.flatnonzero(level.tf)
            self._words.append(level.words)
            self._parents.append(level.parents)
            self._nodes.append(occurs.astype(np.uint32))
            self._places.append(level_places[occurs])
            self.tf[self._places[-1]] = level.tf[occurs]
            self.df[self._places[-1]] = level.df[occurs]

    def __len__(self) -> int:
        return len(self.tf)

    def names(self, keep: np.ndarray, words: Strings, separator: bytes) -> Strings:
        """Return the names of chosen terms.

        Parameters
        ----------
        keep : ndarray of shape (n_terms,), dtype=bool
            Which terms.
        words : Strings
            Words by number.
        separator : bytes
            Bytes between two words of a name.

        Returns
        -------
        Strings
            Names, in order.
        """
        columns = np.cumsum(keep) - 1
        n_kept = int(keep.sum())
        paths = np.full((n_kept, len(self._words)), NO_WORD, dtype=np.uint32)
        for order, (nodes, places) in enumerate(zip(self._nodes, self._places)):
            is_kept = keep[places]
            rows, nodes = columns[places[is_kept]], nodes[is_kept]
            for upper in range(order, -1, -1):
                paths[rows, upper] = self._words[upper][nodes]
                nodes = self._parents[upper][nodes]
        return join_strings(paths, words, separator)


def count_terms(
    streams: list[Tokens],
    n_words: int,
    ngram_range: tuple[int, int],
    whole_segments: bool,
    n_jobs: int | None,
) -> CorpusTerms:
    """Count the n-grams of a corpus.

    Parameters
    ----------
    streams : list of Tokens
        The documents in order; the numbers of words follow the order of the words.
    n_words : int
        Number of words.
    ngram_range : tuple of (int, int)
        Least and greatest order.
    whole_segments : bool
        Whether a segment shorter than the shortest n-gram counts as a whole.
    n_jobs : int or None
        Threads; they change only the time.

    Returns
    -------
    CorpusTerms
        The n-grams.
    """
    min_n, max_n = ngram_range
    # No n-gram is longer than the longest document.
    lengths = [np.diff(stream.ends, prepend=0).max(initial=1) for stream in streams]
    max_n = max(min(max_n, int(max(lengths, default=1))), 1)
    firsts = np.cumsum([0, *(len(stream.ends) for stream in streams)])
    words = _count_words(streams, firsts, n_words, n_jobs)
    levels = [words if min_n == 1 else _uncounted(words)]
    if max_n > 1:
        marks = {}
        if whole_segments:
            marks = {
                order: [_short_segments(stream, order) for stream in streams]
                for order in range(2, min(min_n, max_n + 1))
            }
        elif min_n > 2:
            marks = {
                order: [np.zeros(len(stream.numbers), np.uint8) for stream in streams]
                for order in range(2, min(min_n, max_n + 1))
            }
        levels += _count_longer(streams, firsts, words.tf, max_n, marks, n_jobs)
    return CorpusTerms(levels)


def _uncounted(level: Level) -> Level:
    """A level of n-grams that are only the beginning of longer n-grams."""
    return level._replace(tf=np.zeros_like(level.tf), df=np.zeros_like(level.df))


def _short_segments(stream: Tokens, order: int) -> np.ndarray:
    """Marks of the segments with exactly ``order`` tokens."""
    marks = np.zeros(len(stream.numbers), dtype=np.uint8)
    count_short_segments(stream.numbers, stream.ends, order, marks)
    return marks


def _count_words(streams, firsts, n_words, n_jobs) -> Level:
    """Counts of single words; each thread takes a range of them."""
    tf = np.zeros(n_words, dtype=np.int64)
    df = np.zeros(n_words, dtype=np.uint32)
    last_documents = np.full(n_words, NO_WORD, dtype=np.uint32)

    def work(start: int, stop: int) -> None:
        for stream, first in zip(streams, firsts):
            count_words(
                stream.numbers, stream.ends, first, start, stop, tf, df, last_documents
            )

    n_parts = thread_count(n_jobs)
    run_ranges(work, [n_words * i // n_parts for i in range(n_parts + 1)], n_jobs)
    parents = np.zeros(n_words, dtype=np.uint32)
    return Level(parents, np.arange(n_words, dtype=np.uint32), tf, df)


def _count_longer(streams, firsts, word_tf, max_n, marks, n_jobs) -> list[Level]:
    """Counts of n-grams of orders 2 to ``max_n``, part by part."""
    edges = _part_edges(word_tf, n_jobs)
    if max_n > 2:
        prefixes = [
            np.full(len(stream.numbers), NO_NGRAM, dtype=np.uint32)
            for stream in streams
        ]
    else:
        prefixes = [NO_RANKS] * len(streams)
    parts: dict[int, list[Level]] = {}

    def work(start: int, stop: int) -> None:
        ranks, levels = NO_RANKS, []
        for order in range(2, max_n + 1):
            counter = NgramCounter(start, stop, order)
            marked = marks.get(order, [NO_MARKS] * len(streams))
            for i, stream in enumerate(streams):
                counter.count(
                    *stream[:2], firsts[i], prefixes[i], marked[i], order < max_n
                )
            level, ranks = _sorted_level(counter, ranks, order < max_n)
            levels.append(level)
        parts[start] = levels

    run_ranges(work, edges, n_jobs)
    return _join_parts([parts.pop(start) for start in edges[:-1]])


def _part_edges(word_tf: np.ndarray, n_jobs: int | None) -> list[int]:
    """Bounds of ranges of first words with about the same number of occurrences."""
    total = np.cumsum(word_tf)
    n_tokens = int(total[-1]) if len(total) else 0
    n_parts = max(thread_count(n_jobs), -(-n_tokens // TOKENS_PER_PART), 1)
    inner = np.searchsorted(total, n_tokens * np.arange(1, n_parts) / n_parts)
    return np.unique([0, *inner, len(word_tf)]).tolist()


def _sorted_level(
    counter: NgramCounter, prefix_ranks: np.ndarray, keep_ranks: bool
) -> tuple[Level, np.ndarray]:
    """The n-grams of a counter, ascending, and the rank of each by its number."""
    n = len(counter)
    ranks = np.empty(n, dtype=np.uint32) if keep_ranks else NO_RANKS
    parents, words = np.empty(n, dtype=np.uint32), np.empty(n, dtype=np.uint32)
    tf, df = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.uint32)
    counter.sort(prefix_ranks, ranks, parents, words, tf, df)
    return Level(parents, words, tf, df), ranks


def _join_parts(parts: list[list[Level]]) -> list[Level]:
    """The levels of all parts, one part after the other; empties the parts."""
    joined = []
    first_parents = np.zeros(len(parts), dtype=np.uint32)
    while parts and parts[0]:
        levels = [part.pop(0) for part in parts]
        sizes = [len(level.words) for level in levels]
        parents = [level.parents + first for level, first in zip(levels, first_parents)]
        columns = [parents, *([*column] for column in list(zip(*levels))[1:])]
        del levels, parents
        # Column by column: two copies of all columns never exist at the same time.
        fields = []
        while columns:
            fields.append(np.concatenate(columns.pop(0)))
        joined.append(Level(*fields))
        first_parents = np.cumsum([0, *sizes[:-1]]).astype(np.uint32)
    return joined


def _places_in_order(levels: list[Level]) -> list[np.ndarray]:
    """Place of each node among all n-grams that occur, a node before its children.

    place(child) = place(parent) + [parent occurs] + sizes of the earlier siblings. The
    size of a node is the number of n-grams that occur at the node and below it.
    """
    sizes = [(level.tf > 0).astype(np.int64) for level in levels]
    for upper in range(len(levels) - 2, -1, -1):
        below = np.bincount(
            levels[upper + 1].parents,
            weights=sizes[upper + 1],
            minlength=len(sizes[upper]),
        )
        sizes[upper] += below.astype(np.int64)
    places = [np.cumsum(sizes[0]) - sizes[0]]
    for upper in range(len(levels) - 1):
        level = levels[upper + 1]
        before = np.cumsum(sizes[upper + 1]) - sizes[upper + 1]
        # The children of a parent follow each other; the first has no earlier sibling.
        is_first = np.r_[True, level.parents[1:] != level.parents[:-1]][: len(before)]
        earlier = before - before[is_first].repeat(
            np.diff(np.r_[np.flatnonzero(is_first), len(before)])
        )
        occurs = levels[upper].tf > 0
        places.append(places[upper][level.parents] + occurs[level.parents] + earlier)
    return places
