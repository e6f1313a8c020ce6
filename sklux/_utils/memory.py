"""Arrays that begin at a cache line: kernels read them fastest."""

from mmap import mmap

import numpy as np

CACHE_LINE = 64


def empty_aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an uninitialised array whose first byte begins a cache line.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    dtype : dtype
        Type of the values.

    Returns
    -------
    ndarray
        A C-contiguous array.
    """
    dtype = np.dtype(dtype)
    n_bytes = dtype.itemsize
    for size in shape:
        n_bytes *= size
    memory = np.empty(n_bytes + CACHE_LINE, dtype=np.uint8)
    begin = -memory.ctypes.data % CACHE_LINE
    return memory[begin : begin + n_bytes].view(dtype).reshape(shape)


def aligned(array: np.ndarray) -> np.ndarray:
    """Return the array itself if it begins at a cache line, otherwise a copy that does.

    Parameters
    ----------
    array : ndarray
        Any array; an array that is mapped from a file is never copied.

    Returns
    -------
    ndarray
        An array with the same values; a copy is C-contiguous.
    """
    in_place = array.flags.c_contiguous and array.ctypes.data % CACHE_LINE == 0
    return array if in_place or is_mapped(array) else in_memory(array)


def in_memory(array: np.ndarray) -> np.ndarray:
    """Return a copy that begins at a cache line.

    Parameters
    ----------
    array : ndarray
        Any array.

    Returns
    -------
    ndarray
        A C-contiguous array with the same values.
    """
    copy = empty_aligned(array.shape, array.dtype)
    copy[...] = array
    return copy


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array is a view of a file."""
    # The class is not enough: copies and pickles of a memmap keep it without a file.
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, mmap)
