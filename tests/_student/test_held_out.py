"""Which documents are held out of the training."""

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


def taught(n_samples, every=1):
    return np.arange(n_samples) % every == 0


@pytest.mark.parametrize("every", [1, 2])
def test_split_held_out_is_a_partition(every):
    train, validation = split(taught(800, every))
    assert sorted([*train, *validation]) == list(range(800))
    assert len(validation) == 80 // every


def test_split_held_out_takes_taught_documents_alone():
    is_embedded = taught(800, 3)
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
def test_split_held_out_number(n_samples, early_stopping, expected):
    """A tenth, but not fewer than 20 nor more than 2,000; 19.5 is 20."""
    train, validation = split(taught(n_samples), early_stopping)
    assert len(validation) == expected
    assert len(train) == n_samples - expected


def test_split_held_out_trains_in_random_order():
    """Also where some are not taught, who come last before."""
    is_embedded = taught(800, 2)
    train, _ = split(is_embedded)
    assert 100 < is_embedded[train[:400]].sum() < 260


def test_split_held_out_same_seed_same_rows():
    for one, other in zip(split(taught(500), seed=3), split(taught(500), seed=3)):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(split(taught(500), seed=4)[1], split(taught(500))[1])


def test_split_held_out_too_few():
    with pytest.raises(
        ValueError,
        match="early_stopping=True would hold out 19 of 194 documents taught, but "
        "needs 20. Raise validation_fraction=0.1",
    ):
        split(taught(194), True)


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_split_held_out_leaves_none(early_stopping):
    with pytest.raises(
        ValueError, match="validation_fraction=0.999 would hold out all 40 documents"
    ):
        split(taught(80, 2), early_stopping, 0.999)
