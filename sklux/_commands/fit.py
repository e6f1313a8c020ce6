"""``sklux fit``: fit a model and save it."""

import time
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

import numpy as np

from sklux._commands.console import counted, note, show
from sklux._commands.document_files import naming
from sklux._commands.embedding_files import (
    check_column,
    embedding_blocks,
    read_embeddings,
)
from sklux._commands.errors import saying_what_is_kept
from sklux._commands.inputs import (
    DocumentSource,
    check_rows,
    read_documents,
)
from sklux._commands.outputs import (
    check_no_documents,
    check_not_standard_output,
    check_output,
)
from sklux._commands.teacher_options import (
    OR_EMBEDDINGS,
    TeacherOptions,
    parse_sample_size,
)
from sklux._sources.stream import DEFAULT_SAMPLE_SIZE, DocumentStream
from sklux._teacher.cached import CachedTeacher
from sklux._utils.output_file import NotReplacedError
from sklux._vectorizer import LuxicalVectorizer


def fit_model(
    source: DocumentSource,
    output: Path,
    options: TeacherOptions,
    embeddings: Path | None,
    *,
    embeddings_column: str | None,
    teacher_sample_size: str,
    words: bool,
    halves: bool,
    settings: dict[str, Any],
    streamed: bool = False,
    sample_size: int | None = None,
    quiet: bool,
) -> None:
    """Fit a model, save it and print its report.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    output : Path
        Model file to write.
    options : TeacherOptions
        The teacher.
    embeddings : Path or None
        File of teacher embeddings, in place of a teacher.
    embeddings_column : str or None
        Its column, as `read_embeddings` takes it.
    teacher_sample_size : str
        Number of documents that the teacher embeds, ``'auto'`` or ``'all'``.
    words : bool
        Whether the teacher also embeds words.
    halves : bool
        Whether the teacher also embeds the halves of documents.
    settings : dict
        Other parameters of `LuxicalVectorizer`; None keeps the default.
    streamed : bool, default=False
        Whether the documents are read in batches, several times.
    sample_size : int or None, default=None
        Number of documents in memory if they are; None means the default.
    quiet : bool
        Whether to print only the report.
    """
    check_column(embeddings, embeddings_column)
    check_stream(source, streamed, sample_size)
    n_embedded = parse_sample_size(teacher_sample_size)
    check_model_output(output, (*source.paths, embeddings), options)
    not_default = {"teacher-sample-size": n_embedded != "auto", "no-words": not words}
    options.check_unused(embeddings, **not_default, halves=halves)
    teacher = None if embeddings is not None else options.teacher(quiet, OR_EMBEDDINGS)
    settings = settings | {
        "null_documents": source.null_documents,
        "teacher_halves": halves,
    }
    with saying_what_is_kept(lambda: kept_in_words(output, options)):
        model = make_model(teacher, n_embedded, words, settings, quiet)
        start = time.perf_counter()
        if streamed:
            model.fit(stream_of(source, embeddings, embeddings_column, sample_size))
        else:
            inputs = read_inputs(source, embeddings, embeddings_column, quiet)
            note(f"{counted(len(inputs[0]), 'document')}.", quiet)
            start = time.perf_counter()
            model.fit(inputs[0], teacher_embeddings=inputs[1])
        seconds = time.perf_counter() - start
        save_model(model, output)
    show(str(model.report_))
    if model.stream_report_ is not None:
        note(f"{model.stream_report_}.", quiet)
    note(summary(model, output, seconds), quiet)


def check_model_output(
    output: Path, inputs: Sequence[str | Path | None], options: TeacherOptions
) -> None:
    """Refuse a model file that cannot be written, before any work is done.

    Parameters
    ----------
    output : Path
        Model file to write.
    inputs : sequence of str, Path or None
        Files that the command reads, besides the cache.
    options : TeacherOptions
        The teacher, and its cache.

    Raises
    ------
    OSError or ValueError
        As `check_output`. Also if the output holds documents or is standard output or a
        file of the teacher.
    """
    check_output(output, (*inputs, options.cache_file))
    check_no_documents(output)
    check_not_standard_output(output)
    options.check_outside(output)


def read_inputs(
    source: DocumentSource, embeddings: Path | None, column: str | None, quiet: bool
) -> tuple[list[str], np.ndarray | None]:
    """Read the documents and, if there is a file of them, their teacher embeddings.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    embeddings : Path or None
        File of teacher embeddings.
    column : str or None
        Its column, as `read_embeddings` takes it.
    quiet : bool
        Whether to print no note about missing documents.

    Returns
    -------
    documents : list of str
        The documents.
    vectors : ndarray of shape (n_samples, n_teacher_components) or None
        Their teacher embeddings.
    """
    if embeddings is None:
        return read_documents(source, quiet), None
    # First, because errors in this file show at once.
    vectors = read_embeddings(embeddings, column)
    documents = read_documents(source, quiet)
    check_rows(vectors, embeddings, len(documents), source)
    return documents, vectors


def check_stream(
    source: DocumentSource, streamed: bool, sample_size: int | None
) -> None:
    """Refuse options of a stream without one, and files that can be read only once.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    streamed : bool
        Whether they are read in batches.
    sample_size : int or None
        The option ``--sample-size``.

    Raises
    ------
    ValueError
        If the options do not fit together, or a file is a pipe.
    """
    if not streamed and sample_size is not None:
        raise ValueError(
            f"--sample-size {sample_size} is the number of documents in memory with "
            "--stream. Give --stream, too, or leave it out."
        )
    pipes = [file.name for file in source.open().files if not file.is_regular]
    if streamed and pipes:
        raise ValueError(
            f"--stream reads the documents several times, but {pipes[0]} can be read "
            "only once. Write the documents to a file first."
        )


def stream_of(
    source: DocumentSource,
    embeddings: Path | None,
    column: str | None,
    sample_size: int | None,
) -> DocumentStream:
    """Return the documents as a stream, with their teacher embeddings if given.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    embeddings : Path or None
        File of teacher embeddings, which is read in blocks, too.
    column : str or None
        Its column, as `read_embeddings` takes it.
    sample_size : int or None
        Number of documents in memory; None means the default.

    Returns
    -------
    DocumentStream
        Opens the files anew for each pass.
    """
    size = DEFAULT_SAMPLE_SIZE if sample_size is None else sample_size
    if embeddings is None:
        return DocumentStream(lambda: texts_of(source), sample_size=size)
    # Errors in this file show at once.
    next(embedding_blocks(embeddings, column), None)

    def pairs() -> Iterator[tuple[str, np.ndarray]]:
        blocks = embedding_blocks(embeddings, column)
        vectors = (row for block in blocks for row in block)
        texts = texts_of(source)
        for number, (text, vector) in enumerate(zip_longest(texts, vectors)):
            if text is None or vector is None:
                missing = "row" if vector is None else "document"
                raise ValueError(
                    f"{embeddings} and {source.name} do not have one row per document: "
                    f"there is no {missing} {number}. Give one row per document, in "
                    "the same order."
                )
            yield text, vector

    return DocumentStream(pairs, embeddings=True, sample_size=size)


def texts_of(source: DocumentSource) -> Iterator[str]:
    """Read the documents once.

    Parameters
    ----------
    source : DocumentSource
        The documents.

    Yields
    ------
    str
        A document. Missing documents are empty, or an error, as the options set it.
    """
    for piece in source.open():
        yield from piece.documents


def make_model(
    teacher: CachedTeacher | None,
    sample_size: int | Literal["auto"] | None,
    words: bool,
    settings: dict[str, Any],
    quiet: bool,
) -> LuxicalVectorizer:
    """Make a model that uses all cores.

    Parameters
    ----------
    teacher : CachedTeacher or None
        The teacher.
    sample_size : int, 'auto' or None
        Number of documents that the teacher embeds; None means all.
    words : bool
        Whether the teacher also embeds words.
    settings : dict
        Other parameters of the model and its stages; None keeps the default.
    quiet : bool
        Whether to show no progress.

    Returns
    -------
    LuxicalVectorizer
        The model, not fitted.
    """
    model = LuxicalVectorizer(
        teacher,
        teacher_sample_size=sample_size,
        teacher_words="auto" if words else None,
        n_jobs=-1,
        verbose=not quiet,
    )
    given = {name: value for name, value in settings.items() if value is not None}
    return model.set_params(**given)


def kept_in_words(output: Path, options: TeacherOptions) -> str:
    """What a fit that was stopped has kept.

    Parameters
    ----------
    output : Path
        Model file to write.
    options : TeacherOptions
        The teacher.

    Returns
    -------
    str
        The sentences.
    """
    before = f"{output} is as it was before." if output.is_file() else ""
    return " ".join(
        filter(None, ["No model was written.", before, options.kept_in_words()])
    )


def save_model(model: LuxicalVectorizer, output: Path) -> None:
    """Save a model. If this fails, on a full disk for instance, save it elsewhere.

    Parameters
    ----------
    model : LuxicalVectorizer
        The fitted model.
    output : Path
        File to write.

    Raises
    ------
    OSError
        If the model is not in its place. The message names the file that holds it.
    """
    try:
        with naming(str(output)):
            model.save(output)
    except NotReplacedError:
        raise  # the temporary file holds the model
    except OSError as error:
        folder = Path(mkdtemp(prefix="sklux-"))
        try:
            model.save(folder / "model.sklux")
        except OSError:
            folder.rmdir()
            raise error from None
        raise OSError(
            f"{error} The model is in {folder / 'model.sklux'} instead. Move it from "
            "there."
        ) from error


def summary(model: LuxicalVectorizer, output: Path, seconds: float) -> str:
    """Duration and teacher embeddings of a fit, and size of its file.

    Parameters
    ----------
    model : LuxicalVectorizer
        The fitted model.
    output : Path
        Its file.
    seconds : float
        Duration of the fit.

    Returns
    -------
    str
        The sentences.
    """
    size = f" The file {output} has {output.stat().st_size / 1e6:.1f} MB."
    return (
        f"Fitted in {seconds:.0f} s, with teacher embeddings of "
        f"{counted(model.n_teacher_documents_, 'document')} and "
        f"{counted(model.n_teacher_terms_, 'term')}.{size if output.is_file() else ''}"
    )
