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

from _commands.running import failed, run, succeeded
from sklux import LuxicalVectorizer, ScalarQuantizer
from sklux._commands import embed_folder, part_files, parts
from sklux._commands.errors import STATUS_OF_LEFT_OUT
from sklux._commands.part_quantizer import quantizer_from_json
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


def read(output, form="parquet"):
    """All rows of the parts, as any reader of datasets finds them."""
    return pyarrow.dataset.dataset(output, format=form).to_table()


def names(output):
    return sorted(path.name for path in output.glob("part-*"))


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


def test_embed_folder_of_arrow_files(
    folder, corpus, tmp_path, texts, model, small_parts
):
    output = tmp_path / "out"
    embed(folder, corpus, output, "-k", "id", "--parts", "arrow")
    assert [name.removesuffix(".arrow") for name in names(output)][0] == (
        "part-00000-00000"
    )
    table = read(output, "arrow")
    assert table["id"].to_pylist() == list(range(len(texts)))
    vectors = np.stack(table["embedding"].to_numpy())
    np.testing.assert_array_equal(vectors, model.transform(texts))
    (output / names(output)[1]).unlink()
    result = embed(folder, corpus, output, "-k", "id", "--parts", "arrow")
    assert "180 documents of an earlier run were there already" in result.stderr
    assert read(output, "arrow").equals(table)
    (output / names(output)[1]).write_bytes(b"ARROW1")
    command = ["embed", folder / "model.sklux", corpus, f"{output}/", "-k", "id"]
    message = failed(*command, "--parts", "arrow")
    assert "Delete it, and run the command again" in message


# Small numbers


@pytest.mark.parametrize("parts_format", ["parquet", "arrow"])
@pytest.mark.parametrize("dtype", ["int8", "ubinary"])
def test_embed_folder_of_small_numbers(
    folder, corpus, tmp_path, texts, model, small_parts, dtype, parts_format
):
    """The sample has all of these documents."""
    output = tmp_path / "out"
    options = ["-k", "id", "--dtype", dtype, "--parts", parts_format]
    embed(folder, corpus, output, *options)
    table = read(output, parts_format)
    vectors = model.transform(texts)
    quantizer = ScalarQuantizer(dtype).fit(vectors)
    found = np.stack(table["embedding"].to_numpy())
    assert found.dtype == quantizer.transform(vectors).dtype
    np.testing.assert_array_equal(found, quantizer.transform(vectors))
    assert table["id"].to_pylist() == list(range(len(texts)))
    stored = json.loads((output / MANIFEST).read_text())["quantizer"]
    again = quantizer_from_json(stored)
    np.testing.assert_array_equal(again.transform(vectors), found)
    np.testing.assert_array_equal(
        again.inverse_transform(found), quantizer.inverse_transform(found)
    )


def test_embed_folder_goes_on_with_the_same_quantizer(
    folder, corpus, tmp_path, small_parts, monkeypatch
):
    """The one of the manifest, and not one that is fitted again."""
    output, options = tmp_path / "out", ["-k", "id", "--dtype", "int8"]
    embed(folder, corpus, output, *options)
    whole = read(output)
    (output / names(output)[1]).unlink()

    def fit_quantizer(*arguments):
        raise AssertionError

    monkeypatch.setattr(embed_folder, "fit_quantizer", fit_quantizer)
    embed(folder, corpus, output, *options)
    assert read(output).equals(whole)


def test_embed_folder_of_small_numbers_without_documents(folder, tmp_path):
    path = tmp_path / "documents.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array([], "str")}), path)
    embed(folder, path, tmp_path / "out", "--dtype", "int8")
    assert names(tmp_path / "out") == []
    (tmp_path / "documents.jsonl").write_text("")
    embed(folder, tmp_path / "documents.jsonl", tmp_path / "2", "--dtype", "ubinary")
    assert names(tmp_path / "2") == []


@pytest.mark.parametrize("dtype", ["int8", "ubinary"])
def test_embed_folder_of_small_numbers_of_unknown_and_missing_texts(
    folder, tmp_path, dtype
):
    path = tmp_path / "documents.parquet"
    texts = [None, "", "\u4e2d"]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), path)
    options = ["--dtype", dtype, "--null-documents", "empty"]
    result = embed(folder, path, tmp_path / "out", *options)
    assert "The vector is zero for 1 missing document" in result.stderr
    assert not np.stack(read(tmp_path / "out")["embedding"].to_numpy()).any()


# Damaged row groups


@pytest.fixture
def damaged(corpus):
    """The second row group of the second file is damaged; it has the rows 160-189."""
    path = corpus / "1.parquet"
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(
        table, path, row_group_size=30, use_dictionary=False, compression="snappy"
    )
    with pyarrow.parquet.ParquetFile(path) as file:
        chunk = file.metadata.row_group(1).column(1)
        assert chunk.path_in_schema == "text"
        begin, size = chunk.data_page_offset, chunk.total_compressed_size
    content = bytearray(path.read_bytes())
    content[begin + 40 : begin + size] = b"\xff" * (size - 40)
    path.write_bytes(content)
    return corpus


def test_embed_folder_names_a_damaged_row_group(
    folder, damaged, tmp_path, texts, model, small_parts
):
    output = tmp_path / "out"
    command = ["embed", folder / "model.sklux", damaged, f"{output}/", "-k", "id"]
    message = failed(*command)
    assert "Row group 1 of" in message
    assert "1.parquet is damaged: 30 of its 30 rows cannot be read" in message
    assert "--skip-corrupt" in message
    assert "3 parts in" in message
    assert len(names(output)) == 3
    # The file is written again.
    pyarrow.parquet.write_table(
        pyarrow.table({"id": range(130, 240), "text": texts[130:]}),
        damaged / "1.parquet",
    )
    embed(folder, damaged, tmp_path / "new", "-k", "id")
    check_rows(tmp_path / "new", texts, model)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_embed_folder_leaves_out_a_damaged_row_group(
    folder, damaged, tmp_path, texts, model, small_parts, dtype
):
    output = tmp_path / "out"
    command = ["embed", folder / "model.sklux", damaged, f"{output}/", "-k", "id"]
    command += ["--skip-corrupt", "--dtype", dtype]
    result = run(*command)
    assert result.exit_code == STATUS_OF_LEFT_OUT == 3
    assert "1.parquet is damaged: 30 of its 30 rows" in result.stderr
    assert "30 damaged rows of the inputs were left out." in result.stderr
    table = read(output)
    left = [*range(160), *range(190, 240)]
    assert table["id"].to_pylist() == left
    if dtype == "float32":
        vectors = np.stack(table["embedding"].to_numpy())
        expected = model.transform([texts[i] for i in left])
        np.testing.assert_array_equal(vectors, expected)
    # A later run counts them, too: whether it makes the part or finds it.
    assert run(*command).exit_code == 3
    victim = output / "part-00001-00000.parquet"
    before = victim.read_bytes()
    victim.unlink()
    again = run(*command)
    assert again.exit_code == 3
    assert "30 damaged rows of the inputs were left out." in again.stderr
    assert victim.read_bytes() == before
    assert "its rule for damaged rows was 'skip', and is 'error'" in failed(
        *command[:-3], *command[-2:]
    )


def test_embed_folder_leaves_out_a_whole_part(
    folder, damaged, tmp_path, small_parts, monkeypatch
):
    monkeypatch.setattr(parts, "PART_ROWS", 30)
    output = tmp_path / "out"
    command = ["embed", folder / "model.sklux", damaged, f"{output}/", "-k", "id"]
    for _ in range(2):
        result = run(*command, "--skip-corrupt")
        assert result.exit_code == 3
        assert "30 damaged rows of the inputs were left out." in result.stderr
        assert read(output)["id"].to_pylist() == [*range(160), *range(190, 240)]


def test_embed_folder_names_the_row_of_a_missing_document_after_damage(
    folder, corpus, damaged, tmp_path, small_parts
):
    """The number counts the rows that are left out."""
    table = pyarrow.parquet.read_table(corpus / "0.parquet")
    texts = table["text"].to_pylist()
    texts[125] = None
    table = table.set_column(1, "text", pyarrow.array(texts))
    path = corpus / "0.parquet"
    pyarrow.parquet.write_table(
        table, path, row_group_size=60, use_dictionary=False, compression="snappy"
    )
    with pyarrow.parquet.ParquetFile(path) as file:
        chunk = file.metadata.row_group(0).column(1)
        begin, size = chunk.data_page_offset, chunk.total_compressed_size
    content = bytearray(path.read_bytes())
    content[begin + 40 : begin + size] = b"\xff" * (size - 40)
    path.write_bytes(content)
    command = ["embed", folder / "model.sklux", corpus, f"{tmp_path}/out/"]
    assert "Document 125 of" in failed(*command, "--skip-corrupt")


def test_embed_folder_of_text_that_is_not_utf8(folder, tmp_path, texts, small_parts):
    """Only the rows of its batch are left out."""
    path = tmp_path / "documents.parquet"
    data = [text.encode() for text in texts[:60]]
    data[30] = b"apple \xff"
    table = pyarrow.table({"id": range(60), "text": pyarrow.array(data)})
    writer_schema = pyarrow.schema({"id": pyarrow.int64(), "text": pyarrow.string()})
    column = pyarrow.Array.from_buffers(
        pyarrow.string(), 60, table["text"].chunk(0).buffers()
    )
    table = pyarrow.Table.from_arrays([table["id"], column], schema=writer_schema)
    pyarrow.parquet.write_table(table, path)
    command = ["embed", folder / "model.sklux", path, f"{tmp_path}/out/", "-k", "id"]
    message = failed(*command)
    assert "20 of its 60 rows cannot be read" in message
    assert "UTF8" in message
    command[3] = f"{tmp_path}/lenient/"
    assert run(*command, "--skip-corrupt").exit_code == 3
    found = read(tmp_path / "lenient")["id"].to_pylist()
    assert found == [*range(20), *range(40, 60)]


def test_embed_folder_of_a_file_without_its_end(folder, corpus, tmp_path):
    path = corpus / "1.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    command = ["embed", folder / "model.sklux", corpus, f"{tmp_path}/out/"]
    for options in ([], ["--skip-corrupt"]):
        message = failed(*command, *options)
        assert "1.parquet cannot be read as Parquet" in message
    assert not (tmp_path / "out").exists()


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
    original = part_files.part_writer

    def part_writer(path, *arguments):
        n_written.append(path)
        if len(n_written) == 3:
            raise OSError(28, "No space left on device")
        return original(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(part_files, "part_writer", part_writer)
        message = failed(
            "embed", folder / "model.sklux", corpus, f"{output}/", "-k", "id"
        )
    assert f"No space left on device: '{output}'" in message
    assert f"2 parts in {output} are complete. The same command makes" in message
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


LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs limits of files")
@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_embed_folder_without_space(folder, tmp_path, texts, form):
    """The system refuses to write more, as on a full disk."""
    few, many = texts[:50], texts * 20
    (tmp_path / "corpus").mkdir()
    for number, rows in enumerate((few, many)):
        path = tmp_path / "corpus" / f"{number}.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"text": rows}), path)
    output = tmp_path / "out"
    command = ["embed", folder / "model.sklux", tmp_path / "corpus", f"{output}/"]
    command += ["--parts", form]
    code = LIMITED + KILLED.replace("= 50, 20", "= 100_000, 1000")
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)],
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert result.returncode == 1, result.stderr
    assert "File too large" in result.stderr
    assert str(output) in result.stderr
    assert f"1 part in {output} are complete" in result.stderr
    assert "Traceback" not in result.stderr
    assert names(output) == [f"part-00000-00000.{form}"]
    assert not list(output.glob(".*"))
    succeeded(*command)
    assert read(output, form).num_rows == len(few) + len(many)


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
        (["--parts", "arrow"], "its format of parts was 'parquet', and is 'arrow'"),
        (["--dtype", "int8"], "its type of numbers was 'float32', and is 'int8'"),
        (["--skip-corrupt"], "its rule for damaged rows was 'error'"),
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


@pytest.mark.parametrize(
    "options", [["--dtype", "float16"], ["--parts", "parquet"], ["--skip-corrupt"]]
)
def test_embed_folder_options_are_for_folders(folder, corpus, tmp_path, options):
    command = ["embed", folder / "model.sklux", corpus, tmp_path / "v.npy"]
    assert f"{options[0]} is for a folder" in failed(*command, *options)


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
    # Before any work.
    assert not (tmp_path / "out").exists()


def test_embed_folder_of_kept_columns_that_fit_together(folder, tmp_path):
    """The wider type is known before the first part, not at the second file."""
    (tmp_path / "corpus").mkdir()
    types = [pyarrow.int32(), pyarrow.int64(), pyarrow.null()]
    for number, type_ in enumerate(types):
        ids = pyarrow.array([None] if number == 2 else [2 ** (30 + number)], type_)
        table = pyarrow.table({"text": ["apple"], "id": ids})
        pyarrow.parquet.write_table(table, tmp_path / "corpus" / f"{number}.parquet")
    embed(folder, tmp_path / "corpus", tmp_path / "out", "-k", "id")
    for name in names(tmp_path / "out"):
        found = pyarrow.parquet.read_schema(tmp_path / "out" / name)
        assert found.field("id").type == pyarrow.int64()
    assert read(tmp_path / "out")["id"].to_pylist() == [2**30, 2**31, None]


@pytest.mark.parametrize("schema", ["body: string", "text: int64"])
def test_embed_folder_of_texts_that_change(folder, corpus, tmp_path, schema):
    """The text column of a later file is missing, or holds no text."""
    name, kind = schema.split(": ")
    values = pyarrow.array([1], pyarrow.int64()).cast(kind)
    path = corpus / "2.parquet"
    pyarrow.parquet.write_table(pyarrow.table({name: values}), path)
    command = ["embed", folder / "model.sklux", corpus, f"{tmp_path}/out/"]
    message = failed(*command)
    assert "2.parquet" in message
    assert ("has no column 'text'" in message) or ("must hold text" in message)
    assert not (tmp_path / "out").exists()


def test_embed_folder_of_lines_that_change_their_type(
    folder, tmp_path, texts, small_parts
):
    """The types of JSON show while it is read; the parts before stay."""
    path = tmp_path / "documents.jsonl"
    rows = [{"text": text, "id": i} for i, text in enumerate(texts[:60])]
    rows[55]["id"] = "55"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["embed", folder / "model.sklux", path, f"{tmp_path}/out/", "-k", "id"]
    message = failed(*command)
    assert "1 part in" in message
    assert names(tmp_path / "out") == ["part-00000-00000.parquet"]


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
