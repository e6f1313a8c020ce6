"""The type in which a teacher computes: candidates, choice, and what is kept."""

import sqlite3

import numpy as np
import pytest
import torch

from _teacher.teachers import letter_counts
from sklux import CachedTeacher
from sklux._teacher import compute_types
from sklux._teacher.cache_file import FILE_NAME
from sklux._teacher.cached import count_cached, teacher_identity
from sklux._teacher.compute_types import (
    Choice,
    chosen_type,
    least_cosine,
    processor_types,
)

TEXTS = [f"text {number} with {'a' * number}" for number in range(40)]


class Layer(torch.nn.Module):
    """A torch model; it records whether it computes under autocast."""

    def __init__(self, noise=0.0, dtype=torch.float32):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        weights = torch.randn(3, 8, generator=generator)
        self.weights = torch.nn.Parameter(weights.to(dtype))
        self.noise = noise
        self.types = []

    @torch.inference_mode()
    def encode(self, documents, batch_size=32, show_progress_bar=None):
        """Multiply letter counts by the weights."""
        x = torch.tensor(letter_counts(documents), dtype=self.weights.dtype)
        vectors = x @ self.weights
        self.types.append(vectors.dtype)
        if vectors.dtype != torch.float32:
            vectors = vectors + self.noise * vectors.abs().max()
        return vectors


@pytest.fixture
def gains(monkeypatch):
    """Replace the instructions and the times: bfloat16 is twice as fast."""
    found = {"bfloat16": 2.0}
    monkeypatch.setattr(compute_types, "processor_types", lambda: list(found))
    monkeypatch.setattr(
        compute_types,
        "gains_over_float32",
        lambda encoders, _: {name: found[name] for name in encoders if name in found},
    )
    return found


def teacher_of(path, model=None, **params):
    """A teacher whose identity does not change."""
    return CachedTeacher(
        Layer() if model is None else model, path=path, model_id="layer", **params
    )


def bfloat16_vectors(texts=TEXTS):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return Layer().encode(texts).float().numpy()


def test_auto_takes_the_fast_type_and_keeps_it(tmp_path, gains, monkeypatch, capsys):
    """A second run, a clone and a machine without the instructions take it, too."""
    teacher = teacher_of(tmp_path, dtype="float32", verbose=True)
    weights = teacher.model.weights.detach().clone()
    vectors = teacher.transform(TEXTS)
    np.testing.assert_array_equal(vectors, bfloat16_vectors())
    assert vectors.dtype == np.float32
    assert torch.equal(teacher.model.weights, weights)
    assert not torch.is_autocast_enabled("cpu")
    message = "the teacher computes in bfloat16: 2.0 times as fast as float32, with"
    assert message in capsys.readouterr().err
    assert count_cached(teacher, TEXTS) == len(TEXTS)
    assert teacher.get_feature_names_out().shape == (8,)
    monkeypatch.setattr(compute_types, "processor_types", list)
    other = teacher_of(tmp_path, dtype="float32")
    np.testing.assert_array_equal(other.transform([*TEXTS, "new"])[:-1], vectors)
    assert set(other.model.types) == {torch.bfloat16}
    # float32 is stored apart.
    exact = teacher_of(tmp_path, dtype="float32", compute_dtype="float32")
    assert np.abs(exact.transform(TEXTS) - vectors).max() > 1e-4
    assert set(exact.model.types) == {torch.float32}
    np.testing.assert_array_equal(other.transform(TEXTS), vectors)


@pytest.mark.parametrize(
    ("found", "noise", "reason"),
    [
        ({}, 0.0, "the processor has no instructions for smaller types"),
        ({"bfloat16": 1.1}, 0.0, "bfloat16 is only 1.1 times as fast"),
        ({"bfloat16": 2.0}, 0.5, "bfloat16 has a cosine of 0."),
        ({"bfloat16": 2.0}, np.nan, "bfloat16 has a cosine of -1.0000"),
    ],
    ids=["none", "slow", "wrong", "NaN"],
)
def test_auto_stays_with_float32(tmp_path, gains, capsys, found, noise, reason):
    gains.clear()
    gains.update(found)
    teacher = teacher_of(tmp_path, Layer(noise), dtype="float32", verbose=True)
    np.testing.assert_array_equal(teacher.transform(TEXTS), Layer().encode(TEXTS))
    message = f"the teacher computes in float32: {reason}"
    assert message in capsys.readouterr().err
    # The vectors in the cache decide from now on.
    gains["bfloat16"] = 9.0
    teacher.set_params(model=Layer())
    teacher.transform(["new"])
    assert teacher.model.types == [torch.float32]


def test_auto_takes_the_fastest_of_several(gains):
    gains["float16"] = 3.0
    model = Layer()
    assert chosen_type(model.encode, model, TEXTS).name == "float16"
    gains["float16"] = 1.5
    assert chosen_type(model.encode, model, ["one"]).name == "bfloat16"


def test_auto_leaves_out_a_type_that_fails(gains):
    class Broken(Layer):
        def encode(self, documents, **options):
            if torch.is_autocast_enabled("cpu"):
                raise RuntimeError("not implemented for 'BFloat16'")
            return super().encode(documents)

    model = Broken()
    choice = chosen_type(model.encode, model, TEXTS)
    assert choice == Choice("float32", "bfloat16 fails: not implemented for 'BFloat16'")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (letter_counts, "the model is not a torch module"),
        (Layer(dtype=torch.bfloat16), "the model has weights of another type, as it"),
        (Layer().to("meta"), "the model does not compute on the processor"),
        (torch.nn.Identity(), "the model does not compute on the processor"),
    ],
    ids=["function", "bfloat16", "device", "no weights"],
)
def test_auto_leaves_other_models_as_they_are(gains, model, reason):
    choice = compute_types.candidates(model)
    assert choice.name == "float32"
    assert choice.reason.startswith(reason)


def test_auto_an_older_cache_stays_valid(tmp_path, gains):
    """Files of older versions have no table of choices."""
    exact = teacher_of(tmp_path, compute_dtype="float32")
    vectors = exact.transform(TEXTS)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("DROP TABLE compute_dtypes")
    connection.close()
    teacher = teacher_of(tmp_path)
    np.testing.assert_array_equal(teacher.transform(TEXTS), vectors)
    assert teacher.model.types == []
    teacher.transform(["new"])
    assert teacher.model.types == [torch.float32]
    assert teacher_identity(teacher) == teacher_identity(exact) == "layer"


def test_auto_the_first_of_two_processes_chooses(tmp_path, gains, monkeypatch):
    other = teacher_of(tmp_path)

    def slowly(*args):
        other._cache().keep_compute_dtype("float16")
        return Choice("bfloat16", "")

    monkeypatch.setattr("sklux._teacher.cached.chosen_type", slowly)
    teacher = teacher_of(tmp_path)
    teacher.transform(TEXTS)
    assert set(teacher.model.types) == {torch.float16}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_auto_an_error_keeps_nothing(tmp_path, gains, error):
    class Stopped(Layer):
        def encode(self, documents, **options):
            if torch.is_autocast_enabled("cpu"):
                raise error
            return super().encode(documents)

    with pytest.raises(error):
        teacher_of(tmp_path, Stopped()).transform(TEXTS)
    assert not torch.is_autocast_enabled("cpu")
    assert teacher_of(tmp_path)._cache().known_compute_dtype() is None


def test_auto_no_documents_choose_nothing(tmp_path, gains):
    assert teacher_of(tmp_path).transform([]).shape == (0, 0)
    assert not (tmp_path / FILE_NAME).exists()


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_given_types_need_no_choice(tmp_path, name):
    teacher = teacher_of(tmp_path, compute_dtype=name)
    vectors = teacher.transform(TEXTS)
    assert teacher.model.types == [getattr(torch, name)]
    exact = teacher_of(tmp_path, compute_dtype="float32").transform(TEXTS)
    assert least_cosine(exact, vectors) > 0.999


def test_given_types_of_a_function(tmp_path):
    teacher = CachedTeacher(letter_counts, path=tmp_path, compute_dtype="bfloat16")
    with pytest.raises(
        ValueError,
        match="compute_dtype='bfloat16' needs a sentence-transformers model.*Got "
        "letter_counts instead: set compute_dtype='auto'",
    ):
        teacher.transform(TEXTS)


@pytest.mark.parametrize("value", ["int8", None, "float64"])
def test_given_types_that_are_none(tmp_path, value):
    with pytest.raises(ValueError, match="The 'compute_dtype' parameter of CachedT"):
        teacher_of(tmp_path, compute_dtype=value).transform(TEXTS)


def test_processor_types(monkeypatch):
    known = {"amx_bf16": True, "avx512_fp16": False, "cpu_name": "amx_fp16"}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert processor_types() == ["bfloat16"]
    known |= {"amx_bf16": False}
    assert processor_types() == []


@pytest.mark.parametrize(
    ("lines", "types"),
    [
        ("flags\t: fpu avx512_bf16 avx2\n", ["bfloat16"]),
        ("Features: bf16", []),
        (None, []),
    ],
)
def test_processor_types_of_older_torch(tmp_path, monkeypatch, lines, types):
    file = tmp_path / "cpuinfo"
    if lines:
        file.write_text(lines)
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(compute_types, "Path", lambda _: file)
    assert processor_types() == types


def test_gains_repeat_few_texts(monkeypatch):
    clock, calls = [0.0], []
    monkeypatch.setattr(compute_types, "perf_counter", lambda: clock[0])

    def encode_in(seconds):
        def encode(texts):
            calls.append(texts)
            clock[0] += seconds

        return encode

    encoders = {"float32": encode_in(3.0), "bfloat16": encode_in(1.5)}
    assert compute_types.gains_over_float32(encoders, ["a", "b"]) == {"bfloat16": 2.0}
    assert calls == [["a", "b"] * 8] * 4


def test_least_cosine():
    rows = np.array([[1.0, 0.0], [0.0, 0.0], [np.nan, 1.0]])
    assert least_cosine(rows, np.array([[2.0, 0.0], [0.0, 0.0], [1.0, 1.0]])) == 1.0
    assert least_cosine(rows, np.array([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]])) < 0.71
    assert least_cosine(rows, np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])) == 0.0
    assert least_cosine(rows[2:], rows[:1]) == -1.0
