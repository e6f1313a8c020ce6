"""Models whose weights take fewer bits: their vectors, their files, bad input."""

import copy
import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st
from models import is_fused, random_model, random_projection, unfused
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils.validation import check_is_fitted
from strategies import dense_arrays, kernel_settings, seeds, widths

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._student.network import WEIGHT_DTYPES, Network, apply_network
from sklux._student.report import FitReport
from sklux._utils.memory import CACHE_LINE, is_mapped
from sklux._utils.model_file import read_model, write_model

WORDS = "apple pear plum cherry grape melon car truck train bus tram boat".split()
DOCUMENTS = [
    " ".join(np.random.RandomState(seed).choice(WORDS, 7)) for seed in range(40)
]
QUERIES = [*DOCUMENTS, "", "unknown", "an apple", "\ud800 boat " * 9]
FEW_BITS = ["float16", "int8"]


def cosines(one, other):
    """Cosine of each pair of rows; 1 if both are zero."""
    products = np.einsum("ij,ij->i", one.astype(np.float64), other)
    return np.where(one.any(axis=1) | other.any(axis=1), products, 1)


@pytest.fixture
def model():
    """A model with random weights; it may be changed."""
    stage = LexicalVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(DOCUMENTS)
    return random_model(stage, (64, 32))


def with_weights(model, weights):
    """The model with other weights in the first layer."""
    model.projection_.coefs_ = [weights, *model.projection_.coefs_[1:]]
    return model


# The parameter


def small(**params):
    """A model with float32 weights that is fitted in milliseconds."""
    params = {"weights_dtype": "float32"} | params
    projection = ReLUProjection(4, hidden_layer_sizes=(64,), max_iter=1, **params)
    return LuxicalVectorizer(projection=projection, random_state=0)


EMBEDDINGS = np.random.RandomState(0).normal(size=(len(DOCUMENTS), 5))


@pytest.mark.parametrize("dtype", FEW_BITS)
def test_weights_dtype_gives_the_bits_of_quantize(dtype):
    fitted = small(weights_dtype=dtype).fit(DOCUMENTS, teacher_embeddings=EMBEDDINGS)
    expected = small().fit(DOCUMENTS, teacher_embeddings=EMBEDDINGS).quantize(dtype)
    assert fitted.projection_._network.dtype == dtype
    reference.assert_same_bits(fitted.transform(QUERIES), expected.transform(QUERIES))
    for one, other in zip(fitted.projection_.coefs_, expected.projection_.coefs_):
        reference.assert_same_bits(one, other)
    assert repr(fitted) == repr(expected)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("has_projection", [True, False])
def test_quantize_sets_the_parameter_of_another_fit(dtype, has_projection):
    model = small() if has_projection else LuxicalVectorizer(random_state=0)
    model.fit(DOCUMENTS, teacher_embeddings=EMBEDDINGS)
    params = repr(model)
    quantized = model.quantize(dtype)
    assert repr(model) == params
    # Nothing is set that is so already.
    assert (quantized.projection is None) == (
        not has_projection and dtype == ReLUProjection().weights_dtype
    )
    assert quantized.projection_.weights_dtype == dtype
    expected = quantized.transform(QUERIES)
    again = clone(quantized).fit(DOCUMENTS, teacher_embeddings=EMBEDDINGS)
    assert again.projection_._network.dtype == dtype
    if has_projection or dtype == "int8":
        reference.assert_same_bits(again.transform(QUERIES), expected)
    else:  # The rounding to int8 of the first fit stays.
        assert cosines(again.transform(QUERIES), expected).min() > 0.999


def test_weights_dtype_in_a_search_over_the_default_projection():
    teacher = small_teacher()
    search = GridSearchCV(
        LuxicalVectorizer(teacher, teacher_words=None, random_state=0),
        {"projection__weights_dtype": list(WEIGHT_DTYPES)},
        cv=2,
    ).fit(DOCUMENTS)
    assert len(search.cv_results_["params"]) == 3
    best = search.best_estimator_
    expected = search.best_params_["projection__weights_dtype"]
    assert best.projection_._network.dtype == expected


def small_teacher():
    """A fitted transformer in the place of a model."""
    return make_pipeline(TfidfVectorizer(), TruncatedSVD(4, random_state=0)).fit(
        DOCUMENTS
    )


def test_weights_dtype_in_a_search_over_a_pipeline():
    labels = ["apple" in document for document in DOCUMENTS]
    table = pd.DataFrame({"text": DOCUMENTS})
    vectorizer = LuxicalVectorizer(small_teacher(), teacher_words=None, random_state=0)
    columns = ColumnTransformer([("text", vectorizer, "text")])
    pipeline = Pipeline([("columns", columns), ("classify", LogisticRegression())])
    name = "columns__text__projection__weights_dtype"
    search = GridSearchCV(pipeline, {name: ["int8"]}, cv=2).fit(table, labels)
    stage = search.best_estimator_.named_steps["columns"].named_transformers_["text"]
    assert stage.projection_._network.dtype == np.int8


def test_weights_dtype_makes_small_pickles_of_pipelines():
    """A wide layer, so that only its weights count."""
    X = sparse.random(200, 4000, density=0.05, format="csr", random_state=0)
    y = np.random.RandomState(0).normal(size=(200, 8))
    sizes = {}
    for dtype in WEIGHT_DTYPES:
        projection = ReLUProjection(
            hidden_layer_sizes=(512,), max_iter=1, weights_dtype=dtype, random_state=0
        )
        pipeline = make_pipeline(MaxAbsScaler(), projection).fit(X, y)
        sizes[dtype] = len(pickle.dumps(pipeline))
    assert sizes["int8"] < 0.27 * sizes["float32"]
    assert sizes["float16"] < 0.52 * sizes["float32"]


@pytest.mark.parametrize("kind", [Pipeline, FeatureUnion])
def test_quantize_takes_its_place_in_a_fitted_pipeline(kind):
    """As the guide says; the same for a union."""
    fitted = small().fit(DOCUMENTS, teacher_embeddings=EMBEDDINGS)
    outer = kind([("text", fitted)])
    outer.set_params(text=fitted.quantize("int8"))
    expected = fitted.quantize("int8").transform(QUERIES)
    reference.assert_same_bits(outer.transform(QUERIES), expected)
    assert not np.array_equal(expected, fitted.transform(QUERIES))


def test_quantize_takes_its_place_in_a_fitted_column_transformer():
    """As the guide says."""
    table = pd.DataFrame({"text": DOCUMENTS})
    model = small().set_params(teacher=small_teacher(), teacher_words=None)
    columns = ColumnTransformer([("text", model, "text")]).fit(table)
    quantized = columns.named_transformers_["text"].quantize("int8")
    columns.transformers_ = [("text", quantized, "text")]
    reference.assert_same_bits(columns.transform(table), quantized.transform(DOCUMENTS))


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_weights_dtype_is_saved(tmp_path, dtype):
    fitted = small(weights_dtype=dtype).fit(DOCUMENTS, teacher_embeddings=EMBEDDINGS)
    fitted.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert loaded.projection.weights_dtype == dtype
    assert loaded.projection_.weights_dtype == dtype
    assert loaded.projection_._network.dtype == dtype
    reference.assert_same_bits(loaded.transform(QUERIES), fitted.transform(QUERIES))


# The vectors


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_quantize_gives_a_new_model_and_leaves_the_old_one(model, dtype):
    expected = model.transform(QUERIES)
    weights = [w.copy() for w in model.projection_.coefs_]
    content = pickle.dumps(model)
    quantized = model.quantize(dtype)
    assert quantized is not model
    assert type(quantized) is LuxicalVectorizer
    assert quantized.projection_._network.dtype == dtype
    vectors = quantized.transform(QUERIES)
    assert vectors.dtype == np.float32
    assert vectors.shape == expected.shape
    assert pickle.dumps(model) == content
    assert model.projection_._network.dtype == np.float32
    reference.assert_same_bits(model.transform(QUERIES), expected)
    for one, other in zip(model.projection_.coefs_, weights):
        reference.assert_same_bits(one, other)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_quantize_new_model_is_independent(model, dtype):
    """Changes of the new model leave the old model as it is."""
    expected = model.transform(QUERIES)
    quantized = model.quantize(dtype)
    quantized.set_params(n_jobs=2)
    quantized.projection_.set_params(n_jobs=2)
    quantized.projection_.coefs_ = [w[::-1] for w in quantized.projection_.coefs_]
    quantized.lexical_.set_params(lowercase=False, n_jobs=2)
    quantized.lexical_.idf_ = quantized.lexical_.idf_**3
    for each in (model, model.projection_, model.lexical_):
        assert each.n_jobs is None
    reference.assert_same_bits(model.transform(QUERIES), expected)
    quantized.lexical_.fit(["other words"])
    reference.assert_same_bits(model.transform(QUERIES), expected)


def test_quantize_to_float32_changes_no_bit(model):
    quantized = model.quantize("float32")
    for one, other in zip(quantized.projection_.coefs_, model.projection_.coefs_):
        reference.assert_same_bits(one, other)
    reference.assert_same_bits(quantized.transform(QUERIES), model.transform(QUERIES))
    assert not np.shares_memory(
        quantized.projection_._network.rows, model.projection_._network.rows
    )


@pytest.mark.parametrize("dtype", [*FEW_BITS, np.float16, np.int8, np.dtype("int8")])
def test_quantize_keeps_the_vectors_near(model, dtype):
    expected = model.transform(QUERIES)
    vectors = model.quantize(dtype).transform(QUERIES)
    assert cosines(vectors, expected).min() > 0.999
    assert cosines(vectors, expected).min() < 1 - 1e-9


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("in_order", [False, True])
def test_quantize_is_fused_as_before(dtype, in_order):
    stage = default_lexical_stage().fit(DOCUMENTS)
    quantized = random_model(stage, in_order=in_order).quantize(dtype)
    assert is_fused(quantized)
    np.testing.assert_allclose(
        quantized.transform(QUERIES), unfused(quantized, QUERIES), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("stage", [CountVectorizer(), TfidfVectorizer()])
@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_quantize_behind_another_lexical_stage(stage, dtype):
    model = random_model(clone(stage).fit(DOCUMENTS), (64, 32))
    quantized = model.quantize(dtype)
    vectors = quantized.transform(QUERIES)
    assert cosines(vectors, model.transform(QUERIES)).min() > 0.999
    alone = np.concatenate([quantized.transform([text]) for text in QUERIES])
    reference.assert_same_bits(alone, vectors)


@pytest.mark.parametrize("dtype", FEW_BITS)
@pytest.mark.parametrize("n_jobs", [2, -1])
def test_quantize_same_bits_for_any_n_jobs(model, dtype, n_jobs):
    quantized = model.quantize(dtype)
    expected = quantized.transform(QUERIES * 30)
    quantized.set_params(n_jobs=n_jobs)
    reference.assert_same_bits(quantized.transform(QUERIES * 30), expected)


# The weights


@kernel_settings
@given(st.data(), st.integers(1, 20), widths, st.integers(-15, 15))
def test_quantize_weights_are_within_half_a_step(data, n_features, n_units, magnitude):
    weights = data.draw(dense_arrays(n_features, n_units, (magnitude, magnitude)))
    network = Network(weights)
    if data.draw(st.booleans()):
        network = network.by_frequency(weights.sum(axis=1))
    found = network.quantized("int8").coefs()[0].astype(np.float64)
    largest = abs(weights).max(axis=1, keepdims=True).astype(np.float64)
    half_step = largest / 127 / 2
    assert np.all(abs(found - weights) <= half_step * (1 + 1e-5))
    # The largest value of a row changes only by the rounding of its factor.
    np.testing.assert_allclose(abs(found).max(axis=1), largest[:, 0], rtol=1e-6)


@kernel_settings
@given(st.data(), st.integers(1, 20), widths, st.integers(-1, 3))
def test_quantize_weights_are_the_nearest_halves(data, n_features, n_units, magnitude):
    """Ordinary weights become float16 directly, without a common factor."""
    weights = data.draw(dense_arrays(n_features, n_units, (magnitude, magnitude)))
    # A row of small numbers alone would need a common factor.
    weights[:, 0] = 1
    found = Network(weights).quantized("float16").coefs()[0]
    reference.assert_same_bits(found, weights.astype(np.float16).astype(np.float32))
    # Half of the last digit; 2 ** -24 is the smallest positive float16.
    assert np.all(abs(found - weights) <= abs(weights) * 2.0**-11 + 2.0**-25)


@kernel_settings
@given(st.data(), st.integers(1, 20), widths, st.integers(-30, 30), seeds)
def test_quantize_halves_of_any_magnitude_have_all_digits(
    data, n_features, n_units, magnitude, seed
):
    """A common factor is a power of two; the normalization of vectors removes it."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.01, 1, (n_features, n_units)) * 10.0**magnitude
    weights = (weights * rng.choice([-1, 1], weights.shape)).astype(np.float32)
    found = Network(weights).quantized("float16").coefs()[0].astype(np.float64)
    assert np.isfinite(found).all()
    factors = found / weights
    assert np.log2(np.median(factors)) == pytest.approx(
        round(np.log2(np.median(factors))), abs=1e-3
    )
    np.testing.assert_allclose(factors / factors.mean(), 1, rtol=2e-3)


# The largest error of a weight, as a share of the largest weight of its row.
WEIGHT_ERRORS = {"float16": 1 / 2048, "int8": 1 / 254}


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize("dtype", FEW_BITS)
@kernel_settings
@given(
    *(seeds, st.integers(1, 30), st.integers(1, 20), st.integers(0, 4)),
    st.floats(0.01, 10),
)
def test_quantize_vectors_within_the_bound_of_the_guide(
    dtype, is_tied, seed, n_features, n_units, spread, size
):
    """For rows whose lengths have many magnitudes, and matrices V of many sizes."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((n_features, n_units))
    weights *= 10 ** rng.uniform(-spread, spread, (n_features, 1))
    V = size * rng.standard_normal((n_units, n_units)).astype(np.float32)
    coefs = [weights.astype(np.float32), V][: 1 + is_tied]
    network = Network.of(coefs, is_tied)
    X = sparse.random(
        9, n_features, 0.5, "csr", np.float32, random_state=int(seed % 2**31)
    )
    sums = X.astype(np.float64) @ network.rows.astype(np.float64)
    lengths = np.linalg.norm(sums, axis=1)
    largest = X @ abs(network.rows).max(axis=1)
    # A bound times the lengths of the vectors before they are divided by these.
    bound = 2 * WEIGHT_ERRORS[dtype] * np.sqrt(n_units) * largest + 1e-6 * lengths
    if is_tied:
        units = sums / np.where(lengths, lengths, 1)[:, np.newaxis]
        bound *= 2 * (1 + np.linalg.norm(V, 2))
        lengths *= np.linalg.norm(units + abs(units) @ V, axis=1)
    vectors = [apply_network(X, n, 1) for n in (network, network.quantized(dtype))]
    differences = np.linalg.norm(np.subtract(*vectors), axis=1)
    assert np.all(differences * lengths <= bound)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", FEW_BITS)
@pytest.mark.parametrize("factor", [1e19, 1e-20, 1e-30, 1e-38, 1e-40])
def test_quantize_weights_of_any_magnitude(model, dtype, factor):
    """The last factors give subnormals; vectors do not depend on a common factor."""
    first = model.projection_.coefs_[0]
    expected = model.transform(QUERIES)
    model = with_weights(model, (first.astype(np.float64) * factor).astype(np.float32))
    quantized = model.quantize(dtype)
    vectors = quantized.transform(QUERIES)
    assert np.isfinite(vectors).all()
    assert cosines(vectors, expected).min() > 0.999
    np.testing.assert_allclose(vectors, unfused(quantized, QUERIES), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", FEW_BITS)
def test_quantize_rows_of_zeros_stay_zero(model, dtype):
    weights = model.projection_.coefs_[0]
    weights[::3] = 0
    quantized = with_weights(model, weights).quantize(dtype)
    found = quantized.projection_.coefs_[0]
    assert not found[::3].any()
    assert found[1].any()
    names = model.lexical_.get_feature_names_out()
    zero = next(name for name in names[::3] if " " not in name)
    assert not quantized.transform([zero]).any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", FEW_BITS)
def test_quantize_weights_that_are_all_zero(model, dtype):
    weights = np.zeros_like(model.projection_.coefs_[0])
    assert not with_weights(model, weights).quantize(dtype).transform(QUERIES).any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("dtype", "factor"),
    [
        *(("int8", 1e6), ("int8", 1e15)),
        *(("float16", 500), ("float16", 1e4), ("float16", 1e6), ("float16", 1e7)),
    ],
)
def test_quantize_one_huge_row_leaves_the_others_their_digits(model, dtype, factor):
    """Each int8 row has a factor; float16 gets a common factor that is large."""
    weights = model.projection_.coefs_[0]
    row = list(model.lexical_.get_feature_names_out()).index("apple")
    weights[row] *= np.float32(factor)
    model = with_weights(model, weights)
    vectors = model.quantize(dtype).transform(QUERIES)
    assert np.isfinite(vectors).all()
    assert cosines(vectors, model.transform(QUERIES)).min() > 0.999


@pytest.mark.parametrize(
    ("dtype", "factor", "n_small", "remedy"),
    [
        ("float16", 1e9, 2, "'int8', in which each row has its own factor, or .*2'"),
        ("float16", 1e-12, 1, "'int8', in which each row has its own factor, or .*2'"),
        ("int8", 1e36, 2, "'float32'"),
    ],
)
def test_quantize_rows_that_lose_digits_are_warned_of(dtype, factor, n_small, remedy):
    """Rows of zeros lose nothing."""
    weights = np.ones((4, 3), dtype=np.float32)
    weights[0] = 0
    weights[1] *= np.float32(factor)
    message = rf"\({n_small} of 4\) .* Use {remedy} instead"
    with pytest.warns(UserWarning, match=message) as caught:
        Network(weights).quantized(dtype)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Network(weights).quantized("float32")
        Network(weights[2:]).quantized(dtype)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", FEW_BITS)
def test_quantize_the_largest_floats(dtype):
    weights = np.full((2, 5), np.finfo(np.float32).max)
    weights[1] = -weights[1] / 2
    quantized = Network(weights).quantized(dtype)
    found = quantized.coefs()[0].astype(np.float64)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[1] / found[0], -0.5, rtol=1e-3)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("again", WEIGHT_DTYPES)
def test_quantize_a_quantized_model(model, dtype, again):
    once = model.quantize(dtype)
    twice = once.quantize(again)
    assert twice.projection_._network.dtype == again
    vectors = twice.transform(QUERIES)
    assert cosines(vectors, model.transform(QUERIES)).min() > 0.999
    if again in (dtype, "float32"):
        # The second conversion rounds nothing.
        one, other = once.projection_.coefs_[0], twice.projection_.coefs_[0]
        np.testing.assert_allclose(other, one, rtol=3e-7)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_quantize_twice_to_the_same_type_changes_nothing(model, dtype):
    once = model.quantize(dtype)
    np.testing.assert_array_equal(
        once.quantize(dtype).projection_._network.rows, once.projection_._network.rows
    )


def test_quantize_rows_take_the_bytes_of_their_type(model):
    float32, float16, int8 = (
        model.quantize(dtype).projection_._network.rows.nbytes
        for dtype in WEIGHT_DTYPES
    )
    assert (float32, float16) == (4 * int8, 2 * int8)


def test_quantize_many_features():
    """More features than are converted at a time."""
    weights = np.random.default_rng(0).standard_normal((25_001, 3)).astype(np.float32)
    for dtype in FEW_BITS:
        found = Network(weights).quantized(dtype).coefs()[0]
        np.testing.assert_allclose(found, weights, rtol=0, atol=0.02)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_quantize_then_order_by_frequency_is_the_same_network(dtype):
    """Factors and places go with their rows."""
    rng = np.random.default_rng(0)
    network = Network(rng.standard_normal((9, 4)).astype(np.float32)).quantized(dtype)
    for _ in range(3):
        ordered = network.by_frequency(rng.random(9))
        for one, other in zip(ordered.coefs(), network.coefs()):
            reference.assert_same_bits(one, other)
        network = ordered


# The new model


def test_quantize_keeps_parameters_and_fitted_attributes(model):
    model.set_params(
        n_jobs=2,
        random_state=3,
        verbose=False,
        teacher=len,
        lexical=LexicalVectorizer(ngram_range=(1, 2)),
        projection=ReLUProjection(9, max_iter=3),
    )
    model.teacher_id_ = "name:teacher"
    model.projection_.loss_curve_ = [3.0, 2.0]
    model.projection_.n_iter_ = 2
    model.projection_.n_teacher_documents_ = 7
    model.projection_.report_ = FitReport(7, 32, held_out=False)
    model.projection_.n_jobs = 1
    quantized = model.quantize("int8")
    assert quantized.teacher is model.teacher
    params = model.get_params(deep=False)
    expected = params | {"projection": clone(model.projection)}
    expected["projection"].set_params(weights_dtype="int8")
    assert repr(quantized) == repr(LuxicalVectorizer(**expected))
    assert quantized.lexical is not model.lexical
    assert quantized.teacher_id_ == "name:teacher"
    names = "n_components_ n_features_in_ loss_curve_ n_iter_ n_jobs report_ "
    names += "n_teacher_documents_"
    for name in names.split():
        assert getattr(quantized.projection_, name) == getattr(model.projection_, name)
    assert quantized.lexical_.get_params() == model.lexical_.get_params()
    assert quantized.lexical_.vocabulary_ == model.lexical_.vocabulary_
    np.testing.assert_array_equal(quantized.lexical_.idf_, model.lexical_.idf_)
    np.testing.assert_array_equal(
        quantized.get_feature_names_out(), model.get_feature_names_out()
    )
    embeddings = np.random.RandomState(0).standard_normal((3, 32))
    np.testing.assert_array_equal(
        quantized.project_teacher(embeddings), model.project_teacher(embeddings)
    )


def test_quantize_keeps_the_kind_of_output(model):
    frame = model.set_output(transform="pandas").quantize("int8").transform(QUERIES)
    assert list(frame.columns) == list(model.get_feature_names_out())


def test_quantize_of_a_trained_model(fitted, documents):
    expected = fitted.transform(documents)
    for dtype in FEW_BITS:
        vectors = fitted.quantize(dtype).transform(documents)
        assert cosines(vectors, expected).min() > 0.999
    reference.assert_same_bits(fitted.transform(documents), expected)


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("sizes", [(32,), (40, 32), (40, 20, 32)])
def test_quantize_then_truncate(dtype, sizes):
    """The first components of the quantized vectors, fused as before."""
    lexical = LexicalVectorizer().fit(DOCUMENTS)
    quantized = random_model(lexical, sizes).quantize(dtype)
    short = quantized.truncate(5)
    assert short.projection_._network.dtype == dtype
    assert is_fused(short)
    expected = reference.unit_rows(quantized.transform(QUERIES)[:, :5])
    np.testing.assert_allclose(short.transform(QUERIES), expected, atol=1e-6)
    np.testing.assert_allclose(unfused(short, QUERIES), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", FEW_BITS)
def test_quantize_then_copy(model, dtype):
    quantized = model.quantize(dtype)
    expected = quantized.transform(QUERIES)
    for twin in (
        copy.copy(quantized),
        copy.deepcopy(quantized),
        pickle.loads(pickle.dumps(quantized)),
    ):
        assert twin.projection_._network.dtype == dtype
        reference.assert_same_bits(twin.transform(QUERIES), expected)
    with pytest.raises(NotFittedError):
        clone(quantized).transform(QUERIES)


@pytest.mark.parametrize(
    "dtype", ["int4", "float64", np.float64, None, 3, "", "INT8", float, ["int8"]]
)
def test_quantize_refuses_another_type(model, dtype):
    with pytest.raises(ValueError) as caught:
        model.quantize(dtype)
    assert str(caught.value) == (
        "The 'dtype' parameter of quantize must be one of ['float32', 'float16', "
        f"'int8']. Got {dtype!r} instead."
    )


def test_quantize_needs_fit():
    with pytest.raises(NotFittedError):
        LuxicalVectorizer().quantize("int8")


# Files


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("in_order", [False, True])
def test_quantize_saved_and_loaded(tmp_path, dtype, mmap_mode, verify, in_order):
    stage = default_lexical_stage().fit(DOCUMENTS)
    model = random_model(stage, in_order=in_order).quantize(dtype)
    model.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(
        tmp_path / "model", mmap_mode=mmap_mode, verify=verify
    )
    network = loaded.projection_._network
    assert network.dtype == dtype
    assert is_fused(loaded)
    reference.assert_same_bits(loaded.transform(QUERIES), model.transform(QUERIES))
    for one, other in zip(loaded.projection_.coefs_, model.projection_.coefs_):
        reference.assert_same_bits(one, other)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


@pytest.mark.parametrize("dtype", WEIGHT_DTYPES)
def test_quantize_mapped_weights_stay_in_the_file(tmp_path, model, dtype):
    quantized = model.quantize(dtype)
    expected = quantized.transform(QUERIES)
    quantized.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model", mmap_mode="r", verify=False)
    network = loaded.projection_._network
    assert is_mapped(network.rows)
    assert not network.rows.flags.writeable
    assert all(is_mapped(weights) for weights in network.dense)
    reference.assert_same_bits(loaded.transform(QUERIES), expected)
    # A pickle contains the weights, so the file may be deleted.
    content = pickle.dumps(loaded)
    (tmp_path / "model").unlink()
    twin = pickle.loads(content)
    assert not is_mapped(twin.projection_._network.rows)
    reference.assert_same_bits(twin.transform(QUERIES), expected)


def test_quantize_mapped_weights_start_at_a_cache_line(tmp_path):
    """For any number of bytes that the terms take."""
    for n_terms in range(1, 20):
        terms = ["x" * (i + 2) for i in range(n_terms)]
        model = random_model(LexicalVectorizer().fit(terms), (16, 8))
        model.save(tmp_path / "model")
        loaded = LuxicalVectorizer.load(tmp_path / "model", mmap_mode="r")
        assert loaded.projection_._network.rows.ctypes.data % CACHE_LINE == 0
        reference.assert_same_bits(loaded.transform(terms), model.transform(terms))


def test_quantize_a_mapped_model(tmp_path, model):
    model.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model", mmap_mode="r", verify=False)
    quantized = loaded.quantize("int8")
    assert not is_mapped(quantized.projection_._network.rows)
    reference.assert_same_bits(
        quantized.transform(QUERIES), model.quantize("int8").transform(QUERIES)
    )


def test_quantize_file_of_int8_takes_at_most_a_third(tmp_path):
    """The layers have the default widths.

    The model has 20,000 features; the default has 200,000. The weights of the features
    are still more than nine tenths of the file. With 2,000 features the second layer
    and the teacher's directions would be a sixth of the file.
    """
    stage = LexicalVectorizer().fit([" ".join(f"word{i}" for i in range(20_000))])
    model = random_model(stage, (384, 256))
    sizes = {}
    for dtype in WEIGHT_DTYPES:
        model.quantize(dtype).save(tmp_path / dtype)
        sizes[dtype] = (tmp_path / dtype).stat().st_size
    assert model.projection_._network.rows.nbytes > 0.9 * sizes["float32"]
    assert sizes["int8"] <= sizes["float32"] / 3
    assert sizes["float16"] <= 0.55 * sizes["float32"]


def test_quantize_file_of_format_1(tmp_path):
    folder = Path(__file__).parent / "data"
    expected = json.loads((folder / "model-format-1.json").read_text())
    model = LuxicalVectorizer.load(folder / "model-format-1.sklux")
    network = model.projection_._network
    assert network.dtype == np.float32
    assert network.places is None
    assert network.scales is None
    assert model.projection_.weights_dtype == "float32"
    for dtype in WEIGHT_DTYPES:
        model.quantize(dtype).save(tmp_path / dtype)
        loaded = LuxicalVectorizer.load(tmp_path / dtype, mmap_mode="r")
        vectors = loaded.transform(expected["documents"])
        assert cosines(vectors, np.array(expected["vectors"])).min() > 0.999


# Damaged files: complete, with matching checksums, but inconsistent


@pytest.fixture(params=WEIGHT_DTYPES)
def parts(request, model, tmp_path):
    """The file of a model, its tensors and its state."""
    path = tmp_path / "model"
    model.quantize(request.param).save(path)
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    return path, tensors, state


def assert_refused(path, message, verify=(True, False), mmap_mode=(None, "r")):
    """Fail unless `load` refuses the file in each way of reading."""
    for is_verified in verify:
        for mode in mmap_mode:
            with pytest.raises(ValueError, match=message):
                LuxicalVectorizer.load(path, mmap_mode=mode, verify=is_verified)


@pytest.mark.parametrize(
    "change",
    [
        lambda places: np.where(places == 3, len(places), places).astype(np.uint32),
        lambda places: np.where(places == 3, 2**32 - 1, places).astype(np.uint32),
        lambda places: places.astype(np.int64),
        lambda places: places.astype(np.int32),
        lambda places: places.astype(np.float32),
        lambda places: places[:-1],
        lambda places: places[:, np.newaxis],
        lambda places: places[:0],
    ],
    ids=[
        *("beyond", "far beyond", "int64", "int32", "float32"),
        *("short", "two dimensions", "empty"),
    ],
)
def test_quantize_places_that_lead_outside_are_refused(parts, change):
    path, tensors, state = parts
    write_model(path, tensors | {"places": change(tensors["places"])}, state)
    assert_refused(path, "places of its rows lead outside")


def test_quantize_more_places_than_terms_are_refused(parts):
    path, tensors, state = parts
    places = np.append(tensors["places"], np.uint32(0))
    write_model(path, tensors | {"places": places}, state)
    assert_refused(path, r"The model has \d+ terms, but weights for")


@pytest.mark.parametrize(
    "change",
    [
        lambda scales: scales[:-1],
        lambda scales: np.append(scales, np.float32(1)),
        lambda scales: scales.astype(np.float64),
        lambda scales: scales.astype(np.float16),
        lambda scales: scales[:, np.newaxis],
        lambda scales: scales[:0],
    ],
    ids=["short", "long", "float64", "float16", "two dimensions", "empty"],
)
@pytest.mark.parametrize("parts", ["int8"], indirect=True)
def test_quantize_factors_that_do_not_fit_are_refused(parts, change):
    path, tensors, state = parts
    write_model(path, tensors | {"scales": change(tensors["scales"])}, state)
    assert_refused(path, "int8 rows need a float32 factor each")


@pytest.mark.parametrize("parts", ["int8"], indirect=True)
def test_quantize_bytes_without_factors_are_refused(parts):
    path, tensors, state = parts
    del tensors["scales"]
    write_model(path, tensors, state)
    assert_refused(path, "int8 rows need a float32 factor each")


@pytest.mark.parametrize("parts", ["float32", "float16"], indirect=True)
def test_quantize_factors_of_floats_are_refused(parts):
    path, tensors, state = parts
    scales = np.ones(len(tensors["coefs.0"]), dtype=np.float32)
    write_model(path, tensors | {"scales": scales}, state)
    assert_refused(path, "rows of another type have none")


@pytest.mark.parametrize("dtype", ["float64", "uint8", "int16", "bool", "uint32"])
def test_quantize_weights_of_another_type_are_refused(parts, dtype):
    path, tensors, state = parts
    first = np.ones(tensors["coefs.0"].shape, dtype=dtype)
    write_model(path, tensors | {"coefs.0": first}, state)
    assert_refused(path, "layers do not fit together")


@pytest.mark.parametrize("dtype", FEW_BITS)
def test_quantize_dense_layers_in_fewer_bits_are_refused(parts, dtype):
    path, tensors, state = parts
    write_model(path, tensors | {"coefs.1": tensors["coefs.1"].astype(dtype)}, state)
    assert_refused(path, "layers do not fit together")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_quantize_weights_that_are_not_finite_are_refused(parts, bad):
    """If the weights stay in the file, only ``verify`` reads them."""
    path, tensors, state = parts
    for name in {"coefs.0", "coefs.1", "scales"} & set(tensors):
        if tensors[name].dtype == np.int8:
            continue
        damaged = tensors[name].copy()
        damaged.reshape(-1)[-1] = bad
        write_model(path, tensors | {name: damaged}, state)
        message = f"weights '{name}' are not finite"
        assert_refused(path, message, mmap_mode=[None])
        assert_refused(path, message, verify=[True])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("layer", [0, 1])
def test_quantize_weights_that_are_not_finite_are_not_saved(
    model, tmp_path, layer, bad
):
    coefs = [weights.copy() for weights in model.projection_.coefs_]
    coefs[layer][2, 1] = bad
    model.projection_._network = Network.of(coefs)
    with pytest.raises(ValueError, match=rf"weights 'coefs.{layer}' are not finite"):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, -1e30])
@pytest.mark.parametrize("layer", [0, 1])
def test_quantize_weights_that_are_not_finite_cannot_be_set(model, layer, bad):
    expected = model.transform(QUERIES)
    coefs = [weights.copy() for weights in model.projection_.coefs_]
    coefs[layer][2, 1] = bad
    with pytest.raises(
        ValueError, match=rf"weights 'coefs_\[{layer}\]' are not finite"
    ):
        model.projection_.coefs_ = coefs
    reference.assert_same_bits(model.transform(QUERIES), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", FEW_BITS)
@pytest.mark.parametrize("row", [0, 10_500])
def test_quantize_weights_that_are_not_finite_are_not_rounded(dtype, bad, row):
    weights = np.ones((10_600, 2), dtype=np.float32)
    weights[row, 1] = bad
    with pytest.raises(ValueError, match="first layer are not finite"):
        Network(weights).quantized(dtype)


def test_quantize_missing_places_are_refused(parts):
    """Without the places, terms would have the weights of other terms."""
    path, tensors, state = parts
    del tensors["places"]
    write_model(path, tensors, state)
    assert_refused(path, "places of its rows")


# The projection alone


@pytest.fixture(scope="module")
def mixtures():
    return reference.topic_documents(200)


@pytest.fixture(scope="module")
def projection(mixtures):
    """A trained network; tests must not change it."""
    X, teacher = mixtures
    return ReLUProjection(
        n_components=8,
        hidden_layer_sizes=(24,),
        max_iter=2,
        weights_dtype="float32",
        random_state=0,
    ).fit(X, teacher)


def test_quantize_projection_has_float32_weights_by_feature(mixtures, projection):
    coefs = projection.coefs_
    assert [w.shape for w in coefs] == [(60, 24), (24, 8)]
    assert all(w.dtype == np.float32 for w in coefs)
    network = projection._network
    np.testing.assert_array_equal(network.rows[network.places], coefs[0])
    # Rows are in descending order of document frequency.
    frequency = np.bincount(mixtures[0].indices, minlength=60)
    assert np.all(np.diff(frequency[np.argsort(network.places)]) <= 0)


def test_quantize_projection_equals_reference(mixtures, projection):
    X = mixtures[0]
    expected = reference.network(X, projection.coefs_)
    np.testing.assert_allclose(projection.transform(X), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", FEW_BITS)
def test_quantize_projection_in_fewer_bits(mixtures, projection, dtype):
    """The transform uses the weights that `coefs_` returns."""
    X = mixtures[0]
    quantized = copy.copy(projection)
    quantized._network = projection._network.quantized(dtype)
    expected = reference.network(X, quantized.coefs_)
    np.testing.assert_allclose(quantized.transform(X), expected, rtol=0, atol=2e-6)


def test_quantize_projection_has_no_weights_before_the_fit():
    projection = ReLUProjection()
    assert not hasattr(projection, "coefs_")
    with pytest.raises(AttributeError, match="no attribute 'coefs_'"):
        _ = projection.coefs_
    with pytest.raises(NotFittedError):
        projection.transform(np.ones((1, 3)))
    with pytest.raises(NotFittedError):
        check_is_fitted(projection)


def test_quantize_projection_takes_other_weights(mixtures, projection):
    X = mixtures[0]
    changed = copy.copy(projection)
    before = projection.transform(X)
    coefs = [-weights[::-1] for weights in projection.coefs_]
    changed.coefs_ = coefs
    for one, other in zip(changed.coefs_, coefs):
        reference.assert_same_bits(one, other)
    expected = reference.network(X, coefs)
    np.testing.assert_allclose(changed.transform(X), expected, rtol=0, atol=2e-6)
    reference.assert_same_bits(projection.transform(X), before)


@pytest.mark.parametrize(
    ("coefs", "message"),
    [
        ([], "at least one layer. Got none"),
        (
            [np.ones((60, 5)), np.ones((4, 2))],
            r"coefs_\[1\] must be a matrix of 5 rows",
        ),
        ([np.ones(60)], r"coefs_\[0\] must be a matrix.* Got shape \(60,\)"),
        ([np.ones((60, 5)), np.ones((5, 2, 1))], r"coefs_\[1\] must be a matrix of 5"),
    ],
)
def test_quantize_projection_refuses_weights_that_do_not_fit(
    projection, coefs, message
):
    changed = copy.copy(projection)
    with pytest.raises(ValueError, match=message):
        changed.coefs_ = coefs


@pytest.mark.parametrize(
    "convert",
    [np.asfortranarray, lambda w: w.astype(np.float64), lambda w: w.tolist()],
    ids=["fortran", "float64", "list"],
)
def test_quantize_projection_takes_weights_of_any_layout(mixtures, projection, convert):
    changed = copy.copy(projection)
    changed.coefs_ = [convert(weights) for weights in projection.coefs_]
    X = mixtures[0]
    reference.assert_same_bits(changed.transform(X), projection.transform(X))


def test_quantize_projection_coefs_are_a_copy(mixtures, projection):
    """Stored rows have another order after fit and quantization: `coefs_` is a copy."""
    X = mixtures[0]
    expected = projection.transform(X)
    projection.coefs_[0][...] = 0
    reference.assert_same_bits(projection.transform(X), expected)


def test_quantize_projection_refuses_another_number_of_features(projection):
    changed = copy.copy(projection)
    changed.coefs_ = [projection.coefs_[0][:-1], projection.coefs_[1]]
    with pytest.raises(ValueError, match="features"):
        changed.transform(np.ones((2, 60), dtype=np.float32))


@pytest.mark.parametrize("in_order", [False, True])
def test_quantize_projection_survives_a_pickle(in_order):
    projection = random_projection(50, in_order=in_order)
    X = np.random.default_rng(0).random((9, 50), dtype=np.float32)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(projection, protocol))
        reference.assert_same_bits(twin.transform(X), projection.transform(X))
