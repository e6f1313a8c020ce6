"""Changes of bytes, of JSON values and of arrays, which JSON can hold themselves."""

import json

import numpy as np
from hypothesis import strategies as st

DTYPES = ["i1", "u1", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "?"]
NUMBERS = st.integers(-3, 3) | st.sampled_from(
    [
        2**7,
        2**16,
        2**24 - 1,
        2**31 - 1,
        2**31,
        -(2**31),
        2**32 - 1,
        2**62,
        2**63,
        10**30,
    ]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.sampled_from([0.0, -1.5, 1e308, float("nan"), float("inf")]),
    st.sampled_from(["", "auto", "word", "float32", "\ud800", "(", "{}"]),
    st.sampled_from(["filename", "file", "strict", "replace", "english"]),
    st.text(max_size=5),
    st.lists(NUMBERS, max_size=3),
    st.dictionaries(st.sampled_from(["a", "type", "params"]), NUMBERS, max_size=2),
)


# Bytes: some of them are replaced by others, which also adds and removes bytes.


def byte_changes(content):
    """Changes of some bytes; most of them change a single one."""
    place = st.integers(0, len(content))
    return st.one_of(
        st.builds(_replaced, place, st.just(1), st.binary(min_size=1, max_size=1)),
        st.builds(_replaced, place, st.integers(0, 9), st.binary(max_size=9)),
        st.builds(_replaced, place, st.just(len(content)), st.just(b"")),
        # A part of the content in another place.
        st.builds(
            lambda at, of, size: _replaced(at, size, content[of : of + size]),
            *(place, place, st.integers(1, 64)),
        ),
        st.builds(
            lambda at, byte, size: _replaced(at, size, bytes([byte]) * size),
            *(place, st.sampled_from([0, 255, 127, 32]), st.integers(1, 9)),
        ),
    )


def _replaced(at, cut, put):
    return {"at": at, "cut": cut, "put": put.decode("latin-1")}


def with_bytes(content, change):
    """The content with a change."""
    at, cut = change["at"], change["cut"]
    return content[:at] + change["put"].encode("latin-1") + content[at + cut :]


# JSON: the value at a place is another one, a copy of another value, or missing.


def places(value, keys=()):
    """The place of each value inside a value: a tuple of keys."""
    inner = {}
    if isinstance(value, dict):
        inner = value
    elif isinstance(value, list):
        inner = dict(enumerate(value))
    for key in inner:
        yield (*keys, key)
        yield from places(inner[key], (*keys, key))


def value_changes(value):
    """Changes of a value inside a JSON value."""
    place = st.sampled_from(sorted(map(list, places(value)), key=repr))
    return st.one_of(
        st.fixed_dictionaries({"keys": place, "value": VALUES}),
        st.fixed_dictionaries({"keys": place, "value": VALUES}),
        st.fixed_dictionaries({"keys": place, "copy": place}),
        st.fixed_dictionaries({"keys": place, "name": st.text(max_size=8)}),
        st.fixed_dictionaries({"keys": place}),
    )


def with_value(value, change):
    """A copy of a JSON value with a change; the same value if the place is gone."""
    copied = json.loads(json.dumps(value))
    *parents, last = change["keys"]
    try:
        inner = _inner(copied, parents)
        if "value" in change:
            inner[last] = change["value"]
        elif "copy" in change:
            inner[last] = _inner(value, change["copy"])
        elif "name" in change:
            inner[change["name"]] = inner.pop(last)
        else:
            del inner[last]
    except (LookupError, TypeError, AttributeError):
        return value
    return copied


def _inner(value, keys):
    for key in keys:
        value = value[key]
    return value


# Arrays: other bytes, another value, type or shape, other values or none.


def array_changes(array):
    """Changes of an array; None removes it."""
    content = np.ascontiguousarray(array).tobytes()
    length = len(array) if array.ndim else 0
    return st.one_of(
        st.fixed_dictionaries({"bytes": byte_changes(content)}),
        st.fixed_dictionaries({"bytes": byte_changes(content)}),
        st.fixed_dictionaries(
            {"value": NUMBERS, "place": st.integers(0, max(array.size - 1, 0))}
        ),
        st.fixed_dictionaries({"first": st.integers(0, length)}),
        st.fixed_dictionaries({"again": st.integers(0, length)}),
        st.fixed_dictionaries({"dtype": st.sampled_from(DTYPES)}),
        st.fixed_dictionaries(
            {"shape": st.sampled_from([[-1, 1], [1, -1], [-1], [0, 7], []])}
        ),
        st.none(),
    )


def with_array(array, change):
    """An array with a change; the same array if the change is impossible."""
    array = np.ascontiguousarray(array).reshape(array.shape).copy()
    try:
        if "bytes" in change:
            content = with_bytes(array.tobytes(), change["bytes"])
            n_bytes = array.nbytes
            flat = np.frombuffer(content[:n_bytes].ljust(n_bytes, b"\0"), array.dtype)
            return flat.reshape(array.shape).copy()
        if "value" in change:
            number = np.array(change["value"] % 2**64, dtype=np.uint64)
            array.reshape(-1)[change["place"]] = number.astype(array.dtype)
        if "first" in change:
            return array[: change["first"]].copy()
        if "again" in change:
            return np.concatenate([array, array[: change["again"]]])
        if "dtype" in change:
            return array.astype(change["dtype"])
        if "shape" in change:
            return array.reshape(change["shape"])
    except (IndexError, TypeError, ValueError):
        return array
    return array
