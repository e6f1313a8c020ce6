"""What must work where sklux alone is installed: load nothing else, embed, save, load.

Run in an environment with the wheel and what it requires, outside of the checkout.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy import sparse

import sklux
from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection

if Path(sklux.__file__).parents[1] == Path(__file__).resolve().parents[1]:
    raise SystemExit("this is the checkout, not the wheel")

documents = ["a red apple", "a green pear", "a fast car", "a slow bus"] * 10
lexical = LexicalVectorizer(ngram_range=(1, 2), dtype=np.float32)
X = sparse.csr_matrix(lexical.fit_transform(documents))

# A model without a training, which needs torch.
model = LuxicalVectorizer()
projection = ReLUProjection(4, hidden_layer_sizes=(8,))
rng = np.random.default_rng(0)
projection.coefs_ = [
    rng.standard_normal(shape).astype(np.float32) for shape in ((X.shape[1], 8), (8, 4))
]
projection.n_features_in_, projection.n_components_ = X.shape[1], 4
projection.teacher_components_ = None
projection.loss_curve_, projection.validation_scores_, projection.n_iter_ = [], None, 0
projection.n_taught_, projection.report_ = 0, None
model.lexical_, model.projection_, model.teacher_id_ = lexical, projection, None

vectors = model.transform(documents)
np.testing.assert_allclose(vectors, projection.transform(X), atol=1e-6)
np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "model.sklux")
    model.quantize("float16").save(path)
    loaded = LuxicalVectorizer.load(path)
    np.testing.assert_allclose(loaded.transform(documents), vectors, atol=2e-3)
unwanted = {"torch", "sentence_transformers", "pandas", "matplotlib"} & set(sys.modules)
if unwanted:
    raise SystemExit(f"these were imported: {unwanted}")
try:
    LuxicalVectorizer(lambda texts: np.eye(len(texts), 4)).fit(documents)
except ImportError as error:
    if "sklux[" not in str(error):
        raise
else:
    raise SystemExit("a fit without an extra did not say which one it needs")
print(f"sklux {sklux.__version__} on Python {sys.version.split()[0]}: works")
