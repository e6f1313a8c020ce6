"""Mini-batches of the first layer: its sums, and the step along its gradient.

    H_i = s_i sum_k x_ik W_k                     row i of the batch, over its features k
    g_k = sum_i s_i x_ik dL/dH_i                 over the rows of the batch that have k
    m_k := b1 m_k + (1 - b1) g_k                 Adam (arXiv 1412.6980), only for the
    v_k := b2 v_k + (1 - b2) g_k^2               features of the batch
    W_k := W_k - rate m_k / (sqrt(v_k) c + e)

A feature of few documents is in few batches; its moments do not change in between.
The gradient of a feature stays in the first-level cache, because it is used as soon as
it is summed. Rows of H and features are independent of each other, and each is summed
in one fixed order. So the bits do not depend on the number of threads.

Cost per batch: n_nonzeros * n_units multiply-adds for the sums, and as many for the
gradient. Three rows of n_units values are read and written for each distinct feature.
"""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from .layers cimport add_rows, adam_row, row_scale
from .typedefs cimport float32_t, index_t
from .words cimport mix, numbers, reserve

cdef enum:
    # Rows of weights between the prefetch of a row and its use.
    ROWS_AHEAD = 4
    # Places of values are stored in 32 bits.
    MOST_VALUES = 0x7FFFFFFF


cdef class SparseBatch:
    """Some rows of a CSR matrix, by row and by column.

    Parameters
    ----------
    n_features : int
        Number of columns of the matrix.
    """
    cdef Py_ssize_t n_columns
    # For each column of the matrix: first its number of values in the batch, then the
    # place of its next value; zero between two calls.
    cdef uint32_t *places
    # By row: columns, values, and the end of each row.
    cdef numbers columns, values, row_ends
    # By column: the distinct columns, the end of each, and the row of each value.
    cdef numbers features, feature_ends, rows, row_values

    def __cinit__(self, Py_ssize_t n_features):
        memset(&self.columns, 0, sizeof(numbers))
        memset(&self.values, 0, sizeof(numbers))
        memset(&self.row_ends, 0, sizeof(numbers))
        memset(&self.features, 0, sizeof(numbers))
        memset(&self.feature_ends, 0, sizeof(numbers))
        memset(&self.rows, 0, sizeof(numbers))
        memset(&self.row_values, 0, sizeof(numbers))
        self.n_columns = n_features
        self.places = <uint32_t *>calloc(max(n_features, 1), sizeof(uint32_t))
        if self.places == NULL:
            raise MemoryError("no memory for the features of a batch")

    def __dealloc__(self):
        free(self.places)
        free(self.columns.values)
        free(self.values.values)
        free(self.row_ends.values)
        free(self.features.values)
        free(self.feature_ends.values)
        free(self.rows.values)
        free(self.row_values.values)

    @property
    def n_rows(self):
        """Number of rows of the batch."""
        return self.row_ends.length

    @property
    def n_features(self):
        """Number of distinct columns in the batch."""
        return self.features.length

    def begin(self):
        """Empty the batch."""
        self.columns.length = self.values.length = self.row_ends.length = 0
        self.features.length = self.feature_ends.length = 0
        self.rows.length = self.row_values.length = 0

    def add(
        self,
        const float32_t[::1] X_data,
        const index_t[::1] X_indices,
        const index_t[::1] X_indptr,
        const int64_t[::1] samples,
        double dropout,
        uint64_t seed,
    ):
        """Add rows of a matrix, without some of their values.

        Parameters
        ----------
        X_data, X_indices : memoryviews of shape (n_nonzeros,)
            Values and columns of the matrix. The caller has checked that columns are
            in [0, n_features) and values are finite.
        X_indptr : memoryview of shape (n_samples + 1,)
            Row pointer of the matrix.
        samples : memoryview of shape (n_added,)
            Indices of the rows to add, in [0, n_samples).
        dropout : float
            Probability that a value is left out, in [0, 1].
        seed : int
            Seed of the dropout: the seed and the place of a value determine whether
            the value is left out.
        """
        cdef Py_ssize_t i, k, begin, n_rows = self.row_ends.length
        cdef int64_t n_most = 0
        # A value is left out if 32 random bits are less than this bound.
        cdef uint64_t bound = <uint64_t>(dropout * 4294967296.0)
        cdef float32_t *values
        cdef float32_t scale
        for i in range(samples.shape[0]):
            n_most += X_indptr[samples[i] + 1] - X_indptr[samples[i]]
        self.values.length = self.columns.length
        if not (
            self.columns.length + n_most < MOST_VALUES
            and reserve(&self.columns, n_most)
            and reserve(&self.values, n_most)
            and reserve(&self.row_ends, samples.shape[0])
        ):
            raise MemoryError("no memory for a batch: lower batch_size")
        values = <float32_t *>self.values.values
        with nogil:
            for i in range(samples.shape[0]):
                begin = self.columns.length
                for k in range(X_indptr[samples[i]], X_indptr[samples[i] + 1]):
                    # Mixed twice: after one product only the high bits are random.
                    if bound > 0 and mix(mix(seed + <uint64_t>k)) >> 32 < bound:
                        continue
                    self.columns.values[self.columns.length] = <uint32_t>X_indices[k]
                    values[self.columns.length] = X_data[k]
                    self.columns.length += 1
                scale = row_scale(values + begin, self.columns.length - begin)
                if scale != 1:
                    for k in range(begin, self.columns.length):
                        values[k] *= scale
                self.row_ends.values[n_rows + i] = <uint32_t>self.columns.length
            self.row_ends.length += samples.shape[0]

    def end(self):
        """Sort the values by column, after all rows were added."""
        cdef int64_t n = self.columns.length
        if not (
            reserve(&self.features, min(n, self.n_columns))
            and reserve(&self.feature_ends, min(n, self.n_columns))
            and reserve(&self.rows, n)
            and reserve(&self.row_values, n)
        ):
            raise MemoryError("no memory for a batch: lower batch_size")
        with nogil:
            self.turn()

    cdef void turn(self) noexcept nogil:
        """Write the values column by column; within a column, in the order of rows."""
        cdef Py_ssize_t i, k, begin = 0
        cdef uint32_t count, place, end = 0
        cdef const float32_t *values = <const float32_t *>self.values.values
        cdef float32_t *row_values = <float32_t *>self.row_values.values
        self.features.length = 0
        for k in range(self.columns.length):
            place = self.columns.values[k]
            if self.places[place] == 0:
                self.features.values[self.features.length] = place
                self.features.length += 1
            self.places[place] += 1
        for k in range(self.features.length):
            count = self.places[self.features.values[k]]
            self.places[self.features.values[k]] = end
            end += count
            self.feature_ends.values[k] = end
        for i in range(self.row_ends.length):
            for k in range(begin, self.row_ends.values[i]):
                place = self.places[self.columns.values[k]]
                self.rows.values[place] = <uint32_t>i
                row_values[place] = values[k]
                self.places[self.columns.values[k]] += 1
            begin = self.row_ends.values[i]
        for k in range(self.features.length):
            self.places[self.features.values[k]] = 0

    def project(
        self,
        const float32_t[:, ::1] weights,
        float32_t[:, ::1] out,
        Py_ssize_t start,
        Py_ssize_t stop,
    ):
        """Write rows ``start`` to ``stop - 1`` of the sums of the layer.

        Parameters
        ----------
        weights : memoryview of shape (n_features, n_units)
            Weights of all columns of the matrix.
        out : memoryview of shape (n_rows, n_units)
            Rows ``start`` to ``stop - 1`` are overwritten.
        start, stop : int
            Range of rows of the batch.
        """
        cdef Py_ssize_t i, begin
        cdef const float32_t *values = <const float32_t *>self.values.values
        if (
            out.shape[0] != self.row_ends.length
            or weights.shape[0] != self.n_columns
            or weights.shape[1] != out.shape[1]
            or not 0 <= start <= stop <= out.shape[0]
        ):
            raise ValueError("the shapes of the batch, weights and out do not fit")
        if self.columns.length == 0:
            out[start:stop] = 0
            return
        with nogil:
            for i in range(start, stop):
                begin = self.row_ends.values[i - 1] if i > 0 else 0
                add_rows(
                    self.row_ends.values[i] - begin,
                    self.columns.length - begin,
                    self.columns.values + begin,
                    values + begin,
                    &weights[0, 0],
                    weights.shape[1],
                    ROWS_AHEAD,
                    &out[i, 0],
                )

    def step(
        self,
        const float32_t[:, ::1] gradient,
        float32_t[:, ::1] weights,
        float32_t[:, ::1] mean,
        float32_t[:, ::1] mean_square,
        double rate,
        double correction,
        Py_ssize_t start,
        Py_ssize_t stop,
    ):
        """Update the weights of features ``start`` to ``stop - 1`` of the batch.

        Parameters
        ----------
        gradient : memoryview of shape (n_rows, n_units)
            Gradient of the loss in the sums of the layer.
        weights, mean, mean_square : memoryviews of shape (n_features, n_units)
            Weights of all columns of the matrix and their moments; the rows of the
            features are changed.
        rate : float
            Learning rate divided by the bias of ``mean``.
        correction : float
            1 / sqrt(bias of ``mean_square``).
        start, stop : int
            Range of features of the batch, in the order of their first places.
        """
        cdef Py_ssize_t k, begin, n_units = weights.shape[1]
        cdef uint32_t feature
        cdef const float32_t *values = <const float32_t *>self.row_values.values
        cdef float32_t *sums
        if (
            gradient.shape[0] != self.row_ends.length
            or gradient.shape[1] != n_units
            or weights.shape[0] != self.n_columns
            or mean.shape[0] != self.n_columns
            or mean.shape[1] != n_units
            or mean_square.shape[0] != self.n_columns
            or mean_square.shape[1] != n_units
            or not 0 <= start <= stop <= self.features.length
        ):
            raise ValueError("the shapes of the batch and the gradient do not fit")
        sums = <float32_t *>malloc((n_units + 1) * sizeof(float32_t))
        if sums == NULL:
            raise MemoryError("no memory for the gradient of a feature")
        with nogil:
            for k in range(start, stop):
                begin = self.feature_ends.values[k - 1] if k > 0 else 0
                feature = self.features.values[k]
                add_rows(
                    self.feature_ends.values[k] - begin,
                    0,
                    self.rows.values + begin,
                    values + begin,
                    &gradient[0, 0],
                    n_units,
                    0,
                    sums,
                )
                adam_row(
                    n_units,
                    sums,
                    rate,
                    correction,
                    &weights[feature, 0],
                    &mean[feature, 0],
                    &mean_square[feature, 0],
                )
        free(sums)
