"""The lexical stage in a model file: its parameters as JSON, its terms as arrays."""

import inspect
import os
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import (
    CountVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)

from sklux._lexical.analysis import SUBWORD_ANALYZERS
from sklux._lexical.characters import PACKED
from sklux._lexical.file_checks import (
    TRUST,
    RefusedError,
    check_stored_stage,
    check_stored_tokenizer,
)
from sklux._lexical.lexicon import Lexicon
from sklux._lexical.ready import PREFIX, ReadyTables, ready_tables
from sklux._lexical.subwords import Subwords
from sklux._lexical.tokens import Strings, concatenate_strings, pack_strings
from sklux._lexical.vectorizer import LexicalVectorizer, adopt_lexicon, lexicon_of
from sklux._utils.model_file import json_params

# Classes that a model file can hold, by their names in the file.
SAVABLE = {
    "CountVectorizer": CountVectorizer,
    "TfidfVectorizer": TfidfVectorizer,
    "LexicalVectorizer": LexicalVectorizer,
}
# Types of the values of a matrix, by their names in the file.
VALUE_TYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"),
    *("uint64", "float16", "float32", "float64"),
)
# Names of the tensors of a stage, apart from its table of characters.
TENSORS = frozenset({"terms", "term_offsets", "idf", "n_pieces", "tokenizer"})
# Prefix of the tensors with the table of characters, one for each part of the table.
CHARACTERS = "characters_"


def lexical_params(
    vectorizer: CountVectorizer, tokenizers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the parameters of a lexical stage in a form that JSON can hold.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        An instance of one of these classes, not of a subclass.
    tokenizers : dict of str to str, or None
        The JSON of tokenizers by their paths, as `tokenizer_of_path` returns it: the
        file does not hold paths.

    Returns
    -------
    dict
        ``{"class": name, "params": {...}}``.

    Raises
    ------
    TypeError
        If the stage has another class, or JSON cannot hold a parameter. The message
        names the class or the parameter, and joblib.
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
    if tokenizers and isinstance(params["tokenizer"], str):
        given = params["tokenizer"]
        params["tokenizer"] = tokenizers.get(given, given)
    return {"class": name, "params": json_params(f"the lexical stage {name}", params)}


def tokenizer_of_path(vectorizer: CountVectorizer) -> dict[str, str]:
    """Return the tokenizer of a fitted stage that was given as a path.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        Fitted.

    Returns
    -------
    dict of str to str
        The JSON of the tokenizer by its path; empty if the tokenizer is not a path.
    """
    if not isinstance(vectorizer, LexicalVectorizer):
        return {}
    given = vectorizer.tokenizer
    if not _is_path(given):
        return {}
    subwords = lexicon_of(vectorizer).subwords
    return {} if subwords is None else {os.fspath(given): subwords.tokenizer_json}


def _is_path(tokenizer: object) -> bool:
    """Whether a tokenizer is given by the path of a file."""
    if isinstance(tokenizer, str):
        return not tokenizer.lstrip().startswith("{")
    return isinstance(tokenizer, os.PathLike)


def lexical_from_params(
    state: dict[str, Any],
    tensors: dict[str, np.ndarray] | None = None,
    verify: bool = True,
) -> CountVectorizer:
    """Return an unfitted stage with the parameters of a model file.

    Parameters
    ----------
    state : dict
        As `lexical_params` returns it: ``{"class": name, "params": {...}}``.
    tensors : dict of str to ndarray, or None
        The tensors of the file. Their tokenizer takes the place of a path, which
        earlier versions wrote.
    verify : bool, default=True
        Whether to refuse settings that a forged file could misuse.

    Returns
    -------
    CountVectorizer or TfidfVectorizer
        The stage.

    Raises
    ------
    ValueError
        If this version does not have the class or one of its parameters, or a
        parameter has a value that is not allowed.
    """
    kind = SAVABLE.get(state["class"])
    if kind is None:
        raise ValueError(
            f"The model's lexical stage is a {state['class']}, which this version of "
            f"sklux does not support; it supports {sorted(SAVABLE)}. Upgrade sklux."
        )
    params = dict(state["params"])
    unknown = sorted(set(params) - set(inspect.signature(kind).parameters))
    if unknown:
        raise ValueError(
            f"The model's {state['class']} has the parameters {unknown}, which the "
            "installed scikit-learn and sklux do not have. Upgrade them."
        )
    _check_values(params)
    params["ngram_range"] = tuple(params["ngram_range"])
    params["dtype"] = np.dtype(params["dtype"]).type
    if _is_path(params["tokenizer"]) and "tokenizer" in (tensors or {}):
        params["tokenizer"] = tensors["tokenizer"].tobytes().decode()
    vectorizer = kind(**params)
    # The constraints of the class, which `fit` checks, too.
    vectorizer._validate_params()
    if verify:
        check_stored_stage(vectorizer)
    return vectorizer


def _check_values(params: dict[str, Any]) -> None:
    """Refuse values whose kind the constraints of the classes do not tell."""
    bounds, vocabulary = params["ngram_range"], params["vocabulary"]
    words = params["stop_words"] if isinstance(params["stop_words"], list) else []
    numbers = vocabulary.values() if isinstance(vocabulary, dict) else []
    allowed = {
        "ngram_range": isinstance(bounds, list)
        and len(bounds) == 2
        and all(type(bound) is int for bound in bounds)
        and 1 <= bounds[0] <= bounds[1],
        "dtype": params["dtype"] in VALUE_TYPES,
        "encoding": isinstance(params["encoding"], str),
        "stop_words": all(isinstance(word, str) for word in words),
        "vocabulary": vocabulary is None
        or (
            isinstance(vocabulary, list | dict)
            and all(isinstance(term, str) for term in vocabulary)
            and all(type(number) is int for number in numbers)
        ),
    }
    for name, is_allowed in allowed.items():
        if not is_allowed:
            raise ValueError(
                f"The model's parameter {name}={str(params[name])[:80]} has a value "
                "that it cannot have. Save the model again."
            )


def lexical_tensors(vectorizer: CountVectorizer) -> dict[str, np.ndarray]:
    """Return the arrays of a fitted stage: its terms, idf and word pieces.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        Fitted.

    Returns
    -------
    dict of str to ndarray
        ``terms``: the UTF-8 bytes of all terms in the order of their columns, dtype
        uint8. ``term_offsets``: of shape (n_features + 1,), dtype int64. ``idf``: of
        shape (n_features,), if the stage uses it. With word pieces ``tokenizer``, the
        UTF-8 bytes of its JSON, and its rules for each character, if the kernel reads
        text. ``n_pieces``: of shape (1,), if the terms are word pieces and words.
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
    vectorizer: CountVectorizer,
    tensors: dict[str, np.ndarray],
    verify: bool = True,
    tables_state: dict[str, Any] | None = None,
) -> CountVectorizer:
    """Fit a stage from its arrays.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or LexicalVectorizer
        Unfitted; changed in place.
    tensors : dict of str to ndarray
        As `lexical_tensors` returns them.
    verify : bool, default=True
        Whether terms are checked to be text, and word pieces are parsed and checked
        now, instead of on first use.
    tables_state : dict or None, default=None
        The state of the look-up tables, if the file has any; the first `transform`
        checks them.

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
    if verify:
        _check_text(arena, offsets)
    if not isinstance(vectorizer, LexicalVectorizer):
        return _restore_scikit_learn(vectorizer, tensors)
    # A given tokenizer has its own rules.
    is_learnt = vectorizer.tokenizer is None
    segmentation = vectorizer.segmentation if is_learnt else "regex"
    tables = ready_tables(tables_state, tensors, tensors.get("places"))
    lexicon = Lexicon(
        learnt=_term_parts(Strings(arena, offsets), tensors, vectorizer.analyzer),
        is_mixed="n_pieces" in tensors,
        subwords=_subwords(tensors, verify, segmentation, tables),
        idf=_idf(tensors) if vectorizer.use_idf else None,
        tables=tables,
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
    """The idf in a file."""
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
    """The terms in a file, in two parts if they are word pieces and words."""
    if ("n_pieces" in tensors) != (analyzer == "word+subword") or (
        ("tokenizer" in tensors) != (analyzer in SUBWORD_ANALYZERS)
    ):
        raise ValueError(
            f"The model has a lexical stage with analyzer={analyzer!r}, but its word "
            "pieces are missing or belong to another analyzer. Save the model again."
        )
    if "n_pieces" not in tensors:
        return (terms,)
    sizes = tensors["n_pieces"]
    if (
        sizes.dtype != np.int64
        or sizes.shape != (1,)
        or not 0 <= sizes[0] <= len(terms)
    ):
        raise ValueError("The model's vocabulary is damaged: its parts do not fit.")
    n_pieces = int(sizes[0])
    arena, offsets = terms
    return (
        Strings(arena, offsets[: n_pieces + 1]),
        Strings(arena, offsets[n_pieces:]),
    )


def _subwords(
    tensors: dict[str, np.ndarray],
    verify: bool,
    segmentation: str,
    ready: ReadyTables | None,
) -> Subwords | None:
    """The word pieces in a file."""
    if "tokenizer" not in tensors:
        return None
    tables = {
        name.removeprefix(CHARACTERS): array
        for name, array in tensors.items()
        if name.startswith(CHARACTERS)
    }
    if tables and set(tables) != PACKED:
        raise ValueError(
            "The model's word pieces are damaged: a part of the table of characters is "
            "missing."
        )
    try:
        tokenizer_json = tensors["tokenizer"].tobytes().decode()
        pieces = None if ready is None else ready.pieces()
        subwords = Subwords(tokenizer_json, tables or None, segmentation, pieces)
        if verify:
            check_stored_tokenizer(tokenizer_json)
            subwords.read_all()
            if ready is not None and not ready.has_rules_of(subwords):
                raise ValueError("its look-up tables have other rules")
    except ImportError:
        raise
    except RefusedError as error:
        raise ValueError(f"{error} {TRUST}") from error
    except Exception as error:
        raise ValueError(f"The model's word pieces are damaged: {error!r}.") from error
    return subwords


def is_lexical_tensor(name: str) -> bool:
    """Whether a lexical stage may have a tensor of this name.

    Parameters
    ----------
    name : str
        Name of a tensor in a file.

    Returns
    -------
    bool
        True for the names of `lexical_tensors`, and for look-up tables.
    """
    is_table = name.startswith(CHARACTERS) and name.removeprefix(CHARACTERS) in PACKED
    return name in TENSORS or is_table or name.startswith(PREFIX)


def _tfidf_params(vectorizer: TfidfVectorizer) -> dict[str, Any]:
    """Parameters that a TfidfVectorizer passes to its TfidfTransformer."""
    names = ("norm", "use_idf", "smooth_idf", "sublinear_tf")
    return {name: getattr(vectorizer, name) for name in names}


def _check_terms(arena: np.ndarray, offsets: np.ndarray) -> None:
    """Refuse terms whose offsets lead outside of their bytes."""
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


def _check_text(arena: np.ndarray, offsets: np.ndarray) -> None:
    """Refuse terms that are not UTF-8."""
    begins = offsets[:-1][offsets[:-1] < len(arena)]
    # The bytes of a character after the first one are 10xxxxxx.
    is_cut = bool((arena[begins] & 0xC0 == 0x80).any())
    try:
        arena.tobytes().decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        is_cut = True
    if is_cut:
        raise ValueError("The model's vocabulary is damaged: a term is not UTF-8.")


def _decode_terms(arena: np.ndarray, offsets: np.ndarray) -> dict[str, int]:
    """Terms with their columns, from their bytes."""
    try:
        terms = Strings(arena, offsets).tolist()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The model's vocabulary is damaged: a term is not UTF-8 ({error})."
        ) from error
    vocabulary = dict(zip(terms, range(len(terms))))
    if len(vocabulary) != len(terms):
        raise ValueError(
            "The model's vocabulary is damaged: a term occurs in it twice."
        )
    return vocabulary
