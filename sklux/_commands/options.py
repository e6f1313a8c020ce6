"""Arguments and options that several commands share."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """Formats of document files."""

    parquet = "parquet"
    csv = "csv"
    tsv = "tsv"
    jsonl = "jsonl"
    json = "json"
    text = "text"


class Quotes(StrEnum):
    """How quotes within values of CSV files are written."""

    doubled = "doubled"
    backslash = "backslash"
    none = "none"


class VectorType(StrEnum):
    """Types of the numbers of vectors."""

    float32 = "float32"
    float16 = "float16"
    int8 = "int8"
    ubinary = "ubinary"


class PartFormat(StrEnum):
    """Formats of the files in a folder of parts."""

    parquet = "parquet"
    arrow = "arrow"


class NullDocuments(StrEnum):
    """What happens to missing documents."""

    error = "error"
    empty = "empty"


class Dtype(StrEnum):
    """Types of the stored weights of a model."""

    float32 = "float32"
    float16 = "float16"
    int8 = "int8"


def silence_libraries(is_quiet: bool) -> bool:
    """Hide the progress bars of the libraries that load a teacher.

    Parameters
    ----------
    is_quiet : bool
        Whether to hide them.

    Returns
    -------
    bool
        The same value.
    """
    if is_quiet:
        # transformers ("Loading weights") reads this variable too.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return is_quiet


DOCUMENTS = (
    "Parquet, CSV, TSV or JSON with a text column, or plain text with one document per "
    "line. All but Parquet may be compressed (.gz, .bz2, .zst, .lz4). '-' reads "
    "standard input and needs --format."
)
Documents = Annotated[
    list[str],
    typer.Argument(
        help=f"Files of documents, folders, patterns such as 'docs/*.jsonl', and "
        f"addresses such as s3://bucket/docs/, which fsspec opens. {DOCUMENTS}"
    ),
]
Model = Annotated[
    Path, typer.Argument(help="Model file, written by `sklux fit` or by `save`.")
]
Column = Annotated[
    str,
    typer.Option(
        "--column",
        "-c",
        help="Column or key that holds the text. A path such as data.text leads into "
        "objects and structs.",
    ),
]
DocumentFormat = Annotated[
    Format | None,
    typer.Option(
        "--format", help="Format of the documents. Default: taken from the file name."
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Encoding of text, CSV and JSON, such as cp1252. Default: UTF-8, or the "
        "UTF-16 or UTF-32 that a byte order mark shows."
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        help="Character between the values of a CSV file, or 'tab'. Default: comma, "
        "semicolon, tab or '|', as the header shows it."
    ),
]
QuotesOption = Annotated[
    Quotes | None,
    typer.Option(
        help="How quotes within values of a CSV file are written: doubled, after a "
        "backslash (as Spark does), or without a meaning. Default: as the first lines "
        "show it."
    ),
]
NullDocumentsOption = Annotated[
    NullDocuments | None,
    typer.Option(
        "--null-documents",
        help="What happens to missing (null) documents: an error, or they are read as "
        "empty texts. Default: the setting of the model; without one, an error.",
    ),
]
Teacher = Annotated[
    str | None,
    typer.Option(
        "--teacher", "-t", help="Name or folder of a sentence-transformers model."
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the cache of teacher embeddings, as the parameter `path` of "
        "CachedTeacher. Default: $SKLUX_DATA_HOME, or the user's cache folder."
    ),
]
Windows = Annotated[
    int,
    typer.Option(
        min=1,
        help="Maximum number of windows in which the teacher embeds a long document.",
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        help="Name of the teacher's prompt to put before each text, such as "
        "'document'. Default: the model's default prompt.",
    ),
]
TeacherSampleSize = Annotated[
    str,
    typer.Option(
        "--teacher-sample-size",
        help="Number of different documents that the teacher embeds: a number, 'all', "
        "or 'auto' (at most 10,000). The student is trained on all documents.",
    ),
]
Embeddings = Annotated[
    Path | None,
    typer.Option(
        "--embeddings",
        "-e",
        help="Teacher embeddings in place of a teacher: a .npy file, or a Parquet file "
        "with a column of vectors; one row per document.",
    ),
]
EmbeddingsColumn = Annotated[
    str | None,
    typer.Option(
        "--embeddings-column",
        help="Column of the vectors in a Parquet file of --embeddings. Default: the "
        "only column of lists.",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        callback=silence_libraries,
        help="Print only results and errors.",
    ),
]
KeptColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        "-k",
        help="Column to copy to the output. Can be given several times.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
