"""Quality metrics against plain loops and examples worked by hand."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklux.metrics import (
    bitext_retrieval_score,
    effective_rank,
    half_document_retrieval,
    mean_cosine,
    neighbor_recall_score,
    similarity_correlation,
    split_halves,
)


def cosines(embeddings):
    embeddings = np.asarray(embeddings, dtype=np.float64)
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = np.divide(
        embeddings, lengths, out=np.zeros_like(embeddings), where=lengths > 0
    )
    return unit @ unit.T


def slow_recall(teacher, student, n_neighbors):
    """Loop over documents and sort all others by cosine."""
    shared = 0
    for i in range(len(teacher)):
        nearest = []
        for similarities in (cosines(teacher)[i], cosines(student)[i]):
            others = [j for j in range(len(teacher)) if j != i]
            others.sort(key=lambda j, s=similarities: -s[j])
            nearest.append(set(others[:n_neighbors]))
        shared += len(nearest[0] & nearest[1])
    return shared / (len(teacher) * n_neighbors)


def slow_mrr(first, second):
    """Mean of 1 / rank of the own half among all; ties and zero vectors rank last."""
    n_samples = len(first)
    both = cosines(np.concatenate([first, second]))[:n_samples, n_samples:]
    total = 0
    for i in range(n_samples):
        rank = sum(both[i, j] >= both[i, i] - 1e-6 for j in range(n_samples))
        if not np.any(first[i]) or not np.any(second[i]):
            rank = n_samples
        total += 1 / rank
    return total / n_samples


@pytest.mark.parametrize("n_neighbors", [1, 5, 10])
def test_metrics_recall_equals_the_loop(n_neighbors):
    random_state = np.random.RandomState(0)
    teacher = random_state.standard_normal((40, 6))
    student = teacher[:, :4] + 0.3 * random_state.standard_normal((40, 4))
    assert neighbor_recall_score(
        teacher, student, n_neighbors=n_neighbors
    ) == pytest.approx(slow_recall(teacher, student, n_neighbors))


def test_metrics_recall_of_a_sample_is_near_the_recall_of_all():
    random_state = np.random.RandomState(0)
    teacher = random_state.standard_normal((400, 6))
    student = teacher + 0.5 * random_state.standard_normal((400, 6))
    sample = neighbor_recall_score(teacher, student, sample_size=200, random_state=0)
    assert sample == neighbor_recall_score(
        teacher, student, sample_size=200, random_state=0
    )
    assert sample == pytest.approx(neighbor_recall_score(teacher, student), abs=0.05)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_neighbors": 5}, "n_neighbors=5 must be less than the number of doc"),
        ({"n_neighbors": 0}, "'n_neighbors' parameter of neighbor_recall_score must"),
        ({"n_neighbors": "2"}, "'n_neighbors' parameter of neighbor_recall_score"),
        ({"n_neighbors": 1, "sample_size": 6}, "sample_size=6 must be at most"),
        ({"n_neighbors": 1, "sample_size": 0}, "The 'sample_size' parameter"),
    ],
)
def test_metrics_recall_refuses_wrong_sizes(params, message):
    with pytest.raises(ValueError, match=message):
        neighbor_recall_score(np.eye(5), np.eye(5), **params)


def test_metrics_correlation_equals_pearson_over_all_pairs():
    random_state = np.random.RandomState(0)
    teacher = random_state.standard_normal((60, 6))
    student = teacher + random_state.standard_normal((60, 6))
    off_diagonal = ~np.eye(60, dtype=bool)
    expected = np.corrcoef(
        cosines(teacher)[off_diagonal], cosines(student)[off_diagonal]
    )[0, 1]
    assert similarity_correlation(teacher, student, random_state=0) == pytest.approx(
        expected, abs=0.02
    )


def test_metrics_correlation_never_pairs_a_document_with_itself():
    """A pair of a document and itself has the cosine 1 on both sides."""
    teacher = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert similarity_correlation(teacher, teacher, random_state=0) == 0.0


def test_metrics_correlation_of_constant_vectors_is_zero():
    teacher = np.random.RandomState(0).standard_normal((20, 4))
    assert similarity_correlation(teacher, np.ones((20, 4)), random_state=0) == 0.0


def test_metrics_correlation_refuses_one_document():
    with pytest.raises(ValueError, match="needs at least 2 documents. Got 1"):
        similarity_correlation(np.eye(5)[:1], np.eye(5)[:1])


def test_metrics_correlation_refuses_one_pair():
    with pytest.raises(ValueError, match="The 'n_pairs' parameter"):
        similarity_correlation(np.eye(5), np.eye(5), n_pairs=1)


def slow_rank(embeddings):
    """Exponential of the entropy of the singular values of NumPy's covariance."""
    lengths = np.linalg.norm(embeddings, axis=1)
    unit = embeddings[lengths > 0] / lengths[lengths > 0, None]
    values = np.linalg.svd(np.cov(unit.T, ddof=0), compute_uv=False)
    shares = values / values.sum()
    return np.exp(-sum(share * np.log(share) for share in shares if share > 1e-15))


def test_metrics_effective_rank_by_hand():
    """Six rows lie along e_1 and two along e_2: shares 3/4 and 1/4.

    exp(-(3/4 log 3/4 + 1/4 log 1/4)) = 4 / 3^(3/4). With a third coordinate that is
    the same for all, the rows lie in a cone; this does not change the rank.
    """
    one, other = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    embeddings = np.array([one, -one, one, -one, one, -one, other, -other])
    assert effective_rank(embeddings) == pytest.approx(4 / 3**0.75)
    cone = np.hstack([embeddings, np.full((8, 1), 5.0)])
    assert effective_rank(cone) == pytest.approx(4 / 3**0.75, rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.integers(2, 12))
@settings(max_examples=50, deadline=None)
def test_metrics_effective_rank_equals_the_loop(seed, n_samples, n_components):
    """With more documents than components, and with fewer."""
    random_state = np.random.RandomState(seed)
    embeddings = random_state.standard_normal((n_samples, n_components))
    rank = effective_rank(embeddings)
    assert rank == pytest.approx(slow_rank(embeddings), rel=1e-4)
    assert 1 - 1e-6 <= rank <= min(n_samples - 1, n_components) + 1e-6


@pytest.mark.parametrize("shape", [(20, 4), (4, 20)])
def test_metrics_effective_rank_of_one_direction_is_zero(shape):
    assert effective_rank(np.ones(shape) * np.arange(1, shape[0] + 1)[:, None]) == 0


def test_metrics_mean_cosine_by_hand():
    """Three pairs have the cosines 0, 0 and -1; a zero vector is not in any pair."""
    assert mean_cosine([[2, 0], [0, 1], [0, -3], [0, 0]]) == pytest.approx(-1 / 3)


@given(st.integers(0, 2**32 - 1), st.integers(2, 20))
@settings(max_examples=25, deadline=None)
def test_metrics_mean_cosine_equals_the_mean_over_all_pairs(seed, n_samples):
    embeddings = np.random.RandomState(seed).standard_normal((n_samples, 3)) + 1
    pairs = ~np.eye(n_samples, dtype=bool)
    expected = cosines(embeddings)[pairs].mean()
    assert mean_cosine(embeddings) == pytest.approx(expected, abs=1e-6)


def test_metrics_mean_cosine_of_one_direction_is_not_above_one():
    assert 1 - 1e-6 < mean_cosine(np.full((500, 7), 0.3)) <= 1


@pytest.mark.parametrize("shape", [(30, 5), (5, 30)])
@pytest.mark.parametrize("metric", [effective_rank, mean_cosine])
def test_metrics_of_one_embedding_accept_sparse_matrices_and_zero_rows(metric, shape):
    embeddings = np.random.RandomState(0).standard_normal(shape)
    embeddings[embeddings < 0] = 0
    expected = metric(embeddings)
    with_zeros = np.vstack([embeddings, np.zeros((3, shape[1]))])
    assert metric(with_zeros) == pytest.approx(expected)
    assert metric(sparse.csr_matrix(with_zeros)) == pytest.approx(expected)


@pytest.mark.parametrize("metric", [effective_rank, mean_cosine])
def test_metrics_of_one_embedding_do_not_depend_on_lengths(metric):
    embeddings = np.random.RandomState(0).standard_normal((30, 5))
    assert metric(embeddings * 1e-60) == pytest.approx(metric(embeddings))
    assert metric(embeddings * 1e60) == pytest.approx(metric(embeddings))


@pytest.mark.parametrize("metric", [effective_rank, mean_cosine])
def test_metrics_of_one_embedding_refuse_nan_and_fewer_than_two_vectors(metric):
    with pytest.raises(ValueError, match="Input embeddings contains NaN"):
        metric([[1.0, np.nan], [1.0, 2.0]])
    message = f"{metric.__name__} needs at least 2 vectors that are not zero. Got 1 am"
    with pytest.raises(ValueError, match=message):
        metric([[1.0, 2.0], [0.0, 0.0]])


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_metrics_half_document_retrieval_equals_the_loop(seed, n_samples):
    random_state = np.random.RandomState(seed)
    # Small integers give many ties and zero rows.
    first = random_state.randint(-1, 2, size=(n_samples, 3)).astype(float)
    second = random_state.randint(-1, 2, size=(n_samples, 3)).astype(float)
    assert half_document_retrieval(first, second) == pytest.approx(
        slow_mrr(first, second)
    )


def test_metrics_half_document_retrieval_by_hand():
    """Ranks 1, 2 and (a zero vector) 3: (1 + 1/2 + 1/3) / 3."""
    first = [[1.0, 0.0], [1.0, 0.1], [0.0, 0.0]]
    second = [[1.0, 0.0], [0.0, 1.0], [-0.5, -1.0]]
    assert half_document_retrieval(first, second) == pytest.approx(11 / 18)


def test_metrics_half_document_retrieval_refuses_two_widths():
    with pytest.raises(ValueError, match="must have the same width. Got 2 and 3"):
        half_document_retrieval(np.ones((4, 2)), np.ones((4, 3)))


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.booleans(),
    st.none() | st.integers(1, 12),
)
@settings(max_examples=50, deadline=None)
def test_metrics_bitext_retrieval_equals_the_loop(seed, n_samples, symmetric, k):
    random_state = np.random.RandomState(seed)
    # Small integers give many ties and zero rows.
    first, second = random_state.randint(-2, 3, size=(2, n_samples, 3)).astype(float)
    params = {
        "symmetric": symmetric,
        "csls_neighbors": None if k is None else min(k, n_samples),
    }
    assert bitext_retrieval_score(first, second, **params) == pytest.approx(
        reference.bitext_retrieval(first, second, **params)
    )


def test_metrics_bitext_retrieval_by_hand():
    """From left to right, 1 of 3 is right: a tie, and a zero vector. Back, 1 of 3."""
    first = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    second = [[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
    assert bitext_retrieval_score(first, second, symmetric=False) == 1 / 3
    # Right: the first. The second is as near to both; the third has no direction.
    assert bitext_retrieval_score(second, first, symmetric=False) == 1 / 3
    assert bitext_retrieval_score(first, second) == 1 / 3


def test_metrics_bitext_retrieval_csls_by_hand():
    """The third candidate is nearest to the first two queries, at 20 degrees each.

    Its mean cosine with its two nearest queries is 0.940; the first candidate has
    (cos 35 + cos 75) / 2 = 0.539. So the first query finds its partner: 2 cos 35 -
    0.539 = 1.099 is more than 2 cos 20 - 0.940 = 0.940.
    """
    first, second = (
        np.stack([np.cos(angles), np.sin(angles)], axis=1)
        for angles in np.radians([[0, 40, 100], [-35, 75, 20]])
    )
    assert bitext_retrieval_score(first, second, symmetric=False) == 0
    scaled = bitext_retrieval_score(first, second, symmetric=False, csls_neighbors=2)
    assert scaled == 1 / 3


def test_metrics_bitext_retrieval_refuses_wrong_sizes():
    with pytest.raises(ValueError, match="must have the same width. Got 2 and 3"):
        bitext_retrieval_score(np.ones((4, 2)), np.ones((4, 3)))
    with pytest.raises(ValueError, match="csls_neighbors=5 must be at most .* 4"):
        bitext_retrieval_score(np.eye(4), np.eye(4), csls_neighbors=5)
    with pytest.raises(ValueError, match="'csls_neighbors' parameter"):
        bitext_retrieval_score(np.eye(4), np.eye(4), csls_neighbors=0)


@pytest.mark.parametrize(
    "metric",
    [
        bitext_retrieval_score,
        neighbor_recall_score,
        similarity_correlation,
        half_document_retrieval,
    ],
)
def test_metrics_accept_sparse_matrices(metric):
    random_state = np.random.RandomState(0)
    first = random_state.standard_normal((30, 5))
    first[first < 0] = 0
    second = random_state.standard_normal((30, 5))
    second[second < 0] = 0
    params = {} if metric is not similarity_correlation else {"random_state": 0}
    assert metric(
        sparse.csr_matrix(first), sparse.csr_matrix(second), **params
    ) == pytest.approx(metric(first, second, **params), abs=1e-6)


@pytest.mark.parametrize(
    "metric",
    [
        bitext_retrieval_score,
        neighbor_recall_score,
        similarity_correlation,
        half_document_retrieval,
    ],
)
def test_metrics_refuse_nan_and_unequal_lengths(metric):
    embeddings = np.random.RandomState(0).standard_normal((20, 4))
    damaged = embeddings.copy()
    damaged[3, 1] = np.nan
    with pytest.raises(ValueError, match="The second argument contains NaN"):
        metric(embeddings, damaged)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        metric(embeddings, embeddings[1:])


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("scale", [1e-60, 1e-25, 1e25, 1e60])
def test_metrics_do_not_depend_on_the_lengths_of_vectors(scale, container):
    teacher = np.random.RandomState(0).standard_normal((30, 5))
    student = container(teacher * scale)
    assert neighbor_recall_score(teacher, student) == 1.0
    assert similarity_correlation(teacher, student, random_state=0) > 0.999
    assert half_document_retrieval(container(teacher), student) == 1.0
    assert bitext_retrieval_score(container(teacher), student) == 1.0


@pytest.mark.parametrize(
    ("document", "first", "second"),
    [
        ("", "", ""),
        ("word", "word", ""),
        ("a b", "a", "b"),
        ("one two three", "one two", "three"),
        ("a b c", "a b", "c"),
        # Spaces at 1 and 3, both one character from the middle: the first counts.
        ("a b ", "a", "b "),
        (" x", "", "x"),
        ("x ", "x", ""),
    ],
)
def test_metrics_split_halves_by_hand(document, first, second):
    assert split_halves([document]) == ([first], [second])


def test_metrics_split_halves_refuses_a_bare_string():
    with pytest.raises(ValueError, match="Got a single str instead"):
        split_halves("one document")


@given(st.text(alphabet="ab ", max_size=12))
def test_metrics_split_halves_at_the_nearest_space(document):
    (first,), (second,) = split_halves([document])
    spaces = [i for i, letter in enumerate(document) if letter == " "]
    if not spaces:
        assert (first, second) == (document, "")
    else:
        place = min(spaces, key=lambda i: abs(i - len(document) / 2))
        assert (first, second) == (document[:place], document[place + 1 :])


@pytest.mark.parametrize("kind", [np.uint8, np.uint64, np.int16, bool])
def test_metrics_accept_parameters_of_any_int_type(kind):
    rng = np.random.RandomState(0)
    teacher, student = rng.standard_normal((2, 300, 4))
    for n_neighbors in (1, 10):
        if kind is bool and n_neighbors > 1:
            continue
        found = neighbor_recall_score(
            teacher,
            student,
            n_neighbors=kind(n_neighbors),
            sample_size=kind(1),
            random_state=0,
        )
        assert found == neighbor_recall_score(
            teacher, student, n_neighbors=n_neighbors, sample_size=1, random_state=0
        )
