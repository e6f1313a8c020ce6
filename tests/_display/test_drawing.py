"""Shared parts of the displays: axes, titles, styles, checks of numbers."""

import sys

import numpy as np
import pandas as pd
import pytest

from sklux._display.drawing import (
    axes_to_draw_on,
    check_paired,
    merged_style,
    root_figure,
    row_of_numbers,
    write_title,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture
def pyplot():
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_drawing_given_axes_are_returned_without_a_new_figure(pyplot):
    given = object()
    assert axes_to_draw_on(given, "A test") is given
    assert pyplot.get_fignums() == []


def test_drawing_new_figure_has_the_shape_that_is_asked_for(pyplot):
    ax = axes_to_draw_on(None, "A test", figsize=(3, 2))
    assert tuple(ax.figure.get_size_inches()) == (3, 2)
    assert axes_to_draw_on(None, "A test", 1, 2).shape == (2,)


def test_drawing_missing_matplotlib_names_the_purpose_and_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    message = r"^A test needs .*'matplotlib.pyplot'.*pip install 'sklux\[plot\]'$"
    with pytest.raises(ImportError, match=message):
        axes_to_draw_on(None, "A test")


def test_drawing_root_figure_of_axes_in_subfigures(pyplot):
    figure = pyplot.figure()
    inner = figure.subfigures(1, 2)[0]
    assert root_figure(figure.subplots()) is figure
    assert root_figure(inner.subplots()) is figure
    assert root_figure(inner.subfigures(1, 2)[1].subplots()) is figure


@pytest.mark.parametrize(
    ("name", "default", "title"),
    [
        (None, None, ""),
        (None, "default", "default"),
        ("name", "default", "name"),
        ("", "default", ""),
        ("$x$", None, "$x$"),
    ],
)
def test_drawing_title(pyplot, name, default, title):
    _, ax = pyplot.subplots()
    write_title(ax, name, default, loc="left")
    assert ax.get_title(loc="left") == title
    assert ax.get_title() == ""


def test_drawing_styles_of_the_user_replace_the_defaults_under_any_alias():
    from matplotlib.lines import Line2D

    style = merged_style(Line2D, {"lw": 3, "c": "red"}, linewidth=1, marker="o")
    assert style == {"linewidth": 3, "color": "red", "marker": "o"}
    assert merged_style(Line2D, None, marker="o") == {"marker": "o"}


def test_drawing_styles_refuse_a_keyword_under_two_names():
    from matplotlib.lines import Line2D

    with pytest.raises(TypeError, match="linewidth"):
        merged_style(Line2D, {"lw": 3, "linewidth": 2})


@pytest.mark.parametrize(
    "values", [[1, 2], (1.0, 2.0), np.array([1, 2], "i1"), pd.Series([1, 2], [7, 8])]
)
def test_drawing_row_of_numbers_accepts_sequences(values):
    row = row_of_numbers("name", values, is_finite=True)
    assert row.dtype == np.float64
    assert row.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"one or more numbers\. Got an array of shape \(0,\) instead\."),
        (0.5, r"one or more numbers\. Got an array of shape \(\) instead\."),
        ([[1, 2]], r"one or more numbers\. Got an array of shape \(1, 2\) instead\."),
        (["a"], "numbers: could not convert string to float"),
        ([None, {}], "numbers: "),
    ],
)
def test_drawing_row_of_numbers_refuses_other_values(values, message):
    with pytest.raises(ValueError, match=f"^name must be a sequence of {message}"):
        row_of_numbers("name", values)


def test_drawing_row_of_numbers_refuses_values_that_are_not_finite():
    values = [0, 1, np.nan, np.inf]
    assert len(row_of_numbers("name", values)) == 4
    with pytest.raises(
        ValueError,
        match=r"^name has NaN or infinity, first at position 2\. Leave such values out",
    ):
        row_of_numbers("name", values, is_finite=True)


def test_drawing_paired_rows_must_have_the_same_length():
    check_paired(first=np.ones(2), second=np.zeros(2))
    with pytest.raises(
        ValueError,
        match=r"^first and second must have the same number of values\. Got 2 and 3 v",
    ):
        check_paired(first=np.ones(2), second=np.zeros(3))
