"""A cache of values made from estimators; fits that change all at once, or nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import is_
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

PLAIN_TYPES = (str, int, float, bool, type(None))
Estimator = TypeVar("Estimator")


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

    def hand_over(self, giver: object, taker: object) -> None:
        """Give the value of one estimator to another with the same facts.

        Parameters
        ----------
        giver, taker : object
            The estimators; the first one has no value afterwards.
        """
        kept = self._kept.pop(giver, None)
        if kept is not None:
            self._kept[taker] = kept


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


def state_copy(estimator: Estimator) -> Estimator:
    """Return an estimator with the attributes of this moment.

    Another thread may fit the estimator in the meantime: it gets all its new attributes
    at once, so a copy never mixes two fits.

    Parameters
    ----------
    estimator : object
        Any estimator.

    Returns
    -------
    object
        A new object of the same class; the values of its attributes are shared.
    """
    taken = object.__new__(type(estimator))
    taken.__dict__ = vars(estimator).copy()
    return taken


def set_at_once(
    estimator: object, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Change attributes of an estimator; no other thread sees only some of the changes.

    Parameters
    ----------
    estimator : object
        The estimator. Attributes that are the same before and after stay as they are,
        because another thread may have set them.
    before, after : mapping of str to object
        All attributes.
    """
    new = {k: v for k, v in after.items() if k not in before or before[k] is not v}
    gone = before.keys() - after.keys()
    if gone:
        # An update and a removal would be two steps.
        kept = {k: v for k, v in vars(estimator).copy().items() if k not in gone}
        estimator.__dict__ = kept | new
    else:
        # `before` holds the old values. So no finalizer of theirs runs in between.
        vars(estimator).update(new)


@contextmanager
def changed_at_once(estimator: Estimator) -> Iterator[Estimator]:
    """Give an estimator the changes of a copy at the end of the body, all at once.

    It is unchanged until then, and if the body raises.

    Parameters
    ----------
    estimator : object
        The estimator.

    Yields
    ------
    object
        The copy that the body changes.
    """
    new = state_copy(estimator)
    before = vars(new).copy()
    yield new
    set_at_once(estimator, before, vars(new))


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
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        set_at_once(estimator, vars(estimator).copy(), before)
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
