"""New documents for a fitted student: its weights change, its space stays.

The layers after the first and the map from the teacher's space stay as they are. So the
target of a new document is its teacher embedding in the student's space, and vectors of
before and after can be compared. The first layer is updated in two steps.

First, a ridge regression. With z(x) the vector of a document, y its target, a = x W
before it is scaled to unit length and |z| the length of z before it is scaled, the
change D of the weights W minimises::

    sum_i |x_i D - |a_i| |z_i| (y_i - z(x_i))|^2 + sum_j (alpha + w q_j) |D_j|^2

where x_i are unit rows, q_j is the sum of the squares of feature j over all earlier
documents, and w is `past_weight`. This is the posterior mean of a Bayesian linear
regression whose prior is the earlier fit, with a diagonal covariance: a feature of many
earlier documents is known well and changes little, a new feature is free. (C. M.
Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3.1: the posterior of
some data is the prior of the next.)

If the teacher has embedded terms, the rows of the new ones do not begin at zero but at
v_j B, the weights that terms with similar vectors have. With the rows v_j as in
`term_vectors` and w_j the rows of known terms, B minimises::

    sum_j q_j / (alpha + q_j) |w_j - v_j B|^2 + ridge |B|^2

Second, the same training as in a fit, with the other layers fixed.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from sklux._student.component_names import check_same_names
from sklux._student.finishing import in_type
from sklux._student.fit_data import FitData
from sklux._student.folding import Folding
from sklux._student.initialization import RIDGE_ALPHA, RIDGE_STEPS, start_features
from sklux._student.learnt_features import LearntFeatures
from sklux._student.network import Network, apply_network
from sklux._student.products import csr_product, csr_transpose, normalized
from sklux._student.ridge import BLOCK, TOLERANCE, conjugate_gradients
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._student.term_vectors import TermVectors
from sklux._student.trained import TrainedStudent
from sklux._utils.blocks import column_counts, row_blocks
from sklux._utils.similarity import second_moment
from sklux._utils.threads import all_threads

# Ridge for the map from term vectors to weights, as a part of the mean eigenvalue.
TERMS_RIDGE = 0.1
# Number of documents of a regression. More documents make several, each of which is the
# prior of the next, so that the memory does not grow with the number of documents.
CHUNK = 50_000


def check_can_update(student: TrainedStudent, teacher: TeacherEmbeddings) -> None:
    """Refuse to update a student that lacks what an update needs.

    Parameters
    ----------
    student : TrainedStudent
        The student.
    teacher : TeacherEmbeddings
        Embeddings of the new documents.

    Raises
    ------
    ValueError
        If the student has no map from the teacher's space or no sums of squares, or the
        embeddings have another width or other names.
    """
    components = student.teacher_components
    if components is None or student.squares is None:
        raise ValueError(
            "partial_fit cannot update this model: it comes from a Luxical file, or "
            "from a file of an older version, which lacks the map from the teacher's "
            "space or the frequencies of the features. Call fit with all documents."
        )
    width = components.shape[1]
    if teacher.n_components != width:
        raise ValueError(
            f"The teacher embeddings have {teacher.n_components} columns, but the "
            f"embeddings of fit had {width}. partial_fit keeps the space, so it needs "
            "the same teacher. Use this teacher, or call fit."
        )
    check_same_names(
        student.component_names, teacher.names, "The table of teacher embeddings"
    )


def sums_of_squares(X: sparse.csr_matrix) -> np.ndarray:
    """Sum of the squares of each feature over documents, scaled to unit length.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows of any length.

    Returns
    -------
    ndarray of shape (n_features,), dtype=np.float32
        The sums.
    """
    total = np.zeros(X.shape[1])
    for block in row_blocks(X.shape[0]):
        total += _squares(normalized(X, block))
    return total.astype(np.float32)


def _squares(unit):
    """Sum of the squares of each column, in float64."""
    squares = np.square(unit.data, dtype=np.float64)
    return np.bincount(unit.indices, squares, minlength=unit.shape[1])


def padded(values: np.ndarray, length: int) -> np.ndarray:
    """Return an array with rows of zeros at its end.

    Parameters
    ----------
    values : ndarray of shape (n_rows, ...)
        The array.
    length : int
        Number of rows of the result, at least n_rows.

    Returns
    -------
    ndarray of shape (length, ...)
        A copy.
    """
    result = np.zeros((length, *values.shape[1:]), dtype=values.dtype)
    result[: len(values)] = values
    return result


def coefs_to_update(
    network: Network, folding: Folding | None, n_features: int
) -> list[np.ndarray]:
    """Weights of a fitted network in the form in which they are learnt.

    Parameters
    ----------
    network : Network
        The network.
    folding : Folding or None
        The form in which features are learnt; None means as they are read.
    n_features : int
        Number of features: the features of the network, then new ones.

    Returns
    -------
    list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Copies. The weights of new features are zero. V is one matrix.
    """
    first, *dense = network.coefs()
    n_known = len(first)
    first = padded(first, n_features)
    if folding is not None:
        first = folding.unfold(first)
        first[n_known:] = 0
    if network.tied and len(dense) == 2:
        dense = [np.matmul(*dense)]
    return [first, *(weights.copy() for weights in dense)]


def fill_missing_targets(
    targets: np.ndarray,
    teacher: TeacherEmbeddings,
    X: sparse.csr_matrix,
    network: Network,
) -> None:
    """Give documents without a teacher embedding the student's vectors as targets.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Teacher embeddings in the space of the student; changed in place.
    teacher : TeacherEmbeddings
        Tells which documents have a teacher embedding.
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    network : Network
        The student.
    """
    missing = np.flatnonzero(~teacher.is_embedded)
    if len(missing):
        targets[missing] = apply_network(X[missing], network, all_threads())


def start_new_terms(
    weights: np.ndarray, terms: TermVectors | None, squares: np.ndarray
) -> None:
    """Give new terms the weights of terms with similar vectors.

    Parameters
    ----------
    weights : ndarray of shape (n_features, n_units), dtype=np.float32
        Weights of the first layer. The rows of new features are zero. Rows of terms
        among them are changed in place.
    terms : TermVectors or None
        Terms that the teacher has embedded.
    squares : ndarray of shape (n_features,), dtype=np.float32
        Sums of the squares of the features over earlier documents.
    """
    if terms is None:
        return
    features, vectors = terms.features, terms.vectors
    is_new = ~weights[features].any(axis=1)
    known = squares[features].astype(np.float64)
    known = np.where(is_new, 0, known / (RIDGE_ALPHA + known))
    weighted = known[:, np.newaxis] * vectors
    moment = second_moment(weighted, vectors)
    ridge = TERMS_RIDGE * moment.trace() / len(moment)
    if ridge == 0 or not is_new.any():
        return
    cross = second_moment(weighted, weights[features])
    mapping = np.linalg.solve(moment + ridge * np.eye(len(moment)), cross)
    weights[features[is_new]] = vectors[is_new] @ mapping.astype(np.float32)


def regress_residuals(
    X: sparse.csr_matrix,
    rows: np.ndarray,
    targets: np.ndarray,
    coefs: Sequence[np.ndarray],
    *,
    tied: bool,
    squares: np.ndarray,
    past_weight: float,
) -> None:
    """Change the first layer by the ridge regression of the module's text.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features.
    rows : ndarray of shape (n_rows,), dtype=np.intp
        Numbers of the documents to learn from.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Unit rows.
    coefs : sequence of ndarray
        Weights: W and V of tied rows, or W alone. W is changed in place. If V has fewer
        columns than W (a truncated student), so many columns of W are changed.
    tied : bool
        Whether the rows are tied.
    squares : ndarray of shape (n_features,), dtype=np.float32
        Sums of the squares of the features over earlier documents.
    past_weight : float
        Factor on them.
    """
    added = coefs[1] if tied else None
    known = past_weight * squares.astype(np.float64)
    for block in row_blocks(len(rows), CHUNK):
        chosen = rows[block]
        unit = normalized(X, chosen)
        wanted = _residuals(unit, coefs[0], added, targets[chosen])
        # With D = L^-1/2 U and L the diagonal of penalties, the penalty of U is |U|^2,
        # and the dual is (x L^-1 x^T + I) A = residuals, D = L^-1 x^T A.
        scale = (1 / np.sqrt(RIDGE_ALPHA + known)).astype(np.float32)
        scaled = sparse.csr_matrix(
            (unit.data * scale[unit.indices], unit.indices, unit.indptr), unit.shape
        )
        for begin in range(0, wanted.shape[1], BLOCK):
            columns = slice(begin, min(begin + BLOCK, wanted.shape[1]))
            change = _solved(scaled, wanted[:, columns])
            for part in row_blocks(len(change)):
                change[part] *= scale[part, np.newaxis]
                coefs[0][part, columns] += change[part]
        known += _squares(unit)


def _residuals(unit, first, added, targets):
    """|a| |z| (y - z) of unit rows."""
    wanted = np.empty((len(targets), targets.shape[1]), dtype=np.float32)
    for block in row_blocks(unit.shape[0]):
        a = csr_product(unit[block], first)
        length = np.linalg.norm(a, axis=1, keepdims=True)
        z = a
        if added is not None:
            a /= np.maximum(length, 1e-30)
            z = a[:, : added.shape[1]] + np.abs(a) @ added
        else:
            length = np.ones_like(length)
        z_length = np.linalg.norm(z, axis=1, keepdims=True)
        z /= np.maximum(z_length, 1e-30)
        wanted[block] = length * z_length * (targets[block] - z)
    return wanted


def _solved(scaled, wanted):
    """x^T A with (x x^T + I) A = the wanted rows."""
    transposed = csr_transpose(scaled)

    def product(dual: np.ndarray) -> np.ndarray:
        image = csr_product(scaled, csr_product(transposed, dual))
        image += dual
        return image

    dual = conjugate_gradients(product, wanted, RIDGE_STEPS, TOLERANCE)
    return csr_product(transposed, dual)


def start_unseen_features(
    coefs: list[np.ndarray], data: FitData, reduced: np.ndarray, tied: bool
) -> None:
    """Give weights to new features that only held-out documents have.

    Parameters
    ----------
    coefs : list of ndarray
        Weights; the first layer is changed in place.
    data : FitData
        The new documents.
    reduced : ndarray of shape (n_samples, n_components), dtype=np.float32
        Their targets.
    tied : bool
        Whether the rows are tied.
    """
    has_weights = coefs[0].any(axis=1)
    unseen = np.flatnonzero((column_counts(data.X) > 0) & ~has_weights)
    start_features(coefs, data.X, reduced, unseen, tied)


def updated_network(
    before: Network,
    coefs: Sequence[np.ndarray],
    X: sparse.csr_matrix,
    features: LearntFeatures,
    weights_dtype: str,
) -> Network:
    """Return the network in its stored form: known rows keep their order.

    Parameters
    ----------
    before : Network
        The network before the update.
    coefs : sequence of ndarray
        Weights of the layers.
    X : CSR matrix of shape (n_samples, n_features)
        The new documents.
    features : LearntFeatures
        The features.
    weights_dtype : {'float32', 'float16', 'int8'}
        Type of the first layer.

    Returns
    -------
    Network
        The network. The rows of new features are the last, frequent ones first.
    """
    folded = features.folded(Network.of(coefs, before.tied))
    new = features.frequency(X)[before.n_features :]
    order = _frequency(before, new)
    return in_type(folded.by_frequency(order), weights_dtype)


def _frequency(network, new_frequency):
    """Numbers that keep the order of the rows of a network, with new features last."""
    places = np.arange(network.n_features)
    if network.places is not None:
        places = network.places.astype(np.int64)
    n_new = len(new_frequency)
    ranks = np.empty(n_new, dtype=np.int64)
    ranks[np.argsort(-new_frequency, kind="stable")] = np.arange(n_new)
    return np.concatenate([n_new + network.n_rows - places, n_new - ranks])
