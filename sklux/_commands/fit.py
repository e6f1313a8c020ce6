"""``sklux fit``: fit a model and save it."""

import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

import numpy as np

from sklux._commands.console import counted, note, show
from sklux._commands.document_files import naming
from sklux._commands.embedding_files import check_column, read_embeddings
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
    quiet : bool
        Whether to print only the report.
    """
    check_column(embeddings, embeddings_column)
    sample_size = parse_sample_size(teacher_sample_size)
    check_output(output, (*source.paths, embeddings, options.cache_file))
    check_no_documents(output)
    check_not_standard_output(output)
    options.check_outside(output)
    not_default = {"teacher-sample-size": sample_size != "auto", "no-words": not words}
    options.check_unused(embeddings, **not_default, halves=halves)
    teacher = None if embeddings is not None else options.teacher(quiet, OR_EMBEDDINGS)
    settings = settings | {
        "null_documents": source.null_documents,
        "teacher_halves": halves,
    }
    with saying_what_is_kept(lambda: kept_in_words(output, options)):
        documents, vectors = read_inputs(source, embeddings, embeddings_column, quiet)
        note(f"{counted(len(documents), 'document')}.", quiet)
        model = make_model(teacher, sample_size, words, settings, quiet)
        start = time.perf_counter()
        model.fit(documents, teacher_embeddings=vectors)
        seconds = time.perf_counter() - start
        save_model(model, output)
    show(str(model.report_))
    note(summary(model, output, seconds), quiet)


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
