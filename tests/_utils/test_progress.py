"""The line on standard error for a stage of a fit."""

import re

import pytest

from sklux._utils.progress import stage


def test_progress_shows_name_and_time(capfd):
    with stage("a stage", True):
        pass
    shown = capfd.readouterr()
    assert shown.out == ""
    last = re.split("[\r\n]", shown.err.rstrip())[-1]
    assert re.fullmatch(r"a stage: \d\d:\d\d", last)


@pytest.mark.parametrize("verbose", [None, False])
def test_progress_is_silent_unless_verbose(capfd, verbose):
    with stage("a stage", verbose):
        pass
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [True, False])
def test_progress_errors_pass_through(verbose):
    with pytest.raises(KeyboardInterrupt), stage("a stage", verbose):
        raise KeyboardInterrupt
