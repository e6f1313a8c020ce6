"""Warnings that point to the caller's line."""

import sys
import warnings
from typing import Any

PACKAGES = ("sklux", "sklearn")


def warn_caller(message: str, category: type[Warning]) -> None:
    """Issue a warning at the line that called sklux.

    Parameters
    ----------
    message : str
        Text of the warning.
    category : type of Warning
        Class of the warning.
    """
    # Frames are skipped by package, not by number: the number of frames of
    # scikit-learn's decorators depends on its version.
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_inside(frame.f_globals):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level + 1)


def _is_inside(names: dict[str, Any]) -> bool:
    """Whether these are the globals of a module of sklux or scikit-learn."""
    return str(names.get("__name__", "")).split(".")[0] in PACKAGES
