"""Teachers: from text to embeddings, each document taught once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from numbers import Integral
from pathlib import Path
from typing import Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import metadata_routing
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm.auto import tqdm

from sklux._teacher.cache import VectorCache
from sklux._teacher.identity import model_identity
from sklux._teacher.windows import window_encoder
from sklux._teacher.words import tokenizer_words
from sklux._utils.arrays import as_float_array
from sklux._utils.cloning import clone_sharing
from sklux._utils.documents import check_documents, documents_by_name
from sklux._utils.html import DocLinkMixin
from sklux._utils.optional import import_optional

DEFAULT_BATCH_SIZE = 64
# A named model is given more texts at a time where they have fewer characters than this
# in all: a batch of 64 words takes about as long as one of 500.
MIN_BATCH_CHARACTERS = 8192

# Named models by name and device, while `loading_once` holds them.
_loaded: ContextVar[dict[tuple[str, str | None], object] | None] = ContextVar(
    "_loaded", default=None
)


@documents_by_name
class CachedTeacher(DocLinkMixin, TransformerMixin, BaseEstimator):
    """Embeddings of a model, each document's kept on disk.

    The recommended way to give `LuxicalVectorizer` its teacher: a grid search, a
    second fit and a restarted program teach no document twice, and an
    interrupted run keeps what it had. It needs no `fit`.

    Parameters
    ----------
    model : str, path-like, object or callable
        A sentence-transformers name or folder, an object with ``encode`` (a
        list of str to an array), a fitted scikit-learn transformer, or a
        callable that maps a list of str to an array.

    path : str, path-like or None, default=None
        Folder of the cache. None means ``$SKLUX_DATA_HOME``, or else the user's
        cache folder.

    model_id : str or None, default=None
        What to know the model by. None means its name, a fingerprint of its
        weights, or the qualified name of a module-level function; lambdas,
        nested functions and those of ``__main__`` need a `model_id`.

    dtype : {'float16', 'float32'}, default='float16'
        Type the vectors are stored in. What `transform` returns has always been
        rounded through it, so that a first and a second run agree.

    windows : int, default=1
        How many windows a document is cut into, at most, if it is longer than the
        model reads. 1 means a single reading, which leaves out the rest. More need a
        sentence-transformers model, whose ``max_seq_length`` and ``tokenizer`` say
        how much it reads; see Notes.

    batch_size : int, default=64
        Documents, or windows, that the model is given at a time. They are sorted by
        length. A model given by name or folder is given more of them where they are as
        short as words.

    device : str or None, default=None
        Torch device for a model given by name or folder.

    prompt_name : str or None, default=None
        Which of the model's prompts to put before each text, such as ``'document'``.
        None means the model's default, if it has one. It is for models of
        sentence-transformers, and part of what the teacher is known by.

    verbose : bool or None, default=None
        Whether `transform` shows a progress bar, with documents per second and
        the time left. None means False.

    See Also
    --------
    LuxicalVectorizer : Learns from a teacher.

    Notes
    -----
    The file is sqlite3 in WAL mode: threads and processes can share it. A call
    whose documents are all stored loads neither the model nor torch; a model
    given as an object or a folder is read once a call for its fingerprint, which
    `model_id` spares. An object that changes when it is called, such as one that
    counts its calls, needs a `model_id`, or it is another model each time.

    With `windows` above 1, a document that is longer than the model reads is cut
    between words into as few windows as cover it, about equally long. Where more
    would be needed than `windows`, that many full ones are spread evenly from its
    beginning to its end. Its vector has the direction of the mean of the windows'
    unit vectors, as is usual [1]_, [2]_, and the mean of their lengths, which is 1
    for a model that normalises. As the windows are about equally long, they are not
    weighted by length. A document that the model reads as a whole has the vector
    that it has with ``windows=1``. The cache keeps the settings of `windows` apart.

    `sklearn.base.clone` shares the model, and does not unfit a transformer. A lone
    surrogate, half a character that a cut has left, reaches a model that is given by
    name as U+FFFD.

    References
    ----------
    .. [1] OpenAI Cookbook (2023). "Embedding texts that are longer than the model's
       maximum context length".
       https://cookbook.openai.com/examples/embedding_long_inputs

    .. [2] Sannigrahi, S., van Genabith, J. and España-Bonet, C. (2023). "Are the
       Best Multilingual Document Embeddings simply Based on Sentence Embeddings?"
       doi:10.48550/arXiv.2304.14796

    Examples
    --------
    >>> import tempfile
    >>> from sklux import CachedTeacher
    >>> def letter_counts(documents):
    ...     return [[text.count("a"), text.count("b"), len(text)] for text in documents]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     teacher = CachedTeacher(letter_counts, path=folder, model_id="letters")
    ...     teacher.transform(["abba", "banana"])
    array([[2., 2., 4.],
           [3., 1., 6.]], dtype=float32)
    """

    # raw_documents is data, not metadata to be routed.
    __metadata_request__fit = {"raw_documents": metadata_routing.UNUSED}
    __metadata_request__transform = {"raw_documents": metadata_routing.UNUSED}

    _parameter_constraints: dict = {
        "model": "no_validation",
        "path": [str, os.PathLike, None],
        "model_id": [str, None],
        "dtype": [StrOptions({"float16", "float32"})],
        "windows": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str, None],
        "prompt_name": [str, None],
        "verbose": ["boolean", None],
    }

    def __init__(
        self,
        model: object,
        *,
        path: str | os.PathLike | None = None,
        model_id: str | None = None,
        dtype: Literal["float16", "float32"] = "float16",
        windows: int = 1,
        batch_size: int = DEFAULT_BATCH_SIZE,
        device: str | None = None,
        prompt_name: str | None = None,
        verbose: bool | None = None,
    ):
        self.model = model
        self.path = path
        self.model_id = model_id
        self.dtype = dtype
        self.windows = windows
        self.batch_size = batch_size
        self.device = device
        self.prompt_name = prompt_name
        self.verbose = verbose

    def fit(self, raw_documents: object = None, y: object = None) -> Self:
        """Check the parameters; there is nothing to learn.

        Parameters
        ----------
        raw_documents : object, default=None
            Not used.

        y : object, default=None
            Not used.

        Returns
        -------
        self : object
            The teacher.
        """
        self._validate_params()
        return self

    def transform(self, raw_documents: Iterable[str]) -> np.ndarray:
        """Return the model's vectors, from the cache where they are there.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            Documents.

        Returns
        -------
        ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
            Their vectors, rounded through `dtype`.

        Raises
        ------
        ImportError
            If the model is given by name and sentence-transformers is missing.
        OSError
            If the cache cannot be read or written.
        ValueError
            If the model returns another shape than it should, or values that are not
            finite, or a vector that `dtype` rounds to zero or infinity; or if `windows`
            is above 1 and the model does not say how much of a text it reads.
        """
        return self._vectors(check_documents(raw_documents), bool(self.verbose))

    def _vectors(
        self, documents: list[str], verbose: bool, title: str = "teaching"
    ) -> np.ndarray:
        """Return the vectors of checked documents."""
        self._validate_params()
        cache = self._cache()
        keys = [cache.key(document) for document in documents]
        texts = dict(zip(keys, documents))
        found = cache.get(list(texts))
        if len(found) < len(texts):
            # Two threads that ask for one text would both teach it without the lock.
            with cache.lock:
                found = cache.get(list(texts))
                missing = {key: texts[key] for key in texts if key not in found}
                self._teach(missing, cache, verbose, title)
                # Another process may have stored a vector first: its counts.
                found.update(cache.get(list(missing)))
        if not documents:
            return np.empty((0, cache.n_components() or 0), dtype=np.float32)
        return np.stack([found[key] for key in keys]).astype(np.float32)

    def _teach(
        self, missing: dict[bytes, str], cache: VectorCache, verbose: bool, title: str
    ) -> None:
        """Run the model on the documents that the cache lacks, and store as it goes."""
        keys, documents = list(missing), list(missing.values())
        for positions, vectors in encode_batches(
            self._encoder(),
            documents,
            batch_size=self.batch_size,
            min_characters=min_characters(self.model),
            verbose=verbose,
            title=title,
        ):
            rounded = rounded_vectors(vectors, self.dtype, positions, documents)
            cache.put([keys[position] for position in positions], rounded)

    def _encoder(self) -> Callable[[list[str]], object]:
        """How to call the model: on whole documents, or window by window."""
        encode, model = encoder(self.model, self.device, self.prompt_name)
        if self.windows == 1:
            return encode

        def embed(texts: list[str]) -> np.ndarray:
            batches = encode_batches(
                encode,
                texts,
                batch_size=self.batch_size,
                min_characters=min_characters(self.model),
                verbose=False,
            )
            return in_order(batches, len(texts))

        return window_encoder(embed, model, self.windows, self.prompt_name)

    def _cache(self) -> VectorCache:
        """The cache of this model."""
        cache = VectorCache(self.path, self._identity(), self.dtype, self.windows)
        if self.model_id is None and is_within(cache.file, self.model):
            raise ValueError(
                f"The cache {cache.file} would lie in the folder of the teacher, and "
                "change what the teacher is known by each time. Give CachedTeacher "
                "another path."
            )
        return cache

    def _identity(self) -> str:
        """What the model is: the id given, or one derived from it; and the prompt."""
        name = model_identity(self.model) if self.model_id is None else self.model_id
        if self.prompt_name is None:
            return name
        return f"{name}, prompt {self.prompt_name!r}"

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Get output feature names.

        Parameters
        ----------
        input_features : object, default=None
            Ignored; here for pipelines.

        Returns
        -------
        ndarray of shape (n_teacher_components,), dtype=object
            ``cachedteacher0``, ``cachedteacher1``, ...

        Raises
        ------
        ValueError
            If no document has been taught yet: the width is not known.
        """
        # No `_n_features_out`: whoever lists the attributes would open the cache.
        width = self._cache().n_components()
        if width is None:
            raise ValueError(
                "The width of the teacher's vectors is not known before the first "
                "document is taught. Call transform first."
            )
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{i}" for i in range(width)], dtype=object)

    def __sklearn_is_fitted__(self):
        """There is nothing to fit."""
        return True

    def __sklearn_clone__(self):
        """Copy the parameters and share the model."""
        return clone_sharing(self, "model")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def is_within(file: Path, model: object) -> bool:
    """Whether a file lies in the folder of a teacher.

    Parameters
    ----------
    file : Path
        Where the file is or shall be.
    model : object
        As `CachedTeacher` takes it.

    Returns
    -------
    bool
        False too where the model is no folder.
    """
    if not isinstance(model, (str, os.PathLike)) or not Path(model).is_dir():
        return False
    return file.resolve().is_relative_to(Path(model).resolve())


def count_cached(teacher: CachedTeacher, documents: Sequence[str]) -> int:
    """Count the documents whose teacher embedding is in the cache.

    Parameters
    ----------
    teacher : CachedTeacher
        A cached teacher.
    documents : sequence of str
        Documents. Equal documents count as one.

    Returns
    -------
    int
        Number of distinct documents with a vector in the cache. No vector is read.
    """
    cache = teacher._cache()
    return cache.count(map(cache.key, documents))


def teacher_identity(teacher: object) -> str | None:
    """Identity of a teacher, if it is known without calling the model.

    Parameters
    ----------
    teacher : CachedTeacher, str, path-like, object or callable
        As `CachedTeacher` and its ``model`` take them.

    Returns
    -------
    str or None
        The identity of a `CachedTeacher`, ``name:...`` for a name or folder, None
        for a teacher of another kind.
    """
    if isinstance(teacher, CachedTeacher):
        return teacher._identity()
    if isinstance(teacher, (str, os.PathLike)):
        return f"name:{os.fspath(teacher)}"
    return None


def teacher_vectors(
    teacher: object, documents: list[str], verbose: bool, title: str = "teaching"
) -> np.ndarray:
    """Vectors of a teacher of any kind.

    Parameters
    ----------
    teacher : CachedTeacher, str, path-like, object or callable
        As `CachedTeacher` and its ``model`` take them.
    documents : list of str of length n_samples
        Documents.
    verbose : bool
        Whether to show a progress bar.
    title : str, default='teaching'
        What it says.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Finite vectors.
    """
    if isinstance(teacher, CachedTeacher):
        verbose = verbose if teacher.verbose is None else teacher.verbose
        return teacher._vectors(documents, verbose, title)
    encode, _ = encoder(teacher, None)
    batches = encode_batches(
        encode,
        documents,
        batch_size=DEFAULT_BATCH_SIZE,
        min_characters=min_characters(teacher),
        verbose=verbose,
        title=title,
    )
    return in_order(batches, len(documents))


def in_order(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], n_documents: int
) -> np.ndarray:
    """Put the vectors of some batches into one array.

    Parameters
    ----------
    batches : iterable of (ndarray, ndarray)
        Positions of documents and their vectors, as `encode_batches` yields them.
    n_documents : int
        How many documents there are in all.

    Returns
    -------
    ndarray of shape (n_documents, n_components), dtype=np.float32
        Their vectors.

    Raises
    ------
    ValueError
        If the widths differ.
    """
    out = None
    for positions, vectors in batches:
        if out is None:
            out = np.empty((n_documents, vectors.shape[1]), dtype=np.float32)
        if vectors.shape[1] != out.shape[1]:
            raise ValueError(
                f"The teacher returned vectors of width {out.shape[1]} and then of "
                f"width {vectors.shape[1]}. It must return one width for all documents."
            )
        out[positions] = vectors
    return out


def encoder(
    model: object, device: str | None, prompt_name: str | None = None
) -> tuple[Callable[[list[str]], object], object]:
    """How to call a model, and the model: loaded, if it was named.

    Parameters
    ----------
    model : str, path-like, object or callable
        As `CachedTeacher` takes it.
    device : str or None
        Torch device, for a name or a folder.
    prompt_name : str or None, default=None
        Prompt of a sentence-transformers model; None means its default.

    Returns
    -------
    encode : callable
        Maps a list of str to vectors.
    model : object
        What is called.

    Raises
    ------
    ImportError
        If sentence-transformers is needed and missing.
    TypeError
        If the model is none of these.
    ValueError
        If it has no prompts, but one is named.
    """
    options = {} if prompt_name is None else {"prompt_name": prompt_name}
    if isinstance(model, (str, os.PathLike)):
        loaded = load_sentence_transformer(model, device)
        return partial(encode_as_one_batch, loaded, **options), loaded
    if options and not hasattr(model, "prompts"):
        raise ValueError(
            f"prompt_name={prompt_name!r} needs a model of sentence-transformers, for "
            f"it has prompts. Got {type(model).__name__}; set prompt_name=None."
        )
    if not isinstance(model, type):
        if hasattr(model, "encode"):
            return partial(model.encode, **options), model
        if hasattr(model, "transform"):
            return model.transform, model
        if callable(model):
            return model, model
    raise TypeError(
        "A teacher must be a sentence-transformers name or folder, an object with "
        "encode, a fitted scikit-learn transformer, or a callable. Got "
        f"{model!r} instead."
    )


def min_characters(model: object) -> int:
    """Characters that a batch should have, where its texts are short.

    Parameters
    ----------
    model : str, path-like, object or callable
        As `CachedTeacher` takes it.

    Returns
    -------
    int
        0 for a model that is called by the user's own rules.
    """
    return MIN_BATCH_CHARACTERS if isinstance(model, (str, os.PathLike)) else 0


def words_of_teacher(teacher: object) -> list[str]:
    """Words of a teacher's tokenizer.

    Parameters
    ----------
    teacher : CachedTeacher, str, path-like, object or callable
        As `CachedTeacher` and its ``model`` take them.

    Returns
    -------
    list of str
        As `tokenizer_words` finds them; empty if the teacher has no tokenizer.
    """
    model, device = teacher, None
    if isinstance(teacher, CachedTeacher):
        model, device = teacher.model, teacher.device
    if isinstance(model, (str, os.PathLike)):
        return list(words_of_named_model(os.fspath(model), device))
    return tokenizer_words(model) or []


@lru_cache(maxsize=16)
def words_of_named_model(name: str, device: str | None) -> tuple[str, ...]:
    """Words of a model's tokenizer; a search asks for them at each of its fits.

    Parameters
    ----------
    name : str
        Name or folder of a sentence-transformers model.
    device : str or None
        Torch device.

    Returns
    -------
    tuple of str
        As `tokenizer_words` finds them; empty if the model has no tokenizer.
    """
    return tuple(tokenizer_words(load_sentence_transformer(name, device)) or ())


@contextmanager
def loading_once() -> Iterator[None]:
    """Load a model that is named no more than once, and let go of it at the end.

    A fit asks its teacher for the words of its tokenizer, for terms and for documents;
    a command asks piece by piece.

    Yields
    ------
    None
        Nothing.
    """
    if _loaded.get() is not None:
        # An outer context holds them.
        yield
        return
    token = _loaded.set({})
    try:
        yield
    finally:
        _loaded.reset(token)


def load_sentence_transformer(model: str | os.PathLike, device: str | None) -> object:
    """Load a sentence-transformers model, or return one that `loading_once` holds.

    Parameters
    ----------
    model : str or path-like
        Name or folder.
    device : str or None
        Torch device; None leaves the choice to the library.

    Returns
    -------
    sentence_transformers.SentenceTransformer
        The model.
    """
    name, held = os.fspath(model), _loaded.get()
    if held is not None and (name, device) in held:
        return held[name, device]
    library = import_optional(
        "sentence_transformers", extra="teacher", purpose=f"The teacher {name!r}"
    )
    try:
        loaded = library.SentenceTransformer(name, device=device)
    except Exception as error:
        error.add_note(f"This happened while loading the teacher {name!r}.")
        raise
    if held is not None:
        held[name, device] = loaded
    return loaded


def encode_as_one_batch(
    model: object, documents: list[str], **options: str
) -> np.ndarray:
    """Vectors of documents, which the model is to read together.

    Parameters
    ----------
    model : sentence_transformers.SentenceTransformer
        A model.
    documents : list of str
        A batch.
    **options : str
        What else to hand on, such as ``prompt_name``.

    Returns
    -------
    ndarray of shape (n_documents, n_components)
        Their vectors.
    """
    return model.encode(
        documents, batch_size=len(documents), show_progress_bar=False, **options
    )


def encode_batches(
    encode: Callable[[list[str]], object],
    documents: list[str],
    *,
    batch_size: int,
    min_characters: int = 0,
    verbose: bool,
    title: str = "teaching",
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the vectors of documents of like length, the longest first.

    Teachers pad a batch to its longest document; and the longest first makes
    the time left an upper bound, and shows early if memory is short.

    Parameters
    ----------
    encode : callable
        As `encoder` returns it.
    documents : list of str
        What to encode.
    batch_size : int
        Documents in a batch; there is a yield after each.
    min_characters : int, default=0
        Of a model that was given by name: where so many documents have fewer characters
        in all, a batch has more of them. 0 for another one.
    verbose : bool
        Whether to show a progress bar.
    title : str, default='teaching'
        What it says.

    Yields
    ------
    positions : ndarray of shape (n_batch,), dtype=np.intp
        Which documents these are.
    vectors : ndarray of shape (n_batch, n_components), dtype=np.float32
        Their vectors, checked.
    """
    lengths = np.array([len(document) for document in documents])
    order = np.argsort(-lengths, kind="stable")
    with tqdm(
        total=len(documents), unit="doc", desc=title, disable=not verbose
    ) as progress:
        start = 0
        while start < len(order):
            longest = max(lengths[order[start]], 1)
            stop = start + max(batch_size, min_characters // int(longest))
            positions = order[start:stop]
            start = stop
            texts = [documents[i] for i in positions]
            if min_characters:
                texts = [readable(text) for text in texts]
            vectors = encode(texts)
            vectors = check_vectors(vectors, len(positions))
            check_finite(vectors, positions, documents)
            yield positions, vectors
            progress.update(len(positions))


def readable(document: str) -> str:
    """Text that can be encoded: halves of a character of UTF-16 become U+FFFD.

    Texts that were cut have them, and tokenizers and services refuse them.

    Parameters
    ----------
    document : str
        Any str.

    Returns
    -------
    str
        The same where there is no such half.
    """
    try:
        document.encode()
    except UnicodeEncodeError:
        return document.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return document


def check_vectors(vectors: object, n_documents: int) -> np.ndarray:
    """Return what a teacher gave as a float32 array with a row per document.

    Parameters
    ----------
    vectors : array-like or sparse matrix of shape (n_documents, n_components)
        What the teacher returned.
    n_documents : int
        How many documents it was given.

    Returns
    -------
    ndarray of shape (n_documents, n_components), dtype=np.float32
        The vectors.

    Raises
    ------
    ValueError
        If the shape or the type is another.
    """
    try:
        vectors = as_float_array(vectors)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"The teacher must return one vector of numbers per document. It returned "
            f"{type(vectors).__name__}: {error}"
        ) from error
    if vectors.ndim != 2 or len(vectors) != n_documents or vectors.shape[1] == 0:
        raise ValueError(
            f"The teacher must return an array of shape ({n_documents}, n_components) "
            f"for {n_documents} documents. It returned shape {vectors.shape}."
        )
    return vectors


def check_finite(
    vectors: np.ndarray, positions: np.ndarray, documents: list[str]
) -> None:
    """Refuse vectors with NaN or infinity.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components)
        Vectors of a teacher.
    positions : ndarray of shape (n_samples,)
        Which documents they belong to, for the message.
    documents : list of str
        All documents, for the message.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise ValueError(
            "The teacher returned NaN or infinity for "
            f"{np.count_nonzero(~finite)} documents, the first of them "
            f"{documents[positions[~finite][0]][:60]!r}. Such vectors are neither used "
            "nor stored. Leave the documents out, or use another teacher."
        )


def rounded_vectors(
    vectors: np.ndarray, dtype: str, positions: np.ndarray, documents: list[str]
) -> np.ndarray:
    """Round vectors to the type that they are stored in.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components), dtype=np.float32
        Finite vectors of a teacher.
    dtype : {'float16', 'float32'}
        The type.
    positions : ndarray of shape (n_samples,)
        Which documents they belong to, for the message.
    documents : list of str
        All documents, for the message.

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        The vectors in that type.

    Raises
    ------
    ValueError
        If a value becomes infinite, or a vector that is not zero becomes zero; one
        that is zero beside the others, up to the rounding of float32, may.
    """
    with np.errstate(over="ignore", under="ignore"):
        rounded = vectors.astype(dtype)
    largest = np.abs(vectors).max(axis=1)
    is_zero = largest <= np.finfo(np.float32).eps * largest.max()
    is_lost = ~is_zero & ~rounded.any(axis=1) | ~np.isfinite(rounded).all(axis=1)
    if is_lost.any():
        raise ValueError(
            f"dtype={dtype!r} of CachedTeacher cannot hold what the teacher returned "
            f"for {np.count_nonzero(is_lost)} documents, the first of them "
            f"{documents[positions[is_lost][0]][:60]!r}: rounded, its vector is zero "
            "or infinite. Such vectors are neither used nor stored. Give CachedTeacher "
            "dtype='float32'."
        )
    return rounded
