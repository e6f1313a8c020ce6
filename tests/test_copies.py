"""Copies of a text: they are on one side of every split, and compared only once."""

import numpy as np
import pytest

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection, _vectorizer
from sklux._student import projection as projection_module
from sklux._student.held_out import split_held_out
from sklux._utils.documents import copy_groups

pytest.importorskip("torch")


def random_texts(n_documents, seed=0, n_words=12):
    """Texts of random words; the topic of a text is its first word."""
    rng = np.random.RandomState(seed)
    words = np.array([f"word{i}" for i in range(2000)])
    topics = rng.randint(10, size=n_documents)
    drawn = words[rng.randint(len(words), size=(n_documents, n_words))]
    texts = [f"topic{topic} " + " ".join(row) for topic, row in zip(topics, drawn)]
    return texts, topics


def student(**params):
    """A student with enough weights to learn its documents by heart."""
    return LuxicalVectorizer(
        lexical=LexicalVectorizer(**params),
        projection=ReLUProjection(
            8, hidden_layer_sizes=(16,), max_iter=2, corpus_weight=0
        ),
        random_state=0,
    )


def in_other_forms(text, number):
    """A copy of a text: the text itself, or with other white space and case."""
    return (text, f"  {text}\n", text.upper(), text.title().replace(" ", "\t"))[number]


def is_near_chance(report):
    """Within 5 standard errors; the standard error of a share of n k neighbours."""
    n, k = report.n_documents, report.n_neighbors
    chance = k / (n - 1)
    error = np.sqrt(chance * (1 - chance) / (n * k))
    return abs(report.neighbor_recall - chance) < 5 * error and (
        abs(report.similarity_correlation) < 0.25
    )


@pytest.mark.filterwarnings("ignore:The student")
@pytest.mark.parametrize(
    "lexical", [{}, {"lowercase": False, "token_pattern": r"\S+\s?"}]
)
def test_copies_do_not_help_a_student_of_noise(lexical):
    """A stage that reads case and white space has different rows for copies."""
    texts, _ = random_texts(600)
    noise = np.random.RandomState(1).standard_normal((600, 16))
    documents = [in_other_forms(text, i) for i in range(4) for text in texts]
    model = student(**lexical).fit(documents, teacher_embeddings=np.tile(noise, (4, 1)))
    assert model.report_.held_out
    assert model.report_.n_documents == 30
    assert is_near_chance(model.report_)


def test_copies_give_about_the_report_of_different_texts():
    """The noise of a vector cannot be learnt from other texts."""
    texts, topics = random_texts(600)
    rng = np.random.RandomState(1)
    vectors = np.eye(10)[topics] + 0.2 * rng.standard_normal((600, 10))
    once = student().fit(texts, teacher_embeddings=vectors).report_
    twice = student().fit(texts * 2, teacher_embeddings=np.tile(vectors, (2, 1)))
    assert twice.report_.n_documents == once.n_documents == 30
    assert 0.4 < once.neighbor_recall < 0.8
    assert abs(twice.report_.neighbor_recall - once.neighbor_recall) < 0.1


@pytest.mark.filterwarnings("ignore:The student")
def test_copies_of_rows_do_not_help_a_projection():
    """Rows without a text, as an array; rows of zeros are not copies."""
    rng = np.random.RandomState(0)
    X = rng.random_sample((600, 300)) * (rng.random_sample((600, 300)) < 0.05)
    noise = rng.standard_normal((600, 16))
    projection = ReLUProjection(8, hidden_layer_sizes=(16,), max_iter=2, random_state=0)
    projection.fit(np.tile(X, (4, 1)), np.tile(noise, (4, 1)))
    assert projection.report_.n_documents == 30
    assert is_near_chance(projection.report_)


@pytest.mark.filterwarnings("ignore:The student")
def test_copies_include_texts_with_the_same_words(monkeypatch):
    """Their rows are equal, although the texts differ."""
    texts, _ = random_texts(500)
    documents = texts + [" ".join(reversed(text.split())) for text in texts]
    seen = []

    def split(is_embedded, groups, *options):
        seen.append(groups)
        return split_held_out(is_embedded, groups, *options)

    monkeypatch.setattr(projection_module, "split_held_out", split)
    vectors = np.random.RandomState(0).standard_normal((1000, 16))
    student().fit(documents, teacher_embeddings=vectors)
    (groups,) = seen
    np.testing.assert_array_equal(groups[:500], groups[500:])
    assert len(set(groups)) == 500


def test_copies_are_on_one_side_of_early_stopping():
    """Nothing of a held-out text is among the documents to train on."""
    texts, _ = random_texts(400, n_words=3)
    documents = [in_other_forms(text, i) for i in range(4) for text in texts]
    groups = copy_groups(documents)
    train, held_out = split_held_out(
        np.ones(1600, dtype=bool), groups, "auto", 0.1, np.random.RandomState(0)
    )
    assert len(held_out) == len(set(groups[held_out])) == 40
    assert not set(groups[train]) & set(groups[held_out])
    assert len(train) == 1600 - 160


def test_copies_count_once_in_score(fitted, documents, teacher_embeddings):
    expected = fitted.score(documents[:30], teacher_embeddings=teacher_embeddings[:30])
    copies = [in_other_forms(text, i) for i in range(4) for text in documents[:30]]
    vectors = np.tile(teacher_embeddings[:30], (4, 1))
    assert fitted.score(copies, teacher_embeddings=vectors) == expected
    # The first copy with an embedding counts.
    vectors[:60] = np.nan
    assert fitted.score(copies, teacher_embeddings=vectors) == expected


def test_copies_are_too_few_for_score(fitted):
    with pytest.raises(ValueError, match="at least 3 different ones. Got 2."):
        fitted.score(["apple", "pear", "Apple "], teacher_embeddings=np.eye(3))


class Recorder:
    """A teacher without a cache that remembers the texts that it is asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked += texts
        return [[text.count(letter) + 0.1 for letter in "0123456789"] for text in texts]


@pytest.mark.filterwarnings("ignore:The student")
def test_copies_do_not_fill_the_sample_of_the_teacher():
    """3,000 different texts and 1,000 times the same one."""
    texts, _ = random_texts(3000, n_words=4)
    documents = [*texts[:1000], *1000 * ["word1 word2"], *texts[1000:]]
    teacher = Recorder()
    model = student().set_params(
        teacher=teacher, teacher_words=None, teacher_sample_size=500
    )
    model.fit(documents)
    assert len(teacher.asked) == len(set(teacher.asked)) == 500
    n_copies = 999 if "word1 word2" in teacher.asked else 0
    assert model.n_teacher_documents_ == 500 + n_copies


@pytest.mark.filterwarnings("ignore:The student")
@pytest.mark.parametrize("size", [None, 30])
def test_copies_get_the_vector_that_the_teacher_gave_once(size, monkeypatch):
    texts, _ = random_texts(60)
    documents = [
        *texts,
        "word1 word2",
        *texts[:20],
        *50 * ["word1 word2"],
        "word1 word2",
    ]
    given = []
    fit_projection = _vectorizer.fit_projection

    def record(projection, X, embeddings, *rest, **options):
        given.append(embeddings)
        fit_projection(projection, X, embeddings, *rest, **options)

    monkeypatch.setattr(_vectorizer, "fit_projection", record)
    teacher = Recorder()
    student().set_params(
        teacher=teacher, teacher_words=None, teacher_sample_size=size
    ).fit(documents)
    assert len(teacher.asked) == len(set(teacher.asked)) == (size or 61)
    (embeddings,) = given
    expected = np.array(Recorder()(documents), dtype=np.float32)
    chosen = np.array([document in teacher.asked for document in documents])
    np.testing.assert_array_equal(embeddings.is_embedded, chosen)
    places = np.arange(len(documents)) if size is None else embeddings.places
    vectors = embeddings.vectors[places[chosen]]
    np.testing.assert_array_equal(vectors, expected[chosen])


@pytest.mark.filterwarnings("ignore:The student")
def test_copies_of_words_among_the_documents_are_not_asked_for_again():
    """Documents of one word are terms, too."""
    texts, _ = random_texts(60)
    documents = [*texts, *["word1", "word2", "word1"] * 3]
    teacher = Recorder()
    model = student().set_params(teacher=teacher).fit(documents)
    assert model.n_teacher_terms_ > 100
    assert {*texts, "word1", "word2"} <= set(teacher.asked)
    assert len(teacher.asked) == len(set(teacher.asked))


def test_copies_are_not_asked_for_by_score(fitted, documents):
    teacher = Recorder()
    model = LuxicalVectorizer(teacher)
    model.__dict__.update(
        {name: value for name, value in vars(fitted).items() if name.endswith("_")}
    )
    model.score([*documents[:20], *map(str.upper, documents[:20]), documents[0]])
    assert sorted(teacher.asked) == sorted(documents[:20])
