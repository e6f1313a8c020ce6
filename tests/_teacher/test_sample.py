"""Which documents the teacher embeds, if it does not embed all."""

import numpy as np
import pytest

from sklux._teacher.sample import sample_documents


def texts(n_documents):
    return [f"document {i}" for i in range(n_documents)]


@pytest.mark.parametrize("n_documents", [0, 1, 7, 100])
def test_sample_documents_have_the_given_number(n_documents):
    chosen = sample_documents(texts(100), n_documents)
    assert len(chosen) == len(set(chosen)) == n_documents
    assert chosen.dtype == np.intp
    assert np.all(np.diff(chosen) > 0)


@pytest.mark.parametrize("n_documents", [3, 4, 10**9])
def test_sample_documents_of_few_documents_are_all(n_documents):
    assert sample_documents(texts(3), n_documents).tolist() == [0, 1, 2]


def test_sample_documents_do_not_depend_on_the_order():
    documents = texts(100)
    chosen = {documents[i] for i in sample_documents(documents, 30)}
    np.random.RandomState(0).shuffle(documents)
    assert {documents[i] for i in sample_documents(documents, 30)} == chosen


def test_sample_documents_of_a_part_are_chosen_from_the_whole_too():
    """A document chosen from many documents is also chosen from a part of them."""
    documents = texts(100)
    chosen = {documents[i] for i in sample_documents(documents, 30)}
    part = documents[::2]
    of_part = {part[i] for i in sample_documents(part, 30)}
    assert chosen & set(part) <= of_part


def test_sample_documents_are_spread_over_the_corpus():
    """Within four standard deviations of the half that begins the corpus."""
    chosen = sample_documents(texts(10_000), 5000)
    assert abs((chosen < 5000).sum() - 2500) < 4 * (10_000 / 16) ** 0.5


def test_sample_documents_known_answer():
    """Caches hold the vectors of these documents, so the choice must not change."""
    assert sample_documents(texts(20), 4).tolist() == [2, 7, 11, 15]


def test_sample_documents_choose_among_different_texts():
    """A frequent text is chosen like any other, with all its copies or with none."""
    frequent = 1000 * ["good"]
    chosen_of = {}
    for n_texts in (100, 3000):
        documents = [*texts(3000)[:1500], *frequent, *texts(3000)[1500:]]
        chosen = sample_documents(documents, n_texts)
        chosen_of[n_texts] = {documents[i] for i in chosen}
        assert len(chosen_of[n_texts]) == n_texts
        n_frequent = sum(documents[i] == "good" for i in chosen)
        assert n_frequent == 1000 * ("good" in chosen_of[n_texts])
        assert np.all(np.diff(chosen) > 0)
    assert "good" in chosen_of[3000]
    different = texts(3000)
    alone = {different[i] for i in sample_documents(different, 100)}
    assert chosen_of[100] - {"good"} <= alone


def test_sample_documents_equal_documents():
    """All of them have the chosen text. A lone surrogate is a document, too."""
    assert sample_documents(["same"] * 5, 2).tolist() == [0, 1, 2, 3, 4]
    assert sample_documents(["a", "b", "a"], 2).tolist() == [0, 1, 2]
    assert len(sample_documents(["\ud800", "", "a"], 2)) == 2
