"""Files of the luxical package, compared with the package itself."""

import json
import pickle
import re
import struct
import subprocess
import sys
import zipfile
from collections import Counter
from functools import lru_cache

import numpy as np
import pytest
import reference
from conftest import small_vectorizer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pieces_reference import (
    TRAINING_TEXTS,
    bert_tokenizer,
    library_ids,
    other_tokenizer,
)
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from tokenizers import Tokenizer, models, pre_tokenizers

import sklux.interop
from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._utils.model_file import read_model, write_model
from sklux.interop import load_luxical, save_luxical

# luxical calls deprecated functions of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:luxical")

NO_TOKEN = 2**32 - 1
NETWORKS = [(8, 16, 12), (16, 8)]
WORDS = " ".join(TRAINING_TEXTS).split()
AWKWARD = [
    *("", " ", "\x00", "\u0301", "\u200b", "\U0001f34e", "\u4e2d\u6587", "\u0130"),
    *("[UNK]", "[CLS]", "[PAD]", "[cls]", "[SEP]", "##a", "zzzz", "APPLE", "a" * 120),
]
# Letters that are newer than luxical's tables of characters have no category here.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn"])
TEXTS = (
    st.text(CHARACTERS, max_size=30)
    | st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
    | st.lists(st.sampled_from(WORDS + AWKWARD), max_size=20).map(" ".join)
    | st.lists(st.sampled_from(WORDS[:20] + AWKWARD), max_size=9).map("".join)
)
QUERIES = ["the red apple and the green car", *TRAINING_TEXTS[:5], *AWKWARD]


def count_ngrams(tokenizer, max_n):
    """n-grams of pieces in ascending order of their counts, with the counts."""
    # Text without a known piece gives n-grams of [UNK].
    texts = [*TRAINING_TEXTS, "\u2603 \u2603 apple [CLS]"]
    counts = Counter()
    for ids in library_ids(tokenizer, texts):
        for n in range(1, max_n + 1):
            counts.update(tuple(ids[i : i + n]) for i in range(len(ids) - n + 1))
    return sorted(counts, key=counts.get), counts


@lru_cache
def make_embedder(max_n, widths, kind="bert"):
    """An untrained luxical model; without luxical the test is skipped."""
    pytest.importorskip("luxical")
    from luxical.embedder import initialize_embedder_from_ngram_summary
    from luxical.ngrams import SpaceSavingNgramSummary
    from luxical.tokenization import arrow_tokenizer_from_tokenizer

    tokenizer = bert_tokenizer() if kind == "bert" else other_tokenizer(kind)
    # The counter of luxical takes seconds to compile.
    ngrams, counts = count_ngrams(tokenizer, max_n)
    summary = SpaceSavingNgramSummary(
        ngrams=padded(ngrams, max_n),
        approximate_counts=np.array([counts[ngram] for ngram in ngrams]),
        total_ngrams_seen=counts.total(),
        hash_collisions_skipped=0,
    )
    return initialize_embedder_from_ngram_summary(
        summary,
        arrow_tokenizer_from_tokenizer(tokenizer),
        widths,
        min_ngram_count_multiple=0,
    )


def padded(ngrams, max_n):
    """n-grams as rows of equal length."""
    rows = [[*ngram, *[NO_TOKEN] * (max_n - len(ngram))] for ngram in ngrams]
    return np.array(rows, dtype=np.uint32)


def load_embedder(path):
    """Load a file in luxical; without luxical the test is skipped."""
    pytest.importorskip("luxical")
    from luxical.embedder import Embedder

    return Embedder.load(path)


@pytest.fixture(scope="module")
def luxical_file(tmp_path_factory):
    """A file as luxical writes it, put together by hand."""
    tokenizer = bert_tokenizer()
    ngrams, _ = count_ngrams(tokenizer, 3)
    arrays = make_arrays(tokenizer.to_str(), ngrams, (8, 16, 12))
    return written(tmp_path_factory.mktemp("luxical"), arrays)


@pytest.fixture(scope="module")
def loaded(luxical_file):
    """The file in sklux; tests must not change it."""
    return load_luxical(luxical_file)


@pytest.fixture
def arrays(luxical_file):
    """The arrays of the file."""
    with np.load(luxical_file) as archive:
        return dict(archive)


def assert_near(actual, expected):
    """Fail if vectors differ by more than 1e-5."""
    assert actual.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


def fnv1a(data):
    """64-bit FNV-1a as its authors define it."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def hashes_of(ngrams):
    """Hashes of n-grams, computed by a loop over their bytes."""
    values = [fnv1a(row.astype("<u4").tobytes()) for row in ngrams]
    return np.array(values, dtype=np.uint64).view(np.int64)


def make_arrays(tokenizer_json, ngrams, widths=(4, 3)):
    """Arrays of a file for any tokenizer and n-grams, with random weights."""
    rows = padded(ngrams, max(map(len, ngrams)))
    random_state = np.random.RandomState(0)
    arrays = {
        "version": np.int64(1),
        "tokenizer": np.frombuffer(tokenizer_json.encode(), dtype=np.uint8),
        "recognized_ngrams": rows,
        "ngram_hash_to_ngram_idx_keys": hashes_of(rows),
        "ngram_hash_to_ngram_idx_values": np.arange(len(rows), dtype=np.uint32),
        "idf_values": random_state.uniform(1, 5, len(rows)).astype(np.float32),
        "num_nn_layers": np.array([len(widths)]),
    }
    sizes = [len(rows), *widths]
    for i, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:])):
        weights = random_state.standard_normal((n_out, n_in))
        arrays[f"nn_layer_{i}"] = weights.astype(np.float32)
    return arrays


def written(folder, arrays):
    """Write the arrays to a file."""
    path = folder / "changed.npz"
    np.savez(path, **arrays)
    return path


def word_tokenizer(vocabulary):
    """A tokenizer that splits at commas; pieces may contain blanks."""
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(",", "removed")
    return tokenizer.to_str()


# Files that load_luxical reads.


@lru_cache
def both_models(max_n, widths, folder):
    """The same model in luxical and in sklux."""
    embedder = make_embedder(max_n, widths)
    embedder.save(folder / "model.npz")
    return embedder, load_luxical(folder / "model.npz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.mark.parametrize("widths", NETWORKS)
@pytest.mark.parametrize("max_n", [1, 2, 3, 4, 5])
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
@example(texts=QUERIES)
@example(texts=[""])
def test_interop_loaded_model_has_the_same_vectors_as_luxical(
    folder, max_n, widths, texts
):
    embedder, model = both_models(max_n, widths, folder)
    assert_near(model.transform(texts), embedder(texts))


@pytest.mark.parametrize("kind", ["bpe", "unigram", "wordpiece", "single_word"])
def test_interop_loaded_vectors_with_other_tokenizers(tmp_path, kind):
    """The tokenizers library runs the tokenizers that the kernel does not support."""
    embedder = make_embedder(3, (16, 8), kind)
    embedder.save(tmp_path / "model.npz")
    texts = [text for text in QUERIES if kind != "bpe" or text.isascii()]
    expected = embedder(texts)
    assert expected.any()
    assert_near(load_luxical(tmp_path / "model.npz").transform(texts), expected)


def test_interop_loaded_vectors_for_any_number_of_threads(luxical_file):
    texts = QUERIES * 300
    model = load_luxical(luxical_file)
    vectors = model.transform(texts)
    assert model.set_params(n_jobs=2).transform(texts).tobytes() == vectors.tobytes()


def test_interop_text_without_known_ngram_is_zero_in_both(loaded, luxical_file):
    texts = ["", " ", "\x00", "\u0301"]
    for vectors in (loaded.transform(texts), load_embedder(luxical_file)(texts)):
        np.testing.assert_array_equal(vectors, np.zeros((4, 12)))


def test_interop_units_that_are_all_negative_are_zero_in_both(tmp_path):
    """If ReLU sets all units to zero, the vector is zero, not NaN."""
    arrays = make_arrays(word_tokenizer({"[UNK]": 0, "a": 1, "b": 2}), [[1], [2]])
    arrays["nn_layer_0"] = np.array([[-1, 1]] * 4, dtype=np.float32)
    path = written(tmp_path, arrays)
    vectors = load_luxical(path).transform(["a", "b", "a,a,b"])
    assert_near(vectors, load_embedder(path)(["a", "b", "a,a,b"]))
    np.testing.assert_array_equal(vectors.any(axis=1), [False, True, False])


def test_interop_loaded_model_is_truncated(loaded):
    """The vectors keep the first components; neither model projects teacher vectors."""
    short = loaded.truncate(5)
    whole = loaded.transform(QUERIES)[:, :5]
    lengths = np.linalg.norm(whole, axis=1, keepdims=True)
    expected = whole / np.where(lengths > 0, lengths, 1)
    np.testing.assert_allclose(short.transform(QUERIES), expected, atol=1e-6)
    assert short.projection_.teacher_components_ is None


def test_interop_loaded_by_hand(tmp_path):
    """Tokens x y x, n-grams (x), (y x), idf 2 and 3: counts 2 and 1.

    tf-idf (4, 3) / 5; units (0.8, 0.6, -0.6) -> ReLU, length 1: (0.8, 0.6, 0);
    vector (1 * 0.8 + 1 * 0.6, 0.6) = (1.4, 0.6) / |.|.
    """
    tokenizer = word_tokenizer({"[UNK]": 0, "x": 1, "y": 2})
    arrays = make_arrays(tokenizer, [[1], [2, 1]], widths=(3, 2))
    arrays["idf_values"] = np.array([2, 3], dtype=np.float32)
    arrays["nn_layer_0"] = np.array([[1, 0], [0, 1], [0, -1]], dtype=np.float32)
    arrays["nn_layer_1"] = np.array([[1, 1, 5], [0, 1, 5]], dtype=np.float32)
    model = load_luxical(written(tmp_path, arrays))
    assert list(model.lexical_.get_feature_names_out()) == ["x", "y x"]
    np.testing.assert_allclose(
        model.lexical_.transform(["x,y,x"]).toarray(), [[0.8, 0.6]], rtol=1e-6
    )
    expected = np.array([[1.4, 0.6]]) / np.hypot(1.4, 0.6)
    np.testing.assert_allclose(model.transform(["x,y,x"]), expected, rtol=1e-6)


def test_interop_loaded_model_has_parameters_and_attributes(loaded, arrays):
    lexical, projection = loaded.lexical_, loaded.projection_
    assert loaded.teacher is loaded.teacher_id_ is None
    assert loaded.lexical.get_params() == lexical.get_params()
    assert loaded.projection.get_params() == projection.get_params()
    assert not hasattr(loaded.lexical, "vocabulary_")
    assert not hasattr(loaded.projection, "coefs_")
    assert (lexical.analyzer, lexical.ngram_range) == ("subword", (1, 3))
    assert (lexical.dtype, lexical.norm, lexical.use_idf) == (np.float32, "l2", True)
    assert not lexical.sublinear_tf and not lexical.binary
    assert json.loads(lexical.tokenizer)["model"]["type"] == "WordPiece"
    assert projection.hidden_layer_sizes == (8, 16)
    assert projection.n_components == projection.n_components_ == 12
    assert projection.n_features_in_ == len(arrays["idf_values"])
    assert projection.loss_curve_ == [] and projection.n_iter_ == 0
    assert loaded.n_teacher_documents_ == 0 and loaded.report_ is None
    assert "sklux-fit-report" not in loaded._repr_html_()
    assert projection.validation_scores_ is None
    assert "ngram_range=(1, 3)" in repr(loaded)
    assert loaded.get_feature_names_out()[-1] == "luxicalvectorizer11"


def test_interop_loaded_model_has_the_arrays_of_the_file(loaded, arrays):
    tokenizer = Tokenizer.from_str(arrays["tokenizer"].tobytes().decode())
    names = [
        " ".join(map(tokenizer.id_to_token, row[row != NO_TOKEN]))
        for row in arrays["recognized_ngrams"]
    ]
    assert any("[UNK]" in name.split() for name in names)
    assert list(loaded.lexical_.get_feature_names_out()) == names
    assert loaded.lexical_.vocabulary_ == dict(zip(names, range(len(names))))
    np.testing.assert_array_equal(loaded.lexical_.idf_, arrays["idf_values"])
    for layer, weights in enumerate(loaded.projection_.coefs_):
        np.testing.assert_array_equal(weights, arrays[f"nn_layer_{layer}"].T)
        assert weights.dtype == np.float32 and weights.flags.c_contiguous


def test_interop_order_of_the_table_does_not_matter(tmp_path, loaded, arrays):
    for name in ("ngram_hash_to_ngram_idx_keys", "ngram_hash_to_ngram_idx_values"):
        arrays[name] = arrays[name][::-1]
    # Older versions of NumPy wrote their argument allow_pickle as an array.
    arrays["allow_pickle"] = np.array(False)
    model = load_luxical(written(tmp_path, arrays))
    assert model.transform(QUERIES).tobytes() == loaded.transform(QUERIES).tobytes()


def test_interop_layout_of_the_layers_does_not_matter(tmp_path, loaded, arrays):
    changed = {name: np.asfortranarray(array) for name, array in arrays.items()}
    model = load_luxical(written(tmp_path, changed | {"version": np.int64(1)}))
    assert model.transform(QUERIES).tobytes() == loaded.transform(QUERIES).tobytes()


def test_interop_compressed_file_is_read(tmp_path, loaded, arrays):
    np.savez_compressed(tmp_path / "model.npz", **arrays)
    model = load_luxical(tmp_path / "model.npz")
    assert model.transform(QUERIES).tobytes() == loaded.transform(QUERIES).tobytes()


def test_interop_pieces_with_blanks_without_ngrams(tmp_path):
    """A blank in a piece does no harm without n-grams."""
    tokenizer = word_tokenizer({"[UNK]": 0, "a b": 1, "b": 2, "a": 3})
    path = written(tmp_path, make_arrays(tokenizer, [[1], [2], [0]]))
    texts = ["a b,b", "a,b", "b", "a b", "c"]
    model = load_luxical(path)
    assert list(model.lexical_.get_feature_names_out()) == ["a b", "b", "[UNK]"]
    assert_near(model.transform(texts), load_embedder(path)(texts))


def test_interop_pieces_with_blanks_outside_all_ngrams(tmp_path):
    """The text 'a b' is one piece, which is not the n-gram of a and b."""
    tokenizer = word_tokenizer({"[UNK]": 0, "a b": 1, "b": 2, "a": 3})
    path = written(tmp_path, make_arrays(tokenizer, [[3, 2], [2], [0]]))
    texts = ["a b,b", "a,b", "b", "a b", "c"]
    model = load_luxical(path)
    assert_near(model.transform(texts), load_embedder(path)(texts))
    assert not model.transform(["a b"]).any()


# Methods of a loaded model.


def test_interop_loaded_model_is_pickled(loaded):
    copy = pickle.loads(pickle.dumps(loaded))
    assert copy.transform(QUERIES).tobytes() == loaded.transform(QUERIES).tobytes()


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_interop_loaded_model_is_saved_and_loaded(loaded, tmp_path, mmap_mode):
    loaded.save(tmp_path / "model.sklux")
    copy = LuxicalVectorizer.load(tmp_path / "model.sklux", mmap_mode=mmap_mode)
    assert copy.transform(QUERIES).tobytes() == loaded.transform(QUERIES).tobytes()
    assert copy.projection_.teacher_components_ is None
    assert copy.teacher_id_ is None
    assert copy.lexical.get_params() == loaded.lexical.get_params()
    assert copy.projection.get_params() == loaded.projection.get_params()


def test_interop_sklux_file_holds_no_teacher_directions(loaded, tmp_path):
    path = tmp_path / "model.sklux"
    loaded.save(path)
    tensors, state = read_model(path, mmap_mode=None, verify=True)
    assert "teacher_components" not in tensors
    # A file that declares the directions, but does not hold them, is damaged.
    state["projection_"]["has_teacher_components"] = True
    write_model(path, tensors, state)
    with pytest.raises(ValueError, match="lacks a part.*teacher_components"):
        LuxicalVectorizer.load(path)


def test_interop_loaded_model_is_cloned_and_fitted_again(
    loaded, documents, teacher_embeddings
):
    model = clone(loaded)
    assert model.projection.weights_dtype == "float32"
    assert loaded.projection_.weights_dtype == "float32"
    assert not hasattr(model, "lexical_")
    model.set_params(projection__n_components=4, projection__max_iter=2)
    model.fit(documents, teacher_embeddings=teacher_embeddings)
    assert model.transform(documents).shape == (len(documents), 4)
    assert "apple" in model.lexical_.vocabulary_
    assert model.projection_.teacher_components_.shape == (4, 6)


def test_interop_loaded_model_projects_no_teacher_vectors(loaded, tmp_path):
    loaded.save(tmp_path / "model.sklux")
    for model in (loaded, LuxicalVectorizer.load(tmp_path / "model.sklux")):
        for stage in (model, model.projection_):
            with pytest.raises(ValueError, match="Embed the queries with transform"):
                stage.project_teacher(np.ones((2, 12)))


def test_interop_loading_imports_neither_torch_nor_luxical(luxical_file):
    program = (
        "import sys\n"
        "from sklux.interop import load_luxical\n"
        "assert 'tokenizers' not in sys.modules\n"
        f"model = load_luxical({str(luxical_file)!r})\n"
        "assert model.transform(['the red apple']).any()\n"
        "print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert set(result.stdout.split()).isdisjoint({"torch", "luxical", "numba"})


def test_interop_missing_tokenizers_names_the_extra(luxical_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'sklux\[subword\]'"):
        load_luxical(luxical_file)


# Hashes.


def test_interop_reference_hash_gives_the_published_values():
    """Values from the list of the authors."""
    assert fnv1a(b"") == 0xCBF29CE484222325
    assert fnv1a(b"a") == 0xAF63DC4C8601EC8C
    assert fnv1a(b"foobar") == 0x85944171F73967E8


@given(
    hnp.arrays(
        np.uint32,
        st.tuples(st.integers(1, 5), st.integers(1, 5)),
        elements=st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, NO_TOKEN]),
    )
)
def test_interop_hashes_equal_the_loop_over_bytes(ngrams):
    np.testing.assert_array_equal(
        sklux.interop._ngram_hashes(ngrams), hashes_of(ngrams)
    )


# Files that save_luxical writes.


@pytest.mark.parametrize("max_n", [1, 3])
def test_interop_round_trip_gives_the_same_arrays(folder, tmp_path, max_n):
    embedder, model = both_models(max_n, (16, 8), folder)
    embedder.save(tmp_path / "first.npz")
    save_luxical(model, tmp_path / "second")
    with np.load(tmp_path / "first.npz") as first, np.load(tmp_path / "second") as new:
        assert set(first.files) - {"allow_pickle"} == set(new.files)
        # The table of luxical has a different order.
        order = np.argsort(first["ngram_hash_to_ngram_idx_values"])
        for name in new.files:
            expected = first[name][order] if "_idx_" in name else first[name]
            assert new[name].dtype == expected.dtype, name
            np.testing.assert_array_equal(new[name], expected, err_msg=name)
    assert_near(load_embedder(tmp_path / "second")(QUERIES), embedder(QUERIES))
    again = load_luxical(tmp_path / "second").transform(QUERIES)
    assert again.tobytes() == model.transform(QUERIES).tobytes()


@pytest.fixture(scope="module")
def subword_student(documents, teacher_embeddings):
    """A model fitted by sklux that luxical can run; tests must not change it."""
    lexical = LexicalVectorizer(
        analyzer="subword", tokenizer=bert_tokenizer(), ngram_range=(1, 3)
    )
    return small_vectorizer(lexical=lexical).fit(
        documents, teacher_embeddings=teacher_embeddings
    )


def refitted(model, documents, teacher_embeddings, **params):
    """A fitted clone with other parameters."""
    model = clone(model).set_params(**params)
    return model.fit(documents, teacher_embeddings=teacher_embeddings)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"lexical__ngram_range": (1, 1)},
        {"lexical__tokenizer": None, "lexical__n_subwords": 60},
        {"lexical__dtype": np.float32, "lexical__max_features": 50},
        {"lexical__smooth_idf": False, "projection__hidden_layer_sizes": (5, 6, 7)},
        {"projection__hidden_layer_sizes": "tied"},
        {
            "projection__hidden_layer_sizes": "tied",
            "projection__weights_dtype": "float32",
        },
        {"projection__weights_dtype": "float16"},
        {"lexical__vocabulary": {"car": 1, "apple": 0, "car car": 2}},
    ],
)
def test_interop_saved_model_has_the_same_vectors_in_luxical(
    subword_student, documents, teacher_embeddings, tmp_path, params
):
    model = refitted(subword_student, documents, teacher_embeddings, **params)
    save_luxical(model, tmp_path / "model.npz")
    texts = [*documents, *QUERIES]
    vectors = model.transform(texts)
    assert vectors[: len(documents)].any(axis=1).sum() > 30
    assert_near(load_embedder(tmp_path / "model.npz")(texts), vectors)
    assert_near(load_luxical(tmp_path / "model.npz").transform(texts), vectors)


def test_interop_saved_terms_may_hold_blanks_without_ngrams(tmp_path):
    tokenizer = word_tokenizer({"[UNK]": 0, "a b": 1, "b": 2})
    arrays = make_arrays(tokenizer, [[2], [1]])
    save_luxical(load_luxical(written(tmp_path, arrays)), tmp_path / "again.npz")
    with np.load(tmp_path / "again.npz") as again:
        np.testing.assert_array_equal(again["recognized_ngrams"], [[2], [1]])


def test_interop_save_writes_the_path_that_was_given(subword_student, tmp_path):
    save_luxical(subword_student, str(tmp_path / "model.bin"))
    assert [file.name for file in tmp_path.iterdir()] == ["model.bin"]
    assert load_embedder(tmp_path / "model.bin")(["apple"]).any()


def test_interop_failing_save_leaves_the_old_file(
    subword_student, tmp_path, monkeypatch
):
    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    path = tmp_path / "model.npz"
    path.write_bytes(b"old")
    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="no space left"):
        save_luxical(subword_student, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_interop_save_into_a_missing_folder(subword_student, tmp_path):
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        save_luxical(subword_student, tmp_path / "missing" / "model.npz")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"lexical__analyzer": "word"}, "analyzer='subword' only.*analyzer='word'"),
        ({"lexical__analyzer": "word+subword"}, "has analyzer='word\\+subword'"),
        ({"lexical__binary": True}, "binary=False only.*has binary=True"),
        ({"lexical__norm": "l1"}, "norm='l2' only.*has norm='l1'"),
        ({"lexical__norm": None}, "has norm=None"),
        ({"lexical__use_idf": False}, "has use_idf=False"),
        ({"lexical__sublinear_tf": True}, "has sublinear_tf=True"),
        ({"lexical__ngram_range": (2, 3)}, r"ngram_range=\(2, 3\)"),
        ({"projection__hidden_layer_sizes": ()}, r"hidden_layer_sizes=\(\)"),
        ({"lexical__vocabulary": ["apple", "kiwi"]}, "term 'kiwi' is not made of 1 to"),
        ({"lexical__vocabulary": ["apple", "car  car"]}, "term 'car  car'"),
        ({"lexical__vocabulary": ["apple", ""]}, "term ''"),
        ({"lexical__vocabulary": ["a", "a a a a", "car"]}, "term 'a a a a'.* 1 to 3"),
    ],
)
# A vocabulary of one or two terms collapses.
@pytest.mark.filterwarnings("ignore:The student has collapsed")
def test_interop_save_names_a_setting_that_luxical_lacks(
    subword_student, documents, teacher_embeddings, tmp_path, params, message
):
    if params.get("lexical__analyzer") == "word":
        params = params | {"lexical__tokenizer": None}
    model = refitted(subword_student, documents, teacher_embeddings, **params)
    with pytest.raises(ValueError, match=message):
        save_luxical(model, tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


def test_interop_save_checks_the_settings_in_use(subword_student, tmp_path):
    """Weighing follows the settings at fit time; reading follows the current ones."""
    model = pickle.loads(pickle.dumps(subword_student))
    model.lexical_.set_params(sublinear_tf=True)
    save_luxical(model, tmp_path / "model.npz")
    assert_near(
        load_luxical(tmp_path / "model.npz").transform(QUERIES),
        model.transform(QUERIES),
    )
    model.lexical_.set_params(input="filename")
    with pytest.raises(ValueError, match="has input='filename'"):
        save_luxical(model, tmp_path / "model.npz")


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_interop_save_writes_stored_weights_as_floats(subword_student, tmp_path, dtype):
    model = subword_student.quantize(dtype)
    save_luxical(model, tmp_path / "model.npz")
    loaded = load_luxical(tmp_path / "model.npz")
    for weights, expected in zip(loaded.projection_.coefs_, model.projection_.coefs_):
        reference.assert_same_bits(weights, expected)
    assert_near(loaded.transform(QUERIES), model.transform(QUERIES))


def test_interop_save_expands_tied_rows(
    subword_student, documents, teacher_embeddings, tmp_path
):
    """luxical's network has a ReLU: the rows [W, -W], the last layer [I + V; V - I]."""
    params = {"projection__hidden_layer_sizes": "tied"}
    model = refitted(subword_student, documents, teacher_embeddings, **params)
    save_luxical(model.truncate(3), tmp_path / "model.npz")
    loaded = load_luxical(tmp_path / "model.npz").projection_
    W, V = model.projection_.coefs_
    eye = np.eye(*V.shape, dtype=np.float32)
    assert loaded.hidden_layer_sizes == (2 * len(V),)
    np.testing.assert_array_equal(loaded.coefs_[0], np.hstack([W, -W]))
    expected = np.vstack([V + eye, V - eye])[:, :3]
    np.testing.assert_array_equal(loaded.coefs_[1], expected)


def test_interop_save_refuses_another_object(tmp_path):
    with pytest.raises(TypeError, match="fitted LuxicalVectorizer. Got Pipeline"):
        save_luxical(make_pipeline(LexicalVectorizer()), tmp_path / "model.npz")


def test_interop_save_needs_fit(tmp_path):
    with pytest.raises(NotFittedError, match="LuxicalVectorizer"):
        save_luxical(LuxicalVectorizer(), tmp_path / "model.npz")


@pytest.mark.parametrize(
    ("stage", "base"),
    [("lexical_", LexicalVectorizer), ("projection_", ReLUProjection)],
)
def test_interop_save_refuses_stages_of_other_classes(
    subword_student, tmp_path, stage, base
):
    model = pickle.loads(pickle.dumps(subword_student))
    getattr(model, stage).__class__ = type("Mine", (base,), {})
    with pytest.raises(TypeError, match=f"a {base.__name__}, but this one has a Mine"):
        save_luxical(model, tmp_path / "model.npz")


def test_interop_save_refuses_terms_without_weights(subword_student, tmp_path):
    model = pickle.loads(pickle.dumps(subword_student))
    model.lexical_.vocabulary_ = {"apple": 0, "car": 1}
    with pytest.raises(ValueError, match=r"2 terms, but weights for \d+"):
        save_luxical(model, tmp_path / "model.npz")


def test_interop_save_refuses_values_that_are_not_finite(subword_student, tmp_path):
    model = pickle.loads(pickle.dumps(subword_student))
    idf = model.lexical_.idf_.copy()
    idf[3] = np.inf
    model.lexical_.idf_ = idf
    with pytest.raises(ValueError, match="idf_values hold NaN or infinite values"):
        save_luxical(model, tmp_path / "model.npz")
    model = pickle.loads(pickle.dumps(subword_student))
    coefs = [np.array(weights) for weights in model.projection_.coefs_]
    coefs[1][2, 1] = np.nan
    with pytest.raises(ValueError, match=r"weights 'coefs_\[1\]' are not finite"):
        model.projection_.coefs_ = coefs


def test_interop_save_refuses_equal_hashes(subword_student, tmp_path, monkeypatch):
    """No two n-grams with the same hash are known, so the test weakens the hash."""
    hashes = sklux.interop._ngram_hashes
    monkeypatch.setattr(sklux.interop, "_ngram_hashes", lambda rows: hashes(rows) % 8)
    with pytest.raises(ValueError, match="Two n-grams of the model have the same hash"):
        save_luxical(subword_student, tmp_path / "model.npz")


# Bad files.


def changed(name, change):
    """A change of one array."""
    return lambda arrays: arrays | {name: change(arrays[name])}


def with_value(place, value):
    """A change of one value of an array."""

    def change(array):
        array = np.array(array)
        array[place] = value
        return array

    return change


def swapped(array):
    """An array with its first two rows exchanged."""
    return array[[1, 0, *range(2, len(array))]]


def tokenizer_with(change):
    """A change of the tokenizer's JSON."""

    def changed_bytes(array):
        state = json.loads(array.tobytes())
        change(state)
        return np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)

    return changed("tokenizer", changed_bytes)


def as_bytes(data):
    """A change that replaces an array by bytes or text."""
    data = data.encode() if isinstance(data, str) else data
    return lambda array: np.frombuffer(data, dtype=np.uint8)


NAMES = [
    *("version", "tokenizer", "recognized_ngrams", "num_nn_layers"),
    *("ngram_hash_to_ngram_idx_keys", "ngram_hash_to_ngram_idx_values"),
    *("idf_values", "nn_layer_0", "nn_layer_1", "nn_layer_2"),
]
KEYS, COLUMNS = "ngram_hash_to_ngram_idx_keys", "ngram_hash_to_ngram_idx_values"
TRUNCATION = dict(max_length=4, strategy="LongestFirst", stride=0, direction="Right")
PADDING = dict(direction="Right", pad_id=2, pad_type_id=0, pad_token="[PAD]")


def refuse(path, message):
    """Fail unless loading the file raises an error that names it."""
    with pytest.raises(ValueError, match=message) as raised:
        load_luxical(path)
    assert str(raised.value).startswith(
        f"The Luxical file {str(path)!r} cannot be used: "
    )


@pytest.mark.parametrize("name", NAMES)
def test_interop_missing_array_is_named(tmp_path, arrays, name):
    del arrays[name]
    message = f"lacks the array '{name}'"
    if name.startswith("nn_layer"):
        message = (
            "'num_nn_layers' promises 3 layers, but it has 2 of the arrays 'nn_layer_0"
        )
    refuse(written(tmp_path, arrays), message)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: np.asarray(array).astype(np.float64),
        lambda array: np.asarray(array).astype("S"),
        lambda array: np.asarray(array).astype(">u8"),
        lambda array: np.asarray(array).astype(object),
        lambda array: np.asarray(array)[np.newaxis],
        lambda array: np.asarray(array)[..., np.newaxis],
        lambda array: np.asarray(array).reshape(-1)[:0],
    ],
    ids=["float64", "bytes", "big-endian", "object", "deep", "wide", "empty"],
)
def test_interop_array_of_another_kind_is_named(tmp_path, arrays, name, change):
    array = change(arrays[name])
    if name in ("version", "num_nn_layers") and array.dtype == np.dtype(">u8"):
        array = array.astype(bool)  # any integer type is accepted there
    refuse(
        written(tmp_path, arrays | {name: array}), f"its array '{name}' (has|cannot)"
    )


@pytest.mark.parametrize("name", NAMES[2:-1])
def test_interop_array_that_is_shorter_is_refused(tmp_path, arrays, name):
    """The error names the first wrong array; the last layer may have any width."""
    refuse(written(tmp_path, changed(name, lambda array: array[:-1])(arrays)), "its ar")


@pytest.mark.parametrize(
    "name", ["idf_values", "nn_layer_0", "nn_layer_1", "nn_layer_2"]
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_interop_values_that_are_not_finite_are_named(tmp_path, arrays, name, value):
    arrays[name].flat[5] = value
    refuse(written(tmp_path, arrays), f"its array '{name}' holds NaN or infinite")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("version", lambda v: v + 1), "format version 2, but .* reads 1 alone"),
        (changed("version", lambda v: -v), "format version -1"),
        (changed("num_nn_layers", lambda n: n + 1), "promises 4 layers, but it has 3"),
        (changed("num_nn_layers", lambda n: n - 1), "promises 2 layers, but it has 3"),
        (changed("num_nn_layers", lambda n: n - 5), "promises -2 layers, but it has 3"),
        (changed("num_nn_layers", lambda n: n * 10**18), "but it has 3 of"),
        (changed("nn_layer_1", np.transpose), r"'nn_layer_1' has shape \(8, 16\)"),
        (changed("nn_layer_2", lambda w: w[:0]), r"'nn_layer_2' has shape \(0, 16\)"),
        (
            changed("recognized_ngrams", with_value((4, 0), 300)),
            "'recognized_ngrams' has the token 300, but the tokenizer's ids end at",
        ),
        (
            changed("recognized_ngrams", with_value((4, 0), NO_TOKEN)),
            "'recognized_ngrams' has a row that is empty",
        ),
        (
            changed("recognized_ngrams", with_value(4, [3, NO_TOKEN, 3])),
            "'recognized_ngrams' has .* an unused place before a token",
        ),
        (
            changed("recognized_ngrams", with_value((4, 0), 2)),
            f"'{KEYS}' lacks the hashes of 1 n-grams, the first of them 4",
        ),
        (changed("recognized_ngrams", lambda rows: rows[:, :2]), f"'{KEYS}' lacks the"),
        (changed("recognized_ngrams", swapped), f"'{COLUMNS}' leads an n-gram to ano"),
        (changed(KEYS, with_value(4, 12345)), f"'{KEYS}' lacks the hashes of 1 n-gr"),
        (changed(KEYS, lambda keys: keys[[0, *range(len(keys) - 1)]]), "hash twice"),
        (
            changed(COLUMNS, with_value(4, 2**31)),
            f"'{COLUMNS}' leads to the n-gram 214",
        ),
        (changed(COLUMNS, with_value(4, 7)), f"'{COLUMNS}' leads an n-gram to another"),
        (changed(COLUMNS, swapped), f"'{COLUMNS}' leads an n-gram to another"),
        (
            changed("tokenizer", as_bytes(b"\xff{}")),
            "'tokenizer' does not hold a .*utf-8",
        ),
        (
            changed("tokenizer", as_bytes(b"[" * 10**5)),
            "'tokenizer' does not hold a tokenizer",
        ),
        (
            changed("tokenizer", as_bytes(b"{}")),
            "'tokenizer' does not hold a tokenizer",
        ),
        (
            changed("tokenizer", lambda data: data[:-9]),
            "'tokenizer' does not hold a tokenizer",
        ),
        (
            tokenizer_with(lambda state: state.update(truncation=TRUNCATION)),
            "'tokenizer' has truncation={.*'max_length': 4.* sklux reads the whole",
        ),
        (
            tokenizer_with(
                lambda state: state.update(padding=PADDING | {"strategy": {"Fixed": 8}})
            ),
            "'tokenizer' has padding={.*'Fixed': 8.*luxical counts the padding",
        ),
        (
            tokenizer_with(
                lambda state: state.update(
                    padding=PADDING
                    | {"strategy": "BatchLongest", "pad_to_multiple_of": 8}
                )
            ),
            "'tokenizer' has padding={.*'pad_to_multiple_of': 8",
        ),
        (
            tokenizer_with(lambda state: state["model"]["vocab"].update(zzz=7)),
            "'tokenizer' does not hold a tokenizer .*: two pieces have one id",
        ),
        (
            tokenizer_with(
                lambda state: state["model"].update(max_input_chars_per_word=2**63)
            ),
            "'tokenizer' does not hold a tokenizer that sklux can use",
        ),
        (
            changed("tokenizer", as_bytes(Tokenizer(models.WordPiece()).to_str())),
            "'tokenizer' does not hold a tokenizer that sklux can use: .* no pieces",
        ),
        (
            tokenizer_with(lambda state: state["model"]["vocab"].pop("a")),
            "'recognized_ngrams' has the token \\d+, an id that .* gives to no piece",
        ),
        (
            tokenizer_with(lambda state: state["model"]["vocab"].update(zzz=2**30)),
            "'tokenizer' does not hold a .*, but the id 1073741824",
        ),
    ],
)
def test_interop_damage_is_named(tmp_path, arrays, change, message):
    refuse(written(tmp_path, change(arrays)), message)


def test_interop_forged_tokenizer_is_refused(tmp_path, arrays):
    """The library would stop with a panic, or need a time without a bound."""
    for part in (
        {"type": "Precompiled", "precompiled_charsmap": "/////w=="},
        {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "b"},
    ):
        change = tokenizer_with(lambda state, part=part: state.update(normalizer=part))
        refuse(written(tmp_path, change(arrays)), "'tokenizer' does not hold a tokeni")


def test_interop_long_ngrams_are_refused(tmp_path, arrays):
    ngrams = np.pad(
        arrays["recognized_ngrams"], ((0, 0), (0, 100)), constant_values=2**32 - 1
    )
    changed = arrays | {"recognized_ngrams": ngrams}
    refuse(written(tmp_path, changed), "'recognized_ngrams' has n-grams of 10[0-9] tok")


def test_interop_array_that_is_compressed_too_far_is_refused(tmp_path, arrays):
    np.savez_compressed(
        tmp_path / "bomb.npz",
        **arrays | {"recognized_ngrams": np.zeros((4_000_000, 1), dtype=np.uint32)},
    )
    refuse(tmp_path / "bomb.npz", "'recognized_ngrams' is compressed to less than one")


def test_interop_gap_between_layers_is_named(tmp_path, arrays):
    arrays["nn_layer_9"] = arrays.pop("nn_layer_1")
    refuse(written(tmp_path, arrays), "lacks the array 'nn_layer_1'")


def test_interop_network_of_one_layer(tmp_path):
    """luxical cannot run it either."""
    tokenizer = word_tokenizer({"[UNK]": 0, "a": 1})
    arrays = make_arrays(tokenizer, [[1], [0]], widths=(4,))
    refuse(written(tmp_path, arrays), "'num_nn_layers' is 1, but .* at least 2 layers")


def test_interop_equal_ngrams(tmp_path):
    tokenizer = word_tokenizer({"[UNK]": 0, "a": 1})
    arrays = make_arrays(tokenizer, [[1], [0], [1]])
    refuse(written(tmp_path, arrays), f"'{KEYS}' holds a hash twice")


def test_interop_ngram_of_a_piece_with_a_blank(tmp_path):
    """'a b' and the n-gram of a and b would have the same name."""
    tokenizer = word_tokenizer({"[UNK]": 0, "a b": 1, "a": 2, "b": 3})
    arrays = make_arrays(tokenizer, [[1], [2, 3]])
    refuse(written(tmp_path, arrays), "the token 1, the piece 'a b': sklux joins")


def test_interop_padding_without_effect_is_accepted(tmp_path, loaded, arrays):
    padding = PADDING | {"strategy": "BatchLongest", "pad_to_multiple_of": None}
    path = written(
        tmp_path, tokenizer_with(lambda state: state.update(padding=padding))(arrays)
    )
    vectors = load_luxical(path).transform(QUERIES)
    assert vectors.tobytes() == loaded.transform(QUERIES).tobytes()
    assert_near(vectors, load_embedder(path)(QUERIES))


@pytest.mark.parametrize(
    "setting",
    [
        {"truncation": TRUNCATION},
        {"padding": PADDING | {"strategy": {"Fixed": 8}}},
        {"padding": PADDING | {"strategy": "BatchLongest", "pad_to_multiple_of": 8}},
    ],
)
def test_interop_refused_settings_change_luxicals_vectors(
    tmp_path, luxical_file, arrays, setting
):
    """This is why sklux refuses them: they change the tokens that luxical counts."""
    # The padding piece must be a known n-gram.
    text = "the green apple and the red apple"
    arrays = tokenizer_with(lambda state: state.update(setting))(arrays)
    tokens = load_embedder(written(tmp_path, arrays)).tokenize([text])[0]
    assert len(tokens) != len(load_embedder(luxical_file).tokenize([text])[0])


def test_interop_tokenizer_is_never_taken_for_a_path(tmp_path, arrays):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(arrays["tokenizer"].tobytes())
    arrays["tokenizer"] = np.frombuffer(str(path).encode(), dtype=np.uint8)
    refuse(written(tmp_path, arrays), "'tokenizer' does not hold a tokenizer")


def test_interop_objects_are_never_unpickled(tmp_path, arrays):
    class Trap:
        def __reduce__(self):
            return exec, ("raise SystemExit",)

    arrays["idf_values"] = np.array([Trap()], dtype=object)
    refuse(written(tmp_path, arrays), "'idf_values' cannot be read: Object arrays")


def test_interop_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing.npz"):
        load_luxical(tmp_path / "missing.npz")


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"x" * 1000, pickle.dumps([1, 2]), b"\x93NUMPY\x01\x00"],
    ids=["empty", "zip", "text", "pickle", "npy"],
)
def test_interop_file_of_another_kind(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    refuse(path, "it is not an .npz archive")


def test_interop_file_of_sklux(tmp_path, loaded):
    loaded.save(tmp_path / "model.sklux")
    refuse(tmp_path / "model.sklux", "it is not an .npz archive")


def test_interop_zip_of_other_files(tmp_path):
    path = tmp_path / "model.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("version.npy", "1")
    refuse(path, "'version' cannot be read")


def test_interop_array_with_a_huge_shape(tmp_path, arrays):
    """A header of a few bytes declares an array of petabytes."""
    path = written(tmp_path, {"version": arrays["version"]})
    header = (
        b"{'descr': '<u4', 'fortran_order': False, 'shape': (1000000000000, 900), }"
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(
            "recognized_ngrams.npy",
            b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header,
        )
    refuse(path, "'recognized_ngrams' cannot be read: ")


def test_interop_array_followed_by_bytes(tmp_path, arrays, luxical_file):
    path = tmp_path / "model.npz"
    with (
        zipfile.ZipFile(luxical_file) as archive,
        zipfile.ZipFile(path, "w") as copy,
    ):
        for name in archive.namelist():
            more = b"\0" * 48 if name == "nn_layer_2.npy" else b""
            copy.writestr(name, archive.read(name) + more)
    refuse(path, "bytes follow the last value of its array 'nn_layer_2'")


@pytest.fixture(scope="module")
def small_file(tmp_path_factory):
    """The content of a small file, its vectors, and the path of a damaged copy."""
    folder = tmp_path_factory.mktemp("small")
    tokenizer = word_tokenizer({"[UNK]": 0, "a": 1, "b": 2})
    path = written(folder, make_arrays(tokenizer, [[1], [2, 1], [0]]))
    vectors = load_luxical(path).transform(["a", "b,a,c", ""])
    return path.read_bytes(), vectors, folder / "damaged.npz"


@settings(max_examples=300, deadline=None)
@given(data=st.data(), bits=st.integers(1, 255))
def test_interop_file_with_any_byte_changed(small_file, data, bits):
    """The file is refused, or the byte has no effect."""
    content, vectors, path = small_file
    place = data.draw(st.integers(0, len(content) - 1))
    damaged = bytearray(content)
    damaged[place] ^= bits
    path.write_bytes(damaged)
    try:
        model = load_luxical(path)
    except ValueError as error:
        assert re.match("The Luxical file .* cannot be used: ", str(error))
    else:
        assert model.transform(["a", "b,a,c", ""]).tobytes() == vectors.tobytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_interop_file_cut_at_any_length(small_file, data):
    content, _, path = small_file
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    refuse(path, "it is not an .npz archive")
