"""Names of the output columns, if these are the columns of the teacher.

With latent vectors of the corpus in the targets, or with fewer components than the
teacher has, an output column mixes columns of the teacher, so no name fits it.
Otherwise the targets are the teacher's vectors themselves, and a column has the name of
the teacher's column.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from sklux._student.arguments import DEFAULT_N_COMPONENTS
from sklux._student.teacher_embeddings import TeacherEmbeddings

# How many names a message lists.
MAX_SHOWN = 5


def keeps_columns(
    n_components: int,
    corpus_weight: float | Literal["auto"],
    teacher: TeacherEmbeddings,
) -> bool:
    """Whether a fit makes output columns that are the teacher's columns.

    Parameters
    ----------
    n_components, corpus_weight : int, float or 'auto'
        The parameters of `ReLUProjection`. ``'auto'`` allows it.
    teacher : TeacherEmbeddings
        Embeddings of the documents of the fit.

    Returns
    -------
    bool
        True if the teacher's columns have names, there is a component for each of them,
        and the corpus has no weight.
    """
    # The default is reduced to the width of the teacher, as `check_n_components` does.
    n_columns = teacher.n_components
    is_wide = n_columns <= n_components == DEFAULT_N_COMPONENTS
    return (
        teacher.names is not None
        and (n_components == n_columns or is_wide)
        and corpus_weight in ("auto", 0)
    )


def check_same_names(
    names: np.ndarray | None, given: Sequence[str] | None, what: str
) -> None:
    """Refuse a table whose columns are not the teacher's columns of the fit.

    Parameters
    ----------
    names : ndarray of shape (n_components,), dtype=object, or None
        Names of the output columns. They are the first columns of the teacher.
    given : sequence of str, or None
        Names of the columns of the table; None for an array, which is read by position.
    what : str
        Name of the table in the message.

    Raises
    ------
    ValueError
        If both have names, and the names or their order differ.
    """
    if names is None or given is None:
        return
    wanted, found = names.tolist(), list(given)[: len(names)]
    if wanted == found:
        return
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    differences = f"Missing: {_shown(missing)}. " if missing else ""
    differences += f"New: {_shown(unknown)}. " if unknown else ""
    if not differences:
        differences = f"Their order there was {_shown(wanted)}. "
    raise ValueError(
        f"{what} must have the columns of fit, in the same order. {differences}Select "
        "the columns by their names, or pass an array, whose columns are read by "
        "position."
    )


def _shown(names: Sequence[str]) -> str:
    """Some names, as a list for a message."""
    shown = ", ".join(map(repr, names[:MAX_SHOWN]))
    n_others = len(names) - MAX_SHOWN
    if n_others <= 0:
        return shown
    return f"{shown} and {n_others} other{'s' if n_others > 1 else ''}"
