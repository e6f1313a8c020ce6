"""Documents at addresses, in fsspec's file system in memory."""

import json
import re
import sys

import numpy as np
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

from _commands.running import failed, run, succeeded
from sklux import LuxicalVectorizer
from sklux._commands.document_files import DocumentFile, DocumentFiles
from sklux._commands.document_paths import document_paths

fsspec = pytest.importorskip("fsspec")
CORPUS = "memory://corpus"


@pytest.fixture
def memory(texts):
    """Two Parquet files, one compressed file of lines, and files to leave out."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    table = pyarrow.table({"id": range(len(texts)), "text": texts})
    for number, rows in enumerate((table.slice(0, 130), table.slice(130))):
        with files.open(f"/corpus/{number}.parquet", "wb") as file:
            pyarrow.parquet.write_table(rows, file, row_group_size=30)
    with files.open("/lines/deep/a.txt.gz", "wb", compression="gzip") as file:
        file.write("\n".join(texts).encode())
    for name in ("/corpus/_SUCCESS", "/lines/.hidden.txt", "/lines/_tmp/b.txt"):
        files.pipe(name, b"nothing")
    yield files
    files.store.clear()


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (CORPUS, ["corpus/0.parquet", "corpus/1.parquet"]),
        (f"{CORPUS}/", ["corpus/0.parquet", "corpus/1.parquet"]),
        (f"{CORPUS}/*", ["corpus/0.parquet", "corpus/1.parquet"]),
        (f"{CORPUS}/1.parquet", ["corpus/1.parquet"]),
        ("memory://lines", ["lines/deep/a.txt.gz"]),
        ("memory://lines/**/*.gz", ["lines/deep/a.txt.gz"]),
    ],
)
def test_addresses_of_files_folders_and_patterns(memory, address, found):
    paths = document_paths([address], None)
    assert [path.removeprefix("memory://").lstrip("/") for path in paths] == found


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        (f"{CORPUS}/2.parquet", FileNotFoundError, "no file memory://corpus/2.parquet"),
        (f"{CORPUS}/*.csv", FileNotFoundError, "matches the pattern memory://corpus/"),
        ("nowhere://a.parquet", ValueError, "nowhere://a.parquet cannot be read: Prot"),
        ("simplecache::memory://a", ValueError, "is a chain of file systems"),
    ],
)
def test_addresses_that_cannot_be_read(memory, address, error, message):
    with pytest.raises(error, match=re.escape(message)):
        document_paths([address], None)


def test_address_that_is_named_twice(memory):
    with pytest.raises(ValueError, match="would be read twice"):
        document_paths([CORPUS, f"{CORPUS}/*"], None)


def test_address_without_fsspec(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ImportError, match="Reading s3://a.csv needs .* install fsspec"):
        document_paths(["s3://a.csv"], None)


def test_files_at_addresses_know_their_position(memory, texts):
    paths = document_paths([CORPUS, "memory://lines"], None)
    files = DocumentFiles([DocumentFile(path) for path in paths], "memory", 20)
    positions = [(files.position(), list(piece.documents)) for piece in files]
    assert sum((documents for _, documents in positions), []) == texts * 2
    shares = [share for share, _ in positions]
    assert shares == sorted(shares) and files.position() == 1


def test_embed_reads_addresses_into_a_folder(memory, folder, texts, tmp_path):
    """The manifest knows the version of each file, so a changed file is an error."""
    command = ("embed", folder / "model.sklux", CORPUS, f"{tmp_path / 'out'}/")
    succeeded(*command, "--keep", "id")
    table = pyarrow.dataset.dataset(tmp_path / "out").to_table()
    assert table["id"].to_pylist() == list(range(len(texts)))
    vectors = np.vstack(table["embedding"].to_numpy())
    expected = LuxicalVectorizer.load(folder / "model.sklux").transform(texts)
    np.testing.assert_array_equal(vectors, expected)
    succeeded(*command, "--keep", "id")
    memory.pipe("/corpus/1.parquet", memory.cat("/corpus/0.parquet"))
    assert "input" in failed(*command, "--keep", "id")


def test_embed_reads_an_address_into_one_file(memory, folder, texts):
    result = run("embed", folder / "model.sklux", "memory://lines", "-")
    assert result.exit_code == 0, result.stderr
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == len(texts)


def test_damaged_file_at_an_address_is_named(memory, folder, tmp_path):
    memory.pipe("/corpus/1.parquet", b"PAR1 but no more")
    message = failed("embed", folder / "model.sklux", CORPUS, f"{tmp_path / 'out'}/")
    assert "corpus/1.parquet cannot be read as Parquet" in message
