"""Start of the student: at epoch 0 it is already a linear model of the targets.

The linear model is a ridge regression from the features to the targets, less their
mean m; a feature that no document of the training has gets the mean target of the
documents that it occurs in. Where the teacher has taught terms too, those that it finds
alike get weights that are alike (`_term_vectors`). A ReLU keeps the positive half of a
value only, so each direction is carried twice, as [A, -A], and the last layer takes the
difference, relu(a) - relu(-a) = a.

The last layer adds the mean. There are no biases, but hidden rows have unit length, so
that a weighted sum of |a| = relu(a) + relu(-a) is nearly the same for all documents.
With a / |a| the deviation, and r the length that it should have (the mean of its
square)::

    z = a + (|a| . u) m,   where |a| . u ~ |a|_2 / r   (least squares)

Without a hidden layer the regression is to the targets themselves.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from sklux._student.products import csr_product
from sklux._student.ridge import ridge_weights
from sklux._student.term_vectors import TermVectors, term_sums
from sklux._utils.similarity import unit_rows

# Imagined occurrences with the corpus's mean vector, added to those of each
# feature: they pull rare features, whose mean is unsure, towards zero.
SHRINKAGE = 1.0
NOISE = 0.02
# Strength of the ridge regression on unit rows, and steps of its solution.
RIDGE_ALPHA, RIDGE_STEPS = 0.1, 16
# Documents from which the weights of the mean are learnt, and a part of the mean
# square that keeps them even.
MEAN_SAMPLE, MEAN_ALPHA = 2000, 0.1


def initial_coefs(
    X: sparse.csr_matrix,
    targets: np.ndarray,
    hidden_layer_sizes: tuple[int, ...],
    random_state: np.random.RandomState,
    terms: TermVectors | None = None,
) -> list[np.ndarray]:
    """Return the weights of all layers before the first epoch.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents taught.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Unit rows that the student shall reach, principal directions first.
    hidden_layer_sizes : tuple of int
        Units of the hidden layers; empty for a linear student.
    random_state : RandomState
        Source of the noise in the units that carry no direction.
    terms : TermVectors or None, default=None
        Terms that are taught too.

    Returns
    -------
    list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Weights, C-contiguous.
    """
    X = normalize(X)
    if not hidden_layer_sizes:
        return [linear_weights(X, targets, terms)]
    n_components = targets.shape[1]
    n_carried = _n_carried(n_components, hidden_layer_sizes)
    sizes = (*hidden_layer_sizes, n_components)

    mean = _mean(targets)
    rest = targets - mean
    directions = linear_weights(X, rest, terms)
    # Noise is for the units that carry no direction: it is all that they have.
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
    added = np.outer(_mean_weights(X, rest[:, :n_carried], coefs), mean)
    coefs[-1][positive] += added
    coefs[-1][negative] += added
    return coefs


def _mean_weights(X, rest, coefs):
    """The weights u of |a|, with which the last layer adds the mean."""
    n_carried = rest.shape[1]
    hidden = csr_product(X[:MEAN_SAMPLE], coefs[0])
    for weights in coefs[1:-1]:
        hidden = unit_rows(np.maximum(hidden, 0)) @ weights
    hidden = unit_rows(np.maximum(hidden, 0)).astype(np.float64)
    positive, negative = hidden[:, :n_carried], hidden[:, n_carried : 2 * n_carried]
    size, found = positive + negative, np.linalg.norm(positive - negative, axis=1)
    length = np.sqrt(np.square(rest, dtype=np.float64).sum(axis=1).mean())
    moment = size.T @ size
    if not moment.any() or length == 0:
        return np.zeros(n_carried)
    moment += MEAN_ALPHA * moment.trace() / n_carried * np.eye(n_carried)
    return np.linalg.solve(moment, size.T @ found / length)


def linear_weights(
    X: sparse.csr_matrix, targets: np.ndarray, terms: TermVectors | None
) -> np.ndarray:
    """Weights of the linear student: those of a ridge regression.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Unit rows of the documents taught.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        What they shall be mapped to; less its mean, where a last layer adds that.
    terms : TermVectors or None
        Terms that are taught too. What they say is regressed on beside X, and their
        weights get what that is worth.

    Returns
    -------
    ndarray of shape (n_features, n_components), dtype=np.float32
        C-contiguous.
    """
    if terms is None:
        return ridge_weights(X, targets, RIDGE_ALPHA, RIDGE_STEPS)[0]
    said, scale = term_sums(X, terms)
    weights, of_said = ridge_weights(X, targets, RIDGE_ALPHA, RIDGE_STEPS, said)
    weights[terms.features] += terms.vectors @ (scale * of_said)
    return weights


def start_features(
    coefs: list[np.ndarray],
    X: sparse.csr_matrix,
    targets: np.ndarray,
    features: np.ndarray,
) -> None:
    """Give some features their mean deviation of the targets as weights.

    A feature of held-out documents only has no weight before training, and none
    after; the documents that are held out need not be without it.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_units_in, n_units_out)
        Weights; the rows of ``coefs[0]`` are changed in place.
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of all documents.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Their targets.
    features : ndarray of shape (n_chosen,), dtype=np.intp
        Which features.
    """
    directions = feature_means(X[:, features], targets)
    if len(coefs) == 1:
        coefs[0][features] = directions
        return
    n_carried = _n_carried(targets.shape[1], [w.shape[1] for w in coefs[:-1]])
    coefs[0][features, :n_carried] = directions[:, :n_carried]
    coefs[0][features, n_carried : 2 * n_carried] = -directions[:, :n_carried]


def _n_carried(n_components: int, hidden_layer_sizes: Sequence[int]) -> int:
    """As many directions, largest first, as every layer has pairs of units for."""
    return min(n_components, min(hidden_layer_sizes) // 2)


def feature_means(X: sparse.csr_matrix, targets: np.ndarray) -> np.ndarray:
    """Mean deviation of the targets where a feature occurs, shrunk when it is rare.

    With t_i the targets and m their mean::

        A[j] = sum_i x_ij (t_i - m) / (SHRINKAGE + sum_i |x_ij|)

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the documents.
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        What the documents shall be mapped to.

    Returns
    -------
    ndarray of shape (n_features, n_components), dtype=np.float32
        One row per feature, C-contiguous.
    """
    weight = np.asarray(abs(X).sum(axis=0, dtype=np.float64)).ravel()
    sums = X.T @ deviations(targets)
    return np.ascontiguousarray(sums / (SHRINKAGE + weight)[:, None], dtype=np.float32)


def deviations(targets: np.ndarray) -> np.ndarray:
    """Targets less their mean, or as they are where all are the same.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_components), dtype=np.float32
        Rows.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype=np.float32
        What the start is to tell apart.
    """
    return targets - _mean(targets)


def _mean(targets):
    """Mean of the targets; zero where all are the same, for then it is all there is."""
    mean = targets.mean(axis=0, dtype=np.float64).astype(np.float32)
    if np.abs(targets - mean).max(initial=0) < 1e-6:
        return np.zeros_like(mean)
    return mean


def _noise(
    shape: tuple[int, int], random_state: np.random.RandomState, scale: float
) -> np.ndarray:
    """Draw small normal weights."""
    noise = random_state.standard_normal(shape).astype(np.float32)
    noise *= np.float32(max(scale, 1e-3))
    return noise
