"""Initial weights of the student: a linear model of the targets.

The linear model is a ridge regression from the features to the targets minus their
mean m. If the teacher has embedded terms too, terms with similar embeddings get similar
weights (`term_vectors`). A feature that no training document has gets its weights after
the training (`start_features`). A ReLU keeps only the positive half of a value.
Therefore two units carry each direction, [A, -A], and the last layer takes the
difference, relu(a) - relu(-a) = a.

The last layer adds the mean. The network has no biases, but hidden rows have unit
length, and so a weighted sum of |a| = relu(a) + relu(-a) is nearly the same for all
documents. With a / |a|_2 the direction of the deviation from the mean, and r the length
that the deviation should have (root mean square)::

    z = a + (|a| . u) m,   with |a| . u ~ |a|_2 / r   (least squares)

With tied rows, A alone is stored, and V = u m^T. Without a hidden layer the regression
predicts the targets themselves.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from sklux._student.arguments import TIED, HiddenLayers
from sklux._student.products import csr_product, normalized
from sklux._student.ridge import RowStream, continued_ridge, ridge_weights
from sklux._student.term_vectors import TermVectors, term_sums
from sklux._utils.blocks import row_blocks
from sklux._utils.similarity import unit_rows

# Pseudo-occurrences of each feature in a document with the mean target. They draw rare
# features, whose mean target is uncertain, towards zero.
SHRINKAGE = 1.0
# Standard deviation of the noise in the layers after the first.
NOISE = 0.02
# Strength of the ridge regression on unit rows, and steps of its solution.
RIDGE_ALPHA, RIDGE_STEPS = 0.1, 16
# Steps on a corpus that is not in memory; each of them reads it.
CORPUS_STEPS = 6
# Number of documents for the weights of the mean, and strength of their ridge
# regression, as a part of the mean square.
MEAN_SAMPLE, MEAN_ALPHA = 2000, 0.1


def initial_coefs(
    X: sparse.csr_matrix,
    targets: np.ndarray,
    hidden_layer_sizes: HiddenLayers,
    random_state: np.random.RandomState,
    terms: TermVectors | None = None,
    rows: np.ndarray | None = None,
    corpus: RowStream | None = None,
) -> list[np.ndarray]:
    """Return the weights of all layers before the first epoch.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Targets: unit rows, largest principal directions first.
    hidden_layer_sizes : tuple of int or 'tied'
        Units of the hidden layers; empty for a linear student.
    random_state : RandomState
        Source of the noise in the units that carry no direction.
    terms : TermVectors or None, default=None
        Terms that the teacher has embedded too.
    rows : ndarray of shape (n_train,), dtype=np.intp, or None, default=None
        Row numbers of the documents to train on; None means all.
    corpus : RowStream or None, default=None
        All documents to train on, if these are a sample.

    Returns
    -------
    list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        C-contiguous weights of the layers; W and V with tied rows.
    """
    rows = np.arange(X.shape[0]) if rows is None else rows
    if not hidden_layer_sizes:
        return [linear_weights(X, rows, targets, None, terms, corpus)]
    n_components = targets.shape[1]
    mean = _mean(targets, rows)
    directions = linear_weights(X, rows, targets, mean, terms, corpus)
    sample = normalized(X, rows[:MEAN_SAMPLE])
    if hidden_layer_sizes == TIED:
        a = unit_rows(csr_product(sample, directions)).astype(np.float64)
        length = _deviation(targets, mean, rows)
        weights = _mean_weights(np.abs(a), a, length)
        return [directions, np.outer(weights, mean).astype(np.float32)]
    n_carried = _n_carried(n_components, hidden_layer_sizes)
    sizes = (*hidden_layer_sizes, n_components)
    # Units that carry no direction have noise alone.
    pairs = np.arange(2 * n_carried)
    positive, negative = pairs[:n_carried], pairs[n_carried:]
    n_others = sizes[0] - len(pairs)
    noise = _noise((X.shape[1], n_others), random_state, scale=directions.std())
    directions = directions[:, :n_carried]
    coefs = [np.hstack([directions, -directions, noise])]
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        noise = _noise((n_in - len(pairs), n_out), random_state, scale=NOISE)
        pairs_out = np.zeros((len(pairs), n_out), dtype=np.float32)
        coefs.append(np.vstack([pairs_out, noise]))
    for weights in coefs[1:-1]:
        weights[pairs, pairs] = 1
    coefs[-1][positive, positive] = 1
    coefs[-1][negative, positive] = -1
    hidden = _last_hidden(sample, coefs)
    halves = hidden[:, :n_carried], hidden[:, n_carried : 2 * n_carried]
    weights = _mean_weights(
        halves[0] + halves[1],
        halves[0] - halves[1],
        _deviation(targets[:, :n_carried], mean[:n_carried], rows),
    )
    added = np.outer(weights, mean)
    coefs[-1][positive] += added
    coefs[-1][negative] += added
    return coefs


def _last_hidden(X, coefs):
    """The values before the last layer, in float64."""
    hidden = csr_product(X, coefs[0])
    for weights in coefs[1:-1]:
        hidden = unit_rows(np.maximum(hidden, 0)) @ weights
    return unit_rows(np.maximum(hidden, 0)).astype(np.float64)


def _mean_weights(magnitudes, values, length):
    """The weights u of |a|, with which the last layer adds the mean, from some rows.

    ``values`` are the rows a, ``magnitudes`` their absolute values.
    """
    n_carried = magnitudes.shape[1]
    lengths = np.linalg.norm(values, axis=1)
    moment = magnitudes.T @ magnitudes
    if not moment.any() or length == 0:
        return np.zeros(n_carried)
    moment += MEAN_ALPHA * moment.trace() / n_carried * np.eye(n_carried)
    return np.linalg.solve(moment, magnitudes.T @ lengths / length)


def linear_weights(
    X: sparse.csr_matrix,
    rows: np.ndarray,
    targets: np.ndarray,
    mean: np.ndarray | None,
    terms: TermVectors | None,
    corpus: RowStream | None = None,
) -> np.ndarray:
    """Weights of the linear student, from a ridge regression.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    rows : ndarray of shape (n_train,), dtype=np.intp
        Row numbers of the documents to train on.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Targets of the documents.
    mean : ndarray of shape (n_components,), dtype=np.float32, or None
        The mean of the targets if the last layer adds it; it is subtracted here.
    terms : TermVectors or None
        Terms that the teacher has embedded too. The sums of their vectors are further
        columns of the regression, and the weights of these columns are added to the
        weights of the terms.
    corpus : RowStream or None, default=None
        All documents to train on, if these are a sample: the regression goes on with
        them.

    Returns
    -------
    ndarray of shape (n_features, n_components), dtype=np.float32
        C-contiguous weights.
    """

    def wanted(block: slice) -> np.ndarray:
        chosen = targets[rows[block]]
        return chosen if mean is None else chosen - mean

    combinations = () if terms is None else (term_sums(X, rows, terms),)
    weights = ridge_weights(
        *(X, rows, wanted, targets.shape[1], RIDGE_ALPHA, RIDGE_STEPS),
        combinations=combinations,
    )
    if corpus is None:
        return weights
    subtracted = np.zeros_like(targets[0]) if mean is None else mean
    return continued_ridge(
        corpus, weights, subtracted, RIDGE_ALPHA, CORPUS_STEPS, combinations
    )


def start_features(
    coefs: list[np.ndarray],
    X: sparse.csr_matrix,
    targets: np.ndarray,
    features: np.ndarray,
    tied: bool = False,
) -> None:
    """Set the weights of some features to their `feature_means`.

    Training leaves the features without a training document as they are. The held-out
    documents that have such features can give them weights.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_units_in, n_units_out)
        Weights; the rows of ``coefs[0]`` are changed in place.
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of all documents.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Targets of all documents.
    features : ndarray of shape (n_chosen,), dtype=np.intp
        Features to set.
    tied : bool, default=False
        Whether the rows are tied, so that each direction has one unit.
    """
    directions = feature_means(X[:, features], targets)
    if tied or len(coefs) == 1:
        # Rows of a truncated student are wider than its targets.
        coefs[0][features, : directions.shape[1]] = directions
        return
    n_carried = _n_carried(targets.shape[1], [w.shape[1] for w in coefs[:-1]])
    coefs[0][features, :n_carried] = directions[:, :n_carried]
    coefs[0][features, n_carried : 2 * n_carried] = -directions[:, :n_carried]


def _n_carried(n_components: int, hidden_layer_sizes: Sequence[int]) -> int:
    """Number of directions that every layer has a pair of units for."""
    return min(n_components, min(hidden_layer_sizes) // 2)


def feature_means(X: sparse.csr_matrix, targets: np.ndarray) -> np.ndarray:
    """Mean of the centred targets over the documents with a feature, shrunk if rare.

    With t_i the targets and m their mean::

        A[j] = sum_i x_ij (t_i - m) / (SHRINKAGE + sum_i |x_ij|)

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Targets of the documents.

    Returns
    -------
    ndarray of shape (n_features, n_components), dtype=np.float32
        One row per feature, C-contiguous.
    """
    weight = np.asarray(abs(X).sum(axis=0, dtype=np.float64)).ravel()
    mean = _mean(targets, np.arange(len(targets)))
    # Most documents have none of the features.
    rows = np.flatnonzero(np.diff(X.indptr))
    sums = X[rows].T @ (targets[rows] - mean)
    return np.ascontiguousarray(sums / (SHRINKAGE + weight)[:, None], dtype=np.float32)


def _mean(targets, rows):
    """Mean of some targets, or zero if all are the same: then nothing else remains."""
    blocks = [rows[block] for block in row_blocks(len(rows))]
    total = sum(targets[block].sum(axis=0, dtype=np.float64) for block in blocks)
    mean = (total / max(len(rows), 1)).astype(np.float32)
    largest = max(
        (np.abs(targets[block] - mean).max(initial=0) for block in blocks), default=0
    )
    return np.zeros_like(mean) if largest < 1e-6 else mean


def _deviation(targets, mean, rows):
    """Length of the deviations of some targets from their mean, root mean square."""
    square = sum(
        np.square(targets[rows[block]] - mean, dtype=np.float64).sum()
        for block in row_blocks(len(rows))
    )
    return np.sqrt(square / max(len(rows), 1))


def _noise(
    shape: tuple[int, int], random_state: np.random.RandomState, scale: float
) -> np.ndarray:
    """Draw small normal weights."""
    noise = random_state.standard_normal(shape).astype(np.float32)
    noise *= np.float32(max(scale, 1e-3))
    return noise
