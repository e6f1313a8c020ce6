"""The parameter teacher_halves: halves of documents that the teacher embeds too."""

import numpy as np
import pytest
import reference
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV

import sklux._vectorizer
from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._utils.documents import split_halves

pytest.importorskip("torch")

N_TOPICS, N_WORDS, N_READ = 3, 40, 30
TITLE = "teacher embeddings of halves"


def two_topics(n_documents=120, seed=0):
    """Documents of thirty words of one topic, then thirty words of another.

    All words have four characters, so the middle is between the topics.
    """
    rng = np.random.RandomState(seed)
    documents = []
    for _ in range(n_documents):
        topics = rng.choice(N_TOPICS, 2, replace=False)
        chosen = [rng.choice(N_WORDS, N_READ, replace=False) for _ in topics]
        documents.append(
            " ".join(
                f"{'abc'[topic]}{word:03}"
                for topic, words in zip(topics, chosen)
                for word in words
            )
        )
    return documents


class Beginnings:
    """A teacher that reads the first thirty words; it records the texts."""

    def __init__(self):
        self.texts = []

    def __call__(self, texts):
        self.texts.extend(texts)
        vectors = np.full((len(texts), N_TOPICS + 1), 0.05)
        for row, text in zip(vectors, texts):
            for word in text.split()[:N_READ]:
                row["abc".index(word[0])] += 1
                row[N_TOPICS] += int(word[1:]) / N_WORDS
        return vectors


def half_student(teacher=None, **params):
    settings = {
        "teacher_words": None,
        "teacher_halves": True,
        "lexical": LexicalVectorizer(),
        "projection": ReLUProjection(4, max_iter=4, learning_rate_init=0.01),
        "random_state": 0,
    }
    return LuxicalVectorizer(teacher or Beginnings(), **(settings | params))


def assert_same_model(first, second):
    for one, other in zip(first.projection_.coefs_, second.projection_.coefs_):
        reference.assert_same_bits(one, other)


@pytest.fixture(scope="module")
def documents():
    return two_topics()


@pytest.fixture
def recorded(monkeypatch):
    """Arguments of the training of each fit."""
    calls = []
    fit_projection = sklux._vectorizer.fit_projection

    def record(projection, X, teacher, views, *rest, **options):
        calls.append({"X": X, "views": views, **options})
        fit_projection(projection, X, teacher, views, *rest, **options)

    monkeypatch.setattr(sklux._vectorizer, "fit_projection", record)
    return calls


def test_teacher_halves_are_not_embedded_by_default(documents, recorded):
    teacher = Beginnings()
    half_student(teacher, teacher_halves=False).fit(documents)
    assert sorted(teacher.texts) == sorted(documents)
    assert LuxicalVectorizer().teacher_halves is False
    assert recorded[0]["view_teacher"] is None


@pytest.mark.parametrize("is_given", [False, True])
def test_teacher_halves_are_embedded_in_addition_to_documents(documents, is_given):
    """Also if the embeddings of the documents are given."""
    teacher = Beginnings()
    given = {"teacher_embeddings": Beginnings()(documents)} if is_given else {}
    half_student(teacher).fit(documents, **given)
    first, second = split_halves(documents)
    asked = [*first, *second] + [] if is_given else [*documents, *first, *second]
    assert sorted(teacher.texts) == sorted(asked)


def test_teacher_halves_are_targets_of_the_views(documents, recorded):
    half_student().fit(documents)
    first, second = split_halves(documents)
    (call,) = recorded
    expected = reference.unit_rows(Beginnings()([*first, *second]))
    found = call["view_teacher"].unit(np.arange(2 * len(documents)))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert call["views"].shape[0] == len(found)


def test_teacher_halves_are_learnt(documents):
    """The teacher reads only the first half of a document, but each half by itself."""
    cosines = {}
    _, second = split_halves(two_topics(60, seed=1))
    expected = reference.unit_rows(Beginnings()(second))
    for halves in (False, True):
        student = half_student(teacher_halves=halves).fit(documents)
        mapped = student.project_teacher(expected)
        cosines[halves] = (student.transform(second) * mapped).sum(axis=1).mean()
    assert cosines[True] > cosines[False] + 0.08


def test_teacher_halves_of_short_documents_are_not_embedded(documents, recorded):
    """Both halves need twenty terms; a word is one, also if it occurs often."""
    teacher = Beginnings()
    short = [" ".join(text.split()[:38]) for text in documents[:3]]
    repeated = [
        " ".join([*text.split()[:21], *["c001"] * 21]) for text in documents[:3]
    ]
    half_student(teacher).fit([*documents[3:], *short, *repeated])
    first, second = split_halves(documents[3:])
    asked = [*documents[3:], *short, *repeated, *first, *second]
    assert sorted(teacher.texts) == sorted(asked)
    is_embedded = recorded[0]["view_teacher"].is_embedded.reshape(2, -1)
    assert is_embedded[:, :-6].all() and not is_embedded[:, -6:].any()


def test_teacher_halves_if_all_documents_are_short(documents):
    """Nothing is embedded, and there is no error."""
    teacher = Beginnings()
    short = [" ".join(text.split()[:30]) for text in documents]
    student = half_student(teacher).fit(short)
    assert sorted(teacher.texts) == sorted(short)
    assert_same_model(student, half_student(teacher_halves=False).fit(short))


def test_teacher_halves_of_documents_with_a_teacher_embedding(documents, recorded):
    teacher = Beginnings()
    half_student(teacher, teacher_sample_size=50).fit(documents)
    sample = teacher.texts[:50]
    assert len(teacher.texts) == 150
    first, second = split_halves(sample)
    assert sorted(teacher.texts[50:]) == sorted([*first, *second])
    is_embedded = recorded[0]["view_teacher"].is_embedded
    is_sampled = np.isin(documents, sample)
    np.testing.assert_array_equal(is_embedded, np.tile(is_sampled, 2))


def test_teacher_halves_of_given_embeddings_with_missing_rows(documents):
    teacher, vectors = Beginnings(), Beginnings()(documents)
    vectors[40:] = np.nan
    with pytest.warns(UserWarning, match="80 of 120 documents have no teacher"):
        half_student(teacher).fit(documents, teacher_embeddings=vectors)
    assert len(teacher.texts) == 80


def test_teacher_halves_of_copies_are_embedded_once(documents, recorded):
    teacher = Beginnings()
    half_student(teacher).fit([*documents, *documents[:20]])
    assert len(teacher.texts) == len(set(teacher.texts)) == 3 * len(documents)
    unit = recorded[0]["view_teacher"].unit
    copies = unit(np.arange(120, 140)), unit(np.arange(260, 280))
    originals = unit(np.arange(20)), unit(np.arange(140, 160))
    np.testing.assert_array_equal(copies, originals)


def test_teacher_halves_are_kept_in_the_cache(documents, tmp_path):
    model = Beginnings()
    teacher = CachedTeacher(model, path=tmp_path, model_id="beginnings")
    first = half_student(teacher).fit(documents)
    assert len(model.texts) == 3 * len(documents)
    assert_same_model(first, half_student(teacher).fit(documents))
    assert len(model.texts) == 3 * len(documents)


@pytest.mark.parametrize(
    "parameters",
    [{"corpus_weight": 0.0}, {"contrastive_weight": 0.0}, {"loss": "similarity_kl"}],
)
def test_teacher_halves_need_no_contrastive_loss(documents, monkeypatch, parameters):
    """That loss is not computed; the halves change the student all the same."""
    from sklux._student import training

    if "loss" not in parameters:
        monkeypatch.setattr(training, "contrastive_loss", never_called)
    settings = {"max_iter": 2, "contrastive_weight": 0.0} | parameters
    students = [
        half_student(
            teacher_halves=halves, projection=ReLUProjection(4, **settings)
        ).fit(documents)
        for halves in (False, True)
    ]
    weights = [student.projection_.coefs_[0] for student in students]
    assert np.abs(weights[0] - weights[1]).max() > 1e-3


def never_called(*arguments):
    raise AssertionError("this was called")


def test_teacher_halves_of_held_out_documents_are_not_trained_on(
    documents, monkeypatch
):
    """Other vectors of these halves give the same student."""
    held_out = {}
    fit_data = sklux._student.projection.FitData

    def record(*arguments, **options):
        held_out["rows"] = (data := fit_data(*arguments, **options)).held_out
        return data

    monkeypatch.setattr("sklux._student.projection.FitData", record)
    documents = two_topics(400)
    expected = half_student().fit(documents)
    rows = held_out["rows"]
    assert len(rows) == 20
    halves = split_halves([documents[i] for i in rows])
    changed = {*halves[0], *halves[1]}

    class Other(Beginnings):
        def __call__(self, texts):
            vectors = super().__call__(texts)
            vectors[[text in changed for text in texts]] = [0, 0, 0, 1]
            return vectors

    assert_same_model(half_student(Other()).fit(documents), expected)
    changed = {*split_halves([documents[i] for i in range(400) if i not in rows])[0]}
    different = half_student(Other()).fit(documents)
    assert (different.projection_.coefs_[0] != expected.projection_.coefs_[0]).any()


@pytest.mark.parametrize(
    "lexical",
    [None, TfidfVectorizer(dtype=np.float32), LexicalVectorizer(analyzer="char")],
    ids=["default", "scikit-learn", "characters"],
)
def test_teacher_halves_with_other_lexical_stages(documents, lexical):
    teacher = Beginnings()
    student = half_student(teacher, lexical=lexical)
    if isinstance(lexical, LexicalVectorizer):
        student.set_params(lexical__ngram_range=(1, 3))
    student.fit(documents)
    assert len(teacher.texts) == 3 * len(documents)
    assert np.isfinite(student.transform(documents)).all()


@pytest.mark.parametrize("n_bad", [1, 240])
def test_teacher_halves_without_vectors_are_left_out(
    documents, tmp_path, recorded, n_bad
):
    """A teacher may return NaN for a half, or for all."""
    first, second = split_halves(documents)
    bad = {*[*first, *second][:n_bad]}

    class Failing(Beginnings):
        def __call__(self, texts):
            vectors = super().__call__(texts)
            vectors[[text in bad for text in texts]] = np.nan
            return vectors

    teacher = CachedTeacher(
        Failing(), path=tmp_path, model_id="failing", invalid_vectors="leave_out"
    )
    with pytest.warns(UserWarning, match=f"for {n_bad} of 240 documents"):
        half_student(teacher).fit(documents)
    is_embedded = recorded[0]["view_teacher"].is_embedded
    assert np.count_nonzero(~is_embedded) == n_bad


def test_teacher_halves_need_a_teacher(documents):
    student = LuxicalVectorizer(
        teacher_halves=True, lexical=TfidfVectorizer(analyzer=never_called)
    )
    message = (
        "teacher_halves=True needs a teacher.*teacher is None.*teacher_halves=False"
    )
    with pytest.raises(ValueError, match=message):
        student.fit(documents, teacher_embeddings=Beginnings()(documents))


def test_teacher_halves_need_texts(documents, tmp_path):
    """The error comes before any work."""
    names = [str(tmp_path / f"{i}.txt") for i in range(5)]
    lexical = TfidfVectorizer(input="filename", analyzer=never_called)
    student = half_student(never_called, lexical=lexical)
    message = "teacher_halves=True needs .*input='filename'.*set teacher_halves=False"
    with pytest.raises(ValueError, match=message):
        student.fit(names)


@pytest.mark.parametrize("value", [None, "auto", 1.5])
def test_teacher_halves_is_a_bool(documents, value):
    with pytest.raises(ValueError, match="'teacher_halves' parameter"):
        half_student(teacher_halves=value).fit(documents)


def test_teacher_halves_of_another_teacher(documents):
    wide = np.random.RandomState(0).standard_normal((len(documents), 7))
    message = (
        "embeddings of halves have width 4, but .* 7 columns.*teacher_halves=False"
    )
    with pytest.raises(ValueError, match=message):
        half_student().fit(documents, teacher_embeddings=wide)


def test_teacher_halves_that_the_teacher_refuses(documents):
    """The error names the parameter."""
    table = dict(zip(documents, Beginnings()(documents)))
    student = half_student(lambda texts: [table[text] for text in texts])
    with pytest.raises(KeyError) as caught:
        student.fit(documents)
    (note,) = caught.value.__notes__
    assert f"while making {TITLE}" in note and "teacher_halves=False" in note

    def refuse(texts):
        if len(texts[0].split()) < 60:
            raise ValueError("too short")
        return Beginnings()(texts)

    with pytest.raises(ValueError, match=f"{TITLE}: too short. .*teacher_halves=False"):
        half_student(refuse).fit(documents)


def test_teacher_halves_of_a_refit_and_a_clone(documents):
    student = half_student().fit(documents)
    again = clone(student)
    assert again.teacher_halves is True
    assert_same_model(again.fit(documents), student)
    assert_same_model(
        student.set_params(teacher_halves=False).fit(documents),
        half_student(teacher_halves=False).fit(documents),
    )


@pytest.mark.parametrize("halves", [False, True])
def test_teacher_halves_in_a_model_file(documents, tmp_path, halves):
    student = half_student(teacher_halves=halves).fit(documents)
    student.save(tmp_path / "model.sklux")
    loaded = LuxicalVectorizer.load(tmp_path / "model.sklux")
    assert loaded.teacher_halves is halves
    reference.assert_same_bits(
        loaded.transform(documents), student.transform(documents)
    )


def test_teacher_halves_in_a_grid_search(documents):
    search = GridSearchCV(half_student(), {"teacher_halves": [False, True]}, cv=2)
    search.fit(documents)
    assert set(search.cv_results_["param_teacher_halves"]) == {False, True}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_teacher_halves_are_counted_before_the_fit(documents, monkeypatch):
    """The estimate of the memory has them."""
    sizes = []
    monkeypatch.setattr(
        sklux._vectorizer, "warn_of_memory", lambda size, **_: sizes.append(size)
    )
    for halves in (False, True):
        half_student(teacher_halves=halves, teacher_sample_size=50).fit(documents)
    assert [size.n_embedded_views for size in sizes] == [0, 100]


def test_teacher_halves_show_progress(documents, capsys):
    half_student(verbose=True).fit(documents)
    assert f"{TITLE}: begins, 240 documents" in capsys.readouterr().err


def test_teacher_halves_have_the_same_bits_if_the_projection_is_fitted_alone(
    documents, monkeypatch
):
    """X_views and y_views are the halves and their embeddings."""
    student = half_student().fit(documents)
    halves = [*split_halves(documents)[0], *split_halves(documents)[1]]
    lexical = LexicalVectorizer().fit(documents)
    projection = clone(student.projection).set_params(random_state=0)
    projection.fit(
        lexical.transform(documents),
        Beginnings()(documents),
        X_views=lexical.transform(halves),
        y_views=Beginnings()(halves),
    )
    for one, other in zip(projection.coefs_, student.projection_.coefs_):
        reference.assert_same_bits(one, other)
