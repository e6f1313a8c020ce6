"""What must work where sklux alone is installed: load nothing else, embed, save, load.

Run in an environment with the wheel and what it requires, outside of the checkout.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from untrained import untrained_model

import sklux
from sklux import LuxicalVectorizer

if Path(sklux.__file__).parents[1] == Path(__file__).resolve().parents[1]:
    raise SystemExit("this is the checkout, not the wheel")

documents = ["a red apple", "a green pear", "a fast car", "a slow bus"] * 10
model = untrained_model(documents, n_components=4, n_units=8)
X = model.lexical_.transform(documents)

vectors = model.transform(documents)
np.testing.assert_allclose(vectors, model.projection_.transform(X), atol=1e-6)
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
