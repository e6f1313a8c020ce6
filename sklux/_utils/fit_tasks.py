"""Tasks of a fit, reported to scikit-learn's callbacks when they begin and end.

    with fit_task(estimator, context, X, y) as task:
        with task.part("terms"):
            ...
        with task.part("training", projection):
            projection.fit(...)

A task that raises is not reported as ended. Without callbacks the same code runs, and
nothing is reported.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator


def callback_context(estimator: BaseEstimator, n_parts: int) -> Any:
    """Set up the callbacks of an estimator for a fit.

    Call it once, at the beginning of a method that `with_callbacks` decorates.

    Parameters
    ----------
    estimator : estimator
        The estimator that will be fitted.
    n_parts : int
        Largest number of parts of the fit.

    Returns
    -------
    sklearn.callback.CallbackContext or None
        The context for `fit_task`; None before scikit-learn 1.9.
    """
    if not hasattr(estimator, "_init_callback_context"):
        return None
    return estimator._init_callback_context(max_subtasks=n_parts)


def check_callback_levels(
    estimator: BaseEstimator, sub_estimator: BaseEstimator
) -> None:
    """Refuse, before any work, callbacks that are set on too low a level.

    Parameters
    ----------
    estimator : estimator
        The estimator that is fitted as a whole, for the message.
    sub_estimator : estimator
        The estimator that a part of the fit will fit.

    Raises
    ------
    TypeError
        If the sub-estimator itself has a callback for all levels.
    """
    names = [
        type(callback).__name__
        for callback in getattr(sub_estimator, "_skl_callbacks", [])
        if hasattr(callback, "max_propagation_depth")
    ]
    if names:
        raise TypeError(
            f"{type(sub_estimator).__name__} has callbacks for all levels: "
            f"{', '.join(names)}. Set them on the estimator that is fitted as a whole: "
            f"{type(estimator).__name__}, or the pipeline or search around it."
        )


@contextmanager
def fit_task(
    estimator: BaseEstimator, context: Any, X: object, y: object
) -> Iterator["FitTask | NullTask"]:
    """Report the whole fit of an estimator.

    Leave the block when the estimator is fitted.

    Parameters
    ----------
    estimator : estimator
        The estimator that is fitted.
    context : sklearn.callback.CallbackContext or None
        The result of `callback_context`.
    X, y : object
        Training data to show to callbacks, or functions without parameters that
        return it. The functions are called only if a callback takes the data.

    Yields
    ------
    FitTask or NullTask
        The task, which reports its parts; NullTask without a context.
    """
    if context is None:
        yield NullTask()
        return
    task = FitTask(estimator, context, X, y)
    task.begin()
    yield task
    task.end(dict)  # the estimator itself has all fitted attributes


class FitTask:
    """A fit, or a part of one, whose begin and end are reported to callbacks.

    Parameters
    ----------
    estimator : estimator
        The estimator that is fitted.
    context : sklearn.callback.CallbackContext
        Place of the task in scikit-learn's tree of tasks.
    X, y : object
        As in `fit_task`.
    """

    def __init__(self, estimator: BaseEstimator, context: Any, X: object, y: object):
        self._estimator = estimator
        self._context = context
        self._data = {"X": X, "y": y}

    def begin(self, attributes: Callable[[], dict[str, Any]] | None = None) -> None:
        """Report that the task begins.

        Parameters
        ----------
        attributes : callable or None, default=None
            Returns the fitted attributes that a copy of the estimator lacks at this
            time; None if the copy cannot be used yet.
        """
        self._context.call_on_fit_task_begin(
            estimator=self._estimator,
            reconstruction_attributes=attributes,
            **self._data,
        )

    def end(self, attributes: Callable[[], dict[str, Any]] | None = None) -> bool:
        """Report that the task ends.

        Parameters
        ----------
        attributes : callable or None, default=None
            As in `begin`.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        return self._context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=attributes,
            **self._data,
        )

    @contextmanager
    def part(
        self, name: str, sub_estimator: BaseEstimator | None = None
    ) -> Iterator["FitTask"]:
        """Report a part of this task.

        Parameters
        ----------
        name : str
            Name of the part.
        sub_estimator : estimator or None, default=None
            The other estimator that the part fits, if any. It gets the callbacks that
            are for all levels.

        Yields
        ------
        FitTask
            The part.
        """
        part = self._part(name)
        propagated = nullcontext()
        if sub_estimator is not None:
            propagated = part._context.propagate_callback_context(sub_estimator)
        with propagated:
            part.begin()
            yield part
            part.end()

    @contextmanager
    def epoch(
        self,
        attributes: Callable[[list[np.ndarray]], dict[str, Any]],
        coefs: list[np.ndarray],
    ) -> Iterator["EpochTask"]:
        """Report an epoch of the training.

        Parameters
        ----------
        attributes : callable
            Takes weights, and returns the fitted attributes that a copy of the
            estimator needs to be fitted with them.
        coefs : list of ndarray
            Weights at the beginning of the epoch.

        Yields
        ------
        EpochTask
            The epoch; give it the weights at its end.
        """
        part, epoch = self._part("epoch"), EpochTask(coefs)
        part.begin(lambda: attributes(epoch.coefs))
        yield epoch
        epoch.stop_requested = part.end(lambda: attributes(epoch.coefs))

    def _part(self, name: str) -> "FitTask":
        """A part of this task that has not begun."""
        context = self._context.subcontext(task_name=name)
        return FitTask(self._estimator, context, **self._data)


class NullTask:
    """A task that reports nothing: for estimators without a callback context."""

    @contextmanager
    def part(
        self, name: str, sub_estimator: BaseEstimator | None = None
    ) -> Iterator["NullTask"]:
        """Do nothing.

        Parameters
        ----------
        name, sub_estimator : object
            As in `FitTask.part`.

        Yields
        ------
        NullTask
            The same task.
        """
        yield self

    @contextmanager
    def epoch(
        self,
        attributes: Callable[[list[np.ndarray]], dict[str, Any]],
        coefs: list[np.ndarray],
    ) -> Iterator["EpochTask"]:
        """Do nothing.

        Parameters
        ----------
        attributes, coefs : object
            As in `FitTask.epoch`.

        Yields
        ------
        EpochTask
            An epoch without a request to stop.
        """
        yield EpochTask(coefs)


class EpochTask:
    """An epoch of a training, as `FitTask.epoch` and `NullTask.epoch` yield it.

    Parameters
    ----------
    coefs : list of ndarray
        Weights at the beginning of the epoch.

    Attributes
    ----------
    coefs : list of ndarray
        The weights of the last `update`.
    stop_requested : bool
        Whether a callback asked to stop; set when the block ends.
    """

    def __init__(self, coefs: list[np.ndarray]):
        self.coefs = coefs
        self.stop_requested = False

    def update(self, coefs: list[np.ndarray]) -> None:
        """Set the weights that callbacks see at the end of the epoch.

        Parameters
        ----------
        coefs : list of ndarray
            Weights at this time.
        """
        self.coefs = coefs
