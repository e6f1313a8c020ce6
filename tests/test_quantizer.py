"""ScalarQuantizer: vectors as int8 or as bits."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.utils.estimator_checks import parametrize_with_checks
from strategies import kernel_settings

from sklux import ScalarQuantizer

PRECISIONS = ["int8", "ubinary"]
vectors = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 20)),
    elements=st.floats(-(2.0**100), 2.0**100, width=32),
)


@parametrize_with_checks([ScalarQuantizer(precision) for precision in PRECISIONS])
def test_quantizer_stock_check(estimator, check):
    check(estimator)


def unit_vectors(n_samples=400, n_features=64, seed=0):
    X = np.random.RandomState(seed).standard_normal((n_samples, n_features))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@kernel_settings
@given(vectors)
def test_quantizer_int8_equals_its_definition(X):
    quantizer = ScalarQuantizer().fit(X)
    small = quantizer.transform(X)
    assert small.dtype == np.int8
    largest = max(abs(float(x)) for x in X.ravel())
    scale = largest / 127 if largest else 1.0
    for row, rounded in zip(X.tolist(), small.tolist()):
        for x, number in zip(row, rounded):
            assert number == max(-127, min(127, round(x / scale)))
    error = np.abs(quantizer.inverse_transform(small) - X.astype(np.float64))
    assert error.max() <= scale / 2 * (1 + 1e-5)


@kernel_settings
@given(vectors)
def test_quantizer_bits_equal_their_definition(X):
    quantizer = ScalarQuantizer("ubinary").fit(X)
    small = quantizer.transform(X)
    assert small.dtype == np.uint8
    assert small.shape == (len(X), -(-X.shape[1] // 8))
    back = quantizer.inverse_transform(small)
    assert back.dtype == np.float32
    medians = np.median(X, axis=0).astype(np.float32)
    for i, row in enumerate(X):
        text = "".join(f"{byte:08b}" for byte in small[i])
        assert text.rstrip("0") == "".join(
            "1" if x > median else "0" for x, median in zip(row, medians)
        ).rstrip("0")
        np.testing.assert_array_equal(
            back[i], np.where(row > medians, *quantizer.levels_[::-1])
        )


def test_quantizer_levels_are_the_means_of_both_sides():
    X = np.array([[1.0], [2.0], [3.0], [10.0]])
    quantizer = ScalarQuantizer("ubinary").fit(X)
    assert quantizer.thresholds_.tolist() == [2.5]
    assert quantizer.levels_.tolist() == [[1.5], [6.5]]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantizer_of_constant_vectors(precision):
    for X in (np.zeros((5, 9)), np.full((5, 9), 0.25)):
        quantizer = ScalarQuantizer(precision).fit(X)
        back = quantizer.inverse_transform(quantizer.transform(X))
        np.testing.assert_allclose(back, X, rtol=1e-6)


def test_quantizer_clips_values_that_fit_has_not_seen():
    quantizer = ScalarQuantizer().fit([[0.5, -0.25]])
    assert quantizer.transform([[9.0, -9.0], [0.5, 0.0]]).tolist() == [
        [127, -127],
        [127, 0],
    ]


def test_quantizer_keeps_neighbours():
    """int8 keeps nearly all of 10 neighbours; bits far more than chance (0.025)."""
    X = unit_vectors()
    found = {"exact": np.argsort(-(X @ X.T), axis=1)[:, 1:11]}
    small = ScalarQuantizer().fit_transform(X).astype(np.int32)
    found["int8"] = np.argsort(-(small @ small.T), axis=1)[:, 1:11]
    bits = ScalarQuantizer("ubinary").fit_transform(X)
    differ = np.unpackbits(bits[:, None] ^ bits, axis=2).sum(axis=2)
    found["ubinary"] = np.argsort(differ, axis=1, kind="stable")[:, 1:11]
    recall = {
        name: np.mean([np.isin(a, b).mean() for a, b in zip(found["exact"], rows)])
        for name, rows in found.items()
    }
    assert recall["int8"] > 0.95
    assert recall["ubinary"] > 0.2


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantizer_in_a_pipeline_and_a_pickle(precision):
    X = unit_vectors()
    pipeline = make_pipeline(Normalizer(), ScalarQuantizer(precision)).fit(X)
    small = pipeline.transform(X)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(pipeline)).transform(X), small
    )
    assert len(pipeline.get_feature_names_out()) == small.shape[1]


def test_quantizer_fitted_again_forgets_the_other_precision():
    X = unit_vectors()
    quantizer = ScalarQuantizer("ubinary").fit(X)
    # The fitted state decides, as in any estimator.
    assert quantizer.set_params(precision="int8").transform(X).dtype == np.uint8
    assert quantizer.fit(X).transform(X).dtype == np.int8
    assert not hasattr(quantizer, "levels_")


def test_quantizer_reads_columns_of_vectors():
    pa = pytest.importorskip("pyarrow")
    X = unit_vectors(20, 8)
    column = pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 8)
    expected = ScalarQuantizer().fit_transform(X)
    np.testing.assert_array_equal(ScalarQuantizer().fit_transform(column), expected)


# Bad input


@pytest.mark.parametrize("precision", ["int4", "binary", None, 8])
def test_quantizer_refuses_other_precisions(precision):
    with pytest.raises(ValueError, match="'precision' parameter of ScalarQuantizer"):
        ScalarQuantizer(precision).fit(unit_vectors())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantizer_refuses_numbers_that_are_not_finite(precision, value):
    X = unit_vectors()
    quantizer = ScalarQuantizer(precision).fit(X)
    X[3, 4] = value
    for method in (quantizer.fit, quantizer.transform):
        with pytest.raises(ValueError, match="NaN|infinity"):
            method(X)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_quantizer_inverse_refuses_other_arrays(precision):
    X = unit_vectors()
    quantizer = ScalarQuantizer(precision).fit(X)
    small = quantizer.transform(X)
    for wrong in (X, small[:, 1:], small[0], small.astype(np.int16)):
        with pytest.raises(ValueError, match="as transform returns it. Got"):
            quantizer.inverse_transform(wrong)
