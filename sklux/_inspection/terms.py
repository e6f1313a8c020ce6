"""Single terms of a model: their names, kinds and vectors."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sklux._inspection.explanations import split_names
from sklux._lexical.vectorizer import LexicalVectorizer, lexicon_of
from sklux._student.network import apply_network
from sklux._student.projection import network_of
from sklux._vectorizer import LuxicalVectorizer

# Terms whose vectors are in memory at a time.
BLOCK_TERMS = 20_000


def names_of(model: LuxicalVectorizer, columns: np.ndarray) -> list[str]:
    """Return the names of some features.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.
    columns : ndarray of shape (n_terms,), dtype=np.intp
        The features.

    Returns
    -------
    list of str
        Their names, with the prefix of their kind if the stage has both kinds.

    Raises
    ------
    ValueError
        If the lexical stage has no names.
    """
    lexical: Any = model.lexical_
    if isinstance(lexical, LexicalVectorizer):
        return lexicon_of(lexical).names_of(columns)
    if not hasattr(lexical, "get_feature_names_out"):
        raise ValueError(
            f"The lexical stage {lexical!r} has no names for its columns "
            "(get_feature_names_out), so terms cannot be named. Use LexicalVectorizer."
        )
    return [str(name) for name in lexical.get_feature_names_out()[columns]]


def terms_and_kinds(
    model: LuxicalVectorizer, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return some terms and their kinds.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.
    columns : ndarray of shape (n_terms,), dtype=np.intp
        The features.

    Returns
    -------
    terms : ndarray of shape (n_terms,), dtype=object
        The terms without a prefix.
    kinds : ndarray of shape (n_terms,), dtype=object
        ``'word'`` or ``'piece'``; ``'term'`` if the stage has terms of one kind.
    """
    is_mixed = _analyzer(model) == "word+subword"
    return split_names(names_of(model, columns), is_mixed)


def columns_of_kind(
    model: LuxicalVectorizer, kind: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the terms of a kind, and their columns.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted, or an error is raised.
    kind : {'word', 'piece'} or None
        As in `sklux.inspection.nearest_terms`.

    Returns
    -------
    terms : ndarray of shape (n_terms,), dtype=object
        The terms without a prefix.
    columns : ndarray of shape (n_terms,), dtype=np.intp
        Their features, in ascending order.

    Raises
    ------
    ValueError
        If the model has no terms of the kind.
    """
    check_is_fitted(model)
    columns = np.arange(network_of(model.projection_).n_features)
    terms, kinds = terms_and_kinds(model, columns)
    if "term" in kinds:
        own = "piece" if _analyzer(model) == "subword" else "word"
        if kind not in (None, own):
            raise ValueError(f"kind={kind!r}, but all terms of the model are {own}s.")
        return terms, columns
    columns = np.flatnonzero(kinds == (kind or "word"))
    if len(columns) == 0:
        raise ValueError(f"The model has no terms of the kind {kind or 'word'!r}.")
    return terms[columns], columns


def term_blocks(model: LuxicalVectorizer, columns: np.ndarray) -> Iterator[np.ndarray]:
    """Yield unit vectors of single terms, block by block.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.
    columns : ndarray of shape (n_terms,), dtype=np.intp
        The terms.

    Yields
    ------
    ndarray of shape (n_block, n_components), dtype=np.float32
        Vectors of the next terms; zero for a term without weights.
    """
    network = network_of(model.projection_)
    for begin in range(0, len(columns), BLOCK_TERMS):
        block = columns[begin : begin + BLOCK_TERMS]
        ones = np.ones(len(block), dtype=np.float32)
        places = (ones, block, np.arange(len(block) + 1))
        rows = sparse.csr_matrix(places, shape=(len(block), network.n_features))
        yield apply_network(rows, network, model.n_jobs)


def most_frequent_first(model: LuxicalVectorizer, columns: np.ndarray) -> np.ndarray:
    """Return the order of terms by their frequency in the corpus of the fit.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.
    columns : ndarray of shape (n_terms,), dtype=np.intp
        The terms.

    Returns
    -------
    ndarray of shape (n_terms,), dtype=np.intp
        Places of the terms in `columns`. They keep their order if the frequencies are
        not known.
    """
    # The rows of a network lie in the order of frequency.
    places = network_of(model.projection_).places
    if places is None:
        return np.arange(len(columns))
    return np.argsort(places[columns], kind="stable")


def _analyzer(model: LuxicalVectorizer) -> object:
    """Which kind of terms the stage has; None for a stage of another class."""
    is_ours = isinstance(model.lexical_, LexicalVectorizer)
    return model.lexical_.analyzer if is_ours else None
