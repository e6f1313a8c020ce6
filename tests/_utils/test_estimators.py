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
    frozen,
    has_fitted_attributes,
    is_constant,
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
