"""Quality of embeddings: agreement with a teacher, spread, retrieval of partners.

Embeddings are matrices, or columns of vectors of pandas, polars or Arrow.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array

from sklux._utils.columns import as_vectors
from sklux._utils.documents import split_halves
from sklux._utils.similarity import (
    Rows,
    cosine_correlation,
    covariance_rank,
    is_zero_row,
    mean_pair_cosine,
    nearest_neighbors,
    neighbor_overlap,
    similarity_blocks,
    unit_rows,
)
from sklux._utils.typing import MatrixLike, validate_params

__all__ = [
    "bitext_retrieval_score",
    "effective_rank",
    "half_document_retrieval",
    "mean_cosine",
    "neighbor_recall_score",
    "similarity_correlation",
    "split_halves",
]

# Cosines in float32 that differ by less are equal up to rounding.
TIE = 1e-6


@validate_params(
    {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "sample_size": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def neighbor_recall_score(
    teacher_embeddings: MatrixLike,
    student_embeddings: MatrixLike,
    *,
    n_neighbors: int = 10,
    sample_size: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Share of the teacher's nearest documents that the student also finds.

    Parameters
    ----------
    teacher_embeddings : {array-like, sparse matrix} of shape \
            (n_samples, n_teacher_components)
        Teacher vectors, of any length.

    student_embeddings : {array-like, sparse matrix} of shape \
            (n_samples, n_components)
        Student vectors of the same documents.

    n_neighbors : int, default=10
        Number of nearest documents to compare, by cosine; the document itself is
        excluded. The choice among equally near documents is not specified.

    sample_size : int or None, default=None
        Number of documents, drawn without replacement, whose neighbours are compared.
        Neighbours are always searched among all documents. None means all.

    random_state : int, RandomState instance or None, default=None
        Source of randomness of the sample.

    Returns
    -------
    float
        Between 0 and 1, higher is better.

    Raises
    ------
    ValueError
        If there are not more than `n_neighbors` documents, or a value is not finite.

    Notes
    -----
    Leave out copies of documents before: the copy of a document is among its nearest
    for any student, which raises the score.

    Examples
    --------
    >>> import numpy as np
    >>> from sklux.metrics import neighbor_recall_score
    >>> teacher = np.random.RandomState(0).standard_normal((50, 8))
    >>> neighbor_recall_score(teacher, 2 * teacher)
    1.0
    """
    teacher, student = _check_pair(teacher_embeddings, student_embeddings)
    n_samples = teacher.shape[0]
    if n_neighbors >= n_samples:
        raise ValueError(
            f"n_neighbors={n_neighbors} must be less than the number of documents, "
            f"{n_samples}."
        )
    queries = np.arange(n_samples)
    n_neighbors = int(n_neighbors)  # it may be of any int type of NumPy
    if sample_size is not None:
        sample_size = int(sample_size)
        if sample_size > n_samples:
            raise ValueError(
                f"sample_size={sample_size} must be at most the number of documents, "
                f"{n_samples}."
            )
        queries = check_random_state(random_state).choice(
            n_samples, sample_size, replace=False
        )
    return neighbor_overlap(
        nearest_neighbors(teacher, queries, n_neighbors),
        nearest_neighbors(student, queries, n_neighbors),
    )


@validate_params(
    {
        "n_pairs": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def similarity_correlation(
    teacher_embeddings: MatrixLike,
    student_embeddings: MatrixLike,
    *,
    n_pairs: int = 100_000,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Pearson correlation of the teacher's and the student's cosines.

    Parameters
    ----------
    teacher_embeddings : {array-like, sparse matrix} of shape \
            (n_samples, n_teacher_components)
        Teacher vectors, of any length.

    student_embeddings : {array-like, sparse matrix} of shape \
            (n_samples, n_components)
        Student vectors of the same documents.

    n_pairs : int, default=100_000
        Number of random pairs of two different documents to compare.

    random_state : int, RandomState instance or None, default=None
        Source of randomness of the pairs.

    Returns
    -------
    float
        Between -1 and 1; 0 if one side has the same cosine for all pairs.

    Raises
    ------
    ValueError
        If there are fewer than two documents, or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklux.metrics import similarity_correlation
    >>> teacher = np.random.RandomState(0).standard_normal((50, 8))
    >>> round(similarity_correlation(teacher, 2 * teacher, random_state=0), 3)
    1.0
    """
    teacher, student = _check_pair(teacher_embeddings, student_embeddings)
    n_samples = teacher.shape[0]
    if n_samples < 2:
        raise ValueError("similarity_correlation needs at least 2 documents. Got 1.")
    return cosine_correlation(
        teacher, student, n_pairs, check_random_state(random_state)
    )


def effective_rank(embeddings: MatrixLike) -> float:
    """Number of directions in which embeddings vary, each weighted by its share.

    The vectors are scaled to length 1. The result is the effective rank of Roy and
    Vetterli [1]_ of their covariance matrix: the exponential of the entropy of its
    eigenvalues, divided by their sum. If the effective rank of a student is far below
    the effective rank of its teacher, the student has lost differences between
    documents.

    Parameters
    ----------
    embeddings : {array-like, sparse matrix} of shape (n_samples, n_components)
        Vectors of any length. Zero vectors are left out.

    Returns
    -------
    float
        Between 1 and min(n_samples - 1, n_components); 0 if all vectors have the same
        direction, up to the rounding of float32.

    Raises
    ------
    ValueError
        If fewer than two vectors are not zero, or a value is not finite.

    See Also
    --------
    mean_cosine : Width of the cone that holds the vectors.

    Notes
    -----
    The mean vector is subtracted first. All vectors may lie in a narrow cone, but this
    does not lower the effective rank: cosines that are all similarly high still rank
    documents, and many good teachers have such cosines. `mean_cosine` shows the cone.

    The cost is the eigendecomposition of a square matrix whose size is the smaller
    dimension of `embeddings`.

    References
    ----------
    .. [1] O. Roy and M. Vetterli, The effective rank: a measure of effective
           dimensionality, 15th European Signal Processing Conference, 2007.

    Examples
    --------
    >>> from sklux.metrics import effective_rank
    >>> round(effective_rank([[1, 0, 2], [-1, 0, 2], [0, 1, 2], [0, -1, 2]]), 3)
    2.0
    """
    return covariance_rank(_check_two(embeddings, "effective_rank"))


def mean_cosine(embeddings: MatrixLike) -> float:
    """Mean cosine of all pairs of two different documents.

    Parameters
    ----------
    embeddings : {array-like, sparse matrix} of shape (n_samples, n_components)
        Vectors of any length. Zero vectors are left out.

    Returns
    -------
    float
        Near 0 if the vectors point in all directions, 1 if all have the same direction.

    Raises
    ------
    ValueError
        If fewer than two vectors are not zero, or a value is not finite.

    See Also
    --------
    effective_rank : Number of directions in which the vectors vary.

    Notes
    -----
    No pairs are sampled. The mean over all pairs follows from the sum of the unit
    vectors, which takes one pass.

    Examples
    --------
    >>> from sklux.metrics import mean_cosine
    >>> mean_cosine([[2, 0], [0, 1], [0, -3]])
    -0.3333333333333333
    """
    return mean_pair_cosine(_check_two(embeddings, "mean_cosine"))


def half_document_retrieval(
    first_embeddings: MatrixLike, second_embeddings: MatrixLike
) -> float:
    """Mean reciprocal rank of second halves, with the first halves as queries.

    Parameters
    ----------
    first_embeddings : {array-like, sparse matrix} of shape (n_samples, n_components)
        Vectors of the first halves of documents: the queries.

    second_embeddings : {array-like, sparse matrix} of shape (n_samples, n_components)
        Vectors of the second halves of the same documents, in the same order.

    Returns
    -------
    float
        Between 0 and 1, higher is better. Ties count against the vectors: cosines
        within 1e-6 are tied, because they are computed in float32. If one of the halves
        has a zero vector, its document gets the last rank.

    Raises
    ------
    ValueError
        If the two shapes differ, or a value is not finite.

    See Also
    --------
    split_halves : Split documents into halves.

    Examples
    --------
    >>> from sklux.metrics import half_document_retrieval
    >>> first = [[1.0, 0.0], [0.0, 1.0]]
    >>> half_document_retrieval(first, [[0.9, 0.1], [0.2, 0.8]])
    1.0
    >>> half_document_retrieval(first, [[1.0, 1.0], [1.0, 1.0]])
    0.5
    """
    first, second = _check_pair(first_embeddings, second_embeddings)
    _check_widths(first, second)
    n_samples = first.shape[0]
    ranks = np.empty(n_samples)
    for rows, similarities in similarity_blocks(first, second):
        own = similarities[np.arange(len(similarities)), np.arange(n_samples)[rows]]
        ranks[rows] = np.count_nonzero(similarities > own[:, None] - TIE, axis=1)
    ranks[is_zero_row(first) | is_zero_row(second)] = n_samples
    return float(np.mean(1 / ranks))


@validate_params(
    {
        "symmetric": ["boolean"],
        "csls_neighbors": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def bitext_retrieval_score(
    first_embeddings: MatrixLike,
    second_embeddings: MatrixLike,
    *,
    symmetric: bool = True,
    csls_neighbors: int | None = None,
) -> float:
    """Share of texts whose nearest text on the other side is their translation.

    This is the precision at rank 1 of bitext retrieval. The two sides may also be the
    vectors of the same texts by two models.

    Parameters
    ----------
    first_embeddings : {array-like, sparse matrix} of shape (n_samples, n_components)
        Vectors of texts.

    second_embeddings : {array-like, sparse matrix} of shape (n_samples, n_components)
        Vectors of their translations, in the same order and the same space.

    symmetric : bool, default=True
        Whether the result is the mean of both directions. Otherwise only the first
        texts are queries.

    csls_neighbors : int or None, default=None
        None compares cosines. A number, such as 10, replaces the cosine by cross-domain
        similarity local scaling (CSLS) [1]_ with that many neighbours: texts that are
        near to many texts of the other side are nearest less often.

    Returns
    -------
    float
        Between 0 and 1, higher is better. Ties count against the vectors: similarities
        within 1e-6 are tied, because they are computed in float32. A pair with a zero
        vector counts as wrong.

    Raises
    ------
    ValueError
        If the two shapes differ, there are fewer than `csls_neighbors` pairs, or a
        value is not finite.

    See Also
    --------
    sklux.alignment.OrthogonalProcrustes : Brings vectors into one space.
    half_document_retrieval : Mean reciprocal rank, of the halves of documents.

    Notes
    -----
    With r(b) the mean cosine of a text b with its nearest texts on the other side, CSLS
    of a and b is 2 cos(a, b) - r(a) - r(b). For one query a, r(a) is a constant.

    References
    ----------
    .. [1] A. Conneau et al., Word translation without parallel data, ICLR 2018,
           :arxiv:`1710.04087`.

    Examples
    --------
    >>> from sklux.metrics import bitext_retrieval_score
    >>> english = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]
    >>> french = [[0.9, 0.1], [0.1, 0.9], [0.9, 0.2]]
    >>> round(bitext_retrieval_score(english, french), 3)
    0.667
    """
    first, second = _check_pair(first_embeddings, second_embeddings)
    _check_widths(first, second)
    n_samples = first.shape[0]
    if csls_neighbors is not None and csls_neighbors > n_samples:
        raise ValueError(
            f"csls_neighbors={csls_neighbors} must be at most the number of pairs, "
            f"{n_samples}."
        )
    found = _finds_partner(first, second, csls_neighbors)
    if symmetric:
        found = np.concatenate([found, _finds_partner(second, first, csls_neighbors)])
    return float(np.mean(found))


def _finds_partner(
    queries: Rows, candidates: Rows, csls_neighbors: int | None
) -> np.ndarray:
    """Mark the queries whose partner is nearer than all other candidates."""
    penalties = np.zeros(candidates.shape[0], dtype=np.float32)
    if csls_neighbors is not None:
        n_neighbors = int(csls_neighbors)
        for rows, similarities in similarity_blocks(candidates, queries):
            nearest = np.partition(similarities, -n_neighbors, axis=1)[:, -n_neighbors:]
            # Half of r: the cosine counts once here.
            penalties[rows] = nearest.mean(axis=1) / 2
    found = np.empty(queries.shape[0], dtype=bool)
    for rows, similarities in similarity_blocks(queries, candidates):
        similarities -= penalties
        places = np.arange(len(similarities)), np.arange(len(found))[rows]
        own = similarities[places] - TIE
        similarities[places] = -np.inf
        found[rows] = own > similarities.max(axis=1)
    found[is_zero_row(queries) | is_zero_row(candidates)] = False
    return found


def _check_two(embeddings: MatrixLike, function: str) -> Rows:
    """Return unit rows of embeddings; check that at least two are not zero."""
    unit = _check_embeddings(embeddings, "embeddings")
    n_vectors = np.count_nonzero(~is_zero_row(unit))
    if n_vectors < 2:
        raise ValueError(
            f"{function} needs at least 2 vectors that are not zero. Got {n_vectors} "
            f"among {unit.shape[0]}."
        )
    return unit


def _check_pair(first: MatrixLike, second: MatrixLike) -> list[Rows]:
    """Return unit rows of two embeddings of the same documents."""
    pair = [
        _check_embeddings(first, "The first argument"),
        _check_embeddings(second, "The second argument"),
    ]
    check_consistent_length(*pair)
    return pair


def _check_widths(first: Rows, second: Rows) -> None:
    """Refuse vectors of different widths, which have no cosine."""
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            "first_embeddings and second_embeddings must have the same width. Got "
            f"{first.shape[1]} and {second.shape[1]}."
        )


def _check_embeddings(embeddings: MatrixLike, input_name: str) -> Rows:
    """Return unit rows of embeddings; check that they are finite."""
    checked = check_array(
        as_vectors(embeddings, input_name),
        accept_sparse="csr",
        dtype=np.float64,
        input_name=input_name,
    )
    if sparse.issparse(checked):
        # Division by the largest value first: no square overflows.
        return normalize(normalize(checked, norm="max")).astype(np.float32)
    return unit_rows(checked)
