"""Test the wheel: embed, save and load without any extra.

Run it outside the checkout, in an environment with only the wheel and its dependencies.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from untrained import default_stage, untrained_model, word_stage

import sklux
from sklux import LuxicalVectorizer

if Path(sklux.__file__).parents[1] == Path(__file__).resolve().parents[1]:
    raise SystemExit("this is the checkout, not the wheel")

documents = ["a red apple", "a green pear", "a fast car", "a slow bus"] * 10


def use(model, documents):
    """Embed, save, load, embed."""
    vectors = model.transform(documents)
    X = model.lexical_.transform(documents)
    np.testing.assert_allclose(vectors, model.projection_.transform(X), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.sklux")
        model.quantize("float16").save(path)
        loaded = LuxicalVectorizer.load(path)
        np.testing.assert_allclose(loaded.transform(documents), vectors, atol=2e-3)


use(untrained_model(word_stage(documents), n_components=4, n_units=8), documents)
model = untrained_model(default_stage(documents), n_components=4, n_units=8)
# The model has no word of the last two documents, but pieces of them.
use(model, [*documents, "Grapes", "re\u0301grouped \u0327\u0301 [UNK]"])
unwanted = {"torch", "tokenizers", "sentence_transformers", "pandas", "matplotlib"}
unwanted &= set(sys.modules)
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
