"""Teacher embeddings from files, for `sklux fit` and `sklux evaluate`."""

import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from _commands.running import failed, succeeded
from sklux import LuxicalVectorizer
from sklux._commands.embedding_files import embedding_blocks, read_embeddings


@pytest.mark.parametrize("content", ["text", "vector", "archive"])
def test_embeddings_are_not_a_matrix(folder, tmp_path, content):
    path = tmp_path / "bad.npy"
    if content == "text":
        path.write_text("no numbers")
    elif content == "vector":
        np.save(path, np.zeros(3))
    else:
        with open(path, "wb") as file:
            np.savez(file, a=np.zeros((2, 2)))
    message = failed(
        "fit", folder / "documents.txt", tmp_path / "model.sklux", "-e", path
    )
    assert "bad.npy" in message


def test_embeddings_of_other_documents(folder, tmp_path):
    np.save(tmp_path / "few.npy", np.eye(5))
    message = failed(
        *("fit", folder / "documents.txt", tmp_path / "model.sklux"),
        *("-e", tmp_path / "few.npy"),
    )
    assert "few.npy has 5 rows, but" in message and "has 240 documents" in message
    assert not (tmp_path / "model.sklux").exists()


def damaged_embeddings(folder):
    (folder / "zip.npy").write_bytes(b"PK\x03\x04garbage")
    np.save(folder / "text.npy", np.full((240, 3), "a"))
    np.save(folder / "complex.npy", np.full((240, 3), 1j))
    with open(folder / "huge.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (6 * 10**10, 24)}
        np.lib.format.write_array_header_1_0(file, header)


@pytest.mark.parametrize("name", ["zip", "text", "complex", "huge"])
def test_damaged_embeddings_are_refused_in_words(folder, tmp_path, name):
    damaged_embeddings(tmp_path)
    vectors = ("-e", tmp_path / f"{name}.npy")
    for message in (
        failed("fit", folder / "documents.txt", tmp_path / "model.sklux", *vectors),
        failed("evaluate", folder / "model.sklux", folder / "documents.txt", *vectors),
    ):
        assert f"{name}.npy" in message and "numbers" in message


def test_embeddings_of_python_objects_are_not_read(tmp_path):
    """And NumPy's advice to read them without protection is not passed on."""
    rows = np.empty(2, dtype=object)
    rows[:] = [np.ones(3), np.ones(3)]
    np.save(tmp_path / "objects.npy", rows)
    with pytest.raises(
        ValueError, match=r"Python objects, which are not read .* numpy\.stack"
    ):
        read_embeddings(tmp_path / "objects.npy")


@pytest.mark.parametrize("shape", ["(9, 39", "(((((3", "([, 3)", "(4, a)", "{4, 3}"])
def test_embeddings_with_a_damaged_header(tmp_path, shape):
    """Python's own reader of the header raises errors of many kinds."""
    path = tmp_path / "header.npy"
    np.save(path, np.zeros((4, 3), np.float32))
    path.write_bytes(path.read_bytes().replace(b"(4, 3)", shape.encode()))
    with pytest.raises(ValueError, match=r"header.npy is not a .npy file of numbers: "):
        read_embeddings(path)


@pytest.mark.parametrize("name", ["page.npy", "vectors.csv"])
def test_embeddings_in_another_format(tmp_path, name):
    (tmp_path / name).write_text("0.1,0.2")
    with pytest.raises(ValueError, match="is another file, not a .npy file") as caught:
        read_embeddings(tmp_path / name)
    assert "pickle" not in str(caught.value)


VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)


def parquet(path, **columns):
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def lists(kind):
    return pyarrow.array(VECTORS.tolist(), type=kind)


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.list_(pyarrow.float32()),
        pyarrow.list_(pyarrow.float32(), 3),
        pyarrow.large_list(pyarrow.float64()),
        pyarrow.list_(pyarrow.int32()),
    ],
    ids=str,
)
def test_embeddings_in_parquet(tmp_path, kind):
    """The only column of lists is found, and the name of the file does not matter."""
    path = parquet(tmp_path / "vectors.bin", url=list("abcd"), vector=lists(kind))
    np.testing.assert_array_equal(read_embeddings(path), VECTORS)


def test_embeddings_in_parquet_of_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"embedding": [*VECTORS[:3], None]})
    frame.to_parquet(tmp_path / "v.parquet")
    found = read_embeddings(tmp_path / "v.parquet")
    np.testing.assert_array_equal(found[:3], VECTORS[:3])
    assert np.isnan(found[3]).all()


def test_embeddings_in_one_of_two_columns(tmp_path):
    kind = pyarrow.list_(pyarrow.float32())
    path = parquet(tmp_path / "v.parquet", tags=lists(kind), vector=lists(kind))
    np.testing.assert_array_equal(read_embeddings(path, "vector"), VECTORS)
    with pytest.raises(
        ValueError,
        match="has more than one column of lists. Its columns are 'tags', 'vector'. "
        "Choose the column of the vectors with --embeddings-column",
    ):
        read_embeddings(path)
    with pytest.raises(ValueError, match="has no column 'x'. Its columns are 'tags'"):
        read_embeddings(path, "x")


def test_embeddings_in_a_column_that_exists_twice(tmp_path):
    column = lists(pyarrow.list_(pyarrow.float32()))
    table = pyarrow.Table.from_arrays([column, column], names=["v", "v"])
    pyarrow.parquet.write_table(table, tmp_path / "v.parquet")
    with pytest.raises(ValueError, match="has more than one column 'v'"):
        read_embeddings(tmp_path / "v.parquet", "v")


def test_embeddings_of_different_lengths(tmp_path):
    path = parquet(tmp_path / "v.parquet", v=[[1.0, 2.0], None, [3.0]])
    with pytest.raises(
        ValueError,
        match="The column 'v' of .*v.parquet holds vectors of different lengths: row 0 "
        "has length 2, but row 2 has length 1",
    ):
        read_embeddings(path)


def test_embeddings_in_a_column_of_something_else(tmp_path):
    path = parquet(tmp_path / "v.parquet", number=[1.0, 2.0], words=[["a"], ["b"]])
    with pytest.raises(ValueError, match="'number' of .* must hold lists of numbers"):
        read_embeddings(path, "number")
    with pytest.raises(ValueError, match="'words' of .* one vector of numbers in each"):
        read_embeddings(path)
    path = parquet(tmp_path / "n.parquet", number=[1.0, 2.0])
    with pytest.raises(ValueError, match="has no column of lists. Its columns are 'nu"):
        read_embeddings(path)


def test_embeddings_in_damaged_parquet(tmp_path):
    (tmp_path / "v.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match="v.parquet cannot be read as Parquet: "):
        read_embeddings(tmp_path / "v.parquet")


def test_embeddings_that_embed_wrote_as_parquet(folder, tmp_path):
    """A student as the teacher of another one; both commands read the same file."""
    documents, model = folder / "documents.parquet", folder / "model.sklux"
    vectors = tmp_path / "v.parquet"
    succeeded("embed", model, documents, vectors, "--keep", "url")
    other = tmp_path / "other.sklux"
    result = succeeded("fit", documents, other, "-e", vectors, "--components", 4)
    assert "teacher embeddings of 240 documents" in result.stderr
    assert LuxicalVectorizer.load(other).projection_.n_components_ == 4
    chosen = ("-e", vectors, "--embeddings-column", "embedding")
    result = succeeded("evaluate", model, documents, *chosen, "--json")
    assert json.loads(result.stdout)["neighbours"] == 1


@pytest.mark.parametrize("command", ["fit", "evaluate"])
def test_embeddings_column_without_embeddings(folder, tmp_path, command):
    option = ("--embeddings-column", "v")
    arguments = {
        "fit": (folder / "documents.txt", tmp_path / "model.sklux"),
        "evaluate": (folder / "model.sklux", folder / "documents.txt"),
    }[command]
    message = failed(command, *arguments, "-t", "letters", *option)
    assert "Give their file with --embeddings." in message
    message = failed(command, *arguments, "-e", folder / "teacher.npy", *option)
    assert "teacher.npy is not a Parquet file. Leave it out." in message


@pytest.mark.parametrize("kind", ["npy", "parquet"])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_embedding_blocks_are_the_rows_of_the_file(tmp_path, monkeypatch, kind, size):
    monkeypatch.setattr("sklux._commands.embedding_files.BLOCK_ROWS", size)
    vectors = np.random.RandomState(0).standard_normal((10, 3)).astype(np.float32)
    path = tmp_path / f"vectors.{kind}"
    if kind == "npy":
        np.save(path, vectors)
    else:
        arrow, parquet = map(pytest.importorskip, ("pyarrow", "pyarrow.parquet"))
        lists = arrow.array(vectors.tolist(), arrow.list_(arrow.float32()))
        parquet.write_table(arrow.table({"vector": lists}), path)
    blocks = list(embedding_blocks(path))
    assert max(map(len, blocks)) == min(size, 10)
    np.testing.assert_array_equal(np.concatenate(blocks), vectors)
    np.testing.assert_array_equal(read_embeddings(path), vectors)


def test_embedding_blocks_of_a_file_of_other_values(tmp_path):
    np.save(tmp_path / "names.npy", np.array([["a", "b"]]))
    with pytest.raises(ValueError, match="must hold real numbers"):
        next(embedding_blocks(tmp_path / "names.npy"))
