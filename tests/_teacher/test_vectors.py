"""Checks of the vectors that a model returned."""

import re
import warnings

import numpy as np
import pytest
from scipy import sparse

from _teacher.teachers import TEXTS, large, letter_counts, recorded
from sklux._teacher.vectors import check_vectors, rounded_vectors


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
            match="The teacher returned NaN or infinity for 1 document, 'an apple'. "
            "Such vectors are neither used nor stored. Leave the documents out, or use",
        ),
    ):
        warnings.simplefilter("error")
        recorded(tmp_path, embed).transform(TEXTS)
    teacher = recorded(tmp_path)
    teacher.transform(TEXTS)
    assert "an apple" in teacher.model.texts


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
        check_vectors(np.ones((2, 1)), ["pear"])
    with pytest.raises(ValueError, match="output for 1 document, 'pear': the rounded"):
        rounded_vectors(np.full((1, 2), 1e6, dtype=np.float32), "float16", ["pear"])
