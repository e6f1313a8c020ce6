"""The result of a fit as one value, and as attributes of the estimator."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklux._student.network import Network
from sklux._student.report import FitReport


@dataclass(frozen=True, eq=False)
class TrainedStudent:
    """Result of a fit.

    Attributes
    ----------
    network : Network
        Weights of the student.
    teacher_components : ndarray of shape (n_components, n_teacher_components), \
            dtype=np.float32, or None
        Linear map of teacher vectors into the student's space, or None if there is no
        such map.
    n_teacher_documents : int
        Number of documents with a teacher embedding; 0 if the number is unknown.
    loss_curve : list of float
        Training loss of each epoch.
    validation_scores : list of float or None
        Held-out score of each epoch; None without held-out documents.
    report : FitReport or None
        Comparison of the student with its teacher.
    n_samples_seen : int
        Number of documents of all fits; 0 if the number is unknown.
    squares : ndarray of shape (n_rows,), dtype=np.float32, or None
        For each row of the network, the sum of the squares of its feature over these
        documents, which have unit length and are in the form in which they are learnt.
        It tells how certain the weights are. None if it is unknown.
    component_names : ndarray of shape (n_components,), dtype=object, or None
        Names of the output columns, if they are columns of the teacher with names. They
        do not count if ``teacher_components`` turns or mixes these columns.
    label_weight : float
        Weight of the class labels in the vectors; 0 without labels.
    """

    network: Network
    teacher_components: np.ndarray | None = None
    n_teacher_documents: int = 0
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] | None = None
    report: FitReport | None = None
    n_samples_seen: int = 0
    squares: np.ndarray | None = None
    component_names: np.ndarray | None = None
    label_weight: float = 0.0

    def attributes(self) -> dict[str, Any]:
        """Return the fitted attributes of a `ReLUProjection`.

        Returns
        -------
        dict of str to object
            Values by the names of the attributes.
        """
        return {
            "_network": self.network,
            "n_features_in_": self.network.n_features,
            "n_components_": self.network.n_components,
            "teacher_components_": self.teacher_components,
            "n_teacher_documents_": self.n_teacher_documents,
            "loss_curve_": self.loss_curve,
            "validation_scores_": self.validation_scores,
            "n_iter_": len(self.loss_curve),
            "report_": self.report,
            "n_samples_seen_": self.n_samples_seen,
            "_squares": self.squares,
            "component_names_": self.component_names if self._keeps_columns() else None,
            "label_weight_": self.label_weight,
        }

    def _keeps_columns(self) -> bool:
        """Whether the output columns are the first columns of the teacher."""
        components = self.teacher_components
        if self.component_names is None or components is None:
            return False
        return np.array_equal(components, np.eye(*components.shape))
