"""What the displays have in common: axes, titles, styles, numbers."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sklux._utils.optional import import_optional


def axes_to_draw_on(axes: Any, purpose: str, *shape: int, **figure_kw: Any) -> Any:
    """Return the axes that were given, or those of a new figure.

    Parameters
    ----------
    axes : matplotlib Axes, sequence of them or None
        What was given.
    purpose : str
        Who draws, for the message.
    *shape : int
        Rows and columns of a new figure; one of each by default.
    **figure_kw : object
        Keywords of a new figure.

    Returns
    -------
    matplotlib Axes or sequence of them
        Where to draw.

    Raises
    ------
    ImportError
        If a figure has to be made and matplotlib is not installed.
    """
    if axes is not None:
        return axes
    pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose=purpose)
    _, axes = pyplot.subplots(*shape, layout="constrained", **figure_kw)
    return axes


def root_figure(ax: Any) -> Any:
    """Return the figure of some axes, which may stand in a figure within it.

    Parameters
    ----------
    ax : matplotlib Axes
        The axes.

    Returns
    -------
    matplotlib Figure
        The whole figure.
    """
    return ax.figure.figure


def write_title(ax: Any, name: str | None, default: str | None, **place: str) -> None:
    """Write the title of a picture, if it has one.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to write.
    name : str or None
        The title; None means the default.
    default : str or None
        The display's own title.
    **place : str
        Keywords of ``set_title``.
    """
    title = default if name is None else name
    if title is not None:
        # A dollar is a dollar.
        ax.set_title(title, parse_math=False, **place)


def merged_style(
    artist: type, given: dict[str, Any] | None, **defaults: Any
) -> dict[str, Any]:
    """Put the user's keywords in place of the display's, under whatever alias.

    Parameters
    ----------
    artist : type
        Class of matplotlib that knows the aliases, such as ``lw`` for ``linewidth``.
    given : dict or None
        The user's keywords.
    **defaults : object
        The display's, by their full names.

    Returns
    -------
    dict
        Keywords by their full names.
    """
    cbook = import_optional("matplotlib.cbook", extra="plot", purpose="A display")
    return defaults | cbook.normalize_kwargs(given, artist)


def row_of_numbers(
    name: str, values: ArrayLike, *, is_finite: bool = False
) -> np.ndarray:
    """Return the values of a parameter as one row of floats.

    Parameters
    ----------
    name : str
        The parameter, for the message.
    values : array-like of shape (n_values,)
        The values.
    is_finite : bool, default=False
        Whether they must be.

    Returns
    -------
    ndarray of shape (n_values,), dtype=np.float64
        The values.

    Raises
    ------
    ValueError
        If there are none, or they are not such a row.
    """
    try:
        row = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a sequence of numbers: {error}.") from error
    if row.ndim != 1 or row.size == 0:
        raise ValueError(
            f"{name} must be a sequence of one or more numbers. Got the shape "
            f"{row.shape} instead."
        )
    if is_finite and not np.isfinite(row).all():
        raise ValueError(
            f"{name} has NaN or infinity, first at {np.argmin(np.isfinite(row))}. "
            "Leave such values out."
        )
    return row


def check_paired(**rows: np.ndarray) -> None:
    """Refuse rows of different lengths.

    Parameters
    ----------
    **rows : ndarray of shape (n_values,)
        Two parameters by name.

    Raises
    ------
    ValueError
        If they differ in length.
    """
    lengths = [len(row) for row in rows.values()]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{' and '.join(rows)} must have as many values as each other. Got "
            f"{' and '.join(map(str, lengths))} instead."
        )
