"""Shared parts of the displays: axes, titles, styles, checks of numbers."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sklux._utils.messages import as_sentence
from sklux._utils.optional import import_optional


def axes_to_draw_on(axes: Any, purpose: str, *shape: int, **figure_kw: Any) -> Any:
    """Return the given axes, or the axes of a new figure.

    Parameters
    ----------
    axes : matplotlib Axes, sequence of matplotlib Axes or None
        The given axes; None means a new figure.
    purpose : str
        The function that draws, for the message.
    *shape : int
        Rows and columns of a new figure; one of each by default.
    **figure_kw : object
        Keywords of a new figure.

    Returns
    -------
    matplotlib Axes or sequence of matplotlib Axes
        The axes to draw on.

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
    """Return the whole figure of some axes, which may be in a subfigure of it.

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
    """Write the title of a picture, if there is one.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to write on.
    name : str or None
        The title; None means the default.
    default : str or None
        Title of the display; None means no title.
    **place : str
        Keywords of ``set_title``.
    """
    title = default if name is None else name
    if title is not None:
        # A dollar sign in a name does not begin a formula.
        ax.set_title(title, parse_math=False, **place)


def merged_style(
    artist: type, given: dict[str, Any] | None, **defaults: Any
) -> dict[str, Any]:
    """Replace the keywords of a display by the user's keywords.

    Parameters
    ----------
    artist : type
        Class of matplotlib that defines aliases, such as ``lw`` for ``linewidth``.
    given : dict or None
        Keywords of the user, by their full names or aliases.
    **defaults : object
        Keywords of the display, by their full names.

    Returns
    -------
    dict
        The merged keywords, by their full names.
    """
    cbook = import_optional("matplotlib.cbook", extra="plot", purpose="A display")
    return defaults | cbook.normalize_kwargs(given, artist)


def row_of_numbers(
    name: str, values: ArrayLike, *, is_finite: bool = False
) -> np.ndarray:
    """Return the values of a parameter as a one-dimensional array of floats.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    values : array-like of shape (n_values,)
        Values of the parameter.
    is_finite : bool, default=False
        Whether all values must be finite.

    Returns
    -------
    ndarray of shape (n_values,), dtype=np.float64
        The values.

    Raises
    ------
    ValueError
        If there are no values, or the values are not a sequence of numbers; with
        `is_finite` also if a value is NaN or infinite.
    """
    try:
        row = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a sequence of numbers: {as_sentence(error)}"
        ) from error
    if row.ndim != 1 or row.size == 0:
        raise ValueError(
            f"{name} must be a sequence of one or more numbers. Got an array of shape "
            f"{row.shape} instead."
        )
    if is_finite and not np.isfinite(row).all():
        raise ValueError(
            f"{name} has NaN or infinity, first at position "
            f"{np.argmin(np.isfinite(row))}. Leave such values out."
        )
    return row


def check_paired(**rows: np.ndarray) -> None:
    """Refuse parameters of different lengths.

    Parameters
    ----------
    **rows : ndarray of shape (n_values,)
        Two parameters by name.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    lengths = [len(row) for row in rows.values()]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"{' and '.join(rows)} must have the same number of values. Got "
            f"{' and '.join(map(str, lengths))} values instead."
        )
