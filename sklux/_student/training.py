"""Training of the student: mini-batches, Adam, early stopping.

The first layer has nearly all of the weights and takes nearly all of the work. It is
trained by kernels (`first_layer`), and the dense layers by torch.

Only this module and `losses` import torch. They are loaded inside ``fit``.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from joblib import cpu_count
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from torch.nn import functional

from sklux._kernels.layers import BETA_1, BETA_2, EPSILON
from sklux._student.checkpoint import (
    Checkpoint,
    TrainingState,
    random_arrays,
    restore_random,
    training_key,
)
from sklux._student.first_layer import FirstLayer, MiniBatches
from sklux._student.fit_data import ExampleParts, RowSource, TrainingExamples
from sklux._student.losses import contrastive_loss, cosine_loss, similarity_kl_loss
from sklux._student.network import LARGEST_WEIGHT, Network, apply_network
from sklux._utils.fit_tasks import EpochTask, NullTask
from sklux._utils.progress import documents_bar
from sklux._utils.similarity import (
    n_neighbors_compared,
    nearest_neighbors,
    neighbor_overlap,
    unit_rows,
)
from sklux._utils.threads import all_threads
from sklux._utils.warnings import warn_caller

WARM_UP_FRACTION = 0.05
# With fewer multiplications per batch, torch runs on one thread.
MANY_PRODUCTS = 1_000_000_000

EpochTaskMaker = Callable[[list[np.ndarray]], AbstractContextManager[EpochTask]]
# Does not report the epochs.
no_task: EpochTaskMaker = partial(NullTask().epoch, lambda coefs: {})

_locks: dict[int, threading.RLock] = {}  # process id -> lock on the thread count


@dataclass
class TrainingSettings:
    """Settings of the training loop, with the names of parameters of `ReLUProjection`.

    ``loss`` has the weight of each distillation loss. ``score_error`` is the standard
    error of the held-out score. ``tied`` tells whether the rows are tied,
    ``trains_dense`` whether the layers after the first are trained too.
    """

    loss: dict[str, float]
    temperature: float
    contrastive_weight: float
    contrastive_temperature: float
    dropout: float
    learning_rate_init: float
    batch_size: int
    max_iter: int
    n_iter_no_change: int
    tol: float
    device: str
    verbose: bool
    score_error: float = 0.0
    tied: bool = False
    trains_dense: bool = True


@dataclass
class TrainingResult:
    """The trained weights and the history of the training."""

    coefs: list[np.ndarray]
    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)


def learning_rate_factor(progress: float) -> float:
    """Factor on the learning rate: it rises over the first 5 %, then falls to 0.

    Parameters
    ----------
    progress : float
        Share of the steps that are done, in [0, 1].

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
    """Set torch's thread count for a training, and restore it afterwards.

    The bits of a trained model depend on the number of threads. Therefore the number
    depends on the machine, on the data, and on the share of the processors that a
    process of a search gets, but not on the setting of the caller.

    Parameters
    ----------
    products_per_batch : float
        Number of multiplications of the dense layers and losses in one batch. If it is
        small, torch gets one thread: a second thread saves little time, and threads
        that wait for each other by spinning keep the processor from the kernels.
    """
    is_small = products_per_batch < MANY_PRODUCTS
    # The count is a setting of the whole process: other trainings wait for their turn.
    with _locks.setdefault(os.getpid(), threading.RLock()):
        previous = torch.get_num_threads()
        most = min(cpu_count(only_physical_cores=True), all_threads())
        torch.set_num_threads(1 if is_small else most)
        try:
            yield
        finally:
            torch.set_num_threads(previous)


def full_precision(device: str) -> AbstractContextManager[object]:
    """Switch off torch's automatic mixed precision, if the caller has switched it on.

    Parameters
    ----------
    device : str
        Torch device of the training.

    Returns
    -------
    context manager
        Within it, products of float32 matrices are computed in float32.
    """
    device_type = torch.device(device).type
    if not torch.is_autocast_enabled(device_type):
        return nullcontext()
    return torch.autocast(device_type, enabled=False)


class DenseLayer:
    """Weights of a dense layer, and the moments of Adam (:arxiv:`1412.6980`).

    Parameters
    ----------
    weights : tensor of shape (n_units_in, n_units_out)
        Changed in place by `step`.
    """

    def __init__(self, weights: torch.Tensor):
        self.weights = weights
        self.mean = torch.zeros_like(weights)
        self.mean_square = torch.zeros_like(weights)
        self.n_steps = 0

    def step(self, gradient: torch.Tensor, rate: float) -> None:
        """Move the weights against their gradient.

        Parameters
        ----------
        gradient : tensor of shape (n_units_in, n_units_out)
            Gradient of the loss with respect to the weights.
        rate : float
            Learning rate of this step.
        """
        self.n_steps += 1
        # m := b1 m + (1 - b1) g,  v := b2 v + (1 - b2) g^2
        self.mean.mul_(BETA_1).add_(gradient, alpha=1 - BETA_1)
        self.mean_square.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        # w := w - rate * m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
        scale = (self.mean_square / (1 - BETA_2**self.n_steps)).sqrt_().add_(EPSILON)
        self.weights.addcdiv_(
            self.mean, scale, value=-rate / (1 - BETA_1**self.n_steps)
        )


def forward(
    hidden: torch.Tensor, dense: list[torch.Tensor], tied: bool = False
) -> torch.Tensor:
    """Compute student rows before the last normalisation, like `Network.finish`.

    Parameters
    ----------
    hidden : tensor of shape (n_batch, n_units)
        Sums of the first layer.
    dense : list of tensor of shape (n_units_in, n_units_out)
        Weights of the other layers.
    tied : bool, default=False
        Whether the rows are tied; ``dense`` is then [V].

    Returns
    -------
    tensor of shape (n_batch, n_components)
        Rows of any length.
    """
    if tied:
        (added,) = dense
        unit = functional.normalize(hidden)
        return unit[:, : added.shape[1]] + unit.abs() @ added
    for weights in dense:
        hidden = functional.normalize(hidden.relu()) @ weights
    return hidden


class NeighborScore:
    """Neighbour overlap of the student with the targets, on the held-out documents.

    Parameters
    ----------
    X : CSR matrix of shape (n_validation, n_features), dtype=np.float32
        Features of the held-out documents.
    targets : ndarray of shape (n_validation, n_target_components)
        Targets of the held-out documents.
    tied : bool, default=False
        Whether the rows are tied.
    """

    def __init__(self, X: sparse.csr_matrix, targets: np.ndarray, tied: bool = False):
        self.X, self.tied = X, tied
        self.queries = np.arange(X.shape[0])
        self.n_neighbors = n_neighbors_compared(X.shape[0])
        # Largest standard error of a share of so many neighbours (for a share of 1/2).
        self.error = 0.5 / np.sqrt(len(self.queries) * max(self.n_neighbors, 1))
        self.expected = nearest_neighbors(
            unit_rows(targets), self.queries, self.n_neighbors
        )

    def __call__(self, coefs: list[np.ndarray]) -> float:
        """Score the student with these weights.

        Parameters
        ----------
        coefs : list of ndarray
            Weights of the layers.

        Returns
        -------
        float
            Between 0 and 1.
        """
        network = Network.of(coefs, self.tied)
        student = apply_network(self.X, network, all_threads())
        found = nearest_neighbors(student, self.queries, self.n_neighbors)
        return neighbor_overlap(self.expected, found)


def train_student(
    examples: ExampleParts,
    coefs: list[np.ndarray],
    settings: TrainingSettings,
    score: Callable[[list[np.ndarray]], float] | None,
    random_state: np.random.RandomState,
    epoch_task: EpochTaskMaker = no_task,
    checkpoint: str | os.PathLike[str] | None = None,
) -> TrainingResult:
    """Train a student.

    Parameters
    ----------
    examples : ExampleParts
        Documents and their targets.
    coefs : list of ndarray
        Initial weights; changed in place.
    settings : TrainingSettings
        Settings of the losses, the optimiser and the stopping rule.
    score : callable or None
        Takes weights and returns their score on held-out documents; higher is better.
        If it is None, the training loss decides when to stop.
    random_state : RandomState
        Source of the order of the documents and of the dropout.
    epoch_task : callable, default=no_task
        Takes the weights at the beginning of an epoch, and returns a context manager
        that yields an `EpochTask`. It reports the epoch to callbacks, which may stop
        the training.
    checkpoint : str, path-like or None, default=None
        File that gets the state after each epoch. If it exists, the training goes on
        from there.

    Returns
    -------
    TrainingResult
        The weights of the last epoch whose score is within one standard error of the
        best score; without ``score``, the weights of the last epoch.

    Warns
    -----
    ConvergenceWarning
        If the loss or a weight is no longer finite. The result then has the
        weights that were kept before.
    """
    n_batch = min(settings.batch_size, examples.n_train)
    products = n_batch * sum(weights.size for weights in coefs[1:])
    if "similarity_kl" in settings.loss or examples.has_views:
        products += n_batch**2 * coefs[-1].shape[1]
    if "similarity_kl" in settings.loss and examples.has_view_targets:
        products += 2 * n_batch**2 * coefs[-1].shape[1]
    with (
        fixed_thread_count(products),
        # The caller may have switched gradients off, or lower precision on.
        torch.inference_mode(False),
        torch.enable_grad(),
        full_precision(settings.device),
    ):
        file = None
        if checkpoint is not None:
            # What is shown does not change the training.
            key = training_key(examples, coefs, replace(settings, verbose=False))
            file = Checkpoint(checkpoint, key)
        loop = _TrainingLoop(examples, coefs, settings, random_state)
        return loop.run(score, epoch_task, file)


class RowsOnDevice:
    """Rows that are copied to a device, or even computed, when they are needed.

    Parameters
    ----------
    rows : RowSource or None
        The rows; None if they are never needed.
    device : str
        The device.
    """

    def __init__(self, rows: RowSource | None, device: str):
        self.rows, self.device = rows, device

    def __getitem__(self, samples: np.ndarray) -> torch.Tensor:
        """The rows with these numbers."""
        rows = cast(RowSource, self.rows)[samples]
        return torch.from_numpy(rows).to(self.device)


class _Part:
    """The batches and the targets of documents in memory."""

    def __init__(self, examples, settings, random_state):
        self.settings = settings
        self.targets: list[torch.Tensor | RowsOnDevice] = [
            RowsOnDevice(examples.whole, settings.device),
            torch.from_numpy(examples.reduced).to(settings.device),
        ]
        self.view_targets = examples.view_targets
        self.batches = MiniBatches(
            *(examples.X, examples.X_views, settings.dropout, random_state),
            examples.groups,
            examples.rows,
            self._viewed(),
        )

    def _viewed(self) -> np.ndarray | None:
        """Documents whose views are compared with anything; None means all."""
        if self.view_targets is None or self.settings.contrastive_weight > 0:
            return None
        return self.view_targets.is_embedded.reshape(2, -1).any(axis=0)

    def targets_of_views(self, samples) -> torch.Tensor | None:
        """Targets of the views in the batch, zero for those without one."""
        if self.view_targets is None:
            return None
        rows = np.concatenate(self.batches.view_rows(samples))
        return torch.from_numpy(self.view_targets.unit(rows)).to(self.settings.device)


class _TrainingLoop:
    """The layers, their optimiser, and the documents of one training."""

    def __init__(self, examples, coefs, settings, random_state):
        self.settings = settings
        self.examples, self.random_state = examples, random_state
        self.first = FirstLayer(coefs[0])
        self.dense = [
            DenseLayer(torch.from_numpy(weights).to(settings.device))
            for weights in coefs[1:]
        ]
        self.whole = None
        if isinstance(examples, TrainingExamples):
            self.whole = _Part(examples, settings, random_state)

    def _parts(self) -> Iterator[_Part]:
        """The documents of an epoch: all at once, or a part after the other."""
        if self.whole is not None:
            yield self.whole
            return
        for examples in self.examples.parts():
            if examples.n_train > 0:
                yield _Part(examples, self.settings, self.random_state)

    def coefs(self) -> list[np.ndarray]:
        """Weights as arrays; on the CPU they share the memory of the layers."""
        dense = (layer.weights.cpu().numpy() for layer in self.dense)
        return [self.first.weights, *dense]

    def run(self, score, epoch_task, checkpoint=None) -> TrainingResult:
        """Run the epochs, with the stopping rule and the callbacks."""
        stopping = _StoppingRule(self.settings, score, self.coefs())
        losses: list[float] = []
        first_epoch = self._go_on(checkpoint, stopping, losses)
        n_epochs = self.settings.max_iter
        bar = documents_bar(
            "training",
            self.examples.n_train * n_epochs,
            self.settings.verbose,
            f"documents in {n_epochs} epochs",
        )
        with bar as progress:
            progress.update(self.examples.n_train * first_epoch)
            for epoch in range(first_epoch, n_epochs):
                with epoch_task(self.coefs()) as task:
                    loss = self._epoch(epoch, progress)
                    coefs = self.coefs()
                    if not (np.isfinite(loss) and _can_be_summed(coefs)):
                        _warn_of_divergence(epoch, self.settings)
                        task.update(stopping.kept)
                        break
                    losses.append(loss)
                    should_stop = stopping.should_stop(coefs, loss)
                    task.update(coefs)
                is_last = should_stop or task.stop_requested
                self._keep(checkpoint, stopping, losses, n_epochs if is_last else None)
                progress.set_postfix(loss=loss, **stopping.last_score())
                if is_last:
                    break
        return TrainingResult(stopping.kept, losses, stopping.scores)

    @property
    def _layers(self) -> list[FirstLayer | DenseLayer]:
        """All layers."""
        return [self.first, *self.dense]

    def _go_on(self, checkpoint, stopping, losses) -> int:
        """Take the state of a file; return the number of the next epoch."""
        state = None if checkpoint is None else checkpoint.read()
        if state is None:
            return 0
        arrays, values = state.arrays, state.values
        for name, array in self._arrays(stopping).items():
            np.copyto(array, arrays[name])
        for layer, n_steps in zip(self._layers, values["n_steps"]):
            layer.n_steps = n_steps
        if self.settings.device != "cpu":
            for number, layer in enumerate(self.dense, start=1):
                for name in ("weights", "mean", "mean_square"):
                    tensor = torch.from_numpy(arrays[f"{name}.{number}"])
                    getattr(layer, name).copy_(tensor)
        restore_random(self.random_state, arrays)
        stopping.restore(values)
        losses.extend(values["losses"])
        return values["next_epoch"]

    def _keep(self, checkpoint, stopping, losses, next_epoch) -> None:
        """Write the state after an epoch, if there is a file."""
        if checkpoint is None:
            return
        arrays = self._arrays(stopping) | random_arrays(self.random_state)
        values = {
            "n_steps": [layer.n_steps for layer in self._layers],
            "next_epoch": len(losses) if next_epoch is None else next_epoch,
            "losses": losses,
        }
        checkpoint.write(TrainingState(arrays, values | stopping.state()))

    def _arrays(self, stopping) -> dict[str, np.ndarray]:
        """Weights, moments and the weights to keep; on the CPU without a copy."""
        arrays = {}
        for number, layer in enumerate(self._layers):
            for name in ("weights", "mean", "mean_square"):
                values = getattr(layer, name)
                if isinstance(values, torch.Tensor):
                    values = values.cpu().numpy()
                arrays[f"{name}.{number}"] = values
        for number, weights in enumerate(stopping.kept):
            arrays[f"kept.{number}"] = weights
        return arrays

    def _epoch(self, epoch, progress) -> float:
        """Run the steps of an epoch; return the mean loss, which may not be finite."""
        settings, total_loss, n_done = self.settings, 0.0, 0
        for part in self._parts():
            batches = part.batches.epoch(settings.batch_size)
            share = part.batches.n_samples / max(self.examples.n_train, 1)
            begin = n_done / max(self.examples.n_train, 1)
            for step, samples in enumerate(batches):
                # The middle of the step, so that the first and last rates are not 0.
                middle = begin + share * ((step + 0.5) / len(batches))
                done = (epoch + min(middle, 1.0)) / settings.max_iter
                rate = settings.learning_rate_init * learning_rate_factor(done)
                total_loss += self._step(part, samples, rate) * len(samples)
                n_done += len(samples)
                if not np.isfinite(total_loss):
                    return total_loss
                progress.update(len(samples))
        return total_loss / max(n_done, 1)

    def _step(self, part, samples, rate) -> float:
        """Return the loss of a batch, and make a step of all layers if it is finite."""
        batch = part.batches.take(samples)
        hidden = torch.from_numpy(self.first.sums(batch)).to(self.settings.device)
        hidden.requires_grad_()
        weights = [
            layer.weights.detach().requires_grad_(self.settings.trains_dense)
            for layer in self.dense
        ]
        student = forward(hidden, weights, self.settings.tied)
        groups = part.batches.view_groups(samples)
        compared = student, samples, part.targets, self.settings, groups
        loss = batch_loss(*compared, part.targets_of_views(samples))
        value = loss.item()
        if np.isfinite(value):
            loss.backward()
            self.first.step(batch, _gradient(hidden).cpu().numpy(), rate)
            if self.settings.trains_dense:
                for layer, weight in zip(self.dense, weights):
                    layer.step(_gradient(weight), rate)
        return value


def _gradient(tensor: torch.Tensor) -> torch.Tensor:
    """Gradient of a leaf after the backward pass, which always sets it."""
    return cast(torch.Tensor, tensor.grad)


def batch_loss(
    student: torch.Tensor,
    samples: np.ndarray,
    targets: Sequence[torch.Tensor | RowsOnDevice],
    settings: TrainingSettings,
    view_groups: np.ndarray | None = None,
    view_targets: torch.Tensor | None = None,
) -> torch.Tensor:
    """Weighted sum of the losses of a batch.

    With D the weighted sum of the distillation losses of some rows, given their
    targets, C the contrastive loss and w its weight::

        D(documents) + n_1 / (2 n) D(first views) + n_2 / (2 n) D(second views)
            + w C(first views, second views)

    for n documents, n_1 first and n_2 second views with a target. A distillation loss
    is a mean over the rows, so a view weighs half as much as a document. First views
    are not compared with second views by D: this is the work of C.

    Parameters
    ----------
    student : tensor of shape (n_rows, n_components)
        Student rows of the documents, then of their first views, then of their second
        views.
    samples : ndarray of shape (n_batch,), dtype=np.int64
        Row numbers of the documents.
    targets : sequence of two tensors, or RowsOnDevice, of n_samples rows
        Whole and reduced targets, as in `TrainingExamples`. The similarity loss
        compares with the whole targets if it is alone. With the cosine loss it
        compares with the reduced ones, which are in memory.
    settings : TrainingSettings
        Losses and their weights.
    view_groups : ndarray of shape (n_views / 2,), dtype=np.intp, or None, default=None
        Numbers of the documents whose views are among the rows; copies have the same
        number.
    view_targets : tensor of shape (n_views, n_target_components) or None, default=None
        Targets of the views; a zero row means that there is none. None means that no
        view has a target.

    Returns
    -------
    tensor of shape ()
        At least 0.
    """
    own, views = student[: len(samples)], student[len(samples) :]
    whole, reduced = targets
    compared = reduced if "cosine" in settings.loss else whole
    # Without any loss below, the result must still have a gradient.
    loss = (student * 0).sum()
    for part in _distillation_losses(own, compared[samples], settings):
        loss = loss + part
    if view_targets is not None:
        for rows, wanted in zip(views.chunk(2), view_targets.chunk(2)):
            has_target = wanted.any(dim=1)
            share = int(has_target.sum()) / (2 * len(samples))
            known = rows[has_target], wanted[has_target]
            for part in _distillation_losses(*known, settings):
                loss = loss + share * part
    if len(views) and settings.contrastive_weight > 0:
        first, second = views.chunk(2)
        contrast = contrastive_loss(
            first, second, settings.contrastive_temperature, view_groups
        )
        loss = loss + settings.contrastive_weight * contrast
    return loss


def _distillation_losses(
    student: torch.Tensor, target: torch.Tensor, settings: TrainingSettings
) -> Iterator[torch.Tensor]:
    """Each distillation loss of some rows, times its weight; none without rows."""
    if len(student) == 0:
        return
    if "cosine" in settings.loss:
        yield settings.loss["cosine"] * cosine_loss(student, target)
    if "similarity_kl" in settings.loss:
        divergence = similarity_kl_loss(student, target, settings.temperature)
        yield settings.loss["similarity_kl"] * divergence


class _StoppingRule:
    """Decides when to stop, and which weights to keep.

    The training stops when the held-out score (without ``score``, the training loss)
    has not improved by more than ``tol`` within ``n_iter_no_change`` epochs. With
    ``score``, the weights of the last epoch whose score is within one standard error of
    the best score are kept (the one-standard-error rule of L. Breiman et al.,
    Classification and Regression Trees, 1984): later epochs have smaller steps, which
    improve the student in ways that the score does not measure. Without ``score``, the
    weights of the last epoch are kept.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        score: Callable[[list[np.ndarray]], float] | None,
        start: list[np.ndarray],
    ):
        self.settings = settings
        self.score = score
        self.scores: list[float] = []
        self.kept = [weights.copy() for weights in start]
        self.best = -np.inf
        self.n_no_change = 0

    def state(self) -> dict[str, object]:
        """What the rule has recorded, as values for JSON, without the weights."""
        best = self.best if np.isfinite(self.best) else None
        return {"scores": self.scores, "best": best, "n_no_change": self.n_no_change}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what another rule has recorded."""
        self.scores = list(state["scores"])
        self.best = -np.inf if state["best"] is None else state["best"]
        self.n_no_change = state["n_no_change"]

    def last_score(self) -> dict[str, float]:
        """Score of the last epoch for the progress bar, if there is one."""
        return {"score": self.scores[-1]} if self.scores else {}

    def should_stop(self, coefs: list[np.ndarray], loss: float) -> bool:
        """Record an epoch; return whether it should be the last."""
        quality = -loss if self.score is None else self.score(coefs)
        bound = max(self.scores, default=-np.inf) - self.settings.score_error
        if self.score is None or quality > bound:
            for kept, weights in zip(self.kept, coefs):
                np.copyto(kept, weights)
        if self.score is not None:
            self.scores.append(quality)
        self.n_no_change += 1
        if quality > self.best + self.settings.tol:
            self.best = quality
            self.n_no_change = 0
        return self.n_no_change >= self.settings.n_iter_no_change


def _can_be_summed(coefs: list[np.ndarray]) -> bool:
    """Whether no weight is NaN, infinite or too large for a network."""
    # Comparisons with NaN are false.
    return all(
        -LARGEST_WEIGHT <= weights.min() and weights.max() <= LARGEST_WEIGHT
        for weights in coefs
    )


def _warn_of_divergence(epoch: int, settings: TrainingSettings) -> None:
    """Warn that the loss or a weight is not finite, and name the settings to change."""
    warn_caller(
        f"Training stopped: the loss of epoch {epoch + 1}, or a weight after it, is "
        "not finite. The weights that were kept before, or the initial weights, stay. "
        f"Lower learning_rate_init={settings.learning_rate_init}, or raise "
        f"temperature={settings.temperature} or "
        f"contrastive_temperature={settings.contrastive_temperature} if it is small.",
        ConvergenceWarning,
    )
