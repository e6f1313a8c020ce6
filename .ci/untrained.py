"""A fitted model without a training, which would need torch."""

import numpy as np

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection


def untrained_model(
    documents: list[str], n_components: int, n_units: int
) -> LuxicalVectorizer:
    """Terms of some documents, and random weights of a seed."""
    lexical = LexicalVectorizer(ngram_range=(1, 2), dtype=np.float32)
    n_features = lexical.fit_transform(documents).shape[1]
    rng = np.random.default_rng(0)
    projection = ReLUProjection(n_components, hidden_layer_sizes=(n_units,))
    projection.coefs_ = [
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((n_features, n_units), (n_units, n_components))
    ]
    projection.n_features_in_, projection.n_components_ = n_features, n_components
    projection.teacher_components_ = None
    projection.loss_curve_, projection.validation_scores_ = [0.5], [0.5]
    projection.n_iter_, projection.n_taught_, projection.report_ = 1, 40, None
    model = LuxicalVectorizer()
    model.lexical_, model.projection_, model.teacher_id_ = lexical, projection, "t"
    return model
