"""`ReLUProjection`, a small network that is distilled from teacher embeddings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklux._student import defaults
from sklux._student.arguments import (
    DEFAULT_N_COMPONENTS,
    LOSSES,
    TIED,
    check_device,
    check_features,
    check_hidden_layer_sizes,
    check_loss,
    check_n_components,
    check_views,
)
from sklux._student.component_names import check_same_names, keeps_columns
from sklux._student.copies import copies_of_fit
from sklux._student.evidence import one_view_predicts_best
from sklux._student.finishing import (
    factored_coefs,
    finished_coefs,
    report_on_fit,
    rotated_coefs,
    stored_network,
)
from sklux._student.fit_data import (
    Corpus,
    ExampleParts,
    FitData,
    TrainingExamples,
)
from sklux._student.fit_memory import FitSize, warn_of_memory
from sklux._student.folding import Folding
from sklux._student.held_out import split_held_out
from sklux._student.initialization import initial_coefs
from sklux._student.labels import Labels
from sklux._student.learnt_features import LearntFeatures
from sklux._student.network import (
    WEIGHT_DTYPES,
    Network,
    apply_network,
    check_finite,
    check_tied_layers,
)
from sklux._student.report import FitReport
from sklux._student.separation import LabelMap, label_map, map_of_fit
from sklux._student.streamed import StreamedExamples, training_examples
from sklux._student.targets import Targets, student_targets
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._student.term_vectors import TermVectors
from sklux._student.trained import TrainedStudent
from sklux._student.update import (
    check_can_update,
    coefs_to_update,
    fill_missing_targets,
    padded,
    regress_residuals,
    start_new_terms,
    start_unseen_features,
    sums_of_squares,
    updated_network,
)
from sklux._utils.callbacks import CallbackSupportMixin, with_callbacks
from sklux._utils.columns import as_vectors, vector_names
from sklux._utils.estimators import (
    changed_at_once,
    set_at_once,
    state_copy,
    unchanged_on_error,
)
from sklux._utils.fit_tasks import FitTask, NullTask, callback_context, fit_task
from sklux._utils.html import DocLinkMixin, ReportReprMixin
from sklux._utils.optional import import_optional
from sklux._utils.progress import stage
from sklux._utils.similarity import unit_rows
from sklux._utils.threads import N_JOBS
from sklux._utils.typing import MatrixLike, fit_context
from sklux._utils.warnings import warn_caller

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from sklux._student.training import (
        EpochTaskMaker,
        TrainingResult,
        TrainingSettings,
    )

# With larger values, the first steps of Adam, or the square of the temperature, do not
# fit into float32.
MAX_LEARNING_RATE, MAX_TEMPERATURE = 1e30, 1e18
# With larger values, nothing but the classes is left in float32.
MAX_LABEL_WEIGHT = 1e3


class ReLUProjection(
    DocLinkMixin,
    ReportReprMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Small ReLU network that is distilled from teacher embeddings.

    It maps features, usually TF-IDF, to dense vectors of unit length::

        h = relu(x W_0),  h := h / |h|,  ...,  z = h W_last,  z := z / |z|

    By default its rows are tied: each row of W_0 consists of a row of W and its
    negative, and one matrix V makes the last layer. So a term has one weight for each
    component, and the network is computed without a ReLU::

        W_0 = [W, -W],  W_last = [I + V; -I + V]
        a = x W,  a := a / |a|,  z = a + abs(a) V,  z := z / |z|

    The network has no biases. It is trained to reproduce targets: the teacher
    embeddings (Luxical, [1]_), mixed with latent semantic vectors of the corpus
    (`corpus_weight`). The initial weights are a linear student, a ridge regression from
    the features to the targets. `fit` keeps the weights of the last epoch whose
    held-out score is within one standard error of the best score (`early_stopping`).

    The dense layers can be trained on a GPU (`device`). The first layer and `transform`
    run on the CPU.

    Parameters
    ----------
    n_components : int, default=256
        Width of the vectors. The maximum is the width of the teacher embeddings, or the
        number of documents with a teacher embedding if that is smaller. The default is
        reduced to this maximum (`n_components_`); any other larger value is an error.
        If the teacher's columns have names, there may be a component for each of them
        with fewer documents too (`component_names_`).

    hidden_layer_sizes : 'tied', int or array-like of int, default='tied'
        Numbers of units in the hidden layers; empty for a linear student. An int is the
        number of units of the only hidden layer. ``'tied'`` is one layer of two units
        for each component with tied rows, as above: such a model has half the size of
        the same layer without ties, and its `transform` is faster. Without ties the
        initial weights use two units for each component, one for each sign. In narrower
        layers they start with fewer components.

    loss : {'auto', 'cosine', 'similarity_kl'} or dict of str to float, default='auto'
        Loss to minimise. ``'cosine'`` is the cosine distance to the targets, which are
        reduced to `n_components` principal directions. ``'similarity_kl'`` is the loss
        of Luxical: for each document, the student should rank the other documents of
        the batch in the same way as the targets do. Alone it needs large batches, and
        compares with targets of full width. A dict is a weighted sum, such as
        ``{'cosine': 1.0, 'similarity_kl': 0.5}``; all losses then compare with the
        reduced targets. ``'auto'`` is ``{'cosine': 1.0, 'similarity_kl': 20.0}``.

    temperature : float or 'auto', default='auto'
        Temperature of ``'similarity_kl'``. At 3.0, Luxical's value, all documents count
        alike; at 0.05 only the nearest count. ``'auto'`` is 3.0 if this loss is alone,
        and 0.1 with the cosine loss.

    corpus_weight : float or 'auto', default='auto'
        Weight of the corpus in the targets, from 0 (teacher alone) to 1 (corpus alone).
        Each target consists of the teacher embedding and the latent semantic vector of
        a document (truncated SVD of X, [2]_). The cosine of two targets is
        ``1 - corpus_weight`` times the cosine of their teacher embeddings plus
        `corpus_weight` times the cosine of their latent vectors. Raise it if TF-IDF
        works well for your task.

        ``'auto'`` is 0.12 times the share of documents with a teacher embedding
        (the other embeddings are imputed from the corpus, and so they contain it
        already). It is lower if documents are short, because few words tell little: it
        is 0 up to 32 non-zero features (median), full from 64, and linear in between.
        It is 0 if the teacher's columns have names and `n_components` has room for all
        of them (`component_names_`).

        If the teacher seems to have read only a part of the documents, 0.5 takes the
        place of 0.12. This needs `X_views` in `fit`, and a `contrastive_weight` that is
        not 0. A kernel ridge regression predicts the teacher embeddings of up to 1,000
        documents from 1,000 others: once from whole documents, once from each view
        alone. If one view alone predicts them better, with a mean cosine that is higher
        by more than two standard errors, the teacher seems to have read only this view.
        With fewer than 400 such documents to train on, it stays 0.12.

    contrastive_weight : float or 'auto', default='auto'
        Weight of a loss that needs no teacher: the two views of a document, `X_views`
        of `fit`, should find each other in their batch (InfoNCE, [3]_). Without views,
        ``'auto'`` is 0. With views, it is 0.75 times `corpus_weight`, at most 0.3; if
        `corpus_weight` is ``'auto'`` too, 0.75 times 0.12, or 0.3 if the teacher seems
        to have read only a part. It is lower for short documents by the same factor as
        `corpus_weight`.

    contrastive_temperature : float, default=0.05
        Temperature of the contrastive loss.

    dropout : float, default=0.0
        Share of the non-zero values of a document that are left out in training, drawn
        anew in each epoch. With dropout, the student relies less on single features.

    learning_rate_init : float, default=0.001
        Highest learning rate of Adam. The rate rises over the first 5 % of the steps
        and then falls linearly to 0.

    batch_size : int or 'auto', default='auto'
        Number of documents per step. ``'auto'`` is a 96th of the number of documents to
        train on, between 32 and 512.

    max_iter : int, default=6
        Maximum number of epochs. The schedule of the learning rate spans this number.

    early_stopping : bool or 'auto', default='auto'
        Whether to hold out documents and score them after each epoch. The score is the
        share of the ten nearest held-out documents, according to the targets, that the
        student finds too. Training stops when the score no longer rises. The weights
        kept are the weights of the last epoch whose score is within one standard error
        of the best score. ``'auto'`` holds out documents if there are at least 20 to
        hold out. With False, or without held-out documents, training stops when the
        training loss no longer falls, and the weights of the last epoch are kept.

    validation_fraction : float, default=0.05
        Share of the documents with a teacher embedding to hold out, at most 2,000
        documents. Copies of a held-out document leave the training with it, and count
        towards this share; they are not scored. Copies are equal rows of X, and for
        `LuxicalVectorizer` also texts that differ at most in white space and case. A
        document is never held out if it and its copies are more than a 20th of the
        share.

    n_iter_no_change : int, default=10
        Training stops after this number of epochs without an improvement by `tol`.

    tol : float, default=1e-4
        Smallest improvement of the score or of the loss that counts.

    past_weight : float, default=1.0
        How much an earlier document counts in `partial_fit`, compared with a new one.
        The larger it is, the less the weights of known features change. 0 forgets what
        is known about the features, and keeps the space alone.

    label_weight : float or 'auto', default=0.0
        How far class labels (`labels` of `fit`) set the vectors of the classes apart. A
        linear head is learnt on the vectors of the labelled documents: a ridge
        regression on their classes. Its scores, times this weight, are appended to the
        vectors, and the last layer turns the longer vectors back into `n_components`
        dimensions, with the same inner products. So `transform` is as fast as before.
        At 1 the class scores count as much as the rest of the vector. The larger the
        weight, the less of the teacher's nearest documents are kept.

        ``'auto'`` is 0, 0.5 or 1, chosen by cross-validation on the labelled documents:
        the smallest weight whose score is within two standard errors of the best. The
        score tells how well a held-out document finds its own class (normalised
        discounted cumulative gain). With 0, labels are ignored.

    checkpoint : str, path-like or None, default=None
        File that gets the state of the training after each epoch. If a fit is killed,
        the same fit goes on from this file, with the same bits as without the stop: it
        computes the initial weights again, and skips the epochs that are done. The file
        of a fit with other data or parameters is an error. It is deleted at the end of
        the fit. Each epoch writes the weights four times in float32, so this is for
        fits that take hours. Fits that run at the same time, as in a search, must not
        share a file. A model file does not hold this parameter.

    device : str, default='cpu'
        Torch device of the dense layers and the losses in training, such as
        ``'cuda'``. The first layer and `transform` always run on the CPU.

    weights_dtype : {'float32', 'float16', 'int8'}, default='int8'
        Type in which `fit` stores the weights of the first layer, which are nearly all
        of a model. An int8 model takes a quarter of the space of a float32 model, also
        as a pickle, and its `transform` is faster. Training computes in float32, and
        the weights are rounded at its end: the result has the same bits as the result
        of :meth:`LuxicalVectorizer.quantize`.

    n_jobs : int or None, default=None
        Number of threads of `transform`. None means 1 unless in a
        `joblib.parallel_config` context; -1 means all processors. It changes only the
        time. Training does not use it: its first layer uses all processors, and the
        rest uses one thread, or all physical cores for very large layers and batches.

    random_state : int, RandomState instance or None, default=None
        Source of the initial noise, the choice of held-out documents and the batches.
        With an int, the same machine and torch version give the same weights.

    verbose : bool or None, default=None
        Whether `fit` shows its steps and a progress bar; in a log, lines. None means
        False.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Weights of the layers: ``[W_0, ..., W_last]``. If the rows are tied,
        ``[W, A, B]`` with V = A B, of rank 32; ``[W, V]`` for a width of 64 or less.
        ``coefs_[0]`` has a row for each feature; its values are the stored values,
        converted to float32. If at most half of 10,000 features or more occur in `fit`,
        the model stores one row for all others, and `coefs_` is much larger than the
        model.

    n_components_ : int
        Width of the vectors.

    component_names_ : ndarray of shape (`n_components_`,), dtype=object, or None
        Names of the output columns, which `get_feature_names_out` returns, if these are
        the columns of the teacher: the value of a column is an estimate of the
        teacher's value, with the teacher's rows scaled to unit length. This is so if
        the teacher embeddings are a table (of pandas, polars or Arrow) whose columns
        all have names of type str, `n_components` is not smaller than their number,
        and `corpus_weight` is 0 or ``'auto'``. Otherwise None: columns mix the columns
        of the teacher.

    teacher_components_ : ndarray of shape (`n_components_`, n_teacher_components), \
            dtype=np.float32, or None
        Linear map of unit teacher vectors into the student's space, which
        `project_teacher` uses. If the targets contain no latent vectors, its rows are
        principal directions of the teacher embeddings about the origin, which keep
        cosines; with `component_names_`, its rows are the axes themselves. Otherwise it
        is the linear map to the targets with the least squared error. None in a model
        from :func:`sklux.interop.load_luxical`.

    loss_curve_ : list of float of length `n_iter_`
        Mean training loss of each epoch.

    validation_scores_ : list of float of length `n_iter_` or None
        Neighbour overlap with the targets after each epoch, between 0 and 1. None
        without held-out documents.

    n_iter_ : int
        Number of epochs.

    n_teacher_documents_ : int
        Number of documents with a teacher embedding in `fit`; each copy of a document
        counts. 0 if the model comes from a Luxical file or from a file of an older
        version.

    label_weight_ : float
        The weight of the labels: `label_weight`, or what ``'auto'`` has chosen.

    report_ : FitReport or None
        Comparison of the student with the teacher on the held-out documents, or on
        training documents if none are held out (``held_out`` is then False). Copies of
        a document are compared once. It can be printed, is part of the HTML
        representation, and is about the weights as stored by `fit` (`weights_dtype`).
        It has the attributes
        ``n_documents``, ``neighbor_recall`` (of ``n_neighbors``),
        ``similarity_correlation``, ``student_effective_rank``,
        ``teacher_effective_rank``, ``student_mean_cosine`` and ``teacher_mean_cosine``.
        ``as_dict()`` returns them by name. None in a truncated model, and in a model
        from a Luxical file or from a file of an older version.

    n_samples_seen_ : int
        Number of documents of `fit` and of all calls of `partial_fit`. 0 if the model
        comes from a Luxical file or from a file of an older version.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all features have string names.

    See Also
    --------
    LuxicalVectorizer : This network after a TF-IDF stage; takes text.
    sklearn.decomposition.TruncatedSVD : Linear reduction without a teacher.
    sklearn.neural_network.MLPRegressor : Network with parameters of the same names.

    Notes
    -----
    A row of X without a non-zero value is mapped to the zero vector. The vector of a
    row has the same bits in any batch and for any `n_jobs`.

    While a thread fits the projection again, other threads use the old weights. A fit
    that fails or is interrupted leaves the projection as it was.

    References
    ----------
    .. [1] Luxical: High-Speed Lexical-Dense Text Embeddings, :arxiv:`2512.09015`.
    .. [2] S. Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 41, 1990.
    .. [3] Representation Learning with Contrastive Predictive Coding,
       :arxiv:`1807.03748`.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from sklux import ReLUProjection
    >>> X, _ = make_blobs(n_samples=200, n_features=10, random_state=0)
    >>> teacher_vectors = X[:, :5]
    >>> projection = ReLUProjection(n_components=3, random_state=0)
    >>> projection.fit(X, teacher_vectors).transform(X).shape
    (200, 3)
    """

    _parameter_constraints: dict[str, list[object]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": [
            StrOptions({TIED}),
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "loss": [StrOptions({"auto", *LOSSES}), dict],
        "temperature": [
            StrOptions({"auto"}),
            Interval(Real, 0, MAX_TEMPERATURE, closed="right"),
        ],
        "corpus_weight": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "contrastive_weight": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="left"),
        ],
        "contrastive_temperature": [Interval(Real, 0, None, closed="neither")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "learning_rate_init": [Interval(Real, 0, MAX_LEARNING_RATE, closed="right")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": [StrOptions({"auto"}), "boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "past_weight": [Interval(Real, 0, None, closed="left")],
        "label_weight": [
            StrOptions({"auto"}),
            Interval(Real, 0, MAX_LABEL_WEIGHT, closed="both"),
        ],
        "checkpoint": [str, os.PathLike, None],
        "device": [str],
        "weights_dtype": [StrOptions(set(WEIGHT_DTYPES))],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
        "verbose": ["boolean", None],
    }

    def __init__(
        self,
        n_components: int = DEFAULT_N_COMPONENTS,
        *,
        hidden_layer_sizes: Sequence[int] | int | Literal["tied"] = TIED,
        loss: Literal["auto", "cosine", "similarity_kl"] | Mapping[str, float] = "auto",
        temperature: float | Literal["auto"] = "auto",
        corpus_weight: float | Literal["auto"] = "auto",
        contrastive_weight: float | Literal["auto"] = "auto",
        contrastive_temperature: float = 0.05,
        dropout: float = 0.0,
        learning_rate_init: float = 0.001,
        batch_size: int | Literal["auto"] = "auto",
        max_iter: int = 6,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float = 0.05,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        past_weight: float = 1.0,
        label_weight: float | Literal["auto"] = 0.0,
        checkpoint: str | os.PathLike[str] | None = None,
        device: str = "cpu",
        weights_dtype: Literal["float32", "float16", "int8"] = "int8",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | None = None,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.loss = loss
        self.temperature = temperature
        self.corpus_weight = corpus_weight
        self.contrastive_weight = contrastive_weight
        self.contrastive_temperature = contrastive_temperature
        self.dropout = dropout
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.past_weight = past_weight
        self.label_weight = label_weight
        self.checkpoint = checkpoint
        self.device = device
        self.weights_dtype = weights_dtype
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        *,
        X_views: MatrixLike | None = None,
        y_views: ArrayLike | None = None,
        labels: ArrayLike | None = None,
    ) -> Self:
        """Train the network on features and teacher embeddings.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, converted to float32.

        y : array-like of shape (n_samples, n_teacher_components)
            Teacher embeddings of the same documents, of any length: an array, a column
            of vectors (of pandas, polars or Arrow), or a table with a column for each
            component, whose names may become `component_names_`. A missing row, or a
            row of NaN or of zeros, means that the document has no teacher embedding.
            Its embedding is imputed from the embeddings of the other documents (kernel
            ridge regression).

        X_views : {array-like, sparse matrix} of shape (2 * n_samples, n_features), \
                default=None
            Features of the first views of all documents, then of their second views,
            for the contrastive loss. The usual views are the two halves of a document.

        y_views : array-like of shape (2 * n_samples, n_teacher_components), \
                default=None
            Teacher embeddings of the views, in the order of ``X_views``. They are
            further examples for `loss`: a view weighs half as much as a document. A
            missing row, or a row of NaN or of zeros, means that the view has no teacher
            embedding. A document takes part only if neither of its rows of ``X_views``
            is empty.

        labels : array-like of shape (n_samples,), default=None
            Class labels: str, int, bool or whole floats. -1, a missing value or an
            empty string means that a document has no label; so does a label that no
            other document has. Ignored if `label_weight` is 0.

        Returns
        -------
        self : object
            The fitted projection.

        Raises
        ------
        ImportError
            If torch is not installed.
        TypeError
            If y or y_views is sparse, or only some columns of a table y have names of
            type str.
        ValueError
            If shapes do not fit together, a value is not finite, there is only one
            document, no document has a teacher embedding, all teacher embeddings have
            the same direction, X has only zeros, `n_components` is too large and not
            the default, too few documents remain to hold out or to train on,
            `contrastive_weight` is a number above 0 and there are no ``X_views``,
            there are ``y_views`` without ``X_views`` or without any embedding, or
            `label_weight` is not 0 and ``labels`` are missing, are numbers that are not
            whole, or have fewer than two classes of two documents.

        Warns
        -----
        ConvergenceWarning
            If the loss or a weight is no longer finite; if the student has collapsed:
            its vectors vary in far fewer directions than the teacher embeddings; or if
            it may be no better than chance on held-out documents.
        UserWarning
            If documents have no teacher embedding, or the fit may need more memory than
            is available.
        """
        teacher = TeacherEmbeddings.of_target(y)
        view_teacher = None
        if y_views is not None:
            if X_views is None:
                raise ValueError(
                    "y_views has teacher embeddings of views, but X_views is None. "
                    "Give the features of the views too, or leave y_views out."
                )
            view_teacher = TeacherEmbeddings.of_views(y_views, teacher)
        self._check_parameters()
        return self._fit(
            *(X, teacher, X_views),
            view_teacher=view_teacher,
            labels=labels_of_fit(self, labels, len(teacher.is_embedded), "labels"),
            warns_of_missing=True,
        )

    @with_callbacks
    def _fit(
        self,
        X: MatrixLike,
        teacher: TeacherEmbeddings,
        X_views: MatrixLike | None,
        terms: TermVectors | None = None,
        text_groups: np.ndarray | None = None,
        folding: Folding | None = None,
        *,
        view_teacher: TeacherEmbeddings | None = None,
        corpus: Corpus | None = None,
        labels: Labels | None = None,
        warns_of_missing: bool,
        warns_of_memory: bool = True,
    ) -> Self:
        """Fit, or leave the estimator unchanged if the fit fails or is interrupted."""
        self._check_parameters()
        context = callback_context(self, self.max_iter)
        # `transform` in another thread uses the old attributes until all are new.
        new = state_copy(self)
        before = vars(new).copy()
        with unchanged_on_error(self):
            X = check_features(new, X)
            check_consistent_length(X, teacher.is_embedded)
            X_views = check_views(X_views, X.shape, self.contrastive_weight)
            if view_teacher is None and not uses_views(self, X, teacher):
                X_views = None
            if warns_of_missing and not teacher.is_complete:
                _warn_of_missing(teacher)
            n_components = self._width(teacher)
            random_state = check_random_state(self.random_state)
            groups = copies_of_fit(X, text_groups)
            train, held_out = self._split(teacher, groups, random_state)
            features = LearntFeatures.of(X, X_views, terms, folding, corpus is not None)
            data = FitData(
                features.matrix(X),
                teacher,
                None if X_views is None else features.matrix(X_views),
                None if terms is None else features.terms(terms),
                *(train, held_out, n_components, random_state),
                groups=groups,
                view_teacher=view_teacher,
                labels=labels,
            )
            if warns_of_memory:
                warn_of_memory(FitSize.of(self, data))
            rows = slice(None) if teacher.is_complete else teacher.is_embedded
            with fit_task(self, context, lambda: X[rows], teacher.embedded) as task:
                new._learn(data, features, task, corpus)
                set_at_once(self, before, vars(new))
            self._remove_checkpoint()
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: ArrayLike, *, X_views: MatrixLike | None = None
    ) -> Self:
        """Learn from new documents, and keep the space.

        The map from the teacher's space (`teacher_components_`) and the layers after
        the first stay as they are. So vectors of before and after can be compared. The
        weights of a feature change the less, the more earlier documents have it
        (`past_weight`). The first call for an unfitted projection is a `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features of the new documents, as in `fit`.

        y : array-like of shape (n_samples, n_teacher_components)
            Teacher embeddings of the new documents, as in `fit`. The columns of a table
            must have the names of fit, in the same order. The target of a document
            without an embedding is the vector that the student gives it.

        X_views : {array-like, sparse matrix} of shape (2 * n_samples, n_features), \
                default=None
            Features of the two views of each document, as in `fit`.

        Returns
        -------
        self : object
            The projection. `report_`, `loss_curve_` and `validation_scores_` are about
            the new documents.

        Raises
        ------
        ImportError, TypeError or ValueError
            As `fit`. Also a ValueError if the width of y or of X differs from the fit,
            or if the model comes from a Luxical file or a file of an older version,
            which do not tell what is needed. The first call learns no labels, so
            `label_weight` must be 0.

        Warns
        -----
        ConvergenceWarning or UserWarning
            As `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import ReLUProjection
        >>> rng = np.random.RandomState(0)
        >>> X = rng.random_sample((60, 8))
        >>> embeddings = X @ rng.standard_normal((8, 5))
        >>> projection = ReLUProjection(4, random_state=0)
        >>> projection = projection.fit(X[:40], embeddings[:40])
        >>> projection.partial_fit(X[40:], embeddings[40:]).n_samples_seen_
        60
        """
        if not hasattr(self, "_network"):
            return self.fit(X, y, X_views=X_views)
        checked = check_features(self, X, reset=False)
        return self._update(
            checked, TeacherEmbeddings.of_target(y), X_views, warns_of_missing=True
        )

    def _update(
        self,
        X: MatrixLike,
        teacher: TeacherEmbeddings,
        X_views: MatrixLike | None,
        text_groups: np.ndarray | None = None,
        folding: Folding | None = None,
        terms: TermVectors | None = None,
        *,
        warns_of_missing: bool = False,
    ) -> Self:
        """Update, or leave the estimator unchanged if it fails or is interrupted.

        ``X`` may have more columns than before: new features.
        """
        self._check_parameters()
        check_can_update(student_of(self), teacher)
        with changed_at_once(self) as new:
            X = check_features(new, X)
            check_consistent_length(X, teacher.is_embedded)
            X_views = check_views(X_views, X.shape, self.contrastive_weight)
            if self._contrastive_weight(X, self._corpus_weight_of_update) == 0:
                X_views = None
            if warns_of_missing and not teacher.is_complete:
                _warn_of_missing(teacher)
            random_state = check_random_state(self.random_state)
            groups = copies_of_fit(X, text_groups)
            train, held_out = self._split(teacher, groups, random_state)
            data = FitData(
                *(X, teacher, X_views, terms, train, held_out),
                *(self.n_components_, random_state, groups),
            )
            new._relearn(data, LearntFeatures(X.shape[1], folding=folding))
            self._remove_checkpoint()
        return self

    def _split(
        self,
        teacher: TeacherEmbeddings,
        groups: np.ndarray,
        random_state: np.random.RandomState,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Documents to train on, and documents to hold out."""
        return split_held_out(
            teacher.is_embedded,
            groups,
            self.early_stopping,
            self.validation_fraction,
            random_state,
        )

    def _remove_checkpoint(self) -> None:
        """Delete the file of a training that is finished."""
        if self.checkpoint is not None:
            Path(self.checkpoint).unlink(missing_ok=True)

    def _relearn(self, data: FitData, features: LearntFeatures) -> None:
        """Change the first layer for new documents, and set the attributes."""
        before, tied = self._network, self._network.tied
        known = padded(before.by_feature(self._squares), features.n_features)
        coefs = coefs_to_update(before, features.folding, features.n_features)
        teacher, components = data.teacher, self.teacher_components_
        embedded = data.train[teacher.is_embedded[data.train]]
        reduced = teacher.projected(components).unit(np.arange(data.X.shape[0]))
        with stage("new weights", self.verbose):
            start_new_terms(coefs[0], data.terms, known)
            if len(coefs) == 1 or tied:
                regress_residuals(
                    *(data.X, embedded, reduced, coefs),
                    tied=tied,
                    squares=known,
                    past_weight=self.past_weight,
                )
        fill_missing_targets(reduced, teacher, data.X, Network.of(coefs, tied))
        whole = None if self._compares_reduced else reduced
        targets = Targets(whole, reduced, components)
        weight = self._corpus_weight_of_update
        full_weight = defaults.full_corpus_weight(weight, lambda: False)
        result = self._train(
            data, targets, targets.examples(data), coefs, full_weight, before=before
        )
        network, report = self._finish_update(
            data, targets, features, result.coefs, before
        )
        self._adopt(
            TrainedStudent(
                network,
                components,
                self.n_teacher_documents_ + teacher.n_embedded,
                result.loss_curve,
                result.validation_scores or None,
                report,
                self.n_samples_seen_ + data.X.shape[0],
                network.by_row(known + sums_of_squares(data.X)),
                component_names=component_names_of(self),
                label_weight=student_of(self).label_weight,
            )
        )

    def _learn(
        self,
        data: FitData,
        features: LearntFeatures,
        task: FitTask | NullTask,
        corpus: Corpus | None,
    ) -> None:
        """Compute targets, initialise, train, report, and set the attributes."""
        keeps = self._keeps_columns(data.teacher)
        given_weight = 0.0 if keeps else self.corpus_weight
        full_weight = defaults.full_corpus_weight(
            given_weight, partial(one_view_predicts_best, data)
        )
        corpus_weight = defaults.corpus_weight(
            given_weight, data.X, data.teacher.is_embedded, full_weight
        )
        targets = student_targets(
            data,
            corpus_weight=corpus_weight,
            keeps_columns=keeps,
            needs_whole=not self._compares_reduced,
            verbose=self.verbose,
            corpus=corpus,
        )
        examples = training_examples(data, targets, corpus)
        coefs = self._start(data, targets, examples)
        student = _student_of_fit(data, targets, features, examples)
        named = {k: v for k, v in vars(self).items() if k == "feature_names_in_"}
        attributes = partial(_attributes_of, student, features, self._is_tied, named)
        epoch_task = partial(task.epoch, attributes)
        result = self._train(data, targets, examples, coefs, full_weight, epoch_task)
        network, report, found = self._finish(
            data, targets, features, examples, result.coefs
        )
        fitted = student(
            network,
            loss_curve=result.loss_curve,
            validation_scores=result.validation_scores or None,
            report=report,
        )
        self._adopt(fitted if found is None else found.of_student(fitted))

    def _start(
        self,
        data: FitData,
        targets: Targets,
        examples: TrainingExamples | StreamedExamples,
    ) -> list[np.ndarray]:
        """Weights before the first epoch."""
        with stage("initial weights", self.verbose):
            return initial_coefs(
                data.X,
                targets.reduced,
                check_hidden_layer_sizes(self.hidden_layer_sizes),
                data.random_state,
                data.terms,
                data.train,
                examples if isinstance(examples, StreamedExamples) else None,
            )

    def _train(
        self,
        data: FitData,
        targets: Targets,
        examples: ExampleParts,
        coefs: list[np.ndarray],
        full_weight: float,
        epoch_task: EpochTaskMaker | None = None,
        before: Network | None = None,
    ) -> TrainingResult:
        """Run the epochs. Only this part of a fit needs torch.

        ``before`` is the network that is updated; None in a fit.
        """
        torch = import_optional(
            "torch", extra="train", purpose="ReLUProjection.fit (not transform)"
        )
        from sklux._student.training import NeighborScore, no_task, train_student

        check_device(torch, self.device)
        tied = self._is_tied if before is None else before.tied
        score = None
        if len(data.held_out):
            score = NeighborScore(
                data.X[data.held_out], targets.reduced[data.held_out], tied
            )
        settings = self._training_settings(
            data, examples.n_train, full_weight, score.error if score else 0.0
        )
        if before is not None:
            settings.tied = tied
            n_documents = self.n_samples_seen_ + len(data.train)
            settings.batch_size = defaults.batch_size(self.batch_size, n_documents)
            settings.trains_dense = False
            settings.learning_rate_init /= max(self.past_weight, 1.0)
        return train_student(
            *(examples, coefs, settings, score, data.random_state),
            no_task if epoch_task is None else epoch_task,
            self.checkpoint,
        )

    def _finish(
        self,
        data: FitData,
        targets: Targets,
        features: LearntFeatures,
        examples: ExampleParts,
        coefs: list[np.ndarray],
    ) -> tuple[Network, FitReport, LabelMap | None]:
        """Return the network in its stored form, the report on it, and M."""
        dtype, tied = self.weights_dtype, self._is_tied
        if not self._compares_reduced:
            coefs = rotated_coefs(data, targets, coefs, tied)
        if tied:
            coefs = factored_coefs(data, coefs)
        found = None
        if data.labels is not None:
            with stage("labels", self.verbose):
                found = map_of_fit(data, data.labels, coefs, tied, self.label_weight)
                coefs, targets = found.of_fit(data, coefs, targets, tied)
        with stage("report", self.verbose):
            report = report_on_fit(data, coefs, dtype, features, tied)
            _warn_of_report(report)
        coefs = finished_coefs(data, targets, coefs, tied, examples.occurs)
        return stored_network(coefs, data.X, dtype, features, tied), report, found

    def _finish_update(
        self,
        data: FitData,
        targets: Targets,
        features: LearntFeatures,
        coefs: list[np.ndarray],
        before: Network,
    ) -> tuple[Network, FitReport]:
        """Return the updated network in its stored form, and the report on it."""
        tied, dense = before.tied, before.dense
        if not self._compares_reduced:
            coefs = rotated_coefs(data, targets, coefs, tied)
            dense = tuple(coefs[1:])
        coefs = [coefs[0], *dense]
        with stage("report", self.verbose):
            report = report_on_fit(data, coefs, self.weights_dtype, features, tied)
            _warn_of_report(report)
        start_unseen_features(coefs, data, targets.reduced, tied)
        network = updated_network(
            *(before, coefs, data.X, features, self.weights_dtype)
        )
        return network, report

    def _training_settings(
        self, data: FitData, n_train: int, full_weight: float, score_error: float
    ) -> TrainingSettings:
        """Settings of the training loop."""
        from sklux._student.training import TrainingSettings

        loss = check_loss(self.loss)
        return TrainingSettings(
            loss=loss,
            temperature=defaults.temperature(self.temperature, loss),
            contrastive_weight=defaults.contrastive_weight(
                self.contrastive_weight, full_weight, data.X
            ),
            contrastive_temperature=self.contrastive_temperature,
            dropout=self.dropout,
            learning_rate_init=self.learning_rate_init,
            batch_size=defaults.batch_size(self.batch_size, n_train),
            max_iter=int(self.max_iter),
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            device=self.device,
            verbose=bool(self.verbose),
            score_error=score_error,
            tied=self._is_tied,
        )

    def _adopt(self, student: TrainedStudent) -> None:
        """Set the fitted attributes, from a fit or from a file."""
        self.__dict__.update(student.attributes())

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Map features to dense vectors.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, converted to float32.

        Returns
        -------
        ndarray of shape (n_samples, `n_components_`), dtype=np.float32
            Rows of unit length. A row of X without a non-zero value gives zeros.

        Raises
        ------
        ValueError
            If the number of features differs from `fit`, or a value is not finite.
        """
        # Another thread may fit the projection at the same time.
        now = state_copy(self)
        check_is_fitted(now)
        return apply_network(now._checked_rows(X), now._network, now.n_jobs)

    def _checked_rows(self, X: MatrixLike) -> sparse.csr_matrix:
        """Features of documents for the fitted network."""
        checked = validate_data(
            self,
            as_vectors(X, "X"),
            accept_sparse="csr",
            dtype=np.float32,
            reset=False,
            ensure_min_samples=0,
        )
        return sparse.csr_matrix(checked)

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of the layers in float32: a copy if the stored form differs."""
        if "_network" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'coefs_'"
            )
        return self._network.coefs()

    @coefs_.setter
    def coefs_(self, coefs: list[np.ndarray]) -> None:
        if len(coefs) == 0:
            raise ValueError("coefs_ must hold at least one layer. Got none.")
        layers = [np.ascontiguousarray(weights, dtype=np.float32) for weights in coefs]
        for layer, weights in enumerate(layers):
            check_finite(f"coefs_[{layer}]", weights)
        # A fitted model keeps its form.
        network = vars(self).get("_network")
        tied = self._is_tied if network is None else network.tied
        if tied:
            check_tied_layers(layers)
        self._network = Network.of(layers, tied)

    def project_teacher(self, embeddings: ArrayLike) -> np.ndarray:
        """Map teacher vectors into the student's space.

        With it, a query that the teacher has embedded can search among documents that
        the student has embedded.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, n_teacher_components)
            Teacher vectors, of any length. The columns of a table must have the names
            of fit, in the same order, if there are `component_names_`.

        Returns
        -------
        ndarray of shape (n_samples, `n_components_`), dtype=np.float32
            Rows of unit length. Zero rows stay zero.

        Raises
        ------
        ValueError
            If the width or the names differ from the teacher embeddings in `fit`, or
            if `teacher_components_` is None.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import ReLUProjection
        >>> rng = np.random.RandomState(0)
        >>> X = rng.random_sample((60, 8))
        >>> embeddings = X @ rng.standard_normal((8, 5))
        >>> projection = ReLUProjection(4, random_state=0).fit(X, embeddings)
        >>> projection.project_teacher(embeddings[:2]).shape
        (2, 4)
        """
        now = state_copy(self)
        check_is_fitted(now)
        if now.teacher_components_ is None:
            raise ValueError(
                f"This {type(now).__name__} cannot map teacher vectors: it comes from "
                "a Luxical file, and Luxical's training does not relate the spaces of "
                "student and teacher. Embed the queries with transform, or fit a model "
                "with sklux."
            )
        values = as_vectors(embeddings, "embeddings")
        names = component_names_of(now)
        check_same_names(names, vector_names(values), "embeddings")
        vectors: np.ndarray = check_array(
            values,
            dtype=np.float32,
            ensure_min_samples=0,
            input_name="embeddings",
        )
        width = now.teacher_components_.shape[1]
        if vectors.shape[1] != width:
            raise ValueError(
                f"embeddings has {vectors.shape[1]} columns, but the teacher "
                f"embeddings of this {type(now).__name__} had {width}. Use the same "
                "teacher."
            )
        return unit_rows(unit_rows(vectors) @ now.teacher_components_.T)

    def truncate(self, n_components: int) -> Self:
        """Return the same network with fewer output dimensions.

        The first dimensions hold most of the information, because the dimensions are
        the principal directions of the targets, largest first. (Matryoshka embeddings,
        :arxiv:`2205.13147`, get this property by training.) With `component_names_`,
        the dimensions are the first columns of the teacher, in the teacher's order.

        Parameters
        ----------
        n_components : int
            Number of dimensions to keep, from 1 to `n_components_`.

        Returns
        -------
        ReLUProjection
            A fitted copy with unit rows of this width. Its `report_` is None, because
            the report of a fit is about the whole vectors.

        Raises
        ------
        ValueError
            If ``n_components`` is not an int within these bounds.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import ReLUProjection
        >>> rng = np.random.RandomState(0)
        >>> X = rng.random_sample((60, 8))
        >>> embeddings = X @ rng.standard_normal((8, 5))
        >>> projection = ReLUProjection(4, random_state=0).fit(X, embeddings)
        >>> projection.truncate(2).transform(X[:3]).shape
        (3, 2)
        """
        now = state_copy(self)
        check_is_fitted(now)
        if not (
            isinstance(n_components, Integral)
            and not isinstance(n_components, bool)
            and 1 <= n_components <= now.n_components_
        ):
            raise ValueError(
                "The 'n_components' parameter of truncate must be an int from 1 to "
                f"{now.n_components_}, the width of this model. Got {n_components!r} "
                "instead."
            )
        components = now.teacher_components_
        if components is not None:
            components = components[:n_components].copy()
        names = component_names_of(now)
        student = replace(
            student_of(now),
            network=now._network.truncated(int(n_components)),
            teacher_components=components,
            report=None,
            component_names=None if names is None else names[:n_components].copy(),
        )
        model = copy(now)
        model.n_components = int(n_components)
        model._adopt(student)
        return model

    def with_labels(
        self,
        X: MatrixLike,
        labels: ArrayLike,
        *,
        label_weight: float | Literal["auto"] = "auto",
    ) -> Self:
        """Return the same network with vectors that set classes apart.

        This is for labels that come after the fit; `label_weight` and the argument
        ``labels`` of `fit` do the same in a fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features of documents with labels, and of others if you have them: with tied
            rows, a thousand documents or more tell how the last layer changes.

        labels : array-like of shape (n_samples,)
            Class labels, as in `fit`.

        label_weight : float or 'auto', default='auto'
            As the parameter of the constructor. 0 changes nothing.

        Returns
        -------
        ReLUProjection
            A fitted copy. Its `teacher_components_` are mapped in the same way, so
            `project_teacher` remains usable. Its `report_` is None, because the report
            of a fit is about other vectors. If ``'auto'`` chooses 0, nothing changes.

        Raises
        ------
        ValueError
            If ``label_weight`` is not 'auto' or a number from 0 to 1000, X does not fit
            the network, or the labels are refused, as in `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import ReLUProjection
        >>> rng = np.random.RandomState(0)
        >>> X = rng.random_sample((60, 8))
        >>> embeddings = X @ rng.standard_normal((8, 5))
        >>> projection = ReLUProjection(4, random_state=0).fit(X, embeddings)
        >>> labels = np.where(X[:, 0] > 0.5, "high", "low")
        >>> labels[20:] = ""  # these documents have no label
        >>> apart = projection.with_labels(X, labels, label_weight=1.0)
        >>> apart.label_weight_, apart.transform(X).shape
        (1.0, (60, 4))
        """
        now = state_copy(self)
        check_is_fitted(now)
        rows = now._checked_rows(X)
        model = copy(now).set_params(label_weight=label_weight)
        model._check_parameters()
        known = Labels.of(labels, rows.shape[0], "labels")
        return separate(model, rows, known)

    @property
    def _is_tied(self) -> bool:
        """Whether a fit makes a network with tied rows."""
        return isinstance(self.hidden_layer_sizes, str)

    @property
    def _compares_reduced(self) -> bool:
        """Whether the training compares with targets of the student's width."""
        return "cosine" in check_loss(self.loss)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Get output feature names.

        Parameters
        ----------
        input_features : object, default=None
            Ignored. It is here for pipelines.

        Returns
        -------
        ndarray of shape (`n_components_`,), dtype=object
            `component_names_`; or ``reluprojection0``, ``reluprojection1``, ... if they
            are None.
        """
        check_is_fitted(self)
        names = component_names_of(self)
        if names is None:
            return super().get_feature_names_out(input_features)
        return names.copy()

    def _keeps_columns(self, teacher: TeacherEmbeddings) -> bool:
        """Whether a fit makes output columns that are the teacher's columns."""
        return keeps_columns(self.n_components, self.corpus_weight, teacher)

    def _width(self, teacher: TeacherEmbeddings) -> int:
        """Width of the vectors of a fit."""
        if self._keeps_columns(teacher):
            # Few documents have few principal directions, but the axes are given.
            return teacher.n_components
        return check_n_components(
            self.n_components, teacher.n_embedded, teacher.n_components
        )

    @property
    def _corpus_weight_of_update(self) -> float | Literal["auto"]:
        """The parameter `corpus_weight`, as it counts in an update."""
        return self.corpus_weight if component_names_of(self) is None else 0.0

    def _contrastive_weight(
        self, X: sparse.csr_matrix, corpus_weight: float | Literal["auto"]
    ) -> float:
        """Weight of the contrastive loss, if the teacher has read all of each text."""
        full_weight = defaults.full_corpus_weight(corpus_weight, lambda: False)
        return defaults.contrastive_weight(self.contrastive_weight, full_weight, X)

    @property
    def _n_features_out(self) -> int:
        """Number of output columns, for `get_feature_names_out`."""
        return self.n_components_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.target_tags.two_d_labels = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _check_parameters(self) -> None:
        """Refuse invalid parameters."""
        self._validate_params()
        check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_loss(self.loss)


def _student_of_fit(
    data: FitData,
    targets: Targets,
    features: LearntFeatures,
    examples: TrainingExamples | StreamedExamples,
) -> Callable[..., TrainedStudent]:
    """A function from the network and the history of a training to the student."""
    n_embedded, n_documents = data.teacher.n_embedded, data.X.shape[0]
    if isinstance(examples, StreamedExamples):
        corpus, squares = examples.corpus, examples.squares
        n_embedded, n_documents = corpus.n_embedded, corpus.n_documents
    else:
        squares = sums_of_squares(data.X)
    squares = features.spread(squares)

    def student(network: Network, **history: Any) -> TrainedStudent:
        return TrainedStudent(
            network,
            targets.components,
            n_embedded,
            n_samples_seen=n_documents,
            squares=network.by_row(squares),
            component_names=targets.names,
            **history,
        )

    return student


def _attributes_of(
    student: Callable[[Network], TrainedStudent],
    features: LearntFeatures,
    tied: bool,
    named: dict[str, object],
    coefs: list[np.ndarray],
) -> dict[str, object]:
    """Fitted attributes at this moment of the training, with copies of the weights."""
    copies = [weights.copy() for weights in coefs]
    network = features.folded(Network.of(copies, tied))
    return student(features.network(network)).attributes() | named


def _warn_of_report(report: FitReport) -> None:
    """Warn of a student that should not be trusted."""
    if report.is_collapsed:
        warn_caller(f"The student has collapsed.\n{report}", ConvergenceWarning)
    elif report.is_no_better_than_chance:
        warn_caller(
            f"The student may be no better than chance.\n{report}", ConvergenceWarning
        )


def _warn_of_missing(teacher: TeacherEmbeddings) -> None:
    """Warn that documents have no teacher embedding."""
    n_documents, n_embedded = len(teacher.is_embedded), teacher.n_embedded
    n_missing = n_documents - n_embedded
    have, rows_are = "have", "their rows are"
    if n_missing == 1:
        have, rows_are = "has", "its row is"
    warn_caller(
        f"{n_missing} of {n_documents} documents {have} no teacher embedding: "
        f"{rows_are} NaN or zero. Missing embeddings are imputed from the other "
        f"{n_embedded}.",
        UserWarning,
    )


def check_parameters(projection: ReLUProjection) -> None:
    """Refuse a projection with invalid parameters.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted or not.

    Raises
    ------
    ValueError
        If a parameter is not valid.
    """
    projection._check_parameters()


def uses_views(
    projection: ReLUProjection,
    X: sparse.csr_matrix,
    teacher: TeacherEmbeddings | None = None,
) -> bool:
    """Whether a fit uses two views of each document without their embeddings.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted or not.
    X : CSR matrix of shape (n_samples, n_features)
        Features of the documents.
    teacher : TeacherEmbeddings or None, default=None
        Their teacher embeddings, if they are known.

    Returns
    -------
    bool
        True if the contrastive loss has a weight.
    """
    corpus_weight = projection.corpus_weight
    if teacher is not None and projection._keeps_columns(teacher):
        corpus_weight = 0.0
    return projection._contrastive_weight(X, corpus_weight) > 0


def fit_projection(
    projection: ReLUProjection,
    X: MatrixLike,
    teacher: TeacherEmbeddings,
    X_views: MatrixLike | None,
    terms: TermVectors | None,
    text_groups: np.ndarray | None,
    folding: Folding | None = None,
    *,
    view_teacher: TeacherEmbeddings | None = None,
    corpus: Corpus | None = None,
    labels: Labels | None = None,
    warns_of_missing: bool,
    warns_of_memory: bool = True,
) -> None:
    """Fit a projection on checked teacher embeddings.

    Parameters
    ----------
    projection : ReLUProjection
        Changed in place.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        As in `ReLUProjection.fit`.
    teacher : TeacherEmbeddings
        Embeddings of the same documents.
    X_views : {array-like, sparse matrix} or None
        As in `ReLUProjection.fit`.
    terms : TermVectors or None
        Terms among the features that the teacher has embedded too.
    text_groups : ndarray of shape (n_samples,), dtype=np.intp, or None
        Result of `copy_groups` for the texts, if they are known. Documents with the
        same number are copies, as are documents with equal rows of ``X``.
    folding : Folding or None, default=None
        The form in which ``X``, ``X_views`` and ``terms`` are; None means that they are
        as `transform` reads them.
    view_teacher : TeacherEmbeddings or None, default=None
        Embeddings of the rows of ``X_views``.
    corpus : Corpus or None, default=None
        The corpus, if the documents are a sample of it. The epochs read the corpus; all
        else is learnt from the sample.
    labels : Labels or None, default=None
        Labels of the documents; None if `label_weight` is 0.
    warns_of_missing : bool
        Whether to warn if documents have no teacher embedding.
    warns_of_memory : bool, default=True
        Whether to warn if the fit may need more memory than is available.
    """
    projection._fit(
        *(X, teacher, X_views, terms, text_groups, folding),
        view_teacher=view_teacher,
        corpus=corpus,
        labels=labels,
        warns_of_missing=warns_of_missing,
        warns_of_memory=warns_of_memory,
    )


def update_projection(
    projection: ReLUProjection,
    X: MatrixLike,
    teacher: TeacherEmbeddings,
    X_views: MatrixLike | None,
    text_groups: np.ndarray | None,
    folding: Folding | None,
    terms: TermVectors | None,
) -> None:
    """Update a fitted projection on checked teacher embeddings of new documents.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted; changed in place.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Features of the new documents: the features of the fit, then new ones.
    teacher : TeacherEmbeddings
        Embeddings of the same documents.
    X_views : {array-like, sparse matrix} or None
        As in `ReLUProjection.partial_fit`.
    text_groups : ndarray of shape (n_samples,), dtype=np.intp, or None
        As in `fit_projection`.
    folding : Folding or None
        The form in which ``X``, ``X_views`` and ``terms`` are; None means that they are
        as `transform` reads them.
    terms : TermVectors or None
        Terms among the features that the teacher has embedded too.
    """
    projection._update(X, teacher, X_views, text_groups, folding, terms)


def student_of(projection: ReLUProjection) -> TrainedStudent:
    """Return the fitted attributes of a projection as one value.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted.

    Returns
    -------
    TrainedStudent
        The network and the history of its training.
    """
    return TrainedStudent(
        projection._network,
        projection.teacher_components_,
        projection.n_teacher_documents_,
        projection.loss_curve_,
        projection.validation_scores_,
        projection.report_,
        # Older pickles lack these.
        vars(projection).get("n_samples_seen_", 0),
        vars(projection).get("_squares"),
        component_names=component_names_of(projection),
        label_weight=vars(projection).get("label_weight_", 0.0),
    )


def component_names_of(projection: ReLUProjection) -> np.ndarray | None:
    """Return the names of the output columns of a fitted projection.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted; also from a pickle of an older version, which has no names.

    Returns
    -------
    ndarray of shape (n_components,), dtype=object, or None
        The attribute `component_names_`.
    """
    return vars(projection).get("component_names_")


def labels_of_fit(
    projection: ReLUProjection, labels: Any, n_documents: int, name: str
) -> Labels | None:
    """Return the labels that a fit uses.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted or not, with valid parameters.
    labels : array-like of shape (n_documents,) or None
        The labels that were given.
    n_documents : int
        Number of documents.
    name : str
        Name of the labels in messages.

    Returns
    -------
    Labels or None
        None if `label_weight` is 0.

    Raises
    ------
    ValueError
        If labels are needed, and `Labels.of` refuses them.
    """
    if projection.label_weight == 0:
        return None
    return Labels.of(labels, n_documents, name)


def separate(
    projection: ReLUProjection, X: sparse.csr_matrix, labels: Labels
) -> ReLUProjection:
    """Set classes apart in the vectors of a fitted projection.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted; changed in place. Its `label_weight` is used.
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of documents.
    labels : Labels
        Labels of these documents.

    Returns
    -------
    ReLUProjection
        The projection.
    """
    student = student_of(projection)
    vectors = apply_network(X[labels.rows], student.network, projection.n_jobs)
    found = label_map(vectors, labels.classes, projection.label_weight)
    if found.weight:
        network = found.of_network(student.network, X)
        student = found.of_student(replace(student, network=network, report=None))
        projection._adopt(student)
    return projection


def network_of(projection: ReLUProjection) -> Network:
    """Return the network of a fitted projection, in its stored form.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted.

    Returns
    -------
    Network
        The network itself, not a copy.
    """
    return projection._network


def with_network(projection: ReLUProjection, network: Network) -> ReLUProjection:
    """Return a fitted projection with another network.

    Parameters
    ----------
    projection : ReLUProjection
        Fitted.
    network : Network
        The other network, with layers of the same shapes.

    Returns
    -------
    ReLUProjection
        A shallow copy, whose `weights_dtype` is the type of this network.
    """
    other = copy(projection).set_params(weights_dtype=network.dtype.name)
    other._network = network
    return other


def adopt_student(projection: ReLUProjection, student: TrainedStudent) -> None:
    """Set the fitted attributes of a projection.

    Parameters
    ----------
    projection : ReLUProjection
        Changed in place.
    student : TrainedStudent
        Result of a fit with the same parameters.
    """
    projection._adopt(student)
