"""Models for other packages: luxical, sentence-transformers, skops, word vectors."""

import json
import os
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._inspection.terms import (
    columns_of_kind,
    most_frequent_first,
    term_blocks,
)
from sklux._inspection.word2vec import (
    check_joiner,
    check_word2vec_path,
    word2vec_names,
    write_word2vec,
)
from sklux._kernels.words import ARENA_PADDING, WordTable
from sklux._lexical.analysis import ngram_bounds
from sklux._lexical.file_checks import MAX_NGRAM, check_stored_tokenizer
from sklux._lexical.lexicon import Lexicon
from sklux._lexical.subwords import MAX_PIECES, Subwords, load_tokenizer
from sklux._lexical.tokens import Strings, join_strings
from sklux._lexical.vectorizer import (
    LexicalVectorizer,
    adopt_lexicon,
    lexical_settings,
    lexicon_of,
)
from sklux._quantizer import ScalarQuantizer
from sklux._streamed_fit import StreamReport
from sklux._student.network import Network, check_finite
from sklux._student.projection import ReLUProjection, adopt_student, network_of
from sklux._student.report import DriftReport, FitReport
from sklux._student.trained import TrainedStudent
from sklux._teacher.cached import CachedTeacher
from sklux._utils.messages import as_sentence
from sklux._utils.optional import import_optional
from sklux._utils.output_file import replaced_when_whole
from sklux._utils.typing import validate_params
from sklux._vectorizer import LuxicalVectorizer

__all__ = [
    "load_luxical",
    "save_luxical",
    "save_word2vec",
    "skops_trusted_types",
    "to_sentence_transformer",
]

LUXICAL_VERSION = 1
# Names of the file's arrays.
VERSION, TOKENIZER, NGRAMS = "version", "tokenizer", "recognized_ngrams"
KEYS, COLUMNS = "ngram_hash_to_ngram_idx_keys", "ngram_hash_to_ngram_idx_values"
IDF, N_LAYERS, LAYER = "idf_values", "num_nn_layers", "nn_layer_"
# Fills the places after the last token of an n-gram, as `NO_WORD` does in a path.
NO_TOKEN = np.uint32(2**32 - 1)
FNV_OFFSET = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
BLANK = ord(" ")
# The classes of all objects that an estimator of sklux consists of.
SKOPS_CLASSES = (
    LuxicalVectorizer,
    LexicalVectorizer,
    Lexicon,
    Strings,
    Subwords,
    ReLUProjection,
    Network,
    FitReport,
    DriftReport,
    StreamReport,
    CachedTeacher,
    ScalarQuantizer,
)
# An array of a file may be this many times as large as its compressed form, and an
# array of so few bytes more.
MAX_RATIO = 100
SMALL_MEMBER = 1_000_000
# Rows that are transposed together.
BLOCK_ROWS = 512


def skops_trusted_types() -> list[str]:
    """Return the names of the types of sklux that a file of skops may hold.

    ``skops.io.load`` and the functions of MLflow that keep scikit-learn models refuse
    other types than theirs, unless they are named. These are the names for all
    estimators of sklux, fitted or not, also inside a pipeline.

    Returns
    -------
    list of str
        Full names of classes. They may differ in another version of sklux.

    See Also
    --------
    LuxicalVectorizer.load : Reads a file of `LuxicalVectorizer.save`, and checks it.

    Notes
    -----
    The arrays of these types are used without a check, and the numbers in a forged file
    can lead outside of an array. Read files of people whom you do not trust by
    `LuxicalVectorizer.load` only.

    A function as `teacher` has a type of its own, which is not in the list. Set
    ``teacher=None`` before you store the model: a fitted model does not need it.

    Examples
    --------
    >>> from sklux import LexicalVectorizer
    >>> from sklux.interop import skops_trusted_types
    >>> "sklux._lexical.vectorizer.LexicalVectorizer" in skops_trusted_types()
    True
    >>> import skops.io  # doctest: +SKIP
    >>> skops.io.load("model.skops", trusted=skops_trusted_types())  # doctest: +SKIP
    """
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in SKOPS_CLASSES]


def to_sentence_transformer(model: LuxicalVectorizer) -> Any:
    """Return a fitted student as a model of sentence-transformers.

    Programs that take a `SentenceTransformer`, such as evaluators, BERTopic and
    KeyBERT, then use the student. ``save_pretrained`` writes a folder that
    ``SentenceTransformer(folder, trust_remote_code=True)`` reads where sklux is
    installed: the class of the module is in sklux.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted. It is not copied.

    Returns
    -------
    sentence_transformers.SentenceTransformer
        On the CPU. ``encode`` returns the vectors of `LuxicalVectorizer.transform`, as
        fast for any ``batch_size``.

    Raises
    ------
    ImportError
        If sentence-transformers is missing, or older than version 6.
    TypeError
        If `model` is not a `LuxicalVectorizer`.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.interop import to_sentence_transformer
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> model = to_sentence_transformer(student)  # doctest: +SKIP
    >>> model.encode(["shortest path in a graph"]).shape  # doctest: +SKIP
    (1, 256)
    """
    package: Any = import_optional(
        "sentence_transformers", extra="teacher", purpose="to_sentence_transformer"
    )
    try:
        from sklux.sentence_transformers import StudentModule, StudentTransformer
    except ImportError as error:
        raise ImportError(
            "to_sentence_transformer needs sentence-transformers 6 or newer. Got "
            f"{package.__version__}: pip install -U sentence-transformers"
        ) from error
    return StudentTransformer(modules=[StudentModule(model)], device="cpu")


def load_luxical(path: str | os.PathLike[str]) -> LuxicalVectorizer:
    """Read a model that the luxical package wrote.

    Neither luxical nor torch is needed; tokenizers (extra ``subword``) is.

    Parameters
    ----------
    path : str or path-like
        File that ``Embedder.save`` of luxical wrote, of format version 1.

    Returns
    -------
    LuxicalVectorizer
        A fitted model. Its terms are the n-grams of word pieces of the file, in the
        same order, joined by blanks. Its idf and its weights come from the file. It has
        no teacher, and ``projection_.teacher_components_`` is None.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If tokenizers is not installed.
    ValueError
        If the file is not a Luxical model or is damaged, or its tokenizer truncates or
        pads, which sklux does not do; the message names the array.

    See Also
    --------
    save_luxical : Writes such a file.
    LuxicalVectorizer.load : Reads sklux's own files.

    Notes
    -----
    The vectors equal luxical's vectors up to rounding: values differ by less than
    1e-5. A text without a known n-gram has the zero vector in both packages. Letters
    that got a lower case in Unicode 16 or 17 follow the installed version of
    tokenizers, which may be newer than the version inside luxical.

    References
    ----------
    .. [1] Luxical: High-Speed Lexical-Dense Text Embeddings, :arxiv:`2512.09015`.

    Examples
    --------
    >>> from sklux.interop import load_luxical
    >>> model = load_luxical("luxical-one.npz")  # doctest: +SKIP
    >>> model.transform(["a red apple"]).shape  # doctest: +SKIP
    (1, 192)
    """
    path = Path(path)
    with open(path, "rb") as stream:
        try:
            return _fitted(*_read_arrays(stream))
        except ValueError as error:
            raise ValueError(
                f"The Luxical file {str(path)!r} cannot be used: {error}"
            ) from error


def save_luxical(model: LuxicalVectorizer, path: str | os.PathLike[str]) -> None:
    """Write a model that the luxical package can load.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted, with ``LexicalVectorizer(analyzer='subword')`` as the lexical stage,
        ``ngram_range`` from 1 up, ``norm='l2'``, idf, counts that are neither
        binary nor sublinear, and at least one hidden layer. The file holds the weights
        in float32. Tied rows become a ReLU network with twice as many hidden units.

    path : str or path-like
        File to write. An existing file is replaced when the new one is complete.
        luxical does not need a particular suffix, and none is added.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If the model or one of its stages is of another class.
    ValueError
        If luxical does not have a setting of the model; the message names it.
    OSError
        If the file cannot be written; an existing file does not change.

    See Also
    --------
    load_luxical : Reads such a file.
    LuxicalVectorizer.save : Writes sklux's own files, for all kinds of models.

    Notes
    -----
    ``Embedder.load`` of luxical then gives the vectors of `model` up to rounding:
    values differ by less than 1e-5. The file does not hold `teacher_id_` nor the data
    that `project_teacher` needs.

    Examples
    --------
    >>> from sklux import LexicalVectorizer, LuxicalVectorizer
    >>> from sklux.interop import save_luxical
    >>> lexical = LexicalVectorizer(analyzer="subword", ngram_range=(1, 3))
    >>> model = LuxicalVectorizer("all-MiniLM-L6-v2", lexical=lexical)
    >>> model.fit(documents)  # doctest: +SKIP
    >>> save_luxical(model, "student.npz")  # doctest: +SKIP
    """
    _check_model(model)
    lexicon = lexicon_of(model.lexical_)
    coefs = network_of(model.projection_).expanded().coefs()
    max_n = ngram_bounds(model.lexical_.ngram_range)[1]
    ngrams = _ngrams(lexicon, max_n)
    if len(ngrams) != len(coefs[0]):
        raise ValueError(
            f"The model has {len(ngrams)} terms, but weights for {len(coefs[0])}. Fit "
            "it again."
        )
    hashes = _ngram_hashes(ngrams)
    ordered = np.sort(hashes)
    if (ordered[1:] == ordered[:-1]).any():
        raise ValueError(
            "Two n-grams of the model have the same hash, so luxical cannot tell them "
            "apart. Fit it with another max_features, or keep it with model.save."
        )
    tokenizer_json = lexicon.subwords.tokenizer_json
    arrays: dict[str, Any] = {
        VERSION: np.int64(LUXICAL_VERSION),
        TOKENIZER: np.frombuffer(tokenizer_json.encode(), dtype=np.uint8),
        NGRAMS: ngrams,
        KEYS: hashes,
        COLUMNS: np.arange(len(ngrams), dtype=np.uint32),
        IDF: np.asarray(lexicon.idf, dtype=np.float32),
        N_LAYERS: np.array([len(coefs)], dtype=np.int64),
    }
    for i, weights in enumerate(coefs):
        arrays[f"{LAYER}{i}"] = _transposed(weights)
    for name, array in arrays.items():
        if array.dtype == np.float32 and not _is_finite(array):
            raise ValueError(
                f"The model's {name} hold NaN or infinite values. Fit it again."
            )
    with replaced_when_whole(path) as partial:
        with open(partial, "wb") as stream:
            np.savez(stream, **arrays)


@validate_params(
    {
        "model": [LuxicalVectorizer],
        "path": [str, os.PathLike],
        "kind": [StrOptions({"word", "piece"}), None],
        "joiner": [str, None],
        "binary": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def save_word2vec(
    model: LuxicalVectorizer,
    path: str | os.PathLike[str],
    *,
    kind: str | None = None,
    joiner: str | None = None,
    binary: bool = False,
) -> None:
    """Write the vectors of single terms in word2vec's format.

    gensim, fastText and other packages for word vectors read the file.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    path : str or path-like
        File to write. An existing file is replaced when the new one is complete.

    kind : {'word', 'piece'} or None, default=None
        Which terms: words with their n-grams, or word pieces. None means words if the
        stage has both kinds, and else all terms.

    joiner : str or None, default=None
        Text in the place of a blank, because a name in the file cannot hold one. With
        ``'_'``, the pair "new york" is written as ``new_york``. None leaves out all
        terms with blanks, which are the n-grams of several words.

    binary : bool, default=False
        Whether the numbers are binary: the file is a third as large, and gensim reads
        it many times as fast.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If no term can be written, `joiner` is empty or holds a blank, or `path` is the
        name of a compressed file.
    OSError
        If the file cannot be written.

    Warns
    -----
    UserWarning
        If terms are left out, because their name with `joiner` is the name of another
        term, or because they are empty or not valid Unicode.

    See Also
    --------
    sklux.inspection.term_embeddings : The same vectors as an array.

    Notes
    -----
    `sklux.inspection.term_embeddings` returns the same vectors; both forms of the file
    keep their bits. The vector of a pair is what the model adds for the pair, apart
    from its two words; the vector of a phrase is ``model.transform([phrase])``. Terms
    without weights have no direction and are left out. The terms that occur in most
    documents of the fit come first, so that a reader can stop early (``limit`` of
    gensim). The names are held in memory, the vectors a block at a time.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.interop import save_word2vec
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> save_word2vec(student, "words.txt")  # doctest: +SKIP
    >>> from gensim.models import KeyedVectors  # doctest: +SKIP
    >>> words = KeyedVectors.load_word2vec_format("words.txt")  # doctest: +SKIP
    >>> words.most_similar("graph", topn=3)  # doctest: +SKIP
    """
    check_word2vec_path(path)
    check_joiner(joiner)
    terms, columns = columns_of_kind(model, kind)
    names, places = word2vec_names(terms, joiner)
    columns = columns[places]
    has_vector = np.zeros(len(columns), dtype=bool)
    begin = 0
    for block in term_blocks(model, columns):
        has_vector[begin : begin + len(block)] = block.any(axis=1)
        begin += len(block)
    names, columns = names[has_vector], columns[has_vector]
    if len(columns) == 0:
        raise ValueError(
            f"None of the {len(terms)} terms can be written: they hold blanks or have "
            "no weights. Give joiner='_' to write terms with blanks."
        )
    order = most_frequent_first(model, columns)
    write_word2vec(
        path,
        names[order],
        network_of(model.projection_).n_components,
        term_blocks(model, columns[order]),
        binary=binary,
    )


def _read_arrays(stream: IO[bytes]) -> tuple[dict[str, np.ndarray], list[np.ndarray]]:
    """Read the arrays of a file, and its layers by themselves.

    A layer has shape (n_units_in, n_units_out), as in `coefs_`.
    """
    try:
        archive = ZipFile(stream)
    except Exception as error:  # BadZipFile, and struct's errors
        raise ValueError(
            f"it is not an .npz archive of NumPy: {as_sentence(error)}"
        ) from error
    with archive:
        version = _read_number(archive, VERSION)
        if version != LUXICAL_VERSION:
            raise ValueError(
                f"it has format version {version}, but this version of sklux reads "
                f"{LUXICAL_VERSION} alone. Upgrade sklux."
            )
        ngrams = _read_array(archive, NGRAMS, np.uint32, (None, None))
        n_features = len(ngrams)
        arrays = {
            NGRAMS: ngrams,
            TOKENIZER: _read_array(archive, TOKENIZER, np.uint8, (None,)),
            KEYS: _read_array(archive, KEYS, np.int64, (n_features,)),
            COLUMNS: _read_array(archive, COLUMNS, np.uint32, (n_features,)),
            IDF: _read_array(archive, IDF, np.float32, (n_features,)),
        }
        return arrays, _read_layers(archive, n_features)


def _read_layers(archive: ZipFile, n_features: int) -> list[np.ndarray]:
    """Read the weights of a network that takes so many features."""
    n_layers = _read_number(archive, N_LAYERS)
    n_found = sum(name.startswith(LAYER) for name in archive.namelist())
    if n_layers != n_found:
        raise ValueError(
            f"its array {N_LAYERS!r} promises {n_layers} layers, but it has {n_found} "
            f"of the arrays '{LAYER}0', '{LAYER}1', ..."
        )
    if n_layers < 2:
        raise ValueError(
            f"its array {N_LAYERS!r} is {n_layers}, but luxical's network has at least "
            "2 layers."
        )
    coefs, width = [], n_features
    for i in range(n_layers):
        name = f"{LAYER}{i}"
        layer = _read_array(archive, name, np.float32, (None, width))
        coefs.append(_transposed(layer))
        width = len(layer)
    return coefs


def _transposed(weights: np.ndarray) -> np.ndarray:
    """Rows as columns, C-contiguous, copied in blocks that the cache holds."""
    transposed = np.empty(weights.shape[::-1], dtype=weights.dtype)
    source, target = weights.T, transposed
    if len(source) < source.shape[1]:
        source, target = source.T, target.T
    for begin in range(0, len(source), BLOCK_ROWS):
        target[begin : begin + BLOCK_ROWS] = source[begin : begin + BLOCK_ROWS]
    return transposed


def _read_array(
    archive: ZipFile, name: str, dtype: type | None, shape: tuple[int | None, ...]
) -> np.ndarray:
    """Read an array of a dtype (None: any) and a shape; None in it is any size."""
    if f"{name}.npy" not in archive.namelist():
        raise ValueError(f"it lacks the array {name!r}.")
    member_info = archive.getinfo(f"{name}.npy")
    if member_info.file_size > MAX_RATIO * member_info.compress_size + SMALL_MEMBER:
        raise ValueError(
            f"its array {name!r} is compressed to less than one byte in {MAX_RATIO}, "
            "so it would take far more memory than the file. If you trust the file, "
            "write it again by numpy.savez."
        )
    try:
        with archive.open(f"{name}.npy") as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
            # At the end zipfile compares the checksum.
            has_more = member.read(1) != b""
    except Exception as error:  # zipfile's, zlib's, struct's or NumPy's
        raise ValueError(
            f"its array {name!r} cannot be read: {as_sentence(error)}"
        ) from error
    if has_more:
        raise ValueError(f"bytes follow the last value of its array {name!r}.")
    has_shape = array.ndim == len(shape) and all(
        size == known if known is not None else size > 0
        for size, known in zip(array.shape, shape)
    )
    if not has_shape or (dtype is not None and array.dtype != dtype):
        wanted = ", ".join("n" if known is None else str(known) for known in shape)
        kind = "" if dtype is None else f" and dtype {np.dtype(dtype)}"
        raise ValueError(
            f"its array {name!r} has shape {array.shape} and dtype {array.dtype}, not "
            f"shape ({wanted}){kind}."
        )
    if dtype is np.float32 and not _is_finite(array):
        raise ValueError(f"its array {name!r} holds NaN or infinite values.")
    return array


def _read_number(archive: ZipFile, name: str) -> int:
    """Read an array that holds one whole number."""
    shape = () if name == VERSION else (1,)
    array = _read_array(archive, name, None, shape)
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"its array {name!r} has dtype {array.dtype}, which is not an integer type."
        )
    return int(array.item())


def _is_finite(array: np.ndarray) -> bool:
    """Whether all values are; the least and the largest show NaN and infinity."""
    return bool(np.isfinite([array.min(), array.max()]).all())


def _fitted(
    arrays: dict[str, np.ndarray], coefs: list[np.ndarray]
) -> LuxicalVectorizer:
    """Build a fitted model from the arrays of a file."""
    ngrams = arrays[NGRAMS]
    if ngrams.shape[1] > MAX_NGRAM:
        raise ValueError(
            f"its array {NGRAMS!r} has n-grams of {ngrams.shape[1]} tokens, more than "
            f"{MAX_NGRAM}."
        )
    subwords = _read_subwords(arrays[TOKENIZER])
    terms = _terms(ngrams, subwords.pieces)
    _check_table(arrays[KEYS], arrays[COLUMNS], _ngram_hashes(ngrams))

    widths = [weights.shape[1] for weights in coefs]
    lexical = LexicalVectorizer(
        analyzer="subword",
        tokenizer=subwords.tokenizer_json,
        ngram_range=(1, ngrams.shape[1]),
        dtype=np.float32,
    )
    projection = ReLUProjection(
        widths[-1], hidden_layer_sizes=tuple(widths[:-1]), weights_dtype="float32"
    )
    model = LuxicalVectorizer(lexical=lexical, projection=projection)
    model.lexical_ = _fitted_lexical(clone(lexical), terms, arrays[IDF], subwords)
    model.projection_ = _fitted_projection(clone(projection), coefs, arrays[IDF])
    model.teacher_id_, model.n_teacher_terms_ = None, 0
    return model


def _fitted_lexical(
    lexical: LexicalVectorizer, terms: Strings, idf: np.ndarray, subwords: Subwords
) -> LexicalVectorizer:
    """Give a lexical stage its terms, their idf and the word pieces."""
    adopt_lexicon(lexical, Lexicon(learnt=(terms,), subwords=subwords, idf=idf))
    return lexical


def _fitted_projection(
    projection: ReLUProjection, coefs: list[np.ndarray], idf: np.ndarray
) -> ReLUProjection:
    """Give a network its weights; the file does not say how they were trained."""
    for layer, weights in enumerate(coefs):
        check_finite(f"coefs_[{layer}]", weights)
    # Rows in the order of the terms' frequency: the idf falls where that rises.
    network = Network.of(coefs).by_frequency(-idf)
    adopt_student(projection, TrainedStudent(network))
    return projection


def _read_subwords(json_bytes: np.ndarray) -> Subwords:
    """Return the word pieces of a file's tokenizer."""
    try:
        text = json_bytes.tobytes().decode()
        check_stored_tokenizer(text)
        tokenizer = load_tokenizer(text)
        numbers = tokenizer.get_vocab(with_added_tokens=True).values()
        # The library takes very long to write large ids.
        if len(set(numbers)) < len(numbers) or max(numbers, default=0) >= MAX_PIECES:
            raise ValueError(
                f"two pieces have one id, or a piece has an id of {MAX_PIECES} or more."
            )
        subwords = Subwords(tokenizer.to_str())
        # Made now, so that errors show now.
        _ = subwords.pieces, subwords.analysis()
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"its array {TOKENIZER!r} does not hold a tokenizer that sklux can use: "
            f"{as_sentence(error)}"
        ) from error
    # luxical follows these settings; sklux reads every text as a whole.
    state = json.loads(text)
    if state.get("truncation") is not None:
        raise ValueError(
            f"its array {TOKENIZER!r} has truncation={state['truncation']!r}: luxical "
            "reads only the beginning of a text, sklux reads the whole text. Set "
            "'truncation' to null in the tokenizer's JSON and save it with luxical."
        )
    padding = state.get("padding") or {"strategy": "BatchLongest"}
    if padding.get("strategy") != "BatchLongest" or padding.get("pad_to_multiple_of"):
        raise ValueError(
            f"its array {TOKENIZER!r} has padding={padding!r}: luxical counts the "
            "padding, sklux does not. Set 'padding' to null in the tokenizer's JSON "
            "and save it with luxical."
        )
    return subwords


def _terms(ngrams: np.ndarray, pieces: Strings) -> Strings:
    """Names of n-grams, after a check that no two can have the same."""
    is_used = ngrams != NO_TOKEN
    if not is_used[:, 0].all() or (is_used[:, 1:] > is_used[:, :-1]).any():
        raise ValueError(
            f"its array {NGRAMS!r} has a row that is empty, or has an unused place "
            "before a token."
        )
    tokens = ngrams[is_used]
    if tokens.max() >= len(pieces):
        raise ValueError(
            f"its array {NGRAMS!r} has the token {tokens.max()}, but the tokenizer's "
            f"ids end at {len(pieces) - 1}."
        )
    occurs = np.zeros(len(pieces), dtype=bool)
    occurs[tokens] = True
    for number, piece in enumerate(pieces.tolist()):
        if occurs[number] and piece == "":
            raise ValueError(
                f"its array {NGRAMS!r} has the token {number}, an id that the "
                "tokenizer gives to no piece."
            )
        if occurs[number] and " " in piece and ngrams.shape[1] > 1:
            raise ValueError(
                f"its array {NGRAMS!r} has the token {number}, the piece {piece!r}: "
                "sklux joins the pieces of an n-gram by blanks, so that none may hold "
                "a blank."
            )
    return join_strings(np.ascontiguousarray(ngrams), pieces, b" ")


def _ngram_hashes(ngrams: np.ndarray) -> np.ndarray:
    """64-bit FNV-1a of the bytes of each row, the lowest byte of a token first.

    hash = offset; for each byte: hash = (hash xor byte) * prime, modulo 2^64.
    """
    hashes = np.full(len(ngrams), FNV_OFFSET, dtype=np.uint64)
    for column in ngrams.T:
        for shift in (0, 8, 16, 24):
            hashes ^= (column >> np.uint32(shift)) & np.uint32(255)
            hashes *= FNV_PRIME
    return hashes.view(np.int64)


def _check_table(keys: np.ndarray, columns: np.ndarray, hashes: np.ndarray) -> None:
    """Refuse a table that does not map each n-gram to its own column."""
    n_features = len(hashes)
    if columns.max() >= n_features:
        raise ValueError(
            f"its array {COLUMNS!r} leads to the n-gram {columns.max()}, but there are "
            f"{n_features}."
        )
    by_key, by_hash = np.argsort(keys), np.argsort(hashes)
    ordered = keys[by_key]
    if (ordered[1:] == ordered[:-1]).any():
        raise ValueError(f"its array {KEYS!r} holds a hash twice.")
    if (ordered != hashes[by_hash]).any():
        lost = np.flatnonzero(~np.isin(hashes, keys))
        if len(lost) == 0:
            raise ValueError(f"its array {NGRAMS!r} holds an n-gram twice.")
        raise ValueError(
            f"its array {KEYS!r} lacks the hashes of {len(lost)} n-grams, the first of "
            f"them {lost[0]}, and has others that no n-gram has."
        )
    if (columns[by_key] != by_hash).any():
        raise ValueError(f"its array {COLUMNS!r} leads an n-gram to another's column.")


def _check_model(model: LuxicalVectorizer) -> None:
    """Refuse a model that luxical cannot run."""
    if not isinstance(model, LuxicalVectorizer):
        raise TypeError(
            "save_luxical writes a fitted LuxicalVectorizer. Got "
            f"{type(model).__name__} instead."
        )
    check_is_fitted(model)
    for stage, kind in (
        (model.lexical_, LexicalVectorizer),
        (model.projection_, ReLUProjection),
    ):
        if type(stage) is not kind:
            raise TypeError(
                f"save_luxical writes models with a {kind.__name__}, but this one has "
                f"a {type(stage).__name__}. Keep it with model.save or joblib.dump."
            )
    _check_lexical(model.lexical_, lexicon_of(model.lexical_))
    network = network_of(model.projection_)
    if not network.dense:
        raise ValueError(
            "save_luxical writes models with a hidden layer, which luxical needs, but "
            "this one has hidden_layer_sizes=(). Fit one with a hidden layer, or keep "
            "it with model.save."
        )


def _check_lexical(lexical: LexicalVectorizer, lexicon: Lexicon) -> None:
    """Refuse settings of the lexical stage that luxical does not have."""
    settings = lexical_settings(lexical)
    # norm and sublinear_tf count as they were at the fit.
    for name, value, wanted in (
        ("input", lexical.input, "content"),
        ("analyzer", lexical.analyzer, "subword"),
        ("binary", lexical.binary, False),
        ("norm", settings.norm, "l2"),
        ("use_idf", lexicon.idf is not None, True),
        ("sublinear_tf", settings.sublinear_tf, False),
    ):
        if value != wanted:
            raise ValueError(
                f"luxical supports {name}={wanted!r} only, but the lexical stage of "
                f"this model has {name}={value!r}. Fit one with LexicalVectorizer("
                f"{name}={wanted!r}), or keep it with model.save."
            )
    bounds = ngram_bounds(lexical.ngram_range)
    if bounds is None or bounds[0] != 1:
        raise ValueError(
            "save_luxical writes models whose n-grams begin with single pieces, but "
            f"this one has ngram_range={lexical.ngram_range!r}. Fit one with "
            "ngram_range=(1, n), or keep it with model.save."
        )


def _ngrams(lexicon: Lexicon, max_n: int) -> np.ndarray:
    """Ids of the pieces of each term, of shape (n_features, max_n)."""
    (terms,) = lexicon.terms
    words, lengths = (
        (terms, np.ones(len(terms), dtype=np.int64))
        if max_n == 1  # a piece may then hold blanks
        else _split_terms(terms)
    )
    tokens = _piece_ids(words, lexicon.subwords.pieces)
    firsts = np.cumsum(lengths) - lengths
    is_known = np.logical_and.reduceat(tokens != NO_TOKEN, firsts)
    wrong = np.flatnonzero(~is_known | (lengths > max_n))
    if len(wrong):
        raise ValueError(
            f"The model's term {_term(terms, wrong[0])!r} is not made of 1 to {max_n} "
            "pieces of its tokenizer. Leave it out of the 'vocabulary' given to fit."
        )
    ngrams = np.full((len(terms), max_n), NO_TOKEN, dtype=np.uint32)
    ngrams[np.arange(max_n) < lengths[:, np.newaxis]] = tokens
    return ngrams


def _split_terms(terms: Strings) -> tuple[Strings, np.ndarray]:
    """Cut terms at their blanks; return the words, and how many each term has."""
    characters = terms.arena[: terms.offsets[-1]]
    blanks = np.flatnonzero(characters == BLANK)
    lengths = 1 + np.diff(np.searchsorted(blanks, terms.offsets))
    starts = np.sort(np.concatenate([terms.offsets[:-1], blanks + 1]))
    stops = np.sort(np.concatenate([terms.offsets[1:], blanks]))
    offsets = np.concatenate([[0], np.cumsum(stops - starts)])
    bare = np.delete(characters, blanks)
    return Strings(np.r_[bare, np.zeros(ARENA_PADDING, np.uint8)], offsets), lengths


def _piece_ids(words: Strings, pieces: Strings) -> np.ndarray:
    """Ids of words that are pieces, `NO_TOKEN` for others."""
    table = WordTable()
    table.add(*pieces)
    ids = np.full(len(table) + 1, NO_TOKEN, dtype=np.uint32)  # the last is of no word
    numbers = np.empty(len(pieces), dtype=np.uint32)
    table.find(*pieces, numbers)
    used = np.flatnonzero(np.diff(pieces.offsets))  # an id without a piece has ''
    ids[numbers[used]] = used
    found = np.empty(len(words), dtype=np.uint32)
    table.find(*words, found)
    return ids[np.minimum(found, len(table))]


def _term(terms: Strings, place: int) -> str:
    """One of many strings."""
    start, stop = terms.offsets[place : place + 2]
    return terms.arena[start:stop].tobytes().decode("utf-8", "surrogatepass")
