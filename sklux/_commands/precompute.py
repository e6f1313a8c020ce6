"""``sklux precompute``: fill the cache of a teacher."""

from sklux._commands.console import PieceCounter, counted, counting, note
from sklux._commands.errors import saying_what_is_kept
from sklux._commands.inputs import DocumentSource, note_missing, read_documents
from sklux._commands.teacher_options import TeacherOptions, parse_sample_size
from sklux._teacher.models import loading_once
from sklux._teacher.sample import sample_documents
from sklux._utils.progress import listening
from sklux._vectorizer import DEFAULT_TEACHER_SAMPLE_SIZE

# Documents between two steps of the bar. The teacher gets them sorted by length: the
# more there are, the less padding it adds.
PIECE_DOCUMENTS = 1000


def precompute_embeddings(
    source: DocumentSource,
    options: TeacherOptions,
    teacher_sample_size: str,
    quiet: bool,
) -> None:
    """Have a teacher embed the documents of a file, and keep the embeddings.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    options : TeacherOptions
        The teacher.
    teacher_sample_size : str
        ``'all'``, ``'auto'``, or the number of different documents that a fit chooses.
    quiet : bool
        Whether to print no progress or notes.
    """
    n_chosen = parse_sample_size(teacher_sample_size)
    if n_chosen is None:
        n_texts, width = embed_all(source, options, quiet)
    else:
        n_chosen = DEFAULT_TEACHER_SAMPLE_SIZE if n_chosen == "auto" else n_chosen
        n_texts, width = embed_sample(source, options, n_chosen, quiet)
    note(
        "The cache holds the teacher embeddings of "
        f"{counted(n_texts, 'different document')} ({width:,} dimensions).",
        quiet,
    )


def embed_sample(
    source: DocumentSource, options: TeacherOptions, n_chosen: int, quiet: bool
) -> tuple[int, int]:
    """Embed the documents that a fit with this sample size chooses.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    options : TeacherOptions
        The teacher.
    n_chosen : int
        Number of different documents in the sample.
    quiet : bool
        Whether to print no progress or notes.

    Returns
    -------
    n_texts : int
        Number of different documents embedded.
    width : int
        Dimensions of their embeddings.
    """
    teacher = options.teacher(quiet)
    documents = read_documents(source, quiet)
    chosen = [documents[place] for place in sample_documents(documents, n_chosen)]
    with saying_what_is_kept(options.kept_in_words):
        return teacher.transform(list(dict.fromkeys(chosen))).shape


def embed_all(
    source: DocumentSource, options: TeacherOptions, quiet: bool
) -> tuple[int, int]:
    """Embed all documents of a file, piece by piece, with one bar for all of them.

    Parameters
    ----------
    source : DocumentSource
        The documents.
    options : TeacherOptions
        The teacher.
    quiet : bool
        Whether to print no progress or notes.

    Returns
    -------
    n_texts : int
        Number of different documents embedded.
    width : int
        Dimensions of their embeddings.

    Raises
    ------
    ValueError
        If the file contains no documents.
    """
    options.note_package(quiet)
    # Its bars are not shown: they would start again with each piece.
    teacher = options.teacher(quiet)
    file, width, n_missing = source.open(piece_documents=PIECE_DOCUMENTS), 0, 0
    hashes: set[int] = set()
    with (
        counting("teacher embeddings", quiet) as counter,
        saying_what_is_kept(
            lambda: (
                f"{counted(counter.n_documents, 'document')} of {source.name} had a "
                f"teacher embedding. {options.kept_in_words()}"
            ),
            is_all=True,
        ),
        loading_once(),
    ):
        begin: float | None = 0.0
        for piece in file:
            n_missing += len(piece.missing)
            n_documents, end = len(piece.documents), file.position()
            progress = PieceCounter(counter, n_documents, begin, end)
            with listening(progress):
                width = teacher.transform(piece.documents).shape[1]
            progress.finish()
            begin = end
            # Only the hashes are kept: a file may be larger than memory.
            hashes.update(map(hash, piece.documents))
    note_missing(n_missing, source, quiet)
    if counter.n_documents == 0:
        raise ValueError(f"{source.name} contains no documents.")
    return len(hashes), width
