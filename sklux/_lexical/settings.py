"""The settings of a lexical stage that decide how documents are read and weighed."""

from dataclasses import dataclass
from typing import Self

from sklearn.feature_extraction.text import TfidfVectorizer

from sklux._lexical.analysis import ANALYZING_METHODS
from sklux._lexical.lexicon import Lexicon
from sklux._utils.estimators import SameObject, frozen


@dataclass(frozen=True)
class LexicalSettings:
    """A key: two stages with equal keys make the same rows of the same documents.

    Parameters of the fit (`max_df` and the like) are not here: what was learnt with
    them is in the lexicon. `norm` and `sublinear_tf` are those of the fit, as in
    scikit-learn. `n_jobs` changes the time only.
    """

    kind: type
    lexicon: SameObject
    replaced_methods: tuple[str, ...]
    input: object
    analyzer: object
    tokenizer: object
    preprocessor: object
    strip_accents: object
    lowercase: object
    token_pattern: object
    stop_words: object
    ngram_range: object
    binary: object
    dtype: object
    norm: object
    sublinear_tf: object

    @classmethod
    def of(cls, vectorizer: TfidfVectorizer, lexicon: Lexicon | None) -> Self:
        """Return the settings of a stage as they are now.

        Parameters
        ----------
        vectorizer : LexicalVectorizer
            Fitted.
        lexicon : Lexicon or None
            What it has learnt.

        Returns
        -------
        LexicalSettings
            They do not follow a later change.
        """
        own, fitted = vars(vectorizer), vectorizer._tfidf
        return cls(
            type(vectorizer),
            SameObject(lexicon),
            tuple(name for name in ANALYZING_METHODS if name in own),
            frozen(vectorizer.input),
            frozen(vectorizer.analyzer),
            frozen(vectorizer.tokenizer),
            frozen(vectorizer.preprocessor),
            frozen(vectorizer.strip_accents),
            frozen(vectorizer.lowercase),
            frozen(vectorizer.token_pattern),
            frozen(vectorizer.stop_words),
            frozen(vectorizer.ngram_range),
            frozen(vectorizer.binary),
            frozen(vectorizer.dtype),
            frozen(fitted.norm),
            frozen(fitted.sublinear_tf),
        )
