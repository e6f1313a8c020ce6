"""Vectors in a folder of parts, as ``sklux embed`` has written them."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sklux._commands.part_files import part_batches
from sklux._commands.part_quantizer import quantizer_from_json
from sklux._commands.parts import COMPLETE, MANIFEST, QUANTIZER
from sklux._commands.vector_files import VECTOR_COLUMN
from sklux._utils.model_file import header_digest
from sklux._utils.similarity import unit_rows


class StoredVectors:
    """The vectors of a folder, batch by batch.

    Parameters
    ----------
    folder : Path
        A folder with a manifest.
    model_path : Path
        The model that has made the vectors.
    keep : sequence of str
        Columns to read with them, among the stored ones; none means all.

    Raises
    ------
    ValueError
        If the manifest cannot be read, parts are missing, another model has made the
        vectors, or a column is not stored.
    """

    def __init__(self, folder: Path, model_path: Path, keep: Sequence[str]):
        self.folder = folder
        path = folder / MANIFEST
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            is_complete, model = manifest[COMPLETE], manifest["model"]
            stored: list[str] = manifest["kept columns"]
            self.format = manifest["format of parts"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"The manifest {path} is damaged: {error!r}.") from error
        if not is_complete:
            raise ValueError(
                f"Parts of {folder} are missing. Run sklux embed with the same "
                "arguments again, which makes them."
            )
        if model != header_digest(model_path):
            raise ValueError(
                f"The vectors in {folder} are of another model than {model_path}, so "
                "their cosines mean nothing. Give the model that has made them."
            )
        for name in keep:
            if name not in stored:
                names = ", ".join(map(repr, stored)) or "none"
                raise ValueError(
                    f"{folder} has no column {name!r} with the vectors. Its columns: "
                    f"{names}. sklux embed stores a column with --keep."
                )
        self.keep = list(keep) or stored
        self.files = sorted(folder.glob(f"part-*.{self.format}"))
        self._decode = _decoder(manifest)

    def __iter__(self) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
        """Yield unit vectors in float32, and the kept columns as Arrow arrays."""
        names = [*self.keep, VECTOR_COLUMN]
        for file in self.files:
            for batch in part_batches(file, self.format, names):
                lists = batch.column(VECTOR_COLUMN)
                numbers = lists.flatten().to_numpy(zero_copy_only=False)
                small = numbers.reshape(batch.num_rows, -1)
                kept = {name: batch.column(name) for name in self.keep}
                yield self._decode(small), kept


def is_stored(path: str) -> bool:
    """Whether a path is a folder of parts.

    Parameters
    ----------
    path : str
        A file, folder or pattern.

    Returns
    -------
    bool
        True if it has a manifest.
    """
    return (Path(path) / MANIFEST).is_file()


def _decoder(manifest: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """A function from stored numbers to unit vectors."""
    if QUANTIZER not in manifest:
        return lambda numbers: numbers.astype(np.float32)
    quantizer = quantizer_from_json(manifest[QUANTIZER])
    return lambda numbers: unit_rows(quantizer.inverse_transform(numbers))
