"""Steps after the last epoch: the report, and the weights of the fitted student."""

import numpy as np
from scipy import sparse

from sklux._student.fit_data import FitData
from sklux._student.initialization import start_features
from sklux._student.learnt_features import LearntFeatures
from sklux._student.network import Network, apply_network
from sklux._student.products import csr_product
from sklux._student.report import FitReport, fit_report
from sklux._student.targets import Targets, nearest_rotation
from sklux._utils.blocks import column_counts, row_blocks
from sklux._utils.documents import first_of_groups
from sklux._utils.similarity import second_moment, unit_rows
from sklux._utils.threads import all_threads

# Maximum number of documents for the final rotation of a similarity student, and of
# training documents in a report.
MAX_ROTATION_SIZE, MAX_REPORT_SIZE = 20_000, 2000
# Strength of the regression that turns V, as a part of the mean square.
TURN_ALPHA = 1e-3
# Rank of a stored V, and number of documents that tell what to keep of it.
RANK, MAX_FACTORED_SIZE = 32, 5000


def report_on_fit(
    data: FitData,
    coefs: list[np.ndarray],
    weights_dtype: str,
    features: LearntFeatures,
    tied: bool = False,
) -> FitReport:
    """Compare a trained student with its teacher.

    Parameters
    ----------
    data : FitData
        The data of the fit.
    coefs : list of ndarray
        Trained weights, before `finished_coefs`. That function gives weights to
        features of held-out documents from the targets of these documents, and a
        report on them would be too good.
    weights_dtype : {'float32', 'float16', 'int8'}
        Type of the stored weights: the report is about these.
    features : LearntFeatures
        Which features the columns are.
    tied : bool, default=False
        Whether the rows are tied.

    Returns
    -------
    FitReport
        The report on the held-out documents, or on training documents without their
        copies if none are held out.
    """
    sample = data.held_out
    if len(sample) == 0:
        sample = data.train[data.teacher.is_embedded[data.train]]
        sample = sample[first_of_groups(data.groups[sample])][:MAX_REPORT_SIZE]
    network = in_type(features.folded(Network.of(coefs, tied)), weights_dtype)
    rows = features.rows_as_read(data.X[sample])
    student = apply_network(rows, network, all_threads())
    return fit_report(
        student,
        data.teacher.unit(sample),
        held_out=len(data.held_out) > 0,
        random_state=0,
    )


def rotated_coefs(
    data: FitData, targets: Targets, coefs: list[np.ndarray], tied: bool = False
) -> list[np.ndarray]:
    """Return the weights of a student that is rotated onto its targets.

    This is for a student that was trained only by similarities, which do not determine
    its axes. With R the rotation, the last layer becomes W_last R. With tied rows the
    part a of z = a + abs(a) V has no layer of its own. W becomes W R, so that a becomes
    b = a R, and V becomes the matrix V' with abs(b) V' ~ abs(a) V R (least squares).

    Parameters
    ----------
    data : FitData
        The data of the fit.
    targets : Targets
        Targets of all documents.
    coefs : list of ndarray
        Trained weights; the first layer may be changed in place.
    tied : bool, default=False
        Whether the rows are tied.

    Returns
    -------
    list of ndarray
        The rotated weights.
    """
    sample = data.train[:MAX_ROTATION_SIZE]
    X = data.X[sample]
    student = apply_network(X, Network.of(coefs, tied), all_threads())
    rotation = nearest_rotation(student, targets.reduced[sample])
    if not tied:
        return [*coefs[:-1], coefs[-1] @ rotation]
    first, added = coefs
    before = unit_rows(csr_product(X, first))
    for block in row_blocks(len(first)):
        first[block] = first[block] @ rotation
    return [first, _turned(before, before @ rotation, added @ rotation)]


def _turned(before, after, added):
    """The matrix V' that is nearest to V among those with abs(b) V' ~ abs(a) V."""
    before, after = np.abs(before), np.abs(after)
    moment = second_moment(after, after)
    n_units = len(moment)
    moment += TURN_ALPHA * moment.trace() / n_units * np.eye(n_units)
    rest = second_moment(after, before - after) @ added
    return (added + np.linalg.solve(moment, rest)).astype(np.float32)


def factored_coefs(data: FitData, coefs: list[np.ndarray]) -> list[np.ndarray]:
    """Return the weights of a student with tied rows with a V of rank 32, V ~ A B.

    The products with A and B take a quarter of the time of the product with a V of 256
    columns. The rows of B are the first principal directions, about the origin, of the
    rows abs(a) V of training documents, and A = V B^T. No other matrix of this rank
    gives these documents rows with a smaller squared error (reduced-rank regression,
    Izenman, 1975, :doi:`10.1016/0047-259X(75)90042-1`).

    Parameters
    ----------
    data : FitData
        The data of the fit.
    coefs : list of two ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        W and V.

    Returns
    -------
    list of ndarray, dtype=np.float32
        W, A and B; W and V if A and B would not be smaller than V.
    """
    first, added = coefs
    if RANK * sum(added.shape) >= added.size:
        return coefs
    a = np.abs(unit_rows(csr_product(data.X[data.train[:MAX_FACTORED_SIZE]], first)))
    wide = added.astype(np.float64)
    _, directions = np.linalg.eigh(wide.T @ second_moment(a, a) @ wide)
    kept = directions[:, : -RANK - 1 : -1]
    before = np.ascontiguousarray(wide @ kept, dtype=np.float32)
    return [first, before, np.ascontiguousarray(kept.T, dtype=np.float32)]


def finished_coefs(
    data: FitData,
    targets: Targets,
    coefs: list[np.ndarray],
    tied: bool = False,
    trained: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Return the weights of the fitted student.

    Features that only held-out documents have get weights from the targets of these
    documents. Features of no document, no view and no term of the teacher get zeros.

    Parameters
    ----------
    data : FitData
        The data of the fit.
    targets : Targets
        Targets of all documents.
    coefs : list of ndarray
        Trained weights; the first layer is changed in place.
    tied : bool, default=False
        Whether the rows are tied.
    trained : ndarray of shape (n_features,), dtype=bool, or None, default=None
        Features of documents outside the data that were trained on.

    Returns
    -------
    list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        C-contiguous weights of the layers.
    """
    _set_untrained_features(data, targets, coefs, tied, trained)
    return [np.ascontiguousarray(weights, dtype=np.float32) for weights in coefs]


def _set_untrained_features(data, targets, coefs, tied, trained) -> None:
    """Set the weights of features that no training document has."""
    X = data.X
    is_trained = np.zeros(X.shape[1], dtype=bool) if trained is None else trained.copy()
    for block in row_blocks(len(data.train)):
        is_trained[X[data.train[block]].indices] = True
    if data.terms is not None:
        is_trained[data.terms.features] = True
    unseen = np.flatnonzero((column_counts(X) > 0) & ~is_trained)
    start_features(coefs, X, targets.reduced, unseen, tied)
    is_trained[unseen] = True
    if data.X_views is not None:
        is_trained |= column_counts(data.X_views) > 0
    # The weights of these features are still the noise of the start.
    coefs[0][~is_trained] = 0


def stored_network(
    coefs: list[np.ndarray],
    X: sparse.csr_matrix,
    weights_dtype: str,
    features: LearntFeatures,
    tied: bool = False,
) -> Network:
    """Return the network in its stored form: the rows of frequent features come first.

    Parameters
    ----------
    coefs : list of ndarray
        Weights of the layers.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents, for the frequency of each feature.
    weights_dtype : {'float32', 'float16', 'int8'}
        Type of the first layer.
    features : LearntFeatures
        Which features the columns are.
    tied : bool, default=False
        Whether the rows are tied.

    Returns
    -------
    Network
        The network, with a copy of the first layer.
    """
    folded = features.folded(Network.of(coefs, tied))
    network = features.network(folded.by_frequency(features.frequency(X)))
    return in_type(network, weights_dtype)


def in_type(network: Network, weights_dtype: str) -> Network:
    """Return a network with its first layer in a type.

    Parameters
    ----------
    network : Network
        The network.
    weights_dtype : {'float32', 'float16', 'int8'}
        The type.

    Returns
    -------
    Network
        The same network if it has the type.
    """
    return (
        network if network.dtype == weights_dtype else network.quantized(weights_dtype)
    )
