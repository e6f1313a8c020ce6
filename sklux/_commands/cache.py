"""``sklux cache``: list, check and remove stored teacher embeddings."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sklux._commands.console import counted, print_json, show, show_table
from sklux._teacher.cache_contents import CacheContents, Verification

HEADER = ("model", "type", "windows", "width", "vectors", "MB")


def print_cache(
    folder: Path | None,
    verify: bool,
    remove_damaged: bool,
    prune: str | None,
    as_json: bool,
) -> None:
    """Print what a cache holds, after a check or a removal.

    Parameters
    ----------
    folder : Path or None
        Folder of the cache; None means the usual one.
    verify : bool
        Whether to check all vectors.
    remove_damaged : bool
        Whether to remove the damaged ones, too.
    prune : str or None
        Identity of a model whose vectors are removed.
    as_json : bool
        Whether to print a JSON object instead of a table.

    Raises
    ------
    OSError
        If vectors are damaged and stay in the file, or the file cannot be read.
    """
    contents = CacheContents(folder)
    facts: dict[str, Any] = {}
    lines: list[str] = []
    if prune is not None:
        facts["removed"] = contents.prune(prune)
        lines.append(f"{counted(facts['removed'], 'vector')} of {prune!r} removed.")
    result = None
    if verify or remove_damaged:
        result = contents.verify(remove_damaged)
        facts["verification"] = asdict(result)
        lines += verification_lines(result, remove_damaged)
    if as_json:
        print_json(listed(contents) | facts)
    else:
        show_list(contents)
        for line in lines:
            show(line)
    if remove_damaged:
        result = contents.verify()
    if result is not None and (result.n_damaged or result.faults):
        raise OSError(damage_in_words(contents, remove_damaged))


def damage_in_words(contents: CacheContents, is_removed: bool) -> str:
    """Say that a cache is damaged, and what to do.

    Parameters
    ----------
    contents : CacheContents
        The cache.
    is_removed : bool
        Whether damaged vectors were removed before.

    Returns
    -------
    str
        The message.
    """
    if is_removed:
        return (
            f"The teacher cache {str(contents.file)!r} is damaged in its structure, "
            "which --remove-damaged does not mend. Delete or move the file."
        )
    return (
        f"The teacher cache {str(contents.file)!r} is damaged. Its damaged vectors "
        "are not used: the teacher embeds their texts again. --remove-damaged removes "
        "them."
    )


def listed(contents: CacheContents) -> dict[str, Any]:
    """What a cache holds, for JSON.

    Parameters
    ----------
    contents : CacheContents
        The cache.

    Returns
    -------
    dict
        Values that JSON can hold.
    """
    return {
        "file": str(contents.file),
        "bytes": contents.n_bytes(),
        "models": [
            {
                "model": stored.model,
                "dtype": stored.dtype,
                "windows": stored.windows,
                "width": stored.width,
                "vectors": stored.n_vectors,
                "bytes": stored.n_bytes,
            }
            for stored in contents.series()
        ],
    }


def show_list(contents: CacheContents) -> None:
    """Print a table of what a cache holds.

    Parameters
    ----------
    contents : CacheContents
        The cache.
    """
    series = contents.series()
    show(f"{contents.file}: {contents.n_bytes() / 1e6:,.1f} MB")
    if not series:
        show("The cache holds no vectors.")
        return
    rows = [
        (
            stored.model,
            stored.dtype or "",
            "" if stored.windows is None else f"{stored.windows:,}",
            "" if stored.width is None else f"{stored.width:,}",
            f"{stored.n_vectors:,}",
            f"{stored.n_bytes / 1e6:,.1f}",
        )
        for stored in series
    ]
    show_table(rows, HEADER)


def verification_lines(result: Verification, is_removed: bool) -> list[str]:
    """Say what a check has found.

    Parameters
    ----------
    result : Verification
        Result of the check.
    is_removed : bool
        Whether damaged vectors were removed.

    Returns
    -------
    list of str
        Lines.
    """
    damaged = counted(result.n_damaged, "vector")
    lines = [
        f"{counted(result.n_whole, 'vector')} whole, {damaged} damaged"
        f"{' and removed' if is_removed and result.n_damaged else ''}."
    ]
    if result.n_unchecked:
        lines.append(
            f"{counted(result.n_unchecked, 'vector')} of earlier versions, which have "
            "no checksums."
        )
    return lines + [f"sqlite: {fault}" for fault in result.faults]
