"""The lexical stage's form in a model file."""

import inspect
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)

from sklux._persistence import json_params

# What a model file can hold, by the name it is written under.
SAVABLE = {"CountVectorizer": CountVectorizer, "TfidfVectorizer": TfidfVectorizer}


def lexical_params(vectorizer: CountVectorizer) -> dict[str, Any]:
    """Parameters of a lexical stage, as JSON can hold them.

    Parameters
    ----------
    vectorizer : CountVectorizer or TfidfVectorizer
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
            "installed scikit-learn does not know. Upgrade scikit-learn."
        )
    params["ngram_range"] = tuple(params["ngram_range"])
    params["dtype"] = np.dtype(params["dtype"]).type
    return kind(**params)


def lexical_tensors(vectorizer: CountVectorizer) -> dict[str, np.ndarray]:
    """Arrays of a fitted stage: its terms in one arena, and their idf.

    Parameters
    ----------
    vectorizer : CountVectorizer or TfidfVectorizer
        Fitted.

    Returns
    -------
    dict of str to ndarray
        ``terms``, UTF-8 bytes of all terms in column order, dtype uint8;
        ``term_offsets``, of shape (n_features + 1,), dtype int64; and ``idf``,
        of shape (n_features,), where the stage weighs by idf.
    """
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    encoded = [term.encode("utf-8", "surrogatepass") for term in terms]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(term) for term in encoded], out=offsets[1:])
    tensors = {
        "terms": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "term_offsets": offsets,
    }
    if getattr(vectorizer, "use_idf", False):
        tensors["idf"] = vectorizer.idf_
    return tensors


def restore_lexical(
    vectorizer: CountVectorizer, tensors: dict[str, np.ndarray]
) -> CountVectorizer:
    """Fit a stage from its arrays.

    Parameters
    ----------
    vectorizer : CountVectorizer or TfidfVectorizer
        Unfitted; changed in place.
    tensors : dict of str to ndarray
        As `lexical_tensors` gives them.

    Returns
    -------
    CountVectorizer or TfidfVectorizer
        The same object, fitted.

    Raises
    ------
    ValueError
        If the arrays do not fit together.
    """
    vocabulary = _decode_terms(tensors["terms"], tensors["term_offsets"])
    n_features = len(vocabulary)
    vectorizer.fixed_vocabulary_ = vectorizer.vocabulary is not None
    vectorizer.vocabulary_ = vocabulary
    if isinstance(vectorizer, TfidfVectorizer):
        # What fit leaves there besides the idf depends on the width alone.
        no_terms = sparse.csr_matrix((1, n_features), dtype=vectorizer.dtype)
        vectorizer._tfidf = TfidfTransformer(**_tfidf_params(vectorizer)).fit(no_terms)
        if vectorizer.use_idf:
            idf = np.array(tensors["idf"])
            if idf.shape != (n_features,) or idf.dtype.kind != "f":
                raise ValueError(
                    f"The model's idf has shape {idf.shape}, not ({n_features},), or "
                    f"is not of a float type: {idf.dtype}."
                )
            vectorizer.idf_ = idf
    return vectorizer


def _tfidf_params(vectorizer: TfidfVectorizer) -> dict[str, Any]:
    """Parameters that a TfidfVectorizer shares with its TfidfTransformer."""
    names = ("norm", "use_idf", "smooth_idf", "sublinear_tf")
    return {name: getattr(vectorizer, name) for name in names}


def _decode_terms(arena: np.ndarray, offsets: np.ndarray) -> dict[str, int]:
    """Terms of an arena, with their columns."""
    if (
        arena.dtype != np.uint8
        or arena.ndim != 1
        or offsets.dtype != np.int64
        or offsets.ndim != 1
        or len(offsets) < 2
        or offsets[0] != 0
        or offsets[-1] != len(arena)
        or (np.diff(offsets) < 0).any()
    ):
        raise ValueError("The model's vocabulary is damaged: its offsets do not fit.")
    text = arena.tobytes()
    bounds = offsets.tolist()
    try:
        vocabulary = {
            text[start:stop].decode("utf-8", "surrogatepass"): column
            for column, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:]))
        }
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The model's vocabulary is damaged: a term is not UTF-8 ({error})."
        ) from error
    if len(vocabulary) != len(offsets) - 1:
        raise ValueError(
            "The model's vocabulary is damaged: a term stands in it twice."
        )
    return vocabulary
