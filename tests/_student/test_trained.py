"""The result of a fit as attributes of the estimator."""

import numpy as np
from models import random_weights

from sklux import ReLUProjection
from sklux._student.network import Network
from sklux._student.projection import adopt_student
from sklux._student.report import FitReport
from sklux._student.trained import TrainedStudent


def test_trained_student_attributes():
    network = Network.of(random_weights((9, 5, 3)))
    components, report = np.eye(3, dtype=np.float32), FitReport(7, 3, held_out=True)
    squares = np.ones(9, dtype=np.float32)
    student = TrainedStudent(
        *(network, components, 20, [0.5, 0.25], [0.1, 0.2], report, 30, squares, 0.5)
    )
    assert student.attributes() == {
        "_network": network,
        "n_components_": 3,
        "teacher_components_": components,
        "n_teacher_documents_": 20,
        "loss_curve_": [0.5, 0.25],
        "validation_scores_": [0.1, 0.2],
        "n_iter_": 2,
        "report_": report,
        "n_samples_seen_": 30,
        "_squares": squares,
        "label_weight_": 0.5,
    }


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
