"""Documents longer than a model reads: cut into windows, read, averaged."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from math import ceil, inf

import numpy as np


def window_encoder(
    embed: Callable[[list[str]], np.ndarray],
    model: object,
    windows: int,
    prompt_name: str | None = None,
) -> Callable[[list[str]], np.ndarray]:
    """Let a model read long documents window by window.

    Parameters
    ----------
    embed : callable
        Maps any number of texts to an ndarray of shape (n_texts, n_components), by
        means of the model.
    model : object
        The model, with ``max_seq_length`` and ``tokenizer`` as those of
        sentence-transformers have.
    windows : int
        At most so many windows of a document; 2 or more.
    prompt_name : str or None, default=None
        Which of the model's prompts stands before each window; None means its default.

    Returns
    -------
    callable
        Maps a list of str to an ndarray of shape (n_documents, n_components). A
        document that the model reads as a whole is given to it as it is.

    Raises
    ------
    ValueError
        If the model does not say how much of a text it reads, or reads nothing.
    """
    # Models without attention, such as StaticEmbedding, read all of a text.
    if getattr(model, "max_seq_length", None) == inf:
        return embed
    room = pieces_to_read(model, windows, prompt_name)

    def encode(documents: list[str]) -> np.ndarray:
        pieces = model.tokenizer(
            documents,
            add_special_tokens=False,
            truncation=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        cuts = [
            cut(document, offsets, room, windows)
            for document, offsets in zip(documents, pieces["offset_mapping"])
        ]
        vectors = embed([text for texts in cuts for text in texts])
        ends = np.cumsum([len(texts) for texts in cuts])
        parts = np.split(vectors, ends[:-1])
        return np.stack([mean_vector(part) for part in parts])

    return encode


def pieces_to_read(model: object, windows: int, prompt_name: str | None = None) -> int:
    """How many word pieces of a document a model reads.

    Parameters
    ----------
    model : object
        A model of sentence-transformers.
    windows : int
        The parameter, for the messages.
    prompt_name : str or None, default=None
        Which of the model's prompts is used; None means its default.

    Returns
    -------
    int
        ``max_seq_length`` without special tokens and the prompt.

    Raises
    ------
    ValueError
        If the model does not say it, or reads nothing.
    """
    limit = getattr(model, "max_seq_length", None)
    tokenizer = getattr(model, "tokenizer", None)
    # Only fast tokenizers tell where in the text a piece stands.
    if limit is None or not getattr(tokenizer, "is_fast", False):
        raise ValueError(
            f"windows={windows} needs a teacher that says how much of a text it reads, "
            "by max_seq_length and a fast tokenizer. Got "
            f"{getattr(model, '__qualname__', type(model).__name__)} instead. Set "
            "windows=1, or give the name, the folder or the object of a "
            "sentence-transformers model."
        )
    prompts = getattr(model, "prompts", None) or {}
    prompt = prompts.get(prompt_name or getattr(model, "default_prompt_name", None))
    n_reserved = len(tokenizer(prompt or "")["input_ids"])
    if limit <= n_reserved:
        raise ValueError(
            f"windows={windows} leaves no room for the document: the teacher's "
            f"max_seq_length is {limit}, and its special tokens and prompt take "
            f"{n_reserved}. Raise max_seq_length, or set windows=1."
        )
    return limit - n_reserved


def cut(
    document: str, offsets: Sequence[tuple[int, int]], room: int, windows: int
) -> list[str]:
    """Cut a document into windows, between words where that is possible.

    Parameters
    ----------
    document : str
        A document.
    offsets : sequence of (int, int) of length n_pieces
        Where its word pieces begin and end.
    room : int
        Pieces that a window can hold.
    windows : int
        At most so many windows.

    Returns
    -------
    list of str
        The document itself if it fits; else the windows that `window_bounds` gives.
    """
    if len(offsets) <= room:
        return [document]
    places = places_to_cut(document, offsets, room)
    return [
        document[offsets[first][0] : offsets[last - 1][1]]
        for first, last in window_bounds(places, room, windows)
    ]


def places_to_cut(
    document: str, offsets: Sequence[tuple[int, int]], room: int
) -> np.ndarray:
    """Where a document may be cut: between words, and inside those that do not fit.

    Parameters
    ----------
    document : str
        A document.
    offsets : sequence of (int, int) of length n_pieces
        Where its word pieces begin and end.
    room : int
        Pieces that a window can hold.

    Returns
    -------
    ndarray of shape (n_places,), dtype=np.intp
        The pieces that a window may begin with, and the number of pieces; in order.
    """
    # Some tokenizers count the space before a word to its first piece.
    words = [
        piece
        for piece, (begin, _) in enumerate(offsets)
        if any(map(str.isspace, document[max(begin - 1, 0) : begin + 1]))
    ]
    bounds = [0, *words, len(offsets)]
    long = [
        range(begin, end)
        for begin, end in zip(bounds, bounds[1:])
        if end - begin > room
    ]
    return np.unique(np.concatenate([bounds, *long]))


def window_bounds(places: np.ndarray, room: int, windows: int) -> list[tuple[int, int]]:
    """First pieces of the windows, and the pieces behind their last ones.

    As few windows as cover the document, the longest of them as short as it can be.
    Where too many would be needed, full ones are spread evenly.

    Parameters
    ----------
    places : ndarray of shape (n_places,), dtype=np.intp
        Where the document may be cut, as `places_to_cut` returns it.
    room : int
        Pieces that a window can hold; less than there are.
    windows : int
        At most so many windows; 2 or more.

    Returns
    -------
    list of (int, int)
        The windows, in order.
    """
    n_pieces = int(places[-1])
    # If windows of whole words do not cover it, cuts inside words may.
    for some in (places, np.arange(n_pieces + 1)):
        if len(covering(some, room)) - 1 <= windows:
            bounds = balanced(some, room)
            return list(zip(bounds, bounds[1:]))
    targets = np.linspace(0, n_pieces - room, windows).round().astype(int).tolist()
    return [narrowed(places, target, target + room) for target in targets]


def balanced(places: np.ndarray, room: int) -> list[int]:
    """Bounds of the fewest windows that cover a document, about equally long.

    Parameters
    ----------
    places : ndarray of int
        Where to cut, in order; no two are further apart than `room`.
    room : int
        Pieces that a window can hold.

    Returns
    -------
    list of int
        From 0 to the number of pieces. The longest window is as short as it can be.
    """
    n_bounds = len(covering(places, room))
    smallest = max(ceil(places[-1] / (n_bounds - 1)), int(np.diff(places).max()))
    sizes = range(smallest, room)
    # Larger windows never take more of them, so the search may halve.
    index = bisect_left(
        sizes, True, key=lambda size: len(covering(places, size)) <= n_bounds
    )
    return covering(places, smallest + index)


def covering(places: np.ndarray, size: int) -> list[int]:
    """Bounds of windows that cover a document, each as long as it can be.

    Parameters
    ----------
    places : ndarray of int
        Where to cut, in order; no two are further apart than `size`.
    size : int
        Pieces that a window can hold.

    Returns
    -------
    list of int
        From 0 to the number of pieces.
    """
    bounds = [0]
    while bounds[-1] < places[-1]:
        last = np.searchsorted(places, bounds[-1] + size, side="right") - 1
        bounds.append(int(places[last]))
    return bounds


def narrowed(places: np.ndarray, begin: int, end: int) -> tuple[int, int]:
    """Let a window begin and end where the document may be cut.

    Parameters
    ----------
    places : ndarray of int
        Where to cut, in order.
    begin, end : int
        First piece of the window, and the one behind its last.

    Returns
    -------
    (int, int)
        The same of the narrower window; as given if nothing would be left.
    """
    first = int(places[np.searchsorted(places, begin)])
    last = int(places[np.searchsorted(places, end, side="right") - 1])
    return (first, last) if first < last else (begin, end)


def mean_vector(vectors: np.ndarray) -> np.ndarray:
    """Vector of a document from those of its windows.

    Its direction is that of the mean of the unit vectors v / |v|, its length the mean
    of the lengths |v|.

    Parameters
    ----------
    vectors : ndarray of shape (n_windows, n_components), dtype=np.float32
        Vectors of the windows.

    Returns
    -------
    ndarray of shape (n_components,), dtype=np.float32
        The vector of a single window as it is; zero if the windows cancel out.
    """
    if len(vectors) == 1:
        return vectors[0]
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    units = np.divide(wide, lengths[:, None], out=wide, where=lengths[:, None] > 0)
    direction = units.mean(axis=0)
    scale = np.linalg.norm(direction)
    if scale > 0:
        direction *= lengths.mean() / scale
    return direction.astype(np.float32)
