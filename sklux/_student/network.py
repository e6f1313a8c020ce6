"""The student network: its weights in stored form, and its forward pass."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from scipy import sparse

from sklux._kernels import layers
from sklux._utils.memory import aligned, empty_aligned
from sklux._utils.messages import as_sentence
from sklux._utils.threads import FreeList, run_ranges, thread_count
from sklux._utils.warnings import warn_caller

# A range of documents is a unit of work for a thread. It is so large that its Python
# calls cost little, and so small that its hidden rows stay in the cache.
COST_PER_RANGE = 40_000
# Cost of the dense layers for a document. The unit is the cost of one non-zero feature
# in the first layer.
COST_PER_DOCUMENT = 64
# Number of hidden values of the documents that pass the dense layers together.
HIDDEN_VALUES = 2_000_000
# Not -128 to 127: the range is symmetric.
LARGEST_INT8 = 127
# If the largest weight lies within these bounds, the weights are rounded without a
# common factor, unless rows are too small. In int8 each row has its own factor.
RANGES = {"float32": (0, np.inf), "float16": (0.0625, 32768), "int8": (1e-20, 1e20)}
# The largest weight of a row must not be below this, or the row loses digits: float16
# has fewer for smaller numbers, and so has the factor of an int8 row.
SMALLEST_ROWS = {"float32": 0, "float16": 2.0**-14, "int8": 1e-35}
# Binary exponent of the largest weight, if rows are too small in float16.
HIGHEST_EXPONENT = 14
WEIGHT_DTYPES = tuple(RANGES)
# The sums could overflow with larger weights.
LARGEST_WEIGHT = 1e20
# Two factors of V are multiplied without a division by a norm between them.
LARGEST_PRODUCT = 1e30
# Number of features whose weights are converted at a time.
BLOCK_FEATURES = 10_000
# The fields of a network that are not made from others, and the values of those that
# states of older versions lack.
STORED_PARTS = ("rows", "dense", "scales", "places", "tied")
ADDED_PARTS = {"tied": False}


@dataclass(frozen=True, eq=False)
class Network:
    """Weights of a network.

    A network with tied rows has rows W and a matrix V::

        a = x W,  a := a / |a|,  z = a[:n] + |a| V,  z := z / |z|

    where n is the number of columns of V. It is the ReLU network of the rows [W, -W]
    and the last layer [I + V; -I + V] (`expanded`). V may be stored as the product of
    two narrow matrices, V = A B.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, n_units)
        Weights of the first layer, of dtype float32, float16 or int8.
    dense : tuple of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Weights of the other layers.
    scales : ndarray of shape (n_rows,), dtype=np.float32, or None
        Factor of each row if the rows are int8, otherwise None.
    places : ndarray of shape (n_features,), dtype=np.uint32, or None
        Row of each feature. None means that the rows are in the order of the features.
        Features without a weight of their own may share a row of zeros.
    tied : bool
        Whether the rows are tied; ``dense`` is then (V,) or (A, B).
    weight_rows : WeightRows
        The first layer in the form that the kernels take.
    dense_layers : DenseLayers
        The other layers in this form.
    widest : int
        Largest number of units of a layer; at least 1.
    """

    rows: np.ndarray
    dense: tuple[np.ndarray, ...] = ()
    scales: np.ndarray | None = None
    places: np.ndarray | None = None
    tied: bool = False
    weight_rows: layers.WeightRows = field(init=False, repr=False, compare=False)
    dense_layers: layers.DenseLayers = field(init=False, repr=False, compare=False)
    widest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        width = None
        for layer, weights in enumerate((self.rows, *self.dense)):
            if weights.ndim != 2 or width not in (None, len(weights)):
                wanted = "" if width is None else f" of {width} rows"
                raise ValueError(
                    f"coefs_[{layer}] must be a matrix{wanted}, a row for each unit "
                    f"before it. Got shape {weights.shape} instead."
                )
            width = weights.shape[1]
        if self.tied:
            check_tied_layers((self.rows, *self.dense))
        rows = layers.WeightRows(self.rows, self.scales)
        object.__setattr__(self, "weight_rows", rows)
        dense = layers.DenseLayers(self.rows.shape[1], self.dense, self.tied)
        object.__setattr__(self, "dense_layers", dense)
        widths = (weights.shape[1] for weights in (self.rows, *self.dense))
        object.__setattr__(self, "widest", max(1, *widths))

    @classmethod
    def of(cls, coefs: Sequence[np.ndarray], tied: bool = False) -> Self:
        """Return a network that shares the memory of a list of float32 layers."""
        return cls(coefs[0], tuple(coefs[1:]), tied=tied)

    def __getstate__(self) -> dict[str, Any]:
        """The arrays; skops and pickle keep these."""
        return {name: getattr(self, name) for name in STORED_PARTS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle may place the first layer anywhere in memory.
        parts = ADDED_PARTS | state | {"rows": aligned(state["rows"])}
        for name in STORED_PARTS:
            object.__setattr__(self, name, parts[name])
        self.__post_init__()

    @property
    def n_features(self) -> int:
        """Number of features that the first layer reads."""
        return len(self.rows if self.places is None else self.places)

    @property
    def n_rows(self) -> int:
        """Number of rows of the first layer."""
        return len(self.rows)

    @property
    def shares_rows(self) -> bool:
        """Whether several features have one row."""
        return self.n_rows < self.n_features

    @property
    def n_components(self) -> int:
        """Width of the vectors."""
        return (self.rows, *self.dense)[-1].shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Stored type of the first layer."""
        return self.rows.dtype

    def coefs(self) -> list[np.ndarray]:
        """Return the weights of the layers in float32.

        Returns
        -------
        list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
            Weights; W and V, or W, A and B, if the rows are tied. The rows of the first
            layer are in the order of the features.
        """
        if self.places is None and self.dtype == np.float32:
            return [self.rows, *self.dense]
        first = self._values(slice(None))
        if self.places is not None:
            first = first[self.places]
        return [first, *self.dense]

    def weights_of(self, features: np.ndarray) -> np.ndarray:
        """Return the weights of some features in the first layer.

        Parameters
        ----------
        features : ndarray of shape (n_chosen,), dtype=np.intp
            The features.

        Returns
        -------
        ndarray of shape (n_chosen, n_units), dtype=np.float32
            A copy of the weights.
        """
        rows = features if self.places is None else self.places[features]
        return self._values(rows)

    def by_frequency(self, frequency: np.ndarray) -> Self:
        """Return the same network with the rows of frequent features first.

        Rows that are often read then lie together, in few pages of memory.

        Parameters
        ----------
        frequency : ndarray of shape (n_features,)
            Number of occurrences of each feature.

        Returns
        -------
        Network
            The network, with a copy of the first layer.
        """
        order = np.argsort(-frequency, kind="stable")
        places = np.empty(len(order), dtype=np.uint32)
        places[order] = np.arange(len(order), dtype=np.uint32)
        if self.places is not None:
            order = self.places[order]
        rows = empty_aligned(self.rows.shape, self.dtype)
        # The default mode makes a copy first; 'clip' does not.
        np.take(self.rows, order, axis=0, out=rows, mode="clip")
        scales = None if self.scales is None else self.scales[order]
        return replace(self, rows=rows, scales=scales, places=places)

    def spread(self, features: np.ndarray, n_features: int) -> Self:
        """Return the network for more features; the others have weights of zero.

        Parameters
        ----------
        features : ndarray of shape (n_rows,), dtype=np.intp
            New number of each feature of this network.
        n_features : int
            New number of features.

        Returns
        -------
        Network
            The network, with a copy of the first layer and a row of zeros at its end.
        """
        rows = empty_aligned((self.n_rows + 1, self.rows.shape[1]), self.dtype)
        rows[:-1], rows[-1] = self.rows, 0
        places = np.full(n_features, self.n_rows, dtype=np.uint32)
        places[features] = (
            np.arange(self.n_rows) if self.places is None else self.places
        )
        scales = None if self.scales is None else np.append(self.scales, np.float32(1))
        return replace(self, rows=rows, scales=scales, places=places)

    def by_row(self, values: np.ndarray) -> np.ndarray:
        """Return numbers of the features in the order of the rows.

        Parameters
        ----------
        values : ndarray of shape (n_features,)
            Numbers; features that share a row have the same.

        Returns
        -------
        ndarray of shape (n_rows,)
            The numbers.
        """
        if self.places is None:
            return values
        found = np.zeros(self.n_rows, dtype=values.dtype)
        found[self.places] = values
        return found

    def by_feature(self, values: np.ndarray) -> np.ndarray:
        """Return numbers of the rows in the order of the features.

        Parameters
        ----------
        values : ndarray of shape (n_rows,)
            Result of `by_row`.

        Returns
        -------
        ndarray of shape (n_features,)
            The numbers.
        """
        return values if self.places is None else values[self.places]

    def quantized(self, dtype: str) -> Self:
        """Return the network with its first layer in another type.

        Parameters
        ----------
        dtype : {'float32', 'float16', 'int8'}
            Type of the stored weights. Each int8 row has a factor, which is its
            largest absolute value divided by 127.

        Returns
        -------
        Network
            The network. It shares the dense layers.

        Raises
        ------
        ValueError
            If a weight of the first layer is NaN or infinite.

        Warns
        -----
        UserWarning
            If rows lose digits, because they are far smaller than the largest one.
        """
        rows = empty_aligned(self.rows.shape, np.dtype(dtype))
        scales = None
        if dtype == "int8":
            scales = np.empty(self.n_rows, dtype=np.float32)
        exponent = self._exponent(dtype)
        for begin in range(0, self.n_rows, BLOCK_FEATURES):
            block = slice(begin, begin + BLOCK_FEATURES)
            values = np.ldexp(self._values(block), exponent)
            if scales is not None:
                scales[block] = _int8_scales(values)
                np.rint(values / scales[block, np.newaxis], out=values)
            rows[block] = values
        return replace(self, rows=rows, scales=scales)

    def truncated(self, n_components: int) -> Self:
        """Return the network with only the first of its output units.

        Parameters
        ----------
        n_components : int
            Number of units to keep.

        Returns
        -------
        Network
            The network. It shares all layers except the last.
        """
        if self.dense:
            last = np.ascontiguousarray(self.dense[-1][:, :n_components])
            return replace(self, dense=(*self.dense[:-1], last))
        rows = empty_aligned((self.n_rows, n_components), self.dtype)
        rows[:] = self.rows[:, :n_components]
        return replace(self, rows=rows)

    def expanded(self) -> Self:
        """Return the same network without ties.

        Returns
        -------
        Network
            A network with a hidden layer of twice as many units, [W, -W] and
            [I + V; -I + V]. The network itself if its rows are not tied.
        """
        if not self.tied:
            return self
        n_units = self.rows.shape[1]
        rows = empty_aligned((self.n_rows, 2 * n_units), self.dtype)
        rows[:, :n_units] = self.rows
        np.negative(self.rows, out=rows[:, n_units:])
        added = self.dense[0] if len(self.dense) == 1 else np.matmul(*self.dense)
        skip = np.eye(*added.shape, dtype=np.float32)
        last = np.vstack([added + skip, added - skip])
        return replace(self, rows=rows, dense=(last,), tied=False)

    def _values(self, block: slice | np.ndarray) -> np.ndarray:
        """A copy of the weights of some rows, in float32."""
        values = self.rows[block].astype(np.float32)
        if self.scales is not None:
            values *= self.scales[block, np.newaxis]
        return values

    def _exponent(self, dtype: str) -> int:
        """Exponent of the power of two by which the weights are multiplied.

        It is 0 if all rows keep their digits. The common factor does not change the
        vectors, because they get unit length.
        """
        rows = [
            np.abs(self._values(slice(begin, begin + BLOCK_FEATURES))).max(
                axis=1, initial=0
            )
            for begin in range(0, max(self.n_rows, 1), BLOCK_FEATURES)
        ]
        maxima = np.concatenate(rows).astype(np.float64)
        # NumPy's maximum of a number and NaN is NaN; Python's may be the number.
        largest = np.max(maxima, initial=0)
        if not np.isfinite(largest):
            raise ValueError(
                "The weights of the first layer are not finite: they hold NaN or "
                "infinity. Fit the model again."
            )
        if largest == 0:
            return 0
        least, most = RANGES[dtype]
        highest = int(np.floor(np.log2(largest)))
        exponent = 0 if least <= largest <= most else -highest
        smallest = np.min(maxima, initial=np.inf, where=maxima > 0)
        if dtype == "float16" and np.ldexp(smallest, exponent) < SMALLEST_ROWS[dtype]:
            exponent = HIGHEST_EXPONENT - highest
        limit = np.ldexp(SMALLEST_ROWS[dtype], -exponent)
        is_small = (maxima > 0) & (maxima < limit)
        if is_small.any():
            _warn_of_small_rows(int(is_small.sum()), len(is_small), dtype)
        return exponent

    def forward(
        self,
        first_layer: Callable[[int, np.ndarray], None],
        out: np.ndarray,
        start: int,
        stop: int,
    ) -> None:
        """Compute the vectors of a range of documents, some documents at a time.

        Parameters
        ----------
        first_layer : callable
            Takes the number of a document, i, and an array of shape (n_rows, n_units).
            Writes the sums of the first layer for documents i to i + n_rows into the
            array.
        out : ndarray of shape (n_documents, n_components), dtype=np.float32
            Rows ``start`` to ``stop`` are overwritten.
        start, stop : int
            The range.
        """
        with _free_scratch.borrow() as scratch:
            for first in range(start, stop, self.rows_at_a_time):
                rows = out[first : min(first + self.rows_at_a_time, stop)]
                hidden = rows
                if self.dense:
                    hidden = scratch.array((len(rows), self.rows.shape[1]))
                first_layer(first, hidden)
                self.finish(hidden, rows, scratch)

    def finish(
        self, hidden: np.ndarray, out: np.ndarray, scratch: "HiddenScratch"
    ) -> None:
        """Compute unit vectors from the sums of the first layer.

        Parameters
        ----------
        hidden : ndarray of shape (n_rows, n_units), dtype=np.float32
            Sums; changed. They are in ``scratch``, or in ``out`` if there are no dense
            layers.
        out : ndarray of shape (n_rows, n_components), dtype=np.float32
            Overwritten.
        scratch : HiddenScratch
            Scratch memory for the hidden layers.
        """
        self.dense_layers.unit_vectors(hidden, out, scratch.between)

    @property
    def rows_at_a_time(self) -> int:
        """Number of documents that pass the dense layers together."""
        return max(64, HIDDEN_VALUES // self.widest)


class HiddenScratch:
    """Scratch memory of a thread: the sums of the first layer, and what follows.

    Memory that is new for each range costs more than the smaller products, because the
    system provides it page by page, filled with zeros.

    Attributes
    ----------
    between : sklux._kernels.layers.HiddenScratch
        Memory for the layers between the first and the last one.
    """

    def __init__(self):
        self._sums = np.empty(0, np.float32)
        self.between = layers.HiddenScratch()

    def array(self, shape: tuple[int, int]) -> np.ndarray:
        """Return an array with arbitrary values.

        Parameters
        ----------
        shape : tuple of (int, int)
            Shape of the array.

        Returns
        -------
        ndarray, dtype=np.float32
            C-contiguous. The array of an earlier call is overwritten.
        """
        size = shape[0] * shape[1]
        if size > len(self._sums):
            self._sums = np.empty(size, np.float32)
        return self._sums[:size].reshape(shape)

    def n_bytes(self) -> int:
        """Size of the memory in bytes."""
        return self._sums.nbytes + self.between.n_bytes()

    def clear(self) -> None:
        """Do nothing: `array` may return old values."""


_free_scratch = FreeList(HiddenScratch)


def check_tied_layers(coefs: Sequence[np.ndarray]) -> None:
    """Refuse layers that are not the matrices of a network with tied rows.

    Parameters
    ----------
    coefs : sequence of ndarray of shape (n_units_in, n_units_out)
        Weights, each with a row for each unit before it.

    Raises
    ------
    ValueError
        If there are not two or three layers, the last is wider than the first, or the
        product of A and B could overflow.
    """
    widths = [weights.shape[1] for weights in coefs]
    if not fits_ties(widths):
        raise ValueError(
            "coefs_ of a network with tied rows must be two matrices, W and V, or "
            "three, W, A and B with V = A B, and V must not have more columns than W. "
            f"Got {len(widths)} of {widths} columns instead. Set hidden_layer_sizes to "
            "the sizes of the hidden layers if the rows are not tied."
        )
    product = math.prod(float(abs(weights).max(initial=0)) for weights in coefs[1:])
    if product > LARGEST_PRODUCT:
        raise ValueError(
            "coefs_[1] and coefs_[2] are too large: the product of their largest "
            f"weights is {product:.3g}, and sums overflow beyond 1e30. Fit the model "
            "again."
        )


def fits_ties(widths: Sequence[int]) -> bool:
    """Whether layers of these widths can be a network with tied rows.

    Parameters
    ----------
    widths : sequence of int
        Number of columns of each layer.

    Returns
    -------
    bool
        True for W and V, or W, A and B, if the last is not wider than W.
    """
    return len(widths) in (2, 3) and widths[-1] <= widths[0]


def _warn_of_small_rows(n_small: int, n_rows: int, dtype: str) -> None:
    """Warn of rows that lose digits."""
    remedy = "'float32'"
    if dtype == "float16":
        remedy = "'int8', in which each row has its own factor, or 'float32'"
    warn_caller(
        f"Rows of the first layer ({n_small} of {n_rows}) are so much smaller than the "
        f"largest one that {dtype!r} stores them with fewer digits, or as zeros. The "
        "vectors of documents that hold no other terms will be wrong. Use "
        f"{remedy} instead.",
        UserWarning,
    )


def _int8_scales(values: np.ndarray) -> np.ndarray:
    """Divisor of each row that makes its largest value 127; 1 for zero rows."""
    largest = np.abs(values).max(axis=1, initial=0)
    # A subnormal divisor has fewer digits.
    return np.where(largest > 1e-35, largest / np.float32(LARGEST_INT8), 1)


def check_finite(name: str, weights: np.ndarray) -> None:
    """Refuse weights that are not finite, or are too large for sums.

    Parameters
    ----------
    name : str
        Name of the weights in the message.
    weights : ndarray
        Weights of any type.

    Raises
    ------
    ValueError
        If a weight is NaN, infinite or beyond 1e20.
    """
    if weights.dtype.kind != "f" or weights.size == 0:
        return
    # If a weight is NaN, both extremes are NaN, and the comparisons are false. They are
    # converted to float because the bound does not fit into float16.
    least, most = float(weights.min()), float(weights.max())
    if not (-LARGEST_WEIGHT <= least and most <= LARGEST_WEIGHT):
        raise ValueError(
            f"The model's weights {name!r} are not finite: they hold NaN, infinity or "
            "values beyond 1e20. Fit the model again."
        )


def apply_network(
    X: sparse.csr_matrix, network: Network, n_jobs: int | None
) -> np.ndarray:
    """Map the rows of a CSR matrix to unit vectors.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features. The indices are checked, because the kernel does not check them.
    network : Network
        Network for n_features features.
    n_jobs : int or None
        Number of threads, which changes only the time.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype=np.float32
        Rows of unit length. A row of ``X`` without a non-zero value gives zeros.
    """
    check_csr(X)
    check_n_features(X.shape[1], network)
    if not X.has_sorted_indices:
        # Not `sorted_indices`: the order of repeated columns in a row could then depend
        # on the other rows. The way through CSC keeps it.
        X = X.tocsc().tocsr()
    # The kernel takes two index arrays of the same type.
    index_type = np.promote_types(X.indices.dtype, X.indptr.dtype)
    indices = np.ascontiguousarray(X.indices, dtype=index_type)
    indptr = np.ascontiguousarray(X.indptr, dtype=index_type)
    data = np.ascontiguousarray(X.data, dtype=np.float32)
    out = np.empty((X.shape[0], network.n_components), dtype=np.float32)

    def first_layer(first: int, hidden: np.ndarray) -> None:
        layers.sparse_product(
            data,
            indices,
            indptr[first : first + len(hidden) + 1],
            network.places,
            network.weight_rows,
            hidden,
        )

    def work(start: int, stop: int) -> None:
        network.forward(first_layer, out, start, stop)

    run_ranges(work, _range_edges(indptr, n_jobs), n_jobs)
    return out


def check_n_features(n_features: int, network: Network) -> None:
    """Refuse a number of features that the network was not fitted on.

    Parameters
    ----------
    n_features : int
        Number of features.
    network : Network
        The network.

    Raises
    ------
    ValueError
        If the network has another number of features.
    """
    if n_features != network.n_features:
        raise ValueError(
            f"X has {n_features} features, but the network was fitted on "
            f"{network.n_features}. Give it the features it was fitted on."
        )


def check_csr(X: sparse.csr_matrix) -> None:
    """Refuse a CSR matrix with indices outside of its arrays or its shape.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        The matrix.

    Raises
    ------
    ValueError
        If the arrays of the matrix do not fit together.
    """
    try:
        X.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(
            f"X is not a valid CSR matrix: {as_sentence(error)} Its column indices "
            f"must be from 0 to n_features - 1 = {X.shape[1] - 1}, and its indptr must "
            "not descend."
        ) from error


def _range_edges(indptr: np.ndarray, n_jobs: int | None) -> list[int]:
    """Edges of ranges of documents that cost about the same.

    Each thread gets the same number of ranges. A single range stays with the calling
    thread.
    """
    n_samples = len(indptr) - 1
    if n_samples == 0:
        return [0]
    cost = indptr.astype(np.int64) + COST_PER_DOCUMENT * np.arange(n_samples + 1)
    n_ranges = -(-int(cost[-1]) // COST_PER_RANGE)
    if n_ranges > 1:
        n_workers = thread_count(n_jobs)
        n_ranges = n_workers * -(-n_ranges // n_workers)
    inner = np.searchsorted(cost, cost[-1] * np.arange(1, n_ranges) / n_ranges)
    return np.unique(np.concatenate([[0], inner, [n_samples]])).tolist()
