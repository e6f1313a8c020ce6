"""Pickles from one Python to another: `write FOLDER` in the first, `read FOLDER` after.

What is read must give the vectors that were written, and a model file must do so too.
"""

import pickle
import sys
from pathlib import Path

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from untrained import untrained_model

from sklux import LuxicalVectorizer

DOCUMENTS = ["a red apple", "a green pear", "naïve cars", "a slow bus", ""] * 8


def write(folder: Path) -> None:
    """Write a pipeline and its vectors."""
    model = untrained_model(DOCUMENTS, n_components=4, n_units=8)
    model.projection_.teacher_components_ = np.eye(4, dtype=np.float32)
    pipeline = make_pipeline(model, FunctionTransformer())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipeline.pickle").write_bytes(pickle.dumps(pipeline, protocol=5))
    (folder / "lexical.pickle").write_bytes(pickle.dumps(model.lexical_, protocol=5))
    model.quantize("int8").save(folder / "model.sklux")
    np.save(folder / "vectors.npy", pipeline.transform(DOCUMENTS))
    np.save(folder / "rounded.npy", model.quantize("int8").transform(DOCUMENTS))
    np.save(folder / "matrix.npy", model.lexical_.transform(DOCUMENTS).toarray())


def read(folder: Path) -> None:
    """Read all, and compare."""
    pipeline = pickle.loads((folder / "pipeline.pickle").read_bytes())
    lexical = pickle.loads((folder / "lexical.pickle").read_bytes())
    model = LuxicalVectorizer.load(folder / "model.sklux")
    found = {
        "vectors": pipeline.transform(DOCUMENTS),
        "rounded": model.transform(DOCUMENTS),
        "matrix": lexical.transform(DOCUMENTS).toarray(),
    }
    for name, array in found.items():
        np.testing.assert_allclose(array, np.load(folder / f"{name}.npy"), atol=1e-6)


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
    print(f"Python {sys.version.split()[0]}: {sys.argv[1]}, as it should be")
