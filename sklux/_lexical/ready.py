"""Look-up tables in a model file, so that a first call need not make them."""

import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from sklux._kernels.terms import TermIndex
from sklux._kernels.tokens import NO_WORD
from sklux._kernels.wordpiece import PieceTrie
from sklux._kernels.words import ARENA_PADDING
from sklux._lexical.analysis import TextSource
from sklux._lexical.characters import CharacterTables, PagedBytes
from sklux._lexical.lookup import TermReader, reader_of
from sklux._lexical.segmentation import composition_pages
from sklux._lexical.subwords import PieceTables, Subwords
from sklux._lexical.tokens import Source, Strings, table_words

# Increase it if this version would misread tables of the version before, or if the
# rules for characters or the tables in tables.h change.
TABLES_VERSION = 1
# Prefix of the names of the tensors; the number of a part follows.
PREFIX = "tables."


def ready_tensors(
    reader: TermReader,
) -> tuple[dict[str, Any] | None, dict[str, np.ndarray]]:
    """Return the look-up tables of a reader in a form that a model file can hold.

    Parameters
    ----------
    reader : TermReader
        The reader.

    Returns
    -------
    state : dict or None
        What `ready_tables` needs besides the arrays; JSON can hold it. None if terms
        collide, so that a table depends on the random seed of the process.
    tensors : dict of str to ndarray
        Arrays by name.
    """
    parts, tensors = [], dict[str, np.ndarray]()
    try:
        for i, source in enumerate(reader.sources):
            parts.append(_state_of(source, reader.indexes[i]))
            arrays = _arrays_of(reader, i)
            tensors |= {f"{PREFIX}{i}.{name}": array for name, array in arrays}
    except _TermsCollideError:
        return None, {}
    return _versions() | {"parts": parts}, tensors


class _TermsCollideError(Exception):
    """The slots of a table would depend on the process, or be slow."""


def ready_tables(
    state: dict[str, Any] | None,
    tensors: dict[str, np.ndarray],
    places: np.ndarray | None,
) -> "ReadyTables | None":
    """Return the look-up tables of a model file.

    Parameters
    ----------
    state : dict or None
        The state that `ready_tensors` returned.
    tensors : dict of str to ndarray
        All tensors of the file.
    places : ndarray of shape (n_columns,) or None
        The columns that the tables hold, by the columns of the matrix.

    Returns
    -------
    ReadyTables or None
        None if the file has no tables, or tables of another version of sklux or of
        Unicode.
    """
    if not isinstance(state, dict) or _versions() != {
        name: state.get(name) for name in _versions()
    }:
        return None
    return ReadyTables(state["parts"], tensors, places)


class ReadyTables:
    """Look-up tables of a model file. They are checked when they are used.

    Parameters
    ----------
    parts : list of dict
        The parts of the state.
    tensors : dict of str to ndarray
        The tensors of the file; those without `PREFIX` are ignored.
    places : ndarray of shape (n_columns,) or None
        The columns that the tables hold, by the columns of the matrix.
    """

    def __init__(
        self,
        parts: list[dict[str, Any]],
        tensors: dict[str, np.ndarray],
        places: np.ndarray | None,
    ):
        self.places = places
        self._parts = parts
        self._tensors = {
            name: array for name, array in tensors.items() if name.startswith(PREFIX)
        }

    def has_rules_of(self, subwords: Subwords) -> bool:
        """Whether the rules for word pieces equal the rules of a tokenizer.

        Parameters
        ----------
        subwords : Subwords
            The tokenizer.

        Returns
        -------
        bool
            True also if the tables have no rules.

        Raises
        ------
        ValueError
            If the tables are damaged.
        """
        with _missing_is_damaged():
            rules = self._parts[0].get("trie")
            return rules is None or rules == list(subwords.trie_rules[:2])

    def pieces(self) -> PieceTables | None:
        """Return what the kernel needs for word pieces.

        Returns
        -------
        PieceTables or None
            None if the file has none, or its pieces collide.

        Raises
        ------
        ValueError
            If the tables are damaged.
        """
        with _missing_is_damaged():
            part = self._parts[0]
            if part.get("trie") is None:
                return None
            unknown, longest = part["trie"]
            n_pieces = len(self._array(0, "numbers"))
            if not 0 <= unknown < n_pieces:
                raise ValueError("The model's word pieces are damaged.")
            slots, marks = self._array(0, "trie"), self._strings(0, "marks")
            trie = PieceTrie.restored(slots, n_pieces, unknown, longest, *marks)
            if trie.is_crowded:
                return None
            return PieceTables(trie, *self._characters(0))

    def reader(
        self, sources: tuple[Source, ...], sizes: list[int], reads_rest: bool
    ) -> TermReader | None:
        """Return a reader with these tables.

        Parameters
        ----------
        sources : tuple of Source
            How documents become tokens.
        sizes : list of int
            Number of terms of each part.
        reads_rest : bool
            As in `term_reader`.

        Returns
        -------
        TermReader or None
            None if the tables are not of these sources, because a setting has changed,
            or if terms collide in them, so that look-ups would take long.

        Raises
        ------
        ValueError
            If the tables are damaged.
        """
        with _missing_is_damaged():
            if len(sources) != len(self._parts) or not all(
                map(self._fits, sources, [0, 1])
            ):
                return None
            parts = [self._part(i, s, sum(sizes)) for i, s in enumerate(sources)]
            second_part = sizes[0] if len(sizes) > 1 else 0
            read, indexes, numbers = zip(*parts)
            if any(index.is_crowded for index in indexes):
                return None
            return reader_of(
                read, indexes, numbers, second_part, sum(sizes), reads_rest
            )

    def _part(
        self, i: int, source: Source, n_columns: int
    ) -> tuple[Source, TermIndex, np.ndarray | None]:
        """The source, the index and the numbers of a part."""
        index = self._index(i, source, n_columns)
        if source.subwords is not None:
            return source, index, self._numbers(i, index.n_words)
        return self._with_characters(source, i), index, None

    def _fits(self, source: Source, i: int) -> bool:
        """Whether a part has the words of a source."""
        part, stop_words = self._parts[i], source.stop_words
        if (
            part["split"] != source.split
            or part["n_stop_words"] != len(stop_words)
            or ("trie" in part) != (source.subwords is not None)
        ):
            return False
        if not len(stop_words):
            return True
        # Stop words are the first words of a table.
        words, ends = self._strings(i, "words"), stop_words.offsets
        return np.array_equal(words.offsets[: len(ends)], ends) and np.array_equal(
            words.arena[: ends[-1]], stop_words.arena[: ends[-1]]
        )

    def _with_characters(self, source: Source, i: int) -> Source:
        """A source with the rules for characters that are in the file."""
        if isinstance(source, TextSource) and _rules_of(source) == self._parts[i].get(
            "characters"
        ):
            return replace(source, ready=self._characters(i))
        return source

    def _index(self, i: int, source: Source, n_columns: int) -> TermIndex:
        """The terms of a part."""
        words: tuple[np.ndarray, ...] = ()
        if source.subwords is None:
            words = self._array(i, "slots"), *self._strings(i, "words")
        return TermIndex.restored(
            source.split,
            words,
            self._array(i, "columns"),
            self._array(i, "steps"),
            self._parts[i]["n_known"],
            n_columns,
            source.ngram_range,
            source.whole_segments,
        )

    def _numbers(self, i: int, n_words: int) -> np.ndarray:
        """The number of each piece in the index of a part."""
        numbers = self._array(i, "numbers")
        if numbers.dtype != np.uint32 or numbers[numbers != NO_WORD].max(
            initial=0
        ) >= max(n_words, 1):
            raise ValueError("The model's word pieces are damaged: one leads outside.")
        return numbers

    def _characters(self, i: int) -> tuple[CharacterTables, PagedBytes | None]:
        """The rules for characters of a part, and how they take part in normal form."""
        arrays = (self._array(i, name) for name in CharacterTables._fields)
        composing = None
        if f"{PREFIX}{i}.composing_values" in self._tensors:
            names = (f"composing_{name}" for name in PagedBytes._fields)
            composing = PagedBytes(*(self._array(i, name) for name in names)).check()
        return CharacterTables(*arrays).check(), composing

    def _strings(self, i: int, name: str) -> Strings:
        """Strings of a part."""
        strings = Strings(self._array(i, name), self._array(i, f"{name}_offsets"))
        arena, offsets = strings
        if (
            arena.dtype != np.uint8
            or arena.ndim != 1
            or offsets.dtype != np.int64
            or offsets.ndim != 1
            or len(offsets) == 0
            or offsets[0] != 0
            or offsets[-1] > len(arena) - ARENA_PADDING
            or (offsets[1:] < offsets[:-1]).any()
        ):
            raise ValueError("The model's vocabulary is damaged: its words do not fit.")
        return strings

    def _array(self, i: int, name: str) -> np.ndarray:
        """An array of a part. Kernels need its values at multiples of their size."""
        return np.require(self._tensors[f"{PREFIX}{i}.{name}"], requirements=["C", "A"])


@contextmanager
def _missing_is_damaged() -> Iterator[None]:
    """Report a part that is missing or of another kind as a ValueError."""
    try:
        yield
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        OverflowError,
    ) as error:
        raise ValueError(
            f"The model's look-up tables are damaged: {error!r}. Save the model again."
        ) from error


def _versions() -> dict[str, Any]:
    """The versions that tables depend on."""
    return {
        "version": TABLES_VERSION,
        "unicode": unicodedata.unidata_version,
        "byte_order": sys.byteorder,
    }


def _rules_of(source: TextSource) -> list[Any]:
    """The settings that the rules for characters depend on."""
    return [source.segmentation, source.lowercase, source.strip_accents]


def _state_of(source: Source, index: TermIndex) -> dict[str, Any]:
    """The state of one part."""
    part = {
        "split": source.split,
        "n_stop_words": len(source.stop_words),
        "n_known": index.n_known,
    }
    if not isinstance(source, TextSource):
        kernel = source.subwords.in_kernel
        part["trie"] = list(source.subwords.trie_rules[:2]) if kernel else None
    else:
        part["characters"] = _rules_of(source)
    return part


def _arrays_of(reader: TermReader, i: int) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of one part by their names."""
    source, index, numbers = reader.sources[i], reader.indexes[i], reader.numbers[i]
    n_words = index.n_words if numbers is not None else len(index.table)
    columns = np.full(n_words, NO_WORD, dtype=np.uint32)
    steps = np.empty((index.n_slots, 2), dtype=np.uint64)
    if not index.copy_tables(columns[: index.n_words], steps):
        raise _TermsCollideError
    yield "columns", columns
    yield "steps", steps
    if not isinstance(source, TextSource):
        yield "numbers", numbers
        if source.subwords.in_kernel:
            # The rest of a text has been put into normal form with its words.
            yield from _piece_arrays(source.subwords, not reader.reads_rest)
        return
    if index.table.is_seeded:
        raise _TermsCollideError
    slots = np.empty((index.table.n_slots, 2), dtype=np.uint64)
    index.table.copy_slots(slots)
    yield "slots", slots
    yield from zip(("words", "words_offsets"), table_words(index.table))
    yield from _character_arrays(*source.tables())


def _piece_arrays(
    subwords: Subwords, checks_form: bool
) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of word pieces by their names."""
    trie, characters, composing = subwords.tables
    if checks_form and subwords.segmentation == "unicode":
        composing = composing or composition_pages()
    slots = np.empty((trie.n_slots, 2), dtype=np.uint64)
    if not trie.copy_slots(slots):
        raise _TermsCollideError
    yield "trie", slots
    yield from zip(("marks", "marks_offsets"), subwords.trie_rules[2:])
    yield from _character_arrays(characters, composing)


def _character_arrays(
    characters: CharacterTables, composing: PagedBytes | None
) -> Iterator[tuple[str, np.ndarray]]:
    """The rules for characters by their names."""
    yield from zip(CharacterTables._fields, characters)
    if composing is not None:
        names = (f"composing_{name}" for name in PagedBytes._fields)
        yield from zip(names, composing)
