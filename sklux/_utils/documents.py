"""Checks of raw documents, and their two halves."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from itertools import islice
from typing import NoReturn, SupportsFloat, TypeVar

EstimatorType = TypeVar("EstimatorType", bound=type)
Document = TypeVar("Document")


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


def check_documents(raw_documents: Iterable[str]) -> list[str]:
    """Return the documents as a list of str.

    Parameters
    ----------
    raw_documents : iterable of str
        A list, array, pandas or polars Series, Arrow array or generator.

    Returns
    -------
    list of str of length n_samples
        The documents, in order.

    Raises
    ------
    ValueError
        If `raw_documents` is a single string, a mapping to texts or columns, or a table
        with two dimensions, or a document is missing; the message gives its position.
    TypeError
        If `raw_documents` is not iterable, or a document is not a str; the message
        gives its position.
    """
    check_iterable(raw_documents)
    # Iteration over an Arrow array yields Arrow scalars; its list holds strings.
    if hasattr(raw_documents, "to_pylist"):
        raw_documents = raw_documents.to_pylist()
    documents = list(raw_documents)
    for position, document in enumerate(documents):
        if not isinstance(document, str):
            refuse_document(document, position)
    return documents


def check_iterable(raw_documents: object) -> None:
    """Refuse an object that cannot be a collection of documents.

    Parameters
    ----------
    raw_documents : object
        The documents that a caller gave.

    Raises
    ------
    ValueError
        If `raw_documents` is a single string, or a mapping to texts or columns, or does
        not have one dimension.
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
    shape = getattr(raw_documents, "shape", (1,))
    if len(shape) != 1:
        raise ValueError(
            "raw_documents must have one dimension, one string per document. Got "
            f"{type(raw_documents).__name__} of shape {shape} instead. "
            "Select one column of text: in a ColumnTransformer by its name, 'text', "
            "and not by a list, ['text']."
        )
    if not isinstance(raw_documents, Iterable):
        raise TypeError(
            "raw_documents must be an iterable of str. Got "
            f"{type(raw_documents).__name__} instead."
        )


def is_missing(document: object) -> bool:
    """Whether a document is a missing value: None, NaN, NaT or pandas' NA.

    Parameters
    ----------
    document : object
        One document.

    Returns
    -------
    bool
        True for a missing value.
    """
    # An array of tokens has no truth value.
    if isinstance(document, str) or len(getattr(document, "shape", ())):
        return False
    # A comparison with NA has no truth value; NaN and NaT are not equal to themselves.
    return (
        document is None
        or type(document).__name__ == "NAType"
        or (isinstance(document, SupportsFloat) and document != document)
        or type(document).__name__ == "NaTType"
    )


def refuse_missing(documents: Iterable[Document]) -> Iterator[Document]:
    """Yield documents unchanged, up to the first missing one.

    Parameters
    ----------
    documents : iterable
        Documents of any kind.

    Yields
    ------
    object
        The documents.

    Raises
    ------
    ValueError
        If a document is missing; the message gives its position.
    """
    for position, document in enumerate(documents):
        if is_missing(document):
            refuse_document(document, position)
        yield document


def refuse_document(document: object, position: int) -> NoReturn:
    """Raise the error for a document that is not a str.

    Parameters
    ----------
    document : object
        The document.
    position : int
        Position of the document among all documents, from 0.

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
        raise ValueError(
            f"{known if nan else ''}raw_documents has a missing value "
            f"({document!r}) at position {position}. Drop or fill missing values."
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
