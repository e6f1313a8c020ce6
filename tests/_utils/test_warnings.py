"""Warnings that point to the line of the caller."""

import pytest

from sklux._utils.warnings import warn_caller


class OtherWarning(UserWarning):
    pass


def as_module(name):
    """A function of a module of that name that calls another function."""
    names = {"__name__": name}
    exec("def call(function, *args):\n    return function(*args)", names)
    return names["call"]


def test_warnings_point_to_the_caller():
    with pytest.warns(OtherWarning, match="^a message$") as caught:
        warn_caller("a message", OtherWarning)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("name", ["sklux", "sklux._student.training", "sklearn.base"])
def test_warnings_skip_frames_of_sklux_and_scikit_learn(name, depth):
    call = as_module(name)
    arguments = [call] * (depth - 1) + [warn_caller, "a message", OtherWarning]
    with pytest.warns(OtherWarning) as caught:
        call(*arguments)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["other", "sklux_plugin", "sklearnex.base"])
def test_warnings_point_to_other_packages_that_call_sklux(name):
    """A name that only begins like one of the packages is another package."""
    with pytest.warns(OtherWarning) as caught:
        as_module(name)(as_module("sklux"), warn_caller, "a message", OtherWarning)
    assert caught[0].filename == "<string>"
