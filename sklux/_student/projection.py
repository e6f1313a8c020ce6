"""ReLU network from sparse features to the teacher's space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklux._student import defaults
from sklux._student.arguments import (
    DEFAULT_N_COMPONENTS,
    LOSSES,
    check_device,
    check_features_and_teacher,
    check_hidden_layer_sizes,
    check_loss,
    check_n_components,
    check_views,
)
from sklux._student.held_out import split_held_out
from sklux._student.imputation import impute_vectors
from sklux._student.initialization import initial_coefs, start_features
from sklux._student.latent import latent_vectors
from sklux._student.network import Network, apply_network, check_finite
from sklux._student.report import fit_report
from sklux._student.targets import Targets, make_targets, nearest_rotation
from sklux._utils.callbacks import (
    CallbackSupportMixin,
    EpochTasks,
    FitTask,
    with_callbacks,
)
from sklux._utils.estimators import unchanged_on_error
from sklux._utils.html import DocLinkMixin, ReportReprMixin
from sklux._utils.optional import import_optional
from sklux._utils.progress import stage
from sklux._utils.similarity import unit_rows
from sklux._utils.threads import all_threads
from sklux._utils.typing import MatrixLike
from sklux._utils.warnings import warn_caller

# Documents that the final rotation of a similarity student is computed from, and those
# that a report without held-out documents is about.
MAX_ROTATION_SIZE, MAX_REPORT_SIZE = 20_000, 2000
# Latent semantic vectors of the corpus: width beside the teacher's, and where they also
# help to guess the vectors of documents that were not taught.
N_LATENT, N_LATENT_IMPUTING = 256, 768
# Beyond these, Adam's first steps and the square of the temperature leave float32.
MAX_LEARNING_RATE, MAX_TEMPERATURE = 1e30, 1e18


class ReLUProjection(
    DocLinkMixin,
    ReportReprMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Small ReLU network, distilled from a teacher's embeddings.

    Maps features, usually TF-IDF, to dense vectors of unit length::

        h = relu(x W_0),  h := h / |h|,  ...,  z = h W_last,  z := z / |z|

    The network has no biases. It is trained so that its vectors resemble the
    teacher's (Luxical, [1]_), and, as far as `corpus_weight` says, what the corpus
    itself tells of its documents; it starts as a linear student, a ridge regression
    from the features to the targets.

    Parameters
    ----------
    n_components : int, default=256
        Width of the vectors. It can exceed neither the teacher's width nor the
        number of documents: the default is then reduced (`n_components_`), any
        other value is an error.

    hidden_layer_sizes : array-like of int, default=(512,)
        Units of the hidden layers. Empty for a linear student. The start needs two
        units for each component, one for either sign.

    loss : {'cosine', 'similarity_kl'} or dict of str to float, default='cosine'
        What to minimise. ``'cosine'`` is the distance to the targets, reduced to
        `n_components` principal directions. ``'similarity_kl'`` is Luxical's: it asks
        only that each document ranks the others of its batch as the targets do, and
        needs large batches. A dict is a weighted sum, such as
        ``{'cosine': 1.0, 'similarity_kl': 0.5}``.

    temperature : float, default=3.0
        Temperature of ``'similarity_kl'``; not used otherwise. Luxical's 3.0 looks at
        all documents alike, 0.05 at the nearest.

    corpus_weight : float or 'auto', default='auto'
        From 0, keep the teacher, to 1, keep the corpus. The targets are the teacher's
        vectors beside the latent semantic ones of X (truncated SVD, [2]_), so that
        their cosines are ``(1 - corpus_weight)`` times the teacher's plus
        `corpus_weight` times the corpus's own. Raise it where TF-IDF is good at your
        task. ``'auto'`` is 0.12 times the share of the documents that are taught (the
        vectors of the others are guessed from the corpus, and hold it already), and
        less where documents are short, because few words say little: 0 where the
        median of their non-zero features is 32 or less, and the whole from 64 on.

    contrastive_weight : float or 'auto', default='auto'
        Weight of a loss that needs no teacher: the two views of a document, `X_views`
        of `fit`, shall find each other in their batch (InfoNCE, [3]_). ``'auto'`` is
        0.75 times `corpus_weight`, at most 0.3, where there are views, else 0; it is
        0.09 where `corpus_weight` is ``'auto'`` too; less where documents are short,
        in the same measure.

    contrastive_temperature : float, default=0.05
        Temperature of the contrastive loss.

    dropout : float, default=0.0
        Share of a document's non-zero values that are left out, others each time it is
        seen, so that the student does not rely on single features.

    learning_rate_init : float, default=0.001
        Highest learning rate of Adam. It rises over the first 5 % of the steps
        and then falls linearly to 0.

    batch_size : int or 'auto', default='auto'
        Documents per step. ``'auto'`` is n_samples / 96, between 32 and 512.

    max_iter : int, default=6
        Number of epochs. The learning rate is planned for this many.

    early_stopping : bool or 'auto', default='auto'
        Whether to hold out documents, score them after each epoch (share of
        the ten nearest held-out documents, by the targets, that the student finds
        too), stop when the score no longer rises, and keep the weights of the last
        epoch whose score is the best, or below it by no more than a standard error.
        ``'auto'`` does so when at least 20 documents would be held out. When
        False, all documents train, and the training loss decides.

    validation_fraction : float, default=0.05
        Share of the documents taught to hold out, at most 2,000 of them.

    n_iter_no_change : int, default=10
        Epochs without an improvement by `tol` after which training stops.

    tol : float, default=1e-4
        Smallest improvement that counts.

    device : str, default='cpu'
        Torch device of the dense layers and the losses in training, such as
        ``'cuda'``. The first layer and `transform` always run on the CPU.

    n_jobs : int or None, default=None
        Threads of `transform`, read when it runs. None means 1 unless in a
        `joblib.parallel_config` context, -1 all processors. They change the
        time only. Training uses all of them for the first layer, and one for the rest,
        or all physical cores for very large layers and batches.

    random_state : int, RandomState instance or None, default=None
        Source of the initial noise, the validation split and the batches. With
        an int, the same machine and torch version give the same weights.

    verbose : bool or None, default=None
        Whether `fit` shows a progress bar. None means False.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_units_in, n_units_out), dtype=np.float32
        Weights of the layers; ``coefs_[0]`` has a row per feature.

    n_components_ : int
        Width of the vectors.

    teacher_components_ : ndarray of shape (`n_components_`, n_teacher_components), \
            dtype=np.float32, or None
        Maps the teacher's unit vectors into the student's space, as `project_teacher`
        does. Without corpus vectors these are their principal directions about the
        origin (so that cosines are kept), else the linear map that is nearest to the
        targets. None in a model that :func:`sklux.interop.load_luxical` has read.

    loss_curve_ : list of float of length `n_iter_`
        Mean training loss of each epoch.

    validation_scores_ : list of float of length `n_iter_` or None
        Neighbour overlap with the targets after each epoch, between 0 and 1; None
        without held-out documents.

    n_iter_ : int
        Epochs run.

    n_teacher_documents_ : int
        Documents of the fit that had a teacher vector. 0 in a model that was read from
        a Luxical file or one of an older version.

    report_ : FitReport or None
        How near the student is to the teacher on the held-out documents, or on some of
        the others where there are none (``held_out`` tells). It can be printed, is part
        of the HTML representation, and has ``n_documents``, ``neighbor_recall`` (of
        ``n_neighbors``), ``similarity_correlation``, and, of both ``student_...`` and
        ``teacher_...``, ``effective_rank`` and ``mean_cosine``; ``as_dict()`` gives
        them by name. None in a model that was truncated, or read from a Luxical file
        or one of an older version.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X had string names.

    See Also
    --------
    LuxicalVectorizer : This network behind a TF-IDF stage; takes text.
    sklearn.decomposition.TruncatedSVD : Linear reduction without a teacher.
    sklearn.neural_network.MLPRegressor : Where the names come from.

    Notes
    -----
    A row of X without a non-zero value is mapped to the zero vector. The same
    row has the same bits in any batch and for any `n_jobs`.

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

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "loss": [StrOptions(set(LOSSES)), dict],
        "temperature": [Interval(Real, 0, MAX_TEMPERATURE, closed="right")],
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
        "device": [str],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["boolean", None],
    }

    def __init__(
        self,
        n_components: int = DEFAULT_N_COMPONENTS,
        *,
        hidden_layer_sizes: Sequence[int] = (512,),
        loss: Literal["cosine", "similarity_kl"] | Mapping[str, float] = "cosine",
        temperature: float = 3.0,
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
        device: str = "cpu",
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
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: ArrayLike, *, X_views: MatrixLike | None = None
    ) -> Self:
        """Learn the network from features and teacher embeddings.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features; computed in float32.

        y : array-like of shape (n_samples, n_teacher_components)
            Teacher embeddings of the same documents, of any length. A row that is all
            NaN marks a document that was not taught; its vector is guessed from those
            of the others (ridge regression). A zero row counts as not taught too.

        X_views : {array-like, sparse matrix} of shape (2 * n_samples, n_features), \
                default=None
            Features of the first views of all documents, their first halves, then of
            all second views. For the contrastive loss.

        Returns
        -------
        self : object
            The fitted projection.

        Raises
        ------
        ImportError
            If torch is not installed.
        TypeError
            If y is sparse.
        ValueError
            If shapes do not fit, values are not finite, there is one document, no
            document is taught, all teacher vectors have the same direction, X has no
            value but 0, `n_components` is not the default and too large, too few or
            all documents would be held out, or `contrastive_weight` is a number above
            0 and there are no ``X_views``.

        Warns
        -----
        ConvergenceWarning
            If the loss or a weight is not finite any more, or the student has
            collapsed: its vectors vary in far fewer directions than the teacher's.
        UserWarning
            If documents are not taught.
        """
        return self._fit(X, y, X_views, warns_missing=True)

    @with_callbacks
    def _fit(self, X, y, X_views, terms=None, *, warns_missing):
        """Fit; leave the estimator as it was if that fails or is interrupted."""
        self._check_parameters()
        task = FitTask.whole(self, self.max_iter)
        with unchanged_on_error(self):
            X, y = check_features_and_teacher(self, X, y)
            X_views = check_views(X_views, X.shape, self.contrastive_weight)
            if self._contrastive_weight(X) == 0:
                X_views = None
            is_embedded = y.any(axis=1)
            if warns_missing and not is_embedded.all():
                _warn_of_missing(is_embedded)
            n_components = check_n_components(
                self.n_components, int(is_embedded.sum()), y.shape[1]
            )
            taught = slice(None) if is_embedded.all() else is_embedded
            task.data = {"X": lambda: X[taught], "y": lambda: y[taught]}
            with task:
                self._learn(
                    X, unit_rows(y), is_embedded, X_views, terms, n_components, task
                )
        return self

    def _learn(self, X, teacher, is_embedded, X_views, terms, n_components, task):
        """Make the targets, train, and set what is learnt."""
        random_state = check_random_state(self.random_state)
        train, validation = split_held_out(
            is_embedded, self.early_stopping, self.validation_fraction, random_state
        )
        targets = self._targets(
            X, teacher, is_embedded, validation, terms, n_components, random_state
        )
        sizes = check_hidden_layer_sizes(self.hidden_layer_sizes)
        with stage("weights to start from", self.verbose):
            coefs = initial_coefs(
                X[train], targets.reduced[train], sizes, random_state, terms
            )
        epochs = EpochTasks(
            task,
            lambda coefs: {
                "_network": Network.of([weights.copy() for weights in coefs]),
                "teacher_components_": targets.components,
                "n_components_": n_components,
                "n_teacher_documents_": int(is_embedded.sum()),
            },
        )
        result = self._train(
            X, X_views, targets, coefs, train, validation, random_state, epochs
        )
        # The report comes first: after it, features that held-out documents alone have
        # get weights from the teacher's vectors of these.
        with stage("report", self.verbose):
            student = Network.of(result.coefs)
            self.report_ = self._report(
                X, teacher, student, is_embedded, train, validation
            )
        coefs = self._final_coefs(X, X_views, targets, result.coefs, train, terms)
        frequency = np.bincount(X.indices, minlength=X.shape[1])
        self._network = Network.of(coefs).by_frequency(frequency)
        self.teacher_components_ = targets.components
        self.n_components_ = n_components
        self.n_teacher_documents_ = int(is_embedded.sum())
        self.loss_curve_ = result.loss_curve
        self.validation_scores_ = result.validation_scores or None
        self.n_iter_ = len(result.loss_curve)

    def _final_coefs(self, X, X_views, targets, coefs, train, terms):
        """Weights of features that no training document has, and the rotation."""
        has_weights = np.zeros(X.shape[1], dtype=bool)
        has_weights[X[train].indices] = True
        if terms is not None:
            has_weights[terms.features] = True
        unseen = np.setdiff1d(X.indices, np.flatnonzero(has_weights))
        start_features(coefs, X, targets.reduced, unseen)
        has_weights[unseen] = True
        if X_views is not None:
            has_weights[X_views.indices] = True
        # What nothing has taught has noise for weights: it shall say nothing.
        coefs[0][~has_weights] = 0
        if "cosine" not in check_loss(self.loss):
            sample = train[:MAX_ROTATION_SIZE]
            student = apply_network(X[sample], Network.of(coefs), all_threads())
            coefs[-1] = coefs[-1] @ nearest_rotation(student, targets.reduced[sample])
        return [np.ascontiguousarray(w, dtype=np.float32) for w in coefs]

    def _report(self, X, teacher, network, is_embedded, train, validation):
        """Compare the student with its teacher, and warn where it has collapsed."""
        taught = train[is_embedded[train]][:MAX_REPORT_SIZE]
        sample = validation if len(validation) else taught
        student = apply_network(X[sample], network, all_threads())
        report = fit_report(
            student, teacher[sample], held_out=len(validation) > 0, random_state=0
        )
        if report.is_collapsed:
            warn_caller(f"The student has collapsed.\n{report}", ConvergenceWarning)
        return report

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Map features to dense vectors.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features; computed in float32.

        Returns
        -------
        ndarray of shape (n_samples, `n_components_`), dtype=np.float32
            Rows of unit length; a row without non-zero values is zero.

        Raises
        ------
        ValueError
            If X has another number of features than in `fit`, or a value is not finite.
        """
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=np.float32,
            reset=False,
            ensure_min_samples=0,
        )
        return apply_network(sparse.csr_matrix(X), self._network, self.n_jobs)

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of the layers, in float32; a copy of those stored in another way."""
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
        self._network = Network.of(layers)

    def project_teacher(self, embeddings: ArrayLike) -> np.ndarray:
        """Map teacher vectors into the student's space.

        Lets a query that the teacher has embedded search among documents that
        the student has embedded.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, n_teacher_components)
            Teacher vectors, of any length.

        Returns
        -------
        ndarray of shape (n_samples, `n_components_`), dtype=np.float32
            Rows of unit length; zero rows stay zero.

        Raises
        ------
        ValueError
            If the vectors are of another width than the teacher's, or the student's
            space is not tied to the teacher's: `teacher_components_` is None.

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
        check_is_fitted(self)
        if self.teacher_components_ is None:
            raise ValueError(
                f"This {type(self).__name__} cannot place teacher vectors: it comes "
                "from a Luxical file, and Luxical's training does not tie the space of "
                "the student to the teacher's. Embed the queries with transform, or "
                "fit a model with sklux."
            )
        embeddings = check_array(
            embeddings,
            dtype=np.float32,
            ensure_min_samples=0,
            input_name="embeddings",
        )
        width = self.teacher_components_.shape[1]
        if embeddings.shape[1] != width:
            raise ValueError(
                f"embeddings has {embeddings.shape[1]} columns, but the teacher of "
                f"this {type(self).__name__} had {width}. Use the same teacher."
            )
        return unit_rows(unit_rows(embeddings) @ self.teacher_components_.T)

    def truncate(self, n_components: int) -> Self:
        """Return the same network with fewer output dimensions.

        The first dimensions hold most of the targets: these are their principal
        directions (Matryoshka embeddings, :arxiv:`2205.13147`, train for it; here the
        order of the directions does it).

        Parameters
        ----------
        n_components : int
            Dimensions to keep, from 1 to `n_components_`.

        Returns
        -------
        ReLUProjection
            Fitted, with unit rows of that width; this one is unchanged. Its `report_`
            is None: the numbers of this one are those of the whole vectors.

        Raises
        ------
        ValueError
            If ``n_components`` is not within these bounds.

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
        check_is_fitted(self)
        if not (
            isinstance(n_components, Integral)
            and not isinstance(n_components, bool)
            and 1 <= n_components <= self.n_components_
        ):
            raise ValueError(
                "The 'n_components' parameter of truncate must be an int from 1 to "
                f"{self.n_components_}, the width of this model. Got {n_components!r} "
                "instead."
            )
        model = copy(self)
        model.n_components = model.n_components_ = int(n_components)
        model._network = self._network.truncated(int(n_components))
        model.report_ = None
        if self.teacher_components_ is not None:
            model.teacher_components_ = self.teacher_components_[:n_components].copy()
        return model

    @property
    def _n_features_out(self):
        """Number of output columns, for `get_feature_names_out`."""
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.target_tags.two_d_labels = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _check_parameters(self):
        """Refuse parameters that cannot be used: before any work."""
        self._validate_params()
        check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_loss(self.loss)

    def _contrastive_weight(self, X):
        """Weight of the contrastive loss, where there are views."""
        return defaults.contrastive_weight(
            self.contrastive_weight, self.corpus_weight, X
        )

    def _targets(
        self, X, teacher, is_embedded, validation, terms, n_components, random_state
    ) -> Targets:
        """What the student shall learn of each document."""
        corpus_weight = defaults.corpus_weight(self.corpus_weight, X, is_embedded)
        has_missing = not is_embedded.all()
        latent = np.zeros((X.shape[0], 0), dtype=np.float32)
        # Of rows of any length: a row's length does not change its vector.
        X = normalize(X)
        if corpus_weight > 0 or has_missing:
            n_latent = N_LATENT_IMPUTING if has_missing else N_LATENT
            with stage("latent vectors of the corpus", self.verbose):
                latent = latent_vectors(X, n_latent, random_state)
        if has_missing:
            # Held-out documents shall not show in what is guessed of others.
            known = is_embedded.copy()
            known[validation] = False
            with stage("vectors of documents not taught", self.verbose):
                guessed = impute_vectors(X, latent, teacher, known, terms)
            guessed[validation] = teacher[validation]
            teacher = guessed
        latent = unit_rows(latent[:, :N_LATENT])
        return make_targets(teacher, latent, corpus_weight, n_components, is_embedded)

    def _train(
        self, X, X_views, targets, coefs, train, validation, random_state, epochs
    ):
        """Run the training room, which needs torch."""
        torch = import_optional(
            "torch", extra="train", purpose="ReLUProjection.fit (not transform)"
        )
        from sklux._student.training import (
            NeighborScore,
            TrainingSettings,
            train_student,
        )

        check_device(torch, self.device)
        score = None
        if len(validation):
            score = NeighborScore(X[validation], targets.reduced[validation])
        settings = TrainingSettings(
            loss=check_loss(self.loss),
            temperature=self.temperature,
            contrastive_weight=self._contrastive_weight(X),
            contrastive_temperature=self.contrastive_temperature,
            dropout=self.dropout,
            learning_rate_init=self.learning_rate_init,
            batch_size=defaults.batch_size(self.batch_size, len(train)),
            max_iter=int(self.max_iter),
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            device=self.device,
            verbose=bool(self.verbose),
            score_error=score.error if score else 0.0,
        )
        if X_views is not None:
            X_views = X_views[np.concatenate([train, train + X.shape[0]])]
        return train_student(
            X[train],
            X_views,
            (targets.whole[train], targets.reduced[train]),
            coefs,
            settings,
            score,
            random_state,
            epochs,
        )


def _warn_of_missing(is_embedded: np.ndarray) -> None:
    """Say how many documents have no teacher vector."""
    n_embedded = int(is_embedded.sum())
    warn_caller(
        f"{len(is_embedded) - n_embedded} of {len(is_embedded)} documents are not taught: "
        "their teacher embeddings are NaN or zero. They are guessed from the other "
        f"{n_embedded}.",
        UserWarning,
    )
