"""A student as a SentenceTransformer, with the real package."""

import json

import numpy as np
import pytest
from conftest import make_corpus
from models import random_model

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux.interop import to_sentence_transformer

package = pytest.importorskip("sentence_transformers")
torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers.base.modules")
from sklux.sentence_transformers import StudentModule  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:sentence_trans.*")
TEXTS = [*make_corpus(60)[0], "", "unknown zebra"]


@pytest.fixture(scope="module")
def student():
    return random_model(LexicalVectorizer().fit(TEXTS), sizes=(16, 8))


@pytest.fixture(scope="module")
def model(student):
    return to_sentence_transformer(student)


@pytest.fixture(scope="module")
def vectors(student):
    return student.transform(TEXTS)


@pytest.mark.parametrize("batch_size", [1, 7, 32, 1000])
def test_encode_is_transform(model, vectors, batch_size):
    found = model.encode(TEXTS, batch_size=batch_size)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, vectors)


def test_encode_of_a_text_as_tensors_and_truncated(model, vectors):
    np.testing.assert_array_equal(model.encode(TEXTS[3]), vectors[3])
    tensor = model.encode(TEXTS, convert_to_tensor=True)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), vectors)
    short = model.encode(TEXTS, truncate_dim=3)
    np.testing.assert_array_equal(short, vectors[:, :3])
    for encode in (model.encode_query, model.encode_document):
        np.testing.assert_array_equal(encode(TEXTS), vectors)
    prompted = model.encode(TEXTS, prompt="violin ")
    expected = model[0].model.transform([f"violin {text}" for text in TEXTS])
    np.testing.assert_array_equal(prompted, expected)


def test_similarity_is_the_cosine(model, vectors):
    found = model.similarity(model.encode(TEXTS), model.encode(TEXTS)).numpy()
    np.testing.assert_allclose(found, vectors @ vectors.T, atol=1e-6)
    assert model.get_embedding_dimension() == 8


def test_saved_folder_is_read_by_the_package(model, vectors, tmp_path):
    model.save_pretrained(str(tmp_path / "saved"))
    (module,) = json.loads((tmp_path / "saved" / "modules.json").read_text())
    assert module["type"] == "sklux.sentence_transformers.StudentModule"
    arguments = {"device": "cpu", "trust_remote_code": True}
    again = package.SentenceTransformer(str(tmp_path / "saved"), **arguments)
    np.testing.assert_array_equal(again.encode(TEXTS), vectors)
    plain = LuxicalVectorizer.load(tmp_path / "saved" / "model.sklux")
    np.testing.assert_array_equal(plain.transform(TEXTS), vectors)
    (tmp_path / "saved" / "model.sklux").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no file model\.sklux"):
        package.SentenceTransformer(str(tmp_path / "saved"), **arguments)


def test_evaluators_run(model, vectors):
    from sentence_transformers.sentence_transformer.evaluation import (
        EmbeddingSimilarityEvaluator,
    )

    first, second = TEXTS[:20], TEXTS[20:40]
    scores = (vectors[:20] * vectors[20:40]).sum(axis=1)
    evaluator = EmbeddingSimilarityEvaluator(first, second, scores.tolist())
    result = evaluator(model)
    assert result["spearman_cosine"] == pytest.approx(1, abs=1e-6)


def test_student_module_bad_input():
    with pytest.raises(TypeError, match="needs a LuxicalVectorizer. Got LexicalVec"):
        StudentModule(LexicalVectorizer())
    with pytest.raises(ValueError, match="not fitted"):
        to_sentence_transformer(LuxicalVectorizer())
