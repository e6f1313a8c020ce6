"""The result of a fit as attributes of the estimator."""

import numpy as np
import pytest
from models import random_weights

from sklux import ReLUProjection
from sklux._student.network import Network
from sklux._student.projection import adopt_student
from sklux._student.report import FitReport
from sklux._student.trained import TrainedStudent


def test_trained_student_attributes():
    network = Network.of(random_weights((9, 5, 3)))
    components, report = np.eye(3, dtype=np.float32), FitReport(7, 3, held_out=True)
    squares, names = np.ones(9, dtype=np.float32), np.array(list("abc"), dtype=object)
    student = TrainedStudent(
        *(network, components, 20, [0.5, 0.25], [0.1, 0.2], report, 30, squares),
        component_names=names,
        label_weight=0.5,
    )
    assert student.attributes() == {
        "_network": network,
        "n_features_in_": 9,
        "n_components_": 3,
        "teacher_components_": components,
        "n_teacher_documents_": 20,
        "loss_curve_": [0.5, 0.25],
        "validation_scores_": [0.1, 0.2],
        "n_iter_": 2,
        "report_": report,
        "n_samples_seen_": 30,
        "_squares": squares,
        "component_names_": names,
        "label_weight_": 0.5,
    }


@pytest.mark.parametrize(
    "components, is_named",
    [
        (np.eye(3), True),
        (np.eye(3, 5), True),
        (np.eye(3)[[1, 0, 2]], False),
        (np.eye(3) + 0.1, False),
        (None, False),
    ],
    ids=["axes", "truncated", "other order", "mixed", "no map"],
)
def test_trained_student_names_need_the_axes_of_the_teacher(components, is_named):
    """A step after the fit that turns the vectors cannot leave wrong names."""
    names = np.array(list("abc"), dtype=object)
    student = TrainedStudent(
        Network.of(random_weights((9, 3))), components, component_names=names
    )
    found = student.attributes()["component_names_"]
    assert (found is names) if is_named else (found is None)


def test_trained_student_attributes_of_a_network_alone():
    """The network of a Luxical file has no history and no map."""
    attributes = TrainedStudent(Network.of(random_weights((9, 3)))).attributes()
    assert attributes["teacher_components_"] is None
    assert attributes["n_teacher_documents_"] == attributes["n_iter_"] == 0
    assert attributes["label_weight_"] == 0
    assert attributes["loss_curve_"] == []
    assert attributes["validation_scores_"] is attributes["report_"] is None


def test_trained_student_attributes_fit_an_estimator():
    projection = ReLUProjection()
    adopt_student(projection, TrainedStudent(Network.of(random_weights((9, 5, 3)))))
    assert projection.n_features_in_ == 9
    assert projection.transform(np.eye(9)).shape == (9, 3)
    assert len(projection.get_feature_names_out()) == 3
