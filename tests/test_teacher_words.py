"""The parameter teacher_words: words and terms that the teacher embeds in a fit."""

import pickle

import numpy as np
import pytest
import reference
from _teacher.topics import (
    MEANINGS,
    UNSEEN,
    RecordingTeacher,
    embed_topics,
    fail_if_called,
    model_of,
    topic_sentences,
    word_student,
)
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._lexical.vectorizer import default_lexical_stage
from sklux._teacher import words as word_limits

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def sentences():
    return topic_sentences()


def nearest_topic(student, words):
    """Numbers of the topics that are nearest to words."""
    topics = student.transform(["apple pear plum", "motor brake wheel", "piano drum"])
    return (student.transform(words) @ topics.T).argmax(axis=1).tolist()


@pytest.mark.parametrize("lexical", [LexicalVectorizer(), default_lexical_stage()])
def test_teacher_words_of_a_list_have_vectors(sentences, lexical):
    student = word_student(lexical=lexical, teacher_words=UNSEEN).fit(sentences)
    assert nearest_topic(student, UNSEEN) == [0, 1, 2]
    without = word_student(teacher_words=None).fit(sentences)
    assert not without.transform(UNSEEN).any()


def test_teacher_words_of_the_tokenizer_have_vectors(sentences, tmp_path):
    """By default, with a cached teacher and without a cache."""
    model = model_of(["apple", "##le", *UNSEEN])
    for teacher in (model, CachedTeacher(model, path=tmp_path, model_id="words")):
        assert nearest_topic(word_student(teacher).fit(sentences), UNSEEN) == [0, 1, 2]


def test_teacher_words_make_up_for_documents_without_a_teacher_embedding(sentences):
    """Embeddings of four of 120 documents and of the terms give all topics."""
    rng = np.random.default_rng(1)
    tests = [
        " ".join(rng.choice(words[:6], 3)) for words in MEANINGS.values() for _ in "ab"
    ]
    vectors = embed_topics(sentences)
    vectors[4:] = np.nan
    student = word_student(projection=ReLUProjection(3, max_iter=1))
    with pytest.warns(UserWarning, match="116 of 120 documents have no teacher emb"):
        student.fit(sentences, teacher_embeddings=vectors)
    assert nearest_topic(student, tests) == [0, 0, 1, 1, 2, 2]


def test_teacher_words_and_documents_are_embedded(sentences):
    teacher = RecordingTeacher()
    student = word_student(teacher).fit(sentences)
    assert sorted(teacher.texts) == sorted([*sentences, *student.lexical_.vocabulary_])


def test_teacher_words_alone_are_embedded_if_vectors_are_given(sentences):
    teacher = RecordingTeacher()
    student = word_student(teacher)
    student.fit(sentences, teacher_embeddings=embed_topics(sentences))
    assert sorted(teacher.texts) == sorted(student.lexical_.vocabulary_)
    assert student.n_teacher_documents_ == 120
    reference.assert_same_bits(
        student.transform(sentences), word_student().fit(sentences).transform(sentences)
    )


def test_teacher_words_and_word_pieces_of_equal_text_are_embedded_once(sentences):
    teacher = RecordingTeacher()
    student = word_student(teacher, lexical=default_lexical_stage())
    student.fit(sentences, teacher_embeddings=embed_topics(sentences))
    assert len(teacher.texts) == len(set(teacher.texts))
    assert {"apple", "motor"} < set(teacher.texts)
    assert not any(" " in text or "#" in text or "_" in text for text in teacher.texts)


@pytest.mark.parametrize("analyzer", ["subword", "word+subword"])
def test_teacher_words_of_byte_level_pieces_are_text(analyzer):
    """A teacher of word pieces got 'Ð¿Ð¾ÑģÐ»Ðµ' in place of a word."""
    tokenizers = pytest.importorskip("tokenizers")
    texts = ["река после дождя", "forêt après la pluie", "после pluie"] * 5
    byte_level = tokenizers.ByteLevelBPETokenizer()
    byte_level.train_from_iterator(texts, vocab_size=400, show_progress=False)
    teacher = RecordingTeacher()
    lexical = LexicalVectorizer(analyzer=analyzer, tokenizer=byte_level.to_str())
    student = word_student(teacher, lexical=lexical)
    student.fit(
        texts, teacher_embeddings=embed_topics(texts) + np.eye(3)[[0, 1, 2] * 5]
    )
    assert {"река", "после", "forêt", "après"} <= set(teacher.texts)
    assert all(text in " ".join(texts) for text in teacher.texts)


def test_teacher_words_that_begin_with_a_mark_of_other_vocabularies(sentences):
    """Ġ marks the beginning of a word in byte-level BPE. In Maltese it is a letter."""
    teacher = RecordingTeacher()
    lexical = LexicalVectorizer(lowercase=False)
    texts = [text.replace("apple", "Ġorġ") for text in sentences]
    word_student(teacher, lexical=lexical).fit(
        texts, teacher_embeddings=embed_topics(sentences)
    )
    assert "Ġorġ" in teacher.texts


@pytest.mark.parametrize(
    "lexical",
    [
        HashingVectorizer(n_features=64),
        TfidfVectorizer(analyzer="char", ngram_range=(2, 3)),
        LexicalVectorizer(analyzer="char_wb", ngram_range=(2, 3)),
        make_pipeline(TfidfVectorizer(), Normalizer()),
    ],
    ids=["hashes", "characters", "characters of words", "pipeline"],
)
def test_teacher_words_are_none_for_stages_without_words(sentences, lexical):
    student = word_student(fail_if_called, lexical=lexical)
    student.fit(sentences, teacher_embeddings=embed_topics(sentences))
    reference.assert_same_bits(
        student.transform(sentences),
        student.set_params(teacher_words=None)
        .fit(sentences, teacher_embeddings=embed_topics(sentences))
        .transform(sentences),
    )


def test_teacher_words_of_other_stages_are_their_terms(sentences):
    model, lexical = model_of(UNSEEN), TfidfVectorizer()
    model.encode = teacher = RecordingTeacher()
    student = word_student(model, lexical=lexical)
    student.fit(sentences, teacher_embeddings=embed_topics(sentences))
    assert sorted(teacher.texts) == sorted(lexical.fit(sentences).vocabulary_)
    assert not student.transform(UNSEEN).any()


class Dense(TfidfVectorizer):
    def fit_transform(self, raw_documents, y=None):
        return super().fit_transform(raw_documents).toarray()

    def transform(self, raw_documents):
        return super().transform(raw_documents).toarray()


class Wider(LexicalVectorizer):
    def fit_transform(self, raw_documents, y=None):
        X = super().fit_transform(raw_documents)
        return sparse.hstack([X, X[:, :1]], format="csr")

    def transform(self, raw_documents):
        X = super().transform(raw_documents)
        return sparse.hstack([X, X[:, :1]], format="csr")


@pytest.mark.parametrize("lexical", [Dense(), Wider()], ids=["dense", "wider"])
def test_teacher_words_are_none_if_columns_are_not_terms(sentences, lexical):
    model = model_of(UNSEEN)
    model.encode = fail_if_called
    student = word_student(model, lexical=lexical)
    vectors = student.fit_transform(
        sentences, teacher_embeddings=embed_topics(sentences)
    )
    assert vectors.shape == (120, 3)


def test_teacher_words_of_a_given_vocabulary(sentences):
    teacher, terms = RecordingTeacher(), ["apple", "motor", "piano", "pear", "zebra"]
    lexical = LexicalVectorizer(vocabulary=terms)
    student = word_student(teacher, lexical=lexical)
    student.fit(sentences, teacher_embeddings=embed_topics(sentences))
    assert sorted(teacher.texts) == sorted(terms)


def test_teacher_words_of_a_list_come_before_other_terms(sentences, monkeypatch):
    monkeypatch.setattr(word_limits, "MAX_TERMS", 5)
    teacher = RecordingTeacher()
    student = word_student(teacher, teacher_words=UNSEEN)
    student.fit(sentences, teacher_embeddings=embed_topics(sentences))
    assert len(teacher.texts) == 5
    assert set(UNSEEN) < set(teacher.texts)


@pytest.mark.parametrize("how", ["many", "zero"])
def test_teacher_words_without_an_embedding_have_no_vector(sentences, monkeypatch, how):
    """Their weights are zero: otherwise they would be noise."""
    model = model_of(UNSEEN)
    if how == "many":
        monkeypatch.setattr(word_limits, "MAX_TERMS", 5)
    else:
        model.encode = lambda texts: (
            embed_topics(texts) * [[text not in UNSEEN] for text in texts]
        )
    projection = ReLUProjection(3, hidden_layer_sizes=(12, 16), max_iter=1)
    student = word_student(model, projection=projection).fit(sentences)
    assert set(UNSEEN) < set(student.lexical_.vocabulary_)
    assert not student.transform(UNSEEN).any()


def test_teacher_words_are_embedded_before_documents(sentences):
    """A teacher that fails at words fails at once."""
    teacher = RecordingTeacher()
    student = word_student(teacher).fit(sentences)
    n_terms = len(student.lexical_.vocabulary_)
    assert not set(teacher.texts[:n_terms]) & set(sentences)


def test_teacher_words_are_none_without_a_teacher(sentences):
    """The vectors are given, or teacher_words is None."""
    given = word_student(None).fit(
        sentences, teacher_embeddings=embed_topics(sentences)
    )
    without = word_student(fail_if_called, teacher_words=None)
    without.fit(sentences, teacher_embeddings=embed_topics(sentences))
    reference.assert_same_bits(given.transform(sentences), without.transform(sentences))


def test_teacher_words_of_documents_in_files(sentences, tmp_path):
    paths = []
    for number, text in enumerate(sentences):
        paths.append(str(tmp_path / str(number)))
        (tmp_path / str(number)).write_text(text)
    teacher = RecordingTeacher()
    student = word_student(teacher, lexical=LexicalVectorizer(input="filename"))
    student.fit(paths, teacher_embeddings=embed_topics(sentences))
    assert sorted(teacher.texts) == sorted(student.lexical_.vocabulary_)


def test_teacher_words_are_in_the_model_file(sentences, tmp_path):
    student = word_student(teacher_words=UNSEEN).fit(sentences)
    student.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert loaded.teacher is None
    for other in (loaded, pickle.loads(pickle.dumps(student))):
        reference.assert_same_bits(other.transform(UNSEEN), student.transform(UNSEEN))


@pytest.mark.parametrize(
    "lexical",
    [
        LexicalVectorizer(analyzer="subword"),
        LexicalVectorizer(vocabulary=["apple", "pear"]),
        LexicalVectorizer(preprocessor=str.upper, lowercase=False),
        LexicalVectorizer(analyzer=str.split),
        LexicalVectorizer(analyzer="char_wb"),
        TfidfVectorizer(),
        HashingVectorizer(n_features=64),
    ],
    ids=[
        "pieces",
        "given",
        "preprocessor",
        "analyzer",
        "characters",
        "other",
        "hashes",
    ],
)
def test_teacher_words_of_a_list_need_a_stage_that_takes_them(sentences, lexical):
    """Words of the tokenizer are left out instead."""
    word_student(model_of(UNSEEN), lexical=lexical).fit(sentences)
    student = word_student(lexical=lexical, teacher_words=UNSEEN)
    with pytest.raises(ValueError, match="A list of teacher_words needs a LexicalVec"):
        student.fit(sentences)


@pytest.mark.parametrize(
    ("lexical", "words", "message"),
    [
        (LexicalVectorizer(), ["new york", "harp"], "1 of 2 .* first of them 'new y"),
        (LexicalVectorizer(max_features=5), UNSEEN, "3 of 3 .* first of them 'mango'"),
        (LexicalVectorizer(ngram_range=(2, 2)), UNSEEN, "3 of 3 teacher_words"),
        (LexicalVectorizer(stop_words=["harp"]), UNSEEN, "1 of 3 .* of them 'harp'"),
    ],
)
def test_teacher_words_of_a_list_that_are_not_terms(sentences, lexical, words, message):
    student = word_student(lexical=lexical, teacher_words=words)
    with pytest.warns(UserWarning, match=message) as caught:
        student.fit(sentences)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "lexical",
    [TfidfVectorizer(), LexicalVectorizer(analyzer="subword"), HashingVectorizer()],
)
def test_teacher_words_of_the_tokenizer_are_not_read_in_vain(sentences, lexical):
    class Tokenizer:
        def get_vocab(self):
            pytest.fail("the vocabulary was read")

    class Model:
        encode = staticmethod(embed_topics)
        tokenizer = Tokenizer()

    word_student(Model(), lexical=lexical).fit(sentences)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("tokenizer", "The 'teacher_words' parameter of LuxicalVectorizer must be"),
        (7, "The 'teacher_words' parameter of LuxicalVectorizer must be"),
        ([], "Got an empty list"),
        (["pear", ""], "Got a list with ''"),
        (["pear", 7], "Got a list with 7"),
        ([["pear"]], r"Got a list with \['pear'\]"),
        (np.array([["pear"]]), "Got a list with array"),
    ],
)
def test_teacher_words_that_are_not_words(sentences, words, message):
    with pytest.raises(ValueError, match=message):
        word_student(teacher_words=words).fit(sentences)


def test_teacher_words_of_a_list_need_a_teacher(sentences):
    student = word_student(None, teacher_words=UNSEEN)
    with pytest.raises(ValueError, match="teacher_words needs a teacher that embeds"):
        student.fit(sentences, teacher_embeddings=embed_topics(sentences))


def test_teacher_words_of_another_teacher(sentences):
    wide = np.hstack([embed_topics(sentences), embed_topics(sentences)])
    with pytest.raises(ValueError, match="width 3, but teacher_embeddings has 6"):
        word_student().fit(sentences, teacher_embeddings=wide)


def test_teacher_words_with_zero_embeddings(sentences):
    """A teacher that counts words returns zero for unknown ones."""

    def teacher(texts):
        vectors = embed_topics(texts)
        vectors[[text in ("apple", "motor") for text in texts]] = 0
        return vectors

    student = word_student(teacher).fit(sentences)
    assert np.isfinite(student.transform(sentences)).all()


def test_teacher_words_with_nan_embeddings(sentences):
    def teacher(texts):
        vectors = embed_topics(texts)
        vectors[[text in ("motor", "pear") for text in texts]] = np.nan
        return vectors

    message = (
        "While making teacher embeddings of words: .*NaN.* With teacher_words=None it "
        "embeds only documents"
    )
    with pytest.raises(ValueError, match=message):
        word_student(teacher).fit(sentences)


@pytest.mark.parametrize("is_cached", [False, True])
@pytest.mark.parametrize("error", [KeyError, IndexError, LookupError])
def test_teacher_words_are_none_if_the_teacher_looks_documents_up(
    sentences, tmp_path, error, is_cached
):
    """A warning says what to set. Words of its vocabulary get no vectors, either."""
    table = dict(zip(sentences, embed_topics(sentences)))

    def look_up(texts):
        if not set(texts) <= set(table):
            raise error("no such row")
        return np.array([table[text] for text in texts])

    teacher = look_up
    if is_cached:
        model = model_of(UNSEEN)
        model.encode = look_up
        teacher = CachedTeacher(model, path=tmp_path, model_id="table")
    student = word_student(teacher)
    message = (
        rf"raised {error.__name__}\('no such row'\) for words, .* Set "
        r"teacher_words=None, or pass .* fit\(documents, teacher_embeddings=...\)"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        student.fit(sentences)
    assert caught[0].filename == __file__
    assert student.n_teacher_terms_ == 0
    assert not student.transform(UNSEEN).any()
    if not is_cached:
        without = word_student(embed_topics, teacher_words=None).fit(sentences)
        reference.assert_same_bits(
            student.transform(sentences), without.transform(sentences)
        )


def test_teacher_words_that_a_table_lacks_are_listed(sentences):
    """The user has asked for them. Documents that it lacks are an error, too."""
    table = dict(zip(sentences, embed_topics(sentences)))

    def look_up(texts):
        return np.array([table[text] for text in texts])

    with pytest.raises(KeyError) as caught:
        word_student(look_up, teacher_words=UNSEEN).fit(sentences)
    assert "teacher_words=None" in caught.value.__notes__[0]
    del table[sentences[0]]
    student = word_student(look_up)
    with (
        pytest.warns(UserWarning, match="for words"),
        pytest.raises(KeyError) as caught,
    ):
        student.fit(sentences)
    assert not hasattr(caught.value, "__notes__")


def test_teacher_words_that_the_teacher_refuses(sentences):
    def teacher(texts):
        if not set(texts) <= set(sentences):
            raise RuntimeError("too short")
        return embed_topics(texts)

    student = word_student(teacher)
    with pytest.raises(RuntimeError, match="too short") as caught:
        student.fit(sentences)
    assert "teacher_words=None" in caught.value.__notes__[0]
    student.set_params(teacher_words=None).fit(sentences)


def test_documents_and_words_that_the_teacher_cannot_embed(sentences, tmp_path):
    """A fit takes their rows of NaN as documents and words without an embedding."""
    bad = [sentences[3], sentences[70], "apple"]

    def embed(texts):
        vectors = embed_topics(texts)
        vectors[[text in bad for text in texts]] = np.nan
        return vectors

    teacher = CachedTeacher(embed, path=tmp_path, model_id="m")
    with pytest.raises(ValueError, match="words: .*1 of .* documents: 'apple' at"):
        word_student(teacher).fit(sentences)
    with pytest.raises(ValueError, match="2 of 120 documents: .* at position 70"):
        word_student(teacher, teacher_words=None).fit(sentences)
    teacher.set_params(invalid_vectors="leave_out")
    with pytest.warns(UserWarning) as warned:
        student = word_student(teacher).fit(sentences)
    messages = [str(warning.message) for warning in warned]
    assert sum("'apple' at position" in message for message in messages) == 1
    assert sum("for 2 of 120 documents" in message for message in messages) == 1
    assert student.n_teacher_documents_ == 118
    assert student.n_teacher_terms_ == len(student.lexical_.vocabulary_) - 1
    assert nearest_topic(student, ["pear", "motor", "harp"])[:2] == [0, 1]


@pytest.mark.parametrize("error", [ConnectionError, PermissionError, ImportError])
def test_teacher_words_are_no_remedy_for_errors_of_the_surroundings(sentences, error):
    """A service that does not answer will not answer for documents, either."""

    def teacher(texts):
        raise error("no answer")

    with pytest.raises(error, match="no answer") as caught:
        word_student(teacher).fit(sentences)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("kind", ["dict", "array", "Series", "DataFrame", "cached"])
@pytest.mark.parametrize("is_given", [False, True])
def test_teacher_words_of_a_table_in_place_of_a_teacher(sentences, kind, is_given):
    """It is refused before any work."""
    pandas = pytest.importorskip("pandas")
    vectors = embed_topics(sentences)
    table = {
        "dict": dict(zip(sentences, vectors)),
        "array": vectors,
        "Series": pandas.Series(list(vectors), index=sentences),
        "DataFrame": pandas.DataFrame(vectors, index=sentences),
        "cached": CachedTeacher(dict(zip(sentences, vectors)), model_id="table"),
    }[kind]
    student = word_student(table, lexical=Dense(analyzer=fail_if_called))
    with pytest.raises(TypeError, match="A teacher must .* teacher_embeddings: a row"):
        student.fit(sentences, teacher_embeddings=vectors if is_given else None)


@pytest.mark.parametrize("message", ["no words here", "No words here."])
def test_teacher_words_error_of_the_teacher_ends_with_a_full_stop(sentences, message):
    def refuse(texts):
        raise ValueError(message)

    with pytest.raises(ValueError, match=r"[^.]\. With teacher_words=None it embeds"):
        word_student(refuse).fit(sentences)
