"""Projections in model files: their state, their arrays, and back.

The files themselves, with all their parts, are tested in test_saving.py and
test_quantize.py.
"""

import json

import numpy as np
import pytest
import reference
from models import random_projection, random_weights

from sklux import ReLUProjection
from sklux._student.network import Network
from sklux._student.projection import adopt_student, network_of, with_network
from sklux._student.report import FitReport
from sklux._student.saved import (
    checked_count,
    projection_from_params,
    projection_params,
    projection_state,
    projection_tensors,
    restore_projection,
)
from sklux._student.trained import TrainedStudent

N_FEATURES = 30
FITTED = [
    "n_components_",
    "n_features_in_",
    "n_teacher_documents_",
    "loss_curve_",
    "validation_scores_",
    "n_iter_",
    "report_",
]


def fitted(dtype="float32", **options):
    """A fitted projection with random weights and a history."""
    projection = random_projection(N_FEATURES, (12, 5), **options)
    if dtype != "float32":
        projection = with_network(projection, network_of(projection).quantized(dtype))
    projection.n_teacher_documents_ = 7
    projection.loss_curve_, projection.validation_scores_ = [0.5, 0.25], [0.1, 0.2]
    projection.n_iter_ = 2
    projection.report_ = FitReport(6, 5, held_out=True)
    return projection


def restored(projection, **changes):
    """The projection after its state has passed through JSON."""
    state = json.loads(json.dumps(projection_state(projection))) | changes
    return restore_projection(state, projection_tensors(projection))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"hidden_layer_sizes": (20, 9), "loss": "similarity_kl", "random_state": 3},
        {"hidden_layer_sizes": np.array([4, 2]), "loss": {"cosine": np.float32(0.5)}},
        {"hidden_layer_sizes": np.int64(8)},
    ],
    ids=["defaults", "plain", "numpy", "int"],
)
def test_saved_parameters_pass_through_json(params):
    projection = ReLUProjection(**params)
    state = json.loads(json.dumps(projection_params(projection)))
    found = projection_from_params(state)
    expected = projection.get_params()
    if not isinstance(expected["hidden_layer_sizes"], (np.integer, str)):
        expected["hidden_layer_sizes"] = tuple(expected["hidden_layer_sizes"])
    assert found.get_params() == expected


def test_saved_parameters_of_a_subclass_are_refused():
    class Subclass(ReLUProjection):
        pass

    with pytest.raises(
        TypeError, match="class Subclass, only ReLUProjection. Use jobl"
    ):
        projection_params(Subclass())


def test_saved_parameters_that_json_cannot_hold_are_refused():
    projection = ReLUProjection(random_state=np.random.RandomState(0))
    with pytest.raises(TypeError, match="random_state"):
        projection_params(projection)


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_saved_projection_is_restored(dtype, in_order):
    projection = fitted(dtype, in_order=in_order)
    found = restored(projection)
    for name in FITTED:
        assert getattr(found, name) == getattr(projection, name)
    assert network_of(found).dtype == dtype
    X = np.random.RandomState(0).random_sample((9, N_FEATURES))
    reference.assert_same_bits(found.transform(X), projection.transform(X))
    reference.assert_same_bits(
        found.teacher_components_, projection.teacher_components_
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_saved_projection_of_a_version_without_the_type(dtype):
    """The stored weights tell the type."""
    projection = fitted(dtype)
    params = projection_params(projection)
    assert params.pop("weights_dtype") == dtype
    found = restored(projection, params=params)
    assert found.weights_dtype == network_of(found).dtype == dtype
    assert projection_from_params(params).weights_dtype == "float32"


def test_saved_projection_without_teacher_components_and_report():
    projection = fitted()
    projection.teacher_components_ = projection.report_ = None
    assert "teacher_components" not in projection_tensors(projection)
    found = restored(projection)
    assert found.teacher_components_ is found.report_ is None


def test_saved_state_of_the_first_version_is_restored():
    """It has no number of teacher documents, no report and no places."""
    projection = fitted(in_order=True)
    state = projection_state(projection)
    for name in ("n_taught", "report", "has_teacher_components", "has_places"):
        del state[name]
    found = restore_projection(state, projection_tensors(projection))
    assert found.n_teacher_documents_ == 0
    assert found.report_ is None
    assert found.loss_curve_ == [0.5, 0.25]


@pytest.mark.parametrize("name", ["coefs.0", "coefs.1", "teacher_components"])
def test_saved_arrays_that_are_not_finite_are_refused(name):
    projection = fitted(in_order=True)
    tensors = {
        key: array.copy() for key, array in projection_tensors(projection).items()
    }
    tensors[name][2, 1] = np.nan
    if name == "teacher_components":
        projection.teacher_components_ = tensors[name]
        with pytest.raises(ValueError, match=f"weights '{name}' are not finite"):
            projection_tensors(projection)
        return
    with pytest.raises(ValueError, match=f"weights '{name}' are not finite"):
        restore_projection(projection_state(projection), tensors)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("coefs.1", lambda array: array[:-1], "model's layers do not fit together"),
        ("coefs.1", lambda array: array.astype("f8"), "layers do not fit together"),
        ("coefs.0", lambda array: array.astype("f8"), "layers do not fit together"),
        (
            "teacher_components",
            lambda array: array[:-1],
            "teacher directions do not fit",
        ),
        ("places", lambda array: array[:-1], "places of its rows lead outside"),
        (
            "places",
            lambda array: array + np.uint32(1),
            "places of its rows lead outside",
        ),
        (
            "coefs.0",
            lambda array: array.astype("i1"),
            "int8 rows need a float32 factor",
        ),
    ],
)
def test_saved_arrays_that_do_not_fit_together_are_refused(name, change, message):
    projection = fitted()
    tensors = projection_tensors(projection)
    with pytest.raises(ValueError, match=message):
        restore_projection(
            projection_state(projection), tensors | {name: change(tensors[name])}
        )


def tied(n_units=5, n_components=5, rank=None):
    """A fitted projection with tied rows, with random weights."""
    widths = (n_units, n_components) if rank is None else (n_units, rank, n_components)
    coefs = random_weights((N_FEATURES, *widths))
    projection = ReLUProjection(n_components, weights_dtype="float32")
    adopt_student(projection, TrainedStudent(Network.of(coefs, tied=True)))
    return projection


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("n_components", [5, 3])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_saved_tied_rows_are_restored(dtype, n_components, rank):
    projection = tied(5, n_components, rank)
    projection = with_network(projection, network_of(projection).quantized(dtype))
    assert projection_state(projection)["tied"] is True
    found = restored(projection)
    assert network_of(found).tied
    assert found.hidden_layer_sizes == "tied"
    X = np.random.RandomState(0).random_sample((9, N_FEATURES))
    reference.assert_same_bits(found.transform(X), projection.transform(X))


def test_saved_state_without_an_entry_for_ties_is_restored():
    """Files of format version 2 lack it; their rows are not tied."""
    projection = random_projection(N_FEATURES, (5, 5))
    state = projection_state(projection)
    assert state.pop("tied") is False
    found = restore_projection(state, projection_tensors(projection))
    assert not network_of(found).tied
    X = np.random.RandomState(0).random_sample((9, N_FEATURES))
    reference.assert_same_bits(found.transform(X), projection.transform(X))


@pytest.mark.parametrize("sizes", [(5,), (5, 5, 5, 5), (4, 5), (4, 3, 5)])
def test_saved_tied_rows_need_two_or_three_layers(sizes):
    """The last must not be wider than the first."""
    projection = random_projection(N_FEATURES, sizes)
    with pytest.raises(ValueError, match="layers do not fit together: .* tied rows"):
        restored(projection, tied=True)


@pytest.mark.parametrize("value", [None, 1, "tied", []])
def test_saved_entry_for_ties_is_true_or_false(value):
    with pytest.raises(ValueError, match="entry 'tied' must be true or false. Got"):
        restored(tied(), tied=value)


def test_saved_files_without_labels_say_nothing_of_them():
    """They are the files of versions without labels, which can read them."""
    state = projection_state(fitted())
    assert "label_weight" not in state
    assert "label_weight" not in state["params"]
    found = restored(fitted())
    assert found.label_weight == found.label_weight_ == 0


@pytest.mark.parametrize("weight", [0.5, "auto"])
def test_saved_weight_of_labels(weight):
    projection = fitted().set_params(label_weight=weight)
    projection.label_weight_ = 0.5
    found = restored(projection)
    assert found.label_weight == weight
    assert found.label_weight_ == 0.5


@pytest.mark.parametrize("weight", [None, True, "auto", -1, 1e4, float("nan")], ids=str)
def test_saved_weight_of_labels_is_a_number(weight):
    with pytest.raises(ValueError, match="'label_weight' must be a number from 0 to"):
        restored(fitted(), label_weight=weight)


@pytest.mark.parametrize("in_order", [False, True])
def test_saved_places_must_agree_with_the_state(in_order):
    with pytest.raises(ValueError, match="must have the places of its rows if, and"):
        restored(fitted(in_order=in_order), has_places=in_order)


def test_saved_report_with_missing_numbers_is_refused():
    with pytest.raises(ValueError, match="The fit report lacks 'n_components'"):
        restored(fitted(), report={"n_documents": 3})


@pytest.mark.parametrize("count", [0, 3, 10**9])
def test_checked_count_returns_the_number(count):
    assert checked_count(count, "terms") == count


@pytest.mark.parametrize("count", [None, -1, 2.0, True, "3"])
def test_checked_count_refuses_other_values(count):
    with pytest.raises(
        ValueError,
        match=f"number of terms must be an int, 0 or more. Got {count!r} instead",
    ):
        checked_count(count, "terms")


def test_saved_names_of_components():
    projection = fitted()
    assert "component_names" not in projection_state(projection)
    assert restored(projection).component_names_ is None
    names = ["price", "\ud800 na\u00efve", "", "a", "a"]
    projection.component_names_ = np.array(names, dtype=object)
    projection.teacher_components_ = np.eye(5, dtype=np.float32)
    found = restored(projection)
    assert found.component_names_.tolist() == names
    assert found.get_feature_names_out().dtype == object


@pytest.mark.parametrize("names", [["a"] * 4, ["a"] * 4 + [1], "names", {}])
def test_saved_names_that_are_damaged(names):
    with pytest.raises(ValueError, match="'component_names' is damaged: .* 5 output"):
        restored(fitted(), component_names=names)
