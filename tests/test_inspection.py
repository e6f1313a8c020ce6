"""Explanations, compared with the vectors, with planted words and with deletions."""

import re
from copy import copy

import numpy as np
import pytest
from conftest import TOPICS, make_corpus, small_vectorizer
from hypothesis import given, settings
from hypothesis import strategies as st
from models import random_model
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._lexical.vectorizer import default_lexical_stage
from sklux.inspection import (
    cluster_terms,
    explain_embedding,
    explain_prediction,
    explain_similarity,
    nearest_terms,
    term_embeddings,
)

TEXTS, LABELS = make_corpus(200)[:2]
STAGES = {
    "words": LexicalVectorizer(ngram_range=(1, 2)),
    "pieces": LexicalVectorizer(analyzer="subword", n_subwords=80),
    "characters": LexicalVectorizer(analyzer="char_wb", ngram_range=(2, 3)),
    "default": default_lexical_stage().set_params(n_subwords=200, position_weight=0.5),
}
MODELS = {
    name: random_model(stage.fit(TEXTS), sizes=(16, 8))
    for name, stage in STAGES.items()
}
words = st.sampled_from(
    [*" ".join(TEXTS[:20]).split(), "zebra", "R&D", "", "na\u00efve"]
)
texts = st.lists(words, max_size=12).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(MODELS)), texts, texts)
def test_shares_add_up_to_the_cosine(name, first, second):
    model = MODELS[name]
    found = explain_similarity(model, first, second)
    vectors = model.transform([first, second])
    assert found.cosine == pytest.approx(float(vectors[0] @ vectors[1]), abs=2e-6)
    for part in (found.first, found.second):
        assert part.shares.sum() == pytest.approx(found.cosine, abs=1e-9)
        assert len(part.terms) == len(part.kinds) == len(part.linear_shares)
    np.testing.assert_allclose(found.pairs.sum(axis=1), found.first.shares, atol=1e-9)
    np.testing.assert_allclose(found.pairs.sum(axis=0), found.second.shares, atol=1e-9)
    for view in (str(found), found._repr_html_(), str(found.first)):
        assert isinstance(view, str)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(MODELS)), texts)
def test_shares_of_an_embedding_add_up_to_one(name, text):
    model = MODELS[name]
    found = explain_embedding(model, text)
    expected = float(model.transform([text]).any())
    assert found.shares.sum() == pytest.approx(expected, abs=1e-9)
    assert found.value == pytest.approx(expected, abs=1e-9)
    row = model.lexical_.transform([text])
    names = model.lexical_.get_feature_names_out()[row.indices]
    shown = [name.removeprefix("word__").removeprefix("subword__") for name in names]
    assert sorted(found.terms) == sorted(shown)
    table = found.to_pandas()
    assert table["share"].abs().is_monotonic_decreasing
    assert table["share"].sum() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["words", "pieces", "default"])
def test_shares_of_words_add_up_to_the_shares_of_terms(name):
    text = f"{TEXTS[3]} zebra! {TEXTS[4]}"
    found = explain_embedding(MODELS[name], text)
    shares = [share for _, _, share in found.word_shares]
    assert sum(shares) == pytest.approx(found.value, abs=1e-9)
    shown = [text[begin:end] for begin, end, _ in found.word_shares]
    assert "zebra" in shown
    assert set(shown) >= set(TEXTS[3].split())


def test_terms_of_characters_have_no_place():
    found = explain_embedding(MODELS["characters"], TEXTS[0])
    assert found.word_shares == []
    assert TEXTS[0] in found._repr_html_()


def test_html_escapes_the_text_and_colours_its_words():
    text = f"<script> & {TEXTS[0]}"
    html = explain_embedding(MODELS["default"], text)._repr_html_()
    assert "<script>" not in html
    assert "&lt;" in html
    plain = re.sub(r"<table>.*</table>|<b>.*?</b>|<[^>]*>", "", html)
    assert plain == text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert html.count("<span") >= len(set(TEXTS[0].split()))
    assert "\ud800" not in explain_embedding(MODELS["words"], "\ud800 a")._repr_html_()


# Planted words


@pytest.fixture(scope="module")
def planted():
    """Two topics, each made by three words; the other words mean nothing."""
    random = np.random.RandomState(0)
    topics = [["apple", "pear", "plum"], ["engine", "wheel", "brake"]]
    filler = [f"filler{i}" for i in range(40)]
    documents, teacher = [], []
    for i in range(600):
        topic = i % 2
        chosen = [*random.choice(topics[topic], 2), *random.choice(filler, 6)]
        documents.append(" ".join(random.permutation(chosen)))
        teacher.append([1.0, 0.0] if topic == 0 else [0.0, 1.0])
    embeddings = np.array(teacher) + 0.02 * random.standard_normal((600, 2))
    embeddings = np.hstack([embeddings, 0.05 * random.standard_normal((600, 6))])
    model = LuxicalVectorizer(
        lexical=LexicalVectorizer(),
        projection=ReLUProjection(8, max_iter=5, corpus_weight=0.0),
        teacher_words=None,
        random_state=0,
    )
    return model.fit(documents, teacher_embeddings=embeddings), documents


def test_planted_words_are_named(planted):
    model, _ = planted
    found = explain_similarity(
        model, "filler1 apple filler2 filler3", "filler4 filler5 plum filler1"
    )
    assert found.cosine > 0.7
    first, second, share = found.to_pandas().iloc[0]
    assert (first, second) == ("apple", "plum")
    assert share > 0.5 * found.cosine
    best = found.first.to_pandas()
    assert best["term"][0] == "apple"
    assert "apple - plum" in str(found)
    assert set(nearest_terms(model, "apple", 3).terms) == {"apple", "pear", "plum"}


def test_planted_words_by_deletion(planted):
    """Without the term named first, cosines fall more than without another one."""
    model, documents = planted
    named, others = [], []
    for first, second in zip(documents[:40:2], documents[40:80:2]):
        found = explain_similarity(model, first, second)
        order = found.first._order()
        for places, changes in ((order[:1], named), (order[1:], others)):
            for term in found.first.terms[places]:
                rest = " ".join(word for word in first.split() if word != term)
                vectors = model.transform([rest, second])
                changes.append(found.cosine - vectors[0] @ vectors[1])
    assert np.mean(named) > 3 * np.mean(np.abs(others))


# Predictions


@pytest.mark.parametrize(
    "scaler", [None, StandardScaler(), StandardScaler(with_mean=False)]
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_add_up_to_the_decision(scaler, n_classes):
    model = MODELS["default"]
    labels = [f"c{i % n_classes}" for i in range(len(TEXTS))]
    steps = [model, *([scaler] if scaler else []), LogisticRegression()]
    pipeline = make_pipeline(*steps)
    pipeline.steps[0] = ("student", model)
    vectors = model.transform(TEXTS)
    for _, step in pipeline.steps[1:-1]:
        vectors = step.fit_transform(vectors)
    pipeline[-1].fit(vectors, labels)
    text = TEXTS[5]
    decision = np.atleast_1d(pipeline.decision_function([text])[0])
    found = explain_prediction(pipeline, text)
    assert found.target == pipeline.predict([text])[0]
    assert found.value == pytest.approx(
        decision.max() if n_classes > 2 else abs(decision[0]), abs=1e-4
    )
    for place, target in enumerate(pipeline.classes_):
        found = explain_prediction(pipeline, text, target)
        if n_classes == 2:
            expected = decision[0] if place else -decision[0]
        else:
            expected = decision[place]
        assert found.value == pytest.approx(expected, abs=1e-4)
        total = found.text.shares.sum() + found.intercept
        assert total == pytest.approx(found.value, abs=1e-9)
    assert f"{target}: " in str(found)
    assert "<table>" in found._repr_html_()
    assert len(found.to_pandas()) == len(found.text.terms)
    nothing = explain_prediction(pipeline, "", target)
    assert nothing.value == pytest.approx(nothing.intercept)


def test_predictions_of_sparse_coefficients_and_steps_that_do_nothing():
    model = MODELS["words"]
    classifier = LogisticRegression().fit(model.transform(TEXTS), LABELS)
    pipeline = Pipeline([("a", model), ("b", "passthrough"), ("c", classifier)])
    expected = explain_prediction(pipeline, TEXTS[5])
    classifier.sparsify()
    found = explain_prediction(pipeline, TEXTS[5])
    np.testing.assert_allclose(found.text.shares, expected.text.shares)
    with pytest.raises(ValueError, match="a linear model. Got 1 steps"):
        explain_prediction(Pipeline([("a", model)]), TEXTS[5])


def test_predictions_of_regressions():
    model = MODELS["words"]
    pipeline = make_pipeline(model, Ridge())
    pipeline[-1].fit(model.transform(TEXTS), np.arange(len(TEXTS)))
    found = explain_prediction(pipeline, TEXTS[5])
    assert found.value == pytest.approx(pipeline.predict([TEXTS[5]])[0], rel=1e-4)
    assert found.target is None
    with pytest.raises(ValueError, match="Leave target out"):
        explain_prediction(pipeline, TEXTS[5], "a class")


# Terms


@pytest.mark.parametrize("name", ["words", "default"])
def test_term_embeddings_are_vectors_of_terms(name):
    model = MODELS[name]
    terms, vectors = term_embeddings(model)
    assert vectors.shape == (len(terms), 8)
    assert vectors.dtype == np.float32
    assert "violin" in terms
    single = [i for i, term in enumerate(terms) if " " not in term][:50]
    expected = model.transform(terms[single].tolist())
    np.testing.assert_allclose(vectors[single], expected, atol=1e-6)
    query = vectors @ model.transform(["a violin concert"])[0]
    found = nearest_terms(model, "a violin concert", 5)
    table = copy(model).set_output(transform="pandas")
    again = nearest_terms(table, "a violin concert", 5)
    assert again.terms.tolist() == found.terms.tolist()
    np.testing.assert_allclose(found.cosines, np.sort(query)[::-1][:5], atol=1e-6)
    assert found.to_pandas()["term"].tolist() == found.terms.tolist()
    assert str(found).count("\n") == 4
    assert found._repr_html_().count("<tr>") == 5
    assert len(nearest_terms(model, "violin", 10**6).terms) == len(terms)


def test_terms_of_a_kind():
    model = MODELS["default"]
    words, _ = term_embeddings(model)
    pieces, _ = term_embeddings(model, kind="piece")
    assert len(words) + len(pieces) == model.projection_.n_features_in_
    assert term_embeddings(model, kind="word")[0].tolist() == words.tolist()
    pieces = nearest_terms(MODELS["pieces"], "violin", 3)
    assert nearest_terms(
        MODELS["pieces"], "violin", 3, kind="piece"
    ).terms.tolist() == (pieces.terms.tolist())
    with pytest.raises(ValueError, match="kind='word', but all terms of the model are"):
        nearest_terms(MODELS["pieces"], "violin", kind="word")


# Bad input


def test_inspection_bad_input(documents, teacher_embeddings):
    model = MODELS["words"]
    with pytest.raises(TypeError, match="'text' parameter of explain_embedding"):
        explain_embedding(model, ["a list"])
    with pytest.raises(TypeError, match="'model' parameter of explain_similarity"):
        explain_similarity(LexicalVectorizer(), "a", "b")
    with pytest.raises(ValueError, match="not fitted"):
        explain_embedding(LuxicalVectorizer(), "a")
    with pytest.raises(ValueError, match="'n_terms' parameter of nearest_terms"):
        nearest_terms(model, "a", 0)
    unnamed = small_vectorizer(lexical=HashingVectorizer(n_features=64))
    unnamed.fit(documents, teacher_embeddings=teacher_embeddings)
    with pytest.raises(ValueError, match="has no names for its columns"):
        explain_embedding(unnamed, documents[0])
    with pytest.raises(ValueError, match="has no names for its columns"):
        nearest_terms(unnamed, documents[0])


@pytest.mark.parametrize(
    "steps, message",
    [
        ([MODELS["words"], GaussianNB()], "has no coef_"),
        ([MODELS["words"], MinMaxScaler(), SGDClassifier()], "A step between them is"),
        ([STAGES["words"], LogisticRegression()], "Its first step is LexicalVec"),
    ],
)
def test_inspection_of_other_pipelines(steps, message):
    pipeline = make_pipeline(*steps)
    X = TEXTS
    for step in steps[:-1]:
        X = (
            step.transform(X)
            if step in (*MODELS.values(), *STAGES.values())
            else step.fit_transform(X)
        )
    steps[-1].fit(X.toarray() if hasattr(X, "toarray") else X, LABELS)
    with pytest.raises(ValueError, match=message):
        explain_prediction(pipeline, TEXTS[0])


def test_inspection_of_unknown_classes_and_of_many_numbers():
    model = MODELS["words"]
    pipeline = make_pipeline(model, LogisticRegression())
    pipeline[-1].fit(model.transform(TEXTS), LABELS)
    with pytest.raises(ValueError, match="target='zebra' is not among the classes"):
        explain_prediction(pipeline, TEXTS[0], "zebra")
    pipeline = make_pipeline(model, LinearRegression())
    pipeline[-1].fit(model.transform(TEXTS), np.ones((len(TEXTS), 2)))
    with pytest.raises(ValueError, match="a regression of a single number"):
        explain_prediction(pipeline, TEXTS[0])


def test_clusters_are_named_by_their_words(fitted, documents, topics):
    found = cluster_terms(fitted, documents, topics, n_terms=4)
    assert found.labels.tolist() == [0, 1, 2]
    assert found.counts.tolist() == np.bincount(topics).tolist()
    for label, terms, shares in zip(found.labels, found.terms, found.shares):
        own = set(list(TOPICS.values())[label].split())
        assert len(terms) == len(shares) == 4
        assert set(" ".join(terms).split()) <= own
        assert (np.diff(shares) <= 0).all() and shares[-1] > 0


def test_labels_of_clusters(fitted, documents, topics):
    """Missing labels and -1 are in no cluster; labels of any type have an order."""
    n_left = 10
    some = cluster_terms(fitted, documents[n_left:], topics[n_left:])
    noise = np.concatenate([np.full(n_left, -1), topics[n_left:]])
    names = [None] * 5 + [np.nan] * 5 + [f"topic {topic}" for topic in topics[n_left:]]
    for labels in (noise, noise.astype(float), list(noise), names):
        found = cluster_terms(fitted, documents, labels)
        assert found.counts.tolist() == some.counts.tolist()
        assert found.names == some.names
    assert found.labels.tolist() == ["topic 0", "topic 1", "topic 2"]
    one = cluster_terms(fitted, documents, ["all"] * len(documents), n_terms=2)
    assert one.labels.tolist() == ["all"] and len(one.terms[0]) == 2


@pytest.mark.parametrize("name", sorted(MODELS))
def test_cluster_terms_of_each_kind_of_stage(name):
    found = cluster_terms(MODELS[name], TEXTS, LABELS)
    assert len(found.terms) == 3
    if name == "default":
        # Words, and no word pieces.
        words = set(" ".join(TEXTS).split())
        assert all(
            set(term.split()) <= words for terms in found.terms for term in terms
        )


def test_cluster_terms_have_a_letter():
    texts = ["7 7 7 cat", "8 8 8 dog"] * 5
    model = random_model(LexicalVectorizer(token_pattern=r"\w+").fit(texts))
    found = cluster_terms(model, texts, [0, 1] * 5)
    assert all(set(terms) <= {"cat", "dog"} for terms in found.terms)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0], "one value for each of the 2 documents"),
        ([[0, 1]], "one value for each of the 2 documents"),
        ([-1, None], "puts no document into a cluster"),
        ([1, "a"], "values that can be sorted"),
    ],
)
def test_cluster_terms_bad_labels(fitted, labels, message):
    with pytest.raises(ValueError, match=message):
        cluster_terms(fitted, ["a red car", "a tree"], labels)
    with pytest.raises(ValueError, match="n_terms"):
        cluster_terms(fitted, ["a red car", "a tree"], [0, 1], n_terms=0)
