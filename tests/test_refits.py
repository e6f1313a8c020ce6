"""A fit while other threads transform: they get the old or the new model, whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import make_corpus, small_vectorizer
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

import sklux._vectorizer
from sklux import LexicalVectorizer, ReLUProjection, ScalarQuantizer
from sklux.alignment import OrthogonalProcrustes

OLD = ["a red apple", "a green apple", "the red car", "a fast car"] * 5
NEW = ["a slow train", "the train is late", "a red bus", "the green tram and bus"] * 5
QUERIES = [*OLD[:4], *NEW[:4], "a red unknown word", ""]
N_THREADS, N_REFITS = 4, 12

# Each way in which a LexicalVectorizer reads documents.
STAGES = {
    "words": {},
    "stop words": {"stop_words": ["the", "is"]},
    "given terms": {"vocabulary": ["red", "apple", "train"]},
    "characters": {"analyzer": "char", "ngram_range": (1, 2)},
    "pieces": {"analyzer": "subword"},
    "both": {"analyzer": "word+subword", "subwords_of": "unknown"},
    "scikit-learn": {"analyzer": str.split},
}


def while_reading(documents, action):
    """Documents whose reading does something else halfway."""
    yield from documents[:7]
    action()
    yield from documents[7:]


def same(found, wanted):
    """Whether two results are the same bits."""
    if sparse.issparse(wanted):
        return found.shape == wanted.shape and not (found != wanted).nnz
    return np.array_equal(found, wanted)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize("name", STAGES)
def test_lexical_is_the_old_one_while_it_is_fitted(name, method):
    vectorizer = LexicalVectorizer(**STAGES[name]).fit(OLD)
    old, seen = vectorizer.transform(QUERIES), []
    action = lambda: seen.append(vectorizer.transform(QUERIES))  # noqa: E731
    getattr(vectorizer, method)(while_reading(NEW, action))
    assert len(seen) == 1
    assert same(seen[0], old)
    new = LexicalVectorizer(**STAGES[name]).fit(NEW).transform(QUERIES)
    assert not same(new, old)
    assert same(vectorizer.transform(QUERIES), new)


@pytest.mark.parametrize("name", STAGES)
def test_lexical_is_not_fitted_while_its_first_fit_runs(name):
    vectorizer, seen = LexicalVectorizer(**STAGES[name]), []

    def action():
        with pytest.raises(NotFittedError):
            vectorizer.transform(QUERIES)
        seen.append(dict(vars(vectorizer)))

    before = dict(vars(vectorizer))
    vectorizer.fit(while_reading(NEW, action))
    assert seen == [before]


@pytest.mark.parametrize("name", STAGES)
def test_lexical_transform_uses_the_stage_of_its_begin(name):
    vectorizer = LexicalVectorizer(**STAGES[name]).fit(OLD)
    old = vectorizer.transform(OLD)
    X = vectorizer.transform(while_reading(OLD, lambda: vectorizer.fit(NEW)))
    assert same(X, old)
    assert not same(vectorizer.transform(OLD), old)


def test_lexical_parameter_set_during_a_fit_is_kept():
    vectorizer = LexicalVectorizer().fit(OLD)
    vectorizer.fit(while_reading(NEW, lambda: vectorizer.set_params(n_jobs=2)))
    assert vectorizer.n_jobs == 2
    assert "train" in vectorizer.vocabulary_


def test_lexical_refit_by_scikit_learn_loses_the_word_pieces():
    """Attributes that only the old fit has are gone, at once."""
    vectorizer = LexicalVectorizer(stop_words=["the"]).fit(OLD)
    vectorizer.set_params(analyzer=str.split, stop_words=None)
    other = LexicalVectorizer(analyzer=str.split).fit(NEW)
    assert same(vectorizer.fit(NEW).transform(QUERIES), other.transform(QUERIES))


def random_teacher(documents):
    """A vector for each document, which depends on its letters."""
    counts = [[text.count(letter) for letter in "abcdefgnrt "] for text in documents]
    return np.array(counts, dtype=np.float64) + 0.1


MODELS = {
    "fused": {},
    "pieces": {"lexical": LexicalVectorizer(analyzer="word+subword")},
    "two stages": {"lexical": TfidfVectorizer()},
}


@pytest.mark.parametrize("kind", MODELS)
def test_vectorizer_is_the_old_one_while_it_is_fitted(kind):
    model = small_vectorizer(random_teacher, **MODELS[kind]).fit(OLD)
    old, seen = model.transform(QUERIES), []

    def teacher(documents):
        seen.append(model.transform(QUERIES))
        return random_teacher(documents)

    before = model.lexical_, model.projection_
    model.set_params(teacher=teacher).fit(NEW)
    assert len(seen) == 1
    assert same(seen[0], old)
    assert not same(model.transform(QUERIES), old)
    assert model.lexical_ is not before[0]
    assert model.projection_ is not before[1]


@pytest.mark.parametrize("kind", MODELS)
def test_vectorizer_transform_uses_the_model_of_its_begin(kind):
    model = small_vectorizer(random_teacher, **MODELS[kind]).fit(OLD)
    old = model.transform(OLD)
    vectors = model.transform(while_reading(OLD, lambda: model.fit(NEW)))
    assert same(vectors, old)
    assert not same(model.transform(OLD), old)


def test_vectorizer_is_the_old_one_while_it_is_updated(monkeypatch):
    model = small_vectorizer(random_teacher).fit(OLD)
    old, seen = model.transform(QUERIES), []

    def teacher(documents):
        seen.append(model.transform(QUERIES))
        return random_teacher(documents)

    # The identity of the teacher is compared, and must be the same.
    model.set_params(teacher=teacher)
    model.teacher_id_ = None
    drift = model.drift_
    model.partial_fit(NEW)
    assert len(seen) == 1
    assert same(seen[0], old)
    assert not same(model.transform(QUERIES), old)
    assert model.drift_ is not drift


def small_projection(**params):
    return ReLUProjection(
        3, hidden_layer_sizes=(4,), max_iter=1, random_state=0, **params
    )


def features(n_features, seed=0):
    """Features, and embeddings of the same documents."""
    rng = np.random.default_rng(seed)
    X = rng.random((40, n_features))
    return X, X @ rng.standard_normal((n_features, 5))


@pytest.mark.parametrize("place", ["copies_of_fit", "training_examples"])
def test_projection_is_the_old_one_while_it_is_fitted(place, monkeypatch):
    """Also if the new features have another number and names."""
    pandas = pytest.importorskip("pandas")
    X, y = features(8)
    X = pandas.DataFrame(X, columns=[f"x{i}" for i in range(8)])
    projection = small_projection().fit(X, y)
    old, seen = projection.transform(X), []
    module = __import__("sklux._student.projection", fromlist=[place])
    function = getattr(module, place)

    def replaced(*args, **kwargs):
        seen.append(projection.transform(X))
        return function(*args, **kwargs)

    monkeypatch.setattr(module, place, replaced)
    projection.fit(*features(5))
    assert len(seen) == 1
    assert same(seen[0], old)
    assert projection.n_features_in_ == 5
    assert not hasattr(projection, "feature_names_in_")


def quantizers():
    """Each kind of quantizer, fitted on numbers around 1; its vectors of other fits."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 9))
    return X, 3 * X + 1


@pytest.mark.parametrize("before", ["int8", "ubinary"])
@pytest.mark.parametrize("after", ["int8", "ubinary"])
def test_quantizer_that_fails_to_fit_again_is_the_old_one(before, after, monkeypatch):
    X, other = quantizers()
    quantizer = ScalarQuantizer(before).fit(X)
    attributes = dict(vars(quantizer))

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    quantizer.precision = attributes["precision"] = after
    for function in ("abs", "median"):
        monkeypatch.setattr(np, function, stop)
    with pytest.raises(KeyboardInterrupt):
        quantizer.fit(other[:, :5])
    assert vars(quantizer) == attributes
    monkeypatch.undo()
    names = sorted(vars(ScalarQuantizer(after).fit(other)))
    assert sorted(vars(quantizer.fit(other))) == names


def test_aligner_that_fails_to_fit_again_is_the_old_one():
    X, other = quantizers()
    aligner = OrthogonalProcrustes().fit(X, other)
    attributes = dict(vars(aligner))
    with pytest.raises(ValueError, match="tells anything"):
        aligner.fit(X[:, :5], np.zeros((50, 2)))
    assert vars(aligner) == attributes


def fits_of(estimator, twin, corpora):
    """An estimator, and for each corpus its fit and the result of its transform."""
    return estimator, [
        (
            lambda texts=texts: estimator.fit(texts),
            twin.fit(texts).transform(QUERIES),
        )
        for texts in corpora
    ]


def lexical_fits():
    return fits_of(LexicalVectorizer(), LexicalVectorizer(), (OLD, NEW))


def scikit_learn_fits():
    """A stage that scikit-learn reads."""
    stages = (LexicalVectorizer(analyzer=str.split) for _ in range(2))
    return fits_of(*stages, (OLD, NEW))


def model_fits():
    models = (small_vectorizer(random_teacher) for _ in range(2))
    return fits_of(*models, [make_corpus(60, seed)[0] for seed in (1, 2)])


@pytest.mark.parametrize("fits", [lexical_fits, scikit_learn_fits, model_fits])
def test_threads_get_the_old_or_the_new_model(fits):
    estimator, ways = fits()
    expected = [result for _, result in ways]
    assert not same(*expected)
    ways[0][0]()
    is_over, found = threading.Event(), [0, 0]

    def use():
        while not is_over.is_set():
            result = estimator.transform(QUERIES)
            (number,) = (i for i, e in enumerate(expected) if same(result, e))
            found[number] += 1

    with ThreadPoolExecutor(N_THREADS) as pool:
        users = [pool.submit(use) for _ in range(N_THREADS)]
        try:
            for turn in range(1, N_REFITS + 1):
                ways[turn % 2][0]()
        finally:
            is_over.set()
        for user in users:
            user.result()
    assert sum(found) > 0


@pytest.mark.parametrize(
    "method",
    [
        lambda model, _: model.quantize("int8"),
        lambda model, _: model.truncate(4),
        lambda model, texts: model.with_labels(texts, [0, 1] * 30, label_weight=0),
    ],
    ids=["quantize", "truncate", "with_labels"],
)
def test_model_made_of_a_model_has_both_stages_of_one_fit(method, monkeypatch):
    """Another thread fits the model after the first stage is copied."""
    corpora = [make_corpus(60, seed)[0] for seed in (1, 2)]
    model = small_vectorizer(random_teacher).fit(corpora[0])
    old = model.transform(QUERIES)
    clone = sklux._vectorizer.clone

    def clone_later(estimator):
        monkeypatch.undo()
        model.fit(corpora[1])
        return clone(estimator)

    monkeypatch.setattr(sklux._vectorizer, "clone", clone_later)
    assert same(method(model, corpora[0]).transform(QUERIES), old)
    assert not same(model.transform(QUERIES), old)
