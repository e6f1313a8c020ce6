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


def fit_data(X_views=None):
    X = sparse.csr_matrix(numbered(N_SAMPLES, 3, 1))
    teacher = TeacherEmbeddings.of_rows(numbered(N_SAMPLES, 4, 1), "y")
    rng = np.random.RandomState(0)
    return FitData(X, teacher, X_views, None, TRAIN, HELD_OUT, 2, rng, GROUPS)


@pytest.fixture
def targets():
    return Targets(numbered(N_SAMPLES, 5), numbered(N_SAMPLES, 2), numbered(2, 4))


def test_fit_data_examples_are_in_the_order_of_train(targets):
    data = fit_data()
    examples = targets.examples(data)
    np.testing.assert_array_equal(examples.X.toarray(), data.X.toarray()[TRAIN])
    reference.assert_same_bits(examples.whole, targets.whole[TRAIN])
    reference.assert_same_bits(examples.reduced, targets.reduced[TRAIN])
    assert examples.groups.tolist() == [3, 0, 0, 1]


def test_fit_data_examples_have_both_views_of_each_document(targets):
    """First views of the documents to train on, then their second views."""
    views = numbered(2 * N_SAMPLES, 3, 100)
    X_views = targets.examples(fit_data(sparse.csr_matrix(views))).X_views
    first, second = np.split(X_views.toarray(), 2)
    np.testing.assert_array_equal(first, views[:N_SAMPLES][TRAIN])
    np.testing.assert_array_equal(second, views[N_SAMPLES:][TRAIN])


def test_fit_data_examples_without_views(targets):
    assert targets.examples(fit_data()).X_views is None
