"""What the first bytes of a file show, for messages about a file of another kind."""

# First bytes of common kinds of files.
KINDS = (
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a .npy file"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"BZh", "compressed by bzip2"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"\x04\x22\x4d\x18", "compressed by lz4"),
    (b"\xfd7zXZ\x00", "compressed by xz"),
    (b"PK\x03\x04", "a ZIP archive, such as an Excel or .npz file"),
    (b"ARROW1", "an Arrow file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
)
N_SHOWN = 24


def beginning_in_words(head: bytes) -> str:
    """First bytes of a file, with the kind of file that begins so.

    Parameters
    ----------
    head : bytes
        The first bytes of a file, or all of them.

    Returns
    -------
    str
        A sentence without its full stop, such as ``"It begins with b'PAR1' (a Parquet
        file)"``.
    """
    if not head:
        return "It is empty"
    kinds = [kind for start, kind in KINDS if head.startswith(start)]
    kind = f" ({kinds[0]})" if kinds else ""
    return f"It begins with {head[:N_SHOWN]!r}{kind}"
