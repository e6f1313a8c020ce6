"""scikit-learn's callbacks in the fits of the projection and the vectorizer."""

import pickle
import runpy
import sys

import numpy as np
import pytest
import reference
from conftest import small_vectorizer
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import sklux._utils.callbacks
from sklux import ReLUProjection
from sklux.metrics import neighbor_recall_score

N_EPOCHS = 4


def test_callbacks_module_without_callbacks_in_scikit_learn(monkeypatch):
    """scikit-learn has callbacks since version 1.9."""
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    names = runpy.run_path(sklux._utils.callbacks.__file__)
    assert not hasattr(names["CallbackSupportMixin"], "set_callbacks")
    assert names["with_callbacks"](len) is len


# The other tests need callbacks.
callbacks = pytest.importorskip("sklearn.callback")


class Recorder:
    """Records all reports; asks to stop after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events, self.models, self.data = [], [], []

    def setup(self, estimator, context):
        self.events.append(("setup", type(estimator).__name__))

    def teardown(self, estimator, context):
        self.events.append(("teardown", type(estimator).__name__))

    def on_fit_task_begin(self, estimator, context, *, X, y, fitted_estimator):
        self.events.append(("begin", context.task_name))
        self.data.append((X, y))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.events.append(("end", context.task_name))
        self.models.append((context.task_name, fitted_estimator))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after

    def n_events(self, kind, task):
        return self.events.count((kind, task))


class RecorderOfAllLevels(Recorder):
    max_propagation_depth = None


class Faulty(Recorder):
    def on_fit_task_end(self, estimator, context):
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def data():
    return reference.topic_documents(400)


def small_projection(*recorders, **changes):
    settings = {
        "n_components": 6,
        "hidden_layer_sizes": (16,),
        "max_iter": N_EPOCHS,
        "early_stopping": False,
        "weights_dtype": "float32",
        "random_state": 0,
    }
    return ReLUProjection(**(settings | changes)).set_callbacks(*recorders)


def test_projection_reports_each_epoch(data):
    recorder = Recorder()
    X, y = data
    projection = small_projection(recorder).fit(X, y)
    epochs = [("begin", "epoch"), ("end", "epoch")] * projection.n_iter_
    assert recorder.events == [
        ("setup", "ReLUProjection"),
        ("begin", "fit"),
        *epochs,
        ("end", "fit"),
        ("teardown", "ReLUProjection"),
    ]
    for seen_X, seen_y in recorder.data:
        np.testing.assert_array_equal(seen_X.toarray(), X.toarray())
        np.testing.assert_array_equal(seen_y, y)


def test_projection_with_callbacks_has_the_same_bits(data):
    observed, alone = small_projection(Recorder()), small_projection()
    for weights, expected in zip(observed.fit(*data).coefs_, alone.fit(*data).coefs_):
        reference.assert_same_bits(weights, expected)


def test_without_callback_support_fits_have_the_same_bits(
    monkeypatch, data, documents, latent_teacher
):
    """Before version 1.9, scikit-learn's estimators have no callback context."""
    with_support = small_projection().fit(*data)
    vectors = small_vectorizer(latent_teacher).fit(documents).transform(documents)
    monkeypatch.delattr(callbacks.CallbackSupportMixin, "_init_callback_context")
    without_support = small_projection().fit(*data)
    for weights, expected in zip(without_support.coefs_, with_support.coefs_):
        reference.assert_same_bits(weights, expected)
    reference.assert_same_bits(
        small_vectorizer(latent_teacher).fit(documents).transform(documents), vectors
    )


def test_projection_after_an_epoch_is_fitted(data):
    """The projection of the last epoch is the final one; others do not change later."""
    recorder = Recorder()
    projection = small_projection(recorder).fit(*data)
    names, models = zip(*recorder.models)
    assert names == ("epoch",) * N_EPOCHS + ("fit",)
    vectors = [model.transform(data[0]) for model in models]
    expected = projection.transform(data[0])
    np.testing.assert_allclose(vectors[-1], expected)
    np.testing.assert_allclose(vectors[-2], expected, atol=1e-5)
    assert abs(vectors[0] - vectors[1]).max() > 1e-3
    assert models[0].project_teacher(data[1]).shape == (400, 6)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_projection_stops_when_a_callback_asks(data, early_stopping):
    recorder = Recorder(stop_after=2)
    projection = small_projection(recorder, early_stopping=early_stopping)
    assert projection.fit(*data).n_iter_ == 2
    assert recorder.n_events("end", "epoch") == 2


def test_projection_reports_the_end_of_an_epoch_that_diverges(data):
    recorder = Recorder()
    projection = small_projection(recorder, learning_rate_init=1e30)
    with pytest.warns(UserWarning, match="Training stopped"):
        projection.fit(*data)
    n_epochs = recorder.n_events("begin", "epoch")
    assert n_epochs == recorder.n_events("end", "epoch") == projection.n_iter_ + 1


def test_projection_interrupted_by_a_callback_is_unchanged(data):
    faulty = Faulty()
    projection = small_projection(faulty)
    before = dict(vars(projection))
    with pytest.raises(KeyboardInterrupt):
        projection.fit(*data)
    assert vars(projection) == before
    assert faulty.events[-1] == ("teardown", "ReLUProjection")


def test_projection_shows_callbacks_documents_with_a_teacher_embedding(data):
    """Documents without a teacher embedding cannot be scored."""
    recorder = Recorder()
    X, y = data
    y = y.copy()
    y[::4] = np.nan
    with pytest.warns(UserWarning, match="100 of 400 documents") as caught:
        small_projection(recorder).fit(X, y)
    assert caught[0].filename == __file__
    seen_X, seen_y = recorder.data[0]
    is_embedded = np.arange(400) % 4 > 0
    np.testing.assert_array_equal(seen_X.toarray(), X[is_embedded].toarray())
    np.testing.assert_array_equal(seen_y, y[is_embedded])


def test_projection_score_after_each_epoch(data):
    def score(estimator, X, y):
        return {"recall": neighbor_recall_score(y, estimator.transform(X))}

    monitor = callbacks.ScoringMonitor(scoring=score)
    projection = small_projection(monitor).fit(*data)
    rows = monitor.get_logs().data
    recalls = [row["recall"] for row in rows]
    assert len(recalls) == N_EPOCHS + 1
    assert recalls[0] == score(projection, *data)["recall"]


@pytest.mark.parametrize(
    ("kind", "training"),
    [(Recorder, ["training"]), (RecorderOfAllLevels, ["fit", "epoch", "epoch"])],
)
def test_vectorizer_reports_its_stages(documents, latent_teacher, kind, training):
    """A callback for all levels sees the projection's own fit as the training."""
    recorder = kind()
    vectorizer = small_vectorizer(latent_teacher).set_callbacks(recorder)
    vectorizer.fit(documents)
    tasks = [name for kind, name in recorder.events if kind == "begin"]
    assert tasks == ["fit", "terms", "teacher", *training]
    assert recorder.n_events("setup", "LuxicalVectorizer") == 1
    assert recorder.n_events("setup", "ReLUProjection") == 0
    assert recorder.models[-1][1].transform(documents[:3]).shape == (3, 4)
    # The fitted stage does not keep the context of the fit.
    assert not [name for name in vars(vectorizer.projection_) if "callback" in name]


def test_vectorizer_callbacks_of_its_projection(documents, latent_teacher):
    recorder = Recorder(stop_after=1)
    vectorizer = small_vectorizer(latent_teacher)
    vectorizer.projection.set_callbacks(recorder)
    assert vectorizer.fit(documents).projection_.n_iter_ == 1


def test_vectorizer_interrupted_at_the_very_end_is_unchanged(documents, latent_teacher):
    class FaultyAtTheEnd(Recorder):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "fit":
                raise KeyboardInterrupt

    vectorizer = small_vectorizer(latent_teacher).fit(documents)
    vectorizer.set_callbacks(FaultyAtTheEnd())
    before = dict(vars(vectorizer))
    with pytest.raises(KeyboardInterrupt):
        vectorizer.fit(documents[:60])
    assert vars(vectorizer) == before


def test_vectorizer_refuses_a_callback_for_all_levels_on_its_projection(documents):
    """The error comes before the teacher, which takes long, embeds anything."""

    def teacher(texts):
        pytest.fail("the teacher was called")

    vectorizer = small_vectorizer(teacher)
    vectorizer.projection.set_callbacks(RecorderOfAllLevels())
    message = "Set them on the estimator that is fitted as a whole: LuxicalVectorizer"
    with pytest.raises(TypeError, match=message):
        vectorizer.fit(documents)


def test_vectorizer_clone_shares_callbacks(latent_teacher):
    """Like the clones of other estimators."""
    recorder = Recorder()
    vectorizer = small_vectorizer(latent_teacher).set_callbacks(recorder)
    assert clone(vectorizer)._skl_callbacks == [recorder]
    assert clone(vectorizer, safe=False).set_callbacks().fit is not None


def test_vectorizer_with_callbacks_survives_pickling(documents, latent_teacher):
    vectorizer = small_vectorizer(latent_teacher).set_callbacks(Recorder())
    vectorizer.fit(documents)
    twin = pickle.loads(pickle.dumps(vectorizer))
    reference.assert_same_bits(
        twin.transform(documents), vectorizer.transform(documents)
    )


def test_progress_bar_of_a_grid_search(documents, topics, latent_teacher, capsys):
    pytest.importorskip("rich")
    pipeline = make_pipeline(small_vectorizer(latent_teacher), LogisticRegression())
    grid = {"luxicalvectorizer__projection__max_iter": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2)
    search.set_callbacks(callbacks.ProgressBar(max_propagation_depth=None))
    search.fit(documents, topics)
    assert "ReLUProjection" in capsys.readouterr().out
