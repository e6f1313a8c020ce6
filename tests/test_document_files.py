"""Documents read from files: the same from every format, in pieces of limited size."""

import csv
import json
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklux import _document_files
from sklux._document_files import DocumentFile, file_format, pieces

TEXTS = [
    "a red apple",
    "",
    'with "quotes", and a comma',
    "two\nlines",
    "naïve 漢字 🙂",
    "7",
]
ROWS = [{"id": i, "text": text} for i, text in enumerate(TEXTS)]


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
    (piece,) = DocumentFile(write(tmp_path, format), keep=["id"])
    assert piece.documents == TEXTS
    assert piece.kept == {"id": list(range(len(TEXTS)))}
    assert piece.n_missing == 0


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_document_file_text_has_a_document_per_line(tmp_path, end):
    path = tmp_path / "documents.txt"
    path.write_bytes(end.join(["one", "", " two ", "naïve"]).encode())
    assert DocumentFile(str(path)).read() == ["one", "", " two ", "naïve"]


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_document_file_missing_documents_are_empty(tmp_path, format):
    rows = [{"text": "a"}, {"text": None}, {"text": "b"}]
    (piece,) = DocumentFile(write(tmp_path, format, rows))
    assert piece.documents == ["a", "", "b"]
    assert piece.n_missing == 1


def test_document_file_json_lines_may_lack_a_key(tmp_path):
    path = tmp_path / "documents.jsonl"
    path.write_text('{"text": "a", "url": 1}\n\n{"other": 3}\n')
    (piece,) = DocumentFile(str(path), keep=["url"])
    assert (piece.documents, piece.kept) == (["a", ""], {"url": [1, None]})


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl", "text"])
@pytest.mark.parametrize("n_documents", [1, 2, 5, 100])
def test_document_file_pieces_do_not_change_the_documents(
    tmp_path, monkeypatch, format, n_documents
):
    path = write(tmp_path, format)
    expected = DocumentFile(path).read()
    monkeypatch.setattr(_document_files, "MAX_PIECE_DOCUMENTS", n_documents)
    found = list(DocumentFile(path))
    assert [len(piece.documents) <= n_documents for piece in found] == [True] * len(
        found
    )
    assert [text for piece in found for text in piece.documents] == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30)), st.integers(1, 5), st.integers(1, 40))
def test_pieces_keep_order_and_size(texts, n_documents, n_characters):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_document_files, "MAX_PIECE_DOCUMENTS", n_documents)
        patch.setattr(_document_files, "MAX_PIECE_CHARACTERS", n_characters)
        found = list(pieces([(text,) for text in texts], []))
    assert [text for piece in found for text in piece.documents] == texts
    for piece in found:
        assert 1 <= len(piece.documents) <= n_documents
        # Only its last document may have taken a piece beyond the limit.
        assert sum(map(len, piece.documents[:-1])) < n_characters


@pytest.mark.parametrize("format", ["csv", "jsonl", "text", "parquet"])
def test_document_file_position_ends_at_one(tmp_path, format):
    file = DocumentFile(write(tmp_path, format))
    assert file.position() == 0
    list(file)
    assert file.position() == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.parquet", "parquet"),
        ("a.PQ", "parquet"),
        ("a.csv", "csv"),
        ("a.ndjson", "jsonl"),
        ("b.c.txt", "text"),
        ("-", "text"),
    ],
)
def test_file_format_by_name(name, expected):
    assert file_format(name) == expected


@pytest.mark.parametrize("name", ["documents", "documents.tsv", "documents.csv.gz"])
def test_file_format_unknown_name(name):
    with pytest.raises(ValueError, match="does not tell its format.*--format: parquet"):
        file_format(name)


def test_document_file_format_can_be_said(tmp_path):
    path = tmp_path / "documents"
    path.write_text('{"text": "a"}\n')
    assert DocumentFile(str(path), "jsonl").read() == ["a"]


def test_document_file_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file .*nothing.csv"):
        DocumentFile(str(tmp_path / "nothing.csv"))


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("options", [{"column": "body"}, {"keep": ["body"]}])
def test_document_file_column_not_there(tmp_path, format, options):
    file = DocumentFile(write(tmp_path, format), **options)
    with pytest.raises(
        ValueError, match="no column 'body'. Its columns are 'id', 'text'"
    ):
        file.read()


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_document_file_column_of_numbers(tmp_path, format):
    file = DocumentFile(write(tmp_path, format), column="id")
    with pytest.raises(ValueError, match="Document 0 is no text but a int"):
        file.read()


def test_document_file_csv_numbers_are_text(tmp_path):
    assert DocumentFile(write(tmp_path, "csv"), column="id").read()[0] == "0"


def test_document_file_text_has_no_columns(tmp_path):
    with pytest.raises(ValueError, match="plain text, which has no columns to keep"):
        DocumentFile(write(tmp_path, "text"), keep=["id"])


def test_document_file_parquet_from_a_pipe():
    with pytest.raises(ValueError, match="cannot be read from a pipe"):
        DocumentFile("-", "parquet")


def test_document_file_json_lines_after_an_empty_line(tmp_path):
    """The first line with a row says which columns there are."""
    path = tmp_path / "documents.jsonl"
    path.write_text('\n{"body": "a"}\n')
    with pytest.raises(ValueError, match="no column 'text'"):
        DocumentFile(str(path)).read()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a"}\n{"text": \n', "Line 2 of .* is not JSON"),
        (b'{"text": "a"}\n["b"]\n', "Line 2 of .* is not a JSON object"),
        (b'{"text": "\xff"}\n', "Line 1 of .* is not JSON"),
    ],
)
def test_document_file_bad_json_lines(tmp_path, content, message):
    path = tmp_path / "documents.jsonl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        DocumentFile(str(path)).read()


def test_document_file_bad_text(tmp_path):
    path = tmp_path / "documents.txt"
    path.write_bytes(b"good\nb\xe9d\n")
    with pytest.raises(ValueError, match="Line 2 of .* is not UTF-8.*iconv"):
        DocumentFile(str(path)).read()


@pytest.mark.parametrize("content", [b"", b"text\na\nb,c\n"])
def test_document_file_bad_csv(tmp_path, content):
    path = tmp_path / "documents.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        DocumentFile(str(path)).read()


def test_document_file_bad_parquet(tmp_path):
    path = tmp_path / "documents.parquet"
    path.write_bytes(b"no Parquet")
    with pytest.raises(ValueError, match="(?i)parquet"):
        DocumentFile(str(path)).read()


@pytest.mark.parametrize("format", ["text", "jsonl"])
def test_document_file_empty(tmp_path, format):
    path = tmp_path / "documents"
    path.touch()
    assert list(DocumentFile(str(path), format)) == []
    with pytest.raises(ValueError, match="holds no document"):
        DocumentFile(str(path), format).read()


def test_document_file_standard_input():
    program = (
        "from sklux._document_files import DocumentFile\n"
        "file = DocumentFile('-')\n"
        "print(file.read(), file.position())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], input="a\nb\n", capture_output=True, text=True
    )
    assert result.stdout == "['a', 'b'] None\n", result.stderr
