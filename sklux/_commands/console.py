"""Output of the commands: results, notes and progress.

Results go to standard output. Notes and progress go to standard error: bars on a
terminal, lines elsewhere.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from sklux._commands.vector_files import json_text
from sklux._utils.progress import clock, print_line, rate_in_words, repeated

# Control characters could move the cursor of a terminal, or worse. They are printed as
# Python writes them.
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}

screen = Console(stderr=True, highlight=False, emoji=False)


def note(text: str, quiet: bool) -> None:
    """Print a note on standard error.

    Parameters
    ----------
    text : str
        The note.
    quiet : bool
        Whether to print nothing.
    """
    if not quiet:
        screen.print(text, soft_wrap=True, markup=False)


class ResultConsole(Console):
    """Standard output; a closed pipe raises an error, as in other programs."""

    def on_broken_pipe(self) -> None:
        """Raise the error; rich would exit with status 1.

        Raises
        ------
        BrokenPipeError
            Always.
        """
        raise BrokenPipeError


def show(result: str | Text | Table) -> None:
    """Print a result on standard output, without line breaks or markup of its own.

    Parameters
    ----------
    result : str, rich.text.Text or rich.table.Table
        The result. Lines of a table are broken at the width of the terminal.

    Raises
    ------
    ValueError
        If standard output is closed.
    """
    if sys.stdout is None:
        raise ValueError(
            "Standard output is closed, so the result cannot be printed. Open it."
        )
    is_table = isinstance(result, Table)
    console = ResultConsole(highlight=False, emoji=False)
    console.print(result, markup=False, soft_wrap=not is_table)


def show_heading(text: str) -> None:
    """Print a line in bold on standard output.

    Parameters
    ----------
    text : str
        The line.
    """
    show(Text(printable(text), style="bold"))


def show_table(
    rows: Iterable[Sequence[str]],
    header: Sequence[str] = (),
    title: str | None = None,
    justify: Literal["left", "right"] = "right",
) -> None:
    """Print a table on standard output.

    Parameters
    ----------
    rows : iterable of sequence of str
        Cells of each row; the first one is a name.
    header : sequence of str, default=()
        Headings of all columns; empty for a table without headings.
    title : str or None, default=None
        Text above the table.
    justify : {'left', 'right'}, default='right'
        Alignment of all columns but the first.
    """
    cells = [[Text(printable(cell)) for cell in row] for row in rows]
    table = Table(
        title=None if title is None else Text(title),
        title_justify="left",
        box=box.SIMPLE,
        show_header=bool(header),
    )
    for place in range(len(cells[0])):
        heading = header[place] if header else ""
        table.add_column(heading, justify="left" if place == 0 else justify)
    for line in cells:
        table.add_row(*line)
    show(table)


def print_json(values: dict[str, Any], indent: int | None = 2) -> None:
    """Print a JSON object on standard output.

    Parameters
    ----------
    values : dict
        Values that JSON can hold.
    indent : int or None, default=2
        Number of spaces per level; None prints one line.
    """
    show(json_text(values, getattr(sys.stdout, "encoding", None) or "utf-8", indent))


def printable(text: str) -> str:
    """Replace the control characters of a text, which could act on a terminal.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text with escape codes in place of control characters.
    """
    return text.translate(CONTROLS)


def counted(number: int, noun: str) -> str:
    """A number with its noun in the singular or plural.

    Parameters
    ----------
    number : int
        The number.
    noun : str
        The noun in the singular; its plural ends in s.

    Returns
    -------
    str
        Such as ``'1 document'`` or ``'2,000 documents'``.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


class Counter:
    """Counts documents, with or without a progress bar.

    Parameters
    ----------
    title : str
        Title of the bar.
    progress : rich.progress.Progress or None, default=None
        The progress display; None counts without a bar.
    """

    def __init__(self, title: str, progress: Progress | None = None):
        self._title, self._progress = title, progress
        self._task: Any = None
        if progress is not None:
            self._task = progress.add_task(title, total=None, count="")
        self._start = time.perf_counter()
        self._position: float | None = None
        self.n_documents = 0

    def add(self, n_documents: int, position: float | None) -> None:
        """Count more documents.

        Parameters
        ----------
        n_documents : int
            Number of documents.
        position : float or None
            Share of the input that is done; None if it is not known.
        """
        self.n_documents += n_documents
        self._position = position
        if self._progress is not None:
            self._progress.update(
                self._task,
                completed=position,
                total=None if position is None else 1.0,
                count=f"{counted(self.n_documents, 'document')}, {self.rate:,.0f}/s",
            )

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    @property
    def rate(self) -> float:
        """Documents per second."""
        return self.n_documents / max(self.seconds, 1e-9)

    def line(self) -> str:
        """One line for a log: title, documents, speed and time left.

        Returns
        -------
        str
            Such as ``'embedding: 1,000 documents, 500 per second, 00:14 left'``.
        """
        rate = rate_in_words(self.rate)
        left = ""
        if self._position:
            seconds = self.seconds * (1 - self._position) / self._position
            left = f", {clock(seconds)} left"
        return f"{self._title}: {counted(self.n_documents, 'document')}, {rate}{left}"

    def summary(self) -> str:
        """Number of documents, time and speed.

        Returns
        -------
        str
            A phrase.
        """
        return (
            f"{counted(self.n_documents, 'document')} in {self.seconds:.1f} s "
            f"({self.rate:,.0f} per second, including reading and writing)"
        )


class PieceCounter:
    """Counts the documents of one piece while a teacher embeds them.

    Parameters
    ----------
    counter : Counter
        Counts the documents of all pieces.
    n_documents : int
        Number of documents in the piece.
    begin, end : float or None
        Share of the input before and after the piece.
    """

    def __init__(
        self,
        counter: Counter,
        n_documents: int,
        begin: float | None,
        end: float | None,
    ):
        self._counter, self._left = counter, n_documents
        self._n_documents, self._begin, self._end = n_documents, begin, end

    def update(self, n: int) -> None:
        """Count more documents."""
        self._left -= n
        share = 1 - self._left / max(self._n_documents, 1)
        position = self._end
        if self._begin is not None and self._end is not None:
            position = self._begin + share * (self._end - self._begin)
        self._counter.add(n, position)

    def set_postfix(self, **figures: float) -> None:
        """Ignore figures."""

    def finish(self) -> None:
        """Count the other documents, which were in the cache."""
        self.update(self._left)


@contextmanager
def counting(title: str, quiet: bool) -> Iterator[Counter]:
    """Show documents per second and the time left: as a bar, or as lines in a log.

    Parameters
    ----------
    title : str
        Title of the bar.
    quiet : bool
        Whether to show nothing.

    Yields
    ------
    Counter
        Counts the documents.
    """
    if quiet:
        yield Counter(title)
        return
    if not screen.is_terminal:
        counter = Counter(title)
        with repeated(lambda: print_line(counter.line())):
            yield counter
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as progress:
        yield Counter(title, progress)
