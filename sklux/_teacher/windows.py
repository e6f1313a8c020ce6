"""Windows: vectors of documents that are longer than a model's limit."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import ceil, inf
from typing import Any

import numpy as np


def window_encoder(
    embed: Callable[[list[str]], np.ndarray],
    model: Any,
    windows: int,
    prompt_name: str | None = None,
) -> Callable[[list[str]], np.ndarray]:
    """Return a function that embeds long documents window by window.

    Parameters
    ----------
    embed : callable
        Maps any number of texts to an ndarray of shape (n_texts, n_components). It
        calls the model.
    model : object
        The model, with ``max_seq_length`` and ``tokenizer`` as in
        sentence-transformers.
    windows : int
        Maximum number of windows of a document; 2 or more.
    prompt_name : str or None, default=None
        Name of the model's prompt before each window; None means its default.

    Returns
    -------
    callable
        Maps a list of str to an ndarray of shape (n_documents, n_components). A
        document within the model's limit is embedded as it is.

    Raises
    ------
    ValueError
        If the limit of the model is not known, or leaves no tokens for the document.
    """
    # Models without attention, such as StaticEmbedding, have no limit.
    if getattr(model, "max_seq_length", None) == inf:
        return embed
    max_tokens = max_document_tokens(model, windows, prompt_name)

    def encode(documents: list[str]) -> np.ndarray:
        tokens = model.tokenizer(
            documents,
            add_special_tokens=False,
            truncation=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        texts = [
            cut_document(document, offsets, max_tokens, windows)
            for document, offsets in zip(documents, tokens["offset_mapping"])
        ]
        vectors = embed([text for of_document in texts for text in of_document])
        ends = np.cumsum([len(of_document) for of_document in texts])
        return np.stack([mean_vector(part) for part in np.split(vectors, ends[:-1])])

    return encode


def max_document_tokens(
    model: object, windows: int, prompt_name: str | None = None
) -> int:
    """Maximum number of tokens of a document that a model can embed as a whole.

    Parameters
    ----------
    model : object
        A model of sentence-transformers.
    windows : int
        The parameter, for the messages.
    prompt_name : str or None, default=None
        Name of the model's prompt; None means its default.

    Returns
    -------
    int
        ``max_seq_length`` minus the special tokens and the prompt.

    Raises
    ------
    ValueError
        If the limit of the model is not known, or leaves no tokens for the document.
    """
    limit = getattr(model, "max_seq_length", None)
    tokenizer: Any = getattr(model, "tokenizer", None)
    # Only fast tokenizers return the offsets of tokens.
    if limit is None or not getattr(tokenizer, "is_fast", False):
        raise ValueError(
            f"windows={windows} needs a teacher with max_seq_length and a fast "
            "tokenizer, which give the length of the windows. Got "
            f"{getattr(model, '__qualname__', type(model).__name__)} instead. Set "
            "windows=1, or give the name, the folder or the object of a "
            "sentence-transformers model."
        )
    prompts = getattr(model, "prompts", None) or {}
    prompt = prompts.get(prompt_name or getattr(model, "default_prompt_name", None))
    n_reserved = len(tokenizer(prompt or "")["input_ids"])
    if limit <= n_reserved:
        raise ValueError(
            f"windows={windows} leaves no tokens for the document: the teacher's "
            f"max_seq_length is {limit}, and its special tokens and prompt take "
            f"{n_reserved}. Raise max_seq_length, or set windows=1."
        )
    return limit - n_reserved


def cut_document(
    document: str, offsets: Sequence[tuple[int, int]], max_tokens: int, windows: int
) -> list[str]:
    """Cut a document into windows, between words if that is possible.

    Parameters
    ----------
    document : str
        A document.
    offsets : sequence of (int, int) of length n_tokens
        Start and end of each of its tokens.
    max_tokens : int
        Maximum number of tokens of a window.
    windows : int
        Maximum number of windows.

    Returns
    -------
    list of str
        The document itself if it fits into one window, or else the windows that
        `window_bounds` returns.
    """
    if len(offsets) <= max_tokens:
        return [document]
    places = places_to_cut(document, offsets, max_tokens)
    return [
        document[offsets[first][0] : offsets[last - 1][1]]
        for first, last in window_bounds(places, max_tokens, windows)
    ]


def places_to_cut(
    document: str, offsets: Sequence[tuple[int, int]], max_tokens: int
) -> np.ndarray:
    """Places to cut a document: between words, and inside words longer than a window.

    Parameters
    ----------
    document : str
        A document.
    offsets : sequence of (int, int) of length n_tokens
        Start and end of each of its tokens.
    max_tokens : int
        Maximum number of tokens of a window.

    Returns
    -------
    ndarray of shape (n_places,), dtype=np.intp
        Tokens that a window may begin with, and the number of tokens; ascending.
    """
    # Some tokenizers count the space before a word as part of its first token.
    words = [
        token
        for token, (begin, _) in enumerate(offsets)
        if any(map(str.isspace, document[max(begin - 1, 0) : begin + 1]))
    ]
    bounds = [0, *words, len(offsets)]
    long_words = [
        range(begin, end)
        for begin, end in zip(bounds, bounds[1:])
        if end - begin > max_tokens
    ]
    return np.unique(np.concatenate([bounds, *long_words]))


def window_bounds(
    places: np.ndarray, max_tokens: int, windows: int
) -> list[tuple[int, int]]:
    """First token of each window, and the token after its last one.

    The windows cover the document, in the smallest number and with the longest window
    as short as possible. If that takes more than `windows` of them, full windows are
    spread evenly.

    Parameters
    ----------
    places : ndarray of shape (n_places,), dtype=np.intp
        Places to cut the document, as `places_to_cut` returns them.
    max_tokens : int
        Maximum number of tokens of a window; less than the document has.
    windows : int
        Maximum number of windows; 2 or more.

    Returns
    -------
    list of (int, int)
        The windows, in order.
    """
    n_tokens = int(places[-1])
    # If windows of whole words do not cover the document, cuts inside words may.
    for allowed in (places, np.arange(n_tokens + 1)):
        if len(covering_windows(allowed, max_tokens)) - 1 <= windows:
            bounds = balanced_windows(allowed, max_tokens)
            return list(zip(bounds, bounds[1:]))
    begins = np.linspace(0, n_tokens - max_tokens, windows).round().astype(int).tolist()
    return [narrowed_window(places, begin, begin + max_tokens) for begin in begins]


def balanced_windows(places: np.ndarray, max_tokens: int) -> list[int]:
    """Bounds of the fewest windows that cover a document, about equally long.

    Parameters
    ----------
    places : ndarray of int
        Places to cut, ascending. Their distances are at most `max_tokens`.
    max_tokens : int
        Maximum number of tokens of a window.

    Returns
    -------
    list of int
        From 0 to the number of tokens. The longest window is as short as possible.
    """
    n_bounds = len(covering_windows(places, max_tokens))
    smallest = max(ceil(places[-1] / (n_bounds - 1)), int(np.diff(places).max()))
    sizes = range(smallest, max_tokens)
    # Larger windows never need a higher number of windows, so bisection is correct.
    index = bisect_left(
        sizes, True, key=lambda size: len(covering_windows(places, size)) <= n_bounds
    )
    return covering_windows(places, smallest + index)


def covering_windows(places: np.ndarray, max_tokens: int) -> list[int]:
    """Bounds of windows that cover a document, each as long as possible.

    Parameters
    ----------
    places : ndarray of int
        Places to cut, ascending. Their distances are at most `max_tokens`.
    max_tokens : int
        Maximum number of tokens of a window.

    Returns
    -------
    list of int
        From 0 to the number of tokens.
    """
    bounds = [0]
    while bounds[-1] < places[-1]:
        last = np.searchsorted(places, bounds[-1] + max_tokens, side="right") - 1
        bounds.append(int(places[last]))
    return bounds


def narrowed_window(places: np.ndarray, begin: int, end: int) -> tuple[int, int]:
    """Narrow a window to the places where the document may be cut.

    Parameters
    ----------
    places : ndarray of int
        Places to cut, ascending.
    begin, end : int
        First token of the window, and the token after its last one.

    Returns
    -------
    (int, int)
        Bounds of the narrower window, or the given bounds if it is empty.
    """
    first = int(places[np.searchsorted(places, begin)])
    last = int(places[np.searchsorted(places, end, side="right") - 1])
    return (first, last) if first < last else (begin, end)


def mean_vector(vectors: np.ndarray) -> np.ndarray:
    """Vector of a document, computed from the vectors v of its windows.

    It has the direction of the mean of the unit vectors v / |v|, and the mean of the
    lengths |v|.

    Parameters
    ----------
    vectors : ndarray of shape (n_windows, n_components), dtype=np.float32
        Vectors of the windows.

    Returns
    -------
    ndarray of shape (n_components,), dtype=np.float32
        The vector of a single window unchanged; zero if the windows cancel out; NaN if
        a window has NaN or infinity.
    """
    if len(vectors) == 1:
        return vectors[0]
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    if not np.isfinite(lengths).all():
        return np.full(wide.shape[1], np.nan, dtype=np.float32)
    units = np.divide(wide, lengths[:, None], out=wide, where=lengths[:, None] > 0)
    direction = units.mean(axis=0)
    scale = np.linalg.norm(direction)
    if scale > 0:
        direction *= lengths.mean() / scale
    return direction.astype(np.float32)
