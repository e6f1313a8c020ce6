"""Documents of three topics, their teacher embeddings, a fitted model, a teacher."""

import json
from types import SimpleNamespace

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from _commands.running import run
from sklux._teacher import models

WORDS = [
    "apple pear plum cherry grape fruit sweet juice".split(),
    "engine wheel brake road driver petrol car motor".split(),
    "violin cello chord melody sonata concert piano choir".split(),
]


def make_texts(n_documents=240, seed=0):
    rng = np.random.RandomState(seed)
    return [
        " ".join(rng.choice(WORDS[i % 3], 8)) + " " + rng.choice(WORDS[0])
        for i in range(n_documents)
    ]


@pytest.fixture(scope="session")
def texts():
    """240 documents, each mostly of words of one topic."""
    return make_texts()


@pytest.fixture(scope="session")
def folder(tmp_path_factory, texts):
    """Documents as Parquet and text, teacher embeddings, and a fitted model."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("commands")
    rows = [{"url": f"page/{i}", "text": text} for i, text in enumerate(texts)]
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(rows), folder / "documents.parquet"
    )
    (folder / "documents.txt").write_text("\n".join(texts) + "\n")
    features = TfidfVectorizer().fit_transform(texts)
    vectors = TruncatedSVD(16, random_state=0).fit_transform(features)
    np.save(folder / "teacher.npy", vectors.astype(np.float32))
    result = run(
        *("fit", folder / "documents.parquet", folder / "model.sklux"),
        *("--embeddings", folder / "teacher.npy", "--components", "8"),
    )
    assert result.exit_code == 0, result.stderr
    return folder


@pytest.fixture
def letters(monkeypatch):
    """A named teacher that counts letters; the fixture lists the texts it embedded."""
    seen = []

    class Letters:
        tokenizer = SimpleNamespace(get_vocab=lambda: {"zebra": 0, "##a": 1})

        def encode(self, texts, **options):
            seen.extend(texts)
            return [[text.count(c) + 0.1 for c in "aeiourstln"] for text in texts]

    model = Letters()
    monkeypatch.setattr(models, "load_sentence_transformer", lambda name, device: model)
    return seen


@pytest.fixture
def half_missing(tmp_path, texts):
    """A file in which every other document is missing."""
    rows = [{"text" if place % 2 else "txt": text} for place, text in enumerate(texts)]
    rows[0]["text"] = None
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "half.jsonl").write_text(lines)
    return tmp_path / "half.jsonl"
