"""Single words that the teacher teaches beside the documents."""

from types import SimpleNamespace

import numpy as np
import pytest
import reference
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

import sklux._vectorizer
from sklux import CachedTeacher, LuxicalVectorizer, ReLUProjection, _ridge, _untaught
from sklux._initialization import (
    WORDS_ALPHA,
    Words,
    best_scale,
    feature_means,
    linear_weights,
)
from sklux._teacher import words_of_teacher
from sklux._teacher_words import check_words, tokenizer_words
from sklux._untaught import with_guesses

pytest.importorskip("torch")

MEANINGS = {
    "fruit": ["apple", "pear", "plum", "grape", "melon", "kiwi", "mango"],
    "car": ["wheel", "motor", "brake", "engine", "truck", "sedan", "lorry"],
    "music": ["piano", "guitar", "violin", "flute", "drum", "cello", "harp"],
}
UNSEEN = ["mango", "lorry", "harp"]


def teach(texts):
    """A teacher that knows the words' meanings: directions of three topics."""
    topic = {word: i for i, words in enumerate(MEANINGS.values()) for word in words}
    vectors = np.full((len(texts), 3), 0.05)
    for row, text in zip(vectors, texts):
        for word in text.split():
            row[topic[word]] += 1
    return vectors


@pytest.fixture(scope="module")
def sentences():
    """Of words of one topic each, mostly; those of UNSEEN are in none of them."""
    rng = np.random.default_rng(0)
    topics = [[w for w in words if w not in UNSEEN] for words in MEANINGS.values()]
    return [
        " ".join([*rng.choice(topics[i % 3], 3), rng.choice(topics[rng.integers(3)])])
        for i in range(120)
    ]


def word_student(**params):
    settings = {
        "lexical": TfidfVectorizer(),
        "projection": ReLUProjection(3, hidden_layer_sizes=(12,), max_iter=3),
        "teacher_words": [word for words in MEANINGS.values() for word in words],
        "random_state": 0,
    }
    return LuxicalVectorizer(teach, **(settings | params))


# What it is for


def test_student_knows_words_that_its_corpus_lacks(sentences):
    student = word_student().fit(sentences)
    assert not word_student(teacher_words=None).fit(sentences).transform(UNSEEN).any()
    seen = student.transform(["apple pear plum", "motor brake wheel", "piano drum"])
    nearest = (student.transform(UNSEEN) @ seen.T).argmax(axis=1)
    np.testing.assert_array_equal(nearest, [0, 1, 2])


def test_student_of_words_with_vectors_that_are_given(sentences):
    """The teacher is asked for the words alone."""
    asked = []

    def teacher(texts):
        asked.extend(texts)
        return teach(texts)

    student = word_student().set_params(teacher=teacher)
    student.fit(sentences, teacher_embeddings=teach(sentences))
    assert sorted(asked) == sorted(word_student().teacher_words)
    expected = word_student().fit(sentences)
    reference.assert_same_bits(
        student.transform(sentences), expected.transform(sentences)
    )
    assert student.n_taught_ == 120


def test_words_that_the_lexical_stage_leaves_out_are_not_taught(sentences):
    asked = []

    def teacher(texts):
        asked.extend(texts)
        return teach(texts)

    student = word_student(lexical=TfidfVectorizer(min_df=2))
    student.set_params(teacher=teacher).fit(
        sentences, teacher_embeddings=teach(sentences)
    )
    assert set(asked) == set(word_student().teacher_words) - set(UNSEEN)


def test_words_that_the_lexical_stage_does_not_know_are_not_needed(sentences):
    def teacher(texts):
        pytest.fail("the teacher was asked")

    lexical = TfidfVectorizer(vocabulary=["apple", "motor", "piano", "pear", "drum"])
    student = word_student(lexical=lexical, teacher_words=["zebra"])
    student.set_params(teacher=teacher)
    student.fit(sentences, teacher_embeddings=teach(sentences))
    assert not student.transform(["zebra"]).any()


def test_words_beside_documents_that_are_not_taught(sentences):
    """The guesses know the words' meanings."""
    student = word_student(teacher_sample_size=30).fit(sentences)
    assert student.n_taught_ == 30
    lengths = np.linalg.norm(student.transform(UNSEEN), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


def test_model_file_holds_no_words(sentences, tmp_path):
    """They belong to the teacher, which it does not hold either."""
    student = word_student().fit(sentences)
    student.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert loaded.teacher is None
    assert loaded.teacher_words is None
    reference.assert_same_bits(loaded.transform(UNSEEN), student.transform(UNSEEN))


# The formulas


def some_words(n_words=40, n_features=60, n_components=16):
    """Rows of one or two features, and directions."""
    rng = np.random.RandomState(1)
    X = sparse.random(n_words, n_features, 0.03, random_state=rng, format="lil")
    X[np.arange(n_words), rng.permutation(n_features)[:n_words]] = 1
    vectors = reference.unit_rows(rng.standard_normal((n_words, n_components)))
    X = normalize(sparse.csr_matrix(X, dtype=np.float32))
    return Words(X, vectors.astype(np.float32))


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(_ridge, "TOLERANCE", 1e-6)
    monkeypatch.setattr(_ridge, "MAX_STEPS", 500)
    monkeypatch.setattr("sklux._initialization.RIDGE_STEPS", 500)


def explained_by(words, X, targets):
    """What words say of the targets, by the formula."""
    means = feature_means(words.X, words.vectors).astype(np.float64)
    rows = X.toarray() @ means
    scale = max((rows * targets).sum() / (rows**2).sum(), 0)
    return scale * means, scale * rows


def test_linear_weights_equal_the_formula(exact):
    X, targets = reference.topic_documents(120)
    X, targets, words = normalize(X), targets - targets.mean(axis=0), some_words()
    prior, explained = explained_by(words, X, targets)
    rows = X.toarray().astype(np.float64)
    kernel = rows @ rows.T + WORDS_ALPHA * np.eye(len(rows))
    expected = prior + rows.T @ np.linalg.solve(kernel, targets - explained)
    found = linear_weights(X, targets.astype(np.float32), words)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_guesses_with_words_equal_the_formula(exact):
    X, teacher = reference.topic_documents(120)
    X, words = normalize(X), some_words()
    is_taught = np.arange(120) % 2 == 0
    latent = np.zeros((120, 0), dtype=np.float32)
    found = with_guesses(X, latent, teacher, is_taught, words)

    mean = teacher[is_taught].mean(axis=0, dtype=np.float64)
    prior, explained = explained_by(words, X[is_taught], teacher[is_taught] - mean)
    rows = X.toarray().astype(np.float64)
    known = rows[is_taught]
    kernel = known @ known.T + _untaught.ALPHA * np.eye(len(known))
    rest = teacher[is_taught] - mean - explained
    deviations = rows @ (prior + known.T @ np.linalg.solve(kernel, rest))
    deviations = reference.unit_rows(deviations) * np.sqrt(1 - mean @ mean)
    expected = reference.unit_rows(mean + deviations)
    np.testing.assert_allclose(found[~is_taught], expected[~is_taught], atol=1e-4)
    reference.assert_same_bits(found[is_taught], teacher[is_taught])


@pytest.mark.parametrize(
    ("explained", "expected"), [(2.0, 0.5), (-1.0, 0), (0.0, 0), (0.5, 2)]
)
def test_best_scale(explained, expected):
    targets = np.ones((3, 2), dtype=np.float32)
    assert best_scale(explained * targets, targets) == expected


# The words of a tokenizer


def model_of(tokens):
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return SimpleNamespace(tokenizer=SimpleNamespace(get_vocab=lambda: vocabulary))


@pytest.mark.parametrize(
    "tokens",
    [
        ["[PAD]", "[UNK]", "##ing", "pear", "a", "1894", "größe", "##s"],
        ["<s>", "▁pear", "ing", "▁a", "▁1894", "▁größe", "s"],
        ["<pad>", "Ġpear", "ing", "Ġa", "Ġ1894", "Ġgröße", "s"],
    ],
    ids=["WordPiece", "SentencePiece", "byte pairs"],
)
def test_tokenizer_words_are_whole_words(tokens):
    assert tokenizer_words(model_of(tokens)) == ["pear", "größe"]


def test_tokenizer_words_are_the_first_ones(monkeypatch):
    monkeypatch.setattr(sklux._teacher_words, "MAX_TOKENIZER_WORDS", 2)
    assert tokenizer_words(model_of(["bb", "cc", "aa"])) == ["bb", "cc"]


def test_student_of_the_words_of_a_tokenizer(sentences, tmp_path):
    """Of a teacher of any kind that has one, cached or not."""
    model = model_of(["apple", "##le", *UNSEEN])
    model.encode = teach
    for teacher in (model, CachedTeacher(model, path=tmp_path, model_id="words")):
        student = word_student(teacher_words="tokenizer").set_params(teacher=teacher)
        student.fit(sentences, teacher_embeddings=teach(sentences))
        assert student.transform(UNSEEN).any(axis=1).all()


def test_named_model_is_loaded_once_for_its_words(monkeypatch):
    """A search asks at each fit."""
    loaded = []

    def load(name, device):
        loaded.append(name)
        return model_of(["pear", "plum"])

    monkeypatch.setattr(sklux._teacher, "load_sentence_transformer", load)
    for teacher in ("a model of words", CachedTeacher("a model of words")) * 2:
        assert words_of_teacher(teacher) == ["pear", "plum"]
    assert loaded == ["a model of words"]


# Bad input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("all", "The 'teacher_words' parameter of LuxicalVectorizer must be"),
        (7, "The 'teacher_words' parameter of LuxicalVectorizer must be"),
        ([], "Got none"),
        (["pear", ""], "Got '' among them"),
        (["pear", 7], "Got 7 among them"),
    ],
)
def test_bad_words(sentences, words, message):
    with pytest.raises(ValueError, match=message):
        word_student(teacher_words=words).fit(sentences)


def test_words_are_taken_once():
    assert check_words(["b", "a", "b"]) == ["b", "a"]


def test_words_need_a_teacher(sentences):
    student = word_student().set_params(teacher=None)
    with pytest.raises(ValueError, match="teacher_words needs a teacher that teaches"):
        student.fit(sentences, teacher_embeddings=teach(sentences))


def test_words_need_a_tokenizer(sentences):
    with pytest.raises(ValueError, match="function has none: give a list of words"):
        word_student(teacher_words="tokenizer").fit(sentences)


def test_words_need_a_lexical_stage_that_is_given_texts(tmp_path):
    paths = [tmp_path / name for name in "ab"]
    for path in paths:
        path.write_text("apple pear")
    student = word_student(lexical=TfidfVectorizer(input="filename"))
    with pytest.raises(ValueError, match="Got one with input='filename'"):
        student.fit([str(path) for path in paths])


def test_words_of_another_teacher(sentences):
    wide = np.hstack([teach(sentences), teach(sentences)])
    with pytest.raises(ValueError, match="width 3, but teacher_embeddings has 6"):
        word_student().fit(sentences, teacher_embeddings=wide)
