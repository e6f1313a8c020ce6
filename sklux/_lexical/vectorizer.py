"""LexicalVectorizer: TfidfVectorizer's matrix from the kernels."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from numbers import Integral
from typing import Self

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.base import _fit_context
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklux._kernels.tokens import renumber
from sklux._kernels.words import WordTable
from sklux._lexical.analysis import (
    PieceSource,
    analyzes_as_scikit_learn,
    ngram_bounds,
    text_source,
)
from sklux._lexical.buffers import TextBuffers, text_buffers
from sklux._lexical.counting import CorpusTerms, count_terms
from sklux._lexical.lookup import TermReader, numbers_in, term_reader
from sklux._lexical.matrix import MatrixParts, Weighing
from sklux._lexical.subwords import (
    Subwords,
    learn_wordpieces,
    read_tokenizer,
    sampled_documents,
)
from sklux._lexical.tokens import (
    Source,
    Strings,
    pack_strings,
    range_edges,
    read_corpus,
    read_range,
)
from sklux._utils.documents import check_iterable, refuse_document, refuse_missing
from sklux._utils.estimators import Settings, has_learnt
from sklux._utils.html import DocLinkMixin
from sklux._utils.threads import run_ranges

SUBWORD_ANALYZERS = ("subword", "word+subword")
# Parameters by which the words of documents are read.
READING = ("input", "encoding", "decode_error", "strip_accents", "lowercase")
READING += ("token_pattern", "n_jobs")
# Attributes that change while the settings and what was learnt stay.
CHANGING = {"_made_reader", "_made_settings", "_stop_words_id", "n_jobs"}
CHANGING_WITH_TERMS = CHANGING | {"_vocabulary"}
# What the names of terms begin with where there are two kinds.
PART_PREFIXES = ("subword__", "word__")


class LexicalVectorizer(DocLinkMixin, TfidfVectorizer):
    r"""TF-IDF matrix of raw documents: TfidfVectorizer's, many times faster.

    A :class:`~sklearn.feature_extraction.text.TfidfVectorizer` with the same
    parameters, vocabulary, weights and errors; the same rows bit for bit, with
    sorted indices. Text is read, counted and weighed by compiled code on
    ``n_jobs`` threads. Two more analyzers cut text into word pieces.

    Parameters
    ----------
    input : {'content', 'filename', 'file'}, default='content'
        What the documents are: text, names of files, or open files.

    encoding : str, default='utf-8'
        How documents that are bytes are decoded.

    decode_error : {'strict', 'ignore', 'replace'}, default='strict'
        What happens to bytes that do not decode.

    strip_accents : {'ascii', 'unicode'}, callable or None, default=None
        Which accents are removed. Word pieces follow their tokenizer; those that
        are learnt here have none.

    lowercase : bool, default=True
        Whether text becomes lower case first, as by `str.lower`. Word pieces
        follow their tokenizer; those that are learnt here are lower case.

    preprocessor : callable or None, default=None
        Replaces lower-casing and accent stripping.

    tokenizer : callable, str, path-like, tokenizers.Tokenizer or None, default=None
        With ``analyzer='word'`` a callable from a document to its tokens. With
        word pieces a tokenizer of the tokenizers library: a JSON file, JSON text
        or the object; None learns pieces on the documents of `fit`. Special
        tokens are not added, and truncation and padding are off; a special token
        that is written in a text is found there, as by the library.

    analyzer : str or callable, default='word'
        What n-grams are made of: ``'word'``, ``'char'`` (characters),
        ``'char_wb'`` (characters of words), ``'subword'`` (word pieces), or what
        a callable makes of a document. ``'word+subword'`` puts single word pieces
        beside n-grams of words; each of the two parts of a row gets the same
        norm, and their names begin with ``subword__`` and ``word__``.

    stop_words : {'english'}, list of str or None, default=None
        Words to leave out.

    token_pattern : str, default=r"(?u)\b\w\w+\b"
        Regular expression of a word.

    ngram_range : tuple of (int, int), default=(1, 1)
        Least and greatest number of tokens of a term.

    max_df : int or float, default=1.0
        Terms of more documents are left out; a float is a share of them.

    min_df : int or float, default=1
        Terms of fewer documents are left out; a float is a share of them.

    max_features : int or None, default=None
        Only so many terms are kept, the most frequent ones.

    vocabulary : mapping, iterable or None, default=None
        Terms to use, instead of those of the documents.

    binary : bool, default=False
        Whether a term counts once per document.

    dtype : dtype, default=np.float64
        Type of the matrix.

    norm : {'l1', 'l2'} or None, default='l2'
        Norm of each row.

    use_idf : bool, default=True
        Whether rare terms weigh more.

    smooth_idf : bool, default=True
        Whether one more document, holding every term, is counted in.

    sublinear_tf : bool, default=False
        Whether a count c becomes 1 + log(c).

    n_subwords : int, default=20_000
        At most so many word pieces are learnt, where ``tokenizer`` is None.

    n_jobs : int or None, default=None
        Threads of `fit` and `transform`; they change nothing but the time. None
        means 1 unless in a `joblib.parallel_config` context, -1 all processors.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Terms with their columns. The dict is made when it is asked for.

    fixed_vocabulary_ : bool
        Whether ``vocabulary`` was given.

    idf_ : ndarray of shape (n_features,)
        Inverse document frequencies, if ``use_idf``.

    See Also
    --------
    sklearn.feature_extraction.text.TfidfVectorizer : The same in Python.
    LuxicalVectorizer : Dense vectors on top of this matrix.

    Notes
    -----
    Fast are the analyzers ``'word'``, ``'char'`` and ``'char_wb'`` with any
    ``ngram_range``, ``lowercase``, ``strip_accents`` ('ascii', 'unicode' or None)
    and ``stop_words``, where the dtype is float32 or float64, and the
    ``token_pattern`` is a run of word characters of some least length, such as
    ``r"\w+"``, ``r"(?u)\b\w\w+\b"`` or ``r"\b\w{3,}\b"``. So are word pieces of
    BERT's kind ('WordPiece' behind a 'BertNormalizer' and a 'BertPreTokenizer');
    other tokenizers run at the speed of their library. Everything else, a
    callable for instance, is left to scikit-learn, and takes its time.

    Documents are read where they are: a list or array of str, a pandas or polars
    Series, an Arrow array or chunked array is not copied, and from Arrow no
    Python string is made.

    The fast `fit_transform` gives exactly the rows of `transform`. scikit-learn's own
    `fit_transform` sums a row in another order; its values differ in the last
    digits from those of its `transform`, and from these.

    `vocabulary_` is a copy of what was learnt: changes made to the dict itself
    are not seen by `transform`, another dict set in its place is.

    References
    ----------
    .. [1] Devlin et al., BERT, :arxiv:`1810.04805`, for word pieces.

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

    _parameter_constraints: dict = {
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
        "n_subwords": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        input="content",
        encoding="utf-8",
        decode_error="strict",
        strip_accents=None,
        lowercase=True,
        preprocessor=None,
        tokenizer=None,
        analyzer="word",
        stop_words=None,
        token_pattern=r"(?u)\b\w\w+\b",
        ngram_range=(1, 1),
        max_df=1.0,
        min_df=1,
        max_features=None,
        vocabulary=None,
        binary=False,
        dtype=np.float64,
        norm="l2",
        use_idf=True,
        smooth_idf=True,
        sublinear_tf=False,
        n_subwords=20_000,
        n_jobs=None,
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
        self.n_subwords = n_subwords
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
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
        self._check_settings()
        if not self._uses_kernels():
            self._forget_pieces()
            return super().fit(self._python_documents(raw_documents))
        self._learn(raw_documents)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
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
            That of ``fit(raw_documents).transform(raw_documents)``, in less time.
        """
        self._check_settings()
        if not self._uses_kernels():
            self._forget_pieces()
            X = super().fit_transform(self._python_documents(raw_documents))
            X.sort_indices()
            return X
        return self._learn(raw_documents)()

    def transform(self, raw_documents: Iterable[str]) -> sparse.csr_matrix:
        """Map documents to rows of term weights.

        Parameters
        ----------
        raw_documents : iterable of str of length n_samples
            A list or array of str, a pandas or polars Series, an Arrow array or
            chunked array of strings, or any other iterable; file names or files
            according to ``input``.

        Returns
        -------
        sparse matrix of shape (n_samples, n_features)
            In CSR format, with sorted indices.

        Raises
        ------
        ValueError
            If a document is missing; the message gives its position.
        TypeError
            If a document is neither str nor bytes.
        """
        self._check_fitted()
        if not (self._uses_kernels() and self._weighs_in_kernels()):
            return super().transform(self._python_documents(raw_documents))
        if self.stop_words is not None:
            # Warns where they were set since the fit and do not fit the rest.
            self.build_analyzer()
        X = self._rows(self._blocks(raw_documents))
        if self.analyzer in SUBWORD_ANALYZERS and not np.isfinite(X.data).all():
            raise ValueError(
                "A term of the vocabulary has no document in fit, so its idf is "
                "infinite. Set smooth_idf=True."
            )
        if X.shape[0] == 0:
            return self._tfidf.transform(X)  # raises, as scikit-learn does
        return align_interface(X)

    def _fused_parts(
        self, places: np.ndarray | None
    ) -> tuple[TermReader, Weighing] | None:
        """What reads and weighs documents, where the kernels do what `transform` does.

        The columns of the reader are ``places``, by the columns of the matrix; None:
        they are the same. None where the kernels do not know a setting.
        """
        self._check_fitted()
        if not (
            self.input == "content"
            and type(self).transform is LexicalVectorizer.transform
            and self._uses_kernels()
            and self._weighs_in_kernels()
        ):
            return None
        if self.stop_words is not None:
            # Warns where they were set since the fit and do not fit the rest.
            self.build_analyzer()
        if places is not None and len(places) != self._n_columns():
            places = None  # of another model; whoever asks sees that by the number
        reader = self._reader() if places is None else self._new_reader(places)
        weighing = self._weighing()
        if isinstance(getattr(self._tfidf, "idf_", None), np.ndarray):
            # What is made of it would not see a change; another array is seen.
            self._tfidf.idf_.flags.writeable = False
        return (reader, weighing) if fits_float32(weighing.idf) else None

    def _check_fitted(self) -> None:
        """Refuse to transform before a fit, or after one that failed."""
        check_is_fitted(self, msg="The TF-IDF vectorizer is not fitted")
        check_is_fitted(self._tfidf)
        if self.analyzer in SUBWORD_ANALYZERS:
            self._check_settings()
        terms, kinds = vars(self).get("_terms"), 1 + (self.analyzer == "word+subword")
        has_pieces = self.analyzer in SUBWORD_ANALYZERS
        if has_pieces != ("_subwords" in vars(self)) or (
            terms is not None and len(terms) != kinds
        ):
            raise NotFittedError(
                f"This {type(self).__name__} was fitted with another analyzer than "
                f"{self.analyzer!r}. Call fit again."
            )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there are learnt attributes; other threads may add what they made."""
        return has_learnt(self)

    def _forget_pieces(self) -> None:
        """Drop the word pieces of an earlier fit, and what was made of them."""
        vars(self).pop("_subwords", None)

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Terms with their columns; the dict is made when it is asked for."""
        if "_vocabulary" not in vars(self):
            if "_terms" not in vars(self):
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute 'vocabulary_'"
                )
            names = self._term_names()
            self._vocabulary = dict(zip(names, range(len(names))))
        return self._vocabulary

    @vocabulary_.setter
    def vocabulary_(self, vocabulary: dict[str, int]) -> None:
        self._vocabulary = vocabulary
        vars(self).pop("_terms", None)

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
        if "_terms" not in vars(self):
            return super().get_feature_names_out(input_features)
        return np.array(self._term_names(), dtype=object)

    def _term_names(self) -> list[str]:
        """Names of all columns."""
        if len(self._terms) == 1:
            return self._terms[0].tolist()
        return [
            prefix + name
            for prefix, part in zip(PART_PREFIXES, self._terms)
            for name in part.tolist()
        ]

    def __getstate__(self):
        # object's own __getstate__ gives the dict of the instance itself.
        state = dict(super().__getstate__())
        for name in ("_made_reader", "_made_settings"):
            state.pop(name, None)
        if "_terms" in state:
            state.pop("_vocabulary", None)
        return state

    def build_analyzer(self) -> Callable[[str], list[str]]:
        """Return a function from a document to the names of its terms.

        Returns
        -------
        callable
            It gives a term as often as the document holds it.
        """
        if self.analyzer not in SUBWORD_ANALYZERS:
            return super().build_analyzer()
        if self.analyzer == "subword":
            return self._piece_ngrams
        words_of = self._word_analyzer().build_analyzer()
        return partial(self._pieces_and_words, words_of=words_of)

    def _piece_ngrams(self, document: object) -> list[str]:
        """n-grams of the pieces of one document."""
        return self._word_ngrams(self._pieces_of(self.decode(document)))

    def _pieces_and_words(
        self, document: object, words_of: Callable[[str], list[str]]
    ) -> list[str]:
        """Pieces and words of one document, with the prefix of each kind."""
        text = self.decode(document)  # a file can be read only once
        parts = zip(PART_PREFIXES, (self._pieces_of(text), words_of(text)))
        return [prefix + term for prefix, part in parts for term in part]

    def _uses_kernels(self) -> bool:
        """Whether the kernels know all settings; else scikit-learn does the work."""
        if self.analyzer in SUBWORD_ANALYZERS:
            return True
        return (
            analyzes_as_scikit_learn(self, LexicalVectorizer)
            and is_float_type(self.dtype)
            and self.analyzer in ("word", "char", "char_wb")
            and text_source(self, self.analyzer) is not None
        )

    def _sources(self) -> tuple[Source, ...]:
        """What the kernels read: pieces, words, characters, or pieces and words."""
        if self.analyzer not in SUBWORD_ANALYZERS:
            return (text_source(self, self.analyzer),)
        if "_subwords" not in vars(self):
            raise NotFittedError(
                f"This {type(self).__name__} has no word pieces yet, which fit takes "
                "from the tokenizer or from the documents. Call fit first."
            )
        if self.analyzer == "subword":
            return (PieceSource(self._subwords, self.ngram_range),)
        return PieceSource(self._subwords, (1, 1)), text_source(self, "word")

    def _weighs_in_kernels(self) -> bool:
        """Whether the idf is as the kernels take it: finite, and one a column."""
        width = self._n_columns()
        if getattr(self._tfidf, "n_features_in_", width) != width:
            return False
        idf = getattr(self._tfidf, "idf_", None)
        if not isinstance(idf, np.ndarray):
            return idf is None
        if self.analyzer in SUBWORD_ANALYZERS:
            # scikit-learn knows no norm of two parts; the idf is cast.
            return idf.shape == (width,)
        return (
            idf.shape == (width,)
            and idf.dtype == self.dtype
            and bool(np.isfinite(idf.sum()))
        )

    def _python_documents(self, raw_documents: Iterable) -> Iterable:
        """Documents as scikit-learn iterates over them; none of them is missing."""
        if hasattr(raw_documents, "to_pylist"):
            raw_documents = raw_documents.to_pylist()
        if isinstance(raw_documents, str) or callable(self.analyzer):
            return raw_documents
        check_iterable(raw_documents)
        return refuse_missing(raw_documents)

    def _blocks(self, raw_documents: Iterable[str]) -> Iterator[TextBuffers]:
        """Blocks of documents; what is given as bytes, names or files is read."""
        if isinstance(raw_documents, str):
            raise ValueError(
                "Iterable over raw text documents expected, string object received."
            )
        if self.input != "content":
            return text_buffers(map(self.decode, raw_documents))
        return text_buffers(raw_documents, self._decode_bytes)

    def _decode_bytes(self, document: object, position: int) -> str:
        """Decode bytes; anything else is no document."""
        if not isinstance(document, bytes):
            refuse_document(document, position)
        return self.decode(document)

    def _learn(self, raw_documents: Iterable[str]) -> Callable[[], sparse.csr_matrix]:
        """Learn terms and idf; return what makes the matrix of the documents."""
        self._check_params()
        self._validate_ngram_range()
        self._warn_for_unused_params()
        self._validate_vocabulary()
        blocks = self._blocks(raw_documents)
        self._forget_pieces()
        if self.analyzer in SUBWORD_ANALYZERS:
            blocks = list(blocks)
            self._subwords = self._learn_subwords(blocks)
        # Warns where stop words do not fit the other settings.
        self.build_analyzer()
        sources = self._sources()
        self._tfidf = TfidfTransformer(
            norm=self.norm,
            use_idf=self.use_idf,
            smooth_idf=self.smooth_idf,
            sublinear_tf=self.sublinear_tf,
        )
        if self.fixed_vocabulary_:
            return self._learn_idf(list(blocks))
        return self._learn_terms(blocks, sources)

    def _check_settings(self) -> None:
        """Refuse settings that scikit-learn has no words for."""
        if self.analyzer not in SUBWORD_ANALYZERS:
            if self.tokenizer is not None and not callable(self.tokenizer):
                raise ValueError(
                    "The 'tokenizer' parameter of LexicalVectorizer must be a callable "
                    f"or None when analyzer={self.analyzer!r}. Got "
                    f"{type(self.tokenizer).__name__} instead. A tokenizer of word "
                    "pieces needs analyzer='subword' or 'word+subword'."
                )
            return
        self._validate_ngram_range()
        if not is_float_type(self.dtype):
            raise ValueError(
                "The 'dtype' parameter of LexicalVectorizer must be np.float32 or "
                f"np.float64 when analyzer={self.analyzer!r}. Got {self.dtype!r} "
                "instead."
            )
        if not analyzes_as_scikit_learn(self, LexicalVectorizer):
            raise ValueError(
                f"{type(self).__name__} overrides a method of the analysis, which "
                f"analyzer={self.analyzer!r} does not call. Use analyzer='word'."
            )
        if self.analyzer == "subword":
            is_known = ngram_bounds(self.ngram_range) is not None
        else:
            is_known = text_source(self, "word") is not None
        if not is_known:
            names = ("ngram_range",)
            if self.analyzer == "word+subword":
                names += (
                    "token_pattern",
                    "preprocessor",
                    "strip_accents",
                    "stop_words",
                )
            values = [f"{name}={getattr(self, name)!r}" for name in names]
            raise ValueError(
                f"analyzer={self.analyzer!r} runs in the kernels alone, which know "
                "ngram_range from 1 up, token patterns such as '(?u)\\b\\w\\w+\\b', "
                "strip_accents that is no callable, stop words that are str, and no "
                f"preprocessor. Got {', '.join(values)}."
            )

    def _warn_for_unused_params(self) -> None:
        if self.analyzer not in SUBWORD_ANALYZERS:
            super()._warn_for_unused_params()
            return
        unused = {"preprocessor": None}
        if self.analyzer == "subword":
            unused |= {
                "lowercase": True,
                "stop_words": None,
                "strip_accents": None,
                "token_pattern": r"(?u)\b\w\w+\b",
            }
        for name, default in unused.items():
            if getattr(self, name) != default:
                warnings.warn(
                    f"The parameter {name!r} will not be used since 'analyzer' == "
                    f"{self.analyzer!r}",
                    stacklevel=2,
                )

    def _learn_subwords(self, blocks: list[TextBuffers]) -> Subwords:
        """The pieces of the given tokenizer, or pieces learnt on the documents."""
        if self.tokenizer is None:
            learnt = learn_wordpieces(sampled_documents(blocks), self.n_subwords)
            return Subwords(learnt)
        subwords = Subwords(read_tokenizer(self.tokenizer))
        if self.analyzer == "subword" and self.ngram_range[1] > 1:
            spaced = [piece for piece in subwords.pieces.tolist() if " " in piece]
            if spaced:
                raise ValueError(
                    "n-grams of word pieces are joined by blanks, but the tokenizer "
                    f"has pieces with a blank in them, such as {spaced[0]!r}. Set "
                    "ngram_range=(1, 1)."
                )
        return subwords

    def _pieces_of(self, document: str) -> list[str]:
        """Word pieces of one document."""
        source = self._sources()[0]
        (buffers,) = text_buffers([document])
        tokens = read_range(
            source, source.analysis(buffers), buffers, 0, 1, WordTable(), False
        )
        pieces = source.pieces.tolist()
        return [pieces[number] for number in tokens.numbers]

    def _word_analyzer(self) -> TfidfVectorizer:
        """What analyzes words as scikit-learn does, also those of 'word+subword'."""
        names = inspect.signature(TfidfVectorizer).parameters
        params = {name: getattr(self, name) for name in names}
        return TfidfVectorizer(
            **params | {"analyzer": "word", "tokenizer": None, "input": "content"}
        )

    def _learn_idf(self, blocks) -> Callable[[], sparse.csr_matrix]:
        """Learn the idf of given terms."""
        # Pieces may have capitals: their tokenizer decides on those.
        words = self.vocabulary
        if self.analyzer in SUBWORD_ANALYZERS:
            words = (
                term.removeprefix(PART_PREFIXES[1])
                for term in self.vocabulary
                if term.startswith(PART_PREFIXES[1]) and self.analyzer != "subword"
            )
        if self.lowercase and any(any(map(str.isupper, word)) for word in words):
            warnings.warn(
                "Upper case characters found in vocabulary while 'lowercase' is True. "
                "These entries will not be matched with any documents",
                stacklevel=2,
            )
        counts = self._rows(blocks, Weighing(self.dtype))
        if counts.shape[0] == 0:
            self._tfidf.fit(counts)  # raises, as scikit-learn does
        df = np.bincount(counts.indices, minlength=counts.shape[1])
        self._set_idf(df, counts.shape[0])
        return lambda: align_interface(self._rows(blocks))

    def _learn_terms(self, blocks, sources) -> Callable[[], sparse.csr_matrix]:
        """Learn the terms, then their idf."""
        if len(sources) > 1:
            blocks = list(blocks)
        corpora = [read_corpus(source, blocks, self.n_jobs) for source in sources]
        terms = [
            count_terms(
                streams,
                len(words),
                source.ngram_range,
                source.whole_segments,
                self.n_jobs,
            )
            for source, (streams, words) in zip(sources, corpora)
        ]
        n_documents = sum(len(stream.ends) for stream in corpora[0][0])
        keep = self._choose_terms(terms, n_documents)
        parts = np.split(keep, np.cumsum([len(part) for part in terms])[:-1])
        names = tuple(
            part.names(chosen, words, source.separator)
            for source, part, chosen, (_, words) in zip(sources, terms, parts, corpora)
        )
        df = np.concatenate([part.df for part in terms])[keep]
        del terms, keep, parts
        self._set_terms(names)
        self._set_idf(df, n_documents)
        return lambda: align_interface(self._rows_of_corpora(corpora))

    def _set_terms(self, terms: tuple[Strings, ...]) -> None:
        """Take learnt terms, and forget what was made of earlier ones."""
        vars(self).pop("_vocabulary", None)
        self._terms = terms

    def _takes_words(self) -> bool:
        """Whether words can be added to what fit learns: terms that are words."""
        has_words = self.analyzer in ("word", "word+subword")
        return has_words and self.vocabulary is None and self._uses_kernels()

    def _add_words(self, words: Iterable[str], raw_documents: Iterable) -> list[str]:
        """Make terms of words that the documents lack, as far as there is room.

        Returns those that are terms now, in the order of their columns, which come
        last. Their idf is that of a term of one document. Words that the documents
        have, though they were left out by `min_df` or `max_df`, stay out; so do those
        that are no single token of their own, or whose tokens are left out.
        """
        analyzer = self._word_analyzer()
        analyze, preprocess = analyzer.build_analyzer(), analyzer.build_preprocessor()
        known = self._terms[-1].tolist()
        is_known = set(known)
        new = [
            word
            for word in dict.fromkeys(map(preprocess, words))
            if word not in is_known and analyze(word) == [word]
        ]
        if self.max_features is not None:
            new = new[: max(self.max_features - self._n_columns(), 0)]
        new = self._words_that_lack(new, raw_documents)
        if not new:
            return []
        self._set_terms((*self._terms[:-1], pack_strings(known + new)))
        if self.use_idf:
            idf = self._tfidf.idf_
            self._set_idf(np.ones(len(new)), len(raw_documents))
            self._tfidf.idf_ = np.concatenate([idf, self._tfidf.idf_])
        self._tfidf.n_features_in_ = self._n_columns()
        return new

    def _words_that_lack(self, words: list[str], raw_documents: Iterable) -> list[str]:
        """Words that no document has, whatever `min_df` and `max_df` left of them."""
        if not words:
            return []
        params = {name: getattr(self, name) for name in READING}
        counter = LexicalVectorizer(vocabulary=words, use_idf=False, **params)
        counts = counter.fit_transform(raw_documents)
        is_there = np.bincount(counts.indices, minlength=len(words)) > 0
        return [word for word, found in zip(words, is_there) if not found]

    def _learnt(self) -> tuple[tuple[Strings, ...] | None, Subwords | None]:
        """What fit has learnt: terms, unless they were given, and word pieces."""
        return vars(self).get("_terms"), vars(self).get("_subwords")

    def _restore_learnt(
        self, terms: tuple[Strings, ...], subwords: Subwords | None
    ) -> None:
        """Take what `_learnt` gave."""
        self._set_terms(terms)
        if subwords is not None:
            self._subwords = subwords

    def _choose_terms(self, terms: list[CorpusTerms], n_documents: int) -> np.ndarray:
        """Which terms stay: those that max_df, min_df and max_features leave."""
        tf, df = terms[0].tf, terms[0].df
        if len(terms) > 1:
            tf = np.concatenate([part.tf for part in terms])
            df = np.concatenate([part.df for part in terms])
        if len(df) == 0:
            raise ValueError(
                "empty vocabulary; perhaps the documents only contain stop words"
            )
        high, low = (
            bound if isinstance(bound, Integral) else bound * n_documents
            for bound in (self.max_df, self.min_df)
        )
        if high < low:
            raise ValueError("max_df corresponds to < documents than min_df")
        keep = (df <= high) & (df >= low)
        if self.max_features is not None and keep.sum() > self.max_features:
            # Among terms of the same frequency NumPy's sort decides, so it has to
            # see what scikit-learn shows it, in the same dtype.
            candidates = np.flatnonzero(keep)
            frequency = (df if self.binary else tf)[candidates].astype(self.dtype)
            np.negative(frequency, out=frequency)
            chosen = frequency.argsort()[: self.max_features]
            keep[:] = False
            keep[candidates[chosen]] = True
        if not keep.any():
            raise ValueError(
                "After pruning, no terms remain. Try a lower min_df or a higher max_df."
            )
        return keep

    def _set_idf(self, df: np.ndarray, n_documents: int) -> None:
        """Take idf = log((n + s) / (df + s)) + 1 with s = 1 if smooth_idf else 0."""
        self._tfidf.n_features_in_ = len(df)
        if self.use_idf:
            smooth = int(self.smooth_idf)
            # In the dtype of the matrix at each step, as in scikit-learn.
            dtype = np.dtype(self.dtype)
            n_seen = np.full(len(df), n_documents + smooth, dtype=dtype)
            n_seen /= df.astype(dtype) + float(smooth)
            self._tfidf.idf_ = np.log(n_seen) + 1
            # As after a transform: see `_fused_parts`.
            self._tfidf.idf_.flags.writeable = False

    def _weighing(self) -> Weighing:
        """How the fitted stage weighs counts."""
        return Weighing(
            self.dtype,
            sublinear_tf=self._tfidf.sublinear_tf,
            binary=self.binary,
            idf=getattr(self._tfidf, "idf_", None),
            norm=self._tfidf.norm,
            second_part=self._reader().second_part,
        )

    def _settings(self) -> tuple:
        """All that decides how documents are read and weighed, for comparison."""
        # The dict of learnt terms is made when somebody asks for it.
        changing = CHANGING_WITH_TERMS if "_terms" in vars(self) else CHANGING
        # Copies: other threads may add what they made meanwhile.
        items = vars(self).copy().items()
        state = [item for item in items if item[0] not in changing]
        state += vars(self._tfidf).copy().items()
        made = vars(self).get("_made_settings")
        if made is None or not made.holds(state):
            self._made_settings = made = Settings(type(self), state)
        return made.key

    def _reader(self) -> TermReader:
        """What reads documents; kept until a setting changes."""
        settings = self._settings()
        made = vars(self).get("_made_reader")
        if made is None or made[0] != settings:
            made = settings, self._new_reader()
            # Another thread may have changed a setting meanwhile.
            if self._settings() == settings:
                self._made_reader = made
        return made[1]

    def _new_reader(self, columns: np.ndarray | None = None) -> TermReader:
        """What reads documents, with the columns of the matrix or other ones."""
        terms = self._terms if "_terms" in vars(self) else self._given_terms()
        return term_reader(self._sources(), terms, columns)

    def _n_columns(self) -> int:
        """Width of the matrix."""
        if "_terms" in vars(self):
            return sum(len(part) for part in self._terms)
        return len(self._vocabulary)

    def _given_terms(self) -> tuple[Strings, ...]:
        """Terms of a vocabulary that the user gave, in the order of their columns."""
        vocabulary = self.vocabulary_
        terms = sorted(vocabulary, key=vocabulary.__getitem__)
        if self.analyzer != "word+subword":
            # A term that is no str is in no document, as two blanks are not.
            return (pack_strings([t if isinstance(t, str) else "  " for t in terms]),)
        n_pieces = sum(term.startswith(PART_PREFIXES[0]) for term in terms)
        parts = terms[:n_pieces], terms[n_pieces:]
        for part, prefix in zip(parts, PART_PREFIXES):
            if not all(term.startswith(prefix) for term in part):
                raise ValueError(
                    "With analyzer='word+subword' the terms of a vocabulary begin with "
                    f"{PART_PREFIXES[0]!r} or {PART_PREFIXES[1]!r}, and those with the "
                    "first come first."
                )
        return tuple(
            pack_strings([term[len(prefix) :] for term in part])
            for part, prefix in zip(parts, PART_PREFIXES)
        )

    def _rows(self, blocks, weighing=None) -> sparse.csr_matrix:
        """Rows of documents."""
        reader = self._reader()
        parts = MatrixParts(
            reader.indexes, self._n_columns(), weighing or self._weighing()
        )
        for number, block in enumerate(blocks):
            self._read_rows(parts, reader, number, block)
        return parts.matrix(self.n_jobs)

    def _read_rows(self, parts, reader, number, block) -> None:
        """Add the rows of a block of documents."""
        analyses = reader.analyses(block)

        def work(start: int, stop: int) -> None:
            parts.add((number, start), reader.read(analyses, block, start, stop))

        run_ranges(work, range_edges(block), self.n_jobs)

    def _rows_of_corpora(self, corpora) -> sparse.csr_matrix:
        """Rows of the documents that the terms were learnt from; uses them up."""
        indexes = self._reader().indexes
        parts = MatrixParts(indexes, self._n_columns(), self._weighing())
        numbers = [
            numbers_in(index, words) for index, (_, words) in zip(indexes, corpora)
        ]

        def work(start: int, stop: int) -> None:
            for i in range(start, stop):
                tokens = tuple(streams[i] for streams, _ in corpora)
                for streams, _ in corpora:
                    streams[i] = None  # their memory is needed for the rows
                for part, known in zip(tokens, numbers):
                    renumber(part.numbers, known)
                parts.add((0, i), tokens)

        run_ranges(work, list(range(len(corpora[0][0]) + 1)), self.n_jobs)
        return parts.matrix(self.n_jobs)


def fits_float32(values: np.ndarray) -> bool:
    """Whether values, products and sums of them are at home in float32.

    Parameters
    ----------
    values : ndarray
        Of a float type.

    Returns
    -------
    bool
        False where one is NaN or infinite, or not zero and very large or small.
    """
    magnitudes = np.abs(values)
    is_ordinary = (magnitudes >= 1e-12) & (magnitudes <= 1e12)
    return bool((is_ordinary | (values == 0)).all())


def is_float_type(dtype: object) -> bool:
    """Whether a dtype is one that the kernels compute in.

    Parameters
    ----------
    dtype : dtype-like
        Anything a user may give.

    Returns
    -------
    bool
        True for float32 and float64.
    """
    try:
        return np.dtype(dtype) in (np.float32, np.float64)
    except TypeError:
        return False


def align_interface(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """Give a matrix the kind that scikit-learn is configured to return.

    Parameters
    ----------
    X : sparse matrix
        In CSR format.

    Returns
    -------
    sparse matrix or sparse array
        The same values; an array where scikit-learn's ``sparse_interface`` is
        'sparray'.
    """
    if get_config().get("sparse_interface") == "sparray":
        return sparse.csr_array(X)
    return X


def default_lexical_stage() -> LexicalVectorizer:
    """Return the stage that ``LuxicalVectorizer(lexical=None)`` means.

    Returns
    -------
    LexicalVectorizer
        Words of one character up and pairs of them beside word pieces learnt on
        the documents, the 200,000 most frequent.
    """
    return LexicalVectorizer(
        analyzer="word+subword",
        ngram_range=(1, 2),
        # Single characters count: R, C and 3 are words in the texts people have.
        token_pattern=r"(?u)\b\w+\b",
        sublinear_tf=True,
        max_features=200_000,
        dtype=np.float32,
    )
