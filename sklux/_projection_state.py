"""The form of a network in a model file."""

from typing import Any

import numpy as np

from sklux._persistence import json_params
from sklux._projection import ReLUProjection


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
        "n_layers": len(projection.coefs_),
        "loss_curve": projection.loss_curve_,
        "validation_scores": projection.validation_scores_,
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
        ``teacher_components`` and ``coefs.0``, ``coefs.1``, ...
    """
    tensors = {"teacher_components": projection.teacher_components_}
    for layer, weights in enumerate(projection.coefs_):
        tensors[f"coefs.{layer}"] = weights
    return tensors


def restore_projection(
    state: dict[str, Any], tensors: dict[str, np.ndarray]
) -> ReLUProjection:
    """Return a fitted network.

    Parameters
    ----------
    state : dict
        As `projection_state` gives it.
    tensors : dict of str to ndarray
        As `projection_tensors` gives them.

    Returns
    -------
    ReLUProjection
        Fitted.

    Raises
    ------
    ValueError
        If the arrays do not fit together.
    """
    projection = projection_from_params(state["params"])
    coefs = [tensors[f"coefs.{layer}"] for layer in range(state["n_layers"])]
    components = tensors["teacher_components"]
    n_features = width = coefs[0].shape[0]
    for weights in coefs:
        _check_weights("layers", weights, width)
        width = weights.shape[1]
    _check_weights("teacher directions", components, width)
    projection.coefs_ = coefs
    projection.teacher_components_ = components
    projection.n_components_ = width
    projection.n_features_in_ = n_features
    projection.loss_curve_ = state["loss_curve"]
    projection.validation_scores_ = state["validation_scores"]
    projection.n_iter_ = len(state["loss_curve"])
    return projection


def _check_weights(name: str, weights: np.ndarray, n_rows: int) -> None:
    """Refuse a matrix that does not follow a layer of the given width."""
    if weights.dtype != np.float32 or weights.ndim != 2 or len(weights) != n_rows:
        raise ValueError(
            f"The model's {name} do not fit together: shape {weights.shape} and dtype "
            f"{weights.dtype} after a layer of width {n_rows}."
        )
