"""sklux embed into a folder of Parquet parts."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer
from sklux._commands import embed_folder, parts
from sklux._commands.parts import MANIFEST


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of 50 rows, in batches of 20."""
    monkeypatch.setattr(parts, "PART_ROWS", 50)
    monkeypatch.setattr(parts, "BATCH_ROWS", 20)


@pytest.fixture
def model(folder):
    return LuxicalVectorizer.load(folder / "model.sklux")


@pytest.fixture
def corpus(tmp_path, texts):
    """Two Parquet files in a folder, with row groups of 30 rows."""
    table = pyarrow.table({"id": range(len(texts)), "text": texts})
    (tmp_path / "corpus").mkdir()
    for number, rows in enumerate((table.slice(0, 130), table.slice(130))):
        path = tmp_path / "corpus" / f"{number}.parquet"
        pyarrow.parquet.write_table(rows, path, row_group_size=30)
    return tmp_path / "corpus"


def embed(folder, inputs, output, *options):
    return succeeded("embed", folder / "model.sklux", inputs, f"{output}/", *options)


def read(output):
    """All rows of the parts, as any reader of datasets finds them."""
    return pyarrow.dataset.dataset(output, format="parquet").to_table()


def names(output):
    return sorted(path.name for path in output.iterdir() if path.suffix == ".parquet")


def check_rows(output, texts, model, dtype=np.float32):
    """Every row once, in order, with the bits of `transform`."""
    table = read(output)
    assert table["id"].to_pylist() == list(range(len(texts)))
    vectors = np.stack(table["embedding"].to_numpy())
    np.testing.assert_array_equal(vectors, model.transform(texts).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_embed_folder(folder, corpus, tmp_path, texts, model, small_parts, dtype):
    output = tmp_path / "out"
    result = embed(folder, corpus, output, "-k", "id", "--dtype", dtype)
    check_rows(output, texts, model, dtype)
    assert "240 documents in" in result.stderr
    assert names(output) == [
        *("part-00000-00000.parquet", "part-00000-00001.parquet"),
        *("part-00000-00002.parquet", "part-00001-00000.parquet"),
        "part-00001-00001.parquet",
    ]
    assert json.loads((output / MANIFEST).read_text())["is_complete"] is True


@pytest.mark.parametrize("form", ["jsonl", "csv", "txt"])
@pytest.mark.parametrize("n_rows", [50, 99, 100])
def test_embed_folder_of_files_without_row_groups(
    folder, tmp_path, texts, model, small_parts, form, n_rows
):
    texts = [text.replace(",", " ") for text in texts[:n_rows]]
    lines = {
        "jsonl": [json.dumps({"id": i, "text": text}) for i, text in enumerate(texts)],
        "csv": ["id,text", *(f"{i},{text}" for i, text in enumerate(texts))],
        "txt": texts,
    }[form]
    path = tmp_path / f"documents.{form}"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    output = tmp_path / "out"
    embed(folder, path, output, *([] if form == "txt" else ["-k", "id"]))
    assert len(names(output)) == -(-n_rows // 50)
    table = read(output)
    vectors = np.stack(table["embedding"].to_numpy())
    np.testing.assert_array_equal(vectors, model.transform(texts))
    if form != "txt":
        assert table["id"].cast(pyarrow.int64()).to_pylist() == list(range(n_rows))
    # A part that is missing is made again, with the same bytes.
    victim = output / names(output)[-1]
    before = victim.read_bytes()
    victim.unlink()
    embed(folder, path, output, *([] if form == "txt" else ["-k", "id"]))
    assert victim.read_bytes() == before


def test_embed_folder_goes_on(folder, corpus, tmp_path, texts, model, small_parts):
    """Only the parts that are missing are made; leftovers of a kill are removed."""
    output = tmp_path / "out"
    embed(folder, corpus, output, "-k", "id")
    kept, *lost = (output / name for name in names(output))
    before = kept.stat().st_mtime_ns
    for path in lost:
        path.unlink()
    (output / ".0123.partial").write_text("half a part")
    result = embed(folder, corpus, output, "-k", "id")
    check_rows(output, texts, model)
    assert kept.stat().st_mtime_ns == before
    assert not list(output.glob(".*"))
    assert "60 documents of an earlier run were there already" in result.stderr
    assert "180 documents in" in result.stderr
    again = embed(folder, corpus, output, "-k", "id")
    assert "240 documents of an earlier run were there already" in again.stderr


KILLED = """
import sys
from sklux._commands import parts
from sklux.cli import main
parts.PART_ROWS, parts.BATCH_ROWS = 50, 20
sys.argv = ["sklux", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("n_parts", [0, 1, 3])
def test_embed_folder_after_a_kill(
    folder, corpus, tmp_path, texts, model, small_parts, n_parts
):
    """The process is killed when so many parts are there."""
    output = tmp_path / "out"
    command = [*("embed", folder / "model.sklux", corpus, f"{output}/"), "-k", "id"]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *map(str, command)], stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        if output.exists() and len(names(output)) >= n_parts:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.001)
    before = {name: (output / name).read_bytes() for name in names(output)}
    embed(folder, corpus, output, "-k", "id")
    check_rows(output, texts, model)
    for name, content in before.items():
        assert (output / name).read_bytes() == content


def test_embed_folder_after_an_error(
    folder, corpus, tmp_path, texts, model, small_parts, monkeypatch
):
    """A full disk, for instance: no part of a part stays."""
    output, n_written = tmp_path / "out", []

    def part_writer(path, *arguments):
        n_written.append(path)
        if len(n_written) == 3:
            raise OSError(28, "No space left on device")
        return parts.part_writer(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(embed_folder, "part_writer", part_writer)
        message = failed(
            "embed", folder / "model.sklux", corpus, f"{output}/", "-k", "id"
        )
    assert "No space left on device" in message
    assert len(names(output)) == 2
    assert not list(output.glob(".*"))
    embed(folder, corpus, output, "-k", "id")
    check_rows(output, texts, model)


def test_embed_folder_writer_fails(
    folder, corpus, tmp_path, texts, model, small_parts, monkeypatch
):
    """An error of the thread that writes ends the command."""

    def write_batch(self, batch):
        raise OSError(5, "Input/output error")

    output = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(pyarrow.parquet.ParquetWriter, "write_batch", write_batch)
        message = failed(
            "embed", folder / "model.sklux", corpus, f"{output}/", "-k", "id"
        )
    assert "Input/output error" in message
    assert names(output) == []


# Another run


def test_embed_folder_refuses_another_model(folder, corpus, tmp_path, model):
    output = tmp_path / "out"
    embed(folder, corpus, output)
    model.quantize("float32").truncate(2).save(tmp_path / "other.sklux")
    message = failed("embed", tmp_path / "other.sklux", corpus, f"{output}/")
    assert "holds parts of another run: its model was" in message


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-k", "id"], "its kept columns"),
        (["--dtype", "float16"], "its type of numbers was 'float32', and is 'float16'"),
        (["--null-documents", "empty"], "its rule for missing documents was None"),
    ],
)
def test_embed_folder_refuses_other_options(folder, corpus, tmp_path, options, words):
    output = tmp_path / "out"
    embed(folder, corpus, output)
    command = ["embed", folder / "model.sklux", corpus, f"{output}/", *options]
    assert words in failed(*command)


def test_embed_folder_refuses_other_inputs(folder, corpus, tmp_path):
    output = tmp_path / "out"
    embed(folder, corpus, output)
    command = ["embed", folder / "model.sklux", corpus, f"{output}/"]
    os.utime(corpus / "1.parquet", ns=(1, 1))
    assert "1.parquet" in failed(*command)
    (corpus / "1.parquet").unlink()
    assert "its input were 2, and are 1 now" in failed(*command)


def test_embed_folder_refuses_a_folder_of_other_files(folder, corpus, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    message = failed("embed", folder / "model.sklux", corpus, tmp_path / "mine")
    assert "is not empty" in message
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("content", ["", "[]", "{}", "{"])
def test_embed_folder_refuses_a_damaged_manifest(folder, corpus, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST).write_text(content)
    message = failed("embed", folder / "model.sklux", corpus, tmp_path / "out")
    assert "is damaged" in message


def test_embed_folder_refuses_a_damaged_part(folder, corpus, tmp_path, small_parts):
    output = tmp_path / "out"
    embed(folder, corpus, output)
    (output / names(output)[1]).write_bytes(b"PAR1")
    message = failed("embed", folder / "model.sklux", corpus, f"{output}/")
    assert names(output)[1] in message
    assert "Delete it, and run the command again" in message


# Bad input


def test_embed_folder_names_the_row_of_a_missing_document(
    folder, tmp_path, small_parts
):
    texts = ["apple"] * 80 + [None] + ["apple"] * 9
    path = tmp_path / "documents.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), path, row_group_size=25)
    output = tmp_path / "out"
    command = ["embed", folder / "model.sklux", path, f"{output}/"]
    message = failed(*command)
    assert "Document 80 of" in message
    assert "--null-documents empty" in message
    result = embed(folder, path, tmp_path / "lenient", "--null-documents", "empty")
    assert "The vector is zero for 1 missing document (null)" in result.stderr


def test_embed_folder_needs_files(folder, tmp_path):
    command = ["embed", folder / "model.sklux", "-", f"{tmp_path}/out/"]
    message = failed(*command, "--format", "text", input="apple\n")
    assert "cannot be embedded into a folder" in message
    assert not (tmp_path / "out").exists()


def test_embed_folder_dtype_is_for_folders(folder, corpus, tmp_path):
    command = ["embed", folder / "model.sklux", corpus, tmp_path / "v.npy"]
    assert "--dtype is for a folder" in failed(*command, "--dtype", "float16")


def test_embed_folder_of_a_missing_column(folder, corpus, tmp_path):
    command = ["embed", folder / "model.sklux", corpus, f"{tmp_path}/out/"]
    assert "'body'" in failed(*command, "--column", "body")
    assert not (tmp_path / "out").exists()


def test_embed_folder_of_columns_that_change_their_type(folder, tmp_path):
    (tmp_path / "corpus").mkdir()
    for number, values in enumerate(([1, 2], ["x", "y"])):
        table = pyarrow.table({"text": ["apple", "pear"], "id": values})
        pyarrow.parquet.write_table(table, tmp_path / "corpus" / f"{number}.parquet")
    command = ["embed", folder / "model.sklux", tmp_path / "corpus"]
    message = failed(*command, f"{tmp_path}/out/", "-k", "id")
    assert "A kept column changes its type in" in message
    assert "1.parquet" in message


def test_embed_folder_needs_the_parent_of_the_folder(folder, corpus, tmp_path):
    command = ["embed", folder / "model.sklux", corpus, f"{tmp_path}/none/out/"]
    assert "none does not exist. Create it first" in failed(*command)


def test_embed_folder_reads_fields_of_structs(folder, tmp_path, texts, model):
    rows = [{"data": {"text": text, "id": i}} for i, text in enumerate(texts)]
    path = tmp_path / "documents.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    options = ["--column", "data.text", "-k", "data.id"]
    embed(folder, path, tmp_path / "out", *options)
    table = read(tmp_path / "out")
    assert table["data.id"].to_pylist() == list(range(len(texts)))
    vectors = np.stack(table["embedding"].to_numpy())
    np.testing.assert_array_equal(vectors, model.transform(texts))


def test_embed_folder_of_lone_surrogates(folder, tmp_path, model):
    path = tmp_path / "documents.jsonl"
    path.write_text('{"text": "an apple \\ud800 pear"}\n')
    embed(folder, path, tmp_path / "out")
    vectors = np.stack(read(tmp_path / "out")["embedding"].to_numpy())
    expected = model.transform(["an apple \ufffd pear"])
    np.testing.assert_array_equal(vectors, expected)
