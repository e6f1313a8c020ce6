"""Losses and their gradients against formulas in NumPy."""

import numpy as np
import pytest
import reference

torch = pytest.importorskip("torch")

from sklux._student.losses import (  # noqa: E402
    contrastive_loss,
    cosine_loss,
    similarity_kl_loss,
)

TEMPERATURES = [0.05, 1.0, 3.0]


def normal(*shape, seed=0):
    return np.random.RandomState(seed).standard_normal(shape)


def tensor(array, **options):
    return torch.tensor(array, dtype=torch.float64, **options)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 3), (33, 17)])
def test_cosine_loss_equals_reference(shape):
    student, target = normal(*shape), reference.unit_rows(normal(*shape, seed=1))
    assert cosine_loss(tensor(student), tensor(target)).item() == pytest.approx(
        reference.cosine_loss(student, target), abs=1e-12
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n_samples", [3, 4, 20])
def test_similarity_kl_loss_equals_reference(n_samples, temperature):
    student, teacher = normal(n_samples, 3), normal(n_samples, 7, seed=1)
    loss = similarity_kl_loss(tensor(student), tensor(teacher), temperature)
    assert loss.item() == pytest.approx(
        reference.similarity_kl_loss(student, teacher, temperature), abs=1e-12
    )


def test_similarity_kl_loss_by_hand():
    """Three rows; each row has two others.

    Teacher: rows 0 and 1 are equal, row 2 is opposite. Student: rows 0 and 2 are
    equal, row 1 is opposite. With p = softmax([1, -1])[0] = 1 / (1 + exp(-2)):

    row 0: teacher [p, 1 - p], student [1 - p, p]: KL = (2 p - 1) * 2
    row 1: the others are 0 and 2; teacher [p, 1 - p], student [1/2, 1/2]
    row 2: the others are 0 and 1; teacher [1/2, 1/2], student [p, 1 - p]
    """
    teacher, student = tensor([[1], [1], [-1]]), tensor([[1], [-1], [1]])
    p = 1 / (1 + np.exp(-2))
    row_0 = (2 * p - 1) * 2
    row_1 = p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p))
    row_2 = -np.log(2) - (np.log(p) + np.log(1 - p)) / 2
    assert similarity_kl_loss(student, teacher, 1.0).item() == pytest.approx(
        (row_0 + row_1 + row_2) / 3
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("n_samples", [1, 2, 3, 20])
def test_contrastive_loss_equals_reference(n_samples, temperature):
    first, second = normal(n_samples, 4), normal(n_samples, 4, seed=1)
    loss = contrastive_loss(tensor(first), tensor(second), temperature)
    assert loss.item() == pytest.approx(
        reference.contrastive_loss(first, second, temperature), abs=1e-12
    )


def test_contrastive_loss_by_hand():
    """Two documents with the same second view.

    First views (1, 0) and (0, 1), second views (0, 1) and (0, 1), T = 1, so
    S = [[0, 0], [1, 1]]. The values of a row are equal: -log softmax = log 2, twice.
    Its columns are both (0, 1): with p = e / (1 + e), -log(1 - p) for the first
    document and -log(p) for the second.
    """
    first, second = tensor([[1, 0], [0, 1]]), tensor([[0, 2], [0, 3]])
    p = np.e / (1 + np.e)
    expected = (2 * np.log(2) - np.log(1 - p) - np.log(p)) / 4
    assert contrastive_loss(first, second, 1.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("n_copies", [2, 5])
def test_contrastive_loss_does_not_compare_copies(n_copies):
    """Copies of one document have nothing to be compared with, like one document."""
    views = tensor(np.tile(normal(1, 4), (n_copies, 1)))
    groups = np.zeros(n_copies, dtype=np.intp)
    assert contrastive_loss(views, views, 0.05).item() == pytest.approx(
        np.log(n_copies)
    )
    assert contrastive_loss(views, views, 0.05, groups).item() == pytest.approx(0)


def test_contrastive_loss_of_two_documents_and_a_copy_by_hand():
    """First views (1, 0), (0, 1), (1, 0), second views the same, T = 1.

    S = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]. Without the copy, rows and columns 0 and 2
    are (1, 0): -log(e / (e + 1)). The second document is compared with both copies:
    -log(e / (e + 2)).
    """
    views = tensor([[1, 0], [0, 1], [1, 0]])
    expected = -(2 * np.log(np.e / (np.e + 1)) + np.log(np.e / (np.e + 2))) / 3
    found = contrastive_loss(views, views, 1.0, np.array([4, 7, 4]))
    assert found.item() == pytest.approx(expected)


def test_contrastive_loss_of_different_documents_has_the_same_bits_with_groups():
    first, second = tensor(normal(20, 4)), tensor(normal(20, 4, seed=1))
    groups = np.arange(20)
    assert contrastive_loss(first, second, 0.05, groups).item() == (
        contrastive_loss(first, second, 0.05).item()
    )


def test_contrastive_loss_with_copies_has_a_finite_gradient():
    views = tensor(normal(6, 4), requires_grad=True)
    contrastive_loss(views, views * 2, 0.01, np.array([0, 0, 0, 1, 1, 2])).backward()
    assert torch.isfinite(views.grad).all()


def test_cosine_loss_gradient_by_autograd_check():
    student = tensor(normal(5, 4), requires_grad=True)
    target = tensor(reference.unit_rows(normal(5, 4, seed=1)))
    assert torch.autograd.gradcheck(lambda s: cosine_loss(s, target), student)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_similarity_kl_loss_gradient_by_autograd_check(temperature):
    student = tensor(normal(5, 4), requires_grad=True)
    teacher = tensor(normal(5, 6, seed=1))
    assert torch.autograd.gradcheck(
        lambda s: similarity_kl_loss(s, teacher, temperature), student
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_contrastive_loss_gradient_by_autograd_check(temperature):
    views = tensor(normal(5, 4), requires_grad=True), tensor(normal(5, 4, seed=1))
    views[1].requires_grad_()
    assert torch.autograd.gradcheck(
        lambda first, second: contrastive_loss(first, second, temperature), views
    )


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (cosine_loss, {}),
        (similarity_kl_loss, {"temperature": 0.5}),
        (contrastive_loss, {"temperature": 0.5}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_losses_gradient_by_central_difference(loss, options):
    """The gradient of the torch loss is the slope of the NumPy formula."""
    student, target = normal(6, 3), reference.unit_rows(normal(6, 3, seed=1))
    leaf = tensor(student, requires_grad=True)
    loss(leaf, tensor(target), **options).backward()

    numpy_loss = getattr(reference, loss.__name__)
    step = 1e-6
    for i, j in np.ndindex(student.shape):
        nudge = np.zeros_like(student)
        nudge[i, j] = step
        # (f(x + h) - f(x - h)) / 2h
        slope = (
            numpy_loss(student + nudge, target, **options)
            - numpy_loss(student - nudge, target, **options)
        ) / (2 * step)
        assert leaf.grad[i, j].item() == pytest.approx(slope, abs=1e-7)


def test_cosine_loss_is_zero_for_equal_directions():
    """The loss does not depend on the length of student rows."""
    target = reference.unit_rows(normal(8, 5))
    assert cosine_loss(tensor(3 * target), tensor(target)).item() == pytest.approx(0)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_similarity_kl_loss_is_zero_for_equal_angles(temperature):
    """The loss does not depend on lengths and rotations."""
    teacher = normal(8, 5)
    rotation, _ = np.linalg.qr(normal(5, 5, seed=2))
    loss = similarity_kl_loss(
        tensor(2 * teacher @ rotation), tensor(teacher), temperature
    )
    assert loss.item() == pytest.approx(0, abs=1e-12)


def test_cosine_loss_of_opposite_rows_is_two():
    target = reference.unit_rows(normal(8, 5))
    assert cosine_loss(tensor(-target), tensor(target)).item() == pytest.approx(2)


@pytest.mark.parametrize("seed", range(10))
def test_losses_are_not_negative(seed):
    student, teacher = normal(9, 4, seed=seed), normal(9, 4, seed=seed + 100)
    target = reference.unit_rows(teacher)
    assert cosine_loss(tensor(student), tensor(target)).item() >= 0
    for temperature in TEMPERATURES:
        loss = similarity_kl_loss(tensor(student), tensor(teacher), temperature)
        assert loss.item() >= 0
        loss = contrastive_loss(tensor(student), tensor(teacher), temperature)
        assert loss.item() >= 0


def test_cosine_loss_of_a_zero_target_has_no_gradient():
    student = tensor(normal(2, 3), requires_grad=True)
    target = tensor([[0, 0, 0], [1, 0, 0]])
    loss = cosine_loss(student, target)
    loss.backward()
    expected = 1 - reference.unit_rows(student.detach().numpy())[1, 0] / 2
    assert loss.item() == pytest.approx(expected)
    assert not student.grad[0].any()
    assert student.grad[1].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_losses_of_zero_student_rows_have_finite_gradients(dtype):
    rows = normal(5, 3)
    rows[1] = 0
    target = torch.tensor(reference.unit_rows(normal(5, 3, seed=1)), dtype=dtype)
    for loss in (
        cosine_loss,
        lambda s, t: similarity_kl_loss(s, t, 3.0),
        lambda s, t: contrastive_loss(s, t, 0.05),
    ):
        student = torch.tensor(rows, dtype=dtype, requires_grad=True)
        value = loss(student, target)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize("n_samples", [1, 2])
def test_similarity_kl_loss_of_a_small_batch_has_no_gradient(n_samples):
    student = tensor(normal(n_samples, 3), requires_grad=True)
    loss = similarity_kl_loss(student, tensor(normal(n_samples, 4, seed=1)), 3.0)
    loss.backward()
    assert loss.item() == 0
    assert not student.grad.any()


def test_similarity_kl_loss_ignores_the_diagonal():
    """The cosine of a row with itself is 1 for all rows."""
    rows = np.eye(4)
    loss = similarity_kl_loss(tensor(rows), tensor(rows[::-1].copy()), 0.05)
    assert loss.item() == pytest.approx(0, abs=1e-12)


def on_circle(degrees):
    angles = np.deg2rad(degrees)
    return tensor(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def test_similarity_kl_loss_at_low_temperature_depends_on_the_nearest():
    """Two pairs of similar rows; in the student, the pairs are more similar."""
    teacher, student = on_circle([0, 5, 90, 95]), on_circle([0, 5, 60, 65])
    assert similarity_kl_loss(student, teacher, 0.02).item() < 1e-9
    assert similarity_kl_loss(student, teacher, 3.0).item() > 1e-2


def test_similarity_kl_loss_at_high_temperature_depends_on_all():
    """T^2 KL tends to half the variance of the errors over the other rows."""
    student, teacher = normal(7, 3), normal(7, 4, seed=1)
    student_unit, teacher_unit = map(reference.unit_rows, (student, teacher))
    errors = teacher_unit @ teacher_unit.T - student_unit @ student_unit.T
    off_diagonal = errors[~np.eye(7, dtype=bool)].reshape(7, 6)
    loss = similarity_kl_loss(tensor(student), tensor(teacher), 1e4)
    assert loss.item() == pytest.approx(off_diagonal.var(axis=1).mean() / 2, rel=1e-3)


@pytest.mark.parametrize("n_samples", [2, 5])
def test_contrastive_loss_of_equal_views_is_the_value_of_chance(n_samples):
    """Each of the equal views has the share 1 / n."""
    views = tensor(np.ones((n_samples, 3)))
    loss = contrastive_loss(views, 2 * views, 0.05)
    assert loss.item() == pytest.approx(np.log(n_samples))


def test_contrastive_loss_of_one_document_has_no_gradient():
    views = tensor(normal(1, 3), requires_grad=True), tensor(normal(1, 3, seed=1))
    loss = contrastive_loss(*views, 0.05)
    loss.backward()
    assert loss.item() == 0
    assert not views[0].grad.any()


def test_contrastive_loss_at_low_temperature_depends_on_the_nearest():
    """Two pairs of views, five degrees apart; the pairs are orthogonal."""
    first, second = on_circle([0, 90]), on_circle([5, 95])
    assert contrastive_loss(first, second, 0.02).item() < 1e-9
    assert contrastive_loss(first, second, 3.0).item() > 0.5


def test_contrastive_loss_is_symmetric():
    """It does not depend on lengths and rotations either."""
    first, second = normal(6, 4), normal(6, 4, seed=1)
    rotation, _ = np.linalg.qr(normal(4, 4, seed=2))
    expected = contrastive_loss(tensor(first), tensor(second), 0.3).item()
    turned = tensor(3 * second @ rotation), tensor(first @ rotation)
    assert contrastive_loss(*turned, 0.3).item() == pytest.approx(expected)


def test_contrastive_loss_pulls_the_views_of_a_document_together():
    """A step against the gradient also moves views of different documents apart."""
    first, second = normal(5, 4), normal(5, 4, seed=1)
    leaf = tensor(first, requires_grad=True)
    contrastive_loss(leaf, tensor(second), 1.0).backward()
    moved = reference.unit_rows(first - 0.1 * leaf.grad.numpy())
    before = reference.unit_rows(first) @ reference.unit_rows(second).T
    after = moved @ reference.unit_rows(second).T
    others = ~np.eye(5, dtype=bool)
    assert np.trace(after) > np.trace(before)
    assert after[others].sum() < before[others].sum()
