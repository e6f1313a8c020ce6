"""``sklux evaluate``: compare a model with its teacher on new documents."""

import time
from pathlib import Path

import numpy as np

from sklux._commands.console import counted, note, print_json, show_table
from sklux._commands.embedding_files import check_column, read_embeddings
from sklux._commands.inputs import (
    DocumentSource,
    check_rows,
    load_model,
    read_documents,
)
from sklux._commands.teacher_options import OR_EMBEDDINGS, TeacherOptions
from sklux._student.report import recall_in_words
from sklux._student.teacher_embeddings import has_embedding
from sklux._utils.documents import copy_groups, first_of_groups
from sklux._utils.progress import long_step
from sklux._utils.similarity import (
    MAX_NEIGHBORS,
    MIN_DOCUMENTS,
    n_neighbors_compared,
)
from sklux._vectorizer import LuxicalVectorizer
from sklux.metrics import (
    half_document_retrieval,
    neighbor_recall_score,
    similarity_correlation,
    split_halves,
)

# Documents whose nearest documents are compared.
MAX_QUERIES = 2000


def evaluate_model(
    model_path: Path,
    source: DocumentSource,
    options: TeacherOptions,
    embeddings: Path | None,
    embeddings_column: str | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure a model on documents that are new to it, and print the figures.

    Texts that differ at most in white space and case are copies; the first one stays.

    Parameters
    ----------
    model_path : Path
        The model.
    source : DocumentSource
        The documents.
    options : TeacherOptions
        The teacher.
    embeddings : Path or None
        File of teacher embeddings, in place of a teacher.
    embeddings_column : str or None
        Its column, as `read_embeddings` takes it.
    as_json : bool
        Whether to print a JSON object instead of a table.
    quiet : bool
        Whether to print no progress or notes.
    """
    check_column(embeddings, embeddings_column)
    options.check_unused(embeddings)
    model = load_model(model_path)
    vectors = None
    if embeddings is None:
        documents = read_documents(source, quiet, model)
    else:
        documents, vectors = embedded_documents(
            model, source, embeddings, embeddings_column, quiet
        )
    places = first_of_groups(copy_groups(documents))
    n_copies = len(documents) - len(places)
    documents = [documents[place] for place in places]
    check_enough(len(documents), quiet)
    if vectors is None:
        vectors = options.teacher(quiet, OR_EMBEDDINGS).transform(documents)
    else:
        vectors = vectors[places]
    with long_step("evaluation", not quiet):
        figures = measure(model, documents, vectors)
    figures["copies_left_out"] = n_copies
    if as_json:
        print_json({name: round(float(value), 6) for name, value in figures.items()})
    else:
        show_table(in_words(figures))


def embedded_documents(
    model: LuxicalVectorizer,
    source: DocumentSource,
    embeddings: Path,
    column: str | None,
    quiet: bool,
) -> tuple[list[str], np.ndarray]:
    """Read the documents that have a teacher embedding in a file.

    Parameters
    ----------
    model : LuxicalVectorizer
        The model, which may have a setting for missing documents.
    source : DocumentSource
        The documents.
    embeddings : Path
        File of teacher embeddings, with one row per document. As in a fit, a document
        has no teacher embedding if its row is all NaN or all zero.
    column : str or None
        Column of the file, as `read_embeddings` takes it.
    quiet : bool
        Whether to print no notes about documents that are left out.

    Returns
    -------
    documents : list of str of length n_embedded
        Documents with a teacher embedding.
    vectors : ndarray of shape (n_embedded, n_teacher_components)
        Their teacher embeddings.
    """
    documents = read_documents(source, quiet, model)
    vectors = read_embeddings(embeddings, column)
    check_rows(vectors, embeddings, len(documents), source)
    is_embedded = has_embedding(vectors)
    n_missing = len(vectors) - int(np.count_nonzero(is_embedded))
    if n_missing:
        note(
            f"Left out {counted(n_missing, 'document')} without a teacher embedding "
            f"(all NaN or all zero in {embeddings}).",
            quiet,
        )
    return [documents[i] for i in np.flatnonzero(is_embedded)], vectors[is_embedded]


def check_enough(n_documents: int, quiet: bool) -> None:
    """Refuse too few documents, and note a comparison by fewer neighbours than usual.

    Parameters
    ----------
    n_documents : int
        Number of different documents.
    quiet : bool
        Whether to print no note.

    Raises
    ------
    ValueError
        If there are fewer than 3 different documents.
    """
    if n_documents < MIN_DOCUMENTS:
        raise ValueError(
            f"An evaluation compares documents and needs {MIN_DOCUMENTS} or more that "
            f"are different. Got {n_documents}."
        )
    n_neighbors = n_neighbors_compared(n_documents)
    if n_neighbors < MAX_NEIGHBORS:
        note(
            f"Only {n_documents} documents: the comparison uses {n_neighbors} instead "
            f"of {MAX_NEIGHBORS} neighbours of each document.",
            quiet,
        )


def measure(
    model: LuxicalVectorizer, documents: list[str], teacher: np.ndarray
) -> dict[str, float]:
    """Measure how close a model is to its teacher, and its speed.

    Parameters
    ----------
    model : LuxicalVectorizer
        The fitted model.
    documents : list of str of length n_samples
        Documents, without copies: a copy would be the nearest of its document.
    teacher : ndarray of shape (n_samples, n_teacher_components)
        Their teacher embeddings.

    Returns
    -------
    dict of str to float
        The figures by name.
    """
    start = time.perf_counter()
    student = model.transform(documents)
    seconds = time.perf_counter() - start
    first, second = split_halves(documents)
    n_neighbors = n_neighbors_compared(len(documents))
    return {
        "documents": len(documents),
        "n_neighbors": n_neighbors,
        "neighbours": neighbor_recall_score(
            teacher,
            student,
            n_neighbors=n_neighbors,
            sample_size=min(MAX_QUERIES, len(documents)),
            random_state=0,
        ),
        "correlation": similarity_correlation(teacher, student, random_state=0),
        "halves": half_document_retrieval(
            model.transform(first), model.transform(second)
        ),
        "documents_per_second": len(documents) / max(seconds, 1e-9),
    }


def in_words(figures: dict[str, float]) -> list[tuple[str, str]]:
    """Name and value of each figure, as a reader sees them.

    Parameters
    ----------
    figures : dict of str to float
        The figures, as `measure` returns them, and the number of copies left out.

    Returns
    -------
    list of tuple of str
        The rows of a table.
    """
    n_documents, n_neighbors = int(figures["documents"]), int(figures["n_neighbors"])
    recall = recall_in_words(figures["neighbours"], n_neighbors, n_documents)
    return [
        ("documents", f"{n_documents:,}"),
        ("copies left out", f"{int(figures['copies_left_out']):,}"),
        (f"teacher's {n_neighbors} nearest found", recall),
        ("correlation with the teacher's cosines", f"{figures['correlation']:.3f}"),
        ("first halves finding their second halves (MRR)", f"{figures['halves']:.3f}"),
        ("documents per second", f"{figures['documents_per_second']:,.0f}"),
    ]
