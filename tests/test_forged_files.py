"""Forged model files: the checksums are right, the content is wrong.

`fuzz.model_files` tries random forgeries.
"""

import json
import tracemalloc

import numpy as np
import pytest
from conftest import small_vectorizer
from pieces_reference import bert_tokenizer
from sklearn.feature_extraction.text import TfidfVectorizer

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux._utils.model_file import read_model, write_model

TEXTS = [f"{a} {b} tree" for a in ("red", "green", "na\u00efve") for b in "xyz"] * 2
STAGES = {
    "both": None,
    "words": LexicalVectorizer(),
    "pieces": LexicalVectorizer(analyzer="subword", n_subwords=40),
    "scikit-learn": TfidfVectorizer(),
}
# Many times what a small model needs.
MAX_BYTES = 50_000_000


def read(path):
    """Read a model file with all checks."""
    return read_model(path, mmap_mode=None, verify=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small model with each lexical stage: its path, its tensors and its state."""
    folder, found = tmp_path_factory.mktemp("forged"), {}
    vectors = np.random.RandomState(0).normal(size=(len(TEXTS), 5))
    for name, lexical in STAGES.items():
        path = folder / name
        model = small_vectorizer(lexical=lexical)
        model.fit(TEXTS, teacher_embeddings=vectors).save(path)
        found[name] = (path, *read(path))
    return found


def changed(state, keys, value):
    """A copy of a state with another value at a place."""
    copied = json.loads(json.dumps(state))
    *parents, last = keys
    inner = copied
    for key in parents:
        inner = inner[key]
    inner[last] = value
    return copied


LEXICAL, PROJECTION = ("lexical_", "params"), ("projection_", "params")
# Name of the model, place in the state, forged value, part of the message.
FORGED_STATES = {
    "teacher": ("both", ("params", "teacher"), "evil/model", "teacher"),
    "opens files": ("words", (*LEXICAL, "input"), "filename", "input='filename'"),
    "unfitted opens files": (
        "words",
        ("lexical", "params", "input"),
        "filename",
        "input='filename'",
    ),
    "reads open files": ("words", (*LEXICAL, "input"), "file", "input='file'"),
    "sklearn reads": ("scikit-learn", (*LEXICAL, "input"), "file", "input='file'"),
    "checkpoint": ("both", (*PROJECTION, "checkpoint"), "/tmp/a", "checkpoint"),
    "pattern": ("words", (*LEXICAL, "token_pattern"), "(a+)+$", "token_pattern"),
    "sklearn's pattern": (
        "scikit-learn",
        (*LEXICAL, "token_pattern"),
        "(a|a)*$",
        "token_pattern",
    ),
    "no pattern": ("words", (*LEXICAL, "token_pattern"), "(", "token_pattern"),
    "negative": ("words", (*LEXICAL, "ngram_range"), [-(10**9), 1], "ngram_range"),
    "long": ("words", (*LEXICAL, "ngram_range"), [1, 10**9], "ngram_range"),
    "turned": ("words", (*LEXICAL, "ngram_range"), [2, 1], "ngram_range"),
    "three": ("words", (*LEXICAL, "ngram_range"), [1, 1, 1], "ngram_range"),
    "floats": ("words", (*LEXICAL, "ngram_range"), [1.0, 2.0], "ngram_range"),
    "dtype": ("words", (*LEXICAL, "dtype"), "object", "dtype"),
    "many dtypes": ("words", (*LEXICAL, "dtype"), "i4," * 10**5, "dtype"),
    "lowercase": ("words", (*LEXICAL, "lowercase"), "yes", "lowercase"),
    "encoding": ("words", (*LEXICAL, "encoding"), "zip", "encoding"),
    "stop words": ("words", (*LEXICAL, "stop_words"), [[]], "stop_words"),
    "vocabulary": ("words", (*LEXICAL, "vocabulary"), {"a": "b"}, "vocabulary"),
    "preprocessor": ("words", (*LEXICAL, "preprocessor"), "str", "preprocessor"),
    "norm": ("words", (*LEXICAL, "norm"), "l3", "norm"),
    "segmentation": ("both", (*LEXICAL, "segmentation"), [], "segmentation"),
    "n_jobs": ("both", ("params", "n_jobs"), 1.5, "n_jobs"),
    "no jobs": ("both", ("params", "n_jobs"), 0, "n_jobs"),
    "no jobs of words": ("words", (*LEXICAL, "n_jobs"), 0, "n_jobs"),
    "no jobs of layers": ("both", (*PROJECTION, "n_jobs"), 0, "n_jobs"),
    "words": ("both", ("params", "teacher_words"), [1], "teacher_words"),
    "widths": ("both", (*PROJECTION, "hidden_layer_sizes"), [2**62], "hidden_layer"),
    "device": ("both", (*PROJECTION, "device"), 3, "device"),
    "layers": ("both", ("projection_", "n_layers"), 10**9, "number of layers"),
    "losses": ("both", ("projection_", "loss_curve"), "ab", "loss_curve"),
    "teacher's name": ("both", ("teacher_id",), ["a"], "teacher_id"),
    "longest word": (
        "pieces",
        ("tables", "parts", 0, "trie"),
        [0, 2**62],
        "look-up tables have other rules",
    ),
    "trie": ("pieces", ("tables", "parts", 0, "trie"), [[], {}], "look-up tables"),
    "known": ("words", ("tables", "parts", 0, "n_known"), 2**70, "look-up tables"),
}


@pytest.mark.parametrize("kind", FORGED_STATES)
def test_forged_file_state_is_refused(files, tmp_path, kind):
    model, keys, value, message = FORGED_STATES[kind]
    _, tensors, state = files[model]
    write_model(tmp_path / "model", tensors, changed(state, keys, value))
    with pytest.raises(ValueError, match=message):
        LuxicalVectorizer.load(tmp_path / "model")


def test_forged_file_settings_of_trusted_files_are_kept(files, tmp_path):
    """With verify=False, a file may hold what a forged file could misuse."""
    _, tensors, state = files["scikit-learn"]
    for name, value in {"token_pattern": r"\w+x|\d", "input": "filename"}.items():
        forged = changed(state, (*LEXICAL, name), value)
        write_model(tmp_path / "model", tensors, forged)
        with pytest.raises(ValueError, match=f"{name}=.*load it with verify=False"):
            LuxicalVectorizer.load(tmp_path / "model")
        model = LuxicalVectorizer.load(tmp_path / "model", verify=False)
        assert getattr(model.lexical_, name) == value


def test_forged_file_tokenizer_is_refused(files, tmp_path):
    _, tensors, state = files["pieces"]
    tokenizer = json.loads(tensors["tokenizer"].tobytes())
    tokenizer["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "////"}
    text = json.dumps(tokenizer)
    forged = tensors | {"tokenizer": np.frombuffer(text.encode(), dtype=np.uint8)}
    write_model(tmp_path / "model", forged, state)
    with pytest.raises(ValueError, match="Precompiled leads outside.*verify=False"):
        LuxicalVectorizer.load(tmp_path / "model")
    # The parameter, which the next fit reads.
    write_model(
        tmp_path / "model", tensors, changed(state, (*LEXICAL, "tokenizer"), text)
    )
    with pytest.raises(ValueError, match="Precompiled leads outside.*verify=False"):
        LuxicalVectorizer.load(tmp_path / "model")


def test_forged_file_tokenizer_that_a_copy_cannot_read_is_refused(files, tmp_path):
    """The look-up tables of the file do not need this part of the tokenizer."""
    for name in ("both", "pieces"):
        _, tensors, state = files[name]
        tokenizer = json.loads(tensors["tokenizer"].tobytes())
        tokenizer["model"]["continuing_subword_prefix"] = None
        text = np.frombuffer(json.dumps(tokenizer).encode(), dtype=np.uint8)
        write_model(tmp_path / "model", tensors | {"tokenizer": text}, state)
        with pytest.raises(ValueError, match="The model's word pieces are damaged"):
            LuxicalVectorizer.load(tmp_path / "model")


def test_forged_file_holds_the_tokenizer_instead_of_a_path(tmp_path, monkeypatch):
    """No path in a file is opened: neither by `load` nor by the next `fit`."""
    path = tmp_path / "tokenizer.json"
    bert_tokenizer().save(str(path))
    lexical = LexicalVectorizer(analyzer="subword", tokenizer=path)
    model = small_vectorizer(lexical=lexical)
    model.fit(TEXTS, teacher_embeddings=np.eye(len(TEXTS), 5) + 1)
    model.save(tmp_path / "model")
    tensors, state = read(tmp_path / "model")
    for stage in ("lexical", "lexical_"):
        assert state[stage]["params"]["tokenizer"].startswith("{")
        # As earlier versions wrote it.
        state[stage]["params"]["tokenizer"] = "/no/such/file"
    write_model(tmp_path / "old", tensors, state)
    loaded = LuxicalVectorizer.load(tmp_path / "old")
    assert loaded.lexical.tokenizer.startswith("{")
    assert loaded.lexical_.tokenizer.startswith("{")
    np.testing.assert_array_equal(loaded.transform(TEXTS), model.transform(TEXTS))
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


FORGED_TENSORS = {
    "unknown": ({"extra": np.zeros(3)}, "tensor of unknown name: 'extra'"),
    "layer": ({"coefs.9": np.zeros((3, 3))}, "tensor of unknown name: 'coefs.9'"),
    "characters": (
        {"characters_more": np.zeros(3)},
        "tensor of unknown name: 'characters_more'",
    ),
    "no width": (
        {
            "coefs.0": np.zeros((9, 0), dtype=np.float32),
            "coefs.1": np.zeros((0, 4 * 10**8), dtype=np.float32),
        },
        "layers do not fit together.*Widths are from 1",
    ),
    "no rows": (
        {"coefs.0": np.zeros((0, 2**40), dtype=np.float32)},
        "do not fit together|lead outside",
    ),
}


@pytest.mark.parametrize("kind", FORGED_TENSORS)
def test_forged_file_tensors_are_refused(files, tmp_path, kind):
    _, tensors, state = files["both"]
    forged, message = FORGED_TENSORS[kind]
    write_model(tmp_path / "model", tensors | forged, state)
    tracemalloc.start()
    try:
        for verify in (True, False):
            with pytest.raises(ValueError, match=message):
                LuxicalVectorizer.load(tmp_path / "model", verify=verify)
        assert tracemalloc.get_traced_memory()[1] < MAX_BYTES
    finally:
        tracemalloc.stop()
