"""Checks of parameters and arguments; test_projection.py has more of them."""

import numpy as np
import pytest
from scipy import sparse

from sklux import ReLUProjection
from sklux._student.arguments import (
    check_features,
    check_has_values,
    check_hidden_layer_sizes,
    check_loss,
    check_n_components,
    check_views,
)


@pytest.mark.parametrize("sizes", [(), [20, 9], (np.int64(3),), np.array([4, 2])])
def test_check_hidden_layer_sizes_gives_python_ints(sizes):
    found = check_hidden_layer_sizes(sizes)
    assert found == tuple(sizes)
    assert all(type(size) is int for size in found)


def test_check_hidden_layer_sizes_of_tied_rows():
    assert check_hidden_layer_sizes("tied") == "tied"


@pytest.mark.parametrize("size", [64, np.int64(64)])
def test_check_hidden_layer_sizes_of_one_layer(size):
    """As in scikit-learn."""
    assert check_hidden_layer_sizes(size) == (64,)


@pytest.mark.parametrize("sizes", [(0,), (True,), (2.0,), ("3",), (None,), 0, 2.0])
def test_check_hidden_layer_sizes_refuses_other_values(sizes):
    with pytest.raises(ValueError, match="an int >= 1 or a sequence of them. Got"):
        check_hidden_layer_sizes(sizes)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("auto", {"cosine": 1.0, "similarity_kl": 20.0}),
        ("cosine", {"cosine": 1.0}),
        ({"cosine": 2, "similarity_kl": 0}, {"cosine": 2.0}),
        (
            {"similarity_kl": np.float32(0.5), "cosine": 1},
            {"similarity_kl": 0.5, "cosine": 1.0},
        ),
    ],
)
def test_check_loss_omits_weights_of_zero(loss, expected):
    assert check_loss(loss) == expected


def test_check_features_returns_csr_in_float32():
    projection = ReLUProjection()
    X = check_features(projection, np.eye(3, 5))
    assert sparse.issparse(X) and X.format == "csr"
    assert X.dtype == np.float32
    assert projection.n_features_in_ == 5


def test_check_has_values_names_the_matrix():
    check_has_values(sparse.csr_matrix([[0, 1e-30]]), "X")
    empty = sparse.csr_matrix((2, 3))
    with pytest.raises(ValueError, match="^The matrix has no value other than 0"):
        check_has_values(empty, "The matrix")


@pytest.mark.parametrize("weight", [0, 0.5, "auto"])
def test_check_views_returns_csr(weight):
    views = check_views(np.eye(4, 3), (2, 3), weight)
    assert views.format == "csr"
    assert views.dtype == np.float32
    np.testing.assert_array_equal(views.toarray(), np.eye(4, 3))


@pytest.mark.parametrize("weight", [0, 0.0, "auto"])
def test_check_views_may_be_missing(weight):
    assert check_views(None, (2, 3), weight) is None


@pytest.mark.parametrize(
    ("n_components", "n_embedded", "width", "expected"),
    [(4, 4, 9, 4), (4, 9, 4, 4), (256, 9, 7, 7), (256, 300, 300, 256)],
)
def test_check_n_components_reduces_the_default(
    n_components, n_embedded, width, expected
):
    assert check_n_components(n_components, n_embedded, width) == expected


@pytest.mark.parametrize(("n_embedded", "width"), [(3, 9), (9, 3)])
def test_check_n_components_refuses_a_larger_value(n_embedded, width):
    with pytest.raises(
        ValueError,
        match=f"n_components=4 must be at most 3: there are {n_embedded} documents "
        f"with a teacher embedding, .* is {width}. Set n_components=3 or lower",
    ):
        check_n_components(4, n_embedded, width)


def test_check_n_components_with_one_teacher_embedding():
    message = "must be at most 1: there is 1 document with a teacher embedding"
    with pytest.raises(ValueError, match=message):
        check_n_components(2, 1, 9)
