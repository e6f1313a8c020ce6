"""The training room: schedule, optimiser, batches, forward, loop, stopping rule."""

import numpy as np
import pytest
import reference
from hypothesis import given
from joblib import cpu_count
from scipy import sparse
from strategies import csr_matrices, kernel_settings, seeds

torch = pytest.importorskip("torch")

from sklux import _training  # noqa: E402
from sklux._initialization import initial_coefs  # noqa: E402
from sklux._network import Network, apply_network  # noqa: E402
from sklux._training import (  # noqa: E402
    LazyAdam,
    NeighborScore,
    SparseBatches,
    TrainingSettings,
    forward,
    learning_rate_factor,
    train_student,
)


def make_settings(**changes):
    defaults = dict(
        loss="cosine",
        temperature=3.0,
        learning_rate_init=0.003,
        batch_size=32,
        max_iter=4,
        n_iter_no_change=3,
        tol=1e-4,
        device="cpu",
        verbose=False,
    )
    return TrainingSettings(**(defaults | changes))


def train(score=None, seed=0, **changes):
    """Train on documents of topics, from a start that is the same each time."""
    X, teacher = reference.topic_documents(200)
    coefs = initial_coefs(X, teacher, (40,), np.random.RandomState(0))
    random_state = np.random.RandomState(seed)
    return train_student(
        X, teacher, coefs, make_settings(**changes), score, random_state
    )


class ScriptedScore:
    """Held-out scores as the test wants them; keeps the weights it was shown."""

    def __init__(self, *scores):
        self.scores = scores
        self.seen = []

    def __call__(self, coefs):
        self.seen.append([weights.copy() for weights in coefs])
        return self.scores[len(self.seen) - 1]


def blank_rows(X, rows):
    dense = X.toarray()
    dense[rows] = 0
    return sparse.csr_matrix(dense)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(0, 0), (0.025, 0.5), (0.05, 1), (0.525, 0.5), (0.9, 2 / 19), (1, 0)],
)
def test_learning_rate_factor_corners(progress, expected):
    assert learning_rate_factor(progress) == pytest.approx(expected)


def test_learning_rate_factor_is_between_0_and_1():
    factors = [learning_rate_factor(i / 1000) for i in range(1001)]
    assert 0 <= min(factors) and max(factors) == 1


def test_lazy_adam_equals_reference():
    """All rows in each step: the usual Adam."""
    rng = np.random.RandomState(0)
    start = rng.standard_normal((6, 4))
    twin = reference.LazyAdam(start)
    weights = torch.tensor(start)
    optimizer = LazyAdam(weights)
    for step in range(20):
        gradient, rate = rng.standard_normal((6, 4)), 0.1 / (step + 1)
        twin.step(range(6), gradient, rate)
        optimizer.step(slice(None), torch.tensor(gradient), rate)
    np.testing.assert_allclose(weights.numpy(), twin.weights, rtol=1e-12)


def test_lazy_adam_equals_torch_adam():
    rng = np.random.RandomState(0)
    start = torch.tensor(rng.standard_normal((6, 4)))
    ours, theirs = start.clone(), start.clone().requires_grad_()
    optimizer, twin = LazyAdam(ours), torch.optim.Adam([theirs], lr=0.01)
    for _ in range(10):
        theirs.grad = torch.tensor(rng.standard_normal((6, 4)))
        twin.step()
        optimizer.step(slice(None), theirs.grad, 0.01)
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_lazy_adam_some_rows_equals_reference(seed):
    rng = np.random.RandomState(seed)
    start = rng.standard_normal((9, 3))
    twin = reference.LazyAdam(start)
    weights = torch.tensor(start)
    optimizer = LazyAdam(weights)
    for _ in range(15):
        rows = np.sort(rng.choice(9, size=rng.randint(1, 10), replace=False))
        gradient = rng.standard_normal((len(rows), 3))
        twin.step(rows, gradient, 0.05)
        optimizer.step(torch.from_numpy(rows), torch.tensor(gradient), 0.05)
    np.testing.assert_allclose(weights.numpy(), twin.weights, rtol=1e-12)


def test_lazy_adam_leaves_other_rows_alone():
    weights = torch.ones(5, 2)
    optimizer = LazyAdam(weights)
    optimizer.step(torch.tensor([1, 3]), torch.ones(2, 2), 0.1)
    optimizer.step(torch.tensor([3]), torch.ones(1, 2), 0.1)
    assert torch.equal(weights[[0, 2, 4]], torch.ones(3, 2))
    assert (weights[[1, 3]] < 1).all()


def test_lazy_adam_first_step_by_hand():
    """m_hat = g and v_hat = g^2, so the first step is rate * sign(g)."""
    weights = torch.zeros(1, 3, dtype=torch.float64)
    gradient = torch.tensor([[0.5, -20.0, 1e-3]], dtype=torch.float64)
    LazyAdam(weights).step(slice(None), gradient, 0.1)
    np.testing.assert_allclose(weights.numpy(), [[-0.1, 0.1, -0.1]], rtol=1e-4)


@kernel_settings
@given(csr_matrices(), seeds)
def test_sparse_batches_take_reconstructs_rows(X, seed):
    rng = np.random.default_rng(seed)
    batches = SparseBatches(X, "cpu")
    # Twice: the first batch must leave no trace in the second.
    for _ in range(2):
        samples = rng.permutation(X.shape[0])[: rng.integers(0, X.shape[0] + 1)]
        features, (positions, offsets, values) = batches.take(samples)
        columns = features[positions].numpy()
        ends = [*offsets[1:].tolist(), len(values)][: len(samples)]
        rebuilt = np.zeros((len(samples), X.shape[1]))
        for row, (start, stop) in enumerate(zip(offsets.tolist(), ends)):
            np.add.at(rebuilt[row], columns[start:stop], values[start:stop].numpy())
        np.testing.assert_allclose(
            rebuilt, reference.to_dense(X)[samples], rtol=1e-6, atol=1e-6
        )
        assert features.tolist() == sorted(set(X[samples].indices.tolist()))


@pytest.mark.parametrize("hidden_layer_sizes", [(), (7,), (20, 9)])
def test_forward_equals_apply_network(hidden_layer_sizes):
    """The twin in torch, up to the last L2."""
    X, teacher = reference.topic_documents(50)
    rng = np.random.RandomState(0)
    coefs = initial_coefs(X, teacher, hidden_layer_sizes, rng)
    samples = rng.permutation(50)[:30]
    features, batch = SparseBatches(X, "cpu").take(samples)
    tensors = [torch.from_numpy(weights) for weights in coefs]
    student = forward(batch, tensors[0][features], tensors[1:]).numpy()
    np.testing.assert_allclose(
        reference.unit_rows(student),
        apply_network(X[samples], Network.of(coefs), 1),
        atol=2e-6,
    )


def test_forward_empty_row_is_zero():
    X, teacher = reference.topic_documents(20)
    X = blank_rows(X, 3)
    coefs = initial_coefs(X, teacher, (8,), np.random.RandomState(0))
    features, batch = SparseBatches(X, "cpu").take(np.arange(20))
    tensors = [torch.from_numpy(weights) for weights in coefs]
    student = forward(batch, tensors[0][features], tensors[1:])
    assert not student[3].any()
    assert torch.isfinite(student).all()


def test_neighbor_score_equals_reference():
    X, teacher = reference.topic_documents(60)
    coefs = initial_coefs(X, teacher, (12,), np.random.RandomState(0))
    expected = reference.neighbor_overlap(
        teacher, reference.network(X, coefs), n_neighbors=10
    )
    assert NeighborScore(X, teacher)(coefs) == pytest.approx(expected)


def test_neighbor_score_few_documents():
    """Four documents have three neighbours each, and so any student finds all."""
    X, teacher = reference.topic_documents(4)
    coefs = initial_coefs(X, teacher, (), np.random.RandomState(0))
    assert NeighborScore(X, teacher)(coefs) == 1


@pytest.mark.parametrize("loss", ["cosine", "similarity_kl"])
def test_train_student_loss_goes_down(loss):
    loss_curve = train(loss=loss, temperature=0.1, max_iter=6, tol=0).loss_curve
    assert len(loss_curve) == 6
    assert loss_curve[-1] < 0.8 * loss_curve[0]


def test_train_student_same_seed_same_bits():
    for first, second in zip(train(seed=3).coefs, train(seed=3).coefs):
        reference.assert_same_bits(first, second)


def test_train_student_same_bits_on_all_threads(monkeypatch):
    """With large batches; small ones train on one thread."""
    monkeypatch.setattr(_training, "MANY_PRODUCTS", 0)
    for first, second in zip(train(batch_size=200).coefs, train(batch_size=200).coefs):
        reference.assert_same_bits(first, second)


def test_train_student_one_step_moves_the_weights():
    """The schedule is 0 at neither end of a training, however short."""
    X, teacher = reference.topic_documents(200)
    start = initial_coefs(X, teacher, (40,), np.random.RandomState(0))
    trained = train(max_iter=1, batch_size=1000).coefs
    assert not any(np.array_equal(old, new) for old, new in zip(start, trained))


def test_train_student_other_seed_other_weights():
    for first, second in zip(train(seed=3).coefs, train(seed=4).coefs):
        assert not np.array_equal(first, second)


@pytest.fixture
def three_torch_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [(0, cpu_count(only_physical_cores=True)), (np.inf, 1)],
    ids=["large batches", "small batches"],
)
def test_train_student_thread_count_follows_the_batch_and_is_set_back(
    threshold, expected, three_torch_threads, monkeypatch
):
    monkeypatch.setattr(_training, "MANY_PRODUCTS", threshold)
    during = []

    def score(coefs):
        during.append(torch.get_num_threads())
        return 0.0

    train(score, max_iter=1)
    assert during == [expected]
    assert torch.get_num_threads() == 3


def test_train_student_thread_count_is_set_back_after_an_error(three_torch_threads):
    def score(coefs):
        raise RuntimeError("no score")

    with pytest.raises(RuntimeError, match="no score"):
        train(score)
    assert torch.get_num_threads() == 3


def test_train_student_keeps_the_best_weights():
    score = ScriptedScore(0.1, 0.5, 0.4, 0.3)
    result = train(score, max_iter=4, n_iter_no_change=10)
    assert result.validation_scores == [0.1, 0.5, 0.4, 0.3]
    for weights, expected in zip(result.coefs, score.seen[1]):
        reference.assert_same_bits(weights, expected)
    assert not np.array_equal(result.coefs[0], score.seen[3][0])


def test_train_student_stops_when_the_score_no_longer_rises():
    """Best at the second epoch, then two without improvement."""
    score = ScriptedScore(0.1, 0.5, 0.4, 0.5, 0.9)
    result = train(score, max_iter=5, n_iter_no_change=2)
    assert result.validation_scores == [0.1, 0.5, 0.4, 0.5]
    assert len(result.loss_curve) == 4


def test_train_student_small_rises_do_not_count():
    """They do not keep the training going, but their weights are kept."""
    score = ScriptedScore(0.5, 0.5004, 0.5008, 0.9)
    result = train(score, max_iter=4, n_iter_no_change=2, tol=0.001)
    assert result.validation_scores == [0.5, 0.5004, 0.5008]
    reference.assert_same_bits(result.coefs[0], score.seen[2][0])


def test_train_student_slow_rise_counts_once_it_reaches_tol():
    """Epoch three is more than tol above epoch one."""
    score = ScriptedScore(0.5, 0.5006, 0.5012, 0.5012, 0.5012, 0.9)
    result = train(score, max_iter=6, n_iter_no_change=2, tol=0.001)
    assert len(result.validation_scores) == 5


def test_train_student_without_score_stops_by_the_loss():
    """Steps too small to change anything: the first epoch and two more."""
    result = train(learning_rate_init=1e-12, max_iter=8, n_iter_no_change=2)
    assert len(result.loss_curve) == 3
    assert result.validation_scores == []


def test_train_student_without_score_gives_the_last_weights():
    """The same first epochs as in a run whose every epoch is recorded."""
    score = ScriptedScore(0.1, 0.2, 0.3)
    recorded = train(score, max_iter=3, tol=0)
    for weights, expected in zip(train(max_iter=3, tol=0).coefs, score.seen[-1]):
        reference.assert_same_bits(weights, expected)
    assert len(recorded.coefs) == 2


@pytest.mark.parametrize("batch_size", [1, 7, 200, 10**6])
def test_train_student_any_batch_size(batch_size):
    result = train(batch_size=batch_size, max_iter=1)
    assert np.isfinite(result.loss_curve).all()


@pytest.mark.parametrize("loss", ["cosine", "similarity_kl"])
def test_train_student_zero_rows(loss):
    """Documents without features and teacher vectors of zeros bring no NaN."""
    X, teacher = reference.topic_documents(40)
    X = blank_rows(X, slice(0, 5))
    teacher[3:8] = 0
    coefs = initial_coefs(X, teacher, (10,), np.random.RandomState(0))
    result = train_student(
        X, teacher, coefs, make_settings(loss=loss), None, np.random.RandomState(0)
    )
    assert np.isfinite(result.loss_curve).all()
    assert all(np.isfinite(weights).all() for weights in result.coefs)


def test_train_student_divergence_is_an_error():
    """Weights that are not finite must not leave the room."""
    with pytest.raises(ValueError, match="learning_rate_init"):
        train(learning_rate_init=1e30)


@pytest.mark.parametrize("verbose", [True, False])
def test_train_student_progress_bar(capsys, verbose):
    train(max_iter=1, verbose=verbose)
    assert ("training" in capsys.readouterr().err) is verbose
