"""A model is asked once for each text, and its vector is used for all copies."""

import numpy as np
import pytest

from sklux._teacher.distinct import vectors_of_distinct


def vector(text):
    return np.array([len(text), text.count("a")], dtype=np.float32)


class Model:
    """Embeds the last text first, one at a time, and records what it is asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts, positions):
        self.asked += zip(texts, positions.tolist())
        for row in reversed(range(len(texts))):
            yield np.array([row]), vector(texts[row])[np.newaxis]


@pytest.mark.parametrize(
    "documents", [["a"], ["b", "aa", "", "c"], ["b", "aa", "b", "b", "aa", "c"]]
)
def test_vectors_of_distinct_are_in_the_order_of_the_documents(documents):
    model = Model()
    vectors = vectors_of_distinct(model, documents, {})
    np.testing.assert_array_equal(
        vectors, np.stack([vector(text) for text in documents])
    )
    first = {text: documents.index(text) for text in documents}
    assert model.asked == list(first.items())


def test_vectors_of_distinct_are_not_asked_for_what_is_known():
    model = Model()
    known = {"aa": np.array([7, 7], dtype=np.float32), "x": np.zeros(2)}
    vectors = vectors_of_distinct(model, ["b", "aa", "c", "aa"], known)
    assert vectors.tolist() == [[1, 0], [7, 7], [1, 0], [7, 7]]
    assert model.asked == [("b", 0), ("c", 2)]


def test_vectors_of_distinct_may_all_be_known():
    model = Model()
    known = {"a": np.ones(3, dtype=np.float32)}
    assert vectors_of_distinct(model, ["a", "a"], known).tolist() == [[1] * 3] * 2
    assert not model.asked


def test_vectors_of_distinct_by_what_the_model_gets():
    """A lone surrogate becomes U+FFFD."""
    model = Model()
    vectors = vectors_of_distinct(model, ["\ufffda", "\ud800a", "b"], {})
    assert vectors.tolist() == [[2, 1], [2, 1], [1, 0]]
    assert [position for _, position in model.asked] == [0, 2]


def test_vectors_of_distinct_refuse_another_width():
    with pytest.raises(ValueError, match="vectors of width 3 and then of width 2"):
        vectors_of_distinct(Model(), ["a", "b"], {"a": np.ones(3, dtype=np.float32)})
