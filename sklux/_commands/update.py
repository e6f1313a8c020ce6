"""``sklux update``: let a model learn from new documents."""

import time
from pathlib import Path

from sklux._commands.console import counted, note, show
from sklux._commands.embedding_files import check_column
from sklux._commands.errors import saying_what_is_kept
from sklux._commands.fit import (
    check_model_output,
    kept_in_words,
    read_inputs,
    save_model,
)
from sklux._commands.inputs import DocumentSource, load_model, read_documents
from sklux._commands.teacher_options import (
    OR_EMBEDDINGS,
    TeacherOptions,
    parse_sample_size,
)
from sklux._vectorizer import LuxicalVectorizer


def update_model(
    model_path: Path,
    source: DocumentSource,
    output: Path | None,
    options: TeacherOptions,
    embeddings: Path | None,
    *,
    embeddings_column: str | None,
    teacher_sample_size: str,
    past: DocumentSource | None,
    max_new_terms: int | None,
    past_weight: float | None,
    quiet: bool,
) -> None:
    """Update a model by new documents, save it and print its reports.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        The new documents.
    output : Path or None
        Model file to write; None means that the file of the model is replaced.
    options : TeacherOptions
        The teacher.
    embeddings : Path or None
        File of teacher embeddings of the new documents, in place of a teacher.
    embeddings_column : str or None
        Its column, as `read_embeddings` takes it.
    teacher_sample_size : str
        Number of documents that the teacher embeds, ``'auto'`` or ``'all'``.
    past : DocumentSource or None
        Documents of earlier fits, for the report.
    max_new_terms, past_weight : int or float or None
        Parameters of the model; None keeps those that it has.
    quiet : bool
        Whether to print only the reports.
    """
    output = model_path if output is None else output
    check_column(embeddings, embeddings_column)
    n_embedded = parse_sample_size(teacher_sample_size)
    inputs = (*source.paths, *(past.paths if past else ()), embeddings)
    check_model_output(output, inputs, options)
    options.check_unused(embeddings, **{"teacher-sample-size": n_embedded != "auto"})
    model = load_model(model_path)
    settings = {
        "max_new_terms": max_new_terms,
        "projection__past_weight": past_weight,
        "teacher": None if embeddings else options.teacher(quiet, OR_EMBEDDINGS),
        "verbose": not quiet,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    model.set_params(teacher_sample_size=n_embedded, **given)
    with saying_what_is_kept(lambda: kept_in_words(output, options)):
        documents, vectors = read_inputs(source, embeddings, embeddings_column, quiet)
        earlier = None if past is None else read_documents(past, quiet, model)
        n_terms = model.projection_.n_features_in_
        note(f"{counted(len(documents), 'document')}.", quiet)
        start = time.perf_counter()
        model.partial_fit(documents, teacher_embeddings=vectors, past_documents=earlier)
        seconds = time.perf_counter() - start
        save_model(model, output)
    show(f"{model.report_}\n{model.drift_}")
    note(summary(model, n_terms, output, seconds), quiet)


def summary(
    model: LuxicalVectorizer, n_terms: int, output: Path, seconds: float
) -> str:
    """Duration and new terms of an update, and size of the file.

    Parameters
    ----------
    model : LuxicalVectorizer
        The updated model.
    n_terms : int
        Number of terms before.
    output : Path
        Its file.
    seconds : float
        Duration of the update.

    Returns
    -------
    str
        The sentences.
    """
    n_new = model.projection_.n_features_in_ - n_terms
    size = f" The file {output} has {output.stat().st_size / 1e6:.1f} MB."
    return (
        f"Updated in {seconds:.0f} s, with {counted(n_new, 'new term')}; "
        f"{counted(model.n_samples_seen_, 'document')} in all."
        f"{size if output.is_file() else ''}"
    )
