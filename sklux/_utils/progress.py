"""Progress of a fit: one line on standard error for each stage."""

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm


@contextmanager
def stage(name: str, verbose: bool | None) -> Iterator[None]:
    """Show the name of a stage and, when it ends, the time that it took.

    For stages whose length is not known; stages that count documents have a bar.

    Parameters
    ----------
    name : str
        Name of the stage.
    verbose : bool or None
        Whether to show the line; None means no.

    Yields
    ------
    None
        Nothing.
    """
    line = tqdm(desc=name, bar_format="{desc}: {elapsed}", disable=not verbose)
    with line:
        yield
