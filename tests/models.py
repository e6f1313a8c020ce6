"""Models with random weights: what they compute is tested without a training."""

import numpy as np
from scipy import sparse

from sklux import LuxicalVectorizer, ReLUProjection
from sklux._student.network import Network, apply_network
from sklux._student.projection import adopt_student, network_of
from sklux._student.trained import TrainedStudent


def random_weights(sizes, seed=0):
    """Normal weights of layers of the given widths, from the input to the output."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal(shape, dtype=np.float32) / np.float32(shape[1] ** 0.5)
        for shape in zip(sizes[:-1], sizes[1:])
    ]


def random_projection(n_features, sizes=(40, 24), seed=0, in_order=False):
    """A fitted network; the last of the sizes is the width of its vectors.

    Its rows lie in the order of random frequencies, unless ``in_order``.
    """
    projection = ReLUProjection(
        sizes[-1], hidden_layer_sizes=sizes[:-1], weights_dtype="float32"
    )
    network = Network.of(random_weights((n_features, *sizes), seed))
    if not in_order:
        network = network.by_frequency(np.random.default_rng(seed).random(n_features))
    teacher_components = np.eye(sizes[-1], dtype=np.float32)
    adopt_student(projection, TrainedStudent(network, teacher_components))
    return projection


def random_network(n_features, sizes, tied=False, seed=0, dtype="float32"):
    """A network with normal weights, whose rows lie in the order of frequencies."""
    random = np.random.RandomState(seed)
    widths = (n_features, *sizes)
    coefs = [
        random.standard_normal(shape).astype(np.float32)
        for shape in zip(widths, widths[1:])
    ]
    network = Network.of(coefs, tied=tied).quantized(dtype)
    return network.by_frequency(random.randint(9, size=n_features))


def random_model(lexical, sizes=(40, 24), seed=0, *, in_order=False, **params):
    """A fitted vectorizer with random weights behind a fitted lexical stage."""
    model = LuxicalVectorizer(**params)
    model.lexical_ = lexical
    n_features = len(lexical.get_feature_names_out())
    model.projection_ = random_projection(n_features, sizes, seed, in_order)
    model.teacher_id_, model.n_teacher_terms_ = None, 0
    return model


def unfused(model, documents):
    """Vectors on the way through the matrix of the lexical stage."""
    X = sparse.csr_matrix(model.lexical_.transform(documents), dtype=np.float32)
    return apply_network(X, network_of(model.projection_), 1)


def is_fused(model):
    """Whether the model goes from text to vectors in one kernel."""
    return model._fused_transform() is not None
