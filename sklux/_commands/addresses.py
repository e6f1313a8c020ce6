"""Files of documents at addresses, such as s3://bucket/docs.parquet, read by fsspec.

fsspec is not a dependency. It opens an address if it is installed, with the package
that it wants for the kind of address (s3fs for s3://, gcsfs for gs://).
"""

from typing import Any, BinaryIO

from sklux._utils.optional import import_optional

MARK = "://"


def is_address(path: str) -> bool:
    """Whether a file is not named by a path, but by an address.

    Parameters
    ----------
    path : str
        A path, a pattern or an address.

    Returns
    -------
    bool
        True for ``'s3://bucket/docs.parquet'``.
    """
    return MARK in path


def filesystem_of(address: str) -> tuple[Any, str]:
    """File system of an address, and the path in it.

    Parameters
    ----------
    address : str
        The address.

    Returns
    -------
    filesystem : fsspec.AbstractFileSystem
        The file system.
    path : str
        The path.

    Raises
    ------
    ImportError
        If fsspec is missing, or the package that it wants for this kind of address.
    ValueError
        If fsspec does not know this kind of address, or the address is a chain.
    """
    core = import_optional("fsspec.core", purpose=f"Reading {address}")
    if "::" in address:
        raise ValueError(
            f"The address {address} is a chain of file systems. Name files by "
            "addresses with one '://'."
        )
    try:
        filesystem, path = core.url_to_fs(address)
    except ValueError as error:
        raise ValueError(f"The address {address} cannot be read: {error}.") from error
    return filesystem, path


def addresses_within(address: str, hidden: tuple[str, ...]) -> list[str]:
    """Addresses of all files within a folder and the folders in it.

    Parameters
    ----------
    address : str
        Address of the folder.
    hidden : tuple of str
        Names of files and folders that are left out begin so.

    Returns
    -------
    list of str
        The addresses, sorted.
    """
    filesystem, path = filesystem_of(address)
    found = [
        one
        for one in filesystem.find(path)
        if not any(name.startswith(hidden) for name in one[len(path) :].split("/"))
    ]
    return sorted(filesystem.unstrip_protocol(one) for one in found)


def matching_addresses(pattern: str) -> list[str]:
    """Addresses of all files that match a pattern.

    Parameters
    ----------
    pattern : str
        Address with ``*``, ``?``, ``[]`` or ``**``.

    Returns
    -------
    list of str
        The addresses, sorted.
    """
    filesystem, path = filesystem_of(pattern)
    found = filesystem.glob(path, detail=True)
    files = [name for name, info in found.items() if info["type"] == "file"]
    return sorted(filesystem.unstrip_protocol(one) for one in files)


def is_folder_address(address: str) -> bool:
    """Whether there is a folder at an address.

    Parameters
    ----------
    address : str
        The address.

    Returns
    -------
    bool
        True for a folder.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    """
    filesystem, path = filesystem_of(address)
    if not filesystem.exists(path):
        raise FileNotFoundError(f"There is no file {address}.")
    return bool(filesystem.isdir(path))


def open_address(address: str) -> BinaryIO:
    """Open a file to read.

    Parameters
    ----------
    address : str
        Address of the file.

    Returns
    -------
    binary file
        The open file, which can be read at any place.
    """
    filesystem, path = filesystem_of(address)
    file: BinaryIO = filesystem.open(path, "rb")
    return file


def size_at(address: str) -> int | None:
    """Size of a file.

    Parameters
    ----------
    address : str
        Address of the file.

    Returns
    -------
    int or None
        Bytes; None if the file system does not know it.
    """
    filesystem, path = filesystem_of(address)
    size: int | None = filesystem.size(path)
    return size


def version_at(address: str) -> str:
    """Text that changes if a file changes, as far as the file system shows it.

    Parameters
    ----------
    address : str
        Address of the file.

    Returns
    -------
    str
        A digest of what the file system says about the file.
    """
    filesystem, path = filesystem_of(address)
    return str(filesystem.ukey(path))
