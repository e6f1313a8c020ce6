"""Whether an estimator is still set as it was, and how it stays so."""

from collections.abc import Iterator
from contextlib import contextmanager


class Settings:
    """Attributes of an estimator as they are now, for a later comparison.

    Parameters
    ----------
    kind : type
        Class of the estimator.
    state : list of (str, object)
        Names and values of the attributes.
    """

    def __init__(self, kind: type, state: list[tuple[str, object]]):
        self.key = (kind, *((name, _frozen(value)) for name, value in state))
        self._state = state
        # What a list holds can change while the list stays the same.
        self._is_fixed = not any(isinstance(v, (list, set)) for _, v in state)

    def holds(self, state: list[tuple[str, object]]) -> bool:
        """Whether the same attributes have the very same values, at little cost."""
        return (
            self._is_fixed
            and len(state) == len(self._state)
            and all(
                value is kept and name == kept_name
                for (name, value), (kept_name, kept) in zip(state, self._state)
            )
        )


def _frozen(value: object) -> object:
    """A value that stays as it is and compares as equal only if nothing changed."""
    if value is None or type(value) in (str, int, float, bool):
        return type(value), value
    if type(value) in (tuple, list, set, frozenset):
        return type(value), *map(_frozen, value)
    return _Same(value)


class _Same:
    """An object, equal to itself alone; holding it keeps its id from being reused."""

    def __init__(self, value: object):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    __hash__ = None


@contextmanager
def unchanged_on_error(estimator: object) -> Iterator[None]:
    """Give an estimator its attributes back if what follows raises.

    Parameters
    ----------
    estimator : object
        What may be changed meanwhile.

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


def has_learnt(estimator: object) -> bool:
    """Whether an estimator has attributes that end in an underscore.

    scikit-learn's own rule, for estimators that threads may share: it looks at a copy
    of their attributes.

    Parameters
    ----------
    estimator : object
        Any estimator.

    Returns
    -------
    bool
        True once something was learnt.
    """
    names = vars(estimator).copy()
    return any(name.endswith("_") and not name.startswith("__") for name in names)
