"""A cache of values made from estimators; fits that change nothing on error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

PLAIN_TYPES = (str, int, float, bool, type(None))


class EstimatorCache:
    """The last value that was made of each estimator, until the estimator changes.

    Estimators are held weakly and are not written to, so that threads may share them.
    """

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[object, tuple[Snapshot, Any]]
        self._kept = WeakKeyDictionary()

    def get(
        self,
        estimator: object,
        facts: Callable[[], tuple[Any, ...]],
        make: Callable[[], Any],
    ) -> Any:
        """Return the value of an estimator; make it if a fact has changed.

        Parameters
        ----------
        estimator : object
            The estimator.
        facts : callable
            Returns everything that the value depends on: parameters and fitted
            attributes, which are compared as `frozen` says.
        make : callable
            Makes the value.

        Returns
        -------
        object
            The value.
        """
        current = facts()
        kept = self._kept.get(estimator)
        if kept is None or not kept[0].equals(current):
            kept = Snapshot(current), make()
            # Another thread may have changed a setting in the meantime.
            if kept[0].equals(facts()):
                self._kept[estimator] = kept
        return kept[1]


class Snapshot:
    """Values of parameters and attributes as they were at one time.

    Parameters
    ----------
    values : tuple
        The values.
    """

    def __init__(self, values: tuple[Any, ...]):
        self._values = values
        self._frozen = frozen(values)
        self._is_constant = all(map(is_constant, values))

    def equals(self, values: tuple[Any, ...]) -> bool:
        """Whether nothing has changed.

        Parameters
        ----------
        values : tuple of the same length
            The present values.

        Returns
        -------
        bool
            True if their `frozen` forms are equal.
        """
        # Every call of `transform` asks, and nearly always these are the same objects.
        if self._is_constant and all(map(is_, self._values, values)):
            return True
        return frozen(values) == self._frozen


def frozen(value: Any) -> object:
    """Return a value for a key, which compares as equal only if nothing changed.

    Parameters
    ----------
    value : object
        A parameter or a fitted attribute.

    Returns
    -------
    object
        Plain values as they are, containers as tuples, and all others as `SameObject`,
        which does not notice changes inside the object.
    """
    if type(value) in PLAIN_TYPES:
        return value
    if isinstance(value, tuple | list | set | frozenset):
        return type(value), *map(frozen, value)
    return SameObject(value)


def is_constant(value: Any) -> bool:
    """Whether the `frozen` form of an object is always the same.

    Parameters
    ----------
    value : object
        A parameter or a fitted attribute.

    Returns
    -------
    bool
        False for containers whose values can be replaced, and what holds them.
    """
    if isinstance(value, tuple | frozenset):
        return all(map(is_constant, value))
    return not isinstance(value, list | set)


class SameObject:
    """An object that equals itself alone; holding it keeps its id from being reused.

    Parameters
    ----------
    value : object
        The object.
    """

    def __init__(self, value: object):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameObject) and other.value is self.value

    # As in the stubs of list and dict: object has a hash, this class has none.
    __hash__ = None  # type: ignore[assignment]


@contextmanager
def unchanged_on_error(estimator: object) -> Iterator[None]:
    """Give an estimator its attributes back if the body raises.

    Parameters
    ----------
    estimator : object
        The estimator that the body may change.

    Yields
    ------
    None
        Nothing.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def has_fitted_attributes(estimator: object) -> bool:
    """Whether an estimator has attributes that end in an underscore.

    This is scikit-learn's own rule, but it looks at a copy of the attributes, because
    threads may share the estimator.

    Parameters
    ----------
    estimator : object
        Any estimator.

    Returns
    -------
    bool
        True after a fit.
    """
    names = vars(estimator).copy()
    return any(name.endswith("_") and not name.startswith("__") for name in names)
