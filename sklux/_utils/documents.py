"""Checks of raw documents, their copies, and their two halves."""

from collections.abc import (
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Sized,
)
from functools import wraps
from hashlib import blake2b
from itertools import islice
from typing import Any, Literal, NoReturn, SupportsFloat, TypeAlias, TypeVar

import numpy as np

from sklux._utils.tables import (
    column_names,
    is_batch_stream,
    is_table,
    python_values,
    read_batch_stream,
    table_columns,
)

EstimatorType = TypeVar("EstimatorType", bound=type)
# What happens to missing documents: an error, or they are read as empty texts.
NullDocuments: TypeAlias = Literal["error", "empty"]
NULL_DOCUMENTS = ("error", "empty")


def documents_by_name(estimator: EstimatorType) -> EstimatorType:
    """Accept the keyword ``raw_documents`` in `transform` and `fit_transform`.

    scikit-learn's ``set_output`` wraps the two methods in methods whose first parameter
    is called ``X``.

    Parameters
    ----------
    estimator : type
        Class of a text transformer.

    Returns
    -------
    type
        The same class.
    """

    def accept(method: Callable[..., object]) -> Callable[..., object]:
        @wraps(method)
        def call(self: object, *args: object, **kwargs: object) -> object:
            if "raw_documents" in kwargs:
                args = (kwargs.pop("raw_documents"), *args)
            return method(self, *args, **kwargs)

        return call

    for name in {"transform", "fit_transform"} & set(vars(estimator)):
        setattr(estimator, name, accept(vars(estimator)[name]))
    return estimator


def check_documents(
    raw_documents: Iterable[str], null_documents: NullDocuments | None = None
) -> list[str]:
    """Return the documents as a list of str.

    Parameters
    ----------
    raw_documents : iterable of str
        A list, array, pandas or polars Series, Arrow array, generator, or a table with
        one column: a data frame, an Arrow table or reader, a relation of DuckDB.
    null_documents : {'error', 'empty'} or None, default=None
        What happens to missing documents. None means an error whose message does not
        name this parameter.

    Returns
    -------
    list of str of length n_samples
        The documents, in order.

    Raises
    ------
    ValueError
        If `raw_documents` is a single string, a mapping to texts or columns, or has two
        or more columns, or a document is missing; the message gives its position.
    TypeError
        If `raw_documents` is not iterable, or a document is not a str; the message
        gives its position.
    """
    column = document_column(raw_documents)
    # Iteration over an Arrow array yields Arrow scalars; its list holds strings.
    documents = list(python_values(column, "raw_documents"))
    for position, document in enumerate(documents):
        if isinstance(document, str):
            continue
        if null_documents != "empty" or not is_missing(document):
            n_missing = sum(map(is_missing, documents[position:]))
            refuse_document(document, position, null_documents, n_missing)
        documents[position] = ""
    return documents


def document_column(raw_documents: Any) -> Any:
    """Return the documents as one column.

    Parameters
    ----------
    raw_documents : object
        The documents that a caller gave.

    Returns
    -------
    iterable
        The only column of a table or of an array with two dimensions; any other
        iterable unchanged.

    Raises
    ------
    ValueError
        If `raw_documents` is a single string, or a mapping to texts or columns, or does
        not have one column.
    TypeError
        If `raw_documents` is not iterable.
    """
    if isinstance(raw_documents, (str, bytes)):
        raise ValueError(
            "raw_documents must be an iterable of documents. Got a single "
            f"{type(raw_documents).__name__} instead. To use one document, put it "
            "in a list: [document]."
        )
    # The keys of other mappings may be the documents: a counter, or dict.fromkeys.
    if isinstance(raw_documents, Mapping) and any(
        isinstance(value, Iterable) for value in raw_documents.values()
    ):
        raise ValueError(
            "raw_documents must be an iterable of documents. Got a "
            f"{type(raw_documents).__name__} with the keys "
            f"{', '.join(map(repr, islice(raw_documents, 3)))}, ... instead. Give its "
            "values, or one of its columns: table['text']."
        )
    kind = type(raw_documents).__name__
    if is_batch_stream(raw_documents):
        raw_documents = read_batch_stream(raw_documents)
    if is_table(raw_documents):
        return only_column(raw_documents, kind)
    shape: tuple[int, ...] = getattr(raw_documents, "shape", (1,))
    if len(shape) == 2 and shape[1] == 1 and isinstance(raw_documents, np.ndarray):
        return raw_documents.ravel()
    if len(shape) != 1:
        raise ValueError(
            "raw_documents must have one dimension, one string per document. Got "
            f"{type(raw_documents).__name__} of shape {shape} instead. "
            "Select one column of text."
        )
    if not isinstance(raw_documents, Iterable):
        # A lazy frame of polars.
        is_lazy = hasattr(type(raw_documents), "collect")
        remedy = " Collect it first: raw_documents.collect()." if is_lazy else ""
        raise TypeError(
            "raw_documents must be an iterable of str. Got "
            f"{type(raw_documents).__name__} instead.{remedy}"
        )
    return raw_documents


def only_column(table: Any, kind: str) -> Any:
    """Return the column of a table that has only one.

    Parameters
    ----------
    table : pandas or polars DataFrame, Arrow table or record batch
        The table.
    kind : str
        Name of the type that the caller gave, for the message.

    Returns
    -------
    pandas or polars Series, Arrow array or chunked array
        Its column.

    Raises
    ------
    ValueError
        If there are more columns, or none.
    """
    columns = list(table_columns(table))
    if len(columns) == 1:
        return columns[0]
    names = column_names(table)
    found = f"the columns {', '.join(map(repr, names))}" if names else "no columns"
    raise ValueError(
        "raw_documents must be one column of text, and not a table: a table is read "
        f"column by column. Got {kind} with {found}. Select one: "
        "table['text'], by its name in a scikit-learn ColumnTransformer, or by cols= "
        "in skrub's ApplyToCols, which can also apply the estimator to each of several."
    )


def is_missing(document: object) -> bool:
    """Whether a document is a missing value.

    Missing values are None, NaN, NaT, pandas' NA, NumPy's masked value and a null of
    Arrow.

    Parameters
    ----------
    document : object
        One document.

    Returns
    -------
    bool
        True for a missing value.
    """
    # An array of tokens has no truth value when compared.
    if isinstance(document, str | bytes) or (
        isinstance(document, Sized) and document is not np.ma.masked
    ):
        return False
    # A comparison with NA has no truth value; NaN and NaT are not equal to themselves.
    return (
        document is None
        or document is np.ma.masked
        or type(document).__name__ in ("NAType", "NaTType")
        or getattr(document, "is_valid", True) is False
        or (isinstance(document, SupportsFloat) and bool(document != document))
    )


def read_nulls(
    documents: Iterable[Any],
    null_documents: NullDocuments,
    *,
    read: Callable[[Any], Any] = lambda document: document,
    empty: Callable[[], Any] = str,
) -> Iterator[Any]:
    """Yield documents, and an empty one for each missing one.

    Parameters
    ----------
    documents : iterable
        Documents of any kind.
    null_documents : {'error', 'empty'}
        What happens to missing documents.
    read : callable
        Called with each document that is not missing; returns what is yielded.
    empty : callable, default=str
        Makes what is yielded for a missing document.

    Yields
    ------
    object
        The documents.

    Raises
    ------
    ValueError
        If a document is missing and that is an error; the message gives its position.
    """
    for position, document in enumerate(documents):
        if not is_missing(document):
            yield read(document)
        elif null_documents == "empty":
            yield empty()
        else:
            refuse_document(document, position, null_documents)


def refuse_document(
    document: object,
    position: int,
    null_documents: NullDocuments | None = None,
    n_missing: int = 1,
) -> NoReturn:
    """Raise the error for a document that is not a str.

    Parameters
    ----------
    document : object
        The document.
    position : int
        Position of the document among all documents, from 0.
    null_documents : {'error', 'empty'} or None, default=None
        The caller's parameter of this name; None if the caller does not have it.
    n_missing : int, default=1
        Number of missing documents, as far as it is known.

    Raises
    ------
    ValueError
        If the document is a missing value.
    TypeError
        If the document is any other object.
    """
    if is_missing(document):
        nan = isinstance(document, float)
        # scikit-learn's message, which its estimator checks look for.
        known = "np.nan is an invalid document, expected byte or unicode string. "
        more = f", the first of {n_missing}" if n_missing > 1 else ""
        remedy = "" if null_documents is None else ", or set null_documents='empty'"
        raise ValueError(
            f"{known if nan else ''}raw_documents has a missing value ({document!r}) "
            f"at position {position}{more}. Drop or fill missing values{remedy}."
        )
    raise TypeError(
        "raw_documents must hold only str. Got "
        f"{type(document).__name__} at position {position}: "
        f"{repr(document)[:60]}. {_remedy(document)}"
    )


def _remedy(document: object) -> str:
    """How to make a str of a document of another type."""
    if isinstance(document, bytes):
        return "Decode it: document.decode()."
    if isinstance(document, Mapping):
        return "Take its text, such as document['text']."
    if isinstance(document, str | Iterable):
        return "If it holds the tokens of a document, join them: ' '.join(document)."
    return "Convert it to a str, or leave it out."


def copy_groups(documents: Iterable[object]) -> np.ndarray:
    """Number the documents so that copies, and only copies, have the same number.

    Two texts are copies if they differ at most in white space and in case.

    Parameters
    ----------
    documents : iterable of length n_samples
        Documents, or a table with one column of them. Bytes are read as UTF-8, a
        missing document as the empty text. Lists of tokens and mappings are compared
        value by value. Documents of other kinds are copies if they are equal; if they
        cannot be hashed, they have no copies.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=np.intp
        Numbers from 0, in the order of the first document of each group.
    """
    column = document_column(documents)
    numbers: dict[Hashable, int] = {}
    groups = []
    for document in python_values(column, "raw_documents"):
        try:
            number = numbers.setdefault(_copy_key(document), len(numbers))
        except TypeError:
            number = numbers.setdefault(object(), len(numbers))
        groups.append(number)
    return np.array(groups, dtype=np.intp)


def _copy_key(document: object) -> Hashable:
    """Return a value that copies have in common; texts are hashed to save memory."""
    # Arrays cannot be hashed, and have no truth value.
    if isinstance(document, Hashable) and is_missing(document):
        document = ""
    if isinstance(document, bytes):
        document = document.decode("utf-8", "surrogateescape")
    if isinstance(document, str):
        text = " ".join(document.casefold().split())
        encoded = text.encode("utf-8", "surrogatepass")
        return blake2b(encoded, digest_size=16).digest()
    if isinstance(document, Mapping):
        return frozenset((key, _copy_key(value)) for key, value in document.items())
    if isinstance(document, list | tuple):
        return tuple(map(_copy_key, document))
    return document


def text_hashes(documents: Sequence[str]) -> np.ndarray:
    """Hash texts, to draw a sample that does not depend on their order.

    Parameters
    ----------
    documents : sequence of str of length n_samples
        Texts.

    Returns
    -------
    ndarray of shape (n_samples,), dtype=np.uint64
        Equal texts have equal hashes, on every machine.
    """
    digests = b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text in documents
    )
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def first_of_groups(groups: np.ndarray) -> np.ndarray:
    """Positions of the first document of each group.

    Parameters
    ----------
    groups : ndarray of shape (n_samples,), dtype=np.intp
        Numbers of groups, such as `copy_groups` returns.

    Returns
    -------
    ndarray of shape (n_groups,), dtype=np.intp
        Positions, ascending.
    """
    return np.sort(np.unique(groups, return_index=True)[1])


def split_halves(raw_documents: Iterable[str]) -> tuple[list[str], list[str]]:
    """Split each document at the space nearest to its middle.

    Parameters
    ----------
    raw_documents : iterable of str of length n_samples
        Documents. If two spaces are equally near to the middle, the first one is
        taken. A document without a space has an empty second half.

    Returns
    -------
    first, second : list of str of length n_samples
        The halves, without the space between them.

    Examples
    --------
    >>> from sklux.metrics import split_halves
    >>> split_halves(["one two three", "word"])
    (['one two', 'word'], ['three', ''])
    """
    halves = [split_document(document) for document in check_documents(raw_documents)]
    return [first for first, _ in halves], [second for _, second in halves]


def halves_in_turn(documents: Sequence[str]) -> Iterator[str]:
    """Yield the first halves of all documents, then all second halves.

    Parameters
    ----------
    documents : sequence of str of length n_samples
        Documents, split as in `split_halves`.

    Yields
    ------
    str
        2 * n_samples halves; only one of them is in memory.
    """
    for side in (0, 1):
        for document in documents:
            yield split_document(document)[side]


def split_document(document: str) -> tuple[str, str]:
    """Split one document at the space nearest to its middle; see `split_halves`.

    Parameters
    ----------
    document : str
        One document.

    Returns
    -------
    first, second : str
        The halves.
    """
    middle = len(document) // 2
    before = document.rfind(" ", 0, middle + 1)
    after = document.find(" ", middle)
    if before < 0 and after < 0:
        return document, ""
    # Distances from len / 2, doubled to keep them integers.
    if after < 0 or (
        before >= 0 and len(document) - 2 * before <= 2 * after - len(document)
    ):
        after = before
    return document[:after], document[after + 1 :]
