"""Identity of a model: a name that changes when the model's vectors change.

The identity of a function is its name and a digest of its code. The identity of an
object is a digest of its types and contents, and of the code of the user's own classes
and functions among them. A digest of its pickle does not work: a pickle also records
which parts are one object in memory, so it differs between a model and its copy, and
between two programs.
"""

import inspect
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from sklux._teacher.functions import (
    NotComparableError,
    code_digest,
    is_library,
    module_of,
)

# Attributes that hold an address in memory (scikit-learn's text vectorizers).
IGNORED_ATTRIBUTES = {"_stop_words_id"}
PLAIN_TYPES = (bool, int, float, complex, str, np.generic, type(None))


def model_identity(model: object) -> str:
    """Return a name of a model that changes when the model's vectors change.

    Parameters
    ----------
    model : str, path-like, object or callable
        A name, a folder, or a model.

    Returns
    -------
    str
        Its kind with its name or a fingerprint.

    Raises
    ------
    ValueError
        If nothing identifies the model in another program.
    """
    if isinstance(model, (str, os.PathLike)):
        if not os.fspath(model):
            raise ValueError(
                "The name of the teacher is empty. Give the name or the folder of a "
                "sentence-transformers model."
            )
        if Path(model).is_dir():
            return f"folder:{folder_fingerprint(Path(model))}"
        return f"name:{os.fspath(model)}"
    if has_code(model):
        return f"function:{function_identity(model)}"
    try:
        code = OwnCode()
        if is_torch_module(model):
            return f"weights:{code.added_to(weights_fingerprint(model, code))}"
        return f"object:{code.added_to(fingerprint(model, code))}"
    except Exception as error:
        raise ValueError(
            f"The teacher {type(model).__name__} cannot be fingerprinted ({error}). "
            "Give CachedTeacher a model_id."
        ) from error


def has_code(model: object) -> TypeGuard[Callable[..., object]]:
    """Whether the identity of a model is its code.

    Parameters
    ----------
    model : object
        As `CachedTeacher` takes it.

    Returns
    -------
    bool
        True for functions, and for partials of functions.
    """
    if isinstance(model, partial):
        return has_code(model.func)
    return is_function(model)


def function_identity(function: Callable[..., object]) -> str:
    """Name of a function, with a digest of its code and of the values that it reads.

    Parameters
    ----------
    function : callable
        A function, or a ``functools.partial`` of a function.

    Returns
    -------
    str
        The name, a colon, and 32 hexadecimal digits.

    Raises
    ------
    ValueError
        If the name can mean something else in another program, or the code or a value
        cannot be compared.
    """
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    name = lasting_name(inner)
    try:
        return f"{name}:{code_digest([function])}"
    except NotComparableError as error:
        raise ValueError(
            f"The code of the teacher {name} is part of its identity, so that a "
            f"changed function does not get its old vectors. But {error}. Give "
            "CachedTeacher a model_id, and another one when the vectors change."
        ) from error


class OwnCode:
    """The user's own functions and classes that are part of a model."""

    def __init__(self) -> None:
        self.items: dict[str, object] = {}

    def add(self, item: type | Callable[..., object]) -> None:
        """Note an item if it is the user's own.

        Parameters
        ----------
        item : class or function
            A part of the model.
        """
        module = module_of(item)
        if not is_library(module):
            self.items[f"{module}.{item.__qualname__}"] = item

    def added_to(self, fingerprint: str) -> str:
        """Add a digest of the code to a digest of the model.

        Parameters
        ----------
        fingerprint : str
            Digest of the model.

        Returns
        -------
        str
            32 hexadecimal digits; unchanged if the model has no such code.
        """
        items = [self.items[name] for name in sorted(self.items)]
        if not items:
            return fingerprint
        # Many methods of a class do not embed, and may read anything.
        classes = [item for item in items if inspect.isclass(item)]
        functions = [item for item in items if not inspect.isclass(item)]
        digests = code_digest(classes, is_strict=False), code_digest(functions)
        return blake2b(
            "".join([fingerprint, *digests]).encode(), digest_size=16
        ).hexdigest()


def is_function(value: object) -> TypeGuard[Callable[..., object]]:
    """Whether a value is a function and not a method of an object.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool
        True for Python functions and the functions of compiled modules.
    """
    owner = getattr(value, "__self__", None)
    # In Python 3.14 a partial is a routine, but it has no name.
    is_named = inspect.isroutine(value) and hasattr(value, "__qualname__")
    return is_named and (owner is None or inspect.ismodule(owner))


def lasting_name(named: Callable[..., object]) -> str:
    """Qualified name of a module-level function or class.

    Parameters
    ----------
    named : callable
        A function or a class.

    Returns
    -------
    str
        Module and name.

    Raises
    ------
    ValueError
        If the name can mean something else in another program.
    """
    kind = "class" if inspect.isclass(named) else "function"
    module = getattr(named, "__module__", None) or "builtins"
    name = f"{module}.{named.__qualname__}"
    if module == "__main__" or "<" in named.__qualname__:
        raise ValueError(
            f"The {kind} {name} has no name that is valid in another program, so its "
            "vectors cannot be cached. Give CachedTeacher a model_id, or move the "
            f"{kind} to a module."
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
        # Byte code and hidden files can change while the model stays the same.
        if any(part == "__pycache__" or part[0] == "." for part in relative.parts):
            continue
        digest.update(relative.as_posix().encode() + b"\0")
        digest.update(str(file.stat().st_size).encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def is_torch_module(value: object) -> bool:
    """Whether a value is a torch module. This does not import torch.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    bool
        False while torch has not been imported.
    """
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def weights_fingerprint(model: Any, code: OwnCode) -> str:
    """Digest of a torch module: its layers, weights, settings and vocabulary.

    Parameters
    ----------
    model : torch.nn.Module
        A model.
    code : OwnCode
        Notes the classes of its layers.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    torch = sys.modules["torch"]
    digest = blake2b(lasting_name(type(model)).encode(), digest_size=16)
    for module in model.modules():
        code.add(type(module))
    digest.update(repr(model).encode())
    for name, tensor in model.state_dict().items():
        tensor = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    settings: list[object] = [
        [name, key, value]
        for name, module in model.named_modules()
        for key, value in sorted(vars(module).items())
        if is_setting(key, value)
    ]
    # These two are not plain attributes.
    settings.append(getattr(model, "prompts", None))
    settings.append(getattr(model, "max_seq_length", None))
    tokenizer = getattr(model, "tokenizer", None)
    vocabulary: dict[str, int] = getattr(tokenizer, "get_vocab", dict)()
    digest.update(json.dumps([settings, vocabulary], sort_keys=True).encode())
    return digest.hexdigest()


def is_setting(name: str, value: object) -> bool:
    """Whether an attribute of a module sets how the module computes.

    Parameters
    ----------
    name : str
        Name of the attribute.
    value : object
        Its value.

    Returns
    -------
    bool
        False for an attribute that changes when a module is only used or moved.
    """
    changes_in_use = name.startswith("_") or name in ("training", "name_or_path")
    return not changes_in_use and isinstance(value, (bool, int, float, str, type(None)))


def fingerprint(value: object, code: OwnCode, outer: tuple[int, ...] = ()) -> str:
    """Digest of a value's types and contents, the same in any program.

    Parameters
    ----------
    value : object
        Anything that can be pickled.
    code : OwnCode
        Notes the classes and functions in it.
    outer : tuple of int, default=()
        The ``id`` of each value that this value is part of. A value within itself is
        identified by its type.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    code.add(type(value))
    name = lasting_name(type(value))
    if id(value) in outer:
        content = b"within itself"
    else:
        content = _content(value, code, (*outer, id(value)))
    return blake2b(name.encode() + b"\0" + content, digest_size=16).hexdigest()


def _content(value: object, code: OwnCode, outer: tuple[int, ...]) -> bytes:
    """Content that distinguishes a value from other values of its type."""
    if isinstance(value, PLAIN_TYPES):
        return repr(value).encode("utf-8", "surrogatepass")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return f"{value.dtype.str} {value.shape}\0".encode() + value.tobytes()
    if inspect.isclass(value) or is_function(value):
        code.add(value)
        return lasting_name(value).encode()
    if is_torch_module(value):
        return weights_fingerprint(value, code).encode()
    return "".join(_part_fingerprints(value, code, outer)).encode()


def _part_fingerprints(
    value: object, code: OwnCode, outer: tuple[int, ...]
) -> list[str]:
    """Fingerprints of the parts of a container or an object."""
    if isinstance(value, dict):
        return sorted(
            fingerprint(key, code, outer) + fingerprint(part, code, outer)
            for key, part in value.items()
            if not (isinstance(key, str) and key in IGNORED_ATTRIBUTES)
        )
    if isinstance(value, (set, frozenset)):
        return sorted(fingerprint(part, code, outer) for part in value)
    if isinstance(value, (list, tuple)):
        return [fingerprint(part, code, outer) for part in value]
    # The parts of a pickle: constructor, arguments, state and items.
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return [fingerprint(reduced, code, outer)]
    padded = (*reduced[:5], None, None, None)
    return [
        fingerprint(part, code, outer)
        for part in (*padded[:3], list(padded[3] or ()), list(padded[4] or ()))
    ]
