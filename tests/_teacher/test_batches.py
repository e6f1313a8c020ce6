"""Vectors of many documents, by batches of documents of similar length."""

import threading
import types
from contextvars import ContextVar

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer

from _teacher.teachers import (
    FakeSentenceTransformer,
    letter_counts,
    recorded,
    width_by_length,
)
from sklux import CachedTeacher
from sklux._teacher import batches, models
from sklux._teacher.cached import teacher_vectors


def test_batches_have_batch_size_and_similar_lengths(tmp_path):
    teacher = recorded(tmp_path, batch_size=3)
    texts = [str(10**length) for length in range(20)]
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    assert {len(batch) for batch in teacher.model.batches[:-1]} == {3}
    assert teacher.model.texts == texts[::-1]


def test_batches_of_short_texts_are_larger_for_a_named_model(tmp_path, monkeypatch):
    """A batch has MIN_BATCH_CHARACTERS characters, or `batch_size` texts if more."""
    sizes = []

    def encode(texts, batch_size, show_progress_bar):
        assert batch_size == len(texts)
        sizes.append((len(texts[0]), len(texts)))
        return letter_counts(texts)

    model = types.SimpleNamespace(encode=encode)
    monkeypatch.setattr(batches, "MIN_BATCH_CHARACTERS", 40)
    monkeypatch.setattr(models, "load_sentence_transformer", lambda *_: model)
    texts = ["a" * (number % 15) for number in range(90)]
    teacher = CachedTeacher("a name", path=tmp_path, model_id="short", batch_size=4)
    # With a cache, each distinct text is embedded once.
    distinct = sorted(set(texts), key=len, reverse=True)
    np.testing.assert_array_equal(teacher.transform(texts), letter_counts(texts))
    assert sizes == [(14, 4), (10, 4), (6, 6), (0, 1)]
    assert sum(n_texts for _, n_texts in sizes) == len(distinct)
    sizes.clear()
    # So it is without a cache. The default batch size is larger.
    texts = [f"{text}{number:03}" for number, text in enumerate(texts)] * 2
    vectors = teacher_vectors("a name", texts, False)
    np.testing.assert_array_equal(vectors, letter_counts(texts))
    assert sizes == [(17, 64), (7, 26)]


def counts_of_words(texts):
    """Take words as tokens."""
    return np.array([len(text.split()) for text in texts])


def test_batches_by_tokens_have_similar_numbers_of_tokens(monkeypatch):
    """Characters do not matter; small batches do not end early."""
    monkeypatch.setattr(batches, "MIN_BATCH_TOKENS", 60)
    monkeypatch.setattr(batches, "FEW_TOKENS", 10)
    texts = ["word " * 20, "x" * 90] + ["aa bb"] * 12 + ["aaaaaaa"] * 30
    found = list(batches.positions_by_tokens(texts, 4, counts_of_words))
    counts = [sorted(counts_of_words([texts[i] for i in some])) for some in found]
    assert counts == [[20], [2] * 12, [1] * 31]
    assert sorted(np.concatenate(found)) == list(range(len(texts)))


def test_batches_by_tokens_have_batch_size(monkeypatch):
    monkeypatch.setattr(batches, "MIN_BATCH_TOKENS", 0)
    texts = ["a long text of words"] * 10
    found = batches.positions_by_tokens(texts, 4, counts_of_words)
    assert [len(some) for some in found] == [4, 4, 2]


def test_batches_by_tokens_are_tokenised_in_parts(monkeypatch):
    """A part is tokenised when its first batch is asked for, without surrogates."""
    seen = []

    def count_tokens(texts):
        seen.append(texts)
        return counts_of_words(texts)

    monkeypatch.setattr(batches, "TOKENISED_AT_ONCE", 2)
    found = batches.positions_by_tokens(["a", "", "bb \ud800", "c c"], 9, count_tokens)
    assert next(found).tolist() == [2, 3]
    assert seen == [["bb \ufffd", "c c"]]
    assert [some.tolist() for some in found] == [[0, 1]]


def test_batches_by_tokens_of_no_documents():
    assert list(batches.positions_by_tokens([], 9, counts_of_words)) == []


def test_batches_of_two_widths_are_not_stored(tmp_path):
    with pytest.raises(ValueError, match="returned vectors of widths? "):
        recorded(tmp_path, width_by_length, batch_size=1).transform(["a", "bb", "ccc"])


def test_batches_are_put_in_order():
    texts = [f"{number} documents" for number in range(200)]
    vectors = teacher_vectors(letter_counts, texts, False)
    np.testing.assert_array_equal(vectors, letter_counts(texts))


def test_batches_of_two_widths_are_refused():
    """The longest documents come first, so the batches differ in width."""
    texts = [f"long enough {number:02}" for number in range(64)] + ["short"]

    def embed(documents):
        return np.ones((len(documents), len(documents[0])))

    with pytest.raises(ValueError, match="vectors of width 14 and then of width 5"):
        teacher_vectors(embed, texts, False)


CUT = ["cut \ud83d", "whole \U0001f642", "\udc00"]


def test_batches_have_no_surrogates(tmp_path):
    """Tokenizers and services refuse them. The cache has the user's texts."""
    teacher = recorded(tmp_path, lambda texts: [[len(text), 1] for text in texts])
    vectors = teacher.transform(CUT)
    seen = ["cut \ufffd", "whole \U0001f642", "\ufffd"]
    assert sorted(teacher.model.texts) == sorted(seen)
    np.testing.assert_array_equal(vectors[:, 0], [5, 7, 1])
    teacher.transform(CUT)
    assert len(teacher.model.texts) == 3
    # U+FFFD itself is another text.
    teacher.transform(seen)
    assert len(teacher.model.texts) == 5


@pytest.mark.parametrize(
    "kind", ["name", "object", "method", "transformer", "function"]
)
def test_batches_have_no_surrogates_for_models_of_each_kind(fake_library, kind):
    class Model(FakeSentenceTransformer):
        def __init__(self):
            pass

        def encode(self, documents, batch_size=2, show_progress_bar=True):
            "".join(documents).encode()
            return super().encode(documents, batch_size, show_progress_bar)

    def function(documents):
        return Model().encode(documents, show_progress_bar=False)

    teachers = {
        "name": "some/name",
        "object": Model(),
        "method": Model().encode,
        "transformer": FunctionTransformer(function),
        "function": function,
    }
    np.testing.assert_array_equal(
        teacher_vectors(teachers[kind], CUT[1:], False)[:, 0], [7, 1]
    )


def numbers_of(*fail):
    """Return a function that raises for some of its arguments."""

    def function(number):
        if number in fail:
            raise ValueError(f"no {number}")
        return number

    return function


def test_in_threads_yields_all_results():
    stop = threading.Event()
    results = batches.in_threads(numbers_of(), range(50), 4, stop)
    assert sorted(results) == list(range(50))
    assert list(batches.in_threads(numbers_of(), [], 4, stop)) == []


def test_in_threads_raises_the_first_error():
    stop = threading.Event()
    results = []
    with pytest.raises(ValueError, match="no 3"):
        for result in batches.in_threads(numbers_of(3, 40), range(50), 1, stop):
            results.append(result)
    assert results == [0, 1, 2]
    assert stop.is_set()


def test_in_threads_ends_if_the_caller_gives_up():
    stop = threading.Event()
    results = batches.in_threads(numbers_of(), range(50), 2, stop)
    assert next(results) in range(2)
    results.close()
    assert stop.is_set()


def test_in_threads_keeps_the_context():
    variable = ContextVar("variable", default=0)
    variable.set(7)
    results = batches.in_threads(
        lambda _: variable.get(), range(3), 2, threading.Event()
    )
    assert list(results) == [7, 7, 7]
