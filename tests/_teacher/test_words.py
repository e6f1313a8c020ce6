"""Terms that the teacher teaches beside the documents."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import reference
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, normalize

import sklux._teacher.models
import sklux._teacher.words
from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._lexical.vectorizer import PART_PREFIXES, default_lexical_stage
from sklux._student import imputation as _untaught
from sklux._student import ridge as _ridge
from sklux._student.imputation import impute_vectors
from sklux._student.initialization import RIDGE_ALPHA, linear_weights
from sklux._student.term_vectors import WEIGHT, TermVectors, term_sums, term_vectors
from sklux._teacher.cached import words_of_teacher
from sklux._teacher.words import check_words, choose_terms, tokenizer_words

pytest.importorskip("torch")

MEANINGS = {
    "fruit": ["apple", "pear", "plum", "grape", "melon", "kiwi", "mango"],
    "car": ["wheel", "motor", "brake", "engine", "truck", "sedan", "lorry"],
    "music": ["piano", "guitar", "violin", "flute", "drum", "cello", "harp"],
}
WORDS = [word for words in MEANINGS.values() for word in words]
UNSEEN = ["mango", "lorry", "harp"]


def teach(texts):
    """A teacher that knows the words' meanings: directions of three topics."""
    topic = {word: i for i, words in enumerate(MEANINGS.values()) for word in words}
    vectors = np.full((len(texts), 3), 0.05)
    for row, text in zip(vectors, texts):
        for word in text.split():
            if word in topic:
                row[topic[word]] += 1
    return vectors


class Asked:
    """The same teacher, which keeps what it is asked."""

    def __init__(self):
        self.texts = []

    def __call__(self, texts):
        self.texts.extend(texts)
        return teach(texts)


def refuse(texts):
    pytest.fail(f"the teacher was asked for {texts[:3]}")


@pytest.fixture(scope="module")
def sentences():
    """Of words of one topic each, mostly; those of UNSEEN are in none of them."""
    rng = np.random.default_rng(0)
    topics = [[w for w in words if w not in UNSEEN] for words in MEANINGS.values()]
    return [
        " ".join([*rng.choice(topics[i % 3], 3), rng.choice(topics[rng.integers(3)])])
        for i in range(120)
    ]


def word_student(teacher=teach, **params):
    settings = {
        "lexical": LexicalVectorizer(),
        "projection": ReLUProjection(3, hidden_layer_sizes=(12,), max_iter=3),
        "random_state": 0,
    }
    return LuxicalVectorizer(teacher, **(settings | params))


def model_of(tokens):
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return SimpleNamespace(
        tokenizer=SimpleNamespace(get_vocab=lambda: vocabulary), encode=teach
    )


def nearest_topic(student, words):
    """Which of the three topics words are nearest to."""
    topics = student.transform(["apple pear plum", "motor brake wheel", "piano drum"])
    return (student.transform(words) @ topics.T).argmax(axis=1).tolist()


# What it is for


@pytest.mark.parametrize("lexical", [LexicalVectorizer(), default_lexical_stage()])
def test_student_knows_given_words_that_its_corpus_lacks(sentences, lexical):
    student = word_student(lexical=lexical, teacher_words=UNSEEN).fit(sentences)
    assert nearest_topic(student, UNSEEN) == [0, 1, 2]
    without = word_student(teacher_words=None).fit(sentences)
    assert not without.transform(UNSEEN).any()


def test_student_knows_the_words_of_the_teachers_tokenizer(sentences, tmp_path):
    """Of a teacher of any kind that has one, cached or not, by default."""
    model = model_of(["apple", "##le", *UNSEEN])
    for teacher in (model, CachedTeacher(model, path=tmp_path, model_id="words")):
        assert nearest_topic(word_student(teacher).fit(sentences), UNSEEN) == [0, 1, 2]


def test_fewer_documents_need_to_be_taught(sentences):
    """Four of 120, and the terms: the topics of all are known."""
    rng = np.random.default_rng(1)
    tests = [
        " ".join(rng.choice(words[:6], 3)) for words in MEANINGS.values() for _ in "ab"
    ]
    vectors = teach(sentences)
    vectors[4:] = np.nan
    student = word_student(projection=ReLUProjection(3, max_iter=1))
    with pytest.warns(UserWarning, match="116 of 120 documents are not taught"):
        student.fit(sentences, teacher_embeddings=vectors)
    assert nearest_topic(student, tests) == [0, 0, 1, 1, 2, 2]


# What the teacher is asked


def test_teacher_is_asked_for_documents_and_terms(sentences):
    teacher = Asked()
    student = word_student(teacher).fit(sentences)
    assert sorted(teacher.texts) == sorted([*sentences, *student.lexical_.vocabulary_])


def test_teacher_is_asked_for_terms_alone_where_vectors_are_given(sentences):
    teacher = Asked()
    student = word_student(teacher)
    student.fit(sentences, teacher_embeddings=teach(sentences))
    assert sorted(teacher.texts) == sorted(student.lexical_.vocabulary_)
    assert student.n_teacher_documents_ == 120
    reference.assert_same_bits(
        student.transform(sentences), word_student().fit(sentences).transform(sentences)
    )


def test_words_and_pieces_of_the_same_text_are_taught_once(sentences):
    teacher = Asked()
    student = word_student(teacher, lexical=default_lexical_stage())
    student.fit(sentences, teacher_embeddings=teach(sentences))
    assert len(teacher.texts) == len(set(teacher.texts))
    assert {"apple", "motor"} < set(teacher.texts)
    assert not any(" " in text or "#" in text or "_" in text for text in teacher.texts)


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
def test_stages_without_words_have_none_taught(sentences, lexical):
    student = word_student(refuse, lexical=lexical)
    student.fit(sentences, teacher_embeddings=teach(sentences))
    reference.assert_same_bits(
        student.transform(sentences),
        student.set_params(teacher_words=None)
        .fit(sentences, teacher_embeddings=teach(sentences))
        .transform(sentences),
    )


def test_other_stages_keep_their_terms(sentences):
    model, lexical = model_of(UNSEEN), TfidfVectorizer()
    model.encode = teacher = Asked()
    student = word_student(model, lexical=lexical)
    student.fit(sentences, teacher_embeddings=teach(sentences))
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
def test_columns_that_are_no_terms_are_not_taught(sentences, lexical):
    model = model_of(UNSEEN)
    model.encode = refuse
    student = word_student(model, lexical=lexical)
    vectors = student.fit_transform(sentences, teacher_embeddings=teach(sentences))
    assert vectors.shape == (120, 3)


def test_terms_that_are_given_are_taught(sentences):
    teacher, terms = Asked(), ["apple", "motor", "piano", "pear", "zebra"]
    lexical = LexicalVectorizer(vocabulary=terms)
    student = word_student(teacher, lexical=lexical)
    student.fit(sentences, teacher_embeddings=teach(sentences))
    assert sorted(teacher.texts) == sorted(terms)


def test_words_of_a_list_are_taught_before_terms(sentences, monkeypatch):
    monkeypatch.setattr(sklux._teacher.words, "MAX_TERMS", 5)
    teacher = Asked()
    student = word_student(teacher, teacher_words=UNSEEN)
    student.fit(sentences, teacher_embeddings=teach(sentences))
    assert len(teacher.texts) == 5
    assert set(UNSEEN) < set(teacher.texts)


@pytest.mark.parametrize("how", ["many", "zero"])
def test_words_that_nobody_has_taught_say_nothing(sentences, monkeypatch, how):
    """Their weights would be noise."""
    model = model_of(UNSEEN)
    if how == "many":
        monkeypatch.setattr(sklux._teacher.words, "MAX_TERMS", 5)
    else:
        model.encode = lambda texts: (
            teach(texts) * [[text not in UNSEEN] for text in texts]
        )
    projection = ReLUProjection(3, hidden_layer_sizes=(12, 16), max_iter=1)
    student = word_student(model, projection=projection).fit(sentences)
    assert set(UNSEEN) < set(student.lexical_.vocabulary_)
    assert not student.transform(UNSEEN).any()


def test_words_are_taught_before_documents(sentences):
    """A teacher that fails at words does so at once."""
    teacher = Asked()
    student = word_student(teacher).fit(sentences)
    n_terms = len(student.lexical_.vocabulary_)
    assert not set(teacher.texts[:n_terms]) & set(sentences)


def test_no_word_is_taught_without_a_teacher(sentences):
    """Given vectors alone, or told so."""
    given = word_student(None).fit(sentences, teacher_embeddings=teach(sentences))
    told = word_student(refuse, teacher_words=None)
    told.fit(sentences, teacher_embeddings=teach(sentences))
    reference.assert_same_bits(given.transform(sentences), told.transform(sentences))


def test_terms_of_documents_in_files(sentences, tmp_path):
    paths = []
    for number, text in enumerate(sentences):
        paths.append(str(tmp_path / str(number)))
        (tmp_path / str(number)).write_text(text)
    teacher = Asked()
    student = word_student(teacher, lexical=LexicalVectorizer(input="filename"))
    student.fit(paths, teacher_embeddings=teach(sentences))
    assert sorted(teacher.texts) == sorted(student.lexical_.vocabulary_)


def test_model_file_holds_the_words(sentences, tmp_path):
    student = word_student(teacher_words=UNSEEN).fit(sentences)
    student.save(tmp_path / "model")
    loaded = LuxicalVectorizer.load(tmp_path / "model")
    assert loaded.teacher is None
    for other in (loaded, pickle.loads(pickle.dumps(student))):
        reference.assert_same_bits(other.transform(UNSEEN), student.transform(UNSEEN))


# Terms that no document has


@pytest.mark.parametrize(
    "stage", [LexicalVectorizer(dtype=np.float32), default_lexical_stage()]
)
def test_added_words_change_nothing_for_the_documents(sentences, stage):
    before = stage.fit_transform(sentences)
    idf = stage.idf_
    new = stage._add_words(["zebra", "apple", *UNSEEN, "zebra"], sentences)
    assert new == ["zebra", *UNSEEN]
    after = stage.transform(sentences)
    names = stage.get_feature_names_out()[before.shape[1] :]
    assert [name.removeprefix("word__") for name in names] == ["zebra", *UNSEEN]
    reference.assert_same_bits(after[:, : before.shape[1]].toarray(), before.toarray())
    assert after[:, before.shape[1] :].nnz == 0
    assert stage.transform(["zebra"])[0, before.shape[1]] > 0
    np.testing.assert_array_equal(stage.idf_[: len(idf)], idf)
    np.testing.assert_allclose(stage.idf_[len(idf) :], np.log(121 / 2) + 1, rtol=1e-6)
    assert stage.idf_.dtype == idf.dtype


def test_added_words_are_analyzed(sentences):
    """In their own form, and whole."""
    stage = LexicalVectorizer(stop_words=["zoo"], ngram_range=(1, 2)).fit(sentences)
    words = ["Zebra", "zoo", "two words", "x", "X-ray", "yak", "\u0130stanbul"]
    assert stage._add_words(words, sentences) == ["zebra", "yak"]
    stage = LexicalVectorizer(lowercase=False, strip_accents="unicode").fit(sentences)
    assert stage._add_words(["Zebra", "na\u00efve"], sentences) == ["Zebra", "naive"]


@pytest.mark.parametrize("stage", [LexicalVectorizer, default_lexical_stage])
@pytest.mark.parametrize("bound", [{"max_df": 0.3}, {"min_df": 2}, {"max_df": 1}])
def test_words_that_documents_have_stay_out(sentences, stage, bound):
    """Those that min_df and max_df leave out of the terms."""
    documents = [*(f"the {text}" for text in sentences), "mango"]
    stage = stage().set_params(max_df=1.0, min_df=1).set_params(**bound)
    before = stage.fit_transform(documents)
    new = stage._add_words(["the", "harp", "mango", "lorry"], documents)
    assert new == ["harp", "lorry"]
    assert stage.transform(documents).nnz == before.nnz


@pytest.mark.parametrize("n_free", [0, 2])
def test_added_words_have_the_room_that_max_features_leaves(sentences, n_free):
    n_terms = len(LexicalVectorizer().fit(sentences).vocabulary_)
    stage = LexicalVectorizer(max_features=n_terms + n_free).fit(sentences)
    assert stage._add_words(UNSEEN, sentences) == UNSEEN[:n_free]
    assert list(stage.vocabulary_)[n_terms:] == UNSEEN[:n_free]


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
def test_stages_that_take_no_words(sentences, lexical):
    """Those of the tokenizer are not needed; those of a list are."""
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
def test_words_of_a_list_that_are_no_terms(sentences, lexical, words, message):
    student = word_student(lexical=lexical, teacher_words=words)
    with pytest.warns(UserWarning, match=message) as caught:
        student.fit(sentences)
    assert caught[0].filename == __file__


def test_added_words_without_idf(sentences):
    stage = LexicalVectorizer(use_idf=False).fit(sentences)
    stage._add_words(UNSEEN, sentences)
    assert stage.transform(UNSEEN).sum() == 3


# Which terms, and as what text


def test_terms_are_words_and_pieces_without_their_marks():
    terms = ["word__pear", "subword__##ing", "word__a pear", "subword__!", "word____x"]
    terms += ["subword__[UNK]", "subword__<s>", "subword__##"]
    features, texts = choose_terms(
        {term: number for number, term in enumerate(terms)}, np.ones(8), PART_PREFIXES
    )
    assert features.tolist() == [0, 1, 3, 4]
    assert texts == ["pear", "ing", "!", "__x"]


def test_terms_of_other_tokenizers_and_analyzers():
    vocabulary = {"▁pear": 3, "Ġplum": 1, "##": 2, ("a", "pair"): 0, "word__x": 4}
    features, texts = choose_terms(vocabulary, np.ones(5))
    assert features.tolist() == [1, 3, 4]
    assert texts == ["plum", "pear", "word__x"]


def test_most_frequent_terms_are_taught(monkeypatch):
    monkeypatch.setattr(sklux._teacher.words, "MAX_TERMS", 3)
    vocabulary = {term: number for number, term in enumerate("abcdef")}
    features, texts = choose_terms(vocabulary, np.array([1, 5, 1, 0, 7, 1]))
    assert features.tolist() == [0, 1, 4]
    assert texts == ["a", "b", "e"]


# The formulas


def some_terms(n_features=60, n_components=16):
    rng = np.random.RandomState(1)
    features = np.sort(rng.permutation(n_features)[:40])
    return term_vectors(features, rng.standard_normal((40, n_components)))


def test_taught_terms_are_unit_rows_less_their_mean():
    vectors = np.array([[3, 0], [0, 0], [0, 0.5]], dtype=np.float32)
    terms = term_vectors(np.array([2, 5, 7]), vectors)
    assert terms.features.tolist() == [2, 7]
    np.testing.assert_allclose(terms.vectors, [[0.5, -0.5], [-0.5, 0.5]])
    assert terms.vectors.dtype == np.float32


@pytest.mark.parametrize("n_terms", [0, 1, 2])
def test_terms_that_say_nothing(n_terms):
    """None, one (its mean is itself), or two that are the same."""
    X = sparse.identity(4, dtype=np.float32, format="csr")
    terms = term_vectors(np.arange(n_terms), np.ones((n_terms, 3), dtype=np.float32))
    said, scale = term_sums(X, terms)
    assert scale == 0
    assert not said.any()
    targets = np.eye(4, dtype=np.float32)
    reference.assert_same_bits(
        linear_weights(X, targets, terms), linear_weights(X, targets, None)
    )


def said_by_the_formula(X, terms):
    said = X.toarray().astype(np.float64)[:, terms.features] @ terms.vectors
    return said * np.sqrt(WEIGHT / np.square(said).sum(axis=1).mean())


def test_said_of_equals_the_formula():
    X, terms = normalize(reference.topic_documents(50)[0]), some_terms()
    said, scale = term_sums(X, terms)
    assert said.dtype == np.float32
    np.testing.assert_allclose(said, said_by_the_formula(X, terms), atol=1e-5)
    rows = X.toarray()[:, terms.features] @ (scale * terms.vectors)
    np.testing.assert_allclose(said, rows, atol=1e-5)


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(_ridge, "TOLERANCE", 1e-6)
    monkeypatch.setattr(_ridge, "MAX_STEPS", 500)
    monkeypatch.setattr("sklux._student.initialization.RIDGE_STEPS", 500)


def test_linear_weights_are_a_regression_on_what_terms_say_too(exact):
    X, targets = reference.topic_documents(120)
    X, targets, terms = normalize(X), targets - targets.mean(axis=0), some_terms()
    found = linear_weights(X, targets.astype(np.float32), terms)
    assert found.dtype == np.float32
    both = np.hstack([X.toarray(), said_by_the_formula(X, terms)])
    model = Ridge(RIDGE_ALPHA, fit_intercept=False).fit(both, targets)
    np.testing.assert_allclose(X @ found, model.predict(both), atol=1e-4)


def test_guesses_with_terms_equal_the_formula(exact):
    X, teacher = reference.topic_documents(120)
    X, terms = normalize(X), some_terms()
    is_embedded = np.arange(120) % 2 == 0
    latent = np.zeros((120, 0), dtype=np.float32)
    found = impute_vectors(X, latent, teacher, is_embedded, terms)

    mean = teacher[is_embedded].mean(axis=0, dtype=np.float64)
    rows = np.hstack([X.toarray(), said_by_the_formula(X, terms)])
    model = Ridge(_untaught.ALPHA, fit_intercept=False)
    deviations = model.fit(rows[is_embedded], teacher[is_embedded] - mean).predict(rows)
    deviations = reference.unit_rows(deviations) * np.sqrt(1 - mean @ mean)
    expected = reference.unit_rows(mean + deviations)
    np.testing.assert_allclose(found[~is_embedded], expected[~is_embedded], atol=1e-4)
    reference.assert_same_bits(found[is_embedded], teacher[is_embedded])


def test_terms_may_be_named_tuples_of_any_columns():
    """Columns that no document has say nothing of any."""
    X = sparse.csr_matrix(np.eye(3, 6, dtype=np.float32))
    terms = TermVectors(np.array([4, 5]), np.ones((2, 2), dtype=np.float32))
    assert not term_sums(X, terms)[0].any()


# The words of a tokenizer


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
    monkeypatch.setattr(sklux._teacher.words, "MAX_TOKENIZER_WORDS", 2)
    assert tokenizer_words(model_of(["bb", "cc", "aa"])) == ["bb", "cc"]


class NotImplementedTokenizer:
    @property
    def tokenizer(self):
        raise NotImplementedError


@pytest.mark.parametrize(
    "model",
    [
        teach,
        SimpleNamespace(tokenizer=str.split),
        SimpleNamespace(tokenizer=SimpleNamespace(get_vocab=lambda: ["pear"])),
        SimpleNamespace(tokenizer=SimpleNamespace(get_vocab=lambda: {b"pear": 0})),
        NotImplementedTokenizer(),
    ],
)
def test_teachers_without_a_list_of_words(model):
    assert tokenizer_words(model) is None
    assert words_of_teacher(model) == []


def test_named_model_is_loaded_once_for_its_words(monkeypatch):
    """A search asks at each fit."""
    loaded = []

    def load(name, device):
        loaded.append((name, device))
        return model_of(["pear", "plum"])

    monkeypatch.setattr(sklux._teacher.models, "load_sentence_transformer", load)
    name = "a model of words"
    for teacher in (name, CachedTeacher(name), CachedTeacher(name, device="cpu")) * 2:
        assert words_of_teacher(teacher) == ["pear", "plum"]
    assert loaded == [(name, None), (name, "cpu")]


@pytest.mark.parametrize(
    "lexical",
    [TfidfVectorizer(), LexicalVectorizer(analyzer="subword"), HashingVectorizer()],
)
def test_words_that_would_not_be_used_are_not_asked_for(sentences, lexical):
    class Model:
        encode = staticmethod(teach)

        @property
        def tokenizer(self):
            pytest.fail("asked for its words")

    word_student(Model(), lexical=lexical).fit(sentences)


# Bad input


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
def test_bad_words(sentences, words, message):
    with pytest.raises(ValueError, match=message):
        word_student(teacher_words=words).fit(sentences)


def test_words_are_taken_once():
    assert check_words(["b", "a", "b"]) == ["b", "a"]
    assert check_words({"b", "c", "a"}) == ["a", "b", "c"]


def test_words_need_a_teacher(sentences):
    student = word_student(None, teacher_words=UNSEEN)
    with pytest.raises(ValueError, match="teacher_words needs a teacher that teaches"):
        student.fit(sentences, teacher_embeddings=teach(sentences))


def test_words_of_another_teacher(sentences):
    wide = np.hstack([teach(sentences), teach(sentences)])
    with pytest.raises(ValueError, match="width 3, but teacher_embeddings has 6"):
        word_student().fit(sentences, teacher_embeddings=wide)


def test_terms_that_the_teacher_knows_nothing_of(sentences):
    """Zero rows, as a teacher gives that counts words."""

    def teacher(texts):
        vectors = teach(texts)
        vectors[[text in ("apple", "motor") for text in texts]] = 0
        return vectors

    student = word_student(teacher).fit(sentences)
    assert np.isfinite(student.transform(sentences)).all()


def test_terms_that_the_teacher_fails_at(sentences):
    def teacher(texts):
        vectors = teach(texts)
        vectors[[text in ("motor", "pear") for text in texts]] = np.nan
        return vectors

    message = "While teaching words: .*NaN.* teacher_words=None teaches documents alone"
    with pytest.raises(ValueError, match=message):
        word_student(teacher).fit(sentences)


def test_terms_that_the_teacher_does_not_know(sentences):
    table = dict(zip(sentences, teach(sentences)))
    student = word_student(lambda texts: np.array([table[text] for text in texts]))
    with pytest.raises(KeyError) as caught:
        student.fit(sentences)
    assert "teacher_words=None" in caught.value.__notes__[0]
    student.set_params(teacher_words=None).fit(sentences)
