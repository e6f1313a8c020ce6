"""ScalarQuantizer: vectors as int8 or as bits."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from sklux._utils.blocks import row_blocks
from sklux._utils.columns import as_vectors
from sklux._utils.estimators import changed_at_once, state_copy
from sklux._utils.html import DocLinkMixin
from sklux._utils.typing import fit_context

# Not -128 to 127: the range is symmetric.
LARGEST_INT8 = 127
# Vectors that are rounded at a time.
BLOCK_ROWS = 1024


class ScalarQuantizer(
    DocLinkMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Vectors as int8 or as bits: a quarter or a 32nd of the memory.

    Each number is rounded on its own (scalar quantization). An index such as usearch or
    faiss compares the small vectors directly: int8 by their inner products, bits by the
    number of bits that differ (Hamming distance).

    Parameters
    ----------
    precision : {'int8', 'ubinary'}, default='int8'
        Type of the numbers, with the names of sentence-transformers.

        - ``'int8'``: -127 to 127, with one factor for all dimensions. So inner products
          and angles stay the same up to rounding.
        - ``'ubinary'``: one bit, which is 1 above the median of the dimension. Eight
          bits are one uint8, the first dimension in the highest bit.

    Attributes
    ----------
    scale_ : float
        int8 only: the numbers are divided by it. The largest absolute value in `fit`
        becomes 127. Larger values in `transform` become 127 or -127.

    thresholds_ : ndarray of shape (n_features,), dtype=np.float32
        ubinary only: the median of each dimension in `fit`.

    levels_ : ndarray of shape (2, n_features), dtype=np.float32
        ubinary only: the mean of the values up to the threshold, and of the others,
        which `inverse_transform` returns.

    n_features_in_ : int
        Width of the vectors.

    See Also
    --------
    LuxicalVectorizer.quantize : Rounds the weights of a model, and not its vectors.
    LuxicalVectorizer.truncate : Makes vectors with fewer dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from sklux import ScalarQuantizer
    >>> vectors = np.random.RandomState(0).standard_normal((100, 16))
    >>> quantizer = ScalarQuantizer().fit(vectors)
    >>> small = quantizer.transform(vectors)
    >>> small.dtype, small.shape
    (dtype('int8'), (100, 16))
    >>> bool(np.abs(quantizer.inverse_transform(small) - vectors).max() < 0.02)
    True
    >>> ScalarQuantizer(precision="ubinary").fit_transform(vectors).shape
    (100, 2)
    """

    _parameter_constraints: dict[str, Any] = {
        "precision": [StrOptions({"int8", "ubinary"})]
    }

    def __init__(self, precision: Literal["int8", "ubinary"] = "int8"):
        self.precision = precision

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn the range of the numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Vectors: an array, or a column of vectors.

        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted quantizer.

        Raises
        ------
        ValueError
            If a number is not finite.
        """
        with changed_at_once(self) as new:
            X = new._checked(X, reset=True)
            for name in ("scale_", "thresholds_", "levels_"):
                new.__dict__.pop(name, None)
            if self.precision == "int8":
                largest = float(np.abs(X).max())
                new.scale_ = largest / LARGEST_INT8 if largest > 0 else 1.0
            else:
                new._learn_bits(X)
        return self

    def _learn_bits(self, X: np.ndarray) -> None:
        """Learn the thresholds of the bits, and what the bits stand for."""
        self.thresholds_ = np.median(X, axis=0).astype(np.float32)
        is_above = X > self.thresholds_
        self.levels_ = np.stack(
            [
                _means(X, ~is_above, self.thresholds_),
                _means(X, is_above, self.thresholds_),
            ]
        )

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Round vectors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Vectors: an array, or a column of vectors.

        Returns
        -------
        ndarray of shape (n_samples, n_features), dtype=np.int8, or of shape \
                (n_samples, ceil(n_features / 8)), dtype=np.uint8
            The small vectors. The bits after the last dimension are 0.

        Raises
        ------
        ValueError
            If the width differs from `fit`, or a number is not finite.
        """
        now = state_copy(self)
        check_is_fitted(now)
        X = now._checked(X, reset=False)
        if "scale_" not in vars(now):
            return np.packbits(X > now.thresholds_, axis=1)
        small = np.empty(X.shape, dtype=np.int8)
        # In blocks, so that no array of float64 of all vectors is needed.
        for block in row_blocks(len(X), BLOCK_ROWS):
            # In float64, in which the quotient of two float32 is not infinite.
            values = X[block] / np.float64(now.scale_)
            np.rint(values, out=values)
            small[block] = np.clip(values, -LARGEST_INT8, LARGEST_INT8, out=values)
        return small

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Return vectors of the original width and scale.

        Parameters
        ----------
        X : array-like
            Small vectors, as `transform` returns them.

        Returns
        -------
        ndarray of shape (n_samples, n_features), dtype=np.float32
            The vectors, up to rounding.

        Raises
        ------
        ValueError
            If the type or the width is not the one that `transform` returns.

        Examples
        --------
        >>> from sklux import ScalarQuantizer
        >>> quantizer = ScalarQuantizer("ubinary").fit([[1.0], [2.0], [3.0], [10.0]])
        >>> quantizer.inverse_transform(quantizer.transform([[0.0], [5.0]]))
        array([[1.5],
               [6.5]], dtype=float32)
        """
        now = state_copy(self)
        check_is_fitted(now)
        small = np.asarray(X)
        dtype = np.dtype(np.int8 if "scale_" in vars(now) else np.uint8)
        if small.dtype != dtype or small.ndim != 2 or small.shape[1] != now._width:
            raise ValueError(
                f"X must be a matrix of {dtype} with {now._width} columns, as "
                f"transform returns it. Got {small.dtype} of shape {small.shape}."
            )
        if dtype == np.int8:
            return (small * np.float64(now.scale_)).astype(np.float32)
        bits = np.unpackbits(small, axis=1, count=now.n_features_in_)
        return np.where(bits, now.levels_[1], now.levels_[0])

    @property
    def _width(self) -> int:
        """Number of columns of the small vectors."""
        n_features = self.n_features_in_
        return n_features if "scale_" in vars(self) else -(-n_features // 8)

    @property
    def _n_features_out(self) -> int:
        """Number of output columns, for `get_feature_names_out`."""
        return self._width

    def _checked(self, X: ArrayLike, *, reset: bool) -> np.ndarray:
        """The vectors as finite float32."""
        checked: np.ndarray = validate_data(
            self, as_vectors(X, "X"), dtype=np.float32, reset=reset
        )
        return checked

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _means(X: np.ndarray, chosen: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Mean of the chosen values of each column; another value if there are none."""
    n_chosen = chosen.sum(axis=0)
    sums = np.where(chosen, X, 0).sum(axis=0, dtype=np.float64)
    means = sums / np.maximum(n_chosen, 1)
    return np.where(n_chosen > 0, means, otherwise).astype(np.float32)
