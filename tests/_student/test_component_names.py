"""Names of the output columns, if these are the columns of the teacher."""

from dataclasses import replace

import numpy as np
import pytest

from sklux._student.component_names import check_same_names, keeps_columns
from sklux._student.teacher_embeddings import TeacherEmbeddings

ARRAY = TeacherEmbeddings.of_rows(np.eye(3, dtype=np.float32), "y")
TABLE = replace(ARRAY, names=["a", "b", "c"])
NAMES = np.array(["a", "b", "c"], dtype=object)


@pytest.mark.parametrize("corpus_weight", ["auto", 0, 0.0])
@pytest.mark.parametrize("n_components", [3, 256])
def test_component_names_of_a_table(n_components, corpus_weight):
    assert keeps_columns(n_components, corpus_weight, TABLE)
    assert not keeps_columns(n_components, corpus_weight, ARRAY)


def test_component_names_of_more_columns_than_the_default():
    names = [f"c{i}" for i in range(300)]
    wide = TeacherEmbeddings.of_rows(np.eye(2, 300, dtype=np.float32), "y")
    assert keeps_columns(300, "auto", replace(wide, names=names))
    assert not keeps_columns(256, "auto", replace(wide, names=names))


@pytest.mark.parametrize("n_components", [2, 4])
def test_component_names_need_a_component_for_each_column(n_components):
    assert not keeps_columns(n_components, 0, TABLE)


def test_component_names_need_the_teacher_alone():
    assert not keeps_columns(3, 0.1, TABLE)


def test_component_names_that_agree():
    check_same_names(NAMES, ["a", "b", "c"], "X")
    check_same_names(NAMES, None, "X")
    check_same_names(None, ["a", "b", "c"], "X")
    # A model that is truncated has the first columns of its teacher.
    check_same_names(NAMES[:2], ["a", "b", "d"], "X")


@pytest.mark.parametrize(
    "given, message",
    [
        (["b", "a", "c"], "X must have .*order there was 'a', 'b', 'c'. Select"),
        (["a", "b", "d"], "Missing: 'c'. New: 'd'. Select the columns by"),
        (["a", "b", "b"], "order. Missing: 'c'. Select"),
    ],
)
def test_component_names_that_differ(given, message):
    with pytest.raises(ValueError, match=message):
        check_same_names(NAMES, given, "X")


@pytest.mark.parametrize(
    "n_names, end",
    [(5, "'c4'. New"), (6, "'c4' and 1 other\\. "), (7, "and 2 others. ")],
)
def test_component_names_long_lists_are_shortened(n_names, end):
    names = np.array([f"c{i}" for i in range(n_names)], dtype=object)
    message = f"Missing: 'c0', 'c1', 'c2', 'c3', .*{end}"
    with pytest.raises(ValueError, match=message):
        check_same_names(names, [f"d{i}" for i in range(n_names)], "X")
