"""Buffers of documents in memory, and the division into blocks."""

import ctypes
import gc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import document_lists

import sklux._lexical.buffers
from sklux._lexical.buffers import ENCODING_ASCII, ENCODING_UTF8, text_buffers

DOCUMENTS = [
    "ascii",
    "",
    "\u00e9",
    "\u03a3\u4e2d",
    "\U0001f34e x",
    "twelve bytes",
    "x" * 13,
]
CODECS = {
    ENCODING_UTF8: "utf-8",
    ENCODING_ASCII: "ascii",
    1: "latin-1",
    4: "utf-32-le",
}
CODE_UNITS = 2
ARROW_TYPES = ["string", "large_string", "string_view"]


def text_of(buffers):
    """The documents of a block, read from its addresses."""
    return [
        decoded(ctypes.string_at(int(address), int(size)), encoding)
        for address, size, encoding in zip(
            buffers.addresses, buffers.n_bytes, buffers.encodings
        )
    ]


def decoded(content, encoding):
    """A document; Python's two bytes a character are not UTF-16, which has pairs."""
    if encoding == CODE_UNITS:
        return "".join(map(chr, np.frombuffer(content, dtype="<u2")))
    return content.decode(CODECS[encoding], "surrogatepass")


def all_text(documents, **kwargs):
    return [
        text for block in text_buffers(documents, **kwargs) for text in text_of(block)
    ]


def arrow(documents, name="string"):
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.array(documents, getattr(pyarrow, name)())


@settings(max_examples=100, deadline=None)
@given(document_lists)
@example(["\ud800\udc00"])
def test_text_buffers_of_a_list(documents):
    assert all_text(documents) == documents


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text(max_size=20)),
    st.sampled_from(ARROW_TYPES),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_text_buffers_of_an_arrow_slice(documents, name, before, behind):
    column = arrow([*["before" * 3] * before, *documents, *["x"] * behind], name)
    assert all_text(column.slice(before, len(documents))) == documents


@pytest.mark.parametrize("name", ARROW_TYPES)
@pytest.mark.parametrize("size", [0, 1, 11, 12, 13, 14, 1000])
def test_text_buffers_of_arrow_strings_of_every_length(name, size):
    """A view holds the text itself up to twelve bytes."""
    documents = ["x" * size, "y", "z" * size]
    assert all_text(arrow(documents, name)) == documents


@pytest.mark.parametrize("name", ARROW_TYPES)
def test_text_buffers_of_chunks(name):
    pyarrow = pytest.importorskip("pyarrow")
    parts = [[], DOCUMENTS[:3], [], DOCUMENTS[3:], []]
    column = pyarrow.chunked_array([arrow(part, name) for part in parts])
    blocks = [*text_buffers(column)]
    assert [block.first for block in blocks] == [0, 3]
    assert [text_of(block) for block in blocks] == [DOCUMENTS[:3], DOCUMENTS[3:]]


def test_text_buffers_of_views_into_several_buffers():
    pyarrow = pytest.importorskip("pyarrow")
    parts = [["a" * 30, "short"], ["b" * 40, "c" * 20]]
    column = pyarrow.concat_arrays([arrow(part, "string_view") for part in parts])
    assert all_text(column) == [*parts[0], *parts[1]]


@pytest.mark.parametrize(
    "make",
    [list, tuple, iter, lambda _: np.array([], dtype=object), arrow],
)
def test_text_buffers_without_documents_are_one_empty_block(make):
    (block,) = text_buffers(make([]))
    assert len(block) == 0
    assert block.first == 0


def test_text_buffers_without_chunks_are_one_empty_block():
    pyarrow = pytest.importorskip("pyarrow")
    (block,) = text_buffers(pyarrow.chunked_array([], pyarrow.string()))
    assert len(block) == 0


@pytest.mark.parametrize("name", ARROW_TYPES)
def test_text_buffers_of_only_empty_strings(name):
    assert all_text(arrow(["", ""], name)) == ["", ""]


@pytest.mark.parametrize(
    "document, encoding, n_bytes",
    [
        ("abc", ENCODING_ASCII, 3),
        ("ab\u00e9", 1, 3),
        ("ab\u03a3", 2, 6),
        ("ab\ud800", 2, 6),
        ("ab\U0001f34e", 4, 12),
        ("", ENCODING_ASCII, 0),
    ],
)
def test_text_buffers_hold_the_width_of_characters(document, encoding, n_bytes):
    (block,) = text_buffers([document])
    assert block.encodings.tolist() == [encoding]
    assert block.n_bytes.tolist() == [n_bytes]


@pytest.mark.parametrize(
    "documents, expected", [(["a", "b"], True), (["a", "\u00e9"], False), ([], True)]
)
def test_text_buffers_hold_whether_all_text_is_ascii(documents, expected):
    (block,) = text_buffers(documents)
    assert block.is_ascii is expected


def test_text_buffers_of_arrow_are_read_as_utf8():
    (block,) = text_buffers(arrow(["a"]))
    assert not block.is_ascii


@pytest.mark.parametrize("name", ARROW_TYPES)
def test_text_buffers_of_arrow_may_end_within_a_number(name):
    """Arrow allows buffers that are longer than their numbers."""
    pyarrow = pytest.importorskip("pyarrow")
    column = arrow(DOCUMENTS, name)
    present, numbers, *rest = column.buffers()
    numbers = pyarrow.py_buffer(numbers.to_pybytes() + b"\xff")
    buffers = [present, numbers, *rest]
    longer = pyarrow.Array.from_buffers(column.type, len(DOCUMENTS), buffers)
    longer.validate(full=True)
    assert all_text(longer) == DOCUMENTS


def test_text_buffers_of_arrow_are_not_copied():
    """The addresses are inside the memory of the Arrow array."""
    column = arrow(["apple", "pear"])
    (block,) = text_buffers(column)
    data = column.buffers()[2]
    assert block.addresses.tolist() == [data.address, data.address + 5]


@pytest.mark.parametrize("make", [list, iter, lambda texts: arrow(texts)])
def test_text_buffers_keep_the_text_in_memory(make):
    texts = [f"text {i} of some length" for i in range(200)]
    blocks = [*text_buffers(make(["".join(list(text)) for text in texts]))]
    gc.collect()
    _ = ["*" * 30 + str(i) for i in range(1000)]
    assert [text for block in blocks for text in text_of(block)] == texts


@pytest.mark.parametrize("make", [list, lambda texts: arrow(texts)])
def test_text_buffers_return_a_document_as_str(make):
    (block,) = text_buffers(make(DOCUMENTS))
    assert [block.document(i) for i in range(len(DOCUMENTS))] == DOCUMENTS


@pytest.mark.parametrize("n_documents, sizes", [(6, [3, 3]), (7, [3, 3, 1]), (2, [2])])
def test_text_buffers_of_a_generator_are_blocks(monkeypatch, n_documents, sizes):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 3)
    blocks = [*text_buffers(str(i) for i in range(n_documents))]
    assert [len(block) for block in blocks] == sizes
    assert [block.first for block in blocks] == [0, 3, 6][: len(sizes)]


def test_text_buffers_of_a_generator_end_a_block_after_much_text(monkeypatch):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_CHARACTERS", 10)
    blocks = [
        *text_buffers(iter(["x" * 10, "y", "z" * 9, b"w" * 12, "v"]), lambda d, _: "")
    ]
    assert [len(block) for block in blocks] == [1, 2, 1, 1]


def test_text_buffers_read_a_generator_block_by_block(monkeypatch):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 2)
    seen = []

    def documents():
        for text in "abcdef":
            seen.append(text)
            yield text

    next(text_buffers(documents()))
    assert len(seen) <= 3


def test_text_buffers_decode_documents_that_are_not_str():
    calls = []

    def decode(document, position):
        calls.append((document, position))
        return document.decode()

    assert all_text(["a", b"b", "c", b"d"], decode=decode) == ["a", "b", "c", "d"]
    assert calls == [(b"b", 1), (b"d", 3)]


def test_text_buffers_decode_with_the_position_among_all_documents(monkeypatch):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 2)
    positions = []
    [*text_buffers(iter(["a", "b", "c", b"d"]), lambda _, i: positions.append(i) or "")]
    assert positions == [3]


def test_text_buffers_do_not_change_the_list():
    documents = ["a", b"b"]
    [*text_buffers(documents, lambda document, _: "c")]
    assert documents == ["a", b"b"]


def test_text_buffers_without_a_decoder_refuse_bytes():
    with pytest.raises(TypeError, match="Got bytes at position 1"):
        [*text_buffers(["a", b"b"])]


def test_text_buffers_never_decode_a_missing_document():
    with pytest.raises(ValueError, match="missing value .None. at position 1"):
        [*text_buffers(["a", None], lambda document, _: "")]


@pytest.mark.parametrize("name", ARROW_TYPES)
@pytest.mark.parametrize("row", [0, 3, 8])
def test_text_buffers_name_the_row_of_a_null(name, row):
    documents = ["x" * 20] * 9
    documents[row] = None
    with pytest.raises(ValueError, match=f"missing value .* at position {row}"):
        [*text_buffers(arrow(documents, name))]


def test_text_buffers_name_the_row_of_a_null_among_all_chunks():
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.chunked_array([arrow(["a", "b"]), arrow(["c", None, None])])
    with pytest.raises(ValueError, match="missing value .* at position 3"):
        [*text_buffers(column)]


def test_text_buffers_count_the_nulls_if_they_have_all_documents(monkeypatch):
    monkeypatch.setattr(sklux._lexical.buffers, "BLOCK_DOCUMENTS", 2)
    documents = ["a", None, "b", None]
    for column in (documents, arrow(documents)):
        with pytest.raises(ValueError, match="at position 1, the first of 2. Drop or"):
            [*text_buffers(column)]
    with pytest.raises(ValueError, match="at position 1. Drop or fill missing values"):
        [*text_buffers(iter([*documents, None]))]


@pytest.mark.parametrize("name", ARROW_TYPES)
def test_text_buffers_of_nulls_as_empty_texts(name):
    documents = ["pear", None, "", None, "\u00e9" * 20, None]
    expected = [document or "" for document in documents]
    pyarrow = pytest.importorskip("pyarrow")
    column = arrow(documents, name)
    for nulls in (column, pyarrow.chunked_array([column[:2], column[2:]])):
        assert all_text(nulls, null_documents="empty") == expected
    assert all_text(column[1:4], null_documents="empty") == ["", "", ""]
    (block,) = text_buffers(column, null_documents="empty")
    assert [block.document(place) for place in range(6)] == expected


def test_text_buffers_read_nothing_at_a_null():
    """Arrow allows any bytes and any view there."""
    pyarrow = pytest.importorskip("pyarrow", minversion="18.0")
    validity = pyarrow.py_buffer(b"\x01")  # only the first of two is valid
    text = pyarrow.py_buffer(b"x" * 30)
    offsets = pyarrow.py_buffer(np.array([0, 20, 30], np.int32))
    column = pyarrow.Array.from_buffers(pyarrow.string(), 2, [validity, offsets, text])
    assert all_text(column, null_documents="empty") == ["x" * 20, ""]
    views = pyarrow.py_buffer(np.array([[20, 0, 0, 0], [99, 7, 7, 7]], np.int32))
    column = pyarrow.Array.from_buffers(
        pyarrow.string_view(), 2, [validity, views, text]
    )
    assert all_text(column, null_documents="empty") == ["x" * 20, ""]


@pytest.mark.parametrize(
    "width, name", [(np.int32, "string"), (np.int64, "large_string")]
)
@pytest.mark.parametrize("damaged", [[0, 9, 5], [0, 5, 99], [-1, 2, 5], [7, 7, 3]])
def test_text_buffers_refuse_damaged_offsets(width, name, damaged):
    pyarrow = pytest.importorskip("pyarrow")
    offsets = np.array([0, 5, 10], width)
    column = pyarrow.Array.from_buffers(
        getattr(pyarrow, name)(),
        2,
        [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(b"applepears")],
    )
    # Arrow checks some of this only when the array is made.
    offsets[:] = damaged
    with pytest.raises(ValueError, match="raw_documents is a damaged Arrow column: "):
        [*text_buffers(column)]


@pytest.mark.parametrize(
    "damaged, message",
    [
        ([20, 0, 1, 0], "views lead outside"),
        ([20, 0, -1, 0], "views lead outside"),
        ([20, 0, 0, 11], "views lead outside"),
        ([20, 0, 0, -1], "views lead outside"),
        ([2**31 - 1, 0, 0, 0], "views lead outside"),
        ([-1, 0, 0, 0], "string has a negative length"),
    ],
)
def test_text_buffers_refuse_damaged_views(damaged, message):
    # Older versions cannot make views from buffers.
    pyarrow = pytest.importorskip("pyarrow", minversion="18.0")
    views = np.array([[20, 0, 0, 0], [20, 0, 0, 10]], np.int32)
    column = pyarrow.Array.from_buffers(
        pyarrow.string_view(),
        2,
        [None, pyarrow.py_buffer(views), pyarrow.py_buffer(b"x" * 30)],
    )
    assert all_text(column) == ["x" * 20] * 2
    views[1] = damaged
    with pytest.raises(ValueError, match=message):
        [*text_buffers(column)]


@pytest.mark.parametrize(
    "given, error, message",
    [
        ("text", ValueError, "single str"),
        (b"text", ValueError, "single bytes"),
        (np.array([["a", "b"]]), ValueError, "one dimension"),
        (np.array("a"), ValueError, "one dimension"),
        (5, TypeError, "must be an iterable of str"),
    ],
    ids=repr,
)
def test_text_buffers_refuse_other_objects(given, error, message):
    with pytest.raises(error, match=message):
        [*text_buffers(given)]
