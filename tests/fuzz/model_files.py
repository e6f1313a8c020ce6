"""Model files whose checksums are right, but whose content is forged."""

import json
import pickle
import warnings

import numpy as np
from hypothesis import strategies as st
from models import random_network
from pieces_reference import TRAINING_TEXTS, bert_tokenizer
from sklearn.feature_extraction.text import TfidfVectorizer

from fuzz.changes import (
    array_changes,
    byte_changes,
    value_changes,
    with_array,
    with_bytes,
    with_value,
)
from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._student.projection import adopt_student
from sklux._student.report import FitReport
from sklux._student.trained import TrainedStudent
from sklux._utils.model_file import read_model, write_model

MEMORY_MB = 256
TEXTS = [f"{a} {b} tree" for a in ("red", "green", "na\u00efve") for b in "xyz"]
QUERIES = [*TEXTS, "", "\ud800 tree [CLS] \u4e2d\u6587", "e\u0301 " * 40]
STAGES = {
    "words": lambda: LexicalVectorizer(ngram_range=(1, 2), dtype=np.float32),
    "characters": lambda: LexicalVectorizer(analyzer="char_wb", ngram_range=(2, 4)),
    "pieces": lambda: LexicalVectorizer(
        analyzer="subword", tokenizer=bert_tokenizer(), ngram_range=(1, 2)
    ),
    "both": default_lexical_stage,
    "scikit-learn": TfidfVectorizer,
}
# Type of the weights, and whether rows are tied.
NETWORKS = {
    "words": ("int8", True),
    "characters": ("float16", False),
    "pieces": ("float32", False),
    "both": ("int8", True),
    "scikit-learn": ("float32", True),
}


def prepare(folder):
    """A model with each lexical stage: its tensors, its state and its whole file."""
    prepared = {}
    for name, make_stage in STAGES.items():
        path = folder / "model"
        _model(make_stage().fit(TEXTS + TRAINING_TEXTS), *NETWORKS[name]).save(path)
        tensors, state = read_model(path, mmap_mode=None, verify=True)
        prepared[name] = (tensors, state, path.read_bytes())
    return prepared


def _model(stage, dtype, tied):
    """A fitted model with random weights, and with all that a fit leaves behind."""
    n_features = len(stage.get_feature_names_out())
    network = random_network(n_features, (8, 8), tied=tied, dtype=dtype)
    projection = ReLUProjection(8, hidden_layer_sizes=(8,), weights_dtype=dtype)
    student = TrainedStudent(
        network,
        np.eye(8, dtype=np.float32),
        n_teacher_documents=40,
        loss_curve=[0.5, 0.25],
        validation_scores=[0.5, 0.75],
        report=FitReport(40, 8, True, 0.5, 0.5, 2.0, 3.0, 0.1, 0.2),
        n_samples_seen=40,
        squares=np.ones(network.n_rows, dtype=np.float32),
    )
    adopt_student(projection, student)
    model = LuxicalVectorizer()
    model.lexical_, model.projection_ = stage, projection
    model.teacher_id_, model.n_teacher_terms_ = "teacher", 3
    return model


def cases(prepared):
    """A model, one or more changes of it, and whether it is mapped."""

    def changes_of(name):
        tensors, state, content = prepared[name]
        header = st.sampled_from(list(_header(content)[0]))
        tensor = st.sampled_from(sorted(tensors)).flatmap(
            lambda key: st.fixed_dictionaries(
                {"tensor": st.just(key), "change": array_changes(tensors[key])}
            )
        )
        one = st.one_of(
            st.fixed_dictionaries({"state": value_changes(state)}),
            tensor,
            st.fixed_dictionaries(
                {
                    "new": st.text(max_size=9) | st.sampled_from(sorted(tensors)),
                    "of": st.sampled_from(sorted(tensors)),
                }
            ),
        )
        entry = header.flatmap(lambda key: value_changes({key: _entry(content, key)}))
        after = st.one_of(
            st.fixed_dictionaries({"header": entry}),
            st.fixed_dictionaries({"file": byte_changes(content)}),
        )
        if "tokenizer" in tensors:
            tokenizer = json.loads(tensors["tokenizer"].tobytes())
            one |= st.fixed_dictionaries({"tokenizer": value_changes(tokenizer)})
        return st.fixed_dictionaries(
            {
                "model": st.just(name),
                "changes": st.lists(one, min_size=1, max_size=3)
                | st.lists(after, min_size=1, max_size=2),
                "mmap_mode": st.sampled_from([None, "r"]),
            }
        )

    return st.sampled_from(sorted(prepared)).flatmap(changes_of)


def _header(content):
    """The header of a file of safetensors, and where it ends."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), end


def _entry(content, name):
    return _header(content)[0][name]


def forged(prepared, case, path):
    """Write the file of a case."""
    tensors, state, content = prepared[case["model"]]
    changes = case["changes"]
    if not {"header", "file"} & set(changes[0]):
        # The tokenizer can be read only before its bytes are changed.
        for change in sorted(changes, key=lambda change: "tokenizer" not in change):
            tensors, state = _with_change(tensors, state, change)
        try:
            write_model(path, tensors, state)
        except (KeyError, UnicodeEncodeError):  # a type or name that no file can have
            return False
        return True
    # The header can be read only before bytes are changed.
    for change in sorted(changes, key=lambda change: "file" in change):
        if "file" in change:
            content = with_bytes(content, change["file"])
        else:
            header, end = _header(content)
            text = json.dumps(with_value(header, change["header"])).encode()
            content = len(text).to_bytes(8, "little") + text + content[end:]
    # Not in place, because a model that is mapped may still be in use.
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return True


def _with_change(tensors, state, change):
    """Tensors and state with a change."""
    if "state" in change:
        return tensors, with_value(state, change["state"])
    if "new" in change:
        # An earlier change may have removed the other tensor.
        array = tensors.get(change["of"], np.zeros(0))
        return tensors | {change["new"]: array}, state
    if "tokenizer" in change:
        tokenizer = json.loads(tensors["tokenizer"].tobytes())
        text = json.dumps(with_value(tokenizer, change["tokenizer"]))
        array = np.frombuffer(text.encode(), dtype=np.uint8)
        return tensors | {"tokenizer": array}, state
    name = change["tensor"]
    rest = {other: tensors[other] for other in tensors if other != name}
    if change["change"] is None or name not in tensors:
        return rest, state
    return rest | {name: with_array(tensors[name], change["change"])}, state


def check(prepared, case, folder):
    """Fail unless the file is refused by `load`, or gives finite vectors."""
    path = folder / "forged"
    if not forged(prepared, case, path):
        return
    try:
        model = LuxicalVectorizer.load(path, mmap_mode=case["mmap_mode"])
    except ValueError:
        return
    use(model)


def use(model):
    """Use a loaded model in all ways that do not write files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors = model.transform(QUERIES)
        assert np.isfinite(vectors).all()
        assert len(vectors) == len(QUERIES)
        # A copy makes its look-up tables anew. Those of a forged file may differ.
        copy = pickle.loads(pickle.dumps(model))
        assert np.isfinite(copy.transform(QUERIES)).all()
        names = model.lexical_.get_feature_names_out()
        X = model.lexical_.transform(QUERIES)
        assert X.shape == (len(QUERIES), len(names))
        assert np.isfinite(model.quantize("int8").transform(QUERIES)).all()
        assert len(model.get_feature_names_out()) == vectors.shape[1]
        repr(model)
