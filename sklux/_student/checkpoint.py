"""Checkpoints: the state of a training after each epoch, in a file.

A fit that was killed does its first steps again, which give the same bits, and goes on
after the last epoch of the file.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from sklux._student.fit_data import ExampleParts
from sklux._utils.messages import as_sentence
from sklux._utils.model_file import read_model, write_model

# The layout of the file; raise it when the training or the layout changes.
CHECKPOINT_VERSION = 1
# Packages that decide about the bits of a training.
PACKAGES = ("sklux", "numpy", "torch")


@dataclass
class TrainingState:
    """Everything that a training needs to go on.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Weights, moments of Adam and state of the random numbers, by name.
    values : dict
        Numbers, as values for JSON.
    """

    arrays: dict[str, np.ndarray]
    values: dict[str, Any]


class Checkpoint:
    """The file of a training.

    Parameters
    ----------
    path : str or path-like
        The file.
    key : str
        Identity of the training, a result of `training_key`.
    """

    def __init__(self, path: str | os.PathLike[str], key: str):
        self.path, self.key = Path(path), key

    def read(self) -> TrainingState | None:
        """Read the state of this training.

        Returns
        -------
        TrainingState or None
            None if there is no file.

        Raises
        ------
        ValueError
            If the file is damaged or belongs to another training.
        """
        if not self.path.exists():
            return None
        try:
            arrays, values = read_model(self.path, mmap_mode=None, verify=True)
        except ValueError as error:
            raise ValueError(
                f"The checkpoint {str(self.path)!r} cannot be read: "
                f"{as_sentence(error)} Delete it, and the fit starts anew."
            ) from error
        if values.get("key") != self.key:
            raise ValueError(
                f"The checkpoint {str(self.path)!r} belongs to another fit: to other "
                "documents, embeddings, parameters or versions. Delete it, and the fit "
                "starts anew; or set checkpoint to another file."
            )
        return TrainingState(arrays, values)

    def write(self, state: TrainingState) -> None:
        """Write the state of this training; an older file is replaced at the end.

        Parameters
        ----------
        state : TrainingState
            The state.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        write_model(self.path, state.arrays, state.values | {"key": self.key})


def training_key(
    examples: ExampleParts, coefs: Iterable[np.ndarray], settings: object
) -> str:
    """Identity of a training: a digest of all that it starts from.

    Parameters
    ----------
    examples : ExampleParts
        Documents and their targets.
    coefs : iterable of ndarray
        Initial weights.
    settings : object
        Settings, with a ``repr`` that tells all.

    Returns
    -------
    str
        Hexadecimal digits.
    """
    digest = blake2b(digest_size=16)
    packages = [(name, version(name)) for name in PACKAGES]
    digest.update(repr((CHECKPOINT_VERSION, packages, settings)).encode())
    for array in [*examples.arrays(), *coefs]:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).ravel().data)
    return digest.hexdigest()


def random_arrays(random_state: np.random.RandomState) -> dict[str, np.ndarray]:
    """State of a generator as arrays.

    Parameters
    ----------
    random_state : RandomState
        The generator.

    Returns
    -------
    dict of str to ndarray
        For `restore_random`.
    """
    _, keys, position, has_gauss, gauss = random_state.get_state()
    return {
        "random.keys": np.asarray(keys),
        "random.counts": np.array([position, has_gauss], dtype=np.int64),
        "random.gauss": np.array([gauss]),
    }


def restore_random(
    random_state: np.random.RandomState, arrays: dict[str, np.ndarray]
) -> None:
    """Set a generator to a state of `random_arrays`.

    Parameters
    ----------
    random_state : RandomState
        The generator.
    arrays : dict of str to ndarray
        The state.
    """
    position, has_gauss = arrays["random.counts"].tolist()
    gauss = float(arrays["random.gauss"][0])
    state = ("MT19937", arrays["random.keys"], position, has_gauss, gauss)
    random_state.set_state(state)
