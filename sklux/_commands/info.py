"""``sklux info``: describe a model."""

from pathlib import Path
from typing import Any

from sklux._commands.console import print_json, show, show_table
from sklux._commands.inputs import load_model
from sklux._student.projection import component_names_of, network_of
from sklux._vectorizer import LuxicalVectorizer


def print_info(model_path: Path, as_json: bool) -> None:
    """Print the facts about a model.

    Parameters
    ----------
    model_path : Path
        The model.
    as_json : bool
        Whether to print a JSON object instead of a table.
    """
    model = load_model(model_path)
    report = model.report_
    facts = model_facts(model, model_path)
    if as_json:
        print_json(facts | {"report": None if report is None else report.as_dict()})
        return
    rows = [
        (name, f"{value:,}" if isinstance(value, int) else str(value))
        for name, value in facts.items()
    ]
    show_table(rows, justify="left")
    if report is not None:
        show(str(report))


def model_facts(model: LuxicalVectorizer, path: Path) -> dict[str, Any]:
    """Facts about a model, by name.

    Parameters
    ----------
    model : LuxicalVectorizer
        The fitted model.
    path : Path
        Its file.

    Returns
    -------
    dict
        Values that JSON can hold.
    """
    projection = model.projection_
    network, names = network_of(projection), component_names_of(projection)
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "features": projection.n_features_in_,
        "width": projection.n_components_,
        "named columns": None if names is None else names.tolist(),
        "layers": [weights.shape[1] for weights in (network.rows, *network.dense)],
        "tied rows": network.tied,
        "weights stored as": str(network.dtype),
        "analyzer": getattr(model.lexical_, "analyzer", None),
        "ngram_range": list(getattr(model.lexical_, "ngram_range", ())),
        "teacher": model.teacher_id_,
        "documents embedded by the teacher": model.n_teacher_documents_,
        "terms embedded by the teacher": model.n_teacher_terms_,
        "epochs": projection.n_iter_,
    }
