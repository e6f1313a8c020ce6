"""What a fit is doing just now: a line on standard error for each of its stages."""

from collections.abc import Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm


@contextmanager
def stage(name: str, verbose: bool | None) -> Iterator[None]:
    """Show the name of what is being done and, once it is done, how long it took.

    For work whose end cannot be foreseen; what counts documents has a bar.

    Parameters
    ----------
    name : str
        What is being done.
    verbose : bool or None
        Whether to show it; None: no.

    Yields
    ------
    None
        Nothing.
    """
    line = tqdm(desc=name, bar_format="{desc}: {elapsed}", disable=not verbose)
    with line:
        yield
