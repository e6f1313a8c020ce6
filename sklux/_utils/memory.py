"""Arrays that begin at a cache line, as the kernels read them fastest."""

from mmap import mmap

import numpy as np

CACHE_LINE = 64


def empty_aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an uninitialised array whose first byte begins a cache line.

    Parameters
    ----------
    shape : tuple of int
        Shape.
    dtype : dtype
        Type of the values.

    Returns
    -------
    ndarray
        C-contiguous.
    """
    dtype = np.dtype(dtype)
    n_bytes = dtype.itemsize
    for size in shape:
        n_bytes *= size
    memory = np.empty(n_bytes + CACHE_LINE, dtype=np.uint8)
    begin = -memory.ctypes.data % CACHE_LINE
    return memory[begin : begin + n_bytes].view(dtype).reshape(shape)


def aligned(array: np.ndarray) -> np.ndarray:
    """Return the array, or a copy of it that begins at a cache line.

    Parameters
    ----------
    array : ndarray
        Any array; one that is mapped from a file is never copied.

    Returns
    -------
    ndarray
        C-contiguous, with the same values.
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
        C-contiguous, with the same values.
    """
    copy = empty_aligned(array.shape, array.dtype)
    copy[...] = array
    return copy


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array is a view of a file."""
    # Copies and pickles of a memmap are of its class too, but lie in memory.
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap)
