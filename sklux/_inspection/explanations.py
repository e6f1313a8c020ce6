"""The values that `sklux.inspection` returns: tables, text for a terminal, HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

import numpy as np

from sklux._inspection.highlight import highlighted, table_html
from sklux._utils.optional import import_optional

# Rows that a terminal and a notebook show.
N_SHOWN = 10
# Words of a text, and the words of each occurrence of its terms.
Places = tuple[list[tuple[int, int]], dict[str, list[tuple[int, ...]]]]


@dataclass(frozen=True, eq=False)
class TextExplanation:
    """The terms of a text, with their shares in a number.

    Attributes
    ----------
    text : str
        The text.
    terms : ndarray of shape (n_terms,), dtype=object
        Its known terms: words and their n-grams, or word pieces.
    kinds : ndarray of shape (n_terms,), dtype=object
        ``'word'`` or ``'piece'``; ``'term'`` if the stage has terms of one kind.
    shares : ndarray of shape (n_terms,), dtype=np.float64
        Share of each term. The shares add up to `value`.
    linear_shares : ndarray of shape (n_terms,), dtype=np.float64
        The part of each share that comes from the linear part of the network.
        ``shares - linear_shares`` is what the non-linearity adds.
    value : float
        The number that is explained.
    dimension : str or None
        Name of the output column whose value this is; None if it is another number.
    """

    text: str
    terms: np.ndarray
    kinds: np.ndarray
    shares: np.ndarray
    linear_shares: np.ndarray
    value: float
    names: list[str] = field(repr=False, default_factory=list)
    find_places: Callable[[], Places] | None = field(repr=False, default=None)
    dimension: str | None = None

    @cached_property
    def word_shares(self) -> list[tuple[int, int, float]]:
        """First character, end and share of each word of the text.

        The share of a term is divided among its occurrences, and the share of an
        occurrence among its words. Empty if terms have no place in the text, such as
        n-grams of characters.

        Returns
        -------
        list of tuple of (int, int, float)
            In the order of the text.
        """
        if self.find_places is None:
            return []
        words, occurrences = self.find_places()
        heat = np.zeros(len(words))
        for name, share in zip(self.names, self.shares):
            found = occurrences.get(name, [])
            for numbers in found:
                heat[list(numbers)] += share / len(found) / len(numbers)
        return [(begin, end, float(h)) for (begin, end), h in zip(words, heat)]

    def to_pandas(self) -> Any:
        """Return the terms as a table, the largest shares first.

        Returns
        -------
        pandas.DataFrame
            Columns ``term``, ``kind``, ``share`` and ``linear_share``.
        """
        pandas = import_optional("pandas", purpose="to_pandas")
        order = self._order()
        return pandas.DataFrame(
            {
                "term": self.terms[order],
                "kind": self.kinds[order],
                "share": self.shares[order],
                "linear_share": self.linear_shares[order],
            }
        )

    def _order(self) -> np.ndarray:
        """Terms by the size of their shares."""
        return np.argsort(-np.abs(self.shares), kind="stable")

    def _title(self) -> str:
        """The number, after the name of its column."""
        name = "" if self.dimension is None else f"{self.dimension}: "
        return f"{name}{self.value:.3f}"

    def __str__(self) -> str:
        return "\n".join([self._title(), *self._lines()])

    def _lines(self) -> list[str]:
        """One line for each of the first terms."""
        order = self._order()
        lines = [
            f"{self.shares[i]:+8.3f}  {self.terms[i]}{_kind_in_words(self.kinds[i])}"
            for i in order[:N_SHOWN]
        ]
        if len(order) > N_SHOWN:
            rest = self.shares[order[N_SHOWN:]].sum()
            lines.append(f"{rest:+8.3f}  ({len(order) - N_SHOWN:,} other terms)")
        return lines or ["          (no known term)"]

    def _repr_html_(self) -> str:
        return self._html(self._title())

    def _html(self, title: str) -> str:
        """The text with its words highlighted, and the first terms."""
        order = self._order()[:N_SHOWN]
        rows = [(self.terms[i], self.kinds[i], self.shares[i]) for i in order]
        text = highlighted(self.text, self.word_shares)
        return f"<div><b>{escape(title)}</b>{text}{table_html(rows)}</div>"


@dataclass(frozen=True, eq=False)
class SimilarityExplanation:
    """Which terms make two texts alike.

    Attributes
    ----------
    first, second : TextExplanation
        The terms of each text. The shares of each add up to the cosine.
    cosine : float
        Cosine of the two vectors.
    """

    first: TextExplanation
    second: TextExplanation
    cosine: float
    make_pairs: Callable[[], np.ndarray] = field(repr=False)

    @cached_property
    def pairs(self) -> np.ndarray:
        """Share of each pair of terms; all shares add up to the cosine.

        An array of shape (n_terms of the first text, n_terms of the second). Its sums
        over rows and over columns are the shares of the terms.

        Returns
        -------
        ndarray of shape (n_terms_first, n_terms_second), dtype=np.float64
            The shares.
        """
        return self.make_pairs()

    def to_pandas(self) -> Any:
        """Return the pairs of terms as a table, the largest shares first.

        Returns
        -------
        pandas.DataFrame
            Columns ``first``, ``second`` and ``share``, a row for each pair of a term
            of the first text and a term of the second.
        """
        pandas = import_optional("pandas", purpose="to_pandas")
        first, second, shares = self._sorted_pairs()
        return pandas.DataFrame({"first": first, "second": second, "share": shares})

    def _sorted_pairs(self, n: int | None = None) -> tuple[np.ndarray, ...]:
        """Terms of both texts and shares of pairs, the largest shares first."""
        order = np.argsort(-np.abs(self.pairs), axis=None, kind="stable")[:n]
        rows, columns = np.unravel_index(order, self.pairs.shape)
        shares = self.pairs.ravel()[order]
        return self.first.terms[rows], self.second.terms[columns], shares

    def __str__(self) -> str:
        first, second, shares = self._sorted_pairs(N_SHOWN)
        lines = [
            f"{share:+8.3f}  {one} - {other}"
            for share, one, other in zip(shares, first, second)
        ]
        n_others = self.pairs.size - len(shares)
        if n_others:
            rest = self.cosine - shares.sum()
            lines.append(f"{rest:+8.3f}  ({n_others:,} other pairs)")
        lines = lines or ["          (no known term in one of the texts)"]
        return "\n".join([f"cosine {self.cosine:.3f}", *lines])

    def _repr_html_(self) -> str:
        table = table_html(list(zip(*self._sorted_pairs(N_SHOWN))))
        texts = [
            highlighted(part.text, part.word_shares)
            for part in (self.first, self.second)
        ]
        title = f"<b>cosine {self.cosine:.3f}</b>"
        return f"<div>{title}{texts[0]}{texts[1]}{table}</div>"


@dataclass(frozen=True, eq=False)
class PredictionExplanation:
    """Which terms of a text lead to a prediction.

    Attributes
    ----------
    text : TextExplanation
        The terms. Their shares and the intercept add up to `value`.
    value : float
        Value of the decision function for `target`, or the predicted number.
    intercept : float
        The value for a text without known terms.
    target : object
        The class that is explained; None for a regression.
    """

    text: TextExplanation
    value: float
    intercept: float
    target: Any

    def to_pandas(self) -> Any:
        """Return the terms as a table, the largest shares first.

        Returns
        -------
        pandas.DataFrame
            Columns ``term``, ``kind``, ``share`` and ``linear_share``.
        """
        return self.text.to_pandas()

    def _title(self) -> str:
        """What is predicted."""
        what = "" if self.target is None else f"{self.target}: "
        return f"{what}{self.value:.3f}, intercept {self.intercept:.3f}"

    def __str__(self) -> str:
        return "\n".join([self._title(), *self.text._lines()])

    def _repr_html_(self) -> str:
        return self.text._html(self._title())


@dataclass(frozen=True, eq=False)
class NearestTerms:
    """The terms that are nearest to a text.

    Attributes
    ----------
    query : str
        The text.
    terms : ndarray of shape (n_terms,), dtype=object
        Terms, nearest first.
    cosines : ndarray of shape (n_terms,), dtype=np.float32
        Cosine of each term to the text.
    """

    query: str
    terms: np.ndarray
    cosines: np.ndarray

    def to_pandas(self) -> Any:
        """Return the terms as a table.

        Returns
        -------
        pandas.DataFrame
            Columns ``term`` and ``cosine``.
        """
        pandas = import_optional("pandas", purpose="to_pandas")
        return pandas.DataFrame({"term": self.terms, "cosine": self.cosines})

    def __str__(self) -> str:
        return _list_of_terms(self.terms, self.cosines)

    def _repr_html_(self) -> str:
        rows = [(term, "", cosine) for term, cosine in zip(self.terms, self.cosines)]
        return table_html(rows)


@dataclass(frozen=True, eq=False)
class StrongestTerms:
    """The terms that raise an output column most.

    Attributes
    ----------
    dimension : str
        Name of the column.
    terms : ndarray of shape (n_terms,), dtype=object
        Terms, strongest first.
    strengths : ndarray of shape (n_terms,), dtype=np.float64
        Strength of each term, at most 1. Terms with a negative strength lower the
        column.
    """

    dimension: str
    terms: np.ndarray
    strengths: np.ndarray

    def to_pandas(self) -> Any:
        """Return the terms as a table.

        Returns
        -------
        pandas.DataFrame
            Columns ``term`` and ``strength``.
        """
        pandas = import_optional("pandas", purpose="to_pandas")
        return pandas.DataFrame({"term": self.terms, "strength": self.strengths})

    def __str__(self) -> str:
        return _list_of_terms(self.terms, self.strengths)

    def _repr_html_(self) -> str:
        rows = [(term, "", number) for term, number in zip(self.terms, self.strengths)]
        return table_html(rows)


def split_names(names: Sequence[str], is_mixed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return terms without the prefix of their kind, and their kinds.

    Parameters
    ----------
    names : sequence of str
        Names of features.
    is_mixed : bool
        Whether they have prefixes.

    Returns
    -------
    terms, kinds : ndarray of shape (n_terms,), dtype=object
        As in `TextExplanation`.
    """
    terms, kinds = np.empty((2, len(names)), dtype=object)
    for place, name in enumerate(names):
        kind, separator, term = name.partition("__") if is_mixed else ("", "", name)
        terms[place] = term
        kinds[place] = {"subword": "piece", "word": "word"}.get(kind, "term")
    return terms, kinds


def _list_of_terms(terms: np.ndarray, numbers: np.ndarray) -> str:
    """A line for each term, for a terminal."""
    return "\n".join(f"{number:8.3f}  {term}" for number, term in zip(numbers, terms))


def _kind_in_words(kind: str) -> str:
    """A remark for a terminal."""
    return " (piece)" if kind == "piece" else ""
