"""The form of a network in a model file."""

from dataclasses import replace
from typing import Any

import numpy as np

from sklux._student.network import WEIGHT_DTYPES, Network, check_finite
from sklux._student.projection import ReLUProjection, adopt_student, network_of
from sklux._student.report import FitReport
from sklux._student.trained import TrainedStudent
from sklux._utils.memory import is_mapped
from sklux._utils.model_file import json_params

# Tensors that a network may have besides its layers, named as in `Network`.
OPTIONAL = ("scales", "places")


def projection_params(projection: ReLUProjection) -> dict[str, Any]:
    """Parameters of a network, as JSON can hold them.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted or not.

    Returns
    -------
    dict
        Parameters by name.

    Raises
    ------
    TypeError
        If a parameter or the class cannot be held; the message names it.
    """
    if type(projection) is not ReLUProjection:
        raise TypeError(
            f"save cannot hold a projection of class {type(projection).__name__}, only "
            "ReLUProjection. Use joblib.dump for this model."
        )
    params = projection.get_params(deep=False)
    if not isinstance(params["loss"], str):
        params["loss"] = {
            name: float(weight) for name, weight in params["loss"].items()
        }
    params["hidden_layer_sizes"] = [int(size) for size in params["hidden_layer_sizes"]]
    return json_params(type(projection).__name__, params)


def projection_from_params(params: dict[str, Any]) -> ReLUProjection:
    """Return an unfitted network from what `projection_params` wrote.

    Parameters
    ----------
    params : dict
        Parameters by name.

    Returns
    -------
    ReLUProjection
        The network.
    """
    sizes = tuple(params["hidden_layer_sizes"])
    return ReLUProjection(**(params | {"hidden_layer_sizes": sizes}))


def projection_state(projection: ReLUProjection) -> dict[str, Any]:
    """What a fitted network has besides its arrays.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted.

    Returns
    -------
    dict
        What JSON can hold.
    """
    return {
        "params": projection_params(projection),
        "n_layers": 1 + len(network_of(projection).dense),
        "loss_curve": projection.loss_curve_,
        "validation_scores": projection.validation_scores_,
        "n_taught": projection.n_teacher_documents_,
        "report": None if projection.report_ is None else projection.report_.as_dict(),
        "has_teacher_components": projection.teacher_components_ is not None,
        "has_places": network_of(projection).places is not None,
    }


def projection_tensors(projection: ReLUProjection) -> dict[str, np.ndarray]:
    """Arrays of a fitted network.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted.

    Returns
    -------
    dict of str to ndarray
        ``coefs.0``, ``coefs.1``, ..., the first as it is stored; ``scales`` and
        ``places`` where it has them; ``teacher_components``, unless the network has
        none.

    Raises
    ------
    ValueError
        If a weight is not finite.
    """
    network = network_of(projection)
    tensors = {"coefs.0": network.rows}
    for layer, weights in enumerate(network.dense, start=1):
        tensors[f"coefs.{layer}"] = weights
    for name in OPTIONAL:
        if getattr(network, name) is not None:
            tensors[name] = getattr(network, name)
    if projection.teacher_components_ is not None:
        tensors["teacher_components"] = projection.teacher_components_
    for name, array in tensors.items():
        check_finite(name, array)
    return tensors


def restore_projection(
    state: dict[str, Any], tensors: dict[str, np.ndarray], verify: bool = True
) -> ReLUProjection:
    """Return a fitted network.

    Parameters
    ----------
    state : dict
        As `projection_state` gives it.
    tensors : dict of str to ndarray
        As `projection_tensors` gives them.
    verify : bool, default=True
        Whether the first layer is read, where it stays in a file, to see that it is
        finite.

    Returns
    -------
    ReLUProjection
        Fitted.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or what is known of the fit is of another
        kind.
    """
    projection = projection_from_params(state["params"])
    coefs = [tensors[f"coefs.{layer}"] for layer in range(state["n_layers"])]
    components = None
    # Files of the first version say nothing of it, and have it.
    if state.get("has_teacher_components", True):
        components = tensors["teacher_components"]
    first, dense = coefs[0], tuple(coefs[1:])
    width = len(first)
    for weights in coefs:
        dtypes = WEIGHT_DTYPES if weights is first else ("float32",)
        _check_weights("layers", weights, width, dtypes)
        width = weights.shape[1]
    if components is not None:
        _check_weights("teacher directions", components, width, ("float32",))
    parts = {name: tensors.get(name) for name in OPTIONAL}
    if state.get("has_places", False) != (parts["places"] is not None):
        raise ValueError(
            "The model's first layer is damaged: the places of its rows are missing, "
            "or are there and should not be."
        )
    _check_parts(first, **parts)
    for name, array in tensors.items():
        is_weight = name.startswith("coefs.") or name in OPTIONAL
        if is_weight and (verify or name != "coefs.0" or not is_mapped(array)):
            check_finite(name, array)
    student = TrainedStudent(Network(first, dense, **parts), components)
    adopt_student(projection, replace(student, **_history(state)))
    return projection


def _history(state: dict[str, Any]) -> dict[str, Any]:
    """What is known of the fit; files of older versions know less."""
    report = state.get("report")
    return {
        # The name in the file is older than the attribute's.
        "n_teacher_documents": checked_count(state.get("n_taught", 0), "documents"),
        "loss_curve": state["loss_curve"],
        "validation_scores": state["validation_scores"],
        "report": None if report is None else FitReport.from_dict(report),
    }


def _check_weights(
    name: str, weights: np.ndarray, n_rows: int, dtypes: tuple[str, ...]
) -> None:
    """Refuse a matrix that does not follow a layer of the given width."""
    if weights.dtype.name not in dtypes or weights.ndim != 2 or len(weights) != n_rows:
        raise ValueError(
            f"The model's {name} do not fit together: shape {weights.shape} and dtype "
            f"{weights.dtype} after a layer of width {n_rows}."
        )


def _check_parts(
    first: np.ndarray, scales: np.ndarray | None, places: np.ndarray | None
) -> None:
    """Refuse rows that lead outside of the first layer, or lack their factors."""
    shape = (len(first),)
    if (scales is not None) != (first.dtype == np.int8) or (
        scales is not None and (scales.shape != shape or scales.dtype != np.float32)
    ):
        raise ValueError(
            "The model's first layer is damaged: its int8 rows need a float32 factor "
            "each, and rows of another type have none."
        )
    if places is not None and (
        places.shape != shape
        or places.dtype != np.uint32
        or places.max(initial=0) >= max(len(first), 1)
    ):
        raise ValueError(
            "The model's first layer is damaged: the places of its rows lead outside."
        )


def checked_count(count: object, noun: str) -> int:
    """Return a number of things with a teacher embedding, as a file holds it.

    Parameters
    ----------
    count : object
        The number.
    noun : str
        Name of these things in the message.

    Returns
    -------
    int
        The same.

    Raises
    ------
    ValueError
        If it is no int, or less than 0.
    """
    if type(count) is not int or count < 0:
        raise ValueError(
            f"The model's number of {noun} with a teacher embedding must be an int, 0 "
            f"or more. Got {count!r} instead."
        )
    return count
