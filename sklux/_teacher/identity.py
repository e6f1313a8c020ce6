"""Identity of a model: a name that changes when the model's vectors change.

The identity of an object is a digest of its types and contents. A digest of its pickle
does not work: a pickle also records which parts are one object in memory, so it differs
between a model and its copy, and between two programs.
"""

import inspect
import json
import os
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

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
    if is_function(model):
        return f"function:{lasting_name(model)}"
    try:
        if is_torch_module(model):
            return f"weights:{weights_fingerprint(model)}"
        return f"object:{fingerprint(model)}"
    except Exception as error:
        raise ValueError(
            f"The teacher {type(model).__name__} cannot be fingerprinted ({error}). "
            "Give CachedTeacher a model_id."
        ) from error


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


def weights_fingerprint(model: Any) -> str:
    """Digest of a torch module: its layers, weights, settings and vocabulary.

    Parameters
    ----------
    model : torch.nn.Module
        A model.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    torch = sys.modules["torch"]
    digest = blake2b(lasting_name(type(model)).encode(), digest_size=16)
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


def fingerprint(value: object, outer: tuple[int, ...] = ()) -> str:
    """Digest of a value's types and contents, the same in any program.

    Parameters
    ----------
    value : object
        Anything that can be pickled.
    outer : tuple of int, default=()
        The ``id`` of each value that this value is part of. A value within itself is
        identified by its type.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    name = lasting_name(type(value))
    if id(value) in outer:
        content = b"within itself"
    else:
        content = _content(value, (*outer, id(value)))
    return blake2b(name.encode() + b"\0" + content, digest_size=16).hexdigest()


def _content(value: object, outer: tuple[int, ...]) -> bytes:
    """Content that distinguishes a value from other values of its type."""
    if isinstance(value, PLAIN_TYPES):
        return repr(value).encode("utf-8", "surrogatepass")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return f"{value.dtype.str} {value.shape}\0".encode() + value.tobytes()
    if inspect.isclass(value) or is_function(value):
        return lasting_name(value).encode()
    if is_torch_module(value):
        return weights_fingerprint(value).encode()
    return "".join(_part_fingerprints(value, outer)).encode()


def _part_fingerprints(value: object, outer: tuple[int, ...]) -> list[str]:
    """Fingerprints of the parts of a container or an object."""
    if isinstance(value, dict):
        return sorted(
            fingerprint(key, outer) + fingerprint(part, outer)
            for key, part in value.items()
            if not (isinstance(key, str) and key in IGNORED_ATTRIBUTES)
        )
    if isinstance(value, (set, frozenset)):
        return sorted(fingerprint(part, outer) for part in value)
    if isinstance(value, (list, tuple)):
        return [fingerprint(part, outer) for part in value]
    # The parts of a pickle: constructor, arguments, state and items.
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return [fingerprint(reduced, outer)]
    padded = (*reduced[:5], None, None, None)
    return [
        fingerprint(part, outer)
        for part in (*padded[:3], list(padded[3] or ()), list(padded[4] or ()))
    ]
