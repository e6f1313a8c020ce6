"""Values that are kept for an estimator, and fits that fail."""

import gc
import threading
import weakref

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from sklux._utils.estimators import (
    EstimatorCache,
    Snapshot,
    changed_at_once,
    frozen,
    has_fitted_attributes,
    is_constant,
    state_copy,
    unchanged_on_error,
)


class Estimator(BaseEstimator):
    def __init__(self, parameter=None):
        self.parameter = parameter


def cached(cache, estimator, made):
    """The cached value for the parameter; each value that is made is recorded."""

    def make():
        made.append(estimator.parameter)
        return object()

    return cache.get(estimator, lambda: (estimator.parameter,), make)


def test_cache_makes_a_value_again_only_after_a_change():
    cache, estimator, made = EstimatorCache(), Estimator(1), []
    first = cached(cache, estimator, made)
    assert cached(cache, estimator, made) is first
    estimator.parameter = 2
    assert cached(cache, estimator, made) is not first
    estimator.parameter = 1
    assert cached(cache, estimator, made) is not first
    assert made == [1, 2, 1]


def test_cache_keeps_a_value_for_each_estimator():
    cache, made = EstimatorCache(), []
    one, other = Estimator(1), Estimator(1)
    assert cached(cache, one, made) is not cached(cache, other, made)
    assert cached(cache, one, made) is cached(cache, one, made)
    assert made == [1, 1]


def test_cache_does_not_write_to_the_estimator_or_keep_it_alive():
    cache, estimator = EstimatorCache(), Estimator(1)
    before = dict(vars(estimator))
    cached(cache, estimator, [])
    assert vars(estimator) == before
    reference = weakref.ref(estimator)
    del estimator
    gc.collect()
    assert reference() is None


def test_cache_does_not_keep_a_value_if_the_estimator_changed_meanwhile():
    """As another thread may do."""
    cache, estimator = EstimatorCache(), Estimator(1)

    def make():
        estimator.parameter = 2
        return "made of 1 or 2"

    def key():
        return (estimator.parameter,)

    assert cache.get(estimator, key, make) == "made of 1 or 2"
    assert cache.get(estimator, key, lambda: "made of 2") == "made of 2"


def test_cache_may_be_shared_by_threads():
    cache, estimators = EstimatorCache(), [Estimator(i) for i in range(20)]
    found = []

    def work():
        for estimator in estimators:
            value = cache.get(
                estimator,
                lambda estimator=estimator: (estimator.parameter,),
                lambda estimator=estimator: estimator.parameter,
            )
            found.append((value, estimator.parameter))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(value == expected for value, expected in found)


@pytest.mark.parametrize(
    "value", ["a", 1, 2.5, None, True, [1, [2]], (1, "a"), {1, 2}, frozenset("ab")]
)
def test_frozen_values_that_did_not_change_are_equal(value):
    assert frozen(value) == frozen(value)


def test_frozen_list_does_not_follow_later_changes():
    value = [1, [2]]
    before = frozen(value)
    value[1].append(3)
    assert frozen(value) != before
    value[1].pop()
    assert frozen(value) == before


@pytest.mark.parametrize(
    ("one", "other"),
    [([1], (1,)), (["a"], ["b"]), ([1], [1, 2]), ({1}, frozenset({1}))],
)
def test_frozen_values_that_differ_are_not_equal(one, other):
    assert frozen(one) != frozen(other)


def test_frozen_other_objects_equal_only_themselves():
    """The comparison of arrays would have an array as its result."""
    one, other = np.ones(2), np.ones(2)
    assert frozen(one) == frozen(one)
    assert frozen(one) != frozen(other)
    assert frozen([one]) != frozen([other])
    assert frozen(one) != one


# Sets of one element: the order in a longer set's repr differs between processes.
CONSTANT = ["a", 1, 2.5, None, (1, "a"), frozenset("a"), (), str.split, np.ones(2)]
CHANGEABLE = [[], {1}, (1, [2]), ((1, {2}),)]


@pytest.mark.parametrize("value", CONSTANT, ids=repr)
def test_constant_values(value):
    assert is_constant(value)


@pytest.mark.parametrize("value", CHANGEABLE, ids=repr)
def test_changeable_values(value):
    assert not is_constant(value)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_snapshot_sees_a_change_of_any_value(at):
    values = ("a", 1, str.split)
    snapshot = Snapshot(values)
    assert snapshot.equals(values)
    changed = list(values)
    changed[at] = ["b", 2, str.lower][at]
    assert not snapshot.equals(tuple(changed))


def test_snapshot_of_a_list_is_equal_only_while_the_list_is():
    """The list is the same object, so its values have to be compared."""
    words = ["the"]
    for values in [(words,), ("a", (1, words))]:
        snapshot = Snapshot(values)
        assert snapshot.equals(values)
        words.append("car")
        assert not snapshot.equals(values)
        words.pop()
        assert snapshot.equals(values)


def test_snapshot_of_equal_values_that_are_other_objects():
    text = "ab" * 50
    snapshot = Snapshot((text, (text,), frozenset([text])))
    assert snapshot.equals(("ab" * 50, ("ab" * 50,), frozenset(["ab" * 50])))
    assert not Snapshot((np.ones(2),)).equals((np.ones(2),))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_unchanged_on_error_restores_all_attributes(error):
    estimator = Estimator(1)
    estimator.kept_ = kept = [1]
    with pytest.raises(error), unchanged_on_error(estimator):
        estimator.parameter = 2
        estimator.new_ = 3
        del estimator.kept_
        raise error
    assert vars(estimator) == {"parameter": 1, "kept_": [1]}
    assert estimator.kept_ is kept


def test_unchanged_on_error_keeps_changes_without_an_error():
    estimator = Estimator(1)
    with unchanged_on_error(estimator):
        estimator.new_ = 3
    assert vars(estimator) == {"parameter": 1, "new_": 3}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("coef_", True), ("parameter", False), ("_hidden", False), ("__private_", False)],
)
def test_fitted_attributes_end_in_an_underscore(name, expected):
    estimator = Estimator()
    assert not has_fitted_attributes(estimator)
    setattr(estimator, name, 1)
    assert has_fitted_attributes(estimator) is expected


def test_state_copy_does_not_follow_the_estimator():
    estimator = Estimator(1)
    estimator.fitted_ = fitted = [1]
    copied = state_copy(estimator)
    assert type(copied) is Estimator
    estimator.parameter, estimator.fitted_ = 2, [2]
    assert copied.parameter == 1
    assert copied.fitted_ is fitted
    copied.more_ = 3
    assert vars(estimator) == {"parameter": 2, "fitted_": [2]}


class Watched(Estimator):
    """Notes its attributes whenever an old value is dropped."""

    states = ()

    def note(self):
        self.states[:] += [sorted(vars(self).items(), key=str)]


class Value:
    """Calls a function when nothing holds it any more."""

    def __init__(self, dropped):
        self.dropped = dropped

    def __del__(self):
        self.dropped()


@pytest.mark.parametrize("is_removed", [True, False])
def test_changes_are_made_at_once(is_removed):
    """Finalizers of old values may run other threads: they see the new state."""
    estimator = Watched(1)
    estimator.states = states = []
    for name in ("one_", "other_"):
        setattr(estimator, name, Value(estimator.note))
    with changed_at_once(estimator) as new:
        assert type(new) is Watched
        new.one_ = "new"
        if is_removed:
            del new.other_
        else:
            new.other_ = "new"
        assert isinstance(estimator.one_, Value)
        estimator.parameter = 5  # another thread
    del new
    gc.collect()
    expected = {"parameter": 5, "states": states, "one_": "new"}
    if not is_removed:
        expected["other_"] = "new"
    assert vars(estimator) == expected
    assert len(states) == 2
    for state in states:
        assert [name for name, _ in state] == sorted(expected)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_changes_of_a_body_that_fails_are_lost(error):
    estimator = Estimator(1)
    estimator.kept_ = [1]
    with pytest.raises(error), changed_at_once(estimator) as new:
        new.parameter, new.kept_, new.new_ = 2, [2], 3
        raise error
    assert vars(estimator) == {"parameter": 1, "kept_": [1]}


def test_cache_hands_a_value_over():
    cache, made = EstimatorCache(), []
    giver, taker = Estimator(1), Estimator(1)
    value = cached(cache, giver, made)
    cache.hand_over(giver, taker)
    assert cached(cache, taker, made) is value
    assert made == [1]
    cache.hand_over(Estimator(2), taker)
    assert cached(cache, taker, made) is value
    # The giver has no value any more.
    assert cached(cache, giver, made) is not value
