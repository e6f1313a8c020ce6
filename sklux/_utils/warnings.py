"""Warnings that name the caller's line."""

import sys
import warnings

PACKAGES = ("sklux", "sklearn")


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn of what a caller's data does, at the caller's line.

    Parameters
    ----------
    message : str
        What to say.
    category : type of Warning
        Its kind.
    """
    # Frames of scikit-learn's decorators differ by version, so they are not counted.
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_inside(frame.f_globals):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level + 1)


def _is_inside(names: dict) -> bool:
    """Whether these are the globals of one of the packages."""
    return str(names.get("__name__", "")).split(".")[0] in PACKAGES
