"""Projections in model files: their state, their arrays, and back."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from sklux._student.network import WEIGHT_DTYPES, Network, check_finite, fits_ties
from sklux._student.projection import (
    MAX_LABEL_WEIGHT,
    ReLUProjection,
    adopt_student,
    component_names_of,
    network_of,
    student_of,
)
from sklux._student.report import FitReport
from sklux._student.trained import TrainedStudent
from sklux._utils.memory import is_mapped
from sklux._utils.model_file import json_params

# Tensors that a network may have in addition to its layers, named as in `Network`.
OPTIONAL = ("scales", "places")
# Units of a layer. An array with no rows could claim any number of columns.
MAX_WIDTH = 2**20


def projection_params(projection: ReLUProjection) -> dict[str, Any]:
    """Parameters of a projection, as values for JSON.

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
        If JSON cannot hold a parameter, or the object is of a subclass.
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
    # A path of this machine.
    params["checkpoint"] = None
    # Files without labels are the files of versions without this parameter.
    if params["label_weight"] == 0:
        del params["label_weight"]
    sizes = params["hidden_layer_sizes"]
    if isinstance(sizes, Iterable) and not isinstance(sizes, str):
        params["hidden_layer_sizes"] = [int(size) for size in sizes]
    return json_params(type(projection).__name__, params)


def projection_from_params(params: dict[str, Any]) -> ReLUProjection:
    """Return an unfitted projection with the parameters of `projection_params`.

    Parameters
    ----------
    params : dict
        Parameters by name.

    Returns
    -------
    ReLUProjection
        The projection.

    Raises
    ------
    ValueError
        If a parameter has a value that is not allowed.
    """
    sizes = params["hidden_layer_sizes"]
    if isinstance(sizes, list):
        params = params | {"hidden_layer_sizes": tuple(sizes)}
        if not all(type(size) is int and 0 < size <= MAX_WIDTH for size in sizes):
            raise ValueError(
                f"The model's parameter hidden_layer_sizes={str(sizes)[:80]} must hold "
                f"ints from 1 to {MAX_WIDTH}. Save the model again."
            )
    # Versions without this parameter stored float32.
    projection = ReLUProjection(**{"weights_dtype": "float32"} | params)
    if projection.checkpoint is not None:
        raise ValueError(
            f"The model's parameter checkpoint={str(projection.checkpoint)[:80]} is "
            "refused: save writes no path, so that a file cannot choose where the "
            "next fit writes. Save the model again."
        )
    # The constraints of the class, which `fit` checks, too.
    projection._validate_params()
    return projection


def is_projection_tensor(name: str, n_layers: int) -> bool:
    """Whether a projection may have a tensor of this name.

    Parameters
    ----------
    name : str
        Name of a tensor in a file.
    n_layers : int
        Number of layers.

    Returns
    -------
    bool
        True for the names of `projection_tensors`.
    """
    if name.startswith("coefs."):
        return name in (f"coefs.{layer}" for layer in range(n_layers))
    return name in (*OPTIONAL, "teacher_components", "squares")


def projection_state(projection: ReLUProjection) -> dict[str, Any]:
    """State of a fitted projection without its arrays.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted.

    Returns
    -------
    dict
        Values for JSON.
    """
    names = component_names_of(projection)
    # Files without names and labels are as versions before them wrote them.
    named = {} if names is None else {"component_names": names.tolist()}
    weight = student_of(projection).label_weight
    labelled = {"label_weight": weight} if weight else {}
    return {
        "params": projection_params(projection),
        "n_layers": 1 + len(network_of(projection).dense),
        "loss_curve": projection.loss_curve_,
        "validation_scores": projection.validation_scores_,
        "n_taught": projection.n_teacher_documents_,
        "n_samples_seen": student_of(projection).n_samples_seen,
        "report": None if projection.report_ is None else projection.report_.as_dict(),
        "has_teacher_components": projection.teacher_components_ is not None,
        "has_places": network_of(projection).places is not None,
        "tied": network_of(projection).tied,
        **named,
        **labelled,
    }


def projection_tensors(projection: ReLUProjection) -> dict[str, np.ndarray]:
    """Arrays of a fitted projection.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted.

    Returns
    -------
    dict of str to ndarray
        ``coefs.0``, ``coefs.1``, ..., with the first layer in its stored form; and
        ``scales``, ``places``, ``teacher_components`` and ``squares`` if they are not
        None.

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
    student = student_of(projection)
    if student.teacher_components is not None:
        tensors["teacher_components"] = student.teacher_components
    if student.squares is not None:
        tensors["squares"] = student.squares
    for name, array in tensors.items():
        check_finite(name, array)
    return tensors


def restore_projection(
    state: dict[str, Any], tensors: dict[str, np.ndarray], verify: bool = True
) -> ReLUProjection:
    """Return the fitted projection with this state and these arrays.

    Parameters
    ----------
    state : dict
        The result of `projection_state`.
    tensors : dict of str to ndarray
        The result of `projection_tensors`.
    verify : bool, default=True
        Whether to check that a memory-mapped first layer is finite. The check reads the
        whole layer.

    Returns
    -------
    ReLUProjection
        Fitted.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or a value of the state is wrong.
    """
    # Files of versions without the parameter lack it: the weights tell the type.
    stored = {"weights_dtype": tensors["coefs.0"].dtype.name}
    projection = projection_from_params(stored | state["params"])
    coefs = [tensors[f"coefs.{layer}"] for layer in range(state["n_layers"])]
    components = None
    # Files of the first version lack the key, and have the array.
    if state.get("has_teacher_components", True):
        components = tensors["teacher_components"]
    first, dense = coefs[0], tuple(coefs[1:])
    width = len(first)
    for weights in coefs:
        dtypes = WEIGHT_DTYPES if weights is first else ("float32",)
        _check_weights("layers", weights, width, dtypes)
        width = weights.shape[1]
    tied = _checked_tied(state.get("tied", False), [w.shape[1] for w in coefs])
    if components is not None:
        _check_weights("teacher directions", components, width, ("float32",))
    parts = {name: tensors.get(name) for name in OPTIONAL}
    if state.get("has_places", False) != (parts["places"] is not None):
        raise ValueError(
            "The model's first layer is damaged: the file must have the places of its "
            "rows if, and only if, its header lists them. Save the model again."
        )
    _check_parts(first, **parts)
    for name, array in tensors.items():
        is_weight = name.startswith("coefs.") or name in OPTIONAL
        if is_weight and (verify or name != "coefs.0" or not is_mapped(array)):
            check_finite(name, array)
    network = Network(first, dense, **parts, tied=tied)
    squares = _checked_squares(tensors.get("squares"), network.n_rows, verify)
    names = _checked_names(state.get("component_names"), network.n_components)
    student = TrainedStudent(
        network, components, squares=squares, component_names=names
    )
    adopt_student(projection, replace(student, **_history(state)))
    return projection


def _history(state: dict[str, Any]) -> dict[str, Any]:
    """Values about the fit. Files of older versions have fewer of them."""
    report = state.get("report")
    return {
        # The file format keeps an older name.
        "n_teacher_documents": checked_count(
            state.get("n_taught", 0), "documents with a teacher embedding"
        ),
        "loss_curve": _checked_numbers("loss_curve", state["loss_curve"]),
        "validation_scores": _checked_numbers(
            "validation_scores", state["validation_scores"]
        ),
        "report": None if report is None else FitReport.from_dict(report),
        "n_samples_seen": checked_count(state.get("n_samples_seen", 0), "documents"),
        "label_weight": _checked_weight(state.get("label_weight", 0.0)),
    }


def _checked_numbers(name: str, numbers: Any) -> list[float] | None:
    """Numbers of the training, one for each epoch; None without a training."""
    if numbers is None or (
        isinstance(numbers, list)
        and all(type(number) in (int, float) for number in numbers)
    ):
        return numbers
    raise ValueError(
        f"The model's entry {name!r} must be a list of numbers. Save the model again."
    )


def _checked_weight(weight: Any) -> float:
    """The weight of the class labels; files of models without labels have none."""
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not is_number or not 0 <= weight <= MAX_LABEL_WEIGHT:
        raise ValueError(
            f"The model's 'label_weight' must be a number from 0 to "
            f"{MAX_LABEL_WEIGHT:g}. Got {weight!r} instead. Save the model again."
        )
    return float(weight)


def _checked_squares(
    squares: np.ndarray | None, n_rows: int, verify: bool
) -> np.ndarray | None:
    """Sums of squares for `partial_fit`; files of older versions have none."""
    if squares is None:
        return None
    is_read = verify or not is_mapped(squares)
    if (
        squares.shape != (n_rows,)
        or squares.dtype != np.float32
        or (is_read and not (np.isfinite(squares) & (squares >= 0)).all())
    ):
        raise ValueError(
            "The model's 'squares' are damaged: there must be a finite float32 number, "
            "0 or more, for each row. Save the model again."
        )
    return squares


def _checked_names(names: object, n_components: int) -> np.ndarray | None:
    """Names of the output columns, one for each of them; most files have none."""
    if names is None:
        return None
    if (
        not isinstance(names, list)
        or len(names) != n_components
        or not all(isinstance(name, str) for name in names)
    ):
        raise ValueError(
            "The model's entry 'component_names' is damaged: there must be a name for "
            f"each of the {n_components} output columns. Save the model again."
        )
    return np.array(names, dtype=object)


def _check_weights(
    name: str, weights: np.ndarray, n_rows: int, dtypes: tuple[str, ...]
) -> None:
    """Refuse a matrix that cannot follow a layer of this width."""
    if (
        weights.dtype.name not in dtypes
        or weights.ndim != 2
        or len(weights) != n_rows
        or not 0 < weights.shape[1] <= MAX_WIDTH
    ):
        raise ValueError(
            f"The model's {name} do not fit together: shape {weights.shape} and dtype "
            f"{weights.dtype} after a layer of width {n_rows}. Widths are from 1 to "
            f"{MAX_WIDTH}."
        )


def _checked_tied(tied: object, widths: list[int]) -> bool:
    """Whether the rows are tied, which limits the number of layers and their widths."""
    if not isinstance(tied, bool):
        raise ValueError(
            f"The model's entry 'tied' must be true or false. Got {tied!r} instead. "
            "Save the model again."
        )
    if tied and not fits_ties(widths):
        raise ValueError(
            "The model's layers do not fit together: a network with tied rows has two "
            f"or three, the last not wider than the first. Got widths {widths}."
        )
    return tied


def _check_parts(
    first: np.ndarray, scales: np.ndarray | None, places: np.ndarray | None
) -> None:
    """Refuse places outside of the first layer, and int8 rows without factors."""
    if (scales is not None) != (first.dtype == np.int8) or (
        scales is not None
        and (scales.shape != (len(first),) or scales.dtype != np.float32)
    ):
        raise ValueError(
            "The model's first layer is damaged: its int8 rows need a float32 factor "
            "each, and rows of another type have none."
        )
    # There are more places than rows if features share a row.
    if places is not None and (
        places.ndim != 1
        or len(places) < len(first)
        or places.dtype != np.uint32
        or places.max(initial=0) >= max(len(first), 1)
    ):
        raise ValueError(
            "The model's first layer is damaged: the places of its rows lead outside."
        )


def checked_count(count: object, noun: str) -> int:
    """Check a number of documents or terms.

    Parameters
    ----------
    count : object
        The number in the file.
    noun : str
        What the number counts, for the message.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If the number is not an int, or is less than 0.
    """
    if type(count) is not int or count < 0:
        raise ValueError(
            f"The model's number of {noun} must be an int, 0 or more. Got {count!r} "
            "instead."
        )
    return count
