"""Checks of teacher embeddings, in the forms in which a fit gets them."""

import warnings

import numpy as np
import pandas as pd
import pytest
import reference
from scipy import sparse

from sklux._student.teacher_embeddings import (
    TeacherEmbeddings,
    can_only_be_embeddings,
    may_be_embeddings,
    shape_of,
)
from sklux._utils import blocks


def vectors(n_samples=5, seed=0):
    rows = np.random.RandomState(seed).standard_normal((n_samples, 3))
    return rows.astype(np.float32)


@pytest.mark.parametrize("missing", [[], [1, 3]])
@pytest.mark.parametrize("value", [np.nan, 0])
def test_of_rows_does_not_copy_rows(value, missing):
    rows = vectors()
    rows[missing] = value
    before = rows.copy()
    found = TeacherEmbeddings.of_rows(rows, "y")
    assert found.vectors is rows
    np.testing.assert_array_equal(rows, before)
    assert np.flatnonzero(~found.is_embedded).tolist() == missing


def documents_and_views(missing=()):
    """Embeddings of five documents, and of their ten views."""
    views = vectors(10, seed=1)
    views[list(missing)] = np.nan
    return TeacherEmbeddings.of_rows(vectors(), "y"), views


def test_of_views_may_miss_most_of_them():
    """The only embedding has one direction."""
    documents, views = documents_and_views(missing=[*range(4), *range(5, 10)])
    found = TeacherEmbeddings.of_views(views, documents)
    assert np.flatnonzero(found.is_embedded).tolist() == [4]
    np.testing.assert_array_equal(found.vectors, views)


@pytest.mark.parametrize("kind", ["list", "float64", "column"])
def test_of_views_takes_what_y_may_be(kind):
    documents, views = documents_and_views()
    given = {
        "list": views.tolist(),
        "float64": views.astype(np.float64),
        "column": pd.Series(list(views)),
    }[kind]
    found = TeacherEmbeddings.of_views(given, documents)
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, views)


@pytest.mark.parametrize("shape", [(5, 3), (9, 3), (10, 4), (10,), (10, 3, 1)])
def test_of_views_refuses_another_shape(shape):
    documents, _ = documents_and_views()
    message = rf"y_views must have .*as wide as .*y: shape \(10, 3\). Got \({shape[0]}"
    with pytest.raises(ValueError, match=message):
        TeacherEmbeddings.of_views(np.ones(shape), documents)


@pytest.mark.parametrize("value", [np.nan, 0])
def test_of_views_needs_an_embedding(value):
    documents, views = documents_and_views()
    message = "y_views has no embedding for any of the 10 views.*leave y_views out"
    with pytest.raises(ValueError, match=message):
        TeacherEmbeddings.of_views(np.full_like(views, value), documents)


def test_of_views_refuses_values_that_are_not_finite():
    documents, views = documents_and_views(missing=[2])
    views[7, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        TeacherEmbeddings.of_views(views, documents)
    views[7, 1] = np.nan
    with pytest.raises(ValueError, match="^y_views has NaN or infinity in row 7"):
        TeacherEmbeddings.of_views(views, documents)
    with pytest.raises(TypeError, match="[Ss]parse"):
        TeacherEmbeddings.of_views(sparse.csr_matrix(vectors(10)), documents)


def test_of_some_views_has_their_places():
    """Views 1 and 4 are the first and the second view of document 1 of three."""
    rows = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 0]], dtype=np.float32)
    found = TeacherEmbeddings.of_some_views(rows, np.array([4, 1, 2]), 3)
    np.testing.assert_array_equal(np.flatnonzero(found.is_embedded), [1, 4])
    expected = [[0, 1, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    np.testing.assert_array_equal(found.unit(np.array([1, 2, 3, 4])), expected)


def test_of_some_views_may_have_no_embedding():
    rows = np.full((2, 3), np.nan, dtype=np.float32)
    found = TeacherEmbeddings.of_some_views(rows, np.array([0, 2]), 2)
    assert found.n_embedded == 0
    rows[1] = np.inf
    with pytest.raises(ValueError, match="The teacher's output has NaN or infinity"):
        TeacherEmbeddings.of_some_views(rows, np.array([0, 2]), 2)


@pytest.mark.parametrize("missing", [[], [1, 3]])
def test_projected_maps_unit_rows(monkeypatch, missing):
    """Only documents with an embedding take memory."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    rows, components = vectors(), np.array([[1, 2, 0], [0, 1, -1]], dtype=np.float32)
    rows[missing] = np.nan
    found = TeacherEmbeddings.of_rows(rows, "y").projected(components)
    assert found.vectors.shape == (5 - len(missing), 2)
    expected = reference.unit_rows(reference.unit_rows(rows) @ components.T)
    expected[missing] = 0
    np.testing.assert_allclose(found.unit(np.arange(5)), expected, atol=1e-6)
    assert np.flatnonzero(~found.is_embedded).tolist() == missing


def test_of_rows_does_not_depend_on_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 2)
    rows = vectors()
    rows[3] = np.nan
    found = TeacherEmbeddings.of_rows(rows, "y")
    assert found.is_embedded.tolist() == [True, True, True, False, True]
    rows[4] = np.inf
    with pytest.raises(ValueError, match="NaN or infinity in row 4"):
        TeacherEmbeddings.of_rows(rows, "y")
    with pytest.raises(ValueError, match="one and the same direction for all 5"):
        TeacherEmbeddings.of_rows(np.ones((5, 3), dtype=np.float32), "y")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_of_rows_refuses_values_that_are_not_finite(bad):
    """A part of the row is NaN or infinite. A row of NaN is valid."""
    rows = vectors()
    rows[0] = np.nan
    rows[[2, 4], 1] = bad
    with pytest.raises(
        ValueError, match="teacher has NaN or infinity in 2 rows, .* row 2.*compute"
    ):
        TeacherEmbeddings.of_rows(rows, "teacher")


def test_of_rows_refuses_an_infinite_row():
    rows = vectors()
    rows[1] = np.inf
    with pytest.raises(ValueError, match="^y has NaN or infinity in row 1. An"):
        TeacherEmbeddings.of_rows(rows, "y")


@pytest.mark.parametrize("value", [np.nan, 0])
def test_of_rows_needs_an_embedding(value):
    rows = np.full((4, 3), value, dtype=np.float32)
    with pytest.raises(
        ValueError, match="y has no embedding for any of the 4 documents"
    ):
        TeacherEmbeddings.of_rows(rows, "y")


def test_of_rows_needs_columns():
    with pytest.raises(
        ValueError, match="y has no embedding for any of the 2 documents"
    ):
        TeacherEmbeddings.of_rows(np.zeros((2, 0), dtype=np.float32), "y")


@pytest.mark.parametrize("lengths", [[1, 1, 1], [1, 5, 1e-20]])
def test_of_rows_refuses_a_single_direction(lengths):
    """For vectors of any length."""
    rows = np.outer(lengths, [1, -2, 3]).astype(np.float32)
    rows = np.vstack([rows, np.full((1, 3), np.nan, dtype=np.float32)])
    with pytest.raises(
        ValueError, match="y has one and the same direction for all 3 documents with"
    ):
        TeacherEmbeddings.of_rows(rows, "y")


def test_of_rows_takes_two_directions():
    rows = np.array([[1, 0], [1, 0], [1, 1e-3]], dtype=np.float32)
    assert TeacherEmbeddings.of_rows(rows, "y").vectors is rows


def test_of_rows_takes_one_embedding():
    rows = np.full((3, 2), np.nan, dtype=np.float32)
    rows[1] = 1
    found = TeacherEmbeddings.of_rows(rows, "y")
    assert found.is_embedded.tolist() == [False, True, False]
    assert found.n_embedded == 1
    assert not found.is_complete


def test_unit_scales_rows_and_keeps_missing_ones():
    rows = vectors() * np.float32(7)
    rows[1] = np.nan
    unit = TeacherEmbeddings.of_rows(rows, "y").unit(np.array([1, 0, 4, 0]))
    np.testing.assert_allclose(unit[1:], reference.unit_rows(rows[[0, 4, 0]]), 1e-6)
    assert not unit[0].any()
    assert unit.dtype == np.float32


def test_embedded_are_the_vectors_of_the_embedded_documents():
    rows = vectors() * np.float32(7)
    assert TeacherEmbeddings.of_rows(rows, "y").embedded() is rows
    rows[1] = np.nan
    found = TeacherEmbeddings.of_rows(rows, "y").embedded()
    reference.assert_same_bits(found, rows[[0, 2, 3, 4]])


def test_of_sample_of_some_documents():
    """A document that the teacher maps to zero has no embedding."""
    rows = vectors(3)
    rows[1] = 0
    found = TeacherEmbeddings.of_sample(rows, np.array([4, 0, 2]), 6)
    assert found.is_embedded.tolist() == [False, False, True, False, True, False]
    reference.assert_same_bits(found.embedded(), rows[[2, 0]])
    unit = found.unit(np.array([4, 0, 2, 1, 3, 5]))
    np.testing.assert_allclose(unit[:3], reference.unit_rows(rows), atol=1e-6)
    assert not unit[3:].any()
    assert found.n_components == 3
    # Documents without an embedding take no row.
    assert found.vectors is rows


def test_of_sample_does_not_copy_embeddings_of_all_documents():
    rows = vectors()
    assert TeacherEmbeddings.of_sample(rows, np.arange(5), 5).vectors is rows


def test_of_target_needs_two_dimensions():
    with pytest.raises(ValueError, match="the target y is None"):
        TeacherEmbeddings.of_target(None)
    with pytest.raises(ValueError, match=r"shape \(n_samples, n_teacher_.* \(3,\)"):
        TeacherEmbeddings.of_target([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["fruit", "vehicle"], "labels such as 'fruit'"),
        (np.array(["fruit", "vehicle"]), "labels such as 'fruit'"),
        (pd.Series(["fruit", "vehicle"]), "labels such as 'fruit'"),
        (pd.Categorical(["fruit", "vehicle"]), "labels such as 'fruit'"),
        (np.array([["fruit", "red"], ["car", "blue"]]), "labels such as 'fruit'"),
        ([0, 1], r"shape \(2,\)"),
    ],
    ids=["list", "array", "series", "categorical", "matrix", "numbers"],
)
def test_of_target_refuses_labels(labels, found):
    message = f"must hold teacher emb.* Got {found} instead. .*FrozenEstimator"
    with pytest.raises(ValueError, match=message):
        TeacherEmbeddings.of_target(labels)


def test_of_target_takes_rows_of_nan():
    y = np.array([[np.nan, np.nan], [0, 2], [1, 0]])
    found = TeacherEmbeddings.of_target(y)
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.embedded(), [[0, 2], [1, 0]])


# Embeddings for a LuxicalVectorizer

ROWS = [[1, 2, 11], [2, 1, 10], [1, 2, 16], [1, 0, 8], [0, 0, 0], [1, 0, 5]]


@pytest.mark.parametrize(
    "embeddings",
    [
        ROWS,
        np.array(ROWS, dtype=np.float16),
        np.array(ROWS, dtype=np.int64),
        np.array(ROWS, order="F"),
        pd.DataFrame(ROWS),
    ],
    ids=["list", "float16", "int", "fortran", "pandas"],
)
def test_of_documents_takes_arrays_of_any_type(embeddings):
    vectors = TeacherEmbeddings.of_documents(embeddings, 6).vectors
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, ROWS)


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.ones((5, 3)), "teacher_embeddings has 5 rows, but there are 6 documents"),
        (np.ones((7, 3)), "has 7 rows, but there are 6 documents. Give one row per"),
        (np.ones(6), r"must have shape \(n_documents, n_teacher_com.* shape \(6,\) in"),
        (np.ones((6, 2, 2)), r"Got shape \(6, 2, 2\) instead"),
        (np.ones((6, 0)), r"Got shape \(6, 0\) instead"),
        (3.0, r"Got shape \(\) instead"),
        ([[1.0], [1.0, 2.0]] * 3, "row 0 has length 1, but row 1 has length 2. Give"),
        ([["a"]] * 6, r"must hold one vector of numbers in each row. Row 0 .* \['a'\]"),
        (
            [[1 + 2j]] * 6,
            "must be an array of numbers, .* Got list: vectors are complex",
        ),
        ((row for row in [[1.0]] * 6), "must be an array of numbers.* Got generator"),
    ],
    ids=lambda value: None if not isinstance(value, str) else value[:20],
)
def test_of_documents_refuses_other_shapes_and_types(embeddings, message):
    with pytest.raises(ValueError, match=message):
        TeacherEmbeddings.of_documents(embeddings, 6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_of_documents_refuses_values_that_are_not_finite(value):
    embeddings = np.ones((6, 3))
    embeddings[[2, 5], 1] = value
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has NaN or infinity in 2 rows, the first of them row "
        "2. An embedding must have finite numbers, and a document without an embedding "
        "must have NaN in all of its row",
    ):
        TeacherEmbeddings.of_documents(embeddings, 6)


def test_of_documents_takes_rows_of_nan():
    """The array of the caller does not change."""
    embeddings = np.arange(18.0).reshape(6, 3)
    embeddings[[1, 4]] = np.nan
    found = TeacherEmbeddings.of_documents(embeddings, 6)
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.embedded(), embeddings[[0, 2, 3, 5]])
    assert not found.unit(np.arange(6))[[1, 4]].any()
    assert np.isnan(embeddings[[1, 4]]).all()


@pytest.mark.parametrize("value", [np.nan, 0])
def test_of_documents_needs_an_embedding(value):
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has no embedding for any of the 6 documents",
    ):
        TeacherEmbeddings.of_documents(np.full((6, 3), value), 6)


def test_of_documents_refuses_a_single_direction():
    with pytest.raises(
        ValueError,
        match="teacher_embeddings has one and the same direction for all 6 documents",
    ):
        TeacherEmbeddings.of_documents(np.outer(np.arange(1, 7), [1, 2, 3]), 6)


def test_of_documents_refuses_values_too_large_for_float32():
    """Without a warning of NumPy."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="NaN or infinity in 6 rows"):
            TeacherEmbeddings.of_documents(np.full((6, 3), 1e300), 6)


RNG = np.random.RandomState(0)
REGRESSION = {
    "two outputs": RNG.normal(size=(60, 2)),
    "ten outputs": RNG.normal(size=(60, 10)),
    "thirty shares": RNG.uniform(size=(60, 30)),
    "hours on a clock": reference.unit_rows(RNG.normal(size=(60, 2))),
    "places on a globe": reference.unit_rows(RNG.normal(size=(60, 3))),
    "probabilities": RNG.dirichlet(np.ones(40), size=60),
    "table": pd.DataFrame(RNG.normal(size=(60, 3)), columns=["a", "b", "c"]),
    "list": RNG.normal(size=(60, 3)).tolist(),
}
LABELS = {
    "none": None,
    "numbers": np.arange(60.0),
    "decimals": RNG.normal(size=60),
    "names": ["fruit", "car"] * 30,
    "pairs of names": np.array([["fruit", "red"], ["car", "blue"]] * 30),
    "ragged": [[1], [1, 2]] * 30,
    "indicators": RNG.randint(2, size=(60, 20)),
    "float indicators": RNG.randint(2, size=(60, 20)).astype(float),
    "signed indicators": RNG.choice([-1.0, 1.0], size=(60, 20)),
    "one-hot": np.eye(60),
    "sparse indicators": sparse.random(60, 20, density=0.2, format="csr"),
    "zeros": np.zeros((60, 20)),
    "nothing": np.empty((0, 20)),
    "object": object(),
}
EMBEDDINGS = {
    "unit": reference.unit_rows(RNG.normal(size=(60, 4))),
    "float16": reference.unit_rows(RNG.normal(size=(60, 8))).astype(np.float16),
    "any length": RNG.normal(size=(60, 16)),
    "some missing": np.where(np.arange(60)[:, None] < 9, np.nan, RNG.normal(size=16)),
    "list": RNG.normal(size=(60, 16)).tolist(),
    "column": pd.Series(list(RNG.normal(size=(60, 16)))),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_no_embeddings(kind):
    assert not may_be_embeddings(LABELS[kind])
    assert not can_only_be_embeddings(LABELS[kind])


@pytest.mark.parametrize("kind", REGRESSION)
def test_targets_of_a_regression_may_be_embeddings(kind):
    y = REGRESSION[kind]
    width = np.shape(y)[1]
    assert may_be_embeddings(y)
    assert not can_only_be_embeddings(y)
    assert not can_only_be_embeddings(y, n_components=width + 1)
    assert can_only_be_embeddings(y, n_components=width)


@pytest.mark.parametrize("kind", EMBEDDINGS)
def test_embeddings_are_no_targets(kind):
    assert may_be_embeddings(EMBEDDINGS[kind])
    assert can_only_be_embeddings(EMBEDDINGS[kind])


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (None, ()),
        ([[1, 2], [3, 4]], (2, 2)),
        ([[1], [2, 3]], ()),
        (sparse.eye(3, format="csr"), (3, 3)),
        (pd.DataFrame({"a": [1]}), (1, 1)),
        ("text", ()),
    ],
    ids=repr,
)
def test_shape_of(y, expected):
    assert shape_of(y) == expected
