"""Losses, as functions of student rows and of what they shall be like.

References
----------
Luxical: High-Speed Lexical-Dense Text Embeddings, :arxiv:`2512.09015`.

Representation Learning with Contrastive Predictive Coding, :arxiv:`1807.03748`.
"""

import torch
from torch.nn import functional


def cosine_loss(student: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean over the rows of 1 - cos(student, target).

    Parameters
    ----------
    student : tensor of shape (n_samples, n_components)
        Rows of any length.
    target : tensor of shape (n_samples, n_components)
        Unit rows; a zero row counts 1 and pulls nowhere.

    Returns
    -------
    tensor of shape ()
        Between 0 and 2.
    """
    return 1 - (functional.normalize(student) * target).sum(dim=1).mean()


def similarity_kl_loss(
    student: torch.Tensor, teacher: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Luxical's loss: how differently two embeddings rank the rows of a batch.

    With G the Gram matrix of the unit rows, its diagonal removed, and T the
    temperature, this is::

        P_i = softmax(G_teacher[i] / T),  Q_i = softmax(G_student[i] / T)
        T^2 / n_samples * sum_i KL(P_i || Q_i)

    Parameters
    ----------
    student : tensor of shape (n_samples, n_components)
        Rows of any length.
    teacher : tensor of shape (n_samples, n_teacher_components)
        Rows of any length.
    temperature : float
        T; a small one looks at the nearest neighbours only.

    Returns
    -------
    tensor of shape ()
        At least 0; 0 for a batch of fewer than three rows, which has no order.
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
    first: torch.Tensor, second: torch.Tensor, temperature: float
) -> torch.Tensor:
    """How badly two views of a document find each other in a batch (InfoNCE).

    With S = first second^T of the unit rows, and T the temperature, this is::

        -1 / (2 n_samples) * sum_i (log softmax(S[i] / T)[i]
                                    + log softmax(S[:, i] / T)[i])

    Parameters
    ----------
    first, second : tensor of shape (n_samples, n_components)
        Rows of any length; row i of both is of one document.
    temperature : float
        T; a small one looks at the nearest of the other documents only.

    Returns
    -------
    tensor of shape ()
        At least 0; log(n_samples) where all views are alike, 0 for one document.
    """
    similarities = functional.normalize(first) @ functional.normalize(second).T
    own = torch.arange(len(first), device=first.device)
    logits = similarities / temperature
    there = functional.cross_entropy(logits, own)
    back = functional.cross_entropy(logits.T, own)
    return (there + back) / 2


def _neighbor_similarities(embeddings: torch.Tensor) -> torch.Tensor:
    """Cosines of each row with the others: (n, n - 1), the diagonal removed."""
    unit = functional.normalize(embeddings)
    n_samples = len(unit)
    off_diagonal = ~torch.eye(n_samples, dtype=torch.bool, device=unit.device)
    return (unit @ unit.T)[off_diagonal].reshape(n_samples, n_samples - 1)
