"""Training of the student: mini-batches, a lazy Adam, early stopping.

This room and `_losses` are the only ones that import torch; they are loaded
inside ``fit``.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from joblib import cpu_count
from scipy import sparse
from torch.nn import functional
from tqdm.auto import tqdm

from sklux._losses import cosine_loss, similarity_kl_loss
from sklux._network import Network, apply_network
from sklux._similarity import nearest_neighbors, neighbor_overlap, unit_rows

WARM_UP_FRACTION = 0.05
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
N_NEIGHBORS = 10
# Batches with fewer multiplications train on one thread.
MANY_PRODUCTS = 1_000_000_000

_locks: dict[int, threading.RLock] = {}  # process id -> lock of the thread count


@dataclass
class TrainingSettings:
    """What the loop needs to know; the names are those of `ReLUProjection`."""

    loss: str
    temperature: float
    learning_rate_init: float
    batch_size: int
    max_iter: int
    n_iter_no_change: int
    tol: float
    device: str
    verbose: bool


@dataclass
class TrainingResult:
    """The trained weights and the history of the training."""

    coefs: list[np.ndarray]
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)


def learning_rate_factor(progress: float) -> float:
    """Factor on the initial learning rate: up over the first 5 %, then down to 0.

    Parameters
    ----------
    progress : float
        Share of all steps that have been made, in [0, 1].

    Returns
    -------
    float
        Between 0 and 1.
    """
    if progress < WARM_UP_FRACTION:
        return progress / WARM_UP_FRACTION
    return (1 - progress) / (1 - WARM_UP_FRACTION)


@contextmanager
def fixed_thread_count(products_per_batch: float) -> Iterator[None]:
    """Set torch's thread count for a training, and set it back after.

    The bits of a trained model depend on the number of threads, so it follows
    the machine and the data alone, not what the caller had set.

    Parameters
    ----------
    products_per_batch : float
        Multiplications of one batch. With few of them one thread trains: a
        second one gains little, for memory is the limit, and torch's threads
        wait for each other by spinning, which on a busy machine is slower by far.
    """
    is_small = products_per_batch < MANY_PRODUCTS
    # The count is the process's: trainings in other threads wait for their turn.
    with _locks.setdefault(os.getpid(), threading.RLock()):
        before = torch.get_num_threads()
        torch.set_num_threads(1 if is_small else cpu_count(only_physical_cores=True))
        try:
            yield
        finally:
            torch.set_num_threads(before)


class LazyAdam:
    """Adam (:arxiv:`1412.6980`) that touches the rows of one batch only.

    Parameters
    ----------
    weights : tensor of shape (n_rows, n_units)
        Changed in place by `step`.
    """

    def __init__(self, weights: torch.Tensor):
        self.weights = weights
        self.mean = torch.zeros_like(weights)
        self.mean_square = torch.zeros_like(weights)
        self.n_steps = 0

    def step(
        self, rows: torch.Tensor | slice, gradient: torch.Tensor, rate: float
    ) -> None:
        """Move some rows against their gradient.

        Parameters
        ----------
        rows : tensor of shape (n_batch_rows,), dtype=torch.int64, or slice
            Distinct rows.
        gradient : tensor of shape (n_batch_rows, n_units)
            Gradient of the loss in those rows.
        rate : float
            Learning rate of this step.
        """
        self.n_steps += 1
        # m := b1 m + (1 - b1) g,  v := b2 v + (1 - b2) g^2
        mean = self.mean[rows].mul_(BETA_1).add_(gradient, alpha=1 - BETA_1)
        mean_square = self.mean_square[rows].mul_(BETA_2)
        mean_square.addcmul_(gradient, gradient, value=1 - BETA_2)
        self.mean[rows], self.mean_square[rows] = mean, mean_square
        # w := w - rate * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
        scale = (mean_square / (1 - BETA_2**self.n_steps)).sqrt_().add_(EPSILON)
        rate /= 1 - BETA_1**self.n_steps
        self.weights[rows] = self.weights[rows].addcdiv_(mean, scale, value=-rate)


class SparseBatches:
    """Mini-batches of CSR rows, renumbered to the features that occur in them.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Rows to draw from.
    device : str
        Where the tensors go.
    """

    def __init__(self, X: sparse.csr_matrix, device: str):
        self.X = X
        self.device = device
        self._occurs = np.zeros(X.shape[1], dtype=bool)
        self._position = np.zeros(X.shape[1], dtype=np.int64)

    def take(
        self, samples: np.ndarray
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """Return the features of some rows, and the rows in terms of those.

        Parameters
        ----------
        samples : ndarray of shape (n_batch,), dtype=np.intp
            Rows of X.

        Returns
        -------
        features : tensor of shape (n_batch_features,), dtype=torch.int64
            Columns of X that occur, ascending.
        batch : tuple of three tensors
            Positions in ``features``, row offsets and values, as
            ``embedding_bag`` takes them.
        """
        rows = self.X[samples]
        self._occurs[rows.indices] = True
        features = np.flatnonzero(self._occurs)
        self._occurs[features] = False
        self._position[features] = np.arange(len(features))
        arrays = (
            self._position[rows.indices],
            rows.indptr[:-1].astype(np.int64),
            rows.data,
        )
        batch = tuple(torch.from_numpy(array).to(self.device) for array in arrays)
        return torch.from_numpy(features).to(self.device), batch


def forward(
    batch: tuple[torch.Tensor, ...], first: torch.Tensor, dense: list[torch.Tensor]
) -> torch.Tensor:
    """Student rows of a batch before the last L2; the twin of `apply_network`.

    Parameters
    ----------
    batch : tuple of three tensors
        As `SparseBatches.take` gives it.
    first : tensor of shape (n_batch_features, n_units)
        Rows of the first layer for the batch's features.
    dense : list of tensor of shape (n_units_in, n_units_out)
        Weights of the other layers.

    Returns
    -------
    tensor of shape (n_batch, n_components)
        Rows of any length.
    """
    positions, offsets, values = batch
    hidden = functional.embedding_bag(
        positions, first, offsets, mode="sum", per_sample_weights=values
    )
    for weights in dense:
        hidden = functional.normalize(hidden.relu()) @ weights
    return hidden


class NeighborScore:
    """Share of the teacher's nearest held-out documents that the student finds too.

    Parameters
    ----------
    X : CSR matrix of shape (n_validation, n_features), dtype=np.float32
        Features of the held-out documents.
    teacher : ndarray of shape (n_validation, n_teacher_components)
        Their teacher vectors.
    """

    def __init__(self, X: sparse.csr_matrix, teacher: np.ndarray):
        self.X = X
        self.queries = np.arange(X.shape[0])
        self.n_neighbors = min(N_NEIGHBORS, X.shape[0] - 1)
        self.expected = nearest_neighbors(
            unit_rows(teacher), self.queries, self.n_neighbors
        )

    def __call__(self, coefs: list[np.ndarray]) -> float:
        """Score some weights.

        Parameters
        ----------
        coefs : list of ndarray
            Weights of the layers.

        Returns
        -------
        float
            Between 0 and 1.
        """
        student = apply_network(self.X, Network.of(coefs), n_jobs=-1)
        found = nearest_neighbors(student, self.queries, self.n_neighbors)
        return neighbor_overlap(self.expected, found)


def train_student(
    X: sparse.csr_matrix,
    y: np.ndarray,
    coefs: list[np.ndarray],
    settings: TrainingSettings,
    score: Callable[[list[np.ndarray]], float] | None,
    random_state: np.random.RandomState,
) -> TrainingResult:
    """Train the weights, starting from ``coefs``.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features), dtype=np.float32
        Features of the training documents.
    y : ndarray of shape (n_samples, n_target_components), dtype=np.float32
        Unit rows to learn: of the student's width for the cosine loss, of any
        width for the similarity loss.
    coefs : list of ndarray
        Weights at the start; changed in place.
    settings : TrainingSettings
        Loss, optimiser and stopping rule.
    score : callable or None
        Scores weights on held-out documents, higher is better; without it the
        loop stops by the training loss.
    random_state : RandomState
        Source of the order of the documents.

    Returns
    -------
    TrainingResult
        The best weights by ``score``, or the last ones without it.
    """
    n_batch = min(settings.batch_size, X.shape[0])
    products = n_batch * X.nnz / X.shape[0] * coefs[0].shape[1]
    if settings.loss == "similarity_kl":
        products += n_batch**2 * coefs[-1].shape[1]
    with (
        fixed_thread_count(products),
        # Whatever the caller's own torch code has switched off around us.
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        return _train(X, torch.from_numpy(y), coefs, settings, score, random_state)


def _train(X, targets, coefs, settings, score, random_state) -> TrainingResult:
    """Run the epochs; see `train_student`."""
    tensors = [torch.from_numpy(weights).to(settings.device) for weights in coefs]
    batches = SparseBatches(X, settings.device)
    optimizers = [LazyAdam(weights) for weights in tensors]
    targets = targets.to(settings.device)
    n_batches = -(-X.shape[0] // settings.batch_size)
    n_steps = n_batches * settings.max_iter
    result = TrainingResult(_to_numpy(tensors))
    stopping = _StoppingRule(settings, score)
    progress = tqdm(
        total=X.shape[0] * settings.max_iter,
        unit="doc",
        unit_scale=True,
        desc="training",
        disable=not settings.verbose,
    )
    with progress:
        for epoch in range(settings.max_iter):
            order = random_state.permutation(X.shape[0])
            total_loss = 0.0
            for step, samples in enumerate(np.array_split(order, n_batches)):
                features, batch = batches.take(samples)
                first = tensors[0][features].requires_grad_()
                dense = [weights.detach().requires_grad_() for weights in tensors[1:]]
                loss = _batch_loss(
                    forward(batch, first, dense), targets[samples], settings
                )
                loss.backward()
                # Half a step in: neither the first nor the last one has rate 0.
                rate = settings.learning_rate_init * learning_rate_factor(
                    (epoch * n_batches + step + 0.5) / n_steps
                )
                optimizers[0].step(features, first.grad, rate)
                for optimizer, weights in zip(optimizers[1:], dense):
                    optimizer.step(slice(None), weights.grad, rate)
                total_loss += loss.item() * len(samples)
                progress.update(len(samples))
            if not np.isfinite(total_loss):
                raise ValueError(
                    f"Training diverged: the loss of epoch {epoch + 1} is not finite. "
                    f"Lower learning_rate_init={settings.learning_rate_init}."
                )
            result.loss_curve.append(total_loss / X.shape[0])
            should_stop = stopping.should_stop(
                _to_numpy(tensors), result.loss_curve[-1]
            )
            progress.set_postfix(loss=result.loss_curve[-1], **stopping.last_score())
            if should_stop:
                break
    best = stopping.best_coefs
    result.coefs = _to_numpy(tensors) if best is None else best
    result.validation_scores = stopping.scores
    return result


class _StoppingRule:
    """Stop once nothing has improved for long enough; keep the best weights.

    With a ``score`` the held-out score must rise, without it the training loss
    must fall, by more than ``tol`` within ``n_iter_no_change`` epochs.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        score: Callable[[list[np.ndarray]], float] | None,
    ):
        self.settings = settings
        self.score = score
        self.scores: list[float] = []
        self.best_coefs: list[np.ndarray] | None = None
        self.best = -np.inf
        self.n_no_change = 0

    def last_score(self) -> dict[str, float]:
        """Score of the last epoch, if there is one, for the progress bar."""
        return {"score": self.scores[-1]} if self.scores else {}

    def should_stop(self, coefs: list[np.ndarray], loss: float) -> bool:
        """Take note of an epoch, and say whether it shall be the last."""
        quality = -loss
        if self.score is not None:
            quality = self.score(coefs)
            self.scores.append(quality)
            if quality > max(self.scores[:-1], default=-np.inf):
                self.best_coefs = [weights.copy() for weights in coefs]
        self.n_no_change += 1
        if quality > self.best + self.settings.tol:
            self.best = quality
            self.n_no_change = 0
        return self.n_no_change >= self.settings.n_iter_no_change


def _batch_loss(
    student: torch.Tensor, targets: torch.Tensor, settings: TrainingSettings
) -> torch.Tensor:
    """The loss that the settings name."""
    if settings.loss == "cosine":
        return cosine_loss(student, targets)
    return similarity_kl_loss(student, targets, settings.temperature)


def _to_numpy(tensors: list[torch.Tensor]) -> list[np.ndarray]:
    """Weights as arrays; on the CPU they share the tensors' memory."""
    return [weights.detach().cpu().numpy() for weights in tensors]
