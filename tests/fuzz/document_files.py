"""Files that the command line reads: documents in all formats, and vectors."""

import bz2
import csv
import gzip
import io
import json

import numpy as np
import pyarrow
import pyarrow.parquet
from _commands.running import run
from hypothesis import strategies as st
from models import random_model
from pieces_reference import TRAINING_TEXTS
from strategies import awkward_texts

from fuzz.changes import byte_changes, with_bytes
from sklux import LexicalVectorizer
from sklux._commands import document_files
from sklux._commands.embedding_files import read_embeddings

MEMORY_MB = 512
# Errors that the command line explains in words.
DOCUMENTED = (OSError, TypeError, ValueError)
ROWS = [
    {"id": 1, "text": "a red apple", "more": {"text": "in, side"}},
    {"id": 2, "text": 'the "green"\ncar; tab\t\\" |', "more": {"text": ""}},
    {"id": 3, "text": "na\u00efve \u4e2d\u6587 \U0001f34e", "more": None},
    {"id": 4, "text": None, "more": {"text": None}},
]
# Parts of files that mean something to a reader.
TOKENS = [
    *(
        '"',
        '""',
        '\\"',
        "\\",
        ",",
        ";",
        "\t",
        "|",
        "\n",
        "\r\n",
        "\r",
        "\x00",
        "\ufeff",
    ),
    *(
        "[",
        "]",
        "{",
        "}",
        ":",
        '{"text": ',
        "null",
        "NaN",
        "1e999",
        '"\\ud800"',
        "text",
    ),
    *("[" * 2000, '{"text":' * 2000, "9" * 5000, "a" * 9000, "sep=,\n", '"a\n' * 50),
]
NUMBER_TYPES = ["f4", "f2", "i8", "c8", "?", "S3", "U2", "O"]


def prepare(folder):
    """A model file, and a file of each format without damage."""
    stage = LexicalVectorizer(token_pattern=r"\w+").fit(TRAINING_TEXTS)
    random_model(stage).save(folder / "model.sklux")
    return whole_files()


def whole_files():
    """The content of a file of each format."""
    table = pyarrow.Table.from_pylist(ROWS)
    stream, vectors, parquet_vectors = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pyarrow.parquet.write_table(table, stream, compression="none")
    np.save(vectors, np.arange(12, dtype=np.float32).reshape(4, 3))
    lists = pyarrow.table({"id": [1, 2], "v": [[1.0, 2.0], [3.0, 4.0]]})
    pyarrow.parquet.write_table(lists, parquet_vectors, compression="none")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    return {
        "csv": delimited(",").encode(),
        "tsv": delimited("\t").encode(),
        "jsonl": lines.encode(),
        "json": json.dumps(ROWS, indent=1, ensure_ascii=False).encode(),
        "text": "".join(f"{row['text']}\n" for row in ROWS).encode(),
        "parquet": stream.getvalue(),
        "npy": vectors.getvalue(),
        "vectors": parquet_vectors.getvalue(),
    }


def delimited(delimiter):
    """The rows as a CSV file."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["id", "text"])
    writer.writerows([row["id"], row["text"]] for row in ROWS)
    return stream.getvalue()


def cases(prepared):
    """A file with damage, or made of parts of files, and the options to read it."""
    put_together = st.lists(
        st.sampled_from(TOKENS) | awkward_texts, min_size=1, max_size=12
    ).map("".join)

    def damaged(name):
        content = prepared[name]
        token = st.builds(
            lambda at, cut, put: {"at": at, "cut": cut, "put": put},
            *(st.integers(0, len(content)), st.integers(0, 3)),
            st.sampled_from(TOKENS).map(lambda t: t.encode().decode("latin-1")),
        )
        options = {
            "format": st.just(name),
            "changes": st.lists(byte_changes(content) | token, max_size=3),
            "text": st.none() | st.none() | put_together,
            "compression": st.sampled_from([None] * 5 + ["gzip", "bz2", "zstd", "lz4"]),
            "broken": st.none() | st.integers(0, 60),
            "column": st.sampled_from(
                ["text", "text", "id", "more.text", "", "\ud800"]
            ),
            "encoding": st.sampled_from(
                [None, None, "utf-16", "utf-32", "cp1252", "utf-7", "idna", "big5"]
            ),
            "delimiter": st.sampled_from([None, None, None, ";", "tab", "a", "\x00"]),
            "quotes": st.sampled_from([None, None, "doubled", "backslash", "none"]),
            "keep": st.sampled_from([None, None, "id", "more"]),
            "output": st.sampled_from(["npy", "parquet", "jsonl", "folder"]),
            "dtype": st.sampled_from(NUMBER_TYPES),
        }
        return st.fixed_dictionaries(options)

    return st.sampled_from(sorted(prepared)).flatmap(damaged)


def content_of(prepared, case):
    """The bytes of the file of a case."""
    name = case["format"]
    content = prepared[name]
    if name == "npy":
        content = content.replace(b"<f4", f"<{case['dtype']}".encode())
    if case["text"] is not None and name not in ("npy", "parquet", "vectors"):
        try:
            content = case["text"].encode(case["encoding"] or "utf-8")
        except UnicodeError:
            content = case["text"].encode("utf-8", "surrogatepass")
    for change in case["changes"]:
        content = with_bytes(content, change)
    if case["compression"] is not None:
        content = compressed(content, case["compression"])
        if case["broken"] is not None:
            at = case["broken"] % max(len(content), 1)
            content = content[:at] + b"\xff" + content[at + 1 :]
    return content


def compressed(content, kind):
    """The bytes of a compressed file."""
    if kind == "gzip":
        return gzip.compress(content, mtime=0)
    if kind == "bz2":
        return bz2.compress(content)
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, kind) as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def check(prepared, case, folder):
    """Fail unless a command reads the file, or explains in words why not."""
    path = folder / "documents"
    path.write_bytes(content_of(prepared, case))
    if case["format"] in ("npy", "vectors"):
        try:
            assert read_embeddings(path).ndim == 2
        except DOCUMENTED:
            pass
        return
    arguments = options_of(case)
    output = folder / ("out" if case["output"] == "folder" else f"v.{case['output']}")
    target = f"{output}/" if case["output"] == "folder" else output
    remove(output)
    result = run("embed", folder / "model.sklux", path, target, *arguments)
    remove(output)
    if result.exit_code == 0:
        # An empty file is an empty part of a folder, and an error elsewhere.
        if path.stat().st_size == 0:
            return
        assert_same_in_small_pieces(folder, path, arguments)
        return
    error = result.exception
    assert isinstance(error, SystemExit), repr(error)
    # 2: the command line itself refuses an option.
    assert result.exit_code in (1, 2), result.exit_code
    if result.exit_code == 1:
        assert isinstance(error.__cause__, DOCUMENTED), repr(error.__cause__)


def options_of(case):
    """Options of the command line."""
    arguments = ["--format", case["format"], "--column", case["column"], "--quiet"]
    for name in ("encoding", "delimiter", "quotes", "keep"):
        if case[name] is not None:
            arguments += [f"--{name}", case[name]]
    return arguments


def assert_same_in_small_pieces(folder, path, arguments):
    """Fail unless the vectors do not depend on the size of the pieces."""
    if "--keep" in arguments:
        arguments = arguments[: arguments.index("--keep")]
    found = []
    usual = document_files.MAX_PIECE_DOCUMENTS
    for n_documents in (usual, 2):
        document_files.MAX_PIECE_DOCUMENTS = n_documents
        try:
            output = folder / "again.npy"
            result = run("embed", folder / "model.sklux", path, output, *arguments)
        finally:
            document_files.MAX_PIECE_DOCUMENTS = usual
        assert result.exit_code == 0, repr(result.exception)
        found.append(np.load(output))
    np.testing.assert_array_equal(*found)
    assert np.isfinite(found[0]).all()


def remove(output):
    """Remove the output of an earlier case."""
    if output.is_dir():
        for path in output.iterdir():
            remove(path)
        output.rmdir()
    else:
        output.unlink(missing_ok=True)
