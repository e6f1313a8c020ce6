"""Arrays that begin at a cache line, and arrays that are views of files."""

from pickle import dumps, loads

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklux._utils.memory import CACHE_LINE, aligned, empty_aligned, in_memory, is_mapped

some_examples = settings(max_examples=60, deadline=None)
DTYPES = st.sampled_from("i1 f2 f4 f8 u4 i8 >f4 ?".split()).map(np.dtype)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=20)


def begins_a_cache_line(array):
    """Whether an array begins at a cache line; True if it has no values."""
    return array.size == 0 or array.ctypes.data % CACHE_LINE == 0


def misaligned(n_bytes=400, offset=4):
    """An array that begins a few bytes after the beginning of a cache line."""
    array = empty_aligned((n_bytes + offset,), np.uint8)[offset:].view(np.float32)
    array[:] = np.arange(len(array))
    assert array.ctypes.data % CACHE_LINE == offset
    return array


@pytest.fixture
def mapped(tmp_path):
    """A memory-mapped file of twelve floats."""
    np.arange(12, dtype=np.float32).tofile(tmp_path / "file")
    return np.memmap(tmp_path / "file", dtype=np.float32, mode="r")


@some_examples
@given(SHAPES, DTYPES)
def test_memory_empty_array_begins_a_cache_line(shape, dtype):
    array = empty_aligned(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert begins_a_cache_line(array)


def test_memory_empty_array_accepts_the_name_of_a_type():
    assert empty_aligned((2, 3), "int8").dtype == np.int8


def test_memory_arrays_do_not_overlap():
    arrays = [empty_aligned((16,), np.float32) for _ in range(50)]
    for number, array in enumerate(arrays):
        array[:] = number
    assert [set(array) for array in arrays] == [{i} for i in range(50)]


@pytest.mark.parametrize("shape", [(0,), (0, 5), (5, 0), (0, 0, 0)])
def test_memory_empty_array_without_values(shape):
    array = empty_aligned(shape, np.float32)
    assert array.shape == shape
    assert array.size == 0
    assert aligned(array).shape == in_memory(array).shape == shape


@some_examples
@given(hnp.arrays(DTYPES, SHAPES))
def test_memory_copy_is_equal_and_begins_a_cache_line(array):
    for source in (array, array.T, array[..., ::-1] if array.ndim else array):
        copy = in_memory(source)
        assert copy.dtype == source.dtype
        np.testing.assert_array_equal(copy, source)
        assert copy.flags.c_contiguous
        assert begins_a_cache_line(copy)
        assert not np.shares_memory(copy, source)


def test_memory_copy_of_a_read_only_array_may_be_written():
    array = np.ones(3)
    array.flags.writeable = False
    in_memory(array)[0] = 2


def test_memory_aligned_keeps_an_array_that_begins_a_cache_line():
    array = empty_aligned((3, 4), np.float32)
    assert aligned(array) is array
    assert aligned(array[:2]).base is array.base


def test_memory_aligned_copies_an_array_that_begins_elsewhere():
    array = misaligned()
    copy = aligned(array)
    assert begins_a_cache_line(copy)
    np.testing.assert_array_equal(copy, array)
    assert not np.shares_memory(copy, array)


@pytest.mark.parametrize("view", [lambda a: a.T, lambda a: a[:, ::2]])
def test_memory_aligned_copies_an_array_that_is_not_contiguous(view):
    array = view(empty_aligned((4, 6), np.float32))
    array[...] = np.arange(array.size).reshape(array.shape)
    copy = aligned(array)
    assert copy.flags.c_contiguous
    np.testing.assert_array_equal(copy, array)


def test_memory_aligned_never_copies_a_mapped_array(mapped):
    """Not even if it begins in the middle of a cache line."""
    part = mapped[3:]
    assert not begins_a_cache_line(part)
    assert aligned(part) is part


def test_memory_views_of_a_file_are_mapped(mapped):
    for view in (
        mapped,
        mapped[2:],
        np.asarray(mapped),
        np.asarray(mapped[2:]).view(np.uint32).reshape(2, 5).T,
    ):
        assert is_mapped(view)


def test_memory_other_arrays_are_not_mapped(mapped):
    for array in (
        np.ones(3),
        np.ones((3, 3))[1:],
        empty_aligned((3,), np.float32),
        np.frombuffer(bytes(8), dtype=np.float32),
        in_memory(mapped),
        mapped + 1,
    ):
        assert not is_mapped(array)


@pytest.mark.parametrize("copy", [np.memmap.copy, lambda a: loads(dumps(a))])
def test_memory_copies_of_a_mapped_array_are_not_mapped(mapped, copy):
    """Their class is memmap, but they are not views of a file."""
    assert not is_mapped(copy(mapped))
