"""Checks of the vectors that a model returned."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from _teacher.teachers import TEXTS, large, letter_counts, recorded
from sklux._teacher.vectors import (
    MAX_NAMED,
    ColumnNames,
    check_vectors,
    has_finite_values,
    invalid_vectors_message,
    rounded_vectors,
)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_vectors_that_are_not_finite_are_refused(tmp_path, value):
    def embed(documents):
        vectors = np.array(letter_counts(documents), dtype=float)
        vectors[[text == "an apple" for text in documents], 1] = value
        return vectors

    with (
        warnings.catch_warnings(),
        pytest.raises(
            ValueError,
            match="The teacher returned NaN or infinity for 1 of 6 documents: "
            "'an apple' at position 3. The vectors of all other documents are stored. "
            r"Leave these documents out, .*"
            r"CachedTeacher\(\.\.\., invalid_vectors='leave_out'\)\.$",
        ),
    ):
        warnings.simplefilter("error")
        recorded(tmp_path, embed).transform(TEXTS)
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS)
    assert teacher.model.texts == ["an apple"]


def test_vectors_too_large_for_float16_are_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            ValueError,
            match="dtype='float16' of CachedTeacher cannot hold the teacher's output "
            "for 6 documents, the first of them 'the slow red car': the rounded vector "
            "is zero or infinite.*Set dtype='float32'",
        ):
            recorded(tmp_path, large).transform(TEXTS)
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS)
    assert sorted(teacher.model.texts) == sorted(TEXTS)


def test_vectors_that_float16_makes_zero_are_refused(tmp_path):
    """The vector of the empty text is zero before it is rounded."""

    def small(documents):
        return np.array(letter_counts(documents)) * 1e-10

    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="output for 5 documents.*is zero or"):
            recorded(tmp_path, small).transform(TEXTS)
    assert recorded(tmp_path).transform(TEXTS).any(axis=1).sum() == 5  # none was kept
    wide = recorded(tmp_path, small, dtype="float32").transform(TEXTS)
    np.testing.assert_array_equal(wide, small(TEXTS).astype(np.float32))


def test_vectors_of_noise_may_become_zero(tmp_path):
    """An SVD maps documents outside its directions to zero, up to rounding."""

    def noisy(documents):
        noise = [text == "an apple" for text in documents]
        return np.where(np.array(noise)[:, None], 1e-17, letter_counts(documents))

    vectors = recorded(tmp_path, noisy).transform(TEXTS)
    assert not vectors[TEXTS.index("an apple")].any()


def test_vectors_too_large_for_float16_fit_float32(tmp_path):
    vectors = recorded(tmp_path, large, dtype="float32").transform(TEXTS)
    np.testing.assert_array_equal(vectors, large(TEXTS))


@pytest.mark.parametrize(
    ("embed", "shape"),
    [
        (lambda documents: letter_counts(documents)[1:], (5, 3)),
        (lambda documents: letter_counts(documents) * 2, (12, 3)),
        (lambda documents: [0.5] * len(documents), (6,)),
        (lambda documents: np.zeros((len(documents), 2, 2)), (6, 2, 2)),
        (lambda documents: np.zeros((len(documents), 0)), (6, 0)),
        (lambda documents: 3, ()),
        (lambda documents: sparse.csr_matrix((2, 3)), (2, 3)),
    ],
)
def test_vectors_of_the_wrong_shape_are_refused(tmp_path, embed, shape):
    with pytest.raises(
        ValueError,
        match=r"The teacher must return an array of shape \(6, n_components\) for 6 "
        rf"documents\. It returned shape {re.escape(str(shape))}\.",
    ):
        recorded(tmp_path, embed).transform(TEXTS)


@pytest.mark.parametrize(
    "embed",
    [
        list,
        lambda documents: None,
        lambda documents: [[1.0], [1.0, 2.0]] * 3,
        lambda documents: [["many"]] * len(documents),
        lambda documents: [{"vector": 1}] * len(documents),
        lambda documents: [[1 + 2j]] * len(documents),
    ],
    ids=["texts", "None", "ragged", "words", "dicts", "complex"],
)
def test_vectors_that_are_not_numbers_are_refused(tmp_path, embed):
    with pytest.raises(
        ValueError,
        match="The teacher must return (one|an array)|The teacher's output .*hold",
    ):
        recorded(tmp_path, embed).transform(TEXTS)
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS)
    assert sorted(teacher.model.texts) == sorted(TEXTS)


def test_vectors_of_a_single_document():
    """The messages count it in the singular."""
    with pytest.raises(
        ValueError, match=r"for 1 document\. It returned shape \(2, 1\)"
    ):
        check_vectors(np.ones((2, 1)), 1)
    with pytest.raises(ValueError, match="output for 1 document, 'pear': the rounded"):
        rounded_vectors(np.full((1, 2), 1e6, dtype=np.float32), "float16", ["pear"])


def test_vectors_with_finite_values():
    vectors = np.array([[1, 2], [np.nan, 0], [0, 0], [-np.inf, np.nan]])
    np.testing.assert_array_equal(
        has_finite_values(vectors), [True, False, True, False]
    )


def test_message_about_invalid_vectors_names_the_first_ones():
    documents = [f"text {number} {'a' * 50}" for number in range(2000)]
    is_invalid = np.zeros(2000, dtype=bool)
    is_invalid[[3, 1999]] = True
    assert invalid_vectors_message(documents, is_invalid, None) == (
        "The teacher returned NaN or infinity for 2 of 2,000 documents: "
        f"'text 3 {'a' * 33}' at position 3, 'text 1999 {'a' * 30}' at position 1999."
    )
    is_invalid[:] = True
    message = invalid_vectors_message(documents, is_invalid, np.arange(2000) + 7)
    assert message.startswith(
        f"The teacher returned NaN or infinity for 2,000 of 2,000 documents: 'text 0 "
        f"{'a' * 33}' at position 7, "
    )
    assert message.endswith(" at position 11 and 1,995 others.")
    assert message.count("position") == MAX_NAMED


def test_column_names_of_tables():
    found = ColumnNames()
    encode = found.noting(lambda texts: pd.DataFrame({"length": map(len, texts)}))
    assert found.names is None
    for texts in (["a", "bc"], ["def"]):
        assert encode(texts)["length"].tolist() == [len(text) for text in texts]
        assert found.names == ["length"]


def test_column_names_of_arrays():
    found = ColumnNames()
    assert len(found.noting(letter_counts)(TEXTS)) == len(TEXTS)
    assert found.names is None


def test_column_names_that_change_are_refused():
    def one_hot(texts):
        return pd.get_dummies(pd.Series(texts))

    encode = ColumnNames().noting(one_hot)
    encode(["a", "b"])
    with pytest.raises(ValueError, match=r"first \['a', 'b'\], then \['a', 'c'\]"):
        encode(["a", "c"])
