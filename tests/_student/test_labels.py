"""Class labels of some of the documents."""

import numpy as np
import pytest

from sklux._student.labels import Labels


def labels_of(y, n_documents=None):
    return Labels.of(y, len(y) if n_documents is None else n_documents, "y")


def masked(values, mask):
    return np.ma.masked_array(values, mask)


@pytest.mark.parametrize(
    "y",
    [
        ["a", "b", "", "a", "b"],
        ["a", "b", None, "a", "b"],
        ["a", "b", -1, "a", "b"],
        ["a", "b", np.nan, "a", "b"],
        np.array(["a", "b", "", "a", "b"]),
        np.array([3, 0, -1, 3, 0]),
        np.array([3.0, 0.0, np.nan, 3.0, 0.0]),
        np.array([3.0, 0.0, -1.0, 3.0, 0.0]),
        np.array([[3], [0], [-1], [3], [0]]),
        # The value below the mask is not a label.
        masked([3, 0, 3, 3, 0], [0, 0, 1, 0, 0]),
        [True, False, None, True, False],
        [True, False, -1, True, False],
    ],
    ids=[
        *("empty", "None", "-1-among-str", "NaN-among-str", "array-of-str", "int"),
        *("NaN", "whole-floats", "column", "masked", "bool", "bool-and--1"),
    ],
)
def test_labels_and_their_absence(y):
    labels = labels_of(y)
    assert labels.rows.tolist() == [0, 1, 3, 4]
    assert labels.classes.tolist() == [0, 1, 0, 1]


def test_labels_of_a_series():
    pd = pytest.importorskip("pandas")
    for dtype in ("category", "string", "object"):
        y = pd.Series(["a", "b", None, "a", "b"], index=[9, 8, 7, 6, 5], dtype=dtype)
        assert labels_of(y).rows.tolist() == [0, 1, 3, 4]


def test_labels_of_a_polars_series():
    pl = pytest.importorskip("polars")
    labels = labels_of(pl.Series(["a", "b", None, "a", "b"]))
    assert labels.rows.tolist() == [0, 1, 3, 4]


def test_a_document_alone_in_its_class_counts_as_unlabelled():
    labels = labels_of([7, 5, 6, 7, 5])
    assert labels.rows.tolist() == [0, 1, 3, 4]
    assert labels.classes.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("y", "found"),
    [
        ([1, 1, 1, 1, 1], "y has 1 5 times"),
        ([1, -1, 1, -1, -1], "y has 1 2 times"),
        (["a", "b", "a", "", ""], "y has 'a' 2 times, 'b' 1 times"),
        ([1, 2, 3, 4, 5], "y has 1 1 times, 2 1 times, 3 1 times, 2 more"),
        ([-1] * 5, "y has no label"),
    ],
    ids=["one-class", "minus-one-is-no-class", "one-alone", "all-alone", "none"],
)
def test_fewer_than_two_classes_of_two_documents_are_refused(y, found):
    with pytest.raises(ValueError, match=f"two classes with two documents.*{found}"):
        labels_of(y)


def test_missing_labels_are_refused():
    with pytest.raises(ValueError, match="there are no labels: y is None"):
        labels_of(None, 5)


@pytest.mark.parametrize(
    "y", [[0, 1], np.zeros((5, 2)), 3], ids=["short", "matrix", "number"]
)
def test_labels_of_another_shape_are_refused(y):
    with pytest.raises(ValueError, match="y must have one label for each of the 5"):
        labels_of(y, 5)


@pytest.mark.parametrize("value", [0.5, np.inf, np.float32(1.5)], ids=repr)
def test_targets_of_a_regression_are_refused(value):
    with pytest.raises(ValueError, match="y must hold classes.*regression"):
        labels_of([0.0, 1.0, value, 0.0, 1.0])


def test_several_labels_of_a_document_are_refused():
    with pytest.raises(ValueError, match=r"one label for each.*Got \['b', 'c'\]"):
        labels_of([["b", "c"], ["b"]])
