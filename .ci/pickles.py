"""Test pickles between Pythons: `write FOLDER` in one, then `read FOLDER` in another.

Unpickled models and model files must give the same vectors as the original models. If
torch and tokenizers are installed, `write` adds a trained model; `read` needs neither.
"""

import pickle
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from unicodedata import ucd_3_2_0

import numpy as np
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from untrained import default_stage, untrained_model, word_stage

from sklux import LuxicalVectorizer, ReLUProjection

DOCUMENTS = ["a red apple", "a green pear", "na\u00efve cars", "a slow bus", ""] * 8
DOCUMENTS += ["\u039f\u0394\u039f\u03a3 \u0130 \ufb01 a\u0301\u0327 [UNK] \ud55c\u4e2d"]
# By design, the running Python decides which characters are letters, and what their
# lower case is: a word is what `re` matches, as in scikit-learn. Two Pythons with
# different versions of Unicode therefore read a text in the same way only if both have
# the same data about its characters. The data of the characters of Unicode 3.2 are the
# same in Unicode 14.0 (Python 3.11) and 16.0 (Python 3.14): their vectors must agree.
BLOCKS = [
    [c for c in map(chr, range(start, start + 256)) if ucd_3_2_0.category(c) != "Cn"]
    for start in range(0, sys.maxunicode + 1, 256)
    if not 0xE000 <= start < 0xF900 and start < 0xF0000  # not those for private use
]
OLD = [" ".join(2 * c for c in block) for block in BLOCKS if block]
OLD += ["".join(block) for block in BLOCKS if block]
# The lower case of a capital sigma depends on the letters and marks before it.
OLD += [" ".join(f"A{c}\u03a3" for c in block) for block in BLOCKS if block]
# Newer characters, and a mark that was of another kind before Unicode 16.0. To an older
# Python they are not letters, so it splits words there and the vectors may differ. In
# both Pythons each row must have the length 1 or 0, and the word pieces must be the
# same, because the model contains their table. (Only the order of several new marks
# after one letter depends on the running Python.)
NEW = [
    "a red \U0001e4d0\U0001e4d1 apple",  # letters of 15.0
    "\u1c89\u1c8a \U00010d50\U00010d70 pear",  # capitals and small letters of 16.0
    "x\U00011f00y \U00011f41\U00011f02",  # marks and letters of 15.0
    "red\U0001fadf\u2ffc\U000323b0",  # signs of 15.1 and 16.0, a letter of 17.0
    "A\U0001171e\u03a3 \u1c89\u03a3 \ua7cb",  # characters before a sigma
    "\U0001e4d0",
]


def trained_model(documents: list[str]) -> LuxicalVectorizer:
    """The default model, but small."""
    network = ReLUProjection(4, hidden_layer_sizes=(8,), max_iter=2)
    teacher = np.random.default_rng(0).standard_normal((len(documents), 6))
    model = LuxicalVectorizer(projection=network, random_state=0)
    return model.fit(documents, teacher_embeddings=teacher)


def write(folder: Path) -> list[str]:
    """Write models and their vectors; return the names of the models."""
    documents = [*DOCUMENTS, *OLD, *NEW]
    models = {
        "words": untrained_model(word_stage(documents), n_components=4, n_units=8),
        "default": untrained_model(default_stage(documents), n_components=4, n_units=8),
    }
    if find_spec("torch") and find_spec("tokenizers"):
        models["trained"] = trained_model(documents)
    shutil.rmtree(folder, ignore_errors=True)
    for name, model in models.items():
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        pipeline = make_pipeline(model, FunctionTransformer())
        (place / "pipeline.pickle").write_bytes(pickle.dumps(pipeline, protocol=5))
        (place / "lexical.pickle").write_bytes(pickle.dumps(model.lexical_, protocol=5))
        rounded = model.quantize("int8")
        rounded.save(place / "model.sklux")
        np.save(place / "vectors.npy", pipeline.transform(DOCUMENTS + OLD))
        np.save(place / "rounded.npy", rounded.transform(DOCUMENTS + OLD))
        matrix = model.lexical_.transform(DOCUMENTS + OLD)
        sparse.save_npz(place / "matrix.npz", matrix)
        sparse.save_npz(place / "pieces.npz", pieces(model.lexical_))
    return sorted(models)


def read(folder: Path) -> list[str]:
    """Read the models and compare their vectors; return the names of the models."""
    names = sorted(place.name for place in folder.iterdir())
    for place in (folder / name for name in names):
        pipeline = pickle.loads((place / "pipeline.pickle").read_bytes())
        lexical = pickle.loads((place / "lexical.pickle").read_bytes())
        model = LuxicalVectorizer.load(place / "model.sklux")
        for found, name in ((pipeline, "vectors.npy"), (model, "rounded.npy")):
            expected = np.load(place / name)
            vectors = found.transform(DOCUMENTS + OLD)
            np.testing.assert_allclose(vectors, expected, atol=1e-6, err_msg=name)
            check_unit_or_zero(found.transform(NEW))
        for stage in (lexical, model.lexical_):
            matrix = stage.transform(DOCUMENTS + OLD)
            check_same(matrix, sparse.load_npz(place / "matrix.npz"))
            check_same(pieces(stage), sparse.load_npz(place / "pieces.npz"))
    if not {"words", "default"} <= set(names):
        raise SystemExit(f"these models were written: {names}")
    return names


def pieces(lexical) -> sparse.csr_matrix:
    """Word pieces of the texts in `NEW`, with their relative frequencies."""
    names = lexical.get_feature_names_out()
    n_pieces = sum(name.startswith("subword__") for name in names)
    X = lexical.transform(NEW)[:, :n_pieces]
    lengths = sparse.linalg.norm(X, axis=1)
    return sparse.diags_array(1 / np.maximum(lengths, 1e-12)) @ X


def check_unit_or_zero(vectors: np.ndarray) -> None:
    """Each row has the length 1 or 0; NaN has neither."""
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.isclose(lengths, 1) | (lengths == 0)).all():
        raise SystemExit(f"lengths of vectors: {lengths}")


def check_same(found: sparse.csr_matrix, expected: sparse.csr_matrix) -> None:
    """Fail unless both have the same terms and nearly the same weights."""
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, atol=1e-6)


if __name__ == "__main__":
    names = {"write": write, "read": read}[sys.argv[1]](Path(sys.argv[2]))
    print(f"Python {sys.version.split()[0]}: {sys.argv[1]} {', '.join(names)}")
