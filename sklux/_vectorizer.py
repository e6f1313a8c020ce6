"""LuxicalVectorizer: text to dense vectors, distilled from a teacher."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from copy import copy, deepcopy
from importlib.metadata import version
from numbers import Integral
from typing import Any, Literal, Self, TypeGuard

import numpy as np
from joblib import parallel_config
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn import config_context
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags, metadata_routing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._fused import FusedTransform, fused_transform
from sklux._lexical.buffers import text_buffers
from sklux._lexical.lexicon import PART_PREFIXES
from sklux._lexical.new_terms import with_new_terms
from sklux._lexical.ready import ready_tensors
from sklux._lexical.saved import (
    is_lexical_tensor,
    lexical_from_params,
    lexical_params,
    lexical_tensors,
    restore_lexical,
    tokenizer_of_path,
)
from sklux._lexical.sharing import shared_pieces
from sklux._lexical.vectorizer import (
    LexicalVectorizer,
    default_lexical_stage,
    fit_with_words,
    has_open_position_weight,
    lexical_settings,
    piece_tokenizer,
    reads_iterators,
    takes_words,
)
from sklux._sources.stream import DocumentStream
from sklux._streamed_fit import ReadStream, StreamReport, check_stage, read_stream
from sklux._student.arguments import check_has_values
from sklux._student.evidence import MAX_DOCUMENTS as MAX_COMPARED
from sklux._student.evidence import best_setting
from sklux._student.fit_data import Corpus
from sklux._student.fit_memory import guessed_size, warn_of_memory
from sklux._student.folding import Folding, folding_of_terms
from sklux._student.labels import Labels
from sklux._student.network import WEIGHT_DTYPES, apply_network
from sklux._student.projection import (
    ReLUProjection,
    adopt_student,
    check_parameters,
    component_names_of,
    fit_projection,
    labels_of_fit,
    network_of,
    separate,
    student_of,
    update_projection,
    uses_views,
    with_network,
)
from sklux._student.report import (
    DriftReport,
    FitReport,
    drift_report,
    neighbor_recall,
)
from sklux._student.saved import (
    checked_count,
    is_projection_tensor,
    projection_from_params,
    projection_params,
    projection_state,
    projection_tensors,
    restore_projection,
)
from sklux._student.teacher_embeddings import (
    STREAM_NAME,
    TeacherEmbeddings,
    can_only_be_embeddings,
    has_embedding,
    may_be_embeddings,
    shape_of,
)
from sklux._student.term_vectors import TermVectors, term_vectors
from sklux._student.update import check_can_update
from sklux._teacher.cached import (
    CachedTeacher,
    check_teacher,
    teacher_identity,
    teacher_vectors,
    words_of_teacher,
)
from sklux._teacher.models import failed_to_load, loading_once
from sklux._teacher.sample import sample_documents
from sklux._teacher.token_text import Reader, token_reader
from sklux._teacher.vectors import ColumnNames
from sklux._teacher.word_plan import (
    DOCUMENTS_ALONE,
    TERMS_ALONE,
    TERMS_OF_DOCUMENTS,
    WordPlan,
)
from sklux._teacher.words import check_words, choose_terms
from sklux._utils.available_memory import release_free_memory
from sklux._utils.blocks import column_counts, row_lengths
from sklux._utils.callbacks import CallbackSupportMixin
from sklux._utils.cloning import clone_sharing
from sklux._utils.documents import (
    NULL_DOCUMENTS,
    NullDocuments,
    check_documents,
    copy_groups,
    documents_by_name,
    first_of_groups,
    halves_in_turn,
)
from sklux._utils.estimators import (
    EstimatorCache,
    changed_at_once,
    has_fitted_attributes,
    set_at_once,
    state_copy,
    unchanged_on_error,
)
from sklux._utils.fit_tasks import callback_context, check_callback_levels, fit_task
from sklux._utils.html import DocLinkMixin, ReportReprMixin
from sklux._utils.messages import as_sentence
from sklux._utils.model_file import json_params, read_model, write_model
from sklux._utils.progress import stage
from sklux._utils.similarity import MIN_DOCUMENTS, Rows, n_neighbors_compared, unit_rows
from sklux._utils.threads import N_JOBS, thread_count
from sklux._utils.typing import fit_context
from sklux._utils.warnings import warn_caller

# Both stages of fitted vectorizers in one kernel.
_fused_transforms = EstimatorCache()
# Documents that the teacher embeds by default: minutes for a small model on a CPU.
DEFAULT_TEACHER_SAMPLE_SIZE = 10_000
# Width of a teacher's embeddings before it has embedded anything.
GUESSED_TEACHER_WIDTH = 384
# Weights of the first words that a stage may get; the first is the default.
POSITION_WEIGHTS = (0.0, 1.0, 2.0)
# Halves of documents with fewer terms say too little about the other half.
MIN_HALF_TERMS = 20
# Largest number of documents that `score` compares: it takes the cosines of all pairs.
MAX_SCORED = 2000
# The method that the user called: it decides which y is refused.
_method: ContextVar[str] = ContextVar("_method", default="fit")
# Remedies if the teacher refuses to embed words or halves.
NO_TEACHER_WORDS = "With teacher_words=None it embeds only documents."
NO_TEACHER_HALVES = "With teacher_halves=False it embeds no halves."
# Parameters that a model file holds besides the stages; it holds the teacher's identity
# instead of the teacher.
SAVED_PARAMETERS = (
    "teacher_sample_size",
    "teacher_words",
    "teacher_halves",
    "max_new_terms",
    "null_documents",
    "n_jobs",
    "random_state",
    "verbose",
)


@documents_by_name
class LuxicalVectorizer(
    DocLinkMixin,
    ReportReprMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Text embeddings at the speed of TF-IDF, learnt from a slower model.

    A *student*, TF-IDF over n-grams followed by a small ReLU network, is trained on
    the given documents to reproduce the vectors of a *teacher*, which can be any text
    embedding model (Luxical, [1]_). Only `fit` needs the teacher.

    Parameters
    ----------
    teacher : CachedTeacher, str, path-like, object or callable, default=None
        The model that embeds the documents of `fit`: a `CachedTeacher` (recommended,
        because it embeds no document twice), a sentence-transformers name or folder,
        an object with ``encode``, a fitted scikit-learn transformer, or a callable
        that maps a list of str to an array. Not needed if `fit` gets
        ``teacher_embeddings``. If it returns tables, the names of their columns count
        as they do there, unless it is a `CachedTeacher`, which keeps numbers alone.

    lexical : estimator or None, default=None
        The lexical stage, which maps documents to a sparse matrix. `fit` fits a clone
        of it. None means a `LexicalVectorizer` with words of one character or more in
        all scripts, pairs of words, and word pieces learnt on the documents, with
        sublinear tf and the 200,000 most frequent terms. Its ``subwords_of='unknown'``
        reads pieces only for words that are not terms; in training, the other words
        share weights with their pieces. Its ``position_weight='auto'`` lets `fit`
        choose how much more the first words of a document count: 0, 1 or 2, whichever
        predicts the teacher's vectors of held-out documents best.

    projection : ReLUProjection or None, default=None
        The network. `fit` fits a clone of it. None means ``ReLUProjection()``.

    teacher_sample_size : int, 'auto' or None, default='auto'
        Maximum number of different texts that ``teacher`` embeds; a document that
        occurs several times counts once, and all its copies get the same vector. The
        student also learns from the documents that the teacher does not embed. The
        sample is drawn by a hash of each text, so it is practically random, and the
        folds of a grid search share most of it. ``'auto'`` means 10,000, None means all
        documents. Not used if `fit` gets ``teacher_embeddings``.

    teacher_words : 'auto', array-like of str or None, default='auto'
        Which words ``teacher`` embeds in addition to the documents. The student then
        has vectors for words that are rare in its documents, and needs far fewer
        documents with a teacher embedding. A small model needs about a minute for
        them.

        - ``'auto'``: the words and word pieces among the terms of the lexical stage,
          and words of the teacher's tokenizer with two letters or more, at most 30,000.
          The latter become terms of a `LexicalVectorizer` even if no document contains
          them, as long as `max_features` leaves room. At most the 50,000 most frequent
          terms are embedded in all.
        - a list: the same terms of the documents, and the words of the list in place of
          the words of the tokenizer.
        - None: no words, documents only.

        With ``'auto'``, a teacher that raises a LookupError for words, because it looks
        up vectors of documents, embeds documents only; there is a warning.

        A lexical stage whose terms are not words (hashes, characters, a pipeline) has
        no terms to embed.

        In `partial_fit`, the teacher embeds the words and word pieces of the new
        documents, unless this is None.

    teacher_halves : bool, default=False
        Whether ``teacher`` also embeds the two halves of each document that has a
        teacher embedding. They are further examples for the student, whose similarities
        get closer to the teacher's; two halves of a document find each other less
        often. The price is about as many further tokens as the documents have: the
        teacher takes twice the time. Twice as many documents gain more, so this is for
        few documents that are all embedded already. A document is split at the space
        nearest to its middle; both halves need at least 20 terms. Needs ``teacher``,
        also if `fit` gets ``teacher_embeddings``.

    max_new_terms : int, default=50_000
        Largest number of terms that a call of `partial_fit` adds to a
        `LexicalVectorizer` that has learnt its terms: the most frequent ones of at
        least two of the new documents. `max_features` of the stage does not limit them.
        A lexical stage of another kind keeps its terms.

    null_documents : {'error', 'empty'}, default='error'
        Whether a missing document (None, NaN, NaT, NA, a null of Arrow or polars, or a
        masked value) is refused, or read as an empty text. An empty text has the zero
        vector, and in `fit` the teacher may be asked to embed it, as any other text.
        The setting counts for both stages, for the teacher and for `score`; a stage's
        own setting is not used. It is read when a method runs.

    n_jobs : int or None, default=None
        Number of threads of `transform`, read when it runs, and of the fit of the
        lexical stage. A stage's own `n_jobs` comes first; if both stages run as one,
        the projection's before the lexical stage's. None means 1 unless in a
        `joblib.parallel_config` context, -1 means all processors.

    random_state : int, RandomState instance or None, default=None
        Seed for a projection whose own value is None.

    verbose : bool, default=False
        Whether `fit` shows its steps on standard error, with progress bars for
        embedding and training; in a log, with lines. Also used for a stage whose own
        value is None.

    Attributes
    ----------
    lexical_ : estimator
        The fitted lexical stage.

    projection_ : ReLUProjection
        The fitted network.

    teacher_id_ : str or None
        Identity of the teacher: of a `CachedTeacher`, or the name of the model.
        None for other teachers, and if `fit` was given teacher embeddings.

    n_teacher_documents_ : int
        Number of documents of the fit with a teacher embedding. Each copy of a document
        counts, so it can be larger than `teacher_sample_size`.

    n_teacher_terms_ : int
        Number of terms of the lexical stage that the teacher embedded, according to
        `teacher_words`.

    n_samples_seen_ : int
        Number of documents of `fit` and of all calls of `partial_fit`, as in
        `ReLUProjection`.

    report_ : FitReport or None
        How close the student is to the teacher, as in `ReLUProjection`.

    stream_report_ : StreamReport or None
        What the fit has read from a `DocumentStream`, and how exactly it has counted
        the terms. None after a fit on documents in memory, and if the model comes from
        a file.

    drift_ : DriftReport or None
        How far the last `partial_fit` moved the vectors of documents:
        ``mean_cosine`` of the vectors before and after, and ``neighbors_kept``, the
        share of each document's nearest documents that stayed the nearest. It is about
        ``n_documents`` documents: ``past_documents`` if `partial_fit` got any
        (``is_past`` is then True), otherwise the new ones. None after a `fit`, and in
        a model from a file.

    See Also
    --------
    LexicalVectorizer : The lexical stage.
    ReLUProjection : The network, with the parameters of the training.
    CachedTeacher : Keeps teacher embeddings on disk.

    Notes
    -----
    A document without a known term is mapped to the zero vector. By default word pieces
    are terms, so a word that the corpus lacks has a vector too, which may mean nothing.
    An empty text, or a text in another script, has a zero vector. The same document has
    the same bits in any batch and for any `n_jobs`.

    Threads may share a model, and one of them may fit it again: the others use the old
    model until the new one is complete, and a call that has begun uses one of them to
    its end. A fit that fails or is interrupted leaves the model as it was.

    References
    ----------
    .. [1] Luxical: High-Speed Lexical-Dense Text Embeddings, :arxiv:`2512.09015`.

    Examples
    --------
    >>> from sklearn.decomposition import TruncatedSVD
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklux import LuxicalVectorizer
    >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
    >>> teacher = make_pipeline(TfidfVectorizer(), TruncatedSVD(3)).fit(documents)
    >>> vectorizer = LuxicalVectorizer(teacher, random_state=0).fit(documents)
    >>> vectorizer.transform(["an apple", "unknown"]).shape
    (2, 3)
    """

    # raw_documents is data, not metadata to be routed.
    __metadata_request__fit = {"raw_documents": metadata_routing.UNUSED}
    __metadata_request__transform = {"raw_documents": metadata_routing.UNUSED}
    __metadata_request__score = {"raw_documents": metadata_routing.UNUSED}

    # skrub gives an estimator with this attribute one column at a time.
    __single_column_transformer__ = True

    _parameter_constraints: dict[str, Any] = {
        "teacher": "no_validation",
        "lexical": [HasMethods(["fit_transform", "transform"]), None],
        "projection": [ReLUProjection, None],
        "teacher_sample_size": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
            None,
        ],
        "teacher_words": [StrOptions({"auto"}), "array-like", None],
        "teacher_halves": ["boolean"],
        "max_new_terms": [Interval(Integral, 0, None, closed="left")],
        "null_documents": [StrOptions(set(NULL_DOCUMENTS))],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
        "verbose": ["boolean"],
    }

    # `_adopt` sets them all at once.
    lexical_: BaseEstimator
    projection_: ReLUProjection
    teacher_id_: str | None
    n_teacher_terms_: int
    stream_report_: StreamReport | None
    drift_: DriftReport | None

    def __init__(
        self,
        teacher: object = None,
        *,
        lexical: BaseEstimator | None = None,
        projection: ReLUProjection | None = None,
        teacher_sample_size: int | Literal["auto"] | None = "auto",
        teacher_words: Sequence[str] | Literal["auto"] | None = "auto",
        teacher_halves: bool = False,
        max_new_terms: int = 50_000,
        null_documents: NullDocuments = "error",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ):
        self.teacher = teacher
        self.lexical = lexical
        self.projection = projection
        self.teacher_sample_size = teacher_sample_size
        self.teacher_words = teacher_words
        self.teacher_halves = teacher_halves
        self.max_new_terms = max_new_terms
        self.null_documents = null_documents
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        raw_documents: Iterable[str],
        y: object = None,
        *,
        teacher_embeddings: ArrayLike | None = None,
    ) -> Self:
        """Learn the terms, let the teacher embed the documents, and train the network.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples, or DocumentStream
            Documents. A `DocumentStream` is read in batches, several times, and need
            not fit into memory.

        y : object, default=None
            Class labels, if the `label_weight` of the projection is not 0: str, int,
            bool or whole floats; -1, a missing value or an empty string means that a
            document has no label. Ignored otherwise: pipelines pass the targets of
            their last step here. Without ``teacher_embeddings``, a
            dense matrix of numbers that are not all whole is an error: labels are whole
            numbers, and this matrix seems to hold teacher embeddings.

        teacher_embeddings : array-like of shape (n_samples, n_teacher_components), \
                default=None
            Teacher embeddings of the documents, in the same order, if you have them
            already: an array, or a column of vectors (of pandas, polars or Arrow).
            ``teacher`` is then called only for `teacher_words` and `teacher_halves`. A
            table with a column for each component gives the output columns its names,
            if `projection` allows it (``component_names_`` of `ReLUProjection`). A
            missing row, or a row of NaN, marks a document without a teacher embedding;
            the student still learns from that document.

        Returns
        -------
        self : object
            The fitted vectorizer.

        Raises
        ------
        ImportError
            If torch, or a library that the teacher needs, is not installed.
        TypeError
            If a document is not a str, or only some columns of a table of embeddings
            have names of type str.
        ValueError
            If there is no teacher, if y holds embeddings, if the teacher's embeddings
            do not fit the documents or all have the same direction, if there are fewer
            than two documents, or if `teacher_words` or `teacher_halves` cannot be used
            or embedded. Also for the reasons of `ReLUProjection.fit`.

        Warns
        -----
        ConvergenceWarning
            If the student should not be trusted, as in `ReLUProjection.fit`.
        UserWarning
            If rows of ``teacher_embeddings`` are all NaN or all zero, if words listed
            in `teacher_words` are not terms, or if the teacher looks up documents only.
        """
        documents = self._documents_of_fit(raw_documents, y, teacher_embeddings)
        teacher_id, embeddings = self._given(teacher_embeddings, documents)
        projection, lexical = self._new_projection(), self._new_lexical(documents)
        labels = _labels_of_fit(projection, documents, y)
        context = callback_context(self, 3)
        check_callback_levels(self, projection)
        with unchanged_on_error(self), fit_task(self, context, documents, y) as task:
            # A teacher that is loaded in here is released before the training.
            with loading_once():
                plan = self._word_plan(lexical)
                stages = lexical, projection
                warned = self._warn_of_memory(documents, embeddings, *stages, plan)
                # The terms come first: they take seconds, the teacher takes long.
                with task.part("terms"), stage("terms", self.verbose):
                    learnt = self._learn_terms(lexical, documents, embeddings, plan)
                    documents, embeddings, X, folding, stream = learnt
                    makes_views = self._makes_views(lexical, projection, X, embeddings)
                with task.part("teacher"):
                    given = documents, y, embeddings
                    terms, embeddings = self._embedded(*given, lexical, X, plan)
                    X = self._weigh_places(lexical, documents, embeddings, folding, X)
                    views = halves = None
                    if makes_views:
                        views = self._views(lexical, documents, folding)
                        halves = self._embedded_halves(documents, embeddings, views)
            corpus = self._corpus(stream, lexical, folding, embeddings, halves, views)
            release_free_memory()
            with task.part("training", projection):
                fit_projection(
                    projection,
                    *(X, embeddings, views, terms, copy_groups(documents), folding),
                    view_teacher=halves,
                    corpus=corpus,
                    labels=labels,
                    warns_of_missing=teacher_embeddings is not None,
                    warns_of_memory=not warned,
                )
            report = None if stream is None else stream.report
            self._adopt(lexical, projection, teacher_id, _n_terms(terms), report)
        return self

    def _given(
        self,
        teacher_embeddings: ArrayLike | None,
        documents: list[str] | DocumentStream,
    ) -> tuple[str | None, TeacherEmbeddings | None]:
        """Identity of the teacher of the documents; their embeddings if given."""
        if isinstance(documents, DocumentStream):
            has_embeddings = documents.embeddings is not None
            return None if has_embeddings else teacher_identity(self.teacher), None
        if teacher_embeddings is None:
            # A teacher without an identity is refused here, before any work.
            return teacher_identity(self.teacher), None
        n_documents = len(documents)
        return None, TeacherEmbeddings.of_documents(teacher_embeddings, n_documents)

    def _adopt(
        self,
        lexical: BaseEstimator,
        projection: ReLUProjection,
        teacher_id: str | None,
        n_teacher_terms: int,
        stream_report: StreamReport | None,
    ) -> None:
        """Set the fitted attributes, all at once."""
        before = vars(self).copy()
        fitted = {
            "lexical_": lexical,
            "projection_": projection,
            "teacher_id_": teacher_id,
            "n_teacher_terms_": n_teacher_terms,
            "stream_report_": stream_report,
            "drift_": None,
        }
        set_at_once(self, before, before | fitted)

    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self,
        raw_documents: Iterable[str],
        y: object = None,
        *,
        teacher_embeddings: ArrayLike | None = None,
        past_documents: Iterable[str] | None = None,
    ) -> Self:
        """Learn from new documents, and keep the space of the vectors.

        The vectors of before and after can be compared, so an index of old vectors
        stays in use. The map from the teacher's space and the layers after the first do
        not change. The terms keep their columns and their idf, and the new documents
        add terms (`max_new_terms`). The weights of a term change the less, the more
        earlier documents have it; ``projection__past_weight`` sets how much.

        The first call for an unfitted vectorizer is a `fit`.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            The new documents alone, at least two.

        y : object, default=None
            Ignored, as in `fit`.

        teacher_embeddings : array-like of shape (n_samples, n_teacher_components), \
                default=None
            Teacher embeddings of the new documents, as in `fit`. They must come from
            the teacher of `fit`; the columns of a table must have the names of fit, in
            the same order. Without them, ``teacher`` embeds the documents, at
            most `teacher_sample_size`. The target of a document without an embedding is
            the vector that the student gives it. ``teacher`` also embeds the words
            and word pieces of the new documents, unless `teacher_words` is None, but no
            halves.

        past_documents : iterable of str, default=None
            Some documents of earlier fits, for `drift_`. The student does not learn
            from them. A few thousand, drawn at random, are enough.

        Returns
        -------
        self : object
            The vectorizer. `report_` is about the new documents.

        Raises
        ------
        ImportError or TypeError
            As `fit`.
        ValueError
            As `fit`. Also if ``teacher`` is not the teacher of `fit`, if the model
            comes from a Luxical file or a file of an older version, or if
            ``past_documents`` are given to an unfitted vectorizer.

        Warns
        -----
        ConvergenceWarning or UserWarning
            As `fit`.

        See Also
        --------
        ReLUProjection.partial_fit : The same for features instead of text.

        Examples
        --------
        >>> from sklearn.decomposition import TruncatedSVD
        >>> from sklearn.feature_extraction.text import TfidfVectorizer
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> news = ["a fast train", "a slow train", "a red train"] * 5
        >>> teacher = make_pipeline(TfidfVectorizer(), TruncatedSVD(3))
        >>> teacher = teacher.fit(documents + news)
        >>> vectorizer = LuxicalVectorizer(teacher, random_state=0).fit(documents)
        >>> vectorizer = vectorizer.partial_fit(news, past_documents=documents)
        >>> "word__train" in vectorizer.lexical_.vocabulary_
        True
        >>> bool(vectorizer.drift_.mean_cosine > 0.9)
        True
        """
        if not self.__sklearn_is_fitted__():
            _check_no_past(past_documents)
            with _called("partial_fit"):
                return self.fit(raw_documents, y, teacher_embeddings=teacher_embeddings)
        with _called("partial_fit"):
            documents = _in_memory(
                self._documents_of_fit(raw_documents, y, teacher_embeddings)
            )
        teacher_id, embeddings = self._given(teacher_embeddings, documents)
        _check_same_teacher(self.teacher_id_, teacher_id)
        compared = documents
        if past_documents is not None:
            compared = check_documents(past_documents, self.null_documents)
        before = self._embed(compared)
        with changed_at_once(self) as new:
            new._update(documents, embeddings)
            after = new._embed(compared)
            new.drift_ = drift_report(before, after, past_documents is not None)
        _fused_transforms.hand_over(new, self)
        return self

    def _update(
        self, documents: list[str], embeddings: TeacherEmbeddings | None
    ) -> None:
        """Add the terms of new documents, and change the weights."""
        projection, student = self._new_projection(), student_of(self.projection_)
        adopt_student(projection, student)
        if embeddings is not None:
            # Before the teacher embeds words, which may take long.
            check_can_update(student, embeddings)
        with stage("terms", self.verbose):
            lexical = self._extended_lexical(documents, projection)
            X = self._lexical_rows(lexical, documents)
        folding = _folding(lexical, X)
        X = _learnt_form(X, folding)
        views = None
        if self._makes_views(lexical, projection, X):
            views = self._views(lexical, documents, folding)
        plan = TERMS_OF_DOCUMENTS if self._embeds_terms(lexical) else DOCUMENTS_ALONE
        with loading_once():
            given = documents, None, embeddings
            terms, embeddings = self._embedded(*given, lexical, X, plan)
        release_free_memory()
        groups = copy_groups(documents)
        update_projection(projection, X, embeddings, views, groups, folding, terms)
        stream_report = vars(self).get("stream_report_")
        facts = self.teacher_id_, self.n_teacher_terms_, stream_report
        self._adopt(lexical, projection, *facts)

    def _extended_lexical(
        self, documents: list[str], projection: ReLUProjection
    ) -> BaseEstimator:
        """The fitted lexical stage, with terms of the new documents."""
        if not isinstance(self.lexical_, LexicalVectorizer):
            return self.lexical_
        n_documents = projection.n_samples_seen_ + len(documents)
        with self._lexical_context():
            return with_new_terms(
                self.lexical_, documents, self.max_new_terms, n_documents
            ).stage

    def fit_transform(
        self,
        raw_documents: Iterable[str],
        y: object = None,
        *,
        teacher_embeddings: ArrayLike | None = None,
    ) -> np.ndarray:
        """Fit, and return the vectors of the same documents.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            Documents.

        y : object, default=None
            Class labels or ignored, as in `fit`. Pipelines pass the targets of their
            last step here, which may be a regression with several outputs. So, without
            ``teacher_embeddings``, a y is an error only if it can hardly be anything
            but teacher embeddings: a dense matrix of numbers that are not all whole,
            with as many columns as the teacher's embeddings; with 4 columns or more,
            and rows of unit length; or with 16 columns or more, and negative numbers.

        teacher_embeddings : array-like of shape (n_samples, n_teacher_components), \
                default=None
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components), dtype=np.float32
            Rows of unit length, equal to ``fit(...).transform(raw_documents)``.

        Raises
        ------
        ImportError, TypeError or ValueError
            As `fit`.

        Warns
        -----
        ConvergenceWarning or UserWarning
            As `fit`.
        """
        documents: Any = raw_documents
        if not isinstance(raw_documents, DocumentStream):
            documents = check_documents(raw_documents, self.null_documents)
        with _called("fit_transform"):
            self.fit(documents, y, teacher_embeddings=teacher_embeddings)
        return self._embed(documents)

    def transform(self, raw_documents: Iterable[str]) -> np.ndarray:
        """Map documents to dense vectors.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            Documents.

        Returns
        -------
        ndarray of shape (n_samples, n_components), dtype=np.float32
            Rows of unit length; the row of a document without a known term is zero.

        Raises
        ------
        TypeError
            If a document is not a str.
        ValueError
            If a document is missing and `null_documents` is 'error', or the lexical
            stage returns values that are not finite.
        """
        # check_is_fitted takes as long as the reading of a short text.
        if "projection_" not in vars(self):
            check_is_fitted(self)
        return self._embed(raw_documents)

    def _embed(self, raw_documents: Iterable[str]) -> np.ndarray:
        """Vectors of documents; set_output wraps the public callers."""
        # Another thread may fit the vectorizer at the same time.
        now = state_copy(self)
        fused = now._fused_transform(self)
        if fused is not None:
            n_jobs = now._first_n_jobs(now.projection_, now.lexical_, now)
            blocks = text_buffers(raw_documents, null_documents=now.null_documents)
            return fused(blocks, n_jobs)
        return now._embed_by_stages(raw_documents)

    def _embed_by_stages(self, raw_documents: Iterable[str]) -> np.ndarray:
        """Vectors of documents, if the kernels do not read them."""
        documents = check_documents(raw_documents, self.null_documents)
        if not documents:
            # The lexical stage refuses to transform nothing.
            return np.empty((0, self._n_features_out), dtype=np.float32)
        with self._lexical_context():
            X = self.lexical_.transform(documents)
        X = sparse.csr_matrix(X, dtype=np.float32)
        if not np.isfinite(X.data).all():
            raise ValueError(
                "The lexical stage returned NaN or infinite values. Its idf may be "
                "infinite: fit it with smooth_idf=True."
            )
        n_jobs = self._first_n_jobs(self.projection_, self)
        return apply_network(X, network_of(self.projection_), n_jobs)

    @staticmethod
    def _first_n_jobs(*estimators: BaseEstimator) -> int | None:
        """The first n_jobs that is not None."""
        for estimator in estimators:
            if estimator.n_jobs is not None:
                return estimator.n_jobs
        return None

    def _fused_transform(self, owner: Self | None = None) -> FusedTransform | None:
        """Both stages in one kernel, kept until one of them changes.

        None if the kernels do not support a setting. This depends on the stages only,
        never on the documents. The kernel is kept for ``owner``, of which this model is
        a copy.
        """
        lexical, network = self.lexical_, network_of(self.projection_)
        if not isinstance(lexical, LexicalVectorizer):
            return None
        return _fused_transforms.get(
            self if owner is None else owner,
            lambda: (*lexical_settings(lexical), network),
            lambda: fused_transform(lexical, network),
        )

    @property
    def n_teacher_documents_(self) -> int:
        """Number of documents of the fit with a teacher embedding."""
        return self._projection_attribute("n_teacher_documents_")

    @property
    def n_samples_seen_(self) -> int:
        """Number of documents of all fits."""
        return self._projection_attribute("n_samples_seen_")

    @property
    def report_(self) -> FitReport | None:
        """How close the student is to the teacher."""
        return self._projection_attribute("report_")

    def _projection_attribute(self, name: str) -> Any:
        """An attribute of the fitted network."""
        if "projection_" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
            )
        return getattr(self.projection_, name)

    def score(
        self,
        raw_documents: Iterable[str],
        y: object = None,
        *,
        teacher_embeddings: ArrayLike | None = None,
    ) -> float:
        """Share of the teacher's nearest documents that the student finds too.

        `GridSearchCV` and other searches use this score unless they have a
        ``scoring``: it compares settings without labels. Compare scores of the same
        documents only.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            At least 3 documents that were not used in `fit`. Texts that differ at most
            in white space and case are copies; only the first one is compared. If there
            are more than 2,000 different documents, a sample of 2,000 is compared,
            drawn as for `teacher_sample_size`.

        y : object, default=None
            Ignored. Searches pass class labels here. A y that seems to hold teacher
            embeddings is an error, as in `fit`.

        teacher_embeddings : array-like of shape (n_samples, n_teacher_components), \
                default=None
            Teacher embeddings of the documents, if you have them already; otherwise
            ``teacher`` embeds the documents. Rows that are all NaN or zero are left
            out.

        Returns
        -------
        float
            Between 0 and 1. As in `report_`, the 10 nearest documents are compared; for
            fewer than 20 different documents, half their number.

        Raises
        ------
        ValueError
            If there is no teacher, y holds embeddings, the teacher's vectors do not fit
            the documents, or there are fewer than 3 different documents.

        See Also
        --------
        sklux.metrics.neighbor_recall_score : The same score of given vectors.

        Examples
        --------
        >>> from sklearn.decomposition import TruncatedSVD
        >>> from sklearn.feature_extraction.text import TfidfVectorizer
        >>> from sklearn.model_selection import GridSearchCV
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> teacher = make_pipeline(TfidfVectorizer(), TruncatedSVD(3)).fit(documents)
        >>> search = GridSearchCV(
        ...     LuxicalVectorizer(teacher, random_state=0),
        ...     {"projection__n_components": [2, 3]},
        ...     cv=2,
        ... ).fit(documents)
        >>> bool(0 <= search.best_score_ <= 1)
        True
        """
        check_is_fitted(self)
        documents = check_documents(raw_documents, self.null_documents)
        self._check_teacher("score", y, teacher_embeddings)
        if teacher_embeddings is None:
            places = _compared(documents, np.arange(len(documents)), MAX_SCORED)
            documents = [documents[i] for i in places]
            teacher = teacher_vectors(
                self.teacher, documents, bool(self.verbose), positions=places
            )
            is_embedded = has_embedding(teacher)
            documents = [documents[i] for i in np.flatnonzero(is_embedded)]
            teacher = teacher[is_embedded]
        else:
            given = TeacherEmbeddings.of_documents(teacher_embeddings, len(documents))
            places = _compared(documents, np.flatnonzero(given.is_embedded), MAX_SCORED)
            documents = [documents[i] for i in places]
            teacher = given.vectors[places]
        if len(documents) < MIN_DOCUMENTS:
            raise ValueError(
                "score compares documents with each other, and needs at least "
                f"{MIN_DOCUMENTS} different ones. Got {len(documents)}."
            )
        return neighbor_recall(
            unit_rows(teacher),
            unit_rows(self._embed(documents)),
            n_neighbors_compared(len(documents)),
        )

    def truncate(self, n_components: int) -> Self:
        """Return the same model with fewer output dimensions.

        The first dimensions hold most of the information, so a short vector is nearly
        as good as the whole vector: see :meth:`ReLUProjection.truncate`.

        Parameters
        ----------
        n_components : int
            Number of dimensions to keep.

        Returns
        -------
        LuxicalVectorizer
            A fitted model with unit rows of that width, whose `report_` is None. This
            model does not change.

        Raises
        ------
        ValueError
            If ``n_components`` is not an int from 1 to the width of this model.

        Examples
        --------
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> vectorizer.transform(documents).shape
        (20, 3)
        >>> vectorizer.truncate(2).transform(documents).shape
        (20, 2)
        """
        now = state_copy(self)
        check_is_fitted(now)
        return now._with_projection(now.projection_.truncate(n_components))

    def with_labels(
        self,
        raw_documents: Iterable[str],
        y: ArrayLike,
        *,
        label_weight: float | Literal["auto"] = "auto",
    ) -> Self:
        """Return the same model with vectors that set classes apart.

        This is for labels that come after the fit. A linear head is learnt on the
        vectors of the labelled documents, and the last layer takes it in, so
        `transform` is as fast as before: see `label_weight` of `ReLUProjection`.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            Documents with labels, and a thousand others if you have them: these tell
            how the last layer changes.

        y : array-like of shape (n_samples,)
            Class labels: str, int, bool or whole floats. -1, a missing value or an
            empty string means that a document has no label; so does a label that no
            other document has.

        label_weight : float or 'auto', default='auto'
            Weight of the classes, as in `ReLUProjection`.

        Returns
        -------
        LuxicalVectorizer
            A fitted model whose ``projection__label_weight`` is ``label_weight``. What
            ``'auto'`` has chosen is ``projection_.label_weight_``. Its `report_` is
            None if the vectors have changed. This model does not change.

        Raises
        ------
        ValueError
            If y has fewer than two classes of two documents, holds other numbers or has
            another length, or ``label_weight`` is not 'auto' or a number from 0 to
            1000.

        Examples
        --------
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> y = ["moving", "moving", "still", "still"] + [""] * 16
        >>> apart = vectorizer.with_labels(documents, y, label_weight=1.0)
        >>> apart.transform(documents).shape
        (20, 3)
        """
        now = state_copy(self)
        check_is_fitted(now)
        documents = check_documents(raw_documents, now.null_documents)
        projection = copy(now.projection_).set_params(label_weight=label_weight)
        check_parameters(projection)
        labels = Labels.of(y, len(documents), "y")
        X = now._lexical_rows(now.lexical_, documents)
        model = now._with_projection(separate(projection, X, labels))
        return model.set_params(projection__label_weight=label_weight)

    def _with_projection(self, projection: ReLUProjection) -> Self:
        """Return the same model with another fitted network."""
        model = clone(self)
        lexical = deepcopy(self.lexical_)
        # Models of older pickles have no report of a stream.
        stream_report = vars(self).get("stream_report_")
        facts = self.teacher_id_, self.n_teacher_terms_, stream_report
        model._adopt(lexical, projection, *facts)
        return model

    def project_teacher(self, embeddings: ArrayLike) -> np.ndarray:
        """Map teacher vectors into the student's space.

        A query that the teacher has embedded can then search among documents that the
        student has embedded.

        Parameters
        ----------
        embeddings : array-like of shape (n_samples, n_teacher_components)
            Teacher vectors, of any length.

        Returns
        -------
        ndarray of shape (n_samples, n_components), dtype=np.float32
            Rows of unit length; zero rows stay zero.

        Raises
        ------
        ValueError
            If the width of the vectors differs from the teacher's, or the model comes
            from a Luxical file.

        Examples
        --------
        A query that the teacher has embedded, and the nearest of four documents:

        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> query = vectorizer.project_teacher([[0.1, 0.4, 0.9]])
        >>> cosines = vectorizer.transform(documents[:4]) @ query[0]
        >>> documents[cosines.argmax()]
        'a slow car'
        """
        check_is_fitted(self)
        return self.projection_.project_teacher(embeddings)

    def quantize(self, dtype: Literal["float32", "float16", "int8"]) -> Self:
        """Return the same model with the first layer's weights in another type.

        These weights are nearly all of a model's size. By default a fit stores int8,
        the smallest type. Rounding cannot be undone: to get float16 or float32, fit a
        model with ``projection__weights_dtype='float32'``, and quantize that one.

        Parameters
        ----------
        dtype : {'float32', 'float16', 'int8'}
            Type of the stored weights. Each int8 row has a float32 factor. All sums
            are computed in float32, and the vectors stay float32.

        Returns
        -------
        LuxicalVectorizer
            A fitted model, whose ``projection__weights_dtype`` is ``dtype``, so that
            another fit gives the same type. This model does not change, nor does a
            pipeline that holds it: see the guide, "Speed, memory and sizes".

        Raises
        ------
        ValueError
            If ``dtype`` is not one of these, or a weight of the first layer is NaN or
            infinite.

        Warns
        -----
        UserWarning
            If rows of the first layer lose digits, because they are more than 2.5e8
            times smaller than the largest row (float16), or 1e35 times (int8).

        See Also
        --------
        ReLUProjection : Its `weights_dtype` makes `fit` store this type.

        Examples
        --------
        >>> import numpy as np
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> small = vectorizer.quantize("int8")
        >>> error = small.transform(documents) - vectorizer.transform(documents)
        >>> bool(np.abs(error).max() < 0.02)
        True
        """
        now = state_copy(self)
        check_is_fitted(now)
        name = getattr(dtype, "__name__", None) or str(dtype)
        if name not in WEIGHT_DTYPES:
            raise ValueError(
                "The 'dtype' parameter of quantize must be one of "
                f"{list(WEIGHT_DTYPES)}. Got {dtype!r} instead."
            )
        network = network_of(now.projection_).quantized(name)
        model = now._with_projection(with_network(now.projection_, network))
        template = ReLUProjection() if now.projection is None else now.projection
        if template.weights_dtype != name:
            model.set_params(projection__weights_dtype=name)
        return model

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model to one file, without pickle.

        The teacher is not saved, only its identity (`teacher_id_`).

        Parameters
        ----------
        path : str or path-like
            File to write. An existing file is replaced when the new one is complete
            and on the disk. If the process is killed, the old file or the new one is
            there, and the next `save` removes the temporary file.

        Raises
        ------
        TypeError
            If the file cannot hold the lexical stage or a parameter; use `joblib.dump`
            then.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "model.sklux"
        ...     vectorizer.save(path)
        ...     same = LuxicalVectorizer.load(path)
        >>> bool((same.transform(documents) == vectorizer.transform(documents)).all())
        True
        """
        now = state_copy(self)
        check_is_fitted(now)
        own = {name: getattr(now, name) for name in SAVED_PARAMETERS}
        if not isinstance(now.teacher_words, str | None):
            own["teacher_words"] = [
                str(word) for word in check_words(now.teacher_words)
            ]
        # A path would mean another file, or none, where the model is loaded.
        tokenizers = tokenizer_of_path(now.lexical_)
        state = {
            "sklux_version": version("sklux"),
            "params": json_params(type(now).__name__, own),
            "lexical": (
                None if now.lexical is None else lexical_params(now.lexical, tokenizers)
            ),
            "projection": (
                None if now.projection is None else projection_params(now.projection)
            ),
            "lexical_": lexical_params(now.lexical_, tokenizers),
            "projection_": projection_state(now.projection_),
            "teacher_id": now.teacher_id_,
            "n_taught_terms": now.n_teacher_terms_,
        }
        tensors = lexical_tensors(now.lexical_)
        tensors |= projection_tensors(now.projection_)
        state["tables"], tables = now._tables(len(tensors["term_offsets"]) - 1, self)
        tensors |= tables
        write_model(path, tensors, state, aligned_tensor="coefs.0")

    def _tables(
        self, n_terms: int, owner: Self
    ) -> tuple[dict[str, Any] | None, dict[str, np.ndarray]]:
        """The look-up tables for a file; none if the kernels do not use them."""
        if n_terms != network_of(self.projection_).n_features:
            # The stages do not fit together, and `load` says so.
            return None, {}
        try:
            fused = self._fused_transform(owner)
        except ImportError:
            # Word pieces that need the tokenizers library cannot be read here.
            fused = None
        return (None, {}) if fused is None else ready_tensors(fused.reader)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        mmap_mode: Literal["r"] | None = None,
        verify: bool = True,
    ) -> Self:
        """Read a model that `save` wrote; torch is not needed.

        Parameters
        ----------
        path : str or path-like
            File to read.

        mmap_mode : {'r', None}, default=None
            With ``'r'`` the weights and the look-up tables stay in the file, and
            processes share them. The file must not change: replace it by `save`, which
            makes a new file. If another program shortens it, the system ends the
            process.

        verify : bool, default=True
            Whether to compare checksums, which reads the whole file, and to refuse
            settings that a forged file could misuse: ``input='filename'``, a
            `token_pattern` or a tokenizer that may take very long. If False, only
            the header, the offsets, the shapes and the places of the weight rows are
            checked, and weights that stay in the file are not searched for NaN. Use
            False only for files that you trust.

        Returns
        -------
        LuxicalVectorizer
            Fitted, with ``teacher=None``.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is not a model file, is damaged, has a newer format, or holds
            what a forged file could misuse.

        Examples
        --------
        A mapped file of any size opens in milliseconds, and processes that map it share
        its weights:

        >>> import tempfile
        >>> from pathlib import Path
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> embeddings = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=embeddings
        ... )
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "model.sklux"
        ...     vectorizer.save(path)
        ...     model = LuxicalVectorizer.load(path, mmap_mode="r", verify=False)
        ...     model.transform(["a slow apple"]).shape
        (1, 3)
        """
        if mmap_mode not in (None, "r"):
            raise ValueError(
                "The 'mmap_mode' parameter of load must be 'r' or None. Got "
                f"{mmap_mode!r} instead."
            )
        tensors, state = read_model(path, mmap_mode=mmap_mode, verify=verify)
        try:
            return cls._from_state(tensors, state, verify)
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
        ) as error:
            raise ValueError(
                f"The model file {os.fspath(path)!r} lacks a part, or a part "
                f"is of the wrong kind: {error!r}. Save the model again."
            ) from error

    @classmethod
    def _from_state(
        cls, tensors: dict[str, np.ndarray], state: dict[str, Any], verify: bool
    ) -> Self:
        """Build a fitted vectorizer from what a file holds."""
        _check_names(tensors, state)
        lexical, projection = state["lexical"], state["projection"]
        model = cls(
            lexical=(
                None
                if lexical is None
                else lexical_from_params(lexical, tensors, verify)
            ),
            projection=(
                None if projection is None else projection_from_params(projection)
            ),
            **state["params"],
        )
        model._validate_params()
        model.lexical_ = restore_lexical(
            lexical_from_params(state["lexical_"], tensors, verify),
            tensors,
            verify,
            state.get("tables"),
        )
        model.projection_ = restore_projection(state["projection_"], tensors, verify)
        n_features = len(tensors["term_offsets"]) - 1
        if n_features != model.projection_.n_features_in_:
            raise ValueError(
                f"The model has {n_features} terms, but weights for "
                f"{model.projection_.n_features_in_}."
            )
        model.teacher_id_ = state["teacher_id"]
        model.drift_ = None
        # The name in the file is older than the attribute's; older files have none.
        model.stream_report_ = None
        model.n_teacher_terms_ = checked_count(
            state.get("n_taught_terms", 0), "terms with a teacher embedding"
        )
        if verify:
            # Without the tokenizers library, a model may be loaded but not used.
            with suppress(ImportError):
                model._fused_transform()
        return model

    def set_params(self, **params: object) -> Self:
        """Set parameters; a stage that is None becomes the default stage if needed.

        Parameters
        ----------
        **params : dict
            Parameters, such as ``lexical__ngram_range`` or
            ``projection__n_components``.

        Returns
        -------
        self : object
            The vectorizer.

        Examples
        --------
        >>> from sklux import LuxicalVectorizer
        >>> vectorizer = LuxicalVectorizer().set_params(projection__n_components=128)
        >>> vectorizer.projection
        ReLUProjection(n_components=128)
        """
        for name, default in (
            ("lexical", default_lexical_stage),
            ("projection", ReLUProjection),
        ):
            is_nested = any(key.startswith(f"{name}__") for key in params)
            if is_nested and params.get(name, getattr(self, name)) is None:
                params[name] = default()
        return super().set_params(**params)

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Get output feature names.

        Parameters
        ----------
        input_features : object, default=None
            Ignored. It is here for pipelines.

        Returns
        -------
        ndarray of shape (n_components,), dtype=object
            Names of the teacher's columns, if the output columns are these
            (``component_names_`` of `ReLUProjection`); otherwise
            ``luxicalvectorizer0``, ``luxicalvectorizer1``, ...

        Examples
        --------
        >>> import pandas as pd
        >>> from sklux import LuxicalVectorizer
        >>> documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
        >>> scores = {"fruit": [9.0, 8.0, 1.0, 1.0], "speed": [0.0, 1.0, 9.0, 4.0]}
        >>> scores = pd.concat([pd.DataFrame(scores)] * 5)
        >>> vectorizer = LuxicalVectorizer(random_state=0).fit(
        ...     documents, teacher_embeddings=scores
        ... )
        >>> vectorizer.get_feature_names_out()
        array(['fruit', 'speed'], dtype=object)
        """
        check_is_fitted(self)
        names = component_names_of(self.projection_)
        if names is None:
            return super().get_feature_names_out(input_features)
        return names.copy()

    @property
    def _n_features_out(self) -> int:
        """Number of output columns, for `get_feature_names_out`."""
        return self.projection_.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        return has_fitted_attributes(self)

    def _sk_visual_block_(self) -> object:
        """The diagram: one stage after the other, as scikit-learn draws a pipeline."""
        lexical, projection = self.lexical, self.projection
        stages = [
            ("lexical", default_lexical_stage() if lexical is None else lexical),
            ("projection", ReLUProjection() if projection is None else projection),
        ]
        return Pipeline(stages)._sk_visual_block_()

    def __sklearn_clone__(self) -> Self:
        """Copy the parameters and the stages, and share the teacher."""
        if isinstance(self.teacher, CachedTeacher):
            return clone_sharing(self, None)
        return clone_sharing(self, "teacher")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _check_teacher(
        self, method: str, y: object, teacher_embeddings: object
    ) -> None:
        """Refuse to start without a teacher, or with its embeddings as y."""
        if self.teacher is not None:
            check_teacher(self.teacher)
        if teacher_embeddings is not None:
            return
        if self.teacher is not None:
            _check_no_embeddings(method, y)
            return
        if len(shape_of(y)) == 2 or may_be_embeddings(y):
            raise ValueError(
                f"y, the second positional argument of {method}, is ignored. Pass "
                f"teacher embeddings by name: {method}(documents, "
                f"teacher_embeddings=...). Got y of shape {shape_of(y)} and no teacher."
            )
        purpose = "compare with" if method == "score" else "learn from"
        raise ValueError(
            f"LuxicalVectorizer has no teacher to {purpose}. Set teacher=, for "
            "instance CachedTeacher('all-MiniLM-L6-v2'), or pass "
            f"{method}(documents, teacher_embeddings=...)."
        )

    def _documents_of_fit(
        self,
        raw_documents: Iterable[str],
        y: object,
        teacher_embeddings: ArrayLike | None,
    ) -> list[str] | DocumentStream:
        """The documents, if there are enough of them and something to learn from."""
        if isinstance(raw_documents, DocumentStream):
            _check_no_second_embeddings(raw_documents, teacher_embeddings)
            self._check_teacher(_method.get(), y, raw_documents.embeddings)
            return raw_documents
        documents = check_documents(raw_documents, self.null_documents)
        _check_n_documents(len(documents))
        self._check_teacher(_method.get(), y, teacher_embeddings)
        return documents

    @contextmanager
    def _lexical_context(self) -> Iterator[None]:
        """A context for the lexical stage: its threads, and no tables as output.

        A stage with n_jobs=None uses this n_jobs. The setting `transform_output` of
        scikit-learn is for the vectors; tables cannot hold a sparse matrix.
        """
        threads: AbstractContextManager[object] = nullcontext()
        if self.n_jobs is not None:
            n_threads = thread_count(self.n_jobs)
            threads = parallel_config(backend="threading", n_jobs=n_threads)
        with threads, config_context(transform_output="default"):
            yield

    def _new_projection(self) -> ReLUProjection:
        """The network to fit: a clone, with this seed and verbosity if it has none."""
        projection = (
            ReLUProjection() if self.projection is None else clone(self.projection)
        )
        for name in ("random_state", "verbose"):
            if getattr(projection, name) is None:
                projection.set_params(**{name: getattr(self, name)})
        check_parameters(projection)
        return projection

    def _new_lexical(self, documents: list[str] | DocumentStream) -> BaseEstimator:
        """The lexical stage to fit: a clone, with this rule for missing documents."""
        lexical = (
            default_lexical_stage() if self.lexical is None else clone(self.lexical)
        )
        # scikit-learn's own vectorizers do not have the parameter.
        if "null_documents" in lexical.get_params(deep=False):
            lexical.set_params(null_documents=self.null_documents)
        self._check_halves(lexical)
        if isinstance(documents, DocumentStream):
            check_stage(lexical)
        return lexical

    def _check_halves(self, lexical: BaseEstimator) -> None:
        """Refuse `teacher_halves` if the teacher cannot embed halves."""
        if not self.teacher_halves:
            return
        if self.teacher is None:
            raise ValueError(
                "teacher_halves=True needs a teacher, which embeds the halves of the "
                "documents, but teacher is None. Set teacher to the model that made "
                "teacher_embeddings, or set teacher_halves=False."
            )
        source = getattr(lexical, "input", "content")
        if source != "content":
            raise ValueError(
                "teacher_halves=True needs the two halves of each document, but the "
                f"lexical stage has input={source!r}: LuxicalVectorizer cannot split "
                "what it does not read. Read the texts, and set input='content'; or "
                "set teacher_halves=False."
            )

    def _word_plan(self, lexical: BaseEstimator) -> WordPlan:
        """Which words the teacher embeds; checked before any work."""
        if self.teacher_words is None:
            return DOCUMENTS_ALONE
        can_add = isinstance(lexical, LexicalVectorizer) and takes_words(lexical)
        if not isinstance(self.teacher_words, str):
            return self._plan_for_list(self.teacher_words, lexical, can_add)
        if not self._embeds_terms(lexical):
            return DOCUMENTS_ALONE
        if not can_add:
            return TERMS_ALONE
        with (
            _naming_parameter(
                "reading the vocabulary of the teacher's tokenizer", NO_TEACHER_WORDS
            ),
            stage("words of the teacher", self.verbose),
        ):
            return WordPlan(True, tuple(words_of_teacher(self.teacher)))

    def _embeds_terms(self, lexical: BaseEstimator) -> bool:
        """Whether there is a teacher that embeds words, and a stage that has them."""
        if self.teacher is None or self.teacher_words is None:
            return False
        has_words = isinstance(lexical, CountVectorizer)
        return has_words and lexical.analyzer not in ("char", "char_wb")

    def _plan_for_list(
        self, listed: Sequence[str], lexical: BaseEstimator, can_add: bool
    ) -> WordPlan:
        """The plan for words that the user has listed."""
        words = check_words(listed)
        if self.teacher is None:
            raise ValueError(
                "teacher_words needs a teacher that embeds them. Set teacher= in "
                "addition to teacher_embeddings, or teacher_words='auto'."
            )
        if not can_add:
            raise ValueError(
                "A list of teacher_words needs a LexicalVectorizer whose terms are "
                f"words, read without functions of your own. Got {lexical!r}: change "
                "it, or set teacher_words='auto'."
            )
        return WordPlan(True, tuple(words), is_list=True)

    def _warn_of_memory(
        self,
        documents: list[str] | DocumentStream,
        embeddings: TeacherEmbeddings | None,
        lexical: BaseEstimator,
        projection: ReLUProjection,
        plan: WordPlan,
    ) -> bool:
        """Warn if the fit may need more memory than is available, before any work."""
        if (
            isinstance(documents, DocumentStream)
            or not isinstance(lexical, CountVectorizer)
            or lexical.input != "content"
        ):
            # The number of terms cannot be guessed; the training checks it.
            return False
        n_documents = len(documents)
        n_embedded, width = self._sample_size(n_documents), GUESSED_TEACHER_WIDTH
        if embeddings is not None:
            n_embedded, width = embeddings.n_embedded, embeddings.n_components
        size = guessed_size(
            projection,
            n_documents=n_documents,
            n_characters=sum(map(len, documents)),
            max_features=lexical.max_features,
            n_words=len(plan.words),
            n_teacher_components=width,
            n_embedded=n_embedded,
            embeds_terms=plan.embeds_terms,
            embeds_views=self.teacher_halves,
        )
        return warn_of_memory(size, is_guessed=True, has_vectors=embeddings is not None)

    def _sample_size(self, n_documents: int) -> int:
        """Maximum number of texts that the teacher embeds."""
        size = self.teacher_sample_size
        if size == "auto":
            size = DEFAULT_TEACHER_SAMPLE_SIZE
        return n_documents if size is None else min(int(size), n_documents)

    def _learn_terms(
        self,
        lexical: BaseEstimator,
        documents: list[str] | DocumentStream,
        embeddings: TeacherEmbeddings | None,
        plan: WordPlan,
    ) -> tuple[
        list[str],
        TeacherEmbeddings | None,
        Rows,
        Folding | None,
        ReadStream | None,
    ]:
        """Fit the lexical stage; what is in memory of the documents from here on."""
        if not isinstance(documents, DocumentStream):
            X, folding = self._fit_lexical(lexical, documents, plan)
            return documents, embeddings, X, folding, None
        with self._lexical_context():
            stream = read_stream(lexical, documents, self.null_documents, plan.words)
        _check_n_documents(stream.report.n_documents)
        if plan.is_list and stream.lost:
            self._warn_of_lost_words(plan, stream.lost)
        texts, vectors = stream.sample.documents, stream.sample.vectors
        if vectors is not None:
            embeddings = TeacherEmbeddings.of_rows(vectors, STREAM_NAME)
        rows = self._lexical_rows(lexical, texts)
        folding = _folding(lexical, rows)
        return texts, embeddings, _learnt_form(rows, folding), folding, stream

    def _corpus(
        self,
        stream: ReadStream | None,
        lexical: BaseEstimator,
        folding: Folding | None,
        embeddings: TeacherEmbeddings,
        halves: TeacherEmbeddings | None,
        views: sparse.csr_matrix | None,
    ) -> Corpus | None:
        """The corpus that the epochs read; None if all of it is in memory."""
        if stream is None or stream.sample.is_whole:
            return None

        def rows_of(documents: list[str]) -> sparse.csr_matrix:
            return _learnt_form(self._lexical_rows(lexical, documents), folding)

        def views_of(documents: list[str]) -> sparse.csr_matrix | None:
            if views is None:
                return None
            return self._views(lexical, documents, folding)

        return stream.corpus(embeddings, halves, rows_of, views_of)

    def _fit_lexical(
        self, lexical: BaseEstimator, documents: list[str], plan: WordPlan
    ) -> tuple[Rows, Folding | None]:
        """Fit the lexical stage; its matrix of the documents, as it is learnt."""
        X: Rows
        lost: list[str] = []
        with self._lexical_context():
            if plan.words:
                X, extension = fit_with_words(lexical, documents, plan.words)
                lost = extension.lost
            else:
                X = lexical.fit_transform(documents)
        if not sparse.issparse(X):
            return X, None
        X = sparse.csr_matrix(X)
        check_has_values(X, "The matrix of the lexical stage")
        if plan.is_list and lost:
            self._warn_of_lost_words(plan, lost)
        folding = _folding(lexical, X)
        return _learnt_form(X, folding), folding

    def _warn_of_lost_words(self, plan: WordPlan, lost: list[str]) -> None:
        """Say which listed words are not terms."""
        warn_caller(
            f"{len(lost)} of {len(plan.words)} teacher_words cannot become terms of "
            f"the lexical stage, the first of them {lost[0]!r}. Either a word is not a "
            "single token, or the max_features of the stage leave no room, or its stop "
            "words, min_df or max_df leave the word out.",
            UserWarning,
        )

    def _weigh_places(
        self,
        lexical: BaseEstimator,
        documents: list[str],
        embeddings: TeacherEmbeddings,
        folding: Folding | None,
        X: Rows,
    ) -> Rows:
        """Choose the position weight of the stage, if it is open; the new matrix.

        The weight is chosen by how well documents with a teacher embedding are
        predicted from others, without labels and without a training.
        """
        if not has_open_position_weight(lexical):
            return X
        embedded = np.flatnonzero(embeddings.is_embedded)
        places = _compared(documents, embedded, 2 * MAX_COMPARED)
        texts = [documents[i] for i in places]

        def rows_of(weight: float) -> sparse.csr_matrix:
            lexical.set_params(position_weight=weight)
            return _learnt_form(self._lexical_rows(lexical, texts), folding)

        with stage("weights of places", self.verbose):
            weight = best_setting(rows_of, embeddings.unit(places), POSITION_WEIGHTS)
            lexical.set_params(position_weight=weight)
            if weight == 0:
                return X
            return _learnt_form(self._lexical_rows(lexical, documents), folding)

    def _lexical_rows(
        self, lexical: BaseEstimator, documents: Iterable[str]
    ) -> sparse.csr_matrix:
        """Rows of the fitted lexical stage."""
        with self._lexical_context():
            return sparse.csr_matrix(lexical.transform(documents), dtype=np.float32)

    def _makes_views(
        self,
        lexical: BaseEstimator,
        projection: ReLUProjection,
        X: Rows,
        embeddings: TeacherEmbeddings | None = None,
    ) -> bool:
        """Whether the training uses halves of the documents; checked before it."""
        if self.teacher_halves:
            return True
        if not uses_views(projection, sparse.csr_matrix(X), embeddings):
            return False
        source = getattr(lexical, "input", "content")
        if source != "content":
            # Half of a file's name names no file.
            _check_needs_no_views(projection.contrastive_weight, source)
            return False
        return True

    def _views(
        self, lexical: BaseEstimator, documents: list[str], folding: Folding | None
    ) -> sparse.csr_matrix:
        """The matrix of all first halves, then of all second halves.

        Rows of short halves are empty.
        """
        halves: Iterable[str] = halves_in_turn(documents)
        if not reads_iterators(lexical):
            halves = list(halves)
        views = _learnt_form(self._lexical_rows(lexical, halves), folding)
        n_terms = np.diff(views.indptr)
        views.data[np.repeat(n_terms < MIN_HALF_TERMS, n_terms)] = 0
        views.eliminate_zeros()
        return views

    def _embedded_halves(
        self,
        documents: list[str],
        embeddings: TeacherEmbeddings,
        views: sparse.csr_matrix,
    ) -> TeacherEmbeddings | None:
        """The teacher's embeddings of the rows of ``views``; None if there are none.

        They are for documents with a teacher embedding and two halves that are long
        enough.
        """
        if not self.teacher_halves:
            return None
        is_long = (row_lengths(views) > 0).reshape(2, -1).all(axis=0)
        rows = np.flatnonzero(embeddings.is_embedded & is_long)
        if len(rows) == 0:
            return None
        texts = list(halves_in_turn([documents[i] for i in rows]))
        title = "teacher embeddings of halves"
        with _naming_parameter(f"making {title}", NO_TEACHER_HALVES):
            vectors = teacher_vectors(
                *(self.teacher, texts, bool(self.verbose), title),
                positions=np.tile(rows, 2),
            )
        _check_width("halves", vectors.shape[1], embeddings, "teacher_halves=False")
        places = np.concatenate([rows, rows + len(documents)])
        return TeacherEmbeddings.of_some_views(vectors, places, len(documents))

    def _embedded(
        self,
        documents: list[str],
        y: object,
        embeddings: TeacherEmbeddings | None,
        lexical: BaseEstimator,
        X: Rows,
        plan: WordPlan,
    ) -> tuple[TermVectors | None, TeacherEmbeddings]:
        """The teacher's embeddings of terms, and of documents if they are not given."""
        # Terms first: a teacher that fails at words fails after a second.
        terms, known = self._term_vectors(lexical, X, plan)
        if embeddings is None:
            embeddings = self._embeddings(documents, known)
            _check_no_embeddings(_method.get(), y, embeddings.n_components)
        if terms is not None:
            width = terms.vectors.shape[1]
            _check_width("words", width, embeddings, "teacher_words=None")
        return terms, embeddings

    def _embeddings(
        self, documents: list[str], known: dict[str, np.ndarray]
    ) -> TeacherEmbeddings:
        """The teacher's embeddings of all documents, or of a sample of the texts.

        ``known`` has vectors of terms, which may be documents too.
        """
        n_documents = len(documents)
        sample = sample_documents(documents, self._sample_size(n_documents))
        names = ColumnNames()
        vectors = teacher_vectors(
            self.teacher,
            [documents[i] for i in sample],
            bool(self.verbose),
            positions=sample,
            known=known,
            names=names,
        )
        return TeacherEmbeddings.of_sample(vectors, sample, n_documents, names.names)

    def _term_vectors(
        self, lexical: BaseEstimator, X: Rows, plan: WordPlan
    ) -> tuple[TermVectors | None, dict[str, np.ndarray]]:
        """The teacher's embeddings of terms of the lexical stage, if it embeds any.

        The dict has the same vectors by text.
        """
        if not plan.embeds_terms or not _has_terms_of(X, lexical):
            return None, {}
        frequency, vocabulary = column_counts(X), lexical.vocabulary_
        if plan.is_list:
            # Listed words come before terms of the documents.
            frequency[frequency == 0] = X.shape[0] + 1
        if plan.occurring_alone:
            vocabulary = {k: v for k, v in vocabulary.items() if frequency[v] > 0}
        features, texts = choose_terms(vocabulary, frequency, _term_readers(lexical))
        if not texts:
            return None, {}
        # A word and a word piece may be the same text.
        distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        vectors = self._vectors_of_words(list(distinct), plan)
        if vectors is None:
            return None, {}
        rows = vectors[[distinct[text] for text in texts]]
        return term_vectors(features, rows), dict(zip(distinct, vectors))

    def _vectors_of_words(self, words: list[str], plan: WordPlan) -> np.ndarray | None:
        """The teacher's embeddings of words; None if it looks up documents only."""
        title = "teacher embeddings of words"
        try:
            with _naming_parameter(f"making {title}", NO_TEACHER_WORDS):
                return teacher_vectors(self.teacher, words, bool(self.verbose), title)
        except LookupError as error:
            if plan.is_list:
                raise
            warn_caller(
                f"The teacher raised {reprlib.repr(error)} for words, as a table of "
                "documents does, so it embeds no words. Set teacher_words=None, or "
                "pass the vectors that you have: "
                "fit(documents, teacher_embeddings=...).",
                UserWarning,
            )
            return None


def _n_terms(terms: TermVectors | None) -> int:
    """Number of terms that the teacher has embedded."""
    return 0 if terms is None else len(terms.features)


def _folding(lexical: BaseEstimator, X: sparse.csr_matrix) -> Folding | None:
    """How words share weights with their pieces, if the stage reads only the words."""
    if not isinstance(lexical, LexicalVectorizer):
        return None
    shared = shared_pieces(lexical)
    if shared is None or not _has_terms_of(X, lexical):
        return None
    return folding_of_terms(X, *shared)


def _learnt_form(X: sparse.csr_matrix, folding: Folding | None) -> sparse.csr_matrix:
    """A matrix in the form in which the network learns it."""
    return X if folding is None else folding.expand(X)


def _term_readers(lexical: CountVectorizer) -> dict[str, Reader]:
    """How a term of a fitted stage becomes text, by the prefix of its name."""
    if lexical.analyzer == "word" and lexical.tokenizer is None:
        return {"": str}
    is_own = isinstance(lexical, LexicalVectorizer)
    tokenizer: Any = piece_tokenizer(lexical) if is_own else None
    tokens = lexical.vocabulary_ if tokenizer is None else tokenizer.get_vocab()
    read = token_reader(
        tokenizer, [token for token in tokens if isinstance(token, str)]
    )
    if lexical.analyzer == "word+subword":
        return dict(zip(PART_PREFIXES, (read, str)))
    return {"": read}


def _has_terms_of(X: Rows, lexical: object) -> TypeGuard[sparse.csr_matrix]:
    """Whether the columns of a matrix are the terms of its lexical stage.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The matrix. A subclass of the user's may have added or removed columns.
    lexical : estimator
        The fitted stage.

    Returns
    -------
    bool
        False if the matrix is dense, or has another width than the vocabulary.
    """
    vocabulary = getattr(lexical, "vocabulary_", None)
    return (
        sparse.issparse(X) and vocabulary is not None and len(vocabulary) == X.shape[1]
    )


@contextmanager
def _naming_parameter(doing: str, remedy: str) -> Iterator[None]:
    """Add to errors of the teacher which parameter made it embed words or halves.

    Errors that documents would meet, too, stay as they are: a teacher that cannot be
    loaded, a cache that cannot be written, a service that does not answer.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, (ImportError, OSError)) or failed_to_load(error):
            raise
        if isinstance(error, ValueError):
            raise ValueError(f"While {doing}: {as_sentence(error)} {remedy}") from error
        error.add_note(f"This happened while {doing}; {remedy}")
        raise


@contextmanager
def _called(method: str) -> Iterator[None]:
    """A context in which `fit` works for another method."""
    token = _method.set(method)
    try:
        yield
    finally:
        _method.reset(token)


def _check_no_embeddings(
    method: str, y: object, n_components: int | None = None
) -> None:
    """Refuse teacher embeddings in the place of labels, which are ignored.

    Pipelines call `fit_transform` with the targets of their last step, which may be a
    regression with several outputs. No such step follows the other methods.
    """
    if method == "fit_transform":
        is_refused = can_only_be_embeddings(y, n_components)
        remedy = (
            "If y holds targets of another step of a pipeline, fit the vectorizer "
            "alone first, and put sklearn.frozen.FrozenEstimator(vectorizer) into the "
            "pipeline."
        )
    else:
        is_refused = may_be_embeddings(y)
        remedy = "If y holds targets of another estimator, leave it out."
    if is_refused:
        raise ValueError(
            f"y, the second positional argument of {method}, is ignored, but this y "
            f"seems to hold teacher embeddings: its shape is {shape_of(y)}. Pass "
            f"teacher embeddings by name: {method}(documents, teacher_embeddings=...). "
            f"{remedy}"
        )


def _labels_of_fit(
    projection: ReLUProjection, documents: list[str] | DocumentStream, y: object
) -> Labels | None:
    """The labels that a fit uses; None if the projection's label_weight is 0."""
    if isinstance(documents, DocumentStream):
        if projection.label_weight == 0:
            return None
        raise ValueError(
            "label_weight needs documents in memory, not a DocumentStream. Fit with "
            "label_weight=0, and pass labelled documents to with_labels afterwards."
        )
    return labels_of_fit(projection, y, len(documents), "y")


def _check_no_past(past_documents: object) -> None:
    """Refuse documents of earlier fits if there was none."""
    if past_documents is not None:
        raise ValueError(
            "past_documents are documents of earlier fits, but this LuxicalVectorizer "
            "is not fitted. Call fit, or leave past_documents out."
        )


def _in_memory(documents: list[str] | DocumentStream) -> list[str]:
    """Refuse to update a student by a stream, whose sample alone would be learnt."""
    if isinstance(documents, DocumentStream):
        raise ValueError(
            "partial_fit holds its documents in memory, but raw_documents is a "
            "DocumentStream. Call partial_fit for lists of documents, one part of the "
            "stream after the other."
        )
    return documents


def _check_same_teacher(before: str | None, now: str | None) -> None:
    """Refuse to update a student with another teacher."""
    if before is not None and now is not None and before != now:
        raise ValueError(
            f"The teacher is {now!r}, but the teacher of fit was {before!r}. "
            "partial_fit keeps the space of the vectors, so it needs the same teacher. "
            "Set teacher to that model, or call fit."
        )


def _check_names(tensors: dict[str, np.ndarray], state: dict[str, Any]) -> None:
    """Refuse tensors and parameters that `save` does not write.

    A file may choose neither a teacher for the next fit, nor memory that no part of the
    model needs.
    """
    n_layers = state["projection_"]["n_layers"]
    if type(n_layers) is not int or not 0 < n_layers <= len(tensors):
        raise ValueError(f"The model's number of layers is {n_layers!r}.")
    for name in tensors:
        if not is_lexical_tensor(name) and not is_projection_tensor(name, n_layers):
            raise ValueError(f"The model has a tensor of unknown name: {name[:80]!r}.")
    unknown = sorted(set(state["params"]) - set(SAVED_PARAMETERS))
    if unknown:
        raise ValueError(
            f"The model has parameters that no model file holds: {str(unknown)[:80]}. "
            "If the file is of a newer version, upgrade sklux."
        )
    words = state["params"].get("teacher_words")
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    if words not in (None, "auto") and not is_list:
        raise ValueError("The model's parameter teacher_words must be a list of words.")
    if not isinstance(state["teacher_id"], str | None):
        raise ValueError("The model's entry 'teacher_id' must be a text or null.")


def _check_width(
    texts: str, width: int, embeddings: TeacherEmbeddings, remedy: str
) -> None:
    """Refuse embeddings of words or halves and of documents by different teachers."""
    if width != embeddings.n_components:
        raise ValueError(
            f"The teacher's embeddings of {texts} have width {width}, but "
            f"teacher_embeddings has {embeddings.n_components} columns. Use the "
            f"teacher that made them, or {remedy}."
        )


def _compared(documents: list[str], places: np.ndarray, most: int) -> np.ndarray:
    """Positions of different documents to compare, among the given positions."""
    places = places[first_of_groups(copy_groups(documents[i] for i in places))]
    return places[sample_documents([documents[i] for i in places], most)]


def _check_n_documents(n_documents: int) -> None:
    """Refuse to learn from too few documents."""
    if n_documents == 0:
        raise ValueError("raw_documents is empty: there is nothing to learn from.")
    if n_documents == 1:
        raise ValueError(
            "raw_documents has 1 document, but a student learns from differences "
            "between documents: give 2 or more."
        )


def _check_no_second_embeddings(
    stream: DocumentStream, teacher_embeddings: ArrayLike | None
) -> None:
    """Refuse an array of embeddings for documents that are read in batches."""
    if teacher_embeddings is not None:
        raise ValueError(
            "The documents are a DocumentStream, and an array of teacher_embeddings "
            "cannot be read with them. Let the stream give the vectors: "
            "DocumentStream(source, embeddings='column'), or embeddings=True for pairs "
            "of a text and a vector."
        )


def _check_needs_no_views(contrastive_weight: float | str, source: str) -> None:
    """Refuse a contrastive weight if views cannot be made."""
    if contrastive_weight != "auto":
        raise ValueError(
            f"contrastive_weight={contrastive_weight} needs the two halves of each "
            f"document, but the lexical stage has input={source!r}: LuxicalVectorizer "
            "cannot split what it does not read. Read the texts, and set "
            "input='content'; or set contrastive_weight to 0 or 'auto'."
        )
