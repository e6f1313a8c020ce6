"""The data of a fit: documents to train on, with their views and targets."""

import numpy as np
import pytest
import reference
from scipy import sparse

from sklux._student.fit_data import FitData
from sklux._student.targets import Targets
from sklux._student.teacher_embeddings import TeacherEmbeddings

N_SAMPLES = 6
TRAIN, HELD_OUT = np.array([4, 0, 3, 1]), np.array([2, 5])
GROUPS = np.array([0, 1, 2, 0, 3, 4])


def numbered(n_rows, n_columns, start=0):
    """An array whose values are all different."""
    size = n_rows * n_columns
    return np.arange(start, start + size, dtype=np.float32).reshape(n_rows, n_columns)


def fit_data(X_views=None, view_teacher=None):
    X = sparse.csr_matrix(numbered(N_SAMPLES, 3, 1))
    teacher = TeacherEmbeddings.of_rows(numbered(N_SAMPLES, 4, 1), "y")
    rng = np.random.RandomState(0)
    return FitData(
        *(X, teacher, X_views, None, TRAIN, HELD_OUT, 2, rng, GROUPS), view_teacher
    )


@pytest.fixture
def targets():
    return Targets(numbered(N_SAMPLES, 5), numbered(N_SAMPLES, 2), numbered(2, 4))


def test_fit_data_examples_are_not_copied(targets):
    """The rows to train on are chosen by their numbers."""
    data = fit_data(sparse.csr_matrix(numbered(2 * N_SAMPLES, 3, 100)))
    examples = targets.examples(data)
    assert examples.X is data.X
    assert examples.X_views is data.X_views
    assert examples.whole is targets.whole
    assert examples.reduced is targets.reduced
    assert examples.rows is data.train
    assert examples.groups is data.groups


def test_fit_data_examples_without_views(targets):
    assert targets.examples(fit_data()).X_views is None
    assert targets.examples(fit_data()).view_targets is None


@pytest.mark.parametrize("compares_whole", [False, True])
def test_fit_data_examples_have_targets_of_views(targets, compares_whole):
    """The teacher's vectors, in the student's space unless whole targets count."""
    vectors = numbered(2 * N_SAMPLES, 4, 1)
    vectors[3] = np.nan
    teacher = TeacherEmbeddings.of_rows(vectors, "y_views")
    views = sparse.csr_matrix(numbered(2 * N_SAMPLES, 3, 100))
    if not compares_whole:
        targets = targets._replace(whole=None)
    found = targets.examples(fit_data(views, teacher)).view_targets
    expected = reference.unit_rows(vectors)
    if not compares_whole:
        expected = reference.unit_rows(expected @ targets.components.T)
    expected[3] = 0
    np.testing.assert_allclose(
        found.unit(np.arange(2 * N_SAMPLES)), expected, atol=1e-6
    )
