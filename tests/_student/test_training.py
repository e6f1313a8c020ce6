"""Training: schedule, dense steps, losses of a batch, loop, stopping rule."""

import warnings

import numpy as np
import pytest
import reference
from joblib import cpu_count
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

torch = pytest.importorskip("torch")

from sklux._kernels.layers import BETA_1, BETA_2, EPSILON  # noqa: E402

from sklux._student import training  # noqa: E402
from sklux._student.first_layer import FirstLayer, MiniBatches  # noqa: E402
from sklux._student.fit_data import TrainingExamples  # noqa: E402
from sklux._student.initialization import initial_coefs  # noqa: E402
from sklux._student.losses import (  # noqa: E402
    contrastive_loss,
    cosine_loss,
    similarity_kl_loss,
)
from sklux._student.network import Network, apply_network  # noqa: E402
from sklux._student.teacher_embeddings import TeacherEmbeddings  # noqa: E402
from sklux._student.training import (  # noqa: E402
    DenseLayer,
    NeighborScore,
    TrainingSettings,
    batch_loss,
    forward,
    learning_rate_factor,
    train_student,
)
from sklux._utils import threads  # noqa: E402

ALL_LOSSES = {"cosine": 1.0, "similarity_kl": 0.5}


def make_settings(loss="cosine", **changes):
    defaults = dict(
        loss={loss: 1.0} if isinstance(loss, str) else loss,
        temperature=3.0,
        contrastive_weight=0.0,
        contrastive_temperature=0.05,
        dropout=0.15,
        learning_rate_init=0.003,
        batch_size=32,
        max_iter=4,
        n_iter_no_change=3,
        tol=1e-4,
        device="cpu",
        verbose=False,
    )
    return TrainingSettings(**(defaults | changes))


def two_views(X, empty=()):
    """Two views of documents: each value is in one; some second views are empty."""
    in_first = np.random.RandomState(7).random_sample(X.shape) < 0.5
    first, second = X.toarray() * in_first, X.toarray() * ~in_first
    second[list(empty)] = 0
    return sparse.csr_matrix(np.vstack([first, second]), dtype=np.float32)


def train(score=None, seed=0, with_views=False, view_targets=None, **changes):
    """Train on documents of topics, each time from the same initial weights."""
    X, teacher = reference.topic_documents(200)
    coefs = initial_coefs(X, teacher, (40,), np.random.RandomState(0))
    views = two_views(X) if with_views else None
    return train_student(
        TrainingExamples(X, views, teacher, teacher, view_targets=view_targets),
        coefs,
        make_settings(**changes),
        score,
        np.random.RandomState(seed),
    )


def start():
    """Initial weights of `train`."""
    X, teacher = reference.topic_documents(200)
    return initial_coefs(X, teacher, (40,), np.random.RandomState(0))


def assert_same_weights(first, second):
    for one, other in zip(first, second, strict=True):
        reference.assert_same_bits(one, other)


class ScriptedScore:
    """Returns given scores, and records the weights."""

    def __init__(self, *scores):
        self.scores = scores
        self.recorded = []

    def __call__(self, coefs):
        self.recorded.append([weights.copy() for weights in coefs])
        return self.scores[len(self.recorded) - 1]


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


def test_dense_layer_equals_reference():
    """In float64, with the constants of the kernels."""
    rng = np.random.RandomState(0)
    first = rng.standard_normal((6, 4))
    expected = reference.LazyAdam(first, BETA_1, BETA_2, EPSILON)
    weights = torch.tensor(first)
    layer = DenseLayer(weights)
    for step in range(20):
        gradient, rate = rng.standard_normal((6, 4)), 0.1 / (step + 1)
        expected.step(range(6), gradient, rate)
        layer.step(torch.tensor(gradient), rate)
    np.testing.assert_allclose(weights.numpy(), expected.weights, rtol=1e-12)


def test_dense_layer_equals_torch_adam():
    rng = np.random.RandomState(0)
    first = torch.tensor(rng.standard_normal((6, 4)))
    ours, theirs = first.clone(), first.clone().requires_grad_()
    layer = DenseLayer(ours)
    optimizer = torch.optim.Adam([theirs], lr=0.01, betas=(BETA_1, BETA_2), eps=EPSILON)
    for _ in range(10):
        theirs.grad = torch.tensor(rng.standard_normal((6, 4)))
        optimizer.step()
        layer.step(theirs.grad, 0.01)
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-10)


def sums_of(X, weights):
    """Sums of the first layer for all rows, computed as in the training loop."""
    batches = MiniBatches(X, None, 0.0, np.random.RandomState(0))
    return torch.from_numpy(
        FirstLayer(weights).sums(batches.take(np.arange(X.shape[0])))
    )


@pytest.mark.parametrize("hidden_layer_sizes", [(), (7,), (20, 9)])
def test_forward_equals_apply_network(hidden_layer_sizes):
    """Except for the last normalisation."""
    X, teacher = reference.topic_documents(50)
    coefs = initial_coefs(X, teacher, hidden_layer_sizes, np.random.RandomState(0))
    first, *dense = coefs
    student = forward(sums_of(X, first), [torch.from_numpy(w) for w in dense])
    np.testing.assert_allclose(
        reference.unit_rows(student.numpy()),
        apply_network(X, Network.of(coefs), 1),
        atol=2e-6,
    )


def test_forward_of_tied_rows_equals_apply_network():
    X, teacher = reference.topic_documents(50)
    W, V = initial_coefs(X, teacher, "tied", np.random.RandomState(0))
    student = forward(sums_of(X, W), [torch.from_numpy(V)], tied=True)
    np.testing.assert_allclose(
        reference.unit_rows(student.numpy()),
        apply_network(X, Network.of([W, V], tied=True), 1),
        atol=2e-6,
    )


def test_forward_of_an_empty_row_is_zero():
    X, teacher = reference.topic_documents(20)
    X = blank_rows(X, 3)
    first, last = initial_coefs(X, teacher, (8,), np.random.RandomState(0))
    student = forward(sums_of(X, first), [torch.from_numpy(last)])
    assert not student[3].any()
    assert torch.isfinite(student).all()


@pytest.mark.parametrize("hidden_layer_sizes", [(6,), "tied"])
def test_forward_gradient_by_central_difference(hidden_layer_sizes):
    """A whole student with the kernels; the loss is the cosine distance to targets."""
    tied = hidden_layer_sizes == "tied"
    X, teacher = reference.topic_documents(12, n_features=9, n_teacher_components=3)
    random_state = np.random.RandomState(0)
    first, last = initial_coefs(X, teacher, hidden_layer_sizes, random_state)
    batch = MiniBatches(X, None, 0.0, np.random.RandomState(0)).take(np.arange(12))
    layer = FirstLayer(first.copy())
    hidden = torch.from_numpy(layer.sums(batch)).requires_grad_()
    weights = torch.from_numpy(last).requires_grad_()
    student = forward(hidden, [weights], tied)
    cosine_loss(student, torch.from_numpy(teacher)).backward()
    layer.step(batch, hidden.grad.numpy(), 0.0)
    gradients = layer.mean / (1 - BETA_1), weights.grad.numpy()

    def loss(coefs):
        network = reference.network(X, coefs)
        if tied:
            network = reference.tied_network(X, *coefs)
        return reference.cosine_loss(network, teacher)

    coefs = [first.astype(np.float64), last.astype(np.float64)]
    step = 1e-6
    for weights, gradient in zip(coefs, gradients):
        for place in np.ndindex(weights.shape):
            weights[place] += step
            above = loss(coefs)
            weights[place] -= 2 * step
            below = loss(coefs)
            weights[place] += step
            slope = (above - below) / (2 * step)
            assert gradient[place] == pytest.approx(slope, abs=2e-6)


def loss_parts(n_views=5):
    """Rows of eight of twenty documents and some views; their numbers; all targets."""
    rng = np.random.RandomState(0)
    student = torch.tensor(rng.standard_normal((8 + 2 * n_views, 4)))
    targets = [
        torch.tensor(reference.unit_rows(rng.standard_normal((20, width))))
        for width in (6, 4)
    ]
    return student, rng.permutation(20)[:8], targets


@pytest.mark.parametrize("n_views", [0, 1, 5, 8])
@pytest.mark.parametrize("loss", ["cosine", "similarity_kl", ALL_LOSSES])
def test_batch_loss_is_the_weighted_sum_of_the_parts(loss, n_views):
    """Distillation uses the documents, the contrastive loss their views."""
    student, samples, (whole, reduced) = loss_parts(n_views)
    settings = make_settings(
        loss, temperature=0.4, contrastive_weight=0.3, contrastive_temperature=0.2
    )
    own, first, second = student.split([8, n_views, n_views])
    expected = 0.0
    for name, weight in settings.loss.items():
        if name == "cosine":
            expected += weight * cosine_loss(own, reduced[samples])
        else:
            # The whole targets only if there is no other loss.
            compared = whole if loss == "similarity_kl" else reduced
            expected += weight * similarity_kl_loss(own, compared[samples], 0.4)
    if n_views:
        expected += 0.3 * contrastive_loss(first, second, 0.2)
    found = batch_loss(student, samples, [whole, reduced], settings)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("embedded", [(), (3,), (0, 2, 7, 8), range(10)])
@pytest.mark.parametrize("loss", ["cosine", "similarity_kl", ALL_LOSSES])
def test_batch_loss_of_views_with_targets_equals_reference(loss, embedded):
    """A view weighs half as much as a document; without a target, nothing.

    First and second views are not compared with each other.
    """
    student, samples, (whole, reduced) = loss_parts()
    compared = whole if loss == "similarity_kl" else reduced
    width = compared.shape[1]
    view_targets = torch.zeros((10, width), dtype=torch.float64)
    targets = reference.unit_rows(np.random.RandomState(1).standard_normal((10, width)))
    view_targets[list(embedded)] = torch.tensor(targets)[list(embedded)]
    settings = make_settings(loss, temperature=0.4)
    expected = reference.loss_with_views(
        list(zip(student[:8].numpy(), compared[samples].numpy())),
        [
            (row, targets[view] if view in embedded else None)
            for view, row in enumerate(student[8:].numpy())
        ],
        settings.loss,
        0.4,
    )
    arguments = student, samples, [whole, reduced], settings, None, view_targets
    assert batch_loss(*arguments).item() == pytest.approx(expected, rel=1e-10)
    # The contrastive loss is added to this, for all views.
    settings.contrastive_weight = 0.3
    contrast = contrastive_loss(*student[8:].chunk(2), 0.05).item()
    assert batch_loss(*arguments).item() == pytest.approx(
        expected + 0.3 * contrast, rel=1e-10
    )


def test_batch_loss_of_views_gradient_by_autograd_check():
    student, samples, targets = loss_parts()
    view_targets = torch.tensor(np.eye(10, 4))
    settings = make_settings(ALL_LOSSES, temperature=0.4)
    assert torch.autograd.gradcheck(
        lambda rows: batch_loss(
            *(rows, samples, targets, settings, None, view_targets)
        ),
        student.requires_grad_(),
    )


def test_batch_loss_gradient_by_autograd_check():
    student, samples, targets = loss_parts()
    settings = make_settings(ALL_LOSSES, temperature=0.4, contrastive_weight=0.3)
    assert torch.autograd.gradcheck(
        lambda rows: batch_loss(rows, samples, targets, settings),
        student.requires_grad_(),
    )


def test_batch_loss_of_two_documents_has_a_zero_gradient():
    """Two documents have no order, and so the similarity loss is 0."""
    student, samples, targets = loss_parts(n_views=0)
    student = student[:2].clone().requires_grad_()
    settings = make_settings({"similarity_kl": 1.0})
    loss = batch_loss(student, samples[:2], targets, settings)
    loss.backward()
    assert loss.item() == 0
    assert not student.grad.any()


def test_neighbor_score_equals_reference():
    X, teacher = reference.topic_documents(60)
    coefs = initial_coefs(X, teacher, (12,), np.random.RandomState(0))
    expected = reference.neighbor_overlap(
        teacher, reference.network(X, coefs), n_neighbors=10
    )
    assert NeighborScore(X, teacher)(coefs) == pytest.approx(expected)


def test_neighbor_score_of_few_documents():
    """Four documents have three neighbours each, and so any student finds all."""
    X, teacher = reference.topic_documents(4)
    coefs = initial_coefs(X, teacher, (), np.random.RandomState(0))
    assert NeighborScore(X, teacher)(coefs) == 1


@pytest.mark.parametrize("loss", ["cosine", "similarity_kl", ALL_LOSSES])
def test_train_student_loss_goes_down(loss):
    loss_curve = train(
        loss=loss, temperature=0.1, max_iter=6, tol=0, dropout=0.0
    ).loss_curve
    assert len(loss_curve) == 6
    assert loss_curve[-1] < 0.8 * loss_curve[0]


@pytest.mark.parametrize("with_views", [False, True])
def test_train_student_has_the_same_bits_for_the_same_seed(with_views):
    options = dict(seed=3, with_views=with_views, contrastive_weight=0.5)
    first, second = train(**options), train(**options)
    assert_same_weights(first.coefs, second.coefs)
    assert first.loss_curve == second.loss_curve


def targets_of_views(rows=slice(None)):
    """Targets of the views of `train`, which the targets of documents do not tell."""
    vectors = np.full((400, 16), np.nan, dtype=np.float32)
    rng = np.random.RandomState(5)
    vectors[rows] = rng.standard_normal(vectors[rows].shape)
    return TeacherEmbeddings.of_rows(vectors, "y_views")


@pytest.mark.parametrize("loss", ["cosine", ALL_LOSSES])
def test_train_student_learns_targets_of_views(loss):
    """The second views alone have targets; they come nearer, the first do not."""
    X, _ = reference.topic_documents(200)
    targets, views = targets_of_views(slice(200, None)), two_views(X)
    found = []
    for view_targets in (None, targets):
        coefs = train(
            loss=loss, with_views=True, view_targets=view_targets, temperature=0.1
        ).coefs
        student = apply_network(views, Network.of(coefs), 1)
        vectors = targets.vectors[200:]
        found.append(cosine_loss(*map(torch.tensor, (student[200:], vectors))).item())
    assert found[1] < 0.95 * found[0]


def test_train_student_takes_only_views_with_targets(monkeypatch):
    """Without the contrastive loss, the other views are not in a batch."""
    recorded = []
    batch_loss = training.batch_loss

    def record(student, samples, *rest):
        recorded.append(len(student) - len(samples))
        return batch_loss(student, samples, *rest)

    monkeypatch.setattr(training, "batch_loss", record)
    targets = targets_of_views(slice(10, 40))
    for weight, n_views in ((0.0, 2 * 30), (0.5, 2 * 200)):
        options = {"contrastive_weight": weight, "max_iter": 1}
        train(with_views=True, view_targets=targets, **options)
        assert sum(recorded) == n_views
        recorded.clear()


def test_train_student_counts_the_products_of_views(monkeypatch):
    """The similarity loss compares first views, and second views, of a batch."""
    found = []
    fixed_thread_count = training.fixed_thread_count

    def record(products):
        found.append(products)
        return fixed_thread_count(products)

    monkeypatch.setattr(training, "fixed_thread_count", record)
    for view_targets in (None, targets_of_views()):
        options = {"loss": ALL_LOSSES, "max_iter": 1, "with_views": True}
        train(view_targets=view_targets, **options)
    assert found[1] - found[0] == 2 * 32**2 * 16


def test_train_student_has_the_same_bits_with_several_torch_threads(monkeypatch):
    """By default, small batches are trained on one thread."""
    monkeypatch.setattr(training, "MANY_PRODUCTS", 0)
    assert_same_weights(train(batch_size=200).coefs, train(batch_size=200).coefs)


@pytest.mark.parametrize("n_threads", [2, 5])
def test_train_student_has_the_same_bits_on_all_kernel_threads(monkeypatch, n_threads):
    results = []
    for n_jobs in (1, n_threads):
        monkeypatch.setattr(threads, "effective_n_jobs", lambda _, n=n_jobs: n)
        results.append(train(with_views=True, contrastive_weight=0.5))
    assert_same_weights(results[0].coefs, results[1].coefs)


def test_train_student_one_step_moves_the_weights():
    """The learning rate is not 0, even in a single step."""
    trained = train(max_iter=1, batch_size=1000).coefs
    assert not any(np.array_equal(old, new) for old, new in zip(start(), trained))


def test_train_student_weights_depend_on_the_seed():
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
def test_train_student_thread_count_depends_on_the_batch_and_is_restored(
    threshold, expected, three_torch_threads, monkeypatch
):
    monkeypatch.setattr(training, "MANY_PRODUCTS", threshold)
    during = []

    def score(coefs):
        during.append(torch.get_num_threads())
        return 0.0

    train(score, max_iter=1)
    assert during == [expected]
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_train_student_thread_count_is_restored_after_an_error(
    three_torch_threads, error
):
    """Also after an interrupt. The next training gives the same weights."""

    def score(coefs):
        raise error("no score")

    with pytest.raises(error, match="no score"):
        train(score)
    assert torch.get_num_threads() == 3
    assert_same_weights(train().coefs, train().coefs)


def test_train_student_keeps_the_weights_of_the_best_score():
    score = ScriptedScore(0.1, 0.5, 0.4, 0.3)
    result = train(score, max_iter=4, n_iter_no_change=10)
    assert result.validation_scores == [0.1, 0.5, 0.4, 0.3]
    for weights, expected in zip(result.coefs, score.recorded[1]):
        reference.assert_same_bits(weights, expected)
    assert not np.array_equal(result.coefs[0], score.recorded[3][0])


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ((0.1, 0.5, 0.46, 0.3), 2),
        ((0.1, 0.5, 0.46, 0.42), 2),
        ((0.1, 0.5, 0.44, 0.46), 3),
        ((0.5, 0.46, 0.52, 0.46), 2),
    ],
)
def test_train_student_keeps_the_last_weights_within_the_error_of_the_best(
    scores, kept
):
    """The difference is to the best score, not to the score of the kept weights."""
    score = ScriptedScore(*scores)
    result = train(score, max_iter=4, n_iter_no_change=10, score_error=0.05)
    assert_same_weights(result.coefs, score.recorded[kept])


def test_neighbor_score_error_is_a_standard_deviation():
    """Each of the 10 neighbours of each document is found with probability 1/2."""
    X, targets = reference.topic_documents(40)
    error = NeighborScore(X, targets).error
    tosses = np.random.RandomState(0).randint(0, 2, (20_000, 400)).mean(axis=1)
    assert error == pytest.approx(tosses.std(), rel=0.05)


def test_train_student_stops_when_the_score_no_longer_rises():
    """Best at the second epoch, then two without improvement."""
    score = ScriptedScore(0.1, 0.5, 0.4, 0.5, 0.9)
    result = train(score, max_iter=5, n_iter_no_change=2)
    assert result.validation_scores == [0.1, 0.5, 0.4, 0.5]
    assert len(result.loss_curve) == 4


def test_train_student_ignores_small_rises_of_the_score():
    """The training stops in spite of them, but their weights are kept."""
    score = ScriptedScore(0.5, 0.5004, 0.5008, 0.9)
    result = train(score, max_iter=4, n_iter_no_change=2, tol=0.001)
    assert result.validation_scores == [0.5, 0.5004, 0.5008]
    reference.assert_same_bits(result.coefs[0], score.recorded[2][0])


def test_train_student_adds_up_small_rises():
    """The score of epoch three is more than tol above epoch one."""
    score = ScriptedScore(0.5, 0.5006, 0.5012, 0.5012, 0.5012, 0.9)
    result = train(score, max_iter=6, n_iter_no_change=2, tol=0.001)
    assert len(result.validation_scores) == 5


def test_train_student_without_score_stops_by_the_loss():
    """The steps are too small to change the loss after the first epoch."""
    result = train(
        learning_rate_init=1e-12, max_iter=8, n_iter_no_change=2, dropout=0.0
    )
    assert len(result.loss_curve) == 3
    assert result.validation_scores == []


def test_train_student_without_score_keeps_the_last_weights():
    """They equal the last weights of a run that records all epochs."""
    score = ScriptedScore(0.1, 0.2, 0.3)
    recorded = train(score, max_iter=3, tol=0)
    for weights, expected in zip(train(max_iter=3, tol=0).coefs, score.recorded[-1]):
        reference.assert_same_bits(weights, expected)
    assert len(recorded.coefs) == 2


@pytest.mark.parametrize("batch_size", [1, 7, 200, 10**6])
def test_train_student_takes_any_batch_size(batch_size):
    result = train(batch_size=batch_size, max_iter=1)
    assert np.isfinite(result.loss_curve).all()


@pytest.mark.parametrize("with_views", [False, True])
@pytest.mark.parametrize("loss", ["cosine", "similarity_kl", ALL_LOSSES])
def test_train_student_with_zero_rows_is_finite(loss, with_views):
    """Some documents have no features, and some teacher vectors are zero."""
    X, teacher = reference.topic_documents(40)
    X = blank_rows(X, slice(0, 5))
    teacher[3:8] = 0
    coefs = initial_coefs(X, teacher, (10,), np.random.RandomState(0))
    views = two_views(X) if with_views else None
    result = train_student(
        TrainingExamples(X, views, teacher, teacher),
        coefs,
        make_settings(loss, contrastive_weight=0.5),
        None,
        np.random.RandomState(0),
    )
    assert np.isfinite(result.loss_curve).all()
    assert all(np.isfinite(weights).all() for weights in result.coefs)


class InParts:
    """Examples that are read in parts, in each epoch anew."""

    has_views = has_view_targets = False

    def __init__(self, *examples):
        self.examples, self.n_read = examples, 0
        self.n_train = sum(part.n_train for part in examples)

    def parts(self):
        self.n_read += 1
        yield from self.examples


def train_in_parts(*edges):
    """Train on documents in parts; the weights, and how often they were read."""
    X, teacher = reference.topic_documents(200)
    parts = [
        TrainingExamples(X[start:stop], None, teacher[start:stop], teacher[start:stop])
        for start, stop in zip(edges[:-1], edges[1:], strict=True)
    ]
    coefs = initial_coefs(X, teacher, (40,), np.random.RandomState(0))
    examples = InParts(*parts)
    settings = make_settings(max_iter=3)
    rng = np.random.RandomState(0)
    return train_student(examples, coefs, settings, None, rng), examples.n_read


def test_train_student_on_a_single_part_has_the_bits_of_a_training_in_memory():
    result, n_read = train_in_parts(0, 200)
    assert n_read == 3
    assert_same_weights(result.coefs, train(max_iter=3).coefs)
    assert result.loss_curve == train(max_iter=3).loss_curve


def test_train_student_learns_from_all_parts():
    """A part without documents changes nothing."""
    result, _ = train_in_parts(0, 90, 90, 200)
    whole = train(max_iter=3)
    assert len(result.loss_curve) == 3
    np.testing.assert_allclose(result.loss_curve, whole.loss_curve, rtol=0.2)
    first, _ = train_in_parts(0, 90)
    assert np.abs(result.coefs[0] - first.coefs[0]).max() > 1e-3


def train_linear(settings, X_views=None, seed=0):
    """Train a student without hidden layers; it has one row of weights per feature."""
    X, teacher = reference.topic_documents(200)
    coefs = initial_coefs(X, teacher, (), np.random.RandomState(0))
    result = train_student(
        TrainingExamples(X, X_views, teacher, teacher),
        coefs,
        settings,
        None,
        np.random.RandomState(seed),
    )
    return result.coefs


def view_loss(X_views, coefs):
    """Contrastive loss of the views of all documents."""
    first, second = np.split(apply_network(X_views, Network.of(coefs), 1), 2)
    return reference.contrastive_loss(first, second, 0.05)


def test_train_student_views_lower_the_contrastive_loss():
    X, _ = reference.topic_documents(200)
    X_views = two_views(X)
    without = train(max_iter=6).coefs
    with_loss = train(max_iter=6, with_views=True, contrastive_weight=1.0).coefs
    before = view_loss(X_views, start())
    assert view_loss(X_views, with_loss) < 0.8 * before
    assert view_loss(X_views, with_loss) < 0.9 * view_loss(X_views, without)


def test_train_student_views_train_without_a_distillation_loss():
    """Only the weights of features in views change."""
    X, _ = reference.topic_documents(200)
    views = two_views(X).toarray()
    views[:, 30:] = 0
    settings = make_settings({}, contrastive_weight=1.0, max_iter=2)
    first = train_linear(make_settings({}, max_iter=1))
    (trained,) = train_linear(settings, sparse.csr_matrix(views))
    assert np.array_equal(first[0][30:], trained[30:])
    assert (first[0][:30] != trained[:30]).any(axis=1).all()


def test_train_student_ignores_documents_with_an_empty_view():
    """The values of their other view do not change the result."""
    X, _ = reference.topic_documents(200)
    settings = make_settings(contrastive_weight=1.0, max_iter=2)
    views = two_views(X, empty=range(0, 200, 3))
    dense = views.toarray()
    dense[0:200:3] = 1
    expected = train_linear(settings, views)
    assert_same_weights(train_linear(settings, sparse.csr_matrix(dense)), expected)


def test_train_student_with_empty_views_alone_equals_none():
    """No document has two views."""
    X, _ = reference.topic_documents(200)
    settings = make_settings(contrastive_weight=1.0, max_iter=2)
    views = two_views(X, empty=range(200))
    assert_same_weights(train_linear(settings, views), train_linear(settings))


def test_train_student_dropout_changes_the_weights():
    for first, second in zip(train(dropout=0.0).coefs, train(dropout=0.4).coefs):
        assert not np.array_equal(first, second)


def test_train_student_uses_whole_targets_for_similarity_and_reduced_for_cosine():
    """The other targets are not read."""
    X, teacher = reference.topic_documents(60)
    nothing = np.full_like(teacher, np.nan)
    for loss, targets in [
        ("cosine", (nothing, teacher)),
        ("similarity_kl", (teacher, nothing)),
    ]:
        coefs = initial_coefs(X, teacher, (), np.random.RandomState(0))
        result = train_student(
            TrainingExamples(X, None, *targets),
            coefs,
            make_settings(loss),
            None,
            np.random.RandomState(0),
        )
        assert np.isfinite(result.loss_curve).all()


# Divergence


def good_epochs():
    """Losses and weights of four epochs without a warning."""
    score = ScriptedScore(0.1, 0.2, 0.3, 0.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return train(score, tol=0).loss_curve, score.recorded


@pytest.mark.parametrize("learning_rate_init", [1e22, 1e30, 1e37])
def test_train_student_divergence_keeps_the_start(learning_rate_init):
    """There is no good epoch, and weights that are too large are not returned."""
    with pytest.warns(ConvergenceWarning, match="Lower learning_rate_init=1e"):
        result = train(learning_rate_init=learning_rate_init)
    assert_same_weights(result.coefs, start())
    assert result.loss_curve == []


def test_train_student_divergence_keeps_the_last_good_epoch(monkeypatch):
    """The loss is NaN from the third epoch on; an epoch has seven batches."""
    losses, weights = good_epochs()
    calls = []

    def with_nan(*arguments):
        calls.append(arguments)
        return batch_loss(*arguments) * (np.nan if len(calls) > 14 + 3 else 1.0)

    monkeypatch.setattr(training, "batch_loss", with_nan)
    with pytest.warns(ConvergenceWarning, match="the loss of epoch 3.*not finite"):
        result = train(tol=0)
    assert result.loss_curve == losses[:2]
    assert_same_weights(result.coefs, weights[1])


def test_train_student_divergence_keeps_the_weights_of_the_best_score(monkeypatch):
    calls = []

    def with_nan(*arguments):
        calls.append(arguments)
        return batch_loss(*arguments) * (np.nan if len(calls) > 14 else 1.0)

    monkeypatch.setattr(training, "batch_loss", with_nan)
    score = ScriptedScore(0.5, 0.2)
    with pytest.warns(ConvergenceWarning, match="the loss of epoch 3"):
        result = train(score)
    assert result.validation_scores == [0.5, 0.2]
    assert_same_weights(result.coefs, score.recorded[0])


def test_train_student_divergence_of_weights_with_finite_losses(monkeypatch):
    """The last step of an epoch makes weights NaN."""
    losses, weights = good_epochs()
    step, calls = FirstLayer.step, []

    def with_nan(layer, batch, gradient, rate):
        calls.append(rate)
        step(layer, batch, gradient * (np.nan if len(calls) == 14 else 1), rate)

    monkeypatch.setattr(FirstLayer, "step", with_nan)
    with pytest.warns(ConvergenceWarning, match="epoch 2, or a weight after it"):
        result = train(tol=0)
    assert result.loss_curve == losses[:1]
    assert_same_weights(result.coefs, weights[0])


@pytest.mark.parametrize("name", ["temperature", "contrastive_temperature"])
def test_train_student_divergence_names_the_temperatures(name):
    with pytest.warns(ConvergenceWarning, match=f"{name}=1e-40"):
        result = train(
            loss=ALL_LOSSES,
            with_views=True,
            contrastive_weight=1.0,
            **{name: 1e-40},
        )
    assert_same_weights(result.coefs, start())


@pytest.mark.parametrize("verbose", [True, False])
def test_train_student_progress_bar(capsys, verbose):
    train(max_iter=1, verbose=verbose)
    assert ("training" in capsys.readouterr().err) is verbose
