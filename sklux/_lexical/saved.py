"""The lexical stage's form in a model file."""

import inspect
import os
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)

from sklux._kernels.words import ARENA_PADDING
from sklux._lexical.characters import PACKED
from sklux._lexical.lexicon import Lexicon
from sklux._lexical.subwords import Subwords
from sklux._lexical.tokens import Strings, concatenate_strings, pack_strings
from sklux._lexical.vectorizer import (
    SUBWORD_ANALYZERS,
    LexicalVectorizer,
    adopt_lexicon,
    lexicon_of,
)
from sklux._utils.model_file import json_params

# What a model file can hold, by the name it is written under.
SAVABLE = {
    "CountVectorizer": CountVectorizer,
    "TfidfVectorizer": TfidfVectorizer,
    "LexicalVectorizer": LexicalVectorizer,
}
# Tensors of the table of characters are named after its parts.
CHARACTERS = "characters_"


def lexical_params(vectorizer: CountVectorizer) -> dict[str, Any]:
    """Parameters of a lexical stage, as JSON can hold them.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        Exactly one of these classes.

    Returns
    -------
    dict
        ``{"class": name, "params": {...}}``.

    Raises
    ------
    TypeError
        If the class is another, or a parameter cannot be held; the message
        names it and points to joblib.
    """
    name = type(vectorizer).__name__
    if SAVABLE.get(name) is not type(vectorizer):
        raise TypeError(
            f"save cannot hold a lexical stage of class {name}, only "
            f"{sorted(SAVABLE)}. Use joblib.dump for this model."
        )
    params = vectorizer.get_params(deep=False)
    params["dtype"] = np.dtype(params["dtype"]).name
    params["ngram_range"] = [int(bound) for bound in params["ngram_range"]]
    if hasattr(params["tokenizer"], "to_str"):
        params["tokenizer"] = params["tokenizer"].to_str()
    elif isinstance(params["tokenizer"], os.PathLike):
        params["tokenizer"] = os.fspath(params["tokenizer"])
    return {"class": name, "params": json_params(f"the lexical stage {name}", params)}


def lexical_from_params(state: dict[str, Any]) -> CountVectorizer:
    """Return an unfitted stage from what `lexical_params` wrote.

    Parameters
    ----------
    state : dict
        ``{"class": name, "params": {...}}``.

    Returns
    -------
    CountVectorizer or TfidfVectorizer
        The stage.

    Raises
    ------
    ValueError
        If this version does not know the class or one of its parameters.
    """
    kind = SAVABLE.get(state["class"])
    if kind is None:
        raise ValueError(
            f"The model's lexical stage is a {state['class']}, which this version of "
            f"sklux does not know; it knows {sorted(SAVABLE)}. Upgrade sklux."
        )
    params = dict(state["params"])
    unknown = sorted(set(params) - set(inspect.signature(kind).parameters))
    if unknown:
        raise ValueError(
            f"The model's {state['class']} has the parameters {unknown}, which the "
            "installed scikit-learn or sklux does not know. Upgrade them."
        )
    params["ngram_range"] = tuple(params["ngram_range"])
    params["dtype"] = np.dtype(params["dtype"]).type
    return kind(**params)


def lexical_tensors(vectorizer: CountVectorizer) -> dict[str, np.ndarray]:
    """Arrays of a fitted stage: its terms in one arena, idf and word pieces.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        Fitted.

    Returns
    -------
    dict of str to ndarray
        ``terms``, UTF-8 bytes of all terms in column order, dtype uint8;
        ``term_offsets``, of shape (n_features + 1,), dtype int64; ``idf``, of
        shape (n_features,), where the stage weighs by idf; with word pieces
        ``tokenizer``, the UTF-8 bytes of its JSON, and what becomes of each
        character; and ``n_pieces``, of shape (1,), where pieces and words are
        the terms.
    """
    parts, subwords = None, None
    if isinstance(vectorizer, LexicalVectorizer):
        lexicon = lexicon_of(vectorizer)
        parts, subwords = lexicon.terms, lexicon.subwords
    if parts is None:
        vocabulary = vectorizer.vocabulary_
        parts = (pack_strings(sorted(vocabulary, key=vocabulary.__getitem__)),)
    terms = concatenate_strings(parts)
    tensors = {
        "terms": terms.arena[: terms.offsets[-1]],
        "term_offsets": terms.offsets,
    }
    if getattr(vectorizer, "use_idf", False):
        tensors["idf"] = vectorizer.idf_
    if len(parts) > 1:
        tensors["n_pieces"] = np.array([len(parts[0])], dtype=np.int64)
    if subwords is not None:
        json_bytes = subwords.tokenizer_json.encode()
        tensors["tokenizer"] = np.frombuffer(json_bytes, dtype=np.uint8)
        tables = subwords.packed_tables or {}
        tensors |= {CHARACTERS + name: tables[name] for name in sorted(tables)}
    return tensors


def restore_lexical(
    vectorizer: CountVectorizer, tensors: dict[str, np.ndarray], verify: bool = True
) -> CountVectorizer:
    """Fit a stage from its arrays.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        Unfitted; changed in place.
    tensors : dict of str to ndarray
        As `lexical_tensors` gives them.
    verify : bool, default=True
        Whether word pieces are parsed now, so that damage is found now; else when
        they are used.

    Returns
    -------
    CountVectorizer, TfidfVectorizer or LexicalVectorizer
        The same object, fitted.

    Raises
    ------
    ValueError
        If the arrays do not fit together.
    """
    arena, offsets = tensors["terms"], tensors["term_offsets"]
    _check_terms(arena, offsets)
    if not isinstance(vectorizer, LexicalVectorizer):
        return _restore_scikit_learn(vectorizer, tensors)
    terms = Strings(np.r_[arena, np.zeros(ARENA_PADDING, np.uint8)], offsets)
    lexicon = Lexicon(
        learnt=_term_parts(terms, tensors, vectorizer.analyzer),
        is_mixed="n_pieces" in tensors,
        subwords=_subwords(tensors, verify),
        idf=_idf(tensors) if vectorizer.use_idf else None,
    )
    adopt_lexicon(vectorizer, lexicon)
    return vectorizer


def _restore_scikit_learn(
    vectorizer: CountVectorizer, tensors: dict[str, np.ndarray]
) -> CountVectorizer:
    """Fit a vectorizer of scikit-learn from its arrays."""
    vectorizer.fixed_vocabulary_ = vectorizer.vocabulary is not None
    vectorizer.vocabulary_ = _decode_terms(tensors["terms"], tensors["term_offsets"])
    if isinstance(vectorizer, TfidfVectorizer):
        vectorizer._tfidf = TfidfTransformer(**_tfidf_params(vectorizer))
        vectorizer._tfidf.n_features_in_ = len(vectorizer.vocabulary_)
        if vectorizer.use_idf:
            vectorizer._tfidf.idf_ = _idf(tensors)
    return vectorizer


def _idf(tensors: dict[str, np.ndarray]) -> np.ndarray:
    """The idf of a file."""
    n_features = len(tensors["term_offsets"]) - 1
    idf = np.array(tensors["idf"])
    if idf.shape != (n_features,) or idf.dtype.kind != "f":
        raise ValueError(
            f"The model's idf has shape {idf.shape}, not ({n_features},), or "
            f"is not of a float type: {idf.dtype}."
        )
    return idf


def _term_parts(
    terms: Strings, tensors: dict[str, np.ndarray], analyzer: object
) -> tuple[Strings, ...]:
    """The terms of a file, in two parts where they are pieces and words."""
    if ("n_pieces" in tensors) != (analyzer == "word+subword") or (
        ("tokenizer" in tensors) != (analyzer in SUBWORD_ANALYZERS)
    ):
        raise ValueError(
            f"The model has a lexical stage with analyzer={analyzer!r}, but lacks its "
            "pieces, or has pieces of another."
        )
    if "n_pieces" not in tensors:
        return (terms,)
    sizes = tensors["n_pieces"]
    if sizes.dtype != np.int64 or sizes.shape != (1,):
        raise ValueError("The model's vocabulary is damaged: its parts do not fit.")
    n_pieces = int(sizes[0])
    if not 0 <= n_pieces <= len(terms):
        raise ValueError("The model's vocabulary is damaged: its parts do not fit.")
    begin = int(terms.offsets[n_pieces])
    return (
        Strings(
            np.r_[terms.arena[:begin], np.zeros(ARENA_PADDING, np.uint8)],
            terms.offsets[: n_pieces + 1],
        ),
        Strings(terms.arena[begin:], terms.offsets[n_pieces:] - begin),
    )


def _subwords(tensors: dict[str, np.ndarray], verify: bool) -> Subwords | None:
    """The word pieces of a file."""
    if "tokenizer" not in tensors:
        return None
    tables = {
        name.removeprefix(CHARACTERS): array
        for name, array in tensors.items()
        if name.startswith(CHARACTERS)
    }
    if tables and set(tables) != PACKED:
        raise ValueError("The model's word pieces are damaged: they lack characters.")
    try:
        subwords = Subwords(tensors["tokenizer"].tobytes().decode(), tables or None)
        if verify:
            _ = subwords.pieces, subwords.analysis()
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(f"The model's word pieces are damaged: {error!r}.") from error
    return subwords


def _tfidf_params(vectorizer: TfidfVectorizer) -> dict[str, Any]:
    """Parameters that a TfidfVectorizer shares with its TfidfTransformer."""
    names = ("norm", "use_idf", "smooth_idf", "sublinear_tf")
    return {name: getattr(vectorizer, name) for name in names}


def _check_terms(arena: np.ndarray, offsets: np.ndarray) -> None:
    """Refuse terms that lead outside of their arena."""
    if (
        arena.dtype != np.uint8
        or arena.ndim != 1
        or offsets.dtype != np.int64
        or offsets.ndim != 1
        or len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != len(arena)
        or (offsets[1:] < offsets[:-1]).any()
    ):
        raise ValueError("The model's vocabulary is damaged: its offsets do not fit.")


def _decode_terms(arena: np.ndarray, offsets: np.ndarray) -> dict[str, int]:
    """Terms of an arena, with their columns."""
    try:
        terms = Strings(arena, offsets).tolist()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The model's vocabulary is damaged: a term is not UTF-8 ({error})."
        ) from error
    vocabulary = dict(zip(terms, range(len(terms))))
    if len(vocabulary) != len(terms):
        raise ValueError(
            "The model's vocabulary is damaged: a term stands in it twice."
        )
    return vocabulary
