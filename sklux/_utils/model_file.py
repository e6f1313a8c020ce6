"""The model file: safetensors with JSON metadata and a checksum per tensor.

The layout is defined by safetensors: eight bytes with the length of the header, a JSON
header with the dtype, shape and offsets of each tensor, and the bytes of the tensors.
The ``__metadata__`` of the header holds one string, ``sklux``, which is JSON again: the
format version, the checksums, and the state of the model's stages. The file contains
neither pickles nor code.
"""

import json
import operator
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from sklux._utils.file_kinds import beginning_in_words
from sklux._utils.memory import CACHE_LINE, in_memory
from sklux._utils.messages import as_sentence
from sklux._utils.output_file import replaced_when_whole

# Increase it if readers of the old version would misread the new file.
FORMAT_VERSION = 3
METADATA_KEY = "sklux"
MAX_HEADER_BYTES = 100_000_000
# A header holds a few hundred lists and objects, and one value for each given stop word
# or term. More would take many times the memory of the file.
MAX_CONTAINERS = 1_000_000
MAX_VALUES = 5_000_000
# Digits of a number; Python needs a time that grows with the square of the digits.
MAX_DIGITS = 100
MAX_DIMENSIONS = 8

# The types by their names, in the order in which safetensors lays out their tensors.
_DTYPES = {
    "U64": np.uint64,
    "I64": np.int64,
    "F64": np.float64,
    "F32": np.float32,
    "U32": np.uint32,
    "I32": np.int32,
    "F16": np.float16,
    "U16": np.uint16,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_DTYPE_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}


def write_model(
    path: str | os.PathLike[str],
    tensors: dict[str, np.ndarray],
    state: dict[str, Any],
    aligned_tensor: str | None = None,
) -> None:
    """Write a model file; replace an existing file when the new one is complete.

    Parameters
    ----------
    path : str or path-like
        File to write.
    tensors : dict of str to ndarray
        Arrays by name.
    state : dict
        State of the model, which JSON can hold.
    aligned_tensor : str or None
        Tensor that begins at a cache line of the file, if the sizes of the tensors
        before it allow that.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file stays as it was.
    """
    path = Path(path)
    tensors = {
        name: np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
        for name, array in tensors.items()
    }
    document = {
        "format_version": FORMAT_VERSION,
        "checksums": {name: checksum(array) for name, array in tensors.items()},
        "state": state,
        "state_checksum": state_checksum(state),
    }
    text = json.dumps(document)
    header, offsets = _header_of(tensors, text)
    if aligned_tensor is not None:
        # Mapped rows are read faster from the beginning of a cache line.
        begin = len(header) + offsets[aligned_tensor]
        header, _ = _header_of(tensors, text + " " * (-begin % CACHE_LINE))
    with replaced_when_whole(path) as partial:
        try:
            _write_file(partial, header, [tensors[name] for name in offsets])
        except OSError as error:
            raise OSError(
                f"The model file {str(path)!r} cannot be written: {as_sentence(error)}"
            ) from error


def read_model(
    path: str | os.PathLike[str], *, mmap_mode: str | None, verify: bool
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a model file.

    Parameters
    ----------
    path : str or path-like
        File to read.
    mmap_mode : {'r', None}
        With ``'r'`` the arrays are read-only views of the file. Processes share them,
        and they are read when they are used.
    verify : bool
        Whether to verify the checksums, which reads the whole file.

    Returns
    -------
    tensors : dict of str to ndarray
        Arrays by name.
    state : dict
        The state that was given to `write_model`.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    IsADirectoryError
        If the path is a folder.
    ValueError
        If the file is not a model file, is damaged or truncated, or has a newer format
        version.
    """
    path = Path(path)
    data = _mapped(path)
    header, start = _read_header(path, data)
    document = _read_metadata(path, header)
    tensors = {
        name: _read_tensor(path, name, entry, data[start:])
        for name, entry in header.items()
    }
    _check_cover(path, header, len(data) - start)
    if set(tensors) != set(document["checksums"]):
        raise _damaged(path, "its tensors differ from the list of its checksums")
    if mmap_mode is None:
        tensors = {name: in_memory(array) for name, array in tensors.items()}
    if verify:
        for name, array in tensors.items():
            if checksum(array) != document["checksums"][name]:
                raise _damaged(path, f"the checksum of {name!r} does not match")
    return tensors, document["state"]


def header_digest(path: str | os.PathLike[str]) -> str:
    """Digest of the header of a model file, which holds the checksums of its tensors.

    Files with the same digest hold the same model. Only the header is read.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    str
        The blake2b-128 hash as 32 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    IsADirectoryError
        If the path is a folder.
    ValueError
        If the file is not a model file.
    """
    path = Path(path)
    data = _mapped(path)
    header, start = _read_header(path, data)
    _read_metadata(path, header)
    return blake2b(data[:start].tobytes(), digest_size=16).hexdigest()


def json_params(owner: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of an estimator as JSON can hold them.

    Parameters
    ----------
    owner : str
        Class of the estimator, for the message.
    params : dict
        Parameters by name.

    Returns
    -------
    dict
        The parameters; NumPy scalars become Python scalars.

    Raises
    ------
    TypeError
        If JSON cannot hold a parameter; the message names it.
    """
    held = {}
    for name, value in params.items():
        held[name] = value.item() if isinstance(value, np.generic) else value
        if not is_json(held[name]):
            raise TypeError(
                f"save cannot hold the parameter {name}={value!r} of {owner}. Use "
                "joblib.dump for this model."
            )
    return held


def is_json(value: object) -> bool:
    """Whether a value survives a round trip through JSON unchanged.

    Parameters
    ----------
    value : object
        Any value. Tuples do not survive: they come back as lists.

    Returns
    -------
    bool
        True for None, bool, int, float, str, and lists and dicts of these.
    """
    if value is None or type(value) in (bool, int, float, str):
        return True
    if type(value) is list:
        return all(map(is_json, value))
    if type(value) is dict:
        return all(type(k) is str and is_json(v) for k, v in value.items())
    return False


def parsed_json(text: str | bytes) -> Any:
    """Parse JSON of a file that somebody may have forged.

    Parameters
    ----------
    text : str or bytes
        The JSON.

    Returns
    -------
    object
        Its value.

    Raises
    ------
    ValueError
        If it is not JSON, or holds more lists, objects or values, or a longer number,
        than a model needs.
    RecursionError
        If it is nested too deeply.
    """
    signs: Any = "[{," if isinstance(text, str) else (b"[", b"{", b",")
    lists, objects, commas = map(text.count, signs)
    if lists + objects > MAX_CONTAINERS or commas > MAX_VALUES:
        raise ValueError("the JSON has too many values.")
    return json.loads(text, parse_int=_parsed_int)


def _parsed_int(digits: str) -> int:
    """A number of a plausible length."""
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of the JSON has {len(digits)} digits.")
    return int(digits)


def checksum(array: np.ndarray) -> str:
    """Digest of an array's dtype, shape and bytes.

    Parameters
    ----------
    array : ndarray
        A C-contiguous array.

    Returns
    -------
    str
        The blake2b-128 hash as 32 hexadecimal digits.
    """
    digest = blake2b(f"{array.dtype.name} {array.shape} ".encode(), digest_size=16)
    digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def state_checksum(state: dict[str, Any]) -> str:
    """Digest of a state, which does not depend on the order of the keys.

    Parameters
    ----------
    state : dict
        State of a model, which JSON can hold.

    Returns
    -------
    str
        The blake2b-128 hash as 32 hexadecimal digits.
    """
    text = json.dumps(state, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _mapped(path: Path) -> np.ndarray:
    """The bytes of a file, mapped."""
    if path.is_dir():
        raise IsADirectoryError(
            f"{str(path)!r} is a folder. Give the model file that save wrote."
        )
    data = np.memmap(path, mode="r") if path.stat().st_size else np.empty(0, np.uint8)
    # Slices of a plain array are made faster than slices of a memmap.
    return np.asarray(data)


def _read_header(path: Path, data: np.ndarray) -> tuple[dict[str, Any], int]:
    """Parse the header; return it and the offset of the first tensor."""
    length = int.from_bytes(data[:8].tobytes(), "little")
    if data[8:9].tobytes() != b"{" or length > MAX_HEADER_BYTES:
        beginning = beginning_in_words(data[:64].tobytes())
        raise _of_another_kind(path, f". {beginning}")
    if length > len(data) - 8:
        raise _damaged(path, "its header is longer than the file")
    try:
        header = parsed_json(data[8 : 8 + length].tobytes())
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a JSON object")
    return header, 8 + length


def _header_of(
    tensors: dict[str, np.ndarray], text: str
) -> tuple[bytes, dict[str, int]]:
    """The beginning of a file, and the offset of each tensor after it.

    safetensors has the same order and the same bytes. Its function writes another
    temporary file, which would stay behind when the process is killed.
    """
    order = list(_DTYPES)
    names = sorted(
        tensors, key=lambda name: (order.index(_DTYPE_NAMES[tensors[name].dtype]), name)
    )
    header: dict[str, Any] = {"__metadata__": {METADATA_KEY: text}}
    offsets, end = dict[str, int](), 0
    for name in names:
        array = tensors[name]
        offsets[name], end = end, end + array.nbytes
        header[name] = {
            "dtype": _DTYPE_NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offsets[name], end],
        }
    content = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    content += b" " * (-len(content) % 8)
    return len(content).to_bytes(8, "little") + content, offsets


def _write_file(path: Path, header: bytes, arrays: list[np.ndarray]) -> None:
    """Write the header and the bytes of C-contiguous arrays to an existing file."""
    with open(path, "wb") as file:
        file.write(header)
        for array in arrays:
            file.write(array.reshape(-1).view(np.uint8).data)


def _read_metadata(path: Path, header: dict[str, Any]) -> dict[str, Any]:
    """Take the metadata out of the header; refuse a file this version cannot read."""
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or METADATA_KEY not in metadata:
        raise _of_another_kind(path, ", but a safetensors file of another library")
    try:
        document = parsed_json(metadata[METADATA_KEY])
        version = document["format_version"]
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        raise _damaged(path, "its sklux metadata cannot be read") from error
    if not isinstance(version, int) or version < 1:
        raise _damaged(path, f"its format version is {version!r}")
    if version > FORMAT_VERSION:
        raise ValueError(
            f"The model file {str(path)!r} has format version {version}, but this "
            f"version of sklux reads up to {FORMAT_VERSION}. Upgrade sklux."
        )
    if not all(isinstance(document.get(key), dict) for key in ("checksums", "state")):
        raise _damaged(path, "its metadata is incomplete")
    try:
        found = state_checksum(document["state"])
    except RecursionError as error:
        raise _damaged(path, "its metadata is nested too deeply") from error
    if document.get("state_checksum") != found:
        raise _damaged(path, "the checksum of its metadata does not match")
    return document


def _read_tensor(
    path: Path, name: str, entry: dict[str, Any], data: np.ndarray
) -> np.ndarray:
    """View one tensor, after a check that it lies within the file.

    A tensor that does not begin at a multiple of its item size is copied.
    """
    try:
        dtype = np.dtype(_DTYPES[entry["dtype"]])
        shape = tuple(operator.index(size) for size in entry["shape"])
        start, stop = map(operator.index, entry["data_offsets"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _damaged(path, f"the entry of {name!r} cannot be read") from error
    if start < 0 or stop - start != _size_of(shape, dtype.itemsize, len(data)):
        raise _damaged(path, f"the shape of {name!r} does not fit its offsets")
    if stop > len(data):
        raise _damaged(path, f"it ends inside {name!r}")
    try:
        array = data[start:stop].view(dtype).reshape(shape)
    except ValueError as error:  # numbers next to a 0 that NumPy cannot multiply
        raise _damaged(path, f"the shape of {name!r} is too large") from error
    return array if array.flags.aligned else array.copy()


def _size_of(shape: tuple[int, ...], n_bytes: int, most: int) -> int | None:
    """Bytes of an array; None for a shape that no array in a file of this size has."""
    if len(shape) > MAX_DIMENSIONS or min(shape, default=0) < 0:
        return None
    for size in sorted(shape):
        n_bytes *= size
        if n_bytes > most:
            return None
    return n_bytes


def _check_cover(path: Path, header: dict[str, Any], n_bytes: int) -> None:
    """Refuse tensors that overlap or leave bytes out: a copy of each would be large."""
    end, last = 0, ""
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        if start < end:
            raise _damaged(path, f"the bytes of {last!r} and {name!r} overlap")
        if start > end:
            raise _damaged(path, f"bytes before {name!r} belong to no tensor")
        end, last = stop, name
    if end != n_bytes:
        raise _damaged(path, "bytes follow its last tensor")


def _of_another_kind(path: Path, what: str) -> ValueError:
    """Make the error for a file that is not a model file."""
    return ValueError(
        f"{str(path)!r} is not a sklux model file{what}. Name a file that `save` or "
        "`sklux fit` has written."
    )


def _damaged(path: Path, how: str) -> ValueError:
    """Make the error for a file that `write_model` cannot have written."""
    return ValueError(
        f"{str(path)!r} is not a complete sklux model file: {how}. Save the model "
        "again, or copy the file again."
    )
