"""The quantizer of a folder of parts: fitted on a sample, kept in the manifest."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from sklux._commands.document_files import DocumentFile
from sklux._commands.row_groups import (
    DamagedRows,
    row_group_batches,
    row_group_sizes,
)
from sklux._quantizer import ScalarQuantizer
from sklux._vectorizer import LuxicalVectorizer

# Documents of the sample, and the places in the inputs that they come from.
SAMPLE_ROWS, SAMPLE_PLACES = 20_000, 20
# Fitted attributes of a quantizer, as far as it has them.
ATTRIBUTES = ("scale_", "thresholds_", "levels_")


def fit_quantizer(
    precision: str, model: LuxicalVectorizer, files: Sequence[DocumentFile]
) -> ScalarQuantizer | None:
    """Fit a quantizer on the vectors of a sample of documents.

    The sample has the first documents of places at equal distances: row groups of
    Parquet files, and beginnings of other files. The same inputs give the same sample.

    Parameters
    ----------
    precision : {'int8', 'ubinary'}
        As in `ScalarQuantizer`.
    model : LuxicalVectorizer
        Makes the vectors.
    files : sequence of DocumentFile
        The inputs.

    Returns
    -------
    ScalarQuantizer or None
        Fitted. None if no document could be read.
    """
    texts = list(_sample(files))
    if not texts:
        return None
    # `set_output` may have asked for a table.
    vectors = np.asarray(model.transform(texts), dtype=np.float32)
    # The zero vectors of unknown texts say nothing about the others.
    is_known = vectors.any(axis=1)
    quantizer = ScalarQuantizer(precision)  # type: ignore[arg-type]
    return quantizer.fit(vectors[is_known] if is_known.any() else vectors)


def _sample(files: Sequence[DocumentFile]) -> Iterator[str]:
    """Texts from places at equal distances."""
    files = [file for file in files if file.format == "parquet" or not file.is_empty]
    chosen = evenly(files, SAMPLE_PLACES)
    places: list[tuple[DocumentFile, int | None]] = []
    for file in chosen:
        if file.format != "parquet":
            places.append((file, None))
            continue
        sizes = row_group_sizes(file)
        groups = [group for group, size in enumerate(sizes) if size]
        wanted = evenly(groups, max(1, SAMPLE_PLACES // len(chosen)))
        places += [(file, group) for group in wanted]
    for file, group in places:
        yield from islice(_texts(file, group), SAMPLE_ROWS // len(places))


def evenly(items: Sequence[Any], n: int) -> list[Any]:
    """Choose items at equal distances, the first among them.

    Parameters
    ----------
    items : sequence
        The items.
    n : int
        Maximum number.

    Returns
    -------
    list
        The chosen items, in order.
    """
    n = min(n, len(items))
    return [items[i * len(items) // n] for i in range(n)]


def _texts(file: DocumentFile, group: int | None) -> Iterator[str]:
    """Texts of a file or of one of its row groups; empty if they are missing."""
    if group is None:
        for row in file.rows():
            yield row[0] or ""
        return
    for _, batch in row_group_batches(file, [group], 1000, _ignore_damage):
        for text in batch.column(file.column).to_pylist():
            yield text or ""


def _ignore_damage(rows: DamagedRows) -> None:
    """Leave rows out of the sample; the run, which reads the same rows, reports it."""


def quantizer_as_json(quantizer: ScalarQuantizer) -> dict[str, Any]:
    """Return a fitted quantizer in the form of the manifest.

    Parameters
    ----------
    quantizer : ScalarQuantizer
        Fitted.

    Returns
    -------
    dict
        Its precision, the width of the vectors, and its fitted attributes without the
        underscore: numbers and lists.
    """
    facts: dict[str, Any] = {
        "precision": quantizer.precision,
        "width": quantizer.n_features_in_,
    }
    for name in ATTRIBUTES:
        if name in vars(quantizer):
            facts[name.rstrip("_")] = np.asarray(getattr(quantizer, name)).tolist()
    return facts


def quantizer_from_json(facts: dict[str, Any]) -> ScalarQuantizer:
    """Return the quantizer of a manifest.

    Parameters
    ----------
    facts : dict
        From `quantizer_as_json`.

    Returns
    -------
    ScalarQuantizer
        The same quantizer, bit by bit.
    """
    quantizer = ScalarQuantizer(facts["precision"])
    quantizer.n_features_in_ = facts["width"]
    for name in ATTRIBUTES:
        value = facts.get(name.rstrip("_"))
        if value is not None:
            is_number = isinstance(value, float)
            value = value if is_number else np.array(value, dtype=np.float32)
            setattr(quantizer, name, value)
    return quantizer
