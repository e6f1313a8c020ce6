"""Files, patterns and folders."""

import os
import re

import pytest

from sklux._commands.document_paths import document_paths, file_format


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Files of documents, and other files; the folder is the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in (
        *("b.jsonl", "a.jsonl.gz", "README.md", "_SUCCESS", ".hidden.jsonl"),
        *("sub/d.jsonl", "sub/deep/c.jsonl", "_tmp/e.jsonl", "odd[1].csv"),
        *("parts/part-1", "parts/part-0", "none/notes.md", "mixed/a.csv"),
        *("mixed/b.tsv", "mixed/c.csv", "empty/_x"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def paths(*arguments, format=None):
    found = document_paths(arguments, format)
    return [path.replace(os.sep, "/") for path in found]


def test_document_paths_are_in_the_order_of_the_arguments(folder):
    assert paths("b.jsonl", "a.jsonl.gz") == ["b.jsonl", "a.jsonl.gz"]
    assert paths("-") == ["-"]
    with pytest.raises(FileNotFoundError, match="There is no file c.jsonl"):
        paths("b.jsonl", "c.jsonl")


def test_document_paths_patterns_are_sorted(folder):
    """Hidden files are left out unless the pattern begins so."""
    assert paths("*.jsonl*") == ["a.jsonl.gz", "b.jsonl"]
    assert paths("sub/**/*.jsonl") == ["sub/d.jsonl", "sub/deep/c.jsonl"]
    assert paths("*[b].jsonl", "sub/d*") == ["b.jsonl", "sub/d.jsonl"]
    assert paths(".*.jsonl") == [".hidden.jsonl"]
    assert paths("s*") == ["sub/d.jsonl", "sub/deep/c.jsonl"]
    with pytest.raises(FileNotFoundError, match=re.escape("the pattern *.parquet.")):
        paths("*.parquet")


def test_document_paths_a_name_may_look_like_a_pattern(folder):
    assert paths("odd[1].csv") == ["odd[1].csv"]


def test_document_paths_folders_are_read_to_their_depth(folder):
    """Without files whose names show no format, and without hidden files."""
    assert paths("sub") == ["sub/d.jsonl", "sub/deep/c.jsonl"]
    assert paths("parts", format="jsonl") == ["parts/part-0", "parts/part-1"]
    for name, found in (("none", "It has none.notes.md"), ("empty", r"\)\.$")):
        with pytest.raises(FileNotFoundError, match=f"{name} has no file .*{found}"):
            paths(name)
    message = r"several formats: 2 csv, 1 tsv\. .* such as 'mixed/\*\*/\*\.csv'\."
    with pytest.raises(ValueError, match=message):
        paths("mixed")
    assert paths("mixed", format="csv") == ["mixed/a.csv", "mixed/b.tsv", "mixed/c.csv"]


def test_document_paths_no_file_is_read_twice(folder):
    with pytest.raises(ValueError, match="sub.d.jsonl would be read twice"):
        paths("sub/d.jsonl", "sub")
    with pytest.raises(ValueError, match="The file - would be read twice"):
        paths("-", "-")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.parquet", "parquet"),
        ("a.PQ", "parquet"),
        ("a.csv", "csv"),
        ("a.ndjson", "jsonl"),
        ("b.c.txt", "text"),
        ("a.tsv.gz", "tsv"),
        ("a.TAB", "tsv"),
        ("a.json", "json"),
    ],
)
def test_file_format_by_name(name, expected):
    assert file_format(name) == expected


@pytest.mark.parametrize(
    "name", ["documents", "documents.md", "documents.gz", "a.csv.gz.gz"]
)
def test_file_format_unknown_name(name):
    with pytest.raises(ValueError, match="does not show the format.*--format: parquet"):
        file_format(name)


def test_file_format_of_standard_input_must_be_given():
    """With plain text as a default, each line of JSON becomes a document."""
    with pytest.raises(ValueError, match="Standard input has no file name.*--format"):
        file_format("-")


def test_file_format_of_a_model():
    with pytest.raises(ValueError, match="Is it a model. Its place is before"):
        file_format("model.sklux")
