"""The student network: its weights as they are stored, and CSR rows to unit vectors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from scipy import sparse

from sklux._kernels import layers
from sklux._utils.memory import aligned, empty_aligned
from sklux._utils.threads import Pool, run_ranges, thread_count

# A range of documents is a unit of work for a thread: large enough that its
# few Python calls vanish, small enough that its hidden rows stay in cache.
COST_PER_RANGE = 40_000
# A document's dense layers, in units of one non-zero value of the sparse one.
COST_PER_DOCUMENT = 64
# Hidden values of the documents that go through the dense layers together.
HIDDEN_VALUES = 2_000_000
# The largest int8 that is used: the range is symmetric.
LARGEST_INT8 = 127
# Weights whose largest lies between these are rounded as they are: in float16 the
# largest fits, and values a thousandth of it keep all digits; int8 has factors.
RANGES = {"float32": (0, np.inf), "float16": (0.0625, 32768), "int8": (1e-20, 1e20)}
WEIGHT_DTYPES = tuple(RANGES)
# Weights beyond would overflow in the sums.
LARGEST_WEIGHT = 1e20
# Features whose weights are converted at a time.
BLOCK_FEATURES = 10_000


@dataclass(frozen=True, eq=False)
class Network:
    """Weights of a network.

    Attributes
    ----------
    rows : ndarray of shape (n_features, n_units)
        Weights of the first layer, of dtype float32, float16 or int8.
    dense : tuple of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        The other layers.
    scales : ndarray of shape (n_features,), dtype=np.float32, or None
        Factor of each row, for int8.
    places : ndarray of shape (n_features,), dtype=np.uint32, or None
        Row of each feature; None: they are in the order of the features.
    """

    rows: np.ndarray
    dense: tuple[np.ndarray, ...] = ()
    scales: np.ndarray | None = None
    places: np.ndarray | None = None
    weight_rows: layers.WeightRows = field(init=False, repr=False, compare=False)

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
        rows = layers.WeightRows(self.rows, self.scales)
        object.__setattr__(self, "weight_rows", rows)

    @classmethod
    def of(cls, coefs: Sequence[np.ndarray]) -> Self:
        """Return a network that shares its weights with a list of float32 layers."""
        return cls(coefs[0], tuple(coefs[1:]))

    def __reduce__(self):
        return restored_network, (self.rows, self.dense, self.scales, self.places)

    @property
    def n_features(self) -> int:
        """Features that the first layer reads."""
        return self.rows.shape[0]

    @property
    def n_components(self) -> int:
        """Width of the vectors."""
        return (self.rows, *self.dense)[-1].shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Type that the first layer is stored in."""
        return self.rows.dtype

    def coefs(self) -> list[np.ndarray]:
        """Return the weights that the network computes with, in float32.

        Returns
        -------
        list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
            Those of the first layer in the order of the features.
        """
        if self.places is None and self.dtype == np.float32:
            return [self.rows, *self.dense]
        first = self._values(slice(None))
        if self.places is not None:
            first = first[self.places]
        return [first, *self.dense]

    def by_frequency(self, frequency: np.ndarray) -> Self:
        """Return the same network with the rows of frequent features first.

        Rows that are read together then lie together, in few pages of memory.

        Parameters
        ----------
        frequency : ndarray of shape (n_features,)
            How often each feature occurs.

        Returns
        -------
        Network
            With rows of its own.
        """
        order = np.argsort(-frequency, kind="stable")
        places = np.empty(len(order), dtype=np.uint32)
        places[order] = np.arange(len(order), dtype=np.uint32)
        if self.places is not None:
            order = self.places[order]
        rows = empty_aligned(self.rows.shape, self.dtype)
        # Another mode than 'clip' would make a copy first.
        np.take(self.rows, order, axis=0, out=rows, mode="clip")
        scales = None if self.scales is None else self.scales[order]
        return replace(self, rows=rows, scales=scales, places=places)

    def quantized(self, dtype: str) -> Self:
        """Return the network with its first layer in another type.

        Parameters
        ----------
        dtype : {'float32', 'float16', 'int8'}
            Type; int8 rows have a factor each, largest absolute value / 127.

        Returns
        -------
        Network
            The dense layers are shared.

        Raises
        ------
        ValueError
            If a weight of the first layer is NaN or infinite.
        """
        rows = empty_aligned(self.rows.shape, np.dtype(dtype))
        scales = None
        if dtype == "int8":
            scales = np.empty(self.n_features, dtype=np.float32)
        exponent = self._exponent(*RANGES[dtype])
        for begin in range(0, self.n_features, BLOCK_FEATURES):
            block = slice(begin, begin + BLOCK_FEATURES)
            values = np.ldexp(self._values(block), exponent)
            if scales is not None:
                scales[block] = _int8_scales(values)
                np.rint(values / scales[block, np.newaxis], out=values)
            rows[block] = values
        return replace(self, rows=rows, scales=scales)

    def truncated(self, n_components: int) -> Self:
        """Return the network with the first of its output units alone.

        Parameters
        ----------
        n_components : int
            Units to keep.

        Returns
        -------
        Network
            All layers but the last are shared.
        """
        if self.dense:
            last = np.ascontiguousarray(self.dense[-1][:, :n_components])
            return replace(self, dense=(*self.dense[:-1], last))
        rows = empty_aligned((self.n_features, n_components), self.dtype)
        rows[:] = self.rows[:, :n_components]
        return replace(self, rows=rows)

    def _values(self, block: slice) -> np.ndarray:
        """Weights of some rows in float32: a copy."""
        values = self.rows[block].astype(np.float32)
        if self.scales is not None:
            values *= self.scales[block, np.newaxis]
        return values

    def _exponent(self, least: float, most: float) -> int:
        """Power of two for weights whose largest lies outside of these bounds.

        The division by the length takes a common factor out.
        """
        blocks = range(0, max(self.n_features, 1), BLOCK_FEATURES)
        # Unlike Python's, NumPy's maximum of anything and NaN is NaN.
        largest = np.max(
            [
                np.abs(self._values(slice(begin, begin + BLOCK_FEATURES))).max(
                    initial=0
                )
                for begin in blocks
            ]
        )
        if not np.isfinite(largest):
            raise ValueError(
                "The weights of the first layer are not finite: they hold NaN or "
                "infinity. Fit the model again."
            )
        if largest == 0 or least <= largest <= most:
            return 0
        return -int(np.floor(np.log2(float(largest))))

    def forward(
        self,
        first_layer: Callable[[int, np.ndarray], None],
        out: np.ndarray,
        start: int,
        stop: int,
    ) -> None:
        """Write the vectors of a range of documents, some of them at a time.

        Parameters
        ----------
        first_layer : callable
            Called with the first document and an array of shape (n_rows, n_units),
            to write the first layer's sums of n_rows documents into.
        out : ndarray of shape (n_documents, n_components), dtype=np.float32
            Rows ``start`` to ``stop`` are overwritten.
        start, stop : int
            The range.
        """
        with _hidden_rows.borrow() as rooms:
            for first in range(start, stop, self.rows_at_a_time):
                rows = out[first : min(first + self.rows_at_a_time, stop)]
                hidden = rows
                if self.dense:
                    hidden = rooms.array(0, (len(rows), self.rows.shape[1]))
                first_layer(first, hidden)
                self.finish(hidden, rows, rooms)

    def finish(self, hidden: np.ndarray, out: np.ndarray, rooms: "HiddenRows") -> None:
        """Take rows of the first layer's sums to unit vectors.

        Parameters
        ----------
        hidden : ndarray of shape (n_rows, n_units), dtype=np.float32
            Changed; room 0, or ``out`` where there are no dense layers.
        out : ndarray of shape (n_rows, n_components), dtype=np.float32
            Overwritten.
        rooms : HiddenRows
            Memory for the layers between.
        """
        layers.unit_rows(hidden, len(self.dense) > 0)
        for layer, weights in enumerate(self.dense, start=1):
            is_last = layer == len(self.dense)
            next_hidden = out
            if not is_last:
                next_hidden = rooms.array(layer % 2, (len(out), weights.shape[1]))
            layers.dense_product(hidden, weights, next_hidden)
            layers.unit_rows(next_hidden, not is_last)
            hidden = next_hidden

    @property
    def rows_at_a_time(self) -> int:
        """Documents that go through the dense layers together."""
        widest = max(weights.shape[1] for weights in (self.rows, *self.dense))
        return max(64, HIDDEN_VALUES // max(widest, 1))


class HiddenRows:
    """Memory for hidden values of one thread: the input of a layer, and its output.

    New memory for each range would cost more than the smaller products: the system
    hands it out page by page, as zeros.
    """

    def __init__(self):
        self._rooms = [np.empty(0, np.float32), np.empty(0, np.float32)]

    def array(self, room: int, shape: tuple[int, int]) -> np.ndarray:
        """Return an array with values of no meaning.

        Parameters
        ----------
        room : {0, 1}
            An array of the same room is overwritten.
        shape : tuple of 2 int
            Its shape.

        Returns
        -------
        ndarray of that shape, dtype=np.float32
            C-contiguous.
        """
        size = shape[0] * shape[1]
        if size > len(self._rooms[room]):
            self._rooms[room] = np.empty(size, np.float32)
        return self._rooms[room][:size].reshape(shape)

    def n_bytes(self) -> int:
        """Bytes of both rooms."""
        return sum(room.nbytes for room in self._rooms)

    def clear(self) -> None:
        """Nothing: values of no meaning may stay."""


_hidden_rows = Pool(HiddenRows)


def restored_network(
    rows: np.ndarray,
    dense: tuple[np.ndarray, ...],
    scales: np.ndarray | None,
    places: np.ndarray | None,
) -> Network:
    """Return a network from arrays that were read; they are aligned anew.

    Parameters
    ----------
    rows : ndarray
        First layer, as in `Network`.
    dense : tuple of ndarray
        Other layers, as there.
    scales : ndarray or None
        Factors of the rows, as there.
    places : ndarray or None
        Places of the rows, as there.

    Returns
    -------
    Network
        The network.
    """
    return Network(aligned(rows), dense, scales, places)


def _int8_scales(values: np.ndarray) -> np.ndarray:
    """Factor of each row, so that its largest value becomes 127; 1 for zero rows."""
    largest = np.abs(values).max(axis=1, initial=0)
    # A subnormal factor would lose digits.
    return np.where(largest > 1e-35, largest / np.float32(LARGEST_INT8), 1)


def check_finite(name: str, weights: np.ndarray) -> None:
    """Refuse weights that cannot be summed.

    Parameters
    ----------
    name : str
        What they are, for the message.
    weights : ndarray
        Of any type.

    Raises
    ------
    ValueError
        If one is NaN, infinite or beyond 1e20.
    """
    if weights.dtype.kind != "f" or weights.size == 0:
        return
    # NumPy's extremes of anything and NaN are NaN, which is not within. The bound
    # itself is no float16.
    least, most = float(weights.min()), float(weights.max())
    if not (-LARGEST_WEIGHT <= least and most <= LARGEST_WEIGHT):
        raise ValueError(
            f"The model's weights {name!r} are not finite: they hold NaN, infinity or "
            "values beyond 1e20. Fit the model again."
        )


def apply_network(
    X: sparse.csr_matrix, network: Network, n_jobs: int | None
) -> np.ndarray:
    """Map CSR rows to unit vectors: ReLU and unit length between the layers.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features), dtype=np.float32
        In CSR format; indices are checked, because the kernel trusts them.
    network : Network
        For n_features features.
    n_jobs : int or None
        Threads; they change nothing but the time.

    Returns
    -------
    ndarray of shape (n_samples, n_components), dtype=np.float32
        Rows of unit length; a row without a non-zero value is zero.
    """
    check_csr(X)
    check_n_features(X.shape[1], network)
    if not X.has_sorted_indices:
        # Through CSC: that keeps repeated columns of a row in their order, whatever
        # rows stand beside it, and `sorted_indices` does not.
        X = X.tocsc().tocsr()
    # Both index arrays must have one width for the kernel.
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
    """Refuse features of another number than the network's.

    Parameters
    ----------
    n_features : int
        Number of features that the network is to read.
    network : Network
        The network.

    Raises
    ------
    ValueError
        If the numbers differ.
    """
    if n_features != network.n_features:
        raise ValueError(
            f"X has {n_features} features, but the network was fitted on "
            f"{network.n_features}. Give it the features it was fitted on."
        )


def check_csr(X: sparse.csr_matrix) -> None:
    """Refuse a matrix whose indices would lead outside of it.

    Parameters
    ----------
    X : sparse matrix of shape (n_samples, n_features)
        In CSR format.

    Raises
    ------
    ValueError
        If the arrays of the matrix do not fit together.
    """
    try:
        X.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(
            f"X is no valid CSR matrix: {error}. Its column indices must be from 0 to "
            f"n_features - 1 = {X.shape[1] - 1}, and its indptr must not descend."
        ) from error


def _range_edges(indptr: np.ndarray, n_jobs: int | None) -> list[int]:
    """Bounds of ranges of documents that cost about the same: so many for each thread.

    A single range stays with the calling thread.
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
