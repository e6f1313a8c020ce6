"""Losses of student rows, given their targets.

References
----------
Luxical: High-Speed Lexical-Dense Text Embeddings, :arxiv:`2512.09015`.

Representation Learning with Contrastive Predictive Coding, :arxiv:`1807.03748`.
"""

import numpy as np
import torch
from torch.nn import functional


def cosine_loss(student: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the rows of 1 - cos(student, target).

    Parameters
    ----------
    student : tensor of shape (n_samples, n_components)
        Rows of any length.
    target : tensor of shape (n_samples, n_components)
        Unit rows. The loss of a zero row is 1, without a gradient.

    Returns
    -------
    tensor of shape ()
        Between 0 and 2.
    """
    return 1 - (functional.normalize(student) * target).sum(dim=1).mean()


def similarity_kl_loss(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float
) -> torch.Tensor:
    """The loss of Luxical: how differently two embeddings rank the rows of a batch.

    With G the Gram matrix of the unit rows, without its diagonal, and T the
    temperature::

        P_i = softmax(G_teacher[i] / T),  Q_i = softmax(G_student[i] / T)
        T^2 / n_samples * sum_i KL(P_i || Q_i)

    Parameters
    ----------
    student : tensor of shape (n_samples, n_components)
        Rows of any length.
    teacher : tensor of shape (n_samples, n_teacher_components)
        Rows of any length.
    temperature : float
        T. With a small T, only the nearest neighbours count.

    Returns
    -------
    tensor of shape ()
        At least 0. It is 0 for fewer than three rows, which have no order.
    """
    if len(student) < 3:
        return (student * 0).sum()
    student_logits = _neighbor_similarities(student) / temperature
    teacher_logits = _neighbor_similarities(teacher) / temperature
    divergence = functional.kl_div(
        functional.log_softmax(student_logits, dim=1),
        functional.log_softmax(teacher_logits, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return temperature**2 * divergence


def contrastive_loss(
    first: torch.Tensor,
    second: torch.Tensor,
    temperature: float,
    groups: np.ndarray | None = None,
) -> torch.Tensor:
    """InfoNCE: how badly two views of a document find each other in a batch.

    With S = first second^T of the unit rows, and T the temperature::

        -1 / (2 n_samples) * sum_i (log softmax(S[i] / T)[i]
                                    + log softmax(S[:, i] / T)[i])

    Parameters
    ----------
    first, second : tensor of shape (n_samples, n_components)
        Rows of any length. The rows i of both are the two views of document i.
    temperature : float
        T. With a small T, only the nearest of the other documents count.
    groups : ndarray of shape (n_samples,), dtype=np.intp, or None, default=None
        Numbers of the documents. The views of two documents with the same number are
        copies, and are not compared: they are left out of the sums of the softmax.

    Returns
    -------
    tensor of shape ()
        At least 0. It is log(n_samples) if all views are the same, and 0 for one
        document.
    """
    similarities = functional.normalize(first) @ functional.normalize(second).T
    own = torch.arange(len(first), device=first.device)
    logits = similarities / temperature
    if groups is not None:
        is_copy = groups[:, np.newaxis] == groups
        np.fill_diagonal(is_copy, False)
        if is_copy.any():
            is_left_out = torch.from_numpy(is_copy).to(first.device)
            logits = logits.masked_fill(is_left_out, -torch.inf)
    first_to_second = functional.cross_entropy(logits, own)
    second_to_first = functional.cross_entropy(logits.T, own)
    return (first_to_second + second_to_first) / 2


def _neighbor_similarities(embeddings: torch.Tensor) -> torch.Tensor:
    """Cosines of each row with the others, of shape (n, n - 1)."""
    unit = functional.normalize(embeddings)
    n_samples = len(unit)
    off_diagonal = ~torch.eye(n_samples, dtype=torch.bool, device=unit.device)
    return (unit @ unit.T)[off_diagonal].reshape(n_samples, n_samples - 1)
