"""The settings that decide how a lexical stage reads and weighs documents."""

from operator import attrgetter
from typing import NamedTuple, Self

from sklearn.feature_extraction.text import TfidfVectorizer

from sklux._lexical.analysis import ANALYZING_METHODS
from sklux._lexical.lexicon import Lexicon

# Parameters that `transform` reads, in the order of the fields of LexicalSettings.
PARAMETERS = (
    "input",
    "analyzer",
    "tokenizer",
    "preprocessor",
    "strip_accents",
    "lowercase",
    "token_pattern",
    "segmentation",
    "stop_words",
    "ngram_range",
    "binary",
    "dtype",
    "subwords_of",
    "position_weight",
    "position_decay",
)
_values_of = attrgetter(*PARAMETERS)


class LexicalSettings(NamedTuple):
    """What `transform` depends on: stages with the same values give the same rows.

    `EstimatorCache` compares them. Parameters that only the fit uses, such as `max_df`,
    are missing, because the lexicon holds their effect. `norm` and
    `sublinear_tf` have their values at the time of the fit, as in scikit-learn.
    `n_jobs` is missing because it changes only the time.
    """

    kind: type
    lexicon: Lexicon | None
    replaced_methods: tuple[str, ...]
    norm: object
    sublinear_tf: object
    input: object
    analyzer: object
    tokenizer: object
    preprocessor: object
    strip_accents: object
    lowercase: object
    token_pattern: object
    segmentation: object
    stop_words: object
    ngram_range: object
    binary: object
    dtype: object
    subwords_of: object
    position_weight: object
    position_decay: object

    @classmethod
    def of(cls, vectorizer: TfidfVectorizer, lexicon: Lexicon | None) -> Self:
        """Return the present settings of a stage.

        Parameters
        ----------
        vectorizer : LexicalVectorizer
            Fitted.
        lexicon : Lexicon or None
            The lexicon of the stage.

        Returns
        -------
        LexicalSettings
            The values themselves.
        """
        # Made for every call of `transform`, so loops run in C.
        fitted = vectorizer._tfidf
        return cls(
            type(vectorizer),
            lexicon,
            ()
            if vars(vectorizer).keys().isdisjoint(ANALYZING_METHODS)
            else tuple(filter(vars(vectorizer).__contains__, ANALYZING_METHODS)),
            fitted.norm,
            fitted.sublinear_tf,
            *_values_of(vectorizer),
        )
