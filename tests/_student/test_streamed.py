"""Training examples of a corpus that is read anew in each epoch."""

from dataclasses import replace

import numpy as np
import pytest
import reference
from scipy import sparse

from sklux._student.fit_data import Corpus, CorpusPart, FitData
from sklux._student.streamed import StreamedExamples, training_examples
from sklux._student.targets import student_targets
from sklux._student.teacher_embeddings import TeacherEmbeddings

N_DOCUMENTS, N_SAMPLED = 120, 60


def corpus_and_sample(n_missing=0, size=50, has_all_embeddings=True):
    """A corpus in parts, and the data of a fit on its first documents."""
    X, vectors = reference.topic_documents(N_DOCUMENTS)
    vectors = np.array(vectors)
    vectors[:n_missing] = np.nan
    starts = range(0, N_DOCUMENTS, size)

    def parts(has_views=True):
        for start in starts:
            rows = np.arange(start, min(start + size, N_DOCUMENTS))
            known = vectors[rows]
            if not has_all_embeddings:
                known[rows >= N_SAMPLED] = np.nan
            yield CorpusPart(X[rows], TeacherEmbeddings.of_part(known), None, None)

    held_out = np.arange(50, N_SAMPLED)
    data = FitData(
        X[:N_SAMPLED],
        TeacherEmbeddings.of_rows(vectors[:N_SAMPLED], "y"),
        *(None, None, np.arange(50), held_out, 6, np.random.RandomState(0)),
        np.arange(N_SAMPLED),
    )
    corpus = Corpus(N_DOCUMENTS, N_DOCUMENTS - n_missing, has_all_embeddings, parts)
    return corpus, data


def targets_of(data, corpus, corpus_weight=0.3, needs_whole=True):
    return student_targets(
        data,
        corpus_weight=corpus_weight,
        needs_whole=needs_whole,
        verbose=None,
        corpus=corpus,
    )


@pytest.mark.parametrize("corpus_weight", [0.0, 0.3])
@pytest.mark.parametrize("n_missing", [0, 20])
def test_streamed_targets_of_the_sample_are_its_targets(corpus_weight, n_missing):
    corpus, data = corpus_and_sample(n_missing, size=N_SAMPLED)
    targets = targets_of(data, corpus, corpus_weight)
    first, second = StreamedExamples(corpus, data, targets, targets.map).parts()
    rows = first.rows
    # NumPy's products of fewer rows may differ in the last bits, on some processors.
    for found, expected in (
        (first.reduced[rows], targets.reduced[rows]),
        (first.whole[rows], targets.whole[rows]),
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert second.n_train == N_DOCUMENTS - N_SAMPLED
    lengths = np.linalg.norm(second.reduced, axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_streamed_examples_leave_out_held_out_documents_and_their_copies():
    corpus, data = corpus_and_sample()
    copies = data.held_out[3:5]

    def parts(has_views=True):
        yield from corpus.parts(True)
        yield next(corpus.parts(True))._replace(
            X=data.X[copies],
            teacher=TeacherEmbeddings.of_part(data.teacher.vectors[copies]),
        )

    targets = targets_of(data, corpus)
    examples = StreamedExamples(
        replace(corpus, parts=parts), data, targets, targets.map
    )
    assert examples.n_train == N_DOCUMENTS
    found = [part.n_train for part in examples.parts()]
    # The first ten of documents 50 to 99 are held out.
    assert found == [50, 40, 20, 0]
    regression = [len(targets) for _, targets in examples.rows_and_targets()]
    assert regression == [X.shape[0] for X in examples.rows()] == found
    assert examples.n_train == sum(found)
    lengths = [part.X.shape[0] for part in parts()]
    np.testing.assert_allclose(examples.squares.sum(), sum(lengths), rtol=1e-4)
    occurs = np.zeros(data.X.shape[1], dtype=bool)
    for start, part in zip((0, 60), corpus.parts(True), strict=False):
        rows = np.arange(part.X.shape[0]) + start
        occurs[part.X[~np.isin(rows, data.held_out)].indices] = True
    assert examples.occurs[occurs].all()


def test_streamed_documents_outside_the_sample_are_imputed():
    """Their embeddings are computed from their features."""
    corpus, data = corpus_and_sample(has_all_embeddings=False)
    targets = targets_of(data, corpus, 0.0)
    assert targets.map.imputation is not None
    known, _ = corpus_and_sample()
    true = targets_of(data, known, 0.0)
    parts = zip(
        StreamedExamples(corpus, data, targets, targets.map).parts(),
        StreamedExamples(known, data, true, true.map).parts(),
        strict=True,
    )
    *_, (imputed, expected) = parts
    assert imputed.n_train == expected.n_train == 20
    cosines = np.einsum("ij,ij->i", imputed.reduced, expected.reduced)
    assert cosines.mean() > 0.8


def test_streamed_documents_without_a_target_are_left_out():
    corpus, data = corpus_and_sample()

    def parts(has_views=True):
        for part in corpus.parts(True):
            vectors = np.array(part.teacher.vectors)
            vectors[-7:] = np.nan
            yield part._replace(teacher=TeacherEmbeddings.of_part(vectors))

    targets = targets_of(data, corpus, needs_whole=False)
    examples = training_examples(data, targets, replace(corpus, parts=parts))
    assert [part.n_train for part in examples.parts()] == [43, 33, 13]
    assert all(part.whole is None for part in examples.parts())


def test_streamed_examples_of_data_in_memory_are_the_data():
    _, data = corpus_and_sample()
    targets = student_targets(data, corpus_weight=0.0, needs_whole=False, verbose=None)
    assert targets.map is None
    examples = training_examples(data, targets, None)
    assert list(examples.parts()) == [examples]
    assert examples.n_train == len(data.train)
    assert examples.occurs is None


def test_streamed_views_have_targets():
    corpus, data = corpus_and_sample()
    views = sparse.vstack([data.X, data.X]).tocsr()
    view_teacher = TeacherEmbeddings.of_part(
        np.vstack([data.teacher.vectors, data.teacher.vectors])
    )
    data = replace(data, X_views=views, view_teacher=view_teacher)

    def parts(has_views=True):
        yield CorpusPart(data.X, data.teacher, views, view_teacher)

    targets = targets_of(data, corpus, needs_whole=False)
    examples = StreamedExamples(
        replace(corpus, parts=parts), data, targets, targets.map
    )
    assert examples.has_views
    assert examples.has_view_targets
    (part,) = examples.parts()
    assert part.X_views is views
    assert part.view_targets.n_components == 6
