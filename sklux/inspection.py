"""Why a vector is as it is: terms that make texts alike, that name clusters, and more.

A vector is a sum of parts, one for each term of the text, and these parts are exact:
see `explain_similarity`. The functions return small objects with a table
(``to_pandas``), a text for the terminal (``print``) and a view for notebooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._inspection.cluster_terms import (
    N_CANDIDATES,
    Candidates,
    ClusterSums,
    ClusterTerms,
    chosen_terms,
)
from sklux._inspection.explanations import (
    NearestTerms,
    PredictionExplanation,
    SimilarityExplanation,
    StrongestTerms,
    TextExplanation,
    split_names,
)
from sklux._inspection.terms import (
    BLOCK_TERMS,
    columns_of_kind,
    names_of,
    term_blocks,
    terms_and_kinds,
)
from sklux._lexical.places import term_places
from sklux._lexical.vectorizer import LexicalVectorizer
from sklux._student.attribution import FeatureParts, feature_strengths
from sklux._student.network import apply_network
from sklux._student.projection import network_of
from sklux._utils.documents import check_documents, is_missing
from sklux._utils.typing import validate_params
from sklux._vectorizer import LuxicalVectorizer

__all__ = [
    "cluster_terms",
    "explain_embedding",
    "explain_prediction",
    "explain_similarity",
    "nearest_terms",
    "strongest_terms",
    "term_embeddings",
]

# Documents whose rows are in memory at a time.
BLOCK_DOCUMENTS = 10_000
# The label of documents in no cluster.
NOISE = -1
_MODEL: dict[str, Any] = {"model": [LuxicalVectorizer]}
_DIMENSION: dict[str, Any] = {"dimension": [str, Integral, None]}


class _Document(NamedTuple):
    """A text, its known terms and their parts in its vector."""

    text: str
    names: list[str]
    parts: FeatureParts
    lexical: Any

    def explained(
        self, direction: np.ndarray, value: float, dimension: str | None = None
    ) -> TextExplanation:
        """The shares of the terms in the product with a direction."""
        is_ours = isinstance(self.lexical, LexicalVectorizer)
        is_mixed = is_ours and self.lexical.analyzer == "word+subword"
        terms, kinds = split_names(self.names, is_mixed)
        find = partial(term_places, self.lexical, self.text) if is_ours else None
        return TextExplanation(
            self.text,
            terms,
            kinds,
            self.parts.shares(direction),
            self.parts.shares(direction, is_linear=True),
            value,
            self.names,
            find,
            dimension,
        )


@validate_params(
    _MODEL | {"text": [str]} | _DIMENSION, prefer_skip_nested_validation=True
)
def explain_embedding(
    model: LuxicalVectorizer, text: str, *, dimension: str | int | None = None
) -> TextExplanation:
    """Share of each term in the vector of a text, or in one column of it.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    text : str
        The text.

    dimension : str, int or None, default=None
        An output column: its name, as in `get_feature_names_out`, or its number. None
        means the whole vector.

    Returns
    -------
    TextExplanation
        The share of a term is the product of its part with the vector. The shares add
        up to 1, the squared length of the vector; to 0 without a known term. With
        ``dimension``, they add up to the value of this column.

    Raises
    ------
    ValueError
        If there is no such column, or several have this name.

    See Also
    --------
    explain_similarity : The terms that make two texts alike.
    strongest_terms : The terms that raise an output column most.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.inspection import explain_embedding
    >>> texts = ["red apple", "green apple", "red car", "fast car"] * 3
    >>> E = [[1.0, 0.1], [0.9, 0.2], [0.2, 1.0], [0.1, 0.9]] * 3
    >>> student = LuxicalVectorizer(random_state=0, teacher_words=None)
    >>> student = student.fit(texts, teacher_embeddings=E)  # doctest: +SKIP
    >>> explain_embedding(student, "a red apple").terms  # doctest: +SKIP
    array(['apple', 'red', 'red apple'], dtype=object)
    """
    document = _read(model, text)
    vector = document.parts.vector
    if dimension is None:
        return document.explained(vector, float(vector @ vector))
    axis, name = _axis(model, dimension)
    return document.explained(axis, float(vector @ axis), name)


@validate_params(
    _MODEL | {"first": [str], "second": [str]}, prefer_skip_nested_validation=True
)
def explain_similarity(
    model: LuxicalVectorizer, first: str, second: str
) -> SimilarityExplanation:
    """Which terms make two texts alike, or unlike.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    first, second : str
        The texts.

    Returns
    -------
    SimilarityExplanation
        The shares of the terms of each text, and of each pair of terms. Each of the
        three adds up to the cosine.

    See Also
    --------
    explain_prediction : The terms that lead to a prediction.

    Notes
    -----
    Without constants, the network is positively homogeneous, so a vector is the sum of
    ``x_i J_i / |f(x)|`` over the terms i, with the values x_i, the output f(x) and its
    derivatives J. This is the gradient times the input [1]_, and here equals the
    integrated gradients from zero [2]_. The product with the other vector gives the
    shares. ``linear_shares`` are the shares in the network without the even part of
    each ReLU, relu(u) = u / 2 + abs(u) / 2.

    References
    ----------
    .. [1] A. Shrikumar et al., Not just a black box, 2016, :arxiv:`1605.01713`.
    .. [2] M. Sundararajan et al., Axiomatic attribution for deep networks, 2017,
           :arxiv:`1703.01365`.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.inspection import explain_similarity
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> print(explain_similarity(student, "a car", "a lorry"))  # doctest: +SKIP
    """
    documents = [_read(model, text) for text in (first, second)]
    vectors = [document.parts.vector for document in documents]
    cosine = float(vectors[0] @ vectors[1])

    def pairs() -> np.ndarray:
        return documents[0].parts.vectors() @ documents[1].parts.vectors().T

    return SimilarityExplanation(
        documents[0].explained(vectors[1], cosine),
        documents[1].explained(vectors[0], cosine),
        cosine,
        pairs,
    )


@validate_params(
    {"pipeline": [Pipeline], "text": [str], "target": "no_validation"},
    prefer_skip_nested_validation=True,
)
def explain_prediction(
    pipeline: Pipeline, text: str, target: object = None
) -> PredictionExplanation:
    """Which terms of a text lead to a prediction.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted: a `LuxicalVectorizer`, perhaps a `StandardScaler`, and a linear
        classifier or regressor, which has ``coef_`` and ``intercept_``.

    text : str
        The text.

    target : object, default=None
        The class to explain. None means the predicted class. A regression has none.

    Returns
    -------
    PredictionExplanation
        The shares of the terms and the intercept add up to the value of the decision
        function, or to the predicted number.

    Raises
    ------
    ValueError
        If the pipeline has another form, or has no such class.

    See Also
    --------
    explain_similarity : The method.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.inspection import explain_prediction
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> pipeline = make_pipeline(student, LogisticRegression())  # doctest: +SKIP
    >>> pipeline.fit(texts, labels)  # doctest: +SKIP
    >>> print(explain_prediction(pipeline, texts[0]))  # doctest: +SKIP
    """
    model, coef, intercept = _linear_steps(pipeline)
    document = _read(model, text)
    values = coef @ document.parts.vector + intercept
    row, sign, target = _chosen_target(pipeline[-1], values, target)
    value, constant = sign * values[row], sign * intercept[row]
    explained = document.explained(sign * coef[row], float(value - constant))
    return PredictionExplanation(explained, float(value), float(constant), target)


@validate_params(
    _MODEL
    | {
        "query": [str],
        "n_terms": [Interval(Integral, 1, None, closed="left")],
        "kind": [StrOptions({"word", "piece"}), None],
    },
    prefer_skip_nested_validation=True,
)
def nearest_terms(
    model: LuxicalVectorizer, query: str, n_terms: int = 10, *, kind: str | None = None
) -> NearestTerms:
    """Terms whose own vectors are nearest to a text.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    query : str
        The text.

    n_terms : int, default=10
        Number of terms.

    kind : {'word', 'piece'} or None, default=None
        Which terms: words with their n-grams, or word pieces. None means words if the
        stage has both kinds, and else all terms.

    Returns
    -------
    NearestTerms
        The terms with their cosines; fewer than `n_terms` if the model has fewer.

    Raises
    ------
    ValueError
        If the model has no terms of the kind.

    See Also
    --------
    strongest_terms : The terms that raise an output column most.
    term_embeddings : The vectors of all terms.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.inspection import nearest_terms
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> print(nearest_terms(student, "graph algorithms", 5))  # doctest: +SKIP
    """
    # A table, if `set_output` says so.
    vector = np.asarray(model.transform([query]))[0]
    names, columns = columns_of_kind(model, kind)
    n_terms = min(int(n_terms), len(columns))
    cosines = np.concatenate([block @ vector for block in term_blocks(model, columns)])
    order = np.argsort(-cosines, kind="stable")[:n_terms]
    return NearestTerms(query, names[order], cosines[order])


@validate_params(
    _MODEL
    | {
        "dimension": [str, Integral],
        "n_terms": [Interval(Integral, 1, None, closed="left")],
        "kind": [StrOptions({"word", "piece"}), None],
    },
    prefer_skip_nested_validation=True,
)
def strongest_terms(
    model: LuxicalVectorizer,
    dimension: str | int,
    n_terms: int = 10,
    *,
    kind: str | None = None,
) -> StrongestTerms:
    """Terms that raise an output column most.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    dimension : str or int
        An output column: its name, as in `get_feature_names_out`, or its number.

    n_terms : int, default=10
        Number of terms.

    kind : {'word', 'piece'} or None, default=None
        Which terms, as in `nearest_terms`.

    Returns
    -------
    StrongestTerms
        The terms with their strengths; fewer than `n_terms` if the model has fewer.

    Raises
    ------
    ValueError
        If the model has no terms of the kind, there is no such column, or several have
        this name.

    See Also
    --------
    explain_embedding : The terms of a text that raise or lower a column.

    Notes
    -----
    The strength of a term is the value of the column for a text that consists of the
    term, before the vector gets unit length, times the idf of the term. The strengths
    are divided by the largest absolute strength of a term of this kind.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.inspection import strongest_terms
    >>> student = LuxicalVectorizer.load("scores.sklux")  # doctest: +SKIP
    >>> print(strongest_terms(student, "price", 5))  # doctest: +SKIP
    """
    axis, name = _axis(model, dimension)
    names, columns = columns_of_kind(model, kind)
    network = network_of(model.projection_)
    strengths = np.concatenate(
        [
            feature_strengths(network, columns[begin : begin + BLOCK_TERMS], axis)
            for begin in range(0, len(columns), BLOCK_TERMS)
        ]
    )
    lexical: Any = model.lexical_
    if getattr(lexical, "use_idf", False):
        strengths *= lexical.idf_[columns]
    strengths /= np.abs(strengths).max(initial=0) or 1
    order = np.argsort(-strengths, kind="stable")[: int(n_terms)]
    return StrongestTerms(name, names[order], strengths[order])


@validate_params(
    _MODEL | {"kind": [StrOptions({"word", "piece"}), None]},
    prefer_skip_nested_validation=True,
)
def term_embeddings(
    model: LuxicalVectorizer, *, kind: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of single terms.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    kind : {'word', 'piece'} or None, default=None
        Which terms, as in `nearest_terms`.

    Returns
    -------
    terms : ndarray of shape (n_terms,), dtype=object
        The terms.
    vectors : ndarray of shape (n_terms, n_components), dtype=np.float32
        The unit vector of a text that consists of the term; zero for a term without
        weights. The vector of a word has no part of its word pieces, and the vector of
        a pair no part of its two words.

    Raises
    ------
    ValueError
        If the model has no terms of the kind.

    Examples
    --------
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.inspection import term_embeddings
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> terms, vectors = term_embeddings(student)  # doctest: +SKIP
    """
    names, columns = columns_of_kind(model, kind)
    return names, np.concatenate(list(term_blocks(model, columns)))


@validate_params(
    _MODEL
    | {
        "raw_documents": "no_validation",
        "labels": "no_validation",
        "n_terms": [Interval(Integral, 1, None, closed="left")],
    },
    prefer_skip_nested_validation=True,
)
def cluster_terms(
    model: LuxicalVectorizer,
    raw_documents: Iterable[str],
    labels: ArrayLike,
    *,
    n_terms: int = 5,
) -> ClusterTerms:
    """Terms that name clusters of documents, or classes.

    Parameters
    ----------
    model : LuxicalVectorizer
        Fitted.

    raw_documents : iterable of str
        Documents.

    labels : array-like of shape (n_documents,)
        The cluster of each document, such as ``labels_`` of `KMeans`: ints, strings or
        other values that can be sorted. A document with the label -1, the noise of
        `HDBSCAN`, or with a missing label is in no cluster.

    n_terms : int, default=5
        Number of terms of each cluster.

    Returns
    -------
    ClusterTerms
        Words and n-grams of words for each cluster, and its name. Terms without a
        letter are left out, and terms that repeat a word of an earlier term. A term
        with almost the vector of an earlier one, such as its plural, comes last. Word
        pieces are left out if the stage has words too.

    Raises
    ------
    ValueError
        If the labels cannot be sorted, their number is not the number of documents, or
        all documents are in no cluster.

    See Also
    --------
    explain_embedding : The terms of a single document.

    Notes
    -----
    A share is the linear share of `explain_embedding`, for the mean row of the cluster
    less the mean row of all documents, along the direction from the mean vector of all
    documents to the mean vector of the cluster. In the benchmark these terms name
    clusters better than class-based TF-IDF [1]_.

    References
    ----------
    .. [1] M. Grootendorst, BERTopic, 2022, :arxiv:`2203.05794`.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklux import LuxicalVectorizer
    >>> from sklux.inspection import cluster_terms
    >>> student = LuxicalVectorizer.load("model.sklux")  # doctest: +SKIP
    >>> vectors = student.transform(texts)  # doctest: +SKIP
    >>> labels = KMeans(20, random_state=0).fit_predict(vectors)  # doctest: +SKIP
    >>> print(cluster_terms(student, texts, labels))  # doctest: +SKIP
    """
    check_is_fitted(model)
    documents = check_documents(raw_documents, model.null_documents)
    values, clusters = _clusters_of(labels, len(documents))
    network = network_of(model.projection_)
    sums = ClusterSums(len(values), network)
    in_cluster = np.flatnonzero(clusters >= 0)
    for begin in range(0, len(in_cluster), BLOCK_DOCUMENTS):
        block = in_cluster[begin : begin + BLOCK_DOCUMENTS]
        rows = _rows_of(model, [documents[place] for place in block])
        sums.add(clusters[block], rows, apply_network(rows, network, model.n_jobs))
    terms, kinds = terms_and_kinds(model, np.arange(network.n_features))
    has_letter = [any(map(str.isalpha, term)) for term in terms]
    is_named = np.array(has_letter, dtype=bool) & (kinds != "piece")
    found = [
        _said_once(model, terms, candidates, n_terms)
        for candidates in sums.shares(max(N_CANDIDATES, n_terms), is_named)
    ]
    return ClusterTerms(
        values,
        sums.counts,
        [terms[kept.columns] for kept in found],
        [kept.shares for kept in found],
    )


def _clusters_of(labels: ArrayLike, n_documents: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct labels, and the place of each label among them; -1 for none."""
    # NumPy would turn a NaN among strings into the string 'nan'.
    column = np.asarray(labels, dtype=object)
    if column.shape != (n_documents,):
        raise ValueError(
            f"labels must have one value for each of the {n_documents} documents. Got "
            f"an array of shape {column.shape} instead."
        )
    is_clustered = np.array(
        [not is_missing(label) and label != NOISE for label in column], dtype=bool
    )
    if not is_clustered.any():
        raise ValueError(
            "labels puts no document into a cluster: each label is -1 or missing."
        )
    clusters = np.full(n_documents, -1, dtype=np.intp)
    try:
        values, found = np.unique(column[is_clustered], return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"labels must be values that can be sorted, such as str or int: {error}."
        ) from error
    clusters[is_clustered] = found
    return np.array(values.tolist()), clusters


def _said_once(
    model: LuxicalVectorizer, terms: np.ndarray, candidates: Candidates, n_terms: int
) -> Candidates:
    """The first terms that do not repeat an earlier one."""
    columns = candidates.columns
    if len(columns) == 0:
        return candidates
    vectors = np.concatenate(list(term_blocks(model, columns)))
    places = chosen_terms(terms[columns], vectors, n_terms)
    return Candidates(columns[places], candidates.shares[places])


def _axis(model: LuxicalVectorizer, dimension: str | int) -> tuple[np.ndarray, str]:
    """Unit vector of an output column, and its name."""
    names = model.get_feature_names_out().tolist()
    if isinstance(dimension, str):
        if names.count(dimension) != 1:
            shown = ", ".join(map(repr, names[:20])) + ", ..." * (len(names) > 20)
            raise ValueError(
                f"dimension={dimension!r} is the name of {names.count(dimension)} "
                f"output columns. The columns are {shown}. Give a name that occurs "
                "once, or the number of a column."
            )
        number = names.index(dimension)
    else:
        number = int(dimension)
    if not 0 <= number < len(names):
        raise ValueError(
            f"dimension={dimension} must be the number of an output column, from 0 to "
            f"{len(names) - 1}."
        )
    axis = np.zeros(len(names), dtype=np.float32)
    axis[number] = 1
    return axis, names[number]


def _read(model: LuxicalVectorizer, text: str) -> _Document:
    """The known terms of a text, with their parts."""
    check_is_fitted(model)
    row = _rows_of(model, [text])
    occurring = row.data != 0
    columns, values = row.indices[occurring].astype(np.intp), row.data[occurring]
    parts = FeatureParts(network_of(model.projection_), columns, values)
    return _Document(text, names_of(model, columns), parts, model.lexical_)


def _rows_of(model: LuxicalVectorizer, texts: list[str]) -> sparse.csr_matrix:
    """Values of the terms of some texts."""
    rows: Any = model.lexical_.transform(texts)
    is_sparse: bool = sparse.issparse(rows)
    if not is_sparse:
        raise ValueError(
            f"The lexical stage {model.lexical_!r} gives a dense matrix, whose columns "
            "do not stand for terms. sklux.inspection needs a sparse stage, such as "
            "LexicalVectorizer."
        )
    return sparse.csr_matrix(rows, dtype=np.float32)


def _linear_steps(pipeline: Pipeline) -> tuple[LuxicalVectorizer, Any, np.ndarray]:
    """The vectorizer, and the coefficients of its vectors with the intercepts."""
    check_is_fitted(pipeline)
    form = (
        "explain_prediction needs a pipeline of a LuxicalVectorizer, perhaps a "
        "StandardScaler, and a linear model"
    )
    steps = [step for _, step in pipeline.steps if step not in (None, "passthrough")]
    if len(steps) < 2:
        raise ValueError(f"{form}. Got {len(steps)} steps.")
    model, *between, last = steps
    if not isinstance(model, LuxicalVectorizer):
        raise ValueError(f"{form}. Its first step is {model!r}.")
    if not hasattr(last, "coef_"):
        raise ValueError(f"{form}. Its last step, {last!r}, has no coef_.")
    stored: Any = last.coef_
    is_sparse: bool = sparse.issparse(stored)
    stored = stored.toarray() if is_sparse else stored
    coef = np.atleast_2d(np.asarray(stored, dtype=np.float64))
    intercept = np.broadcast_to(np.asarray(last.intercept_, float), (len(coef),))
    for step in reversed(between):
        if not isinstance(step, StandardScaler):
            raise ValueError(f"{form}. A step between them is {step!r}.")
        if step.scale_ is not None:
            coef = coef / step.scale_
        if step.with_mean:
            intercept = intercept - coef @ step.mean_
    return model, coef, np.array(intercept)


def _chosen_target(
    estimator: Any, values: np.ndarray, target: object
) -> tuple[int, float, Any]:
    """Row of the coefficients, its sign, and the class or None."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        if target is not None or len(values) > 1:
            raise ValueError(
                f"The last step, {estimator!r}, is not a classifier with one target. "
                "Leave target out, and explain a regression of a single number."
            )
        return 0, 1.0, None
    if target is None:
        place = int(values[0] > 0) if len(values) == 1 else int(values.argmax())
    elif target in classes.tolist():
        place = classes.tolist().index(target)
    else:
        shown = ", ".join(map(repr, classes.tolist()[:20]))
        raise ValueError(
            f"target={target!r} is not among the classes of the pipeline: {shown}."
        )
    if len(values) == 1:
        return 0, 1.0 if place == 1 else -1.0, classes.tolist()[place]
    return place, 1.0, classes.tolist()[place]
