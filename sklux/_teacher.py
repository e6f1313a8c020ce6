"""Teachers: from text to embeddings, each document taught once."""

import inspect
import json
import os
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from hashlib import blake2b
from numbers import Integral
from pathlib import Path
from typing import Literal, Self

import joblib
import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import metadata_routing
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm.auto import tqdm

from sklux._documents import check_documents
from sklux._optional import import_optional
from sklux._vector_cache import VectorCache

# Documents between two writes to the cache, in teacher batches: an interrupt
# loses at most these.
BATCHES_PER_WRITE = 4


class CachedTeacher(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
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

    batch_size : int, default=64
        Documents that the model is given at a time. They are sorted by length.

    device : str or None, default=None
        Torch device for a model given by name or folder.

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
    `model_id` spares.

    `sklearn.base.clone` shares the model, and does not unfit a transformer.

    Examples
    --------
    >>> import tempfile
    >>> from sklux import CachedTeacher
    >>> def letter_counts(documents):
    ...     return [[text.count("a"), text.count("b"), len(text)] for text in documents]
    >>> folder = tempfile.mkdtemp()
    >>> teacher = CachedTeacher(letter_counts, path=folder, model_id="letters")
    >>> teacher.transform(["abba", "banana"])
    array([[2., 2., 4.],
           [3., 1., 6.]], dtype=float32)
    """

    # raw_documents is data, not metadata to be routed.
    __metadata_request__transform = {"raw_documents": metadata_routing.UNUSED}

    _parameter_constraints: dict = {
        "model": "no_validation",
        "path": [str, os.PathLike, None],
        "model_id": [str, None],
        "dtype": [StrOptions({"float16", "float32"})],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str, None],
        "verbose": ["boolean", None],
    }

    def __init__(
        self,
        model: object,
        *,
        path: str | os.PathLike | None = None,
        model_id: str | None = None,
        dtype: Literal["float16", "float32"] = "float16",
        batch_size: int = 64,
        device: str | None = None,
        verbose: bool | None = None,
    ):
        self.model = model
        self.path = path
        self.model_id = model_id
        self.dtype = dtype
        self.batch_size = batch_size
        self.device = device
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
            If the model returns another shape than it should, or values that
            are not finite in `dtype`.
        """
        return self._vectors(check_documents(raw_documents), bool(self.verbose))

    def _vectors(self, documents: list[str], verbose: bool) -> np.ndarray:
        """Return the vectors of checked documents."""
        self._validate_params()
        cache = self._cache()
        keys = [cache.key(document) for document in documents]
        # Two threads that ask for one text would both teach it without the lock.
        with cache.lock:
            found = cache.get(list(dict.fromkeys(keys)))
            missing = {
                key: document
                for key, document in zip(keys, documents)
                if key not in found
            }
            if missing:
                self._teach(missing, cache, verbose)
                # Another process may have stored a vector first: its counts.
                found.update(cache.get(list(missing)))
        if not documents:
            return np.empty((0, cache.n_components() or 0), dtype=np.float32)
        return np.stack([found[key] for key in keys]).astype(np.float32)

    def _teach(
        self, missing: dict[bytes, str], cache: VectorCache, verbose: bool
    ) -> None:
        """Run the model on the documents that the cache lacks, and store as it goes."""
        keys, documents = list(missing), list(missing.values())
        with np.errstate(over="ignore"):
            for positions, vectors in encode_batches(
                encoder(self.model, self.device),
                documents,
                batch_size=self.batch_size,
                batches_at_a_time=BATCHES_PER_WRITE,
                verbose=verbose,
            ):
                vectors = vectors.astype(self.dtype)
                check_finite(vectors, positions, after=f"rounding to {self.dtype}")
                cache.put([keys[position] for position in positions], vectors)

    def _cache(self) -> VectorCache:
        """The cache of this model."""
        return VectorCache(self.path, self._identity(), self.dtype)

    def _identity(self) -> str:
        """What the model is: the id given, or one derived from it."""
        return self.model_id or model_identity(self.model)

    @property
    def _n_features_out(self):
        """Width of the vectors, for `get_feature_names_out`."""
        width = self._cache().n_components()
        if width is None:
            raise ValueError(
                "The width of the teacher's vectors is not known before the first "
                "document is taught. Call transform first."
            )
        return width

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


def clone_sharing(estimator: BaseEstimator, shared: str) -> BaseEstimator:
    """Clone an estimator, but hand on one parameter as it is.

    Parameters
    ----------
    estimator : estimator
        What to clone.
    shared : str
        Name of the parameter that the clone shares.

    Returns
    -------
    estimator
        Unfitted, with the same parameters.
    """
    params = {
        name: value if name == shared else clone(value, safe=False)
        for name, value in estimator.get_params(deep=False).items()
    }
    twin = type(estimator)(**params)
    # What set_fit_request and set_output have left, as sklearn.base.clone keeps it.
    for attribute in ("_metadata_request", "_sklearn_output_config"):
        if attribute in vars(estimator):
            setattr(twin, attribute, deepcopy(getattr(estimator, attribute)))
    return twin


def teacher_vectors(teacher: object, documents: list[str], verbose: bool) -> np.ndarray:
    """Vectors of a teacher of any kind.

    Parameters
    ----------
    teacher : CachedTeacher, str, path-like, object or callable
        As `CachedTeacher` and its ``model`` take them.
    documents : list of str of length n_samples
        Documents.
    verbose : bool
        Whether to show a progress bar.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Finite vectors.
    """
    if isinstance(teacher, CachedTeacher):
        verbose = verbose if teacher.verbose is None else teacher.verbose
        return teacher._vectors(documents, verbose)
    batch_size = inspect.signature(CachedTeacher).parameters["batch_size"].default
    out = None
    for positions, vectors in encode_batches(
        encoder(teacher, None),
        documents,
        batch_size=batch_size,
        batches_at_a_time=1,
        verbose=verbose,
    ):
        if out is None:
            out = np.empty((len(documents), vectors.shape[1]), dtype=np.float32)
        if vectors.shape[1] != out.shape[1]:
            raise ValueError(
                f"The teacher returned vectors of width {out.shape[1]} and then of "
                f"width {vectors.shape[1]}. It must return one width for all documents."
            )
        out[positions] = vectors
    return out


def encoder(
    model: object, device: str | None
) -> Callable[[list[str], int], np.ndarray]:
    """How to call a model: a function of documents and a batch size.

    Parameters
    ----------
    model : str, path-like, object or callable
        As `CachedTeacher` takes it.
    device : str or None
        Torch device, for a name or a folder.

    Returns
    -------
    callable
        Maps a list of str and a batch size to vectors.

    Raises
    ------
    ImportError
        If sentence-transformers is needed and missing.
    TypeError
        If the model is none of these.
    """
    if isinstance(model, (str, os.PathLike)):
        return sentence_transformer_encoder(model, device)
    if not isinstance(model, type):
        if hasattr(model, "encode"):
            return batched(model.encode)
        if hasattr(model, "transform"):
            return batched(model.transform)
        if callable(model):
            return batched(model)
    raise TypeError(
        "A teacher must be a sentence-transformers name or folder, an object with "
        "encode, a fitted scikit-learn transformer, or a callable. Got "
        f"{model!r} instead."
    )


def sentence_transformer_encoder(
    model: str | os.PathLike, device: str | None
) -> Callable[[list[str], int], np.ndarray]:
    """Load a sentence-transformers model and return how to call it.

    Parameters
    ----------
    model : str or path-like
        Name or folder.
    device : str or None
        Torch device; None leaves the choice to the library.

    Returns
    -------
    callable
        Maps a list of str and a batch size to vectors.
    """
    library = import_optional(
        "sentence_transformers",
        extra="teacher",
        purpose=f"The teacher {os.fspath(model)!r}",
    )
    loaded = library.SentenceTransformer(os.fspath(model), device=device)

    def encode(documents: list[str], batch_size: int) -> np.ndarray:
        return loaded.encode(documents, batch_size=batch_size, show_progress_bar=False)

    return encode


def batched(
    function: Callable[[list[str]], np.ndarray],
) -> Callable[[list[str], int], np.ndarray]:
    """Call a function of documents batch by batch.

    Parameters
    ----------
    function : callable
        Maps a list of str to vectors.

    Returns
    -------
    callable
        Maps a list of str and a batch size to vectors.
    """

    def encode(documents: list[str], batch_size: int) -> np.ndarray:
        parts = []
        for start in range(0, len(documents), batch_size):
            batch = documents[start : start + batch_size]
            parts.append(check_vectors(function(batch), len(batch)))
        widths = {part.shape[1] for part in parts}
        if len(widths) > 1:
            raise ValueError(
                f"The teacher returned vectors of widths {sorted(widths)}. It must "
                "return one width for all documents."
            )
        return np.concatenate(parts)

    return encode


def encode_batches(
    encode: Callable[[list[str], int], np.ndarray],
    documents: list[str],
    *,
    batch_size: int,
    batches_at_a_time: int,
    verbose: bool,
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
    batch_size, batches_at_a_time : int
        Documents in a batch, and batches between two yields.
    verbose : bool
        Whether to show a progress bar.

    Yields
    ------
    positions : ndarray of shape (n_chunk,), dtype=np.intp
        Which documents these are.
    vectors : ndarray of shape (n_chunk, n_components), dtype=np.float32
        Their vectors, checked.
    """
    lengths = np.array([len(document) for document in documents])
    order = np.argsort(-lengths, kind="stable")
    step = batch_size * batches_at_a_time
    with tqdm(
        total=len(documents), unit="doc", desc="teaching", disable=not verbose
    ) as progress:
        for start in range(0, len(order), step):
            positions = order[start : start + step]
            vectors = encode([documents[i] for i in positions], batch_size)
            vectors = check_vectors(vectors, len(positions))
            check_finite(vectors, positions)
            yield positions, vectors
            progress.update(len(positions))


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
    if hasattr(vectors, "toarray"):
        vectors = vectors.toarray()
    if hasattr(vectors, "detach"):
        vectors = vectors.detach().cpu().numpy()
    try:
        vectors = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
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


def check_finite(vectors: np.ndarray, positions: np.ndarray, after: str = "") -> None:
    """Refuse vectors with NaN or infinity.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components)
        Vectors of a teacher.
    positions : ndarray of shape (n_samples,)
        Which documents they belong to, for the message.
    after : str, default=""
        What was done to them, for the message.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        cause = f" after {after}" if after else ""
        raise ValueError(
            f"The teacher returned NaN or infinity{cause} for "
            f"{np.count_nonzero(~finite)} documents, the first of them document "
            f"{positions[~finite][0]} of those to be taught. Such vectors are neither "
            "used nor stored."
        )


def model_identity(model: object) -> str:
    """Name of a model that changes when its vectors would.

    Parameters
    ----------
    model : str, path-like, object or callable
        As `CachedTeacher` takes it.

    Returns
    -------
    str
        Its kind with its name or a fingerprint.

    Raises
    ------
    ValueError
        If nothing identifies the model from one program to the next.
    """
    if isinstance(model, (str, os.PathLike)):
        if Path(model).is_dir():
            return f"folder:{folder_fingerprint(Path(model))}"
        return f"name:{os.fspath(model)}"
    if inspect.isroutine(model) and not hasattr(model, "__self__"):
        return f"function:{function_name(model)}"
    if hasattr(model, "state_dict"):
        return f"weights:{weights_fingerprint(model)}"
    try:
        return f"object:{joblib.hash(model)}"
    except Exception as error:
        raise ValueError(
            f"The teacher {type(model).__name__} cannot be fingerprinted ({error}). "
            "Give CachedTeacher a model_id."
        ) from error


def function_name(function: Callable) -> str:
    """Qualified name of a module-level function.

    Parameters
    ----------
    function : callable
        A function.

    Returns
    -------
    str
        Module and name.

    Raises
    ------
    ValueError
        If the name means another function in another program.
    """
    module = getattr(function, "__module__", None) or "builtins"
    name = f"{module}.{function.__qualname__}"
    if module == "__main__" or "<" in function.__qualname__:
        raise ValueError(
            f"The function {name} has no name that holds in another program, so its "
            "vectors cannot be kept. Give CachedTeacher a model_id, or move the "
            "function to a module."
        )
    return name


def folder_fingerprint(folder: Path) -> str:
    """Digest of the names and contents of all files in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of a model.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = blake2b(digest_size=16)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative = file.relative_to(folder)
        # Byte code and hidden files come and go without a change of the model.
        if "__pycache__" in relative.parts or relative.name.startswith("."):
            continue
        digest.update(relative.as_posix().encode() + b"\0")
        digest.update(str(file.stat().st_size).encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def weights_fingerprint(model: object) -> str:
    """Digest of a torch model: its layers, weights, vocabulary and prompts.

    Parameters
    ----------
    model : torch.nn.Module
        A model with ``state_dict``.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    import torch

    digest = blake2b(repr(model).encode(), digest_size=16)
    for name, tensor in model.state_dict().items():
        tensor = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    settings = {
        name: getattr(model, name, None)
        for name in ("max_seq_length", "prompts", "default_prompt_name")
    }
    vocabulary = getattr(getattr(model, "tokenizer", None), "get_vocab", dict)()
    digest.update(json.dumps([settings, vocabulary], sort_keys=True).encode())
    return digest.hexdigest()


def check_teacher_embeddings(
    teacher_embeddings: Iterable, n_documents: int
) -> np.ndarray:
    """Return teacher embeddings that were given ready-made.

    Parameters
    ----------
    teacher_embeddings : array-like of shape (n_samples, n_teacher_components)
        Vectors aligned with the documents.
    n_documents : int
        Number of documents.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        The vectors.

    Raises
    ------
    ValueError
        If they are not a finite table with one row per document.
    """
    try:
        embeddings = np.asarray(teacher_embeddings, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "teacher_embeddings must be an array of numbers, of shape (n_documents, "
            f"n_teacher_components). Got {type(teacher_embeddings).__name__}: {error}"
        ) from error
    if embeddings.ndim != 2 or embeddings.shape[1] == 0:
        raise ValueError(
            "teacher_embeddings must have shape (n_documents, n_teacher_components). "
            f"Got shape {embeddings.shape} instead."
        )
    if len(embeddings) != n_documents:
        raise ValueError(
            f"teacher_embeddings has {len(embeddings)} rows, but there are "
            f"{n_documents} documents. Give one row per document, in the same order."
        )
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"teacher_embeddings has NaN or infinity in {np.count_nonzero(~finite)} "
            f"rows, the first of them row {np.flatnonzero(~finite)[0]}. Every document "
            "needs a vector of finite numbers: encode those rows again, or leave the "
            "documents out."
        )
    return embeddings
