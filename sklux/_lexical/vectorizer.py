"""LexicalVectorizer: the matrix of TfidfVectorizer, made by the kernels."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from sklearn import get_config
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._kernels.words import WordTable
from sklux._lexical.analysis import (
    SUBWORD_ANALYZERS,
    PieceSource,
    analyzes_as_scikit_learn,
    is_float_type,
    least_word_length,
    text_source,
)
from sklux._lexical.buffers import TextBuffers, text_buffers
from sklux._lexical.checks import (
    check_position_weight,
    check_settings,
    warn_for_unused_params,
)
from sklux._lexical.fitting import (
    ChosenTerms,
    TermLimits,
    inverse_document_frequency,
    learn_terms,
    words_in_corpus,
)
from sklux._lexical.lexicon import PART_PREFIXES, Extension, Lexicon
from sklux._lexical.lookup import TermReader, term_reader
from sklux._lexical.matrix import Weighing, rows_of_blocks, rows_of_corpora
from sklux._lexical.segmentation import (
    items,
    normal_form,
    unicode_words,
    without_format,
)
from sklux._lexical.settings import LexicalSettings
from sklux._lexical.subwords import (
    Subwords,
    learn_wordpieces,
    read_tokenizer,
    sampled_documents,
)
from sklux._lexical.tokens import Source, read_range
from sklux._utils.blocks import column_counts
from sklux._utils.documents import (
    NULL_DOCUMENTS,
    NullDocuments,
    document_column,
    read_nulls,
    refuse_document,
)
from sklux._utils.estimators import (
    EstimatorCache,
    changed_at_once,
    has_fitted_attributes,
    state_copy,
)
from sklux._utils.html import DocLinkMixin
from sklux._utils.tables import is_batch_stream, is_table, python_values
from sklux._utils.threads import N_JOBS
from sklux._utils.typing import fit_context
from sklux._utils.warnings import warn_caller


class Prepared(NamedTuple):
    """A fitted stage, ready to read documents.

    Attributes
    ----------
    reader : TermReader
        Reads documents; its columns are the columns of the matrix.
    weighing : Weighing
        How counts become values.
    """

    reader: TermReader
    weighing: Weighing


class LearntStage(NamedTuple):
    """The result of a fit by the kernels.

    Attributes
    ----------
    matrix : callable
        Makes the matrix of the documents; can be called once.
    extension : Extension or None
        The words that were added; None if the vocabulary was given.
    """

    matrix: Callable[[], sparse.csr_matrix]
    extension: Extension | None = None


# Makes a document without text, for each kind of input that scikit-learn reads.
EMPTY_DOCUMENTS: dict[str, Callable[[], object]] = {
    "content": str,
    "filename": lambda: os.devnull,
    "file": io.BytesIO,
}

# With a larger weight the first words decide alone. The table of the profile has 20
# entries for each unit of the decay.
MAX_POSITION_WEIGHT, MAX_POSITION_DECAY = 1e6, 1e5

# Look-up tables of fitted stages.
_prepared = EstimatorCache()


class LexicalVectorizer(DocLinkMixin, TfidfVectorizer):
    r"""TfidfVectorizer, many times faster.

    This class is a :class:`~sklearn.feature_extraction.text.TfidfVectorizer` with the
    same parameters, vocabulary, weights and errors. Its rows have the same bits, with
    sorted indices. Compiled code reads, counts and weighs the text on ``n_jobs``
    threads. Two additional analyzers cut text into word pieces.

    Parameters
    ----------
    input : {'content', 'filename', 'file'}, default='content'
        Whether the documents are text, names of files, or open files.

    encoding : str, default='utf-8'
        Encoding of documents that are bytes.

    decode_error : {'strict', 'ignore', 'replace'}, default='strict'
        How bytes that cannot be decoded are handled.

    strip_accents : {'ascii', 'unicode'}, callable or None, default=None
        Which accents are removed from words and characters. For word pieces the
        tokenizer decides; learnt word pieces have no accents.

    lowercase : bool, default=True
        Whether words and characters become lower case first, as by `str.lower`. For
        word pieces the tokenizer decides; learnt word pieces are lower case.

    preprocessor : callable or None, default=None
        Replaces the conversion to lower case and the removal of accents.

    tokenizer : callable, str, path-like, tokenizers.Tokenizer or None, default=None
        With ``analyzer='word'``, a callable that maps a document to its tokens. For
        word pieces, a tokenizer of the tokenizers library: a JSON file, a JSON text
        or the object. None means word pieces that `fit` learns on its documents.
        Special tokens are not added, and truncation, padding and the dropout of BPE are
        off. As in the library, a special token that is part of a text is recognized.

    analyzer : str or callable, default='word'
        Tokens of the n-grams: ``'word'``, ``'char'`` (characters), ``'char_wb'``
        (characters of words) or ``'subword'`` (word pieces). ``'word+subword'`` means
        single word pieces together with n-grams of words. Both parts of such a row get
        the same norm, and their names begin with ``subword__`` and ``word__``. A
        callable maps a document to its terms.

    stop_words : {'english'}, list of str or None, default=None
        Words to leave out.

    token_pattern : str, default=r"(?u)\b\w\w+\b"
        Regular expression of a word.

    ngram_range : tuple of (int, int), default=(1, 1)
        Smallest and largest number of tokens in a term.

    max_df : int or float, default=1.0
        Terms in more documents are left out. A float is a share of the documents.

    min_df : int or float, default=1
        Terms in fewer documents are left out. A float is a share of the documents.

    max_features : int or None, default=None
        Largest number of terms; the most frequent terms are kept.

    vocabulary : mapping, iterable or None, default=None
        Terms to use, instead of the terms of the documents.

    binary : bool, default=False
        Whether a term counts only once per document.

    dtype : dtype, default=np.float64
        Type of the matrix.

    norm : {'l1', 'l2'} or None, default='l2'
        Norm of each row.

    use_idf : bool, default=True
        Whether rare terms get larger weights.

    smooth_idf : bool, default=True
        Whether one extra document, which contains every term, is counted.

    sublinear_tf : bool, default=False
        Whether a count c becomes 1 + log(c).

    segmentation : {'regex', 'unicode'}, default='regex'
        What a word is. ``'regex'`` means the matches of ``token_pattern``, as in
        scikit-learn. ``'unicode'`` is for text in all scripts: documents are read in
        the normal form NFC, format characters such as joiners are left out, and words
        keep their marks, which are vowels and tones in Hindi, Tamil or Thai. Chinese,
        Japanese, Thai, Lao, Khmer and Burmese put no spaces between words. There each
        letter with its marks is a word, so a pair of words is a bigram of letters; the
        word ``'▁'`` stands at both ends of a run of letters. For the other scripts,
        ``token_pattern`` still gives the least length of a word. Learnt word
        pieces follow the same rules and drop only accents, and the vowel marks of
        Hebrew and Arabic. The analyzers ``'char'`` and ``'char_wb'`` read the normal
        form.

    subwords_of : {'all', 'unknown'}, default='all'
        With ``analyzer='word+subword'``, which words `transform` cuts into pieces.
        ``'all'`` means all words. ``'unknown'`` means words that are not terms, and
        characters that belong to no word, such as punctuation; stop words are left out.
        Most words are terms, so there are far fewer pieces, and the text is read only
        once. The terms and their idf are the same in both cases. The pieces must be
        learnt, or come from a tokenizer like BERT's.

    n_subwords : int, default=20_000
        Largest number of word pieces that `fit` learns if ``tokenizer`` is None.

    position_weight : float or 'auto', default=0.0
        How much more the first words of a document count. The weight of a term is
        multiplied by ``1 + position_weight * m``, where m is the mean of
        ``exp(-p / position_decay)`` over its occurrences in the document, and p the
        number of words before an occurrence (before the last word of an n-gram). 0 is
        TF-IDF. ``'auto'`` is for `LuxicalVectorizer`, which chooses the weight when it
        fits its stage; on its own it means 0.

    position_decay : float, default=12.0
        Number of words after which the extra weight of `position_weight` has fallen to
        1 / e.

    null_documents : {'error', 'empty'}, default='error'
        Whether a missing document (None, NaN, NaT, NA, a null of Arrow or polars, or a
        masked value) is refused, or read as an empty text. With a callable analyzer,
        ``'error'`` means that the callable gets it.

    n_jobs : int or None, default=None
        Threads of `fit` and `transform`; they change only the time. None means 1
        unless in a `joblib.parallel_config` context, -1 all processors.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Terms with their columns. The dict is made on first use.

    fixed_vocabulary_ : bool
        Whether ``vocabulary`` was given.

    idf_ : ndarray of shape (n_features,)
        Inverse document frequencies, if ``use_idf``; read-only.

    See Also
    --------
    sklearn.feature_extraction.text.TfidfVectorizer : The same matrix in Python.
    LuxicalVectorizer : Dense vectors on top of this matrix.

    Notes
    -----
    A fit that fails or is interrupted leaves the vectorizer as it was. (scikit-learn's
    class keeps its old terms, and loses its idf.) While a thread fits the vectorizer
    again, other threads use the old terms.

    Compiled code supports the analyzers ``'word'``, ``'char'`` and ``'char_wb'`` with
    the dtypes float32 and float64, any ``ngram_range``, ``lowercase`` and
    ``stop_words``, and ``strip_accents`` 'ascii', 'unicode' or None. The
    ``token_pattern`` must match runs of word characters of a least length, such as
    ``r"\w+"``, ``r"(?u)\b\w\w+\b"`` or ``r"\b\w{3,}\b"``. With any other setting,
    such as a callable, scikit-learn reads the documents at its own speed.

    Compiled code also supports word pieces like BERT's [1]_: a 'WordPiece' model with
    a 'BertNormalizer' and a 'BertPreTokenizer'. Other tokenizers run at the speed of
    the tokenizers library.

    Documents are not copied if they are a list or array of str, a pandas or polars
    Series, an Arrow array or a chunked array. Arrow strings are not converted to Python
    strings.

    With compiled code, `fit_transform` returns exactly the rows of `transform`.
    scikit-learn's `fit_transform` adds the values of a row in another order than its
    `transform`, so the last digits of its results differ from both.

    `vocabulary_` is a copy. `transform` does not follow changes of the dict, but it
    does follow if you set `vocabulary_` to another dict.

    References
    ----------
    .. [1] Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for
       Language Understanding, :arxiv:`1810.04805`.

    Examples
    --------
    >>> from sklux import LexicalVectorizer
    >>> documents = ["a red apple", "a green apple", "a red car"]
    >>> vectorizer = LexicalVectorizer(ngram_range=(1, 2))
    >>> X = vectorizer.fit_transform(documents)
    >>> list(vectorizer.get_feature_names_out())
    ['apple', 'car', 'green', 'green apple', 'red', 'red apple', 'red car']
    >>> X.shape
    (3, 7)
    """

    _parameter_constraints: dict[str, Any] = {
        **TfidfVectorizer._parameter_constraints,
        "analyzer": [
            StrOptions({"word", "char", "char_wb", *SUBWORD_ANALYZERS}),
            callable,
        ],
        "tokenizer": [
            callable,
            str,
            os.PathLike,
            HasMethods(["encode_batch", "to_str"]),
            None,
        ],
        "segmentation": [StrOptions({"regex", "unicode"})],
        "subwords_of": [StrOptions({"all", "unknown"})],
        "n_subwords": [Interval(Integral, 1, None, closed="left")],
        "position_weight": [
            StrOptions({"auto"}),
            Interval(Real, 0, MAX_POSITION_WEIGHT, closed="both"),
        ],
        "position_decay": [Interval(Real, 0, MAX_POSITION_DECAY, closed="right")],
        "null_documents": [StrOptions(set(NULL_DOCUMENTS))],
        "n_jobs": N_JOBS,
    }

    # skrub gives an estimator with this attribute one column at a time.
    __single_column_transformer__ = True

    def __init__(
        self,
        *,
        input: Literal["content", "filename", "file"] = "content",
        encoding: str = "utf-8",
        decode_error: Literal["strict", "ignore", "replace"] = "strict",
        strip_accents: Literal["ascii", "unicode"] | Callable[[str], str] | None = None,
        lowercase: bool = True,
        preprocessor: Callable[[Any], Any] | None = None,
        tokenizer: Any = None,
        analyzer: (
            Literal["word", "char", "char_wb", "subword", "word+subword"]
            | Callable[[Any], Iterable[Any]]
        ) = "word",
        stop_words: Literal["english"] | Collection[str] | None = None,
        token_pattern: str | None = r"(?u)\b\w\w+\b",
        ngram_range: tuple[int, int] = (1, 1),
        max_df: float = 1.0,
        min_df: float = 1,
        max_features: int | None = None,
        vocabulary: Mapping[Any, int] | Iterable[Any] | None = None,
        binary: bool = False,
        dtype: DTypeLike = np.float64,
        norm: Literal["l1", "l2"] | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        segmentation: Literal["regex", "unicode"] = "regex",
        subwords_of: Literal["all", "unknown"] = "all",
        n_subwords: int = 20_000,
        position_weight: float | Literal["auto"] = 0.0,
        position_decay: float = 12.0,
        null_documents: NullDocuments = "error",
        n_jobs: int | None = None,
    ):
        super().__init__(
            input=input,
            encoding=encoding,
            decode_error=decode_error,
            strip_accents=strip_accents,
            lowercase=lowercase,
            preprocessor=preprocessor,
            tokenizer=tokenizer,
            analyzer=analyzer,
            stop_words=stop_words,
            token_pattern=token_pattern,
            ngram_range=ngram_range,
            max_df=max_df,
            min_df=min_df,
            max_features=max_features,
            vocabulary=vocabulary,
            binary=binary,
            dtype=dtype,
            norm=norm,
            use_idf=use_idf,
            smooth_idf=smooth_idf,
            sublinear_tf=sublinear_tf,
        )
        self.segmentation = segmentation
        self.subwords_of = subwords_of
        self.n_subwords = n_subwords
        self.position_weight = position_weight
        self.position_decay = position_decay
        self.null_documents = null_documents
        self.n_jobs = n_jobs

    # Set by fit, by a model file, or when the user sets vocabulary_ or idf_.
    _lexicon: Lexicon | None = None

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, raw_documents: Iterable[str], y: object = None) -> Self:
        """Learn the terms and their idf.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            Documents, as in `transform`.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted vectorizer.
        """
        with self._changing() as new:
            if new._uses_kernels():
                new._learn(raw_documents)
            else:
                super(LexicalVectorizer, new).fit(new._python_documents(raw_documents))
                new._take_idf()
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(
        self, raw_documents: Iterable[str], y: object = None
    ) -> sparse.csr_matrix:
        """Learn the terms and their idf, and return the matrix of the documents.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            Documents, as in `transform`.

        y : None
            Ignored.

        Returns
        -------
        sparse matrix of shape (n_samples, n_features)
            The result of ``fit(raw_documents).transform(raw_documents)``, in less time.
        """
        with self._changing() as new:
            if new._uses_kernels():
                return new._learn(raw_documents).matrix()
            documents = new._python_documents(raw_documents)
            X = super(LexicalVectorizer, new).fit_transform(documents)
            new._take_idf()
            X.sort_indices()
            return X

    @contextmanager
    def _changing(self) -> Iterator[Self]:
        """A copy to fit. The vectorizer gets the result at the end, all at once."""
        self._check_settings()
        with changed_at_once(self) as new:
            yield new
        _prepared.hand_over(new, self)

    def transform(self, raw_documents: Iterable[str]) -> sparse.csr_matrix:
        """Map documents to rows of term weights.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            A list or array of str, a pandas or polars Series, an Arrow array or
            chunked array of strings, a table with one column, or any other iterable;
            file names or files according to ``input``.

        Returns
        -------
        sparse matrix of shape (n_samples, n_features)
            In CSR format, with sorted indices.

        Raises
        ------
        ValueError
            If a document is missing and `null_documents` is 'error'; the message gives
            its position. Also if a table has two or more columns.
        TypeError
            If a document is neither a str nor bytes.
        """
        # Another thread may fit the vectorizer at the same time.
        now = state_copy(self)
        now._check_fitted()
        prepared = now._prepared(self)
        self._warn_of_stop_words()
        if prepared is None:
            documents = now._python_documents(raw_documents)
            return super(LexicalVectorizer, now).transform(documents)
        X = rows_of_blocks(
            now._blocks(raw_documents), prepared.reader, prepared.weighing, now.n_jobs
        )
        if now.analyzer in SUBWORD_ANALYZERS and not np.isfinite(X.data).all():
            raise ValueError(
                "No document of fit contains a term of the 'vocabulary' parameter of "
                "LexicalVectorizer, so the idf of this term is infinite. Set "
                "smooth_idf=True and call fit again."
            )
        if X.shape[0] == 0:
            return now._tfidf.transform(X)  # raises scikit-learn's error
        return align_interface(X)

    def _check_fitted(self) -> None:
        """Refuse to transform before a fit, or with another analyzer than its own."""
        check_is_fitted(self, msg="The TF-IDF vectorizer is not fitted")
        check_is_fitted(self._tfidf)
        if self.analyzer in SUBWORD_ANALYZERS:
            self._check_settings()
        lexicon, has_pieces = self._lexicon, self.analyzer in SUBWORD_ANALYZERS
        if lexicon is not None and (
            has_pieces != (lexicon.subwords is not None)
            or lexicon.is_mixed != (self.analyzer == "word+subword")
        ):
            raise NotFittedError(
                f"This {type(self).__name__} was fitted with another analyzer than "
                f"{self.analyzer!r}. Call fit again."
            )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there are fitted attributes."""
        return has_fitted_attributes(self)

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Terms with their columns; the dict is made on first use."""
        if self._lexicon is None:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'vocabulary_'"
            )
        return self._lexicon.vocabulary

    @vocabulary_.setter
    def vocabulary_(self, vocabulary: dict[str, int]) -> None:
        self._lexicon = Lexicon(
            given=dict(vocabulary),
            is_mixed=self.analyzer == "word+subword",
            subwords=self._kept_subwords(),
            idf=self._stored_idf(),
        )

    def _kept_subwords(self) -> Subwords | None:
        """Word pieces of the last fit, if the analyzer uses them."""
        if self._lexicon is None or self.analyzer not in SUBWORD_ANALYZERS:
            return None
        return self._lexicon.subwords

    @property
    def idf_(self) -> np.ndarray:
        """Inverse document frequencies, if ``use_idf``; read-only."""
        return super().idf_

    @idf_.setter
    def idf_(self, idf: np.ndarray) -> None:
        if isinstance(idf, np.ndarray):
            idf = idf.copy()
        TfidfVectorizer.idf_.fset(self, idf)
        self._take_idf()

    def _stored_idf(self) -> Any:
        """The idf of scikit-learn's transformer inside the stage; None without one."""
        return getattr(getattr(self, "_tfidf", None), "idf_", None)

    def _take_idf(self) -> None:
        """Copy the idf of scikit-learn's transformer into the lexicon."""
        if self._lexicon is not None:
            self._lexicon = self._lexicon.with_idf(self._stored_idf())

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Terms, in the order of their columns.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_features,), dtype=object
            Terms.
        """
        if self._lexicon is None or self._lexicon.learnt is None:
            return super().get_feature_names_out(input_features)
        return np.array(self._lexicon.names(), dtype=object)

    def build_preprocessor(self) -> Callable[[str], str]:
        """Return a function that prepares a document for the tokenizer.

        Returns
        -------
        callable
            Maps a str to a str.

        Examples
        --------
        >>> from sklux import LexicalVectorizer
        >>> prepare = LexicalVectorizer(segmentation="unicode").build_preprocessor()
        >>> prepare("A Red Apple")
        'a red apple'
        """
        preprocess = super().build_preprocessor()
        if self.preprocessor is not None or self.segmentation == "regex":
            return preprocess
        return lambda document: preprocess(without_format(normal_form(document)))

    def build_tokenizer(self) -> Callable[[str], list[str]]:
        """Return a function that cuts a prepared document into words.

        Returns
        -------
        callable
            Maps a str to a list of str.

        Examples
        --------
        >>> from sklux import LexicalVectorizer
        >>> cut = LexicalVectorizer(segmentation="unicode").build_tokenizer()
        >>> cut("r and python")
        ['and', 'python']
        """
        if self.tokenizer is not None or self.segmentation == "regex":
            return super().build_tokenizer()
        return unicode_words(least_word_length(self.token_pattern) or 1)

    def build_analyzer(self) -> Callable[[str], list[str]]:
        """Return a function that maps a document to the names of its terms.

        Returns
        -------
        callable
            Its list holds a term as often as the term occurs in the document.
        """
        if self.analyzer not in SUBWORD_ANALYZERS:
            return super().build_analyzer()
        if self.analyzer == "subword":
            return self._piece_ngrams
        words_of = self._word_analyzer().build_analyzer()
        pieces_of = self._rest_analyzer() if self._reads_rest else self._pieces_of
        return partial(self._pieces_and_words, words_of=words_of, pieces_of=pieces_of)

    def _piece_ngrams(self, document: object) -> list[str]:
        """n-grams of the pieces of one document."""
        return self._word_ngrams(self._pieces_of(self.decode(document)))

    def _pieces_and_words(
        self,
        document: object,
        words_of: Callable[[str], list[str]],
        pieces_of: Callable[[str], list[str]],
    ) -> list[str]:
        """Pieces and words of one document, with the prefix of each kind."""
        text = self.decode(document)  # a file can be read only once
        parts = zip(PART_PREFIXES, (pieces_of(text), words_of(text)))
        return [prefix + term for prefix, part in parts for term in part]

    def _rest_analyzer(self) -> Callable[[str], list[str]]:
        """A function that maps a text to the pieces of what its words do not cover."""
        analyzer = self._word_analyzer()
        prepare = analyzer.build_preprocessor()

        def pieces_of(text: str) -> list[str]:
            # The terms are read now: the fit may follow.
            self._fitted_subwords()
            known = self._lexicon.known_words
            stop_words = frozenset(analyzer.get_stop_words() or ())
            return [
                piece
                for item in items(self.segmentation).findall(prepare(text))
                if item not in known and item not in stop_words
                for piece in self._pieces_of(item)
            ]

        return pieces_of

    def _uses_kernels(self) -> bool:
        """Whether the kernels support all settings; otherwise scikit-learn reads."""
        if self.analyzer in SUBWORD_ANALYZERS:
            return True
        return (
            analyzes_as_scikit_learn(self, LexicalVectorizer)
            and is_float_type(self.dtype)
            and self.analyzer in ("word", "char", "char_wb")
            and text_source(self, self.analyzer) is not None
        )

    def _sources(self, subwords: Subwords | None) -> tuple[Source, ...]:
        """How documents become tokens: one source, or two for pieces and words."""
        if self.analyzer not in SUBWORD_ANALYZERS:
            return (text_source(self, self.analyzer),)
        if self.analyzer == "subword":
            return (PieceSource(subwords, self.ngram_range),)
        return PieceSource(subwords, (1, 1)), text_source(self, "word")

    def _fitted_subwords(self) -> Subwords:
        """The word pieces of the fit."""
        if self._lexicon is None or self._lexicon.subwords is None:
            raise NotFittedError(
                f"This {type(self).__name__} has no word pieces yet. Call fit first, "
                "which takes them from the tokenizer or learns them on the documents."
            )
        return self._lexicon.subwords

    def _is_exact(self) -> bool:
        """Whether the kernels can use the idf: finite, with one value per column."""
        width, idf = self._lexicon.n_columns, self._lexicon.idf
        if getattr(self._tfidf, "n_features_in_", width) != width:
            return False
        if not isinstance(idf, np.ndarray):
            return idf is None
        if self.analyzer in SUBWORD_ANALYZERS:
            # scikit-learn cannot read word pieces. The kernels cast the idf.
            return idf.shape == (width,)
        return (
            idf.shape == (width,)
            and idf.dtype == self.dtype
            and bool(np.isfinite(idf.sum()))
        )

    def _python_documents(self, raw_documents: Iterable[Any]) -> Iterable[Any]:
        """Documents in a form that scikit-learn reads; missing ones are refused."""
        has_columns = is_table(raw_documents) or is_batch_stream(raw_documents)
        is_free = callable(self.analyzer) and not has_columns
        if not isinstance(raw_documents, str) and not is_free:
            raw_documents = document_column(raw_documents)
        raw_documents = python_values(raw_documents, "raw_documents")
        # The callable decides what a document is.
        is_free = callable(self.analyzer) and self.null_documents == "error"
        if isinstance(raw_documents, str) or is_free:
            return raw_documents
        return read_nulls(
            raw_documents, self.null_documents, empty=EMPTY_DOCUMENTS[self.input]
        )

    def _blocks(self, raw_documents: Iterable[str]) -> Iterator[TextBuffers]:
        """Blocks of documents; bytes are decoded, files are read."""
        if isinstance(raw_documents, str):
            raise ValueError(
                "Iterable over raw text documents expected, string object received."
            )
        if self.input != "content":
            files = document_column(raw_documents)
            return text_buffers(
                read_nulls(files, self.null_documents, read=self.decode)
            )
        return text_buffers(raw_documents, self._decode_bytes, self.null_documents)

    def _decode_bytes(self, document: object, position: int) -> str:
        """Decode bytes; refuse anything else."""
        if not isinstance(document, bytes):
            refuse_document(document, position)
        return self.decode(document)

    def _learn(
        self, raw_documents: Iterable[str], words: Sequence[str] = ()
    ) -> LearntStage:
        """Learn terms and idf; add words that the documents lack to the terms."""
        self._begin_fit()
        blocks: Iterable[TextBuffers] = self._blocks(raw_documents)
        subwords: Subwords | None = None
        if self.analyzer in SUBWORD_ANALYZERS:
            blocks = list(blocks)
            subwords = self._learn_subwords(partial(sampled_documents, blocks))
        if self.fixed_vocabulary_:
            self._lexicon = replace(self._lexicon, subwords=subwords, idf=None)
            return self._learn_idf(list(blocks))
        return self._learn_terms(blocks, subwords, words)

    def _begin_fit(self) -> None:
        """Check the parameters, and make a transformer without idf."""
        self._check_params()
        self._validate_ngram_range()
        self._warn_for_unused_params()
        self._validate_vocabulary()
        # Warns if stop words do not fit the other settings.
        self.build_analyzer()
        self._tfidf = TfidfTransformer(
            norm=self.norm,
            use_idf=self.use_idf,
            smooth_idf=self.smooth_idf,
            sublinear_tf=self.sublinear_tf,
        )

    def _warn_of_stop_words(self) -> None:
        """Warn if stop words that were set after the fit do not fit the tokenizer."""
        if self.stop_words is not None:
            self.build_analyzer()

    def _check_settings(self) -> None:
        """Refuse settings that neither the kernels nor scikit-learn support."""
        if self.analyzer in SUBWORD_ANALYZERS:
            self._validate_ngram_range()
        check_settings(self, LexicalVectorizer)
        check_position_weight(self, uses_kernels=self._uses_kernels())

    def _warn_for_unused_params(self) -> None:
        if self.analyzer in SUBWORD_ANALYZERS:
            warn_for_unused_params(self)
            return
        super()._warn_for_unused_params()
        if callable(self.analyzer) and self.segmentation != "regex":
            warn_caller(
                "The parameter 'segmentation' will not be used since 'analyzer' is "
                "callable",
                UserWarning,
            )

    def _learn_subwords(self, sample: Callable[[], Iterable[str]]) -> Subwords:
        """Word pieces of the given tokenizer, or learnt on a sample of documents."""
        if self.tokenizer is None:
            learnt = learn_wordpieces(sample(), self.n_subwords, self.segmentation)
            return Subwords(learnt, segmentation=self.segmentation)
        subwords = Subwords(read_tokenizer(self.tokenizer))
        if self._reads_rest and not subwords.in_kernel:
            raise ValueError(
                "The 'tokenizer' parameter of LexicalVectorizer must be a tokenizer "
                "like BERT's when subwords_of='unknown', because compiled code reads "
                "the words. Set subwords_of='all', or tokenizer=None to learn pieces."
            )
        if self.analyzer == "subword" and self.ngram_range[1] > 1:
            spaced = [piece for piece in subwords.pieces.tolist() if " " in piece]
            if spaced:
                raise ValueError(
                    "The 'tokenizer' parameter of LexicalVectorizer has pieces that "
                    f"contain a blank, such as {spaced[0]!r}, and blanks separate the "
                    "pieces of an n-gram. Set ngram_range=(1, 1)."
                )
        return subwords

    def _pieces_of(self, document: str) -> list[str]:
        """Word pieces of one document."""
        source = self._sources(self._fitted_subwords())[0]
        (buffers,) = text_buffers([document])
        tokens = read_range(
            source, source.analysis(buffers), buffers, 0, 1, WordTable(), False
        )
        return [source.pieces.at(number) for number in tokens.numbers]

    def _word_analyzer(self) -> TfidfVectorizer:
        """A vectorizer that analyzes words, for 'word+subword' too."""
        names = inspect.signature(LexicalVectorizer).parameters
        params = {name: getattr(self, name) for name in names}
        return LexicalVectorizer(
            **params | {"analyzer": "word", "tokenizer": None, "input": "content"}
        )

    def _learn_idf(self, blocks: list[TextBuffers]) -> LearntStage:
        """Learn the idf of given terms."""
        reader = self._reader_of_given_terms()
        counts = rows_of_blocks(blocks, reader, Weighing(self.dtype), self.n_jobs)
        if counts.shape[0] == 0:
            self._tfidf.fit(counts)  # raises scikit-learn's error
        df = column_counts(counts)
        self._adopt(self._lexicon.with_idf(self._idf_of(df, counts.shape[0])))
        weighing = self._weighing(reader)
        return LearntStage(
            lambda: align_interface(
                rows_of_blocks(blocks, reader, weighing, self.n_jobs)
            )
        )

    def _reader_of_given_terms(self) -> TermReader:
        """A reader of documents; warns of given terms that no document contains."""
        # Word pieces may have capitals: the tokenizer decides about case.
        words = self.vocabulary
        if self.analyzer in SUBWORD_ANALYZERS:
            words = (
                term.removeprefix(PART_PREFIXES[1])
                for term in self.vocabulary
                if term.startswith(PART_PREFIXES[1]) and self.analyzer != "subword"
            )
        if self.lowercase and any(any(map(str.isupper, word)) for word in words):
            warn_caller(
                "Upper case characters found in vocabulary while 'lowercase' is True. "
                "These entries will not be matched with any documents",
                UserWarning,
            )
        return self._new_reader()

    def _learn_terms(
        self,
        blocks: Iterable[TextBuffers],
        subwords: Subwords | None,
        words: Sequence[str],
    ) -> LearntStage:
        """Learn the terms, then their idf."""
        found = learn_terms(
            self._sources(subwords), blocks, self._limits(), self.n_jobs
        )
        extension = self._adopt_terms(
            found,
            subwords,
            words,
            lambda forms: words_in_corpus(forms, found.corpora[-1].words),
        )
        prepared = self._prepared()

        def matrix() -> sparse.csr_matrix:
            reader, weighing = prepared
            if reader.reads_rest:
                # The rest is known only now that the terms are.
                X = rows_of_blocks(blocks, reader, weighing, self.n_jobs)
            else:
                X = rows_of_corpora(found.corpora, reader, weighing, self.n_jobs)
            return align_interface(X)

        return LearntStage(matrix, extension)

    def _limits(self) -> TermLimits:
        """The limits that decide which terms stay."""
        return TermLimits(
            self.max_df, self.min_df, self.max_features, self.binary, self.dtype
        )

    def _adopt_terms(
        self,
        found: ChosenTerms,
        subwords: Subwords | None,
        words: Sequence[str],
        in_corpus: Callable[[list[str]], Collection[str]],
    ) -> Extension:
        """Store learnt terms with their idf, after words were added to them."""
        lexicon = Lexicon(
            learnt=found.terms,
            is_mixed=len(found.terms) > 1,
            subwords=subwords,
            idf=self._idf_of(found.df, found.n_documents),
        )
        extension = Extension(lexicon, [], [])
        if words:
            analyze = self._word_analyzer().build_analyzer()
            extension = lexicon.with_words(
                self._forms(words),
                is_one_token=lambda form: analyze(form) == [form],
                in_corpus=in_corpus,
                max_columns=self.max_features,
                idf_of=lambda df: self._idf_of(df, found.n_documents),
            )
        self._adopt(extension.lexicon)
        return extension

    def _forms(self, words: Sequence[str]) -> dict[str, str]:
        """Words with their forms as terms."""
        preprocess = self._word_analyzer().build_preprocessor()
        return {word: preprocess(word) for word in words}

    def _idf_of(self, df: np.ndarray, n_documents: int) -> np.ndarray | None:
        """The idf for document frequencies; None if it is not used."""
        if not self.use_idf:
            return None
        dtype = np.dtype(self.dtype)
        return inverse_document_frequency(df, n_documents, self.smooth_idf, dtype)

    def _adopt(self, lexicon: Lexicon) -> None:
        """Store a lexicon that was learnt or read from a file."""
        self._lexicon = lexicon
        self._tfidf.n_features_in_ = lexicon.n_columns
        if lexicon.idf is not None:
            self._tfidf.idf_ = lexicon.idf

    def _settings(self) -> LexicalSettings:
        """The settings that decide how documents are read and weighed."""
        return LexicalSettings.of(self, self._lexicon)

    def _prepared(self, owner: Self | None = None) -> Prepared | None:
        """Reader and weighing; None if scikit-learn has to read the documents.

        They are kept for ``owner``, of which this stage is a copy.
        """
        owner = self if owner is None else owner
        prepared = _prepared.get(owner, self._settings, self._prepare)
        if prepared is None:
            check_position_weight(self, uses_kernels=False)
        return prepared

    def _prepare(self) -> Prepared | None:
        """Make reader and weighing."""
        if self._lexicon is None or not (self._uses_kernels() and self._is_exact()):
            return None
        reader = self._new_reader()
        return Prepared(reader, self._weighing(reader))

    def _new_reader(self, columns: np.ndarray | None = None) -> TermReader:
        """A reader of documents, with the given columns or the matrix's columns."""
        sources, terms = self._sources(self._lexicon.subwords), self._lexicon.terms
        tables = self._lexicon.tables
        if tables is not None and tables.places is columns:
            sizes = [len(part) for part in terms]
            reader = tables.reader(sources, sizes, self._reads_rest)
            if reader is not None:
                return reader
        return term_reader(sources, terms, columns, self._reads_rest)

    @property
    def _reads_rest(self) -> bool:
        """Whether pieces are read only for words that are not terms."""
        return self.analyzer == "word+subword" and self.subwords_of == "unknown"

    def _profile(self) -> np.ndarray | None:
        """Extra weight of a term by its place in the document; None means none."""
        weight = self.position_weight
        if weight == "auto" or weight == 0:
            return None
        # Beyond, the factor is below exp(-20).
        places = np.arange(int(20 * self.position_decay) + 1)
        return (weight * np.exp(-places / self.position_decay)).astype(np.float32)

    def _weighing(self, reader: TermReader) -> Weighing:
        """How the fitted stage weighs counts."""
        idf = self._lexicon.idf
        return Weighing(
            self.dtype,
            sublinear_tf=self._tfidf.sublinear_tf,
            binary=self.binary,
            idf=idf if isinstance(idf, np.ndarray) else None,
            norm=self._tfidf.norm,
            second_part=reader.second_part,
            profile=self._profile(),
        )


def lexicon_of(vectorizer: LexicalVectorizer) -> Lexicon:
    """Return the lexicon of a stage.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Fitted.

    Returns
    -------
    Lexicon
        Its terms, word pieces and idf.

    Raises
    ------
    NotFittedError
        If the stage is not fitted, or was fitted with another analyzer.
    """
    vectorizer._check_fitted()
    return vectorizer._lexicon


def adopt_lexicon(vectorizer: LexicalVectorizer, lexicon: Lexicon) -> None:
    """Make a stage fitted, with a given lexicon.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Changed in place.
    lexicon : Lexicon
        From the fit of a stage with the same parameters.
    """
    vectorizer.fixed_vocabulary_ = vectorizer.vocabulary is not None
    vectorizer._tfidf = TfidfTransformer(
        norm=vectorizer.norm,
        use_idf=vectorizer.use_idf,
        smooth_idf=vectorizer.smooth_idf,
        sublinear_tf=vectorizer.sublinear_tf,
    )
    vectorizer._adopt(lexicon)


def lexical_settings(vectorizer: LexicalVectorizer) -> LexicalSettings:
    """Return the settings that decide how a stage reads and weighs documents.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Fitted.

    Returns
    -------
    LexicalSettings
        Stages with equal settings make the same rows.
    """
    return vectorizer._settings()


def fused_parts(
    vectorizer: LexicalVectorizer, places: np.ndarray | None
) -> tuple[TermReader, Weighing] | None:
    """Return reader and weighing, if the kernels can do all of `transform`.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Fitted.
    places : ndarray of shape (n_columns,), dtype=np.uint32, or None
        Columns of the reader, by the columns of the matrix; None if they are the same.

    Returns
    -------
    tuple of (TermReader, Weighing) or None
        None if the kernels do not support a setting.
    """
    vectorizer._check_fitted()
    if not (
        vectorizer.input == "content"
        and type(vectorizer).transform is LexicalVectorizer.transform
        and vectorizer._uses_kernels()
        and vectorizer._is_exact()
    ):
        return None
    vectorizer._warn_of_stop_words()
    if places is not None and len(places) != vectorizer._lexicon.n_columns:
        # The network belongs to another model; the caller refuses it.
        places = None
    if places is None:
        reader, weighing = vectorizer._prepared()
    else:
        reader = vectorizer._new_reader(places)
        weighing = vectorizer._weighing(reader)
    return (reader, weighing) if fits_float32(weighing.idf) else None


def takes_words(vectorizer: LexicalVectorizer) -> bool:
    """Whether `fit_with_words` can add words to the terms of a stage.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Fitted or not.

    Returns
    -------
    bool
        True if it learns words as terms and the kernels read them.
    """
    return (
        vectorizer.analyzer in ("word", "word+subword")
        and vectorizer.vocabulary is None
        and type(vectorizer).fit_transform is LexicalVectorizer.fit_transform
        and vectorizer._uses_kernels()
    )


def has_open_position_weight(vectorizer: object) -> bool:
    """Whether the position weight of a lexical stage is to be chosen.

    Parameters
    ----------
    vectorizer : estimator
        Any lexical stage, fitted or not.

    Returns
    -------
    bool
        True for a `LexicalVectorizer` with ``position_weight='auto'`` that the kernels
        read.
    """
    return (
        isinstance(vectorizer, LexicalVectorizer)
        and vectorizer.position_weight == "auto"
        and vectorizer.input == "content"
        and vectorizer._uses_kernels()
    )


def piece_tokenizer(vectorizer: LexicalVectorizer) -> object | None:
    """Return the tokenizer whose pieces are terms of a fitted stage.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        Fitted.

    Returns
    -------
    tokenizers.Tokenizer or None
        None if no term is a piece, or if pieces are text apart from the mark ``##``.
    """
    lexicon = vectorizer._lexicon
    if lexicon is None or lexicon.subwords is None or lexicon.subwords.in_kernel:
        return None
    return lexicon.subwords.library


def reads_iterators(vectorizer: object) -> bool:
    """Whether `transform` of a lexical stage takes documents that are read only once.

    Parameters
    ----------
    vectorizer : estimator
        Any lexical stage.

    Returns
    -------
    bool
        False for stages of other classes, which may read documents several times.
    """
    return (
        isinstance(vectorizer, LexicalVectorizer)
        and type(vectorizer).transform is LexicalVectorizer.transform
    )


@fit_context(prefer_skip_nested_validation=True)
def fit_with_words(
    vectorizer: LexicalVectorizer, raw_documents: Iterable[str], words: Sequence[str]
) -> tuple[sparse.csr_matrix, Extension]:
    """Fit a stage, and add words that its documents lack to its terms.

    Parameters
    ----------
    vectorizer : LexicalVectorizer
        `takes_words` must be true for it; changed in place.
    raw_documents : iterable of str of length n_samples
        Documents.
    words : sequence of str
        Words. They are added in order, until there are `max_features` terms.

    Returns
    -------
    X : sparse matrix of shape (n_samples, n_features)
        As `fit_transform` returns it; the columns of added words are the last.
    extension : Extension
        The new lexicon, the added words and the lost words.
    """
    with vectorizer._changing() as new:
        learnt = new._learn(raw_documents, words)
        return learnt.matrix(), learnt.extension


def fits_float32(values: np.ndarray) -> bool:
    """Whether float32 holds values, their products and sums without over- or underflow.

    Parameters
    ----------
    values : ndarray
        Values of a float type.

    Returns
    -------
    bool
        False if a value is NaN, infinite, very large, or very small but not zero.
    """
    magnitudes = np.abs(values)
    is_ordinary = (magnitudes >= 1e-12) & (magnitudes <= 1e12)
    return bool((is_ordinary | (values == 0)).all())


def align_interface(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """Convert a matrix to the class that scikit-learn is configured to return.

    Parameters
    ----------
    X : sparse matrix
        In CSR format.

    Returns
    -------
    sparse matrix or sparse array
        The same values; an array if scikit-learn's ``sparse_interface`` is 'sparray'.
    """
    if get_config().get("sparse_interface") == "sparray":
        # A user who has set it expects an array, which has the same interface.
        return sparse.csr_array(X)  # type: ignore[return-value]
    return X


def default_lexical_stage() -> LexicalVectorizer:
    """Return a new stage, as ``LuxicalVectorizer(lexical=None)`` uses it.

    Returns
    -------
    LexicalVectorizer
        Its terms are words of one character or more, pairs of words, and word pieces
        learnt on the documents; the 200,000 most frequent of them.
    """
    return LexicalVectorizer(
        analyzer="word+subword",
        ngram_range=(1, 2),
        # Single characters are words too, such as R, C and 3.
        token_pattern=r"(?u)\b\w+\b",
        segmentation="unicode",
        subwords_of="unknown",
        position_weight="auto",
        sublinear_tf=True,
        max_features=200_000,
        dtype=np.float32,
    )
