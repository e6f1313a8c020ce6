"""Guessed teacher vectors against kernel ridge regression by its formula."""

import numpy as np
import pytest
import reference
from sklearn.preprocessing import normalize
from strategies import build_csr

from sklux._student import ridge as _ridge
from sklux._student.imputation import ALPHA, LATENT_WEIGHT, impute_vectors
from sklux._student.ridge import conjugate_gradients


def some_taught(n_samples=120, n_embedded=70, n_teacher_components=16):
    """Features, latent vectors, teacher vectors, and who was taught."""
    X, teacher = reference.topic_documents(
        n_samples, n_teacher_components=n_teacher_components
    )
    X = normalize(X)
    latent = reference.latent_vectors(X, 8).astype(np.float32)
    is_embedded = np.arange(n_samples) < n_embedded
    np.random.RandomState(0).shuffle(is_embedded)
    return X, latent, np.where(is_embedded[:, None], teacher, 0), is_embedded, teacher


def kernel_ridge(*data):
    return reference.kernel_ridge(*data, ALPHA, LATENT_WEIGHT)


@pytest.fixture
def exact(monkeypatch):
    """Solutions as good as float32 has them."""
    monkeypatch.setattr(_ridge, "TOLERANCE", 1e-6)
    monkeypatch.setattr(_ridge, "MAX_STEPS", 500)


@pytest.mark.parametrize("n_embedded", [1, 2, 30, 119])
def test_with_guesses_equals_reference(exact, n_embedded):
    *data, _ = some_taught(n_embedded=n_embedded)
    is_embedded = data[-1]
    found = impute_vectors(*data)
    assert found.dtype == np.float32
    expected = kernel_ridge(*data)
    np.testing.assert_allclose(found[~is_embedded], expected[~is_embedded], atol=1e-4)


def test_with_guesses_default_tolerance_is_near_the_reference():
    *data, _ = some_taught()
    cosines = np.sum(impute_vectors(*data) * kernel_ridge(*data), axis=1)
    assert cosines[~data[-1]].min() > 0.999


def test_with_guesses_taught_rows_are_unchanged():
    *data, _ = some_taught()
    X, latent, teacher, is_embedded = data
    before = teacher.copy()
    found = impute_vectors(*data)
    reference.assert_same_bits(found[is_embedded], teacher[is_embedded])
    reference.assert_same_bits(teacher, before)


def test_with_guesses_rows_have_unit_length():
    *data, _ = some_taught()
    np.testing.assert_allclose(
        np.linalg.norm(impute_vectors(*data), axis=1), 1, rtol=1e-6
    )


def test_with_guesses_knows_more_than_the_mean():
    *data, truth = some_taught()
    is_embedded = data[-1]
    mean = reference.unit_rows([truth[is_embedded].mean(axis=0)])[0]
    untaught = truth[~is_embedded]
    guessed = np.sum(impute_vectors(*data)[~is_embedded] * untaught, axis=1).mean()
    assert guessed > (untaught @ mean).mean() + 0.2


def test_with_guesses_does_not_read_untaught_teacher_rows():
    X, latent, teacher, is_embedded, _ = some_taught()
    expected = impute_vectors(X, latent, teacher, is_embedded)
    teacher[~is_embedded] = 7
    reference.assert_same_bits(
        impute_vectors(X, latent, teacher, is_embedded), expected
    )


def test_with_guesses_all_taught_is_the_teacher():
    X, latent, _, _, teacher = some_taught()
    assert impute_vectors(X, latent, teacher, np.ones(len(teacher), bool)) is teacher


@pytest.mark.parametrize("empty", [[], [(1, 0.0)]], ids=["no values", "a zero"])
def test_with_guesses_without_features_is_zero(empty):
    """Not taught and without features: nothing is known."""
    X = build_csr([[(0, 1)], [(1, 1)], empty, [(0, 1)]], 2)
    latent = reference.latent_vectors(X, 2).astype(np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=np.float32)
    found = impute_vectors(X, latent, teacher, teacher.any(axis=1))
    assert not found[2].any()
    assert np.linalg.norm(found[3]) == pytest.approx(1)


def test_with_guesses_by_hand(exact):
    """Two documents taught, a and b, with a feature each and no latent vectors.

    m = (1/2, 1/2) and A = (T - m) / (1 + ALPHA), so a document with the feature of the
    first deviates towards (1/2, -1/2). sqrt(1 - |m|^2) is the length of that, so the
    guess is (1, 0). A document with a feature that nobody taught has the direction of
    the mean.
    """
    X = build_csr([[(0, 1)], [(1, 1)], [(0, 1)], [(2, 1)]], 3)
    latent = np.zeros((4, 0), dtype=np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=np.float32)
    found = impute_vectors(X, latent, teacher, teacher.any(axis=1))
    np.testing.assert_allclose(found[2:], [[1, 0], [0.5**0.5] * 2], atol=1e-6)


def test_with_guesses_deviate_as_much_as_the_taught():
    """However unsure: a document of three unknown features beside a known one."""
    X = normalize(
        build_csr(
            [[(0, 1)], [(1, 1)], [(0, 1)], [(0, 1), *((j, 1) for j in (2, 3, 4))]], 5
        )
    )
    latent = np.zeros((4, 0), dtype=np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0], [0, 0]], dtype=np.float32)
    found = impute_vectors(X, latent, teacher, teacher.any(axis=1))
    np.testing.assert_allclose(found[3], found[2], atol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_with_guesses_unit_of_the_latent_vectors_does_not_count(exact, scale):
    X, latent, *rest, _ = some_taught()
    np.testing.assert_allclose(
        impute_vectors(X, latent * np.float32(scale), *rest),
        impute_vectors(X, latent, *rest),
        atol=1e-4,
    )


@pytest.mark.parametrize("block", [1, 5, 16, 64])
def test_with_guesses_blocks_do_not_change_the_result(monkeypatch, exact, block):
    *data, _ = some_taught()
    expected = impute_vectors(*data)
    monkeypatch.setattr(_ridge, "BLOCK", block)
    np.testing.assert_allclose(impute_vectors(*data), expected, atol=2e-5)


def test_with_guesses_feature_of_tiny_values_teaches_little():
    """A feature that is next to nothing in a taught document is no bridge to it."""
    X = build_csr([[(0, 1), (2, 1e-14)], [(1, 1)], [(2, 1)]], 3)
    latent = np.zeros((3, 0), dtype=np.float32)
    teacher = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    found = impute_vectors(X, latent, teacher, teacher.any(axis=1))
    np.testing.assert_allclose(found[2], [0.5**0.5] * 2, atol=1e-6)


def positive_definite(n, seed=0):
    root = np.random.RandomState(seed).standard_normal((n, n))
    return root @ root.T / n + 0.2 * np.eye(n)


@pytest.mark.parametrize("n_targets", [1, 7])
@pytest.mark.parametrize("n_samples", [1, 2, 30])
def test_conjugate_gradients_equals_reference(exact, n_samples, n_targets):
    K = positive_definite(n_samples)
    targets = np.random.RandomState(1).standard_normal((n_samples, n_targets))
    found = conjugate_gradients(lambda A: K @ A, targets)
    np.testing.assert_allclose(found, np.linalg.solve(K, targets), atol=1e-5)


def test_conjugate_gradients_residuals_are_within_the_tolerance():
    """Of every column, also of one that is a million times as long as another."""
    K = positive_definite(40)
    targets = np.random.RandomState(1).standard_normal((40, 3)) * [1, 1e6, 1e-6]
    residuals = targets - K @ conjugate_gradients(lambda A: K @ A, targets)
    lengths = np.linalg.norm(targets, axis=0)
    assert np.all(
        np.linalg.norm(residuals, axis=0) <= 1.01 * _ridge.TOLERANCE * lengths
    )


def test_conjugate_gradients_by_hand():
    """One number: 4 a = 2."""
    found = conjugate_gradients(lambda A: 4 * A, np.array([[2.0]]))
    np.testing.assert_allclose(found, [[0.5]])


def test_conjugate_gradients_zero_columns_stay_zero():
    """Beside one that needs its steps."""
    K = positive_definite(20)
    targets = np.zeros((20, 2))
    targets[:, 1] = np.arange(20)
    found = conjugate_gradients(lambda A: K @ A, targets)
    assert not found[:, 0].any()
    assert np.isfinite(found).all()


def test_conjugate_gradients_gives_up_after_its_steps(monkeypatch):
    monkeypatch.setattr(_ridge, "MAX_STEPS", 3)
    calls = []

    def product(A):
        calls.append(A)
        return positive_definite(50) @ A

    conjugate_gradients(product, np.random.RandomState(0).standard_normal((50, 2)))
    assert len(calls) == 3


def test_conjugate_gradients_leaves_the_targets_alone():
    targets = np.ones((5, 1))
    conjugate_gradients(lambda A: positive_definite(5) @ A, targets)
    np.testing.assert_array_equal(targets, 1)


def test_conjugate_gradients_of_dependent_columns():
    """More columns than there are samples, two of them the same."""
    K = positive_definite(6)
    targets = np.random.RandomState(1).standard_normal((6, 9))
    targets[:, 4] = targets[:, 1]
    found = conjugate_gradients(lambda A: K @ A, targets, 20, 1e-6)
    np.testing.assert_allclose(found, np.linalg.solve(K, targets), atol=1e-5)
    np.testing.assert_allclose(found[:, 4], found[:, 1], atol=1e-6)


def test_conjugate_gradients_columns_share_their_directions():
    """Eight large eigenvalues cost a column alone a step each, a block few."""
    rng = np.random.RandomState(0)
    root = rng.standard_normal((200, 8)) * np.geomspace(1, 30, 8)
    K = root @ root.T + np.eye(200)
    targets = rng.standard_normal((200, 8))
    calls = []

    def product(A):
        calls.append(A)
        return K @ A

    found = conjugate_gradients(product, targets, 50, 1e-3)
    np.testing.assert_allclose(K @ found, targets, atol=0.02)
    assert len(calls) <= 3
