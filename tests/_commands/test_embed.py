"""sklux embed."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from _commands.running import failed, run, run_outside, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import document_files


@pytest.mark.parametrize("n_documents", [7, 10_000])
def test_embed_npy(folder, tmp_path, texts, monkeypatch, n_documents):
    """In pieces of any size."""
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", n_documents)
    result = succeeded(
        "embed", folder / "model.sklux", folder / "documents.txt", tmp_path / "v.npy"
    )
    expected = LuxicalVectorizer.load(folder / "model.sklux").transform(texts)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), expected)
    assert "240 documents in" in result.stderr
    assert result.stdout == ""


def test_embed_parquet_keeps_columns(folder, tmp_path, texts):
    succeeded(
        *("embed", folder / "model.sklux", folder / "documents.parquet"),
        *(tmp_path / "v.parquet", "--keep", "url", "-k", "text", "-q"),
    )
    table = pyarrow.parquet.read_table(tmp_path / "v.parquet")
    assert table.column_names == ["url", "text", "embedding"]
    assert table["text"].to_pylist() == texts
    assert table["url"][3].as_py() == "page/3"


def test_embed_columns_of_parquet_keep_their_type(folder, tmp_path, monkeypatch):
    """Even if the first piece has no value."""
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", 2)
    scores = pyarrow.array([None, None, 0.5, 1.5], pyarrow.float32())
    table = pyarrow.table({"text": ["apple"] * 4, "score": scores})
    pyarrow.parquet.write_table(table, tmp_path / "documents.parquet")
    succeeded(
        *("embed", folder / "model.sklux", tmp_path / "documents.parquet"),
        *(tmp_path / "v.parquet", "--keep", "score"),
    )
    found = pyarrow.parquet.read_table(tmp_path / "v.parquet")["score"]
    assert found.combine_chunks() == scores


def test_embed_in_a_pipe(folder, texts):
    lines = "".join(json.dumps({"body": text}) + "\n" for text in texts[:5])
    command = ["embed", folder / "model.sklux", "-", "-"]
    result = run_outside(*command, "--format", "jsonl", "-c", "body", input=lines)
    assert result.returncode == 0, result.stderr
    found = [json.loads(line)["embedding"] for line in result.stdout.splitlines()]
    expected = LuxicalVectorizer.load(folder / "model.sklux").transform(texts[:5])
    np.testing.assert_array_equal(np.array(found, dtype=np.float32), expected)


def test_embed_in_a_pipe_needs_the_format(folder):
    assert "--format" in failed("embed", folder / "model.sklux", "-", "-")


def test_embed_notes_zero_vectors(folder, tmp_path):
    rows = [{"text": "apple pear"}, {"text": None}, {"text": "?"}, {"text": "!"}]
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet"
    )
    result = succeeded(
        *("embed", folder / "model.sklux", tmp_path / "rows.parquet"),
        *(tmp_path / "v.npy", "--null-documents", "empty"),
    )
    assert "zero for 1 missing document (null)" in result.stderr
    assert "zero for 2 documents without a known term" in result.stderr
    lengths = np.linalg.norm(np.load(tmp_path / "v.npy"), axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 0, 0], atol=1e-6)


def test_embed_npy_keeps_no_columns(folder, tmp_path):
    message = failed(
        *("embed", folder / "model.sklux", folder / "documents.parquet"),
        *(tmp_path / "v.npy", "-k", "url"),
    )
    assert "A .npy file holds only vectors" in message


def test_embed_failure_leaves_the_old_file(folder, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"text": "apple"}\n{"text": 3}\n')
    (tmp_path / "v.npy").write_text("before")
    message = failed(
        "embed", folder / "model.sklux", tmp_path / "bad.jsonl", tmp_path / "v.npy"
    )
    assert "Document 1 of" in message and "is of type int, not str" in message
    assert (tmp_path / "v.npy").read_text() == "before"


def test_embed_stops_at_a_missing_document(folder, tmp_path, monkeypatch):
    """Lines that standard output has got are vectors of the documents before it."""
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", 2)
    lines = [json.dumps({"text": text}) for text in ("apple", "pear", "car", None)]
    (tmp_path / "documents.jsonl").write_text("\n".join(lines))
    (tmp_path / "v.npy").write_text("before")
    arguments = ("embed", folder / "model.sklux", tmp_path / "documents.jsonl")
    message = failed(*arguments, tmp_path / "v.npy")
    assert "Document 3 of" in message and "--null-documents empty" in message
    assert (tmp_path / "v.npy").read_text() == "before"
    result = run_outside(*arguments, "-", env=os.environ)
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 0
    assert "Document 3 of" in result.stderr


def test_embed_memory_is_constant(folder, tmp_path, texts):
    """Ten times as many documents, through a pipe, need no more memory."""
    pytest.importorskip("resource")
    lines = "".join(" ".join(texts[i : i + 10]) + "\n" for i in range(200))
    # A process inherits the peak of its parent, so the parent is a small one. Even the
    # smaller file fills a piece.
    program = (
        "import resource, subprocess, sys\n"
        "with subprocess.Popen(['cat', sys.argv[1]], stdout=subprocess.PIPE) as cat:\n"
        "    subprocess.run(sys.argv[2:], stdin=cat.stdout, check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    peaks = []
    for n_times in (60, 600):
        path = tmp_path / "many.txt"
        path.write_text(lines * n_times)
        command = [sys.executable, "-c", program, path, sys.executable, "-m"]
        command += ["sklux.cli", "embed", folder / "model.sklux", "-"]
        command += [tmp_path / "v.npy", "--format", "text", "-q"]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(result.stdout) * (1 if sys.platform == "darwin" else 1024))
    assert np.load(tmp_path / "v.npy", mmap_mode="r").shape == (120_000, 8)
    assert peaks[1] - peaks[0] < 20e6


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_embed_removes_its_half_at_a_signal(folder, tmp_path, name):
    number = getattr(signal, name)
    # The process inherits signals that are ignored, such as SIGHUP under nohup.
    program = (
        f"import signal; signal.signal({number:d}, signal.SIG_DFL)\n"
        "from sklux.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "embed", folder / "model.sklux"]
    command += ["-", tmp_path / "v.npy", "--format", "text"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        for _ in range(600):
            if list(tmp_path.glob(".*.partial")):
                break
            time.sleep(0.05)
        assert list(tmp_path.glob(".*.partial"))
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["old.npy", "new.npy", "-"])
def test_embed_says_what_is_kept(folder, tmp_path, monkeypatch, output):
    """After Ctrl-C in the second piece."""
    (tmp_path / "old.npy").write_bytes(b"before")
    transform, pieces = LuxicalVectorizer.transform, []

    def stop(self, documents):
        pieces.append(documents)
        if len(pieces) == 2:
            raise KeyboardInterrupt
        return transform(self, documents)

    monkeypatch.setattr(LuxicalVectorizer, "transform", stop)
    monkeypatch.setattr(document_files, "MAX_PIECE_DOCUMENTS", 100)
    path = output if output == "-" else tmp_path / output
    result = run("embed", folder / "model.sklux", folder / "documents.txt", path)
    assert result.exit_code == 130
    kept = {
        "old.npy": f"No vectors were written. {path} is as it was before.",
        "new.npy": "No vectors were written.",
        "-": "The vectors of 100 documents were written.",
    }[output]
    assert result.stderr.endswith(f"sklux: stopped.\n{kept}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["old.npy"]
    assert (tmp_path / "old.npy").read_bytes() == b"before"
