"""Alignment: an orthogonal map from one space of vectors into another.

Two students of different teachers, corpora or languages have spaces that cannot be
compared. With pairs of vectors that belong together, `OrthogonalProcrustes` learns a
rotation from one space into the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from sklux._utils.blocks import row_blocks
from sklux._utils.columns import as_vectors
from sklux._utils.estimators import changed_at_once, state_copy
from sklux._utils.html import DocLinkMixin

__all__ = ["OrthogonalProcrustes", "paired_terms"]

# Rows that are multiplied at a time. The number is fixed: see `_rotated`.
BLOCK_ROWS = 64


class OrthogonalProcrustes(
    DocLinkMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Rotation that brings vectors of one space to their partners in another.

    It is learnt from pairs: rows of two matrices that belong together, such as the
    vectors of the same texts by two students, or of sentences and their translations.
    It is the orthogonal matrix R with the least sum of squared distances between
    ``X @ R`` and ``y`` (the orthogonal Procrustes problem [1]_). A rotation changes no
    length and no cosine between two vectors, so neighbours within the space stay the
    same.

    Attributes
    ----------
    rotation_ : ndarray of shape (`n_features_in_`, n_features_out)
        The matrix R, in the dtype of `X` in `fit`. Its rows are orthonormal; if `y` is
        narrower than `X`, its columns are.

    n_features_in_ : int
        Width of the vectors that are mapped.

    feature_names_in_ : ndarray of shape (`n_features_in_`,), dtype=object
        Names of the columns of `X`, if `X` has names of type str.

    See Also
    --------
    paired_terms : Finds the terms that two vocabularies have in common.
    sklux.metrics.bitext_retrieval_score : Measures an alignment.
    sklux.LuxicalVectorizer.project_teacher : Maps the teacher into a student's space.

    Notes
    -----
    Such rotations of unit vectors are usual for the word vectors of two languages [2]_.
    With the singular value decomposition U S V^T of X^T W y, where W has the weights of
    the pairs, R is U V^T. The signs of singular vectors cancel in this product, so the
    result does not depend on them. A pair with a zero vector, such as a text without a
    known term, adds nothing. Directions in which no pair has any length are mapped to
    the directions of the same number as far as possible.

    If `X` is narrower than `y`, all lengths and cosines stay the same. If it is wider,
    the map drops directions: cosines change, and vectors get shorter. Then fit from `y`
    to `X` instead.

    The map has as many degrees of freedom as pairs of dimensions. Give it some times as
    many pairs as there are dimensions, and measure on other pairs.

    References
    ----------
    .. [1] P. H. Schönemann, A generalized solution of the orthogonal Procrustes
           problem, Psychometrika 31, 1966, :doi:`10.1007/BF02289451`.
    .. [2] C. Xing et al., Normalized word embedding and orthogonal transform for
           bilingual word translation, NAACL 2015, :doi:`10.3115/v1/N15-1104`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklux.alignment import OrthogonalProcrustes
    >>> X = np.random.RandomState(0).standard_normal((100, 8))
    >>> y = X[:, ::-1]  # the same vectors with their dimensions in another order
    >>> aligner = OrthogonalProcrustes().fit(X[:50], y[:50])
    >>> np.allclose(aligner.transform(X[50:]), y[50:])
    True
    """

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn the rotation from pairs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Vectors in the space that is mapped: an array, or a column of vectors.

        y : array-like of shape (n_samples, n_features_out)
            Their partners in the other space, in the same order.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the pairs, not negative. None means equal weights.

        Returns
        -------
        self : object
            The fitted aligner.

        Raises
        ------
        ValueError
            If the numbers of rows differ, a number is not finite, a weight is negative,
            or no pair has two vectors that are not zero.
        """
        with changed_at_once(self) as new:
            new._learn(X, y, sample_weight)
        return self

    def _learn(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> None:
        """Set the rotation, after a check of the pairs."""
        X = self._checked(X, reset=True)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None. Give the partners of the rows of X."
            )
        Y = check_array(
            as_vectors(y, "y"),
            dtype=[np.float64, np.float32],
            ensure_2d=False,
            input_name="y",
        )
        Y = Y.reshape(-1, 1) if Y.ndim == 1 else Y
        check_consistent_length(X, Y)
        weights = np.ones(len(X))
        if sample_weight is not None:
            weights = _checked_weights(sample_weight, len(X))
        if not (X.any(axis=1) & Y.any(axis=1) & (weights > 0)).any():
            raise ValueError(
                f"None of the {len(X)} pairs tells anything about the rotation: each "
                "has a zero vector, or the weight zero. Give pairs of texts with known "
                "terms."
            )
        products = _products(X, Y, weights)
        self.rotation_ = _nearest_rotation(products).astype(X.dtype, copy=False)

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Map vectors into the space of `y`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Vectors: an array, or a column of vectors.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype=np.float32 or np.float64
            The vectors, in the dtype of `X` if this is float32, and else in float64. A
            row has the same bits whichever rows are mapped with it. Zero stays zero.

        Raises
        ------
        ValueError
            If the width differs from `fit`, or a number is not finite or too large.
        """
        now = state_copy(self)
        check_is_fitted(now)
        return _rotated(now._checked(X, reset=False), now.rotation_)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Map vectors of the space of `y` back.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            Vectors in the space of `y`.

        Returns
        -------
        ndarray of shape (n_samples, n_features), dtype=np.float32 or np.float64
            The vectors. It undoes `transform` unless `y` is narrower than `X`.

        Raises
        ------
        ValueError
            If the width differs from the width of `y` in `fit`, or a number is not
            finite or too large.

        Examples
        --------
        >>> from sklux.alignment import OrthogonalProcrustes
        >>> aligner = OrthogonalProcrustes().fit([[1.0, 0.0]], [[0.0, 1.0]])
        >>> aligner.inverse_transform([[0.0, 2.0]])
        array([[2., 0.]])
        """
        check_is_fitted(self)
        rotation = self.rotation_
        checked = check_array(
            as_vectors(X, "X"), dtype=[np.float64, np.float32], input_name="X"
        )
        if checked.shape[1] != rotation.shape[1]:
            raise ValueError(
                f"X must have {rotation.shape[1]} columns, the width of y in fit. "
                f"Got {checked.shape[1]}."
            )
        return _rotated(checked, rotation.T)

    @property
    def _n_features_out(self) -> int:
        """Number of output columns, for `get_feature_names_out`."""
        width: int = self.rotation_.shape[1]
        return width

    def _checked(self, X: ArrayLike, *, reset: bool) -> np.ndarray:
        """The vectors as finite float32 or float64."""
        checked: np.ndarray = validate_data(
            self, as_vectors(X, "X"), dtype=[np.float64, np.float32], reset=reset
        )
        return checked

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def paired_terms(
    terms: Iterable[str],
    other_terms: Iterable[str],
    pairs: Iterable[tuple[str, str]] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return where terms and their partners stand in two vocabularies.

    Parameters
    ----------
    terms : iterable of str
        Terms of the first vocabulary, such as `sklux.inspection.term_embeddings`
        returns them.

    other_terms : iterable of str
        Terms of the second vocabulary.

    pairs : iterable of (str, str) or None, default=None
        Terms that belong together, such as the entries of a dictionary. A term may
        occur in several pairs. None pairs each term with itself.

    Returns
    -------
    places, other_places : ndarray of shape (n_pairs,), dtype=np.intp
        The places of the pairs of which both terms are in their vocabulary, in the
        order of `pairs` or `terms`.

    See Also
    --------
    OrthogonalProcrustes : Learns a rotation from the vectors of pairs.

    Examples
    --------
    >>> from sklux.alignment import paired_terms
    >>> paired_terms(["cat", "dog", "taxi"], ["chat", "taxi"])
    (array([2]), array([1]))
    >>> dictionary = [("cat", "chat"), ("dog", "chien")]
    >>> paired_terms(["cat", "dog", "taxi"], ["chat", "taxi"], dictionary)
    (array([0]), array([0]))
    """
    places = {term: place for place, term in enumerate(terms)}
    other_places = {term: place for place, term in enumerate(other_terms)}
    if pairs is None:
        pairs = ((term, term) for term in places)
    chosen = [
        (places[term], other_places[other])
        for term, other in pairs
        if term in places and other in other_places
    ]
    rows = np.array(chosen, dtype=np.intp).reshape(-1, 2)
    return rows[:, 0].copy(), rows[:, 1].copy()


def _nearest_rotation(products: np.ndarray) -> np.ndarray:
    """The orthogonal matrix R with the largest trace of ``R.T @ products``.

    U V^T for U S V^T = products. The directions U_0 and V_0 without any length in the
    products are mapped by the same rule, to be near the identity: U_0 Q V_0^T, with Q
    for U_0^T V_0. The result does not depend on the bases U_0 and V_0.
    """
    U, lengths, Vt = np.linalg.svd(products)
    least = lengths[0] * max(products.shape) * np.finfo(np.float64).eps
    rank = int(np.count_nonzero(lengths > least))
    rotation: np.ndarray = U[:, :rank] @ Vt[:rank]
    if rank < len(lengths):
        free_left, free_right = U[:, rank:], Vt[rank:].T
        width = min(products.shape)
        left, _, right = np.linalg.svd(
            free_left[:width].T @ free_right[:width], full_matrices=False
        )
        rotation += free_left @ left @ right @ free_right.T
    return rotation


def _checked_weights(sample_weight: Any, n_samples: int) -> np.ndarray:
    """The weights of the pairs, in float64, the largest of which is 1."""
    weights: np.ndarray = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have shape ({n_samples},), a weight for each pair. "
            f"Got {weights.shape}."
        )
    if (weights < 0).any():
        raise ValueError(
            f"sample_weight must not be negative. Got {weights.min()}. Leave out pairs "
            "with the weight 0."
        )
    return weights / max(weights.max(), np.finfo(np.float64).tiny)


def _products(X: np.ndarray, Y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """X^T W y in float64, up to a factor, a block of rows at a time."""
    # The largest values become 1, so that no product overflows.
    largest = [np.float64(max(side.max(), -side.min())) for side in (X, Y)]
    total = np.zeros((X.shape[1], Y.shape[1]))
    for rows in row_blocks(len(X)):
        left, right = (
            side[rows].astype(np.float64, order="C") / value
            for side, value in zip((X, Y), largest)
        )
        total += (left * weights[rows, np.newaxis]).T @ right
    return total


def _rotated(X: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """``X @ rotation`` in float64 blocks of one height, filled with rows of zeros.

    A matrix product takes another path for another height, and its last bits differ.
    With a fixed height, a row has the same bits whichever rows come with it.
    """
    factor = np.ascontiguousarray(rotation, dtype=np.float64)
    rotated = np.empty((len(X), factor.shape[1]), dtype=X.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for block, padded in _padded_blocks(X):
            rotated[block] = (padded @ factor)[: block.stop - block.start]
    if not np.isfinite(rotated).all():
        raise ValueError(
            f"X has vectors that are too large: {X.dtype} cannot hold them after the "
            "rotation. Scale X, for instance to unit length."
        )
    return rotated


def _padded_blocks(X: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows in float64 blocks of one height."""
    padded = np.zeros((BLOCK_ROWS, X.shape[1]))
    for block in row_blocks(len(X), BLOCK_ROWS):
        height = block.stop - block.start
        padded[:height] = X[block]
        padded[height:] = 0
        yield block, padded
