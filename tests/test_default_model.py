"""The default model: pieces folded into words, and weights by place."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

import sklux._vectorizer
from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._student.report import fit_report

# Most students here are trained for one epoch.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The student may be no better:sklearn.exceptions.ConvergenceWarning"
)
N_WORDS, N_TOPICS = 60, 6


def topical_documents(n_documents, *, leading=True, with_rare=False, seed=0):
    """Documents of 30 words, and vectors of the topics of 3 of these words.

    The three words come first, or all words decide. A rare word may be the last.
    """
    rng = np.random.RandomState(seed)
    topics = np.random.RandomState(99).standard_normal((N_WORDS, N_TOPICS))
    words = rng.randint(N_WORDS, size=(n_documents, 30))
    documents = [" ".join(f"w{n:03d}" for n in row) for row in words]
    if with_rare:
        documents = [f"{text} w{i:05d}" for i, text in enumerate(documents)]
    deciding = words[:, :3] if leading else words
    return documents, topics[deciding].mean(axis=1).astype(np.float32)


def fitted_on(documents, vectors, **params):
    projection = ReLUProjection(6, max_iter=1, random_state=0)
    vectorizer = LuxicalVectorizer(projection=projection, **params)
    return vectorizer.fit(documents, teacher_embeddings=vectors)


def test_first_words_count_more_if_they_decide():
    vectorizer = fitted_on(*topical_documents(600))
    assert vectorizer.lexical_.position_weight == 2.0
    assert vectorizer.lexical is None


def test_first_words_count_as_the_others_if_all_decide():
    vectorizer = fitted_on(*topical_documents(600, leading=False))
    assert vectorizer.lexical_.position_weight == 0.0


@pytest.mark.parametrize("weight", [0.0, 0.7, "auto"])
def test_position_weight_of_a_given_stage(weight):
    stage = LexicalVectorizer(position_weight=weight)
    vectorizer = fitted_on(*topical_documents(600), lexical=stage)
    expected = 2.0 if weight == "auto" else weight
    assert vectorizer.lexical_.position_weight == expected
    assert stage.position_weight == weight


def test_position_weight_is_chosen_again_in_each_fit():
    vectorizer = fitted_on(*topical_documents(600))
    documents, vectors = topical_documents(600, leading=False)
    vectorizer.fit(documents, teacher_embeddings=vectors)
    assert vectorizer.lexical_.position_weight == 0.0


def test_position_weight_is_chosen_without_copies():
    """Copies of a few documents add nothing."""
    documents, vectors = topical_documents(100)
    vectorizer = fitted_on(documents * 10, np.tile(vectors, (10, 1)))
    assert vectorizer.lexical_.position_weight == 0.0


def test_position_weight_is_chosen_among_documents_with_an_embedding():
    documents, vectors = topical_documents(1200)
    vectors[::4] = np.nan
    with pytest.warns(UserWarning, match="no teacher embedding"):
        vectorizer = fitted_on(documents, vectors)
    assert vectorizer.lexical_.position_weight == 2.0


def test_chosen_weight_is_kept_by_copies_and_files(tmp_path):
    documents, vectors = topical_documents(600)
    vectorizer = fitted_on(documents, vectors)
    expected = vectorizer.transform(documents)
    vectorizer.save(tmp_path / "model.sklux")
    copies = [
        pickle.loads(pickle.dumps(vectorizer)),
        LuxicalVectorizer.load(tmp_path / "model.sklux"),
        vectorizer.truncate(6),
    ]
    for model in copies:
        assert model.lexical_.position_weight == 2.0
        np.testing.assert_array_equal(model.transform(documents), expected)
    assert clone(vectorizer).lexical is None


def test_grid_search_keeps_the_weight_open():
    vectorizer = LuxicalVectorizer().set_params(lexical__max_features=500)
    assert vectorizer.lexical.position_weight == "auto"
    assert vectorizer.lexical.subwords_of == "unknown"


def test_stage_that_the_kernels_do_not_read_gets_no_weight():
    stage = LexicalVectorizer(
        tokenizer=str.split, token_pattern=None, position_weight="auto"
    )
    vectorizer = fitted_on(*topical_documents(600), lexical=stage)
    assert vectorizer.lexical_.position_weight == "auto"


@pytest.mark.parametrize("norm", ["l2", "l1", None])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("leading", [False, True])
def test_folded_model_is_the_model_that_was_learnt(norm, binary, leading):
    """The report is about vectors of `transform`: folding is exact.

    The texts have words that are not terms, so that pieces are read.
    """
    documents, vectors = topical_documents(500, leading=leading, with_rare=True)
    vectorizer = LuxicalVectorizer(
        projection=ReLUProjection(
            6, max_iter=2, early_stopping=False, weights_dtype="float32", random_state=0
        )
    ).set_params(
        lexical__norm=norm,
        lexical__binary=binary,
        lexical__n_subwords=40,
        lexical__max_features=90,
    )
    learnt = {}
    original = sklux._vectorizer.fit_projection

    def keep(projection, X, *args, **options):
        original(projection, X, *args, **options)
        learnt["rows"], learnt["folding"] = X, args[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklux._vectorizer, "fit_projection", keep)
        vectorizer.fit(documents, teacher_embeddings=vectors)
    read = vectorizer.lexical_.transform(documents)
    assert read[:, :20].nnz > 0
    expanded = learnt["folding"].expand(read)
    np.testing.assert_allclose(
        expanded.toarray(), learnt["rows"].toarray(), rtol=1e-5, atol=1e-6
    )
    report = vectorizer.report_
    own = fit_report(vectorizer.transform(documents), vectors, held_out=False)
    assert report.n_documents == own.n_documents
    assert report.neighbor_recall == pytest.approx(own.neighbor_recall, abs=0.01)
    assert report.student_effective_rank == pytest.approx(
        own.student_effective_rank, rel=1e-3
    )


def test_default_stage_reads_pieces_of_unknown_words_only():
    documents, vectors = topical_documents(300)
    vectorizer = LuxicalVectorizer(random_state=0).set_params(
        lexical__n_subwords=40, projection__n_components=6, projection__max_iter=1
    )
    vectorizer.fit(documents, teacher_embeddings=vectors)
    stage = vectorizer.lexical_
    assert stage.subwords_of == "unknown"
    n_pieces = sum(name.startswith("subword__") for name in stage.vocabulary_)
    assert 0 < n_pieces
    assert stage.transform(documents[:5])[:, :n_pieces].nnz == 0
    assert stage.transform(["w999"])[:, :n_pieces].nnz > 0
    assert vectorizer.transform(["w999"]).any()


def test_all_pieces_of_all_words_are_still_possible():
    documents, vectors = topical_documents(300)
    vectorizer = LuxicalVectorizer(random_state=0).set_params(
        lexical__subwords_of="all", projection__n_components=6, projection__max_iter=1
    )
    vectorizer.fit(documents, teacher_embeddings=vectors)
    assert vectorizer.lexical_.transform(documents[:5])[:, :20].nnz > 0


@pytest.mark.parametrize(
    "params",
    [
        # No single word is a term, so there is nothing to fold into.
        {
            "vocabulary": ["subword__a", "subword__red", "word__red apple"],
            "ngram_range": (1, 2),
        },
        {"vocabulary": ["word__car", "word__green", "word__red"]},
        {"vocabulary": ["subword__a", "subword__car"]},
        {"stop_words": ["a", "red"]},
        {"use_idf": False},
        {"smooth_idf": False},
    ],
)
def test_unusual_stages_give_finite_unit_vectors(params):
    documents = ["a red apple", "a green apple", "a fast car", "a slow car"] * 5
    vectors = [[1, 0, 0], [0.9, 0.4, 0], [0, 0.1, 1], [0, 0.4, 0.9]] * 5
    stage = LexicalVectorizer(
        analyzer="word+subword", subwords_of="unknown", token_pattern=r"\w+", **params
    )
    vectorizer = LuxicalVectorizer(lexical=stage, random_state=0)
    found = vectorizer.fit_transform(documents, teacher_embeddings=vectors)
    found = np.vstack([found, vectorizer.transform(["zz red cars", "", "?"])])
    lengths = np.linalg.norm(found, axis=1)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(lengths[lengths > 0], 1, atol=1e-5)
    assert (lengths[:20] > 0).all()
