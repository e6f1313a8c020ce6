"""New documents of a fitted stage: the terms that they bring."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklux._lexical.fitting import TermLimits, learn_terms
from sklux._lexical.vectorizer import LexicalVectorizer, adopt_lexicon, lexicon_of

# A term of one document says nothing about other documents.
MIN_NEW_DF = 2


class ExtendedStage(NamedTuple):
    """A stage with new terms.

    Attributes
    ----------
    stage : LexicalVectorizer
        A copy of the stage with more terms, or the stage itself.
    n_new_terms : int
        Number of new terms. They are the last columns.
    """

    stage: LexicalVectorizer
    n_new_terms: int


@dataclass(frozen=True)
class _NewLimits(TermLimits):
    """Limits that may leave no term."""

    def choose(self, tf: np.ndarray, df: np.ndarray, n_documents: int) -> np.ndarray:
        """Terms of at least `MIN_NEW_DF` documents that `max_df` and `min_df` keep."""
        if len(df) == 0:
            return np.zeros(0, dtype=bool)
        try:
            kept = super().choose(tf, df, n_documents)
        except ValueError:
            return np.zeros(len(df), dtype=bool)
        return kept & (df >= MIN_NEW_DF)


def with_new_terms(
    stage: LexicalVectorizer,
    documents: Iterable[str],
    max_new_terms: int,
    n_documents: int,
) -> ExtendedStage:
    """Add the most frequent terms of new documents that a fitted stage lacks.

    The known terms keep their columns and their idf. A new term gets the idf of a term
    that no earlier document contains.

    Parameters
    ----------
    stage : LexicalVectorizer
        Fitted; not changed.
    documents : iterable of str
        The new documents.
    max_new_terms : int
        Largest number of new terms.
    n_documents : int
        Number of all documents, old and new, for the idf.

    Returns
    -------
    ExtendedStage
        The stage itself if there is no new term, or if its terms cannot change:
        the user gave them, or functions of the user read the documents.
    """
    lexicon = lexicon_of(stage)
    if max_new_terms == 0 or lexicon.learnt is None or not stage._uses_kernels():
        return ExtendedStage(stage, 0)
    source = stage._sources(lexicon.subwords)[-1]
    limits = _NewLimits(stage.max_df, stage.min_df, None, stage.binary, stage.dtype)
    found = learn_terms((source,), stage._blocks(documents), limits, stage.n_jobs)
    known = set(lexicon.learnt[-1].tolist())
    names = found.terms[0].tolist()
    order = np.argsort(-found.df.astype(np.int64), kind="stable").tolist()
    chosen = [number for number in order if names[number] not in known]
    chosen = chosen[:max_new_terms]
    if not chosen:
        return ExtendedStage(stage, 0)
    extended = copy(stage)
    idf = stage._idf_of(found.df[chosen], n_documents)
    adopt_lexicon(
        extended, lexicon.with_terms([names[number] for number in chosen], idf)
    )
    return ExtendedStage(extended, len(chosen))
