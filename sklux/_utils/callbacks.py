"""Support for scikit-learn's callbacks: progress bars, scores after each epoch, stops.

Callbacks came with scikit-learn 1.9. With an older version nothing here has an effect.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """An empty base class, if scikit-learn does not have callbacks."""

    def with_callbacks(method: Callable) -> Callable:
        """Return the method unchanged, if scikit-learn does not have callbacks.

        Parameters
        ----------
        method : callable
            A method.

        Returns
        -------
        callable
            The same method.
        """
        return method


class FitTask:
    """A fit, or a part of one, that the callbacks of an estimator are told of.

    As a context it begins and ends; the end of one that raised is not told. A whole fit
    ends when the estimator is fitted.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    context : sklearn.callback.CallbackContext or None
        Where the task stands; None where there are no callbacks.
    data : mapping
        What the callbacks get to see: ``X`` and ``y``, or callables that make them.
    sub_estimator : estimator or None, default=None
        What the task fits, where it fits another estimator.
    is_whole : bool, default=False
        Whether it is the whole fit of the estimator.
    """

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        context: object = None,
        data: Mapping[str, object] | None = None,
        sub_estimator: BaseEstimator | None = None,
        is_whole: bool = False,
    ):
        self.estimator = estimator
        self.context = context
        self.data = {} if data is None else data
        self.sub_estimator = sub_estimator
        self.is_whole = is_whole

    @classmethod
    def whole(cls, estimator: BaseEstimator, n_parts: int) -> Self:
        """Start the fit of an estimator, once, in a method with callbacks.

        Parameters
        ----------
        estimator : estimator
            What is fitted.
        n_parts : int
            How many parts it has at most.

        Returns
        -------
        FitTask
            Not begun yet; ``data`` can be set.
        """
        context = None
        if hasattr(estimator, "_init_callback_context"):
            context = estimator._init_callback_context(max_subtasks=n_parts)
        return cls(estimator, context, is_whole=True)

    def check_sub_estimator(self, sub_estimator: BaseEstimator) -> None:
        """Refuse, before any work, callbacks that must stand further up.

        Parameters
        ----------
        sub_estimator : estimator
            What a part will fit.

        Raises
        ------
        TypeError
            If it has a callback for all levels itself.
        """
        names = [
            type(callback).__name__
            for callback in getattr(sub_estimator, "_skl_callbacks", [])
            if hasattr(callback, "max_propagation_depth")
        ]
        if names:
            raise TypeError(
                f"{type(sub_estimator).__name__} has callbacks for all levels: "
                f"{', '.join(names)}. Set them on the estimator that is fitted as a "
                f"whole: {type(self.estimator).__name__}, or the pipeline or search "
                "around it."
            )

    def part(self, name: str, sub_estimator: BaseEstimator | None = None) -> Self:
        """Make a part of this task.

        Parameters
        ----------
        name : str
            What it does.
        sub_estimator : estimator or None, default=None
            What it fits, where it fits another estimator: that gets those callbacks
            that are for all levels.

        Returns
        -------
        FitTask
            Not begun yet.
        """
        if self.context is None:
            return FitTask()
        context = self.context.subcontext(task_name=name)
        return FitTask(self.estimator, context, self.data, sub_estimator)

    def begin(self, attributes: Callable[[], dict] | None = None) -> None:
        """Tell that the task begins.

        Parameters
        ----------
        attributes : callable or None, default=None
            Makes what a copy of the estimator needs to be fitted as far as it is now.
        """
        if self.context is not None:
            self.context.call_on_fit_task_begin(
                estimator=self.estimator,
                reconstruction_attributes=attributes,
                **self.data,
            )

    def end(self, attributes: Callable[[], dict] | None = None) -> bool:
        """Tell that the task ends.

        Parameters
        ----------
        attributes : callable or None, default=None
            As in `begin`.

        Returns
        -------
        bool
            Whether a callback asks to stop here.
        """
        if self.context is None:
            return False
        return self.context.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=attributes, **self.data
        )

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self.context is not None and self.sub_estimator is not None:
                propagate = self.context.propagate_callback_context
                stack.enter_context(propagate(self.sub_estimator))
            self.begin()
            self._propagated = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        with self._propagated:
            if error[0] is None:
                self.end(dict if self.is_whole else None)


class EpochTasks:
    """The epochs of a training, told to callbacks.

    Parameters
    ----------
    task : FitTask or None, default=None
        The fit that they are parts of; None tells nobody.
    attributes : callable
        From the weights of the layers to what a copy of the estimator needs to be
        fitted with these.
    """

    def __init__(
        self,
        task: FitTask | None = None,
        attributes: Callable[[list[np.ndarray]], dict] = lambda coefs: {},
    ):
        self.task = FitTask() if task is None else task
        self.attributes = attributes

    def begin(self, coefs: list[np.ndarray]) -> Callable[[list[np.ndarray]], bool]:
        """Tell that an epoch begins.

        Parameters
        ----------
        coefs : list of ndarray
            Weights at this time.

        Returns
        -------
        callable
            From the weights at its end to whether a callback asks to stop; tells that
            the epoch ends.
        """
        epoch = self.task.part("epoch")
        epoch.begin(lambda: self.attributes(coefs))
        return lambda coefs: epoch.end(lambda: self.attributes(coefs))
