"""The sample on which the quantizer of a folder of parts is fitted."""

import pyarrow
import pyarrow.parquet
import pytest

from sklux import LuxicalVectorizer
from sklux._commands import part_quantizer
from sklux._commands.document_files import DocumentFile
from sklux._commands.part_quantizer import evenly, fit_quantizer, quantizer_as_json


class Recorder:
    """A model that notes the texts that it embeds."""

    def __init__(self, model):
        self.model = model

    def transform(self, texts):
        self.texts = texts
        return self.model.transform(texts)


@pytest.fixture
def recorder(folder):
    return Recorder(LuxicalVectorizer.load(folder / "model.sklux"))


@pytest.mark.parametrize(
    ("n_items", "n", "expected"),
    [
        (0, 3, []),
        (2, 3, [0, 1]),
        (3, 3, [0, 1, 2]),
        (10, 3, [0, 3, 6]),
        (10, 1, [0]),
    ],
)
def test_evenly(n_items, n, expected):
    assert evenly(range(n_items), n) == expected


def test_part_quantizer_sample_of_row_groups(monkeypatch, tmp_path, recorder):
    """Two files of six row groups of 10; two row groups of each, 3 rows of each."""
    monkeypatch.setattr(part_quantizer, "SAMPLE_PLACES", 4)
    monkeypatch.setattr(part_quantizer, "SAMPLE_ROWS", 12)
    files = []
    for number in range(2):
        path = tmp_path / f"{number}.parquet"
        texts = [f"{number} {row}" for row in range(60)]
        table = pyarrow.table({"text": texts})
        pyarrow.parquet.write_table(table, path, row_group_size=10)
        files.append(DocumentFile(str(path)))
    fit_quantizer("int8", recorder, files)
    rows = [0, 1, 2, 30, 31, 32]
    assert recorder.texts == [f"{n} {row}" for n in range(2) for row in rows]


def test_part_quantizer_sample_of_lines(monkeypatch, tmp_path, recorder):
    """The beginnings of files; files without documents have none."""
    monkeypatch.setattr(part_quantizer, "SAMPLE_PLACES", 2)
    monkeypatch.setattr(part_quantizer, "SAMPLE_ROWS", 6)
    files = []
    for number in range(5):
        path = tmp_path / f"{number}.txt"
        lines = [f"{number} {row}\n" for row in range(9)]
        path.write_text("".join(lines) if number else "")
        files.append(DocumentFile(str(path)))
    fit_quantizer("ubinary", recorder, files)
    assert recorder.texts == [f"{n} {row}" for n in (1, 3) for row in range(3)]


def test_part_quantizer_leaves_out_zero_vectors(tmp_path, recorder):
    path = tmp_path / "documents.txt"
    path.write_text("unknown\n\nviolin melody\n")
    quantizer = fit_quantizer("ubinary", recorder, [DocumentFile(str(path))])
    (vector,) = recorder.model.transform(["violin melody"])
    assert quantizer.thresholds_.tolist() == vector.tolist()


def test_part_quantizer_without_documents(tmp_path, recorder):
    path = tmp_path / "documents.txt"
    path.write_text("")
    assert fit_quantizer("int8", recorder, [DocumentFile(str(path))]) is None


def test_part_quantizer_in_the_manifest(tmp_path, recorder):
    """The names of the manifest are documented: users read them."""
    path = tmp_path / "documents.txt"
    path.write_text("violin melody\nengine wheel\n")
    files = [DocumentFile(str(path))]
    stored = quantizer_as_json(fit_quantizer("int8", recorder, files))
    assert stored.keys() == {"precision", "width", "scale"}
    stored = quantizer_as_json(fit_quantizer("ubinary", recorder, files))
    assert stored.keys() == {"precision", "width", "thresholds", "levels"}
    assert len(stored["thresholds"]) == stored["width"] == 8
