"""ReLU network from sparse features to the teacher's space."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklux._initialization import initial_coefs, start_features
from sklux._network import Network, apply_network, check_csr, check_finite
from sklux._optional import import_optional
from sklux._similarity import unit_rows
from sklux._typing import MatrixLike

DEFAULT_N_COMPONENTS = 256
# With batch_size="auto" an epoch has about this many steps, within bounds.
STEPS_PER_EPOCH = 96
MIN_BATCH_SIZE, MAX_BATCH_SIZE = 32, 512
# Fewer held-out documents than this have no ten neighbours worth the name.
MIN_VALIDATION_SIZE, MAX_VALIDATION_SIZE = 20, 5000
# Documents that the final rotation of a similarity student is computed from.
MAX_ROTATION_SIZE = 20_000


class ReLUProjection(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Small ReLU network, distilled from a teacher's embeddings.

    Maps features, usually TF-IDF, to dense vectors of unit length::

        h = relu(x W_0),  h := h / |h|,  ...,  z = h W_last,  z := z / |z|

    The network has no biases. It is trained so that its vectors resemble the
    teacher's (Luxical, [1]_); it starts as a linear student that reads each
    feature as the mean teacher vector of the documents it occurs in.

    Parameters
    ----------
    n_components : int, default=256
        Width of the vectors. It can exceed neither the teacher's width nor the
        number of documents: the default is then reduced (`n_components_`), any
        other value is an error.

    hidden_layer_sizes : array-like of int, default=(384,)
        Units of the hidden layers. Empty for a linear student.

    loss : {'cosine', 'similarity_kl'}, default='cosine'
        What to minimise. ``'cosine'`` is the distance to the teacher's own
        vectors, reduced to `n_components` principal directions.
        ``'similarity_kl'`` is Luxical's: it asks only that each document ranks
        the others of its batch as the teacher does, and needs large batches.

    temperature : float, default=3.0
        Temperature of ``loss='similarity_kl'``; not used otherwise.

    learning_rate_init : float, default=0.003
        Highest learning rate of Adam. It rises over the first 5 % of the steps
        and then falls linearly to 0.

    batch_size : int or 'auto', default='auto'
        Documents per step. ``'auto'`` is n_samples / 96, between 32 and 512.

    max_iter : int, default=8
        Number of epochs. The learning rate is planned for this many.

    early_stopping : bool or 'auto', default='auto'
        Whether to hold out documents, score them after each epoch (share of
        the teacher's ten nearest held-out documents that the student finds
        too), stop when the score no longer rises, and keep the best weights.
        ``'auto'`` does so when at least 20 documents would be held out. When
        False, all documents train, and the training loss decides.

    validation_fraction : float, default=0.05
        Share of the documents to hold out, at most 5,000 of them.

    n_iter_no_change : int, default=3
        Epochs without an improvement by `tol` after which training stops.

    tol : float, default=1e-4
        Smallest improvement that counts.

    device : str, default='cpu'
        Torch device to train on, such as ``'cuda'``. `transform` always runs on
        the CPU.

    n_jobs : int or None, default=None
        Threads of `transform`, read when it runs. None means 1 unless in a
        `joblib.parallel_config` context, -1 all processors. They change the
        time only. Training uses one, or all physical cores for batches of many
        thousands.

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

    teacher_components_ : ndarray of shape (n_components_, n_teacher_components), \
            dtype=np.float32, or None
        Principal directions of the teacher's unit vectors, about the origin (so
        that cosines are kept); `project_teacher` maps onto them. None in a model
        that :func:`sklux.interop.load_luxical` has read.

    loss_curve_ : list of float of length n_iter_
        Mean training loss of each epoch.

    validation_scores_ : list of float of length n_iter_ or None
        Neighbour overlap after each epoch, between 0 and 1; None without
        held-out documents.

    n_iter_ : int
        Epochs run.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
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
        "loss": [StrOptions({"cosine", "similarity_kl"})],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
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
        hidden_layer_sizes: Sequence[int] = (384,),
        loss: Literal["cosine", "similarity_kl"] = "cosine",
        temperature: float = 3.0,
        learning_rate_init: float = 0.003,
        batch_size: int | Literal["auto"] = "auto",
        max_iter: int = 8,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float = 0.05,
        n_iter_no_change: int = 3,
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
    def fit(self, X: MatrixLike, y: ArrayLike) -> Self:
        """Learn the network from features and teacher embeddings.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features; computed in float32.

        y : array-like of shape (n_samples, n_teacher_components)
            Teacher embeddings of the same documents, of any length. A zero row
            teaches nothing.

        Returns
        -------
        self : object
            The fitted projection.

        Raises
        ------
        ImportError
            If torch is not installed.
        ValueError
            If shapes do not fit, values are not finite, or `n_components` is
            not the default and too large.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float32, multi_output=True
        )
        y = _check_teacher_embeddings(y)
        hidden_layer_sizes = self._check_hidden_layer_sizes()
        n_components = self._check_n_components(y)
        X = sparse.csr_matrix(X)
        check_csr(X)
        random_state = check_random_state(self.random_state)
        train, validation = self._split(X.shape[0], random_state)

        teacher = unit_rows(y)
        components = principal_directions(teacher, n_components)
        reduced = unit_rows(teacher @ components.T)
        coefs = initial_coefs(
            X[train], reduced[train], hidden_layer_sizes, random_state
        )
        result = self._train(
            X, teacher, reduced, coefs, train, validation, random_state
        )
        unseen = np.setdiff1d(X.indices, X[train].indices)
        start_features(result.coefs, X, reduced, unseen)
        if self.loss == "similarity_kl":
            sample = train[:MAX_ROTATION_SIZE]
            network = Network.of(result.coefs)
            student = apply_network(X[sample], network, n_jobs=-1)
            result.coefs[-1] = result.coefs[-1] @ nearest_rotation(
                student, reduced[sample]
            )

        coefs = [np.ascontiguousarray(w, dtype=np.float32) for w in result.coefs]
        frequency = np.bincount(X.indices, minlength=X.shape[1])
        self._network = Network.of(coefs).by_frequency(frequency)
        self.teacher_components_ = components
        self.n_components_ = n_components
        self.loss_curve_ = result.loss_curve
        self.validation_scores_ = result.validation_scores or None
        self.n_iter_ = len(result.loss_curve)
        return self

    def transform(self, X: MatrixLike) -> np.ndarray:
        """Map features to dense vectors.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features; computed in float32.

        Returns
        -------
        ndarray of shape (n_samples, n_components_), dtype=np.float32
            Rows of unit length; a row without non-zero values is zero.
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
        ndarray of shape (n_samples, n_components_), dtype=np.float32
            Rows of unit length; zero rows stay zero.

        Raises
        ------
        ValueError
            If the vectors are of another width than the teacher's, or the student's
            space is not tied to the teacher's: `teacher_components_` is None.
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

    def _check_hidden_layer_sizes(self):
        """Return the sizes as a tuple of int."""
        sizes = tuple(self.hidden_layer_sizes)
        if not all(
            isinstance(size, Integral) and not isinstance(size, bool) and size >= 1
            for size in sizes
        ):
            raise ValueError(
                "The 'hidden_layer_sizes' parameter of ReLUProjection must be a "
                f"sequence of int >= 1. Got {self.hidden_layer_sizes!r} instead."
            )
        return tuple(int(size) for size in sizes)

    def _check_n_components(self, y):
        """Return the width of the student: what was asked for, if it can be had."""
        n_samples, n_teacher_components = y.shape
        limit = min(n_samples, n_teacher_components)
        if self.n_components > limit and self.n_components != DEFAULT_N_COMPONENTS:
            raise ValueError(
                f"n_components={self.n_components} must be at most {limit}: there "
                f"are {n_samples} documents taught and the teacher's vectors have "
                f"{n_teacher_components} components. Set n_components={limit} or "
                "lower, or teach more documents."
            )
        return int(min(self.n_components, limit))

    def _split(self, n_samples, random_state):
        """Return the rows to train on and the rows to hold out, in random order."""
        order = random_state.permutation(n_samples)
        early_stopping = self.early_stopping
        if early_stopping != "auto":
            early_stopping = bool(early_stopping)  # NumPy's bool is not `True`
        n_validation = min(
            int(round(self.validation_fraction * n_samples)), MAX_VALIDATION_SIZE
        )
        if early_stopping is True and n_validation < MIN_VALIDATION_SIZE:
            raise ValueError(
                f"early_stopping=True would hold out {n_validation} of {n_samples} "
                f"documents, but needs {MIN_VALIDATION_SIZE}. Raise "
                f"validation_fraction={self.validation_fraction}, or set "
                "early_stopping=False."
            )
        if early_stopping is not False and n_validation == n_samples:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} would hold out all "
                f"{n_samples} documents and leave none to train on. Lower it, or set "
                "early_stopping=False."
            )
        if early_stopping is False or n_validation < MIN_VALIDATION_SIZE:
            n_validation = 0
        return order[n_validation:], order[:n_validation]

    def _train(self, X, teacher, reduced, coefs, train, validation, random_state):
        """Run the training room, which needs torch."""
        torch = import_optional(
            "torch", extra="train", purpose="ReLUProjection.fit (not transform)"
        )
        from sklux._training import NeighborScore, TrainingSettings, train_student

        _check_device(torch, self.device)
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = int(
                np.clip(len(train) // STEPS_PER_EPOCH, MIN_BATCH_SIZE, MAX_BATCH_SIZE)
            )
        settings = TrainingSettings(
            loss=self.loss,
            temperature=self.temperature,
            learning_rate_init=self.learning_rate_init,
            batch_size=batch_size,
            max_iter=self.max_iter,
            n_iter_no_change=self.n_iter_no_change,
            tol=self.tol,
            device=self.device,
            verbose=bool(self.verbose),
        )
        score = None
        if len(validation):
            score = NeighborScore(X[validation], teacher[validation])
        y = reduced if self.loss == "cosine" else teacher
        return train_student(X[train], y[train], coefs, settings, score, random_state)


def principal_directions(teacher: np.ndarray, n_components: int) -> np.ndarray:
    """Directions that hold most of the teacher's unit vectors, largest first.

    They are taken about the origin, not about the mean, so that the cosines of
    the reduced vectors are those of the teacher as nearly as possible.

    Parameters
    ----------
    teacher : ndarray of shape (n_samples, n_teacher_components)
        Unit rows.
    n_components : int
        Number of directions.

    Returns
    -------
    ndarray of shape (n_components, n_teacher_components), dtype=np.float32
        Orthonormal rows; the largest entry of each is positive.
    """
    teacher = teacher.astype(np.float64)
    n_features = teacher.shape[1]
    _, vectors = linalg.eigh(
        teacher.T @ teacher, subset_by_index=(n_features - n_components, n_features - 1)
    )
    components = vectors.T[::-1]
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(n_components), largest])
    return np.ascontiguousarray(components * signs[:, None], dtype=np.float32)


def nearest_rotation(student: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation that brings the student's vectors nearest to the targets.

    The orthogonal Procrustes problem: R = U V^T with student^T target = U S V^T
    minimises sum_i |student_i R - target_i|^2. The similarity loss sees angles
    only, so all rotations of a student are equally good to it; this one lets
    teacher vectors be compared with the student's.

    Parameters
    ----------
    student, target : ndarray of shape (n_samples, n_components)
        Unit rows of the same documents.

    Returns
    -------
    ndarray of shape (n_components, n_components), dtype=np.float32
        Orthogonal matrix.
    """
    rotation, _ = linalg.orthogonal_procrustes(
        student.astype(np.float64), target.astype(np.float64)
    )
    return rotation.astype(np.float32)


def _check_teacher_embeddings(y):
    """Return y as two-dimensional float32."""
    if y.ndim != 2:
        raise ValueError(
            "y must hold teacher embeddings, of shape (n_samples, "
            f"n_teacher_components). Got shape {y.shape} instead."
        )
    return check_array(y, dtype=np.float32, input_name="y")


def _check_device(torch, device):
    """Refuse a device that torch does not know or does not have here."""
    try:
        torch.zeros(1, device=device).cpu().numpy()
    # torch.cuda asserts that it was built; an unknown backend fails to import.
    except (RuntimeError, ImportError, AssertionError) as error:
        raise ValueError(
            f"The 'device' parameter of ReLUProjection must be a torch device of this "
            f"machine, such as 'cpu'. Got {device!r} instead ({error})."
        ) from error
