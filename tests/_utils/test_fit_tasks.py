"""Tasks of a fit: the reports to callbacks, and no reports without callbacks."""

import pytest
from sklearn.base import BaseEstimator

from sklux._utils.callbacks import CallbackSupportMixin, with_callbacks
from sklux._utils.fit_tasks import (
    FitTask,
    NullTask,
    callback_context,
    check_callback_levels,
    fit_task,
)


class Estimator(BaseEstimator):
    """An estimator without callbacks, as all are before scikit-learn 1.9."""


class Trained(CallbackSupportMixin, BaseEstimator):
    """An estimator whose fit does the work that it is given."""

    def __init__(self, work=None):
        self.work = work

    @with_callbacks
    def fit(self, X, y):
        context = callback_context(self, 3)
        with fit_task(self, context, X, y) as task:
            self.work(task)
            self.is_fitted_ = True
        return self


class Recorder:
    """Records all reports; asks to stop after some epochs."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events, self.data, self.models = [], [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X, y, fitted_estimator):
        self.events.append(f"begin {context.task_name}")
        self.data.append((X, y))
        self.models.append(fitted_estimator)

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.events.append(f"end {context.task_name}")
        self.data.append((X, y))
        self.models.append(fitted_estimator)
        return context.task_id + 1 == self.stop_after


class RecorderOfAllLevels(Recorder):
    max_propagation_depth = None


@pytest.fixture
def recorder():
    pytest.importorskip("sklearn.callback")
    return Recorder()


def two_parts(task):
    with task.part("first"):
        pass
    with task.part("second"):
        pass


def two_epochs(task):
    """Weights 0 before, 1 and 2 after the epochs."""
    for number in (1, 2):
        with task.epoch(lambda coefs: {"coefs_": coefs}, [number - 1]) as epoch:
            epoch.update([number])
        if epoch.stop_requested:
            break


def test_fit_task_without_callbacks_is_a_null_task():
    context = callback_context(Estimator(), 2)
    assert context is None
    with fit_task(Estimator(), context, [1], [2]) as task:
        assert isinstance(task, NullTask)
        with task.part("first", Estimator()) as part:
            assert isinstance(part, NullTask)
        with part.epoch(lambda coefs: pytest.fail("called"), [0]) as epoch:
            epoch.update([1])
        assert epoch.coefs == [1]
        assert epoch.stop_requested is False


def test_null_task_errors_pass_through():
    for make in (
        lambda: fit_task(Estimator(), None, [1], [2]),
        lambda: NullTask().part("first"),
        lambda: NullTask().epoch(dict, [0]),
    ):
        with pytest.raises(KeyboardInterrupt), make():
            raise KeyboardInterrupt


def test_fit_task_without_a_callback_set_reports_nothing():
    Trained(two_parts).fit([1], [2])
    Trained(two_epochs).fit([1], lambda: pytest.fail("called"))


def test_fit_task_reports_begin_and_end_of_the_fit_and_its_parts(recorder):
    Trained(two_parts).set_callbacks(recorder).fit([1], [2])
    assert recorder.events == [
        "setup",
        "begin fit",
        "begin first",
        "end first",
        "begin second",
        "end second",
        "end fit",
        "teardown",
    ]


def test_fit_task_data_is_shown_with_every_report(recorder):
    """Functions are called for it."""
    Trained(two_parts).set_callbacks(recorder).fit([1], lambda: [2])
    assert recorder.data == [([1], [2])] * 6


def test_fit_task_data_is_not_made_unless_a_callback_takes_it():
    pytest.importorskip("sklearn.callback")

    class Modest(Recorder):
        def on_fit_task_begin(self, estimator, context):
            self.events.append(f"begin {context.task_name}")

        def on_fit_task_end(self, estimator, context):
            return False

    recorder = Modest()
    Trained(two_parts).set_callbacks(recorder).fit([1], lambda: pytest.fail("called"))
    assert "begin second" in recorder.events


def test_fit_task_estimator_is_fitted_at_the_end_of_the_whole_fit_only(recorder):
    Trained(two_parts).set_callbacks(recorder).fit([1], [2])
    *before, last = recorder.models
    assert before == [None] * 5
    assert last.is_fitted_


def test_fit_task_epochs_show_weights_at_their_begin_and_end(recorder):
    Trained(two_epochs).set_callbacks(recorder).fit([1], [2])
    assert recorder.events[2:-2] == ["begin epoch", "end epoch"] * 2
    found = [model.coefs_ for model in recorder.models[1:-1]]
    assert found == [[0], [1], [1], [2]]


def test_fit_task_epoch_without_an_update_keeps_its_weights(recorder):
    def work(task):
        with task.epoch(lambda coefs: {"coefs_": coefs}, [5]):
            pass

    Trained(work).set_callbacks(recorder).fit([1], [2])
    assert [model.coefs_ for model in recorder.models[1:-1]] == [[5], [5]]


@pytest.mark.parametrize(("stop_after", "n_epochs"), [(1, 1), (2, 2), (3, 2)])
def test_fit_task_epoch_passes_on_a_request_to_stop(recorder, stop_after, n_epochs):
    recorder.stop_after = stop_after
    Trained(two_epochs).set_callbacks(recorder).fit([1], [2])
    assert recorder.events.count("end epoch") == n_epochs


@pytest.mark.parametrize("name", ["fit", "part", "epoch"])
def test_fit_task_that_raises_is_not_reported_as_ended(recorder, name):
    def work(task):
        if name == "fit":
            raise KeyboardInterrupt
        epoch = task.epoch(lambda coefs: {}, [0])
        with task.part(name) if name == "part" else epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trained(work).set_callbacks(recorder).fit([1], [2])
    assert [event for event in recorder.events if event.startswith("end")] == []
    assert recorder.events[-1] == "teardown"


@pytest.mark.parametrize("kind", [Recorder, RecorderOfAllLevels])
def test_fit_task_part_passes_callbacks_for_all_levels_to_another_estimator(kind):
    """The fit of the other estimator then takes the place of the part."""
    pytest.importorskip("sklearn.callback")
    recorder, inner = kind(), Trained(two_epochs)

    def work(task):
        with task.part("training", inner) as part:
            assert isinstance(part, FitTask)
            inner.fit([3], [4])

    Trained(work).set_callbacks(recorder).fit([1], [2])
    inner_events = ["begin fit", *["begin epoch", "end epoch"] * 2, "end fit"]
    if kind is Recorder:
        inner_events = ["begin training", "end training"]
    assert recorder.events[2:-2] == inner_events
    assert vars(inner).keys() == {"work", "is_fitted_"}


def test_fit_task_part_that_raises_leaves_the_other_estimator_clean():
    pytest.importorskip("sklearn.callback")
    inner = Trained(two_epochs)

    def work(task):
        with task.part("training", inner):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Trained(work).set_callbacks(RecorderOfAllLevels()).fit([1], [2])
    assert vars(inner).keys() == {"work"}


def test_callback_levels_refuse_callbacks_for_all_levels_below(recorder):
    outer, inner = Trained(two_parts), Trained(two_epochs)
    check_callback_levels(outer, inner)
    check_callback_levels(outer, Estimator())
    inner.set_callbacks(recorder)
    check_callback_levels(outer, inner)
    inner.set_callbacks(recorder, RecorderOfAllLevels())
    with pytest.raises(
        TypeError,
        match="^Trained has callbacks for all levels: RecorderOfAllLevels. Set them on "
        "the estimator that is fitted as a whole: Trained, or the pipeline or search ",
    ):
        check_callback_levels(outer, inner)
