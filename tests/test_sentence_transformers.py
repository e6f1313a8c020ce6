"""A student as a SentenceTransformer, with the real package."""

import json
from copy import copy

import numpy as np
import pytest
from conftest import make_corpus
from models import random_model

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux.interop import to_sentence_transformer

package = pytest.importorskip("sentence_transformers")
torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers.base.modules")
from sklux.sentence_transformers import (  # noqa: E402
    StudentModule,
    StudentTransformer,
)

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


def test_encode_of_a_student_with_tables(student, vectors):
    tables = copy(student).set_output(transform="pandas")
    assert not isinstance(tables.transform(TEXTS), np.ndarray)
    np.testing.assert_array_equal(
        to_sentence_transformer(tables).encode(TEXTS), vectors
    )


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


OPTIONS = [
    {},
    {"convert_to_tensor": True},
    {"convert_to_numpy": False},
    {"normalize_embeddings": True},
    {"truncate_dim": 3, "normalize_embeddings": True},
    {"prompt": "violin "},
    {"prompt_name": "query"},
    {"prompt_name": "document", "show_progress_bar": False},
    {"output_value": None},
    {"output_value": None, "prompt_name": "query"},
    {"precision": "binary"},
    {"precision": "ubinary", "convert_to_tensor": True},
    {"precision": None, "device": "cpu"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options))
@pytest.mark.parametrize("name", ["encode", "encode_query", "encode_document"])
def test_encode_has_the_options_of_the_package(student, name, options):
    model = to_sentence_transformer(student)
    model.prompts = {"query": "piano ", "document": "drum ", "other": "cello "}
    plain = package.SentenceTransformer(modules=[StudentModule(student)], device="cpu")
    plain.prompts = model.prompts
    for inputs in (TEXTS, TEXTS[0], np.array(TEXTS[:3], dtype=object), []):
        expected = getattr(plain, name)(inputs, **options)
        found = getattr(model, name)(inputs, **options)
        assert type(found) is type(expected)
        assert_same(found, expected)


def assert_same(found, expected):
    """Compare arrays, tensors, and lists and dicts of them, bit by bit."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        found, expected = list(found.values()), list(expected.values())
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_same(one, other)
    else:
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_encode_truncates_and_prompts_as_the_model_is_set(student, vectors):
    model = StudentTransformer(
        modules=[StudentModule(student)],
        device="cpu",
        truncate_dim=3,
        prompts={"music": "violin "},
        default_prompt_name="music",
    )
    expected = student.transform([f"violin {text}" for text in TEXTS])
    np.testing.assert_array_equal(model.encode(TEXTS), expected[:, :3])
    np.testing.assert_array_equal(model.encode(TEXTS, prompt=""), vectors[:, :3])
    assert model.similarity(model.encode(TEXTS), model.encode(TEXTS)).shape == (62, 62)


def test_encode_in_blocks_shows_its_progress(model, vectors, monkeypatch, capsys):
    monkeypatch.setattr("sklux.sentence_transformers.BLOCK_TEXTS", 7)
    found = model.encode(TEXTS, show_progress_bar=True)
    np.testing.assert_array_equal(found, vectors)
    assert "9/9" in capsys.readouterr().err


def test_encode_has_the_older_name_of_its_parameter(model, vectors):
    np.testing.assert_array_equal(model.encode(sentences=TEXTS), vectors)


def test_encode_of_wrong_inputs_has_the_errors_of_the_package(model):
    with pytest.raises(ValueError, match="Prompt name 'no' not found"):
        model.encode(TEXTS, prompt_name="no")
    with pytest.raises(ValueError, match="positive integer"):
        model.encode(TEXTS, batch_size=0)
    with pytest.raises(ValueError, match="keyword arguments"):
        model.encode(TEXTS, colour="red")
    with pytest.raises(TypeError, match="must hold only str. Got int"):
        model.encode([1, 2])


def test_encode_leaves_further_modules_to_the_package(student, vectors):
    from sentence_transformers.base.modules import Dense

    model = to_sentence_transformer(student)
    model.append(Dense(8, 2, bias=False, activation_function=torch.nn.Identity()))
    expected = torch.from_numpy(vectors) @ model[1].linear.weight.T
    np.testing.assert_allclose(
        model.encode(TEXTS), expected.detach().numpy(), atol=1e-6
    )


def test_similarity_evaluator(model, vectors):
    evaluation = pytest.importorskip(
        "sentence_transformers.sentence_transformer.evaluation"
    )
    first, second = TEXTS[:20], TEXTS[20:40]
    scores = (vectors[:20] * vectors[20:40]).sum(axis=1)
    evaluator = evaluation.EmbeddingSimilarityEvaluator(first, second, scores.tolist())
    assert evaluator(model)["spearman_cosine"] == pytest.approx(1, abs=1e-6)
    assert evaluator.primary_metric == "spearman_cosine"


def test_retrieval_evaluator(model, vectors):
    """The relevant document of each query is the nearest one, or the third one."""
    evaluation = pytest.importorskip(
        "sentence_transformers.sentence_transformer.evaluation"
    )
    corpus = {f"d{i}": text for i, text in enumerate(TEXTS[20:60])}
    queries = {f"q{i}": text for i, text in enumerate(TEXTS[:10])}
    order = np.argsort(-(vectors[:10] @ vectors[20:60].T), axis=1)
    for place, expected in ((0, 1), (2, 1 / 3)):
        relevant = {f"q{i}": {f"d{order[i, place]}"} for i in range(10)}
        evaluator = evaluation.InformationRetrievalEvaluator(queries, corpus, relevant)
        result = evaluator(model)
        assert result["cosine_mrr@10"] == pytest.approx(expected)
        assert result["cosine_recall@3"] == 1


def test_other_evaluators(model):
    evaluation = pytest.importorskip(
        "sentence_transformers.sentence_transformer.evaluation"
    )
    anchors, positives, negatives = TEXTS[:5], TEXTS[:5], TEXTS[5:10]
    triplets = evaluation.TripletEvaluator(anchors, positives, negatives)
    assert triplets(model)["cosine_accuracy"] == 1
    pairs = evaluation.BinaryClassificationEvaluator(
        anchors + anchors, positives + negatives, [1] * 5 + [0] * 5
    )
    assert pairs(model)["cosine_ap"] == pytest.approx(1)


def test_student_module_bad_input():
    with pytest.raises(TypeError, match="needs a LuxicalVectorizer. Got LexicalVec"):
        StudentModule(LexicalVectorizer())
    with pytest.raises(ValueError, match="not fitted"):
        to_sentence_transformer(LuxicalVectorizer())
