"""The choice of held-out documents."""

import numpy as np
import pytest

from sklux._student.held_out import split_held_out


def split(is_embedded, early_stopping="auto", validation_fraction=0.1, seed=0):
    return split_held_out(
        is_embedded,
        early_stopping,
        validation_fraction,
        np.random.RandomState(seed),
    )


def embedded(n_samples, every=1):
    """Documents of which every second, third, ... one has a teacher embedding."""
    return np.arange(n_samples) % every == 0


@pytest.mark.parametrize("every", [1, 2])
def test_split_held_out_is_a_partition(every):
    train, validation = split(embedded(800, every))
    assert sorted([*train, *validation]) == list(range(800))
    assert len(validation) == 80 // every


def test_split_held_out_takes_only_documents_with_a_teacher_embedding():
    is_embedded = embedded(800, 3)
    _, validation = split(is_embedded, validation_fraction=0.5)
    assert is_embedded[validation].all()


@pytest.mark.parametrize(
    ("n_samples", "early_stopping", "expected"),
    [
        (195, "auto", 20),
        (194, "auto", 0),
        (195, True, 20),
        (195, np.True_, 20),
        (195, False, 0),
        (195, np.False_, 0),
        (30_000, "auto", 2000),
        (30_000, True, 2000),
    ],
)
def test_split_held_out_number_of_documents(n_samples, early_stopping, expected):
    """A tenth, but at least 20 and at most 2,000; 19.5 is rounded to 20."""
    train, validation = split(embedded(n_samples), early_stopping)
    assert len(validation) == expected
    assert len(train) == n_samples - expected


def test_split_held_out_shuffles_the_documents_to_train_on():
    """Documents with and without a teacher embedding are mixed."""
    is_embedded = embedded(800, 2)
    train, _ = split(is_embedded)
    assert 100 < is_embedded[train[:400]].sum() < 260


def test_split_held_out_follows_the_seed():
    for one, other in zip(split(embedded(500), seed=3), split(embedded(500), seed=3)):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(split(embedded(500), seed=4)[1], split(embedded(500))[1])


def test_split_held_out_refuses_too_few_documents():
    with pytest.raises(
        ValueError,
        match="early_stopping=True needs 20 held-out documents, but "
        r"validation_fraction=0.1 gives 19 of the documents with a teacher embedding "
        r"\(194\). Raise validation_fraction",
    ):
        split(embedded(194), True)


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_split_held_out_must_leave_documents_to_train_on(early_stopping):
    with pytest.raises(
        ValueError,
        match="validation_fraction=0.999 holds out all 40 documents with a teacher emb",
    ):
        split(embedded(80, 2), early_stopping, 0.999)
