"""Text of any encoding, compressed or not."""

import bz2
import gzip
import io

import pyarrow
import pytest

from sklux._commands import text_input as module
from sklux._commands.text_input import (
    COMPRESSIONS,
    TextInput,
    check_encoding,
    compression_of,
)

TEXT = "naïve 漢字 🙂\r\nsecond\rline\n\nlast"
LINES = ["naïve 漢字 🙂\r\n", "second\rline\n", "\n", "last"]
LATIN = "caf\xe9\n\xdcber\n"


def text_input(content, encoding=None, compression=None):
    return TextInput(io.BytesIO(content), "a.txt", encoding, compression)


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-8-sig", "utf-8"),
        ("utf-8-sig", "latin-1"),
        ("utf-16", None),
        ("utf-16", "utf-16-le"),
        ("utf-32", None),
        ("utf-16-be", "utf-16-be"),
        ("gb18030", "gb18030"),
    ],
)
def test_text_input_reads_encodings(written, given):
    """A byte order mark has precedence, as in browsers."""
    content = TEXT.encode(written)
    assert list(text_input(content, given).lines()) == LINES
    assert text_input(content, given).stream().read() == TEXT
    assert text_input(content, given).first_character() == "n"


def test_text_input_marks_of_the_other_byte_order():
    for mark, encoding in ((b"\xfe\xff", "utf-16-be"), (b"\0\0\xfe\xff", "utf-32-be")):
        assert list(text_input(mark + TEXT.encode(encoding)).lines()) == LINES


def test_text_input_a_mark_in_the_middle_is_a_character():
    content = "\ufeffone\n\ufefftwo\n".encode()
    assert list(text_input(content).lines()) == ["one\n", "\ufefftwo\n"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_text_input_utf_16_without_a_mark_is_named(encoding):
    """As UTF-8 it would be read, with a NUL after each letter."""
    with pytest.raises(
        ValueError,
        match=rf"a.txt seems to be UTF-16 .* begins with b'.*--encoding {encoding}\.",
    ):
        text_input("id,text\n1,one\n".encode(encoding))


def test_text_input_other_encodings_show_the_bytes_and_the_remedy():
    content = LATIN.encode("latin-1")
    with pytest.raises(
        ValueError,
        match=r"Line 1 of a.txt is not UTF-8: .* in b'caf\\xe9\\n'. Give the encoding "
        "of the file with --encoding, such as --encoding cp1252",
    ):
        list(text_input(content).lines())
    assert "".join(text_input(content, "cp1252").lines()) == LATIN
    with pytest.raises(ValueError, match="Line 1 of a.txt is not ascii"):
        list(text_input(content, "ascii").lines())
    with pytest.raises(ValueError, match="Line 2 .* is not UTF-8"):
        list(text_input(b"one\n" + content).lines())
    cut = "one\ntwo\n".encode("utf-16")[:-1]
    with pytest.raises(ValueError, match="is not UTF-16: truncated data"):
        list(text_input(cut).lines())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_text_input_lines_that_are_too_long_are_refused(monkeypatch, encoding):
    """A megabyte of compressed zeros is a line of a gigabyte."""
    monkeypatch.setattr(module, "MAX_LINE", 10)
    content = "one\n123456789\n1234567890\n".encode(encoding)
    lines = text_input(gzip.compress(content)).lines()
    assert [next(lines), next(lines)] == ["one\n", "123456789\n"]
    with pytest.raises(ValueError, match="Line 3 of a.txt has more than 10 characters"):
        next(lines)


def test_text_input_files_of_another_kind_are_named():
    with pytest.raises(ValueError, match="It begins with .* an Excel or .npz file"):
        list(text_input(b"PK\x03\x04\xff\xfe" * 20).lines())


@pytest.mark.parametrize("codec", COMPRESSIONS.values())
@pytest.mark.parametrize("is_named", [False, True])
def test_text_input_decompresses(codec, is_named):
    """Also a pipe, whose name shows nothing."""
    out = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(out, codec) as stream:
        stream.write(TEXT.encode("utf-16"))
    content = out.getvalue().to_pybytes()
    assert compression_of(content) == codec
    found = text_input(content, compression=codec if is_named else None)
    assert list(found.lines()) == LINES


def test_text_input_text_that_begins_as_a_compressed_file():
    assert list(text_input(b"BZh is how it begins\n").lines()) == [
        "BZh is how it begins\n"
    ]
    assert compression_of(bz2.compress(b"a")) == "bz2"
    assert compression_of(gzip.compress(b"a")) == "gzip"
    assert compression_of(b"") is None


@pytest.mark.parametrize("name", ["latin1x", "rot13", "hex", ""])
def test_check_encoding_unknown_name(name):
    with pytest.raises(ValueError, match=f"--encoding {name} is not an encoding of"):
        check_encoding(name)


def test_check_encoding_known_names():
    for name in (None, "cp1252", "UTF-16", "latin-1"):
        check_encoding(name)
