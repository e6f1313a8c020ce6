"""Import of optional packages, with an error that names the extra to install."""

from importlib import import_module
from types import ModuleType


def import_optional(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module; the error shows how to install it.

    Parameters
    ----------
    module : str
        Name to import, such as ``"torch"``.
    extra : str
        The extra of sklux that installs it.
    purpose : str
        The function that needs the module, as the subject of a sentence.

    Returns
    -------
    types.ModuleType
        The imported module.

    Raises
    ------
    ImportError
        If the module cannot be imported; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the optional package {module!r}, which could not be "
            f"imported ({error}). Install it with: pip install 'sklux[{extra}]'"
        ) from error
