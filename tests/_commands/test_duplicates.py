"""sklux duplicates."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from _commands.running import failed, run, succeeded
from sklux import LuxicalVectorizer

pytest.importorskip("faiss")


@pytest.fixture
def copies(texts, tmp_path):
    """Documents with two copies, as Parquet."""
    documents = [*texts, texts[3], "  " + texts[1]]
    path = tmp_path / "copies.parquet"
    numbers = [f"d{i}" for i in range(len(documents))]
    pq.write_table(pa.table({"id": numbers, "text": documents}), path)
    return path, documents


def lines_of(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_duplicates_into_parquet(folder, tmp_path, texts, copies):
    path, documents = copies
    output = tmp_path / "near.parquet"
    command = ["duplicates", folder / "model.sklux", path, output, "--keep", "id"]
    result = succeeded(*command, "--min-cosine", 0.9999)
    table = pq.read_table(output)
    types = {"id": "string", "row": "int64", "duplicate_of": "int64", "cosine": "float"}
    assert {field.name: str(field.type) for field in table.schema} == types
    assert table["row"].to_pylist() == list(range(len(documents)))
    near = table.filter(pa.compute.is_valid(table["duplicate_of"])).to_pylist()
    by_id = {row["id"]: row for row in near}
    n_texts = len(texts)
    vectors = LuxicalVectorizer.load(folder / "model.sklux").transform(documents)
    for row in near:
        cosine = vectors[row["row"]] @ vectors[row["duplicate_of"]]
        assert row["cosine"] == pytest.approx(cosine, abs=1e-6)
        assert row["cosine"] >= 0.9999
        assert row["duplicate_of"] < row["row"]
    kept = table["duplicate_of"].to_pylist()
    for copy, of in ((n_texts, 3), (n_texts + 1, 1)):
        # Or of an earlier document that equals it for the model.
        first = by_id[f"d{copy}"]["duplicate_of"]
        assert first == of or first == kept[of] or kept[of] is not None
    share = len(near) / len(documents)
    expected = f"{len(near)} of {len(documents)} documents are near-duplicates of an"
    assert f"{expected} earlier one ({share:.1%})" in " ".join(result.stderr.split())


def test_duplicates_to_standard_output_and_of_stored_vectors(folder, tmp_path, copies):
    path, _ = copies
    model = folder / "model.sklux"
    fresh = lines_of(succeeded("duplicates", model, path, "-", "-q", "-k", "id"))
    assert list(fresh[0]) == ["id", "row", "duplicate_of", "cosine"]
    assert fresh[0]["duplicate_of"] is fresh[0]["cosine"] is None
    succeeded("embed", model, path, f"{tmp_path / 'vectors'}/", "--keep", "id")
    output = tmp_path / "near.jsonl"
    succeeded("duplicates", model, tmp_path / "vectors", output, "-q")
    stored = [json.loads(line) for line in output.read_text().splitlines()]
    assert stored == fresh
    succeeded("duplicates", model, tmp_path / "vectors", tmp_path / "near.parquet")
    table = pq.read_table(tmp_path / "near.parquet")
    rows = [line["duplicate_of"] for line in fresh]
    assert table["duplicate_of"].to_pylist() == rows


def test_duplicates_bad_input(folder, tmp_path, copies):
    path, _ = copies
    model, output = folder / "model.sklux", tmp_path / "near.parquet"
    message = failed("duplicates", model, path, tmp_path / "near.npy")
    assert "ends with .parquet or .jsonl" in message
    table = pq.read_table(path).rename_columns(["row", "text"])
    pq.write_table(table, tmp_path / "rows.parquet")
    message = failed(
        "duplicates", model, tmp_path / "rows.parquet", output, "-k", "row"
    )
    assert "column 'row' cannot be kept" in message
    assert "also an input" in failed("duplicates", model, path, path)
    nothing = tmp_path / "nothing.parquet"
    pq.write_table(table.slice(0, 0), nothing)
    assert "contains no documents" in failed("duplicates", model, nothing, output)
    assert not output.exists()
    result = run("duplicates", model, path, output, "--min-cosine", 1.5)
    assert result.exit_code == 2
    assert "--min-cosine" in result.stderr
    assert np.all([name.suffix != ".tmp" for name in tmp_path.iterdir()])
