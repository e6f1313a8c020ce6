"""The estimate of the memory of a fit, against the measured peak."""

import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sklux import ReLUProjection
from sklux._student import finishing, latent, products, report
from sklux._student import fit_memory as module
from sklux._student.fit_data import FitData
from sklux._student.fit_memory import FitSize, fit_memory, guessed_size, warn_of_memory
from sklux._student.projection import fit_projection
from sklux._student.teacher_embeddings import TeacherEmbeddings
from sklux._student.term_vectors import TermVectors
from sklux._utils import blocks

pytest.importorskip("torch")

SIZE = FitSize(
    n_documents=500_000,
    n_values=30_000_000,
    n_features=50_000,
    n_units=128,
    n_components=64,
    n_teacher_components=384,
    n_embedded=500_000,
    n_term_components=0,
    n_latent=0,
)
GUESSED = {
    "n_documents": 1000,
    "n_characters": 300_000,
    "max_features": None,
    "n_words": 0,
    "n_teacher_components": 384,
    "n_embedded": 1000,
    "embeds_terms": False,
}


def random_data(n_samples, n_features, n_teacher_components):
    rng = np.random.RandomState(0)
    X = sparse.random(
        *(n_samples, n_features, 30 / n_features),
        format="csr",
        dtype=np.float32,
        random_state=rng,
    )
    return X, X @ rng.standard_normal((n_features, n_teacher_components))


@pytest.fixture
def sizes(monkeypatch):
    """Sizes that fits have checked."""
    recorded = []
    monkeypatch.setattr("sklux._student.projection.warn_of_memory", recorded.append)
    return recorded


@pytest.fixture(scope="module", autouse=True)
def first_fit():
    """The first fit imports torch, and starts threads."""
    X, vectors = random_data(40, 100, 8)
    ReLUProjection(max_iter=1).fit(X, vectors)


def short_report(monkeypatch):
    """Make the report so short that other stages need more memory."""
    monkeypatch.setattr(finishing, "MAX_REPORT_SIZE", 100)
    monkeypatch.setattr(module, "MAX_REPORT_SIZE", 100)
    monkeypatch.setattr(report, "N_PAIRS", 100)


def peak_of_fit(X, teacher, terms=None, views=(None, None), **parameters):
    """Peak memory of a fit, which tracemalloc knows for arrays too."""
    projection = ReLUProjection(
        n_components=16,
        hidden_layer_sizes=(64,),
        batch_size=500,
        max_iter=1,
        early_stopping=False,
        random_state=0,
        **parameters,
    )
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        fit_projection(
            *(projection, X, teacher, views[0], terms, None),
            view_teacher=views[1],
            warns_of_missing=False,
        )
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("shape", "corpus_weight", "share", "has_terms"),
    [
        ((3000, 3000, 32), 0.0, 1.0, False),
        ((2000, 6000, 32), 0.1, 1.0, True),
        ((8000, 1000, 32), 0.0, 1.0, True),
        ((2000, 3000, 64), 0.1, 0.3, True),
        ((1000, 20_000, 16), 0.0, 1.0, False),
    ],
    ids=["teacher", "dual", "primal", "imputing", "features"],
)
def test_fit_memory_is_near_the_measured_peak(
    monkeypatch, sizes, shape, corpus_weight, share, has_terms
):
    """Within a factor of 1.6."""
    short_report(monkeypatch)
    X, vectors = random_data(*shape)
    vectors[int(share * len(vectors)) :] = np.nan
    teacher = TeacherEmbeddings.of_target(vectors)
    terms = None
    if has_terms:
        chosen = np.arange(0, shape[1], 3)
        terms = TermVectors(chosen, vectors[: len(chosen)].astype(np.float32))
        terms = terms._replace(vectors=np.ones((len(chosen), shape[2]), np.float32))
    measured = peak_of_fit(X, teacher, terms, corpus_weight=corpus_weight)
    (size,) = sizes
    assert 1 / 1.6 < max(fit_memory(size).values()) / measured < 1.6


@pytest.mark.parametrize(
    ("corpus_weight", "share"), [(0.0, 1.0), (0.1, 1.0), (0.0, 0.1)]
)
def test_fit_takes_little_memory_for_further_documents(
    monkeypatch, sizes, corpus_weight, share
):
    """Less than 600 bytes: 64 of them are the target, 256 the numbers of the copies.

    The matrix takes 240 bytes a document. All constants that limit blocks are small.
    """
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 256)
    monkeypatch.setattr(products, "TRANSPOSED_ROWS", 256)
    monkeypatch.setattr(latent, "SAMPLE_SIZE", 400)
    short_report(monkeypatch)
    X, vectors = random_data(5000, 300, 64)
    vectors[np.random.RandomState(0).random_sample(5000) > share] = np.nan
    peaks = [
        peak_of_fit(
            X[:n_documents],
            TeacherEmbeddings.of_target(vectors[:n_documents]),
            corpus_weight=corpus_weight,
        )
        for n_documents in (2000, 5000)
    ]
    assert (peaks[1] - peaks[0]) / 3000 < 600


def test_fit_memory_of_targets_of_views(monkeypatch, sizes):
    """Their number decides, not the number of the views: see the measured peaks."""
    short_report(monkeypatch)
    X, vectors = random_data(4000, 500, 32)
    X_views = sparse.vstack([X, X]).tocsr()
    y_views = np.vstack([vectors, vectors]).astype(np.float32)
    teacher = TeacherEmbeddings.of_target(vectors)
    peaks = []
    for n_embedded in (10, 8000):
        y_views[n_embedded:] = np.nan
        y_views[:n_embedded] = np.resize(vectors, (n_embedded, 32))
        views = X_views, TeacherEmbeddings.of_views(y_views, teacher)
        peaks.append(peak_of_fit(X, teacher, views=views, corpus_weight=0.0))
    few, many = (fit_memory(size)["training"] for size in sizes)
    assert many - few == 4 * 16 * 7990
    assert [size.n_embedded_views for size in sizes] == [10, 8000]
    assert peaks[1] - peaks[0] < 2 * (many - few)


def test_fit_memory_of_a_large_fit_by_hand():
    """Four layers of weights, the targets, and 48 bytes for each document."""
    found = fit_memory(SIZE)
    assert found["training"] == 4 * 4 * 50_000 * 128 + 500_000 * (4 * 64 + 48)
    assert set(found) == {"targets", "initial weights", "training", "report"}
    assert max(found.values()) < 1500 * 500_000


def test_fit_memory_of_a_document_is_bounded():
    """A document takes at most 1.5 KB, here 256 targets and its numbers."""
    size = replace(SIZE, n_components=256, n_latent=256)
    twice = replace(size, n_documents=10**6, n_values=60_000_000, n_embedded=10**6)
    more = max(fit_memory(twice).values()) - max(fit_memory(size).values())
    assert 1024 * 500_000 < more < 1500 * 500_000


def test_fit_size_of_a_fit():
    X, vectors = random_data(40, 100, 8)
    vectors[10:] = np.nan
    terms = TermVectors(np.arange(3), np.ones((3, 8), dtype=np.float32))
    teacher = TeacherEmbeddings.of_target(vectors)
    rows, rng = np.arange(40), np.random.RandomState(0)
    data = FitData(X, teacher, None, terms, rows, rows[:0], 5, rng, rows)
    assert FitSize.of(ReLUProjection(), data) == FitSize(
        n_documents=40,
        n_values=X.nnz,
        n_features=100,
        n_units=5,
        n_components=5,
        n_teacher_components=8,
        n_embedded=10,
        n_term_components=8,
        n_latent=768,
    )
    views = TeacherEmbeddings(vectors, ~np.isnan(vectors).any(axis=1))
    data = replace(data, view_teacher=views)
    assert FitSize.of(ReLUProjection(), data).n_embedded_views == 10


def test_guessed_size_of_texts():
    size = guessed_size(ReLUProjection(), **GUESSED)
    assert (size.n_values, size.n_features) == (100_000, 20_000)
    assert (size.n_units, size.n_components, size.n_latent) == (256, 256, 256)
    assert size.n_term_components == size.n_embedded_views == 0
    size = guessed_size(ReLUProjection(), **GUESSED, embeds_views=True)
    assert size.n_embedded_views == 2000


@pytest.mark.parametrize(
    ("changes", "n_features"),
    [
        ({"n_words": 7}, 20_007),
        ({"max_features": 500}, 500),
        ({"max_features": 10**9}, 20_000),
        ({"n_characters": 0}, 1),
    ],
)
def test_guessed_size_features(changes, n_features):
    size = guessed_size(ReLUProjection(), **GUESSED | changes)
    assert size.n_features == n_features


def test_guessed_size_of_a_linear_student_of_the_teacher_alone():
    projection = ReLUProjection(20, hidden_layer_sizes=(), corpus_weight=0)
    size = guessed_size(projection, **GUESSED | {"embeds_terms": True})
    assert (size.n_units, size.n_components, size.n_latent) == (20, 20, 0)
    assert size.n_term_components == 384


@pytest.fixture
def available(monkeypatch):
    """Pretend that this many bytes are available."""
    return lambda n_bytes: monkeypatch.setattr(
        module, "available_memory", lambda: n_bytes
    )


def test_warn_of_memory_gives_numbers_and_remedies(available):
    available(10**8)
    message = (
        "may need 0.286 GB .* stage 'initial weights', but only 0.1 GB are available.* "
        r"\(50,000; set max_features .*128 units; set hidden_layer_sizes.*500,000; "
        r"transform takes .*set teacher_sample_size\)\.$"
    )
    with pytest.warns(UserWarning, match=message):
        assert warn_of_memory(SIZE)


@pytest.mark.parametrize("n_bytes", [None, 10**12])
def test_warn_of_memory_is_silent(available, n_bytes):
    """If the memory suffices, or the system does not tell."""
    available(n_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not warn_of_memory(SIZE)


def test_warn_of_memory_counts_what_is_not_in_memory_yet(available):
    """Matrices of 2 * 240 MB, and teacher embeddings of 768 MB."""
    available(10**9)
    assert not warn_of_memory(SIZE)
    assert not warn_of_memory(SIZE, is_guessed=True)
    with pytest.warns(UserWarning, match="may need 1.53 GB"):
        assert warn_of_memory(SIZE, is_guessed=True, has_vectors=False)


def test_projection_warns_of_memory_before_it_starts(available, monkeypatch):
    """Nothing is computed before the warning, which may be made an error."""
    available(1)
    monkeypatch.setattr("sklux._student.projection.student_targets", None)
    X, vectors = random_data(40, 100, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="may need .* GB of memory"):
            ReLUProjection().fit(X, vectors)


def test_guessed_size_takes_an_int_as_the_width_of_the_only_layer():
    as_int, as_tuple = (
        guessed_size(ReLUProjection(hidden_layer_sizes=sizes), **GUESSED)
        for sizes in (64, (64,))
    )
    assert as_int == as_tuple
    assert as_int.n_units == 64
