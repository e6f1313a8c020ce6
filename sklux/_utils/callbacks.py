"""Support for scikit-learn's callbacks: progress bars, scores after each epoch, stops.

Callbacks came with scikit-learn 1.9. With an older version nothing here has an effect.
"""

from collections.abc import Callable

from sklux._utils.typing import Function

__all__ = ["CallbackSupportMixin", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An empty base class, if scikit-learn does not have callbacks."""

    def _with_callbacks(method: Function) -> Function:
        """Return the method unchanged, if scikit-learn does not have callbacks."""
        return method


# The decorator of `fit`, with a type that keeps the signature.
with_callbacks: Callable[[Function], Function] = _with_callbacks
