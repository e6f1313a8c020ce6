"""Files in word2vec's format, read by a plain reader and by gensim."""

import gzip
import warnings
from itertools import product

import numpy as np
import pytest
from conftest import make_corpus
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from models import random_model
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from strategies import kernel_settings

from sklux import LexicalVectorizer, LuxicalVectorizer
from sklux._inspection import terms
from sklux._inspection.word2vec import word2vec_names, write_word2vec
from sklux._lexical.vectorizer import default_lexical_stage
from sklux.inspection import term_embeddings
from sklux.interop import save_word2vec

TEXTS = [f"{text} the" for text in make_corpus(60)[0]]
STAGES = {
    "words": LexicalVectorizer(ngram_range=(1, 2)),
    "default": default_lexical_stage().set_params(n_subwords=80),
    "pieces": LexicalVectorizer(analyzer="subword", n_subwords=80),
    "characters": LexicalVectorizer(analyzer="char_wb", ngram_range=(2, 3)),
    "scikit-learn": TfidfVectorizer(),
}
MODELS = {
    name: random_model(stage.fit(TEXTS), sizes=(16, 8))
    for name, stage in STAGES.items()
}


def read_word2vec(path, binary=False):
    """Names and vectors of a file, read as plainly as possible."""
    content = path.read_bytes()
    header, rest = content.split(b"\n", 1)
    n_names, width = map(int, header.decode().split(" "))
    names, rows = [], []
    for _ in range(n_names):
        name, rest = rest.split(b" ", 1)
        if binary:
            numbers, rest = rest[: 4 * width], rest[4 * width :]
            rows.append(np.frombuffer(numbers, "<f4"))
            assert rest[:1] == b"\n"
            rest = rest[1:]
        else:
            line, rest = rest.split(b"\n", 1)
            rows.append(np.array(line.split(b" ")).astype(np.float32))
        names.append(name.decode())
    assert rest == b""
    return names, np.array(rows).reshape(n_names, width)


def expected_vectors(model, kind, joiner):
    """The vector of each term that a file has, by its name."""
    return {
        term.replace(" ", joiner or " "): vector
        for term, vector in zip(*term_embeddings(model, kind=kind))
        if vector.any() and (joiner or " " not in term)
    }


@pytest.mark.parametrize(
    "name, kind, joiner, binary",
    [
        *product(sorted(MODELS), [None], [None, "_"], [False, True]),
        ("default", "word", "+", False),
        ("default", "piece", None, False),
    ],
)
def test_word2vec_file_holds_the_vectors_of_terms(name, kind, joiner, binary, tmp_path):
    path = tmp_path / "words"
    save_word2vec(MODELS[name], path, kind=kind, joiner=joiner, binary=binary)
    names, vectors = read_word2vec(path, binary)
    expected = expected_vectors(MODELS[name], kind, joiner)
    assert sorted(names) == sorted(expected)
    for term, vector in zip(names, vectors):
        np.testing.assert_array_equal(vector, expected[term])


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_file_is_read_by_gensim(binary, tmp_path):
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    path = tmp_path / "words"
    model = MODELS["default"]
    save_word2vec(model, path, joiner="_", binary=binary)
    words = keyed_vectors.load_word2vec_format(path, binary=binary)
    names, vectors = read_word2vec(path, binary)
    assert words.index_to_key == names
    assert words.vectors.dtype == np.float32
    np.testing.assert_array_equal(words.vectors, vectors)
    # gensim's cosines are the cosines of the model.
    query, *others = model.transform(["apple", *names])
    found = words.most_similar("apple", topn=len(names))
    singles = [name for name in names if "_" not in name]
    cosines = {name: row @ query for name, row in zip(names, others)}
    for name, cosine in found:
        if name in singles:
            assert cosine == pytest.approx(cosines[name], abs=1e-6)
    first = keyed_vectors.load_word2vec_format(path, binary=binary, limit=3)
    assert first.index_to_key == names[:3]


def test_word2vec_vectors_are_made_in_blocks(tmp_path, monkeypatch):
    path, other = tmp_path / "one", tmp_path / "other"
    save_word2vec(MODELS["words"], path, joiner="_")
    monkeypatch.setattr(terms, "BLOCK_TERMS", 7)
    blocks = list(terms.term_blocks(MODELS["words"], np.arange(30)))
    assert [len(block) for block in blocks] == [7, 7, 7, 7, 2]
    save_word2vec(MODELS["words"], other, joiner="_")
    assert path.read_bytes() == other.read_bytes()


def test_word2vec_frequent_terms_come_first(fitted, documents, tmp_path):
    path = tmp_path / "words"
    save_word2vec(fitted, path)
    names, _ = read_word2vec(path)
    counts = [sum(name in text.split() for text in documents) for name in names]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 1


def test_word2vec_without_frequencies_keeps_the_order_of_the_terms(tmp_path):
    """The network of a loaded file may have no order of its own."""
    model = random_model(LexicalVectorizer().fit(TEXTS), sizes=(4,), in_order=True)
    save_word2vec(model, tmp_path / "words")
    names, _ = read_word2vec(tmp_path / "words")
    assert names == model.lexical_.get_feature_names_out().tolist()


def test_word2vec_leaves_out_terms_without_weights(tmp_path):
    """With one ReLU unit, a term of a negative weight has the zero vector."""
    model = random_model(LexicalVectorizer().fit(TEXTS), sizes=(1, 3))
    _, vectors = term_embeddings(model)
    n_zero = np.count_nonzero(~vectors.any(axis=1))
    assert 0 < n_zero < len(vectors)
    save_word2vec(model, tmp_path / "words")
    _, written = read_word2vec(tmp_path / "words")
    assert len(written) == len(vectors) - n_zero
    assert written.any(axis=1).all()


def test_word2vec_names_by_hand():
    names, places = word2vec_names(["new", "new york", "york", " a\tb\u2003c"], "_")
    assert names.tolist() == ["new", "new_york", "york", "_a_b_c"]
    assert places.tolist() == [0, 1, 2, 3]
    names, places = word2vec_names(["new", "new york", "york", "a\u00a0b"], None)
    assert names.tolist() == ["new", "york"]
    assert places.tolist() == [0, 2]


@pytest.mark.parametrize(
    "terms, names",
    [
        # The term without a blank keeps its name, although it comes later.
        (["new york", "new_york"], ["new_york"]),
        (["a b", "a\tb", "c"], ["a_b", "c"]),
    ],
)
def test_word2vec_names_are_unique(terms, names):
    with pytest.warns(UserWarning, match="1 terms are left out, because joiner='_'"):
        found, _ = word2vec_names(terms, "_")
    assert found.tolist() == names


def test_word2vec_names_are_valid_unicode_and_not_empty():
    message = r"2 terms are left out, .* valid Unicode. The first one is '\\ud800'"
    with pytest.warns(UserWarning, match=message):
        found, places = word2vec_names(["\ud800", "a", ""], None)
    assert found.tolist() == ["a"]
    assert places.tolist() == [1]


@kernel_settings
@given(st.lists(st.text(max_size=4)), st.sampled_from([None, "_", "ab"]))
def test_word2vec_names_of_any_terms(terms, joiner):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        names, places = word2vec_names(dict.fromkeys(terms), joiner)
    terms = list(dict.fromkeys(terms))
    assert len(set(names)) == len(names)
    for name, place in zip(names, places):
        assert name == "".join(
            (joiner or "") if letter.isspace() else letter for letter in terms[place]
        )
        assert name.split() == [name]
        assert joiner or name == terms[place]


@kernel_settings
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 5), st.integers(1, 4)),
        elements=st.floats(width=32, allow_nan=False),
    ),
    st.booleans(),
    st.integers(1, 3),
)
def test_word2vec_numbers_keep_their_bits(tmp_path_factory, vectors, binary, step):
    path = tmp_path_factory.getbasetemp() / "numbers"
    names = np.array([f"\u00e4{i}" for i in range(len(vectors))], dtype=object)
    blocks = (vectors[i : i + step] for i in range(0, len(vectors), step))
    write_word2vec(path, names, vectors.shape[1], blocks, binary=binary)
    found, read = read_word2vec(path, binary)
    assert found == names.tolist()
    assert read.tobytes() == vectors.tobytes()


def test_word2vec_file_is_complete_or_not_written(tmp_path, monkeypatch):
    path = tmp_path / "words"
    path.write_text("old")

    def failing_blocks(model, columns):
        yield np.ones((2, 8), dtype=np.float32)
        raise MemoryError

    monkeypatch.setattr("sklux.interop.term_blocks", failing_blocks)
    with pytest.raises(MemoryError):
        save_word2vec(MODELS["words"], path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["words"]


# Bad input


@pytest.mark.parametrize("joiner", ["", " ", "a b", "\n", "\ud800"])
def test_word2vec_refuses_joiners(joiner, tmp_path):
    with pytest.raises(ValueError, match="must be a text without blanks"):
        save_word2vec(MODELS["words"], tmp_path / "words", joiner=joiner)


def test_word2vec_refuses_a_model_of_pairs_alone_without_a_joiner(tmp_path):
    model = random_model(LexicalVectorizer(ngram_range=(2, 2)).fit(TEXTS), sizes=(4,))
    with pytest.raises(ValueError, match=r"None of the \d+ terms .* joiner='_'"):
        save_word2vec(model, tmp_path / "words")
    save_word2vec(model, tmp_path / "words", joiner="_")


def test_word2vec_refuses_names_of_compressed_files(tmp_path):
    """gensim would unpack such a file."""
    path = tmp_path / "words.gz"
    with pytest.raises(ValueError, match="Leave out the suffix"):
        save_word2vec(MODELS["words"], path)
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    save_word2vec(MODELS["words"], tmp_path / "words")
    path.write_bytes(gzip.compress((tmp_path / "words").read_bytes()))
    assert len(keyed_vectors.load_word2vec_format(path)) > 20


def test_word2vec_refuses_kinds_that_the_model_lacks(tmp_path):
    with pytest.raises(ValueError, match="kind='piece', but all terms"):
        save_word2vec(MODELS["words"], tmp_path / "words", kind="piece")


def test_word2vec_refuses_models_that_are_not_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        save_word2vec(LuxicalVectorizer(), tmp_path / "words")
    with pytest.raises(ValueError, match="'model' parameter of save_word2vec"):
        save_word2vec("model.sklux", tmp_path / "words")
