"""What the commands do: files in, models, vectors and figures out.

Results go to standard output. What is only to be watched, progress and notes, goes to
standard error: the bars only where that is a terminal.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
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

from sklux._commands.document_files import (
    STANDARD_INPUT,
    DocumentFile,
    Piece,
    check_file,
    file_name,
    naming,
    standard_input,
)
from sklux._commands.vector_files import (
    STANDARD_OUTPUT,
    check_kept,
    json_text,
    plain,
    vector_format,
    vector_writer,
)
from sklux._student.report import recall_in_words
from sklux._teacher.cache import FILE_NAME, data_home
from sklux._teacher.cached import CachedTeacher, is_within, loading_once
from sklux._teacher.sample import sample_documents
from sklux._vectorizer import DEFAULT_TEACHER_SAMPLE_SIZE, LuxicalVectorizer
from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
    split_halves,
)

# Documents of an evaluation whose teacher's neighbours are looked for.
MAX_EVALUATED = 2000
# Characters of a document that are shown.
SHOWN_CHARACTERS = 100
# Documents that are taught between two steps of the bar. The teacher has them sorted by
# length: the more there are, the less it pads.
TAUGHT_AT_ONCE = 1000
OR_EMBEDDINGS = ", or give its vectors with --embeddings"
# Nearest documents that an evaluation compares, where there are as many.
EVALUATED_NEIGHBORS = 10
# What could move the cursor of a terminal or worse: shown as Python writes it.
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}

screen = Console(stderr=True, highlight=False, emoji=False)


@dataclass
class Source:
    """Where documents come from, as the options of a command say.

    Attributes
    ----------
    path : str
        The file; ``'-'`` is standard input.
    format : str or None
        None means by the name.
    column : str
        Column of the text.
    """

    path: str
    format: str | None
    column: str

    @property
    def name(self) -> str:
        """What to call the file in a message."""
        return file_name(self.path)

    def open(
        self, keep: Sequence[str] = (), piece_documents: int | None = None
    ) -> DocumentFile:
        """Open the file.

        Parameters
        ----------
        keep : sequence of str
            Columns to keep beside the text.
        piece_documents : int or None
            Documents in a piece, at most; None leaves it to the file.

        Returns
        -------
        DocumentFile
            To be read piece by piece.
        """
        return DocumentFile(self.path, self.format, self.column, keep, piece_documents)


@dataclass
class TeacherOptions:
    """A teacher, as the options of a command say.

    Attributes
    ----------
    model : str or None
        Name or folder.
    cache : Path or None
        Folder of its cache.
    windows : int
        Windows of a long document.
    prompt : str or None
        Name of the prompt before each text.
    """

    model: str | None
    cache: Path | None
    windows: int = 1
    prompt: str | None = None

    def teacher(self, quiet: bool, otherwise: str = "") -> CachedTeacher:
        """Make the teacher.

        Parameters
        ----------
        quiet : bool
            Whether to show no progress.
        otherwise : str
            What can be done instead, for the message.

        Returns
        -------
        CachedTeacher
            Loads its model when it is needed.

        Raises
        ------
        ValueError
            If there is no model.
        """
        if not self.model:
            raise ValueError(
                "No teacher is given. Name a sentence-transformers model or its folder "
                f"with --teacher{otherwise}."
            )
        return CachedTeacher(
            self.model,
            path=self.cache,
            windows=self.windows,
            prompt_name=self.prompt,
            verbose=is_watched(quiet),
        )

    @property
    def cache_file(self) -> Path | None:
        """File of the teacher's vectors, where there is a teacher."""
        if not self.model:
            return None
        return (data_home() if self.cache is None else self.cache) / FILE_NAME

    def check_outside(self, output: Path) -> None:
        """Refuse an output in the folder of the teacher, which would be another one.

        Parameters
        ----------
        output : Path
            File to write.

        Raises
        ------
        ValueError
            If it lies there.
        """
        if is_within(Path(output), self.model):
            raise ValueError(
                f"The output {output} lies in the folder of the teacher, and would "
                "change it. Give the output another place."
            )

    def check_idle(self, embeddings: Path | None, **others: bool) -> None:
        """Refuse options of a teacher beside its vectors, which leave it nothing to do.

        Parameters
        ----------
        embeddings : Path or None
            File of the teacher's vectors.
        **others : bool
            Whether more options are given that go with a teacher, by name.

        Raises
        ------
        ValueError
            If there are vectors and such options.
        """
        given = {
            "teacher": self.model is not None,
            "cache": self.cache is not None,
            "windows": self.windows != 1,
            "prompt": self.prompt is not None,
            **others,
        }
        idle = [f"--{name}" for name, is_given in given.items() if is_given]
        if embeddings is not None and idle:
            raise ValueError(
                f"With --embeddings {embeddings} nothing is taught, and "
                f"{', '.join(idle)} would change nothing. Leave out one or the other."
            )


def check_output(output: str | Path, inputs: Sequence[str | Path | None]) -> None:
    """Refuse, before any work, an output that would fail or destroy an input.

    Parameters
    ----------
    output : str or Path
        File to write; ``'-'`` is standard output.
    inputs : sequence of str, Path or None
        Files that the command reads; ``'-'`` is standard input, None is no file.

    Raises
    ------
    OSError
        If it cannot be written.
    ValueError
        If it is an input.
    """
    if output == STANDARD_OUTPUT:
        return
    path = Path(os.path.realpath(output))
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent} for {output}. Make it first."
        )
    if path.exists():
        if not path.is_file():
            raise OSError(
                f"The output {output} is there already, and is no file. Name a file."
            )
        for source in inputs:
            if source is not None and is_same_file(source, path):
                raise ValueError(
                    f"The output {output} is also read by the command, and would be "
                    "lost. Give the output another name."
                )
    try:
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OSError(
            f"{output} cannot be written: {error.strerror}. Name a file in a folder "
            "that you may write to."
        ) from error


def is_same_file(source: str | Path, path: Path) -> bool:
    """Whether an input is a file.

    Parameters
    ----------
    source : str or Path
        The input; ``'-'`` is standard input.
    path : Path
        The file; it exists.

    Returns
    -------
    bool
        False too where there is no input.
    """
    if source == STANDARD_INPUT:
        return os.path.samefile(standard_input(), path)
    return Path(source).exists() and os.path.samefile(source, path)


def load_model(path: Path) -> LuxicalVectorizer:
    """Load a model that is to use all cores.

    Parameters
    ----------
    path : Path
        Its file.

    Returns
    -------
    LuxicalVectorizer
        Fitted.
    """
    check_file(path)
    with naming(str(path)):
        return LuxicalVectorizer.load(path).set_params(n_jobs=-1)


def is_watched(quiet: bool) -> bool:
    """Whether somebody looks at the progress.

    Parameters
    ----------
    quiet : bool
        The option of the command.

    Returns
    -------
    bool
        False too where standard error is no terminal.
    """
    return screen.is_terminal and not quiet


def note(text: str, quiet: bool) -> None:
    """Tell something on standard error.

    Parameters
    ----------
    text : str
        What to tell.
    quiet : bool
        Whether to keep silent.
    """
    if not quiet:
        screen.print(text, soft_wrap=True, markup=False)


class ResultConsole(Console):
    """Standard output; whether it matters that its reader left is for others to say."""

    def on_broken_pipe(self) -> None:
        """Hand the error on, where rich would exit with 1.

        Raises
        ------
        BrokenPipeError
            Always.
        """
        raise BrokenPipeError


def show(result: str | Text | Table) -> None:
    """Print a result on standard output; lines are not broken, brackets are text.

    Parameters
    ----------
    result : str, rich.text.Text or rich.table.Table
        What to print.

    Raises
    ------
    ValueError
        If standard output is closed.
    """
    if sys.stdout is None:
        raise ValueError("Standard output is closed, and the result cannot be shown.")
    is_table = isinstance(result, Table)
    console = ResultConsole(highlight=False, emoji=False)
    console.print(result, markup=False, soft_wrap=not is_table)


def printable(text: str) -> str:
    """Text that does nothing to a terminal but stand there.

    Parameters
    ----------
    text : str
        Of a document, say.

    Returns
    -------
    str
        With the codes of control characters in their place.
    """
    return text.translate(CONTROLS)


class Counter:
    """Counts documents on a progress bar.

    Parameters
    ----------
    progress : rich.progress.Progress or None
        None counts without a bar.
    task : int or None
        The bar.
    """

    def __init__(self, progress: Progress | None, task: Any):
        self._progress, self._task = progress, task
        self._start = time.perf_counter()
        self.n_documents = 0

    def add(self, n_documents: int, position: float | None) -> None:
        """Count some more.

        Parameters
        ----------
        n_documents : int
            How many.
        position : float or None
            Share of the input that is done, where it is known.
        """
        self.n_documents += n_documents
        if self._progress is not None:
            rate = self.n_documents / max(self.seconds, 1e-9)
            self._progress.update(
                self._task,
                completed=position,
                total=None if position is None else 1.0,
                count=f"{self.n_documents:,} documents, {rate:,.0f}/s",
            )

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def told(self) -> str:
        """What was counted, and how quickly.

        Returns
        -------
        str
            A phrase.
        """
        rate = self.n_documents / max(self.seconds, 1e-9)
        return (
            f"{self.n_documents:,} documents in {self.seconds:.1f} s ({rate:,.0f} a "
            "second, reading and writing included)"
        )


@contextmanager
def counting(title: str, quiet: bool) -> Iterator[Counter]:
    """Show a progress bar, with documents per second and the time left.

    Parameters
    ----------
    title : str
        What is being done.
    quiet : bool
        Whether to show none.

    Yields
    ------
    Counter
        To tell it how far things are.
    """
    if not is_watched(quiet):
        yield Counter(None, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as progress:
        yield Counter(progress, progress.add_task(title, total=None, count=""))


def teach(source: Source, options: TeacherOptions, limit: int | None, quiet: bool):
    """Fill the cache of a teacher.

    Parameters
    ----------
    source : Source
        The documents.
    options : TeacherOptions
        The teacher.
    limit : int or None
        Documents to teach, those that a fit would choose; None means all.
    quiet : bool
        Whether to show no progress.
    """
    # The bar is that of the whole file, not one of the teacher for each piece.
    teacher = options.teacher(quiet or limit is None)
    if limit is not None:
        documents, _, _ = present_documents(source, quiet)
        chosen = [documents[place] for place in sample_documents(documents, limit)]
        n_documents, width = teacher.transform(chosen).shape
    else:
        file, width, n_missing = source.open(piece_documents=TAUGHT_AT_ONCE), 0, 0
        with counting("teaching", quiet) as counter, loading_once():
            for piece in file:
                texts = [piece.documents[place] for place in piece.present]
                n_missing += len(piece.missing)
                if texts:
                    width = teacher.transform(texts).shape[1]
                counter.add(len(texts), file.position())
        n_documents = counter.n_documents
        note_missing(n_missing, source, quiet)
        if n_documents == 0:
            raise ValueError(f"{source.name} holds no document.")
    note(f"The cache knows {n_documents:,} of them, with {width} numbers each.", quiet)


def present_documents(source: Source, quiet: bool) -> tuple[list[str], list[int], int]:
    """Read all documents of a file, and tell how many are left out.

    Parameters
    ----------
    source : Source
        The file.
    quiet : bool
        Whether not to tell.

    Returns
    -------
    documents : list of str
        Those that are not missing.
    places : list of int
        Their places in the file.
    n_documents : int
        How many there are, with the missing ones.
    """
    documents, places, n_documents = source.open().read_present()
    note_missing(n_documents - len(documents), source, quiet)
    return documents, places, n_documents


def note_missing(n_missing: int, source: Source, quiet: bool) -> None:
    """Tell how many documents are left out, if there are any.

    Parameters
    ----------
    n_missing : int
        How many are missing.
    source : Source
        Where they should be.
    quiet : bool
        Whether not to tell.
    """
    if n_missing:
        note(
            f"{n_missing:,} documents of {source.name} are missing (no "
            f"{source.column!r}, or null), and are left out.",
            quiet,
        )


def fit(
    source: Source,
    output: Path,
    options: TeacherOptions,
    embeddings: Path | None,
    taught: int | str | None,
    words: bool,
    settings: dict[str, Any],
    dtype: str,
    quiet: bool,
) -> None:
    """Fit a model and save it.

    Parameters
    ----------
    source : Source
        The documents.
    output : Path
        File of the model.
    options : TeacherOptions
        The teacher.
    embeddings : Path or None
        File of the teacher's vectors, instead of a teacher.
    taught : int, 'auto' or None
        Documents to teach; None means all.
    words : bool
        Whether words are taught too.
    settings : dict
        Other parameters of `LuxicalVectorizer`; what is None is left as it comes.
    dtype : {'float32', 'float16', 'int8'}
        How the weights are stored.
    quiet : bool
        Whether to print nothing but the report.
    """
    check_output(output, (source.path, embeddings, options.cache_file))
    options.check_outside(output)
    idle = {"taught": taught != "auto", "no-words": not words}
    options.check_idle(embeddings, **idle)
    vectors = None if embeddings is None else read_embeddings(embeddings)
    teacher = None if embeddings else options.teacher(quiet, OR_EMBEDDINGS)
    documents, places, n_documents = present_documents(source, quiet)
    if vectors is not None:
        check_rows(vectors, embeddings, n_documents, source)
        vectors = vectors[places]
    note(f"{len(documents):,} documents.", quiet)
    model = LuxicalVectorizer(
        teacher,
        teacher_sample_size=taught,
        teacher_words="auto" if words else None,
        n_jobs=-1,
        verbose=is_watched(quiet),
    )
    model.set_params(
        **{name: value for name, value in settings.items() if value is not None}
    )
    start = time.perf_counter()
    model.fit(documents, teacher_embeddings=vectors)
    seconds = time.perf_counter() - start
    with naming(str(output)):
        (model if dtype == "float32" else model.quantize(dtype)).save(output)
    show(str(model.report_))
    note(
        f"Fitted in {seconds:.0f} s: {model.n_teacher_documents_:,} documents taught, and "
        f"{model.n_teacher_terms_:,} terms. {output}: "
        f"{output.stat().st_size / 1e6:.1f} MB.",
        quiet,
    )


def read_embeddings(path: Path) -> np.ndarray:
    """Read vectors from a .npy file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        The vectors.

    Raises
    ------
    ValueError
        If the file holds something else.
    """
    check_file(path)
    try:
        # Mapped, for the header may promise more than there is.
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise ValueError(f"{path} is no .npy file of numbers: {error}") from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2:
        raise ValueError(f"{path} must hold a matrix with a row for each document.")
    if vectors.dtype.kind not in "fiu":
        raise ValueError(
            f"{path} must hold real numbers. Its values are of type {vectors.dtype}."
        )
    return np.array(vectors)


def embed(
    model_path: Path, source: Source, output: str, keep: Sequence[str], quiet: bool
) -> None:
    """Embed the documents of a file; memory does not grow with its size.

    Parameters
    ----------
    model_path : Path
        The model.
    source : Source
        The documents.
    output : str
        Where the vectors go; ``'-'`` is standard output.
    keep : sequence of str
        Columns to hand on.
    quiet : bool
        Whether to show no progress.
    """
    # Before the model is read.
    check_kept(vector_format(output), keep)
    check_output(output, (model_path, source.path))
    file, n_missing, n_zero = source.open(keep), 0, 0
    model = load_model(model_path)
    with (
        naming("standard output" if output == STANDARD_OUTPUT else output),
        vector_writer(
            output, model.projection_.n_components_, file.kept_types()
        ) as writer,
        counting("embedding", quiet) as counter,
    ):
        for piece in file:
            vectors = model.transform(piece.documents)
            writer.write(vectors, piece.kept)
            n_missing += len(piece.missing)
            n_zero += int(np.count_nonzero(~vectors.any(axis=1)))
            counter.add(len(vectors), file.position())
    note(counter.told() + ".", quiet)
    if n_missing:
        note(
            f"{n_missing:,} documents were missing (null): their vectors are 0.", quiet
        )
    if n_zero > n_missing:
        note(
            f"{n_zero - n_missing:,} documents have no known term: their vectors are "
            "0.",
            quiet,
        )


def info(model_path: Path, as_json: bool) -> None:
    """Print what a model is.

    Parameters
    ----------
    model_path : Path
        The model.
    as_json : bool
        Whether to print a JSON object instead of a table.
    """
    model = load_model(model_path)
    projection = model.projection_
    report = model.report_
    facts: dict[str, Any] = {
        "file": str(model_path),
        "bytes": model_path.stat().st_size,
        "features": projection.n_features_in_,
        "width": projection.n_components_,
        "layers": [weights.shape[1] for weights in projection.coefs_],
        "weights stored as": str(projection._network.dtype),
        "analyzer": getattr(model.lexical_, "analyzer", None),
        "ngram_range": list(getattr(model.lexical_, "ngram_range", ())),
        "teacher": model.teacher_id_,
        "documents taught": model.n_teacher_documents_,
        "terms taught": model.n_teacher_terms_,
        "epochs": projection.n_iter_,
        "report": None if report is None else report.as_dict(),
    }
    if as_json:
        print_json(facts)
        return
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    del facts["report"]
    for name, value in facts.items():
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        table.add_row(name, Text(printable(shown)))
    show(table)
    if report is not None:
        show(str(report))


def print_json(values: dict[str, Any], indent: int | None = 2) -> None:
    """Print an object on standard output.

    Parameters
    ----------
    values : dict
        What JSON can hold.
    indent : int or None, default=2
        Spaces before what is within something else; None means one line.
    """
    show(json_text(values, getattr(sys.stdout, "encoding", None) or "utf-8", indent))


def evaluate(
    model_path: Path,
    source: Source,
    options: TeacherOptions,
    embeddings: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure a model on documents that it has not seen.

    Parameters
    ----------
    model_path : Path
        The model.
    source : Source
        The documents.
    options : TeacherOptions
        The teacher.
    embeddings : Path or None
        File of the teacher's vectors, instead of a teacher.
    as_json : bool
        Whether to print a JSON object instead of a table.
    quiet : bool
        Whether to show no progress.
    """
    options.check_idle(embeddings)
    model = load_model(model_path)
    documents, places, n_documents = present_documents(source, quiet)
    if embeddings is None:
        teacher = options.teacher(quiet, OR_EMBEDDINGS).transform(documents)
    else:
        vectors = read_embeddings(embeddings)
        check_rows(vectors, embeddings, n_documents, source)
        documents, teacher = taught_alone(documents, vectors[places], embeddings, quiet)
    start = time.perf_counter()
    student = model.transform(documents)
    seconds = time.perf_counter() - start
    first, second = split_halves(documents)
    n_neighbors = neighbors_compared(len(documents), quiet)
    figures = {
        "documents": len(documents),
        "n_neighbors": n_neighbors,
        "neighbours": neighbor_recall_score(
            teacher,
            student,
            n_neighbors=n_neighbors,
            sample_size=min(MAX_EVALUATED, len(documents)),
            random_state=0,
        ),
        "correlation": similarity_correlation(teacher, student, random_state=0),
        "halves": half_document_retrieval(
            model.transform(first), model.transform(second)
        ),
        "documents_per_second": len(documents) / max(seconds, 1e-9),
    }
    if as_json:
        print_json({name: round(float(value), 6) for name, value in figures.items()})
    else:
        show(figures_table(figures))


def neighbors_compared(n_documents: int, quiet: bool) -> int:
    """How many nearest documents an evaluation compares.

    Parameters
    ----------
    n_documents : int
        Documents there are.
    quiet : bool
        Whether not to tell that they are few.

    Returns
    -------
    int
        From 1.

    Raises
    ------
    ValueError
        If there are fewer than 3 documents.
    """
    if n_documents < 3:
        raise ValueError(
            f"An evaluation compares documents, and needs 3. Got {n_documents}."
        )
    n_neighbors = min(EVALUATED_NEIGHBORS, n_documents - 1)
    if n_neighbors < EVALUATED_NEIGHBORS:
        note(
            f"Of {n_documents} documents, the {n_neighbors} nearest are compared "
            f"instead of {EVALUATED_NEIGHBORS}.",
            quiet,
        )
    return n_neighbors


def check_rows(
    vectors: np.ndarray, embeddings: Path, n_documents: int, source: Source
) -> None:
    """Refuse vectors that are not one for each document of a file.

    Parameters
    ----------
    vectors : ndarray of shape (n_samples, n_components)
        The vectors.
    embeddings : Path
        Their file, for the message.
    n_documents : int
        Documents of the file, with the missing ones.
    source : Source
        The file, for the message.

    Raises
    ------
    ValueError
        If there are more or fewer.
    """
    if len(vectors) != n_documents:
        raise ValueError(
            f"{embeddings} has {len(vectors):,} rows, but {source.name} has "
            f"{n_documents:,} documents. Give a row for each, in the same order."
        )


def taught_alone(
    documents: list[str], vectors: np.ndarray, embeddings: Path, quiet: bool
) -> tuple[list[str], np.ndarray]:
    """Documents that a teacher has taught, and its vectors.

    Parameters
    ----------
    documents : list of str
        All documents.
    vectors : ndarray of shape (n_samples, n_components)
        A row for each; one that is all NaN, or zero, was not taught, as for a fit.
    embeddings : Path
        Their file, for the message.
    quiet : bool
        Whether not to tell how many are left out.

    Returns
    -------
    documents : list of str
        Those taught.
    vectors : ndarray of shape (n_embedded, n_components)
        Their vectors.
    """
    is_embedded = ~np.isnan(vectors).all(axis=1) & vectors.any(axis=1)
    n_missing = len(vectors) - int(np.count_nonzero(is_embedded))
    if n_missing:
        note(
            f"{n_missing:,} documents were not taught (their rows of {embeddings} are "
            "all NaN or all zero), and are left out.",
            quiet,
        )
    return [documents[i] for i in np.flatnonzero(is_embedded)], vectors[is_embedded]


def figures_table(figures: dict[str, Any]) -> Table:
    """The figures of an evaluation in words.

    Parameters
    ----------
    figures : dict
        As `evaluate` measures them.

    Returns
    -------
    rich.table.Table
        A row for each.
    """
    rows = [
        ("documents", f"{figures['documents']:,}"),
        (
            f"teacher's {figures['n_neighbors']} nearest found",
            recall_in_words(
                figures["neighbours"], figures["n_neighbors"], figures["documents"]
            ),
        ),
        ("correlation with the teacher's cosines", f"{figures['correlation']:.3f}"),
        ("first halves finding their second halves (MRR)", f"{figures['halves']:.3f}"),
        ("documents a second", f"{figures['documents_per_second']:,.0f}"),
    ]
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return table


@dataclass(frozen=True)
class Hit:
    """A document that is near to a query.

    Attributes
    ----------
    cosine : float
        How near.
    row : int
        Its place in the file.
    text : str
        The document.
    kept : dict
        Values of the columns that were asked for.
    """

    cosine: float
    row: int
    text: str
    kept: dict[str, Any]

    @classmethod
    def of(cls, piece: Piece, place: int, n_before: int, cosine: float) -> Self:
        """Take a document out of a piece.

        Parameters
        ----------
        piece : Piece
            Documents.
        place : int
            Which of them.
        n_before : int
            Documents of the file before the piece.
        cosine : float
            How near it is.

        Returns
        -------
        Hit
            The document.
        """
        kept = {name: plain(values[place]) for name, values in piece.kept.items()}
        return cls(float(cosine), n_before + place, piece.documents[place], kept)

    def as_dict(self) -> dict[str, Any]:
        """Row, cosine and text, then the columns that are kept."""
        return {
            **self.kept,
            "row": self.row,
            "cosine": round(self.cosine, 6),
            "text": self.text,
        }

    def in_words(self) -> str:
        """One line for a terminal."""
        values = (str(value) for value in self.kept.values())
        return "  ".join(
            [
                f"{self.cosine:.3f}",
                f"row {self.row:,}",
                *map(shown, (*values, self.text)),
            ]
        )


def shown(text: str) -> str:
    """Text on one line that is not long.

    Parameters
    ----------
    text : str
        Of a document, say.

    Returns
    -------
    str
        Its beginning.
    """
    line = printable(" ".join(text.split()))
    if len(line) <= SHOWN_CHARACTERS:
        return line
    return line[: SHOWN_CHARACTERS - 3] + "..."


def neighbors(
    model_path: Path,
    source: Source,
    queries: Sequence[str],
    n_neighbors: int,
    keep: Sequence[str],
    as_json: bool,
    quiet: bool,
) -> None:
    """Print the documents that are nearest to queries; the file is read once.

    Parameters
    ----------
    model_path : Path
        The model.
    source : Source
        The documents.
    queries : sequence of str
        What to look for.
    n_neighbors : int
        How many documents for each.
    keep : sequence of str
        Columns to print beside the text.
    as_json : bool
        Whether to print JSON lines.
    quiet : bool
        Whether to show no progress.

    Raises
    ------
    ValueError
        If there is no document, or a column has the name of a figure.
    """
    taken = [name for name in keep if name in ("row", "cosine")]
    if taken:
        raise ValueError(
            f"The column {taken[0]!r} cannot be kept: what stands beside each document "
            "has that name. Rename it first."
        )
    file, n_before, n_missing = source.open(keep), 0, 0
    model = load_model(model_path)
    wanted = model.transform(list(queries))
    for query, vector in zip(queries, wanted):
        if not vector.any():
            note(f"The model knows no term of {query!r}: nothing is near it.", quiet)
    nearest: list[list[Hit]] = [[] for _ in queries]
    with counting("reading", quiet) as counter:
        for piece in file:
            cosines = wanted @ model.transform(piece.documents).T
            cosines[:, piece.missing] = -np.inf
            for place, row in enumerate(cosines):
                best = np.argsort(-row, kind="stable")[:n_neighbors]
                best = best[np.isfinite(row[best])].tolist()
                found = [Hit.of(piece, i, n_before, row[i]) for i in best]
                merged = sorted(
                    nearest[place] + found, key=lambda hit: (-hit.cosine, hit.row)
                )
                nearest[place] = merged[:n_neighbors]
            n_before += len(piece.documents)
            n_missing += len(piece.missing)
            counter.add(len(piece.documents), file.position())
    note_missing(n_missing, source, quiet)
    if n_before == 0:
        raise ValueError(f"{source.name} holds no document.")
    for query, vector, hits in zip(queries, wanted, nearest):
        hits = hits if vector.any() else []
        if as_json:
            found = [hit.as_dict() for hit in hits]
            print_json({"query": query, "nearest": found}, indent=None)
            continue
        show(Text(printable(query), style="bold"))
        for hit in hits:
            show(f"  {hit.in_words()}")


def default_sample(option: str) -> int | str | None:
    """How many documents to teach, as the option says.

    Parameters
    ----------
    option : str
        ``'auto'``, ``'all'``, or a number.

    Returns
    -------
    int, 'auto' or None
        As `teacher_sample_size` takes it.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if option == "auto":
        return "auto"
    if option == "all":
        return None
    if not option.isdecimal() or int(option) < 1:
        raise ValueError(
            f"--taught must be 'auto' ({DEFAULT_TEACHER_SAMPLE_SIZE:,}), 'all' or a "
            f"number from 1. Got {option!r}."
        )
    return int(option)
