"""Import of optional packages, with an error that names the extra to install."""

from importlib import import_module
from types import ModuleType


def import_optional(
    module: str, *, purpose: str, extra: str | None = None
) -> ModuleType:
    """Import an optional module; the error shows how to install it.

    Parameters
    ----------
    module : str
        Name to import, such as ``"torch"``.
    purpose : str
        The function that needs the module, as the subject of a sentence.
    extra : str or None, default=None
        The extra of sklux that installs it. None means that no extra does.

    Returns
    -------
    types.ModuleType
        The imported module.

    Raises
    ------
    ImportError
        If the module cannot be imported; the message names what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        wanted = module if extra is None else f"'sklux[{extra}]'"
        raise ImportError(
            f"{purpose} needs the optional package {module!r}, which could not be "
            f"imported ({error}). Install it with: pip install {wanted}"
        ) from error
