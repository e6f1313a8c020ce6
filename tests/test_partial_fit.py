"""New documents for a fitted vectorizer: it learns from them, and its space stays."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from conftest import TOPICS
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._student.projection import adopt_student, student_of
from sklux.datasets import DocumentStream

pytest.importorskip("torch")
NEW_TOPIC = "wolf bear fox deer otter beaver lynx hare"


def make_news(n_documents=120, seed=7):
    """Documents of a topic that the corpus lacks, with a word of the corpus each."""
    rng = np.random.RandomState(seed)
    known = " ".join(TOPICS.values()).split()
    words = NEW_TOPIC.split()
    return [
        " ".join([*rng.choice(words, size=8), rng.choice(known)])
        for _ in range(n_documents)
    ]


@pytest.fixture(scope="module")
def news():
    return make_news()


@pytest.fixture(scope="module")
def teacher(documents, news):
    """A teacher that knows both kinds of documents."""
    svd = TruncatedSVD(8, random_state=0)
    return make_pipeline(TfidfVectorizer(), svd).fit(documents + news)


def make_vectorizer(teacher, **parameters):
    projection = ReLUProjection(n_components=8, max_iter=4)
    return LuxicalVectorizer(
        teacher, projection=projection, random_state=0, **parameters
    )


@pytest.fixture(scope="module")
def fitted(teacher, documents):
    return make_vectorizer(teacher).fit(documents)


@pytest.fixture
def model(fitted):
    """A fitted vectorizer that a test may change."""
    return pickle.loads(pickle.dumps(fitted))


def test_partial_fit_learns_new_documents(model, fitted, documents, news, teacher):
    model.partial_fit(news, past_documents=documents)
    unseen = make_news(100, seed=9)
    assert model.score(unseen) > fitted.score(unseen)
    wanted = model.project_teacher(teacher.transform(unseen))
    before, after = (
        (m.transform(unseen) * wanted).sum(axis=1).mean() for m in (fitted, model)
    )
    assert after > before + 0.1
    assert model.n_samples_seen_ == 240
    assert model.n_teacher_documents_ == 240
    assert model.teacher_id_ == fitted.teacher_id_


class Listener:
    """A teacher that notes what it embeds."""

    def __init__(self, teacher):
        self.teacher, self.texts = teacher, []

    def encode(self, texts):
        self.texts += texts
        return self.teacher.transform(texts)


@pytest.mark.parametrize("given", [False, True])
def test_teacher_embeds_words_of_the_new_documents(
    documents, news, teacher, given, tmp_path
):
    listener = Listener(teacher)
    cached = CachedTeacher(listener, model_id="listener", path=tmp_path)
    model = make_vectorizer(cached).fit(documents)
    listener.texts.clear()
    vectors = teacher.transform(news) if given else None
    model.partial_fit(news, teacher_embeddings=vectors)
    assert {*NEW_TOPIC.split()} <= {*listener.texts}
    # Words of the fit are in the cache, and words of other documents are not embedded.
    expected = {*" ".join(news).split()} | (set() if given else {*news})
    assert {*listener.texts} <= expected


def test_without_teacher_words_the_teacher_embeds_documents_alone(
    documents, news, teacher, tmp_path
):
    listener = Listener(teacher)
    cached = CachedTeacher(listener, model_id="listener", path=tmp_path)
    model = make_vectorizer(cached, teacher_words=None).fit(documents)
    listener.texts.clear()
    model.partial_fit(news)
    assert {*listener.texts} == {*news}


def test_words_help_with_terms_of_few_new_documents(fitted, model, news, teacher):
    """A new word that occurs in two documents gets a vector from similar words."""
    without = pickle.loads(pickle.dumps(fitted)).set_params(teacher_words=None)
    some = news[:12]
    unseen = make_news(100, seed=9)
    scores = [m.partial_fit(some).score(unseen) for m in (model, without)]
    assert scores[0] > scores[1]


def test_vectors_of_before_and_after_can_be_compared(
    model, fitted, documents, news, teacher
):
    model.partial_fit(news, past_documents=documents)
    cosines = (model.transform(documents) * fitted.transform(documents)).sum(axis=1)
    assert cosines.mean() > 0.95
    drift = model.drift_
    assert drift.is_past
    assert drift.n_documents == 120
    assert drift.mean_cosine == pytest.approx(cosines.mean(), abs=1e-5)
    assert 0.5 < drift.neighbors_kept <= 1
    assert str(drift) == (
        "Before and after: 120 past documents\n"
        f"mean cosine {drift.mean_cosine:.3f}, "
        f"{100 * drift.neighbors_kept:.1f} % of the 10 nearest kept"
    )
    vectors = teacher.transform(documents)
    assert (model.project_teacher(vectors) == fitted.project_teacher(vectors)).all()


def test_new_terms_are_the_last_columns(model, fitted, news):
    model.partial_fit(news)
    known = fitted.lexical_.get_feature_names_out().tolist()
    names = model.lexical_.get_feature_names_out().tolist()
    assert names[: len(known)] == known
    assert {f"word__{word}" for word in NEW_TOPIC.split()} <= set(names[len(known) :])
    assert (model.lexical_.idf_[: len(known)] == fitted.lexical_.idf_).all()
    assert "word__wolf" not in fitted.lexical_.vocabulary_
    assert not model.drift_.is_past


@pytest.mark.parametrize("max_new_terms", [0, 3])
def test_max_new_terms(model, fitted, news, max_new_terms):
    model.set_params(max_new_terms=max_new_terms).partial_fit(news)
    added = len(model.lexical_.vocabulary_) - len(fitted.lexical_.vocabulary_)
    assert added == max_new_terms


def test_first_partial_fit_is_a_fit(fitted, teacher, documents):
    model = make_vectorizer(teacher).partial_fit(documents)
    assert (model.transform(documents) == fitted.transform(documents)).all()
    assert model.drift_ is None


def test_partial_fit_of_a_loaded_model_has_the_same_bits(
    model, fitted, documents, news, teacher, tmp_path
):
    fitted.save(tmp_path / "model.sklux")
    vectors = teacher.transform(news)
    # A loaded model has no teacher, which would embed the words of the news.
    model.set_params(teacher=None).partial_fit(news, teacher_embeddings=vectors)
    for options in ({}, {"mmap_mode": "r", "verify": False}):
        loaded = LuxicalVectorizer.load(tmp_path / "model.sklux", **options)
        assert loaded.drift_ is None
        assert loaded.n_samples_seen_ == 120
        loaded.partial_fit(news, teacher_embeddings=vectors)
        assert (loaded.transform(documents) == model.transform(documents)).all()
    loaded.save(tmp_path / "updated.sklux")
    again = LuxicalVectorizer.load(tmp_path / "updated.sklux")
    assert (again.transform(news) == model.transform(news)).all()
    assert again.n_samples_seen_ == 240


def test_several_updates_go_on_from_each_other(model, fitted, news):
    for part in (news[:60], news[60:]):
        model.partial_fit(part)
    assert model.n_samples_seen_ == 240
    assert model.score(make_news(100, 9)) > fitted.score(make_news(100, 9))


def test_quantized_and_truncated_models_are_updated(fitted, news):
    for changed in (fitted.quantize("float32"), fitted.truncate(5)):
        before = changed.transform(news)
        after = changed.partial_fit(news).transform(news)
        assert after.shape == before.shape
        assert (after != before).any()
    assert changed.projection_.coefs_[0].shape[1] == 8


def test_clone_is_not_fitted(model, news):
    model.partial_fit(news)
    assert not hasattr(clone(model), "lexical_")


@pytest.mark.parametrize(
    "lexical",
    [
        TfidfVectorizer(),
        LexicalVectorizer(),
        LexicalVectorizer(tokenizer=str.split, token_pattern=None),
        LexicalVectorizer(vocabulary=" ".join(TOPICS.values()).split()),
        LexicalVectorizer(analyzer="subword", ngram_range=(1, 2)),
        make_pipeline(TfidfVectorizer()),
    ],
)
def test_partial_fit_of_other_lexical_stages(lexical, teacher, documents, news):
    model = make_vectorizer(teacher, lexical=lexical, teacher_words=None)
    model.fit(documents)
    wanted = model.project_teacher(teacher.transform(news))
    before = (model.transform(news) * wanted).sum()
    model.partial_fit(news)
    after = (model.transform(news) * wanted).sum()
    assert after > before


def test_documents_without_teacher_embedding(model, news, teacher):
    vectors = teacher.transform(news)
    vectors[::2] = np.nan
    model.partial_fit(news, teacher_embeddings=vectors)
    assert model.n_teacher_documents_ == 120 + 60
    assert model.n_samples_seen_ == 240


def test_teacher_sample_size_limits_the_new_documents(model, news):
    model.set_params(teacher_sample_size=30).partial_fit(news)
    assert model.n_teacher_documents_ == 120 + 30


def test_another_teacher_is_refused(documents, news, teacher, tmp_path):
    names = [
        CachedTeacher(teacher, model_id=name, path=tmp_path) for name in ("one", "two")
    ]
    model = make_vectorizer(names[0]).fit(documents)
    with pytest.raises(ValueError, match="The teacher is 'two'.* of fit was 'one'"):
        model.set_params(teacher=names[1]).partial_fit(news)


def test_other_width_is_refused(model, news):
    embeddings = np.random.RandomState(0).standard_normal((len(news), 5))
    with pytest.raises(ValueError, match="5 columns, but the embeddings of fit had 8"):
        model.partial_fit(news, teacher_embeddings=embeddings)


def test_models_that_cannot_be_updated(model, news):
    student = replace(student_of(model.projection_), squares=None)
    adopt_student(model.projection_, student)
    with pytest.raises(ValueError, match="partial_fit cannot update this model"):
        model.partial_fit(news)


def test_bad_input(model, fitted, news, teacher, documents):
    with pytest.raises(ValueError, match="argument of partial_fit, is ignored"):
        model.partial_fit(news, teacher.transform(news))
    with pytest.raises(ValueError, match="1 document"):
        model.partial_fit(news[:1])
    with pytest.raises(ValueError, match="no teacher to learn from"):
        model.set_params(teacher=None).partial_fit(news)
    with pytest.raises(ValueError, match="past_documents are documents of earlier"):
        make_vectorizer(teacher).partial_fit(news, past_documents=documents)
    with pytest.raises(ValueError, match="max_new_terms"):
        clone(fitted).set_params(max_new_terms=-1).fit(documents)


def test_streams(model, teacher, documents):
    stream = DocumentStream(lambda: iter(documents), sample_size=60)
    with pytest.raises(ValueError, match="raw_documents is a DocumentStream"):
        model.partial_fit(stream)
    streamed = make_vectorizer(teacher).fit(stream)
    assert streamed.n_samples_seen_ == 120
    whole = make_vectorizer(teacher).fit(documents)
    counts = [student_of(m.projection_).squares.sum() for m in (streamed, whole)]
    assert counts[0] == pytest.approx(counts[1], rel=0.05)


def test_failed_partial_fit_changes_nothing(model, fitted, news):
    def fail(texts):
        raise RuntimeError("the teacher fails")

    model.set_params(teacher=fail)
    state = dict(vars(model))
    with pytest.raises(RuntimeError, match="the teacher fails"):
        model.partial_fit(news)
    assert vars(model) == state
    assert (model.transform(news) == fitted.transform(news)).all()


def test_reports_of_few_documents(model, news):
    model.partial_fit(news, past_documents=["?", "an apple pear"])
    assert model.drift_.mean_cosine is None
    assert str(model.drift_).endswith("past document, too few to compare.")


def test_partial_fit_does_not_follow_the_number_of_threads(fitted, news, teacher):
    vectors = []
    for n_jobs in (1, 2):
        model = pickle.loads(pickle.dumps(fitted)).set_params(n_jobs=n_jobs)
        vectors.append(model.partial_fit(news).transform(news))
    assert (vectors[0] == vectors[1]).all()
