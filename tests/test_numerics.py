"""Numbers at the ends of their types: no NaN and no infinity in any result."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from models import random_network
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from strategies import seeds

from sklux import (
    LexicalVectorizer,
    LuxicalVectorizer,
    ReLUProjection,
    ScalarQuantizer,
)
from sklux._student.network import Network
from sklux._student.projection import adopt_student
from sklux._student.trained import TrainedStudent
from sklux.alignment import OrthogonalProcrustes
from sklux.metrics import neighbor_recall_score

FLOATS = ("float16", "float32", "float64")
WIDTHS = {
    "one layer": ((7,), False),
    "two layers": ((9, 5), False),
    "three layers": ((4, 9, 5), False),
    "tied": ((8, 8), True),
    "tied, factors": ((8, 2, 6), True),
}
many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
few = settings(many, max_examples=15)


def ends(dtype):
    """Numbers at the ends of a type, and ordinary ones."""
    info = np.finfo(dtype)
    sizes = (
        *(0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny),
        *(info.tiny * (1 - info.eps), info.eps, 0.5, 1, 1 + info.eps, 3, 1e4),
        *(float(info.max) ** 0.5, info.max / 2, info.max),
    )
    numbers = np.array(sizes, dtype=dtype)
    return st.sampled_from([*numbers, *-numbers])


row_counts = st.integers(1, 5)


@st.composite
def matrices(draw, n_columns, dtypes=FLOATS, n_rows=row_counts):
    """Dense matrices of numbers at the ends of their type."""
    dtype, height = draw(st.sampled_from(dtypes)), draw(n_rows)
    count = height * n_columns
    numbers = draw(st.lists(ends(dtype), min_size=count, max_size=count))
    return np.array(numbers, dtype=dtype).reshape(height, n_columns)


def fits_float32(X):
    """Whether float32 holds all numbers; the library refuses others."""
    return abs(X.astype(np.float64)).max() <= np.finfo(np.float32).max


def assert_unit_or_zero(vectors):
    """Finite rows of length 1, or of zeros."""
    assert np.isfinite(vectors).all()
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    assert np.all((abs(lengths - 1) < 1e-5) | (lengths == 0)), lengths


def with_network(network):
    """A fitted projection with this network."""
    projection = ReLUProjection()
    adopt_student(projection, TrainedStudent(network))
    return projection


@pytest.mark.parametrize("is_sparse", [True, False], ids=["sparse", "dense"])
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@many
@given(X=matrices(6), seed=seeds)
def test_projection_maps_features_at_the_ends(dtype, widths, is_sparse, X, seed):
    sizes, tied = WIDTHS[widths]
    network = random_network(6, sizes, tied, seed, dtype)
    projection = with_network(network)
    rows = sparse.csr_matrix(X.astype(np.promote_types(X.dtype, "float32")))
    given_rows = rows if is_sparse else X
    if not fits_float32(X):
        with pytest.raises(ValueError, match="infinity"):
            projection.transform(given_rows)
        return
    vectors = projection.transform(given_rows)
    assert_unit_or_zero(vectors)
    if tied or len(sizes) == 1:
        has_values = X.astype(np.float32).any(axis=1)
        np.testing.assert_array_equal(vectors.any(axis=1), has_values)


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
@many
@given(data=st.data())
def test_projection_with_weights_at_the_ends(dtype, widths, data):
    """All weights that a model may have: up to 1e20."""
    sizes, tied = WIDTHS[widths]
    exponents = st.integers(-45, 20)
    coefs = []
    for n_in, n_out in zip((6, *sizes), sizes):
        numbers = np.random.default_rng(data.draw(seeds)).uniform(-1, 1, (n_in, n_out))
        scales = [10.0 ** data.draw(exponents) for _ in range(n_in)]
        coefs.append((numbers * np.transpose([scales])).astype(np.float32))
    projection = ReLUProjection()
    projection.set_params(hidden_layer_sizes="auto" if tied else sizes[:-1])
    try:
        projection.coefs_ = coefs
    except ValueError as error:
        assert "too large" in str(error)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        network = projection._network.quantized(dtype)
    X = data.draw(matrices(6, ["float32"]))
    assert_unit_or_zero(with_network(network).transform(X))


EXTREME = st.sampled_from([-1, 1]).flatmap(
    lambda sign: st.integers(-300, 300).map(lambda exponent: sign * 10.0**exponent)
)


@few
@given(st.data(), seeds)
def test_projection_is_fitted_on_numbers_at_the_ends(data, seed):
    """It refuses numbers that it cannot scale, or learns finite weights."""
    rng = np.random.default_rng(seed)
    X, y = rng.uniform(0.1, 1, (24, 5)), rng.standard_normal((24, 4))
    X[rng.random(X.shape) < 0.3] = 0
    X[:, 0] += 0.1
    for array in (X, y):
        rows = data.draw(st.lists(st.integers(0, 23), max_size=3))
        array[rows] *= data.draw(EXTREME)
        array *= data.draw(EXTREME)
    projection = ReLUProjection(
        3,
        hidden_layer_sizes=data.draw(st.sampled_from([(), (4,), "auto"])),
        max_iter=1,
        random_state=0,
    )
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            projection.fit(X, y)
        except ValueError as error:
            assert "X" in str(error) or "y" in str(error)
            return
    for weights in projection.coefs_:
        assert np.isfinite(weights).all()
    assert np.isfinite(projection.teacher_components_).all()
    assert_unit_or_zero(projection.transform(X))
    assert_unit_or_zero(projection.project_teacher(y))


@many
@given(matrices(4, n_rows=st.integers(2, 5)))
def test_project_teacher_maps_vectors_at_the_ends(X):
    projection = ReLUProjection()
    network = Network.of([np.eye(4, dtype=np.float32)])
    adopt_student(projection, TrainedStudent(network, np.eye(3, 4, dtype=np.float32)))
    if not fits_float32(X):
        with pytest.raises(ValueError, match="infinity"):
            projection.project_teacher(X)
        return
    vectors = projection.project_teacher(X)
    assert_unit_or_zero(vectors)


COUNTS = [1, 2, 255, 256, 257, 65_535, 65_537]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("sublinear_tf", [True, False])
def test_lexical_rows_of_huge_counts_are_those_of_scikit_learn(
    dtype, norm, sublinear_tf
):
    """The counts that are tabulated end at 255; others need more than 16 bits."""
    texts = ["ab " * count + "cd ef" for count in COUNTS]
    params = {"dtype": np.dtype(dtype), "norm": norm, "sublinear_tf": sublinear_tf}
    found = LexicalVectorizer(**params).fit(texts).transform(texts)
    expected = TfidfVectorizer(**params).fit(texts).transform(texts)
    assert np.isfinite(found.data).all()
    np.testing.assert_array_equal(found.toarray(), expected.toarray())


@pytest.mark.parametrize("position_decay", [1e-300, 1e-3, 1e5])
@pytest.mark.parametrize("position_weight", [1e-300, 1.0, 1e6])
@pytest.mark.parametrize("count", [1, 300, 70_001])
def test_model_of_huge_counts_and_weights_by_place(
    position_weight, position_decay, count
):
    texts = ["ab cd", "cd ef", "ab " * count + "ef", "gh " * count]
    stage = LexicalVectorizer(
        position_weight=position_weight,
        position_decay=position_decay,
        dtype=np.float32,
    ).fit(texts)
    assert np.isfinite(stage.transform(texts).data).all()
    model = LuxicalVectorizer()
    model.lexical_ = stage
    model.projection_ = with_network(random_network(4, (9, 5)))
    model.teacher_id_, model.n_teacher_terms_ = None, 0
    assert_unit_or_zero(model.transform(texts))


@pytest.mark.parametrize("precision", ["int8", "ubinary"])
@many
@given(matrices(5), matrices(5))
def test_quantizer_of_numbers_at_the_ends(precision, X, other):
    quantizer = ScalarQuantizer(precision)
    if not (fits_float32(X) and fits_float32(other)):
        return
    quantizer.fit(X)
    for vectors in (X, other):
        small = quantizer.transform(vectors)
        assert np.isfinite(quantizer.inverse_transform(small)).all()
    if precision == "int8" and X.any():
        assert abs(quantizer.transform(X)).max() == 127


@many
@given(st.data())
def test_aligner_of_numbers_at_the_ends(data):
    """It refuses vectors whose length its type does not hold."""
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    X = data.draw(matrices(3, [dtype], st.just(4)))
    y = data.draw(matrices(4, FLOATS, st.just(4)))
    weights = data.draw(matrices(4, FLOATS, st.just(1)))[0]
    aligner = OrthogonalProcrustes()
    try:
        aligner.fit(X, y, abs(weights))
    except ValueError as error:
        assert "None of the 4 pairs" in str(error)
        return
    np.testing.assert_allclose(
        aligner.rotation_ @ aligner.rotation_.T, np.eye(3), atol=1e-5
    )
    for method, vectors in ((aligner.transform, X), (aligner.inverse_transform, y)):
        try:
            assert np.isfinite(method(vectors)).all()
        except ValueError as error:
            assert "too large" in str(error)
            info = np.finfo(np.promote_types(vectors.dtype, "float32"))
            assert abs(vectors).max() > info.max / 3


@many
@given(matrices(3, n_rows=st.just(6)), matrices(4, n_rows=st.just(6)))
@example(np.zeros((6, 3)), np.zeros((6, 4)))
def test_recall_of_vectors_at_the_ends_is_a_share(X, y):
    assert 0 <= neighbor_recall_score(X, y, n_neighbors=2) <= 1
