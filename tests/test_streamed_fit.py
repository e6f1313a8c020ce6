"""LuxicalVectorizer.fit on a DocumentStream."""

import tracemalloc
import warnings

import numpy as np
import pytest
from conftest import small_vectorizer
from sklearn.feature_extraction.text import HashingVectorizer

from sklux import LexicalVectorizer, LuxicalVectorizer, ReLUProjection
from sklux._student.checkpoint import Checkpoint
from sklux._student.initialization import CORPUS_STEPS
from sklux.datasets import DocumentStream


def pairs(documents, embeddings, **params):
    """A stream of documents with their teacher embeddings."""
    return DocumentStream(
        lambda: zip(documents, embeddings, strict=True), embeddings=True, **params
    )


def assert_same_model(model, expected, documents):
    """Fail unless two models have the same terms, idf, report and vectors."""
    assert model.lexical_.vocabulary_ == expected.lexical_.vocabulary_
    assert model.lexical_.idf_.tobytes() == expected.lexical_.idf_.tobytes()
    assert str(model.report_) == str(expected.report_)
    np.testing.assert_array_equal(
        model.transform(documents), expected.transform(documents)
    )


@pytest.mark.parametrize("batch_size", [7, 1000])
def test_streamed_sample_of_all_documents_gives_the_model_of_the_list(
    fitted, documents, teacher_embeddings, batch_size
):
    documents_again = [*documents, documents[0]]
    stream = pairs(documents, teacher_embeddings, batch_size=batch_size)
    model = small_vectorizer().fit(stream)
    assert_same_model(model, fitted, documents_again)
    report = model.stream_report_
    assert report.n_documents == report.n_sampled == len(documents)
    assert report.term_error == report.dropped_error == 0
    assert "all counts are exact" in str(report)
    assert fitted.stream_report_ is None


def test_streamed_copies_of_documents(documents, teacher_embeddings):
    """As long as all documents fit, their copies count as in a list."""
    texts, vectors = [*documents, *documents[:30]], [*teacher_embeddings]
    vectors += vectors[:30]
    expected = small_vectorizer().fit(texts, teacher_embeddings=vectors)
    model = small_vectorizer().fit(pairs(texts, vectors, batch_size=50))
    assert_same_model(model, expected, texts)


def test_streamed_teacher_embeds_documents_of_the_sample(documents, latent_teacher):
    embedded = []

    def teacher(texts):
        embedded.extend(texts)
        return latent_teacher.transform(texts)

    stream = DocumentStream(documents, sample_size=60)
    model = small_vectorizer(teacher, teacher_sample_size=25).fit(stream)
    assert len(embedded) == 25
    assert model.n_teacher_documents_ == 25
    assert model.stream_report_.n_sampled == 60
    # All documents decide about the terms.
    expected = small_vectorizer(teacher, teacher_sample_size=25).fit(documents)
    assert model.lexical_.vocabulary_ == expected.lexical_.vocabulary_
    assert model.lexical_.idf_.tobytes() == expected.lexical_.idf_.tobytes()


def test_streamed_words_of_a_list_become_terms(documents, latent_teacher):
    stream = DocumentStream(documents, sample_size=50)
    model = small_vectorizer(latent_teacher, teacher_words=["zebra", "unseen"])
    model.fit(stream)
    assert {"word__zebra", "word__unseen"} <= model.lexical_.vocabulary_.keys()
    with pytest.warns(UserWarning, match="1 of 1 teacher_words cannot become"):
        model.set_params(teacher_words=["two words"]).fit(stream)


def test_streamed_epochs_read_the_whole_corpus(documents, teacher_embeddings):
    """Each step of the regression, too, unless the sample is the corpus."""
    passes = []

    def source():
        passes.append(1)
        return zip(documents, teacher_embeddings, strict=True)

    def n_passes(sample_size):
        passes.clear()
        stream = DocumentStream(source, embeddings=True, sample_size=sample_size)
        model = small_vectorizer(projection=ReLUProjection(4, max_iter=3)).fit(stream)
        assert model.n_teacher_documents_ == len(documents)
        assert len(model.projection_.loss_curve_) == 3
        return len(passes)

    # Two for the terms, one and the steps for the regression, three for the epochs.
    assert n_passes(60) == 2 + 1 + CORPUS_STEPS + 3
    assert n_passes(10_000) == 2


@pytest.mark.parametrize("n_epochs", [1, 3])
def test_streamed_fit_that_was_stopped_goes_on_with_the_same_bits(
    documents, teacher_embeddings, monkeypatch, tmp_path, n_epochs
):
    def fitted(path):
        projection = ReLUProjection(4, max_iter=3, checkpoint=path)
        model = small_vectorizer(lexical=LexicalVectorizer(), projection=projection)
        return model.fit(
            pairs(documents, teacher_embeddings, sample_size=60, batch_size=50)
        )

    expected = fitted(None)
    write = Checkpoint.write

    def then_stop(self, state):
        write(self, state)
        if state.values["next_epoch"] >= n_epochs:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "write", then_stop)
        with pytest.raises(KeyboardInterrupt):
            fitted(tmp_path / "state")
    assert_same_model(fitted(tmp_path / "state"), expected, documents)


def test_streamed_student_is_nearly_the_student_in_memory(documents, latent_teacher):
    texts = [f"{text} {other}" for text in documents for other in documents[::60]]
    texts = list(dict.fromkeys(texts))
    vectors = latent_teacher.transform(texts)
    params = dict(
        lexical=LexicalVectorizer(),
        projection=ReLUProjection(6, max_iter=3),
        teacher_words=None,
    )
    held_out, n_train = slice(0, None, 4), np.arange(len(texts)) % 4 > 0
    train = [text for text, is_train in zip(texts, n_train, strict=True) if is_train]
    whole = LuxicalVectorizer(**params, random_state=0)
    whole.fit(train, teacher_embeddings=vectors[n_train])
    half = LuxicalVectorizer(**params, random_state=0).fit(
        pairs(train, vectors[n_train], sample_size=len(train) // 2, batch_size=200)
    )
    scores = [
        model.score(texts[held_out], teacher_embeddings=vectors[held_out])
        for model in (whole, half)
    ]
    assert scores[1] > scores[0] - 0.06


@pytest.mark.parametrize("halves", [False, True])
def test_streamed_training_with_a_teacher_of_the_sample(
    documents, latent_teacher, halves
):
    """Other documents have imputed embeddings."""
    texts = [f"{text} {text} {other}" for text in documents for other in documents[:2]]
    stream = DocumentStream(texts, sample_size=len(texts) // 2, batch_size=50)
    model = small_vectorizer(
        latent_teacher,
        teacher_sample_size=80,
        teacher_halves=halves,
        lexical=LexicalVectorizer(),
        projection=ReLUProjection(6, max_iter=2, contrastive_weight=0.1),
    ).fit(stream)
    assert model.n_teacher_documents_ == 80
    vectors = model.transform(texts)
    assert np.isfinite(vectors).all()
    assert len(model.projection_.loss_curve_) == 2


def test_streamed_source_that_changes_during_the_training(
    documents, teacher_embeddings
):
    passes = iter([documents] * 3 + [documents[::-1][1:]])
    stream = DocumentStream(
        lambda: zip(next(passes), teacher_embeddings, strict=False),
        embeddings=True,
        sample_size=50,
    )
    with pytest.raises(ValueError, match="DocumentStream has changed"):
        small_vectorizer().fit(stream)


def test_streamed_counts_beyond_the_bound_are_reported(documents, teacher_embeddings):
    stream = pairs(documents, teacher_embeddings, max_terms=50)
    model = small_vectorizer().fit(stream)
    report = model.stream_report_
    assert report.dropped_error > 0
    assert f"occur at most {report.dropped_error} times" in str(report)
    assert model.transform(documents).any()


def test_streamed_fit_transform_is_transform_of_the_stream(
    documents, teacher_embeddings
):
    stream = pairs(documents, teacher_embeddings)
    model = small_vectorizer()
    vectors = model.fit_transform(stream)
    np.testing.assert_array_equal(vectors, model.transform(documents))


def test_streamed_missing_documents(documents, teacher_embeddings):
    texts, vectors = [*documents, None], [*teacher_embeddings, None]
    stream = pairs(texts, vectors, batch_size=50)
    position = len(documents)
    with pytest.raises(ValueError, match=f"at position {position}"):
        small_vectorizer().fit(stream)
    model = small_vectorizer(null_documents="empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model.fit(stream)
    assert model.stream_report_.n_documents == len(texts)


def test_streamed_source_that_changes_is_an_error(documents, teacher_embeddings):
    passes = iter([documents, documents[1:]])
    stream = DocumentStream(
        lambda: zip(next(passes), teacher_embeddings), embeddings=True
    )
    model = small_vectorizer()
    with pytest.raises(ValueError, match="DocumentStream has changed"):
        model.fit(stream)
    assert not hasattr(model, "lexical_")


def test_streamed_embeddings_are_given_by_the_stream(documents, teacher_embeddings):
    with pytest.raises(ValueError, match="embeddings='column'"):
        small_vectorizer().fit(
            DocumentStream(documents), teacher_embeddings=teacher_embeddings
        )
    with pytest.raises(ValueError, match="no teacher to learn from"):
        small_vectorizer().fit(DocumentStream(documents))
    bad = teacher_embeddings.copy()
    bad[3, 1] = np.inf
    with pytest.raises(ValueError, match="stream's embeddings has NaN or infinity"):
        small_vectorizer().fit(pairs(documents, bad))


@pytest.mark.parametrize(
    "lexical", [HashingVectorizer(), LexicalVectorizer(tokenizer=str.split)]
)
def test_streamed_stage_that_cannot_be_fitted_in_batches(lexical, documents):
    reads = []
    stream = DocumentStream(lambda: reads.append(1) or documents, embeddings=True)
    with pytest.raises(ValueError, match="DocumentStream needs a LexicalVectorizer"):
        LuxicalVectorizer(lexical=lexical).fit(stream)
    assert not reads


@pytest.mark.parametrize("texts", [[], ["one document"]])
def test_streamed_too_few_documents(texts):
    vectors = [[1.0, 2.0]] * len(texts)
    with pytest.raises(ValueError, match="no documents|has 1 document"):
        small_vectorizer().fit(pairs(texts, vectors))


def test_streamed_model_is_saved(documents, teacher_embeddings, tmp_path):
    model = small_vectorizer().fit(pairs(documents, teacher_embeddings))
    model.save(tmp_path / "model.sklux")
    loaded = LuxicalVectorizer.load(tmp_path / "model.sklux")
    assert loaded.stream_report_ is None
    np.testing.assert_array_equal(
        loaded.transform(documents), model.transform(documents)
    )


def test_streamed_memory_does_not_grow_with_the_documents():
    """Three times as many documents of the same words take about the same memory."""

    def peak(n_documents):
        def source():
            for i in range(n_documents):
                words = [f"word{(i * k) % 97}" for k in range(1, 9)]
                yield f"document{i} " + " ".join(words), [i % 7, i % 3, i % 2, 1.0]

        stream = DocumentStream(
            source, embeddings=True, sample_size=200, max_terms=2000, batch_size=500
        )
        model = small_vectorizer(
            lexical=LexicalVectorizer(max_features=200),
            projection=ReLUProjection(4, max_iter=1),
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sklux._lexical.summaries.MIN_WAITING", 1000)
            tracemalloc.start()
            model.fit(stream)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert model.stream_report_.n_documents == n_documents
        return peak

    peak(500)  # imports and caches
    assert peak(3000) < 1.2 * peak(1000)
