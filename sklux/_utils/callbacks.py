"""Support for scikit-learn's callbacks: progress bars, scores after each epoch, stops.

Callbacks came with scikit-learn 1.9. With an older version nothing here has an effect.
"""

from collections.abc import Callable

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
