"""A teacher whose columns have names: its student's columns have these names."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import small_vectorizer
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_pipeline

from sklux import CachedTeacher, LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux.datasets import DocumentStream
from sklux.inspection import explain_embedding, strongest_terms

WORDS = {
    "fruit": "apple pear plum cherry",
    "speed": "fast quick rapid swift",
    "price": "cheap dear costly bargain",
}
NAMES = list(WORDS)
UNNAMED = [f"luxicalvectorizer{i}" for i in range(3)]


def scored_texts(n_documents=400, seed=0):
    """Texts with words of one concept or more, and a table of their numbers."""
    random = np.random.RandomState(seed)
    filler = [f"filler{i}" for i in range(40)]
    counts = random.poisson(0.5, size=(n_documents, len(WORDS)))
    nothing = np.flatnonzero(counts.sum(axis=1) == 0)
    counts[nothing, random.randint(len(WORDS), size=len(nothing))] = 1
    texts = []
    for row in counts:
        words = list(random.choice(filler, 6))
        for n_words, concept in zip(row, WORDS.values()):
            words += list(random.choice(concept.split(), n_words))
        texts.append(" ".join(random.permutation(words)))
    return texts, pd.DataFrame(counts.astype(float), columns=NAMES)


TEXTS, SCORES = scored_texts()


def unfitted(**params):
    """A vectorizer with a network of the teacher's width."""
    settings = {"n_components": 3, "max_iter": 3, **params}
    return LuxicalVectorizer(
        lexical=LexicalVectorizer(),
        projection=ReLUProjection(**settings),
        teacher_words=None,
        random_state=0,
    )


def fitted_on(scores, **params):
    return unfitted(**params).fit(TEXTS[:300], teacher_embeddings=scores[:300])


@pytest.fixture(scope="module")
def model():
    """A model with named columns; tests must not change it."""
    return fitted_on(SCORES)


def names_of(model):
    return model.get_feature_names_out().tolist()


# When columns have names


@pytest.mark.parametrize(
    "change",
    [lambda table: table, pl.from_pandas, lambda table: pa.table(dict(table))],
    ids=["pandas", "polars", "arrow"],
)
def test_names_of_a_table(change, model):
    found = unfitted().fit(TEXTS[:300], teacher_embeddings=change(SCORES[:300]))
    assert names_of(found) == names_of(found.projection_) == NAMES
    assert found.transform(TEXTS).tobytes() == model.transform(TEXTS).tobytes()


def test_names_the_columns_estimate_the_columns_of_the_teacher(model):
    """On texts that the fit has not seen; rows have unit length."""
    vectors, scores = model.transform(TEXTS[300:]), SCORES[300:].to_numpy()
    unit = scores / np.linalg.norm(scores, axis=1, keepdims=True)
    for column in range(3):
        assert np.corrcoef(vectors[:, column], unit[:, column])[0, 1] > 0.9
    assert np.abs(vectors - unit).mean() < 0.1
    np.testing.assert_array_equal(model.projection_.teacher_components_, np.eye(3))


@pytest.mark.parametrize("loss", ["cosine", "similarity_kl"])
@pytest.mark.parametrize("hidden_layer_sizes", ["tied", (), (12,)])
def test_names_fit_the_columns_for_each_loss_and_network(loss, hidden_layer_sizes):
    found = fitted_on(SCORES, loss=loss, hidden_layer_sizes=hidden_layer_sizes)
    vectors, scores = found.transform(TEXTS[300:]), SCORES[300:].to_numpy()
    assert names_of(found) == NAMES
    nearest = np.corrcoef(vectors.T, scores.T)[:3, 3:].argmax(axis=1)
    assert nearest.tolist() == [0, 1, 2]


def test_names_are_announced(capsys):
    """The log of a fit says which targets it has."""
    for scores, is_named in [(SCORES, True), (SCORES.to_numpy(), False)]:
        fitted_on(scores, max_iter=1, verbose=True)
        log = capsys.readouterr().err
        assert ("targets (columns of the teacher)" in log) == is_named
        assert "targets" in log


def test_names_with_the_default_width():
    """As an array would, the table makes the network narrower."""
    assert names_of(fitted_on(SCORES, n_components=256)) == NAMES


def test_names_with_fewer_documents_than_columns():
    random = np.random.RandomState(0)
    wide = pd.DataFrame(random.random_sample((8, 20))).add_prefix("concept")
    found = unfitted(n_components=20).fit(TEXTS[:8], teacher_embeddings=wide)
    assert names_of(found) == wide.columns.tolist()
    with pytest.raises(ValueError, match="at most 8: there are 8 documents"):
        unfitted(n_components=20).fit(TEXTS[:8], teacher_embeddings=wide.to_numpy())


@pytest.mark.parametrize(
    "scores, params",
    [
        (SCORES.to_numpy(), {}),
        (SCORES.set_axis(range(3), axis=1), {}),
        (SCORES, {"n_components": 2}),
        (SCORES, {"corpus_weight": 0.1}),
        (pd.DataFrame({"vector": SCORES.to_numpy().tolist()}), {}),
    ],
    ids=["array", "numbers", "narrow", "corpus", "column of vectors"],
)
def test_names_are_the_usual_ones_otherwise(scores, params):
    found = fitted_on(scores, **params)
    assert names_of(found) == UNNAMED[: found.projection_.n_components_]
    assert found.projection_.component_names_ is None


def test_names_of_two_kinds_are_refused():
    scores = SCORES.rename(columns={"speed": 1})
    with pytest.raises(TypeError, match="type str, or none of them. Got 'fruit' and 1"):
        fitted_on(scores)


def test_names_leave_out_the_corpus_and_the_halves():
    """'auto' weights mean the teacher alone, also for long documents."""
    texts = [" ".join(TEXTS[i : i + 12]) for i in range(200)]
    scores = SCORES.rolling(12).sum().shift(-11)[:200]
    automatic, alone = [
        unfitted(max_iter=2, **weights).fit(texts, teacher_embeddings=scores)
        for weights in ({}, {"corpus_weight": 0, "contrastive_weight": 0})
    ]
    assert names_of(automatic) == NAMES
    vectors = [found.transform(TEXTS).tobytes() for found in (automatic, alone)]
    assert vectors[0] == vectors[1]
    mixed = unfitted(max_iter=2).fit(texts, teacher_embeddings=scores.to_numpy())
    # With the teacher alone, this map would be orthonormal.
    components = mixed.projection_.teacher_components_
    assert np.abs(components @ components.T - np.eye(3)).max() > 0.01


def test_names_end_where_labels_mix_the_columns(model):
    labels = ["fruit" if row["fruit"] else "" for _, row in SCORES.iterrows()]
    labels = [label or ("speed" if i % 2 else "") for i, label in enumerate(labels)]
    same = model.with_labels(TEXTS, labels, label_weight=0.0)
    assert names_of(same) == NAMES
    apart = model.with_labels(TEXTS, labels, label_weight=1.0)
    assert names_of(apart) == UNNAMED
    assert not np.allclose(apart.transform(TEXTS), model.transform(TEXTS))


def test_names_of_missing_rows():
    """A row of NaN, or of zeros, has no scores; they are imputed."""
    scores = SCORES.copy()
    scores.iloc[:50] = np.nan
    with pytest.warns(UserWarning, match="50 of 300 documents have no teacher"):
        found = fitted_on(scores)
    assert names_of(found) == NAMES
    unit = SCORES[300:].to_numpy()
    vectors = found.transform(TEXTS[300:])
    assert np.corrcoef(vectors[:, 2], unit[:, 2])[0, 1] > 0.7


def test_names_of_a_projection_alone():
    X = TfidfVectorizer().fit_transform(TEXTS)
    found = ReLUProjection(max_iter=1, random_state=0).fit(X, SCORES)
    assert names_of(found) == found.component_names_.tolist() == NAMES
    names_of_a_copy = found.get_feature_names_out()
    names_of_a_copy[0] = "other"
    assert names_of(found) == NAMES
    again = found.fit(X, SCORES.to_numpy())
    assert names_of(again) == [f"reluprojection{i}" for i in range(3)]


def test_names_a_constant_column_keeps_the_size_of_scores():
    """The quotient of both columns; without it, rows tell proportions alone."""
    scores = SCORES.assign(constant=2.0)
    vectors = fitted_on(scores, n_components=4).transform(TEXTS[300:])
    found = 2 * vectors[:, :3] / vectors[:, 3:]
    for column, name in enumerate(NAMES):
        true = SCORES[name][300:]
        assert np.corrcoef(found[:, column], true)[0, 1] > 0.9
        assert np.abs(found[:, column] - true).mean() < 0.3


# Teachers that return tables


def score_table(texts):
    """Number of words of each concept, as a table."""
    counts = [
        [sum(map(w.split().count, text.split())) for w in WORDS.values()]
        for text in texts
    ]
    return pd.DataFrame(np.array(counts) + 0.01, columns=NAMES)


def test_names_of_a_teacher_that_returns_tables():
    model = small_vectorizer(score_table, projection=ReLUProjection(max_iter=1))
    assert names_of(model.fit(TEXTS[:100])) == NAMES
    with config_context(transform_output="pandas"):
        assert model.fit_transform(TEXTS[:100]).columns.tolist() == NAMES


def test_names_of_a_teacher_that_reads_a_sample_of_a_stream():
    model = small_vectorizer(score_table, projection=ReLUProjection(max_iter=1))
    stream = DocumentStream(lambda: iter(TEXTS[:200]), sample_size=60)
    vectors = model.fit(stream).transform(TEXTS[200:])
    assert names_of(model) == NAMES
    assert model.n_teacher_documents_ == 60
    found = np.corrcoef(vectors.T, SCORES[200:].to_numpy().T)[:3, 3:].argmax(axis=1)
    assert found.tolist() == [0, 1, 2]


def test_names_of_a_cached_teacher_are_not_known(tmp_path):
    """The cache holds numbers, so a first and a second fit agree."""
    teacher = CachedTeacher(score_table, path=tmp_path, model_id="scores")
    model = small_vectorizer(teacher, projection=ReLUProjection(max_iter=1))
    for _ in range(2):
        assert names_of(model.fit(TEXTS[:100])) == UNNAMED


def test_names_of_a_pipeline_do_not_depend_on_the_output_of_transform():
    teacher = make_pipeline(TfidfVectorizer(), TruncatedSVD(4)).fit(TEXTS)
    with config_context(transform_output="pandas"):
        model = small_vectorizer(teacher).fit(TEXTS[:50])
    assert names_of(model)[0] == "luxicalvectorizer0"


def test_names_of_a_teacher_that_change_are_refused():
    def unstable(texts):
        return score_table(texts).rename(columns={"fruit": f"fruit{len(texts)}"})

    model = small_vectorizer(unstable, projection=ReLUProjection(max_iter=1))
    with pytest.raises(ValueError, match=r"different columns: first \['fruit64', "):
        model.fit(TEXTS[:100])


# Copies of a model


def test_names_survive_copies(model, tmp_path):
    model.save(tmp_path / "model.sklux")
    loaded = LuxicalVectorizer.load(tmp_path / "model.sklux")
    for copy in (loaded, pickle.loads(pickle.dumps(model)), model.quantize("float16")):
        assert names_of(copy) == names_of(copy.projection_) == NAMES
    assert not hasattr(clone(model), "projection_")


def test_names_of_a_truncated_model_are_the_first(model, tmp_path):
    short = model.truncate(2)
    assert names_of(short) == NAMES[:2]
    whole = model.transform(TEXTS)[:, :2]
    expected = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    np.testing.assert_allclose(short.transform(TEXTS), expected, atol=1e-6)
    short.save(tmp_path / "short.sklux")
    assert names_of(LuxicalVectorizer.load(tmp_path / "short.sklux")) == NAMES[:2]
    assert names_of(model) == NAMES
    again = short.partial_fit(TEXTS[300:], teacher_embeddings=SCORES[300:])
    assert names_of(again) == NAMES[:2]


def test_names_of_an_older_pickle(model):
    """Its projection has no attribute of the names."""
    state = pickle.loads(pickle.dumps(model))
    del state.projection_.component_names_
    assert names_of(state) == UNNAMED
    assert names_of(state.truncate(2)) == UNNAMED[:2]


def test_names_are_in_a_file_only_if_there_are_some(model, tmp_path):
    unnamed = fitted_on(SCORES.to_numpy())
    for name, found in {"named": model, "unnamed": unnamed}.items():
        found.save(tmp_path / name)
        assert (b"component_names" in (tmp_path / name).read_bytes()) == (
            name == "named"
        )


# New documents


def test_names_must_agree_in_partial_fit(model):
    copy = pickle.loads(pickle.dumps(model))
    copy.partial_fit(TEXTS[300:350], teacher_embeddings=SCORES[300:350])
    copy.partial_fit(TEXTS[350:], teacher_embeddings=SCORES[350:].to_numpy())
    assert names_of(copy) == NAMES
    vectors = copy.transform(TEXTS[300:])
    assert np.corrcoef(vectors[:, 0], SCORES["fruit"][300:])[0, 1] > 0.7
    before = copy.transform(TEXTS)
    for scores, message in [
        (SCORES[NAMES[::-1]], "same order. Their order there was 'fruit', 'speed'"),
        (SCORES.rename(columns={"price": "cost"}), "Missing: 'price'. New: 'cost'"),
    ]:
        with pytest.raises(ValueError, match=message):
            copy.partial_fit(TEXTS[300:], teacher_embeddings=scores[300:])
    assert copy.transform(TEXTS).tobytes() == before.tobytes()


def test_names_partial_fit_of_an_unnamed_model_stays_unnamed():
    found = fitted_on(SCORES.to_numpy())
    found.partial_fit(TEXTS[300:], teacher_embeddings=SCORES[300:])
    assert names_of(found) == UNNAMED


def test_names_must_agree_in_project_teacher(model):
    query = pd.DataFrame({"fruit": [1.0], "speed": [0.0], "price": [1.0]})
    expected = np.array([[1, 0, 1]]) / np.sqrt(2)
    np.testing.assert_allclose(model.project_teacher(query), expected, atol=1e-6)
    np.testing.assert_allclose(
        model.project_teacher(query.to_numpy()), expected, atol=1e-6
    )
    with pytest.raises(ValueError, match="embeddings must have the columns of fit"):
        model.project_teacher(query[NAMES[::-1]])


# Tables as output


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_output_tables(model, library):
    table = clone(model).set_output(transform=library)
    found = table.fit(TEXTS[:300], teacher_embeddings=SCORES[:300]).transform(TEXTS)
    assert list(found.columns) == NAMES
    np.testing.assert_array_equal(found.to_numpy(), model.transform(TEXTS))


def test_names_in_compositions(model):
    """A fitted model, as the teacher of the vectors in each of them."""
    frame = pd.DataFrame({"text": TEXTS[:100]})
    fresh = small_vectorizer(score_table, projection=ReLUProjection(max_iter=1))
    columns = ColumnTransformer([("text", fresh, "text")])
    assert names_of(columns.fit(frame)) == [f"text__{name}" for name in NAMES]
    columns.set_params(verbose_feature_names_out=False).set_output(transform="pandas")
    assert columns.fit_transform(frame).columns.tolist() == NAMES
    union = FeatureUnion([("one", fresh)]).fit(TEXTS[:100])
    assert names_of(union) == [f"one__{name}" for name in NAMES]
    assert names_of(make_pipeline(fresh).fit(TEXTS[:100])) == NAMES


# Explanations


def test_names_explain_a_column(model):
    """Its terms are the planted ones, and their shares add up to its value."""
    text = "filler1 cheap filler2 apple filler3 fast bargain filler4"
    vector = model.transform([text])[0]
    for number, name in enumerate(NAMES):
        found = explain_embedding(model, text, dimension=name)
        assert found.dimension == name
        assert found.shares.sum() == pytest.approx(found.value, abs=1e-9)
        assert found.value == pytest.approx(float(vector[number]), abs=1e-6)
        table = found.to_pandas().set_index("term")["share"]
        planted = [word for word in WORDS[name].split() if word in text]
        assert set(table.index[: len(planted)]) == set(planted)
        assert table[planted].sum() > 0.8 * found.value
        by_number = explain_embedding(model, text, dimension=number)
        np.testing.assert_array_equal(by_number.shares, found.shares)
    assert str(found).startswith(f"price: {found.value:.3f}\n")
    assert f"<b>price: {found.value:.3f}</b>" in found._repr_html_()


def test_names_explain_a_column_without_a_known_term(model):
    found = explain_embedding(model, "unknown", dimension="price")
    assert found.value == 0
    assert "no known term" in str(found)


@pytest.mark.parametrize("hidden_layer_sizes", ["tied", (), (12,)])
def test_names_find_the_terms_of_a_column(hidden_layer_sizes):
    found = fitted_on(SCORES, hidden_layer_sizes=hidden_layer_sizes)
    for name, words in WORDS.items():
        terms = strongest_terms(found, name, 4)
        assert set(terms.terms) == set(words.split())
        assert terms.dimension == name
        assert terms.strengths.max() == 1
        assert terms.to_pandas()["strength"].is_monotonic_decreasing
        assert str(terms).startswith(f"   1.000  {terms.terms[0]}\n")
        assert terms.terms[3] in terms._repr_html_()
    assert len(strongest_terms(found, 0, 10**6).terms) == len(
        found.lexical_.vocabulary_
    )


def test_names_that_cannot_be_explained(model):
    with pytest.raises(ValueError, match="'cost' is the name of 0 .*'fruit', 'speed'"):
        explain_embedding(model, TEXTS[0], dimension="cost")
    with pytest.raises(ValueError, match="dimension=3 must be .* from 0 to 2"):
        explain_embedding(model, TEXTS[0], dimension=3)
    with pytest.raises(ValueError, match="all terms of the model are words"):
        strongest_terms(model, "price", kind="piece")


def test_names_that_occur_twice():
    """They are kept, as scikit-learn keeps them, and have a number to tell them."""
    scores = SCORES.set_axis(["a", "a", "b"], axis=1)
    found = fitted_on(scores)
    assert names_of(found) == ["a", "a", "b"]
    with pytest.raises(ValueError, match="'a' is the name of 2 output columns"):
        explain_embedding(found, TEXTS[0], dimension="a")
    assert explain_embedding(found, TEXTS[0], dimension=1).dimension == "a"


def test_names_an_unnamed_column_is_explained_too():
    found = fitted_on(SCORES.to_numpy())
    one = explain_embedding(found, TEXTS[0], dimension="luxicalvectorizer1")
    assert one.value == pytest.approx(float(found.transform(TEXTS[:1])[0, 1]), abs=1e-6)
