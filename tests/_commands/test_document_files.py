"""Documents read from files of every format, in pieces of limited size."""

import csv
import errno
import gzip
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux._commands import document_files, text_input
from sklux._commands.document_files import (
    DocumentFile,
    DocumentFiles,
    ReadOptions,
    naming,
    pieces,
)
from sklux._commands.text_input import COMPRESSIONS
from sklux._commands.vector_files import plain

TEXTS = [
    "a red apple",
    "",
    'with "quotes", and a comma',
    "two\nlines",
    "naïve 漢字 🙂",
    "7",
]
ROWS = [{"id": i, "text": text} for i, text in enumerate(TEXTS)]


def opened(path, format=None, column="text", keep=(), piece_documents=None, **options):
    file = DocumentFile(path, ReadOptions(format, column, **options), keep)
    return DocumentFiles([file], file.name, piece_documents, "empty")


def write(folder, format, rows=ROWS):
    path = folder / f"documents.{'txt' if format == 'text' else format}"
    if format == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif format == "csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif format == "jsonl":
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        lines = [row["text"].replace("\n", " ") for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl"])
def test_document_file_reads_what_was_written(tmp_path, format):
    (piece,) = opened(write(tmp_path, format), keep=["id"])
    assert piece.documents == TEXTS
    ids = range(len(TEXTS))
    kept = [plain(value) for value in piece.kept["id"]]
    assert kept == list(map(str, ids) if format == "csv" else ids)
    assert piece.missing == []


@pytest.mark.parametrize("format", ["csv", "jsonl", "text"])
def test_document_file_lines_that_are_too_long_are_refused(
    tmp_path, monkeypatch, format
):
    path = write(tmp_path, format, [{"text": "a" * 100}])
    assert len(opened(path).read()[0]) == 1
    monkeypatch.setattr(text_input, "MAX_LINE", 50)
    with pytest.raises(ValueError, match="Line . of .* has more than 50 characters"):
        opened(path).read()


def compressed(path, suffix):
    """The same file compressed in two parts, as tools that append do."""
    content = Path(path).read_bytes()
    packed = f"{path}{suffix}"
    middle = len(content) // 2
    with open(packed, "wb") as file:
        for part in (content[:middle], content[middle:]):
            codec = COMPRESSIONS[suffix.lower()]
            out = pyarrow.BufferOutputStream()
            with pyarrow.CompressedOutputStream(out, codec) as stream:
                stream.write(part)
            file.write(out.getvalue())
    return packed


@pytest.mark.parametrize("format", ["csv", "jsonl", "text"])
@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zst", ".lz4", ".GZ"])
def test_document_file_unpacks(tmp_path, monkeypatch, format, suffix):
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", 2)
    path = write(tmp_path, format)
    file = opened(compressed(path, suffix))
    assert file.read()[0] == opened(path).read()[0]
    assert file.position() == 1
    unnamed = compressed(Path(path).rename(tmp_path / "documents"), suffix)
    assert opened(unnamed, format).read()[0] == file.read()[0]


@pytest.mark.parametrize("damage", ["cut", "changed", "no gzip"])
def test_document_file_damaged_archive_is_refused(tmp_path, damage):
    lines = "".join(f"line {number} of some\n" for number in range(5000)).encode()
    packed = gzip.compress(lines)
    half = len(packed) // 2
    content = {
        "cut": packed[:-half],
        "changed": packed[:half] + b"damaged" + packed[half + 7 :],
        "no gzip": lines,
    }[damage]
    path = tmp_path / "lines.txt.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"lines.txt.gz cannot be read as gzip: .*\. "):
        opened(str(path)).read()[0]


def test_document_file_archive_that_the_system_cannot_read(tmp_path, monkeypatch):
    """The message does not call it damaged."""
    path = tmp_path / "lines.txt.gz"
    path.write_bytes(gzip.compress(b"a\nb\n"))
    file = opened(str(path))

    def broken():
        raise OSError(errno.EIO, "Input/output error")
        yield

    monkeypatch.setattr(file.files[0], "_lines", broken)
    with pytest.raises(OSError, match="Input/output error.*lines.txt.gz"):
        file.read()[0]


def test_document_file_types_of_the_columns_to_keep(tmp_path):
    path = write(tmp_path, "parquet", [{"text": "a", "id": 1, "url": None}])
    types = {"id": pyarrow.int64(), "url": pyarrow.null()}
    assert opened(path, keep=["id", "url", "none"]).kept_types() == types
    assert opened(path).kept_types() == {}
    assert opened(write(tmp_path, "jsonl"), keep=["id"]).kept_types() == {}
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match="damaged.parquet cannot be read as Parquet"):
        opened(str(damaged), keep=["id"]).kept_types()


def test_document_file_compressed_parquet_is_refused(tmp_path):
    path = compressed(write(tmp_path, "parquet"), ".gz")
    with pytest.raises(
        ValueError, match="is a Parquet file within gzip.*Decompress it first"
    ):
        opened(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_document_file_text_has_a_document_per_line(tmp_path, end):
    path = tmp_path / "documents.txt"
    path.write_bytes(end.join(["one", "", " two ", "naïve"]).encode())
    assert opened(str(path)).read()[0] == ["one", "", " two ", "naïve"]


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_document_file_missing_documents_are_empty(tmp_path, format):
    rows = [{"text": "a"}, {"text": None}, {"text": "b"}]
    (piece,) = opened(write(tmp_path, format, rows))
    assert piece.documents == ["a", "", "b"]
    assert piece.missing == [1]


def test_document_file_json_lines_may_lack_a_key(tmp_path):
    path = tmp_path / "documents.jsonl"
    path.write_text('{"text": "a", "url": 1}\n\n{"other": 3}\n')
    (piece,) = opened(str(path), keep=["url"])
    assert (piece.documents, piece.kept) == (["a", ""], {"url": [1, None]})


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl", "text"])
@pytest.mark.parametrize("n_documents", [1, 2, 5, 100])
def test_document_file_pieces_do_not_change_the_documents(
    tmp_path, monkeypatch, format, n_documents
):
    path = write(tmp_path, format)
    expected = opened(path).read()[0]
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", n_documents)
    found = list(opened(path))
    assert [len(piece.documents) <= n_documents for piece in found] == [True] * len(
        found
    )
    assert [text for piece in found for text in piece.documents] == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30)), st.integers(1, 5), st.integers(1, 40))
def test_pieces_keep_order_and_size(texts, n_documents, n_characters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document_files, "MAX_PIECE_DOCUMENTS", n_documents)
        patch.setattr(document_files, "MAX_PIECE_CHARACTERS", n_characters)
        found = list(pieces([(text,) for text in texts], []))
    assert [text for piece in found for text in piece.documents] == texts
    for piece in found:
        assert 1 <= len(piece.documents) <= n_documents
        # Only its last document may take a piece beyond the limit.
        assert sum(map(len, piece.documents[:-1])) < n_characters


@pytest.mark.parametrize("format", ["csv", "jsonl", "text", "parquet"])
def test_document_file_position_ends_at_one(tmp_path, format):
    file = opened(write(tmp_path, format))
    assert file.position() == 0
    list(file)
    assert file.position() == 1


def test_document_file_format_can_be_given(tmp_path):
    path = tmp_path / "documents"
    path.write_text('{"text": "a"}\n')
    assert opened(str(path), "jsonl").read()[0] == ["a"]


def test_document_file_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file .*nothing.csv"):
        opened(str(tmp_path / "nothing.csv"))


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("options", [{"column": "body"}, {"keep": ["body"]}])
def test_document_file_column_does_not_exist(tmp_path, format, options):
    file = opened(write(tmp_path, format), **options)
    found = {
        "parquet": "column 'body'. Its columns are 'id', 'text'",
        "csv": r"column 'body'. Its columns .separated by ','. are 'id', 'text'",
        "jsonl": "key 'body'. The keys of its first 6 rows are 'id', 'text'",
    }[format]
    option = "--keep" if "keep" in options else "--column"
    with pytest.raises(ValueError, match=f"has no {found}.*{option}"):
        file.read()


def test_document_file_is_a_folder(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder. Name a file"):
        opened(str(tmp_path), "text")


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_document_file_column_of_numbers(tmp_path, format):
    file = opened(write(tmp_path, format), column="id")
    with pytest.raises(ValueError, match="Document 0 of .* is of type int, not str"):
        file.read()[0]


def test_document_file_csv_numbers_are_text(tmp_path):
    assert opened(write(tmp_path, "csv"), column="id").read()[0][0] == "0"


def test_document_file_csv_keeps_values_as_text(tmp_path):
    """No value becomes a number, a date or null. Other columns are not read."""
    values = ["007", "1.10", "NA", "null", "", "12345678901234567890", "2020-01-01"]
    lines = [f"{value},text {i},{i}" for i, value in enumerate(values)]
    path = tmp_path / "documents.csv"
    # The last value of the last column is not a number.
    lines += [f"1,text,{i}" for i in range(100_000)] + ["1,text,none"]
    path.write_text("\ufeffcode,text,n\n" + "\n".join(lines), encoding="utf-8")
    found = list(opened(str(path), keep=["code"]))
    assert found[0].kept["code"][: len(values)] == values
    assert sum(len(piece.documents) for piece in found) == len(lines)


def test_document_file_csv_long_document(tmp_path):
    texts = ["short", "a long one, " * 1_000_000, "end"]
    path = write(tmp_path, "csv", [{"text": text} for text in texts])
    limit = csv.field_size_limit()
    assert opened(path).read()[0] == texts
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("options", [{}, {"column": "b", "keep": ["text"]}])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_document_file_column_twice(tmp_path, format, options):
    path = tmp_path / f"documents.{format}"
    if format == "csv":
        path.write_text("text,text,b\n1,2,3\n")
    else:
        table = pyarrow.table([["1"], ["2"], ["3"]], names=["text", "text", "b"])
        pyarrow.parquet.write_table(table, path)
    with pytest.raises(ValueError, match="more than one column 'text'"):
        opened(str(path), **options).read()[0]
    assert opened(str(path), column="b").read()[0] == ["3"]


def test_document_file_text_has_no_columns(tmp_path):
    with pytest.raises(ValueError, match="plain text, which has no columns to keep"):
        opened(write(tmp_path, "text"), keep=["id"])


def test_document_file_parquet_from_a_pipe():
    with pytest.raises(ValueError, match="cannot be read from a pipe"):
        opened("-", "parquet")


def test_document_file_json_lines_after_an_empty_line(tmp_path):
    path = tmp_path / "documents.jsonl"
    path.write_text('\n{"body": "a"}\n')
    with pytest.raises(ValueError, match="no key 'text'. The keys of its first row"):
        opened(str(path)).read()[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a"}\n{"text": \n', "Line 2 of .* is not JSON"),
        (b'{"text": "a"}\n["b"]\n', "Line 2 of .* is not a JSON object"),
        (b'{"text": "\xff"}\n', "Line 1 of .* is not UTF-8: .*--encoding"),
        (b"[" * 200_000, "Element 1 of .* is nested too deeply"),
    ],
)
def test_document_file_bad_json_lines(tmp_path, content, message):
    path = tmp_path / "documents.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        opened(str(path)).read()[0]


def test_document_file_bad_text(tmp_path):
    path = tmp_path / "documents.txt"
    path.write_bytes(b"good\nb\xe9d\n")
    with pytest.raises(
        ValueError, match="Line 2 of .* is not UTF-8.*xe9.*--encoding cp1252"
    ):
        opened(str(path)).read()[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty. A CSV file begins with a header"),
        (
            b"text\na\n\nb,c\n",
            "Line 4 of .* has 2 instead of 1 columns, the number in ",
        ),
        (b'text\na\n"b"c\n', "Line 3 of .* cannot be read as CSV"),
        (b'text\na\n"b\n', "cannot be read as CSV: unexpected end of data"),
        (b"text\nb\xe9d\n", "is not UTF-8.*xe9.*--encoding"),
    ],
)
def test_document_file_bad_csv(tmp_path, content, message):
    path = tmp_path / "documents.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        opened(str(path)).read()[0]


def test_document_file_bad_parquet(tmp_path):
    path = tmp_path / "documents.parquet"
    path.write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match="documents.parquet cannot be read as Parquet"):
        opened(str(path)).read()[0]


def test_document_file_damaged_parquet_is_named(tmp_path):
    """pyarrow reports it as a system error without a file name."""
    path = Path(write(tmp_path, "parquet"))
    content = bytearray(path.read_bytes())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[4:footer] = b"\xff" * (footer - 4)
    path.write_bytes(content)
    with pytest.raises(OSError, match="documents.parquet"):
        opened(str(path)).read()[0]


@pytest.mark.parametrize("format", ["text", "jsonl"])
def test_document_file_empty(tmp_path, format):
    path = tmp_path / "documents"
    path.touch()
    assert list(opened(str(path), format)) == []
    with pytest.raises(ValueError, match="contains no documents"):
        opened(str(path), format).read()[0]


def test_document_file_standard_input():
    program = (
        "from sklux._commands.document_files import *\n"
        "file = DocumentFiles([DocumentFile('-', ReadOptions('text'))], 'input')\n"
        "print(file.read()[0], file.position())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], input="a\nb\n", capture_output=True, text=True
    )
    assert result.stdout == "['a', 'b'] None\n", result.stderr


def test_document_file_standard_input_is_closed():
    program = (
        "import sys; sys.stdin = None\n"
        "from sklux._commands.document_files import *\n"
        "list(DocumentFile('-', ReadOptions('text')).rows())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert "ValueError: Standard input is closed" in result.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
@pytest.mark.parametrize("format", ["text", "csv", "jsonl"])
def test_document_file_named_pipe(tmp_path, format):
    """Such as `<(zcat documents.gz)`."""
    content = Path(write(tmp_path, format)).read_bytes()
    expected = opened(str(next(tmp_path.iterdir()))).read()[0]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    file = opened(str(pipe), format)
    assert file.read()[0] == expected
    assert file.position() is None
    writer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_document_file_parquet_from_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.parquet")
    with pytest.raises(ValueError, match="cannot be read from a pipe"):
        opened(str(tmp_path / "pipe.parquet"))


@pytest.mark.parametrize("format", ["text", "csv", "jsonl", "parquet"])
def test_document_file_pieces_of_a_given_size(tmp_path, format):
    file = opened(write(tmp_path, format), piece_documents=4)
    assert [len(piece.documents) for piece in file] == [4, 2]


def test_naming_names_the_file_once():
    with pytest.raises(OSError, match="No space left.*'inner'") as caught:
        with naming("outer"), naming("inner"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC


def test_naming_leaves_broken_pipes():
    with pytest.raises(BrokenPipeError), naming("file"):
        raise BrokenPipeError


def test_document_files_count_missing_documents(tmp_path, monkeypatch):
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", 2)
    rows = [{"text": text} for text in (None, "a", "", None, "b")]
    file = opened(write(tmp_path, "parquet", rows))
    assert file.read() == (["", "a", "", "", "b"], 2)
    (tmp_path / "empty.txt").touch()
    with pytest.raises(ValueError, match="contains no documents"):
        opened(str(tmp_path / "empty.txt")).read()


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_document_files_stop_at_a_missing_document(tmp_path, monkeypatch, format):
    """The documents before it are read."""
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", 2)
    texts = ["a", "b", "c", None, "d", None]
    path = write(tmp_path, format, [{"text": text} for text in texts])
    found = []
    message = (
        f"Document 3 of {path} is missing (null, or without 'text'). Drop missing "
        "documents, or read them as empty texts with --null-documents empty."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        for piece in DocumentFiles([DocumentFile(path)], path):
            found += piece.documents
    assert found == ["a", "b"]


def test_document_files_name_the_file_of_a_missing_document(tmp_path):
    both = files(
        *(tmp_path, (".jsonl", b'{"text": "a", "id": 1}\n')),
        (".jsonl", b'{"text": "b", "id": 2}\n{"id": 3}\n'),
    )
    both.null_documents = "error"
    with pytest.raises(ValueError, match="Document 1 of .*1.jsonl is missing"):
        list(both)


def test_document_file_empty_lines_of_a_single_column_are_missing(tmp_path):
    """As polars writes a missing value; with more columns there is a comma."""
    path = tmp_path / "documents.csv"
    path.write_text("\ntext\na\n\nb\n")
    (piece,) = opened(str(path))
    assert (piece.documents, piece.missing) == (["a", "", "b"], [1])
    path.write_text("text,n\na,1\n\nb,2\n")
    (piece,) = opened(str(path), keep=["n"])
    assert (piece.documents, piece.kept) == (["a", "b"], {"n": ["1", "2"]})


def test_document_file_text_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "documents.txt"
    path.write_bytes(b"\xef\xbb\xbfone\ntwo\n")
    assert opened(str(path)).read()[0] == ["one", "two"]


def test_document_file_parquet_that_is_not_utf8(tmp_path):
    valid = pyarrow.array(["a", "b"])
    broken = pyarrow.StringArray.from_buffers(
        2, valid.buffers()[1], pyarrow.py_buffer(b"a\xff")
    )
    path = tmp_path / "documents.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": broken}), path)
    with pytest.raises(ValueError, match="is not UTF-8 in rows 0 to 1 of 'text'"):
        opened(str(path)).read()[0]


def files(folder, *contents, **options):
    """Several files, as one."""
    opened = []
    for number, (suffix, content) in enumerate(contents):
        path = folder / f"{number}{suffix}"
        path.write_bytes(content)
        opened.append(DocumentFile(str(path), ReadOptions(**options), ["id"]))
    return DocumentFiles(opened, "all files", null_documents="empty")


def test_document_files_are_read_one_after_another(tmp_path, monkeypatch):
    """A piece may have rows of two files. Empty parts have no header."""
    contents = (
        (".csv", b"id,text\n1,a\n2,b\n"),
        (".csv", b""),
        (".tsv", b"text\tid\nc\t3\n"),
        (".json", b'[{"id": 4}, {"id": 5, "text": "d"}]'),
        (".jsonl.gz", gzip.compress(b'{"id": 6, "text": "e"}\n')),
    )
    for n_documents in (1, 2, 100):
        monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", n_documents)
        all_files = files(tmp_path, *contents)
        all_files.check()
        positions, found = [all_files.position()], []
        for piece in all_files:
            found.append(piece)
            positions.append(all_files.position())
        assert [text for piece in found for text in piece.documents] == [
            *"abc",
            "",
            *"de",
        ]
        ids = [str(one) for piece in found for one in piece.kept["id"]]
        assert ids == ["1", "2", "3", "4", "5", "6"]
        assert positions == sorted(positions)
        assert (positions[0], positions[-1]) == (0, 1)
    assert all_files.read() == (["a", "b", "c", "", "d", "e"], 1)


def test_document_files_are_all_checked_before_any_work(tmp_path):
    good = (".csv", b"id,text\n1,a\n")
    for suffix, content, message in (
        (".csv", b"id;body\n1;a\n", r"1.csv has no column 'text'.*separated by ';'"),
        (".jsonl", b'{"text": "a"}\n', "1.jsonl has no key 'id'.*--keep"),
        (".parquet", b"no Parquet", "1.parquet cannot be read as Parquet"),
    ):
        all_files = files(tmp_path, good, (suffix, content))
        with pytest.raises(ValueError, match=message):
            all_files.check()


def test_document_files_types_of_columns(tmp_path):
    """Only if all files are Parquet."""
    for number in range(2):
        table = pyarrow.table({"text": ["a"], "id": [number]})
        pyarrow.parquet.write_table(table, tmp_path / f"{number}.parquet")
    paths = [str(tmp_path / f"{number}.parquet") for number in range(2)]
    opened = [DocumentFile(path, keep=["id"]) for path in paths]
    assert DocumentFiles(opened, "all").kept_types() == {"id": pyarrow.int64()}
    assert DocumentFiles(opened, "all").position() == 0
    opened.append(DocumentFile(write(tmp_path, "jsonl"), keep=["id"]))
    assert DocumentFiles(opened, "all").kept_types() == {}


def test_document_file_json_first_rows_may_lack_the_key(tmp_path, monkeypatch):
    """These documents are missing. A key that no row has is an error."""
    path = tmp_path / "documents.jsonl"
    path.write_text('{"id": 1}\n{"id": 2, "data": {"x": 0}}\n{"text": "a"}\n{}\n')
    (piece,) = opened(str(path), keep=["id"])
    assert (piece.documents, piece.missing) == (["", "", "a", ""], [0, 1, 3])
    assert piece.kept["id"] == [1, 2, None, None]
    for column, keep, option in (("body", [], "--column"), ("text", ["url"], "--keep")):
        with pytest.raises(
            ValueError,
            match=f"has no key '{'url' if keep else 'body'}'. The keys of its first 4 "
            f"rows are 'id', 'data.x', 'text'. .*{option}",
        ):
            list(opened(str(path), column=column, keep=keep))
    monkeypatch.setattr(document_files, "N_ROWS_WITH_KEYS", 2)
    with pytest.raises(ValueError, match="no key 'text'. The keys of its first 2 rows"):
        list(opened(str(path)))


@pytest.mark.parametrize("format", ["json", "jsonl", "parquet"])
def test_document_file_nested_columns(tmp_path, format):
    rows = [
        {"data": {"text": "a", "meta": {"lang": "en"}}},
        {"data": None},
        {"data": {"text": "b", "meta": None}},
    ]
    path = write(tmp_path, "jsonl" if format == "json" else format, rows)
    if format == "json":
        path = str(tmp_path / "documents.json")
        Path(path).write_text(json.dumps(rows))
    file = opened(path, column="data.text", keep=["data.meta.lang"])
    (piece,) = file
    assert (piece.documents, piece.missing) == (["a", "", "b"], [1])
    kept = [plain(value) for value in piece.kept["data.meta.lang"]]
    assert kept == ["en", None, None]
    if format == "parquet":
        assert file.kept_types() == {"data.meta.lang": pyarrow.string()}
    with pytest.raises(ValueError, match="'text'.* are 'data.text', 'data.meta.lang'"):
        list(opened(path))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("format", ["csv", "jsonl", "text"])
def test_document_file_byte_order_marks(tmp_path, format, encoding):
    path = Path(write(tmp_path, format))
    expected = opened(str(path)).read()[0]
    path.write_text(path.read_text("utf-8"), encoding, newline="")
    assert opened(str(path)).read()[0] == expected


@pytest.mark.parametrize("format", ["csv", "jsonl", "text"])
def test_document_file_other_encodings_are_given(tmp_path, format):
    rows = [{"id": 0, "text": "caf\xe9"}]
    path = Path(write(tmp_path, format, rows))
    path.write_bytes(path.read_text("utf-8").encode("latin-1"))
    assert opened(str(path), encoding="latin-1").read()[0] == ["caf\xe9"]
    with pytest.raises(ValueError, match="--encoding"):
        opened(str(path)).read()


def test_document_file_of_another_format_shows_its_beginning(tmp_path):
    table = pyarrow.table({"text": ["a"]})
    pyarrow.parquet.write_table(table, tmp_path / "a.csv")
    with pytest.raises(ValueError, match="a Parquet file"):
        list(opened(str(tmp_path / "a.csv")))
    (tmp_path / "a.parquet").write_text("text\na\n")
    with pytest.raises(ValueError, match=r"It begins with b'text.na.n'\."):
        list(opened(str(tmp_path / "a.parquet")))
    (tmp_path / "a.txt.gz").write_text("not compressed")
    with pytest.raises(
        ValueError, match="as gzip: .* It begins with b'not compressed'"
    ):
        list(opened(str(tmp_path / "a.txt.gz")))
