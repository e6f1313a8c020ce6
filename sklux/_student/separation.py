"""A linear map of the vectors that sets the classes of labelled documents apart.

A linear head h(z) = z H is learnt on the vectors z of the labelled documents, by a
ridge regression on the centred indicators of their classes. Its scores, times a weight
w, are appended to each vector, and the longer vectors are turned back into the old
width without a change of their inner products::

    M M = I + w^2 H H^T,   (z M) . (z' M) = z . z' + w^2 h(z) . h(z')

So the map M has a closed form and is symmetric. In the space of few labels H is small,
because the regression is shrunk, and M is close to I. The network has no constants, and
its vectors get unit length at the end: the last layer takes M in, and `transform` does
the same work as before.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

from sklux._student.finishing import in_type
from sklux._student.fit_data import FitData
from sklux._student.labels import Labels
from sklux._student.network import Network, apply_network
from sklux._student.products import csr_product
from sklux._student.targets import Targets
from sklux._student.trained import TrainedStudent
from sklux._utils.blocks import row_blocks
from sklux._utils.memory import aligned
from sklux._utils.similarity import second_moment, unit_rows
from sklux._utils.threads import all_threads

# Penalty of the regression. The vectors have unit length, so it counts as much as one
# more document in each direction.
RIDGE = 1.0
# Weights to choose from. Beyond 1, classes gain little, and the nearest documents
# according to the teacher are lost (benchmarks/bench_labels.py).
WEIGHTS = (0.0, 0.5, 1.0)
# Standard errors by which a larger weight must be better.
N_ERRORS = 2
# Parts of the labelled documents that are held out in turn, and the largest number of
# documents that choose the weight.
N_FOLDS, MAX_COMPARED = 5, 2000
# Strength of the regression that turns V, as a part of the mean square.
TURN_RIDGE = 1e-3
# Maximum number of documents that tell how V turns.
MAX_TURN_SIZE = 20_000


class LabelMap(NamedTuple):
    """The map that sets classes apart.

    Attributes
    ----------
    matrix : ndarray of shape (n_components, n_components), dtype=np.float32
        M; vectors become ``vectors @ matrix``.
    weight : float
        w; 0 if M is the identity.
    """

    matrix: np.ndarray
    weight: float

    def of_fit(
        self, data: FitData, coefs: list[np.ndarray], targets: Targets, tied: bool
    ) -> tuple[list[np.ndarray], Targets]:
        """Map the weights and the targets of a fit.

        Parameters
        ----------
        data : FitData
            The data of the fit.
        coefs : list of ndarray
            Trained weights, before `finished_coefs`.
        targets : Targets
            Targets of all documents.
        tied : bool
            Whether the rows are tied.

        Returns
        -------
        coefs : list of ndarray
            The mapped weights.
        targets : Targets
            The same targets, with mapped reduced targets.
        """
        if self.weight == 0:
            return coefs, targets
        before = np.empty((0, coefs[0].shape[1]), dtype=np.float32)
        if tied:
            sample = data.train[:MAX_TURN_SIZE]
            before = unit_rows(csr_product(data.X[sample], coefs[0]))
        reduced = unit_rows(_times(targets.reduced, self.matrix))
        mapped = mapped_coefs(coefs, self.matrix, before, tied)
        return mapped, targets._replace(reduced=reduced)

    def of_network(self, network: Network, X: sparse.csr_matrix) -> Network:
        """Map the vectors of a fitted network.

        Parameters
        ----------
        network : Network
            The network.
        X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
            Features of some documents, for tied rows.

        Returns
        -------
        Network
            The mapped network, with rows of the same type.
        """
        if self.weight == 0:
            return network
        if network.dense and not network.tied:
            last = _times(network.dense[-1], self.matrix)
            return replace(network, dense=(*network.dense[:-1], last))
        first_layer = replace(network, dense=(), tied=False)
        before = apply_network(X[:MAX_TURN_SIZE], first_layer, all_threads())
        plain = in_type(network, "float32")
        coefs = [plain.rows, *plain.dense]
        first, *dense = mapped_coefs(coefs, self.matrix, before, network.tied)
        mapped = replace(plain, rows=aligned(first), dense=tuple(dense))
        return in_type(mapped, network.dtype.name)

    def of_student(self, student: TrainedStudent) -> TrainedStudent:
        """Map the vectors of the teacher, too.

        Parameters
        ----------
        student : TrainedStudent
            A student with a mapped network.

        Returns
        -------
        TrainedStudent
            The student, with a mapped `teacher_components`.
        """
        components = student.teacher_components
        if self.weight and components is not None:
            components = self.matrix @ components
        return replace(student, teacher_components=components, label_weight=self.weight)


def map_of_fit(
    data: FitData,
    labels: Labels,
    coefs: list[np.ndarray],
    tied: bool,
    weight: float | Literal["auto"],
) -> LabelMap:
    """Learn the map at the end of a fit.

    Parameters
    ----------
    data : FitData
        The data of the fit.
    labels : Labels
        Labels of its documents.
    coefs : list of ndarray
        Trained weights, before `finished_coefs`.
    tied : bool
        Whether the rows are tied.
    weight : float or 'auto'
        As in `label_map`.

    Returns
    -------
    LabelMap
        The map.
    """
    network = Network.of(coefs, tied)
    vectors = apply_network(data.X[labels.rows], network, all_threads())
    return label_map(vectors, labels.classes, weight)


def label_map(
    vectors: np.ndarray, classes: np.ndarray, weight: float | Literal["auto"]
) -> LabelMap:
    """Learn the map that sets classes apart.

    Parameters
    ----------
    vectors : ndarray of shape (n_labelled, n_components), dtype=np.float32
        Unit rows.
    classes : ndarray of shape (n_labelled,), dtype=np.intp
        Numbers of the classes.
    weight : float or 'auto'
        The weight w. ``'auto'`` chooses among 0, 0.5 and 1 by `chosen_weight`.

    Returns
    -------
    LabelMap
        The map.
    """
    if isinstance(weight, str):
        weight = chosen_weight(vectors, classes)
    return LabelMap(_map_of(linear_head(vectors, classes), weight), float(weight))


def linear_head(vectors: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Learn H, by a ridge regression on centred indicators of the classes.

    Parameters
    ----------
    vectors : ndarray of shape (n_labelled, n_components)
        Unit rows.
    classes : ndarray of shape (n_labelled,), dtype=np.intp
        Numbers of the classes.

    Returns
    -------
    ndarray of shape (n_components, n_classes), dtype=np.float64
        The head.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    # The rows sum to zero, so centred indicators give the same sums.
    sums = np.zeros((classes.max() + 1, vectors.shape[1]))
    np.add.at(sums, classes, centred)
    moment = second_moment(centred, centred) + RIDGE * np.eye(vectors.shape[1])
    head: np.ndarray = np.linalg.solve(moment, sums.T)
    return head


def _map_of(head: np.ndarray, weight: float) -> np.ndarray:
    """M, the symmetric root of I + w^2 H H^T."""
    directions, lengths, _ = np.linalg.svd(head, full_matrices=False)
    stretch = np.sqrt(1 + (weight * lengths) ** 2) - 1
    matrix: np.ndarray = np.eye(len(head)) + (directions * stretch) @ directions.T
    return matrix.astype(np.float32)


def chosen_weight(vectors: np.ndarray, classes: np.ndarray) -> float:
    """Choose the weight by cross-validation on the labelled documents.

    A held-out document ranks the labelled documents of the other folds by cosine. The
    score is the normalised discounted cumulative gain of its own class. The smallest
    weight is chosen whose mean score is within two standard errors (of the differences
    between documents) of the best.

    Parameters
    ----------
    vectors : ndarray of shape (n_labelled, n_components), dtype=np.float32
        Unit rows.
    classes : ndarray of shape (n_labelled,), dtype=np.intp
        Numbers of the classes, each of two documents or more.

    Returns
    -------
    float
        0, 0.5 or 1.
    """
    rows, folds = _folds(classes)
    vectors, classes = vectors[rows], classes[rows]
    scores = np.full((len(WEIGHTS), len(rows)), np.nan)
    for fold in range(N_FOLDS):
        held_out, others = folds == fold, folds != fold
        if not held_out.any() or len(np.unique(classes[others])) < 2:
            continue
        head = linear_head(vectors[others], classes[others])
        same = classes[held_out, np.newaxis] == classes[others]
        for place, weight in enumerate(WEIGHTS):
            mapped = unit_rows(vectors @ _map_of(head, weight))
            cosines = mapped[held_out] @ mapped[others].T
            scores[place, held_out] = _ranking_scores(cosines, same)
    return _smallest_good(scores[:, np.isfinite(scores).all(axis=0)])


def _smallest_good(scores: np.ndarray) -> float:
    """The smallest weight within two standard errors of the best; 0 without scores."""
    n_scored = scores.shape[1]
    if n_scored == 0:
        return WEIGHTS[0]
    lost = scores[scores.mean(axis=1).argmax()] - scores
    error = lost.std(axis=1) / np.sqrt(n_scored)
    return WEIGHTS[int((lost.mean(axis=1) <= N_ERRORS * error).argmax())]


def _folds(classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Documents to compare, in random order, and the fold of each.

    The documents of a class are in different folds, as far as there are enough.
    """
    rows = np.random.RandomState(0).permutation(len(classes))[:MAX_COMPARED]
    rows = rows[np.argsort(classes[rows], kind="stable")]
    return rows, np.arange(len(rows)) % N_FOLDS


def _ranking_scores(cosines: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Normalised discounted cumulative gain of each row; NaN if nothing can be found.

    It is a sum over the places of a ranking, so it does not rise if a ranking comes in
    clusters that have nothing to do with the class.
    """
    order = np.argsort(-cosines, axis=1, kind="stable")
    gains = 1 / np.log2(np.arange(2, same.shape[1] + 2))
    n_wanted = same.sum(axis=1)
    best = np.concatenate([[0], gains.cumsum()])[n_wanted]
    found = np.take_along_axis(same, order, axis=1) @ gains
    return np.where(n_wanted > 0, found / np.where(n_wanted > 0, best, 1), np.nan)


def mapped_coefs(
    coefs: Sequence[np.ndarray], matrix: np.ndarray, before: np.ndarray, tied: bool
) -> list[np.ndarray]:
    """Return the weights of the network whose vectors are mapped.

    The last layer V becomes V M: this is exact. With tied rows, the part a of
    z = a + abs(a) V has no layer of its own. W becomes W M, so that a becomes
    b = a M / |a M|, and V becomes the matrix V' with abs(b) V' ~ abs(a) V M / |a M|
    (least squares).

    Parameters
    ----------
    coefs : sequence of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Weights of the layers.
    matrix : ndarray of shape (n_components, n_components), dtype=np.float32
        M.
    before : ndarray of shape (n_samples, n_units), dtype=np.float32
        The rows a of some documents. They are used for tied rows alone.
    tied : bool
        Whether the rows are tied.

    Returns
    -------
    list of ndarray, dtype=np.float32
        The weights. Layers that do not change share their memory; a stored V of two
        narrow matrices has the same rank as before.
    """
    first, *dense = coefs
    if not tied:
        last = _times(coefs[-1], matrix)
        return [*coefs[:-1], last]
    added = dense[0] if len(dense) == 1 else np.matmul(*dense)
    # A truncated student has fewer components than units.
    whole = np.eye(first.shape[1], dtype=np.float32)
    whole[: len(matrix), : len(matrix)] = matrix
    turned, moment = _turned(before, whole, added, matrix)
    if len(dense) == 1:
        return [_times(first, whole), turned.astype(np.float32)]
    rank = dense[1].shape[0]
    _, directions = np.linalg.eigh(turned.T @ moment @ turned)
    kept = directions[:, : -rank - 1 : -1]
    narrow = [turned @ kept, kept.T]
    return [
        _times(first, whole),
        *(np.ascontiguousarray(part, dtype=np.float32) for part in narrow),
    ]


def _turned(before, whole, added, matrix):
    """V' of `mapped_coefs`, and the second moment of abs(b)."""
    after = before @ whole
    lengths = np.linalg.norm(after, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    after = np.abs(after / lengths)
    wanted = added.astype(np.float64) @ matrix
    moment = second_moment(after, after)
    # Where the documents say nothing, V M divided by the usual length.
    turned = wanted / np.mean(lengths, dtype=np.float64)
    cross = second_moment(after, np.abs(before) / lengths)
    penalty = TURN_RIDGE * moment.trace() / len(moment) + np.finfo(np.float32).tiny
    turned += np.linalg.solve(
        moment + penalty * np.eye(len(moment)), cross @ wanted - moment @ turned
    )
    return turned, moment


def _times(weights: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A product, a block of rows at a time, in an array of its own."""
    result = np.empty(weights.shape, dtype=np.float32)
    for block in row_blocks(len(weights)):
        result[block] = weights[block] @ matrix
    return result
