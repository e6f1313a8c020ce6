"""Teacher embeddings of the documents of a fit, checked and in one form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_array

from sklux._utils.arrays import as_float_array
from sklux._utils.blocks import row_blocks
from sklux._utils.columns import as_vectors, vector_names
from sklux._utils.messages import as_sentence
from sklux._utils.similarity import unit_rows

# Unit vectors that differ by less than this have the same direction.
SAME_VECTORS = 1e-6
# A regression whose targets have so many columns, and all have length 1 or negative
# values, is very rare. Three numbers of length 1 may be a place on the globe.
MIN_UNIT_COLUMNS, MIN_SIGNED_COLUMNS = 4, 16
# float16 rounds lengths of 1 by less than this.
UNIT_ERROR = 0.01
# Name of the vectors of a `DocumentStream` in messages.
STREAM_NAME = "The stream's embeddings"
# Largest number of rows that are inspected.
MAX_INSPECTED = 1000


@dataclass(frozen=True, eq=False)
class TeacherEmbeddings:
    """Teacher embeddings of all or some of the documents.

    Attributes
    ----------
    vectors : ndarray of shape (n_vectors, n_teacher_components), dtype=np.float32
        Vectors of any length. A row that belongs to no embedded document may hold
        anything, such as NaN.
    is_embedded : ndarray of shape (n_samples,), dtype=bool
        Which documents have a teacher embedding.
    places : ndarray of shape (n_samples,), dtype=np.intp, or None
        Row of ``vectors`` of each embedded document; None if row i is of document i.
        Documents may share a row.
    names : sequence of str of length n_teacher_components, or None
        Names of the columns; None if they have none.
    """

    vectors: np.ndarray
    is_embedded: np.ndarray
    places: np.ndarray | None = None
    names: Sequence[str] | None = None

    @classmethod
    def of_rows(cls, rows: np.ndarray, name: str) -> Self:
        """Check an array with a row for each document.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
            Vectors. A row of NaN, or of zeros, means that the document has no teacher
            embedding.
        name : str
            Name of the array in messages.

        Returns
        -------
        TeacherEmbeddings
            The embeddings, without a copy of the rows.

        Raises
        ------
        ValueError
            If a value is infinite, a part of a row is NaN, no document has an
            embedding, or all embeddings have the same direction (unless they have only
            one component).
        """
        embeddings = cls._of_finite_rows(rows, name)
        _check_directions(embeddings, name)
        return embeddings

    @classmethod
    def _of_finite_rows(cls, rows: np.ndarray, name: str) -> Self:
        """As `of_rows`, without a look at the directions of the embeddings."""
        is_embedded, bad = _examine(rows)
        if bad.any():
            rows_of_bad = np.flatnonzero(bad)
            place = f"row {rows_of_bad[0]}"
            if len(rows_of_bad) > 1:
                place = f"{len(rows_of_bad)} rows, the first of them {place}"
            raise ValueError(
                f"{name} has NaN or infinity in {place}. An embedding must have finite "
                "numbers, and a document without an embedding must have NaN in all of "
                "its row: compute these embeddings again."
            )
        return cls(rows, is_embedded)

    @classmethod
    def of_part(cls, rows: np.ndarray) -> Self:
        """Check the embeddings of a part of a corpus that is read in parts.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_teacher_components), dtype=np.float32
            As in `of_rows`. All documents of the part may lack an embedding.

        Returns
        -------
        TeacherEmbeddings
            The embeddings.

        Raises
        ------
        ValueError
            If a value is infinite, or a part of a row is NaN.
        """
        return cls._of_finite_rows(rows, STREAM_NAME)

    @classmethod
    def of_target(cls, y: ArrayLike | None) -> Self:
        """Check the ``y`` of `ReLUProjection.fit`.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_teacher_components) or None
            As in `of_rows`.

        Returns
        -------
        TeacherEmbeddings
            The embeddings.

        Raises
        ------
        TypeError
            If y is sparse, or only some of its columns have names of type str.
        ValueError
            If y is None, holds labels or does not have two dimensions, or as in
            `of_rows`.
        """
        if y is None:
            raise ValueError(
                "ReLUProjection requires y to be passed, but the target y is None. It "
                "holds the teacher embeddings."
            )
        values = as_vectors(y, "y")
        name = _first_name(values)
        if name is not None:
            raise _labels_error(f"labels such as {name!r}")
        rows = _checked_rows(values, "y")
        if rows.ndim != 2:
            raise _labels_error(f"shape {rows.shape}")
        return replace(cls.of_rows(rows, "y"), names=vector_names(values))

    @classmethod
    def of_views(cls, y_views: ArrayLike, teacher: "TeacherEmbeddings") -> Self:
        """Check the ``y_views`` of `ReLUProjection.fit`.

        Parameters
        ----------
        y_views : array-like of shape (2 * n_samples, n_teacher_components)
            Embeddings of the first views of all documents, then of their second views.
            A row of NaN, or of zeros, means that the view has no embedding.
        teacher : TeacherEmbeddings
            Embeddings of the documents.

        Returns
        -------
        TeacherEmbeddings
            The embeddings. They may all have the same direction: there may be only one.

        Raises
        ------
        TypeError
            If ``y_views`` is sparse.
        ValueError
            If ``y_views`` has another shape, a value is infinite, a part of a row is
            NaN, or no view has an embedding.
        """
        rows = _checked_rows(as_vectors(y_views, "y_views"), "y_views")
        required = (2 * len(teacher.is_embedded), teacher.n_components)
        if rows.shape != required:
            raise ValueError(
                "y_views must have the teacher embeddings of the first views of all "
                "documents, then of their second views, as wide as y: shape "
                f"{required}. Got {rows.shape} instead."
            )
        embeddings = cls._of_finite_rows(rows, "y_views")
        if embeddings.n_embedded == 0:
            raise ValueError(
                f"y_views has no embedding for any of the {len(rows)} views: all rows "
                "are NaN or zero. At least one view needs a teacher embedding. If "
                "there is none, leave y_views out."
            )
        return embeddings

    @classmethod
    def of_documents(cls, teacher_embeddings: ArrayLike, n_documents: int) -> Self:
        """Check the ``teacher_embeddings`` of a `LuxicalVectorizer`.

        Parameters
        ----------
        teacher_embeddings : array-like of shape (n_samples, n_teacher_components)
            As in `of_rows`, with a row for each document, in the same order.
        n_documents : int
            Number of documents.

        Returns
        -------
        TeacherEmbeddings
            The embeddings.

        Raises
        ------
        ValueError
            If ``teacher_embeddings`` is not an array of numbers with a row for each
            document, or as in `of_rows`.
        """
        values = as_vectors(teacher_embeddings, "teacher_embeddings")
        try:
            rows = as_float_array(values)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ValueError(
                "teacher_embeddings must be an array of numbers, of shape "
                "(n_documents, n_teacher_components). Got "
                f"{type(teacher_embeddings).__name__}: {as_sentence(error)}"
            ) from error
        if rows.ndim != 2 or rows.shape[1] == 0:
            raise ValueError(
                "teacher_embeddings must have shape (n_documents, "
                f"n_teacher_components). Got shape {rows.shape} instead."
            )
        if len(rows) != n_documents:
            raise ValueError(
                f"teacher_embeddings has {len(rows)} rows, but there are "
                f"{n_documents} documents. Give one row per document, in the order of "
                "the documents."
            )
        embeddings = cls.of_rows(rows, "teacher_embeddings")
        return replace(embeddings, names=vector_names(values))

    @classmethod
    def of_sample(
        cls,
        vectors: np.ndarray,
        sample: np.ndarray,
        n_documents: int,
        names: Sequence[str] | None = None,
    ) -> Self:
        """Check the output of a teacher for a sample of the documents.

        Parameters
        ----------
        vectors : ndarray of shape (n_sample, n_teacher_components), dtype=np.float32
            Vectors. A document whose vector is zero has no teacher embedding.
        sample : ndarray of shape (n_sample,), dtype=np.intp
            Row numbers of the sampled documents.
        n_documents : int
            Number of all documents.
        names : sequence of str of length n_teacher_components, or None, default=None
            Names of the columns of this output.

        Returns
        -------
        TeacherEmbeddings
            Embeddings of all documents.

        Raises
        ------
        ValueError
            As in `of_rows`.
        """
        found = replace(cls.of_rows(vectors, "The teacher's output"), names=names)
        if len(sample) == n_documents:
            return found
        return found._spread(sample, n_documents)

    @classmethod
    def of_some_views(
        cls, vectors: np.ndarray, rows: np.ndarray, n_documents: int
    ) -> Self:
        """Check the output of a teacher for some views of documents.

        Parameters
        ----------
        vectors : ndarray of shape (n_rows, n_teacher_components), dtype=np.float32
            Vectors. A view whose vector is zero has no teacher embedding; this may be
            so for all views.
        rows : ndarray of shape (n_rows,), dtype=np.intp
            Row numbers of the views: ``i`` is the first view of document i, ``i +
            n_documents`` its second view.
        n_documents : int
            Number of all documents.

        Returns
        -------
        TeacherEmbeddings
            Embeddings of all views.

        Raises
        ------
        ValueError
            If a value is infinite, or a part of a row is NaN.
        """
        found = cls._of_finite_rows(vectors, "The teacher's output")
        return found._spread(rows, 2 * n_documents)

    def taken(self, rows: np.ndarray) -> Self:
        """Return the embeddings of other documents, some of which are here too.

        Parameters
        ----------
        rows : ndarray of shape (n_others,), dtype=np.intp
            Number here of each of the other documents; -1 for a document that is not
            here, and so has no embedding.

        Returns
        -------
        TeacherEmbeddings
            Shares the vectors.
        """
        is_embedded = (rows >= 0) & self.is_embedded[rows]
        places = rows if self.places is None else self.places[rows]
        places = np.where(is_embedded, places, 0)
        return replace(self, is_embedded=is_embedded, places=places)

    def _spread(self, rows: np.ndarray, n_rows: int) -> Self:
        """The same embeddings, which belong to some of ``n_rows`` documents."""
        places = np.zeros(n_rows, dtype=np.intp)
        places[rows] = np.arange(len(rows))
        is_embedded = np.zeros(n_rows, dtype=bool)
        is_embedded[rows] = self.is_embedded
        return replace(self, is_embedded=is_embedded, places=places)

    @property
    def n_embedded(self) -> int:
        """Number of documents with a teacher embedding."""
        return int(np.count_nonzero(self.is_embedded))

    @property
    def n_components(self) -> int:
        """Width of the embeddings."""
        return self.vectors.shape[1]

    @property
    def is_complete(self) -> bool:
        """Whether all documents have a teacher embedding."""
        return bool(self.is_embedded.all())

    def embedded(self) -> np.ndarray:
        """Return the embeddings of the documents that have one.

        Returns
        -------
        ndarray of shape (n_embedded, n_teacher_components), dtype=np.float32
            Vectors of any length; ``vectors`` itself if all documents have one.
        """
        if self.is_complete and self.places is None:
            return self.vectors
        return self._vectors_of(np.flatnonzero(self.is_embedded))

    def unit(self, rows: np.ndarray) -> np.ndarray:
        """Return the embeddings of some documents, scaled to unit length.

        Parameters
        ----------
        rows : ndarray of shape (n_rows,), dtype=np.intp
            Numbers of the documents.

        Returns
        -------
        ndarray of shape (n_rows, n_teacher_components), dtype=np.float32
            A copy. Rows of documents without an embedding are zero.
        """
        is_embedded = self.is_embedded[rows]
        if is_embedded.all():
            return unit_rows(self._vectors_of(rows))
        unit = np.zeros((len(rows), self.n_components), dtype=np.float32)
        unit[is_embedded] = unit_rows(self._vectors_of(rows[is_embedded]))
        return unit

    def projected(self, components: np.ndarray) -> Self:
        """Return the embeddings in the student's space, as `project_teacher` does.

        Parameters
        ----------
        components : ndarray of shape (n_components, n_teacher_components), \
                dtype=np.float32
            The matrix C.

        Returns
        -------
        TeacherEmbeddings
            Unit rows t C^T, with t the unit row of the embedding. They take memory for
            the documents with an embedding alone.
        """
        rows = np.flatnonzero(self.is_embedded)
        vectors = np.empty((len(rows), len(components)), dtype=np.float32)
        for block in row_blocks(len(rows)):
            vectors[block] = unit_rows(self.unit(rows[block]) @ components.T)
        found = type(self)(vectors, np.ones(len(rows), dtype=bool))
        return found._spread(rows, len(self.is_embedded))

    def _vectors_of(self, rows):
        """Vectors of documents that have one."""
        return self.vectors[rows if self.places is None else self.places[rows]]


def has_embedding(rows: np.ndarray) -> np.ndarray:
    """Which rows are teacher embeddings; the others are all NaN or all zero.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_teacher_components)
        A row for each document.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=bool
        False for documents without a teacher embedding.
    """
    is_embedded: np.ndarray = ~np.isnan(rows).all(axis=1) & np.any(rows, axis=1)
    return is_embedded


def _checked_rows(values: Any, name: str) -> np.ndarray:
    """An array of float32 that may hold NaN, with any number of dimensions."""
    rows: np.ndarray = check_array(
        values,
        dtype=np.float32,
        ensure_2d=False,
        allow_nd=True,
        ensure_all_finite="allow-nan",
        input_name=name,
    )
    return rows


def _first_name(y: ArrayLike) -> str | None:
    """The first value of an array of names, such as class labels; None for numbers."""
    if hasattr(y, "toarray"):
        return None
    first = next(iter(np.asarray(y).ravel()), None)
    return str(first) if isinstance(first, str | bytes) else None


def _labels_error(found: str) -> ValueError:
    """Make the error for labels in the place of teacher embeddings."""
    return ValueError(
        "y must hold teacher embeddings, of shape (n_samples, n_teacher_components). "
        f"Got {found} instead. ReLUProjection does not learn from labels alone: pass "
        "them as labels, in addition to embeddings. To use it in a pipeline with a "
        "classifier, fit it on teacher embeddings first, and put "
        "sklearn.frozen.FrozenEstimator(projection) into the pipeline."
    )


def shape_of(y: Any) -> tuple[int, ...]:
    """Shape of an array-like object.

    Parameters
    ----------
    y : object
        Any object.

    Returns
    -------
    tuple of int
        Empty if the object is not an array, or holds lists of different lengths.
    """
    try:
        return tuple(getattr(y, "shape", None) or np.shape(y))
    except ValueError:
        return ()


def may_be_embeddings(y: object) -> bool:
    """Whether a ``y`` that is not used may hold teacher embeddings.

    Parameters
    ----------
    y : object
        Labels, other targets, or teacher embeddings.

    Returns
    -------
    bool
        True for a dense matrix of numbers that are not all whole. Labels are whole
        numbers, also as a matrix: indicators of several labels.
    """
    return len(_inspected_rows(y)) > 0


def can_only_be_embeddings(y: object, n_components: int | None = None) -> bool:
    """Whether a ``y`` that is not used cannot be the targets of a later step.

    The targets of a regression with several outputs are a matrix of numbers, as
    embeddings are.

    Parameters
    ----------
    y : object
        Labels, other targets, or teacher embeddings.
    n_components : int or None, default=None
        Width of the teacher's embeddings, if it is known.

    Returns
    -------
    bool
        True if `may_be_embeddings` is true, and ``y`` has ``n_components`` columns; or
        it has 4 columns or more, and all rows have length 1; or it has 16 columns or
        more, and negative numbers.
    """
    rows = _inspected_rows(y)
    if len(rows) == 0:
        return False
    n_columns, lengths = rows.shape[1], np.linalg.norm(rows, axis=1)
    return (
        n_columns == n_components
        or (n_columns >= MIN_UNIT_COLUMNS and np.abs(lengths - 1).max() < UNIT_ERROR)
        or (n_columns >= MIN_SIGNED_COLUMNS and bool((rows < 0).any()))
    )


def _inspected_rows(y: object) -> np.ndarray:
    """First rows of a matrix of numbers that are not all whole; none of anything else.

    Rows of NaN and zeros, which mark documents without an embedding, are left out.
    """
    nothing = np.empty((0, 0), dtype=np.float32)
    if y is None or hasattr(y, "toarray"):
        return nothing
    try:
        rows = as_float_array(as_vectors(y, "y"))
    except (TypeError, ValueError, RuntimeError):
        return nothing
    if rows.ndim != 2:
        return nothing
    rows = rows[:MAX_INSPECTED]
    rows = rows[has_embedding(rows)]
    is_whole = np.isfinite(rows).all() and (rows == np.rint(rows)).all()
    return nothing if is_whole else rows


def _examine(rows):
    """Which rows are embeddings, and which hold NaN or infinity in a part of the row.

    A block of rows at a time: the comparisons have a byte for each value.
    """
    is_embedded, bad = np.empty((2, len(rows)), dtype=bool)
    for block in row_blocks(len(rows)):
        is_embedded[block] = has_embedding(rows[block])
        is_missing = np.isnan(rows[block]).all(axis=1)
        bad[block] = ~(is_missing | np.isfinite(rows[block]).all(axis=1))
    return is_embedded, bad


def _check_directions(embeddings: TeacherEmbeddings, name: str) -> None:
    """Refuse embeddings if there are none, or if all have the same direction."""
    rows = np.flatnonzero(embeddings.is_embedded)
    if len(rows) == 0:
        raise ValueError(
            f"{name} has no embedding for any of the {len(embeddings.is_embedded)} "
            "documents: all rows are NaN or zero. At least one document needs a "
            "teacher embedding."
        )
    # Vectors with one component have at most two directions.
    can_differ = len(rows) > 1 and embeddings.n_components > 1
    if can_differ and _largest_spread(embeddings, rows) < SAME_VECTORS:
        raise ValueError(
            f"{name} has one and the same direction for all {len(rows)} documents "
            "with an embedding: there is nothing to learn. Does the teacher read the "
            "documents?"
        )


def _largest_spread(embeddings, rows):
    """Largest difference of two values in a column of the unit rows."""
    least = np.full(embeddings.n_components, np.inf)
    greatest = -least
    for block in row_blocks(len(rows)):
        unit = embeddings.unit(rows[block])
        least = np.minimum(least, unit.min(axis=0))
        greatest = np.maximum(greatest, unit.max(axis=0))
    return (greatest - least).max()
