"""``sklux explain``: the terms behind a vector, or behind the cosine of two texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklux._commands.console import print_json, printable, show
from sklux._commands.inputs import load_model
from sklux.inspection import explain_embedding, explain_similarity


def print_explanation(
    model_path: Path,
    texts: Sequence[str],
    *,
    dimension: str | None = None,
    as_json: bool,
) -> None:
    """Print which terms make a vector, or make two texts alike.

    Parameters
    ----------
    model_path : Path
        The model.
    texts : sequence of str
        One or two texts.
    dimension : str or None, default=None
        Name of an output column, which is explained in place of the whole vector of one
        text.
    as_json : bool
        Whether to print a JSON object.

    Raises
    ------
    ValueError
        If there are more than two texts, or two with a dimension; or if the model has
        no names of terms, or no such dimension.
    """
    if len(texts) > 2:
        raise ValueError(
            f"sklux explain takes one or two texts. Got {len(texts)}. Put quotes "
            "around a text of several words."
        )
    if dimension is not None and len(texts) != 1:
        raise ValueError(
            f"--dimension explains a column of the vector of one text. Got {len(texts)}"
            " texts."
        )
    model = load_model(model_path)
    if len(texts) == 1:
        one = explain_embedding(model, texts[0], dimension=dimension)
        if as_json:
            value = {} if dimension is None else {"value": one.value}
            print_json({**value, "terms": _terms(one)})
            return
        _show(str(one))
        return
    both = explain_similarity(model, *texts)
    if as_json:
        parts = {"first": _terms(both.first), "second": _terms(both.second)}
        print_json({"cosine": both.cosine, **parts})
        return
    _show(str(both))


def _terms(explained: Any) -> list[dict[str, Any]]:
    """The terms of a text with their shares, the largest first."""
    columns = explained.terms, explained.kinds, explained.shares.tolist()
    rows = [dict(zip(("term", "kind", "share"), row)) for row in zip(*columns)]
    return sorted(rows, key=lambda row: -abs(row["share"]))


def _show(text: str) -> None:
    """Print lines; a term may hold characters that act on a terminal."""
    for line in text.splitlines():
        show(printable(line))
