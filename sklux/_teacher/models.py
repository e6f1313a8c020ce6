"""Models of every kind: how to load them, how to call them, and their words."""

from __future__ import annotations

import inspect
import os
import reprlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, TypeVar, cast

import numpy as np

from sklux._teacher.coroutines import awaited
from sklux._teacher.identity import is_torch_module
from sklux._teacher.named import load_named
from sklux._teacher.words import tokenizer_words
from sklux._utils.optional import import_optional

Result = TypeVar("Result")
TokenCounter: TypeAlias = Callable[[list[str]], np.ndarray]
# Begins a note on an error.
LOADING = "This happened while loading the teacher"
# Models by name and device, while `loading_once` keeps them.
_loaded_models: ContextVar[dict[tuple[str, str | None], object] | None] = ContextVar(
    "_loaded_models", default=None
)
# A lock for loading, and one for the calls of each model object, for each process.
_loading_locks: dict[int, threading.RLock] = {}
_call_locks: dict[tuple[int, int], threading.RLock] = {}


def is_named(model: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a model is given by name or folder, and must be loaded.

    Parameters
    ----------
    model : str, path-like, object or callable
        As `CachedTeacher` takes it.

    Returns
    -------
    bool
        True for a str and a path.
    """
    return isinstance(model, (str, os.PathLike))


def is_within(file: Path, model: object) -> bool:
    """Whether a file lies in the folder of a model.

    Parameters
    ----------
    file : Path
        A file. It need not exist yet.
    model : object
        As `CachedTeacher` takes it.

    Returns
    -------
    bool
        Also False if the model is not a folder.
    """
    if not is_named(model) or not Path(model).is_dir():
        return False
    return file.resolve().is_relative_to(Path(model).resolve())


def encoder(
    model: object, device: str | None, prompt_name: str | None = None
) -> tuple[Callable[[list[str]], object], object]:
    """Return the function that embeds texts, and the model that it calls.

    Parameters
    ----------
    model : str, path-like, object or callable
        As `CachedTeacher` takes it. A model given by name or folder is loaded.
    device : str or None
        Torch device, for a name or a folder.
    prompt_name : str or None, default=None
        Prompt of a sentence-transformers model; None means its default.

    Returns
    -------
    encode : callable
        Maps a list of str to vectors.
    model : object
        The model that `encode` calls.

    Raises
    ------
    ImportError
        If sentence-transformers is needed and missing.
    TypeError
        If the model is of none of these kinds.
    ValueError
        If a prompt is named, but the model has no prompts.
    """
    options: dict[str, Any] = (
        {} if prompt_name is None else {"prompt_name": prompt_name}
    )
    if is_named(model):
        loaded = load_sentence_transformer(model, device)
        return partial(encode_as_one_batch, loaded, **options), loaded
    if options and not hasattr(model, "prompts"):
        raise ValueError(
            f"prompt_name={prompt_name!r} needs a model with prompts, such as a "
            f"sentence-transformers model. Got {type(model).__name__} instead: set "
            "prompt_name=None."
        )
    check_kind(model)
    if is_torch_module(model) and takes(
        getattr(model, "encode", None), "batch_size", "show_progress_bar"
    ):
        return partial(encode_as_one_batch, model, **options), model
    if hasattr(model, "encode"):
        return partial(awaited(_without_bar(model.encode)), **options), model
    if hasattr(model, "transform"):
        return model.transform, model
    return awaited(_without_bar(cast(Callable[..., object], model))), model


def check_kind(model: object) -> None:
    """Refuse what cannot be a model, such as a table of vectors.

    Parameters
    ----------
    model : object
        As `CachedTeacher` takes it.

    Raises
    ------
    TypeError
        If the model is of none of the kinds.
    """
    # Tables of pandas have a method `transform` of their own.
    is_transformer = hasattr(model, "transform") and not hasattr(model, "iloc")
    is_model = hasattr(model, "encode") or is_transformer or callable(model)
    if is_named(model) or (is_model and not isinstance(model, type)):
        return
    raise TypeError(
        "A teacher must be a sentence-transformers name or folder, an object with "
        "encode, a fitted scikit-learn transformer, or a callable. Got "
        f"{reprlib.repr(model)} instead. Pass vectors that you have already to fit of "
        "LuxicalVectorizer, as teacher_embeddings: a row for each document."
    )


def _without_bar(encode: Callable[..., object]) -> Callable[..., object]:
    """The same function, without a progress bar of its own for each batch.

    sentence-transformers shows one if the level of logging is INFO.
    """
    if not takes(encode, "show_progress_bar"):
        return encode
    return partial(encode, show_progress_bar=False)


def takes(function: object, *names: str) -> bool:
    """Whether a function is known to take parameters of some names.

    Parameters
    ----------
    function : object
        Any object.
    *names : str
        Names of parameters.

    Returns
    -------
    bool
        False if a name is missing, or if the object has no signature.
    """
    if not callable(function):
        return False
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # Some compiled functions have no signature.
        return False
    return all(name in parameters for name in names)


def token_counter(model: Any) -> TokenCounter | None:
    """Return a function that counts the tokens which a model reads of texts.

    Parameters
    ----------
    model : object
        A loaded model.

    Returns
    -------
    callable or None
        Maps a list of str to an ndarray of int. None unless the model is a torch module
        with a fast tokenizer.
    """
    tokenizer: Any = getattr(model, "tokenizer", None)
    if not is_torch_module(model) or not getattr(tokenizer, "is_fast", False):
        return None
    limit = getattr(model, "max_seq_length", None)

    def count_tokens(texts: list[str]) -> np.ndarray:
        tokens = tokenizer(
            texts,
            truncation=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        return np.minimum([len(ids) for ids in tokens["input_ids"]], limit or np.inf)

    return count_tokens


def one_at_a_time(
    encode: Callable[[list[str]], Result], model: object
) -> Callable[[list[str]], Result]:
    """Let one thread at a time call a model: few models expect several.

    Parameters
    ----------
    encode : callable
        Maps a list of str to vectors.
    model : object
        The model that `encode` calls. Teachers that share it wait for each other for
        the duration of a batch.

    Returns
    -------
    callable
        The same function, behind a lock of the model.
    """
    # RLock: a model may call itself.
    lock = _call_locks.setdefault((os.getpid(), id(model)), threading.RLock())

    def encode_alone(texts: list[str]) -> Result:
        with lock:
            return encode(texts)

    return encode_alone


def encode_as_one_batch(model: Any, documents: list[str], **options: str) -> np.ndarray:
    """Embed documents in a single batch of the model.

    Parameters
    ----------
    model : sentence_transformers.SentenceTransformer
        A model.
    documents : list of str
        A batch.
    **options : str
        Further arguments of the model's ``encode``, such as ``prompt_name``.

    Returns
    -------
    ndarray of shape (n_documents, n_components)
        Their vectors.
    """
    return model.encode(
        documents, batch_size=len(documents), show_progress_bar=False, **options
    )


def words_of_model(model: object, device: str | None) -> list[str]:
    """Words of a model's tokenizer.

    Parameters
    ----------
    model : str, path-like, object or callable
        As `CachedTeacher` takes it. A model given by name or folder is loaded.
    device : str or None
        Torch device, for a name or a folder.

    Returns
    -------
    list of str
        As `tokenizer_words` finds them; empty if the model has no tokenizer.
    """
    if is_named(model):
        return list(words_of_named_model(os.fspath(model), device))
    return tokenizer_words(model) or []


# Each fit of a grid search needs the words.
@lru_cache(maxsize=16)
def words_of_named_model(name: str, device: str | None) -> tuple[str, ...]:
    """Words of the tokenizer of a model that is given by name.

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
    """Load each named model at most once within a block, and release it at the end.

    A fit needs its teacher for the words of its tokenizer, for terms and for
    documents. A command needs it for each chunk of documents.

    Yields
    ------
    None
        Nothing.
    """
    if _loaded_models.get() is not None:
        # An outer block keeps the models.
        yield
        return
    token = _loaded_models.set({})
    try:
        yield
    finally:
        _loaded_models.reset(token)


def load_sentence_transformer(
    model: str | os.PathLike[str], device: str | None
) -> object:
    """Load a sentence-transformers model, or return one that `loading_once` keeps.

    Parameters
    ----------
    model : str or path-like
        Name or folder.
    device : str or None
        Torch device; None leaves the choice to sentence-transformers.

    Returns
    -------
    sentence_transformers.SentenceTransformer
        The model.

    Raises
    ------
    ImportError
        If sentence-transformers is missing.
    OSError
        If there is no such model, or if no network answers.
    """
    name, kept = os.fspath(model), _loaded_models.get()
    if kept is not None and (name, device) in kept:
        return kept[name, device]
    library = import_optional(
        "sentence_transformers", extra="teacher", purpose=f"The teacher {name!r}"
    )
    try:
        # transformers changes global settings while it loads a model.
        with _loading_locks.setdefault(os.getpid(), threading.RLock()):
            loaded = load_named(library, name, device)
    except Exception as error:
        error.add_note(f"{LOADING} {name!r}.")
        raise
    if kept is not None:
        kept[name, device] = loaded
    return loaded


def failed_to_load(error: Exception) -> bool:
    """Whether an error is from loading a model that is given by name or folder.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    bool
        False for an error of a model that was called.
    """
    return any(note.startswith(LOADING) for note in getattr(error, "__notes__", ()))
