"""Rows of CSV files as different programs write them: delimiters and quotes.

The delimiter is the one that splits the header into the columns that the command needs.
The first lines decide how quotes are written. Guesses by frequencies, such as the csv
module's Sniffer makes, are wrong on texts with many commas.
"""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _csv import Reader

# In this order, if the header does not decide.
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {"tab": "\t", r"\t": "\t"}
# How quotes in a value are written, as parameters of the csv module. "none" means that
# they have no meaning. The first one that reads the first lines without an error is
# taken.
QUOTES: dict[str, dict[str, Any]] = {
    "doubled": {},
    "backslash": {"escapechar": "\\"},
    "none": {"quoting": csv.QUOTE_NONE},
}
N_SAMPLE_LINES, N_SAMPLE_CHARACTERS = 10_000, 16_000_000
# A row of more lines than this at the end of the sample is not cut off: one of its
# quotes is never closed.
N_CUT_LINES = 1000
# The csv module needs a limit. At a quote that is never closed it stops there, before
# the rest of a large file fills the memory.
MAX_FIELD_CHARACTERS = 2**28
# As Excel writes the delimiter.
SEPARATOR = re.compile(r'"?sep=(.)"?\r?\n?', flags=re.IGNORECASE)
BACKSLASH = re.compile(r'\\(["\\]?)')


class Lines:
    """Lines that can be read again from a mark.

    Parameters
    ----------
    lines : iterable of str
        Lines with their ends.

    Attributes
    ----------
    number : int
        Number of the last line, from 1.
    is_escaped : bool
        Whether a backslash that stands before neither a quote nor a backslash is
        doubled, because the csv module drops it.
    """

    def __init__(self, lines: Iterable[str]):
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._since: list[str] = []
        self.number = 0
        self.is_escaped = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._since.append(line)
        self.number += 1
        if self.is_escaped and "\\" in line:
            return BACKSLASH.sub(lambda found: found[0] if found[1] else r"\\", line)
        return line

    def mark(self) -> None:
        """Begin a part that may be read again."""
        self._since = []

    def rewind(self) -> None:
        """Go back to the mark."""
        self.number -= len(self._since)
        self._again.extendleft(reversed(self._since))
        self._since = []

    def since_mark(self) -> list[str]:
        """The lines that were read since the mark."""
        return self._since


class CsvTable:
    """A CSV file: its header, and then its rows.

    Parameters
    ----------
    name : str
        Name of the file, for messages.

    Attributes
    ----------
    names : list of str
        The header, after `open`.
    delimiter, quotes : str
        As found by `open`.
    """

    def __init__(self, name: str):
        self.name = name
        self.names: list[str] = []
        self.delimiter, self.quotes = ",", "doubled"
        self._lines = Lines(())

    def open(
        self,
        lines: Iterable[str],
        wanted: Sequence[str],
        delimiter: str | None = None,
        quotes: str | None = None,
    ) -> None:
        """Read the header, and find out how the file is written.

        Parameters
        ----------
        lines : iterable of str
            Lines with their ends, as a file opened with ``newline=""`` has them.
        wanted : sequence of str
            Columns that are needed.
        delimiter : str or None
            Character between values; None means one of `DELIMITERS`.
        quotes : {'doubled', 'backslash', 'none'} or None
            How quotes in a value are written; None means that the first lines show it.

        Raises
        ------
        ValueError
            If the file is empty, or its header cannot be read.
        """
        self._lines = Lines(lines)
        self.quotes = quotes or "doubled"
        with unlimited_fields():
            separator = self._separator()
            self.delimiter, self.names = self._header(delimiter or separator, wanted)
            self.quotes = quotes or self._found_quotes()

    @property
    def line(self) -> int:
        """Number of the last line that was read."""
        return self._lines.number

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows after the header; an empty line is an empty row.

        Yields
        ------
        list of str
            Values of a row.

        Raises
        ------
        ValueError
            If a row has another number of columns, or cannot be read.
        """
        reader = self._reader(self._lines, self.quotes)
        with unlimited_fields():
            while True:
                self._lines.mark()
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    raise self._error(f"cannot be read as CSV: {error}") from error
                if row is None:
                    return
                if row and len(row) != len(self.names):
                    raise self._error(
                        f"has {len(row)} instead of {len(self.names)} columns, the "
                        f"number in the header (separated by {self.delimiter!r}). Put "
                        "values that contain the separator in quotes"
                    )
                yield row

    def _separator(self) -> str | None:
        """Skip empty lines, and the line with which Excel names the delimiter."""
        for line in self._lines:
            found = SEPARATOR.fullmatch(line)
            if found is not None:
                self._lines.mark()
                return found[1]
            if line.strip("\r\n"):
                self._lines.rewind()
                return None
            self._lines.mark()
        raise ValueError(f"{self.name} is empty. A CSV file begins with a header.")

    def _header(
        self, delimiter: str | None, wanted: Sequence[str]
    ) -> tuple[str, list[str]]:
        """The delimiter, and the header that it gives."""
        headers: dict[str, list[str]] = {}
        for one in DELIMITERS if delimiter is None else (delimiter,):
            try:
                headers[one] = self._first_row(one)
            except csv.Error as error:
                problem = error
        if not headers:
            raise self._error(f"cannot be read as CSV: {problem}")
        n_found = {one: len({*wanted} & {*row}) for one, row in headers.items()}
        if not any(n_found.values()):
            # The message then shows as many columns as possible.
            n_found = {one: len(row) for one, row in headers.items()}
        best = max(headers, key=lambda one: n_found[one])
        return best, self._first_row(best)

    def _first_row(self, delimiter: str) -> list[str]:
        """The first row, read again each time."""
        self._lines.rewind()
        return next(csv.reader(self._lines, strict=True, delimiter=delimiter), [])

    def _found_quotes(self) -> str:
        """How quotes are written, if the first lines show it."""
        self._lines.mark()
        sample, n_characters = [], 0
        for line in islice(self._lines, N_SAMPLE_LINES):
            sample.append(line)
            n_characters += len(line)
            if n_characters > N_SAMPLE_CHARACTERS:
                break
        is_cut = next(self._lines, None) is not None
        self._lines.rewind()
        readable = [q for q in QUOTES if self._is_readable(sample, is_cut, q)]
        return readable[0] if readable else "doubled"

    def _is_readable(self, sample: list[str], is_cut: bool, quotes: str) -> bool:
        """Whether lines can be read without an error; the last row may be cut off."""
        if quotes == "backslash" and not any(r"\"" in line for line in sample):
            return False
        if quotes == "none" and self.delimiter != "\t":
            return False
        if quotes == "doubled":
            # A program that doubles quotes writes one after a backslash only at the
            # end of a value, or before another quote.
            after = rf'\\"(?!["\r\n]|{re.escape(self.delimiter)}|\Z)'
            if any(re.search(after, line) for line in sample if r"\"" in line):
                return False
        lines = Lines(sample)
        try:
            for row in self._reader(lines, quotes):
                if row and len(row) != len(self.names):
                    return False
                lines.mark()
        except csv.Error:
            n_lines = len(lines.since_mark())
            return is_cut and lines.number == len(sample) and n_lines < N_CUT_LINES
        return True

    def _reader(self, lines: Lines, quotes: str) -> "Reader":
        """A reader of the csv module."""
        lines.is_escaped = quotes == "backslash"
        return csv.reader(
            lines, strict=True, delimiter=self.delimiter, **QUOTES[quotes]
        )

    def _error(self, what: str) -> ValueError:
        """Make the error for the row that was read last."""
        advice = ""
        since = self._lines.since_mark()
        if self.quotes != "backslash" and any(r"\"" in line for line in since):
            advice = " If backslashes stand before quotes, give --quotes backslash."
        elif self.quotes != "none" and any('"' in line for line in since):
            advice = " If quotes have no meaning in this file, give --quotes none."
        return ValueError(f"Line {self._lines.number} of {self.name} {what}.{advice}")


@contextmanager
def unlimited_fields() -> Iterator[None]:
    """Let the csv module read long values; its limit is one for all readers."""
    limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def check_delimiter(delimiter: str | None) -> str | None:
    """Value of the option ``--delimiter`` as the csv module takes it.

    Parameters
    ----------
    delimiter : str or None
        One character, or ``'tab'``.

    Returns
    -------
    str or None
        One character, or None.

    Raises
    ------
    ValueError
        If it cannot separate values.
    """
    if delimiter is None:
        return None
    one = DELIMITER_NAMES.get(delimiter, delimiter)
    if len(one) != 1 or one in '"\r\n':
        raise ValueError(
            f"--delimiter {delimiter!r} must be one character, such as ';', or 'tab'."
        )
    return one
