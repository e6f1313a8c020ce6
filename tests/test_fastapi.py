"""FastAPI: the web service of the guide, its threads and its memory."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import reference
from conftest import small_vectorizer

from sklux import LexicalVectorizer

pytest.importorskip("fastapi")
pytest.importorskip("httpx2", reason="FastAPI's test client needs it")
from fastapi.testclient import TestClient  # noqa: E402

PAGE = Path(__file__).parents[1] / "doc" / "guide" / "serving.md"
SERVICE = re.compile(r"^```python\n([^`]*FastAPI\([^`]*)^```$", flags=re.MULTILINE)


@pytest.fixture
def client(fitted, tmp_path, monkeypatch):
    """A client of the service, which maps the model."""
    fitted.save(tmp_path / "student.sklux")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "app"}
    (code,) = SERVICE.findall(PAGE.read_text(encoding="utf-8"))
    exec(compile(code, "app.py", "exec"), names)
    with TestClient(names["app"]) as client:
        yield client


def embedded(client, texts):
    answer = client.post("/embed", json={"texts": texts})
    assert answer.status_code == 200
    return np.array(answer.json()["vectors"], dtype=np.float32)


def test_fastapi_vectors_have_the_bits_of_transform(client, fitted, documents):
    texts = [*documents, "unknown", "", "\U0001f34e na\u00efve \x00 apple"]
    reference.assert_same_bits(embedded(client, texts), fitted.transform(texts))


def test_fastapi_concurrent_requests(client, fitted, documents):
    """Requests of several threads get the vectors of their own texts."""
    parts = [documents[first : first + 7] for first in range(0, len(documents), 7)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: embedded(client, part), parts * 3))
    for part, vectors in zip(parts * 3, found):
        reference.assert_same_bits(vectors, fitted.transform(part))


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"text": "apple"},
        {"texts": "apple"},
        {"texts": []},
        {"texts": [None]},
        {"texts": ["apple", 3]},
        {"texts": [["apple"]]},
        {"texts": ["a"] * 10_001},
    ],
    ids=lambda body: json.dumps(body)[:30],
)
def test_fastapi_bad_request(client, body):
    answer = client.post("/embed", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_fastapi_text_that_is_no_json(client):
    assert client.post("/embed", content=b"{").status_code == 422


def mapping_of(path):
    """Kilobytes of a mapped file in memory, by kind."""
    sizes, is_file = {}, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-", line):
            is_file = line.endswith(str(path))
        elif is_file and line.endswith(" kB"):
            name, size = line.removesuffix(" kB").split(":")
            sizes[name] = sizes.get(name, 0) + int(size)
    return sizes


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's list of mappings")
def test_fastapi_workers_can_share_the_pages(client, documents, tmp_path):
    """The model lies in the file's own pages: the process has none of its own."""
    embedded(client, documents)
    sizes = mapping_of(tmp_path / "student.sklux")
    assert sizes["Rss"] > 0
    assert sizes["Private_Dirty"] == 0


def test_fastapi_model_that_no_file_can_hold(documents, teacher_embeddings, tmp_path):
    model = small_vectorizer(lexical=LexicalVectorizer(preprocessor=str.lower))
    model.fit(documents, teacher_embeddings=teacher_embeddings)
    with pytest.raises(TypeError, match="preprocessor"):
        model.save(tmp_path / "student.sklux")
