"""Lexicon: everything that a lexical stage learns, its terms, word pieces and idf."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np

from sklux._lexical.subwords import Subwords
from sklux._lexical.tokens import Strings, pack_strings

# Prefixes of the names of terms if the terms are word pieces and words.
PART_PREFIXES = ("subword__", "word__")
# Replaces a term that is not a str. No document contains this term, because no token
# contains two blanks.
NO_TERM = "  "


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Terms with their columns, word pieces and idf. A lexicon never changes.

    The terms are either in `learnt` or in `given`.

    Attributes
    ----------
    learnt : tuple of Strings or None
        Terms that were learnt, in the order of their columns: one part, or a part of
        word pieces and a part of words.
    given : dict of str to int, or None
        Terms that the user gave, with their columns.
    is_mixed : bool
        Whether there are two parts, word pieces and words.
    subwords : Subwords or None
        How text becomes word pieces; None if the terms are not made of word pieces.
    idf : ndarray of shape (n_columns,) or None
        Inverse document frequencies, read-only; None if they are not used. If a user
        has set another object as ``idf_``, it is that object, and scikit-learn makes
        the rows.
    tables : object or None
        Look-up tables of a model file, a `ReadyTables`. Copies and pickles have none.
    """

    learnt: tuple[Strings, ...] | None = None
    given: dict[str, int] | None = None
    is_mixed: bool = False
    subwords: Subwords | None = None
    idf: Any = None
    tables: Any = None

    def __post_init__(self):
        if isinstance(self.idf, np.ndarray):
            # Tables are made from it and would not follow a change.
            self.idf.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.__post_init__()

    def __getstate__(self) -> dict[str, Any]:
        # Without the cached properties, which are made again on demand.
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        return state | {"tables": None}

    @property
    def n_columns(self) -> int:
        """Number of terms."""
        if self.learnt is None:
            return len(self.given)
        return sum(len(part) for part in self.learnt)

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Terms with their columns; the dict is made on first use."""
        if self.given is not None:
            # A copy: its owner may change it.
            return dict(self.given)
        names = self.names()
        return dict(zip(names, range(len(names))))

    def names(self) -> list[str]:
        """Return the names of all columns.

        Returns
        -------
        list of str
            With the prefix of each part if there are two parts.
        """
        if self.learnt is None:
            return sorted(self.given, key=self.given.__getitem__)
        if not self.is_mixed:
            return self.learnt[0].tolist()
        return [
            prefix + name
            for prefix, part in zip(PART_PREFIXES, self.learnt)
            for name in part.tolist()
        ]

    def names_of(self, columns: np.ndarray) -> list[str]:
        """Return the names of some columns.

        Parameters
        ----------
        columns : ndarray of shape (n_chosen,), dtype=np.intp
            The columns.

        Returns
        -------
        list of str
            Names, as `names` has them.
        """
        if self.learnt is None:
            names = self.names()
            return [names[column] for column in columns]
        prefixes = PART_PREFIXES if self.is_mixed else ("",)
        first = len(self.learnt[0])
        found = []
        for column in columns.tolist():
            part = int(column >= first)
            name = self.learnt[part].at(column - part * first)
            found.append(prefixes[part] + name)
        return found

    @cached_property
    def terms(self) -> tuple[Strings, ...]:
        """Terms of each part, in the order of their columns, without prefixes."""
        return self._given_terms() if self.learnt is None else self.learnt

    @cached_property
    def known_words(self) -> frozenset[str]:
        """Terms of the last part, for look-ups in Python."""
        return frozenset(self.terms[-1].tolist())

    def _given_terms(self) -> tuple[Strings, ...]:
        """Terms that the user gave, in the form that the kernels take."""
        terms = self.names()
        if not self.is_mixed:
            return (
                pack_strings([t if isinstance(t, str) else NO_TERM for t in terms]),
            )
        n_pieces = sum(term.startswith(PART_PREFIXES[0]) for term in terms)
        parts = terms[:n_pieces], terms[n_pieces:]
        for part, prefix in zip(parts, PART_PREFIXES):
            if not all(term.startswith(prefix) for term in part):
                raise ValueError(
                    "The 'vocabulary' parameter of LexicalVectorizer must hold terms "
                    f"that begin with {PART_PREFIXES[0]!r} or {PART_PREFIXES[1]!r}, "
                    "and terms with the first prefix must come first, when "
                    "analyzer='word+subword'."
                )
        return tuple(
            pack_strings([term[len(prefix) :] for term in part])
            for part, prefix in zip(parts, PART_PREFIXES)
        )

    def with_words(
        self,
        forms: Mapping[str, str],
        *,
        is_one_token: Callable[[str], bool],
        in_corpus: Callable[[list[str]], Collection[str]],
        max_columns: int | None,
        idf_of: Callable[[np.ndarray], np.ndarray],
    ) -> "Extension":
        """Add words that no document of the corpus contains, as the last columns.

        A word gets the idf of a term that one document contains. Words of the corpus
        are not added, even if `min_df` or `max_df` excluded them from the terms.

        Parameters
        ----------
        forms : mapping of str to str
            Words, each with its form as a term (lower case, without accents).
        is_one_token : callable
            Takes a form; returns whether documents yield it as a single token.
        in_corpus : callable
            Takes a list of forms; returns the forms that the corpus contains.
        max_columns : int or None
            Largest number of terms; None means no limit.
        idf_of : callable
            Maps document frequencies to idf.

        Returns
        -------
        Extension
            The new lexicon, the added words and the lost words.
        """
        words = self.learnt[-1].tolist()
        known = set(words)
        new = [
            form
            for form in dict.fromkeys(forms.values())
            if form not in known and is_one_token(form)
        ]
        if max_columns is not None:
            new = new[: max(max_columns - self.n_columns, 0)]
        found = in_corpus(new) if new else ()
        added = [form for form in new if form not in found]
        known.update(added)
        lost = [word for word, form in forms.items() if form not in known]
        if not added:
            return Extension(self, added, lost)
        idf = None if self.idf is None else idf_of(np.ones(len(added)))
        return Extension(self.with_terms(added, idf), added, lost)

    def with_terms(self, added: list[str], idf: np.ndarray | None) -> Self:
        """Add terms to the learnt ones, as the last columns.

        Parameters
        ----------
        added : list of str
            Terms that are not known, without prefixes.
        idf : ndarray of shape (n_added,) or None
            Their idf; None if the idf is not used.

        Returns
        -------
        Lexicon
            The known terms have the same columns.
        """
        learnt = (*self.learnt[:-1], pack_strings(self.learnt[-1].tolist() + added))
        if self.idf is not None:
            idf = np.concatenate([self.idf, idf]).astype(self.idf.dtype)
        return replace(self, learnt=learnt, idf=idf, tables=None)

    def with_idf(self, idf: Any) -> Self:
        """Return the same terms with another idf.

        Parameters
        ----------
        idf : ndarray of shape (n_columns,) or None
            Becomes read-only.

        Returns
        -------
        Lexicon
            The terms are shared.
        """
        return replace(self, idf=idf)


class Extension(NamedTuple):
    """A lexicon to which words were added.

    Attributes
    ----------
    lexicon : Lexicon
        With the added words as its last columns.
    added : list of str
        Forms that were added, in the order of their columns.
    lost : list of str
        Given words whose forms are not terms.
    """

    lexicon: Lexicon
    added: list[str]
    lost: list[str]
