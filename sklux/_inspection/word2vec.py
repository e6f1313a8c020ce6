"""Files in word2vec's format: names of terms without blanks, and their vectors.

The format is the format of the original program: a line with the number of vectors and
their width, then for each term its name, a blank, its numbers and a line end. The
numbers are text with blanks between them, or little-endian float32.
"""

import os
import re
import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from sklux._utils.output_file import replaced_when_whole

BLANK = re.compile(r"\s")
# Digits with which a decimal number stands for one float32 only.
DIGITS = 9
# gensim unpacks files of these names.
PACKED = (".gz", ".bz2", ".xz", ".zst")


def check_word2vec_path(path: str | os.PathLike[str]) -> None:
    """Refuse the name of a compressed file: readers would try to unpack it.

    Parameters
    ----------
    path : str or path-like
        File to write.

    Raises
    ------
    ValueError
        If its name ends as the name of a compressed file.
    """
    name = os.fspath(path)
    if name.endswith(PACKED):
        raise ValueError(
            f"path={name!r} names a compressed file, but save_word2vec does not "
            "compress. Leave out the suffix, and compress the file afterwards."
        )


def check_joiner(joiner: str | None) -> None:
    """Refuse a joiner that word2vec's format cannot hold.

    Parameters
    ----------
    joiner : str or None
        Text in the place of a blank.

    Raises
    ------
    ValueError
        If it is empty, holds a blank, or cannot be UTF-8.
    """
    if joiner is not None and (BLANK.search(joiner) or not _is_name(joiner)):
        raise ValueError(
            f"joiner={joiner!r} must be a text without blanks. Give '_', for example."
        )


def word2vec_names(
    terms: Iterable[str], joiner: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the names of terms in a file, which have no blanks.

    Parameters
    ----------
    terms : iterable of str
        Terms.
    joiner : str or None
        Text in the place of a blank. None means that terms with blanks have no name.

    Returns
    -------
    names : ndarray of shape (n_names,), dtype=object
        The names; no two are equal.
    places : ndarray of shape (n_names,), dtype=np.intp
        The terms that have them, in their order.

    Warns
    -----
    UserWarning
        If other terms have no name: two terms would have one name, or a term is empty
        or no valid Unicode.
    """
    terms = list(terms)
    has_blank = [BLANK.search(term) is not None for term in terms]
    # Terms without a blank keep their names.
    taken = {term for term, is_joined in zip(terms, has_blank) if not is_joined}
    names, places, clashes, invalid = [], [], [], []
    for place, (term, is_joined) in enumerate(zip(terms, has_blank)):
        if is_joined and joiner is None:
            continue
        name = BLANK.sub(joiner or "", term) if is_joined else term
        if not _is_name(name):
            invalid.append(term)
        elif is_joined and name in taken:
            clashes.append(term)
        else:
            taken.add(name)
            names.append(name)
            places.append(place)
    _warn_of_terms_left_out(clashes, invalid, joiner)
    return np.array(names, dtype=object), np.array(places, dtype=np.intp)


def write_word2vec(
    path: str | os.PathLike[str],
    names: np.ndarray,
    width: int,
    blocks: Iterator[np.ndarray],
    *,
    binary: bool,
) -> None:
    """Write a file in word2vec's format, complete or not at all.

    Parameters
    ----------
    path : str or path-like
        File to write.
    names : ndarray of shape (n_names,), dtype=object
        Names without blanks.
    width : int
        Width of the vectors.
    blocks : iterator of ndarray of shape (n_block, width), dtype=np.float32
        The vectors of the names, a block at a time.
    binary : bool
        Whether the numbers are binary.
    """
    line = " ".join([f"%.{DIGITS}g"] * width)
    begin = 0
    with replaced_when_whole(path) as partial, open(partial, "wb") as stream:
        stream.write(f"{len(names)} {width}\n".encode())
        for block in blocks:
            rows = block.astype("<f4", copy=False)
            for name, row in zip(names[begin : begin + len(rows)], rows):
                numbers = (
                    row.tobytes() if binary else (line % tuple(row.tolist())).encode()
                )
                stream.write(b"%b %b\n" % (name.encode(), numbers))
            begin += len(rows)


def _is_name(text: str) -> bool:
    """Whether a text is not empty, and can be UTF-8."""
    try:
        return len(text.encode()) > 0
    except UnicodeEncodeError:
        return False


def _warn_of_terms_left_out(
    clashes: list[str], invalid: list[str], joiner: str | None
) -> None:
    """Tell which terms the file lacks, and why."""
    if clashes:
        warnings.warn(
            f"{len(clashes)} terms are left out, because joiner={joiner!r} gives them "
            f"the name of another term. The first one is {clashes[0]!r}. Another "
            "joiner keeps them.",
            UserWarning,
            stacklevel=4,
        )
    if invalid:
        warnings.warn(
            f"{len(invalid)} terms are left out, because they are empty or are not "
            f"valid Unicode. The first one is {invalid[0]!r}.",
            UserWarning,
            stacklevel=4,
        )
