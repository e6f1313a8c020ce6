"""Rows of JSON files: an object on each line, or an array of objects."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from sklux._commands.text_input import TextInput

# An object of more characters is refused: without a limit, an object that never ends
# would fill the memory.
MAX_OBJECT_CHARACTERS = 2**28
CHUNK_CHARACTERS = 2**16
# Stands for a key that a row does not have; None is a null.
ABSENT = object()
# Keys that a message shows, and how deep they may lie.
MAX_KEYS, MAX_DEPTH = 30, 4
BLANK = re.compile(r"[ \t\r\n]*")


def json_rows(text: TextInput) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON file. The file is never in memory as a whole.

    Parameters
    ----------
    text : TextInput
        The text: an array of objects, an object on each line, or objects that take
        several lines.

    Yields
    ------
    dict
        An object.

    Raises
    ------
    ValueError
        If the text is not JSON, or if a value is not an object.
    """
    if text.first_character() == "[":
        stream = text.stream()
        chunks = iter(partial(stream.read, CHUNK_CHARACTERS), "")
        yield from _Objects(chunks, text).array()
        return
    lines = enumerate(text.lines(), start=1)
    filled = ((number, line) for number, line in lines if line.strip())
    for place, (number, line) in enumerate(filled):
        try:
            row = json.loads(line)
        except RecursionError as error:
            raise ValueError(
                f"Line {number} of {text.name} is nested too deeply to be read. Remove "
                "the line."
            ) from error
        except ValueError as error:
            if place == 0 and is_cut(line, error):
                rest = (line for _, line in lines)
                yield from _Objects(chain([line], rest), text).sequence()
                return
            raise ValueError(
                f"Line {number} of {text.name} is not JSON: {error}. The line is "
                f"{shown(line)}."
            ) from error
        check_object(row, f"Line {number}", text.name)
        yield row


def is_cut(line: str, error: ValueError) -> bool:
    """Whether a line is only the beginning of an object.

    Parameters
    ----------
    line : str
        The line.
    error : ValueError
        Error of the json module.

    Returns
    -------
    bool
        True if the line is correct up to its end.
    """
    is_object = line.lstrip()[:1] == "{"
    return is_object and getattr(error, "pos", 0) >= len(line.rstrip())


def shown(text: str) -> str:
    """Beginning of a text, as Python writes it."""
    return repr(text[:60]) + ("..." if len(text) > 60 else "")


def check_object(row: object, place: str, name: str) -> None:
    """Refuse a value that is not an object.

    Parameters
    ----------
    row : object
        The value.
    place : str
        Where it is.
    name : str
        Name of the file.

    Raises
    ------
    ValueError
        If it is not a dict.
    """
    if not isinstance(row, dict):
        remedy = " Make each text the value of a key." if isinstance(row, str) else ""
        raise ValueError(
            f"{place} of {name} is not a JSON object, such as "
            f'{{"text": "..."}}, but {shown(json.dumps(row, ensure_ascii=False))}.'
            f"{remedy}"
        )


class _Objects:
    """Objects one after another in a text that is read in chunks."""

    def __init__(self, chunks: Iterable[str], text: TextInput):
        self._chunks, self._text = iter(chunks), text
        self._buffer, self._place, self._n_read = "", 0, 0
        self._decode = json.JSONDecoder().raw_decode

    def array(self) -> Iterator[dict[str, Any]]:
        """Yield the elements of an array, to its end."""
        self._next_character()
        self._place += 1  # the bracket
        if self._next_character() != "]":
            yield self._object()
            while self._next_character() == ",":
                self._place += 1
                yield self._object()
            if self._next_character() != "]":
                raise self._error("is not followed by a comma or a closing bracket")
        self._place += 1
        if self._next_character():
            raise self._error("is the last one, but text follows the array")

    def sequence(self) -> Iterator[dict[str, Any]]:
        """Yield objects that stand one after another."""
        while self._next_character():
            yield self._object()

    def _next_character(self) -> str:
        """The next character that is not blank; '' at the end."""
        while True:
            blank = BLANK.match(self._buffer, self._place)
            self._place = self._place if blank is None else blank.end()
            if self._place < len(self._buffer):
                return self._buffer[self._place]
            if not self._read_more():
                return ""

    def _object(self) -> dict[str, Any]:
        """Read the next object."""
        self._next_character()
        self._n_read += 1
        while True:
            try:
                row, self._place = self._decode(self._buffer, self._place)
                break
            except RecursionError as error:
                raise self._error("is nested too deeply to be read") from error
            except ValueError as error:
                # The end of the object may not have been read yet.
                is_long = len(self._buffer) - self._place > MAX_OBJECT_CHARACTERS
                if is_long or not self._read_more():
                    beginning = shown(self._buffer[self._place :])
                    raise self._error(
                        f"is not JSON: {error}. It begins with {beginning}"
                    ) from error
        check_object(row, f"Element {self._n_read:,}", self._text.name)
        return row

    def _read_more(self) -> bool:
        """Double the text that is not used yet; return whether there was more."""
        rest = [self._buffer[self._place :]]
        n_wanted, self._place = max(len(rest[0]), CHUNK_CHARACTERS), 0
        n_new = 0
        try:
            while n_new < n_wanted and (chunk := next(self._chunks, "")):
                rest.append(chunk)
                n_new += len(chunk)
        except UnicodeError as error:
            place = f"The text after element {self._n_read:,}"
            raise self._text.decode_error(place, error) from error
        self._buffer = "".join(rest)
        return n_new > 0

    def _error(self, what: str) -> ValueError:
        """Make the error for the last element."""
        return ValueError(f"Element {self._n_read:,} of {self._text.name} {what}.")


def value_at(row: dict[str, Any], name: str) -> Any:
    """Value of a key, which may be a path such as ``data.text``.

    Parameters
    ----------
    row : dict
        An object.
    name : str
        A key, or keys of objects within objects with dots between them.

    Returns
    -------
    object
        The value; `ABSENT` if there is none.
    """
    if name in row:
        return row[name]
    found: Any = row
    for key in name.split("."):
        if not isinstance(found, dict) or key not in found:
            return ABSENT
        found = found[key]
    return found


def keys_of(row: dict[str, Any], depth: int = MAX_DEPTH) -> Iterator[str]:
    """Yield the keys of an object; keys of an object within it as paths.

    Parameters
    ----------
    row : dict
        An object.
    depth : int
        How deep objects are opened.

    Yields
    ------
    str
        A key, or a path.
    """
    for key, value in row.items():
        if isinstance(value, dict) and value and depth > 1:
            for inner in keys_of(value, depth - 1):
                yield f"{key}.{inner}"
        else:
            yield key
