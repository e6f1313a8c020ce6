"""What follows the last epoch: the report, and the weights that training left open."""

import numpy as np
from scipy import sparse

from sklux._student.fit_data import FitData
from sklux._student.initialization import start_features
from sklux._student.network import Network, apply_network
from sklux._student.report import FitReport, fit_report
from sklux._student.targets import Targets, nearest_rotation
from sklux._utils.threads import all_threads

# Documents that the final rotation of a similarity student is computed from, and
# documents of a report without held-out ones.
MAX_ROTATION_SIZE, MAX_REPORT_SIZE = 20_000, 2000


def report_on_fit(data: FitData, coefs: list[np.ndarray]) -> FitReport:
    """Compare a trained student with its teacher.

    Parameters
    ----------
    data : FitData
        The data of the fit.
    coefs : list of ndarray
        Trained weights, before `finished_coefs`: after it, features that only held-out
        documents have get weights from these documents' own targets.

    Returns
    -------
    FitReport
        Of the held-out documents, or of training documents if none are held out.
    """
    sample = data.held_out
    if len(sample) == 0:
        is_embedded = data.teacher.is_embedded[data.train]
        sample = data.train[is_embedded][:MAX_REPORT_SIZE]
    student = apply_network(data.X[sample], Network.of(coefs), all_threads())
    return fit_report(
        student,
        data.teacher.vectors[sample],
        held_out=len(data.held_out) > 0,
        random_state=0,
    )


def finished_coefs(
    data: FitData, targets: Targets, coefs: list[np.ndarray], *, rotates: bool
) -> list[np.ndarray]:
    """Return the weights of the fitted student.

    Features that only held-out documents have get weights from their targets; features
    that neither documents nor the teacher say anything about get none.

    Parameters
    ----------
    data : FitData
        The data of the fit.
    targets : Targets
        Of all documents.
    coefs : list of ndarray
        Trained weights; the first layer is changed in place.
    rotates : bool
        Whether the student is rotated onto its targets: if it was trained by
        similarities alone, which do not fix its axes.

    Returns
    -------
    list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Weights, C-contiguous.
    """
    _set_untrained_features(data, targets, coefs)
    if rotates:
        sample = data.train[:MAX_ROTATION_SIZE]
        student = apply_network(data.X[sample], Network.of(coefs), all_threads())
        coefs[-1] = coefs[-1] @ nearest_rotation(student, targets.reduced[sample])
    return [np.ascontiguousarray(weights, dtype=np.float32) for weights in coefs]


def _set_untrained_features(data, targets, coefs) -> None:
    """Set the weights of features that no training document has."""
    X = data.X
    is_trained = np.zeros(X.shape[1], dtype=bool)
    is_trained[X[data.train].indices] = True
    if data.terms is not None:
        is_trained[data.terms.features] = True
    unseen = np.setdiff1d(X.indices, np.flatnonzero(is_trained))
    start_features(coefs, X, targets.reduced, unseen)
    is_trained[unseen] = True
    if data.X_views is not None:
        is_trained[data.X_views.indices] = True
    # Their weights are the noise of the start.
    coefs[0][~is_trained] = 0


def stored_network(coefs: list[np.ndarray], X: sparse.csr_matrix) -> Network:
    """Return the network as it is stored, with the rows of frequent features first.

    Parameters
    ----------
    coefs : list of ndarray
        Weights of the layers.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents, which tell how frequent each feature is.

    Returns
    -------
    Network
        With rows of its own.
    """
    frequency = np.bincount(X.indices, minlength=X.shape[1])
    return Network.of(coefs).by_frequency(frequency)
