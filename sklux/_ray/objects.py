"""What all parts of `sklux.distributed` need of Ray."""

from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from sklux._utils.optional import import_optional


class Stored:
    """An object in Ray's object store, which each process gets once.

    Parameters
    ----------
    value : object
        The object.

    Attributes
    ----------
    version : str
        Version of sklux that has stored it.
    """

    def __init__(self, value: object):
        self.reference = imported_ray().put(value)
        self.version = version("sklux")

    def get(self) -> Any:
        """Return the object.

        Returns
        -------
        object
            The object.

        Raises
        ------
        ValueError
            If this process has another version of sklux.
        """
        own = version("sklux")
        if own != self.version:
            raise ValueError(
                f"A worker has sklux {own}, but the program that started the job has "
                f"sklux {self.version}. Install the same version on all nodes."
            )
        return kept(self.reference)


@lru_cache(maxsize=2)
def kept(reference: Any) -> Any:
    """Return an object that the process keeps for its next tasks.

    Parameters
    ----------
    reference : ray.ObjectRef
        Where it is.

    Returns
    -------
    object
        The object.

    Raises
    ------
    ValueError
        If this process cannot make it: a module is missing.
    """
    ray = imported_ray()
    try:
        return ray.get(reference)
    except ray.exceptions.RaySystemError as error:
        # Ray takes this for a fault of the system, and would try forever.
        raise ValueError(
            "A worker cannot read what the program has sent to it: "
            f"{error.__cause__ or error}. Functions of a teacher or a model must come "
            "from packages that all nodes have, or from the program itself."
        ) from error


def check_known_schema(dataset: Any, check: Callable[[Any], object]) -> None:
    """Check the columns now, if Ray has their names without reading the data.

    Parameters
    ----------
    dataset : ray.data.Dataset
        The dataset.
    check : callable
        Takes a pyarrow.Schema, and raises an error if columns are missing.
    """
    schema = dataset.schema(fetch_if_missing=False)
    known = getattr(schema, "base_schema", None)
    # A dataset of pandas tables has a schema of another kind.
    if hasattr(known, "get_all_field_indices"):
        check(known)


def ray_data_module(dataset: object) -> Any:
    """Return the module of Ray's datasets.

    Parameters
    ----------
    dataset : object
        Must be a dataset of Ray.

    Returns
    -------
    module
        ``ray.data``.

    Raises
    ------
    TypeError
        If the object is something else.
    """
    module = import_optional("ray.data", extra="ray", purpose="sklux.distributed")
    if not isinstance(dataset, module.Dataset):
        raise TypeError(
            "dataset must be a ray.data.Dataset, such as ray.data.read_parquet(...). "
            f"Got {type(dataset).__name__} instead."
        )
    return module


def imported_ray() -> Any:
    """Import Ray on first use.

    Returns
    -------
    module
        ``ray``.
    """
    return import_optional("ray", extra="ray", purpose="sklux.distributed")
