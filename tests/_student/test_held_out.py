"""The choice of held-out documents."""

import numpy as np
import pytest

from sklux._student.held_out import split_held_out


def split(
    is_embedded, early_stopping="auto", validation_fraction=0.1, seed=0, groups=None
):
    if groups is None:
        groups = np.arange(len(is_embedded))
    return split_held_out(
        is_embedded,
        groups,
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


def test_split_held_out_holds_out_nothing_of_a_single_text():
    """Without early stopping, all documents may be copies of each other."""
    train, validation = split(embedded(3), False, groups=np.zeros(3, dtype=np.intp))
    assert sorted(train) == [0, 1, 2] and len(validation) == 0


@pytest.mark.parametrize(("n_samples", "is_held_out"), [(390, False), (400, True)])
def test_split_held_out_of_pairs(n_samples, is_held_out):
    """A pair may be a 20th of the held-out documents: 2 of 40, and not 2 of 39."""
    n_pairs = n_samples // 4
    groups = np.r_[np.repeat(np.arange(n_pairs), 2), np.arange(n_pairs, 3 * n_pairs)]
    groups = np.r_[
        groups, np.arange(3 * n_pairs, 3 * n_pairs + n_samples - 4 * n_pairs)
    ]
    _, validation = split(embedded(n_samples), groups=groups)
    assert (groups[validation] < n_pairs).any() == is_held_out


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
        r"\(194\). Copies of a document count once, .* Raise validation_fraction",
    ):
        split(embedded(194), True)


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_split_held_out_must_leave_documents_to_train_on(early_stopping):
    with pytest.raises(
        ValueError,
        match="validation_fraction=0.999 holds out all 40 documents with a teacher emb",
    ):
        split(embedded(80, 2), early_stopping, 0.999)


def test_split_held_out_known_answer():
    """Fits of documents without copies keep their split."""
    train, validation = split(embedded(300, 2), validation_fraction=0.15, seed=7)
    order = np.random.RandomState(7)
    documents = order.permutation(300)
    is_embedded = embedded(300, 2)[documents]
    documents = np.concatenate([documents[is_embedded], documents[~is_embedded]])
    np.testing.assert_array_equal(validation, documents[:22])
    np.testing.assert_array_equal(train, order.permutation(documents[22:]))


@pytest.mark.parametrize("n_copies", [1, 2, 4, 7])
def test_split_held_out_compares_each_of_many_copies_once(n_copies):
    """A tenth of the documents leaves the training, and no group is on both sides."""
    groups = np.tile(np.arange(400), n_copies)
    train, validation = split(embedded(400 * n_copies), groups=groups)
    assert len(validation) == len(set(groups[validation])) == 40
    assert not set(groups[validation]) & set(groups[train])
    assert len(train) == 360 * n_copies
    assert validation.max() < 400


@pytest.mark.parametrize("share", [0.06, 0.5, 0.9])
def test_split_held_out_never_holds_out_a_frequent_document(share):
    """The wanted number of documents is held out of the others."""
    n_frequent = int(share * 2000)
    groups = np.maximum(np.arange(2000) - n_frequent + 1, 0)
    for seed in range(5):
        train, validation = split(embedded(2000), seed=seed, groups=groups)
        assert 0 in groups[train]
        assert len(validation) == 200
        assert len(train) == 1800


def test_split_held_out_has_room_for_twenty_documents_with_copies():
    """Copies of a document are at most a 20th of the 200 documents to hold out."""
    sizes = np.array([10, 11] * 100)
    groups = np.repeat(np.arange(200), sizes)
    train, validation = split(embedded(2100), validation_fraction=0.096, groups=groups)
    assert set(sizes[groups[validation]]) == {10}
    assert len(validation) == 20
    assert len(train) == 1900


def test_split_held_out_share_is_near_with_copies_of_all_numbers():
    rng = np.random.RandomState(0)
    groups = np.repeat(np.arange(3000), rng.geometric(0.3, size=3000))
    n_samples = len(groups)
    train, validation = split(embedded(n_samples), groups=groups)
    assert 0.095 * n_samples <= n_samples - len(train) <= 0.1 * n_samples + 1
    assert len(validation) == pytest.approx(0.1 * 3000, rel=0.15)


def test_split_held_out_too_few_different_documents_are_none():
    """None of 19 documents is as rare as a 20th of the 95 documents to hold out."""
    groups = np.tile(np.arange(19), 10)
    train, validation = split(embedded(190), validation_fraction=0.5, groups=groups)
    assert len(validation) == 0
    assert sorted(train) == list(range(190))
    with pytest.raises(ValueError, match=r"gives 0 of the .* \(190\). Copies of a doc"):
        split(embedded(190), True, 0.5, groups=groups)


@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_split_held_out_of_copies_must_leave_documents_to_train_on(early_stopping):
    groups = np.tile(np.arange(40), 2)
    with pytest.raises(ValueError, match="holds out all 80 documents with a teacher"):
        split(embedded(80), early_stopping, 0.999, groups=groups)


def test_split_held_out_takes_copies_without_an_embedding_out_of_the_training():
    """One of three copies is embedded, by turns the first, second and third one."""
    groups = np.repeat(np.arange(300), 3)
    is_embedded = np.arange(900) % 3 == groups % 3
    train, validation = split(is_embedded, groups=groups)
    assert is_embedded[validation].all()
    assert len(validation) == 30
    assert len(train) == 810
    assert not set(groups[validation]) & set(groups[train])


def test_split_held_out_counts_copies_without_an_embedding():
    """1,000 copies of one embedded document would be half of the training."""
    groups = np.concatenate([np.arange(1000), np.full(1000, 5)])
    is_embedded = np.arange(2000) < 1000
    for seed in range(20):
        train, validation = split(is_embedded, seed=seed, groups=groups)
        assert 5 in groups[train]
        assert len(validation) == 100
