"""What the commands do: files in, models, vectors and figures out.

Results go to standard output. What is only to be watched, progress and notes, goes to
standard error: the bars only where that is a terminal.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

from sklux._document_files import DocumentFile
from sklux._taught import documents_to_teach
from sklux._teacher import CachedTeacher
from sklux._vector_files import check_kept, vector_format, vector_writer
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

    def open(self, keep: Sequence[str] = ()) -> DocumentFile:
        """Open the file.

        Parameters
        ----------
        keep : sequence of str
            Columns to keep beside the text.

        Returns
        -------
        DocumentFile
            To be read piece by piece.
        """
        return DocumentFile(self.path, self.format, self.column, keep)


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
    """

    model: str | None
    cache: Path | None
    windows: int = 1

    def teacher(self, quiet: bool) -> CachedTeacher:
        """Make the teacher.

        Parameters
        ----------
        quiet : bool
            Whether to show no progress.

        Returns
        -------
        CachedTeacher
            Loads its model when it is needed.

        Raises
        ------
        ValueError
            If there is no model.
        """
        if self.model is None:
            raise ValueError(
                "No teacher is given. Name a sentence-transformers model or its folder "
                "with --teacher, or give its vectors with --embeddings."
            )
        return CachedTeacher(
            self.model,
            path=self.cache,
            windows=self.windows,
            verbose=is_watched(quiet),
        )


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


def show(result: str | Text | Table) -> None:
    """Print a result on standard output; lines are not broken, brackets are text.

    Parameters
    ----------
    result : str, rich.text.Text or rich.table.Table
        What to print.
    """
    is_table = isinstance(result, Table)
    console = Console(highlight=False, emoji=False)
    console.print(result, markup=False, soft_wrap=not is_table)


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
    teacher = options.teacher(quiet)
    if limit is not None:
        documents = source.open().read()
        chosen = [documents[place] for place in documents_to_teach(documents, limit)]
        shape = teacher.transform(chosen).shape
        n_documents, width = shape
    else:
        n_documents = width = 0
        for piece in source.open():
            width = teacher.transform(piece.documents).shape[1]
            n_documents += len(piece.documents)
        if n_documents == 0:
            raise ValueError(f"{source.path} holds no document.")
    note(f"The cache knows {n_documents:,} of them, with {width} numbers each.", quiet)


def fit(
    source: Source,
    output: Path,
    options: TeacherOptions,
    embeddings: Path | None,
    taught: int | str | None,
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
    settings : dict
        Other parameters of `LuxicalVectorizer`; what is None is left as it comes.
    dtype : {'float32', 'float16', 'int8'}
        How the weights are stored.
    quiet : bool
        Whether to print nothing but errors.
    """
    if not output.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {output.parent} for the model. Make it first."
        )
    vectors = None if embeddings is None else read_embeddings(embeddings)
    teacher = None if embeddings is not None else options.teacher(quiet)
    documents = source.open().read()
    note(f"{len(documents):,} documents.", quiet)
    model = LuxicalVectorizer(
        teacher,
        teacher_sample_size=taught,
        n_jobs=-1,
        verbose=is_watched(quiet),
    )
    model.set_params(
        **{name: value for name, value in settings.items() if value is not None}
    )
    start = time.perf_counter()
    model.fit(documents, teacher_embeddings=vectors)
    seconds = time.perf_counter() - start
    (model if dtype == "float32" else model.quantize(dtype)).save(output)
    if not quiet:
        show(str(model.report_))
        note(
            f"Fitted in {seconds:.0f} s, {model.n_taught_:,} documents taught. "
            f"{output}: {output.stat().st_size / 1e6:.1f} MB.",
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
    try:
        vectors = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is no .npy file of numbers: {error}") from error
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2:
        raise ValueError(f"{path} must hold a matrix with a row for each document.")
    return vectors


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
    model = LuxicalVectorizer.load(model_path).set_params(n_jobs=-1)
    file, n_missing, n_zero = source.open(keep), 0, 0
    with (
        vector_writer(output, model.projection_.n_components_) as writer,
        counting("embedding", quiet) as counter,
    ):
        for piece in file:
            vectors = model.transform(piece.documents)
            writer.write(vectors, piece.kept)
            n_missing += piece.n_missing
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
    model = LuxicalVectorizer.load(model_path)
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
        "documents taught": model.n_taught_,
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
        table.add_row(name, shown)
    show(table)
    if report is not None:
        show(str(report))


def print_json(values: dict[str, Any]) -> None:
    """Print an object on standard output.

    Parameters
    ----------
    values : dict
        What JSON can hold.
    """
    show(json.dumps(values, ensure_ascii=False, indent=2))


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
    model = LuxicalVectorizer.load(model_path).set_params(n_jobs=-1)
    documents = source.open().read()
    if embeddings is None:
        teacher = options.teacher(quiet).transform(documents)
    else:
        teacher = read_embeddings(embeddings)
    if len(teacher) != len(documents):
        raise ValueError(
            f"{embeddings} has {len(teacher):,} rows, but {source.path} has "
            f"{len(documents):,} documents. Give a row for each, in the same order."
        )
    start = time.perf_counter()
    student = model.transform(documents)
    seconds = time.perf_counter() - start
    first, second = split_halves(documents)
    figures = {
        "documents": len(documents),
        "neighbours": neighbor_recall_score(
            teacher,
            student,
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
        return
    rows = [
        ("documents", f"{figures['documents']:,}"),
        ("teacher's 10 nearest found", f"{figures['neighbours']:.3f}"),
        ("correlation with the teacher's cosines", f"{figures['correlation']:.3f}"),
        ("first halves finding their second halves (MRR)", f"{figures['halves']:.3f}"),
        ("documents a second", f"{figures['documents_per_second']:,.0f}"),
    ]
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    show(table)


def neighbors(
    model_path: Path,
    source: Source,
    queries: Sequence[str],
    n_neighbors: int,
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
    as_json : bool
        Whether to print JSON lines.
    quiet : bool
        Whether to show no progress.
    """
    model = LuxicalVectorizer.load(model_path).set_params(n_jobs=-1)
    wanted = model.transform(list(queries))
    for query, vector in zip(queries, wanted):
        if not vector.any():
            note(f"The model knows no term of {query!r}: nothing is near it.", quiet)
    nearest: list[list[tuple[float, int, str]]] = [[] for _ in queries]
    file, n_before = source.open(), 0
    with counting("reading", quiet) as counter:
        for piece in file:
            cosines = wanted @ model.transform(piece.documents).T
            for place, row in enumerate(cosines):
                best = np.argsort(-row, kind="stable")[:n_neighbors]
                found = [
                    (float(row[i]), n_before + int(i), piece.documents[i]) for i in best
                ]
                merged = sorted(
                    nearest[place] + found, key=lambda hit: (-hit[0], hit[1])
                )
                nearest[place] = merged[:n_neighbors]
            n_before += len(piece.documents)
            counter.add(len(piece.documents), file.position())
    if n_before == 0:
        raise ValueError(f"{source.path} holds no document.")
    for query, vector, hits in zip(queries, wanted, nearest):
        hits = hits if vector.any() else []
        if as_json:
            found = [
                {"row": row, "cosine": round(cosine, 6), "text": text}
                for cosine, row, text in hits
            ]
            line = json.dumps({"query": query, "nearest": found}, ensure_ascii=False)
            show(line)
            continue
        show(Text(query, style="bold"))
        for cosine, row, text in hits:
            shown = " ".join(text.split())
            if len(shown) > SHOWN_CHARACTERS:
                shown = shown[: SHOWN_CHARACTERS - 3] + "..."
            line = f"  {cosine:.3f}  row {row:,}  {shown}"
            show(line)


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
