"""Which part each feature has in the vector of a document.

A network of sums and ReLU, without constants, is positively homogeneous:
f(c x) = c f(x) for c > 0. By Euler's theorem f(x) = x J(x), where J(x) are the
derivatives at x. So the terms x_i J_i(x), one for each feature, add up to f(x) exactly.
They are the gradient times the input (Shrikumar et al., 2016, :arxiv:`1605.01713`).
They are also the integrated gradients from zero (Sundararajan et al., 2017,
:arxiv:`1703.01365`), because J is the same on the whole line from zero to x.

The linear part of the network is the network with the even part of each ReLU left out:
relu(u) = u / 2 + |u| / 2. With tied rows, z = a[:n] + |a| V, it is a[:n].
"""

import numpy as np

from sklux._student.network import Network


def linear_gradients(network: Network, directions: np.ndarray) -> np.ndarray:
    """Derivatives of the network's linear part, along directions of its output.

    Parameters
    ----------
    network : Network
        The network.
    directions : ndarray of shape (n_directions, n_components)
        The directions.

    Returns
    -------
    ndarray of shape (n_directions, n_hidden), dtype=np.float64
        The derivatives for the sums of the first layer. They are the same for all
        documents.
    """
    directions = np.asarray(directions, dtype=np.float64)
    n_hidden = network.rows.shape[1]
    if network.tied:
        padding = n_hidden - directions.shape[1]
        return np.pad(directions, ((0, 0), (0, padding)))
    for weights in reversed(network.dense):
        directions = directions @ weights.T / 2
    return directions


class FeatureParts:
    """The parts that features have in the vector of one document.

    Parameters
    ----------
    network : Network
        The network.
    features : ndarray of shape (n_occurring,), dtype=np.intp
        Features that occur.
    values : ndarray of shape (n_occurring,)
        Their values.

    Attributes
    ----------
    vector : ndarray of shape (n_components,), dtype=np.float64
        The unit vector of the document; zero if no feature has a weight.
    """

    def __init__(self, network: Network, features: np.ndarray, values: np.ndarray):
        self._network = network
        weights = network.weights_of(features).astype(np.float64)
        self._parts = weights * np.asarray(values, dtype=np.float64)[:, np.newaxis]
        # Sums of each layer before its ReLU.
        self._sums = [self._parts.sum(axis=0)]
        output = self._forward()
        length = np.linalg.norm(output)
        self._factor = 0.0 if length == 0 else 1 / length
        self.vector = output * self._factor

    def _forward(self) -> np.ndarray:
        """The output of the network before it gets unit length."""
        (hidden,), dense = self._sums, self._network.dense
        if self._network.tied:
            return hidden[: dense[-1].shape[1]] + _product(np.abs(hidden), dense)
        for weights in dense:
            self._sums.append(np.maximum(self._sums[-1], 0) @ weights)
        return self._sums[-1]

    def shares(self, direction: np.ndarray, is_linear: bool = False) -> np.ndarray:
        """Return the part of each feature in the product of the vector and another.

        Parameters
        ----------
        direction : ndarray of shape (n_components,)
            The other vector.
        is_linear : bool, default=False
            Whether only the linear part of the network counts.

        Returns
        -------
        ndarray of shape (n_occurring,), dtype=np.float64
            Numbers that add up to ``vector @ direction``, or to the linear part of it.
        """
        gradient = self._gradient(np.asarray(direction, dtype=np.float64), is_linear)
        return self._parts @ gradient * self._factor

    def vectors(self) -> np.ndarray:
        """Return the part of each feature in the vector.

        Returns
        -------
        ndarray of shape (n_occurring, n_components), dtype=np.float64
            Rows that add up to ``vector``.
        """
        basis = np.eye(len(self.vector))
        columns = [self._gradient(direction, False) for direction in basis]
        return self._parts @ np.column_stack(columns) * self._factor

    def _gradient(self, direction: np.ndarray, is_linear: bool) -> np.ndarray:
        """Derivatives of the output along a direction, for the first layer's sums."""
        hidden, dense = self._sums[0], self._network.dense
        if is_linear or self._network.tied:
            linear = linear_gradients(self._network, direction[np.newaxis])[0]
        if is_linear:
            return linear
        if self._network.tied:
            for weights in reversed(dense):
                direction = weights @ direction
            return linear + np.sign(hidden) * direction
        for weights, sums in zip(reversed(dense), reversed(self._sums[:-1])):
            direction = (weights @ direction) * (sums > 0)
        return direction


def feature_strengths(
    network: Network, features: np.ndarray, direction: np.ndarray
) -> np.ndarray:
    """Return how far each feature moves the output along a direction, if it is alone.

    Parameters
    ----------
    network : Network
        The network.
    features : ndarray of shape (n_chosen,), dtype=np.intp
        The features.
    direction : ndarray of shape (n_components,)
        The direction.

    Returns
    -------
    ndarray of shape (n_chosen,), dtype=np.float64
        Product of the direction and the output for a feature of value 1, before the
        output gets unit length. So features of small weights have small strengths.
    """
    hidden = network.weights_of(features).astype(np.float64)
    direction, dense = np.asarray(direction, dtype=np.float64), network.dense
    if network.tied:
        linear = hidden[:, : len(direction)] @ direction
        for weights in reversed(dense):
            direction = weights @ direction
        return linear + np.abs(hidden) @ direction
    for weights in dense:
        hidden = np.maximum(hidden, 0) @ weights
    return hidden @ direction


def _product(row: np.ndarray, matrices: tuple[np.ndarray, ...]) -> np.ndarray:
    """The product of a row and all matrices, in float64."""
    for matrix in matrices:
        row = row @ matrix
    return row
