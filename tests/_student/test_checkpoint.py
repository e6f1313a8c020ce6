"""Fits that are killed go on from their file, with the same bits."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sklux import LuxicalVectorizer, ReLUProjection
from sklux._student import checkpoint as module
from sklux._student.checkpoint import Checkpoint, TrainingState

torch = pytest.importorskip("torch")
OPTIONS = {"n_components": 4, "random_state": 0, "max_iter": 4}


def make_data(n_documents=500):
    rng = np.random.RandomState(0)
    X = sparse.random(n_documents, 30, density=0.4, random_state=0, dtype=np.float32)
    return X.tocsr(), X @ rng.standard_normal((30, 6))


class Stopped(BaseException):
    """In the place of a kill."""


@pytest.fixture
def stopped_after(monkeypatch):
    """Stop a fit after some epochs, when their state is in the file."""

    def stop(n_epochs):
        write = Checkpoint.write

        def then_stop(self, state):
            write(self, state)
            if state.values["next_epoch"] >= n_epochs:
                raise Stopped

        monkeypatch.setattr(Checkpoint, "write", then_stop)

    yield stop


VARIANTS = [
    {},
    {"hidden_layer_sizes": (8,), "loss": "similarity_kl"},
    {"dropout": 0.2, "early_stopping": False},
    {"hidden_layer_sizes": ()},
]


@pytest.mark.parametrize("n_epochs", [1, 3, 4])
@pytest.mark.parametrize("variant", VARIANTS)
def test_stopped_fit_goes_on_with_the_same_bits(
    variant, n_epochs, stopped_after, monkeypatch, tmp_path
):
    X, y = make_data()
    views = sparse.vstack([X, X[::-1]]).tocsr()
    options = OPTIONS | variant | {"contrastive_weight": 0.1}
    expected = ReLUProjection(**options).fit(X, y, X_views=views)
    file = tmp_path / "state"
    with monkeypatch.context():
        stopped_after(n_epochs)
        with pytest.raises(Stopped):
            ReLUProjection(checkpoint=file, **options).fit(X, y, X_views=views)
        monkeypatch.undo()
    assert file.exists()
    model = ReLUProjection(checkpoint=str(file), verbose=True, **options)
    model.fit(X, y, X_views=views)
    for ours, theirs in zip(model.coefs_, expected.coefs_):
        assert (ours == theirs).all()
    assert model.loss_curve_ == expected.loss_curve_
    assert model.validation_scores_ == expected.validation_scores_
    assert not file.exists()


def test_stopped_partial_fit_goes_on(stopped_after, monkeypatch, tmp_path):
    X, y = make_data()
    fitted = ReLUProjection(**OPTIONS).fit(X[:250], y[:250])
    state = dict(vars(fitted))
    expected = fitted.partial_fit(X[250:], y[250:]).coefs_[0].copy()
    file = tmp_path / "state"
    vars(fitted).update(state)
    fitted.set_params(checkpoint=file)
    stopped_after(2)
    with pytest.raises(Stopped):
        fitted.partial_fit(X[250:], y[250:])
    monkeypatch.undo()
    assert (fitted.partial_fit(X[250:], y[250:]).coefs_[0] == expected).all()


def test_early_stop_is_kept(stopped_after, monkeypatch, tmp_path):
    """A training that has decided to stop does not go on."""
    X, y = make_data()
    options = OPTIONS | {"n_iter_no_change": 1, "tol": 10.0, "max_iter": 6}
    expected = ReLUProjection(**options).fit(X, y)
    assert expected.n_iter_ < 6
    stopped_after(6)
    with pytest.raises(Stopped):
        ReLUProjection(checkpoint=tmp_path / "state", **options).fit(X, y)
    monkeypatch.undo()
    model = ReLUProjection(checkpoint=tmp_path / "state", **options).fit(X, y)
    assert model.loss_curve_ == expected.loss_curve_
    assert (model.coefs_[0] == expected.coefs_[0]).all()


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate_init": 0.01},
        {"random_state": 1},
        {"max_iter": 5},
        {"contrastive_temperature": 0.5},
        "documents",
        "embeddings",
        "version",
    ],
)
def test_file_of_another_fit_is_refused(change, stopped_after, monkeypatch, tmp_path):
    X, y = make_data()
    file = tmp_path / "state"
    stopped_after(2)
    with pytest.raises(Stopped):
        ReLUProjection(checkpoint=file, **OPTIONS).fit(X, y)
    monkeypatch.undo()
    before = file.read_bytes()
    if change == "version":
        monkeypatch.setattr(module, "CHECKPOINT_VERSION", 2)
    if change == "documents":
        X = X.copy()
        X.data[0] += 1
    if change == "embeddings":
        y = y + np.eye(*y.shape)
    options = OPTIONS | (change if isinstance(change, dict) else {})
    with pytest.raises(ValueError, match="belongs to another fit"):
        ReLUProjection(checkpoint=file, **options).fit(X, y)
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "flip", "other"])
def test_damaged_file_is_refused(damage, tmp_path):
    file = tmp_path / "state"
    checkpoint = Checkpoint(file, "key")
    checkpoint.write(TrainingState({"a": np.arange(1000)}, {"losses": []}))
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[-9] ^= 1
    file.write_bytes({"cut": data[:-9], "flip": data, "other": b"text"}[damage])
    with pytest.raises(ValueError, match="Delete it, and the fit starts anew"):
        checkpoint.read()


def test_parameter_is_checked_and_not_saved(tmp_path):
    X, y = make_data(60)
    with pytest.raises(ValueError, match="checkpoint"):
        ReLUProjection(checkpoint=3).fit(X, y)
    documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
    projection = ReLUProjection(2, checkpoint=tmp_path / "state")
    model = LuxicalVectorizer(projection=projection, random_state=0)
    model.fit(documents, teacher_embeddings=np.eye(4).tolist() * 5)
    model.save(tmp_path / "model")
    assert LuxicalVectorizer.load(tmp_path / "model").projection.checkpoint is None


def test_folder_that_is_missing_is_an_error(tmp_path):
    X, y = make_data(60)
    model = ReLUProjection(checkpoint=tmp_path / "missing" / "state", **OPTIONS)
    with pytest.raises(FileNotFoundError):
        model.fit(X, y)


PROGRAM = """
import os, signal, sys
import numpy as np
from scipy import sparse
from sklux import ReLUProjection
from sklux._student.checkpoint import Checkpoint

X = sparse.random(500, 30, density=0.4, random_state=0, dtype=np.float32).tocsr()
y = X @ np.random.RandomState(0).standard_normal((30, 6))
write = Checkpoint.write

def then_kill(self, state):
    write(self, state)
    if len(sys.argv) > 2 and state.values["next_epoch"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoint.write = then_kill
model = ReLUProjection(4, random_state=0, max_iter=4, checkpoint=sys.argv[1])
np.save(sys.argv[1] + ".npy", model.fit(X, y).coefs_[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_process_goes_on(tmp_path):
    file = tmp_path / "state"

    def run(*options):
        command = [sys.executable, "-c", PROGRAM, str(file), *options]
        return subprocess.run(command, capture_output=True, text=True)

    assert run("kill").returncode == -9
    assert file.exists()
    assert run().stderr == ""
    X, y = make_data()
    expected = ReLUProjection(**OPTIONS).fit(X, y)
    assert (np.load(f"{file}.npy") == expected.coefs_[0]).all()
    assert [path.name for path in Path(tmp_path).iterdir()] == ["state.npy"]
