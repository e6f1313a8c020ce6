"""Checks of the settings of word pieces, which scikit-learn's vectorizers lack."""

from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer

from sklux._lexical.analysis import (
    SUBWORD_ANALYZERS,
    analyzes_as_scikit_learn,
    is_float_type,
    least_word_length,
    ngram_bounds,
    text_source,
)
from sklux._utils.warnings import warn_caller

# Parameters that word pieces alone do not use, with their default values.
UNUSED_BY_PIECES = {
    "lowercase": True,
    "stop_words": None,
    "strip_accents": None,
    "token_pattern": r"(?u)\b\w\w+\b",
}


def check_settings(vectorizer: TfidfVectorizer, base: type) -> None:
    """Refuse settings that neither the kernels nor scikit-learn support.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Its parameters have allowed types.
    base : type
        The class whose methods the kernels replace.

    Raises
    ------
    ValueError
        If the tokenizer and the analyzer do not fit, or word pieces are combined with
        a setting that the kernels do not support.
    """
    if vectorizer.segmentation == "unicode":
        _check_unicode_words(vectorizer)
    if vectorizer.analyzer not in SUBWORD_ANALYZERS:
        _check_tokenizer(vectorizer)
        return
    if not is_float_type(vectorizer.dtype):
        raise ValueError(
            "The 'dtype' parameter of LexicalVectorizer must be np.float32 or "
            f"np.float64 when analyzer={vectorizer.analyzer!r}. Got "
            f"{vectorizer.dtype!r} instead."
        )
    if not analyzes_as_scikit_learn(vectorizer, base):
        raise ValueError(
            f"{type(vectorizer).__name__} overrides a method of the analysis, which "
            f"analyzer={vectorizer.analyzer!r} does not call. Use analyzer='word'."
        )
    _check_kernels_support(vectorizer)


def check_position_weight(vectorizer: Any, *, uses_kernels: bool) -> None:
    """Refuse weights by place if scikit-learn reads the documents.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Its parameters have allowed types.
    uses_kernels : bool
        Whether the kernels support the other settings.

    Raises
    ------
    ValueError
        If `position_weight` is a number above 0, and the kernels do not read the
        documents.
    """
    weight = vectorizer.position_weight
    if uses_kernels or weight == "auto" or weight == 0:
        return
    raise ValueError(
        f"The 'position_weight' parameter of LexicalVectorizer is {weight!r}, which "
        "needs documents that compiled code reads, and a finite idf. Another setting, "
        "such as a callable or a token_pattern that is not a run of word characters, "
        "leaves the documents to scikit-learn. Change it, or set position_weight=0."
    )


def _check_tokenizer(vectorizer: TfidfVectorizer) -> None:
    """Refuse a tokenizer of word pieces if the analyzer does not use word pieces."""
    tokenizer = vectorizer.tokenizer
    if tokenizer is not None and not callable(tokenizer):
        raise ValueError(
            "The 'tokenizer' parameter of LexicalVectorizer must be a callable or None "
            f"when analyzer={vectorizer.analyzer!r}. Got {type(tokenizer).__name__} "
            "instead. A tokenizer of word pieces needs analyzer='subword' or "
            "'word+subword'."
        )


def _check_unicode_words(vectorizer: Any) -> None:
    """Refuse settings that replace the rules of ``segmentation='unicode'``."""
    replaced = []
    if vectorizer.preprocessor is not None and not callable(vectorizer.analyzer):
        replaced.append("preprocessor")
    if vectorizer.analyzer == "word" and vectorizer.tokenizer is not None:
        replaced.append("tokenizer")
    if (
        vectorizer.analyzer in ("word", "word+subword")
        and least_word_length(vectorizer.token_pattern) is None
    ):
        replaced.append("token_pattern")
    if replaced:
        values = ", ".join(f"{name}={getattr(vectorizer, name)!r}" for name in replaced)
        raise ValueError(
            "LexicalVectorizer with segmentation='unicode' has its own rules for "
            "words; it supports only preprocessor=None, tokenizer=None and a "
            f"token_pattern such as '(?u)\\b\\w\\w+\\b'. Got {values}. Set "
            "segmentation='regex'."
        )


def _check_kernels_support(vectorizer: TfidfVectorizer) -> None:
    """Refuse settings that the kernels do not support alongside word pieces."""
    names = ["ngram_range"]
    if vectorizer.analyzer == "subword":
        is_supported = ngram_bounds(vectorizer.ngram_range) is not None
    else:
        is_supported = text_source(vectorizer, "word") is not None
        names += ["token_pattern", "preprocessor", "strip_accents", "stop_words"]
    if not is_supported:
        values = ", ".join(f"{name}={getattr(vectorizer, name)!r}" for name in names)
        raise ValueError(
            f"LexicalVectorizer with analyzer={vectorizer.analyzer!r} supports only an "
            "ngram_range of ints from 1 up, a token_pattern such as "
            "'(?u)\\b\\w\\w+\\b', preprocessor=None, strip_accents 'ascii', 'unicode' "
            f"or None, and stop_words that are str. Got {values}. Change these, or use "
            "analyzer='word'."
        )


def warn_for_unused_params(vectorizer: TfidfVectorizer) -> None:
    """Warn for parameters that an analyzer of word pieces does not use.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Its analyzer is one of `SUBWORD_ANALYZERS`.

    Warns
    -----
    UserWarning
        If such a parameter does not have its default value. The message is
        scikit-learn's.
    """
    unused: dict[str, object] = {"preprocessor": None}
    if vectorizer.analyzer == "subword":
        unused |= UNUSED_BY_PIECES
    for name, default in unused.items():
        if getattr(vectorizer, name) != default:
            warn_caller(
                f"The parameter {name!r} will not be used since 'analyzer' == "
                f"{vectorizer.analyzer!r}",
                UserWarning,
            )
